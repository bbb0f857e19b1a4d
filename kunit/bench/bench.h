/* SPDX-License-Identifier: GPL-2.0 */
/*
 * bench.h: what the files of goslab_bench.ko share.
 *
 * main.c reads parameters and runs the workloads of the table there. A workload
 * (loops.c, bulk.c, region.c, heap.c, larson.c, passing.c, mix.c, stack.c, records.c, paths.c;
 * memory.c measures bytes) prepares a case and hands measure.c a loop for each
 * way of allocating; measure.c runs them in turns and adds medians to the
 * results. ways.c makes what the ways need, threads.c starts and joins threads.
 */
#ifndef _GOSLAB_BENCH_H
#define _GOSLAB_BENCH_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/mempool.h>
#include <linux/slab.h>
#include <linux/types.h>

#include <linux/goslab.h>

#include "../../goslab/compat/clients.h"

#define BN_BATCH	1024	/* objects of a batch, entries of the floor */

enum bn_way {
	BN_GOSLAB,		/* goslab_malloc() */
	BN_GOSLAB_CACHE,
	BN_KMALLOC,
	BN_KMEM_CACHE,
	BN_MEMPOOL,		/* over kmalloc() */
	BN_PAGES,		/* alloc_pages() of the order that fits */
	BN_FLOOR,		/* push and pop on an array of this CPU */
	BN_EMPTY,		/* the loop alone */
	BN_WAYS
};

#define BN_ANY_SIZE	(BIT(BN_GOSLAB) | BIT(BN_KMALLOC) | BIT(BN_EMPTY))
#define BN_CACHES	(BIT(BN_GOSLAB_CACHE) | BIT(BN_KMEM_CACHE))
#define BN_ALL		(BIT(BN_WAYS) - 1)

extern const char *const bn_way_names[BN_WAYS];

/**
 * struct bn_case - one workload at one size, for all ways.
 * @workload: name in the results.
 * @size: bytes of an object; loops read it as if it could change.
 * @ways: a bit for each way that applies.
 * @loops: by way, what is timed; returns 0 or an error.
 * @rounds: that count, at most BN_MAX_ROUNDS.
 * @stretches: samples in a round.
 * @n: steps of a loop.
 * @ops: operations that one call of a loop is.
 * @cpus: CPUs used.
 * @threads: threads used.
 * @objs: room for objects.
 * @order: indices into @objs.
 * @heap: bytes of live objects, or 0.
 * @took: set by a loop that knows better what it took; else 0.
 * @alloc_took: set by a loop that knows what its allocations took; else 0.
 * @data: the workload's own.
 * @before: NULL, or called before a way's turn, not timed.
 * @after: likewise after it.
 */
struct bn_case {
	const char *workload;
	size_t size;
	unsigned int ways;
	int (*const *loops)(struct bn_case *c);
	unsigned int rounds;
	unsigned int stretches;
	unsigned int n;
	u64 ops;
	unsigned int cpus;
	unsigned int threads;
	void **objs;
	u32 *order;
	u64 heap;
	u64 took;
	u64 alloc_took;
	void *data;
	int (*before)(struct bn_case *c, enum bn_way way);
	void (*after)(struct bn_case *c, enum bn_way way);
	/* ways.c */
	struct goslab_cache *goslab;
	struct kmem_cache *slab;
	mempool_t *pool;
	unsigned int order_of_size;
};

#define BN_MAX_ROUNDS	64

/* The size as the compiler must not know it. */
static __always_inline size_t bn_size(const struct bn_case *c)
{
	return READ_ONCE(c->size);
}

void *bn_floor_pop(void);
void bn_floor_push(void *p);

/* One allocation each way; @size may be a constant. */
static __always_inline void *bn_alloc(const struct bn_case *c, size_t size,
				      enum bn_way way)
{
	switch (way) {
	case BN_GOSLAB:
		return goslab_malloc(size, GFP_KERNEL);
	case BN_GOSLAB_CACHE:
		return goslab_cache_alloc(c->goslab, GFP_KERNEL);
	case BN_KMALLOC:
		return kmalloc(size, GFP_KERNEL);
	case BN_KMEM_CACHE:
		return kmem_cache_alloc(c->slab, GFP_KERNEL);
	case BN_MEMPOOL:
		return mempool_alloc(c->pool, GFP_KERNEL);
	case BN_PAGES:
		return (void *)__get_free_pages(GFP_KERNEL, c->order_of_size);
	case BN_FLOOR:
		return bn_floor_pop();
	default:
		OPTIMIZER_HIDE_VAR(size);
		return (void *)c;
	}
}

static __always_inline void bn_free(const struct bn_case *c, void *p,
				    enum bn_way way)
{
	switch (way) {
	case BN_GOSLAB:
		goslab_free(p);
		break;
	case BN_GOSLAB_CACHE:
		goslab_cache_free(c->goslab, p);
		break;
	case BN_KMALLOC:
		kfree(p);
		break;
	case BN_KMEM_CACHE:
		kmem_cache_free(c->slab, p);
		break;
	case BN_MEMPOOL:
		mempool_free(p, c->pool);
		break;
	case BN_PAGES:
		free_pages((unsigned long)p, c->order_of_size);
		break;
	case BN_FLOOR:
		bn_floor_push(p);
		break;
	default:
		OPTIMIZER_HIDE_VAR(p);
	}
}

/* Put another object into a slot that may have one. Return: 0 or -ENOMEM. */
static __always_inline int bn_replace(struct bn_case *c, void **slot,
				      size_t size, enum bn_way way)
{
	if (*slot)
		bn_free(c, *slot, way);
	*slot = bn_alloc(c, size, way);
	return likely(*slot) ? 0 : -ENOMEM;
}

/*
 * A loop of its own for each way, so that nothing is decided in it, and the
 * table of them, @fn##_loops. @fn is (struct bn_case *, enum bn_way).
 */
#define BN_LOOP(fn, name, way)						\
static noinline int fn##_##name(struct bn_case *c)			\
{									\
	return fn(c, way);						\
}

#define BN_LOOPS(fn)							\
BN_LOOP(fn, goslab, BN_GOSLAB)						\
BN_LOOP(fn, goslab_cache, BN_GOSLAB_CACHE)				\
BN_LOOP(fn, kmalloc, BN_KMALLOC)					\
BN_LOOP(fn, kmem_cache, BN_KMEM_CACHE)					\
BN_LOOP(fn, mempool, BN_MEMPOOL)					\
BN_LOOP(fn, pages, BN_PAGES)						\
BN_LOOP(fn, floor, BN_FLOOR)						\
BN_LOOP(fn, empty, BN_EMPTY)						\
static int (*const fn##_loops[BN_WAYS])(struct bn_case *) = {		\
	fn##_goslab, fn##_goslab_cache, fn##_kmalloc, fn##_kmem_cache,	\
	fn##_mempool, fn##_pages, fn##_floor, fn##_empty,		\
}

/* Loops of threads are told which thread they are. */
struct bn_thread;
typedef int (*bn_thread_fn)(struct bn_case *c, struct bn_thread *t);

/**
 * struct bn_thread - one of the threads of a workload.
 * @number: from 0.
 * @random: state of bn_random(), seeded by number.
 * @objs: room for objects, the workload's.
 */
struct bn_thread {
	struct bn_case *c;
	bn_thread_fn fn;
	struct task_struct *task;
	unsigned int number;
	u64 random;
	void **objs;
	int err;
};

int bn_run_threads(struct bn_case *c, bn_thread_fn fn);

#define BN_THREAD_LOOP(fn, name, way)					\
static int fn##_t_##name(struct bn_case *c, struct bn_thread *t)	\
{									\
	return fn(c, t, way);						\
}									\
static int fn##_##name(struct bn_case *c)				\
{									\
	return bn_run_threads(c, fn##_t_##name);			\
}

/* The same as BN_LOOPS() for (struct bn_case *, struct bn_thread *, way). */
#define BN_THREAD_LOOPS(fn)						\
BN_THREAD_LOOP(fn, goslab, BN_GOSLAB)					\
BN_THREAD_LOOP(fn, goslab_cache, BN_GOSLAB_CACHE)			\
BN_THREAD_LOOP(fn, kmalloc, BN_KMALLOC)					\
BN_THREAD_LOOP(fn, kmem_cache, BN_KMEM_CACHE)				\
BN_THREAD_LOOP(fn, empty, BN_EMPTY)					\
static int (*const fn##_loops[BN_WAYS])(struct bn_case *) = {		\
	[BN_GOSLAB] = fn##_goslab,					\
	[BN_GOSLAB_CACHE] = fn##_goslab_cache,				\
	[BN_KMALLOC] = fn##_kmalloc,					\
	[BN_KMEM_CACHE] = fn##_kmem_cache,				\
	[BN_EMPTY] = fn##_empty,					\
}

/* xorshift64*, which must not start at 0. */
static inline u64 bn_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* Below @n, without a division. */
static inline u32 bn_below(u64 *state, u32 n)
{
	return (bn_random(state) >> 32) * n >> 32;
}

/* Sizes: parameters of the module. */
extern unsigned int bn_rounds, bn_scale, bn_threads;
extern unsigned long bn_heap_max, bn_only_size;
extern bool bn_icount;
extern unsigned int bn_wanted_ways;	/* bits of enum bn_way */

static inline bool bn_wanted(size_t size)
{
	return !bn_only_size || size == bn_only_size;
}

/* ways.c */
int bn_ways_init(void);
void bn_ways_exit(void);
int bn_case_open(struct bn_case *c, void (*ctor)(void *object));
void bn_case_close(struct bn_case *c);
void bn_floor_fill(void);
void bn_shrink(void);
void bn_free_objects(void **objs, unsigned int n, enum bn_way way);
void bn_fill_order(u32 *order, unsigned int n, const char *kind);

/* measure.c */
int bn_measure(struct bn_case *c);
int bn_measure_open(struct bn_case *c);
u64 bn_clock(void);
void bn_say(const struct bn_case *c, enum bn_way way, const char *metric,
	    u64 value);
__printf(1, 2) void bn_json(const char *fmt, ...);

/* The workloads; main.c has the table. */
int bn_pair(const char *name);
int bn_pair_const(const char *name);
int bn_batch(const char *name);
int bn_tiny(const char *name);
int bn_ctor(const char *name);
int bn_bulk(const char *name);
int bn_sheaf(const char *name);
int bn_free_rcu(const char *name);
int bn_kvmalloc(const char *name);
int bn_heap(const char *name);
int bn_nolock(const char *name);
int bn_region(const char *name);
int bn_pareto(const char *name);
int bn_random_replace(const char *name);
int bn_random_replace_cpus(const char *name);
int bn_larson(const char *name);
int bn_mstress(const char *name);
int bn_cache_scratch(const char *name);
int bn_sh8bench(const char *name);
int bn_producer_consumer(const char *name);
int bn_xmalloc(const char *name);
int bn_pair_cpus(const char *name);
int bn_pair_mixed(const char *name);
int bn_mix(const char *name);
int bn_memory(const char *name);
int bn_stack(const char *name);
int bn_records(const char *name);
int bn_path(const char *name);
int bn_page_run(const char *name);

#endif /* _GOSLAB_BENCH_H */
