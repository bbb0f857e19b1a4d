// SPDX-License-Identifier: GPL-2.0
/*
 * drain: empty the slots of CPUs: idle ones, all of them, those of a cache.
 *
 * Flow:       reclaim, cache, hotplug -> [drain] -> mcentral
 * Lock:       drain lock of each CPU, sleeping: its slots end under it only, and
 *             it protects what idle drains note in them. Two are never held at
 *             once. Who only looks at the slots of a CPU, and gs_drain_heap(),
 *             which drains its own, walk them under RCU. end_mutex: one drain of
 *             all CPUs at a time. Order: gs_class_mutex, end_mutex, the CPU
 *             hotplug lock, a drain lock, then the spinlocks.
 *             No CPU enters the slots of another one that may run: it posts a
 *             work there. The work enters a slot for each step, with preemption
 *             off, so a task never finds the slot busy. If the CPU goes offline
 *             first, the work runs elsewhere and does nothing, because the
 *             dead callback empties the slots (struct gs_walk).
 * Context:    posting: any but NMI. The others sleep.
 * Tests:      kunit/drain_kunit.c, kunit/race_kunit.c
 */
#include "front/drain.h"

#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "back/pagecache.h"
#include "base/latency.h"
#include "base/trace.h"
#include "base/worker.h"
#include "front/tiny.h"
#include "middle/heap.h"

static DEFINE_MUTEX(end_mutex);

/**
 * struct drain_work - what a CPU is to drain.
 * @lock: the drain lock of the CPU.
 * @work: runs on that CPU.
 * @cpu: that CPU.
 * @all: drain everything, not only what is idle. Set by whoever posts the work,
 *       cleared by the work.
 * @ending: classes whose slots are drained and end, or NULL (end_mutex; changes
 *          under @lock as well).
 * @nr_ending: how many (likewise).
 */
struct drain_work {
	struct mutex lock;
	struct work_struct work;
	int cpu;
	bool all;
	struct gs_class *ending;
	unsigned int nr_ending;
};

static DEFINE_PER_CPU(struct drain_work, drain_works);

/* Up to a batch of @slot's objects. Return: how many, -1 if it cannot be entered. */
static int take_batch(struct gs_walk walk, struct gs_slot *slot,
		      struct gs_entry *e)
{
	int n;

	if (!gs_walk_enter(walk, slot))
		return -1;
	n = gs_slot_take(slot, e, GS_BATCH_MAX);
	gs_walk_leave(slot);
	return n;
}

static struct mspan *take_span(struct gs_walk walk, struct gs_slot *slot)
{
	struct mspan *s;

	if (!gs_walk_enter(walk, slot))
		return &gs_no_span;
	s = gs_slot_disown(per_cpu_ptr(&gs_mcache, walk.cpu), slot);
	gs_walk_leave(slot);
	return s;
}

/* Return: false if the slot could not be entered; see gs_walk_enter(). */
static bool drain_slot(struct gs_walk walk, struct gs_slot *slot)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct mspan *s;
	int n;

	while ((n = take_batch(walk, slot, e)) > 0) {
		gs_hook(GS_HOOK_DRAIN_LEFT, slot->class);
		gs_mcentral_put(slot->class, e, n);
	}
	if (n < 0)
		return false;
	s = take_span(walk, slot);
	if (s != &gs_no_span)
		gs_mcentral_put_span(s);
	return true;
}

/* Was the slot not used since the last look? Also notes what it has now. */
static bool slot_idle(struct gs_slot *slot)
{
	u16 now = gs_slot_count(slot);
	u8 n = gs_slot_n(slot);
	bool idle = slot->seen == now && slot->seen_n == n;

	slot->seen = now;
	slot->seen_n = n;
	return idle;
}

/* Return: false if a slot could not be entered. */
static bool drain_cpu(struct gs_walk walk, bool idle_only)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, walk.cpu);
	struct gs_slot *slot;
	bool done = true;

	gs_tiny_close(walk, idle_only);
	list_for_each_entry_rcu(slot, &mcache->slots, link, true) {
		if (!gs_slot_cap(slot) && slot->span == &gs_no_span)
			continue;
		if (idle_only && !slot_idle(slot))
			continue;
		if (!drain_slot(walk, slot))
			done = false;
		else
			gs_mcache_drop_cap(slot, walk);
	}
	/* After the slots, whose spans come here. */
	if (!gs_pagecache_drain(walk, idle_only))
		done = false;
	/* A CPU that has no span parked has no use for descriptors either. */
	if (!idle_only || !gs_pagecache_has_something(walk.cpu))
		gs_span_drain(walk);
	return done;
}

/**
 * gs_drain_this_cpu() - empty this CPU's slots.
 * @idle_only: only those not used since the last look.
 *
 * Context: any but NMI. In an interrupt a slot may be busy: it is left alone.
 * Return: false if one was.
 */
bool gs_drain_this_cpu(bool idle_only)
{
	return drain_cpu(gs_walk_here(), idle_only);
}
GS_EXPORT_KUNIT(gs_drain_this_cpu);

/*
 * Empty and end the slots of @n classes at @c, which nobody uses. Under the drain
 * lock. The CPU stays what the walk says that it is.
 */
static void end_slots(struct gs_walk walk, struct gs_class *c, unsigned int n)
{
	struct gs_slot *slot;

	while (n--) {
		slot = gs_slot_of(&c[n], walk.cpu);
		if (slot == &gs_no_slot)
			continue;
		drain_slot(walk, slot);
		gs_mcache_unmake_slot(&c[n], walk.cpu);
	}
}

static void drain_work_fn(struct work_struct *work)
{
	struct drain_work *d = container_of(work, struct drain_work, work);
	struct gs_walk walk = { .cpu = d->cpu };
	bool all = xchg(&d->all, false);
	u64 since = gs_latency_now();

	trace_goslab_drain(d->cpu, all);
	mutex_lock(&d->lock);
	/*
	 * If the CPU goes offline from here on, the walk moves to another one,
	 * enters no slot any more, and leaves them to the dead callback. While
	 * slots are to end, it cannot go offline.
	 */
	if (raw_smp_processor_id() == d->cpu) {
		/* Whoever posted this work. */
		end_slots(walk, d->ending, d->nr_ending);
		if (all || !d->ending)
			drain_cpu(walk, !all);
	}
	mutex_unlock(&d->lock);
	gs_latency_note(GS_LATENCY_DRAIN, since);
}

void gs_drain_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

		mutex_init(&d->lock);
		INIT_WORK(&d->work, drain_work_fn);
		d->cpu = cpu;
	}
}

/*
 * Has @cpu room, objects or a span in a slot, of @heap if that is not NULL? A look
 * from elsewhere.
 */
static bool slots_hold(int cpu, const struct goslab_heap *heap)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	bool any = false;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link) {
		any = (!heap || slot->class->heap == heap) &&
		      (gs_slot_cap(slot) || READ_ONCE(slot->span) != &gs_no_span);
		if (any)
			break;
	}
	rcu_read_unlock();
	return any;
}

/* Is there anything to drain? Likewise. */
static bool has_something(int cpu)
{
	return gs_pagecache_has_something(cpu) ||
	       READ_ONCE(per_cpu(gs_mcache, cpu).tiny.block) ||
	       slots_hold(cpu, NULL);
}

static void post(int cpu, bool all)
{
	struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

	gs_hook(GS_HOOK_DRAIN_POSTED, &cpu);
	if (all)
		WRITE_ONCE(d->all, true);
	gs_worker_queue_on(cpu, &d->work);
}

/* Ask every CPU that holds something to empty its idle slots. */
void gs_drain_post_idle(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (has_something(cpu))
			post(cpu, false);
}
GS_EXPORT_KUNIT(gs_drain_post_idle);

/* Does any CPU hold something that a later tick may drain? */
bool gs_drain_pending(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (has_something(cpu))
			return true;
	return false;
}

/*
 * Ask every CPU that holds something to give up all of it; any context, waits for
 * nobody. A CPU without work of ours is left alone.
 */
void gs_drain_post_all(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (has_something(cpu))
			post(cpu, true);
}
GS_EXPORT_KUNIT(gs_drain_post_all);

/* From here on every drain work ends its CPU's slots of @n classes at @c. */
static void set_ending(struct gs_class *c, unsigned int n)
{
	int cpu;

	for_each_online_cpu(cpu) {
		struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

		mutex_lock(&d->lock);
		d->ending = c;
		d->nr_ending = n;
		mutex_unlock(&d->lock);
	}
}

/* Ask the CPUs that have slots of @n classes at @c to end them. */
static void post_ending(struct gs_class *c, unsigned int n)
{
	unsigned int i;
	int cpu;

	for_each_online_cpu(cpu) {
		for (i = 0; i < n; i++) {
			if (gs_slot_of(&c[i], cpu) == &gs_no_slot)
				continue;
			post(cpu, false);
			break;
		}
	}
}

/*
 * Drain CPUs that are offline, and end their slots of @n classes at @c. The
 * caller holds the CPU hotplug lock. Most often the dead callback has left
 * nothing to drain.
 */
static void drain_offline(struct gs_class *c, unsigned int n)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct drain_work *d = per_cpu_ptr(&drain_works, cpu);
		struct gs_walk walk = { .cpu = cpu, .dead = true };

		if (cpu_online(cpu))
			continue;
		mutex_lock(&d->lock);
		end_slots(walk, c, n);
		if (!c)
			drain_cpu(walk, false);
		mutex_unlock(&d->lock);
	}
}

/*
 * End the slots of @n classes at @c on all CPUs and wait for it; without classes,
 * empty all slots and page caches.
 */
static void drain_all(struct gs_class *c, unsigned int n)
{
	int cpu;

	cpus_read_lock();
	drain_offline(c, n);
	set_ending(c, n);
	gs_hook(GS_HOOK_DRAIN_ENDING, c);
	if (c)
		post_ending(c, n);
	else
		gs_drain_post_all();
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(&drain_works, cpu)->work);
	set_ending(NULL, 0);
	cpus_read_unlock();
}

/*
 * Empty all transfer caches, slots and page caches of all CPUs, and wait. In this
 * order: what one of them gives up goes to the next ones. Sleeps.
 */
void gs_drain_all(void)
{
	gs_class_sweep(false);
	mutex_lock(&end_mutex);
	drain_all(NULL, 0);
	mutex_unlock(&end_mutex);
}
GS_EXPORT_KUNIT(gs_drain_all);

/* The dead callback of hotplug: @cpu has run its last instruction. Sleeps. */
void gs_drain_dead(unsigned int cpu)
{
	struct drain_work *d = per_cpu_ptr(&drain_works, cpu);
	struct gs_walk walk = { .cpu = cpu, .dead = true };

	mutex_lock(&d->lock);
	drain_cpu(walk, false);
	gs_mcache_unlend(cpu);
	mutex_unlock(&d->lock);
}
GS_EXPORT_KUNIT(gs_drain_dead);

/**
 * gs_drain_classes() - bring all objects of classes back to their spans.
 * @c: the first of the classes, none of which is in use.
 * @n: how many, side by side in memory.
 *
 * Empties and ends their slots on the CPUs that have some, no others, then empties
 * their transfer caches. Then it waits for everybody who still carries objects from
 * one of them to a span: an eviction (gs_mcache_grow_cap()) or a sweep
 * (gs_transfer_empty()). Both put them into spans only, within an RCU read section,
 * so afterwards nothing is anywhere else. Slots are made again if a class is used again.
 *
 * Context: Task; sleeps, for a grace period.
 */
void gs_drain_classes(struct gs_class *c, unsigned int n)
{
	unsigned int i;

	mutex_lock(&end_mutex);
	drain_all(c, n);
	mutex_unlock(&end_mutex);
	gs_hook(GS_HOOK_DRAIN_ENDED, c);
	for (i = 0; i < n; i++)
		gs_class_empty_transfer(&c[i]);
	/* This is also for those who read the list of slots. */
	synchronize_rcu();
	gs_hook(GS_HOOK_DRAIN_WAITED, c);
	for (i = 0; i < n; i++)
		gs_mcache_free_slots(&c[i]);
}

/**
 * gs_drain_heap() - a heap is at its quota: give back what lies idle in it.
 * @heap: the heap.
 * @c: the class of a cache that draws from it, or NULL.
 *
 * Empties this CPU's slots of the heap and the transfer caches of its classes.
 *
 * Context: any but NMI.
 * Return: whether there is more room now.
 */
bool gs_drain_heap(struct goslab_heap *heap, struct gs_class *c)
{
	long before = atomic_long_read(&heap->held);
	struct gs_walk walk = gs_walk_here();
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, walk.cpu);
	struct gs_slot *slot;
	unsigned int cls;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link)
		if (slot->class->heap == heap)
			drain_slot(walk, slot);
	rcu_read_unlock();
	for (cls = 0; cls < GS_NR_CLASSES; cls++)
		gs_class_empty_transfer(&heap->classes[cls]);
	if (c)
		gs_class_empty_transfer(c);
	return atomic_long_read(&heap->held) < before;
}

/**
 * gs_drain_heap_elsewhere() - the same for all CPUs that hold something of it.
 * @heap: the heap.
 *
 * Posts their works and waits for them. A work empties all slots of its CPU, not only
 * the heap's: that an allocation is refused is rare. While a CPU comes or goes it does nothing,
 * because the caller may be what that waits for.
 *
 * Context: task; sleeps.
 * Return: whether there is more room now.
 */
bool gs_drain_heap_elsewhere(struct goslab_heap *heap)
{
	long before = atomic_long_read(&heap->held);
	int cpu;

	if (!cpus_read_trylock())
		return false;
	for_each_online_cpu(cpu)
		if (slots_hold(cpu, heap))
			post(cpu, true);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(&drain_works, cpu)->work);
	cpus_read_unlock();
	return atomic_long_read(&heap->held) < before;
}

/**
 * gs_mcache_verify() - check C1 to C3 of a quiet CPU.
 * @cpu: which; nothing of it may run meanwhile.
 *
 * Context: Task; sleeps.
 * Return: 0, 51, 52 or 53.
 */
int gs_mcache_verify(int cpu)
{
	struct drain_work *d = per_cpu_ptr(&drain_works, cpu);
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	const struct gs_entry *e;
	size_t cap_bytes = 0, owned = 0;
	int ret = 0;

	mutex_lock(&d->lock);
	list_for_each_entry_rcu(slot, &mcache->slots, link, true) {
		if (gs_slot_n(slot) > gs_slot_cap(slot) ||
		    gs_slot_cap(slot) > slot->class->depth)
			ret = 51;
		/* If the CPU is not quiet after all, spans and states may go meanwhile. */
		rcu_read_lock();
		for (e = slot->entry; e < slot->top; e++)
			if (*e->state != GS_CACHED)
				ret = 51;
		cap_bytes += gs_slot_cap(slot) * slot->class->elemsize;
		owned += gs_span_size(READ_ONCE(slot->span));
		rcu_read_unlock();
	}
	if (!ret && cap_bytes != mcache->cap_bytes)
		ret = 52;
	if (!ret && owned != atomic_long_read(&mcache->owned))
		ret = 53;
	mutex_unlock(&d->lock);
	return ret;
}
GS_EXPORT_KUNIT(gs_mcache_verify);
