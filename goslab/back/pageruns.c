// SPDX-License-Identifier: GPL-2.0
/*
 * pageruns: free runs of pages, best fit, split and merge.
 *
 * A run is an mspan in state GS_SPAN_RUN. The smallest run that holds a
 * request wins, among equals the lowest address; what is left stays a run;
 * neighbours merge, found by the radix tree, never across nodes or zones.
 * (Go before 1.14: the treap of free spans.)
 *
 * Owner:      mheap has one per node; a test may have its own.
 * Lock:       the caller's: mheap lock.
 * Context:    any but NMI; never sleeps, allocates nothing.
 * Invariants: (gs_runs_verify())
 *   R1  the tree is in order and its sums are right.
 *   R2  no two runs that could merge touch.
 *   I3  the ends of a run map to the run.
 * Tests:      kunit/pageruns_kunit.c
 */
#include "back/pageruns.h"

#include "back/arena.h"

/* npages is 16 bits; longer runs than this serve nobody. */
#define MAX_RUN_PAGES	(16 * GS_ARENA_PAGES)

#define run_of(node)	rb_entry(node, struct mspan, rb)

static bool run_less(struct rb_node *a, const struct rb_node *b)
{
	const struct mspan *x = run_of(a), *y = run_of(b);

	return x->npages != y->npages ? x->npages < y->npages : x->base < y->base;
}

static unsigned long run_end(const struct mspan *s)
{
	return s->base + gs_span_size(s);
}

static void link_run(struct gs_runs *runs, struct mspan *s)
{
	rb_add(&s->rb, &runs->tree, run_less);
	runs->nr_pages += s->npages;
	runs->nr_runs++;
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

	if (!n || n->state != GS_SPAN_RUN || !gs_span_covers(n, (void *)p) ||
	    n->node != s->node || n->zone != s->zone || n->npages + s->npages > MAX_RUN_PAGES)
		return NULL;
	return n;
}

/**
 * gs_runs_insert() - make a span a free run.
 * @runs: of its node.
 * @s: has base, npages, node, zone, needzero. Merges with
 *     its neighbours, whose descriptors are freed.
 */
void gs_runs_insert(struct gs_runs *runs, struct mspan *s)
{
	struct mspan *n;

	n = neighbour(s, s->base - GS_PAGE_SIZE);
	if (n) {
		unlink_run(runs, n);
		s->base = n->base;
		s->npages += n->npages;
		s->needzero |= n->needzero;
		gs_span_free(n);
	}
	n = neighbour(s, run_end(s));
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
GS_EXPORT_KUNIT(gs_runs_insert);

/* Where in @run an aligned stretch of @npages starts, or 0. */
static unsigned long fit(const struct mspan *run, unsigned int npages,
			 unsigned int align)
{
	unsigned long base = ALIGN(run->base, align * GS_PAGE_SIZE);

	return base + npages * GS_PAGE_SIZE <= run_end(run) ? base : 0;
}

/**
 * gs_runs_find() - best fit.
 * @runs: where to look.
 * @npages: wanted.
 * @align: in pages, a power of two.
 * @base: set to where in the run the pages start.
 *
 * Return: the run, still in the tree, or NULL.
 */
struct mspan *gs_runs_find(struct gs_runs *runs, unsigned int npages,
			   unsigned int align, unsigned long *base)
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
	for (; best; best = rb_next(best)) {
		*base = fit(run_of(best), npages, align);
		if (*base)
			return run_of(best);
	}
	return NULL;
}
GS_EXPORT_KUNIT(gs_runs_find);

/**
 * gs_runs_carve() - take pages out of a run.
 * @runs: of its node.
 * @run: in the tree.
 * @base: first page taken.
 * @npages: taken; they map to no run afterwards.
 * @spare: descriptor for what is left behind the pages if something is left in
 *         front of them too; NULL when that cannot be.
 *
 * Return: a descriptor that is not needed (@run or @spare), or NULL.
 */
struct mspan *gs_runs_carve(struct gs_runs *runs, struct mspan *run,
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
GS_EXPORT_KUNIT(gs_runs_carve);

/* Return: 0, or 1 or 2 for R1, R2, 3 for I3; under the lock. */
int gs_runs_verify(const struct gs_runs *runs)
{
	unsigned long nr_pages = 0, nr_runs = 0;
	struct rb_node *node, *prev = NULL;

	for (node = rb_first(&runs->tree); node; node = rb_next(node)) {
		struct mspan *s = run_of(node);

		if (s->state != GS_SPAN_RUN || !s->npages ||
		    (prev && !run_less(prev, node)))
			return 1;
		if (neighbour(s, s->base - GS_PAGE_SIZE) ||
		    neighbour(s, run_end(s)))
			return 2;
		if (gs_arena_span((void *)s->base) != s ||
		    gs_arena_span((void *)(run_end(s) - 1)) != s)
			return 3;
		nr_pages += s->npages;
		nr_runs++;
		prev = node;
	}
	return nr_pages == runs->nr_pages && nr_runs == runs->nr_runs ? 0 : 1;
}
GS_EXPORT_KUNIT(gs_runs_verify);
