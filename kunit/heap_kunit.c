// SPDX-License-Identifier: GPL-2.0
/*
 * heap_kunit: named heaps: quota, reset, end, statistics: api/heap.c,
 * middle/heap.c.
 */
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/seq_file.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "front/drain.h"
#include "middle/heap.h"
#include "testlib.h"

#define NAME	"kunit-heap"
#define MANY	500

static struct goslab_heap *make(struct kunit *test, size_t quota)
{
	struct goslab_heap_args args = { .quota = quota };
	struct goslab_heap *heap = goslab_heap_create(NAME, &args);

	KUNIT_ASSERT_NOT_NULL(test, heap);
	return heap;
}

static struct goslab_heap_usage usage(struct goslab_heap *heap)
{
	struct goslab_heap_usage u;

	goslab_heap_usage(heap, &u);
	return u;
}

static struct goslab_heap *heap_of(const void *p)
{
	return gs_arena_span(p)->class ? gs_arena_span(p)->class->heap : NULL;
}

/* Bytes of all spans whose class is of @heap: what held must say. */
static size_t bytes_of_spans(struct goslab_heap *heap)
{
	unsigned long i, page;
	size_t sum = 0;

	gs_arena_for_each(i) {
		for (page = 0; page < GS_ARENA_PAGES; page++) {
			unsigned long base = gs_arena_base(i) + page * GS_PAGE_SIZE;
			struct mspan *s = gs_arena_span((void *)base);

			if (s && gs_span_in_use(s) && s->class &&
			    s->class->heap == heap && s->base == base)
				sum += gs_span_size(s);
		}
	}
	return sum;
}

static void lives(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 100, 2560, 9000, 32768, 32769,
					100000, GOSLAB_MAX_SIZE };
	struct gs_oracle *o = gs_oracle_make(test, 200);
	unsigned long idle = gs_test_idle_pages();
	struct goslab_heap *heap = make(test, 0);
	unsigned int i, k;
	size_t live = 0;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (k = 0; k < (sizes[i] > 200000 ? 2 : 20); k++) {
			void *p = goslab_heap_malloc(heap, sizes[i], GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_PTR_EQ(test, heap_of(p), heap);
			KUNIT_EXPECT_GE(test, goslab_size(p), sizes[i]);
			live += goslab_size(p);
			gs_oracle_add(o, p, sizes[i], true);
		}
	}
	KUNIT_EXPECT_EQ(test, usage(heap).nr_live, o->nr);
	KUNIT_EXPECT_EQ(test, usage(heap).live, live);
	KUNIT_EXPECT_EQ(test, usage(heap).held, bytes_of_spans(heap));
	GS_EXPECT_WHOLE(test);
	while (o->nr)
		goslab_free(gs_oracle_remove(o, o->nr / 2, true).p);
	KUNIT_EXPECT_EQ(test, usage(heap).nr_live, 0UL);
	KUNIT_EXPECT_EQ(test, usage(heap).held, bytes_of_spans(heap));
	goslab_heap_destroy(heap);
	goslab_heap_destroy(NULL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

/* A charged object is a whole block: all of goslab_size() is zero. */
static void zeroed_to_the_end(struct kunit *test)
{
	struct goslab_heap_args args = { .flags = GOSLAB_ACCOUNT };
	struct goslab_heap *heap = goslab_heap_create("kunit-blocks", &args);
	void *p[8];
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	/* Blocks that this heap gives back dirty are drawn again. */
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_heap_malloc(heap, 33000, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, goslab_size(p[i]), (size_t)65536);
		memset(p[i], 0x5a, goslab_size(p[i]));
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_heap_zalloc(heap, 33000, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0, goslab_size(p[i])));
	}
	goslab_heap_destroy(heap);
}

/* Charges that never fit; the number of attempts. */
struct large_charges {
	struct goslab_heap *heap;
	unsigned long tried;
};

static int charge_large(void *arg)
{
	struct large_charges *large = arg;
	int charged = 0;

	while (!kthread_should_stop()) {
		charged += gs_heap_charge(large->heap, large->heap->quota + 1);
		WRITE_ONCE(large->tried, large->tried + 1);
		cond_resched();
	}
	return charged;
}

/* A large request that is refused does not take the room of a small one. */
static void refused_takes_no_room(struct kunit *test)
{
	struct goslab_heap *heap = make(test, 1 << 20);
	struct large_charges large = { .heap = heap };
	unsigned int i, refused = 0;
	struct task_struct *task;

	task = kthread_run(charge_large, &large, "goslab_charge");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	for (i = 0; i < 300000 || READ_ONCE(large.tried) < 1000; i++) {
		if (gs_heap_charge(heap, 8192))
			gs_heap_uncharge(heap, 8192);
		else
			refused++;
		if (!(i % 1000))
			cond_resched();
	}
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 0);
	KUNIT_EXPECT_EQ(test, refused, 0);
	goslab_heap_destroy(heap);
}

static void all_calls(struct kunit *test)
{
	struct goslab_heap *heap = make(test, 0);
	u8 *p[6];
	unsigned int i;

	p[0] = goslab_heap_zalloc(heap, 333, GFP_KERNEL);
	p[1] = goslab_heap_malloc_array(heap, 10, 50, GFP_KERNEL);
	p[2] = goslab_heap_calloc(heap, 10, 50, GFP_KERNEL);
	p[3] = goslab_heap_malloc_node(heap, 64, GFP_KERNEL, numa_mem_id());
	p[4] = goslab_heap_malloc_node(heap, 64, GFP_KERNEL, NUMA_NO_NODE);
	p[5] = goslab_heap_realloc(heap, NULL, 40, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_PTR_EQ(test, heap_of(p[i]), heap);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(p[0], 0, 333));
	KUNIT_EXPECT_NULL(test, memchr_inv(p[2], 0, 500));
	KUNIT_EXPECT_PTR_EQ(test, goslab_heap_malloc(heap, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc_array(heap, SIZE_MAX / 2, 3,
							 GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, GOSLAB_MAX_SIZE + 1,
						   GFP_KERNEL));
	/* An object that moves stays in its heap, by either call. */
	memset(p[5], 5, 40);
	p[5] = goslab_realloc(p[5], 5000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p[5]);
	KUNIT_EXPECT_PTR_EQ(test, heap_of(p[5]), heap);
	p[5] = goslab_heap_realloc(heap, p[5], 50000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p[5]);
	KUNIT_EXPECT_PTR_EQ(test, heap_of(p[5]), heap);
	KUNIT_EXPECT_NULL(test, memchr_inv(p[5], 5, 40));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
	goslab_heap_destroy(heap);
}

struct flex {
	u32 n;
	u64 each[];
};

/* What the calls without heap have, too. */
static void more_calls(struct kunit *test)
{
	static const char text[] = "sixteen letters.";
	struct goslab_heap *heap = make(test, 0);
	struct flex *flex;
	u8 *p[16];
	unsigned int i = 0;

	p[i++] = goslab_heap_zalloc_node(heap, 77, GFP_KERNEL, NUMA_NO_NODE);
	p[i++] = goslab_heap_calloc_node(heap, 7, 11, GFP_KERNEL, 0);
	p[i++] = goslab_heap_malloc_array_node(heap, 7, 11, GFP_KERNEL, 0);
	p[i++] = goslab_heap_realloc_array(heap, NULL, 4, 20, GFP_KERNEL);
	p[i++] = goslab_heap_malloc_noscan(heap, 5, GFP_KERNEL);
	p[i++] = (u8 *)goslab_heap_malloc_obj(heap, *flex);
	p[i++] = (u8 *)goslab_heap_malloc_objs(heap, struct flex, 9, GFP_ATOMIC);
	p[i++] = (u8 *)goslab_heap_zalloc_obj(heap, u64);
	p[i++] = (u8 *)goslab_heap_zalloc_objs(heap, u64, 5);
	p[i++] = (u8 *)goslab_heap_malloc_flex(heap, *flex, each, 50);
	flex = goslab_heap_zalloc_flex(heap, *flex, each, 30, GFP_KERNEL);
	p[i++] = (u8 *)flex;
	p[i++] = goslab_heap_memdup(heap, text, 7, GFP_KERNEL);
	p[i++] = goslab_heap_memdup_array(heap, text, 2, 3, GFP_KERNEL);
	p[i++] = goslab_heap_memdup_nul(heap, text, 7, GFP_KERNEL);
	p[i++] = goslab_heap_strdup(heap, text, GFP_KERNEL);
	p[i++] = goslab_heap_strndup(heap, text, 7, GFP_KERNEL);
	KUNIT_ASSERT_EQ(test, i, ARRAY_SIZE(p));
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_PTR_EQ(test, heap_of(p[i]), heap);
	}
	KUNIT_EXPECT_NULL(test, memchr_inv(p[0], 0, 77));
	KUNIT_EXPECT_NULL(test, memchr_inv(p[1], 0, 77));
	KUNIT_EXPECT_NULL(test, memchr_inv(p[8], 0, 40));
	KUNIT_EXPECT_NULL(test, memchr_inv(flex->each, 0, 240));
	KUNIT_EXPECT_EQ(test, memcmp(p[11], text, 7), 0);
	KUNIT_EXPECT_EQ(test, memcmp(p[12], text, 6), 0);
	KUNIT_EXPECT_STREQ(test, (char *)p[13], "sixteen");
	KUNIT_EXPECT_STREQ(test, (char *)p[14], text);
	KUNIT_EXPECT_STREQ(test, (char *)p[15], "sixteen");
	KUNIT_EXPECT_NULL(test, goslab_heap_strdup(heap, NULL, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc_objs(heap, u64, SIZE_MAX));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
	goslab_heap_destroy(heap);
}

static void the_default(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_default();
	static const size_t sizes[] = { 8, 700, 32768, 50000 };
	struct goslab_heap_usage before = usage(heap);
	void *p[ARRAY_SIZE(sizes)];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_heap_malloc(heap, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_NULL(test, heap_of(p[i]));
	}
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(p[1])->class,
			    gs_test_class("malloc-704"));
	KUNIT_EXPECT_EQ(test, usage(heap).nr_live, before.nr_live + 4);
	GS_EXPECT_REPORTS(test, GS_BUG_HEAP_IN_USE, 2, ({
		goslab_heap_reset(heap);
		goslab_heap_destroy(heap);
	}));
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
}

/* Fill @heap with objects of @size until it refuses. Return: how many. */
static unsigned int fill(struct goslab_heap *heap, size_t size, void **p,
			 unsigned int max)
{
	unsigned int n = 0;

	while (n < max && (p[n] = goslab_heap_malloc(heap, size, GFP_KERNEL)))
		n++;
	return n;
}

/* Never a byte over, counted, and what was freed can be had again. */
static void within_quota(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 1000, 5000, 20000, 40000, 100000 };
	const size_t quota = GS_TEST_SLOW ? 128 << 10 : 256 << 10;
	struct goslab_heap *heap = make(test, quota);
	unsigned int i, k, n, max = quota / 8 + 1;
	unsigned long refused = 0;
	void **p = kvmalloc_array(max, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned int first = 0;

		for (k = 0; k < 3; k++) {
			n = fill(heap, sizes[i], p, max);
			KUNIT_EXPECT_LT(test, n, max);
			KUNIT_EXPECT_EQ(test, usage(heap).nr_refused, ++refused);
			KUNIT_EXPECT_LE(test, usage(heap).peak, quota);
			KUNIT_EXPECT_EQ(test, usage(heap).held,
					bytes_of_spans(heap));
			/* A span that lies free may be shorter than the best one. */
			if (k)
				KUNIT_EXPECT_LE(test, max(n, first) - min(n, first), 1U);
			first = n;
			/* All but the tails is used. */
			KUNIT_EXPECT_GE(test, n * goslab_size(p[0]),
					quota - quota / 8 -
					ALIGN(sizes[i], GS_PAGE_SIZE));
			while (n)
				goslab_free(p[--n]);
			if (GS_TEST_SLOW && sizes[i] < 1000 && k)
				break;
		}
	}
	kvfree(p);
	goslab_heap_destroy(heap);
}

static void refuses(struct kunit *test)
{
	struct goslab_heap *heap = make(test, 4096);
	void *p;

	/* No span fits: every context is told so. */
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 8, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 8, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 100000, GFP_NOWAIT));
	KUNIT_EXPECT_EQ(test, usage(heap).nr_refused, 3UL);
	KUNIT_EXPECT_EQ(test, usage(heap).held, 0UL);
	/* The default heap has all the room it had. */
	p = goslab_malloc(8, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goslab_free(p);
	goslab_heap_destroy(heap);
}

/* Everything goes at once, and the heap serves on. */
static void resets(struct kunit *test)
{
	unsigned long idle = gs_test_idle_pages();
	struct goslab_heap *heap = make(test, 0);
	unsigned int round, i;
	void *old = NULL;

	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++) {
			size_t size = 8 << i % 14;
			u8 *p = goslab_heap_malloc(heap, size, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			memset(p, i, size);
			if (i % 3 == 0)
				goslab_free(p);
			else
				old = p;
		}
		KUNIT_EXPECT_GT(test, usage(heap).nr_live, 300UL);
		goslab_heap_reset(heap);
		KUNIT_EXPECT_EQ(test, usage(heap).nr_live, 0UL);
		KUNIT_EXPECT_EQ(test, usage(heap).held, 0UL);
		KUNIT_EXPECT_GT(test, usage(heap).peak, 0UL);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(old));
		GS_EXPECT_WHOLE(test);
	}
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

/* With all that lives in it; a heap of that name can be made again. */
static void destroyed(struct kunit *test)
{
	unsigned long idle = gs_test_idle_pages();
	struct goslab_heap *heap;
	unsigned int round, i;

	for (round = 0; round < 4; round++) {
		heap = make(test, 0);
		for (i = 0; i < MANY; i++)
			KUNIT_ASSERT_NOT_NULL(test,
				goslab_heap_zalloc(heap, 1 + i * 97, GFP_KERNEL));
		goslab_heap_destroy(heap);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
		GS_EXPECT_WHOLE(test);
	}
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_HEAP, 6, ({
		KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 8, GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 50000,
							   GFP_KERNEL));
		KUNIT_EXPECT_NULL(test, goslab_heap_malloc_node(heap, 8,
							GFP_KERNEL, 0));
		KUNIT_EXPECT_EQ(test, usage(heap).held, 0UL);
		goslab_heap_reset(heap);
		goslab_heap_destroy(heap);
	}));
}

struct pending {
	struct rcu_head rcu;
	u8 rest[1000];
};

/* Objects that wait for RCU are freed before the heap ends, or begins again. */
static void ends_after_rcu(struct kunit *test)
{
	static const size_t sizes[] = { sizeof(struct pending), 50000 };
	unsigned long idle = gs_test_idle_pages();
	struct goslab_heap *heap = make(test, 0);
	unsigned int round, i, k;

	for (round = 0; round < 4; round++) {
		for (k = 0; k < ARRAY_SIZE(sizes); k++) {
			for (i = 0; i < 30; i++) {
				struct pending *p;

				p = goslab_heap_malloc(heap, sizes[k],
						       GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, p);
				goslab_free_rcu(p, rcu);
			}
		}
		GS_EXPECT_REPORTS(test, GS_BUG_PENDING, 0,
				  goslab_heap_reset(heap));
		KUNIT_EXPECT_EQ(test, usage(heap).held, 0UL);
	}
	for (i = 0; i < 30; i++)
		goslab_free_rcu((struct pending *)goslab_heap_malloc(heap, 1024,
							GFP_KERNEL), rcu);
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

/* What freed it costs goes by spans: no object of it is looked at. */
static void ends_by_spans(struct kunit *test)
{
	struct goslab_heap *heap = make(test, 0);
	const unsigned long n = GS_TEST_SLOW ? 10000 : 100000;
	unsigned long locks, spans, i;

	for (i = 0; i < n; i++)
		if (!goslab_heap_malloc(heap, 8, GFP_KERNEL))
			break;
	spans = gs_class_central(&heap->classes[1], numa_mem_id())->nr_spans;
	gs_drain_this_cpu(false);
	locks = gs_mheap_counts().nr_lock;
	goslab_heap_reset(heap);
	KUNIT_EXPECT_LE(test, gs_mheap_counts().nr_lock - locks, spans + 50);
	KUNIT_EXPECT_GE(test, n / spans, 500UL);
	goslab_heap_destroy(heap);
}

static void misuse(struct kunit *test)
{
	static const char *const names[] = {
		NULL, "", "two words", "malloc", "noscan", "tiny", "default",
		"a-name-of-24-characters-", NAME,
	};
	struct goslab_heap_args args = { .flags = GOSLAB_ON_NODE, .node = -3 };
	struct goslab_heap *heap = make(test, 0), *bad;
	unsigned long n = gs_report_count();
	unsigned int i;
	void *p, *q;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		bad = goslab_heap_create(names[i], NULL);
		KUNIT_EXPECT_NULL_MSG(test, bad, "%s", names[i]);
		gs_test_expect_reports(1);
		KUNIT_EXPECT_EQ(test, gs_report_count(), n + i + 1);
	}
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  bad = goslab_heap_create("other", &args));
	KUNIT_EXPECT_NULL(test, bad);
	args.flags = BIT(20);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1,
			  bad = goslab_heap_create("other", &args));
	KUNIT_EXPECT_NULL(test, bad);
	p = goslab_heap_malloc(heap, 100, GFP_KERNEL);
	q = goslab_heap_malloc(heap, 100000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 2, ({
		goslab_free(p + 8);
		goslab_free(q + 8192);
	}));
	goslab_free(p);
	goslab_free(q);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 2, ({
		goslab_free(p);
		goslab_free(q);
	}));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  p = goslab_heap_malloc(heap, 64, GFP_KERNEL | GFP_DMA));
	KUNIT_EXPECT_NULL(test, p);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  p = goslab_heap_malloc_node(heap, 64, GFP_KERNEL, 9999));
	KUNIT_EXPECT_NULL(test, p);
	goslab_heap_destroy(heap);
}

/* A cache draws from the heap: within its quota, and before its end. */
static void with_cache(struct kunit *test)
{
	struct goslab_heap *heap = make(test, 64 << 10);
	struct goslab_cache_args args = { .heap = heap };
	struct goslab_cache *cache;
	unsigned int n = 0;
	void *p[80];

	cache = goslab_cache_create_args("kunit-cache", 1000, &args, 0);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	while (n < ARRAY_SIZE(p) &&
	       (p[n] = goslab_cache_alloc(cache, GFP_KERNEL)))
		n++;
	KUNIT_EXPECT_EQ(test, n, 64U);
	KUNIT_EXPECT_EQ(test, usage(heap).nr_live, 64UL);
	KUNIT_EXPECT_EQ(test, usage(heap).nr_refused, 1UL);
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 8, GFP_KERNEL));
	GS_EXPECT_REPORTS(test, GS_BUG_HEAP_IN_USE, 2, ({
		goslab_heap_reset(heap);
		goslab_heap_destroy(heap);
	}));
	while (n)
		goslab_cache_free(cache, p[--n]);
	/* What the cache has free gives way. */
	p[0] = goslab_heap_malloc(heap, 8, GFP_KERNEL);
	goslab_cache_destroy(cache);
	goslab_free(p[0]);
	goslab_heap_destroy(heap);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_HEAP, 1,
			  cache = goslab_cache_create_args("kunit-cache", 8,
							   &args, 0));
	KUNIT_EXPECT_NULL(test, cache);
}

/* Objects of one CPU, freed on another, before the end of the heap. */
struct there {
	struct goslab_heap *heap;
	void *p[MANY];
};

static void use_there(void *arg)
{
	struct there *t = arg;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		goslab_free(t->p[i]);
	for (i = 0; i < MANY; i++)
		t->p[i] = goslab_heap_malloc(t->heap, 72, GFP_KERNEL);
}

static void used_elsewhere(struct kunit *test)
{
	struct there *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	unsigned int i;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->heap = make(test, 0);
	for (i = 0; i < MANY; i++)
		t->p[i] = goslab_heap_malloc(t->heap, 72, GFP_KERNEL);
	gs_test_on_other_cpu(use_there, t);
	KUNIT_EXPECT_EQ(test, usage(t->heap).nr_live, (unsigned long)MANY);
	goslab_heap_reset(t->heap);
	KUNIT_EXPECT_EQ(test, usage(t->heap).held, 0UL);
	GS_EXPECT_WHOLE(test);
	goslab_heap_destroy(t->heap);
}

/* Leave nearly all of a heap in the slots of the CPU that this runs on. */
static void park_there(void *arg)
{
	struct there *t = arg;
	unsigned int i, n, round;

	for (round = 0; round < 20; round++) {
		for (n = 0; n < 28; n++)
			t->p[n] = goslab_heap_malloc(t->heap, 4096, GFP_ATOMIC);
		for (i = 0; i < n; i++)
			goslab_free(t->p[i]);
	}
}

/*
 * At the quota, what other CPUs have parked comes back for a caller that may wait,
 * and for no other.
 */
static void drained_elsewhere(struct kunit *test)
{
	struct there *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);
	static const size_t sizes[] = { 24576, 100000 };
	unsigned int i;
	void *p;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	KUNIT_ASSERT_NOT_NULL(test, t);
	t->heap = make(test, 16 * 8192);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		gs_test_on_other_cpu(park_there, t);
		KUNIT_EXPECT_GT(test, usage(t->heap).held + sizes[i],
				16UL * 8192);
		KUNIT_EXPECT_NULL(test, goslab_heap_malloc(t->heap, sizes[i],
							   GFP_ATOMIC));
		p = goslab_heap_malloc(t->heap, sizes[i], GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, p);
		goslab_free(p);
		gs_drain_all();
	}
	KUNIT_EXPECT_EQ(test, usage(t->heap).nr_refused, 2UL);
	goslab_heap_destroy(t->heap);
}

/* Each draw fails in turn: NULL and nothing left, or the heap is made. */
static void without_memory(struct kunit *test)
{
	unsigned long idle = gs_test_idle_pages();
	struct goslab_heap *heap;
	unsigned int i;
	void *p;

	for (i = 1; i < 20; i++) {
		gs_test_fail_draws(i, 1);
		heap = goslab_heap_create(NAME, NULL);
		gs_test_end_draws();
		if (!heap)
			continue;
		gs_test_fail_draws(i, 1000);
		p = goslab_heap_malloc(heap, 300, GFP_KERNEL);
		goslab_free(p);
		p = goslab_heap_malloc(heap, 300000, GFP_KERNEL);
		goslab_free(p);
		gs_test_end_draws();
		KUNIT_EXPECT_EQ(test, usage(heap).nr_live, 0UL);
		KUNIT_EXPECT_EQ(test, usage(heap).held, bytes_of_spans(heap));
		goslab_heap_destroy(heap);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

static void charged(struct kunit *test)
{
	/* Each of the sizes takes a page of the kernel or more. */
	struct goslab_heap_args args = { .flags = GOSLAB_ACCOUNT,
					 .quota = 256 * PAGE_SIZE };
	struct goslab_heap *heap = goslab_heap_create(NAME, &args);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (i = 0; i < 40; i++) {
		void *p = goslab_heap_malloc(heap, 10 << i % 14, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, gs_arena_span(p)->direct);
	}
	KUNIT_EXPECT_EQ(test, usage(heap).held, bytes_of_spans(heap));
	goslab_heap_destroy(heap);
}

/* What a heap has is counted without a look at all pages, for which the lock is taken. */
static void read_by_itself(struct kunit *test)
{
	struct goslab_heap_usage u;
	struct goslab_heap *heap;
	int i;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	heap = make(test, 0);
	for (i = 0; i < MANY; i++)
		KUNIT_EXPECT_NOT_NULL(test, goslab_heap_malloc(heap, 100 * (1 + i % 400),
							       GFP_KERNEL));
	gs_test_hold(&gs_mheaps[numa_mem_id()].lock);
	u = usage(heap);
	KUNIT_EXPECT_TRUE(test, gs_test_let_go());
	KUNIT_EXPECT_EQ(test, u.nr_live, (unsigned long)MANY);
	goslab_heap_destroy(heap);
}

static struct kunit_case heap_cases[] = {
	KUNIT_CASE(lives),
	KUNIT_CASE(read_by_itself),
	KUNIT_CASE(all_calls),
	KUNIT_CASE(more_calls),
	KUNIT_CASE(the_default),
	KUNIT_CASE(within_quota),
	KUNIT_CASE(refused_takes_no_room),
	KUNIT_CASE(zeroed_to_the_end),
	KUNIT_CASE(refuses),
	KUNIT_CASE(resets),
	KUNIT_CASE(destroyed),
	KUNIT_CASE(ends_after_rcu),
	KUNIT_CASE(ends_by_spans),
	KUNIT_CASE(misuse),
	KUNIT_CASE(with_cache),
	KUNIT_CASE(used_elsewhere),
	KUNIT_CASE(drained_elsewhere),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(charged),
	{}
};

static struct kunit_suite heap_suite = {
	.name = "goslab_heap",
	GS_TEST_CASES_PINNED,
	.test_cases = heap_cases,
};
kunit_test_suite(heap_suite);
