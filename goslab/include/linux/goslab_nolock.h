/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: calls for any context, NMI too. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_NOLOCK_H
#define _LINUX_GOSLAB_NOLOCK_H

#include <linux/gfp.h>
#include <linux/types.h>

struct goslab_owner;

/* Not for callers; used by goslab_malloc_nolock(). */
void *__goslab_malloc_nolock(size_t size, gfp_t gfp, int node,
			     struct goslab_owner *owner) __alloc_size(1);

/**
 * goslab_malloc_nolock() - try to allocate, from any context.
 * @size: bytes, at most GOSLAB_MAX_SMALL; above that the result is NULL.
 * @gfp: __GFP_ZERO, or 0. __GFP_ACCOUNT does nothing; other bits are refused
 *       (report, NULL).
 * @node: NUMA_NO_NODE or an existing node. Only a preference: objects that are
 *        ready on this CPU are of its own node.
 *
 * Takes an object that is ready on this CPU. It takes no lock and does not
 * wait. If there is none, or the caller interrupted a call that uses the same
 * magazine, the result is NULL, and the magazine is refilled from task context
 * as soon as possible. A later call may succeed; a loop of calls does not help.
 * The first calls of a module on a CPU often fail.
 *
 * kmemleak does not know the object, nor what only the object points to.
 *
 * Context: Any, including NMI, int3 and kprobe handlers and any lock held, also on
 * PREEMPT_RT. A refused argument is reported with printk().
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
 * If this CPU's magazine cannot take the object, the object is marked and freed
 * from task context as soon as possible. It is not written to meanwhile.
 * Mistakes are found and reported as by goslab_free().
 *
 * Context: Any, as goslab_malloc_nolock().
 */
void goslab_free_nolock(const void *p);

#endif /* _LINUX_GOSLAB_NOLOCK_H */
