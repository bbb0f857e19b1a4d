// SPDX-License-Identifier: GPL-2.0
/*
 * larson.c: workloads of several threads that user-space allocators are known
 * by, in the spirit of what mimalloc-bench says of them.
 *
 * larson         a server: each thread replaces random objects of 8 to 1000
 *                bytes among its own; from time to time it takes over those of
 *                another, so that most die on another CPU than they were made on
 * sh8bench       small objects in batches; half of them die at once, the last
 *                ones first, the others go to the next thread
 * cache_scratch  objects that one thread made are handed to all and freed, then
 *                each writes to small ones of its own: do they share lines?
 * mstress        objects of very different sizes, kept for short or long, some
 *                exchanged with whatever thread comes by
 *
 * What is live when a loop ends stays for the next one of the same way.
 *
 * Context: task.
 */
#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/math64.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define CHUNKS		1000	/* objects of a larson thread, of an mstress one */
#define GENERATIONS	4
#define TRANSFER	256	/* slots that mstress threads share */
#define LOT		512	/* objects of an sh8bench thread */

/* Sets of objects: one for each thread, and one more in nobody's hands. */
struct sets {
	void **mine[64];
	void **spare;
	void *transfer[TRANSFER];
	struct {
		void *p;
		u64 near;
	} ____cacheline_aligned now[64];
	u64 near[BN_WAYS];
};

static __always_inline int larson(struct bn_case *c, struct bn_thread *t,
				  enum bn_way way)
{
	struct sets *s = c->data;
	void **objs = s->mine[t->number];
	unsigned int i, g;

	for (g = 0; g < GENERATIONS; g++) {
		for (i = 0; i < c->n / GENERATIONS; i++) {
			u64 random = bn_random(&t->random);
			void **slot = &objs[(random >> 32) * CHUNKS >> 32];

			if (bn_replace(c, slot,
				       8 + (random & 0xffff) * 993 / 65536, way))
				return -ENOMEM;
		}
		objs = xchg(&s->spare, objs);
		cond_resched();
	}
	s->mine[t->number] = objs;
	return 0;
}

BN_THREAD_LOOPS(larson);

/* Small ones more often: 8 to 512 bytes, half of them up to 32. */
static __always_inline size_t sh8_size(u64 random)
{
	return (8 + (random >> 8 & 7) * 8) << (random & 7) >> 3 | 8;
}

static __always_inline int sh8bench(struct bn_case *c, struct bn_thread *t,
				    enum bn_way way)
{
	struct sets *s = c->data;
	void **objs = s->mine[t->number];
	unsigned int i, j;

	for (j = 0; j < c->n / LOT; j++) {
		/* The second half is what some other thread left there. */
		for (i = LOT / 2; i < LOT; i++)
			if (objs[i])
				bn_free(c, objs[i], way);
		for (i = 0; i < LOT; i++) {
			objs[i] = bn_alloc(c, sh8_size(bn_random(&t->random)),
					   way);
			if (unlikely(!objs[i]))
				return -ENOMEM;
		}
		for (i = LOT / 2; i-- > 0;) {
			bn_free(c, objs[i], way);
			objs[i] = NULL;
		}
		objs = xchg(&s->spare, objs);
	}
	s->mine[t->number] = objs;
	return 0;
}

BN_THREAD_LOOPS(sh8bench);

static __always_inline int cache_scratch(struct bn_case *c,
					 struct bn_thread *t, enum bn_way way)
{
	struct sets *s = c->data;
	unsigned int i, j, next = (t->number + 1) % c->threads;
	u8 *p = s->mine[t->number][0];

	s->mine[t->number][0] = NULL;
	if (p)
		bn_free(c, p, way);
	for (i = 0; i < c->n; i++) {
		p = bn_alloc(c, bn_size(c), way);
		if (unlikely(!p))
			return -ENOMEM;
		WRITE_ONCE(s->now[t->number].p, p);
		if (((ulong)p ^ (ulong)READ_ONCE(s->now[next].p)) < 64)
			s->now[t->number].near++;
		for (j = 0; way != BN_EMPTY && j < 32; j++)
			WRITE_ONCE(p[j & 7], j);
		bn_free(c, p, way);
	}
	WRITE_ONCE(s->now[t->number].p, NULL);
	return 0;
}

BN_THREAD_LOOPS(cache_scratch);

/* 8 to 4096 bytes, one in 64 eight times that. */
static __always_inline size_t mstress_size(u64 random)
{
	size_t size = (8 + (random & 7)) << (random >> 8 & 0xff) % 9;

	return random >> 16 & 63 ? size : size * 8;
}

static __always_inline int mstress(struct bn_case *c, struct bn_thread *t,
				   enum bn_way way)
{
	struct sets *s = c->data;
	void **objs = s->mine[t->number];
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		u64 random = bn_random(&t->random);
		/* Half of the slots are hardly ever taken. */
		u32 range = random >> 24 & 15 ? CHUNKS / 8 : CHUNKS;
		void **slot = &objs[(random >> 32) * range >> 32];

		if (!(random >> 28 & 7))
			*slot = xchg(&s->transfer[(u8)(random >> 20)], *slot);
		if (bn_replace(c, slot, mstress_size(random), way))
			return -ENOMEM;
	}
	return 0;
}

BN_THREAD_LOOPS(mstress);

static void free_sets(struct bn_case *c, enum bn_way way)
{
	struct sets *s = c->data;
	unsigned int i;

	for (i = 0; i < c->threads; i++)
		bn_free_objects(s->mine[i], CHUNKS, way);
	bn_free_objects(s->spare, CHUNKS, way);
	bn_free_objects(s->transfer, TRANSFER, way);
}

static int make_sets(struct bn_case *c)
{
	struct sets *s = vzalloc(sizeof(*s));
	void **room = vzalloc(array3_size(c->threads + 1, CHUNKS,
					  sizeof(void *)));
	unsigned int i;

	c->data = s;
	c->objs = room;
	if (!s || !room)
		return -ENOMEM;
	for (i = 0; i < c->threads; i++)
		s->mine[i] = room + i * CHUNKS;
	s->spare = room + i * CHUNKS;
	return 0;
}

static int measure_sets(struct bn_case *c)
{
	int err;

	c->threads = bn_threads;
	c->cpus = min(c->threads, num_online_cpus());
	c->n = max(20000 * bn_scale / 100, 2U * LOT);
	c->ops = (u64)c->n * c->threads;
	c->stretches = 4;
	if (!c->after)
		c->after = free_sets;
	err = make_sets(c);
	if (!err)
		err = bn_measure_open(c);
	return err;
}

static void drop_sets(struct bn_case *c)
{
	vfree(c->objs);
	vfree(c->data);
}

static int run_sets(const char *name, int (*const *loops)(struct bn_case *))
{
	struct bn_case c = {
		.workload = name, .ways = BN_ANY_SIZE, .loops = loops,
	};
	int err = measure_sets(&c);

	drop_sets(&c);
	return err;
}

int bn_larson(const char *name)
{
	return run_sets(name, larson_loops);
}

int bn_sh8bench(const char *name)
{
	return run_sets(name, sh8bench_loops);
}

int bn_mstress(const char *name)
{
	return run_sets(name, mstress_loops);
}

/* One object for each thread, all from here. */
static int hand_out(struct bn_case *c, enum bn_way way)
{
	struct sets *s = c->data;
	unsigned int i;

	for (i = 0; i < c->threads; i++) {
		s->now[i].near = 0;
		if (way == BN_GOSLAB)
			s->mine[i][0] = bn_alloc(c, c->size, BN_GOSLAB);
		else if (way == BN_KMALLOC)
			s->mine[i][0] = bn_alloc(c, c->size, BN_KMALLOC);
	}
	return 0;
}

static void count_near(struct bn_case *c, enum bn_way way)
{
	struct sets *s = c->data;
	unsigned int i;

	for (i = 0; i < c->threads; i++)
		s->near[way] += s->now[i].near;
	free_sets(c, way);
}

/*
 * An operation is a pair and 32 writes. How often an object was in one line
 * with that of another thread is said, too, of a million operations.
 */
int bn_cache_scratch(const char *name)
{
	struct bn_case c = {
		.workload = name, .size = 8, .loops = cache_scratch_loops,
		.ways = BN_ANY_SIZE, .before = hand_out, .after = count_near,
	};
	int way, err = measure_sets(&c);
	struct sets *s = c.data;

	for (way = 0; way < BN_EMPTY && !err; way++)
		if (c.ways & BIT(way))
			bn_say(&c, way, "shared_lines_per_mop",
			       div64_u64(s->near[way] * 1000000, (c.rounds + 1) *
					 c.stretches * c.ops));
	drop_sets(&c);
	return err;
}
