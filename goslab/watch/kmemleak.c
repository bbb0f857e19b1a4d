// SPDX-License-Identifier: GPL-2.0
/*
 * kmemleak: its records are no roots.
 *
 * A kernel with kmemleak has a record of each of our objects, with its address, in a
 * slab cache whose pages would lead to everything. What tells a page of a slab cache
 * is private to slab, so it is looked for once: a cache of our own shows which word of
 * a struct page names the cache, and an object that was just allocated shows a page
 * with a record: its address, followed by its size.
 *
 * Lock:       scan_lock (leakscan.c) is held.
 * Context:    task; sleeps.
 * Tests:      kunit/leakscan_kunit.c, on a kernel with kmemleak
 */
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/slab.h>

#include "watch/roots.h"

#define PAGE_WORDS	(PAGE_SIZE / sizeof(long))
/* A size of kmalloc(): the record has that of the slab object. */
#define PROBE_BYTES	256

/* Which word of a struct page names the slab cache; 0: not known. */
static unsigned int place;
/* What stands there for kmemleak's records; 0: not known. */
static unsigned long records;

static unsigned long word_of(const struct page *head, unsigned int i)
{
	return READ_ONCE(((const unsigned long *)head)[i]);
}

static void find_place(void)
{
	struct kmem_cache *own = kmem_cache_create("goslab_probe", PROBE_BYTES, 0, 0, NULL);
	void *p = own ? kmem_cache_alloc(own, GFP_KERNEL) : NULL;
	unsigned int i;

	for (i = 1; p && i < sizeof(struct page) / sizeof(long); i++)
		if (word_of(virt_to_head_page(p), i) == (unsigned long)own)
			place = i;
	if (p)
		kmem_cache_free(own, p);
	kmem_cache_destroy(own);
}

/* Has @page, of slab, a record of the object at @probe? */
static bool has_record(const struct page *page, unsigned long probe, unsigned long *copy)
{
	unsigned int i;

	if (!gs_roots_copy(copy, page_address(page), PAGE_SIZE))
		return false;
	for (i = 0; i < PAGE_WORDS - 1; i++)
		if (copy[i] == probe && copy[i + 1] == PROBE_BYTES)
			return true;
	return false;
}

static void find_records(int node, unsigned long probe, unsigned long *copy)
{
	unsigned long pfn = NODE_DATA(node)->node_start_pfn;
	unsigned long end = pfn + NODE_DATA(node)->node_spanned_pages;

	for (; pfn < end && !records; pfn++) {
		struct page *page = pfn_to_online_page(pfn);

		if (page && PageSlab(compound_head(page)) && has_record(page, probe, copy))
			records = word_of(compound_head(page), place);
		cond_resched();
	}
}

/*
 * Find out, if that is not known and kmemleak has records at all. @copy has room for a
 * page.
 */
void gs_kmemleak_find(unsigned long *copy)
{
	void *probe;
	int node;

	if (records)
		return;
	find_place();
	probe = place ? kmalloc(PROBE_BYTES, GFP_KERNEL) : NULL;
	if (!probe)
		return;
	for_each_online_node(node)
		find_records(node, (unsigned long)probe, copy);
	kfree(probe);
}

/* Are there records in this page of slab? */
bool gs_kmemleak_owns(const struct page *head)
{
	return records && word_of(head, place) == records;
}
