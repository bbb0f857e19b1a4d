// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_stress.ko, the allocator used from everywhere at once.
 *
 * Threads, softirqs and hard interrupts allocate, resize, pass on and free
 * objects for some seconds while others shrink the allocator and go through
 * every size. Contents, alignment, zeroing, constructors and nodes are checked
 * all the time; each is a test of its own in the KTAP that loading prints.
 * Loading fails if a test did. Knows goslab by its public header only.
 *
 * Flow:     main -> tasks, timers -> object
 * Lifetime: nothing is left when init ends.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "stress.h"

static unsigned int seconds = 10;
module_param(seconds, uint, 0444);
MODULE_PARM_DESC(seconds, "how long (10)");

static unsigned int threads = 8;
module_param(threads, uint, 0444);
MODULE_PARM_DESC(threads, "threads that allocate and free (8)");

static bool irq = true;
module_param(irq, bool, 0444);
MODULE_PARM_DESC(irq, "timers in hard interrupts too (1)");

static bool numa = true;
module_param(numa, bool, 0444);
MODULE_PARM_DESC(numa, "check nodes if there are several (1)");

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "of the random numbers (1)");

static unsigned int nr_tests, nr_failed;

static void print_counts(struct counts *c)
{
	pr_info("# %s: %ld allocated, %ld freed, %ld resized, %ld refused\n",
		c->name, atomic_long_read(&c->allocs),
		atomic_long_read(&c->frees), atomic_long_read(&c->reallocs),
		atomic_long_read(&c->refused));
}

/* Everything that should not have happened, with a line for each sort. */
static long count_faults(struct counts *c)
{
	const struct {
		const char *what;
		long n;
	} faults[] = {
		{ "changed", atomic_long_read(&c->changed) },
		{ "misaligned", atomic_long_read(&c->misaligned) },
		{ "not zero", atomic_long_read(&c->not_zero) },
		{ "not constructed", atomic_long_read(&c->not_constructed) },
		{ "on another node", atomic_long_read(&c->misplaced) },
	};
	long sum = 0;
	int i;

	for (i = 0; i < ARRAY_SIZE(faults); i++) {
		if (faults[i].n)
			pr_info("# %s: %ld objects %s\n", c->name, faults[i].n,
				faults[i].what);
		sum += faults[i].n;
	}
	return sum;
}

/* A test is only passed if something was done at all. */
static void result(struct counts *c, bool may_be_refused)
{
	long done = atomic_long_read(&c->allocs) + atomic_long_read(&c->frees);
	bool ok = !count_faults(c) && done;

	print_counts(c);
	if (!may_be_refused && atomic_long_read(&c->refused) > done / 100)
		ok = false;
	nr_failed += !ok;
	pr_info("%s %u %s\n", ok ? "ok" : "not ok", ++nr_tests, c->name);
}

static void skip(struct counts *c, const char *why)
{
	pr_info("ok %u %s # SKIP %s\n", ++nr_tests, c->name, why);
}

static void print_results(struct counts *drained)
{
	result(&task_counts, false);
	result(&softirq_counts, true);
	if (!timers_have_hardirq())
		skip(&hardirq_counts, "not allowed on PREEMPT_RT");
	else if (!irq)
		skip(&hardirq_counts, "irq=0");
	else
		result(&hardirq_counts, true);
	result(&sweep_counts, true);
	result(&shrink_counts, true);
	if (!numa)
		skip(&node_counts, "numa=0");
	else if (!tasks_have_nodes())
		skip(&node_counts, "one node only");
	else
		result(&node_counts, false);
	result(drained, true);
}

static void wait(void)
{
	unsigned int s;

	for (s = 1; s <= seconds; s++) {
		msleep(1000);
		if (s % 5 == 0 && s < seconds)
			pr_info("# %u of %u s, %ld objects allocated by tasks\n",
				s, seconds,
				atomic_long_read(&task_counts.allocs));
	}
}

static int __init stress_init(void)
{
	static struct counts drained = { .name = "drained" };
	int err;

	threads = clamp_t(unsigned int, threads, 1, TASKS_MAX);
	pr_info("KTAP version 1\n");
	pr_info("1..7\n");
	pr_info("# seconds=%u threads=%u seed=%lu\n", seconds, threads, seed);
	err = objects_init(threads + 2 * nr_cpu_ids);
	if (!err)
		err = tasks_start(threads, numa && tasks_have_nodes(), seed);
	if (!err)
		err = timers_start(irq && timers_have_hardirq(), seed);
	if (!err)
		wait();
	tasks_stop();
	timers_stop();
	objects_exit(&drained);
	if (err) {
		pr_info("Bail out! error %d\n", err);
		return err;
	}
	print_results(&drained);
	return nr_failed ? -EILSEQ : 0;
}
module_init(stress_init);

static void __exit stress_exit(void)
{
}
module_exit(stress_exit);

MODULE_DESCRIPTION("goslab used from every context at once");
MODULE_LICENSE("GPL");
