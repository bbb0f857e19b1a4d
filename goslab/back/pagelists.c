// SPDX-License-Identifier: GPL-2.0
/*
 * pagelists: free runs on a list for each length, long ones in a tree: segregated fit.
 *
 * The smallest run that holds a request wins, as with best fit, among equals the one
 * that came last. A bit for each list says whether it has any, so that a search looks
 * at a few words, and a run comes and goes in constant time. Runs of more than
 * GS_LIST_PAGES pages are in the tree of pagetree.c.
 * (TCMalloc: PageHeap, free_ and large_.)
 *
 * Lock, context, invariants: those of pageindex.c.
 * Tests:      kunit/fit_kunit.c
 */
#include <linux/bitmap.h>

#include "back/arena.h"
#include "back/pageindex.h"
#include "base/sys.h"

/* The longest run on a list: 1 MiB. */
#define GS_LIST_PAGES	128U

/**
 * struct gs_run_lists - the short runs of a node.
 * @any: which lists have any.
 * @of: by length, last in first.
 */
struct gs_run_lists {
	DECLARE_BITMAP(any, GS_LIST_PAGES + 1);
	struct list_head of[GS_LIST_PAGES + 1];
};

static bool is_long(const struct mspan *run)
{
	return run->npages > GS_LIST_PAGES;
}

static int lists_init(struct gs_runs *runs)
{
	struct gs_run_lists *lists;
	unsigned int i;

	lists = gs_sys_draw_meta(sizeof(*lists), runs->node, GFP_KERNEL);
	if (!lists)
		return -ENOMEM;
	bitmap_zero(lists->any, GS_LIST_PAGES + 1);
	for (i = 0; i <= GS_LIST_PAGES; i++)
		INIT_LIST_HEAD(&lists->of[i]);
	runs->lists = lists;
	return 0;
}

static void lists_exit(struct gs_runs *runs)
{
	if (!runs->lists)
		return;
	gs_index_exit(runs);
	gs_sys_give_meta(runs->lists, sizeof(*runs->lists));
	runs->lists = NULL;
}

static void lists_add(struct gs_runs *runs, struct mspan *run)
{
	if (is_long(run)) {
		gs_tree_add(runs, run);
		return;
	}
	list_add(&run->list, &runs->lists->of[run->npages]);
	__set_bit(run->npages, runs->lists->any);
}

static void lists_del(struct gs_runs *runs, struct mspan *run)
{
	if (is_long(run)) {
		gs_tree_del(runs, run);
		return;
	}
	list_del(&run->list);
	if (list_empty(&runs->lists->of[run->npages]))
		__clear_bit(run->npages, runs->lists->any);
}

/* The first run of @npages or more, or NULL. */
static struct mspan *shortest(struct gs_runs *runs, unsigned int npages)
{
	const struct gs_run_lists *lists = runs->lists;
	unsigned int n = find_next_bit(lists->any, GS_LIST_PAGES + 1, npages);
	unsigned long base;

	if (n > GS_LIST_PAGES)
		return gs_tree_find(runs, npages, 1, &base);
	return list_first_entry(&lists->of[n], struct mspan, list);
}

static struct mspan *lists_next(const struct gs_runs *runs, const struct mspan *run)
{
	const struct gs_run_lists *lists = runs->lists;
	unsigned int n = run->npages;
	struct rb_node *node;

	if (is_long(run))
		return gs_tree_next(runs, run);
	if (!list_is_last(&run->list, &lists->of[n]))
		return list_entry(run->list.next, struct mspan, list);
	n = find_next_bit(lists->any, GS_LIST_PAGES + 1, n + 1);
	if (n <= GS_LIST_PAGES)
		return list_first_entry(&lists->of[n], struct mspan, list);
	node = rb_first(&runs->tree);
	return node ? gs_run_of(node) : NULL;
}

/*
 * See struct gs_run_index. An aligned request tries GS_FIND_LOOKS runs in order of
 * length, then one that is long enough to have an aligned stretch wherever it starts.
 */
static struct mspan *lists_find(struct gs_runs *runs, unsigned int npages,
				unsigned int align, unsigned long *base)
{
	struct mspan *run = shortest(runs, npages);
	unsigned int looks = 0;

	for (; run && looks < GS_FIND_LOOKS; looks++) {
		*base = gs_run_stretch(run, npages, align);
		if (*base)
			break;
		run = lists_next(runs, run);
	}
	gs_count_steps(looks);
	if (looks == GS_FIND_LOOKS) {
		run = shortest(runs, npages + align - 1);
		if (run)
			*base = gs_run_stretch(run, npages, align);
	}
	return run;
}

/*
 * See struct gs_run_index. Behind a run that is there no more comes the first one that
 * is longer: what else was on its list is passed over.
 */
static struct mspan *lists_after(const struct gs_runs *runs,
				 const struct gs_runs_pos *pos)
{
	const struct gs_run_lists *lists = runs->lists;
	struct mspan *run = pos->base ? gs_arena_span((void *)pos->base) : NULL;
	unsigned int n;

	if (pos->npages > GS_LIST_PAGES)
		return gs_tree_after(runs, pos);
	if (run && gs_runs_is_run(run, runs->node) && run->base == pos->base &&
	    run->npages == pos->npages)
		return lists_next(runs, run);
	n = find_next_bit(lists->any, GS_LIST_PAGES + 1, pos->npages + 1);
	if (n <= GS_LIST_PAGES)
		return list_first_entry(&lists->of[n], struct mspan, list);
	return gs_tree_after(runs, pos);
}

static bool lists_is_right(const struct gs_runs *runs, const struct mspan *run,
			   const struct mspan *prev)
{
	if (prev && prev->npages > run->npages)
		return false;
	if (is_long(run))
		return !prev || !is_long(prev) || gs_tree_is_right(runs, run, prev);
	return test_bit(run->npages, runs->lists->any) &&
	       run->list.prev->next == &run->list &&
	       run->list.next->prev == &run->list;
}

static const struct gs_run_index by_list = {
	.add = lists_add,
	.del = lists_del,
	.find = lists_find,
	.after = lists_after,
	.next = lists_next,
	.is_right = lists_is_right,
};

const struct gs_fit gs_fit_segregated = {
	.name = "segregated",
	.index = &by_list,
	.init = lists_init,
	.exit = lists_exit,
	GS_INDEX_CALLS,
};
GS_EXPORT_KUNIT(gs_fit_segregated);
