// SPDX-License-Identifier: GPL-2.0
/*
 * stats: the debugfs files of totals: stats, owners, mcaches.
 *
 * The format is documented in Documentation/debugfs.rst, and meant to stay.
 *
 * Lock:       gs_class_mutex for a survey (scan.c); RCU for the slots.
 * Context:    task; sleeps.
 * Tests:      kunit/stats_kunit.c
 */
#include <linux/cpumask.h>
#include <linux/rculist.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "back/pagecache.h"
#include "back/scavenger.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sys.h"
#include "base/worker.h"
#include "front/mcache.h"
#include "front/usage.h"
#include "middle/special.h"
#include "watch/scan.h"
#include "watch/watch.h"

/* What slots and tiny blocks of all CPUs counted. */
struct totals {
	u64 allocs;
	u64 tiny_allocs;
	u64 refills;
	u64 flushes;
	u64 central_locks;
	u64 large;
	struct gs_parked parked;
	struct mheap_counts heap;
};

static void add_cpu(struct totals *t, int cpu)
{
	const struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link) {
		t->refills += READ_ONCE(slot->nr_refill);
		t->flushes += READ_ONCE(slot->nr_flush);
	}
	rcu_read_unlock();
	t->allocs += gs_mcache_nr_alloc(cpu);
	t->tiny_allocs += READ_ONCE(mcache->tiny.nr_alloc);
}

/* Under gs_class_mutex. */
static struct totals get_totals(void)
{
	struct totals t = { };
	struct gs_class *c;
	int cpu, node;

	for_each_possible_cpu(cpu)
		add_cpu(&t, cpu);
	list_for_each_entry(c, &gs_class_list, link) {
		t.allocs += atomic64_read(&c->nr_past);
		for (node = 0; node < nr_node_ids; node++)
			t.central_locks += READ_ONCE(c->central[node].nr_lock);
	}
	/* That is in the sums of the classes, too. */
	for_each_possible_cpu(cpu)
		t.allocs -= READ_ONCE(per_cpu(gs_mcache, cpu).nr_wrapped);
	t.parked = gs_pagecache_read();
	t.heap = gs_mheap_counts();
	t.large = t.heap.nr_large + t.parked.large;
	t.allocs += t.large;
	return t;
}

/* The parts of I5: what is held, to the byte. */
static void show_bytes(struct seq_file *m, gs_line_fn line, const struct gs_census *all)
{
	struct goslab_usage now, peak;

	gs_usage_read(&now);
	gs_usage_read_peak(&peak);
	line(m, "bytes_held", now.held);
	line(m, "bytes_live", all->live_bytes);
	line(m, "bytes_cached", all->cached_bytes);
	line(m, "bytes_pending", all->pending_bytes);
	line(m, "bytes_free_in_spans", gs_census_free_bytes(all));
	line(m, "bytes_tails", gs_census_tail(all));
	line(m, "bytes_free_runs", now.free_runs);
	line(m, "bytes_metadata", now.metadata);
	line(m, "peak_bytes_held", peak.held);
	line(m, "peak_bytes_spans", peak.spans);
	line(m, "peak_bytes_free_runs", peak.free_runs);
	line(m, "peak_bytes_metadata", peak.metadata);
	line(m, "peak_bytes_parked", peak.parked);
}

static void show_counts(struct seq_file *m, gs_line_fn line, const struct gs_census *all,
			const struct gs_survey *v)
{
	struct totals t = get_totals();

	line(m, "objects_live", all->live);
	line(m, "objects_cached", all->cached);
	line(m, "objects_pending", all->pending);
	line(m, "allocs", t.allocs);
	line(m, "frees", t.allocs - all->live);
	line(m, "allocs_tiny", t.tiny_allocs);
	line(m, "allocs_large", t.large);
	line(m, "refills", t.refills);
	line(m, "flushes", t.flushes);
	line(m, "central_locks", t.central_locks);
	line(m, "heap_locks", t.heap.nr_lock);
	line(m, "spans", gs_spans_in_use(&t.parked));
	line(m, "spans_allocated", t.heap.nr_alloc + t.parked.hits);
	line(m, "spans_freed", t.heap.nr_free + t.parked.hits +
	     t.parked.spans);
	line(m, "spans_short", t.heap.nr_short);
	line(m, "pages_drawn", t.heap.drawn);
	line(m, "pages_released", t.heap.released);
	line(m, "pages_scavenged", gs_scavenge_released());
	line(m, "pages_reclaimed", gs_mheap_reclaimed());
	line(m, "worker_us", gs_worker_busy_us());
	line(m, "reports", gs_report_count());
	line(m, "reports_suppressed", gs_report_suppressed());
	line(m, "spans_reused", t.parked.hits);
	line(m, "pages_parked", t.parked.pages);
	line(m, "stacks_live", v->stacks.live);
	line(m, "bytes_stacks", (u64)v->stacks.pages << GS_PAGE_SHIFT);
	line(m, "actions", gs_special_nr(GS_SPECIAL_ACTION));
	line(m, "weak_handles", gs_special_nr(GS_SPECIAL_WEAK));
	line(m, "collections", atomic_long_read(&gs_collections));
	line(m, "objects_collected", atomic_long_read(&gs_objects_collected));
}

/* Call @line for each total. Under gs_class_mutex. */
void gs_stats_each(struct seq_file *m, gs_line_fn line, const struct gs_survey *v)
{
	struct gs_census all = { };
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		gs_census_add(&all, &v->of[i]);
	show_bytes(m, line, &all);
	show_counts(m, line, &all, v);
}

static void show_line(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s: %llu\n", name, value);
}

int gs_stats_show(struct seq_file *m, void *unused)
{
	struct gs_survey *v;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	if (v) {
		gs_stats_each(m, show_line, v);
		gs_survey_free(v);
	}
	mutex_unlock(&gs_class_mutex);
	return v ? 0 : -ENOMEM;
}

int gs_owners_show(struct seq_file *m, void *unused)
{
	struct gs_survey *v;
	unsigned int id;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	mutex_unlock(&gs_class_mutex);
	if (!v)
		return -ENOMEM;
	seq_puts(m, "owners - version: 1.0\n#      objects        bytes module\n");
	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++) {
		const char *name = gs_owner_name(id);

		if (name)
			seq_printf(m, "%14lu %12zu %s\n", v->owners.objects[id],
				   v->owners.bytes[id], name);
	}
	gs_survey_free(v);
	return 0;
}

/* What a CPU holds, and has done. */
struct gs_cpu_line gs_mcache_line(int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_cpu_line line = { .room = READ_ONCE(mcache->cap_bytes) };
	struct gs_slot *slot;
	struct totals t = { };

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link) {
		unsigned int n = gs_slot_n(slot);

		line.slots++;
		line.objects += n;
		line.bytes += n * slot->class->elemsize;
		line.spans += READ_ONCE(slot->span) != &gs_no_span;
	}
	rcu_read_unlock();
	add_cpu(&t, cpu);
	line.allocs = t.allocs;
	line.tiny_allocs = t.tiny_allocs;
	line.refills = t.refills;
	line.flushes = t.flushes;
	return line;
}

static void show_cpu(struct seq_file *m, int cpu)
{
	struct gs_cpu_line n = gs_mcache_line(cpu);

	seq_printf(m, "%5d %6lu %6lu %8lu %10zu %10zu %12llu %12llu %10llu %10llu\n",
		   cpu, n.slots, n.spans, n.objects, n.bytes, n.room, n.allocs,
		   n.tiny_allocs, n.refills, n.flushes);
}

int gs_mcaches_show(struct seq_file *m, void *unused)
{
	int cpu;

	seq_puts(m, "mcaches - version: 1.0\n");
	seq_printf(m, "#%4s %6s %6s %8s %10s %10s %12s %12s %10s %10s\n", "cpu",
		   "slots", "spans", "objects", "bytes", "room", "allocs",
		   "tiny_allocs", "refills", "flushes");
	for_each_possible_cpu(cpu)
		show_cpu(m, cpu);
	return 0;
}
