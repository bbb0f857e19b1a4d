// SPDX-License-Identifier: GPL-2.0
/*
 * heaps: what each heap holds, and which modules' objects live in it.
 *
 * Lock:       gs_class_mutex, which keeps the heaps; the mheap lock per arena
 *             (scan.c), or the central locks of a heap's classes, one at a time.
 * Context:    task; sleeps.
 * Tests:      kunit/heap_kunit.c
 */
#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "back/mheap.h"
#include "base/owner.h"
#include "front/mcache.h"
#include "front/usage.h"
#include "middle/heap.h"
#include "watch/scan.h"
#include "watch/watch.h"

static void count_span(const struct mspan *s, void *arg)
{
	const struct gs_class *c = READ_ONCE(s->class);
	const struct goslab_heap *h = c ? c->heap : NULL;
	struct gs_heap_table *t = arg;

	gs_census_owners(&t->line[h ? h->scan : 0].of, s);
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

static void fill_line(struct gs_heap_line *line, const struct goslab_heap *h)
{
	unsigned int id;

	line->heap = h == &gs_default_heap ? NULL : h;
	strscpy(line->name, h->name, sizeof(line->name));
	line->made_by = gs_owner_name(h->owner);
	if (h == &gs_default_heap)
		read_default(&line->u);
	else
		read_counters(h, &line->u);
	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++) {
		line->u.nr_live += line->of.objects[id];
		line->u.live += line->of.bytes[id];
	}
}

/* Under gs_class_mutex. Return: the table, for kvfree(), or NULL without memory. */
struct gs_heap_table *gs_heaps_read(void)
{
	struct gs_heap_table *t;
	struct goslab_heap *h;
	unsigned int nr = 1;

	list_for_each_entry(h, &gs_heap_list, link)
		h->scan = nr++;
	t = kvzalloc(struct_size(t, line, nr), GFP_KERNEL);
	if (!t)
		return NULL;
	t->nr = nr;
	gs_scan_all(count_span, t);
	fill_line(&t->line[0], &gs_default_heap);
	list_for_each_entry(h, &gs_heap_list, link)
		fill_line(&t->line[h->scan], h);
	return t;
}

static void count_live(const struct mspan *s, struct goslab_heap_usage *usage)
{
	struct gs_census n = { };

	gs_census_span(&n, s);
	usage->nr_live += n.live;
	usage->live += n.live_bytes;
}

/* See gs_scan_all(). */
static void count_default(const struct mspan *s, void *usage)
{
	const struct gs_class *c = READ_ONCE(s->class);

	if (!c || !c->heap)
		count_live(s, usage);
}

/* See gs_mcentral_each(). */
static int count_listed(struct mcentral *mc, const struct mspan *s, void *usage)
{
	count_live(s, usage);
	return 0;
}

/*
 * The spans that CPUs own. One that is given up meanwhile stays a descriptor, and is
 * counted as what it has become.
 */
static void count_owned(const struct gs_class *c, struct goslab_heap_usage *usage)
{
	int cpu;

	rcu_read_lock();
	for_each_possible_cpu(cpu) {
		const struct mspan *s = READ_ONCE(gs_slot_of(c, cpu)->span);

		if (READ_ONCE(s->class) == c)
			count_live(s, usage);
	}
	rcu_read_unlock();
}

static void count_class(struct gs_class *c, struct goslab_heap_usage *usage)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		gs_mcentral_each(gs_class_central(c, node), count_listed, usage);
	count_owned(c, usage);
	cond_resched();
}

/*
 * For goslab_heap_usage(). Of a heap only its own spans are looked at, by the lists of its
 * classes; the default heap is nearly all there is.
 */
void gs_heap_read(const struct goslab_heap *h, struct goslab_heap_usage *usage)
{
	struct gs_class *c;

	*usage = (struct goslab_heap_usage){ };
	mutex_lock(&gs_class_mutex);
	if (h == &gs_default_heap) {
		read_default(usage);
		gs_scan_all(count_default, usage);
	} else {
		read_counters(h, usage);
		list_for_each_entry(c, &gs_class_list, link)
			if (c->heap == h)
				count_class(c, usage);
	}
	mutex_unlock(&gs_class_mutex);
}

/*
 * Position 0 is the header; then come the heaps, a second header, and the heaps
 * once more with a row for each module that has objects there.
 */
static void *heaps_start(struct seq_file *m, loff_t *pos)
{
	const struct gs_heap_table *t = *(struct gs_heap_table **)m->private;

	return *pos < 2 * (t->nr + 1) ? pos : NULL;
}

static void *heaps_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return heaps_start(m, pos);
}

static void heaps_stop(struct seq_file *m, void *v)
{
}

static void heap_row(struct seq_file *m, const struct gs_heap_line *line)
{
	const struct goslab_heap_usage *u = &line->u;

	seq_printf(m, "%-23s %12zu %12zu %12zu %10lu %12zu %9lu %s\n",
		   line->name, u->quota, u->held, u->peak, u->nr_live, u->live,
		   u->nr_refused, line->made_by ?: "-");
}

static void module_rows(struct seq_file *m, const struct gs_heap_line *line)
{
	const struct gs_by_owner *n = &line->of;
	unsigned int id;

	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++)
		if (n->objects[id])
			seq_printf(m, "%-23s %10lu %12zu %s\n", line->name,
				   n->objects[id], n->bytes[id],
				   gs_owner_name(id) ?: "-");
}

static int gs_heaps_show(struct seq_file *m, void *v)
{
	const struct gs_heap_table *t = *(struct gs_heap_table **)m->private;
	loff_t pos = *(loff_t *)v;

	if (!pos) {
		seq_puts(m, "heaps - version: 1.0\n");
		seq_printf(m, "#%-22s %12s %12s %12s %10s %12s %9s %s\n",
			   "heap", "quota", "held", "peak", "objects", "bytes",
			   "refused", "made_by");
	} else if (pos <= t->nr) {
		heap_row(m, &t->line[pos - 1]);
	} else if (pos == t->nr + 1) {
		seq_printf(m, "\n#%-22s %10s %12s %s\n", "heap", "objects",
			   "bytes", "module");
	} else {
		module_rows(m, &t->line[pos - t->nr - 2]);
	}
	return 0;
}

static const struct seq_operations heaps_sops = {
	.start = heaps_start,
	.next = heaps_next,
	.stop = heaps_stop,
	.show = gs_heaps_show,
};

/* The counts are those of now, however slowly they are read. */
static int heaps_open(struct inode *inode, struct file *file)
{
	struct gs_heap_table **t = __seq_open_private(file, &heaps_sops, sizeof(*t));

	if (!t)
		return -ENOMEM;
	mutex_lock(&gs_class_mutex);
	*t = gs_heaps_read();
	mutex_unlock(&gs_class_mutex);
	if (*t)
		return 0;
	seq_release_private(inode, file);
	return -ENOMEM;
}

static int heaps_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;

	kvfree(*(struct gs_heap_table **)m->private);
	return seq_release_private(inode, file);
}

const struct file_operations gs_heaps_fops = {
	.owner = THIS_MODULE,
	.open = heaps_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = heaps_release,
};
