/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_TAGS_H
#define GS_BACK_TAGS_H

#include "back/mspan.h"

#ifdef CONFIG_MEM_ALLOC_PROFILING
void gs_tags_make(struct mspan *s, gfp_t gfp);
void gs_tags_end(struct mspan *s);
void gs_tag_count(const void *p);
void gs_tag_uncount(const void *p);

static inline void gs_tag_alloc(const void *p)
{
	if (gs_compat_profiling())
		gs_tag_count(p);
}

static inline void gs_tag_free(const void *p)
{
	if (gs_compat_profiling())
		gs_tag_uncount(p);
}
#else
static inline void gs_tags_make(struct mspan *s, gfp_t gfp) { }
static inline void gs_tags_end(struct mspan *s) { }
static inline void gs_tag_alloc(const void *p) { }
static inline void gs_tag_free(const void *p) { }
#endif

#endif /* GS_BACK_TAGS_H */
