// SPDX-License-Identifier: GPL-2.0
/*
 * nolock.c - objects in any context
 *
 * A tracer may run under any lock, in an NMI, or in a kprobe. goslab_malloc_nolock()
 * takes what is ready on this CPU. NULL means "not now": the tracer drops the event, and
 * the CPU is refilled later. The first calls of a module often get NULL.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/spinlock.h>

struct event {
	unsigned long ip;
	u64 data[7];
};

static DEFINE_RAW_SPINLOCK(lock);

/* Under a raw spinlock and with interrupts off, also on PREEMPT_RT. */
static bool record(void)
{
	struct event *event;
	unsigned long flags;

	raw_spin_lock_irqsave(&lock, flags);
	event = goslab_malloc_nolock(sizeof(*event), __GFP_ZERO, NUMA_NO_NODE);
	if (event)
		event->ip = _THIS_IP_;
	goslab_free_nolock(event);
	raw_spin_unlock_irqrestore(&lock, flags);
	return event;
}

static int __init example_init(void)
{
	int tries;

	for (tries = 0; tries < 100; tries++) {
		if (record()) {
			pr_info("an event was recorded under a raw spinlock\n");
			return 0;
		}
		msleep(20);
	}
	return -EAGAIN;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: calls for any context");
MODULE_LICENSE("GPL");
