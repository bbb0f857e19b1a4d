/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGERUNS_H
#define GS_BACK_PAGERUNS_H

#include <linux/rbtree.h>

#include "back/mspan.h"

/**
 * struct gs_runs - the free runs of one node.
 * @tree: by (npages, base).
 * @nr_pages: their pages.
 * @nr_runs: how many.
 * @published: kernel pages that the kernel was told of (gs_mheap_publish_idle()).
 */
struct gs_runs {
	struct rb_root tree;
	unsigned long nr_pages;
	unsigned long nr_runs;
	long published;
};

void gs_runs_insert(struct gs_runs *runs, struct mspan *s);
struct mspan *gs_runs_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base);
struct mspan *gs_runs_carve(struct gs_runs *runs, struct mspan *run,
			    unsigned long base, unsigned int npages,
			    struct mspan *spare);
int gs_runs_verify(const struct gs_runs *runs);

#endif /* GS_BACK_PAGERUNS_H */
