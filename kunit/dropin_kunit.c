// SPDX-License-Identifier: GPL-2.0
/*
 * dropin_kunit: goslab_dropin: goslab under the names of slab.
 *
 * The last include maps the names of this file. What the kernel allocated is
 * made by calls that the header does not map.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "api/api.h"
#include "back/arena.h"
#include "front/drain.h"
#include "testlib.h"

/* The kernel's own calls, before their names are goslab's. */
static void *kernels(size_t size)
{
	return kmalloc(size, GFP_KERNEL);
}

static struct kmem_cache *kernels_cache(void)
{
	return kmem_cache_create("gs_kunit_slab", 100, 0, 0, NULL);
}

#include <linux/goslab_slab.h>

static bool ours(const void *p)
{
	struct mspan *s = gs_arena_span(p);

	return s && gs_span_in_use(s) && gs_span_covers(s, p);
}

static bool is_tagged(const struct kmem_cache *s)
{
	return (unsigned long)s & 1;
}

static void by_size(struct kunit *test)
{
	size_t size = 100;
	void *all[12];
	unsigned int i;

	OPTIMIZER_HIDE_VAR(size);
	all[0] = kmalloc(100, GFP_KERNEL);
	all[1] = kmalloc(size, GFP_ATOMIC);
	all[2] = kzalloc(40000, GFP_KERNEL);
	all[3] = kcalloc(size, 8, GFP_KERNEL | __GFP_ACCOUNT);
	all[4] = kmalloc_array(3, 5, GFP_KERNEL);
	all[5] = kmalloc_node(size, GFP_KERNEL, 0);
	all[6] = kzalloc_node(64, GFP_KERNEL, NUMA_NO_NODE);
	all[7] = kmalloc_array_node(7, 7, GFP_KERNEL, 12345);
	all[8] = kcalloc_node(7, 7, GFP_KERNEL, 0);
	all[9] = kmalloc_track_caller(size, GFP_KERNEL);
	all[10] = kmalloc_node_track_caller(size, GFP_KERNEL, 0);
	all[11] = krealloc(NULL, size, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(all); i++) {
		KUNIT_EXPECT_TRUE_MSG(test, ours(all[i]), "call %u", i);
		KUNIT_EXPECT_TRUE(test, goslab_slab_owns(all[i]));
		KUNIT_EXPECT_EQ(test, ksize(all[i]), goslab_size(all[i]));
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(all[2], 0, 40000));
	KUNIT_EXPECT_NULL(test, memchr_inv(all[3], 0, 800));
	for (i = 0; i < ARRAY_SIZE(all); i++)
		kfree(all[i]);
	kfree(NULL);
	kfree(ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, kmalloc(0, GFP_KERNEL), ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, kmalloc_array(SIZE_MAX, size, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, kcalloc(SIZE_MAX, size, GFP_KERNEL));
}

static void resized(struct kunit *test)
{
	u8 *p = kmalloc(64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0x5a, 64);
	p = krealloc(p, 1000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, ours(p));
	p = krealloc_array(p, 10, 8, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, 64));
	kfree_sensitive(p);
}

/* What the kernel allocated goes back there, whatever is asked of it. */
static void of_the_kernel(struct kunit *test)
{
	void *p = kernels(64), *q = kernels(100000);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(p));
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(q));
	KUNIT_EXPECT_GE(test, ksize(p), (size_t)64);
	p = krealloc(p, 500, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(p));
	kfree(p);
	kvfree(q);
	kfree_sensitive(kernels(10));
	kfree_const(kernels(10));
	kfree_const(NULL);
	p = vmalloc(10000);
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(p));
	kvfree(p);
}

static void zones(struct kunit *test)
{
	void *p = kmalloc(100, GFP_KERNEL | GFP_DMA);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(p));
	kfree(p);
	p = krealloc(kmalloc(100, GFP_KERNEL), 200, GFP_KERNEL | GFP_DMA);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_FALSE(test, goslab_slab_owns(p));
	kfree(p);
}

static void by_address(struct kunit *test)
{
	void (*free)(const void *p) = kfree;
	void *p = kmalloc(10, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(free);
	free(p);
	free(kernels(10));
}

#ifdef DEFINE_FREE
static void at_end_of_scope(struct kunit *test)
{
	void *at = NULL;

	{
		void *p __free(kfree) = kmalloc(100, GFP_KERNEL);
		void *q __free(kfree) = kernels(100);

		KUNIT_EXPECT_NOT_NULL(test, q);
		at = p;
		KUNIT_EXPECT_TRUE(test, ours(at));
	}
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, kfree(at));
}

#ifndef GS_COMPAT_NO_KVFREE_ATOMIC
/* Memory from vmalloc() is put off, where vfree() would sleep. */
static void at_end_of_atomic_scope(struct kunit *test)
{
	void *big = kvmalloc(6 << 20, GFP_KERNEL);
	void *small = kvmalloc(100, GFP_KERNEL);
	bool mapped;

	KUNIT_ASSERT_TRUE(test, is_vmalloc_addr(big));
	KUNIT_ASSERT_TRUE(test, ours(small));
	preempt_disable();
	{
		void *p __free(kvfree_atomic) = big;
		void *q __free(kvfree_atomic) = small;

		OPTIMIZER_HIDE_VAR(p);
		OPTIMIZER_HIDE_VAR(q);
	}
	mapped = vmalloc_to_page(big);
	preempt_enable();
	KUNIT_EXPECT_TRUE(test, mapped);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, kvfree_atomic(small));
}
#endif
#endif

/* Mistakes with our own memory are reported, not handed to the kernel. */
static void mistakes(struct kunit *test)
{
	struct kmem_cache *s = kernels_cache();
	void *p = kmalloc(100, GFP_KERNEL), *big = kmalloc(50000, GFP_KERNEL);
	void *q = p;

	KUNIT_ASSERT_NOT_NULL(test, s);
	OPTIMIZER_HIDE_VAR(q);
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, kfree(q + 8));
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1, kmem_cache_free(s, q));
	kfree(q);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, kfree(q));
	gs_drain_all();
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, kvfree(q));
	q = big;
	OPTIMIZER_HIDE_VAR(q);
	kfree(q);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, kfree(q));
	kmem_cache_destroy(s);
}

static void rounded(struct kunit *test)
{
	size_t size, round;

	for (size = 0; size <= 200000; size += size < 5000 ? 1 : 997) {
		void *p;

		round = kmalloc_size_roundup(size);
		KUNIT_ASSERT_GE(test, round, size);
		p = kmalloc(size, GFP_KERNEL);
		if (size)
			KUNIT_ASSERT_GE(test, ksize(p), round);
		kfree(p);
	}
}

static void virtual(struct kunit *test)
{
	size_t i, sizes[] = { 100, 5000, 70000, 6 << 20 };

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *p = kvzalloc(sizes[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, ours(p), sizes[i] < 4 << 20);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, sizes[i]));
		memset(p, 0x5a, sizes[i]);
		p = kvrealloc(p, sizes[i], 2 * sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, sizes[i]));
		kvfree(p);
	}
	kvfree(kvcalloc(10, 10, GFP_KERNEL));
	kvfree_sensitive(kvmalloc_array(10, 10, GFP_KERNEL), 100);
	kfree(kvmalloc_node(100, GFP_KERNEL, 0));
	kvfree(NULL);
}

static void copies(struct kunit *test)
{
	static const char text[] = "text";
	char *all[] = {
		kstrdup(text, GFP_KERNEL),
		kstrndup("textile", 4, GFP_KERNEL),
		kmemdup(text, sizeof(text), GFP_KERNEL),
		kmemdup_nul("textile", 4, GFP_KERNEL),
		kmemdup_array(text, 5, 1, GFP_KERNEL),
		kvmemdup(text, sizeof(text), GFP_KERNEL),
		kasprintf(GFP_KERNEL, "%s", text),
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(all); i++) {
		KUNIT_ASSERT_TRUE_MSG(test, ours(all[i]), "call %u", i);
		KUNIT_EXPECT_STREQ(test, all[i], text);
		kvfree(all[i]);
	}
	KUNIT_EXPECT_NULL(test, kstrdup(NULL, GFP_KERNEL));
}

struct thing {
	struct rcu_head rcu;
	int number;
};

static void fill(void *p)
{
	((struct thing *)p)->number = 77;
}

static void caches(struct kunit *test)
{
	struct kmem_cache *s = KMEM_CACHE(thing, SLAB_HWCACHE_ALIGN);
	struct kmem_cache *t = kmem_cache_create("a name of (two) words", 24, 0,
						 SLAB_RECLAIM_ACCOUNT, fill);
	struct thing *p, *q;
	void *many[10];

	KUNIT_ASSERT_TRUE(test, is_tagged(s) && is_tagged(t));
	p = kmem_cache_zalloc(s, GFP_KERNEL);
	q = kmem_cache_alloc(t, GFP_KERNEL | GFP_DMA);
	KUNIT_EXPECT_TRUE(test, ours(p) && ours(q));
	KUNIT_EXPECT_EQ(test, p->number, 0);
	KUNIT_EXPECT_EQ(test, q->number, 77);
	KUNIT_EXPECT_EQ(test, kmem_cache_size(t), 24U);
	kmem_cache_free(s, p);
	kfree(q);
	p = kmem_cache_alloc_node(s, GFP_KERNEL, 0);
	KUNIT_EXPECT_TRUE(test, ours(p));
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1, kmem_cache_free(t, p));
	kmem_cache_free(s, p);
	KUNIT_EXPECT_TRUE(test, kmem_cache_alloc_bulk(s, GFP_KERNEL, 10, many));
	KUNIT_EXPECT_TRUE(test, ours(many[0]) && ours(many[9]));
	kmem_cache_free_bulk(s, 9, many);
	kfree_bulk(1, many + 9);
	kmem_cache_shrink(s);
	kmem_cache_destroy(s);
	kmem_cache_destroy(t);
	kmem_cache_destroy(NULL);
}

static void caches_of_the_kernel(struct kunit *test)
{
	struct kmem_cache *s = kernels_cache();
	struct kmem_cache *dma = kmem_cache_create("gs_kunit_dma", 100, 0,
						   SLAB_CACHE_DMA, NULL);
	void *many[10];

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_NOT_NULL(test, dma);
	KUNIT_EXPECT_FALSE(test, is_tagged(dma));
	kmem_cache_free(s, kmem_cache_zalloc(s, GFP_KERNEL));
	kmem_cache_free(s, kmem_cache_alloc_node(s, GFP_KERNEL, 0));
	KUNIT_EXPECT_TRUE(test, kmem_cache_alloc_bulk(s, GFP_KERNEL, 10, many));
	KUNIT_EXPECT_FALSE(test, ours(many[3]));
	kmem_cache_free_bulk(s, 10, many);
	/* It may have merged with one of larger objects. */
	KUNIT_EXPECT_GE(test, kmem_cache_size(s), 100U);
	KUNIT_EXPECT_LT(test, kmem_cache_size(s), 200U);
	kmem_cache_shrink(s);
	kmem_cache_destroy(dma);
	kmem_cache_destroy(s);
}

static void expect_slabs(struct kunit *test, const char *name, bool slabs)
{
	struct kmem_cache *s = kmem_cache_create(name, 100, 0, 0, NULL);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ_MSG(test, is_tagged(s), !slabs, "%s", name);
	p = kmem_cache_alloc(s, GFP_KERNEL);
	KUNIT_EXPECT_EQ_MSG(test, ours(p), !slabs, "%s", name);
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

/*
 * scripts/guest/kunit.sh loads goslab with
 * kernel_caches=gs_kunit_named,gs_kunit_other. These names, whole, are slab's. So
 * are the preset ones, which the parameter must not replace.
 */
static void caches_by_name(struct kunit *test)
{
	expect_slabs(test, "gs_kunit_named", true);
	expect_slabs(test, "gs_kunit_other", true);
	expect_slabs(test, "gs_kunit_name", false);
	expect_slabs(test, "dccp_bind_bucket", true);
	expect_slabs(test, "ip6_dst_cache", true);
}

static bool stays(struct kunit *test, slab_flags_t flags, void (*ctor)(void *))
{
	struct kmem_cache *s = kmem_cache_create("gs_kunit_inodes", 600, 0,
						 flags, ctor);
	bool slabs = !is_tagged(s);

	KUNIT_EXPECT_NOT_NULL(test, s);
	kmem_cache_destroy(s);
	return slabs;
}

/* Charged objects that may be on a list_lru, on kernels that charge. */
static void caches_of_inodes(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("gs_kunit_charged", 64,
							 0, GOSLAB_ACCOUNT,
							 NULL);
	struct kmem_cache *s = (void *)cache + 1;
	struct list_lru *lru = (void *)test;
	const bool charges = SLAB_ACCOUNT;
	void *p;

	KUNIT_EXPECT_EQ(test, charges,
			stays(test, SLAB_ACCOUNT | SLAB_RECLAIM_ACCOUNT, NULL));
	KUNIT_EXPECT_EQ(test, charges, stays(test, SLAB_ACCOUNT, fill));
	KUNIT_EXPECT_FALSE(test, stays(test, SLAB_ACCOUNT, NULL));
	KUNIT_EXPECT_FALSE(test, stays(test, SLAB_RECLAIM_ACCOUNT, fill));

	KUNIT_ASSERT_NOT_NULL(test, cache);
	GS_EXPECT_REPORTS(test, GS_BUG_LIST_LRU, 1,
			  KUNIT_EXPECT_NULL(test, kmem_cache_alloc_lru(s, lru,
							GFP_KERNEL)));
	p = kmem_cache_alloc_lru(s, NULL, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, ours(p));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
	/* An object that is not charged may be on any list. */
	s = KMEM_CACHE(thing, 0);
	p = kmem_cache_alloc_lru(s, lru, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, ours(p));
	kmem_cache_free(s, p);
	kmem_cache_destroy(s);
}

/* Slab does not mind two caches of a name, nor a long one. */
static void names(struct kunit *test)
{
	static const char name[] = "a_name_that_is_longer_than_what_fits";
	struct kmem_cache *s[12];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s); i++) {
		s[i] = kmem_cache_create(name, 64, 0, 0, NULL);
		KUNIT_ASSERT_TRUE(test, is_tagged(s[i]));
	}
	for (i = 0; i < ARRAY_SIZE(s); i++)
		kmem_cache_destroy(s[i]);
}

static void pools(struct kunit *test)
{
	struct kmem_cache *s = KMEM_CACHE(thing, 0);
	mempool_t *slabs = mempool_create_slab_pool(4, s);
	mempool_t *sized = mempool_create_kmalloc_pool(4, 300);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, slabs);
	KUNIT_ASSERT_NOT_NULL(test, sized);
	p = mempool_alloc(slabs, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, ours(p));
	mempool_free(p, slabs);
	p = mempool_alloc(sized, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, ours(p));
	mempool_free(p, sized);
	mempool_destroy(sized);
	mempool_destroy(slabs);
	kmem_cache_destroy(s);
}

static void after_rcu(struct kunit *test)
{
	struct kmem_cache *s = KMEM_CACHE(thing, 0);
	struct thing *p = kmalloc(sizeof(*p), GFP_KERNEL);
	struct thing *q = kmem_cache_alloc(s, GFP_KERNEL);
	struct thing *big = kmalloc(50000, GFP_KERNEL);
	struct thing *of_kernel = kernels(sizeof(*p));

	kfree_rcu(p, rcu);
	kvfree_rcu(big, rcu);
	kfree_rcu(of_kernel, rcu);
	p = kmalloc(sizeof(*p), GFP_KERNEL);
	kfree_rcu_mightsleep(p);
	of_kernel = kernels(sizeof(*p));
	kvfree_rcu_mightsleep(of_kernel);
	/* The end of the cache waits for it. */
	kfree_rcu(q, rcu);
	kmem_cache_destroy(s);
	goslab_free_rcu_barrier();
	GS_EXPECT_WHOLE(test);
}

static struct kunit_case dropin_cases[] = {
	KUNIT_CASE(by_size),
	KUNIT_CASE(resized),
	KUNIT_CASE(of_the_kernel),
	KUNIT_CASE(zones),
	KUNIT_CASE(by_address),
#ifdef DEFINE_FREE
	KUNIT_CASE(at_end_of_scope),
#ifndef GS_COMPAT_NO_KVFREE_ATOMIC
	KUNIT_CASE(at_end_of_atomic_scope),
#endif
#endif
	KUNIT_CASE(mistakes),
	KUNIT_CASE(rounded),
	KUNIT_CASE(virtual),
	KUNIT_CASE(copies),
	KUNIT_CASE(caches),
	KUNIT_CASE(caches_of_the_kernel),
	KUNIT_CASE(caches_by_name),
	KUNIT_CASE(caches_of_inodes),
	KUNIT_CASE(names),
	KUNIT_CASE(pools),
	KUNIT_CASE(after_rcu),
	{}
};

static struct kunit_suite dropin_suite = {
	.name = "goslab_dropin",
	GS_TEST_CASES_PINNED,
	.test_cases = dropin_cases,
};
kunit_test_suite(dropin_suite);
