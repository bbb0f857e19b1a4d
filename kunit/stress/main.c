// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_stress.ko, the allocator used from everywhere at once.
 *
 * Threads, softirqs and hard interrupts allocate, resize, pass on and free
 * objects while others shrink the allocator and go through every size. Contents,
 * alignment, zeroing, constructors and nodes are checked all the time; each is a
 * test of its own in the KTAP that loading prints. Loading fails if a test did.
 *
 * The amount of work is fixed, not the time: a run is over when the threads have
 * done their steps, every size was tried once and MIN_SHRINKS shrinks, each a
 * drain of all CPUs, came in between. What it must have done at least is checked
 * (floors). A run that is not through after "limit" seconds has failed. It ends
 * early, within "stop_ms", when "stop" is written to or insmod gets a signal.
 * Knows goslab by its public header only.
 *
 * Flow:     main -> tasks, timers -> object
 * Lifetime: nothing is left when init ends.
 */
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "stress.h"

#define MIN_SHRINKS	10

static unsigned long steps = 200000;
module_param(steps, ulong, 0444);
MODULE_PARM_DESC(steps, "of all threads; 0: until stop is written to (200000)");

static unsigned int limit = 120;
module_param(limit, uint, 0444);
MODULE_PARM_DESC(limit, "seconds after which a run has failed (120)");

static bool stop;
module_param(stop, bool, 0644);
MODULE_PARM_DESC(stop, "write 1 to end the run");

/* For who writes to stop: floors that take long are reached. */
static bool enough;
module_param(enough, bool, 0444);
MODULE_PARM_DESC(enough, "1 once all sizes were tried and the shrinks were done");

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

bool stress_faults;
module_param_named(faults, stress_faults, bool, 0444);
MODULE_PARM_DESC(faults, "draws are made to fail, and some must (0)");

static unsigned int stop_ms = 1000;
module_param(stop_ms, uint, 0444);
MODULE_PARM_DESC(stop_ms, "milliseconds in which everything stops (1000)");

bool stress_stopping;
static unsigned int nr_tests, nr_failed;

static void print_counts(struct counts *c)
{
	pr_info("# %s: %ld allocated, %ld freed (%ld on another CPU), %ld resized, %ld refused\n",
		c->name, atomic_long_read(&c->allocs),
		atomic_long_read(&c->frees), atomic_long_read(&c->elsewhere),
		atomic_long_read(&c->reallocs), atomic_long_read(&c->refused));
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

/* At least so much of something was done, or the test says nothing. */
static bool reached(const char *what, long n, long least)
{
	if (n < least)
		pr_info("# floor: %ld %s, at least %ld wanted\n", n, what, least);
	return n >= least;
}

/* By far below what the random numbers lead one to expect. */
static bool floors_reached(void)
{
	const struct counts *c = &task_counts;
	long least = steps ? steps / 4 : 1000, ok = 1;

	ok &= reached("objects allocated", atomic_long_read(&c->allocs), least);
	ok &= reached("objects freed", atomic_long_read(&c->frees), least);
	ok &= reached("objects resized", atomic_long_read(&c->reallocs),
		      least / 50);
	if (stress_faults)
		ok &= reached("requests refused", atomic_long_read(&c->refused),
			      10);
	if (num_online_cpus() > 1)
		ok &= reached("objects freed on another CPU",
			      atomic_long_read(&c->elsewhere), least / 20);
	ok &= reached("sweeps over all sizes", tasks_sweeps(), 1);
	ok &= reached("shrinks", atomic_long_read(&shrink_counts.frees),
		      MIN_SHRINKS);
	return ok;
}

static void print_results(struct counts *drained)
{
	bool ok = floors_reached();

	nr_failed += !ok;
	pr_info("%s %u floors\n", ok ? "ok" : "not ok", ++nr_tests);
	result(&task_counts, stress_faults);
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
		result(&node_counts, stress_faults);
	result(drained, true);
}

static bool done(void)
{
	WRITE_ONCE(enough, tasks_sweeps() &&
		   atomic_long_read(&shrink_counts.frees) >= MIN_SHRINKS);
	if (READ_ONCE(stop) || signal_pending(current))
		return true;
	return steps && !tasks_working() && enough;
}

/* Return: false if the run was not through within the limit. */
static bool wait(void)
{
	unsigned long start = jiffies, said = start;

	while (!done()) {
		if (time_after(jiffies, start + limit * HZ))
			return false;
		msleep_interruptible(100);
		if (time_before(jiffies, said + 5 * HZ))
			continue;
		said = jiffies;
		pr_info("# %lu s, %ld objects allocated by tasks\n",
			(said - start) / HZ,
			atomic_long_read(&task_counts.allocs));
	}
	return true;
}

/*
 * Everything stops within stop_ms, whatever it is doing. The timers go first, for
 * they take the CPUs from the threads.
 */
static void stop_all(void)
{
	unsigned long start = jiffies;
	bool ok;

	WRITE_ONCE(stress_stopping, true);
	timers_stop();
	tasks_stop();
	ok = time_before(jiffies, start + msecs_to_jiffies(stop_ms));
	pr_info("# stopping took %u ms\n", jiffies_to_msecs(jiffies - start));
	pr_info("%s %u stops\n", ok ? "ok" : "not ok", ++nr_tests);
	nr_failed += !ok;
}

static int __init stress_init(void)
{
	static struct counts drained = { .name = "drained" };
	int err;

	threads = clamp_t(unsigned int, threads, 1, TASKS_MAX);
	pr_info("KTAP version 1\n");
	pr_info("1..10\n");
	pr_info("# steps=%lu threads=%u seed=%lu\n", steps, threads, seed);
	err = objects_init(threads + 2 * nr_cpu_ids);
	if (!err)
		err = tasks_start(threads, steps, numa && tasks_have_nodes(),
				  seed);
	if (!err)
		err = timers_start(irq && timers_have_hardirq(), seed);
	if (!err) {
		bool through = wait();

		pr_info("%s %u through%s\n", through ? "ok" : "not ok",
			++nr_tests, through ? "" : ", time is over");
		nr_failed += !through;
	}
	stop_all();
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
