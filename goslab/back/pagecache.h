/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_PAGECACHE_H
#define GS_BACK_PAGECACHE_H

#include <linux/minmax.h>
#include <linux/percpu.h>

#include "back/mheap.h"
#include "base/busy.h"

/* Spans up to this many pages are parked: 512 KiB. */
#define GS_PARK_PAGES	64

/**
 * struct gs_page_cache - spans that a CPU freed and keeps as they are.
 * @busy: entered, as a slot is (base/busy.h): an interrupt that finds it set
 *        goes to the page heap.
 * @hand: length whose list was given up last.
 * @nr_pages: pages parked, at most gs_park_limit and one span.
 * @nr_spans: spans parked.
 * @nr_hits: spans ever taken out for use.
 * @nr_large: of these, for large objects.
 * @nr_parks: spans ever put in.
 * @seen: low bits of @nr_hits + @nr_parks when the drain last looked.
 * @list: by length in pages, last in first.
 */
struct gs_page_cache {
	u8 busy;
	u8 hand;
	u32 nr_pages;
	u32 nr_spans;
	u32 seen;
	unsigned long nr_hits;
	unsigned long nr_large;
	unsigned long nr_parks;
	struct mspan *list[GS_PARK_PAGES + 1];
};

DECLARE_PER_CPU(struct gs_page_cache, gs_page_cache);
extern unsigned int gs_park_limit;	/* pages */

/**
 * struct gs_parked - what all CPUs have, and had.
 * @pages: pages parked now.
 * @spans: spans parked now.
 * @hits: spans ever taken out for use.
 * @large: of these, for large objects.
 * @parks: spans ever put in.
 */
struct gs_parked {
	unsigned long pages;
	unsigned long spans;
	unsigned long hits;
	unsigned long large;
	unsigned long parks;
};

void gs_pagecache_share(unsigned int cpus);
void gs_pagecache_exit(void);
struct mspan *gs_pagecache_alloc(struct gs_span_req *req);
void gs_pagecache_free(struct mspan *s);
bool gs_pagecache_drain(struct gs_walk walk, bool idle_only);
struct gs_parked gs_pagecache_read(void);
unsigned long gs_pagecache_pages_of(int node);
int gs_pagecache_verify(void);

/*
 * Spans that hold objects, and their pages: those of the page heap's count that are
 * not parked. Both are read without a lock, so a span on its way may be in one only.
 */
static inline unsigned long gs_spans_in_use(const struct gs_parked *parked)
{
	unsigned long all = gs_mheap_counts().nr_spans;

	return all - min(all, parked->spans);
}

static inline unsigned long gs_pages_in_use(const struct gs_parked *parked)
{
	unsigned long all = gs_mheap_in_spans();

	return all - min(all, parked->pages);
}

/* Does @cpu keep any span? A look from elsewhere. */
static inline bool gs_pagecache_has_something(int cpu)
{
	return READ_ONCE(per_cpu(gs_page_cache, cpu).nr_spans);
}

#endif /* GS_BACK_PAGECACHE_H */
