// SPDX-License-Identifier: GPL-2.0
/*
 * enter.c: one function call in each context that there is.
 *
 * All of them come to the CPU that asks, one at a time, so one place for what
 * to call is enough.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/ktime.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>
#include <linux/timer.h>

#ifdef CONFIG_X86_LOCAL_APIC
#include <asm/apic.h>
#include <asm/nmi.h>
#endif

#include "compat/clients.h"
#include "contexts.h"

static struct {
	void (*fn)(void *arg);
	void *arg;
	bool came;
	struct completion done;
} now;

static void call_now(bool right_context)
{
	if (!right_context)
		return;
	now.fn(now.arg);
	now.came = true;
}

static void set_now(void (*fn)(void *arg), void *arg)
{
	now.fn = fn;
	now.arg = arg;
	now.came = false;
	init_completion(&now.done);
}

static int came(void)
{
	return now.came ? 0 : -EIO;
}

static int in_a_task(void (*fn)(void *arg), void *arg)
{
	fn(arg);
	return 0;
}

static void soft_timer_fn(struct timer_list *timer)
{
	call_now(IS_ENABLED(CONFIG_PREEMPT_RT) || in_serving_softirq());
	complete(&now.done);
}

static DEFINE_TIMER(soft_timer, soft_timer_fn);

static int in_a_softirq(void (*fn)(void *arg), void *arg)
{
	set_now(fn, arg);
	soft_timer.expires = jiffies + 1;
	add_timer_on(&soft_timer, raw_smp_processor_id());
	wait_for_completion(&now.done);
	timer_delete_sync(&soft_timer);
	return came();
}

static enum hrtimer_restart hard_timer_fn(struct hrtimer *timer)
{
	call_now(in_hardirq());
	complete(&now.done);
	return HRTIMER_NORESTART;
}

static int in_a_hardirq(void (*fn)(void *arg), void *arg)
{
	static struct hrtimer timer;

	set_now(fn, arg);
	hrtimer_setup(&timer, hard_timer_fn, CLOCK_MONOTONIC,
		      HRTIMER_MODE_REL_PINNED_HARD);
	hrtimer_start(&timer, ns_to_ktime(NSEC_PER_USEC * 100),
		      HRTIMER_MODE_REL_PINNED_HARD);
	wait_for_completion(&now.done);
	hrtimer_cancel(&timer);
	return came();
}

static int with_irqs_off(void (*fn)(void *arg), void *arg)
{
	unsigned long flags;

	local_irq_save(flags);
	fn(arg);
	local_irq_restore(flags);
	return 0;
}

static int with_raw_lock(void (*fn)(void *arg), void *arg)
{
	static DEFINE_RAW_SPINLOCK(lock);
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	fn(arg);
	raw_spin_unlock_irqrestore(&lock, flags);
	return 0;
}

#ifdef CONFIG_X86_LOCAL_APIC
static void (*nmi_fn)(void);
static DEFINE_PER_CPU(int, nmi_sent);

static int nmi_handler(unsigned int type, struct pt_regs *regs)
{
	if (!this_cpu_read(nmi_sent))
		return NMI_DONE;
	nmi_fn();
	this_cpu_write(nmi_sent, 0);
	return NMI_HANDLED;
}

int nmi_start(void (*fn)(void))
{
	nmi_fn = fn;
	return register_nmi_handler(NMI_LOCAL, nmi_handler, 0,
				    "goslab_contexts");
}

/* One at a time, for two that come together are one, and the other a stray. */
void nmi_send(int cpu)
{
	if (!xchg(&per_cpu(nmi_sent, cpu), 1))
		apic->send_IPI(cpu, NMI_VECTOR);
}

void nmi_stop(void)
{
	unregister_nmi_handler(NMI_LOCAL, "goslab_contexts");
}
#else
int nmi_start(void (*fn)(void))
{
	return NMI_NONE;
}

void nmi_send(int cpu)
{
}

void nmi_stop(void)
{
}
#endif

static void call_in_nmi(void)
{
	call_now(in_nmi());
}

static int in_an_nmi(void (*fn)(void *arg), void *arg)
{
	int ret, ms;

	set_now(fn, arg);
	ret = nmi_start(call_in_nmi);
	if (ret)
		return ret;
	nmi_send(raw_smp_processor_id());
	for (ms = 0; ms < 1000 && !READ_ONCE(now.came); ms++)
		udelay(1000);
	nmi_stop();
	return came();
}

#ifdef CONFIG_KPROBES
static noinline void probed(void)
{
	barrier();
}

static int probe_handler(struct kprobe *kp, struct pt_regs *regs)
{
	call_now(true);
	return 0;
}

static int in_a_kprobe(void (*fn)(void *arg), void *arg)
{
	struct kprobe kp = {
		.addr = (kprobe_opcode_t *)probed,
		.pre_handler = probe_handler,
	};
	int ret;

	set_now(fn, arg);
	ret = register_kprobe(&kp);
	if (ret)
		return ret;
	probed();
	unregister_kprobe(&kp);
	return came();
}
#else
static int in_a_kprobe(void (*fn)(void *arg), void *arg)
{
	return -ENODEV;
}
#endif

/* What PREEMPT_RT makes of contexts that may not sleep. */
#define ATOMIC	(IS_ENABLED(CONFIG_PREEMPT_RT) ? CALLS_RCU : CALLS_ALL)

const struct context contexts[] = {
	{ "task", CALLS_ALL, GFP_KERNEL, in_a_task },
	{ "softirq", CALLS_ALL, GFP_ATOMIC, in_a_softirq },
	{ "hardirq", ATOMIC, GFP_ATOMIC, in_a_hardirq },
	{ "irqs_off", ATOMIC, GFP_ATOMIC, with_irqs_off },
	{ "raw_lock", ATOMIC, GFP_ATOMIC, with_raw_lock },
	{ "nmi", CALLS_NOLOCK, 0, in_an_nmi },
	{ "kprobe", CALLS_NOLOCK, 0, in_a_kprobe },
};
const unsigned int nr_contexts = ARRAY_SIZE(contexts);
