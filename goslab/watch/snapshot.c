// SPDX-License-Identifier: GPL-2.0
/*
 * snapshot: what the files of the profile have in common.
 *
 * The sites are copied when a file is opened: however slowly it is read, its sums
 * are those of its rows. Position 0 is a header, then come the sites, then the end.
 *
 * Lock:       none; see site.c.
 * Context:    task; sleeps.
 * Tests:      kunit/profile_kunit.c
 */
#include <linux/capability.h>
#include <linux/sort.h>
#include <linux/stackdepot.h>

#include "front/sample.h"
#include "watch/profile.h"

/* For the open() of a file. Return: 0 or -ENOMEM. */
int gs_snapshot_open(struct file *file, const struct seq_operations *ops,
		     gs_site_order order)
{
	struct gs_snapshot *snap = __seq_open_private(file, ops, sizeof(*snap));

	if (!snap)
		return -ENOMEM;
	snap->rate = READ_ONCE(gs_sample_rate);
	snap->shown = file_ns_capable(file, &init_user_ns, CAP_SYSLOG);
	snap->site = gs_site_read(&snap->n);
	if (!snap->site) {
		seq_release_private(file_inode(file), file);
		return -ENOMEM;
	}
	sort(snap->site, snap->n, sizeof(*snap->site), order, NULL);
	return 0;
}

int gs_snapshot_release(struct inode *inode, struct file *file)
{
	struct seq_file *m = file->private_data;
	struct gs_snapshot *snap = gs_snapshot_of(m);

	kvfree(snap->site);
	kvfree(snap->more);
	return seq_release_private(inode, file);
}

void *gs_snapshot_start(struct seq_file *m, loff_t *pos)
{
	return *pos < gs_snapshot_of(m)->n + 2 ? pos : NULL;
}

void *gs_snapshot_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return gs_snapshot_start(m, pos);
}

void gs_snapshot_stop(struct seq_file *m, void *v)
{
}

/* The frames of a site, the innermost first. Return: how many; at least 1. */
unsigned int gs_snapshot_stack(const struct gs_site_counts *site, unsigned long **entry)
{
	unsigned int n = site->stack ? stack_depot_fetch(site->stack, entry) : 0;

	if (n)
		return n;
	*entry = (unsigned long *)&site->caller;
	return 1;
}
