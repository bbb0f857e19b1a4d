/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_API_CACHE_H
#define GS_API_CACHE_H

#include <linux/goslab.h>

#include "api/api.h"

#define GS_CACHE_LIVE	0x676f736cU	/* anything else: gone, or no cache */

/**
 * struct goslab_cache - a cache.
 * @magic: GS_CACHE_LIVE between create and destroy.
 * @refused: bits of gfp that an allocation may not have.
 * @size: requested bytes of an object.
 * @useroffset: start of the part that user space may see.
 * @usersize: bytes of it.
 * @class: spans, lists and slots.
 */
struct goslab_cache {
	u32 magic;
	gfp_t refused;
	u32 size;
	u32 useroffset;
	u32 usersize;
	struct gs_class class;
};

/* A flag beside GOSLAB_*: a name that is taken gets a number at its end. */
#define GS_CACHE_NUMBERED	BIT(31)

struct goslab_cache *gs_cache_create(const char *name, size_t size,
				     const struct goslab_cache_args *args,
				     unsigned long flags, u8 owner,
				     unsigned long site);

/* These report what they find, naming @site as the caller. */
bool gs_cache_dead(const struct goslab_cache *cache, unsigned long site);
bool gs_cache_refuses(const struct goslab_cache *cache, gfp_t gfp,
		      unsigned long site);
void gs_cache_free_bad(struct goslab_cache *cache, void *p, unsigned long site);

/* api/guard.c */
void *gs_cache_guard(const struct goslab_cache *cache, void *p, gfp_t gfp, bool zeroed);

/* api/bulk.c */
void gs_cache_free_unused(struct goslab_cache *cache, size_t n, void **p,
			  unsigned long site);

#endif /* GS_API_CACHE_H */
