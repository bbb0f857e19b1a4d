// SPDX-License-Identifier: GPL-2.0
/*
 * trim: metadata that nothing uses any more goes back to the kernel.
 *
 * An arena in which no page is ours has a table that nobody needs. It is taken out of
 * the radix tree, so that no reader finds it any more, and given back after a grace
 * period, which ends the readers that had found it before. What is done goes by what
 * is given back: idle arenas are on a list.
 *
 * A table that is taken out and wanted again a moment later is drawn anew: 512 stores,
 * once for an arena and tick at most.
 *
 * Flow:       worker, goslab_shrink() -> [trim] -> arena, sys
 * Owner:      @gone: under trim_mutex.
 * Lock:       trim_mutex, which sleeps; under it radix_lock, GS_TRIM_BATCH tables a hold.
 * Lifetime:   a table: see arena.c.
 * Context:    task. The worker waits for no grace period: it looks at the next tick
 *             whether that is over. Reclaim does not come here.
 * Memory:     none is needed to give memory back.
 * Tests:      kunit/arena_kunit.c, kunit/reclaim_kunit.c
 */
#include "back/trim.h"

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "back/arena.h"

static DEFINE_MUTEX(trim_mutex);

/* Tables that were taken out, and the grace period that they wait for. */
static LIST_HEAD(gone);
static unsigned long gone_at;

static void unlink_idle(void)
{
	while (gs_radix_unlink_idle(&gs_radix, &gone) == GS_TRIM_BATCH)
		cond_resched();
}

/**
 * gs_trim_tick() - a tick of the worker.
 *
 * Context: task.
 * Return: is there more to give back later?
 */
bool gs_trim_tick(void)
{
	bool again;

	if (!mutex_trylock(&trim_mutex))
		return true;
	if (!list_empty(&gone) && poll_state_synchronize_rcu(gone_at))
		gs_radix_give(&gone);
	/* One grace period at a time. */
	if (list_empty(&gone)) {
		unlink_idle();
		gone_at = list_empty(&gone) ? 0 : start_poll_synchronize_rcu();
	}
	again = !list_empty(&gone);
	mutex_unlock(&trim_mutex);
	return again;
}
GS_EXPORT_KUNIT(gs_trim_tick);

/**
 * gs_trim_now() - give back at once what can be.
 *
 * Context: task; sleeps, for a grace period if there is anything.
 */
void gs_trim_now(void)
{
	mutex_lock(&trim_mutex);
	unlink_idle();
	if (!list_empty(&gone)) {
		synchronize_rcu();
		gs_radix_give(&gone);
	}
	mutex_unlock(&trim_mutex);
}
GS_EXPORT_KUNIT(gs_trim_now);
