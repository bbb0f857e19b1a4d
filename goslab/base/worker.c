// SPDX-License-Identifier: GPL-2.0
/*
 * worker: the one background worker, once a second while there is work.
 *
 * api/reclaim.c decides what a tick does. Slow paths of any layer only kick the
 * worker. If a tick finds nothing to do, the worker sleeps until the next kick,
 * so an idle system has no goslab timer.
 *
 * Lock:       none: a stale value of gs_worker_armed may lose a kick; the next
 *             slow path kicks again.
 * Context:    gs_worker_kick(): any but NMI. The tick: task.
 * Tests:      kunit/reclaim_kunit.c
 */
#include "base/worker.h"

#include <linux/ktime.h>
#include <linux/workqueue.h>

#include "base/debug.h"

bool gs_worker_armed = true;	/* no kicks before gs_worker_init() */

static struct workqueue_struct *bound;		/* to the CPU that it is queued on */
static struct workqueue_struct *unbound;
static struct delayed_work work;
static gs_worker_fn tick_fn;
static u64 busy_ns;
static unsigned long nr_ticks;
static bool paused;

static void tick(struct work_struct *unused)
{
	u64 start = ktime_get_ns();
	bool again = tick_fn();

	WRITE_ONCE(busy_ns, busy_ns + ktime_get_ns() - start);
	WRITE_ONCE(nr_ticks, nr_ticks + 1);
	if (again)
		queue_delayed_work(unbound, &work, GS_TICK);
	else
		WRITE_ONCE(gs_worker_armed, false);
}

/* Queue a work that runs as soon as it can, on any CPU. */
void gs_worker_queue(struct work_struct *w)
{
	if (!work_pending(w))
		queue_work(unbound, w);
}

/* The same, unless the worker pauses or has ended. */
void gs_worker_try_queue(struct work_struct *w)
{
	if (!READ_ONCE(paused))
		gs_worker_queue(w);
}

/* Queue a work that must run on @cpu; see front/drain.c. */
void gs_worker_queue_on(int cpu, struct work_struct *w)
{
	queue_work_on(cpu, bound, w);
}

/* Queue a work that runs after a grace period. */
void gs_worker_queue_rcu(struct rcu_work *w)
{
	queue_rcu_work(bound, w);
}

/* Slow half of gs_worker_kick(). */
void gs_worker_arm(void)
{
	WRITE_ONCE(paused, false);
	WRITE_ONCE(gs_worker_armed, true);
	queue_delayed_work(unbound, &work, GS_TICK);
}
GS_EXPORT_KUNIT(gs_worker_arm);
GS_EXPORT_KUNIT(gs_worker_armed);

/* Time that ticks have taken since loading. */
unsigned long gs_worker_busy_us(void)
{
	return READ_ONCE(busy_ns) / NSEC_PER_USEC;
}
GS_EXPORT_KUNIT(gs_worker_busy_us);

/* Ticks since loading. */
unsigned long gs_worker_ticks(void)
{
	return READ_ONCE(nr_ticks);
}
GS_EXPORT_KUNIT(gs_worker_ticks);

int gs_worker_init(gs_worker_fn fn)
{
	bound = gs_load_fails() ? NULL :
		alloc_workqueue("goslab", WQ_MEM_RECLAIM | WQ_PERCPU, 0);
	if (!bound)
		return -ENOMEM;
	unbound = gs_load_fails() ? NULL :
		  alloc_workqueue("goslab_tick", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!unbound) {
		destroy_workqueue(bound);
		return -ENOMEM;
	}
	INIT_DELAYED_WORK(&work, tick);
	tick_fn = fn;
	WRITE_ONCE(gs_worker_armed, false);
	return 0;
}

/*
 * Stop the ticks and ignore kicks, until gs_worker_arm() in tests, for good at
 * exit.
 */
void gs_worker_pause(void)
{
	WRITE_ONCE(paused, true);
	WRITE_ONCE(gs_worker_armed, true);
	cancel_delayed_work_sync(&work);
	/* The last tick may have said that there was nothing to do. */
	WRITE_ONCE(gs_worker_armed, true);
	cancel_delayed_work_sync(&work);
	flush_workqueue(unbound);
	flush_workqueue(bound);
}
GS_EXPORT_KUNIT(gs_worker_pause);

void gs_worker_exit(void)
{
	gs_worker_pause();
	destroy_workqueue(unbound);
	destroy_workqueue(bound);
}
