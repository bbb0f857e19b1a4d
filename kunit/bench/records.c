// SPDX-License-Identifier: GPL-2.0
/*
 * records.c: what objects with records cost, and a collection.
 *
 * action   allocate, add an action, free; an operation is all three. kmalloc: the same
 *          by hand, with a record of its own that the free calls
 * weak     a weak handle of a live object, put again
 * collect  a thousand objects in cycles of two, then a collection frees them; an
 *          operation is one object, both parts
 *
 * Context: task.
 */
#include <linux/sizes.h>
#include <linux/string.h>

#include "bench.h"

#define CYCLES	500

/* What somebody keeps who calls a function at the end of an object. */
struct by_hand {
	struct hlist_node link;
	void (*fn)(void *p, void *arg);
	void *arg;
};

/* Of a collected heap; the first two words are pointers. */
struct node {
	struct node *next;
	struct node *prev;
};

struct graph {
	struct goslab_heap *heap;
	struct goslab_cache *nodes;
};

static unsigned long nr_ended;

static noinline void count_end(void *p, void *arg)
{
	nr_ended++;
}

static int free_by_hand(void *p, struct hlist_head *records)
{
	struct by_hand *r = hlist_entry(records->first, struct by_hand, link);

	hlist_del(&r->link);
	r->fn(p, r->arg);
	kfree(r);
	kfree(p);
	return 0;
}

static int add_by_hand(struct hlist_head *records)
{
	struct by_hand *r = kmalloc(sizeof(*r), GFP_KERNEL);

	if (!r)
		return -ENOMEM;
	r->fn = count_end;
	r->arg = NULL;
	hlist_add_head(&r->link, records);
	return 0;
}

static __always_inline int action(struct bn_case *c, enum bn_way way)
{
	HLIST_HEAD(records);
	unsigned int i;
	void *p;
	int err = 0;

	for (i = 0; i < c->n && way != BN_EMPTY && !err; i++) {
		p = bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		if (way == BN_GOSLAB)
			err = goslab_action_add(p, count_end, NULL, GFP_KERNEL);
		else
			err = add_by_hand(&records);
		if (way == BN_GOSLAB || err)
			bn_free(c, p, way);
		else
			free_by_hand(p, &records);
	}
	return err;
}

BN_LOOPS(action);

static __always_inline int weak(struct bn_case *c, enum bn_way way)
{
	struct goslab_weak *handle;
	unsigned int i;
	void *p = bn_alloc(c, bn_size(c), BN_GOSLAB);
	int err = p ? 0 : -ENOMEM;

	for (i = 0; i < c->n && way == BN_GOSLAB && !err; i++) {
		handle = goslab_weak_get(p, GFP_KERNEL);
		if (IS_ERR(handle))
			err = PTR_ERR(handle);
		else
			goslab_weak_put(handle);
	}
	goslab_free(p);
	return err;
}

BN_LOOPS(weak);

static int make_cycles(struct graph *g)
{
	unsigned int i;

	for (i = 0; i < CYCLES; i++) {
		struct node *a = goslab_cache_alloc(g->nodes, GFP_KERNEL | __GFP_ZERO);
		struct node *b = goslab_cache_alloc(g->nodes, GFP_KERNEL | __GFP_ZERO);

		if (!a || !b)
			return -ENOMEM;
		a->next = b;
		b->prev = a;
	}
	return 0;
}

static __always_inline int collect(struct bn_case *c, enum bn_way way)
{
	struct graph *g = c->data;
	unsigned int i;
	int err = 0;

	for (i = 0; i < c->n && way == BN_GOSLAB && !err; i++) {
		goslab_gc_enter(g->heap);
		err = make_cycles(g);
		goslab_gc_leave(g->heap);
		if (!err && goslab_gc_collect(g->heap) != 2 * CYCLES)
			err = -EIO;
	}
	return err;
}

BN_LOOPS(collect);

static int measure_collect(struct bn_case *c)
{
	struct goslab_heap_args args = { .flags = GOSLAB_HEAP_GC };
	unsigned long mask[BITS_TO_LONGS(SZ_64 / sizeof(long))] = { 3 };
	struct goslab_cache_args of = { .pointers = mask };
	struct graph g = { .heap = goslab_heap_create("bench-gc", &args) };
	int err = -ENOMEM;

	if (!g.heap)
		return err;
	of.heap = g.heap;
	g.nodes = goslab_cache_create_args("bench-gc-node", c->size, &of, 0);
	if (g.nodes) {
		c->data = &g;
		err = bn_measure_open(c);
	}
	goslab_cache_destroy(g.nodes);
	goslab_heap_destroy(g.heap);
	return err;
}

int bn_records(const char *name)
{
	struct bn_case c = {
		.workload = name, .size = SZ_64, .stretches = 3,
		.ways = BIT(BN_GOSLAB) | BIT(BN_EMPTY),
		.n = max(2000 * bn_scale / 100, 1U),
	};

	if (!bn_wanted(c.size))
		return 0;
	c.ops = c.n;
	if (!strcmp(name, "action")) {
		c.ways |= BIT(BN_KMALLOC);
		c.loops = action_loops;
		return bn_measure_open(&c);
	}
	if (!strcmp(name, "weak")) {
		c.loops = weak_loops;
		return bn_measure_open(&c);
	}
	c.n = max(10 * bn_scale / 100, 1U);
	c.ops = (u64)c.n * 2 * CYCLES;
	c.loops = collect_loops;
	return measure_collect(&c);
}
