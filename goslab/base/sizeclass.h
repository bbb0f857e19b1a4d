/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_SIZECLASS_H
#define GS_BASE_SIZECLASS_H

#include "base/layout.h"

/**
 * struct gs_sizeclass - what one size class says.
 * @size: bytes of an object.
 * @pages: pages of a span.
 * @align_pages: alignment of a span, in pages.
 */
struct gs_sizeclass {
	u16 size;
	u8 pages;
	u8 align_pages;
};

extern const u8 gs_size_to_class8[];
extern const u8 gs_size_to_class128[];
unsigned int gs_sizeclass_closer(size_t size, unsigned int cls);
struct gs_sizeclass gs_sizeclass(unsigned int cls);
unsigned int gs_sizeclass_dma_align(void);
unsigned int gs_sizeclass_dma_safe(unsigned int size, unsigned int align);
u32 gs_sizeclass_magic(u32 size, unsigned int nelems);

#define GS_CLASS_LOOK_CLOSER	0x80

/* The largest size that has a step of 8, which never asks for a closer look. */
#define GS_STEPS_OF_8		1024

/* The class of 1 to GS_STEPS_OF_8 bytes. */
static __always_inline unsigned int gs_sizeclass_small(size_t size)
{
	return gs_size_to_class8[((size - 1) >> 3) + 1];
}

/*
 * The class that the tables have for a size from 1 to GS_MAX_SMALL, as in Go's
 * mallocgc(); with GS_CLASS_LOOK_CLOSER set where one size of the step wants
 * another class.
 */
static __always_inline unsigned int gs_sizeclass_look_up(size_t size)
{
	if (likely(size - 1 < GS_STEPS_OF_8))
		return gs_sizeclass_small(size);
	return gs_size_to_class128[(size - 1024 + 127) >> 7];
}

/* The smallest class that holds @size bytes and keeps their alignment. */
static __always_inline unsigned int gs_sizeclass_of(size_t size)
{
	unsigned int cls = gs_sizeclass_look_up(size);

	if (unlikely(cls & GS_CLASS_LOOK_CLOSER))
		return gs_sizeclass_closer(size, cls & ~GS_CLASS_LOOK_CLOSER);
	return cls;
}

#endif /* GS_BASE_SIZECLASS_H */
