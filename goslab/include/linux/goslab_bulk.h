/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: many objects with one call. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_BULK_H
#define _LINUX_GOSLAB_BULK_H

/* Not for callers; used by the inline below. */
bool __goslab_malloc_bulk(size_t size, gfp_t gfp, size_t n, void **p,
			  struct goslab_owner *owner);

/**
 * goslab_malloc_bulk() - allocate objects of one size, of any size.
 * @size: bytes of each, at most GOSLAB_MAX_SIZE; 0 gives ZERO_SIZE_PTRs.
 * @gfp: as for goslab_malloc().
 * @n: how many.
 * @p: filled with them.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: true and @n objects; false, and none, on failure or for @n 0: @p is
 * then undefined.
 */
static __always_inline __must_check bool
goslab_malloc_bulk(size_t size, gfp_t gfp, size_t n, void **p)
{
	return __goslab_malloc_bulk(size, gfp, n, p, &goslab_this_owner);
}

/**
 * goslab_free_bulk() - give many objects back.
 * @n: entries of @p.
 * @p: objects from any goslab call, of any sizes and caches, NULL or
 *     ZERO_SIZE_PTR. Any other entry is reported as by goslab_free(), and the
 *     remaining ones are freed. @p is not changed.
 *
 * Runs of entries of one size are cheapest.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_free_bulk(size_t n, void **p);

/**
 * goslab_cache_alloc_bulk() - allocate objects of a cache.
 * @cache: the cache.
 * @gfp: as for goslab_cache_alloc().
 * @n: how many.
 * @p: filled with them.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim. Preemption and
 * interrupts come in between batches.
 * Return: true and @n objects; false, and none, on failure or for @n 0: @p is
 * then undefined.
 */
bool __must_check goslab_cache_alloc_bulk(struct goslab_cache *cache, gfp_t gfp,
					  size_t n, void **p);

/**
 * goslab_cache_free_bulk() - give many objects back to their cache.
 * @cache: the cache that all came from.
 * @n: entries of @p.
 * @p: objects of @cache, or NULL. Any other entry is reported as by
 *     goslab_cache_free(), and the remaining ones are freed. @p is not changed.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_cache_free_bulk(struct goslab_cache *cache, size_t n, void **p);

#endif /* _LINUX_GOSLAB_BULK_H */
