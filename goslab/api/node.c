// SPDX-License-Identifier: GPL-2.0
/*
 * node: objects of a cache on a node, and objects that move to a node.
 *
 * Lock:       none here.
 * Context:    any but NMI; sleeps only as @gfp says.
 * Tests:      kunit/cache_kunit.c, kunit/array_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "api/cache.h"
#include "back/arena.h"
#include "front/guard.h"

void *goslab_cache_alloc_node(struct goslab_cache *cache, gfp_t gfp, int node)
{
	struct gs_class *c = &cache->class;
	bool zeroed = false;
	void *p;

	if (gs_cache_dead(cache, _RET_IP_) ||
	    gs_cache_refuses(cache, gfp, _RET_IP_) ||
	    gs_node_refused(node, _RET_IP_))
		return NULL;
	if (!gs_mcache_alloc(c->slots, node, c->owner, &p))
		p = gs_mcache_alloc_slow(c, node, gfp, c->owner,
					 &(struct gs_call){ _RET_IP_, cache->size },
					 &zeroed);
	if (!p)
		return NULL;
	if (gs_guard_wanted(c))
		return gs_cache_guard(cache, p, gfp, zeroed);
	return gs_hook_alloc(p, c->elemsize, gfp, c->keep, zeroed, c->noscan);
}
EXPORT_SYMBOL_GPL(goslab_cache_alloc_node);

/* New memory for the object at @p, of the heap that it is of. */
static void *alloc_there(const void *p, size_t size, gfp_t gfp, int node,
			 struct goslab_owner *owner, unsigned long site)
{
	const struct gs_class *c = gs_arena_span(gs_guard_standin(p))->class;

	if (c && c->heap)
		return __goslab_heap_malloc_node(c->heap, size, gfp, node,
						 owner);
	return gs_malloc_at(size, gfp, node, owner, site);
}

/* As krealloc_node(): an object that fits moves only for __GFP_THISNODE. */
static bool must_move(const void *p, gfp_t gfp, int node)
{
	return (gfp & __GFP_THISNODE) &&
	       page_to_nid(virt_to_page(gs_guard_standin(p))) != node;
}

void *__goslab_realloc_node(const void *p, size_t size, gfp_t gfp, int node,
			    struct goslab_owner *owner)
{
	size_t old;
	void *fresh;

	if (ZERO_OR_NULL_PTR(p))
		return gs_malloc_at(size, gfp, node, owner, _RET_IP_);
	old = gs_size_of(p);
	/* Without a live object it reports that. */
	if (node == NUMA_NO_NODE || !size || !old)
		return gs_realloc_at(p, size, gfp, owner, _RET_IP_);
	if (gs_node_refused(node, _RET_IP_))
		return NULL;
	if (size <= old && !must_move(p, gfp, node))
		return gs_realloc_at(p, size, gfp, owner, _RET_IP_);
	fresh = alloc_there(p, size, gfp, node, owner, _RET_IP_);
	if (!fresh)
		return NULL;
	memcpy(fresh, p, min(size, old));
	goslab_free(p);
	return fresh;
}
EXPORT_SYMBOL_GPL(__goslab_realloc_node);
