// SPDX-License-Identifier: GPL-2.0
/*
 * pages: look at the pages of an arena one by one, under the lock of their node.
 *
 * The arena may go, or come back, meanwhile: its table is looked up anew for each hold of
 * the lock. While that is held, it cannot get or lose a page of the node, and a table that
 * goes is not given back, for no grace period ends.
 *
 * Nearly every arena has the pages of one node, but nothing guarantees it. A span
 * tells its node to anybody, for descriptors are never anything else. Under the lock
 * of that node, what the page maps to is either a span or run of the node, which
 * stays as it is; or one of another node, whose lock is taken instead; or a
 * descriptor that does not cover the page, left of an earlier span.
 *
 * Lock:       that of one node at a time; order as in mheap.c.
 * Context:    any but NMI.
 * Tests:      kunit/mheap_kunit.c
 */
#include "back/arena.h"
#include "back/mheap.h"

/* The node of the span or run that the page at @p, which maps to @s, belongs to, else @node. */
static int node_at(const struct mspan *s, const void *p, int node)
{
	return gs_span_covers(s, p) ? READ_ONCE(s->node) : node;
}

/**
 * gs_mheap_each_page() - look at pages of an arena.
 * @base: its address.
 * @first: page to begin with.
 * @end: page to end before.
 * @fn: called for each page with what it maps to, which may not cover it. If it does,
 *      and did before the lock was taken, the lock of its node is held. Returns false
 *      to stop.
 * @arg: for @fn.
 */
void gs_mheap_each_page(unsigned long base, unsigned int first, unsigned int end,
			gs_page_fn fn, void *arg)
{
	unsigned int page = first;
	int node = 0;

	while (page < end) {
		void *p = (void *)(base + page * GS_PAGE_SIZE);
		struct mspan *const *e;
		unsigned long flags;
		struct mheap *h;
		bool more;

		rcu_read_lock();
		node = node_at(gs_arena_look(p), p, node);
		rcu_read_unlock();
		h = &gs_mheaps[node];
		gs_lock(&h->lock, flags);
		e = gs_arena_entries(p);
		/* One that changed in between is looked at as it is: no page twice. */
		do {
			more = fn(READ_ONCE(*e++), p, arg);
			page++;
			p += GS_PAGE_SIZE;
		} while (more && page < end &&
			 node_at(READ_ONCE(*e), p, node) == node);
		gs_unlock(&h->lock, flags);
		if (!more)
			return;
	}
}
