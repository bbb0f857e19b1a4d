// SPDX-License-Identifier: GPL-2.0
/*
 * extent: parts of address ranges, in use and free, by first, next or best fit.
 *
 * Descriptors are out of line: no byte of a range is ever read or written, so it may
 * be memory of a device or not mapped at all. Extents in use have one, too, so that
 * a free finds what its address is.
 *
 * All extents are in one tree by address, of which each node knows the longest free
 * extent below it. That finds the lowest one that is long enough, or the next one
 * behind an address, in O(log n). For the best fit a second tree has the free ones by
 * size. (Go and TCMalloc search page runs that way: Go 1.11's treap by size, and the
 * summaries of Go's page allocator.)
 *
 * Owner:      a pool (api/pool.c).
 * Lock:       the caller's. Descriptors come and go without it, through spare ones.
 * Context:    any but NMI; sleeps only in gs_extent_new(), as @gfp says.
 * Invariants: (gs_extents_verify())
 *   E1  extents of a range follow each other without gap or overlap.
 *   E2  no two free extents of a range touch.
 *   E3  ->longest is right in each node, and by_size has the free ones in order.
 * Memory:     128 bytes an extent.
 * Tests:      kunit/pool_kunit.c
 */
#include "base/extent.h"

#include <linux/align.h>
#include <linux/overflow.h>
#include <linux/percpu.h>
#include <linux/rbtree_augmented.h>

#include "base/debug.h"
#include "base/fixalloc.h"

#define extent_of(node)	rb_entry(node, struct gs_extent, by_addr)
#define sized_of(node)	rb_entry(node, struct gs_extent, by_size)

static struct fixalloc extents;
static DEFINE_PER_CPU(struct gs_stash, extent_stash);

void gs_extent_init(void)
{
	gs_fixalloc_init(&extents, sizeof(struct gs_extent),
			 offsetof(struct gs_extent, range), &extent_stash);
}

void gs_extent_exit(void)
{
	gs_fixalloc_exit(&extents);
}

/* A descriptor, or NULL; may sleep as @gfp says. */
struct gs_extent *gs_extent_new(gfp_t gfp)
{
	return gs_fixalloc_alloc(&extents, gfp);
}

void gs_extent_delete(struct gs_extent *e)
{
	gs_fixalloc_free(&extents, e);
}

static unsigned long last_of(const struct gs_extent *e)
{
	return e->start + (e->size - 1);
}

static unsigned long free_size(const struct gs_extent *e)
{
	return e->used ? 0 : e->size;
}

RB_DECLARE_CALLBACKS_MAX(static, longest_callbacks, struct gs_extent, by_addr, unsigned long,
			 longest, free_size)

static unsigned long longest_in(const struct rb_node *node)
{
	return node ? extent_of(node)->longest : 0;
}

static void link_addr(struct gs_extents *x, struct gs_extent *e)
{
	struct rb_node **link = &x->by_addr.rb_node, *parent = NULL;

	e->longest = free_size(e);
	while (*link) {
		struct gs_extent *above = extent_of(*link);

		parent = *link;
		above->longest = max(above->longest, e->longest);
		link = e->start < above->start ? &parent->rb_left : &parent->rb_right;
	}
	rb_link_node(&e->by_addr, parent, link);
	rb_insert_augmented(&e->by_addr, &x->by_addr, &longest_callbacks);
}

static bool shorter(struct rb_node *a, const struct rb_node *b)
{
	const struct gs_extent *e = sized_of(a), *f = sized_of(b);

	return e->size != f->size ? e->size < f->size : e->start < f->start;
}

static void link_size(struct gs_extents *x, struct gs_extent *e)
{
	if (x->fit == GS_EXTENT_BEST)
		rb_add(&e->by_size, &x->by_size, shorter);
}

static void unlink_size(struct gs_extents *x, struct gs_extent *e)
{
	if (x->fit == GS_EXTENT_BEST)
		rb_erase(&e->by_size, &x->by_size);
}

void gs_extents_init(struct gs_extents *x, enum gs_extent_fit fit)
{
	*x = (struct gs_extents){ .fit = fit, .by_addr = RB_ROOT, .by_size = RB_ROOT };
}

/* Keep a descriptor for gs_extents_take(). */
void gs_extents_store(struct gs_extents *x, struct gs_extent *e)
{
	e->range = x->spare;
	x->spare = e;
	x->nr_spare++;
}

static struct gs_extent *unstore(struct gs_extents *x)
{
	struct gs_extent *e = x->spare;

	x->spare = e->range;
	x->nr_spare--;
	return e;
}

/* One spare descriptor more than @keep, or NULL. */
struct gs_extent *gs_extents_spill(struct gs_extents *x, unsigned int keep)
{
	return x->nr_spare > keep ? unstore(x) : NULL;
}

/* Delete all descriptors; nobody else can reach @x. */
void gs_extents_clear(struct gs_extents *x)
{
	struct gs_extent *e, *next;

	rbtree_postorder_for_each_entry_safe(e, next, &x->by_addr, by_addr)
		gs_extent_delete(e);
	while (x->spare)
		gs_extent_delete(unstore(x));
	gs_extents_init(x, x->fit);
}

/* The first extent that does not end before @addr, or NULL. */
static struct gs_extent *first_at(const struct gs_extents *x, unsigned long addr)
{
	struct rb_node *node = x->by_addr.rb_node;
	struct gs_extent *found = NULL;

	while (node) {
		struct gs_extent *e = extent_of(node);

		if (last_of(e) < addr) {
			node = node->rb_right;
		} else {
			found = e;
			node = node->rb_left;
		}
	}
	return found;
}

/* The extent that has @addr, or NULL. */
struct gs_extent *gs_extents_find(const struct gs_extents *x, unsigned long addr)
{
	struct gs_extent *e = first_at(x, addr);

	return e && e->start <= addr ? e : NULL;
}

/*
 * A range comes: @e has its start, size and range. Return: false, with nothing changed,
 * if it overlaps what is there.
 */
bool gs_extents_add(struct gs_extents *x, struct gs_extent *e)
{
	struct gs_extent *there = first_at(x, e->start);

	if (there && there->start <= last_of(e))
		return false;
	e->used = false;
	link_addr(x, e);
	link_size(x, e);
	return true;
}

/* The lowest extent in the subtree with @size free bytes; there is one. */
static struct gs_extent *lowest(struct rb_node *node, unsigned long size)
{
	for (;;) {
		if (longest_in(node->rb_left) >= size)
			node = node->rb_left;
		else if (free_size(extent_of(node)) >= size)
			return extent_of(node);
		else
			node = node->rb_right;
	}
}

static struct gs_extent *lowest_of_all(const struct gs_extents *x, unsigned long size)
{
	return longest_in(x->by_addr.rb_node) >= size ? lowest(x->by_addr.rb_node, size) : NULL;
}

/* The next one behind @e with @size free bytes. */
static struct gs_extent *lowest_behind(struct gs_extent *e, unsigned long size)
{
	struct rb_node *node = &e->by_addr, *parent;

	if (longest_in(node->rb_right) >= size)
		return lowest(node->rb_right, size);
	for (; (parent = rb_parent(node)); node = parent) {
		if (node != parent->rb_left)
			continue;
		if (free_size(extent_of(parent)) >= size)
			return extent_of(parent);
		if (longest_in(parent->rb_right) >= size)
			return lowest(parent->rb_right, size);
	}
	return NULL;
}

static struct gs_extent *shortest(const struct gs_extents *x, unsigned long size)
{
	struct rb_node *node = x->by_size.rb_node;
	struct gs_extent *found = NULL;

	while (node) {
		if (sized_of(node)->size < size) {
			node = node->rb_right;
		} else {
			found = sized_of(node);
			node = node->rb_left;
		}
	}
	return found;
}

/* The first that the fit would take. */
static struct gs_extent *best(const struct gs_extents *x, unsigned long size)
{
	struct gs_extent *e;

	switch (x->fit) {
	case GS_EXTENT_BEST:
		return shortest(x, size);
	case GS_EXTENT_NEXT:
		e = first_at(x, x->next);
		if (e && free_size(e) < size)
			e = lowest_behind(e, size);
		return e ?: lowest_of_all(x, size);
	default:
		return lowest_of_all(x, size);
	}
}

/* And the one after it. */
static struct gs_extent *second_best(const struct gs_extents *x, struct gs_extent *e,
				     unsigned long size)
{
	struct rb_node *node;

	switch (x->fit) {
	case GS_EXTENT_BEST:
		node = rb_next(&e->by_size);
		return node ? sized_of(node) : NULL;
	case GS_EXTENT_NEXT:
		return lowest_behind(e, size) ?: lowest_of_all(x, size);
	default:
		return lowest_behind(e, size);
	}
}

/* Does @e have @size bytes at a multiple of @align? Where? */
static bool has_place(const struct gs_extent *e, unsigned long size, unsigned long align,
		      unsigned long *at)
{
	*at = ALIGN(e->start, align);
	return *at >= e->start && *at - e->start <= e->size &&
	       e->size - (*at - e->start) >= size;
}

/*
 * What the fit takes. An extent may be long enough and lack an aligned place: then up
 * to GS_EXTENT_LOOKS are looked at, and after that one which is so long that it has.
 */
static struct gs_extent *search(const struct gs_extents *x, unsigned long size,
				unsigned long align, unsigned long *at)
{
	struct gs_extent *first = best(x, size), *e = first;
	unsigned int looks = 0;
	unsigned long more;

	while (e && looks++ < GS_EXTENT_LOOKS) {
		if (has_place(e, size, align, at)) {
			gs_count_steps(looks);
			return e;
		}
		e = second_best(x, e, size);
		if (e == first)
			return NULL;
	}
	if (!e || check_add_overflow(size, align - 1, &more))
		return NULL;
	e = best(x, more);
	return e && has_place(e, size, align, at) ? e : NULL;
}

/* A spare descriptor for a free part of @e. */
static void split_off(struct gs_extents *x, const struct gs_extent *e, unsigned long start,
		      unsigned long size)
{
	struct gs_extent *part = unstore(x);

	part->start = start;
	part->size = size;
	part->range = e->range;
	part->used = false;
	link_addr(x, part);
	link_size(x, part);
}

/**
 * gs_extents_take() - take @size bytes out of a free extent.
 * @x: from which.
 * @size: bytes, not 0.
 * @align: of the address, a power of two.
 * @starved: set if there is one and spare descriptors are missing.
 *
 * Return: an extent of that size, in use; NULL without one, and then nothing changed.
 */
struct gs_extent *gs_extents_take(struct gs_extents *x, unsigned long size,
				  unsigned long align, bool *starved)
{
	unsigned long at, start, front, back;
	struct gs_extent *e = search(x, size, align, &at);

	*starved = false;
	if (!e)
		return NULL;
	start = e->start;
	front = at - start;
	back = e->size - front - size;
	if (x->nr_spare < !!front + !!back) {
		*starved = true;
		return NULL;
	}
	unlink_size(x, e);
	e->start = at;
	e->size = size;
	e->used = true;
	longest_callbacks.propagate(&e->by_addr, NULL);
	if (front)
		split_off(x, e, start, front);
	if (back)
		split_off(x, e, at + size, back);
	x->next = at + size;
	return e;
}

/* The free neighbour that @node is, if it may merge with @e. */
static struct gs_extent *mergeable(const struct gs_extent *e, struct rb_node *node)
{
	struct gs_extent *n = node ? extent_of(node) : NULL;

	return n && !n->used && n->range == e->range ? n : NULL;
}

static void swallow(struct gs_extents *x, struct gs_extent *e, struct gs_extent *n)
{
	unlink_size(x, n);
	rb_erase_augmented(&n->by_addr, &x->by_addr, &longest_callbacks);
	e->start = min(e->start, n->start);
	e->size += n->size;
	gs_extents_store(x, n);
}

/* An extent in use becomes free. Its neighbours' descriptors become spare ones. */
void gs_extents_give(struct gs_extents *x, struct gs_extent *e)
{
	struct gs_extent *n;

	n = mergeable(e, rb_prev(&e->by_addr));
	if (n)
		swallow(x, e, n);
	n = mergeable(e, rb_next(&e->by_addr));
	if (n)
		swallow(x, e, n);
	e->used = false;
	longest_callbacks.propagate(&e->by_addr, NULL);
	link_size(x, e);
}

/* E1 and E2 between two neighbours, E3 of the second one. */
static bool neighbours_ok(const struct gs_extent *before, const struct gs_extent *e)
{
	unsigned long longest = max3(free_size(e), longest_in(e->by_addr.rb_left),
				     longest_in(e->by_addr.rb_right));

	if (!e->size || last_of(e) < e->start || e->longest != longest)
		return false;
	if (!before)
		return true;
	if (last_of(before) >= e->start)
		return false;
	return before->range != e->range ||
	       (last_of(before) + 1 == e->start && (before->used || e->used));
}

/* Are E1 to E3 true? For tests: as many steps as there are extents. */
bool gs_extents_verify(const struct gs_extents *x)
{
	const struct gs_extent *before = NULL;
	unsigned long nr_free = 0;
	struct rb_node *node;

	for (node = rb_first(&x->by_addr); node; node = rb_next(node)) {
		if (!neighbours_ok(before, extent_of(node)))
			return false;
		before = extent_of(node);
		nr_free += !before->used;
	}
	if (x->fit != GS_EXTENT_BEST)
		return !x->by_size.rb_node;
	before = NULL;
	for (node = rb_first(&x->by_size); node; node = rb_next(node)) {
		if (sized_of(node)->used || (before && before->size > sized_of(node)->size))
			return false;
		before = sized_of(node);
		nr_free--;
	}
	return !nr_free;
}
GS_EXPORT_KUNIT(gs_extents_verify);
