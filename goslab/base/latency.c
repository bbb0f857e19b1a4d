// SPDX-License-Identifier: GPL-2.0
/*
 * latency: histograms of how long the slow paths take.
 *
 * Buckets are powers of two of nanoseconds, as those of BCC and bpftrace. A CPU counts
 * in its own buckets, which are summed up when somebody reads them, so no line is
 * shared. What is counted is the time by the clock, that of interrupts, of other tasks
 * and of waiting for locks included: it is what the caller waits.
 *
 * A path may begin on one CPU and end on another. Where the clocks of CPUs differ the
 * result may be negative: it counts as 0.
 *
 * Owner:      per CPU, this_cpu_inc() only.
 * Lock:       none. Readers get sums that are close on a busy machine.
 * Context:    any; in an NMI, too. Setting the key sleeps.
 * Tests:      kunit/latency_kunit.c
 */
#include "base/latency.h"

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "base/debug.h"

DEFINE_STATIC_KEY_FALSE(gs_latency_all);
GS_EXPORT_KUNIT(gs_latency_all);

static DEFINE_PER_CPU(struct gs_latency[GS_NR_LATENCIES], latencies);

/* The bucket of a path that took @ns nanoseconds. */
unsigned int gs_latency_bucket(s64 ns)
{
	unsigned int bits = ns > 0 ? fls64(ns) : 0;
	unsigned int least = ilog2(GS_LATENCY_LEAST);

	return bits <= least ? 0 : min(bits - least, GS_LATENCY_BUCKETS - 1U);
}
GS_EXPORT_KUNIT(gs_latency_bucket);

/**
 * gs_latency_note() - a path ends.
 * @path: which.
 * @since: when it began, by gs_latency_now(). 0: it was not timed.
 */
void gs_latency_note(enum gs_latency_path path, u64 since)
{
	unsigned int i;

	if (!since)
		return;
	i = gs_latency_bucket(gs_latency_now() - since);
	this_cpu_inc(latencies[path].n[i]);
}
GS_EXPORT_KUNIT(gs_latency_note);

/* Are all paths to be timed? Sleeps. */
void gs_latency_set_all(bool on)
{
	if (on)
		static_branch_enable(&gs_latency_all);
	else
		static_branch_disable(&gs_latency_all);
}
GS_EXPORT_KUNIT(gs_latency_set_all);

/* What all CPUs have counted. */
void gs_latency_read(enum gs_latency_path path, struct gs_latency *sum)
{
	unsigned int i;
	int cpu;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu)
		for (i = 0; i < GS_LATENCY_BUCKETS; i++)
			sum->n[i] += READ_ONCE(per_cpu(latencies, cpu)[path].n[i]);
}
GS_EXPORT_KUNIT(gs_latency_read);

const char *gs_latency_name(enum gs_latency_path path)
{
	static const char *const names[] = {
		[GS_LATENCY_REFILL]	= "refill",
		[GS_LATENCY_FLUSH]	= "flush",
		[GS_LATENCY_SPAN]	= "span",
		[GS_LATENCY_GROW]	= "grow",
		[GS_LATENCY_DRAIN]	= "drain",
	};

	return names[path];
}
GS_EXPORT_KUNIT(gs_latency_name);
