/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: caches: objects of one size. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_CACHE_H
#define _LINUX_GOSLAB_CACHE_H

struct goslab_cache;

/* Not for callers: what goslab_cache_create() stands on. */
struct goslab_cache *__goslab_cache_create(const char *name, size_t size,
					   size_t align, unsigned long flags,
					   void (*ctor)(void *object),
					   struct goslab_owner *owner);

/* Flags of goslab_cache_create(). */
#define GOSLAB_HWCACHE_ALIGN	BIT(0)	/* objects on cache lines of their own */
#define GOSLAB_PANIC		BIT(1)	/* panic if the cache cannot be made */

/**
 * goslab_cache_create() - make a cache of objects of one size.
 * @name: shown in debugfs and in reports, copied; 31 characters, unique among
 *        the caches that are there, no blanks.
 * @size: bytes of an object, 1 to GOSLAB_MAX_SIZE.
 * @align: 0, or a power of two up to GOSLAB_MAX_ALIGN; 8 at least is kept.
 * @flags: GOSLAB_HWCACHE_ALIGN, GOSLAB_PANIC.
 * @ctor: NULL, or called once for each object when its span is cut; objects
 *        must be freed in the state that it leaves.
 *
 * Spans are shared with no other cache.
 *
 * Context: Task. Sleeps.
 * Return: the cache; NULL, after a report that says why, for bad arguments or
 * a name in use; NULL without memory.
 */
static __always_inline struct goslab_cache *
goslab_cache_create(const char *name, size_t size, size_t align,
		    unsigned long flags, void (*ctor)(void *object))
{
	return __goslab_cache_create(name, size, align, flags, ctor,
				     &goslab_this_owner);
}

/**
 * goslab_cache_alloc() - allocate an object of a cache.
 * @cache: the cache.
 * @gfp: as for goslab_malloc(). __GFP_ZERO with a ctor is reported, NULL.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, or NULL.
 */
void *goslab_cache_alloc(struct goslab_cache *cache, gfp_t gfp) __malloc;

/**
 * goslab_cache_zalloc() - allocate a zeroed object of a cache.
 * @cache: the cache, without a ctor.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, or NULL.
 */
static __always_inline __malloc void *
goslab_cache_zalloc(struct goslab_cache *cache, gfp_t gfp)
{
	return goslab_cache_alloc(cache, gfp | __GFP_ZERO);
}

/**
 * goslab_cache_free() - give an object back to its cache.
 * @cache: the cache that it came from; another one's object is reported.
 * @object: the object, or NULL.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_cache_free(struct goslab_cache *cache, void *object);

/**
 * goslab_cache_destroy() - end a cache.
 * @cache: the cache, or NULL.
 *
 * All objects must have been freed. Survivors are reported, with their number
 * and the address of the first; they stay readable, their memory is
 * never given out again, and the name stays taken.
 *
 * Context: Task. Sleeps.
 */
void goslab_cache_destroy(struct goslab_cache *cache);

#endif /* _LINUX_GOSLAB_CACHE_H */
