/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_MCACHE_H
#define GS_FRONT_MCACHE_H

#include <linux/percpu.h>
#include <linux/preempt.h>

#include "back/mspan.h"
#include "base/debug.h"
#include "middle/class.h"

/**
 * struct gs_slot - what one CPU holds of one span class.
 * @busy: entered. Set and cleared by this CPU with preemption off; an
 *        interrupt that finds it set goes to mcentral.
 * @node: memory node of the CPU.
 * @cap: objects that @entry may hold now; follows use, within class->depth and
 *       the CPU's budget.
 * @seen_n: @n when the drain last looked.
 * @clock: low bits of @nr_alloc when the search for room last came by.
 * @seen: low bits of @nr_alloc when the drain last looked.
 * @n: objects in @entry.
 * @span: the span that this CPU owns, or gs_no_span.
 * @nr_alloc: objects ever handed out; the one counter of the hot path.
 * @class: the class.
 * @nr_refill: times that the magazine was filled.
 * @nr_flush: times that it was emptied by half.
 * @link: among the slots of this CPU (this CPU with interrupts off; others read).
 * @entry: the magazine.
 *
 * The first line is all that an allocation or a free touches of it, but for
 * the entry.
 */
struct gs_slot {
	u8 busy;
	u16 node;
	u16 cap;
	u16 seen_n;
	u16 seen;
	u16 clock;
	u32 n;
	struct mspan *span;
	unsigned long nr_alloc;
	struct gs_class *class;
	struct list_head link;
	u32 nr_refill;
	u32 nr_flush;
	struct gs_entry entry[];
} ____cacheline_aligned;

static_assert(sizeof(struct gs_slot) == 64);

/**
 * struct gs_tiny_open - the block that tiny objects are cut from.
 * @block: its address, or NULL.
 * @mask: its mask (front/tiny.c).
 * @offset: first byte not given out.
 * @owner: module that all its objects belong to.
 * @nr_alloc: tiny objects ever cut on this CPU.
 * @seen: @nr_alloc when the drain last looked.
 */
struct gs_tiny_open {
	void *block;
	atomic_t *mask;
	u8 offset;
	u8 owner;
	unsigned long nr_alloc;
	unsigned long seen;
};

/**
 * struct mcache - what one CPU holds.
 * @slot: by span class of malloc; &gs_no_slot until first used.
 * @tiny: the open block; guarded by the busy flag of the tiny slot.
 * @slots: all slots of this CPU, of malloc and of caches.
 * @hand: slot whose room was looked at last, or NULL.
 * @cap_bytes: sum of cap * elemsize of all slots: what may be parked at most.
 */
struct mcache {
	struct gs_slot *slot[GS_NR_SPC];
	struct gs_tiny_open tiny;
	struct list_head slots;
	struct gs_slot *hand;
	size_t cap_bytes;
};

DECLARE_PER_CPU(struct mcache, gs_mcache);
DECLARE_PER_CPU(struct gs_slot *, gs_gone_slots);
extern struct gs_slot gs_no_slot;
extern struct mspan gs_no_span;

/* Most bytes that one CPU may park; module parameter max_parked. */
extern unsigned long gs_max_parked;

int gs_mcache_init(void);
void gs_mcache_exit(void);
struct gs_slot *gs_mcache_make_slot(struct gs_class *c, gfp_t gfp);
void gs_mcache_top_up(void);
void gs_mcache_unmake_slot(struct gs_class *c, int cpu);
void gs_mcache_free_slots(struct gs_class *c);
void gs_mcache_grow_cap(struct gs_class *c);
void gs_mcache_drop_cap(struct gs_slot *slot, int cpu);
int gs_mcache_init_slots(struct gs_class *c);

/* front/refill.c; all that no slot counts */
extern atomic64_t gs_mcache_nr_direct;
void *gs_mcache_alloc_slow(struct gs_class *c, int node, gfp_t gfp, u8 owner,
			   bool *zeroed);
void gs_mcache_free_slow(struct mspan *s, void *object, u8 *state);

/*
 * Enter this CPU's slot: preemption off, busy set. False if an interrupt came
 * in between, or there is no slot: gs_no_slot is always busy.
 */
static __always_inline bool gs_slot_enter(struct gs_slot *slot)
{
	if (unlikely(slot->busy))
		return false;
	slot->busy = 1;
	barrier();
	gs_debug_enter();
	return true;
}

static __always_inline void gs_slot_leave(struct gs_slot *slot)
{
	gs_hook(GS_HOOK_ENTERED, slot);
	gs_debug_leave();
	barrier();
	slot->busy = 0;
}

/**
 * gs_mcache_alloc() - the fast path of every allocation.
 * @slots: of the class.
 * @node: node that the CPU must be on, or NUMA_NO_NODE.
 * @owner: number that the object's state is set to.
 * @zeroed: set to true when the object is known to be zero, else left alone.
 *
 * No lock, no atomic, no call: the magazine, else the window of the span that
 * this CPU owns (Go: nextFreeFast).
 *
 * Return: an object, or NULL: take the slow path, which also reports an
 * object that is not in the state that it was left in.
 */
static __always_inline void *
gs_mcache_alloc(struct gs_slot *__percpu *slots, int node, u8 owner,
		bool *zeroed)
{
	struct gs_slot *slot;
	void *object = NULL;
	u8 *state;

	preempt_disable();
	slot = *this_cpu_ptr(slots);
	if (node != NUMA_NO_NODE && slot->node != node)
		goto out;
	if (unlikely(!gs_slot_enter(slot)))
		goto out;
	if (likely(slot->n)) {
		const struct gs_entry *e = &slot->entry[slot->n - 1];

		state = e->state;
		if (unlikely(*state != GS_CACHED))
			goto leave;
		object = e->object;
		slot->n--;
	} else {
		struct mspan *s = slot->span;
		unsigned int i;

		if (unlikely(!s->alloc_cache))
			goto leave;
		i = s->free_index + __ffs64(s->alloc_cache);
		state = &s->objects[i];
		if (unlikely(*state != GS_FREE))
			goto leave;
		s->alloc_cache &= s->alloc_cache - 1;
		object = gs_span_object(s, i);
		*zeroed = !s->needzero;
	}
	*state = owner;
	slot->nr_alloc++;
leave:
	gs_slot_leave(slot);
out:
	preempt_enable();
	return object;
}

/**
 * gs_mcache_free() - the fast path of every free.
 * @s: span of the object.
 * @object: the object.
 * @state: its state byte, which says that it is live.
 *
 * Return: false: nothing has changed, take the slow path.
 */
static __always_inline bool
gs_mcache_free(struct mspan *s, void *object, u8 *state)
{
	struct gs_slot *slot;
	unsigned int n;

	preempt_disable();
	slot = *this_cpu_ptr(s->slots);
	if (unlikely(!gs_slot_enter(slot)))
		goto none;
	n = slot->n;
	if (unlikely(n >= slot->cap))
		goto full;
	if (IS_ENABLED(CONFIG_NUMA) && unlikely(s->node != slot->node))
		goto full;
	*state = GS_CACHED;
	slot->entry[n] = (struct gs_entry){ object, state };
	slot->n = n + 1;
	gs_slot_leave(slot);
	preempt_enable();
	return true;

full:
	gs_slot_leave(slot);
none:
	preempt_enable();
	return false;
}

#endif /* GS_FRONT_MCACHE_H */
