// SPDX-License-Identifier: GPL-2.0
/*
 * usage: the bytes held, in parts, now and at their peak.
 *
 * The peak itself is kept by sys at each draw. Its parts are recorded at the end
 * of the slow path that drew, before much else can have changed. What is parked
 * in slots is the exception: to sum it up takes a walk of all slots of all CPUs.
 * The worker's next tick does that, or a reader who comes first.
 *
 * Lock:       peak_lock, a leaf, for the record of the peak. Parts are read
 *             without locks, slots under RCU: exact when no call is under way.
 * Context:    any but NMI.
 * Tests:      kunit/stats_kunit.c
 */
#include "front/usage.h"

#include <linux/cpumask.h>
#include <linux/rculist.h>

#include "back/mheap.h"
#include "back/pagecache.h"
#include "front/mcache.h"
#include "middle/transfer.h"

u64 gs_usage_draws;

static DEFINE_SPINLOCK(peak_lock);
static struct goslab_usage peak_parts;
/* Was what CPUs had parked at the peak not summed up yet? */
static bool parked_missing;

static size_t parked_on(const struct mcache *mcache)
{
	struct gs_slot *slot;
	size_t bytes = 0;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link)
		bytes += gs_slot_n(slot) * slot->class->elemsize;
	rcu_read_unlock();
	return bytes;
}

/* Bytes in magazines and transfer caches, read from here: close, not exact. */
size_t gs_usage_parked(void)
{
	size_t bytes = gs_transfer_parked();
	int cpu;

	gs_hook(GS_HOOK_PARKED_WALK, NULL);
	for_each_possible_cpu(cpu)
		bytes += parked_on(per_cpu_ptr(&gs_mcache, cpu));
	return bytes;
}

/* Without a look at the CPUs: spans that they have parked count as in use. */
static struct goslab_usage read_sums(void)
{
	return (struct goslab_usage) {
		.held = gs_sys_held(),
		.spans = gs_mheap_in_spans() << GS_PAGE_SHIFT,
		.free_runs = gs_mheap_free_pages() << GS_PAGE_SHIFT,
		.metadata = gs_sys_meta(),
	};
}

/* Pages of spans that CPUs have parked lie free. */
static void park_pages(struct goslab_usage *u, unsigned long pages)
{
	size_t bytes = min(pages << GS_PAGE_SHIFT, u->spans);

	u->spans -= bytes;
	u->free_runs += bytes;
}

void gs_usage_read(struct goslab_usage *now)
{
	*now = read_sums();
	now->parked = gs_usage_parked();
	park_pages(now, gs_pagecache_read().pages);
}

/* Slow half of gs_usage_note_peak(). */
void gs_usage_record_peak(void)
{
	struct goslab_usage now;
	unsigned long flags;

	WRITE_ONCE(gs_usage_draws, gs_sys_draws());
	if (gs_sys_held() <= READ_ONCE(peak_parts.held))
		return;
	now = read_sums();
	gs_lock(&peak_lock, flags);
	if (now.held > peak_parts.held) {
		peak_parts = now;
		WRITE_ONCE(parked_missing, true);
	}
	gs_unlock(&peak_lock, flags);
}

/* Sum up what is parked if there was a new peak since that was done last. */
void gs_usage_complete_peak(void)
{
	unsigned long flags;
	unsigned long pages;
	size_t parked;

	if (!READ_ONCE(parked_missing))
		return;
	parked = gs_usage_parked();
	pages = gs_pagecache_read().pages;
	gs_lock(&peak_lock, flags);
	if (parked_missing) {
		park_pages(&peak_parts, pages);
		/* Spans may have been added since the peak. */
		peak_parts.parked = min(parked, peak_parts.spans);
		WRITE_ONCE(parked_missing, false);
	}
	gs_unlock(&peak_lock, flags);
}

void gs_usage_read_peak(struct goslab_usage *peak)
{
	unsigned long flags;

	gs_usage_complete_peak();
	gs_lock(&peak_lock, flags);
	*peak = peak_parts;
	gs_unlock(&peak_lock, flags);
	peak->held = max(peak->held, gs_sys_peak());
}

/* Let the peak begin again at what is held now. */
void gs_usage_reset(void)
{
	struct goslab_usage now;
	unsigned long flags;

	gs_usage_read(&now);
	gs_lock(&peak_lock, flags);
	peak_parts = now;
	WRITE_ONCE(parked_missing, false);
	gs_unlock(&peak_lock, flags);
	gs_sys_reset_peak();
}
