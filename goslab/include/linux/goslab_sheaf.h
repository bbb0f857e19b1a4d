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
 * @gfp: as for goslab_cache_alloc(); __GFP_ZERO does nothing here.
 * @n: objects in reserve, one at least.
 *
 * For a caller that cannot fail, or cannot sleep, once it has begun: so many
 * goslab_cache_alloc_from_sheaf() succeed whatever happens. The objects count as
 * live objects of the cache's owner. A sheaf has one user at a time.
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
 * @sheafp: the sheaf; another one afterwards if it has room for fewer.
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
 * @gfp: __GFP_ZERO or nothing; what else is in it does nothing.
 * @sheaf: the reserve.
 *
 * Objects are freed by goslab_cache_free().
 *
 * Context: Any but NMI. Never sleeps, takes no lock.
 * Return: the object; NULL, which cannot be while anything is left, from an
 * empty sheaf.
 */
void *goslab_cache_alloc_from_sheaf(struct goslab_cache *cache, gfp_t gfp,
				    struct goslab_sheaf *sheaf) __malloc;

/**
 * goslab_cache_return_sheaf() - give a reserve back.
 * @cache: the cache that the sheaf is of.
 * @gfp: as in slab; nothing is allocated here.
 * @sheaf: the reserve, or NULL. What is left in it is free afterwards.
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
