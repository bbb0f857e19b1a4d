/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab behind the names of slab: caches, and memory pools of their objects.
 * Included by <linux/goslab_slab.h>.
 */
#ifndef _LINUX_GOSLAB_SLAB_CACHE_H
#define _LINUX_GOSLAB_SLAB_CACHE_H

/* The kernel's own calls, for caches of its own. */
static inline void *goslab_kernel_cache_alloc(struct kmem_cache *s,
					      struct list_lru *lru, gfp_t gfp)
{
	return lru ? kmem_cache_alloc_lru(s, lru, gfp) :
		kmem_cache_alloc(s, gfp);
}

static inline void *goslab_kernel_cache_alloc_node(struct kmem_cache *s,
						   gfp_t gfp, int node)
{
	return kmem_cache_alloc_node(s, gfp, node);
}

/* How many objects, or whether all (7.2); for this call they are the same. */
#ifdef kmem_cache_alloc_bulk
#define goslab_slab_bulk_t	typeof(kmem_cache_alloc_bulk_noprof(	\
					(void *)NULL, 0, 0, (void **)NULL))
#else
#define goslab_slab_bulk_t	int
#endif

static inline goslab_slab_bulk_t
goslab_slab_kmem_cache_alloc_bulk(struct kmem_cache *s, gfp_t gfp, size_t n,
				  void **objects)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (!cache)
		return kmem_cache_alloc_bulk(s, gfp, n, objects);
	return goslab_cache_alloc_bulk(cache, gfp & ~__GOSLAB_SLAB_ZONES, n,
				       objects) ? n : 0;
}

static inline void goslab_slab_kmem_cache_free_bulk(struct kmem_cache *s,
						    size_t n, void **objects)
{
	if (!s)
		goslab_slab_kfree_bulk(n, objects);
	else if (!goslab_slab_cache(s))
		kmem_cache_free_bulk(s, n, objects);
	else
		goslab_cache_free_bulk(goslab_slab_cache(s), n, objects);
}

static inline struct kmem_cache *
goslab_slab_kmem_cache_create_usercopy(const char *name, unsigned int size,
				       unsigned int align, slab_flags_t flags,
				       unsigned int useroffset,
				       unsigned int usersize,
				       void (*ctor)(void *object))
{
	struct goslab_cache_args args = {
		.align = align, .ctor = ctor,
		.useroffset = useroffset, .usersize = usersize,
	};

	return __goslab_slab_create(name, size, &args, flags,
				    &goslab_this_owner);
}

static inline struct kmem_cache *
goslab_slab_kmem_cache_create(const char *name, unsigned int size,
			      unsigned int align, slab_flags_t flags,
			      void (*ctor)(void *object))
{
	return goslab_slab_kmem_cache_create_usercopy(name, size, align, flags,
						      0, 0, ctor);
}

#ifdef kmem_cache_create
static inline struct kmem_cache *
goslab_slab_create_args(const char *name, unsigned int size,
			struct kmem_cache_args *args, slab_flags_t flags)
{
	if (!args)
		return goslab_slab_kmem_cache_create(name, size, 0, flags, NULL);
	return goslab_slab_kmem_cache_create_usercopy(name, size, args->align,
						      flags, args->useroffset,
						      args->usersize,
						      args->ctor);
}
#endif

static __always_inline __malloc void *
goslab_slab_kmem_cache_alloc_lru(struct kmem_cache *s, struct list_lru *lru,
				 gfp_t gfp)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (unlikely(!cache))
		return goslab_kernel_cache_alloc(s, lru, gfp);
	if (lru)
		return __goslab_hooks(__goslab_slab_alloc_lru(cache, lru,
						gfp & ~__GOSLAB_SLAB_ZONES));
	return goslab_cache_alloc(cache, gfp & ~__GOSLAB_SLAB_ZONES);
}

static __always_inline __malloc void *
goslab_slab_kmem_cache_alloc(struct kmem_cache *s, gfp_t gfp)
{
	return goslab_slab_kmem_cache_alloc_lru(s, NULL, gfp);
}

static __always_inline __malloc void *
goslab_slab_kmem_cache_zalloc(struct kmem_cache *s, gfp_t gfp)
{
	return goslab_slab_kmem_cache_alloc(s, gfp | __GFP_ZERO);
}

static __always_inline __malloc void *
goslab_slab_kmem_cache_alloc_node(struct kmem_cache *s, gfp_t gfp, int node)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (unlikely(!cache))
		return goslab_kernel_cache_alloc_node(s, gfp, node);
	return goslab_cache_alloc_node(cache, gfp & ~__GOSLAB_SLAB_ZONES,
				       goslab_slab_node(node));
}

/*
 * Sheaves (7.2), which slab keeps from modules: there are none of the kernel.
 */
struct slab_sheaf;

static inline struct slab_sheaf *
goslab_slab_kmem_cache_prefill_sheaf(struct kmem_cache *s, gfp_t gfp,
				     unsigned int n)
{
	return (void *)goslab_cache_prefill_sheaf(goslab_slab_cache(s), gfp, n);
}

static inline int
goslab_slab_kmem_cache_refill_sheaf(struct kmem_cache *s, gfp_t gfp,
				    struct slab_sheaf **sheafp, unsigned int n)
{
	return goslab_cache_refill_sheaf(goslab_slab_cache(s), gfp,
					 (struct goslab_sheaf **)sheafp, n);
}

static inline void
goslab_slab_kmem_cache_return_sheaf(struct kmem_cache *s, gfp_t gfp,
				    struct slab_sheaf *sheaf)
{
	goslab_cache_return_sheaf(goslab_slab_cache(s), gfp, (void *)sheaf);
}

static inline void *
goslab_slab_kmem_cache_alloc_from_sheaf(struct kmem_cache *s, gfp_t gfp,
					struct slab_sheaf *sheaf)
{
	return goslab_cache_alloc_from_sheaf(goslab_slab_cache(s), gfp,
					     (void *)sheaf);
}

static inline unsigned int
goslab_slab_kmem_cache_sheaf_size(struct slab_sheaf *sheaf)
{
	return goslab_cache_sheaf_size((void *)sheaf);
}

/*
 * Functions for memory pools, whose data is a cache or a size.
 */
static inline void *goslab_slab_mempool_alloc_slab(gfp_t gfp, void *s)
{
	return goslab_slab_kmem_cache_alloc(s, gfp);
}

static inline void goslab_slab_mempool_free_slab(void *object, void *s)
{
	goslab_slab_kmem_cache_free(s, object);
}

static inline void *goslab_slab_mempool_kmalloc(gfp_t gfp, void *size)
{
	return goslab_slab_kmalloc((size_t)size, gfp);
}

static inline void goslab_slab_mempool_kfree(void *object, void *size)
{
	goslab_slab_kfree(object);
}

static inline void *goslab_slab_mempool_kvmalloc(gfp_t gfp, void *size)
{
	return goslab_slab_kvmalloc((size_t)size, gfp);
}

static inline void goslab_slab_mempool_kvfree(void *object, void *size)
{
	goslab_slab_kvfree(object);
}

#endif /* _LINUX_GOSLAB_SLAB_CACHE_H */
