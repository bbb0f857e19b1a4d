// SPDX-License-Identifier: GPL-2.0
/*
 * pagewindow: a bit for each page of 64 MiB, and what the bits say in short.
 *
 * A window knows where its pages are free, and of each of its 16 chunks how many are
 * free at its start, at its end, and in a row anywhere. A search looks at the chunks
 * from the lowest on, carrying along the run that reaches the end of the last one, and
 * at the bits of one chunk at most. (Go: mpallocbits.go, mpagealloc.go)
 *
 * Owner:      pagebits.c, which knows where each window is.
 * Lock:       the caller's: mheap lock.
 * Context:    any.
 * Invariants: R1, I3 of pagebits.c, for one window.
 * Tests:      kunit/fit_kunit.c
 */
#include "back/pagewindow.h"

#include <linux/bitops.h>
#include <linux/kernel.h>

#include "back/arena.h"

#define CHUNK_WORDS	(GS_CHUNK_PAGES / BITS_PER_LONG)

/* No free page. @table: a struct gs_window. */
void gs_window_clear(void *table)
{
	struct gs_window *win = table;

	bitmap_fill(win->taken, GS_WINDOW_PAGES);
	bitmap_zero(win->stale, GS_WINDOW_PAGES);
	memset(win->sum, 0, sizeof(win->sum));
	memset(win->zone, 0, sizeof(win->zone));
}

/* The bits of @x from which on @n in a row are set, itself included. */
static unsigned long rows_of(unsigned long x, unsigned int n)
{
	unsigned int have = 1, step;

	for (; have < n && x; have += step) {
		step = min(have, n - have);
		x &= x >> step;
	}
	return x;
}

/*
 * The longest stretch within one word, if it is longer than @most; else @most. One that
 * reaches no border of the word, which is counted elsewhere, has two bits less.
 */
static unsigned int longest_within(unsigned long free, unsigned int most)
{
	unsigned long rows;

	if (most >= BITS_PER_LONG - 2)
		return most;
	for (rows = rows_of(free, most + 1); rows; rows &= rows >> 1)
		most++;
	return most;
}

/* What some words of bits say. (Go: pallocBits.summarize()) */
static __always_inline struct gs_summary summarize_words(const unsigned long *taken,
							 unsigned int words)
{
	unsigned int run = 0, most = 0, i;
	struct gs_summary sum = { };
	bool begun = false;

	/* First the stretches that reach over the border of a word. */
	for (i = 0; i < words; i++) {
		if (!taken[i]) {
			run += BITS_PER_LONG;
			continue;
		}
		run += __ffs(taken[i]);
		if (!begun)
			sum.start = run;
		begun = true;
		most = max(most, run);
		run = BITS_PER_LONG - 1 - __fls(taken[i]);
	}
	if (!begun)
		sum.start = run;
	sum.end = run;
	most = max(most, run);
	for (i = 0; i < words; i++)
		most = longest_within(~taken[i], most);
	sum.max = most;
	return sum;
}

static struct gs_summary summarize(const unsigned long *taken)
{
	return summarize_words(taken, CHUNK_WORDS);
}

/* The most pages in a row that are free by @words of bits. */
unsigned int gs_window_longest_free(const unsigned long *taken, unsigned int words)
{
	return summarize_words(taken, words).max;
}

/* May a run reach from the chunk below into @chunk? */
static bool joins(const struct gs_window *win, unsigned int chunk)
{
	return chunk && win->zone[chunk] == win->zone[chunk - 1];
}

/* The length of a run that reaches the end of @chunk; @run is that before it. */
static unsigned int run_behind(const struct gs_window *win, unsigned int chunk,
			       unsigned int run)
{
	const struct gs_summary *sum = &win->sum[chunk];

	return sum->start == GS_CHUNK_PAGES ? run + GS_CHUNK_PAGES : sum->end;
}

/* The longest run. */
unsigned int gs_window_max(const struct gs_window *win)
{
	unsigned int run = 0, most = 0, chunk;

	for (chunk = 0; chunk < GS_WINDOW_CHUNKS; chunk++) {
		if (!joins(win, chunk))
			run = 0;
		most = max3(most, run + win->sum[chunk].start,
			    (unsigned int)win->sum[chunk].max);
		run = run_behind(win, chunk, run);
	}
	return max(most, run);
}

/* Bits of pages [@first, @end) changed: renew what is above them. Return: the longest run. */
unsigned int gs_window_renew(struct gs_window *win, unsigned int first, unsigned int end)
{
	unsigned int chunk;

	for (chunk = first / GS_CHUNK_PAGES; chunk * GS_CHUNK_PAGES < end; chunk++)
		win->sum[chunk] = summarize(win->taken + chunk * CHUNK_WORDS);
	return gs_window_max(win);
}

/* Is the page of @win, which may be out of it, free and in the zone of @chunk? */
static bool free_beside(const struct gs_window *win, unsigned int page,
			unsigned int chunk)
{
	return page < GS_WINDOW_PAGES && !test_bit(page, win->taken) &&
	       win->zone[page / GS_CHUNK_PAGES] == win->zone[chunk];
}

/* How many runs there are more when pages that are no run become one, of itself. */
long gs_window_runs_more(const struct gs_window *win, unsigned int first,
			 unsigned int end)
{
	return 1L - free_beside(win, first - 1, first / GS_CHUNK_PAGES) -
	       free_beside(win, end, (end - 1) / GS_CHUNK_PAGES);
}

/* Where the pages fit into [@from, @end) of the window at @base, or -1. */
static int fit(unsigned long base, unsigned int from, unsigned int end,
	       const struct gs_page_search *want)
{
	unsigned long at = ALIGN(base + from * GS_PAGE_SIZE,
				 want->align * GS_PAGE_SIZE);

	from = (at - base) >> GS_PAGE_SHIFT;
	return from + want->npages <= end ? (int)from : -1;
}

/* The same within one chunk. (Go: pallocBits.find()) */
static int fit_chunk(const struct gs_window *win, unsigned long base,
		     unsigned int chunk, struct gs_page_search *want)
{
	unsigned long number = (base >> GS_PAGE_SHIFT) + chunk * GS_CHUNK_PAGES, at;

	at = bitmap_find_next_zero_area_off((unsigned long *)win->taken +
					    chunk * CHUNK_WORDS, GS_CHUNK_PAGES, 0,
					    want->npages, want->align - 1,
					    number & (want->align - 1));
	if (at < GS_CHUNK_PAGES)
		return chunk * GS_CHUNK_PAGES + at;
	want->steps += max(GS_CHUNK_PAGES / want->align, 1U);
	return -1;
}

/**
 * gs_window_fit() - the lowest place for pages in a window.
 * @win: the window.
 * @base: its address.
 * @want: what is wanted; counts the steps.
 *
 * Return: the place, as a page of the window, or -1.
 */
int gs_window_fit(const struct gs_window *win, unsigned long base,
		  struct gs_page_search *want)
{
	unsigned int run = 0, chunk;
	int at;

	for (chunk = 0; chunk < GS_WINDOW_CHUNKS; chunk++) {
		const struct gs_summary *sum = &win->sum[chunk];
		unsigned int from = chunk * GS_CHUNK_PAGES;

		if (!joins(win, chunk))
			run = 0;
		at = fit(base, from - run, from + sum->start, want);
		if (at < 0 && sum->max >= want->need)
			at = fit_chunk(win, base, chunk, want);
		if (at >= 0)
			return at;
		if (++want->steps >= GS_WINDOW_STEPS)
			want->need = want->npages + want->align - 1;
		run = run_behind(win, chunk, run);
	}
	/* A run that reaches the end of the window. */
	return fit(base, GS_WINDOW_PAGES - run, GS_WINDOW_PAGES, want);
}

/* The highest whole unit of a chunk that is free, as a page of the window, or -1. */
int gs_window_highest_unit(const struct gs_window *win, unsigned int chunk)
{
	unsigned int from = chunk * GS_CHUNK_PAGES, page = from + GS_CHUNK_PAGES;

	if (win->sum[chunk].max < GS_UNIT_PAGES)
		return -1;
	for (; page > from; page -= GS_UNIT_PAGES)
		if (find_next_bit(win->taken, page, page - GS_UNIT_PAGES) >= page)
			return page - GS_UNIT_PAGES;
	return -1;
}

/* Where the run ends that has @page of @win. */
unsigned int gs_window_run_end(const struct gs_window *win, unsigned int page)
{
	unsigned int end = find_next_bit(win->taken, GS_WINDOW_PAGES, page);
	unsigned int chunk = page / GS_CHUNK_PAGES + 1;

	while (chunk * GS_CHUNK_PAGES < end && joins(win, chunk))
		chunk++;
	return min(end, chunk * GS_CHUNK_PAGES);
}

/*
 * Check a chunk of a window at @base, and add up its free pages and the runs that begin
 * in it. Return: 0, 1 for R1 or 3 for I3.
 */
int gs_window_verify_chunk(const struct gs_window *win, unsigned long base,
			   unsigned int chunk, struct gs_runs_check *check)
{
	struct gs_summary sum = summarize(win->taken + chunk * CHUNK_WORDS);
	unsigned int page = chunk * GS_CHUNK_PAGES, end = page + GS_CHUNK_PAGES;
	bool before = joins(win, chunk) && !test_bit(page - 1, win->taken);

	if (memcmp(&sum, &win->sum[chunk], sizeof(sum)))
		return 1;
	for (; page < end; page++) {
		bool free = !test_bit(page, win->taken);

		if (free && gs_arena_span((void *)(base + page * GS_PAGE_SIZE)))
			return 3;
		check->nr_pages += free;
		check->nr_runs += free && !before;
		before = free;
	}
	return 0;
}
