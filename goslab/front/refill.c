// SPDX-License-Identifier: GPL-2.0
/*
 * refill: the slow halves of allocation and free, between a slot and mcentral.
 *
 * Alloc:  1 enter: give up the exhausted span, see how much the magazine takes
 *         2 leave; under the mcentral lock take the caller's object, then a batch
 *         3 nothing there: a fresh span from mheap
 *         4 enter again, perhaps on another CPU: install what fits, put the
 *           rest back
 * Free:   1 enter: copy the older half of the magazine to the stack
 *         2 leave; under the mcentral lock leave it in the transfer cache, or
 *           put it into its spans
 *         3 enter again and push; if that fails, put the object into its span
 *
 * Whoever cannot enter (an interrupt between, no slot, another node) goes to
 * mcentral for its one object.
 *
 * Lock:       none here; I6: never entered while mcentral or mheap is called.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Tests:      kunit/mcache_kunit.c, kunit/race_kunit.c
 */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "base/report.h"
#include "base/worker.h"
#include "front/mcache.h"
#include "front/usage.h"

/* Objects that went straight from mcentral to their user. */
atomic64_t gs_mcache_nr_direct;
GS_EXPORT_KUNIT(gs_mcache_nr_direct);

/* How a refill goes. */
struct refill {
	struct gs_entry *e;	/* room for GS_BATCH_MAX */
	unsigned int n;		/* objects in e */
	unsigned int want;
	int node;		/* where e and own come from */
	bool direct;		/* one object, nothing to install */
	bool zeroed;		/* the caller's object is fresh and zero */
	struct mspan *old;	/* exhausted span that the slot gave up */
	struct mspan *own;	/* span to install */
};

/*
 * An object on offer is not in the state that it was left in: a second free
 * slipped through a race, or the byte was overwritten. Drop it. Entered.
 */
static void *drop_bad(struct gs_slot *slot)
{
	struct mspan *s = slot->span;
	unsigned int i;

	if (slot->n) {
		const struct gs_entry *e = &slot->entry[slot->n - 1];

		if (*e->state == GS_CACHED)
			return NULL;
		slot->n--;
		return e->object;
	}
	i = s->free_index + __ffs64(s->alloc_cache);
	if (s->objects[i] == GS_FREE)
		return NULL;
	s->alloc_cache &= s->alloc_cache - 1;
	return gs_span_object(s, i);
}

/* Is there anything to hand out without a lock? Entered. */
static bool has_more(struct gs_slot *slot)
{
	struct mspan *s = slot->span;

	return slot->n || s->alloc_cache ||
	       (s != &gs_no_span && gs_span_next_window(s));
}

/*
 * Step 1: what does this CPU's slot want? Return: false if nothing, for the
 * fast path will do now: the next window is loaded, a bad object dropped, or
 * an interrupt filled the slot.
 */
static bool look(struct gs_class *c, struct refill *r, gfp_t gfp)
{
	struct gs_slot *slot;
	void *bad = NULL;
	bool want = true;

	if (unlikely(READ_ONCE(*raw_cpu_ptr(c->slots)) == &gs_no_slot))
		gs_mcache_make_slot(c, gfp);
	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if ((r->node != NUMA_NO_NODE && r->node != slot->node) ||
	    !gs_slot_enter(slot)) {
		r->direct = true;
		r->want = 1;
		if (r->node == NUMA_NO_NODE)
			r->node = numa_mem_id();
	} else {
		r->node = slot->node;
		if (has_more(slot)) {
			bad = drop_bad(slot);
			want = false;
		} else {
			if (slot->span != &gs_no_span)
				r->old = slot->span;
			slot->span = &gs_no_span;
			/* Half of the room: frees to come want the rest. */
			r->want = min_t(unsigned int, c->batch,
					slot->cap / 2 + 1);
			slot->nr_refill++;
		}
		gs_slot_leave(slot);
	}
	preempt_enable();
	if (bad)
		gs_report_at(GS_BUG_BAD_STATE, c->name, bad, _RET_IP_);
	return want;
}

/* Step 4: give this CPU's slot what it has room for. */
static void install(struct gs_class *c, struct refill *r)
{
	struct gs_slot *slot;
	bool entered;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	/* On a CPU of another node nothing of ours belongs into the slot. */
	entered = slot->node == r->node && gs_slot_enter(slot);
	if (entered) {
		slot->nr_alloc++;
		if (r->own && slot->span == &gs_no_span) {
			slot->span = r->own;
			r->own = NULL;
		}
		while (r->n > 1 && slot->n < slot->cap)
			slot->entry[slot->n++] = r->e[--r->n];
		gs_slot_leave(slot);
	}
	preempt_enable();
	if (!entered)
		atomic64_inc(&gs_mcache_nr_direct);
	if (r->n > 1)
		gs_mcentral_put(c, r->e + 1, r->n - 1);
	if (r->own)
		gs_mcentral_put_span(r->own);
}

/* Step 3: nothing free on the node: a fresh span, owned by us. */
static void grow(struct gs_class *c, struct refill *r, gfp_t gfp)
{
	struct mspan *s = gs_class_new_span(c, r->node, gfp);

	if (!s)
		return;
	r->n = gs_mcentral_add(gs_class_central(c, s->node), s, r->e);
	r->node = s->node;
	r->own = s;
	r->zeroed = !s->needzero;
}

/* Memory is out on the node: what other nodes have will do. */
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

/* Steps 2 and 3. Return: false without memory. */
static bool get_objects(struct gs_class *c, struct refill *r, gfp_t gfp)
{
	bool one_node = nr_online_nodes == 1 || (gfp & __GFP_THISNODE);
	gfp_t light = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_THISNODE |
		      __GFP_NORETRY | __GFP_NOWARN;

	r->n = gs_mcentral_get(gs_class_central(c, r->node), r->old, r->e,
			       r->want, r->direct ? NULL : &r->own);
	r->old = NULL;
	if (r->n)
		return true;
	grow(c, r, one_node ? gfp : light);
	if (r->n || one_node)
		return r->n;
	/* What lies free on other nodes first, for it is there already. */
	scrape(c, r);
	if (!r->n)
		grow(c, r, gfp);
	return r->n;
}

/**
 * gs_mcache_alloc_slow() - allocate an object and refill the slot.
 * @c: the class.
 * @node: node wanted, or NUMA_NO_NODE.
 * @gfp: the caller's.
 * @owner: number that the object's state is set to.
 * @zeroed: set to true if the object is known to be zero.
 *
 * __GFP_NOFAIL is served here, in a loop of attempts that may fail: the kernels
 * of 6.1 and 6.12 warn when it is asked of larger blocks.
 *
 * Return: an object, or NULL.
 */
void *gs_mcache_alloc_slow(struct gs_class *c, int node, gfp_t gfp, u8 owner,
			   bool *zeroed)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct refill r = { .e = e, .node = node };
	struct mcentral *mc;
	void *p;

	might_alloc(gfp);
	while (!look(c, &r, gfp)) {
		p = gs_mcache_alloc(c->slots, node, owner, zeroed);
		if (p)
			return p;
		r.node = node;
	}
	while (!get_objects(c, &r, gfp & ~__GFP_NOFAIL)) {
		if (!(gfp & __GFP_NOFAIL))
			return NULL;
		schedule_timeout_uninterruptible(1);
	}
	*zeroed = r.zeroed;
	gs_hook(GS_HOOK_REFILL_LEFT, c);
	p = r.e[0].object;
	*r.e[0].state = owner;
	if (r.direct) {
		atomic64_inc(&gs_mcache_nr_direct);
		if (r.own)
			gs_mcentral_put_span(r.own);
	} else {
		install(c, &r);
		gs_mcache_grow_cap(c);
	}
	mc = gs_class_central(c, r.node);
	if (unlikely(!READ_ONCE(mc->transfer) &&
		     READ_ONCE(mc->nr_spans) >= GS_TRANSFER_SPANS))
		gs_mcentral_make_transfer(mc, gfp);
	gs_usage_note_peak();
	gs_worker_kick();
	return p;
}
GS_EXPORT_KUNIT(gs_mcache_alloc_slow);

/*
 * The older half of a full magazine; the newer stays, for its lines are hot. All
 * are of *@node, that of the CPU which this ran on.
 */
static unsigned int take_older_half(struct gs_class *c, struct gs_entry *e,
				    int *node)
{
	struct gs_slot *slot;
	unsigned int n = 0;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if (gs_slot_enter(slot)) {
		if (slot->n >= slot->cap && slot->n) {
			n = min_t(unsigned int, (slot->n + 1) / 2, GS_BATCH_MAX);
			memcpy(e, slot->entry, n * sizeof(*e));
			slot->n -= n;
			memmove(slot->entry, slot->entry + n,
				slot->n * sizeof(*e));
			slot->nr_flush++;
			*node = slot->node;
		}
		gs_slot_leave(slot);
	}
	preempt_enable();
	return n;
}

/**
 * gs_mcache_free_slow() - free an object that the slot did not take.
 * @s: its span.
 * @object: the object.
 * @state: its state byte, an owner's number.
 *
 * A CPU that only frees gets its slot here, if one lies ready: without, each of
 * its frees would take the central lock.
 */
void gs_mcache_free_slow(struct mspan *s, void *object, u8 *state)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct gs_class *c = s->class;
	unsigned int n;
	int node;

	gs_worker_kick();
	if (s->node == numa_mem_id()) {
		if (READ_ONCE(*raw_cpu_ptr(c->slots)) == &gs_no_slot)
			gs_mcache_make_slot(c, 0);
		n = take_older_half(c, e, &node);
		if (n) {
			gs_hook(GS_HOOK_DRAIN_LEFT, c);
			gs_mcentral_flush(gs_class_central(c, node), e, n);
		}
		/* After a drain there is no room at all. */
		gs_mcache_grow_cap(c);
		if (gs_mcache_free(s, object, state))
			return;
	}
	*state = GS_CACHED;
	gs_mcentral_put(c, &(struct gs_entry){ object, state }, 1);
}
GS_EXPORT_KUNIT(gs_mcache_free_slow);
