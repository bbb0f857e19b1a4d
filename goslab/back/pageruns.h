/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGERUNS_H
#define GS_BACK_PAGERUNS_H

#include <linux/rbtree.h>

#include "back/mspan.h"

/* Spans up to this many pages are kept as they are for a while. */
#define GS_QUICK_PAGES	128
/* How many of them, and how many pages in all, per node. */
#define GS_QUICK_MAX	256
#define GS_QUICK_MAX_PAGES	1024

/*
 * No run reaches over a multiple of this, as a physical address. It bounds the
 * length of a run by place: what lies on both sides of such a border never
 * merges, however long it is or was.
 */
#define GS_RUN_WINDOW	(64UL << 20)

/* Runs that an aligned search tries before it takes one that fits for sure. */
#define GS_FIND_LOOKS		128
/* Quick spans that one hold of the lock merges into the tree. */
#define GS_MERGE_BATCH		32
/* Runs that one hold of the lock verifies. */
#define GS_VERIFY_BATCH		128

struct gs_fit;
struct gs_huge_blocks;
struct gs_page_bits;
struct gs_run_index;
struct gs_run_lists;

/**
 * struct gs_runs - the free pages of one node.
 * @fit: how the free runs are kept; never changes.
 * @tree: the runs, in the order of the fit, or the long ones of gs_fit_segregated.
 * @lists: the short ones of gs_fit_segregated.
 * @bits: the pages, if it is gs_fit_bitmap.
 * @huge: the 2 MiB blocks, if it is gs_fit_filler.
 * @hand: where gs_fit_next goes on.
 * @quick: spans that were freed and not merged yet, by npages, last in first.
 * @nr_pages: pages of both.
 * @nr_runs: free runs.
 * @nr_quick: spans on @quick.
 * @quick_pages: their pages.
 * @quick_longest: no list above this has any.
 * @highest: no free run reaches beyond this address; see release.c.
 * @full_at: jiffies when the kernel last had no page of the node for a caller that
 *           could look elsewhere.
 * @published: kernel pages that the kernel was told of (gs_mheap_publish_idle()).
 * @node: whose pages; never changes.
 */
struct gs_runs {
	const struct gs_fit *fit;
	struct rb_root tree;
	struct gs_run_lists *lists;
	struct gs_page_bits *bits;
	struct gs_huge_blocks *huge;
	unsigned long hand;
	struct mspan *quick[GS_QUICK_PAGES + 1];
	unsigned long nr_pages;
	unsigned long nr_runs;
	unsigned long nr_quick;
	unsigned long quick_pages;
	unsigned int quick_longest;
	unsigned long highest;
	unsigned long full_at;
	long published;
	int node;
};

int gs_runs_init(struct gs_runs *runs, int node, const struct gs_fit *fit);
void gs_runs_exit(struct gs_runs *runs);
struct mspan *gs_quick_take(struct mspan **list, unsigned int align,
			   unsigned int cap, bool tiny);
bool gs_runs_put_quick(struct gs_runs *runs, struct mspan *s);
struct mspan *gs_runs_get_quick(struct gs_runs *runs, unsigned int npages,
				unsigned int most, unsigned int align,
				unsigned int cap, bool tiny);
unsigned int gs_runs_merge_longest(struct gs_runs *runs);
bool gs_runs_merge_quick(struct gs_runs *runs, unsigned int enough);

/*
 * Is @s, found by some page, a run of @node, whose lock is held? It may be of another
 * node, under another lock, or free. Every run has its node before it becomes one, and
 * a descriptor is dead before it is freed: so what is a run, and after that has the
 * node whose lock is held, is a run of that node and stays one.
 */
static inline bool gs_runs_is_run(const struct mspan *s, int node)
{
	return smp_load_acquire(&s->state) == GS_SPAN_RUN &&
	       READ_ONCE(s->node) == node;
}

/* What links a list of freed spans, in a word that no reader looks at. */
static inline struct mspan **gs_quick_next(struct mspan *s)
{
	return (struct mspan **)&s->list.next;
}

/**
 * struct gs_runs_pos - a place in the order that a fit has its runs in; it stays one
 *                      while runs come and go. All zero at the start.
 * @npages: of the last run that was looked at.
 * @base: of that run, or where to go on.
 */
struct gs_runs_pos {
	unsigned int npages;
	unsigned long base;
};

/**
 * struct gs_runs_check - how far a check of all free runs is.
 * @pos: behind the last run that was looked at.
 * @nr_pages: pages seen.
 * @nr_runs: runs seen.
 * @window: of gs_fit_filler: the window whose blocks come next.
 * @huge_pages: free pages that its blocks have.
 * @begun: set by the first call.
 * @runs_done: of gs_fit_filler: set behind the last run.
 * @done: set at the end.
 */
struct gs_runs_check {
	struct gs_runs_pos pos;
	unsigned long nr_pages;
	unsigned long nr_runs;
	unsigned long window;
	unsigned long huge_pages;
	bool begun;
	bool runs_done;
	bool done;
};

int gs_runs_verify_some(const struct gs_runs *runs, struct gs_runs_check *check);
int gs_runs_verify(const struct gs_runs *runs);

typedef void (*gs_run_fn)(unsigned long base, unsigned int npages, void *arg);

/**
 * struct gs_fit - how free runs are kept, and which of them a request gets.
 * @name: for fit=.
 * @index: where the runs are found, if they have descriptors (pageindex.h); or NULL.
 * @cuts_inside: @cut takes pages out of the middle of runs if it has a descriptor.
 * @init: make what it needs; may be NULL, as @exit, @reserve, @own and @has.
 * @exit: free that, and the descriptors of runs that are left.
 * @reserve: have the tables for pages that are to be inserted. No lock held, and it
 *           sleeps as its gfp says. 0 or -ENOMEM.
 * @own: pages were drawn; before they are inserted.
 * @insert: make a span a free run: it has base, npages, node, zone and needzero, and
 *          nobody knows it. The descriptor is the fit's. Returns the pages of the
 *          run that it became, or part of; 0 where the fit does not know.
 * @take: take pages out of the free runs: sets base, npages, node, zone and needzero
 *        of a span. @spare: a descriptor more if @align is above 1; NULL when used.
 *        A descriptor that is no longer needed comes back in it. False for none.
 * @cut: take at most @npages, in whole units, which are to be given back: *@base and
 *       their number. From the highest free run, but for gs_fit_filler. 0 if there
 *       were none at the top; then it has lowered @highest. The descriptors as in
 *       @take; none is needed if a unit is one page.
 * @has: is the page a free one? For reports, without the lock. Not needed where a run
 *       has a descriptor, which gs_arena_is_free_run() finds.
 * @walk: @max runs from a place on. Returns whether there may be more.
 * @verify_some: check a few runs, from the place that @check has.
 *
 * All but @init, @exit, @reserve and @has under the lock.
 */
struct gs_fit {
	const char *name;
	const struct gs_run_index *index;
	bool cuts_inside;
	int (*init)(struct gs_runs *runs);
	void (*exit)(struct gs_runs *runs);
	int (*reserve)(struct gs_runs *runs, unsigned long base, size_t bytes,
		       gfp_t gfp);
	void (*own)(struct gs_runs *runs, unsigned long base, unsigned int npages);
	unsigned int (*insert)(struct gs_runs *runs, struct mspan *s);
	bool (*take)(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		     unsigned int align, struct mspan **spare);
	unsigned int (*cut)(struct gs_runs *runs, unsigned long npages,
			    unsigned long *base, struct mspan **spare);
	bool (*has)(const struct gs_runs *runs, const void *p);
	bool (*walk)(const struct gs_runs *runs, struct gs_runs_pos *pos,
		     unsigned int max, gs_run_fn fn, void *arg);
	int (*verify_some)(const struct gs_runs *runs, struct gs_runs_check *check);
};

extern const struct gs_fit gs_fit_best;
extern const struct gs_fit gs_fit_segregated;
extern const struct gs_fit gs_fit_first;
extern const struct gs_fit gs_fit_next;
extern const struct gs_fit gs_fit_bitmap;
extern const struct gs_fit gs_fit_filler;

/* All of them. */
#define GS_NR_FITS	6
extern const struct gs_fit *const gs_fits[GS_NR_FITS];
const struct gs_fit *gs_fit_chosen(void);

static inline int gs_runs_reserve(struct gs_runs *runs, const void *block,
				  size_t bytes, gfp_t gfp)
{
	return runs->fit->reserve ?
	       runs->fit->reserve(runs, (unsigned long)block, bytes, gfp) : 0;
}

/* Make a span of pages that were just drawn a free run; see struct gs_fit. */
static inline unsigned int gs_runs_insert_drawn(struct gs_runs *runs, struct mspan *s)
{
	if (runs->fit->own)
		runs->fit->own(runs, s->base, s->npages);
	return runs->fit->insert(runs, s);
}

static inline unsigned int gs_runs_insert(struct gs_runs *runs, struct mspan *s)
{
	return runs->fit->insert(runs, s);
}

/*
 * Are both in one GS_RUN_WINDOW? The direct map begins at a multiple of it, and
 * blocks are aligned to their size there, so no block is in two windows.
 */
static inline bool gs_runs_same_window(unsigned long a, unsigned long b)
{
	return !(((a - PAGE_OFFSET) ^ (b - PAGE_OFFSET)) & ~(GS_RUN_WINDOW - 1));
}

#endif /* GS_BACK_PAGERUNS_H */
