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
 *             gs_arena_look(). On the way in, everything is published with a
 *             release after what it points to.
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
#include <linux/overflow.h>

#include "base/sys.h"

static_assert(sizeof(struct heap_arena) == 4096);

/* Stands where no arena was made: all of its entries are &gs_no_span. */
static struct heap_arena gs_no_arena;

static struct gs_radix no_radix;
struct gs_radix *gs_radix __read_mostly = &no_radix;
GS_EXPORT_KUNIT(gs_radix);

static DEFINE_SPINLOCK(arena_lock);

/* Those that were replaced by longer ones; a reader may still be in one. */
static struct gs_radix *old_radix[32];
static unsigned int nr_old;

static void clear_arena(struct heap_arena *arena)
{
	unsigned int i;

	for (i = 0; i < GS_ARENA_PAGES; i++)
		arena->spans[i] = &gs_no_span;
}

static size_t radix_bytes(unsigned long nr)
{
	return struct_size(gs_radix, arena, nr);
}

/* Room for what lies below @end and @least entries, with no arena yet. */
static struct gs_radix *draw_radix(unsigned long end, unsigned long least)
{
	unsigned long base = ALIGN_DOWN(PAGE_OFFSET, GS_ARENA_SIZE), i;
	unsigned long nr = max(DIV_ROUND_UP(end - base, GS_ARENA_SIZE), least);
	struct gs_radix *radix = gs_sys_draw_meta(radix_bytes(nr), NUMA_NO_NODE,
						  GFP_KERNEL);

	if (!radix)
		return NULL;
	radix->base = base;
	radix->nr = nr;
	for (i = 0; i < nr; i++)
		radix->arena[i] = &gs_no_arena;
	return radix;
}

/* Size it for the memory that there is now. */
int gs_arena_init(void)
{
	struct gs_radix *radix;

	clear_arena(&gs_no_arena);
	radix = draw_radix((unsigned long)high_memory, 0);
	if (!radix)
		return -ENOMEM;
	/* Pairs with gs_arena_look(). */
	smp_store_release(&gs_radix, radix);
	return 0;
}

void gs_arena_exit(void)
{
	struct gs_radix *radix = gs_radix;
	unsigned long i;

	for (i = 0; i < radix->nr; i++)
		if (radix->arena[i] != &gs_no_arena)
			gs_sys_give_meta(radix->arena[i],
					 sizeof(struct heap_arena));
	while (nr_old--)
		gs_sys_give_meta(old_radix[nr_old],
				 radix_bytes(old_radix[nr_old]->nr));
	gs_radix = &no_radix;
	if (radix != &no_radix)
		gs_sys_give_meta(radix, radix_bytes(radix->nr));
}

/**
 * gs_arena_extend() - memory was added: make the top level reach it.
 * @end: first address of the direct map past the new memory.
 *
 * Context: Task; sleeps. Callers are serialised by the memory hotplug lock.
 * Return: 0, or -ENOMEM: pages up there will then be handed straight back.
 */
int gs_arena_extend(unsigned long end)
{
	struct gs_radix *radix, *old = gs_radix;
	unsigned long flags;

	if (end <= old->base + old->nr * GS_ARENA_SIZE)
		return 0;
	if (nr_old == ARRAY_SIZE(old_radix))
		return -ENOMEM;
	/* Twice at least, so that memory added bit by bit costs little. */
	radix = draw_radix(end, 2 * old->nr);
	if (!radix)
		return -ENOMEM;
	gs_lock(&arena_lock, flags);
	memcpy(radix->arena, old->arena, old->nr * sizeof(*old->arena));
	old_radix[nr_old++] = old;
	/* Pairs with gs_arena_look(): who sees it sees what is in it. */
	smp_store_release(&gs_radix, radix);
	gs_unlock(&arena_lock, flags);
	return 0;
}
GS_EXPORT_KUNIT(gs_arena_extend);

/* Can spans of this block be found at all? */
bool gs_arena_covers(const void *block, size_t bytes)
{
	const struct gs_radix *radix = READ_ONCE(gs_radix);
	unsigned long off = (unsigned long)block - radix->base;

	return (off + bytes - 1) >> GS_ARENA_SHIFT < radix->nr;
}
GS_EXPORT_KUNIT(gs_arena_covers);

static int reserve_one(unsigned long i, gfp_t gfp)
{
	struct heap_arena *arena;
	unsigned long flags;

	if (READ_ONCE(READ_ONCE(gs_radix)->arena[i]) != &gs_no_arena)
		return 0;
	arena = gs_sys_draw_meta(sizeof(*arena), NUMA_NO_NODE, gfp);
	if (!arena)
		return -ENOMEM;
	clear_arena(arena);
	gs_lock(&arena_lock, flags);
	if (gs_radix->arena[i] == &gs_no_arena) {
		/* Pairs with gs_arena_look(): it is clear before it shows. */
		smp_store_release(&gs_radix->arena[i], arena);
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
	unsigned long off = (unsigned long)block - READ_ONCE(gs_radix)->base;
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
	const struct gs_radix *radix = READ_ONCE(gs_radix);
	unsigned long off = addr - radix->base;

	return &radix->arena[off >> GS_ARENA_SHIFT]->spans[
		off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)];
}

/*
 * Map every page of [base, npages) to @s, NULL to none of ours; under the mheap
 * lock.
 */
void gs_arena_set(unsigned long base, unsigned int npages, struct mspan *s)
{
	unsigned long addr, end = base + npages * GS_PAGE_SIZE;
	struct mspan **e = entry(base);

	/*
	 * Pairs with gs_arena_look(): who finds the span finds what was stored
	 * in it before.
	 */
	smp_wmb();
	for (addr = base; addr < end; addr += GS_PAGE_SIZE) {
		/* Free runs of two arenas may have merged. */
		if (IS_ALIGNED(addr, GS_ARENA_SIZE))
			e = entry(addr);
		WRITE_ONCE(*e++, s ?: &gs_no_span);
	}
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
	const struct gs_radix *radix = READ_ONCE(gs_radix);
	struct heap_arena *arena;

	if (i >= radix->nr)
		return ERR_PTR(-ENOENT);
	*base = radix->base + i * GS_ARENA_SIZE;
	arena = READ_ONCE(radix->arena[i]);
	return arena == &gs_no_arena ? NULL : arena;
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
