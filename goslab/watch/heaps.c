// SPDX-License-Identifier: GPL-2.0
/*
 * heaps: what each heap holds, and which modules' objects live in it.
 *
 * Lock:       gs_class_mutex, which keeps the heaps; the mheap lock per arena
 *             (scan.c).
 * Context:    task; sleeps.
 * Tests:      kunit/heap_kunit.c
 */
#include <linux/mm.h>

#include "back/mheap.h"
#include "base/owner.h"
#include "front/usage.h"
#include "middle/heap.h"
#include "watch/scan.h"
#include "watch/watch.h"

/* What a scan counts: all heaps by their index, the default one first. */
struct heap_scan {
	unsigned int nr;
	struct gs_by_owner *of;
};

static void count_span(const struct mspan *s, void *arg)
{
	const struct goslab_heap *h = s->class ? s->class->heap : NULL;
	struct heap_scan *scan = arg;

	gs_census_owners(&scan->of[h ? h->scan : 0], s);
}

/* Under gs_class_mutex. Return: 0 or -ENOMEM. */
static int scan_heaps(struct heap_scan *scan)
{
	struct goslab_heap *h;

	scan->nr = 1;
	list_for_each_entry(h, &gs_heap_list, link)
		h->scan = scan->nr++;
	scan->of = kvcalloc(scan->nr, sizeof(*scan->of), GFP_KERNEL);
	if (!scan->of)
		return -ENOMEM;
	gs_scan_all(count_span, scan);
	return 0;
}

/* All but the live objects. */
static void read_counters(const struct goslab_heap *h,
			  struct goslab_heap_usage *u)
{
	u->quota = h->quota;
	u->held = atomic_long_read(&h->held);
	u->peak = atomic_long_read(&h->peak);
	u->nr_refused = atomic_long_read(&h->nr_refused);
}

/* The default heap has what no other one has; its peak is not kept apart. */
static void read_default(struct goslab_heap_usage *u)
{
	struct goslab_usage now, peak;
	struct goslab_heap *h;

	gs_usage_read(&now);
	gs_usage_read_peak(&peak);
	u->held = now.spans;
	u->peak = peak.spans;
	list_for_each_entry(h, &gs_heap_list, link)
		u->held -= min_t(size_t, u->held, atomic_long_read(&h->held));
}

static void add_up(const struct gs_by_owner *n, struct goslab_heap_usage *u)
{
	unsigned int id;

	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++) {
		u->nr_live += n->objects[id];
		u->live += n->bytes[id];
	}
}

static void read_heap(const struct goslab_heap *h, const struct heap_scan *scan,
		      struct goslab_heap_usage *u)
{
	*u = (struct goslab_heap_usage){ };
	if (h == &gs_default_heap)
		read_default(u);
	else
		read_counters(h, u);
	add_up(&scan->of[h->scan], u);
}

/* What goslab_heap_usage() counts: the live objects of one heap. */
struct one_heap {
	const struct goslab_heap *heap;
	struct goslab_heap_usage *usage;
};

static void count_live(const struct mspan *s, void *arg)
{
	const struct goslab_heap *h = s->class ? s->class->heap : NULL;
	struct one_heap *one = arg;
	struct gs_census n = { };

	if ((h ?: &gs_default_heap) != one->heap)
		return;
	gs_census_span(&n, s);
	one->usage->nr_live += n.live;
	one->usage->live += n.live_bytes;
}

/* For goslab_heap_usage(). */
void gs_heap_read(const struct goslab_heap *h, struct goslab_heap_usage *usage)
{
	struct one_heap one = { .heap = h, .usage = usage };

	*usage = (struct goslab_heap_usage){ };
	mutex_lock(&gs_class_mutex);
	if (h == &gs_default_heap)
		read_default(usage);
	else
		read_counters(h, usage);
	gs_scan_all(count_live, &one);
	mutex_unlock(&gs_class_mutex);
}

static void heap_row(struct seq_file *m, const struct goslab_heap *h,
		     const struct heap_scan *scan)
{
	const char *module = gs_owner_name(h->owner);
	struct goslab_heap_usage u;

	read_heap(h, scan, &u);
	seq_printf(m, "%-23s %12zu %12zu %12zu %10lu %12zu %9lu %s\n", h->name,
		   u.quota, u.held, u.peak, u.nr_live, u.live, u.nr_refused,
		   module ?: "-");
}

static void module_rows(struct seq_file *m, const struct goslab_heap *h,
			const struct heap_scan *scan)
{
	const struct gs_by_owner *n = &scan->of[h->scan];
	unsigned int id;

	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++)
		if (n->objects[id])
			seq_printf(m, "%-23s %10lu %12zu %s\n", h->name,
				   n->objects[id], n->bytes[id],
				   gs_owner_name(id) ?: "-");
}

typedef void (*row_fn)(struct seq_file *m, const struct goslab_heap *h,
		       const struct heap_scan *scan);

static void rows(struct seq_file *m, const struct heap_scan *scan,
			  row_fn row)
{
	struct goslab_heap *h;

	row(m, &gs_default_heap, scan);
	list_for_each_entry(h, &gs_heap_list, link)
		row(m, h, scan);
}

int gs_heaps_show(struct seq_file *m, void *unused)
{
	struct heap_scan scan;
	int ret;

	mutex_lock(&gs_class_mutex);
	ret = scan_heaps(&scan);
	if (ret)
		goto out;
	seq_puts(m, "heaps - version: 1.0\n");
	seq_printf(m, "#%-22s %12s %12s %12s %10s %12s %9s %s\n", "heap",
		   "quota", "held", "peak", "objects", "bytes", "refused",
		   "made_by");
	rows(m, &scan, heap_row);
	seq_printf(m, "\n#%-22s %10s %12s %s\n", "heap", "objects", "bytes",
		   "module");
	rows(m, &scan, module_rows);
	kvfree(scan.of);
out:
	mutex_unlock(&gs_class_mutex);
	return ret;
}
