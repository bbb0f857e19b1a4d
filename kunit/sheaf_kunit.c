// SPDX-License-Identifier: GPL-2.0
/*
 * sheaf_kunit: goslab_sheaf: api/sheaf.c, objects in reserve.
 */
#include <linux/goslab.h>

#include "front/drain.h"
#include "testlib.h"

#define NAME	"kunit-sheaf"
#define MANY	300

static struct goslab_cache *cache;
static void *p[MANY];

static void begin(struct kunit *test, size_t size, void (*ctor)(void *))
{
	cache = goslab_cache_create(NAME, size, 0, 0, ctor);
	KUNIT_ASSERT_NOT_NULL(test, cache);
}

/* All objects are free, and the memory of all sheaves. */
static void end(struct kunit *test)
{
	GS_EXPECT_WHOLE(test);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 0,
			  goslab_cache_destroy(cache));
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct goslab_sheaf *prefill(struct kunit *test, unsigned int n)
{
	struct goslab_sheaf *sheaf;

	sheaf = goslab_cache_prefill_sheaf(cache, GFP_KERNEL, n);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), n);
	return sheaf;
}

/* Takes @n objects, which must be distinct and live, and frees them. */
static void take(struct kunit *test, struct goslab_sheaf *sheaf, gfp_t gfp,
		 unsigned int n)
{
	unsigned int i, twice = 0;

	for (i = 0; i < n; i++) {
		p[i] = goslab_cache_alloc_from_sheaf(cache, gfp, sheaf);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_GT(test, goslab_size(p[i]), (size_t)0);
		*(u64 *)p[i] = i;
	}
	for (i = 0; i < n; i++)
		twice += *(u64 *)p[i] != i;
	KUNIT_EXPECT_EQ(test, twice, 0U);
	goslab_cache_free_bulk(cache, n, p);
}

static void lives(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 2, 31, 32, 33, MANY };
	struct goslab_sheaf *sheaf;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(counts); i++) {
		begin(test, 8 + 40 * i, NULL);
		sheaf = prefill(test, counts[i]);
		take(test, sheaf, 0, counts[i]);
		KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 0U);
		KUNIT_EXPECT_NULL(test, goslab_cache_alloc_from_sheaf(cache, 0,
								     sheaf));
		goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
		/* With objects left. */
		sheaf = prefill(test, counts[i]);
		take(test, sheaf, 0, counts[i] / 2);
		goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
		goslab_cache_return_sheaf(cache, GFP_KERNEL, NULL);
		end(test);
	}
}

/* Without memory, whatever else is asked of the cache and of the CPU. */
static void cannot_fail(struct kunit *test)
{
	struct goslab_sheaf *sheaf;

	begin(test, 700, NULL);
	sheaf = prefill(test, MANY);
	goslab_shrink();
	gs_test_fail_draws(1, ULONG_MAX);
	local_irq_disable();
	p[0] = goslab_cache_alloc_from_sheaf(cache, 0, sheaf);
	local_irq_enable();
	goslab_cache_free(cache, p[0]);
	take(test, sheaf, __GFP_ZERO, MANY - 1);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0UL);
	goslab_cache_return_sheaf(cache, 0, sheaf);
	end(test);
}

static void refills(struct kunit *test)
{
	struct goslab_sheaf *sheaf, *old, *none = NULL;

	begin(test, 100, NULL);
	old = sheaf = prefill(test, 40);
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_KERNEL,
							&sheaf, 30), 0);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 40U);
	take(test, sheaf, 0, 25);
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_ATOMIC,
							&sheaf, 40), 0);
	KUNIT_EXPECT_PTR_EQ(test, sheaf, old);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 40U);
	/* One that has no room. */
	take(test, sheaf, 0, 7);
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_KERNEL,
							&sheaf, MANY), 0);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), (u32)MANY);
	take(test, sheaf, 0, MANY);
	goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_KERNEL, NULL,
							1), -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_KERNEL,
							&none, 1), -EINVAL);
	KUNIT_EXPECT_NULL(test, goslab_cache_prefill_sheaf(cache, GFP_KERNEL,
							   0));
	end(test);
}

/* The n-th draw fails: no sheaf, or the old one, and nothing is lost. */
static void no_memory(struct kunit *test)
{
	struct goslab_sheaf *sheaf;
	unsigned long first, failed = 0;
	int ret;

	begin(test, 3000, NULL);
	for (first = 1; first < 100; first++) {
		goslab_shrink();
		gs_test_fail_draws(first, ULONG_MAX);
		sheaf = goslab_cache_prefill_sheaf(cache, GFP_ATOMIC, 100);
		gs_test_end_draws();
		if (sheaf)
			break;
		failed++;
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	}
	KUNIT_EXPECT_GT(test, failed, 0UL);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	for (first = 1; first < 100; first++) {
		gs_test_fail_draws(first, ULONG_MAX);
		ret = goslab_cache_refill_sheaf(cache, GFP_ATOMIC, &sheaf, MANY);
		gs_test_end_draws();
		if (!ret)
			break;
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 100U);
	}
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), (u32)MANY);
	goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	end(test);
}

static void zeroed(struct kunit *test)
{
	struct goslab_sheaf *sheaf;
	unsigned int i, round, dirty = 0;

	begin(test, 96, NULL);
	for (round = 0; round < 3; round++) {
		sheaf = prefill(test, MANY);
		for (i = 0; i < MANY; i++) {
			p[i] = goslab_cache_alloc_from_sheaf(cache, __GFP_ZERO,
							     sheaf);
			dirty += !!memchr_inv(p[i], 0, 96);
			memset(p[i], 0xee, 96);
		}
		goslab_cache_free_bulk(cache, MANY, p);
		goslab_cache_return_sheaf(cache, 0, sheaf);
	}
	KUNIT_EXPECT_EQ(test, dirty, 0U);
	end(test);
}

static void ctor(void *object)
{
	memset(object, 0x5a, 40);
}

static void constructed(struct kunit *test)
{
	struct goslab_sheaf *sheaf;
	void *q;

	begin(test, 40, ctor);
	sheaf = goslab_cache_prefill_sheaf(cache, GFP_KERNEL | __GFP_ZERO, 10);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	GS_EXPECT_REPORTS(test, GS_BUG_ZERO_CTOR, 1,
			  q = goslab_cache_alloc_from_sheaf(cache, __GFP_ZERO,
							    sheaf));
	KUNIT_EXPECT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 10U);
	q = goslab_cache_alloc_from_sheaf(cache, 0, sheaf);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0x5a, 40));
	goslab_cache_free(cache, q);
	goslab_cache_return_sheaf(cache, 0, sheaf);
	end(test);
}

/* Bad caches, bad gfp; objects that somebody freed meanwhile. */
static void misused(struct kunit *test)
{
	struct goslab_cache *other;
	struct goslab_sheaf *sheaf;
	unsigned int n;
	void *q;
	int ret;

	begin(test, 128, NULL);
	other = goslab_cache_create(NAME "-b", 128, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	sheaf = prefill(test, 3);
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1,
			  q = goslab_cache_alloc_from_sheaf(other, 0, sheaf));
	KUNIT_EXPECT_NULL(test, q);
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1,
			  ret = goslab_cache_refill_sheaf(other, GFP_KERNEL,
							  &sheaf, 5));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1,
			  goslab_cache_return_sheaf(other, 0, sheaf));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  ret = goslab_cache_refill_sheaf(cache, GFP_KERNEL |
							  __GFP_DMA, &sheaf, 5));
	KUNIT_EXPECT_EQ(test, ret, -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 3U);
	goslab_cache_destroy(other);

	/* Its address is known from before; nobody has it now. */
	q = goslab_cache_alloc_from_sheaf(cache, 0, sheaf);
	goslab_cache_free(cache, q);
	goslab_cache_return_sheaf(cache, 0, sheaf);
	sheaf = prefill(test, 3);
	goslab_cache_free(cache, q);
	gs_drain_all();
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, {
		for (n = 0; n < 3; n++)
			p[n] = goslab_cache_alloc_from_sheaf(cache, 0, sheaf);
	});
	KUNIT_EXPECT_NOT_NULL(test, p[1]);
	KUNIT_EXPECT_PTR_NE(test, p[0], p[1]);
	KUNIT_EXPECT_NULL(test, p[2]);
	goslab_cache_free_bulk(cache, 2, p);
	/* The same when the rest goes back. */
	KUNIT_EXPECT_EQ(test, goslab_cache_refill_sheaf(cache, GFP_KERNEL,
							&sheaf, 3), 0);
	goslab_cache_free(cache, q);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
			  goslab_cache_return_sheaf(cache, 0, sheaf));
	end(test);
}

/* What is in a sheaf lives, and its owner is the cache's. */
static void survives(struct kunit *test)
{
	struct goslab_sheaf *sheaf;
	void *q;

	begin(test, 256, NULL);
	sheaf = prefill(test, 5);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  q = goslab_cache_alloc_from_sheaf(cache, 0, sheaf));
	KUNIT_EXPECT_NULL(test, q);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  goslab_cache_return_sheaf(cache, 0, sheaf));
	KUNIT_EXPECT_EQ(test, goslab_cache_sheaf_size(sheaf), 5U);
	goslab_free(sheaf);
	gs_test_bury(test, NAME);
}

static struct kunit_case sheaf_cases[] = {
	KUNIT_CASE(lives),
	KUNIT_CASE(cannot_fail),
	KUNIT_CASE(refills),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(constructed),
	KUNIT_CASE(misused),
	KUNIT_CASE(survives),
	{}
};

static struct kunit_suite sheaf_suite = {
	.name = "goslab_sheaf",
	GS_TEST_CASES_PINNED,
	.test_cases = sheaf_cases,
};
kunit_test_suite(sheaf_suite);
