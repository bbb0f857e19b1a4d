// SPDX-License-Identifier: GPL-2.0
/*
 * sys: the seam to the kernel's page allocator; its only caller.
 *
 * Every byte that goslab holds was drawn here: blocks for the page heap, and
 * pages for metadata. Held and peak are kept at the draw itself.
 *
 * Pages of the heap carry a reference bias: a stray kfree() or put_page() of
 * an object (6.1 and 6.12 pass it on to __free_pages()) then takes one of many
 * references and the page stays ours. At the give-back a page with fewer than
 * the bias was put by a stranger: reported and leaked. More than the bias is a
 * passing reader, whose own put frees the page. Pages of metadata carry it, too: so
 * every page of ours can be told by its count.
 *
 * Lock:       none; atomic counters.
 * Context:    draw: as @gfp says. Give: any but NMI. Never with a lock held
 *             or an mcache entered.
 * Tests:      kunit/sys_kunit.c
 */
#include "base/sys.h"

#include <linux/atomic.h>
#include <linux/mm.h>
#include <linux/page_ref.h>

#include "base/debug.h"
#include "base/latency.h"
#include "base/report.h"
#include "base/trace.h"

#define REF_BIAS	(1 << 16)

static atomic_long_t held = ATOMIC_LONG_INIT(0);
static atomic_long_t meta = ATOMIC_LONG_INIT(0);
static atomic_long_t peak = ATOMIC_LONG_INIT(0);
static atomic64_t draws = ATOMIC64_INIT(0);

static void count_draw(size_t bytes)
{
	long now = atomic_long_add_return(bytes, &held);
	long old = atomic_long_read(&peak);

	atomic64_inc(&draws);
	while (now > old && !atomic_long_try_cmpxchg(&peak, &old, now))
		;
}

static struct page *draw(int node, gfp_t gfp, unsigned int order, bool meta)
{
	struct gs_draw ask = { PAGE_SIZE << order, node, gfp, meta };
	struct page *page;
	u64 since;

	gs_hook(GS_HOOK_SYS_DRAW, &ask);
	if (!ask.bytes || gs_load_fails())
		return NULL;
	since = gs_latency_now();
	/* Not alloc_pages(): one task's mempolicy would place everyone's memory. */
	page = alloc_pages_node(ask.node, ask.gfp, order);
	gs_latency_note(GS_LATENCY_GROW, since);
	if (page)
		gs_hook(GS_HOOK_SYS_DRAWN,
			&(struct gs_drawn){ page, order, gfp, meta });
	return page;
}

static void *draw_block(int node, gfp_t gfp, unsigned int order)
{
	struct page *page = draw(node, gfp, order, false);
	unsigned int i;

	if (!page)
		return NULL;
	if (order)
		split_page(page, order);
	for (i = 0; i < 1U << order; i++)
		page_ref_add(page + i, REF_BIAS);
	count_draw(PAGE_SIZE << order);
	trace_goslab_grow(page_address(page), PAGE_SIZE << order);
	return page_address(page);
}

/**
 * gs_sys_draw() - draw a block for the page heap.
 * @node: node preferred, or NUMA_NO_NODE.
 * @gfp: the caller's; what is not in GS_GFP_ALLOWED is left out.
 * @order: of PAGE_SIZE.
 *
 * Return: a block, aligned to its size in physical memory, whose pages can be
 * given back one by one; NULL on failure.
 */
void *gs_sys_draw(int node, gfp_t gfp, unsigned int order)
{
	return draw_block(node, gfp & GS_GFP_ALLOWED, order);
}
GS_EXPORT_KUNIT(gs_sys_draw);

/* As gs_sys_draw(), and the caller's memory cgroup pays until the give-back. */
void *gs_sys_draw_charged(int node, gfp_t gfp, unsigned int order)
{
	return draw_block(node, (gfp & GS_GFP_ALLOWED) | __GFP_ACCOUNT, order);
}

/*
 * Did the block, just drawn and not used yet, come from the kernel's emergency
 * reserve, which only PF_MEMALLOC and __GFP_MEMALLOC may use?
 */
bool gs_sys_is_reserve(const void *block)
{
	return page_is_pfmemalloc(virt_to_page(block));
}

/**
 * gs_sys_give() - give pages of drawn blocks back.
 * @block: address of the first.
 * @bytes: a multiple of GS_UNIT_SIZE.
 */
void gs_sys_give(void *block, size_t bytes)
{
	size_t off;

	trace_goslab_release(block, bytes);
	for (off = 0; off < bytes; off += PAGE_SIZE) {
		struct page *one = virt_to_page(block + off);

		if (unlikely(page_ref_count(one) <= REF_BIAS)) {
			gs_report(&(struct gs_report) {
				.kind = GS_BUG_PAGE_COUNT,
				.addr = page_address(one), .what = "count",
				.value = page_ref_count(one),
				.site = _RET_IP_,
			});
			continue;
		}
		page_ref_sub(one, REF_BIAS);
		__free_page(one);
	}
	atomic_long_sub(bytes, &held);
}
GS_EXPORT_KUNIT(gs_sys_give);

/*
 * Is the page at @p one of the heap's? @p is in memory that was ours once. Half
 * of the bias will do: strangers may have put a few.
 */
bool gs_sys_holds(const void *p)
{
	return virt_addr_valid(p) &&
		page_ref_count(virt_to_page(p)) > REF_BIAS / 2;
}

/* Is @page one that was drawn here? Strangers may have put a few of its references. */
bool gs_sys_is_ours(const struct page *page)
{
	return page_ref_count(page) > REF_BIAS / 2;
}
GS_EXPORT_KUNIT(gs_sys_is_ours);

/**
 * gs_sys_draw_meta() - draw zeroed memory for metadata.
 * @bytes: wanted; whole pages are drawn and counted.
 * @node: node preferred, or NUMA_NO_NODE.
 * @gfp: as the caller of the allocator gave it.
 */
void *gs_sys_draw_meta(size_t bytes, int node, gfp_t gfp)
{
	unsigned int order = get_order(bytes);
	struct page *page = draw(node, (gfp & GS_GFP_ALLOWED & ~__GFP_THISNODE) |
				 __GFP_ZERO, order, true);
	unsigned int i;

	if (!page)
		return NULL;
	/* Also of pages behind the first, which have no reference otherwise. */
	for (i = 0; i < 1U << order; i++)
		page_ref_add(page + i, REF_BIAS);
	atomic_long_add(PAGE_SIZE << order, &meta);
	count_draw(PAGE_SIZE << order);
	return page_address(page);
}
GS_EXPORT_KUNIT(gs_sys_draw_meta);

/* Give back what gs_sys_draw_meta() gave for @bytes. */
void gs_sys_give_meta(void *p, size_t bytes)
{
	unsigned int order = get_order(bytes), i;

	/* Addresses in it would lead a scan for leaks to objects, whoever gets it next. */
	memset(p, 0, PAGE_SIZE << order);
	for (i = 0; i < 1U << order; i++)
		page_ref_sub(virt_to_page(p) + i, REF_BIAS);
	__free_pages(virt_to_page(p), order);
	atomic_long_sub(PAGE_SIZE << order, &meta);
	atomic_long_sub(PAGE_SIZE << order, &held);
}
GS_EXPORT_KUNIT(gs_sys_give_meta);

/* Bytes drawn and not given back, metadata included. */
size_t gs_sys_held(void)
{
	return atomic_long_read(&held);
}
GS_EXPORT_KUNIT(gs_sys_held);

/* The most that gs_sys_held() was at a draw since the last reset. */
size_t gs_sys_peak(void)
{
	return atomic_long_read(&peak);
}

/* The part of gs_sys_held() that is metadata. */
size_t gs_sys_meta(void)
{
	return atomic_long_read(&meta);
}
GS_EXPORT_KUNIT(gs_sys_meta);

/* Draws so far; a draw that may have raised the peak changes it. */
u64 gs_sys_draws(void)
{
	return atomic64_read(&draws);
}

void gs_sys_reset_peak(void)
{
	atomic_long_set(&peak, gs_sys_held());
}
