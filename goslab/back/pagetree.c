// SPDX-License-Identifier: GPL-2.0
/*
 * pagetree: free runs in a red-black tree by length, then address: best fit.
 *
 * The smallest run that holds a request wins, among equals the lowest address; what is
 * left stays a run. (Go before 1.14: the treap of free spans.) Segregated fit
 * (pagelists.c) keeps its long runs here, too.
 *
 * Lock, context, invariants: those of pageindex.c.
 * Tests:      kunit/pageruns_kunit.c, kunit/fit_kunit.c
 */
#include "back/pageindex.h"

static bool run_less(struct rb_node *a, const struct rb_node *b)
{
	const struct mspan *x = gs_run_of(a), *y = gs_run_of(b);

	return x->npages != y->npages ? x->npages < y->npages : x->base < y->base;
}

/* See struct gs_run_index; as all that follow. */
void gs_tree_add(struct gs_runs *runs, struct mspan *run)
{
	rb_add(&run->rb, &runs->tree, run_less);
}

void gs_tree_del(struct gs_runs *runs, struct mspan *run)
{
	rb_erase(&run->rb, &runs->tree);
}

/* The smallest run of @npages or more, among equals the lowest; or NULL. */
static struct rb_node *smallest(const struct gs_runs *runs, unsigned int npages)
{
	struct rb_node *node = runs->tree.rb_node, *best = NULL;

	while (node) {
		if (gs_run_of(node)->npages >= npages) {
			best = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/**
 * gs_tree_find() - best fit.
 * @runs: where to look.
 * @npages: wanted.
 * @align: in pages, a power of two.
 * @base: set to where in the run the pages start.
 *
 * An aligned request tries GS_FIND_LOOKS runs in order of length. If none of
 * them has an aligned stretch, it takes the shortest run that is long enough to
 * have one wherever it starts.
 *
 * Return: the run, still in the tree, or NULL.
 */
struct mspan *gs_tree_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base)
{
	struct rb_node *node = smallest(runs, npages);
	unsigned int looks;

	for (looks = 0; node && looks < GS_FIND_LOOKS; looks++) {
		*base = gs_run_stretch(gs_run_of(node), npages, align);
		if (*base)
			break;
		node = rb_next(node);
	}
	gs_count_steps(looks);
	if (looks == GS_FIND_LOOKS) {
		node = smallest(runs, npages + align - 1);
		if (node)
			*base = gs_run_stretch(gs_run_of(node), npages, align);
	}
	return node ? gs_run_of(node) : NULL;
}
GS_EXPORT_KUNIT(gs_tree_find);


struct mspan *gs_tree_after(const struct gs_runs *runs,
			    const struct gs_runs_pos *pos)
{
	struct mspan last = { .npages = pos->npages, .base = pos->base };
	struct rb_node *node = runs->tree.rb_node, *found = NULL;

	while (node) {
		if (run_less(&last.rb, node)) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found ? gs_run_of(found) : NULL;
}

struct mspan *gs_tree_next(const struct gs_runs *runs, const struct mspan *run)
{
	struct rb_node *node = rb_next(&run->rb);

	return node ? gs_run_of(node) : NULL;
}

bool gs_tree_is_right(const struct gs_runs *runs, const struct mspan *run,
		      const struct mspan *prev)
{
	return !prev || run_less((struct rb_node *)&prev->rb, &run->rb);
}

static const struct gs_run_index by_length = {
	.add = gs_tree_add,
	.del = gs_tree_del,
	.find = gs_tree_find,
	.after = gs_tree_after,
	.next = gs_tree_next,
	.is_right = gs_tree_is_right,
};

const struct gs_fit gs_fit_best = {
	.name = "best",
	.index = &by_length,
	.exit = gs_index_exit,
	GS_INDEX_CALLS,
};
GS_EXPORT_KUNIT(gs_fit_best);
