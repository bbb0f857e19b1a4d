// SPDX-License-Identifier: GPL-2.0
/*
 * mspan: descriptors of spans, their objects' states and their two bitmaps.
 *
 * Flow:       mcache -> mcentral -> mheap -> [mspan]
 * Owner:      one mcache (the span is owned), its mcentral, or mheap.
 * Lock:       alloc_bits, free_index, alloc_cache, alloc_count of an owned span:
 *             the owner, with its slot entered. Of other spans, and freed_bits
 *             always: the lock of its mcentral. A state byte: the holder of the
 *             object, by a plain store, as each object has its own byte.
 * Lifetime:   gs_span_init() .. gs_span_exit(). A descriptor keeps its type
 *             and its cap, so that a free that finds a stale entry at worst reads
 *             the fields of another span, and refuses. Chunks of descriptors that
 *             are all free go back before that (trim.c), when no entry leads to them
 *             and no reader (gs_arena_look()) can have one any more.
 * Context:    any but NMI.
 * Invariants: (gs_span_verify())
 *   S1  nelems * elemsize <= npages pages; 1 <= nelems <= cap; open says the
 *       same bytes in state GS_SPAN_SMALL, else 0.
 *   S2  alloc_count == bits set in alloc_bits below nelems, bits of the window
 *       not counted; nr_freed == bits set in freed_bits; freed is allocated.
 *   S3  a span without an owner has an empty window and no freed bits.
 *   I2  alloc_count - nr_freed == objects whose state is not GS_FREE.
 * Tests:      kunit/mspan_kunit.c
 */
#include "back/mspan.h"

#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/percpu.h>

#include "base/fixalloc.h"
#include "base/sizeclass.h"

/* Descriptors in steps of a line, up to that of a tiny span. */
static size_t desc_bytes(unsigned int cap, bool tiny)
{
	size_t bytes = ALIGN(offsetof(struct mspan, objects) + cap, sizeof(long));

	if (cap > BITS_PER_LONG)
		bytes += 2 * BITS_TO_LONGS(cap) * sizeof(long);
	if (tiny)
		bytes += cap * sizeof(atomic_t);
	return ALIGN(bytes, 64);
}

#define MAX_DESC	ALIGN(sizeof(struct mspan) + GS_TINY_CAP * 5 + \
			      2 * GS_TINY_CAP / 8 + 64, 64)
#define NR_SIZES	(MAX_DESC / 64 + 1)

/* Wholly free chunks that each size keeps. */
#define KEEP_CHUNKS	1

static struct fixalloc descs[NR_SIZES];

/* They come and go in numbers, those of runs while the lock of a page heap is held. */
static DEFINE_PER_CPU(struct gs_stash, stashes[NR_SIZES]);

/* The masks of a tiny span take more than the states of a span with most objects. */
static_assert(GS_TINY_CAP * sizeof(atomic_t) >=
	      (GS_SPAN_MAX_CAP - GS_TINY_CAP) * 2);

struct mspan gs_no_span;
GS_EXPORT_KUNIT(gs_no_span);

void gs_span_init(void)
{
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		gs_fixalloc_init(&descs[i], i * 64, offsetof(struct mspan, list),
				 &stashes[i]);
}

void gs_span_exit(void)
{
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		gs_fixalloc_exit(&descs[i]);
}

/* Add bytes of descriptors. */
void gs_span_add_usage(size_t *in_use, size_t *drawn)
{
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		gs_fixalloc_add_usage(&descs[i], in_use, drawn);
}
GS_EXPORT_KUNIT(gs_span_add_usage);

/**
 * gs_span_drain() - free the descriptors that a CPU has stashed.
 * @walk: as for gs_fixalloc_drain().
 *
 * Context: any but NMI.
 */
void gs_span_drain(struct gs_walk walk)
{
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		gs_fixalloc_drain(&descs[i], walk);
}
GS_EXPORT_KUNIT(gs_span_drain);

/*
 * Chunks of @f that may go. A quarter of its pieces may be free, and a chunk, and with
 * @calm what was in use since the last tick.
 */
static unsigned int spare_chunks(const struct fixalloc *f, bool calm)
{
	unsigned int n = READ_ONCE(f->nr_empty);

	if (calm)
		n = min(n, f->was_empty);
	if (4UL * READ_ONCE(f->nr_free) < (unsigned long)READ_ONCE(f->nr_chunks) * f->per_chunk)
		return 0;
	return n > KEEP_CHUNKS ? n - KEEP_CHUNKS : 0;
}

/**
 * gs_span_spare_chunks() - pages of descriptors that could go back.
 * @calm: without those that were in use since gs_span_note_chunks().
 *
 * Context: under trim_mutex.
 */
unsigned long gs_span_spare_chunks(bool calm)
{
	unsigned long sum = 0;
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		sum += spare_chunks(&descs[i], calm);
	return sum;
}
GS_EXPORT_KUNIT(gs_span_spare_chunks);

/* A tick has passed; see gs_span_spare_chunks(). */
void gs_span_note_chunks(void)
{
	unsigned int i;

	for (i = 1; i < NR_SIZES; i++)
		descs[i].was_empty = READ_ONCE(descs[i].nr_empty);
}

/* Take what gs_span_spare_chunks() counts out; see gs_fixalloc_isolate(). */
void gs_span_isolate(bool calm, struct list_head *gone)
{
	unsigned int i, n, got;

	for (i = 1; i < NR_SIZES; i++) {
		for (n = spare_chunks(&descs[i], calm); n; n -= got) {
			got = gs_fixalloc_isolate(&descs[i], gone, n);
			if (!got)
				break;
		}
	}
}

static struct fixalloc *desc_alloc(unsigned int cap, bool tiny)
{
	return &descs[desc_bytes(cap, tiny) / 64];
}

/* A free descriptor of the shortest kind, or NULL. Draws no pages. */
struct mspan *gs_span_alloc_short(void)
{
	return gs_fixalloc_alloc_free(desc_alloc(1, false));
}

/**
 * gs_span_alloc() - take a descriptor.
 * @cap: objects that it must have room for, at most GS_SPAN_MAX_CAP, of a tiny
 *       span GS_TINY_CAP; 1 serves large objects and free runs.
 * @tiny: with masks for tiny blocks.
 * @gfp: for metadata pages.
 *
 * Return: a descriptor in state GS_SPAN_DEAD, or NULL.
 */
struct mspan *gs_span_alloc(unsigned int cap, bool tiny, gfp_t gfp)
{
	size_t bytes = desc_bytes(cap, tiny);
	struct mspan *s;

	if (WARN_ON_ONCE(bytes > MAX_DESC))
		return NULL;
	s = gs_fixalloc_alloc(&descs[bytes / 64], gfp);
	if (!s)
		return NULL;
	/*
	 * Use all the room of a descriptor of this size. Then cap, and the place of
	 * the bitmaps, stay the same whatever this piece is used for.
	 */
	if (!s->cap) {
		while (desc_bytes(cap + 1, tiny) <= bytes)
			cap++;
		s->tiny = tiny;
		s->cap = cap;
	}
	return s;
}
GS_EXPORT_KUNIT(gs_span_alloc);

/* Not all objects of @s are free: its next user must cut it again. */
void gs_span_spoil(struct mspan *s)
{
	s->magic = 0;
}
GS_EXPORT_KUNIT(gs_span_spoil);

/* Give a descriptor back; its pages have another one by now. */
void gs_span_free(struct mspan *s)
{
	/* A reader that still finds the descriptor must see that it is dead. */
	gs_span_close(s, GS_SPAN_DEAD);
	gs_span_spoil(s);
	s->npages = 0;
	gs_fixalloc_free(desc_alloc(s->cap, s->tiny), s);
}
GS_EXPORT_KUNIT(gs_span_free);

/* Are all objects free? (States are checked when objects are taken.) */
static __maybe_unused bool is_cut(const struct mspan *s)
{
	return !s->alloc_count && !s->nr_freed && !s->alloc_cache &&
	       !s->free_index && s->nelems &&
	       bitmap_empty(gs_span_alloc_bits(s), s->nelems) &&
	       bitmap_empty(gs_span_freed_bits(s), s->nelems);
}

/**
 * gs_span_cut() - make a span's pages into free objects.
 * @s: has base, npages, node and needzero; no one else can reach it yet.
 * @class: its class, or NULL for a large object.
 * @elemsize: bytes of an object.
 * @nelems: objects, at most what the pages and the descriptor have room for.
 *
 * A recently freed span comes with its descriptor, and all its objects are
 * free. If the sizes are the same and it was not spoilt, it is cut already. The
 * caller sets the state last, when it publishes the span.
 */
void gs_span_cut(struct mspan *s, struct gs_class *class, u32 elemsize,
		 unsigned int nelems)
{
	s->class = class;
	s->open = 0;
	s->owned = 0;
	s->keep = 0;
	if (s->magic && s->elemsize == elemsize && s->nelems == nelems) {
		GS_CHECK(is_cut(s));
		return;
	}
	s->elemsize = elemsize;
	s->nelems = nelems;
	s->magic = gs_sizeclass_magic(elemsize, nelems);
	s->free_index = 0;
	s->alloc_count = 0;
	s->alloc_cache = 0;
	s->nr_freed = 0;
	memset(s->objects, GS_FREE, nelems);
	/* Bits past the last object stay set. */
	bitmap_fill(gs_span_alloc_bits(s), s->cap);
	bitmap_clear(gs_span_alloc_bits(s), 0, nelems);
	bitmap_zero(gs_span_freed_bits(s), s->cap);
}
GS_EXPORT_KUNIT(gs_span_cut);

/*
 * Load the next window that has a free object. The whole word leaves
 * alloc_bits, so that no one else may hand out these objects.
 * gs_span_return_window() puts the rest of the window back. Return: false if
 * the span has no free object.
 */
bool gs_span_next_window(struct mspan *s)
{
	unsigned long *bits = gs_span_alloc_bits(s);
	unsigned int word = s->free_index / BITS_PER_LONG;

	for (; word * BITS_PER_LONG < s->nelems; word++) {
		u64 window = ~bits[word];
		unsigned int last = s->nelems - word * BITS_PER_LONG;

		if (last < 64)
			window &= BIT_ULL(last) - 1;
		if (!window)
			continue;
		bits[word] |= window;
		s->alloc_count += hweight64(window);
		s->free_index = word * BITS_PER_LONG;
		s->alloc_cache = window;
		return true;
	}
	s->free_index = word * BITS_PER_LONG;
	return false;
}
GS_EXPORT_KUNIT(gs_span_next_window);

/* The owner gives the span up: put unused objects of the window back. */
void gs_span_return_window(struct mspan *s)
{
	if (s->alloc_cache) {
		gs_span_alloc_bits(s)[s->free_index / BITS_PER_LONG] &=
			~s->alloc_cache;
		s->alloc_count -= hweight64(s->alloc_cache);
		s->alloc_cache = 0;
	}
	s->free_index = 0;
}
GS_EXPORT_KUNIT(gs_span_return_window);

/* Make objects free that others freed meanwhile (Go: sweep). mcentral lock. */
void gs_span_merge_freed(struct mspan *s)
{
	unsigned long *bits = gs_span_alloc_bits(s);
	unsigned long *freed = gs_span_freed_bits(s);

	if (!s->nr_freed)
		return;
	bitmap_andnot(bits, bits, freed, s->nelems);
	bitmap_zero(freed, s->nelems);
	s->alloc_count -= s->nr_freed;
	s->nr_freed = 0;
	s->needzero = 1;
	/* bitmap_andnot() leaves the bits past nelems undefined. */
	if (s->nelems % BITS_PER_LONG)
		bits[s->nelems / BITS_PER_LONG] |= ~0UL << s->nelems % BITS_PER_LONG;
}
GS_EXPORT_KUNIT(gs_span_merge_freed);

/**
 * gs_span_verify() - check S1 to S3 and I2 of one span.
 * @s: a span of objects; quiet, or under its mcentral's lock and not owned.
 *
 * Return: 0, or the number of the first broken one: 1 to 3, 12 for I2.
 */
int gs_span_verify(const struct mspan *s)
{
	unsigned int i, live = 0;
	const unsigned long *bits, *freed;

	if (!s->nelems || s->nelems > s->cap ||
	    gs_span_bytes(s) > gs_span_size(s) ||
	    s->open != (s->state == GS_SPAN_SMALL ? gs_span_bytes(s) : 0))
		return 1;
	for (i = 0; i < s->nelems; i++)
		/* Others go on to use what is not free, and it stays so. */
		live += READ_ONCE(s->objects[i]) != GS_FREE;
	if (s->state == GS_SPAN_LARGE || s->state == GS_SPAN_LARGE_STACK)
		return live ? 0 : 12;

	bits = gs_span_alloc_bits(s);
	freed = gs_span_freed_bits(s);
	if (bitmap_weight(bits, s->nelems) != s->alloc_count ||
	    bitmap_weight(freed, s->nelems) != s->nr_freed ||
	    !bitmap_subset(freed, bits, s->nelems))
		return 2;
	if (!s->owned && (s->alloc_cache || s->nr_freed))
		return 3;
	if (s->alloc_count - hweight64(s->alloc_cache) - s->nr_freed != live)
		return 12;
	return 0;
}
GS_EXPORT_KUNIT(gs_span_verify);
