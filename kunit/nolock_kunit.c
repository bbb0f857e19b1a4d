// SPDX-License-Identifier: GPL-2.0
/*
 * nolock_kunit: goslab_nolock: api/nolock.c, calls for any context.
 *
 * What an NMI could meet is met by hooks that run with a slot entered: there
 * the calls must neither use the slot nor wait.
 */
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "api/api.h"
#include "back/arena.h"
#include "front/drain.h"
#include "front/hooks.h"
#include "front/tiny.h"
#include "testlib.h"

#define NAME	"kunit-nolock"
#define MANY	200

/* Have one of the objects of malloc of @size in this CPU's slot. */
static void prime(struct kunit *test, size_t size)
{
	void *p = goslab_malloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_free(p);
}

static const size_t sizes[] = { 5, 100, 1000, 8192, 20000, 32768 };

static void takes_what_lies_ready(struct kunit *test)
{
	unsigned int i;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		prime(test, sizes[i]);
		p = goslab_malloc_nolock(sizes[i], 0, NUMA_NO_NODE);
		KUNIT_ASSERT_NOT_NULL_MSG(test, p, "%zu bytes", sizes[i]);
		KUNIT_EXPECT_GE(test, goslab_size(p), sizes[i]);
		KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
		memset(p, 0xa5, goslab_size(p));
		goslab_free_nolock(p);
		gs_nolock_flush();
		/* The same one, for it was the youngest. */
		p = goslab_malloc_nolock(sizes[i], __GFP_ZERO | __GFP_ACCOUNT, 0);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, sizes[i]));
		goslab_free(p);
	}
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Nothing there: not now, but soon. */
static void refilled(struct kunit *test)
{
	unsigned int i, n;
	void *p[4];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(sizes[i], 0,
							     NUMA_NO_NODE));
		gs_nolock_flush();
		for (n = 0; n < ARRAY_SIZE(p); n++) {
			p[n] = goslab_malloc_nolock(sizes[i], 0, NUMA_NO_NODE);
			if (!p[n])
				break;
		}
		KUNIT_EXPECT_GE_MSG(test, n, sizes[i] > 4096 ? 1U : 4U,
				    "%zu bytes", sizes[i]);
		/* And the last of them is followed by more. */
		gs_nolock_flush();
		while (n--)
			goslab_free(p[n]);
	}
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void no_memory(enum gs_hook_point point, void *arg)
{
	*(u64 *)arg = 0;
}

/* No memory to refill with: still not, and once there is some, it works. */
static void refill_fails(struct kunit *test)
{
	void *p;

	gs_test_hook(GS_HOOK_SYS_DRAW, no_memory);
	KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(500, 0, NUMA_NO_NODE));
	gs_nolock_flush();
	KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(500, 0, NUMA_NO_NODE));
	gs_nolock_flush();
	gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
	KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(500, 0, NUMA_NO_NODE));
	gs_nolock_flush();
	p = goslab_malloc_nolock(500, 0, NUMA_NO_NODE);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goslab_free_nolock(p);
	gs_nolock_flush();
}

static void bad_arguments(struct kunit *test)
{
	static const gfp_t bad[] = { GFP_KERNEL, GFP_ATOMIC, __GFP_DMA,
				     __GFP_NOFAIL, __GFP_ZERO | __GFP_NOWARN };
	unsigned int i;

	prime(test, 64);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		GS_EXPECT_REPORTS(test, GS_BUG_BAD_GFP, 1,
				  KUNIT_EXPECT_NULL(test,
						    goslab_malloc_nolock(64, bad[i],
									 NUMA_NO_NODE)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(64, 0, -2)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(64, 0,
								       MAX_NUMNODES)));
	KUNIT_EXPECT_PTR_EQ(test, goslab_malloc_nolock(0, 0, NUMA_NO_NODE),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(32769, 0, NUMA_NO_NODE));
	KUNIT_EXPECT_NULL(test, goslab_malloc_nolock(SIZE_MAX, 0, NUMA_NO_NODE));
}

/* A module that goslab has not met: its name is noted, the number comes later. */
static void strange_module(struct kunit *test)
{
	struct goslab_owner owner = { .name = "kunit_nolock_stranger" };
	void *p;

	prime(test, 64);
	/* Known from an earlier run of this case, if there was one. */
	p = __goslab_malloc_nolock(64, 0, NUMA_NO_NODE, &owner);
	goslab_free(p);
	gs_nolock_flush();
	p = __goslab_malloc_nolock(64, 0, NUMA_NO_NODE, &owner);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NE(test, (int)owner.id, 0);
	KUNIT_EXPECT_NE(test, owner.id, goslab_this_owner.id);
	KUNIT_EXPECT_EQ(test, gs_test_owner(p), owner.id);
	goslab_free(p);
	gs_nolock_flush();
}

/* What a hook in an entered slot does and finds. */
static struct {
	struct task_struct *task;
	struct gs_class *c;
	size_t size;
	void *give;
	void *got;
	void *other;
	unsigned int n_before;
	unsigned int n_after;
	int state;
	unsigned int times;
} inside;

static void use_inside(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;

	if (!in_task() || current != inside.task || slot->class != inside.c)
		return;
	gs_test_hook(GS_HOOK_ENTERED, NULL);
	inside.times++;
	inside.n_before = gs_slot_n(slot);
	inside.got = goslab_malloc_nolock(inside.size, 0, NUMA_NO_NODE);
	goslab_free_nolock(inside.give);
	inside.other = goslab_malloc_nolock(5000, 0, NUMA_NO_NODE);
	inside.n_after = gs_slot_n(slot);
	inside.state = *gs_test_state(inside.give);
}

static void set_inside(const char *class, size_t size, void *give)
{
	memset(&inside, 0, sizeof(inside));
	inside.task = current;
	inside.c = gs_test_class(class);
	inside.size = size;
	inside.give = give;
	gs_test_hook(GS_HOOK_ENTERED, use_inside);
}

/*
 * The slot was left alone, and the free is put off. @again: NULL, or an object that was
 * allocated when the slot was left: it may be the one that was just freed.
 */
static void expect_refused(struct kunit *test, const void *again)
{
	KUNIT_EXPECT_EQ(test, inside.times, 1U);
	KUNIT_EXPECT_NULL(test, inside.got);
	KUNIT_EXPECT_EQ(test, inside.n_before, inside.n_after);
	KUNIT_EXPECT_EQ(test, inside.state, GS_DEFERRED);
	gs_nolock_flush();
	if (again != inside.give)
		KUNIT_EXPECT_LE(test, (int)*gs_test_state(inside.give), GS_CACHED);
	goslab_free(inside.other);
}

static void in_entered_slot(struct kunit *test)
{
	void *p[3];
	unsigned int i;

	prime(test, 5000);
	for (i = 0; i < 3; i++)
		p[i] = goslab_malloc(256, GFP_KERNEL);
	/* In an allocation, then in a free. */
	set_inside("malloc-256", 256, p[0]);
	p[0] = goslab_malloc(256, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, inside.other);
	expect_refused(test, p[0]);
	set_inside("malloc-256", 256, p[1]);
	goslab_free(p[2]);
	KUNIT_EXPECT_NOT_NULL(test, inside.other);
	expect_refused(test, NULL);
	goslab_free(p[0]);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* A CPU notes a few objects; the work looks for the others by their states. */
static void more_than_are_noted(struct kunit *test)
{
	static void *p[50];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_malloc(40000, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	/* The work cannot come in between. */
	preempt_disable();
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free_nolock(p[i]);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		KUNIT_EXPECT_EQ(test, (int)*gs_test_state(p[i]), GS_DEFERRED);
	preempt_enable();
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Where a slot gives its objects or its room away it is entered, too. */
static void in_slot_that_gives_way(struct kunit *test)
{
	unsigned long parked = gs_max_parked;
	unsigned int i, round;
	void *p[64], *q;

	q = goslab_malloc(256, GFP_KERNEL);
	prime(test, 256);
	prime(test, 1000);
	/* No room left: a class that grows takes that of one that is idle, of 256. */
	gs_max_parked = raw_cpu_ptr(&gs_mcache)->cap_bytes;
	gs_max_parked_set = true;
	set_inside("malloc-256", 256, q);
	for (round = 0; round < 5000 && !inside.times; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = goslab_malloc(400, GFP_KERNEL);
			goslab_free(goslab_malloc(1000, GFP_KERNEL));
		}
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			goslab_free(p[i]);
			goslab_free(goslab_malloc(1000, GFP_KERNEL));
		}
	}
	gs_max_parked = parked;
	gs_max_parked_set = false;
	expect_refused(test, NULL);

	/* The last step of a drain takes the room. */
	q = goslab_malloc(256, GFP_KERNEL);
	gs_drain_this_cpu(false);
	set_inside("malloc-256", 256, q);
	gs_mcache_drop_cap(gs_test_slot(inside.c), gs_walk_here());
	expect_refused(test, NULL);
	GS_EXPECT_WHOLE(test);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void fill_bytes(void *object)
{
	memset(object, 0x77, 120);
}

/* The state right after the free. The work that ends it runs on this CPU. */
static int free_and_look(void *p)
{
	u8 *state = gs_test_state(p);
	int was;

	preempt_disable();
	goslab_free_nolock(p);
	was = *state;
	preempt_enable();
	return was;
}

/* Without a slot on this CPU all of them are put off, and nothing is written. */
static void every_kind(struct kunit *test)
{
	static const struct goslab_cache_args args = { .ctor = fill_bytes };
	struct goslab_cache *a, *b;
	struct goslab_heap *heap;
	unsigned int i, k;
	void *p[8];

	a = goslab_cache_create_args(NAME "-a", 120, &args, 0);
	b = goslab_cache_create_args(NAME "-b", 120, NULL,
				     GOSLAB_TYPESAFE_BY_RCU);
	heap = goslab_heap_create(NAME, 0);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (k = 0; k < 3; k++) {
		p[0] = goslab_malloc(120, GFP_KERNEL);
		p[1] = goslab_malloc_noscan(120, GFP_KERNEL);
		p[2] = goslab_malloc(100000, GFP_KERNEL);
		p[3] = goslab_cache_alloc(a, GFP_KERNEL);
		p[4] = goslab_cache_alloc(b, GFP_KERNEL);
		p[5] = goslab_heap_malloc(heap, 120, GFP_KERNEL);
		p[6] = goslab_heap_malloc(heap, 100000, GFP_KERNEL);
		p[7] = goslab_malloc(32768, GFP_KERNEL);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			memset(p[i], 0x77, 120);
		gs_drain_all();
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			KUNIT_EXPECT_EQ_MSG(test, free_and_look(p[i]),
					    GS_DEFERRED, "kind %u", i);
			KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0x77, 120));
			GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
					  goslab_free_nolock(p[i]));
			GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
					  goslab_free(p[i]));
		}
		gs_nolock_flush();
		for (i = 0; i < ARRAY_SIZE(p); i++)
			GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
					  goslab_free_nolock(p[i]));
	}
	goslab_cache_destroy(a);
	goslab_cache_destroy(b);
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Their block goes with the last one, which may be freed in either way. */
static void tiny(struct kunit *test)
{
	u8 *p[MANY];
	unsigned int i;

	for (i = 0; i < MANY; i++)
		p[i] = goslab_malloc_noscan(i % 15 + 1, GFP_KERNEL);
	gs_drain_all();
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1,
			  goslab_free_nolock(p[14] + 1));
	for (i = 0; i < MANY; i++) {
		if (i % 3)
			goslab_free_nolock(p[i]);
		else
			goslab_free(p[i]);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_nolock(p[i]));
	}
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* A slot with room takes the object at once, unless hooks want it or it is a sample. */
static void freed_at_once(struct kunit *test)
{
	void *p = goslab_malloc(300, GFP_KERNEL);
	u8 *state = gs_test_state(p);
	bool later = gs_hook_free_wanted() || *state == GS_SPECIAL;

	prime(test, 300);
	gs_mcache_grow_cap(gs_test_class("malloc-320"));
	goslab_free_nolock(p);
	KUNIT_EXPECT_EQ(test, (int)*state,
			later ? GS_DEFERRED : GS_CACHED);
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, (int)*state, GS_CACHED);
}

static int global;

static void bad_pointers(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 64, 0, 0, NULL);
	void *small = goslab_malloc(200, GFP_KERNEL);
	void *large = goslab_malloc(70000, GFP_KERNEL);
	void *old = goslab_cache_alloc(cache, GFP_KERNEL);
	u8 *state = gs_test_state(small), was = *state;
	struct {
		void *p;
		enum gs_report_kind kind;
	} const bad[] = {
		{ small + 8, GS_BUG_INTERIOR_FREE },
		{ large + 8192, GS_BUG_INTERIOR_FREE },
		{ &global, GS_BUG_FOREIGN_FREE },
		{ current, GS_BUG_FOREIGN_FREE },
		{ (void *)0x1234567, GS_BUG_FOREIGN_FREE },
		{ (void *)~7UL, GS_BUG_FOREIGN_FREE },
		{ old, GS_BUG_DEAD_CACHE },
	};
	unsigned int i;

	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		GS_EXPECT_REPORTS(test, bad[i].kind, 1,
				  goslab_free_nolock(bad[i].p));
	*state = GS_HELD + 1;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, goslab_free_nolock(small));
	*state = was;
	goslab_free_nolock(NULL);
	goslab_free_nolock(ZERO_SIZE_PTR);
	goslab_free(small);
	goslab_free(large);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free_nolock(small));
	gs_test_bury(test, NAME);
}

static void give_all(void *arg)
{
	void **p = arg;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		goslab_free_nolock(p[i]);
}

/* Ends wait for what is put off, wherever it was. */
static void ends_wait(struct kunit *test)
{
	void **p = kunit_kmalloc_array(test, MANY, sizeof(*p), GFP_KERNEL);
	struct goslab_cache *cache;
	unsigned int i, round;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (round = 0; round < 6; round++) {
		cache = goslab_cache_create(NAME, 2000, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		for (i = 0; i < MANY; i++)
			p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		gs_drain_all();
		if (round % 2 && gs_test_other_cpu() >= 0)
			gs_test_on_other_cpu(give_all, p);
		else
			give_all(p);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	}
}

/* A flush on another CPU while a call is on its way to ask for the work. */
static struct {
	struct work_struct work;
	struct task_struct *task;
	bool in_call;
	bool flushed;
} meanwhile;

static void flush_meanwhile(struct work_struct *work)
{
	while (!READ_ONCE(meanwhile.in_call))
		msleep(1);
	gs_nolock_flush();
	WRITE_ONCE(meanwhile.flushed, true);
}

static void let_flush(enum gs_hook_point point, void *arg)
{
	unsigned int ms;

	if (!in_task() || current != meanwhile.task)
		return;
	gs_test_hook(GS_HOOK_NOLOCK_ASK, NULL);
	WRITE_ONCE(meanwhile.in_call, true);
	for (ms = 0; ms < 5000 && !READ_ONCE(meanwhile.flushed); ms++)
		mdelay(1);
}

/* What comes before the end of a call does not hide its work from a flush. */
static void flushed_while_asked(struct kunit *test)
{
	void *p;
	u8 *state;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	p = goslab_malloc(200, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	state = gs_test_state(p);
	/* Without room in a slot the free is put off. */
	gs_drain_all();
	gs_nolock_flush();
	memset(&meanwhile, 0, sizeof(meanwhile));
	meanwhile.task = current;
	INIT_WORK(&meanwhile.work, flush_meanwhile);
	schedule_work_on(gs_test_other_cpu(), &meanwhile.work);
	gs_test_hook(GS_HOOK_NOLOCK_ASK, let_flush);
	goslab_free_nolock(p);
	KUNIT_EXPECT_TRUE(test, meanwhile.in_call);
	KUNIT_EXPECT_TRUE(test, meanwhile.flushed);
	gs_nolock_flush();
	KUNIT_EXPECT_LE(test, (int)*state, GS_CACHED);
	WRITE_ONCE(meanwhile.in_call, true);
	flush_work(&meanwhile.work);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case nolock_cases[] = {
	KUNIT_CASE(takes_what_lies_ready),
	KUNIT_CASE(refilled),
	KUNIT_CASE(refill_fails),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(strange_module),
	KUNIT_CASE(in_entered_slot),
	KUNIT_CASE(more_than_are_noted),
	KUNIT_CASE(in_slot_that_gives_way),
	KUNIT_CASE(every_kind),
	KUNIT_CASE(tiny),
	KUNIT_CASE(freed_at_once),
	KUNIT_CASE(bad_pointers),
	KUNIT_CASE(ends_wait),
	KUNIT_CASE(flushed_while_asked),
	{}
};

static struct kunit_suite nolock_suite = {
	.name = "goslab_nolock",
	GS_TEST_CASES_PINNED,
	.test_cases = nolock_cases,
};
kunit_test_suite(nolock_suite);
