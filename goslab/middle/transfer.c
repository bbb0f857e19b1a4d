// SPDX-License-Identifier: GPL-2.0
/*
 * transfer: objects that go from one mcache to another without seeing a span.
 *
 * A magazine that is full leaves its younger half here in one copy, and one that
 * is empty takes it from here in another, so that a CPU which frees what
 * another allocates costs each of them one short hold of the lock per batch.
 * (TCMalloc: transfer cache; SLUB: the barn.)
 *
 * Owner:      struct mcentral, once its class has GS_TRANSFER_SPANS spans.
 * Lock:       mc->lock. The page of entries is drawn before it is taken.
 * Lifetime:   until the class ends; emptied when nobody came by for a tick,
 *             with every drain of all CPUs and before the class ends.
 * Context:    any but NMI; gs_mcentral_make_transfer() as its gfp says.
 * Invariants: M2  entries are in state GS_CACHED. They take 4 KiB for each CPU at
 *                 most, 64 KiB in all, and a thirty-second of the class's
 *                 objects: what lies here keeps spans from being empty.
 * Tests:      kunit/transfer_kunit.c
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "base/sys.h"
#include "middle/class.h"
#include "middle/mcentral.h"

#define TRANSFER_SHARE	32

/* Bytes in all transfer caches, as the sum over CPUs. */
DEFINE_PER_CPU(long, gs_transfer_bytes);

/* Entries that @mc may have now; for sure only under the lock. */
static unsigned int limit(const struct mcentral *mc)
{
	const struct gs_class *c = mc->class;

	if (!READ_ONCE(mc->transfer))
		return 0;
	return min_t(unsigned int, c->transfer,
		     gs_mcentral_nr_spans(mc) * c->nelems / TRANSFER_SHARE);
}

static void count(const struct mcentral *mc, long n)
{
	this_cpu_add(gs_transfer_bytes, n * mc->class->elemsize);
}

/* Bytes in transfer caches now. */
size_t gs_transfer_parked(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(gs_transfer_bytes, cpu));
	return max(sum, 0L);
}
GS_EXPORT_KUNIT(gs_transfer_parked);

/* Take up to @want objects out of the transfer cache; under the lock. */
unsigned int gs_mcentral_take_transfer(struct mcentral *mc, struct gs_entry *e,
				       unsigned int want)
{
	unsigned int n = min(want, mc->nr_transfer);

	mc->nr_transfer -= n;
	memcpy(e, mc->transfer + mc->nr_transfer, n * sizeof(*e));
	count(mc, -(long)n);
	return n;
}

/**
 * gs_mcentral_flush() - half a magazine is too much for its CPU.
 * @mc: of the objects' class and node.
 * @e: objects in state GS_CACHED that nobody else can reach.
 * @n: how many.
 *
 * All of them, or, if they do not fit, none: they go to their spans, and the
 * lock is taken once in either case.
 */
void gs_mcentral_flush(struct mcentral *mc, struct gs_entry *e, unsigned int n)
{
	unsigned long flags;
	bool fit = false;

	/* A guess, made good below. */
	if (READ_ONCE(mc->nr_transfer) + n <= limit(mc)) {
		gs_lock(&mc->lock, flags);
		fit = mc->nr_transfer + n <= limit(mc);
		if (fit) {
			memcpy(mc->transfer + mc->nr_transfer, e, n * sizeof(*e));
			mc->nr_transfer += n;
			count(mc, n);
		}
		mc->nr_lock++;
		gs_unlock(&mc->lock, flags);
	}
	if (!fit)
		gs_mcentral_put(mc->class, e, n);
}
GS_EXPORT_KUNIT(gs_mcentral_flush);

/* Put all that is in the transfer cache into its spans. */
void gs_mcentral_empty_transfer(struct mcentral *mc)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	unsigned long flags;
	unsigned int n;

	while (READ_ONCE(mc->nr_transfer)) {
		gs_lock(&mc->lock, flags);
		n = gs_mcentral_take_transfer(mc, e, GS_BATCH_MAX);
		gs_unlock(&mc->lock, flags);
		gs_mcentral_put(mc->class, e, n);
	}
}
GS_EXPORT_KUNIT(gs_mcentral_empty_transfer);

/* The class has grown: give it a transfer cache. No lock held. */
void gs_mcentral_make_transfer(struct mcentral *mc, gfp_t gfp)
{
	struct gs_entry *page;
	unsigned long flags;

	page = gs_sys_draw_meta(GS_TRANSFER_MAX * sizeof(*page), mc->node,
				(gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN);
	if (!page)
		return;
	gs_lock(&mc->lock, flags);
	if (!mc->transfer) {
		WRITE_ONCE(mc->transfer, page);
		page = NULL;
	}
	gs_unlock(&mc->lock, flags);
	if (page)
		gs_sys_give_meta(page, GS_TRANSFER_MAX * sizeof(*page));
}
GS_EXPORT_KUNIT(gs_mcentral_make_transfer);

/* The class ends; the cache is empty. */
void gs_mcentral_free_transfer(struct mcentral *mc)
{
	if (mc->transfer)
		gs_sys_give_meta(mc->transfer,
				 GS_TRANSFER_MAX * sizeof(*mc->transfer));
	mc->transfer = NULL;
}
