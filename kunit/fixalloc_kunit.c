// SPDX-License-Identifier: GPL-2.0
/*
 * fixalloc_kunit: goslab_fixalloc: base/fixalloc.c on fixallocs of its own.
 *
 * A case that fails half-way leaks the chunks of its fixalloc.
 */
#include <linux/align.h>
#include <linux/percpu.h>
#include <linux/preempt.h>
#include <linux/string.h>

#include "base/fixalloc.h"
#include "base/sys.h"
#include "pattern.h"
#include "testlib.h"

#define LINK	16	/* where the free list writes in these pieces */

static const struct {
	unsigned int size;
	unsigned int rounded;
} shapes[] = {
	{ 24, 64 }, { 64, 64 }, { 65, 128 }, { 192, 192 }, { 1000, 1024 },
	{ 2000, 2048 }, { PAGE_SIZE - 64, PAGE_SIZE - 64 },
};

static void *must_alloc(struct kunit *test, struct fixalloc *f)
{
	void *p = gs_fixalloc_alloc(f, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	return p;
}

/* Is @p zero but for the word that the free list writes? */
static bool is_new(const void *p, unsigned int size)
{
	return !memchr_inv(p, 0, LINK) &&
	       !memchr_inv(p + LINK + sizeof(void *), 0,
			   size - LINK - sizeof(void *));
}

static void pieces_of_three_chunks(struct kunit *test, unsigned int size,
				   unsigned int rounded)
{
	size_t meta = gs_sys_meta();
	struct gs_oracle *o;
	struct fixalloc f;
	unsigned int i, n;

	gs_fixalloc_init(&f, size, LINK, NULL);
	KUNIT_EXPECT_EQ(test, f.size, rounded);
	n = 3 * gs_fixalloc_per_chunk(&f);
	o = gs_oracle_make(test, n);
	for (i = 0; i < n; i++) {
		void *p = must_alloc(test, &f);

		KUNIT_EXPECT_TRUE(test, IS_ALIGNED((unsigned long)p, 64));
		KUNIT_EXPECT_TRUE(test, is_new(p, rounded));
		gs_oracle_add(o, p, rounded, true);
	}
	KUNIT_EXPECT_EQ(test, f.nr_chunks, 3);
	KUNIT_EXPECT_EQ(test, f.nr_free, 0);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta + 3 * PAGE_SIZE);
	while (o->nr)
		gs_fixalloc_free(&f, gs_oracle_remove(o, 0, true).p);
	KUNIT_EXPECT_EQ(test, f.nr_free, n);
	gs_fixalloc_exit(&f);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
}

static void pieces_are_aligned_new_and_apart(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(shapes); i++)
		pieces_of_three_chunks(test, shapes[i].size, shapes[i].rounded);
}

/* A late reader sees a piece as it was left, but for the link. */
static void freed_pieces_keep_their_contents(struct kunit *test)
{
	struct fixalloc f;
	u8 *p;

	gs_fixalloc_init(&f, 128, LINK, NULL);
	p = must_alloc(test, &f);
	memset(p, 0x5a, 128);
	gs_fixalloc_free(&f, p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, LINK));
	KUNIT_EXPECT_NULL(test, memchr_inv(p + LINK + sizeof(void *), 0x5a,
					   128 - LINK - sizeof(void *)));
	/* The last piece freed is the next one given. */
	KUNIT_EXPECT_PTR_EQ(test, must_alloc(test, &f), (void *)p);
	KUNIT_EXPECT_NULL(test, memchr_inv(p, 0x5a, LINK));
	gs_fixalloc_exit(&f);
}

static void a_failed_draw_changes_nothing(struct kunit *test)
{
	size_t held = gs_sys_held();
	struct fixalloc f;
	unsigned int left;

	gs_fixalloc_init(&f, 256, LINK, NULL);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, gs_fixalloc_alloc(&f, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 1);
	KUNIT_EXPECT_EQ(test, f.nr_chunks, 0);
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);

	/* What is free needs no draw. */
	must_alloc(test, &f);
	left = f.nr_free;
	gs_test_fail_draws(1, ULONG_MAX);
	while (left--)
		KUNIT_EXPECT_NOT_NULL(test, gs_fixalloc_alloc(&f, GFP_ATOMIC));
	KUNIT_EXPECT_EQ(test, gs_test_end_draws(), 0);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, gs_fixalloc_alloc(&f, GFP_KERNEL));
	gs_test_end_draws();
	KUNIT_EXPECT_EQ(test, f.nr_chunks, 1);
	gs_fixalloc_exit(&f);
	KUNIT_EXPECT_EQ(test, gs_sys_held(), held);
}

static void random_walk(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 100);
	struct fixalloc f;
	unsigned int step, most = 0;

	gs_fixalloc_init(&f, 320, LINK, NULL);
	for (step = 0; step < GS_TEST_STEPS / 10; step++) {
		if (o->nr < o->max && (!o->nr || gs_rnd_below(&rnd, 2)))
			gs_oracle_add(o, must_alloc(test, &f), 320, true);
		else
			gs_fixalloc_free(&f, gs_oracle_remove(o,
				gs_rnd_below(&rnd, o->nr), true).p);
		most = max(most, o->nr);
		if (f.nr_free + o->nr != f.nr_chunks * gs_fixalloc_per_chunk(&f))
			break;
	}
	KUNIT_EXPECT_EQ(test, step, GS_TEST_STEPS / 10);
	KUNIT_EXPECT_EQ(test, f.nr_chunks,
			DIV_ROUND_UP(most, gs_fixalloc_per_chunk(&f)));
	gs_fixalloc_exit(&f);
}

static struct gs_stash __percpu *must_have_stashes(struct kunit *test)
{
	struct gs_stash __percpu *stash = alloc_percpu(struct gs_stash);

	KUNIT_ASSERT_NOT_NULL(test, (void __force *)stash);
	return stash;
}

/* Pieces that CPUs have; @longest: set to the most that one has. */
static unsigned int nr_stashed(const struct fixalloc *f, unsigned int *longest)
{
	unsigned int sum = 0, cpu;

	*longest = 0;
	for_each_possible_cpu(cpu) {
		struct gs_stash *stash = per_cpu_ptr(f->stash, cpu);
		unsigned int n = 0;
		void *p;

		for (p = stash->first; p; p = *(void **)(p + f->link))
			n++;
		if (n != stash->n)
			return UINT_MAX;
		*longest = max(*longest, n);
		sum += n;
	}
	return sum;
}

/* A CPU keeps so many bytes, and each piece is in one place. */
static void stashes_are_bounded(struct kunit *test)
{
	struct gs_stash __percpu *stash = must_have_stashes(test);
	unsigned int i, step, longest;
	struct fixalloc f;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct gs_rnd rnd = gs_rnd_start(test);
		struct gs_oracle *o = gs_oracle_make(test, 100);

		gs_fixalloc_init(&f, shapes[i].size, LINK, stash);
		KUNIT_EXPECT_LE(test, 2 * f.batch, GS_STASH_MAX);
		KUNIT_EXPECT_LE(test, 2U * f.batch * f.size,
				max(GS_STASH_BYTES, 2 * f.size));
		for (step = 0; step < 10000; step++) {
			bool more = step % 400 < 200 ? gs_rnd_below(&rnd, 4) :
						       !gs_rnd_below(&rnd, 4);

			if (o->nr < o->max && (!o->nr || more))
				gs_oracle_add(o, must_alloc(test, &f), f.size, true);
			else
				gs_fixalloc_free(&f, gs_oracle_remove(o,
					gs_rnd_below(&rnd, o->nr), true).p);
			if (f.nr_free + o->nr + nr_stashed(&f, &longest) !=
			    f.nr_chunks * gs_fixalloc_per_chunk(&f) ||
			    longest > 3 * f.batch)
				break;
		}
		KUNIT_EXPECT_EQ_MSG(test, step, 10000U, "size %u", shapes[i].size);
		gs_fixalloc_exit(&f);
		KUNIT_EXPECT_EQ(test, nr_stashed(&f, &longest), 0U);
	}
	free_percpu(stash);
}

/* What a task does again and again takes no piece off the free list. */
static void stash_serves_pairs(struct kunit *test)
{
	struct gs_stash __percpu *stash = must_have_stashes(test);
	struct fixalloc f;
	unsigned int i, nr_free;
	void *p;

	gs_fixalloc_init(&f, 128, LINK, stash);
	migrate_disable();
	gs_fixalloc_free(&f, must_alloc(test, &f));
	gs_fixalloc_free(&f, must_alloc(test, &f));
	nr_free = f.nr_free;
	for (i = 0; i < 100; i++) {
		p = gs_fixalloc_alloc_free(&f);
		KUNIT_EXPECT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, f.nr_free, nr_free);
		gs_fixalloc_free(&f, p);
		KUNIT_EXPECT_EQ(test, f.nr_free, nr_free);
	}
	migrate_enable();
	gs_fixalloc_exit(&f);
	free_percpu(stash);
}

/* Wholly free chunks can be taken out, others not, and go when they are given. */
static void empty_chunks_go_back(struct kunit *test)
{
	size_t meta = gs_sys_meta();
	unsigned int per, i, nr;
	struct fixalloc f;
	LIST_HEAD(gone);
	void **p, *kept, *again;

	gs_fixalloc_init(&f, 192, LINK, NULL);
	per = gs_fixalloc_per_chunk(&f);
	nr = 5 * per;
	p = kunit_kcalloc(test, nr, sizeof(*p), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < nr; i++)
		p[i] = must_alloc(test, &f);
	KUNIT_EXPECT_EQ(test, gs_fixalloc_isolate(&f, &gone, 9), 0);
	/* All but one piece of the third chunk. */
	kept = p[2 * per + 1];
	memset(kept, 0x5a, 192);
	for (i = 0; i < nr; i++)
		if (p[i] != kept)
			gs_fixalloc_free(&f, p[i]);
	KUNIT_EXPECT_EQ(test, f.nr_empty, 4);
	KUNIT_EXPECT_EQ(test, gs_fixalloc_isolate(&f, &gone, 3), 3);
	KUNIT_EXPECT_EQ(test, gs_fixalloc_isolate(&f, &gone, 9), 1);
	KUNIT_EXPECT_EQ(test, gs_fixalloc_isolate(&f, &gone, 9), 0);
	KUNIT_EXPECT_EQ(test, f.nr_chunks, 1);
	KUNIT_EXPECT_EQ(test, f.nr_free, per - 1);
	KUNIT_EXPECT_FALSE(test, gs_fixalloc_is_isolated(kept));
	for (i = 0; i < nr; i++)
		if (i / per != 2)
			KUNIT_EXPECT_TRUE(test, gs_fixalloc_is_isolated(p[i]));
	/* They are drawn, and nobody gets a piece of them. */
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta + 5 * PAGE_SIZE);
	for (i = 0; i < per - 1; i++) {
		again = gs_fixalloc_alloc_free(&f);
		KUNIT_ASSERT_NOT_NULL(test, again);
		KUNIT_EXPECT_FALSE(test, gs_fixalloc_is_isolated(again));
	}
	KUNIT_EXPECT_NULL(test, gs_fixalloc_alloc_free(&f));
	gs_fixalloc_give(&gone);
	KUNIT_EXPECT_TRUE(test, list_empty(&gone));
	KUNIT_EXPECT_EQ(test, f.nr_isolated, 0);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta + PAGE_SIZE);
	KUNIT_EXPECT_NULL(test, memchr_inv(kept, 0x5a, 192));
	gs_fixalloc_exit(&f);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
}

/* What is in use is of few chunks: those that have least room are taken from first. */
static void full_chunks_are_filled_first(struct kunit *test)
{
	struct gs_oracle *o;
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int per, step;
	struct fixalloc f;

	gs_fixalloc_init(&f, 64, LINK, NULL);
	per = gs_fixalloc_per_chunk(&f);
	o = gs_oracle_make(test, 20 * per);
	while (o->nr < o->max)
		gs_oracle_add(o, must_alloc(test, &f), 64, true);
	while (o->nr > 2 * per)
		gs_fixalloc_free(&f, gs_oracle_remove(o, gs_rnd_below(&rnd, o->nr), true).p);
	/* Most chunks have some piece in use: as long as pieces come and go they empty. */
	for (step = 0; step < 100 * per; step++) {
		gs_fixalloc_free(&f, gs_oracle_remove(o, gs_rnd_below(&rnd, o->nr), true).p);
		gs_oracle_add(o, must_alloc(test, &f), 64, true);
	}
	KUNIT_EXPECT_GE(test, f.nr_empty, 14);
	KUNIT_EXPECT_EQ(test, f.nr_chunks, 20);
	gs_fixalloc_exit(&f);
}

/* At random, and chunks are taken out and given at any time: the model is the counts. */
static void chunks_come_and_go(struct kunit *test)
{
	struct gs_stash __percpu *stash = must_have_stashes(test);
	struct gs_oracle *o = gs_oracle_make(test, 300);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int step, longest, out = 0, given = 0;
	size_t meta = gs_sys_meta();
	struct fixalloc f;
	LIST_HEAD(gone);

	gs_fixalloc_init(&f, 448, LINK, stash);
	for (step = 0; step < 20000; step++) {
		bool more = step % 2000 < 1000 ? gs_rnd_below(&rnd, 4) : !gs_rnd_below(&rnd, 4);

		if (o->nr < o->max && (!o->nr || more))
			gs_oracle_add(o, must_alloc(test, &f), f.size, true);
		else
			gs_fixalloc_free(&f, gs_oracle_remove(o,
				gs_rnd_below(&rnd, o->nr), true).p);
		if (!gs_rnd_below(&rnd, 50))
			out += gs_fixalloc_isolate(&f, &gone, gs_rnd_below(&rnd, 4));
		if (!gs_rnd_below(&rnd, 200)) {
			gs_fixalloc_give(&gone);
			given += out;
			out = 0;
		}
		if (!gs_rnd_below(&rnd, 300)) {
			migrate_disable();
			gs_fixalloc_drain(&f, gs_walk_here());
			migrate_enable();
		}
		if (f.nr_isolated != out ||
		    gs_sys_meta() != meta + (f.nr_chunks + out) * PAGE_SIZE ||
		    f.nr_free + o->nr + nr_stashed(&f, &longest) !=
		    f.nr_chunks * gs_fixalloc_per_chunk(&f))
			break;
	}
	KUNIT_EXPECT_EQ(test, step, 20000U);
	KUNIT_EXPECT_GT(test, given, 10U);
	gs_fixalloc_give(&gone);
	gs_fixalloc_exit(&f);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
	free_percpu(stash);
}

static struct kunit_case fixalloc_cases[] = {
	KUNIT_CASE(pieces_are_aligned_new_and_apart),
	KUNIT_CASE(freed_pieces_keep_their_contents),
	KUNIT_CASE(a_failed_draw_changes_nothing),
	KUNIT_CASE(random_walk),
	KUNIT_CASE(stashes_are_bounded),
	KUNIT_CASE(stash_serves_pairs),
	KUNIT_CASE(empty_chunks_go_back),
	KUNIT_CASE(full_chunks_are_filled_first),
	KUNIT_CASE(chunks_come_and_go),
	{}
};

static struct kunit_suite fixalloc_suite = {
	.name = "goslab_fixalloc",
	GS_TEST_CASES,
	.test_cases = fixalloc_cases,
};
kunit_test_suite(fixalloc_suite);
