/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGEINDEX_H
#define GS_BACK_PAGEINDEX_H

#include "back/pageruns.h"

/**
 * struct gs_run_index - where the free runs of a node are found.
 * @add: a run comes in.
 * @del: a run goes; it is as it was when it came.
 * @find: the run that a request gets, and *@base, where in it the pages start; or
 *        NULL. Looks at a bounded number of runs.
 * @after: the first run behind a place, or NULL.
 * @next: the run behind another one, or NULL.
 * @is_right: is a run where it belongs? @prev: the run before it; NULL if that is not
 *            known.
 *
 * All under the lock.
 */
struct gs_run_index {
	void (*add)(struct gs_runs *runs, struct mspan *run);
	void (*del)(struct gs_runs *runs, struct mspan *run);
	struct mspan *(*find)(struct gs_runs *runs, unsigned int npages,
			      unsigned int align, unsigned long *base);
	struct mspan *(*after)(const struct gs_runs *runs,
			       const struct gs_runs_pos *pos);
	struct mspan *(*next)(const struct gs_runs *runs, const struct mspan *run);
	bool (*is_right)(const struct gs_runs *runs, const struct mspan *run,
			 const struct mspan *prev);
};

/* The calls of a struct gs_fit whose runs are in an index. */
#define GS_INDEX_CALLS							\
	.insert = gs_index_insert, .take = gs_index_take,		\
	.cut = gs_index_cut, .walk = gs_index_walk,			\
	.verify_some = gs_index_verify_some

#define gs_run_of(node)	rb_entry(node, struct mspan, rb)

unsigned int gs_index_insert(struct gs_runs *runs, struct mspan *s);
struct mspan *gs_index_carve(struct gs_runs *runs, struct mspan *run,
			     unsigned long base, unsigned int npages,
			     struct mspan *spare);
bool gs_index_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		   unsigned int align, struct mspan **spare);
unsigned int gs_index_cut(struct gs_runs *runs, unsigned long npages,
			  unsigned long *base, struct mspan **spare);
bool gs_index_walk(const struct gs_runs *runs, struct gs_runs_pos *pos,
		   unsigned int max, gs_run_fn fn, void *arg);
int gs_index_verify_some(const struct gs_runs *runs, struct gs_runs_check *check);
void gs_index_exit(struct gs_runs *runs);

/* The runs of a tree by length and address; see pagetree.c. */
void gs_tree_add(struct gs_runs *runs, struct mspan *run);
void gs_tree_del(struct gs_runs *runs, struct mspan *run);
struct mspan *gs_tree_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base);
struct mspan *gs_tree_after(const struct gs_runs *runs,
			    const struct gs_runs_pos *pos);
struct mspan *gs_tree_next(const struct gs_runs *runs, const struct mspan *run);
bool gs_tree_is_right(const struct gs_runs *runs, const struct mspan *run,
		      const struct mspan *prev);

/* Where in @run an aligned stretch of @npages starts, or 0. */
static inline unsigned long gs_run_stretch(const struct mspan *run,
					   unsigned int npages, unsigned int align)
{
	unsigned long base = ALIGN(run->base, align * GS_PAGE_SIZE);

	return base + npages * GS_PAGE_SIZE <= gs_span_end(run) ? base : 0;
}

#endif /* GS_BACK_PAGEINDEX_H */
