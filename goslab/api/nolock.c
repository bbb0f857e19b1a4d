// SPDX-License-Identifier: GPL-2.0
/*
 * nolock: allocate and free in any context, NMI too: try, never wait.
 *
 * Alloc:  the fast path (front/mcache.h) and nothing else, which takes no sample. It only turns
 *         preemption off and sets a busy flag, so an interrupt or NMI, however
 *         deep, finds the slot either whole or busy. If the slot gives nothing,
 *         an irq_work starts a work on this CPU that refills it in task context.
 * Free:   the fast path. If that fails, the state becomes GS_DEFERRED, and the
 *         object's address is noted on the CPU for the work. If so many are noted
 *         already that there is no place, a bit for the page is set, and the work
 *         looks for objects in that state. Nothing is linked and no byte of the
 *         object is written. So objects with a ctor, objects that are read under
 *         RCU and large ones are freed in the same way.
 * Lock:   none in the calls. flush_mutex, sleeping, a leaf: one flush at a time.
 * Lifetime: from gs_nolock_init() to gs_nolock_flush() at unload, when no client
 *         is left.
 * Context: any; the work: task.
 * Invariants: if an object is GS_DEFERRED, it is noted, or the bit of its page is
 *         set, or a work has taken the note or the bit and still comes to it.
 *         A bit may be set for nothing, and its page may belong to another span
 *         by the time a work looks: only states count.
 * Tests:  kunit/nolock_kunit.c, kunit/contexts/main.c
 */
#include <linux/bitmap.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/irq_work.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sizeclass.h"
#include "base/worker.h"
#include "front/guard.h"
#include "front/hooks.h"
#include "front/mcache.h"
#include "front/tiny.h"

#define GFP_TAKEN	(__GFP_ZERO | __GFP_ACCOUNT)

/* Objects that a refill is for. */
#define REFILL		8

/* Objects that a CPU notes. An NMI may have to look at all places. */
#define NOTED		16

enum note {
	NOTE_FREE,
	NOTE_WRITING,
	NOTE_FULL,
};

/**
 * struct nolock - what calls on one CPU could not do.
 * @irq: starts @work; hard, so that it runs on a CPU that is going, too.
 * @work: does it.
 * @cpu: that CPU.
 * @wanted: span classes whose slot had nothing.
 * @note: enum note: of @name.
 * @name: of a module that has no number yet.
 * @objects: deferred ones. A free puts one in the place of NULL, the work takes it.
 */
struct nolock {
	struct irq_work irq;
	struct work_struct work;
	int cpu;
	DECLARE_BITMAP(wanted, GS_NR_SPC);
	int note;
	char name[MODULE_NAME_LEN];
	void *objects[NOTED];
};

static DEFINE_PER_CPU(struct nolock, nolocks);

/* One bit for each page that shares its number modulo this. */
#define NR_BITS		8192
static DECLARE_BITMAP(deferred, NR_BITS);

static DEFINE_MUTEX(flush_mutex);

/* Have the work of this CPU run. Preemption is off. */
static void ask(struct nolock *n)
{
	gs_hook(GS_HOOK_NOLOCK_ASK, NULL);
	irq_work_queue(&n->irq);
}

/* The number of @owner. If it has none yet: note its name and return 0. */
static u8 owner_id(struct goslab_owner *owner)
{
	u8 id = gs_owner_find(owner);
	struct nolock *n;

	if (likely(id))
		return id;
	preempt_disable();
	n = this_cpu_ptr(&nolocks);
	if (cmpxchg(&n->note, NOTE_FREE, NOTE_WRITING) == NOTE_FREE) {
		strscpy(n->name, owner->name, sizeof(n->name));
		/* Pairs with register_noted(). */
		smp_store_release(&n->note, NOTE_FULL);
	}
	ask(n);
	preempt_enable();
	return 0;
}

static void register_noted(struct nolock *n)
{
	struct goslab_owner owner = { .name = n->name };

	/* Pairs with owner_id(). */
	if (smp_load_acquire(&n->note) != NOTE_FULL)
		return;
	gs_owner_register(&owner);
	smp_store_release(&n->note, NOTE_FREE);
}

/* Was that the slot's last object? A guess: the slot is not entered. */
static bool runs_low(const struct gs_slot *slot)
{
	return !gs_slot_n(slot);
}

/* Have this CPU's slot refilled if it is empty now. */
static void look_ahead(unsigned int spc, bool failed)
{
	struct nolock *n;

	preempt_disable();
	n = this_cpu_ptr(&nolocks);
	if ((failed || runs_low(*this_cpu_ptr(gs_classes[spc].slots))) &&
	    !test_and_set_bit(spc, n->wanted))
		ask(n);
	preempt_enable();
}

/* Allocate a few objects from anywhere and free them into this CPU's slot. */
static void refill(struct gs_class *c)
{
	const struct gs_call call = { _THIS_IP_ };
	void *p[REFILL];
	unsigned int n;
	bool zeroed;

	for (n = 0; n < REFILL; n++) {
		if (gs_mcache_alloc(c->slots, NUMA_NO_NODE, GS_PENDING, &p[n]))
			continue;
		p[n] = gs_mcache_alloc_slow(c, NUMA_NO_NODE,
					    GFP_NOWAIT | __GFP_NOWARN,
					    GS_PENDING, &call, &zeroed);
		if (!p[n])
			break;
	}
	while (n--) {
		struct mspan *s = gs_arena_of(p[n]);

		gs_put_object(s, p[n], &s->objects[gs_span_index(s, p[n])]);
	}
}

/* Take object @i of @s if it is deferred. Once it is claimed, its span stays. */
static bool claim_deferred(struct mspan *s, unsigned int i)
{
	u8 was = GS_DEFERRED;

	return READ_ONCE(s->objects[i]) == was &&
	       try_cmpxchg(&s->objects[i], &was, GS_PENDING);
}

/* The first deferred object of @s from @i on, claimed, or -1; in an RCU section. */
static long next_deferred(struct mspan *s, unsigned int i)
{
	unsigned int nelems;

	if (!gs_span_in_use(s))
		return -1;
	/*
	 * The span may go meanwhile and its descriptor be used for another one,
	 * which never has less room.
	 */
	nelems = min(READ_ONCE(s->nelems), s->cap);
	for (; i < nelems; i++)
		if (claim_deferred(s, i))
			return i;
	return -1;
}

/* Free all deferred objects of the span that the page at @p belongs to. */
static void free_deferred_of(const void *p)
{
	struct mspan *s;
	long i = -1;

	do {
		rcu_read_lock();
		s = gs_arena_look(p);
		i = next_deferred(s, i + 1);
		rcu_read_unlock();
		if (i >= 0)
			gs_free_pending(s, i, _THIS_IP_);
	} while (i >= 0);
}

/*
 * Free the object at @p if it is still deferred: a look by bits may have come before,
 * and then anything may be at @p.
 */
static void free_deferred_at(void *p)
{
	struct mspan *s;
	bool claimed;
	int i;

	rcu_read_lock();
	s = gs_arena_look(p);
	i = gs_span_in_use(s) ? gs_span_index_within(s, p) : -1;
	/* As in next_deferred(). */
	claimed = i >= 0 && i < s->cap && claim_deferred(s, i);
	rcu_read_unlock();
	if (claimed)
		gs_free_pending(s, i, _THIS_IP_);
}

/* Only the work of the CPU takes notes. */
static void free_noted(struct nolock *n)
{
	unsigned int place;

	for (place = 0; place < NOTED; place++)
		/* Ordered before the look at the state. */
		if (READ_ONCE(n->objects[place]))
			free_deferred_at(xchg(&n->objects[place], NULL));
}

/* The same for all spans whose pages have this bit. */
static void free_deferred_with(unsigned long bit)
{
	const unsigned long each = NR_BITS / GS_ARENA_PAGES;
	unsigned long first = bit / GS_ARENA_PAGES, i = first;

	while (gs_radix_next(&gs_radix, &i)) {
		if (i % each == first)
			free_deferred_of((void *)gs_arena_base(i) +
					 bit % GS_ARENA_PAGES * GS_PAGE_SIZE);
		i = first + ALIGN(i + 1 - first, each);
	}
}

static void free_deferred(void)
{
	unsigned long bit;

	for_each_set_bit(bit, deferred, NR_BITS) {
		/* Ordered before the looks at states. */
		if (!test_and_clear_bit(bit, deferred))
			continue;
		free_deferred_with(bit);
		cond_resched();
	}
}

static void serve(struct work_struct *work)
{
	struct nolock *n = container_of(work, struct nolock, work);
	unsigned long spc;

	register_noted(n);
	for_each_set_bit(spc, n->wanted, GS_NR_SPC) {
		clear_bit(spc, n->wanted);
		refill(&gs_classes[spc]);
	}
	free_noted(n);
	free_deferred();
}

static void serve_soon(struct irq_work *irq)
{
	struct nolock *n = container_of(irq, struct nolock, irq);

	gs_worker_queue_on(n->cpu, &n->work);
}

static bool gfp_refused(gfp_t gfp, unsigned long site)
{
	if (likely(!(gfp & ~GFP_TAKEN)))
		return false;
	gs_report(&(struct gs_report) {
		.kind = GS_BUG_BAD_GFP, .what = "gfp",
		.value = (__force unsigned int)gfp, .site = site,
	});
	return true;
}

void *__goslab_malloc_nolock(size_t size, gfp_t gfp, int node,
			     struct goslab_owner *owner)
{
	struct gs_class *c;
	unsigned int spc;
	bool got;
	void *p;
	u8 id;

	if (gfp_refused(gfp, _RET_IP_) || gs_node_refused(node, _RET_IP_))
		return NULL;
	if (!size)
		return ZERO_SIZE_PTR;
	if (size > GS_MAX_SMALL)
		return NULL;
	spc = gs_spc(gs_sizeclass_of(size), false);
	c = &gs_classes[spc];
	id = owner_id(owner);
	got = id && gs_mcache_pop(c->slots, NUMA_NO_NODE, id, false, &p);
	look_ahead(spc, !got);
	return got ? gs_hook_alloc_nolock(p, c->elemsize, gfp) : NULL;
}
EXPORT_SYMBOL_GPL(__goslab_malloc_nolock);

/* Is there a place for @p? Interrupts and NMIs may look for one at the same time. */
static bool note_object(struct nolock *n, void *p)
{
	unsigned int place;

	for (place = 0; place < NOTED; place++)
		if (!READ_ONCE(n->objects[place]) &&
		    !cmpxchg(&n->objects[place], NULL, p))
			return true;
	return false;
}

/* Leave the object at @p, which is GS_PENDING, to the work. */
static void defer(void *p, u8 *state)
{
	unsigned long page = ((unsigned long)p - gs_radix.base) >> GS_PAGE_SHIFT;
	struct nolock *n;

	smp_store_release(state, GS_DEFERRED);
	preempt_disable();
	n = this_cpu_ptr(&nolocks);
	/* The state comes before the note (cmpxchg() is fully ordered) or the bit. */
	if (!note_object(n, p)) {
		smp_mb__before_atomic();
		set_bit(page % NR_BITS, deferred);
	}
	ask(n);
	preempt_enable();
}

static void free_small(struct mspan *s, void *p, unsigned long site)
{
	long i = gs_span_index(s, p);
	u8 *state = &s->objects[i];
	bool ordinary;

	if (i < 0 || READ_ONCE(*state) < GS_LIVE_MIN) {
		gs_free_bad(p, site);
		return;
	}
	ordinary = READ_ONCE(*state) >= GS_OWNER_MIN;
	if (!ordinary && gs_span_is_collected(s)) {
		gs_free_bad(p, site);
		return;
	}
	/* The hooks of a free may take locks, and so does the end of a record. */
	if (ordinary && !gs_hook_free_wanted() && gs_mcache_free(s, p, state))
		return;
	if (gs_span_claim(state))
		defer(p, state);
	else
		gs_free_bad(p, site);
}

static void free_tiny(struct mspan *s, void *p, unsigned long site)
{
	enum gs_tiny_kind kind;
	void *block = NULL;
	size_t size;
	u8 *state;

	kind = gs_tiny_look(s, p, &size);
	if (kind == GS_TINY_LIVE) {
		gs_hook_free(p, size, 0);
		kind = gs_tiny_take(s, p, &block);
	}
	if (kind != GS_TINY_LIVE)
		gs_report_at(kind == GS_TINY_INSIDE ? GS_BUG_INTERIOR_FREE :
			     GS_BUG_DOUBLE_FREE, s->class->name, p, site);
	if (!block)
		return;
	state = &s->objects[gs_span_index(s, block)];
	if ((READ_ONCE(*state) == GS_SPECIAL || !gs_mcache_free(s, block, state)) &&
	    gs_span_claim(state))
		defer(block, state);
}

void goslab_free_nolock(const void *ptr)
{
	void *p = (void *)ptr;
	struct mspan *s;

	if (ZERO_OR_NULL_PTR(p) ||
	    (gs_guard_near(p) && gs_free_guarded_nolock(p, _RET_IP_)))
		return;
	/* Not rcu_read_lock(): whoever calls may hold a lock of RCU itself. */
	preempt_disable();
	s = gs_arena_look(p);
	switch (gs_span_covers(s, p) ? smp_load_acquire(&s->state) : GS_SPAN_DEAD) {
	case GS_SPAN_SMALL:
		free_small(s, p, _RET_IP_);
		break;
	case GS_SPAN_TINY:
		free_tiny(s, p, _RET_IP_);
		break;
	case GS_SPAN_LARGE:
		if ((unsigned long)p == s->base && gs_span_claim(s->objects))
			defer(p, s->objects);
		else
			gs_free_bad(p, _RET_IP_);
		break;
	default:
		gs_free_bad(p, _RET_IP_);
	}
	preempt_enable();
}
EXPORT_SYMBOL_GPL(goslab_free_nolock);

/* Wait for the work of one CPU. Under flush_mutex. */
static void flush_cpu(struct nolock *n)
{
	/*
	 * On kernels whose irq_work has no interrupt of its own irq_work_sync()
	 * waits for a grace period even if there is nothing to wait for.
	 */
	if (irq_work_is_busy(&n->irq))
		irq_work_sync(&n->irq);
	/* It has queued the work before it stopped being busy. */
	smp_mb();
	flush_work(&n->work);
}

/**
 * gs_nolock_flush() - finish what calls that have returned left to do.
 *
 * A call that has returned left its CPU's irq_work busy or its work queued, or
 * both have run. So no flag says whether there is anything to wait for: a flush
 * could clear it before a call that had just set it has queued the irq_work.
 *
 * The first round waits for every work that was asked for. One of them may have
 * left an object to the work of another CPU, which had cleared the bit of the
 * page and was on its way there. The second round waits for that one.
 *
 * Context: Task. Sleeps if there is something to wait for.
 */
void gs_nolock_flush(void)
{
	int round, cpu;

	/* Only one task at a time may be in irq_work_sync(). */
	mutex_lock(&flush_mutex);
	for (round = 0; round < 2; round++)
		for_each_possible_cpu(cpu)
			flush_cpu(per_cpu_ptr(&nolocks, cpu));
	mutex_unlock(&flush_mutex);
}
GS_EXPORT_KUNIT(gs_nolock_flush);

void gs_nolock_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct nolock *n = per_cpu_ptr(&nolocks, cpu);

		n->irq = IRQ_WORK_INIT_HARD(serve_soon);
		INIT_WORK(&n->work, serve);
		n->cpu = cpu;
	}
}
