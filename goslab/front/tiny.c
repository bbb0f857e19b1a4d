// SPDX-License-Identifier: GPL-2.0
/*
 * tiny: objects under 16 bytes without pointers share 16-byte blocks.
 *
 * As in Go, a CPU cuts objects off an open block, aligned to 8, 4, 2 or 1,
 * whichever divides the size. Unlike Go, there is no collector, so each object
 * can be freed on its own: a mask per block says where objects start and end.
 *
 *   bits 0..15   an object starts at this byte
 *   bits 16..31  an object ends before this byte, counted from 1
 *
 *   block   | 8 bytes, live        | 3 live |    open        |
 *   start   1 . . . . . . . 1 . . 1 . . . .
 *   end      . . . . . . . 1 . . 1 . . . . .
 *
 * The open rest of a block is a start without an end. It is no object, but the
 * mask is not zero while it is there, so a block cannot be freed while it is cut.
 * Whoever makes the mask zero frees the block: the last free, or the CPU that
 * closes it. All objects of a block belong to one module; a request of another
 * module opens another block.
 *
 * Lock:       none. Masks change atomically. The open block of a CPU changes
 *             while its tiny slot is entered.
 * Context:    any but NMI.
 * Invariants: T1  a block's state is its owner's number <=> its mask is not 0
 *                 (except while the block is being opened or freed).
 *             T2  starts and ends alternate, a start first.
 *             (checked by the walk of kunit/tiny_kunit.c)
 * Tests:      kunit/tiny_kunit.c, kunit/race_kunit.c
 */
#include "front/tiny.h"

#include <linux/align.h>
#include <linux/bitops.h>
#include <linux/cpumask.h>

#include "back/arena.h"
#include "middle/special.h"

/* Alignment of a tiny object (Go: mallocgc). */
unsigned int gs_tiny_align(size_t size)
{
	return min(size & -size, 8UL);
}
GS_EXPORT_KUNIT(gs_tiny_align);

/* The bits of an object from byte @from to byte @to - 1. */
u32 gs_tiny_object_bits(unsigned int from, unsigned int to)
{
	return BIT(from) | BIT(16 + to - 1);
}
GS_EXPORT_KUNIT(gs_tiny_object_bits);

/* The bit that keeps a block open from @from on; 0 if the block is used up. */
u32 gs_tiny_open_bit(unsigned int from)
{
	return from < GS_TINY_BLOCK ? BIT(from) : 0;
}
GS_EXPORT_KUNIT(gs_tiny_open_bit);

/*
 * Where the object that starts at @from ends. 0 if no object starts there, or if
 * that is the open rest.
 */
unsigned int gs_tiny_end_of(u32 mask, unsigned int from)
{
	unsigned int starts = mask & 0xffff, ends = mask >> 16;
	unsigned int end, next;

	if (!(starts & BIT(from)))
		return 0;
	ends >>= from;
	if (!ends)
		return 0;
	end = from + __ffs(ends) + 1;
	next = starts >> (from + 1);
	if (next && from + 1 + __ffs(next) < end)
		return 0;
	return end;
}
GS_EXPORT_KUNIT(gs_tiny_end_of);

/* Find the block of @p and its mask. */
static unsigned int block_of(const struct mspan *s, const void *p,
			     unsigned int *byte)
{
	unsigned long off = (unsigned long)p - s->base;

	*byte = off % GS_TINY_BLOCK;
	return off / GS_TINY_BLOCK;
}

static void free_block(struct mspan *s, unsigned int i)
{
	void *block = gs_span_object(s, i);
	u8 *state = &s->objects[i];

	gs_special_settle(s, i, 0);
	if (!gs_mcache_free(s, block, state))
		gs_mcache_free_slow(s, block, state);
}

/* Take bits out of a mask. Return: true if that made it zero. */
static bool clear_bits(atomic_t *mask, u32 bits)
{
	return !(atomic_fetch_andnot(bits, mask) & ~bits);
}

/*
 * Close @t's block. If it has no live object, it goes into its span, as all that is
 * drained does, and not by way of a magazine. Not entered.
 */
static void close_block(struct gs_tiny_open *t)
{
	struct gs_entry e = { .object = t->block };
	unsigned int byte, i;
	struct mspan *s;

	if (!t->block || !clear_bits(t->mask, gs_tiny_open_bit(t->offset)))
		return;
	s = gs_arena_span(t->block);
	i = block_of(s, t->block, &byte);
	gs_special_settle(s, i, 0);
	e.state = &s->objects[i];
	*e.state = GS_CACHED;
	gs_mcentral_put(s->class, &e, 1);
}

/* Cut an object off this CPU's open block. Entered. */
static void *cut(struct gs_tiny_open *t, size_t size, u8 owner)
{
	unsigned int from = ALIGN(t->offset, gs_tiny_align(size));
	unsigned int to = from + size;
	void *p;

	if (!t->block || t->owner != owner || to > GS_TINY_BLOCK)
		return NULL;
	p = t->block + from;
	/* Nobody else changes these bits, so one addition is enough. */
	atomic_add(gs_tiny_object_bits(from, to) + gs_tiny_open_bit(to) -
		   gs_tiny_open_bit(t->offset), t->mask);
	t->offset = to;
	t->nr_alloc++;
	if (to == GS_TINY_BLOCK)
		t->block = NULL;
	return p;
}

static void *cut_open(size_t size, u8 owner)
{
	struct mcache *mcache;
	struct gs_slot *slot;
	void *p = NULL;

	preempt_disable();
	mcache = this_cpu_ptr(&gs_mcache);
	slot = mcache->slot[GS_SPC_TINY];
	if (gs_slot_enter(slot)) {
		p = cut(&mcache->tiny, size, owner);
		gs_slot_leave(slot);
	}
	preempt_enable();
	return p;
}

/* Open @fresh on this CPU if it has more room than what is open there. */
static void open_block(struct gs_tiny_open *fresh)
{
	struct gs_tiny_open *t;
	struct mcache *mcache;
	struct gs_slot *slot;

	preempt_disable();
	mcache = this_cpu_ptr(&gs_mcache);
	slot = mcache->slot[GS_SPC_TINY];
	if (gs_slot_enter(slot)) {
		t = &mcache->tiny;
		t->nr_alloc++;
		if (!t->block || t->owner != fresh->owner ||
		    fresh->offset < t->offset) {
			fresh->nr_alloc = t->nr_alloc;
			swap(*t, *fresh);
		}
		gs_slot_leave(slot);
	}
	preempt_enable();
	close_block(fresh);
}

/* Cut the object off a fresh block, which stays open behind it. */
static void *cut_fresh(size_t size, gfp_t gfp, u8 owner, unsigned long caller)
{
	struct gs_class *c = &gs_classes[GS_SPC_TINY];
	struct gs_tiny_open fresh = { .offset = size, .owner = owner };
	/* What else will be cut off the block, nobody knows. */
	const struct gs_call call = { caller, GS_TINY_BLOCK };
	bool zeroed = false;
	unsigned int byte;
	struct mspan *s;
	void *p;

	if (!gs_mcache_alloc(c->slots, NUMA_NO_NODE, owner, &fresh.block))
		fresh.block = gs_mcache_alloc_slow(c, NUMA_NO_NODE, gfp, owner,
						   &call, &zeroed);
	if (!fresh.block)
		return NULL;
	s = gs_arena_span(fresh.block);
	fresh.mask = &gs_span_tiny_masks(s)[block_of(s, fresh.block, &byte)];
	atomic_set(fresh.mask,
		   gs_tiny_object_bits(0, size) | gs_tiny_open_bit(size));
	gs_hook(GS_HOOK_TINY_OPEN, fresh.block);
	p = fresh.block;
	open_block(&fresh);
	return p;
}

/**
 * gs_tiny_alloc() - a tiny object.
 * @size: 1 to GS_TINY_BLOCK - 1.
 * @gfp: the caller's.
 * @owner: number of the caller's module.
 * @caller: the call of goslab, for samples. What is sampled is a block, for the object
 *          that it is opened for, as if all of it had been asked for.
 *
 * Return: the object, not zeroed, or NULL.
 */
void *gs_tiny_alloc(size_t size, gfp_t gfp, u8 owner, unsigned long caller)
{
	void *p = cut_open(size, owner);

	return p ?: cut_fresh(size, gfp, owner, caller);
}
GS_EXPORT_KUNIT(gs_tiny_alloc);

/**
 * gs_tiny_look() - what is at an address of a tiny span?
 * @s: the span.
 * @p: any address in it.
 * @size: set to the bytes of the object if there is a live one.
 */
enum gs_tiny_kind gs_tiny_look(const struct mspan *s, const void *p,
			       size_t *size)
{
	unsigned int byte, i = block_of(s, p, &byte), from, end;
	u32 mask;

	if (i >= s->nelems || READ_ONCE(s->objects[i]) < GS_LIVE_MIN)
		return GS_TINY_NONE;
	mask = atomic_read(&gs_span_tiny_masks(s)[i]);
	end = gs_tiny_end_of(mask, byte);
	if (end) {
		*size = end - byte;
		return GS_TINY_LIVE;
	}
	for (from = 0; from < byte; from++)
		if (gs_tiny_end_of(mask, from) > byte)
			return GS_TINY_INSIDE;
	return GS_TINY_NONE;
}
GS_EXPORT_KUNIT(gs_tiny_look);

/**
 * gs_tiny_take() - take a tiny object from its user.
 * @s: its span.
 * @p: its address, as a caller says.
 * @block: set to its block if no other object is in that. The caller frees it.
 *
 * Context: any; atomic operations only.
 * Return: GS_TINY_LIVE if it was a live object; else nothing has changed.
 */
enum gs_tiny_kind gs_tiny_take(struct mspan *s, void *p, void **block)
{
	unsigned int byte, i = block_of(s, p, &byte);
	enum gs_tiny_kind kind;
	atomic_t *mask;
	size_t size;
	u32 bits, old;

	kind = gs_tiny_look(s, p, &size);
	if (kind != GS_TINY_LIVE)
		return kind;
	mask = &gs_span_tiny_masks(s)[i];
	bits = gs_tiny_object_bits(byte, byte + size);
	old = atomic_fetch_andnot(bits, mask);
	/* Another free of the same object was faster. */
	if ((old & bits) != bits)
		return GS_TINY_NONE;
	if (!(old & ~bits))
		*block = gs_span_object(s, i);
	return GS_TINY_LIVE;
}

/* As gs_tiny_take(), and frees the block, too. Any context but NMI. */
enum gs_tiny_kind gs_tiny_free(struct mspan *s, void *p)
{
	void *block = NULL;
	enum gs_tiny_kind kind = gs_tiny_take(s, p, &block);
	unsigned int byte;

	if (block)
		free_block(s, block_of(s, block, &byte));
	return kind;
}
GS_EXPORT_KUNIT(gs_tiny_free);

/**
 * gs_tiny_close() - a drain closes the open block.
 * @walk: of the slots of the block's CPU.
 * @idle_only: only if no object was cut off it since the last look.
 */
void gs_tiny_close(struct gs_walk walk, bool idle_only)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, walk.cpu);
	struct gs_tiny_open *t = &mcache->tiny, closed = { };
	struct gs_slot *slot = READ_ONCE(mcache->slot[GS_SPC_TINY]);

	if (gs_walk_enter(walk, slot)) {
		if (!idle_only || t->nr_alloc == t->seen) {
			closed = *t;
			t->block = NULL;
		}
		t->seen = t->nr_alloc;
		gs_walk_leave(slot);
	}
	close_block(&closed);
}
GS_EXPORT_KUNIT(gs_tiny_close);
