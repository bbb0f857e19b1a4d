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

/**
 * struct gs_runs - the free runs of one node.
 * @tree: by (npages, base).
 * @quick: spans that were freed and not merged yet, by npages, last in first.
 * @nr_pages: pages of both.
 * @nr_runs: runs in @tree.
 * @nr_quick: spans on @quick.
 * @quick_pages: their pages.
 * @highest: no run in @tree reaches beyond this address; see release.c.
 * @full_at: jiffies when the kernel last had no page of the node for a caller that
 *           could look elsewhere.
 * @published: kernel pages that the kernel was told of (gs_mheap_publish_idle()).
 */
struct gs_runs {
	struct rb_root tree;
	struct mspan *quick[GS_QUICK_PAGES + 1];
	unsigned long nr_pages;
	unsigned long nr_runs;
	unsigned long nr_quick;
	unsigned long quick_pages;
	unsigned long highest;
	unsigned long full_at;
	long published;
};

void gs_runs_insert(struct gs_runs *runs, struct mspan *s);
struct mspan *gs_runs_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base);
struct mspan *gs_runs_carve(struct gs_runs *runs, struct mspan *run,
			    unsigned long base, unsigned int npages,
			    struct mspan *spare);
struct mspan *gs_quick_take(struct mspan **list, unsigned int align,
			   unsigned int cap, bool tiny);
bool gs_runs_put_quick(struct gs_runs *runs, struct mspan *s);
struct mspan *gs_runs_get_quick(struct gs_runs *runs, unsigned int npages,
				unsigned int align, unsigned int cap, bool tiny);
bool gs_runs_merge_quick(struct gs_runs *runs);

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
 * struct gs_runs_pos - a place in the order of runs; it stays one while runs
 *                      come and go.
 * @npages: of the last run that was looked at, 0 at the start.
 * @base: of that run.
 */
struct gs_runs_pos {
	unsigned int npages;
	unsigned long base;
};

struct mspan *gs_runs_after(const struct gs_runs *runs,
			    const struct gs_runs_pos *pos);
struct mspan *gs_runs_next(struct mspan *run, struct gs_runs_pos *pos);

/**
 * struct gs_runs_check - how far a check of all free runs is.
 * @pos: behind the last run that was looked at.
 * @nr_pages: pages seen.
 * @nr_runs: runs seen.
 * @done: set at the end.
 */
struct gs_runs_check {
	struct gs_runs_pos pos;
	unsigned long nr_pages;
	unsigned long nr_runs;
	bool done;
};

int gs_runs_verify_some(const struct gs_runs *runs, struct gs_runs_check *check);
int gs_runs_verify(const struct gs_runs *runs);

#endif /* GS_BACK_PAGERUNS_H */
