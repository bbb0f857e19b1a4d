// SPDX-License-Identifier: GPL-2.0
/*
 * sizeclass_kunit: goslab_sizeclass: base/sizeclass.c, the generated tables and
 * the public header that folds constant sizes.
 *
 * Pure functions, so every input is tried.
 */
#include <linux/goslab.h>
#include <linux/goslab_sizeclass.h>
#include <linux/log2.h>
#include <linux/slab.h>

#include "base/sizeclass.h"
#include "middle/class.h"
#include "testlib.h"

/* Go 1.20, runtime/sizeclasses.go, classes 1 to 67. */
static const struct {
	unsigned int size;
	unsigned int span;
	unsigned int objects;
	unsigned int tail;
	unsigned int align;
} go_classes[] = {
	{ 8, 8192, 1024, 0, 8 },
	{ 16, 8192, 512, 0, 16 },
	{ 24, 8192, 341, 8, 8 },
	{ 32, 8192, 256, 0, 32 },
	{ 48, 8192, 170, 32, 16 },
	{ 64, 8192, 128, 0, 64 },
	{ 80, 8192, 102, 32, 16 },
	{ 96, 8192, 85, 32, 32 },
	{ 112, 8192, 73, 16, 16 },
	{ 128, 8192, 64, 0, 128 },
	{ 144, 8192, 56, 128, 16 },
	{ 160, 8192, 51, 32, 32 },
	{ 176, 8192, 46, 96, 16 },
	{ 192, 8192, 42, 128, 64 },
	{ 208, 8192, 39, 80, 16 },
	{ 224, 8192, 36, 128, 32 },
	{ 240, 8192, 34, 32, 16 },
	{ 256, 8192, 32, 0, 256 },
	{ 288, 8192, 28, 128, 32 },
	{ 320, 8192, 25, 192, 64 },
	{ 352, 8192, 23, 96, 32 },
	{ 384, 8192, 21, 128, 128 },
	{ 416, 8192, 19, 288, 32 },
	{ 448, 8192, 18, 128, 64 },
	{ 480, 8192, 17, 32, 32 },
	{ 512, 8192, 16, 0, 512 },
	{ 576, 8192, 14, 128, 64 },
	{ 640, 8192, 12, 512, 128 },
	{ 704, 8192, 11, 448, 64 },
	{ 768, 8192, 10, 512, 256 },
	{ 896, 8192, 9, 128, 128 },
	{ 1024, 8192, 8, 0, 1024 },
	{ 1152, 8192, 7, 128, 128 },
	{ 1280, 8192, 6, 512, 256 },
	{ 1408, 16384, 11, 896, 128 },
	{ 1536, 8192, 5, 512, 512 },
	{ 1792, 16384, 9, 256, 256 },
	{ 2048, 8192, 4, 0, 2048 },
	{ 2304, 16384, 7, 256, 256 },
	{ 2688, 8192, 3, 128, 128 },
	{ 3072, 24576, 8, 0, 1024 },
	{ 3200, 16384, 5, 384, 128 },
	{ 3456, 24576, 7, 384, 128 },
	{ 4096, 8192, 2, 0, 4096 },
	{ 4864, 24576, 5, 256, 256 },
	{ 5376, 16384, 3, 256, 256 },
	{ 6144, 24576, 4, 0, 2048 },
	{ 6528, 32768, 5, 128, 128 },
	{ 6784, 40960, 6, 256, 128 },
	{ 6912, 49152, 7, 768, 256 },
	{ 8192, 8192, 1, 0, 8192 },
	{ 9472, 57344, 6, 512, 256 },
	{ 9728, 49152, 5, 512, 512 },
	{ 10240, 40960, 4, 0, 2048 },
	{ 10880, 32768, 3, 128, 128 },
	{ 12288, 24576, 2, 0, 4096 },
	{ 13568, 40960, 3, 256, 256 },
	{ 14336, 57344, 4, 0, 2048 },
	{ 16384, 16384, 1, 0, 8192 },
	{ 18432, 73728, 4, 0, 2048 },
	{ 19072, 57344, 3, 128, 128 },
	{ 20480, 40960, 2, 0, 4096 },
	{ 21760, 65536, 3, 256, 256 },
	{ 24576, 24576, 1, 0, 8192 },
	{ 27264, 81920, 3, 128, 128 },
	{ 28672, 57344, 2, 0, 4096 },
	{ 32768, 32768, 1, 0, 8192 },
};

static_assert(ARRAY_SIZE(go_classes) == GS_NR_CLASSES - 1);

/* What a span of several times the pages of its class has at most. */
#define LONG_SPAN	(64U << 10)

static size_t go_align(size_t size)
{
	return size & -size;
}

/* Class @i + 1 of this machine: Go's, rounded up where DMA wants it. */
static unsigned int safe_size(unsigned int i)
{
	return gs_sizeclass_dma_safe(go_classes[i].size,
				     gs_sizeclass_dma_align());
}

static void classes_are_those_of_go(struct kunit *test)
{
	unsigned int cls;

	for (cls = 1; cls < GS_NR_CLASSES; cls++) {
		struct gs_sizeclass sc = gs_sizeclass(cls);
		unsigned int span = sc.pages * GS_PAGE_SIZE;
		unsigned int i = cls - 1;

		KUNIT_EXPECT_EQ_MSG(test, sc.size, safe_size(i), "class %u", cls);
		KUNIT_EXPECT_EQ_MSG(test, span, go_classes[i].span,
				    "class %u", cls);
		if (sc.size != go_classes[i].size)
			continue;
		KUNIT_EXPECT_EQ_MSG(test, span / sc.size, go_classes[i].objects,
				    "class %u", cls);
		KUNIT_EXPECT_EQ_MSG(test, span % sc.size, go_classes[i].tail,
				    "class %u", cls);
	}
}

/* A class serves DMA if kmalloc() would; every class size, lines of 8 to 128. */
static void sizes_are_safe_for_dma(struct kunit *test)
{
	unsigned int align, i;

	for (align = 8; align <= 128; align *= 2) {
		for (i = 0; i < ARRAY_SIZE(go_classes); i++) {
			unsigned int size = go_classes[i].size;
			unsigned int safe = gs_sizeclass_dma_safe(size, align);

			KUNIT_EXPECT_GE(test, safe, size);
			KUNIT_EXPECT_LT(test, safe, size + align);
			if (align == 8)
				KUNIT_EXPECT_EQ(test, safe, size);
			else if (kmalloc_size_roundup(size) >= align)
				KUNIT_EXPECT_EQ_MSG(test, safe % align, 0,
						    "%u for %u", size, align);
		}
	}
}

/* Objects of a span are aligned as their size: see gs_sizeclass.align_pages. */
static void spans_are_aligned_as_their_objects(struct kunit *test)
{
	unsigned int cls;

	for (cls = 1; cls < GS_NR_CLASSES; cls++) {
		struct gs_sizeclass sc = gs_sizeclass(cls);
		size_t align = go_align(sc.size);

		KUNIT_EXPECT_TRUE(test, is_power_of_2(sc.align_pages));
		KUNIT_EXPECT_GE_MSG(test, sc.align_pages * GS_PAGE_SIZE, align,
				    "class %u", cls);
		/* The table of Go says no more than a page. */
		KUNIT_EXPECT_GE_MSG(test, align, go_classes[cls - 1].align,
				    "class %u", cls);
	}
}

/* Naively: the smallest class that holds @size and keeps its alignment. */
static unsigned int naive_class(size_t size)
{
	unsigned int cls;
	size_t align = go_align(size);

	for (cls = 1; cls < GS_NR_CLASSES; cls++)
		if (go_classes[cls - 1].size >= size &&
		    go_classes[cls - 1].size % align == 0)
			return cls;
	return 0;
}

static void every_size_has_its_class(struct kunit *test)
{
	unsigned int bad = 0;
	size_t size;

	for (size = 1; size <= GS_MAX_SMALL; size++) {
		unsigned int want = naive_class(size);

		if (gs_sizeclass_of(size) == want)
			continue;
		if (!bad++)
			KUNIT_EXPECT_EQ_MSG(test, gs_sizeclass_of(size), want,
					    "size %zu", size);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static void constants_fold_to_the_same_class(struct kunit *test)
{
	unsigned int cls, bad = 0;
	size_t size;

	for (size = 1; size <= GOSLAB_MAX_SMALL; size++)
		bad += __goslab_class(size) != gs_sizeclass_of(size);
	/* Elsewhere objects are rounded up further, and nothing folds sizes. */
	for (cls = 1; __GOSLAB_SIZES_FOLD && cls < GS_NR_CLASSES; cls++)
		bad += __goslab_class_size(cls) != gs_sizeclass(cls).size;
	KUNIT_EXPECT_EQ(test, bad, 0);
	KUNIT_EXPECT_EQ(test, __goslab_class(GOSLAB_MAX_SMALL + 1), 0);
}

/* Offsets [from, to) of a span, for which the multiplier is wrong. */
static unsigned int wrong_offsets(u32 size, u32 magic, u32 from, u32 to)
{
	unsigned int bad = 0;
	u32 off;

	for (off = from; off < to; off++) {
		u64 product = (u64)off * magic;
		bool divides = (u32)product < magic;

		/* A quotient is asked for only of what divides. */
		bad += divides != (off % size == 0);
		if (divides)
			bad += product >> 32 != off / size;
	}
	return bad;
}

static void multiplier_of_every_class_is_exact(struct kunit *test)
{
	unsigned int cls;

	for (cls = 1; cls < GS_NR_CLASSES; cls++) {
		struct gs_sizeclass sc = gs_sizeclass(cls);
		u32 span = max_t(u32, sc.pages * GS_PAGE_SIZE, LONG_SPAN), n;

		/* Spans may be shorter or longer than the class says. */
		for (n = span / sc.size; n; n /= 2)
			KUNIT_EXPECT_EQ_MSG(test, 0,
				wrong_offsets(sc.size,
					      gs_sizeclass_magic(sc.size, n),
					      0, n * sc.size),
				"class %u of %u objects", cls, n);
	}
}

/* Both neighbours of each object's start, and the start. */
static unsigned int wrong_near_starts(const struct gs_class *c)
{
	u32 n = max_t(u32, c->nelems, LONG_SPAN / c->elemsize);
	u32 magic = gs_sizeclass_magic(c->elemsize, n);
	u32 end = n * c->elemsize, at;
	unsigned int bad = 0;

	for (at = 0; at < end; at += c->elemsize)
		bad += wrong_offsets(c->elemsize, magic, at ? at - 1 : 0, at + 2);
	return bad + wrong_offsets(c->elemsize, magic, end - 1, end);
}

static void multiplier_of_odd_sizes_is_exact(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_class c = { .name = "odd" };
	unsigned int bad = 0;
	u32 size;

	for (size = 8; size <= GS_MAX_SMALL; size += 8) {
		KUNIT_ASSERT_EQ(test, 0, gs_class_init(&c, size, 8));
		bad += wrong_near_starts(&c);
		if (!gs_rnd_below(&rnd, 64))
			bad += wrong_offsets(size,
					     gs_sizeclass_magic(size, c.nelems),
					     0, c.nelems * size);
		gs_class_exit(&c);
	}
	KUNIT_EXPECT_EQ(test, bad, 0);
}

static struct kunit_case sizeclass_cases[] = {
	KUNIT_CASE(classes_are_those_of_go),
	KUNIT_CASE(sizes_are_safe_for_dma),
	KUNIT_CASE(spans_are_aligned_as_their_objects),
	KUNIT_CASE(every_size_has_its_class),
	KUNIT_CASE(constants_fold_to_the_same_class),
	KUNIT_CASE(multiplier_of_every_class_is_exact),
	KUNIT_CASE(multiplier_of_odd_sizes_is_exact),
	{}
};

static struct kunit_suite sizeclass_suite = {
	.name = "goslab_sizeclass",
	GS_TEST_CASES,
	.test_cases = sizeclass_cases,
};
kunit_test_suite(sizeclass_suite);
