// SPDX-License-Identifier: GPL-2.0
/*
 * release: give free pages back to the kernel, and tell it what lies free.
 *
 * Flow:       scavenger, shrinker, goslab_shrink() -> [release] -> pageruns, sys
 * Lock:       mheap lock, once per piece; dropped before pages are given back.
 * Context:    any but NMI; gs_mheap_publish_idle() task.
 * Invariants: those of mheap.c.
 * Tests:      kunit/mheap_kunit.c
 */
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"

/*
 * Cut up to @npages off the end of a run, in whole units. Return: pages cut,
 * starting at *@base; under the lock.
 */
static unsigned int cut_end(struct mspan *run, unsigned long npages,
			    unsigned long *base, struct mspan **spare)
{
	unsigned long end = run->base + gs_span_size(run);
	unsigned long from = run->base;

	if (npages < run->npages)
		from = end - npages * GS_PAGE_SIZE;
	from = ALIGN(from, GS_UNIT_SIZE);
	end = ALIGN_DOWN(end, GS_UNIT_SIZE);
	if (from >= end)
		return 0;
	*base = from;
	npages = (end - from) >> GS_PAGE_SHIFT;
	*spare = gs_runs_carve(&gs_mheap.runs[run->node], run, from, npages,
			       *spare);
	gs_mheap.released += npages;
	return npages;
}

/* One piece of at most @npages off the highest run of arena @i. */
static unsigned int release_from(unsigned long i, unsigned long npages, bool try,
				 unsigned long *base)
{
	struct heap_arena *arena;
	struct mspan *spare = NULL;
	unsigned long start, flags;
	unsigned int got = 0;
	int page;

	arena = gs_arena_get(i, &start);
	if (IS_ERR_OR_NULL(arena))
		return 0;
	if (GS_UNIT_PAGES > 1) {
		spare = gs_span_alloc(1, false, GFP_NOWAIT | __GFP_NOWARN);
		if (!spare)
			return 0;
	}
	if (!try)
		gs_mheap_lock(&flags);
	else if (!spin_trylock_irqsave(&gs_mheap.lock, flags))
		goto out;
	for (page = GS_ARENA_PAGES - 1; page >= 0 && !got; page--) {
		struct mspan *s = arena->spans[page];

		if (s && s->state == GS_SPAN_RUN &&
		    gs_span_covers(s, (void *)(start + page * GS_PAGE_SIZE)))
			got = cut_end(s, npages, base, &spare);
	}
	gs_unlock(&gs_mheap.lock, flags);
out:
	if (spare)
		gs_span_free(spare);
	return got;
}

/* Merge what was freed lately. Return: false if the lock was not to be had. */
static bool merge_all(bool try)
{
	unsigned long flags;
	int node;

	if (!try)
		gs_mheap_lock(&flags);
	else if (!spin_trylock_irqsave(&gs_mheap.lock, flags))
		return false;
	for (node = 0; node < nr_node_ids; node++)
		gs_runs_merge_quick(&gs_mheap.runs[node]);
	gs_unlock(&gs_mheap.lock, flags);
	return true;
}

/**
 * gs_mheap_release() - give free runs back to the kernel, highest first.
 * @npages: at most.
 * @try: do not wait for the lock (reclaim).
 *
 * Context: any but NMI; no lock held. Takes the lock once per piece.
 * Return: pages given back.
 */
unsigned long gs_mheap_release(unsigned long npages, bool try)
{
	unsigned long i = READ_ONCE(gs_radix)->nr, base, done = 0;

	if (!merge_all(try))
		return 0;
	while (i-- > 0 && done < npages) {
		unsigned int got;

		while (done < npages &&
		       (got = release_from(i, npages - done, try, &base))) {
			gs_sys_give((void *)base, got * GS_PAGE_SIZE);
			done += got;
		}
	}
	return done;
}
GS_EXPORT_KUNIT(gs_mheap_release);

/**
 * gs_mheap_publish_idle() - tell the kernel how much lies free here.
 *
 * Our pages are in no counter of the kernel's; what is free counts as
 * reclaimable (KReclaimable, MemAvailable), for the shrinker gives it back.
 *
 * Context: task; one caller at a time: the worker, or exit.
 */
void gs_mheap_publish_idle(void)
{
	int node;

	for_each_node_state(node, N_MEMORY) {
		struct gs_runs *runs = &gs_mheap.runs[node];
		long now = READ_ONCE(runs->nr_pages) * GS_PAGE_SIZE >> PAGE_SHIFT;

		mod_node_page_state(NODE_DATA(node),
				    NR_KERNEL_MISC_RECLAIMABLE,
				    now - runs->published);
		runs->published = now;
	}
}
