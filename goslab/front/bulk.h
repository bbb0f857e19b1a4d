/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_BULK_H
#define GS_FRONT_BULK_H

#include "front/mcache.h"

size_t gs_mcache_alloc_bulk(struct gs_class *c, gfp_t gfp, u8 owner,
			    const struct gs_call *call, size_t n, void **p, bool hooks);
void gs_mcache_free_batch(struct gs_class *c, int node, struct gs_entry *e,
			  unsigned int n);

#endif /* GS_FRONT_BULK_H */
