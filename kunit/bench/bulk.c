// SPDX-License-Identifier: GPL-2.0
/*
 * bulk.c: many objects with one call, and what else is not one at a time.
 *
 * bulk_N     N objects with one call, then all freed with another; kmalloc has
 *            no such call to allocate, so it makes N
 * sheaf      64 objects in reserve, taken and freed one by one; a kmem_cache
 *            has an array filled by one call instead, for its sheaves are not
 *            there for modules
 * free_rcu   1024 objects freed after a grace period: the calls alone, without
 *            what follows in the background
 * kvmalloc   pairs of goslab_kvmalloc() and kvmalloc()
 * heap       pairs of a heap of one's own, beside kmalloc()
 * nolock     pairs of the calls for any context, beside those of slab where
 *            there are any (from 6.18)
 *
 * An operation is one object. Loops stand beside those of loops.c, with their
 * ways: the names of the calls are in the functions here.
 *
 * Context: task.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/sizes.h>
#include <linux/slab.h>

#include "bench.h"

#define RESERVE		64
#define MOST		256

static __always_inline bool alloc_bulk(const struct bn_case *c, unsigned int n,
				       void **p, enum bn_way way)
{
	unsigned int i;

	switch (way) {
	case BN_GOSLAB:
		return goslab_malloc_bulk(bn_size(c), GFP_KERNEL, n, p);
	case BN_GOSLAB_CACHE:
		return goslab_cache_alloc_bulk(c->goslab, GFP_KERNEL, n, p);
	case BN_KMEM_CACHE:
		return kmem_cache_alloc_bulk(c->slab, GFP_KERNEL, n, p);
	default:
		for (i = 0; i < n; i++) {
			p[i] = bn_alloc(c, bn_size(c), way);
			if (unlikely(!p[i]))
				return false;
		}
		return true;
	}
}

static __always_inline void free_bulk(const struct bn_case *c, unsigned int n,
				      void **p, enum bn_way way)
{
	unsigned int i;

	switch (way) {
	case BN_GOSLAB:
		goslab_free_bulk(n, p);
		break;
	case BN_GOSLAB_CACHE:
		goslab_cache_free_bulk(c->goslab, n, p);
		break;
	case BN_KMALLOC:
		kfree_bulk(n, p);
		break;
	case BN_KMEM_CACHE:
		kmem_cache_free_bulk(c->slab, n, p);
		break;
	default:
		for (i = 0; i < n; i++)
			bn_free(c, p[i], way);
	}
}

static __always_inline int bulk(struct bn_case *c, enum bn_way way)
{
	unsigned int j, n = *(unsigned int *)c->data;
	u64 start;

	for (j = 0; j < c->n; j++) {
		start = bn_clock();
		if (unlikely(!alloc_bulk(c, n, c->objs, way)))
			return -ENOMEM;
		c->alloc_took += bn_clock() - start;
		free_bulk(c, n, c->objs, way);
	}
	return 0;
}

BN_LOOPS(bulk);

static __always_inline int sheaf(struct bn_case *c, enum bn_way way)
{
	struct goslab_sheaf *reserve = NULL;
	unsigned int i, j;
	void *p;

	for (j = 0; j < c->n; j++) {
		if (way == BN_GOSLAB_CACHE)
			reserve = goslab_cache_prefill_sheaf(c->goslab,
							     GFP_KERNEL,
							     RESERVE);
		if (way == BN_GOSLAB_CACHE ? !reserve :
		    !alloc_bulk(c, RESERVE, c->objs, way))
			return -ENOMEM;
		for (i = 0; i < RESERVE; i++) {
			p = way == BN_GOSLAB_CACHE ?
				goslab_cache_alloc_from_sheaf(c->goslab, 0,
							      reserve) :
				READ_ONCE(c->objs[i]);
			bn_free(c, p, way);
		}
		if (way == BN_GOSLAB_CACHE)
			goslab_cache_return_sheaf(c->goslab, GFP_KERNEL,
						  reserve);
	}
	return 0;
}

BN_LOOPS(sheaf);

/* Room for objects, and what the ways need. */
static int measure(struct bn_case *c)
{
	int err = -ENOMEM;

	c->objs = kvmalloc_array(BN_BATCH, sizeof(*c->objs), GFP_KERNEL);
	if (c->objs) {
		err = bn_case_open(c, NULL);
		if (!err)
			err = bn_measure(c);
		bn_case_close(c);
	}
	kvfree(c->objs);
	return err;
}

static int measure_bulk(const char *name, unsigned int n,
			int (*const *loops)(struct bn_case *))
{
	static const size_t sizes[] = { 64, 256, 1024 };
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .stretches = 3,
			.ways = BN_ALL & ~(BIT(BN_MEMPOOL) | BIT(BN_PAGES)),
			.loops = loops, .data = &n,
			.n = max(40 * MOST / n * bn_scale / 100, 4U),
		};

		c.ops = (u64)c.n * n;
		if (bn_wanted(c.size))
			err = measure(&c);
	}
	return err;
}

/* The number of objects is what the name ends in. */
int bn_bulk(const char *name)
{
	unsigned int n;

	if (kstrtouint(name + strlen("bulk_"), 10, &n) || n > MOST)
		return -EINVAL;
	return measure_bulk(name, n, bulk_loops);
}

int bn_sheaf(const char *name)
{
	return measure_bulk(name, RESERVE, sheaf_loops);
}

/* What a user of RCU frees. */
struct readable {
	struct rcu_head rcu;
};

static __always_inline int free_rcu(struct bn_case *c, enum bn_way way)
{
	struct readable *r;
	unsigned int i, j;
	u64 start;

	for (j = 0; j < c->n; j++) {
		for (i = 0; i < BN_BATCH; i++) {
			c->objs[i] = bn_alloc(c, bn_size(c), way);
			if (unlikely(!c->objs[i]))
				return -ENOMEM;
		}
		start = bn_clock();
		for (i = 0; i < BN_BATCH; i++) {
			r = READ_ONCE(c->objs[i]);
			if (way == BN_GOSLAB)
				goslab_free_rcu(r, rcu);
			else if (way == BN_KMALLOC)
				kfree_rcu(r, rcu);
		}
		c->took += bn_clock() - start;
		goslab_free_rcu_barrier();
		rcu_barrier();
	}
	return 0;
}

BN_LOOPS(free_rcu);

int bn_free_rcu(const char *name)
{
	struct bn_case c = {
		.workload = name, .size = 64, .stretches = 2,
		.ways = BN_ANY_SIZE, .loops = free_rcu_loops,
		.n = max(4 * bn_scale / 100, 1U),
	};

	c.ops = (u64)c.n * BN_BATCH;
	return measure(&c);
}

static __always_inline int kv_pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		if (way == BN_GOSLAB)
			p = goslab_kvmalloc(bn_size(c), GFP_KERNEL);
		else if (way == BN_KMALLOC)
			p = kvmalloc(bn_size(c), GFP_KERNEL);
		else
			p = bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		if (way == BN_GOSLAB)
			goslab_kvfree(p);
		else if (way == BN_KMALLOC)
			kvfree(p);
		else
			bn_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(kv_pair);

static __always_inline int heap_pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		p = way == BN_GOSLAB ?
			goslab_heap_malloc(c->data, bn_size(c), GFP_KERNEL) :
			bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		bn_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(heap_pair);

#ifdef kmalloc_nolock
#define NOLOCK_WAYS	BN_ANY_SIZE
#define slab_nolock(size)	kmalloc_nolock(size, 0, NUMA_NO_NODE)
#else
#define NOLOCK_WAYS	(BN_ANY_SIZE & ~BIT(BN_KMALLOC))
#define slab_nolock(size)	NULL
#define kfree_nolock(p)		kfree(p)
#endif

/* Who gets nothing, and may, takes the usual call. */
static __always_inline int nolock_pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		p = NULL;
		if (way == BN_GOSLAB)
			p = goslab_malloc_nolock(bn_size(c), 0, NUMA_NO_NODE);
		else if (way == BN_KMALLOC)
			p = slab_nolock(bn_size(c));
		if (!p)
			p = bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		if (way == BN_GOSLAB)
			goslab_free_nolock(p);
		else if (way == BN_KMALLOC)
			kfree_nolock(p);
		else
			bn_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(nolock_pair);

static int measure_pairs(const char *name, const size_t *sizes, unsigned int nr,
			 unsigned long ways,
			 int (*const *loops)(struct bn_case *), void *data)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .stretches = 3,
			.ways = ways, .loops = loops, .data = data,
			.n = max(4000 * bn_scale / 100, 1U),
		};

		c.ops = c.n;
		if (bn_wanted(c.size))
			err = bn_measure_open(&c);
	}
	return err;
}

int bn_kvmalloc(const char *name)
{
	static const size_t sizes[] = { 64, 4096, SZ_64K, SZ_1M };

	return measure_pairs(name, sizes, ARRAY_SIZE(sizes), BN_ANY_SIZE,
			     kv_pair_loops, NULL);
}

int bn_nolock(const char *name)
{
	static const size_t sizes[] = { 64, 1024 };

	return measure_pairs(name, sizes, ARRAY_SIZE(sizes), NOLOCK_WAYS,
			     nolock_pair_loops, NULL);
}

int bn_heap(const char *name)
{
	static const size_t sizes[] = { 64, 256, 1024 };
	struct goslab_heap *heap = goslab_heap_create("bench", NULL);
	int err;

	if (!heap)
		return -ENOMEM;
	err = measure_pairs(name, sizes, ARRAY_SIZE(sizes), BN_ANY_SIZE,
			    heap_pair_loops, heap);
	goslab_heap_destroy(heap);
	return err;
}
