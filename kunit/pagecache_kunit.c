// SPDX-License-Identifier: GPL-2.0
/*
 * pagecache_kunit: goslab_pagecache: back/pagecache.c.
 *
 * A case stays on its CPU; the worker stands still and nothing is parked when it
 * begins. Spans are of no class; nobody but the cases looks at them.
 */
#include <linux/bottom_half.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "back/pagecache.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "testlib.h"

static struct gs_page_cache *here(void)
{
	return raw_cpu_ptr(&gs_page_cache);
}

static struct mspan *get_from(int node, unsigned int npages, unsigned int most,
			      unsigned int cap)
{
	struct gs_span_req req = {
		.npages = npages, .most_pages = most, .min_pages = npages,
		.align = 1, .cap = cap, .node = node, .gfp = GFP_ATOMIC,
		.atomic = true,
	};

	return gs_pagecache_alloc(&req);
}

static struct mspan *get(struct kunit *test, unsigned int npages)
{
	struct mspan *s = get_from(numa_mem_id(), npages, 0, 1);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, (int)s->state, GS_SPAN_DEAD);
	return s;
}

static void expect_ok(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 0);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
}

/* What a CPU frees is its own again, without the heap's lock. */
static void comes_back(struct kunit *test)
{
	unsigned int npages;

	for (npages = 1; npages <= GS_PARK_PAGES; npages++) {
		struct mspan *s = get(test, npages);
		unsigned long locks, hits = here()->nr_hits;
		unsigned int i;

		gs_pagecache_free(s);
		locks = gs_mheap_counts().nr_lock;
		for (i = 0; i < 3; i++) {
			KUNIT_EXPECT_EQ(test, (int)s->state, GS_SPAN_PARKED);
			KUNIT_EXPECT_PTR_EQ(test, get(test, npages), s);
			KUNIT_EXPECT_EQ(test, (unsigned int)s->npages, npages);
			gs_pagecache_free(s);
		}
		KUNIT_EXPECT_EQ(test, gs_mheap_counts().nr_lock, locks);
		KUNIT_EXPECT_EQ(test, here()->nr_hits, hits + 3);
		gs_pagecache_drain(gs_walk_here(), false);
	}
	expect_ok(test);
}

/* A longer span will do up to most_pages, the shortest one of them. */
static void longer_ones(struct kunit *test)
{
	struct mspan *s10 = get(test, 10), *s12 = get(test, 12), *s;

	gs_pagecache_free(s12);
	gs_pagecache_free(s10);
	s = get_from(numa_mem_id(), 9, 11, 1);
	KUNIT_EXPECT_PTR_EQ(test, s, s10);
	gs_pagecache_free(s);
	s = get_from(numa_mem_id(), 11, 13, 1);
	KUNIT_EXPECT_PTR_EQ(test, s, s12);
	gs_pagecache_free(s);
	s = get_from(numa_mem_id(), 9, 0, 1);
	KUNIT_EXPECT_EQ(test, (unsigned int)s->npages, 9U);
	gs_pagecache_free(s);
	/* Beyond the longest list there is nothing. */
	s = get(test, GS_PARK_PAGES);
	gs_pagecache_free(s);
	s = get_from(numa_mem_id(), GS_PARK_PAGES, 2 * GS_PARK_PAGES, 1);
	KUNIT_EXPECT_EQ(test, (unsigned int)s->npages, GS_PARK_PAGES + 0U);
	gs_pagecache_free(s);
	expect_ok(test);
}

/* The descriptor that a span comes with must have room for the objects. */
static void descriptors_fit(struct kunit *test)
{
	struct mspan *s = get(test, 2), *t;

	gs_pagecache_free(s);
	t = get_from(numa_mem_id(), 2, 0, GS_SPAN_MAX_CAP);
	KUNIT_ASSERT_NOT_NULL(test, t);
	KUNIT_EXPECT_PTR_NE(test, t, s);
	KUNIT_EXPECT_GE(test, t->cap, GS_SPAN_MAX_CAP);
	gs_pagecache_free(t);
	expect_ok(test);
}

/* Whatever is freed, no more than the limit stays; the rest is the heap's. */
static void limit(struct kunit *test)
{
	unsigned int was = gs_park_limit, n, i;
	static const unsigned int limits[] = { 0, 1, 8, 40, 512 };
	struct gs_rnd rnd = gs_rnd_start(test);
	struct mspan *s[100];

	for (n = 0; n < ARRAY_SIZE(limits); n++) {
		gs_park_limit = limits[n];
		for (i = 0; i < ARRAY_SIZE(s); i++)
			s[i] = get(test, 1 + gs_rnd_below(&rnd, 40));
		for (i = 0; i < ARRAY_SIZE(s); i++) {
			gs_pagecache_free(s[i]);
			KUNIT_EXPECT_LE(test, here()->nr_pages, gs_park_limit);
		}
		expect_ok(test);
	}
	gs_park_limit = was;
}

/* One hold of the lock for what is given up at once, and few for all. */
static void given_up_in_batches(struct kunit *test)
{
	struct mspan *s[4 * GS_MERGE_BATCH];
	unsigned long locks;
	unsigned int i;

	gs_most_steps = 0;
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = get(test, 1);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		gs_pagecache_free(s[i]);
	locks = gs_mheap_counts().nr_lock;
	gs_pagecache_drain(gs_walk_here(), false);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().nr_lock - locks, 4UL);
	KUNIT_EXPECT_EQ(test, here()->nr_pages, 0U);
	KUNIT_EXPECT_LE(test, gs_most_steps, GS_FIND_LOOKS + 0U);
	expect_ok(test);
}

/* The heap asks the kernel for nothing while this CPU has pages that would do. */
static void merged_before_a_draw(struct kunit *test)
{
	struct mspan *all = get(test, 32), *s[32];
	unsigned long drawn;
	unsigned int i;

	gs_mheap_free(all);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = get(test, 1);
	/* What is left of the heap may not help. */
	while (gs_mheap_free_pages())
		KUNIT_ASSERT_GT(test, gs_mheap_release(ULONG_MAX), 0UL);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		gs_pagecache_free(s[i]);
	KUNIT_EXPECT_GE(test, here()->nr_pages, 32U);
	drawn = gs_mheap_counts().drawn;
	all = get(test, 32);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().drawn, drawn);
	gs_pagecache_free(all);
	expect_ok(test);
}

/* What a CPU has parked goes to the page heap before spans are merged for it there. */
static void nothing_is_merged_before_a_drain(struct kunit *test)
{
	struct gs_span_req req = {
		.npages = 3, .min_pages = 3, .align = 1, .cap = 1,
		.node = numa_mem_id(), .gfp = GFP_ATOMIC, .atomic = true,
	};
	struct gs_runs *runs = &gs_mheaps[req.node].runs;
	unsigned long drawn;
	struct mspan *s;

	gs_mheap_release(ULONG_MAX);
	s = gs_mheap_alloc(&req);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, (int)s->node, req.node);
	gs_mheap_free(s);
	KUNIT_EXPECT_EQ(test, runs->nr_quick, 1UL);
	/* All of the block, of which the other pages are a run. */
	req.npages = req.min_pages = max(4U, GS_UNIT_PAGES + 0U);
	KUNIT_EXPECT_EQ(test, runs->nr_pages, (unsigned long)req.npages);
	drawn = gs_mheap_counts().drawn;
	req.drawless = true;
	KUNIT_EXPECT_NULL(test, gs_mheap_alloc(&req));
	KUNIT_EXPECT_EQ(test, runs->nr_quick, 1UL);
	req.drawless = false;
	s = gs_mheap_alloc(&req);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, runs->nr_quick, 0UL);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().drawn, drawn);
	gs_mheap_free(s);
	expect_ok(test);
}

static void idle_ones_are_drained(struct kunit *test)
{
	gs_pagecache_free(get(test, 3));
	gs_pagecache_drain(gs_walk_here(), true);
	KUNIT_EXPECT_EQ(test, here()->nr_pages, 3U);
	gs_pagecache_free(get(test, 3));
	gs_pagecache_drain(gs_walk_here(), true);
	KUNIT_EXPECT_EQ(test, here()->nr_pages, 3U);
	gs_pagecache_drain(gs_walk_here(), true);
	KUNIT_EXPECT_EQ(test, here()->nr_pages, 0U);
	KUNIT_EXPECT_GE(test, gs_mheap_free_pages(), 3UL);
}

/* Only the CPU's own node. */
static void other_nodes(struct kunit *test)
{
	struct mspan *s;
	int node;

	for_each_online_node(node) {
		s = get_from(node, 2, 0, 1);
		KUNIT_ASSERT_NOT_NULL(test, s);
		gs_pagecache_free(s);
		if (s->node == numa_mem_id())
			KUNIT_EXPECT_EQ(test, (int)s->state, GS_SPAN_PARKED);
		else
			KUNIT_EXPECT_NE(test, (int)s->state, GS_SPAN_PARKED);
		gs_drain_all();
	}
	expect_ok(test);
}

static void park_there(void *unused)
{
	struct mspan *s = get_from(numa_mem_id(), 5, 0, 1);

	if (s)
		gs_pagecache_free(s);
}

/* Not the CPU that it runs on, and not a dead one: nothing is touched. */
static void not_from_elsewhere(struct kunit *test)
{
	int other = gs_test_other_cpu();
	struct gs_walk there = { .cpu = other };

	gs_pagecache_free(get(test, 5));
	if (other >= 0) {
		gs_test_on_other_cpu(park_there, NULL);
		KUNIT_EXPECT_TRUE(test, gs_pagecache_has_something(other));
		KUNIT_EXPECT_FALSE(test, gs_pagecache_drain(there, false));
		KUNIT_EXPECT_TRUE(test, gs_pagecache_has_something(other));
	}
	KUNIT_EXPECT_EQ(test, here()->nr_pages, 5U);
	KUNIT_EXPECT_TRUE(test, gs_pagecache_has_something(raw_smp_processor_id()));
	gs_drain_all();
	KUNIT_EXPECT_FALSE(test, gs_pagecache_has_something(raw_smp_processor_id()));
}

static struct {
	struct task_struct *task;
	struct mspan *got[4];
	unsigned int n;
	unsigned int spans;
	bool drained;
} inside;

/* As an interrupt between the two ends of an entered page cache would. */
static void in_between(enum gs_hook_point point, void *arg)
{
	struct gs_page_cache *pc = arg;
	unsigned int i;

	if (current != inside.task)
		return;
	gs_test_hook(GS_HOOK_PAGES_ENTERED, NULL);
	inside.spans = pc->nr_spans;
	local_bh_disable();
	for (i = 0; i < ARRAY_SIZE(inside.got); i++)
		inside.got[i] = get_from(numa_mem_id(), 7, 9, 1);
	for (i = 0; i < ARRAY_SIZE(inside.got); i += 2)
		gs_pagecache_free(inside.got[i]);
	inside.drained = gs_pagecache_drain(gs_walk_here(), false);
	local_bh_enable();
	inside.spans -= pc->nr_spans;
	inside.n++;
}

/* Who finds it busy goes to the page heap, both ways, and does not drain it. */
static void busy(struct kunit *test)
{
	struct mspan *s[6];
	unsigned int i, turn;

	for (turn = 0; turn < 2; turn++) {
		for (i = 0; i < ARRAY_SIZE(s); i++)
			s[i] = get(test, 7);
		for (i = 1; i < ARRAY_SIZE(s); i++)
			gs_pagecache_free(s[i]);
		memset(&inside, 0, sizeof(inside));
		inside.task = current;
		gs_test_hook(GS_HOOK_PAGES_ENTERED, in_between);
		if (turn)
			gs_pagecache_free(s[0]);
		else
			s[1] = get(test, 7);
		KUNIT_EXPECT_EQ(test, inside.n, 1U);
		KUNIT_EXPECT_EQ(test, inside.spans, 0U);
		KUNIT_EXPECT_FALSE(test, inside.drained);
		for (i = 0; i < ARRAY_SIZE(inside.got); i++)
			KUNIT_ASSERT_NOT_NULL(test, inside.got[i]);
		for (i = 1; i < ARRAY_SIZE(inside.got); i += 2)
			gs_pagecache_free(inside.got[i]);
		if (!turn) {
			gs_pagecache_free(s[0]);
			gs_pagecache_free(s[1]);
		}
		expect_ok(test);
		gs_drain_all();
	}
}

/* All CPUs together keep 64 MiB at most, however many there are. */
static void shares(struct kunit *test)
{
	unsigned int cpus;

	for (cpus = 1; cpus <= 128; cpus++) {
		gs_pagecache_share(cpus);
		gs_mcache_share(cpus);
		KUNIT_EXPECT_LE_MSG(test, cpus * (gs_park_limit * GS_PAGE_SIZE +
						  gs_max_parked + gs_max_owned),
				    64UL << 20, "%u CPUs", cpus);
	}
	gs_pagecache_share(1024);
	KUNIT_EXPECT_GE(test, gs_park_limit * GS_PAGE_SIZE, 64UL << 10);
	gs_pagecache_share(num_online_cpus());
	gs_mcache_share(num_online_cpus());
}

static void free_one(struct gs_oracle *o, unsigned int i)
{
	gs_pagecache_free((struct mspan *)gs_oracle_remove(o, i, true).tag);
}

static void step(struct kunit *test, struct gs_oracle *o, struct gs_rnd *rnd)
{
	unsigned int npages;
	struct mspan *s;

	if (o->nr && (o->nr == o->max || gs_rnd_below(rnd, 2))) {
		free_one(o, gs_rnd_below(rnd, o->nr));
		return;
	}
	npages = gs_rnd_log(rnd, 1, 2 * GS_PARK_PAGES);
	s = get_from(numa_mem_id(), npages, gs_rnd_below(rnd, 2) ? npages * 5 / 4 : 0,
		     1 + gs_rnd_below(rnd, 200));
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_GE(test, (unsigned int)s->npages, npages);
	gs_oracle_add(o, (void *)s->base, 64, true)->tag = (unsigned long)s;
}

/* Random lengths, against the naive truth; all pages are somewhere at any time. */
static void random_walk(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 64);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int n;

	for (n = 0; n < GS_TEST_STEPS / 10; n++) {
		step(test, o, &rnd);
		if (gs_test_held_pages() !=
		    gs_mheap_counts().in_spans + gs_mheap_free_pages())
			break;
		if (gs_rnd_below(&rnd, 500) == 0)
			gs_pagecache_drain(gs_walk_here(), false);
		if (n % GS_TEST_VERIFY_EACH == 0)
			expect_ok(test);
	}
	KUNIT_EXPECT_EQ(test, n, GS_TEST_STEPS / 10);
	while (o->nr)
		free_one(o, 0);
	expect_ok(test);
}

static struct kunit_case pagecache_cases[] = {
	KUNIT_CASE(comes_back),
	KUNIT_CASE(longer_ones),
	KUNIT_CASE(descriptors_fit),
	KUNIT_CASE(limit),
	KUNIT_CASE(given_up_in_batches),
	KUNIT_CASE(merged_before_a_draw),
	KUNIT_CASE(nothing_is_merged_before_a_drain),
	KUNIT_CASE(idle_ones_are_drained),
	KUNIT_CASE(other_nodes),
	KUNIT_CASE(not_from_elsewhere),
	KUNIT_CASE(busy),
	KUNIT_CASE(shares),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite pagecache_suite = {
	.name = "goslab_pagecache",
	GS_TEST_CASES_PINNED,
	.test_cases = pagecache_cases,
};
kunit_test_suite(pagecache_suite);
