// SPDX-License-Identifier: GPL-2.0
/*
 * passing.c: objects that one thread allocates and another one frees.
 *
 * producer_consumer  one of each, objects of one size
 * xmalloc            as many of each as there are threads, sizes 16 to 512
 *
 * Objects are passed on in batches of PASSED, so that the scheduler is not what
 * is measured; a pair of threads has BOXES of them. An operation is one object.
 *
 * Context: task; sleeps.
 */
#include <linux/mm.h>
#include <linux/semaphore.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define PASSED	256
#define BOXES	4

/* What a producer and its consumer share. */
struct channel {
	struct semaphore full;
	struct semaphore empty;
	void *box[BOXES][PASSED];
};

static __always_inline int produce(struct bn_case *c, struct bn_thread *t,
				   struct channel *ch, enum bn_way way)
{
	unsigned int i, j;
	void **box;
	int err = 0;

	for (i = 0; i < c->n; i++) {
		down(&ch->empty);
		box = ch->box[i % BOXES];
		for (j = 0; j < PASSED; j++) {
			size_t size = bn_size(c) ? :
				      16 + bn_below(&t->random, 497);

			box[j] = err ? NULL : bn_alloc(c, size, way);
			if (unlikely(!box[j]))
				err = -ENOMEM;
		}
		up(&ch->full);
	}
	return err;
}

static __always_inline int consume(struct bn_case *c, struct channel *ch,
				   enum bn_way way)
{
	unsigned int i, j;
	void **box;

	for (i = 0; i < c->n; i++) {
		down(&ch->full);
		box = ch->box[i % BOXES];
		for (j = 0; j < PASSED; j++)
			if (likely(box[j]))
				bn_free(c, box[j], way);
		up(&ch->empty);
	}
	return 0;
}

static __always_inline int passing(struct bn_case *c, struct bn_thread *t,
				   enum bn_way way)
{
	struct channel *ch = (struct channel *)c->data + t->number / 2;

	if (t->number & 1)
		return consume(c, ch, way);
	return produce(c, t, ch, way);
}

BN_THREAD_LOOPS(passing);

static int measure_passing(struct bn_case *c)
{
	struct channel *ch;
	unsigned int i;
	int err;

	c->loops = passing_loops;
	c->n = max(64 * bn_scale / 100, 1U);
	c->ops = (u64)c->n * PASSED * (c->threads / 2);
	c->cpus = min(c->threads, num_online_cpus());
	ch = vmalloc(array_size(c->threads / 2, sizeof(*ch)));
	if (!ch)
		return -ENOMEM;
	for (i = 0; i < c->threads / 2; i++) {
		sema_init(&ch[i].full, 0);
		sema_init(&ch[i].empty, BOXES);
	}
	c->data = ch;
	err = bn_measure_open(c);
	vfree(ch);
	return err;
}

int bn_producer_consumer(const char *name)
{
	static const size_t sizes[] = { 64, 256, 1024 };
	int i, err = 0;

	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++) {
		struct bn_case c = {
			.workload = name, .size = sizes[i], .threads = 2,
			.ways = BN_ANY_SIZE | BN_CACHES,
		};

		if (bn_wanted(sizes[i]))
			err = measure_passing(&c);
	}
	return err;
}

int bn_xmalloc(const char *name)
{
	struct bn_case c = {
		.workload = name, .ways = BN_ANY_SIZE,
		.threads = max(4U, round_up(bn_threads, 2)),
	};

	return measure_passing(&c);
}
