/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: calls for any context, NMI too. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_NOLOCK_H
#define _LINUX_GOSLAB_NOLOCK_H

#include <linux/gfp.h>
#include <linux/types.h>

struct goslab_owner;

/* Not for callers: what goslab_malloc_nolock() stands on. */
void *__goslab_malloc_nolock(size_t size, gfp_t gfp, int node,
			     struct goslab_owner *owner) __alloc_size(1);

/**
 * goslab_malloc_nolock() - allocate from any context, or not now.
 * @size: bytes, at most GOSLAB_MAX_SMALL; above, the answer is always NULL.
 * @gfp: __GFP_ZERO, or 0. __GFP_ACCOUNT does nothing; other bits are refused
 *       (report, NULL).
 * @node: NUMA_NO_NODE or a node that is there. Only a wish: what this CPU has
 *        at hand is of its own node.
 *
 * Takes what lies ready on this CPU, takes no lock and waits for nobody. If
 * there is nothing, or the caller stepped into the middle of a call that uses
 * it, the answer is NULL, and this CPU's store is refilled as soon as the
 * machine can: a later call, not a loop of them, may have more luck. The first
 * calls of a module on a CPU often fail.
 *
 * kmemleak does not know of the object, nor of what only it points to.
 *
 * Context: Any. NMI, int3 and kprobe handlers, any lock held, on PREEMPT_RT as
 * elsewhere. But a refused argument is reported with printk().
 * Return: the object, for any of the calls that free; ZERO_SIZE_PTR for size 0;
 * NULL.
 */
#define goslab_malloc_nolock(size, gfp, node)				\
	__goslab_hooks(__goslab_malloc_nolock(size, gfp, node,		\
					      &goslab_this_owner))

/**
 * goslab_free_nolock() - give an object back from any context.
 * @p: an object from any goslab call, NULL or ZERO_SIZE_PTR.
 *
 * If this CPU's store does not take the object it is marked, and freed as soon
 * as the machine can; it is not written to meanwhile. Mistakes are found and
 * reported as by goslab_free().
 *
 * Context: Any, as goslab_malloc_nolock().
 */
void goslab_free_nolock(const void *p);

#endif /* _LINUX_GOSLAB_NOLOCK_H */
