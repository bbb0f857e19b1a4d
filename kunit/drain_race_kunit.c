// SPDX-License-Identifier: GPL-2.0
/*
 * drain_race_kunit: goslab_drain_race: what another CPU does while slots and
 * transfer caches are emptied, forced by hooks.
 */
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "front/drain.h"
#include "front/mcache.h"
#include "middle/class.h"
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
	return READ_ONCE(gs_class_central(c, numa_mem_id())->nr_transfer);
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
	unsigned int i, k;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	for (k = 0; k < ARRAY_SIZE(points); k++) {
		cache = goslab_cache_create(NAME, SIZE, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		for (i = 0; i < MANY; i++)
			p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		for (i = 0; i < MANY; i++)
			goslab_cache_free(cache, p[i]);
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
	unsigned int i, k;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	heap = goslab_heap_create(NAME, NULL);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (k = 0; k < ARRAY_SIZE(points); k++) {
		for (i = 0; i < MANY; i++)
			p[i] = goslab_heap_malloc(heap, SIZE, GFP_KERNEL);
		for (i = 0; i < MANY; i++)
			goslab_free(p[i]);
		sweep_at(test, points[k], NAME "-64");
		goslab_heap_reset(heap);
		expect_waited(test);
	}
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case drain_race_cases[] = {
	KUNIT_CASE(destroy_waits_for_sweep),
	KUNIT_CASE(reset_waits_for_sweep),
	{}
};

static struct kunit_suite drain_race_suite = {
	.name = "goslab_drain_race",
	GS_TEST_CASES_PINNED,
	.test_cases = drain_race_cases,
};
kunit_test_suite(drain_race_suite);
