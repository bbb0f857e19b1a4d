// SPDX-License-Identifier: GPL-2.0
/*
 * frag: what rounding up wastes, and what is freed on another CPU than it was allocated on.
 *
 * By class and by place, from samples: the figures of "perf kmem stat", by its names,
 * without a trace. They are what the samples stand for: exact if each object is one.
 *
 * Lock:       gs_class_mutex for the list of classes.
 * Context:    task; sleeps.
 * Tests:      kunit/frag_kunit.c
 */
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/sort.h>

#include "base/chance.h"
#include "base/owner.h"
#include "front/sample.h"
#include "middle/class.h"
#include "middle/site.h"
#include "watch/watch.h"

#define ONE_SHIFT	ilog2(GS_SITE_ONE)

/* A part of @whole in thousandths of a percent. */
static u64 share(u64 part, u64 whole)
{
	return whole ? div64_u64(part * 100000, whole) : 0;
}

static u64 waste(const struct gs_frag *f)
{
	return f->allocated > f->requested ? f->allocated - f->requested : 0;
}

/* What the samples of a class stand for. */
struct gs_frag gs_frag_of_class(const struct gs_sampled *t)
{
	return (struct gs_frag) {
		.allocated = atomic64_read(&t->bytes),
		.requested = atomic64_read(&t->requested),
		.allocs = atomic64_read(&t->allocs) / GS_SITE_ONE,
		.frees = atomic64_read(&t->frees) / GS_SITE_ONE,
		.ping_pong = atomic64_read(&t->ping_pong) / GS_SITE_ONE,
	};
}
GS_EXPORT_KUNIT(gs_frag_of_class);

/* The same of a site. */
struct gs_frag gs_frag_of_site(const struct gs_site_counts *site, unsigned long rate)
{
	u64 scale = gs_chance_scale(GS_SITE_ONE, site->size, rate);
	struct gs_frag f = {
		.allocs = scale * site->nr_alloc / GS_SITE_ONE,
		.frees = scale * (site->nr_alloc - site->nr_live) / GS_SITE_ONE,
		.ping_pong = scale * site->nr_ping_pong / GS_SITE_ONE,
		.far = scale * site->nr_far / GS_SITE_ONE,
	};

	f.allocated = mul_u64_u64_shr(scale * site->size, site->nr_alloc, ONE_SHIFT);
	f.requested = mul_u64_u64_shr(scale, site->requested, ONE_SHIFT);
	f.freed = mul_u64_u64_shr(scale * site->size, site->nr_alloc - site->nr_live, ONE_SHIFT);
	return f;
}

static void add(struct gs_frag *sum, const struct gs_frag *f)
{
	sum->allocated += f->allocated;
	sum->requested += f->requested;
	sum->freed += f->freed;
	sum->allocs += f->allocs;
	sum->frees += f->frees;
	sum->ping_pong += f->ping_pong;
	sum->far += f->far;
}

static void show_row(struct seq_file *m, const struct gs_frag *f)
{
	u64 frag = share(waste(f), f->allocated);

	seq_printf(m, "%16llu %16llu %12llu %12llu %12llu %4llu.%03llu ", f->allocated,
		   f->requested, f->allocs, f->frees, f->ping_pong, frag / 1000, frag % 1000);
}

static void show_class(struct seq_file *m, const char *name, const struct gs_sampled *t)
{
	struct gs_frag f = gs_frag_of_class(t);

	if (!atomic64_read(&t->nr))
		return;
	show_row(m, &f);
	seq_printf(m, "%s\n", name);
}

static void show_classes(struct seq_file *m)
{
	struct gs_class *c;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link)
		show_class(m, c->name, &c->sampled);
	mutex_unlock(&gs_class_mutex);
	show_class(m, "large", &gs_sampled_large);
}

/* One call of goslab, for a module, whatever its stacks and sizes. */
struct place {
	unsigned long caller;
	u8 owner;
	struct gs_frag f;
};

static int by_caller(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(x->caller, y->caller) ?: cmp_int(x->owner, y->owner);
}

static int by_waste(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return cmp_int(waste(&y->f), waste(&x->f)) ?: cmp_int(y->f.allocated, x->f.allocated);
}

/* @n sites, sorted by caller, as places. Return: how many. */
static unsigned int merge(struct place *place, const struct gs_site_counts *site,
			  unsigned int n, unsigned long rate)
{
	unsigned int i, last = 0;

	for (i = 0; i < n; i++) {
		struct gs_frag f = gs_frag_of_site(&site[i], rate);

		if (i && by_caller(&site[i - 1], &site[i]))
			last++;
		place[last].caller = site[i].caller;
		place[last].owner = site[i].owner;
		add(&place[last].f, &f);
	}
	return n ? last + 1 : 0;
}

static void show_sum(struct seq_file *m, const struct gs_frag *sum)
{
	u64 frag = share(waste(sum), sum->allocated);

	seq_puts(m, "\nSUMMARY\n");
	seq_printf(m, "Total bytes requested: %llu\n", sum->requested);
	seq_printf(m, "Total bytes allocated: %llu\n", sum->allocated);
	seq_printf(m, "Total bytes freed: %llu\n", sum->freed);
	seq_printf(m, "Net total bytes allocated: %llu\n", sum->allocated - sum->freed);
	seq_printf(m, "Total bytes wasted on internal fragmentation: %llu\n", waste(sum));
	seq_printf(m, "Internal fragmentation: %llu.%03llu%%\n", frag / 1000, frag % 1000);
	seq_printf(m, "Ping-pong frees: %llu/%llu\n", sum->ping_pong, sum->frees);
	seq_printf(m, "Cross CPU allocations: %llu/%llu\n", sum->far, sum->allocs);
}

static void show_places(struct seq_file *m, const struct place *place, unsigned int n)
{
	struct gs_frag sum = { };
	unsigned int i;

	for (i = 0; i < n; i++) {
		show_row(m, &place[i].f);
		seq_printf(m, "%s %pB\n", gs_owner_name(place[i].owner) ?: "-",
			   (void *)place[i].caller);
		add(&sum, &place[i].f);
	}
	show_sum(m, &sum);
}

/* How far the figures can be trusted. */
static void show_rate(struct seq_file *m, unsigned long rate, u64 samples)
{
	if (rate == 1)
		seq_printf(m, "# exact: each object is a sample; samples lost: %lu\n",
			   gs_sample_lost());
	else if (rate)
		seq_printf(m, "# estimates, of %llu samples, one in %lu bytes\n", samples, rate);
	else
		seq_puts(m, "# nothing is sampled: parameter sample_rate\n");
}

int gs_frag_show(struct seq_file *m, void *unused)
{
	unsigned long rate = READ_ONCE(gs_sample_rate);
	struct gs_site_counts *site;
	struct place *place = NULL;
	u64 samples = 0;
	unsigned int i, n;

	site = gs_site_read(&n);
	if (site)
		place = kvcalloc(n + 1, sizeof(*place), GFP_KERNEL);
	if (!place) {
		kvfree(site);
		return -ENOMEM;
	}
	for (i = 0; i < n; i++)
		samples += site[i].nr_alloc;
	seq_puts(m, "frag - version: 1.0\n");
	show_rate(m, rate, samples);
	seq_printf(m, "#%15s %16s %12s %12s %12s %8s %s\n", "allocated", "requested", "hit",
		   "freed", "ping_pong", "frag", "class");
	show_classes(m);
	sort(site, n, sizeof(*site), by_caller, NULL);
	n = merge(place, site, n, rate);
	sort(place, n, sizeof(*place), by_waste, NULL);
	seq_printf(m, "\n#%15s %16s %12s %12s %12s %8s %s %s\n", "allocated", "requested", "hit",
		   "freed", "ping_pong", "frag", "module", "caller");
	show_places(m, place, n);
	kvfree(place);
	kvfree(site);
	return 0;
}
