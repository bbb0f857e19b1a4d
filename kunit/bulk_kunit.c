// SPDX-License-Identifier: GPL-2.0
/*
 * bulk_kunit: goslab_bulk: api/bulk.c and front/bulk.c, many objects at once.
 *
 * What single calls promise holds for each object of a bulk; what single calls
 * find is found, and the other objects are freed all the same. What comes in
 * between the batches of one call is in bulk_race_kunit.c.
 */
#include <linux/goslab.h>
#include <linux/sizes.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "base/sizeclass.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "testlib.h"

#define NAME	"kunit-bulk"
#define MANY	600

/**
 * struct bulk - what a case works with.
 * @cache: what most objects are of.
 * @c: its class.
 * @p: objects.
 * @q: more of them.
 * @extra: live objects in @q that end() frees.
 */
static struct bulk {
	struct goslab_cache *cache;
	struct gs_class *c;
	void *p[MANY];
	void *q[MANY];
	unsigned int extra;
} b;

static void begin(struct kunit *test, size_t size, void (*ctor)(void *))
{
	memset(&b, 0, sizeof(b));
	b.cache = goslab_cache_create(NAME, size, 0, 0, ctor);
	KUNIT_ASSERT_NOT_NULL(test, b.cache);
	b.c = gs_test_class(NAME);
}

/* All objects are free: the end of the cache reports none. */
static void end(struct kunit *test)
{
	while (b.extra)
		goslab_cache_free(b.cache, b.q[--b.extra]);
	GS_EXPECT_WHOLE(test);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 0,
			  goslab_cache_destroy(b.cache));
}

static void take(struct kunit *test, unsigned int n)
{
	KUNIT_ASSERT_TRUE(test, goslab_cache_alloc_bulk(b.cache, GFP_KERNEL, n,
							b.p));
}

/* So many of a size: distinct, aligned, as large as asked for. */
static void one_size(struct kunit *test, struct gs_oracle *o, size_t size,
		     unsigned int n)
{
	size_t align = max_t(size_t, size & -size, 8);
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, goslab_malloc_bulk(size, GFP_KERNEL, n, b.p));
	for (i = 0; i < n; i++) {
		if (!IS_ALIGNED((unsigned long)b.p[i], align) ||
		    goslab_size(b.p[i]) < size)
			KUNIT_FAIL(test, "%zu bytes, object %u", size, i);
		gs_oracle_add(o, b.p[i], size, true);
	}
	while (o->nr)
		gs_oracle_remove(o, o->nr - 1, true);
	goslab_free_bulk(n, b.p);
}

static void every_size(struct kunit *test)
{
	static const unsigned int counts[] = { 1, 2, 7, 16, 33, 70 };
	struct gs_oracle *o = gs_oracle_make(test, MANY);
	unsigned int cls, i = 0;
	size_t size;

	for (size = 1; size <= 300; size++)
		one_size(test, o, size, counts[i++ % ARRAY_SIZE(counts)]);
	for (cls = 1; cls < GS_NR_CLASSES; cls++)
		one_size(test, o, gs_classes[gs_spc(cls, false)].elemsize,
			 counts[cls % ARRAY_SIZE(counts)]);
	for (size = 32769; size <= GOSLAB_MAX_SIZE; size += size / 2)
		one_size(test, o, size, 3);
	one_size(test, o, 64, MANY);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Objects of all kinds in one array. */
static void *any_kind(struct gs_rnd *rnd)
{
	size_t size = gs_rnd_log(rnd, 1, 4096);

	switch (gs_rnd_below(rnd, 8)) {
	case 0:
		return NULL;
	case 1:
		return ZERO_SIZE_PTR;
	case 2:
		return goslab_malloc_noscan(size % 20 + 1, GFP_KERNEL);
	case 3:
		return goslab_malloc(40000 + size, GFP_KERNEL);
	case 4:
		return goslab_cache_alloc(b.cache, GFP_KERNEL);
	case 5:
		return goslab_malloc_noscan(size, GFP_KERNEL);
	default:
		return goslab_malloc(size, GFP_KERNEL);
	}
}

static void mixed(struct kunit *test)
{
	unsigned int rounds = GS_TEST_SLOW ? 20 : 300, round, i, n;
	struct gs_rnd rnd = gs_rnd_start(test);
	void **copy = kunit_kzalloc(test, sizeof(b.p), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, copy);
	begin(test, 72, NULL);
	for (round = 0; round < rounds; round++) {
		n = 1 + gs_rnd_below(&rnd, MANY);
		for (i = 0; i < n; i++)
			b.p[i] = any_kind(&rnd);
		memcpy(copy, b.p, n * sizeof(*copy));
		goslab_free_bulk(n, b.p);
		KUNIT_EXPECT_EQ(test, memcmp(copy, b.p, n * sizeof(*copy)), 0);
		if (round % 20 == 19)
			KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	}
	end(test);
}

/* Classes in turns: no object takes a lock of its own. */
static void in_turns(struct kunit *test)
{
	struct mcentral *mc = gs_class_central(&gs_classes[gs_spc(
						gs_sizeclass_of(1024), false)],
					       numa_mem_id());
	unsigned long locks;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		b.p[i] = goslab_malloc(i & 1 ? 1024 : 64, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, b.p[i]);
	}
	locks = READ_ONCE(mc->nr_lock);
	goslab_free_bulk(MANY, b.p);
	KUNIT_EXPECT_LT(test, READ_ONCE(mc->nr_lock) - locks, MANY / 8UL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* One hold of the central lock moves a batch, the magazine none of them. */
static void straight(struct kunit *test)
{
	unsigned long locks, most = 2 * MANY / GS_BATCH_MAX;
	struct mcentral *mc;
	unsigned int i;

	begin(test, 200, NULL);
	mc = gs_class_central(b.c, numa_mem_id());
	take(test, MANY);
	/* No window to take from: every second object of the spans is live. */
	for (i = 0; i < MANY / 2; i++) {
		b.q[i] = b.p[2 * i + 1];
		b.p[i] = b.p[2 * i];
	}
	goslab_cache_free_bulk(b.cache, MANY / 2, b.q);
	gs_drain_all();
	locks = mc->nr_lock;
	KUNIT_ASSERT_TRUE(test, goslab_cache_alloc_bulk(b.cache, GFP_ATOMIC,
							MANY / 2, b.q));
	KUNIT_EXPECT_LT(test, mc->nr_lock - locks, most);
	KUNIT_EXPECT_LE(test, gs_slot_n(gs_test_slot(b.c)), b.c->depth / 2U + 1);
	locks = mc->nr_lock;
	goslab_cache_free_bulk(b.cache, MANY / 2, b.q);
	goslab_cache_free_bulk(b.cache, MANY / 2, b.p);
	KUNIT_EXPECT_LT(test, mc->nr_lock - locks, most);
	end(test);
}

static void zeroed(struct kunit *test)
{
	unsigned int round, i, dirty = 0;

	begin(test, 96, NULL);
	for (round = 0; round < 4; round++) {
		KUNIT_ASSERT_TRUE(test, goslab_cache_alloc_bulk(b.cache,
					GFP_KERNEL | __GFP_ZERO, MANY, b.p));
		for (i = 0; i < MANY; i++) {
			dirty += !!memchr_inv(b.p[i], 0, 96);
			memset(b.p[i], 0xee, 96);
		}
		goslab_cache_free_bulk(b.cache, MANY - 100 * round, b.p);
		goslab_free_bulk(100 * round, b.p + MANY - 100 * round);
	}
	KUNIT_EXPECT_EQ(test, dirty, 0U);
	end(test);
}

static void ctor(void *object)
{
	memset(object, 0x5a, 40);
}

static void constructed(struct kunit *test)
{
	unsigned int i, wrong = 0;

	begin(test, 40, ctor);
	GS_EXPECT_REPORTS(test, GS_BUG_ZERO_CTOR, 1,
			  KUNIT_EXPECT_FALSE(test,
				goslab_cache_alloc_bulk(b.cache, GFP_KERNEL |
							__GFP_ZERO, 3, b.p)));
	take(test, MANY);
	for (i = 0; i < MANY; i++)
		wrong += !!memchr_inv(b.p[i], 0x5a, 40);
	KUNIT_EXPECT_EQ(test, wrong, 0U);
	goslab_cache_free_bulk(b.cache, MANY, b.p);
	end(test);
}

static void none(struct kunit *test)
{
	begin(test, 64, NULL);
	KUNIT_EXPECT_FALSE(test, goslab_cache_alloc_bulk(b.cache, GFP_KERNEL, 0,
							 b.p));
	KUNIT_EXPECT_FALSE(test, goslab_malloc_bulk(64, GFP_KERNEL, 0, b.p));
	KUNIT_EXPECT_TRUE(test, goslab_malloc_bulk(0, GFP_KERNEL, 2, b.p));
	KUNIT_EXPECT_PTR_EQ(test, b.p[1], ZERO_SIZE_PTR);
	goslab_free_bulk(2, b.p);
	goslab_free_bulk(0, NULL);
	goslab_cache_free_bulk(b.cache, 0, NULL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	end(test);
}

static void refused(struct kunit *test)
{
	gfp_t gfp = GFP_KERNEL | __GFP_DMA32;
	bool got;

	begin(test, 64, NULL);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  got = goslab_malloc_bulk(64, gfp, 5, b.p));
	KUNIT_EXPECT_FALSE(test, got);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  got = goslab_malloc_bulk(64000, gfp, 5, b.p));
	KUNIT_EXPECT_FALSE(test, got);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  got = goslab_cache_alloc_bulk(b.cache, gfp, 5, b.p));
	KUNIT_EXPECT_FALSE(test, got);
	KUNIT_EXPECT_FALSE(test, goslab_malloc_bulk(GOSLAB_MAX_SIZE + 1,
						    GFP_KERNEL, 2, b.p));
	b.p[0] = goslab_malloc(64, GFP_KERNEL);
	end(test);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  got = goslab_cache_alloc_bulk(b.cache, GFP_KERNEL, 5,
							b.p + 1));
	KUNIT_EXPECT_FALSE(test, got);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1,
			  goslab_cache_free_bulk(b.cache, 1, b.p));
	goslab_free_bulk(1, b.p);
}

/* A bad entry anywhere is reported once, and all others are freed. */
static void bad_entry(struct kunit *test, enum gs_report_kind kind, void *bad,
		      bool by_cache)
{
	static const unsigned int places[] = { 0, 1, 31, 32, 33, 50, 99 };
	unsigned int i;

	begin(test, 120, NULL);
	for (i = 0; i < ARRAY_SIZE(places); i++) {
		void *was;

		take(test, 100);
		was = b.p[places[i]];
		goslab_free(was);
		b.p[places[i]] = bad ?: was;
		if (by_cache)
			GS_EXPECT_REPORTS(test, kind, 1,
				goslab_cache_free_bulk(b.cache, 100, b.p));
		else
			GS_EXPECT_REPORTS(test, kind, 1,
					  goslab_free_bulk(100, b.p));
	}
	end(test);
}

static void bad_entries(struct kunit *test)
{
	struct goslab_cache *other;
	void *small, *large, *tiny[2];
	int local;

	other = goslab_cache_create("kunit-bulk-b", 120, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, other);
	small = goslab_cache_alloc(other, GFP_KERNEL);
	bad_entry(test, GS_BUG_WRONG_CACHE, small, true);
	KUNIT_EXPECT_EQ(test, goslab_size(small), (size_t)120);
	bad_entry(test, GS_BUG_INTERIOR_FREE, small + 8, false);
	bad_entry(test, GS_BUG_DOUBLE_FREE, NULL, false);
	bad_entry(test, GS_BUG_DOUBLE_FREE, NULL, true);
	bad_entry(test, GS_BUG_FOREIGN_FREE, &local, false);
	bad_entry(test, GS_BUG_FOREIGN_FREE, &local, true);
	large = goslab_malloc(50000, GFP_KERNEL);
	bad_entry(test, GS_BUG_INTERIOR_FREE, large + 64, false);
	bad_entry(test, GS_BUG_WRONG_CACHE, large, true);
	tiny[0] = goslab_malloc_noscan(5, GFP_KERNEL);
	tiny[1] = goslab_malloc_noscan(5, GFP_KERNEL);
	goslab_free(tiny[0]);
	bad_entry(test, GS_BUG_DOUBLE_FREE, tiny[0], false);
	goslab_free(tiny[1]);
	goslab_free(large);
	goslab_cache_free(other, small);
	goslab_cache_destroy(other);
}

/* One object twice in an array, near and far, and a large one. */
static void twice_inside(struct kunit *test)
{
	static const unsigned int at[][2] = {
		{ 0, 1 }, { 0, 99 }, { 31, 32 }, { 40, 41 }, { 5, 70 },
	};
	unsigned int i;

	begin(test, 1000, NULL);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		take(test, 100);
		goslab_free(b.p[at[i][1]]);
		b.p[at[i][1]] = b.p[at[i][0]];
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_free_bulk(100, b.p));
	}
	end(test);
	b.p[0] = goslab_malloc(70000, GFP_KERNEL);
	b.p[1] = b.p[0];
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
			  goslab_free_bulk(2, b.p));
}

/* A state byte overwritten in the magazine, then one in the span. */
static void overwritten(struct kunit *test)
{
	struct gs_slot *slot;
	struct mspan *s;
	unsigned int i;
	void *bad;
	u8 *state;

	begin(test, 200, NULL);
	take(test, 60);
	goslab_cache_free_bulk(b.cache, 20, b.p);
	slot = gs_test_slot(b.c);
	KUNIT_ASSERT_GT(test, gs_slot_n(slot), 5U);
	bad = slot->top[-3].object;
	state = slot->top[-3].state;
	*state = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1, take(test, 20));
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_PTR_NE(test, b.p[i], bad);
	/* It passes for live now. */
	goslab_free(bad);

	gs_drain_all();
	b.q[b.extra++] = goslab_cache_alloc(b.cache, GFP_KERNEL);
	s = gs_test_slot(b.c)->span;
	KUNIT_ASSERT_PTR_NE(test, s, &gs_no_span);
	for (i = s->nelems; i && s->objects[i - 1] != GS_FREE;)
		i--;
	KUNIT_ASSERT_GT(test, i, 0U);
	bad = gs_span_object(s, i - 1);
	*gs_test_state(bad) = GS_CACHED;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
		KUNIT_EXPECT_TRUE(test, goslab_cache_alloc_bulk(b.cache,
					GFP_KERNEL, 100, b.p + 60)));
	*gs_test_state(bad) = GS_OWNER_MIN;
	goslab_free(bad);
	goslab_cache_free_bulk(b.cache, 160, b.p);
	end(test);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* The n-th draw fails, for every n: all or nothing, and nothing stays. */
static void no_memory(struct kunit *test)
{
	static const struct {
		size_t size;
		gfp_t gfp;
	} cases[] = {
		{ 64, GFP_KERNEL }, { 3000, GFP_KERNEL }, { 9000, GFP_ATOMIC },
		{ 32768, GFP_NOWAIT | __GFP_NOWARN }, { 100000, GFP_KERNEL },
	};
	unsigned long first, seen, failed = 0;
	unsigned int i, n;
	bool got;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		n = clamp_t(size_t, SZ_512K / cases[i].size, 4, MANY);
		first = 1;
		do {
			goslab_shrink();
			gs_test_fail_draws(first, ULONG_MAX);
			got = goslab_malloc_bulk(cases[i].size, cases[i].gfp, n,
						 b.p);
			seen = gs_test_end_draws();
			if (got)
				goslab_free_bulk(n, b.p);
			failed += !got;
			KUNIT_EXPECT_TRUE(test, got || seen >= first);
			KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
		} while (seen >= first && ++first < 100);
		KUNIT_EXPECT_LT(test, first, 100UL);
	}
	KUNIT_EXPECT_GT(test, failed, 5UL);
	/* NOFAIL goes on where a draw failed. */
	gs_test_fail_draws(2, 3);
	got = goslab_malloc_bulk(3000, GFP_KERNEL | __GFP_NOFAIL, MANY, b.p);
	KUNIT_EXPECT_TRUE(test, got);
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 4UL);
	if (got)
		goslab_free_bulk(MANY, b.p);
}

static struct kunit_case bulk_cases[] = {
	KUNIT_CASE(every_size),
	KUNIT_CASE(mixed),
	KUNIT_CASE(in_turns),
	KUNIT_CASE(straight),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(constructed),
	KUNIT_CASE(none),
	KUNIT_CASE(refused),
	KUNIT_CASE(bad_entries),
	KUNIT_CASE(twice_inside),
	KUNIT_CASE(overwritten),
	KUNIT_CASE(no_memory),
	{}
};

static struct kunit_suite bulk_suite = {
	.name = "goslab_bulk",
	GS_TEST_CASES_PINNED,
	.test_cases = bulk_cases,
};
kunit_test_suite(bulk_suite);
