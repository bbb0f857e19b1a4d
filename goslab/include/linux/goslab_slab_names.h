/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The names of the kernel's allocators, from here on goslab's. Included last
 * by <linux/goslab_slab.h>, for what comes before needs the kernel's own.
 */
#ifndef _LINUX_GOSLAB_SLAB_NAMES_H
#define _LINUX_GOSLAB_SLAB_NAMES_H

/* Objects by size. */
#undef kmalloc
#define kmalloc				goslab_slab_kmalloc
#undef kzalloc
#define kzalloc				goslab_slab_kzalloc
#undef kcalloc
#define kcalloc				goslab_slab_kcalloc
#undef kmalloc_array
#define kmalloc_array			goslab_slab_kmalloc_array
#undef krealloc
#define krealloc			goslab_slab_krealloc
#undef krealloc_array
#define krealloc_array			goslab_slab_krealloc_array
#undef krealloc_node
#define krealloc_node			goslab_slab_krealloc_node
#undef krealloc_node_align
#define krealloc_node_align		goslab_slab_krealloc_node_align
#undef kmalloc_node
#define kmalloc_node			goslab_slab_kmalloc_node
#undef kzalloc_node
#define kzalloc_node			goslab_slab_kzalloc_node
#undef kcalloc_node
#define kcalloc_node			goslab_slab_kcalloc_node
#undef kmalloc_array_node
#define kmalloc_array_node		goslab_slab_kmalloc_array_node
#undef kfree
#define kfree				goslab_slab_kfree
#undef kfree_sensitive
#define kfree_sensitive			goslab_slab_kfree_sensitive
#undef kfree_const
#define kfree_const			goslab_slab_kfree_const
#undef kfree_bulk
#define kfree_bulk			goslab_slab_kfree_bulk
#undef ksize
#define ksize				goslab_slab_ksize
#undef kmalloc_size_roundup
#define kmalloc_size_roundup		goslab_slab_kmalloc_size_roundup

/* Objects that may be virtually contiguous only. */
#undef kvmalloc
#define kvmalloc			goslab_slab_kvmalloc
#undef kvzalloc
#define kvzalloc			goslab_slab_kvzalloc
#undef kvcalloc
#define kvcalloc			goslab_slab_kvcalloc
#undef kvmalloc_array
#define kvmalloc_array			goslab_slab_kvmalloc_array
#undef kvmalloc_node
#define kvmalloc_node			goslab_slab_kvmalloc_node
#undef kvzalloc_node
#define kvzalloc_node			goslab_slab_kvzalloc_node
#undef kvcalloc_node
#define kvcalloc_node			goslab_slab_kvcalloc_node
#undef kvmalloc_array_node
#define kvmalloc_array_node		goslab_slab_kvmalloc_array_node
#undef kvmalloc_node_align
#define kvmalloc_node_align		goslab_slab_kvmalloc_node_align
#undef kvrealloc_node_align
#define kvrealloc_node_align		goslab_slab_kvrealloc_node_align
#undef kvfree
#define kvfree				goslab_slab_kvfree
#undef kvfree_atomic
#define kvfree_atomic			goslab_slab_kvfree_atomic
#undef kvfree_sensitive
#define kvfree_sensitive		goslab_slab_kvfree_sensitive

/* Caches. */
#undef kmem_cache_create_usercopy
#define kmem_cache_create_usercopy	goslab_slab_kmem_cache_create_usercopy
#undef kmem_cache_alloc
#define kmem_cache_alloc		goslab_slab_kmem_cache_alloc
#undef kmem_cache_zalloc
#define kmem_cache_zalloc		goslab_slab_kmem_cache_zalloc
#undef kmem_cache_alloc_lru
#define kmem_cache_alloc_lru		goslab_slab_kmem_cache_alloc_lru
#undef kmem_cache_alloc_node
#define kmem_cache_alloc_node		goslab_slab_kmem_cache_alloc_node
#undef kmem_cache_alloc_bulk
#define kmem_cache_alloc_bulk		goslab_slab_kmem_cache_alloc_bulk
#undef kmem_cache_free
#define kmem_cache_free			goslab_slab_kmem_cache_free
#undef kmem_cache_free_bulk
#define kmem_cache_free_bulk		goslab_slab_kmem_cache_free_bulk
#undef kmem_cache_destroy
#define kmem_cache_destroy		goslab_slab_kmem_cache_destroy
#undef kmem_cache_shrink
#define kmem_cache_shrink		goslab_slab_kmem_cache_shrink
#undef kmem_cache_size
#define kmem_cache_size			goslab_slab_kmem_cache_size
#undef kmem_cache_prefill_sheaf
#define kmem_cache_prefill_sheaf	goslab_slab_kmem_cache_prefill_sheaf
#undef kmem_cache_refill_sheaf
#define kmem_cache_refill_sheaf		goslab_slab_kmem_cache_refill_sheaf
#undef kmem_cache_return_sheaf
#define kmem_cache_return_sheaf		goslab_slab_kmem_cache_return_sheaf
#undef kmem_cache_alloc_from_sheaf
#define kmem_cache_alloc_from_sheaf	goslab_slab_kmem_cache_alloc_from_sheaf
#undef kmem_cache_sheaf_size
#define kmem_cache_sheaf_size		goslab_slab_kmem_cache_sheaf_size
#undef kmem_cache_alloc_from_sheaf_noprof
#define kmem_cache_alloc_from_sheaf_noprof \
	goslab_slab_kmem_cache_alloc_from_sheaf

/* Functions for memory pools. */
#undef mempool_alloc_slab
#define mempool_alloc_slab		goslab_slab_mempool_alloc_slab
#undef mempool_free_slab
#define mempool_free_slab		goslab_slab_mempool_free_slab
#undef mempool_kmalloc
#define mempool_kmalloc			goslab_slab_mempool_kmalloc
#undef mempool_kfree
#define mempool_kfree			goslab_slab_mempool_kfree
#undef mempool_kvmalloc
#define mempool_kvmalloc		goslab_slab_mempool_kvmalloc
#undef mempool_kvfree
#define mempool_kvfree			goslab_slab_mempool_kvfree

/* Where the kernel profiles allocations, inlines call these. */
#undef kmalloc_noprof
#define kmalloc_noprof			goslab_slab_kmalloc
#undef kzalloc_noprof
#define kzalloc_noprof			goslab_slab_kzalloc
#undef kcalloc_noprof
#define kcalloc_noprof			goslab_slab_kcalloc
#undef kmalloc_array_noprof
#define kmalloc_array_noprof		goslab_slab_kmalloc_array
#undef krealloc_noprof
#define krealloc_noprof			goslab_slab_krealloc
#undef krealloc_array_noprof
#define krealloc_array_noprof		goslab_slab_krealloc_array
#undef krealloc_node_noprof
#define krealloc_node_noprof		goslab_slab_krealloc_node
#undef krealloc_node_align_noprof
#define krealloc_node_align_noprof	goslab_slab_krealloc_node_align
#undef kmalloc_node_noprof
#define kmalloc_node_noprof		goslab_slab_kmalloc_node
#undef kmalloc_array_node_noprof
#define kmalloc_array_node_noprof	goslab_slab_kmalloc_array_node
#undef kvmalloc_noprof
#define kvmalloc_noprof			goslab_slab_kvmalloc
#undef kvmalloc_array_noprof
#define kvmalloc_array_noprof		goslab_slab_kvmalloc_array
#undef kvcalloc_noprof
#define kvcalloc_noprof			goslab_slab_kvcalloc
#undef kvmalloc_node_noprof
#define kvmalloc_node_noprof		goslab_slab_kvmalloc_node
#undef kvmalloc_array_node_noprof
#define kvmalloc_array_node_noprof	goslab_slab_kvmalloc_array_node
#undef kvcalloc_node_noprof
#define kvcalloc_node_noprof		goslab_slab_kvcalloc_node
#undef kvmalloc_node_align_noprof
#define kvmalloc_node_align_noprof	goslab_slab_kvmalloc_node_align
#undef kvrealloc_node_align_noprof
#define kvrealloc_node_align_noprof	goslab_slab_kvrealloc_node_align
#undef kmem_cache_alloc_noprof
#define kmem_cache_alloc_noprof		goslab_slab_kmem_cache_alloc
#undef kmem_cache_alloc_lru_noprof
#define kmem_cache_alloc_lru_noprof	goslab_slab_kmem_cache_alloc_lru
#undef kmem_cache_alloc_node_noprof
#define kmem_cache_alloc_node_noprof	goslab_slab_kmem_cache_alloc_node
#undef kmem_cache_alloc_bulk_noprof
#define kmem_cache_alloc_bulk_noprof	goslab_slab_kmem_cache_alloc_bulk

/* 6.1: what its kmalloc() stands on, and some drivers call. */
#undef __kmalloc
#define __kmalloc			goslab_slab_kmalloc
#undef __kmalloc_node
#define __kmalloc_node			goslab_slab_kmalloc_node
#undef kmalloc_large
#define kmalloc_large			goslab_slab_kmalloc
#undef kmalloc_large_node
#define kmalloc_large_node		goslab_slab_kmalloc_node

/* goslab knows the module, and not the caller's caller. */
#undef kmalloc_track_caller
#define kmalloc_track_caller		goslab_slab_kmalloc
#undef kmalloc_track_caller_noprof
#define kmalloc_track_caller_noprof	goslab_slab_kmalloc
#undef kmalloc_node_track_caller
#define kmalloc_node_track_caller	goslab_slab_kmalloc_node
#undef kmalloc_node_track_caller_noprof
#define kmalloc_node_track_caller_noprof(size, gfp, node, caller)	\
	goslab_slab_kmalloc_node(size, gfp, node)

/* Copies of memory, of strings and of what the user has. */
#undef kmemdup
#define kmemdup				goslab_slab_kmemdup
#undef kmemdup_noprof
#define kmemdup_noprof			goslab_slab_kmemdup
#undef kmemdup_array
#define kmemdup_array			goslab_slab_kmemdup_array
#undef kvmemdup
#define kvmemdup			goslab_slab_kvmemdup
#undef kmemdup_nul
#define kmemdup_nul			goslab_memdup_nul
#undef kstrdup
#define kstrdup				goslab_strdup
#undef kstrndup
#define kstrndup			goslab_strndup
#undef kasprintf
#define kasprintf			goslab_asprintf
#undef kvasprintf
#define kvasprintf			goslab_vasprintf
#undef memdup_user
#define memdup_user			goslab_memdup_user
#undef memdup_array_user
#define memdup_array_user		goslab_memdup_array_user
#undef memdup_user_nul
#define memdup_user_nul			goslab_memdup_user_nul
#undef strndup_user
#define strndup_user			goslab_strndup_user
#undef vmemdup_user
#define vmemdup_user			goslab_vmemdup_user
#undef vmemdup_array_user
#define vmemdup_array_user		goslab_vmemdup_array_user
#undef copy_from_user
#define copy_from_user			goslab_slab_copy_from_user
#undef copy_to_user
#define copy_to_user			goslab_slab_copy_to_user

#undef kmalloc_nolock
#define kmalloc_nolock			goslab_malloc_nolock

#undef kvrealloc
#define kvrealloc			goslab_slab_kvrealloc
#undef kvrealloc_noprof
#define kvrealloc_noprof		goslab_slab_kvrealloc

/* From 6.12 on a choice by the type of the third argument, before a function. */
#ifdef kmem_cache_create
#define __kmem_cache_create_args	goslab_slab_create_args
#define __kmem_cache_default_args	goslab_slab_create_args
#define __kmem_cache_create		goslab_slab_kmem_cache_create
#else
#define kmem_cache_create		goslab_slab_kmem_cache_create
#endif

/* What not all kernels have: missing calls stay missing. */
#define kfree_nolock(p)							\
	(goslab_slab_owns(p) ? goslab_free_nolock(p) : kfree_nolock(p))
#define kmem_cache_charge(object, gfp)					\
	(goslab_slab_owns(object) || kmem_cache_charge(object, gfp))

/* 6.1: inlines that have taken the kernel's functions with them. */
#ifndef mempool_init_slab_pool
#define mempool_init_slab_pool(pool, nr, cache)				\
	mempool_init(pool, nr, mempool_alloc_slab, mempool_free_slab,	\
		     (void *)(cache))
#define mempool_create_slab_pool(nr, cache)				\
	mempool_create(nr, mempool_alloc_slab, mempool_free_slab,	\
		       (void *)(cache))
#define mempool_init_kmalloc_pool(pool, nr, size)			\
	mempool_init(pool, nr, mempool_kmalloc, mempool_kfree,		\
		     (void *)(unsigned long)(size))
#define mempool_create_kmalloc_pool(nr, size)				\
	mempool_create(nr, mempool_kmalloc, mempool_kfree,		\
		       (void *)(unsigned long)(size))
#endif
#define mempool_init_kvmalloc_pool(pool, nr, size)			\
	mempool_init(pool, nr, mempool_kvmalloc, mempool_kvfree,	\
		     (void *)(unsigned long)(size))
#define mempool_create_kvmalloc_pool(nr, size)				\
	mempool_create(nr, mempool_kvmalloc, mempool_kvfree,		\
		       (void *)(unsigned long)(size))

/* RCU. */
#undef kfree_rcu
#define kfree_rcu			__goslab_slab_kvfree_rcu
#undef kvfree_rcu
#define kvfree_rcu			__goslab_slab_kvfree_rcu
#undef kfree_rcu_mightsleep
#define kfree_rcu_mightsleep		__goslab_slab_kvfree_rcu_1
#undef kvfree_rcu_mightsleep
#define kvfree_rcu_mightsleep		__goslab_slab_kvfree_rcu_1
#define kvfree_rcu_barrier()						\
	(goslab_free_rcu_barrier(), kvfree_rcu_barrier())
#define kvfree_rcu_barrier_on_cache(s)					\
	(goslab_slab_cache(s) ? goslab_free_rcu_barrier() :		\
	 kvfree_rcu_barrier_on_cache(s))

#endif /* _LINUX_GOSLAB_SLAB_NAMES_H */
