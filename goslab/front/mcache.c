// SPDX-License-Identifier: GPL-2.0
/*
 * mcache: what each CPU holds: slots, made on first use, within a budget.
 *
 * Flow:       malloc, cache -> [mcache] -> refill -> mcentral
 * Owner:      one per possible CPU; a slot per class that the CPU has used.
 * Lock:       none. A slot is used only after it was entered (mcache.h): its CPU
 *             turns preemption off and sets busy. The list of slots and
 *             cap_bytes change on their CPU with interrupts off. Another CPU
 *             may do all this only for a CPU that is dead (struct gs_walk).
 * Lifetime:   gs_mcache_init() .. gs_mcache_exit(); slots of caches end with
 *             their cache (drain.c).
 * Context:    any but NMI.
 * Invariants: I6  no lock is taken while entered (gs_debug_lock()).
 *             C1  every entry of a magazine is in state GS_CACHED;
 *                 top <= limit <= entry + depth.
 *             C2  cap_bytes == sum of room * elemsize, at most the share of the CPU,
 *                 gs_max_parked, less what it lent and more what it borrowed.
 *             C3  owned == sum of the sizes of owned spans, at most gs_max_owned
 *                 and one span.
 *             C4  what CPUs lent, less what others borrowed, is @spare.
 *             (checked by gs_mcache_verify(), drain.c, on a quiet machine)
 * Tests:      kunit/mcache_kunit.c
 */
#include "front/mcache.h"

#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/kmemleak.h>
#include <linux/rculist.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "base/fixalloc.h"
#include "base/report.h"
#include "base/worker.h"
#include "front/sample.h"
#include "middle/stack.h"

/* Bytes of all CPUs together, and the least and the most that one has. */
#define PARKED_ALL	(24UL << 20)
#define PARKED_LEAST	(64UL << 10)
#define PARKED_MOST	(4UL << 20)
#define OWNED_ALL	(8UL << 20)
#define OWNED_LEAST	(64UL << 10)
#define OWNED_MOST	(1UL << 20)

/*
 * While the slots of a CPU have room for less than EASY bytes, a slot grows each time
 * that it was too small. After that, and if another one must give way, it grows one
 * time in SELDOM: what lies in magazines is not worth more memory.
 */
#define EASY		(192UL << 10)
#define SELDOM		32

/*
 * A slot with room for no more than CHEAP bytes grows each time, within the budget of the
 * CPU: a few KiB save it most of its locks.
 */
#define CHEAP		(4UL << 10)

unsigned long gs_max_parked;
bool gs_max_parked_set;
unsigned long gs_max_owned;
GS_EXPORT_KUNIT(gs_max_parked);
GS_EXPORT_KUNIT(gs_max_parked_set);
GS_EXPORT_KUNIT(gs_max_owned);

/* Bytes of the shares of idle CPUs that busy ones may have. */
static atomic_long_t spare = ATOMIC_LONG_INIT(0);

/* The slot of a CPU that has none yet. It is always busy: nobody enters it. */
struct gs_slot gs_no_slot __cacheline_aligned = {
	.busy = 1, .span = &gs_no_span, .top = gs_no_slot.entry,
	.limit = gs_no_slot.entry,
};
GS_EXPORT_KUNIT(gs_no_slot);

DEFINE_STATIC_KEY_FALSE(gs_node_key);
GS_EXPORT_KUNIT(gs_node_key);
DEFINE_PER_CPU(struct mcache, gs_mcache);
/* The slots of a class that is gone: &gs_no_slot on every CPU. */
DEFINE_PER_CPU(struct gs_slot *, gs_gone_slots);
GS_EXPORT_KUNIT(gs_mcache);

/* The state below the oldest entry of every magazine; not that of an object. */
static u8 bottom_state = GS_FREE;

#define SLOT_BYTES(depth)	(sizeof(struct gs_slot) + \
				 (depth) * sizeof(struct gs_entry))

/*
 * Sizes of slots: 3, 7, 15, 31 and 55 entries; 31, 21, 12, 7 and 4 to a chunk.
 * They are few because a chunk of metadata that serves only one class is mostly
 * unused.
 */
static const u16 slot_bytes[] = { 128, 192, 320, 576, 960 };
#define NR_SIZES	ARRAY_SIZE(slot_bytes)

static_assert(SLOT_BYTES(GS_DEPTH_MAX) == 960);
/* Half of a magazine is at most a batch. */
static_assert(GS_DEPTH_MAX <= 2 * GS_BATCH_MAX);

static struct fixalloc slot_allocs[NR_SIZES];
/* A free found no memory for a slot of this size: top_up() draws some. */
static bool slot_wanted[NR_SIZES];

static unsigned int size_of_slot(unsigned int depth)
{
	unsigned int i = 0;

	while (slot_bytes[i] < SLOT_BYTES(depth))
		i++;
	return i;
}

static struct fixalloc *slot_alloc(unsigned int depth)
{
	return &slot_allocs[size_of_slot(depth)];
}

void gs_mcache_init(void)
{
	unsigned int i;
	int cpu;

	if (nr_node_ids > 1)
		static_branch_enable(&gs_node_key);
	for (i = 0; i < NR_SIZES; i++)
		gs_fixalloc_init(&slot_allocs[i], slot_bytes[i],
				 offsetof(struct gs_slot, link), NULL);
	/*
	 * Not by an initialiser: until 6.12 the module loader leaves addresses
	 * in the per-CPU section unrelocated.
	 */
	for_each_possible_cpu(cpu) {
		struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);

		for (i = 0; i < GS_NR_SPC; i++)
			mcache->slot[i] = &gs_no_slot;
		for (i = 0; i < GS_STACK_ORDERS; i++)
			mcache->stack[i] = &gs_no_slot;
		INIT_LIST_HEAD(&mcache->slots);
		seqcount_init(&mcache->granting);
		per_cpu(gs_gone_slots, cpu) = &gs_no_slot;
	}
	for (i = 2; i < GS_NR_SPC; i++)
		gs_classes[i].slots = &gs_mcache.slot[i];
	for (i = 0; i < GS_STACK_ORDERS; i++)
		gs_stack_classes[i].slots = &gs_mcache.stack[i];
}

/* What each of @cpus CPUs may have of what all may have together. */
void gs_mcache_share(unsigned int cpus)
{
	if (!gs_max_parked_set)
		WRITE_ONCE(gs_max_parked, clamp(PARKED_ALL / cpus, PARKED_LEAST,
						PARKED_MOST));
	WRITE_ONCE(gs_max_owned, clamp(OWNED_ALL / cpus, OWNED_LEAST, OWNED_MOST));
}
GS_EXPORT_KUNIT(gs_mcache_share);

/* All slots are drained, and no client is left. */
void gs_mcache_exit(void)
{
	unsigned int i;

	for (i = 0; i < NR_SIZES; i++)
		gs_fixalloc_exit(&slot_allocs[i]);
}

/* Add bytes of slots. */
void gs_mcache_add_usage(size_t *in_use, size_t *drawn)
{
	unsigned int i;

	for (i = 0; i < NR_SIZES; i++)
		gs_fixalloc_add_usage(&slot_allocs[i], in_use, drawn);
}

/* Per-CPU pointers for the slots of @n classes. Return: 0 or -ENOMEM. */
int gs_mcache_init_slots(struct gs_class *c, unsigned int n)
{
	struct gs_slot *__percpu *slots;
	unsigned int i;
	int cpu;

	slots = __alloc_percpu(n * sizeof(*slots), sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	/* The class of a cache is metadata, where kmemleak does not look. */
	kmemleak_ignore_percpu(slots);
	for (i = 0; i < n; i++) {
		c[i].slots = slots + i;
		for_each_possible_cpu(cpu)
			*per_cpu_ptr(slots + i, cpu) = &gs_no_slot;
	}
	return 0;
}

/* The classes end: whoever asks for one of their slots gets &gs_no_slot. */
void gs_mcache_exit_slots(struct gs_class *c, unsigned int n)
{
	unsigned int i;

	if (c->slots != &gs_gone_slots)
		free_percpu(c->slots);
	for (i = 0; i < n; i++)
		c[i].slots = &gs_gone_slots;
}

/* These classes have no objects: whoever asks for one ends in the slow path. */
void gs_mcache_no_slots(struct gs_class *c, unsigned int n)
{
	while (n--)
		c[n].slots = &gs_gone_slots;
}

/*
 * @cap, limited to what one slot may have: half of the budget, so that others get
 * some, too. If @cap objects do not fit that, one object, or none.
 */
static unsigned int fair_cap(const struct gs_class *c, unsigned int cap)
{
	size_t most = READ_ONCE(gs_max_parked) / 2;

	return (size_t)cap * c->elemsize <= most ? cap : c->elemsize <= most;
}

/* The room that a slot starts with: about a KiB, but at least two objects. */
static unsigned int first_cap(const struct gs_class *c)
{
	return fair_cap(c, clamp_t(unsigned int, 1024 / c->elemsize, 2, 8));
}

/* The room that a slot gets when @room was too little. */
static unsigned int next_cap(const struct gs_class *c, unsigned int room)
{
	return fair_cap(c, min_t(unsigned int, max(2 * room, 2U), c->depth));
}

static void set_cap(struct mcache *mcache, struct gs_slot *slot,
		    unsigned int cap)
{
	mcache->cap_bytes += ((long)cap - gs_slot_cap(slot)) *
			     slot->class->elemsize;
	WRITE_ONCE(slot->limit, slot->entry + cap);
}

/* Bytes that @mcache may park now. */
static size_t allowance(const struct mcache *mcache)
{
	long share = READ_ONCE(gs_max_parked);

	/* A value that the user has set is exact. */
	if (gs_max_parked_set)
		return share;
	return max(0L, share - atomic_long_read(&mcache->lent));
}

/*
 * May the slots of this CPU have room for @bytes more? What its share has not, it takes
 * from those of idle CPUs. Interrupts are off. (TCMalloc: CpuCache steals capacity from
 * the CPUs that miss least.)
 */
static bool may_have(struct mcache *mcache, size_t bytes)
{
	size_t want = mcache->cap_bytes + bytes, now = allowance(mcache);
	long have = atomic_long_read(&spare), more = want - now;

	if (want <= now)
		return true;
	if (have < more || gs_max_parked_set || want > PARKED_MOST ||
	    !atomic_long_try_cmpxchg(&spare, &have, have - more))
		return false;
	atomic_long_sub(more, &mcache->lent);
	return true;
}

/*
 * A CPU that parks little lends half of its share, and what one has borrowed and does
 * not use goes back. @mcache may be that of another CPU.
 */
static void settle(struct mcache *mcache)
{
	long lent = atomic_long_read(&mcache->lent), cap = READ_ONCE(mcache->cap_bytes);
	long share = READ_ONCE(gs_max_parked), after = lent;

	if (lent < 0)
		after = min(0L, share - max(cap, share / 2));
	else if (cap <= share / 4)
		after = max(lent, share / 2);
	after = max(after, lent);
	preempt_disable();
	if (after > lent && atomic_long_try_cmpxchg(&mcache->lent, &lent, after))
		atomic_long_add(after - lent, &spare);
	preempt_enable();
}

/**
 * gs_mcache_settle() - let busy CPUs have what idle ones do not use.
 *
 * Wakes no CPU. Each looks at a few words of every mcache.
 *
 * Context: any.
 */
void gs_mcache_settle(void)
{
	int cpu;

	if (gs_max_parked_set || num_online_cpus() == 1)
		return;
	for_each_online_cpu(cpu)
		settle(per_cpu_ptr(&gs_mcache, cpu));
}
GS_EXPORT_KUNIT(gs_mcache_settle);

/*
 * @cpu is dead and has no share. If others have borrowed some of it, there is less than
 * nothing to be had until they give it back.
 */
void gs_mcache_unlend(int cpu)
{
	atomic_long_sub(atomic_long_xchg(&per_cpu_ptr(&gs_mcache, cpu)->lent, 0), &spare);
}
GS_EXPORT_KUNIT(gs_mcache_unlend);

static long spare_less_lent(void)
{
	long sum = atomic_long_read(&spare);
	int cpu;

	for_each_possible_cpu(cpu)
		sum -= atomic_long_read(&per_cpu_ptr(&gs_mcache, cpu)->lent);
	return sum;
}

/*
 * C4, for gs_verify(): 0 if it holds. A CPU may lend or borrow between two reads, so what
 * is wrong must stay wrong. Sleeps.
 */
long gs_mcache_shares(void)
{
	long sum = spare_less_lent();
	int tries;

	for (tries = 0; sum && tries < 10; tries++) {
		msleep(1);
		sum = spare_less_lent();
	}
	return sum;
}
GS_EXPORT_KUNIT(gs_mcache_shares);

/*
 * Draw memory for the slots that frees could not make. It is not left to the tick:
 * until then each of these frees takes a central lock.
 */
static void top_up(struct work_struct *unused)
{
	unsigned int i;
	void *p;

	for (i = 0; i < NR_SIZES; i++) {
		if (!READ_ONCE(slot_wanted[i]))
			continue;
		WRITE_ONCE(slot_wanted[i], false);
		p = gs_fixalloc_alloc(&slot_allocs[i], GFP_KERNEL);
		if (p)
			gs_fixalloc_free(&slot_allocs[i], p);
	}
}
static DECLARE_WORK(top_up_work, top_up);

static struct gs_slot *alloc_slot(unsigned int depth, gfp_t gfp)
{
	struct gs_slot *slot;

	if (gfp)
		return gs_fixalloc_alloc(slot_alloc(depth), gfp);
	slot = gs_fixalloc_alloc_free(slot_alloc(depth));
	if (!slot) {
		WRITE_ONCE(slot_wanted[size_of_slot(depth)], true);
		gs_worker_try_queue(&top_up_work);
	}
	return slot;
}

/**
 * gs_mcache_make_slot() - give this CPU a slot of a class.
 * @c: the class.
 * @gfp: for metadata. 0 in a free, which must not draw pages: if no memory lies
 *       ready, a work draws some for a later free.
 *
 * Context: as @gfp says.
 * Return: a slot of the CPU that it ran on, or NULL without memory.
 */
struct gs_slot *gs_mcache_make_slot(struct gs_class *c, gfp_t gfp)
{
	struct gs_slot *slot = alloc_slot(c->depth, gfp);
	struct mcache *mcache;
	struct gs_slot **where;
	unsigned long flags;

	if (!slot)
		return NULL;
	memset(slot, 0, sizeof(*slot));
	slot->class = c;
	slot->span = &gs_no_span;
	slot->top = slot->entry;
	slot->limit = slot->entry;
	slot->bottom = &bottom_state;

	local_irq_save(flags);
	mcache = this_cpu_ptr(&gs_mcache);
	where = this_cpu_ptr(c->slots);
	slot->node = numa_mem_id();
	if (*where == &gs_no_slot) {
		unsigned int cap = first_cap(c);

		gs_sample_start(mcache, slot);
		if (may_have(mcache, cap * c->elemsize))
			set_cap(mcache, slot, cap);
		/* Readers of statistics walk the list from other CPUs. */
		list_add_tail_rcu(&slot->link, &mcache->slots);
		WRITE_ONCE(*where, slot);
		slot = NULL;
	}
	local_irq_restore(flags);
	if (slot)
		gs_fixalloc_free(slot_alloc(c->depth), slot);
	return *where;
}

/* The link among the ended slots of a class. Their magazines are empty. */
static struct llist_node *gone_link(struct gs_slot *slot)
{
	return (struct llist_node *)slot->entry;
}

/*
 * End the slot that @cpu has of @c, if any. It is empty, and the class is not in
 * use. Runs on that CPU, or it is dead; under its drain lock. Readers of the
 * list may still look at the slot, so gs_mcache_free_slots() has to wait for a
 * grace period.
 */
void gs_mcache_unmake_slot(struct gs_class *c, int cpu)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot **where = per_cpu_ptr(c->slots, cpu);
	struct gs_slot *slot = *where;
	unsigned long flags;

	if (slot == &gs_no_slot)
		return;
	local_irq_save(flags);
	WRITE_ONCE(*where, &gs_no_slot);
	set_cap(mcache, slot, 0);
	if (mcache->hand == slot)
		mcache->hand = NULL;
	list_del_rcu(&slot->link);
	local_irq_restore(flags);
	/* What it counted stays counted. */
	atomic64_add((s64)slot->granted - slot->left, &c->nr_past);
	llist_add(gone_link(slot), &c->gone_slots);
}

/* Objects that the slots of a CPU have handed out. */
s64 gs_mcache_nr_alloc(int cpu)
{
	const struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	unsigned int seq;
	s64 n;

	rcu_read_lock();
	do {
		seq = read_seqcount_begin(&mcache->granting);
		n = mcache->nr_wrapped;
		list_for_each_entry_rcu(slot, &mcache->slots, link)
			n += (s64)READ_ONCE(slot->granted) - READ_ONCE(slot->left);
	} while (read_seqcount_retry(&mcache->granting, seq));
	rcu_read_unlock();
	return n;
}
GS_EXPORT_KUNIT(gs_mcache_nr_alloc);

/**
 * gs_mcache_add_allocs() - the same by class.
 * @cpu: the CPU.
 * @of: what each slot has handed out is added at the index of its class. It is less
 *      than that by a multiple of 2^32, which class->nr_past has.
 *
 * Context: under gs_class_mutex, after a survey has numbered the classes.
 */
void gs_mcache_add_allocs(int cpu, s64 *of)
{
	const struct mcache *mcache = per_cpu_ptr(&gs_mcache, cpu);
	struct gs_slot *slot;
	unsigned int seq;
	s64 n;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link) {
		do {
			seq = read_seqcount_begin(&mcache->granting);
			n = (s64)READ_ONCE(slot->granted) - READ_ONCE(slot->left);
		} while (read_seqcount_retry(&mcache->granting, seq));
		of[slot->class->scan] += n;
	}
	rcu_read_unlock();
}

/* Free the slots that were ended; no reader can look at them any more. */
void gs_mcache_free_slots(struct gs_class *c)
{
	struct llist_node *link = llist_del_all(&c->gone_slots);

	while (link) {
		struct gs_slot *slot = container_of((void *)link, struct gs_slot,
						    entry);

		link = link->next;
		gs_fixalloc_free(slot_alloc(c->depth), slot);
	}
}

/* A slot of the walk's CPU, if it is empty, gives its room back to the budget. */
void gs_mcache_drop_cap(struct gs_slot *slot, struct gs_walk walk)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, walk.cpu);
	unsigned long flags;

	local_irq_save(flags);
	/* Entered, because an NMI may free into it. */
	if (gs_walk_enter(walk, slot)) {
		if (!gs_slot_n(slot))
			set_cap(mcache, slot, 0);
		gs_walk_leave(slot);
	}
	local_irq_restore(flags);
}
GS_EXPORT_KUNIT(gs_mcache_drop_cap);

/* The slot after @slot on this CPU's list, which is never empty here. */
static struct gs_slot *next_slot(struct mcache *mcache, struct gs_slot *slot)
{
	if (!slot || list_is_last(&slot->link, &mcache->slots))
		return list_first_entry(&mcache->slots, struct gs_slot, link);
	return list_next_entry(slot, link);
}

/*
 * Find a slot that has room but was not allocated from since the search last
 * passed it: a clock with a second chance, some slots at each call. Interrupts
 * are off.
 */
static struct gs_slot *find_victim(struct mcache *mcache,
				   const struct gs_slot *for_slot)
{
	struct gs_slot *slot = mcache->hand, *victim = NULL;
	unsigned int look;

	for (look = 0; look < 4 && !victim; look++) {
		u16 now;

		slot = next_slot(mcache, slot);
		now = gs_slot_count(slot);
		if (slot != for_slot && gs_slot_cap(slot) && !slot->busy &&
		    slot->clock == now)
			victim = slot;
		slot->clock = now;
	}
	mcache->hand = slot;
	return victim;
}

/*
 * Take a batch of the victim's objects, and its room. Interrupts are off, but it
 * enters the slot, because an NMI may come.
 */
static unsigned int evict(struct mcache *mcache, struct gs_slot *victim,
			  struct gs_entry *e)
{
	unsigned int n;

	if (!gs_slot_enter(victim))
		return 0;
	n = gs_slot_take(victim, e, GS_BATCH_MAX);
	set_cap(mcache, victim, gs_slot_n(victim));
	gs_slot_leave(victim);
	return n;
}

/*
 * True one time in SELDOM, by chance: a count would have a rhythm, and a slot that
 * asks in the same rhythm would always be refused.
 */
static bool by_chance(struct mcache *mcache)
{
	return gs_mcache_random(mcache) < U32_MAX / SELDOM;
}

/*
 * Is it worth a try? A look without locks: this may move from one CPU to another
 * between the two reads.
 */
static bool may_grow(const struct gs_class *c)
{
	struct mcache *mcache = raw_cpu_ptr(&gs_mcache);
	const struct gs_slot *slot = *raw_cpu_ptr(c->slots);
	unsigned int room = gs_slot_cap(slot);
	size_t bytes = room * c->elemsize, most = READ_ONCE(gs_max_parked);

	if (room >= c->depth || next_cap(c, room) <= room)
		return false;
	if (bytes > CHEAP)
		most = min(most, EASY);
	/* If a slot must give way, the clock needs time between its looks. */
	return !room || READ_ONCE(mcache->cap_bytes) + bytes <= most ||
	       by_chance(mcache);
}

static bool can_grow(const struct gs_class *c, const struct gs_slot *slot)
{
	return slot != &gs_no_slot && next_cap(c, gs_slot_cap(slot)) > gs_slot_cap(slot);
}

/* A slot that can grow does, if the CPU may have the room for it. Interrupts are off. */
static bool grow(struct mcache *mcache, struct gs_slot *slot)
{
	const struct gs_class *c = slot->class;
	unsigned int room = gs_slot_cap(slot), cap = next_cap(c, room);

	if (!may_have(mcache, (cap - room) * c->elemsize))
		return false;
	set_cap(mcache, slot, cap);
	return true;
}

/* Not inline, because most calls do not need a batch on the stack. */
static noinline void grow_cap(struct gs_class *c)
{
	struct gs_slot *slot, *victim = NULL;
	struct gs_class *from = NULL;
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct mcache *mcache;
	unsigned long flags;
	unsigned int n = 0;

	rcu_read_lock();
	local_irq_save(flags);
	mcache = this_cpu_ptr(&gs_mcache);
	slot = *this_cpu_ptr(c->slots);
	if (can_grow(c, slot) && !grow(mcache, slot))
		victim = find_victim(mcache, slot);
	if (victim) {
		from = victim->class;
		n = evict(mcache, victim, e);
		grow(mcache, slot);
	}
	local_irq_restore(flags);
	if (n)
		gs_mcentral_put(from, e, n);
	rcu_read_unlock();
}

/**
 * gs_mcache_grow_cap() - the magazine was too small: double its room.
 * @c: the class; its slot on this CPU grows.
 *
 * The room stays within depth, half of the CPU's budget, and what is left of the
 * budget and of those of idle CPUs. When that is used up, a slot that is not in use gives its room. The
 * objects of that slot go to their spans within an RCU read section, which
 * gs_drain_classes() waits for, so that their class does not end meanwhile.
 *
 * Context: any but NMI; no lock held, not entered.
 */
void gs_mcache_grow_cap(struct gs_class *c)
{
	if (may_grow(c))
		grow_cap(c);
}
GS_EXPORT_KUNIT(gs_mcache_grow_cap);

/**
 * gs_mcache_widen() - more room for a magazine, if it costs no other slot anything.
 * @c: the class; its slot on this CPU grows.
 *
 * Within the same bounds as gs_mcache_grow_cap(), and however often it is asked.
 *
 * Context: any but NMI; not entered.
 * Return: whether there is more room now.
 */
bool gs_mcache_widen(struct gs_class *c)
{
	struct gs_slot *slot;
	unsigned long flags;
	bool done;

	local_irq_save(flags);
	slot = *this_cpu_ptr(c->slots);
	done = can_grow(c, slot) && grow(this_cpu_ptr(&gs_mcache), slot);
	local_irq_restore(flags);
	return done;
}
