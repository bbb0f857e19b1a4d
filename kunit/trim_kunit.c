// SPDX-License-Identifier: GPL-2.0
/*
 * trim_kunit: goslab_trim: back/trim.c: metadata goes back to the kernel, and whoever
 * looks an address up meanwhile finds nothing wrong.
 */
#include <linux/completion.h>
#include <linux/cpumask.h>
#include <linux/goslab.h>
#include <linux/goslab_slab.h>
#include <linux/jiffies.h>
#include <linux/kthread.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "back/trim.h"
#include "base/sys.h"
#include "front/drain.h"
#include "front/sample.h"
#include "pattern.h"
#include "testlib.h"

#define LARGE	(GS_ARENA_SIZE / 4)
#define NR	64	/* of them: 16 arenas at least */

static unsigned long nr_arenas(void)
{
	unsigned long i, n = 0;

	gs_arena_for_each(i)
		n++;
	return n;
}

/* What arenas count, all together. */
static unsigned long nr_counted(void)
{
	unsigned long i, n = 0;

	gs_arena_for_each(i)
		n += gs_radix_pages(&gs_radix, i);
	return n;
}

static size_t desc_bytes(void)
{
	size_t in_use = 0, drawn = 0;

	gs_span_add_usage(&in_use, &drawn);
	return drawn;
}

static void free_large(void **p)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		goslab_free(p[i]);
}

static void alloc_large(struct kunit *test, void **p)
{
	unsigned int i;

	for (i = 0; i < NR; i++) {
		p[i] = goslab_malloc(LARGE, GFP_KERNEL | __GFP_NOWARN);
		if (p[i])
			continue;
		while (i--)
			goslab_free(p[i]);
		kunit_skip(test, "not that much memory");
	}
}

/* Exactly the arenas with pages of ours have tables. */
static void expect_tight(struct kunit *test)
{
	unsigned long i;

	gs_arena_for_each(i)
		KUNIT_EXPECT_GT(test, gs_radix_pages(&gs_radix, i), 0);
	KUNIT_EXPECT_EQ(test, nr_counted(), gs_test_held_pages());
}

static void shrink_gives_tables_back(struct kunit *test)
{
	unsigned long before, peak;
	void *p[NR];
	size_t meta;

	goslab_shrink();
	before = nr_arenas();
	expect_tight(test);
	alloc_large(test, p);
	peak = nr_arenas();
	KUNIT_EXPECT_GE(test, peak, before + NR / 4 - 1);
	KUNIT_EXPECT_EQ(test, nr_counted(), gs_test_held_pages());
	free_large(p);
	KUNIT_EXPECT_EQ(test, nr_arenas(), peak);
	meta = gs_sys_meta();
	goslab_shrink();
	/* Others may have drawn elsewhere what they had before. */
	KUNIT_EXPECT_LE(test, nr_arenas(), before + 4);
	KUNIT_EXPECT_GE(test, meta - gs_sys_meta(), (peak - nr_arenas()) * PAGE_SIZE);
	expect_tight(test);
}

/* The worker's ticks do the same, and wait for no grace period. */
static void ticks_give_tables_back(struct kunit *test)
{
	unsigned long peak, ticks = 0;
	void *p[NR];
	size_t meta;

	goslab_shrink();
	alloc_large(test, p);
	peak = nr_arenas();
	free_large(p);
	gs_drain_all();
	gs_mheap_release(ULONG_MAX);
	KUNIT_EXPECT_EQ(test, nr_arenas(), peak);
	meta = gs_sys_meta() - desc_bytes();
	KUNIT_EXPECT_TRUE(test, gs_trim_tick());
	KUNIT_EXPECT_LE(test, nr_arenas(), peak - NR / 4 + 2);
	KUNIT_EXPECT_EQ(test, gs_sys_meta() - desc_bytes(), meta);
	while (gs_trim_tick() && ticks++ < 100)
		synchronize_rcu();
	KUNIT_EXPECT_LT(test, ticks, 100UL);
	/* Descriptors may have gone as well. */
	KUNIT_EXPECT_EQ(test, meta - (gs_sys_meta() - desc_bytes()),
			(peak - nr_arenas()) * PAGE_SIZE);
	expect_tight(test);
}

/* An address of an arena that went is one of a stranger, whatever is asked about it. */
static void addresses_of_arenas_that_went(struct kunit *test)
{
	void *p[NR], *lost = NULL;
	unsigned int i;

	alloc_large(test, p);
	free_large(p);
	goslab_shrink();
	for (i = 0; i < NR && !lost; i++)
		if (!gs_radix_pages(&gs_radix, gs_arena_index(p[i])))
			lost = p[i];
	KUNIT_ASSERT_NOT_NULL(test, lost);
	KUNIT_EXPECT_NULL(test, gs_arena_span(lost));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_free(lost));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_free_nolock(lost));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_free_bulk(1, &lost));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_stack_free(lost));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_size(lost), 0));
	KUNIT_EXPECT_FALSE(test, gs_mheap_is_free(lost));
	KUNIT_EXPECT_TRUE(test, goslab_check_object(lost, 1));
}

#define OBJECT	64
#define BYTES	(GS_TEST_SLOW ? 8UL << 20 : 64UL << 20)

/*
 * The link of an object to the next one, in its first word. Inverted: the memory goes to the
 * kernel, where a scan for leaks would find as many addresses as there are objects.
 */
static void *next_of(const void *p)
{
	return (void *)~*(const unsigned long *)p;
}

/* @bytes of objects, linked. */
static void *alloc_list(size_t bytes)
{
	void *first = NULL, *p;

	for (; bytes; bytes -= OBJECT) {
		p = goslab_malloc(OBJECT, GFP_KERNEL | __GFP_NOWARN);
		if (!p)
			break;
		*(unsigned long *)p = ~(unsigned long)first;
		first = p;
		if (!(bytes / OBJECT % 1024))
			cond_resched();
	}
	return first;
}

static void free_list(void *p)
{
	unsigned int n = 0;

	while (p) {
		void *next = next_of(p);

		goslab_free(p);
		p = next;
		if (!(++n % 1024))
			cond_resched();
	}
}

/* What a peak costs in descriptors goes with it; what stays is a chunk for each size. */
static void shrink_gives_descriptors_back(struct kunit *test)
{
	unsigned long rate = gs_sample_rate;
	size_t before, peak, meta;

	/* Records of samples are metadata, too. */
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(0), 0);
	goslab_shrink();
	before = desc_bytes();
	meta = gs_sys_meta();
	free_list(alloc_list(BYTES));
	peak = desc_bytes();
	KUNIT_EXPECT_GT(test, peak, before + BYTES / 128);
	goslab_shrink();
	kunit_info(test, "%lu MiB of objects: %zu KiB of descriptors before, %zu then, %zu after; all metadata %zu and %zu",
		   BYTES >> 20, before >> 10, peak >> 10, desc_bytes() >> 10, meta >> 10,
		   gs_sys_meta() >> 10);
	/* Descriptors of free runs, and pieces that CPUs stash. */
	KUNIT_EXPECT_LE(test, desc_bytes(), before + SZ_64K * num_online_cpus());
	KUNIT_EXPECT_LE(test, gs_sys_meta(), meta + SZ_128K * num_online_cpus());
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(rate), 0);
	expect_tight(test);
	GS_EXPECT_WHOLE(test);
}

/* The worker does it when they were free at two ticks. */
static void ticks_give_descriptors_back(struct kunit *test)
{
	size_t before, peak;
	unsigned int ticks;

	goslab_shrink();
	before = desc_bytes();
	free_list(alloc_list(BYTES));
	gs_drain_all();
	gs_mheap_release(ULONG_MAX);
	peak = desc_bytes();
	KUNIT_EXPECT_TRUE(test, gs_trim_tick());
	KUNIT_EXPECT_EQ(test, desc_bytes(), peak);
	for (ticks = 0; ticks < 100 && gs_trim_tick(); ticks++)
		synchronize_rcu();
	KUNIT_EXPECT_LT(test, ticks, 100U);
	KUNIT_EXPECT_LE(test, desc_bytes(), before + SZ_64K * num_online_cpus());
}

/* As much must go as is read for it: few chunks are not worth a heap's tables. */
static void few_descriptors_are_not_worth_it(struct kunit *test)
{
	void *p[NR], *list;
	size_t peak;

	goslab_shrink();
	alloc_large(test, p);
	list = alloc_list(1 << 20);
	free_list(list);
	gs_drain_all();
	/* Merges what was freed. */
	gs_mheap_release(1);
	migrate_disable();
	gs_span_drain(gs_walk_here());
	migrate_enable();
	peak = desc_bytes();
	KUNIT_EXPECT_GT(test, gs_span_spare_chunks(false), 0UL);
	KUNIT_ASSERT_LT(test, gs_span_spare_chunks(false), nr_arenas());
	gs_trim_now();
	KUNIT_EXPECT_EQ(test, desc_bytes(), peak);
	free_large(p);
}

/* An entry left of a span whose descriptor goes becomes that of no span. */
static void no_entry_leads_to_what_went(struct kunit *test)
{
	void *keep[64], *list;
	unsigned int n, bad = 0;
	unsigned long i, at;
	size_t peak;
	bool worth;

	goslab_shrink();
	/* Some objects keep arenas, in which most spans merge to free runs. */
	list = alloc_list(BYTES / 2);
	for (n = 0; n < ARRAY_SIZE(keep); n++)
		keep[n] = goslab_malloc(OBJECT, GFP_KERNEL);
	free_list(list);
	gs_drain_all();
	peak = desc_bytes();
	/* Merges what was freed, and gives but one unit of it back. */
	gs_mheap_release(1);
	/* Where memory is scattered, more tables may have to be read than chunks go. */
	worth = gs_span_spare_chunks(false) > gs_radix.nr_arenas;
	gs_trim_now();
	gs_arena_for_each(i) {
		for (at = gs_arena_base(i); at < gs_arena_base(i) + GS_ARENA_SIZE;
		     at += GS_PAGE_SIZE) {
			const struct mspan *s = gs_arena_span((void *)at);

			bad += s && !gs_sys_is_ours(virt_to_page(s));
		}
	}
	KUNIT_EXPECT_EQ(test, bad, 0U);
	/* Chunks went. */
	if (worth)
		KUNIT_EXPECT_LT(test, desc_bytes(), peak - BYTES / 512);
	for (n = 0; n < ARRAY_SIZE(keep); n++)
		goslab_free(keep[n]);
	GS_EXPECT_WHOLE(test);
}

#define WILD	256

static void *wild[WILD];
static bool wild_ends;

/* As a free does: the span, its object, the object's state. */
static void look_at_state(const void *p)
{
	const struct mspan *s;
	long i;

	rcu_read_lock();
	s = gs_arena_look(p);
	i = gs_span_index_open(s, p);
	if (i >= 0)
		READ_ONCE(s->objects[i]);
	rcu_read_unlock();
}

/* Ask about addresses whose objects, spans and arenas come and go. */
static int look_wildly(void *arg)
{
	struct completion *done = arg;
	unsigned int i = 0;

	while (!READ_ONCE(wild_ends)) {
		const void *p = READ_ONCE(wild[i++ % WILD]);

		if (p) {
			goslab_slab_owns(p);
			gs_mheap_is_free(p);
			look_at_state(p);
		}
		if (!(i % 64))
			cond_resched();
	}
	complete(done);
	return 0;
}

/* Threads look while tables and descriptors come and go as fast as they can. */
static void wild_looks_race(struct kunit *test)
{
	unsigned int round, n, started = 0;
	struct completion done[2];
	struct task_struct *t;

	WRITE_ONCE(wild_ends, false);
	for (n = 0; n < ARRAY_SIZE(done); n++) {
		init_completion(&done[n]);
		t = kthread_run(look_wildly, &done[n], "gs-wild/%u", n);
		if (IS_ERR(t))
			break;
		started++;
	}
	KUNIT_EXPECT_EQ(test, started, (unsigned int)ARRAY_SIZE(done));
	for (round = 0; round < (GS_TEST_SLOW ? 10 : 40); round++) {
		void *list = alloc_list(4UL << 20), *p = list;

		for (n = 0; n < WILD && p; n++) {
			unsigned int skip = 200;

			WRITE_ONCE(wild[n], p);
			while (p && skip--)
				p = next_of(p);
		}
		free_list(list);
		goslab_shrink();
		cond_resched();
	}
	WRITE_ONCE(wild_ends, true);
	for (n = 0; n < started; n++)
		wait_for_completion(&done[n]);
	/* A scan for leaks would find objects that later suites have there. */
	memset(wild, 0, sizeof(wild));
	expect_tight(test);
}

#define ARENAS	24
#define THREADS	4
#define STEPS	(GS_TEST_STEPS / 20)

/* A tree of its own: its arenas come and go as fast as they can. */
static struct gs_radix tree;
static struct mspan *only;

static struct racer {
	struct completion done;
	struct gs_rnd rnd;
	unsigned long broken;
} racers[THREADS];

static unsigned long nr_gone;

/* Each thread has pages of its own in all arenas, so that arenas are shared. */
static void one_page(struct racer *r, unsigned int own)
{
	unsigned long i = gs_rnd_below(&r->rnd, ARENAS);
	void *p = (void *)tree.base + i * GS_ARENA_SIZE + own * GS_PAGE_SIZE;

	if (gs_radix_reserve(&tree, p, GS_PAGE_SIZE, GFP_KERNEL)) {
		r->broken++;
		return;
	}
	/* Nobody else writes this entry, and nobody may take its table. */
	WRITE_ONCE(tree.top[0]->arena[i]->spans[own], only);
	if (!(gs_rnd_next(&r->rnd) % 8))
		cond_resched();
	r->broken += gs_radix_look(&tree, p) != only || !gs_radix_pages(&tree, i);
	WRITE_ONCE(tree.top[0]->arena[i]->spans[own], &gs_no_span);
	gs_radix_unreserve(&tree, p, GS_PAGE_SIZE);
}

/* Any page: what it maps to can be read, whatever becomes of the table. */
static void look_somewhere(struct racer *r)
{
	void *p = (void *)tree.base + gs_rnd_below(&r->rnd, ARENAS) * GS_ARENA_SIZE +
		  gs_rnd_below(&r->rnd, THREADS + 2) * GS_PAGE_SIZE;
	const struct mspan *s;

	rcu_read_lock();
	s = gs_radix_look(&tree, p);
	r->broken += (s != only && s != &gs_no_span) || READ_ONCE(s->npages) != (s == only);
	rcu_read_unlock();
}

static int run(void *arg)
{
	unsigned long end = jiffies + 2 * HZ;
	struct racer *r = arg;
	unsigned int i;

	/* Where CPUs are threads, who has the lock may be stopped while others spin. */
	for (i = 0; i < STEPS && (i < 500 || time_before(jiffies, end)); i++) {
		one_page(r, r - racers);
		look_somewhere(r);
		if (!(i % 64))
			cond_resched();
	}
	complete(&r->done);
	return 0;
}

static void trim_some(void)
{
	LIST_HEAD(gone);

	nr_gone += gs_radix_unlink_idle(&tree, &gone);
	synchronize_rcu();
	gs_radix_give(&gone);
}

static void start(struct kunit *test, struct gs_rnd *rnd)
{
	unsigned int i;

	for (i = 0; i < THREADS; i++) {
		struct racer *r = &racers[i];
		struct task_struct *t;

		*r = (struct racer){ .rnd.state = gs_rnd_next(rnd) };
		init_completion(&r->done);
		t = kthread_create(run, r, "gs-trim/%u", i);
		if (IS_ERR(t)) {
			KUNIT_FAIL(test, "no thread");
			complete(&r->done);
			continue;
		}
		kthread_bind(t, cpumask_nth(i % num_online_cpus(), cpu_online_mask));
		wake_up_process(t);
	}
}

static void tables_race(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	size_t meta = gs_sys_meta();
	unsigned int i, left;

	tree = (struct gs_radix){ };
	nr_gone = 0;
	only = kunit_kzalloc(test, sizeof(*only) + 64, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, only);
	only->npages = 1;
	KUNIT_ASSERT_EQ(test, gs_radix_init(&tree, gs_radix.base, GS_GROUP_SIZE), 0);
	start(test, &rnd);
	do {
		trim_some();
		for (i = 0, left = 0; i < THREADS; i++)
			left += !completion_done(&racers[i].done);
		cond_resched();
	} while (left);
	for (i = 0; i < THREADS; i++) {
		wait_for_completion(&racers[i].done);
		KUNIT_EXPECT_EQ(test, racers[i].broken, 0UL);
	}
	KUNIT_EXPECT_GT(test, nr_gone, 0UL);
	trim_some();
	i = 0;
	KUNIT_EXPECT_FALSE(test, gs_radix_next(&tree, &(unsigned long){ 0 }));
	gs_radix_exit(&tree);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
}

static struct kunit_case trim_cases[] = {
	KUNIT_CASE(shrink_gives_tables_back),
	KUNIT_CASE(ticks_give_tables_back),
	KUNIT_CASE(addresses_of_arenas_that_went),
	KUNIT_CASE(tables_race),
	KUNIT_CASE(shrink_gives_descriptors_back),
	KUNIT_CASE(ticks_give_descriptors_back),
	KUNIT_CASE(few_descriptors_are_not_worth_it),
	KUNIT_CASE(no_entry_leads_to_what_went),
	KUNIT_CASE(wild_looks_race),
	{}
};

static struct kunit_suite trim_suite = {
	.name = "goslab_trim",
	GS_TEST_CASES,
	.test_cases = trim_cases,
};
kunit_test_suite(trim_suite);
