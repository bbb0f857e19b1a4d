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
 * struct mheap - the page heap.
 * @lock: protects all below, the radix entries and the span states in it.
 * @runs: free runs, by node.
 * @drawn: pages ever drawn from the kernel.
 * @released: pages ever given back; I4: @drawn - @released == @in_spans +
 *            pages in @runs.
 * @in_spans: pages of spans, those that CPUs have parked included.
 * @peak_spans: the most that @in_spans was since gs_mheap_take_peak().
 * @nr_spans: spans, large ones and parked ones included.
 * @nr_large: large spans ever given out.
 * @nr_alloc: spans ever given out.
 * @nr_free: spans ever taken back.
 * @nr_short: spans shorter than asked for.
 * @orders: blocks drawn, by order.
 * @nr_lock: times that an allocation or a free took @lock.
 */
struct mheap {
	spinlock_t lock;
	struct gs_runs *runs;
	unsigned long drawn;
	unsigned long released;
	unsigned long in_spans;
	unsigned long peak_spans;
	unsigned long nr_spans;
	unsigned long nr_large;
	unsigned long nr_alloc;
	unsigned long nr_free;
	unsigned long nr_short;
	unsigned long orders[GS_ARENA_SHIFT - PAGE_SHIFT + 1];
	unsigned long nr_lock;
} ____cacheline_aligned_in_smp;

extern struct mheap gs_mheap;

#define gs_mheap_lock(flags)						\
do {									\
	gs_lock(&gs_mheap.lock, *(flags));				\
	gs_mheap.nr_lock++;						\
} while (0)

/**
 * struct gs_span_req - a span wanted.
 * @npages: pages wanted.
 * @most_pages: a span of up to so many will do if the CPU has it parked; 0 for
 *              @npages.
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
void gs_mheap_count_span(const struct gs_span_req *req, unsigned int npages);
void gs_mheap_publish(struct mspan *s, enum gs_span_state state);
unsigned long gs_mheap_free_pages(void);
unsigned long gs_mheap_take_peak(void);
void gs_mheap_publish_idle(void);
unsigned long gs_mheap_reclaimed(void);
unsigned long gs_mheap_release_node(int of, unsigned long npages, bool try);
bool gs_mheap_refill_reserve(void);
int gs_mheap_verify(void);

/* The same for all nodes. */
static inline unsigned long gs_mheap_release(unsigned long npages, bool try)
{
	return gs_mheap_release_node(NUMA_NO_NODE, npages, try);
}

#endif /* GS_BACK_MHEAP_H */
