// SPDX-License-Identifier: GPL-2.0
/*
 * paths.c: what lies below the magazine, each path by itself.
 *
 * refill    objects from the spans of a class, as many at once as a magazine
 *           takes; an operation is one object. A kmem_cache allocates in bulk
 * flush     the same objects back into their spans; bulk frees
 * transfer  a batch into the transfer cache and out of it; an operation is one
 *           object, both ways
 * span      take up a span and give it back; pages of the order that it fits
 * page_run  2 MiB, which no list keeps as they were: cut out of a free run and
 *           merged with it again; pages of that order
 *
 * The spans that refills and flushes work on keep an object here and there, so
 * that they are partly in use, as those of a running system are.
 * Only in builds with GOSLAB_KUNIT, for nothing of this is exported else.
 *
 * Context: task.
 */
#include <linux/mm.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/topology.h>
#include <linux/vmalloc.h>

#include "back/mheap.h"
#include "middle/class.h"
#include "middle/mcentral.h"
#include "middle/transfer.h"

#include "bench.h"

#define TAKEN	(2 * BN_BATCH)
#define NR_KEPT	128
#define STRIDE	((TAKEN - GS_BATCH_MAX - NR_KEPT) / NR_KEPT)

struct paths {
	struct gs_class class;
	unsigned int batch;
	unsigned int n;			/* in e or objs */
	struct gs_entry e[TAKEN];
	void *objs[TAKEN];
	struct gs_entry kept[NR_KEPT];
	void *objs_kept[NR_KEPT];
};

static struct mcentral *central_of(struct paths *p)
{
	return gs_class_central(&p->class, numa_mem_id());
}

/* A batch as a refill has it, of a new span if there is none. */
static int get(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;
	struct mspan *s;
	unsigned int n;

	if (way == BN_GOSLAB) {
		n = gs_mcentral_get(central_of(p), NULL, p->e + p->n, p->batch,
				    NULL);
		if (likely(n)) {
			p->n += n;
			return 0;
		}
		s = gs_class_new_span(&p->class, numa_mem_id(), GFP_KERNEL, false);
		if (!s)
			return -ENOMEM;
		p->n += gs_mcentral_add(central_of(p), s, p->e + p->n, p->batch);
		gs_mcentral_put_span(s);
		return 0;
	}
	if (way == BN_KMEM_CACHE &&
	    !kmem_cache_alloc_bulk(c->slab, GFP_KERNEL, p->batch, p->objs + p->n))
		return -ENOMEM;
	p->n += p->batch;
	return 0;
}

/* The last @n of what was taken go back. */
static void put(struct bn_case *c, enum bn_way way, unsigned int n)
{
	struct paths *p = c->data;

	p->n -= n;
	if (way == BN_GOSLAB)
		gs_mcentral_put(&p->class, p->e + p->n, n);
	else if (way == BN_KMEM_CACHE)
		kmem_cache_free_bulk(c->slab, n, p->objs + p->n);
}

static __always_inline int move(struct bn_case *c, enum bn_way way, bool back)
{
	struct paths *p = c->data;
	u64 start, got = 0, gave = 0;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		start = bn_clock();
		while (p->n + p->batch <= BN_BATCH)
			if (get(c, way))
				return -ENOMEM;
		got += bn_clock() - start;
		start = bn_clock();
		while (p->n)
			put(c, way, min(p->n, p->batch));
		gave += bn_clock() - start;
	}
	c->took = back ? gave : got;
	return 0;
}

static __always_inline int refill(struct bn_case *c, enum bn_way way)
{
	return move(c, way, false);
}

BN_LOOPS(refill);

static __always_inline int flush(struct bn_case *c, enum bn_way way)
{
	return move(c, way, true);
}

BN_LOOPS(flush);

static __always_inline int transfer(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		if (way != BN_GOSLAB)
			continue;
		gs_transfer_flush(central_of(p), p->e, p->batch);
		if (gs_mcentral_get(central_of(p), NULL, p->e, p->batch,
				    NULL) != p->batch)
			return -EIO;
	}
	return 0;
}

BN_LOOPS(transfer);

static struct mspan *run_of(size_t bytes)
{
	struct gs_span_req req = {
		.npages = bytes >> GS_PAGE_SHIFT,
		.min_pages = bytes >> GS_PAGE_SHIFT,
		.align = 1, .cap = 1, .node = numa_mem_id(), .gfp = GFP_KERNEL,
	};

	return gs_mheap_alloc(&req);
}

/* Pages taken and given back: a span of the class, or a run of c->size. */
static __always_inline int pages_pair(struct bn_case *c, enum bn_way way,
				      bool run)
{
	struct paths *p = c->data;
	unsigned int i;

	for (i = 0; i < c->n; i++) {
		struct mspan *s = NULL;
		void *page = NULL;

		if (way != BN_GOSLAB)
			page = bn_alloc(c, c->size, way);
		else if (run)
			s = run_of(c->size);
		else
			s = gs_class_new_span(&p->class, numa_mem_id(),
					      GFP_KERNEL, false);
		if (unlikely(!s && !page))
			return -ENOMEM;
		if (!s)
			bn_free(c, page, way);
		else if (run)
			gs_mheap_free(s);
		else
			gs_class_free_span(s);
	}
	return 0;
}

static __always_inline int span(struct bn_case *c, enum bn_way way)
{
	return pages_pair(c, way, false);
}

BN_LOOPS(span);

static __always_inline int page_run(struct bn_case *c, enum bn_way way)
{
	return pages_pair(c, way, true);
}

BN_LOOPS(page_run);

/* Spans that are empty but for the objects kept. */
static int use_spans(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;
	unsigned int i;
	int err = 0;

	if (way != BN_GOSLAB && way != BN_KMEM_CACHE)
		return 0;
	p->n = 0;
	while (p->n + p->batch <= TAKEN && !err)
		err = get(c, way);
	if (err)
		return err;
	/* The last ones take the places of those kept, which are all before them. */
	for (i = 0; i < NR_KEPT; i++) {
		p->n--;
		p->kept[i] = p->e[i * STRIDE];
		p->e[i * STRIDE] = p->e[p->n];
		p->objs_kept[i] = p->objs[i * STRIDE];
		p->objs[i * STRIDE] = p->objs[p->n];
	}
	while (p->n)
		put(c, way, min(p->n, p->batch));
	return 0;
}

static void leave_spans(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;

	if (way == BN_GOSLAB)
		gs_mcentral_put(&p->class, p->kept, NR_KEPT);
	else if (way == BN_KMEM_CACHE)
		kmem_cache_free_bulk(c->slab, NR_KEPT, p->objs_kept);
}

/* Many spans, so that the class has a transfer cache, and a batch to move. */
static int fill_transfer(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;
	int err = 0;

	p->n = 0;
	if (way != BN_GOSLAB)
		return 0;
	while (p->n + p->batch <= TAKEN && !err)
		err = get(c, BN_GOSLAB);
	if (!err && !central_of(p)->transfer)
		gs_transfer_make(central_of(p), GFP_KERNEL);
	return err;
}

static void empty_transfer(struct bn_case *c, enum bn_way way)
{
	struct paths *p = c->data;

	if (way == BN_GOSLAB)
		put(c, BN_GOSLAB, p->n);
}

/* A run that is twice as long as what will be cut out of it. */
static int leave_run(struct bn_case *c, enum bn_way way)
{
	struct mspan *s = run_of(2 * c->size);

	if (!s)
		return -ENOMEM;
	gs_mheap_free(s);
	return 0;
}

/* Only small objects go through transfer caches; spans of those are all alike. */
static const struct path_case {
	const char *name;
	int (*const *loops)(struct bn_case *c);
	int (*before)(struct bn_case *c, enum bn_way way);
	void (*after)(struct bn_case *c, enum bn_way way);
	unsigned int peers;
	unsigned int n;
	size_t least;			/* bytes of an object */
	size_t most;
} paths[] = {
	{ "refill", refill_loops, use_spans, leave_spans, BIT(BN_KMEM_CACHE), 10,
	  64, SZ_16K },
	{ "flush", flush_loops, use_spans, leave_spans, BIT(BN_KMEM_CACHE), 10,
	  64, SZ_16K },
	{ "transfer", transfer_loops, fill_transfer, empty_transfer, 0, 200,
	  64, 64 },
	{ "span", span_loops, NULL, NULL, BIT(BN_PAGES), 2000, SZ_4K, SZ_16K },
};

static int measure_path(const struct path_case *path, size_t size)
{
	struct bn_case c = {
		.workload = path->name, .size = size, .stretches = 3,
		.loops = path->loops, .before = path->before, .after = path->after,
		.ways = BIT(BN_GOSLAB) | BIT(BN_EMPTY) | path->peers,
		.n = max(path->n * bn_scale / 100, 1U),
	};
	struct paths *p = vzalloc(sizeof(*p));
	unsigned int cpus = gs_transfer_cpus;
	int err;

	if (!p)
		return -ENOMEM;
	c.data = p;
	/* Only that path is about transfer caches, which one CPU has none of. */
	gs_transfer_cpus = path->loops == transfer_loops ? max(cpus, 2U) : 0;
	strscpy(p->class.name, "paths", sizeof(p->class.name));
	err = gs_class_init(&p->class, size, 8);
	if (err)
		goto no_class;
	p->batch = p->class.batch;
	c.ops = c.n;
	if (path->loops == span_loops)
		c.size = p->class.npages * GS_PAGE_SIZE;
	else if (path->loops == transfer_loops)
		c.ops *= p->batch;
	else
		c.ops *= BN_BATCH / p->batch * p->batch;
	err = bn_measure_open(&c);
	gs_class_exit(&p->class);
no_class:
	gs_transfer_cpus = cpus;
	vfree(p);
	return err;
}

int bn_path(const char *name)
{
	static const size_t sizes[] = { 64, 256, 1024, 4096, 16384 };
	const struct path_case *path = paths;
	int i, err = 0;

	while (strcmp(path->name, name))
		path++;
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		if (sizes[i] >= path->least && sizes[i] <= path->most)
			err = measure_path(path, sizes[i]);
	return err;
}

int bn_page_run(const char *name)
{
	struct bn_case c = {
		.workload = name, .size = SZ_2M, .loops = page_run_loops,
		.ways = BIT(BN_GOSLAB) | BIT(BN_PAGES) | BIT(BN_EMPTY),
		.n = max(2000 * bn_scale / 100, 1U), .stretches = 3,
		.before = leave_run,
	};

	c.ops = c.n;
	return bn_measure_open(&c);
}
