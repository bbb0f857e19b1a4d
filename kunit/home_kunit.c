// SPDX-License-Identifier: GPL-2.0
/*
 * home_kunit: goslab_home: front/home.c, objects of other spans leave a magazine.
 *
 * With a cache of their own; the case stays on its CPU.
 */
#include <linux/goslab.h>

#include "back/arena.h"
#include "front/mcache.h"
#include "front/sample.h"
#include "testlib.h"

#define NAME	"kunit-home"
#define SIZE	64
/* More than one span has. */
#define MANY	400
/* Of a span, few enough for the magazine to have room for them twice. */
#define FEW	5
/* A sample in 32768 objects, and objects go home at each. */
#define RATE	(32768UL * SIZE)

/**
 * struct two - objects of two spans.
 * @cache: the cache.
 * @c: its class.
 * @p: objects, the first of them of a span that is used up, the last of this CPU's.
 * @n: how many.
 */
struct two {
	struct goslab_cache *cache;
	struct gs_class *c;
	void *p[MANY];
	unsigned int n;
};

static bool is_own(const struct two *t, const void *p)
{
	return gs_arena_span(p) == gs_test_slot(t->c)->span;
}

static struct two *make(struct kunit *test)
{
	struct two *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int own = 0;

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->cache = goslab_cache_create(NAME, SIZE, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, t->cache);
	t->c = gs_test_class(NAME);
	while (own < FEW && t->n < MANY) {
		t->p[t->n] = goslab_cache_alloc(t->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t->p[t->n]);
		own = is_own(t, t->p[t->n]) && !is_own(t, t->p[0]) ? own + 1 : 0;
		t->n++;
	}
	KUNIT_ASSERT_EQ(test, own, 0U + FEW);
	return t;
}

static void unmake(struct kunit *test, struct two *t, unsigned int from, unsigned int to)
{
	for (; from < to; from++)
		goslab_cache_free(t->cache, t->p[from]);
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(t->cache);
}

static void what_is_not_owned_goes(struct kunit *test)
{
	struct two *t = make(test);
	struct gs_slot *slot = gs_test_slot(t->c);
	unsigned int i, n = gs_slot_n(slot);

	for (i = 0; i < FEW; i++) {
		goslab_cache_free(t->cache, t->p[i]);
		goslab_cache_free(t->cache, t->p[t->n - 1 - i]);
	}
	KUNIT_ASSERT_EQ(test, gs_slot_n(slot), n + 2 * FEW);
	gs_home_send(t->c);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n + FEW);
	for (i = 0; i < gs_slot_n(slot); i++)
		KUNIT_EXPECT_TRUE(test, is_own(t, slot->entry[i].object));
	/* The others keep their order. */
	for (i = 0; i < FEW; i++) {
		KUNIT_EXPECT_EQ(test, (int)*gs_test_state(t->p[i]), GS_FREE);
		KUNIT_EXPECT_PTR_EQ(test, slot->entry[n + i].object, t->p[t->n - 1 - i]);
	}
	unmake(test, t, FEW, t->n - FEW);
}

static unsigned int nr_foreign(const struct two *t, const struct gs_slot *slot)
{
	unsigned int i, n = 0;

	for (i = 0; i < gs_slot_n(slot); i++)
		n += !is_own(t, slot->entry[i].object);
	return n;
}

static void more_than_a_batch_go(struct kunit *test)
{
	struct two *t = make(test);
	struct gs_slot *slot = gs_test_slot(t->c);
	unsigned int i, own;

	for (i = 0; nr_foreign(t, slot) <= GS_BATCH_MAX; i++) {
		KUNIT_ASSERT_LT(test, i, t->n - FEW);
		goslab_cache_free(t->cache, t->p[i]);
	}
	own = gs_slot_n(slot) - nr_foreign(t, slot);
	gs_home_send(t->c);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), own);
	KUNIT_EXPECT_EQ(test, nr_foreign(t, slot), 0U);
	unmake(test, t, i, t->n);
}

/* While the slot is entered nothing happens. */
static void busy_slot_is_left_alone(struct kunit *test)
{
	struct two *t = make(test);
	struct gs_slot *slot = gs_test_slot(t->c);
	unsigned int n;

	goslab_cache_free(t->cache, t->p[0]);
	n = gs_slot_n(slot);
	preempt_disable();
	if (gs_slot_enter(slot)) {
		gs_home_send(t->c);
		gs_slot_leave(slot);
	} else {
		KUNIT_FAIL(test, "the slot is busy");
	}
	preempt_enable();
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n);
	gs_home_send(t->c);
	KUNIT_EXPECT_LT(test, gs_slot_n(slot), n);
	unmake(test, t, 1, t->n);
}

/*
 * A CPU that pops and pushes one object of a span that is not its own gets one of its
 * own in the end. Without it, this would go on for ever.
 */
static void samples_send_home(struct kunit *test)
{
	unsigned long rate = gs_sample_rate;
	unsigned int i;
	struct two *t;
	void *p;

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(RATE), 0);
	t = make(test);
	gs_home_send(t->c);
	p = t->p[0];
	KUNIT_ASSERT_FALSE(test, is_own(t, p));
	/* None is due for a hundred times the mean one time in 10^43. */
	for (i = 0; i < 100 * RATE / SIZE && !is_own(t, p); i++) {
		goslab_cache_free(t->cache, p);
		p = goslab_cache_alloc(t->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
	}
	KUNIT_EXPECT_TRUE(test, is_own(t, p));
	goslab_cache_free(t->cache, p);
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(rate), 0);
	unmake(test, t, 1, t->n);
}

static struct kunit_case home_cases[] = {
	KUNIT_CASE(what_is_not_owned_goes),
	KUNIT_CASE(more_than_a_batch_go),
	KUNIT_CASE(busy_slot_is_left_alone),
	KUNIT_CASE(samples_send_home),
	{}
};

static struct kunit_suite home_suite = {
	.name = "goslab_home",
	GS_TEST_CASES_PINNED,
	.test_cases = home_cases,
};
kunit_test_suite(home_suite);
