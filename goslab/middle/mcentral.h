/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_MCENTRAL_H
#define GS_MIDDLE_MCENTRAL_H

#include <linux/atomic.h>
#include <linux/bits.h>
#include <linux/cache.h>
#include <linux/cpumask.h>
#include <linux/gfp.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/minmax.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "back/mspan.h"

/**
 * struct gs_entry - a free object outside its span.
 * @object: the object.
 * @state: its state byte, so that nobody needs to look up the span again.
 */
struct gs_entry {
	void *object;
	u8 *state;
};

/**
 * struct mcentral - the spans of one class and node that no mcache owns.
 * @lock: protects all below but @length and @transfer, and owned, freed_bits and list of the spans.
 * @node: the node.
 * @nr_spans: all spans, owned ones included.
 * @nr_owned: spans that mcaches own.
 * @nr_objects: objects of all spans.
 * @nr_fresh: spans taken up since @lock was last held, all owned; @nr_spans,
 *            @nr_owned and @nr_objects count them when it is held next.
 * @fresh_objects: objects of those.
 * @length: of the next span: 0, or which of the class's longer ones, from 1.
 * @nr_domains: transfer caches that the node has.
 * @nr_batches: batches of each.
 * @class: the class.
 * @partial: spans with free objects.
 * @full: spans without.
 * @transfer: objects on their way from one mcache to another, an array of
 *            @nr_domains, or NULL while the class is small; not under @lock.
 * @nr_lock: times that @lock was taken to move objects.
 */
struct mcentral {
	spinlock_t lock;
	u16 node;
	u8 length;
	u8 nr_domains;
	u8 nr_batches;
	u32 nr_spans;
	u32 nr_owned;
	u32 nr_objects;
	atomic_t nr_fresh;
	atomic_t fresh_objects;
	struct gs_class *class;
	struct list_head partial;
	struct list_head full;
	struct gs_transfer *transfer;
	unsigned long nr_lock;
} ____cacheline_aligned_in_smp;

/* Neighbours whose states one access covers: objects often come and go in rows. */
struct gs_row {
	u64 states;
} __packed;

#define GS_ROW		sizeof(struct gs_row)
#define GS_ROW_BITS	GENMASK(GS_ROW - 1, 0)

/*
 * About @n objects, in whole rows if they are several: what is left of a row goes one by
 * one, which takes two to three times as long for each object.
 */
static inline unsigned int gs_whole_rows(unsigned int n)
{
	return n < 2 * GS_ROW ? n : round_down(n + GS_ROW / 2, GS_ROW);
}

/* Make a row of states @to if all of them are @from. */
static __always_inline bool gs_states_move_row(u8 *states, u8 from, u8 to)
{
	struct gs_row *row = (struct gs_row *)states;

	if (row->states != REPEAT_BYTE(from))
		return false;
	row->states = REPEAT_BYTE(to);
	return true;
}

/**
 * gs_entries_fill() - make entries of objects that are free in their span.
 * @e: filled, the lowest object last; their states become GS_CACHED.
 * @s: the span.
 * @first: object that bit 0 of @mask stands for.
 * @mask: objects on offer; those taken, the lowest, are cleared.
 * @n: how many to take, at most the bits in @mask.
 * @bad: set to an object that was in another state: two frees at once, and a
 *       magazine has it, or a user, too. It is left out.
 *
 * Return: entries filled.
 */
static __always_inline unsigned int
gs_entries_fill(struct gs_entry *e, struct mspan *s, unsigned int first,
		u64 *mask, unsigned int n, void **bad)
{
	u8 *states = &s->objects[first];
	void *objects = gs_span_object(s, first);
	unsigned long size = s->elemsize;
	struct gs_entry *p = e + n, *end = p;
	unsigned long left = *mask;

	while (n) {
		unsigned long bit = __ffs(left);
		void *object = objects + bit * size;
		u8 *state = &states[bit];
		unsigned int i;

		if (n >= GS_ROW && !(~(left >> bit) & GS_ROW_BITS) &&
		    gs_states_move_row(state, GS_FREE, GS_CACHED)) {
			p -= GS_ROW;
#pragma GCC unroll 8
			for (i = 0; i < GS_ROW; i++) {
				p[GS_ROW - 1 - i].object = object;
				p[GS_ROW - 1 - i].state = state + i;
				object += size;
			}
			left &= ~(GS_ROW_BITS << bit);
			n -= GS_ROW;
			continue;
		}
		left &= left - 1;
		n--;
		if (unlikely(*state != GS_FREE)) {
			*bad = object;
			continue;
		}
		*state = GS_CACHED;
		p--;
		p->object = object;
		p->state = state;
	}
	*mask = left;
	if (unlikely(p > e))
		memmove(e, p, (end - p) * sizeof(*e));
	return end - p;
}

/* All objects of a class and node; close without the lock, exact when quiet. */
static inline unsigned int gs_mcentral_nr_objects(const struct mcentral *mc)
{
	return READ_ONCE(mc->nr_objects) + atomic_read(&mc->fresh_objects);
}

/* All spans of a class and node; close without the lock, exact when quiet. */
static inline unsigned int gs_mcentral_nr_spans(const struct mcentral *mc)
{
	return READ_ONCE(mc->nr_spans) + atomic_read(&mc->nr_fresh);
}

/* Does another CPU have the lock just now? */
static inline bool gs_mcentral_is_taken(struct mcentral *mc)
{
	return spin_is_locked(&mc->lock);
}

/* Spans that one hold of the lock looks at: each has up to GS_SPAN_MAX_CAP states. */
#define GS_LOOK_SPANS		8

typedef int (*gs_listed_fn)(struct mcentral *mc, const struct mspan *s, void *arg);

void gs_mcentral_init(struct mcentral *mc, struct gs_class *c, int node);
unsigned int gs_mcentral_get(struct mcentral *mc, struct mspan *old,
			     struct gs_entry *e, unsigned int want,
			     struct mspan **own);
unsigned int gs_mcentral_add(struct mcentral *mc, struct mspan *s,
			     struct gs_entry *e, unsigned int want);
void gs_mcentral_put(struct gs_class *c, struct gs_entry *e, unsigned int n);
void gs_mcentral_put_span(struct mspan *s);
int gs_mcentral_each(struct mcentral *mc, gs_listed_fn fn, void *arg);
int gs_mcentral_verify(struct mcentral *mc);

#endif /* GS_MIDDLE_MCENTRAL_H */
