// SPDX-License-Identifier: GPL-2.0
/*
 * pageruns_kunit: goslab_pageruns: back/pageruns.c, back/pageindex.c and back/pagetree.c on
 * runs of its own.
 *
 * The pages are those of a block drawn for the suite, beside the page heap,
 * and mapped in the real radix tree. The first and the last page stay
 * unmapped, so that nothing merges with a run of the heap; and the worker
 * stands still, for it would release what it finds there.
 */
#include <linux/mm.h>

#include "back/arena.h"
#include "back/pageindex.h"
#include "base/sys.h"
#include "testlib.h"

#define PAGES	510U	/* of the block, between the two at its ends */

/**
 * struct fixture - runs of a block's pages.
 * @block: what was drawn.
 * @base: first page used.
 * @runs: the runs of node 0.
 * @other: the runs of another node.
 */
struct fixture {
	void *block;
	unsigned long base;
	struct gs_runs runs;
	struct gs_runs other;
};

static unsigned long addr(const struct fixture *f, unsigned int page)
{
	return f->base + page * GS_PAGE_SIZE;
}

static unsigned int page_of(const struct fixture *f, unsigned long a)
{
	return (a - f->base) >> GS_PAGE_SHIFT;
}

static int pageruns_init(struct kunit *test)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	if (!f || gs_test_init(test))
		return -ENOMEM;
	test->priv = f;
	gs_runs_init(&f->runs, 0, &gs_fit_best);
	gs_runs_init(&f->other, 1, &gs_fit_best);
	f->block = gs_sys_draw(NUMA_NO_NODE, GFP_KERNEL, get_order(GS_MAX_BLOCK));
	if (!f->block)
		return -ENOMEM;
	f->base = (unsigned long)f->block + GS_PAGE_SIZE;
	return gs_arena_reserve(f->block, GS_MAX_BLOCK, GFP_KERNEL);
}

static void forget_runs(struct gs_runs *runs)
{
	gs_runs_exit(runs);
	gs_runs_init(runs, runs->node, &gs_fit_best);
}

static void pageruns_exit(struct kunit *test)
{
	struct fixture *f = test->priv;

	if (f && f->block) {
		gs_arena_set((unsigned long)f->block,
			     GS_MAX_BLOCK >> GS_PAGE_SHIFT, NULL);
		forget_runs(&f->runs);
		forget_runs(&f->other);
		gs_arena_unreserve(f->block, GS_MAX_BLOCK);
		gs_sys_give(f->block, GS_MAX_BLOCK);
	}
	gs_test_exit(test);
}

static struct mspan *new_desc(struct kunit *test)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	/* A descriptor has what it had when it was free. */
	s->node = 0;
	s->zone = 0;
	s->needzero = false;
	return s;
}

static void insert(struct kunit *test, unsigned int page, unsigned int npages,
		   int node, bool needzero)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test);

	s->base = addr(f, page);
	s->npages = npages;
	s->node = node;
	s->needzero = needzero;
	gs_runs_insert(node ? &f->other : &f->runs, s);
}

/* Take pages as mheap does, with a spare. */
static void carve(struct kunit *test, struct mspan *run, unsigned int page,
		  unsigned int npages)
{
	struct fixture *f = test->priv;
	struct mspan *left = gs_index_carve(&f->runs, run, addr(f, page), npages,
					    new_desc(test));

	if (left)
		gs_span_free(left);
}

/* The runs are just these: pairs of page and length, up to a length of 0. */
static void expect_runs(struct kunit *test, const char *name,
			const unsigned int (*want)[2])
{
	struct fixture *f = test->priv;
	unsigned long pages = 0, nr;

	for (nr = 0; want[nr][1]; nr++) {
		struct mspan *s = gs_arena_span((void *)addr(f, want[nr][0]));

		KUNIT_ASSERT_NOT_NULL_MSG(test, s, "%s: run %lu", name, nr);
		KUNIT_EXPECT_EQ_MSG(test, s->state, GS_SPAN_RUN, "%s", name);
		KUNIT_EXPECT_EQ_MSG(test, s->base, addr(f, want[nr][0]),
				    "%s: run %lu", name, nr);
		KUNIT_EXPECT_EQ_MSG(test, s->npages, want[nr][1],
				    "%s: run %lu", name, nr);
		pages += want[nr][1];
	}
	KUNIT_EXPECT_EQ_MSG(test, f->runs.nr_runs, nr, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, f->runs.nr_pages, pages, "%s", name);
	KUNIT_EXPECT_EQ_MSG(test, gs_runs_verify(&f->runs), 0, "%s", name);
}

static void reset(struct kunit *test)
{
	struct fixture *f = test->priv;

	gs_arena_set(f->base, PAGES, NULL);
	forget_runs(&f->runs);
	forget_runs(&f->other);
}

static void best_fit_and_lowest(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int npages;
		unsigned int align;
		int at;		/* page where it must start, -1 for none */
	} cases[] = {
		{ "exact", 3, 1, 60 },
		{ "exact beats larger and lower", 5, 1, 40 },
		{ "lowest of equals", 2, 1, 20 },
		{ "smallest that holds it", 4, 1, 40 },
		{ "one page from the smallest", 1, 1, 20 },
		{ "the largest", 64, 1, 100 },
		{ "too long", 65, 1, -1 },
		{ "aligned", 2, 2, 61 },
		{ "aligned, past runs that are long enough", 4, 8, 103 },
		{ "aligned to its size", 32, 32, 127 },
		{ "aligned, nowhere", 64, 64, -1 },
	};
	struct fixture *f = test->priv;
	unsigned int i;

	if ((unsigned long)f->block & (GS_MAX_BLOCK - 1))
		kunit_skip(test, "blocks are not aligned in the direct map");
	/* Page 0 of ours is page 1 of the block: odd, and so are 20 and 40. */
	insert(test, 20, 2, 0, false);
	insert(test, 30, 2, 0, false);
	insert(test, 40, 5, 0, false);
	insert(test, 60, 3, 0, false);
	insert(test, 80, 5, 0, false);
	insert(test, 100, 64, 0, false);
	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		unsigned long base;
		struct mspan *run = gs_tree_find(&f->runs, cases[i].npages,
						 cases[i].align, &base);

		KUNIT_EXPECT_EQ_MSG(test, run ? (int)page_of(f, base) : -1,
				    cases[i].at, "%s", cases[i].name);
	}
}

/* However many runs are long enough and none is aligned: few are looked at. */
static void search_is_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int page, nr = 0;
	unsigned long base;
	struct mspan *run;

	for (page = 0; page + 2 < 440; page += 3) {
		if (ALIGN(addr(f, page), 64 * GS_PAGE_SIZE) < addr(f, page + 2))
			continue;
		insert(test, page, 2, 0, false);
		nr++;
	}
	insert(test, 442, 66, 0, false);
	KUNIT_ASSERT_GT(test, nr, GS_FIND_LOOKS);
	WRITE_ONCE(gs_most_steps, 0);
	run = gs_tree_find(&f->runs, 2, 64, &base);
	KUNIT_ASSERT_NOT_NULL(test, run);
	KUNIT_EXPECT_EQ(test, run->npages, 66);
	KUNIT_EXPECT_TRUE(test, IS_ALIGNED(base, 64 * GS_PAGE_SIZE));
	KUNIT_EXPECT_LE(test, READ_ONCE(gs_most_steps), GS_FIND_LOOKS);
}

/* Of many quick spans a hold of the lock merges some. */
static void merge_is_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int page, nr = 0, holds = 1;
	struct mspan *s;

	for (page = 0; page < 400; page += 2, nr++) {
		s = new_desc(test);
		s->base = addr(f, page);
		s->npages = 1;
		gs_arena_set(s->base, 1, s);
		KUNIT_ASSERT_TRUE(test, gs_runs_put_quick(&f->runs, s));
	}
	WRITE_ONCE(gs_most_steps, 0);
	while (gs_runs_merge_quick(&f->runs, UINT_MAX))
		holds++;
	KUNIT_EXPECT_EQ(test, holds, DIV_ROUND_UP(nr, GS_MERGE_BATCH));
	KUNIT_EXPECT_LE(test, READ_ONCE(gs_most_steps), GS_MERGE_BATCH);
	KUNIT_EXPECT_EQ(test, f->runs.nr_runs, (unsigned long)nr);
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);
}

static void put_quick(struct kunit *test, unsigned int page, unsigned int npages)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test);

	s->base = addr(f, page);
	s->npages = npages;
	gs_arena_set(s->base, npages, s);
	KUNIT_ASSERT_TRUE(test, gs_runs_put_quick(&f->runs, s));
}

/* The pages of the quick span that @npages to @most get, 0 for none; it is gone then. */
static unsigned int get_quick(struct kunit *test, unsigned int npages,
			      unsigned int most)
{
	struct fixture *f = test->priv;
	struct mspan *s = gs_runs_get_quick(&f->runs, npages, most, 1, 1, false);
	unsigned int got = s ? s->npages : 0;

	if (s) {
		gs_arena_set(s->base, got, NULL);
		gs_span_free(s);
	}
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);
	return got;
}

static void longer_quick_spans_will_do(struct kunit *test)
{
	struct fixture *f = test->priv;

	put_quick(test, 10, 4);
	put_quick(test, 20, 6);
	put_quick(test, 40, GS_QUICK_PAGES);
	KUNIT_EXPECT_EQ(test, get_quick(test, 5, 5), 0);
	KUNIT_EXPECT_EQ(test, get_quick(test, 7, 100), 0);
	KUNIT_EXPECT_EQ(test, get_quick(test, 3, 6), 4);
	KUNIT_EXPECT_EQ(test, get_quick(test, 3, 6), 6);
	KUNIT_EXPECT_EQ(test, get_quick(test, 3, 6), 0);
	KUNIT_EXPECT_EQ(test, get_quick(test, 120, 2 * GS_QUICK_PAGES),
			GS_QUICK_PAGES);
	KUNIT_EXPECT_EQ(test, get_quick(test, GS_QUICK_PAGES + 1,
					2 * GS_QUICK_PAGES), 0);
	KUNIT_EXPECT_EQ(test, f->runs.nr_pages, 0UL);
}

/* Of quick spans the longest is merged first, and the run that it becomes is told. */
static void longest_quick_span_first(struct kunit *test)
{
	struct fixture *f = test->priv;

	put_quick(test, 10, 2);
	put_quick(test, 20, 8);
	put_quick(test, 30, 4);
	put_quick(test, 28, 1);
	KUNIT_EXPECT_EQ(test, gs_runs_merge_longest(&f->runs), 8U);
	KUNIT_EXPECT_EQ(test, gs_runs_merge_longest(&f->runs), 4U);
	put_quick(test, 12, 3);
	KUNIT_EXPECT_EQ(test, gs_runs_merge_longest(&f->runs), 3U);
	KUNIT_EXPECT_EQ(test, gs_runs_merge_longest(&f->runs), 5U);
	KUNIT_EXPECT_EQ(test, gs_runs_merge_longest(&f->runs), 9U);
	expect_runs(test, "all merged", (const unsigned int[][2])
		    { { 10, 5 }, { 20, 9 }, { 30, 4 }, { } });
}

static void splits(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int from;
		unsigned int npages;
		bool back;		/* which descriptor comes back */
		unsigned int left[3][2];
	} cases[] = {
		{ "all", 0, 10, true, { } },
		{ "front", 0, 4, true, { { 54, 6 } } },
		{ "back", 6, 4, true, { { 50, 6 } } },
		{ "middle", 3, 4, false, { { 50, 3 }, { 57, 3 } } },
		{ "all but the ends", 1, 8, false, { { 50, 1 }, { 59, 1 } } },
	};
	struct fixture *f = test->priv;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		struct mspan *run, *left;
		unsigned long base;

		insert(test, 50, 10, 0, true);
		run = gs_tree_find(&f->runs, 10, 1, &base);
		KUNIT_ASSERT_NOT_NULL(test, run);
		left = gs_index_carve(&f->runs, run,
				      base + cases[i].from * GS_PAGE_SIZE,
				      cases[i].npages, new_desc(test));
		KUNIT_EXPECT_EQ_MSG(test, !!left, cases[i].back, "%s",
				    cases[i].name);
		if (left) {
			KUNIT_EXPECT_NE(test, left->state, GS_SPAN_RUN);
			gs_span_free(left);
		}
		expect_runs(test, cases[i].name, cases[i].left);
		run = gs_arena_span((void *)addr(f, 50 + cases[i].from));
		KUNIT_EXPECT_PTR_EQ(test, run, (struct mspan *)NULL);
		run = gs_arena_span((void *)addr(f, cases[i].left[1][0]));
		if (cases[i].left[1][1])
			KUNIT_EXPECT_EQ(test, run->needzero, 1);
		reset(test);
	}
}

/* Where nothing can be left in front, no spare is needed. */
static void splits_without_a_spare(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned long base;
	struct mspan *run;

	insert(test, 50, 10, 0, false);
	run = gs_tree_find(&f->runs, 4, 1, &base);
	KUNIT_EXPECT_NULL(test, gs_index_carve(&f->runs, run, base, 4, NULL));
	expect_runs(test, "front", (const unsigned int[][2]) { { 54, 6 }, { } });
	run = gs_tree_find(&f->runs, 6, 1, &base);
	KUNIT_EXPECT_PTR_EQ(test, gs_index_carve(&f->runs, run, base, 6, NULL),
			    run);
	expect_runs(test, "all", (const unsigned int[][2]) { { } });
	gs_span_free(run);
}

static void merges(struct kunit *test)
{
	static const struct {
		const char *name;
		unsigned int runs[4][2];	/* inserted in this order */
		unsigned int want[4][2];
	} cases[] = {
		{ "alone", { { 10, 5 } }, { { 10, 5 } } },
		{ "apart", { { 10, 5 }, { 16, 1 } }, { { 10, 5 }, { 16, 1 } } },
		{ "left", { { 10, 5 }, { 15, 3 } }, { { 10, 8 } } },
		{ "right", { { 15, 3 }, { 10, 5 } }, { { 10, 8 } } },
		{ "both", { { 10, 5 }, { 16, 2 }, { 15, 1 } }, { { 10, 8 } } },
		{ "single pages", { { 3, 1 }, { 5, 1 }, { 4, 1 } }, { { 3, 3 } } },
		{ "the whole block", { { 0, 255 }, { 255, 255 } }, { { 0, 510 } } },
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		for (j = 0; j < 4 && cases[i].runs[j][1]; j++)
			insert(test, cases[i].runs[j][0], cases[i].runs[j][1],
			       0, false);
		expect_runs(test, cases[i].name, cases[i].want);
		reset(test);
	}
}

static void old_data_is_known_after_a_merge(struct kunit *test)
{
	struct fixture *f = test->priv;
	unsigned int left, mid, right;

	for (left = 0; left < 2; left++) {
		for (mid = 0; mid < 2; mid++) {
			for (right = 0; right < 2; right++) {
				insert(test, 10, 2, 0, left);
				insert(test, 13, 2, 0, right);
				insert(test, 12, 1, 0, mid);
				KUNIT_EXPECT_EQ(test, left | mid | right,
					gs_arena_span((void *)addr(f, 10))->needzero);
				reset(test);
			}
		}
	}
}

static void nodes_do_not_merge(struct kunit *test)
{
	struct fixture *f = test->priv;

	insert(test, 10, 4, 0, false);
	insert(test, 14, 4, 1, false);
	insert(test, 18, 4, 0, false);
	expect_runs(test, "two nodes",
		    (const unsigned int[][2]) { { 10, 4 }, { 18, 4 }, { } });
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->other), 0);
	KUNIT_EXPECT_EQ(test, f->other.nr_pages, 4);
}

static void spans_do_not_merge(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mspan *s = new_desc(test);

	s->base = addr(f, 14);
	s->npages = 1;
	s->state = GS_SPAN_LARGE;
	gs_arena_set(s->base, 1, s);
	insert(test, 10, 4, 0, false);
	insert(test, 15, 4, 0, false);
	expect_runs(test, "a span between",
		    (const unsigned int[][2]) { { 10, 4 }, { 15, 4 }, { } });
	gs_arena_set(s->base, 1, NULL);
	gs_span_free(s);
}

static void verify_finds_what_is_broken(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct mspan *a, *b;

	insert(test, 10, 4, 0, false);
	insert(test, 20, 6, 0, false);
	insert(test, 14, 2, 1, false);
	a = gs_arena_span((void *)addr(f, 10));
	b = gs_arena_span((void *)addr(f, 14));
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);

	f->runs.nr_pages++;
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 1);
	f->runs.nr_pages--;
	f->runs.nr_runs--;
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 1);
	f->runs.nr_runs++;
	put_quick(test, 40, 3);
	f->runs.quick_longest = 2;
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 4);
	f->runs.quick_longest = 3;
	a->npages = 7;		/* longer than the next in order */
	KUNIT_EXPECT_NE(test, gs_runs_verify(&f->runs), 0);
	a->npages = 4;
	a->state = GS_SPAN_SMALL;
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 1);
	a->state = GS_SPAN_RUN;
	b->node = 0;		/* they should have merged */
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 2);
	b->node = 1;
	gs_arena_set(addr(f, 13), 1, NULL);
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 3);
	gs_arena_set(addr(f, 13), 1, a);
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);
}

/* However many runs there are, a hold of the lock checks some. */
static void verify_is_bounded(struct kunit *test)
{
	struct fixture *f = test->priv;
	struct gs_runs_check check = { };
	unsigned int page, nr = 0, holds = 0;

	for (page = 0; page < PAGES; page += 2, nr++)
		insert(test, page, 1, 0, false);
	WRITE_ONCE(gs_most_steps, 0);
	while (!check.done && holds++ < nr)
		KUNIT_EXPECT_EQ(test, 0, gs_runs_verify_some(&f->runs, &check));
	KUNIT_EXPECT_EQ(test, READ_ONCE(gs_most_steps),
			(unsigned int)GS_VERIFY_BATCH);
	KUNIT_EXPECT_EQ(test, holds, DIV_ROUND_UP(nr, GS_VERIFY_BATCH));
	KUNIT_EXPECT_EQ(test, check.nr_runs, (unsigned long)nr);
	KUNIT_EXPECT_EQ(test, check.nr_pages, (unsigned long)nr);
}

/* @npages of the direct map that are no span's: only their entries are used. */
static unsigned long unused_pages(struct kunit *test, unsigned int npages)
{
	unsigned long base = gs_radix.base, end = gs_radix.base + gs_radix.size;
	unsigned int n;

	for (; base + npages * GS_PAGE_SIZE <= end; base += GS_ARENA_SIZE) {
		for (n = 0; n < npages; n++)
			if (gs_arena_span((void *)(base + n * GS_PAGE_SIZE)))
				break;
		if (n == npages)
			return base;
	}
	kunit_skip(test, "no such stretch of %u pages", npages);
	return 0;
}

/*
 * Neighbours that were too long to merge when they came do not have to merge
 * when they have got shorter: what keeps runs apart is where they are.
 */
static void long_runs_get_shorter(struct kunit *test)
{
	const unsigned int block = GS_MAX_BLOCK >> GS_PAGE_SHIFT;
	const unsigned int npages = 5 * (GS_RUN_WINDOW >> GS_PAGE_SHIFT) / 4;
	unsigned long at = unused_pages(test, npages + 2 * block);
	struct fixture *f = test->priv, real = *f;
	struct mspan *run;
	unsigned int i;

	KUNIT_ASSERT_EQ(test, 0, gs_arena_reserve((void *)at,
				(npages + 2 * block) * GS_PAGE_SIZE, GFP_KERNEL));
	f->base = (unsigned long)__va(ALIGN(__pa(at) + 1, GS_MAX_BLOCK));
	for (i = 0; i < npages; i += block)
		insert(test, i, block, 0, false);
	KUNIT_EXPECT_EQ(test, f->runs.nr_pages, (unsigned long)npages);
	KUNIT_EXPECT_GE(test, f->runs.nr_runs, 2UL);
	KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);
	/* Each run down to its last pages, next to the run behind it. */
	for (i = 0; i < npages; ) {
		run = gs_arena_span((void *)addr(f, i));
		KUNIT_ASSERT_NOT_NULL(test, run);
		i += run->npages;
		carve(test, run, page_of(f, run->base), run->npages - 16);
		KUNIT_EXPECT_EQ(test, gs_runs_verify(&f->runs), 0);
	}
	gs_arena_set(f->base, npages, NULL);
	forget_runs(&f->runs);
	gs_arena_unreserve((void *)at, (npages + 2 * block) * GS_PAGE_SIZE);
	f->base = real.base;
}

/* The naive oracle: one flag per page, looked through from end to end. */
struct walk {
	struct fixture *f;
	struct gs_rnd rnd;
	bool free[PAGES + 1];	/* the last is never free */
	struct {
		unsigned int page;
		unsigned int npages;
	} taken[PAGES];
	unsigned int nr_taken;
	unsigned long nr_free;
	unsigned long nr_runs;
};

/* Where best fit must find @npages, -1 for nowhere; counts the runs. */
static int naive_fit(struct walk *w, unsigned int npages, unsigned int align)
{
	unsigned int page, start = 0, best = UINT_MAX;
	int at = -1;

	w->nr_runs = 0;
	for (page = 0; page <= PAGES; page++) {
		unsigned long first;

		if (w->free[page])
			continue;
		if (page > start) {
			w->nr_runs++;
			first = ALIGN(addr(w->f, start), align * GS_PAGE_SIZE);
			if (page - start < best &&
			    first + npages * GS_PAGE_SIZE <= addr(w->f, page)) {
				best = page - start;
				at = page_of(w->f, first);
			}
		}
		start = page + 1;
	}
	return at;
}

static bool take_pages(struct kunit *test, struct walk *w)
{
	unsigned int npages = gs_rnd_log(&w->rnd, 1, 64);
	unsigned int align = 1 << gs_rnd_below(&w->rnd, 4);
	int want = naive_fit(w, npages, align);
	unsigned long base;
	struct mspan *run = gs_tree_find(&w->f->runs, npages, align, &base);

	if (want < 0)
		return !run;
	if (!run || page_of(w->f, base) != want)
		return false;
	carve(test, run, want, npages);
	memset(w->free + want, 0, npages);
	w->taken[w->nr_taken].page = want;
	w->taken[w->nr_taken++].npages = npages;
	w->nr_free -= npages;
	return true;
}

static void give_pages(struct kunit *test, struct walk *w)
{
	unsigned int i = gs_rnd_below(&w->rnd, w->nr_taken);
	unsigned int page = w->taken[i].page, npages = w->taken[i].npages;

	insert(test, page, npages, 0, false);
	memset(w->free + page, 1, npages);
	w->nr_free += npages;
	w->taken[i] = w->taken[--w->nr_taken];
}

static void random_walk(struct kunit *test)
{
	struct walk *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int n;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->f = test->priv;
	w->rnd = gs_rnd_start(test);
	insert(test, 0, PAGES, 0, false);
	memset(w->free, 1, PAGES);
	w->nr_free = PAGES;
	for (n = 0; n < GS_TEST_STEPS; n++) {
		naive_fit(w, 1, 1);
		if (w->f->runs.nr_runs != w->nr_runs ||
		    w->f->runs.nr_pages != w->nr_free)
			break;
		if (w->nr_taken && gs_rnd_below(&w->rnd, 2))
			give_pages(test, w);
		else if (!take_pages(test, w))
			break;
		if (n % GS_TEST_VERIFY_EACH == 0)
			KUNIT_ASSERT_EQ_MSG(test, 0,
					    gs_runs_verify(&w->f->runs),
					    "step %u", n);
	}
	KUNIT_EXPECT_EQ(test, n, GS_TEST_STEPS);
	while (w->nr_taken)
		give_pages(test, w);
	expect_runs(test, "all given back",
		    (const unsigned int[][2]) { { 0, PAGES }, { } });
}

static struct kunit_case pageruns_cases[] = {
	KUNIT_CASE(best_fit_and_lowest),
	KUNIT_CASE(search_is_bounded),
	KUNIT_CASE(merge_is_bounded),
	KUNIT_CASE(longer_quick_spans_will_do),
	KUNIT_CASE(longest_quick_span_first),
	KUNIT_CASE(splits),
	KUNIT_CASE(splits_without_a_spare),
	KUNIT_CASE(merges),
	KUNIT_CASE(old_data_is_known_after_a_merge),
	KUNIT_CASE(nodes_do_not_merge),
	KUNIT_CASE(spans_do_not_merge),
	KUNIT_CASE(verify_finds_what_is_broken),
	KUNIT_CASE(verify_is_bounded),
	KUNIT_CASE(long_runs_get_shorter),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite pageruns_suite = {
	.name = "goslab_pageruns",
	.suite_init = gs_test_suite_init,
	.init = pageruns_init,
	.exit = pageruns_exit,
	.test_cases = pageruns_cases,
};
kunit_test_suite(pageruns_suite);
