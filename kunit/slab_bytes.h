/* SPDX-License-Identifier: GPL-2.0 */
/*
 * slab_bytes.h: what SLUB holds, for the modules that measure it beside goslab.
 *
 * By the kernel's page counters, which are exact on a UP kernel only.
 */
#ifndef _KUNIT_SLAB_BYTES_H
#define _KUNIT_SLAB_BYTES_H

#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmstat.h>

static inline s64 slab_bytes(void)
{
	return (s64)(global_node_page_state_pages(NR_SLAB_RECLAIMABLE_B) +
		     global_node_page_state_pages(NR_SLAB_UNRECLAIMABLE_B))
		<< PAGE_SHIFT;
}

/* Give back empty slabs that earlier users of kmalloc() left. */
static inline void shrink_kmalloc(void)
{
	struct kmem_cache *s;
	int i;

	for (i = 0; i <= KMALLOC_SHIFT_HIGH; i++) {
		s = kmalloc_caches[KMALLOC_NORMAL][i];
		if (s)
			kmem_cache_shrink(s);
	}
}

#endif /* _KUNIT_SLAB_BYTES_H */
