/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: regions: memory that is freed together. Included by <linux/goslab.h>.
 *
 * A region hands out pieces of its chunks by moving a pointer. There is no free
 * of a piece: a mark is restored, or the region is reset, and all pieces since are
 * gone. A region belongs to its user, who serialises its calls by whatever
 * protects the data that is built in it. It has no lock of its own.
 */
#ifndef _LINUX_GOSLAB_REGION_H
#define _LINUX_GOSLAB_REGION_H

#include <linux/align.h>
#include <linux/log2.h>
#include <linux/overflow.h>
#include <linux/stdarg.h>
#include <linux/string.h>

/* Alignment of each piece, unless a call asks for another one. */
#define GOSLAB_REGION_ALIGN	8

struct goslab_heap;
struct goslab_owner;
struct goslab_region_chunk;

/**
 * struct goslab_region - memory that is freed together; fields are not for users.
 * @at: where the next piece begins; a multiple of GOSLAB_REGION_ALIGN.
 * @end: end of what the inline calls may hand out. Kernels with KASAN and debug
 *       builds of goslab keep it at @at, so that every call is a real one.
 * @chunk: newest of the chunks that are cut; @at lies in it.
 * @large: newest of the chunks that are one piece each.
 * @spare: chunk to cut next, or NULL.
 * @quick: @chunk, if going back within it is nothing but to move @at; else no chunk.
 * @heap: where chunks come from; NULL for the default heap.
 * @owner: the module whose memory it is.
 * @next_size: bytes of the next chunk; 0 for the least.
 * @busy: in debug builds: a call is at work.
 */
struct goslab_region {
	char *at;
	char *end;
	struct goslab_region_chunk *chunk;
	struct goslab_region_chunk *large;
	struct goslab_region_chunk *spare;
	struct goslab_region_chunk *quick;
	struct goslab_heap *heap;
	struct goslab_owner *owner;
	unsigned int next_size;
	unsigned int busy;
};

/**
 * struct goslab_region_mark - a state of a region; fields are not for users.
 * @at: as in the region.
 * @chunk: as in the region.
 * @large: as in the region.
 */
struct goslab_region_mark {
	char *at;
	struct goslab_region_chunk *chunk;
	struct goslab_region_chunk *large;
};

/* Not for callers; used by the inlines below. */
void __goslab_region_restore(struct goslab_region *region,
			     struct goslab_region_mark mark);
void *__goslab_region_alloc(struct goslab_region *region, size_t size,
			    size_t align, gfp_t gfp) __alloc_size(2);

/**
 * goslab_region_init() - begin a region.
 * @region: to be set up. It may be part of another object or lie on the stack.
 * @heap: where its chunks come from and whose quota pays for them; NULL for the
 *        default heap. The heap must not be reset or destroyed before the region;
 *        after such a reset the region may be begun anew.
 *
 * Chunks belong to the module that has this call. No memory is taken yet.
 *
 * Context: Any.
 */
static __always_inline void goslab_region_init(struct goslab_region *region,
					       struct goslab_heap *heap)
{
	*region = (struct goslab_region){
		.heap = heap, .owner = &goslab_this_owner,
	};
}

/**
 * goslab_region_destroy() - free all memory of a region.
 * @region: the region. It is as after goslab_region_init() and may be used again.
 *
 * The time is proportional to the number of chunks, not of pieces.
 *
 * Context: Any but NMI. Never sleeps.
 */
void goslab_region_destroy(struct goslab_region *region);

/**
 * goslab_region_mark() - remember the state of a region.
 * @region: the region.
 *
 * Marks nest: when one is restored, all younger ones are void.
 *
 * Context: Any.
 * Return: the mark, for goslab_region_restore().
 */
static __always_inline struct goslab_region_mark
goslab_region_mark(const struct goslab_region *region)
{
	return (struct goslab_region_mark){
		.at = region->at, .chunk = region->chunk,
		.large = region->large,
	};
}

/**
 * goslab_region_restore() - free all pieces since a mark.
 * @region: the region.
 * @mark: of this region. One that an older mark has made void is reported where
 *        that is seen, and nothing is freed.
 *
 * A chunk that is left is kept for the next one that is needed. Further ones are
 * freed; the time is proportional to their number. If the kernel has
 * init_on_alloc or init_on_free, the memory is zeroed here, and not when it is
 * handed out.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_region_restore(struct goslab_region *region,
					 struct goslab_region_mark mark)
{
	if (likely(mark.chunk == region->quick && mark.large == region->large &&
		   mark.at <= region->at))
		region->at = mark.at;
	else
		__goslab_region_restore(region, mark);
}

/**
 * goslab_region_reset() - free all pieces of a region.
 * @region: the region. It keeps one chunk, of 64 KiB at most.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_region_reset(struct goslab_region *region)
{
	goslab_region_restore(region, (struct goslab_region_mark){ NULL });
}

/**
 * goslab_region_action_add() - have a function called when memory goes back.
 * @region: the region.
 * @fn: called as @fn(@arg) by the restore of a mark that is older than this call, by a
 *      reset, by the destroy, or by the end of the heap of the region.
 * @arg: of it.
 * @gfp: as for goslab_region_alloc(); an object of 32 bytes and a record of 128.
 *
 * The latest is called first, and all of them before any other memory of the region is
 * freed. They run in the context of the call that frees, and must not use the region.
 * (The kernel: devm_add_action(). APR: apr_pool_cleanup_register().)
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: 0; -ENOMEM; -EINVAL, after a report, for zone bits in @gfp and a heap that is
 * gone, and in debug builds if another call is at work.
 */
int goslab_region_action_add(struct goslab_region *region, void (*fn)(void *arg), void *arg,
			     gfp_t gfp);

/**
 * goslab_region_alloc() - take memory from a region.
 * @region: the region.
 * @size: bytes, at most GOSLAB_MAX_SIZE less 32.
 * @gfp: as for goslab_malloc(); used when a chunk is needed.
 *
 * The memory is aligned to GOSLAB_REGION_ALIGN. Neighbours share cache lines: for
 * DMA by devices that are not coherent, align to dma_get_cache_alignment() and
 * round @size up to it. The pieces are no objects: goslab_free() and goslab_size()
 * do not know them.
 *
 * The ideas: linearAlloc and persistentalloc() of Go, marks of obstacks.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the memory; ZERO_SIZE_PTR for size 0; NULL without memory, at the quota
 * of the heap, for a size that is too large and, after a report, for zone bits in
 * @gfp and a heap that is gone.
 */
static __always_inline __alloc_size(2) void *
goslab_region_alloc(struct goslab_region *region, size_t size, gfp_t gfp)
{
	char *p = region->at;

	/* Size 0 goes the long way. What fits does so rounded up, too. */
	if (unlikely(size - 1 >= (size_t)(region->end - p) ||
		     (gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM))))
		return __goslab_region_alloc(region, size, GOSLAB_REGION_ALIGN,
					     gfp);
	region->at = p + ALIGN(size, GOSLAB_REGION_ALIGN);
	return gfp & __GFP_ZERO ? memset(p, 0, size) : p;
}

/**
 * goslab_region_alloc_aligned() - take aligned memory from a region.
 * @region: the region.
 * @size: bytes; with @align at most GOSLAB_MAX_SIZE less 32.
 * @align: a power of two up to GOSLAB_MAX_ALIGN.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_region_alloc(); NULL, after a report, for another @align.
 */
static __always_inline __alloc_size(2) void *
goslab_region_alloc_aligned(struct goslab_region *region, size_t size,
			    size_t align, gfp_t gfp)
{
	char *p = PTR_ALIGN(region->at, align);

	if (!__builtin_constant_p(align) || !is_power_of_2(align) ||
	    align > GOSLAB_MAX_ALIGN ||
	    unlikely(p > region->end ||
		     size - 1 >= (size_t)(region->end - p) ||
		     (gfp & (__GFP_DMA | __GFP_DMA32 | __GFP_HIGHMEM))))
		return __goslab_region_alloc(region, size, align, gfp);
	region->at = p + ALIGN(size, GOSLAB_REGION_ALIGN);
	return gfp & __GFP_ZERO ? memset(p, 0, size) : p;
}

/**
 * goslab_region_zalloc() - take zeroed memory from a region.
 * @region: the region.
 * @size: bytes.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_region_alloc().
 */
static __always_inline __alloc_size(2) void *
goslab_region_zalloc(struct goslab_region *region, size_t size, gfp_t gfp)
{
	return goslab_region_alloc(region, size, gfp | __GFP_ZERO);
}

/**
 * goslab_region_alloc_array() - take memory for an array from a region.
 * @region: the region.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_region_alloc(); NULL if @n * @size overflows.
 */
static __always_inline __alloc_size(2, 3) void *
goslab_region_alloc_array(struct goslab_region *region, size_t n, size_t size,
			  gfp_t gfp)
{
	return goslab_region_alloc(region, size_mul(n, size), gfp);
}

/**
 * goslab_region_calloc() - take memory for a zeroed array from a region.
 * @region: the region.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_region_alloc_array().
 */
static __always_inline __alloc_size(2, 3) void *
goslab_region_calloc(struct goslab_region *region, size_t n, size_t size,
		     gfp_t gfp)
{
	return goslab_region_alloc_array(region, n, size, gfp | __GFP_ZERO);
}

/**
 * goslab_region_memdup() - copy memory into a region.
 * @region: the region.
 * @src: what to copy.
 * @size: bytes.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_region_alloc().
 */
static __always_inline __realloc_size(3) void *
goslab_region_memdup(struct goslab_region *region, const void *src, size_t size,
		     gfp_t gfp)
{
	return __goslab_fill(goslab_region_alloc(region, size, gfp), src, size);
}

/**
 * goslab_region_memdup_nul() - make a string of so many characters in a region.
 * @region: the region.
 * @s: the characters; NULL gives NULL.
 * @len: how many; a NUL is put behind them.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
static inline char *goslab_region_memdup_nul(struct goslab_region *region,
					     const char *s, size_t len,
					     gfp_t gfp)
{
	if (!s)
		return NULL;
	return __goslab_fill_nul(goslab_region_alloc(region, size_add(len, 1),
						     gfp), s, len);
}

/**
 * goslab_region_strdup() - copy a string into a region.
 * @region: the region.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline char *goslab_region_strdup(struct goslab_region *region,
					 const char *s, gfp_t gfp)
{
	return goslab_region_memdup_nul(region, s, s ? strlen(s) : 0, gfp);
}

/**
 * goslab_region_strndup() - copy the beginning of a string into a region.
 * @region: the region.
 * @s: the string; NULL gives NULL.
 * @max: characters copied at most.
 * @gfp: as for goslab_region_alloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, with a NUL at its end, or NULL.
 */
static inline char *goslab_region_strndup(struct goslab_region *region,
					  const char *s, size_t max, gfp_t gfp)
{
	return goslab_region_memdup_nul(region, s, s ? strnlen(s, max) : 0, gfp);
}

/**
 * goslab_region_vasprintf() - print into a region.
 * @region: the region.
 * @gfp: as for goslab_region_alloc().
 * @fmt: as for printf().
 * @args: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
__printf(3, 0) char *goslab_region_vasprintf(struct goslab_region *region,
					     gfp_t gfp, const char *fmt,
					     va_list args);

/**
 * goslab_region_asprintf() - print into a region.
 * @region: the region.
 * @gfp: as for goslab_region_alloc().
 * @fmt: as for printf().
 * @...: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
__printf(3, 4) char *goslab_region_asprintf(struct goslab_region *region,
					    gfp_t gfp, const char *fmt, ...);

#endif /* _LINUX_GOSLAB_REGION_H */
