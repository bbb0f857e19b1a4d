// SPDX-License-Identifier: GPL-2.0
/*
 * action_kunit: goslab_action and goslab_weak: api/action.c, middle/action.c, and the
 * table of middle/special.c with records of all kinds: each way in which an object ends,
 * the order of calls, what is taken back, handles that outlive their object.
 */
#include <linux/completion.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/owner.h"
#include "front/sample.h"
#include "middle/action.h"
#include "middle/special.h"
#include "testlib.h"

#define MANY	200

static unsigned int nr_called;
static struct {
	void *p;
	void *arg;
} calls[MANY];

static void note(void *p, void *arg)
{
	if (nr_called < MANY)
		calls[nr_called] = (typeof(calls[0])){ p, arg };
	nr_called++;
}

static void *arg_of(unsigned int i)
{
	return (void *)(unsigned long)(i + 1);
}

static void add(struct kunit *test, const void *p, unsigned int i)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, goslab_action_add(p, note, arg_of(i), GFP_KERNEL), 0);
}

/* The @n calls since the last time were for @p, with arguments from @first down. */
static void expect_calls(struct kunit *test, const void *p, unsigned int n,
			 unsigned int first)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, nr_called, n);
	for (i = 0; i < min(n, nr_called); i++) {
		KUNIT_EXPECT_PTR_EQ(test, calls[i].p, (void *)p);
		KUNIT_EXPECT_PTR_EQ(test, calls[i].arg, arg_of(first - i));
	}
	nr_called = 0;
}

static int action_init(struct kunit *test)
{
	nr_called = 0;
	return gs_test_init(test);
}

/* No case leaves a record. */
static void action_exit(struct kunit *test)
{
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION), 0UL);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_WEAK), 0UL);
	gs_test_exit(test);
}

static const size_t sizes[] = { 8, 16, 100, 1024, 32 << 10, 100000, 4 << 20 };

static void the_latest_is_called_first(struct kunit *test)
{
	unsigned int k, i;
	void *p;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		p = goslab_malloc(sizes[k], GFP_KERNEL);
		for (i = 0; i < 5; i++)
			add(test, p, i);
		KUNIT_EXPECT_EQ(test, (int)gs_test_owner(p),
				(int)gs_owner_id(&goslab_this_owner));
		KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION), 5UL);
		goslab_free(p);
		expect_calls(test, p, 5, 4);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	}
}

static void *contents;

static void look(void *p, void *arg)
{
	contents = *(void **)p;
	nr_called++;
}

/* The memory is the object's until the last action returned. */
static void it_is_whole_while_called(struct kunit *test)
{
	void **p = goslab_malloc(sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	*p = &contents;
	KUNIT_ASSERT_EQ(test, goslab_action_add(p, look, NULL, GFP_KERNEL), 0);
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, nr_called, 1U);
	KUNIT_EXPECT_PTR_EQ(test, contents, (void *)&contents);
}

static void each_free_calls(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("kunit-action", 200, 0, 0, NULL);
	void *p[3];

	KUNIT_ASSERT_NOT_NULL(test, cache);
	p[0] = goslab_cache_alloc(cache, GFP_KERNEL);
	add(test, p[0], 0);
	goslab_cache_free(cache, p[0]);
	expect_calls(test, p[0], 1, 0);

	KUNIT_ASSERT_TRUE(test, goslab_cache_alloc_bulk(cache, GFP_KERNEL, 3, p));
	add(test, p[1], 1);
	goslab_cache_free_bulk(cache, 3, p);
	expect_calls(test, p[1], 1, 1);

	p[0] = goslab_malloc(300, GFP_KERNEL);
	add(test, p[0], 2);
	goslab_free_bulk(1, p);
	expect_calls(test, p[0], 1, 2);

	p[0] = goslab_stack_alloc(GOSLAB_STACK_MIN, GFP_KERNEL);
	add(test, p[0], 3);
	goslab_stack_free(p[0]);
	expect_calls(test, p[0], 1, 3);

	p[0] = goslab_malloc(300, GFP_KERNEL);
	add(test, p[0], 4);
	goslab_free_sensitive(p[0]);
	expect_calls(test, p[0], 1, 4);

	p[0] = goslab_malloc(300, GFP_KERNEL);
	add(test, p[0], 5);
	goslab_free_nolock(p[0]);
	gs_nolock_flush();
	expect_calls(test, p[0], 1, 5);
	goslab_cache_destroy(cache);
}

/* An object that moves has ended; one that stays has not. */
static void realloc_calls_if_it_moves(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL), *q;

	add(test, p, 0);
	q = goslab_realloc(p, 90, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	expect_calls(test, p, 0, 0);
	q = goslab_realloc(p, 4000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	expect_calls(test, p, 1, 0);
	goslab_free(q);
	expect_calls(test, q, 0, 0);
}

struct reader_sees {
	struct rcu_head rcu;
	int x;
};

/* Readers may be there until the grace period is over; no new ones come. */
static void rcu_readers_first(struct kunit *test)
{
	struct reader_sees *p = goslab_malloc(sizeof(*p), GFP_KERNEL);
	struct goslab_weak *weak;

	add(test, p, 0);
	add(test, p, 1);
	weak = goslab_weak_get(p, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(weak));
	rcu_read_lock();
	goslab_free_rcu(p, rcu);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(weak));
	expect_calls(test, p, 0, 0);
	rcu_read_unlock();
	goslab_free_rcu_barrier();
	expect_calls(test, p, 2, 1);
	goslab_weak_put(weak);

	p = goslab_malloc(sizeof(*p), GFP_KERNEL);
	add(test, p, 2);
	goslab_free_rcu_mightsleep(p);
	goslab_free_rcu_barrier();
	expect_calls(test, p, 1, 2);
}

static void the_end_of_a_heap_calls(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create("kunit-action", NULL);
	struct goslab_weak *weak;
	unsigned int i;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (i = 0; i < MANY; i++) {
		p = goslab_heap_malloc(heap, 64 << i % 12, GFP_KERNEL);
		add(test, p, i);
	}
	weak = goslab_weak_get(p, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(weak));
	goslab_heap_reset(heap);
	KUNIT_EXPECT_EQ(test, nr_called, MANY);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(weak));
	goslab_weak_put(weak);
	nr_called = 0;

	p = goslab_heap_malloc(heap, 100, GFP_KERNEL);
	add(test, p, 0);
	add(test, p, 1);
	goslab_heap_destroy(heap);
	expect_calls(test, p, 2, 1);
}

static void some_are_taken_back(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL);

	add(test, p, 0);
	add(test, p, 1);
	add(test, p, 2);
	KUNIT_EXPECT_TRUE(test, goslab_action_del(p, note, arg_of(1)));
	KUNIT_EXPECT_FALSE(test, goslab_action_del(p, note, arg_of(1)));
	KUNIT_EXPECT_FALSE(test, goslab_action_del(p, look, arg_of(2)));
	KUNIT_EXPECT_EQ(test, *gs_test_state(p), GS_SPECIAL);
	KUNIT_EXPECT_TRUE(test, goslab_action_del(p, note, arg_of(2)));
	KUNIT_EXPECT_TRUE(test, goslab_action_del(p, note, arg_of(0)));
	/* Without a record it is freed as fast as any. */
	if (!gs_sample_rate)
		KUNIT_EXPECT_GE(test, *gs_test_state(p), GS_OWNER_MIN);
	goslab_free(p);
	expect_calls(test, p, 0, 0);
}

/* A new profile drops samples, and nothing else. */
static void samples_come_and_go(struct kunit *test)
{
	unsigned long rate = gs_sample_rate;
	struct goslab_weak *weak;
	void *p;

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	p = goslab_malloc(100, GFP_KERNEL);
	add(test, p, 0);
	weak = goslab_weak_get(p, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(weak));
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 1UL);
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(0), 0);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	KUNIT_EXPECT_EQ(test, *gs_test_state(p), GS_SPECIAL);
	KUNIT_EXPECT_PTR_EQ(test, goslab_weak_value(weak), p);
	goslab_free(p);
	expect_calls(test, p, 1, 0);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(weak));
	goslab_weak_put(weak);
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(rate), 0);
}

static void what_has_no_actions(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL), *tiny;

	KUNIT_ASSERT_NOT_NULL(test, p);
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_action_add(p + 8, note, NULL, GFP_KERNEL),
					  -EINVAL));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_action_add(NULL, note, NULL, GFP_KERNEL),
					  -EINVAL));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_action_add(&nr_called, note, NULL,
								  GFP_KERNEL), -EINVAL));
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, PTR_ERR(goslab_weak_get(p, GFP_KERNEL)),
					  (long)-EINVAL));
	/* With KASAN none shares a block. */
	tiny = goslab_malloc_noscan(3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, tiny);
	if (gs_arena_span(tiny)->state == GS_SPAN_TINY) {
		KUNIT_EXPECT_EQ(test, goslab_action_add(tiny, note, NULL, GFP_KERNEL),
				-EOPNOTSUPP);
		KUNIT_EXPECT_EQ(test, PTR_ERR(goslab_weak_get(tiny, GFP_KERNEL)),
				(long)-EOPNOTSUPP);
	}
	goslab_free(tiny);
	goslab_weak_put(NULL);
}

static void handles_of_an_object_are_one(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL), *q;
	struct goslab_weak *a, *b, *c;

	KUNIT_ASSERT_NOT_NULL(test, p);
	a = goslab_weak_get(p, GFP_KERNEL);
	b = goslab_weak_get(p, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(a));
	KUNIT_EXPECT_PTR_EQ(test, a, b);
	KUNIT_EXPECT_PTR_EQ(test, goslab_weak_value(a), p);
	goslab_weak_put(b);
	KUNIT_EXPECT_PTR_EQ(test, goslab_weak_value(a), p);
	goslab_free(p);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(a));

	/* The next object at its place is another one. */
	q = goslab_malloc(100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	c = goslab_weak_get(q, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(c));
	KUNIT_EXPECT_PTR_NE(test, a, c);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(a));
	goslab_weak_put(a);
	goslab_weak_put(c);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_WEAK), 1UL);
	goslab_free(q);
}

static void free_next(void *p, void *arg)
{
	nr_called++;
	goslab_free(arg);
}

/* An action may free others, which may have actions. */
static void chains(struct kunit *test)
{
	void *p = NULL, *q;
	unsigned int i;

	for (i = 0; i < 8; i++) {
		q = goslab_malloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_ASSERT_EQ(test, goslab_action_add(q, free_next, p, GFP_KERNEL), 0);
		p = q;
	}
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, nr_called, 8U);
}

/* The code of an action goes: the object stays, and is freed like any other. */
static void a_module_goes(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL);

	add(test, p, 0);
	add(test, p, 1);
	KUNIT_EXPECT_EQ(test, gs_action_forget(THIS_MODULE), 2UL);
	goslab_free(p);
	expect_calls(test, p, 0, 0);
}

/* Records that were used before stay with goslab: more than those are asked for. */
static void without_memory(struct kunit *test)
{
	struct goslab_weak *weak;
	unsigned int i, n = 0;
	void *p[MANY];

	for (i = 0; i < MANY; i++) {
		p[i] = goslab_malloc(100, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	gs_test_fail_draws(1, 1000);
	while (n < 30000 && !goslab_action_add(p[n % MANY], note, NULL, GFP_KERNEL))
		n++;
	KUNIT_EXPECT_LT(test, n, 30000U);
	weak = goslab_weak_get(p[0], GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(weak), (long)-ENOMEM);
	gs_test_end_draws();
	for (i = 0; i < MANY; i++)
		goslab_free(p[i]);
	KUNIT_EXPECT_EQ(test, nr_called, n);
}

/* One of two CPUs that free, add and read. */
struct racer {
	struct completion done;
	struct goslab_weak *weak;
	struct reader_sees *p;
	unsigned long seen;
	bool stop;
};

static int read_weak(void *arg)
{
	struct racer *r = arg;
	struct reader_sees *p;

	while (!READ_ONCE(r->stop)) {
		rcu_read_lock();
		p = goslab_weak_value(READ_ONCE(r->weak));
		/* It has its contents as long as a reader may see it. */
		if (p && READ_ONCE(p->x) != 4711)
			r->seen = ULONG_MAX;
		else if (p && r->seen != ULONG_MAX)
			r->seen++;
		rcu_read_unlock();
		/* On kernels without preemption this ends grace periods. */
		schedule();
	}
	complete(&r->done);
	return 0;
}

static void readers_see_it_whole_or_not(struct kunit *test)
{
	struct racer r = { };
	struct task_struct *task;
	unsigned long end = jiffies + 2 * HZ;
	unsigned int i;

	init_completion(&r.done);
	r.p = goslab_zalloc(sizeof(*r.p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, r.p);
	r.p->x = 4711;
	r.weak = goslab_weak_get(r.p, GFP_KERNEL);
	KUNIT_ASSERT_FALSE(test, IS_ERR(r.weak));
	task = kthread_run(read_weak, &r, "kunit-weak");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	/* A grace period may take some ticks. */
	for (i = 0; i < 2000 && time_before(jiffies, end); i++) {
		struct reader_sees *p = goslab_zalloc(sizeof(*p), GFP_KERNEL);
		struct goslab_weak *old = r.weak, *weak;

		KUNIT_EXPECT_NOT_NULL(test, p);
		if (!p)
			break;
		p->x = 4711;
		weak = goslab_weak_get(p, GFP_KERNEL);
		KUNIT_EXPECT_FALSE(test, IS_ERR(weak));
		if (IS_ERR(weak)) {
			goslab_free(p);
			break;
		}
		WRITE_ONCE(r.weak, weak);
		goslab_free_rcu(r.p, rcu);
		r.p = p;
		/* Users of a handle end before it is put. */
		synchronize_rcu();
		goslab_weak_put(old);
	}
	KUNIT_EXPECT_GT(test, i, 1U);
	WRITE_ONCE(r.stop, true);
	wait_for_completion(&r.done);
	KUNIT_EXPECT_NE(test, r.seen, ULONG_MAX);
	goslab_free(r.p);
	goslab_weak_put(r.weak);
}

/* A live object of the walk, and what it has. */
struct subject {
	void *p;
	struct goslab_weak *weak;
	unsigned int actions;
};

static void end_subject(struct kunit *test, struct subject *s)
{
	nr_called = 0;
	goslab_free(s->p);
	KUNIT_EXPECT_EQ(test, nr_called, s->actions);
	if (s->weak) {
		KUNIT_EXPECT_NULL(test, goslab_weak_value(s->weak));
		goslab_weak_put(s->weak);
	}
	*s = (struct subject){ };
}

static void random_walk(struct kunit *test)
{
	struct subject *all = kunit_kcalloc(test, MANY, sizeof(*all), GFP_KERNEL);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int step, records = 0, i;

	KUNIT_ASSERT_NOT_NULL(test, all);
	for (step = 0; step < GS_TEST_STEPS / 10; step++) {
		struct subject *s = &all[gs_rnd_below(&rnd, MANY)];

		switch (s->p ? gs_rnd_below(&rnd, 5) : 5) {
		case 0:
			records -= s->actions;
			end_subject(test, s);
			break;
		case 1:
		case 2:
			KUNIT_ASSERT_EQ(test, goslab_action_add(s->p, note, s, GFP_KERNEL), 0);
			s->actions++;
			records++;
			break;
		case 3:
			KUNIT_ASSERT_EQ(test, goslab_action_del(s->p, note, s), s->actions > 0);
			records -= s->actions > 0;
			s->actions -= s->actions > 0;
			break;
		case 4:
			if (!s->weak)
				s->weak = goslab_weak_get(s->p, GFP_KERNEL);
			KUNIT_ASSERT_FALSE(test, IS_ERR(s->weak));
			KUNIT_ASSERT_PTR_EQ(test, goslab_weak_value(s->weak), s->p);
			break;
		case 5:
			s->p = goslab_malloc(gs_rnd_log(&rnd, 8, 100000), GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, s->p);
		}
		if (step % GS_TEST_VERIFY_EACH == 0)
			KUNIT_ASSERT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION),
					(unsigned long)records);
	}
	for (i = 0; i < MANY; i++)
		if (all[i].p)
			end_subject(test, &all[i]);
}

static struct kunit_case action_cases[] = {
	KUNIT_CASE(the_latest_is_called_first),
	KUNIT_CASE(it_is_whole_while_called),
	KUNIT_CASE(each_free_calls),
	KUNIT_CASE(realloc_calls_if_it_moves),
	KUNIT_CASE(rcu_readers_first),
	KUNIT_CASE(the_end_of_a_heap_calls),
	KUNIT_CASE(some_are_taken_back),
	KUNIT_CASE(samples_come_and_go),
	KUNIT_CASE(what_has_no_actions),
	KUNIT_CASE(handles_of_an_object_are_one),
	KUNIT_CASE(chains),
	KUNIT_CASE(a_module_goes),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(readers_see_it_whole_or_not),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite action_suite = {
	.name = "goslab_action",
	.suite_init = gs_test_suite_init,
	.init = action_init,
	.exit = action_exit,
	.test_cases = action_cases,
};

kunit_test_suite(action_suite);
