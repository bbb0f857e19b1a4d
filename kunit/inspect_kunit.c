// SPDX-License-Identifier: GPL-2.0
/*
 * inspect_kunit: the walk of a cache and usercopy bounds: api/inspect.c.
 */
#include <linux/delay.h>
#include <linux/goslab.h>

#include "front/drain.h"
#include "testlib.h"

#define NAME	"kunit-walked"
#define MANY	1000

struct seen {
	struct kunit *test;
	struct goslab_cache *cache;
	unsigned int n;
	unsigned int stop_at;
};

/* What a walk may meet: the address of each is in the object itself. */
static int see(void *object, void *arg)
{
	struct seen *seen = arg;

	KUNIT_EXPECT_PTR_EQ(seen->test, *(void **)object, object);
	return ++seen->n == seen->stop_at ? 7 : 0;
}

static int see_and_free(void *object, void *arg)
{
	struct seen *seen = arg;

	see(object, arg);
	goslab_cache_free(seen->cache, object);
	if (seen->n % 500 == 0)
		msleep(1);
	return 0;
}

static void fill(struct kunit *test, struct goslab_cache *cache, void **p,
		 unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		*(void **)p[i] = p[i];
	}
}

static void walks(struct kunit *test)
{
	static const size_t sizes[] = { 8, 56, 1000, 9000, 40000 };
	struct seen seen = { .test = test };
	unsigned int i, k, n;
	void **p;

	p = kunit_kmalloc_array(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		n = sizes[i] < 2000 ? MANY : 30;
		seen.cache = goslab_cache_create(NAME, sizes[i], 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, seen.cache);
		KUNIT_EXPECT_EQ(test, goslab_cache_size(seen.cache), sizes[i]);
		seen.n = 0;
		KUNIT_EXPECT_EQ(test, goslab_cache_walk(seen.cache, see, &seen), 0);
		KUNIT_EXPECT_EQ(test, seen.n, 0U);
		fill(test, seen.cache, p, n);
		/* Free ones, wherever they lie, are not met. */
		for (k = 0; k < n; k += 3)
			goslab_cache_free(seen.cache, p[k]);
		KUNIT_EXPECT_EQ(test, goslab_cache_walk(seen.cache, see, &seen), 0);
		KUNIT_EXPECT_EQ(test, seen.n, n - DIV_ROUND_UP(n, 3));
		gs_drain_this_cpu(false);
		seen.n = 0;
		KUNIT_EXPECT_EQ(test, goslab_cache_walk(seen.cache, see_and_free,
							&seen), 0);
		KUNIT_EXPECT_EQ(test, seen.n, n - DIV_ROUND_UP(n, 3));
		goslab_cache_destroy(seen.cache);
	}
}

static void walk_stops(struct kunit *test)
{
	struct seen seen = { .test = test, .stop_at = 33 };
	void *p[100];
	unsigned int i;

	seen.cache = goslab_cache_create(NAME, 120, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, seen.cache);
	fill(test, seen.cache, p, ARRAY_SIZE(p));
	KUNIT_EXPECT_EQ(test, goslab_cache_walk(seen.cache, see, &seen), 7);
	KUNIT_EXPECT_EQ(test, seen.n, 33U);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_cache_free(seen.cache, p[i]);
	goslab_cache_destroy(seen.cache);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 3, ({
		KUNIT_EXPECT_EQ(test, goslab_cache_walk(seen.cache, see, &seen),
				-EINVAL);
		KUNIT_EXPECT_EQ(test, goslab_cache_shrink(seen.cache), 0UL);
		KUNIT_EXPECT_EQ(test, goslab_cache_size(seen.cache), 0UL);
	}));
}

static void refused(struct kunit *test, const void *p, size_t n)
{
	GS_EXPECT_REPORTS(test, GS_BUG_USERCOPY, 1,
			  KUNIT_EXPECT_FALSE(test, goslab_check_object(p, n)));
}

static void passes(struct kunit *test, const void *p, size_t n)
{
	GS_EXPECT_REPORTS(test, GS_BUG_USERCOPY, 0,
			  KUNIT_EXPECT_TRUE(test, goslab_check_object(p, n)));
}

/* Of malloc: all of the object, whatever was asked for, and no more. */
static void bounds_of_malloc(struct kunit *test)
{
	static const size_t sizes[] = { 8, 100, 4096, 30000, 50000, 1 << 20 };
	unsigned int i;
	u8 *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		size_t size;

		p = goslab_malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		size = goslab_size(p);
		passes(test, p, size);
		passes(test, p + size - 1, 1);
		passes(test, p + size / 2, size / 2);
		passes(test, p + size, 0);
		refused(test, p, size + 1);
		refused(test, p + 3, size - 2);
		refused(test, p + 1, SIZE_MAX);
		goslab_free(p);
		refused(test, p, 1);
	}
}

static void bounds_of_tiny(struct kunit *test)
{
	u8 *p = goslab_malloc_noscan(6, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	if (goslab_size(p) >= 8) {
		goslab_free(p);
		kunit_skip(test, "no tiny objects on this kernel");
	}
	passes(test, p, 6);
	passes(test, p + 2, 4);
	refused(test, p, 7);
	refused(test, p + 2, 17);
	goslab_free(p);
}

static void bounds_of_cache(struct kunit *test)
{
	struct goslab_cache_args args = { .useroffset = 24, .usersize = 40 };
	struct goslab_cache *cache;
	u8 *p;

	cache = goslab_cache_create_args(NAME, 100, &args, 0);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	passes(test, p + 24, 40);
	passes(test, p + 63, 1);
	passes(test, p + 30, 4);
	refused(test, p + 23, 2);
	refused(test, p + 24, 41);
	refused(test, p + 64, 1);
	refused(test, p, 100);
	goslab_cache_free(cache, p);
	refused(test, p + 24, 1);
	goslab_cache_destroy(cache);
}

/* Without a user region nothing may leave, as with kmem_cache_create(). */
static void no_region(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 64, 0, 0, NULL);
	void *p = goslab_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	refused(test, p, 1);
	passes(test, p, 0);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
}

/* What is not ours is the kernel's to judge. */
static void not_ours(struct kunit *test)
{
	static const char text[] = "text";
	char stack[8];
	void *p = kmalloc(40, GFP_KERNEL);

	passes(test, text, sizeof(text));
	passes(test, stack, 4096);
	passes(test, p, 100000);
	passes(test, NULL, 10);
	passes(test, ZERO_SIZE_PTR, 1);
	kfree(p);
}

static void bad_regions(struct kunit *test)
{
	static const struct goslab_cache_args bad[] = {
		{ .useroffset = 65 },
		{ .useroffset = 64, .usersize = 1 },
		{ .usersize = 65 },
		{ .useroffset = 1, .usersize = 64 },
		{ .useroffset = 8, .usersize = SIZE_MAX - 4 },
	};
	struct goslab_cache *cache;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(bad); i++)
		GS_EXPECT_REPORTS(test, GS_BUG_BAD_REGION, 1, ({
			cache = goslab_cache_create_args(NAME, 64, &bad[i], 0);
			KUNIT_EXPECT_NULL(test, cache);
		}));
}

static struct kunit_case inspect_cases[] = {
	KUNIT_CASE(walks),
	KUNIT_CASE(walk_stops),
	KUNIT_CASE(bounds_of_malloc),
	KUNIT_CASE(bounds_of_tiny),
	KUNIT_CASE(bounds_of_cache),
	KUNIT_CASE(no_region),
	KUNIT_CASE(not_ours),
	KUNIT_CASE(bad_regions),
	{}
};

static struct kunit_suite inspect_suite = {
	.name = "goslab_inspect",
	GS_TEST_CASES_PINNED,
	.test_cases = inspect_cases,
};
kunit_test_suite(inspect_suite);
