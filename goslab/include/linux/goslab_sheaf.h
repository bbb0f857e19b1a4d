/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: objects of a cache in reserve. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_SHEAF_H
#define _LINUX_GOSLAB_SHEAF_H

struct goslab_sheaf;

/**
 * goslab_cache_prefill_sheaf() - allocate a reserve of objects.
 * @cache: the cache.
 * @gfp: as for goslab_cache_alloc(); __GFP_ZERO has no effect here.
 * @n: objects in reserve, one at least.
 *
 * For a caller that cannot fail or sleep once it has begun: @n calls of
 * goslab_cache_alloc_from_sheaf() will succeed. The objects count as live
 * objects of the cache's owner. A sheaf has one user at a time.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the sheaf, for goslab_cache_return_sheaf(); NULL on failure and for
 * @n 0.
 */
struct goslab_sheaf * __must_check
goslab_cache_prefill_sheaf(struct goslab_cache *cache, gfp_t gfp,
			   unsigned int n);

/**
 * goslab_cache_refill_sheaf() - have at least so many objects in reserve.
 * @cache: the cache that the sheaf is of.
 * @gfp: as for goslab_cache_prefill_sheaf().
 * @sheafp: the sheaf; replaced by another one if it has room for fewer.
 * @n: objects wanted.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: 0; -EINVAL without a sheaf, for another cache's (after a report) and
 * what goslab_cache_alloc() refuses; -ENOMEM: the sheaf has what it had, or
 * more.
 */
int __must_check goslab_cache_refill_sheaf(struct goslab_cache *cache,
					   gfp_t gfp,
					   struct goslab_sheaf **sheafp,
					   unsigned int n);

/**
 * goslab_cache_alloc_from_sheaf() - allocate an object from a reserve.
 * @cache: the cache that the sheaf is of.
 * @gfp: __GFP_ZERO or 0; other bits have no effect.
 * @sheaf: the reserve.
 *
 * Objects are freed by goslab_cache_free().
 *
 * Context: Any but NMI. Never sleeps, takes no lock.
 * Return: the object; NULL only if the sheaf is empty.
 */
void *goslab_cache_alloc_from_sheaf(struct goslab_cache *cache, gfp_t gfp,
				    struct goslab_sheaf *sheaf) __malloc;

/**
 * goslab_cache_return_sheaf() - give a reserve back.
 * @cache: the cache that the sheaf is of.
 * @gfp: as in slab; nothing is allocated here.
 * @sheaf: the reserve, or NULL. Objects that are left in it are freed.
 *
 * Context: Any but NMI. Never sleeps.
 */
void goslab_cache_return_sheaf(struct goslab_cache *cache, gfp_t gfp,
			       struct goslab_sheaf *sheaf);

/**
 * goslab_cache_sheaf_size() - objects left in a reserve.
 * @sheaf: the reserve.
 *
 * Context: Any.
 * Return: how many.
 */
unsigned int goslab_cache_sheaf_size(const struct goslab_sheaf *sheaf);

#endif /* _LINUX_GOSLAB_SHEAF_H */
