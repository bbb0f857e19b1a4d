// SPDX-License-Identifier: GPL-2.0
/*
 * markbits: which objects are old, and which of them were reached.
 *
 * *Old* objects were live when the scan began, or, after gs_mark_narrow(), stayed white.
 * Marks are kept by place, not by object: a page may become that of another span and
 * class meanwhile, and its bits say of any address whether an old object starts there.
 *
 * Lock:       the page heap's lock of a node while states of its objects are read.
 *             None for the marks, which are one task's.
 * Context:    task; sleeps.
 * Memory:     256 bytes for each page of 8 KiB in which an old object starts, 1 KiB for
 *             an arena, 512 KiB for the queue; all of it until gs_mark_end().
 * Tests:      kunit/mark_kunit.c
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "back/mheap.h"
#include "middle/class.h"
#include "watch/mark.h"

unsigned int gs_mark_room = 64 << 10;
GS_EXPORT_KUNIT(gs_mark_room);

/*
 * Zeroed memory for one scan. It comes from the kernel: the largest blocks are needed
 * for a moment only, and goslab's own figures do not move while they are looked at.
 */
void *gs_mark_alloc(size_t bytes)
{
	u64 ask = bytes;

	gs_hook(GS_HOOK_OTHER_DRAW, &ask);
	return ask ? kvzalloc(bytes, GFP_KERNEL | __GFP_NOWARN) : NULL;
}

/* Which objects of @s start in the page at @page; under the lock of its node. */
struct gs_here gs_mark_here(const struct mspan *s, unsigned long page)
{
	struct gs_here h = { .base = READ_ONCE(s->base), .size = READ_ONCE(s->elemsize) };
	unsigned long off = page - h.base;

	/* A descriptor that is being made, or is another span's by now. */
	if (!gs_span_in_use(s) || !h.size || off >= gs_mark_size_of(s))
		return (struct gs_here){ };
	h.i = DIV_ROUND_UP((u32)off, h.size);
	h.end = min_t(unsigned int, READ_ONCE(s->nelems),
		      DIV_ROUND_UP((u32)off + (u32)GS_PAGE_SIZE, h.size));
	return h;
}

static bool is_live(const struct mspan *s, unsigned int i)
{
	return READ_ONCE(s->objects[i]) >= GS_LIVE_MIN;
}

/*
 * Does the scan look for objects of @s? Under the lock of its node. Those of a collected
 * heap are no leaks.
 */
bool gs_mark_wants(const struct gs_mark *m, const struct mspan *s)
{
	const struct gs_class *c;

	/* The class of a descriptor that is free may be gone. */
	if (!gs_span_in_use(s))
		return false;
	c = READ_ONCE(s->class);
	if (m->heap)
		return c && READ_ONCE(c->heap) == m->heap;
	return !c || !READ_ONCE(c->collected);
}

/* For the pages of an arena: marks to be filled in, and pages that they have room for. */
struct noting {
	const struct gs_mark *m;
	struct gs_arena_marks *a;
	unsigned int room;
};

static bool count_page(struct mspan *s, void *p, void *arg)
{
	struct gs_here h = gs_mark_here(s, (unsigned long)p);
	struct noting *to = arg;

	while (h.i < h.end && !is_live(s, h.i))
		h.i++;
	to->room += h.i < h.end && gs_mark_wants(to->m, s);
	return true;
}

static bool note_page(struct mspan *s, void *p, void *arg)
{
	struct gs_here h = gs_mark_here(s, (unsigned long)p);
	struct noting *to = arg;
	struct gs_arena_marks *a = to->a;
	u16 *page = &a->page[(unsigned long)p >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)];

	if (!gs_mark_wants(to->m, s))
		return true;
	for (; h.i < h.end; h.i++) {
		if (!is_live(s, h.i))
			continue;
		/* A page that came since they were counted is young. */
		if (!*page && a->nr == to->room)
			return true;
		if (!*page)
			*page = ++a->nr;
		__set_bit(gs_mark_place(gs_here_start(&h)), a->of[*page - 1].old);
	}
	return true;
}

/* Call @fn for each page of an arena, some for each hold of the lock. */
static void each_page(unsigned long base, gs_page_fn fn, void *arg)
{
	unsigned int first;

	for (first = 0; first < GS_ARENA_PAGES; first += GS_MARK_PAGES)
		gs_mheap_each_page(base, first, first + GS_MARK_PAGES, fn, arg);
	cond_resched();
}

/* Have marks for arena @i. Return: 0 or -ENOMEM. */
static int note_arena(struct gs_mark *m, unsigned long i)
{
	struct noting to = { .m = m };

	each_page(gs_arena_base(i), count_page, &to);
	if (!to.room)
		return 0;
	to.a = gs_mark_alloc(struct_size(to.a, of, to.room));
	if (!to.a)
		return -ENOMEM;
	each_page(gs_arena_base(i), note_page, &to);
	m->arena[i - m->first] = to.a;
	return 0;
}

/* Which arenas there are. */
static void find_bounds(struct gs_mark *m)
{
	unsigned long i;

	m->first = ULONG_MAX;
	gs_arena_for_each(i) {
		m->first = min(m->first, i);
		m->nr = i - m->first + 1;
	}
	m->low = m->nr ? gs_arena_base(m->first) : 0;
	m->bytes = m->nr << GS_ARENA_SHIFT;
}

static int note_all(struct gs_mark *m)
{
	unsigned long i;

	find_bounds(m);
	m->room = READ_ONCE(gs_mark_room);
	m->queue = gs_mark_alloc(m->room * sizeof(*m->queue));
	m->arena = gs_mark_alloc((m->nr + 1) * sizeof(*m->arena));
	if (!m->queue || !m->arena)
		return -ENOMEM;
	gs_arena_for_each(i) {
		if (i - m->first < m->nr && note_arena(m, i))
			return -ENOMEM;
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/**
 * gs_mark_begin() - what is live now is old, and white.
 * @heap: a collected heap, or NULL for all objects that are in none.
 *
 * Context: task; sleeps.
 * Return: the scan, for gs_mark_end(), or an ERR_PTR(): -ENOMEM, -EINTR for a fatal
 * signal.
 */
struct gs_mark *gs_mark_begin(const struct goslab_heap *heap)
{
	struct gs_mark *m = gs_mark_alloc(sizeof(*m));
	int ret;

	if (!m)
		return ERR_PTR(-ENOMEM);
	m->heap = heap;
	ret = note_all(m);
	if (!ret)
		return m;
	gs_mark_end(m);
	return ERR_PTR(ret);
}
GS_EXPORT_KUNIT(gs_mark_begin);

void gs_mark_end(struct gs_mark *m)
{
	unsigned long i;

	for (i = 0; m->arena && i < m->nr; i++)
		kvfree(m->arena[i]);
	kvfree(m->arena);
	/* Addresses that the kernel's free memory keeps would be found next time. */
	if (m->queue)
		memset(m->queue, 0, m->room * sizeof(*m->queue));
	kvfree(m->queue);
	kvfree(m);
}
GS_EXPORT_KUNIT(gs_mark_end);

/* All old objects are white again. */
void gs_mark_whiten(struct gs_mark *m)
{
	unsigned int page;
	unsigned long i;

	m->used = 0;
	m->at = 0;
	m->put_off = false;
	for (i = 0; i < m->nr; i++) {
		struct gs_arena_marks *a = m->arena[i];

		if (!a)
			continue;
		bitmap_zero(a->put_off, GS_ARENA_PAGES);
		for (page = 0; page < a->nr; page++)
			bitmap_zero(a->of[page].mark, GS_MARK_PLACES);
		cond_resched();
	}
}

static bool narrow_page(struct mspan *s, void *p, void *arg)
{
	struct gs_here h = gs_mark_here(s, (unsigned long)p);
	struct gs_mark *m = arg;
	struct gs_page_marks *marks = gs_mark_at(m, (unsigned long)p);
	DECLARE_BITMAP(white, GS_MARK_PLACES) = { };

	if (!marks)
		return true;
	for (; h.i < h.end; h.i++)
		if (is_live(s, h.i))
			__set_bit(gs_mark_place(gs_here_start(&h)), white);
	bitmap_andnot(marks->old, marks->old, marks->mark, GS_MARK_PLACES);
	bitmap_and(marks->old, marks->old, white, GS_MARK_PLACES);
	bitmap_zero(marks->mark, GS_MARK_PLACES);
	return true;
}

/**
 * gs_mark_narrow() - only objects that are white, and still live, are old from here on.
 * @m: the scan. No object is grey.
 *
 * Context: task; sleeps.
 * Return: how many.
 */
unsigned long gs_mark_narrow(struct gs_mark *m)
{
	unsigned long i, n = 0;
	unsigned int page;

	/* Not the arenas that there are: what was live in one that went is not any more. */
	for (i = 0; i < m->nr; i++) {
		struct gs_arena_marks *a = m->arena[i];

		if (!a)
			continue;
		each_page(gs_arena_base(m->first + i), narrow_page, m);
		for (page = 0; page < a->nr; page++)
			n += bitmap_weight(a->of[page].old, GS_MARK_PLACES);
	}
	return n;
}
GS_EXPORT_KUNIT(gs_mark_narrow);

static void each_of_page(const struct gs_page_marks *marks, unsigned long base,
			 void (*fn)(unsigned long p, void *arg), void *arg)
{
	unsigned int place;

	for_each_set_bit(place, marks->old, GS_MARK_PLACES)
		fn(base + place * sizeof(long), arg);
}

/* Call @fn for each old object, lowest first; it may drop it. No lock is held. */
void gs_mark_each(struct gs_mark *m, void (*fn)(unsigned long p, void *arg), void *arg)
{
	unsigned int page;
	unsigned long i;

	for (i = 0; i < m->nr; i++) {
		const struct gs_arena_marks *a = m->arena[i];

		for (page = 0; a && page < GS_ARENA_PAGES; page++)
			if (a->page[page])
				each_of_page(&a->of[a->page[page] - 1],
					     m->low + (i << GS_ARENA_SHIFT) +
					     page * GS_PAGE_SIZE, fn, arg);
		cond_resched();
	}
}
GS_EXPORT_KUNIT(gs_mark_each);

bool gs_mark_is_old(const struct gs_mark *m, unsigned long p)
{
	const struct gs_page_marks *marks = gs_mark_at(m, p);

	return marks && test_bit(gs_mark_place(p), marks->old);
}
GS_EXPORT_KUNIT(gs_mark_is_old);

/* An object is no longer old: it is taken for reached. */
void gs_mark_drop(struct gs_mark *m, unsigned long p)
{
	struct gs_page_marks *marks = gs_mark_at(m, p);

	if (marks)
		__clear_bit(gs_mark_place(p), marks->old);
}
GS_EXPORT_KUNIT(gs_mark_drop);
