/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: the allocator of the Go runtime and of TCMalloc for kernel modules.
 *
 * The whole public interface. Every call may be made from task, softirq and
 * hardirq context with a matching @gfp, and none from NMI. On PREEMPT_RT none
 * may be made from hardirq or under a raw spinlock (as for kmalloc()). The
 * exceptions are goslab_free_rcu() and the calls that end in _nolock. A call
 * that sleeps says so.
 *
 * Documentation/api.rst maps each call to its counterpart in <linux/slab.h>.
 */
#ifndef _LINUX_GOSLAB_H
#define _LINUX_GOSLAB_H

#include <linux/export.h>
#include <linux/gfp.h>
#include <linux/goslab_sizeclass.h>
#include <linux/numa.h>
#include <linux/overflow.h>
#include <linux/slab.h>
#include <linux/types.h>

/* Largest object, and largest alignment that a cache may ask for. */
#define GOSLAB_MAX_SIZE		(4UL << 20)
#define GOSLAB_MAX_ALIGN	4096

/**
 * struct goslab_owner - one client module, as the objects name it.
 * @name: name of the module, copied at first use.
 * @id: the owner's number, 0 until the first allocation.
 *
 * Each compilation unit that includes this header has one; all units of one
 * module get the same number, and keep it when the module is loaded again.
 */
struct goslab_owner {
	const char *name;
	u8 id;
};

#ifdef KBUILD_MODNAME
static struct goslab_owner goslab_this_owner __maybe_unused = {
	.name = KBUILD_MODNAME,
};
#else
static struct goslab_owner goslab_this_owner __maybe_unused = {
	.name = "unnamed",
};
#endif

/**
 * goslab_free() - give an object back.
 * @p: an object from any goslab call, NULL or ZERO_SIZE_PTR.
 *
 * Anything else (a second free, an address inside an object, memory of another
 * allocator) is reported once and changes nothing.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_free(const void *p);

/**
 * goslab_free_sensitive() - wipe an object and give it back.
 * @p: as for goslab_free(). All of goslab_size() is zeroed first.
 *
 * Context: Any but NMI. Never sleeps.
 */
void goslab_free_sensitive(const void *p);

/**
 * goslab_size() - bytes that an object really has.
 * @p: a live object, NULL or ZERO_SIZE_PTR.
 *
 * The caller may use all of them, but the compiler goes by the requested size
 * (see goslab_size_roundup()). A tiny object has the requested size, rounded up
 * to its alignment.
 *
 * Context: Any but NMI.
 * Return: size in bytes; 0 for NULL and ZERO_SIZE_PTR; 0, after a report, if @p
 * is not a live object.
 */
size_t goslab_size(const void *p);

void goslab_kvfree(const void *p);
void goslab_kvfree_sensitive(const void *p, size_t size);

/* gcc since 11: which calls free what a call gives, for its warnings. */
#if defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION >= 110000
#define __goslab_freed	__attribute__((__malloc__(goslab_free, 1),	\
				       __malloc__(goslab_free_sensitive, 1), \
				       __malloc__(goslab_kvfree, 1),	\
				       __malloc__(goslab_kvfree_sensitive, 1)))
#define __goslab_kvfreed						\
			__attribute__((__malloc__(goslab_kvfree, 1),	\
				       __malloc__(goslab_kvfree_sensitive, 1)))
#else
#define __goslab_freed
#define __goslab_kvfreed
#endif

/* Not for callers; used by the inlines below. */
void *__goslab_malloc(size_t size, gfp_t gfp, struct goslab_owner *owner)
	__alloc_size(1) __goslab_freed;
void *__goslab_malloc_class(unsigned int class, gfp_t gfp,
			    struct goslab_owner *owner, size_t size)
	__alloc_size(4) __goslab_freed;
void *__goslab_malloc_noscan(size_t size, gfp_t gfp,
			     struct goslab_owner *owner)
	__alloc_size(1) __goslab_freed;
void *__goslab_malloc_node(size_t size, gfp_t gfp, int node,
			   struct goslab_owner *owner)
	__alloc_size(1) __goslab_freed;
void *__goslab_malloc_track_caller(size_t size, gfp_t gfp, int node,
				   struct goslab_owner *owner,
				   unsigned long caller)
	__alloc_size(1) __goslab_freed;
void *__goslab_realloc(const void *p, size_t size, gfp_t gfp,
		       struct goslab_owner *owner) __realloc_size(2);
size_t __goslab_size_roundup(size_t size) __attribute_const__;

/**
 * goslab_malloc() - allocate memory for an object of any size.
 * @size: bytes, at most GOSLAB_MAX_SIZE.
 * @gfp: as for kmalloc(). Zone bits are refused (report, NULL); __GFP_ACCOUNT
 *       and the movable bits are ignored.
 *
 * Memory is as kmalloc() promises: physically contiguous, aligned to the
 * largest power of two that divides @size and to at least 8. The compiler
 * chooses the class of a constant @size. (Go: mallocgc().)
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, ZERO_SIZE_PTR for size 0, NULL on failure.
 */
static __always_inline __alloc_size(1) void *
goslab_malloc(size_t size, gfp_t gfp)
{
	if (__builtin_constant_p(size) && size && size <= GOSLAB_MAX_SMALL)
		return __goslab_malloc_class(__goslab_class(size) * 2 | size << 8,
					     gfp, &goslab_this_owner, size);
	return __goslab_malloc(size, gfp, &goslab_this_owner);
}

/**
 * goslab_zalloc() - allocate zeroed memory.
 * @size: bytes. All of goslab_size() is zero.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __alloc_size(1) void *
goslab_zalloc(size_t size, gfp_t gfp)
{
	return goslab_malloc(size, gfp | __GFP_ZERO);
}

/**
 * goslab_malloc_array() - allocate an array.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(1, 2) void *
goslab_malloc_array(size_t n, size_t size, gfp_t gfp)
{
	return goslab_malloc(size_mul(n, size), gfp);
}

/**
 * goslab_calloc() - allocate a zeroed array.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array().
 */
static __always_inline __alloc_size(1, 2) void *
goslab_calloc(size_t n, size_t size, gfp_t gfp)
{
	return goslab_malloc_array(n, size, gfp | __GFP_ZERO);
}

/**
 * goslab_realloc() - change the size of an object.
 * @p: a live object, NULL (allocates) or ZERO_SIZE_PTR.
 * @size: bytes wanted; 0 frees @p.
 * @gfp: as for goslab_malloc(). With __GFP_ZERO on this and every earlier
 *       call, bytes past the old size are zero.
 *
 * As with krealloc(), an object that has room for @size stays where it is, with
 * the size and the alignment that it has. So a call that shrinks cannot fail. An
 * object that moves is aligned as goslab_malloc() aligns @size.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, perhaps moved; ZERO_SIZE_PTR for size 0; NULL on failure
 * (@p is then as it was).
 */
static __always_inline __realloc_size(2) void *
goslab_realloc(const void *p, size_t size, gfp_t gfp)
{
	return __goslab_realloc(p, size, gfp, &goslab_this_owner);
}

/**
 * goslab_malloc_noscan() - allocate memory that will hold no pointers.
 * @size: bytes. Below 16, several objects share a 16-byte block and are
 *        aligned to 8, 4, 2 or 1, whichever divides @size.
 * @gfp: as for goslab_malloc().
 *
 * Such objects live in spans of their own (Go: noscan span classes and the
 * tiny allocator); each is freed on its own by goslab_free().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __alloc_size(1) void *
goslab_malloc_noscan(size_t size, gfp_t gfp)
{
	return __goslab_malloc_noscan(size, gfp, &goslab_this_owner);
}

/**
 * goslab_malloc_node() - allocate memory on a NUMA node.
 * @size: bytes.
 * @gfp: as for goslab_malloc(); with __GFP_THISNODE from that node only.
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc(); NULL, after a report, if there is no such node.
 */
static __always_inline __alloc_size(1) void *
goslab_malloc_node(size_t size, gfp_t gfp, int node)
{
	return __goslab_malloc_node(size, gfp, node, &goslab_this_owner);
}

/**
 * struct goslab_usage - what the allocator holds, in bytes.
 * @held: all that was drawn from the kernel and not given back.
 * @spans: in spans: live and free objects and the tails of spans.
 * @free_runs: in runs of pages that belong to no span.
 * @metadata: descriptors, magazines, tables.
 * @parked: part of @spans: free objects in the magazines of CPUs, and on their
 *          way from one to another.
 *
 * @held == @spans + @free_runs + @metadata whenever no call is under way.
 */
struct goslab_usage {
	size_t held;
	size_t spans;
	size_t free_runs;
	size_t metadata;
	size_t parked;
};

/**
 * goslab_usage() - what is held now and what was held at the peak.
 * @now: filled in if not NULL.
 * @peak: filled in if not NULL: the parts at the draw of pages that made
 *        @held greatest since loading or since goslab_usage_reset_peak().
 *        Its @parked is what lay there when the worker or a caller of this
 *        first looked after that draw: within a second.
 *
 * Context: Any but NMI.
 */
void goslab_usage(struct goslab_usage *now, struct goslab_usage *peak);

/**
 * goslab_usage_reset_peak() - let the peak begin again at what is held now.
 *
 * Context: Any but NMI.
 */
void goslab_usage_reset_peak(void);

/**
 * goslab_shrink() - give memory without live objects back to the kernel.
 *
 * Drains every CPU's mcache, then releases every free run.
 *
 * Context: Task. Sleeps.
 * Return: bytes given back.
 */
size_t goslab_shrink(void);

#include <linux/goslab_cache.h>
#include <linux/goslab_array.h>
#include <linux/goslab_string.h>
#include <linux/goslab_heap.h>
#include <linux/goslab_kv.h>
#include <linux/goslab_devm.h>
#include <linux/goslab_mempool.h>
#include <linux/goslab_pool.h>
#include <linux/goslab_leaks.h>
#include <linux/goslab_nolock.h>
#include <linux/goslab_rcu.h>
#include <linux/goslab_bulk.h>
#include <linux/goslab_sheaf.h>
#include <linux/goslab_region.h>
#include <linux/goslab_frag.h>
#include <linux/goslab_stack.h>
#include <linux/goslab_action.h>
#include <linux/goslab_collect.h>
#include <linux/goslab_tags.h>

#endif /* _LINUX_GOSLAB_H */
