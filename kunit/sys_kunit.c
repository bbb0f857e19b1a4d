// SPDX-License-Identifier: GPL-2.0
/*
 * sys_kunit: goslab_sys: base/sys.c, the seam to the page allocator.
 *
 * Blocks are drawn here and given back here, beside the page heap. Pages that
 * the allocator must leak are freed by the case, so that none is left.
 */
#include <linux/align.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "base/sys.h"
#include "testlib.h"

#define REF_BIAS	(1 << 16)	/* as in sys.c */

static void *must_draw(struct kunit *test, unsigned int order)
{
	void *block = gs_sys_draw(NUMA_NO_NODE, GFP_KERNEL, order);

	KUNIT_ASSERT_NOT_NULL(test, block);
	return block;
}

static void blocks_are_aligned_and_counted(struct kunit *test)
{
	size_t held = gs_sys_held(), meta = gs_sys_meta();
	unsigned int order;

	for (order = get_order(GS_UNIT_SIZE); order <= GS_MAX_ORDER; order++) {
		size_t bytes = PAGE_SIZE << order;
		void *block = must_draw(test, order);

		KUNIT_EXPECT_TRUE(test, IS_ALIGNED(virt_to_phys(block), bytes));
		KUNIT_EXPECT_EQ(test, gs_sys_held(), held + bytes);
		KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
		memset(block, 0x5a, bytes);
		gs_sys_give(block, bytes);
		KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
	}
}

static void pages_go_back_one_by_one(struct kunit *test)
{
	size_t held = gs_sys_held(), bytes = 16 * GS_UNIT_SIZE;
	void *block = must_draw(test, get_order(bytes));
	unsigned int i;

	for (i = 0; i < 16; i++)	/* the odd ones from the end, the even */
		gs_sys_give(block + (i & 1 ? 16 - i : i) * GS_UNIT_SIZE,
			    GS_UNIT_SIZE);
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
}

static void only_allowed_bits_reach_the_kernel(struct kunit *test)
{
	void *block = gs_sys_draw(NUMA_NO_NODE, GFP_KERNEL | __GFP_COMP |
				  __GFP_ACCOUNT | __GFP_MOVABLE | __GFP_DMA |
				  __GFP_NOFAIL, 3);
	size_t off;

	KUNIT_ASSERT_NOT_NULL(test, block);
	for (off = 0; off < PAGE_SIZE << 3; off += PAGE_SIZE) {
		struct page *page = virt_to_page(block + off);

		KUNIT_EXPECT_FALSE(test, PageCompound(page));
		KUNIT_EXPECT_EQ(test, page_ref_count(page), 1 + REF_BIAS);
	}
	gs_sys_give(block, PAGE_SIZE << 3);
}

/* Metadata is ours by the count of each page; what the kernel draws itself is not. */
static void pages_tell_whose_they_are(struct kunit *test)
{
	void *block = must_draw(test, 2);
	void *meta = gs_sys_draw_meta(PAGE_SIZE << 2, NUMA_NO_NODE, GFP_KERNEL);
	struct page *other = alloc_pages(GFP_KERNEL, 2);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, meta && other);
	for (i = 0; i < 4; i++) {
		KUNIT_EXPECT_TRUE(test, gs_sys_is_ours(virt_to_page(block) + i));
		KUNIT_EXPECT_TRUE(test, gs_sys_is_ours(virt_to_page(meta) + i));
		KUNIT_EXPECT_FALSE(test, gs_sys_is_ours(other + i));
	}
	__free_pages(other, 2);
	gs_sys_give_meta(meta, PAGE_SIZE << 2);
	KUNIT_EXPECT_FALSE(test, gs_sys_is_ours(virt_to_page(meta) + 1));
	gs_sys_give(block, PAGE_SIZE << 2);
}

static void a_failed_draw_counts_nothing(struct kunit *test)
{
	size_t held = gs_sys_held();

	gs_test_fail_draws(1, 1);
	KUNIT_EXPECT_NULL(test, gs_sys_draw(NUMA_NO_NODE, GFP_KERNEL, 1));
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 1);
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
}

/* A stray kfree() or put_page() ends in this. */
static void a_stray_put_leaves_the_page_ours(struct kunit *test)
{
	size_t held = gs_sys_held();
	void *block = must_draw(test, 3);
	struct page *page = virt_to_page(block + PAGE_SIZE);

	memset(block, 0x5a, PAGE_SIZE << 3);
	put_page(page);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), REF_BIAS);
	KUNIT_EXPECT_NULL(test, memchr_inv(block, 0x5a, PAGE_SIZE << 3));

	/* Its one page stays behind; the other seven go. */
	GS_EXPECT_REPORTS(test, GS_BUG_PAGE_COUNT, 1,
			  gs_sys_give(block, PAGE_SIZE << 3));
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), REF_BIAS);
	KUNIT_EXPECT_NULL(test, memchr_inv(page_address(page), 0x5a, PAGE_SIZE));

	page_ref_sub(page, REF_BIAS - 1);
	__free_page(page);
}

static void a_passing_reader_frees_the_page(struct kunit *test)
{
	size_t held = gs_sys_held();
	void *block = must_draw(test, 1);
	struct page *page = virt_to_page(block);

	get_page(page);
	GS_EXPECT_REPORTS(test, GS_BUG_PAGE_COUNT, 0,
			  gs_sys_give(block, PAGE_SIZE << 1));
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
	KUNIT_EXPECT_EQ(test, page_ref_count(page), 1);
	put_page(page);
}

static struct kunit_case sys_cases[] = {
	KUNIT_CASE(blocks_are_aligned_and_counted),
	KUNIT_CASE(pages_go_back_one_by_one),
	KUNIT_CASE(only_allowed_bits_reach_the_kernel),
	KUNIT_CASE(pages_tell_whose_they_are),
	KUNIT_CASE(a_failed_draw_counts_nothing),
	KUNIT_CASE(a_stray_put_leaves_the_page_ours),
	KUNIT_CASE(a_passing_reader_frees_the_page),
	{}
};

static struct kunit_suite sys_suite = {
	.name = "goslab_sys",
	GS_TEST_CASES,
	.test_cases = sys_cases,
};
kunit_test_suite(sys_suite);
