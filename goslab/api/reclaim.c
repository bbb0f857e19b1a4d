// SPDX-License-Identifier: GPL-2.0
/*
 * reclaim: who asks memory back: idle time, the kernel's reclaim, a user,
 * a CPU that goes.
 *
 * Always from the top down: front (slots), middle (transfer caches), back (runs).
 *
 * Lock:       see drain.c and class.c; the shrinker waits for none but the
 *             spinlock of a page heap, and for no other CPU.
 * Context:    the shrinker and before_oom(): reclaim, with any gfp. The others: task.
 * Tests:      kunit/reclaim_kunit.c, scripts/guest/stock.sh
 */
#include <linux/cpuhotplug.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/nodemask.h>
#include <linux/notifier.h>
#include <linux/oom.h>
#include <linux/shrinker.h>

#include "api/cache.h"
#include "back/mheap.h"
#include "back/pagecache.h"
#include "back/scavenger.h"
#include "back/trim.h"
#include "base/debug.h"
#include "base/worker.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "front/sample.h"
#include "front/usage.h"

static struct shrinker *shrinker;
static int cpu_state;

/* Once a second while something is parked, free or about to be. */
static bool tick(void)
{
	bool again;

	/* Before the drain empties what was parked. */
	gs_usage_complete_peak();
	gs_drain_post_idle();
	gs_mcache_settle();
	again = gs_class_sweep(true);
	again |= gs_scavenge();
	again |= gs_trim_tick();
	return again || gs_drain_pending();
}

static void sweep(struct work_struct *unused)
{
	gs_class_sweep(false);
}
static DECLARE_WORK(sweep_work, sweep);

static unsigned long count_objects(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long pages = READ_ONCE(gs_mheaps[sc->nid].runs.nr_pages) +
			      gs_pagecache_pages_of(sc->nid);

	/* In kernel pages; what is parked in magazines is not known exactly. */
	return pages * GS_PAGE_SIZE >> PAGE_SHIFT ?: SHRINK_EMPTY;
}

static unsigned long scan_objects(struct shrinker *s, struct shrink_control *sc)
{
	unsigned long want = gs_pages(sc->nr_to_scan << PAGE_SHIFT);
	unsigned long done = gs_mheap_reclaim(sc->nid, want);

	/* What is parked comes back later; nobody waits for it here. */
	if (done < want) {
		gs_drain_post_all();
		gs_worker_queue(&sweep_work);
	}
	if (!done)
		return SHRINK_STOP;
	done = done * GS_PAGE_SIZE >> PAGE_SHIFT;
	mm_account_reclaimed_pages(done);
	return done;
}

/*
 * The kernel is about to kill a program. It decides by its own lists: with nothing on
 * them, and free pages below the watermark when a round of reclaim is over, it does
 * not ask what shrinkers still have. Here it asks. (i915, virtio_balloon)
 */
static int before_oom(struct notifier_block *nb, unsigned long unused, void *freed)
{
	unsigned long npages = 0;
	int node;

	for_each_node_state(node, N_MEMORY)
		npages += gs_mheap_reclaim(node, ULONG_MAX);
	gs_drain_post_all();
	gs_worker_queue(&sweep_work);
	*(unsigned long *)freed += npages * GS_PAGE_SIZE >> PAGE_SHIFT;
	return NOTIFY_OK;
}

static struct notifier_block oom_nb = { .notifier_call = before_oom };

size_t goslab_shrink(void)
{
	unsigned long npages;

	might_sleep();
	gs_drain_all();
	npages = gs_mheap_release(ULONG_MAX);
	gs_trim_now();
	return npages << GS_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(goslab_shrink);

size_t goslab_cache_shrink(struct goslab_cache *cache)
{
	unsigned long before;

	might_sleep();
	if (gs_cache_dead(cache, _RET_IP_))
		return 0;
	before = gs_mheap_free_pages();
	gs_drain_all();
	return gs_mheap_release(max_t(long, gs_mheap_free_pages() - before, 0))
	       << GS_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(goslab_cache_shrink);

/* What each of @cpus CPUs may keep. */
static void share(unsigned int cpus)
{
	gs_mcache_share(cpus);
	gs_pagecache_share(cpus);
}

/* @cpu comes, and is not online yet. */
static int cpu_prepare(unsigned int cpu)
{
	share(num_online_cpus() + 1);
	gs_sample_come(cpu);
	return 0;
}

static int cpu_dead(unsigned int cpu)
{
	gs_drain_dead(cpu);
	share(num_online_cpus());
	return 0;
}

static int init_shrinker(void)
{
	int ret;

	shrinker = gs_load_fails() ? NULL : shrinker_alloc(SHRINKER_NUMA_AWARE,
							  "goslab");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_objects;
	shrinker->scan_objects = scan_objects;
	ret = gs_load_fails() ? -ENOMEM :
	      gs_compat_shrinker_register(shrinker, "goslab");
	if (ret)
		shrinker_free(shrinker);
	return ret;
}

int gs_reclaim_init(void)
{
	int ret;

	share(num_online_cpus());
	ret = gs_worker_init(tick);
	if (ret)
		return ret;
	ret = init_shrinker();
	if (ret)
		goto no_shrinker;
	ret = gs_load_fails() ? -ENOMEM : register_oom_notifier(&oom_nb);
	if (ret)
		goto no_oom;
	ret = gs_load_fails() ? -ENOMEM :
	      cpuhp_setup_state_nocalls(CPUHP_BP_PREPARE_DYN, "goslab:cpu",
					cpu_prepare, cpu_dead);
	if (ret < 0)
		goto no_cpuhp;
	cpu_state = ret;
	return 0;

no_cpuhp:
	unregister_oom_notifier(&oom_nb);
no_oom:
	shrinker_free(shrinker);
no_shrinker:
	gs_worker_exit();
	return ret;
}

/*
 * Mirrors gs_reclaim_init(), and leaves nothing parked: the last drain comes
 * while CPUs that go offline are still seen and works can still be posted.
 */
void gs_reclaim_exit(void)
{
	goslab_shrink();
	cpuhp_remove_state_nocalls(cpu_state);
	unregister_oom_notifier(&oom_nb);
	shrinker_free(shrinker);
	gs_worker_exit();
}
