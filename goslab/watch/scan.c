// SPDX-License-Identifier: GPL-2.0
/*
 * scan: count objects by their state bytes, no CPU asked, nothing stopped.
 *
 * Walks the arenas, a few pages for each hold of the mheap lock, so that no
 * descriptor goes away while its span is counted. States may change meanwhile, and
 * a CPU may park the span and use it for another class: the class is read once.
 * The counts of one span add up by construction, so the sums of I5 close exactly
 * on a quiet machine and are off by what moved during the walk on a busy one.
 *
 * Lock:       gs_class_mutex (order: before mheap), mheap lock for some pages.
 * Context:    task; sleeps.
 * Tests:      kunit/stats_kunit.c
 */
#include "watch/scan.h"

#include <linux/sched.h>
#include <linux/slab.h>

#include "back/mheap.h"
#include "middle/special.h"

/* Pages that one hold of the lock looks at: each may begin a span. */
#define PAGES_PER_HOLD	16

/* What to call, and with what. */
struct call {
	gs_span_fn fn;
	void *arg;
};

static bool call_at_start(struct mspan *s, void *p, void *arg)
{
	struct call *call = arg;

	if (gs_span_in_use(s) && s->base == (unsigned long)p)
		call->fn(s, call->arg);
	return true;
}

/*
 * Call @fn for each span in use that starts in the arena at @base, under the
 * lock. A span has up to GS_SPAN_MAX_CAP states to count, so one hold covers a
 * few pages.
 */
void gs_scan_arena(unsigned long base, gs_span_fn fn, void *arg)
{
	struct call call = { fn, arg };
	unsigned int first;

	for (first = 0; first < GS_ARENA_PAGES; first += PAGES_PER_HOLD)
		gs_mheap_each_page(base, first, first + PAGES_PER_HOLD, call_at_start,
				   &call);
	cond_resched();
}

/* The same for all arenas. */
void gs_scan_all(gs_span_fn fn, void *arg)
{
	unsigned long i;

	gs_arena_for_each(i)
		gs_scan_arena(gs_arena_base(i), fn, arg);
}

/* Add one span. */
void gs_census_span(struct gs_census *n, const struct mspan *s)
{
	unsigned int i, live = 0, cached = 0, pending = 0;

	for (i = 0; i < s->nelems; i++) {
		u8 state = READ_ONCE(s->objects[i]);

		live += state >= GS_LIVE_MIN;
		cached += state == GS_CACHED;
		pending += state >= GS_PENDING && state <= GS_HELD;
	}
	n->spans++;
	n->owned += s->owned;
	n->pages += s->npages;
	n->objects += s->nelems;
	n->live += live;
	n->cached += cached;
	n->pending += pending;
	n->bytes += gs_span_bytes(s);
	n->live_bytes += (size_t)live * s->elemsize;
	n->cached_bytes += (size_t)cached * s->elemsize;
	n->pending_bytes += (size_t)pending * s->elemsize;
}

void gs_census_add(struct gs_census *sum, const struct gs_census *n)
{
	sum->spans += n->spans;
	sum->owned += n->owned;
	sum->pages += n->pages;
	sum->objects += n->objects;
	sum->live += n->live;
	sum->cached += n->cached;
	sum->pending += n->pending;
	sum->bytes += n->bytes;
	sum->live_bytes += n->live_bytes;
	sum->cached_bytes += n->cached_bytes;
	sum->pending_bytes += n->pending_bytes;
}

/* Add whose the live objects of one span are. */
void gs_census_owners(struct gs_by_owner *n, const struct mspan *s)
{
	unsigned int i;

	for (i = 0; i < s->nelems; i++) {
		u8 id = gs_special_owner_of(s, i, READ_ONCE(s->objects[i]));

		if (id >= GS_OWNER_MIN) {
			n->objects[id]++;
			n->bytes[id] += s->elemsize;
		}
	}
}

static void survey_span(const struct mspan *s, void *arg)
{
	struct gs_survey *v = arg;
	const struct gs_class *c = READ_ONCE(s->class);
	unsigned int i = c ? c->scan : 0;

	/* A class made after the count began. */
	if (i >= v->nr)
		return;
	gs_census_span(&v->of[i], s);
	if (gs_span_is_stack(READ_ONCE(s->state)))
		gs_census_span(&v->stacks, s);
	gs_census_owners(&v->owners, s);
}

/**
 * gs_survey_make() - scan everything.
 *
 * The caller holds gs_class_mutex, which keeps the indices of classes right.
 *
 * Return: the survey, for gs_survey_free(), or NULL without memory.
 */
struct gs_survey *gs_survey_make(void)
{
	struct gs_survey *v = kvzalloc(sizeof(*v), GFP_KERNEL);
	struct gs_class *c;

	lockdep_assert_held(&gs_class_mutex);
	if (!v)
		return NULL;
	v->nr = 1;
	list_for_each_entry(c, &gs_class_list, link)
		c->scan = v->nr++;
	v->of = kvcalloc(v->nr, sizeof(*v->of), GFP_KERNEL);
	if (!v->of) {
		kvfree(v);
		return NULL;
	}
	gs_scan_all(survey_span, v);
	return v;
}
GS_EXPORT_KUNIT(gs_survey_make);

void gs_survey_free(struct gs_survey *v)
{
	kvfree(v->of);
	kvfree(v);
}
GS_EXPORT_KUNIT(gs_survey_free);
