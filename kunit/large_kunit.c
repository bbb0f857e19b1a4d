// SPDX-License-Identifier: GPL-2.0
/*
 * large_kunit: goslab_large: front/large.c, objects that are spans.
 */
#include <linux/goslab.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "back/pagecache.h"
#include "base/owner.h"
#include "front/large.h"
#include "testlib.h"

/* Spans that hold objects. */
static unsigned long nr_spans(void)
{
	struct gs_parked parked = gs_pagecache_read();

	return gs_spans_in_use(&parked);
}

/* Large objects that there ever were. */
static unsigned long nr_large(void)
{
	return gs_mheap_counts().nr_large + gs_pagecache_read().large;
}

/* What a large object's span says of it. */
static void described(struct kunit *test)
{
	static const size_t sizes[] = { 32769, 65536, 100000, 1UL << 20 };
	unsigned long spans = nr_spans(), large = nr_large();
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc(sizes[i], GFP_KERNEL);
		struct mspan *s = gs_arena_span(p);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, s->base, (unsigned long)p);
		KUNIT_EXPECT_EQ(test, (int)s->state, GS_SPAN_LARGE);
		KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
		/* A span that was parked may be a little longer. */
		KUNIT_EXPECT_GE(test, (unsigned int)s->npages,
				gs_pages(sizes[i]));
		KUNIT_EXPECT_LE(test, s->npages, gs_pages(sizes[i]) * 9 / 8);
		KUNIT_EXPECT_EQ(test, goslab_size(p),
				gs_pages(sizes[i]) * GS_PAGE_SIZE);
		/* Found from its last byte, too. */
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(p + sizes[i] - 1), s);
		KUNIT_EXPECT_EQ(test, nr_large(), large + i + 1);
		KUNIT_EXPECT_EQ(test, nr_spans(), spans + 1);
		goslab_free(p);
		KUNIT_EXPECT_EQ(test, nr_spans(), spans);
	}
}

/* Each power of two to itself, with neighbours that spoil the alignment. */
static void aligned(struct kunit *test)
{
	void *odd[8], *p[8];
	unsigned int shift, i;

	for (shift = 16; shift <= 22; shift++) {
		size_t size = 1UL << shift;

		for (i = 0; i < 4; i++) {
			odd[i] = goslab_malloc(40960, GFP_KERNEL);
			p[i] = goslab_malloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p[i],
							   size));
		}
		for (i = 0; i < 4; i++) {
			goslab_free(odd[i]);
			goslab_free(p[i]);
		}
	}
}

/* Odd multiples of a power of two keep that power. */
static void aligned_multiples(struct kunit *test)
{
	size_t unit, n;

	for (unit = 8192; unit <= 1UL << 19; unit *= 2) {
		for (n = 3; n < 8; n += 2) {
			size_t size = unit * n;
			void *p;

			if (size <= GS_MAX_SMALL)
				continue;
			p = goslab_malloc(size, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE_MSG(test,
					      IS_ALIGNED((unsigned long)p, unit),
					      "%zu", size);
			goslab_free(p);
		}
	}
}

/* Pages of a freed object are the next one's, and nothing of it shows. */
static void reused(struct kunit *test)
{
	unsigned long drawn;
	u8 *p, *q;

	/* More than the reserve. */
	goslab_free(goslab_malloc(300000, GFP_KERNEL));
	p = goslab_malloc(100000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xff, goslab_size(p));
	goslab_free(p);
	drawn = gs_mheap_counts().drawn;
	q = goslab_zalloc(90000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().drawn, drawn);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, goslab_size(q)));
	goslab_free(q);
}

/* Nothing stays of large objects after a shrink. */
static void given_back(struct kunit *test)
{
	unsigned long idle = gs_test_idle_pages();
	void *p[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_malloc(40000 * (i + 1), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	GS_EXPECT_WHOLE(test);
	for (i = 0; i < ARRAY_SIZE(p); i += 2)
		goslab_free(p[i]);
	GS_EXPECT_WHOLE(test);
	for (i = 1; i < ARRAY_SIZE(p); i += 2)
		goslab_free(p[i]);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

/* The second of two frees gets nothing, however close they are. */
static void freed_once(struct kunit *test)
{
	void *p = goslab_malloc(50000, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);
	unsigned long spans;

	KUNIT_ASSERT_NOT_NULL(test, p);
	spans = nr_spans();
	/* As if both had looked the span up before either changed it. */
	KUNIT_EXPECT_TRUE(test, gs_span_claim(&s->objects[0]));
	KUNIT_EXPECT_FALSE(test, gs_span_claim(&s->objects[0]));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	KUNIT_EXPECT_EQ(test, nr_spans(), spans);
	KUNIT_EXPECT_EQ(test, (int)s->objects[0], GS_PENDING);
	s->objects[0] = goslab_this_owner.id;
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, nr_spans(), spans - 1);
}

static void walked(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 64);
	unsigned int step, steps = GS_TEST_STEPS / 50;

	for (step = 0; step < steps; step++) {
		if (o->nr < 64 && gs_rnd_below(&rnd, 2)) {
			size_t size = gs_rnd_log(&rnd, 32769, 1UL << 20);
			void *p = goslab_malloc(size, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			gs_oracle_add(o, p, size, true);
		} else if (o->nr) {
			unsigned int i = gs_rnd_below(&rnd, o->nr);

			goslab_free(gs_oracle_remove(o, i, true).p);
		}
		if (step % GS_TEST_VERIFY_EACH == 0)
			GS_EXPECT_WHOLE(test);
	}
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, true).p);
}

static struct kunit_case large_cases[] = {
	KUNIT_CASE(described),
	KUNIT_CASE(aligned),
	KUNIT_CASE(aligned_multiples),
	KUNIT_CASE(reused),
	KUNIT_CASE(given_back),
	KUNIT_CASE(freed_once),
	KUNIT_CASE(walked),
	{}
};

static struct kunit_suite large_suite = {
	.name = "goslab_large",
	GS_TEST_CASES_PINNED,
	.test_cases = large_cases,
};
kunit_test_suite(large_suite);
