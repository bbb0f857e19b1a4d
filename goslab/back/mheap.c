// SPDX-License-Identifier: GPL-2.0
/*
 * mheap: the page heap: spans out of free runs, free runs out of blocks.
 *
 * Flow:       mcentral, large objects -> [mheap] -> pageruns, arena, sys
 * Owner:      one for each node.
 * Lock:       that of the node, taken with interrupts off, one at a time. Order:
 *             mcentral -> mheap -> fixalloc. Never held while pages are drawn or
 *             given back, or counted in their arenas, before and after that.
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
#include "back/trim.h"
#include "base/latency.h"
#include "base/sys.h"
#include "base/trace.h"

#define MIN_GROW_BYTES	(64UL << 10)
#define GROW_SHARE	256	/* a block is so much of what is held */

struct mheap *gs_mheaps;
GS_EXPORT_KUNIT(gs_mheaps);

static void give_heaps(void)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		gs_runs_exit(&gs_mheaps[node].runs);
	gs_sys_give_meta(gs_mheaps, nr_node_ids * sizeof(*gs_mheaps));
}

/* Return: 0, -ENOMEM, or -EINVAL for a policy that there is not. */
int gs_mheap_init(void)
{
	const struct gs_fit *fit = gs_fit_chosen();
	int node;

	if (!fit)
		return -EINVAL;
	gs_mheaps = gs_sys_draw_meta(nr_node_ids * sizeof(*gs_mheaps),
				     NUMA_NO_NODE, GFP_KERNEL);
	if (!gs_mheaps)
		return -ENOMEM;
	for (node = 0; node < nr_node_ids; node++) {
		struct mheap *mheap = &gs_mheaps[node];

		/* Lockdep's statistics name it as it is written here. */
		spin_lock_init(&mheap->lock);
		if (gs_runs_init(&mheap->runs, node, fit)) {
			give_heaps();
			return -ENOMEM;
		}
	}
	return 0;
}

/* Release every free run. Return: pages that live objects still hold. */
unsigned long gs_mheap_exit(void)
{
	struct mheap_counts n;

	gs_mheap_release(ULONG_MAX);
	gs_trim_now();
	gs_mheap_publish_idle();
	n = gs_mheap_counts();
	give_heaps();
	return n.drawn - n.released;
}

static void add_counts(struct mheap_counts *sum, const struct mheap_counts *n)
{
	unsigned int i;

	sum->drawn += READ_ONCE(n->drawn);
	sum->released += READ_ONCE(n->released);
	sum->in_spans += READ_ONCE(n->in_spans);
	sum->peak_spans += READ_ONCE(n->peak_spans);
	sum->nr_spans += READ_ONCE(n->nr_spans);
	sum->nr_large += READ_ONCE(n->nr_large);
	sum->nr_alloc += READ_ONCE(n->nr_alloc);
	sum->nr_free += READ_ONCE(n->nr_free);
	sum->nr_short += READ_ONCE(n->nr_short);
	sum->nr_lock += READ_ONCE(n->nr_lock);
	for (i = 0; i < ARRAY_SIZE(n->orders); i++)
		sum->orders[i] += READ_ONCE(n->orders[i]);
}

/* The counts of all nodes, read without a lock: each is right for some moment. */
struct mheap_counts gs_mheap_counts(void)
{
	struct mheap_counts sum = { };
	int node;

	for (node = 0; node < nr_node_ids; node++)
		add_counts(&sum, &gs_mheaps[node].n);
	return sum;
}
GS_EXPORT_KUNIT(gs_mheap_counts);

/* Pages of spans, all nodes. */
unsigned long gs_mheap_in_spans(void)
{
	unsigned long sum = 0;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		sum += READ_ONCE(gs_mheaps[node].n.in_spans);
	return sum;
}
GS_EXPORT_KUNIT(gs_mheap_in_spans);

/* Pages in free runs, all nodes. */
unsigned long gs_mheap_free_pages(void)
{
	unsigned long sum = 0;
	int node;

	for (node = 0; node < nr_node_ids; node++)
		sum += READ_ONCE(gs_mheaps[node].runs.nr_pages);
	return sum;
}
GS_EXPORT_KUNIT(gs_mheap_free_pages);

/**
 * gs_mheap_is_free() - is this address in pages that we hold free?
 * @p: any address.
 *
 * Context: any; takes no lock, so it is for reports.
 */
bool gs_mheap_is_free(const void *p)
{
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		const struct gs_runs *runs = &gs_mheaps[node].runs;

		if (runs->fit->has && runs->fit->has(runs, p))
			return true;
	}
	return gs_arena_is_free_run(p);
}
GS_EXPORT_KUNIT(gs_mheap_is_free);

/* A span was given out; under the lock. */
void gs_mheap_count_span(struct mheap *h, const struct gs_span_req *req,
			 unsigned int npages)
{
	struct mheap_counts *n = &h->n;

	n->in_spans += npages;
	n->peak_spans = max(n->peak_spans, n->in_spans);
	n->nr_spans++;
	n->nr_alloc++;
	n->nr_large += req->large;
	n->nr_short += npages < (req->fair_pages ?: req->npages);
}

/*
 * The most pages that spans had since the last call, by node, added up: no less
 * than all nodes had at one time. Only the worker calls.
 */
unsigned long gs_mheap_take_peak(void)
{
	unsigned long sum = 0, flags;
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		struct mheap *h = &gs_mheaps[node];

		gs_lock(&h->lock, flags);
		sum += h->n.peak_spans;
		h->n.peak_spans = h->n.in_spans;
		gs_unlock(&h->lock, flags);
	}
	return sum;
}

/*
 * Take pages out of a free run of @h for @s; under its lock. If there is none, quick
 * spans are merged until one has become a run that will do wherever it starts, a batch
 * at most, and the search is made once more. *@more: set if more are left: if that was
 * in vain, drop the lock and call again.
 */
static bool carve(struct mspan *s, struct mheap *h, const struct gs_span_req *req,
		  unsigned int npages, struct mspan **spare, bool *more)
{
	struct gs_runs *runs = &h->runs;
	bool done = runs->fit->take(runs, s, npages, req->align, spare);

	if (!done && !req->drawless && runs->nr_quick) {
		*more |= gs_runs_merge_quick(runs, npages + req->align - 1);
		done = runs->fit->take(runs, s, npages, req->align, spare);
	}
	if (!done)
		return false;
	gs_arena_set(s->base, npages, s);
	gs_mheap_count_span(h, req, npages);
	return true;
}

/* Make a drawn block a free run; under the lock. */
static void add_block(struct mheap *h, struct mspan *run, void *block,
		      unsigned int order)
{
	run->base = (unsigned long)block;
	run->npages = PAGE_SIZE << order >> GS_PAGE_SHIFT;
	run->node = page_to_nid(virt_to_page(block));
	run->zone = page_zonenum(virt_to_page(block));
	/* With init_on_alloc the kernel has zeroed the pages already. */
	run->needzero = !want_init_on_alloc(0);
	h->n.drawn += run->npages;
	h->n.orders[order]++;
	gs_runs_insert_drawn(&h->runs, run);
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
	struct mheap *h;
	void *block;

	run = gs_span_alloc(1, false, gfp);
	if (!run)
		return false;
	block = gs_sys_draw(node, gfp, order);
	if (!block)
		goto no_block;
	h = &gs_mheaps[page_to_nid(virt_to_page(block))];
	if (!gs_arena_covers(block, bytes) || gs_arena_reserve(block, bytes, gfp))
		goto no_arena;
	if (gs_runs_reserve(&h->runs, block, bytes, gfp))
		goto no_runs;
	if (unlikely(gs_sys_is_reserve(block))) {
		if (!s)
			goto no_runs;
		gs_mheap_map_direct(s, block, order, req, GS_DIRECT_RESERVE);
		gs_span_free(run);
		return true;
	}

	gs_mheap_lock(h, &flags);
	add_block(h, run, block, order);
	if (s)
		done = carve(s, h, req, npages, spare, &more);
	gs_unlock(&h->lock, flags);
	return done;

no_runs:
	gs_arena_unreserve(block, bytes);
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
	       READ_ONCE(gs_mheaps[req->node].runs.full_at) == jiffies;
}

/*
 * A long block that is not to be had says nothing about the node. The time is a
 * hint: lost or late, it costs a search or a page of another node.
 */
static void note_full(const struct gs_span_req *req, unsigned int order)
{
	if (req->look && order <= PAGE_ALLOC_COSTLY_ORDER)
		WRITE_ONCE(gs_mheaps[req->node].runs.full_at, jiffies);
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

/*
 * Sleeping callers leave the reserve, which all nodes have together, to atomic ones;
 * under the lock of @h. The counts of other nodes are lines of other nodes' CPUs.
 */
static bool may_take(const struct mheap *h, const struct gs_span_req *req,
		     unsigned int npages)
{
	unsigned long least = npages + GS_RESERVE_PAGES;

	return req->atomic || h->runs.nr_pages >= least ||
	       gs_mheap_free_pages() >= least;
}

/* Whose free runs: the caller's node's, the other nodes', all of them. */
enum whose { OWN, OTHER, ANY };

/* A span that was freed lately and will do, or NULL; under the lock. */
static struct mspan *take_quick(struct mheap *h, const struct gs_span_req *req)
{
	struct mspan *s = gs_runs_get_quick(&h->runs, req->npages,
					    max(req->npages, req->most_pages),
					    req->align, req->cap, req->tiny);

	if (s)
		gs_mheap_count_span(h, req, s->npages);
	return s;
}

/*
 * From the free runs of @node, unless it has too few pages. Each hold of the lock merges
 * a batch of quick spans at most. @last: the reserve is for all. @quick: NULL, or set to
 * a quick span if there is one; then @s is not used.
 */
static bool alloc_node(struct mspan *s, const struct gs_span_req *req,
		       unsigned int npages, int node, bool last,
		       struct mspan **spare, struct mspan **quick)
{
	struct mheap *h = &gs_mheaps[node];
	bool done = false, more;
	unsigned long flags;

	/* A look without the lock: what comes a moment later serves the next one. */
	if (READ_ONCE(h->runs.nr_pages) < npages)
		return false;
	do {
		more = false;
		gs_mheap_lock(h, &flags);
		if (last || may_take(h, req, npages))
			done = (quick && (*quick = take_quick(h, req))) ||
			       carve(s, h, req, npages, spare, &more);
		gs_unlock(&h->lock, flags);
	} while (!done && more);
	return done;
}

/*
 * From the free runs; all but the last resort (ANY) leaves the reserve to atomic
 * callers.
 */
static bool alloc_free(struct mspan *s, const struct gs_span_req *req,
		       unsigned int npages, enum whose whose,
		       struct mspan **spare, struct mspan **quick)
{
	int node;

	if (whose != OTHER && alloc_node(s, req, npages, req->node, whose == ANY,
					 spare, quick))
		return true;
	if (whose == OWN || (req->gfp & __GFP_THISNODE))
		return false;
	for (node = 0; node < nr_node_ids; node++)
		if (node != req->node &&
		    alloc_node(s, req, npages, node, whose == ANY, spare, NULL))
			return true;
	return false;
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

static noinline struct mspan *alloc(const struct gs_span_req *req)
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
	struct mspan *s;
	u64 since;

	if (!gs_latency_is_all())
		return alloc(req);
	since = gs_latency_now();
	s = alloc(req);
	gs_latency_note(GS_LATENCY_SPAN, since);
	return s;
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
	trace_goslab_span_alloc(s->base, s->npages, s->elemsize, s->node);
}
GS_EXPORT_KUNIT(gs_mheap_publish);

/**
 * gs_mheap_close() - no caller finds an object in a span any more.
 * @s: no object of it is live. Done twice, it does no harm.
 */
void gs_mheap_close(struct mspan *s)
{
	if (s->state != GS_SPAN_DEAD)
		trace_goslab_span_free(s->base, s->npages, s->elemsize, s->node);
	gs_span_close(s, GS_SPAN_DEAD);
	gs_tags_end(s);
	s->needzero = 1;
}

/* A span comes back; under the lock. Return: false if it was no quick one. */
static bool take_back(struct mheap *h, struct mspan *s)
{
	h->n.in_spans -= s->npages;
	h->n.nr_spans--;
	h->n.nr_free++;
	if (gs_runs_put_quick(&h->runs, s))
		return true;
	gs_runs_insert(&h->runs, s);
	return false;
}

/* The first of @n spans, those of one node. Return: how many. */
static unsigned int free_some(struct mspan *const *s, unsigned int n)
{
	int node = s[0]->node;
	struct mheap *h = &gs_mheaps[node];
	unsigned long flags;
	unsigned int i = 0;
	bool full = false;

	gs_mheap_lock(h, &flags);
	do
		full |= !take_back(h, s[i++]);
	while (i < n && s[i]->node == node);
	/* There is room again for the next ones. */
	if (full)
		gs_runs_merge_quick(&h->runs, UINT_MAX);
	gs_unlock(&h->lock, flags);
	return i;
}

/**
 * gs_mheap_free_spans() - take spans back, under one hold of the lock for those of
 *                         one node that follow each other.
 * @s: the spans, closed, each of any node, none of them direct.
 * @n: how many, at most GS_MERGE_BATCH.
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_mheap_free_spans(struct mspan *const *s, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; )
		i += free_some(s + i, n - i);
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
