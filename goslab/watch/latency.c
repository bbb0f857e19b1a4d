// SPDX-License-Identifier: GPL-2.0
/*
 * latency: the histograms of the slow paths, in the shape of bpftrace's hist().
 *
 * Context:    task.
 * Tests:      kunit/latency_kunit.c
 */
#include "base/latency.h"

#include "watch/watch.h"

/* The longest bar, as bpftrace has it. */
static const char bar[] = "@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@";
#define BAR_MOST	((int)sizeof(bar) - 1)

static void show_bucket(struct seq_file *m, unsigned int i, unsigned long n,
			unsigned long most)
{
	int len = div64_u64((u64)n * BAR_MOST, most);
	char range[32];

	if (i == GS_LATENCY_BUCKETS - 1)
		snprintf(range, sizeof(range), "[%llu, ...)", gs_latency_from(i));
	else
		snprintf(range, sizeof(range), "[%llu, %llu)", gs_latency_from(i),
			 gs_latency_from(i + 1));
	seq_printf(m, "%-24s %10lu |%-*.*s|\n", range, n, BAR_MOST, len, bar);
}

/* A block: from the first bucket that has something to the last one. */
static void show_path(struct seq_file *m, enum gs_latency_path path)
{
	unsigned int i, first = GS_LATENCY_BUCKETS, last = 0;
	unsigned long most = 0;
	struct gs_latency sum;

	gs_latency_read(path, &sum);
	for (i = 0; i < GS_LATENCY_BUCKETS; i++) {
		if (!sum.n[i])
			continue;
		first = min(first, i);
		last = i;
		most = max(most, sum.n[i]);
	}
	seq_printf(m, "\n@%s_ns:\n", gs_latency_name(path));
	for (i = first; i <= last; i++)
		show_bucket(m, i, sum.n[i], most);
}

int gs_latency_show(struct seq_file *m, void *unused)
{
	enum gs_latency_path path;

	seq_puts(m, "latency - version: 1.0\n");
	if (!static_key_enabled(&gs_latency_all.key))
		seq_puts(m, "# refill, flush and span are not timed now: parameter time_all\n");
	for (path = 0; path < GS_NR_LATENCIES; path++)
		show_path(m, path);
	return 0;
}
