/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGEBITS_H
#define GS_BACK_PAGEBITS_H

#include <linux/spinlock.h>

#include "back/pagewindow.h"
#include "base/fixalloc.h"

/* Windows of a group, and those of them with one number more. */
#define GS_GROUP_WINDOWS	256U
#define GS_GROUP_PAGES		(GS_WINDOW_PAGES * GS_GROUP_WINDOWS)
#define GS_ROW_WINDOWS		16U

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
