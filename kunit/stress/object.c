// SPDX-License-Identifier: GPL-2.0
/*
 * object.c: one step of an actor, and the table that actors swap handles with.
 *
 * Lock:     none. A handle belongs to the actor that holds it; it changes
 *           hands by xchg() on the table only, which orders what was written
 *           before it against what the next one reads.
 * Context:  steps run in task, softirq and hardirq context.
 * Memory:   handles and table are made once; steps allocate from goslab only.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/vmalloc.h>

#include "../pattern.h"
#include "stress.h"

#define TABLE_SIZE	2048
#define CTOR_SEED	0x5eed
#define REPORTS		10
#define BULK		48	/* objects of a bulk call, at most */

static const struct {
	const char *name;
	size_t size;
	size_t align;
	bool ctor;
} cache_specs[] = {
	{ "stress-24", 24, 0, false },
	{ "stress-200", 200, 64, false },
	{ "stress-3000", 3000, 0, false },
	{ "stress-ctor-72", 72, 0, true },
	{ "stress-ctor-600", 600, 128, true },
};

static struct goslab_cache *caches[ARRAY_SIZE(cache_specs)];
static struct goslab_heap *heap;
static struct handle *handles;
static unsigned int nr_handles;
static unsigned int next_hand;	/* handles given to actors so far */
static struct handle *table[TABLE_SIZE];
static atomic_t reports;

static void ctor_72(void *p)
{
	gs_pattern_fill(p, 72, CTOR_SEED);
}

static void ctor_600(void *p)
{
	gs_pattern_fill(p, 600, CTOR_SEED);
}

static void note(struct counts *c, atomic_long_t *n, const char *what,
		 size_t size)
{
	atomic_long_inc(n);
	if (atomic_inc_return(&reports) <= REPORTS)
		pr_err("%s: %s, object of %zu bytes\n", c->name, what, size);
}

/* xorshift64*, which must not start at 0. */
u64 actor_random(struct actor *a)
{
	a->random ^= a->random >> 12;
	a->random ^= a->random << 25;
	a->random ^= a->random >> 27;
	return a->random * 0x2545f4914f6cdd1dULL;
}

/* Small ones more often: a random power of two, then any size below it. */
static size_t random_size(struct actor *a)
{
	u64 r = actor_random(a) >> 8;
	size_t below = 2UL << (r % ilog2(a->max_size));

	return 1 + (r >> 8) % below;
}

static void check_alignment(struct counts *c, const void *p, size_t size,
			    size_t align)
{
	if (!IS_ALIGNED((unsigned long)p, align))
		note(c, &c->misaligned, "misaligned", size);
}

/* The largest power of two that divides the size, and 8 at least. */
void check_malloc_alignment(struct counts *c, const void *p, size_t size)
{
	check_alignment(c, p, size, max_t(size_t, size & -size, 8));
}

static void check_noscan_alignment(struct counts *c, const void *p, size_t size)
{
	size_t align = 8;

	if (size < 16)
		align = min_t(size_t, size & -size, 8);
	check_alignment(c, p, size, align);
}

static void check_zero(struct counts *c, const void *p, size_t size)
{
	if (memchr_inv(p, 0, size))
		note(c, &c->not_zero, "not zero", size);
}

static void *alloc_from_cache(struct actor *a, struct handle *h)
{
	bool ctor = h->kind == KIND_CTOR;
	unsigned int i;
	void *p;

	do {
		i = (actor_random(a) >> 16) % ARRAY_SIZE(cache_specs);
	} while (cache_specs[i].ctor != ctor);
	h->cache = i;
	h->size = cache_specs[i].size;
	p = goslab_cache_alloc(caches[i], a->gfp);
	if (!p)
		return NULL;
	check_alignment(a->counts, p, h->size, cache_specs[i].align ? : 8);
	if (ctor && !gs_pattern_holds(p, h->size, CTOR_SEED))
		note(a->counts, &a->counts->not_constructed, "not constructed",
		     h->size);
	return p;
}

/* On a node at random, and there only, wherever this runs or moves to. */
static void *alloc_on_node(struct actor *a, struct handle *h)
{
	int node = (actor_random(a) >> 16) % nr_node_ids;
	void *p;

	if (!node_state(node, N_MEMORY))
		node = first_memory_node;
	p = goslab_malloc_node(h->size, a->gfp | __GFP_THISNODE, node);
	if (p && page_to_nid(virt_to_page(p)) != node)
		note(a->counts, &a->counts->misplaced, "on another node",
		     h->size);
	return p;
}

static void *alloc_of_kind(struct actor *a, struct handle *h)
{
	void *p;

	switch (h->kind) {
	case KIND_CACHE:
	case KIND_CTOR:
		return alloc_from_cache(a, h);
	case KIND_NOSCAN:
		p = goslab_malloc_noscan(h->size, a->gfp);
		if (p)
			check_noscan_alignment(a->counts, p, h->size);
		return p;
	case KIND_ZALLOC:
		p = goslab_zalloc(h->size, a->gfp);
		if (p)
			check_zero(a->counts, p, h->size);
		break;
	case KIND_NODE:
		p = alloc_on_node(a, h);
		break;
	case KIND_HEAP:
		p = goslab_heap_malloc(heap, h->size, a->gfp);
		break;
	case KIND_RCU:
		h->size = max(h->size, sizeof(struct rcu_head));
		p = goslab_malloc(h->size, a->gfp);
		break;
	default:
		p = goslab_malloc(h->size, a->gfp);
	}
	if (p)
		check_malloc_alignment(a->counts, p, h->size);
	return p;
}

static void alloc_object(struct actor *a, struct handle *h)
{
	h->kind = (actor_random(a) >> 16) % KINDS;
	h->size = random_size(a);
	h->seed = actor_random(a);
	h->p = alloc_of_kind(a, h);
	if (!h->p) {
		atomic_long_inc(&a->counts->refused);
		return;
	}
	if (goslab_size(h->p) < h->size)
		note(a->counts, &a->counts->changed, "too small", h->size);
	gs_pattern_fill(h->p, h->size, h->seed);
	h->cpu = raw_smp_processor_id();
	atomic_long_inc(&a->counts->allocs);
}

/* The object goes: as it was filled, and then as its ctor left it. */
static void check_contents(struct counts *c, struct handle *h)
{
	if (!gs_pattern_holds(h->p, h->size, h->seed))
		note(c, &c->changed, "contents changed", h->size);
	if (h->kind == KIND_CTOR)
		gs_pattern_fill(h->p, h->size, CTOR_SEED);
}

static void count_free(struct counts *c, const struct handle *h)
{
	atomic_long_inc(&c->frees);
	if (h->cpu != raw_smp_processor_id())
		atomic_long_inc(&c->elsewhere);
}

/* Where the object's memory is used while it waits. */
struct waits {
	struct rcu_head rcu;
};

static void free_object(struct counts *c, struct handle *h)
{
	check_contents(c, h);
	if (h->kind == KIND_CTOR || h->kind == KIND_CACHE)
		goslab_cache_free(caches[h->cache], h->p);
	else if (h->kind == KIND_RCU)
		goslab_free_rcu((struct waits *)h->p, rcu);
	else
		goslab_free(h->p);
	h->p = NULL;
	count_free(c, h);
}

/* Another size; what both sizes have in common must stay. */
static void resize_object(struct actor *a, struct handle *h)
{
	size_t size = random_size(a);
	size_t keep = min3(size, h->size, (size_t)GS_PATTERN_ALL);
	void *p;

	if (!gs_pattern_holds(h->p, h->size, h->seed))
		note(a->counts, &a->counts->changed, "contents changed",
		     h->size);
	gs_pattern_fill(h->p, keep, h->seed);
	p = goslab_realloc(h->p, size, a->gfp);
	if (!p) {
		gs_pattern_fill(h->p, h->size, h->seed);
		atomic_long_inc(&a->counts->refused);
		return;
	}
	if (!gs_pattern_holds(p, keep, h->seed))
		note(a->counts, &a->counts->changed, "lost by realloc", size);
	h->p = p;
	h->size = size;
	gs_pattern_fill(p, size, h->seed);
	atomic_long_inc(&a->counts->reallocs);
}

static bool can_resize(const struct handle *h)
{
	return h->kind == KIND_MALLOC || h->kind == KIND_ZALLOC ||
	       h->kind == KIND_HEAP;
}

/* Another handle for that in hand. Return: 16 random bits more. */
static unsigned int swap_hand(struct actor *a)
{
	u64 r = actor_random(a) >> 16;

	a->hand = xchg(&table[r % TABLE_SIZE], a->hand);
	return r >> 16 & 0xffff;
}

/* @n objects like those of @like, of a cache or of malloc. */
static bool alloc_bulk(struct actor *a, struct handle *like, unsigned int n,
		       void **p)
{
	if (like->kind != KIND_CACHE)
		return goslab_malloc_bulk(like->size, a->gfp, n, p);
	like->cache = 0;
	like->size = cache_specs[0].size;
	return goslab_cache_alloc_bulk(caches[0], a->gfp, n, p);
}

/* Many objects with one call, each into an empty handle if one comes by. */
static void bulk_in(struct actor *a, unsigned int r)
{
	struct handle like = {
		.kind = r & 1 ? KIND_CACHE : KIND_MALLOC,
		.size = random_size(a),
	};
	unsigned int i, n = 1 + (r >> 1) % BULK;
	void *p[BULK];

	if (!alloc_bulk(a, &like, n, p)) {
		atomic_long_inc(&a->counts->refused);
		return;
	}
	for (i = 0; i < n; i++) {
		swap_hand(a);
		if (a->hand->p)
			continue;
		like.seed = actor_random(a);
		like.p = p[i];
		p[i] = NULL;
		check_malloc_alignment(a->counts, like.p, like.size);
		gs_pattern_fill(like.p, like.size, like.seed);
		like.cpu = raw_smp_processor_id();
		*a->hand = like;
		atomic_long_inc(&a->counts->allocs);
	}
	goslab_free_bulk(n, p);
}

/* Many objects of all kinds, wherever they came from, freed with one call. */
static void bulk_out(struct actor *a, unsigned int r)
{
	unsigned int i, n = 1 + (r >> 1) % BULK;
	void *p[BULK];

	for (i = 0; i < n; i++) {
		swap_hand(a);
		p[i] = a->hand->p;
		if (!p[i])
			continue;
		check_contents(a->counts, a->hand);
		a->hand->p = NULL;
		count_free(a->counts, a->hand);
	}
	goslab_free_bulk(n, p);
}

/* Swap the handle in hand for another one and do something with it. */
void actor_step(struct actor *a)
{
	unsigned int r = swap_hand(a);

	if (!(r >> 3 & 63)) {
		if (r & 1)
			bulk_in(a, r >> 9);
		else
			bulk_out(a, r >> 9);
	} else if (!a->hand->p) {
		alloc_object(a, a->hand);
	} else if (can_resize(a->hand) && !(r & 7)) {
		resize_object(a, a->hand);
	} else {
		free_object(a->counts, a->hand);
	}
}

/* Not more often than objects_init() was told. */
void actor_init(struct actor *a, struct counts *counts, gfp_t gfp,
		size_t max_size, u64 seed)
{
	a->hand = &handles[TABLE_SIZE + next_hand++];
	a->random = seed * 0x9e3779b97f4a7c15ULL + next_hand;
	a->random = a->random ? : 1;
	a->gfp = gfp;
	a->max_size = max_size;
	a->counts = counts;
}

/* The table, and handles for it and for so many actors. */
int objects_init(unsigned int actors)
{
	unsigned int i;

	nr_handles = TABLE_SIZE + actors;
	handles = vzalloc(array_size(nr_handles, sizeof(*handles)));
	if (!handles)
		return -ENOMEM;
	for (i = 0; i < TABLE_SIZE; i++)
		table[i] = &handles[i];
	for (i = 0; i < ARRAY_SIZE(cache_specs); i++) {
		caches[i] = goslab_cache_create(cache_specs[i].name,
						cache_specs[i].size,
						cache_specs[i].align, 0,
						!cache_specs[i].ctor ? NULL :
						cache_specs[i].size == 72 ?
						ctor_72 : ctor_600);
		if (!caches[i])
			return -ENOMEM;
	}
	heap = goslab_heap_create("stress-heap", NULL);
	return heap ? 0 : -ENOMEM;
}

/* Frees all objects; all actors must have ended. Also after a failed init. */
void objects_exit(struct counts *counts)
{
	unsigned int i;

	for (i = 0; handles && i < nr_handles; i++)
		if (handles[i].p)
			free_object(counts, &handles[i]);
	for (i = 0; i < ARRAY_SIZE(cache_specs); i++)
		goslab_cache_destroy(caches[i]);
	goslab_heap_destroy(heap);
	vfree(handles);
}
