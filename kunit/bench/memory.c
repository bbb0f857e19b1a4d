// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c: how much is held for what was asked for, and how much afterwards.
 *
 * uniform  sizes of 1 to 4096 bytes, each as likely
 * pareto   long-tailed sizes of 8 bytes to 8 KiB
 *
 * The heap grows to SLOTS objects, then three times as many are replaced at
 * random, then a random half of them is freed, and then all. Peak held is to
 * peak requested what the allocator costs; then it has nothing to do for some
 * seconds, and is asked to shrink.
 *
 * goslab knows what it holds; for kmalloc the kernel's counters of slab pages
 * are read after each allocation (kunit/replay/memory.c tells more of them),
 * exact on one CPU.
 *
 * Context: task; sleeps.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "../slab_bytes.h"
#include "bench.h"

#define SLOTS	65536

struct mem {
	bool pareto;
	u64 random;
	u32 size[SLOTS];
	s64 start;
	s64 held;
	u64 requested;
	s64 peak_held;
	u64 peak_requested;
};

static s64 held(enum bn_way way)
{
	struct goslab_usage now;

	if (way == BN_KMALLOC)
		return slab_bytes();
	goslab_usage(&now, NULL);
	return now.held;
}

static u32 next_size(struct mem *m)
{
	u64 random;
	u32 bits;

	if (!m->pareto)
		return 1 + bn_below(&m->random, 4096);
	random = bn_random(&m->random);
	bits = min_t(u32, __ffs(random >> 32 | BIT(9)), 9);
	return (8 + (random & 7)) << bits;
}

static int put(struct bn_case *c, struct mem *m, enum bn_way way, u32 slot)
{
	u32 size = next_size(m);

	c->objs[slot] = way == BN_GOSLAB ? goslab_malloc(size, GFP_KERNEL) :
					   kmalloc(size, GFP_KERNEL);
	if (!c->objs[slot])
		return -ENOMEM;
	m->size[slot] = size;
	m->requested += size;
	m->peak_requested = max(m->peak_requested, m->requested);
	if (way == BN_KMALLOC)
		m->peak_held = max(m->peak_held, slab_bytes() - m->start);
	return 0;
}

static void drop(struct bn_case *c, struct mem *m, enum bn_way way, u32 slot)
{
	if (!c->objs[slot])
		return;
	if (way == BN_GOSLAB)
		goslab_free(c->objs[slot]);
	else
		kfree(c->objs[slot]);
	c->objs[slot] = NULL;
	m->requested -= m->size[slot];
}

static int load(struct bn_case *c, struct mem *m, enum bn_way way)
{
	struct goslab_usage peak;
	u32 i, slot;
	int err = 0;

	for (i = 0; i < SLOTS && !err; i++)
		err = put(c, m, way, i);
	for (i = 0; i < 3 * SLOTS && !err; i++) {
		slot = bn_below(&m->random, SLOTS);
		drop(c, m, way, slot);
		err = put(c, m, way, slot);
		/* Has what is parked summed up, soon after each new peak. */
		if (!(i & 0xff) && way == BN_GOSLAB)
			goslab_usage(NULL, &peak);
		if (!(i & 0xfff))
			cond_resched();
	}
	return err;
}

static void show_peak(const struct bn_case *c, const struct mem *m,
		      enum bn_way way)
{
	struct goslab_usage peak;

	bn_say(c, way, "peak_requested", m->peak_requested);
	bn_say(c, way, "peak_held", m->peak_held);
	bn_say(c, way, "held_per_mille",
	       m->peak_held * 1000 / (s64)m->peak_requested);
	if (way != BN_GOSLAB)
		return;
	goslab_usage(NULL, &peak);
	bn_say(c, way, "peak_spans", peak.spans);
	bn_say(c, way, "peak_free_runs", peak.free_runs);
	bn_say(c, way, "peak_metadata", peak.metadata);
	bn_say(c, way, "peak_parked", peak.parked);
}

static void show_held(const struct bn_case *c, const struct mem *m,
		      enum bn_way way, const char *metric)
{
	bn_say(c, way, metric, max(held(way) - m->start, 0LL));
}

/* What stays when there is less to hold, and in time. */
static void show_rest(struct bn_case *c, struct mem *m, enum bn_way way)
{
	u32 i;

	for (i = 0; i < SLOTS; i++)
		if (bn_random(&m->random) >> 63)
			drop(c, m, way, i);
	bn_say(c, way, "half_requested", m->requested);
	show_held(c, m, way, "half_held");
	for (i = 0; i < SLOTS; i++)
		drop(c, m, way, i);
	show_held(c, m, way, "freed_held_0s");
	ssleep(1);
	show_held(c, m, way, "freed_held_1s");
	if (!bn_icount) {
		ssleep(9);
		show_held(c, m, way, "freed_held_10s");
	}
	goslab_shrink();
	shrink_kmalloc();
	show_held(c, m, way, "freed_held_shrunk");
}

static int measure(struct bn_case *c, struct mem *m, enum bn_way way)
{
	struct goslab_usage peak;
	int err;

	goslab_shrink();
	shrink_kmalloc();
	goslab_usage_reset_peak();
	m->random = 1;
	m->requested = 0;
	m->peak_requested = 0;
	m->peak_held = 0;
	m->start = way == BN_KMALLOC ? slab_bytes() : 0;
	err = load(c, m, way);
	if (!err) {
		goslab_usage(NULL, &peak);
		if (way == BN_GOSLAB)
			m->peak_held = peak.held;
		show_peak(c, m, way);
	}
	show_rest(c, m, way);
	return err;
}

int bn_memory(const char *name)
{
	struct mem *m = vzalloc(sizeof(*m));
	void **objs = vzalloc(array_size(SLOTS, sizeof(*objs)));
	int pareto, err = m && objs ? 0 : -ENOMEM;

	/* The smaller heap first: descriptors stay for those to come. */
	for (pareto = 1; pareto >= 0 && !err; pareto--) {
		struct bn_case c = {
			.workload = pareto ? "memory_pareto" : "memory_uniform",
			.objs = objs, .cpus = 1,
		};

		m->pareto = pareto;
		err = measure(&c, m, BN_GOSLAB);
		err = err ? : measure(&c, m, BN_KMALLOC);
	}
	vfree(objs);
	vfree(m);
	return err;
}
