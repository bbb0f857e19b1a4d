// SPDX-License-Identifier: GPL-2.0
/*
 * mix.c: objects of all sizes on all CPUs at once, what a busy kernel does.
 *
 * A thread on each CPU keeps LIVE objects and replaces one after the other at
 * random: 70 % are of 16 to 256 bytes, 20 % go to 4 KiB, 9.5 % to 32 KiB, 0.5 %
 * to 512 KiB, evenly in each of the four. One step in 16 exchanges an object
 * with whatever thread comes by, so that it dies on another CPU, one in 16 is a
 * realloc. A timer interrupts each CPU once a millisecond and replaces small
 * objects of its own. An object says in its first bytes and in its last ones
 * how long it is, and every free looks whether it still does.
 *
 * An operation is one step of a thread: a free and an allocation, a realloc, or
 * an exchange.
 *
 * Context: task, and the timer's hard interrupt.
 */
#include <linux/atomic.h>
#include <linux/hrtimer.h>
#include <linux/kernel.h>
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define LIVE		512	/* objects of a thread */
#define SHARED		256	/* places where threads exchange objects */
#define TIMER_LIVE	64	/* objects of a timer */
#define TIMER_STEPS	8	/* each time */
#define TIMER_PERIOD	(1 * NSEC_PER_MSEC)
#define MAX_THREADS	64

/**
 * struct mix_timer - what a CPU's timer does meanwhile.
 * @timer: the timer.
 * @c: the case.
 * @random: state of bn_random().
 * @broken: objects whose contents were not what they had been.
 * @objs: its objects.
 */
struct mix_timer {
	struct hrtimer timer;
	struct bn_case *c;
	u64 random;
	unsigned long broken;
	void *objs[TIMER_LIVE];
};

struct mix {
	void *objs[MAX_THREADS][LIVE];
	void *shared[SHARED];
	struct mix_timer timers[MAX_THREADS];
};

static size_t mix_size(u64 *random)
{
	u32 kind = bn_below(random, 1000);

	if (kind < 700)
		return 16 + bn_below(random, 256 - 16 + 1);
	if (kind < 900)
		return 257 + bn_below(random, SZ_4K - 256);
	if (kind < 995)
		return SZ_4K + 1 + bn_below(random, SZ_32K - SZ_4K);
	return SZ_32K + 1 + bn_below(random, SZ_512K - SZ_32K);
}

/* An object of 16 bytes or more: its size at both ends. */
static void stamp(void *p, size_t size)
{
	*(u64 *)p = size;
	*(u32 *)(p + size - sizeof(u32)) = ~(u32)size;
}

static bool stamp_ok(const void *p)
{
	size_t size = *(const u64 *)p;

	return size >= 16 && size <= SZ_512K &&
	       *(const u32 *)(p + size - sizeof(u32)) == ~(u32)size;
}

static __always_inline void *mix_alloc(size_t size, gfp_t gfp, enum bn_way way)
{
	void *p;

	if (way == BN_GOSLAB)
		p = goslab_malloc(size, gfp);
	else
		p = kmalloc(size, gfp);
	if (likely(p))
		stamp(p, size);
	return p;
}

static __always_inline int replace(struct bn_case *c, struct bn_thread *t,
				   void **slot, enum bn_way way)
{
	size_t size = mix_size(&t->random);

	if (way == BN_EMPTY)
		return 0;
	if (*slot) {
		if (unlikely(!stamp_ok(*slot)))
			return -EUCLEAN;
		bn_free(c, *slot, way);
	}
	*slot = mix_alloc(size, GFP_KERNEL, way);
	return likely(*slot) ? 0 : -ENOMEM;
}

static __always_inline int resize(struct bn_thread *t, void **slot,
				  enum bn_way way)
{
	size_t size = mix_size(&t->random);
	void *p;

	if (way == BN_EMPTY || !*slot)
		return 0;
	if (unlikely(!stamp_ok(*slot)))
		return -EUCLEAN;
	if (way == BN_GOSLAB)
		p = goslab_realloc(*slot, size, GFP_KERNEL);
	else
		p = krealloc(*slot, size, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	stamp(p, size);
	*slot = p;
	return 0;
}

static __always_inline enum hrtimer_restart tick(struct hrtimer *timer,
						 enum bn_way way)
{
	struct mix_timer *m = container_of(timer, struct mix_timer, timer);
	unsigned int i;

	for (i = 0; i < TIMER_STEPS; i++) {
		void **slot = &m->objs[bn_below(&m->random, TIMER_LIVE)];

		if (*slot) {
			m->broken += !stamp_ok(*slot);
			bn_free(m->c, *slot, way);
		}
		*slot = mix_alloc(16 + bn_below(&m->random, 256 - 16 + 1),
				  GFP_ATOMIC, way);
	}
	hrtimer_forward_now(timer, ns_to_ktime(TIMER_PERIOD));
	return HRTIMER_RESTART;
}

static enum hrtimer_restart tick_goslab(struct hrtimer *timer)
{
	return tick(timer, BN_GOSLAB);
}

static enum hrtimer_restart tick_kmalloc(struct hrtimer *timer)
{
	return tick(timer, BN_KMALLOC);
}

static void start_timer(struct mix_timer *m, struct bn_case *c,
			unsigned int number, enum bn_way way)
{
	/* The allocator may not be called from hard interrupts there. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || way == BN_EMPTY)
		return;
	m->c = c;
	m->random = number + 1000;
	hrtimer_setup(&m->timer, way == BN_GOSLAB ? tick_goslab : tick_kmalloc,
		      CLOCK_MONOTONIC, HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&m->timer, ns_to_ktime(TIMER_PERIOD),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static int stop_timer(struct mix_timer *m, enum bn_way way)
{
	if (IS_ENABLED(CONFIG_PREEMPT_RT) || way == BN_EMPTY)
		return 0;
	hrtimer_cancel(&m->timer);
	return m->broken ? -EUCLEAN : 0;
}

static __always_inline int mix(struct bn_case *c, struct bn_thread *t,
			       enum bn_way way)
{
	struct mix *m = c->data;
	struct mix_timer *timer = &m->timers[t->number];
	unsigned int i;
	int err = 0;

	start_timer(timer, c, t->number, way);
	for (i = 0; i < c->n && !err; i++) {
		void **slot = &m->objs[t->number][bn_below(&t->random, LIVE)];
		u32 what = bn_below(&t->random, 16);

		if (what == 0 && way != BN_EMPTY)
			*slot = xchg(&m->shared[bn_below(&t->random, SHARED)],
				     *slot);
		else if (what == 1)
			err = resize(t, slot, way);
		else
			err = replace(c, t, slot, way);
		if (i % 1024 == 0)
			cond_resched();
	}
	return stop_timer(timer, way) ? : err;
}

BN_THREAD_LOOPS(mix);

static void end_turn(struct bn_case *c, enum bn_way way)
{
	struct mix *m = c->data;
	unsigned int i;

	bn_free_objects(m->shared, SHARED, way);
	for (i = 0; i < MAX_THREADS; i++) {
		bn_free_objects(m->objs[i], LIVE, way);
		bn_free_objects(m->timers[i].objs, TIMER_LIVE, way);
	}
}

/* An operation is one of all threads: the time of a step times their number. */
int bn_mix(const char *name)
{
	struct bn_case c = {
		.workload = name, .ways = BIT(BN_GOSLAB) | BIT(BN_KMALLOC) |
		BIT(BN_EMPTY), .loops = mix_loops, .threads = bn_threads,
		.cpus = min(bn_threads, num_online_cpus()), .stretches = 4,
		.n = max(50000 * bn_scale / 100, 1000U), .after = end_turn,
	};
	int err;

	c.ops = (u64)c.n * c.threads;
	c.data = vzalloc(sizeof(struct mix));
	if (!c.data)
		return -ENOMEM;
	err = bn_measure_open(&c);
	vfree(c.data);
	return err;
}
