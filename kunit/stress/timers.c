// SPDX-License-Identifier: GPL-2.0
/*
 * timers.c: actors in interrupt context, two for each CPU.
 *
 * A high-resolution timer steps in hard-interrupt context, so in the middle of
 * whatever the CPU does, allocator included; an ordinary timer steps in
 * softirq. On PREEMPT_RT the allocator may not be called from hard interrupts
 * (nor may kmalloc()), and the first sort is left out. A CPU that goes offline
 * leaves its timers to another one, where they go on.
 *
 * Lifetime: timers_start() .. timers_stop(), after which none is pending.
 * Context:  callbacks allocate with GFP_ATOMIC; "refused" is no failure.
 */
#include <linux/cpu.h>
#include <linux/hrtimer.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/timer.h>

#include "compat/clients.h"
#include "stress.h"

#define HARD_PERIOD_NS	(1 * NSEC_PER_MSEC)
#define STEPS		4	/* each time */
#define IRQ_MAX_SIZE	2048

struct counts hardirq_counts = { .name = "hardirq" };
struct counts softirq_counts = { .name = "softirq" };

struct cpu_timers {
	struct actor hard_actor;
	struct actor soft_actor;
	struct hrtimer hard;
	struct timer_list soft;
	bool started;
};

static struct cpu_timers *timers;	/* by CPU number */
static bool with_hardirq;

static void steps(struct actor *a)
{
	int i;

	for (i = 0; i < STEPS; i++)
		actor_step(a);
}

static enum hrtimer_restart in_hardirq_context(struct hrtimer *timer)
{
	struct cpu_timers *t = container_of(timer, struct cpu_timers, hard);

	if (READ_ONCE(stress_stopping))
		return HRTIMER_NORESTART;
	steps(&t->hard_actor);
	hrtimer_forward_now(timer, ns_to_ktime(HARD_PERIOD_NS));
	return HRTIMER_RESTART;
}

static void in_softirq_context(struct timer_list *timer)
{
	struct cpu_timers *t = container_of(timer, struct cpu_timers, soft);

	if (READ_ONCE(stress_stopping))
		return;
	steps(&t->soft_actor);
	mod_timer(timer, jiffies + 1);
}

/* On the CPU that the timer is for. */
static void start_hard(void *data)
{
	struct cpu_timers *t = data;

	hrtimer_start(&t->hard, ns_to_ktime(HARD_PERIOD_NS),
		      HRTIMER_MODE_REL_PINNED_HARD);
}

static void start_cpu(struct cpu_timers *t, int cpu, u64 seed)
{
	actor_init(&t->hard_actor, &hardirq_counts, GFP_ATOMIC, IRQ_MAX_SIZE,
		   seed);
	actor_init(&t->soft_actor, &softirq_counts, GFP_ATOMIC, IRQ_MAX_SIZE,
		   seed);
	hrtimer_setup(&t->hard, in_hardirq_context, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	timer_setup(&t->soft, in_softirq_context, TIMER_PINNED);
	t->started = true;
	t->soft.expires = jiffies + 1;
	add_timer_on(&t->soft, cpu);
	if (with_hardirq)
		smp_call_function_single(cpu, start_hard, t, true);
}

bool timers_have_hardirq(void)
{
	return !IS_ENABLED(CONFIG_PREEMPT_RT);
}

/**
 * timers_start() - start the timers of every CPU that is online.
 * @hardirq: those in hard-interrupt context too.
 * @seed: of the random numbers.
 *
 * Takes two actors for each possible CPU at most.
 *
 * Return: 0 or -ENOMEM.
 */
int timers_start(bool hardirq, u64 seed)
{
	int cpu;

	timers = kcalloc(nr_cpu_ids, sizeof(*timers), GFP_KERNEL);
	if (!timers)
		return -ENOMEM;
	with_hardirq = hardirq;
	cpus_read_lock();
	for_each_online_cpu(cpu)
		start_cpu(&timers[cpu], cpu, seed);
	cpus_read_unlock();
	return 0;
}

/* stress_stopping is set. */
void timers_stop(void)
{
	unsigned int cpu;

	for (cpu = 0; timers && cpu < nr_cpu_ids; cpu++) {
		if (!timers[cpu].started)
			continue;
		hrtimer_cancel(&timers[cpu].hard);
		timer_delete_sync(&timers[cpu].soft);
	}
	kfree(timers);
}
