// SPDX-License-Identifier: GPL-2.0
/*
 * dropin: the calls behind <linux/goslab_slab.h>, which gives a module goslab
 * under the names of <linux/slab.h>.
 *
 * Every call that is given an object, or a cache, may be given one of the
 * kernel's: the client got it from there. The radix tree tells objects apart,
 * the lowest bit of the pointer tells caches apart.
 *
 * Lock:       none of its own.
 * Context:    as the call of slab; any but NMI at most.
 * Tests:      kunit/dropin_kunit.c
 */
#include <linux/ctype.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/panic.h>
#include <linux/slab.h>
#include <linux/string.h>

/* The header's prototypes, without its names: here slab's are the kernel's. */
#define _LINUX_GOSLAB_SLAB_NAMES_H
#include <linux/goslab_slab.h>

#include "api/api.h"
#include "api/cache.h"
#include "back/arena.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sys.h"
#include "front/guard.h"

/*
 * Is @p in pages of ours, live or not? The radix tree led to @s, which may be
 * left from earlier; that pages are ours without a span tells their count of
 * references.
 */
static bool is_ours(const struct mspan *s, const void *p)
{
	if (s == &gs_no_span)
		return gs_guard_at(p);
	if (smp_load_acquire(&s->state) >= GS_SPAN_SMALL && gs_span_covers(s, p))
		return true;
	return gs_sys_holds(p);
}

/**
 * goslab_slab_owns() - is this goslab's memory?
 * @p: any address.
 *
 * Context: Any but NMI.
 * Return: true for all addresses in pages that goslab holds objects in.
 */
bool goslab_slab_owns(const void *p)
{
	bool ours;

	rcu_read_lock();
	ours = is_ours(gs_arena_look(p), p);
	rcu_read_unlock();
	return ours;
}
EXPORT_SYMBOL_GPL(goslab_slab_owns);

/*
 * Not a live object of a small class: large, the kernel's, or a mistake. Preemption is
 * off, since before @s was looked up, and on afterwards.
 */
static noinline void free_unusual(const struct mspan *s, void *p,
				  void (*kernels)(const void *p), unsigned long site)
{
	bool ours = is_ours(s, p);

	preempt_enable();
	if (ours)
		gs_free_unusual(p, site);
	else
		kernels(p);
}

static __always_inline void free_any(void *p, void (*kernels)(const void *p),
				     unsigned long site)
{
	struct mspan *s;
	long i;

	preempt_disable();
	s = gs_arena_look(p);
	i = gs_span_index_open(s, p);
	if (unlikely(i < 0 || !gs_span_is_live(s, i)))
		free_unusual(s, p, kernels, site);
	else
		gs_free_found(s, p, i);
}

void goslab_slab_kfree(const void *p)
{
	free_any((void *)p, kfree, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_slab_kfree);

void goslab_slab_kvfree(const void *p)
{
	free_any((void *)p, kvfree, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_slab_kvfree);

void goslab_slab_kfree_sensitive(const void *p)
{
	if (goslab_slab_owns(p))
		goslab_free_sensitive(p);
	else
		kfree_sensitive(p);
}
EXPORT_SYMBOL_GPL(goslab_slab_kfree_sensitive);

void goslab_slab_kvfree_sensitive(const void *p, size_t size)
{
	if (goslab_slab_owns(p))
		goslab_free_sensitive(p);
	else
		kvfree_sensitive(p, size);
}
EXPORT_SYMBOL_GPL(goslab_slab_kvfree_sensitive);

void goslab_slab_kfree_bulk(size_t n, void **objects)
{
	while (n)
		free_any(objects[--n], kfree, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_slab_kfree_bulk);

size_t goslab_slab_ksize(const void *p)
{
	return goslab_slab_owns(p) ? goslab_size(p) : ksize(p);
}
EXPORT_SYMBOL_GPL(goslab_slab_ksize);

/* An object of ours, live, is to be @size bytes where @fresh is. */
static void *move(const void *p, void *fresh, size_t size)
{
	if (fresh) {
		memcpy(fresh, p, min(goslab_size(p), size));
		goslab_free(p);
	}
	return fresh;
}

void *__goslab_slab_krealloc(const void *p, size_t size, gfp_t gfp, int node,
			     struct goslab_owner *owner)
{
	bool zone = gfp & GS_GFP_REFUSED;

	if (ZERO_OR_NULL_PTR(p))
		return zone ? kmalloc_node(size, gfp, node) :
			__goslab_malloc_node(size, gfp, node, owner);
	if (!goslab_slab_owns(p))
		return krealloc(p, size, gfp);
	if (zone && size)
		return move(p, kmalloc_node(size, gfp, node), size);
	return __goslab_realloc_node(p, size, gfp & ~GS_GFP_REFUSED, node, owner);
}
EXPORT_SYMBOL_GPL(__goslab_slab_krealloc);

/* @old: what the caller knows of the size, 0 where it need not know (6.12). */
void *__goslab_slab_kvrealloc(const void *p, size_t old, size_t size, gfp_t gfp,
			      struct goslab_owner *owner)
{
	if (!ZERO_OR_NULL_PTR(p) && !is_vmalloc_addr(p) &&
	    !goslab_slab_owns(p))
		return gs_compat_kvrealloc(p, old, size, gfp);
	return __goslab_kvrealloc(p, size, gfp & ~GS_GFP_REFUSED, owner);
}
EXPORT_SYMBOL_GPL(__goslab_slab_kvrealloc);

/* A name that a cache of ours may have: short, and without blanks. */
static void fit_name(char *to, const char *from)
{
	strscpy(to, from && *from ? from : "unnamed", GS_NAME_LEN);
	for (; *to; to++)
		if (!isgraph(*to))
			*to = '_';
}

/* Those of slab's flags that goslab has, too; the others mean nothing here. */
static unsigned long fit_flags(slab_flags_t flags)
{
	unsigned long ours = 0;

	if (flags & SLAB_HWCACHE_ALIGN)
		ours |= GOSLAB_HWCACHE_ALIGN;
	if (flags & SLAB_TYPESAFE_BY_RCU)
		ours |= GOSLAB_TYPESAFE_BY_RCU;
	if (flags & SLAB_ACCOUNT)
		ours |= GOSLAB_ACCOUNT;
	return ours;
}

/* Caches that the kernel itself allocates from, which must stay slab's. */
static const char *const known_caches[] = {
	"ip6_dst_cache", "dccp_bind_bucket",
};

#define MAX_NAMED	16
static char *kernel_caches[MAX_NAMED];
module_param_array(kernel_caches, charp, NULL, 0444);
MODULE_PARM_DESC(kernel_caches, "names of more caches that stay slab's behind the drop-in headers");

static bool is_listed(const char *name, const char *const *list, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		if (list[i] && !strcmp(list[i], name))
			return true;
	return false;
}

static bool named_kernels(const char *name)
{
	return name &&
	       (is_listed(name, known_caches, ARRAY_SIZE(known_caches)) ||
		is_listed(name, (const char *const *)kernel_caches, MAX_NAMED));
}

/*
 * May objects of such a cache be put on a list_lru that is kept by memory cgroup?
 * Such a list is looked up by the cgroup that the object's page is charged to,
 * and must have been made before: kmem_cache_alloc_lru() of slab makes it for the
 * cgroup of the task. goslab charges whole spans, so that an object may belong to
 * a cgroup that no list was made for, and has no means to make one.
 *
 * Only charged objects are concerned; on the list they are reclaimable, which
 * SLAB_RECLAIM_ACCOUNT says of nearly all inode caches. The rest of these (afs,
 * hfs, hfsplus) have a ctor at least, for inode_init_once().
 */
static bool is_for_lru(const struct goslab_cache_args *args, slab_flags_t flags)
{
	return (flags & SLAB_ACCOUNT) &&
	       ((flags & SLAB_RECLAIM_ACCOUNT) || args->ctor);
}

/* What goslab cannot serve; the kernel serves it, or says what is wrong. */
static bool is_kernels(const char *name, unsigned int size,
		       const struct goslab_cache_args *args, slab_flags_t flags)
{
	return named_kernels(name) ||
	       flags & (SLAB_CACHE_DMA | SLAB_CACHE_DMA32) || !size ||
	       size > GOSLAB_MAX_SIZE || args->align > GOSLAB_MAX_ALIGN ||
	       args->useroffset > size ||
	       args->usersize > size - args->useroffset;
}

struct kmem_cache *__goslab_slab_create(const char *name, unsigned int size,
					const struct goslab_cache_args *args,
					slab_flags_t flags,
					struct goslab_owner *owner)
{
	struct goslab_cache_args fit = *args;
	struct goslab_cache *cache;
	char fit_to[GS_NAME_LEN];

	if (is_for_lru(args, flags))
		pr_info("goslab: cache %s stays slab's: its objects are charged and may be on a list_lru\n",
			name);
	if (is_for_lru(args, flags) || is_kernels(name, size, args, flags))
		return kmem_cache_create_usercopy(name, size, args->align,
						  flags, args->useroffset,
						  args->usersize, args->ctor);
	/* Slab takes any number as an alignment, and makes the best of it. */
	if (fit.align)
		fit.align = rounddown_pow_of_two(fit.align);
	fit_name(fit_to, name);
	cache = gs_cache_create(fit_to, size, &fit,
				fit_flags(flags) | GS_CACHE_NUMBERED,
				gs_owner_id(owner), _RET_IP_);
	if (!cache && (flags & SLAB_PANIC))
		panic("goslab: cannot create cache %s\n", name);
	return cache ? (void *)cache + 1 : NULL;
}
EXPORT_SYMBOL_GPL(__goslab_slab_create);

/*
 * An object that is to be put on @lru. Those of charged caches may not be there;
 * __goslab_slab_create() has left to slab what it could tell by the flags.
 */
void *__goslab_slab_alloc_lru(struct goslab_cache *cache, struct list_lru *lru,
			      gfp_t gfp)
{
	if (lru && cache->class.account) {
		gs_report_at(GS_BUG_LIST_LRU, cache->class.name, NULL,
			     _RET_IP_);
		return NULL;
	}
	return goslab_cache_alloc(cache, gfp);
}
EXPORT_SYMBOL_GPL(__goslab_slab_alloc_lru);

void goslab_slab_kmem_cache_free(struct kmem_cache *s, void *p)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (likely(cache))
		goslab_cache_free(cache, p);
	else if (unlikely(goslab_slab_owns(p)))
		gs_report_at(GS_BUG_WRONG_CACHE, NULL, p, _RET_IP_);
	else
		kmem_cache_free(s, p);
}
EXPORT_SYMBOL_GPL(goslab_slab_kmem_cache_free);

void goslab_slab_kmem_cache_destroy(struct kmem_cache *s)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (cache)
		goslab_cache_destroy(cache);
	else
		kmem_cache_destroy(s);
}
EXPORT_SYMBOL_GPL(goslab_slab_kmem_cache_destroy);

int goslab_slab_kmem_cache_shrink(struct kmem_cache *s)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	if (!cache)
		return kmem_cache_shrink(s);
	goslab_cache_shrink(cache);
	return 0;
}
EXPORT_SYMBOL_GPL(goslab_slab_kmem_cache_shrink);

unsigned int goslab_slab_kmem_cache_size(struct kmem_cache *s)
{
	struct goslab_cache *cache = goslab_slab_cache(s);

	return cache ? goslab_cache_size(cache) : kmem_cache_size(s);
}
EXPORT_SYMBOL_GPL(goslab_slab_kmem_cache_size);
