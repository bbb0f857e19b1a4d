// SPDX-License-Identifier: GPL-2.0
/*
 * mheap_verify: check the page heap, a few things for each hold of its lock.
 *
 * What can be seen at one place is checked on a busy machine, too: the order of
 * the runs, their neighbours, what pages map to. Sums over all of the heap mean
 * something only if nothing moved between the first hold and the last one. If
 * nr_lock tells that something did, the walk is made again, MAX_TRIES times at
 * most, and then the sums are left out.
 *
 * Lock:       mheap lock, once per GS_VERIFY_BATCH runs and once per arena.
 * Context:    task; sleeps.
 * Tests:      kunit/mheap_kunit.c
 */
#include <linux/nodemask.h>
#include <linux/sched.h>

#include "back/arena.h"
#include "back/mheap.h"

#define MAX_TRIES	3

/*
 * struct tally - what a walk saw.
 * @in_spans: pages that map to spans in use.
 * @in_runs: pages of free runs.
 * @runs_ok: the counts of each node agree with its runs.
 */
struct tally {
	unsigned long in_spans;
	unsigned long in_runs;
	bool runs_ok;
};

static int verify_runs(struct gs_runs *runs, struct tally *t)
{
	struct gs_runs_check check = { };
	unsigned long flags;
	int ret;

	do {
		gs_lock(&gs_mheap.lock, flags);
		ret = gs_runs_verify_some(runs, &check);
		gs_unlock(&gs_mheap.lock, flags);
		cond_resched();
	} while (!ret && !check.done);
	t->in_runs += check.nr_pages;
	if (check.nr_pages != READ_ONCE(runs->nr_pages) ||
	    check.nr_runs != READ_ONCE(runs->nr_runs))
		t->runs_ok = false;
	return ret == 3 || !ret ? ret : 30 + ret;
}

/* Free pages that the runs count; parked ones count with the spans. */
static bool is_free_run(const struct mspan *s)
{
	return gs_span_is_free(s) && READ_ONCE(s->state) != GS_SPAN_PARKED;
}

static bool ends_map_to(const struct mspan *s)
{
	return gs_arena_span((void *)s->base) == s &&
	       gs_arena_span((void *)(s->base + gs_span_size(s) - 1)) == s;
}

/*
 * Count the pages of spans in use; under the lock. Return: -1 if one maps to
 * something else than the span that has it.
 */
static long count_arena(const struct heap_arena *arena, unsigned long start)
{
	struct mspan *inside = NULL;
	long pages = 0;
	int page;

	for (page = 0; page < GS_ARENA_PAGES; page++) {
		struct mspan *s = arena->spans[page];
		void *p = (void *)(start + page * GS_PAGE_SIZE);

		/* All pages of a span map to it, up to its end. */
		if (inside && gs_span_covers(inside, p) && s != inside)
			return -1;
		/* What is left of an earlier span tells nothing. */
		if (!gs_span_covers(s, p) || is_free_run(s)) {
			inside = NULL;
			continue;
		}
		if (s != inside && !ends_map_to(s))
			return -1;
		inside = s;
		pages++;
	}
	return pages;
}

static int verify_arenas(struct tally *t)
{
	struct heap_arena *arena;
	unsigned long i, flags;
	long pages;

	gs_arena_for_each(i, arena) {
		gs_lock(&gs_mheap.lock, flags);
		pages = count_arena(arena, gs_arena_base(i));
		gs_unlock(&gs_mheap.lock, flags);
		if (pages < 0)
			return 3;
		t->in_spans += pages;
		cond_resched();
	}
	return 0;
}

static bool sums_ok(const struct tally *t)
{
	unsigned long flags;
	bool ok;

	gs_lock(&gs_mheap.lock, flags);
	ok = t->in_spans == gs_mheap.in_spans &&
	     gs_mheap.drawn - gs_mheap.released ==
	     gs_mheap.in_spans + t->in_runs;
	gs_unlock(&gs_mheap.lock, flags);
	return ok;
}

/**
 * gs_mheap_verify() - check the page heap.
 *
 * Context: task; sleeps.
 * Return: 0 or the number of the first broken invariant: 3, 4; 31, 32, 34 for R1
 * to R3.
 */
int gs_mheap_verify(void)
{
	unsigned int try;

	for (try = 0; try < MAX_TRIES; try++) {
		unsigned long before = READ_ONCE(gs_mheap.nr_lock);
		struct tally t = { .runs_ok = true };
		int node, ret = 0;

		for (node = 0; node < nr_node_ids && !ret; node++)
			ret = verify_runs(&gs_mheap.runs[node], &t);
		ret = ret ?: verify_arenas(&t);
		if (ret)
			return ret;
		ret = !t.runs_ok ? 31 : sums_ok(&t) ? 0 : 4;
		if (READ_ONCE(gs_mheap.nr_lock) == before)
			return ret;
	}
	return 0;
}
GS_EXPORT_KUNIT(gs_mheap_verify);
