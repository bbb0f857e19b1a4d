/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_BUSY_H
#define GS_BASE_BUSY_H

#include <linux/compiler.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/types.h>

#include "base/debug.h"

/*
 * Enter what belongs to this CPU alone: set its flag. The caller has turned
 * preemption off. False if this is an interrupt that came while it was entered.
 */
static __always_inline bool gs_busy_enter(u8 *busy)
{
	if (unlikely(*busy))
		return false;
	*busy = 1;
	barrier();
	gs_debug_enter();
	return true;
}

static __always_inline void gs_busy_leave(u8 *busy)
{
	gs_debug_leave();
	barrier();
	*busy = 0;
}

/**
 * struct gs_walk - whose slots and page cache a drain walks.
 * @cpu: the CPU.
 * @dead: it is offline, and stays offline until the walk ends. Only the dead
 *        callback of CPU hotplug may say so, or a holder of the CPU hotplug
 *        lock, under the CPU's drain lock; and the end of the module.
 *
 * That cpu_online() is false is not enough. A CPU runs on for a while after its
 * bit was cleared and before it is set, and may come online during the walk.
 */
struct gs_walk {
	int cpu;
	bool dead;
};

/* A walk of what the CPU has that this runs on. */
static inline struct gs_walk gs_walk_here(void)
{
	return (struct gs_walk){ .cpu = raw_smp_processor_id() };
}

/*
 * Turn preemption off and enter what the walk's CPU has. False if it is busy,
 * which only an interrupt can see, or the walk has moved to another CPU.
 */
static inline bool gs_busy_enter_of(struct gs_walk walk, u8 *busy)
{
	preempt_disable();
	if ((walk.dead || walk.cpu == smp_processor_id()) &&
	    gs_busy_enter(busy))
		return true;
	preempt_enable();
	return false;
}

#endif /* GS_BASE_BUSY_H */
