/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_SYS_H
#define GS_BASE_SYS_H

#include <linux/gfp.h>
#include <linux/types.h>

#include "base/layout.h"

/* Bits of a caller's gfp that may reach the page allocator. */
#define GS_GFP_ALLOWED	(__GFP_RECLAIM | __GFP_HIGH | __GFP_IO | __GFP_FS | \
			 __GFP_NOWARN | __GFP_RETRY_MAYFAIL | __GFP_NORETRY | \
			 __GFP_MEMALLOC | __GFP_NOMEMALLOC | __GFP_HARDWALL | \
			 __GFP_THISNODE | __GFP_NOLOCKDEP |		      \
			 GS_COMPAT_GFP_ATOMIC)

/*
 * The gfp of a draw whose failure costs little, because a smaller one follows:
 * no reclaim, no kswapd or kcompactd for a large order, no emergency reserve.
 * (SLUB: allocate_slab().)
 */
static inline gfp_t gs_gfp_optional(gfp_t gfp)
{
	return (gfp & ~(__GFP_RECLAIM | __GFP_MEMALLOC)) | __GFP_NOMEMALLOC |
	       __GFP_NORETRY | __GFP_NOWARN;
}

/* The same on the caller's node, before other nodes are looked at. */
static inline gfp_t gs_gfp_this_node(gfp_t gfp)
{
	return (gfp & ~(__GFP_DIRECT_RECLAIM | __GFP_MEMALLOC)) |
	       __GFP_NOMEMALLOC | __GFP_THISNODE | __GFP_NORETRY | __GFP_NOWARN;
}

void *gs_sys_draw(int node, gfp_t gfp, unsigned int order);
void *gs_sys_draw_charged(int node, gfp_t gfp, unsigned int order);
void gs_sys_give(void *block, size_t bytes);
bool gs_sys_is_reserve(const void *block);
bool gs_sys_holds(const void *p);
bool gs_sys_is_ours(const struct page *page);
void *gs_sys_draw_meta(size_t bytes, int node, gfp_t gfp);
void gs_sys_give_meta(void *p, size_t bytes);

size_t gs_sys_held(void);
size_t gs_sys_peak(void);
size_t gs_sys_meta(void);
u64 gs_sys_draws(void);
void gs_sys_reset_peak(void);

#endif /* GS_BASE_SYS_H */
