// SPDX-License-Identifier: GPL-2.0
/*
 * arena: the radix tree from addresses to spans.
 *
 * Two levels: top[offset >> 22] -> arena -> spans[(offset >> 13) & 511], the
 * offset taken in the direct map. (Go: heapArena and its L1/L2 map; TCMalloc:
 * PageMap2.)
 *
 * Owner:      one for the module.
 * Lock:       writers of spans[]: the mheap lock. New arenas and a longer top:
 *             arena_lock (order: mheap lock -> arena_lock). Readers: none; see
 *             gs_arena_span(). On the way in, entries are published with a
 *             release after what they point to; a longer top is published
 *             before its length.
 * Lifetime:   arenas and replaced tops stay until gs_arena_exit(), so that a
 *             reader needs no RCU.
 * Context:    any but NMI; gs_arena_init() and gs_arena_extend() sleep.
 * Invariants: I3  every page of a span maps to it; the first and the last page
 *                 of a free run map to the run.
 *             What other pages map to is left of an earlier span and tells
 *             nothing: descriptors are never anything else, so a reader looks
 *             whether the span covers the page (gs_span_covers()).
 *             (checked by gs_mheap_verify(), which knows the spans)
 * Tests:      kunit/arena_kunit.c
 */
#include "back/arena.h"

#include <linux/mm.h>
#include <linux/numa.h>

#include "base/sys.h"

static_assert(sizeof(struct heap_arena) == 4096);

struct gs_radix gs_radix __read_mostly;
GS_EXPORT_KUNIT(gs_radix);

static DEFINE_SPINLOCK(arena_lock);

/* Tops that were replaced by longer ones; a reader may still be in one. */
static struct {
	struct heap_arena **top;
	unsigned long nr;
} old_tops[32];
static unsigned int nr_old_tops;

static unsigned long nr_for(unsigned long end)
{
	return DIV_ROUND_UP(end - gs_radix.base, GS_ARENA_SIZE);
}

static struct heap_arena **draw_top(unsigned long nr, gfp_t gfp)
{
	return gs_sys_draw_meta(nr * sizeof(*gs_radix.top), NUMA_NO_NODE, gfp);
}

/* Size the top for the memory that there is now. */
int gs_arena_init(void)
{
	unsigned long nr;

	gs_radix.base = ALIGN_DOWN(PAGE_OFFSET, GS_ARENA_SIZE);
	nr = nr_for((unsigned long)high_memory);
	gs_radix.top = draw_top(nr, GFP_KERNEL);
	if (!gs_radix.top)
		return -ENOMEM;
	/* Pairs with gs_arena_span(). */
	smp_store_release(&gs_radix.nr, nr);
	return 0;
}

void gs_arena_exit(void)
{
	unsigned long i;

	for (i = 0; i < gs_radix.nr; i++)
		if (gs_radix.top[i])
			gs_sys_give_meta(gs_radix.top[i],
					 sizeof(struct heap_arena));
	if (gs_radix.top)
		gs_sys_give_meta(gs_radix.top,
				 gs_radix.nr * sizeof(*gs_radix.top));
	while (nr_old_tops--)
		gs_sys_give_meta(old_tops[nr_old_tops].top,
				 old_tops[nr_old_tops].nr * sizeof(*gs_radix.top));
	gs_radix.nr = 0;
	gs_radix.top = NULL;
}

/**
 * gs_arena_extend() - memory was added: make the top reach it.
 * @end: first address of the direct map past the new memory.
 *
 * Context: Task; sleeps. Callers are serialised by the memory hotplug lock.
 * Return: 0, or -ENOMEM: pages up there will then be handed straight back.
 */
int gs_arena_extend(unsigned long end)
{
	unsigned long nr = nr_for(end), flags;
	struct heap_arena **top;

	if (nr <= gs_radix.nr)
		return 0;
	if (nr_old_tops == ARRAY_SIZE(old_tops))
		return -ENOMEM;
	/* Twice at least, so that memory added bit by bit costs little. */
	nr = max(nr, 2 * gs_radix.nr);
	top = draw_top(nr, GFP_KERNEL);
	if (!top)
		return -ENOMEM;
	gs_lock(&arena_lock, flags);
	memcpy(top, gs_radix.top, gs_radix.nr * sizeof(*top));
	old_tops[nr_old_tops].top = gs_radix.top;
	old_tops[nr_old_tops++].nr = gs_radix.nr;
	WRITE_ONCE(gs_radix.top, top);
	/* Pairs with gs_arena_span(): who sees the length sees the top. */
	smp_store_release(&gs_radix.nr, nr);
	gs_unlock(&arena_lock, flags);
	return 0;
}
GS_EXPORT_KUNIT(gs_arena_extend);

/* Can spans of this block be found at all? */
bool gs_arena_covers(const void *block, size_t bytes)
{
	unsigned long off = (unsigned long)block - gs_radix.base;

	return (off + bytes - 1) >> GS_ARENA_SHIFT < READ_ONCE(gs_radix.nr);
}
GS_EXPORT_KUNIT(gs_arena_covers);

static int reserve_one(unsigned long i, gfp_t gfp)
{
	struct heap_arena *arena;
	unsigned long flags;

	if (READ_ONCE(gs_radix.top[i]))
		return 0;
	arena = gs_sys_draw_meta(sizeof(*arena), NUMA_NO_NODE, gfp);
	if (!arena)
		return -ENOMEM;
	gs_lock(&arena_lock, flags);
	if (!gs_radix.top[i]) {
		/* Pairs with gs_arena_span(): the arena is zero before it shows. */
		smp_store_release(&gs_radix.top[i], arena);
		arena = NULL;
	}
	gs_unlock(&arena_lock, flags);
	if (arena)
		gs_sys_give_meta(arena, sizeof(*arena));
	return 0;
}

/**
 * gs_arena_reserve() - have the tables that a block's pages need.
 * @block: first page.
 * @bytes: of it; gs_arena_covers() them.
 * @gfp: for the tables.
 *
 * Context: as @gfp says; no lock held.
 * Return: 0 or -ENOMEM.
 */
int gs_arena_reserve(const void *block, size_t bytes, gfp_t gfp)
{
	unsigned long off = (unsigned long)block - gs_radix.base;
	unsigned long i = off >> GS_ARENA_SHIFT;
	unsigned long last = (off + bytes - 1) >> GS_ARENA_SHIFT;

	for (; i <= last; i++)
		if (reserve_one(i, gfp))
			return -ENOMEM;
	return 0;
}
GS_EXPORT_KUNIT(gs_arena_reserve);

static struct mspan **entry(unsigned long addr)
{
	unsigned long off = addr - gs_radix.base;

	return &gs_radix.top[off >> GS_ARENA_SHIFT]->spans[
		off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)];
}

/* Map every page of [base, npages) to @s; under the mheap lock. */
void gs_arena_set(unsigned long base, unsigned int npages, struct mspan *s)
{
	unsigned int i;

	/*
	 * Pairs with gs_arena_span(): who finds the span finds what was stored
	 * in it before.
	 */
	smp_wmb();
	for (i = 0; i < npages; i++)
		WRITE_ONCE(*entry(base + i * GS_PAGE_SIZE), s);
}
GS_EXPORT_KUNIT(gs_arena_set);

/* Map the first and the last page of a free run; under the mheap lock. */
void gs_arena_set_ends(unsigned long base, unsigned int npages, struct mspan *s)
{
	gs_arena_set(base, 1, s);
	gs_arena_set(base + (npages - 1) * GS_PAGE_SIZE, 1, s);
}
GS_EXPORT_KUNIT(gs_arena_set_ends);

/**
 * gs_arena_get() - walk the arenas.
 * @i: 0 and up.
 * @base: set to the arena's first address.
 *
 * Return: the arena, NULL for a hole, ERR_PTR(-ENOENT) past the end.
 */
struct heap_arena *gs_arena_get(unsigned long i, unsigned long *base)
{
	if (i >= smp_load_acquire(&gs_radix.nr))
		return ERR_PTR(-ENOENT);
	*base = gs_radix.base + i * GS_ARENA_SIZE;
	return READ_ONCE(gs_radix.top[i]);
}
GS_EXPORT_KUNIT(gs_arena_get);

/**
 * gs_arena_is_free_run() - is this address in pages that we hold free?
 * @p: any address. For reports only: looks back from page to page.
 */
bool gs_arena_is_free_run(const void *p)
{
	unsigned long addr = (unsigned long)p & ~(GS_PAGE_SIZE - 1);
	struct mspan *s;
	unsigned int i;

	for (i = 0; i < 16 * GS_ARENA_PAGES; i++, addr -= GS_PAGE_SIZE) {
		s = gs_arena_span((void *)addr);
		if (!s)
			continue;
		if (gs_span_covers(s, p))
			return gs_span_is_free(s);
		/* Another span or run, and not just what is left of one. */
		if (gs_span_covers(s, (void *)addr) && gs_span_size(s))
			return false;
	}
	return false;
}
