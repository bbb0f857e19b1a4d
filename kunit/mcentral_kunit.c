// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral_kunit: goslab_mcentral: middle/mcentral.c, the lists of one class.
 *
 * The class is the suite's own and on no list, without slots: 8 objects of
 * 1 KiB to a span. The cases are its only mcache.
 */
#include <linux/goslab.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "back/mheap.h"
#include "back/pagecache.h"
#include "base/sys.h"
#include "middle/class.h"
#include "testlib.h"

#define SIZE	1024
#define NELEMS	8

/* Static, for spans that a failed case leaves behind name it. */
static struct gs_class class;
static struct mcentral *mc;

static int mcentral_init(struct kunit *test)
{
	int ret = gs_test_init(test);

	class = (struct gs_class){ .name = "mcentral" };
	ret = ret ?: gs_class_init(&class, SIZE, 8);
	mc = ret ? NULL : gs_class_central(&class, numa_mem_id());
	return ret;
}

/* The case has put all back. */
static void mcentral_exit(struct kunit *test)
{
	if (mc) {
		KUNIT_EXPECT_EQ(test, mc->nr_spans, 0);
		KUNIT_EXPECT_EQ(test, mc->nr_owned, 0);
		KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
		if (!mc->nr_spans)
			gs_class_exit(&class);
	}
	gs_test_exit(test);
}

/* A fresh span, owned; its first object in @e. */
static struct mspan *add(struct kunit *test, struct gs_entry *e)
{
	struct mspan *s = gs_class_new_span(&class, numa_mem_id(), GFP_KERNEL, false);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, gs_mcentral_add(mc, s, e, 1), 1);
	KUNIT_ASSERT_EQ(test, s->nelems, NELEMS);
	return s;
}

/* @n spans that nobody owns and that have all objects but one, in @e. */
static void add_partial(struct kunit *test, struct gs_entry *e, unsigned int n)
{
	while (n--)
		gs_mcentral_put_span(add(test, e++));
}

static unsigned int length(const struct list_head *list)
{
	const struct list_head *at;
	unsigned int n = 0;

	list_for_each(at, list)
		n++;
	return n;
}

static void expect_lists(struct kunit *test, unsigned int partial,
			 unsigned int full, unsigned int owned)
{
	/* First, for it counts the spans that were taken up without the lock. */
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
	KUNIT_EXPECT_EQ(test, length(&mc->partial), partial);
	KUNIT_EXPECT_EQ(test, length(&mc->full), full);
	KUNIT_EXPECT_EQ(test, mc->nr_owned, owned);
	KUNIT_EXPECT_EQ(test, mc->nr_spans, partial + full + owned);
}

static void put(struct gs_entry *e, unsigned int n)
{
	gs_mcentral_put(&class, e, n);
}

/* The owner hands out all that an owned span has free. */
static void exhaust(struct mspan *s)
{
	gs_span_next_window(s);
	s->alloc_cache = 0;
	memset(s->objects, GS_CACHED, NELEMS);
}

/* All of @s that was taken goes back. */
static void put_rest(struct mspan *s)
{
	struct gs_entry e[NELEMS];
	unsigned int i, n = 0;

	for (i = 0; i < NELEMS; i++) {
		if (!test_bit(i, gs_span_alloc_bits(s)))
			continue;
		s->objects[i] = GS_CACHED;
		e[n++] = (struct gs_entry){ gs_span_object(s, i),
					    &s->objects[i] };
	}
	put(e, n);
}

static void an_empty_one_has_nothing(struct kunit *test)
{
	struct mspan *own = NULL;
	struct gs_entry e[GS_BATCH_MAX];

	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e, GS_BATCH_MAX, &own), 0);
	KUNIT_EXPECT_NULL(test, own);
	put(e, 0);
	expect_lists(test, 0, 0, 0);
}

static void a_fresh_span_is_owned(struct kunit *test)
{
	struct gs_entry e;
	struct mspan *s = add(test, &e);

	KUNIT_EXPECT_EQ(test, *e.state, GS_CACHED);
	KUNIT_EXPECT_PTR_EQ(test, e.object, (void *)s->base);
	expect_lists(test, 0, 0, 1);
	gs_mcentral_put_span(s);
	expect_lists(test, 1, 0, 0);
	KUNIT_EXPECT_EQ(test, gs_span_nr_free(s), NELEMS - 1);
	put(&e, 1);
	expect_lists(test, 0, 0, 0);
}

static void get_takes_from_span_after_span(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 3 * NELEMS);
	struct gs_entry e[GS_BATCH_MAX];
	unsigned int i;

	add_partial(test, e, 3);
	/* 7 + 7 + 6 of them: the last span keeps one. */
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 3, 20, NULL), 20);
	expect_lists(test, 1, 2, 0);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 23, 9, NULL), 1);
	expect_lists(test, 0, 3, 0);
	for (i = 0; i < 24; i++) {
		KUNIT_EXPECT_EQ(test, *e[i].state, GS_CACHED);
		gs_oracle_add(o, e[i].object, SIZE, false);
	}
	put(e, 24);
	KUNIT_EXPECT_EQ(test, mc->nr_spans, 0);
}

static void get_owns_a_span_with_more(struct kunit *test)
{
	struct gs_entry e[GS_BATCH_MAX];
	struct mspan *own = NULL;
	unsigned int n;

	/* As many as were wanted: taken, not owned. */
	add_partial(test, e, 1);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 1, 7, &own), 7);
	KUNIT_EXPECT_NULL(test, own);
	expect_lists(test, 0, 1, 0);

	/* More: these and the span. */
	put(e + 1, 7);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 1, 6, &own), 6);
	KUNIT_ASSERT_NOT_NULL(test, own);
	KUNIT_EXPECT_EQ(test, own->owned, 1);
	expect_lists(test, 0, 0, 1);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 7, 1, NULL), 0);
	KUNIT_EXPECT_EQ(test, gs_span_nr_free(own), 1);
	gs_mcentral_put_span(own);

	/* First a span with less, then one with more. */
	n = 7;
	add_partial(test, e + n++, 1);
	list_rotate_left(&mc->partial);
	own = NULL;
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + n, 4, &own), 4);
	KUNIT_ASSERT_NOT_NULL(test, own);
	KUNIT_EXPECT_EQ(test, gs_span_nr_free(own), NELEMS - 4);
	expect_lists(test, 0, 1, 1);
	gs_mcentral_put_span(own);
	put(e, n + 4);
}

static void full_spans_come_back(struct kunit *test)
{
	struct gs_entry e[NELEMS];
	unsigned int i;

	add_partial(test, e, 1);
	gs_mcentral_get(mc, NULL, e + 1, 7, NULL);
	expect_lists(test, 0, 1, 0);
	for (i = 0; i < NELEMS; i++) {
		put(&e[i], 1);
		KUNIT_EXPECT_EQ(test, *e[i].state, GS_FREE);
		expect_lists(test, i < NELEMS - 1, 0, 0);
	}
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e, 8, NULL), 0);
}

/* Pages of spans that nobody has parked. */
static unsigned long pages_in_use(void)
{
	struct gs_parked parked = gs_pagecache_read();

	return gs_pages_in_use(&parked);
}

static void empty_spans_go_at_once(struct kunit *test)
{
	enum { NR = 15 };	/* with more of them, spans get longer */
	struct gs_entry e[NR];
	unsigned long in_use = pages_in_use();
	unsigned int i;

	add_partial(test, e, NR);
	for (i = 0; i < NR; i++) {
		KUNIT_EXPECT_EQ(test, pages_in_use(), in_use + NR - i);
		put(&e[i], 1);
	}
	KUNIT_EXPECT_EQ(test, pages_in_use(), in_use);
	expect_lists(test, 0, 0, 0);
}

/* What others free while an mcache owns the span is free when it gives it up. */
static void frees_into_owned_spans_wait(struct kunit *test)
{
	struct gs_entry e[NELEMS];
	struct mspan *own = NULL;

	add_partial(test, e, 1);
	gs_mcentral_get(mc, NULL, e + 1, 3, NULL);
	gs_mcentral_get(mc, NULL, e + 4, 1, &own);
	KUNIT_ASSERT_NOT_NULL(test, own);
	KUNIT_ASSERT_TRUE(test, gs_span_next_window(own));	/* the other 3 */
	put(e, 4);
	KUNIT_EXPECT_EQ(test, own->nr_freed, 4);
	KUNIT_EXPECT_EQ(test, own->alloc_count, NELEMS);
	KUNIT_EXPECT_EQ(test, gs_span_verify(own), 0);
	expect_lists(test, 0, 0, 1);
	gs_mcentral_put_span(own);
	KUNIT_EXPECT_EQ(test, own->nr_freed, 0);
	KUNIT_EXPECT_EQ(test, gs_span_nr_free(own), NELEMS - 1);
	expect_lists(test, 1, 0, 0);

	/* The last objects were freed meanwhile: the span is empty at once. */
	gs_mcentral_get(mc, NULL, e, 1, &own);
	put(&e[0], 1);
	put(&e[4], 1);
	expect_lists(test, 0, 0, 1);
	gs_mcentral_put_span(own);
	expect_lists(test, 0, 0, 0);
}

/* The caller hands in its exhausted span under the same hold of the lock. */
static void an_old_span_is_asked_first(struct kunit *test)
{
	struct gs_entry e[2 * NELEMS];
	struct mspan *own = NULL, *old;

	add_partial(test, e, 1);
	old = add(test, e + 1);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, old, e + 2, 7, &own), 7);
	KUNIT_EXPECT_NULL(test, own);
	expect_lists(test, 1, 1, 0);

	/* Owned once more, and others freed meanwhile: it gives just these. */
	put(e + 2, 7);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e + 2, 1, &old), 1);
	exhaust(old);
	put(e + 1, 2);
	KUNIT_EXPECT_EQ(test, old->nr_freed, 2);
	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, old, e + 1, 2, &own), 2);
	KUNIT_EXPECT_NULL(test, own);
	expect_lists(test, 1, 1, 0);
	put_rest(old);
	put(e, 1);
}

static void an_exhausted_span_is_full(struct kunit *test)
{
	struct gs_entry e[NELEMS];
	struct mspan *s = add(test, e);

	exhaust(s);
	gs_mcentral_put_span(s);
	expect_lists(test, 0, 1, 0);
	put_rest(s);
}

static void other_states_are_reported_and_left(struct kunit *test)
{
	struct gs_entry e[3];

	add_partial(test, e, 3);
	*e[1].state = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, put(e, 3));
	KUNIT_EXPECT_EQ(test, *e[1].state, GS_OWNER_MIN);
	expect_lists(test, 1, 0, 0);
	*e[1].state = GS_CACHED;
	put(&e[1], 1);
	/* Twice is once too often. */
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, put(&e[1], 1));
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

/* States that were overwritten while the span lay free: these are left out. */
static void a_span_that_was_written_to(struct kunit *test)
{
	struct gs_entry e[NELEMS];
	unsigned long in_use = pages_in_use();
	struct mspan *s, *again;

	goslab_free(goslab_malloc(300000, GFP_KERNEL));	/* the reserve */
	s = add(test, e);
	gs_mcentral_put_span(s);
	put(e, 1);
	KUNIT_ASSERT_EQ(test, pages_in_use(), in_use);
	s->objects[3] = GS_OWNER_MIN;
	again = gs_class_new_span(&class, numa_mem_id(), GFP_KERNEL, false);
	KUNIT_ASSERT_PTR_EQ(test, again, s);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
			  KUNIT_EXPECT_EQ(test, gs_mcentral_add(mc, s, e, NELEMS),
					  NELEMS - 1));
	gs_mcentral_put_span(s);
	put(e, NELEMS - 1);
	expect_lists(test, 1, 0, 0);
	s->objects[3] = GS_CACHED;
	put(&(struct gs_entry){ gs_span_object(s, 3), &s->objects[3] }, 1);
}

#define ROWS	128	/* objects of a span of 64 bytes */

/* Are the states of all objects of @s but @first to @last free? */
static void expect_taken(struct kunit *test, const struct mspan *s,
			 unsigned int first, unsigned int last)
{
	unsigned int i;

	for (i = 0; i < ROWS; i++)
		KUNIT_EXPECT_EQ_MSG(test, s->objects[i],
				    i >= first && i <= last ? GS_CACHED : GS_FREE,
				    "object %u", i);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
}

/* Neighbours go in rows of GS_ROW, wherever they start and whatever is amiss. */
static void rows(struct kunit *test)
{
	static struct gs_class c = { .name = "rows" };
	static struct gs_entry e[ROWS];
	struct mcentral *small;
	struct mspan *s;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, gs_class_init(&c, 64, 8), 0);
	small = gs_class_central(&c, numa_mem_id());
	s = gs_class_new_span(&c, numa_mem_id(), GFP_KERNEL, false);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, s->nelems, ROWS);

	/* All but two, so that no word and no row is full at the end. */
	KUNIT_ASSERT_EQ(test, gs_mcentral_add(small, s, e, ROWS - 2), ROWS - 2);
	gs_mcentral_put_span(s);
	expect_taken(test, s, 0, ROWS - 3);
	for (i = 0; i < ROWS - 2; i++)
		e[i] = (struct gs_entry){ gs_span_object(s, i), &s->objects[i] };

	/* Over the border of a word. */
	gs_mcentral_put(&c, e + 50, ROWS - 2 - 50);
	expect_taken(test, s, 0, 49);
	/* Seven neighbours and another one are no row. */
	swap(e[7], e[8]);
	gs_mcentral_put(&c, e, GS_ROW);
	gs_mcentral_put(&c, e + GS_ROW, 1);
	expect_taken(test, s, 9, 49);
	KUNIT_ASSERT_EQ(test, gs_mcentral_get(small, NULL, e, 9, NULL), 9);
	for (i = 0; i < 9; i++)
		KUNIT_EXPECT_PTR_EQ(test, e[i].object, gs_span_object(s, 8 - i));
	expect_taken(test, s, 0, 49);

	/* One in a row is not what it should be: it alone is left, or passed over. */
	s->objects[21] = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
			  gs_mcentral_put(&c, e + 16, 32));
	KUNIT_EXPECT_EQ(test, s->objects[21], GS_OWNER_MIN);
	s->objects[21] = GS_CACHED;
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	gs_mcentral_put(&c, e + 21, 1);
	s->objects[30] = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
			  KUNIT_EXPECT_EQ(test, gs_mcentral_get(small, NULL,
								e + 16, 32, NULL), 32));
	s->objects[30] = GS_CACHED;
	expect_taken(test, s, 0, 50);

	for (i = 0; i <= 50; i++)
		e[i] = (struct gs_entry){ gs_span_object(s, i), &s->objects[i] };
	gs_mcentral_put(&c, e, 51);
	KUNIT_EXPECT_EQ(test, small->nr_spans, 0);
	gs_class_exit(&c);
}

static void objects_of_no_span_are_reported(struct kunit *test)
{
	struct gs_entry e[2];
	u8 state = GS_CACHED;

	add_partial(test, e, 1);
	e[1] = e[0];
	e[0] = (struct gs_entry){ &state, &state };
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, put(e, 2));
	expect_lists(test, 0, 0, 0);
}

static void verify_finds_what_is_broken(struct kunit *test)
{
	struct gs_entry e[NELEMS + 2];
	struct mspan *s;

#define BROKEN(what, member, value)					\
do {									\
	typeof(member) was = member;					\
									\
	member = value;							\
	KUNIT_EXPECT_EQ_MSG(test, gs_mcentral_verify(mc), what, #member);	\
	member = was;							\
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);		\
} while (0)

	add_partial(test, e, 1);
	gs_mcentral_get(mc, NULL, e + 1, 7, NULL);
	add_partial(test, e + NELEMS, 1);
	s = list_first_entry(&mc->partial, struct mspan, list);
	BROKEN(41, mc->nr_spans, 3);
	BROKEN(41, mc->nr_owned, 1);
	BROKEN(41, s->alloc_count, 0);
	BROKEN(1, s->owned, 1);
	BROKEN(1, s->class, NULL);
	BROKEN(1, s->node, s->node + 1);
	BROKEN(1, s->state, GS_SPAN_DEAD);
	BROKEN(2, s->objects[5], GS_CACHED);
	BROKEN(2, *e[NELEMS].state, GS_FREE);
	BROKEN(21, s->open, s->open + 1);
	BROKEN(22, s->alloc_count, 2);
	BROKEN(23, s->alloc_cache, 1);
	list_move(&s->list, &mc->full);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 41);
	list_move(&s->list, &mc->partial);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
	put(e, NELEMS + 1);
#undef BROKEN
}

/* However many spans there are, a hold of the lock looks at some. */
static void verify_is_bounded(struct kunit *test)
{
	struct gs_entry *e = kunit_kcalloc(test, 3 * GS_LOOK_SPANS * NELEMS,
					   sizeof(*e), GFP_KERNEL);
	struct list_head *first, *last;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, e);
	for (i = 0; i < 3 * GS_LOOK_SPANS; i++)
		add_partial(test, e + i, 1);
	first = mc->partial.next;
	last = mc->partial.prev;
	WRITE_ONCE(gs_most_steps, 0);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
	KUNIT_EXPECT_EQ(test, READ_ONCE(gs_most_steps),
			(unsigned int)GS_LOOK_SPANS);
	KUNIT_EXPECT_PTR_EQ(test, mc->partial.next, first);
	KUNIT_EXPECT_PTR_EQ(test, mc->partial.prev, last);
	put(e, 3 * GS_LOOK_SPANS);
}

static struct kunit_case mcentral_cases[] = {
	KUNIT_CASE(an_empty_one_has_nothing),
	KUNIT_CASE(a_fresh_span_is_owned),
	KUNIT_CASE(get_takes_from_span_after_span),
	KUNIT_CASE(get_owns_a_span_with_more),
	KUNIT_CASE(full_spans_come_back),
	KUNIT_CASE(empty_spans_go_at_once),
	KUNIT_CASE(frees_into_owned_spans_wait),
	KUNIT_CASE(an_old_span_is_asked_first),
	KUNIT_CASE(an_exhausted_span_is_full),
	KUNIT_CASE(other_states_are_reported_and_left),
	KUNIT_CASE(a_span_that_was_written_to),
	KUNIT_CASE(rows),
	KUNIT_CASE(objects_of_no_span_are_reported),
	KUNIT_CASE(verify_finds_what_is_broken),
	KUNIT_CASE(verify_is_bounded),
	{}
};

static struct kunit_suite mcentral_suite = {
	.name = "goslab_mcentral",
	.suite_init = gs_test_suite_init,
	.init = mcentral_init,
	.exit = mcentral_exit,
	.test_cases = mcentral_cases,
};
kunit_test_suite(mcentral_suite);
