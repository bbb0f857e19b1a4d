// SPDX-License-Identifier: GPL-2.0
/*
 * time.c: how long a trace takes, each way.
 *
 * One CPU, in the order of the trace, whatever CPUs it names. The ways take
 * turns round by round, so that what disturbs the machine disturbs all of them
 * alike. A timed loop reads an event, calls the allocator and stores or clears
 * the pointer in the slot table; the empty way does the same without the
 * allocator, and is subtracted later (scripts/report-run.py). What is live at
 * the end of a round is freed without being timed.
 *
 * Each round runs twice: plain, for which nobody touches the objects, and
 * touched, for which the first byte of each object is written as its user
 * would, so that a cache line that an allocator has loaded by itself is to
 * its credit. The empty way touches nothing.
 *
 * Context: task; sleeps between the stretches that are timed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sort.h>

#include "replay.h"

#define MAX_ROUNDS	64
#define STRETCH		65536	/* events timed at once */

struct times {
	u64 ns[RP_WAYS][2][MAX_ROUNDS];	/* [way][touched][round] */
};

static __always_inline int replay(struct rp_run *run, u32 from, u32 to,
				  enum rp_way way, bool touch)
{
	const struct rp_event *e = run->trace->events + from;
	const struct rp_event *end = run->trace->events + to;
	void **slots = run->slots;
	void *p;

	for (; e < end; e++) {
		if (e->op == RP_ALLOC) {
			p = rp_alloc(run, e, way);
			if (unlikely(!p))
				return -ENOMEM;
			if (touch)
				*(u8 *)p = 1;
			slots[e->slot] = p;
		} else {
			rp_free(run, e, slots[e->slot], way);
			slots[e->slot] = NULL;
		}
	}
	return 0;
}

/* A loop of its own for each way, so that nothing is decided in it. */
#define REPLAY_WAY(name, way)						\
static noinline int replay_##name(struct rp_run *run, u32 from, u32 to)	\
{									\
	return replay(run, from, to, way, false);			\
}									\
static noinline int replay_##name##_touched(struct rp_run *run,		\
					    u32 from, u32 to)		\
{									\
	return replay(run, from, to, way, way != RP_EMPTY);		\
}

REPLAY_WAY(goslab, RP_GOSLAB)
REPLAY_WAY(slab, RP_SLAB)
REPLAY_WAY(goslab_malloc, RP_GOSLAB_MALLOC)
REPLAY_WAY(kmalloc, RP_KMALLOC)
REPLAY_WAY(empty, RP_EMPTY)

static int (*const loops[RP_WAYS][2])(struct rp_run *, u32, u32) = {
	[RP_GOSLAB] = { replay_goslab, replay_goslab_touched },
	[RP_SLAB] = { replay_slab, replay_slab_touched },
	[RP_GOSLAB_MALLOC] = { replay_goslab_malloc,
			       replay_goslab_malloc_touched },
	[RP_KMALLOC] = { replay_kmalloc, replay_kmalloc_touched },
	[RP_EMPTY] = { replay_empty, replay_empty_touched },
};

/* All of a trace without being timed; what it never frees stays. */
int rp_replay(struct rp_run *run, enum rp_way way)
{
	return loops[way][0](run, 0, run->trace->nr_events);
}

static int time_round(struct rp_run *run, enum rp_way way, bool touch, u64 *ns)
{
	u32 from, to, nr = run->trace->nr_events;
	int err = 0;
	u64 start;

	*ns = 0;
	for (from = 0; from < nr && !err; from = to) {
		to = min(nr, from + STRETCH);
		start = ktime_get_ns();
		err = loops[way][touch](run, from, to);
		*ns += ktime_get_ns() - start;
		cond_resched();
	}
	rp_run_free_objects(run, way);
	return err;
}

/* One round of every way; the first one warms up and does not count. */
static int time_all(struct rp_run *run, struct times *t, unsigned int rounds)
{
	enum rp_way way;
	unsigned int i;
	int touch, err;
	u64 ns;

	for (i = 0; i <= rounds; i++) {
		for (touch = 0; touch < 2; touch++) {
			for (way = 0; way < RP_WAYS; way++) {
				if (!rp_way_applies(run->trace, way))
					continue;
				err = time_round(run, way, touch, &ns);
				if (err)
					return err;
				if (i)
					t->ns[way][touch][i - 1] = ns;
			}
		}
		if (i % 5 == 1)
			pr_info("%s: time, round %u of %u\n",
				run->trace->name, i, rounds);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* A line in the log, every round in the results. */
static void show(const struct rp_trace *trace, struct times *t,
		 unsigned int rounds)
{
	enum rp_way way;
	unsigned int i;
	u64 *ns, tenths;
	int touch;

	rp_json(",\"%s_time\":{\"events\":%u", trace->name, trace->nr_events);
	for (way = 0; way < RP_WAYS; way++) {
		if (!rp_way_applies(trace, way))
			continue;
		rp_json(",\n\"%s\":{", rp_way_names[way]);
		for (touch = 0; touch < 2; touch++) {
			ns = t->ns[way][touch];
			rp_json("%s\"%s\":[", touch ? "," : "",
				touch ? "touched" : "plain");
			for (i = 0; i < rounds; i++)
				rp_json("%s%llu", i ? "," : "", ns[i]);
			rp_json("]");
			sort(ns, rounds, sizeof(*ns), compare, NULL);
			tenths = ns[rounds / 2] * 10 / trace->nr_events;
			pr_info("%s: %s: %llu.%llu ns per event, %s, raw\n",
				trace->name, rp_way_names[way], tenths / 10,
				tenths % 10, touch ? "touched" : "plain");
		}
		rp_json("}");
	}
	rp_json("}");
}

/**
 * rp_time() - time a trace each way and add the rounds to the results.
 * @trace: the trace.
 * @rounds: how many rounds count, at most MAX_ROUNDS.
 *
 * Return: 0 or -ENOMEM.
 */
int rp_time(const struct rp_trace *trace, unsigned int rounds)
{
	struct times *t;
	struct rp_run run;
	int err;

	rounds = clamp(rounds, 1U, MAX_ROUNDS);
	t = kzalloc(sizeof(*t), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	err = rp_run_init(&run, trace);
	if (err)
		goto out;
	err = rp_run_make_caches(&run, RP_GOSLAB);
	if (!err)
		err = rp_run_make_caches(&run, RP_SLAB);
	if (!err)
		err = time_all(&run, t, rounds);
	rp_run_exit(&run);
	if (!err)
		show(trace, t, rounds);
out:
	kfree(t);
	return err;
}
