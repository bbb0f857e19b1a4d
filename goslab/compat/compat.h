/* SPDX-License-Identifier: GPL-2.0 */
/*
 * All that goslab knows of older kernels; force-included by compat/Kbuild.include.
 * The main code is written for the newest kernel and never asks for a version.
 */
#ifndef GS_COMPAT_COMPAT_H
#define GS_COMPAT_COMPAT_H

#include <linux/gfp.h>
#include <linux/mmzone.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/swap.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#if defined(CONFIG_X86) && !defined(CONFIG_UML)
#include <asm/special_insns.h>
#endif
#ifdef CONFIG_ARM64
#include <asm/sysreg.h>
#endif

#ifndef CONFIG_64BIT
#error "goslab needs a 64-bit kernel"
#endif

#if defined(CONFIG_KASAN_SW_TAGS) || defined(CONFIG_KASAN_HW_TAGS)
#error "goslab does not support KASAN with tags; CONFIG_KASAN_GENERIC works"
#endif

/* 6.1: MAX_ORDER is one past the largest order. */
#ifndef MAX_PAGE_ORDER
#define MAX_PAGE_ORDER	(MAX_ORDER - 1)
#endif

/* 6.1 and 6.12: who sorts compares by hand. */
#ifndef cmp_int
#define cmp_int(l, r)	(((l) > (r)) - ((l) < (r)))
#endif

/* 6.1: an event names the string once more where it is copied. */
#ifdef GS_COMPAT_ASSIGN_STR_SOURCE
#define gs_compat_assign_str(dst, src)	__assign_str(dst, src)
#else
#define gs_compat_assign_str(dst, src)	__assign_str(dst)
#endif

/* 6.1: __GFP_ATOMIC still tells atomic callers apart. */
#ifdef __GFP_ATOMIC
#define GS_COMPAT_GFP_ATOMIC	__GFP_ATOMIC
#else
#define GS_COMPAT_GFP_ATOMIC	((__force gfp_t)0)
#endif

/* 6.1 and 6.12: every workqueue is per CPU unless it says WQ_UNBOUND. */
#ifdef GS_COMPAT_NO_WQ_PERCPU
#define WQ_PERCPU	0
#endif

/* 6.1 and 6.12: kmemleak takes memory per CPU for reached. */
#ifdef GS_COMPAT_NO_KMEMLEAK_IGNORE_PERCPU
static inline void kmemleak_ignore_percpu(const void __percpu *ptr)
{
}
#endif

/* 6.1: the page counter of the reclaiming task is written by hand. */
#ifdef GS_COMPAT_NO_ACCOUNT_RECLAIMED
static inline void mm_account_reclaimed_pages(unsigned long pages)
{
	if (current->reclaim_state)
		current->reclaim_state->reclaimed_slab += pages;
}
#endif

/* 6.1: shrinkers are static and register with their name. */
#ifdef GS_COMPAT_NO_SHRINKER_ALLOC
#define shrinker_alloc(bits, name)					\
({									\
	struct shrinker *__s = kzalloc(sizeof(*__s), GFP_KERNEL);	\
	if (__s) {							\
		__s->seeks = DEFAULT_SEEKS;				\
		__s->flags = (bits);					\
	}								\
	__s;								\
})

/* A macro, for register_shrinker() wants a literal format. */
#define gs_compat_shrinker_register(s, name)	register_shrinker(s, name)

static inline void shrinker_free(struct shrinker *s)
{
	unregister_shrinker(s);
	kfree(s);
}
#else
#define gs_compat_shrinker_register(s, name)	(shrinker_register(s), 0)
#endif

/*
 * Since 6.10 a call that allocates counts for the line where it stands (see
 * goslab_tags.h). These count for our caller's.
 */
#ifdef alloc_hooks
#define gs_compat_noprof(call)	call ## _noprof
#else
#define gs_compat_noprof(call)	call
#endif

/*
 * Does the kernel profile allocations now? A static key, which is exported since
 * alloc_hooks() itself asks for it; before, a kernel with the option counts as on.
 */
#if !defined(CONFIG_MEM_ALLOC_PROFILING)
#define gs_compat_profiling()	false
#elif defined(GS_COMPAT_NO_PROFILING_KEY)
#define gs_compat_profiling()	true
#else
#include <linux/alloc_tag.h>
#define gs_compat_profiling()	mem_alloc_profiling_enabled()
#endif

/*
 * 6.1 and 6.12: modules get huge pages without a node, and a node with
 * GFP_KERNEL only. KASAN wants to know the size to the byte, which is rounded
 * up for huge pages.
 */
static inline void *gs_compat_vmalloc_noprof(size_t size, gfp_t gfp, int node)
{
	gfp_t bits = gfp & ~__GFP_ZERO;

	if (node != NUMA_NO_NODE && bits == GFP_KERNEL)
		return gfp & __GFP_ZERO ?
		       gs_compat_noprof(vzalloc_node)(size, node) :
		       gs_compat_noprof(vmalloc_node)(size, node);
	if (IS_ENABLED(CONFIG_KASAN_VMALLOC))
		return gs_compat_noprof(__vmalloc)(size, gfp);
#ifdef GS_COMPAT_NO_VMALLOC_HUGE_NODE
	return gs_compat_noprof(vmalloc_huge)(size, gfp);
#else
	return gs_compat_noprof(vmalloc_huge_node)(size, gfp, node);
#endif
}

/* Callers without a line of their own count for this one. */
static inline void *gs_compat_vmalloc(size_t size, gfp_t gfp, int node)
{
#ifdef CONFIG_MEM_ALLOC_PROFILING
	if (!current->alloc_tag)
		return alloc_hooks(gs_compat_vmalloc_noprof(size, gfp, node));
#endif
	return gs_compat_vmalloc_noprof(size, gfp, node);
}

/* 6.1: the caller knows the old size, which may be less than the object's. */
#ifdef kvrealloc
#define gs_compat_kvrealloc(p, old, size, gfp)	kvrealloc(p, size, gfp)
#else
#define gs_compat_kvrealloc(p, old, size, gfp)	kvrealloc(p, old, size, gfp)
#endif

/* 6.1: no kernel has memory that its host has not given yet. */
#ifdef GS_COMPAT_NO_UNACCEPTED
#define gs_compat_unaccepted(page)	false
#else
#define gs_compat_unaccepted(page)	PageUnaccepted(page)
#endif

/*
 * May copy_from_kernel_nofault() read a page that the page allocator never had?
 * User-Mode Linux has no list of its RAM, and none is needed. 6.1 and 6.12: it does not
 * survive a fault there, and the image of the kernel has holes.
 */
#ifdef CONFIG_UML
#ifdef GS_COMPAT_NO_UM_NOFAULT
#define GS_COMPAT_FAULTS		0
#define gs_compat_is_ram(pfn)		false
#else
#define gs_compat_is_ram(pfn)		true
#endif
#else
#define gs_compat_is_ram(pfn)		page_is_ram(pfn)
#endif
#ifndef GS_COMPAT_FAULTS
#define GS_COMPAT_FAULTS		1
#endif

/* kasan_disable_current() is not exported: this task may read what KASAN says is free. */
static inline void gs_compat_kasan_pause(void)
{
#ifdef CONFIG_KASAN_GENERIC
	current->kasan_depth++;
#endif
}

static inline void gs_compat_kasan_resume(void)
{
#ifdef CONFIG_KASAN_GENERIC
	current->kasan_depth--;
#endif
}

/* The address of the fault that the kernel is about to die of; 0 if none is known. */
static inline unsigned long gs_compat_fault_address(void)
{
#if defined(CONFIG_UML)
	return 0;
#elif defined(CONFIG_X86)
	return native_read_cr2();
#elif defined(CONFIG_ARM64)
	return read_sysreg(far_el1);
#else
	return 0;
#endif
}

/* mm/kasan/kasan.h is private, but shadow.c exports the call. */
#ifdef CONFIG_KASAN_GENERIC
void kasan_poison(const void *addr, size_t size, u8 value, bool init);
#else
static inline void kasan_poison(const void *addr, size_t size, u8 value,
				bool init)
{
}
#endif

#endif /* GS_COMPAT_COMPAT_H */
