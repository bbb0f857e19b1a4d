// SPDX-License-Identifier: GPL-2.0
/*
 * ways.c: what each way of allocating needs: caches, a pool, the floor.
 *
 * A way that cannot serve a size is taken out of the case.
 *
 * Context: task; sleeps.
 */
#include <linux/cpumask.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define POOL_MIN	16	/* elements that mempool keeps */

const char *const bn_way_names[BN_WAYS] = {
	[BN_GOSLAB] = "goslab",
	[BN_GOSLAB_CACHE] = "goslab_cache",
	[BN_KMALLOC] = "kmalloc",
	[BN_KMEM_CACHE] = "kmem_cache",
	[BN_MEMPOOL] = "mempool",
	[BN_PAGES] = "pages",
	[BN_FLOOR] = "floor",
	[BN_EMPTY] = "empty",
};

/* As much of a per-CPU cache as nobody can do without. */
struct floor {
	unsigned int n;
	void *entry[BN_BATCH + 8];
};

static struct floor __percpu *floor;
static char floor_objects[BN_BATCH];	/* only their addresses matter */

/* Not inline: whoever allocates in a module calls a function. */
noinline void *bn_floor_pop(void)
{
	struct floor *f;
	void *p = NULL;

	preempt_disable();
	f = this_cpu_ptr(floor);
	if (likely(f->n))
		p = f->entry[--f->n];
	preempt_enable();
	return p;
}

noinline void bn_floor_push(void *p)
{
	struct floor *f;

	preempt_disable();
	f = this_cpu_ptr(floor);
	if (likely(f->n < ARRAY_SIZE(f->entry)))
		f->entry[f->n++] = p;
	preempt_enable();
}

int bn_ways_init(void)
{
	floor = alloc_percpu(struct floor);
	return floor ? 0 : -ENOMEM;
}

void bn_ways_exit(void)
{
	free_percpu(floor);
}

/* As many entries as a batch takes. */
void bn_floor_fill(void)
{
	unsigned int i;
	int cpu;

	for_each_possible_cpu(cpu) {
		struct floor *f = per_cpu_ptr(floor, cpu);

		for (i = 0; i < BN_BATCH; i++)
			f->entry[i] = &floor_objects[i];
		f->n = BN_BATCH;
	}
}

/* Caches need a size of their own, pages a whole one. */
static unsigned int ways_for(const struct bn_case *c)
{
	unsigned int ways = c->ways & bn_wanted_ways;

	if (!c->size)
		ways &= BN_ANY_SIZE;
	if (c->size < PAGE_SIZE)
		ways &= ~BIT(BN_PAGES);
	return ways;
}

/**
 * bn_shrink() - give back what both allocators keep of objects that are gone.
 *
 * Whether free pages happen to fit the next case would be luck, and more than
 * a tenth of a batch. Both sides start from empty lists. The kernel's lists of
 * free pages by CPU stay: nothing that a module may call empties them.
 */
void bn_shrink(void)
{
	unsigned int type, i;

	goslab_shrink();
	for (type = 0; type < ARRAY_SIZE(kmalloc_caches); type++)
		for (i = 0; i < ARRAY_SIZE(kmalloc_caches[0]); i++)
			if (kmalloc_caches[type][i])
				kmem_cache_shrink(kmalloc_caches[type][i]);
}

/**
 * bn_case_open() - make what the ways of a case need.
 * @c: with size and ways set.
 * @ctor: NULL or the constructor of the caches.
 *
 * What earlier cases left goes first.
 *
 * Return: 0 or -ENOMEM; bn_case_close() in any case.
 */
int bn_case_open(struct bn_case *c, void (*ctor)(void *object))
{
	bn_shrink();
	c->ways = ways_for(c);
	c->rounds = c->rounds ? : bn_rounds;
	c->stretches = c->stretches ? : 1;
	c->cpus = c->cpus ? : 1;
	c->order_of_size = get_order(c->size ? : 1);
	if (c->ways & BIT(BN_GOSLAB_CACHE)) {
		c->goslab = goslab_cache_create("bench", c->size, 0, 0, ctor);
		if (!c->goslab)
			return -ENOMEM;
	}
	if (c->ways & BIT(BN_KMEM_CACHE)) {
		c->slab = kmem_cache_create("goslab_bench", c->size, 0,
					    SLAB_NO_MERGE, ctor);
		if (!c->slab)
			return -ENOMEM;
	}
	if (c->ways & BIT(BN_MEMPOOL)) {
		c->pool = mempool_create_kmalloc_pool(POOL_MIN, c->size);
		if (!c->pool)
			return -ENOMEM;
	}
	return 0;
}

void bn_case_close(struct bn_case *c)
{
	mempool_destroy(c->pool);
	kmem_cache_destroy(c->slab);
	goslab_cache_destroy(c->goslab);
	c->pool = NULL;
	c->slab = NULL;
	c->goslab = NULL;
}

static void reverse(u32 *order, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		order[i] = n - 1 - i;
}

static void shuffle(u32 *order, unsigned int n)
{
	u64 state = 1;
	unsigned int i;

	for (i = n - 1; i > 0; i--) {
		u32 other = bn_below(&state, i + 1);

		swap(order[i], order[other]);
	}
}

/* 0 to n - 1 in the order of @kind, always the same: a workload's name. */
void bn_fill_order(u32 *order, unsigned int n, const char *kind)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		order[i] = i;
	if (strstr(kind, "reverse"))
		reverse(order, n);
	if (strstr(kind, "shuffled"))
		shuffle(order, n);
}

/* Free what a turn of goslab or kmalloc left; of other ways nothing is an object. */
void bn_free_objects(void **objs, unsigned int n, enum bn_way way)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (way == BN_GOSLAB)
			goslab_free(objs[i]);
		else if (way == BN_KMALLOC)
			kfree(objs[i]);
		objs[i] = NULL;
	}
}
