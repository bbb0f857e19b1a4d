// SPDX-License-Identifier: GPL-2.0
/*
 * misuse_kunit: goslab_misuse: every bad input that the interface can see.
 *
 * Each gives exactly one report, of its kind, and changes nothing: the heap is
 * whole after every case (testlib.c), nothing leaks, and the next call works.
 */
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "back/arena.h"
#include "front/drain.h"
#include "front/tiny.h"
#include "testlib.h"

#define NAME	"kunit-misuse"
#define NR	10

static const size_t sizes[] = { 8, 80, 100, 4096, 6784, 32768 };

/* One report of @kind for a free of @p, whoever frees it. */
static void bad_free(struct kunit *test, enum gs_report_kind kind, void *p)
{
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, kind, 1, goslab_free(p));
	GS_EXPECT_REPORTS(test, kind, 1, goslab_free_sensitive(p));
}

/* An object that is not live has no size and cannot be resized. */
static void not_live(struct kunit *test, void *p)
{
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)0));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_realloc(p, 100,
								 GFP_KERNEL)));
}

static struct goslab_cache *make(struct kunit *test, void (*ctor)(void *))
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 120, 0, 0, ctor);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

static void twice_at_once(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		goslab_free(p);
		bad_free(test, GS_BUG_DOUBLE_FREE, p);
		not_live(test, p);
	}
}

/* Later, while nobody has got the object: in a magazine, in its span, free. */
static void twice_later(struct kunit *test)
{
	unsigned int i, n;
	void *p[NR];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < NR; n++)
			p[n] = goslab_malloc(sizes[i], GFP_KERNEL);
		for (n = 0; n < NR; n++)
			goslab_free(p[n]);
		bad_free(test, GS_BUG_DOUBLE_FREE, p[NR / 2]);
		gs_drain_all();
		for (n = 0; n < NR; n++)
			bad_free(test, GS_BUG_DOUBLE_FREE, p[n]);
		not_live(test, p[0]);
		GS_EXPECT_WHOLE(test);
	}
	/* When even the pages are the kernel's again, they are foreign. */
	goslab_shrink();
	bad_free(test, GS_BUG_FOREIGN_FREE, p[0]);
	not_live(test, p[0]);
}

static void free_it(void *p)
{
	goslab_free(p);
}

static void twice_from_cpus(struct kunit *test)
{
	void *p;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	p = goslab_malloc(100, GFP_KERNEL);
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
			  gs_test_on_other_cpu(free_it, p));
	p = goslab_malloc(100, GFP_KERNEL);
	gs_test_on_other_cpu(free_it, p);
	bad_free(test, GS_BUG_DOUBLE_FREE, p);
	p = goslab_malloc(100000, GFP_KERNEL);
	gs_test_on_other_cpu(free_it, p);
	bad_free(test, GS_BUG_DOUBLE_FREE, p);
}

static void twice_tiny(struct kunit *test)
{
	void *p[6];
	unsigned int n;

	for (n = 0; n < ARRAY_SIZE(p); n++)
		p[n] = goslab_malloc_noscan(5, GFP_KERNEL);
	goslab_free(p[1]);
	/* Its neighbours live. */
	bad_free(test, GS_BUG_DOUBLE_FREE, p[1]);
	not_live(test, p[1]);
	if (GS_TINY_ENABLED) {
		bad_free(test, GS_BUG_INTERIOR_FREE, p[0] + 1);
		bad_free(test, GS_BUG_INTERIOR_FREE, p[0] + 4);
		not_live(test, p[0] + 1);
	}
	for (n = 0; n < ARRAY_SIZE(p); n++)
		if (n != 1)
			goslab_free(p[n]);
	for (n = 0; n < ARRAY_SIZE(p); n++)
		bad_free(test, GS_BUG_DOUBLE_FREE, p[n]);
	gs_drain_all();
	for (n = 0; n < ARRAY_SIZE(p); n++)
		bad_free(test, GS_BUG_DOUBLE_FREE, p[n]);
}

static void twice_large(struct kunit *test)
{
	void *p = goslab_malloc(100000, GFP_KERNEL);
	void *q = goslab_malloc(100000, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, q);
	goslab_free(p);
	bad_free(test, GS_BUG_DOUBLE_FREE, p);
	not_live(test, p);
	bad_free(test, GS_BUG_DOUBLE_FREE, p + 50000);
	goslab_free(q);
	bad_free(test, GS_BUG_DOUBLE_FREE, q);
	goslab_shrink();
	bad_free(test, GS_BUG_FOREIGN_FREE, q);
}

static void inside(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc(sizes[i], GFP_KERNEL);
		size_t size = goslab_size(p);

		bad_free(test, GS_BUG_INTERIOR_FREE, p + 1);
		bad_free(test, GS_BUG_INTERIOR_FREE, p + size / 2);
		bad_free(test, GS_BUG_INTERIOR_FREE, p + size - 1);
		not_live(test, p + 4);
		KUNIT_EXPECT_EQ(test, goslab_size(p), size);
		goslab_free(p);
	}
}

static void inside_large(struct kunit *test)
{
	void *p = goslab_malloc(100000, GFP_KERNEL);
	size_t size = goslab_size(p);

	bad_free(test, GS_BUG_INTERIOR_FREE, p + 1);
	bad_free(test, GS_BUG_INTERIOR_FREE, p + GS_PAGE_SIZE);
	bad_free(test, GS_BUG_INTERIOR_FREE, p + size - 1);
	not_live(test, p + GS_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, goslab_size(p), size);
	goslab_free(p);
}

/* The end of a span that holds no object. */
static void in_the_tail(struct kunit *test)
{
	/* A size that leaves some, wherever objects are rounded up to lines. */
	void *p = goslab_malloc(192, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);
	void *tail = (void *)s->base + gs_span_bytes(s);

	KUNIT_ASSERT_LT(test, (size_t)gs_span_bytes(s), gs_span_size(s));
	bad_free(test, GS_BUG_INTERIOR_FREE, tail);
	bad_free(test, GS_BUG_INTERIOR_FREE, tail + 1);
	not_live(test, tail);
	/* An object that was never given out. */
	bad_free(test, GS_BUG_DOUBLE_FREE, gs_span_object(s, s->nelems - 1));
	goslab_free(p);
}

static int global;

static void foreign(struct kunit *test)
{
	unsigned long page = __get_free_page(GFP_KERNEL);
	void *slab = kmalloc(100, GFP_KERNEL), *virt = vmalloc(10000);
	struct goslab_cache *cache = make(test, NULL);
	void *own = goslab_malloc(8, GFP_KERNEL);
	int local = 0;
	void *const all[] = {
		slab, slab + 8, virt, virt + 5000, (void *)page,
		(void *)page + 64, &local, &global, (void *)foreign, cache,
		gs_arena_span(own), test, current,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		bad_free(test, GS_BUG_FOREIGN_FREE, all[i]);
		not_live(test, all[i]);
		GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1,
				  goslab_cache_free(cache, all[i]));
	}
	goslab_free(own);
	goslab_cache_destroy(cache);
	vfree(virt);
	kfree(slab);
	free_page(page);
}

/* Numbers that are no address at all; none is ever read. */
static void garbage(struct kunit *test)
{
	static const unsigned long numbers[] = {
		17, 4095, 0x1234567, 0x7fffffffffff, 0x800000000000,
		0x123456789abcdef0, 0x7fffffffffffffff, 0x8000000000000000,
		0xdead000000000100, 0xffff7fffffffffff, 0xffff800000000000,
		0xffffffff80000000, 0xfffffffffffff000, 0xffffffffffffffff,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(numbers); i++) {
		bad_free(test, GS_BUG_FOREIGN_FREE, (void *)numbers[i]);
		not_live(test, (void *)numbers[i]);
	}
	for (i = 5; i < 64; i++)
		bad_free(test, GS_BUG_FOREIGN_FREE, (void *)(1UL << i));
	bad_free(test, GS_BUG_FOREIGN_FREE, (void *)gs_radix.base - 1);
	bad_free(test, GS_BUG_FOREIGN_FREE, (void *)gs_radix.base +
		 gs_radix.size);
}

/* Objects and calls of a cache that ended with live objects. */
static void zombie_cache(struct kunit *test)
{
	struct goslab_cache *cache = make(test, NULL);
	void *p[NR];
	unsigned int n;

	for (n = 0; n < NR; n++)
		p[n] = goslab_cache_alloc(cache, GFP_KERNEL);
	goslab_free(p[0]);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	for (n = 0; n < NR; n++) {
		bad_free(test, GS_BUG_DEAD_CACHE, p[n]);
		GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
				  goslab_cache_free(cache, p[n]));
	}
	not_live(test, p[1]);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_cache_alloc(cache,
							       GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  goslab_cache_destroy(cache));
	GS_EXPECT_WHOLE(test);
	gs_test_bury(test, NAME);
}

/* The same when nothing of the cache is left. */
static void gone_cache(struct kunit *test)
{
	struct goslab_cache *cache = make(test, NULL);
	void *p = goslab_cache_alloc(cache, GFP_KERNEL);

	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
	bad_free(test, GS_BUG_DOUBLE_FREE, p);
	goslab_shrink();
	bad_free(test, GS_BUG_FOREIGN_FREE, p);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  goslab_cache_free(cache, p));
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_cache_alloc(cache,
							       GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  goslab_cache_destroy(cache));
}

static void wrong_cache(struct kunit *test)
{
	struct goslab_cache *cache = make(test, NULL), *other;
	void *all[5], *own = goslab_cache_alloc(cache, GFP_KERNEL);
	unsigned int n;

	other = goslab_cache_create("kunit-misuse-b", 120, 0, 0, NULL);
	all[0] = goslab_cache_alloc(other, GFP_KERNEL);
	all[1] = goslab_malloc(120, GFP_KERNEL);
	all[2] = goslab_malloc(100000, GFP_KERNEL);
	all[3] = goslab_malloc_noscan(120, GFP_KERNEL);
	all[4] = goslab_malloc_noscan(3, GFP_KERNEL);
	for (n = 0; n < ARRAY_SIZE(all); n++) {
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1,
				  goslab_cache_free(cache, all[n]));
		KUNIT_EXPECT_NE(test, goslab_size(all[n]), (size_t)0);
		goslab_free(all[n]);
	}
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1,
			  goslab_cache_free(cache, own + 8));
	goslab_cache_free(cache, own);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
			  goslab_cache_free(cache, own));
	goslab_cache_destroy(other);
	goslab_cache_destroy(cache);
}

static const struct {
	const char *name;
	size_t size;
	size_t align;
	unsigned long flags;
	enum gs_report_kind kind;
} creates[] = {
	{ NULL, 8, 0, 0, GS_BUG_BAD_NAME },
	{ "", 8, 0, 0, GS_BUG_BAD_NAME },
	{ "two words", 8, 0, 0, GS_BUG_BAD_NAME },
	{ "line\n", 8, 0, 0, GS_BUG_BAD_NAME },
	{ "kunit-0123456789-0123456789-0123", 8, 0, 0, GS_BUG_BAD_NAME },
	{ "malloc-64", 8, 0, 0, GS_BUG_DUPLICATE_NAME },
	{ NAME, 8, 0, 0, GS_BUG_DUPLICATE_NAME },
	{ "kunit-new", 0, 0, 0, GS_BUG_BAD_SIZE },
	{ "kunit-new", GOSLAB_MAX_SIZE + 1, 0, 0, GS_BUG_BAD_SIZE },
	{ "kunit-new", SIZE_MAX, 0, 0, GS_BUG_BAD_SIZE },
	{ "kunit-new", 8, 3, 0, GS_BUG_BAD_ALIGN },
	{ "kunit-new", 8, 24, 0, GS_BUG_BAD_ALIGN },
	{ "kunit-new", 8, 2 * GOSLAB_MAX_ALIGN, 0, GS_BUG_BAD_ALIGN },
	{ "kunit-new", 8, 1UL << 63, 0, GS_BUG_BAD_ALIGN },
	{ "kunit-new", 8, SIZE_MAX, 0, GS_BUG_BAD_ALIGN },
	{ "kunit-new", 8, 0, BIT(5), GS_BUG_BAD_FLAGS },
	{ "kunit-new", 8, 0, GOSLAB_HWCACHE_ALIGN | BIT(31), GS_BUG_BAD_FLAGS },
};

static void bad_creates(struct kunit *test)
{
	struct goslab_cache *there = make(test, NULL), *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(creates); i++) {
		GS_EXPECT_REPORTS(test, creates[i].kind, 1,
				  cache = goslab_cache_create(creates[i].name,
							      creates[i].size,
							      creates[i].align,
							      creates[i].flags,
							      NULL));
		KUNIT_EXPECT_NULL_MSG(test, cache, "case %u", i);
	}
	KUNIT_EXPECT_NULL(test, gs_test_class("kunit-new"));
	goslab_cache_destroy(there);
}

/* An allocation that must give nothing and report @kind. */
#define REFUSED(test, kind, call)					\
	GS_EXPECT_REPORTS(test, kind, 1, KUNIT_EXPECT_NULL(test, call))

static void bad_zones(struct kunit *test)
{
	static const gfp_t zones[] = { __GFP_DMA, __GFP_DMA32, __GFP_HIGHMEM };
	struct goslab_cache *cache = make(test, NULL);
	size_t small = 100, large = 100000;
	unsigned int i;
	void *p;

	OPTIMIZER_HIDE_VAR(small);
	for (i = 0; i < ARRAY_SIZE(zones); i++) {
		gfp_t gfp = GFP_KERNEL | zones[i];

		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc(64, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc(small, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc(large, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_zalloc(small, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc_noscan(small, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc_noscan(3, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc_node(small, gfp, 0));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_malloc_node(large, gfp, 0));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_cache_alloc(cache, gfp));
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_cache_zalloc(cache, gfp));
		p = goslab_malloc(small, GFP_KERNEL);
		REFUSED(test, GS_BUG_BAD_ZONE, goslab_realloc(p, 5000, gfp));
		goslab_free(p);
	}
	goslab_cache_destroy(cache);
}

static void bad_nodes(struct kunit *test)
{
	static const int nodes[] = { -2, MAX_NUMNODES, 100000, INT_MIN };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(nodes); i++) {
		REFUSED(test, GS_BUG_BAD_NODE,
			goslab_malloc_node(64, GFP_KERNEL, nodes[i]));
		REFUSED(test, GS_BUG_BAD_NODE,
			goslab_malloc_node(64000, GFP_KERNEL, nodes[i]));
	}
}

static void ctor(void *object)
{
	memset(object, 1, 120);
}

static void zeroed_ctor(struct kunit *test)
{
	struct goslab_cache *cache = make(test, ctor);
	void *p;

	REFUSED(test, GS_BUG_ZERO_CTOR, goslab_cache_zalloc(cache, GFP_KERNEL));
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 1, 120));
	REFUSED(test, GS_BUG_ZERO_CTOR, goslab_cache_zalloc(cache, GFP_KERNEL));
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
}

/* A state byte that nothing of ours writes. */
static void overwritten_state(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);
	u8 *state = &s->objects[gs_span_index(s, p)], was = *state;

	*state = GS_HELD + 1;
	bad_free(test, GS_BUG_BAD_STATE, p);
	*state = GS_PENDING;
	bad_free(test, GS_BUG_DOUBLE_FREE, p);
	*state = was;
	goslab_free(p);
}

/* Reports in a loop are counted to the last one and printed to a limit. */
static void reports_in_a_loop(struct kunit *test)
{
	unsigned long before = gs_report_suppressed(), n;
	struct gs_report r = { .kind = GS_BUG_BAD_SIZE, .name = "kunit" };

	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 500,
			  for (n = 0; n < 500; n++)
				gs_report(&r));
	/* 100 in 5 s: on a slow machine a few intervals may pass. */
	KUNIT_EXPECT_GT(test, gs_report_suppressed() - before, 100UL);
	/* Another kind has a limit of its own. */
	before = gs_report_suppressed();
	r.kind = GS_BUG_BAD_FLAGS;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1, gs_report(&r));
	KUNIT_EXPECT_EQ(test, gs_report_suppressed(), before);
}

static struct kunit_case misuse_cases[] = {
	KUNIT_CASE(twice_at_once),
	KUNIT_CASE(twice_later),
	KUNIT_CASE(twice_from_cpus),
	KUNIT_CASE(twice_tiny),
	KUNIT_CASE(twice_large),
	KUNIT_CASE(inside),
	KUNIT_CASE(inside_large),
	KUNIT_CASE(in_the_tail),
	KUNIT_CASE(foreign),
	KUNIT_CASE(garbage),
	KUNIT_CASE(zombie_cache),
	KUNIT_CASE(gone_cache),
	KUNIT_CASE(wrong_cache),
	KUNIT_CASE(bad_creates),
	KUNIT_CASE(bad_zones),
	KUNIT_CASE(bad_nodes),
	KUNIT_CASE(zeroed_ctor),
	KUNIT_CASE(overwritten_state),
	KUNIT_CASE(reports_in_a_loop),
	{}
};

static struct kunit_suite misuse_suite = {
	.name = "goslab_misuse",
	GS_TEST_CASES_PINNED,
	.test_cases = misuse_cases,
};
kunit_test_suite(misuse_suite);
