// SPDX-License-Identifier: GPL-2.0
/*
 * lifetime_kunit: how the spans of a cache end: destructors, readers under RCU,
 * memory that a cgroup pays for: middle/class.c, back/direct.c.
 */
#include <linux/goslab.h>
#include <linux/rcupdate.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "front/drain.h"
#include "middle/class.h"
#include "testlib.h"

#define NAME	"kunit-lives"
#define MANY	400

#define MADE	0x6d616465
#define ENDED	0x656e6464

struct thing {
	u32 magic;
	u32 rest[20];
};

static atomic_t nr_made, nr_ended, nr_wrong;

static void make_thing(void *object)
{
	struct thing *t = object;

	t->magic = MADE;
	atomic_inc(&nr_made);
}

static void end_thing(void *object)
{
	struct thing *t = object;

	if (t->magic != MADE)
		atomic_inc(&nr_wrong);
	t->magic = ENDED;
	atomic_inc(&nr_ended);
}

static struct goslab_cache *make(struct kunit *test,
				 const struct goslab_cache_args *args,
				 unsigned long flags)
{
	struct goslab_cache *cache;

	atomic_set(&nr_made, 0);
	atomic_set(&nr_ended, 0);
	atomic_set(&nr_wrong, 0);
	cache = goslab_cache_create_args(NAME, sizeof(struct thing), args, flags);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	return cache;
}

static void fill(struct kunit *test, struct goslab_cache *cache,
		 struct thing **t, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		t[i] = goslab_cache_alloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t[i]);
	}
}

static struct thing **room(struct kunit *test)
{
	struct thing **t = kunit_kmalloc_array(test, MANY, sizeof(*t), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	return t;
}

/* Every object that was made is ended once, when its span goes. */
static void destructed(struct kunit *test)
{
	static const struct goslab_cache_args args = {
		.ctor = make_thing, .dtor = end_thing,
	};
	static const unsigned long flags[] = { 0, GOSLAB_TYPESAFE_BY_RCU,
					       GOSLAB_ACCOUNT };
	struct thing **t = room(test);
	struct goslab_cache *cache;
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(flags); k++) {
		cache = make(test, &args, flags[k]);
		fill(test, cache, t, MANY);
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended), 0);
		for (i = 0; i < MANY; i++)
			goslab_cache_free(cache, t[i]);
		goslab_cache_shrink(cache);
		rcu_barrier();
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended),
				atomic_read(&nr_made));
		fill(test, cache, t, 10);
		for (i = 0; i < 10; i++)
			goslab_cache_free(cache, t[i]);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_GE(test, atomic_read(&nr_made), MANY + 10);
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended),
				atomic_read(&nr_made));
		KUNIT_EXPECT_EQ(test, atomic_read(&nr_wrong), 0);
	}
}

/* A destructor without a constructor sees what its users left. */
static void destructed_only(struct kunit *test)
{
	static const struct goslab_cache_args args = { .dtor = end_thing };
	struct goslab_cache *cache = make(test, &args, 0);
	struct gs_class *c = gs_test_class(NAME);
	struct thing *t = goslab_cache_zalloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	goslab_cache_free(cache, t);
	goslab_cache_shrink(cache);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended), c->nelems);
	goslab_cache_destroy(cache);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended), c->nelems);
}

/* The module of a cache may be gone by the time that what survived it ends. */
static void not_destructed_later(struct kunit *test)
{
	static const struct goslab_cache_args args = {
		.ctor = make_thing, .dtor = end_thing,
	};
	struct goslab_cache *cache = make(test, &args, 0);
	struct gs_class *c = gs_test_class(NAME);
	struct thing *t = goslab_cache_alloc(cache, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, t);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1,
			  goslab_cache_destroy(cache));
	KUNIT_EXPECT_NULL(test, c->ctor);
	KUNIT_EXPECT_NULL(test, c->dtor);
	gs_test_bury(test, NAME);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_ended), 0);
}

/* Empty what this CPU and the class hold, up to the page heap's door. */
static void let_go(struct gs_class *c)
{
	gs_drain_this_cpu(false);
	gs_class_empty_transfer(c);
}

/* A reader finds the objects of a span that has left as they were. */
static void readable(struct kunit *test)
{
	struct goslab_cache *cache = make(test, NULL, GOSLAB_TYPESAFE_BY_RCU);
	struct gs_class *c = gs_test_class(NAME);
	struct thing **t = room(test);
	struct mspan *s;
	unsigned int i;

	fill(test, cache, t, MANY);
	for (i = 0; i < MANY; i++)
		t[i]->magic = MADE + i;
	s = gs_arena_span(t[0]);
	rcu_read_lock();
	for (i = 0; i < MANY; i++)
		goslab_cache_free(cache, t[i]);
	let_go(c);
	KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_RCU);
	for (i = 0; i < MANY; i++)
		if (t[i]->magic != MADE + i)
			KUNIT_FAIL(test, "object %u has changed", i);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 2, ({
		goslab_free(t[0]);
		goslab_cache_free(cache, t[0]);
	}));
	rcu_read_unlock();
	rcu_barrier();
	KUNIT_EXPECT_NE(test, s->state, GS_SPAN_RCU);
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(cache);
}

/* init_on_alloc does not touch them, __GFP_ZERO does. */
static void zeroed_when_asked(struct kunit *test)
{
	struct goslab_cache *cache = make(test, NULL, GOSLAB_TYPESAFE_BY_RCU);
	struct thing **t = room(test);
	unsigned int i;

	fill(test, cache, t, 50);
	for (i = 0; i < 50; i++) {
		memset(t[i], 0xa5, sizeof(*t[i]));
		goslab_cache_free(cache, t[i]);
	}
	fill(test, cache, t, 25);
	for (i = 0; i < 25; i++)
		KUNIT_EXPECT_NULL(test, memchr_inv(t[i], 0xa5, sizeof(*t[i])));
	for (i = 25; i < 50; i++) {
		t[i] = goslab_cache_zalloc(cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, t[i]);
		KUNIT_EXPECT_NULL(test, memchr_inv(t[i], 0, sizeof(*t[i])));
	}
	for (i = 0; i < 50; i++)
		goslab_cache_free(cache, t[i]);
	goslab_cache_destroy(cache);
}

/* Charged spans come from the kernel and go back, past the free runs. */
static void charged(struct kunit *test)
{
	static const size_t sizes[] = { 8, 88, 1000, 5000, 20000, 100000 };
	struct thing **t = room(test);
	unsigned int i, k;

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		unsigned int n = sizes[k] > 4000 ? 9 : MANY;
		unsigned long idle = gs_test_idle_pages();
		unsigned long drawn = gs_mheap_counts().drawn;
		struct goslab_cache *cache;
		struct mspan *s;

		cache = goslab_cache_create(NAME, sizes[k], 0, GOSLAB_ACCOUNT,
					    NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		fill(test, cache, t, n);
		for (i = 0; i < n; i++) {
			memset(t[i], i, sizes[k]);
			s = gs_arena_span(t[i]);
			if (!s->direct || !is_power_of_2(s->npages))
				KUNIT_FAIL(test, "object %u of %zu is in a pool",
					   i, sizes[k]);
		}
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages() - idle,
				gs_mheap_counts().drawn - drawn);
		GS_EXPECT_WHOLE(test);
		for (i = 0; i < n; i++) {
			KUNIT_EXPECT_NULL(test, memchr_inv(t[i], i, sizes[k]));
			goslab_cache_free(cache, t[i]);
		}
		/* No shrink in between: nothing of it may lie in a free run. */
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_EQ(test, gs_test_held_pages() - gs_mheap_free_pages(),
				gs_mheap_counts().in_spans);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
	}
}

/* Each draw in turn fails: an object less, or a smaller block, and no leak. */
static void charged_without_memory(struct kunit *test)
{
	unsigned long idle = gs_test_idle_pages();
	unsigned int i;
	void *p;

	for (i = 1; i < 8; i++) {
		struct goslab_cache *cache;

		cache = goslab_cache_create(NAME, 600, 0, GOSLAB_ACCOUNT, NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		gs_test_fail_draws(i, 1);
		p = goslab_cache_alloc(cache, GFP_KERNEL);
		gs_test_end_draws();
		goslab_cache_free(cache, p);
		gs_test_fail_draws(i, 1000);
		p = goslab_cache_alloc(cache, GFP_ATOMIC);
		gs_test_end_draws();
		goslab_cache_free(cache, p);
		goslab_cache_destroy(cache);
		KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), idle);
	}
}

static struct kunit_case lifetime_cases[] = {
	KUNIT_CASE(destructed),
	KUNIT_CASE(destructed_only),
	KUNIT_CASE(not_destructed_later),
	KUNIT_CASE(readable),
	KUNIT_CASE(zeroed_when_asked),
	KUNIT_CASE(charged),
	KUNIT_CASE(charged_without_memory),
	{}
};

static struct kunit_suite lifetime_suite = {
	.name = "goslab_lifetime",
	GS_TEST_CASES_PINNED,
	.test_cases = lifetime_cases,
};
kunit_test_suite(lifetime_suite);
