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
	return gs_radix.base + gs_radix.size;
}

static void foreign_addresses_have_no_span(struct kunit *test)
{
	unsigned long base = gs_radix.base, end = radix_end();
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
		high_memory, gs_test_init, &gs_radix, gs_radix.top,
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
	unsigned long i, last = 0, mapped = 0, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, keep);
	gs_arena_for_each(i) {
		unsigned long base = gs_arena_base(i), at;

		KUNIT_EXPECT_TRUE(test, !last || base > last);
		last = base;
		for (at = base; at < base + GS_ARENA_SIZE; at += GS_PAGE_SIZE) {
			struct mspan *s = gs_arena_span((void *)at);

			bad += gs_arena_span((void *)(at + 1)) != s ||
			       gs_arena_span((void *)(at + GS_PAGE_SIZE - 1)) != s;
			if (s)
				bad += at < s->base ||
				       at >= s->base + gs_span_size(s);
			mapped += s && s->state != GS_SPAN_RUN;
		}
	}
	KUNIT_EXPECT_LT(test, last, radix_end());
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_GE(test, mapped, gs_pages(100000));
	goslab_free(keep);
}

/* Around a border between two arenas, @n pages on each side without a span. */
static unsigned long free_border(struct kunit *test, unsigned int n)
{
	unsigned long at, off;

	for (at = gs_radix.base + GS_ARENA_SIZE; at < radix_end();
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
	gs_arena_unreserve((void *)at, 8 * GS_PAGE_SIZE);
}

/* A direct map of 64 TiB, and one that begins where a 48-bit kernel's ends. */
static const struct {
	const char *name;
	unsigned long base;
	unsigned long size;
} maps[] = {
	{ "64 TiB", 0xffff888000000000, 1UL << 46 },
	{ "an offset of 2^47", 0xffff000000000000, 1UL << 47 },
	{ "an arena and a half group", 0xffff888000000000,
	  GS_GROUP_SIZE / 2 + GS_ARENA_SIZE },
};

/*
 * The tables of a block take @n draws: an arena, and a group if it is the first of
 * one. Each draw fails once, the last one first, and what was made stays.
 */
static void expect_draws(struct kunit *test, struct gs_radix *radix, void *p,
			 unsigned long n)
{
	size_t meta = gs_sys_meta(), bytes = PAGE_ALIGN(sizeof(struct heap_arena));

	if (n == 2)
		bytes += PAGE_ALIGN(sizeof(struct gs_group));
	for (; n; n--) {
		gs_test_fail_draws(n, 1);
		KUNIT_EXPECT_EQ(test, gs_radix_reserve(radix, p, GS_ARENA_SIZE,
						       GFP_KERNEL), -ENOMEM);
		KUNIT_EXPECT_EQ(test, gs_test_end_draws(), n);
		KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(radix, p), &gs_no_span);
	}
	KUNIT_EXPECT_EQ(test, gs_radix_reserve(radix, p, GS_ARENA_SIZE,
					       GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, gs_sys_meta() - meta, bytes);
	KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(radix, p), &gs_no_span);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, gs_radix_reserve(radix, p, GS_ARENA_SIZE,
					       GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0);
}

/* Only what is used costs memory, wherever in the direct map it lies. */
static void tables_are_made_where_memory_is(struct kunit *test)
{
	size_t meta = gs_sys_meta();
	unsigned int m;

	for (m = 0; m < ARRAY_SIZE(maps); m++) {
		struct gs_radix radix = { };
		void *first = (void *)maps[m].base;
		void *last = first + maps[m].size - GS_ARENA_SIZE;

		KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[m].base,
						    maps[m].size), 0);
		KUNIT_EXPECT_LE_MSG(test, gs_sys_meta() - meta,
				    (size_t)SZ_64K, "%s", maps[m].name);
		expect_draws(test, &radix, first, 2);
		expect_draws(test, &radix, last,
			     maps[m].size > GS_GROUP_SIZE ? 2 : 1);
		expect_draws(test, &radix, first + GS_ARENA_SIZE, 1);
		gs_radix_exit(&radix);
		KUNIT_EXPECT_EQ_MSG(test, gs_sys_meta(), meta, "%s",
				    maps[m].name);
	}
}

static struct heap_arena *table_of(const struct gs_radix *radix, unsigned long i)
{
	return radix->top[i / GS_GROUP_ARENAS]->arena[i % GS_GROUP_ARENAS];
}

/* An entry is found at its own page's addresses, up to the last of the map. */
static void far_pages_are_found(struct kunit *test)
{
	struct mspan *s = kunit_kzalloc(test, sizeof(*s), GFP_KERNEL);
	unsigned int m, nr;

	KUNIT_ASSERT_NOT_NULL(test, s);
	for (m = 0; m < ARRAY_SIZE(maps); m++) {
		unsigned long offs[] = { 0, GS_ARENA_SIZE - GS_PAGE_SIZE,
					 maps[m].size / 2,
					 maps[m].size - GS_PAGE_SIZE };
		struct gs_radix radix = { };

		KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[m].base,
						    maps[m].size), 0);
		for (nr = 0; nr < ARRAY_SIZE(offs); nr++) {
			unsigned long i = offs[nr] >> GS_ARENA_SHIFT, want = i;
			void *p = (void *)maps[m].base + offs[nr];

			KUNIT_ASSERT_EQ(test, 0, gs_radix_reserve(&radix, p,
						GS_PAGE_SIZE, GFP_KERNEL));
			KUNIT_ASSERT_TRUE(test, gs_radix_next(&radix, &i));
			KUNIT_ASSERT_EQ(test, i, want);
			table_of(&radix, i)->spans[offs[nr] / GS_PAGE_SIZE % GS_ARENA_PAGES] = s;
			KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(&radix, p), s);
			KUNIT_EXPECT_PTR_EQ(test, s, gs_radix_look(&radix,
						p + GS_PAGE_SIZE - 1));
			KUNIT_EXPECT_PTR_EQ(test, &gs_no_span,
					    gs_radix_look(&radix, p - 1));
			KUNIT_EXPECT_PTR_EQ(test, &gs_no_span,
				gs_radix_look(&radix, p + GS_PAGE_SIZE));
		}
		gs_radix_exit(&radix);
	}
}

/* Up and down, what walks the arenas meets those that were made, in order. */
static void walks_meet_every_arena(struct kunit *test)
{
	static const unsigned long at[] = { 0, 1, GS_GROUP_ARENAS - 1,
		GS_GROUP_ARENAS, 900 * GS_GROUP_ARENAS + 17,
		(1UL << 46 >> GS_ARENA_SHIFT) - 1 };
	struct gs_radix radix = { };
	unsigned long i = 0, looks;
	unsigned int n;

	KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[0].base, maps[0].size),
			0);
	KUNIT_EXPECT_FALSE(test, gs_radix_next(&radix, &i));
	for (n = 0; n < ARRAY_SIZE(at); n++)
		KUNIT_ASSERT_EQ(test, 0, gs_radix_reserve(&radix,
			(void *)radix.base + at[n] * GS_ARENA_SIZE, 1,
			GFP_KERNEL));
	for (i = 0, n = 0; gs_radix_next(&radix, &i); i++, n++) {
		KUNIT_ASSERT_LT(test, n, ARRAY_SIZE(at));
		KUNIT_EXPECT_EQ(test, i, at[n]);
	}
	KUNIT_EXPECT_EQ(test, n, ARRAY_SIZE(at));

	i = radix.size >> GS_ARENA_SHIFT;
	for (looks = 0; i && looks < 1000; looks++) {
		if (!gs_radix_prev(&radix, &i, 100))
			continue;
		KUNIT_ASSERT_GT(test, n, 0);
		KUNIT_EXPECT_EQ(test, --i, at[--n]);
	}
	KUNIT_EXPECT_EQ(test, n, 0);
	/* 4096 groups, a look each, and four of them an arena at a time. */
	KUNIT_EXPECT_LT(test, looks, 4096 / 100 + 4 * 4096 / 100 + 10);
	gs_radix_exit(&radix);
}

static void covers_what_the_top_reaches(struct kunit *test)
{
	void *base = (void *)gs_radix.base, *end = (void *)radix_end();

	KUNIT_EXPECT_TRUE(test, gs_arena_covers(base, GS_PAGE_SIZE));
	KUNIT_EXPECT_TRUE(test, gs_arena_covers(end - GS_PAGE_SIZE,
						GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(end - GS_PAGE_SIZE,
						 2 * GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(end, GS_PAGE_SIZE));
	KUNIT_EXPECT_FALSE(test, gs_arena_covers(base - GS_PAGE_SIZE,
						 GS_PAGE_SIZE));
}

/* Memory that is added later needs no longer top. */
static void covers_memory_that_may_come(struct kunit *test)
{
	KUNIT_EXPECT_TRUE(test, gs_arena_covers(high_memory - PAGE_SIZE,
						PAGE_SIZE));
#ifdef CONFIG_MEMORY_HOTPLUG
	KUNIT_EXPECT_GE(test, gs_radix.size,
			1UL << min_t(unsigned int, MAX_PHYSMEM_BITS, 47));
#endif
}

/* Arenas @first to @last, less one, of a tree, one page each. */
static void reserve_pages(struct kunit *test, struct gs_radix *radix, unsigned long first,
			  unsigned long last)
{
	for (; first < last; first++)
		KUNIT_ASSERT_EQ(test, 0, gs_radix_reserve(radix, (void *)radix->base +
				first * GS_ARENA_SIZE, GS_PAGE_SIZE, GFP_KERNEL));
}

static void unreserve_pages(struct gs_radix *radix, unsigned long first, unsigned long last)
{
	for (; first < last; first++)
		gs_radix_unreserve(radix, (void *)radix->base + first * GS_ARENA_SIZE,
				   GS_PAGE_SIZE);
}

/* A table goes with the last page in it, and not before; what it said is forgotten. */
static void a_table_goes_with_its_last_page(struct kunit *test)
{
	struct mspan *s = dead_span(test);
	struct heap_arena *old;
	struct gs_radix radix = { };
	LIST_HEAD(gone);
	size_t meta;
	void *p;

	KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[0].base, maps[0].size), 0);
	p = (void *)radix.base + 2 * GS_ARENA_SIZE - 2 * GS_PAGE_SIZE;
	KUNIT_ASSERT_EQ(test, 0, gs_radix_reserve(&radix, p, 5 * GS_PAGE_SIZE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 1), 2);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 2), 3);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 0), 0);
	gs_radix_unreserve(&radix, p + GS_PAGE_SIZE, 3 * GS_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 1), 1);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 2), 1);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 0);

	old = table_of(&radix, 1);
	old->spans[GS_ARENA_PAGES - 2] = s;
	gs_radix_unreserve(&radix, p, GS_PAGE_SIZE);
	meta = gs_sys_meta();
	KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(&radix, p), s);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 1);
	KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(&radix, p), &gs_no_span);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 1), 0);
	/* A reader that found it before reads what it said. */
	KUNIT_EXPECT_PTR_EQ(test, old->spans[GS_ARENA_PAGES - 2], s);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);

	/* A new one beside it, that knows nothing. */
	KUNIT_ASSERT_EQ(test, 0, gs_radix_reserve(&radix, p, GS_PAGE_SIZE, GFP_KERNEL));
	KUNIT_EXPECT_PTR_NE(test, table_of(&radix, 1), old);
	KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(&radix, p), &gs_no_span);
	gs_radix_give(&gone);
	KUNIT_EXPECT_TRUE(test, list_empty(&gone));
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
	gs_radix_exit(&radix);
}

/* An arena that gets a page again before its table is taken out keeps it. */
static void a_table_that_is_wanted_again_stays(struct kunit *test)
{
	struct mspan *s = dead_span(test);
	struct gs_radix radix = { };
	LIST_HEAD(gone);
	void *p;

	KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[0].base, maps[0].size), 0);
	p = (void *)radix.base;
	reserve_pages(test, &radix, 0, 1);
	table_of(&radix, 0)->spans[7] = s;
	unreserve_pages(&radix, 0, 1);
	gs_test_fail_draws(1, ULONG_MAX);
	reserve_pages(test, &radix, 0, 1);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 0);
	KUNIT_EXPECT_PTR_EQ(test, gs_radix_look(&radix, p + 7 * GS_PAGE_SIZE), s);
	gs_radix_exit(&radix);
}

/* Of two tables the second is not to be had: the first is not wanted either. */
static void half_a_reserve_is_none(struct kunit *test)
{
	struct gs_radix radix = { };
	LIST_HEAD(gone);
	void *p;

	KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[0].base, maps[0].size), 0);
	p = (void *)radix.base + GS_ARENA_SIZE - 3 * GS_PAGE_SIZE;
	/* The group, the first table, the second. */
	gs_test_fail_draws(3, 1);
	KUNIT_EXPECT_EQ(test, gs_radix_reserve(&radix, p, 4 * GS_PAGE_SIZE, GFP_KERNEL),
			-ENOMEM);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 3);
	KUNIT_EXPECT_EQ(test, gs_radix_pages(&radix, 0), 0);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 1);
	gs_radix_give(&gone);
	gs_radix_exit(&radix);
}

/* Many at once: no hold of the lock takes more than a batch out. */
static void tables_go_in_batches(struct kunit *test)
{
	const unsigned int nr = 2 * GS_TRIM_BATCH + 3;
	struct gs_radix radix = { };
	size_t meta = gs_sys_meta();
	unsigned long i = 0;
	LIST_HEAD(gone);

	KUNIT_ASSERT_EQ(test, gs_radix_init(&radix, maps[0].base, maps[0].size), 0);
	reserve_pages(test, &radix, 0, nr + 1);
	unreserve_pages(&radix, 0, nr);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), GS_TRIM_BATCH);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), GS_TRIM_BATCH);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 3);
	KUNIT_EXPECT_EQ(test, gs_radix_unlink_idle(&radix, &gone), 0);
	KUNIT_ASSERT_TRUE(test, gs_radix_next(&radix, &i));
	KUNIT_EXPECT_EQ(test, i, nr);
	gs_radix_give(&gone);
	gs_radix_exit(&radix);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
}

static struct kunit_case arena_cases[] = {
	KUNIT_CASE(foreign_addresses_have_no_span),
	KUNIT_CASE(each_entry_is_of_its_page),
	KUNIT_CASE(set_maps_pages_across_arenas),
	KUNIT_CASE(tables_are_made_where_memory_is),
	KUNIT_CASE(far_pages_are_found),
	KUNIT_CASE(walks_meet_every_arena),
	KUNIT_CASE(covers_what_the_top_reaches),
	KUNIT_CASE(covers_memory_that_may_come),
	KUNIT_CASE(a_table_goes_with_its_last_page),
	KUNIT_CASE(a_table_that_is_wanted_again_stays),
	KUNIT_CASE(half_a_reserve_is_none),
	KUNIT_CASE(tables_go_in_batches),
	{}
};

static struct kunit_suite arena_suite = {
	.name = "goslab_arena",
	GS_TEST_CASES,
	.test_cases = arena_cases,
};
kunit_test_suite(arena_suite);
