// SPDX-License-Identifier: GPL-2.0
/*
 * sheaf: objects in reserve, for callers that cannot fail later.
 *
 * A sheaf is an array of live objects of one cache that no user has yet. They
 * count for its owner, the walk visits them, and they are survivors if the
 * cache ends before them. Their hooks run when they are handed out. Until then
 * they are free memory to KASAN, and init_on_alloc does not touch them.
 *
 * Owner:      the module that prefilled it. Its memory is an object of malloc
 * of
 *             the same owner.
 * Lock:       none: a sheaf has one user at a time, and alloc_from_sheaf
 * touches
 *             nothing else.
 * Context:    any but NMI.
 * Invariants: n <= room; the state of each object is the owner's number. An
 *             object that was freed meanwhile is reported and left out.
 * Tests:      kunit/sheaf_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/overflow.h>
#include <linux/string.h>

#include "api/cache.h"
#include "back/arena.h"
#include "base/report.h"
#include "front/bulk.h"
#include "front/hooks.h"

/**
 * struct goslab_sheaf - objects in reserve.
 * @cache: their cache.
 * @room: entries of @object.
 * @n: objects left, handed out from the end.
 * @object: the objects.
 */
struct goslab_sheaf {
	struct goslab_cache *cache;
	unsigned int room;
	unsigned int n;
	void *object[];
};

/* Is @sheaf one of @cache? */
static bool sheaf_ok(const struct goslab_cache *cache,
		     const struct goslab_sheaf *sheaf, unsigned long site)
{
	if (unlikely(gs_cache_dead(cache, site)))
		return false;
	if (likely(sheaf->cache == cache))
		return true;
	gs_report_at(GS_BUG_WRONG_CACHE, cache->class.name, sheaf, site);
	return false;
}

/* Is an object in reserve still live? */
static __always_inline bool is_live(const struct goslab_cache *cache,
				    const void *p)
{
	struct mspan *s;
	bool live;

	preempt_disable();
	s = gs_arena_look(p);
	/* Pairs with the release in gs_mheap_publish(). */
	live = smp_load_acquire(&s->state) == GS_SPAN_SMALL && s->class == &cache->class;
	live = live && gs_span_index_live(s, p) >= 0;
	preempt_enable();
	return live;
}

/* Fill @sheaf up to @n objects. Return: whether it has them. */
static bool fill(struct goslab_sheaf *sheaf, gfp_t gfp, unsigned int n,
		 unsigned long site)
{
	const struct gs_call call = { site, sheaf->cache->size };
	struct gs_class *c = &sheaf->cache->class;

	sheaf->n += gs_mcache_alloc_bulk(c, gfp, c->owner, &call, n - sheaf->n,
					 sheaf->object + sheaf->n, false);
	return sheaf->n == n;
}

/* Free what is in @sheaf, and @sheaf. */
static void empty(struct goslab_sheaf *sheaf, unsigned long site)
{
	gs_cache_free_unused(sheaf->cache, sheaf->n, sheaf->object, site);
	goslab_free(sheaf);
}

/* An empty sheaf with room for @n. */
static struct goslab_sheaf *make(struct goslab_cache *cache, gfp_t gfp,
				 unsigned int n)
{
	struct goslab_owner owner = { .id = cache->class.owner };
	struct goslab_sheaf *sheaf;

	sheaf = __goslab_malloc(struct_size(sheaf, object, n), gfp, &owner);
	if (!sheaf)
		return NULL;
	sheaf->cache = cache;
	sheaf->room = n;
	sheaf->n = 0;
	return sheaf;
}

static struct goslab_sheaf *make_full(struct goslab_cache *cache, gfp_t gfp,
				      unsigned int n, unsigned long site)
{
	struct goslab_sheaf *sheaf = make(cache, gfp, n);

	if (!sheaf || fill(sheaf, gfp, n, site))
		return sheaf;
	empty(sheaf, site);
	return NULL;
}

static bool gfp_ok(const struct goslab_cache *cache, gfp_t gfp,
		   unsigned long site)
{
	return !(gfp & cache->refused) || !gs_cache_refuses(cache, gfp, site);
}

struct goslab_sheaf *goslab_cache_prefill_sheaf(struct goslab_cache *cache,
						gfp_t gfp, unsigned int n)
{
	gfp &= ~__GFP_ZERO;
	if (gs_cache_dead(cache, _RET_IP_) || !gfp_ok(cache, gfp, _RET_IP_) ||
	    !n)
		return NULL;
	return make_full(cache, gfp, n, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_cache_prefill_sheaf);

/* Replace *@sheafp by a sheaf with room for @n and @n objects. */
static int grow(struct goslab_sheaf **sheafp, gfp_t gfp, unsigned int n,
		unsigned long site)
{
	struct goslab_sheaf *old = *sheafp, *sheaf;

	sheaf = make(old->cache, gfp, n);
	if (!sheaf)
		return -ENOMEM;
	if (!fill(sheaf, gfp, n - old->n, site)) {
		empty(sheaf, site);
		return -ENOMEM;
	}
	memcpy(sheaf->object + sheaf->n, old->object,
	       old->n * sizeof(*old->object));
	sheaf->n = n;
	*sheafp = sheaf;
	goslab_free(old);
	return 0;
}

int goslab_cache_refill_sheaf(struct goslab_cache *cache, gfp_t gfp,
			      struct goslab_sheaf **sheafp, unsigned int n)
{
	gfp &= ~__GFP_ZERO;
	if (!sheafp || !*sheafp || !sheaf_ok(cache, *sheafp, _RET_IP_) ||
	    !gfp_ok(cache, gfp, _RET_IP_))
		return -EINVAL;
	if ((*sheafp)->n >= n)
		return 0;
	if ((*sheafp)->room < n)
		return grow(sheafp, gfp, n, _RET_IP_);
	return fill(*sheafp, gfp, n, _RET_IP_) ? 0 : -ENOMEM;
}
EXPORT_SYMBOL_GPL(goslab_cache_refill_sheaf);

/* The last entry of the sheaf is not a live object of this cache. */
static noinline void *alloc_odd(struct goslab_cache *cache, gfp_t gfp,
				struct goslab_sheaf *sheaf, unsigned long site)
{
	struct gs_class *c = &cache->class;

	if (!sheaf_ok(cache, sheaf, site) ||
	    !gfp_ok(cache, gfp & __GFP_ZERO, site))
		return NULL;
	while (sheaf->n) {
		void *p = sheaf->object[--sheaf->n];

		if (is_live(cache, p))
			return gs_hook_alloc(p, c->elemsize, gfp, c->keep,
					     false, c->noscan);
		gs_report_at(GS_BUG_BAD_STATE, c->name, p, site);
	}
	return NULL;
}

void *goslab_cache_alloc_from_sheaf(struct goslab_cache *cache, gfp_t gfp,
				    struct goslab_sheaf *sheaf)
{
	struct gs_class *c = &cache->class;
	void *p;

	if (unlikely(cache->magic != GS_CACHE_LIVE || sheaf->cache != cache ||
		     (gfp & __GFP_ZERO & cache->refused) || !sheaf->n))
		return alloc_odd(cache, gfp, sheaf, _RET_IP_);
	p = sheaf->object[sheaf->n - 1];
	if (unlikely(!is_live(cache, p)))
		return alloc_odd(cache, gfp, sheaf, _RET_IP_);
	sheaf->n--;
	return gs_hook_alloc(p, c->elemsize, gfp, c->keep, false, c->noscan);
}
EXPORT_SYMBOL_GPL(goslab_cache_alloc_from_sheaf);

void goslab_cache_return_sheaf(struct goslab_cache *cache, gfp_t gfp,
			       struct goslab_sheaf *sheaf)
{
	if (sheaf && sheaf_ok(cache, sheaf, _RET_IP_))
		empty(sheaf, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_cache_return_sheaf);

unsigned int goslab_cache_sheaf_size(const struct goslab_sheaf *sheaf)
{
	return sheaf->n;
}
EXPORT_SYMBOL_GPL(goslab_cache_sheaf_size);
