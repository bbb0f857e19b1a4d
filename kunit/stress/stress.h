/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stress.h: what the files of goslab_stress.ko share.
 *
 * Every context (a thread, the timer of a CPU) is an actor with one handle in
 * its hand. It swaps it for another from a table that all share, and allocates,
 * resizes or frees what it now has, at times many with one call: so objects
 * wander between CPUs and between contexts, and no handle is ever held twice.
 */
#ifndef _GOSLAB_STRESS_H
#define _GOSLAB_STRESS_H

#include <linux/atomic.h>
#include <linux/gfp.h>
#include <linux/types.h>

#include <linux/goslab.h>

/* How an object was made; decides how it is freed. */
enum kind {
	KIND_MALLOC,
	KIND_ZALLOC,
	KIND_NOSCAN,
	KIND_NODE,
	KIND_HEAP,
	KIND_RCU,	/* of malloc, freed by goslab_free_rcu() */
	KIND_CACHE,
	KIND_CTOR,
	KINDS
};

/**
 * struct handle - a place for one object.
 * @p: the object, or NULL.
 * @size: bytes of it that carry a pattern.
 * @kind: how it was made.
 * @cache: which one, for KIND_CACHE and KIND_CTOR.
 * @cpu: where it was allocated.
 * @seed: of its pattern.
 */
struct handle {
	void *p;
	size_t size;
	enum kind kind;
	unsigned int cache;
	unsigned int cpu;
	u64 seed;
};

/* What actors of one sort did and saw; shared between them. */
struct counts {
	const char *name;
	atomic_long_t allocs;
	atomic_long_t frees;
	atomic_long_t elsewhere;	/* of frees: on another CPU */
	atomic_long_t reallocs;
	atomic_long_t refused;		/* NULL */
	atomic_long_t changed;		/* contents */
	atomic_long_t misaligned;
	atomic_long_t not_zero;
	atomic_long_t not_constructed;
	atomic_long_t misplaced;	/* on another node */
};

/**
 * struct actor - one context at work.
 * @hand: its handle.
 * @random: state of its random numbers, not 0.
 * @gfp: GFP_KERNEL where it may sleep.
 * @max_size: of what it allocates.
 * @counts: of its sort.
 */
struct actor {
	struct handle *hand;
	u64 random;
	gfp_t gfp;
	size_t max_size;
	struct counts *counts;
};

/* object.c */
int objects_init(unsigned int actors);
void objects_exit(struct counts *counts);
void actor_init(struct actor *a, struct counts *counts, gfp_t gfp,
		size_t max_size, u64 seed);
void actor_step(struct actor *a);
u64 actor_random(struct actor *a);
void check_malloc_alignment(struct counts *counts, const void *p, size_t size);

/* main.c */
extern bool stress_stopping;	/* everything ends */
extern bool stress_faults;	/* draws are made to fail */

/* tasks.c */
#define TASKS_MAX	64

extern struct counts task_counts, sweep_counts, shrink_counts, node_counts;
int tasks_start(unsigned int threads, unsigned long steps, bool nodes, u64 seed);
bool tasks_working(void);
unsigned int tasks_sweeps(void);
void tasks_stop(void);
bool tasks_have_nodes(void);

/* timers.c */
extern struct counts hardirq_counts, softirq_counts;
bool timers_have_hardirq(void);
int timers_start(bool hardirq, u64 seed);
void timers_stop(void);

#endif /* _GOSLAB_STRESS_H */
