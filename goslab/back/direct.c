// SPDX-License-Identifier: GPL-2.0
/*
 * direct: spans whose pages come from the kernel for them alone, and go back.
 *
 * Pages in free runs belong to everybody, so no memory cgroup can pay for them.
 * The spans of a cache that is charged are drawn with __GFP_ACCOUNT instead,
 * one block each, and are never a free run: the task that made the cache grow
 * pays for the whole span until it goes.
 *
 * Pages of the kernel's emergency reserve go the same way. They are for the task
 * that was allowed to draw them, so that it can free memory, and must not become
 * everyone's: such a span has one object and no slot (gs_class_new_span()), so
 * that nobody else gets the object, and its free gives the pages back.
 *
 * Flow:       class -> [direct] -> arena, sys
 * Lock:       mheap lock of the node for the counts and the radix entries; not
 *             held while pages are drawn or given back.
 * Context:    gs_mheap_alloc_direct() as its gfp says; the other any but NMI.
 * Invariants: I3, I4 of mheap.c; a direct span is a whole block.
 * Tests:      kunit/lifetime_kunit.c
 */
#include <linux/mm.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"

/*
 * Make a span of all of a block that is no free run: count it, map its pages. The
 * arena tables are there.
 */
void gs_mheap_map_direct(struct mspan *s, void *block, unsigned int order,
			 const struct gs_span_req *req, enum gs_direct direct)
{
	unsigned long flags;
	struct mheap *h;

	s->base = (unsigned long)block;
	s->npages = PAGE_SIZE << order >> GS_PAGE_SHIFT;
	s->node = page_to_nid(virt_to_page(block));
	s->zone = page_zonenum(virt_to_page(block));
	s->needzero = !want_init_on_alloc(0);
	s->direct = direct;
	h = &gs_mheaps[s->node];
	gs_mheap_lock(h, &flags);
	h->n.drawn += s->npages;
	h->n.orders[order]++;
	gs_mheap_count_span(h, req, s->npages);
	gs_arena_set(s->base, s->npages, s);
	gs_unlock(&h->lock, flags);
}

/**
 * gs_mheap_alloc_direct() - a span that is charged to the caller's cgroup.
 * @req: what is wanted. The span is as long as the smallest block with
 *       req->npages pages; req->cap allows for that. Its start is aligned to
 *       its length, so req->align holds if it is no more than that.
 *
 * Context: as req->gfp says; no lock held, mcache not entered.
 * Return: as gs_mheap_alloc().
 */
struct mspan *gs_mheap_alloc_direct(const struct gs_span_req *req)
{
	unsigned int order = get_order(req->npages * GS_PAGE_SIZE);
	struct mspan *s = gs_span_alloc(req->cap, req->tiny, req->gfp);
	size_t bytes = PAGE_SIZE << order;
	void *block;

	if (!s)
		return NULL;
	block = gs_sys_draw_charged(req->node, req->gfp, order);
	if (!block)
		goto no_block;
	if (!gs_arena_covers(block, bytes) ||
	    gs_arena_reserve(block, bytes, req->gfp))
		goto no_arena;
	gs_mheap_map_direct(s, block, order, req, gs_sys_is_reserve(block) ?
			    GS_DIRECT_RESERVE : GS_DIRECT_CHARGED);
	return s;

no_arena:
	gs_sys_give(block, bytes);
no_block:
	gs_span_free(s);
	return NULL;
}

/* The other half of gs_mheap_free(): the pages go straight back. */
void gs_mheap_free_direct(struct mspan *s)
{
	void *block = (void *)s->base;
	struct mheap *h = &gs_mheaps[s->node];
	size_t bytes = gs_span_size(s);
	unsigned long flags;

	gs_mheap_lock(h, &flags);
	h->n.in_spans -= s->npages;
	h->n.nr_spans--;
	h->n.nr_free++;
	h->n.released += s->npages;
	gs_arena_set(s->base, s->npages, NULL);
	gs_unlock(&h->lock, flags);
	s->direct = GS_DIRECT_NO;
	gs_span_free(s);
	gs_arena_unreserve(block, bytes);
	gs_sys_give(block, bytes);
}
