// SPDX-License-Identifier: GPL-2.0
/*
 * main: load and unload, from the bottom up and back.
 *
 * Nobody can be in an allocation while the module goes: clients hold it by its
 * symbols. What they left is reported, and its pages are leaked, never freed.
 *
 * Context:    task.
 * Tests:      scripts/guest/kunit.sh, scripts/guest/stock.sh
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

#include "api/api.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "back/pagecache.h"
#include "base/latency.h"
#include "base/report.h"
#include "base/sys.h"
#include "front/drain.h"
#include "front/guard.h"
#include "front/sample.h"
#include "front/usage.h"
#include "middle/pool.h"
#include "middle/site.h"
#include "middle/special.h"
#include "middle/stack.h"
#include "middle/transfer.h"
#include "watch/leakscan.h"
#include "watch/watch.h"

static int set_max_parked(const char *value, const struct kernel_param *kp)
{
	int ret = param_set_ulong(value, kp);

	gs_max_parked_set |= !ret;
	return ret;
}

static const struct kernel_param_ops max_parked_ops = {
	.set = set_max_parked,
	.get = param_get_ulong,
};

module_param_cb(max_parked, &max_parked_ops, &gs_max_parked, 0644);
__MODULE_PARM_TYPE(max_parked, "ulong");
MODULE_PARM_DESC(max_parked, "most bytes that a CPU may park in magazines (24 MiB / online CPUs)");

static int set_sample_rate(const char *value, const struct kernel_param *kp)
{
	unsigned long rate;
	int ret = kstrtoul(value, 0, &rate);

	return ret ?: gs_sample_set_rate(rate);
}

static const struct kernel_param_ops sample_rate_ops = {
	.set = set_sample_rate,
	.get = param_get_ulong,
};

module_param_cb(sample_rate, &sample_rate_ops, &gs_sample_rate, 0644);
__MODULE_PARM_TYPE(sample_rate, "ulong");
MODULE_PARM_DESC(sample_rate, "mean bytes from one sample of the heap profile to the next (524288); 1: each object, 0: none");

module_param_named(sample_stacks, gs_sample_stacks, bool, 0644);
MODULE_PARM_DESC(sample_stacks, "samples have their stack, not only the call of goslab (N)");

static bool time_all;

static int set_time_all(const char *value, const struct kernel_param *kp)
{
	int ret = param_set_bool(value, kp);

	if (!ret)
		gs_latency_set_all(time_all);
	return ret;
}

static const struct kernel_param_ops time_all_ops = {
	.flags = KERNEL_PARAM_OPS_FL_NOARG,
	.set = set_time_all,
	.get = param_get_bool,
};

module_param_cb(time_all, &time_all_ops, &time_all, 0644);
__MODULE_PARM_TYPE(time_all, "bool");
MODULE_PARM_DESC(time_all, "the histograms have refills, flushes and spans, too (N)");

static int set_guard_rate(const char *value, const struct kernel_param *kp)
{
	unsigned long rate;
	int ret = kstrtoul(value, 0, &rate);

	return ret ?: gs_guard_set_rate(rate);
}

static const struct kernel_param_ops guard_rate_ops = {
	.set = set_guard_rate,
	.get = param_get_ulong,
};

module_param_cb(guard_rate, &guard_rate_ops, &gs_guard_rate, 0644);
__MODULE_PARM_TYPE(guard_rate, "ulong");
MODULE_PARM_DESC(guard_rate, "one sampled object in so many is guarded, of caches with GOSLAB_GUARD (0: none)");

module_param_named(guard_all, gs_guard_all, bool, 0644);
MODULE_PARM_DESC(guard_all, "objects of malloc and of all caches may be guarded (N)");

module_param_named(guard_slots, gs_guard_slots, uint, 0444);
MODULE_PARM_DESC(guard_slots, "most objects that are guarded, live and freed, at most 512 (64)");

module_param_named(leak_min_age, gs_leaks_min_age, uint, 0644);
MODULE_PARM_DESC(leak_min_age, "milliseconds that an object must be old before a scan calls it a leak (5000)");

void goslab_usage(struct goslab_usage *now, struct goslab_usage *peak)
{
	if (now)
		gs_usage_read(now);
	if (peak)
		gs_usage_read_peak(peak);
}
EXPORT_SYMBOL_GPL(goslab_usage);

void goslab_usage_reset_peak(void)
{
	gs_usage_reset();
}
EXPORT_SYMBOL_GPL(goslab_usage_reset_peak);

/* All but @left pages of live objects is given back, or goslab has a bug. */
static void say_lost(unsigned long left)
{
	size_t lost = gs_sys_held() - left * GS_PAGE_SIZE;

	if (lost)
		pr_err("goslab: %zu bytes lost\n", lost);
}

static int __init goslab_init(void)
{
	int ret;

	gs_span_init();
	gs_pool_init();
	gs_transfer_init();
	ret = gs_arena_init();
	if (ret)
		goto no_arena;
	ret = gs_mheap_init();
	if (ret)
		goto no_mheap;
	ret = gs_site_init();
	if (ret)
		goto no_site;
	ret = gs_special_init();
	if (ret)
		goto no_special;
	ret = gs_class_init_malloc();
	if (ret)
		goto no_class;
	ret = gs_stack_init();
	if (ret)
		goto no_stack;
	gs_mcache_init();
	gs_sample_init();
	gs_drain_init();
	gs_cache_init();
	gs_free_rcu_init();
	gs_nolock_init();
	ret = gs_reclaim_init();
	if (ret)
		goto no_reclaim;
	gs_sample_ready(true);
	ret = gs_guard_init();
	if (ret)
		goto no_guard;
	gs_debugfs_init();
	gs_guarded_init();
	gs_leaks_init();
	gs_load_done();
	return 0;

no_guard:
	gs_sample_ready(false);
	gs_guard_stop();
	gs_reclaim_exit();
	gs_guard_exit();
no_reclaim:
	gs_mcache_exit();
	gs_stack_exit();
no_stack:
	gs_class_exit_malloc();
no_class:
	gs_special_exit();
no_special:
	gs_site_exit();
no_site:
	gs_mheap_exit();
no_mheap:
	gs_arena_exit();
no_arena:
	gs_transfer_exit();
	gs_pool_exit();
	gs_span_exit();
	say_lost(0);
	return ret;
}

static void __exit goslab_exit(void)
{
	unsigned long left;

	gs_debugfs_exit();
	gs_leaks_exit();
	gs_guarded_exit();
	gs_sample_ready(false);
	/* Clients do not wait for their last frees. */
	gs_nolock_flush();
	goslab_free_rcu_barrier();
	gs_guard_stop();
	gs_reclaim_exit();
	gs_guard_exit();
	/* Spans on their way out still need their cache. */
	rcu_barrier();
	gs_heap_end_all();
	gs_cache_exit();
	gs_mcache_exit();
	gs_stack_exit();
	gs_class_exit_malloc();
	gs_special_exit();
	gs_site_exit();
	gs_pagecache_exit();
	left = gs_mheap_exit();
	if (left)
		gs_report(&(struct gs_report) {
			.kind = GS_BUG_LIVE_OBJECTS, .name = "the heap",
			.what = "pages", .value = left, .site = _RET_IP_,
		});
	gs_arena_exit();
	gs_transfer_exit();
	gs_pool_exit();
	gs_span_exit();
	say_lost(left);
	gs_report_exit();
}

module_init(goslab_init);
module_exit(goslab_exit);

MODULE_DESCRIPTION("The allocator of the Go runtime and TCMalloc for kernel modules");
MODULE_LICENSE("GPL");
