// SPDX-License-Identifier: GPL-2.0
/*
 * pool: memory of the caller's, by ranges of addresses; goslab's answer to genalloc.
 *
 * A pool has a spinlock and its extents (base/extent.c). What an allocation needs of
 * descriptors is kept spare in the pool, so it takes one lock. It may need two more
 * extents than there are. A free needs none.
 *
 * Owner:      who has created the pool. It goes with goslab at the latest.
 * Lock:       pool->lock; descriptors are drawn and reports printed without it.
 *             gs_pool_mutex for the list of pools.
 * Context:    any but NMI; create, add and destroy sleep.
 * Invariants: size and avail are the sums of the extents. See base/extent.c.
 * Memory:     128 bytes for an allocation and for a free extent; at most
 *             SPARES_MOST descriptors more for each pool.
 * Tests:      kunit/pool_kunit.c
 */
#include "middle/pool.h"

#include <linux/align.h>
#include <linux/errno.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/log2.h>

#include "base/debug.h"
#include "base/fixalloc.h"
#include "base/report.h"

#define MAX_ORDER_OF_POOL	30

/* Descriptors drawn at once, and kept at most after a free. */
#define SPARES_DRAWN		8
#define SPARES_MOST		32

/* Others may take what was drawn: so often it is tried. */
#define TRIES			4

static struct fixalloc pools;
static struct fixalloc ranges;
static atomic_long_t nr_pools = ATOMIC_LONG_INIT(0);

void gs_pool_init(void)
{
	gs_extent_init();
	gs_fixalloc_init(&pools, sizeof(struct goslab_pool), 0, NULL);
	gs_fixalloc_init(&ranges, sizeof(struct gs_pool_range), 0, NULL);
}

void gs_pool_exit(void)
{
	long left = atomic_long_xchg(&nr_pools, 0);

	if (left)
		gs_report(&(struct gs_report) {
			.kind = GS_BUG_LIVE_OBJECTS, .name = "the pools",
			.what = "pools", .value = left, .site = _RET_IP_,
		});
	gs_fixalloc_exit(&ranges);
	gs_fixalloc_exit(&pools);
	gs_extent_exit();
}

static void report_pool(enum gs_report_kind kind, unsigned long addr, const char *what,
			long value, unsigned long site)
{
	gs_report(&(struct gs_report) {
		.kind = kind, .name = "a pool", .addr = (void *)addr,
		.what = what, .value = value, .site = site,
	});
}

struct goslab_pool *goslab_pool_create(int min_order, enum goslab_pool_fit fit)
{
	static const enum gs_extent_fit fits[] = {
		[GOSLAB_POOL_FIRST_FIT] = GS_EXTENT_FIRST,
		[GOSLAB_POOL_NEXT_FIT] = GS_EXTENT_NEXT,
		[GOSLAB_POOL_BEST_FIT] = GS_EXTENT_BEST,
	};
	struct goslab_pool *pool;

	if (min_order < 0 || min_order > MAX_ORDER_OF_POOL) {
		report_pool(GS_BUG_BAD_SIZE, 0, "order", min_order, _RET_IP_);
		return NULL;
	}
	if ((unsigned int)fit >= ARRAY_SIZE(fits)) {
		report_pool(GS_BUG_BAD_FLAGS, 0, "fit", fit, _RET_IP_);
		return NULL;
	}
	pool = gs_fixalloc_alloc(&pools, GFP_KERNEL);
	if (!pool)
		return NULL;
	*pool = (struct goslab_pool){ .granule = 1UL << min_order, .site = _RET_IP_ };
	spin_lock_init(&pool->lock);
	INIT_LIST_HEAD(&pool->ranges);
	gs_extents_init(&pool->extents, fits[fit]);
	gs_pool_list_add(pool);
	atomic_long_inc(&nr_pools);
	return pool;
}
EXPORT_SYMBOL_GPL(goslab_pool_create);

void goslab_pool_destroy(struct goslab_pool *pool)
{
	struct gs_pool_range *range, *next;

	if (!pool)
		return;
	if (pool->avail != pool->size) {
		report_pool(GS_BUG_LIVE_OBJECTS, 0, "bytes", pool->size - pool->avail, _RET_IP_);
		return;
	}
	gs_pool_list_del(pool);
	gs_extents_clear(&pool->extents);
	list_for_each_entry_safe(range, next, &pool->ranges, list)
		gs_fixalloc_free(&ranges, range);
	gs_fixalloc_free(&pools, pool);
	atomic_long_dec(&nr_pools);
}
EXPORT_SYMBOL_GPL(goslab_pool_destroy);

/* Publish a range with its extent. Return: false if another one is in its place. */
static bool insert_range(struct goslab_pool *pool, struct gs_pool_range *range,
			 struct gs_extent *e)
{
	unsigned long flags;
	bool added;

	gs_lock(&pool->lock, flags);
	added = gs_extents_add(&pool->extents, e);
	if (added) {
		list_add_tail(&range->list, &pool->ranges);
		WRITE_ONCE(pool->size, pool->size + range->size);
		WRITE_ONCE(pool->avail, pool->avail + range->size);
	}
	gs_unlock(&pool->lock, flags);
	return added;
}

int goslab_pool_add_owner(struct goslab_pool *pool, unsigned long virt, phys_addr_t phys,
			  size_t size, void *owner)
{
	struct gs_pool_range *range;
	struct gs_extent *e;
	int ret = -ENOMEM;

	size = ALIGN_DOWN(size, pool->granule);
	if (!virt || !size || !IS_ALIGNED(virt, pool->granule) || virt + (size - 1) < virt)
		return -EINVAL;
	range = gs_fixalloc_alloc(&ranges, GFP_KERNEL);
	e = gs_extent_new(GFP_KERNEL);
	if (!range || !e)
		goto fail;
	*range = (struct gs_pool_range) {
		.start = virt, .size = size, .phys = phys, .owner = owner,
	};
	*e = (struct gs_extent){ .start = virt, .size = size, .range = range };
	if (insert_range(pool, range, e))
		return 0;
	report_pool(GS_BUG_OVERLAP, virt, "bytes", size, _RET_IP_);
	ret = -EEXIST;
fail:
	if (range)
		gs_fixalloc_free(&ranges, range);
	if (e)
		gs_extent_delete(e);
	return ret;
}
EXPORT_SYMBOL_GPL(goslab_pool_add_owner);

/* Fetch spare descriptors. Return: false without any. */
static bool fill_spares(struct goslab_pool *pool)
{
	struct gs_extent *drawn[SPARES_DRAWN];
	unsigned long flags;
	unsigned int i, n;

	for (n = 0; n < SPARES_DRAWN; n++) {
		drawn[n] = gs_extent_new(GFP_ATOMIC | __GFP_NOWARN);
		if (!drawn[n])
			break;
	}
	gs_lock(&pool->lock, flags);
	for (i = 0; i < n; i++)
		gs_extents_store(&pool->extents, drawn[i]);
	gs_unlock(&pool->lock, flags);
	return n;
}

/* Give half of the spare descriptors back if there are many. */
static void spill_spares(struct goslab_pool *pool)
{
	struct gs_extent *gone[SPARES_MOST / 2];
	unsigned long flags;
	unsigned int n = 0;

	gs_lock(&pool->lock, flags);
	while (n < ARRAY_SIZE(gone)) {
		gone[n] = gs_extents_spill(&pool->extents, SPARES_MOST / 2);
		if (!gone[n])
			break;
		n++;
	}
	gs_unlock(&pool->lock, flags);
	while (n)
		gs_extent_delete(gone[--n]);
}

static phys_addr_t phys_of(const struct gs_pool_range *range, unsigned long addr)
{
	return range->phys == (phys_addr_t)-1 ? range->phys :
	       range->phys + (addr - range->start);
}

/* One try. Return: whether it got memory; @starved if only descriptors are missing. */
static bool take_place(struct goslab_pool *pool, size_t size, unsigned long align,
		       struct goslab_pool_place *place, bool *starved)
{
	const struct gs_pool_range *range;
	struct gs_extent *e;
	unsigned long flags;

	gs_lock(&pool->lock, flags);
	e = gs_extents_take(&pool->extents, size, align, starved);
	if (e) {
		range = e->range;
		place->addr = e->start;
		place->phys = phys_of(range, e->start);
		place->owner = range->owner;
		WRITE_ONCE(pool->avail, pool->avail - size);
	}
	gs_unlock(&pool->lock, flags);
	return e;
}

bool goslab_pool_alloc_place(struct goslab_pool *pool, size_t size, unsigned long align,
			     struct goslab_pool_place *place)
{
	unsigned int tries;
	bool starved;

	*place = (struct goslab_pool_place){ };
	if (unlikely(!is_power_of_2(align))) {
		report_pool(GS_BUG_BAD_ALIGN, 0, "align", align, _RET_IP_);
		return false;
	}
	if (unlikely(size - 1 >= READ_ONCE(pool->size)))
		return false;
	size = ALIGN(size, pool->granule);
	for (tries = 0; tries < TRIES; tries++) {
		if (take_place(pool, size, align, place, &starved))
			return true;
		if (!starved || !fill_spares(pool))
			break;
	}
	return false;
}
EXPORT_SYMBOL_GPL(goslab_pool_alloc_place);

/* Why @addr cannot be freed as @size bytes, or -1 if it can; @e has the address. */
static int refusal(const struct gs_extent *e, unsigned long addr, size_t size)
{
	if (!e)
		return GS_BUG_FOREIGN_FREE;
	if (!e->used)
		return GS_BUG_DOUBLE_FREE;
	if (e->start != addr)
		return GS_BUG_INTERIOR_FREE;
	return e->size == size ? -1 : GS_BUG_BAD_SIZE;
}

void goslab_pool_free_owner(struct goslab_pool *pool, unsigned long addr, size_t size,
			    void **owner)
{
	const struct gs_pool_range *range;
	bool many = false;
	struct gs_extent *e;
	unsigned long flags;
	int refused;

	if (owner)
		*owner = NULL;
	gs_lock(&pool->lock, flags);
	e = gs_extents_find(&pool->extents, addr);
	refused = refusal(e, addr, ALIGN(size, pool->granule));
	if (likely(refused < 0)) {
		range = e->range;
		if (owner)
			*owner = range->owner;
		WRITE_ONCE(pool->avail, pool->avail + e->size);
		gs_extents_give(&pool->extents, e);
		many = pool->extents.nr_spare > SPARES_MOST;
	}
	gs_unlock(&pool->lock, flags);
	if (unlikely(refused >= 0))
		report_pool(refused, addr, "size", size, _RET_IP_);
	if (unlikely(many))
		spill_spares(pool);
}
EXPORT_SYMBOL_GPL(goslab_pool_free_owner);

phys_addr_t goslab_pool_virt_to_phys(struct goslab_pool *pool, unsigned long addr)
{
	phys_addr_t phys = -1;
	struct gs_extent *e;
	unsigned long flags;

	gs_lock(&pool->lock, flags);
	e = gs_extents_find(&pool->extents, addr);
	if (e)
		phys = phys_of(e->range, addr);
	gs_unlock(&pool->lock, flags);
	return phys;
}
EXPORT_SYMBOL_GPL(goslab_pool_virt_to_phys);

bool goslab_pool_has_addr(struct goslab_pool *pool, unsigned long start, size_t size)
{
	const struct gs_pool_range *range;
	struct gs_extent *e;
	unsigned long flags;
	bool has = false;

	gs_lock(&pool->lock, flags);
	e = gs_extents_find(&pool->extents, start);
	if (e && size) {
		range = e->range;
		has = size - 1 <= range->size - 1 - (start - range->start);
	}
	gs_unlock(&pool->lock, flags);
	return has;
}
EXPORT_SYMBOL_GPL(goslab_pool_has_addr);

size_t goslab_pool_size(struct goslab_pool *pool)
{
	return READ_ONCE(pool->size);
}
EXPORT_SYMBOL_GPL(goslab_pool_size);

size_t goslab_pool_avail(struct goslab_pool *pool)
{
	return READ_ONCE(pool->avail);
}
EXPORT_SYMBOL_GPL(goslab_pool_avail);
