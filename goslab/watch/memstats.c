// SPDX-License-Identifier: GPL-2.0
/*
 * memstats: what is held, in the words of Go's runtime.MemStats.
 *
 * Whoever knows one knows the other. Where a word means something else here, or
 * nothing, Documentation/debugfs.rst says so.
 *
 * Lock:       gs_class_mutex for a survey (scan.c).
 * Context:    task; sleeps.
 * Tests:      kunit/profile_kunit.c
 */
#include <linux/cpumask.h>

#include "back/mheap.h"
#include "back/mspan.h"
#include "back/pagecache.h"
#include "base/sizeclass.h"
#include "base/sys.h"
#include "front/large.h"
#include "front/mcache.h"
#include "front/usage.h"
#include "middle/site.h"
#include "middle/special.h"
#include "watch/scan.h"
#include "watch/watch.h"

/* Objects and bytes of a size. */
struct by_size {
	u64 mallocs;
	u64 live;
};

/**
 * struct memstats - the sums.
 * @size: by size class of malloc; 0 has the objects of caches and heaps.
 * @live: all live objects.
 * @live_bytes: of them.
 * @mallocs: objects ever handed out.
 * @malloc_bytes: of them.
 * @stack_bytes: of spans that have page stacks.
 */
struct memstats {
	struct by_size size[GS_NR_CLASSES];
	u64 live;
	u64 live_bytes;
	u64 mallocs;
	u64 malloc_bytes;
	u64 stack_bytes;
};

/* The size class whose row has @c. */
static unsigned int row_of(const struct gs_class *c)
{
	unsigned int spc = c - gs_classes;

	if (c < gs_classes || spc >= GS_NR_SPC)
		return 0;
	return spc == GS_SPC_TINY ? GS_TINY_CLASS : spc >> 1;
}

/* Under gs_class_mutex. @slots: what the slots of each class have handed out. */
static void count(struct memstats *t, const struct gs_survey *v, const s64 *slots)
{
	struct gs_class *c;
	unsigned int i;

	list_for_each_entry(c, &gs_class_list, link) {
		struct by_size *row = &t->size[row_of(c)];
		u64 n = atomic64_read(&c->nr_past) + slots[c->scan];

		row->mallocs += n;
		row->live += v->of[c->scan].live;
		t->mallocs += n;
		t->malloc_bytes += n * c->elemsize;
	}
	t->stack_bytes = (u64)v->stacks.pages << GS_PAGE_SHIFT;
	gs_class_past(&t->mallocs, &t->malloc_bytes);
	for (i = 0; i < v->nr; i++) {
		t->live += v->of[i].live;
		t->live_bytes += v->of[i].live_bytes;
	}
}

static void line(struct seq_file *m, const char *name, u64 value)
{
	seq_printf(m, "%s: %llu\n", name, value);
}

static void show_heap(struct seq_file *m, const struct memstats *t)
{
	struct goslab_usage now, peak;
	size_t sys;

	gs_usage_read(&now);
	gs_usage_read_peak(&peak);
	/* As if addresses stayed reserved: what was ours at the peak. */
	sys = max(peak.spans + peak.free_runs, now.spans + now.free_runs);
	line(m, "Alloc", t->live_bytes);
	line(m, "TotalAlloc", t->malloc_bytes);
	line(m, "Sys", sys + now.metadata);
	line(m, "Mallocs", t->mallocs);
	line(m, "Frees", t->mallocs - t->live);
	line(m, "HeapAlloc", t->live_bytes);
	line(m, "HeapSys", sys);
	line(m, "HeapIdle", sys - now.spans);
	line(m, "HeapInuse", now.spans);
	line(m, "HeapReleased", sys - now.spans - now.free_runs);
	line(m, "HeapObjects", t->live);
	line(m, "StackInuse", t->stack_bytes);
	line(m, "StackSys", t->stack_bytes);
}

static void show_metadata(struct seq_file *m)
{
	size_t span = 0, span_sys = 0, slot = 0, slot_sys = 0, profile = 0, profile_sys = 0;

	gs_span_add_usage(&span, &span_sys);
	gs_mcache_add_usage(&slot, &slot_sys);
	gs_site_add_usage(&profile, &profile_sys);
	gs_special_add_usage(&profile, &profile_sys);
	line(m, "MSpanInuse", span);
	line(m, "MSpanSys", span_sys);
	line(m, "MCacheInuse", slot);
	line(m, "MCacheSys", slot_sys);
	line(m, "BuckHashSys", profile_sys);
	line(m, "OtherSys", max(gs_sys_meta(), span_sys + slot_sys + profile_sys) -
	     span_sys - slot_sys - profile_sys);
}

static void show_sizes(struct seq_file *m, const struct memstats *t)
{
	unsigned int cls;

	seq_printf(m, "#%6s %14s %14s\n", "Size", "Mallocs", "Frees");
	for (cls = 1; cls < GS_NR_CLASSES; cls++)
		seq_printf(m, "%7u %14llu %14llu\n", gs_sizeclass(cls).size,
			   t->size[cls].mallocs,
			   t->size[cls].mallocs - t->size[cls].live);
}

/* Under gs_class_mutex. Return: 0 or -ENOMEM. */
static int count_all(struct memstats *t)
{
	struct gs_survey *v = gs_survey_make();
	s64 *slots = v ? kvcalloc(v->nr, sizeof(*slots), GFP_KERNEL) : NULL;
	int cpu;

	if (slots) {
		for_each_possible_cpu(cpu)
			gs_mcache_add_allocs(cpu, slots);
		count(t, v, slots);
		t->mallocs += gs_mheap_counts().nr_large + gs_pagecache_read().large;
		t->malloc_bytes += gs_large_bytes();
	}
	kvfree(slots);
	if (v)
		gs_survey_free(v);
	return slots ? 0 : -ENOMEM;
}

int gs_memstats_show(struct seq_file *m, void *unused)
{
	struct memstats *t = kvzalloc(sizeof(*t), GFP_KERNEL);
	int ret;

	if (!t)
		return -ENOMEM;
	mutex_lock(&gs_class_mutex);
	ret = count_all(t);
	if (!ret) {
		show_heap(m, t);
		show_metadata(m);
		show_sizes(m, t);
	}
	mutex_unlock(&gs_class_mutex);
	kvfree(t);
	return ret;
}
