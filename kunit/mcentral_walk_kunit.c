// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral_walk_kunit: goslab_mcentral_walk: middle/mcentral.c at random.
 *
 * Objects of a class of the suite's own go out in batches, by owned spans, and
 * back in any order; the oracle knows which are out, the lists must agree.
 */
#include <linux/topology.h>

#include "middle/class.h"
#include "testlib.h"

#define SIZE	1024

/* Static, for spans that a failed case leaves behind name it. */
static struct gs_class class;
static struct mcentral *mc;

/**
 * struct walk - where a walk is.
 * @rnd: what comes next.
 * @o: objects that are out, their state bytes as tags.
 * @own: spans that the walk owns.
 * @nr_own: how many.
 */
struct walk {
	struct gs_rnd rnd;
	struct gs_oracle *o;
	struct mspan *own[4];
	unsigned int nr_own;
};

static void keep(struct walk *w, const struct gs_entry *e, unsigned int n)
{
	for (; n--; e++)
		gs_oracle_add(w->o, e->object, SIZE, false)->tag =
			(unsigned long)e->state;
}

static void get_some(struct kunit *test, struct walk *w)
{
	struct gs_entry e[GS_BATCH_MAX];
	struct mspan *own = NULL, *old = NULL;
	unsigned int n, want = 1 + gs_rnd_below(&w->rnd, GS_BATCH_MAX);
	bool may_own = w->nr_own < ARRAY_SIZE(w->own) &&
		       gs_rnd_below(&w->rnd, 2);

	if (w->nr_own && gs_rnd_below(&w->rnd, 2))
		old = w->own[--w->nr_own];
	n = gs_mcentral_get(mc, old, e, want, may_own ? &own : NULL);
	if (!n && w->nr_own < ARRAY_SIZE(w->own)) {
		own = gs_class_new_span(&class, numa_mem_id(), GFP_KERNEL, false);
		KUNIT_ASSERT_NOT_NULL(test, own);
		n = gs_mcentral_add(mc, own, e, want);
	}
	if (own)
		w->own[w->nr_own++] = own;
	keep(w, e, n);
}

/* As the fast path does. */
static void pop(struct walk *w)
{
	struct mspan *s = w->own[gs_rnd_below(&w->rnd, w->nr_own)];
	struct gs_entry e;
	unsigned int i;

	if (!s->alloc_cache && !gs_span_next_window(s))
		return;
	i = s->free_index + __ffs64(s->alloc_cache);
	s->alloc_cache &= s->alloc_cache - 1;
	e = (struct gs_entry){ gs_span_object(s, i), &s->objects[i] };
	*e.state = GS_CACHED;
	keep(w, &e, 1);
}

static void put_some(struct walk *w)
{
	struct gs_entry e[GS_BATCH_MAX];
	unsigned int n, want = 1 + gs_rnd_below(&w->rnd, GS_BATCH_MAX);

	for (n = 0; n < want && w->o->nr; n++) {
		struct gs_live was = gs_oracle_remove(w->o,
			gs_rnd_below(&w->rnd, w->o->nr), false);

		e[n] = (struct gs_entry){ was.p, (u8 *)was.tag };
	}
	gs_mcentral_put(&class, e, n);
}

static void step(struct kunit *test, struct walk *w)
{
	unsigned int i;

	switch (gs_rnd_below(&w->rnd, 16)) {
	case 0 ... 2:
		if (!w->nr_own)
			break;
		i = gs_rnd_below(&w->rnd, w->nr_own);
		gs_mcentral_put_span(w->own[i]);
		w->own[i] = w->own[--w->nr_own];
		break;
	case 3 ... 6:
		put_some(w);
		break;
	case 7 ... 8:
		if (w->o->nr + GS_BATCH_MAX < w->o->max)
			get_some(test, w);
		break;
	default:
		if (w->nr_own && w->o->nr < w->o->max)
			pop(w);
	}
}

static void random_walk(struct kunit *test)
{
	struct walk w = {
		.rnd = gs_rnd_start(test), .o = gs_oracle_make(test, 150),
	};
	unsigned int n;

	class = (struct gs_class){ .name = "mcentral_walk" };
	KUNIT_ASSERT_EQ(test, gs_class_init(&class, SIZE, 8), 0);
	mc = gs_class_central(&class, numa_mem_id());
	for (n = 0; n < GS_TEST_STEPS; n++) {
		step(test, &w);
		if (mc->nr_owned + atomic_read(&mc->nr_fresh) != w.nr_own ||
		    gs_mcentral_nr_spans(mc) < w.nr_own)
			break;
		if (n % GS_TEST_VERIFY_EACH == 0)
			KUNIT_ASSERT_EQ_MSG(test, gs_mcentral_verify(mc), 0,
					    "step %u", n);
	}
	KUNIT_EXPECT_EQ(test, n, GS_TEST_STEPS);
	while (w.nr_own)
		gs_mcentral_put_span(w.own[--w.nr_own]);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
	while (w.o->nr)
		put_some(&w);
	KUNIT_ASSERT_EQ(test, mc->nr_spans, 0);
	gs_class_exit(&class);
}

static struct kunit_case mcentral_walk_cases[] = {
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite mcentral_walk_suite = {
	.name = "goslab_mcentral_walk",
	GS_TEST_CASES,
	.test_cases = mcentral_walk_cases,
};
kunit_test_suite(mcentral_walk_suite);
