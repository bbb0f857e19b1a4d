// SPDX-License-Identifier: GPL-2.0
/*
 * generate.c: makes up a trace of larger objects than recorded ones have.
 *
 * Sizes are log-uniform from 8 KiB to 1 MiB. An event takes one of SLOTS slots
 * at random: a free one is allocated, a live one freed, so that about half of
 * them live. The same seed gives the same trace everywhere: only integers are
 * used. There are no caches, so that as recorded is all through malloc.
 *
 * Context: task; sleeps.
 */
#include <linux/vmalloc.h>

#include "replay.h"

#define SLOTS		512U
#define MIN_SHIFT	13	/* 8 KiB */
#define OCTAVES		7	/* up to 1 MiB */
#define CPUS		8

/* xorshift64*, which must not start at 0. */
static u64 next_random(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* 2 to the power of @fraction / 256, times 65536. */
static u32 exp2_fraction(u32 fraction)
{
	/* 2^(1/2), 2^(1/4) ... 2^(1/256), times 65536 */
	static const u32 roots[] = {
		92682, 77936, 71468, 68438, 66971, 66250, 65892, 65714
	};
	u64 v = 65536;
	int i;

	for (i = 0; i < ARRAY_SIZE(roots); i++)
		if (fraction & 0x80 >> i)
			v = v * roots[i] >> 16;
	return v;
}

static u32 log_uniform(u64 random)
{
	u32 octave = (random & 0xffff) % OCTAVES;

	return (u64)exp2_fraction(random >> 16 & 0xff) << (MIN_SHIFT + octave) >> 16;
}

/**
 * rp_trace_generate() - make up a trace.
 * @trace: filled in; rp_trace_free() after use.
 * @events: how many.
 * @seed: of the random numbers.
 *
 * Return: 0 or -ENOMEM.
 */
int rp_trace_generate(struct rp_trace *trace, u32 events, u64 seed)
{
	bool live[SLOTS] = {};
	struct rp_event *e;
	u64 state = seed ? : 1;
	u64 r;
	u32 i;

	*trace = (struct rp_trace){ .name = "generated", .slots = SLOTS };
	e = vzalloc(array_size(events, sizeof(*e)));
	if (!e)
		return -ENOMEM;
	for (i = 0; i < events; i++) {
		r = next_random(&state);
		e[i].slot = (r >> 32) % SLOTS;
		e[i].cpu = (r >> 24) % CPUS;
		e[i].op = live[e[i].slot] ? RP_FREE : RP_ALLOC;
		if (e[i].op == RP_ALLOC)
			e[i].size = log_uniform(next_random(&state));
		live[e[i].slot] ^= true;
	}
	trace->file = e;
	trace->events = e;
	trace->nr_events = events;
	return rp_trace_check(trace);
}
