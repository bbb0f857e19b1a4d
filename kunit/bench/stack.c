// SPDX-License-Identifier: GPL-2.0
/*
 * stack.c: page stacks, as kernel threads without vmalloc() use them.
 *
 * stack        allocate, free; an operation is both
 * stack_batch  sixteen stacks, then all freed, as when a pool of threads comes and
 *              goes; an operation is one stack, both halves
 *
 * goslab is goslab_stack_alloc(); pages are what the kernel takes for the stack of a
 * thread without VMAP_STACK.
 *
 * Context: task.
 */
#include <linux/kernel.h>
#include <linux/sizes.h>

#include "bench.h"

#define BURST	16

static __always_inline void *stack_alloc(const struct bn_case *c, enum bn_way way)
{
	if (way == BN_GOSLAB)
		return goslab_stack_alloc(bn_size(c), GFP_KERNEL);
	return bn_alloc(c, bn_size(c), way);
}

static __always_inline void stack_free(const struct bn_case *c, void *p,
				       enum bn_way way)
{
	if (way == BN_GOSLAB)
		goslab_stack_free(p);
	else
		bn_free(c, p, way);
}

static __always_inline int stack_pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		p = stack_alloc(c, way);
		if (unlikely(!p))
			return -ENOMEM;
		stack_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(stack_pair);

static __always_inline int stack_batch(struct bn_case *c, enum bn_way way)
{
	void *stacks[BURST];
	unsigned int i, j;

	for (j = 0; j < c->n; j++) {
		for (i = 0; i < BURST; i++) {
			stacks[i] = stack_alloc(c, way);
			if (unlikely(!stacks[i]))
				goto none;
		}
		for (i = 0; i < BURST; i++)
			stack_free(c, stacks[i], way);
	}
	return 0;
none:
	while (i--)
		stack_free(c, stacks[i], way);
	return -ENOMEM;
}

BN_LOOPS(stack_batch);

int bn_stack(const char *name)
{
	static const size_t sizes[] = { SZ_8K, SZ_16K, SZ_32K, SZ_64K, SZ_128K, SZ_256K };
	bool all = strstr(name, "batch");
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .stretches = 3,
			.ways = BIT(BN_GOSLAB) | BIT(BN_PAGES) | BIT(BN_EMPTY) |
				BIT(BN_KMALLOC) | BN_CACHES,
			.loops = all ? stack_batch_loops : stack_pair_loops,
			.n = max((all ? 300 : 5000) * bn_scale / 100, 1U),
		};

		c.ops = (u64)c.n * (all ? BURST : 1);
		if (bn_wanted(sizes[i]))
			err = bn_measure_open(&c);
	}
	return err;
}
