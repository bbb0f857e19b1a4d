/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_PROFILE_H
#define GS_WATCH_PROFILE_H

#include <linux/fs.h>
#include <linux/seq_file.h>

#include "middle/site.h"

/**
 * struct gs_snapshot - the profile when a file was opened.
 * @rate: mean distance of samples in bytes.
 * @n: sites.
 * @site: they, in the order in which the file shows them.
 * @shown: whether this reader may see addresses (CAP_SYSLOG).
 * @more: what else the file needs; for kvfree().
 */
struct gs_snapshot {
	unsigned long rate;
	unsigned int n;
	struct gs_site_counts *site;
	bool shown;
	void *more;
};

typedef int (*gs_site_order)(const void *a, const void *b);

int gs_snapshot_open(struct file *file, const struct seq_operations *ops,
		     gs_site_order order);
int gs_snapshot_release(struct inode *inode, struct file *file);
void *gs_snapshot_start(struct seq_file *m, loff_t *pos);
void *gs_snapshot_next(struct seq_file *m, void *v, loff_t *pos);
void gs_snapshot_stop(struct seq_file *m, void *v);
unsigned int gs_snapshot_stack(const struct gs_site_counts *site, unsigned long **entry);

static inline struct gs_snapshot *gs_snapshot_of(struct seq_file *m)
{
	return m->private;
}

/* The site of position @pos, which is not that of a header or the end. */
static inline const struct gs_site_counts *gs_snapshot_site(struct seq_file *m, void *pos)
{
	return &gs_snapshot_of(m)->site[*(loff_t *)pos - 1];
}

#endif /* GS_WATCH_PROFILE_H */
