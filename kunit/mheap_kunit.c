// SPDX-License-Identifier: GPL-2.0
/*
 * mheap_kunit: goslab_mheap: back/mheap.c, the real page heap.
 *
 * The worker stands still and the heap has no free run when a case begins.
 * Spans are of no class; nobody but the cases looks at them.
 */
#include <linux/delay.h>
#include <linux/err.h>
#include <linux/mm.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"
#include "testlib.h"

#define PAGE_OF(s, i)	((void *)((s)->base + (i) * GS_PAGE_SIZE))

static struct mspan *get(unsigned int npages, unsigned int min_pages,
			 unsigned int align, gfp_t gfp)
{
	struct gs_span_req req = {
		.npages = npages, .min_pages = min_pages, .align = align,
		.cap = 1, .node = numa_mem_id(), .gfp = gfp,
		.atomic = !gfpflags_allow_blocking(gfp),
	};

	return gs_mheap_alloc(&req);
}

static struct mspan *must_get(struct kunit *test, unsigned int npages,
			      unsigned int align, gfp_t gfp)
{
	struct mspan *s = get(npages, npages, align, gfp);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

/* Does a span or a run have this page, not just what is left of one? */
static bool is_ours(unsigned long page)
{
	struct mspan *s = gs_arena_span((void *)page);

	return (s && gs_span_covers(s, (void *)page)) ||
	       gs_mheap_is_free((void *)page);
}

static bool maps_to_itself(const struct mspan *s)
{
	unsigned int i;

	for (i = 0; i < s->npages; i++)
		if (gs_arena_span(PAGE_OF(s, i)) != s)
			return false;
	return true;
}

static void spans_of_every_length_and_alignment(struct kunit *test)
{
	unsigned long in_spans = gs_mheap_counts().in_spans;
	unsigned int npages, align;

	for (npages = 1; npages <= GS_ARENA_PAGES;
	     npages += 1 + npages / 4) {
		for (align = 1; align <= GS_ARENA_PAGES; align *= 2) {
			struct mspan *s = must_get(test, npages, align,
						   GFP_KERNEL);

			KUNIT_EXPECT_EQ(test, s->npages, npages);
			KUNIT_EXPECT_EQ_MSG(test, 0,
				s->base & (align * GS_PAGE_SIZE - 1),
				"%u pages to %u", npages, align);
			KUNIT_EXPECT_TRUE(test, maps_to_itself(s));
			KUNIT_EXPECT_EQ(test, gs_mheap_counts().in_spans,
					in_spans + npages);
			KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_DEAD);
			gs_mheap_free(s);
		}
	}
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().in_spans, in_spans);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
}

static void pages_are_known_to_be_used(struct kunit *test)
{
	struct mspan *s = must_get(test, 1, 1, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, s->needzero, !want_init_on_alloc(0));
	gs_mheap_free(s);
	s = must_get(test, 1, 1, GFP_ATOMIC);
	KUNIT_EXPECT_EQ(test, s->needzero, 1);
	gs_mheap_free(s);
}

/* Blocks asked for, largest first; all of them fail. */
static u64 asked[32];
static unsigned int nr_asked;

static void refuse_blocks(enum gs_hook_point point, void *arg)
{
	struct gs_draw *draw = arg;

	if (draw->meta || nr_asked == ARRAY_SIZE(asked))
		return;
	asked[nr_asked++] = draw->bytes;
	draw->bytes = 0;
}

/* The first at least @first bytes, each next half of it, the last @last. */
static void expect_blocks(struct kunit *test, unsigned int npages, gfp_t gfp,
			  u64 first, u64 last)
{
	unsigned int i;

	nr_asked = 0;
	gs_test_hook(GS_HOOK_SYS_DRAW, refuse_blocks);
	/* Else the other nodes are asked, too. */
	KUNIT_EXPECT_NULL(test, get(npages, npages, 1, gfp | __GFP_THISNODE));
	gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
	KUNIT_ASSERT_GT(test, nr_asked, 0);
	KUNIT_EXPECT_GE(test, asked[0], first);
	for (i = 1; i < nr_asked; i++)
		KUNIT_EXPECT_EQ(test, asked[i], asked[i - 1] / 2);
	KUNIT_EXPECT_EQ(test, asked[nr_asked - 1], last);
}

static void blocks_get_smaller_down_to_the_request(struct kunit *test)
{
	const u64 least = max(64UL << 10, GS_UNIT_SIZE);

	expect_blocks(test, 1, GFP_KERNEL, least, GS_UNIT_SIZE);
	expect_blocks(test, 3, GFP_KERNEL, least,
		      max(4 * GS_PAGE_SIZE, GS_UNIT_SIZE));
	expect_blocks(test, 512, GFP_KERNEL, 512 * GS_PAGE_SIZE,
		      512 * GS_PAGE_SIZE);
	/* Atomic callers ask for what they need and no more. */
	expect_blocks(test, 1, GFP_ATOMIC, GS_UNIT_SIZE, GS_UNIT_SIZE);
	KUNIT_EXPECT_EQ(test, nr_asked, 1);
	expect_blocks(test, 16, GFP_NOWAIT, 16 * GS_PAGE_SIZE,
		      16 * GS_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, nr_asked, 1);
}

/* One call with some draws failing. Return: draws that it asked for. */
static unsigned long try_with_failures(struct kunit *test,
				       const struct gs_span_req *req,
				       unsigned long first, unsigned long n)
{
	struct mspan *s;
	unsigned long seen;

	gs_test_fail_draws(first, n);
	s = gs_mheap_alloc(req);
	seen = gs_test_end_draws();
	if (!s)
		return seen;
	KUNIT_EXPECT_GE(test, s->npages, req->min_pages);
	KUNIT_EXPECT_LE(test, s->npages, req->npages);
	KUNIT_EXPECT_EQ(test, s->base & (req->align * GS_PAGE_SIZE - 1), 0);
	KUNIT_EXPECT_TRUE(test, maps_to_itself(s));
	gs_mheap_free(s);
	return seen;
}

static void every_draw_fails_once(struct kunit *test)
{
	/* A descriptor lost in each of 16 rounds is a chunk lost. */
	const unsigned int rounds = GS_TEST_SLOW ? 2 : 16;
	static const struct gs_span_req reqs[] = {
		{ .npages = 1, .min_pages = 1, .align = 1, .cap = 1024,
		  .gfp = GFP_KERNEL },
		{ .npages = 1, .min_pages = 1, .align = 1, .cap = 512,
		  .tiny = true, .gfp = GFP_ATOMIC, .atomic = true },
		{ .npages = 10, .min_pages = 2, .align = 1, .cap = 3,
		  .gfp = GFP_KERNEL },
		{ .npages = 8, .min_pages = 8, .align = 8, .cap = 1,
		  .gfp = GFP_KERNEL },
		{ .npages = 512, .min_pages = 512, .align = 512, .cap = 1,
		  .gfp = GFP_KERNEL | __GFP_NORETRY },
	};
	unsigned long idle = gs_test_idle_pages(), nth, seen;
	size_t data = gs_sys_held() - gs_sys_meta(), meta = 0;
	unsigned int i, round;

	for (round = 0; round < rounds; round++) {
		if (round == 1)
			meta = gs_test_meta_but_tables();
		for (i = 0; i < ARRAY_SIZE(reqs); i++) {
			nth = 0;
			do {	/* the nth alone, then it and all that follow */
				seen = try_with_failures(test, &reqs[i], ++nth, 1);
				KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
				try_with_failures(test, &reqs[i], nth, ULONG_MAX);
				KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
			} while (nth <= seen);
			KUNIT_EXPECT_GE(test, nth, 2);
			KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
		}
	}
	/* No page, and after the first time no metadata, was lost. */
	KUNIT_EXPECT_EQ(test, gs_sys_held() - gs_sys_meta(), data);
	KUNIT_EXPECT_EQ(test, gs_test_meta_but_tables(), meta);
}

static void spans_are_short_when_memory_is(struct kunit *test)
{
	const unsigned int n = 4 * GS_UNIT_PAGES;
	unsigned long nr_short = gs_mheap_counts().nr_short;
	struct mspan *s = must_get(test, n, 1, GFP_ATOMIC);

	gs_mheap_free(s);	/* its run is all there is */
	KUNIT_ASSERT_EQ(test, gs_mheap_free_pages(), n);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, get(2 * n + 2, n + 1, 1, GFP_KERNEL));
	s = get(2 * n + 2, n / 2, 1, GFP_KERNEL);
	gs_test_end_draws();
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->npages, n / 2);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().nr_short, nr_short + 1);
	gs_mheap_free(s);
}

static void atomic_callers_have_a_reserve(struct kunit *test)
{
	struct mspan *s, *t;
	unsigned long drawn;

	KUNIT_EXPECT_TRUE(test, gs_mheap_refill_reserve());
	KUNIT_EXPECT_GE(test, gs_mheap_free_pages(), GS_RESERVE_PAGES);
	drawn = gs_mheap_counts().drawn;
	KUNIT_EXPECT_TRUE(test, gs_mheap_refill_reserve());
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().drawn, drawn);

	/* Who may sleep draws and leaves it alone. */
	s = must_get(test, GS_RESERVE_PAGES, 1, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, gs_mheap_counts().drawn, drawn);
	KUNIT_EXPECT_GE(test, gs_mheap_free_pages(), GS_RESERVE_PAGES);
	gs_mheap_free(s);
	gs_mheap_release(ULONG_MAX);

	/* Who may not has it without a draw. */
	KUNIT_EXPECT_TRUE(test, gs_mheap_refill_reserve());
	gs_test_fail_draws(1, ULONG_MAX);
	s = must_get(test, GS_RESERVE_PAGES / 2, 1, GFP_ATOMIC);
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0);
	/* And before anybody is refused, it is for all. */
	gs_test_fail_draws(1, ULONG_MAX);
	t = must_get(test, GS_RESERVE_PAGES / 2, 1, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, get(1, 1, 1, GFP_ATOMIC));
	KUNIT_EXPECT_NULL(test, get(1, 1, 1, GFP_KERNEL));
	gs_test_end_draws();
	gs_mheap_free(s);
	gs_mheap_free(t);
}

static void release_gives_back_the_highest(struct kunit *test)
{
	/* Pages go back in whole pages of the kernel. */
	const unsigned int unit = GS_UNIT_PAGES;
	struct mspan *s[3], *block = must_get(test, 32 * unit, 32 * unit,
					      GFP_ATOMIC);
	unsigned long base = block->base, released = gs_mheap_counts().released;
	int i;

	gs_mheap_free(block);
	for (i = 0; i < 3; i++)		/* pages 0 to 2 */
		s[i] = must_get(test, unit, 1, GFP_ATOMIC);
	KUNIT_EXPECT_EQ(test, s[2]->base, base + 2 * GS_UNIT_SIZE);
	gs_mheap_free(s[1]);		/* a hole below, 29 pages above */

	KUNIT_EXPECT_EQ(test, gs_mheap_release(0), 0);
	KUNIT_EXPECT_EQ(test, gs_mheap_release(4 * unit), 4 * unit);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().released, released + 4 * unit);
	KUNIT_EXPECT_EQ(test, gs_mheap_free_pages(), 26 * unit);
	KUNIT_EXPECT_FALSE(test, is_ours(base + 28 * GS_UNIT_SIZE));
	KUNIT_EXPECT_TRUE(test, is_ours(base + 27 * GS_UNIT_SIZE));
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);

	/* Less than a page of the kernel is one, and hides no other. */
	KUNIT_EXPECT_EQ(test, gs_mheap_release(1), unit);
	KUNIT_EXPECT_EQ(test, gs_mheap_release(24 * unit),
			24 * unit);
	KUNIT_EXPECT_TRUE(test, is_ours(base + GS_UNIT_SIZE));
	KUNIT_EXPECT_EQ(test, gs_mheap_release(ULONG_MAX), unit);
	KUNIT_EXPECT_EQ(test, gs_mheap_release(ULONG_MAX), 0);
	KUNIT_EXPECT_TRUE(test, maps_to_itself(s[0]) && maps_to_itself(s[2]));
	gs_mheap_free(s[0]);
	gs_mheap_free(s[2]);
}

/* The search for more ends at the lowest arena, not at address 0. */
static void release_ends_at_the_lowest_arena(struct kunit *test)
{
	unsigned long most = 64, locks, i;
	int node;

	gs_arena_for_each(i)
		most += 2;
	gs_mheap_free(must_get(test, 4, 1, GFP_KERNEL));
	for (node = 0; node < nr_node_ids; node++)
		most += gs_mheaps[node].runs.nr_runs +
			gs_mheaps[node].runs.nr_quick + 1;
	locks = gs_mheap_counts().nr_lock;
	KUNIT_EXPECT_GT(test, gs_mheap_release(ULONG_MAX), 0);
	KUNIT_EXPECT_LE(test, gs_mheap_counts().nr_lock - locks, most);
	for (node = 0; node < nr_node_ids; node++)
		KUNIT_EXPECT_EQ(test, gs_mheaps[node].runs.highest, 0);
}

static int lock_node;
static bool lock_taken;

static void hold_the_lock(struct work_struct *unused)
{
	struct mheap *h = &gs_mheaps[lock_node];
	unsigned long flags;

	gs_lock(&h->lock, flags);
	WRITE_ONCE(lock_taken, true);
	mdelay(10);
	gs_unlock(&h->lock, flags);
}
static DECLARE_WORK(hold_work, hold_the_lock);

/*
 * The kernel kills a program when one round of reclaim got nothing: that another CPU
 * has the lock is no reason to say so.
 */
static void reclaim_waits_for_the_lock(struct kunit *test)
{
	struct mspan *s = must_get(test, 4, 1, GFP_KERNEL);
	int cpu = gs_test_other_cpu();

	lock_node = s->node;
	gs_mheap_free(s);
	if (cpu < 0)
		kunit_skip(test, "one CPU");
	WRITE_ONCE(lock_taken, false);
	schedule_work_on(cpu, &hold_work);
	while (!READ_ONCE(lock_taken))
		cpu_relax();
	KUNIT_EXPECT_GE(test, gs_mheap_reclaim(lock_node, ULONG_MAX), 4UL);
	flush_work(&hold_work);
}

static struct mspan *get_long(struct kunit *test)
{
	struct gs_span_req req = {
		.npages = 1, .min_pages = 1, .align = 1, .cap = 512,
		.node = numa_mem_id(), .gfp = GFP_KERNEL,
	};
	struct mspan *s = gs_mheap_alloc(&req);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void long_descriptors_are_kept_for_spans(struct kunit *test)
{
	struct mspan *s, *last = NULL, *d;
	unsigned long free;

	/* More than the reserve. */
	gs_mheap_free(must_get(test, 2 * GS_RESERVE_PAGES, 1, GFP_KERNEL));
	s = get_long(test);
	gs_mheap_free(s);
	KUNIT_ASSERT_PTR_EQ(test, get_long(test), s);

	/* Without memory for a short one, the long one is the run's. */
	free = gs_mheap_free_pages();
	gs_test_fail_draws(1, ULONG_MAX);
	while ((d = gs_span_alloc(1, false, GFP_KERNEL))) {
		d->class = (void *)last;
		last = d;
	}
	gs_mheap_free(s);
	gs_test_end_draws();
	KUNIT_EXPECT_EQ(test, gs_mheap_free_pages(), free + 1);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
	for (; (d = last); gs_span_free(d))
		last = (void *)d->class;
	KUNIT_EXPECT_EQ(test, gs_mheap_release(ULONG_MAX), free + 1);
}

static void large_spans_are_counted(struct kunit *test)
{
	unsigned long nr = gs_mheap_counts().nr_large;
	struct gs_span_req req = {
		.npages = 5, .min_pages = 5, .align = 1, .cap = 1,
		.large = true, .node = numa_mem_id(), .gfp = GFP_KERNEL,
	};
	struct mspan *s = gs_mheap_alloc(&req);

	KUNIT_ASSERT_NOT_NULL(test, s);
	gs_span_cut(s, NULL, gs_span_size(s), 1);
	s->objects[0] = GS_OWNER_MIN;
	gs_mheap_publish(s, GS_SPAN_LARGE);
	KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_LARGE);
	KUNIT_EXPECT_EQ(test, gs_mheap_counts().nr_large, nr + 1);
	s->objects[0] = GS_FREE;
	gs_mheap_free(s);
}

static void verify_finds_what_is_broken(struct kunit *test)
{
	struct mspan *s = must_get(test, 4, 1, GFP_KERNEL);
	struct gs_runs *runs = &gs_mheaps[s->node].runs;

	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
	gs_mheaps[0].n.in_spans++;
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 4);
	gs_mheaps[0].n.in_spans--;
	gs_mheaps[0].n.released++;
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 4);
	gs_mheaps[0].n.released--;
	runs->nr_runs++;
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 31);
	runs->nr_runs--;
	gs_arena_set(s->base + GS_PAGE_SIZE, 1, NULL);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 3);
	gs_arena_set(s->base + GS_PAGE_SIZE, 1, s);
	s->base += GS_PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 3);
	s->base -= GS_PAGE_SIZE;
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
	gs_mheap_free(s);
}

/* One step of the walk; an allocation that fails is none. */
static void step(struct kunit *test, struct gs_oracle *o, struct gs_rnd *rnd)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT };
	unsigned int npages = gs_rnd_log(rnd, 1, GS_TEST_SLOW ? 64 : 512);
	unsigned int align = 1 << gs_rnd_below(rnd, 5);
	gfp_t gfp = gfps[gs_rnd_below(rnd, 3)] | __GFP_NOWARN;
	struct gs_live was;
	struct mspan *s;

	if (!gs_rnd_below(rnd, 50))
		gs_mheap_release(gs_rnd_log(rnd, 1, 4096));
	if (o->nr == o->max || (o->nr && gs_rnd_below(rnd, 2))) {
		was = gs_oracle_remove(o, gs_rnd_below(rnd, o->nr), false);
		gs_mheap_free((struct mspan *)was.tag);
		return;
	}
	gs_test_fail_draws(1 + gs_rnd_below(rnd, 4), gs_rnd_below(rnd, 4));
	s = get(npages, gs_rnd_below(rnd, 2) ? npages : npages / 2 + 1, align,
		gfp);
	gs_test_end_draws();
	if (!s)
		return;
	KUNIT_ASSERT_EQ(test, s->base & (align * GS_PAGE_SIZE - 1), 0);
	gs_oracle_add(o, (void *)s->base, gs_span_size(s), false)->tag =
		(unsigned long)s;
}

static void random_walk(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 64);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned long in_spans = gs_mheap_counts().in_spans;
	unsigned int n;

	for (n = 0; n < GS_TEST_STEPS / 10; n++) {
		step(test, o, &rnd);
		if (gs_mheap_counts().in_spans - in_spans != o->bytes >> GS_PAGE_SHIFT ||
		    gs_test_held_pages() !=
		    gs_mheap_counts().in_spans + gs_mheap_free_pages())
			break;
		if (n % GS_TEST_VERIFY_EACH == 0)
			KUNIT_ASSERT_EQ_MSG(test, gs_mheap_verify(), 0,
					    "step %u", n);
	}
	KUNIT_EXPECT_EQ(test, n, GS_TEST_STEPS / 10);
	while (o->nr)
		gs_mheap_free((struct mspan *)gs_oracle_remove(o, 0, false).tag);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
}

/* Time goes by what is given back: arenas without a free run are passed once. */
static void release_does_not_search_again(struct kunit *test)
{
	struct mspan *s[12];
	unsigned long locks;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = must_get(test, GS_ARENA_PAGES, 1, GFP_KERNEL);
	for (i = 1; i < ARRAY_SIZE(s); i++)
		gs_mheap_free(s[i]);
	gs_mheap_release(ULONG_MAX);
	KUNIT_EXPECT_EQ(test, gs_mheap_free_pages(), 0UL);
	locks = gs_mheap_counts().nr_lock;
	KUNIT_EXPECT_EQ(test, gs_mheap_release(1), 0UL);
	KUNIT_EXPECT_LE(test, gs_mheap_counts().nr_lock - locks, nr_node_ids + 1UL);
	gs_mheap_free(s[0]);
	KUNIT_EXPECT_EQ(test, gs_mheap_release(ULONG_MAX),
			(unsigned long)GS_ARENA_PAGES);
}

static int full_node;
static unsigned int nr_drawn, nr_in_vain;
static unsigned long pages_drawn;

/* The kernel as it is when @full_node has no page. */
static void draw_elsewhere(enum gs_hook_point point, void *arg)
{
	struct gs_draw *ask = arg;

	if (ask->bytes < GS_UNIT_SIZE || ask->node != full_node)
		return;		/* metadata, or another node's */
	if (ask->gfp & __GFP_THISNODE) {
		ask->bytes = 0;
		nr_in_vain++;
		return;
	}
	nr_drawn++;
	pages_drawn += ask->bytes >> GS_PAGE_SHIFT;
	ask->node = next_online_node(full_node);
	if (ask->node == MAX_NUMNODES)
		ask->node = first_online_node;
}

/*
 * Whoever finds its node full uses up what lies free on the others; and once it
 * is known to be full, it is not asked for each span.
 */
static void others_runs_before_a_draw(struct kunit *test)
{
	struct mspan *s[40];
	unsigned long start;
	unsigned int i, jiffies_gone;

	if (nr_online_nodes == 1)
		kunit_skip(test, "one node");
	full_node = numa_mem_id();
	nr_drawn = nr_in_vain = pages_drawn = 0;
	start = jiffies;
	gs_test_hook(GS_HOOK_SYS_DRAW, draw_elsewhere);
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		struct gs_span_req req = {
			.npages = 1, .min_pages = 1, .align = 1, .cap = 1,
			.node = full_node, .gfp = GFP_KERNEL,
		};

		s[i] = gs_mheap_alloc(&req);
	}
	gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
	jiffies_gone = jiffies - start;
	for (i = 0; i < ARRAY_SIZE(s); i++) {
		KUNIT_EXPECT_NOT_NULL(test, s[i]);
		if (!s[i])
			continue;
		KUNIT_EXPECT_NE(test, (int)s[i]->node, full_node);
		gs_mheap_free(s[i]);
	}
	KUNIT_EXPECT_GT(test, nr_drawn, 0U);
	/* Twice the largest block that is drawn for so little, and the reserve. */
	KUNIT_EXPECT_LE(test, pages_drawn, ARRAY_SIZE(s) + GS_RESERVE_PAGES +
			2 * (SZ_64K >> GS_PAGE_SHIFT));
	/* A look asks in all orders, a look each tick at most. */
	KUNIT_EXPECT_LE(test, nr_in_vain, (jiffies_gone + 2) * 8);
}

/* Reclaim of one node leaves the others' free runs alone. */
static void release_of_one_node(struct kunit *test)
{
	int nodes[2] = { first_online_node, next_online_node(first_online_node) };
	struct mspan *s[2];
	unsigned int i;

	if (nr_online_nodes == 1)
		kunit_skip(test, "one node");
	for (i = 0; i < 2; i++) {
		struct gs_span_req req = {
			.npages = 8, .min_pages = 8, .align = 1, .cap = 1,
			.node = nodes[i], .gfp = GFP_KERNEL | __GFP_THISNODE,
		};

		s[i] = gs_mheap_alloc(&req);
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
	}
	gs_mheap_free(s[0]);
	gs_mheap_free(s[1]);
	KUNIT_EXPECT_GE(test, gs_mheap_release_node(nodes[1], ULONG_MAX),
			8UL);
	KUNIT_EXPECT_EQ(test, gs_mheaps[nodes[1]].runs.nr_pages, 0UL);
	KUNIT_EXPECT_GE(test, gs_mheaps[nodes[0]].runs.nr_pages, 8UL);
	KUNIT_EXPECT_GE(test, gs_mheap_release_node(nodes[0], ULONG_MAX),
			8UL);
	KUNIT_EXPECT_EQ(test, gs_mheaps[nodes[0]].runs.nr_pages, 0UL);
}

/* What one node does takes no lock of another. */
static void nodes_share_no_lock(struct kunit *test)
{
	struct mheap *own = &gs_mheaps[first_online_node];
	struct mheap *other = &gs_mheaps[next_online_node(first_online_node)];
	struct gs_span_req req = {
		.npages = 8, .min_pages = 8, .align = 4, .cap = 1,
		.node = first_online_node, .gfp = GFP_KERNEL,
	};
	unsigned long own_locks = own->n.nr_lock, locks;
	unsigned int i;

	if (nr_online_nodes == 1)
		kunit_skip(test, "one node");
	/* Runs that somebody would take if the own ones did not do. */
	KUNIT_EXPECT_TRUE(test, gs_mheap_refill_reserve());
	gs_mheap_free(must_get(test, 64, 1, GFP_KERNEL));
	locks = other->n.nr_lock;
	for (i = 0; i < 100; i++) {
		struct mspan *s = gs_mheap_alloc(&req);

		KUNIT_ASSERT_NOT_NULL(test, s);
		KUNIT_EXPECT_EQ(test, (int)s->node, first_online_node);
		gs_mheap_free(s);
	}
	gs_mheap_release_node(first_online_node, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, other->n.nr_lock, locks);
	KUNIT_EXPECT_GE(test, own->n.nr_lock - own_locks, 200UL);
}

static const struct gs_fit *counted;
static unsigned long nr_takes;

static bool count_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		       unsigned int align, struct mspan **spare)
{
	nr_takes++;
	return counted->take(runs, s, npages, align, spare);
}

/*
 * Quick spans that are long enough but lie elsewhere than at a multiple of the
 * alignment: each look for one that does is a search, so not each merge has one.
 */
static void few_searches_in_a_hold(struct kunit *test)
{
	unsigned long locks;
	struct gs_runs *runs;
	struct mspan *s[96];
	struct gs_fit fit;
	unsigned int i;

	/* All of it is of one node. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current,
			cpumask_of(raw_smp_processor_id())), 0);
	runs = &gs_mheaps[numa_mem_id()].runs;
	gs_mheap_release(ULONG_MAX);
	for (i = 0; i < ARRAY_SIZE(s); i++)
		s[i] = must_get(test, 2, 1, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(s); i += 2)
		gs_mheap_free(s[i]);
	KUNIT_EXPECT_GT(test, runs->nr_quick, (unsigned long)GS_MERGE_BATCH);
	counted = runs->fit;
	fit = *counted;
	fit.take = count_take;
	nr_takes = 0;
	locks = gs_mheap_counts().nr_lock;
	runs->fit = &fit;
	s[0] = get(2, 2, GS_ARENA_PAGES, GFP_ATOMIC);
	runs->fit = counted;
	KUNIT_EXPECT_GT(test, nr_takes, 0UL);
	KUNIT_EXPECT_LE(test, nr_takes, 2 * (gs_mheap_counts().nr_lock - locks));
	if (s[0])
		gs_mheap_free(s[0]);
	for (i = 1; i < ARRAY_SIZE(s); i += 2)
		gs_mheap_free(s[i]);
	KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
}

static struct kunit_case mheap_cases[] = {
	KUNIT_CASE(spans_of_every_length_and_alignment),
	KUNIT_CASE(pages_are_known_to_be_used),
	KUNIT_CASE(blocks_get_smaller_down_to_the_request),
	KUNIT_CASE(every_draw_fails_once),
	KUNIT_CASE(spans_are_short_when_memory_is),
	KUNIT_CASE(atomic_callers_have_a_reserve),
	KUNIT_CASE(release_gives_back_the_highest),
	KUNIT_CASE(release_ends_at_the_lowest_arena),
	KUNIT_CASE(release_does_not_search_again),
	KUNIT_CASE(release_of_one_node),
	KUNIT_CASE(nodes_share_no_lock),
	KUNIT_CASE(few_searches_in_a_hold),
	KUNIT_CASE(reclaim_waits_for_the_lock),
	KUNIT_CASE(long_descriptors_are_kept_for_spans),
	KUNIT_CASE(others_runs_before_a_draw),
	KUNIT_CASE(large_spans_are_counted),
	KUNIT_CASE(verify_finds_what_is_broken),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite mheap_suite = {
	.name = "goslab_mheap",
	GS_TEST_CASES,
	.test_cases = mheap_cases,
};
kunit_test_suite(mheap_suite);
