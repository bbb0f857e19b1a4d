/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: elements of mempools. Included by <linux/goslab.h>. A user that makes
 * a pool includes <linux/mempool.h>, too.
 *
 * The elements belong to the calling module, like all that it allocates.
 */
#ifndef _LINUX_GOSLAB_MEMPOOL_H
#define _LINUX_GOSLAB_MEMPOOL_H

/**
 * goslab_mempool_alloc() - a mempool_alloc_t for elements of one size.
 * @gfp: as for goslab_malloc().
 * @pool_data: bytes of an element, as a pointer.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static inline void *goslab_mempool_alloc(gfp_t gfp, void *pool_data)
{
	return goslab_malloc((size_t)pool_data, gfp);
}

/**
 * goslab_mempool_free() - the mempool_free_t for goslab_mempool_alloc().
 * @element: the element.
 * @pool_data: ignored.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_mempool_free(void *element, void *pool_data)
{
	goslab_free(element);
}

/**
 * goslab_mempool_alloc_cache() - a mempool_alloc_t for objects of a cache.
 * @gfp: as for goslab_cache_alloc().
 * @pool_data: the cache. It may have a ctor, for mempools do not write to
 *             these elements.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_cache_alloc().
 */
static inline void *goslab_mempool_alloc_cache(gfp_t gfp, void *pool_data)
{
	return goslab_cache_alloc(pool_data, gfp);
}

/**
 * goslab_mempool_free_cache() - the mempool_free_t for
 *                               goslab_mempool_alloc_cache().
 * @element: the element.
 * @pool_data: the cache.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_mempool_free_cache(void *element, void *pool_data)
{
	goslab_cache_free(pool_data, element);
}

/**
 * goslab_mempool_kvmalloc() - a mempool_alloc_t for elements that need not be
 *                             contiguous.
 * @gfp: as for goslab_kvmalloc_node().
 * @pool_data: bytes of an element, as a pointer.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node().
 */
static inline void *goslab_mempool_kvmalloc(gfp_t gfp, void *pool_data)
{
	return goslab_kvmalloc((size_t)pool_data, gfp);
}

/**
 * goslab_mempool_kvfree() - the mempool_free_t for goslab_mempool_kvmalloc().
 * @element: the element.
 * @pool_data: ignored.
 *
 * Context: As goslab_kvfree().
 */
static inline void goslab_mempool_kvfree(void *element, void *pool_data)
{
	goslab_kvfree(element);
}

/**
 * goslab_mempool_create() - make a pool of elements of one size.
 * @min_nr: elements that are kept in reserve.
 * @size: bytes of an element.
 *
 * Context: Task. Sleeps.
 * Return: the pool, or NULL.
 */
#define goslab_mempool_create(min_nr, size)				\
	mempool_create(min_nr, goslab_mempool_alloc, goslab_mempool_free, \
		       (void *)(size_t)(size))

/**
 * goslab_mempool_init() - the same in an existing mempool_t.
 * @pool: the mempool_t.
 * @min_nr: elements that are kept in reserve.
 * @size: bytes of an element.
 *
 * Context: Task. Sleeps.
 * Return: 0 or -ENOMEM.
 */
#define goslab_mempool_init(pool, min_nr, size)				\
	mempool_init(pool, min_nr, goslab_mempool_alloc,		\
		     goslab_mempool_free, (void *)(size_t)(size))

/**
 * goslab_mempool_create_cache() - make a pool of objects of a cache.
 * @min_nr: elements that are kept in reserve.
 * @cache: the cache, which must stay until the pool is destroyed.
 *
 * Context: Task. Sleeps.
 * Return: the pool, or NULL.
 */
#define goslab_mempool_create_cache(min_nr, cache)			\
	mempool_create(min_nr, goslab_mempool_alloc_cache,		\
		       goslab_mempool_free_cache, cache)

/**
 * goslab_mempool_init_cache() - the same in an existing mempool_t.
 * @pool: the mempool_t.
 * @min_nr: elements that are kept in reserve.
 * @cache: the cache, which must stay until the pool is gone.
 *
 * Context: Task. Sleeps.
 * Return: 0 or -ENOMEM.
 */
#define goslab_mempool_init_cache(pool, min_nr, cache)			\
	mempool_init(pool, min_nr, goslab_mempool_alloc_cache,		\
		     goslab_mempool_free_cache, cache)

/**
 * goslab_mempool_create_kv() - make a pool of elements that need not be
 *                              contiguous.
 * @min_nr: elements that are kept in reserve.
 * @size: bytes of an element.
 *
 * Context: Task. Sleeps.
 * Return: the pool, or NULL.
 */
#define goslab_mempool_create_kv(min_nr, size)				\
	mempool_create(min_nr, goslab_mempool_kvmalloc,			\
		       goslab_mempool_kvfree, (void *)(size_t)(size))

/**
 * goslab_mempool_init_kv() - the same in an existing mempool_t.
 * @pool: the mempool_t.
 * @min_nr: elements that are kept in reserve.
 * @size: bytes of an element.
 *
 * Context: Task. Sleeps.
 * Return: 0 or -ENOMEM.
 */
#define goslab_mempool_init_kv(pool, min_nr, size)			\
	mempool_init(pool, min_nr, goslab_mempool_kvmalloc,		\
		     goslab_mempool_kvfree, (void *)(size_t)(size))

#endif /* _LINUX_GOSLAB_MEMPOOL_H */
