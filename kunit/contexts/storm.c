// SPDX-License-Identifier: GPL-2.0
/*
 * storm.c: calls for any context, in the midst of all others.
 *
 * A load on a CPU allocates, frees and shrinks, and is stepped into: by NMIs
 * that come at random, or by probes on every instruction of a function of the
 * allocator, so that whatever can be seen between two instructions is seen.
 * Each time one object is checked and freed and another one allocated, of the
 * sizes that the load uses.
 */
#include <linux/cpumask.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include <linux/goslab.h>

#include "compat/clients.h"
#include "contexts.h"

#define LOAD_OBJECTS	24
#define MAX_PROBES	512
#define PROBES_MS	300
#define NMI_PERIOD_NS	(500 * NSEC_PER_USEC)
#define MARKED		256	/* bytes of an object, so that NMIs are short */

static const size_t sizes[] = { 16, 64, 200, 1000, 3000, 8000, 20000, 32768 };

/* What those who step in on one CPU have in their hands. */
struct hold {
	bool busy;
	unsigned int turn;
	size_t size;
	u8 *p;
	long got;
	long refused;
	long wrong;
};

static DEFINE_PER_CPU(struct hold, holds);
static DEFINE_PER_CPU(struct work_struct, loads);
static unsigned long load_until;
static bool quiet;

static size_t marked(const struct hold *h)
{
	return min_t(size_t, h->size, MARKED);
}

static void check_and_free(struct hold *h)
{
	if (memchr_inv(h->p, (u8)h->turn, marked(h)))
		h->wrong++;
	goslab_free_nolock(h->p);
	h->p = NULL;
}

/* Preemption is off; may come in the middle of itself. */
static void step_in(void)
{
	struct hold *h = this_cpu_ptr(&holds);

	if (h->busy || READ_ONCE(quiet))
		return;
	h->busy = true;
	barrier();
	if (h->p)
		check_and_free(h);
	h->size = sizes[h->turn++ % ARRAY_SIZE(sizes)];
	h->p = goslab_malloc_nolock(h->size, 0, NUMA_NO_NODE);
	if (h->p) {
		memset(h->p, h->turn, marked(h));
		h->got++;
	} else {
		h->refused++;
	}
	barrier();
	h->busy = false;
}

/* Contents are checked on this side, too. */
static void load_once(struct hold *h, unsigned int turn)
{
	u8 *p[LOAD_OBJECTS];
	unsigned int i;

	for (i = 0; i < LOAD_OBJECTS; i++) {
		p[i] = goslab_malloc(sizes[(turn + i) % ARRAY_SIZE(sizes)],
				     GFP_KERNEL);
		if (p[i])
			memset(p[i], i, sizes[(turn + i) % ARRAY_SIZE(sizes)]);
	}
	for (i = 0; i < LOAD_OBJECTS; i++) {
		if (p[i] && memchr_inv(p[i], i,
				       sizes[(turn + i) % ARRAY_SIZE(sizes)]))
			h->wrong++;
		goslab_free(p[i]);
	}
}

static void load(struct work_struct *unused)
{
	struct hold *h = per_cpu_ptr(&holds, raw_smp_processor_id());
	unsigned int turn = 0;

	do {
		load_once(h, turn++);
		if (turn % 8 == 0)
			goslab_shrink();
		cond_resched();
	} while (time_before(jiffies, load_until));
}

static void load_all(unsigned int ms)
{
	int cpu;

	load_until = jiffies + msecs_to_jiffies(ms);
	for_each_online_cpu(cpu) {
		INIT_WORK(per_cpu_ptr(&loads, cpu), load);
		schedule_work_on(cpu, per_cpu_ptr(&loads, cpu));
	}
	for_each_online_cpu(cpu)
		flush_work(per_cpu_ptr(&loads, cpu));
}

/* On one CPU, for all. */
static enum hrtimer_restart send_nmis(struct hrtimer *timer)
{
	int cpu;

	for_each_online_cpu(cpu)
		nmi_send(cpu);
	hrtimer_forward_now(timer, ns_to_ktime(NMI_PERIOD_NS));
	return HRTIMER_RESTART;
}

/**
 * storm_nmi() - a load on all CPUs, and NMIs on all of them.
 * @seconds: how long.
 *
 * Return: 0 or NMI_NONE.
 */
int storm_nmi(unsigned int seconds)
{
	static struct hrtimer timer;
	int ret = nmi_start(step_in);

	if (ret)
		return ret;
	hrtimer_setup(&timer, send_nmis, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	hrtimer_start(&timer, ns_to_ktime(NMI_PERIOD_NS), HRTIMER_MODE_REL_HARD);
	load_all(seconds * 1000);
	hrtimer_cancel(&timer);
	/* The last one may be on its way. */
	schedule_timeout_uninterruptible(HZ / 10);
	nmi_stop();
	return 0;
}

#ifdef CONFIG_KPROBES
static int probe_handler(struct kprobe *kp, struct pt_regs *regs)
{
	step_in();
	return 0;
}

/* Keeps probes from becoming jumps, which cannot lie side by side. */
static void stay_a_trap(struct kprobe *kp, struct pt_regs *regs,
			unsigned long flags)
{
}

/* Bytes of the function at @addr, as the kernel knows it; 0 if it does not. */
static unsigned int size_of_function(void *addr)
{
	char name[KSYM_SYMBOL_LEN];
	unsigned int size = 0;
	char *slash;

	sprint_symbol(name, (unsigned long)addr);
	slash = strchr(name, '/');
	if (slash)
		sscanf(slash, "/0x%x", &size);
	return size;
}

/**
 * storm_probes() - a load, and probes on a function.
 * @symbol: of the function, "module:name" for one that is not exported.
 * @inside: on every instruction of it, not on the first only.
 *
 * Return: how many probes there were; an error if there is no such function.
 */
int storm_probes(const char *symbol, bool inside)
{
	unsigned int offset = 0, size = 1, n = 0;
	struct kprobe **list, *kp;
	int ret = -ENOMEM;

	list = kcalloc(MAX_PROBES, sizeof(*list), GFP_KERNEL);
	while (list && offset < size && n < MAX_PROBES) {
		kp = kzalloc(sizeof(*kp), GFP_KERNEL);
		if (!kp)
			break;
		kp->symbol_name = symbol;
		kp->offset = offset;
		kp->pre_handler = probe_handler;
		kp->post_handler = stay_a_trap;
		/* It fails where no instruction begins. */
		ret = register_kprobe(kp);
		if (ret)
			kfree(kp);
		else
			list[n++] = kp;
		if (!offset && !ret && inside)
			size = size_of_function(kp->addr);
		if (!offset && ret)
			break;
		offset++;
	}
	if (n) {
		load_all(PROBES_MS);
		/*
		 * What was put off goes through the function, too, where we
		 * would step in and put off more. It ends before the traps go:
		 * emulated CPUs have run into one that was just taken away.
		 */
		WRITE_ONCE(quiet, true);
		schedule_timeout_uninterruptible(HZ / 5);
		unregister_kprobes(list, n);
		WRITE_ONCE(quiet, false);
	}
	for (offset = 0; offset < n; offset++)
		kfree(list[offset]);
	kfree(list);
	return n ?: ret;
}
#else
int storm_probes(const char *symbol, bool inside)
{
	return -ENODEV;
}
#endif

/* What all who stepped in saw since the last call. */
void storm_counts(long *got, long *refused, long *wrong)
{
	int cpu;

	*got = *refused = *wrong = 0;
	for_each_possible_cpu(cpu) {
		struct hold *h = per_cpu_ptr(&holds, cpu);

		*got += h->got;
		*refused += h->refused;
		*wrong += h->wrong;
		h->got = h->refused = h->wrong = 0;
	}
}

/* Nobody steps in any more. */
void storm_end(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		if (per_cpu(holds, cpu).p)
			check_and_free(per_cpu_ptr(&holds, cpu));
}
