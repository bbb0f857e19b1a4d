// SPDX-License-Identifier: GPL-2.0
/*
 * fit_kunit: goslab_fit: each struct gs_fit against one naive oracle.
 *
 * The pages are a stretch of the direct map that is nobody's, on both sides of a
 * border between two windows: only their entries in the radix tree are used, the
 * memory is never touched. The runs are the suite's own, of node 0.
 */
#include <linux/mm.h>

#include "back/arena.h"
#include "back/hugeblocks.h"
#include "back/pagebits.h"
#include "back/pageindex.h"
#include "base/sys.h"
#include "testlib.h"

#define BLOCK	512U			/* pages of a chunk and of an arena */
#define PAGES	(4 * BLOCK)		/* of the stretch */
#define BORDER	(2 * BLOCK)		/* where a window begins */
#define HUGE	GS_HUGE_PAGES

/* A random walk looks at all pages at each step. */
#define STEPS	(GS_TEST_STEPS / 50)

/**
 * struct fixture - runs over the stretch, and the naive truth: a flag for each page.
 * @runs: what is tested.
 * @base: address of the stretch.
 * @rnd: of the walk.
 * @free: is the page free? One more at the end, which never is.
 * @stale: may it hold old data?
 * @owned: was it given?
 * @taken: spans that were taken and not given back.
 * @nr_taken: how many.
 * @hand: page behind those that were taken last.
 */
struct fixture {
	struct gs_runs runs;
	unsigned long base;
	struct gs_rnd rnd;
	bool free[PAGES + 1];
	bool stale[PAGES];
	bool owned[PAGES];
	struct mspan *taken[PAGES];
	unsigned int nr_taken;
	unsigned int hand;
};

static unsigned long addr(const struct fixture *f, unsigned int page)
{
	return f->base + page * GS_PAGE_SIZE;
}

static unsigned int page_of(const struct fixture *f, unsigned long a)
{
	return (a - f->base) >> GS_PAGE_SHIFT;
}

static int fit_case_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f || gs_test_init(test))
		return -ENOMEM;
	test->priv = f;
	f->base = gs_test_stretch(test, BORDER, PAGES);
	return f->base ? 0 : -ENOMEM;
}

/* Forget all pages, and the descriptors of runs and spans. */
static void end(struct fixture *f)
{
	while (f->nr_taken)
		gs_span_free(f->taken[--f->nr_taken]);
	gs_arena_set(f->base, PAGES, NULL);
	gs_runs_exit(&f->runs);
	f->runs = (struct gs_runs){ };
	memset(f->free, 0, sizeof(f->free));
	memset(f->owned, 0, sizeof(f->owned));
}

static void fit_case_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->runs.fit)
		end(f);
	if (f && f->base)
		gs_test_stretch_end(f->base, PAGES);
	gs_test_exit(test);
}

/* No free page, and tables for all. */
static void begin(struct kunit *test, const struct gs_fit *fit)
{
	struct fixture *f = test->priv;
	unsigned int page;

	f->hand = 0;
	KUNIT_ASSERT_EQ(test, 0, gs_runs_init(&f->runs, 0, fit));
	for (page = 0; page < PAGES; page += BLOCK)
		KUNIT_ASSERT_EQ(test, 0,
				gs_runs_reserve(&f->runs, (void *)addr(f, page),
						BLOCK * GS_PAGE_SIZE, GFP_KERNEL));
}

static struct mspan *new_desc(struct kunit *test)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	return s;
}

static void note_free(struct fixture *f, const struct mspan *s)
{
	unsigned int page = page_of(f, s->base);

	memset(f->free + page, true, s->npages);
	memset(f->stale + page, s->needzero, s->npages);
	memset(f->owned + page, true, s->npages);
}

static void give_span(struct fixture *f, struct mspan *s)
{
	note_free(f, s);
	gs_runs_insert(&f->runs, s);
}

/* Pages come. Return: what the fit says of the run. */
static unsigned int give(struct kunit *test, unsigned int page, unsigned int npages,
			 unsigned int zone, bool stale)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test);

	s->base = addr(f, page);
	s->npages = npages;
	s->node = 0;
	s->zone = zone;
	s->needzero = stale;
	note_free(f, s);
	return gs_runs_insert_drawn(&f->runs, s);
}

/* As mheap does. Return: the span, or NULL. */
static struct mspan *take(struct kunit *test, unsigned int npages,
			  unsigned int align)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test), *spare = new_desc(test);
	bool done = f->runs.fit->take(&f->runs, s, npages, align, &spare);

	if (spare)
		gs_span_free(spare);
	if (!done) {
		gs_span_free(s);
		return NULL;
	}
	gs_arena_set(s->base, npages, s);
	f->taken[f->nr_taken++] = s;
	return s;
}

/* What was taken is free no more. */
static void note_taken(struct fixture *f, const struct mspan *s)
{
	memset(f->free + page_of(f, s->base), false, s->npages);
	f->hand = page_of(f, s->base) + s->npages;
}

static bool all_free(const struct fixture *f, unsigned int page, unsigned int npages)
{
	while (npages && f->free[page + npages - 1])
		npages--;
	return !npages;
}

/* Where it is, or -1; it stays taken. */
static int take_at(struct kunit *test, unsigned int npages, unsigned int align)
{
	struct fixture *f = test->priv;
	struct mspan *s = take(test, npages, align);

	if (!s)
		return -1;
	note_taken(f, s);
	return page_of(f, s->base);
}

static void where_each_fit_takes(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int npages;
		unsigned int align;
		int at[GS_NR_FITS];	/* -1 for none */
	} cases[] = {
		{ "one page", 1, 1, { 20, 20, 10, 600, 10, 10 } },
		{ "exact, lower ones are longer", 2, 1, { 20, 20, 10, 600, 10, 10 } },
		{ "between", 4, 1, { 10, 10, 10, 600, 10, 10 } },
		{ "only the longest", 9, 1, { 600, 600, 600, 600, 600, 600 } },
		{ "aligned", 4, 4, { 12, 12, 12, 600, 12, 12 } },
		{ "aligned, the low ones have no place", 8, 16,
		  { 608, 608, 608, 608, 608, 608 } },
		{ "too long", 101, 1, { -1, -1, -1, -1, -1, -1 } },
		{ "aligned, nowhere", 64, 256, { -1, -1, -1, -1, -1, -1 } },
	};
	struct fixture *f = test->priv;
	unsigned int i, j;

	if (f->base & (GS_ARENA_SIZE - 1))
		kunit_skip(test, "blocks are not aligned in the direct map");
	for (i = 0; i < GS_NR_FITS; i++) {
		for (j = 0; j < ARRAY_SIZE(cases); j++) {
			begin(test, gs_fits[i]);
			give(test, 10, 8, 0, false);
			give(test, 20, 2, 0, false);
			give(test, 600, 100, 0, false);
			f->runs.hand = addr(f, 30);
			KUNIT_EXPECT_EQ_MSG(test, cases[j].at[i],
					    take_at(test, cases[j].npages,
						    cases[j].align),
					    "%s: %s", gs_fits[i]->name, cases[j].name);
			KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
			end(f);
		}
	}
}

/* Bitmaps do not know, and say so. */
static void insert_tells_the_length(struct kunit *test)
{
	static const unsigned int cases[][3] = {
		{ 10, 8, 8 }, { 19, 2, 2 }, { 18, 1, 11 }, { 9, 1, 12 },
	};
	struct fixture *f = test->priv;
	unsigned int i, j;

	for (i = 0; i < GS_NR_FITS; i++) {
		begin(test, gs_fits[i]);
		for (j = 0; j < ARRAY_SIZE(cases); j++) {
			unsigned int want = 0;

			if (gs_fits[i]->index)
				want = cases[j][2];
			KUNIT_EXPECT_EQ(test, want,
					give(test, cases[j][0], cases[j][1], 0,
					     false));
		}
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
		end(f);
	}
}

/* Runs go over the border of a chunk; not over that of a window or a zone. */
static void where_runs_end(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < GS_NR_FITS; i++) {
		begin(test, gs_fits[i]);
		give(test, 0, BLOCK, 0, false);
		give(test, BLOCK, BLOCK, 0, false);
		KUNIT_EXPECT_EQ(test, f->runs.nr_runs, 1UL);
		give(test, BORDER, BLOCK, 0, false);
		KUNIT_EXPECT_EQ(test, f->runs.nr_runs, 2UL);
		give(test, BORDER + BLOCK, BLOCK, 1, false);
		KUNIT_EXPECT_EQ(test, f->runs.nr_runs, 3UL);
		KUNIT_EXPECT_EQ(test, f->runs.nr_pages, (unsigned long)PAGES);
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
		KUNIT_EXPECT_EQ_MSG(test, -1, take_at(test, 2 * BLOCK + 1, 1), "%s",
				    gs_fits[i]->name);
		KUNIT_EXPECT_EQ_MSG(test, 0, take_at(test, 2 * BLOCK, 1), "%s",
				    gs_fits[i]->name);
		KUNIT_EXPECT_EQ_MSG(test, -1, take_at(test, BLOCK + 1, 1), "%s",
				    gs_fits[i]->name);
		KUNIT_EXPECT_EQ_MSG(test, (int)BORDER, take_at(test, BLOCK, 1), "%s",
				    gs_fits[i]->name);
		KUNIT_EXPECT_EQ(test, f->taken[f->nr_taken - 1]->zone, 0);
		KUNIT_EXPECT_EQ_MSG(test, (int)(BORDER + BLOCK),
				    take_at(test, 1, 1), "%s", gs_fits[i]->name);
		KUNIT_EXPECT_EQ(test, f->taken[f->nr_taken - 1]->zone, 1);
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
		end(f);
	}
}

/*
 * Odd pages are free, by the hundred, and an even one is wanted: the search does not go
 * on to the one that there is, but takes a run that has an even page wherever it starts.
 */
static void aligned_search_is_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int page, odd = f->base >> GS_PAGE_SHIFT & 1 ? 0 : 1;

	begin(test, &gs_fit_bitmap);
	for (page = odd; page < 2 * BLOCK; page += 2)
		give(test, page, 1, 0, false);
	give(test, 2 * BLOCK + 100 + !odd, 1, 0, false);
	give(test, PAGES - 16, 16, 0, false);
	WRITE_ONCE(gs_most_steps, 0);
	KUNIT_EXPECT_EQ(test, take_at(test, 1, 2), (int)PAGES - 16);
	KUNIT_EXPECT_LE(test, READ_ONCE(gs_most_steps),
			GS_WINDOW_STEPS + BLOCK / 2 + 2 * GS_WINDOW_CHUNKS);
	KUNIT_EXPECT_EQ(test, take_at(test, 1, 2), (int)PAGES - 14);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
	end(f);
}

static void free_pages_are_known(struct kunit *test)
{
	struct fixture *f = test->priv;

	begin(test, &gs_fit_bitmap);
	give(test, 100, 3, 0, false);
	KUNIT_EXPECT_FALSE(test, gs_fit_bitmap.has(&f->runs, (void *)addr(f, 99)));
	KUNIT_EXPECT_TRUE(test, gs_fit_bitmap.has(&f->runs, (void *)addr(f, 100)));
	KUNIT_EXPECT_TRUE(test,
			  gs_fit_bitmap.has(&f->runs, (void *)addr(f, 103) - 1));
	KUNIT_EXPECT_FALSE(test, gs_fit_bitmap.has(&f->runs, (void *)addr(f, 103)));
	KUNIT_EXPECT_FALSE(test, gs_fit_bitmap.has(&f->runs, NULL));
	KUNIT_EXPECT_FALSE(test, gs_fit_bitmap.has(&f->runs, (void *)-1UL));
	KUNIT_EXPECT_FALSE(test,
			   gs_fit_bitmap.has(&f->runs, (void *)gs_radix.base - 1));
	end(f);
}

static int reserve_first(struct fixture *f)
{
	return gs_runs_reserve(&f->runs, (void *)addr(f, 0), BLOCK * GS_PAGE_SIZE,
			       GFP_KERNEL);
}

static void no_memory_for_tables(struct kunit *test)
{
	static const struct gs_fit *const fits[] = { &gs_fit_bitmap, &gs_fit_filler };
	struct fixture *f = test->priv;
	unsigned long n, needed;
	unsigned int i;
	int ret;

	for (i = 0; i < ARRAY_SIZE(fits); i++) {
		KUNIT_ASSERT_EQ(test, 0, gs_runs_init(&f->runs, 0, fits[i]));
		gs_test_fail_draws(0, 0);
		ret = reserve_first(f);
		needed = gs_test_end_draws();
		KUNIT_EXPECT_EQ(test, ret, 0);
		KUNIT_EXPECT_EQ(test, needed, 2UL);	/* a group, a window */
		end(f);
		for (n = 1; n <= needed; n++) {
			KUNIT_ASSERT_EQ(test, 0, gs_runs_init(&f->runs, 0, fits[i]));
			gs_test_fail_draws(n, 1);
			ret = reserve_first(f);
			gs_test_end_draws();
			KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
			KUNIT_EXPECT_EQ(test, reserve_first(f), 0);
			end(f);
		}
		gs_test_fail_draws(1, 1);
		ret = gs_runs_init(&f->runs, 0, fits[i]);
		gs_test_end_draws();
		KUNIT_EXPECT_EQ(test, ret, -ENOMEM);
		end(f);
	}
}

/* The window that has the first page, and its group. */
static struct gs_window *window_of(struct fixture *f, unsigned int *in,
				   struct gs_window_group **group)
{
	unsigned long number = (f->base - PAGE_OFFSET) >> GS_PAGE_SHIFT;

	*in = number / GS_WINDOW_PAGES % GS_GROUP_WINDOWS;
	*group = f->runs.bits->group[number / GS_GROUP_PAGES];
	return (*group)->window[*in];
}

#define EXPECT_BROKEN(test, runs, where, by, code)			\
do {									\
	typeof(where) __by = (by);					\
									\
	(where) += __by;						\
	KUNIT_EXPECT_EQ_MSG(test, code, gs_runs_verify(runs), #where);	\
	(where) -= __by;						\
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(runs));			\
} while (0)

static void verify_finds_a_wrong_summary(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct gs_runs *runs = &f->runs;
	struct gs_window_group *group;
	struct gs_window *win;
	unsigned int in, c;
	struct mspan *s;

	begin(test, &gs_fit_bitmap);
	give(test, 10, 100, 0, false);
	win = window_of(f, &in, &group);
	c = (f->base - PAGE_OFFSET) / (BLOCK * GS_PAGE_SIZE) % GS_WINDOW_CHUNKS;
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(runs));
	EXPECT_BROKEN(test, runs, win->sum[c].start, 1, 1);
	EXPECT_BROKEN(test, runs, win->sum[c].max, 1, 1);
	EXPECT_BROKEN(test, runs, win->sum[c].end, 1, 1);
	EXPECT_BROKEN(test, runs, group->max[in], 1, 1);
	EXPECT_BROKEN(test, runs, group->row_max[in / GS_ROW_WINDOWS], 1, 1);
	EXPECT_BROKEN(test, runs,
		      runs->bits->max[(f->base - PAGE_OFFSET) / GS_GROUP_SIZE], 1, 1);
	EXPECT_BROKEN(test, runs, runs->bits->low, runs->bits->nr_groups, 1);
	EXPECT_BROKEN(test, runs, runs->bits->end, -runs->bits->end, 1);
	EXPECT_BROKEN(test, runs, runs->nr_pages, 1, 1);
	EXPECT_BROKEN(test, runs, runs->nr_runs, 1, 1);

	s = new_desc(test);
	gs_arena_set(addr(f, 20), 1, s);
	KUNIT_EXPECT_EQ(test, 3, gs_runs_verify(runs));
	gs_arena_set(addr(f, 20), 1, NULL);
	gs_span_free(s);
	KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(runs));
	end(f);
}

/* The free run that begins at @page or behind: its end; *@page is where it begins. */
static unsigned int naive_run(const struct fixture *f, unsigned int *page)
{
	unsigned int end;

	while (*page < PAGES && !f->free[*page])
		++*page;
	for (end = *page; end < PAGES && f->free[end]; end++)
		if (end > *page && end == BORDER)
			break;
	return end;
}

/* Where in [@page, @end) an aligned stretch begins, or -1. */
static int naive_stretch(const struct fixture *f, unsigned int page,
			 unsigned int end, unsigned int npages, unsigned int align)
{
	unsigned long first = ALIGN(addr(f, page), align * GS_PAGE_SIZE);

	if (page == end || first + npages * GS_PAGE_SIZE > addr(f, end))
		return -1;
	return page_of(f, first);
}

/* The first place in a run that begins at page @from or behind, or -1. */
static int naive_first(const struct fixture *f, unsigned int from,
		       unsigned int npages, unsigned int align)
{
	unsigned int page, end;
	int at = -1;

	for (page = 0; page < PAGES && at < 0; page = end) {
		end = naive_run(f, &page);
		if (page >= from)
			at = naive_stretch(f, page, end, npages, align);
	}
	return at;
}

/* The first place in the shortest run that has one, or -1; *@length: of that run. */
static int naive_best(const struct fixture *f, unsigned int npages,
		      unsigned int align, unsigned int *length)
{
	unsigned int page, end;
	int at = -1, here;

	for (page = 0; page < PAGES; page = end) {
		end = naive_run(f, &page);
		here = naive_stretch(f, page, end, npages, align);
		if (here < 0 || (at >= 0 && end - page >= *length))
			continue;
		at = here;
		*length = end - page;
	}
	return at;
}

/* Is @at the first place in a run of @length? */
static bool is_in_run_of(const struct fixture *f, unsigned int at,
			 unsigned int npages, unsigned int align,
			 unsigned int length)
{
	unsigned int page, end;

	for (page = 0; page < PAGES; page = end) {
		end = naive_run(f, &page);
		if (at >= page && at < end)
			return end - page == length &&
			       naive_stretch(f, page, end, npages, align) == at;
	}
	return false;
}

/* What kind of block the 2 MiB from @page on are, by its pages; -1 without a free one. */
static int naive_kind(const struct fixture *f, unsigned int page)
{
	unsigned int end = page + HUGE, nr_free = 0, live = 0;

	for (; page < end; page++) {
		nr_free += f->free[page];
		live += f->owned[page] && !f->free[page];
	}
	if (!nr_free)
		return -1;
	if (nr_free == HUGE)
		return GS_HUGE_WHOLE;
	if (!live)
		return GS_HUGE_IDLE;
	return live < HUGE / 2 ? GS_HUGE_SPARSE : GS_HUGE_FULL;
}

/*
 * The first place within the 2 MiB from @from on, or -1; the last one where a run ends
 * that comes from the block before.
 */
static int naive_in_block(const struct fixture *f, unsigned int from,
			  unsigned int npages, unsigned int align)
{
	unsigned int page = from, stop = from + HUGE, last;
	int at = -1;

	for (; page < stop && at < 0; page = last) {
		for (; page < stop && !f->free[page]; page++)
			;
		for (last = page; last < stop && f->free[last]; last++)
			;
		at = naive_stretch(f, page, last, npages, align);
	}
	if (at == from && align == 1 && from && from != BORDER && f->free[from - 1])
		at = last - npages;
	return at;
}

/* The first place in a block by kind and address, else in the shortest run, or -1. */
static int naive_filler(const struct fixture *f, unsigned int npages,
			unsigned int align)
{
	unsigned int page, length;
	int kind, at;

	for (kind = GS_HUGE_FULL; kind <= GS_HUGE_IDLE; kind++) {
		for (page = 0; page < PAGES; page += HUGE) {
			if (naive_kind(f, page) != kind)
				continue;
			at = naive_in_block(f, page, npages, align);
			if (at >= 0)
				return at;
		}
	}
	return naive_best(f, npages, align, &length);
}

/* Was it right to take @npages at page @at, or none if that is -1? */
static bool is_right_place(const struct fixture *f, int at, unsigned int npages,
			   unsigned int align)
{
	const struct gs_fit *fit = f->runs.fit;
	unsigned int length = 0;
	int want;

	if (fit == &gs_fit_best || fit == &gs_fit_segregated)
		want = naive_best(f, npages, align, &length);
	else if (fit == &gs_fit_next)
		want = naive_first(f, f->hand, npages, align);
	else if (fit == &gs_fit_filler)
		want = naive_filler(f, npages, align);
	else
		want = naive_first(f, 0, npages, align);
	if (want < 0 && fit == &gs_fit_next)
		want = naive_first(f, 0, npages, align);
	if (fit == &gs_fit_segregated && want >= 0 && at >= 0)
		return is_in_run_of(f, at, npages, align, length);
	return at == want;
}

static bool take_as_expected(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int npages = gs_rnd_log(&f->rnd, 1, 700), page;
	/* Not 2, with which a search may be too long to find the best place. */
	unsigned int align = gs_rnd_below(&f->rnd, 2) ? 1 :
			     4 << gs_rnd_below(&f->rnd, 5);
	struct mspan *s = take(test, npages, align);
	bool stale = false;
	int at = -1;

	if (s) {
		if (s->npages != npages)
			return false;
		at = page_of(f, s->base);
		if (!all_free(f, at, npages))
			return false;
	}
	if (!is_right_place(f, at, npages, align))
		return false;
	if (!s)
		return true;
	for (page = at; page < at + npages; page++)
		stale |= f->stale[page];
	note_taken(f, s);
	/* A run with a descriptor has one flag, which merging may have set. */
	if (s->needzero != stale && (stale || f->runs.fit == &gs_fit_bitmap))
		return false;
	s->needzero = gs_rnd_below(&f->rnd, 2);
	return true;
}

static void give_some(struct fixture *f)
{
	unsigned int i = gs_rnd_below(&f->rnd, f->nr_taken);
	struct mspan *s = f->taken[i];

	f->taken[i] = f->taken[--f->nr_taken];
	give_span(f, s);
}

/* The end of the highest whole unit below @page that is free, 0 for none. */
static unsigned int naive_highest(const struct fixture *f, unsigned int page)
{
	unsigned int n;

	for (; page; page -= GS_UNIT_PAGES) {
		for (n = 1; n <= GS_UNIT_PAGES && f->free[page - n]; n++)
			;
		if (n > GS_UNIT_PAGES)
			return page;
	}
	return 0;
}

/* The end of what the fit gives back first, 0 for nothing. */
static unsigned int naive_cut(const struct fixture *f)
{
	static const int order[] = {
		GS_HUGE_IDLE, GS_HUGE_WHOLE, GS_HUGE_SPARSE, GS_HUGE_FULL,
	};
	unsigned int i, page;

	/* With long units the highest free pages of a block may be none. */
	if (f->runs.fit != &gs_fit_filler || GS_UNIT_PAGES > 1)
		return naive_highest(f, PAGES);
	for (i = 0; i < ARRAY_SIZE(order); i++)
		for (page = PAGES; page; page -= HUGE)
			if (naive_kind(f, page - HUGE) == order[i])
				return naive_highest(f, page);
	return 0;
}

/* Give up to @npages back, and have them drawn again at once, as new. */
static bool cut_as_expected(struct kunit *test, unsigned int npages)
{
	struct fixture *f = test->priv;
	unsigned int want = naive_cut(f), got = 0, page;
	struct mspan *spare = NULL;
	unsigned long base = 0;

	npages = round_up(npages, GS_UNIT_PAGES);
	while (!got && f->runs.highest) {
		spare = spare ?: new_desc(test);
		got = f->runs.fit->cut(&f->runs, npages, &base, &spare);
	}
	if (spare)
		gs_span_free(spare);
	if (!want)
		return !got;
	page = page_of(f, base);
	if (f->runs.fit == &gs_fit_filler && GS_UNIT_PAGES > 1)
		want = page + got;
	if (!got || got > npages || got % GS_UNIT_PAGES || page + got != want)
		return false;
	for (page = want - got; got; got--)
		if (!f->free[page + got - 1])
			return false;
	memset(f->owned + page, false, want - page);
	gs_arena_set(base, want - page, NULL);
	give(test, page, want - page, 0, false);
	return true;
}

/* struct tally - the runs that a walk over them shows. */
struct tally {
	unsigned long runs;
	unsigned long pages;
};

static void count_run(unsigned long base, unsigned int npages, void *arg)
{
	struct tally *t = arg;

	t->runs++;
	t->pages += npages;
}

/* All sums agree with the flags. */
static bool sums_agree(struct fixture *f)
{
	struct tally naive = { }, shown = { };
	struct gs_runs_pos pos = { };
	unsigned int page = 0, end;

	for (; page < PAGES; page = end) {
		end = naive_run(f, &page);
		naive.runs += end > page;
		naive.pages += end - page;
	}
	while (f->runs.fit->walk(&f->runs, &pos, 7, count_run, &shown))
		;
	return naive.runs == f->runs.nr_runs && naive.runs == shown.runs &&
	       naive.pages == f->runs.nr_pages && naive.pages == shown.pages;
}

static void random_walk(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int i, n, page;
	bool ok = true;

	f->rnd = gs_rnd_start(test);
	for (i = 0; i < GS_NR_FITS; i++) {
		begin(test, gs_fits[i]);
		for (page = 0; page < PAGES; page += BLOCK)
			give(test, page, BLOCK, 0, gs_rnd_below(&f->rnd, 2));
		for (n = 0; n < STEPS && ok; n++) {
			unsigned int what = gs_rnd_below(&f->rnd, 20);

			if (!what)
				ok = cut_as_expected(test,
						gs_rnd_log(&f->rnd, 1, 600));
			else if (f->nr_taken && what & 1)
				give_some(f);
			else
				ok = take_as_expected(test);
			ok = ok && sums_agree(f);
			if (n % GS_TEST_VERIFY_EACH == 0)
				KUNIT_ASSERT_EQ_MSG(test, 0,
						    gs_runs_verify(&f->runs),
						    "%s: step %u", gs_fits[i]->name, n);
		}
		KUNIT_EXPECT_TRUE_MSG(test, ok, "%s: step %u", gs_fits[i]->name, n);
		while (f->nr_taken)
			give_some(f);
		KUNIT_EXPECT_EQ(test, f->runs.nr_runs, 2UL);
		KUNIT_EXPECT_EQ(test, f->runs.nr_pages, (unsigned long)PAGES);
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify(&f->runs));
		end(f);
	}
}

static struct kunit_case fit_cases[] = {
	KUNIT_CASE(where_each_fit_takes),
	KUNIT_CASE(insert_tells_the_length),
	KUNIT_CASE(where_runs_end),
	KUNIT_CASE(aligned_search_is_bounded),
	KUNIT_CASE(free_pages_are_known),
	KUNIT_CASE(no_memory_for_tables),
	KUNIT_CASE(verify_finds_a_wrong_summary),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite fit_suite = {
	.name = "goslab_fit",
	.suite_init = gs_test_suite_init,
	.init = fit_case_init,
	.exit = fit_case_exit,
	.test_cases = fit_cases,
};
kunit_test_suite(fit_suite);
