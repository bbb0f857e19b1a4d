// SPDX-License-Identifier: GPL-2.0
/*
 * kv: memory that need not be physically contiguous: an object of goslab if one
 * is easy to get, otherwise pages of vmalloc().
 *
 * Memory from vmalloc() is recognised by its address, its size by the pages
 * that are mapped there.
 *
 * Flow:       callers -> [kv] -> api/malloc.c, or vmalloc(). Reports name the
 *             caller.
 * Lock:       none.
 * Context:    any but NMI, as gfp says; vfree() sleeps in tasks.
 * Tests:      kunit/kv_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/limits.h>
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "api/api.h"
#include "base/debug.h"
#include "front/guard.h"

/* Bits that vmalloc() supports. */
#define GFP_OF_VMALLOC	(GFP_USER | __GFP_ACCOUNT | __GFP_ZERO | __GFP_NOWARN | \
			 __GFP_NOFAIL | __GFP_NORETRY | __GFP_RETRY_MAYFAIL)

/*
 * What may be asked of us for memory that vmalloc() could give as well: no
 * warning, no OOM kill. Direct reclaim stays allowed, for who forgoes it is
 * taken for atomic and eats the reserve.
 */
static gfp_t modest(gfp_t gfp, size_t size)
{
	if (size <= PAGE_SIZE)
		return gfp;
	gfp |= __GFP_NOWARN;
	if (!(gfp & __GFP_RETRY_MAYFAIL))
		gfp |= __GFP_NORETRY;
	return gfp & ~__GFP_NOFAIL;
}

/* May vmalloc() serve the request? Not if its arguments were reported. */
static bool may_map(size_t size, gfp_t gfp, int node)
{
	return size > PAGE_SIZE && size <= INT_MAX &&
	       gfpflags_allow_blocking(gfp) && gs_node_ok(node) &&
	       !(gfp & (__GFP_THISNODE | GS_GFP_REFUSED));
}

/* Whole pages, so that KASAN lets callers use all of them. */
static void *map(size_t size, gfp_t gfp, int node)
{
	u64 bytes = PAGE_ALIGN(size);

	gs_hook(GS_HOOK_OTHER_DRAW, &bytes);
	if (!bytes)
		return NULL;
	return gs_compat_vmalloc(bytes, gfp & GFP_OF_VMALLOC, node);
}

void *gs_kvmalloc_at(size_t size, gfp_t gfp, int node,
		     struct goslab_owner *owner, unsigned long site)
{
	void *p = gs_malloc_at(size, modest(gfp, size), node, owner, site);

	if (p || !may_map(size, gfp, node))
		return p;
	return map(size, gfp, node);
}

void *__goslab_kvmalloc(size_t size, gfp_t gfp, int node,
			struct goslab_owner *owner)
{
	return gs_kvmalloc_at(size, gfp, node, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_kvmalloc);

/* Did vmalloc() give @p? Guarded objects of ours lie among its areas. */
static bool is_mapped(const void *p)
{
	return is_vmalloc_addr(p) && !gs_guard_at(p);
}

void goslab_kvfree(const void *p)
{
	if (is_mapped(p))
		vfree(p);
	else
		goslab_free(p);
}
EXPORT_SYMBOL_GPL(goslab_kvfree);

void goslab_kvfree_sensitive(const void *p, size_t size)
{
	if (is_mapped(p)) {
		memzero_explicit((void *)p, size);
		vfree(p);
	} else {
		goslab_free_sensitive(p);
	}
}
EXPORT_SYMBOL_GPL(goslab_kvfree_sensitive);

/* Bytes that are mapped from @p on: an unmapped page ends every area. */
static size_t mapped_size(const void *p)
{
	size_t size = 0;

	while (vmalloc_to_page(p + size))
		size += PAGE_SIZE;
	return size;
}

/* A mapped @p of @old bytes for which @size are wanted. */
static void *remap(const void *p, size_t old, size_t size, gfp_t gfp,
		   struct goslab_owner *owner, unsigned long site)
{
	void *fresh = NULL;

	if (size > old || size <= old / 2)
		fresh = gs_kvmalloc_at(size, gfp, NUMA_NO_NODE, owner, site);
	if (fresh) {
		memcpy(fresh, p, min(old, size));
		vfree(p);
		return fresh;
	}
	if (size > old)
		return NULL;
	/* What is past @size may be asked for again, as zeros. */
	if (want_init_on_alloc(gfp))
		memset((void *)p + size, 0, old - size);
	return (void *)p;
}

void *__goslab_kvrealloc(const void *p, size_t size, gfp_t gfp,
			 struct goslab_owner *owner)
{
	unsigned long site = _RET_IP_;
	size_t old;
	void *fresh;

	if (is_mapped(p)) {
		if (size)
			return remap(p, mapped_size(p), size, gfp, owner, site);
		vfree(p);
		return ZERO_SIZE_PTR;
	}
	fresh = gs_realloc_at(p, size, modest(gfp, size), owner, site);
	if (fresh || !may_map(size, gfp, NUMA_NO_NODE))
		return fresh;
	old = ZERO_OR_NULL_PTR(p) ? 0 : gs_size_of(p);
	/* What is no live object was reported. */
	if (!old && !ZERO_OR_NULL_PTR(p))
		return NULL;
	fresh = map(size, gfp, NUMA_NO_NODE);
	if (!fresh)
		return NULL;
	memcpy(fresh, p, min(old, size));
	goslab_free(p);
	return fresh;
}
EXPORT_SYMBOL_GPL(__goslab_kvrealloc);
