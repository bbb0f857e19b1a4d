// SPDX-License-Identifier: GPL-2.0
/*
 * pool: which pools there are, for debugfs.
 *
 * Lock:       gs_pool_mutex, sleeping; pool->lock under it.
 * Lifetime:   a pool is on the list from its creation to its end.
 * Context:    task.
 * Tests:      kunit/pool_kunit.c
 */
#include "middle/pool.h"

LIST_HEAD(gs_pool_list);
DEFINE_MUTEX(gs_pool_mutex);

void gs_pool_list_add(struct goslab_pool *pool)
{
	mutex_lock(&gs_pool_mutex);
	list_add_tail(&pool->link, &gs_pool_list);
	mutex_unlock(&gs_pool_mutex);
}

void gs_pool_list_del(struct goslab_pool *pool)
{
	mutex_lock(&gs_pool_mutex);
	list_del(&pool->link);
	mutex_unlock(&gs_pool_mutex);
}
