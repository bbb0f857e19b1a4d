// SPDX-License-Identifier: GPL-2.0
/*
 * malloc_kunit: goslab_malloc: api/malloc.c, objects by size.
 *
 * What kmalloc() promises, for every size; zeroing; realloc; whose object an
 * object is.
 */
#include <linux/goslab.h>
#include <linux/slab.h>

#include "base/owner.h"
#include "base/sizeclass.h"
#include "front/tiny.h"
#include "testlib.h"
#include "watch/scan.h"

/* Live objects while sizes are walked through. */
#define WINDOW	64

static size_t align_of(size_t size)
{
	return clamp_t(size_t, size & -size, 8, GOSLAB_MAX_SIZE);
}

static bool all_are(const u8 *p, size_t bytes, u8 byte)
{
	return !memchr_inv(p, byte, bytes);
}

/* Sizes where something changes: around each class and each large step. */
static size_t nth_size(unsigned int n)
{
	unsigned int cls = n / 3 + 1;

	if (cls < GS_NR_CLASSES)
		return gs_sizeclass(cls).size - 1 + n % 3;
	cls -= GS_NR_CLASSES;
	return cls < 7 ? (65536UL << cls) - 1 + n % 3 : 0;
}

static void check_one(struct kunit *test, void *p, size_t size)
{
	size_t real = goslab_size(p);

	if (!IS_ALIGNED((unsigned long)p, align_of(size)))
		KUNIT_FAIL(test, "%zu bytes are not aligned", size);
	if (real < size)
		KUNIT_FAIL(test, "%zu bytes have room for %zu", size, real);
	if (size <= GS_MAX_SMALL &&
	    real != gs_sizeclass(gs_sizeclass_of(size)).size)
		KUNIT_FAIL(test, "%zu bytes are in a class of %zu", size, real);
}

/* Every small size: aligned, distinct, writable to the last byte. */
static void every_size(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, WINDOW);
	size_t size;

	for (size = 1; size <= GS_MAX_SMALL; size += GS_TEST_SLOW ? 7 : 1) {
		void *p = goslab_malloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		check_one(test, p, size);
		if (o->nr == WINDOW)
			goslab_free(gs_oracle_remove(o, size % WINDOW, true).p);
		gs_oracle_add(o, p, size, true);
	}
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, true).p);
}

/* The same for noscan objects, whose spans are others. */
static void every_noscan_size(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, WINDOW);
	size_t size;

	for (size = 1; size <= GS_MAX_SMALL; size += size < 64 ? 1 : 13) {
		void *p = goslab_malloc_noscan(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		if (size >= GS_TINY_BLOCK || !GS_TINY_ENABLED)
			check_one(test, p, size);
		if (o->nr == WINDOW)
			goslab_free(gs_oracle_remove(o, size % WINDOW, true).p);
		gs_oracle_add(o, p, size, true);
	}
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, true).p);
}

/*
 * No object that a device may write to shares a cache line. This can fail only
 * where the cache is not coherent (arm64).
 */
static void objects_are_safe_for_dma(struct kunit *test)
{
	unsigned int align = gs_sizeclass_dma_align();
	size_t size;

	for (size = 1; size <= 4096; size++) {
		void *p = goslab_malloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		if (kmalloc_size_roundup(size) >= align &&
		    (!IS_ALIGNED((unsigned long)p, align) ||
		     !IS_ALIGNED(goslab_size(p), align)))
			KUNIT_FAIL(test, "%zu bytes at %px, lines of %u", size,
				   p, align);
		goslab_free(p);
	}
}

static void large_sizes(struct kunit *test)
{
	static const size_t odd[] = {
		32769, 40000, 40960, 49152, 65536 + 8, 98304, 100000, 196608,
		1000000, 1UL << 20, 3UL << 20, GOSLAB_MAX_SIZE - 1,
		GOSLAB_MAX_SIZE - 4096, GOSLAB_MAX_SIZE,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		u8 *p = goslab_malloc(odd[i], GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL_MSG(test, p, "%zu", odd[i]);
		check_one(test, p, odd[i]);
		memset(p, 0x5a, odd[i]);
		KUNIT_EXPECT_TRUE(test, all_are(p, odd[i], 0x5a));
		goslab_free(p);
	}
}

/* All that goslab_size() says is zero, when fresh and when used before. */
static void zeroed(struct kunit *test)
{
	unsigned int n;
	size_t size;

	for (n = 0; (size = nth_size(n)); n++) {
		int again;

		if (size > GOSLAB_MAX_SIZE)
			break;
		for (again = 0; again < 3; again++) {
			u8 *p = goslab_zalloc(size, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			if (!all_are(p, goslab_size(p), 0))
				KUNIT_FAIL(test, "%zu bytes are not zero", size);
			memset(p, 0xff, goslab_size(p));
			goslab_free(p);
		}
	}
}

/* The same after a trip through mcentral, mheap and the kernel's pages. */
static void zeroed_after_all_layers(struct kunit *test)
{
	static const size_t sizes[] = { 8, 48, 1024, 6784, 32768, 100000 };
	unsigned int i, round, n;
	u8 *p[40];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (round = 0; round < 4; round++) {
			for (n = 0; n < ARRAY_SIZE(p); n++) {
				p[n] = goslab_zalloc(sizes[i], GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, p[n]);
				KUNIT_EXPECT_TRUE(test,
						  all_are(p[n], sizes[i], 0));
				memset(p[n], 0xff, goslab_size(p[n]));
			}
			for (n = 0; n < ARRAY_SIZE(p); n++)
				goslab_free(p[n]);
			if (round & 1)
				goslab_shrink();
		}
	}
}

/* Not for the compiler to see what these sizes are. */
static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static void limits(struct kunit *test)
{
	KUNIT_EXPECT_PTR_EQ(test, goslab_malloc(hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goslab_malloc_noscan(hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goslab_malloc_node(hidden(0), GFP_KERNEL, 0),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goslab_calloc(hidden(0), 8, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_EQ(test, goslab_size(NULL), (size_t)0);
	KUNIT_EXPECT_EQ(test, goslab_size(ZERO_SIZE_PTR), (size_t)0);
	goslab_free(NULL);
	goslab_free(ZERO_SIZE_PTR);
	goslab_free_sensitive(NULL);
	goslab_free_sensitive(ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goslab_malloc(hidden(GOSLAB_MAX_SIZE + 1),
					      GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_malloc(hidden(SIZE_MAX), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_malloc_noscan(hidden(SIZE_MAX),
						     GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_malloc_node(hidden(GOSLAB_MAX_SIZE + 1),
						   GFP_KERNEL, 0));
}

static void arrays(struct kunit *test)
{
	u8 *p;

	KUNIT_EXPECT_NULL(test, goslab_malloc_array(hidden(SIZE_MAX / 2), 3,
						    GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_calloc(hidden(SIZE_MAX), 2, GFP_KERNEL));
	/* The product wraps to a size that could be had. */
	KUNIT_EXPECT_NULL(test, goslab_calloc(hidden((SIZE_MAX >> 4) + 2), 16,
					      GFP_KERNEL));
	p = goslab_malloc_array(hidden(10), 100, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_GE(test, goslab_size(p), (size_t)1000);
	memset(p, 0xff, goslab_size(p));
	goslab_free(p);
	p = goslab_calloc(hidden(100), 10, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE(test, all_are(p, goslab_size(p), 0));
	goslab_free(p);
}

static const struct {
	size_t from;
	size_t to;
	bool stays;
} reallocs[] = {
	{ 1, 8, true },		/* in one class */
	{ 100, 112, true },
	{ 100, 97, true },
	{ 100, 96, true },	/* smaller ones always */
	{ 100, 113, false },
	{ 1024, 1, true },
	{ 2600, 2688, true },
	{ 32768, 32769, false },
	{ 32769, 40960, true },	/* in the same pages */
	{ 32769, 40961, false },
	{ 40960, 32769, true },
	{ 40960, 32768, true },
	{ 100000, 4000000, false },
	{ 4000000, 100000, true },
	{ GOSLAB_MAX_SIZE, 8, true },
};

static void resized(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reallocs); i++) {
		size_t from = reallocs[i].from, to = reallocs[i].to, room;
		u8 *p = goslab_malloc(from, GFP_KERNEL), *q;

		KUNIT_ASSERT_NOT_NULL(test, p);
		memset(p, 0xa5, from);
		/* Where DMA is not coherent, objects are larger than here. */
		room = goslab_size(p);
		q = goslab_realloc(p, to, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_EQ_MSG(test, p == q,
				    reallocs[i].stays || (to > from && to <= room),
				    "%zu to %zu", from, to);
		KUNIT_EXPECT_TRUE(test, all_are(q, min(from, to), 0xa5));
		if (p == q)
			KUNIT_EXPECT_GE(test, goslab_size(q), max(from, to));
		else
			check_one(test, q, to);
		goslab_free(q);
	}
}

/* As krealloc(): what fits stays, without memory, too, and cannot fail. */
static void resized_without_memory(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(reallocs); i++) {
		size_t from = reallocs[i].from, to = reallocs[i].to;
		void *p = goslab_malloc(from, GFP_KERNEL), *q;

		KUNIT_ASSERT_NOT_NULL(test, p);
		if (!reallocs[i].stays) {
			goslab_free(p);
			continue;
		}
		gs_test_fail_draws(1, ULONG_MAX);
		q = goslab_realloc(p, to, GFP_NOWAIT | __GFP_NOWARN);
		KUNIT_EXPECT_EQ_MSG(test, gs_test_end_draws(), 0UL,
				    "%zu to %zu", from, to);
		KUNIT_EXPECT_PTR_EQ_MSG(test, q, p, "%zu to %zu", from, to);
		goslab_free(p);
	}
}

/* What moves is aligned as a new object; what stays as the one it was. */
static void resized_aligned(struct kunit *test)
{
	static const size_t sizes[][2] = {
		{ 2600, 2560 }, { 9400, 9216 }, { 65528, 65536 },
		{ 2000, 2560 }, { 9000, 16384 }, { 50000, 65536 },
	};
	unsigned int i, n;
	u8 *p[6], *q;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (n = 0; n < ARRAY_SIZE(p); n++) {
			p[n] = goslab_malloc(sizes[i][0], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[n]);
		}
		for (n = 0; n < ARRAY_SIZE(p); n++) {
			size_t align = align_of(sizes[i][1]);

			q = goslab_realloc(p[n], sizes[i][1], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, q);
			if (q == p[n])
				align = align_of(sizes[i][0]);
			KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)q,
							       align),
					      "%zu", sizes[i][1]);
			p[n] = q;
		}
		for (n = 0; n < ARRAY_SIZE(p); n++)
			goslab_free(p[n]);
	}
}

static void resized_specially(struct kunit *test)
{
	void *p, *q;

	p = goslab_realloc(NULL, hidden(50), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)64);
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc(p, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	p = goslab_realloc(ZERO_SIZE_PTR, hidden(50), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	/* What cannot be had leaves the object as it was. */
	KUNIT_EXPECT_NULL(test, goslab_realloc(p, hidden(SIZE_MAX), GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)64);
	goslab_free(p);
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc(NULL, 0, GFP_KERNEL),
			    ZERO_SIZE_PTR);
	/* A tiny object grows out of its block. */
	p = goslab_malloc_noscan(3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memcpy(p, "abc", 3);
	q = goslab_realloc(p, 500, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, memcmp(q, "abc", 3), 0);
	goslab_free(q);
}

/* With __GFP_ZERO on every call, what is past the old size is zero. */
static void resized_zeroed(struct kunit *test)
{
	static const size_t sizes[] = {
		100, 112, 101, 110, 300, 260, 288, 5000, 40000, 33000, 40960,
		90000, 8, 20,
	};
	size_t old = sizes[0];
	unsigned int i;
	u8 *p = goslab_zalloc(old, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 0xee, old);
	for (i = 1; i < ARRAY_SIZE(sizes); i++) {
		size_t size = sizes[i];

		p = goslab_realloc(p, size, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_TRUE(test, all_are(p, min(old, size), 0xee));
		if (size > old)
			KUNIT_EXPECT_TRUE_MSG(test, all_are(p + old, size - old,
							    0),
					      "%zu to %zu", old, size);
		memset(p, 0xee, size);
		old = size;
	}
	goslab_free(p);
}

/* The compiler's class is the table's. */
static void constant_sizes(struct kunit *test)
{
#define CONSTANT(size)							\
do {									\
	void *__p = goslab_malloc(size, GFP_KERNEL);			\
									\
	BUILD_BUG_ON(!__goslab_class(size));			\
	KUNIT_ASSERT_NOT_NULL(test, __p);				\
	check_one(test, __p, size);					\
	goslab_free(__p);						\
} while (0)
	CONSTANT(1);
	CONSTANT(8);
	CONSTANT(9);
	CONSTANT(64);
	CONSTANT(200);
	CONSTANT(1024);
	CONSTANT(1025);
	CONSTANT(2560);
	CONSTANT(4096);
	CONSTANT(9216);
	CONSTANT(32768);
#undef CONSTANT
}

static void wiped(struct kunit *test)
{
	static const size_t sizes[] = { 8, 100, 4096 };
	unsigned int i;

	if (IS_ENABLED(CONFIG_KASAN))
		kunit_skip(test, "KASAN guards freed objects");
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		u8 *p = goslab_malloc(sizes[i], GFP_KERNEL);
		size_t size;

		KUNIT_ASSERT_NOT_NULL(test, p);
		size = goslab_size(p);
		memset(p, 0x77, size);
		OPTIMIZER_HIDE_VAR(p);
		goslab_free_sensitive(p);
		/* It lies in the magazine, as it was left. */
		OPTIMIZER_HIDE_VAR(p);
		KUNIT_EXPECT_TRUE(test, all_are(p, size, 0));
	}
}

static void on_nodes(struct kunit *test)
{
	static const size_t sizes[] = { 8, 1000, 32768, 70000 };
	unsigned int i;
	int node;

	for_each_online_node(node) {
		for (i = 0; i < ARRAY_SIZE(sizes); i++) {
			void *p = goslab_malloc_node(sizes[i], GFP_KERNEL |
						     __GFP_THISNODE, node);

			if (!p)
				continue;	/* a node without memory */
			KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), node);
			check_one(test, p, sizes[i]);
			goslab_free(p);
		}
	}
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc_node(sizes[i], GFP_KERNEL, NUMA_NO_NODE);

		KUNIT_ASSERT_NOT_NULL(test, p);
		goslab_free(p);
	}
}

static void count_owner(struct kunit *test, u8 id, unsigned long *objects,
			size_t *bytes)
{
	struct gs_survey *v;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	mutex_unlock(&gs_class_mutex);
	KUNIT_ASSERT_NOT_NULL(test, v);
	*objects = v->owners.objects[id];
	*bytes = v->owners.bytes[id];
	gs_survey_free(v);
}

/* Live objects are counted under the name of this module, or another's. */
static void owners(struct kunit *test)
{
	static const size_t sizes[] = { 8, 24, 100, 5000, 32768, 40000 };
	static struct goslab_owner other = { .name = "goslab_kunit_other" };
	unsigned long objects, before;
	size_t bytes, bytes_before, sum = 0;
	void *p[ARRAY_SIZE(sizes)], *q;
	unsigned int i;

	q = __goslab_malloc(48, GFP_KERNEL, &other);
	p[0] = goslab_malloc(hidden(1), GFP_KERNEL);
	goslab_free(p[0]);
	KUNIT_EXPECT_STREQ(test, gs_owner_name(goslab_this_owner.id),
			   "goslab_kunit");
	KUNIT_EXPECT_STREQ(test, gs_owner_name(other.id), "goslab_kunit_other");
	count_owner(test, goslab_this_owner.id, &before, &bytes_before);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p[i] = goslab_malloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		sum += goslab_size(p[i]);
	}
	count_owner(test, goslab_this_owner.id, &objects, &bytes);
	KUNIT_EXPECT_EQ(test, objects - before, ARRAY_SIZE(sizes));
	KUNIT_EXPECT_EQ(test, bytes - bytes_before, sum);
	count_owner(test, other.id, &objects, &bytes);
	KUNIT_EXPECT_EQ(test, objects, 1UL);
	KUNIT_EXPECT_EQ(test, bytes, goslab_size(q));
	for (i = 0; i < ARRAY_SIZE(sizes); i++)
		goslab_free(p[i]);
	goslab_free(q);
	count_owner(test, goslab_this_owner.id, &objects, &bytes);
	KUNIT_EXPECT_EQ(test, objects, before);
	count_owner(test, other.id, &objects, &bytes);
	KUNIT_EXPECT_EQ(test, objects, 0UL);
}

static struct kunit_case malloc_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(every_noscan_size),
	KUNIT_CASE(objects_are_safe_for_dma),
	KUNIT_CASE(large_sizes),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(zeroed_after_all_layers),
	KUNIT_CASE(limits),
	KUNIT_CASE(arrays),
	KUNIT_CASE(resized),
	KUNIT_CASE(resized_aligned),
	KUNIT_CASE(resized_without_memory),
	KUNIT_CASE(resized_specially),
	KUNIT_CASE(resized_zeroed),
	KUNIT_CASE(constant_sizes),
	KUNIT_CASE(wiped),
	KUNIT_CASE(on_nodes),
	KUNIT_CASE(owners),
	{}
};

static struct kunit_suite malloc_suite = {
	.name = "goslab_malloc",
	GS_TEST_CASES_PINNED,
	.test_cases = malloc_cases,
};
kunit_test_suite(malloc_suite);
