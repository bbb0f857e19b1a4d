/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab behind the names of <linux/slab.h>, for modules that are to use it
 * without being edited. Documentation/dropin.rst tells how, and what stays the
 * kernel's.
 *
 * A name becomes a macro without arguments, so that the address of a function
 * is goslab's, too. What the kernel allocated goes back to the kernel: every
 * call that gets an object looks whose it is. A cache of ours is a pointer to
 * struct kmem_cache whose lowest bit is set.
 *
 * Only this header and what it includes knows the kernel's own calls any more;
 * they are kept below as goslab_kernel_*(). Inlines of headers that come later
 * are mapped as the client is, which is why all headers come first that have a
 * name to map.
 */
#ifndef _LINUX_GOSLAB_SLAB_H
#define _LINUX_GOSLAB_SLAB_H

#ifndef __ASSEMBLY__

#include <linux/goslab.h>
#include <linux/kernel.h>
#include <linux/mempool.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

/* Not for clients: what the inlines below stand on. */
struct kmem_cache *__goslab_slab_create(const char *name, unsigned int size,
					const struct goslab_cache_args *args,
					slab_flags_t flags,
					struct goslab_owner *owner);
void *__goslab_slab_alloc_lru(struct goslab_cache *cache, struct list_lru *lru,
			      gfp_t gfp);
void *__goslab_slab_krealloc(const void *p, size_t size, gfp_t gfp, int node,
			     struct goslab_owner *owner) __realloc_size(2);
void *__goslab_slab_kvrealloc(const void *p, size_t old, size_t size, gfp_t gfp,
			      struct goslab_owner *owner) __realloc_size(3);
bool goslab_slab_owns(const void *p);
void goslab_slab_kfree(const void *p);
void goslab_slab_kfree_sensitive(const void *p);
void goslab_slab_kfree_bulk(size_t n, void **objects);
void goslab_slab_kvfree(const void *p);
void goslab_slab_kvfree_sensitive(const void *p, size_t size);
size_t goslab_slab_ksize(const void *p);
void goslab_slab_kmem_cache_free(struct kmem_cache *s, void *p);
void goslab_slab_kmem_cache_destroy(struct kmem_cache *s);
int goslab_slab_kmem_cache_shrink(struct kmem_cache *s);
unsigned int goslab_slab_kmem_cache_size(struct kmem_cache *s);

/* For gcc's warnings: these free what goslab's own calls gave. */
#if defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION >= 110000
#define __goslab_slab_freed						\
	__attribute__((__malloc__(goslab_slab_kfree, 1),		\
		       __malloc__(goslab_slab_kfree_sensitive, 1),	\
		       __malloc__(goslab_slab_kvfree, 1),		\
		       __malloc__(goslab_slab_kvfree_sensitive, 1)))
void *__goslab_malloc(size_t size, gfp_t gfp, struct goslab_owner *owner)
	__goslab_slab_freed;
void *__goslab_malloc_class(unsigned int class, gfp_t gfp,
			    struct goslab_owner *owner, size_t size)
	__goslab_slab_freed;
void *__goslab_malloc_noscan(size_t size, gfp_t gfp,
			     struct goslab_owner *owner) __goslab_slab_freed;
void *__goslab_malloc_node(size_t size, gfp_t gfp, int node,
			   struct goslab_owner *owner) __goslab_slab_freed;
void *__goslab_kvmalloc(size_t size, gfp_t gfp, int node,
			struct goslab_owner *owner) __goslab_slab_freed;
char *__goslab_asprintf(struct goslab_owner *owner, gfp_t gfp, const char *fmt,
			...) __goslab_slab_freed;
char *__goslab_vasprintf(struct goslab_owner *owner, gfp_t gfp,
			 const char *fmt, va_list args) __goslab_slab_freed;
#endif

/* Bits of gfp that place memory where goslab has none. */
#define __GOSLAB_SLAB_ZONES	(__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM)

/* The goslab cache behind @s, NULL for one of the kernel's own. */
static __always_inline struct goslab_cache *
goslab_slab_cache(const struct kmem_cache *s)
{
	return (unsigned long)s & 1 ? (void *)((unsigned long)s - 1) : NULL;
}

/* The kernel's own calls, while their names are theirs. */
static __always_inline __alloc_size(1) void *
goslab_kernel_kmalloc(size_t size, gfp_t gfp, int node)
{
	return kmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1) void *
goslab_kernel_kvmalloc(size_t size, gfp_t gfp, int node)
{
	return kvmalloc_node(size, gfp, node);
}

static inline void goslab_slab_kfree_const(const void *p)
{
	if (goslab_slab_owns(p))
		goslab_slab_kfree(p);
	else
		kfree_const(p);
}

/* 7.2 has it, and exports it; elsewhere a client that calls it does not link. */
void kvfree_atomic(const void *p);

/* Memory from vmalloc() goes back later, by a worker: this must not sleep. */
static inline void goslab_slab_kvfree_atomic(const void *p)
{
	if (goslab_slab_owns(p))
		goslab_slab_kfree(p);
	else
		kvfree_atomic(p);
}

#ifdef DEFINE_FREE
#define goslab_slab_scope_end(name, p)					\
do {									\
	if (!IS_ERR_OR_NULL(p))						\
		goslab_slab_##name(p);					\
} while (0)

DEFINE_FREE(goslab_slab_kfree, void *, goslab_slab_scope_end(kfree, _T))
DEFINE_FREE(goslab_slab_kvfree, void *, goslab_slab_scope_end(kvfree, _T))
DEFINE_FREE(goslab_slab_kvfree_atomic, void *,
	    goslab_slab_scope_end(kvfree_atomic, _T))
DEFINE_FREE(goslab_slab_kfree_sensitive, void *,
	    goslab_slab_scope_end(kfree_sensitive, _T))

/* What the compiler finds for __free(kfree) in a client. */
#define __free_kfree			__free_goslab_slab_kfree
#define __free_kvfree			__free_goslab_slab_kvfree
#define __free_kvfree_atomic		__free_goslab_slab_kvfree_atomic
#define __free_kfree_sensitive		__free_goslab_slab_kfree_sensitive
#endif

/* A node that SLUB would not mind either. */
static inline int goslab_slab_node(int node)
{
	return node >= 0 && node < nr_node_ids && node_online(node) ? node :
		NUMA_NO_NODE;
}

/*
 * Objects by size.
 */
static __always_inline __alloc_size(1) void *
goslab_slab_kmalloc(size_t size, gfp_t gfp)
{
	if (unlikely(gfp & __GOSLAB_SLAB_ZONES))
		return goslab_kernel_kmalloc(size, gfp, NUMA_NO_NODE);
	return goslab_malloc(size, gfp);
}

static __always_inline __alloc_size(1) void *
goslab_slab_kzalloc(size_t size, gfp_t gfp)
{
	return goslab_slab_kmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1) void *
goslab_slab_kmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (unlikely(gfp & __GOSLAB_SLAB_ZONES))
		return goslab_kernel_kmalloc(size, gfp, node);
	return goslab_malloc_node(size, gfp, goslab_slab_node(node));
}

static __always_inline __alloc_size(1) void *
goslab_slab_kzalloc_node(size_t size, gfp_t gfp, int node)
{
	return goslab_slab_kmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return goslab_slab_kmalloc(bytes, gfp);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kcalloc(size_t n, size_t size, gfp_t gfp)
{
	return goslab_slab_kmalloc_array(n, size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return goslab_slab_kmalloc_node(bytes, gfp, node);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_slab_kmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

static __always_inline __realloc_size(2) void *__must_check
goslab_slab_krealloc(const void *p, size_t size, gfp_t gfp)
{
	return __goslab_slab_krealloc(p, size, gfp, NUMA_NO_NODE,
				      &goslab_this_owner);
}

static __always_inline __realloc_size(2) void *__must_check
goslab_slab_krealloc_node(const void *p, size_t size, gfp_t gfp, int node)
{
	return __goslab_slab_krealloc(p, size, gfp, goslab_slab_node(node),
				      &goslab_this_owner);
}

/* What kmalloc() aligns @size to is all that may be asked for. */
static __always_inline __realloc_size(2) void *__must_check
goslab_slab_krealloc_node_align(const void *p, size_t size,
				unsigned long align, gfp_t gfp, int node)
{
	return goslab_slab_krealloc_node(p, size, gfp, node);
}

static __always_inline __realloc_size(2, 3) void *__must_check
goslab_slab_krealloc_array(void *p, size_t n, size_t size, gfp_t gfp)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return goslab_slab_krealloc(p, bytes, gfp);
}

static inline size_t goslab_slab_kmalloc_size_roundup(size_t size)
{
	return goslab_size_roundup(size);
}

/*
 * Objects that may be virtually contiguous only.
 */
static __always_inline __alloc_size(1) void *
goslab_slab_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	if (unlikely(gfp & __GOSLAB_SLAB_ZONES))
		return goslab_kernel_kvmalloc(size, gfp, node);
	return goslab_kvmalloc_node(size, gfp, goslab_slab_node(node));
}

static __always_inline __alloc_size(1) void *
goslab_slab_kvmalloc_node_align(size_t size, unsigned long align, gfp_t gfp,
				int node)
{
	return goslab_slab_kvmalloc_node(size, gfp, node);
}

static __always_inline __alloc_size(1) void *
goslab_slab_kvmalloc(size_t size, gfp_t gfp)
{
	return goslab_slab_kvmalloc_node(size, gfp, NUMA_NO_NODE);
}

static __always_inline __alloc_size(1) void *
goslab_slab_kvzalloc(size_t size, gfp_t gfp)
{
	return goslab_slab_kvmalloc(size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1) void *
goslab_slab_kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	return goslab_slab_kvmalloc_node(size, gfp | __GFP_ZERO, node);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kvmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return NULL;
	return goslab_slab_kvmalloc_node(bytes, gfp, node);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return goslab_slab_kvmalloc_array_node(n, size, gfp, NUMA_NO_NODE);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return goslab_slab_kvmalloc_array(n, size, gfp | __GFP_ZERO);
}

static __always_inline __alloc_size(1, 2) void *
goslab_slab_kvcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_slab_kvmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

/* (p, size, gfp), or on 6.1 with the old size before the new one. */
#define __goslab_slab_kvrealloc_4(p, old, size, gfp)			\
	__goslab_slab_kvrealloc(p, old, size, gfp, &goslab_this_owner)
#define __goslab_slab_kvrealloc_3(p, size, gfp)				\
	__goslab_slab_kvrealloc_4(p, 0, size, gfp)
#define goslab_slab_kvrealloc(...)					\
	CONCATENATE(__goslab_slab_kvrealloc_,				\
		    COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

static inline void *
goslab_slab_kvrealloc_node_align(const void *p, size_t size,
				 unsigned long align, gfp_t gfp, int node)
{
	return __goslab_slab_kvrealloc(p, 0, size, gfp, &goslab_this_owner);
}

#include <linux/goslab_slab_cache.h>

/*
 * Copies of memory.
 */
static __always_inline __realloc_size(2) void *
goslab_slab_kmemdup(const void *src, size_t size, gfp_t gfp)
{
	return __goslab_fill(goslab_slab_kmalloc(size, gfp), src, size);
}

static __always_inline __realloc_size(2) void *
goslab_slab_kvmemdup(const void *src, size_t size, gfp_t gfp)
{
	return __goslab_fill(goslab_slab_kvmalloc(size, gfp), src, size);
}

static __always_inline __realloc_size(2, 3) void *
goslab_slab_kmemdup_array(const void *src, size_t n, size_t size, gfp_t gfp)
{
	return goslab_slab_kmemdup(src, size_mul(n, size), gfp);
}

/*
 * Copies from and to user space: as the kernel does for objects of its own, if
 * it does, for sizes that the compiler does not know.
 */
#define __goslab_slab_may_copy(p, n)					\
	(!IS_ENABLED(CONFIG_HARDENED_USERCOPY) ||			\
	 __builtin_constant_p(n) || goslab_check_object(p, n))

static __always_inline unsigned long __must_check
goslab_slab_copy_from_user(void *to, const void __user *from, unsigned long n)
{
	return __goslab_slab_may_copy(to, n) ? copy_from_user(to, from, n) : n;
}

static __always_inline unsigned long __must_check
goslab_slab_copy_to_user(void __user *to, const void *from, unsigned long n)
{
	return __goslab_slab_may_copy(from, n) ? copy_to_user(to, from, n) : n;
}

/*
 * RCU. With one argument: for objects without a head; may sleep.
 */
#define __goslab_slab_kvfree_rcu_2(ptr, rhf)				\
do {									\
	typeof(ptr) __gs_p = (ptr);					\
									\
	if (goslab_slab_owns(__gs_p))					\
		__goslab_free_rcu(&__gs_p->rhf, __gs_p);		\
	else								\
		kvfree_rcu_arg_2(__gs_p, rhf);				\
} while (0)

#define __goslab_slab_kvfree_rcu_1(ptr)					\
do {									\
	typeof(ptr) __gs_p = (ptr);					\
									\
	if (goslab_slab_owns(__gs_p))					\
		goslab_free_rcu_mightsleep(__gs_p);			\
	else								\
		kvfree_rcu_arg_1(__gs_p);				\
} while (0)

#define __goslab_slab_kvfree_rcu(...)					\
	CONCATENATE(__goslab_slab_kvfree_rcu_,				\
		    COUNT_ARGS(__VA_ARGS__))(__VA_ARGS__)

#include <linux/goslab_slab_names.h>

#endif /* __ASSEMBLY__ */
#endif /* _LINUX_GOSLAB_SLAB_H */
