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
 * Lock:       writers of spans[]: the mheap lock of the node. Groups and arenas that
 *             come or go, and counts of pages: radix_lock, with no other lock held.
 *             Readers: none, but see gs_arena_look(). On the way in, everything is
 *             published with a release after what it points to.
 * Lifetime:   an arena's table is made before the first page in it is ours, and taken
 *             out when none is any more, by the worker's tick (trim.c). It goes after
 *             a grace period. Groups, 32 KiB for 16 GiB, stay until gs_arena_exit():
 *             half a millionth of the memory that they stand for, and one for each
 *             16 GiB of the machine at most.
 * Context:    any but NMI; gs_arena_init() sleeps.
 * Invariants: A1  an arena counts at least the pages in it that spans and runs have;
 *                 and no others, but those of a block that is being drawn or given
 *                 back. One with a page of ours has a table.
 *             I3  every page of a span maps to it; the first and the last page
 *                 of a free run map to the run.
 *             (An entry that leads to a descriptor which is about to go may become
 *             &gs_no_span under no lock: gs_radix_forget().)
 *             What other pages map to is left of an earlier span and tells
 *             nothing: descriptors are never anything else, so a reader looks
 *             whether the span covers the page (gs_span_covers()).
 *             (checked by gs_mheap_verify(), which knows the spans)
 * Tests:      kunit/arena_kunit.c
 */
#include "back/arena.h"

#include <linux/mm.h>
#include <linux/numa.h>

#include "base/debug.h"
#include "base/sys.h"
#include "base/worker.h"

static_assert(sizeof(struct heap_arena) == 4096);

/*
 * Of the struct page of an arena's table, which is ours, private has the arena's number
 * times MOST_OURS, plus the pages in it that are ours. (Tests reserve some twice.) lru
 * links it while it is idle, and after it was taken out. A reader may still read the
 * table then, so its own memory cannot have the link.
 */
#define MOST_OURS	(1UL << 16)
static_assert(GS_ARENA_PAGES < MOST_OURS);

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
	INIT_LIST_HEAD(&radix->idle);
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

/* The struct page of an arena's table: what is known of the arena. */
static struct page *page_of(const struct heap_arena *arena)
{
	return virt_to_page(arena);
}

/* Pages in the arena that are ours; radix_lock for a value that stays. */
static unsigned int nr_ours(const struct heap_arena *arena)
{
	return page_private(page_of(arena)) % MOST_OURS;
}

static unsigned long number_of(const struct heap_arena *arena)
{
	return page_private(page_of(arena)) / MOST_OURS;
}

static struct heap_arena **place_of(const struct gs_radix *radix, unsigned long i)
{
	return &radix->top[i / GS_GROUP_ARENAS]->arena[i % GS_GROUP_ARENAS];
}

/* @n pages more; under radix_lock. */
static void count_pages(struct heap_arena *arena, unsigned int n)
{
	struct page *page = page_of(arena);

	list_del_init(&page->lru);
	set_page_private(page, page_private(page) + n);
}

/* A group where none is. Return: the group, or NULL without memory. */
static struct gs_group *make_group(struct gs_radix *radix, struct gs_group **where,
				   gfp_t gfp)
{
	struct gs_group *group = gs_sys_draw_meta(sizeof(*group), NUMA_NO_NODE, gfp);
	struct gs_group *spare = NULL;
	unsigned long flags;

	if (!group)
		return NULL;
	clear_group(group);
	gs_lock(&radix_lock, flags);
	if (*where == &no_group) {
		/* Pairs with gs_radix_look(): it is clear before it shows. */
		smp_store_release(where, group);
		radix->nr_groups++;
	} else {
		spare = group;
		group = *where;
	}
	gs_unlock(&radix_lock, flags);
	if (spare)
		gs_sys_give_meta(spare, sizeof(*spare));
	return group;
}

/* The table of arena @i, all of it clear. */
static struct heap_arena *draw_arena(unsigned long i, gfp_t gfp)
{
	struct heap_arena *arena = gs_sys_draw_meta(sizeof(*arena), NUMA_NO_NODE, gfp);

	if (!arena)
		return NULL;
	clear_arena(arena);
	INIT_LIST_HEAD(&page_of(arena)->lru);
	set_page_private(page_of(arena), i * MOST_OURS);
	return arena;
}

/* @n pages of an arena are ours; if it has no table, @fresh becomes it. */
static bool reserve_in(struct gs_radix *radix, struct heap_arena **where, unsigned int n,
		       struct heap_arena **fresh)
{
	unsigned long flags;
	bool done = true;

	gs_lock(&radix_lock, flags);
	if (*where != &no_arena) {
		count_pages(*where, n);
	} else if (*fresh) {
		count_pages(*fresh, n);
		/* As in make_group(). */
		smp_store_release(where, *fresh);
		*fresh = NULL;
		radix->nr_arenas++;
	} else {
		done = false;
	}
	gs_unlock(&radix_lock, flags);
	return done;
}

static int reserve_one(struct gs_radix *radix, unsigned long i, unsigned int n, gfp_t gfp)
{
	struct gs_group **top = &radix->top[i / GS_GROUP_ARENAS];
	struct gs_group *group = READ_ONCE(*top);
	struct heap_arena *fresh = NULL, **where;

	if (group == &no_group)
		group = make_group(radix, top, gfp);
	if (!group)
		return -ENOMEM;
	where = &group->arena[i % GS_GROUP_ARENAS];
	if (reserve_in(radix, where, n, &fresh))
		return 0;
	fresh = draw_arena(i, gfp);
	if (!fresh)
		return -ENOMEM;
	reserve_in(radix, where, n, &fresh);
	if (fresh)
		gs_sys_give_meta(fresh, sizeof(*fresh));
	return 0;
}

/* How many pages of arena @i offsets @off to @end, less one, lie in. */
static unsigned int pages_in(unsigned long i, unsigned long off, unsigned long end)
{
	unsigned long first = max(off, i << GS_ARENA_SHIFT);
	unsigned long last = min(end, (i + 1) << GS_ARENA_SHIFT) - 1;

	return (last >> GS_PAGE_SHIFT) - (first >> GS_PAGE_SHIFT) + 1;
}

/**
 * gs_radix_reserve() - a block's pages are ours: have the tables that they need.
 * @radix: the tree.
 * @block: first page.
 * @bytes: of it; the tree covers them.
 * @gfp: for the tables.
 *
 * Before a page is mapped. The tables stay until gs_radix_unreserve().
 *
 * Context: as @gfp says; no lock held.
 * Return: 0 or -ENOMEM; then nothing is reserved.
 */
int gs_radix_reserve(struct gs_radix *radix, const void *block, size_t bytes,
		     gfp_t gfp)
{
	unsigned long off = (unsigned long)block - radix->base, end = off + bytes;
	unsigned long i;

	for (i = off >> GS_ARENA_SHIFT; i << GS_ARENA_SHIFT < end; i++) {
		if (!reserve_one(radix, i, pages_in(i, off, end), gfp))
			continue;
		if (i << GS_ARENA_SHIFT > off)
			gs_radix_unreserve(radix, block, (i << GS_ARENA_SHIFT) - off);
		return -ENOMEM;
	}
	return 0;
}
GS_EXPORT_KUNIT(gs_radix_reserve);

/**
 * gs_radix_unreserve() - a block's pages are not ours any more.
 * @radix: the tree.
 * @block: first page.
 * @bytes: of it; all or a part of what was reserved.
 *
 * No page of it is mapped to anything that covers it, or ever will be. An arena without
 * a page of ours is idle: gs_radix_unlink_idle() takes its table out.
 *
 * Context: any but NMI; no lock held.
 */
void gs_radix_unreserve(struct gs_radix *radix, const void *block, size_t bytes)
{
	unsigned long off = (unsigned long)block - radix->base, end = off + bytes;
	unsigned long i, flags;
	bool idle = false;

	for (i = off >> GS_ARENA_SHIFT; i << GS_ARENA_SHIFT < end; i++) {
		unsigned int n = pages_in(i, off, end);
		struct heap_arena *arena;

		gs_lock(&radix_lock, flags);
		arena = *place_of(radix, i);
		if (!WARN_ON_ONCE(arena == &no_arena || nr_ours(arena) < n)) {
			set_page_private(page_of(arena),
					 page_private(page_of(arena)) - n);
			if (!nr_ours(arena)) {
				list_add_tail(&page_of(arena)->lru, &radix->idle);
				idle = true;
			}
		}
		gs_unlock(&radix_lock, flags);
	}
	/* It may be asleep: nothing else in reclaim wakes it. */
	if (idle)
		gs_worker_kick();
}
GS_EXPORT_KUNIT(gs_radix_unreserve);

/**
 * gs_radix_pages() - pages of an arena that are ours, or are about to be.
 * @radix: the tree.
 * @i: number of the arena.
 *
 * Return: how many; 0 without a table.
 */
unsigned int gs_radix_pages(const struct gs_radix *radix, unsigned long i)
{
	struct heap_arena *arena;
	unsigned int n = 0;

	rcu_read_lock();
	arena = READ_ONCE(*place_of(radix, i));
	if (arena != &no_arena)
		n = nr_ours(arena);
	rcu_read_unlock();
	return n;
}
GS_EXPORT_KUNIT(gs_radix_pages);

/**
 * gs_radix_unlink_idle() - take tables of arenas out in which no page is ours.
 * @radix: the tree.
 * @gone: they are put on this list, through their struct pages. gs_radix_give() may
 *        have them after a grace period.
 *
 * GS_TRIM_BATCH at most, so that the lock is not held for long.
 *
 * Context: any but NMI.
 * Return: how many.
 */
unsigned int gs_radix_unlink_idle(struct gs_radix *radix, struct list_head *gone)
{
	struct page *page, *next;
	unsigned int n = 0;
	unsigned long flags;

	gs_lock(&radix_lock, flags);
	list_for_each_entry_safe(page, next, &radix->idle, lru) {
		if (n == GS_TRIM_BATCH)
			break;
		WRITE_ONCE(*place_of(radix, number_of(page_address(page))), &no_arena);
		list_move_tail(&page->lru, gone);
		n++;
	}
	radix->nr_arenas -= n;
	gs_unlock(&radix_lock, flags);
	return n;
}
GS_EXPORT_KUNIT(gs_radix_unlink_idle);

/* Tables that gs_radix_unlink_idle() took out go; a grace period has passed. */
void gs_radix_give(struct list_head *gone)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, gone, lru)
		gs_sys_give_meta(page_address(page), sizeof(struct heap_arena));
	INIT_LIST_HEAD(gone);
}
GS_EXPORT_KUNIT(gs_radix_give);

/**
 * gs_radix_forget() - let no entry of an arena lead to descriptors that will go.
 * @radix: the tree.
 * @i: number of the arena, which may have no table.
 * @is_gone: does a descriptor go? It is free, and nobody will map a page to it.
 *
 * An entry that led to one becomes that of a page without a span. Needs no lock: whoever
 * maps the page at the same time maps it to something else.
 *
 * Context: any but NMI.
 */
void gs_radix_forget(struct gs_radix *radix, unsigned long i,
		     bool (*is_gone)(const void *s))
{
	struct mspan *last = &gs_no_span;
	struct heap_arena *arena;
	bool gone = false;
	unsigned int page;

	rcu_read_lock();
	arena = READ_ONCE(*place_of(radix, i));
	for (page = 0; page < GS_ARENA_PAGES; page++) {
		struct mspan *s = READ_ONCE(arena->spans[page]);

		/* The pages of a span follow each other. */
		if (s != last) {
			gone = s != &gs_no_span && is_gone(s);
			last = s;
		}
		if (gone)
			cmpxchg(&arena->spans[page], s, &gs_no_span);
	}
	rcu_read_unlock();
}
GS_EXPORT_KUNIT(gs_radix_forget);

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
 * Return: is there an arena at *@i or above?
 */
bool gs_radix_next(const struct gs_radix *radix, unsigned long *i)
{
	unsigned long nr = nr_arenas(radix);

	while (*i < nr) {
		struct gs_group *group = READ_ONCE(radix->top[*i / GS_GROUP_ARENAS]);

		if (group == &no_group) {
			*i = (*i / GS_GROUP_ARENAS + 1) * GS_GROUP_ARENAS;
			continue;
		}
		if (READ_ONCE(group->arena[*i % GS_GROUP_ARENAS]) != &no_arena)
			return true;
		++*i;
	}
	return false;
}
GS_EXPORT_KUNIT(gs_radix_next);

/**
 * gs_radix_prev() - walk the arenas downwards.
 * @radix: the tree.
 * @i: one more than the number of the arena to begin with; set to one more than
 *     that of the arena found, or that the search has come to.
 * @looks: entries that are looked at.
 *
 * Return: is there an arena below *@i, among @looks? If not, *@i is 0 if there is none
 * at all.
 */
bool gs_radix_prev(const struct gs_radix *radix, unsigned long *i, unsigned int looks)
{
	for (; *i && looks; looks--) {
		unsigned long at = *i - 1;
		struct gs_group *group = READ_ONCE(radix->top[at / GS_GROUP_ARENAS]);

		if (group == &no_group) {
			*i = at / GS_GROUP_ARENAS * GS_GROUP_ARENAS;
			continue;
		}
		if (READ_ONCE(group->arena[at % GS_GROUP_ARENAS]) != &no_arena)
			return true;
		*i = at;
	}
	return false;
}
GS_EXPORT_KUNIT(gs_radix_prev);

/**
 * gs_arena_is_free_run() - is this address in pages that we hold free?
 * @p: any address. For reports only: looks back from page to page.
 */
bool gs_arena_is_free_run(const void *p)
{
	unsigned long addr = (unsigned long)p & ~(GS_PAGE_SIZE - 1);
	bool is_free = false;
	unsigned int i;

	rcu_read_lock();
	for (i = 0; i < 16 * GS_ARENA_PAGES; i++, addr -= GS_PAGE_SIZE) {
		const struct mspan *s = gs_arena_look((void *)addr);

		if (gs_span_covers(s, p)) {
			is_free = gs_span_is_free(s);
			break;
		}
		/* Another span or run, and not just what is left of one. */
		if (gs_span_covers(s, (void *)addr))
			break;
	}
	rcu_read_unlock();
	return is_free;
}
