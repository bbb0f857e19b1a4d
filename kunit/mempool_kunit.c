// SPDX-License-Identifier: GPL-2.0
/*
 * mempool_kunit: goslab_mempool: <linux/goslab_mempool.h>.
 *
 * Elements are large, so that each needs pages of its own: when draws fail, only
 * the reserve of a pool serves.
 */
#include <linux/goslab.h>
#include <linux/mempool.h>
#include <linux/mm.h>

#include "testlib.h"

#define NAME	"kunit-mempool"
#define SIZE	40000
#define NR	4

static void fail_vmalloc(enum gs_hook_point point, void *arg)
{
	*(u64 *)arg = 0;
}

/*
 * Without memory a pool gives what it keeps, and no more. Return: draws that
 * failed.
 */
static unsigned long use_reserve(struct kunit *test, mempool_t *pool)
{
	unsigned long failed;
	void *p[NR], *rest[NR];
	unsigned int i, nr = 0;

	goslab_shrink();
	/* What is left of a large page of the kernel has room for an element. */
	gs_test_fail_draws(1, ULONG_MAX);
	while (nr < NR && (rest[nr] = goslab_malloc(SIZE, GFP_NOWAIT)))
		nr++;
	gs_test_fail_draws(1, ULONG_MAX);
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_vmalloc);
	for (i = 0; i < NR; i++) {
		p[i] = mempool_alloc(pool, GFP_NOWAIT);
		if (p[i])
			memset(p[i], i, SIZE);
	}
	KUNIT_EXPECT_NULL(test, mempool_alloc(pool, GFP_NOWAIT));
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
	failed = gs_test_end_draws();
	for (i = 0; i < NR; i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], i, SIZE));
		mempool_free(p[i], pool);
	}
	while (nr)
		goslab_free(rest[--nr]);
	return failed;
}

/* With memory it gives more than that. */
static void use_memory(struct kunit *test, mempool_t *pool)
{
	void *p[3 * NR];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = mempool_alloc(pool, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		mempool_free(p[i], pool);
	KUNIT_EXPECT_EQ(test, mempool_resize(pool, 2 * NR), 0);
	KUNIT_EXPECT_EQ(test, mempool_resize(pool, NR), 0);
}

static void use(struct kunit *test, mempool_t *pool)
{
	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_EXPECT_GT(test, use_reserve(test, pool), 0UL);
	use_memory(test, pool);
}

static void of_a_size(struct kunit *test)
{
	mempool_t *pool = goslab_mempool_create(NR, SIZE), own;

	use(test, pool);
	mempool_destroy(pool);
	KUNIT_ASSERT_EQ(test, goslab_mempool_init(&own, NR, SIZE), 0);
	use(test, &own);
	mempool_exit(&own);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void ctor(void *object)
{
	memset(object, 0xc7, SIZE);
}

static void of_a_cache(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, SIZE, 0, 0, NULL);
	mempool_t *pool, own;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	pool = goslab_mempool_create_cache(NR, cache);
	use(test, pool);
	mempool_destroy(pool);
	KUNIT_ASSERT_EQ(test, goslab_mempool_init_cache(&own, NR, cache), 0);
	use(test, &own);
	mempool_exit(&own);
	/* No survivor is reported. */
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 0,
			  goslab_cache_destroy(cache));
}

/* What a ctor did is there, after a time in the pool as well. */
static void of_a_cache_with_ctor(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, SIZE, 0, 0, ctor);
	mempool_t *pool;
	unsigned int i;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	pool = goslab_mempool_create_cache(NR, cache);
	KUNIT_ASSERT_NOT_NULL(test, pool);
	gs_test_fail_draws(1, ULONG_MAX);
	for (i = 0; i < 2 * NR; i++) {
		p = mempool_alloc(pool, GFP_NOWAIT);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0xc7, SIZE));
		mempool_free(p, pool);
	}
	gs_test_end_draws();
	mempool_destroy(pool);
	goslab_cache_destroy(cache);
}

static void of_mapped_memory(struct kunit *test)
{
	mempool_t *pool = goslab_mempool_create_kv(NR, SIZE), own;
	void *p;

	use(test, pool);
	mempool_destroy(pool);
	/* From vmalloc() only. */
	KUNIT_ASSERT_EQ(test, goslab_mempool_init_kv(&own, NR,
						     GOSLAB_MAX_SIZE + 1), 0);
	p = mempool_alloc(&own, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, is_vmalloc_addr(p));
	mempool_free(p, &own);
	KUNIT_EXPECT_EQ(test, use_reserve(test, &own), 0UL);
	mempool_exit(&own);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void without_memory(struct kunit *test)
{
	mempool_t own;

	/* The third of its elements. */
	gs_test_fail_draws(3, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_mempool_create(1000, SIZE));
	KUNIT_EXPECT_EQ(test, goslab_mempool_init(&own, 1000, SIZE), -ENOMEM);
	gs_test_end_draws();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case mempool_cases[] = {
	KUNIT_CASE(of_a_size),
	KUNIT_CASE(of_a_cache),
	KUNIT_CASE(of_a_cache_with_ctor),
	KUNIT_CASE(of_mapped_memory),
	KUNIT_CASE(without_memory),
	{}
};

static struct kunit_suite mempool_suite = {
	.name = "goslab_mempool",
	GS_TEST_CASES_PINNED,
	.test_cases = mempool_cases,
};
kunit_test_suite(mempool_suite);
