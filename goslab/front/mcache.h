/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_MCACHE_H
#define GS_FRONT_MCACHE_H

#include <linux/jump_label.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/seqlock.h>
#include <linux/string.h>

#include "back/mspan.h"
#include "base/busy.h"
#include "base/debug.h"
#include "middle/class.h"

/**
 * struct gs_slot - what one CPU holds of one span class.
 * @busy: the slot is entered. Its CPU sets and clears it with preemption off; an
 *        interrupt that finds it set goes to mcentral.
 * @seen_n: objects in @entry when the drain last looked.
 * @node: memory node of the CPU.
 * @clock: low bits of its count when the search for room last passed the slot.
 * @seen: low bits of its count when the drain last looked.
 * @top: past the youngest object in @entry.
 * @limit: where the room of @entry ends now. It follows use, within class->depth
 *         and the CPU's budget.
 * @span: the span that this CPU owns, or gs_no_span.
 * @left: objects that the slot hands out before the next sample; the only counter
 *        of the hot path. Below 0 if objects were handed out that are no samples
 *        (nolock), or several at once.
 * @granted: sum of what @left was ever raised by, modulo 2^32: less @left it is what
 *           the slot has handed out.
 * @class: the class.
 * @link: among the slots of this CPU, which changes it with interrupts off;
 *        others only read it.
 * @nr_refill: times that the magazine was filled.
 * @nr_flush: times that half of it was given up.
 * @bottom: stands for the state of an entry below the oldest one: a byte that is
 *          never GS_CACHED. So a pop of an empty magazine finds a wrong state.
 * @entry: the magazine.
 *
 * An allocation or a free touches only the first line and one entry.
 */
struct gs_slot {
	u8 busy;
	u8 seen_n;
	u16 node;
	u16 clock;
	u16 seen;
	struct gs_entry *top;
	struct gs_entry *limit;
	struct mspan *span;
	s32 left;
	u32 granted;
	struct gs_class *class;
	struct list_head link;
	u32 nr_refill;
	u32 nr_flush;
	u8 *bottom;
	struct gs_entry entry[];
};

static_assert(offsetof(struct gs_slot, link) < 64);
static_assert(offsetof(struct gs_slot, bottom) ==
	      offsetof(struct gs_slot, entry) - sizeof(struct gs_entry) +
	      offsetof(struct gs_entry, state));

/**
 * struct gs_tiny_open - the block that tiny objects are cut from.
 * @block: its address, or NULL.
 * @mask: its mask (front/tiny.c).
 * @offset: first byte not given out.
 * @owner: number of the module that all its objects belong to.
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
 * @stack: likewise of page stacks, by order.
 * @tiny: the open block; guarded by the busy flag of the tiny slot.
 * @slots: all slots of this CPU, of malloc and of caches.
 * @hand: the slot that the search for room looked at last, or NULL.
 * @owned: bytes of the spans that this CPU owns. Its CPU changes it, or a drain of
 *         a dead one; atomic because an interrupt may come in between.
 * @cap_bytes: sum of room * elemsize of all slots: what may be parked at most.
 * @lent: bytes of its share that other CPUs may have; below 0 what it has of theirs.
 * @rnd: state of the generator of gs_mcache_random().
 * @granting: a slot gets more to hand out, interrupts off.
 * @nr_wrapped: what the modulo of its slots' counts has lost.
 */
struct mcache {
	struct gs_slot *slot[GS_NR_SPC];
	struct gs_slot *stack[GS_STACK_ORDERS];
	struct gs_tiny_open tiny;
	struct list_head slots;
	struct gs_slot *hand;
	atomic_long_t owned;
	size_t cap_bytes;
	atomic_long_t lent;
	u32 rnd;
	seqcount_t granting;
	u64 nr_wrapped;
};

DECLARE_PER_CPU(struct mcache, gs_mcache);
DECLARE_PER_CPU(struct gs_slot *, gs_gone_slots);
extern struct gs_slot gs_no_slot;

/* May objects be of another node than the CPU's? */
DECLARE_STATIC_KEY_FALSE(gs_node_key);
static __always_inline bool gs_many_nodes(void)
{
	return IS_ENABLED(CONFIG_NUMA) && static_branch_unlikely(&gs_node_key);
}

/* Most bytes that one CPU may park; module parameter max_parked if that was set. */
extern unsigned long gs_max_parked;
extern bool gs_max_parked_set;
/* A CPU that owns spans of so many bytes owns no more. */
extern unsigned long gs_max_owned;

void gs_mcache_init(void);
void gs_mcache_exit(void);
void gs_mcache_share(unsigned int cpus);
struct gs_slot *gs_mcache_make_slot(struct gs_class *c, gfp_t gfp);
void gs_mcache_unmake_slot(struct gs_class *c, int cpu);
void gs_mcache_free_slots(struct gs_class *c);
void gs_mcache_grow_cap(struct gs_class *c);
bool gs_mcache_widen(struct gs_class *c);
void gs_mcache_add_usage(size_t *in_use, size_t *drawn);
s64 gs_mcache_nr_alloc(int cpu);
void gs_mcache_add_allocs(int cpu, s64 *of);
int gs_mcache_init_slots(struct gs_class *c, unsigned int n);
void gs_mcache_exit_slots(struct gs_class *c, unsigned int n);
void gs_mcache_settle(void);
void gs_mcache_unlend(int cpu);
long gs_mcache_shares(void);
void gs_mcache_no_slots(struct gs_class *c, unsigned int n);

/**
 * struct gs_call - who asks for objects, and for what: for samples.
 * @site: the call of goslab.
 * @bytes: of each object, as the caller said.
 */
struct gs_call {
	unsigned long site;
	size_t bytes;
};

/**
 * struct gs_more - the objects that a bulk call wants besides the first.
 * @p: filled with objects.
 * @n: in: how many are wanted, less than GS_BATCH_MAX; out: how many there are.
 */
struct gs_more {
	void **p;
	unsigned int n;
};

/* front/refill.c */
void *gs_mcache_alloc_more(struct gs_class *c, int node, gfp_t gfp, u8 owner,
			   const struct gs_call *call, bool *zeroed, struct gs_more *more);
void gs_mcache_free_slow(struct mspan *s, void *object, u8 *state);
void gs_mcache_make_room(struct gs_class *c);

/* front/home.c */
void gs_home_send(struct gs_class *c);
void gs_home_visit(struct gs_class *c);

/* front/sample.c */
void *gs_sample_alloc(struct gs_class *c, int node, gfp_t gfp, u8 owner,
		      const struct gs_call *call);

/* One object, or NULL; see gs_mcache_alloc_more(). */
static inline void *gs_mcache_alloc_slow(struct gs_class *c, int node,
					 gfp_t gfp, u8 owner,
					 const struct gs_call *call, bool *zeroed)
{
	const struct gs_slot *slot = raw_cpu_read(*c->slots);
	void *p = NULL;

	/* A look: this may move to another CPU at any time. */
	if (READ_ONCE(slot->left) <= 0)
		p = gs_sample_alloc(c, node, gfp, owner, call);
	return p ?: gs_mcache_alloc_more(c, node, gfp, owner, call, zeroed, NULL);
}

/*
 * Enter this CPU's slot: set busy. The caller has turned preemption off. False if
 * this is an interrupt that came while the slot was entered, or if there is no
 * slot, because gs_no_slot is always busy.
 */
static __always_inline bool gs_slot_enter(struct gs_slot *slot)
{
	return gs_busy_enter(&slot->busy);
}

static __always_inline void gs_slot_leave(struct gs_slot *slot)
{
	gs_hook(GS_HOOK_ENTERED, slot);
	gs_busy_leave(&slot->busy);
}

/* As gs_busy_enter_of() for a slot of the walk's CPU. */
static inline bool gs_walk_enter(struct gs_walk walk, struct gs_slot *slot)
{
	return gs_busy_enter_of(walk, &slot->busy);
}

static inline void gs_walk_leave(struct gs_slot *slot)
{
	gs_slot_leave(slot);
	preempt_enable();
}

/*
 * The slot, which is entered, gives up the span that @mcache's CPU owns through
 * it. Return: the span, or &gs_no_span.
 */
static inline struct mspan *gs_slot_disown(struct mcache *mcache,
					   struct gs_slot *slot)
{
	struct mspan *s = slot->span;

	slot->span = &gs_no_span;
	atomic_long_sub(gs_span_size(s), &mcache->owned);
	return s;
}

void gs_mcache_drop_cap(struct gs_slot *slot, struct gs_walk walk);

/*
 * Low bits of what the slot has handed out. Not @left alone: with a sample at each
 * object it always has the same.
 */
static inline u16 gs_slot_count(const struct gs_slot *slot)
{
	return READ_ONCE(slot->granted) - READ_ONCE(slot->left);
}

/* The slot that @cpu has of @c, or &gs_no_slot. */
static inline struct gs_slot *gs_slot_of(const struct gs_class *c, int cpu)
{
	return c->slots ? READ_ONCE(*per_cpu_ptr(c->slots, cpu)) : &gs_no_slot;
}

/* A number by chance; its upper bits are the better ones. An interrupt may draw the same. */
static inline u32 gs_mcache_random(struct mcache *mcache)
{
	u32 rnd = READ_ONCE(mcache->rnd) * 1664525 + 1013904223;

	WRITE_ONCE(mcache->rnd, rnd);
	return rnd;
}

/* Objects in the magazine. */
static inline unsigned int gs_slot_n(const struct gs_slot *slot)
{
	return READ_ONCE(slot->top) - slot->entry;
}

/*
 * Take the youngest objects out of the magazine, at most @most and at most a
 * batch. Entered. Return: how many.
 */
static inline unsigned int gs_slot_take(struct gs_slot *slot, struct gs_entry *e,
					unsigned int most)
{
	unsigned int n = min3(gs_slot_n(slot), most, GS_BATCH_MAX + 0U);

	slot->top -= n;
	memcpy(e, slot->top, n * sizeof(*e));
	return n;
}

/* Objects that the magazine may hold now. */
static inline unsigned int gs_slot_cap(const struct gs_slot *slot)
{
	return READ_ONCE(slot->limit) - slot->entry;
}

/**
 * gs_mcache_pop() - the fast path of every allocation: pop the magazine.
 * @slots: of the class.
 * @node: node that the CPU must be on, or NUMA_NO_NODE.
 * @owner: number that the object's state is set to.
 * @sampled: the slow path is to have the object that is a sample. A constant.
 * @object: set to the object.
 *
 * No lock, no atomic, no call. The state below the oldest entry is never
 * GS_CACHED (see @bottom), so the test of the state finds an empty magazine, too.
 *
 * Return: false if nothing has changed. The caller takes the slow path, which
 * also reports an object whose state is not GS_CACHED.
 */
static __always_inline bool
gs_mcache_pop(struct gs_slot *__percpu *slots, int node, u8 owner, bool sampled,
	      void **object)
{
	struct gs_slot *slot;
	struct gs_entry *e;
	u8 *state;

	preempt_disable();
	slot = raw_cpu_read(*slots);
	if (node != NUMA_NO_NODE && slot->node != node)
		goto none;
	if (unlikely(!gs_slot_enter(slot)))
		goto none;
	/* First, for few registers are in use, and by the sign, which is a flag. */
	if (unlikely(--slot->left < 0) && sampled)
		goto undo;
	e = slot->top - 1;
	state = e->state;
	if (unlikely(*state != GS_CACHED))
		goto undo;
	*object = e->object;
	slot->top = e;
	*state = owner;
	gs_slot_leave(slot);
	preempt_enable();
	return true;

undo:
	/* From memory: no register is kept for it. */
	barrier();
	slot->left++;
	gs_slot_leave(slot);
none:
	preempt_enable();
	return false;
}

static __always_inline bool
gs_mcache_alloc(struct gs_slot *__percpu *slots, int node, u8 owner,
		void **object)
{
	return gs_mcache_pop(slots, node, owner, true, object);
}

/**
 * gs_mcache_free_here() - the fast path of every free: push on the magazine.
 * @s: span of the object.
 * @object: the object.
 * @state: its state byte, which says that it is live.
 *
 * Preemption is off, since before the span was looked up (gs_arena_look()), and on
 * again afterwards.
 *
 * Return: false if nothing has changed. The caller takes the slow path.
 */
static __always_inline bool
gs_mcache_free_here(struct mspan *s, void *object, u8 *state)
{
	struct gs_slot *slot;
	struct gs_entry *e;

	slot = raw_cpu_read(*s->slots);
	if (unlikely(!gs_slot_enter(slot)))
		goto none;
	e = slot->top;
	if (unlikely(e >= slot->limit))
		goto full;
	if (gs_many_nodes() && unlikely(s->node != slot->node))
		goto full;
	*state = GS_CACHED;
	e->object = object;
	e->state = state;
	slot->top = e + 1;
	gs_slot_leave(slot);
	preempt_enable();
	return true;

full:
	gs_slot_leave(slot);
none:
	preempt_enable();
	return false;
}

/* The same with preemption on: the object is known to be live. */
static __always_inline bool
gs_mcache_free(struct mspan *s, void *object, u8 *state)
{
	preempt_disable();
	return gs_mcache_free_here(s, object, state);
}

#endif /* GS_FRONT_MCACHE_H */
