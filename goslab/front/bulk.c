// SPDX-License-Identifier: GPL-2.0
/*
 * bulk: many objects of a class, in and out of the slot by the batch.
 *
 * Alloc:  1 enter once for up to a batch: the magazine, else the window of the
 *           span that the CPU owns
 *         2 the slot is empty: refill.c gets a batch from mcentral for the
 *           caller; only the rest goes to the magazine
 * Free:   1 the caller collects a batch of one class and node (api/bulk.c)
 *         2 enter once: push what the magazine has room for
 *         3 the rest of a long run goes directly to mcentral; for a short one
 *           half of the magazine is flushed, as for a single object
 *
 * Each object is checked as by the single calls. Between batches no slot is
 * entered and preemption is on, so that interrupts, drains and other tasks run.
 *
 * Lock:       none here; I6: never entered while mcentral or a hook is called.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Tests:      kunit/bulk_kunit.c, kunit/bulk_race_kunit.c
 */
#include "front/bulk.h"

#include <linux/minmax.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "base/worker.h"
#include "front/hooks.h"
#include "front/sample.h"
#include "middle/transfer.h"

/* Pop the magazine, up to an object that is not CACHED. Entered. */
static unsigned int pop(struct gs_slot *slot, u8 owner, unsigned int n,
			void **p)
{
	const struct gs_entry *e = slot->top;
	unsigned int i;

	/* The entry at the bottom is never CACHED, either. */
	for (i = 0; i < n; i++) {
		e--;
		if (unlikely(*e->state != GS_CACHED))
			break;
		*e->state = owner;
		p[i] = e->object;
	}
	slot->top -= i;
	return i;
}

/* The same from the window of the span that this CPU owns. Entered. */
static unsigned int cut(struct mspan *s, u8 owner, unsigned int n, void **p)
{
	u64 window;
	unsigned int i;

	if (!s->alloc_cache &&
	    (s == &gs_no_span || !gs_span_next_window(s)))
		return 0;
	window = s->alloc_cache;
	for (i = 0; i < n && window; i++) {
		unsigned int index = s->free_index + __ffs64(window);

		if (unlikely(s->objects[index] != GS_FREE))
			break;
		s->objects[index] = owner;
		p[i] = gs_span_object(s, index);
		window &= window - 1;
	}
	s->alloc_cache = window;
	return i;
}

/*
 * Take up to a batch that this CPU has. Return: how many; 0: take the slow
 * path, which also reports an object in a wrong state.
 */
static unsigned int take_run(struct gs_class *c, gfp_t gfp, u8 owner,
			     const struct gs_call *call, size_t n, void **p, bool *zeroed)
{
	unsigned int most = min_t(size_t, n, GS_BATCH_MAX), got = 0, samples = 0, i;
	struct gs_slot *slot;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if (likely(gs_slot_enter(slot))) {
		got = pop(slot, owner, most, p);
		if (slot->top == slot->entry && !got) {
			got = cut(slot->span, owner, most, p);
			*zeroed = got && !slot->span->needzero;
		}
		slot->left -= got;
		samples = gs_sample_owed(slot, 0);
		gs_slot_leave(slot);
	}
	preempt_enable();
	for (i = 0; unlikely(i < samples) && i < got; i++)
		gs_sample_take(p[i], owner, call, gfp);
	return got;
}

/* Up to a batch by the slow path. Return: how many; 0 without memory. */
static unsigned int take_more(struct gs_class *c, gfp_t gfp, u8 owner,
			      const struct gs_call *call, size_t n, void **p, bool *zeroed)
{
	struct gs_more more = {
		.p = p + 1, .n = min_t(size_t, n, GS_BATCH_MAX) - 1,
	};

	*p = gs_mcache_alloc_more(c, NUMA_NO_NODE, gfp, owner, call,
				  zeroed, &more);
	return *p ? 1 + more.n : 0;
}

static void run_hooks(const struct gs_class *c, gfp_t gfp, bool zeroed,
		      unsigned int n, void **p)
{
	unsigned int i;

	if (!GS_HOOKS_WATCH && (zeroed || !want_init_on_alloc(gfp)))
		return;
	for (i = 0; i < n; i++)
		gs_hook_alloc(p[i], c->elemsize, gfp, c->keep, zeroed, c->noscan);
}

/**
 * gs_mcache_alloc_bulk() - allocate objects of a class.
 * @c: the class; not a noscan class.
 * @gfp: the caller's.
 * @owner: number that the objects' states are set to.
 * @call: who asks, for samples.
 * @n: how many.
 * @p: filled with them.
 * @hooks: run the hooks, as the objects go to their user now.
 *
 * Return: how many there are in @p; fewer than @n without memory.
 */
size_t gs_mcache_alloc_bulk(struct gs_class *c, gfp_t gfp, u8 owner,
			    const struct gs_call *call, size_t n, void **p, bool hooks)
{
	size_t done = 0;

	while (done < n) {
		bool zeroed = false;
		unsigned int got;

		got = take_run(c, gfp, owner, call, n - done, p + done, &zeroed);
		if (!got)
			got = take_more(c, gfp, owner, call, n - done, p + done,
					&zeroed);
		if (unlikely(!got))
			break;
		if (hooks)
			run_hooks(c, gfp, zeroed, got, p + done);
		done += got;
	}
	return done;
}

/* Push as many as this CPU's magazine has room for. Return: how many. */
static unsigned int push_run(struct gs_class *c, int node,
			     const struct gs_entry *e, unsigned int n)
{
	unsigned int fit = 0;
	struct gs_slot *slot;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if (likely(slot->node == node && gs_slot_enter(slot))) {
		if (slot->top < slot->limit)
			fit = min_t(long, n, slot->limit - slot->top);
		memcpy(slot->top, e, fit * sizeof(*e));
		slot->top += fit;
		gs_slot_leave(slot);
	}
	preempt_enable();
	return fit;
}

/* Free the objects that the magazine did not take. */
static void free_rest(struct gs_class *c, int node, struct gs_entry *e,
		      unsigned int n, bool long_run)
{
	gs_worker_kick();
	if (node == numa_mem_id()) {
		unsigned int fit;

		if (!long_run)
			gs_mcache_make_room(c);
		else
			gs_mcache_grow_cap(c);
		fit = push_run(c, node, e, n);
		e += fit;
		n -= fit;
	}
	if (!n)
		return;
	gs_hook(GS_HOOK_DRAIN_LEFT, c);
	gs_transfer_flush(gs_class_central(c, node), e, n);
}

/**
 * gs_mcache_free_batch() - objects go back.
 * @c: their class.
 * @node: their node.
 * @e: the objects, in state GS_CACHED; no one else can reach them.
 * @n: how many, 1 to GS_BATCH_MAX; more may follow if it is GS_BATCH_MAX.
 *
 * Context: any but NMI.
 */
void gs_mcache_free_batch(struct gs_class *c, int node, struct gs_entry *e,
			  unsigned int n)
{
	unsigned int fit = push_run(c, node, e, n);

	if (fit < n)
		free_rest(c, node, e + fit, n - fit, n == GS_BATCH_MAX);
}
