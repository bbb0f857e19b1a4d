/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Work on an object between its mcache and its user, with no slot entered:
 * zeroing, KASAN, kmemleak, call sites. On a kernel without these tools, and with
 * profiling of call sites switched off at run time, only
 * the zeroing for init_on_alloc and init_on_free remains.
 */
#ifndef GS_FRONT_HOOKS_H
#define GS_FRONT_HOOKS_H

#include <linux/kmemleak.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "back/mspan.h"
#include "back/tags.h"
#include "base/layout.h"

/* Zone bits: the pool has pages of any zone of the direct map. */
#define GS_GFP_REFUSED	(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/* Is there anything to do for an object but to zero it? */
#define GS_HOOKS_WATCH	(IS_ENABLED(CONFIG_KASAN_GENERIC) || \
			 IS_ENABLED(CONFIG_DEBUG_KMEMLEAK) ||	\
			 gs_compat_profiling())

/**
 * gs_hook_alloc() - an object goes to its user.
 * @p: the object.
 * @bytes: all of it.
 * @gfp: the caller's.
 * @keep: enum gs_keep of its class. An object that must keep its contents is
 *        zeroed only for __GFP_ZERO: then it has no ctor, but RCU readers.
 * @zeroed: known to be zero.
 * @noscan: kmemleak need not look for pointers in it.
 *
 * Return: @p; from memset() itself, so that the fast path ends in a jump.
 */
static __always_inline void *gs_hook_alloc(void *p, size_t bytes, gfp_t gfp,
					   u8 keep, bool zeroed, bool noscan)
{
	if (IS_ENABLED(CONFIG_KASAN_GENERIC))
		kasan_poison(p, ALIGN(bytes, 8), 0, false);
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK)) {
		kmemleak_alloc(p, bytes, 1, gfp);
		if (noscan)
			kmemleak_no_scan(p);
	}
	gs_tag_alloc(p);
	if (want_init_on_alloc(gfp) && !zeroed &&
	    (!keep || (gfp & __GFP_ZERO)))
		return memset(p, 0, bytes);
	return p;
}

/* The same where no lock may be taken: kmemleak is not told. */
static inline void *gs_hook_alloc_nolock(void *p, size_t bytes, gfp_t gfp)
{
	gs_tag_alloc(p);
	if (IS_ENABLED(CONFIG_KASAN_GENERIC))
		kasan_poison(p, ALIGN(bytes, 8), 0, false);
	if (want_init_on_alloc(gfp))
		memset(p, 0, bytes);
	return p;
}

/* Does a free have more to do than to push the object? */
static __always_inline bool gs_hook_free_wanted(void)
{
	return GS_HOOKS_WATCH || want_init_on_free();
}

/* An object comes back; its state still says that it is live. */
static inline void gs_hook_free(void *p, size_t bytes, u8 keep)
{
	gs_tag_free(p);
	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		kmemleak_free(p);
	if (want_init_on_free() && !keep)
		memset(p, 0, bytes);
	if (IS_ENABLED(CONFIG_KASAN_GENERIC) && !(keep & GS_KEEP_READABLE))
		kasan_poison(p, ALIGN(bytes, 8), GS_KASAN_FREE, false);
}

#endif /* GS_FRONT_HOOKS_H */
