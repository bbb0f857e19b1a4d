// SPDX-License-Identifier: GPL-2.0
/*
 * drain_race_kunit: goslab_drain_race: what another CPU does while slots and
 * transfer caches are emptied, forced by hooks.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/sched.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "front/drain.h"
#include "front/mcache.h"
#include "middle/class.h"
#include "middle/transfer.h"
#include "testlib.h"

#define NAME	"kunit-drain-race"
#define SIZE	64
#define MANY	6000

/**
 * struct sweep - a sweep of all transfer caches on another CPU.
 * @work: runs it.
 * @c: the class that ends meanwhile.
 * @started: the sweep was asked for.
 * @carries: the sweep has a batch of @c's objects in its hands.
 * @ended: the end of @c has returned.
 * @raced: it returned before the sweep had put the batch back.
 */
static struct sweep {
	struct work_struct work;
	struct gs_class *c;
	bool started;
	bool carries;
	bool ended;
	bool raced;
} sweep;

static void run_sweep(struct work_struct *work)
{
	gs_class_sweep(false);
}

/* The sweep has taken a batch: give the end of the class time to go wrong. */
static void hold_batch(enum gs_hook_point point, void *arg)
{
	unsigned int ms;

	if (arg != sweep.c || xchg(&sweep.carries, true))
		return;
	for (ms = 0; ms < 300 && !READ_ONCE(sweep.ended); ms++)
		mdelay(1);
	WRITE_ONCE(sweep.raced, READ_ONCE(sweep.ended));
}

/* Is there something in the transfer cache of this node? */
static bool parks(const struct gs_class *c)
{
	return gs_transfer_nr(gs_class_central(c, numa_mem_id()));
}

/* Have a sweep take a batch of the class that is ending now, if it finds one. */
static void start_sweep(enum gs_hook_point point, void *arg)
{
	gs_test_hook(point, NULL);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, hold_batch);
	WRITE_ONCE(sweep.started, true);
	schedule_work_on(gs_test_other_cpu(), &sweep.work);
	while (!READ_ONCE(sweep.carries) && work_busy(&sweep.work))
		msleep(1);
}

/* A sweep starts when the end of @class comes by at @point. */
static void sweep_at(struct kunit *test, enum gs_hook_point point,
		     const char *class)
{
	memset(&sweep, 0, sizeof(sweep));
	INIT_WORK(&sweep.work, run_sweep);
	sweep.c = gs_test_class(class);
	KUNIT_ASSERT_NOT_NULL(test, sweep.c);
	KUNIT_ASSERT_TRUE(test, parks(sweep.c));
	gs_test_hook(point, start_sweep);
}

/* The end of the class has returned. */
static void expect_waited(struct kunit *test)
{
	WRITE_ONCE(sweep.ended, true);
	flush_work(&sweep.work);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, NULL);
	KUNIT_EXPECT_TRUE(test, sweep.started);
	KUNIT_EXPECT_FALSE(test, sweep.raced);
}

static void **room(struct kunit *test)
{
	void **p = kunit_kmalloc_array(test, MANY, sizeof(*p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

static const enum gs_hook_point points[] = {
	GS_HOOK_DRAIN_ENDED, GS_HOOK_DRAIN_WAITED,
};

static void destroy_waits_for_sweep(struct kunit *test)
{
	struct goslab_cache *cache;
	void **p = room(test);
	unsigned int i, k, round;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	for (k = 0; k < ARRAY_SIZE(points); k++) {
		cache = goslab_cache_create(NAME, SIZE, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		/* The second time there is a transfer cache. */
		for (round = 0; round < 2; round++) {
			for (i = 0; i < MANY; i++)
				p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
			for (i = 0; i < MANY; i++)
				goslab_cache_free(cache, p[i]);
		}
		sweep_at(test, points[k], NAME);
		/* No survivors are found. */
		GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 0,
				  goslab_cache_destroy(cache));
		expect_waited(test);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	}
}

static void reset_waits_for_sweep(struct kunit *test)
{
	struct goslab_heap *heap;
	void **p = room(test);
	unsigned int i, k, round;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	heap = goslab_heap_create(NAME, NULL);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (k = 0; k < ARRAY_SIZE(points); k++) {
		for (round = 0; round < 2; round++) {
			for (i = 0; i < MANY; i++)
				p[i] = goslab_heap_malloc(heap, SIZE, GFP_KERNEL);
			for (i = 0; i < MANY; i++)
				goslab_free(p[i]);
		}
		sweep_at(test, points[k], NAME "-64");
		goslab_heap_reset(heap);
		expect_waited(test);
	}
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/**
 * struct away - a CPU that is as good as offline: it does nothing but wait.
 * @work: that it waits in, with interrupts off.
 * @task: the task that left it.
 * @c: the class whose slot the task was draining then.
 * @cpu: the CPU.
 * @waits: it has begun.
 * @back: it may go on.
 */
static struct away {
	struct work_struct work;
	struct task_struct *task;
	struct gs_class *c;
	int cpu;
	bool waits;
	bool back;
} away;

static void wait_away(struct work_struct *work)
{
	unsigned long flags;
	unsigned int us;

	local_irq_save(flags);
	WRITE_ONCE(away.waits, true);
	for (us = 0; us < 2000000 && !READ_ONCE(away.back); us++)
		udelay(1);
	local_irq_restore(flags);
}

static void begin_away(int cpu)
{
	memset(&away, 0, sizeof(away));
	INIT_WORK(&away.work, wait_away);
	away.task = current;
	away.cpu = cpu;
}

static void end_away(void)
{
	WRITE_ONCE(away.back, true);
	flush_work(&away.work);
}

static void send_away(void)
{
	schedule_work_on(away.cpu, &away.work);
	/* The work may have to be run on the CPU that this task is on. */
	if (raw_smp_processor_id() == away.cpu)
		set_cpus_allowed_ptr(current, cpumask_of(gs_test_other_cpu()));
	while (!READ_ONCE(away.waits))
		msleep(1);
}

static void set_online(int cpu, bool online)
{
	struct cpumask *mask = (struct cpumask *)cpu_online_mask;

	if (online)
		cpumask_set_cpu(cpu, mask);
	else
		cpumask_clear_cpu(cpu, mask);
}

/*
 * The CPU whose slots are drained goes offline, and the drain goes on elsewhere.
 * Until the drain is through, nothing else runs on the two CPUs, so nobody else
 * sees that the CPU is missing.
 */
static void go_offline(enum gs_hook_point point, void *arg)
{
	if (arg != away.c || current != away.task)
		return;
	gs_test_hook(point, NULL);
	send_away();
	preempt_disable();
	set_online(away.cpu, false);
}

/* Fill this CPU's slot of a new cache. */
static struct goslab_cache *fill_slot(struct kunit *test, const char *name)
{
	struct goslab_cache *cache;
	unsigned int i;
	void *p[4];

	cache = goslab_cache_create(name, SIZE, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_cache_free(cache, p[i]);
	return cache;
}

/* A CPU that is offline may still run, or run again: its slots are its own. */
static void walk_leaves_its_cpu(struct kunit *test)
{
	struct goslab_cache *a, *b;
	struct gs_slot *slot;
	unsigned int n;
	bool done;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	a = fill_slot(test, NAME "-a");
	b = fill_slot(test, NAME "-b");
	slot = gs_test_slot(gs_test_class(NAME "-b"));
	n = gs_slot_n(slot);
	KUNIT_EXPECT_GT(test, n, 0U);
	begin_away(raw_smp_processor_id());
	away.c = gs_test_class(NAME "-a");
	gs_test_hook(GS_HOOK_DRAIN_LEFT, go_offline);
	done = gs_drain_this_cpu(false);
	if (away.waits) {
		set_online(away.cpu, true);
		preempt_enable();
	}
	KUNIT_EXPECT_TRUE(test, away.waits);
	KUNIT_EXPECT_FALSE(test, done);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n);
	KUNIT_EXPECT_PTR_NE(test, slot->span, &gs_no_span);
	end_away();
	goslab_cache_destroy(a);
	goslab_cache_destroy(b);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void fill_other(void *unused)
{
	void *p = goslab_malloc(SIZE, GFP_KERNEL);

	goslab_free(goslab_malloc_noscan(3, GFP_KERNEL));
	goslab_free(p);
}

/* Only the dead callback says that a CPU is gone. */
static void dead_callback(struct kunit *test)
{
	int cpu = gs_test_other_cpu();
	struct gs_slot *slot;

	if (cpu < 0)
		kunit_skip(test, "needs two CPUs");
	gs_test_on_other_cpu(fill_other, NULL);
	slot = *per_cpu_ptr(gs_test_class("malloc-64")->slots, cpu);
	KUNIT_EXPECT_GT(test, gs_slot_n(slot), 0U);
	begin_away(cpu);
	send_away();
	gs_drain_dead(cpu);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), 0U);
	KUNIT_EXPECT_EQ(test, gs_slot_cap(slot), 0U);
	KUNIT_EXPECT_PTR_EQ(test, slot->span, &gs_no_span);
	KUNIT_EXPECT_NULL(test, per_cpu_ptr(&gs_mcache, cpu)->tiny.block);
	end_away();
}

static struct kunit_case drain_race_cases[] = {
	KUNIT_CASE(destroy_waits_for_sweep),
	KUNIT_CASE(reset_waits_for_sweep),
	KUNIT_CASE(walk_leaves_its_cpu),
	KUNIT_CASE(dead_callback),
	{}
};

static struct kunit_suite drain_race_suite = {
	.name = "goslab_drain_race",
	GS_TEST_CASES_PINNED,
	.test_cases = drain_race_cases,
};
kunit_test_suite(drain_race_suite);
