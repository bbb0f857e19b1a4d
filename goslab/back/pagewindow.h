/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGEWINDOW_H
#define GS_BACK_PAGEWINDOW_H

#include <linux/bitmap.h>

#include "back/pageruns.h"

#define GS_CHUNK_PAGES		512U
#define GS_WINDOW_PAGES		(GS_RUN_WINDOW >> GS_PAGE_SHIFT)
#define GS_WINDOW_CHUNKS	(GS_WINDOW_PAGES / GS_CHUNK_PAGES)

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

/* Steps of a search, of some ten instructions each, after which it is content with less. */
#define GS_WINDOW_STEPS		512

/**
 * struct gs_page_search - pages that are wanted.
 * @npages: in a row.
 * @align: in pages, a power of two.
 * @need: pages in a row that are looked into: @npages at first, and after
 *        GS_WINDOW_STEPS so many that they have place wherever they start.
 * @steps: chunks, and aligned places in them, that were looked at.
 */
struct gs_page_search {
	unsigned int npages;
	unsigned int align;
	unsigned int need;
	unsigned int steps;
};

unsigned int gs_window_longest_free(const unsigned long *taken, unsigned int words);
void gs_window_clear(void *table);
unsigned int gs_window_max(const struct gs_window *win);
unsigned int gs_window_renew(struct gs_window *win, unsigned int first, unsigned int end);
long gs_window_runs_more(const struct gs_window *win, unsigned int first,
			 unsigned int end);
int gs_window_fit(const struct gs_window *win, unsigned long base,
		  struct gs_page_search *want);
int gs_window_highest_unit(const struct gs_window *win, unsigned int chunk);
unsigned int gs_window_run_end(const struct gs_window *win, unsigned int page);
int gs_window_verify_chunk(const struct gs_window *win, unsigned long base,
			   unsigned int chunk, struct gs_runs_check *check);

#endif /* GS_BACK_PAGEWINDOW_H */
