/* SPDX-License-Identifier: GPL-2.0 */
/*
 * piece: what regions and fragments share: they cut pieces off chunks, which are
 * objects, and KASAN is to watch each piece by itself. All ranges begin at a multiple
 * of GS_PIECE_ALIGN.
 */
#ifndef GS_API_PIECE_H
#define GS_API_PIECE_H

#include <linux/align.h>
#include <linux/goslab.h>
#include <linux/minmax.h>

#include "api/api.h"
#include "base/layout.h"

#define GS_PIECE_ALIGN	8
static_assert(GOSLAB_REGION_ALIGN == GS_PIECE_ALIGN &&
	      GOSLAB_FRAG_ALIGN == GS_PIECE_ALIGN);

#define GS_PIECE_WATCHED	IS_ENABLED(CONFIG_KASAN_GENERIC)

/* Bytes behind a piece that nobody may use. */
#define GS_PIECE_REDZONE	(GS_PIECE_WATCHED ? 16 : 0)

/* Nobody may use [@p, @p + @size); its end is a multiple of 8. */
static inline void gs_piece_hide(const char *p, size_t size)
{
	if (GS_PIECE_WATCHED && size)
		kasan_poison(p, size, GS_KASAN_FREE, false);
}

/* Just [@p, @p + @size) may be used; it is hidden as a whole. */
static inline void gs_piece_show(const char *p, size_t size)
{
	if (GS_PIECE_WATCHED && size >= 8)
		kasan_poison(p, ALIGN_DOWN(size, 8), 0, false);
	/* The shadow byte of the last 8 says how many of them may be used. */
	if (GS_PIECE_WATCHED && size % 8)
		kasan_poison(p + ALIGN_DOWN(size, 8), 8, size % 8, false);
}

/* Bytes in which a piece has room whatever GS_PIECE_ALIGN bytes it begins at. */
static inline size_t gs_piece_room(size_t size, size_t align)
{
	/* One byte too many is too many, and does not overflow. */
	return max_t(size_t, align, GS_PIECE_ALIGN) - GS_PIECE_ALIGN +
	       ALIGN(min(size, GOSLAB_MAX_SIZE + 1), GS_PIECE_ALIGN) +
	       GS_PIECE_REDZONE;
}

/* A chunk: an object of @heap, of malloc if that is NULL. */
static inline void *gs_piece_chunk(struct goslab_heap *heap, size_t bytes, gfp_t gfp,
				   struct goslab_owner *owner, unsigned long site)
{
	gfp &= ~__GFP_ZERO;
	return heap ? gs_heap_malloc_at(heap, bytes, gfp, owner, site) :
		      gs_malloc_at(bytes, gfp, NUMA_NO_NODE, owner, site);
}

/* The same if it is to be had: room for more is not worth the reserves, nor a long search. */
static inline void *gs_piece_try_chunk(struct goslab_heap *heap, size_t bytes, gfp_t gfp,
				       struct goslab_owner *owner, unsigned long site)
{
	gfp &= ~__GFP_NOFAIL;
	return gs_piece_chunk(heap, bytes, gfp | __GFP_NORETRY | __GFP_NOWARN |
			      __GFP_NOMEMALLOC, owner, site);
}

#endif /* GS_API_PIECE_H */
