// SPDX-License-Identifier: GPL-2.0
/*
 * pagefiller: free runs by the 2 MiB block that they lie in: the hugepage filler.
 *
 * A request goes into the block that is at least half live, and only if none of those
 * has room into one less so: what has few live pages is left alone, so that its last
 * ones go and it can be given back whole. Of several blocks the lowest one is filled,
 * which keeps those at the top free. What is longer than a block, or has room in none
 * that is begun, gets the shortest run that holds it, from the tree of pagetree.c, in
 * which all runs are.
 *
 * Pages go back from blocks of which nothing is live: first the rest of those that are
 * ours in part, then whole ones, the highest first. Only then holes go back from blocks
 * with live pages, those with less than half first.
 *
 * (TCMalloc: HugePageFiller. Its HugeCache, which keeps whole free blocks, is the page
 * heap's other runs here; its HugeRegion, for what is longer than a block, the tree.)
 *
 * Owner:      the runs of a node, or of a test.
 * Lock:       the caller's: mheap lock.
 * Lifetime:   from init to exit.
 * Context:    any but NMI; reserve() as its gfp says.
 * Invariants: (gs_runs_verify())
 *   R1, R2, I3  of pageindex.c, and R1 of hugeblocks.c; a page of a run, and no other, is
 *               free in its block.
 * Tests:      kunit/fit_kunit.c
 */
#include "back/arena.h"
#include "back/hugeblocks.h"
#include "back/pageindex.h"

static int filler_init(struct gs_runs *runs)
{
	runs->huge = gs_huge_init(runs->node);
	return runs->huge ? 0 : -ENOMEM;
}

static void filler_exit(struct gs_runs *runs)
{
	if (!runs->huge)
		return;
	gs_index_exit(runs);
	gs_huge_exit(runs->huge);
	runs->huge = NULL;
}

static int filler_reserve(struct gs_runs *runs, unsigned long base, size_t bytes,
			  gfp_t gfp)
{
	return gs_huge_reserve(runs->huge, base, bytes, gfp);
}

/* The run that has the page at @addr, if the page's entry tells. */
static struct mspan *run_at(const struct gs_runs *runs, unsigned long addr)
{
	struct mspan *s = gs_arena_span((void *)addr);

	if (s && gs_runs_is_run(s, runs->node) && gs_span_covers(s, (void *)addr))
		return s;
	return NULL;
}

/*
 * The run that has the free page at @addr in block @h. Only entries of its ends can be
 * relied on, and one of them is in the block unless that is all free; then the end is in
 * the block behind, or behind that one, up to the end of the window.
 */
static struct mspan *run_of(const struct gs_runs *runs, const struct gs_huge *h,
			    unsigned long addr)
{
	unsigned int page = (addr - h->base) >> GS_PAGE_SHIFT;
	unsigned int before = find_last_bit(h->taken, page);
	unsigned int end = find_next_bit(h->taken, GS_HUGE_PAGES, page);
	struct mspan *run;

	run = run_at(runs, h->base + (before == page ? 0 : before + 1UL) * GS_PAGE_SIZE);
	while (!run && end) {
		run = run_at(runs, h->base + (end - 1UL) * GS_PAGE_SIZE);
		if (end < GS_HUGE_PAGES)
			break;
		h = gs_huge_at(runs->huge, h->base + GS_HUGE_SIZE);
		end = h ? find_first_bit(h->taken, GS_HUGE_PAGES) : 0;
	}
	return run;
}

/*
 * See struct gs_run_index. What begins with its block may be the end of a longer run: then
 * the last pages are taken, which leaves one run, for which no descriptor is needed. A
 * block with a border of zones in it may have two runs in a row.
 */
static struct mspan *filler_find(struct gs_runs *runs, unsigned int npages,
				 unsigned int align, unsigned long *base)
{
	struct mspan *run;

	*base = gs_huge_find(runs->huge, npages, align);
	if (*base) {
		run = run_of(runs, gs_huge_at(runs->huge, *base), *base);
		GS_CHECK(run);
		if (run && *base >= run->base &&
		    *base + npages * GS_PAGE_SIZE <= gs_span_end(run)) {
			if (align == 1 && *base > run->base)
				*base = gs_span_end(run) - npages * GS_PAGE_SIZE;
			return run;
		}
	}
	return gs_tree_find(runs, npages, align, base);
}

static bool filler_is_right(const struct gs_runs *runs, const struct mspan *run,
			    const struct mspan *prev)
{
	return gs_tree_is_right(runs, run, prev) &&
	       gs_huge_is_free(runs->huge, run->base) &&
	       gs_huge_is_free(runs->huge, gs_span_end(run) - 1);
}

static const struct gs_run_index by_block = {
	.add = gs_tree_add,
	.del = gs_tree_del,
	.find = filler_find,
	.after = gs_tree_after,
	.next = gs_tree_next,
	.is_right = filler_is_right,
};

/* See struct gs_fit. They count as live until they are inserted, as those of a span. */
static void filler_own(struct gs_runs *runs, unsigned long base, unsigned int npages)
{
	gs_huge_count(runs->huge, base, npages, false, 1);
}

/* See struct gs_fit. */
static unsigned int filler_insert(struct gs_runs *runs, struct mspan *s)
{
	unsigned long base = s->base;
	unsigned int npages = s->npages;
	unsigned int all = gs_index_insert(runs, s);

	gs_huge_count(runs->huge, base, npages, true, -1);
	return all;
}

/* See struct gs_fit. */
static bool filler_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
			unsigned int align, struct mspan **spare)
{
	if (!gs_index_take(runs, s, npages, align, spare))
		return false;
	gs_huge_count(runs->huge, s->base, npages, false, 1);
	return true;
}

/* Cut up to @npages, in whole units, off the highest free pages of a block. */
static unsigned int cut_block(struct gs_runs *runs, const struct gs_huge *h,
			      unsigned long npages, unsigned long *base,
			      struct mspan **spare)
{
	unsigned int end = GS_HUGE_PAGES, from;
	struct mspan *run;

	while (test_bit(end - 1, h->taken))
		end--;
	from = find_last_bit(h->taken, end);
	from = round_up(from == end ? 0 : from + 1, GS_UNIT_PAGES);
	end = round_down(end, GS_UNIT_PAGES);
	if (from >= end)
		return 0;
	npages = min_t(unsigned long, npages, end - from);
	*base = h->base + (end - npages) * GS_PAGE_SIZE;
	run = run_of(runs, h, *base);
	if (!run || *base < run->base)
		return 0;
	*spare = gs_index_carve(runs, run, *base, npages, *spare);
	return npages;
}

/*
 * See struct gs_fit. Without a descriptor, or where a page of the kernel is so long that
 * the highest free pages of no block are one, as the other fits do it.
 */
static unsigned int filler_cut(struct gs_runs *runs, unsigned long npages,
			       unsigned long *base, struct mspan **spare)
{
	static const enum gs_huge_kind order[] = {
		GS_HUGE_IDLE, GS_HUGE_WHOLE, GS_HUGE_SPARSE, GS_HUGE_FULL,
	};
	unsigned int got = 0, i;
	struct gs_huge *h;

	for (i = 0; *spare && !got && i < ARRAY_SIZE(order); i++) {
		h = gs_huge_highest(runs->huge, order[i]);
		if (h)
			got = cut_block(runs, h, npages, base, spare);
	}
	got = got ?: gs_index_cut(runs, npages, base, spare);
	if (got)
		gs_huge_count(runs->huge, *base, got, false, 0);
	else if (!runs->nr_runs)
		runs->highest = 0;
	return got;
}

/* See struct gs_fit: runs, then the blocks of one window after the other. */
static int filler_verify_some(const struct gs_runs *runs, struct gs_runs_check *check)
{
	int ret;

	if (!check->runs_done) {
		ret = gs_index_verify_some(runs, check);
		check->runs_done = check->done;
		check->done = false;
		return ret;
	}
	return gs_huge_verify_window(runs->huge, &check->window, &check->huge_pages,
				     &check->done) ? 0 : 1;
}

const struct gs_fit gs_fit_filler = {
	.name = "filler",
	.index = &by_block,
	.cuts_inside = true,
	.init = filler_init,
	.exit = filler_exit,
	.reserve = filler_reserve,
	.own = filler_own,
	.insert = filler_insert,
	.take = filler_take,
	.cut = filler_cut,
	.walk = gs_index_walk,
	.verify_some = filler_verify_some,
};
GS_EXPORT_KUNIT(gs_fit_filler);
