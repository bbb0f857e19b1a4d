// SPDX-License-Identifier: GPL-2.0
/*
 * large: objects above GS_MAX_SMALL, each a span of its own from mheap.
 *
 * Lock:       none here; of a heap with a quota the central lock of its class
 *             for large objects, on whose list they are.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: a span in state GS_SPAN_LARGE or GS_SPAN_LARGE_STACK has one object, its
 *             state an owner's number.
 * Tests:      kunit/large_kunit.c
 */
#include "front/large.h"

#include <linux/cpumask.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "back/mheap.h"
#include "back/pagecache.h"
#include "back/tags.h"
#include "base/worker.h"
#include "front/drain.h"
#include "front/sample.h"
#include "front/usage.h"
#include "middle/heap.h"

/* A span that the CPU has parked will do if it is longer by no more than this. */
#define LONGER_SHARE	4

/* Bytes of large objects ever handed out. */
static DEFINE_PER_CPU(u64, nr_bytes);

u64 gs_large_bytes(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(nr_bytes, cpu));
	return sum;
}

/* Of a heap other than the default one: on the list that its end goes by. */
static void publish_linked(struct mspan *s)
{
	struct mcentral *mc = gs_class_central(s->class, s->node);
	unsigned long flags;

	s->alloc_count = 1;
	gs_lock(&mc->lock, flags);
	gs_mheap_publish(s, GS_SPAN_LARGE);
	list_add(&s->list, &mc->full);
	mc->nr_spans++;
	mc->nr_lock++;
	gs_unlock(&mc->lock, flags);
}

static void unlink_span(struct mspan *s)
{
	struct mcentral *mc = gs_class_central(s->class, s->node);
	unsigned long flags;

	gs_lock(&mc->lock, flags);
	s->objects[0] = GS_FREE;
	s->alloc_count = 0;
	list_del(&s->list);
	mc->nr_spans--;
	mc->nr_lock++;
	gs_unlock(&mc->lock, flags);
}

/* Charge @heap; at its quota what lies idle in it is drained first. */
static bool charge(struct goslab_heap *heap, size_t bytes, gfp_t gfp)
{
	return gs_heap_charge(heap, bytes) ||
	       (gs_drain_heap(heap, NULL) && gs_heap_charge(heap, bytes)) ||
	       (gfpflags_allow_blocking(gfp) && gs_drain_heap_elsewhere(heap) &&
		gs_heap_charge(heap, bytes));
}

/* One attempt, within the quota of @heap if there is one. */
static struct mspan *get_span(struct goslab_heap *heap, struct gs_span_req *req)
{
	size_t bytes = req->npages * GS_PAGE_SIZE;
	struct mspan *s;

	if (!heap)
		return gs_pagecache_alloc(req);
	if (!charge(heap, bytes, req->gfp)) {
		atomic_long_inc(&heap->nr_refused);
		return NULL;
	}
	if (heap->classes->account)
		s = gs_mheap_alloc_direct(req);
	else
		s = gs_pagecache_alloc(req);
	/* A block of the kernel's reserve may be longer than was asked for. */
	gs_heap_uncharge(heap, bytes - (s ? gs_span_size(s) : 0));
	return s;
}

/* A span cut to one object of @owner, which nobody can reach yet; or NULL. */
static __always_inline struct mspan *
make_span(struct goslab_heap *heap, size_t size, gfp_t gfp, int node, u8 owner,
	  bool *zeroed)
{
	bool account = heap && heap->classes->account;
	unsigned int npages = account ?
		PAGE_SIZE << get_order(ALIGN(size, GS_PAGE_SIZE)) >> GS_PAGE_SHIFT :
		gs_pages(size);
	struct gs_span_req req = {
		.npages = npages, .min_pages = npages,
		/* What a quota pays for is exact. */
		.most_pages = heap ? npages : npages + npages / LONGER_SHARE,
		.align = max(1UL, (size & -size) >> GS_PAGE_SHIFT), .cap = 1,
		.large = true, .atomic = !gfpflags_allow_blocking(gfp),
		.node = node == NUMA_NO_NODE ? numa_mem_id() : node,
		.gfp = gfp & ~__GFP_NOFAIL,
	};
	struct mspan *s;

	might_alloc(gfp);
	while (!(s = get_span(heap, &req))) {
		if (!(gfp & __GFP_NOFAIL))
			return NULL;
		schedule_timeout_uninterruptible(1);
	}
	gs_span_cut(s, heap ? heap->classes : NULL,
		    s->direct ? gs_span_size(s) : npages * GS_PAGE_SIZE, 1);
	gs_tags_make(s, gfp);
	s->slots = NULL;
	s->objects[0] = owner;
	*zeroed = !s->needzero;
	return s;
}

/* The object of @s has its user, who wanted @size bytes. */
static __always_inline void count(const struct mspan *s, size_t size, u8 owner,
				  unsigned long caller, gfp_t gfp)
{
	gs_usage_note_peak();
	gs_worker_kick();
	this_cpu_add(nr_bytes, s->elemsize);
	if (unlikely(gs_sample_bytes(s->elemsize)))
		gs_sample_take((void *)s->base, owner,
			       &(struct gs_call){ caller, size }, gfp);
}

/**
 * gs_large_alloc() - a large object.
 * @heap: whose; NULL for the default heap.
 * @size: bytes, GS_MAX_SMALL + 1 to GS_ARENA_SIZE.
 * @gfp: the caller's.
 * @node: node wanted, or NUMA_NO_NODE.
 * @owner: number of the caller's module.
 * @caller: the call of goslab, for samples.
 * @zeroed: set to true if it is known to be zero.
 *
 * Return: the span of the object, aligned as kmalloc() promises; or NULL. A
 * charged object is a whole block. Of another one that the CPU had parked the
 * span may be longer than the object.
 */
struct mspan *gs_large_alloc(struct goslab_heap *heap, size_t size, gfp_t gfp,
			     int node, u8 owner, unsigned long caller, bool *zeroed)
{
	struct mspan *s = make_span(heap, size, gfp, node, owner, zeroed);

	if (!s)
		return NULL;
	if (heap)
		publish_linked(s);
	else
		gs_mheap_publish(s, GS_SPAN_LARGE);
	count(s, size, owner, caller, gfp);
	return s;
}

/* The same for a page stack: @size is a power of two. (Go: stackLarge.) */
struct mspan *gs_large_alloc_stack(size_t size, gfp_t gfp, int node, u8 owner,
				   unsigned long caller, bool *zeroed)
{
	struct mspan *s = make_span(NULL, size, gfp, node, owner, zeroed);

	if (!s)
		return NULL;
	gs_mheap_publish(s, GS_SPAN_LARGE_STACK);
	count(s, size, owner, caller, gfp);
	return s;
}

/*
 * Free the object of a large span. It is GS_PENDING, for of two frees at once
 * only one may give the pages back: gs_span_claim() decides which.
 */
void gs_large_free(struct mspan *s)
{
	if (s->class) {
		unlink_span(s);
		gs_class_free_span(s);
	} else {
		WRITE_ONCE(s->objects[0], GS_FREE);
		s->noscan = 0;
		gs_pagecache_free(s);
	}
	gs_worker_kick();
}
