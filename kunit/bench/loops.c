// SPDX-License-Identifier: GPL-2.0
/*
 * loops.c: one thread, objects of one size: pairs and batches.
 *
 * pair        allocate, free; an operation is both
 * pair_const  the same with a size that the compiler knows
 * batch       1024 objects, then all freed, in the same, the reverse or a
 *             shuffled order; an operation is one object, both halves
 * tiny        pairs and batches of 1 to 15 bytes without pointers
 * ctor        pairs and batches of caches with a constructor
 *
 * Context: task.
 */
#include <linux/kernel.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

static __always_inline int pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		p = bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		bn_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(pair);

static __always_inline int batch(struct bn_case *c, enum bn_way way)
{
	void **objs = c->objs;
	unsigned int i, j;
	u64 start;

	for (j = 0; j < c->n; j++) {
		start = bn_clock();
		for (i = 0; i < BN_BATCH; i++) {
			objs[i] = bn_alloc(c, bn_size(c), way);
			if (unlikely(!objs[i]))
				return -ENOMEM;
		}
		c->alloc_took += bn_clock() - start;
		for (i = 0; i < BN_BATCH; i++)
			bn_free(c, objs[c->order[i]], way);
	}
	return 0;
}

BN_LOOPS(batch);

/* Steps, scaled; fewer where each of them is dearer. */
static unsigned int steps(unsigned int n, size_t size)
{
	if (size > SZ_4K)
		n /= 4;
	if (size > SZ_32K)
		n /= 4;
	return max(n * bn_scale / 100, 1U);
}

static int measure_pair(const char *name, size_t size,
			int (*const *loops)(struct bn_case *))
{
	struct bn_case c = {
		.workload = name, .size = size, .ways = BN_ALL,
		.loops = loops, .n = steps(20000, size), .stretches = 3,
	};

	c.ops = c.n;
	return bn_measure_open(&c);
}

int bn_pair(const char *name)
{
	static const size_t sizes[] = {
		8, 16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096, 8192,
		12288, 16384, 24576, 32768, SZ_64K, SZ_256K, SZ_1M,
	};
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		if (bn_wanted(sizes[i]))
			err = measure_pair(name, sizes[i], pair_loops);
	return err;
}

#define PAIR_CONST(bytes)						\
static __always_inline int pair_##bytes(struct bn_case *c, enum bn_way way) \
{									\
	unsigned int i;							\
	void *p;							\
									\
	for (i = 0; i < c->n; i++) {					\
		p = bn_alloc(c, bytes, way);				\
		if (unlikely(!p))					\
			return -ENOMEM;					\
		bn_free(c, p, way);					\
	}								\
	return 0;							\
}									\
BN_LOOPS(pair_##bytes)

PAIR_CONST(8);
PAIR_CONST(64);
PAIR_CONST(256);
PAIR_CONST(1024);
PAIR_CONST(4096);

int bn_pair_const(const char *name)
{
	int err = measure_pair(name, 8, pair_8_loops);

	err = err ? : measure_pair(name, 64, pair_64_loops);
	err = err ? : measure_pair(name, 256, pair_256_loops);
	err = err ? : measure_pair(name, 1024, pair_1024_loops);
	err = err ? : measure_pair(name, 4096, pair_4096_loops);
	return err;
}

/* A case with room for a batch, freed in the order that its name says. */
static int measure_batch(struct bn_case *c, void (*ctor)(void *object))
{
	int err = -ENOMEM;

	c->ops = (u64)c->n * BN_BATCH;
	c->objs = kvmalloc_array(BN_BATCH, sizeof(*c->objs), GFP_KERNEL);
	c->order = kvmalloc_array(BN_BATCH, sizeof(*c->order), GFP_KERNEL);
	if (c->objs && c->order) {
		bn_fill_order(c->order, BN_BATCH, c->workload);
		err = bn_case_open(c, ctor);
		if (!err)
			err = bn_measure(c);
		bn_case_close(c);
	}
	kvfree(c->order);
	kvfree(c->objs);
	return err;
}

int bn_batch(const char *name)
{
	static const size_t sizes[] = {
		8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384,
	};
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .ways = BN_ALL,
			.loops = batch_loops, .n = steps(10, 1), .stretches = 3,
		};

		if (bn_wanted(sizes[i]))
			err = measure_batch(&c, NULL);
	}
	return err;
}

/* Through the call for objects without pointers, where goslab has one. */
static __always_inline void *tiny_alloc(const struct bn_case *c,
					enum bn_way way)
{
	if (way == BN_GOSLAB)
		return goslab_malloc_noscan(bn_size(c), GFP_KERNEL);
	return bn_alloc(c, bn_size(c), way);
}

static __always_inline int tiny_pair(struct bn_case *c, enum bn_way way)
{
	unsigned int i;
	void *p;

	for (i = 0; i < c->n; i++) {
		p = tiny_alloc(c, way);
		if (unlikely(!p))
			return -ENOMEM;
		bn_free(c, p, way);
	}
	return 0;
}

BN_LOOPS(tiny_pair);

static __always_inline int tiny_batch(struct bn_case *c, enum bn_way way)
{
	void **objs = c->objs;
	unsigned int i, j;

	for (j = 0; j < c->n; j++) {
		for (i = 0; i < BN_BATCH; i++) {
			objs[i] = tiny_alloc(c, way);
			if (unlikely(!objs[i]))
				return -ENOMEM;
		}
		for (i = 0; i < BN_BATCH; i++)
			bn_free(c, objs[c->order[i]], way);
	}
	return 0;
}

BN_LOOPS(tiny_batch);

int bn_tiny(const char *name)
{
	static const size_t sizes[] = { 1, 2, 4, 8, 12, 15 };
	bool all = strstr(name, "batch");
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .stretches = 3,
			.ways = BN_ANY_SIZE | BIT(BN_FLOOR),
			.loops = all ? tiny_batch_loops : tiny_pair_loops,
			.n = steps(all ? 10 : 20000, 1),
		};

		c.ops = c.n;
		err = all ? measure_batch(&c, NULL) : bn_measure_open(&c);
	}
	return err;
}

static void construct(void *object)
{
	memset(object, 0xa5, 64);
}

int bn_ctor(const char *name)
{
	static const size_t sizes[] = { 64, 256, 1024 };
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .stretches = 5,
			.ways = BN_CACHES | BIT(BN_EMPTY),
			.loops = batch_loops, .n = steps(10, 1),
		};

		err = measure_batch(&c, construct);
	}
	return err;
}
