// SPDX-License-Identifier: GPL-2.0
/*
 * inspect: calls that look at objects: the walk of a cache, usercopy bounds.
 *
 * Lock:       the walk copies a few addresses under the mheap lock, so that the
 *             span cannot go away, and calls the function with no lock held.
 * Context:    the walk sleeps; the check: any but NMI.
 * Tests:      kunit/inspect_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/sched.h>

#include "api/cache.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/report.h"
#include "front/guard.h"
#include "front/tiny.h"

#define WALK_BATCH	16

/**
 * struct walk - where a walk of live objects is.
 * @c: the class walked.
 * @page: next page to look at, in all arenas.
 * @i: next object of the span there.
 * @n: live objects found.
 * @p: they.
 */
struct walk {
	struct gs_class *c;
	unsigned long page;
	unsigned int i;
	unsigned int n;
	void *p[WALK_BATCH];
};

/* Live objects of @s from w->i on; full or not. */
static unsigned int take_live(struct walk *w, const struct mspan *s,
			      unsigned int n)
{
	for (; w->i < s->nelems && n < WALK_BATCH; w->i++)
		if (READ_ONCE(s->objects[w->i]) >= GS_LIVE_MIN)
			w->p[n++] = gs_span_object(s, w->i);
	return n;
}

/* The next live objects of the span that starts at @p; see gs_mheap_each_page(). */
static bool collect(struct mspan *s, void *p, void *arg)
{
	struct walk *w = arg;

	if (s->base == (unsigned long)p && s->state == GS_SPAN_SMALL &&
	    s->class == w->c) {
		w->n = take_live(w, s, w->n);
		if (w->i < s->nelems)
			return false;
	}
	w->i = 0;
	w->page++;
	return true;
}

/* Fill w->p. Return: how many, -1 at the end. */
static int next_objects(struct walk *w)
{
	unsigned long i = w->page / GS_ARENA_PAGES;

	if (!gs_radix_next(&gs_radix, &i))
		return -1;
	w->page = max(w->page, i * GS_ARENA_PAGES);
	w->n = 0;
	gs_mheap_each_page(gs_arena_base(i), w->page % GS_ARENA_PAGES,
			   GS_ARENA_PAGES, collect, w);
	return w->n;
}

int goslab_cache_walk(struct goslab_cache *cache,
		      int (*fn)(void *object, void *arg), void *arg)
{
	struct walk w = { .c = &cache->class };
	int i, n, ret;

	might_sleep();
	if (gs_cache_dead(cache, _RET_IP_))
		return -EINVAL;
	while ((n = next_objects(&w)) >= 0) {
		for (i = 0; i < n; i++) {
			ret = fn(gs_guard_object_of(w.p[i]), arg);
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}
EXPORT_SYMBOL_GPL(goslab_cache_walk);

/* May user space see [@off, @off + @n) of an object? */
static bool in_user_region(const struct mspan *s, size_t off, size_t n)
{
	struct goslab_cache *cache;
	size_t from = 0, size = s->elemsize;

	if (s->class && gs_class_is_cache(s->class)) {
		cache = container_of(s->class, struct goslab_cache, class);
		from = cache->useroffset;
		size = cache->usersize;
	}
	return off >= from && off - from <= size && n <= size - (off - from);
}

static size_t offset_in_block(const void *p)
{
	return (unsigned long)p % GS_TINY_BLOCK;
}

static bool object_ok(const struct mspan *s, const void *p, size_t n)
{
	enum gs_tiny_kind kind;
	size_t size;
	int i;

	switch (smp_load_acquire(&s->state)) {
	case GS_SPAN_TINY:
		kind = gs_tiny_look(s, p, &size);
		if (kind == GS_TINY_LIVE)
			return n <= size;
		/* Where it began is not known, but its block is. */
		return kind == GS_TINY_INSIDE &&
		       offset_in_block(p) + n <= GS_TINY_BLOCK;
	case GS_SPAN_SMALL:
	case GS_SPAN_LARGE:
	case GS_SPAN_STACK:
	case GS_SPAN_LARGE_STACK:
		i = gs_span_index_within(s, p);
		return i >= 0 && READ_ONCE(s->objects[i]) >= GS_LIVE_MIN &&
		       in_user_region(s, p - gs_span_object(s, i), n);
	}
	return false;
}

/* The same of the page of a guarded object, which has no more than was asked for. */
static bool guarded_ok(struct gs_guard *g, const void *p, size_t n)
{
	const struct mspan *s = gs_arena_look(READ_ONCE(g->standin));
	size_t off = p - g->object;

	return s != &gs_no_span && smp_load_acquire(&g->state) == GS_GUARD_LIVE && off <= g->size &&
	       n <= g->size - off && in_user_region(s, off, n);
}

static const char *name_at(const struct mspan *s, const struct gs_guard *g)
{
	if (g)
		return g->name;
	return s->class ? s->class->name : NULL;
}

bool goslab_check_object(const void *p, size_t n)
{
	struct gs_guard *g = gs_guard_at(p);
	const struct mspan *s;
	bool ok;

	rcu_read_lock();
	s = gs_arena_look(p);
	ok = !n || (g ? guarded_ok(g, p, n) : !gs_span_covers(s, p) || object_ok(s, p, n));
	if (!ok)
		gs_report(&(struct gs_report) {
			.kind = GS_BUG_USERCOPY, .addr = p, .what = "bytes",
			.value = n, .name = name_at(s, g), .site = _RET_IP_,
		});
	rcu_read_unlock();
	return ok;
}
EXPORT_SYMBOL_GPL(goslab_check_object);
