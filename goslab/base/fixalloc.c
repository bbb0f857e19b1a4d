// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: fixed-size pieces of metadata that keep their type until unload.
 *
 * A freed piece is reused only for the same type, and no chunk is given back
 * before exit: a late reader still sees a piece of the type that it expects.
 * The free list writes one word of a piece, at an offset where that cannot harm
 * such a reader. (Go: mfixalloc.go, with one-page chunks.)
 *
 * A fixalloc may have a stash for each CPU: what comes and goes in numbers, or under
 * another lock, takes f->lock once in a batch.
 *
 * Lock:       f->lock, a leaf. Dropped before a chunk is drawn. Stashes: interrupts
 *             off, their CPU only.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: nr_free == length of the free list <= nr_chunks * per chunk; a stash has
 *             as many as it says.
 * Tests:      kunit/fixalloc_kunit.c
 */
#include "base/fixalloc.h"

#include <linux/align.h>
#include <linux/cache.h>
#include <linux/minmax.h>
#include <linux/percpu.h>

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

/* Add bytes of pieces that somebody has (or a CPU keeps), and of all chunks. */
void gs_fixalloc_add_usage(const struct fixalloc *f, size_t *in_use, size_t *drawn)
{
	unsigned int chunks = READ_ONCE(f->nr_chunks);
	unsigned int pieces = chunks * gs_fixalloc_per_chunk(f);

	*in_use += (size_t)(pieces - min(pieces, READ_ONCE(f->nr_free))) * f->size;
	*drawn += chunks * PAGE_SIZE;
}

/**
 * gs_fixalloc_init() - make an empty fixalloc.
 * @f: to fill in.
 * @size: bytes of a piece, at most PAGE_SIZE - 64; rounded up to 64.
 * @link: offset of a word that the free list may use while a piece is free.
 * @stash: one for each CPU, all zero, or NULL.
 */
void gs_fixalloc_init(struct fixalloc *f, unsigned int size, unsigned int link,
		      struct gs_stash __percpu *stash)
{
	*f = (struct fixalloc) {
		.size = ALIGN(size, 64),
		.link = link,
		.stash = stash,
	};
	f->batch = clamp(GS_STASH_BYTES / f->size, 2, GS_STASH_MAX) / 2;
	spin_lock_init(&f->lock);
}
GS_EXPORT_KUNIT(gs_fixalloc_init);

/* Give all chunks back; no piece may be in use any more. */
void gs_fixalloc_exit(struct fixalloc *f)
{
	void *chunk, *next;
	int cpu;

	for (chunk = f->chunks; chunk; chunk = next) {
		next = *(void **)chunk;
		gs_sys_give_meta(chunk, PAGE_SIZE);
	}
	f->chunks = f->free = NULL;
	f->nr_chunks = f->nr_free = 0;
	if (f->stash)
		for_each_possible_cpu(cpu)
			*per_cpu_ptr(f->stash, cpu) = (struct gs_stash){ };
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

/* Up to @n pieces off the free list. Return: how many. */
static unsigned int take_some(struct fixalloc *f, void **p, unsigned int n)
{
	unsigned long flags;
	unsigned int got = 0;

	/* A look: callers that take only what is free often find none. */
	if (!data_race(f->free))
		return 0;
	gs_lock(&f->lock, flags);
	while (got < n && f->free)
		p[got++] = pop(f);
	gs_unlock(&f->lock, flags);
	return got;
}

static void give_some(struct fixalloc *f, void **p, unsigned int n)
{
	unsigned long flags;

	gs_lock(&f->lock, flags);
	while (n)
		push(f, p[--n]);
	gs_unlock(&f->lock, flags);
}

/* Interrupts are off. */
static void *stash_pop(const struct fixalloc *f, struct gs_stash *stash)
{
	void *p = stash->first;

	if (p) {
		stash->first = *link_of(f, p);
		stash->n--;
	}
	return p;
}

static void stash_push(const struct fixalloc *f, struct gs_stash *stash, void *p)
{
	*link_of(f, p) = stash->first;
	stash->first = p;
	stash->n++;
}

/* A batch for the CPU, and one piece more. */
static noinline void *refill_stash(struct fixalloc *f)
{
	void *got[GS_STASH_MAX / 2] __uninitialized;
	unsigned int n = take_some(f, got, f->batch);
	unsigned long flags;

	if (!n)
		return NULL;
	local_irq_save(flags);
	while (n > 1)
		stash_push(f, this_cpu_ptr(f->stash), got[--n]);
	local_irq_restore(flags);
	return got[0];
}

/* The CPU has enough: half goes to the free list. */
static noinline void spill_stash(struct fixalloc *f)
{
	void *gone[GS_STASH_MAX / 2] __uninitialized;
	struct gs_stash *stash;
	unsigned long flags;
	unsigned int n = 0;

	local_irq_save(flags);
	stash = this_cpu_ptr(f->stash);
	while (n < f->batch && stash->n > f->batch)
		gone[n++] = stash_pop(f, stash);
	local_irq_restore(flags);
	if (n)
		give_some(f, gone, n);
}

static __always_inline void *alloc_free(struct fixalloc *f)
{
	unsigned long flags;
	void *p;

	if (!f->stash)
		return take_some(f, &p, 1) ? p : NULL;
	local_irq_save(flags);
	p = stash_pop(f, this_cpu_ptr(f->stash));
	local_irq_restore(flags);
	return likely(p) ? p : refill_stash(f);
}

/*
 * Take a piece that is free, or NULL: may be called with a lock held. What other CPUs
 * have stashed is not looked for.
 */
void *gs_fixalloc_alloc_free(struct fixalloc *f)
{
	return alloc_free(f);
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

	p = alloc_free(f);
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

/* Give a piece back; any but NMI, may be called with a lock held. */
void gs_fixalloc_free(struct fixalloc *f, void *p)
{
	struct gs_stash *stash;
	unsigned long flags;
	bool full;

	if (!f->stash)
		return give_some(f, &p, 1);
	local_irq_save(flags);
	stash = this_cpu_ptr(f->stash);
	stash_push(f, stash, p);
	full = stash->n >= 2U * f->batch;
	local_irq_restore(flags);
	if (unlikely(full))
		spill_stash(f);
}
GS_EXPORT_KUNIT(gs_fixalloc_free);
