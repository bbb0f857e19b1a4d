// SPDX-License-Identifier: GPL-2.0
/*
 * mark: which objects are reached from the roots (Go: the mark phase of its
 * collector).
 *
 * Three colours. White: an old object without a mark. Grey: marked, and in the queue
 * or put off. Black: marked and scanned. Only old objects (markbits.c) are marked, and
 * what of them stays white is not reached. All other live objects are taken for reached
 * (gs_mark_young()), whatever their age.
 *
 * Allocations and frees do not know of marks, and there is no write barrier. A pointer
 * that moves from a place that was not read yet to one that was read already is missed:
 * who reports white objects must look twice (leakscan.c).
 *
 * The queue has a fixed size. An object that finds no room keeps its mark, and its
 * page is noted; when the queue is empty, all marked objects of such pages are
 * scanned again. Each object is put off at most once, so that ends. (Go grows its
 * queue; Boehm's collector does as is done here.)
 *
 * Flow:       roots -> gs_mark_words() -> queue -> [words of objects] -> queue
 * Lock:       the page heap's lock of a node while objects of it are read: their pages
 *             stay then. None for the marks, which are one task's.
 * Context:    task; sleeps.
 * Tests:      kunit/mark_kunit.c
 */
#include "watch/mark.h"

#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "back/mheap.h"
#include "middle/class.h"

/* Words that one hold of a lock reads, each perhaps an address to be looked up. */
#define WORDS_PER_HOLD	512

/* What an object costs besides its words, in words. */
#define WORDS_OF_OBJECT	4

/* An object: its first byte and the byte behind it. */
struct extent {
	unsigned long start;
	unsigned long end;
};

/*
 * The object of @s that @addr lies in, or one that starts at 0. Without a lock @s may
 * become another span meanwhile; under that of its node an object lies in its pages.
 */
static struct extent object_of(const struct mspan *s, unsigned long addr)
{
	unsigned long base = READ_ONCE(s->base), off = addr - base, bytes = gs_mark_size_of(s);
	u32 size = READ_ONCE(s->elemsize), in;

	if (!gs_span_in_use(s) || off >= bytes || !size ||
	    (u32)off / size >= READ_ONCE(s->nelems))
		return (struct extent){ };
	in = (u32)off % size;
	return (struct extent){ addr - in, min(addr - in + size, base + bytes) };
}

/* An object turned grey. */
static void push(struct gs_mark *m, unsigned long p)
{
	unsigned long off = p - m->low;

	m->nr_marked++;
	if (likely(m->used < m->room)) {
		m->queue[m->used++] = p;
		return;
	}
	__set_bit(off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1),
		  m->arena[off >> GS_ARENA_SHIFT]->put_off);
	m->put_off = true;
}

/*
 * A word that was read, in an RCU section or under a lock: if it leads into a white object,
 * that turns grey.
 */
static __always_inline void mark_word(struct gs_mark *m, unsigned long word)
{
	struct gs_page_marks *marks;
	unsigned int place;
	unsigned long p;

	/* Most words are no address in the heap. */
	if (likely(word - m->low >= m->bytes))
		return;
	p = object_of(gs_arena_look((void *)word), word).start;
	marks = p ? gs_mark_at(m, p) : NULL;
	place = gs_mark_place(p);
	if (marks && test_bit(place, marks->old) && !__test_and_set_bit(place, marks->mark))
		push(m, p);
}

/* Words of a root, copied. */
void gs_mark_words(struct gs_mark *m, const unsigned long *word, unsigned int n)
{
	rcu_read_lock();
	while (n--)
		mark_word(m, *word++);
	rcu_read_unlock();
}
GS_EXPORT_KUNIT(gs_mark_words);

/* Does an object of @s hold no pointers? */
static bool is_noscan(const struct mspan *s)
{
	const struct gs_class *c = READ_ONCE(s->class);

	return c ? c->noscan : READ_ONCE(s->noscan);
}

/*
 * Words of the object at @p, which begins @skip words before. A word may change, or
 * be of an object that was freed meanwhile: KASAN and KCSAN need not look.
 */
static void scan_words(struct gs_mark *m, const struct gs_class *c, unsigned long p,
		       unsigned int skip, unsigned int n)
{
	const unsigned long *word = (void *)p, *pointers = c ? READ_ONCE(c->pointers) : NULL;
	unsigned int i;

	if (!pointers) {
		for (i = 0; i < n; i++)
			mark_word(m, READ_ONCE_NOCHECK(word[i]));
		return;
	}
	/* From here on they count from the start of the object. */
	word -= skip;
	n = min(skip + n, c->nr_pointers);
	for (i = find_next_bit(pointers, n, skip); i < n; i = find_next_bit(pointers, n, i + 1))
		mark_word(m, READ_ONCE_NOCHECK(word[i]));
}

/*
 * A part of the object at m->at, at most @most words; under the lock of @node. An
 * object that is freed, or whose span has gone, is left. Return: words, or what they
 * cost; 0 if the object is of another node.
 */
static unsigned int scan_part(struct gs_mark *m, unsigned int node, unsigned int most)
{
	unsigned long at = m->at;
	struct mspan *s = gs_arena_look((void *)at);
	struct extent object = object_of(s, at);
	unsigned int n;

	if (object.start && READ_ONCE(s->node) != node)
		return 0;
	m->at = 0;
	if (!object.start || is_noscan(s))
		return WORDS_OF_OBJECT;
	n = (object.end - at) / sizeof(long);
	if (n > most) {
		n = most;
		m->at = at + n * sizeof(long);
	}
	scan_words(m, READ_ONCE(s->class), at, (at - object.start) / sizeof(long), n);
	return n + WORDS_OF_OBJECT;
}

static bool pop(struct gs_mark *m)
{
	if (m->used)
		m->at = m->queue[--m->used];
	return m->at;
}

/* Grey objects, as many as one hold of a lock allows, and all of one node. */
static void scan_some(struct gs_mark *m)
{
	unsigned int n, node, left = WORDS_PER_HOLD;
	const struct mspan *s;
	unsigned long flags;

	rcu_read_lock();
	s = gs_arena_look((void *)m->at);
	node = object_of(s, m->at).start ? READ_ONCE(s->node) : 0;
	rcu_read_unlock();
	gs_lock(&gs_mheaps[node].lock, flags);
	do {
		n = scan_part(m, node, left);
		left -= min(left, n);
	} while (n && left && (m->at || pop(m)));
	gs_unlock(&gs_mheaps[node].lock, flags);
	gs_count_steps(WORDS_PER_HOLD - left);
}

/* Until the queue is empty. Return: 0 or -EINTR. */
static int empty_queue(struct gs_mark *m)
{
	while (m->at || pop(m)) {
		scan_some(m);
		cond_resched();
		if (fatal_signal_pending(current))
			return -EINTR;
	}
	return 0;
}

/* Scan all marked objects of a page from which some were put off. */
static int scan_page(struct gs_mark *m, struct gs_arena_marks *a, unsigned long i,
		     unsigned int page)
{
	const struct gs_page_marks *marks = &a->of[a->page[page] - 1];
	unsigned long base = m->low + (i << GS_ARENA_SHIFT) + page * GS_PAGE_SIZE;
	unsigned int place;
	int ret = 0;

	__clear_bit(page, a->put_off);
	for_each_set_bit(place, marks->mark, GS_MARK_PLACES) {
		m->at = base + place * sizeof(long);
		ret = empty_queue(m);
		if (ret)
			break;
	}
	return ret;
}

static int scan_put_off(struct gs_mark *m)
{
	unsigned int page;
	unsigned long i;
	int ret = 0;

	m->put_off = false;
	for (i = 0; i < m->nr && !ret; i++) {
		struct gs_arena_marks *a = m->arena[i];

		if (!a)
			continue;
		for_each_set_bit(page, a->put_off, GS_ARENA_PAGES) {
			ret = scan_page(m, a, i, page);
			if (ret)
				break;
		}
	}
	return ret;
}

/**
 * gs_mark_drain() - scan until no object is grey.
 * @m: the scan.
 *
 * Context: task; sleeps.
 * Return: 0, or -EINTR for a fatal signal.
 */
int gs_mark_drain(struct gs_mark *m)
{
	int ret = empty_queue(m);

	while (!ret && m->put_off)
		ret = scan_put_off(m);
	return ret;
}
GS_EXPORT_KUNIT(gs_mark_drain);

/* For note_young(): the scan, and the address of its first page. */
struct young {
	struct gs_mark *m;
	unsigned long base;
};

/* Free objects in their spans and magazines lead nowhere; all others may. */
static bool note_young(struct mspan *s, void *p, void *arg)
{
	struct gs_here h = gs_mark_here(s, (unsigned long)p);
	struct young *y = arg;
	unsigned int page = ((unsigned long)p - y->base) >> GS_PAGE_SHIFT;
	const struct gs_page_marks *marks = gs_mark_at(y->m, (unsigned long)p);

	/* Objects of other heaps do not keep those of a collected one. */
	if (y->m->heap && !gs_mark_wants(y->m, s))
		return true;
	for (; h.i < h.end; h.i++) {
		u8 state = READ_ONCE(s->objects[h.i]);
		unsigned int place = gs_mark_place(gs_here_start(&h));

		if (state < GS_PENDING || state == GS_HELD ||
		    (state >= GS_LIVE_MIN && marks && test_bit(place, marks->old)))
			continue;
		__set_bit(page * GS_MARK_PLACES + place, y->m->young);
	}
	return true;
}

static int scan_young(struct gs_mark *m, unsigned long base)
{
	unsigned int i;

	for_each_set_bit(i, m->young, GS_MARK_PAGES * GS_MARK_PLACES) {
		/* They have no marks, so they cannot be put off. */
		if (m->used == m->room && empty_queue(m))
			return -EINTR;
		m->queue[m->used++] = base + i * sizeof(long);
	}
	return empty_queue(m);
}

/**
 * gs_mark_young() - take all live objects that are not old for reached.
 * @m: the scan.
 *
 * Those that were allocated since it began, those whose free waits for RCU, and those
 * that gs_mark_narrow() found reached.
 *
 * Context: task; sleeps.
 * Return: as gs_mark_drain().
 */
int gs_mark_young(struct gs_mark *m)
{
	unsigned int first;
	unsigned long i;
	int ret = 0;

	gs_arena_for_each(i) {
		for (first = 0; first < GS_ARENA_PAGES && !ret; first += GS_MARK_PAGES) {
			struct young y = { m, gs_arena_base(i) + first * GS_PAGE_SIZE };

			bitmap_zero(m->young, GS_MARK_PAGES * GS_MARK_PLACES);
			gs_mheap_each_page(gs_arena_base(i), first, first + GS_MARK_PAGES,
					   note_young, &y);
			ret = scan_young(m, y.base);
		}
		if (ret)
			return ret;
	}
	return gs_mark_drain(m);
}
GS_EXPORT_KUNIT(gs_mark_young);

