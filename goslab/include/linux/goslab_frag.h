/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: fragments: regions of each CPU, for any context. Included by
 * <linux/goslab.h>.
 *
 * Buffers of any size that live shortly and are freed in about the order in which
 * they were allocated, on whatever CPU: packets, requests, messages. A CPU cuts
 * them off its chunk by moving a pointer, without rounding to a size class. The
 * last fragment of a chunk that is freed frees the chunk, so one that stays holds
 * up to 32 KiB.
 */
#ifndef _LINUX_GOSLAB_FRAG_H
#define _LINUX_GOSLAB_FRAG_H

struct goslab_frag_cache;
struct goslab_heap;
struct goslab_owner;

/* Alignment of a fragment, unless a call asks for another one. */
#define GOSLAB_FRAG_ALIGN	8

/* Not for callers; used by the inlines below. */
struct goslab_frag_cache *__goslab_frag_cache_create(struct goslab_heap *heap,
						     struct goslab_owner *owner);

/**
 * goslab_frag_cache_create() - make the chunks of all CPUs.
 * @heap: where chunks come from and whose quota pays for them; NULL for the
 *        default heap. The heap must outlive the fragments.
 *
 * Chunks belong to the module that has this call. A CPU has none before its first
 * fragment, and then one of 4 KiB that grows to 32 KiB with use.
 *
 * Context: Task. Sleeps.
 * Return: the cache, or NULL without memory.
 */
static __always_inline struct goslab_frag_cache *
goslab_frag_cache_create(struct goslab_heap *heap)
{
	return __goslab_frag_cache_create(heap, &goslab_this_owner);
}

/**
 * goslab_frag_cache_destroy() - give the chunks of all CPUs back.
 * @cache: the cache, or NULL. It is not in use any more.
 *
 * Fragments may outlive it. Their chunks go with the last of them.
 *
 * Context: Task. Sleeps.
 */
void goslab_frag_cache_destroy(struct goslab_frag_cache *cache);

/**
 * goslab_frag_alloc_aligned() - allocate an aligned fragment.
 * @cache: the cache.
 * @size: bytes; with @align at most GOSLAB_MAX_SIZE less 48.
 * @align: a power of two up to GOSLAB_MAX_ALIGN.
 * @gfp: as for goslab_malloc().
 *
 * What page_frag_alloc_align() is for a driver's own page_frag_cache, in any
 * context; who interrupts a call on this CPU gets memory of its own.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the fragment, for goslab_frag_free() only; ZERO_SIZE_PTR for size 0;
 * NULL without memory, at the quota of the heap, for a size that is too large and,
 * after a report, for another @align, zone bits in @gfp and a heap that is gone.
 */
void *goslab_frag_alloc_aligned(struct goslab_frag_cache *cache, size_t size,
				size_t align, gfp_t gfp) __alloc_size(2);

/**
 * goslab_frag_alloc() - allocate a fragment.
 * @cache: the cache.
 * @size: bytes, at most GOSLAB_MAX_SIZE less 48.
 * @gfp: as for goslab_malloc().
 *
 * Aligned to GOSLAB_FRAG_ALIGN. For DMA by devices that are not coherent, see
 * goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_frag_alloc_aligned().
 */
static __always_inline __alloc_size(2) void *
goslab_frag_alloc(struct goslab_frag_cache *cache, size_t size, gfp_t gfp)
{
	return goslab_frag_alloc_aligned(cache, size, GOSLAB_FRAG_ALIGN, gfp);
}

/**
 * goslab_frag_zalloc() - allocate a zeroed fragment.
 * @cache: the cache.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_frag_alloc_aligned().
 */
static __always_inline __alloc_size(2) void *
goslab_frag_zalloc(struct goslab_frag_cache *cache, size_t size, gfp_t gfp)
{
	return goslab_frag_alloc(cache, size, gfp | __GFP_ZERO);
}

/**
 * goslab_frag_free() - free a fragment.
 * @p: a fragment of any cache, NULL or ZERO_SIZE_PTR.
 *
 * A second free and an address that is no fragment are reported and change
 * nothing. A second free is always found while the chunk's memory is not cut anew.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_frag_free(const void *p);

#endif /* _LINUX_GOSLAB_FRAG_H */
