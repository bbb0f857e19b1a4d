// SPDX-License-Identifier: GPL-2.0
/*
 * malloc: objects by size. Start reading here.
 *
 * The life of an object (Documentation/design.rst tells it in full):
 *
 * Allocation goes down until a layer has something:
 *   1 api/     the size becomes a class (base/sizeclass), constants at compile time
 *   2 front/   this CPU's slot of the class: pop its magazine, or fill it from
 *              the span that the CPU owns; no lock, no atomic operation
 *   3 middle/  the class's central lists: a batch under one spinlock
 *   4 back/    the page heap: a span, best fit from the free runs
 *   5 base/    sys draws a block from the kernel
 * Objects above 32 KiB start at 4.
 *
 * A free goes up from the address:
 *   1 back/    the radix tree finds the span, one multiply the object
 *   2          its state byte must be an owner's number: anything else is
 *              reported and nothing is changed
 *   3 front/   push it on this CPU's magazine; when that is full, its younger
 *              half goes to the transfer cache or the spans (middle/), empty
 *              spans to the page heap (back/), idle pages to the kernel (base/)
 *
 * Lock:       none here.
 * Context:    any but NMI.
 * Tests:      kunit/malloc_kunit.c, kunit/misuse_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/string.h>

#include "api/api.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/owner.h"
#include "base/report.h"
#include "base/sizeclass.h"
#include "front/guard.h"
#include "front/hooks.h"
#include "front/large.h"
#include "front/mcache.h"
#include "front/tiny.h"
#include "middle/heap.h"
#include "middle/special.h"

/* Does @gfp have bits that choose a zone? Reports them. */
bool gs_gfp_refused(gfp_t gfp, unsigned long site)
{
	if (likely(!(gfp & GS_GFP_REFUSED)))
		return false;
	gs_report_at(GS_BUG_BAD_ZONE, NULL, NULL, site);
	return true;
}

/* @p gets its user, or a guarded object in its place. Not inlined: see alloc_slow(). */
static noinline void *hand_out_guarded(const struct gs_class *c, void *p, size_t size,
				       gfp_t gfp, bool zeroed)
{
	gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, c->noscan);
	return gs_guard_take(p, size, size & -size, gfp);
}

/* All of an allocation that is not for the hot path. */
static void *alloc_slow(unsigned int spc, size_t size, gfp_t gfp,
			struct goslab_owner *owner, unsigned long site)
{
	const struct gs_call call = { site, size };
	struct gs_class *c = &gs_classes[spc];
	bool zeroed = false;
	void *p;

	if (gs_gfp_refused(gfp, site))
		return NULL;
	p = gs_mcache_alloc_slow(c, NUMA_NO_NODE, gfp, gs_owner_id(owner), &call,
				 &zeroed);
	if (!p)
		return NULL;
	/* The size stays in memory: a register for it would cost all slow calls. */
	if (gs_guard_wanted(c))
		return hand_out_guarded(c, p, call.bytes, gfp, zeroed);
	return gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, spc & 1);
}

/*
 * An object of one of the classes of malloc; false: take the slow path. The
 * callers end in tail calls only and hand their arguments on as they are, so
 * the fast path needs no stack and saves no register; _RET_IP_ in the function
 * they jump to is still their caller's.
 */
static __always_inline bool alloc_fast(unsigned int spc, gfp_t gfp,
				       struct goslab_owner *owner, void **p)
{
	u8 id = READ_ONCE(owner->id);

	if (unlikely(!id || (gfp & GS_GFP_REFUSED)))
		return false;
	return gs_mcache_alloc(&gs_mcache.slot[spc], NUMA_NO_NODE, id, p);
}

/* What alloc_fast() found goes to its user. */
static __always_inline void *hand_out(void *p, unsigned int spc, gfp_t gfp)
{
	return gs_hook_alloc(p, gs_classes[spc].elemsize, gfp, 0, false,
			     spc & 1);
}

/*
 * Sizes that no class serves: 0, large, and too large; @heap is NULL for the
 * default one.
 */
void *gs_malloc_unusual(struct goslab_heap *heap, size_t size, gfp_t gfp,
			int node, struct goslab_owner *owner,
			unsigned long site)
{
	struct mspan *s;
	bool zeroed;

	if (!size)
		return ZERO_SIZE_PTR;
	if (gs_gfp_refused(gfp, site) || size > GOSLAB_MAX_SIZE)
		return NULL;
	s = gs_large_alloc(heap, size, gfp, node, gs_owner_id(owner), site,
			   &zeroed);
	if (!s)
		return NULL;
	/* All of goslab_size(), which may be more than the pages of @size. */
	return gs_hook_alloc((void *)s->base, s->elemsize, gfp, 0, zeroed,
			     heap && heap->classes->noscan);
}

static noinline void *malloc_slow(size_t size, gfp_t gfp,
				  struct goslab_owner *owner)
{
	if (size - 1 >= GS_MAX_SMALL)
		return gs_malloc_unusual(NULL, size, gfp, NUMA_NO_NODE, owner,
					 _RET_IP_);
	return alloc_slow(gs_spc(gs_sizeclass_of(size), false), size, gfp, owner,
			  _RET_IP_);
}

/* The size of a step of 128 that may want another class than the others. */
static noinline void *malloc_closer(size_t size, gfp_t gfp,
				    struct goslab_owner *owner)
{
	unsigned int spc = gs_spc(gs_sizeclass_of(size), false);
	void *p;

	if (unlikely(!alloc_fast(spc, gfp, owner, &p)))
		return malloc_slow(size, gfp, owner);
	return hand_out(p, spc, gfp);
}

void *__goslab_malloc(size_t size, gfp_t gfp, struct goslab_owner *owner)
{
	unsigned int cls;
	void *p;

	if (likely(size - 1 < GS_STEPS_OF_8)) {
		cls = gs_sizeclass_small(size);
	} else {
		if (unlikely(size - 1 >= GS_MAX_SMALL))
			return malloc_slow(size, gfp, owner);
		cls = gs_sizeclass_look_up(size);
		/* A call here would cost all others their registers. */
		if (unlikely(cls & GS_CLASS_LOOK_CLOSER))
			return malloc_closer(size, gfp, owner);
	}
	if (unlikely(!alloc_fast(gs_spc(cls, false), gfp, owner, &p)))
		return malloc_slow(size, gfp, owner);
	return hand_out(p, gs_spc(cls, false), gfp);
}
EXPORT_SYMBOL_GPL(__goslab_malloc);

static noinline void *class_slow(unsigned int class, gfp_t gfp,
				 struct goslab_owner *owner)
{
	return alloc_slow(class & 0xff, class >> 8, gfp, owner, _RET_IP_);
}

/*
 * @class: the span class in the low byte, above it the size, for the slow path: with both in
 * one register the fast path saves none. @size is for the compiler of the caller.
 */
void *__goslab_malloc_class(unsigned int class, gfp_t gfp,
			    struct goslab_owner *owner, size_t size)
{
	unsigned int spc = class & 0xff;
	void *p;

	if (unlikely(!alloc_fast(spc, gfp, owner, &p)))
		return class_slow(class, gfp, owner);
	return hand_out(p, spc, gfp);
}
EXPORT_SYMBOL_GPL(__goslab_malloc_class);

static void *malloc_tiny(size_t size, gfp_t gfp, struct goslab_owner *owner,
			 unsigned long site)
{
	void *p;

	if (gs_gfp_refused(gfp, site))
		return NULL;
	/* A block is shared, so it may not be of the kernel's reserve. */
	p = gs_tiny_alloc(size, gfp | __GFP_NOMEMALLOC, gs_owner_id(owner),
			  site);
	if (unlikely(!p))
		return alloc_slow(gs_spc(gs_sizeclass_of(size), true), size, gfp,
				  owner, site);
	return gs_hook_alloc(p, size, gfp, 0, false, true);
}

/* A large object that holds no pointers: kmemleak, and our own scan, pass over it. */
static void *large_noscan(size_t size, gfp_t gfp, struct goslab_owner *owner,
			  unsigned long site)
{
	void *p = gs_malloc_unusual(NULL, size, gfp, NUMA_NO_NODE, owner, site);

	if (!ZERO_OR_NULL_PTR(p)) {
		WRITE_ONCE(gs_arena_span(p)->noscan, 1);
		kmemleak_no_scan(p);
	}
	return p;
}

/* As __goslab_malloc_noscan(), for calls whose reports name their own caller. */
void *gs_malloc_noscan_at(size_t size, gfp_t gfp, struct goslab_owner *owner,
			  unsigned long site)
{
	if (size - 1 >= GS_MAX_SMALL)
		return large_noscan(size, gfp, owner, site);
	if (size < GS_TINY_BLOCK && GS_TINY_ENABLED)
		return malloc_tiny(size, gfp, owner, site);
	return alloc_slow(gs_spc(gs_sizeclass_of(size), true), size, gfp, owner,
			  site);
}

static noinline void *noscan_slow(size_t size, gfp_t gfp,
				  struct goslab_owner *owner)
{
	return gs_malloc_noscan_at(size, gfp, owner, _RET_IP_);
}

void *__goslab_malloc_noscan(size_t size, gfp_t gfp, struct goslab_owner *owner)
{
	unsigned int spc;
	void *p;

	if (unlikely(size - 1 >= GS_MAX_SMALL) ||
	    (size < GS_TINY_BLOCK && GS_TINY_ENABLED))
		return noscan_slow(size, gfp, owner);
	spc = gs_spc(gs_sizeclass_of(size), true);
	if (unlikely(!alloc_fast(spc, gfp, owner, &p)))
		return noscan_slow(size, gfp, owner);
	return hand_out(p, spc, gfp);
}
EXPORT_SYMBOL_GPL(__goslab_malloc_noscan);

/* Is @node none that memory can be asked of? */
bool gs_node_refused(int node, unsigned long site)
{
	if (gs_node_ok(node))
		return false;
	gs_report(&(struct gs_report) {
		.kind = GS_BUG_BAD_NODE, .what = "node", .value = node,
		.site = site,
	});
	return true;
}

/* As __goslab_malloc_node(); reports name @site. */
void *gs_malloc_at(size_t size, gfp_t gfp, int node, struct goslab_owner *owner,
		   unsigned long site)
{
	struct gs_class *c;
	bool zeroed = false;
	void *p;
	u8 id;

	if (gs_node_refused(node, site))
		return NULL;
	if (unlikely(size - 1 >= GS_MAX_SMALL))
		return gs_malloc_unusual(NULL, size, gfp, node, owner, site);
	if (gs_gfp_refused(gfp, site))
		return NULL;
	id = gs_owner_id(owner);
	c = &gs_classes[gs_spc(gs_sizeclass_of(size), false)];
	if (!gs_mcache_alloc(c->slots, node, id, &p))
		p = gs_mcache_alloc_slow(c, node, gfp, id,
					 &(struct gs_call){ site, size }, &zeroed);
	if (!p)
		return NULL;
	if (gs_guard_wanted(c))
		return hand_out_guarded(c, p, size, gfp, zeroed);
	return gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, false);
}

void *__goslab_malloc_node(size_t size, gfp_t gfp, int node,
			   struct goslab_owner *owner)
{
	if (node == NUMA_NO_NODE)
		return __goslab_malloc(size, gfp, owner);
	return gs_malloc_at(size, gfp, node, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_malloc_node);

void *__goslab_malloc_track_caller(size_t size, gfp_t gfp, int node,
				   struct goslab_owner *owner,
				   unsigned long caller)
{
	return gs_malloc_at(size, gfp, node, owner, caller);
}
EXPORT_SYMBOL_GPL(__goslab_malloc_track_caller);

/* What lies at @p in a span of tiny blocks is no live object. */
static noinline void report_tiny(enum gs_tiny_kind kind, void *p, unsigned long site)
{
	gs_report_at(kind == GS_TINY_INSIDE ? GS_BUG_INTERIOR_FREE :
		     GS_BUG_DOUBLE_FREE, gs_classes[GS_SPC_TINY].name, p, site);
}

static noinline void free_tiny(struct mspan *s, void *p, size_t size, unsigned long site)
{
	enum gs_tiny_kind kind;

	gs_hook_free(p, size, 0);
	kind = gs_tiny_free(s, p);
	if (kind != GS_TINY_LIVE)
		report_tiny(kind, p, site);
}

/* Preemption is off, and on afterwards. */
static noinline void free_large(struct mspan *s, void *p, unsigned long site)
{
	preempt_enable();
	if (!gs_special_settle(s, 0, site) || !gs_span_claim(&s->objects[0])) {
		gs_free_bad(p, site);
		return;
	}
	gs_hook_free(p, s->elemsize, 0);
	gs_large_free(s);
}

/* What is wrong with a free of @p, which @s was found for; in an RCU section. */
static enum gs_report_kind what_is_bad(struct mspan *s, void *p, bool ours)
{
	enum gs_report_kind kind = GS_BUG_FOREIGN_FREE;
	u8 state = ours ? smp_load_acquire(&s->state) : GS_SPAN_DEAD;
	long i = ours ? gs_span_index(s, p) : -1;

	if (state == GS_SPAN_ZOMBIE)
		kind = GS_BUG_DEAD_CACHE;
	else if (state == GS_SPAN_RCU)
		kind = GS_BUG_DOUBLE_FREE;
	else if (i >= 0 && gs_span_is_collected(s) &&
		 READ_ONCE(s->objects[i]) >= GS_LIVE_MIN)
		kind = GS_BUG_COLLECTED;
	else if (i >= 0)
		kind = READ_ONCE(s->objects[i]) <= GS_HELD ? GS_BUG_DOUBLE_FREE :
		       gs_span_is_stack(state) ? GS_BUG_WRONG_CALL : GS_BUG_BAD_STATE;
	else if (ours)
		kind = GS_BUG_INTERIOR_FREE;
	else if (gs_mheap_is_free(p))
		/* It held an object that was freed. */
		kind = GS_BUG_DOUBLE_FREE;
	return kind;
}

/*
 * @p is no live object that has a state of its own: say what is wrong with it. Frees
 * nothing.
 */
void gs_free_bad(void *p, unsigned long site)
{
	struct mspan *s;
	bool ours;

	rcu_read_lock();
	s = gs_arena_look(p);
	ours = gs_span_in_use(s) && gs_span_covers(s, p);
	gs_report_at(what_is_bad(s, p, ours), ours ? gs_span_name(s) : NULL, p, site);
	rcu_read_unlock();
}

/* No ordinary live object of a small class: one with a record, or none. */
static noinline void free_small(struct mspan *s, void *p, unsigned long site)
{
	long i = gs_span_index(s, p);

	if (READ_ONCE(s->objects[i]) == GS_SPECIAL && gs_special_settle(s, i, site))
		gs_free_object(s, p, i);
	else
		gs_free_bad(p, site);
}

/**
 * struct found - what lies at an address.
 * @s: its span, if it is live.
 * @state: the state of that; GS_SPAN_DEAD if no live object starts there.
 * @tiny: what it is in a span of tiny blocks.
 * @size: bytes there, if it is live.
 */
struct found {
	struct mspan *s;
	u8 state;
	enum gs_tiny_kind tiny;
	size_t size;
};

/* Is @p the object of @s? As for find(). */
static __always_inline bool is_live_large(const struct mspan *s, const void *p)
{
	return smp_load_acquire(&s->state) == GS_SPAN_LARGE &&
	       (unsigned long)p == s->base && READ_ONCE(s->objects[0]) >= GS_LIVE_MIN;
}

/* Preemption is off, or in an RCU section, since before @s was looked up for @p. */
static __always_inline struct found find(struct mspan *s, const void *p)
{
	struct found f = { .s = s, .state = GS_SPAN_DEAD, .tiny = GS_TINY_LIVE };
	u8 state = gs_span_covers(s, p) ? smp_load_acquire(&s->state) : GS_SPAN_DEAD;

	if (is_live_large(s, p) ||
	    (state == GS_SPAN_SMALL && gs_span_index_live(s, p) >= 0)) {
		f.state = state;
		f.size = s->elemsize;
	} else if (state == GS_SPAN_TINY) {
		f.state = state;
		f.tiny = gs_tiny_look(s, p, &f.size);
	}
	return f;
}

/* What was found keeps its span, if it is live. */
static __always_inline void free_found(struct found f, void *p, unsigned long site)
{
	if (gs_guard_near(p) && gs_free_guarded(NULL, p, site))
		return;
	if (f.state == GS_SPAN_LARGE) {
		preempt_disable();
		free_large(f.s, p, site);
	} else if (f.tiny != GS_TINY_LIVE) {
		report_tiny(f.tiny, p, site);
	} else if (f.state == GS_SPAN_SMALL) {
		free_small(f.s, p, site);
	} else if (f.state == GS_SPAN_TINY) {
		free_tiny(f.s, p, f.size, site);
	} else {
		gs_free_bad(p, site);
	}
}

/**
 * gs_free_unusual() - free anything but an ordinary live object of a small class.
 * @p: NULL, tiny, large, one with a record, none, or a mistake.
 * @site: who is named in a report.
 *
 * Context: any but NMI.
 */
void gs_free_unusual(void *p, unsigned long site)
{
	struct found f;

	if (ZERO_OR_NULL_PTR(p))
		return;
	rcu_read_lock();
	f = find(gs_arena_look(p), p);
	rcu_read_unlock();
	free_found(f, p, site);
}

static noinline void free_odd(struct mspan *s, void *p, unsigned long site)
{
	struct found f = find(s, p);

	preempt_enable();
	free_found(f, p, site);
}

/*
 * The same for goslab_free(): preemption is off, since before @s was looked up, and on
 * afterwards. Large objects and NULL do not need the stack that the others need.
 */
static noinline void free_unusual(struct mspan *s, void *p, unsigned long site)
{
	if (is_live_large(s, p))
		free_large(s, p, site);
	else if (ZERO_OR_NULL_PTR(p))
		preempt_enable();
	else
		free_odd(s, p, site);
}

/*
 * A free with more to do than to hand the object over. Preemption is off, and on
 * afterwards: the hooks may take long.
 */
void gs_free_hooked(struct mspan *s, void *p, u8 *state)
{
	preempt_enable();
	gs_hook_free(p, s->elemsize, s->keep);
	gs_put_object(s, p, state);
}

void goslab_free(const void *ptr)
{
	void *p = (void *)ptr;
	struct mspan *s;
	long i;

	preempt_disable();
	s = gs_arena_look(p);
	i = gs_span_index_open(s, p);
	if (unlikely(i < 0 || !gs_span_is_live(s, i))) {
		free_unusual(s, p, _RET_IP_);
		return;
	}
	gs_free_found(s, p, i);
}
EXPORT_SYMBOL_GPL(goslab_free);

/* Bytes of the live object at @p; 0 if there is none. */
size_t gs_size_of(const void *p)
{
	struct gs_guard *g = gs_guard_live_at(p);
	struct found f;

	if (g)
		return g->size;
	rcu_read_lock();
	f = find(gs_arena_look(p), p);
	rcu_read_unlock();
	return f.state != GS_SPAN_DEAD && f.tiny == GS_TINY_LIVE ? f.size : 0;
}

size_t goslab_size(const void *p)
{
	size_t size;

	if (ZERO_OR_NULL_PTR(p))
		return 0;
	size = gs_size_of(p);
	if (!size)
		gs_report_at(GS_BUG_NOT_LIVE, NULL, p, _RET_IP_);
	return size;
}
EXPORT_SYMBOL_GPL(goslab_size);

void goslab_free_sensitive(const void *p)
{
	size_t size = ZERO_OR_NULL_PTR(p) ? 0 : gs_size_of(p);

	/* A free that is refused changes nothing. */
	if (size && !gs_span_is_collected(gs_arena_of(p)))
		memzero_explicit((void *)p, size);
	goslab_free(p);
}
EXPORT_SYMBOL_GPL(goslab_free_sensitive);

/* What an object moves to is of the same heap. */
static void *alloc_beside(const void *p, size_t size, gfp_t gfp,
			  struct goslab_owner *owner, unsigned long site)
{
	const struct gs_class *c = gs_arena_span(gs_guard_standin(p))->class;

	if (c && c->heap)
		return gs_heap_malloc_at(c->heap, size, gfp, owner, site);
	return gs_malloc_at(size, gfp, NUMA_NO_NODE, owner, site);
}

/* As __goslab_realloc(); reports name @site. */
void *gs_realloc_at(const void *p, size_t size, gfp_t gfp,
		    struct goslab_owner *owner, unsigned long site)
{
	size_t old;
	void *fresh;

	if (ZERO_OR_NULL_PTR(p))
		return gs_malloc_at(size, gfp, NUMA_NO_NODE, owner, site);
	if (!size) {
		goslab_free(p);
		return ZERO_SIZE_PTR;
	}
	old = gs_size_of(p);
	if (!old) {
		gs_report_at(GS_BUG_NOT_LIVE, NULL, p, site);
		return NULL;
	}
	if (size <= old) {
		/* The caller may grow it again later and expect zeros there. */
		if (want_init_on_alloc(gfp))
			memset((void *)p + size, 0, old - size);
		return (void *)p;
	}
	fresh = alloc_beside(p, size, gfp, owner, site);
	if (!fresh)
		return NULL;
	memcpy(fresh, p, min(size, old));
	goslab_free(p);
	return fresh;
}

void *__goslab_realloc(const void *p, size_t size, gfp_t gfp,
		       struct goslab_owner *owner)
{
	return gs_realloc_at(p, size, gfp, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_realloc);

size_t __goslab_size_roundup(size_t size)
{
	if (!size || size > GOSLAB_MAX_SIZE)
		return size;
	if (size <= GS_MAX_SMALL)
		return gs_sizeclass(gs_sizeclass_of(size)).size;
	return (size_t)gs_pages(size) << GS_PAGE_SHIFT;
}
EXPORT_SYMBOL_GPL(__goslab_size_roundup);
