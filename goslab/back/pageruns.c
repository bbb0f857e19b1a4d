// SPDX-License-Identifier: GPL-2.0
/*
 * pageruns: the free pages of a node: spans freed lately, and free runs.
 *
 * A span that is freed goes on a list of its length first, descriptor, mapping
 * and all, and serves the next request of that length without a search. The
 * lists are merged into the free runs when these have nothing that fits, when
 * the lists are long, and before pages are given back.
 *
 * How free runs are kept, and which of them a request gets, is chosen at load
 * (goslab.fit=): pagetree.c, pagelists.c, pageorder.c, pagebits.c or pagefiller.c. Each is a
 * struct gs_fit.
 *
 * Owner:      mheap has one per node; a test may have its own.
 * Lock:       the caller's: mheap lock.
 * Context:    any but NMI; never sleeps. gs_runs_reserve() as its gfp says.
 * Invariants: (gs_runs_verify())
 *   R1, R2  of pageindex.c, pagebits.c or pagefiller.c.
 *   R3  what is on a quick list is in state GS_SPAN_QUICK and of its length, which is at
 *       most quick_longest.
 * Tests:      kunit/pageruns_kunit.c, kunit/fit_kunit.c
 */
#include "back/pageruns.h"

#include <linux/moduleparam.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "back/arena.h"

/* npages has 16 bits. */
static_assert(GS_RUN_WINDOW >> GS_PAGE_SHIFT <= U16_MAX);
static_assert(GS_RUN_WINDOW % GS_ARENA_SIZE == 0);

static char *fit = "segregated";
module_param(fit, charp, 0444);
MODULE_PARM_DESC(fit, "which free pages a request gets: best, segregated, first, next (fit), bitmap (lowest address, as Go since 1.14), or filler (few 2 MiB blocks) (segregated)");

const struct gs_fit *const gs_fits[GS_NR_FITS] = {
	&gs_fit_best, &gs_fit_segregated, &gs_fit_first, &gs_fit_next, &gs_fit_bitmap,
	&gs_fit_filler,
};
GS_EXPORT_KUNIT(gs_fits);

/* The one that fit= names; NULL, and a line in the log, if there is none. */
const struct gs_fit *gs_fit_chosen(void)
{
	unsigned int i;

	for (i = 0; i < GS_NR_FITS; i++)
		if (sysfs_streq(fit, gs_fits[i]->name))
			return gs_fits[i];
	pr_err("goslab: fit=%s: no such policy; use best, segregated, first, next, bitmap or filler\n", fit);
	return NULL;
}

/**
 * gs_runs_init() - no free page.
 * @runs: to fill in.
 * @node: whose pages.
 * @fit: how they are kept.
 *
 * Context: task; sleeps.
 * Return: 0 or -ENOMEM.
 */
int gs_runs_init(struct gs_runs *runs, int node, const struct gs_fit *fit)
{
	*runs = (struct gs_runs) { .node = node, .fit = fit };
	return fit->init ? fit->init(runs) : 0;
}
GS_EXPORT_KUNIT(gs_runs_init);

/* Free the tables of the fit, and the descriptors of runs that are left. */
void gs_runs_exit(struct gs_runs *runs)
{
	if (runs->fit && runs->fit->exit)
		runs->fit->exit(runs);
}
GS_EXPORT_KUNIT(gs_runs_exit);

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
	runs->quick_longest = max(runs->quick_longest, s->npages + 0U);
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
 * @npages: wanted.
 * @most: a span of up to so many will do.
 * @align: in pages, a power of two.
 * @cap: objects that its descriptor must have room for.
 * @tiny: with masks, or without.
 *
 * Return: the span in state GS_SPAN_DEAD, its pages mapped to it; or NULL.
 */
struct mspan *gs_runs_get_quick(struct gs_runs *runs, unsigned int npages,
				unsigned int most, unsigned int align,
				unsigned int cap, bool tiny)
{
	struct mspan *s = NULL;

	for (; !s && npages <= min(most, GS_QUICK_PAGES + 0U); npages++)
		s = gs_quick_take(&runs->quick[npages], align, cap, tiny);
	if (!s)
		return NULL;
	runs->nr_quick--;
	runs->quick_pages -= s->npages;
	runs->nr_pages -= s->npages;
	WRITE_ONCE(s->state, GS_SPAN_DEAD);
	return s;
}
GS_EXPORT_KUNIT(gs_runs_get_quick);

/*
 * Make a run of the longest span on the quick lists, of which there is one. Return: the
 * pages of the run that it became part of, 0 if the fit does not know.
 */
unsigned int gs_runs_merge_longest(struct gs_runs *runs)
{
	unsigned int npages = runs->quick_longest;
	struct mspan *s;

	while (!runs->quick[npages])
		npages--;
	runs->quick_longest = npages;
	s = runs->quick[npages];
	runs->quick[npages] = *gs_quick_next(s);
	runs->nr_quick--;
	runs->quick_pages -= npages;
	runs->nr_pages -= npages;
	return gs_runs_insert(runs, s);
}
GS_EXPORT_KUNIT(gs_runs_merge_longest);

/*
 * Make runs of up to GS_MERGE_BATCH of the spans on the quick lists, the longest
 * first, until one has become a run of @enough pages. Return: whether there are more;
 * the caller may drop the lock before it goes on.
 */
bool gs_runs_merge_quick(struct gs_runs *runs, unsigned int enough)
{
	unsigned int n = 0, pages = 0;

	for (; runs->nr_quick && n < GS_MERGE_BATCH && pages < enough; n++)
		pages = gs_runs_merge_longest(runs);
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
			if (s->state != GS_SPAN_QUICK || s->npages != i ||
			    i > runs->quick_longest)
				return 4;
			if (gs_arena_span((void *)s->base) != s ||
			    gs_arena_span((void *)(gs_span_end(s) - 1)) != s)
				return 3;
			nr++;
			pages += i;
		}
	}
	*nr_pages += pages;
	return nr == runs->nr_quick && pages == runs->quick_pages ? 0 : 4;
}

/**
 * gs_runs_verify_some() - check some runs, at first the quick lists, too.
 * @runs: what to check; under the lock, which may be dropped between two calls.
 * @check: how far it is; all zero at first. What the calls add up means
 *         something only if nothing moved meanwhile.
 *
 * Return: 0, or 1, 2 or 4 for R1, R2, R3, 3 for I3.
 */
int gs_runs_verify_some(const struct gs_runs *runs, struct gs_runs_check *check)
{
	int ret = check->begun ? 0 : verify_quick(runs, &check->nr_pages);

	check->begun = true;
	return ret ?: runs->fit->verify_some(runs, check);
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
	if (runs->huge && check.huge_pages + runs->quick_pages != runs->nr_pages)
		return 1;
	return check.nr_pages == runs->nr_pages &&
	       check.nr_runs == runs->nr_runs ? 0 : 1;
}
GS_EXPORT_KUNIT(gs_runs_verify);
