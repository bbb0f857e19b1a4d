// SPDX-License-Identifier: GPL-2.0
/*
 * tables: the debugfs files with a row per thing: classes, caches, mheap,
 * spans, arenas.
 *
 * Formats: Documentation/debugfs.rst. classes has the shape of zsmalloc's,
 * caches is /proc/slabinfo 2.1 to the letter.
 *
 * Lock:       gs_class_mutex for a survey (scan.c); the mheap lock for mheap
 *             and, an arena at a time, for spans and arenas.
 * Context:    task; sleeps.
 * Tests:      kunit/stats_kunit.c
 */
#include <linux/sched.h>
#include <linux/seq_file.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "back/pagecache.h"
#include "base/sizeclass.h"
#include "middle/stack.h"
#include "watch/scan.h"
#include "watch/watch.h"

/* Free runs that one hold of the lock counts. */
#define RUNS_PER_HOLD	256

static void class_row(struct seq_file *m, const char *name, unsigned int size,
		      const struct gs_census *n, unsigned int per_span,
		      unsigned int pages)
{
	seq_printf(m, " %5s %7u %8lu %9lu %9lu %9lu %9lu %9lu %8u %8u %10zu\n",
		   name, size, n->spans, n->objects, n->live, n->cached,
		   n->objects - n->live - n->cached - n->pending, n->pages,
		   per_span, pages, gs_census_tail(n));
}

static void class_rows(struct seq_file *m, struct gs_survey *v)
{
	struct gs_census sum = { }, caches = { }, heaps = { };
	struct gs_class *c;
	unsigned int cls, i;
	char name[8];

	class_row(m, "0", 0, &v->of[0], 1, 0);
	for (cls = 1; cls < GS_NR_CLASSES; cls++) {
		struct gs_class *scan = &gs_classes[gs_spc(cls, false)];
		struct gs_census n = v->of[scan->scan];

		gs_census_add(&n, &v->of[gs_classes[gs_spc(cls, true)].scan]);
		snprintf(name, sizeof(name), "%u", cls);
		class_row(m, name, scan->elemsize, &n, scan->nelems,
			  scan->npages);
	}
	c = &gs_classes[GS_SPC_TINY];
	class_row(m, "tiny", c->elemsize, &v->of[c->scan], c->nelems,
		  c->npages);
	for (i = 0; i < GS_STACK_ORDERS; i++) {
		c = &gs_stack_classes[i];
		snprintf(name, sizeof(name), "stk%u", i);
		class_row(m, name, c->elemsize, &v->of[c->scan], c->nelems,
			  c->npages);
	}
	list_for_each_entry(c, &gs_class_list, link) {
		if (gs_class_is_cache(c))
			gs_census_add(&caches, &v->of[c->scan]);
		else if (c->heap)
			gs_census_add(&heaps, &v->of[c->scan]);
	}
	class_row(m, "cache", 0, &caches, 0, 0);
	class_row(m, "heap", 0, &heaps, 0, 0);
	for (i = 0; i < v->nr; i++)
		gs_census_add(&sum, &v->of[i]);
	seq_putc(m, '\n');
	class_row(m, "Total", 0, &sum, 0, 0);
}

int gs_classes_show(struct seq_file *m, void *unused)
{
	struct gs_survey *v;

	seq_printf(m, " %5s %7s %8s %9s %9s %9s %9s %9s %8s %8s %10s\n", "class",
		   "size", "spans", "objects", "live", "cached", "free",
		   "pages", "per_span", "span_pgs", "waste");
	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	if (v) {
		class_rows(m, v);
		gs_survey_free(v);
	}
	mutex_unlock(&gs_class_mutex);
	return v ? 0 : -ENOMEM;
}

static void cache_row(struct seq_file *m, const struct gs_class *c,
		      const struct gs_census *n)
{
	unsigned int kernel_pages = (c->npages << GS_PAGE_SHIFT) >> PAGE_SHIFT;

	seq_printf(m, "%-17s %6lu %6lu %6u %4u %4d", c->name, n->live,
		   n->objects, c->elemsize, c->nelems,
		   max(kernel_pages, 1U));
	seq_printf(m, " : tunables %4u %4u %4u", c->depth, c->batch, 0);
	seq_printf(m, " : slabdata %6lu %6lu %6lu\n", n->spans, n->spans,
		   n->owned);
}

int gs_caches_show(struct seq_file *m, void *unused)
{
	struct gs_survey *v;
	struct gs_class *c;

	seq_puts(m, "slabinfo - version: 2.1\n");
	seq_puts(m, "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab>");
	seq_puts(m, " : tunables <limit> <batchcount> <sharedfactor>");
	seq_puts(m, " : slabdata <active_slabs> <num_slabs> <sharedavail>\n");
	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	if (v) {
		list_for_each_entry(c, &gs_class_list, link)
			if (gs_class_is_cache(c) || v->of[c->scan].spans)
				cache_row(m, c, &v->of[c->scan]);
		gs_survey_free(v);
	}
	mutex_unlock(&gs_class_mutex);
	return v ? 0 : -ENOMEM;
}

#define NR_LENGTHS	14

static void count_run(unsigned long base, unsigned int npages, void *arg)
{
	unsigned long *hist = arg;

	hist[min_t(unsigned int, ilog2(npages), NR_LENGTHS - 1)]++;
}

/* Free runs of a node, by power of two of pages, some for each hold of the lock. */
static void count_runs(struct mheap *h, unsigned long *hist)
{
	struct gs_runs_pos pos = { };
	unsigned long flags;
	bool more;

	do {
		gs_lock(&h->lock, flags);
		more = h->runs.fit->walk(&h->runs, &pos, RUNS_PER_HOLD,
					 count_run, hist);
		gs_unlock(&h->lock, flags);
		cond_resched();
	} while (more);
}

static void runs_row(struct seq_file *m, int node)
{
	struct gs_runs *runs = &gs_mheaps[node].runs;
	unsigned long hist[NR_LENGTHS] = { };
	unsigned int i;

	count_runs(&gs_mheaps[node], hist);
	seq_printf(m, "Node %d, free runs %6lu quick %6lu pages %8lu :", node,
		   runs->nr_runs, runs->nr_quick, runs->nr_pages);
	for (i = 0; i < NR_LENGTHS; i++)
		seq_printf(m, " %6lu", hist[i]);
	seq_putc(m, '\n');
}

int gs_mheap_show(struct seq_file *m, void *unused)
{
	struct gs_parked parked = gs_pagecache_read();
	struct mheap_counts n = gs_mheap_counts();
	unsigned int i;
	int node;

	seq_puts(m, "mheap - version: 1.0\n");
	seq_puts(m, "# free runs by node and pages: 1 2-3 4-7 8-15 ... 8192 and more\n");
	for (node = 0; node < nr_node_ids; node++)
		if (node_possible(node))
			runs_row(m, node);
	seq_puts(m, "# blocks drawn, by order of PAGE_SIZE\norders drawn:");
	for (i = 0; i <= GS_MAX_ORDER; i++)
		seq_printf(m, " %lu", n.orders[i]);
	seq_printf(m, "\npages drawn: %lu\n", n.drawn);
	seq_printf(m, "pages released: %lu\n", n.released);
	seq_printf(m, "pages in spans: %lu\n", gs_pages_in_use(&parked));
	seq_printf(m, "pages parked: %lu\n", parked.pages);
	seq_printf(m, "pages free: %lu\n", gs_mheap_free_pages());
	seq_printf(m, "page size: %lu\n", GS_PAGE_SIZE);
	seq_printf(m, "fit: %s\n", gs_mheaps[0].runs.fit->name);
	return 0;
}

static const char *state_name(const struct mspan *s)
{
	switch (s->state) {
	case GS_SPAN_SMALL:
		return s->owned ? "owned" : "central";
	case GS_SPAN_TINY:
		return "tiny";
	case GS_SPAN_LARGE:
		return "large";
	case GS_SPAN_ZOMBIE:
		return "zombie";
	case GS_SPAN_RCU:
		return "rcu";
	case GS_SPAN_STACK:
	case GS_SPAN_LARGE_STACK:
		return "stack";
	}
	return "moving";
}

static void span_row(const struct mspan *s, void *arg)
{
	struct seq_file *m = arg;
	const struct gs_class *c = READ_ONCE(s->class);
	unsigned long arena = round_down(s->base, GS_ARENA_SIZE);
	struct gs_census n = { };

	gs_census_span(&n, s);
	seq_printf(m, "%p %4d %-7s %6u %7u %6lu %6lu %s", (void *)s->base,
		   s->node, state_name(s), s->npages, s->elemsize, n.live,
		   n.cached, c ? c->name : "-");
	/* Hashed addresses do not tell where in its arena a span is. */
	seq_printf(m, " %6lu %p %3lu\n", n.objects, (void *)arena,
		   (s->base - arena) >> GS_PAGE_SHIFT);
}

/*
 * spans and arenas are read an arena at a time, so that the buffer has room for
 * one arena's rows, however many there are. Position 0 is the header, position i
 * the arena i - 1.
 */
static void *next_arena(loff_t *pos)
{
	unsigned long i;

	if (!*pos)
		return SEQ_START_TOKEN;
	i = *pos - 1;
	if (!gs_radix_next(&gs_radix, &i))
		return NULL;
	*pos = i + 1;
	return pos;
}

static void *arenas_start(struct seq_file *m, loff_t *pos)
{
	return next_arena(pos);
}

static void *arenas_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return next_arena(pos);
}

static void arenas_stop(struct seq_file *m, void *v)
{
}

static int gs_spans_show(struct seq_file *m, void *v)
{
	/* An arena that went meanwhile has no rows. */
	if (v != SEQ_START_TOKEN) {
		gs_scan_arena(gs_arena_base(*(loff_t *)v - 1), span_row, m);
		return 0;
	}
	seq_puts(m, "spans - version: 1.0\n");
	seq_puts(m, "# base           node state    pages    size   live cached class objects arena page\n");
	return 0;
}

const struct seq_operations gs_spans_sops = {
	.start = arenas_start,
	.next = arenas_next,
	.stop = arenas_stop,
	.show = gs_spans_show,
};

/* What a row says of an arena. */
struct arena_sums {
	unsigned int in_spans;
	unsigned int free;
	unsigned int runs;
};

static bool add_page(struct mspan *s, void *p, void *arg)
{
	struct arena_sums *sums = arg;

	if (!gs_span_covers(s, p))
		return true;
	if (!gs_span_is_free(s)) {
		sums->in_spans++;
	} else if ((unsigned long)p == s->base) {
		sums->runs++;
		sums->free += s->npages;
	}
	return true;
}

static void arena_row(struct seq_file *m, unsigned long i)
{
	unsigned long base = gs_arena_base(i);
	struct arena_sums sums = { };

	gs_mheap_each_page(base, 0, GS_ARENA_PAGES, add_page, &sums);
	seq_printf(m, "%p %8u %8u %8u %8lu\n", (void *)base, sums.in_spans,
		   sums.free, sums.runs, GS_ARENA_PAGES);
}

static int gs_arenas_show(struct seq_file *m, void *v)
{
	if (v != SEQ_START_TOKEN) {
		arena_row(m, *(loff_t *)v - 1);
		return 0;
	}
	seq_puts(m, "arenas - version: 1.0\n");
	seq_puts(m, "# base           in_spans free     runs     pages\n");
	return 0;
}

const struct seq_operations gs_arenas_sops = {
	.start = arenas_start,
	.next = arenas_next,
	.stop = arenas_stop,
	.show = gs_arenas_show,
};
