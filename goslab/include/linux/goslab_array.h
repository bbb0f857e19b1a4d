/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: arrays, nodes, objects by their type, and frees at the end of a
 * scope. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_ARRAY_H
#define _LINUX_GOSLAB_ARRAY_H

/*
 * With <linux/cleanup.h>, which late 6.1 has, too: a variable declared with
 * __free(goslab_free) is freed when it goes out of scope, unless it is NULL or
 * an error pointer.
 */
#ifdef DEFINE_FREE
DEFINE_FREE(goslab_free, void *, if (!IS_ERR_OR_NULL(_T)) goslab_free(_T))
DEFINE_FREE(goslab_free_sensitive, void *, if (!IS_ERR_OR_NULL(_T)) goslab_free_sensitive(_T))
#endif

/* Not for callers; used by goslab_realloc_node(). */
void *__goslab_realloc_node(const void *p, size_t size, gfp_t gfp, int node,
			    struct goslab_owner *owner) __realloc_size(2);

/*
 * Where DMA is not coherent, objects may be larger than their class says, which
 * only the running machine knows.
 */
#ifdef ARCH_DMA_MINALIGN
#define __GOSLAB_SIZES_FOLD	(ARCH_DMA_MINALIGN <= 8)
#else
#define __GOSLAB_SIZES_FOLD	1
#endif

/**
 * goslab_size_roundup() - bytes that goslab_malloc() would give.
 * @size: bytes wanted.
 *
 * A caller that wants to use all of goslab_size() requests this size in the
 * first place, so that the compiler and its checks know it as well. Folds at
 * compile time for a constant @size up to GOSLAB_MAX_SMALL, but where the
 * architecture aligns for DMA (ARCH_DMA_MINALIGN).
 *
 * Context: Any.
 * Return: bytes; @size itself if it is 0 or above GOSLAB_MAX_SIZE.
 */
static __always_inline size_t goslab_size_roundup(size_t size)
{
	if (__GOSLAB_SIZES_FOLD && __builtin_constant_p(size) && size &&
	    size <= GOSLAB_MAX_SMALL)
		return __goslab_class_size(__goslab_class(size));
	return __goslab_size_roundup(size);
}

/**
 * goslab_zalloc_node() - allocate zeroed memory on a NUMA node.
 * @size: bytes. All of goslab_size() is zero.
 * @gfp: as for goslab_malloc_node().
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_node().
 */
static __always_inline __alloc_size(1) void *
goslab_zalloc_node(size_t size, gfp_t gfp, int node)
{
	return goslab_malloc_node(size, gfp | __GFP_ZERO, node);
}

/**
 * goslab_malloc_array_node() - allocate an array on a NUMA node.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc_node().
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_node(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(1, 2) void *
goslab_malloc_array_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_malloc_node(size_mul(n, size), gfp, node);
}

/**
 * goslab_calloc_node() - allocate a zeroed array on a NUMA node.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc_node().
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array_node().
 */
static __always_inline __alloc_size(1, 2) void *
goslab_calloc_node(size_t n, size_t size, gfp_t gfp, int node)
{
	return goslab_malloc_array_node(n, size, gfp | __GFP_ZERO, node);
}

/**
 * goslab_realloc_array() - change the number of elements of an array.
 * @p: a live array, NULL (allocates) or ZERO_SIZE_PTR.
 * @n: number of elements wanted; 0 frees @p.
 * @size: bytes of an element; 0 frees @p.
 * @gfp: as for goslab_realloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_realloc(); NULL if @n * @size overflows (@p is then as it
 * was).
 */
static __always_inline __realloc_size(2, 3) void *
goslab_realloc_array(const void *p, size_t n, size_t size, gfp_t gfp)
{
	return goslab_realloc(p, size_mul(n, size), gfp);
}

/**
 * goslab_realloc_node() - change the size of an object, and its node.
 * @p: as for goslab_realloc().
 * @size: bytes wanted; 0 frees @p.
 * @gfp: as for goslab_realloc(). With __GFP_THISNODE an object of another node
 *       moves, even if it has room.
 * @node: node that new memory comes from, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_realloc(); NULL, after a report, if a new object is needed
 * and there is no such node.
 */
static __always_inline __realloc_size(2) void *
goslab_realloc_node(const void *p, size_t size, gfp_t gfp, int node)
{
	return __goslab_realloc_node(p, size, gfp, node, &goslab_this_owner);
}

/**
 * goslab_malloc_node_track_caller() - allocate on behalf of the caller.
 * @size: bytes.
 * @gfp: as for goslab_malloc_node().
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * For wrappers: a report about this allocation names the caller of the function
 * that contains this call. As with every call, the object counts for the module
 * that contains the call.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_node().
 */
static __always_inline __alloc_size(1) void *
goslab_malloc_node_track_caller(size_t size, gfp_t gfp, int node)
{
	return __goslab_malloc_track_caller(size, gfp, node, &goslab_this_owner,
					    _RET_IP_);
}

/**
 * goslab_malloc_track_caller() - allocate on behalf of the caller.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __alloc_size(1) void *
goslab_malloc_track_caller(size_t size, gfp_t gfp)
{
	return goslab_malloc_node_track_caller(size, gfp, NUMA_NO_NODE);
}

/* The gfp of the calls below, GFP_KERNEL if there is none. */
#define __goslab_second(a, b, ...)	b
#define __goslab_gfp(...)	__goslab_second(, ##__VA_ARGS__, GFP_KERNEL)

/*
 * Objects by type, for any allocating call: ALLOC is an expression that
 * allocates __goslab_bytes bytes, a variable that the macro declares.
 */
#define __goslab_objs(TYPE, COUNT, ALLOC)				\
({									\
	const size_t __goslab_bytes = size_mul(sizeof(TYPE), COUNT);	\
	(TYPE *)(ALLOC);						\
})

#define __goslab_flex(TYPE, FAM, COUNT, ALLOC)				\
({									\
	const size_t __goslab_count = (COUNT);				\
	const size_t __goslab_bytes =					\
		struct_size((TYPE *)NULL, FAM, __goslab_count);		\
	TYPE *__goslab_obj = (ALLOC);					\
	if (__goslab_obj)						\
		__goslab_set_counter(__goslab_obj->FAM, __goslab_count);\
	__goslab_obj;							\
})

/* The member that __counted_by() names, where kernel and compiler know it. */
#ifdef __set_flex_counter
#define __goslab_set_counter(FAM, COUNT)	__set_flex_counter(FAM, COUNT)
#else
#define __goslab_set_counter(FAM, COUNT)	((void)(COUNT))
#endif

/**
 * goslab_malloc_obj() - allocate an object of a type.
 * @TYPE: a type, or an expression that has it, which is not evaluated.
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; as goslab_malloc().
 */
#define goslab_malloc_obj(TYPE, ...)					\
	__goslab_objs(typeof(TYPE), 1,					\
		      goslab_malloc(__goslab_bytes,			\
				    __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_malloc_objs() - allocate an array of objects of a type.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; NULL if the size overflows; as goslab_malloc().
 */
#define goslab_malloc_objs(TYPE, COUNT, ...)				\
	__goslab_objs(typeof(TYPE), COUNT,				\
		      goslab_malloc(__goslab_bytes,			\
				    __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_malloc_flex() - allocate a structure with a flexible array.
 * @TYPE: as for goslab_malloc_obj(), a structure.
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements of the array.
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * The member that __counted_by() of @FAM names is set to @COUNT if the kernel
 * has __set_flex_counter() and the compiler knows the attribute.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: a pointer to @TYPE; NULL if the size overflows; as goslab_malloc().
 */
#define goslab_malloc_flex(TYPE, FAM, COUNT, ...)			\
	__goslab_flex(typeof(TYPE), FAM, COUNT,				\
		      goslab_malloc(__goslab_bytes,			\
				    __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_zalloc_obj() - allocate a zeroed object of a type.
 * @TYPE: as for goslab_malloc_obj().
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_obj().
 */
#define goslab_zalloc_obj(TYPE, ...)					\
	goslab_malloc_obj(TYPE, __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_zalloc_objs() - allocate a zeroed array of objects of a type.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_objs().
 */
#define goslab_zalloc_objs(TYPE, COUNT, ...)				\
	goslab_malloc_objs(TYPE, COUNT,					\
			   __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_zalloc_flex() - allocate a zeroed structure with a flexible array.
 * @TYPE: as for goslab_malloc_obj(), a structure.
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements of the array.
 * @...: gfp as for goslab_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_flex().
 */
#define goslab_zalloc_flex(TYPE, FAM, COUNT, ...)			\
	goslab_malloc_flex(TYPE, FAM, COUNT,				\
			   __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

#endif /* _LINUX_GOSLAB_ARRAY_H */
