// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the files under /sys/kernel/debug/goslab/.
 *
 * What shows addresses, and what takes locks for long, is for root alone.
 *
 * Context:    task.
 * Tests:      kunit/stats_kunit.c, scripts/guest/stock.sh
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "watch/watch.h"

static struct dentry *dir;

DEFINE_SHOW_ATTRIBUTE(gs_stats);
DEFINE_SHOW_ATTRIBUTE(gs_owners);
DEFINE_SHOW_ATTRIBUTE(gs_mcaches);
DEFINE_SHOW_ATTRIBUTE(gs_classes);
DEFINE_SHOW_ATTRIBUTE(gs_caches);
DEFINE_SHOW_ATTRIBUTE(gs_heaps);
DEFINE_SHOW_ATTRIBUTE(gs_mheap);
DEFINE_SHOW_ATTRIBUTE(gs_spans);
DEFINE_SHOW_ATTRIBUTE(gs_arenas);
DEFINE_SHOW_ATTRIBUTE(gs_verify);

static const struct {
	const char *name;
	umode_t mode;
	const struct file_operations *fops;
} files[] = {
	{ "stats", 0444, &gs_stats_fops },
	{ "owners", 0444, &gs_owners_fops },
	{ "mcaches", 0444, &gs_mcaches_fops },
	{ "classes", 0444, &gs_classes_fops },
	{ "caches", 0444, &gs_caches_fops },
	{ "heaps", 0444, &gs_heaps_fops },
	{ "mheap", 0444, &gs_mheap_fops },
	{ "spans", 0400, &gs_spans_fops },
	{ "arenas", 0400, &gs_arenas_fops },
	{ "verify", 0400, &gs_verify_fops },
};

/* Errors are ignored, as debugfs wants it: statistics are not vital. */
void gs_debugfs_init(void)
{
	unsigned int i;

	dir = debugfs_create_dir("goslab", NULL);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i].name, files[i].mode, dir, NULL,
				    files[i].fops);
}

void gs_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
