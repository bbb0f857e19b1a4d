// SPDX-License-Identifier: GPL-2.0
/*
 * guard_kunit: goslab_guard: front/guard.c, front/guardpool.c, api/guard.c,
 * watch/guarded.c.
 *
 * Each object is a sample, and each sample is guarded while a slot is ready. The worker
 * is stopped: slots are mapped and unmapped when a case says so.
 */
#include <linux/goslab.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

/* The prototypes alone. */
#define _LINUX_GOSLAB_SLAB_NAMES_H
#include <linux/goslab_slab.h>

#include "api/api.h"
#include "front/guard.h"
#include "front/sample.h"
#include "middle/special.h"
#include "testfile.h"
#include "testlib.h"
#include "watch/leakscan.h"
#include "watch/watch.h"

#define NAME	"kunit-guard"
#define SIZE	104
/* Slots that are ready for a case, and some more objects. */
#define READY	16
#define MANY	(READY + 8)

static void begin(struct kunit *test, unsigned long rate)
{
	if (!GS_GUARD_ENABLED) {
		KUNIT_EXPECT_EQ(test, gs_guard_set_rate(1), -EOPNOTSUPP);
		kunit_skip(test, "no guarded objects");
	}
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	gs_guard_all = true;
	KUNIT_ASSERT_EQ(test, gs_guard_set_rate(rate), 0);
	gs_guard_serve();
	KUNIT_ASSERT_EQ(test, gs_guard_read().nr_ready, (unsigned int)READY);
}

static void end(struct kunit *test)
{
	gs_guard_all = false;
	KUNIT_EXPECT_EQ(test, gs_guard_set_rate(0), 0);
	gs_guard_serve();
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(0), 0);
	GS_EXPECT_WHOLE(test);
}

static void *guarded(struct kunit *test, size_t size)
{
	void *p = goslab_malloc(size, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, gs_guard_live_at(p));
	return p;
}

static struct goslab_cache *make(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, SIZE, 0, GOSLAB_GUARD, NULL);

	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

/* User-Mode Linux takes a fault among vmalloc areas for a page to map, for ever. */
static bool readable(const void *p)
{
	u8 byte;

	if (IS_ENABLED(CONFIG_UML))
		return vmalloc_to_page(p);
	return !copy_from_kernel_nofault(&byte, p, 1);
}

static void *page_end(const void *p)
{
	return (void *)PAGE_ALIGN((unsigned long)p + 1);
}

/* At the end of its page, as aligned as its size wants, all of it usable. */
static void placed(struct kunit *test)
{
	size_t size;
	void *p;

	begin(test, 1);
	for (size = 1; size <= PAGE_SIZE; size += size < 256 ? 1 : 89) {
		size_t align = max(size & -size, 8UL);

		p = guarded(test, size);
		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, align));
		KUNIT_EXPECT_PTR_EQ(test, p + ALIGN(size, align), page_end(p));
		KUNIT_EXPECT_EQ(test, goslab_size(p), size);
		KUNIT_EXPECT_EQ(test, __goslab_size_roundup(size) >= size, true);
		memset(p, 0x5a, size);
		goslab_free(p);
		p = goslab_zalloc(size, GFP_KERNEL);
		KUNIT_EXPECT_NOT_NULL(test, gs_guard_live_at(p));
		KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, size));
		goslab_free(p);
		gs_guard_serve();
	}
	p = goslab_malloc(PAGE_SIZE + 1, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, gs_guard_live_at(p));
	goslab_free(p);
	end(test);
}

/* Behind the object, and after its free. What it means is known. */
static void faults(struct kunit *test)
{
	unsigned long behind, words[2] = { (unsigned long)test };
	void *p;

	begin(test, 1);
	p = guarded(test, 64);
	behind = (unsigned long)page_end(p);
	KUNIT_EXPECT_TRUE(test, readable(p));
	KUNIT_EXPECT_TRUE(test, readable((void *)behind - 1));
	KUNIT_EXPECT_FALSE(test, readable((void *)behind));
	KUNIT_EXPECT_FALSE(test, readable((void *)behind + PAGE_SIZE - 1));
	KUNIT_EXPECT_TRUE(test, gs_guard_explain(behind));
	KUNIT_EXPECT_FALSE(test, gs_guard_explain((unsigned long)p));
	KUNIT_EXPECT_FALSE(test, gs_guard_explain((unsigned long)test));
	words[1] = (unsigned long)p + 8;
	KUNIT_EXPECT_TRUE(test, gs_guard_mention(words, 2));
	KUNIT_EXPECT_FALSE(test, gs_guard_mention(words, 1));
	goslab_free(p);
	gs_guard_serve();
	/* What the kernel puts off. */
	vm_unmap_aliases();
	KUNIT_EXPECT_FALSE(test, readable(p));
	KUNIT_EXPECT_TRUE(test, gs_guard_explain((unsigned long)p));
	end(test);
}

static void spoil(struct kunit *test, size_t size, long byte)
{
	u8 *p = guarded(test, size);

	OPTIMIZER_HIDE_VAR(p);
	p[byte] ^= 1;
	KUNIT_EXPECT_EQ(test, gs_guard_verify(), 61);
	GS_EXPECT_REPORTS(test, GS_BUG_OUT_OF_BOUNDS, 1, goslab_free(p));
	GS_EXPECT_REPORTS(test, GS_BUG_OUT_OF_BOUNDS, 0, gs_guard_serve());
	KUNIT_EXPECT_EQ(test, gs_guard_verify(), 0);
}

/* Where alignment left room, and before the object. */
static void canaries(struct kunit *test)
{
	begin(test, 1);
	spoil(test, 20, 20);
	spoil(test, 17, 23);
	spoil(test, 17, -1);
	spoil(test, 96, -(long)(PAGE_SIZE - 96));
	end(test);
}

static void written_after_free(struct kunit *test)
{
	u8 *p;

	begin(test, 1);
	p = guarded(test, SIZE);
	goslab_free(p);
	OPTIMIZER_HIDE_VAR(p);
	KUNIT_EXPECT_EQ(test, p[50], GS_GUARD_POISON);
	p[50] = 0;
	GS_EXPECT_REPORTS(test, GS_BUG_FREED_WRITTEN, 1, gs_guard_serve());
	GS_EXPECT_REPORTS(test, GS_BUG_FREED_WRITTEN, 0, gs_guard_serve());
	end(test);
}

/* Written to through an old entry of a TLB: found when the slot is used again. */
static void written_when_unmapped(struct kunit *test)
{
	struct gs_guard *g;
	unsigned int i;
	void *p;

	begin(test, 1);
	p = guarded(test, SIZE);
	g = gs_guard_at(p);
	goslab_free(p);
	gs_guard_serve();
	KUNIT_ASSERT_EQ(test, g->state, (int)GS_GUARD_IDLE);
	((u8 *)g->page)[PAGE_SIZE - 1] = 0;
	gs_test_expect_reports(1);
	for (i = 0; g->state == GS_GUARD_IDLE && i < GS_GUARD_SLOTS_MOST; i++) {
		goslab_free(guarded(test, SIZE));
		gs_guard_serve();
	}
	KUNIT_EXPECT_EQ(test, g->state, (int)GS_GUARD_READY);
	end(test);
}

static void bad_frees(struct kunit *test)
{
	struct goslab_cache *cache, *other;
	void *p, *in;

	begin(test, 1);
	cache = make(test);
	other = goslab_cache_create(NAME "-2", SIZE, 0, 0, NULL);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	in = p + 8;
	OPTIMIZER_HIDE_VAR(in);
	KUNIT_ASSERT_NOT_NULL(test, gs_guard_live_at(p));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free(in));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free_nolock(in));
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_cache_free(cache, in));
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1, goslab_cache_free(other, p));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_size(in), (size_t)0));
	KUNIT_EXPECT_NOT_NULL(test, gs_guard_live_at(p));
	goslab_cache_free(cache, p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_cache_free(cache, p));
	gs_guard_serve();
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free_nolock(p));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_kvfree(p));
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free_rcu_mightsleep(p));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_realloc(p, 8, GFP_KERNEL)));
	goslab_cache_destroy(other);
	goslab_cache_destroy(cache);
	end(test);
}

/* What has no slot is an ordinary object. */
static void exhausted(struct kunit *test)
{
	unsigned long refused;
	unsigned int i, n = 0;
	void *p[MANY];

	begin(test, 1);
	refused = gs_guard_read().nr_refused;
	for (i = 0; i < MANY; i++) {
		p[i] = goslab_malloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		n += !!gs_guard_live_at(p[i]);
	}
	KUNIT_EXPECT_EQ(test, n, (unsigned int)READY);
	KUNIT_EXPECT_EQ(test, gs_guard_read().nr_refused - refused, MANY - READY + 0UL);
	for (i = 0; i < MANY; i++)
		goslab_free(p[i]);
	gs_guard_serve();
	goslab_free(guarded(test, SIZE));
	end(test);
}

/* A slot is used again when all others were. */
static void oldest_first(struct kunit *test)
{
	unsigned int i, n;
	struct gs_guard *g;
	void *p;

	begin(test, 1);
	n = gs_guard_read().nr_slots;
	p = guarded(test, SIZE);
	g = gs_guard_at(p);
	goslab_free(p);
	gs_guard_serve();
	for (i = 1; i < n; i++) {
		p = guarded(test, SIZE);
		KUNIT_EXPECT_PTR_NE(test, gs_guard_at(p), g);
		goslab_free(p);
		gs_guard_serve();
	}
	p = guarded(test, SIZE);
	KUNIT_EXPECT_PTR_EQ(test, gs_guard_at(p), g);
	goslab_free(p);
	end(test);
}

static void fail_map(enum gs_hook_point point, void *arg)
{
	*(u64 *)arg = 0;
}

static void not_mapped(struct kunit *test)
{
	unsigned long before;
	unsigned int i;
	void *p[MANY];

	begin(test, 1);
	before = gs_guard_read().nr_unmapped;
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_map);
	for (i = 0; i < MANY; i++) {
		p[i] = goslab_malloc(SIZE, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, !!gs_guard_live_at(p[i]), i < READY);
		gs_guard_serve();
	}
	KUNIT_EXPECT_GT(test, gs_guard_read().nr_unmapped, before);
	for (i = 0; i < MANY; i++)
		goslab_free(p[i]);
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
	gs_guard_serve();
	goslab_free(guarded(test, SIZE));
	end(test);
}

struct with_head {
	char before[40];
	struct rcu_head rcu;
};

/* A way to free @p, which is of @cache. */
#define WAY(name, call)							\
static void by_##name(struct goslab_cache *cache, void *p)		\
{									\
	call;								\
}

WAY(free, goslab_free(p))
WAY(cache_free, goslab_cache_free(cache, p))
WAY(free_sensitive, goslab_free_sensitive(p))
WAY(kvfree, goslab_kvfree(p))
WAY(slab_kfree, goslab_slab_kfree(p))
WAY(free_nolock, goslab_free_nolock(p))
WAY(bulk, goslab_free_bulk(1, &p))
WAY(cache_bulk, goslab_cache_free_bulk(cache, 1, &p))
WAY(rcu, goslab_free_rcu_mightsleep(p))

static void (*const frees[])(struct goslab_cache *cache, void *p) = {
	by_free, by_cache_free, by_free_sensitive, by_kvfree, by_slab_kfree,
	by_free_nolock, by_bulk, by_cache_bulk, by_rcu,
};

/* Every call that frees. The stand-in goes with the object. */
static void freed_by_all(struct kunit *test)
{
	struct goslab_cache *cache;
	unsigned int i;
	void *p;

	begin(test, 1);
	cache = make(test);
	for (i = 0; i < ARRAY_SIZE(frees); i++) {
		p = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, gs_guard_live_at(p));
		KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 1UL);
		KUNIT_EXPECT_TRUE(test, goslab_slab_owns(p));
		frees[i](cache, p);
		goslab_free_rcu_barrier();
		gs_nolock_flush();
		KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
		KUNIT_EXPECT_NULL(test, gs_guard_live_at(p));
		gs_guard_serve();
	}
	goslab_cache_destroy(cache);
	end(test);
}

static unsigned int nr_whole;

static void note_whole(void *p, void *arg)
{
	/* goslab_free_sensitive() has made it zero before. */
	nr_whole += p == arg && (*(u8 *)p == 0x5a || !*(u8 *)p) && gs_guard_at(p);
}

/* Actions get the address that the user has, and find the object as he left it. */
static void ends_with_actions(struct kunit *test)
{
	struct goslab_weak *weak;
	unsigned int i;

	begin(test, 1);
	for (i = 0; i < ARRAY_SIZE(frees); i++) {
		struct goslab_cache *cache = make(test);
		u8 *p = goslab_cache_alloc(cache, GFP_KERNEL);
		struct gs_guard *g = gs_guard_live_at(p);

		KUNIT_ASSERT_NOT_NULL(test, g);
		memset(p, 0x5a, SIZE);
		KUNIT_ASSERT_EQ(test, goslab_action_add(p, note_whole, p, GFP_KERNEL), 0);
		weak = goslab_weak_get(p, GFP_KERNEL);
		KUNIT_ASSERT_FALSE(test, IS_ERR(weak));
		KUNIT_ASSERT_EQ(test, goslab_action_add(p, note_whole, p, GFP_KERNEL), 0);
		KUNIT_ASSERT_EQ(test, goslab_action_add(p, note_whole, NULL, GFP_KERNEL), 0);
		KUNIT_EXPECT_TRUE(test, goslab_action_del(p, note_whole, NULL));
		KUNIT_EXPECT_PTR_EQ(test, goslab_weak_value(weak), (void *)p);
		nr_whole = 0;
		frees[i](cache, p);
		gs_nolock_flush();
		goslab_free_rcu_barrier();
		KUNIT_EXPECT_EQ_MSG(test, nr_whole, 2U, "way %u", i);
		KUNIT_EXPECT_NULL(test, goslab_weak_value(weak));
		KUNIT_EXPECT_EQ(test, READ_ONCE(g->state), (int)GS_GUARD_FREED);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
		goslab_weak_put(weak);
		goslab_cache_destroy(cache);
	}
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION), 0UL);
	end(test);
}

static void head_of_rcu(struct kunit *test)
{
	struct with_head *h;

	begin(test, 1);
	h = guarded(test, sizeof(*h));
	GS_EXPECT_REPORTS(test, GS_BUG_NO_HEAD, 1,
			  __goslab_free_rcu((void *)(h + 1) - 8, h));
	goslab_free_rcu(h, rcu);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(h));
	goslab_free_rcu_barrier();
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	end(test);
}

static void resized(struct kunit *test)
{
	u8 *p, *q;

	begin(test, 1);
	p = guarded(test, 100);
	KUNIT_EXPECT_PTR_EQ(test, (u8 *)goslab_realloc(p, 60, GFP_KERNEL), p);
	/* With init_on_alloc what it lost is zero. */
	memset(p, 7, 100);
	q = goslab_realloc(p, 200, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_PTR_NE(test, q, p);
	KUNIT_EXPECT_NULL(test, gs_guard_live_at(p));
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 7, 100));
	p = goslab_realloc_node(q, 400, GFP_KERNEL, numa_mem_id());
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 7, 100));
	q = goslab_kvrealloc(p, 5 * PAGE_SIZE, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_NULL(test, memchr_inv(q, 7, 100));
	goslab_kvfree(q);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	end(test);
}

static int expect_object(void *object, void *arg)
{
	void **p = arg;

	if (object == p[0])
		p[0] = NULL;
	else if (object == p[1])
		p[1] = NULL;
	else
		return -EINVAL;
	return 0;
}

static void looked_at(struct kunit *test)
{
	struct goslab_cache *cache;
	void *p[2], *left[2];
	int i;

	begin(test, 1);
	cache = make(test);
	for (i = 0; i < 2; i++) {
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		left[i] = p[i];
		/* The second one is an ordinary object. */
		gs_guard_set_rate(0);
	}
	KUNIT_EXPECT_NOT_NULL(test, gs_guard_live_at(p[0]));
	KUNIT_EXPECT_NULL(test, gs_guard_live_at(p[1]));
	KUNIT_EXPECT_EQ(test, goslab_cache_walk(cache, expect_object, left), 0);
	KUNIT_EXPECT_NULL(test, left[0]);
	KUNIT_EXPECT_NULL(test, left[1]);
	goslab_cache_free(cache, p[0]);
	goslab_cache_free(cache, p[1]);
	goslab_cache_destroy(cache);
	gs_guard_set_rate(1);
	p[0] = guarded(test, 40);
	KUNIT_EXPECT_TRUE(test, goslab_check_object(p[0] + 8, 32));
	GS_EXPECT_REPORTS(test, GS_BUG_USERCOPY, 1,
			  KUNIT_EXPECT_FALSE(test, goslab_check_object(p[0] + 8, 33)));
	goslab_free(p[0]);
	GS_EXPECT_REPORTS(test, GS_BUG_USERCOPY, 1,
			  KUNIT_EXPECT_FALSE(test, goslab_check_object(p[0], 1)));
	end(test);
}

/* A cache that ends, and its object that does not. */
static void survives(struct kunit *test)
{
	struct goslab_cache *cache;
	void *p;

	begin(test, 1);
	cache = make(test);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, gs_guard_live_at(p));
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1, goslab_cache_destroy(cache));
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_CACHE, 1, goslab_free(p));
	gs_guard_serve();
	gs_test_bury(test, NAME);
	end(test);
}

static void one_in_some(struct kunit *test)
{
	unsigned long before;
	struct goslab_cache *cache;
	int i;

	begin(test, 4);
	before = gs_guard_read().nr_objects;
	for (i = 0; i < 40; i++)
		goslab_free(goslab_malloc(SIZE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, gs_guard_read().nr_objects - before, 10UL);
	/* Only caches that allow it. */
	gs_guard_all = false;
	gs_guard_set_rate(1);
	before = gs_guard_read().nr_objects;
	goslab_free(goslab_malloc(SIZE, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, gs_guard_read().nr_objects - before, 0UL);
	cache = make(test);
	goslab_free(goslab_cache_alloc(cache, GFP_KERNEL));
	goslab_free(goslab_cache_alloc_node(cache, GFP_KERNEL, NUMA_NO_NODE));
	KUNIT_EXPECT_EQ(test, gs_guard_read().nr_objects - before, 2UL);
	goslab_cache_destroy(cache);
	end(test);
}

static void construct(void *p)
{
	memset(p, 1, SIZE);
}

static void refused(struct kunit *test)
{
	struct goslab_cache_args dtor = { .dtor = construct };
	struct goslab_cache *cache;
	void *p;

	begin(test, 1);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1,
		KUNIT_EXPECT_NULL(test, goslab_cache_create(NAME, SIZE, 0, GOSLAB_GUARD,
							    construct)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1,
		KUNIT_EXPECT_NULL(test, goslab_cache_create_args(NAME, SIZE, &dtor,
								 GOSLAB_GUARD)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1,
		KUNIT_EXPECT_NULL(test, goslab_cache_create(NAME, SIZE, 0, GOSLAB_GUARD |
							    GOSLAB_TYPESAFE_BY_RCU, NULL)));
	/* guard_all passes over them. */
	cache = goslab_cache_create(NAME, SIZE, 0, 0, construct);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, gs_guard_live_at(p));
	KUNIT_EXPECT_EQ(test, *(u8 *)p, 1);
	goslab_free(p);
	goslab_cache_destroy(cache);
	end(test);
}

#define CHILDREN	20
#define ROUNDS		7

/* Complements of addresses, as in leakscan_kunit.c. */
static unsigned long children[ROUNDS][CHILDREN], parent;

/* Ordinary objects that only a guarded one leads to, whose own address nobody has. */
static noinline void hold(struct kunit *test, unsigned int round)
{
	void **p = guarded(test, CHILDREN * sizeof(*p));
	unsigned int i;

	gs_guard_set_rate(0);
	for (i = 0; i < CHILDREN; i++) {
		p[i] = goslab_zalloc(320 << round, GFP_KERNEL);
		children[round][i] = ~(unsigned long)p[i];
	}
	parent = ~(unsigned long)p;
}

static noinline unsigned int nr_lost(unsigned int round)
{
	unsigned int i, n = 0;

	for (i = 0; i < CHILDREN; i++)
		n += gs_leaks_has((void *)~children[round][i]);
	return n;
}

static noinline void let_go(void)
{
	memset((void *)~parent, 0, CHILDREN * sizeof(void *));
}

static noinline void free_all(unsigned int rounds)
{
	unsigned int i;

	for (i = 0; i < rounds * CHILDREN; i++)
		goslab_free((void *)~children[0][i]);
}

/* Return: how many children of the round are found when nothing leads to them any more. */
static unsigned int lead_on(struct kunit *test, unsigned int round)
{
	unsigned int n;

	hold(test, round);
	KUNIT_EXPECT_EQ(test, gs_leaks_scan(), 0);
	KUNIT_EXPECT_EQ(test, nr_lost(round), 0U);
	KUNIT_EXPECT_FALSE(test, gs_leaks_has(gs_guard_standin((void *)~parent)));
	let_go();
	KUNIT_EXPECT_EQ(test, gs_leaks_scan(), 0);
	n = nr_lost(round);
	KUNIT_EXPECT_FALSE(test, gs_leaks_has(gs_guard_standin((void *)~parent)));
	goslab_free((void *)~parent);
	return n;
}

/*
 * A scan for leaks follows what a guarded object has, and its stand-in is no leak. Stacks of
 * other tasks and memory that the kernel used before have some addresses, so there are
 * several rounds, each with objects of another class.
 */
static void leads_on(struct kunit *test)
{
	unsigned int round, n = 0;

	begin(test, 1);
	gs_leaks_min_age = 0;
	gs_leaks_forget();
	for (round = 0; round < ROUNDS && n < CHILDREN / 4; round++) {
		KUNIT_EXPECT_EQ(test, gs_guard_set_rate(1), 0);
		n = lead_on(test, round);
	}
	free_all(round);
	kunit_info(test, "%u of %u found in round %u\n", n, CHILDREN, round);
	KUNIT_EXPECT_GE(test, n, CHILDREN / 4U);
	gs_leaks_min_age = 5000;
	gs_leaks_forget();
	end(test);
}

/* The row of an object in the file, from its address on. */
static char *row_of(struct kunit *test, const void *p)
{
	char address[24];

	snprintf(address, sizeof(address), "0x%016lx ", (unsigned long)p);
	return strstr(gs_test_read(test, "guard"), address);
}

static void listed(struct kunit *test)
{
	char *row;
	void *p;

	begin(test, 1);
	p = guarded(test, SIZE);
	row = row_of(test, p);
	KUNIT_ASSERT_NOT_NULL(test, row);
	KUNIT_EXPECT_NOT_NULL(test, strstr(row, " 104 live     malloc-112 goslab_kunit guarded+"));
	goslab_free(p);
	row = row_of(test, p);
	KUNIT_ASSERT_NOT_NULL(test, row);
	KUNIT_EXPECT_NOT_NULL(test, strstr(row, " 104 freed    malloc-112 "));
	gs_guard_serve();
	row = row_of(test, p);
	KUNIT_ASSERT_NOT_NULL(test, row);
	KUNIT_EXPECT_NOT_NULL(test, strstr(row, " 104 unmapped malloc-112 "));
	end(test);
}

static void *irq_object;
static bool irq_guarded;

static void in_interrupt_pass(struct irq_work *unused)
{
	void *p = goslab_malloc(SIZE, GFP_ATOMIC);

	irq_guarded = gs_guard_live_at(p);
	goslab_free(p);
	goslab_free_nolock(irq_object);
}

static void atomic(struct kunit *test)
{
	struct irq_work irq = IRQ_WORK_INIT_HARD(in_interrupt_pass);

	begin(test, 1);
	irq_object = guarded(test, SIZE);
	if (IS_ENABLED(CONFIG_PREEMPT_RT))
		in_interrupt_pass(NULL);
	else
		irq_work_queue(&irq);
	irq_work_sync(&irq);
	KUNIT_EXPECT_TRUE(test, irq_guarded);
	KUNIT_EXPECT_NULL(test, gs_guard_live_at(irq_object));
	gs_nolock_flush();
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	gs_guard_serve();
	end(test);
}

/* A step of the walk: an object goes, changes its size, or comes. */
static void step(struct gs_oracle *o, struct gs_rnd *rnd)
{
	unsigned int i = o->nr ? gs_rnd_below(rnd, o->nr) : 0;
	size_t size = gs_rnd_log(rnd, 1, 2 * PAGE_SIZE);
	struct gs_live gone;
	void *p;

	if (o->nr == o->max || (o->nr && gs_rnd_below(rnd, 2))) {
		gone = gs_oracle_remove(o, i, true);
		KUNIT_EXPECT_GE(o->test, goslab_size(gone.p), gone.size);
		if (gs_rnd_below(rnd, 4)) {
			goslab_free(gone.p);
			return;
		}
		p = goslab_realloc(gone.p, size, GFP_KERNEL);
	} else {
		p = goslab_malloc(size, GFP_KERNEL);
	}
	KUNIT_ASSERT_NOT_NULL(o->test, p);
	gs_oracle_add(o, p, size, true);
}

static void walked(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 40);
	unsigned long before, i;

	begin(test, 2);
	before = gs_guard_read().nr_objects;
	for (i = 0; i < GS_TEST_STEPS / 10; i++) {
		step(o, &rnd);
		if (!gs_rnd_below(&rnd, 8))
			gs_guard_serve();
		if (!(i % GS_TEST_VERIFY_EACH))
			KUNIT_ASSERT_EQ(test, gs_guard_verify(), 0);
	}
	KUNIT_EXPECT_GT(test, gs_guard_read().nr_objects - before, i / 20);
	while (o->nr)
		goslab_free(gs_oracle_remove(o, o->nr - 1, true).p);
	end(test);
}

static struct kunit_case guard_cases[] = {
	KUNIT_CASE(placed),
	KUNIT_CASE(faults),
	KUNIT_CASE(canaries),
	KUNIT_CASE(written_after_free),
	KUNIT_CASE(written_when_unmapped),
	KUNIT_CASE(bad_frees),
	KUNIT_CASE(exhausted),
	KUNIT_CASE(oldest_first),
	KUNIT_CASE(not_mapped),
	KUNIT_CASE(freed_by_all),
	KUNIT_CASE(ends_with_actions),
	KUNIT_CASE(head_of_rcu),
	KUNIT_CASE(resized),
	KUNIT_CASE(looked_at),
	KUNIT_CASE(survives),
	KUNIT_CASE(one_in_some),
	KUNIT_CASE(refused),
	KUNIT_CASE(leads_on),
	KUNIT_CASE(listed),
	KUNIT_CASE(atomic),
	KUNIT_CASE(walked),
	{}
};

static struct kunit_suite guard_suite = {
	.name = "goslab_guard",
	GS_TEST_CASES_PINNED,
	.test_cases = guard_cases,
};
kunit_test_suite(guard_suite);
