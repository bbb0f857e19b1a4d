// SPDX-License-Identifier: GPL-2.0
/*
 * home: objects of spans that a CPU does not own leave its magazine now and then.
 *
 * A CPU that pops and pushes the same few objects keeps them for as long as it does so.
 * If another CPU does the same with their neighbours, whose states lie in the same cache
 * line, each waits for that line twice in a pair. What goes back to its span goes to
 * one of the two in the end, and the other one takes rows of a span of its own.
 *
 * This is done at samples, which are off the fast path. A slot that hands out objects of
 * many spans loses nothing but a flush: its magazine is filled again.
 *
 * Flow:       sample -> [home] -> mcentral
 * Lock:       none here. The slot is entered, and left before mcentral is called.
 * Context:    any but NMI.
 * Tests:      kunit/home_kunit.c
 */
#include <linux/math64.h>

#include "front/mcache.h"
#include "front/sample.h"

/* Objects that a slot hands out between two times, in the mean. */
#define EVERY	32768

/*
 * Is it time, for a sample of @c? With distance @rate a slot has a sample in rate /
 * elemsize objects.
 */
static bool is_time(const struct gs_class *c, unsigned long rate)
{
	u32 rnd = gs_mcache_random(raw_cpu_ptr(&gs_mcache));

	return mul_u64_u32_shr((u64)c->elemsize * EVERY, rnd, 32) < rate;
}

/*
 * Take objects that are not of the span that this CPU owns out of the magazine, the
 * oldest first, at most a batch. Entered. Return: how many.
 */
static unsigned int take_foreign(struct gs_slot *slot, struct gs_entry *e)
{
	struct gs_entry *at, *kept = slot->entry;
	unsigned int n = 0;

	for (at = slot->entry; at < slot->top; at++) {
		if (n < GS_BATCH_MAX && !gs_span_has_state(slot->span, at->state))
			e[n++] = *at;
		else
			*kept++ = *at;
	}
	slot->top = kept;
	return n;
}

/**
 * gs_home_send() - put what this CPU's slot has of other spans than its own into them.
 * @c: the class.
 */
void gs_home_send(struct gs_class *c)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct gs_slot *slot;
	unsigned int i, n;

	/* Interrupts and other tasks may bring more meanwhile. */
	for (i = 0; i < DIV_ROUND_UP(GS_DEPTH_MAX, GS_BATCH_MAX); i++) {
		n = 0;
		preempt_disable();
		slot = *this_cpu_ptr(c->slots);
		if (gs_slot_enter(slot)) {
			n = take_foreign(slot, e);
			gs_slot_leave(slot);
		}
		preempt_enable();
		if (!n)
			break;
		gs_hook(GS_HOOK_DRAIN_LEFT, c);
		gs_mcentral_put(c, e, n);
	}
}
GS_EXPORT_KUNIT(gs_home_send);

/* An object of @c is about to be a sample. */
void gs_home_visit(struct gs_class *c)
{
	if (unlikely(is_time(c, READ_ONCE(gs_sample_rate))))
		gs_home_send(c);
}
