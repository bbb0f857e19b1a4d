// SPDX-License-Identifier: GPL-2.0
/*
 * walk_kunit: goslab_walk: random walks over the whole interface.
 *
 * A million steps against a naive oracle: a table of live objects, each with
 * contents that tell whose it is. Each step is checked by itself; every 1,000
 * the structures are verified and some contents; every 20,000 all of gs_verify()
 * with drained sums, which empties the magazines and would, if done at each
 * 1,000, keep the walk from ever filling them. "seed=N" replays a walk.
 */
#include <linux/goslab.h>
#include <linux/sched.h>

#include "back/mheap.h"
#include "base/sizeclass.h"
#include "front/drain.h"
#include "front/tiny.h"
#include "pattern.h"
#include "testlib.h"

#define LIVE		256	/* objects at most */
#define NR_CACHES	4
#define FULL_EACH	(20 * GS_TEST_VERIFY_EACH)

/* What gs_live.tag says: one of malloc's, or of cache tag - 1. */
#define OF_MALLOC	0

/**
 * struct walk - one walk.
 * @test: the case.
 * @rnd: where it goes.
 * @o: what is live.
 * @cache: caches, NULL for those that are not there now.
 * @size: their objects.
 * @step: steps done.
 * @max: largest object.
 */
struct walk {
	struct kunit *test;
	struct gs_rnd rnd;
	struct gs_oracle *o;
	struct goslab_cache *cache[NR_CACHES];
	size_t size[NR_CACHES];
	unsigned int step;
	size_t max;
};

static struct walk *start(struct kunit *test, size_t max)
{
	struct walk *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->test = test;
	w->rnd = gs_rnd_start(test);
	w->o = gs_oracle_make(test, LIVE);
	w->max = max;
	return w;
}

/* What every new object must be. */
static void check_new(struct walk *w, void *p, size_t size, size_t align,
		      bool zero)
{
	if (!p) {
		KUNIT_FAIL(w->test, "step %u: no %zu bytes", w->step, size);
		return;
	}
	if (!IS_ALIGNED((unsigned long)p, align))
		KUNIT_FAIL(w->test, "step %u: %zu bytes badly aligned", w->step,
			   size);
	if (goslab_size(p) < size)
		KUNIT_FAIL(w->test, "step %u: less than %zu bytes", w->step,
			   size);
	if (zero && memchr_inv(p, 0, size))
		KUNIT_FAIL(w->test, "step %u: %zu bytes not zero", w->step,
			   size);
}

static size_t align_of(size_t size)
{
	return max_t(size_t, size & -size, 8);
}

static void *by_kind(struct walk *w, size_t size, gfp_t gfp, size_t *align)
{
	switch (gs_rnd_below(&w->rnd, 4)) {
	case 0:
		if (size < GS_TINY_BLOCK)
			*align = gs_tiny_align(size);
		return goslab_malloc_noscan(size, gfp);
	case 1:
		return goslab_malloc_node(size, gfp, 0);
	default:
		return goslab_malloc(size, gfp);
	}
}

static void new_object(struct walk *w)
{
	size_t size = gs_rnd_log(&w->rnd, 1, w->max), align = align_of(size);
	bool zero = !gs_rnd_below(&w->rnd, 4);
	gfp_t gfp = gs_rnd_below(&w->rnd, 8) ? GFP_KERNEL : GFP_ATOMIC;
	void *p;

	if (zero)
		gfp |= __GFP_ZERO;
	p = by_kind(w, size, gfp, &align);
	check_new(w, p, size, align, zero);
	if (p)
		gs_oracle_add(w->o, p, size, true)->tag = OF_MALLOC;
}

static void new_cache_object(struct walk *w)
{
	unsigned int i = gs_rnd_below(&w->rnd, NR_CACHES);
	bool zero = !gs_rnd_below(&w->rnd, 4);
	void *p;

	if (!w->cache[i])
		return;
	p = goslab_cache_alloc(w->cache[i], GFP_KERNEL |
			       (zero ? __GFP_ZERO : 0));
	check_new(w, p, w->size[i], 8, zero);
	if (p)
		gs_oracle_add(w->o, p, w->size[i], true)->tag = i + 1;
}

static void free_live(struct walk *w, const struct gs_live *was)
{
	if (was->tag == OF_MALLOC || gs_rnd_below(&w->rnd, 2))
		goslab_free(was->p);
	else
		goslab_cache_free(w->cache[was->tag - 1], was->p);
}

static void free_one(struct walk *w)
{
	struct gs_live was;

	if (!w->o->nr)
		return;
	was = gs_oracle_remove(w->o, gs_rnd_below(&w->rnd, w->o->nr), true);
	free_live(w, &was);
}

static void resize_one(struct walk *w)
{
	size_t size = gs_rnd_log(&w->rnd, 1, w->max), keep;
	struct gs_live was;
	void *q;

	if (!w->o->nr)
		return;
	was = gs_oracle_remove(w->o, gs_rnd_below(&w->rnd, w->o->nr), true);
	q = goslab_realloc(was.p, size, GFP_KERNEL);
	check_new(w, q, size, 1, false);
	if (!q) {
		goslab_free(was.p);
		return;
	}
	/* Contents are words up to the smaller size, when all are filled. */
	keep = min(size, was.size) & ~7UL;
	if (was.size <= GS_PATTERN_ALL && keep &&
	    !gs_pattern_holds(q, keep, was.seed))
		KUNIT_FAIL(w->test, "step %u: %zu to %zu bytes", w->step,
			   was.size, size);
	/* An object that stayed is still its cache's. */
	gs_oracle_add(w->o, q, size, true)->tag = q == was.p ? was.tag :
						  OF_MALLOC;
}

/* All objects of cache @i go, then the cache. */
static void end_cache(struct walk *w, unsigned int i)
{
	unsigned int n = w->o->nr;

	while (n--) {
		struct gs_live was;

		if (w->o->at[n].tag != i + 1)
			continue;
		was = gs_oracle_remove(w->o, n, true);
		free_live(w, &was);
	}
	goslab_cache_destroy(w->cache[i]);
	w->cache[i] = NULL;
}

static void change_cache(struct walk *w)
{
	unsigned int i = gs_rnd_below(&w->rnd, NR_CACHES);
	char name[16];

	if (w->cache[i]) {
		end_cache(w, i);
		return;
	}
	snprintf(name, sizeof(name), "kunit-walk-%u", i);
	w->size[i] = gs_rnd_log(&w->rnd, 8, min(w->max, 10000UL));
	w->cache[i] = goslab_cache_create(name, w->size[i],
					  8UL << gs_rnd_below(&w->rnd, 5), 0,
					  NULL);
	KUNIT_EXPECT_NOT_NULL(w->test, w->cache[i]);
}

static void one_step(struct walk *w)
{
	/* The number of live objects wanders up and down. */
	unsigned int want = (w->step >> 10 & 1) ? LIVE : LIVE / 16;
	unsigned int dice = gs_rnd_below(&w->rnd, 10000);

	if (dice < 1)
		change_cache(w);
	else if (dice < 6)
		gs_drain_this_cpu(dice & 1);
	else if (dice < 500)
		resize_one(w);
	else if (w->o->nr == LIVE || gs_rnd_below(&w->rnd, want) < w->o->nr)
		free_one(w);
	else if (dice < 3000)
		new_cache_object(w);
	else
		new_object(w);
}

/* All but the sums, and nothing is emptied for it. */
static void check_structures(struct walk *w)
{
	struct gs_class *c;
	int cpu, node, ret = gs_mheap_verify();

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link)
		for_each_online_node(node)
			ret = ret ?: gs_mcentral_verify(gs_class_central(c,
									 node));
	mutex_unlock(&gs_class_mutex);
	for_each_possible_cpu(cpu)
		ret = ret ?: gs_mcache_verify(cpu);
	if (ret)
		KUNIT_FAIL(w->test, "step %u: invariant %d", w->step, ret);
}

static void check_some(struct walk *w)
{
	unsigned int i;

	for (i = 0; i < w->o->nr; i += 8) {
		const struct gs_live *l = &w->o->at[i];

		if (!gs_pattern_holds(l->p, l->size, l->seed))
			KUNIT_FAIL(w->test, "step %u: contents of %zu bytes",
				   w->step, l->size);
	}
}

static void finish(struct walk *w)
{
	unsigned int i;

	for (i = 0; i < NR_CACHES; i++)
		if (w->cache[i])
			end_cache(w, i);
	while (w->o->nr)
		goslab_free(gs_oracle_remove(w->o, 0, true).p);
	KUNIT_EXPECT_EQ(w->test, gs_test_idle_pages(), 0UL);
}

static void go(struct kunit *test, unsigned int steps, size_t max, bool moves)
{
	struct walk *w = start(test, max);

	for (w->step = 1; w->step <= steps; w->step++) {
		one_step(w);
		if (w->step % GS_TEST_VERIFY_EACH == 0) {
			check_structures(w);
			check_some(w);
			cond_resched();
		}
		if (w->step % FULL_EACH == 0)
			GS_EXPECT_WHOLE(test);
		if (moves && w->step % 2000 == 0 && gs_test_other_cpu() >= 0)
			set_cpus_allowed_ptr(current,
					     cpumask_of(gs_test_other_cpu()));
	}
	finish(w);
}

/* Mostly what fits a class. */
static void small_sizes(struct kunit *test)
{
	go(test, GS_TEST_STEPS / 2, 2048, false);
}

static void all_sizes(struct kunit *test)
{
	go(test, GS_TEST_STEPS / 4, 256 << 10, false);
}

/* Between two CPUs, so that most objects are freed where they were not made. */
static void from_cpu_to_cpu(struct kunit *test)
{
	go(test, GS_TEST_STEPS / 4, 8192, true);
}

static struct kunit_case walk_cases[] = {
	KUNIT_CASE(small_sizes),
	KUNIT_CASE(all_sizes),
	KUNIT_CASE(from_cpu_to_cpu),
	{}
};

static struct kunit_suite walk_suite = {
	.name = "goslab_walk",
	GS_TEST_CASES_PINNED,
	.test_cases = walk_cases,
};
kunit_test_suite(walk_suite);
