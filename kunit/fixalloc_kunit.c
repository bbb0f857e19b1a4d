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

static struct kunit_case fixalloc_cases[] = {
	KUNIT_CASE(pieces_are_aligned_new_and_apart),
	KUNIT_CASE(freed_pieces_keep_their_contents),
	KUNIT_CASE(a_failed_draw_changes_nothing),
	KUNIT_CASE(random_walk),
	KUNIT_CASE(stashes_are_bounded),
	KUNIT_CASE(stash_serves_pairs),
	{}
};

static struct kunit_suite fixalloc_suite = {
	.name = "goslab_fixalloc",
	GS_TEST_CASES,
	.test_cases = fixalloc_cases,
};
kunit_test_suite(fixalloc_suite);
