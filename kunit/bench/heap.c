// SPDX-License-Identifier: GPL-2.0
/*
 * heap.c: many live objects of mixed sizes.
 *
 * pareto          sizes and lifetimes have long tails: a slot is taken, its
 *                 object freed and another one put there; a few slots are
 *                 taken often and most hardly ever
 * random_replace  a heap of 1 MiB to 4 GiB: any object is freed and another
 *                 one put there; "touched" writes the first word of it, as its
 *                 user would, so that a line that an allocator has loaded by
 *                 itself is to its credit; "cpus": several threads, each in
 *                 1 MiB of its own
 *
 * An operation is one replacement. Sizes and slots are the same for all ways.
 *
 * Context: task.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define PARETO_SLOTS	(1U << 13)
#define PARETO_EVENTS	(1U << 16)

struct event {
	u16 slot;
	u16 size;
};

/* Half as many at twice the size; 64 bytes are the middle, 8 KiB the most. */
static u32 pareto_size(u64 *state)
{
	u32 bits = min_t(u32, __ffs(bn_random(state) >> 32 | BIT(9)), 9);

	return (8 + bn_below(state, 9)) << bits;
}

static void make_events(struct event *e)
{
	u64 state = 1;
	u32 i;

	for (i = 0; i < PARETO_EVENTS; i++) {
		e[i].slot = bn_below(&state, PARETO_SLOTS) >>
			    bn_below(&state, 13);
		e[i].size = pareto_size(&state);
	}
}

static __always_inline int pareto(struct bn_case *c, enum bn_way way)
{
	const struct event *e = c->data, *end = e + PARETO_EVENTS;

	for (; e < end; e++)
		if (bn_replace(c, &c->objs[e->slot], e->size, way))
			return -ENOMEM;
	return 0;
}

BN_LOOPS(pareto);

static void free_object(struct bn_case *c, void *p, enum bn_way way)
{
	if (way == BN_GOSLAB)
		bn_free(c, p, BN_GOSLAB);
	else if (way == BN_KMALLOC)
		bn_free(c, p, BN_KMALLOC);
}

static void free_objects(struct bn_case *c, enum bn_way way, u32 slots)
{
	u32 i;

	for (i = 0; i < slots; i++) {
		if (c->objs[i])
			free_object(c, c->objs[i], way);
		c->objs[i] = NULL;
		if (!(i & 0xfff))
			cond_resched();
	}
}

static void free_pareto(struct bn_case *c, enum bn_way way)
{
	free_objects(c, way, PARETO_SLOTS);
}

int bn_pareto(const char *name)
{
	struct bn_case c = {
		.workload = name, .ways = BN_ANY_SIZE, .loops = pareto_loops,
		.ops = PARETO_EVENTS, .after = free_pareto, .stretches = 3,
	};
	int err = -ENOMEM;

	c.data = vmalloc(array_size(PARETO_EVENTS, sizeof(struct event)));
	c.objs = vzalloc(array_size(PARETO_SLOTS, sizeof(void *)));
	if (c.data && c.objs) {
		make_events(c.data);
		err = bn_measure_open(&c);
	}
	vfree(c.objs);
	vfree(c.data);
	return err;
}

struct heap {
	u64 state;
	u32 slots;
};

/* 64 to 568 bytes, 316 on average. */
static __always_inline size_t heap_size(u64 random)
{
	return (random & 0x1f8) + 64;
}

#define HEAP_MEAN	316

static __always_inline int replace(struct bn_case *c, enum bn_way way,
				   bool touch)
{
	struct heap *h = c->data;
	u64 state = h->state;
	unsigned int i;
	u64 random;
	void **slot;

	for (i = 0; i < c->n; i++) {
		random = bn_random(&state);
		slot = &c->objs[(random >> 32) * h->slots >> 32];
		bn_free(c, *slot, way);
		*slot = bn_alloc(c, heap_size(random), way);
		if (unlikely(!*slot))
			return -ENOMEM;
		if (touch)
			*(u64 *)*slot = random;
	}
	h->state = state;
	return 0;
}

static __always_inline int random_replace(struct bn_case *c, enum bn_way way)
{
	return replace(c, way, false);
}

static __always_inline int random_replace_touched(struct bn_case *c,
						  enum bn_way way)
{
	return replace(c, way, way != BN_EMPTY);
}

BN_LOOPS(random_replace);
BN_LOOPS(random_replace_touched);

static int fill_heap(struct bn_case *c, enum bn_way way)
{
	struct heap *h = c->data;
	u32 i;

	h->state = 1;
	for (i = 0; i < h->slots; i++) {
		size_t size = heap_size(bn_random(&h->state));

		if (way == BN_GOSLAB)
			c->objs[i] = bn_alloc(c, size, BN_GOSLAB);
		else if (way == BN_KMALLOC)
			c->objs[i] = bn_alloc(c, size, BN_KMALLOC);
		else
			c->objs[i] = c;
		if (!c->objs[i])
			return -ENOMEM;
		/* A user fills it; and a guest has its memory by then. */
		if (way != BN_EMPTY)
			memset(c->objs[i], 0, size);
		if (!(i & 0xfff))
			cond_resched();
	}
	return 0;
}

static void free_heap(struct bn_case *c, enum bn_way way)
{
	struct heap *h = c->data;

	free_objects(c, way, h->slots);
	bn_shrink();
}

static int measure_heap(const char *name, unsigned long mib)
{
	struct heap h = { .slots = ((u64)mib << 20) / HEAP_MEAN };
	struct bn_case c = {
		.workload = name, .ways = BN_ANY_SIZE, .data = &h,
		.heap = (u64)mib << 20, .n = max(20000 * bn_scale / 100, 1U),
		.loops = strstr(name, "touched") ?
			random_replace_touched_loops : random_replace_loops,
		.before = fill_heap, .after = free_heap, .stretches = 20,
		.rounds = bn_icount ? bn_rounds : mib > 1024 ? 6 : 12,
	};
	int err;

	c.ops = c.n;
	c.objs = vzalloc(array_size(h.slots, sizeof(void *)));
	if (!c.objs)
		return -ENOMEM;
	err = bn_measure_open(&c);
	vfree(c.objs);
	return err;
}

int bn_random_replace(const char *name)
{
	unsigned long mib;
	int err = 0;

	for (mib = 1; mib <= bn_heap_max && !err; mib *= 4) {
		if (totalram_pages() >> (20 - PAGE_SHIFT) < mib + mib / 3) {
			pr_info("%s: %lu MiB do not fit into this machine\n",
				name, mib);
			break;
		}
		err = measure_heap(name, mib);
	}
	return err;
}

/* Slots of each thread: a MiB of live objects. */
#define CPU_SLOTS	((1U << 20) / HEAP_MEAN)

static __always_inline int replace_own(struct bn_case *c, struct bn_thread *t,
				       enum bn_way way)
{
	void **objs = c->objs + t->number * CPU_SLOTS;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		u64 random = bn_random(&t->random);
		void **slot = &objs[(random >> 32) * CPU_SLOTS >> 32];

		if (bn_replace(c, slot, heap_size(random), way))
			return -ENOMEM;
	}
	return 0;
}

BN_THREAD_LOOPS(replace_own);

static void free_own(struct bn_case *c, enum bn_way way)
{
	free_objects(c, way, c->threads * CPU_SLOTS);
}

int bn_random_replace_cpus(const char *name)
{
	struct bn_case c = {
		.workload = name, .ways = BN_ANY_SIZE, .loops = replace_own_loops,
		.threads = bn_threads, .cpus = min(bn_threads, num_online_cpus()),
		.n = max(20000 * bn_scale / 100, 1U), .stretches = 4,
		.after = free_own,
	};
	int err = -ENOMEM;

	c.ops = (u64)c.n * c.threads;
	c.objs = vzalloc(array_size(c.threads * CPU_SLOTS, sizeof(void *)));
	if (c.objs)
		err = bn_measure_open(&c);
	vfree(c.objs);
	return err;
}
