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
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "api/cache.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/fixalloc.h"
#include "base/owner.h"
#include "base/report.h"
#include "front/drain.h"
#include "front/guard.h"
#include "middle/heap.h"
#include "middle/site.h"
#include "middle/special.h"

/* Survivors that are reported one by one. */
#define MAX_LISTED	8

#define KNOWN_FLAGS	(GOSLAB_HWCACHE_ALIGN | GOSLAB_PANIC |		\
			 GOSLAB_TYPESAFE_BY_RCU | GOSLAB_ACCOUNT |	\
			 GOSLAB_NO_MERGE | GOSLAB_NOSCAN | GOSLAB_GUARD)

static struct fixalloc caches;

void gs_cache_init(void)
{
	gs_fixalloc_init(&caches, sizeof(struct goslab_cache),
			 offsetof(struct goslab_cache, class.link), NULL);
}

/* All caches were destroyed or are lost. Return: those that were lost. */
unsigned long gs_cache_exit(void)
{
	struct gs_class *c, *next;
	unsigned long lost = 0;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry_safe(c, next, &gs_class_list, link) {
		if (!gs_class_is_cache(c))
			continue;
		if (!c->dead) {
			gs_report_at(GS_BUG_LIVE_OBJECTS, c->name, NULL,
				     _RET_IP_);
			free_percpu(c->slots);
		}
		list_del(&c->link);
		gs_pointers_drop(c);
		gs_class_exit(c);
		lost++;
	}
	mutex_unlock(&gs_class_mutex);
	gs_fixalloc_exit(&caches);
	return lost;
}

/* Is @name one that debugfs can show, and shorter than @room? */
bool gs_name_ok(const char *name, size_t room)
{
	size_t i, n = name ? strnlen(name, room) : 0;

	for (i = 0; i < n; i++)
		if (!isgraph(name[i]))
			return false;
	return n > 0 && n < room;
}

/* What is wrong with the arguments, or GS_NR_REPORTS. */
static enum gs_report_kind check_args(const char *name, size_t size,
				      const struct goslab_cache_args *args,
				      unsigned long flags)
{
	size_t align = args->align;

	if (!gs_name_ok(name, GS_NAME_LEN))
		return GS_BUG_BAD_NAME;
	if (!size || size > GOSLAB_MAX_SIZE)
		return GS_BUG_BAD_SIZE;
	if (align && (!is_power_of_2(align) || align > GOSLAB_MAX_ALIGN))
		return GS_BUG_BAD_ALIGN;
	if (flags & ~KNOWN_FLAGS)
		return GS_BUG_BAD_FLAGS;
	if (args->heap && args->heap->gc && !args->pointers && !(flags & GOSLAB_NOSCAN))
		return GS_BUG_NO_MASK;
	/* A guarded object is not where it was constructed, or is looked at. */
	if ((flags & GOSLAB_GUARD) &&
	    (args->ctor || args->dtor || (flags & GOSLAB_TYPESAFE_BY_RCU)))
		return GS_BUG_BAD_FLAGS;
	if (args->useroffset > size || args->usersize > size - args->useroffset)
		return GS_BUG_BAD_REGION;
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

/* Put @cache, filled in, on the list; under gs_class_mutex. */
static int set_up(struct goslab_cache *cache, size_t align)
{
	struct gs_class *c = &cache->class;
	int ret = gs_class_init(c, cache->size, align);

	if (ret)
		return ret;
	ret = gs_mcache_init_slots(c, 1);
	if (ret) {
		gs_class_exit(c);
		return ret;
	}
	if (c->heap)
		c->heap->nr_caches++;
	cache->magic = GS_CACHE_LIVE;
	list_add_tail(&c->link, &gs_class_list);
	return 0;
}

static void fill_in(struct goslab_cache *cache, const char *name, size_t size,
		    const struct goslab_cache_args *args, unsigned long flags)
{
	struct gs_class *c = &cache->class;

	memset(cache, 0, sizeof(*cache));
	strscpy(c->name, name, GS_NAME_LEN);
	cache->size = size;
	cache->useroffset = args->useroffset;
	cache->usersize = args->usersize;
	cache->refused = GS_GFP_REFUSED | (args->ctor ? __GFP_ZERO : 0);
	c->ctor = args->ctor;
	c->dtor = args->dtor;
	c->heap = args->heap == &gs_default_heap ? NULL : args->heap;
	c->collected = c->heap && c->heap->gc;
	c->account = flags & GOSLAB_ACCOUNT;
	c->noscan = flags & GOSLAB_NOSCAN;
	c->guard = flags & GOSLAB_GUARD;
	if (args->ctor)
		c->keep |= GS_KEEP_CONTENTS;
	if (flags & GOSLAB_TYPESAFE_BY_RCU)
		c->keep |= GS_KEEP_CONTENTS | GS_KEEP_READABLE;
}

/* "-2" and so on at the end of a name that is taken; under gs_class_mutex. */
static void number_name(char *name)
{
	size_t len = strlen(name);
	unsigned int nr = 1;
	char end[12];

	while (name_taken(name)) {
		size_t room = GS_NAME_LEN - scnprintf(end, sizeof(end), "-%u",
						      ++nr);

		strscpy(name + min(len, room - 1), end, sizeof(end));
	}
}

/**
 * gs_cache_create() - goslab_cache_create() with arguments that are right.
 * @name: to be copied.
 * @size: of an object.
 * @args: what else there is.
 * @flags: GOSLAB_*, and GS_CACHE_NUMBERED: a name that is taken gets a number.
 * @owner: who made it.
 * @site: who is named in a report.
 *
 * Context: Task. Sleeps.
 * Return: the cache; NULL without memory, or, after a report, for a name in use.
 */
struct goslab_cache *gs_cache_create(const char *name, size_t size,
				     const struct goslab_cache_args *args,
				     unsigned long flags, u8 owner,
				     unsigned long site)
{
	struct goslab_cache *cache = gs_fixalloc_alloc(&caches, GFP_KERNEL);
	size_t align = max(args->align, 8UL);
	int ret = -EEXIST;

	if (!cache)
		return NULL;
	if (flags & GOSLAB_HWCACHE_ALIGN)
		align = max(align, line_align(size));
	fill_in(cache, name, size, args, flags);
	/* The state of its objects. */
	cache->class.owner = cache->class.collected ? GS_COLLECTED : owner;

	mutex_lock(&gs_class_mutex);
	if (flags & GS_CACHE_NUMBERED)
		number_name(cache->class.name);
	if (!name_taken(cache->class.name))
		ret = gs_pointers_set(&cache->class, args->pointers, size) ?:
		      set_up(cache, align);
	mutex_unlock(&gs_class_mutex);
	if (!ret)
		return cache;
	gs_pointers_drop(&cache->class);
	gs_fixalloc_free(&caches, cache);
	if (ret == -EEXIST)
		gs_report_at(GS_BUG_DUPLICATE_NAME, name, NULL, site);
	return NULL;
}

struct goslab_cache *
__goslab_cache_create(const char *name, size_t size,
		      const struct goslab_cache_args *args, unsigned long flags,
		      struct goslab_owner *owner)
{
	static const struct goslab_cache_args none;
	struct goslab_cache *cache = NULL;
	enum gs_report_kind bad;

	might_sleep();
	if (!args)
		args = &none;
	bad = check_args(name, size, args, flags);
	if (bad != GS_NR_REPORTS)
		gs_report_at(bad, gs_name_ok(name, GS_NAME_LEN) ? name : NULL,
			     NULL, _RET_IP_);
	else if (!args->heap || !gs_heap_dead(args->heap, _RET_IP_))
		cache = gs_cache_create(name, size, args, flags,
					gs_owner_id(owner), _RET_IP_);
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
	const struct gs_call call = { site, cache->size };
	struct gs_class *c = &cache->class;
	bool zeroed = false;
	void *p;

	if (gs_cache_dead(cache, site) || gs_cache_refuses(cache, gfp, site))
		return NULL;
	p = gs_mcache_alloc_slow(c, NUMA_NO_NODE, gfp, c->owner, &call, &zeroed);
	if (!p)
		return NULL;
	if (gs_guard_wanted(c))
		return gs_cache_guard(cache, p, gfp, zeroed);
	return gs_hook_alloc(p, c->elemsize, gfp, c->keep, zeroed, c->noscan);
}

void *goslab_cache_alloc(struct goslab_cache *cache, gfp_t gfp)
{
	struct gs_class *c = &cache->class;
	void *p;

	/* A cache that is gone has no slots, and ends in the slow path. */
	if (unlikely(gfp & cache->refused))
		return alloc_slow(cache, gfp, _RET_IP_);
	if (unlikely(!gs_mcache_alloc(c->slots, NUMA_NO_NODE, c->owner, &p)))
		return alloc_slow(cache, gfp, _RET_IP_);
	return gs_hook_alloc(p, c->elemsize, gfp, c->keep, false, c->noscan);
}
EXPORT_SYMBOL_GPL(goslab_cache_alloc);

/* No live object of @cache: say what is wrong with it. */
noinline void gs_cache_free_bad(struct goslab_cache *cache, void *p, unsigned long site)
{
	struct mspan *s;
	bool ours;

	if (ZERO_OR_NULL_PTR(p) || gs_cache_dead(cache, site))
		return;
	if (gs_guard_near(p) && gs_free_guarded(&cache->class, p, site))
		return;
	rcu_read_lock();
	s = gs_arena_look(p);
	ours = smp_load_acquire(&s->state) >= GS_SPAN_SMALL && gs_span_covers(s, p);
	if (ours && s->class != &cache->class)
		gs_report_at(s->state == GS_SPAN_ZOMBIE ? GS_BUG_DEAD_CACHE :
			     GS_BUG_WRONG_CACHE, cache->class.name, p, site);
	else
		gs_free_bad(p, site);
	rcu_read_unlock();
}

/*
 * Anything but an ordinary live object of @cache: one with a record, or a mistake.
 * Preemption is off, since before @s was looked up, and on afterwards.
 */
static noinline void free_odd(struct goslab_cache *cache, struct mspan *s, void *p,
			      unsigned long site)
{
	long i = gs_span_index_open(s, p);
	bool special = i >= 0 && s->class == &cache->class &&
		       READ_ONCE(s->objects[i]) == GS_SPECIAL;

	preempt_enable();
	if (special && gs_special_settle(s, i, site))
		gs_free_object(s, p, i);
	else
		gs_cache_free_bad(cache, p, site);
}

void goslab_cache_free(struct goslab_cache *cache, void *p)
{
	struct mspan *s;
	long i;

	preempt_disable();
	s = gs_arena_look(p);
	i = gs_span_index_open(s, p);
	/*
	 * No span has the class of a cache that is gone, so that is found here,
	 * too; so is NULL.
	 */
	if (unlikely(i < 0 || s->class != &cache->class ||
		     !gs_span_is_live(s, i))) {
		free_odd(cache, s, p, _RET_IP_);
		return;
	}
	gs_free_found(s, p, i);
}
EXPORT_SYMBOL_GPL(goslab_cache_free);

/* What a cache leaves behind. */
struct survivors {
	unsigned long live;
	unsigned int listed;
	struct {
		void *object;
		u8 owner;
		bool known;
		struct gs_special record;
	} list[MAX_LISTED];
};

static void note_survivor(struct survivors *left, const struct mspan *s, unsigned int i)
{
	unsigned int n = left->listed++;
	void *p = gs_span_object(s, i);

	left->list[n].object = gs_guard_object_of(p);
	left->list[n].owner = gs_special_owner_of(s, i, s->objects[i]);
	left->list[n].known = gs_special_find(p, &left->list[n].record);
}

static void count_live(const struct mspan *s, struct survivors *left)
{
	unsigned int i;

	for (i = 0; i < s->nelems; i++) {
		/* What is lost on its way, after misuse, keeps its span, too. */
		if (s->objects[i] == GS_FREE)
			continue;
		left->live++;
		if (left->listed == MAX_LISTED)
			continue;
		note_survivor(left, s, i);
	}
}

/* Spans that one hold of a central lock makes zombies of. */
#define ZOMBIES_PER_HOLD	16

/* Nobody may free into the spans of @mc any more. */
static void make_zombies(struct mcentral *mc, struct survivors *left)
{
	LIST_HEAD(zombies);
	unsigned long flags;
	struct mspan *s;
	unsigned int n;

	do {
		gs_lock(&mc->lock, flags);
		list_splice_init(&mc->partial, &mc->full);
		for (n = 0; n < ZOMBIES_PER_HOLD && !list_empty(&mc->full); n++) {
			s = list_first_entry(&mc->full, struct mspan, list);
			count_live(s, left);
			gs_span_close(s, GS_SPAN_ZOMBIE);
			list_move(&s->list, &zombies);
		}
		gs_unlock(&mc->lock, flags);
		gs_count_steps(n);
		cond_resched();
	} while (n == ZOMBIES_PER_HOLD);
	gs_lock(&mc->lock, flags);
	list_splice(&zombies, &mc->full);
	gs_unlock(&mc->lock, flags);
}

/* All spans are back on the lists: free the empty ones, count the survivors. */
static void end_spans(struct gs_class *c, struct survivors *left)
{
	int node;

	for (node = 0; node < nr_node_ids; node++)
		make_zombies(gs_class_central(c, node), left);
	/* Spans that readers may be in still need the class. */
	if (c->keep & GS_KEEP_READABLE)
		rcu_barrier();
}

static void report_survivors(const struct gs_class *c,
			     const struct survivors *left, unsigned long site)
{
	unsigned int i;

	gs_report(&(struct gs_report) {
		.kind = GS_BUG_LIVE_OBJECTS, .name = c->name,
		.addr = left->list[0].object, .what = "count",
		.value = left->live, .site = site,
	});
	for (i = 0; i < left->listed; i++) {
		const struct gs_special *r = &left->list[i].record;

		pr_err("goslab: %s: object %p of module %s is live\n", c->name,
		       left->list[i].object,
		       gs_owner_name(left->list[i].owner) ?: "unknown");
		if (left->list[i].known)
			pr_err("goslab: %s: Allocated in %pB age=%lu cpu=%u pid=%d\n",
			       c->name, (void *)r->site->caller, jiffies - r->when,
			       r->cpu, r->pid);
	}
	if (left->live > left->listed)
		pr_err("goslab: %s: and %lu more\n", c->name,
		       left->live - left->listed);
}

void goslab_cache_destroy(struct goslab_cache *cache)
{
	struct gs_class *c = &cache->class;
	struct survivors left = { };

	might_sleep();
	if (!cache || gs_cache_dead(cache, _RET_IP_))
		return;
	WRITE_ONCE(cache->magic, 0);
	gs_nolock_flush();
	goslab_free_rcu_barrier();
	gs_drain_classes(c, 1);
	gs_mcache_exit_slots(c, 1);
	/* Its lists are no longer what verify expects of lists. */
	mutex_lock(&gs_class_mutex);
	c->dead = true;
	mutex_unlock(&gs_class_mutex);
	end_spans(c, &left);
	if (left.live) {
		/* The module that they are in may go now. */
		c->ctor = NULL;
		c->dtor = NULL;
		report_survivors(c, &left, _RET_IP_);
		return;
	}
	mutex_lock(&gs_class_mutex);
	if (c->heap)
		c->heap->nr_caches--;
	list_del(&c->link);
	mutex_unlock(&gs_class_mutex);
	gs_pointers_drop(c);
	gs_class_exit(c);
	gs_fixalloc_free(&caches, cache);
}
EXPORT_SYMBOL_GPL(goslab_cache_destroy);

size_t goslab_cache_size(struct goslab_cache *cache)
{
	return gs_cache_dead(cache, _RET_IP_) ? 0 : cache->size;
}
EXPORT_SYMBOL_GPL(goslab_cache_size);
