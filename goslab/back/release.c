// SPDX-License-Identifier: GPL-2.0
/*
 * release: give free pages back to the kernel, and tell it what lies free.
 *
 * Flow:       scavenger, shrinker, goslab_shrink() -> [release] -> pageruns, sys
 * Lock:       mheap lock of a node, once per piece; dropped before pages are given
 *             back.
 * Context:    any but NMI; gs_mheap_publish_idle() task.
 * Invariants: those of mheap.c.
 * Tests:      kunit/mheap_kunit.c
 */
#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/vmstat.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"

static atomic_long_t reclaimed = ATOMIC_LONG_INIT(0);

/* The node with the highest free run, NUMA_NO_NODE if none has one; a look. */
static int highest_node(void)
{
	unsigned long most = 0;
	int node, found = NUMA_NO_NODE;

	for (node = 0; node < nr_node_ids; node++) {
		unsigned long end = READ_ONCE(gs_mheaps[node].runs.highest);

		if (end > most) {
			most = end;
			found = node;
		}
	}
	return found;
}

/*
 * One piece of at most @npages of @node. *@stop: set without a descriptor. Return:
 * pages; 0 for none in the arena that was the highest.
 */
static unsigned int release_piece(int node, unsigned long npages,
				  unsigned long *base, bool *stop)
{
	struct mheap *h = &gs_mheaps[node];
	struct mspan *spare = NULL;
	unsigned long flags;
	unsigned int got = 0;

	if (GS_UNIT_PAGES > 1 || h->runs.fit->cuts_inside)
		spare = gs_span_alloc(1, false, GFP_NOWAIT | __GFP_NOWARN);
	*stop = GS_UNIT_PAGES > 1 && !spare;
	if (*stop)
		return 0;
	gs_mheap_lock(h, &flags);
	if (h->runs.highest) {
		got = h->runs.fit->cut(&h->runs, npages, base, &spare);
		h->n.released += got;
	}
	gs_unlock(&h->lock, flags);
	if (spare)
		gs_span_free(spare);
	return got;
}

/* Merge what was freed lately. */
static void merge_all(int node)
{
	struct mheap *h = &gs_mheaps[node];
	unsigned long flags;
	bool more;

	do {
		gs_mheap_lock(h, &flags);
		more = gs_runs_merge_quick(&h->runs, UINT_MAX);
		gs_unlock(&h->lock, flags);
	} while (more);
}

/* merge_all() of one node, or of all. */
static void merge_nodes(int of)
{
	int node;

	if (of != NUMA_NO_NODE)
		return merge_all(of);
	for (node = 0; node < nr_node_ids; node++)
		merge_all(node);
}

/**
 * gs_mheap_release_node() - give free runs back to the kernel, highest first, or what
 *                           else the fit would rather be rid of.
 * @of: of which node, or NUMA_NO_NODE for all.
 * @npages: at most, rounded up to whole pages of the kernel.
 *
 * Takes the lock once per piece, and looks at one arena then. Arenas without a
 * free run are looked at once, until a run is put into a higher one again: the
 * time goes by what is given back, not by what is held.
 *
 * Context: any but NMI; no lock held.
 * Return: pages given back.
 */
unsigned long gs_mheap_release_node(int of, unsigned long npages)
{
	unsigned long base, given = 0;
	bool stop = false;

	/* A piece shorter than a unit would be found nowhere. */
	npages = round_up(min(npages, ULONG_MAX - GS_UNIT_PAGES), GS_UNIT_PAGES);
	merge_nodes(of);
	while (given < npages && !stop) {
		int node = of == NUMA_NO_NODE ? highest_node() : of;
		unsigned int got;

		/* Others may have given back what was there a moment ago. */
		if (node == NUMA_NO_NODE || !READ_ONCE(gs_mheaps[node].runs.highest))
			break;
		got = release_piece(node, npages - given, &base, &stop);
		if (!got)
			continue;
		gs_arena_unreserve((void *)base, got * GS_PAGE_SIZE);
		gs_sys_give((void *)base, got * GS_PAGE_SIZE);
		given += got;
	}
	return given;
}
GS_EXPORT_KUNIT(gs_mheap_release_node);

/**
 * gs_mheap_reclaim() - the same for the kernel's reclaim.
 * @node: of which node.
 * @npages: at most.
 *
 * Waits for the lock, as it is held for some microseconds. The kernel kills a program
 * after a single round of reclaim that got nothing, if it has little on its own lists:
 * it must not be told that there is nothing because another CPU is at it.
 *
 * Context: reclaim; no lock held.
 * Return: pages given back.
 */
unsigned long gs_mheap_reclaim(int node, unsigned long npages)
{
	unsigned long given = gs_mheap_release_node(node, npages);

	atomic_long_add(given, &reclaimed);
	return given;
}
GS_EXPORT_KUNIT(gs_mheap_reclaim);

/* Pages that the kernel's reclaim was ever given. */
unsigned long gs_mheap_reclaimed(void)
{
	return atomic_long_read(&reclaimed);
}

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
		struct gs_runs *runs = &gs_mheaps[node].runs;
		long now = READ_ONCE(runs->nr_pages) * GS_PAGE_SIZE >> PAGE_SHIFT;

		mod_node_page_state(NODE_DATA(node),
				    NR_KERNEL_MISC_RECLAIMABLE,
				    now - runs->published);
		runs->published = now;
	}
}
