// SPDX-License-Identifier: GPL-2.0
/*
 * bulk_race_kunit: goslab_bulk_race: what comes in between the batches of a
 * bulk call, forced by hooks: interrupts, drains, another CPU.
 */
#include <linux/goslab.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "front/drain.h"
#include "front/mcache.h"
#include "testlib.h"

#define NAME	"kunit-bulk-race"
#define MANY	600

/**
 * struct race - what a case and its hooks work with.
 * @task: whose steps count.
 * @cache: what is raced about.
 * @c: its class.
 * @p: objects of the bulk calls.
 * @q: objects of the hook.
 * @extra: how many.
 * @times: that the hook stepped in.
 * @most: objects that one entry of the slot moved.
 * @was: what the slot had handed out at the entry before; 0: none.
 * @had: what its magazine had then.
 */
static struct race {
	struct task_struct *task;
	struct goslab_cache *cache;
	struct gs_class *c;
	void *p[MANY];
	void *q[MANY];
	unsigned int extra;
	unsigned int times;
	unsigned int most;
	unsigned long was;
	unsigned int had;
} b;

static void begin(struct kunit *test, size_t size)
{
	memset(&b, 0, sizeof(b));
	b.task = current;
	b.cache = goslab_cache_create(NAME, size, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, b.cache);
	b.c = gs_test_class(NAME);
}

/* All objects are free: the end of the cache reports none. */
static void end(struct kunit *test)
{
	while (b.extra)
		goslab_cache_free(b.cache, b.q[--b.extra]);
	GS_EXPECT_WHOLE(test);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 0,
			  goslab_cache_destroy(b.cache));
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void take(struct kunit *test)
{
	KUNIT_ASSERT_TRUE(test, goslab_cache_alloc_bulk(b.cache, GFP_KERNEL,
							MANY, b.p));
}

/* Step in, at every time that this task comes by. */
static bool step_in(enum gs_hook_point point)
{
	if (!in_task() || current != b.task || b.extra + 2 > MANY)
		return false;
	b.times++;
	return true;
}

/* As an interrupt: the slot is busy, and it needs two objects. */
static void interrupt(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;

	if (slot->class != b.c || !step_in(point))
		return;
	gs_test_hook(point, NULL);
	local_bh_disable();
	b.q[b.extra++] = goslab_cache_alloc(b.cache, GFP_ATOMIC);
	b.q[b.extra++] = goslab_cache_alloc(b.cache, GFP_ATOMIC);
	goslab_cache_free_bulk(b.cache, 1, &b.q[--b.extra]);
	if (!goslab_cache_alloc_bulk(b.cache, GFP_ATOMIC, 1, &b.q[b.extra++]))
		b.extra--;
	local_bh_enable();
	gs_test_hook(point, interrupt);
}

/* How much does an entry move? */
static void measure(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;
	unsigned int moved;

	if (slot->class != b.c || !step_in(point))
		return;
	if (b.was) {
		moved = max_t(unsigned int, gs_test_slot_allocs(slot) - b.was,
			      abs((int)(gs_slot_n(slot) - b.had)));
		b.most = max(b.most, moved);
	}
	b.was = gs_test_slot_allocs(slot);
	b.had = gs_slot_n(slot);
}

/* Between batches, not entered: all that the CPU has goes, or it is another. */
static void drain(enum gs_hook_point point, void *arg)
{
	if (arg == b.c && step_in(point))
		gs_drain_this_cpu(false);
}

static void migrate(enum gs_hook_point point, void *arg)
{
	if (arg == b.c && step_in(point))
		set_cpus_allowed_ptr(current, cpumask_of(gs_test_other_cpu()));
}

static void with_hook(struct kunit *test, enum gs_hook_point point,
		      gs_hook_fn fn, bool half)
{
	unsigned int i, n = half ? MANY / 2 : MANY;

	begin(test, 200);
	take(test);
	if (half)
		goslab_cache_free_bulk(b.cache, n, b.p + n);
	gs_test_hook(point, fn);
	goslab_cache_free_bulk(b.cache, n, b.p);
	take(test);
	gs_test_hook(point, NULL);
	KUNIT_EXPECT_GT(test, b.times, 0U);
	for (i = 0; i < MANY; i++)
		*(u64 *)b.p[i] = i;
	for (i = 0; i < b.extra; i++)
		*(u64 *)b.q[i] = MANY;
	for (i = 0; i < MANY; i++)
		if (*(u64 *)b.p[i] != i)
			KUNIT_FAIL(test, "object %u was given out twice", i);
	gs_test_hook(point, fn);
	goslab_free_bulk(MANY, b.p);
	gs_test_hook(point, NULL);
	if (fn == measure)
		KUNIT_EXPECT_LE(test, b.most, (unsigned int)GS_BATCH_MAX);
	end(test);
}

static void interrupted(struct kunit *test)
{
	with_hook(test, GS_HOOK_ENTERED, interrupt, false);
	with_hook(test, GS_HOOK_ENTERED, interrupt, true);
}

static void a_batch_at_most(struct kunit *test)
{
	with_hook(test, GS_HOOK_ENTERED, measure, false);
}

static void drained(struct kunit *test)
{
	with_hook(test, GS_HOOK_REFILL_LEFT, drain, true);
	with_hook(test, GS_HOOK_DRAIN_LEFT, drain, false);
}

static void migrates(struct kunit *test)
{
	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	with_hook(test, GS_HOOK_REFILL_LEFT, migrate, true);
	with_hook(test, GS_HOOK_DRAIN_LEFT, migrate, false);
}

/* As an interrupt that comes when the slot was left, and frees an object. */
static void leaves_one(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;

	if (slot->class != b.c || !step_in(point))
		return;
	gs_test_hook(point, NULL);
	gs_debug_leave();
	slot->busy = 0;
	goslab_free(b.q[0]);
	slot->busy = 1;
	gs_debug_enter();
}

/* What an interrupt left in an empty slot is not known to be zero. */
static void zero_after_interrupt(struct kunit *test)
{
	begin(test, 200);
	b.q[0] = goslab_cache_alloc(b.cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, b.q[0]);
	memset(b.q[0], 0xa5, 200);
	gs_drain_this_cpu(false);
	gs_test_hook(GS_HOOK_ENTERED, leaves_one);
	KUNIT_ASSERT_TRUE(test,
			  goslab_cache_alloc_bulk(b.cache, GFP_KERNEL | __GFP_ZERO,
						  1, b.p));
	KUNIT_EXPECT_EQ(test, b.times, 1U);
	KUNIT_EXPECT_PTR_EQ(test, b.p[0], b.q[0]);
	KUNIT_EXPECT_NULL(test, memchr_inv(b.p[0], 0, 200));
	goslab_cache_free(b.cache, b.p[0]);
	end(test);
}

static void free_them(void *arg)
{
	goslab_cache_free_bulk(b.cache, MANY, arg);
}

static void other_cpu(struct kunit *test)
{
	unsigned int round;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	begin(test, 64);
	for (round = 0; round < 10; round++) {
		take(test);
		gs_test_on_other_cpu(free_them, b.p);
	}
	end(test);
}

static struct kunit_case bulk_race_cases[] = {
	KUNIT_CASE(interrupted),
	KUNIT_CASE(a_batch_at_most),
	KUNIT_CASE(drained),
	KUNIT_CASE(migrates),
	KUNIT_CASE(zero_after_interrupt),
	KUNIT_CASE(other_cpu),
	{}
};

static struct kunit_suite bulk_race_suite = {
	.name = "goslab_bulk_race",
	GS_TEST_CASES_PINNED,
	.test_cases = bulk_race_cases,
};
kunit_test_suite(bulk_race_suite);
