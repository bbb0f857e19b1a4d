// SPDX-License-Identifier: GPL-2.0
/*
 * refill: the slow halves of allocation and free, between a slot and mcentral.
 *
 * Alloc:  1 enter: fill half of the magazine from the transfer cache or, if that is
 *           empty, five eighths of it from the span that the CPU owns; if that span
 *           is exhausted, give it up and note how many objects the magazine takes
 *         2 leave; from the transfer cache, or under the mcentral lock, take what
 *           the caller asked for (more than one object in bulk.c) and a batch for
 *           the magazine
 *         3 nothing there: a fresh span from mheap
 *         4 enter again, perhaps on another CPU: install what fits, put the
 *           rest back
 * Free:   1 enter: copy the younger half of the magazine to the stack
 *         2 leave; put it into the transfer cache or, under the mcentral lock,
 *           into its spans
 *         3 enter again and push; if that fails, put the object into its span
 *
 * If the slot cannot be entered (an interrupt that came while it was entered,
 * no slot, another node), objects go directly to and from the transfer cache, or
 * mcentral.
 *
 * Lock:       none here; I6: never entered while mcentral or mheap is called.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Tests:      kunit/mcache_kunit.c, kunit/bulk_kunit.c, kunit/race_kunit.c
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "base/latency.h"
#include "base/report.h"
#include "base/trace.h"
#include "base/worker.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "front/sample.h"
#include "front/usage.h"
#include "middle/heap.h"
#include "middle/transfer.h"

/* How a refill goes. */
struct refill {
	struct gs_entry *e;	/* room for GS_BATCH_MAX */
	unsigned int n;		/* objects in e but for the caller's */
	unsigned int want;
	unsigned int fresh;	/* the same of a span that nobody has had */
	unsigned int most;	/* objects that the caller has a use for */
	unsigned int taken;	/* objects that are the caller's */
	unsigned int samples;	/* of these, to be sampled; may be more */
	int node;		/* where e and own come from */
	bool direct;		/* for the caller only, nothing to install */
	bool may_own;		/* to look for a span to own is of use */
	bool zeroed;		/* the caller's one object is fresh and zero */
	struct mspan *old;	/* exhausted span that the slot gave up */
	struct mspan *own;	/* span to install */
	void *bad;		/* object found in a wrong state, left out */
};

/*
 * Drop the youngest object of the magazine if its state is not GS_CACHED: it was
 * freed twice at the same moment, or its state was overwritten. Entered, and the
 * magazine is not empty. Return: the object, or NULL.
 */
static void *drop_bad(struct gs_slot *slot)
{
	const struct gs_entry *e = slot->top - 1;

	if (*e->state == GS_CACHED)
		return NULL;
	slot->top--;
	return e->object;
}

/* Objects that a refill takes from the owned span at a time: five eighths of the room. */
static unsigned int own_share(const struct gs_slot *slot)
{
	return gs_whole_rows(gs_slot_cap(slot) * 5 / 8 + 1);
}

/*
 * The magazine is empty: fill about five eighths of its room from the window of the
 * span that this CPU owns. Two such refills use up a full window of 64 objects.
 * An object that is known to be zero is taken alone, because entries of a
 * magazine do not note that. Entered. Return: false if there is nothing.
 */
static bool take_own(struct gs_slot *slot, struct refill *r)
{
	struct mspan *s = slot->span;
	unsigned int n = 1;

	if (!s->alloc_cache && (s == &gs_no_span || !gs_span_next_window(s)))
		return false;
	if (s->needzero)
		n = min_t(unsigned int, own_share(slot),
			  hweight64(s->alloc_cache));
	slot->top += gs_entries_fill(slot->top, s, s->free_index,
				     &s->alloc_cache, n, &r->bad);
	return true;
}

/*
 * The same from what other CPUs have left, before the own span: objects that CPUs pass
 * to each other then go round without their spans, and so without a lock. Entered.
 */
static bool take_left(struct gs_class *c, struct gs_slot *slot)
{
	unsigned int room = min_t(unsigned int, gs_slot_cap(slot), c->batch), n;

	n = gs_transfer_take(gs_class_central(c, slot->node), slot->top, room);
	slot->top += n;
	slot->nr_refill += !!n;
	return n;
}

/* How look() ends. */
enum look {
	LOOK_AGAIN,	/* the magazine has objects now: try the fast path */
	LOOK_OWN,	/* the slot had an object: the first of r->e */
	LOOK_REFILL,	/* nothing can be had without a lock */
};

/* May this CPU own a span more? */
static bool may_own(const struct mcache *mcache)
{
	return atomic_long_read(&mcache->owned) < READ_ONCE(gs_max_owned);
}

/* The caller has the youngest object of the magazine. */
static enum look pop_entered(struct gs_slot *slot, struct refill *r, u8 owner)
{
	struct gs_entry *e = --slot->top;

	r->e[0].object = e->object;
	*e->state = owner;
	slot->left--;
	return LOOK_OWN;
}

/* Step 1 with the slot entered. */
static enum look look_entered(struct gs_class *c, struct gs_slot *slot,
			      struct refill *r, u8 owner)
{
	struct mcache *mcache = this_cpu_ptr(&gs_mcache);

	r->node = slot->node;
	r->samples += gs_sample_owed(slot, 1);
	if (slot->top > slot->entry) {
		r->bad = drop_bad(slot);
		if (unlikely(r->bad))
			return LOOK_AGAIN;
		/* Mostly it is a sample, which the fast path leaves where it is. */
		return pop_entered(slot, r, owner);
	}
	if (take_left(c, slot))
		return LOOK_AGAIN;
	while (take_own(slot, r)) {
		if (unlikely(slot->top == slot->entry))
			continue;
		r->zeroed = !slot->span->needzero;
		return pop_entered(slot, r, owner);
	}
	if (slot->span != &gs_no_span)
		r->old = gs_slot_disown(mcache, slot);
	r->may_own = may_own(mcache);
	/* Half of the room, which leaves the rest to frees. */
	r->want = min_t(unsigned int, c->batch,
			max(r->most, gs_whole_rows(gs_slot_cap(slot) / 2 + 1)));
	r->fresh = clamp(own_share(slot), r->want, GS_BATCH_MAX);
	slot->nr_refill++;
	return LOOK_REFILL;
}

/* Step 1: take what this CPU's slot has, or see how much it takes. */
static enum look look(struct gs_class *c, struct refill *r, gfp_t gfp, u8 owner)
{
	enum look found = LOOK_REFILL;
	struct gs_slot *slot;

	if (unlikely(READ_ONCE(*raw_cpu_ptr(c->slots)) == &gs_no_slot))
		gs_mcache_make_slot(c, gfp);
	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if ((r->node != NUMA_NO_NODE && r->node != slot->node) ||
	    !gs_slot_enter(slot)) {
		r->direct = true;
		r->want = min_t(unsigned int, c->batch, r->most);
		r->fresh = r->want;
		if (r->node == NUMA_NO_NODE)
			r->node = numa_mem_id();
	} else {
		found = look_entered(c, slot, r, owner);
		gs_slot_leave(slot);
	}
	preempt_enable();
	if (unlikely(r->bad))
		gs_report_at(GS_BUG_BAD_STATE, c->name, r->bad, _RET_IP_);
	r->bad = NULL;
	return found;
}

/* No slot counts what the caller gets. */
static void count_direct(struct gs_class *c, struct refill *r)
{
	unsigned int i;

	atomic64_add(r->taken, &c->nr_past);
	for (i = 0; i < r->taken; i++)
		r->samples += gs_sample_bytes(c->elemsize);
}

/* Step 4: give this CPU's slot what it has room for. */
static void install(struct gs_class *c, struct refill *r)
{
	struct mcache *mcache;
	struct gs_slot *slot;
	unsigned int n = 0;
	bool entered;

	preempt_disable();
	mcache = this_cpu_ptr(&gs_mcache);
	slot = *this_cpu_ptr(c->slots);
	/* The slot of a CPU takes only objects of the CPU's node. */
	entered = slot->node == r->node && gs_slot_enter(slot);
	if (entered) {
		slot->left -= r->taken;
		r->samples += gs_sample_owed(slot, 0);
		/* Again: another slot may have got a span, or this is another CPU. */
		if (r->own && slot->span == &gs_no_span && may_own(mcache)) {
			atomic_long_add(gs_span_size(r->own), &mcache->owned);
			slot->span = r->own;
			r->own = NULL;
		}
		n = min_t(unsigned int, r->n, slot->limit - slot->top);
		memcpy(slot->top, r->e, n * sizeof(*r->e));
		slot->top += n;
		gs_slot_leave(slot);
	}
	preempt_enable();
	if (!entered)
		count_direct(c, r);
	if (n < r->n)
		gs_mcentral_put(c, r->e + n, r->n - n);
	if (r->own)
		gs_mcentral_put_span(r->own);
}

/* Step 3: nothing free on the node: a fresh span, owned by us. */
static void grow(struct gs_class *c, struct refill *r, gfp_t gfp, bool this_node)
{
	struct mspan *s = gs_class_new_span(c, r->node, gfp, this_node);
	bool reserve;

	if (!s)
		return;
	reserve = s->direct == GS_DIRECT_RESERVE;
	/* No magazine takes the object of such a span: see gs_mcache_free_slow(). */
	if (unlikely(reserve))
		s->slots = &gs_gone_slots;
	/* An object that is known to be zero is taken alone, as in take_own(). */
	r->n = gs_mcentral_add(gs_class_central(c, s->node), s, r->e,
			       s->needzero ? r->fresh : 1);
	if (unlikely(!r->n)) {
		gs_mcentral_put_span(s);
		return;
	}
	r->node = s->node;
	r->zeroed = !s->needzero;
	/* It has nothing left that another caller could get. */
	if (unlikely(reserve))
		gs_mcentral_put_span(s);
	else
		r->own = s;
}

/* The node has no memory: take a free object of another node. */
static void scrape(struct gs_class *c, struct refill *r)
{
	int node, wanted = r->node;

	for (node = 0; node < nr_node_ids && !r->n; node++) {
		if (node == wanted)
			continue;
		r->n = gs_mcentral_get(gs_class_central(c, node), NULL, r->e, 1,
				       NULL);
		r->node = node;
	}
	if (!r->n)
		r->node = wanted;
}

/*
 * What CPUs of the node have left for each other, for a caller without a slot there.
 * An object in a wrong state is left out, as drop_bad() does.
 */
static bool take_left_direct(struct gs_class *c, struct refill *r)
{
	unsigned int i = 0;

	r->n = gs_transfer_take(gs_class_central(c, r->node), r->e, r->want);
	while (i < r->n) {
		if (likely(*r->e[i].state == GS_CACHED)) {
			i++;
			continue;
		}
		gs_report_at(GS_BUG_BAD_STATE, c->name, r->e[i].object, _RET_IP_);
		r->e[i] = r->e[--r->n];
	}
	return r->n;
}

/* Steps 2 and 3. Return: false without memory. */
static bool get_objects(struct gs_class *c, struct refill *r, gfp_t gfp)
{
	bool one_node = nr_online_nodes == 1 || (gfp & __GFP_THISNODE);

	if (r->direct && take_left_direct(c, r))
		return true;
	r->n = gs_mcentral_get(gs_class_central(c, r->node), r->old, r->e,
			       r->want, r->may_own ? &r->own : NULL);
	r->old = NULL;
	if (r->n)
		return true;
	grow(c, r, gfp, !one_node);
	if (r->n || one_node)
		return r->n;
	/* What lies free on other nodes first, for it is there already. */
	scrape(c, r);
	if (!r->n)
		grow(c, r, gfp, false);
	return r->n;
}

/*
 * There was no object. If that is because the heap is at its quota, drain what
 * lies idle in it: here, then, if the caller may wait, on other CPUs. Return:
 * whether another attempt may succeed.
 */
static bool make_room(struct gs_class *c, gfp_t gfp, unsigned int attempt)
{
	size_t bytes = gs_pages(c->elemsize) * GS_PAGE_SIZE;

	if (!c->heap || !gs_heap_full(c->heap, bytes))
		return false;
	if (!attempt && gs_drain_heap(c->heap, c))
		return true;
	if (attempt < 2 && gfpflags_allow_blocking(gfp) &&
	    gs_drain_heap_elsewhere(c->heap))
		return true;
	atomic_long_inc(&c->heap->nr_refused);
	return false;
}

/* Give the caller as many of @r's objects as it wants. */
static void hand_out(struct refill *r, u8 owner, struct gs_more *more)
{
	struct gs_entry *e = r->e + r->n;
	unsigned int i, n = min(r->n, more->n);

	for (i = 0; i < n; i++) {
		e--;
		more->p[i] = e->object;
		*e->state = owner;
	}
	r->n -= n;
	r->taken += n;
	more->n = n;
}

/* The same for those that bulk calls get besides the first. */
static noinline void sample_more(const struct refill *r, const struct gs_more *more,
				 u8 owner, const struct gs_call *call, gfp_t gfp)
{
	unsigned int i, n = min(r->samples, r->taken);

	for (i = 1; i < n; i++)
		gs_sample_take(more->p[i - 1], owner, call, gfp);
}

/* Have the profile see the first of the objects that the caller gets. */
static __always_inline void sample(const struct refill *r, void *first,
				   const struct gs_more *more, u8 owner,
				   const struct gs_call *call, gfp_t gfp)
{
	gs_sample_take(first, owner, call, gfp);
	if (unlikely(r->samples > 1))
		sample_more(r, more, owner, call, gfp);
}

/**
 * gs_mcache_alloc_more() - allocate an object or several, and refill the slot.
 * @c: the class.
 * @node: node wanted, or NUMA_NO_NODE.
 * @gfp: the caller's.
 * @owner: number that the objects' states are set to.
 * @call: who asks, for samples.
 * @zeroed: set to true if they are known to be zero.
 * @more: NULL, or what the caller would like besides.
 *
 * __GFP_NOFAIL is served here, in a loop of attempts that may fail: the kernels
 * of 6.1 and 6.12 warn when it is asked of larger blocks.
 *
 * Return: an object, or NULL.
 */
void *gs_mcache_alloc_more(struct gs_class *c, int node, gfp_t gfp, u8 owner,
			   const struct gs_call *call, bool *zeroed, struct gs_more *more)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct refill r = {
		.e = e, .node = node, .taken = 1,
		.most = more ? more->n + 1 : 1,
	};
	u64 since = gs_latency_is_all() ? gs_latency_now() : 0;
	unsigned int attempt = 0;
	struct mcentral *mc;
	enum look found;
	void *p;

	might_alloc(gfp);
	while ((found = look(c, &r, gfp, owner)) == LOOK_AGAIN) {
		if (gs_mcache_alloc(c->slots, node, owner, &p))
			goto one;
		r.node = node;
	}
	if (found == LOOK_OWN) {
		*zeroed = r.zeroed;
		p = e[0].object;
		goto one;
	}
	while (!get_objects(c, &r, gfp & ~__GFP_NOFAIL)) {
		if (make_room(c, gfp, attempt++))
			continue;
		if (!(gfp & __GFP_NOFAIL)) {
			gs_latency_note(GS_LATENCY_REFILL, since);
			return NULL;
		}
		schedule_timeout_uninterruptible(1);
	}
	*zeroed = r.zeroed;
	trace_goslab_refill(c->name, r.node, r.n, r.direct);
	gs_hook(GS_HOOK_REFILL_LEFT, c);
	/* The youngest is the caller's. */
	r.n--;
	p = e[r.n].object;
	*e[r.n].state = owner;
	if (more)
		hand_out(&r, owner, more);
	if (r.direct) {
		count_direct(c, &r);
		if (r.own)
			gs_mcentral_put_span(r.own);
	} else {
		install(c, &r);
		gs_mcache_grow_cap(c);
	}
	mc = gs_class_central(c, r.node);
	if (unlikely(gs_transfer_wanted(mc)))
		gs_transfer_make(mc, gfp);
	gs_usage_note_peak();
	gs_worker_kick();
	goto got;

one:
	if (more)
		more->n = 0;
got:
	if (gs_latency_is_all())
		gs_latency_note(GS_LATENCY_REFILL, since);
	if (unlikely(r.samples))
		sample(&r, p, more, owner, call, gfp);
	return p;
}
GS_EXPORT_KUNIT(gs_mcache_alloc_more);

/*
 * Take the younger half of a full magazine. To take the older half would move all
 * that stays. *@node is set to the node of them all, that of the CPU.
 */
static __always_inline unsigned int
take_half(struct gs_class *c, struct gs_entry *e, int *node)
{
	struct gs_slot *slot;
	unsigned int n = 0;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if (gs_slot_enter(slot)) {
		if (slot->top >= slot->limit && slot->top > slot->entry) {
			n = gs_slot_take(slot, e, gs_whole_rows((gs_slot_n(slot) + 1) / 2));
			slot->nr_flush++;
			*node = slot->node;
		}
		gs_slot_leave(slot);
	}
	preempt_enable();
	return n;
}

/**
 * gs_mcache_make_room() - make room in this CPU's magazine for frees.
 * @c: the class.
 *
 * Empties half of it and lets it grow. While another CPU has the central lock, which
 * the half may need, it grows first, if it may, and keeps what it has. On a CPU that
 * only frees this also makes the slot, if memory for one lies ready: without a slot each
 * free would take the central lock.
 */
void gs_mcache_make_room(struct gs_class *c)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	unsigned int n;
	int node;

	if (READ_ONCE(*raw_cpu_ptr(c->slots)) == &gs_no_slot)
		gs_mcache_make_slot(c, 0);
	if (unlikely(gs_mcentral_is_taken(gs_class_central(c, numa_mem_id()))) &&
	    gs_mcache_widen(c))
		return;
	n = take_half(c, e, &node);
	if (n) {
		gs_hook(GS_HOOK_DRAIN_LEFT, c);
		gs_transfer_flush(gs_class_central(c, node), e, n);
	}
	/* After a drain there is no room at all. */
	gs_mcache_grow_cap(c);
}

/**
 * gs_mcache_free_slow() - free an object that the slot did not take.
 * @s: its span.
 * @object: the object.
 * @state: its state byte, an owner's number.
 */
void gs_mcache_free_slow(struct mspan *s, void *object, u8 *state)
{
	struct gs_entry e = { object, state };
	bool near = s->node == numa_mem_id();
	bool reserve = s->direct == GS_DIRECT_RESERVE;
	u64 since = gs_latency_is_all() ? gs_latency_now() : 0;

	gs_worker_kick();
	if (near && !reserve) {
		gs_mcache_make_room(s->class);
		if (gs_mcache_free(s, object, state))
			goto out;
	}
	*state = GS_CACHED;
	/* CPUs of another node find it where they look for batches of each other. */
	if (!near && !reserve)
		gs_transfer_flush(gs_class_central(s->class, s->node), &e, 1);
	else
		gs_mcentral_put(s->class, &e, 1);
out:
	if (gs_latency_is_all())
		gs_latency_note(GS_LATENCY_FLUSH, since);
}
GS_EXPORT_KUNIT(gs_mcache_free_slow);
