/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Units, limits and words that every layer shares.
 *
 * Names used throughout:
 *   s     struct mspan *       p      address of an object, from a caller
 *   c     struct gs_class *    npages pages of GS_PAGE_SIZE, never of PAGE_SIZE
 *   mc    struct mcentral *    cls    size class, 0 to 67
 *   slot  struct gs_slot *     spc    span class, 0 to 136
 */
#ifndef GS_BASE_LAYOUT_H
#define GS_BASE_LAYOUT_H

#include <linux/bits.h>
#include <linux/mm.h>
#include <linux/types.h>

/* The unit of the page heap, on every kernel (Go: PageShift). */
#define GS_PAGE_SHIFT		13
#define GS_PAGE_SIZE		(1UL << GS_PAGE_SHIFT)

/* What can be drawn and given back: at least a kernel page. */
#define GS_UNIT_SIZE		max(GS_PAGE_SIZE, PAGE_SIZE)
#define GS_UNIT_PAGES		(GS_UNIT_SIZE >> GS_PAGE_SHIFT)

/* A stretch of the direct map with one table of spans. */
#define GS_ARENA_SHIFT		22
#define GS_ARENA_SIZE		(1UL << GS_ARENA_SHIFT)
#define GS_ARENA_PAGES		(GS_ARENA_SIZE >> GS_PAGE_SHIFT)

/* The largest block that the page allocator gives, at most an arena. */
#define GS_MAX_ORDER		min(MAX_PAGE_ORDER, GS_ARENA_SHIFT - PAGE_SHIFT)
#define GS_MAX_BLOCK		(PAGE_SIZE << GS_MAX_ORDER)

#define GS_MAX_SMALL		32768
#define GS_NR_CLASSES		68	/* class 0 is large */
#define GS_NR_SPAN_CLASSES	(2 * GS_NR_CLASSES)	/* x {scan, noscan} */
#define GS_SPC_TINY		GS_NR_SPAN_CLASSES	/* blocks of tiny objects */
#define GS_NR_SPC		(GS_NR_SPAN_CLASSES + 1)
#define GS_STACK_ORDERS		6	/* page stacks: 8 KiB to 256 KiB */
#define GS_TINY_BLOCK		16
#define GS_TINY_CLASS		2	/* whose size is GS_TINY_BLOCK */

/*
 * The most objects that are moved per hold of a central lock; they fit the
 * stack. Arrays of them are __uninitialized, because kernels that zero the
 * stack (all of Debian's) would zero them in each slow path.
 */
#define GS_BATCH_MAX		32

/*
 * The state byte of an object. Live objects have their owner's number, so a
 * scan of bytes counts the live objects of every module.
 */
enum gs_object_state {
	GS_FREE		= 0,	/* in its span */
	GS_CACHED	= 1,	/* in a magazine, or on its way */
	GS_PENDING	= 2,	/* waits for RCU, or is being freed */
	GS_DEFERRED	= 3,	/* freed by goslab_free_nolock(), not done yet */
	GS_HELD		= 4,	/* in quarantine */
	GS_COLLECTED	= 6,	/* live in a collected heap: no call frees it */
	GS_SPECIAL	= 7,	/* live; its owner is in its record (special.c) */
	GS_LIVE_MIN	= GS_COLLECTED,
	GS_OWNER_MIN	= 8,
	GS_OWNER_MAX	= 255,	/* shared by all modules past the last number */
};

/* Shadow byte of free objects: KASAN calls what lies there use-after-free. */
#define GS_KASAN_FREE		0xFB

/* The span class of a size class (Go: sizeclass << 1 | noscan). */
static inline unsigned int gs_spc(unsigned int cls, bool noscan)
{
	return cls << 1 | noscan;
}

static inline unsigned int gs_pages(size_t bytes)
{
	return (bytes + GS_PAGE_SIZE - 1) >> GS_PAGE_SHIFT;
}

#endif /* GS_BASE_LAYOUT_H */
