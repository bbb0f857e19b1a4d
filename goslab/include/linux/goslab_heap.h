/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: heaps: the calls of malloc for one component, with a name, a quota
 * and an end of its own. Included by <linux/goslab.h>.
 *
 * An object of a heap is freed, sized and reallocated by the calls without
 * heap: goslab_free(), goslab_size(), goslab_realloc(), on any CPU and in any
 * context that they allow; it stays in its heap when it moves.
 */
#ifndef _LINUX_GOSLAB_HEAP_H
#define _LINUX_GOSLAB_HEAP_H

struct goslab_heap;

#define GOSLAB_ON_NODE		BIT(5)	/* goslab_heap_args.node counts */
#define GOSLAB_HEAP_GC		BIT(8)	/* collected: see <linux/goslab_collect.h> */

/**
 * struct goslab_heap_args - optional properties of a heap; 0 for none.
 * @quota: bytes of spans that the heap may hold, free objects in them
 *         included; allocations that would need more fail. 0: no limit.
 * @node: with GOSLAB_ON_NODE, the NUMA node that memory comes from, unless a
 *        call names another one or the node has no memory left.
 * @flags: GOSLAB_ON_NODE, GOSLAB_PANIC; GOSLAB_HEAP_GC; GOSLAB_ACCOUNT, GOSLAB_NOSCAN (as for caches).
 */
struct goslab_heap_args {
	size_t quota;
	int node;
	unsigned long flags;
};

/**
 * struct goslab_heap_usage - what a heap has, in bytes unless noted.
 * @quota: its limit, or 0.
 * @held: in its spans now: live and free objects, tails.
 * @peak: the most that @held was.
 * @live: in live objects.
 * @nr_live: live objects.
 * @nr_refused: allocations that failed at the quota.
 */
struct goslab_heap_usage {
	size_t quota;
	size_t held;
	size_t peak;
	size_t live;
	unsigned long nr_live;
	unsigned long nr_refused;
};

/* Not for callers; used by the inlines below. */
struct goslab_heap *__goslab_heap_create(const char *name,
					 const struct goslab_heap_args *args,
					 struct goslab_owner *owner);
void *__goslab_heap_malloc(struct goslab_heap *heap, size_t size, gfp_t gfp,
			   struct goslab_owner *owner) __alloc_size(2);
void *__goslab_heap_malloc_node(struct goslab_heap *heap, size_t size,
				gfp_t gfp, int node,
				struct goslab_owner *owner) __alloc_size(2);

/**
 * goslab_heap_create() - make a heap.
 * @name: shown in debugfs and in reports, copied; 23 characters, unique, no
 *        blanks.
 * @args: optional properties, or NULL.
 *
 * A heap costs some 20 KiB on a machine with one node. It shares no spans with
 * other heaps. debugfs ``heaps`` shows what it holds.
 *
 * Context: Task. Sleeps.
 * Return: the heap; NULL, after a report that says why, for bad arguments or a
 * name in use; NULL without memory.
 */
static __always_inline struct goslab_heap *
goslab_heap_create(const char *name, const struct goslab_heap_args *args)
{
	return __goslab_heap_create(name, args, &goslab_this_owner);
}

/**
 * goslab_heap_reset() - free every object of a heap, and keep the heap.
 * @heap: the heap; not the default one, and no caches may draw from it.
 *
 * The caller makes sure that the heap and its objects are not used meanwhile,
 * and the objects not afterwards: a later free of one is found as a double free
 * until its memory is used again. The time is proportional to the number of
 * spans, not of objects, plus a grace period.
 *
 * Context: Task. Sleeps.
 */
void goslab_heap_reset(struct goslab_heap *heap);

/**
 * goslab_heap_destroy() - free every object of a heap, and the heap.
 * @heap: as for goslab_heap_reset(), or NULL.
 *
 * Context: Task. Sleeps.
 */
void goslab_heap_destroy(struct goslab_heap *heap);

/**
 * goslab_heap_default() - the heap of the calls without a heap.
 *
 * Context: Any.
 * Return: the default heap. It has no quota and cannot be destroyed.
 */
struct goslab_heap *goslab_heap_default(void);

/**
 * goslab_heap_usage() - what a heap has.
 * @heap: the heap.
 * @usage: filled in; all 0 after a report if the heap is gone.
 *
 * Live objects are counted by a scan of the heap's spans, of the default heap by one of
 * all spans. Caches that draw from the heap are in it.
 *
 * Context: Task. Sleeps.
 */
void goslab_heap_usage(struct goslab_heap *heap,
		       struct goslab_heap_usage *usage);

/**
 * goslab_heap_malloc() - allocate memory from a heap.
 * @heap: the heap.
 * @size: bytes, at most GOSLAB_MAX_SIZE.
 * @gfp: as for goslab_malloc(). __GFP_NOFAIL waits at the quota until there is
 *       room.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc(); NULL at the quota, which is counted.
 */
static __always_inline __alloc_size(2) void *
goslab_heap_malloc(struct goslab_heap *heap, size_t size, gfp_t gfp)
{
	return __goslab_heap_malloc(heap, size, gfp, &goslab_this_owner);
}

/**
 * goslab_heap_malloc_node() - allocate memory from a heap, on a NUMA node.
 * @heap: the heap.
 * @size: bytes.
 * @gfp: as for goslab_heap_malloc(); with __GFP_THISNODE from that node only.
 * @node: node wanted, or NUMA_NO_NODE for that of the heap.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc(); NULL, after a report, if there is no
 * such node.
 */
static __always_inline __alloc_size(2) void *
goslab_heap_malloc_node(struct goslab_heap *heap, size_t size, gfp_t gfp,
			int node)
{
	return __goslab_heap_malloc_node(heap, size, gfp, node,
					 &goslab_this_owner);
}

/**
 * goslab_heap_zalloc() - allocate zeroed memory from a heap.
 * @heap: the heap.
 * @size: bytes. All of goslab_size() is zero.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc().
 */
static __always_inline __alloc_size(2) void *
goslab_heap_zalloc(struct goslab_heap *heap, size_t size, gfp_t gfp)
{
	return goslab_heap_malloc(heap, size, gfp | __GFP_ZERO);
}

/**
 * goslab_heap_malloc_array() - allocate an array from a heap.
 * @heap: the heap.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(2, 3) void *
goslab_heap_malloc_array(struct goslab_heap *heap, size_t n, size_t size,
			 gfp_t gfp)
{
	return goslab_heap_malloc(heap, size_mul(n, size), gfp);
}

/**
 * goslab_heap_calloc() - allocate a zeroed array from a heap.
 * @heap: the heap.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc_array().
 */
static __always_inline __alloc_size(2, 3) void *
goslab_heap_calloc(struct goslab_heap *heap, size_t n, size_t size, gfp_t gfp)
{
	return goslab_heap_malloc_array(heap, n, size, gfp | __GFP_ZERO);
}

/**
 * goslab_heap_realloc() - change the size of an object of a heap.
 * @heap: where the memory comes from if @p is NULL or ZERO_SIZE_PTR.
 * @p: as for goslab_realloc(); an object stays in its own heap.
 * @size: bytes wanted; 0 frees @p.
 * @gfp: as for goslab_realloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_realloc().
 */
static __always_inline __realloc_size(3) void *
goslab_heap_realloc(struct goslab_heap *heap, const void *p, size_t size,
		    gfp_t gfp)
{
	if (ZERO_OR_NULL_PTR(p))
		return goslab_heap_malloc(heap, size, gfp);
	return goslab_realloc(p, size, gfp);
}

/**
 * goslab_heap_zalloc_node() - allocate zeroed memory from a heap, on a node.
 * @heap: the heap.
 * @size: bytes. All of goslab_size() is zero.
 * @gfp: as for goslab_heap_malloc().
 * @node: node wanted, or NUMA_NO_NODE for that of the heap.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc_node().
 */
static __always_inline __alloc_size(2) void *
goslab_heap_zalloc_node(struct goslab_heap *heap, size_t size, gfp_t gfp,
			int node)
{
	return goslab_heap_malloc_node(heap, size, gfp | __GFP_ZERO, node);
}

/**
 * goslab_heap_malloc_array_node() - allocate an array from a heap, on a node.
 * @heap: the heap.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_heap_malloc().
 * @node: node wanted, or NUMA_NO_NODE for that of the heap.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc_node(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(2, 3) void *
goslab_heap_malloc_array_node(struct goslab_heap *heap, size_t n, size_t size,
			      gfp_t gfp, int node)
{
	return goslab_heap_malloc_node(heap, size_mul(n, size), gfp, node);
}

/**
 * goslab_heap_calloc_node() - allocate a zeroed array from a heap, on a node.
 * @heap: the heap.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_heap_malloc().
 * @node: node wanted, or NUMA_NO_NODE for that of the heap.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc_array_node().
 */
static __always_inline __alloc_size(2, 3) void *
goslab_heap_calloc_node(struct goslab_heap *heap, size_t n, size_t size,
			gfp_t gfp, int node)
{
	return goslab_heap_malloc_array_node(heap, n, size, gfp | __GFP_ZERO,
					     node);
}

/**
 * goslab_heap_realloc_array() - change the number of elements of an array.
 * @heap: the heap.
 * @p: as for goslab_heap_realloc().
 * @n: number of elements wanted; 0 frees @p.
 * @size: bytes of an element; 0 frees @p.
 * @gfp: as for goslab_realloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_realloc(); NULL if @n * @size overflows (@p is then as it
 * was).
 */
static __always_inline __realloc_size(3, 4) void *
goslab_heap_realloc_array(struct goslab_heap *heap, const void *p, size_t n,
			  size_t size, gfp_t gfp)
{
	return goslab_heap_realloc(heap, p, size_mul(n, size), gfp);
}

/**
 * goslab_heap_malloc_noscan() - allocate memory that will hold no pointers.
 * @heap: the heap.
 * @size: bytes.
 * @gfp: as for goslab_heap_malloc().
 *
 * The same as goslab_heap_malloc(): a heap has no separate spans for such
 * objects.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc().
 */
static __always_inline __alloc_size(2) void *
goslab_heap_malloc_noscan(struct goslab_heap *heap, size_t size, gfp_t gfp)
{
	return goslab_heap_malloc(heap, size, gfp);
}

/**
 * goslab_heap_memdup() - allocate a copy of memory from a heap.
 * @heap: the heap.
 * @src: what to copy.
 * @size: bytes.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc().
 */
static __always_inline __realloc_size(3) void *
goslab_heap_memdup(struct goslab_heap *heap, const void *src, size_t size,
		   gfp_t gfp)
{
	return __goslab_fill(goslab_heap_malloc(heap, size, gfp), src, size);
}

/**
 * goslab_heap_memdup_array() - allocate a copy of an array from a heap.
 * @heap: the heap.
 * @src: what to copy.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_heap_malloc_array().
 */
static __always_inline __realloc_size(3, 4) void *
goslab_heap_memdup_array(struct goslab_heap *heap, const void *src, size_t n,
			 size_t size, gfp_t gfp)
{
	return goslab_heap_memdup(heap, src, size_mul(n, size), gfp);
}

/**
 * goslab_heap_memdup_nul() - allocate a string of so many characters.
 * @heap: the heap.
 * @s: the characters; NULL gives NULL.
 * @len: how many; a NUL is put behind them.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
static inline char *goslab_heap_memdup_nul(struct goslab_heap *heap,
					   const char *s, size_t len, gfp_t gfp)
{
	if (!s)
		return NULL;
	return __goslab_fill_nul(goslab_heap_malloc(heap, size_add(len, 1), gfp),
				 s, len);
}

/**
 * goslab_heap_strdup() - allocate a copy of a string from a heap.
 * @heap: the heap.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline char *goslab_heap_strdup(struct goslab_heap *heap, const char *s,
				       gfp_t gfp)
{
	return goslab_heap_memdup_nul(heap, s, s ? strlen(s) : 0, gfp);
}

/**
 * goslab_heap_strndup() - allocate a copy of the beginning of a string.
 * @heap: the heap.
 * @s: the string; NULL gives NULL.
 * @max: characters copied at most.
 * @gfp: as for goslab_heap_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, with a NUL at its end, or NULL.
 */
static inline char *goslab_heap_strndup(struct goslab_heap *heap, const char *s,
					size_t max, gfp_t gfp)
{
	return goslab_heap_memdup_nul(heap, s, s ? strnlen(s, max) : 0, gfp);
}

/**
 * goslab_heap_malloc_obj() - allocate an object of a type from a heap.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_obj().
 */
#define goslab_heap_malloc_obj(heap, TYPE, ...)				\
	__goslab_objs(typeof(TYPE), 1,					\
		      goslab_heap_malloc(heap, __goslab_bytes,		\
					 __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_heap_malloc_objs() - allocate an array of objects from a heap.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_objs().
 */
#define goslab_heap_malloc_objs(heap, TYPE, COUNT, ...)			\
	__goslab_objs(typeof(TYPE), COUNT,				\
		      goslab_heap_malloc(heap, __goslab_bytes,		\
					 __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_heap_malloc_flex() - allocate a structure with a flexible array.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements.
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_flex().
 */
#define goslab_heap_malloc_flex(heap, TYPE, FAM, COUNT, ...)		\
	__goslab_flex(typeof(TYPE), FAM, COUNT,				\
		      goslab_heap_malloc(heap, __goslab_bytes,		\
					 __goslab_gfp(__VA_ARGS__)))

/**
 * goslab_heap_zalloc_obj() - allocate a zeroed object of a type from a heap.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_obj().
 */
#define goslab_heap_zalloc_obj(heap, TYPE, ...)				\
	goslab_heap_malloc_obj(heap, TYPE,				\
			       __goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_heap_zalloc_objs() - allocate a zeroed array of objects from a heap.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @COUNT: number of elements.
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_objs().
 */
#define goslab_heap_zalloc_objs(heap, TYPE, COUNT, ...)			\
	goslab_heap_malloc_objs(heap, TYPE, COUNT,			\
				__goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

/**
 * goslab_heap_zalloc_flex() - allocate a zeroed structure with a flexible array.
 * @heap: the heap.
 * @TYPE: as for goslab_malloc_obj().
 * @FAM: name of its flexible array member.
 * @COUNT: number of elements.
 * @...: gfp as for goslab_heap_malloc(); GFP_KERNEL if it is left out.
 *
 * Context: Any but NMI. May sleep if the gfp allows direct reclaim.
 * Return: as goslab_malloc_flex().
 */
#define goslab_heap_zalloc_flex(heap, TYPE, FAM, COUNT, ...)		\
	goslab_heap_malloc_flex(heap, TYPE, FAM, COUNT,			\
				__goslab_gfp(__VA_ARGS__) | __GFP_ZERO)

#endif /* _LINUX_GOSLAB_HEAP_H */
