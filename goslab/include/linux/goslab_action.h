/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: calls when an object ends, and handles that know whether it has.
 * Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_ACTION_H
#define _LINUX_GOSLAB_ACTION_H

/**
 * goslab_action_add() - have a function called when an object is freed.
 * @p: a live object or stack, by its address.
 * @fn: called as @fn(@p, @arg).
 * @arg: of it. A scan for leaks takes it for a root.
 * @gfp: for a record of 128 bytes.
 *
 * All frees call it: single ones, bulk frees, realloc() that moves the object (with the
 * old address), goslab_heap_reset() and goslab_heap_destroy(). The object has its
 * contents then, and nobody else gets its memory before @fn returns. After
 * goslab_free_rcu() it is called after the grace period, when the memory is freed. It is
 * called in the context of the free, which may be any but NMI; it may free other objects,
 * and must not free @p nor add to it. An object may have several actions; the latest is
 * called first. (Go: runtime.AddCleanup(); the kernel: devm_add_action().)
 *
 * An action whose code belongs to a module that is unloaded is dropped. Actions of
 * objects that a destroyed cache still has are never called.
 *
 * Allocations, and frees of objects without records, cost nothing more.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: 0; -ENOMEM without memory, or if there are more records than one for each 32
 * KiB of the machine's memory; -EINVAL, after a report, if no live object begins at @p;
 * -EOPNOTSUPP for one that shares a block of 16 bytes, as small ones of
 * goslab_malloc_noscan() do.
 */
int goslab_action_add(const void *p, void (*fn)(void *p, void *arg), void *arg, gfp_t gfp);

/**
 * goslab_action_del() - take an action back.
 * @p: the object.
 * @fn: as it was added.
 * @arg: likewise. Of several that are the same the latest goes.
 *
 * Context: Any but NMI.
 * Return: false if there is no such action, for instance because it was called.
 */
bool goslab_action_del(const void *p, void (*fn)(void *p, void *arg), void *arg);

/* A weak handle. */
struct goslab_weak;

/**
 * goslab_weak_get() - a handle that finds an object as long as it lives.
 * @p: a live object or stack, by its address.
 * @gfp: for a record of 128 bytes, which stays until the object has ended and all
 *       handles were put.
 *
 * The handle does not keep the object alive. While an object lives all its handles are
 * the same, so they can be compared. (Go: weak.Make().)
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the handle, for goslab_weak_put(), or an ERR_PTR() as goslab_action_add().
 */
struct goslab_weak *goslab_weak_get(const void *p, gfp_t gfp);

/**
 * goslab_weak_value() - the object of a handle.
 * @weak: the handle.
 *
 * NULL from the moment at which the free of the object begins. What keeps the object
 * from being freed after the call is the caller's: a lock that frees take, too, or
 * rcu_read_lock() if it is freed by goslab_free_rcu().
 *
 * Context: Any.
 * Return: the object, or NULL if it has ended.
 */
void *goslab_weak_value(const struct goslab_weak *weak);

/**
 * goslab_weak_put() - the caller does not need the handle any more.
 * @weak: the handle, or NULL.
 *
 * Context: Any but NMI.
 */
void goslab_weak_put(struct goslab_weak *weak);

#endif /* _LINUX_GOSLAB_ACTION_H */
