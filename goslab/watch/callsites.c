// SPDX-License-Identifier: GPL-2.0
/*
 * callsites: the sampled heap profile as tables that operators know.
 *
 * callsites has the shape of /proc/allocinfo: bytes, objects, who. alloc_traces has
 * that of SLUB's file: objects, who, ages, tasks, CPUs, stack. Both show what the
 * samples stand for, not the samples.
 *
 * Context:    task; sleeps.
 * Tests:      kunit/profile_kunit.c
 */
#include <linux/bitmap.h>
#include <linux/bsearch.h>
#include <linux/jiffies.h>
#include <linux/sort.h>

#include "base/chance.h"
#include "base/owner.h"
#include "middle/special.h"
#include "watch/profile.h"
#include "watch/watch.h"

/* One call of goslab, for a module, whatever its stacks and sizes. */
struct call {
	unsigned long caller;
	u8 owner;
	u64 objects;
	u64 bytes;
	u64 allocs;
};

static int by_caller(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(x->caller, y->caller) ?: cmp_int(x->owner, y->owner);
}

static int by_bytes(const void *a, const void *b)
{
	const struct call *x = a, *y = b;

	return cmp_int(y->bytes, x->bytes) ?: cmp_int(y->allocs, x->allocs);
}

static void add_site(struct call *call, const struct gs_site_counts *site,
		     unsigned long rate)
{
	u64 n = gs_chance_scale(site->nr_live, site->size, rate);

	call->caller = site->caller;
	call->owner = site->owner;
	call->objects += n;
	call->bytes += n * site->size;
	call->allocs += gs_chance_scale(site->nr_alloc, site->size, rate);
}

/* The sites are sorted by caller. Return: the calls in snap->more, or -ENOMEM. */
static int merge(struct gs_snapshot *snap)
{
	struct call *call = kvcalloc(snap->n + 1, sizeof(*call), GFP_KERNEL);
	unsigned int i, n = 0;

	if (!call)
		return -ENOMEM;
	for (i = 0; i < snap->n; i++) {
		if (i && by_caller(&snap->site[i - 1], &snap->site[i]))
			n++;
		add_site(&call[n], &snap->site[i], snap->rate);
	}
	snap->n = snap->n ? n + 1 : 0;
	sort(call, snap->n, sizeof(*call), by_bytes, NULL);
	snap->more = call;
	return 0;
}

static int gs_callsites_show(struct seq_file *m, void *v)
{
	const struct gs_snapshot *snap = gs_snapshot_of(m);
	const struct call *call = snap->more;
	loff_t pos = *(loff_t *)v;

	if (!pos) {
		seq_puts(m, "callsites - version: 1.0\n");
		seq_printf(m, "#%11s %10s %12s %s %s\n", "bytes", "objects",
			   "allocs", "module", "caller");
		return 0;
	}
	if (pos > snap->n)
		return 0;
	call += pos - 1;
	seq_printf(m, "%12llu %10llu %12llu %s %pB\n", call->bytes, call->objects,
		   call->allocs, gs_owner_name(call->owner) ?: "-", (void *)call->caller);
	return 0;
}

static const struct seq_operations callsites_sops = {
	.start = gs_snapshot_start,
	.next = gs_snapshot_next,
	.stop = gs_snapshot_stop,
	.show = gs_callsites_show,
};

/* Open, and make what the file shows of the snapshot by @fn. */
static int open_with(struct inode *inode, struct file *file,
		     const struct seq_operations *ops, gs_site_order order,
		     int (*fn)(struct gs_snapshot *snap))
{
	int ret = gs_snapshot_open(file, ops, order);

	if (ret)
		return ret;
	ret = fn(gs_snapshot_of(file->private_data));
	if (ret)
		gs_snapshot_release(inode, file);
	return ret;
}

static int callsites_open(struct inode *inode, struct file *file)
{
	return open_with(inode, file, &callsites_sops, by_caller, merge);
}

const struct file_operations gs_callsites_fops = {
	.owner = THIS_MODULE,
	.open = callsites_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = gs_snapshot_release,
};

/* What the live samples of a site have in common. */
struct trace {
	const struct gs_site_counts *site;
	unsigned long n;
	unsigned long least_age;
	unsigned long most_age;
	unsigned long sum_age;
	pid_t least_pid;
	pid_t most_pid;
	unsigned long *cpus;
};

static int by_site(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(x->of, y->of);
}

static int find_site(const void *of, const void *site)
{
	return cmp_int((const struct gs_site *)of,
		       ((const struct gs_site_counts *)site)->of);
}

static int by_count(const void *a, const void *b)
{
	const struct trace *x = a, *y = b;

	return cmp_int(y->n, x->n);
}

/* Under the lock of the record. */
static void add_record(const struct gs_special *r, void *arg)
{
	struct gs_snapshot *snap = arg;
	const struct gs_site_counts *site;
	unsigned long age = jiffies - r->when;
	struct trace *t = snap->more;

	site = bsearch(r->site, snap->site, snap->n, sizeof(*site), find_site);
	/* A site that is newer than the snapshot. */
	if (!site)
		return;
	t += site - snap->site;
	t->least_age = t->n ? min(t->least_age, age) : age;
	t->most_age = max(t->most_age, age);
	t->least_pid = t->n ? min(t->least_pid, r->pid) : r->pid;
	t->most_pid = max(t->most_pid, r->pid);
	t->sum_age += age;
	__set_bit(r->cpu, t->cpus);
	t->n++;
}

/* The sites are sorted by address. Return: their traces in snap->more, or -ENOMEM. */
static int gather(struct gs_snapshot *snap)
{
	size_t longs = BITS_TO_LONGS(nr_cpu_ids);
	unsigned int i, n = 0;
	struct trace *t;

	t = kvcalloc(snap->n + 1, sizeof(*t) + longs * sizeof(long), GFP_KERNEL);
	if (!t)
		return -ENOMEM;
	for (i = 0; i < snap->n; i++) {
		t[i].site = &snap->site[i];
		t[i].cpus = (unsigned long *)&t[snap->n + 1] + i * longs;
	}
	snap->more = t;
	gs_special_each(GS_SPECIAL_SAMPLE, add_record, snap);
	sort(t, snap->n, sizeof(*t), by_count, NULL);
	while (n < snap->n && t[n].n)
		n++;
	snap->n = n;
	return 0;
}

static void show_trace(struct seq_file *m, const struct trace *t)
{
	const struct gs_site_counts *site = t->site;
	unsigned long *entry;
	unsigned int i, n;

	seq_printf(m, "%7llu %pB", gs_chance_scale(t->n, site->size, gs_snapshot_of(m)->rate),
		   (void *)site->caller);
	if (t->least_age != t->most_age)
		seq_printf(m, " age=%lu/%lu/%lu", t->least_age, t->sum_age / t->n,
			   t->most_age);
	else
		seq_printf(m, " age=%lu", t->least_age);
	if (t->least_pid != t->most_pid)
		seq_printf(m, " pid=%d-%d", t->least_pid, t->most_pid);
	else
		seq_printf(m, " pid=%d", t->least_pid);
	seq_printf(m, " cpus=%*pbl size=%zu module=%s\n", nr_cpu_ids, t->cpus, site->size,
		   gs_owner_name(site->owner) ?: "-");
	n = gs_snapshot_stack(site, &entry);
	for (i = 0; i < n; i++)
		seq_printf(m, "        %pB\n", (void *)entry[i]);
	seq_putc(m, '\n');
}

static int gs_alloc_traces_show(struct seq_file *m, void *v)
{
	const struct gs_snapshot *snap = gs_snapshot_of(m);
	const struct trace *t = snap->more;
	loff_t pos = *(loff_t *)v;

	if (!snap->n && !pos)
		seq_puts(m, "No data\n");
	if (pos && pos <= snap->n)
		show_trace(m, &t[pos - 1]);
	return 0;
}

static const struct seq_operations alloc_traces_sops = {
	.start = gs_snapshot_start,
	.next = gs_snapshot_next,
	.stop = gs_snapshot_stop,
	.show = gs_alloc_traces_show,
};

static int alloc_traces_open(struct inode *inode, struct file *file)
{
	return open_with(inode, file, &alloc_traces_sops, by_site, gather);
}

const struct file_operations gs_alloc_traces_fops = {
	.owner = THIS_MODULE,
	.open = alloc_traces_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = gs_snapshot_release,
};
