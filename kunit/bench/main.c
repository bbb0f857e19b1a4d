// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_bench.ko, goslab beside every peer that the kernel has.
 *
 * Loading it runs the workloads that "run" names and fails if any did; what
 * they found is in debugfs, goslab_bench/results, one JSON object a line, until
 * it is unloaded. Documentation/performance.rst has the method. It knows goslab
 * by its public header only.
 *
 * Flow:     main -> loops, bulk, region, heap, larson, passing, memory -> measure, threads -> ways
 * Lifetime: after init nothing is left but the results.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "bench.h"

#define RESULTS_SIZE	SZ_512K

static char *run = "pair,batch";
module_param(run, charp, 0444);
MODULE_PARM_DESC(run, "workloads, separated by commas, or all (pair,batch)");

static char *ways = "all";
module_param(ways, charp, 0444);
MODULE_PARM_DESC(ways, "allocators, separated by commas (all)");

unsigned int bn_rounds = 15;
module_param_named(rounds, bn_rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "that count, 1 to 64 (15)");

unsigned int bn_scale = 100;
module_param_named(scale, bn_scale, uint, 0444);
MODULE_PARM_DESC(scale, "per cent of the steps that a loop has (100)");

unsigned int bn_threads = 2;
module_param_named(threads, bn_threads, uint, 0444);
MODULE_PARM_DESC(threads, "of the workloads that have several, 2 to 64 (2)");

unsigned long bn_heap_max = 64;
module_param_named(heap, bn_heap_max, ulong, 0444);
MODULE_PARM_DESC(heap, "MiB of live objects that random_replace goes up to (64)");

unsigned long bn_only_size;
module_param_named(size, bn_only_size, ulong, 0444);
MODULE_PARM_DESC(size, "only this size of pair, batch and producer_consumer (0: all)");

bool bn_icount;
module_param_named(icount, bn_icount, bool, 0444);
MODULE_PARM_DESC(icount, "cycles are instructions: use them as the clock (0)");

static const struct {
	const char *name;
	int (*run)(const char *name);
} workloads[] = {
	{ "pair", bn_pair },
	{ "pair_const", bn_pair_const },
	{ "batch", bn_batch },
	{ "batch_reverse", bn_batch },
	{ "batch_shuffled", bn_batch },
	{ "tiny", bn_tiny },
	{ "tiny_batch", bn_tiny },
	{ "ctor", bn_ctor },
	{ "bulk_16", bn_bulk },
	{ "bulk_64", bn_bulk },
	{ "bulk_256", bn_bulk },
	{ "sheaf", bn_sheaf },
	{ "free_rcu", bn_free_rcu },
	{ "kvmalloc", bn_kvmalloc },
	{ "heap", bn_heap },
	{ "nolock", bn_nolock },
	{ "region", bn_region },
	{ "region_mark", bn_region },
	{ "frag", bn_region },
	{ "pareto", bn_pareto },
	{ "random_replace", bn_random_replace },
	{ "random_replace_touched", bn_random_replace },
	{ "random_replace_cpus", bn_random_replace_cpus },
	{ "producer_consumer", bn_producer_consumer },
	{ "xmalloc", bn_xmalloc },
	{ "larson", bn_larson },
	{ "sh8bench", bn_sh8bench },
	{ "cache_scratch", bn_cache_scratch },
	{ "mstress", bn_mstress },
	{ "pair_cpus", bn_pair_cpus },
	{ "pair_mixed", bn_pair_mixed },
	{ "mix", bn_mix },
	{ "memory", bn_memory },
	{ "stack", bn_stack },
	{ "stack_batch", bn_stack },
	{ "action", bn_records },
	{ "weak", bn_records },
	{ "collect", bn_records },
#ifdef CONFIG_GOSLAB_KUNIT
	{ "refill", bn_path },
	{ "flush", bn_path },
	{ "transfer", bn_path },
	{ "span", bn_path },
	{ "page_run", bn_page_run },
#endif
};

static struct dentry *dir;
static struct debugfs_blob_wrapper results;

/* Adds text to the results. What does not fit any more is left out. */
void bn_json(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	results.size += vscnprintf(results.data + results.size,
				   RESULTS_SIZE - results.size, fmt, args);
	va_end(args);
}

static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);
	const char *s;

	if (!strcmp(list, "all"))
		return true;
	for (s = strstr(list, word); s; s = strstr(s + n, word))
		if ((s == list || s[-1] == ',') && (!s[n] || s[n] == ','))
			return true;
	return false;
}

/* The ways that were asked for; the empty one is subtracted, so it stays. */
static unsigned int wanted_ways(void)
{
	unsigned int mask = BIT(BN_EMPTY);
	int i;

	for (i = 0; i < BN_WAYS; i++)
		if (listed(ways, bn_way_names[i]))
			mask |= BIT(i);
	return mask;
}

unsigned int bn_wanted_ways;

static int __init bench_init(void)
{
	int i, err;

	bn_rounds = clamp(bn_rounds, 1U, BN_MAX_ROUNDS);
	bn_threads = clamp(bn_threads, 2U, 64U);
	bn_wanted_ways = wanted_ways();
	results.data = vzalloc(RESULTS_SIZE);
	if (!results.data)
		return -ENOMEM;
	err = bn_ways_init();
	for (i = 0; i < ARRAY_SIZE(workloads) && !err; i++) {
		if (!listed(run, workloads[i].name))
			continue;
		err = workloads[i].run(workloads[i].name);
		if (err)
			pr_err("%s: failed with error %d\n", workloads[i].name,
			       err);
	}
	bn_ways_exit();
	if (!err && results.size >= RESULTS_SIZE - 1)
		err = -ENOSPC;
	if (err) {
		vfree(results.data);
		return err;
	}
	dir = debugfs_create_dir("goslab_bench", NULL);
	debugfs_create_blob("results", 0444, dir, &results);
	pr_info("done\n");
	return 0;
}
module_init(bench_init);

static void __exit bench_exit(void)
{
	debugfs_remove(dir);
	vfree(results.data);
}
module_exit(bench_exit);

MODULE_DESCRIPTION("goslab beside its peers");
MODULE_LICENSE("GPL");
