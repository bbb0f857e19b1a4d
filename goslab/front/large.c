// SPDX-License-Identifier: GPL-2.0
/*
 * large: objects above GS_MAX_SMALL, each a span of its own from mheap.
 *
 * Lock:       none here.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: a span in state GS_SPAN_LARGE has one object, its state an
 *             owner's number.
 * Tests:      kunit/large_kunit.c
 */
#include "front/large.h"

#include <linux/sched.h>
#include <linux/topology.h>

#include "back/mheap.h"
#include "base/worker.h"
#include "front/usage.h"

/**
 * gs_large_alloc() - a large object.
 * @size: bytes, GS_MAX_SMALL + 1 to GS_ARENA_SIZE.
 * @gfp: the caller's.
 * @node: node wanted, or NUMA_NO_NODE.
 * @owner: number of the caller's module.
 * @zeroed: set to true if it is known to be zero.
 *
 * Return: the object, aligned as kmalloc() promises, or NULL.
 */
void *gs_large_alloc(size_t size, gfp_t gfp, int node, u8 owner, bool *zeroed)
{
	unsigned int npages = gs_pages(size);
	struct gs_span_req req = {
		.npages = npages, .min_pages = npages,
		.align = max(1UL, (size & -size) >> GS_PAGE_SHIFT), .cap = 1,
		.large = true,
		.node = node == NUMA_NO_NODE ? numa_mem_id() : node,
		.gfp = gfp & ~__GFP_NOFAIL,
	};
	struct mspan *s;

	might_alloc(gfp);
	while (!(s = gs_mheap_alloc(&req))) {
		if (!(gfp & __GFP_NOFAIL))
			return NULL;
		schedule_timeout_uninterruptible(1);
	}
	gs_span_cut(s, NULL, gs_span_size(s), 1);
	s->slots = NULL;
	s->objects[0] = owner;
	*zeroed = !s->needzero;
	gs_mheap_publish(s, GS_SPAN_LARGE);
	gs_usage_note_peak();
	gs_worker_kick();
	return (void *)s->base;
}

/* Free the object of a large span. Return: false if it was free before. */
bool gs_large_free(struct mspan *s)
{
	/* Two frees at once must not give the pages back twice. */
	if (xchg(&s->objects[0], GS_FREE) < GS_OWNER_MIN)
		return false;
	gs_mheap_free(s);
	gs_worker_kick();
	return true;
}
