/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_EXTENT_H
#define GS_BASE_EXTENT_H

#include <linux/gfp.h>
#include <linux/rbtree.h>
#include <linux/types.h>

/* Which of the free extents that are long enough is taken. */
enum gs_extent_fit {
	GS_EXTENT_FIRST,	/* the one with the lowest address */
	GS_EXTENT_NEXT,		/* the first one behind the last that was taken */
	GS_EXTENT_BEST,		/* the shortest, among equals the lowest */
	GS_NR_EXTENT_FITS,
};

/* Free extents whose alignment is tried before a longer one is asked for. */
#define GS_EXTENT_LOOKS	32

/* Most descriptors that one gs_extent_take() needs. */
#define GS_EXTENT_SPARES	2

/**
 * struct gs_extent - a part of a range, in use or free.
 * @by_addr: in gs_extents.by_addr, or the spare ones, linked by rb_right.
 * @by_size: in gs_extents.by_size, if it is free and the fit is the best one.
 * @start: address.
 * @size: bytes.
 * @longest: bytes of the longest free extent in this subtree of by_addr.
 * @range: of the caller; extents of different ranges never merge.
 * @used: somebody has it.
 */
struct gs_extent {
	struct rb_node by_addr;
	struct rb_node by_size;
	unsigned long start;
	unsigned long size;
	unsigned long longest;
	void *range;
	bool used;
};

/**
 * struct gs_extents - all extents of some ranges.
 * @fit: never changes.
 * @by_addr: all of them; they cover their ranges without gaps.
 * @by_size: the free ones by (size, start), for the best fit.
 * @next: where the next fit goes on.
 * @spare: descriptors for gs_extent_take().
 * @nr_spare: how many.
 */
struct gs_extents {
	enum gs_extent_fit fit;
	struct rb_root by_addr;
	struct rb_root by_size;
	unsigned long next;
	struct gs_extent *spare;
	unsigned int nr_spare;
};

/* Bytes of the longest free extent. */
static inline unsigned long gs_extents_longest(const struct gs_extents *x)
{
	const struct rb_node *top = x->by_addr.rb_node;

	return top ? rb_entry(top, struct gs_extent, by_addr)->longest : 0;
}

void gs_extent_init(void);
void gs_extent_exit(void);
struct gs_extent *gs_extent_new(gfp_t gfp);
void gs_extent_delete(struct gs_extent *e);

void gs_extents_init(struct gs_extents *x, enum gs_extent_fit fit);
void gs_extents_clear(struct gs_extents *x);
void gs_extents_store(struct gs_extents *x, struct gs_extent *e);
struct gs_extent *gs_extents_spill(struct gs_extents *x, unsigned int keep);
bool gs_extents_add(struct gs_extents *x, struct gs_extent *e);
struct gs_extent *gs_extents_find(const struct gs_extents *x, unsigned long addr);
struct gs_extent *gs_extents_take(struct gs_extents *x, unsigned long size,
				  unsigned long align, bool *starved);
void gs_extents_give(struct gs_extents *x, struct gs_extent *e);
bool gs_extents_verify(const struct gs_extents *x);

#endif /* GS_BASE_EXTENT_H */
