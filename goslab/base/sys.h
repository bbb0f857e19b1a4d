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
			 __GFP_THISNODE | GS_COMPAT_GFP_ATOMIC)

void *gs_sys_draw(int node, gfp_t gfp, unsigned int order);
void *gs_sys_draw_charged(int node, gfp_t gfp, unsigned int order);
void gs_sys_give(void *block, size_t bytes);
bool gs_sys_holds(const void *p);
void *gs_sys_draw_meta(size_t bytes, int node, gfp_t gfp);
void gs_sys_give_meta(void *p, size_t bytes);

size_t gs_sys_held(void);
size_t gs_sys_peak(void);
size_t gs_sys_meta(void);
u64 gs_sys_draws(void);
void gs_sys_reset_peak(void);

#endif /* GS_BASE_SYS_H */
