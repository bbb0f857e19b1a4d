/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: page stacks: memory in powers of two of pages, aligned to its size.
 * Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_STACK_H
#define _LINUX_GOSLAB_STACK_H

#include <linux/log2.h>

/* The smallest, and the largest that CPUs keep for the next caller. */
#define GOSLAB_STACK_MIN	8192UL
#define GOSLAB_STACK_MAX_CACHED	(256UL << 10)

/**
 * goslab_stack_free() - give a stack back.
 * @stack: from goslab_stack_alloc() or goslab_stack_alloc_node(), or NULL.
 *
 * goslab finds the size. Anything else (a second free, an address inside a stack, an
 * object of goslab_malloc() or of a cache, memory of another allocator) is reported
 * and changes nothing.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_stack_free(const void *stack);

/* gcc since 11: which call frees what a call gives, for its warnings. */
#if defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION >= 110000
#define __goslab_stack_freed						\
			__attribute__((__malloc__(goslab_stack_free, 1)))
#else
#define __goslab_stack_freed	__malloc
#endif

/* Not for callers; used by the inlines below. */
void *__goslab_stack_alloc(unsigned int order, gfp_t gfp,
			   struct goslab_owner *owner) __goslab_stack_freed;
void *__goslab_stack_alloc_node(unsigned int order, gfp_t gfp, int node,
				struct goslab_owner *owner) __goslab_stack_freed;

/* The power of two of GOSLAB_STACK_MIN that @size is rounded up to. */
static __always_inline unsigned int __goslab_stack_order(size_t size)
{
	return size <= GOSLAB_STACK_MIN ? 0 :
	       ilog2(size - 1) + 1 - ilog2(GOSLAB_STACK_MIN);
}

/**
 * goslab_stack_alloc() - allocate a stack or a buffer of whole pages.
 * @size: bytes, rounded up to a power of two from GOSLAB_STACK_MIN to
 *        GOSLAB_MAX_SIZE. The caller may use all of it.
 * @gfp: as for goslab_malloc(); __GFP_ZERO gives zeroed memory.
 *
 * The memory is physically contiguous and aligned to its size, so that a mask gives
 * the start of a stack. Up to GOSLAB_STACK_MAX_CACHED each CPU keeps some of each
 * size: half of what it may keep is fetched when it has none, half is given up when
 * it has too many. Larger ones come from the page heap and go back to it.
 * (Go: stackalloc(), stackcache.)
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the stack; NULL without memory or above GOSLAB_MAX_SIZE.
 */
static __always_inline void *goslab_stack_alloc(size_t size, gfp_t gfp)
{
	return __goslab_stack_alloc(__goslab_stack_order(size), gfp,
				    &goslab_this_owner);
}

/**
 * goslab_stack_alloc_node() - the same on a NUMA node.
 * @size: as for goslab_stack_alloc().
 * @gfp: likewise; with __GFP_THISNODE from that node only.
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_stack_alloc(); NULL, after a report, if there is no such node.
 */
static __always_inline void *goslab_stack_alloc_node(size_t size, gfp_t gfp, int node)
{
	return __goslab_stack_alloc_node(__goslab_stack_order(size), gfp, node,
					 &goslab_this_owner);
}

/**
 * goslab_stack_size() - bytes of a stack.
 * @stack: a live stack, or NULL.
 *
 * Context: Any but NMI.
 * Return: the power of two; 0 for NULL; 0, after a report, if it is no live stack.
 */
size_t goslab_stack_size(const void *stack);

#endif /* _LINUX_GOSLAB_STACK_H */
