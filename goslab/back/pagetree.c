// SPDX-License-Identifier: GPL-2.0
/*
 * pagetree: free runs in a red-black tree, best fit. The default.
 *
 * A run is an mspan in state GS_SPAN_RUN. The smallest run that holds a
 * request wins, among equals the lowest address; what is left stays a run;
 * neighbours merge, found by the radix tree, never across nodes, zones or a
 * multiple of GS_RUN_WINDOW.
 * (Go before 1.14: the treap of free spans.)
 *
 * Owner:      the runs of a node, or of a test.
 * Lock:       the caller's: mheap lock.
 * Context:    any but NMI; never sleeps, draws nothing.
 * Invariants: (gs_runs_verify())
 *   R1  the tree is in order and its sums are right.
 *   R2  no two runs in the tree that could merge touch: those of one node, zone
 *       and GS_RUN_WINDOW.
 *   I3  the ends of a run map to the run.
 * Tests:      kunit/pageruns_kunit.c, kunit/fit_kunit.c
 */
#include "back/arena.h"
#include "back/pageruns.h"

/* Missing arenas that one hold of the lock skips. */
#define HOLE_LOOKS	1024

#define run_of(node)	rb_entry(node, struct mspan, rb)

static bool run_less(struct rb_node *a, const struct rb_node *b)
{
	const struct mspan *x = run_of(a), *y = run_of(b);

	return x->npages != y->npages ? x->npages < y->npages : x->base < y->base;
}

static void link_run(struct gs_runs *runs, struct mspan *s)
{
	rb_add(&s->rb, &runs->tree, run_less);
	runs->nr_pages += s->npages;
	runs->nr_runs++;
	runs->highest = max(runs->highest, gs_span_end(s));
	gs_arena_set_ends(s->base, s->npages, s);
}

static void unlink_run(struct gs_runs *runs, struct mspan *s)
{
	rb_erase(&s->rb, &runs->tree);
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

/* See struct gs_fit. Merges with its neighbours, whose descriptors are freed. */
static void tree_insert(struct gs_runs *runs, struct mspan *s)
{
	struct mspan *n;

	s = shorten(s);
	n = neighbour(s, s->base - GS_PAGE_SIZE);
	if (n) {
		unlink_run(runs, n);
		s->base = n->base;
		s->npages += n->npages;
		s->needzero |= n->needzero;
		gs_span_free(n);
	}
	n = neighbour(s, gs_span_end(s));
	if (n) {
		unlink_run(runs, n);
		s->npages += n->npages;
		s->needzero |= n->needzero;
		gs_span_free(n);
	}
	s->class = NULL;
	s->slots = NULL;
	/* A free run is none that a caller may have an address of. */
	smp_store_release(&s->state, GS_SPAN_RUN);
	link_run(runs, s);
}

/* Where in @run an aligned stretch of @npages starts, or 0. */
static unsigned long fit(const struct mspan *run, unsigned int npages,
			 unsigned int align)
{
	unsigned long base = ALIGN(run->base, align * GS_PAGE_SIZE);

	return base + npages * GS_PAGE_SIZE <= gs_span_end(run) ? base : 0;
}

/* The smallest run of @npages or more, among equals the lowest; or NULL. */
static struct rb_node *smallest(const struct gs_runs *runs, unsigned int npages)
{
	struct rb_node *node = runs->tree.rb_node, *best = NULL;

	while (node) {
		if (run_of(node)->npages >= npages) {
			best = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return best;
}

/**
 * gs_tree_find() - best fit.
 * @runs: where to look.
 * @npages: wanted.
 * @align: in pages, a power of two.
 * @base: set to where in the run the pages start.
 *
 * An aligned request tries GS_FIND_LOOKS runs in order of length. If none of
 * them has an aligned stretch, it takes the shortest run that is long enough to
 * have one wherever it starts.
 *
 * Return: the run, still in the tree, or NULL.
 */
struct mspan *gs_tree_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base)
{
	struct rb_node *node = smallest(runs, npages);
	unsigned int looks;

	for (looks = 0; node && looks < GS_FIND_LOOKS; looks++) {
		*base = fit(run_of(node), npages, align);
		if (*base)
			break;
		node = rb_next(node);
	}
	gs_count_steps(looks);
	if (looks == GS_FIND_LOOKS) {
		node = smallest(runs, npages + align - 1);
		if (node)
			*base = fit(run_of(node), npages, align);
	}
	return node ? run_of(node) : NULL;
}
GS_EXPORT_KUNIT(gs_tree_find);

/**
 * gs_tree_carve() - take pages out of a run.
 * @runs: of its node.
 * @run: in the tree.
 * @base: first page taken.
 * @npages: taken; they map to no run afterwards.
 * @spare: descriptor for what is left behind the pages if something is left in
 *         front of them too; NULL when that cannot be.
 *
 * Return: a descriptor that is not needed (@run or @spare), or NULL.
 */
struct mspan *gs_tree_carve(struct gs_runs *runs, struct mspan *run,
			    unsigned long base, unsigned int npages,
			    struct mspan *spare)
{
	unsigned int front = (base - run->base) >> GS_PAGE_SHIFT;
	unsigned int behind = run->npages - front - npages;
	unsigned long end = base + npages * GS_PAGE_SIZE;

	unlink_run(runs, run);
	if (front) {
		run->npages = front;
		link_run(runs, run);
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
	link_run(runs, run);
	return spare;
}
GS_EXPORT_KUNIT(gs_tree_carve);

/* See struct gs_fit: best fit. */
static bool tree_take(struct gs_runs *runs, struct mspan *s, unsigned int npages,
		      unsigned int align, struct mspan **spare)
{
	unsigned long base;
	struct mspan *run = gs_tree_find(runs, npages, align, &base);

	if (!run)
		return false;
	s->base = base;
	s->npages = npages;
	s->node = run->node;
	s->zone = run->zone;
	s->needzero = run->needzero;
	*spare = gs_tree_carve(runs, run, base, npages, *spare);
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
	*spare = gs_tree_carve(runs, run, *base, npages, *spare);
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
static unsigned int tree_cut(struct gs_runs *runs, unsigned long npages,
			     unsigned long *base, struct mspan **spare)
{
	unsigned long start = ALIGN_DOWN(runs->highest - 1, GS_ARENA_SIZE);
	unsigned int got = cut_arena(runs, start, npages, base, spare);

	if (!got)
		runs->highest = min(runs->highest, below(start));
	return got;
}

/* The first run behind a place in the order of the tree; under the lock. */
static struct mspan *run_after(const struct gs_runs *runs,
			       const struct gs_runs_pos *pos)
{
	struct mspan last = { .npages = pos->npages, .base = pos->base };
	struct rb_node *node = runs->tree.rb_node, *found = NULL;

	while (node) {
		if (run_less(&last.rb, node)) {
			found = node;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found ? run_of(found) : NULL;
}

/* The run behind @run, or NULL; @pos is then behind @run. Under the lock. */
static struct mspan *run_next(struct mspan *run, struct gs_runs_pos *pos)
{
	struct rb_node *node = rb_next(&run->rb);

	pos->npages = run->npages;
	pos->base = run->base;
	return node ? run_of(node) : NULL;
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

/* See struct gs_fit: GS_VERIFY_BATCH runs. */
static int tree_verify_some(const struct gs_runs *runs,
			    struct gs_runs_check *check)
{
	struct mspan *s = run_after(runs, &check->pos), *prev = NULL;
	unsigned int n;
	int ret = 0;

	for (n = 0; s && !ret && n < GS_VERIFY_BATCH; n++) {
		ret = prev && !run_less(&prev->rb, &s->rb) ? 1 : verify_run(s);
		check->nr_pages += s->npages;
		check->nr_runs++;
		prev = s;
		s = run_next(s, &check->pos);
	}
	gs_count_steps(n);
	check->done = !s;
	return ret;
}

/* See struct gs_fit: in order of length, then address. */
static bool tree_walk(const struct gs_runs *runs, struct gs_runs_pos *pos,
		      unsigned int max, gs_run_fn fn, void *arg)
{
	struct mspan *run = run_after(runs, pos);
	unsigned int n;

	for (n = 0; run && n < max; n++) {
		fn(run->base, run->npages, arg);
		run = run_next(run, pos);
	}
	gs_count_steps(n);
	return run;
}

/* See struct gs_fit. The pages of a run that is left are not given back. */
static void tree_exit(struct gs_runs *runs)
{
	struct rb_node *node = rb_first_postorder(&runs->tree), *next;

	for (; node; node = next) {
		next = rb_next_postorder(node);
		gs_span_free(run_of(node));
	}
	runs->tree = RB_ROOT;
}

const struct gs_fit gs_fit_best = {
	.name = "best",
	.exit = tree_exit,
	.insert = tree_insert,
	.take = tree_take,
	.cut = tree_cut,
	.walk = tree_walk,
	.verify_some = tree_verify_some,
};
GS_EXPORT_KUNIT(gs_fit_best);
