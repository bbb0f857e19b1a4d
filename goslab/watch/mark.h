/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_MARK_H
#define GS_WATCH_MARK_H

#include <linux/bitmap.h>

#include "back/arena.h"

/* Objects start at multiples of a word: a page has so many places. */
#define GS_MARK_PLACES	(GS_PAGE_SIZE / sizeof(long))

/* Pages that one hold of a page heap's lock looks at. */
#define GS_MARK_PAGES	16

/**
 * struct gs_page_marks - two bits for each word of a page (Go: heapBits).
 * @old: an object that was live when the scan began, and may be a leak, starts here.
 * @mark: it was reached.
 */
struct gs_page_marks {
	DECLARE_BITMAP(old, GS_MARK_PLACES);
	DECLARE_BITMAP(mark, GS_MARK_PLACES);
};

/**
 * struct gs_arena_marks - of the pages of an arena in which such objects start.
 * @page: one more than the index in @of, by page; 0 for none.
 * @put_off: pages with objects that were reached and found no room in the queue.
 * @nr: of @of.
 * @of: the marks.
 */
struct gs_arena_marks {
	u16 page[GS_ARENA_PAGES];
	DECLARE_BITMAP(put_off, GS_ARENA_PAGES);
	unsigned int nr;
	struct gs_page_marks of[];
};

/**
 * struct gs_mark - a scan: which objects are reached from the roots.
 * @heap: a collected heap, whose objects alone are looked at; NULL: all others.
 * @first: number of the first arena of @arena.
 * @nr: entries of @arena.
 * @low: address of the first arena.
 * @bytes: from there to the end of the last one.
 * @arena: the marks of each; NULL where no old object starts.
 * @queue: grey objects: reached, and not scanned yet.
 * @room: entries of it.
 * @used: of these, used.
 * @put_off: bits are set in the @put_off of an arena.
 * @at: next word of the object that is being scanned; 0 for none.
 * @nr_marked: objects that were reached so far.
 * @young: see gs_mark_young().
 */
struct gs_mark {
	const struct goslab_heap *heap;
	unsigned long first;
	unsigned long nr;
	unsigned long low;
	unsigned long bytes;
	struct gs_arena_marks **arena;
	unsigned long *queue;
	unsigned int room;
	unsigned int used;
	bool put_off;
	unsigned long at;
	unsigned long nr_marked;
	DECLARE_BITMAP(young, GS_MARK_PAGES * GS_MARK_PLACES);
};

/* The objects of a span that start in a page: from number @i to @end. */
struct gs_here {
	unsigned long base;
	u32 size;
	unsigned int i;
	unsigned int end;
};

static inline unsigned long gs_mark_size_of(const struct mspan *s)
{
	return (unsigned long)READ_ONCE(s->npages) << GS_PAGE_SHIFT;
}

/* The address of object @h->i. */
static inline unsigned long gs_here_start(const struct gs_here *h)
{
	return h->base + (unsigned long)h->i * h->size;
}

/* The bit of the object at @p in the marks of its page. */
static inline unsigned int gs_mark_place(unsigned long p)
{
	return (p & (GS_PAGE_SIZE - 1)) / sizeof(long);
}

/* The marks of the page of @p, or NULL. */
static inline struct gs_page_marks *gs_mark_at(const struct gs_mark *m, unsigned long p)
{
	unsigned long off = p - m->low;
	struct gs_arena_marks *a;
	unsigned int page;

	if (off >= m->bytes)
		return NULL;
	a = m->arena[off >> GS_ARENA_SHIFT];
	page = a ? a->page[off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)] : 0;
	return page ? &a->of[page - 1] : NULL;
}

struct goslab_heap;

struct gs_here gs_mark_here(const struct mspan *s, unsigned long page);

/* Entries of the queue; tests make it short. */
extern unsigned int gs_mark_room;

void gs_mark_words(struct gs_mark *m, const unsigned long *word, unsigned int n);
int gs_mark_drain(struct gs_mark *m);
int gs_mark_young(struct gs_mark *m);

/* watch/markbits.c */
void *gs_mark_alloc(size_t bytes);
bool gs_mark_wants(const struct gs_mark *m, const struct mspan *s);
struct gs_mark *gs_mark_begin(const struct goslab_heap *heap);
void gs_mark_whiten(struct gs_mark *m);
void gs_mark_end(struct gs_mark *m);
unsigned long gs_mark_narrow(struct gs_mark *m);
void gs_mark_each(struct gs_mark *m, void (*fn)(unsigned long p, void *arg), void *arg);
bool gs_mark_is_old(const struct gs_mark *m, unsigned long p);
void gs_mark_drop(struct gs_mark *m, unsigned long p);

#endif /* GS_WATCH_MARK_H */
