// SPDX-License-Identifier: GPL-2.0
/*
 * kv_kunit: goslab_kv: api/kv.c, memory that need not be contiguous.
 *
 * vmalloc() is reached by sizes that goslab has not, or by failing its draws.
 */
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/vmalloc.h>

#include "testlib.h"

#define BIG	(GOSLAB_MAX_SIZE + PAGE_SIZE + 17)

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static void fail_vmalloc(enum gs_hook_point point, void *arg)
{
	*(u64 *)arg = 0;
}

static unsigned long asked;

static void count_vmalloc(enum gs_hook_point point, void *arg)
{
	asked++;
}

/* Memory of ours, or of vmalloc(), of which @size bytes can be written. */
static void use(struct kunit *test, void *p, size_t size, bool ours)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, is_vmalloc_addr(p), !ours);
	memset(p, 0x5a, size);
	goslab_kvfree(p);
}

static void small_is_ours(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, 4096, 8192, 40000, 1 << 20 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		use(test, goslab_kvmalloc(sizes[i], GFP_KERNEL), sizes[i], true);
		use(test, goslab_kvmalloc_node(sizes[i], GFP_KERNEL, 0),
		    sizes[i], true);
		use(test, goslab_kvmalloc(sizes[i], GFP_ATOMIC), sizes[i], true);
	}
	use(test, goslab_kvmalloc(1000, GFP_KERNEL), 1000, true);
	KUNIT_EXPECT_PTR_EQ(test, goslab_kvmalloc(hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	goslab_kvfree(ZERO_SIZE_PTR);
	goslab_kvfree(NULL);
	goslab_kvfree_sensitive(NULL, 0);
}

static void big_is_mapped(struct kunit *test)
{
	u8 *p;

	use(test, goslab_kvmalloc(BIG, GFP_KERNEL), BIG, false);
	use(test, goslab_kvmalloc_node(BIG, GFP_KERNEL, 0), BIG, false);
	use(test, goslab_kvmalloc_node(BIG, GFP_KERNEL | __GFP_NOWARN, 0), BIG,
	    false);
	use(test, goslab_kvmalloc(BIG, GFP_KERNEL_ACCOUNT | __GFP_NOFAIL), BIG,
	    false);
	use(test, goslab_kvmalloc(BIG, GFP_NOFS | __GFP_COMP | __GFP_MEMALLOC),
	    BIG, false);
	p = goslab_kvzalloc(BIG, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, BIG));
	use(test, p, BIG, false);
	p = goslab_kvzalloc_node(BIG, GFP_KERNEL, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, BIG));
	use(test, p, BIG, false);
}

/* Whatever is more than a page may come from vmalloc() when we have none. */
static void helps_out(struct kunit *test)
{
	static const size_t sizes[] = { 4097, 8192, 32768, 100000 };
	unsigned int i;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size = max(sizes[i], PAGE_SIZE + 1);

		gs_test_fail_draws(1, ULONG_MAX);
		use(test, goslab_kvmalloc(size, GFP_KERNEL), size, false);
		use(test, goslab_kvmalloc(size, GFP_KERNEL | __GFP_NOFAIL),
		    size, false);
		p = goslab_kvcalloc(size, 1, GFP_KERNEL);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
		use(test, p, size, false);
		KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* These never reach it. */
static void not_for_vmalloc(struct kunit *test)
{
	size_t page = hidden(PAGE_SIZE), more = hidden(PAGE_SIZE + 1);

	asked = 0;
	gs_test_hook(GS_HOOK_OTHER_DRAW, count_vmalloc);
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(BIG), GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(BIG), GFP_NOWAIT));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc_node(hidden(BIG), GFP_KERNEL |
						     __GFP_THISNODE, 0));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(INT_MAX + 1UL),
						GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(SIZE_MAX), GFP_KERNEL));
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(page, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(more, GFP_ATOMIC |
						__GFP_NOWARN));
	gs_test_end_draws();
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_kvmalloc(more,
						GFP_KERNEL | __GFP_DMA)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(BIG),
						GFP_KERNEL | __GFP_DMA32)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_kvmalloc_node(more,
						GFP_KERNEL, nr_node_ids)));
	KUNIT_EXPECT_EQ(test, asked, 0UL);
	use(test, goslab_kvmalloc(hidden(BIG), GFP_KERNEL), BIG, false);
	KUNIT_EXPECT_EQ(test, asked, 1UL);
}

static void vmalloc_fails(struct kunit *test)
{
	void *p = goslab_kvmalloc(100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	strcpy(p, "kept");
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_vmalloc);
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc(hidden(BIG), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvrealloc(p, hidden(BIG), GFP_KERNEL));
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
	KUNIT_EXPECT_STREQ(test, (char *)p, "kept");
	goslab_kvfree(p);
}

static void arrays(struct kunit *test)
{
	u8 *p;

	use(test, goslab_kvmalloc_array(100, 30, GFP_KERNEL), 3000, true);
	use(test, goslab_kvmalloc_array(BIG / 8, 8, GFP_KERNEL), BIG / 8 * 8,
	    false);
	use(test, goslab_kvmalloc_array_node(BIG / 8, 8, GFP_KERNEL, 0),
	    BIG / 8 * 8, false);
	p = goslab_kvcalloc_node(1000, 3, GFP_KERNEL, 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 3000));
	use(test, p, 3000, true);
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc_array(hidden(SIZE_MAX / 2), 4,
						      GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvcalloc(hidden(SIZE_MAX / 2), 4,
						GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_kvcalloc_node(hidden(SIZE_MAX / 2), 4,
						     GFP_KERNEL, 0));
}

struct flex {
	u32 n;
	u64 at[];
};

static void objects(struct kunit *test)
{
	struct flex *f;
	u64 *p;

	use(test, goslab_kvmalloc_obj(struct flex), sizeof(struct flex), true);
	use(test, goslab_kvmalloc_objs(u64, 5, GFP_ATOMIC), 40, true);
	p = goslab_kvzalloc_objs(*p, hidden(BIG / 8));
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, BIG / 8 * 8));
	use(test, p, BIG / 8 * 8, false);
	p = goslab_kvzalloc_obj(*p);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, *p, 0ULL);
	use(test, p, 8, true);
	f = goslab_kvmalloc_flex(*f, at, 3);
	use(test, f, struct_size(f, at, 3), true);
	f = goslab_kvzalloc_flex(*f, at, hidden(BIG / 8), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->at[BIG / 8 - 1], 0ULL);
	use(test, f, struct_size(f, at, BIG / 8), false);
	KUNIT_EXPECT_NULL(test, goslab_kvmalloc_flex(*f, at, hidden(SIZE_MAX)));
}

static void memdup(struct kunit *test)
{
	u8 *src = vmalloc(BIG), *p;

	KUNIT_ASSERT_NOT_NULL(test, src);
	memset(src, 0x3c, BIG);
	p = goslab_kvmemdup(src, 100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, memcmp(p, src, 100), 0);
	use(test, p, 100, true);
	p = goslab_kvmemdup(src, BIG, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, memcmp(p, src, BIG), 0);
	use(test, p, BIG, false);
	/* That of others is freed as well. */
	goslab_kvfree(src);
}

/* Up through objects, large objects and mapped pages, and down again. */
static void resized(struct kunit *test)
{
	static const size_t sizes[] = {
		10, 1000, 40000, BIG, 3 * BIG, 2 * BIG, BIG / 2, 40000, 1000, 10,
		BIG, 10,
	};
	size_t had = 0;
	unsigned int i;
	u8 *p = NULL;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t keep = min(had, sizes[i]);
		u8 *q = goslab_kvrealloc(p, sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_NULL(test, memchr_inv(q, i, keep));
		memset(q, i + 1, sizes[i]);
		had = sizes[i];
		p = q;
	}
	KUNIT_EXPECT_FALSE(test, is_vmalloc_addr(p));
	KUNIT_EXPECT_PTR_EQ(test, goslab_kvrealloc(p, hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	p = goslab_kvmalloc(BIG, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, goslab_kvrealloc(p, hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
}

/* With __GFP_ZERO on all calls, what is new is zero wherever it lies. */
static void resized_zeroed(struct kunit *test)
{
	static const size_t sizes[] = {
		100, 50000, BIG, BIG - 10000, BIG - 1, BIG, 2 * BIG, 1000, 2000,
		BIG,
	};
	size_t had = 0;
	unsigned int i;
	u8 *p = NULL;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *q = goslab_kvrealloc(p, sizes[i], GFP_KERNEL | __GFP_ZERO);

		KUNIT_ASSERT_NOT_NULL(test, q);
		if (sizes[i] > had)
			KUNIT_EXPECT_NULL(test, memchr_inv(q + had, 0,
							   sizes[i] - had));
		memset(q, 0xff, sizes[i]);
		had = sizes[i];
		p = q;
	}
	goslab_kvfree(p);
}

/* What is in place stays in place, whatever memory there is. */
static void resized_in_place(struct kunit *test)
{
	u8 *p = goslab_kvmalloc(BIG, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_vmalloc);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)goslab_kvrealloc(p, BIG / 2 + PAGE_SIZE,
							 GFP_KERNEL), p);
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)goslab_kvrealloc(p, BIG, GFP_KERNEL), p);
	/* Less would do, but there is none. */
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)goslab_kvrealloc(p, 9000, GFP_KERNEL),
			    p);
	KUNIT_EXPECT_NULL(test, goslab_kvrealloc(p, 2 * BIG, GFP_KERNEL));
	gs_test_end_draws();
	memset(p, 1, BIG);
	goslab_kvfree(p);
}

static void mistakes(struct kunit *test)
{
	void *p = goslab_kvmalloc(100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_kvfree(p);
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_kvfree(p));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
			  goslab_kvfree_sensitive(p, 100));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_kvrealloc(p, 40000,
								   GFP_KERNEL)));
	p = ERR_PTR(-ENOMEM);
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_kvfree(p));
	p = vmalloc(10000);
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_free(p));
	vfree(p);
}

static void sensitive(struct kunit *test)
{
	u8 *p = goslab_kvmalloc(200, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x77, 200);
	goslab_kvfree_sensitive(p, 1);
	/* The same object again, wiped. */
	q = goslab_kvmalloc(200, GFP_KERNEL);
	OPTIMIZER_HIDE_VAR(p);
	KUNIT_EXPECT_PTR_EQ(test, q, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, 200));
	goslab_kvfree(q);
	goslab_kvfree_sensitive(goslab_kvmalloc(BIG, GFP_KERNEL), BIG);
}

#ifdef DEFINE_FREE
static void scope(void *object)
{
	void *p __free(goslab_kvfree) = object;

	OPTIMIZER_HIDE_VAR(p);
}

static void freed_with_the_scope(struct kunit *test)
{
	scope(goslab_kvmalloc(100, GFP_KERNEL));
	scope(goslab_kvmalloc(BIG, GFP_KERNEL));
	scope(NULL);
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 0,
			  scope(ERR_PTR(-ENOMEM)));
}
#else
static void freed_with_the_scope(struct kunit *test)
{
	kunit_skip(test, "needs <linux/cleanup.h>");
}
#endif

static void compiler_knows(struct kunit *test)
{
	void *p = goslab_kvmalloc(BIG, GFP_KERNEL);
	void *q = goslab_kvcalloc(10, 10, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, __builtin_object_size(p, 1), (size_t)BIG);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(q, 1), (size_t)100);
	goslab_kvfree(p);
	goslab_kvfree(q);
}

static struct kunit_case kv_cases[] = {
	KUNIT_CASE(small_is_ours),
	KUNIT_CASE(big_is_mapped),
	KUNIT_CASE(helps_out),
	KUNIT_CASE(not_for_vmalloc),
	KUNIT_CASE(vmalloc_fails),
	KUNIT_CASE(arrays),
	KUNIT_CASE(objects),
	KUNIT_CASE(memdup),
	KUNIT_CASE(resized),
	KUNIT_CASE(resized_zeroed),
	KUNIT_CASE(resized_in_place),
	KUNIT_CASE(mistakes),
	KUNIT_CASE(sensitive),
	KUNIT_CASE(freed_with_the_scope),
	KUNIT_CASE(compiler_knows),
	{}
};

static struct kunit_suite kv_suite = {
	.name = "goslab_kv",
	GS_TEST_CASES_PINNED,
	.test_cases = kv_cases,
};
kunit_test_suite(kv_suite);
