// SPDX-License-Identifier: GPL-2.0
/*
 * arena: the radix tree from addresses to spans.
 *
 * Three levels: top[offset >> 34] -> group[(offset >> 22) & 4095] -> arena ->
 * spans[(offset >> 13) & 511], the offset taken in the direct map. What has no
 * memory of ours costs nothing but its entry in the top, 8 bytes for 16 GiB, so
 * the top has an entry for all memory that the machine can ever have, and none
 * of the tables is longer than some pages. (Go: heapArena and its L1/L2 map;
 * TCMalloc: PageMap3.)
 *
 * Owner:      one for the module.
 * Lock:       writers of spans[]: the mheap lock of the node. New groups and arenas:
 *             radix_lock, with no other lock held. Readers: none; see
 *             gs_arena_look(). On the way in, everything is published with a
 *             release after what it points to.
 * Lifetime:   groups and arenas stay until gs_arena_exit(), so that a reader
 *             needs no RCU.
 * Context:    any but NMI; gs_arena_init() sleeps.
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

/* No tree reaches further: 128 TiB. A longer top would be of more than 64 KiB. */
#define MAX_BITS	47

/* Stand where none was made: all entries are &gs_no_span and &no_arena. */
static struct heap_arena no_arena;
static struct gs_group no_group;

struct gs_radix gs_radix __read_mostly;
GS_EXPORT_KUNIT(gs_radix);

static DEFINE_SPINLOCK(radix_lock);

static void clear_arena(void *table)
{
	struct heap_arena *arena = table;
	unsigned int i;

	for (i = 0; i < GS_ARENA_PAGES; i++)
		arena->spans[i] = &gs_no_span;
}

static void clear_group(void *table)
{
	struct gs_group *group = table;
	unsigned int i;

	for (i = 0; i < GS_GROUP_ARENAS; i++)
		group->arena[i] = &no_arena;
}

static unsigned long top_entries(const struct gs_radix *radix)
{
	return DIV_ROUND_UP(radix->size, GS_GROUP_SIZE);
}

static unsigned long nr_arenas(const struct gs_radix *radix)
{
	return DIV_ROUND_UP(radix->size, GS_ARENA_SIZE);
}

/**
 * gs_radix_init() - an empty tree.
 * @radix: all zero.
 * @base: first address that it covers, a multiple of GS_ARENA_SIZE.
 * @size: bytes that it covers.
 *
 * Context: task; sleeps.
 * Return: 0 or -ENOMEM.
 */
int gs_radix_init(struct gs_radix *radix, unsigned long base,
		  unsigned long size)
{
	struct gs_radix made = { .base = base, .size = size };
	unsigned long i;

	made.top = gs_sys_draw_meta(top_entries(&made) * sizeof(*made.top),
				    NUMA_NO_NODE, GFP_KERNEL);
	if (!made.top)
		return -ENOMEM;
	for (i = 0; i < top_entries(&made); i++)
		made.top[i] = &no_group;
	*radix = made;
	return 0;
}
GS_EXPORT_KUNIT(gs_radix_init);

static void give_group(struct gs_group *group)
{
	unsigned int i;

	if (group == &no_group)
		return;
	for (i = 0; i < GS_GROUP_ARENAS; i++)
		if (group->arena[i] != &no_arena)
			gs_sys_give_meta(group->arena[i],
					 sizeof(struct heap_arena));
	gs_sys_give_meta(group, sizeof(*group));
}

/* Free a tree that nobody reads any more. */
void gs_radix_exit(struct gs_radix *radix)
{
	unsigned long i;

	if (!radix->top)
		return;
	for (i = 0; i < top_entries(radix); i++)
		give_group(radix->top[i]);
	gs_sys_give_meta(radix->top, top_entries(radix) * sizeof(*radix->top));
	*radix = (struct gs_radix){ };
}
GS_EXPORT_KUNIT(gs_radix_exit);

/*
 * Bytes of the direct map, memory that may be added later included. A machine
 * that takes none has what it has.
 */
static unsigned long direct_map_size(unsigned long base)
{
	unsigned long size = (unsigned long)high_memory - base;

#ifdef CONFIG_MEMORY_HOTPLUG
	size = max(size, 1UL << min_t(unsigned int, MAX_PHYSMEM_BITS, MAX_BITS));
#endif
	return min(ALIGN(size, GS_ARENA_SIZE), 1UL << MAX_BITS);
}

int gs_arena_init(void)
{
	unsigned long base = ALIGN_DOWN(PAGE_OFFSET, GS_ARENA_SIZE);

	clear_arena(&no_arena);
	clear_group(&no_group);
	return gs_radix_init(&gs_radix, base, direct_map_size(base));
}

void gs_arena_exit(void)
{
	gs_radix_exit(&gs_radix);
}

/* Can spans of this block be found at all? */
bool gs_arena_covers(const void *block, size_t bytes)
{
	unsigned long off = (unsigned long)block - gs_radix.base;

	return off < gs_radix.size && bytes <= gs_radix.size - off;
}
GS_EXPORT_KUNIT(gs_arena_covers);

/*
 * Have a table in *@where, where @none stands for none. Return: the table, or
 * NULL without memory.
 */
static void *make_table(void **where, void *none, size_t bytes,
			void (*clear)(void *table), gfp_t gfp)
{
	void *table = READ_ONCE(*where), *spare = NULL;
	unsigned long flags;

	if (table != none)
		return table;
	table = gs_sys_draw_meta(bytes, NUMA_NO_NODE, gfp);
	if (!table)
		return NULL;
	clear(table);
	gs_lock(&radix_lock, flags);
	if (*where == none) {
		/* Pairs with gs_radix_look(): it is clear before it shows. */
		smp_store_release(where, table);
	} else {
		spare = table;
		table = *where;
	}
	gs_unlock(&radix_lock, flags);
	if (spare)
		gs_sys_give_meta(spare, bytes);
	return table;
}

static int reserve_one(struct gs_radix *radix, unsigned long i, gfp_t gfp)
{
	struct gs_group *group;

	group = make_table((void **)&radix->top[i / GS_GROUP_ARENAS], &no_group,
			   sizeof(*group), clear_group, gfp);
	if (!group)
		return -ENOMEM;
	return make_table((void **)&group->arena[i % GS_GROUP_ARENAS], &no_arena,
			  sizeof(struct heap_arena), clear_arena, gfp) ?
	       0 : -ENOMEM;
}

/**
 * gs_radix_reserve() - have the tables that a block's pages need.
 * @radix: the tree.
 * @block: first page.
 * @bytes: of it; the tree covers them.
 * @gfp: for the tables.
 *
 * Context: as @gfp says; no lock held.
 * Return: 0 or -ENOMEM.
 */
int gs_radix_reserve(struct gs_radix *radix, const void *block, size_t bytes,
		     gfp_t gfp)
{
	unsigned long off = (unsigned long)block - radix->base;
	unsigned long i = off >> GS_ARENA_SHIFT;
	unsigned long last = (off + bytes - 1) >> GS_ARENA_SHIFT;

	for (; i <= last; i++)
		if (reserve_one(radix, i, gfp))
			return -ENOMEM;
	return 0;
}
GS_EXPORT_KUNIT(gs_radix_reserve);

static struct mspan **entry(unsigned long addr)
{
	unsigned long off = addr - gs_radix.base;
	struct gs_group *group = gs_radix.top[off >> GS_GROUP_SHIFT];

	return &group->arena[off >> GS_ARENA_SHIFT & (GS_GROUP_ARENAS - 1)]->spans[
		off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)];
}

/*
 * Map every page of [base, npages) to @s, NULL to none of ours; under the mheap
 * lock.
 */
void gs_arena_set(unsigned long base, unsigned int npages, struct mspan *s)
{
	struct mspan *to = s ?: &gs_no_span;

	/*
	 * Pairs with gs_arena_look(): who finds the span finds what was stored
	 * in it before.
	 */
	smp_wmb();
	/* Free runs of two arenas may have merged. */
	while (npages) {
		unsigned long left = GS_ARENA_SIZE - (base & (GS_ARENA_SIZE - 1));
		unsigned int n = min_t(unsigned long, npages, left >> GS_PAGE_SHIFT);
		struct mspan **e = entry(base), **end = e + n;

		while (e < end)
			WRITE_ONCE(*e++, to);
		base += n * GS_PAGE_SIZE;
		npages -= n;
	}
}
GS_EXPORT_KUNIT(gs_arena_set);

/* Map the first and the last page of a free run; under the mheap lock. */
void gs_arena_set_ends(unsigned long base, unsigned int npages, struct mspan *s)
{
	unsigned long last = base + (npages - 1) * GS_PAGE_SIZE;
	struct mspan **e = entry(base);

	/* As in gs_arena_set(). */
	smp_wmb();
	WRITE_ONCE(*e, s ?: &gs_no_span);
	e = (base ^ last) >> GS_ARENA_SHIFT ? entry(last) : e + npages - 1;
	WRITE_ONCE(*e, s ?: &gs_no_span);
}
GS_EXPORT_KUNIT(gs_arena_set_ends);

/**
 * gs_radix_next() - walk the arenas upwards.
 * @radix: the tree.
 * @i: number of the arena to begin with; set to that of the arena found.
 *
 * Groups without arenas are skipped as one.
 *
 * Return: the first arena at *@i or above, NULL past the last one.
 */
struct heap_arena *gs_radix_next(const struct gs_radix *radix, unsigned long *i)
{
	unsigned long nr = nr_arenas(radix);

	while (*i < nr) {
		struct gs_group *group = READ_ONCE(radix->top[*i / GS_GROUP_ARENAS]);
		struct heap_arena *arena;

		if (group == &no_group) {
			*i = (*i / GS_GROUP_ARENAS + 1) * GS_GROUP_ARENAS;
			continue;
		}
		arena = READ_ONCE(group->arena[*i % GS_GROUP_ARENAS]);
		if (arena != &no_arena)
			return arena;
		++*i;
	}
	return NULL;
}
GS_EXPORT_KUNIT(gs_radix_next);

/**
 * gs_radix_prev() - walk the arenas downwards.
 * @radix: the tree.
 * @i: one more than the number of the arena to begin with; set to one more than
 *     that of the arena found, or that the search has come to.
 * @looks: entries that are looked at.
 *
 * Return: the first arena below *@i, or NULL for none among @looks; then *@i is
 * 0 if there is none at all.
 */
struct heap_arena *gs_radix_prev(const struct gs_radix *radix, unsigned long *i,
				 unsigned int looks)
{
	for (; *i && looks; looks--) {
		unsigned long at = *i - 1;
		struct gs_group *group = READ_ONCE(radix->top[at / GS_GROUP_ARENAS]);
		struct heap_arena *arena;

		if (group == &no_group) {
			*i = at / GS_GROUP_ARENAS * GS_GROUP_ARENAS;
			continue;
		}
		arena = READ_ONCE(group->arena[at % GS_GROUP_ARENAS]);
		if (arena != &no_arena)
			return arena;
		*i = at;
	}
	return NULL;
}
GS_EXPORT_KUNIT(gs_radix_prev);

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
