// SPDX-License-Identifier: GPL-2.0
/*
 * fail_kunit: goslab_fail: allocations while the kernel has no memory.
 *
 * The n-th draw of a call fails, for every n until the call needs fewer; then
 * all draws from the n-th on. The call gives NULL or an object; afterwards the
 * heap is whole and, when all is freed and shrunk, as small as before. The
 * free lists of metadata are emptied first, so that its draws fail too.
 */
#include <linux/bitops.h>
#include <linux/goslab.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sys.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "middle/class.h"
#include "testlib.h"

#define NAME	"kunit-fail"
#define MOST	60	/* draws that one call makes at most */

/**
 * struct attempt - a call to be failed.
 * @name: for messages.
 * @alloc: makes an object, or NULL.
 * @size: whatever @alloc wants.
 */
struct attempt {
	const char *name;
	void *(*alloc)(size_t size);
	size_t size;
};

static struct goslab_cache *cache;

static void *by_malloc(size_t size)
{
	return goslab_malloc(size, GFP_KERNEL);
}

static void *by_zalloc(size_t size)
{
	return goslab_zalloc(size, GFP_KERNEL);
}

static void *by_malloc_atomic(size_t size)
{
	return goslab_malloc(size, GFP_ATOMIC);
}

static void *by_malloc_nowait(size_t size)
{
	return goslab_malloc(size, GFP_NOWAIT | __GFP_NOWARN);
}

static void *by_noscan(size_t size)
{
	return goslab_malloc_noscan(size, GFP_KERNEL);
}

static void *by_node(size_t size)
{
	return goslab_malloc_node(size, GFP_KERNEL | __GFP_THISNODE, 0);
}

static void *by_cache(size_t size)
{
	return goslab_cache_alloc(cache, GFP_KERNEL);
}

static void *by_realloc(size_t size)
{
	void *p = goslab_malloc(8, GFP_KERNEL), *q;

	if (!p)
		return NULL;
	q = goslab_realloc(p, size, GFP_KERNEL);
	if (!q)
		goslab_free(p);
	return q;
}

static const struct attempt attempts[] = {
	{ "malloc", by_malloc, 8 },
	{ "malloc", by_malloc, 1000 },
	{ "malloc", by_malloc, 6784 },
	{ "malloc, aligned span", by_malloc, 32768 },
	{ "malloc, long span", by_malloc, 27264 },
	{ "zalloc", by_zalloc, 256 },
	{ "large", by_malloc, 40000 },
	{ "large, aligned", by_malloc, 1 << 20 },
	{ "large, most", by_malloc, GOSLAB_MAX_SIZE },
	{ "atomic", by_malloc_atomic, 64 },
	{ "atomic, long span", by_malloc_atomic, 9472 },
	{ "atomic, large", by_malloc_atomic, 50000 },
	{ "nowait", by_malloc_nowait, 64 },
	{ "tiny", by_noscan, 3 },
	{ "noscan", by_noscan, 512 },
	{ "node", by_node, 512 },
	{ "node, large", by_node, 65536 },
	{ "cache", by_cache, 0 },
	{ "realloc", by_realloc, 3000 },
	{ "realloc to large", by_realloc, 300000 },
};

/* Keep the spare descriptors of all sizes away from the calls. */
static void take_spares(struct list_head *spares)
{
	unsigned int cap;
	struct mspan *s;

	gs_test_fail_draws(1, ULONG_MAX);
	for (cap = 1; cap <= 1024; cap += cap < 64 ? 1 : 32)
		while ((s = gs_span_alloc(cap, false, GFP_KERNEL)))
			list_add(&s->list, spares);
	while ((s = gs_span_alloc(512, true, GFP_KERNEL)))
		list_add(&s->list, spares);
	gs_test_end_draws();
}

static void give_spares(struct list_head *spares)
{
	struct mspan *s, *next;

	list_for_each_entry_safe(s, next, spares, list)
		gs_span_free(s);
}

/*
 * As goslab_shrink(), for what only this CPU has used; waits for no CPU. What it freed of
 * another node is in the transfer caches there.
 */
static void shrink_here(void)
{
	gs_drain_this_cpu(false);
	gs_class_sweep(false);
	gs_mheap_release(ULONG_MAX);
}

/* One try, with or without spare metadata. Return: draws that it made. */
static unsigned long attempt(struct kunit *test, const struct attempt *a,
			     bool spare, unsigned long first, unsigned long n)
{
	unsigned long seen;
	LIST_HEAD(spares);
	size_t held;
	void *p;

	shrink_here();
	if (!spare)
		take_spares(&spares);
	held = gs_sys_held() - gs_sys_meta();
	gs_test_fail_draws(first, n);
	p = a->alloc(a->size);
	seen = gs_test_end_draws();
	if (!p && seen < first)
		KUNIT_FAIL(test, "%s: NULL although no draw failed", a->name);
	if (p && a->size && goslab_size(p) < a->size)
		KUNIT_FAIL(test, "%s: too small", a->name);
	if (p)
		memset(p, 0xcc, a->size);
	goslab_free(p);
	/* And as if nothing had been. */
	p = a->alloc(a->size);
	if (!p)
		KUNIT_FAIL(test, "%s: NULL although there is memory", a->name);
	goslab_free(p);
	give_spares(&spares);
	shrink_here();
	if (gs_sys_held() - gs_sys_meta() != held)
		KUNIT_FAIL(test, "%s: %zd bytes stayed, draw %lu of %lu failed",
			   a->name, gs_sys_held() - gs_sys_meta() - held, first,
			   seen);
	return seen;
}

static void nth_draw(struct kunit *test, unsigned long n)
{
	unsigned int i;

	cache = goslab_cache_create(NAME, 300, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(attempts); i++) {
		unsigned long first = 1;

		while (attempt(test, &attempts[i], false, first, n) >= first) {
			if (++first > MOST) {
				KUNIT_FAIL(test, "%s: no end of draws",
					   attempts[i].name);
				break;
			}
		}
		GS_EXPECT_WHOLE(test);
	}
	goslab_cache_destroy(cache);
}

static void one_draw(struct kunit *test)
{
	nth_draw(test, 1);
}

static void all_draws_from(struct kunit *test)
{
	nth_draw(test, ULONG_MAX);
}

#define ROUNDS	8

/*
 * The metadata that failing costs is not more each time. A class may get a transfer
 * cache in one of the rounds, but not in all of them.
 */
static void no_metadata_lost(struct kunit *test)
{
	unsigned int i, round, same = 0;
	size_t meta = 0;

	for (round = 0; round < ROUNDS && same < 2; round++) {
		for (i = 0; i < ARRAY_SIZE(attempts); i++) {
			if (attempts[i].alloc == by_cache)
				continue;
			attempt(test, &attempts[i], true, 2, 1);
			attempt(test, &attempts[i], true, 3, ULONG_MAX);
		}
		same = gs_test_meta_but_tables() == meta ? same + 1 : 0;
		meta = gs_test_meta_but_tables();
	}
	KUNIT_EXPECT_EQ(test, same, 2U);
}

/* A cache whose name ends in @n. */
static struct goslab_cache *create_nth(unsigned int n)
{
	char name[GS_NAME_LEN];

	snprintf(name, sizeof(name), NAME "-%u", n);
	return goslab_cache_create(name, 300, 0, 0, NULL);
}

/* Each draw of cache_create, when the metadata that is there is used up. */
static void creating(struct kunit *test)
{
	/* A chunk of metadata is a page, and has room for so many and more. */
	const unsigned int most = MOST * (PAGE_SIZE >> 12);
	struct goslab_cache **all = kunit_kcalloc(test, most, sizeof(*all),
						  GFP_KERNEL);
	char name[GS_NAME_LEN];
	unsigned int nr = 0;
	unsigned long first;
	bool failed = true;

	KUNIT_ASSERT_NOT_NULL(test, all);
	snprintf(name, sizeof(name), NAME "-%u", most);
	for (first = 1; failed && first < 10; first++) {
		gs_test_fail_draws(1, ULONG_MAX);
		while (nr < most && (all[nr] = create_nth(nr)))
			nr++;
		gs_test_fail_draws(first, 1);
		cache = create_nth(most);
		failed = gs_test_end_draws() >= first;
		KUNIT_EXPECT_EQ(test, !cache, failed);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_NULL(test, gs_test_class(name));
	}
	KUNIT_EXPECT_GT(test, first, 2UL);
	KUNIT_EXPECT_FALSE(test, failed);
	while (nr)
		goslab_cache_destroy(all[--nr]);
}

#define MOST_CACHES	400

/*
 * Caches that use up the spare slots of their depth: while no page can be drawn,
 * an allocation gives its cache a slot as long as there is one. Return: how many.
 */
static unsigned int take_slots(struct kunit *test, struct goslab_cache **taken)
{
	struct gs_slot *slot;
	char name[24];
	unsigned int n;

	for (n = 0; n < MOST_CACHES; n++) {
		snprintf(name, sizeof(name), NAME "-%u", n);
		taken[n] = goslab_cache_create(name, 3000, 0, 0, NULL);
		if (!taken[n])
			return n;
		gs_test_fail_draws(1, ULONG_MAX);
		goslab_cache_free(taken[n], goslab_cache_alloc(taken[n],
							       GFP_NOWAIT));
		gs_test_end_draws();
		slot = gs_test_slot(gs_test_class(name));
		if (slot == &gs_no_slot)
			return n + 1;
	}
	return n;
}

/* Without a slot a CPU goes to mcentral. */
static void no_slot(struct kunit *test)
{
	struct goslab_cache **taken;
	unsigned int n;
	u64 direct;
	void *p;

	taken = kunit_kcalloc(test, MOST_CACHES, sizeof(*taken), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, taken);
	n = take_slots(test, taken);
	cache = goslab_cache_create(NAME, 3000, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	direct = atomic64_read(&gs_test_class(NAME)->nr_past);
	/* That of the slot; the span follows. */
	gs_test_fail_draws(1, 1);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	gs_test_end_draws();
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_EQ(test, gs_test_slot(gs_test_class(NAME)),
			    &gs_no_slot);
	KUNIT_EXPECT_EQ(test, (u64)atomic64_read(&gs_test_class(NAME)->nr_past), direct + 1);
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
	while (n)
		goslab_cache_destroy(taken[--n]);
}

static unsigned long draws;

/*
 * Half of the draws fail, but not just every second one: an attempt that takes two draws,
 * of pages and of the table for them, would fail for ever.
 */
static void every_second(enum gs_hook_point point, void *arg)
{
	if (in_task() && hweight_long(++draws) & 1)
		*(u64 *)arg = 0;
}

/* The first draws fail, as long as it takes some ticks to get through. */
static void first_ones(enum gs_hook_point point, void *arg)
{
	if (in_task() && ++draws <= 30)
		*(u64 *)arg = 0;
}

static void nofail(struct kunit *test, gs_hook_fn fn)
{
	static const size_t sizes[] = { 8, 700, 4096, 20480, 32768, 100000 };
	unsigned int i, n;
	void *p[20];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		goslab_shrink();
		draws = 0;
		gs_test_hook(GS_HOOK_SYS_DRAW, fn);
		for (n = 0; n < ARRAY_SIZE(p); n++) {
			p[n] = goslab_malloc(sizes[i], GFP_KERNEL |
					     __GFP_NOFAIL);
			KUNIT_EXPECT_NOT_NULL(test, p[n]);
		}
		gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
		KUNIT_EXPECT_GT(test, draws, 0UL);
		for (n = 0; n < ARRAY_SIZE(p); n++)
			goslab_free(p[n]);
		GS_EXPECT_WHOLE(test);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void nofail_every_second(struct kunit *test)
{
	nofail(test, every_second);
}

static void nofail_first_ones(struct kunit *test)
{
	nofail(test, first_ones);
}

/* The reserve is for callers that cannot wait; others draw, while they can. */
static void reserve(struct kunit *test)
{
	void *p[GS_RESERVE_PAGES], *q;
	unsigned int n;

	/* Descriptors, slots and arenas that the calls below want. */
	for (n = 0; n < ARRAY_SIZE(p); n++)
		p[n] = goslab_malloc(8192, GFP_KERNEL);
	q = goslab_malloc(4096, GFP_KERNEL);
	for (n = 0; n < ARRAY_SIZE(p); n++)
		goslab_free(p[n]);
	goslab_free(q);
	goslab_shrink();
	KUNIT_ASSERT_TRUE(test, gs_mheap_refill_reserve());
	KUNIT_ASSERT_EQ(test, gs_mheap_free_pages(),
			(unsigned long)GS_RESERVE_PAGES);
	KUNIT_EXPECT_TRUE(test, gs_mheap_refill_reserve());
	KUNIT_EXPECT_EQ(test, gs_mheap_free_pages(),
			(unsigned long)GS_RESERVE_PAGES);

	gs_test_fail_draws(1, 0);
	q = goslab_malloc(4096, GFP_KERNEL);
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	goslab_free(q);
	goslab_shrink();
	KUNIT_ASSERT_TRUE(test, gs_mheap_refill_reserve());

	gs_test_fail_draws(1, ULONG_MAX);
	for (n = 0; n < ARRAY_SIZE(p); n++) {
		p[n] = goslab_malloc(8192, GFP_ATOMIC);
		KUNIT_EXPECT_NOT_NULL(test, p[n]);
	}
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0UL);
	KUNIT_EXPECT_EQ(test, gs_mheap_free_pages(), 0UL);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_malloc(8192, GFP_ATOMIC | __GFP_NOWARN));
	gs_test_end_draws();
	for (n = 0; n < ARRAY_SIZE(p); n++)
		goslab_free(p[n]);
}

static struct kunit_case fail_cases[] = {
	KUNIT_CASE(one_draw),
	KUNIT_CASE(all_draws_from),
	KUNIT_CASE(no_metadata_lost),
	KUNIT_CASE(creating),
	KUNIT_CASE(no_slot),
	KUNIT_CASE(nofail_every_second),
	KUNIT_CASE(nofail_first_ones),
	KUNIT_CASE(reserve),
	{}
};

static struct kunit_suite fail_suite = {
	.name = "goslab_fail",
	GS_TEST_CASES_PINNED,
	.test_cases = fail_cases,
};
kunit_test_suite(fail_suite);
