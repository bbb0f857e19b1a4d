/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: frees that wait for readers under RCU. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_RCU_H
#define _LINUX_GOSLAB_RCU_H

#include <linux/types.h>

/* Not for callers; used by goslab_free_rcu(). */
void __goslab_free_rcu(struct rcu_head *head, void *p);

/**
 * goslab_free_rcu() - give an object back after a grace period.
 * @ptr: start of an object from any goslab call, or NULL. Evaluated once.
 * @rhf: name of its member of type struct rcu_head.
 *
 * The object is freed, as by goslab_free(), some time after a grace period.
 * Until then its contents stay, except for @rhf, which this call overwrites,
 * also in objects of a cache with a ctor. The user must not write to the object
 * any more. The object is not live any more: a second free of any kind is
 * reported, and goslab_size() is 0. The call needs no memory.
 *
 * The tiny objects of goslab_malloc_noscan() have no room for @rhf.
 *
 * kfree_rcu() ends in kfree() and must not get these objects.
 *
 * Context: Any but NMI, with raw spinlocks held, too, and on PREEMPT_RT also in
 * hardirq; not with locks of the scheduler held. Never sleeps.
 */
#define goslab_free_rcu(ptr, rhf)					\
do {									\
	typeof(ptr) __goslab_p = (ptr);					\
									\
	if (__goslab_p)							\
		__goslab_free_rcu(&__goslab_p->rhf, __goslab_p);	\
} while (0)

/**
 * goslab_free_rcu_mightsleep() - the same for an object without an rcu_head.
 * @p: as for goslab_free(). Nothing of it is overwritten.
 *
 * Waits for a grace period if there is no memory for a note of 16 bytes, and
 * for tiny objects, which are live until then.
 *
 * Context: Task, not in an RCU reader. May sleep.
 */
void goslab_free_rcu_mightsleep(const void *p);

/**
 * goslab_free_rcu_barrier() - wait until objects that wait for RCU are free.
 *
 * Waits for all objects that any caller passed to goslab_free_rcu() and
 * goslab_free_rcu_mightsleep() before this call. goslab_cache_destroy() does
 * this itself. A module need not call it before it unloads, because nothing of
 * the module is called later.
 *
 * Context: Task. Sleeps if something is pending.
 */
void goslab_free_rcu_barrier(void);

#endif /* _LINUX_GOSLAB_RCU_H */
