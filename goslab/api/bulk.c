// SPDX-License-Identifier: GPL-2.0
/*
 * bulk: many objects with one call.
 *
 * Flow:       [bulk] -> front/bulk.c, which has the batches
 * Lock:       none here.
 * Context:    any but NMI.
 * Tests:      kunit/bulk_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>

#include "api/cache.h"
#include "back/arena.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sizeclass.h"
#include "front/bulk.h"
#include "middle/special.h"

/* Not a live object of @cache or, without a cache, of a small class. */
static noinline void free_odd(struct goslab_cache *cache, void *p, unsigned long site)
{
	if (cache)
		gs_cache_free_bad(cache, p, site);
	else
		gs_free_unusual(p, site);
}

static noinline void free_alone(struct mspan *s, void *p, long i, bool hooks)
{
	if (hooks)
		gs_free_object(s, p, i);
	else
		gs_put_object(s, p, &s->objects[i]);
}

/*
 * Find the span and index of a live object, of @cache if that is given. Return:
 * false, after a report where one is due, if @p is not such an object.
 */
static __always_inline bool look_up(struct goslab_cache *cache, void *p,
				    struct mspan **span, long *i, bool hooks,
				    unsigned long site)
{
	struct mspan *s;
	bool ours;

	if (ZERO_OR_NULL_PTR(p))
		return false;
	preempt_disable();
	s = gs_arena_look(p);
	/* Pairs with the release in gs_mheap_publish(). */
	ours = smp_load_acquire(&s->state) == GS_SPAN_SMALL &&
	       !(cache && s->class != &cache->class);
	*i = ours ? gs_span_index_live(s, p) : -1;
	preempt_enable();
	/* From here on the object, which is live, keeps its span. */
	if (unlikely(*i < 0 || !gs_special_settle(s, *i, site))) {
		free_odd(cache, p, site);
		return false;
	}
	/* The object of a reserve span may not get into a magazine. */
	if (unlikely(s->slots == &gs_gone_slots)) {
		free_alone(s, p, *i, hooks);
		return false;
	}
	*span = s;
	return true;
}

/*
 * Objects gather in a batch of one class and node, after all checks that the
 * single calls make. No one else can reach the objects in the batch. They keep
 * the span of the last one in use, so that its neighbour needs no look-up.
 */
static __always_inline void free_all(struct goslab_cache *cache, size_t n,
				     void **p, bool hooks, unsigned long site)
{
	struct gs_entry e[GS_BATCH_MAX] __uninitialized;
	struct gs_entry *to = e;
	struct mspan *last = &gs_no_span, *s;
	long i;

	for (; n; n--, p++) {
		i = gs_span_index(last, *p);
		if (unlikely(i < 0 ||
			     READ_ONCE(last->objects[i]) < GS_OWNER_MIN)) {
			if (!look_up(cache, *p, &s, &i, hooks, site))
				continue;
			if (to > e && (s->class != last->class ||
				       s->node != last->node)) {
				gs_mcache_free_batch(last->class, last->node, e,
						     to - e);
				to = e;
			}
			last = s;
		}
		if (hooks && unlikely(gs_hook_free_wanted()))
			gs_hook_free(*p, last->elemsize, last->keep);
		last->objects[i] = GS_CACHED;
		to->object = *p;
		to->state = &last->objects[i];
		if (unlikely(++to == e + GS_BATCH_MAX)) {
			gs_mcache_free_batch(last->class, last->node, e,
					     GS_BATCH_MAX);
			to = e;
			last = &gs_no_span;
		}
	}
	if (to > e)
		gs_mcache_free_batch(last->class, last->node, e, to - e);
}

void goslab_free_bulk(size_t n, void **p)
{
	free_all(NULL, n, p, true, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_free_bulk);

void goslab_cache_free_bulk(struct goslab_cache *cache, size_t n, void **p)
{
	free_all(cache, n, p, true, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_cache_free_bulk);

/* Free objects of @cache that were not handed out: their hooks did not run. */
void gs_cache_free_unused(struct goslab_cache *cache, size_t n, void **p,
			  unsigned long site)
{
	free_all(cache, n, p, false, site);
}

/* @n objects of a class, or none. */
static bool alloc_all(struct gs_class *c, gfp_t gfp, u8 owner,
		      const struct gs_call *call, size_t n, void **p)
{
	size_t got = gs_mcache_alloc_bulk(c, gfp, owner, call, n, p, true);

	if (likely(got == n))
		return true;
	goslab_free_bulk(got, p);
	return false;
}

bool goslab_cache_alloc_bulk(struct goslab_cache *cache, gfp_t gfp, size_t n,
			     void **p)
{
	const struct gs_call call = { _RET_IP_, cache->size };
	struct gs_class *c = &cache->class;

	if (gs_cache_dead(cache, _RET_IP_) ||
	    ((gfp & cache->refused) && gs_cache_refuses(cache, gfp, _RET_IP_)))
		return false;
	return n && alloc_all(c, gfp, c->owner, &call, n, p);
}
EXPORT_SYMBOL_GPL(goslab_cache_alloc_bulk);

/* Sizes that no class serves are allocated one by one. */
static bool alloc_each(size_t size, gfp_t gfp, size_t n, void **p,
		       struct goslab_owner *owner)
{
	size_t i;

	for (i = 0; i < n; i++) {
		p[i] = __goslab_malloc(size, gfp, owner);
		if (p[i])
			continue;
		goslab_free_bulk(i, p);
		return false;
	}
	return true;
}

bool __goslab_malloc_bulk(size_t size, gfp_t gfp, size_t n, void **p,
			  struct goslab_owner *owner)
{
	const struct gs_call call = { _RET_IP_, size };
	struct gs_class *c;

	if (gfp & GS_GFP_REFUSED) {
		gs_report_at(GS_BUG_BAD_ZONE, NULL, NULL, _RET_IP_);
		return false;
	}
	if (!n)
		return false;
	if (size - 1 >= GS_MAX_SMALL)
		return alloc_each(size, gfp, n, p, owner);
	c = &gs_classes[gs_spc(gs_sizeclass_of(size), false)];
	return alloc_all(c, gfp, gs_owner_id(owner), &call, n, p);
}
EXPORT_SYMBOL_GPL(__goslab_malloc_bulk);
