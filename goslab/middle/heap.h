/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_HEAP_H
#define GS_MIDDLE_HEAP_H

#include <linux/atomic.h>
#include <linux/goslab.h>

#include "middle/class.h"

struct gs_collect;

#define GS_HEAP_LIVE	0x68656170U	/* otherwise destroyed, or not a heap */
#define GS_HEAP_NAME	24		/* with -4194304 it names a class */

/**
 * struct goslab_heap - a set of the classes of malloc for one component.
 * @magic: GS_HEAP_LIVE between create and destroy.
 * @node: preferred, or NUMA_NO_NODE.
 * @shift: size class cls has the class @classes[cls << @shift]: the default heap
 *         has scan and noscan side by side.
 * @owner: number of the module that made it; 0 for the default heap.
 * @nr_caches: caches that draw from it (gs_class_mutex).
 * @gc: what a collected heap has besides (api/collect.c); NULL for others.
 * @classes: GS_NR_CLASSES of them; [0] has the large objects, on its lists of
 *           full spans.
 * @quota: bytes of spans at most; 0 for no limit.
 * @held: bytes of spans.
 * @peak: the most that @held was.
 * @nr_refused: allocations that failed at the quota.
 * @scan: index in the count being made (gs_class_mutex).
 * @link: on gs_heap_list, or on that of descriptors to use again.
 * @name: for debugfs and reports.
 */
struct goslab_heap {
	u32 magic;
	int node;
	u8 shift;
	u8 owner;
	unsigned int nr_caches;
	struct gs_collect *gc;
	struct gs_class *classes;
	size_t quota;
	atomic_long_t held;
	atomic_long_t peak;
	atomic_long_t nr_refused;
	unsigned int scan;
	struct list_head link;
	char name[GS_HEAP_NAME];
};

/* All but the default one; gs_class_mutex protects the list. */
extern struct list_head gs_heap_list;
extern struct goslab_heap gs_default_heap;

/**
 * struct gs_heap_left - what lived in a heap that ends.
 * @objects: live objects.
 * @bytes: of them, with all of their room.
 */
struct gs_heap_left {
	unsigned long objects;
	size_t bytes;
};

/* Collections of all heaps so far, and what they freed. */
extern atomic_long_t gs_collections;
extern atomic_long_t gs_objects_collected;

struct goslab_heap *gs_heap_make(const char *name, bool account);
void gs_heap_unmake(struct goslab_heap *h);
void gs_heap_free_spans(struct goslab_heap *h, struct gs_heap_left *left);
void gs_heap_exit(void);

/* The number of the module that made the cache of @c; 0 for the classes of malloc. */
static inline u8 gs_class_owner(const struct gs_class *c)
{
	return c->collected ? c->heap->owner : c->owner;
}

bool gs_heap_charge(struct goslab_heap *h, size_t bytes);
void gs_heap_uncharge(struct goslab_heap *h, size_t bytes);

/* Would @bytes more exceed the quota of @h? */
static inline bool gs_heap_full(const struct goslab_heap *h, size_t bytes)
{
	return h->quota && atomic_long_read(&h->held) + bytes > h->quota;
}

#endif /* GS_MIDDLE_HEAP_H */
