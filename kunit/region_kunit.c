// SPDX-License-Identifier: GPL-2.0
/*
 * region_kunit: goslab_region: api/region.c and <linux/goslab_region.h>.
 *
 * Chunks are the live objects of the heap that a case makes for its regions.
 */
#include <linux/goslab.h>
#include <linux/kasan.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "middle/special.h"
#include "pattern.h"
#include "testlib.h"

#define NAME		"kunit-region"
#define MAX_CHUNK	SZ_64K
#define IS_DEBUG	IS_ENABLED(CONFIG_GOSLAB_DEBUG)

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static struct goslab_heap *make_heap(struct kunit *test, size_t quota)
{
	struct goslab_heap_args args = { .quota = quota };
	struct goslab_heap *h = goslab_heap_create(NAME, &args);

	KUNIT_ASSERT_NOT_NULL(test, h);
	return h;
}

static unsigned long chunks_of(struct goslab_heap *h)
{
	struct goslab_heap_usage usage;

	goslab_heap_usage(h, &usage);
	return usage.nr_live;
}

static void fill(struct kunit *test, void *p, size_t size)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	gs_pattern_fill(p, size, (unsigned long)p);
}

static bool holds(const void *p, size_t size)
{
	return gs_pattern_holds(p, size, (unsigned long)p);
}

/* Every alignment with sizes that leave any end; no piece overlaps another one. */
static void aligned(struct kunit *test)
{
	static const size_t sizes[] = { 1, 7, 8, 24, 100, 3000, 9000 };
	struct gs_oracle *o = gs_oracle_make(test, 200);
	struct goslab_region r;
	unsigned int i;
	size_t align;
	void *p;

	goslab_region_init(&r, NULL);
	for (align = 1; align <= GOSLAB_MAX_ALIGN; align *= 2)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			p = goslab_region_alloc_aligned(&r, sizes[i], align, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p, align),
					      "%zu to %zu", sizes[i], align);
			gs_oracle_add(o, p, sizes[i], true);
			p = goslab_region_alloc(&r, sizes[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
							   GOSLAB_REGION_ALIGN));
			gs_oracle_add(o, p, sizes[i], true);
		}
	/* The inline way, for an alignment that the compiler knows. */
	for (i = 0; i < 8; i++) {
		p = goslab_region_alloc_aligned(&r, 5, 64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 64));
		gs_oracle_add(o, p, 5, true);
	}
	while (o->nr)
		gs_oracle_remove(o, o->nr - 1, true);
	goslab_region_destroy(&r);
}

/* Sizes that there is nothing for, and the greatest; the region is whole after it. */
static void odd_sizes(struct kunit *test)
{
	static const size_t too_large[] = {
		SIZE_MAX, SIZE_MAX - 6, SIZE_MAX - 7, SIZE_MAX / 2,
		GOSLAB_MAX_SIZE + 1, GOSLAB_MAX_SIZE - 15,
	};
	struct goslab_region r;
	unsigned int i;
	void *p, *q;

	goslab_region_init(&r, NULL);
	p = goslab_region_alloc(&r, 100, GFP_KERNEL);
	fill(test, p, 100);
	KUNIT_EXPECT_PTR_EQ(test, goslab_region_alloc(&r, hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goslab_region_alloc_aligned(&r, hidden(0), 64,
							      GFP_KERNEL),
			    ZERO_SIZE_PTR);
	for (i = 0; i < ARRAY_SIZE(too_large); i++) {
		KUNIT_EXPECT_NULL_MSG(test, goslab_region_alloc(&r, too_large[i],
								GFP_KERNEL),
				      "%zx", too_large[i]);
		KUNIT_EXPECT_NULL_MSG(test,
				      goslab_region_alloc_aligned(&r, too_large[i],
								  4096, GFP_KERNEL),
				      "%zx", too_large[i]);
	}
	KUNIT_EXPECT_NULL(test, goslab_region_alloc_array(&r, hidden(SIZE_MAX / 8),
							  16, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_calloc(&r, hidden(SIZE_MAX / 16 + 2),
						     16, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_memdup_nul(&r, "x", hidden(SIZE_MAX),
							 GFP_KERNEL));
	q = goslab_region_alloc(&r, GOSLAB_MAX_SIZE - 32, GFP_KERNEL);
	fill(test, q, GOSLAB_MAX_SIZE - 32);
	KUNIT_EXPECT_TRUE(test, holds(q, GOSLAB_MAX_SIZE - 32));
	KUNIT_EXPECT_TRUE(test, holds(p, 100));
	goslab_region_destroy(&r);
}

static void bad_arguments(struct kunit *test)
{
	static const size_t bad[] = { 0, 3, 24, 8192, SIZE_MAX };
	struct goslab_heap *h = make_heap(test, 0);
	struct goslab_region r;
	unsigned int i;

	goslab_region_init(&r, h);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		GS_EXPECT_REPORTS(test, GS_BUG_BAD_ALIGN, 1,
				  KUNIT_EXPECT_NULL(test,
						    goslab_region_alloc_aligned(&r, 8,
								bad[i], GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ALIGN, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_region_alloc_aligned(&r, 8, 24,
									GFP_KERNEL)));
	/* Without a chunk, and with one that has room. */
	for (i = 0; i < 2; i++) {
		GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
				  KUNIT_EXPECT_NULL(test,
						    goslab_region_alloc(&r, 8,
								GFP_KERNEL | __GFP_DMA)));
		KUNIT_EXPECT_NOT_NULL(test, goslab_region_alloc(&r, 8, GFP_KERNEL));
	}
	goslab_region_destroy(&r);
	goslab_heap_destroy(h);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_HEAP, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_region_alloc(&r, 8, GFP_KERNEL)));
}

/* A chunk for many pieces, more of them as it goes on; one each for what is large. */
static void chunks(struct kunit *test)
{
	struct goslab_heap *h = make_heap(test, 0);
	struct goslab_region r;
	unsigned int i;
	void *p;

	goslab_region_init(&r, h);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	for (i = 0; i < 30; i++)
		fill(test, goslab_region_alloc(&r, 100, GFP_KERNEL), 100);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	p = goslab_region_alloc(&r, 20000, GFP_KERNEL);
	fill(test, p, 20000);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 2UL);
	/* Which leaves the first one as it was. */
	fill(test, goslab_region_alloc(&r, 100, GFP_KERNEL), 100);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 2UL);
	for (i = 0; i < 1000; i++)
		fill(test, goslab_region_alloc(&r, 240, GFP_KERNEL), 240);
	/* 4, 8, 16, 32 and then 64 KiB each. */
	KUNIT_EXPECT_LE(test, chunks_of(h), 4UL + 240 * 1100 / MAX_CHUNK + 1);
	KUNIT_EXPECT_GE(test, chunks_of(h), 4UL + 240 * 1000 / MAX_CHUNK - 1);
	KUNIT_EXPECT_TRUE(test, holds(p, 20000));
	KUNIT_EXPECT_EQ(test, gs_test_owner(r.chunk), goslab_this_owner.id);
	goslab_region_destroy(&r);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	goslab_heap_destroy(h);
}

/* Marks within a chunk, across chunks, and over large pieces. */
static void marks(struct kunit *test)
{
	struct goslab_heap *h = make_heap(test, 0);
	struct goslab_region_mark none, outer, inner;
	struct goslab_region r;
	void *p, *q, *first;
	unsigned int i;

	goslab_region_init(&r, h);
	none = goslab_region_mark(&r);
	p = goslab_region_alloc(&r, 100, GFP_KERNEL);
	fill(test, p, 100);
	outer = goslab_region_mark(&r);
	q = goslab_region_alloc(&r, 200, GFP_KERNEL);
	fill(test, q, 200);
	inner = goslab_region_mark(&r);
	first = goslab_region_alloc(&r, 300, GFP_KERNEL);
	for (i = 0; i < 1000; i++)
		fill(test, goslab_region_alloc(&r, 300, GFP_KERNEL), 300);
	fill(test, goslab_region_alloc(&r, 30000, GFP_KERNEL), 30000);
	fill(test, goslab_region_alloc(&r, 300, GFP_KERNEL), 300);
	goslab_region_restore(&r, inner);
	KUNIT_EXPECT_TRUE(test, holds(p, 100));
	KUNIT_EXPECT_TRUE(test, holds(q, 200));
	/* What is kept is one chunk; the memory comes again. */
	KUNIT_EXPECT_EQ(test, chunks_of(h), 2UL);
	KUNIT_EXPECT_PTR_EQ(test, goslab_region_alloc(&r, 300, GFP_KERNEL), first);
	/* One after the other, and the same one once more. */
	for (i = 0; i < 3; i++) {
		goslab_region_restore(&r, inner);
		KUNIT_EXPECT_PTR_EQ(test, goslab_region_alloc(&r, 300, GFP_KERNEL),
				    first);
	}
	goslab_region_restore(&r, outer);
	KUNIT_EXPECT_TRUE(test, holds(p, 100));
	KUNIT_EXPECT_PTR_EQ(test, goslab_region_alloc(&r, 200, GFP_KERNEL), q);
	goslab_region_restore(&r, none);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	goslab_region_destroy(&r);
	goslab_heap_destroy(h);
}

/* Marks that older ones have made void, or of another region: nothing happens. */
static void void_marks(struct kunit *test)
{
	struct goslab_region_mark outer, inner, far;
	struct goslab_region r, other;
	unsigned int i;
	void *p;

	goslab_region_init(&r, NULL);
	goslab_region_init(&other, NULL);
	p = goslab_region_alloc(&r, 100, GFP_KERNEL);
	fill(test, p, 100);
	outer = goslab_region_mark(&r);
	KUNIT_EXPECT_NOT_NULL(test, goslab_region_alloc(&r, 100, GFP_KERNEL));
	inner = goslab_region_mark(&r);
	for (i = 0; i < 100; i++)
		KUNIT_EXPECT_NOT_NULL(test, goslab_region_alloc(&r, 100, GFP_KERNEL));
	far = goslab_region_mark(&r);
	goslab_region_restore(&r, outer);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_MARK, 1, goslab_region_restore(&r, inner));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_MARK, 1, goslab_region_restore(&r, far));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_MARK, 1,
			  goslab_region_restore(&other, outer));
	far = goslab_region_mark(&r);
	far.large = (void *)p;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_MARK, 1, goslab_region_restore(&r, far));
	KUNIT_EXPECT_TRUE(test, holds(p, 100));
	goslab_region_restore(&r, outer);
	goslab_region_destroy(&r);
	goslab_region_destroy(&other);
}

/* A reset region serves what fits into the chunk that it kept without a draw. */
static void reset(struct kunit *test)
{
	struct goslab_heap *h = make_heap(test, 0);
	struct goslab_region r;
	unsigned int i, round;

	goslab_region_init(&r, h);
	for (i = 0; i < 1000; i++)
		fill(test, goslab_region_alloc(&r, 500, GFP_KERNEL), 500);
	goslab_region_reset(&r);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	goslab_shrink();
	gs_test_fail_draws(1, ULONG_MAX);
	for (round = 0; round < 10; round++) {
		for (i = 0; i < MAX_CHUNK / 600; i++)
			fill(test, goslab_region_alloc(&r, 500, GFP_KERNEL), 500);
		goslab_region_reset(&r);
	}
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0UL);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	goslab_region_reset(&r);
	goslab_region_destroy(&r);
	goslab_region_destroy(&r);
	/* And is as new. */
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	fill(test, goslab_region_alloc(&r, 500, GFP_KERNEL), 500);
	goslab_region_destroy(&r);
	goslab_heap_destroy(h);
}

/* No memory: NULL, nothing changed; with memory it goes on. */
static void without_memory(struct kunit *test)
{
	struct goslab_region_mark mark;
	struct goslab_region r;
	void *p;

	goslab_region_init(&r, NULL);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_region_alloc(&r, 10, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_alloc(&r, 100000, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_strdup(&r, "abc", GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, goslab_region_asprintf(&r, GFP_KERNEL, "%d", 1));
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	p = goslab_region_alloc(&r, 10, GFP_KERNEL);
	fill(test, p, 10);
	mark = goslab_region_mark(&r);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_region_alloc(&r, 100000, GFP_KERNEL));
	KUNIT_EXPECT_NOT_NULL(test, goslab_region_alloc(&r, 10, GFP_KERNEL));
	gs_test_end_draws();
	goslab_region_restore(&r, mark);
	KUNIT_EXPECT_TRUE(test, holds(p, 10));
	goslab_region_destroy(&r);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* At the quota chunks are as small as they may be; then NULL, and it is counted. */
static void quota(struct kunit *test)
{
	struct goslab_heap *h = make_heap(test, SZ_32K);
	struct goslab_heap_usage usage;
	struct goslab_region r;
	unsigned int round;
	size_t got[2];

	goslab_region_init(&r, h);
	for (round = 0; round < 2; round++) {
		got[round] = 0;
		while (goslab_region_alloc(&r, 1000, GFP_KERNEL))
			got[round] += 1000;
		goslab_heap_usage(h, &usage);
		KUNIT_EXPECT_LE(test, usage.held, (size_t)SZ_32K);
		KUNIT_EXPECT_GT(test, usage.nr_refused, 0UL);
		goslab_region_destroy(&r);
	}
	/* 4 and 8 KiB, and no 16: single pieces for the rest. */
	KUNIT_EXPECT_GE(test, got[0], (size_t)SZ_16K);
	KUNIT_EXPECT_EQ(test, got[0], got[1]);
	goslab_heap_destroy(h);
}

/* The heap goes first with all that lives in it; the region begins anew. */
static void after_heap_reset(struct kunit *test)
{
	struct goslab_heap *h = make_heap(test, 0);
	struct goslab_region r;

	goslab_region_init(&r, h);
	fill(test, goslab_region_alloc(&r, 5000, GFP_KERNEL), 5000);
	goslab_heap_reset(h);
	goslab_region_init(&r, h);
	fill(test, goslab_region_alloc(&r, 5000, GFP_KERNEL), 5000);
	goslab_region_destroy(&r);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	goslab_heap_destroy(h);
}

static void expect_zero(struct kunit *test, const void *p, size_t size)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
}

/* Zeroed where it is asked for, or by init_on_alloc, in memory that was used. */
static void zeroed(struct kunit *test)
{
	struct goslab_region r;
	unsigned int round, i;
	void *p;

	goslab_region_init(&r, NULL);
	for (round = 0; round < 3; round++) {
		struct goslab_region_mark mark = goslab_region_mark(&r);

		for (i = 0; i < 100; i++) {
			p = goslab_region_alloc(&r, 301, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			if (want_init_on_alloc(GFP_KERNEL))
				expect_zero(test, p, 301);
			memset(p, 0xff, 301);
		}
		goslab_region_restore(&r, mark);
		mark = goslab_region_mark(&r);
		for (i = 0; i < 10; i++) {
			expect_zero(test, goslab_region_zalloc(&r, 77, GFP_KERNEL), 77);
			expect_zero(test, goslab_region_calloc(&r, 3, 33, GFP_KERNEL),
				    99);
			expect_zero(test, goslab_region_alloc_aligned(&r, 333, 256,
					GFP_KERNEL | __GFP_ZERO), 333);
			expect_zero(test, goslab_region_zalloc(&r, 30000, GFP_KERNEL),
				    30000);
		}
		if (round)
			goslab_region_restore(&r, mark);
	}
	goslab_region_destroy(&r);
}

static __printf(3, 4) char *by_list(struct goslab_region *r, gfp_t gfp,
				    const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = goslab_region_vasprintf(r, gfp, fmt, args);
	va_end(args);
	return p;
}

static void strings(struct kunit *test)
{
	static const char text[] = "the quick brown fox";
	struct goslab_region r;
	size_t len;
	char *p;

	goslab_region_init(&r, NULL);
	for (len = 0; len < sizeof(text); len++) {
		KUNIT_EXPECT_STREQ(test, goslab_region_strdup(&r, text + len, GFP_KERNEL),
				   text + len);
		p = goslab_region_strndup(&r, text, len, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, strlen(p), len);
		KUNIT_EXPECT_EQ(test, memcmp(p, text, len), 0);
	}
	p = goslab_region_memdup_nul(&r, "ab\0cd", 5, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, memcmp(p, "ab\0cd", 6), 0);
	p = goslab_region_memdup(&r, text, sizeof(text), GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, p, text);
	KUNIT_EXPECT_NULL(test, goslab_region_strdup(&r, NULL, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_strndup(&r, NULL, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_region_memdup_nul(&r, NULL, 3, GFP_KERNEL));
	KUNIT_EXPECT_STREQ(test, goslab_region_asprintf(&r, GFP_ATOMIC, "%s-%d", "eth", 42),
			   "eth-42");
	KUNIT_EXPECT_STREQ(test, goslab_region_asprintf(&r, GFP_KERNEL, "%s", ""), "");
	KUNIT_EXPECT_STREQ(test, by_list(&r, GFP_KERNEL, "%s=%#x", "mask", 0xf0),
			   "mask=0xf0");
	p = goslab_region_asprintf(&r, GFP_KERNEL, "%9000d|", 7);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, strlen(p), (size_t)9001);
	KUNIT_EXPECT_STREQ(test, p + 8999, "7|");
	goslab_region_destroy(&r);
}

/* With interrupts off, as a handler has it. */
static void atomic(struct kunit *test)
{
	struct goslab_region_mark mark;
	struct goslab_region r;
	unsigned long flags;
	unsigned int i;
	void *p = NULL;

	goslab_region_init(&r, NULL);
	local_irq_save(flags);
	mark = goslab_region_mark(&r);
	for (i = 0; i < 50; i++)
		p = goslab_region_alloc(&r, 300, GFP_ATOMIC);
	goslab_region_restore(&r, mark);
	goslab_region_destroy(&r);
	local_irq_restore(flags);
	KUNIT_EXPECT_NOT_NULL(test, p);
}

/* Debug builds see what is written after it was given back, and a second user. */
static void debug_checks(struct kunit *test)
{
	struct goslab_region_mark mark;
	struct goslab_region r;
	char *p;

	if (!IS_DEBUG)
		kunit_skip(test, "needs GOSLAB_DEBUG=1");
	goslab_region_init(&r, NULL);
	KUNIT_ASSERT_NOT_NULL(test, goslab_region_alloc(&r, 8, GFP_KERNEL));
	mark = goslab_region_mark(&r);
	p = goslab_region_alloc(&r, 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_region_restore(&r, mark);
	if (!IS_ENABLED(CONFIG_KASAN)) {
		KUNIT_EXPECT_EQ(test, p[50], (char)POISON_FREE);
		p[50] = 1;
		GS_EXPECT_REPORTS(test, GS_BUG_REGION_WRITTEN, 1,
				  KUNIT_EXPECT_PTR_EQ(test,
						      goslab_region_alloc(&r, 100,
									  GFP_KERNEL),
						      (void *)p));
	}
	r.busy = 1;
	GS_EXPECT_REPORTS(test, GS_BUG_REGION_BUSY, 1,
			  KUNIT_EXPECT_NULL(test, goslab_region_alloc(&r, 8, GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_REGION_BUSY, 1, goslab_region_restore(&r, mark));
	GS_EXPECT_REPORTS(test, GS_BUG_REGION_BUSY, 1, goslab_region_destroy(&r));
	r.busy = 0;
	goslab_region_destroy(&r);
}

#ifdef CONFIG_KASAN_GENERIC
/* May the byte at @p be used? */
static bool visible(const char *p)
{
	s8 shadow = *(s8 *)kasan_mem_to_shadow(p);

	return !shadow || (shadow > 0 && (unsigned long)p % 8 < shadow);
}

/* KASAN knows each piece to the byte, and that it is gone. */
static void shadow(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 13, 100, 20000 };
	struct goslab_region_mark mark;
	struct goslab_region r;
	unsigned int i;
	char *p;

	goslab_region_init(&r, NULL);
	mark = goslab_region_mark(&r);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = goslab_region_alloc(&r, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, visible(p));
		KUNIT_EXPECT_TRUE(test, visible(p + sizes[i] - 1));
		KUNIT_EXPECT_FALSE_MSG(test, visible(p + sizes[i]), "%zu", sizes[i]);
		KUNIT_EXPECT_FALSE(test, visible(p + sizes[i] + 8));
	}
	p = goslab_region_alloc(&r, 100, GFP_KERNEL);
	goslab_region_restore(&r, mark);
	KUNIT_EXPECT_FALSE(test, visible(p));
	KUNIT_EXPECT_FALSE(test, visible(p + 99));
	goslab_region_destroy(&r);
}
#else
static void shadow(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_KASAN_GENERIC");
}
#endif

#define MOST_PIECES	2000
#define MOST_MARKS	20

/**
 * struct model - what a region should have.
 * @r: the region.
 * @o: its pieces, oldest first: none is removed but the last.
 * @mark: marks that hold, and how many pieces there were.
 */
struct model {
	struct goslab_region r;
	struct gs_oracle *o;
	unsigned int nr_marks;
	struct {
		struct goslab_region_mark mark;
		unsigned int pieces;
	} mark[MOST_MARKS];
};

static void take(struct kunit *test, struct model *m, struct gs_rnd *rnd)
{
	size_t size = gs_rnd_log(rnd, 1, gs_rnd_below(rnd, 10) ? 500 : 40000);
	size_t align = gs_rnd_below(rnd, 4) ? 8 : 1UL << gs_rnd_below(rnd, 13);
	bool zero = !gs_rnd_below(rnd, 4);
	void *p;

	if (m->o->nr == MOST_PIECES)
		return;
	if (align == 8)
		p = goslab_region_alloc(&m->r, size,
					zero ? GFP_KERNEL | __GFP_ZERO : GFP_KERNEL);
	else
		p = goslab_region_alloc_aligned(&m->r, size, align,
						zero ? GFP_KERNEL | __GFP_ZERO : GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	if (zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, align));
	gs_oracle_add(m->o, p, size, true);
}

static void forget(struct model *m, unsigned int pieces)
{
	while (m->o->nr > pieces)
		gs_oracle_remove(m->o, m->o->nr - 1, true);
}

static void walk(struct kunit *test)
{
	struct model *m = kunit_kzalloc(test, sizeof(*m), GFP_KERNEL);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i, which;

	KUNIT_ASSERT_NOT_NULL(test, m);
	m->o = gs_oracle_make(test, MOST_PIECES);
	goslab_region_init(&m->r, NULL);
	for (i = 0; i < GS_TEST_STEPS / 10; i++) {
		switch (gs_rnd_below(&rnd, 64)) {
		case 0 ... 2:
			if (m->nr_marks == MOST_MARKS)
				break;
			m->mark[m->nr_marks].mark = goslab_region_mark(&m->r);
			m->mark[m->nr_marks++].pieces = m->o->nr;
			break;
		case 3 ... 4:
			if (!m->nr_marks)
				break;
			which = gs_rnd_below(&rnd, m->nr_marks);
			forget(m, m->mark[which].pieces);
			goslab_region_restore(&m->r, m->mark[which].mark);
			m->nr_marks = which + gs_rnd_below(&rnd, 2);
			break;
		case 5:
			if (gs_rnd_below(&rnd, 20))
				break;
			forget(m, 0);
			m->nr_marks = 0;
			if (gs_rnd_below(&rnd, 3))
				goslab_region_reset(&m->r);
			else
				goslab_region_destroy(&m->r);
			break;
		default:
			take(test, m, &rnd);
		}
		if (!(i % 256))
			cond_resched();
	}
	forget(m, 0);
	goslab_region_destroy(&m->r);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static char *seen_whole;
static unsigned long order;

/* Called with 3, 2, 1 the result is 321. */
static void note_call(void *arg)
{
	order = order * 10 + (unsigned long)arg;
	if (seen_whole && strcmp(seen_whole, "whole"))
		order = 0;
}

static void add_action(struct kunit *test, struct goslab_region *r, unsigned long n)
{
	KUNIT_ASSERT_EQ(test, goslab_region_action_add(r, note_call, (void *)n, GFP_KERNEL), 0);
}

/* Actions go with what was allocated after the mark, the latest first. */
static void actions(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create("kunit-region-act", NULL);
	struct goslab_region_mark mark;
	struct goslab_region r;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	goslab_region_init(&r, heap);
	order = 0;
	add_action(test, &r, 1);
	seen_whole = goslab_region_strdup(&r, "whole", GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, seen_whole);
	mark = goslab_region_mark(&r);
	add_action(test, &r, 2);
	KUNIT_ASSERT_NOT_NULL(test, goslab_region_alloc(&r, 100000, GFP_KERNEL));
	add_action(test, &r, 3);
	goslab_region_restore(&r, mark);
	KUNIT_EXPECT_EQ(test, order, 32UL);
	goslab_region_restore(&r, mark);
	KUNIT_EXPECT_EQ(test, order, 32UL);
	add_action(test, &r, 4);
	goslab_region_reset(&r);
	KUNIT_EXPECT_EQ(test, order, 3241UL);

	order = 0;
	seen_whole = NULL;
	add_action(test, &r, 5);
	add_action(test, &r, 6);
	goslab_region_destroy(&r);
	KUNIT_EXPECT_EQ(test, order, 65UL);

	/* The end of the heap is that of the region. */
	goslab_region_init(&r, heap);
	add_action(test, &r, 7);
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, order, 657UL);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_HEAP, 1,
			  KUNIT_EXPECT_EQ(test, goslab_region_action_add(&r, note_call, NULL,
									 GFP_KERNEL), -EINVAL));
}

static void actions_without_memory(struct kunit *test)
{
	struct goslab_region r;
	unsigned long n = 0;

	goslab_region_init(&r, NULL);
	order = 0;
	seen_whole = NULL;
	gs_test_fail_draws(1, 100000);
	while (n < 100000 && !goslab_region_action_add(&r, note_call, NULL, GFP_KERNEL))
		n++;
	gs_test_end_draws();
	KUNIT_EXPECT_LT(test, n, 100000UL);
	add_action(test, &r, 9);
	goslab_region_destroy(&r);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION), 0UL);
}

static struct kunit_case region_cases[] = {
	KUNIT_CASE(aligned),
	KUNIT_CASE(odd_sizes),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(chunks),
	KUNIT_CASE(marks),
	KUNIT_CASE(void_marks),
	KUNIT_CASE(reset),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(quota),
	KUNIT_CASE(after_heap_reset),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(strings),
	KUNIT_CASE(atomic),
	KUNIT_CASE(debug_checks),
	KUNIT_CASE(shadow),
	KUNIT_CASE(walk),
	KUNIT_CASE(actions),
	KUNIT_CASE(actions_without_memory),
	{}
};

static struct kunit_suite region_suite = {
	.name = "goslab_region",
	GS_TEST_CASES_PINNED,
	.test_cases = region_cases,
};
kunit_test_suite(region_suite);
