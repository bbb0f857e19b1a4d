// SPDX-License-Identifier: GPL-2.0
/*
 * drain: empty the slots of CPUs: idle ones, all of them, those of a cache.
 *
 * Flow:       reclaim, cache, hotplug -> [drain] -> mcentral
 * Lock:       drain_mutex, sleeping: one drain at a time walks a CPU's slots,
 *             and slots end under it only. end_mutex: one drain of all CPUs
 *             at a time. Order: gs_class_mutex, end_mutex, the CPU hotplug
 *             lock, drain_mutex, then the spinlocks.
 *             Another CPU never touches a slot: it posts work that runs there
 *             with preemption off for each step, so that it never finds the
 *             slot busy. A work that was posted to a CPU that has gone offline
 *             runs elsewhere and does nothing: the dead callback did it.
 * Context:    posting: any but NMI. The others sleep.
 * Tests:      kunit/drain_kunit.c, kunit/race_kunit.c
 */
#include "front/drain.h"

#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/rculist.h>
#include <linux/smp.h>
#include <linux/workqueue.h>

#include "base/worker.h"
#include "front/tiny.h"
#include "middle/heap.h"

static DEFINE_MUTEX(drain_mutex);
static DEFINE_MUTEX(end_mutex);

/**
 * struct drain_work - what a CPU was asked for.
 * @work: runs on that CPU.
 * @cpu: that CPU.
 * @all: everything, not only what is idle; set by who posts, cleared by the work.
 * @ending: classes whose slots end after that, or NULL (end_mutex; changes under
 *          drain_mutex as well).
 * @nr_ending: how many (likewise).
 */
struct drain_work {
	struct work_struct work;
	int cpu;
	bool all;
	struct gs_class *ending;
	unsigned int nr_ending;
};

static DEFINE_PER_CPU(struct drain_work, drain_works);

/* May this thread enter slots of @cpu? Preemption is off. */
static bool may_enter(int cpu)
{
	return cpu == smp_processor_id() || !cpu_online(cpu);
}

/* Up to a batch of @slot's objects. Return: how many, -1 if it is busy. */
static int take_batch(struct gs_slot *slot, int cpu, struct gs_entry *e)
{
	int n = -1;

	preempt_disable();
	if (may_enter(cpu) && gs_slot_enter(slot)) {
		n = gs_slot_take(slot, e, GS_BATCH_MAX);
		gs_slot_leave(slot);
	}
	preempt_enable();
	return n;
}

static struct mspan *take_span(struct gs_slot *slot, int cpu)
{
	struct mspan *s = &gs_no_span;

	preempt_disable();
	if (may_enter(cpu) && gs_slot_enter(slot)) {
		s = slot->span;
		slot->span = &gs_no_span;
		gs_slot_leave(slot);
	}
	preempt_enable();
	return s;
}

/* Return: false if the slot was busy, which only an interrupt can see. */
static bool drain_slot(struct gs_slot *slot, int cpu)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct mspan *s;
	int n;

	while ((n = take_batch(slot, cpu, e)) > 0) {
		gs_hook(GS_HOOK_DRAIN_LEFT, slot->class);
		gs_mcentral_put(slot->class, e, n);
	}
	if (n < 0)
		return false;
	s = take_span(slot, cpu);
	if (s != &gs_no_span)
		gs_mcentral_put_span(s);
	return true;
}

/* Has nobody used the slot since the last look? Looks again either way. */
static bool slot_idle(struct gs_slot *slot)
{
	u16 now = READ_ONCE(slot->nr_alloc);
	u8 n = gs_slot_n(slot);
	bool idle = slot->seen == now && slot->seen_n == n;

	slot->seen = now;
	slot->seen_n = n;
	return idle;
}

static bool drain_cpu(int cpu, bool idle_only)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	bool done = true;

	gs_tiny_close(cpu, idle_only);
	list_for_each_entry_rcu(slot, &mcache->slots, link, true) {
		if (!gs_slot_cap(slot) && slot->span == &gs_no_span)
			continue;
		if (idle_only && !slot_idle(slot))
			continue;
		if (!drain_slot(slot, cpu))
			done = false;
		else
			gs_mcache_drop_cap(slot, cpu);
	}
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
	return drain_cpu(raw_smp_processor_id(), idle_only);
}
GS_EXPORT_KUNIT(gs_drain_this_cpu);

/* Drained before. Under the drain mutex. */
static void unmake_slots(struct gs_class *c, unsigned int n, int cpu)
{
	while (n--)
		if (c[n].slots)
			gs_mcache_unmake_slot(&c[n], cpu);
}

static void drain_work_fn(struct work_struct *work)
{
	struct drain_work *d = container_of(work, struct drain_work, work);
	bool all = xchg(&d->all, false);

	mutex_lock(&drain_mutex);
	/* Only the CPU that was meant may; see the top. */
	if (raw_smp_processor_id() == d->cpu) {
		/* What ends is emptied, whoever posted this work, and why. */
		drain_cpu(d->cpu, !all && !d->ending);
		unmake_slots(d->ending, d->nr_ending, d->cpu);
	}
	mutex_unlock(&drain_mutex);
}

int gs_drain_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

		INIT_WORK(&d->work, drain_work_fn);
		d->cpu = cpu;
	}
	return 0;
}

static bool has_something(int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	bool any = false;

	mutex_lock(&drain_mutex);
	list_for_each_entry_rcu(slot, &mcache->slots, link, true)
		any |= gs_slot_cap(slot) ||
		       READ_ONCE(slot->span) != &gs_no_span;
	mutex_unlock(&drain_mutex);
	return any;
}

static void post(int cpu, bool all)
{
	struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

	if (all)
		WRITE_ONCE(d->all, true);
	gs_worker_queue_on(cpu, &d->work);
}

/* Ask every CPU that holds something to empty what it does not use. Sleeps. */
void gs_drain_post_idle(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (has_something(cpu))
			post(cpu, false);
}
GS_EXPORT_KUNIT(gs_drain_post_idle);

/* Does any CPU hold something that a later tick may drain? Sleeps. */
bool gs_drain_pending(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		if (has_something(cpu))
			return true;
	return false;
}

/* Ask every CPU to empty all its slots; any context, waits for nobody. */
void gs_drain_post_all(void)
{
	int cpu;

	for_each_online_cpu(cpu)
		post(cpu, true);
}
GS_EXPORT_KUNIT(gs_drain_post_all);

/* From here on every work that runs ends the slots of @n classes at @c. */
static void set_ending(struct gs_class *c, unsigned int n)
{
	int cpu;

	mutex_lock(&drain_mutex);
	for_each_online_cpu(cpu) {
		struct drain_work *d = per_cpu_ptr(&drain_works, cpu);

		d->ending = c;
		d->nr_ending = n;
	}
	mutex_unlock(&drain_mutex);
}

/* Empty all slots of all CPUs, end those of @n classes at @c, wait for it. */
static void drain_all(struct gs_class *c, unsigned int n)
{
	int cpu;

	cpus_read_lock();
	set_ending(c, n);
	gs_hook(GS_HOOK_DRAIN_ENDING, c);
	gs_drain_post_all();
	for_each_online_cpu(cpu)
		flush_work(&per_cpu_ptr(&drain_works, cpu)->work);
	set_ending(NULL, 0);
	if (n) {
		mutex_lock(&drain_mutex);
		for_each_possible_cpu(cpu)
			if (!cpu_online(cpu))
				unmake_slots(c, n, cpu);
		mutex_unlock(&drain_mutex);
	}
	cpus_read_unlock();
}

/* Empty all slots of all CPUs and all transfer caches, and wait. Sleeps. */
void gs_drain_all(void)
{
	mutex_lock(&end_mutex);
	drain_all(NULL, 0);
	mutex_unlock(&end_mutex);
	gs_class_sweep(false);
}
GS_EXPORT_KUNIT(gs_drain_all);

/* Hotplug: @cpu is gone for good, as far as its slots know. Sleeps. */
void gs_drain_dead(unsigned int cpu)
{
	mutex_lock(&drain_mutex);
	drain_cpu(cpu, false);
	mutex_unlock(&drain_mutex);
}

/**
 * gs_drain_classes() - bring all objects of classes back to their spans.
 * @c: the first of the classes, none of which is in use.
 * @n: how many, side by side in memory.
 *
 * Empties and ends the slots on all CPUs, then empties the transfer caches. Then
 * it waits for everybody who still carries objects from one of them to a span:
 * an eviction (gs_mcache_grow_cap()) or a sweep (gs_mcentral_empty_transfer()).
 * Both put them into spans only, within an RCU read section, so afterwards
 * nothing is anywhere else. Slots are made again if a class is used again.
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
 * What this CPU has of it and what lies in its transfer caches; what other CPUs
 * have they must be asked for, and nobody waits for that here.
 *
 * Context: any but NMI.
 * Return: whether there is more room now.
 */
bool gs_drain_heap(struct goslab_heap *heap, struct gs_class *c)
{
	long before = atomic_long_read(&heap->held);
	struct gs_slot *slot;
	unsigned int cls;
	int cpu;

	rcu_read_lock();
	cpu = raw_smp_processor_id();
	list_for_each_entry_rcu(slot, &per_cpu_ptr(&gs_mcache, cpu)->slots, link)
		if (slot->class->heap == heap)
			drain_slot(slot, cpu);
	rcu_read_unlock();
	for (cls = 0; cls < GS_NR_CLASSES; cls++)
		gs_class_empty_transfer(&heap->classes[cls]);
	if (c)
		gs_class_empty_transfer(c);
	return atomic_long_read(&heap->held) < before;
}

/**
 * gs_mcache_verify() - check C1 and C2 of a quiet CPU.
 * @cpu: which; nothing of it may run meanwhile.
 *
 * Context: Task; sleeps.
 * Return: 0, 51 or 52.
 */
int gs_mcache_verify(int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	const struct gs_entry *e;
	size_t cap_bytes = 0;
	int ret = 0;

	mutex_lock(&drain_mutex);
	list_for_each_entry_rcu(slot, &mcache->slots, link, true) {
		if (gs_slot_n(slot) > gs_slot_cap(slot) ||
		    gs_slot_cap(slot) > slot->class->depth)
			ret = 51;
		for (e = slot->entry; e < slot->top; e++)
			if (*e->state != GS_CACHED)
				ret = 51;
		cap_bytes += gs_slot_cap(slot) * slot->class->elemsize;
	}
	if (!ret && cap_bytes != mcache->cap_bytes)
		ret = 52;
	mutex_unlock(&drain_mutex);
	return ret;
}
GS_EXPORT_KUNIT(gs_mcache_verify);
