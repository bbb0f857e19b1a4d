// SPDX-License-Identifier: GPL-2.0
/*
 * pageindex: free runs that have a descriptor each: merged, carved and cut.
 *
 * A run is an mspan in state GS_SPAN_RUN. Its ends map to it, so that a span that is
 * freed finds its neighbours by the radix tree and merges with them, never across
 * nodes, zones or a multiple of GS_RUN_WINDOW. Which run a request gets is a matter of
 * the index: pagetree.c, pagelists.c or pageorder.c.
 * (Go before 1.14, TCMalloc's PageHeap: coalescing by the page map.)
 *
 * Owner:      the runs of a node, or of a test.
 * Lock:       the caller's: mheap lock.
 * Context:    any but NMI; never sleeps, draws nothing.
 * Invariants: (gs_runs_verify())
 *   R1  each run is where it belongs in the index, and the sums are right.
 *   R2  no two runs that could merge touch: those of one node, zone and
 *       GS_RUN_WINDOW.
 *   I3  the ends of a run map to the run.
 * Tests:      kunit/pageruns_kunit.c, kunit/fit_kunit.c
 */
#include "back/pageindex.h"

#include "back/arena.h"

/* Missing arenas that one hold of the lock skips. */
#define HOLE_LOOKS	1024

static void link_run(struct gs_runs *runs, struct mspan *s)
{
	runs->fit->index->add(runs, s);
	runs->nr_pages += s->npages;
	runs->nr_runs++;
	runs->highest = max(runs->highest, gs_span_end(s));
	gs_arena_set_ends(s->base, s->npages, s);
}

static void unlink_run(struct gs_runs *runs, struct mspan *s)
{
	runs->fit->index->del(runs, s);
	runs->nr_pages -= s->npages;
	runs->nr_runs--;
	gs_arena_set_ends(s->base, s->npages, NULL);
}

/* Is @p the first (or last) page of a run that may merge with @s? */
static struct mspan *neighbour(const struct mspan *s, unsigned long p)
{
	struct mspan *n = gs_arena_span((void *)p);

	if (!n || !gs_runs_is_run(n, s->node) || !gs_span_covers(n, (void *)p) ||
	    n->zone != s->zone || !gs_runs_same_window(n->base, s->base))
		return NULL;
	return n;
}

/* A long descriptor is worth more to the next span of its kind than to a run. */
static struct mspan *shorten(struct mspan *s)
{
	struct mspan *run = s->cap > BITS_PER_LONG ? gs_span_alloc_short() : NULL;

	if (!run)
		return s;
	run->base = s->base;
	run->npages = s->npages;
	run->node = s->node;
	run->zone = s->zone;
	run->needzero = s->needzero;
	gs_span_free(s);
	return run;
}

/* @s takes in the run @n that it touches. */
static void absorb(struct gs_runs *runs, struct mspan *s, struct mspan *n)
{
	unlink_run(runs, n);
	s->base = min(s->base, n->base);
	s->npages += n->npages;
	s->needzero |= n->needzero;
	gs_span_free(n);
}

/* See struct gs_fit. Merges with its neighbours, whose descriptors are freed. */
unsigned int gs_index_insert(struct gs_runs *runs, struct mspan *s)
{
	struct mspan *n;

	s = shorten(s);
	n = neighbour(s, s->base - GS_PAGE_SIZE);
	if (n)
		absorb(runs, s, n);
	n = neighbour(s, gs_span_end(s));
	if (n)
		absorb(runs, s, n);
	s->class = NULL;
	s->slots = NULL;
	/* A free run is none that a caller may have an address of. */
	smp_store_release(&s->state, GS_SPAN_RUN);
	link_run(runs, s);
	return s->npages;
}

/**
 * gs_index_carve() - take pages out of a run.
 * @runs: of its node.
 * @run: in the index.
 * @base: first page taken.
 * @npages: taken; they map to no run afterwards.
 * @spare: descriptor for what is left behind the pages if something is left in
 *         front of them too; NULL when that cannot be.
 *
 * Return: a descriptor that is not needed (@run or @spare), or NULL.
 */
struct mspan *gs_index_carve(struct gs_runs *runs, struct mspan *run,
			     unsigned long base, unsigned int npages,
			     struct mspan *spare)
{
	const struct gs_run_index *index = runs->fit->index;
	unsigned int front = (base - run->base) >> GS_PAGE_SHIFT;
	unsigned int behind = run->npages - front - npages;
	unsigned long end = base + npages * GS_PAGE_SIZE;

	index->del(runs, run);
	runs->nr_pages -= npages;
	runs->nr_runs += (front ? 1 : 0) + (behind ? 1 : 0) - 1;
	gs_arena_set_ends(base, npages, NULL);
	if (front) {
		run->npages = front;
		index->add(runs, run);
		gs_arena_set(base - GS_PAGE_SIZE, 1, run);
		if (!behind)
			return spare;
		spare->node = run->node;
		spare->zone = run->zone;
		spare->needzero = run->needzero;
		run = spare;
		spare = NULL;
	} else if (!behind) {
		WRITE_ONCE(run->state, GS_SPAN_DEAD);
		if (spare)
			gs_span_free(spare);
		return run;
	}
	run->base = end;
	run->npages = behind;
	run->class = NULL;
	run->slots = NULL;
	smp_store_release(&run->state, GS_SPAN_RUN);
	index->add(runs, run);
	/* Without a front the last page has mapped to it before. */
	if (front)
		gs_arena_set_ends(end, behind, run);
	else
		gs_arena_set(end, 1, run);
	return spare;
}
GS_EXPORT_KUNIT(gs_index_carve);

/* See struct gs_fit. */
bool gs_index_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		   unsigned int align, struct mspan **spare)
{
	unsigned long base;
	struct mspan *run = runs->fit->index->find(runs, npages, align, &base);

	if (!run)
		return false;
	s->base = base;
	s->npages = npages;
	s->node = run->node;
	s->zone = run->zone;
	s->needzero = run->needzero;
	*spare = gs_index_carve(runs, run, base, npages, *spare);
	return true;
}

/*
 * Cut up to @npages, in whole units, off the end of a run. Return: pages cut,
 * starting at *@base, 0 if the run has no whole unit.
 */
static unsigned int cut_end(struct gs_runs *runs, struct mspan *run,
			    unsigned long npages, unsigned long *base,
			    struct mspan **spare)
{
	unsigned long end = ALIGN_DOWN(gs_span_end(run), GS_UNIT_SIZE);
	unsigned long from = ALIGN(run->base, GS_UNIT_SIZE);

	if (from >= end)
		return 0;
	npages = min(npages, (end - from) >> GS_PAGE_SHIFT);
	*base = end - npages * GS_PAGE_SIZE;
	*spare = gs_index_carve(runs, run, *base, npages, *spare);
	return npages;
}

/*
 * The end of the highest arena below @start, 0 if there is none. In a hole of
 * more than HOLE_LOOKS arenas it is where the search stopped.
 */
static unsigned long below(unsigned long start)
{
	unsigned long i = (start - gs_radix.base) >> GS_ARENA_SHIFT;

	gs_radix_prev(&gs_radix, &i, HOLE_LOOKS);
	return i ? gs_arena_base(i) : 0;
}

/*
 * One piece of at most @npages, in whole units, off the highest run in the
 * arena at @start: a look at each page of an arena. Return: pages cut.
 */
static unsigned int cut_arena(struct gs_runs *runs, unsigned long start,
			      unsigned long npages, unsigned long *base,
			      struct mspan **spare)
{
	unsigned int got = 0;
	int page;

	for (page = GS_ARENA_PAGES - 1; page >= 0 && !got; page--) {
		void *p = (void *)(start + page * GS_PAGE_SIZE);
		struct mspan *s = gs_arena_span(p);

		if (s && gs_runs_is_run(s, runs->node) && gs_span_covers(s, p))
			got = cut_end(runs, s, npages, base, spare);
	}
	gs_count_steps(GS_ARENA_PAGES - page);
	return got;
}

/*
 * See struct gs_fit. One arena for each call: if it has nothing to cut, nothing of
 * the node at or above its start can be given back.
 */
unsigned int gs_index_cut(struct gs_runs *runs, unsigned long npages,
			  unsigned long *base, struct mspan **spare)
{
	unsigned long start = ALIGN_DOWN(runs->highest - 1, GS_ARENA_SIZE);
	unsigned int got = cut_arena(runs, start, npages, base, spare);

	if (!got)
		runs->highest = min(runs->highest, below(start));
	return got;
}

static int verify_run(const struct mspan *s)
{
	if (s->state != GS_SPAN_RUN || !s->npages)
		return 1;
	if (neighbour(s, s->base - GS_PAGE_SIZE) || neighbour(s, gs_span_end(s)))
		return 2;
	if (gs_arena_span((void *)s->base) != s ||
	    gs_arena_span((void *)(gs_span_end(s) - 1)) != s)
		return 3;
	return 0;
}

/* The run behind @run, or NULL; @pos is then behind @run. */
static struct mspan *step(const struct gs_runs *runs, const struct mspan *run,
			  struct gs_runs_pos *pos)
{
	pos->npages = run->npages;
	pos->base = run->base;
	return runs->fit->index->next(runs, run);
}

/* See struct gs_fit: GS_VERIFY_BATCH runs. */
int gs_index_verify_some(const struct gs_runs *runs, struct gs_runs_check *check)
{
	const struct gs_run_index *index = runs->fit->index;
	struct mspan *s = index->after(runs, &check->pos), *prev = NULL;
	unsigned int n;
	int ret = 0;

	for (n = 0; s && !ret && n < GS_VERIFY_BATCH; n++) {
		ret = index->is_right(runs, s, prev) ? verify_run(s) : 1;
		check->nr_pages += s->npages;
		check->nr_runs++;
		prev = s;
		s = step(runs, s, &check->pos);
	}
	gs_count_steps(n);
	check->done = !s;
	return ret;
}

/* See struct gs_fit: in the order of the index. */
bool gs_index_walk(const struct gs_runs *runs, struct gs_runs_pos *pos,
		   unsigned int max, gs_run_fn fn, void *arg)
{
	struct mspan *run = runs->fit->index->after(runs, pos);
	unsigned int n;

	for (n = 0; run && n < max; n++) {
		fn(run->base, run->npages, arg);
		run = step(runs, run, pos);
	}
	gs_count_steps(n);
	return run;
}

/* See struct gs_fit. The pages of a run that is left are not given back. */
void gs_index_exit(struct gs_runs *runs)
{
	struct gs_runs_pos start = { };
	struct mspan *run;

	while ((run = runs->fit->index->after(runs, &start))) {
		runs->fit->index->del(runs, run);
		gs_span_free(run);
	}
}
