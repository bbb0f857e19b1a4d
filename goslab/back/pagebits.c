// SPDX-License-Identifier: GPL-2.0
/*
 * pagebits: free pages in bitmaps under a radix tree of summaries, first fit.
 *
 * A bit tells for each page whether it is taken: used, on a quick list, or not
 * ours. Every 512 pages (a chunk, 4 MiB) have a summary: free pages at the start,
 * at the end, and the longest stretch. 16 chunks are a window (GS_RUN_WINDOW), which
 * no run leaves, so that above it the longest stretch is all that is to be known: one
 * number for each window, for 16 windows, and for a group of 256 windows (16 GiB). A
 * search goes down from the groups to the lowest address that has enough pages. A
 * free run is no object of its own: neighbours merge as their bits are set, and no
 * descriptor is needed.
 *
 * (Go since 1.14: mpagealloc.go, mpallocbits.go. There the levels above a chunk have
 * start and end as well, because runs have no border; and scavenged bits, because
 * pages that went back stay in the address space. Here they count as taken.)
 *
 * Owner:      the runs of a node, or of a test.
 * Lock:       the caller's: mheap lock. New tables: @tables_lock, a leaf, with the
 *             other one not held.
 * Lifetime:   tables stay until the exit.
 * Context:    any but NMI; reserve() as its gfp says.
 * Invariants: (gs_runs_verify())
 *   R1  each summary says what the bits below it say; so do the sums.
 *   I3  a free page maps to no span.
 * Tests:      kunit/fit_kunit.c
 */
#include "back/pagebits.h"

#include <linux/bitops.h>
#include <linux/kernel.h>

#include "back/arena.h"
#include "base/sys.h"

/* Pages have numbers from the start of the direct map, as windows have. */
static unsigned long number_of(unsigned long addr)
{
	return (addr - PAGE_OFFSET) >> GS_PAGE_SHIFT;
}

static unsigned long addr_of(unsigned long number)
{
	return PAGE_OFFSET + (number << GS_PAGE_SHIFT);
}

static struct gs_window *window_at(const struct gs_page_bits *bits, unsigned long w)
{
	struct gs_window_group *group = READ_ONCE(bits->group[w / GS_GROUP_WINDOWS]);

	return group ? READ_ONCE(group->window[w % GS_GROUP_WINDOWS]) : NULL;
}

static size_t bits_bytes(unsigned int nr_groups)
{
	return struct_size_t(struct gs_page_bits, group, nr_groups) +
	       nr_groups * sizeof(u16);
}

static int bits_init(struct gs_runs *runs)
{
	unsigned long end = gs_radix.base + gs_radix.size;
	unsigned int nr = DIV_ROUND_UP(number_of(end), GS_GROUP_PAGES);
	struct gs_page_bits *bits;

	bits = gs_sys_draw_meta(bits_bytes(nr), runs->node, GFP_KERNEL);
	if (!bits)
		return -ENOMEM;
	spin_lock_init(&bits->tables_lock);
	gs_fixalloc_init(&bits->groups, sizeof(struct gs_window_group), 0, NULL);
	gs_fixalloc_init(&bits->windows, sizeof(struct gs_window), 0, NULL);
	bits->nr_groups = nr;
	bits->low = nr;
	bits->max = (u16 *)&bits->group[nr];
	runs->bits = bits;
	return 0;
}

static void bits_exit(struct gs_runs *runs)
{
	struct gs_page_bits *bits = runs->bits;

	if (!bits)
		return;
	gs_fixalloc_exit(&bits->windows);
	gs_fixalloc_exit(&bits->groups);
	gs_sys_give_meta(bits, bits_bytes(bits->nr_groups));
	runs->bits = NULL;
}

static void clear_group(void *table)
{
	memset(table, 0, sizeof(struct gs_window_group));
}

/* Have a table in *@where. Return: the table, or NULL without memory. */
static void *make_table(struct gs_page_bits *bits, void **where, struct fixalloc *f,
			void (*clear)(void *table), gfp_t gfp)
{
	void *table = READ_ONCE(*where), *made;
	unsigned long flags;

	if (table)
		return table;
	made = gs_fixalloc_alloc(f, gfp);
	if (!made)
		return NULL;
	clear(made);
	gs_lock(&bits->tables_lock, flags);
	table = *where;
	/* Pairs with the dependent loads in window_at(). */
	if (!table)
		smp_store_release(where, made);
	gs_unlock(&bits->tables_lock, flags);
	if (table)
		gs_fixalloc_free(f, made);
	return table ?: made;
}

/* See struct gs_fit. A block is in one window, for it is aligned to its size. */
static int bits_reserve(struct gs_runs *runs, unsigned long base, size_t bytes,
			gfp_t gfp)
{
	struct gs_page_bits *bits = runs->bits;
	unsigned long w = number_of(base) / GS_WINDOW_PAGES;
	struct gs_window_group *group;

	group = make_table(bits, (void **)&bits->group[w / GS_GROUP_WINDOWS],
			   &bits->groups, clear_group, gfp);
	if (!group)
		return -ENOMEM;
	return make_table(bits, (void **)&group->window[w % GS_GROUP_WINDOWS],
			  &bits->windows, gs_window_clear, gfp) ? 0 : -ENOMEM;
}

static u16 max_of(const u16 *v, unsigned int n)
{
	u16 most = 0;

	while (n)
		most = max(most, v[--n]);
	return most;
}

/* Bits of pages [@first, @end) of window @w changed: renew what is above them. */
static void renew(struct gs_page_bits *bits, unsigned long w, unsigned int first,
		  unsigned int end)
{
	unsigned int g = w / GS_GROUP_WINDOWS, in = w % GS_GROUP_WINDOWS;
	struct gs_window_group *group = bits->group[g];
	struct gs_window *win = group->window[in];
	unsigned int row = in / GS_ROW_WINDOWS, most;

	most = gs_window_renew(win, first, end);
	if (most == group->max[in])
		return;
	group->max[in] = most;
	most = max_of(group->max + row * GS_ROW_WINDOWS, GS_ROW_WINDOWS);
	if (most == group->row_max[row])
		return;
	group->row_max[row] = most;
	bits->max[g] = max_of(group->row_max, GS_GROUP_WINDOWS / GS_ROW_WINDOWS);
}

/* See struct gs_fit. */
static unsigned int bits_insert(struct gs_runs *runs, struct mspan *s)
{
	struct gs_page_bits *bits = runs->bits;
	unsigned long number = number_of(s->base), w = number / GS_WINDOW_PAGES;
	unsigned int first = number % GS_WINDOW_PAGES, end = first + s->npages, chunk;
	struct gs_window *win = window_at(bits, w);

	GS_CHECK(end <= GS_WINDOW_PAGES);
	for (chunk = first / GS_CHUNK_PAGES; chunk * GS_CHUNK_PAGES < end; chunk++)
		win->zone[chunk] = s->zone;
	runs->nr_runs += gs_window_runs_more(win, first, end);
	runs->nr_pages += s->npages;
	runs->highest = max(runs->highest, gs_span_end(s));
	bitmap_clear(win->taken, first, s->npages);
	if (s->needzero)
		bitmap_set(win->stale, first, s->npages);
	else
		bitmap_clear(win->stale, first, s->npages);
	gs_arena_set(s->base, s->npages, NULL);
	renew(bits, w, first, end);
	bits->low = min_t(unsigned long, bits->low, w / GS_GROUP_WINDOWS);
	bits->end = max_t(unsigned long, bits->end, w / GS_GROUP_WINDOWS + 1);
	gs_span_free(s);
	/* To know the length of the run would be another search. */
	return 0;
}

/* Pages of a window are no longer free. */
static void unset(struct gs_runs *runs, unsigned long w, unsigned int first,
		  unsigned int npages)
{
	struct gs_window *win = window_at(runs->bits, w);

	bitmap_set(win->taken, first, npages);
	runs->nr_runs -= gs_window_runs_more(win, first, first + npages);
	runs->nr_pages -= npages;
	renew(runs->bits, w, first, first + npages);
}

#define NO_WINDOW	ULONG_MAX

/* The lowest window from @w on with @npages in a row. */
static unsigned long window_from(const struct gs_page_bits *bits, unsigned long w,
				 unsigned int npages)
{
	unsigned int g = w / GS_GROUP_WINDOWS, in = w % GS_GROUP_WINDOWS;

	for (; g < bits->end; g++, in = 0) {
		const struct gs_window_group *group = bits->group[g];

		if (bits->max[g] < npages)
			continue;
		while (in < GS_GROUP_WINDOWS) {
			if (group->row_max[in / GS_ROW_WINDOWS] < npages)
				in = round_down(in, GS_ROW_WINDOWS) + GS_ROW_WINDOWS;
			else if (group->max[in] < npages)
				in++;
			else
				return (unsigned long)g * GS_GROUP_WINDOWS + in;
		}
	}
	return NO_WINDOW;
}

/* The highest window below @w with a free page. */
static unsigned long window_below(const struct gs_page_bits *bits, unsigned long w)
{
	while (w) {
		unsigned long g = (w - 1) / GS_GROUP_WINDOWS;
		unsigned int in = (w - 1) % GS_GROUP_WINDOWS;

		if (!bits->max[g])
			w = g * GS_GROUP_WINDOWS;
		else if (!bits->group[g]->row_max[in / GS_ROW_WINDOWS])
			w = round_down(w - 1, GS_ROW_WINDOWS);
		else if (!bits->group[g]->max[in])
			w--;
		else
			return w - 1;
	}
	return NO_WINDOW;
}

/* See struct gs_fit: first fit, the lowest address. See gs_page_search for aligned ones. */
static bool bits_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		      unsigned int align, struct mspan **spare)
{
	struct gs_page_search want = {
		.npages = npages, .align = align, .need = npages,
	};
	struct gs_page_bits *bits = runs->bits;
	const struct gs_window *win;
	unsigned long w;
	int at;

	while (bits->low < bits->end && !bits->max[bits->low])
		bits->low++;
	for (w = (unsigned long)bits->low * GS_GROUP_WINDOWS; ; w++) {
		w = window_from(bits, w, want.need);
		if (w == NO_WINDOW)
			break;
		win = window_at(bits, w);
		at = gs_window_fit(win, addr_of(w * GS_WINDOW_PAGES), &want);
		if (at >= 0)
			break;
	}
	gs_count_steps(want.steps);
	if (w == NO_WINDOW)
		return false;
	s->base = addr_of(w * GS_WINDOW_PAGES + at);
	s->npages = npages;
	s->node = runs->node;
	s->zone = win->zone[at / GS_CHUNK_PAGES];
	s->needzero = find_next_bit(win->stale, at + npages, at) < at + npages;
	unset(runs, w, at, npages);
	return true;
}

/* See struct gs_fit. One window for each call, and at most one chunk. */
static unsigned int bits_cut(struct gs_runs *runs, unsigned long npages,
			     unsigned long *base, struct mspan **spare)
{
	unsigned long above = DIV_ROUND_UP(number_of(runs->highest), GS_WINDOW_PAGES);
	unsigned long w = window_below(runs->bits, above);
	unsigned int chunk, first, end, last;
	const struct gs_window *win;
	int unit = -1;

	if (w == NO_WINDOW) {
		runs->highest = 0;
		return 0;
	}
	win = window_at(runs->bits, w);
	for (chunk = GS_WINDOW_CHUNKS; chunk && unit < 0; chunk--)
		unit = gs_window_highest_unit(win, chunk - 1);
	if (unit < 0) {
		runs->highest = addr_of(w * GS_WINDOW_PAGES);
		return 0;
	}
	end = unit + GS_UNIT_PAGES;
	last = find_last_bit(win->taken, unit);
	first = last == unit ? 0 : round_up(last + 1, GS_UNIT_PAGES);
	first = max(first, chunk * GS_CHUNK_PAGES);
	npages = min_t(unsigned long, npages, end - first);
	*base = addr_of(w * GS_WINDOW_PAGES + end - npages);
	unset(runs, w, end - npages, npages);
	return npages;
}

/* See struct gs_fit. */
static bool bits_has(const struct gs_runs *runs, const void *p)
{
	unsigned long number = number_of((unsigned long)p);
	const struct gs_window *win;

	if (number / GS_GROUP_PAGES >= runs->bits->nr_groups)
		return false;
	win = window_at(runs->bits, number / GS_WINDOW_PAGES);
	return win && !test_bit(number % GS_WINDOW_PAGES, win->taken);
}

/* See struct gs_fit: in order of address. */
static bool bits_walk(const struct gs_runs *runs, struct gs_runs_pos *pos,
		      unsigned int max, gs_run_fn fn, void *arg)
{
	unsigned long number = pos->base ? number_of(pos->base) : 0;
	unsigned int n;

	for (n = 0; n < max; n++) {
		unsigned long w = number / GS_WINDOW_PAGES;
		unsigned int page, end;
		const struct gs_window *win;

		w = window_from(runs->bits, w, 1);
		if (w == NO_WINDOW)
			break;
		win = window_at(runs->bits, w);
		number = max(number, w * GS_WINDOW_PAGES);
		page = find_next_zero_bit(win->taken, GS_WINDOW_PAGES,
					  number % GS_WINDOW_PAGES);
		end = GS_WINDOW_PAGES;
		if (page < GS_WINDOW_PAGES) {
			end = gs_window_run_end(win, page);
			fn(addr_of(w * GS_WINDOW_PAGES + page), end - page, arg);
		}
		number = w * GS_WINDOW_PAGES + end;
	}
	gs_count_steps(n);
	pos->base = addr_of(number);
	return n == max;
}

static int verify_group(const struct gs_page_bits *bits, unsigned int g)
{
	const struct gs_window_group *group = bits->group[g];
	unsigned int row;

	for (row = 0; row < GS_GROUP_WINDOWS / GS_ROW_WINDOWS; row++)
		if (group->row_max[row] != max_of(group->max + row * GS_ROW_WINDOWS, GS_ROW_WINDOWS))
			return 1;
	return bits->max[g] == max_of(group->row_max, GS_GROUP_WINDOWS / GS_ROW_WINDOWS) &&
	       (!bits->max[g] || (g >= bits->low && g < bits->end)) ? 0 : 1;
}

/* The first window from @w on that was made. */
static unsigned long made_from(const struct gs_page_bits *bits, unsigned long w)
{
	while (w / GS_GROUP_WINDOWS < bits->nr_groups) {
		if (!bits->group[w / GS_GROUP_WINDOWS])
			w = round_down(w, GS_GROUP_WINDOWS) + GS_GROUP_WINDOWS;
		else if (!window_at(bits, w))
			w++;
		else
			return w;
	}
	return NO_WINDOW;
}

/* See struct gs_fit: a chunk, with the last one of a window what is above it. */
static int bits_verify_some(const struct gs_runs *runs, struct gs_runs_check *check)
{
	const struct gs_page_bits *bits = runs->bits;
	unsigned long number = check->pos.base ? number_of(check->pos.base) : 0;
	unsigned long w = made_from(bits, number / GS_WINDOW_PAGES);
	const struct gs_window *win;
	unsigned int chunk;
	int ret;

	check->done = w == NO_WINDOW;
	if (check->done)
		return 0;
	number = max(number, w * GS_WINDOW_PAGES);
	win = window_at(bits, w);
	chunk = number % GS_WINDOW_PAGES / GS_CHUNK_PAGES;
	ret = gs_window_verify_chunk(win, addr_of(w * GS_WINDOW_PAGES), chunk, check);
	if (!ret && chunk == GS_WINDOW_CHUNKS - 1)
		ret = bits->group[w / GS_GROUP_WINDOWS]->max[w % GS_GROUP_WINDOWS] ==
		      gs_window_max(win) ? verify_group(bits, w / GS_GROUP_WINDOWS) : 1;
	check->pos.base = addr_of(number + GS_CHUNK_PAGES);
	return ret;
}

const struct gs_fit gs_fit_bitmap = {
	.name = "bitmap",
	.init = bits_init,
	.exit = bits_exit,
	.reserve = bits_reserve,
	.insert = bits_insert,
	.take = bits_take,
	.cut = bits_cut,
	.has = bits_has,
	.walk = bits_walk,
	.verify_some = bits_verify_some,
};
GS_EXPORT_KUNIT(gs_fit_bitmap);
