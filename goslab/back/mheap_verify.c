// SPDX-License-Identifier: GPL-2.0
/*
 * mheap_verify: check the page heap, a few things for each hold of its lock.
 *
 * What can be seen at one place is checked on a busy machine, too: the order of
 * the runs, their neighbours, what pages map to. Sums over all of a node mean
 * something only if nothing moved between the first hold and the last one. If
 * nr_lock tells that something did, the walk is made again, MAX_TRIES times at
 * most, and then the sums are left out.
 *
 * Lock:       mheap lock of a node, once per GS_VERIFY_BATCH runs and once per arena.
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
 * @ours: pages that arenas count.
 * @runs_ok: the counts of each node agree with its runs.
 * @pages_ok: and what it drew and gave back with its spans and runs.
 */
struct tally {
	unsigned long in_spans;
	unsigned long ours;
	bool runs_ok;
	bool pages_ok;
};

static int verify_runs(struct mheap *h, struct tally *t)
{
	struct gs_runs_check check = { };
	struct gs_runs *runs = &h->runs;
	unsigned long flags;
	int ret;

	do {
		gs_lock(&h->lock, flags);
		ret = gs_runs_verify_some(runs, &check);
		gs_unlock(&h->lock, flags);
		cond_resched();
	} while (!ret && !check.done);
	if (READ_ONCE(h->n.drawn) - READ_ONCE(h->n.released) !=
	    READ_ONCE(h->n.in_spans) + check.nr_pages)
		t->pages_ok = false;
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
 * struct count - the pages of spans in use of one arena.
 * @inside: the span that the page before belongs to.
 * @pages: so far.
 * @counted: the arena has a page of ours and says so.
 * @bad: 3 if a page maps to something else than the span that has it, 36 if its arena
 *       does not count it; else 0.
 */
struct count {
	struct mspan *inside;
	unsigned long pages;
	bool counted;
	int bad;
};

/* See gs_mheap_each_page(). */
static bool count_page(struct mspan *s, void *p, void *arg)
{
	struct count *count = arg;

	/* All pages of a span map to it, up to its end. */
	if (count->inside && gs_span_covers(count->inside, p) &&
	    s != count->inside)
		goto bad;
	/* Counted before it was mapped, and until it is not any more. */
	if (!count->counted && gs_span_covers(s, p)) {
		count->counted = gs_radix_pages(&gs_radix, gs_arena_index(p));
		if (!count->counted) {
			count->bad = 36;
			return false;
		}
	}
	/* What is left of an earlier span tells nothing. */
	if (!gs_span_covers(s, p) || is_free_run(s)) {
		count->inside = NULL;
		return true;
	}
	if (s != count->inside && !ends_map_to(s))
		goto bad;
	count->inside = s;
	count->pages++;
	return true;
bad:
	count->bad = 3;
	return false;
}

static int verify_arenas(struct tally *t)
{
	unsigned long i;

	gs_arena_for_each(i) {
		struct count count = { };

		gs_mheap_each_page(gs_arena_base(i), 0, GS_ARENA_PAGES, count_page, &count);
		if (count.bad)
			return count.bad;
		t->in_spans += count.pages;
		t->ours += gs_radix_pages(&gs_radix, i);
		cond_resched();
	}
	return 0;
}

/* Pages that all nodes have. */
static unsigned long all_pages(void)
{
	struct mheap_counts n = gs_mheap_counts();

	return n.drawn - n.released;
}

/**
 * gs_mheap_verify() - check the page heap.
 *
 * Context: task; sleeps.
 * Return: 0 or the number of the first broken invariant: 3, 4; 31, 32, 34 for R1
 * to R3; 36 for A1.
 */
int gs_mheap_verify(void)
{
	unsigned int try;

	for (try = 0; try < MAX_TRIES; try++) {
		unsigned long before = gs_mheap_counts().nr_lock;
		struct tally t = { .runs_ok = true, .pages_ok = true };
		int node, ret = 0;

		for (node = 0; node < nr_node_ids && !ret; node++)
			ret = verify_runs(&gs_mheaps[node], &t);
		ret = ret ?: verify_arenas(&t);
		if (ret)
			return ret;
		if (!t.runs_ok)
			ret = 31;
		else if (!t.pages_ok || t.in_spans != gs_mheap_in_spans())
			ret = 4;
		else if (t.ours < all_pages())
			ret = 36;
		if (gs_mheap_counts().nr_lock == before)
			return ret;
	}
	return 0;
}
GS_EXPORT_KUNIT(gs_mheap_verify);
