// SPDX-License-Identifier: GPL-2.0
/*
 * time.c: how long a trace takes, each way.
 *
 * One CPU, in the order of the trace, whatever CPUs it names. The ways take
 * turns round by round, in an order that favours none (../turns.h), so that
 * what disturbs the machine disturbs all of them alike. A timed loop reads an event, calls
 * the allocator and stores or clears the pointer in the slot table; the empty
 * way does the same without the allocator, and is subtracted later
 * (scripts/report-run.py). What is live at the end of a round is freed without
 * being timed.
 *
 * A round is timed in stretches of half a millisecond or so, and of each of them
 * the median over all rounds counts: what disturbs a busy machine for a while
 * spoils a few stretches of a few rounds, but hardly ever half of one.
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
#include <linux/vmalloc.h>

#include "../turns.h"
#include "replay.h"

#define MAX_ROUNDS	64
#define STRETCH		65536	/* events timed at once */

/* Of one way, touched or not: [stretch][round]. */
struct times {
	u64 (*ns)[MAX_ROUNDS];
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

static int time_round(struct rp_run *run, enum rp_way way, bool touch,
		      struct times *t, unsigned int round)
{
	u32 from, to, nr = run->trace->nr_events;
	int err = 0;
	u64 start;

	for (from = 0; from < nr && !err; from = to) {
		to = min(nr, from + STRETCH);
		start = ktime_get_ns();
		err = loops[way][touch](run, from, to);
		t->ns[from / STRETCH][round] = ktime_get_ns() - start;
		cond_resched();
	}
	rp_run_free_objects(run, way);
	return err;
}

static int time_ways(struct rp_run *run, struct times t[RP_WAYS][2],
		     unsigned int round, bool touch)
{
	enum rp_way way, ways[RP_WAYS];
	unsigned int i, n = 0;
	int err;

	for (way = 0; way < RP_WAYS; way++)
		if (rp_way_applies(run->trace, way))
			ways[n++] = way;
	for (i = 0; i < n; i++) {
		way = ways[gs_turns_at(n, round, i)];
		err = time_round(run, way, touch, &t[way][touch], round);
		if (err)
			return err;
	}
	return 0;
}

/* Round 0 warms up and does not count: the next one takes its place. */
static int time_all(struct rp_run *run, struct times t[RP_WAYS][2],
		    unsigned int rounds)
{
	unsigned int i;
	int touch, err;

	for (i = 0; i <= rounds; i++) {
		for (touch = 0; touch < 2; touch++) {
			err = time_ways(run, t, i ? i - 1 : 0, touch);
			if (err)
				return err;
		}
		if (i % 10 == 1)
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

/* Over all stretches, the sum of the nth fastest of their rounds. */
static u64 sum_of_nth(const struct times *t, u32 stretches, unsigned int nth)
{
	u64 sum = 0;
	u32 s;

	for (s = 0; s < stretches; s++)
		sum += t->ns[s][nth];
	return sum;
}

static void show_one(const struct rp_trace *trace, enum rp_way way,
		     const char *kind, struct times *t, unsigned int rounds)
{
	u32 stretches = DIV_ROUND_UP(trace->nr_events, STRETCH), s;
	u64 median, tenths;

	for (s = 0; s < stretches; s++)
		sort(t->ns[s], rounds, sizeof(u64), compare, NULL);
	median = sum_of_nth(t, stretches, rounds / 2);
	rp_json("\"%s\":{\"fastest\":%llu,\"quartile\":%llu,\"median\":%llu,",
		kind, sum_of_nth(t, stretches, 0),
		sum_of_nth(t, stretches, rounds / 4), median);
	rp_json("\"upper_quartile\":%llu}",
		sum_of_nth(t, stretches, rounds * 3 / 4));
	tenths = median * 10 / trace->nr_events;
	pr_info("%s: %s: %llu.%llu ns per event, %s, raw\n", trace->name,
		rp_way_names[way], tenths / 10, tenths % 10, kind);
}

static void show(const struct rp_trace *trace, struct times t[RP_WAYS][2],
		 unsigned int rounds)
{
	enum rp_way way;

	rp_json(",\"%s_time\":{\"events\":%u,\"rounds\":%u", trace->name,
		trace->nr_events, rounds);
	for (way = 0; way < RP_WAYS; way++) {
		if (!rp_way_applies(trace, way))
			continue;
		rp_json(",\n\"%s\":{", rp_way_names[way]);
		show_one(trace, way, "plain", &t[way][0], rounds);
		rp_json(",");
		show_one(trace, way, "touched", &t[way][1], rounds);
		rp_json("}");
	}
	rp_json("}");
}

static void free_times(struct times *t)
{
	int i;

	for (i = 0; t && i < RP_WAYS * 2; i++)
		vfree(t[i].ns);
	kvfree(t);
}

static struct times *alloc_times(const struct rp_trace *trace)
{
	struct times *t = kvcalloc(RP_WAYS * 2, sizeof(*t), GFP_KERNEL);
	u32 n = DIV_ROUND_UP(trace->nr_events, STRETCH);
	int i;

	for (i = 0; t && i < RP_WAYS * 2; i++) {
		t[i].ns = vzalloc(array_size(n, sizeof(t->ns[0])));
		if (!t[i].ns) {
			free_times(t);
			return NULL;
		}
	}
	return t;
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
	struct times (*t)[2];
	struct rp_run run;
	int err;

	rounds = clamp(rounds, 1U, MAX_ROUNDS);
	t = (void *)alloc_times(trace);
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
	free_times(&t[0][0]);
	return err;
}
