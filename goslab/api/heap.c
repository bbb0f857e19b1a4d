// SPDX-License-Identifier: GPL-2.0
/*
 * heap: the calls of named heaps.
 *
 * Flow:       heap -> mcache, by the heap's own classes (middle/heap.c)
 * Lock:       gs_class_mutex for create, reset and destroy. None on the way of
 *             objects.
 * Lifetime:   __goslab_heap_create() .. goslab_heap_destroy(). The descriptor
 *             keeps its type, so that a call with a heap that is gone is found.
 * Context:    create, reset, destroy, usage: task; the others any but NMI.
 * Tests:      kunit/heap_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/sched.h>
#include <linux/string.h>

#include "api/api.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sizeclass.h"
#include "base/trace.h"
#include "front/drain.h"
#include "middle/heap.h"
#include "watch/watch.h"

struct goslab_heap *goslab_heap_default(void)
{
	return &gs_default_heap;
}
EXPORT_SYMBOL_GPL(goslab_heap_default);

/* Is @h none? Says so. */
bool gs_heap_dead(const struct goslab_heap *h, unsigned long site)
{
	if (likely(READ_ONCE(h->magic) == GS_HEAP_LIVE))
		return false;
	gs_report_at(GS_BUG_DEAD_HEAP, NULL, NULL, site);
	return true;
}

/* What is wrong with the arguments, or GS_NR_REPORTS. */
static enum gs_report_kind check_args(const char *name,
				      const struct goslab_heap_args *args)
{
	if (!gs_name_ok(name, GS_HEAP_NAME))
		return GS_BUG_BAD_NAME;
	if (args->flags & ~(GOSLAB_ON_NODE | GOSLAB_ACCOUNT | GOSLAB_PANIC |
			    GOSLAB_NOSCAN | GOSLAB_HEAP_GC))
		return GS_BUG_BAD_FLAGS;
	if ((args->flags & GOSLAB_ON_NODE) &&
	    (args->node == NUMA_NO_NODE || !gs_node_ok(args->node)))
		return GS_BUG_BAD_NODE;
	return GS_NR_REPORTS;
}

/* By the names of classes, for those of a heap must be its own, too. */
static bool name_taken(const char *name)
{
	size_t n = strlen(name);
	struct gs_class *c;

	if (!strcmp(name, gs_default_heap.name))
		return true;
	list_for_each_entry(c, &gs_class_list, link)
		if (!strncmp(c->name, name, n) &&
		    (!strcmp(c->name + n, "-large") ||
		     !strcmp(c->name + n, "-16")))
			return true;
	return false;
}

/* A collected heap has no objects but those of its caches. Return: 0 or -ENOMEM. */
static int give_slots(struct goslab_heap *h, bool collected)
{
	if (!collected)
		return gs_mcache_init_slots(h->classes, GS_NR_CLASSES);
	gs_mcache_no_slots(h->classes, GS_NR_CLASSES);
	h->gc = gs_collect_make();
	return h->gc ? 0 : -ENOMEM;
}

/* Under gs_class_mutex. */
static struct goslab_heap *make(const char *name,
				const struct goslab_heap_args *args, u8 owner)
{
	struct goslab_heap *h;
	unsigned int cls;

	h = gs_heap_make(name, args->flags & GOSLAB_ACCOUNT);
	if (!h)
		return NULL;
	for (cls = 0; cls < GS_NR_CLASSES; cls++)
		h->classes[cls].noscan = args->flags & GOSLAB_NOSCAN;
	if (give_slots(h, args->flags & GOSLAB_HEAP_GC)) {
		gs_heap_unmake(h);
		return NULL;
	}
	h->owner = owner;
	h->quota = args->quota;
	if (args->flags & GOSLAB_ON_NODE)
		h->node = args->node;
	list_add_tail(&h->link, &gs_heap_list);
	WRITE_ONCE(h->magic, GS_HEAP_LIVE);
	return h;
}

static struct goslab_heap *create(const char *name,
				  const struct goslab_heap_args *args,
				  u8 owner, unsigned long site)
{
	struct goslab_heap *h = NULL;
	bool taken;

	mutex_lock(&gs_class_mutex);
	taken = name_taken(name);
	if (!taken)
		h = make(name, args, owner);
	mutex_unlock(&gs_class_mutex);
	if (taken)
		gs_report_at(GS_BUG_DUPLICATE_NAME, name, NULL, site);
	return h;
}

struct goslab_heap *__goslab_heap_create(const char *name,
					 const struct goslab_heap_args *args,
					 struct goslab_owner *owner)
{
	static const struct goslab_heap_args none;
	struct goslab_heap *h = NULL;
	enum gs_report_kind bad;

	might_sleep();
	if (!args)
		args = &none;
	bad = check_args(name, args);
	if (bad != GS_NR_REPORTS)
		gs_report_at(bad, gs_name_ok(name, GS_HEAP_NAME) ? name : NULL,
			     NULL, _RET_IP_);
	else
		h = create(name, args, gs_owner_id(owner), _RET_IP_);
	if (!h && (args->flags & GOSLAB_PANIC))
		panic("goslab: cannot create heap %s\n", name);
	return h;
}
EXPORT_SYMBOL_GPL(__goslab_heap_create);

/* May @h end? Says so if not. */
static bool may_end(const struct goslab_heap *h, unsigned long site)
{
	if (gs_heap_dead(h, site))
		return false;
	if (h != &gs_default_heap && !READ_ONCE(h->nr_caches))
		return true;
	gs_report_at(GS_BUG_HEAP_IN_USE, h->name, NULL, site);
	return false;
}

/* Nobody uses @h: take every object of it back. @left: NULL, or to be counted. */
static void empty(struct goslab_heap *h, struct gs_heap_left *left)
{
	/* What is put off would come back to spans that are others' by then. */
	gs_nolock_flush();
	goslab_free_rcu_barrier();
	gs_drain_classes(h->classes, GS_NR_CLASSES);
	gs_heap_free_spans(h, left);
}

/* @h is empty, or lost; under gs_class_mutex. */
static void end(struct goslab_heap *h)
{
	list_del(&h->link);
	gs_mcache_exit_slots(h->classes, GS_NR_CLASSES);
	gs_collect_unmake(h->gc);
	h->gc = NULL;
	gs_heap_unmake(h);
}

void goslab_heap_reset(struct goslab_heap *h)
{
	bool traced = trace_goslab_heap_reset_enabled();
	struct gs_heap_left left = { };

	might_sleep();
	if (!may_end(h, _RET_IP_))
		return;
	empty(h, traced ? &left : NULL);
	if (traced)
		trace_goslab_heap_reset(_RET_IP_, h->name, left.objects, left.bytes);
}
EXPORT_SYMBOL_GPL(goslab_heap_reset);

void goslab_heap_destroy(struct goslab_heap *h)
{
	bool traced = trace_goslab_heap_destroy_enabled();
	struct gs_heap_left left = { };

	might_sleep();
	if (!h || !may_end(h, _RET_IP_))
		return;
	WRITE_ONCE(h->magic, 0);
	empty(h, traced ? &left : NULL);
	if (traced)
		trace_goslab_heap_destroy(_RET_IP_, h->name, left.objects, left.bytes);
	mutex_lock(&gs_class_mutex);
	end(h);
	mutex_unlock(&gs_class_mutex);
}
EXPORT_SYMBOL_GPL(goslab_heap_destroy);

/* At unload: who did not destroy a heap is told. Its pages are lost. */
void gs_heap_end_all(void)
{
	struct goslab_heap *h, *next;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry_safe(h, next, &gs_heap_list, link) {
		gs_report_at(GS_BUG_LIVE_OBJECTS, h->name, NULL, _RET_IP_);
		end(h);
	}
	mutex_unlock(&gs_class_mutex);
	gs_heap_exit();
}

/* NULL stands for the default heap below. */
static struct goslab_heap *named(struct goslab_heap *h)
{
	return h == &gs_default_heap ? NULL : h;
}

static struct gs_class *class_of(const struct goslab_heap *h, size_t size)
{
	return &h->classes[gs_sizeclass_of(size) << h->shift];
}

static noinline void *malloc_slow(struct goslab_heap *h, size_t size, gfp_t gfp,
				  int node, struct goslab_owner *owner,
				  unsigned long site)
{
	const struct gs_call call = { site, size };
	bool zeroed = false;
	struct gs_class *c;
	void *p;

	if (gs_heap_dead(h, site))
		return NULL;
	if (h->gc) {
		gs_report_at(GS_BUG_NO_MASK, h->name, NULL, site);
		return NULL;
	}
	if (size - 1 >= GS_MAX_SMALL)
		return gs_malloc_unusual(named(h), size, gfp, node, owner, site);
	if (gs_gfp_refused(gfp, site))
		return NULL;
	c = class_of(h, size);
	p = gs_mcache_alloc_slow(c, node, gfp, gs_owner_id(owner), &call, &zeroed);
	if (p)
		gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, c->noscan);
	return p;
}

/* As __goslab_heap_malloc(); reports name @site. */
void *gs_heap_malloc_at(struct goslab_heap *h, size_t size, gfp_t gfp,
			struct goslab_owner *owner, unsigned long site)
{
	return malloc_slow(h, size, gfp, h->node, owner, site);
}

void *__goslab_heap_malloc(struct goslab_heap *h, size_t size, gfp_t gfp,
			   struct goslab_owner *owner)
{
	u8 id = READ_ONCE(owner->id);
	struct gs_class *c;
	void *p;

	/* A heap that is gone has no slots, and ends in the slow path. */
	if (unlikely(size - 1 >= GS_MAX_SMALL || !id || (gfp & GS_GFP_REFUSED)))
		return malloc_slow(h, size, gfp, h->node, owner, _RET_IP_);
	c = class_of(h, size);
	if (unlikely(!gs_mcache_alloc(c->slots, h->node, id, &p)))
		return malloc_slow(h, size, gfp, h->node, owner, _RET_IP_);
	return gs_hook_alloc(p, c->elemsize, gfp, 0, false, c->noscan);
}
EXPORT_SYMBOL_GPL(__goslab_heap_malloc);

void *__goslab_heap_malloc_node(struct goslab_heap *h, size_t size, gfp_t gfp,
				int node, struct goslab_owner *owner)
{
	if (node == NUMA_NO_NODE)
		node = h->node;
	else if (gs_node_refused(node, _RET_IP_))
		return NULL;
	return malloc_slow(h, size, gfp, node, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_heap_malloc_node);

void goslab_heap_usage(struct goslab_heap *h, struct goslab_heap_usage *usage)
{
	might_sleep();
	memset(usage, 0, sizeof(*usage));
	if (!gs_heap_dead(h, _RET_IP_))
		gs_heap_read(h, usage);
}
EXPORT_SYMBOL_GPL(goslab_heap_usage);
