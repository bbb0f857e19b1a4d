/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_MHEAP_H
#define GS_BACK_MHEAP_H

#include <linux/cache.h>
#include <linux/gfp.h>
#include <linux/numa.h>
#include <linux/spinlock.h>

#include "back/mspan.h"
#include "back/pageruns.h"

/**
 * struct mheap_counts - what the page heap of a node has, or of all nodes.
 * @drawn: pages ever drawn from the kernel.
 * @released: pages ever given back; I4: @drawn - @released == @in_spans + pages in
 *            free runs.
 * @in_spans: pages of spans, those that CPUs have parked included.
 * @peak_spans: the most that @in_spans was since gs_mheap_take_peak().
 * @nr_spans: spans, large ones and parked ones included.
 * @nr_large: large spans ever given out.
 * @nr_alloc: spans ever given out.
 * @nr_free: spans ever taken back.
 * @nr_short: spans shorter than asked for.
 * @nr_lock: times that an allocation or a free took the lock.
 * @orders: blocks drawn, by order.
 */
struct mheap_counts {
	unsigned long drawn;
	unsigned long released;
	unsigned long in_spans;
	unsigned long peak_spans;
	unsigned long nr_spans;
	unsigned long nr_large;
	unsigned long nr_alloc;
	unsigned long nr_free;
	unsigned long nr_short;
	unsigned long nr_lock;
	unsigned long orders[GS_ARENA_SHIFT - PAGE_SHIFT + 1];
};

/**
 * struct mheap - the page heap of one node.
 * @lock: protects all below; of the node's pages the radix entries, and the place
 *        and state of the spans and runs in them.
 * @n: counts. A page never changes its node, so I4 holds for each node.
 * @runs: free runs.
 */
struct mheap {
	spinlock_t lock;
	struct mheap_counts n;
	struct gs_runs runs;
} ____cacheline_aligned_in_smp;

/* By node. */
extern struct mheap *gs_mheaps;

#define gs_mheap_lock(h, flags)						\
do {									\
	gs_lock(&(h)->lock, *(flags));					\
	(h)->n.nr_lock++;						\
} while (0)

/**
 * struct gs_span_req - a span wanted.
 * @npages: pages wanted.
 * @most_pages: a span of up to so many will do if it was freed lately; 0 for @npages.
 * @fair_pages: pages that will do when they lie free and @npages do not; 0 for
 *              @npages.
 * @min_pages: pages that will do when memory is fragmented.
 * @align: alignment in pages, a power of two.
 * @cap: objects that the descriptor must have room for.
 * @tiny: for tiny blocks.
 * @large: for a large object.
 * @atomic: the caller cannot sleep: it may use the pages that are kept for such
 *          callers, and draws no more than it asked for. Decided by the caller's
 *          gfp, which @gfp may be less than.
 * @drawless: from the free runs of @node or not at all.
 * @look: the caller has another way if @node has no pages. It is not made to
 *        wait, and a node that just had none is not asked again in this tick.
 * @node: preferred, or with __GFP_THISNODE the only one.
 * @gfp: for draws: the caller's, or less while there is another way.
 */
struct gs_span_req {
	unsigned int npages;
	unsigned int most_pages;
	unsigned int fair_pages;
	unsigned int min_pages;
	unsigned int align;
	unsigned int cap;
	bool tiny;
	bool large;
	bool atomic;
	bool drawless;
	bool look;
	int node;
	gfp_t gfp;
};

/* Free pages that only atomic callers may use; the worker refills them. */
#define GS_RESERVE_PAGES	8

int gs_mheap_init(void);
unsigned long gs_mheap_exit(void);
struct mspan *gs_mheap_alloc(const struct gs_span_req *req);
void gs_mheap_close(struct mspan *s);
void gs_mheap_free(struct mspan *s);
void gs_mheap_free_spans(struct mspan *const *s, unsigned int n);
struct mspan *gs_mheap_alloc_direct(const struct gs_span_req *req);
void gs_mheap_map_direct(struct mspan *s, void *block, unsigned int order,
			 const struct gs_span_req *req, enum gs_direct direct);
void gs_mheap_free_direct(struct mspan *s);
void gs_mheap_count_span(struct mheap *h, const struct gs_span_req *req,
			 unsigned int npages);
void gs_mheap_publish(struct mspan *s, enum gs_span_state state);
struct mheap_counts gs_mheap_counts(void);
unsigned long gs_mheap_in_spans(void);
unsigned long gs_mheap_free_pages(void);
bool gs_mheap_is_free(const void *p);
unsigned long gs_mheap_take_peak(void);
void gs_mheap_publish_idle(void);
unsigned long gs_mheap_reclaimed(void);
unsigned long gs_mheap_release_node(int of, unsigned long npages);
unsigned long gs_mheap_reclaim(int node, unsigned long npages);
bool gs_mheap_refill_reserve(void);
int gs_mheap_verify(void);

/* For each page, under the lock of its node; false to stop. See pages.c. */
typedef bool (*gs_page_fn)(struct mspan *s, void *p, void *arg);
void gs_mheap_each_page(unsigned long base, unsigned int first, unsigned int end,
			gs_page_fn fn, void *arg);

/* The same for all nodes. */
static inline unsigned long gs_mheap_release(unsigned long npages)
{
	return gs_mheap_release_node(NUMA_NO_NODE, npages);
}

#endif /* GS_BACK_MHEAP_H */
