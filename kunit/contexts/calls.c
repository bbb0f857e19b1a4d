// SPDX-License-Identifier: GPL-2.0
/*
 * calls.c: the public calls by groups, right and wrong, with what they must do.
 *
 * What a group needs is made before, in task context; what it leaves is looked
 * at afterwards. A wrong argument must be reported: before the call the kind is
 * printed, and scripts/ktap.py compares.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include <linux/goslab.h>

#include "contexts.h"

#define ROUNDS	20

struct thing {
	u64 mark;
	struct rcu_head rcu;
	u64 rest[4];
};

/* What one call of a group works with. */
static struct {
	const struct context *x;
	struct thing *given[6];
	void *bad;
	unsigned int wrong;
	unsigned int served;
	unsigned int asked;
} work;

static struct goslab_cache *cache, *made_cache;
static struct goslab_heap *heap;
static struct goslab_frag_cache *frags;

static void fill(void *object)
{
	memset(object, 0x3c, sizeof(struct thing));
}

int calls_init(void)
{
	cache = goslab_cache_create("contexts-plain", sizeof(struct thing), 0, 0,
				    NULL);
	made_cache = goslab_cache_create("contexts-ctor", sizeof(struct thing),
					 0, 0, fill);
	heap = goslab_heap_create("contexts", NULL);
	frags = goslab_frag_cache_create(heap);
	return cache && made_cache && heap && frags ? 0 : -ENOMEM;
}

void calls_exit(void)
{
	goslab_cache_destroy(cache);
	goslab_cache_destroy(made_cache);
	goslab_frag_cache_destroy(frags);
	goslab_heap_destroy(heap);
}

static void expect(bool ok)
{
	work.wrong += !ok;
}

static bool zero(const void *p, size_t n)
{
	return p && !memchr_inv(p, 0, n);
}

/* Memory of a user: all of it may be written. */
static void use(void *p, size_t n)
{
	expect(p && goslab_size(p) >= n);
	if (p)
		memset(p, 0x96, goslab_size(p));
}

static void all_sizes(gfp_t gfp)
{
	static const size_t sizes[] = { 1, 8, 100, 1000, 5000, 30000, 40000 };
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = goslab_malloc(sizes[i], gfp);
		use(p, sizes[i]);
		goslab_free(p);
		p = goslab_zalloc(sizes[i], gfp);
		expect(zero(p, sizes[i]));
		p = goslab_realloc(p, sizes[i] + 100, gfp);
		use(p, sizes[i] + 100);
		goslab_free_sensitive(p);
		p = goslab_malloc_noscan(sizes[i], gfp);
		use(p, sizes[i]);
		goslab_free(p);
		p = goslab_malloc_node(sizes[i], gfp, numa_mem_id());
		use(p, sizes[i]);
		goslab_free(p);
		p = goslab_heap_malloc(heap, sizes[i], gfp);
		use(p, sizes[i]);
		goslab_free(p);
	}
}

static void pieces(gfp_t gfp)
{
	struct goslab_region_mark mark;
	struct goslab_region region;
	unsigned int i;
	void *p;

	goslab_region_init(&region, heap);
	mark = goslab_region_mark(&region);
	for (i = 0; i < 100; i++)
		expect(zero(goslab_region_zalloc(&region, 100, gfp), 100));
	expect(goslab_region_strdup(&region, "text", gfp));
	goslab_region_restore(&region, mark);
	expect(goslab_region_alloc_aligned(&region, 40000, 64, gfp));
	goslab_region_destroy(&region);
	for (i = 0; i < 100; i++) {
		p = goslab_frag_zalloc(frags, 100, gfp);
		expect(zero(p, 100));
		goslab_frag_free(p);
	}
}

static void stacks(gfp_t gfp)
{
	static const size_t sizes[] = { 8192, 20000, 65536 };
	unsigned int i;
	void *p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = goslab_stack_alloc(sizes[i], gfp | __GFP_ZERO);
		expect(zero(p, sizes[i]) && goslab_stack_size(p) >= sizes[i]);
		goslab_stack_free(p);
		p = goslab_stack_alloc_node(sizes[i], gfp, numa_mem_id());
		expect(p && IS_ALIGNED((unsigned long)p, goslab_stack_size(p)));
		if (p)
			memset(p, 0x96, sizes[i]);
		goslab_stack_free(p);
	}
}

static void all(void *unused)
{
	struct goslab_usage usage;
	size_t parts;
	gfp_t gfp = work.x->gfp;
	struct thing *t;
	void *p;

	all_sizes(gfp);
	pieces(gfp);
	stacks(gfp);
	p = goslab_calloc(10, 10, gfp);
	expect(zero(p, 100));
	goslab_free(p);
	p = goslab_malloc_array(10, 10, gfp);
	use(p, 100);
	goslab_free(p);
	expect(!goslab_malloc_array(SIZE_MAX / 2, 3, gfp));
	t = goslab_cache_alloc(cache, gfp);
	use(t, sizeof(*t));
	goslab_cache_free(cache, t);
	t = goslab_cache_zalloc(cache, gfp);
	expect(zero(t, sizeof(*t)));
	goslab_free(t);
	t = goslab_cache_alloc(made_cache, gfp);
	expect(t && !memchr_inv(t, 0x3c, sizeof(*t)));
	goslab_cache_free(made_cache, t);
	goslab_free(NULL);
	goslab_usage(&usage, NULL);
	/* Exact only while no call is under way, which a caller cannot know. */
	parts = usage.spans + usage.free_runs + usage.metadata;
	expect(usage.parked <= usage.spans &&
	       max(usage.held, parts) - min(usage.held, parts) <=
	       2 * GOSLAB_MAX_SIZE);
}

static void give_rcu(void *unused)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(work.given); i++)
		goslab_free_rcu(work.given[i], rcu);
}

static void nolock(void *unused)
{
	void *p = goslab_malloc_nolock(sizeof(struct thing), __GFP_ZERO,
				       NUMA_NO_NODE);
	unsigned int i;

	work.asked++;
	work.served += !!p;
	if (p) {
		expect(zero(p, sizeof(struct thing)));
		memset(p, 0x96, sizeof(struct thing));
	}
	expect(goslab_malloc_nolock(0, 0, NUMA_NO_NODE) == ZERO_SIZE_PTR);
	expect(!goslab_malloc_nolock(GOSLAB_MAX_SIZE, 0, NUMA_NO_NODE));
	goslab_free_nolock(p);
	goslab_free_nolock(NULL);
	for (i = 0; i < ARRAY_SIZE(work.given); i++)
		goslab_free_nolock(work.given[i]);
}

static void (*const good[NR_CALLS])(void *) = {
	[CALLS_ALL] = all,
	[CALLS_RCU] = give_rcu,
	[CALLS_NOLOCK] = nolock,
};

/* One of each sort that frees may get. */
static void make_given(void)
{
	unsigned int i;

	work.given[0] = goslab_malloc(sizeof(struct thing), GFP_KERNEL);
	work.given[1] = goslab_malloc_noscan(1000, GFP_KERNEL);
	work.given[2] = goslab_malloc(50000, GFP_KERNEL);
	work.given[3] = goslab_cache_alloc(cache, GFP_KERNEL);
	work.given[4] = goslab_cache_alloc(made_cache, GFP_KERNEL);
	work.given[5] = goslab_heap_malloc(heap, 300, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(work.given); i++) {
		expect(work.given[i]);
		if (work.given[i])
			fill(work.given[i]);
	}
}

/* None may stay live: all are freed now, or will be without our help. */
static void expect_given_away(void)
{
	goslab_free_rcu_barrier();
	memset(work.given, 0, sizeof(work.given));
}

unsigned int calls_good(const struct context *x, enum calls calls)
{
	unsigned int round;

	work.x = x;
	work.wrong = 0;
	work.asked = 0;
	work.served = 0;
	for (round = 0; round < ROUNDS; round++) {
		if (calls != CALLS_ALL)
			make_given();
		if (x->enter(good[calls], NULL))
			return 1;
		if (calls == CALLS_RCU)
			expect_given_away();
		/* Time for a refill. */
		if (calls == CALLS_NOLOCK)
			msleep(20);
	}
	if (calls == CALLS_NOLOCK) {
		pr_info("# %s: %u of %u asked for served\n", x->name,
			work.served, work.asked);
		expect(work.served >= ROUNDS / 2);
	}
	return work.wrong;
}

static void bad_all(void *unused)
{
	goslab_free(work.bad);
}

static void bad_zone(void *unused)
{
	expect(!goslab_malloc(64, work.x->gfp | __GFP_DMA));
}

static void bad_rcu(void *unused)
{
	struct thing *t = work.bad;

	goslab_free_rcu(t, rcu);
}

static void bad_nolock(void *unused)
{
	goslab_free_nolock(work.bad);
}

static void bad_gfp(void *unused)
{
	expect(!goslab_malloc_nolock(64, GFP_ATOMIC, NUMA_NO_NODE));
}

static const char double_free[] = "double free";
static const char inside[] = "free of an address inside an object";
static const char foreign[] = "free of a foreign address";

static const struct {
	enum calls calls;
	void (*fn)(void *arg);
	const char *kind;
} bad[] = {
	{ CALLS_ALL, bad_all, double_free },
	{ CALLS_ALL, bad_all, inside },
	{ CALLS_ALL, bad_all, foreign },
	{ CALLS_ALL, bad_zone, "zone bits in gfp" },
	{ CALLS_RCU, bad_rcu, double_free },
	{ CALLS_RCU, bad_rcu, inside },
	{ CALLS_RCU, bad_rcu, foreign },
	{ CALLS_NOLOCK, bad_nolock, double_free },
	{ CALLS_NOLOCK, bad_nolock, inside },
	{ CALLS_NOLOCK, bad_nolock, foreign },
	{ CALLS_NOLOCK, bad_gfp, "gfp flags that this call does not take" },
};

unsigned int calls_bad(const struct context *x, enum calls calls)
{
	struct thing *t;
	unsigned int i;

	work.x = x;
	work.wrong = 0;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		if (bad[i].calls != calls)
			continue;
		t = goslab_malloc(sizeof(*t), GFP_KERNEL);
		work.bad = t;
		if (bad[i].kind == double_free)
			goslab_free(t);
		else if (bad[i].kind == inside)
			work.bad = &t->rest;
		else
			work.bad = &work;
		pr_info("# report expected: %s\n", bad[i].kind);
		if (x->enter(bad[i].fn, NULL))
			work.wrong++;
		if (bad[i].kind != double_free)
			goslab_free(t);
	}
	return work.wrong;
}
