// SPDX-License-Identifier: GPL-2.0
/*
 * pageorder: free runs in a red-black tree by address: first fit and next fit.
 *
 * First fit takes the lowest address that has room. Next fit goes on where the last
 * request was served, and begins at the bottom when nothing above has room. Each run
 * knows the longest run below it in the tree, so that a search leaves out what is too
 * short: it is as long as the tree is high, not as there are short runs.
 * (Knuth, The Art of Computer Programming, volume 1, section 2.5.)
 *
 * Lock, context, invariants: those of pageindex.c.
 * Tests:      kunit/fit_kunit.c
 */
#include <linux/rbtree_augmented.h>

#include "back/pageindex.h"

static u64 npages_of(const struct mspan *run)
{
	return run->npages;
}

RB_DECLARE_CALLBACKS_MAX(static, longest_calls, struct mspan, rb, u64, longest, npages_of)

static u64 longest_of(const struct rb_node *node)
{
	return node ? gs_run_of(node)->longest : 0;
}

static void order_add(struct gs_runs *runs, struct mspan *run)
{
	struct rb_node **link = &runs->tree.rb_node, *parent = NULL;

	while (*link) {
		struct mspan *at = gs_run_of(*link);

		parent = *link;
		at->longest = max_t(u64, at->longest, run->npages);
		link = run->base < at->base ? &parent->rb_left : &parent->rb_right;
	}
	run->longest = run->npages;
	rb_link_node(&run->rb, parent, link);
	rb_insert_augmented(&run->rb, &runs->tree, &longest_calls);
}

static void order_del(struct gs_runs *runs, struct mspan *run)
{
	rb_erase_augmented(&run->rb, &runs->tree, &longest_calls);
}

/* The lowest run of @npages or more at @from or above, or NULL. */
static struct mspan *lowest(const struct gs_runs *runs, unsigned long from,
			    unsigned int npages)
{
	struct rb_node *node = runs->tree.rb_node, *above = NULL;

	/*
	 * Down to @from. Where the way goes to the left, what lies to the right is
	 * all above @from; the lowest such place that has room is kept.
	 */
	while (node && longest_of(node) >= npages) {
		struct mspan *run = gs_run_of(node);

		if (run->base < from) {
			node = node->rb_right;
			continue;
		}
		if (run->npages >= npages || longest_of(node->rb_right) >= npages)
			above = node;
		node = node->rb_left;
	}
	if (!above || gs_run_of(above)->npages >= npages)
		return above ? gs_run_of(above) : NULL;
	for (node = above->rb_right;;) {
		if (longest_of(node->rb_left) >= npages)
			node = node->rb_left;
		else if (gs_run_of(node)->npages >= npages)
			return gs_run_of(node);
		else
			node = node->rb_right;
	}
}

/*
 * The lowest run at @from or above that has an aligned stretch. After GS_FIND_LOOKS
 * runs that have none it is one that has it wherever it starts.
 */
static struct mspan *find_from(const struct gs_runs *runs, unsigned long from,
			       unsigned int npages, unsigned int align,
			       unsigned long *base)
{
	struct mspan *run = lowest(runs, from, npages);
	unsigned int looks;

	for (looks = 0; run && looks < GS_FIND_LOOKS; looks++) {
		*base = gs_run_stretch(run, npages, align);
		if (*base)
			break;
		run = lowest(runs, gs_span_end(run), npages);
	}
	gs_count_steps(looks);
	if (looks == GS_FIND_LOOKS) {
		run = lowest(runs, from, npages + align - 1);
		if (run)
			*base = gs_run_stretch(run, npages, align);
	}
	return run;
}

static struct mspan *first_find(struct gs_runs *runs, unsigned int npages,
				unsigned int align, unsigned long *base)
{
	return find_from(runs, 0, npages, align, base);
}

static struct mspan *next_find(struct gs_runs *runs, unsigned int npages,
			       unsigned int align, unsigned long *base)
{
	struct mspan *run = find_from(runs, runs->hand, npages, align, base);

	if (!run && runs->hand)
		run = find_from(runs, 0, npages, align, base);
	if (run)
		runs->hand = *base + npages * GS_PAGE_SIZE;
	return run;
}

static struct mspan *order_after(const struct gs_runs *runs,
				 const struct gs_runs_pos *pos)
{
	return lowest(runs, pos->base + 1, 0);
}

static bool order_is_right(const struct gs_runs *runs, const struct mspan *run,
			   const struct mspan *prev)
{
	u64 most = max3((u64)run->npages, longest_of(run->rb.rb_left),
			longest_of(run->rb.rb_right));

	return run->longest == most && (!prev || prev->base < run->base);
}

static const struct gs_run_index lowest_first = {
	.add = order_add,
	.del = order_del,
	.find = first_find,
	.after = order_after,
	.next = gs_tree_next,
	.is_right = order_is_right,
};

static const struct gs_run_index from_last = {
	.add = order_add,
	.del = order_del,
	.find = next_find,
	.after = order_after,
	.next = gs_tree_next,
	.is_right = order_is_right,
};

const struct gs_fit gs_fit_first = {
	.name = "first",
	.index = &lowest_first,
	.exit = gs_index_exit,
	GS_INDEX_CALLS,
};
GS_EXPORT_KUNIT(gs_fit_first);

const struct gs_fit gs_fit_next = {
	.name = "next",
	.index = &from_last,
	.exit = gs_index_exit,
	GS_INDEX_CALLS,
};
GS_EXPORT_KUNIT(gs_fit_next);
