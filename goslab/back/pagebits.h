/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGEBITS_H
#define GS_BACK_PAGEBITS_H

#include <linux/bitmap.h>
#include <linux/spinlock.h>

#include "back/pageruns.h"
#include "base/fixalloc.h"

/* A chunk has a summary, a window is GS_RUN_WINDOW, a group has a table of windows. */
#define GS_CHUNK_PAGES		512U
#define GS_WINDOW_PAGES		(GS_RUN_WINDOW >> GS_PAGE_SHIFT)
#define GS_WINDOW_CHUNKS	(GS_WINDOW_PAGES / GS_CHUNK_PAGES)
#define GS_GROUP_WINDOWS	256U
#define GS_GROUP_PAGES		(GS_WINDOW_PAGES * GS_GROUP_WINDOWS)
/* Windows of a group with one number more. */
#define GS_ROW_WINDOWS		16U

/**
 * struct gs_summary - free pages of a chunk.
 * @start: in a row from its first page on.
 * @max: in a row anywhere.
 * @end: in a row up to its last page.
 */
struct gs_summary {
	u16 start;
	u16 max;
	u16 end;
};

/**
 * struct gs_window - the pages of one aligned GS_RUN_WINDOW.
 * @taken: by page.
 * @stale: may the page hold old data? Of free ones only.
 * @sum: by chunk.
 * @zone: by chunk; a run does not leave its zone.
 */
struct gs_window {
	DECLARE_BITMAP(taken, GS_WINDOW_PAGES);
	DECLARE_BITMAP(stale, GS_WINDOW_PAGES);
	struct gs_summary sum[GS_WINDOW_CHUNKS];
	u8 zone[GS_WINDOW_CHUNKS];
};

/**
 * struct gs_window_group - 16 GiB of windows.
 * @window: NULL where none was made.
 * @max: the longest run of each window.
 * @row_max: the longest of GS_ROW_WINDOWS windows.
 */
struct gs_window_group {
	struct gs_window *window[GS_GROUP_WINDOWS];
	u16 max[GS_GROUP_WINDOWS];
	u16 row_max[GS_GROUP_WINDOWS / GS_ROW_WINDOWS];
};

/**
 * struct gs_page_bits - all pages of a node.
 * @tables_lock: for entries of @group and of groups.
 * @groups: where groups come from.
 * @windows: where windows come from.
 * @nr_groups: of the direct map.
 * @low: no group below has a free page (Go: searchAddr).
 * @end: no group from here on ever had one.
 * @max: the longest run of each group.
 * @group: NULL where none was made.
 */
struct gs_page_bits {
	spinlock_t tables_lock;
	struct fixalloc groups;
	struct fixalloc windows;
	unsigned int nr_groups;
	unsigned int low;
	unsigned int end;
	u16 *max;
	struct gs_window_group *group[];
};

#endif /* GS_BACK_PAGEBITS_H */
