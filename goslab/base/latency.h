/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_LATENCY_H
#define GS_BASE_LATENCY_H

#include <linux/jump_label.h>
#include <linux/sched/clock.h>
#include <linux/timekeeping.h>
#include <linux/types.h>

/*
 * The paths that are timed. The first three are timed on request: batches of objects and
 * large objects take them, and two looks at the clock would be a twentieth of that.
 */
enum gs_latency_path {
	GS_LATENCY_REFILL,
	GS_LATENCY_FLUSH,
	GS_LATENCY_SPAN,
	GS_LATENCY_GROW,
	GS_LATENCY_DRAIN,
	GS_NR_LATENCIES,
};

/*
 * Bucket 0 has what took less than GS_LATENCY_LEAST ns; each of the others goes from a
 * power of two to the next one, and the last one, from one second on, has no end.
 */
#define GS_LATENCY_BUCKETS	26
#define GS_LATENCY_LEAST	64U

/* struct gs_latency - how often a path took how long. */
struct gs_latency {
	unsigned long n[GS_LATENCY_BUCKETS];
};

DECLARE_STATIC_KEY_FALSE(gs_latency_all);

/*
 * Nanoseconds, for differences. The clock of the scheduler is the cheapest that there
 * is. On User-Mode Linux it counts jiffies.
 */
static inline u64 gs_latency_now(void)
{
	return IS_ENABLED(CONFIG_UML) ? ktime_get_mono_fast_ns() : local_clock();
}

unsigned int gs_latency_bucket(s64 ns);
void gs_latency_note(enum gs_latency_path path, u64 since);

/* Are the paths that are timed on request timed? */
static __always_inline bool gs_latency_is_all(void)
{
	return static_branch_unlikely(&gs_latency_all);
}

void gs_latency_set_all(bool on);
void gs_latency_read(enum gs_latency_path path, struct gs_latency *sum);
const char *gs_latency_name(enum gs_latency_path path);

/* Where bucket @i begins, in nanoseconds. */
static inline u64 gs_latency_from(unsigned int i)
{
	return i ? (u64)GS_LATENCY_LEAST << (i - 1) : 0;
}

#endif /* GS_BASE_LATENCY_H */
