// SPDX-License-Identifier: GPL-2.0
/*
 * array_kunit: goslab_array: <linux/goslab_array.h>: arrays, nodes, objects by
 * type, frees at the end of a scope, and what the compiler knows of them all.
 */
#include <linux/goslab.h>

#include "base/sizeclass.h"
#include "testlib.h"

/* Not for the compiler to see. */
static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

/* A live object of @least bytes that are all zero if @zero; frees it. */
static void use(struct kunit *test, void *p, size_t least, bool zero)
{
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_GE(test, goslab_size(p), least);
	if (zero)
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, goslab_size(p)));
	memset(p, 0xa5, hidden(least));
	goslab_free(p);
}

/* Let the next object of each size be dirty. */
static void soil(void)
{
	static const size_t sizes[] = { 24, 96, 120, 320, 1000, 40000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc(sizes[i], GFP_KERNEL);

		if (p)
			memset(p, 0xff, sizes[i]);
		goslab_free(p);
	}
}

#define EXPECT_ROUNDUP(test, size)					\
do {									\
	void *__p = goslab_malloc(size, GFP_KERNEL);			\
									\
	KUNIT_EXPECT_EQ(test, goslab_size_roundup(size), goslab_size(__p)); \
	KUNIT_EXPECT_EQ(test, goslab_size_roundup(size),		\
			goslab_size_roundup(hidden(size)));		\
	goslab_free(__p);						\
} while (0)

/* What the compiler knows of a constant is what the object has. */
static void roundup_of_constants(struct kunit *test)
{
	EXPECT_ROUNDUP(test, 8);
	EXPECT_ROUNDUP(test, 24);
	EXPECT_ROUNDUP(test, 100);
	EXPECT_ROUNDUP(test, 112);
	EXPECT_ROUNDUP(test, 200);
	EXPECT_ROUNDUP(test, 1000);
	EXPECT_ROUNDUP(test, 30000);
	EXPECT_ROUNDUP(test, 32768);
}

/* For every size just what goslab_size() says of the object. */
static void size_roundup(struct kunit *test)
{
	static const size_t large[] = {
		32769, 40960, 40961, 65536, 100000, 1 << 20, GOSLAB_MAX_SIZE - 1,
		GOSLAB_MAX_SIZE,
	};
	unsigned int i, bad = 0;
	size_t size;

	for (size = 1; size <= GOSLAB_MAX_SMALL; size++)
		bad += goslab_size_roundup(hidden(size)) !=
		       gs_sizeclass(gs_sizeclass_of(size)).size;
	KUNIT_EXPECT_EQ(test, bad, 0);
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		void *p = goslab_malloc(large[i], GFP_KERNEL);

		KUNIT_EXPECT_EQ(test, goslab_size_roundup(large[i]),
				goslab_size(p));
		goslab_free(p);
	}
	for (size = 8; size < 3000; size += 88) {
		void *p = goslab_malloc(size, GFP_KERNEL);

		KUNIT_EXPECT_EQ(test, goslab_size_roundup(size),
				goslab_size(p));
		goslab_free(p);
	}
	KUNIT_EXPECT_EQ(test, goslab_size_roundup(hidden(0)), (size_t)0);
	KUNIT_EXPECT_EQ(test, goslab_size_roundup(hidden(SIZE_MAX)), SIZE_MAX);
}

static void roundup_folds(struct kunit *test)
{
	BUILD_BUG_ON(__GOSLAB_SIZES_FOLD && goslab_size_roundup(100) != 112);
	BUILD_BUG_ON(__GOSLAB_SIZES_FOLD && goslab_size_roundup(1) != 8);
	/* Of 512, as kmalloc() promises: not of the class of 2688. */
	BUILD_BUG_ON(__GOSLAB_SIZES_FOLD && goslab_size_roundup(2560) != 3072);
	BUILD_BUG_ON(__GOSLAB_SIZES_FOLD &&
		     goslab_size_roundup(GOSLAB_MAX_SMALL) != GOSLAB_MAX_SMALL);
}

/* As krealloc_node(): what fits stays, unless __GFP_THISNODE says otherwise. */
static void realloc_on_node(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create("kunit-array", NULL);
	int node = numa_mem_id(), other;
	u8 *p, *q;

	p = goslab_realloc_node(NULL, 100, GFP_KERNEL, node);
	KUNIT_ASSERT_NOT_NULL(test, p);
	memset(p, 7, 100);
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc_node(p, 110, GFP_KERNEL, node),
			    (void *)p);
	q = goslab_realloc_node(p, 40000, GFP_KERNEL, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 7, 100));
	other = next_online_node(node);
	if (other < MAX_NUMNODES) {
		KUNIT_EXPECT_PTR_EQ(test, goslab_realloc_node(q, 40000,
							      GFP_KERNEL, other),
				    (void *)q);
		q = goslab_realloc_node(q, 40000, GFP_KERNEL | __GFP_THISNODE,
					other);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(q)), other);
		KUNIT_EXPECT_NULL(test, memchr_inv(q, 7, 100));
	}
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc_node(q, 0, GFP_KERNEL, node),
			    ZERO_SIZE_PTR);
	p = goslab_heap_malloc(heap, 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	/* No such node, and the object is as it was. */
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  q = goslab_realloc_node(p, 64, GFP_KERNEL, 9999));
	KUNIT_EXPECT_NULL(test, q);
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  q = goslab_realloc_node(p, 64, GFP_KERNEL, 9999));
	KUNIT_EXPECT_NULL(test, q);
	goslab_heap_destroy(heap);
}

static void nodes(struct kunit *test)
{
	int node = numa_mem_id();

	soil();
	use(test, goslab_zalloc_node(120, GFP_KERNEL, node), 120, true);
	use(test, goslab_zalloc_node(120, GFP_KERNEL, NUMA_NO_NODE), 120, true);
	use(test, goslab_malloc_array_node(30, 10, GFP_KERNEL, node), 300,
	    false);
	use(test, goslab_calloc_node(100, 10, GFP_KERNEL, node), 1000, true);
	use(test, goslab_calloc_node(1000, 40, GFP_KERNEL, NUMA_NO_NODE), 40000,
	    true);
	KUNIT_EXPECT_NULL(test, goslab_malloc_array_node(hidden(SIZE_MAX / 2), 3,
							 GFP_KERNEL, node));
	KUNIT_EXPECT_NULL(test, goslab_calloc_node(hidden(SIZE_MAX / 16 + 2), 16,
						   GFP_KERNEL, node));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_calloc_node(3, 3,
						GFP_KERNEL, nr_node_ids)));
}

static void realloc_array(struct kunit *test)
{
	u32 *p = goslab_realloc_array(NULL, 10, sizeof(*p), GFP_KERNEL), *q;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < 10; i++)
		p[i] = i * 7;
	q = goslab_realloc_array(p, 3000, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	for (i = 0; i < 10; i++)
		KUNIT_EXPECT_EQ(test, q[i], i * 7);
	KUNIT_EXPECT_NULL(test, goslab_realloc_array(q, hidden(SIZE_MAX / 2), 4,
						     GFP_KERNEL));
	/* And was not touched by that. */
	KUNIT_EXPECT_EQ(test, q[9], 63U);
	KUNIT_EXPECT_PTR_EQ(test, goslab_realloc_array(q, 0, 4, GFP_KERNEL),
			    ZERO_SIZE_PTR);
}

static void track_caller(struct kunit *test)
{
	use(test, goslab_malloc_track_caller(300, GFP_KERNEL), 300, false);
	use(test, goslab_malloc_track_caller(50000, GFP_ATOMIC), 50000, false);
	use(test, goslab_malloc_node_track_caller(300, GFP_KERNEL, 0), 300,
	    false);
	KUNIT_EXPECT_PTR_EQ(test, goslab_malloc_track_caller(hidden(0),
							     GFP_KERNEL),
			    ZERO_SIZE_PTR);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_malloc_track_caller(8,
						GFP_KERNEL | __GFP_DMA)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_malloc_track_caller(
						hidden(SIZE_MAX), __GFP_DMA)));
}

struct thing {
	u64 a;
	u32 b;
	char name[12];
};

struct flex {
	u16 count;
	u32 at[] __counted_by(count);
};

static void objects(struct kunit *test)
{
	struct thing *thing = NULL, one;

	soil();
	use(test, goslab_malloc_obj(struct thing), sizeof(*thing), false);
	use(test, goslab_malloc_obj(*thing, GFP_ATOMIC), sizeof(*thing), false);
	use(test, goslab_zalloc_obj(one), sizeof(*thing), true);
	use(test, goslab_zalloc_obj(*thing, GFP_NOWAIT), sizeof(*thing), true);
	use(test, goslab_malloc_objs(*thing, 4), 4 * sizeof(*thing), false);
	use(test, goslab_zalloc_objs(*thing, hidden(5), GFP_KERNEL),
	    5 * sizeof(*thing), true);
	use(test, goslab_zalloc_objs(u8, 1000), 1000, true);
	/* A pointer to what was named, no other. */
	thing = goslab_malloc_obj(*thing);
	KUNIT_ASSERT_NOT_NULL(test, thing);
	thing->b = 17;
	KUNIT_EXPECT_EQ(test, goslab_size(thing), (size_t)24);
	goslab_free(thing);
	KUNIT_EXPECT_NULL(test, goslab_malloc_objs(u64, hidden(SIZE_MAX / 4)));
	KUNIT_EXPECT_NULL(test, goslab_zalloc_objs(u64, hidden(SIZE_MAX / 8 +
							       2)));
}

static void flexible_arrays(struct kunit *test)
{
	struct flex *f;

	soil();
	f = goslab_malloc_flex(*f, at, hidden(20));
	KUNIT_ASSERT_NOT_NULL(test, f);
#ifdef __set_flex_counter
	if (__has_attribute(__counted_by__))
		KUNIT_EXPECT_EQ(test, f->count, 20);
#endif
	f->count = 20;
	f->at[19] = 1;
	use(test, f, struct_size(f, at, 20), false);
	f = goslab_zalloc_flex(struct flex, at, 24, GFP_ATOMIC);
	KUNIT_ASSERT_NOT_NULL(test, f);
	KUNIT_EXPECT_EQ(test, f->at[0], 0U);
	KUNIT_EXPECT_EQ(test, f->at[23], 0U);
	use(test, f, struct_size(f, at, 24), false);
	KUNIT_EXPECT_NULL(test, goslab_malloc_flex(*f, at,
						   hidden(SIZE_MAX / 2)));
	KUNIT_EXPECT_NULL(test, goslab_zalloc_flex(*f, at, hidden(SIZE_MAX)));
}

/* Bytes of the calls that the compiler knows, whether it folds them or not. */
static void compiler_knows(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL);
	void *q = goslab_calloc(5, 20, GFP_KERNEL);
	struct thing *t = goslab_zalloc_obj(*t);
	void *noscan = goslab_malloc_noscan(100, GFP_KERNEL);
	void *node = goslab_malloc_node(100, GFP_KERNEL, 0);
	void *large = goslab_malloc(50000, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, __builtin_object_size(p, 1), (size_t)100);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(q, 1), (size_t)100);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(t, 1), sizeof(*t));
	KUNIT_EXPECT_EQ(test, __builtin_object_size(noscan, 1), (size_t)100);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(node, 1), (size_t)100);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(large, 1), (size_t)50000);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(p + 40, 1), (size_t)60);
	goslab_free(p);
	goslab_free(q);
	goslab_free(t);
	goslab_free(noscan);
	goslab_free(node);
	goslab_free(large);
}

static void compiler_knows_at_run_time(struct kunit *test)
{
#if __has_builtin(__builtin_dynamic_object_size)
	size_t size = hidden(200);
	void *p = goslab_malloc(size, GFP_KERNEL);
	void *q = goslab_malloc_array(size, 3, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, __builtin_dynamic_object_size(p, 1), size);
	KUNIT_EXPECT_EQ(test, __builtin_dynamic_object_size(q, 1), 3 * size);
	goslab_free(p);
	goslab_free(q);
#else
	kunit_skip(test, "needs __builtin_dynamic_object_size()");
#endif
}

#ifdef DEFINE_FREE
/* Leaves by the end of its scope; @keep: what it holds goes to the caller. */
static void *scope(bool keep, void *object)
{
	void *p __free(goslab_free) = object;
	void *q __free(goslab_free_sensitive) = goslab_malloc(64, GFP_KERNEL);

	if (!q)
		return NULL;
	return keep ? no_free_ptr(p) : NULL;
}

static void freed_with_the_scope(struct kunit *test)
{
	void *p = goslab_malloc(500, GFP_KERNEL), *q = p;

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, scope(true, p), q);
	KUNIT_EXPECT_EQ(test, goslab_size(q), (size_t)512);
	KUNIT_EXPECT_NULL(test, scope(false, p));
	OPTIMIZER_HIDE_VAR(q);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(q));
	/* Neither is freed. */
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 0, scope(false, NULL));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 0,
			  scope(false, ERR_PTR(-ENOMEM)));
}
#else
static void freed_with_the_scope(struct kunit *test)
{
	kunit_skip(test, "needs <linux/cleanup.h>");
}
#endif

/* An error pointer is no memory: a report, and nothing else. */
static void free_of_an_error(struct kunit *test)
{
	static const long errors[] = { -1, -ENOMEM, -MAX_ERRNO };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(errors); i++) {
		void *p = ERR_PTR(errors[i]);

		OPTIMIZER_HIDE_VAR(p);
		GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_free(p));
		GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1,
				  goslab_free_sensitive(p));
	}
}

static struct kunit_case array_cases[] = {
	KUNIT_CASE(size_roundup),
	KUNIT_CASE(roundup_of_constants),
	KUNIT_CASE(roundup_folds),
	KUNIT_CASE(nodes),
	KUNIT_CASE(realloc_on_node),
	KUNIT_CASE(realloc_array),
	KUNIT_CASE(track_caller),
	KUNIT_CASE(objects),
	KUNIT_CASE(flexible_arrays),
	KUNIT_CASE(compiler_knows),
	KUNIT_CASE(compiler_knows_at_run_time),
	KUNIT_CASE(freed_with_the_scope),
	KUNIT_CASE(free_of_an_error),
	{}
};

static struct kunit_suite array_suite = {
	.name = "goslab_array",
	GS_TEST_CASES_PINNED,
	.test_cases = array_cases,
};
kunit_test_suite(array_suite);
