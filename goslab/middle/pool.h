/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_POOL_H
#define GS_MIDDLE_POOL_H

#include <linux/list.h>
#include <linux/mutex.h>
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
 * @link: on gs_pool_list.
 * @site: who has created it.
 * @lock: protects all that changes; a leaf.
 * @granule: what sizes are multiples of, a power of two.
 * @extents: what is free and what is not.
 * @ranges: struct gs_pool_range.
 * @size: bytes of all of them.
 * @avail: free bytes of them.
 */
struct goslab_pool {
	struct list_head link;
	unsigned long site;
	spinlock_t lock;
	unsigned long granule;
	struct gs_extents extents;
	struct list_head ranges;
	size_t size;
	size_t avail;
};

/* All pools; gs_pool_mutex protects the list. */
extern struct list_head gs_pool_list;
extern struct mutex gs_pool_mutex;

void gs_pool_list_add(struct goslab_pool *pool);
void gs_pool_list_del(struct goslab_pool *pool);

/* api/pool.c */
void gs_pool_init(void);
void gs_pool_exit(void);

#endif /* GS_MIDDLE_POOL_H */
