// SPDX-License-Identifier: GPL-2.0
/*
 * scavenger: give back, in the background, the free runs that nobody will want.
 *
 * Once a tick it compares what is held with a goal: the pages that spans had
 * at most in the last few ticks, and a twentieth more while they change. A
 * load that comes and goes within that window finds its pages again (no
 * flapping), and one that goes between two ticks is seen. When it stays away,
 * three quarters of the excess go back at each tick, so that of 1 GiB 1 MiB is
 * left after five; highest addresses first, or whole blocks with fit=filler, at
 * least MIN_STEP, and no longer than a hundredth of the tick.
 * (Go: mgcscavenge.go, whose goal is 110 % of the heap and whose pace is 1 %
 * of a CPU.)
 *
 * Lock:       those of gs_mheap_release(). Only the worker calls gs_scavenge().
 * Context:    task.
 * Tests:      kunit/reclaim_kunit.c
 */
#include "back/scavenger.h"

#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/kernel.h>
#include <linux/sched.h>

#include "back/mheap.h"
#include "base/worker.h"

#define WINDOW		4	/* ticks that a peak is remembered */
#define MIN_STEP	(256UL << 10 >> GS_PAGE_SHIFT)
#define STEP		64	/* pages between looks at the clock */
#define TICK_SHARE	100

static unsigned long peaks[WINDOW];
static unsigned int at;
static unsigned long released;

static unsigned long recent_peak(unsigned long now)
{
	unsigned int i;
	unsigned long peak = now;

	peaks[at++ % WINDOW] = gs_mheap_take_peak();
	for (i = 0; i < WINDOW; i++)
		peak = max(peak, peaks[i]);
	return peak;
}

/* Release up to @npages within the time of a tick. */
static unsigned long release_for_a_while(unsigned long npages)
{
	ktime_t end = ktime_add_ms(ktime_get(),
				   jiffies_to_msecs(GS_TICK) / TICK_SHARE);
	unsigned long done = 0;

	while (done < npages && ktime_before(ktime_get(), end)) {
		unsigned long got = gs_mheap_release(min(npages - done,
							 STEP + 0UL));

		if (!got)
			break;
		done += got;
		cond_resched();
	}
	return done;
}

static bool scavenge(void)
{
	unsigned long now = gs_mheap_in_spans();
	unsigned long free = gs_mheap_free_pages();
	unsigned long peak = recent_peak(now);
	unsigned long goal = peak + GS_RESERVE_PAGES;
	unsigned long excess;

	/* A load that moves wants some room to move in. */
	if (peak > now)
		goal += peak / 20;
	if (now && free < GS_RESERVE_PAGES)
		gs_mheap_refill_reserve();
	excess = now + free > goal ? now + free - goal : 0;
	if (excess) {
		released += release_for_a_while(max(excess - excess / 4,
						    min(excess, MIN_STEP)));
		return true;
	}
	return peak > now;
}

/**
 * gs_scavenge() - one tick.
 *
 * Return: true while there is, or will be, something to give back.
 */
bool gs_scavenge(void)
{
	bool again = scavenge();

	gs_mheap_publish_idle();
	return again;
}

/* Pages that it ever gave back. */
unsigned long gs_scavenge_released(void)
{
	return READ_ONCE(released);
}
