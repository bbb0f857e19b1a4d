// SPDX-License-Identifier: GPL-2.0
/*
 * mcentral: the spans of one span class and node that no mcache owns.
 *
 * Flow:       mcache -> [mcentral] -> mheap
 * Owner:      struct gs_class has one per node.
 * Lock:       mc->lock, interrupts off. Order: mcentral -> mheap, but it is
 *             dropped before spans go to mheap, and never held while entered.
 * Lifetime:   that of the class.
 * Context:    any but NMI; never sleeps, allocates nothing.
 * Invariants: (gs_mcentral_verify())
 *   I1  a span is owned, or on exactly one of partial and full.
 *   M1  on partial <=> objects are free in it; a span on a list has a live
 *       object; nr_spans == |partial| + |full| + nr_owned.
 *   M2  of transfer.c.
 *   S1 to S3 and I2 of every span on a list.
 * Tests:      kunit/mcentral_kunit.c
 */
#include "middle/mcentral.h"

#include <linux/sched.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/report.h"
#include "middle/class.h"
#include "middle/transfer.h"

void gs_mcentral_init(struct mcentral *mc, struct gs_class *c, int node)
{
	memset(mc, 0, sizeof(*mc));
	spin_lock_init(&mc->lock);
	mc->node = node;
	mc->nr_domains = gs_transfer_domains;
	mc->nr_batches = gs_transfer_batches(c);
	mc->class = c;
	INIT_LIST_HEAD(&mc->partial);
	INIT_LIST_HEAD(&mc->full);
}
GS_EXPORT_KUNIT(gs_mcentral_init);

/* Count the spans that were taken up without the lock; under it. */
static void count_fresh(struct mcentral *mc)
{
	unsigned int n;

	if (!atomic_read(&mc->nr_fresh))
		return;
	n = atomic_xchg(&mc->nr_fresh, 0);
	mc->nr_spans += n;
	mc->nr_owned += n;
	mc->nr_objects += atomic_xchg(&mc->fresh_objects, 0);
}

/* @s, which is empty, leaves; under the lock. */
static void count_gone(struct mcentral *mc, const struct mspan *s)
{
	mc->nr_spans--;
	mc->nr_objects -= s->nelems;
}

#define lock_central(mc, flags)						\
do {									\
	gs_lock(&(mc)->lock, flags);					\
	count_fresh(mc);						\
	(mc)->nr_lock++;						\
} while (0)

/* Move @n free objects of @s, or all if there are fewer, into entries. */
static unsigned int take(struct mspan *s, struct gs_entry *e, unsigned int n,
			 void **bad)
{
	unsigned int word, got = 0;

	for (word = 0; n && word * BITS_PER_LONG < s->nelems; word++) {
		u64 left = gs_span_free_word(s, word), all = left;
		unsigned int here = min_t(unsigned int, n, hweight64(left));

		if (!here)
			continue;
		got += gs_entries_fill(e + got, s, word * BITS_PER_LONG, &left,
				       here, bad);
		gs_span_take(s, word, all ^ left, here);
		n -= here;
	}
	return got;
}

static __always_inline void report_bad(const struct gs_class *c, unsigned int bad)
{
	if (unlikely(bad))
		gs_report(&(struct gs_report) {
			.kind = GS_BUG_BAD_STATE, .name = c->name,
			.what = "objects", .value = bad, .site = _RET_IP_,
		});
}

static void free_spans(struct list_head *gone)
{
	struct mspan *s, *next;

	list_for_each_entry_safe(s, next, gone, list)
		gs_class_free_span(s);
}

/* The owner gives @s up; an empty one goes to @gone. Under the lock. */
static void disown(struct mcentral *mc, struct mspan *s,
		   struct list_head *gone)
{
	gs_span_return_window(s);
	gs_span_merge_freed(s);
	s->owned = 0;
	mc->nr_owned--;
	if (!s->alloc_count) {
		count_gone(mc, s);
		list_add(&s->list, gone);
	} else {
		list_add(&s->list,
			 gs_span_nr_free(s) ? &mc->partial : &mc->full);
	}
}

/**
 * gs_mcentral_get() - objects for a refill, under at most one hold of the lock.
 * @mc: where from.
 * @old: NULL, or the exhausted span that the caller owned until now, of any
 *       node. Objects that others freed into it are available.
 * @e: filled with objects in state GS_CACHED. Of the objects of one bitmap word
 *     the lowest comes last.
 * @want: how many, 1 to GS_BATCH_MAX.
 * @own: NULL, or set to a span with more free objects than were taken, now
 *       owned by the caller; NULL if there was none.
 *
 * The transfer cache is used first, without the lock. Then all free objects of as
 * many spans as fill the batch are taken, so that only the last span is owned.
 * (Go: mcentral.cacheSpan(), which takes one span.)
 *
 * Return: objects in @e; 0 when no span has a free one.
 */
unsigned int gs_mcentral_get(struct mcentral *mc, struct mspan *old,
			     struct gs_entry *e, unsigned int want,
			     struct mspan **own)
{
	unsigned int got = gs_transfer_take(mc, e, want);
	LIST_HEAD(gone);
	unsigned long flags;
	void *bad = NULL;

	if (old && old->node != mc->node) {
		gs_mcentral_put_span(old);
		old = NULL;
	}
	if (got && !old)
		return got;
	lock_central(mc, flags);
	if (old)
		disown(mc, old, &gone);
	while (got < want && !list_empty(&mc->partial)) {
		struct mspan *s = list_first_entry(&mc->partial, struct mspan,
						   list);

		got += take(s, e + got, want - got, &bad);
		if (!gs_span_nr_free(s)) {
			list_move(&s->list, &mc->full);
		} else if (own && got) {
			list_del(&s->list);
			s->owned = 1;
			mc->nr_owned++;
			*own = s;
			break;
		}
	}
	gs_unlock(&mc->lock, flags);
	free_spans(&gone);
	if (unlikely(bad))
		gs_report_at(GS_BUG_BAD_STATE, mc->class->name, bad, _RET_IP_);
	return got;
}
GS_EXPORT_KUNIT(gs_mcentral_get);

/**
 * gs_mcentral_add() - take up a fresh span, owned by the caller.
 * @mc: of the span's class and node.
 * @s: from gs_class_new_span().
 * @e: filled with objects.
 * @want: how many.
 *
 * Takes no lock: no one else knows the span before its owner gives it up, and
 * the next holder of the lock updates the counts.
 *
 * Return: objects in @e; 0, after a report, if the states of all objects that
 * were looked at are overwritten.
 */
unsigned int gs_mcentral_add(struct mcentral *mc, struct mspan *s,
			     struct gs_entry *e, unsigned int want)
{
	void *bad = NULL;
	unsigned int got = take(s, e, want, &bad);

	atomic_add(s->nelems, &mc->fresh_objects);
	atomic_inc(&mc->nr_fresh);
	if (unlikely(bad))
		gs_report_at(GS_BUG_BAD_STATE, mc->class->name, bad, _RET_IP_);
	return got;
}
GS_EXPORT_KUNIT(gs_mcentral_add);

/* @n objects were freed into @s: move it to the list where it belongs. */
static void put_back(struct mcentral *mc, struct mspan *s, unsigned int n,
		     struct list_head *gone)
{
	GS_CHECK(s->class == mc->class && s->node == mc->node);
	if (s->owned) {
		s->nr_freed += n;
		return;
	}
	s->needzero = 1;
	if (s->alloc_count == s->nelems)
		list_move(&s->list, &mc->partial);
	s->alloc_count -= n;
	if (!s->alloc_count) {
		count_gone(mc, s);
		list_move(&s->list, gone);
	}
}

/* Are the first GS_ROW entries neighbours, in ascending order? */
static __always_inline bool is_row(const struct gs_entry *e)
{
	unsigned int i;

#pragma GCC unroll 8
	for (i = 1; i < GS_ROW; i++)
		if (e[i].state != e->state + i)
			return false;
	return true;
}

/*
 * Put the objects at the front of @e that belong to @s into it. The first one
 * does, unless a race of two frees of one object has taken it away. Return: how
 * many entries were handled. Under the lock.
 */
static unsigned int put_run(struct mcentral *mc, struct mspan *s,
			    const struct gs_entry *e, unsigned int n,
			    unsigned int *bad, struct list_head *gone)
{
	/* Bits are cleared in alloc_bits, or set in freed_bits. */
	unsigned long *bits = s->owned ? gs_span_freed_bits(s) :
					 gs_span_alloc_bits(s);
	const struct gs_entry *p = e, *end = e + n;
	const unsigned long nelems = s->nelems;
	unsigned int left_out = 0;

	while (p < end) {
		u8 *state = p->state;
		unsigned long index = state - s->objects;
		unsigned int bit = index % BITS_PER_LONG;

		if (index >= nelems)
			break;
		if (end - p >= GS_ROW && is_row(p) &&
		    index + GS_ROW <= nelems && bit <= BITS_PER_LONG - GS_ROW &&
		    gs_states_move_row(state, GS_CACHED, GS_FREE)) {
			bits[index / BITS_PER_LONG] ^= GS_ROW_BITS << bit;
			p += GS_ROW;
			continue;
		}
		p++;
		if (unlikely(*state != GS_CACHED)) {
			left_out++;
			continue;
		}
		*state = GS_FREE;
		bits[index / BITS_PER_LONG] ^= BIT(bit);
	}
	if (unlikely(p == e)) {
		++*bad;
		return 1;
	}
	n = p - e;
	*bad += left_out;
	if (n > left_out)
		put_back(mc, s, n - left_out, gone);
	return n;
}

/**
 * gs_mcentral_put() - put objects back into their spans.
 * @c: class of them all.
 * @e: objects in state GS_CACHED that no one else can reach, in any order, of any
 *     nodes. An object in another state is reported and left out.
 * @n: how many.
 *
 * One hold of the lock for each run of objects of one node.
 */
void gs_mcentral_put(struct gs_class *c, struct gs_entry *e, unsigned int n)
{
	unsigned int i = 0, bad = 0;

	while (i < n) {
		struct mspan *s = gs_arena_of(e[i].object);
		struct mcentral *mc = gs_class_central(c, s->node);
		unsigned long flags;
		LIST_HEAD(gone);

		lock_central(mc, flags);
		do {
			i += put_run(mc, s, e + i, n - i, &bad, &gone);
			s = i < n ? gs_arena_of(e[i].object) : NULL;
		} while (s && s->node == mc->node);
		gs_unlock(&mc->lock, flags);
		free_spans(&gone);
	}
	report_bad(c, bad);
}
GS_EXPORT_KUNIT(gs_mcentral_put);

/**
 * gs_mcentral_put_span() - an mcache gives an owned span up.
 * @s: the span. Its free objects, and those that others freed, become available
 *     to all CPUs.
 */
void gs_mcentral_put_span(struct mspan *s)
{
	struct mcentral *mc = gs_class_central(s->class, s->node);
	LIST_HEAD(gone);
	unsigned long flags;

	lock_central(mc, flags);
	disown(mc, s, &gone);
	gs_unlock(&mc->lock, flags);
	free_spans(&gone);
}
GS_EXPORT_KUNIT(gs_mcentral_put_span);

/*
 * Call @fn for the spans of a list, some for each hold of the lock, until it returns
 * something. What was looked at goes to the end of the list, so after all of it the order
 * is what it was. The walk ends where it began, or, if that span has gone meanwhile,
 * after *@left.
 */
static int each_listed(struct mcentral *mc, struct list_head *list, unsigned int *left,
		       gs_listed_fn fn, void *arg)
{
	struct mspan *first = NULL, *s;
	unsigned int n = 0;
	unsigned long flags;
	int ret = 0;

	gs_lock(&mc->lock, flags);
	while (!ret && *left && !list_empty(list)) {
		s = list_first_entry(list, struct mspan, list);
		if (s == first)
			break;
		first = first ?: s;
		ret = fn(mc, s, arg);
		list_rotate_left(list);
		--*left;
		if (++n < GS_LOOK_SPANS)
			continue;
		gs_unlock(&mc->lock, flags);
		gs_count_steps(n);
		cond_resched();
		n = 0;
		gs_lock(&mc->lock, flags);
	}
	gs_unlock(&mc->lock, flags);
	return ret;
}

/**
 * gs_mcentral_each() - look at the spans of a class and node that no CPU owns.
 * @mc: whose lists; takes the lock, for GS_LOOK_SPANS spans at a time.
 * @fn: called under the lock; ends the walk if it does not return 0.
 * @arg: for @fn.
 *
 * A span that changes its list meanwhile may be missed, or be seen twice.
 *
 * Context: task; sleeps.
 * Return: what @fn returned last, or 0.
 */
int gs_mcentral_each(struct mcentral *mc, gs_listed_fn fn, void *arg)
{
	unsigned int left = gs_mcentral_nr_spans(mc);

	return each_listed(mc, &mc->partial, &left, fn, arg) ?:
	       each_listed(mc, &mc->full, &left, fn, arg);
}

static int verify_listed(struct mcentral *mc, const struct mspan *s, bool partial)
{
	int ret;

	if (s->owned || s->class != mc->class || s->node != mc->node ||
	    !gs_span_in_use(s))
		return 1;
	if (partial != !!gs_span_nr_free(s) || !s->alloc_count)
		return 41;
	ret = gs_span_verify(s);
	return !ret ? 0 : ret == 12 ? 2 : 20 + ret;
}

static int verify_partial(struct mcentral *mc, const struct mspan *s, void *unused)
{
	return verify_listed(mc, s, true);
}

static int verify_full(struct mcentral *mc, const struct mspan *s, void *unused)
{
	return verify_listed(mc, s, false);
}

/* The counts, if no list changed since @seen. */
static int verify_counts(struct mcentral *mc, unsigned int nr,
			 unsigned long seen)
{
	unsigned long flags;
	int ret = 0;

	gs_lock(&mc->lock, flags);
	count_fresh(mc);
	if (mc->nr_lock == seen && nr + mc->nr_owned != mc->nr_spans)
		ret = 41;
	gs_unlock(&mc->lock, flags);
	return ret;
}

/**
 * gs_mcentral_verify() - check the lists and every span on them.
 * @mc: what to check; takes the lock, for GS_LOOK_SPANS spans at a time. The sums
 *      are left out if others took it meanwhile.
 *
 * Context: task; sleeps.
 * Return: 0, or the number of the first broken invariant: 1, 2; 21 to 23 for
 * S1 to S3; 41, 42 for M1, M2.
 */
int gs_mcentral_verify(struct mcentral *mc)
{
	unsigned long seen = READ_ONCE(mc->nr_lock);
	/* One more than there may be, so that a list that is too long shows. */
	unsigned int most = gs_mcentral_nr_spans(mc) + 1, left = most;
	int ret;

	ret = each_listed(mc, &mc->partial, &left, verify_partial, NULL);
	if (!ret)
		ret = each_listed(mc, &mc->full, &left, verify_full, NULL);
	ret = ret ?: verify_counts(mc, most - left, seen);
	return ret ?: gs_transfer_verify(mc) ? 0 : 42;
}
GS_EXPORT_KUNIT(gs_mcentral_verify);
