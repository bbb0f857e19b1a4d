// SPDX-License-Identifier: GPL-2.0
/*
 * profile: the sampled heap profile as text that pprof reads.
 *
 * The format is that of Go's runtime/pprof with debug=1: live and allocated objects
 * and bytes as they were sampled (large ones: as they would be without GS_CHANCE_MOST),
 * which pprof scales, the addresses of a stack, and their names as comments. profile_peak has the objects that were live at the peak
 * in place of those that are live now.
 *
 * Context:    task; sleeps.
 * Tests:      kunit/profile_kunit.c
 */
#include "base/chance.h"
#include "front/sample.h"
#include "middle/special.h"
#include "watch/profile.h"
#include "watch/watch.h"

static u64 bytes_of(const struct gs_site_counts *site, u64 n)
{
	return n * site->size;
}

/* What pprof is to scale: it does not know that large objects are sampled less often. */
static void unscale(struct gs_site_counts *site, unsigned long rate)
{
	site->nr_alloc = gs_chance_unscale(site->nr_alloc, site->size, rate);
	site->nr_live = gs_chance_unscale(site->nr_live, site->size, rate);
	site->nr_peak = gs_chance_unscale(site->nr_peak, site->size, rate);
}

static int open_unscaled(struct file *file, const struct seq_operations *ops,
			 gs_site_order order)
{
	int ret = gs_snapshot_open(file, ops, order);
	struct gs_snapshot *snap;
	unsigned int i;

	if (ret)
		return ret;
	snap = gs_snapshot_of(file->private_data);
	for (i = 0; i < snap->n; i++)
		unscale(&snap->site[i], snap->rate);
	return 0;
}

/* Those with the most live bytes first, then those that allocated most. */
static int by_live(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(bytes_of(y, y->nr_live), bytes_of(x, x->nr_live)) ?:
	       cmp_int(bytes_of(y, y->nr_alloc), bytes_of(x, x->nr_alloc));
}

static int by_peak(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(bytes_of(y, y->nr_peak), bytes_of(x, x->nr_peak)) ?: by_live(a, b);
}

static u64 nr_of(const struct gs_site_counts *site, bool peak)
{
	return peak ? site->nr_peak : site->nr_live;
}

static void show_header(struct seq_file *m, bool peak)
{
	const struct gs_snapshot *snap = gs_snapshot_of(m);
	u64 live = 0, live_bytes = 0, alloc = 0, alloc_bytes = 0;
	unsigned int i;

	for (i = 0; i < snap->n; i++) {
		const struct gs_site_counts *site = &snap->site[i];

		live += nr_of(site, peak);
		live_bytes += bytes_of(site, nr_of(site, peak));
		alloc += site->nr_alloc;
		alloc_bytes += bytes_of(site, site->nr_alloc);
	}
	/* Of two equal pairs pprof takes the second one for the first. */
	if (live == alloc && live_bytes == alloc_bytes)
		alloc++;
	seq_printf(m, "heap profile: %llu: %llu [%llu: %llu] @ heap/%lu\n", live,
		   live_bytes, alloc, alloc_bytes, 2 * snap->rate);
}

static void show_site(struct seq_file *m, const struct gs_site_counts *site, bool peak)
{
	bool shown = gs_snapshot_of(m)->shown;
	unsigned int n, i;
	unsigned long *entry;

	n = gs_snapshot_stack(site, &entry);
	seq_printf(m, "%llu: %llu [%llu: %llu] @", nr_of(site, peak),
		   bytes_of(site, nr_of(site, peak)), site->nr_alloc,
		   bytes_of(site, site->nr_alloc));
	for (i = 0; i < n; i++)
		seq_printf(m, " 0x%lx", shown ? entry[i] : 0);
	seq_putc(m, '\n');
	for (i = 0; i < n; i++)
		seq_printf(m, "#\t0x%lx\t%pB\n", shown ? entry[i] : 0, (void *)entry[i]);
	seq_putc(m, '\n');
}

static void show_end(struct seq_file *m)
{
	const struct gs_snapshot *snap = gs_snapshot_of(m);

	seq_printf(m, "\n# goslab\n# rate = %lu\n# records = %lu\n# sites = %u\n# dropped = %lu\n# peak_bytes = %llu\n",
		   snap->rate, gs_special_nr(GS_SPECIAL_SAMPLE), snap->n, gs_sample_lost(), gs_site_peak());
}

static int show(struct seq_file *m, void *v, bool peak)
{
	loff_t pos = *(loff_t *)v;

	if (!pos)
		show_header(m, peak);
	else if (pos <= gs_snapshot_of(m)->n)
		show_site(m, gs_snapshot_site(m, v), peak);
	else
		show_end(m);
	return 0;
}

static int profile_show(struct seq_file *m, void *v)
{
	return show(m, v, false);
}

static int profile_peak_show(struct seq_file *m, void *v)
{
	return show(m, v, true);
}

static const struct seq_operations profile_sops = {
	.start = gs_snapshot_start,
	.next = gs_snapshot_next,
	.stop = gs_snapshot_stop,
	.show = profile_show,
};

static const struct seq_operations profile_peak_sops = {
	.start = gs_snapshot_start,
	.next = gs_snapshot_next,
	.stop = gs_snapshot_stop,
	.show = profile_peak_show,
};

static int profile_open(struct inode *inode, struct file *file)
{
	return open_unscaled(file, &profile_sops, by_live);
}

static int profile_peak_open(struct inode *inode, struct file *file)
{
	return open_unscaled(file, &profile_peak_sops, by_peak);
}

const struct file_operations gs_profile_fops = {
	.owner = THIS_MODULE,
	.open = profile_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = gs_snapshot_release,
};

const struct file_operations gs_profile_peak_fops = {
	.owner = THIS_MODULE,
	.open = profile_peak_open,
	.read = seq_read,
	.llseek = seq_lseek,
	.release = gs_snapshot_release,
};
