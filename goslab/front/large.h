/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_LARGE_H
#define GS_FRONT_LARGE_H

#include "back/mspan.h"

struct goslab_heap;

struct mspan *gs_large_alloc(struct goslab_heap *heap, size_t size, gfp_t gfp,
			     int node, u8 owner, unsigned long caller, bool *zeroed);
struct mspan *gs_large_alloc_stack(size_t size, gfp_t gfp, int node, u8 owner,
				   unsigned long caller, bool *zeroed);
void gs_large_free(struct mspan *s);
u64 gs_large_bytes(void);

#endif /* GS_FRONT_LARGE_H */
