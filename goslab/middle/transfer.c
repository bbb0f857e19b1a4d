// SPDX-License-Identifier: GPL-2.0
/*
 * transfer: objects that go from one mcache to another without seeing a span.
 *
 * A full magazine leaves its younger half here in one copy, and an empty one
 * takes it in another. So when one CPU frees what another allocates, each takes
 * the lock once per batch, for a short time. (TCMalloc: transfer cache; SLUB:
 * the barn.)
 *
 * Owner:      struct mcentral, once its class has GS_TRANSFER_SPANS spans.
 * Lock:       mc->lock. The page of entries is drawn before it is taken. Whoever
 *             empties a cache carries each batch in an RCU read section.
 * Lifetime:   until the class ends. Emptied when nobody came by for a tick, by
 *             every drain of all CPUs, and before the class ends.
 * Context:    any but NMI; gs_mcentral_make_transfer() as its gfp says.
 * Invariants: M2  entries are in state GS_CACHED. They take at most 4 KiB for
 *                 each CPU, 64 KiB in all, and a thirty-second of the class's
 *                 objects, because their spans cannot become empty.
 * Tests:      kunit/transfer_kunit.c
 */
#include <linux/cpumask.h>
#include <linux/minmax.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "base/sys.h"
#include "middle/class.h"
#include "middle/mcentral.h"

#define TRANSFER_SHARE	32

/* Bytes in all transfer caches, as the sum over CPUs. */
static DEFINE_PER_CPU(long, bytes_parked);

/* Entries that @mc may have now; exact only under the lock. */
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
	this_cpu_add(bytes_parked, n * mc->class->elemsize);
}

/* Bytes in transfer caches now. */
size_t gs_transfer_parked(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(bytes_parked, cpu));
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
 * gs_mcentral_flush() - take objects out of a magazine that is full.
 * @mc: of the objects' class and node.
 * @e: objects in state GS_CACHED that nobody else can reach.
 * @n: how many.
 *
 * Either all of them go to the transfer cache or, if they do not fit, all go to
 * their spans. So the lock is taken once in most cases.
 */
void gs_mcentral_flush(struct mcentral *mc, struct gs_entry *e, unsigned int n)
{
	unsigned long flags;
	bool fit = false;

	/* A guess without the lock; checked again below. */
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

/* Move up to @most objects into their spans. Return: how many were there. */
static unsigned int empty_batch(struct mcentral *mc, unsigned int most)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	unsigned long flags;
	unsigned int n;

	/* Between the two locks nothing else shows that these objects exist. */
	rcu_read_lock();
	gs_lock(&mc->lock, flags);
	n = gs_mcentral_take_transfer(mc, e, most);
	gs_unlock(&mc->lock, flags);
	gs_hook(GS_HOOK_TRANSFER_LEFT, mc->class);
	gs_mcentral_put(mc->class, e, n);
	rcu_read_unlock();
	return n;
}

/**
 * gs_mcentral_empty_transfer() - put what is in a transfer cache into its spans.
 * @mc: whose transfer cache.
 *
 * Moves as many objects as are there at the start. So CPUs that go on flushing
 * do not keep the caller here.
 *
 * A batch is in the caller's hands, with no lock held, until it is back in its
 * spans. Each batch is an RCU read section, which the end of the class waits
 * for: see gs_drain_classes().
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_mcentral_empty_transfer(struct mcentral *mc)
{
	unsigned int left = READ_ONCE(mc->nr_transfer), n;

	while (left) {
		n = empty_batch(mc, min(left, GS_BATCH_MAX));
		if (!n)
			break;
		left -= n;
	}
}
GS_EXPORT_KUNIT(gs_mcentral_empty_transfer);

/* The class has grown: give @mc a transfer cache. No lock is held. */
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

/* The class ends, and its transfer cache is empty. */
void gs_mcentral_free_transfer(struct mcentral *mc)
{
	if (mc->transfer)
		gs_sys_give_meta(mc->transfer,
				 GS_TRANSFER_MAX * sizeof(*mc->transfer));
	mc->transfer = NULL;
}
