// SPDX-License-Identifier: GPL-2.0
/*
 * verify_kunit: goslab_verify: proof that the checks can fail.
 *
 * Each case breaks one invariant on purpose, sees gs_verify() name it, mends it
 * and sees that all is whole again.
 */
#include <linux/goslab.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "back/pageindex.h"
#include "back/pagecache.h"
#include "base/owner.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "testlib.h"
#include "watch/watch.h"

#define NAME	"kunit-verify"
#define NR	20

static struct broken {
	struct goslab_cache *cache;
	struct gs_class *c;
	struct mcentral *mc;
	struct mspan *s;	/* partly used, on the list of its mcentral */
	void *p[NR];
} b;

/* Have a span that nobody owns, with live objects and free ones. */
static void begin(struct kunit *test)
{
	unsigned int i;

	b.cache = goslab_cache_create(NAME, 200, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, b.cache);
	for (i = 0; i < NR; i++) {
		b.p[i] = goslab_cache_alloc(b.cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b.p[i]);
	}
	gs_drain_all();
	b.c = gs_test_class(NAME);
	b.s = gs_arena_span(b.p[0]);
	b.mc = gs_class_central(b.c, b.s->node);
	KUNIT_ASSERT_EQ(test, (int)b.s->owned, 0);
	GS_EXPECT_WHOLE(test);
}

static void end(struct kunit *test)
{
	unsigned int i;

	GS_EXPECT_WHOLE(test);
	for (i = 0; i < NR; i++)
		goslab_cache_free(b.cache, b.p[i]);
	goslab_cache_destroy(b.cache);
}

static void expect_broken(struct kunit *test, int number)
{
	bool sums;

	KUNIT_EXPECT_EQ(test, gs_verify(&sums), number);
}

static void i1_span_in_two_places(struct kunit *test)
{
	begin(test);
	b.s->owned = 1;
	expect_broken(test, 1);
	b.s->owned = 0;
	/* On a list of another class. */
	b.s->class = &gs_classes[4];
	expect_broken(test, 1);
	b.s->class = b.c;
	end(test);
}

/* Owned by an mcache that does not know of it. */
static void i1_span_in_no_place(struct kunit *test)
{
	begin(test);
	list_del(&b.s->list);
	b.s->owned = 1;
	b.mc->nr_owned++;
	expect_broken(test, 1);
	b.mc->nr_owned--;
	b.s->owned = 0;
	list_add(&b.s->list, &b.mc->partial);
	end(test);
}

static void i2_state_and_bitmap(struct kunit *test)
{
	u8 *state, was;

	begin(test);
	state = &b.s->objects[gs_span_index(b.s, b.p[3])];
	was = *state;
	*state = GS_FREE;
	expect_broken(test, 2);
	*state = was;
	end(test);
}

static void i3_page_maps_elsewhere(struct kunit *test)
{
	void *p = goslab_malloc(5 * GS_PAGE_SIZE, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);

	begin(test);
	gs_arena_set(s->base + 2 * GS_PAGE_SIZE, 1, NULL);
	expect_broken(test, 3);
	gs_arena_set(s->base + 2 * GS_PAGE_SIZE, 1, b.s);
	expect_broken(test, 3);
	gs_arena_set(s->base + 2 * GS_PAGE_SIZE, 1, s);
	end(test);
	goslab_free(p);
}

/* For fits that have a descriptor for each run; kunit/fit_kunit.c has the same for bits. */
static void need_descriptors(struct kunit *test)
{
	if (!gs_mheaps[0].runs.fit->index)
		kunit_skip(test, "free runs have no descriptors");
}

/* Some free run; gs_mheap_refill_reserve() makes sure that there is one. */
static struct mspan *some_run(struct kunit *test)
{
	struct gs_runs_pos start = { };
	struct mspan *run = NULL;
	int node;

	need_descriptors(test);
	KUNIT_ASSERT_TRUE(test, gs_mheap_refill_reserve());
	for (node = 0; node < nr_node_ids && !run; node++) {
		const struct gs_runs *runs = &gs_mheaps[node].runs;

		run = runs->fit->index->after(runs, &start);
	}
	KUNIT_ASSERT_NOT_NULL(test, run);
	return run;
}

static void i3_run_unknown(struct kunit *test)
{
	struct mspan *run = some_run(test);
	unsigned long last = run->base + gs_span_size(run) - GS_PAGE_SIZE;

	gs_arena_set(last, 1, NULL);
	expect_broken(test, 3);
	gs_arena_set(last, 1, run);
	GS_EXPECT_WHOLE(test);
}

static void i4_page_sums(struct kunit *test)
{
	begin(test);
	gs_mheaps[0].n.drawn++;
	expect_broken(test, 4);
	gs_mheaps[0].n.drawn--;
	gs_mheaps[0].n.released++;
	expect_broken(test, 4);
	gs_mheaps[0].n.released--;
	gs_mheaps[0].n.in_spans++;
	expect_broken(test, 4);
	gs_mheaps[0].n.in_spans--;
	end(test);
}

/* A page of ours that its arena does not count: the table would go. */
static void a1_page_not_counted(struct kunit *test)
{
	begin(test);
	gs_arena_unreserve((void *)b.s->base, GS_PAGE_SIZE);
	expect_broken(test, 36);
	KUNIT_EXPECT_EQ(test, 0, gs_arena_reserve((void *)b.s->base, GS_PAGE_SIZE, GFP_KERNEL));
	end(test);
}

/* An object that no magazine has, although its state says so: lost. */
static void i5_object_lost(struct kunit *test)
{
	u8 *state, was;

	begin(test);
	state = &b.s->objects[gs_span_index(b.s, b.p[0])];
	was = *state;
	*state = GS_CACHED;
	expect_broken(test, 5);
	*state = was;
	end(test);
}

static void s1_objects_and_pages(struct kunit *test)
{
	begin(test);
	b.s->open += 8;
	expect_broken(test, 21);
	b.s->open -= 8;
	b.s->nelems++;
	expect_broken(test, 21);
	b.s->nelems--;
	end(test);
}

static void s2_counts_and_bitmaps(struct kunit *test)
{
	unsigned int i;

	begin(test);
	b.s->alloc_count++;
	expect_broken(test, 22);
	b.s->alloc_count--;
	/* An allocated object that its bitmap has free. */
	i = gs_span_index(b.s, b.p[1]);
	__clear_bit(i, gs_span_alloc_bits(b.s));
	expect_broken(test, 22);
	__set_bit(i, gs_span_alloc_bits(b.s));
	/* A freed one that was never allocated. */
	i = b.s->nelems - 1;
	KUNIT_ASSERT_FALSE(test, test_bit(i, gs_span_alloc_bits(b.s)));
	__set_bit(i, gs_span_freed_bits(b.s));
	b.s->nr_freed++;
	expect_broken(test, 22);
	b.s->nr_freed--;
	__clear_bit(i, gs_span_freed_bits(b.s));
	end(test);
}

static void s3_window_of_nobody(struct kunit *test)
{
	begin(test);
	b.s->alloc_cache = 1;
	expect_broken(test, 23);
	b.s->alloc_cache = 0;
	end(test);
}

static void r1_tree(struct kunit *test)
{
	struct mspan *run = some_run(test);

	gs_mheaps[run->node].runs.nr_runs++;
	expect_broken(test, 31);
	gs_mheaps[run->node].runs.nr_runs--;
	run->state = GS_SPAN_DEAD;
	expect_broken(test, 31);
	run->state = GS_SPAN_RUN;
	GS_EXPECT_WHOLE(test);
}

/* A neighbour of a run that says that it is a run as well. */
static void r2_unmerged(struct kunit *test)
{
	struct mspan *s[3];
	void *p[3];
	unsigned int i;

	need_descriptors(test);
	/* Side by side, and the reserve besides. */
	goslab_free(goslab_malloc(40 * GS_PAGE_SIZE, GFP_KERNEL));
	for (i = 0; i < 3; i++) {
		p[i] = goslab_malloc(6 * GS_PAGE_SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		s[i] = gs_arena_span(p[i]);
	}
	KUNIT_ASSERT_EQ(test, s[1]->base, s[0]->base + gs_span_size(s[0]));
	goslab_free(p[1]);
	/* So that it is a run, not a span freed lately. */
	gs_mheap_release(0);
	s[0]->state = GS_SPAN_RUN;
	expect_broken(test, 32);
	s[0]->state = GS_SPAN_LARGE;
	GS_EXPECT_WHOLE(test);
	goslab_free(p[0]);
	goslab_free(p[2]);
}

static void r3_quick_list(struct kunit *test)
{
	void *p = goslab_malloc(6 * GS_PAGE_SIZE, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);

	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_free(p);
	gs_drain_this_cpu(false);
	KUNIT_ASSERT_EQ(test, (int)s->state, GS_SPAN_QUICK);
	s->state = GS_SPAN_RUN;
	expect_broken(test, 34);
	s->state = GS_SPAN_QUICK;
	s->npages++;
	expect_broken(test, 34);
	s->npages--;
	gs_mheaps[s->node].runs.nr_quick++;
	expect_broken(test, 34);
	gs_mheaps[s->node].runs.nr_quick--;
	GS_EXPECT_WHOLE(test);
}

static void p1_parked(struct kunit *test)
{
	struct gs_page_cache *pc = raw_cpu_ptr(&gs_page_cache);
	void *p = goslab_malloc(6 * GS_PAGE_SIZE, GFP_KERNEL);
	struct mspan *s = gs_arena_span(p);

	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_free(p);
	KUNIT_ASSERT_EQ(test, (int)s->state, GS_SPAN_PARKED);
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 0);
	s->state = GS_SPAN_QUICK;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 35);
	/* It is looked at before everything is drained. */
	expect_broken(test, 35);
	s->state = GS_SPAN_PARKED;
	s->npages++;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 35);
	s->npages--;
	s->node++;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 35);
	s->node--;
	pc->nr_spans++;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 35);
	pc->nr_spans--;
	pc->nr_pages++;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 35);
	pc->nr_pages--;
	KUNIT_EXPECT_EQ(test, gs_pagecache_verify(), 0);
	GS_EXPECT_WHOLE(test);
}

static void m1_lists(struct kunit *test)
{
	begin(test);
	b.mc->nr_spans++;
	expect_broken(test, 41);
	b.mc->nr_spans--;
	list_move(&b.s->list, &b.mc->full);
	expect_broken(test, 41);
	list_move(&b.s->list, &b.mc->partial);
	end(test);
}

/* Have an object in the magazine, b.p[0]. */
static void park_one(struct kunit *test)
{
	const struct gs_slot *slot = gs_test_slot(b.c);
	unsigned int i;

	goslab_cache_free(b.cache, b.p[0]);
	for (i = 0; i < 20 && !gs_slot_n(slot); i++)
		goslab_cache_free(b.cache, goslab_cache_alloc(b.cache,
							      GFP_KERNEL));
	b.p[0] = NULL;
	KUNIT_ASSERT_GT(test, gs_slot_n(slot), 0U);
}

/*
 * What verify drains first it cannot see; a slot that says that it is busy is
 * left alone.
 */
static void c1_magazine(struct kunit *test)
{
	int cpu = raw_smp_processor_id();
	struct gs_slot *slot;
	struct gs_entry *limit;
	u8 *state;

	begin(test);
	slot = gs_test_slot(b.c);
	limit = slot->limit;
	slot->busy = 1;
	slot->limit = slot->entry + b.c->depth + 1;
	expect_broken(test, 51);
	slot->limit = limit;
	slot->busy = 0;

	park_one(test);
	KUNIT_EXPECT_EQ(test, gs_mcache_verify(cpu), 0);
	state = slot->entry[0].state;
	*state = goslab_this_owner.id;
	KUNIT_EXPECT_EQ(test, gs_mcache_verify(cpu), 51);
	*state = GS_CACHED;
	KUNIT_EXPECT_EQ(test, gs_mcache_verify(cpu), 0);
	end(test);
}

static void c2_room(struct kunit *test)
{
	struct mcache *mcache = raw_cpu_ptr(&gs_mcache);

	begin(test);
	mcache->cap_bytes += 8;
	expect_broken(test, 52);
	mcache->cap_bytes -= 8;
	end(test);
}

/* When something stays in a magazine, sums say nothing: they are left out. */
static void busy_machine(struct kunit *test)
{
	struct gs_slot *slot;
	bool sums = true;

	begin(test);
	park_one(test);
	slot = gs_test_slot(b.c);
	slot->busy = 1;
	KUNIT_EXPECT_EQ(test, gs_verify(&sums), 0);
	KUNIT_EXPECT_FALSE(test, sums);
	slot->busy = 0;
	KUNIT_EXPECT_EQ(test, gs_verify(&sums), 0);
	KUNIT_EXPECT_TRUE(test, sums);
	end(test);
}

static struct kunit_case verify_cases[] = {
	KUNIT_CASE(i1_span_in_two_places),
	KUNIT_CASE(i1_span_in_no_place),
	KUNIT_CASE(i2_state_and_bitmap),
	KUNIT_CASE(i3_page_maps_elsewhere),
	KUNIT_CASE(i3_run_unknown),
	KUNIT_CASE(i4_page_sums),
	KUNIT_CASE(a1_page_not_counted),
	KUNIT_CASE(i5_object_lost),
	KUNIT_CASE(s1_objects_and_pages),
	KUNIT_CASE(s2_counts_and_bitmaps),
	KUNIT_CASE(s3_window_of_nobody),
	KUNIT_CASE(r1_tree),
	KUNIT_CASE(r2_unmerged),
	KUNIT_CASE(r3_quick_list),
	KUNIT_CASE(p1_parked),
	KUNIT_CASE(m1_lists),
	KUNIT_CASE(c1_magazine),
	KUNIT_CASE(c2_room),
	KUNIT_CASE(busy_machine),
	{}
};

static struct kunit_suite verify_suite = {
	.name = "goslab_verify",
	GS_TEST_CASES_PINNED,
	.test_cases = verify_cases,
};
kunit_test_suite(verify_suite);
