// SPDX-License-Identifier: GPL-2.0
/*
 * threads.c: starts threads, has them run one loop, and joins them; and the
 * workloads that are about CPUs alone.
 *
 * Threads are bound to the first CPUs that are online, one after the other.
 * Time is from the moment when all may go to the end of the last one.
 *
 * pair_cpus   pairs of 64 bytes on one CPU, then on several at once
 * pair_mixed  the same after the magazines of two CPUs got objects that lie
 *             next to each other on purpose
 *
 * Context: task; sleeps.
 */
#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/err.h>
#include <linux/kthread.h>
#include <linux/sched/task.h>
#include <linux/slab.h>

#include "bench.h"

static DECLARE_COMPLETION(go);
static struct completion finished;
static atomic_t running;
static u64 ended;

static int thread(void *data)
{
	struct bn_thread *t = data;

	wait_for_completion(&go);
	t->err = t->fn(t->c, t);
	if (atomic_dec_and_test(&running)) {
		ended = bn_clock();
		complete(&finished);
	}
	return 0;
}

/* The CPU of a thread: that many after the first one, and around. */
static int cpu_of(unsigned int number, unsigned int cpus)
{
	unsigned int nth = number % min(cpus, num_online_cpus());
	int cpu;

	for_each_online_cpu(cpu)
		if (!nth--)
			return cpu;
	return cpumask_first(cpu_online_mask);
}

static int start(struct bn_case *c, struct bn_thread *t, unsigned int number,
		 bn_thread_fn fn)
{
	t->c = c;
	t->fn = fn;
	t->number = number;
	t->random = number + 1;
	t->task = kthread_create(thread, t, "goslab_bench/%u", number);
	if (IS_ERR(t->task))
		return PTR_ERR(t->task);
	kthread_bind(t->task, cpu_of(number, c->cpus));
	get_task_struct(t->task);
	atomic_inc(&running);
	wake_up_process(t->task);
	return 0;
}

/**
 * bn_run_threads() - run a loop in all threads of a case; sets what it took.
 * @c: the case.
 * @fn: the loop.
 *
 * Return: 0 or the first error.
 */
int bn_run_threads(struct bn_case *c, bn_thread_fn fn)
{
	struct bn_thread *t = kcalloc(c->threads, sizeof(*t), GFP_KERNEL);
	unsigned int i, n;
	int err = 0;
	u64 began;

	if (!t)
		return -ENOMEM;
	reinit_completion(&go);
	init_completion(&finished);
	atomic_set(&running, 1);
	for (n = 0; n < c->threads && !err; n++)
		err = start(c, &t[n], n, fn);
	n -= !!err;
	/* All are there: a thread on this CPU waits for the bell by now. */
	schedule_timeout_uninterruptible(1);
	began = bn_clock();
	complete_all(&go);
	if (atomic_dec_and_test(&running))
		ended = bn_clock();
	else
		wait_for_completion(&finished);
	c->took = ended - began;
	for (i = 0; i < n; i++) {
		kthread_stop(t[i].task);
		put_task_struct(t[i].task);
		err = err ? : t[i].err;
	}
	kfree(t);
	return err;
}

/* The best of many short stretches: two CPUs are hardly ever quiet for long. */
#define QUIET	20

static __always_inline int pair_cpus(struct bn_case *c, struct bn_thread *t,
				     enum bn_way way)
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

BN_THREAD_LOOPS(pair_cpus);

static int measure_cpus(const char *name, unsigned int cpus)
{
	struct bn_case c = {
		.workload = name, .size = 64, .loops = pair_cpus_loops,
		.ways = BN_ANY_SIZE | BN_CACHES, .stretches = QUIET,
		.n = max(1000 * bn_scale, 1U), .cpus = cpus,
		.threads = cpus,
	};

	/* Of one thread: on several CPUs it takes no longer if they scale. */
	c.ops = c.n;
	return bn_measure_open(&c);
}

int bn_pair_cpus(const char *name)
{
	int err = measure_cpus(name, 1);

	if (!err && num_online_cpus() > 1)
		err = measure_cpus(name, 2);
	return err;
}

#define MIXED	64	/* objects that each CPU gets */

/* Both take what lies side by side, and free it on their CPU. */
static int free_half(struct bn_case *c, struct bn_thread *t)
{
	unsigned int i;

	for (i = t->number; i < 2 * MIXED; i += 2)
		goslab_free(c->objs[i]);
	return 0;
}

static int mix(struct bn_case *c, enum bn_way way)
{
	unsigned int i;

	goslab_shrink();
	if (way != BN_GOSLAB)
		return 0;
	for (i = 0; i < 2 * MIXED; i++) {
		c->objs[i] = goslab_malloc(bn_size(c), GFP_KERNEL);
		if (!c->objs[i])
			return -ENOMEM;
	}
	return bn_run_threads(c, free_half);
}

int bn_pair_mixed(const char *name)
{
	struct bn_case c = {
		.workload = name, .size = 64, .loops = pair_cpus_loops,
		.ways = BN_ANY_SIZE, .stretches = QUIET, .cpus = 2,
		.threads = 2, .n = max(1000 * bn_scale, 1U), .before = mix,
	};
	int err;

	if (num_online_cpus() < 2)
		return 0;
	c.ops = c.n;
	c.objs = kcalloc(2 * MIXED, sizeof(*c.objs), GFP_KERNEL);
	if (!c.objs)
		return -ENOMEM;
	err = bn_measure_open(&c);
	kfree(c.objs);
	return err;
}
