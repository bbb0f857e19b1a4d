/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_MSPAN_H
#define GS_BACK_MSPAN_H

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/align.h>
#include <linux/list.h>
#include <linux/rbtree.h>
#include <linux/types.h>

#include "base/busy.h"
#include "base/debug.h"
#include "base/layout.h"

struct gs_class;
struct gs_slot;
union codetag_ref;

enum gs_span_state {
	GS_SPAN_DEAD	= 0,	/* a descriptor on its free list */
	GS_SPAN_RUN,		/* free pages, in the page heap's tree */
	GS_SPAN_QUICK,		/* free pages as the last span had them */
	GS_SPAN_PARKED,		/* the same, in the page cache of a CPU */
	GS_SPAN_SMALL,		/* objects of one class */
	GS_SPAN_TINY,		/* blocks of tiny objects */
	GS_SPAN_LARGE,		/* one object above GS_MAX_SMALL */
	GS_SPAN_ZOMBIE,		/* of a destroyed cache, with live objects */
	GS_SPAN_RCU,		/* empty, waits for readers of its objects */
	GS_SPAN_STACK,		/* page stacks of one class */
	GS_SPAN_LARGE_STACK,	/* one page stack that no class has */
};

/* Are these page stacks, which goslab_free() does not take? */
static inline bool gs_span_is_stack(u8 state)
{
	return state == GS_SPAN_STACK || state == GS_SPAN_LARGE_STACK;
}

/* Does a span have a block of its own, which goes straight back? */
enum gs_direct {
	GS_DIRECT_NO	= 0,
	GS_DIRECT_CHARGED,	/* a memory cgroup pays for it */
	GS_DIRECT_RESERVE,	/* from the kernel's emergency reserve */
};

/* What goslab must not do to the objects of a cache. */
enum gs_keep {
	GS_KEEP_CONTENTS = BIT(0),	/* write to free ones: ctor or RCU */
	GS_KEEP_READABLE = BIT(1),	/* make free ones unreadable: RCU */
};

/**
 * struct mspan - a run of pages: objects of one class, one large object, or
 * free.
 * @list: on a list of its mcentral (mcentral lock).
 * @rb: in the tree of free runs (mheap lock).
 * @rcu: while in state GS_SPAN_RCU.
 * @alloc_cache: a window of free objects, taken out of alloc_bits whole and
 *               popped from the low end (owner; Go: allocCache).
 * @longest: of a free run in a tree by address: pages of the longest run in its
 *           subtree (mheap lock).
 * @few_bits: alloc_bits and freed_bits of a descriptor with a cap of 64 or less.
 * @free_index: object that bit 0 of @alloc_cache stands for (owner).
 * @noscan: of a large object of the default heap: it holds no pointers.
 * @alloc_count: bits set in alloc_bits that stand for objects (owner, else
 *               mcentral lock).
 * @nr_freed: bits set in freed_bits (mcentral lock).
 * @nelems: objects; fewer than the class says when memory was fragmented.
 * @npages: pages of GS_PAGE_SIZE.
 * @cap: objects that the descriptor has room for; never changes.
 * @owned: owned by an mcache, or on the way to one (mcentral lock).
 * @tiny: has masks after the bitmaps; never changes.
 * @zone: zone of the pages; only free runs of one zone merge.
 * @direct: enum gs_direct: its pages are a block of their own; see direct.c.
 * @tags: call site of each object; see tags.c.
 * @base: address of the first page.
 * @slots: the per-CPU slots of the class; NULL for a large object.
 * @class: the class; NULL for a large object or a free run. Caches compare it.
 * @open: bytes of objects that goslab_free() may find, in state GS_SPAN_SMALL;
 *        else 0. Stored last (release), loaded first (acquire).
 * @magic: see gs_sizeclass_magic(); 0 if the span must be cut again.
 * @elemsize: bytes of an object.
 * @node: NUMA node of the pages.
 * @state: enum gs_span_state; stored after the fields that it describes
 *         (release), loaded before them (acquire).
 * @needzero: pages may hold old data.
 * @keep: enum gs_keep of the class.
 * @objects: the state bytes, then, if cap is above 64, alloc_bits and
 *           freed_bits, then, for tiny spans, the masks of the blocks.
 *
 * A free reads only the second line, which has the states of the first objects,
 * too. Descriptors come from a fixalloc per size and keep their type until their
 * memory goes back, which waits for all who may have found them; see
 * gs_span_alloc() and trim.c.
 */
struct mspan {
	union {
		struct list_head list;
		struct rb_node rb;
		struct rcu_head rcu;
	};
	union {
		u64 alloc_cache;
		u64 longest;
	};
	unsigned long few_bits[2];
	union {
		u16 free_index;
		u16 noscan;
	};
	u16 alloc_count;
	u16 nr_freed;
	u16 nelems;
	u16 npages;
	u16 cap;
	u8 owned;
	u8 tiny;
	u8 zone;
	u8 direct;
#ifdef CONFIG_MEM_ALLOC_PROFILING
	union codetag_ref *tags;
#endif

	unsigned long base __aligned(64);
	struct gs_slot *__percpu *slots;
	struct gs_class *class;
	u32 open;
	u32 magic;
	u32 elemsize;
	u16 node;
	u8 state;
	u8 needzero;
	u8 keep;
	u8 objects[];
};

#ifndef CONFIG_MEM_ALLOC_PROFILING
static_assert(offsetof(struct mspan, base) == 64);
#endif
static_assert(offsetof(struct mspan, objects) ==
	      offsetof(struct mspan, base) + 41);

/* Objects of a span at most, and blocks of a tiny span. */
#define GS_SPAN_MAX_CAP	1024
#define GS_TINY_CAP	(GS_PAGE_SIZE / GS_TINY_BLOCK)

/* Stands for "no span": covers no address and has no free object. */
extern struct mspan gs_no_span;

void gs_span_init(void);
void gs_span_exit(void);
void gs_span_add_usage(size_t *in_use, size_t *drawn);
void gs_span_drain(struct gs_walk walk);
unsigned long gs_span_spare_chunks(bool calm);
void gs_span_note_chunks(void);
void gs_span_isolate(bool calm, struct list_head *gone);
struct mspan *gs_span_alloc(unsigned int cap, bool tiny, gfp_t gfp);
struct mspan *gs_span_alloc_short(void);
void gs_span_free(struct mspan *s);
void gs_span_cut(struct mspan *s, struct gs_class *class, u32 elemsize,
		 unsigned int nelems);
void gs_span_spoil(struct mspan *s);
int gs_span_verify(const struct mspan *s);
bool gs_span_next_window(struct mspan *s);
void gs_span_return_window(struct mspan *s);
void gs_span_merge_freed(struct mspan *s);

/* The first word after the states. */
static inline void *gs_span_after_states(const struct mspan *s)
{
	return PTR_ALIGN((void *)(s->objects + s->cap), sizeof(long));
}

/* Objects that left the span: handed out, or in the owner's window. */
static inline unsigned long *gs_span_alloc_bits(const struct mspan *s)
{
	if (s->cap <= BITS_PER_LONG)
		return (unsigned long *)&s->few_bits[0];
	return gs_span_after_states(s);
}

/* Freed by others while the span is owned (Go: gcmarkBits, inverted). */
static inline unsigned long *gs_span_freed_bits(const struct mspan *s)
{
	if (s->cap <= BITS_PER_LONG)
		return (unsigned long *)&s->few_bits[1];
	return gs_span_alloc_bits(s) + BITS_TO_LONGS(s->cap);
}

/* One mask per block of a tiny span; see front/tiny.c. */
static inline atomic_t *gs_span_tiny_masks(const struct mspan *s)
{
	return (atomic_t *)(gs_span_freed_bits(s) + BITS_TO_LONGS(s->cap));
}

/* Is this the state of one of the span's objects? */
static inline bool gs_span_has_state(const struct mspan *s, const u8 *state)
{
	return state >= s->objects && state < s->objects + s->cap;
}

static inline void *gs_span_object(const struct mspan *s, unsigned int index)
{
	return (void *)(s->base + index * s->elemsize);
}

/* Objects that are free in the span; under the mcentral lock, not owned. */
static inline unsigned int gs_span_nr_free(const struct mspan *s)
{
	return s->nelems - s->alloc_count;
}

/* Objects that are free in word @word of the bitmap; as gs_span_nr_free(). */
static inline u64 gs_span_free_word(const struct mspan *s, unsigned int word)
{
	return ~gs_span_alloc_bits(s)[word];
}

/* Take @n objects of that word out of the span; states are the caller's. */
static inline void gs_span_take(struct mspan *s, unsigned int word, u64 mask,
				unsigned int n)
{
	gs_span_alloc_bits(s)[word] |= mask;
	s->alloc_count += n;
}

/* Bytes of all its objects; the tail follows. */
static inline u32 gs_span_bytes(const struct mspan *s)
{
	return s->nelems * s->elemsize;
}

static inline size_t gs_span_size(const struct mspan *s)
{
	return (size_t)s->npages << GS_PAGE_SHIFT;
}

static inline unsigned long gs_span_end(const struct mspan *s)
{
	return s->base + gs_span_size(s);
}

/* Does the page or object at @p belong to @s? A stale entry may lead to @s. */
static inline bool gs_span_covers(const struct mspan *s, const void *p)
{
	return (unsigned long)p - s->base < gs_span_size(s);
}

/*
 * The index of the object at @off, below @bytes, if one starts there, or -1:
 * one multiply gives the quotient and the divisibility (base/sizeclass.c).
 */
static __always_inline long gs_span_divide(const struct mspan *s,
					   unsigned long off,
					   unsigned long bytes)
{
	u64 product;

	if (unlikely(off >= bytes))
		return -1;
	product = (u64)off * s->magic;
	if (unlikely((u32)product >= s->magic))
		return -1;
	return product >> 32;
}

/*
 * Take a live object from its owner: @state, its state byte, becomes
 * GS_PENDING. If it has a record (GS_SPECIAL), whoever ends it drops that.
 * Return: false if it was not live. Of two who try at once, one succeeds.
 */
static inline bool gs_span_claim(u8 *state)
{
	u8 was = READ_ONCE(*state);

	return was >= GS_LIVE_MIN && try_cmpxchg(state, &was, GS_PENDING);
}

/* The index of the object that starts at @p, or -1. */
static inline long gs_span_index(const struct mspan *s, const void *p)
{
	return gs_span_divide(s, (unsigned long)p - s->base, gs_span_bytes(s));
}

/* The same if that object is live. */
static __always_inline long gs_span_index_live(const struct mspan *s, const void *p)
{
	long i = gs_span_index(s, p);

	return i >= 0 && READ_ONCE(s->objects[i]) >= GS_LIVE_MIN ? i : -1;
}

/* The same for the hot path; also -1 if it is not a span of a small class. */
static __always_inline long gs_span_index_open(const struct mspan *s,
					       const void *p)
{
	/* Pairs with gs_mheap_publish(). */
	unsigned long open = smp_load_acquire(&s->open);

	return gs_span_divide(s, (unsigned long)p - s->base, open);
}

/*
 * Is object @i live, with no record of its own? Not READ_ONCE(), which would keep the compiler
 * from comparing in memory: a byte cannot tear.
 */
static __always_inline bool gs_span_is_live(const struct mspan *s, long i)
{
	return data_race(s->objects[i]) >= GS_OWNER_MIN;
}

/* Put @s into @state, in which frees find no object in it. */
static inline void gs_span_close(struct mspan *s, enum gs_span_state state)
{
	WRITE_ONCE(s->open, 0);
	smp_store_release(&s->state, state);
}

/* The index of the object that @p lies in, or -1. */
static inline int gs_span_index_within(const struct mspan *s, const void *p)
{
	unsigned long off = (unsigned long)p - s->base;

	if (off >= gs_span_bytes(s))
		return -1;
	return off / s->elemsize;
}

/* True while the pages are the page heap's own, or parked by a CPU. */
static inline bool gs_span_is_free(const struct mspan *s)
{
	u8 state = READ_ONCE(s->state);

	return state >= GS_SPAN_RUN && state <= GS_SPAN_PARKED;
}

/* True while the span holds objects that callers may have. */
static inline bool gs_span_in_use(const struct mspan *s)
{
	return READ_ONCE(s->state) >= GS_SPAN_SMALL;
}

#endif /* GS_BACK_MSPAN_H */
