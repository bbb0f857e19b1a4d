/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_TINY_H
#define GS_FRONT_TINY_H

#include "front/mcache.h"

/*
 * With KASAN or kmemleak there are no tiny objects: every object must be
 * watched, and must have a state of its own that tells whether kmemleak was
 * told of its free. The same holds while each object counts for its call site;
 * those that are there when profiling is switched on stay, and are not counted.
 */
#define GS_TINY_ENABLED	(!IS_ENABLED(CONFIG_KASAN) && \
			 !IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) && \
			 !gs_compat_profiling())

/* What an address in a tiny span is. */
enum gs_tiny_kind {
	GS_TINY_LIVE,		/* start of a live object */
	GS_TINY_INSIDE,		/* inside one */
	GS_TINY_NONE,		/* not in an object: freed, or never handed out */
};

void *gs_tiny_alloc(size_t size, gfp_t gfp, u8 owner, unsigned long caller);
enum gs_tiny_kind gs_tiny_free(struct mspan *s, void *p);
enum gs_tiny_kind gs_tiny_take(struct mspan *s, void *p, void **block);
enum gs_tiny_kind gs_tiny_look(const struct mspan *s, const void *p,
			       size_t *size);
void gs_tiny_close(struct gs_walk walk, bool idle_only);

/* Masks of a block, pure; see tiny.c. */
u32 gs_tiny_object_bits(unsigned int from, unsigned int to);
u32 gs_tiny_open_bit(unsigned int from);
unsigned int gs_tiny_end_of(u32 mask, unsigned int from);
unsigned int gs_tiny_align(size_t size);

#endif /* GS_FRONT_TINY_H */
