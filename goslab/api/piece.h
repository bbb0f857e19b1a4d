/* SPDX-License-Identifier: GPL-2.0 */
/*
 * piece: memory inside an object that KASAN is to watch by itself: pieces of
 * regions and fragments. All ranges begin at a multiple of 8.
 */
#ifndef GS_API_PIECE_H
#define GS_API_PIECE_H

#include <linux/align.h>

#include "base/layout.h"

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

#endif /* GS_API_PIECE_H */
