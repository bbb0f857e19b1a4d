// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_contexts.ko, each public call in each context it promises.
 *
 * A test is a context and a group of calls, with good arguments and with bad
 * ones; then NMIs and probes step into a load. Prints KTAP while it loads; ends
 * with frees still pending, for the unload of goslab.ko to wait for. Knows
 * goslab by its public header only.
 *
 * Flow:     main -> calls -> enter; main -> storm
 * Lifetime: objects of the last frees outlive the module, nothing else does.
 */
#include <linux/cpumask.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include <linux/goslab.h>

#include "contexts.h"

static unsigned int seconds = 3;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "of NMIs under load (3)");

/* Emulated CPUs have run into traps of hot functions that were just taken away. */
static bool kernel_probes;
module_param(kernel_probes, bool, 0444);
MODULE_PARM_DESC(kernel_probes, "probes on functions of the kernel, too (0)");

static const char *const group_names[NR_CALLS] = { "all", "rcu", "nolock" };

/* Functions that are probed at every instruction; the worker calls none. */
static const char *const own_functions[] = {
	"__goslab_malloc", "goslab_free", "goslab:gs_mcache_alloc_more",
	"goslab:gs_mcache_free_slow", "goslab:gs_mcache_grow_cap",
};

/* Of the kernel: called with locks held, the scheduler's and ours. */
static const char *const kernel_functions[] = {
	"rb_erase", "rb_insert_color",
};

static unsigned int nr_tests, nr_failed;

static void result(bool ok, const char *group, const char *name)
{
	nr_failed += !ok;
	pr_info("%s %u %s_%s\n", ok ? "ok" : "not ok", ++nr_tests, name, group);
}

static void skip(const char *group, const char *name, const char *why)
{
	pr_info("ok %u %s_%s # SKIP %s\n", ++nr_tests, name, group, why);
}

static bool has_context(const struct context *x)
{
	if (!strcmp(x->name, "nmi"))
		return IS_ENABLED(CONFIG_X86_LOCAL_APIC);
	if (!strcmp(x->name, "kprobe"))
		return IS_ENABLED(CONFIG_KPROBES);
	return true;
}

static void test_context(const struct context *x, enum calls calls)
{
	unsigned int wrong;

	if (!has_context(x)) {
		skip(group_names[calls], x->name, "not on this kernel");
		return;
	}
	wrong = calls_good(x, calls);
	wrong += calls_bad(x, calls);
	if (wrong)
		pr_info("# %s: %u results were wrong\n", x->name, wrong);
	result(!wrong, group_names[calls], x->name);
}

/*
 * A storm has passed if something stepped in and was served. Only a kernel without
 * NMIs or kprobes may do without one: a function that cannot be probed is a
 * failure, or nobody would notice that it has another name by now.
 */
static void storm_result(const char *name, int ret)
{
	long got, refused, wrong;

	storm_counts(&got, &refused, &wrong);
	if (ret == -ENODEV) {
		skip("stepped_into", name, "not on this kernel");
		return;
	}
	pr_info("# %s: %ld allocated, %ld refused, %ld changed; %d probes\n",
		name, got, refused, wrong, ret);
	result(ret >= 0 && !wrong && got, "stepped_into", name);
}

static void test_probes(const char *const *names, unsigned int n, bool inside)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const char *colon = strchr(names[i], ':');

		storm_result(colon ? colon + 1 : names[i],
			     storm_probes(names[i], inside));
	}
}

/* Tests that will be made: calls that are promised, storms that are wanted. */
static size_t nr_planned(void)
{
	size_t n = 1 + ARRAY_SIZE(own_functions);
	unsigned int i;

	for (i = 0; i < nr_contexts; i++)
		n += NR_CALLS - contexts[i].calls;
	return kernel_probes ? n + ARRAY_SIZE(kernel_functions) : n;
}

static int __init contexts_init(void)
{
	unsigned int i, calls;
	int ret;

	ret = calls_init();
	if (ret)
		return ret;
	/* All contexts of one test are on one CPU. */
	set_cpus_allowed_ptr(current, cpumask_of(raw_smp_processor_id()));
	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", nr_planned());
	for (i = 0; i < nr_contexts; i++)
		for (calls = contexts[i].calls; calls < NR_CALLS; calls++)
			test_context(&contexts[i], calls);
	storm_result("load_nmi", storm_nmi(seconds));
	test_probes(own_functions, ARRAY_SIZE(own_functions), true);
	if (kernel_probes)
		test_probes(kernel_functions, ARRAY_SIZE(kernel_functions),
			    false);
	storm_end();
	calls_exit();
	set_cpus_allowed_ptr(current, cpu_possible_mask);
	return nr_failed ? -EILSEQ : 0;
}
module_init(contexts_init);

struct last {
	struct rcu_head rcu;
	u8 rest[200];
};

static void __exit contexts_exit(void)
{
	struct last *p;
	int i;

	for (i = 0; i < 1000; i++) {
		p = goslab_malloc(i % 100 ? sizeof(*p) : 40000, GFP_KERNEL);
		if (p && i & 1)
			goslab_free_rcu(p, rcu);
		else
			goslab_free_nolock(p);
	}
}
module_exit(contexts_exit);

MODULE_DESCRIPTION("each call of goslab in each of its contexts");
MODULE_LICENSE("GPL");
