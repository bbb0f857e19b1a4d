// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: fixed-size pieces of metadata that keep their type until unload.
 *
 * A freed piece is reused only for the same type, and no chunk is given back
 * before exit: a late reader still sees a piece of the type that it expects.
 * The free list writes one word of a piece, at an offset where that cannot harm
 * such a reader. (Go: mfixalloc.go, with one-page chunks.)
 *
 * Lock:       f->lock, a leaf. Dropped before a chunk is drawn.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: nr_free == length of the free list <= nr_chunks * per chunk.
 * Tests:      kunit/fixalloc_kunit.c
 */
#include "base/fixalloc.h"

#include <linux/align.h>
#include <linux/cache.h>

#include "base/debug.h"
#include "base/sys.h"

/* The chunk's own link takes the first line, so that pieces stay aligned. */
#define CHUNK_HEAD	64

static void **link_of(const struct fixalloc *f, void *p)
{
	return p + f->link;
}

/* Pieces that one chunk holds. */
unsigned int gs_fixalloc_per_chunk(const struct fixalloc *f)
{
	return (PAGE_SIZE - CHUNK_HEAD) / f->size;
}
GS_EXPORT_KUNIT(gs_fixalloc_per_chunk);

/**
 * gs_fixalloc_init() - make an empty fixalloc.
 * @f: to fill in.
 * @size: bytes of a piece, at most PAGE_SIZE - 64; rounded up to 64.
 * @link: offset of a word that the free list may use while a piece is free.
 */
void gs_fixalloc_init(struct fixalloc *f, unsigned int size, unsigned int link)
{
	*f = (struct fixalloc) {
		.size = ALIGN(size, 64),
		.link = link,
	};
	spin_lock_init(&f->lock);
}
GS_EXPORT_KUNIT(gs_fixalloc_init);

/* Give all chunks back; no piece may be in use any more. */
void gs_fixalloc_exit(struct fixalloc *f)
{
	void *chunk, *next;

	for (chunk = f->chunks; chunk; chunk = next) {
		next = *(void **)chunk;
		gs_sys_give_meta(chunk, PAGE_SIZE);
	}
	f->chunks = f->free = NULL;
	f->nr_chunks = f->nr_free = 0;
}
GS_EXPORT_KUNIT(gs_fixalloc_exit);

static void *pop(struct fixalloc *f)
{
	void *p = f->free;

	if (p) {
		f->free = *link_of(f, p);
		f->nr_free--;
	}
	return p;
}

static void push(struct fixalloc *f, void *p)
{
	*link_of(f, p) = f->free;
	f->free = p;
	f->nr_free++;
}

/*
 * Take up to @n pieces that are free: may be called with a lock held. Return: how
 * many.
 */
unsigned int gs_fixalloc_alloc_some(struct fixalloc *f, void **p, unsigned int n)
{
	unsigned long flags;
	unsigned int got = 0;

	gs_lock(&f->lock, flags);
	while (got < n && f->free)
		p[got++] = pop(f);
	gs_unlock(&f->lock, flags);
	return got;
}
GS_EXPORT_KUNIT(gs_fixalloc_alloc_some);

/* The same for one, or NULL. */
void *gs_fixalloc_alloc_free(struct fixalloc *f)
{
	void *p;

	return gs_fixalloc_alloc_some(f, &p, 1) ? p : NULL;
}
GS_EXPORT_KUNIT(gs_fixalloc_alloc_free);

/**
 * gs_fixalloc_alloc() - take a piece.
 * @f: where from.
 * @gfp: for a new chunk, should one be needed.
 *
 * Return: a piece, zeroed if it was never used before, else as it was left
 * except for the word at @link; NULL without memory.
 */
void *gs_fixalloc_alloc(struct fixalloc *f, gfp_t gfp)
{
	unsigned long flags;
	unsigned int i;
	void *p, *chunk;

	p = gs_fixalloc_alloc_free(f);
	if (likely(p))
		return p;

	chunk = gs_sys_draw_meta(PAGE_SIZE, NUMA_NO_NODE, gfp);
	if (!chunk)
		return NULL;
	gs_lock(&f->lock, flags);
	*(void **)chunk = f->chunks;
	f->chunks = chunk;
	f->nr_chunks++;
	for (i = gs_fixalloc_per_chunk(f); i-- > 0; )
		push(f, chunk + CHUNK_HEAD + i * f->size);
	p = pop(f);
	gs_unlock(&f->lock, flags);
	return p;
}
GS_EXPORT_KUNIT(gs_fixalloc_alloc);

/* Give @n pieces back. */
void gs_fixalloc_free_some(struct fixalloc *f, void **p, unsigned int n)
{
	unsigned long flags;

	gs_lock(&f->lock, flags);
	while (n)
		push(f, p[--n]);
	gs_unlock(&f->lock, flags);
}
GS_EXPORT_KUNIT(gs_fixalloc_free_some);

void gs_fixalloc_free(struct fixalloc *f, void *p)
{
	gs_fixalloc_free_some(f, &p, 1);
}
GS_EXPORT_KUNIT(gs_fixalloc_free);
