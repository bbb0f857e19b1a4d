// SPDX-License-Identifier: GPL-2.0
/*
 * debugfs: the files under /sys/kernel/debug/goslab/.
 *
 * All files are for root alone, as /proc/slabinfo is: they show addresses and what
 * other modules do, and reading them takes locks that allocations wait for.
 *
 * Context:    task.
 * Tests:      kunit/stats_kunit.c, scripts/guest/stock.sh
 */
#include <linux/debugfs.h>
#include <linux/module.h>

#include "watch/leakscan.h"
#include "watch/watch.h"

static struct dentry *dir;

DEFINE_SHOW_ATTRIBUTE(gs_stats);
DEFINE_SHOW_ATTRIBUTE(gs_owners);
DEFINE_SHOW_ATTRIBUTE(gs_mcaches);
DEFINE_SHOW_ATTRIBUTE(gs_classes);
DEFINE_SHOW_ATTRIBUTE(gs_caches);
DEFINE_SHOW_ATTRIBUTE(gs_mheap);
DEFINE_SEQ_ATTRIBUTE(gs_spans);
DEFINE_SEQ_ATTRIBUTE(gs_arenas);
DEFINE_SHOW_ATTRIBUTE(gs_memstats);
DEFINE_SHOW_ATTRIBUTE(gs_frag);
DEFINE_SHOW_ATTRIBUTE(gs_json);
DEFINE_SHOW_ATTRIBUTE(gs_latency);
DEFINE_SHOW_ATTRIBUTE(gs_guard);
DEFINE_SHOW_ATTRIBUTE(gs_pools);
DEFINE_SHOW_ATTRIBUTE(gs_verify);

static const struct {
	const char *name;
	const struct file_operations *fops;
	umode_t mode;
} files[] = {
	{ "stats", &gs_stats_fops },
	{ "owners", &gs_owners_fops },
	{ "mcaches", &gs_mcaches_fops },
	{ "classes", &gs_classes_fops },
	{ "caches", &gs_caches_fops },
	{ "heaps", &gs_heaps_fops },
	{ "mheap", &gs_mheap_fops },
	{ "spans", &gs_spans_fops },
	{ "arenas", &gs_arenas_fops },
	{ "memstats", &gs_memstats_fops },
	{ "frag", &gs_frag_fops },
	{ "json", &gs_json_fops },
	{ "latency", &gs_latency_fops },
	{ "profile", &gs_profile_fops },
	{ "profile_peak", &gs_profile_peak_fops },
	{ "callsites", &gs_callsites_fops },
	{ "alloc_traces", &gs_alloc_traces_fops },
	{ "guard", &gs_guard_fops },
	{ "pools", &gs_pools_fops },
	{ "verify", &gs_verify_fops },
	{ "leaks", &gs_leaks_fops, 0600 },
};

/* Errors are ignored, as debugfs wants it: statistics are not vital. */
void gs_debugfs_init(void)
{
	unsigned int i;

	dir = debugfs_create_dir("goslab", NULL);
	for (i = 0; i < ARRAY_SIZE(files); i++)
		debugfs_create_file(files[i].name, files[i].mode ?: 0400, dir, NULL,
				    files[i].fops);
}

void gs_debugfs_exit(void)
{
	debugfs_remove_recursive(dir);
}
