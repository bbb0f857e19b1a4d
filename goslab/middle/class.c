// SPDX-License-Identifier: GPL-2.0
/*
 * class: span classes: those of malloc, and one for each cache.
 *
 * Flow:       mcache -> [class] -> mcentral, mheap
 * Owner:      the module for gs_classes[], a goslab_cache for its own.
 * Lock:       gs_class_mutex, sleeping, for the list of classes; a class itself
 *             does not change between init and exit. Order: before any other.
 * Context:    init and exit sleep; gs_class_new_span() as @gfp says.
 * Invariants: nelems * elemsize <= npages pages; the multiplier is exact
 *             (base/sizeclass.c).
 * Tests:      kunit/class_kunit.c
 */
#include "middle/class.h"

#include <linux/cache.h>
#include <linux/kernel.h>
#include <linux/log2.h>
#include <linux/nodemask.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "back/mheap.h"
#include "back/pagecache.h"
#include "back/tags.h"
#include "base/fixalloc.h"
#include "base/sizeclass.h"
#include "base/sys.h"
#include "middle/heap.h"
#include "middle/transfer.h"

struct gs_class gs_classes[GS_NR_SPC];
GS_EXPORT_KUNIT(gs_classes);

LIST_HEAD(gs_class_list);
DEFINE_MUTEX(gs_class_mutex);
GS_EXPORT_KUNIT(gs_class_list);
GS_EXPORT_KUNIT(gs_class_mutex);

/* The lists of classes; of no use when a chunk is too small for all nodes. */
static struct fixalloc central_alloc;

/* The bytes that a magazine holds at most, but for page stacks. */
#define MAGAZINE_BYTES	(256U << 10)

/*
 * One less than this a magazine of page stacks has room for, whatever their size:
 * threads come and go in bursts. What a CPU parks in all is bounded (max_parked).
 */
#define LEAST_STACKS	16U

/*
 * Longer spans: of how many bytes and objects at most, and how many of them the
 * class must have had for it. The longest is for large heaps, where descriptors
 * are cache misses; of small objects it is seldom empty.
 */
#define LONG_BYTES	(64U << 10)
/*
 * Bytes of a span of page stacks, or one stack. (Go: 32 KiB. There a pool that is
 * empty takes a span under the lock of all; here that costs some 900 instructions,
 * which two stacks of 32 KiB share.)
 */
#define STACK_BYTES	(64U << 10)
static const struct {
	unsigned int objects;
	unsigned int spans;
} longer[GS_NR_LONGER] = {
	{ .objects = 32, .spans = 8 },
	{ .objects = GS_SPAN_MAX_CAP, .spans = 64 },
};

/*
 * Objects in a span of @npages: what its pages and its descriptor have room for.
 * The descriptor is the limit only where the smallest block that a cgroup can pay
 * for, a kernel page of 16 or 64 KiB, holds more than GS_SPAN_MAX_CAP objects.
 */
static unsigned int objects_in(const struct gs_class *c, unsigned int npages)
{
	return min(npages * GS_PAGE_SIZE / c->elemsize, GS_SPAN_MAX_CAP + 0UL);
}

/*
 * Pages of a longer span: a multiple of the class's. Direct spans are rounded up
 * to a block; a length that is a power of two already stays within @objects.
 */
static unsigned int longer_pages(const struct gs_class *c, unsigned int objects)
{
	unsigned int n = min(LONG_BYTES / (c->npages * GS_PAGE_SIZE),
			     objects / c->nelems + 0UL);

	if (n <= 1 || c->tiny)
		return c->npages;
	return c->account ? rounddown_pow_of_two(c->npages * n) : c->npages * n;
}

/* All that follows from npages, nelems, elemsize, account and tiny. */
static void set_lengths(struct gs_class *c)
{
	unsigned int i;

	for (i = 0; i < GS_NR_LONGER; i++) {
		c->longer[i].npages = longer_pages(c, longer[i].objects);
		c->longer[i].nelems = objects_in(c, c->longer[i].npages);
	}
	c->transfer = min_t(unsigned long, gs_transfer_most(),
			    gs_transfer_most_bytes() / c->elemsize);
	/* One less than a power of two, for so slots come (front/mcache.c). */
	c->depth = clamp(MAGAZINE_BYTES / c->elemsize, c->stack ? LEAST_STACKS : 3U,
			 GS_DEPTH_MAX + 1U) - 1;
	/* What a refill and a flush move: half a magazine, in whole rows. */
	c->batch = gs_whole_rows((c->depth + 1) / 2);
}

static size_t central_bytes(void)
{
	return nr_node_ids * sizeof(struct mcentral);
}

static struct mcentral *alloc_central(void)
{
	size_t bytes = central_bytes();

	if (bytes > PAGE_SIZE / 2)
		return gs_sys_draw_meta(bytes, NUMA_NO_NODE, GFP_KERNEL);
	return gs_fixalloc_alloc(&central_alloc, GFP_KERNEL);
}

/* Make the central lists. Return: 0 or -ENOMEM. */
static int init_central(struct gs_class *c)
{
	int node;

	c->central = alloc_central();
	if (!c->central)
		return -ENOMEM;
	for (node = 0; node < nr_node_ids; node++)
		gs_mcentral_init(&c->central[node], c, node);
	return 0;
}

static void init_malloc(struct gs_class *c, unsigned int cls, const char *kind)
{
	struct gs_sizeclass sc = gs_sizeclass(cls);

	/* Blocks of tiny objects are never for DMA. */
	c->elemsize = c->tiny ? GS_TINY_BLOCK : sc.size;
	c->npages = sc.pages;
	c->align_pages = sc.align_pages;
	c->nelems = sc.pages * GS_PAGE_SIZE / c->elemsize;
	scnprintf(c->name, sizeof(c->name), "%s-%u", kind, sc.size);
	set_lengths(c);
}

/**
 * gs_class_init_sized() - one of the classes of a heap, and put it on the list.
 * @c: all zero but for account.
 * @cls: size class; 0 has no shape, only lists.
 * @heap: name of the heap.
 *
 * Context: Task; under gs_class_mutex.
 * Return: 0 or -ENOMEM.
 */
int gs_class_init_sized(struct gs_class *c, unsigned int cls, const char *heap)
{
	int ret;

	if (cls)
		init_malloc(c, cls, heap);
	else
		scnprintf(c->name, sizeof(c->name), "%s-large", heap);
	ret = init_central(c);
	if (!ret)
		list_add_tail(&c->link, &gs_class_list);
	return ret;
}

/* The locks of each size have a class of their own for lockdep's statistics. */
static void name_locks(struct gs_class *c, struct lock_class_key *key)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		lockdep_set_class_and_name(&c->central[node].lock, key, c->name);
}

static int init_spc(unsigned int spc)
{
	static struct lock_class_key lock_keys[GS_NR_SPC];
	struct gs_class *c = &gs_classes[spc];

	if (spc == GS_SPC_TINY) {
		c->tiny = true;
		init_malloc(c, GS_TINY_CLASS, "tiny");
	} else {
		init_malloc(c, spc >> 1, spc & 1 ? "noscan" : "malloc");
	}
	c->noscan = c->tiny || spc & 1;
	list_add_tail(&c->link, &gs_class_list);
	if (init_central(c))
		return -ENOMEM;
	name_locks(c, &lock_keys[spc]);
	return 0;
}

/* Make the classes of malloc. Return: 0 or -ENOMEM. */
int gs_class_init_malloc(void)
{
	unsigned int spc;

	/* The free list may write to the list heads of what is not in use. */
	gs_fixalloc_init(&central_alloc, min(central_bytes(), PAGE_SIZE / 2),
			 offsetof(struct mcentral, partial), NULL);
	for (spc = 2; spc < GS_NR_SPC; spc++) {
		if (init_spc(spc)) {
			gs_class_exit_malloc();
			return -ENOMEM;
		}
	}
	return 0;
}

void gs_class_exit_malloc(void)
{
	unsigned int spc;

	for (spc = 2; spc < GS_NR_SPC; spc++)
		if (gs_classes[spc].central)
			gs_class_exit(&gs_classes[spc]);
	gs_fixalloc_exit(&central_alloc);
}

/**
 * gs_class_init() - shape the spans of a cache's class and make its lists.
 * @c: has name, owner, ctor, account and stack.
 * @size: bytes of an object, 1 to GOSLAB_MAX_SIZE.
 * @align: power of two, 8 to GOSLAB_MAX_ALIGN.
 *
 * Spans grow by pages until the tail is at most an eighth, as Go's do.
 *
 * Return: 0 or -ENOMEM.
 */
int gs_class_init(struct gs_class *c, size_t size, size_t align)
{
	size_t bytes;

	c->elemsize = ALIGN(size, align);
	bytes = ALIGN(c->elemsize, GS_PAGE_SIZE);
	if (c->stack) {
		bytes = max_t(size_t, c->elemsize, STACK_BYTES);
	} else if (c->elemsize <= GS_MAX_SMALL) {
		bytes = GS_PAGE_SIZE;
		while (bytes < c->elemsize || bytes % c->elemsize > bytes / 8)
			bytes += GS_PAGE_SIZE;
	}
	c->npages = bytes >> GS_PAGE_SHIFT;
	c->nelems = bytes / c->elemsize;
	c->align_pages = 1;
	/* What gs_sizeclass_magic() needs in order to be exact. */
	if (WARN_ON_ONCE(c->nelems > 1 &&
			 c->nelems * c->elemsize > U32_MAX / c->elemsize))
		return -EINVAL;
	set_lengths(c);
	return init_central(c);
}
GS_EXPORT_KUNIT(gs_class_init);

struct gs_sampled gs_sampled_large;
GS_EXPORT_KUNIT(gs_sampled_large);

static void forget(struct gs_sampled *t)
{
	atomic64_set(&t->nr, 0);
	atomic64_set(&t->allocs, 0);
	atomic64_set(&t->frees, 0);
	atomic64_set(&t->ping_pong, 0);
	atomic64_set(&t->bytes, 0);
	atomic64_set(&t->requested, 0);
}

/* A profile begins anew. Sleeps. */
void gs_class_forget_samples(void)
{
	struct gs_class *c;

	forget(&gs_sampled_large);
	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link)
		forget(&c->sampled);
	mutex_unlock(&gs_class_mutex);
}

/* What classes that are gone have handed out. */
static atomic64_t past_objects;
static atomic64_t past_bytes;

/* Add that. */
void gs_class_past(u64 *objects, u64 *bytes)
{
	*objects += atomic64_read(&past_objects);
	*bytes += atomic64_read(&past_bytes);
}

/* Give the lists back; they are empty. No slot is left. */
void gs_class_exit(struct gs_class *c)
{
	s64 n = atomic64_read(&c->nr_past);
	int node;

	atomic64_add(n, &past_objects);
	atomic64_add(n * c->elemsize, &past_bytes);
	for (node = 0; node < nr_node_ids; node++)
		gs_transfer_free(&c->central[node]);
	if (central_bytes() > PAGE_SIZE / 2)
		gs_sys_give_meta(c->central, central_bytes());
	else
		gs_fixalloc_free(&central_alloc, c->central);
}
GS_EXPORT_KUNIT(gs_class_exit);

/**
 * gs_class_empty_transfer() - what lies in a class's transfer caches goes into
 * its spans.
 * @c: the class.
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_class_empty_transfer(struct gs_class *c)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		gs_transfer_empty(gs_class_central(c, node));
}
GS_EXPORT_KUNIT(gs_class_empty_transfer);

/**
 * gs_class_sweep() - empty the transfer caches of all classes. Classes with few
 * spans get short ones again.
 * @idle_only: only those that were not used since the last look.
 *
 * Context: task; sleeps.
 * Return: whether there is something left in one.
 */
bool gs_class_sweep(bool idle_only)
{
	struct gs_class *c;
	bool left = false;
	int node;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link) {
		for (node = 0; node < nr_node_ids; node++) {
			struct mcentral *mc = &c->central[node];

			if (gs_transfer_idle(mc) || !idle_only)
				gs_transfer_empty(mc);
			if (gs_mcentral_nr_spans(mc) < 4)
				WRITE_ONCE(mc->length, 0);
			left |= gs_transfer_nr(mc);
		}
		cond_resched();
	}
	mutex_unlock(&gs_class_mutex);
	return left;
}
GS_EXPORT_KUNIT(gs_class_sweep);

static void construct(struct gs_class *c, struct mspan *s)
{
	unsigned int i;

	for (i = 0; i < s->nelems; i++)
		c->ctor(gs_span_object(s, i));
}

static void clear_masks(struct mspan *s)
{
	memset(gs_span_tiny_masks(s), 0, s->nelems * sizeof(atomic_t));
}

/*
 * Pages of the next span. Each costs a trip to mheap and lines of metadata, so a
 * class with many takes longer ones. The sweep forgets that when few are left.
 */
static unsigned int wanted_pages(const struct gs_class *c, int node)
{
	struct mcentral *mc = gs_class_central(c, node);
	unsigned int length = READ_ONCE(mc->length);
	unsigned int npages = length ? c->longer[length - 1].npages : c->npages;

	if (length == GS_NR_LONGER ||
	    gs_mcentral_nr_spans(mc) * npages <
	    longer[length].spans * c->longer[length].npages)
		return npages;
	WRITE_ONCE(mc->length, length + 1);
	return c->longer[length].npages;
}

/* Objects that fit a span of @npages, most of the time one of the lengths. */
static unsigned int nelems_of(const struct gs_class *c, unsigned int npages)
{
	unsigned int i;

	if (npages == c->npages)
		return c->nelems;
	for (i = 0; i < GS_NR_LONGER; i++)
		if (npages == c->longer[i].npages)
			return c->longer[i].nelems;
	return objects_in(c, npages);
}

static struct mspan *pool_pages(const struct gs_class *c, struct gs_span_req *req)
{
	req->cap = nelems_of(c, req->npages);
	return gs_pagecache_alloc(req);
}

/* Pages of the block that @npages of a direct span are rounded up to. */
static unsigned int block_pages(unsigned int npages)
{
	return PAGE_SIZE << get_order(npages * GS_PAGE_SIZE) >> GS_PAGE_SHIFT;
}

/* Pages that a cgroup pays for come in blocks, full or as few as will do. */
static struct mspan *charged_pages(const struct gs_class *c,
				   struct gs_span_req *req)
{
	gfp_t gfp = req->gfp;
	struct mspan *s;

	if (req->min_pages < req->npages)
		req->gfp = gs_gfp_optional(gfp);
	req->cap = nelems_of(c, block_pages(req->npages));
	s = gs_mheap_alloc_direct(req);
	if (s || req->min_pages == req->npages)
		return s;
	req->npages = req->min_pages;
	req->gfp = gfp;
	req->cap = nelems_of(c, block_pages(req->npages));
	return gs_mheap_alloc_direct(req);
}

/* Bytes that a span of @npages really takes. */
static size_t span_bytes(const struct gs_class *c, unsigned int npages)
{
	return (c->account ? block_pages(npages) : npages) * GS_PAGE_SIZE;
}

/*
 * Charge the heap for a span: the length that is wanted, else the usual one, else
 * that of one object. Return: false if not even that fits the quota.
 */
static bool charge(const struct gs_class *c, struct gs_span_req *req,
		   size_t *charged)
{
	const unsigned int tries[] = { req->npages, c->npages, req->min_pages };
	unsigned int i;

	if (!c->heap)
		return true;
	for (i = 0; i < ARRAY_SIZE(tries); i++) {
		if (i && tries[i] == tries[i - 1])
			continue;
		*charged = span_bytes(c, tries[i]);
		if (gs_heap_charge(c->heap, *charged)) {
			req->npages = tries[i];
			req->fair_pages = min(req->fair_pages, tries[i]);
			return true;
		}
	}
	return false;
}

/**
 * gs_class_new_span() - a fresh span of a class, cut and ready.
 * @c: the class.
 * @node: node preferred.
 * @gfp: the caller's.
 * @this_node: only of @node, and without much effort: the caller has another way.
 *
 * Shorter than the class says, down to one object, when memory is fragmented. A
 * span from the kernel's emergency reserve (GS_DIRECT_RESERVE) has one object,
 * which only this caller may have. The ctor runs here, with no lock held.
 *
 * Return: the span, open to frees, marked owned, known to no list; or NULL.
 */
struct mspan *gs_class_new_span(struct gs_class *c, int node, gfp_t gfp,
				bool this_node)
{
	struct gs_span_req req = {
		.npages = wanted_pages(c, node), .fair_pages = c->npages,
		.min_pages = gs_pages(c->elemsize), .align = c->align_pages,
		.tiny = c->tiny, .atomic = !gfpflags_allow_blocking(gfp),
		.look = this_node, .node = node,
		.gfp = this_node ? gs_gfp_this_node(gfp) : gfp,
	};
	size_t charged = 0;
	struct mspan *s;

	if (!charge(c, &req, &charged))
		return NULL;
	s = c->account ? charged_pages(c, &req) : pool_pages(c, &req);
	if (c->heap)
		gs_heap_uncharge(c->heap, charged - (s ? gs_span_size(s) : 0));
	if (!s)
		return NULL;
	gs_span_cut(s, c, c->elemsize, s->direct == GS_DIRECT_RESERVE ? 1 :
		    nelems_of(c, s->npages));
	gs_tags_make(s, gfp);
	s->slots = c->slots;
	s->owned = 1;
	s->keep = c->keep;
	if (c->tiny)
		clear_masks(s);
	if (c->keep)
		/* The pages may have held objects before. */
		kasan_poison((void *)s->base, gs_span_size(s), 0, false);
	if (c->ctor)
		construct(c, s);
	if (!(c->keep & GS_KEEP_READABLE))
		kasan_poison((void *)s->base, gs_span_size(s), GS_KASAN_FREE,
			     false);
	gs_mheap_publish(s, c->tiny ? GS_SPAN_TINY :
			    c->stack ? GS_SPAN_STACK : GS_SPAN_SMALL);
	return s;
}
GS_EXPORT_KUNIT(gs_class_new_span);

/* The user's last word on each object, and the pages are mheap's. */
static void end_span(struct mspan *s)
{
	struct gs_class *c = s->class;
	unsigned int i;

	if (c->dtor) {
		kasan_poison((void *)s->base, gs_span_size(s), 0, false);
		for (i = 0; i < s->nelems; i++)
			c->dtor(gs_span_object(s, i));
	}
	if (c->heap)
		gs_heap_uncharge(c->heap, gs_span_size(s));
	gs_pagecache_free(s);
}

static void end_after_grace(struct rcu_head *rcu)
{
	end_span(container_of(rcu, struct mspan, rcu));
}

/**
 * gs_class_free_span() - an empty span leaves its class.
 * @s: on no list, not owned, no object live or in a magazine.
 *
 * The one way out, but for what outlives its cache. Of a cache whose objects
 * stay readable under RCU the pages follow after a grace period; who ends such
 * a class waits for that with rcu_barrier().
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_class_free_span(struct mspan *s)
{
	if (!(s->keep & GS_KEEP_READABLE)) {
		end_span(s);
		return;
	}
	gs_span_close(s, GS_SPAN_RCU);
	call_rcu(&s->rcu, end_after_grace);
}
GS_EXPORT_KUNIT(gs_class_free_span);
