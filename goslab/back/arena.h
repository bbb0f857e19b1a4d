/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_ARENA_H
#define GS_BACK_ARENA_H

#include <linux/cache.h>
#include <linux/compiler.h>

#include "back/mspan.h"
#include "base/layout.h"

/**
 * struct heap_arena - the spans of one aligned stretch of GS_ARENA_SIZE.
 * @spans: by page; &gs_no_span where no page is ours.
 */
struct heap_arena {
	struct mspan *spans[GS_ARENA_PAGES];
};

/**
 * struct gs_radix - from an address to its span: two levels over the direct map.
 * @base: start of the direct map, rounded down to an arena.
 * @nr: entries of @arena.
 * @arena: gs_no_arena where none was made. Arenas stay until unload.
 *
 * Of one that readers have, only entries of @arena change.
 */
struct gs_radix {
	unsigned long base;
	unsigned long nr;
	struct heap_arena *arena[];
};

extern struct gs_radix *gs_radix;

int gs_arena_init(void);
void gs_arena_exit(void);
int gs_arena_reserve(const void *block, size_t bytes, gfp_t gfp);
bool gs_arena_covers(const void *block, size_t bytes);
int gs_arena_extend(unsigned long end);
void gs_arena_set(unsigned long base, unsigned int npages, struct mspan *s);
void gs_arena_set_ends(unsigned long base, unsigned int npages, struct mspan *s);
bool gs_arena_is_free_run(const void *p);
struct heap_arena *gs_arena_get(unsigned long i, unsigned long *base);

/*
 * The span that the page of @p belongs to, or &gs_no_span, which covers nothing
 * and holds nothing: not ours. Reads no memory that @p points to, takes no lock,
 * never faults for any @p. The span may be any by the time that the caller
 * looks: gs_span_index_open(), or state first, then base.
 */
static __always_inline struct mspan *gs_arena_look(const void *p)
{
	/* Each of the three loads depends on the one before: no barriers. */
	const struct gs_radix *radix = READ_ONCE(gs_radix);
	unsigned long off = (unsigned long)p - radix->base;
	struct heap_arena *arena;

	if (unlikely(off >> GS_ARENA_SHIFT >= radix->nr))
		return &gs_no_span;
	arena = READ_ONCE(radix->arena[off >> GS_ARENA_SHIFT]);
	return READ_ONCE(arena->spans[off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)]);
}

/* The same, but NULL where nothing is ours. */
static inline struct mspan *gs_arena_span(const void *p)
{
	struct mspan *s = gs_arena_look(p);

	return s == &gs_no_span ? NULL : s;
}

#endif /* GS_BACK_ARENA_H */
