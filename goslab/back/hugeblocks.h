/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_HUGEBLOCKS_H
#define GS_BACK_HUGEBLOCKS_H

#include <linux/bitmap.h>
#include <linux/rbtree.h>

#include "back/pageruns.h"
#include "base/fixalloc.h"

/* An aligned block of the size that the direct map has huge pages of. */
#define GS_HUGE_SHIFT		21
#define GS_HUGE_SIZE		(1UL << GS_HUGE_SHIFT)
#define GS_HUGE_PAGES		(1U << (GS_HUGE_SHIFT - GS_PAGE_SHIFT))

/**
 * enum gs_huge_kind - what a block with free pages is good for.
 * @GS_HUGE_FULL: at least half of it is live: filled first.
 * @GS_HUGE_SPARSE: less is live; it may become free.
 * @GS_HUGE_IDLE: nothing of it is live, and not all of it is ours.
 * @GS_HUGE_WHOLE: all of it is ours and free.
 * @GS_NR_HUGE_KINDS: how many kinds there are.
 */
enum gs_huge_kind {
	GS_HUGE_FULL,
	GS_HUGE_SPARSE,
	GS_HUGE_IDLE,
	GS_HUGE_WHOLE,
	GS_NR_HUGE_KINDS,
};

/**
 * struct gs_huge - the pages of one block.
 * @rb: in the tree of its kind, while it has a free page.
 * @base: its address.
 * @taken: by page: live, or not ours.
 * @live: pages in spans, quick ones included.
 * @longest: free pages in a row.
 * @most: the largest @longest in the subtree.
 * @kind: enum gs_huge_kind.
 */
struct gs_huge {
	struct rb_node rb;
	unsigned long base;
	DECLARE_BITMAP(taken, GS_HUGE_PAGES);
	u16 live;
	u16 longest;
	u16 most;
	u8 kind;
};

/* Blocks of a window, and windows of a group. */
#define GS_WINDOW_HUGES		(GS_RUN_WINDOW >> GS_HUGE_SHIFT)
#define GS_HUGE_WINDOWS		256U

struct gs_huge_window {
	struct gs_huge of[GS_WINDOW_HUGES];
};

/**
 * struct gs_huge_group - 16 GiB of windows.
 * @window: NULL where none was made.
 */
struct gs_huge_group {
	struct gs_huge_window *window[GS_HUGE_WINDOWS];
};

/**
 * struct gs_huge_blocks - all blocks of a node.
 * @groups: where groups come from.
 * @windows: where windows come from.
 * @tree: blocks with a free page, by kind and address.
 * @nr_groups: of the direct map.
 * @end: no group from here on ever had a free page.
 * @group: NULL where none was made.
 */
struct gs_huge_blocks {
	struct fixalloc groups;
	struct fixalloc windows;
	struct rb_root tree[GS_NR_HUGE_KINDS];
	unsigned int nr_groups;
	unsigned int end;
	struct gs_huge_group *group[];
};

struct gs_huge_blocks *gs_huge_init(int node);
void gs_huge_exit(struct gs_huge_blocks *blocks);
int gs_huge_reserve(struct gs_huge_blocks *blocks, unsigned long base, size_t bytes,
		    gfp_t gfp);
void gs_huge_count(struct gs_huge_blocks *blocks, unsigned long base,
		   unsigned int npages, bool free, int live);
unsigned long gs_huge_find(struct gs_huge_blocks *blocks, unsigned int npages,
			   unsigned int align);
struct gs_huge *gs_huge_highest(const struct gs_huge_blocks *blocks,
				enum gs_huge_kind kind);
struct gs_huge *gs_huge_at(const struct gs_huge_blocks *blocks, unsigned long addr);
bool gs_huge_is_free(const struct gs_huge_blocks *blocks, unsigned long addr);
bool gs_huge_verify_window(const struct gs_huge_blocks *blocks, unsigned long *window,
			   unsigned long *nr_free, bool *done);

#endif /* GS_BACK_HUGEBLOCKS_H */
