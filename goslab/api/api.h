/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_API_API_H
#define GS_API_API_H

#include "front/hooks.h"
#include "front/mcache.h"

/* api/malloc.c */
void gs_free_unusual(struct mspan *s, void *p, unsigned long site);
void gs_free_bad(struct mspan *s, void *p, unsigned long site);

/* api/cache.c */
void gs_cache_init(void);
unsigned long gs_cache_exit(void);

/* api/reclaim.c */
int gs_reclaim_init(void);
void gs_reclaim_exit(void);

void gs_free_hooked(struct mspan *s, void *p, u8 *state);

/* Free object @i of @s, at @p, whose state says that it is live. */
static __always_inline void gs_free_object(struct mspan *s, void *p, long i)
{
	if (unlikely(gs_hook_free_wanted()))
		gs_free_hooked(s, p, &s->objects[i]);
	else if (unlikely(!gs_mcache_free(s, p, &s->objects[i])))
		gs_mcache_free_slow(s, p, &s->objects[i]);
}

#endif /* GS_API_API_H */
