// SPDX-License-Identifier: GPL-2.0
/*
 * measure.c: runs the loops of a case in turns, and says what they took.
 *
 * A round gives each way that applies its turn. The order is balanced
 * (../turns.h): what disturbs the machine disturbs all ways alike, and each way
 * comes equally often after each other. A turn is one or several stretches,
 * each a call of the way's loop, timed by itself. The first round warms up and
 * does not count. The figure is the median of all stretches less that of the
 * empty loop. The spread is the distance between their quartiles.
 *
 * The clock is ktime, or, where a cycle is an instruction (icount=1), cycles.
 *
 * Context: task; sleeps between stretches.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ktime.h>
#include <linux/math64.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sort.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

#include "../turns.h"
#include "bench.h"

u64 bn_clock(void)
{
	return bn_icount ? get_cycles() : ktime_get_ns();
}

struct samples {
	u64 *took[BN_WAYS];
	u64 *alloc[BN_WAYS];	/* the part that allocations took, or 0 */
	unsigned int n;
};

static int turn(struct bn_case *c, enum bn_way way, u64 *took, u64 *alloc)
{
	unsigned int i;
	int err = 0;
	u64 start;

	if (way == BN_FLOOR)
		bn_floor_fill();
	if (c->before)
		err = c->before(c, way);
	for (i = 0; i < c->stretches && !err; i++) {
		c->took = 0;
		c->alloc_took = 0;
		start = bn_clock();
		err = c->loops[way](c);
		took[i] = bn_clock() - start;
		if (c->took)
			took[i] = c->took;
		alloc[i] = c->alloc_took;
		cond_resched();
	}
	if (c->after)
		c->after(c, way);
	return err;
}

/* The ways that the case has a loop for. Return: how many. */
static unsigned int list_ways(const struct bn_case *c, enum bn_way *ways)
{
	unsigned int n = 0;
	enum bn_way way;

	for (way = 0; way < BN_WAYS; way++)
		if ((c->ways & BIT(way)) && c->loops[way])
			ways[n++] = way;
	return n;
}

/*
 * Times are of whole cycles of turns, or one way would come after another more
 * often than the others do. Counts do not depend on who came before.
 */
static unsigned int whole_cycles(const struct bn_case *c)
{
	enum bn_way ways[BN_WAYS];
	unsigned int cycle = gs_turns_cycle(list_ways(c, ways));

	return bn_icount ? c->rounds :
			   min(roundup(c->rounds, cycle), BN_MAX_ROUNDS);
}

/* Round 0 does not count: the next one takes its place. */
static int run_rounds(struct bn_case *c, struct samples *s)
{
	enum bn_way way, ways[BN_WAYS];
	unsigned int i, place, row, n = list_ways(c, ways);
	int err;

	for (i = 0; i <= c->rounds; i++) {
		row = (i ? i - 1 : 0) * c->stretches;
		for (place = 0; place < n; place++) {
			way = ways[gs_turns_at(n, i ? i - 1 : 0, place)];
			err = turn(c, way, s->took[way] + row,
				   s->alloc[way] + row);
			if (err)
				return err;
		}
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

/* Of an operation, in thousandths. */
static s64 per_op(const struct bn_case *c, s64 took)
{
	s64 n = div64_u64(abs(took) * 1000, c->ops);

	return took < 0 ? -n : n;
}

/* Thousandths as JSON has them. */
struct text {
	char s[24];
};

static struct text milli(s64 v)
{
	struct text t;

	snprintf(t.s, sizeof(t.s), "%s%lld.%03lld", v < 0 ? "-" : "",
		 abs(v) / 1000, abs(v) % 1000);
	return t;
}

static void begin(const struct bn_case *c, enum bn_way way, const char *metric)
{
	bn_json("{\"workload\":\"%s\",\"allocator\":\"%s\",\"size\":%zu,",
		c->workload, bn_way_names[way], c->size);
	bn_json("\"heap\":%llu,\"cpus\":%u,\"threads\":%u,\"metric\":\"%s\",",
		c->heap, c->cpus, c->threads ? : 1, metric);
}

static void show(const struct bn_case *c, enum bn_way way,
		 const struct samples *s)
{
	u64 *t = s->took[way], *empty = s->took[BN_EMPTY];
	struct text net = milli(per_op(c, t[s->n / 2] - empty[s->n / 2]));
	struct text spread = milli(per_op(c, t[s->n * 3 / 4] - t[s->n / 4]));
	struct text raw = milli(per_op(c, t[s->n / 2]));
	struct text best = milli(per_op(c, t[0] - empty[0]));

	if (way == BN_EMPTY)
		return;
	pr_info("%s %zu: %s: %s per operation\n", c->workload, c->size,
		bn_way_names[way], net.s);
	begin(c, way, bn_icount ? "instructions_per_op" : "ns_per_op");
	bn_json("\"value\":%s,\"spread\":%s,\"raw\":%s,\"best\":%s,",
		net.s, spread.s, raw.s, best.s);
	bn_json("\"samples\":%u,\"ops\":%llu}\n", s->n,
		c->ops * c->stretches * (c->rounds + 1));
}

/* The first half of a batch alone; what is left of it are the frees. */
static void show_alloc(const struct bn_case *c, enum bn_way way,
		       const struct samples *s)
{
	u64 *t = s->alloc[way], *empty = s->alloc[BN_EMPTY];
	struct text net, spread;

	if (way == BN_EMPTY || !t[s->n / 2])
		return;
	net = milli(per_op(c, t[s->n / 2] - empty[s->n / 2]));
	spread = milli(per_op(c, t[s->n * 3 / 4] - t[s->n / 4]));
	begin(c, way, bn_icount ? "alloc_instructions_per_op" :
	      "alloc_ns_per_op");
	bn_json("\"value\":%s,\"spread\":%s}\n", net.s, spread.s);
}

/* Any other figure of a case. */
void bn_say(const struct bn_case *c, enum bn_way way, const char *metric,
	    u64 value)
{
	pr_info("%s %zu: %s: %s %llu\n", c->workload, c->size,
		bn_way_names[way], metric, value);
	begin(c, way, metric);
	bn_json("\"value\":%llu,\"spread\":0}\n", value);
}

/**
 * bn_measure() - run all ways of a case and add medians to the results.
 * @c: with everything set and opened.
 *
 * Return: 0 or an error of a loop.
 */
int bn_measure(struct bn_case *c)
{
	struct samples s = { };
	u64 *room;
	int way, err;

	c->rounds = whole_cycles(c);
	s.n = c->rounds * c->stretches;
	room = vzalloc(array3_size(s.n, 2 * BN_WAYS, sizeof(u64)));
	if (!room)
		return -ENOMEM;
	for (way = 0; way < BN_WAYS; way++) {
		s.took[way] = room + way * s.n;
		s.alloc[way] = room + (BN_WAYS + way) * s.n;
	}
	err = run_rounds(c, &s);
	for (way = 0; way < BN_WAYS && !err; way++) {
		sort(s.took[way], s.n, sizeof(u64), compare, NULL);
		sort(s.alloc[way], s.n, sizeof(u64), compare, NULL);
	}
	for (way = 0; way < BN_WAYS && !err; way++) {
		if (!(c->ways & BIT(way)) || !c->loops[way])
			continue;
		show(c, way, &s);
		show_alloc(c, way, &s);
	}
	vfree(room);
	return err;
}

/* The same for a case that needs nothing but what the ways make. */
int bn_measure_open(struct bn_case *c)
{
	int err = bn_case_open(c, NULL);

	if (!err)
		err = bn_measure(c);
	bn_case_close(c);
	return err;
}
