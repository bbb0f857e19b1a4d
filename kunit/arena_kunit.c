// SPDX-License-Identifier: GPL-2.0
/*
 * arena_kunit: goslab_arena: back/arena.c, the radix tree of the real heap.
 *
 * Entries are written for pages that goslab does not have, with a descriptor
 * that is dead; the worker stands still and no page is freed meanwhile. Tables
 * that a case made stay until unload, as all do.
 */
#include <linux/err.h>
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "back/arena.h"
#include "base/sys.h"
#include "testlib.h"

static unsigned long radix_end(void)
{
	return gs_radix->base + gs_radix->nr * GS_ARENA_SIZE;
}

static void foreign_addresses_have_no_span(struct kunit *test)
{
	unsigned long base = gs_radix->base, end = radix_end();
	static int data;
	int stack;
	void *heap = kunit_kzalloc(test, 64, GFP_KERNEL);
	void *v = vmalloc(PAGE_SIZE);
	const void *all[] = {
		NULL, (void *)1, ZERO_SIZE_PTR, (void *)GS_PAGE_SIZE,
		(void *)(base - 1), (void *)(base - GS_ARENA_SIZE),
		(void *)end, (void *)(end + 1), (void *)(end + GS_ARENA_SIZE),
		(void *)-1UL, ERR_PTR(-ENOMEM), (void *)LONG_MIN,
		(void *)LONG_MAX, &data, &stack, heap, v, current,
		high_memory, gs_test_init, &gs_radix, gs_radix->arena,
	};
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, v);
	for (i = 0; i < ARRAY_SIZE(all); i++)
		KUNIT_EXPECT_PTR_EQ_MSG(test, gs_arena_span(all[i]),
					(struct mspan *)NULL, "address %u", i);
	vfree(v);
}

/* Every page of every arena: nothing, or a span that has it. */
static void each_entry_is_of_its_page(struct kunit *test)
{
	void *keep = goslab_malloc(100000, GFP_KERNEL);
	unsigned long i, base, holes = 0, mapped = 0, bad = 0;
	struct heap_arena *arena;

	KUNIT_ASSERT_NOT_NULL(test, keep);
	for (i = 0; !IS_ERR(arena = gs_arena_get(i, &base)); i++) {
		unsigned long at;

		KUNIT_EXPECT_EQ(test, base, gs_radix->base + i * GS_ARENA_SIZE);
		holes += !arena;
		for (at = base; at < base + GS_ARENA_SIZE; at += GS_PAGE_SIZE) {
			struct mspan *s = gs_arena_span((void *)at);

			bad += gs_arena_span((void *)(at + 1)) != s ||
			       gs_arena_span((void *)(at + GS_PAGE_SIZE - 1)) != s;
			if (s)
				bad += !arena || at < s->base ||
				       at >= s->base + gs_span_size(s);
			mapped += s && s->state != GS_SPAN_RUN;
		}
	}
	KUNIT_EXPECT_EQ(test, i, gs_radix->nr);
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_GE(test, mapped, gs_pages(100000));
	KUNIT_EXPECT_GT(test, holes, 0);
	goslab_free(keep);
}

/* Around a border between two arenas, @n pages on each side without a span. */
static unsigned long free_border(struct kunit *test, unsigned int n)
{
	unsigned long at, off;

	for (at = gs_radix->base + GS_ARENA_SIZE; at < radix_end();
	     at += GS_ARENA_SIZE) {
		for (off = 0; off < 2 * n; off++)
			if (gs_arena_span((void *)(at + (off - n) * GS_PAGE_SIZE)))
				break;
		if (off == 2 * n)
			return at;
	}
	kunit_skip(test, "no border between arenas is free");
}

static struct mspan *dead_span(struct kunit *test)
{
	struct mspan *s = kunit_kzalloc(test, sizeof(*s) + 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

/* Which of the pages from @at map to @s, as bits. */
static unsigned long mapped(unsigned long at, unsigned int n, struct mspan *s)
{
	unsigned long bits = 0;
	unsigned int i;

	for (i = 0; i < n; i++)
		if (gs_arena_span((void *)(at + i * GS_PAGE_SIZE + i)) == s)
			bits |= BIT(i);
	return bits;
}

static void set_maps_pages_across_arenas(struct kunit *test)
{
	unsigned long at = free_border(test, 4) - 4 * GS_PAGE_SIZE;
	struct mspan *s = dead_span(test);
	unsigned int from, n;

	KUNIT_ASSERT_EQ(test, 0, gs_arena_reserve((void *)at, 8 * GS_PAGE_SIZE,
						  GFP_KERNEL));
	for (from = 0; from < 8; from++) {
		for (n = 1; from + n <= 8; n++) {
			unsigned long base = at + from * GS_PAGE_SIZE;

			gs_arena_set(base, n, s);
			KUNIT_EXPECT_EQ(test, mapped(at, 8, s),
					(BIT(n) - 1) << from);
			gs_arena_set(base, n, NULL);
			gs_arena_set_ends(base, n, s);
			KUNIT_EXPECT_EQ(test, mapped(at, 8, s),
					BIT(from) | BIT(from + n - 1));
			gs_arena_set_ends(base, n, NULL);
			KUNIT_EXPECT_EQ(test, mapped(at, 8, NULL), 0xff);
		}
	}
}

static void reserve_draws_what_is_missing(struct kunit *test)
{
	unsigned long i, base;
	void *hole;
	size_t meta;

	for (i = gs_radix->nr; i-- > 0; )
		if (!gs_arena_get(i, &base))
			break;
	if (i == -1UL)
		kunit_skip(test, "every arena is there");
	hole = (void *)base;
	meta = gs_sys_meta();

	gs_test_fail_draws(1, 1);
	KUNIT_EXPECT_EQ(test, gs_arena_reserve(hole, GS_ARENA_SIZE, GFP_KERNEL),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 1);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(hole), (struct mspan *)NULL);

	KUNIT_EXPECT_EQ(test, gs_arena_reserve(hole, GS_ARENA_SIZE, GFP_KERNEL),
			0);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta + sizeof(struct heap_arena));
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(hole), (struct mspan *)NULL);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, gs_arena_reserve(hole, GS_ARENA_SIZE, GFP_KERNEL),
			0);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0);
}

static void covers_what_the_top_reaches(struct kunit *test)
{
	void *base = (void *)gs_radix->base, *end = (void *)radix_end();

	KUNIT_EXPECT_TRUE(test, gs_arena_covers(base, GS_PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gs_arena_covers(end - GS_PAGE_SIZE,
						GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(end - GS_PAGE_SIZE,
						 2 * GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(end, GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(base - GS_PAGE_SIZE,
						 GS_PAGE_SIZE));
}

/* Last: the top is longer from then on. */
static void extend_copies_and_publishes(struct kunit *test)
{
	unsigned long nr = gs_radix->nr, end = radix_end(), i, base;
	struct heap_arena **old = kunit_kmalloc_array(test, nr, sizeof(*old),
						      GFP_KERNEL);
	void *keep = goslab_malloc(64, GFP_KERNEL);
	struct mspan *s = gs_arena_span(keep);

	KUNIT_ASSERT_NOT_NULL(test, old);
	KUNIT_ASSERT_NOT_NULL(test, s);
	for (i = 0; i < nr; i++)
		old[i] = gs_arena_get(i, &base);

	KUNIT_EXPECT_EQ(test, gs_arena_extend(end - GS_ARENA_SIZE), 0);
	KUNIT_EXPECT_EQ(test, gs_arena_extend(end), 0);
	KUNIT_EXPECT_EQ(test, gs_radix->nr, nr);
	gs_test_fail_draws(1, 1);
	KUNIT_EXPECT_EQ(test, gs_arena_extend(end + 1), -ENOMEM);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 1);
	KUNIT_EXPECT_EQ(test, gs_radix->nr, nr);

	KUNIT_EXPECT_EQ(test, gs_arena_extend(end + 1), 0);
	KUNIT_EXPECT_GT(test, gs_radix->nr, nr);
	KUNIT_EXPECT_TRUE(test, gs_arena_covers((void *)end, GS_PAGE_SIZE));
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span((void *)end),
			    (struct mspan *)NULL);
	for (i = 0; i < nr; i++)
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_get(i, &base), old[i]);
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(keep), s);
	goslab_free(keep);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(foreign_addresses_have_no_span),
	KUNIT_CASE(each_entry_is_of_its_page),
	KUNIT_CASE(set_maps_pages_across_arenas),
	KUNIT_CASE(reserve_draws_what_is_missing),
	KUNIT_CASE(covers_what_the_top_reaches),
	KUNIT_CASE(extend_copies_and_publishes),
	{}
};

static struct kunit_suite arena_suite = {
	.name = "goslab_arena",
	GS_TEST_CASES,
	.test_cases = arena_cases,
};
kunit_test_suite(arena_suite);
