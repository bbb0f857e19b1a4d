// SPDX-License-Identifier: GPL-2.0
/*
 * fragment_kunit: goslab_fragment: api/frag.c and <linux/goslab_frag.h>.
 *
 * The race passes fragments between threads of all CPUs and hard interrupts in
 * them, so that most are freed elsewhere than they were allocated.
 */
#include <linux/bottom_half.h>
#include <linux/completion.h>
#include <linux/goslab.h>
#include <linux/irq_work.h>
#include <linux/kasan.h>
#include <linux/kthread.h>
#include <linux/sched.h>
#include <linux/sizes.h>

#include "pattern.h"
#include "testlib.h"

#define NAME		"kunit-frag"
#define MANY		1000

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static struct goslab_frag_cache *make(struct kunit *test, struct goslab_heap *h)
{
	struct goslab_frag_cache *cache = goslab_frag_cache_create(h);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

static unsigned long chunks_of(struct goslab_heap *h)
{
	struct goslab_heap_usage usage;

	goslab_heap_usage(h, &usage);
	return usage.nr_live;
}

static void sizes_and_alignment(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 13, 100, 1500, 8000, 9000, 100000 };
	struct goslab_frag_cache *cache = make(test, NULL);
	struct gs_oracle *o = gs_oracle_make(test, 200);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i;
	size_t align;
	void *p;

	for (align = 1; align <= GOSLAB_MAX_ALIGN; align *= 2)
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			p = goslab_frag_alloc_aligned(cache, sizes[i], align, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
							   max(align, 8UL)));
			gs_oracle_add(o, p, sizes[i], true);
		}
	KUNIT_EXPECT_PTR_EQ(test, goslab_frag_alloc(cache, hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goslab_frag_alloc(cache, SIZE_MAX, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_frag_alloc(cache, GOSLAB_MAX_SIZE, GFP_KERNEL));
	goslab_frag_free(NULL);
	goslab_frag_free(ZERO_SIZE_PTR);
	while (o->nr)
		goslab_frag_free(gs_oracle_remove(o, gs_rnd_below(&rnd, o->nr), true).p);
	goslab_frag_cache_destroy(cache);
	goslab_frag_cache_destroy(NULL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void zeroed(struct kunit *test)
{
	struct goslab_frag_cache *cache = make(test, NULL);
	unsigned int i;
	char *p;

	for (i = 0; i < 100; i++) {
		p = goslab_frag_alloc(cache, 1001, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		if (want_init_on_alloc(GFP_KERNEL))
			KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 1001));
		memset(p, 0xff, 1001);
		goslab_frag_free(p);
		p = goslab_frag_zalloc(cache, 501, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, 501));
		goslab_frag_free(p);
	}
	goslab_frag_cache_destroy(cache);
}

/* Chunks go with their last fragment, whatever the order, cache or no cache. */
static void ends_of_chunks(struct kunit *test)
{
	struct goslab_heap *h = goslab_heap_create(NAME, NULL);
	struct gs_rnd rnd = gs_rnd_start(test);
	struct goslab_frag_cache *cache;
	unsigned int i, n = MANY;
	void **p;

	KUNIT_ASSERT_NOT_NULL(test, h);
	cache = make(test, h);
	p = kunit_kmalloc_array(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < MANY; i++) {
		p[i] = goslab_frag_alloc(cache, 200, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_LE(test, chunks_of(h), 3UL + MANY * 240 / SZ_32K + 1);
	KUNIT_EXPECT_EQ(test, gs_test_owner(p[0]), goslab_this_owner.id);
	while (n > 1) {
		i = gs_rnd_below(&rnd, n);
		goslab_frag_free(p[i]);
		p[i] = p[--n];
	}
	/* That of the last one, and the one that is cut. */
	KUNIT_EXPECT_LE(test, chunks_of(h), 2UL);
	goslab_frag_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	goslab_frag_free(p[0]);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	goslab_heap_destroy(h);
}

/* What is freed as fast as it is allocated needs one chunk, cut again and again. */
static void one_chunk(struct kunit *test)
{
	struct goslab_heap *h = goslab_heap_create(NAME, NULL);
	struct goslab_frag_cache *cache;
	void *p[2] = { };
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, h);
	cache = make(test, h);
	p[1] = goslab_frag_alloc(cache, 300, GFP_KERNEL);
	goslab_frag_free(p[1]);
	for (i = 0; i < MANY; i++) {
		p[0] = goslab_frag_alloc(cache, 300, GFP_ATOMIC);
		KUNIT_ASSERT_NOT_NULL(test, p[0]);
		goslab_frag_free(p[0]);
	}
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	/* Of two that overlap a chunk can be left with one, not more. */
	p[1] = NULL;
	for (i = 0; i < MANY; i++) {
		p[0] = goslab_frag_alloc(cache, 300, GFP_ATOMIC);
		goslab_frag_free(p[1]);
		p[1] = p[0];
	}
	KUNIT_EXPECT_LE(test, chunks_of(h), 2UL);
	goslab_frag_free(p[1]);
	goslab_frag_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 0UL);
	goslab_heap_destroy(h);
}

static void mistakes(struct kunit *test)
{
	struct goslab_frag_cache *cache = make(test, NULL);
	char *p = goslab_frag_alloc(cache, 100, GFP_KERNEL);
	char *q = goslab_frag_alloc(cache, 100, GFP_KERNEL);
	char *object = goslab_malloc(100, GFP_KERNEL);
	char *slab = kunit_kmalloc(test, 100, GFP_KERNEL);
	char here;

	KUNIT_ASSERT_TRUE(test, p && q && object && slab);
	memset(p, 0, 100);
	memset(object, 0, 100);
	goslab_frag_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_frag_free(p));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_frag_free(q + 3));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_frag_free(p + 16));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_frag_free(object));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_frag_free(slab));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_frag_free(&here));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free(q));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ALIGN, 1,
			  KUNIT_EXPECT_NULL(test, goslab_frag_alloc_aligned(cache, 8, 24,
									    GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_frag_alloc(cache, 8, __GFP_DMA)));
	goslab_frag_cache_destroy(cache);
	goslab_frag_free(q);
	/* Its chunk is gone, too. */
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_frag_free(q));
	goslab_free(object);
}

static void without_memory(struct kunit *test)
{
	struct goslab_frag_cache *cache = make(test, NULL);
	int n = 0;
	void **p;

	p = kunit_kcalloc(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	gs_test_fail_draws(1, ULONG_MAX);
	/* The memory of the cache itself left a few pages for chunks. */
	while (n < MANY - 1 && (p[n] = goslab_frag_alloc(cache, 3000, GFP_KERNEL)))
		n++;
	KUNIT_EXPECT_LT(test, n, MANY - 1);
	KUNIT_EXPECT_NULL(test, goslab_frag_alloc(cache, 1000000, GFP_KERNEL));
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	p[n] = goslab_frag_alloc(cache, 3000, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p[n]);
	while (n >= 0)
		goslab_frag_free(p[n--]);
	goslab_frag_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* At the quota: one chunk each, as small as they may be. */
static void quota(struct kunit *test)
{
	struct goslab_heap_args args = { .quota = SZ_32K };
	struct goslab_heap *h = goslab_heap_create(NAME, &args);
	struct goslab_heap_usage usage;
	struct goslab_frag_cache *cache;
	unsigned int n = 0;
	void *p[40];

	KUNIT_ASSERT_NOT_NULL(test, h);
	cache = make(test, h);
	while (n < ARRAY_SIZE(p)) {
		p[n] = goslab_frag_alloc(cache, 1000, GFP_KERNEL);
		if (!p[n])
			break;
		n++;
	}
	goslab_heap_usage(h, &usage);
	KUNIT_EXPECT_LE(test, usage.held, (size_t)SZ_32K);
	KUNIT_EXPECT_GT(test, usage.nr_refused, 0UL);
	KUNIT_EXPECT_GE(test, n, 16U);
	KUNIT_EXPECT_LT(test, n, (unsigned int)ARRAY_SIZE(p));
	while (n)
		goslab_frag_free(p[--n]);
	goslab_frag_cache_destroy(cache);
	goslab_heap_destroy(h);
}

static struct {
	struct goslab_frag_cache *cache;
	unsigned int calls;
	void *p;
} nested;

static void interrupt(enum gs_hook_point point, void *arg)
{
	if (nested.calls++)
		return;
	/* As a softirq, which may take locks here. */
	local_bh_disable();
	nested.p = goslab_frag_alloc(nested.cache, 100, GFP_ATOMIC);
	local_bh_enable();
}

/* Who interrupts a CPU that cuts gets memory of its own. */
static void interrupted(struct kunit *test)
{
	struct goslab_heap *h = goslab_heap_create(NAME, NULL);
	void *p, *first;

	KUNIT_ASSERT_NOT_NULL(test, h);
	nested.cache = make(test, h);
	nested.calls = 0;
	first = goslab_frag_alloc(nested.cache, 100, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	gs_test_hook(GS_HOOK_FRAG_ENTERED, interrupt);
	p = goslab_frag_alloc(nested.cache, 100, GFP_KERNEL);
	gs_test_hook(GS_HOOK_FRAG_ENTERED, NULL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, nested.p);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 2UL);
	goslab_frag_free(nested.p);
	KUNIT_EXPECT_EQ(test, chunks_of(h), 1UL);
	goslab_frag_free(p);
	goslab_frag_free(first);
	goslab_frag_cache_destroy(nested.cache);
	goslab_heap_destroy(h);
}

#ifdef CONFIG_KASAN_GENERIC
static bool visible(const char *p)
{
	s8 shadow = *(s8 *)kasan_mem_to_shadow(p);

	return !shadow || (shadow > 0 && (unsigned long)p % 8 < shadow);
}

static void shadow(struct kunit *test)
{
	struct goslab_frag_cache *cache = make(test, NULL);
	char *p = goslab_frag_alloc(cache, 101, GFP_KERNEL);
	char *q = goslab_frag_alloc(cache, 101, GFP_KERNEL);

	KUNIT_ASSERT_TRUE(test, p && q);
	KUNIT_EXPECT_TRUE(test, visible(p));
	KUNIT_EXPECT_TRUE(test, visible(p + 100));
	KUNIT_EXPECT_FALSE(test, visible(p + 101));
	goslab_frag_free(p);
	KUNIT_EXPECT_FALSE(test, visible(p));
	KUNIT_EXPECT_FALSE(test, visible(p + 100));
	KUNIT_EXPECT_TRUE(test, visible(q));
	goslab_frag_free(q);
	goslab_frag_cache_destroy(cache);
}
#else
static void shadow(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_KASAN_GENERIC");
}
#endif

#define THREADS		4
#define SLOTS		64
#define STEPS		(GS_TEST_SLOW ? 4000 : 40000)

/* What a fragment of the race begins with; a pattern follows. */
struct passed {
	u32 size;
	u64 seed;
};

/**
 * struct racer - a thread of the race and the interrupts that it raises.
 * @irq: runs in a hard interrupt, now and then.
 * @done: completed at its end.
 * @rnd: random numbers of the thread.
 * @irq_rnd: those of the interrupt.
 * @steps: fragments allocated by the thread.
 * @irq_steps: by the interrupt.
 * @broken: fragments whose contents had changed.
 */
struct racer {
	struct irq_work irq;
	struct completion done;
	struct gs_rnd rnd;
	struct gs_rnd irq_rnd;
	unsigned long steps;
	unsigned long irq_steps;
	atomic_t broken;
};

static struct racer racers[THREADS];
static struct goslab_frag_cache *raced;
static void *slots[SLOTS];

static void drop(struct racer *r, struct passed *p)
{
	if (!p)
		return;
	if (!gs_pattern_holds(p + 1, p->size - sizeof(*p), p->seed))
		atomic_inc(&r->broken);
	goslab_frag_free(p);
}

/* Leave a new fragment where others find it, and free what lay there. */
static bool pass(struct racer *r, struct gs_rnd *rnd, gfp_t gfp)
{
	size_t size = sizeof(struct passed) + gs_rnd_log(rnd, 1, 9000);
	struct passed *p = goslab_frag_alloc_aligned(raced, size,
						     8UL << gs_rnd_below(rnd, 4), gfp);

	if (p) {
		p->size = size;
		p->seed = gs_rnd_next(rnd);
		gs_pattern_fill(p + 1, size - sizeof(*p), p->seed);
	}
	drop(r, xchg(&slots[gs_rnd_below(rnd, SLOTS)], p));
	return p;
}

static void in_interrupt_pass(struct irq_work *work)
{
	struct racer *r = container_of(work, struct racer, irq);

	r->irq_steps += pass(r, &r->irq_rnd, GFP_ATOMIC);
}

static int run(void *arg)
{
	struct racer *r = arg;
	unsigned int i;

	for (i = 0; i < STEPS; i++) {
		r->steps += pass(r, &r->rnd, GFP_KERNEL);
		if (!(i % 8))
			irq_work_queue(&r->irq);
		if (!(i % 64))
			cond_resched();
	}
	irq_work_sync(&r->irq);
	complete(&r->done);
	return 0;
}

static void race(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i, started = 0;
	unsigned long irqs = 0;

	raced = make(test, NULL);
	memset(racers, 0, sizeof(racers));
	for (i = 0; i < THREADS; i++) {
		struct racer *r = &racers[i];
		struct task_struct *t;

		r->irq = IRQ_WORK_INIT_HARD(in_interrupt_pass);
		init_completion(&r->done);
		r->rnd.state = gs_rnd_next(&rnd);
		r->irq_rnd.state = gs_rnd_next(&rnd);
		t = kthread_create(run, r, "gs-frag/%u", i);
		if (IS_ERR(t)) {
			complete(&r->done);
			continue;
		}
		kthread_bind(t, cpumask_nth(i % num_online_cpus(), cpu_online_mask));
		wake_up_process(t);
		started++;
	}
	KUNIT_EXPECT_EQ(test, started, (unsigned int)THREADS);
	for (i = 0; i < THREADS; i++) {
		wait_for_completion(&racers[i].done);
		KUNIT_EXPECT_EQ(test, atomic_read(&racers[i].broken), 0);
		KUNIT_EXPECT_EQ(test, racers[i].steps, (unsigned long)STEPS);
		irqs += racers[i].irq_steps;
	}
	KUNIT_EXPECT_GT(test, irqs, 0UL);
	for (i = 0; i < SLOTS; i++)
		drop(&racers[0], xchg(&slots[i], NULL));
	KUNIT_EXPECT_EQ(test, atomic_read(&racers[0].broken), 0);
	goslab_frag_cache_destroy(raced);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case frag_cases[] = {
	KUNIT_CASE(sizes_and_alignment),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(ends_of_chunks),
	KUNIT_CASE(one_chunk),
	KUNIT_CASE(mistakes),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(quota),
	KUNIT_CASE(interrupted),
	KUNIT_CASE(shadow),
	KUNIT_CASE(race),
	{}
};

static struct kunit_suite fragment_suite = {
	.name = "goslab_fragment",
	GS_TEST_CASES_PINNED,
	.test_cases = frag_cases,
};
kunit_test_suite(fragment_suite);
