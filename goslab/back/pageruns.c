// SPDX-License-Identifier: GPL-2.0
/*
 * pageruns: free runs of pages, best fit, split and merge.
 *
 * A run is an mspan in state GS_SPAN_RUN. The smallest run that holds a
 * request wins, among equals the lowest address; what is left stays a run;
 * neighbours merge, found by the radix tree, never across nodes, zones or a
 * multiple of GS_RUN_WINDOW.
 * (Go before 1.14: the treap of free spans.)
 *
 * Merging is put off: a span that is freed goes on a list of its length first,
 * descriptor, mapping and all, and serves the next request of that length
 * without a search. The lists are merged into the tree when it has nothing
 * that fits, when they are long, and before pages are given back.
 *
 * Owner:      mheap has one per node; a test may have its own.
 * Lock:       the caller's: mheap lock.
 * Context:    any but NMI; never sleeps, allocates nothing.
 * Invariants: (gs_runs_verify())
 *   R1  the tree is in order and its sums are right.
 *   R2  no two runs in the tree that could merge touch: those of one node, zone
 *       and GS_RUN_WINDOW.
 *   R3  what is on a quick list is in state GS_SPAN_QUICK and of its length.
 *   I3  the ends of a run map to the run.
 * Tests:      kunit/pageruns_kunit.c
 */
#include "back/pageruns.h"

#include "back/arena.h"

/* npages has 16 bits. */
static_assert(GS_RUN_WINDOW >> GS_PAGE_SHIFT <= U16_MAX);
static_assert(GS_RUN_WINDOW % GS_ARENA_SIZE == 0);

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
	runs->highest = max(runs->highest, run_end(s));
	gs_arena_set_ends(s->base, s->npages, s);
}

static void unlink_run(struct gs_runs *runs, struct mspan *s)
{
	rb_erase(&s->rb, &runs->tree);
	runs->nr_pages -= s->npages;
	runs->nr_runs--;
	gs_arena_set_ends(s->base, s->npages, NULL);
}

/*
 * Are both in one GS_RUN_WINDOW? The direct map begins at a multiple of it, and
 * blocks are aligned to their size there, so no block is in two windows.
 */
static bool same_window(unsigned long a, unsigned long b)
{
	return !(((a - PAGE_OFFSET) ^ (b - PAGE_OFFSET)) & ~(GS_RUN_WINDOW - 1));
}

/* Is @p the first (or last) page of a run that may merge with @s? */
static struct mspan *neighbour(const struct mspan *s, unsigned long p)
{
	struct mspan *n = gs_arena_span((void *)p);

	if (!n || !gs_runs_is_run(n, s->node) || !gs_span_covers(n, (void *)p) ||
	    n->zone != s->zone || !same_window(n->base, s->base))
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
 * gs_runs_find() - best fit.
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
struct mspan *gs_runs_find(struct gs_runs *runs, unsigned int npages,
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

/**
 * gs_runs_put_quick() - keep a freed span as it is.
 * @runs: of its node.
 * @s: in nobody's reach; its pages map to it.
 *
 * Return: false if it is too long for that, or there are enough.
 */
bool gs_runs_put_quick(struct gs_runs *runs, struct mspan *s)
{
	if (s->npages > GS_QUICK_PAGES || runs->nr_quick >= GS_QUICK_MAX ||
	    runs->quick_pages + s->npages > GS_QUICK_MAX_PAGES)
		return false;
	WRITE_ONCE(s->state, GS_SPAN_QUICK);
	*gs_quick_next(s) = runs->quick[s->npages];
	runs->quick[s->npages] = s;
	runs->nr_quick++;
	runs->quick_pages += s->npages;
	runs->nr_pages += s->npages;
	return true;
}
GS_EXPORT_KUNIT(gs_runs_put_quick);

/**
 * gs_quick_take() - take a span out of a list of freed ones, if one fits.
 * @list: spans of the length that is wanted.
 * @align: in pages, a power of two.
 * @cap: objects that its descriptor must have room for.
 * @tiny: with masks, or without.
 *
 * Looks at a few only. Return: the span, its state as it was; or NULL.
 */
struct mspan *gs_quick_take(struct mspan **list, unsigned int align,
			    unsigned int cap, bool tiny)
{
	unsigned int look = 0;
	struct mspan *s;

	for (; (s = *list) && look < 4; list = gs_quick_next(s), look++) {
		if (s->cap < cap || s->tiny != tiny ||
		    !IS_ALIGNED(s->base, align * GS_PAGE_SIZE))
			continue;
		*list = *gs_quick_next(s);
		return s;
	}
	return NULL;
}

/**
 * gs_runs_get_quick() - a span just as it was freed.
 * @runs: where from.
 * @npages: wanted, exactly.
 * @align: in pages, a power of two.
 * @cap: objects that its descriptor must have room for.
 * @tiny: with masks, or without.
 *
 * Return: the span in state GS_SPAN_DEAD, its pages mapped to it; or NULL.
 */
struct mspan *gs_runs_get_quick(struct gs_runs *runs, unsigned int npages,
				unsigned int align, unsigned int cap, bool tiny)
{
	struct mspan *s;

	if (npages > GS_QUICK_PAGES)
		return NULL;
	s = gs_quick_take(&runs->quick[npages], align, cap, tiny);
	if (!s)
		return NULL;
	runs->nr_quick--;
	runs->quick_pages -= npages;
	runs->nr_pages -= npages;
	WRITE_ONCE(s->state, GS_SPAN_DEAD);
	return s;
}
GS_EXPORT_KUNIT(gs_runs_get_quick);

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

/*
 * Make runs of up to GS_MERGE_BATCH of the spans on the quick lists, the
 * longest first. Return: whether there are more; the caller may drop the lock
 * before it goes on.
 */
bool gs_runs_merge_quick(struct gs_runs *runs)
{
	unsigned int npages = GS_QUICK_PAGES, n = 0;
	struct mspan *s;

	while (runs->nr_quick && n < GS_MERGE_BATCH) {
		s = runs->quick[npages];
		if (!s) {
			npages--;
			continue;
		}
		runs->quick[npages] = *gs_quick_next(s);
		runs->nr_quick--;
		runs->quick_pages -= npages;
		runs->nr_pages -= npages;
		gs_runs_insert(runs, shorten(s));
		n++;
	}
	gs_count_steps(n);
	return runs->nr_quick;
}
GS_EXPORT_KUNIT(gs_runs_merge_quick);

static int verify_quick(const struct gs_runs *runs, unsigned long *nr_pages)
{
	unsigned long nr = 0, pages = 0;
	unsigned int i;
	struct mspan *s;

	for (i = 0; i <= GS_QUICK_PAGES; i++) {
		for (s = runs->quick[i]; s; s = *gs_quick_next(s)) {
			if (s->state != GS_SPAN_QUICK || s->npages != i)
				return 4;
			if (gs_arena_span((void *)s->base) != s ||
			    gs_arena_span((void *)(run_end(s) - 1)) != s)
				return 3;
			nr++;
			pages += i;
		}
	}
	*nr_pages += pages;
	return nr == runs->nr_quick && pages == runs->quick_pages ? 0 : 4;
}

/**
 * gs_runs_after() - the first run behind a place in the order.
 * @runs: where to look; under the lock.
 * @pos: the place; all zero for the first run of all.
 */
struct mspan *gs_runs_after(const struct gs_runs *runs,
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
struct mspan *gs_runs_next(struct mspan *run, struct gs_runs_pos *pos)
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
	if (neighbour(s, s->base - GS_PAGE_SIZE) || neighbour(s, run_end(s)))
		return 2;
	if (gs_arena_span((void *)s->base) != s ||
	    gs_arena_span((void *)(run_end(s) - 1)) != s)
		return 3;
	return 0;
}

/**
 * gs_runs_verify_some() - check GS_VERIFY_BATCH runs, at first the quick lists, too.
 * @runs: what to check; under the lock, which may be dropped between two calls.
 * @check: how far it is; all zero at first. What the calls add up means
 *         something only if nothing moved meanwhile.
 *
 * Return: 0, or 1, 2 or 4 for R1, R2, R3, 3 for I3.
 */
int gs_runs_verify_some(const struct gs_runs *runs, struct gs_runs_check *check)
{
	struct mspan *s = gs_runs_after(runs, &check->pos), *prev = NULL;
	unsigned int n;
	int ret = 0;

	if (!check->pos.npages)
		ret = verify_quick(runs, &check->nr_pages);

	for (n = 0; s && !ret && n < GS_VERIFY_BATCH; n++) {
		ret = prev && !run_less(&prev->rb, &s->rb) ? 1 : verify_run(s);
		check->nr_pages += s->npages;
		check->nr_runs++;
		prev = s;
		s = gs_runs_next(s, &check->pos);
	}
	gs_count_steps(n);
	check->done = !s;
	return ret;
}
GS_EXPORT_KUNIT(gs_runs_verify_some);

/* The same for all of them, the sums included; under the lock, for tests. */
int gs_runs_verify(const struct gs_runs *runs)
{
	struct gs_runs_check check = { };
	int ret;

	do {
		ret = gs_runs_verify_some(runs, &check);
	} while (!ret && !check.done);
	if (ret)
		return ret;
	return check.nr_pages == runs->nr_pages &&
	       check.nr_runs == runs->nr_runs ? 0 : 1;
}
GS_EXPORT_KUNIT(gs_runs_verify);
