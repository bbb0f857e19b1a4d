// SPDX-License-Identifier: GPL-2.0
/*
 * region.c: memory that is cut off a chunk.
 *
 * region       1024 pieces, then all freed at once; kmalloc frees them one by one
 * region_mark  a mark, a piece, and back to the mark; kmalloc makes pairs
 * frag         fragments of this CPU, each freed before the 16th after it is
 *              allocated; kmalloc does the same
 *
 * An operation is one piece, both halves.
 *
 * Context: task.
 */
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "bench.h"

#define LIVE	16	/* fragments at a time */

/**
 * struct region_case - what the loops use.
 * @region: of the loops "region" and "region_mark".
 * @frags: of the loop "frag".
 */
struct region_case {
	struct goslab_region region;
	struct goslab_frag_cache *frags;
};

static __always_inline int region(struct bn_case *c, enum bn_way way)
{
	struct region_case *rc = c->data;
	void **objs = c->objs;
	unsigned int i, j;

	for (j = 0; j < c->n; j++) {
		for (i = 0; i < BN_BATCH; i++) {
			if (way == BN_GOSLAB)
				objs[i] = goslab_region_alloc(&rc->region, bn_size(c),
							      GFP_KERNEL);
			else
				objs[i] = bn_alloc(c, bn_size(c), way);
			if (unlikely(!objs[i]))
				return -ENOMEM;
		}
		if (way == BN_GOSLAB)
			goslab_region_reset(&rc->region);
		else
			for (i = 0; i < BN_BATCH; i++)
				bn_free(c, objs[i], way);
	}
	return 0;
}

BN_LOOPS(region);

static __always_inline int region_mark(struct bn_case *c, enum bn_way way)
{
	struct region_case *rc = c->data;
	unsigned int i;
	void *p;

	for (i = 0; i < c->n * BN_BATCH; i++) {
		if (way == BN_GOSLAB) {
			struct goslab_region_mark was = goslab_region_mark(&rc->region);

			p = goslab_region_alloc(&rc->region, bn_size(c), GFP_KERNEL);
			goslab_region_restore(&rc->region, was);
		} else {
			p = bn_alloc(c, bn_size(c), way);
			bn_free(c, p, way);
		}
		if (unlikely(!p))
			return -ENOMEM;
	}
	return 0;
}

BN_LOOPS(region_mark);

static __always_inline void frag_free(struct bn_case *c, void *p, enum bn_way way)
{
	if (way == BN_GOSLAB)
		goslab_frag_free(p);
	else
		bn_free(c, p, way);
}

static __always_inline int frag(struct bn_case *c, enum bn_way way)
{
	struct region_case *rc = c->data;
	void *live[LIVE] = { };
	unsigned int i;
	void **slot;

	for (i = 0; i < c->n * BN_BATCH; i++) {
		slot = &live[i % LIVE];
		if (*slot)
			frag_free(c, *slot, way);
		if (way == BN_GOSLAB)
			*slot = goslab_frag_alloc(rc->frags, bn_size(c), GFP_KERNEL);
		else
			*slot = bn_alloc(c, bn_size(c), way);
		if (unlikely(!*slot))
			return -ENOMEM;
	}
	for (i = 0; i < LIVE; i++)
		if (live[i])
			frag_free(c, live[i], way);
	return 0;
}

BN_LOOPS(frag);

static int measure(const char *name, size_t size, struct region_case *rc)
{
	struct bn_case c = {
		.workload = name, .size = size, .stretches = 3, .ways = BN_ANY_SIZE,
		.data = rc, .n = max(20 * bn_scale / 100, 1U),
		.loops = !strcmp(name, "frag") ? frag_loops :
			 !strcmp(name, "region_mark") ? region_mark_loops : region_loops,
	};
	int err = -ENOMEM;

	c.ops = (u64)c.n * BN_BATCH;
	c.objs = kvmalloc_array(BN_BATCH, sizeof(*c.objs), GFP_KERNEL);
	if (c.objs)
		err = bn_measure_open(&c);
	kvfree(c.objs);
	return err;
}

/* Also of "region_mark" and "frag". */
int bn_region(const char *name)
{
	static const size_t sizes[] = { 16, 64, 256, 1024 };
	struct region_case rc;
	unsigned int i;
	int err = 0;

	goslab_region_init(&rc.region, NULL);
	rc.frags = goslab_frag_cache_create(NULL);
	if (!rc.frags)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		if (bn_wanted(sizes[i]))
			err = measure(name, sizes[i], &rc);
	goslab_frag_cache_destroy(rc.frags);
	goslab_region_destroy(&rc.region);
	return err;
}
