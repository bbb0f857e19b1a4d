// SPDX-License-Identifier: GPL-2.0
/*
 * tasks.c: the threads of goslab_stress.ko.
 *
 * Workers step as actors, each a fixed number of steps, and move to a random CPU
 * every so often, so that objects are freed elsewhere than allocated even where
 * the scheduler would leave them alone; they are never bound, so CPUs may go
 * offline under them. Beside them, one thread each: the sweep over every size
 * (alignment), the shrinker (memory pressure), and, with several nodes, placement.
 *
 * Lifetime: tasks_start() .. tasks_stop(), which waits for all of them.
 * Context:  task; threads give way often, one CPU is enough for all of them. They
 *           look for a stop request after some tens of calls at most.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/topology.h>

#include "stress.h"

#define STEPS_PER_CPU	512	/* steps before a worker moves on */
#define TASK_MAX_SIZE	SZ_64K
#define NODE_OBJECTS	256

struct counts task_counts = { .name = "tasks" };
struct counts sweep_counts = { .name = "alignment" };
struct counts shrink_counts = { .name = "shrink" };
struct counts node_counts = { .name = "nodes" };

static struct task_struct *tasks[TASKS_MAX + 3];
static unsigned int nr_tasks;
static struct actor *workers;
static unsigned long steps_each;	/* of a worker; 0: until it is stopped */
static atomic_t nr_working;
static unsigned int nr_sweeps;
static void **node_objects;

/* To one CPU, or, every other time, wherever the scheduler likes. */
static void move_on(struct actor *a)
{
	u64 r = actor_random(a) >> 16;
	int cpu = (r >> 1) % nr_cpu_ids;

	if (r & 1 && cpu_online(cpu))	/* it may go now: then we stay */
		set_cpus_allowed_ptr(current, cpumask_of(cpu));
	else
		set_cpus_allowed_ptr(current, cpu_possible_mask);
}

/* One flag for all, so that nobody goes on while others are waited for. */
static bool should_stop(void)
{
	return READ_ONCE(stress_stopping) || kthread_should_stop();
}

static void wait_for_stop(void)
{
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
}

static int work(void *data)
{
	struct actor *a = data;
	unsigned long i;

	for (i = 0; !steps_each || i < steps_each; i++) {
		if (!(i % STEPS_PER_CPU))
			move_on(a);
		if (!(i & 15)) {
			if (should_stop())
				break;
			cond_resched();
		}
		actor_step(a);
	}
	atomic_dec(&nr_working);
	wait_for_stop();
	return 0;
}

/* Has a worker steps left? */
bool tasks_working(void)
{
	return atomic_read(&nr_working) > 0;
}

/* How often every size was gone through. */
unsigned int tasks_sweeps(void)
{
	return READ_ONCE(nr_sweeps);
}

/* Alignment and size of one object, kept while the next one is made. */
static void *sweep_one(size_t size, void *previous)
{
	void *p = goslab_malloc(size, GFP_KERNEL);

	if (!p) {
		atomic_long_inc(&sweep_counts.refused);
		return previous;
	}
	check_malloc_alignment(&sweep_counts, p, size);
	if (goslab_size(p) < size)
		atomic_long_inc(&sweep_counts.changed);
	atomic_long_inc(&sweep_counts.allocs);
	goslab_free(previous);
	return p;
}

/* The size after @size: every one to 32 KiB, then some larger ones. */
static size_t next_size(size_t size)
{
	if (size < SZ_32K)
		return size + 1;
	return size < SZ_64K ? size + 8 + (size / 16 & ~7UL) : size * 2;
}

static int sweep(void *data)
{
	size_t size = 1;
	void *p = NULL;

	while (!should_stop()) {
		p = sweep_one(size, p);
		size = next_size(size);
		if (!(size & 15))
			cond_resched();
		if (size <= GOSLAB_MAX_SIZE / 4)
			continue;
		WRITE_ONCE(nr_sweeps, nr_sweeps + 1);
		size = 1;
		msleep(20);
	}
	goslab_free(p);
	wait_for_stop();
	return 0;
}

static int shrink(void *data)
{
	while (!should_stop()) {
		goslab_shrink();
		atomic_long_inc(&shrink_counts.frees);
		msleep(20);
	}
	wait_for_stop();
	return 0;
}

/* Objects for @node, allocated on whatever CPU this thread is now. */
static void fill_node(void **objects, int node)
{
	unsigned int i;
	size_t size;
	gfp_t gfp;

	for (i = 0; i < NODE_OBJECTS; i++) {
		size = 16UL << i % 11;
		gfp = i & 1 ? GFP_KERNEL : GFP_KERNEL | __GFP_THISNODE;
		objects[i] = goslab_malloc_node(size, gfp, node);
		if (!objects[i]) {
			atomic_long_inc(&node_counts.refused);
			continue;
		}
		atomic_long_inc(&node_counts.allocs);
		/* Where draws fail only __GFP_THISNODE keeps its node. */
		if (page_to_nid(virt_to_page(objects[i])) != node &&
		    (gfp & __GFP_THISNODE || !stress_faults))
			atomic_long_inc(&node_counts.misplaced);
	}
}

static void empty_node(void **objects)
{
	unsigned int i;

	for (i = 0; i < NODE_OBJECTS; i++) {
		goslab_free(objects[i]);
		objects[i] = NULL;
	}
}

static int node_after(int node)
{
	node = next_online_node(node);
	return node < MAX_NUMNODES ? node : first_online_node;
}

/*
 * Allocates for each node from each node's CPUs and frees on those of the
 * next, so that magazines fill up with objects from elsewhere.
 */
static int place(void *data)
{
	void **objects = data;
	int node, from;

	do {
		for_each_node_state(node, N_MEMORY) {
			for_each_online_node(from) {
				if (should_stop())
					break;
				set_cpus_allowed_ptr(current,
						     cpumask_of_node(from));
				fill_node(objects, node);
				set_cpus_allowed_ptr(current,
						     cpumask_of_node(node_after(from)));
				empty_node(objects);
				cond_resched();
			}
		}
	} while (!should_stop());
	wait_for_stop();
	return 0;
}

bool tasks_have_nodes(void)
{
	return num_node_state(N_MEMORY) > 1;
}

static int start(int (*fn)(void *), void *data, const char *name)
{
	struct task_struct *t;

	t = kthread_create(fn, data, "goslab_%s/%u", name, nr_tasks);
	if (IS_ERR(t))
		return PTR_ERR(t);
	tasks[nr_tasks++] = t;
	return 0;
}

static int start_workers(unsigned int threads, u64 seed)
{
	unsigned int i;
	int err = 0;

	workers = kcalloc(threads, sizeof(*workers), GFP_KERNEL);
	if (!workers)
		return -ENOMEM;
	atomic_set(&nr_working, threads);
	for (i = 0; i < threads && !err; i++) {
		actor_init(&workers[i], &task_counts, GFP_KERNEL, TASK_MAX_SIZE,
			   seed);
		err = start(work, &workers[i], "worker");
	}
	return err;
}

static int start_nodes(void)
{
	node_objects = kcalloc(NODE_OBJECTS, sizeof(*node_objects), GFP_KERNEL);
	if (!node_objects)
		return -ENOMEM;
	return start(place, node_objects, "nodes");
}

/**
 * tasks_start() - start all threads.
 * @threads: workers, at most TASKS_MAX.
 * @steps: of all of them; 0: until they are stopped.
 * @nodes: check placement too.
 * @seed: of the workers' random numbers.
 *
 * Return: 0 or an error; then too tasks_stop() must follow.
 */
int tasks_start(unsigned int threads, unsigned long steps, bool nodes, u64 seed)
{
	unsigned int i;
	int err;

	steps_each = DIV_ROUND_UP(steps, threads);
	err = start_workers(threads, seed);
	if (!err)
		err = start(sweep, NULL, "sweep");
	if (!err)
		err = start(shrink, NULL, "shrink");
	if (!err && nodes)
		err = start_nodes();
	for (i = 0; i < nr_tasks && !err; i++)
		wake_up_process(tasks[i]);
	return err;
}

/* stress_stopping is set, unless nothing has started. */
void tasks_stop(void)
{
	while (nr_tasks)
		kthread_stop(tasks[--nr_tasks]);
	kfree(node_objects);
	kfree(workers);
}
