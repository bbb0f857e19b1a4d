// SPDX-License-Identifier: GPL-2.0
/*
 * effort_kunit: goslab_effort: how hard draws try: base/sys.h, back/mheap.c,
 * middle/class.c.
 *
 * A draw that is larger than needed must not make the kernel work. Pages that
 * only a PF_MEMALLOC task may draw must not become everyone's. The second is
 * shown by a hook that marks drawn pages as those of the emergency reserve.
 */
#include <linux/goslab.h>
#include <linux/mm.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"
#include "middle/class.h"
#include "testlib.h"

#define SIZE	100	/* of objects; their spans are one page of 8 KiB */

/* Draws of this task while a case records them. */
static struct {
	struct task_struct *task;
	bool reserve;		/* mark pages of spans as the reserve's */
	u64 most;		/* larger draws fail */
	unsigned int n;
	struct gs_drawn at[32];
} draws;

static void on_draw(enum gs_hook_point point, void *arg)
{
	struct gs_draw *draw = arg;

	if (current == draws.task && !draw->meta && draw->bytes > draws.most)
		draw->bytes = 0;
}

static void on_drawn(enum gs_hook_point point, void *arg)
{
	struct gs_drawn *drawn = arg;

	if (current != draws.task || drawn->meta)
		return;
	if (draws.n < ARRAY_SIZE(draws.at))
		draws.at[draws.n++] = *drawn;
	if (draws.reserve)
		set_page_pfmemalloc(drawn->page);
}

static void record(u64 most, bool reserve)
{
	draws.task = NULL;
	draws.n = 0;
	draws.most = most;
	draws.reserve = reserve;
	gs_test_hook(GS_HOOK_SYS_DRAW, on_draw);
	gs_test_hook(GS_HOOK_SYS_DRAWN, on_drawn);
	draws.task = current;
}

static void stop_recording(void)
{
	draws.task = NULL;
}

static struct goslab_cache *make(struct kunit *test, unsigned long flags)
{
	struct goslab_cache *cache;

	cache = goslab_cache_create("kunit_effort", SIZE, 0, flags, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

/* What is drawn beyond the request costs no reclaim and no reserve. */
static void larger_draws_are_cheap(struct kunit *test)
{
	struct goslab_cache *cache = make(test, 0);
	unsigned int least = get_order(GS_PAGE_SIZE);
	gfp_t gfp;
	void *p;

	record(U64_MAX, false);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	stop_recording();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, draws.n, 1);
	gfp = draws.at[0].gfp;
	/* Pages of 64 KiB are as long as the first blocks. */
	if (PAGE_SIZE < 64 << 10) {
		KUNIT_EXPECT_GT(test, draws.at[0].order, least);
		KUNIT_EXPECT_FALSE(test, gfp & __GFP_RECLAIM);
		KUNIT_EXPECT_TRUE(test, gfp & __GFP_NOMEMALLOC);
	}
	goslab_cache_free(cache, p);
	goslab_shrink();

	/* The request itself is drawn as the caller says, who has no other node. */
	record(GS_UNIT_SIZE, false);
	p = goslab_cache_alloc(cache, GFP_KERNEL | __GFP_THISNODE);
	stop_recording();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, draws.n, 1);
	gfp = draws.at[0].gfp;
	KUNIT_EXPECT_EQ(test, draws.at[0].order, least);
	KUNIT_EXPECT_TRUE(test, gfp & __GFP_DIRECT_RECLAIM);
	KUNIT_EXPECT_FALSE(test, gfp & __GFP_NOMEMALLOC);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
}

/* A look at the own node first does not make a sleeping caller an atomic one. */
static void sleeping_caller_stays_one(struct kunit *test)
{
	struct gs_class *c = gs_test_class("malloc-128");
	struct mspan *s;

	KUNIT_ASSERT_TRUE(test, gs_mheap_refill_reserve());
	while (gs_mheap_free_pages() > GS_RESERVE_PAGES)
		KUNIT_ASSERT_EQ(test, gs_mheap_release(1),
				(unsigned long)GS_UNIT_PAGES);
	record(U64_MAX, false);
	s = gs_class_new_span(c, numa_mem_id(), GFP_KERNEL, true);
	stop_recording();
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_GE(test, gs_mheap_free_pages(),
			(unsigned long)GS_RESERVE_PAGES);
	KUNIT_EXPECT_EQ(test, draws.n, 1);
	KUNIT_EXPECT_TRUE(test, draws.at[0].gfp & __GFP_THISNODE);
	gs_class_free_span(s);
}

/* The object at @p is alone in a span that goes straight back. */
static void expect_alone(struct kunit *test, void *p)
{
	struct mspan *s = gs_arena_span(p);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->direct, GS_DIRECT_RESERVE);
	KUNIT_EXPECT_EQ(test, s->nelems, 1);
}

static void reserve_is_for_its_caller(struct kunit *test)
{
	static const unsigned long flags[] = { 0, GOSLAB_ACCOUNT };
	unsigned int i, k;
	void *p[3], *q;

	for (i = 0; i < ARRAY_SIZE(flags); i++) {
		struct goslab_cache *cache = make(test, flags[i]);
		size_t held;

		for (k = 0; k < ARRAY_SIZE(p); k++) {
			record(GS_UNIT_SIZE, true);
			p[k] = goslab_cache_alloc(cache, GFP_KERNEL);
			stop_recording();
			KUNIT_ASSERT_NOT_NULL(test, p[k]);
			expect_alone(test, p[k]);
		}
		/* Others draw pages of their own. */
		q = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_NE(test, gs_arena_span(q)->direct,
				GS_DIRECT_RESERVE);
		GS_EXPECT_WHOLE(test);
		/* No way back leads to a magazine. */
		held = gs_sys_held();
		goslab_cache_free(cache, p[0]);
		KUNIT_EXPECT_EQ(test, gs_sys_held(), held - GS_UNIT_SIZE);
		goslab_free_bulk(1, &p[1]);
		KUNIT_EXPECT_EQ(test, gs_sys_held(), held - 2 * GS_UNIT_SIZE);
		goslab_cache_free_bulk(cache, 1, &p[2]);
		KUNIT_EXPECT_EQ(test, gs_sys_held(), held - 3 * GS_UNIT_SIZE);
		goslab_cache_free(cache, q);
		goslab_cache_destroy(cache);
	}
}

static void reserve_of_large_and_tiny(struct kunit *test)
{
	size_t held;
	void *p, *q;

	record(U64_MAX, true);
	p = goslab_malloc(70000, GFP_KERNEL);
	q = goslab_malloc_noscan(5, GFP_KERNEL);
	stop_recording();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, gs_arena_span(p)->direct, GS_DIRECT_RESERVE);
	GS_EXPECT_WHOLE(test);
	held = gs_sys_held();
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held - (128 << 10));
	goslab_free(q);
}

/* Within a quota the longer block counts, and is given back in whole. */
static void reserve_of_a_heap(struct kunit *test)
{
	struct goslab_heap_args args = { .quota = 1 << 20 };
	struct goslab_heap *heap = goslab_heap_create("kunit-effort", &args);
	struct goslab_heap_usage usage;
	void *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	/* Larger draws never take from the reserve. */
	record(128 << 10, true);
	p = goslab_heap_malloc(heap, 70000, GFP_KERNEL);
	record(max(32UL << 10, PAGE_SIZE), true);
	q = goslab_heap_malloc(heap, 24576, GFP_KERNEL);
	stop_recording();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	goslab_heap_usage(heap, &usage);
	KUNIT_EXPECT_EQ(test, usage.held,
			(128UL << 10) + max(32UL << 10, PAGE_SIZE));
	goslab_free(p);
	goslab_free(q);
	goslab_heap_usage(heap, &usage);
	KUNIT_EXPECT_EQ(test, usage.held, (size_t)0);
	goslab_heap_destroy(heap);
}

/* Lockdep's exception is the caller's to make. */
static void nolockdep_passes(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, (__force u32)(GS_GFP_ALLOWED & __GFP_NOLOCKDEP),
			(__force u32)__GFP_NOLOCKDEP);
}

static struct kunit_case effort_cases[] = {
	KUNIT_CASE(larger_draws_are_cheap),
	KUNIT_CASE(sleeping_caller_stays_one),
	KUNIT_CASE(reserve_is_for_its_caller),
	KUNIT_CASE(reserve_of_large_and_tiny),
	KUNIT_CASE(reserve_of_a_heap),
	KUNIT_CASE(nolockdep_passes),
	{}
};

static struct kunit_suite effort_suite = {
	.name = "goslab_effort",
	GS_TEST_CASES,
	.test_cases = effort_cases,
};
kunit_test_suite(effort_suite);
