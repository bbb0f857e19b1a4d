// SPDX-License-Identifier: GPL-2.0
/*
 * race_kunit: goslab_race: the races that the design names, forced by hooks.
 *
 * A hook steps in where an interrupt, another CPU or a preemption could, and
 * does there what those would do, so each race happens at every run.
 */
#include <linux/goslab.h>
#include <linux/kmemleak.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "front/tiny.h"
#include "testlib.h"

#define NAME	"kunit-race"
#define MANY	300

/**
 * struct race - what a hook works with.
 * @task: whose steps count.
 * @cache: what is raced about.
 * @c: its class.
 * @slot: the slot that the hook saw.
 * @p: objects; @n of them are live.
 * @times: that the hook stepped in.
 * @drained: what a drain in the hook said.
 * @was: what the hook wants to keep.
 */
static struct race {
	struct task_struct *task;
	struct goslab_cache *cache;
	struct gs_class *c;
	struct gs_slot *slot;
	void *p[MANY];
	unsigned int n;
	unsigned int times;
	bool drained;
	unsigned int was;
} race;

static void begin(struct kunit *test, size_t size)
{
	memset(&race, 0, sizeof(race));
	race.task = current;
	race.cache = goslab_cache_create(NAME, size, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, race.cache);
	race.c = gs_test_class(NAME);
}

static void end(struct kunit *test)
{
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(race.cache);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Step in once, at the first time that this task comes by. */
static bool step_in(enum gs_hook_point point)
{
	if (!in_task() || current != race.task)
		return false;
	gs_test_hook(point, NULL);
	race.times++;
	return true;
}

static void take(struct kunit *test, unsigned int n)
{
	while (n--) {
		void *p = goslab_cache_alloc(race.cache, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_ASSERT_LT(test, race.n, (unsigned int)MANY);
		race.p[race.n++] = p;
	}
}

/* All objects are distinct, live and written by their number; frees them. */
static void give_all(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < race.n; i++)
		*(u64 *)race.p[i] = i;
	for (i = 0; i < race.n; i++)
		if (*(u64 *)race.p[i] != i)
			KUNIT_FAIL(test, "object %u was given out twice", i);
	GS_EXPECT_WHOLE(test);
	while (race.n)
		goslab_cache_free(race.cache, race.p[--race.n]);
}

static void free_it(void *p)
{
	goslab_free(p);
}

/* As a drain of another CPU does: back to the span, past this CPU's slot. */
static void put_back(void *p)
{
	struct mspan *s = gs_arena_span(p);
	struct gs_entry e = { p, &s->objects[gs_span_index(s, p)] };

	*e.state = GS_CACHED;
	kmemleak_free(p);
	gs_mcentral_put(race.c, &e, 1);
}

static u8 *block_state(const void *p)
{
	struct mspan *s = gs_arena_span(p);

	return &s->objects[((unsigned long)p - s->base) / GS_TINY_BLOCK];
}

/* All objects of an open block are freed elsewhere: it stays open. */
static void tiny_freed_elsewhere(struct kunit *test)
{
	u8 *p[3], *q, *state, id;
	unsigned int i;

	if (!GS_TINY_ENABLED)
		kunit_skip(test, "every object is on its own under KASAN");
	gs_tiny_close(gs_walk_here(), false);
	for (i = 0; i < 3; i++)
		p[i] = goslab_malloc_noscan(2, GFP_KERNEL);
	state = block_state(p[0]);
	id = *state;
	for (i = 0; i < 3; i++) {
		if (gs_test_other_cpu() >= 0)
			gs_test_on_other_cpu(free_it, p[i]);
		else
			goslab_free(p[i]);
	}
	KUNIT_EXPECT_EQ(test, *state, id);
	q = goslab_malloc_noscan(2, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p[0] + 6);
	goslab_free(q);
	KUNIT_EXPECT_EQ(test, *state, id);
	/* The CPU that closes it frees it. */
	gs_tiny_close(gs_walk_here(), false);
	KUNIT_EXPECT_EQ(test, (int)*state, GS_FREE);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* An interrupt frees the object before its block is this CPU's open one. */
static void free_at_open(enum gs_hook_point point, void *block)
{
	if (step_in(point))
		goslab_free(block);
}

/* An interrupt opens a block of its own meanwhile. */
static void cut_at_open(enum gs_hook_point point, void *block)
{
	if (step_in(point))
		race.p[race.n++] = goslab_malloc_noscan(5, GFP_ATOMIC);
}

static void tiny_opened(struct kunit *test)
{
	void *p, *q;

	if (!GS_TINY_ENABLED)
		kunit_skip(test, "every object is on its own under KASAN");
	begin(test, 8);
	gs_tiny_close(gs_walk_here(), false);
	gs_test_hook(GS_HOOK_TINY_OPEN, free_at_open);
	p = goslab_malloc_noscan(3, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, race.times, 1U);
	/* It was freed under its user's hands, but its block is still open. */
	KUNIT_EXPECT_GE(test, *block_state(p), (u8)GS_LIVE_MIN);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	q = goslab_malloc_noscan(1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p + 3);
	goslab_free(q);

	gs_tiny_close(gs_walk_here(), false);
	gs_test_hook(GS_HOOK_TINY_OPEN, cut_at_open);
	p = goslab_malloc_noscan(3, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, race.times, 2U);
	KUNIT_ASSERT_EQ(test, race.n, 1U);
	/* Two blocks; the one with more room is open. */
	KUNIT_EXPECT_PTR_NE(test, block_state(p), block_state(race.p[0]));
	q = goslab_malloc_noscan(1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p + 3);
	goslab_free(p);
	goslab_free(q);
	goslab_free(race.p[--race.n]);
	end(test);
}

/* What is freed into a span that a CPU owns waits there for its owner. */
static void freed_into_owned(struct kunit *test)
{
	struct gs_slot *slot;
	struct mspan *s;
	unsigned int i, alloc_count;

	begin(test, 1000);
	take(test, 3);
	slot = gs_test_slot(race.c);
	s = gs_arena_span(race.p[0]);
	KUNIT_ASSERT_PTR_EQ(test, slot->span, s);
	alloc_count = s->alloc_count;
	for (i = 0; i < 3; i++)
		put_back(race.p[i]);
	race.n = 0;
	KUNIT_EXPECT_EQ(test, (int)s->nr_freed, 3);
	KUNIT_EXPECT_EQ(test, (unsigned int)s->alloc_count, alloc_count);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	/* Until it has used up its window and comes for more. */
	take(test, s->nelems);
	KUNIT_EXPECT_EQ(test, (int)s->nr_freed, 0);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	for (i = 0; i < s->nelems; i++)
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(race.p[i]), s);
	give_all(test);
	end(test);
}

/* All of an owned span is freed elsewhere: it goes when its owner gives it up. */
static void owned_emptied(struct kunit *test)
{
	struct mspan *s;
	unsigned int i;

	begin(test, 1000);
	take(test, 4);
	s = gs_arena_span(race.p[0]);
	for (i = 0; i < 4; i++)
		put_back(race.p[i]);
	race.n = 0;
	KUNIT_EXPECT_EQ(test, (int)s->owned, 1);
	gs_drain_this_cpu(false);
	KUNIT_EXPECT_EQ(test, (int)s->owned, 0);
	KUNIT_EXPECT_EQ(test, (int)s->alloc_count, 0);
	end(test);
}

/* Fill the slot to the brim while a refill is on its way to it. */
static void fill_slot(enum gs_hook_point point, void *arg)
{
	if (arg != race.c || !step_in(point))
		return;
	race.slot = gs_test_slot(race.c);
	while (gs_slot_n(race.slot) < gs_slot_cap(race.slot) && race.n)
		goslab_cache_free(race.cache, race.p[--race.n]);
}

static void refill_finds_full_slot(struct kunit *test)
{
	unsigned int i;

	begin(test, 1000);
	take(test, 250);
	/* Spans with a few free objects each: the refill brings a batch. */
	for (i = 0; i < race.n; i += 2) {
		put_back(race.p[i]);
		race.p[i] = race.p[--race.n];
	}
	gs_test_hook(GS_HOOK_REFILL_LEFT, fill_slot);
	while (!race.times)
		take(test, 1);
	KUNIT_EXPECT_GT(test, gs_slot_n(race.slot), 1U);
	KUNIT_EXPECT_EQ(test, gs_slot_n(race.slot), gs_slot_cap(race.slot));
	give_all(test);
	end(test);
}

/* The slot has a span of its own by the time that the refill brings one. */
static void own_slot(enum gs_hook_point point, void *arg)
{
	unsigned int i;

	if (arg != race.c || !step_in(point))
		return;
	race.slot = gs_test_slot(race.c);
	for (i = 0; i < 20; i++)
		race.p[race.n++] = goslab_cache_alloc(race.cache, GFP_KERNEL);
}

static void refill_brings_second_span(struct kunit *test)
{
	struct mspan *s;

	begin(test, 200);
	gs_test_hook(GS_HOOK_REFILL_LEFT, own_slot);
	take(test, 1);
	KUNIT_EXPECT_EQ(test, race.times, 1U);
	s = gs_arena_span(race.p[race.n - 1]);
	/* The one that the hook got stays; the other is central. */
	KUNIT_EXPECT_PTR_NE(test, race.slot->span, s);
	KUNIT_EXPECT_PTR_NE(test, race.slot->span, &gs_no_span);
	KUNIT_EXPECT_EQ(test, (int)s->owned, 0);
	give_all(test);
	end(test);
}

/* The task goes on on another CPU, which has no slot or a full one. */
static void migrate(enum gs_hook_point point, void *arg)
{
	if (arg != race.c || !step_in(point))
		return;
	race.was = raw_smp_processor_id();
	set_cpus_allowed_ptr(current, cpumask_of(gs_test_other_cpu()));
}

static void refill_migrates(struct kunit *test)
{
	unsigned int round;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	begin(test, 200);
	for (round = 0; round < 4; round++) {
		struct gs_slot *old = gs_test_slot(race.c);

		take(test, 10);
		gs_drain_this_cpu(false);
		race.times = 0;
		gs_test_hook(GS_HOOK_REFILL_LEFT, migrate);
		take(test, 1);
		KUNIT_EXPECT_EQ(test, race.times, 1U);
		KUNIT_EXPECT_NE(test, race.was,
				(unsigned int)raw_smp_processor_id());
		/* Nothing was put into the slot that was left. */
		if (old != &gs_no_slot) {
			KUNIT_EXPECT_EQ(test, gs_slot_n(old), 0U);
			KUNIT_EXPECT_PTR_EQ(test, old->span, &gs_no_span);
		}
		GS_EXPECT_WHOLE(test);
	}
	give_all(test);
	end(test);
}

/* As an interrupt that finds the slot busy: it asks for a drain. */
static void drain_inside(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;

	if (slot->class != race.c || !step_in(point))
		return;
	race.slot = slot;
	race.was = gs_slot_n(slot);
	local_bh_disable();
	race.drained = gs_drain_this_cpu(false);
	/* And what it allocates and frees goes to mcentral. */
	race.p[race.n++] = goslab_cache_alloc(race.cache, GFP_ATOMIC);
	race.p[race.n++] = goslab_cache_alloc(race.cache, GFP_ATOMIC);
	goslab_free(race.p[--race.n]);
	local_bh_enable();
	race.was -= gs_slot_n(slot);
}

static void drain_while_busy(struct kunit *test)
{
	struct mspan *s;

	begin(test, 200);
	take(test, 20);
	goslab_cache_free(race.cache, race.p[--race.n]);
	goslab_cache_free(race.cache, race.p[--race.n]);
	s = gs_test_slot(race.c)->span;
	race.drained = true;
	gs_test_hook(GS_HOOK_ENTERED, drain_inside);
	take(test, 1);
	KUNIT_EXPECT_EQ(test, race.times, 1U);
	KUNIT_EXPECT_FALSE(test, race.drained);
	KUNIT_EXPECT_EQ(test, race.was, 0U);
	KUNIT_EXPECT_PTR_EQ(test, race.slot->span, s);
	/* In a free, too. */
	race.drained = true;
	gs_test_hook(GS_HOOK_ENTERED, drain_inside);
	goslab_cache_free(race.cache, race.p[0]);
	race.p[0] = race.p[--race.n];
	KUNIT_EXPECT_EQ(test, race.times, 2U);
	KUNIT_EXPECT_FALSE(test, race.drained);
	KUNIT_EXPECT_EQ(test, race.was, 0U);
	/* Once left, the slot can be drained. */
	KUNIT_EXPECT_TRUE(test, gs_drain_this_cpu(false));
	KUNIT_EXPECT_EQ(test, gs_slot_n(race.slot), 0U);
	give_all(test);
	end(test);
}

/* What a drain has in its hands is nobody's: others use the class meanwhile. */
static void use_while_drained(enum gs_hook_point point, void *arg)
{
	unsigned int i;

	if (arg != race.c || !step_in(point))
		return;
	for (i = 0; i < 50; i++)
		race.p[race.n++] = goslab_cache_alloc(race.cache, GFP_KERNEL);
	for (i = 0; i < 20; i++)
		goslab_cache_free(race.cache, race.p[--race.n]);
}

static void used_while_drained(struct kunit *test)
{
	begin(test, 200);
	take(test, 60);
	while (race.n > 20)
		goslab_cache_free(race.cache, race.p[--race.n]);
	KUNIT_ASSERT_GT(test, gs_slot_n(gs_test_slot(race.c)), 0U);
	gs_test_hook(GS_HOOK_DRAIN_LEFT, use_while_drained);
	KUNIT_EXPECT_TRUE(test, gs_drain_this_cpu(false));
	KUNIT_EXPECT_EQ(test, race.times, 1U);
	give_all(test);
	end(test);
}

/* The other free of the object that this one is about to free. */
static void free_again(enum gs_hook_point point, void *arg)
{
	if (arg == race.c && step_in(point))
		goslab_free(race.p[race.was]);
}

/* And its magazine is drained at once, too. */
static void free_again_and_drain(enum gs_hook_point point, void *arg)
{
	if (arg != race.c || !step_in(point))
		return;
	goslab_free(race.p[race.was]);
	gs_drain_this_cpu(false);
}

/* Two frees of race.p[race.was], both past the check of its state. */
static void free_at_once(struct kunit *test, gs_hook_fn fn)
{
	const struct gs_slot *slot;
	unsigned int i;

	begin(test, 200);
	take(test, 100);
	/* The way out of a full magazine is where a second one fits between. */
	slot = gs_test_slot(race.c);
	for (i = 0; gs_slot_n(slot) < gs_slot_cap(slot); i++)
		goslab_cache_free(race.cache, race.p[i]);
	race.was = i;
	gs_test_hook(GS_HOOK_DRAIN_LEFT, fn);
	goslab_cache_free(race.cache, race.p[i++]);
	KUNIT_EXPECT_EQ(test, race.times, 1U);
	race.n -= i;
	memmove(race.p, race.p + i, race.n * sizeof(race.p[0]));
}

/* Found when the object is handed out again: it has one user, not two. */
static void freed_twice_at_once(struct kunit *test)
{
	free_at_once(test, free_again);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, take(test, 60));
	give_all(test);
	end(test);
}

/* Found when it goes back to its span. */
static void freed_twice_and_drained(struct kunit *test)
{
	free_at_once(test, free_again);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, gs_drain_all());
	give_all(test);
	end(test);
}

/* The first free's object is in its span when the second one caches it. */
static void freed_twice_across_layers(struct kunit *test)
{
	free_at_once(test, free_again_and_drain);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, take(test, 120));
	give_all(test);
	end(test);
}

/* A magazine that is full while another CPU has the lock grows and waits for nobody. */
static void full_while_lock_is_taken(struct kunit *test)
{
	unsigned int depth, left;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	begin(test, 64);
	depth = race.c->depth;
	take(test, MANY);
	left = MANY - depth;
	/* A slot without room. */
	gs_drain_this_cpu(false);
	gs_test_hold(&gs_class_central(race.c, numa_mem_id())->lock);
	while (race.n > left)
		goslab_cache_free(race.cache, race.p[--race.n]);
	KUNIT_EXPECT_TRUE(test, gs_test_let_go());
	KUNIT_EXPECT_EQ(test, gs_slot_n(gs_test_slot(race.c)), depth);
	give_all(test);
	end(test);
}

static struct kunit_case race_cases[] = {
	KUNIT_CASE(tiny_freed_elsewhere),
	KUNIT_CASE(tiny_opened),
	KUNIT_CASE(freed_into_owned),
	KUNIT_CASE(owned_emptied),
	KUNIT_CASE(refill_finds_full_slot),
	KUNIT_CASE(refill_brings_second_span),
	KUNIT_CASE(refill_migrates),
	KUNIT_CASE(drain_while_busy),
	KUNIT_CASE(used_while_drained),
	KUNIT_CASE(freed_twice_at_once),
	KUNIT_CASE(freed_twice_and_drained),
	KUNIT_CASE(freed_twice_across_layers),
	KUNIT_CASE(full_while_lock_is_taken),
	{}
};

static struct kunit_suite race_suite = {
	.name = "goslab_race",
	GS_TEST_CASES_PINNED,
	.test_cases = race_cases,
};
kunit_test_suite(race_suite);
