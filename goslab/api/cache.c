// SPDX-License-Identifier: GPL-2.0
/*
 * cache: objects of one size, with spans, slots and a name of their own.
 *
 * A cache is one span class (middle/class.h) and what a user sees of it. Its
 * descriptor, like all of ours, keeps its type until unload, so that a call
 * with a cache that is gone is found and reported.
 *
 * Lock:       gs_class_mutex for the list of names. None on the way of objects.
 * Lifetime:   __goslab_cache_create() .. goslab_cache_destroy(); with live
 *             objects its spans stay as zombies, and the name stays taken.
 * Context:    create and destroy: task; the others any but NMI.
 * Tests:      kunit/cache_kunit.c, kunit/misuse_kunit.c
 */
#include <linux/cache.h>
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "api/cache.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/fixalloc.h"
#include "base/owner.h"
#include "base/report.h"
#include "front/drain.h"

static struct fixalloc caches;

void gs_cache_init(void)
{
	gs_fixalloc_init(&caches, sizeof(struct goslab_cache),
			 offsetof(struct goslab_cache, class.link));
}

/* All caches were destroyed or are lost. Return: those that were lost. */
unsigned long gs_cache_exit(void)
{
	struct gs_class *c, *next;
	unsigned long lost = 0;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry_safe(c, next, &gs_class_list, link) {
		if (!c->owner)
			continue;
		if (!c->dead) {
			gs_report_at(GS_BUG_LIVE_OBJECTS, c->name, NULL,
				     _RET_IP_);
			free_percpu(c->slots);
		}
		list_del(&c->link);
		gs_class_exit(c);
		lost++;
	}
	mutex_unlock(&gs_class_mutex);
	gs_fixalloc_exit(&caches);
	return lost;
}

static bool name_ok(const char *name)
{
	size_t i, n = name ? strnlen(name, GS_NAME_LEN) : 0;

	for (i = 0; i < n; i++)
		if (!isgraph(name[i]))
			return false;
	return n > 0 && n < GS_NAME_LEN;
}

/* What is wrong with the arguments, or GS_NR_REPORTS. */
static enum gs_report_kind check_args(const char *name, size_t size,
				      size_t align, unsigned long flags)
{
	if (!name_ok(name))
		return GS_BUG_BAD_NAME;
	if (!size || size > GOSLAB_MAX_SIZE)
		return GS_BUG_BAD_SIZE;
	if (align && (!is_power_of_2(align) || align > GOSLAB_MAX_ALIGN))
		return GS_BUG_BAD_ALIGN;
	if (flags & ~(GOSLAB_HWCACHE_ALIGN | GOSLAB_PANIC))
		return GS_BUG_BAD_FLAGS;
	return GS_NR_REPORTS;
}

/* As kmem_cache does: small objects share a line, evenly. */
static size_t line_align(size_t size)
{
	size_t align = cache_line_size();

	while (size <= align / 2)
		align /= 2;
	return align;
}

static bool name_taken(const char *name)
{
	struct gs_class *c;

	list_for_each_entry(c, &gs_class_list, link)
		if (!strcmp(c->name, name))
			return true;
	return false;
}

/* Fill @cache in and put it on the list; under gs_class_mutex. */
static int set_up(struct goslab_cache *cache, size_t size, size_t align)
{
	struct gs_class *c = &cache->class;
	int ret = gs_class_init(c, size, align);

	if (ret)
		return ret;
	ret = gs_mcache_init_slots(c);
	if (ret) {
		gs_class_exit(c);
		return ret;
	}
	cache->magic = GS_CACHE_LIVE;
	list_add_tail(&c->link, &gs_class_list);
	return 0;
}

static struct goslab_cache *create(const char *name, size_t size, size_t align,
				   void (*ctor)(void *object), u8 owner,
				   unsigned long site)
{
	struct goslab_cache *cache = gs_fixalloc_alloc(&caches, GFP_KERNEL);
	int ret = -EEXIST;

	if (!cache)
		return NULL;
	memset(cache, 0, sizeof(*cache));
	strscpy(cache->class.name, name, GS_NAME_LEN);
	cache->class.ctor = ctor;
	cache->refused = GS_GFP_REFUSED | (ctor ? __GFP_ZERO : 0);
	cache->class.owner = owner;

	mutex_lock(&gs_class_mutex);
	if (!name_taken(name))
		ret = set_up(cache, size, align);
	mutex_unlock(&gs_class_mutex);
	if (!ret)
		return cache;
	gs_fixalloc_free(&caches, cache);
	if (ret == -EEXIST)
		gs_report_at(GS_BUG_DUPLICATE_NAME, name, NULL, site);
	return NULL;
}

struct goslab_cache *__goslab_cache_create(const char *name, size_t size,
					   size_t align, unsigned long flags,
					   void (*ctor)(void *object),
					   struct goslab_owner *owner)
{
	enum gs_report_kind bad = check_args(name, size, align, flags);
	struct goslab_cache *cache = NULL;

	might_sleep();
	if (bad != GS_NR_REPORTS) {
		gs_report_at(bad, name_ok(name) ? name : NULL, NULL, _RET_IP_);
	} else {
		if (flags & GOSLAB_HWCACHE_ALIGN)
			align = max(align, line_align(size));
		cache = create(name, size, max(align, 8UL), ctor,
			       gs_owner_id(owner), _RET_IP_);
	}
	if (!cache && (flags & GOSLAB_PANIC))
		panic("goslab: cannot create cache %s\n", name);
	return cache;
}
EXPORT_SYMBOL_GPL(__goslab_cache_create);

/* Has @cache been destroyed? */
bool gs_cache_dead(const struct goslab_cache *cache, unsigned long site)
{
	if (likely(READ_ONCE(cache->magic) == GS_CACHE_LIVE))
		return false;
	gs_report_at(GS_BUG_DEAD_CACHE, NULL, NULL, site);
	return true;
}

/* Does @gfp ask what an allocation from this cache may not? */
bool gs_cache_refuses(const struct goslab_cache *cache, gfp_t gfp,
		      unsigned long site)
{
	const struct gs_class *c = &cache->class;

	if (gfp & GS_GFP_REFUSED)
		gs_report_at(GS_BUG_BAD_ZONE, c->name, NULL, site);
	else if ((gfp & __GFP_ZERO) && c->ctor)
		gs_report_at(GS_BUG_ZERO_CTOR, c->name, NULL, site);
	else
		return false;
	return true;
}

/* All of goslab_cache_alloc() that is not for the hot path. */
static noinline void *alloc_slow(struct goslab_cache *cache, gfp_t gfp,
				 unsigned long site)
{
	struct gs_class *c = &cache->class;
	bool zeroed = false;
	void *p;

	if (gs_cache_dead(cache, site) || gs_cache_refuses(cache, gfp, site))
		return NULL;
	p = gs_mcache_alloc_slow(c, NUMA_NO_NODE, gfp, c->owner, &zeroed);
	if (p)
		gs_hook_alloc(p, c->elemsize, gfp, c->ctor, zeroed, false);
	return p;
}

void *goslab_cache_alloc(struct goslab_cache *cache, gfp_t gfp)
{
	struct gs_class *c = &cache->class;
	bool zeroed = false;
	void *p;

	/* A cache that is gone has no slots, and ends in the slow path. */
	if (unlikely(gfp & cache->refused))
		return alloc_slow(cache, gfp, _RET_IP_);
	p = gs_mcache_alloc(c->slots, NUMA_NO_NODE, c->owner, &zeroed);
	if (unlikely(!p))
		return alloc_slow(cache, gfp, _RET_IP_);
	return gs_hook_alloc(p, c->elemsize, gfp, c->ctor, zeroed, false);
}
EXPORT_SYMBOL_GPL(goslab_cache_alloc);

/* Anything but a live object of @cache: say what is wrong with it. */
noinline void gs_cache_free_bad(struct goslab_cache *cache, struct mspan *s,
				void *p, unsigned long site)
{
	if (ZERO_OR_NULL_PTR(p) || gs_cache_dead(cache, site))
		return;
	if (!s || smp_load_acquire(&s->state) < GS_SPAN_SMALL ||
	    !gs_span_covers(s, p))
		gs_free_unusual(NULL, p, site);
	else if (s->class != &cache->class)
		gs_report_at(s->state == GS_SPAN_ZOMBIE ? GS_BUG_DEAD_CACHE :
			     GS_BUG_WRONG_CACHE, cache->class.name, p, site);
	else
		gs_free_bad(s, p, site);
}

void goslab_cache_free(struct goslab_cache *cache, void *p)
{
	struct mspan *s = gs_arena_span(p);
	long i;

	/*
	 * Pairs with the release in gs_mheap_publish(). No span has the class
	 * of a cache that is gone, so that is found here, too; so is NULL.
	 */
	if (unlikely(!s || smp_load_acquire(&s->state) != GS_SPAN_SMALL ||
		     s->class != &cache->class)) {
		gs_cache_free_bad(cache, s, p, _RET_IP_);
		return;
	}
	i = gs_span_index(s, p);
	if (unlikely(i < 0 || READ_ONCE(s->objects[i]) < GS_OWNER_MIN)) {
		gs_cache_free_bad(cache, s, p, _RET_IP_);
		return;
	}
	gs_free_object(s, p, i);
}
EXPORT_SYMBOL_GPL(goslab_cache_free);

/* Objects of @s that are live; the first one's address in *@first. */
static unsigned int count_live(const struct mspan *s, void **first)
{
	unsigned int i, live = 0;

	for (i = 0; i < s->nelems; i++) {
		if (s->objects[i] < GS_OWNER_MIN)
			continue;
		if (!live++ && !*first)
			*first = gs_span_object(s, i);
	}
	return live;
}

/* Nobody may free into the spans of @list any more. Return: live objects. */
static unsigned long make_zombies(struct list_head *list, void **first)
{
	struct mspan *s;
	unsigned long live = 0;

	list_for_each_entry(s, list, list) {
		live += count_live(s, first);
		smp_store_release(&s->state, GS_SPAN_ZOMBIE);
	}
	return live;
}

/* All spans are back on the lists: free the empty ones, count the survivors. */
static unsigned long end_spans(struct gs_class *c, void **first)
{
	unsigned long flags, live = 0;
	int node;

	for (node = 0; node < nr_node_ids; node++) {
		struct mcentral *mc = gs_class_central(c, node);

		gs_mcentral_empty_transfer(mc);
		gs_mcentral_trim(mc);
		gs_lock(&mc->lock, flags);
		live += make_zombies(&mc->partial, first);
		live += make_zombies(&mc->full, first);
		gs_unlock(&mc->lock, flags);
	}
	return live;
}

void goslab_cache_destroy(struct goslab_cache *cache)
{
	struct gs_class *c = &cache->class;
	void *first = NULL;
	unsigned long live;

	might_sleep();
	if (!cache || gs_cache_dead(cache, _RET_IP_))
		return;
	WRITE_ONCE(cache->magic, 0);
	gs_drain_class(c);
	live = end_spans(c, &first);
	if (live) {
		c->dead = true;
		gs_report(&(struct gs_report) {
			.kind = GS_BUG_LIVE_OBJECTS, .name = c->name,
			.addr = first, .what = "count", .value = live,
			.site = _RET_IP_,
		});
		return;
	}
	mutex_lock(&gs_class_mutex);
	list_del(&c->link);
	mutex_unlock(&gs_class_mutex);
	gs_class_exit(c);
	gs_fixalloc_free(&caches, cache);
}
EXPORT_SYMBOL_GPL(goslab_cache_destroy);
