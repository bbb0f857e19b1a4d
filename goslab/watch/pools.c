// SPDX-License-Identifier: GPL-2.0
/*
 * pools: the file of pools over ranges of callers.
 *
 * Lock:       gs_pool_mutex, and pool->lock for a row.
 * Context:    task.
 * Tests:      kunit/pool_kunit.c
 */
#include "middle/pool.h"
#include "watch/watch.h"

static const char *const fits[GS_NR_EXTENT_FITS] = {
	[GS_EXTENT_FIRST] = "first",
	[GS_EXTENT_NEXT] = "next",
	[GS_EXTENT_BEST] = "best",
};

static void show_pool(struct seq_file *m, struct goslab_pool *pool)
{
	unsigned long flags, longest;
	size_t size, avail;

	gs_lock(&pool->lock, flags);
	size = pool->size;
	avail = pool->avail;
	longest = gs_extents_longest(&pool->extents);
	gs_unlock(&pool->lock, flags);
	seq_printf(m, "%-5s %10lu %14zu %14zu %14lu  %pB\n", fits[pool->extents.fit],
		   pool->granule, size, avail, longest, (void *)pool->site);
}

int gs_pools_show(struct seq_file *m, void *unused)
{
	struct goslab_pool *pool;

	seq_puts(m, "pools - version: 1.0\n");
	seq_puts(m, "#fit     granule           size           free   longest_free  made_by\n");
	mutex_lock(&gs_pool_mutex);
	list_for_each_entry(pool, &gs_pool_list, link)
		show_pool(m, pool);
	mutex_unlock(&gs_pool_mutex);
	return 0;
}
