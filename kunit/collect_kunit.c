// SPDX-License-Identifier: GPL-2.0
/*
 * collect_kunit: goslab_collect: api/collect.c: what is freed and what is kept, the write
 * barrier at each point of a collection, actions and weak handles of what is freed, calls
 * that a collected heap refuses, users beside collections.
 */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/sizes.h>

#include "api/api.h"
#include "middle/special.h"
#include "testlib.h"

#define MAGIC		0x6f626a65UL
#define NR_ROOTS	16
#define MANY		300

/* @left and @right are pointers for the collector; @number is not. */
struct thing {
	struct thing *left;
	unsigned long number;
	struct thing *right;
	unsigned long magic;
	unsigned int id;
	struct rcu_head rcu;
};

static const unsigned long mask[1] = {
	GOSLAB_POINTER(struct thing, left) | GOSLAB_POINTER(struct thing, right),
};

static struct goslab_heap *heap;
static struct goslab_cache *cache;
static struct thing *roots[NR_ROOTS];
static unsigned int nr_ended;

static int collect_init(struct kunit *test)
{
	const struct goslab_heap_args args = { .flags = GOSLAB_HEAP_GC, .quota = SZ_4M };
	struct goslab_cache_args of = { .pointers = mask };
	int ret = gs_test_init(test);

	if (ret)
		return ret;
	memset(roots, 0, sizeof(roots));
	nr_ended = 0;
	heap = goslab_heap_create("kunit-gc", &args);
	of.heap = heap;
	cache = heap ? goslab_cache_create_args("kunit-gc-thing", sizeof(struct thing), &of, 0) :
		NULL;
	if (!cache)
		return -ENOMEM;
	return goslab_gc_root_add(heap, roots, sizeof(roots));
}

/* Without roots all goes, so the end finds nothing live. */
static void collect_exit(struct kunit *test)
{
	struct goslab_heap_usage usage;

	memset(roots, 0, sizeof(roots));
	KUNIT_EXPECT_GE(test, goslab_gc_collect(heap), 0L);
	goslab_heap_usage(heap, &usage);
	KUNIT_EXPECT_EQ(test, usage.nr_live, 0UL);
	goslab_cache_destroy(cache);
	goslab_heap_destroy(heap);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_ACTION), 0UL);
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_WEAK), 0UL);
	gs_test_exit(test);
}

static struct thing *make(struct kunit *test)
{
	struct thing *t = goslab_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);

	KUNIT_ASSERT_NOT_NULL(test, t);
	t->magic = MAGIC;
	return t;
}

static bool is_live(const struct thing *t)
{
	u8 *state = gs_test_state(t);

	return state && *state >= GS_LIVE_MIN;
}

static void expect_freed(struct kunit *test, long n)
{
	KUNIT_EXPECT_EQ(test, goslab_gc_collect(heap), n);
}

static void cycles_go(struct kunit *test)
{
	struct thing *a = make(test), *b = make(test), *c = make(test);

	a->left = b;
	b->right = c;
	c->left = a;
	roots[3] = b;
	expect_freed(test, 0);
	KUNIT_EXPECT_EQ(test, a->magic + b->magic + c->magic, 3 * MAGIC);
	roots[3] = NULL;
	expect_freed(test, 3);
	KUNIT_EXPECT_FALSE(test, is_live(a) || is_live(b) || is_live(c));
	expect_freed(test, 0);
}

static void only_pointers_keep(struct kunit *test)
{
	struct thing *a = make(test), *b = make(test), *c = make(test), *d = make(test);

	roots[0] = a;
	a->number = (unsigned long)b;
	/* An address inside of an object is as good as its first one. */
	a->left = (void *)&c->magic;
	expect_freed(test, 2);
	KUNIT_EXPECT_TRUE(test, is_live(a) && is_live(c));
	KUNIT_EXPECT_FALSE(test, is_live(b) || is_live(d));
}

static void noscan_leads_nowhere(struct kunit *test)
{
	struct goslab_cache_args of = { .heap = heap };
	struct goslab_cache *data;
	void **p;

	data = goslab_cache_create_args("kunit-gc-data", 300, &of, GOSLAB_NOSCAN);
	KUNIT_ASSERT_NOT_NULL(test, data);
	p = goslab_cache_alloc(data, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	p[0] = make(test);
	roots[0] = (void *)p;
	expect_freed(test, 1);
	KUNIT_EXPECT_TRUE(test, is_live((void *)p));
	roots[0] = NULL;
	expect_freed(test, 1);
	goslab_cache_destroy(data);
}

static void large_objects(struct kunit *test)
{
	static const size_t sizes[] = { 4096, SZ_32K, SZ_64K, SZ_256K, SZ_1M };
	struct goslab_cache_args of = { .heap = heap, .pointers = mask };
	struct goslab_cache *c;
	struct thing *p;
	unsigned int i;
	char name[24];

	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		unsigned long *bits = kunit_kzalloc(test, sizes[i] / sizeof(long) / 8,
						    GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, bits);
		/* The last word. */
		__set_bit(sizes[i] / sizeof(long) - 1, bits);
		of.pointers = bits;
		snprintf(name, sizeof(name), "kunit-big-%zu", sizes[i]);
		c = goslab_cache_create_args(name, sizes[i], &of, 0);
		KUNIT_ASSERT_NOT_NULL(test, c);
		p = goslab_cache_alloc(c, GFP_KERNEL | __GFP_ZERO);
		KUNIT_ASSERT_NOT_NULL(test, p);
		((struct thing **)p)[sizes[i] / sizeof(long) - 1] = make(test);
		((struct thing **)p)[0] = make(test);
		roots[0] = p;
		expect_freed(test, 1);
		roots[0] = NULL;
		expect_freed(test, 2);
		goslab_cache_destroy(c);
	}
}

static void roots_come_and_go(struct kunit *test)
{
	struct thing *more[2] = { make(test), make(test) };

	KUNIT_ASSERT_EQ(test, goslab_gc_root_add(heap, more, sizeof(more)), 0);
	expect_freed(test, 0);
	goslab_gc_root_del(heap, &more[1]);
	expect_freed(test, 0);
	goslab_gc_root_del(heap, more);
	expect_freed(test, 2);
}

static void note_end(void *p, void *arg)
{
	struct thing *t = p;

	/* All that goes together is whole. */
	if (t->magic == MAGIC && (!t->left || t->left->magic == MAGIC))
		nr_ended++;
	if (arg)
		*(bool *)arg = true;
}

static void actions_see_all_whole(struct kunit *test)
{
	struct thing *t, *last = NULL;
	unsigned int i;

	for (i = 0; i < MANY; i++) {
		t = make(test);
		t->left = last;
		last = t;
		KUNIT_ASSERT_EQ(test, goslab_action_add(t, note_end, NULL, GFP_KERNEL), 0);
	}
	/* A cycle: there is no order in which each goes before what it leads to. */
	for (t = last; t->left; t = t->left)
		;
	t->left = last;
	roots[0] = last;
	expect_freed(test, 0);
	KUNIT_EXPECT_EQ(test, nr_ended, 0U);
	roots[0] = NULL;
	expect_freed(test, MANY);
	KUNIT_EXPECT_EQ(test, nr_ended, MANY);
}

static void weak_handles_end(struct kunit *test)
{
	struct thing *a = make(test);
	struct goslab_weak *weak = goslab_weak_get(a, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(weak));
	roots[0] = a;
	expect_freed(test, 0);
	KUNIT_EXPECT_PTR_EQ(test, goslab_weak_value(weak), (void *)a);
	roots[0] = NULL;
	expect_freed(test, 1);
	KUNIT_EXPECT_NULL(test, goslab_weak_value(weak));
	goslab_weak_put(weak);
}

static void no_call_frees(struct kunit *test)
{
	struct thing *a = make(test);
	void *p[1] = { a };
	unsigned int round;

	roots[0] = a;
	/* Without and with a record. */
	for (round = 0; round < 2; round++) {
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free(a));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_cache_free(cache, a));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free_bulk(1, p));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1,
				  goslab_cache_free_bulk(cache, 1, p));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free_rcu(a, rcu));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free_rcu_mightsleep(a));
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free_nolock(a));
		gs_nolock_flush();
		GS_EXPECT_REPORTS(test, GS_BUG_COLLECTED, 1, goslab_free_sensitive(a));
		KUNIT_EXPECT_TRUE(test, is_live(a));
		KUNIT_EXPECT_EQ(test, a->magic, MAGIC);
		KUNIT_ASSERT_EQ(test, goslab_action_add(a, note_end, NULL, GFP_KERNEL), 0);
	}
	KUNIT_EXPECT_EQ(test, nr_ended, 0U);
	roots[0] = NULL;
	expect_freed(test, 1);
	KUNIT_EXPECT_EQ(test, nr_ended, 2U);
}

static struct thing *mutator_slot;

static void what_is_refused(struct kunit *test)
{
	struct goslab_cache_args of = { .heap = heap };
	struct goslab_gc_stats stats;
	struct goslab_heap *other = goslab_heap_create("kunit-gc-other", NULL);

	KUNIT_ASSERT_NOT_NULL(test, other);
	GS_EXPECT_REPORTS(test, GS_BUG_NO_MASK, 1,
			  KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 100, GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_NO_MASK, 1,
			  KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, SZ_1M, GFP_KERNEL)));
	GS_EXPECT_REPORTS(test, GS_BUG_NO_MASK, 1,
			  KUNIT_EXPECT_NULL(test, goslab_cache_create_args("kunit-gc-no", 64,
									   &of, 0)));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_COLLECTED, 1,
			  KUNIT_EXPECT_EQ(test, goslab_gc_collect(other), (long)-EINVAL));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_COLLECTED, 1,
			  KUNIT_EXPECT_EQ(test, goslab_gc_root_add(other, roots, 8), -EINVAL));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_COLLECTED, 1, goslab_gc_stats(other, &stats));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_COLLECTED, 2,
			  goslab_gc_enter(other); goslab_gc_leave(other));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_COLLECTED, 1,
			  goslab_gc_store(other, &mutator_slot, NULL));
	goslab_heap_destroy(other);
	GS_EXPECT_REPORTS(test, GS_BUG_DEAD_HEAP, 1,
			  KUNIT_EXPECT_EQ(test, goslab_gc_collect(other), (long)-EINVAL));
}

/* What the owner of garbage is, and that a leak scan does not call it one. */
static void it_is_attributed(struct kunit *test)
{
	struct thing *a = make(test);

	KUNIT_EXPECT_EQ(test, (int)gs_test_owner(a), (int)READ_ONCE(goslab_this_owner.id));
	KUNIT_EXPECT_EQ(test, goslab_size(a), sizeof(*a));
	KUNIT_ASSERT_EQ(test, goslab_action_add(a, note_end, NULL, GFP_KERNEL), 0);
	KUNIT_EXPECT_EQ(test, (int)gs_test_owner(a), (int)READ_ONCE(goslab_this_owner.id));
	expect_freed(test, 1);
}

static struct {
	struct thing *moved;
	struct thing *from;
	struct thing *to;
	bool barrier;
	unsigned int stores;
	struct thing *young;
} mutator;

/* No root was read: the pointer to @moved is in this task's hands alone. */
static void take_out(enum gs_hook_point point, void *unused)
{
	mutator.from->left = NULL;
}

/* All was marked: @to is black, and gets the only pointer to @moved, which is white. */
static void put_in(enum gs_hook_point point, void *unused)
{
	unsigned int i;

	goslab_gc_enter(heap);
	for (i = 0; i < mutator.stores; i++)
		goslab_gc_store(heap, &mutator.to->right, mutator.to);
	if (mutator.barrier)
		goslab_gc_store(heap, &mutator.to->left, mutator.moved);
	else
		mutator.to->left = mutator.moved;
	goslab_gc_leave(heap);
}

static void move_meanwhile(struct kunit *test, bool barrier, unsigned int stores, long freed)
{
	mutator.from = make(test);
	mutator.to = make(test);
	mutator.moved = make(test);
	mutator.moved->right = make(test);
	mutator.barrier = barrier;
	mutator.stores = stores;
	roots[0] = mutator.from;
	roots[1] = mutator.to;
	mutator.from->left = mutator.moved;
	gs_test_hook(GS_HOOK_GC_MARKS, take_out);
	gs_test_hook(GS_HOOK_GC_MARKED, put_in);
	expect_freed(test, freed);
	gs_test_hook(GS_HOOK_GC_MARKS, NULL);
	gs_test_hook(GS_HOOK_GC_MARKED, NULL);
	KUNIT_EXPECT_EQ(test, is_live(mutator.moved), !freed);
	mutator.to->left = NULL;
	mutator.to->right = NULL;
	roots[0] = NULL;
	roots[1] = NULL;
	expect_freed(test, 4 - freed);
}

static void the_barrier_keeps(struct kunit *test)
{
	struct goslab_gc_stats stats;

	move_meanwhile(test, true, 0, 0);
	/* More than the collector has room for: it marks all again. */
	move_meanwhile(test, true, 5000, 0);
	goslab_gc_stats(heap, &stats);
	KUNIT_EXPECT_EQ(test, stats.nr, 4UL);
	KUNIT_EXPECT_EQ(test, stats.nr_freed, 8UL);
	KUNIT_EXPECT_EQ(test, stats.bytes_freed, 8 * goslab_cache_size(cache));
}

/* Without the barrier it is lost: the test above would see it. */
static void without_it_all_is_lost(struct kunit *test)
{
	move_meanwhile(test, false, 0, 2);
}

/* Allocated meanwhile, and an old object hangs on it alone. */
static void make_young(enum gs_hook_point point, void *unused)
{
	goslab_gc_enter(heap);
	mutator.young = goslab_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);
	if (mutator.young)
		mutator.young->left = mutator.moved;
	goslab_gc_leave(heap);
}

static void young_ones_stay(struct kunit *test)
{
	mutator.moved = make(test);
	gs_test_hook(GS_HOOK_GC_MARKED, make_young);
	expect_freed(test, 0);
	gs_test_hook(GS_HOOK_GC_MARKED, NULL);
	KUNIT_ASSERT_NOT_NULL(test, mutator.young);
	KUNIT_EXPECT_TRUE(test, is_live(mutator.young) && is_live(mutator.moved));
	expect_freed(test, 2);
}

static void a_full_heap_is_collected(struct kunit *test)
{
	struct goslab_heap_args args = { .flags = GOSLAB_HEAP_GC, .quota = SZ_1M };
	const unsigned long wide[BITS_TO_LONGS(1000 / sizeof(long))] = { mask[0] };
	struct goslab_cache_args of = { .pointers = wide };
	struct goslab_heap *small = goslab_heap_create("kunit-gc-small", &args);
	struct goslab_cache *c;
	unsigned int n = 0;

	KUNIT_ASSERT_NOT_NULL(test, small);
	of.heap = small;
	c = goslab_cache_create_args("kunit-gc-small-thing", 1000, &of, 0);
	KUNIT_ASSERT_NOT_NULL(test, c);
	while (n < 2000 && goslab_cache_alloc(c, GFP_KERNEL))
		n++;
	KUNIT_EXPECT_GT(test, n, 900U);
	KUNIT_EXPECT_LT(test, n, 1100U);
	KUNIT_EXPECT_EQ(test, goslab_gc_collect(small), (long)n);
	KUNIT_EXPECT_NOT_NULL(test, goslab_cache_alloc(c, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, goslab_gc_collect(small), 1L);
	goslab_cache_destroy(c);
	goslab_heap_destroy(small);
}

static unsigned long draws, fail_at;

static void fail_one(enum gs_hook_point point, void *bytes)
{
	if (++draws == fail_at)
		*(u64 *)bytes = 0;
}

/* Each piece of memory of a collection that is not there: nothing is freed. */
static void without_memory(struct kunit *test)
{
	struct goslab_heap_args args = { .flags = GOSLAB_HEAP_GC };
	struct thing *a = make(test);
	long ret = -ENOMEM;

	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_one);
	for (fail_at = 1; ret < 0 && fail_at < 100; fail_at++) {
		draws = 0;
		ret = goslab_gc_collect(heap);
		KUNIT_EXPECT_EQ(test, ret, draws < fail_at ? 1L : -ENOMEM);
		KUNIT_EXPECT_EQ(test, is_live(a), ret < 0);
	}
	KUNIT_EXPECT_GT(test, fail_at, 4UL);
	draws = 0;
	fail_at = 1;
	KUNIT_EXPECT_EQ(test, goslab_gc_root_add(heap, roots, sizeof(roots)), -ENOMEM);
	draws = 0;
	KUNIT_EXPECT_NULL(test, goslab_heap_create("kunit-gc-none", &args));
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
}

/* An oracle: who is reached from the roots. */
struct graph {
	struct thing *t[MANY];
	bool reached[MANY];
	bool ended[MANY];
};

static void reach(struct graph *g, struct thing *t)
{
	unsigned int todo[MANY], n = 0;

	if (!t || g->reached[t->id])
		return;
	g->reached[t->id] = true;
	todo[n++] = t->id;
	while (n) {
		struct thing *next[2], *from = g->t[todo[--n]];
		int i;

		next[0] = from->left;
		next[1] = from->right;
		for (i = 0; i < 2; i++) {
			if (!next[i] || g->reached[next[i]->id])
				continue;
			g->reached[next[i]->id] = true;
			todo[n++] = next[i]->id;
		}
	}
}

/* A change of the graph: an object, an edge, or a root. */
static void change(struct kunit *test, struct graph *g, struct gs_rnd *rnd)
{
	struct thing *a = g->t[gs_rnd_below(rnd, MANY)], *b = g->t[gs_rnd_below(rnd, MANY)];
	unsigned int i;

	switch (gs_rnd_below(rnd, 8)) {
	case 0:
	case 1:
	case 2:
		for (i = 0; i < MANY && g->t[i]; i++)
			;
		if (i == MANY)
			break;
		g->t[i] = make(test);
		g->t[i]->id = i;
		g->ended[i] = false;
		if (gs_rnd_below(rnd, 2))
			KUNIT_ASSERT_EQ(test, goslab_action_add(g->t[i], note_end, &g->ended[i],
								GFP_KERNEL), 0);
		else
			g->ended[i] = true;
		break;
	case 3:
		roots[gs_rnd_below(rnd, NR_ROOTS)] = a;
		break;
	case 4:
		roots[gs_rnd_below(rnd, NR_ROOTS)] = NULL;
		break;
	default:
		if (a)
			goslab_gc_store(heap, gs_rnd_below(rnd, 2) ? &a->left : &a->right, b);
	}
}

/* Exactly what is not reached is freed, since the mask is exact. */
static void random_walk(struct kunit *test)
{
	struct graph *g = kunit_kzalloc(test, sizeof(*g), GFP_KERNEL);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int round, step, i;

	KUNIT_ASSERT_NOT_NULL(test, g);
	for (round = 0; round < (GS_TEST_SLOW ? 30 : 200); round++) {
		long garbage = 0;

		for (step = 0; step < 400; step++)
			change(test, g, &rnd);
		memset(g->reached, 0, sizeof(g->reached));
		for (i = 0; i < NR_ROOTS; i++)
			reach(g, roots[i]);
		for (i = 0; i < MANY; i++)
			garbage += g->t[i] && !g->reached[i];
		KUNIT_ASSERT_EQ(test, goslab_gc_collect(heap), garbage);
		for (i = 0; i < MANY; i++) {
			if (!g->t[i])
				continue;
			KUNIT_ASSERT_EQ(test, is_live(g->t[i]), g->reached[i]);
			if (g->reached[i]) {
				KUNIT_ASSERT_EQ(test, g->t[i]->magic, MAGIC);
				continue;
			}
			KUNIT_ASSERT_TRUE(test, g->ended[i]);
			g->t[i] = NULL;
		}
	}
}

static struct {
	struct completion done;
	bool stop;
	bool full;
	unsigned long bad;
	unsigned long steps;
	u64 seed;
} user;

/* Poisons what it frees: a user who still sees it finds that. */
static void poison(void *p, void *arg)
{
	WRITE_ONCE(((struct thing *)p)->magic, 0);
}

/* Some steps from a root along pointers, then a new object or an edge. */
static void use_some(struct gs_rnd *rnd)
{
	struct thing **root = &roots[gs_rnd_below(rnd, NR_ROOTS)];
	struct thing *t = READ_ONCE(*root), *other;
	unsigned int n;

	if (!gs_rnd_below(rnd, 100)) {
		WRITE_ONCE(*root, NULL);
		return;
	}
	for (n = gs_rnd_below(rnd, 6); t && n; n--) {
		if (READ_ONCE(t->magic) != MAGIC)
			user.bad++;
		t = gs_rnd_below(rnd, 2) ? READ_ONCE(t->left) : READ_ONCE(t->right);
	}
	other = READ_ONCE(roots[gs_rnd_below(rnd, NR_ROOTS)]);
	if (t && gs_rnd_below(rnd, 3)) {
		goslab_gc_store(heap, gs_rnd_below(rnd, 2) ? &t->left : &t->right, other);
		return;
	}
	other = goslab_cache_alloc(cache, GFP_KERNEL | __GFP_ZERO);
	user.full = !other;
	if (!other)
		return;
	other->magic = MAGIC;
	other->left = t;
	goslab_action_add(other, poison, NULL, GFP_KERNEL);
	WRITE_ONCE(*root, other);
}

static int use(void *unused)
{
	struct gs_rnd rnd = { .state = user.seed };

	while (!READ_ONCE(user.stop)) {
		unsigned int n;

		goslab_gc_enter(heap);
		for (n = 0; n < 50; n++)
			use_some(&rnd);
		goslab_gc_leave(heap);
		user.steps += n;
		/* Nobody slows a user down that allocates faster than it is collected. */
		if (user.full)
			msleep(1);
		cond_resched();
	}
	complete(&user.done);
	return 0;
}

static void users_go_on(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct task_struct *task;
	struct goslab_gc_stats stats;
	unsigned long end;
	unsigned int n;

	memset(&user, 0, sizeof(user));
	init_completion(&user.done);
	user.seed = gs_rnd_next(&rnd);
	task = kthread_run(use, NULL, "kunit-gc");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	/* Each stop is a grace period or two. */
	end = jiffies + 3 * HZ;
	for (n = 0; n < 100 && time_before(jiffies, end); n++) {
		KUNIT_EXPECT_GE(test, goslab_gc_collect(heap), 0L);
		msleep(1);
	}
	WRITE_ONCE(user.stop, true);
	wait_for_completion(&user.done);
	goslab_gc_stats(heap, &stats);
	kunit_info(test, "%lu steps, %lu collections: %lu freed; the last: %lu marked, %lu noted by the barrier, stop %lu us of %lu\n",
		   user.steps, stats.nr, stats.nr_freed, stats.nr_marked, stats.nr_shaded,
		   stats.stop_us, stats.all_us);
	KUNIT_EXPECT_GT(test, n, 1U);
	KUNIT_EXPECT_EQ(test, user.bad, 0UL);
	KUNIT_EXPECT_GT(test, user.steps, 0UL);
	KUNIT_EXPECT_GT(test, stats.nr_freed, 0UL);
}

static struct kunit_case collect_cases[] = {
	KUNIT_CASE(cycles_go),
	KUNIT_CASE(only_pointers_keep),
	KUNIT_CASE(noscan_leads_nowhere),
	KUNIT_CASE(large_objects),
	KUNIT_CASE(roots_come_and_go),
	KUNIT_CASE(actions_see_all_whole),
	KUNIT_CASE(weak_handles_end),
	KUNIT_CASE(no_call_frees),
	KUNIT_CASE(what_is_refused),
	KUNIT_CASE(it_is_attributed),
	KUNIT_CASE(the_barrier_keeps),
	KUNIT_CASE(without_it_all_is_lost),
	KUNIT_CASE(young_ones_stay),
	KUNIT_CASE(a_full_heap_is_collected),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(random_walk),
	KUNIT_CASE(users_go_on),
	{}
};

static struct kunit_suite collect_suite = {
	.name = "goslab_collect",
	.suite_init = gs_test_suite_init,
	.init = collect_init,
	.exit = collect_exit,
	.test_cases = collect_cases,
};

kunit_test_suite(collect_suite);
