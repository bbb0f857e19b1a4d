// SPDX-License-Identifier: GPL-2.0
/*
 * json: all figures in one document, for programs.
 *
 * The schema is Documentation/ABI/testing/debugfs-goslab.
 *
 * Lock:       gs_class_mutex for a survey (scan.c).
 * Context:    task; sleeps.
 * Tests:      kunit/profile_kunit.c
 */
#include <linux/cpumask.h>
#include <linux/ctype.h>

#include "base/chance.h"
#include "base/latency.h"
#include "base/owner.h"
#include "front/sample.h"
#include "middle/site.h"
#include "watch/watch.h"

#define VERSION	1

/* A comma, unless this is the first of its kind. All is in the buffer until the end. */
static void separate(struct seq_file *m)
{
	char last = m->count && m->count <= m->size ? m->buf[m->count - 1] : '{';

	if (last != '{' && last != '[')
		seq_putc(m, ',');
}

static void number(struct seq_file *m, const char *name, u64 value)
{
	separate(m);
	seq_printf(m, "\"%s\":%llu", name, value);
}

static void text(struct seq_file *m, const char *name, const char *value)
{
	separate(m);
	if (!value) {
		seq_printf(m, "\"%s\":null", name);
		return;
	}
	seq_printf(m, "\"%s\":\"", name);
	/* Names of caches and heaps have what isgraph() takes: quotes and Latin-1, too. */
	for (; *value; value++)
		if (*value == '"' || *value == '\\' || !isascii(*value))
			seq_printf(m, "\\u%04x", (u8)*value);
		else
			seq_putc(m, *value);
	seq_putc(m, '"');
}

/* An array or an object begins, with a name or, in an array, without one. */
static void begin(struct seq_file *m, const char *name, char bracket)
{
	separate(m);
	if (name)
		seq_printf(m, "\n\"%s\":", name);
	else
		seq_putc(m, '\n');
	seq_putc(m, bracket);
}

static void show_owners(struct seq_file *m, const struct gs_by_owner *n, const char *name)
{
	unsigned int id;

	begin(m, name, '[');
	for (id = GS_OWNER_MIN; id <= GS_OWNER_MAX; id++) {
		if (!n->objects[id])
			continue;
		begin(m, NULL, '{');
		text(m, "module", gs_owner_name(id));
		number(m, "objects", n->objects[id]);
		number(m, "bytes", n->bytes[id]);
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

/* What samples stand for: of a class, or of a site. */
static void show_frag(struct seq_file *m, const struct gs_frag *f)
{
	begin(m, "sampled", '{');
	number(m, "allocated", f->allocated);
	number(m, "requested", f->requested);
	number(m, "hit", f->allocs);
	number(m, "freed", f->frees);
	number(m, "ping_pong", f->ping_pong);
	seq_putc(m, '}');
}

static void show_class(struct seq_file *m, const struct gs_class *c,
		       const struct gs_census *n)
{
	struct gs_frag f = gs_frag_of_class(&c->sampled);

	begin(m, NULL, '{');
	text(m, "name", c->name);
	text(m, "module", gs_owner_name(gs_class_owner(c)));
	number(m, "size", c->elemsize);
	number(m, "objects", n->objects);
	number(m, "live", n->live);
	number(m, "cached", n->cached);
	number(m, "pending", n->pending);
	number(m, "spans", n->spans);
	number(m, "owned", n->owned);
	number(m, "bytes", (u64)n->pages << GS_PAGE_SHIFT);
	number(m, "waste", gs_census_tail(n));
	show_frag(m, &f);
	seq_putc(m, '}');
}

/* A heap, with its classes and the caches that draw from it, if they have spans. */
static void show_heap(struct seq_file *m, const struct gs_heap_line *line,
		      const struct gs_survey *v)
{
	const struct goslab_heap_usage *u = &line->u;
	struct gs_class *c;

	begin(m, NULL, '{');
	text(m, "name", line->name);
	text(m, "made_by", line->made_by);
	number(m, "quota", u->quota);
	number(m, "held", u->held);
	number(m, "peak", u->peak);
	number(m, "objects", u->nr_live);
	number(m, "bytes", u->live);
	number(m, "refused", u->nr_refused);
	show_owners(m, &line->of, "modules");
	begin(m, "classes", '[');
	list_for_each_entry(c, &gs_class_list, link)
		if (c->heap == line->heap && v->of[c->scan].spans)
			show_class(m, c, &v->of[c->scan]);
	seq_puts(m, "]}");
}

static void show_cpus(struct seq_file *m)
{
	int cpu;

	begin(m, "cpus", '[');
	for_each_possible_cpu(cpu) {
		struct gs_cpu_line n = gs_mcache_line(cpu);

		begin(m, NULL, '{');
		number(m, "cpu", cpu);
		number(m, "slots", n.slots);
		number(m, "spans", n.spans);
		number(m, "objects", n.objects);
		number(m, "bytes", n.bytes);
		number(m, "room", n.room);
		number(m, "allocs", n.allocs);
		number(m, "tiny_allocs", n.tiny_allocs);
		number(m, "refills", n.refills);
		number(m, "flushes", n.flushes);
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

/* The buckets that have something. The last one has no end. */
static void show_path(struct seq_file *m, enum gs_latency_path path)
{
	struct gs_latency sum;
	unsigned int i;

	gs_latency_read(path, &sum);
	begin(m, gs_latency_name(path), '[');
	for (i = 0; i < GS_LATENCY_BUCKETS; i++) {
		if (!sum.n[i])
			continue;
		begin(m, NULL, '{');
		number(m, "min", gs_latency_from(i));
		if (i < GS_LATENCY_BUCKETS - 1)
			number(m, "max", gs_latency_from(i + 1) - 1);
		number(m, "count", sum.n[i]);
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

static void show_latency(struct seq_file *m)
{
	enum gs_latency_path path;

	begin(m, "latency", '{');
	for (path = 0; path < GS_NR_LATENCIES; path++)
		show_path(m, path);
	seq_putc(m, '}');
}

/* What samples stand for, by site. */
static void show_sites(struct seq_file *m, const struct gs_site_counts *site, unsigned int n)
{
	unsigned long rate = READ_ONCE(gs_sample_rate);
	char name[128];

	begin(m, "sites", '[');
	for (; n--; site++) {
		u64 live = gs_chance_scale(site->nr_live, site->size, rate);
		struct gs_frag f = gs_frag_of_site(site, rate);

		snprintf(name, sizeof(name), "%pB", (void *)site->caller);
		begin(m, NULL, '{');
		text(m, "caller", name);
		text(m, "module", gs_owner_name(site->owner));
		number(m, "size", site->size);
		number(m, "stack", site->stack);
		number(m, "objects", live);
		number(m, "bytes", live * site->size);
		number(m, "allocs", gs_chance_scale(site->nr_alloc, site->size, rate));
		number(m, "samples", site->nr_alloc);
		show_frag(m, &f);
		seq_putc(m, '}');
	}
	seq_putc(m, ']');
}

static void show_all(struct seq_file *m, const struct gs_survey *v,
		     const struct gs_heap_table *t)
{
	unsigned int i;

	seq_putc(m, '{');
	number(m, "version", VERSION);
	number(m, "page_size", GS_PAGE_SIZE);
	number(m, "sample_rate", READ_ONCE(gs_sample_rate));
	begin(m, "stats", '{');
	gs_stats_each(m, number, v);
	seq_putc(m, '}');
	show_owners(m, &v->owners, "modules");
	begin(m, "heaps", '[');
	for (i = 0; i < t->nr; i++)
		show_heap(m, &t->line[i], v);
	seq_putc(m, ']');
	show_cpus(m);
	show_latency(m);
}

int gs_json_show(struct seq_file *m, void *unused)
{
	struct gs_heap_table *t = NULL;
	struct gs_site_counts *sites;
	struct gs_survey *v;
	unsigned int n;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	if (v)
		t = gs_heaps_read();
	if (t)
		show_all(m, v, t);
	mutex_unlock(&gs_class_mutex);
	sites = gs_site_read(&n);
	if (t && sites) {
		show_sites(m, sites, n);
		seq_puts(m, "}\n");
	}
	kvfree(sites);
	kvfree(t);
	if (v)
		gs_survey_free(v);
	return t && sites ? 0 : -ENOMEM;
}
