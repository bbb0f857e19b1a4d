// SPDX-License-Identifier: GPL-2.0
/*
 * cache_kunit: goslab_cache: api/cache.c, objects of one size.
 *
 * What a cache refuses is in misuse_kunit.c.
 */
#include <linux/cache.h>
#include <linux/goslab.h>

#include "back/arena.h"
#include "front/drain.h"
#include "middle/class.h"
#include "testlib.h"

#define NAME	"kunit-cache"
#define MANY	300

static struct goslab_cache *make(struct kunit *test, size_t size, size_t align,
				 unsigned long flags, void (*ctor)(void *))
{
	struct goslab_cache *cache;

	cache = goslab_cache_create(NAME, size, align, flags, ctor);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

static void lives(struct kunit *test)
{
	static const size_t sizes[] = {
		1, 7, 8, 24, 65, 192, 1000, 1400, 4096, 5000, 8192, 20000,
		32768, 32769, 100000, GOSLAB_MAX_SIZE,
	};
	struct gs_oracle *o = gs_oracle_make(test, 40);
	unsigned long idle = gs_test_idle_pages();
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct goslab_cache *cache = make(test, sizes[i], 0, 0, NULL);

		n = sizes[i] > 1000000 ? 3 : 40;
		while (o->nr < n) {
			void *p = goslab_cache_alloc(cache, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_EQ(test, goslab_size(p),
					ALIGN(sizes[i], 8));
			gs_oracle_add(o, p, sizes[i], true);
		}
		/* Half by the cache's call, half by the general one. */
		while (o->nr) {
			void *p = gs_oracle_remove(o, o->nr / 2, true).p;

			if (o->nr & 1)
				goslab_cache_free(cache, p);
			else
				goslab_free(p);
		}
		goslab_cache_free(cache, NULL);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_NULL(test, gs_test_class(NAME));
	}
	goslab_cache_destroy(NULL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
}

static void aligned(struct kunit *test)
{
	static const size_t sizes[] = { 1, 100, 4000 };
	size_t align;
	void *p[20];
	unsigned int i, n;

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		for (align = 1; align <= GOSLAB_MAX_ALIGN; align *= 4) {
			struct goslab_cache *cache;

			cache = make(test, sizes[i], align, 0, NULL);
			for (n = 0; n < ARRAY_SIZE(p); n++) {
				p[n] = goslab_cache_alloc(cache, GFP_KERNEL);
				KUNIT_ASSERT_NOT_NULL(test, p[n]);
				if (!IS_ALIGNED((unsigned long)p[n],
						max(align, 8UL)))
					KUNIT_FAIL(test, "%zu bytes, align %zu",
						   sizes[i], align);
			}
			for (n = 0; n < ARRAY_SIZE(p); n++)
				goslab_cache_free(cache, p[n]);
			goslab_cache_destroy(cache);
		}
	}
}

static void on_cache_lines(struct kunit *test)
{
	const size_t line = cache_line_size();
	const struct {
		size_t size;
		size_t align;
	} cases[] = {
		{ line, line },
		{ line + 1, line },
		{ line / 2, line / 2 },
		{ line / 2 + 1, line },
		{ line / 8, max(line / 8, 8UL) },
		{ 1000, line },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct goslab_cache *cache;
		void *p, *q;

		cache = make(test, cases[i].size, 0, GOSLAB_HWCACHE_ALIGN, NULL);
		p = goslab_cache_alloc(cache, GFP_KERNEL);
		q = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, q);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p,
						   cases[i].align));
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)q,
						   cases[i].align));
		KUNIT_EXPECT_EQ(test, goslab_size(p),
				ALIGN(cases[i].size, cases[i].align));
		goslab_cache_free(cache, p);
		goslab_cache_free(cache, q);
		goslab_cache_destroy(cache);
	}
}

#define MADE	0x6d616465

/* An object that a ctor made: whose, and how often. */
struct made {
	u32 magic;
	u32 times;
	struct made *self;
	u8 rest[40];
};

static unsigned int nr_made;

static void ctor(void *object)
{
	struct made *m = object;

	nr_made++;
	m->times = m->magic == MADE && m->self == m ? m->times + 1 : 1;
	m->magic = MADE;
	m->self = m;
}

static bool is_made(const struct made *m)
{
	return m->magic == MADE && m->self == m && m->times == 1;
}

/* One object of each span. */
static bool stays(unsigned int i)
{
	return i % 50 == 0 || i == MANY - 1;
}

/* The ctor runs once per object of a span, and what it left stays. */
static void constructed(struct kunit *test)
{
	struct goslab_cache *cache;
	struct gs_class *c;
	struct made **m;
	unsigned int i, round;

	m = kunit_kmalloc_array(test, MANY, sizeof(*m), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, m);
	nr_made = 0;
	cache = make(test, sizeof(struct made), 0, 0, ctor);
	KUNIT_EXPECT_EQ(test, nr_made, 0U);
	c = gs_test_class(NAME);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < MANY; i++) {
			if (!round || !stays(i))
				m[i] = goslab_cache_alloc(cache, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, m[i]);
			if (!is_made(m[i]))
				KUNIT_FAIL(test, "object %u was not kept", i);
		}
		KUNIT_EXPECT_EQ(test, nr_made, c->nelems *
				gs_mcentral_nr_spans(gs_class_central(c,
							numa_mem_id())));
		for (i = 0; i < MANY; i++)
			if (round == 2 || !stays(i))
				goslab_cache_free(cache, m[i]);
		/* Through the spans, but not back to the page heap. */
		gs_drain_this_cpu(false);
	}
	goslab_cache_destroy(cache);
}

static void on_a_node(struct kunit *test)
{
	struct goslab_cache *cache = make(test, 104, 0, 0, NULL);
	int node = numa_mem_id();
	void *p, *q;

	p = goslab_cache_alloc_node(cache, GFP_KERNEL | __GFP_THISNODE, node);
	q = goslab_cache_alloc_node(cache, GFP_KERNEL | __GFP_ZERO, NUMA_NO_NODE);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_EQ(test, page_to_nid(virt_to_page(p)), node);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 0, 104));
	goslab_cache_free(cache, p);
	goslab_cache_free(cache, q);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  p = goslab_cache_alloc_node(cache, GFP_KERNEL, -2));
	KUNIT_EXPECT_NULL(test, p);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  p = goslab_cache_alloc_node(cache,
					GFP_KERNEL | GFP_DMA, node));
	KUNIT_EXPECT_NULL(test, p);
	goslab_cache_destroy(cache);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  p = goslab_cache_alloc_node(cache, GFP_KERNEL, node));
	KUNIT_EXPECT_NULL(test, p);
}

/* Not the ctor's to see: what init_on_alloc and zalloc would wipe. */
static void zeroed(struct kunit *test)
{
	struct goslab_cache *cache = make(test, 104, 0, 0, NULL);
	unsigned int i, round;
	u8 *p[100];

	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			p[i] = goslab_cache_zalloc(cache, GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[i]);
			KUNIT_EXPECT_NULL(test, memchr_inv(p[i], 0, 104));
			memset(p[i], 0xff, 104);
		}
		for (i = 0; i < ARRAY_SIZE(p); i++)
			goslab_cache_free(cache, p[i]);
	}
	goslab_cache_destroy(cache);
}

/* No two caches share a span, or one with malloc. */
static void apart(struct kunit *test)
{
	struct goslab_cache *a = make(test, 64, 0, 0, NULL), *b;
	void *pa[50], *pb[50], *pm[50];
	unsigned int i;

	b = goslab_cache_create("kunit-cache-b", 64, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, b);
	for (i = 0; i < ARRAY_SIZE(pa); i++) {
		pa[i] = goslab_cache_alloc(a, GFP_KERNEL);
		pb[i] = goslab_cache_alloc(b, GFP_KERNEL);
		pm[i] = goslab_malloc(64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, pm[i]);
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(pa[i])->class,
				    gs_test_class(NAME));
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(pb[i])->class,
				    gs_test_class("kunit-cache-b"));
		KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(pm[i])->class,
				    gs_test_class("malloc-64"));
	}
	for (i = 0; i < ARRAY_SIZE(pa); i++) {
		goslab_free(pa[i]);
		goslab_free(pb[i]);
		goslab_free(pm[i]);
	}
	goslab_cache_destroy(a);
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(b);
}

static void name_again(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < 10; i++) {
		struct goslab_cache *cache = make(test, 8 + 40 * i, 0, 0, NULL);

		goslab_cache_free(cache, goslab_cache_alloc(cache, GFP_KERNEL));
		goslab_cache_destroy(cache);
	}
}

/* The longest name there is; it is copied. */
static void long_name(struct kunit *test)
{
	static const char want[] = "kunit-0123456789-0123456789-012";
	struct goslab_cache *cache;
	char name[GS_NAME_LEN];

	KUNIT_ASSERT_EQ(test, strlen(want), sizeof(name) - 1);
	memcpy(name, want, sizeof(name));
	cache = goslab_cache_create(name, 8, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	memset(name, 0, sizeof(name));
	KUNIT_EXPECT_NOT_NULL(test, gs_test_class(want));
	goslab_cache_destroy(cache);
}

static void free_there(void *arg)
{
	void **p = arg;
	unsigned int i;

	for (i = 0; i < MANY; i++)
		goslab_free(p[i]);
}

/* Objects freed on another CPU, whose slot goes with the cache. */
static void freed_elsewhere(struct kunit *test)
{
	struct goslab_cache *cache;
	unsigned int i;
	void **p;

	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	p = kunit_kmalloc_array(test, MANY, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	cache = make(test, 72, 0, 0, NULL);
	for (i = 0; i < MANY; i++)
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
	gs_test_on_other_cpu(free_there, p);
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(cache);
}

/* Survivors are reported and stay readable; the name stays taken. */
static void survived(struct kunit *test)
{
	struct goslab_cache *cache = make(test, 200, 0, 0, NULL);
	void *p[30];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++) {
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		memset(p[i], i, 200);
	}
	for (i = 3; i < ARRAY_SIZE(p); i++)
		goslab_cache_free(cache, p[i]);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	GS_EXPECT_WHOLE(test);
	goslab_shrink();
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(p[i], i, 200));
	KUNIT_EXPECT_NOT_NULL(test, gs_test_class(NAME));
	GS_EXPECT_REPORTS(test, GS_BUG_DUPLICATE_NAME, 1,
			  cache = goslab_cache_create(NAME, 8, 0, 0, NULL));
	KUNIT_EXPECT_NULL(test, cache);
	gs_test_bury(test, NAME);
}

static struct kunit_case cache_cases[] = {
	KUNIT_CASE(lives),
	KUNIT_CASE(aligned),
	KUNIT_CASE(on_cache_lines),
	KUNIT_CASE(constructed),
	KUNIT_CASE(on_a_node),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(apart),
	KUNIT_CASE(name_again),
	KUNIT_CASE(long_name),
	KUNIT_CASE(freed_elsewhere),
	KUNIT_CASE(survived),
	{}
};

static struct kunit_suite cache_suite = {
	.name = "goslab_cache",
	GS_TEST_CASES_PINNED,
	.test_cases = cache_cases,
};
kunit_test_suite(cache_suite);
