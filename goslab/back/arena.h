/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_ARENA_H
#define GS_BACK_ARENA_H

#include <linux/cache.h>
#include <linux/compiler.h>
#include <linux/list.h>
#include <linux/rcupdate.h>

#include "back/mspan.h"
#include "base/layout.h"

/**
 * struct heap_arena - the spans of one aligned stretch of GS_ARENA_SIZE.
 * @spans: by page; &gs_no_span where no page is ours.
 *
 * What else is known of it is in the struct page of its memory; see arena.c.
 */
struct heap_arena {
	struct mspan *spans[GS_ARENA_PAGES];
};

/* Arenas that one table of the middle level has: 16 GiB. */
#define GS_GROUP_SHIFT		34
#define GS_GROUP_SIZE		(1UL << GS_GROUP_SHIFT)
#define GS_GROUP_ARENAS		(GS_GROUP_SIZE >> GS_ARENA_SHIFT)

/**
 * struct gs_group - the arenas of one aligned stretch of GS_GROUP_SIZE.
 * @arena: a table without spans where none was made.
 */
struct gs_group {
	struct heap_arena *arena[GS_GROUP_ARENAS];
};

/**
 * struct gs_radix - from an address to its span: three levels over the direct
 *                   map.
 * @base: start of the direct map, rounded down to an arena.
 * @size: bytes from there that the tree covers; nothing beyond is ever ours.
 * @top: a group without arenas where none was made.
 * @nr_groups: groups that were made.
 * @nr_arenas: tables of arenas in the tree.
 * @idle: arenas in which no page is ours any more, through their struct pages.
 *
 * Of the rest nothing changes while the module is loaded but entries of @top and of
 * groups. Groups stay until unload; an arena may go when no page in it is ours.
 */
struct gs_radix {
	unsigned long base;
	unsigned long size;
	struct gs_group **top;
	unsigned int nr_groups;
	unsigned int nr_arenas;
	struct list_head idle ____cacheline_aligned_in_smp;
};

extern struct gs_radix gs_radix;

int gs_radix_init(struct gs_radix *radix, unsigned long base,
		  unsigned long size);
void gs_radix_exit(struct gs_radix *radix);
int gs_radix_reserve(struct gs_radix *radix, const void *block, size_t bytes,
		     gfp_t gfp);
/* Tables that one hold of radix_lock takes out. */
#define GS_TRIM_BATCH	64

void gs_radix_unreserve(struct gs_radix *radix, const void *block, size_t bytes);
unsigned int gs_radix_pages(const struct gs_radix *radix, unsigned long i);
unsigned int gs_radix_unlink_idle(struct gs_radix *radix, struct list_head *gone);
void gs_radix_give(struct list_head *gone);
void gs_radix_forget(struct gs_radix *radix, unsigned long i,
		     bool (*is_gone)(const void *s));
bool gs_radix_next(const struct gs_radix *radix, unsigned long *i);
bool gs_radix_prev(const struct gs_radix *radix, unsigned long *i, unsigned int looks);

int gs_arena_init(void);
void gs_arena_exit(void);
bool gs_arena_covers(const void *block, size_t bytes);
void gs_arena_set(unsigned long base, unsigned int npages, struct mspan *s);
void gs_arena_set_ends(unsigned long base, unsigned int npages, struct mspan *s);
bool gs_arena_is_free_run(const void *p);

/* Tables for a block's pages; see gs_radix_reserve(). */
static inline int gs_arena_reserve(const void *block, size_t bytes, gfp_t gfp)
{
	return gs_radix_reserve(&gs_radix, block, bytes, gfp);
}

/* The block's pages are not ours any more; see gs_radix_unreserve(). */
static inline void gs_arena_unreserve(const void *block, size_t bytes)
{
	gs_radix_unreserve(&gs_radix, block, bytes);
}

/* The number of the arena of @p, which gs_arena_covers() knows. */
static inline unsigned long gs_arena_index(const void *p)
{
	return ((unsigned long)p - gs_radix.base) >> GS_ARENA_SHIFT;
}

/* The first address of arena @i. */
static inline unsigned long gs_arena_base(unsigned long i)
{
	return gs_radix.base + (i << GS_ARENA_SHIFT);
}

/*
 * All arenas that there are, lowest first: @i their numbers. One may go at any time: its
 * pages are then none of ours.
 */
#define gs_arena_for_each(i)						\
	for ((i) = 0; gs_radix_next(&gs_radix, &(i)); (i)++)

static __always_inline struct mspan *gs_radix_look(const struct gs_radix *radix,
						   const void *p)
{
	unsigned long off = (unsigned long)p - radix->base;
	struct heap_arena *arena;
	struct gs_group *group;

	if (unlikely(off >= radix->size))
		return &gs_no_span;
	/* Each of the three loads depends on the one before: no barriers. */
	group = READ_ONCE(radix->top[off >> GS_GROUP_SHIFT]);
	arena = READ_ONCE(group->arena[off >> GS_ARENA_SHIFT &
				       (GS_GROUP_ARENAS - 1)]);
	return READ_ONCE(arena->spans[off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)]);
}

/* A build with GOSLAB_DEBUG, and lockdep, sees a look-up that nothing protects. */
#ifdef CONFIG_GOSLAB_DEBUG
#define gs_check_reader()						\
	RCU_LOCKDEP_WARN(!rcu_read_lock_any_held(), "goslab: look-up of any address")
#else
#define gs_check_reader()	do { } while (0)
#endif

/*
 * The span that the page of @p belongs to, or &gs_no_span, which covers nothing
 * and holds nothing: not ours. Reads no memory that @p points to, takes no lock,
 * never faults for any @p. The span may be any by the time that the caller
 * looks: gs_span_index_open(), or state first, then base.
 *
 * The table of the arena may go, and so may the descriptor. So the caller has
 * preemption off, is in an RCU section or holds a spinlock, from before the call until
 * he knows that the object at @p is live, or has said that it is not.
 */
static __always_inline struct mspan *gs_arena_look(const void *p)
{
	gs_check_reader();
	return gs_radix_look(&gs_radix, p);
}

/*
 * The entry of the page of @p, which the tree covers, and behind it those of the other
 * pages of the arena; as for gs_arena_look().
 */
static inline struct mspan *const *gs_arena_entries(const void *p)
{
	unsigned long off = (unsigned long)p - gs_radix.base;
	const struct gs_group *group;
	const struct heap_arena *arena;

	gs_check_reader();
	group = READ_ONCE(gs_radix.top[off >> GS_GROUP_SHIFT]);
	arena = READ_ONCE(group->arena[off >> GS_ARENA_SHIFT & (GS_GROUP_ARENAS - 1)]);
	return &arena->spans[off >> GS_PAGE_SHIFT & (GS_ARENA_PAGES - 1)];
}

/* As gs_arena_look() if a live object, which keeps its span and its arena, is at @p. */
static __always_inline struct mspan *gs_arena_of(const void *p)
{
	return gs_radix_look(&gs_radix, p);
}

/*
 * The span or run that the page of @p maps to, NULL for none: under the lock of a page
 * heap, for a live object, or as for gs_arena_look().
 */
static inline struct mspan *gs_arena_span(const void *p)
{
	struct mspan *s = gs_arena_of(p);

	return s == &gs_no_span ? NULL : s;
}

#endif /* GS_BACK_ARENA_H */
