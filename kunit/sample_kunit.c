// SPDX-License-Identifier: GPL-2.0
/*
 * sample_kunit: goslab_sample: front/sample.c, middle/special.c, middle/site.c.
 *
 * At rate 1 all is exact; at others sums must agree within five standard errors. Each
 * way to free a sampled object ends its record, and the heap stays whole.
 */
#include <linux/goslab.h>
#include <linux/slab.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/chance.h"
#include "base/owner.h"
#include "front/drain.h"
#include "front/sample.h"
#include "front/tiny.h"
#include "middle/site.h"
#include "middle/special.h"
#include "testlib.h"

#define MANY	512

static struct goslab_owner *me(void)
{
	static struct goslab_owner owner = { .name = KBUILD_MODNAME };

	return &owner;
}

static void begin(struct kunit *test, unsigned long rate)
{
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(rate), 0);
	KUNIT_ASSERT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
}

static void end(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(0), 0);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	GS_EXPECT_WHOLE(test);
}

/* What all sites of a size say together. */
static struct gs_site_counts sum_of(struct kunit *test, size_t size)
{
	struct gs_site_counts sum = { }, *all;
	unsigned int i, n;

	all = gs_site_read(&n);
	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < n; i++) {
		if (all[i].size != size)
			continue;
		sum.nr_alloc += all[i].nr_alloc;
		sum.nr_live += all[i].nr_live;
		sum.nr_peak += all[i].nr_peak;
		sum.owner = all[i].owner;
	}
	kvfree(all);
	return sum;
}

static void expect(struct kunit *test, size_t size, u64 alloc, u64 live)
{
	struct gs_site_counts sum = sum_of(test, size);

	KUNIT_EXPECT_EQ_MSG(test, sum.nr_alloc, alloc, "objects of %zu bytes", size);
	KUNIT_EXPECT_EQ_MSG(test, sum.nr_live, live, "objects of %zu bytes", size);
}

static void **pointers(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static bool sampled(const void *p)
{
	return *gs_test_state(p) == GS_SPECIAL;
}

/* Of every size, one by one. */
static void every_object(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 512, 4096, 32768, 65536, 1 << 20 };
	void **p = pointers(test);
	unsigned int i, k;

	begin(test, 1);
	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		unsigned int n = min_t(size_t, MANY, (4UL << 20) / sizes[k]);

		for (i = 0; i < n; i++) {
			p[i] = goslab_malloc(sizes[k], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
			KUNIT_EXPECT_TRUE(test, sampled(p[i]));
			KUNIT_EXPECT_EQ(test, goslab_size(p[i]), sizes[k]);
		}
		expect(test, sizes[k], n, n);
		KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), (unsigned long)n);
		for (i = 0; i < n / 2; i++)
			goslab_free(p[i]);
		expect(test, sizes[k], n, n - n / 2);
		for (; i < n; i++)
			goslab_free(p[i]);
		expect(test, sizes[k], n, 0);
	}
	KUNIT_EXPECT_EQ(test, gs_sample_lost(), 0UL);
	end(test);
}

static void bulk(struct kunit *test)
{
	void **p = pointers(test);
	unsigned int round;

	begin(test, 1);
	for (round = 1; round <= 3; round++) {
		KUNIT_ASSERT_TRUE(test, goslab_malloc_bulk(128, GFP_KERNEL, MANY, p));
		expect(test, 128, MANY * round, MANY);
		goslab_free_bulk(MANY, p);
		expect(test, 128, MANY * round, 0);
	}
	end(test);
}

static void caches(struct kunit *test)
{
	struct goslab_cache *cache;
	struct goslab_sheaf *sheaf;
	void **p = pointers(test);
	unsigned int i;

	begin(test, 1);
	cache = goslab_cache_create("kunit_sample", 200, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < 64; i++)
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
	expect(test, 200, 64, 64);
	goslab_cache_free_bulk(cache, 32, p);
	for (i = 32; i < 48; i++)
		goslab_cache_free(cache, p[i]);
	for (; i < 64; i++)
		goslab_free(p[i]);
	expect(test, 200, 64, 0);
	sheaf = goslab_cache_prefill_sheaf(cache, GFP_KERNEL, 8);
	KUNIT_ASSERT_NOT_NULL(test, sheaf);
	expect(test, 200, 72, 8);
	p[0] = goslab_cache_alloc_from_sheaf(cache, GFP_KERNEL, sheaf);
	KUNIT_EXPECT_TRUE(test, sampled(p[0]));
	goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	expect(test, 200, 72, 1);
	goslab_cache_free(cache, p[0]);
	expect(test, 200, 72, 0);
	goslab_cache_destroy(cache);
	end(test);
}

static void heaps(struct kunit *test)
{
	struct goslab_heap *heap;
	unsigned int i;
	void *p;

	begin(test, 1);
	heap = goslab_heap_create("kunit-sample", NULL);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (i = 0; i < 100; i++)
		KUNIT_ASSERT_NOT_NULL(test, goslab_heap_malloc(heap, 96, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, goslab_heap_malloc(heap, 1 << 17, GFP_KERNEL));
	p = goslab_malloc(96, GFP_KERNEL);
	expect(test, 96, 101, 101);
	expect(test, 1 << 17, 1, 1);
	/* All records of the heap go with it, no others. */
	goslab_heap_destroy(heap);
	expect(test, 96, 101, 1);
	expect(test, 1 << 17, 1, 0);
	goslab_free(p);
	end(test);
}

/* A block of tiny objects is one object. */
static void tiny(struct kunit *test)
{
	void *p[8];
	unsigned int i;

	if (!GS_TINY_ENABLED)
		kunit_skip(test, "no tiny objects on this kernel");
	begin(test, 1);
	gs_drain_this_cpu(false);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc_noscan(4, GFP_KERNEL);
	expect(test, 16, 2, 2);
	for (i = 0; i < 7; i++)
		goslab_free(p[i]);
	expect(test, 16, 2, 1);
	goslab_free_nolock(p[7]);
	gs_nolock_flush();
	gs_drain_this_cpu(false);
	expect(test, 16, 2, 0);
	end(test);
}

struct with_head {
	struct rcu_head rcu;
	char room[80];
};

static void rcu(struct kunit *test)
{
	struct with_head *p, *q;

	begin(test, 1);
	p = goslab_malloc(sizeof(*p), GFP_KERNEL);
	q = goslab_malloc(sizeof(*q), GFP_KERNEL);
	expect(test, 96, 2, 2);
	goslab_free_rcu(p, rcu);
	goslab_free_rcu_mightsleep(q);
	goslab_free_rcu_barrier();
	expect(test, 96, 2, 0);
	end(test);
}

static void nolock(struct kunit *test)
{
	void *p[32], *large;
	unsigned int i;

	begin(test, 1);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc(224, GFP_KERNEL);
	large = goslab_malloc(1 << 18, GFP_KERNEL);
	expect(test, 224, 32, 32);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free_nolock(p[i]);
	goslab_free_nolock(large);
	gs_nolock_flush();
	expect(test, 224, 32, 0);
	expect(test, 1 << 18, 1, 0);
	/* It takes no sample, and fails no more often for one. */
	p[0] = goslab_malloc_nolock(224, 0, NUMA_NO_NODE);
	if (p[0]) {
		KUNIT_EXPECT_FALSE(test, sampled(p[0]));
		goslab_free_nolock(p[0]);
	}
	gs_nolock_flush();
	end(test);
}

static void moved(struct kunit *test)
{
	void *p, *q;

	begin(test, 1);
	p = goslab_malloc(300, GFP_KERNEL);
	/* It stays, and so does its record. */
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc(p, 310, GFP_KERNEL), p);
	expect(test, 320, 1, 1);
	q = goslab_realloc(p, 2000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	expect(test, 320, 1, 0);
	expect(test, 2048, 1, 1);
	goslab_free_sensitive(q);
	expect(test, 2048, 1, 0);
	end(test);
}

/* The module of a sampled object is found as that of any other. */
static void owners(struct kunit *test)
{
	void *p;

	begin(test, 1);
	p = goslab_malloc(64, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, (int)gs_special_owner(p), (int)gs_owner_id(me()));
	KUNIT_EXPECT_EQ(test, (int)sum_of(test, 64).owner, (int)gs_owner_id(me()));
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, (int)gs_special_owner(p), 0);
	end(test);
}

static void misuse(struct kunit *test)
{
	char *p;

	begin(test, 1);
	p = goslab_malloc(64, GFP_KERNEL);
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free(p + 8));
	expect(test, 64, 1, 1);
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	expect(test, 64, 1, 0);
	p = goslab_malloc(1 << 16, GFP_KERNEL);
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free(p + 8));
	goslab_free(p);
	expect(test, 1 << 16, 1, 0);
	end(test);
}

/* A new rate forgets what was sampled with the old one. */
static void rate(struct kunit *test)
{
	void *p, *q;

	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(1UL << 40), -EINVAL);
	begin(test, 1);
	p = goslab_malloc(64, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, sampled(p));
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(0), 0);
	KUNIT_EXPECT_FALSE(test, sampled(p));
	KUNIT_EXPECT_EQ(test, (int)*gs_test_state(p), (int)gs_owner_id(me()));
	expect(test, 64, 0, 0);
	q = goslab_malloc(64, GFP_KERNEL);
	KUNIT_EXPECT_FALSE(test, sampled(q));
	goslab_free(p);
	goslab_free(q);
	expect(test, 64, 0, 0);
	end(test);
}

/* The peak is that of the live bytes, with what each site had then. */
static void peak(struct kunit *test)
{
	void *a[4], *b;
	unsigned int i;

	begin(test, 1);
	for (i = 0; i < 4; i++)
		a[i] = goslab_malloc(1024, GFP_KERNEL);
	for (i = 0; i < 4; i++)
		goslab_free(a[i]);
	b = goslab_malloc(2048, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, sum_of(test, 1024).nr_peak, 4ULL);
	KUNIT_EXPECT_EQ(test, sum_of(test, 2048).nr_peak, 0ULL);
	KUNIT_EXPECT_EQ(test, gs_site_peak(), 4096ULL);
	a[0] = goslab_malloc(1 << 16, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, gs_site_peak(), 2048ULL + (1 << 16));
	goslab_free(b);
	goslab_free(a[0]);
	KUNIT_EXPECT_EQ(test, sum_of(test, 1024).nr_peak, 0ULL);
	KUNIT_EXPECT_EQ(test, sum_of(test, 2048).nr_peak, 1ULL);
	KUNIT_EXPECT_EQ(test, sum_of(test, 1 << 16).nr_peak, 1ULL);
	end(test);
}

static u64 off(u64 a, u64 b)
{
	return max(a, b) - min(a, b);
}

/* A million objects, some of each size live: estimates against the truth. */
static void estimate(struct kunit *test, size_t size, unsigned long rate, unsigned int n)
{
	u64 hits = div64_u64((u64)n << 10, max(gs_chance_scale(1 << 10, size, rate), 1ULL));
	struct gs_site_counts sum;
	unsigned int i;
	u64 error;
	void *p;

	begin(test, rate);
	for (i = 0; i < n; i++) {
		p = goslab_malloc(size, GFP_KERNEL);
		if (p)
			goslab_free(p);
	}
	sum = sum_of(test, size);
	KUNIT_EXPECT_EQ(test, sum.nr_live, 0ULL);
	error = off(gs_chance_scale(sum.nr_alloc, size, rate), n);
	/* Five standard errors: the number of hits has that of a binomial at most. */
	KUNIT_EXPECT_LE_MSG(test, error, n * 5ULL / int_sqrt(max(hits, 1ULL)),
			    "size %zu, rate %lu: %llu samples", size, rate, sum.nr_alloc);
	end(test);
}

static void estimates(struct kunit *test)
{
	estimate(test, 8, 4096, GS_TEST_STEPS);
	estimate(test, 64, 4096, GS_TEST_STEPS);
	estimate(test, 256, 65536, GS_TEST_STEPS);
	estimate(test, 4096, 65536, GS_TEST_STEPS / 10);
	estimate(test, 32768, 65536, GS_TEST_STEPS / 10);
	estimate(test, 65536, 65536, GS_TEST_STEPS / 100);
	estimate(test, 64, 512 << 10, GS_TEST_STEPS);
	estimate(test, 1 << 20, 512 << 10, GS_TEST_STEPS / 100);
}

/* Samples without memory are lost, the objects are not. */
static void no_memory(struct kunit *test)
{
	void **p = pointers(test);
	unsigned int i;

	begin(test, 1);
	/* Objects and slots are there, records are not. */
	for (i = 0; i < MANY; i++)
		p[i] = goslab_malloc(48, GFP_KERNEL);
	goslab_free_bulk(MANY, p);
	begin(test, 0);
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	gs_test_fail_draws(1, ULONG_MAX);
	for (i = 0; i < MANY; i++) {
		p[i] = goslab_malloc(48, GFP_NOWAIT | __GFP_NOWARN);
		if (!p[i])
			break;
	}
	gs_test_end_draws();
	KUNIT_EXPECT_GT(test, i, 0U);
	KUNIT_EXPECT_EQ(test, sum_of(test, 48).nr_live + gs_sample_lost(), (u64)i);
	goslab_free_bulk(i, p);
	expect(test, 48, sum_of(test, 48).nr_alloc, 0);
	end(test);
}

/* Random lives, some with a record, against the count of those that have one. */
static void walk(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 2000);
	unsigned int step, i, n = 0;

	begin(test, 1024);
	for (step = 0; step < GS_TEST_STEPS / 10; step++) {
		if (o->nr == o->max || (o->nr && gs_rnd_below(&rnd, 2))) {
			struct gs_live was = gs_oracle_remove(o, gs_rnd_below(&rnd, o->nr),
							      true);

			goslab_free(was.p);
		} else {
			size_t size = gs_rnd_log(&rnd, 1, 100000);

			gs_oracle_add(o, goslab_malloc(size, GFP_KERNEL), size, true);
		}
		/* The rate may change at any time. */
		if (!gs_rnd_below(&rnd, 20000))
			gs_sample_set_rate(gs_rnd_below(&rnd, 3) * 1000 + 1);
	}
	for (i = 0; i < o->nr; i++)
		n += sampled(o->at[i].p);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), (unsigned long)n);
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, true).p);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	end(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(every_object),
	KUNIT_CASE(bulk),
	KUNIT_CASE(caches),
	KUNIT_CASE(heaps),
	KUNIT_CASE(tiny),
	KUNIT_CASE(rcu),
	KUNIT_CASE(nolock),
	KUNIT_CASE(moved),
	KUNIT_CASE(owners),
	KUNIT_CASE(misuse),
	KUNIT_CASE(rate),
	KUNIT_CASE(peak),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(estimates),
	KUNIT_CASE(walk),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_sample",
	GS_TEST_CASES_PINNED,
	.test_cases = cases,
};
kunit_test_suite(suite);
