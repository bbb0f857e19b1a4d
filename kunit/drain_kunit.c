// SPDX-License-Identifier: GPL-2.0
/*
 * drain_kunit: goslab_drain: front/drain.c, emptying the slots of CPUs.
 */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/goslab.h>

#include "front/drain.h"
#include "front/mcache.h"
#include "middle/transfer.h"
#include "testlib.h"

#define MANY	100

static const size_t sizes[] = { 8, 64, 1000, 8192 };

/* Have something in the slots of the CPU that runs this. */
static void use(void *unused)
{
	void *p[MANY];
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < MANY; n++)
			p[n] = goslab_malloc(sizes[i], GFP_KERNEL);
		for (n = 0; n < MANY; n++)
			goslab_free(p[n]);
	}
	goslab_free(goslab_malloc_noscan(3, GFP_KERNEL));
}

static size_t parked(void)
{
	struct goslab_usage now;

	goslab_usage(&now, NULL);
	return now.parked - gs_transfer_parked();
}

static bool is_empty(int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;

	list_for_each_entry(slot, &mcache->slots, link)
		if (gs_slot_n(slot) || slot->span != &gs_no_span ||
		    gs_slot_cap(slot))
			return false;
	return !mcache->tiny.block && !mcache->cap_bytes;
}

static void this_cpu(struct kunit *test)
{
	int cpu = raw_smp_processor_id();

	use(NULL);
	KUNIT_EXPECT_FALSE(test, is_empty(cpu));
	KUNIT_EXPECT_GT(test, parked(), (size_t)0);
	KUNIT_EXPECT_TRUE(test, gs_drain_this_cpu(false));
	KUNIT_EXPECT_TRUE(test, is_empty(cpu));
	KUNIT_EXPECT_EQ(test, parked(), (size_t)0);
	/* There is nothing against a second one. */
	KUNIT_EXPECT_TRUE(test, gs_drain_this_cpu(false));
	use(NULL);
	KUNIT_EXPECT_FALSE(test, is_empty(cpu));
}

static void all_cpus(struct kunit *test)
{
	int cpu;

	use(NULL);
	if (gs_test_other_cpu() >= 0)
		gs_test_on_other_cpu(use, NULL);
	gs_drain_all();
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_TRUE(test, is_empty(cpu));
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Posted to all CPUs, by a caller that waits for none. */
static void posted(struct kunit *test)
{
	int cpu = gs_test_other_cpu();

	if (cpu < 0)
		kunit_skip(test, "needs two CPUs");
	gs_test_on_other_cpu(use, NULL);
	KUNIT_EXPECT_FALSE(test, is_empty(cpu));
	gs_drain_post_all();
	KUNIT_EXPECT_TRUE(test, gs_test_wait_for(is_empty, cpu));
}

/* An idle drain takes what was not used since the one before. */
static void idle_only(struct kunit *test)
{
	struct gs_slot *used, *unused;
	void *p, *q;

	p = goslab_malloc(64, GFP_KERNEL);
	q = goslab_malloc(1024, GFP_KERNEL);
	used = gs_test_slot(gs_test_class("malloc-64"));
	unused = gs_test_slot(gs_test_class("malloc-1024"));
	/* Everything was used since ever. */
	gs_drain_this_cpu(true);
	KUNIT_EXPECT_PTR_NE(test, used->span, &gs_no_span);
	KUNIT_EXPECT_PTR_NE(test, unused->span, &gs_no_span);
	goslab_free(p);
	p = goslab_malloc(64, GFP_KERNEL);
	gs_drain_this_cpu(true);
	KUNIT_EXPECT_PTR_NE(test, used->span, &gs_no_span);
	KUNIT_EXPECT_PTR_EQ(test, unused->span, &gs_no_span);
	KUNIT_EXPECT_EQ(test, gs_slot_cap(unused), 0U);
	/* A free alone is use, too. */
	goslab_free(p);
	gs_drain_this_cpu(true);
	KUNIT_EXPECT_PTR_NE(test, used->span, &gs_no_span);
	gs_drain_this_cpu(true);
	KUNIT_EXPECT_PTR_EQ(test, used->span, &gs_no_span);
	KUNIT_EXPECT_EQ(test, gs_slot_n(used), 0U);
	goslab_free(q);
}

/* Live objects are none of a drain's business. */
static void keeps_live(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, MANY);

	while (o->nr < MANY) {
		size_t size = 8 << o->nr % 10;
		void *p = goslab_malloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		gs_oracle_add(o, p, size, true);
		if (o->nr % 7 == 0)
			gs_drain_all();
	}
	GS_EXPECT_WHOLE(test);
	while (o->nr) {
		goslab_free(gs_oracle_remove(o, 0, true).p);
		if (o->nr % 7 == 0)
			gs_drain_this_cpu(false);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Slots of a cache end with it, on every CPU. */
static void ends_slots(struct kunit *test)
{
	struct goslab_cache *cache;
	struct mcache *mcache = raw_cpu_ptr(&gs_mcache);
	struct gs_slot *slot;
	struct gs_class *c;

	cache = goslab_cache_create("kunit-drain", 40, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	c = gs_test_class("kunit-drain");
	goslab_free(goslab_cache_alloc(cache, GFP_KERNEL));
	KUNIT_EXPECT_PTR_EQ(test, list_last_entry(&mcache->slots,
						  struct gs_slot, link)->class,
			    c);
	goslab_cache_destroy(cache);
	list_for_each_entry(slot, &mcache->slots, link)
		KUNIT_EXPECT_PTR_NE(test, slot->class, c);
}

static struct goslab_cache *ending;
static unsigned int posts;

/* A tick of the worker, just then: its works look for what is idle. */
static void tick(enum gs_hook_point point, void *arg)
{
	if (!arg)
		return;
	posts++;
	gs_drain_post_idle();
	msleep(50);
}

static void use_ending(void *unused)
{
	void *p[3];
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = goslab_cache_alloc(ending, GFP_KERNEL);
	for (i = 0; i < 3; i++)
		goslab_cache_free(ending, p[i]);
}

/* What such a work ends must be empty, in use or not. */
static void ends_at_a_tick(struct kunit *test)
{
	ending = goslab_cache_create("kunit-drain", 3000, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, ending);
	use_ending(NULL);
	if (gs_test_other_cpu() >= 0)
		gs_test_on_other_cpu(use_ending, NULL);
	posts = 0;
	gs_test_hook(GS_HOOK_DRAIN_ENDING, tick);
	goslab_cache_destroy(ending);
	gs_test_hook(GS_HOOK_DRAIN_ENDING, NULL);
	KUNIT_EXPECT_EQ(test, posts, 1U);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Only slots of the class that ends are touched. */
static void ends_no_others(struct kunit *test)
{
	struct gs_slot *slot;
	unsigned int n;

	ending = goslab_cache_create("kunit-drain", 3000, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, ending);
	use(NULL);
	use_ending(NULL);
	slot = gs_test_slot(gs_test_class("malloc-1024"));
	n = gs_slot_n(slot);
	KUNIT_EXPECT_GT(test, n, 0U);
	goslab_cache_destroy(ending);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n);
	GS_EXPECT_WHOLE(test);
}

static cpumask_t posted_to;

static void note_post(enum gs_hook_point point, void *arg)
{
	cpumask_set_cpu(*(int *)arg, &posted_to);
}

/* Works are posted to CPUs that hold something, and to no others. */
static void idle_cpus_sleep_on(struct kunit *test)
{
	int here = raw_smp_processor_id();

	gs_drain_all();
	cpumask_clear(&posted_to);
	gs_test_hook(GS_HOOK_DRAIN_POSTED, note_post);
	gs_drain_post_all();
	gs_drain_post_idle();
	KUNIT_EXPECT_TRUE(test, cpumask_empty(&posted_to));
	use(NULL);
	gs_drain_post_all();
	gs_test_hook(GS_HOOK_DRAIN_POSTED, NULL);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&posted_to, cpumask_of(here)));
	/* Whose slots end, if they have any. */
	ending = goslab_cache_create("kunit-drain", 3000, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, ending);
	cpumask_clear(&posted_to);
	gs_test_hook(GS_HOOK_DRAIN_POSTED, note_post);
	use_ending(NULL);
	goslab_cache_destroy(ending);
	gs_test_hook(GS_HOOK_DRAIN_POSTED, NULL);
	KUNIT_EXPECT_TRUE(test, cpumask_equal(&posted_to, cpumask_of(here)));
}

static struct kunit_case drain_cases[] = {
	KUNIT_CASE(this_cpu),
	KUNIT_CASE(all_cpus),
	KUNIT_CASE(posted),
	KUNIT_CASE(idle_only),
	KUNIT_CASE(keeps_live),
	KUNIT_CASE(ends_slots),
	KUNIT_CASE(ends_at_a_tick),
	KUNIT_CASE(ends_no_others),
	KUNIT_CASE(idle_cpus_sleep_on),
	{}
};

static struct kunit_suite drain_suite = {
	.name = "goslab_drain",
	GS_TEST_CASES_PINNED,
	.test_cases = drain_cases,
};
kunit_test_suite(drain_suite);
