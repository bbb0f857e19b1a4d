/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_API_POOL_H
#define GS_API_POOL_H

#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/extent.h"

/**
 * struct gs_pool_range - a range that was added to a pool.
 * @list: in goslab_pool.ranges.
 * @start: address.
 * @size: bytes, a multiple of the pool's granule.
 * @phys: physical address of @start, or -1.
 * @owner: the caller's.
 */
struct gs_pool_range {
	struct list_head list;
	unsigned long start;
	size_t size;
	phys_addr_t phys;
	void *owner;
};

/**
 * struct goslab_pool - the inside of a pool.
 * @lock: protects all that changes; a leaf.
 * @granule: what sizes are multiples of, a power of two.
 * @extents: what is free and what is not.
 * @ranges: struct gs_pool_range.
 * @size: bytes of all of them.
 * @avail: free bytes of them.
 */
struct goslab_pool {
	spinlock_t lock;
	unsigned long granule;
	struct gs_extents extents;
	struct list_head ranges;
	size_t size;
	size_t avail;
};

void gs_pool_init(void);
void gs_pool_exit(void);

#endif /* GS_API_POOL_H */
