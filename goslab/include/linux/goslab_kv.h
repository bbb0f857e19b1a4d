/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: memory that need not be physically contiguous.
 * Included by <linux/goslab.h>.
 *
 * Small sizes are objects of goslab. Above a page goslab is tried first,
 * without much effort. Memory that it does not have comes from vmalloc() and
 * does not count as held by goslab.
 */
#ifndef _LINUX_GOSLAB_KV_H
#define _LINUX_GOSLAB_KV_H

/* Not for callers; used by the inlines below. */
void *__goslab_kvmalloc(size_t size, gfp_t gfp, int node,
			struct goslab_owner *owner)
	__alloc_size(1) __goslab_kvfreed;
void *__goslab_kvrealloc(const void *p, size_t size, gfp_t gfp,
			 struct goslab_owner *owner) __realloc_size(2);
void *__goslab_vmemdup_user(const void __user *src, size_t size,
			    struct goslab_owner *owner) __alloc_size(2);

/**
 * goslab_kvfree() - give memory back, of goslab or of vmalloc().
 * @p: from any goslab call or from vmalloc(), NULL or ZERO_SIZE_PTR.
 *
 * Anything else is reported as by goslab_free(), or warned of by vfree().
 *
 * Context: Any but NMI. May sleep in task context if @p is from vmalloc(); not
 * under a spinlock, then.
 */
void goslab_kvfree(const void *p);

/**
 * goslab_kvfree_sensitive() - wipe memory and give it back.
 * @p: as for goslab_kvfree().
 * @size: bytes to wipe of memory from vmalloc(); an object of goslab is wiped
 *        in whole.
 *
 * Context: As goslab_kvfree().
 */
void goslab_kvfree_sensitive(const void *p, size_t size);

#ifdef DEFINE_FREE
DEFINE_FREE(goslab_kvfree, void *, if (!IS_ERR_OR_NULL(_T)) goslab_kvfree(_T))
#endif

/**
 * goslab_kvmalloc_node() - allocate memory on a NUMA node, contiguous or not.
 * @size: bytes, at most INT_MAX.
 * @gfp: as for goslab_malloc(). vmalloc() is not asked if it allows no direct
 *       reclaim (GFP_ATOMIC, GFP_NOWAIT) or has __GFP_THISNODE, nor for a page
 *       or less.
 * @node: node wanted, or NUMA_NO_NODE. On kernels without vmalloc_huge_node()
 *        vmalloc() follows it only with GFP_KERNEL.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the memory, ZERO_SIZE_PTR for size 0, NULL on failure.
 */
static __always_inline __alloc_size(1) void *
goslab_kvmalloc_node(size_t size, gfp_t gfp, int node)
{
	return __goslab_kvmalloc(size, gfp, node, &goslab_this_owner);
}

/**
 * goslab_kvmalloc() - allocate memory, contiguous or not.
 * @size: bytes, at most INT_MAX.
 * @gfp: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node().
 */
static __always_inline __alloc_size(1) void *
goslab_kvmalloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size <= PAGE_SIZE)
		return goslab_malloc(size, gfp);
	return goslab_kvmalloc_node(size, gfp, NUMA_NO_NODE);
}

/**
 * goslab_kvzalloc() - allocate zeroed memory, contiguous or not.
 * @size: bytes, at most INT_MAX.
 * @gfp: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node().
 */
static __always_inline __alloc_size(1) void *
goslab_kvzalloc(size_t size, gfp_t gfp)
{
	return goslab_kvmalloc(size, gfp | __GFP_ZERO);
}

/**
 * goslab_kvzalloc_node() - allocate zeroed memory on a node, contiguous or not.
 * @size: bytes, at most INT_MAX.
 * @gfp: as for goslab_kvmalloc_node().
 * @node: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node().
 */
static __always_inline __alloc_size(1) void *
goslab_kvzalloc_node(size_t size, gfp_t gfp, int node)
{
	return goslab_kvmalloc_node(size, gfp | __GFP_ZERO, node);
}

/**
 * goslab_kvmalloc_array() - allocate an array, contiguous or not.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(1, 2) void *
goslab_kvmalloc_array(size_t n, size_t size, gfp_t gfp)
{
	return goslab_kvmalloc(size_mul(n, size), gfp);
}

/**
 * goslab_kvcalloc() - allocate a zeroed array, contiguous or not.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_array().
 */
static __always_inline __alloc_size(1, 2) void *
goslab_kvcalloc(size_t n, size_t size, gfp_t gfp)
{
	return goslab_kvmalloc_array(n, size, gfp | __GFP_ZERO);
}

/**
 * goslab_kvmalloc_array_node() - allocate an array on a node, contiguous or not.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_kvmalloc_node().
 * @node: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_array().
 */
static __always_inline __alloc_size(1, 2) void *
goslab_kvmalloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_kvmalloc_node(size_mul(n, size), gfp, node);
}

/**
 * goslab_kvcalloc_node() - allocate a zeroed array on a node, contiguous or not.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_kvmalloc_node().
 * @node: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_array().
 */
static __always_inline __alloc_size(1, 2) void *
goslab_kvcalloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_kvmalloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

/**
 * goslab_kvrealloc() - change the size of memory, contiguous or not.
 * @p: from a goslab call or from vmalloc(), NULL (allocates), ZERO_SIZE_PTR.
 * @size: bytes wanted; 0 frees @p.
 * @gfp: as for goslab_kvmalloc_node(). With __GFP_ZERO on this and every
 *       earlier call, bytes past the old size are zero.
 *
 * Memory from vmalloc() stays in place if the new size fits and is more than
 * half of it.
 *
 * Context: As goslab_kvfree() and as @gfp says.
 * Return: the memory, perhaps moved; ZERO_SIZE_PTR for size 0; NULL on failure
 * (@p is then as it was).
 */
static __always_inline __realloc_size(2) void *
goslab_kvrealloc(const void *p, size_t size, gfp_t gfp)
{
	return __goslab_kvrealloc(p, size, gfp, &goslab_this_owner);
}

/**
 * goslab_kvmemdup() - allocate a copy of memory, contiguous or not.
 * @src: what to copy.
 * @size: bytes.
 * @gfp: as for goslab_kvmalloc_node().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_node().
 */
static __always_inline __realloc_size(2) void *
goslab_kvmemdup(const void *src, size_t size, gfp_t gfp)
{
	return __goslab_fill(goslab_kvmalloc(size, gfp), src, size);
}

/**
 * goslab_vmemdup_user() - allocate a copy of a user's memory, contiguous or not.
 * @src: address in user space.
 * @size: bytes.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: the copy, for goslab_kvfree(); ERR_PTR(-ENOMEM) or ERR_PTR(-EFAULT).
 */
static __always_inline __realloc_size(2) void *
goslab_vmemdup_user(const void __user *src, size_t size)
{
	return __goslab_vmemdup_user(src, size, &goslab_this_owner);
}

/**
 * goslab_vmemdup_array_user() - allocate a copy of a user's array, contiguous
 *                               or not.
 * @src: address in user space.
 * @n: number of elements.
 * @size: bytes of an element.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: as goslab_vmemdup_user(); ERR_PTR(-EOVERFLOW) if @n * @size
 * overflows.
 */
static __always_inline __realloc_size(2, 3) void *
goslab_vmemdup_array_user(const void __user *src, size_t n, size_t size)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return ERR_PTR(-EOVERFLOW);
	return goslab_vmemdup_user(src, bytes);
}

/**
 * goslab_kvmalloc_obj() - allocate an object of a type, contiguous or not.
 * @TYPE: as for goslab_malloc_obj().
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; as goslab_kvmalloc_node().
 */
#define goslab_kvmalloc_obj(TYPE, ...)					\
	__goslab_objs(typeof(TYPE), 1,					\
		      goslab_kvmalloc(__goslab_bytes,			\
				      __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_kvmalloc_objs() - allocate an array of a type, contiguous or not.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; NULL if the size overflows; as
 * goslab_kvmalloc_node().
 */
#define goslab_kvmalloc_objs(TYPE, COUNT, ...)				\
	__goslab_objs(typeof(TYPE), COUNT,				\
		      goslab_kvmalloc(__goslab_bytes,			\
				      __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_kvmalloc_flex() - allocate a structure with a flexible array,
 *                          contiguous or not.
 * @TYPE: as for goslab_malloc_obj(), a structure.
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements of the array, as for goslab_malloc_flex().
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; NULL if the size overflows; as
 * goslab_kvmalloc_node().
 */
#define goslab_kvmalloc_flex(TYPE, FAM, COUNT, ...)			\
	__goslab_flex(typeof(TYPE), FAM, COUNT,				\
		      goslab_kvmalloc(__goslab_bytes,			\
				      __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_kvzalloc_obj() - allocate a zeroed object of a type, contiguous or not.
 * @TYPE: as for goslab_malloc_obj().
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_obj().
 */
#define goslab_kvzalloc_obj(TYPE, ...)					\
	goslab_kvmalloc_obj(TYPE, __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_kvzalloc_objs() - allocate a zeroed array of a type, contiguous or not.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_objs().
 */
#define goslab_kvzalloc_objs(TYPE, COUNT, ...)				\
	goslab_kvmalloc_objs(TYPE, COUNT,				\
			     __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_kvzalloc_flex() - allocate a zeroed structure with a flexible array,
 *                          contiguous or not.
 * @TYPE: as for goslab_malloc_obj(), a structure.
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements of the array, as for goslab_malloc_flex().
 * @...: gfp as for goslab_kvmalloc_node(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_kvmalloc_flex().
 */
#define goslab_kvzalloc_flex(TYPE, FAM, COUNT, ...)			\
	goslab_kvmalloc_flex(TYPE, FAM, COUNT,				\
			     __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

#endif /* _LINUX_GOSLAB_KV_H */
