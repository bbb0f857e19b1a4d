// SPDX-License-Identifier: GPL-2.0
/*
 * rcu_kunit: goslab_rcu: api/free_rcu.c, frees that wait for readers.
 *
 * Under rcu_read_lock() no grace period ends, so what a case sees there is
 * certain to be pending, however long it looks.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "back/arena.h"
#include "front/drain.h"
#include "front/tiny.h"
#include "testlib.h"
#include "watch/scan.h"

#define NAME	"kunit-rcu"
#define MANY	300

/* The head is not at the start, so that it is told apart from the object. */
struct thing {
	u64 before;
	struct rcu_head rcu;
	u64 after;
};

static void *make(struct kunit *test, size_t size)
{
	struct thing *t = goslab_malloc(size, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	memset(t, 0x5a, size);
	return t;
}

/* All but the head is as make() left it. */
static bool holds(struct thing *t, size_t size)
{
	size_t rest = offsetof(struct thing, after);

	return !memchr_inv(t, 0x5a, offsetof(struct thing, rcu)) &&
	       !memchr_inv((void *)t + rest, 0x5a, size - rest);
}

static const size_t sizes[] = {
	24, 32, 100, 1000, 4096, 32768, 32769, 100000, 2 << 20,
};

/* Nothing is given out or changed before the readers are through. */
static void waits_for_readers(struct kunit *test)
{
	struct thing *t[ARRAY_SIZE(sizes)], *q;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		t[i] = make(test, sizes[i]);
	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		goslab_free_rcu(t[i], rcu);
	mdelay(30);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		KUNIT_EXPECT_EQ(test, (int)*gs_test_state(t[i]), GS_PENDING);
		KUNIT_EXPECT_TRUE_MSG(test, holds(t[i], sizes[i]), "%zu bytes",
				      sizes[i]);
		q = goslab_malloc(sizes[i], GFP_ATOMIC);
		KUNIT_EXPECT_PTR_NE(test, q, t[i]);
		goslab_free(q);
	}
	rcu_read_unlock();
	goslab_free_rcu_barrier();
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		if (sizes[i] <= GS_MAX_SMALL)
			KUNIT_EXPECT_LE(test, (int)*gs_test_state(t[i]), GS_CACHED);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void accepts_null(struct kunit *test)
{
	struct thing *t = NULL;

	goslab_free_rcu(t, rcu);
	t = ZERO_SIZE_PTR;
	goslab_free_rcu(t, rcu);
	goslab_free_rcu_mightsleep(NULL);
	goslab_free_rcu_mightsleep(ZERO_SIZE_PTR);
	goslab_free_rcu_barrier();
}

/* A pending object is no longer live, whoever says so and how. */
static void twice(struct kunit *test)
{
	static const size_t some[] = { 100, 100000 };
	struct thing *t;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		t = make(test, some[i]);
		OPTIMIZER_HIDE_VAR(t);
		rcu_read_lock();
		goslab_free_rcu(t, rcu);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_rcu(t, rcu));
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(t));
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_sensitive(t));
		GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
				  KUNIT_EXPECT_EQ(test, goslab_size(t),
						  (size_t)0));
		KUNIT_EXPECT_TRUE(test, holds(t, some[i]));
		KUNIT_EXPECT_EQ(test, (int)*gs_test_state(t), GS_PENDING);
		rcu_read_unlock();
		goslab_free_rcu_barrier();
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_rcu(t, rcu));
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_rcu_mightsleep(t));
	}
}

/* The other order, and of two at once one gets it. */
static void after_free(struct kunit *test)
{
	struct thing *t = make(test, 200);
	u8 *state = gs_test_state(t), was = gs_test_owner(t);

	KUNIT_EXPECT_TRUE(test, gs_span_claim(state));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free_rcu(t, rcu));
	KUNIT_EXPECT_TRUE(test, holds(t, 200));
	*state = was;
	goslab_free(t);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free_rcu(t, rcu));
	KUNIT_EXPECT_EQ(test, (int)*state, GS_CACHED);
}

/* @p, a bad one, is refused by all three. */
static void refused(struct kunit *test, enum gs_report_kind kind, void *p)
{
	struct thing *t = p;

	OPTIMIZER_HIDE_VAR(t);
	GS_EXPECT_REPORTS(test, kind, 1, goslab_free_rcu(t, rcu));
	GS_EXPECT_REPORTS(test, kind, 1, goslab_free_rcu_mightsleep(t));
}

static void bad_pointers(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 64, 0, 0, NULL);
	struct thing *small = make(test, 200), *large = make(test, 70000);
	struct thing *old = goslab_cache_alloc(cache, GFP_KERNEL), local;

	refused(test, GS_BUG_INTERIOR_FREE, (void *)small + 8);
	refused(test, GS_BUG_INTERIOR_FREE, (void *)large + 8192);
	refused(test, GS_BUG_FOREIGN_FREE, &local);
	refused(test, GS_BUG_FOREIGN_FREE, current);
	refused(test, GS_BUG_FOREIGN_FREE, (void *)0x1234567);
	KUNIT_EXPECT_TRUE(test, holds(small, 200));
	KUNIT_EXPECT_TRUE(test, holds(large, 70000));
	goslab_free(small);
	goslab_free(large);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	refused(test, GS_BUG_DEAD_CACHE, old);
	gs_test_bury(test, NAME);
}

/* A head must lie in the object, or it would overwrite another. */
static void bad_heads(struct kunit *test)
{
	struct thing *t = make(test, 64), *tiny;

	GS_EXPECT_REPORTS(test, GS_BUG_NO_HEAD, 1,
			  __goslab_free_rcu((void *)t + 56, t));
	GS_EXPECT_REPORTS(test, GS_BUG_NO_HEAD, 1,
			  __goslab_free_rcu((void *)t - 8, t));
	KUNIT_EXPECT_NULL(test, memchr_inv(t, 0x5a, 64));
	KUNIT_EXPECT_GE(test, (int)*gs_test_state(t), GS_LIVE_MIN);
	__goslab_free_rcu((void *)t + 48, t);
	tiny = goslab_malloc_noscan(8, GFP_KERNEL);
	GS_EXPECT_REPORTS(test, GS_BUG_NO_HEAD, 1, goslab_free_rcu(tiny, rcu));
	KUNIT_EXPECT_EQ(test, goslab_size(tiny), (size_t)8);
	goslab_free_rcu_mightsleep(tiny);
	goslab_free_rcu_barrier();
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(tiny));
}

#define WORDS	16

static void fill_words(void *object)
{
	memset64(object, 0x636f6e7374727563ULL, WORDS);
}

/* Of what a ctor made, the head is overwritten and nothing else. */
static void keeps_constructed(struct kunit *test)
{
	struct goslab_cache *cache;
	unsigned int i, other = 0;
	u64 *p;

	cache = goslab_cache_create(NAME, WORDS * 8, 0, 0, fill_words);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	__goslab_free_rcu((struct rcu_head *)(p + 4), p);
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_PTR_EQ(test, goslab_cache_alloc(cache, GFP_ATOMIC), (void *)p);
	for (i = 0; i < WORDS; i++)
		other += p[i] != 0x636f6e7374727563ULL;
	KUNIT_EXPECT_EQ(test, other, 2U);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
}

/* Without a head, by a note; nothing of the object is overwritten. */
static void noted(struct kunit *test)
{
	void *p[MANY / 3];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc_noscan(3 * i + 1, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free_rcu_mightsleep(p[i]);
	goslab_free_rcu_barrier();
	GS_EXPECT_WHOLE(test);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free(p[i]));
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* No memory for a note: the call waits, and the object is free when it ends. */
static void noted_without_memory(struct kunit *test)
{
	struct thing *t = make(test, 5000);
	u8 *state = gs_test_state(t);
	struct gs_oracle *o = gs_oracle_make(test, 1 << 14);
	void *p;

	goslab_shrink();
	gs_test_fail_draws(1, ULONG_MAX);
	/* What is left of a large page of the kernel has room for notes. */
	while (o->nr < o->max &&
	       (p = goslab_malloc_noscan(sizeof(struct rcu_head), GFP_KERNEL |
					 __GFP_NORETRY | __GFP_NOWARN)))
		gs_oracle_add(o, p, sizeof(struct rcu_head), false);
	gs_test_fail_draws(1, ULONG_MAX);
	goslab_free_rcu_mightsleep(t);
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	KUNIT_EXPECT_EQ(test, (int)*state, GS_CACHED);
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, false).p);
}

static void add_some(void *arg)
{
	struct goslab_cache *cache = arg;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		struct thing *t = goslab_cache_alloc(cache, GFP_KERNEL);

		if (t)
			goslab_free_rcu(t, rcu);
	}
}

/* Whatever is pending then, on whatever CPU: nothing survives a cache. */
static void destroy_waits(struct kunit *test)
{
	struct goslab_cache *cache;
	unsigned int round;

	for (round = 0; round < 5; round++) {
		cache = goslab_cache_create(NAME, sizeof(struct thing), 0, 0,
					    NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		if (gs_test_other_cpu() >= 0)
			gs_test_on_other_cpu(add_some, cache);
		add_some(cache);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	}
}

static unsigned long nr_pending(struct kunit *test)
{
	unsigned long sum = 0;
	struct gs_survey *v;
	unsigned int i;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	mutex_unlock(&gs_class_mutex);
	KUNIT_ASSERT_NOT_NULL(test, v);
	for (i = 0; i < v->nr; i++)
		sum += v->of[i].pending;
	gs_survey_free(v);
	return sum;
}

/* As debugfs counts them; a barrier frees those of both lists. */
static void counted(struct kunit *test)
{
	struct thing *t[10];
	unsigned int i, pending = 0;

	for (i = 0; i < ARRAY_SIZE(t); i++)
		t[i] = make(test, 100);
	rcu_read_lock();
	for (i = 0; i < ARRAY_SIZE(t); i++)
		goslab_free_rcu(t[i], rcu);
	for (i = 0; i < ARRAY_SIZE(t); i++)
		pending += *gs_test_state(t[i]) == GS_PENDING;
	rcu_read_unlock();
	KUNIT_EXPECT_EQ(test, pending, (unsigned int)ARRAY_SIZE(t));
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, nr_pending(test), 0UL);
	/* What is pending for good is seen as such. */
	t[0] = make(test, 100);
	pending = *gs_test_state(t[0]);
	*gs_test_state(t[0]) = GS_PENDING;
	KUNIT_EXPECT_EQ(test, nr_pending(test), 1UL);
	*gs_test_state(t[0]) = pending;
	goslab_free(t[0]);
}

/* With a raw lock held and interrupts off; in an interrupt, in a busy slot. */
static struct thing *inside;

static void free_inside(enum gs_hook_point point, void *arg)
{
	struct thing *t = inside;

	if (!in_task() || !t)
		return;
	inside = NULL;
	local_bh_disable();
	goslab_free_rcu(t, rcu);
	local_bh_enable();
}

static void anywhere(struct kunit *test)
{
	DEFINE_RAW_SPINLOCK(lock);
	struct thing *t = make(test, 64), *u = make(test, 64);
	unsigned long flags;

	raw_spin_lock_init(&lock);
	raw_spin_lock_irqsave(&lock, flags);
	goslab_free_rcu(t, rcu);
	raw_spin_unlock_irqrestore(&lock, flags);
	inside = u;
	gs_test_hook(GS_HOOK_ENTERED, free_inside);
	t = make(test, 64);
	gs_test_hook(GS_HOOK_ENTERED, NULL);
	KUNIT_EXPECT_NULL(test, inside);
	goslab_free(t);
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Free what a broken list left behind. */
static void rescue(struct kunit *test, struct thing *t, u8 was)
{
	KUNIT_EXPECT_EQ(test, (int)*gs_test_state(t), GS_PENDING);
	*gs_test_state(t) = was;
	goslab_free(t);
}

/*
 * A user writes to the head of a pending object: found, not followed. The first
 * one goes alone, the others wait together, the newest first.
 */
static void overwritten(struct kunit *test)
{
	static const unsigned long garbage[] = {
		8, 0x6b6b6b6b6b6b6b6b, ~0UL, 0xffff888000000001,
	};
	struct thing *t[3];
	unsigned int i, n;
	u8 was;

	for (i = 0; i < ARRAY_SIZE(garbage); i++) {
		for (n = 0; n < 3; n++)
			t[n] = make(test, 100);
		was = gs_test_owner(t[0]);
		rcu_read_lock();
		for (n = 0; n < 3; n++)
			goslab_free_rcu(t[n], rcu);
		t[2]->rcu.next = (void *)garbage[i];
		rcu_read_unlock();
		GS_EXPECT_REPORTS(test, GS_BUG_PENDING, 1,
				  goslab_free_rcu_barrier());
		rescue(test, t[1], was);
	}
	/* The address in the head itself is another's: none of its list goes. */
	for (n = 0; n < 3; n++)
		t[n] = make(test, 100);
	rcu_read_lock();
	for (n = 0; n < 3; n++)
		goslab_free_rcu(t[n], rcu);
	t[2]->rcu.func = (void *)t[0];
	rcu_read_unlock();
	GS_EXPECT_REPORTS(test, GS_BUG_PENDING, 1, goslab_free_rcu_barrier());
	rescue(test, t[1], was);
	rescue(test, t[2], was);
}

/* What readers and the writer of published() share. */
static struct {
	struct thing __rcu *thing;
	struct completion done;
	unsigned long reads;
	unsigned long wrong;
	bool stop;
} shared;

static int read_shared(void *unused)
{
	struct thing *t;
	u64 before;

	while (!READ_ONCE(shared.stop)) {
		rcu_read_lock();
		t = rcu_dereference(shared.thing);
		before = READ_ONCE(t->before);
		udelay(shared.reads % 8);
		if (before != READ_ONCE(t->before) || before != ~t->after)
			shared.wrong++;
		rcu_read_unlock();
		shared.reads++;
		if (shared.reads % 64 == 0)
			cond_resched();
	}
	complete(&shared.done);
	return 0;
}

/* What a reader has found stays as it is for as long as it looks. */
static void published(struct kunit *test)
{
	unsigned int i, steps = GS_TEST_STEPS / 20;
	struct task_struct *reader;
	struct thing *t, *old = NULL;

	init_completion(&shared.done);
	shared.stop = false;
	shared.wrong = 0;
	shared.reads = 0;
	for (i = 0; i < steps; i++) {
		t = goslab_malloc(sizeof(*t), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t);
		t->before = i;
		t->after = ~(u64)i;
		rcu_assign_pointer(shared.thing, t);
		if (i == 0) {
			reader = kthread_run(read_shared, NULL, "goslab_reader");
			KUNIT_ASSERT_FALSE(test, IS_ERR(reader));
		}
		goslab_free_rcu(old, rcu);
		old = t;
		if (i % 256 == 0)
			cond_resched();
	}
	while (!READ_ONCE(shared.reads))
		msleep(1);
	WRITE_ONCE(shared.stop, true);
	wait_for_completion(&shared.done);
	goslab_free_rcu(old, rcu);
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, shared.wrong, 0UL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case rcu_cases[] = {
	KUNIT_CASE(waits_for_readers),
	KUNIT_CASE(accepts_null),
	KUNIT_CASE(twice),
	KUNIT_CASE(after_free),
	KUNIT_CASE(bad_pointers),
	KUNIT_CASE(bad_heads),
	KUNIT_CASE(keeps_constructed),
	KUNIT_CASE(noted),
	KUNIT_CASE(noted_without_memory),
	KUNIT_CASE(destroy_waits),
	KUNIT_CASE(counted),
	KUNIT_CASE(anywhere),
	KUNIT_CASE(overwritten),
	KUNIT_CASE(published),
	{}
};

static struct kunit_suite rcu_suite = {
	.name = "goslab_rcu",
	GS_TEST_CASES_PINNED,
	.test_cases = rcu_cases,
};
kunit_test_suite(rcu_suite);
