// SPDX-License-Identifier: GPL-2.0
/*
 * filler_kunit: goslab_filler: which 2 MiB block gs_fit_filler fills, and gives back.
 *
 * Where it takes pages in a random walk is for fit_kunit.c, which has an oracle. Pages
 * are as there: only their entries in the radix tree are used.
 */
#include "back/arena.h"
#include "back/hugeblocks.h"
#include "testlib.h"

#define BLOCKS	4U
#define HUGE	GS_HUGE_PAGES
#define PAGES	(BLOCKS * HUGE)

/**
 * struct fixture - runs over four blocks.
 * @runs: what is tested.
 * @base: address of the first block.
 * @spans: live.
 * @nr_spans: how many.
 */
struct fixture {
	struct gs_runs runs;
	unsigned long base;
	struct mspan *spans[2 * BLOCKS];
	unsigned int nr_spans;
};

static unsigned long addr(const struct fixture *f, unsigned int page)
{
	return f->base + page * GS_PAGE_SIZE;
}

static struct mspan *new_desc(struct kunit *test, unsigned long base,
			      unsigned int npages)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	s->base = base;
	s->npages = npages;
	s->node = 0;
	s->zone = 0;
	s->needzero = 1;
	return s;
}

static void begin(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int page;

	KUNIT_ASSERT_EQ(test, 0, gs_runs_init(&f->runs, 0, &gs_fit_filler));
	for (page = 0; page < PAGES; page += HUGE)
		KUNIT_ASSERT_EQ(test, 0,
				gs_runs_reserve(&f->runs, (void *)addr(f, page),
						GS_HUGE_SIZE, GFP_KERNEL));
}

static void end(struct fixture *f)
{
	while (f->nr_spans)
		gs_span_free(f->spans[--f->nr_spans]);
	gs_arena_set(f->base, PAGES, NULL);
	gs_runs_exit(&f->runs);
	f->runs = (struct gs_runs){ };
}

static int filler_case_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f || gs_test_init(test))
		return -ENOMEM;
	test->priv = f;
	f->base = gs_test_stretch(test, PAGES, PAGES);
	return f->base ? 0 : -ENOMEM;
}

static void filler_case_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->runs.fit)
		end(f);
	if (f && f->base)
		gs_test_stretch_end(f->base, PAGES);
	gs_test_exit(test);
}

/* As mheap does. Return: the first page, or -1. */
static int take_at(struct kunit *test, unsigned int npages, unsigned int align)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test, 0, 0), *spare = new_desc(test, 0, 0);
	bool done = f->runs.fit->take(&f->runs, s, npages, align, &spare);

	if (spare)
		gs_span_free(spare);
	if (!done) {
		gs_span_free(s);
		return -1;
	}
	gs_arena_set(s->base, npages, s);
	f->spans[f->nr_spans++] = s;
	return (s->base - f->base) >> GS_PAGE_SHIFT;
}

/* Of each block so many pages are live, and those behind them free. */
static void make_blocks(struct kunit *test, const unsigned int *live)
{
	struct fixture *f = test->priv;
	unsigned int i, kept = 0;

	begin(test);
	for (i = 0; i < BLOCKS; i++)
		gs_runs_insert_drawn(&f->runs, new_desc(test, addr(f, i * HUGE), HUGE));
	for (i = 0; i < BLOCKS; i++)
		KUNIT_ASSERT_EQ(test, take_at(test, HUGE, 1), (int)(i * HUGE));
	for (i = 0; i < BLOCKS; i++) {
		struct mspan *s = f->spans[i];

		if (live[i] < HUGE)
			gs_runs_insert(&f->runs,
				       new_desc(test, addr(f, i * HUGE + live[i]),
						HUGE - live[i]));
		s->npages = live[i];
		if (live[i])
			f->spans[kept++] = s;
		else
			gs_span_free(s);
	}
	f->nr_spans = kept;
	KUNIT_ASSERT_EQ(test, 0, gs_runs_verify(&f->runs));
}

static void fills_the_fullest(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int live[BLOCKS];
		unsigned int npages;
		int at;
	} cases[] = {
		{ "half live goes before less", { 10, 128, 0, 0 }, 1, HUGE + 128 },
		{ "the lowest of them", { 0, 130, 200, 0 }, 1, HUGE + 130 },
		{ "less than half before whole", { 0, 0, 10, 0 }, 1, 2 * HUGE + 10 },
		{ "the next one with room", { 250, 200, 0, 0 }, 20, HUGE + 200 },
		{ "a whole one if none has room", { 250, 200, 256, 0 }, 100, 3 * HUGE },
		{ "and the hole before it", { 250, 200, 250, 0 }, 100, 2 * HUGE + 250 },
		{ "the shortest run", { 256, 200, 10, 0 }, HUGE + 1, 2 * HUGE + 10 },
		{ "over a border of blocks", { 256, 256, 200, 0 }, HUGE + 56,
		  2 * HUGE + 200 },
		{ "nothing has it", { 256, 256, 200, 0 }, HUGE + 57, -1 },
		{ "the end of a run that begins in the block before",
		  { 10, 0, 256, 256 }, 246, 10 },
		{ "all of a block", { 1, 256, 0, 10 }, HUGE, 2 * HUGE },
	};
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		make_blocks(test, cases[i].live);
		KUNIT_EXPECT_EQ_MSG(test, take_at(test, cases[i].npages, 1),
				    cases[i].at, "%s", cases[i].name);
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
		end(f);
	}
}

/* A block changes its kind as pages of it come and go. */
static void kinds_change(struct kunit *test)
{
	static const unsigned int live[BLOCKS] = { 127, 129, 256, 256 };
	struct fixture *f = test->priv;
	struct mspan *s;

	make_blocks(test, live);
	KUNIT_EXPECT_EQ(test, take_at(test, 1, 1), (int)HUGE + 129);
	/* Of the second block 129 pages go, and the one just taken stays. */
	s = f->spans[1];
	f->spans[1] = f->spans[--f->nr_spans];
	gs_runs_insert(&f->runs, s);
	KUNIT_EXPECT_EQ(test, gs_huge_at(f->runs.huge, addr(f, HUGE))->live, 1);
	KUNIT_EXPECT_EQ(test, take_at(test, 1, 1), 127);
	KUNIT_EXPECT_EQ(test, gs_huge_at(f->runs.huge, addr(f, 0))->live, 128);
	KUNIT_EXPECT_EQ(test, take_at(test, 100, 1), 128);
	/* The 28 free pages before the second block are of the same run. */
	KUNIT_EXPECT_EQ(test, take_at(test, 100, 1), (int)HUGE + 29);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
	end(f);
}

/* Return: the first page, or -1; *@got: how many. */
static int cut_at(struct kunit *test, unsigned int npages, bool have_spare,
		  unsigned int *got)
{
	struct fixture *f = test->priv;
	struct mspan *spare = have_spare ? new_desc(test, 0, 0) : NULL;
	unsigned long base = 0;

	do {
		*got = f->runs.fit->cut(&f->runs, npages, &base, &spare);
	} while (!*got && f->runs.highest);
	if (spare)
		gs_span_free(spare);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
	return *got ? (int)((base - f->base) >> GS_PAGE_SHIFT) : -1;
}

/* A block that is begun is ended; whole blocks go before holes, those of sparse first. */
static void gives_whole_blocks(struct kunit *test)
{
	static const unsigned int live[BLOCKS] = { 0, 16, 0, 128 };
	static const struct {
		unsigned int asked;
		int at;
		unsigned int got;
	} steps[] = {
		{ 64, 3 * HUGE - 64, 64 },
		{ 512, 2 * HUGE, HUGE - 64 },
		{ 512, 0, HUGE },
		{ 512, HUGE + 16, HUGE - 16 },
		{ 8, 4 * HUGE - 8, 8 },
		{ 512, 3 * HUGE + 128, 120 },
		{ 512, -1, 0 },
	};
	struct fixture *f = test->priv;
	unsigned int i, got;

	make_blocks(test, live);
	for (i = 0; i < ARRAY_SIZE(steps); i++) {
		KUNIT_EXPECT_EQ_MSG(test, cut_at(test, steps[i].asked, true, &got),
				    steps[i].at, "cut %u", i);
		KUNIT_EXPECT_EQ_MSG(test, got, steps[i].got, "cut %u", i);
	}
	KUNIT_EXPECT_EQ(test, f->runs.highest, 0UL);
	end(f);
}

/* What is left of a block that went in part is taken last, though little of it is ours. */
static void idle_blocks_are_left_alone(struct kunit *test)
{
	static const unsigned int live[BLOCKS] = { 0, 16, 0, 0 };
	struct fixture *f = test->priv;
	unsigned int got;

	make_blocks(test, live);
	KUNIT_EXPECT_EQ(test, cut_at(test, 128, true, &got), (int)(4 * HUGE - 128));
	KUNIT_EXPECT_EQ(test, take_at(test, 240, 1), (int)HUGE + 16);
	KUNIT_EXPECT_EQ(test, take_at(test, 128, 1), (int)(3 * HUGE));
	KUNIT_EXPECT_EQ(test, take_at(test, 128, 1), 0);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
	end(f);
}

/* Without a descriptor nothing goes out of the middle of a run, but all goes. */
static void cuts_without_a_descriptor(struct kunit *test)
{
	static const unsigned int live[BLOCKS] = { 0, 0, 0, 16 };
	struct fixture *f = test->priv;
	unsigned int got;

	if (GS_UNIT_PAGES > 1)
		kunit_skip(test, "a cut of a part of a run needs one");
	make_blocks(test, live);
	KUNIT_EXPECT_EQ(test, cut_at(test, 8, false, &got), (int)(4 * HUGE - 8));
	KUNIT_EXPECT_EQ(test, got, 8U);
	while (cut_at(test, 512, false, &got) >= 0)
		;
	KUNIT_EXPECT_EQ(test, f->runs.nr_pages, 0UL);
	end(f);
}

/*
 * Odd pages are free, by the hundred, and an even one is wanted: see
 * aligned_search_is_bounded() in fit_kunit.c.
 */
static void aligned_search_is_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int page, odd = f->base >> GS_PAGE_SHIFT & 1 ? 0 : 1;

	begin(test);
	for (page = odd; page < PAGES - HUGE; page += 2)
		gs_runs_insert_drawn(&f->runs, new_desc(test, addr(f, page), 1));
	gs_runs_insert_drawn(&f->runs, new_desc(test, addr(f, PAGES - 16), 16));
	WRITE_ONCE(gs_most_steps, 0);
	KUNIT_EXPECT_EQ(test, take_at(test, 1, 2), (int)PAGES - 16);
	KUNIT_EXPECT_LE(test, READ_ONCE(gs_most_steps), 8 * HUGE / 2);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
	end(f);
}

#define EXPECT_BROKEN(test, runs, where, by)				\
do {									\
	(where) += (by);						\
	KUNIT_EXPECT_EQ_MSG(test, 1, gs_runs_verify(runs), #where);	\
	(where) -= (by);						\
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(runs));			\
} while (0)

static void verify_finds_a_wrong_block(struct kunit *test)
{
	static const unsigned int live[BLOCKS] = { 10, 128, 0, 200 };
	struct fixture *f = test->priv;
	struct gs_runs *runs = &f->runs;
	struct gs_huge *h;

	make_blocks(test, live);
	h = gs_huge_at(runs->huge, addr(f, HUGE));
	KUNIT_ASSERT_NOT_NULL(test, h);
	EXPECT_BROKEN(test, runs, h->longest, 1);
	EXPECT_BROKEN(test, runs, h->most, 1);
	EXPECT_BROKEN(test, runs, h->kind, 1);
	EXPECT_BROKEN(test, runs, h->live, -1);		/* less than half */
	EXPECT_BROKEN(test, runs, h->live, HUGE);	/* more than all */
	EXPECT_BROKEN(test, runs, runs->nr_pages, 1);
	/* A page at the end of no run, which only the sum shows. */
	h = gs_huge_at(runs->huge, addr(f, 0));
	__clear_bit(4, h->taken);
	KUNIT_EXPECT_EQ(test, 1, gs_runs_verify(runs));
	__set_bit(4, h->taken);
	/* The first page of a run. */
	__set_bit(10, h->taken);
	KUNIT_EXPECT_EQ(test, 1, gs_runs_verify(runs));
	__clear_bit(10, h->taken);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(runs));
	end(f);
}

static struct kunit_case filler_cases[] = {
	KUNIT_CASE(fills_the_fullest),
	KUNIT_CASE(kinds_change),
	KUNIT_CASE(gives_whole_blocks),
	KUNIT_CASE(idle_blocks_are_left_alone),
	KUNIT_CASE(cuts_without_a_descriptor),
	KUNIT_CASE(aligned_search_is_bounded),
	KUNIT_CASE(verify_finds_a_wrong_block),
	{}
};

static struct kunit_suite filler_suite = {
	.name = "goslab_filler",
	.suite_init = gs_test_suite_init,
	.init = filler_case_init,
	.exit = filler_case_exit,
	.test_cases = filler_cases,
};
kunit_test_suite(filler_suite);
