// SPDX-License-Identifier: GPL-2.0
/*
 * pagecache: spans that a CPU freed serve its next ones, without the heap's lock.
 *
 * A span that is freed stays with its CPU as it is: descriptor, mapping and all.
 * The next request of the same length takes it; that for a large object may take
 * one that is a little longer. What is more than gs_park_limit pages goes to the
 * page heap, and a quarter of the limit with it, up to GS_MERGE_BATCH spans for each
 * hold of its lock. Before the page heap draws from the kernel for a CPU, what that
 * CPU has parked goes to the heap, where it may merge into what is wanted.
 *
 * (Go: pageCache, 64 pages and their bits for each P. There, frees take the
 * heap's lock; here spans come back, so a span's length and descriptor are kept
 * and nothing needs to be searched. The kernel: the per-CPU lists of pages.)
 *
 * Flow:       class, large -> [pagecache] -> mheap
 * Owner:      one per possible CPU.
 * Lock:       none. It is entered like a slot: preemption off, busy set. An
 *             interrupt that finds it busy goes to the page heap. Another CPU
 *             may enter it only for a CPU that is dead.
 * Lifetime:   until gs_pagecache_exit().
 * Context:    any but NMI; sleeps only as the request's gfp says.
 * Invariants: P1  a span that is parked is in state GS_SPAN_PARKED, of its
 *                 list's length and its CPU's node; the counts are right.
 *             (gs_pagecache_verify())
 *             What is parked counts in the in_spans of its node.
 * Tests:      kunit/pagecache_kunit.c
 */
#include "back/pagecache.h"

#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "back/tags.h"

/* Bytes of all CPUs together, and the least and the most that one has. */
#define PARKED_ALL	(32UL << 20)
#define PARKED_LEAST	(64UL << 10)
#define PARKED_MOST	(4UL << 20)

DEFINE_PER_CPU(struct gs_page_cache, gs_page_cache);
GS_EXPORT_KUNIT(gs_page_cache);

unsigned int gs_park_limit;
GS_EXPORT_KUNIT(gs_park_limit);

/* What each of @cpus CPUs may have of what all may have together. */
void gs_pagecache_share(unsigned int cpus)
{
	WRITE_ONCE(gs_park_limit, clamp(PARKED_ALL / cpus, PARKED_LEAST,
					PARKED_MOST) >> GS_PAGE_SHIFT);
}
GS_EXPORT_KUNIT(gs_pagecache_share);

static void leave(struct gs_page_cache *pc)
{
	gs_hook(GS_HOOK_PAGES_ENTERED, pc);
	gs_busy_leave(&pc->busy);
}

/* A parked span leaves; entered. */
static void unpark(struct gs_page_cache *pc, struct mspan *s)
{
	pc->nr_pages -= s->npages;
	pc->nr_spans--;
}

/* The shortest span that will do; entered. */
static struct mspan *find(struct gs_page_cache *pc, const struct gs_span_req *req)
{
	unsigned int most = clamp(req->most_pages, req->npages, GS_PARK_PAGES + 0U);
	unsigned int n = req->npages;
	struct mspan *s = NULL;

	for (; n <= most && !s; n++)
		s = gs_quick_take(&pc->list[n], req->align, req->cap, req->tiny);
	return s;
}

/* Take a span for @req out of this CPU's cache, or NULL. */
static struct mspan *take(const struct gs_span_req *req)
{
	struct gs_page_cache *pc;
	struct mspan *s = NULL;

	if (req->npages > GS_PARK_PAGES)
		return NULL;
	preempt_disable();
	pc = this_cpu_ptr(&gs_page_cache);
	if (pc->nr_spans && req->node == numa_mem_id() &&
	    gs_busy_enter(&pc->busy)) {
		s = find(pc, req);
		if (s) {
			unpark(pc, s);
			pc->nr_hits++;
			pc->nr_large += req->large;
			WRITE_ONCE(s->state, GS_SPAN_DEAD);
		}
		leave(pc);
	}
	preempt_enable();
	return s;
}

/**
 * struct give - spans on their way to the page heap.
 * @s: the spans.
 * @n: how many.
 */
struct give {
	struct mspan *s[GS_MERGE_BATCH];
	unsigned int n;
};

/* Up to @pages pages, of one list after the other; entered. */
static void give_up(struct gs_page_cache *pc, struct give *give, unsigned int pages)
{
	unsigned int looks, from = pc->nr_pages;

	for (looks = 0; looks <= GS_PARK_PAGES; looks++) {
		struct mspan **list = &pc->list[pc->hand], *s;

		while ((s = *list) && give->n < GS_MERGE_BATCH &&
		       from - pc->nr_pages < pages) {
			*list = *gs_quick_next(s);
			unpark(pc, s);
			give->s[give->n++] = s;
		}
		if (*list || from - pc->nr_pages >= pages)
			return;
		pc->hand = (pc->hand + 1) % (GS_PARK_PAGES + 1);
	}
}

/* Put a span into this CPU's cache. Return: false if it must go to the heap. */
static bool put(struct mspan *s, struct give *give)
{
	struct gs_page_cache *pc;
	bool done = false;

	if (s->npages > GS_PARK_PAGES)
		return false;
	preempt_disable();
	pc = this_cpu_ptr(&gs_page_cache);
	if (s->node == numa_mem_id() &&
	    gs_busy_enter(&pc->busy)) {
		WRITE_ONCE(s->state, GS_SPAN_PARKED);
		*gs_quick_next(s) = pc->list[s->npages];
		pc->list[s->npages] = s;
		pc->nr_pages += s->npages;
		pc->nr_spans++;
		pc->nr_parks++;
		if (pc->nr_pages > gs_park_limit)
			give_up(pc, give, pc->nr_pages - gs_park_limit / 4 * 3);
		leave(pc);
		done = true;
	}
	preempt_enable();
	return done;
}

/**
 * gs_pagecache_drain() - all that a CPU has parked goes to the page heap.
 * @walk: of which CPU.
 * @idle_only: only if nothing was put in or taken out since the last such call.
 *
 * Gives up as many spans as are there at the start, so that what is parked
 * meanwhile does not keep the caller here.
 *
 * Context: any but NMI; no lock held, not entered.
 * Return: false if it could not be entered.
 */
bool gs_pagecache_drain(struct gs_walk walk, bool idle_only)
{
	struct gs_page_cache *pc = per_cpu_ptr(&gs_page_cache, walk.cpu);
	u32 now = pc->nr_hits + pc->nr_parks;
	struct give give __uninitialized;
	bool idle = pc->seen == now;
	unsigned int left;

	pc->seen = now;
	if (idle_only && !idle)
		return true;
	for (left = READ_ONCE(pc->nr_spans); left; left -= min(left, give.n)) {
		give.n = 0;
		if (!gs_busy_enter_of(walk, &pc->busy))
			return false;
		give_up(pc, &give, pc->nr_pages);
		leave(pc);
		preempt_enable();
		gs_mheap_free_spans(give.s, give.n);
		if (!give.n)
			break;
	}
	return true;
}
GS_EXPORT_KUNIT(gs_pagecache_drain);

/* All CPUs, when nobody allocates any more. */
void gs_pagecache_exit(void)
{
	struct gs_walk walk = { .dead = true };

	for_each_possible_cpu(walk.cpu)
		gs_pagecache_drain(walk, false);
}

/**
 * gs_pagecache_alloc() - a span of pages, most often one that this CPU freed.
 * @req: what is wanted.
 *
 * Context: as req->gfp says; no lock held, mcache not entered.
 * Return: as gs_mheap_alloc().
 */
struct mspan *gs_pagecache_alloc(struct gs_span_req *req)
{
	struct mspan *s = take(req);

	if (s || !raw_cpu_read(gs_page_cache.nr_spans))
		return s ?: gs_mheap_alloc(req);
	/* Nothing is drawn from the kernel while this CPU has pages parked. */
	req->drawless = true;
	s = gs_mheap_alloc(req);
	req->drawless = false;
	if (s)
		return s;
	gs_pagecache_drain(gs_walk_here(), false);
	return gs_mheap_alloc(req);
}
GS_EXPORT_KUNIT(gs_pagecache_alloc);

/**
 * gs_pagecache_free() - a span comes back.
 * @s: in nobody's reach; no object of it is live.
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_pagecache_free(struct mspan *s)
{
	struct give give __uninitialized;

	if (s->direct) {
		gs_mheap_free(s);
		return;
	}
	gs_mheap_close(s);
	give.n = 0;
	if (!put(s, &give))
		gs_mheap_free(s);
	else if (give.n)
		gs_mheap_free_spans(give.s, give.n);
}
GS_EXPORT_KUNIT(gs_pagecache_free);

/* What all CPUs have parked, read from here: close, not exact. */
struct gs_parked gs_pagecache_read(void)
{
	struct gs_parked sum = { };
	int cpu;

	for_each_possible_cpu(cpu) {
		const struct gs_page_cache *pc = per_cpu_ptr(&gs_page_cache, cpu);

		sum.pages += READ_ONCE(pc->nr_pages);
		sum.spans += READ_ONCE(pc->nr_spans);
		sum.hits += READ_ONCE(pc->nr_hits);
		sum.large += READ_ONCE(pc->nr_large);
		sum.parks += READ_ONCE(pc->nr_parks);
	}
	return sum;
}
GS_EXPORT_KUNIT(gs_pagecache_read);

/* Pages that the CPUs of a node have parked, likewise. */
unsigned long gs_pagecache_pages_of(int node)
{
	unsigned long sum = 0;
	int cpu;

	for_each_online_cpu(cpu)
		if (cpu_to_mem(cpu) == node)
			sum += READ_ONCE(per_cpu(gs_page_cache, cpu).nr_pages);
	return sum;
}

static int verify_entered(const struct gs_page_cache *pc)
{
	unsigned int n, pages = 0, spans = 0;
	struct mspan *s;

	for (n = 0; n <= GS_PARK_PAGES; n++) {
		for (s = pc->list[n]; s; s = *gs_quick_next(s)) {
			if (s->state != GS_SPAN_PARKED || s->npages != n ||
			    s->node != numa_mem_id())
				return 35;
			pages += n;
			spans++;
		}
	}
	return pages == pc->nr_pages && spans == pc->nr_spans ? 0 : 35;
}

/**
 * gs_pagecache_verify() - check P1 of the CPU that this runs on.
 *
 * Entered, because a span that leaves the cache is linked elsewhere.
 *
 * Context: any.
 * Return: 0 or 35; 0 in an interrupt that finds it entered.
 */
int gs_pagecache_verify(void)
{
	struct gs_page_cache *pc;
	int ret = 0;

	preempt_disable();
	pc = this_cpu_ptr(&gs_page_cache);
	if (gs_busy_enter(&pc->busy)) {
		ret = verify_entered(pc);
		leave(pc);
	}
	preempt_enable();
	return ret;
}
GS_EXPORT_KUNIT(gs_pagecache_verify);
