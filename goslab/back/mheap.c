// SPDX-License-Identifier: GPL-2.0
/*
 * mheap: the one page heap: spans out of free runs, free runs out of blocks.
 *
 * Flow:       mcentral, large objects -> [mheap] -> pageruns, arena, sys
 * Owner:      one for the module.
 * Lock:       gs_mheap.lock, taken with interrupts off. Order: mcentral ->
 *             mheap -> arena, fixalloc. Never held while pages are drawn or
 *             given back.
 * Lifetime:   gs_mheap_init() .. gs_mheap_exit().
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: (gs_mheap_verify(), mheap_verify.c)
 *   I3  every page of a span maps to it, both ends of a run to it (arena.c).
 *   I4  drawn - released == in_spans + pages in free runs.
 *   R1 to R3 of pageruns.c.
 * Memory:     descriptors are taken before the lock.
 * Tests:      kunit/mheap_kunit.c
 */
#include "back/mheap.h"

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/nodemask.h>

#include "back/arena.h"
#include "back/tags.h"
#include "base/sys.h"

#define MIN_GROW_BYTES	(64UL << 10)
#define GROW_SHARE	256	/* a block is so much of what is held */

struct mheap gs_mheap = {
	.lock = __SPIN_LOCK_UNLOCKED(gs_mheap.lock),
};
GS_EXPORT_KUNIT(gs_mheap);

int gs_mheap_init(void)
{
	gs_mheap.runs = gs_sys_draw_meta(nr_node_ids * sizeof(*gs_mheap.runs),
					 NUMA_NO_NODE, GFP_KERNEL);
	return gs_mheap.runs ? 0 : -ENOMEM;
}

/* Release every free run. Return: pages that live objects still hold. */
unsigned long gs_mheap_exit(void)
{
	unsigned long left;

	gs_mheap_release(ULONG_MAX, false);
	gs_mheap_publish_idle();
	left = gs_mheap.drawn - gs_mheap.released;
	gs_sys_give_meta(gs_mheap.runs, nr_node_ids * sizeof(*gs_mheap.runs));
	return left;
}

/* Pages in free runs, all nodes. */
unsigned long gs_mheap_free_pages(void)
{
	unsigned long sum = 0;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		sum += READ_ONCE(gs_mheap.runs[node].nr_pages);
	return sum;
}
GS_EXPORT_KUNIT(gs_mheap_free_pages);

/* A span was given out; under the lock. */
void gs_mheap_count_span(const struct gs_span_req *req, unsigned int npages)
{
	gs_mheap.in_spans += npages;
	gs_mheap.peak_spans = max(gs_mheap.peak_spans, gs_mheap.in_spans);
	gs_mheap.nr_spans++;
	gs_mheap.nr_alloc++;
	gs_mheap.nr_large += req->large;
	gs_mheap.nr_short += npages < (req->fair_pages ?: req->npages);
}

/* The most pages that spans had since the last call; only the worker calls. */
unsigned long gs_mheap_take_peak(void)
{
	unsigned long peak, flags;

	gs_lock(&gs_mheap.lock, flags);
	peak = gs_mheap.peak_spans;
	gs_mheap.peak_spans = gs_mheap.in_spans;
	gs_unlock(&gs_mheap.lock, flags);
	return peak;
}

/*
 * Take pages out of a free run of @node for @s; under the lock. *@more: set if
 * there was none, but quick spans are left that may merge into one: drop the
 * lock and call again.
 */
static bool carve(struct mspan *s, int node, const struct gs_span_req *req,
		  unsigned int npages, struct mspan **spare, bool *more)
{
	struct gs_runs *runs = &gs_mheap.runs[node];
	struct mspan *run;
	unsigned long base;

	run = gs_runs_find(runs, npages, req->align, &base);
	if (!run && runs->nr_quick) {
		*more |= gs_runs_merge_quick(runs);
		run = gs_runs_find(runs, npages, req->align, &base);
	}
	if (!run)
		return false;
	s->base = base;
	s->npages = npages;
	s->node = node;
	s->zone = run->zone;
	s->needzero = run->needzero;
	*spare = gs_runs_carve(runs, run, base, npages, *spare);
	gs_arena_set(base, npages, s);
	gs_mheap_count_span(req, npages);
	return true;
}

/* The runs of all nodes but the caller's. */
static bool carve_other(struct mspan *s, const struct gs_span_req *req,
			unsigned int npages, struct mspan **spare, bool *more)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		if (node != req->node &&
		    carve(s, node, req, npages, spare, more))
			return true;
	return false;
}

/* The node's own runs, else, unless only @node will do, anybody's. */
static bool carve_any(struct mspan *s, const struct gs_span_req *req,
		      unsigned int npages, struct mspan **spare, bool *more)
{
	if (carve(s, req->node, req, npages, spare, more))
		return true;
	return !(req->gfp & __GFP_THISNODE) &&
	       carve_other(s, req, npages, spare, more);
}

/* Make a drawn block a free run; under the lock. */
static void add_block(struct mspan *run, void *block, unsigned int order)
{
	run->base = (unsigned long)block;
	run->npages = PAGE_SIZE << order >> GS_PAGE_SHIFT;
	run->node = page_to_nid(virt_to_page(block));
	run->zone = page_zonenum(virt_to_page(block));
	/* With init_on_alloc the kernel has zeroed the pages already. */
	run->needzero = !want_init_on_alloc(0);
	gs_mheap.drawn += run->npages;
	gs_mheap.orders[order]++;
	gs_runs_insert(&gs_mheap.runs[run->node], run);
}

/*
 * Draw one block of @order and, if @s is given, carve it from the heap under
 * the same hold of the lock, so that nobody else takes the pages first.
 */
static bool grow_by(unsigned int order, int node, gfp_t gfp, struct mspan *s,
		    const struct gs_span_req *req, unsigned int npages,
		    struct mspan **spare)
{
	size_t bytes = PAGE_SIZE << order;
	struct mspan *run;
	bool done = true, more = false;
	unsigned long flags;
	void *block;

	run = gs_span_alloc(1, false, gfp);
	if (!run)
		return false;
	block = gs_sys_draw(node, gfp, order);
	if (!block)
		goto no_block;
	if (!gs_arena_covers(block, bytes) ||
	    gs_arena_reserve(block, bytes, gfp))
		goto no_arena;
	if (unlikely(gs_sys_is_reserve(block))) {
		if (!s)
			goto no_arena;
		gs_mheap_map_direct(s, block, order, req, GS_DIRECT_RESERVE);
		gs_span_free(run);
		return true;
	}

	gs_mheap_lock(&flags);
	add_block(run, block, order);
	if (s)
		done = carve(s, page_to_nid(virt_to_page(block)), req, npages,
			     spare, &more);
	gs_unlock(&gs_mheap.lock, flags);
	return done;

no_arena:
	gs_sys_give(block, bytes);
no_block:
	gs_span_free(run);
	return false;
}

/* The order of the block that the heap grows by when memory is plenty. */
static unsigned int grow_order(unsigned int least)
{
	size_t bytes = clamp(gs_sys_held() / GROW_SHARE, MIN_GROW_BYTES,
			     GS_MAX_BLOCK);
	unsigned int order = ilog2(bytes) - PAGE_SHIFT;

	return clamp_t(unsigned int, order, least, GS_MAX_ORDER);
}

static unsigned int order_for(unsigned int npages, unsigned int align)
{
	size_t bytes = max(max(npages, align) * GS_PAGE_SIZE, GS_UNIT_SIZE);

	return get_order(bytes);
}

/* Had the node of a caller with another way no pages in this very tick? */
static bool is_full(const struct gs_span_req *req)
{
	return req->look &&
	       READ_ONCE(gs_mheap.runs[req->node].full_at) == jiffies;
}

/*
 * A long block that is not to be had says nothing about the node. The time is a
 * hint: lost or late, it costs a search or a page of another node.
 */
static void note_full(const struct gs_span_req *req, unsigned int order)
{
	if (req->look && order <= PAGE_ALLOC_COSTLY_ORDER)
		WRITE_ONCE(gs_mheap.runs[req->node].full_at, jiffies);
}

/*
 * Draw a block that holds @npages: a large one if that is cheap, smaller and
 * smaller ones down to the request. Only the request itself may make the kernel
 * work for it, and only if no shorter one follows (@hard). An atomic caller draws
 * exactly the request.
 */
static bool grow(struct mspan *s, const struct gs_span_req *req,
		 unsigned int npages, bool hard, struct mspan **spare)
{
	unsigned int least = order_for(npages, req->align);
	unsigned int order = grow_order(least);
	gfp_t optional = gs_gfp_optional(req->gfp);

	if (least > GS_MAX_ORDER || is_full(req))
		return false;
	if (!req->atomic)
		for (; order > least; order--)
			if (grow_by(order, req->node, optional, s, req, npages,
				    spare))
				return true;
	if (grow_by(least, req->node, hard ? req->gfp : optional, s, req, npages,
		    spare))
		return true;
	/* Only then was the kernel asked in earnest, and kswapd woken. */
	if (hard)
		note_full(req, least);
	return false;
}

/* Sleeping callers leave the reserve to atomic ones; under the lock. */
static bool may_take(const struct gs_span_req *req, unsigned int npages)
{
	return req->atomic ||
	       gs_mheap_free_pages() >= npages + GS_RESERVE_PAGES;
}

/* Whose free runs: the caller's node's, the other nodes', all of them. */
enum whose { OWN, OTHER, ANY };

/* A span of the same length that was freed lately, or NULL; under the lock. */
static struct mspan *take_quick(const struct gs_span_req *req)
{
	struct mspan *s = gs_runs_get_quick(&gs_mheap.runs[req->node],
					    req->npages, req->align, req->cap,
					    req->tiny);

	if (s)
		gs_mheap_count_span(req, req->npages);
	return s;
}

/*
 * From the free runs; all but the last resort (ANY) leaves the reserve to atomic
 * callers. Each hold of the lock merges a batch of quick spans at most. @quick:
 * NULL, or set to a quick span if there is one; then @s is not used.
 */
static bool alloc_free(struct mspan *s, const struct gs_span_req *req,
		       unsigned int npages, enum whose whose,
		       struct mspan **spare, struct mspan **quick)
{
	bool done = false, more;
	unsigned long flags;

	do {
		more = false;
		gs_mheap_lock(&flags);
		if (whose == ANY)
			done = carve_any(s, req, npages, spare, &more);
		else if (may_take(req, npages))
			done = (quick && (*quick = take_quick(req))) ||
			       (whose == OTHER ?
				carve_other(s, req, npages, spare, &more) :
				carve(s, req->node, req, npages, spare, &more));
		gs_unlock(&gs_mheap.lock, flags);
	} while (!done && more);
	return done;
}

/*
 * What lies free on other nodes goes before a block of theirs: for a caller whose
 * node is full the kernel draws there, the rest of the block lies free there, and
 * without this the next caller would have another block drawn.
 */
static bool from_other_nodes(struct mspan *s, const struct gs_span_req *req,
			     struct mspan **spare)
{
	struct gs_span_req here = *req;

	if (nr_online_nodes == 1 || (req->gfp & __GFP_THISNODE))
		return false;
	here.look = true;
	here.gfp = gs_gfp_this_node(req->gfp);
	return grow(s, &here, req->npages, true, spare) ||
	       alloc_free(s, req, req->npages, OTHER, spare, NULL);
}

/* Nothing of the node lies free: shorter ones, a draw, other nodes. */
static bool find_pages(struct mspan *s, const struct gs_span_req *req,
		       struct mspan **spare)
{
	bool is_short = req->min_pages < req->npages;

	if (req->fair_pages && req->fair_pages < req->npages &&
	    alloc_free(s, req, req->fair_pages, OWN, spare, NULL))
		return true;
	if (from_other_nodes(s, req, spare))
		return true;
	if (grow(s, req, req->npages, !is_short, spare) ||
	    alloc_free(s, req, req->npages, ANY, spare, NULL))
		return true;
	if (!is_short)
		return false;
	return alloc_free(s, req, req->min_pages, ANY, spare, NULL) ||
	       grow(s, req, req->min_pages, true, spare);
}

/**
 * gs_mheap_alloc() - a span of pages.
 * @req: what is wanted.
 *
 * Context: as req->gfp says; no lock held, mcache not entered.
 * Return: a span with base, npages, node and needzero set and its pages
 * mapped to it, still in state GS_SPAN_DEAD: cut it, then gs_mheap_publish().
 * NULL without memory.
 */
struct mspan *gs_mheap_alloc(const struct gs_span_req *req)
{
	struct mspan *s, *spare = NULL, *quick = NULL;
	bool done = false;

	s = gs_span_alloc(req->cap, req->tiny, req->gfp);
	if (!s)
		return NULL;
	/* Only an aligned stretch can leave something on both its sides. */
	if (req->align > 1) {
		spare = gs_span_alloc(1, false, req->gfp);
		if (!spare)
			goto out;
	}
	done = alloc_free(s, req, req->npages, OWN, &spare, &quick) ||
	       (!req->drawless && find_pages(s, req, &spare));
	if (spare)
		gs_span_free(spare);
out:
	if (!done || quick)
		gs_span_free(s);
	return quick ?: done ? s : NULL;
}
GS_EXPORT_KUNIT(gs_mheap_alloc);

/* Open a span to frees: all else of it was stored before. */
void gs_mheap_publish(struct mspan *s, enum gs_span_state state)
{
	GS_CHECK(s->state == GS_SPAN_DEAD);
	smp_store_release(&s->state, state);
	/* Pairs with the acquire in gs_span_index_open(). */
	if (state == GS_SPAN_SMALL)
		smp_store_release(&s->open, gs_span_bytes(s));
}
GS_EXPORT_KUNIT(gs_mheap_publish);

/**
 * gs_mheap_close() - no caller finds an object in a span any more.
 * @s: no object of it is live. Done twice, it does no harm.
 */
void gs_mheap_close(struct mspan *s)
{
	gs_span_close(s, GS_SPAN_DEAD);
	gs_tags_end(s);
	s->needzero = 1;
}

/* A span comes back; under the lock. Return: false if it was no quick one. */
static bool take_back(struct gs_runs *runs, struct mspan *s)
{
	gs_mheap.in_spans -= s->npages;
	gs_mheap.nr_spans--;
	gs_mheap.nr_free++;
	if (gs_runs_put_quick(runs, s))
		return true;
	gs_runs_insert(runs, s);
	return false;
}

/**
 * gs_mheap_free_spans() - take spans back under one hold of the lock.
 * @s: the spans, closed, each of any node, none of them direct.
 * @n: how many, at most GS_MERGE_BATCH.
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_mheap_free_spans(struct mspan *const *s, unsigned int n)
{
	struct gs_runs *full = NULL;
	unsigned long flags;
	unsigned int i;

	if (!n)
		return;
	gs_mheap_lock(&flags);
	for (i = 0; i < n; i++) {
		struct gs_runs *runs = &gs_mheap.runs[s[i]->node];

		if (!take_back(runs, s[i]))
			full = runs;
	}
	/* There is room again for the next ones. */
	if (full)
		gs_runs_merge_quick(full);
	gs_unlock(&gs_mheap.lock, flags);
}

/**
 * gs_mheap_free() - take a span's pages back.
 * @s: in nobody's reach; no object of it is live.
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_mheap_free(struct mspan *s)
{
	gs_mheap_close(s);
	if (s->direct)
		gs_mheap_free_direct(s);
	else
		gs_mheap_free_spans(&s, 1);
}
GS_EXPORT_KUNIT(gs_mheap_free);

/* Have free pages for atomic callers. Return: false without memory. */
bool gs_mheap_refill_reserve(void)
{
	if (gs_mheap_free_pages() >= GS_RESERVE_PAGES)
		return true;
	return grow_by(order_for(GS_RESERVE_PAGES, 1), NUMA_NO_NODE,
		       GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN, NULL, NULL, 0,
		       NULL);
}
GS_EXPORT_KUNIT(gs_mheap_refill_reserve);
