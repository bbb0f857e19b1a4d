// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_fits.ko, each struct gs_fit measured on runs of its own.
 *
 * Loading prints the figures. The pages are far up in the direct map, where a machine
 * that may get more memory has nobody's: only their entries in the radix tree are used. A cycle is an instruction under
 * QEMU's icount, for which the figures are meant.
 *
 * search: of so many free runs of 1 to 64 pages, each power of two as likely as the
 * next, one run is taken and given back, ROUNDS times.
 *
 * days: spans come and go for DAYS days. By day LIVE pages are in use, at night a
 * quarter. Nine spans of ten have up to 2 pages, the others up to 512. What is free
 * beyond a tenth of what is in use goes back; if nothing fits, a block is drawn. Counted
 * at the end: aligned blocks of 2 MiB with a page in use.
 *
 * huge: a day more, in whose night nothing goes back. Counted at its end: aligned blocks
 * of 2 MiB that are all free, so that they could go back whole.
 *
 * Lock:     none; nobody else knows the runs.
 * Context:  task.
 */
#include <linux/bitmap.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

#include "back/arena.h"
#include "back/pageruns.h"

#define ROUNDS		2000U
#define DAYS		7U
#define STEPS		200000U		/* of a day */
#define LIVE		65536UL		/* pages: 512 MiB */
#define SPACE		(4 * LIVE)
#define BLOCK		64U		/* pages that are drawn at once */
#define HUGE		256U		/* pages of 2 MiB */

static ulong most = 1000000;
module_param(most, ulong, 0444);
MODULE_PARM_DESC(most, "free runs in the longest search (1000000)");

static struct gs_runs runs;
static unsigned long start;	/* address of the first page */
static u64 rnd;

static u64 next_rnd(void)
{
	u64 z = rnd += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}

/* From 1 to 1 << @log, each power of two as likely as the next. */
static unsigned int length(unsigned int log)
{
	unsigned int n = 1U << next_rnd() % (log + 1);

	return n == 1 ? 1 : n / 2 + 1 + next_rnd() % (n / 2);
}

static int give(unsigned long page, unsigned int npages)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL);
	unsigned long base = start + page * GS_PAGE_SIZE;
	int err;

	if (!s)
		return -ENOMEM;
	err = gs_arena_reserve((void *)base, npages * GS_PAGE_SIZE, GFP_KERNEL) ?:
	      gs_runs_reserve(&runs, (void *)base, npages * GS_PAGE_SIZE,
			      GFP_KERNEL);
	if (err) {
		gs_span_free(s);
		return err;
	}
	s->base = base;
	s->npages = npages;
	s->node = 0;
	s->zone = 0;
	s->needzero = 1;
	gs_runs_insert_drawn(&runs, s);
	return 0;
}

/* As mheap does; NULL for nothing that fits, or an error. */
static struct mspan *take(unsigned int npages)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL), *spare = NULL;

	if (!s)
		return ERR_PTR(-ENOMEM);
	if (!runs.fit->take(&runs, s, npages, 1, &spare)) {
		gs_span_free(s);
		return NULL;
	}
	if (spare)
		gs_span_free(spare);
	gs_arena_set(s->base, npages, s);
	return s;
}

static int begin(const struct gs_fit *fit)
{
	rnd = 1;
	return gs_runs_init(&runs, 0, fit);
}

/* Forget the runs, and what pages below @pages map to. */
static void end(unsigned long pages)
{
	unsigned long page;

	for (page = 0; page < pages; page += GS_ARENA_PAGES) {
		gs_arena_set(start + page * GS_PAGE_SIZE, GS_ARENA_PAGES, NULL);
		cond_resched();
	}
	gs_runs_exit(&runs);
}

/**
 * struct times - of many operations.
 * @sum: cycles.
 * @longest: cycles of one.
 */
struct times {
	u64 sum;
	u64 longest;
};

static void count(struct times *t, u64 begun)
{
	u64 cycles = get_cycles() - begun;

	t->sum += cycles;
	t->longest = max(t->longest, cycles);
}

static int measure_search(unsigned long nr)
{
	struct times taken = { }, given = { };
	unsigned int i;
	struct mspan *s;
	u64 begun;

	for (i = 0; i < ROUNDS; i++) {
		begun = get_cycles();
		s = take(length(6));
		if (IS_ERR(s))
			return PTR_ERR(s);
		/* Of few runs none may be long enough: that counts as well. */
		count(&taken, begun);
		if (!s)
			continue;
		begun = get_cycles();
		gs_runs_insert(&runs, s);
		count(&given, begun);
		cond_resched();
	}
	pr_info("fits: search fit=%s runs=%lu take=%llu give=%llu longest_take=%llu longest_give=%llu\n",
		runs.fit->name, nr, taken.sum / ROUNDS, given.sum / ROUNDS,
		taken.longest, given.longest);
	return 0;
}

static int search(const struct gs_fit *fit, unsigned long nr)
{
	unsigned long i, page = 0;
	int err = begin(fit);

	for (i = 0; i < nr && !err; i++) {
		unsigned int npages = length(6);

		/* A run does not leave its arena, as no block does. */
		if (page % GS_ARENA_PAGES + npages > GS_ARENA_PAGES)
			page = round_up(page, GS_ARENA_PAGES);
		err = give(page, npages);
		page += npages + 1;
		cond_resched();
	}
	err = err ?: measure_search(runs.nr_runs);
	end(round_up(page, GS_ARENA_PAGES));
	return err;
}

/**
 * struct world - the days.
 * @owned: pages drawn and not given back.
 * @held: how many.
 * @live: pages of spans.
 * @drawn: pages ever drawn.
 * @spans: live.
 * @nr: how many.
 * @held_sum: of all steps, in pages; as @live_sum.
 * @live_sum: see there.
 * @peak: the most held.
 */
struct world {
	unsigned long *owned;
	unsigned long held;
	unsigned long live;
	unsigned long drawn;
	struct mspan **spans;
	unsigned long nr;
	u64 held_sum;
	u64 live_sum;
	unsigned long peak;
};

/* The lowest blocks that are not ours, @npages or more. */
static int draw(struct world *w, unsigned int npages)
{
	unsigned int n = round_up(npages, BLOCK);
	unsigned long page;

	page = bitmap_find_next_zero_area(w->owned, SPACE, 0, n,
					  roundup_pow_of_two(n) - 1);
	if (page >= SPACE)
		return -ENOSPC;
	bitmap_set(w->owned, page, n);
	w->held += n;
	w->drawn += n;
	w->peak = max(w->peak, w->held);
	return give(page, n);
}

/* Give back what is free beyond a tenth of what is in use. */
static void scavenge(struct world *w)
{
	unsigned long keep = w->live / 10, base;
	struct mspan *spare;
	unsigned int got;

	while (runs.nr_pages > keep && runs.highest) {
		spare = gs_span_alloc(1, false, GFP_KERNEL);
		got = runs.fit->cut(&runs, runs.nr_pages - keep, &base, &spare);
		if (spare)
			gs_span_free(spare);
		bitmap_clear(w->owned, (base - start) >> GS_PAGE_SHIFT, got);
		w->held -= got;
	}
}

static int come(struct world *w)
{
	unsigned int npages = length(next_rnd() % 10 ? 1 : 9);
	struct mspan *s = take(npages);
	int err;

	if (!s) {
		err = draw(w, npages);
		if (err)
			return err;
		s = take(npages);
	}
	if (IS_ERR_OR_NULL(s))
		return -ENOMEM;
	w->live += npages;
	w->spans[w->nr++] = s;
	return 0;
}

static void go(struct world *w)
{
	unsigned long i = next_rnd() % w->nr;
	struct mspan *s = w->spans[i];

	w->spans[i] = w->spans[--w->nr];
	w->live -= s->npages;
	gs_runs_insert(&runs, s);
}

static int live_a_day(struct world *w, bool gives_at_night)
{
	unsigned int step;

	for (step = 0; step < STEPS; step++) {
		bool night = step >= STEPS / 2;
		unsigned long goal = night ? LIVE / 4 : LIVE;
		int err = w->live < goal ? come(w) : 0;

		if (err)
			return err;
		while (w->live > goal)
			go(w);
		/* Others come and go while the number stays. */
		if (w->live > goal - goal / 50)
			go(w);
		if (step % 1000 == 0 && (!night || gives_at_night))
			scavenge(w);
		w->held_sum += w->held;
		w->live_sum += w->live;
		cond_resched();
	}
	return 0;
}

static void mark_free(unsigned long base, unsigned int npages, void *arg)
{
	bitmap_set(arg, (base - start) >> GS_PAGE_SHIFT, npages);
}

/**
 * struct blocks - of 2 MiB.
 * @live: with a page in use.
 * @whole: all ours and free.
 */
struct blocks {
	unsigned long live;
	unsigned long whole;
};

static int count_blocks(const struct world *w, struct blocks *n)
{
	unsigned long *free = vzalloc(BITS_TO_LONGS(SPACE) * sizeof(long));
	struct gs_runs_pos pos = { };
	unsigned long page;

	if (!free)
		return -ENOMEM;
	while (runs.fit->walk(&runs, &pos, 128, mark_free, free))
		cond_resched();
	*n = (struct blocks){ };
	for (page = 0; page < SPACE; page += HUGE) {
		unsigned int all, ours;

		all = bitmap_weight(free + page / BITS_PER_LONG, HUGE);
		ours = bitmap_weight(w->owned + page / BITS_PER_LONG, HUGE);
		n->live += ours > all;
		n->whole += all == HUGE;
	}
	vfree(free);
	return 0;
}

static int live_through(struct world *w)
{
	struct blocks n;
	unsigned int day;
	int err = 0;

	for (day = 0; day < DAYS && !err; day++)
		err = live_a_day(w, true);
	err = err ?: count_blocks(w, &n);
	if (err)
		return err;
	pr_info("fits: days fit=%s held_per_mille=%llu peak_pages=%lu drawn_pages=%lu free_runs=%lu live_blocks=%lu least_blocks=%lu\n",
		runs.fit->name, w->held_sum * 1000 / max(w->live_sum, 1ULL), w->peak,
		w->drawn, runs.nr_runs, n.live, DIV_ROUND_UP(w->live, HUGE));
	err = live_a_day(w, false) ?: count_blocks(w, &n);
	if (err)
		return err;
	pr_info("fits: huge fit=%s free_pages=%lu free_runs=%lu live_blocks=%lu least_blocks=%lu whole_blocks=%lu most_blocks=%lu\n",
		runs.fit->name, runs.nr_pages, runs.nr_runs, n.live,
		DIV_ROUND_UP(w->live, HUGE), n.whole, runs.nr_pages / HUGE);
	return 0;
}

static int days(const struct gs_fit *fit)
{
	struct world w = {
		.owned = vzalloc(BITS_TO_LONGS(SPACE) * sizeof(long)),
		.spans = vzalloc(LIVE * 2 * sizeof(*w.spans)),
	};
	int err = begin(fit);

	if (!err && w.owned && w.spans)
		err = live_through(&w);
	while (w.nr)
		gs_span_free(w.spans[--w.nr]);
	end(SPACE);
	vfree(w.owned);
	vfree(w.spans);
	return err;
}

static int __init fits_init(void)
{
	unsigned long nr;
	int err = 0;
	unsigned int i;

	start = PAGE_OFFSET + (1UL << 40);
	if (!gs_arena_covers((void *)start, 64 * most * GS_PAGE_SIZE)) {
		pr_err("fits: the direct map does not reach 1 TiB; take a kernel with memory hotplug\n");
		return -ENXIO;
	}
	for (i = 0; i < GS_NR_FITS && !err; i++) {
		for (nr = 100; nr <= most && !err; nr *= 10)
			err = search(gs_fits[i], nr);
		err = err ?: days(gs_fits[i]);
	}
	return err;
}
module_init(fits_init);

/* Nothing is left. */
static void __exit fits_exit(void)
{
}
module_exit(fits_exit);

MODULE_DESCRIPTION("policies of the page heap, measured");
MODULE_LICENSE("GPL");
