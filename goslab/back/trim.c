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
 * Descriptors go in chunks of a page that are wholly free. Entries of the tables that stay
 * may still lead to them, left of spans that went (I3). So the chunks are isolated first:
 * nobody gets a descriptor out of them, and no new entry leads there. Then all tables are
 * read, and such entries are cleared. Then a grace period ends the readers. To read a
 * table costs something, so as much must go as is read: a chunk for each table. And they
 * must have been free at the tick before as well.
 *
 * Flow:       worker, goslab_shrink() -> [trim] -> arena, mspan, sys
 * Owner:      what is on its lists: under trim_mutex.
 * Lock:       trim_mutex, which sleeps; under it radix_lock, GS_TRIM_BATCH tables a hold,
 *             and the locks of descriptors, GS_ISOLATE_BATCH chunks a hold.
 * Lifetime:   a table: see arena.c; a descriptor: see mspan.c.
 * Context:    task. The worker waits for no grace period: it looks at the next tick
 *             whether that is over. Reclaim does not come here.
 * Memory:     none is needed to give memory back.
 * Tests:      kunit/trim_kunit.c, kunit/arena_kunit.c
 */
#include "back/trim.h"

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "back/arena.h"
#include "base/fixalloc.h"

static DEFINE_MUTEX(trim_mutex);

/* What was taken out, and the grace period that it waits for. */
static LIST_HEAD(tables);
static LIST_HEAD(chunks);
static unsigned long gone_at;

static bool is_pending(void)
{
	return !list_empty(&tables) || !list_empty(&chunks);
}

static void unlink_idle(void)
{
	while (gs_radix_unlink_idle(&gs_radix, &tables) == GS_TRIM_BATCH)
		cond_resched();
}

/* Are @n chunks worth reading all tables? */
static bool is_worth(unsigned long n)
{
	return n && n * PAGE_SIZE >= READ_ONCE(gs_radix.nr_arenas) *
					sizeof(struct heap_arena);
}

/* No entry leads to an isolated chunk from here on. */
static void scrub(void)
{
	unsigned long i;

	gs_arena_for_each(i) {
		gs_radix_forget(&gs_radix, i, gs_fixalloc_is_isolated);
		cond_resched();
	}
}

/*
 * Take chunks out; @calm: those that are free for a tick or more. Return: will there be
 * more of them at the next tick?
 */
static bool isolate(bool calm)
{
	if (!is_worth(gs_span_spare_chunks(calm)))
		return calm && is_worth(gs_span_spare_chunks(false));
	gs_span_isolate(calm, &chunks);
	scrub();
	return false;
}

static void give(void)
{
	gs_radix_give(&tables);
	gs_fixalloc_give(&chunks);
}

/**
 * gs_trim_tick() - a tick of the worker.
 *
 * Context: task.
 * Return: is there more to give back later?
 */
bool gs_trim_tick(void)
{
	bool again = false;

	if (!mutex_trylock(&trim_mutex))
		return true;
	if (is_pending() && poll_state_synchronize_rcu(gone_at))
		give();
	/* One grace period at a time. */
	if (!is_pending()) {
		/* The fewer tables, the less is read. */
		unlink_idle();
		again = isolate(true);
		gone_at = is_pending() ? start_poll_synchronize_rcu() : 0;
	}
	gs_span_note_chunks();
	again |= is_pending();
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
	/* What the caller has freed may lie there. */
	migrate_disable();
	gs_span_drain(gs_walk_here());
	migrate_enable();
	isolate(false);
	if (is_pending()) {
		synchronize_rcu();
		give();
	}
	mutex_unlock(&trim_mutex);
}
GS_EXPORT_KUNIT(gs_trim_now);
