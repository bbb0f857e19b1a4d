// SPDX-License-Identifier: GPL-2.0
/*
 * sizeclass: size <-> class, and the multiplier that replaces division.
 *
 * The tables are generated (scripts/mksizeclasses.py); this file is their one
 * user. Pure: no state, no lock, any context.
 *
 * DMA: on machines whose devices are not coherent with the caches, an object that
 * a device writes to must not share a cache line with another one. The objects of
 * a class are rounded up to whole lines there, except for sizes that the DMA layer
 * bounces. kmalloc_size_roundup() tells which these are.
 *
 * Tests: kunit/sizeclass_kunit.c
 */
#include "base/sizeclass.h"

#include <linux/align.h>
#include <linux/build_bug.h>
#include <linux/dma-mapping.h>
#include <linux/goslab_sizeclass.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "base/debug.h"
#include "base/sizeclass_table.h"

static_assert(ARRAY_SIZE(gs_class_size) == GS_NR_CLASSES);
static_assert(GOSLAB_MAX_SMALL == GS_MAX_SMALL);
GS_EXPORT_KUNIT(gs_size_to_class8);
GS_EXPORT_KUNIT(gs_size_to_class128);

/*
 * The nearest class of a multiple of 128 may be aligned worse than the size;
 * all other sizes of that step are well served by @cls.
 */
unsigned int gs_sizeclass_closer(size_t size, unsigned int cls)
{
	return gs_class_aligned(size) ?: cls;
}
GS_EXPORT_KUNIT(gs_sizeclass_closer);

/* What objects that devices may write to are aligned to; 8 where all is coherent. */
unsigned int gs_sizeclass_dma_align(void)
{
	return max_t(unsigned int, dma_get_cache_alignment(),
		     max_t(unsigned int, ARCH_KMALLOC_MINALIGN, 8));
}
GS_EXPORT_KUNIT(gs_sizeclass_dma_align);

/**
 * gs_sizeclass_dma_safe() - the size that a class's objects need for DMA.
 * @size: what the table says.
 * @align: gs_sizeclass_dma_align().
 *
 * The DMA layer bounces a buffer if the object that kmalloc() would have taken for
 * its size is not a multiple of @align. With an object of less than @align that
 * holds for all sizes that it serves. Larger ones may be mapped in part, so they
 * are rounded up whatever their own size says.
 *
 * Return: @size, or the next multiple of @align.
 */
unsigned int gs_sizeclass_dma_safe(unsigned int size, unsigned int align)
{
	if (align <= 8 || (size < align && kmalloc_size_roundup(size) < align))
		return size;
	return ALIGN(size, align);
}
GS_EXPORT_KUNIT(gs_sizeclass_dma_safe);

/* What class @cls (1 to 67) says, objects large enough for DMA. */
struct gs_sizeclass gs_sizeclass(unsigned int cls)
{
	return (struct gs_sizeclass) {
		.size = gs_sizeclass_dma_safe(gs_class_size[cls],
					      gs_sizeclass_dma_align()),
		.pages = gs_class_pages[cls],
		.align_pages = gs_class_align_pages[cls],
	};
}
GS_EXPORT_KUNIT(gs_sizeclass);

/*
 * The multiplier for objects of @size bytes: for an offset below nelems * size,
 *
 *   high half of offset * magic == offset / size       (Go: divMul)
 *   low half of offset * magic < magic  <=>  size divides offset
 *
 * Exact: with e = magic * size - 2^32 < size and offset = q * size + r the
 * product is q * 2^32 + q * e + r * magic, and q * e < magic as long as
 * nelems * size <= 2^32 / size, which the static span lengths keep (and
 * gs_class_init() checks). A span of one object needs no quotient: magic 1
 * leaves "offset is zero".
 */
u32 gs_sizeclass_magic(u32 size, unsigned int nelems)
{
	if (nelems == 1)
		return 1;
	return U32_MAX / size + 1;
}
GS_EXPORT_KUNIT(gs_sizeclass_magic);
