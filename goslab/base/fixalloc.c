// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc: fixed-size pieces of metadata that keep their type.
 *
 * A freed piece is reused only for the same type, and no chunk is given back of itself
 * before exit: a late reader still sees a piece of the type that it expects. The free
 * list writes one word of a piece, at an offset where that cannot harm such a reader.
 * (Go: mfixalloc.go, with one-page chunks.)
 *
 * Each chunk, a page, has a free list of its own, as a slab has. Pieces are taken from
 * chunks that are used already before one that is wholly free. Who knows all late
 * readers of a fixalloc may take wholly free chunks out (gs_fixalloc_isolate()), see to
 * it that no reader finds them any more, and give them back: descriptors of spans do
 * (trim.c). The others stay until exit: slots, caches, heaps, sites and records of
 * objects are few, or have readers that nothing tells of.
 *
 * A fixalloc may have a stash for each CPU: what comes and goes in numbers, or under
 * another lock, takes f->lock once in a batch.
 *
 * Lock:       f->lock, a leaf. Dropped before a chunk is drawn or given back. Stashes:
 *             interrupts off, their CPU only, but for a dead CPU.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Invariants: nr_free == pieces on free lists of chunks <= nr_chunks * per_chunk; on
 *             @usable those with free pieces, @nr_empty wholly free ones last, on @full
 *             the others; a stash has as many as it says.
 * Tests:      kunit/fixalloc_kunit.c
 */
#include "base/fixalloc.h"

#include <linux/align.h>
#include <linux/cache.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/minmax.h>
#include <linux/percpu.h>

#include "base/debug.h"
#include "base/sys.h"

/* The chunk's own head takes the first line, so that pieces stay aligned. */
#define CHUNK_HEAD	64

/**
 * struct chunk - what begins a chunk.
 * @link: on a list of its fixalloc, or of whoever has isolated it.
 * @of: its fixalloc.
 * @free: its first free piece.
 * @isolated: &is_isolated, or NULL.
 * @nr_free: pieces on @free.
 */
struct chunk {
	struct list_head link;
	struct fixalloc *of;
	void *free;
	const void *isolated;
	unsigned int nr_free;
};
static_assert(sizeof(struct chunk) <= CHUNK_HEAD);

/* Only its address is used: no other word of memory has it by chance. */
static const char is_isolated;

static struct chunk *chunk_of(const void *p)
{
	return (struct chunk *)((unsigned long)p & PAGE_MASK);
}

static void **link_of(const struct fixalloc *f, void *p)
{
	return p + f->link;
}

/* Pieces that one chunk holds. */
unsigned int gs_fixalloc_per_chunk(const struct fixalloc *f)
{
	return f->per_chunk;
}
GS_EXPORT_KUNIT(gs_fixalloc_per_chunk);

/* Add bytes of pieces that somebody has (or a CPU keeps), and of all chunks. */
void gs_fixalloc_add_usage(const struct fixalloc *f, size_t *in_use, size_t *drawn)
{
	unsigned int chunks = READ_ONCE(f->nr_chunks);
	unsigned int pieces = chunks * gs_fixalloc_per_chunk(f);

	*in_use += (size_t)(pieces - min(pieces, READ_ONCE(f->nr_free))) * f->size;
	*drawn += (chunks + READ_ONCE(f->nr_isolated)) * PAGE_SIZE;
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
	f->per_chunk = (PAGE_SIZE - CHUNK_HEAD) / f->size;
	f->batch = clamp(GS_STASH_BYTES / f->size, 2, GS_STASH_MAX) / 2;
	INIT_LIST_HEAD(&f->usable);
	INIT_LIST_HEAD(&f->full);
	spin_lock_init(&f->lock);
}
GS_EXPORT_KUNIT(gs_fixalloc_init);

static void give_chunks(struct list_head *chunks)
{
	struct chunk *c, *next;

	list_for_each_entry_safe(c, next, chunks, link)
		gs_sys_give_meta(c, PAGE_SIZE);
	INIT_LIST_HEAD(chunks);
}

/* Give all chunks back but isolated ones; no piece may be in use any more. */
void gs_fixalloc_exit(struct fixalloc *f)
{
	int cpu;

	/* It was never made. */
	if (!f->size)
		return;
	give_chunks(&f->usable);
	give_chunks(&f->full);
	f->nr_chunks = f->nr_free = f->nr_empty = 0;
	if (f->stash)
		for_each_possible_cpu(cpu)
			*per_cpu_ptr(f->stash, cpu) = (struct gs_stash){ };
}
GS_EXPORT_KUNIT(gs_fixalloc_exit);

/* A free piece, or NULL; under the lock. */
static void *pop(struct fixalloc *f)
{
	struct chunk *c = list_first_entry_or_null(&f->usable, struct chunk, link);
	void *p;

	if (!c)
		return NULL;
	p = c->free;
	c->free = *link_of(f, p);
	f->nr_empty -= c->nr_free == f->per_chunk;
	f->nr_free--;
	if (!--c->nr_free)
		list_move(&c->link, &f->full);
	return p;
}

/* The piece is free; under the lock. */
static void push(struct fixalloc *f, void *p)
{
	struct chunk *c = chunk_of(p);

	*link_of(f, p) = c->free;
	c->free = p;
	f->nr_free++;
	/* The fullest chunk is the first to be taken from, a wholly free one the last. */
	if (!c->nr_free++)
		list_move(&c->link, &f->usable);
	if (c->nr_free == f->per_chunk) {
		list_move_tail(&c->link, &f->usable);
		f->nr_empty++;
	}
}

/* Up to @n pieces off the free list. Return: how many. */
static unsigned int take_some(struct fixalloc *f, void **p, unsigned int n)
{
	unsigned long flags;
	unsigned int got = 0;

	/* A look: callers that take only what is free often find none. */
	if (list_empty(&f->usable))
		return 0;
	gs_lock(&f->lock, flags);
	while (got < n && (p[got] = pop(f)))
		got++;
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
	struct chunk *c;
	unsigned int i;
	void *p;

	p = alloc_free(f);
	if (likely(p))
		return p;

	c = gs_sys_draw_meta(PAGE_SIZE, NUMA_NO_NODE, gfp);
	if (!c)
		return NULL;
	c->of = f;
	gs_lock(&f->lock, flags);
	list_add(&c->link, &f->full);
	f->nr_chunks++;
	for (i = f->per_chunk; i-- > 0; )
		push(f, (void *)c + CHUNK_HEAD + i * f->size);
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

/**
 * gs_fixalloc_drain() - free what a CPU has stashed.
 * @f: has stashes.
 * @walk: of which CPU; nothing is done if that is not dead and this is another one.
 *
 * Context: any but NMI.
 */
void gs_fixalloc_drain(struct fixalloc *f, struct gs_walk walk)
{
	void *gone[GS_STASH_MAX] __uninitialized;
	struct gs_stash *stash = per_cpu_ptr(f->stash, walk.cpu);
	unsigned long flags;
	unsigned int n = 0;

	if (!READ_ONCE(stash->n))
		return;
	local_irq_save(flags);
	if (walk.dead || walk.cpu == smp_processor_id())
		while (n < GS_STASH_MAX && stash->n)
			gone[n++] = stash_pop(f, stash);
	local_irq_restore(flags);
	if (n)
		give_some(f, gone, n);
}
GS_EXPORT_KUNIT(gs_fixalloc_drain);

/**
 * gs_fixalloc_isolate() - take wholly free chunks out.
 * @f: where from.
 * @gone: put on this list.
 * @most: so many at most; no more than GS_ISOLATE_BATCH, for one hold of the lock.
 *
 * Their pieces are not handed out any more. Late readers may still read them, until
 * gs_fixalloc_give().
 *
 * Context: any but NMI.
 * Return: how many.
 */
unsigned int gs_fixalloc_isolate(struct fixalloc *f, struct list_head *gone,
				 unsigned int most)
{
	unsigned long flags;
	unsigned int n = 0;
	struct chunk *c;

	gs_lock(&f->lock, flags);
	for (; n < min(most, GS_ISOLATE_BATCH + 0U) && f->nr_empty; n++) {
		c = list_last_entry(&f->usable, struct chunk, link);
		list_move_tail(&c->link, gone);
		c->isolated = &is_isolated;
		f->nr_empty--;
	}
	f->nr_chunks -= n;
	f->nr_free -= n * f->per_chunk;
	f->nr_isolated += n;
	gs_unlock(&f->lock, flags);
	return n;
}
GS_EXPORT_KUNIT(gs_fixalloc_isolate);

/* Is @p, a piece of some fixalloc, in an isolated chunk? By whoever isolates only. */
bool gs_fixalloc_is_isolated(const void *p)
{
	return chunk_of(p)->isolated == &is_isolated;
}
GS_EXPORT_KUNIT(gs_fixalloc_is_isolated);

/* Isolated chunks, of any fixallocs, go: no reader can have a piece any more. */
void gs_fixalloc_give(struct list_head *gone)
{
	struct chunk *c;

	/* Whoever isolates is one at a time, and nobody else writes nr_isolated. */
	list_for_each_entry(c, gone, link)
		WRITE_ONCE(c->of->nr_isolated, c->of->nr_isolated - 1);
	give_chunks(gone);
}
GS_EXPORT_KUNIT(gs_fixalloc_give);
