// SPDX-License-Identifier: GPL-2.0
/*
 * frag_kunit: goslab_frag: watch/frag.c, and what it is made of: bytes requested and frees on
 * another CPU, in middle/special.c and middle/site.c.
 *
 * At rate 1 all is exact; at others sums must agree within five standard errors.
 */
#include <linux/goslab.h>
#include <linux/goslab_bulk.h>
#include <linux/goslab_cache.h>
#include <linux/goslab_sheaf.h>
#include <linux/string.h>

#include "base/chance.h"
#include "front/sample.h"
#include "front/tiny.h"
#include "middle/class.h"
#include "middle/site.h"
#include "testfile.h"
#include "testlib.h"
#include "watch/watch.h"

#define MANY	100

static void begin(struct kunit *test, unsigned long rate)
{
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(rate), 0);
}

static void end(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(0), 0);
	GS_EXPECT_WHOLE(test);
}

/* What a class has: objects, bytes of an object, bytes requested, frees of both kinds. */
static void expect(struct kunit *test, const struct gs_sampled *t, u64 n, size_t size,
		   u64 requested, u64 frees, u64 ping_pong)
{
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->nr), n);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->allocs), n * GS_SITE_ONE);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->bytes), n * size);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->requested), requested);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->frees), frees * GS_SITE_ONE);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&t->ping_pong), ping_pong * GS_SITE_ONE);
}

static struct gs_sampled *of(struct kunit *test, const char *name)
{
	struct gs_class *c = gs_test_class(name);

	KUNIT_ASSERT_NOT_NULL(test, c);
	return &c->sampled;
}

/* Each way to ask for an object says how many bytes are wanted. */
static void requested(struct kunit *test)
{
	size_t not_constant = 100;
	void *p[16];

	OPTIMIZER_HIDE_VAR(not_constant);
	begin(test, 1);
	p[0] = goslab_malloc(100, GFP_KERNEL);
	p[1] = goslab_malloc(not_constant, GFP_KERNEL);
	p[2] = goslab_malloc_node(100, GFP_KERNEL, numa_mem_id());
	p[3] = goslab_zalloc(100, GFP_KERNEL);
	KUNIT_EXPECT_TRUE(test, goslab_malloc_bulk(100, GFP_KERNEL, 12, p + 4));
	expect(test, of(test, "malloc-112"), 16, 112, 1600, 0, 0);
	goslab_free_bulk(16, p);
	expect(test, of(test, "malloc-112"), 16, 112, 1600, 16, 0);
	p[0] = goslab_malloc_noscan(500, GFP_KERNEL);
	expect(test, of(test, "noscan-512"), 1, 512, 500, 0, 0);
	p[1] = goslab_malloc(50000, GFP_KERNEL);
	expect(test, &gs_sampled_large, 1, 57344, 50000, 0, 0);
	/* It moves. */
	p[2] = goslab_realloc(p[0], 1000, GFP_KERNEL);
	expect(test, of(test, "noscan-512"), 1, 512, 500, 1, 0);
	expect(test, of(test, "malloc-1024"), 1, 1024, 1000, 0, 0);
	goslab_free(p[1]);
	goslab_free(p[2]);
	expect(test, &gs_sampled_large, 1, 57344, 50000, 1, 0);
	end(test);
}

static void caches_and_heaps(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("kunit_frag", 201, 64, 0, NULL);
	struct goslab_heap *heap = goslab_heap_create("kunit-frag", NULL);
	struct goslab_sheaf *sheaf;
	unsigned int i;
	void *p[4];

	KUNIT_ASSERT_NOT_NULL(test, cache);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	begin(test, 1);
	p[0] = goslab_cache_alloc(cache, GFP_KERNEL);
	p[1] = goslab_cache_alloc_node(cache, GFP_KERNEL, numa_mem_id());
	KUNIT_EXPECT_TRUE(test, goslab_cache_alloc_bulk(cache, GFP_KERNEL, 2, p + 2));
	expect(test, of(test, "kunit_frag"), 4, 256, 4 * 201, 0, 0);
	sheaf = goslab_cache_prefill_sheaf(cache, GFP_KERNEL, 3);
	expect(test, of(test, "kunit_frag"), 7, 256, 7 * 201, 0, 0);
	goslab_cache_return_sheaf(cache, GFP_KERNEL, sheaf);
	goslab_cache_free_bulk(cache, 4, p);
	expect(test, of(test, "kunit_frag"), 7, 256, 7 * 201, 7, 0);
	for (i = 0; i < 5; i++)
		KUNIT_EXPECT_NOT_NULL(test, goslab_heap_malloc(heap, 33, GFP_KERNEL));
	expect(test, of(test, "kunit-frag-48"), 5, 48, 5 * 33, 0, 0);
	/* What ends with its heap was freed, by no CPU. */
	goslab_heap_reset(heap);
	expect(test, of(test, "kunit-frag-48"), 5, 48, 5 * 33, 5, 0);
	goslab_heap_destroy(heap);
	goslab_cache_destroy(cache);
	end(test);
}

/* What will be cut off a block of tiny objects is not known. */
static void tiny(struct kunit *test)
{
	void *p;

	if (!GS_TINY_ENABLED)
		kunit_skip(test, "no tiny objects on this kernel");
	begin(test, 1);
	p = goslab_malloc_noscan(3, GFP_KERNEL);
	expect(test, &gs_classes[GS_SPC_TINY].sampled, 1, 16, 16, 0, 0);
	goslab_free(p);
	end(test);
}

static void free_some(void *arg)
{
	void **p = arg;
	unsigned int i;

	for (i = 0; i < MANY / 4; i++)
		goslab_free(p[i]);
}

static void ping_pong(struct kunit *test)
{
	void **p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	struct gs_sampled *t = of(test, "malloc-64");
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	begin(test, 1);
	for (i = 0; i < MANY; i++)
		p[i] = goslab_malloc(64, GFP_KERNEL);
	gs_test_on_other_cpu(free_some, p);
	expect(test, t, MANY, 64, MANY * 64, MANY / 4, MANY / 4);
	for (i = MANY / 4; i < MANY; i++)
		goslab_free(p[i]);
	expect(test, t, MANY, 64, MANY * 64, MANY, MANY / 4);
	end(test);
}

/* A new rate begins anew, and so do the figures by class. */
static void anew(struct kunit *test)
{
	void *p;

	begin(test, 1);
	p = goslab_malloc(60, GFP_KERNEL);
	expect(test, of(test, "malloc-64"), 1, 64, 60, 0, 0);
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(1), 0);
	expect(test, of(test, "malloc-64"), 0, 64, 0, 0, 0);
	/* Its sample was forgotten. */
	goslab_free(p);
	expect(test, of(test, "malloc-64"), 0, 64, 0, 0, 0);
	end(test);
}

/* Samples without a record leave no trace. */
static void no_memory(struct kunit *test)
{
	struct gs_site_counts *site;
	u64 wanted = 0, known = 0;
	void *p[MANY];
	unsigned int i, n;

	begin(test, 0);
	/* Objects and slots are there, records are not. */
	for (i = 0; i < MANY; i++)
		p[i] = goslab_malloc(48, GFP_KERNEL);
	goslab_free_bulk(MANY, p);
	begin(test, 1);
	gs_test_fail_draws(1, ULONG_MAX);
	for (n = 0; n < MANY; n++) {
		p[n] = goslab_malloc(40, GFP_NOWAIT | __GFP_NOWARN);
		if (!p[n])
			break;
	}
	gs_test_end_draws();
	wanted = atomic64_read(&of(test, "malloc-48")->requested);
	goslab_free_bulk(n, p);
	KUNIT_EXPECT_EQ(test, wanted, 40ULL * atomic64_read(&of(test, "malloc-48")->nr));
	site = gs_site_read(&n);
	KUNIT_ASSERT_NOT_NULL(test, site);
	for (i = 0; i < n; i++)
		known += site[i].requested;
	kvfree(site);
	KUNIT_EXPECT_EQ(test, known, wanted);
	end(test);
}

static u64 off(u64 a, u64 b)
{
	return max(a, b) - min(a, b);
}

/* Estimates of @n objects that @asked bytes are asked for, against the truth. */
static void estimate(struct kunit *test, const char *class, size_t asked, unsigned long rate,
		     unsigned int n)
{
	struct gs_class *c = gs_test_class(class);
	u64 hits = (u64)n * GS_SITE_ONE / gs_chance_scale(GS_SITE_ONE, c->elemsize, rate);
	struct gs_frag f;
	unsigned int i;

	begin(test, rate);
	for (i = 0; i < n; i++)
		goslab_free(goslab_malloc(asked, GFP_KERNEL));
	f = gs_frag_of_class(&c->sampled);
	/* Five standard errors: the number of hits has that of a binomial at most. */
	KUNIT_EXPECT_LE_MSG(test, off(f.allocs, n), n * 5ULL / int_sqrt(max(hits, 1ULL)),
			    "%s, rate %lu: %llu objects", class, rate, f.allocs);
	KUNIT_EXPECT_EQ(test, f.frees, f.allocs);
	/* All are alike, so their shares are right but for the rounding of each sample. */
	KUNIT_EXPECT_LE(test, off(f.requested * c->elemsize, f.allocated * asked),
			f.allocated * asked / 500);
	KUNIT_EXPECT_LE(test, off(f.allocs * c->elemsize, f.allocated), f.allocated / 500);
	end(test);
}

static void estimates(struct kunit *test)
{
	estimate(test, "malloc-64", 50, 4096, GS_TEST_STEPS);
	estimate(test, "malloc-112", 97, 65536, GS_TEST_STEPS);
	estimate(test, "malloc-4096", 3500, 65536, GS_TEST_STEPS / 10);
	estimate(test, "malloc-32768", 29000, 65536, GS_TEST_STEPS / 10);
}

/* Its name shows: nothing in it that the compiler could make a copy for. */
static noinline void waste(void *p[30])
{
	unsigned int i;

	for (i = 0; i < 30; i++)
		p[i] = goslab_malloc(100, GFP_KERNEL);
}

static void file(struct kunit *test)
{
	unsigned long long allocated, wanted, hit, freed, back_and_forth, frag, more;
	const char *text, *row;
	void *p[30], *q;

	begin(test, 1);
	waste(p);
	q = goslab_malloc(1024, GFP_KERNEL);
	goslab_free_bulk(10, p);
	text = gs_test_read(test, "frag");
	KUNIT_EXPECT_EQ(test, strncmp(text, "frag - version: 1.0\n# exact: ", 29), 0);
	row = strstr(text, " malloc-112\n");
	KUNIT_ASSERT_NOT_NULL(test, row);
	while (row > text && row[-1] != '\n')
		row--;
	KUNIT_ASSERT_EQ(test, sscanf(row, "%llu %llu %llu %llu %llu %llu.%llu malloc-112",
				     &allocated, &wanted, &hit, &freed, &back_and_forth,
				     &frag, &more), 7);
	KUNIT_EXPECT_EQ(test, allocated, 30 * 112ULL);
	KUNIT_EXPECT_EQ(test, wanted, 3000ULL);
	KUNIT_EXPECT_EQ(test, hit, 30ULL);
	KUNIT_EXPECT_EQ(test, freed, 10ULL);
	KUNIT_EXPECT_EQ(test, back_and_forth, 0ULL);
	/* 12 of 112 bytes. */
	KUNIT_EXPECT_EQ(test, frag * 1000 + more, 10714ULL);
	row = strstr(text, "3360             3000           30           10            0   10.714 goslab_kunit waste+0x");
	KUNIT_EXPECT_NOT_NULL(test, row);
	/* The one that wastes most comes first. */
	KUNIT_EXPECT_TRUE(test, row && strstr(row, " goslab_kunit file+0x"));
#define OF(name)	gs_test_value(test, text, name)
	KUNIT_EXPECT_EQ(test, OF("Total bytes requested"), 4024ULL);
	KUNIT_EXPECT_EQ(test, OF("Total bytes allocated"), 4384ULL);
	KUNIT_EXPECT_EQ(test, OF("Total bytes freed"), 1120ULL);
	KUNIT_EXPECT_EQ(test, OF("Net total bytes allocated"), 3264ULL);
	KUNIT_EXPECT_EQ(test, OF("Total bytes wasted on internal fragmentation"), 360ULL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nInternal fragmentation: 8.211%\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nPing-pong frees: 0/10\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\nCross CPU allocations: 0/31\n"));
#undef OF
	text = strstr(gs_test_read(test, "json"), "{\"name\":\"malloc-112\"");
	KUNIT_ASSERT_NOT_NULL(test, text);
	text = strstr(text, "\"sampled\":{");
	KUNIT_ASSERT_NOT_NULL(test, text);
	KUNIT_EXPECT_PTR_EQ(test, strstr(text, "\"sampled\":{\"allocated\":3360,\"requested\":3000,\"hit\":30,\"freed\":10,\"ping_pong\":0}"),
			    (char *)text);
	goslab_free_bulk(20, p + 10);
	goslab_free(q);
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(4096), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "frag"),
					   "\n# estimates, of 0 samples, one in 4096 bytes\n"));
	end(test);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(requested),
	KUNIT_CASE(caches_and_heaps),
	KUNIT_CASE(tiny),
	KUNIT_CASE(ping_pong),
	KUNIT_CASE(anew),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(estimates),
	KUNIT_CASE(file),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_frag",
	GS_TEST_CASES_PINNED,
	.test_cases = cases,
};
kunit_test_suite(suite);
