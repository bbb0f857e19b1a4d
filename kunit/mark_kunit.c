// SPDX-License-Identifier: GPL-2.0
/*
 * mark_kunit: goslab_mark: watch/mark.c, middle/pointers.c.
 *
 * The cases name the roots, so what is reached is known to the object.
 */
#include <linux/goslab.h>

#include "testlib.h"
#include "watch/mark.h"

#define MANY	300

struct knot {
	struct knot *next;
	struct knot *other;
	unsigned long rest[6];
};

static struct knot *new_knot(struct kunit *test, struct knot *next)
{
	struct knot *node = goslab_zalloc(sizeof(*node), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, node);
	node->next = next;
	return node;
}

static struct gs_mark *begin(struct kunit *test)
{
	struct gs_mark *m = gs_mark_begin(NULL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(m));
	return m;
}

/* Mark from one word and see what that leads to. */
static void trace(struct kunit *test, struct gs_mark *m, const void *root)
{
	unsigned long word = (unsigned long)root;

	gs_mark_words(m, &word, 1);
	KUNIT_ASSERT_EQ(test, gs_mark_drain(m), 0);
	gs_mark_narrow(m);
}

static bool reached(const struct gs_mark *m, const void *p)
{
	return !gs_mark_is_old(m, (unsigned long)p);
}

static void free_list(struct knot *node)
{
	while (node) {
		struct knot *next = node->next;

		goslab_free(node);
		node = next;
	}
}

static void chain(struct kunit *test)
{
	struct knot *first = NULL, *lone = new_knot(test, NULL), *node;
	struct gs_mark *m;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		first = new_knot(test, first);
	/* Leads into the chain, but nothing leads to it. */
	lone->other = first;
	m = begin(test);
	KUNIT_EXPECT_FALSE(test, reached(m, first));
	trace(test, m, first->next);
	KUNIT_EXPECT_EQ(test, m->nr_marked, MANY - 1UL);
	for (node = first->next; node; node = node->next)
		KUNIT_EXPECT_TRUE(test, reached(m, node));
	KUNIT_EXPECT_FALSE(test, reached(m, first));
	KUNIT_EXPECT_FALSE(test, reached(m, lone));
	gs_mark_end(m);
	free_list(first);
	goslab_free(lone);
}

static void cycle(struct kunit *test)
{
	struct knot *a = new_knot(test, NULL), *b = new_knot(test, a);
	struct knot *c = new_knot(test, NULL), *d = new_knot(test, c);
	struct gs_mark *m;

	a->next = b;
	c->next = d;
	m = begin(test);
	trace(test, m, a);
	KUNIT_EXPECT_TRUE(test, reached(m, a) && reached(m, b));
	KUNIT_EXPECT_FALSE(test, reached(m, c) || reached(m, d));
	gs_mark_end(m);
	goslab_free(a);
	goslab_free(b);
	goslab_free(c);
	goslab_free(d);
}

/* Far more grey objects than the queue has room for, on several levels. */
static void short_queue(struct kunit *test)
{
	struct knot **fan = goslab_zalloc(MANY * sizeof(*fan), GFP_KERNEL), *node;
	unsigned int i, was = gs_mark_room, missed = 0;
	struct gs_mark *m;

	KUNIT_ASSERT_NOT_NULL(test, fan);
	for (i = 0; i < MANY; i++) {
		fan[i] = new_knot(test, new_knot(test, new_knot(test, NULL)));
		fan[i]->other = i ? fan[i - 1] : NULL;
	}
	for (gs_mark_room = 1; gs_mark_room <= 16; gs_mark_room *= 4) {
		m = begin(test);
		trace(test, m, fan);
		KUNIT_EXPECT_EQ(test, m->nr_marked, 3 * MANY + 1UL);
		for (i = 0; i < MANY; i++)
			for (node = fan[i]; node; node = node->next)
				missed += !reached(m, node);
		gs_mark_end(m);
	}
	KUNIT_EXPECT_EQ(test, missed, 0U);
	gs_mark_room = was;
	for (i = 0; i < MANY; i++)
		free_list(fan[i]);
	goslab_free(fan);
}

static void expect_into(struct kunit *test, const void *p, const void *root, bool reach)
{
	struct gs_mark *m = begin(test);

	trace(test, m, root);
	KUNIT_EXPECT_EQ_MSG(test, reached(m, p), reach, "%ld bytes from its start",
			    (long)(root - p));
	gs_mark_end(m);
}

static void interior(struct kunit *test)
{
	static const size_t sizes[] = { 8, 208, 3000, 32768, 40000, 1 << 20 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		void *p = goslab_malloc(sizes[i], GFP_KERNEL);
		size_t room = goslab_size(p);

		KUNIT_ASSERT_NOT_NULL(test, p);
		expect_into(test, p, p, true);
		expect_into(test, p, p + 1, true);
		expect_into(test, p, p + room / 2, true);
		expect_into(test, p, p + room - 1, true);
		expect_into(test, p, p + room, false);
		expect_into(test, p, p - 1, false);
		goslab_free(p);
	}
	/* No object at all. */
	expect_into(test, &sizes, &sizes, true);
}

/* Pointers in all parts of an object that takes many holds of the lock. */
static void large(struct kunit *test)
{
	size_t n = (1 << 20) / sizeof(void *), i;
	struct knot **p = goslab_zalloc(n * sizeof(*p), GFP_KERNEL);
	struct gs_mark *m;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < n; i += n / 8 - 1)
		p[i] = new_knot(test, NULL);
	p[n - 1] = p[n - 1] ?: new_knot(test, NULL);
	gs_most_steps = 0;
	m = begin(test);
	trace(test, m, &p[1]);
	for (i = 0; i < n; i++)
		if (p[i])
			KUNIT_EXPECT_TRUE_MSG(test, reached(m, p[i]), "word %zu", i);
	gs_mark_end(m);
	KUNIT_EXPECT_LE(test, gs_most_steps, 1024U);
	for (i = 0; i < n; i++)
		goslab_free(p[i]);
	goslab_free(p);
}

/* @p, which @holder points to, is reached or not. */
static void expect_behind(struct kunit *test, void *holder, const void *p, bool reach)
{
	struct gs_mark *m = begin(test);

	trace(test, m, holder);
	KUNIT_EXPECT_TRUE(test, reached(m, holder));
	KUNIT_EXPECT_EQ(test, reached(m, p), reach);
	gs_mark_end(m);
}

static void noscan(struct kunit *test)
{
	static const size_t sizes[] = { 8, 64, 4096, 40000, 1 << 20 };
	struct knot *node = new_knot(test, NULL);
	struct goslab_cache *cache;
	unsigned int i;
	void **p;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = goslab_malloc_noscan(sizes[i], GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		p[sizes[i] / sizeof(*p) - 1] = node;
		expect_behind(test, p, node, false);
		goslab_free(p);
		/* The pages may be used again for objects with pointers. */
		p = goslab_zalloc(sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		p[sizes[i] / sizeof(*p) - 1] = node;
		expect_behind(test, p, node, true);
		goslab_free(p);
	}
	cache = goslab_cache_create("kunit-noscan", 64, 0, GOSLAB_NOSCAN, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	p = goslab_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p[0] = node;
	expect_behind(test, p, node, false);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
	goslab_free(node);
}

/* The same of all objects of a heap. */
static void noscan_heap(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create("kunit-noscan",
			&(struct goslab_heap_args) { .flags = GOSLAB_NOSCAN });
	struct knot *node = new_knot(test, NULL);
	void **small, **big;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	small = goslab_heap_malloc(heap, 64, GFP_KERNEL | __GFP_ZERO);
	big = goslab_heap_malloc(heap, 100000, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_TRUE(test, small && big);
	small[0] = node;
	big[0] = node;
	expect_behind(test, small, node, false);
	expect_behind(test, big, node, false);
	goslab_heap_destroy(heap);
	goslab_free(node);
}

/* Of 70 words the second and the last may be pointers. */
static void pointer_mask(struct kunit *test)
{
	static const unsigned int words[] = { 0, 1, 2, 63, 64, 68, 69 };
	DECLARE_BITMAP(mask, 70) = { };
	struct goslab_cache_args args = { .pointers = mask };
	struct knot *node = new_knot(test, NULL);
	struct goslab_cache *cache;
	unsigned int i;
	void **p;

	__set_bit(1, mask);
	__set_bit(69, mask);
	cache = goslab_cache_create_args("kunit-mask", 70 * 8, &args, 0);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	/* It was copied. */
	bitmap_zero(mask, 70);
	p = goslab_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < ARRAY_SIZE(words); i++) {
		p[words[i]] = node;
		expect_behind(test, p, node, words[i] == 1 || words[i] == 69);
		p[words[i]] = NULL;
	}
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
	goslab_free(node);
}

/* The mask of an object that takes several holds of the lock counts from its start. */
static void long_mask(struct kunit *test)
{
	unsigned int words = 5000;
	unsigned long *mask = kunit_kcalloc(test, BITS_TO_LONGS(words), sizeof(long), GFP_KERNEL);
	struct goslab_cache_args args = { .pointers = mask };
	struct knot *node = new_knot(test, NULL);
	struct goslab_cache *cache;
	void **p;

	KUNIT_ASSERT_NOT_NULL(test, mask);
	__set_bit(4321, mask);
	cache = goslab_cache_create_args("kunit-mask", words * sizeof(*p), &args, 0);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	p = goslab_cache_zalloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p[4320] = node;
	expect_behind(test, p, node, false);
	p[4321] = node;
	expect_behind(test, p, node, true);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
	goslab_free(node);
}

static void of_a_heap(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create("kunit-mark", NULL);
	struct knot *node = new_knot(test, NULL);
	void **small, **big;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	small = goslab_heap_malloc(heap, 64, GFP_KERNEL | __GFP_ZERO);
	big = goslab_heap_malloc(heap, 100000, GFP_KERNEL | __GFP_ZERO);
	KUNIT_ASSERT_TRUE(test, small && big);
	big[9000] = small;
	small[7] = node;
	expect_behind(test, big, node, true);
	goslab_heap_destroy(heap);
	goslab_free(node);
}

/* What came after the scan began is no leak, and leads to what it points to. */
static void young(struct kunit *test)
{
	struct knot *old = new_knot(test, NULL), *lost = new_knot(test, NULL);
	struct knot *freed = new_knot(test, NULL), *newer;
	struct gs_mark *m = begin(test);
	unsigned int i;

	/* On pages that have marks, and on others. */
	newer = new_knot(test, old);
	for (i = 0; i < MANY; i++)
		newer = new_knot(test, newer);
	goslab_free(freed);
	KUNIT_EXPECT_EQ(test, gs_mark_young(m), 0);
	gs_mark_narrow(m);
	KUNIT_EXPECT_TRUE(test, reached(m, old));
	KUNIT_EXPECT_TRUE(test, reached(m, newer));
	KUNIT_EXPECT_TRUE(test, reached(m, freed));
	KUNIT_EXPECT_FALSE(test, reached(m, lost));
	gs_mark_end(m);
	free_list(newer);
	goslab_free(lost);
}

/* Second look: what was reached is a root, what was not leads nowhere. */
static void second_look(struct kunit *test)
{
	struct knot *lost = new_knot(test, new_knot(test, NULL));
	struct knot *kept = new_knot(test, NULL), *moved = new_knot(test, NULL);
	struct gs_mark *m = begin(test);

	trace(test, m, kept);
	KUNIT_EXPECT_FALSE(test, reached(m, moved));
	/* Its pointer was in a register then. */
	kept->other = moved;
	KUNIT_EXPECT_EQ(test, gs_mark_young(m), 0);
	gs_mark_narrow(m);
	KUNIT_EXPECT_TRUE(test, reached(m, moved));
	KUNIT_EXPECT_FALSE(test, reached(m, lost));
	KUNIT_EXPECT_FALSE(test, reached(m, lost->next));
	gs_mark_end(m);
	free_list(lost);
	goslab_free(kept);
	goslab_free(moved);
}

static struct kunit_case mark_cases[] = {
	KUNIT_CASE(chain),
	KUNIT_CASE(cycle),
	KUNIT_CASE(short_queue),
	KUNIT_CASE(interior),
	KUNIT_CASE(large),
	KUNIT_CASE(noscan),
	KUNIT_CASE(noscan_heap),
	KUNIT_CASE(pointer_mask),
	KUNIT_CASE(long_mask),
	KUNIT_CASE(of_a_heap),
	KUNIT_CASE(young),
	KUNIT_CASE(second_look),
	{}
};

static struct kunit_suite mark_suite = {
	.name = "goslab_mark",
	GS_TEST_CASES,
	.test_cases = mark_cases,
};

kunit_test_suites(&mark_suite);
