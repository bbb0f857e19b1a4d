// SPDX-License-Identifier: GPL-2.0
/*
 * stack: page stacks: powers of two of pages, aligned to their size.
 *
 * Flow:       [stack] -> mcache, as any object of a class (middle/stack.c); above
 *             GOSLAB_STACK_MAX_CACHED -> front/large.c
 * Lock:       none here.
 * Context:    any but NMI.
 * Invariants: a stack is live in a span in state GS_SPAN_STACK or
 *             GS_SPAN_LARGE_STACK, where goslab_free() and the other calls that free
 *             objects find none.
 * Tests:      kunit/stack_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/owner.h"
#include "base/report.h"
#include "front/large.h"
#include "middle/special.h"
#include "middle/stack.h"

static_assert(GOSLAB_STACK_MIN == GS_PAGE_SIZE);
static_assert(GOSLAB_STACK_MAX_CACHED == GS_PAGE_SIZE << (GS_STACK_ORDERS - 1));

static void *alloc_large(unsigned int order, gfp_t gfp, int node, u8 id,
			 unsigned long site)
{
	struct mspan *s = NULL;
	bool zeroed;

	if (order <= ilog2(GOSLAB_MAX_SIZE / GOSLAB_STACK_MIN))
		s = gs_large_alloc_stack(GS_PAGE_SIZE << order, gfp, node, id, site,
					 &zeroed);
	if (!s)
		return NULL;
	return gs_hook_alloc((void *)s->base, s->elemsize, gfp, 0, zeroed, false);
}

/* Any stack; reports name @site. */
static void *alloc_at(unsigned int order, gfp_t gfp, int node,
		      struct goslab_owner *owner, unsigned long site)
{
	u8 id = gs_owner_id(owner);
	struct gs_class *c;
	bool zeroed = false;
	void *p;

	if (gs_gfp_refused(gfp, site))
		return NULL;
	if (order >= GS_STACK_ORDERS)
		return alloc_large(order, gfp, node, id, site);
	c = &gs_stack_classes[order];
	if (!gs_mcache_alloc(c->slots, node, id, &p))
		p = gs_mcache_alloc_slow(c, node, gfp, id,
					 &(struct gs_call){ site, c->elemsize },
					 &zeroed);
	if (p)
		gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, false);
	return p;
}

static noinline void *alloc_slow(unsigned int order, gfp_t gfp,
				 struct goslab_owner *owner)
{
	return alloc_at(order, gfp, NUMA_NO_NODE, owner, _RET_IP_);
}

void *__goslab_stack_alloc(unsigned int order, gfp_t gfp,
			   struct goslab_owner *owner)
{
	u8 id = READ_ONCE(owner->id);
	void *p;

	if (unlikely(order >= GS_STACK_ORDERS || !id || (gfp & GS_GFP_REFUSED)))
		return alloc_slow(order, gfp, owner);
	if (unlikely(!gs_mcache_alloc(&gs_mcache.stack[order], NUMA_NO_NODE, id, &p)))
		return alloc_slow(order, gfp, owner);
	return gs_hook_alloc(p, GS_PAGE_SIZE << order, gfp, 0, false, false);
}
EXPORT_SYMBOL_GPL(__goslab_stack_alloc);

void *__goslab_stack_alloc_node(unsigned int order, gfp_t gfp, int node,
				struct goslab_owner *owner)
{
	if (gs_node_refused(node, _RET_IP_))
		return NULL;
	return alloc_at(order, gfp, node, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_stack_alloc_node);

static void free_large(struct mspan *s, void *p, unsigned long site)
{
	if (!gs_special_settle(s, 0, site) || !gs_span_claim(&s->objects[0])) {
		gs_free_bad(p, site);
		return;
	}
	gs_hook_free(p, s->elemsize, 0);
	gs_large_free(s);
}

/* One of a class, with a record of its own or not live. */
static void free_small(struct mspan *s, void *p, unsigned long site)
{
	long i = gs_span_index(s, p);

	if (gs_special_settle(s, i, site))
		gs_free_object(s, p, i);
	else
		gs_free_bad(p, site);
}

/* No stack: say so. In an RCU section. */
static void report_bad(const struct mspan *s, u8 state, void *p, unsigned long site)
{
	if (state >= GS_SPAN_SMALL && state <= GS_SPAN_LARGE)
		gs_report_at(GS_BUG_WRONG_CALL, gs_span_name(s), p, site);
	else
		gs_free_bad(p, site);
}

/*
 * A large stack, one with a record, NULL, or a mistake. Preemption is off, since before
 * @s was looked up, and on afterwards.
 */
static noinline void free_unusual(struct mspan *s, void *p, unsigned long site)
{
	bool live;
	u8 state;

	rcu_read_lock();
	preempt_enable();
	state = gs_span_covers(s, p) ? smp_load_acquire(&s->state) : GS_SPAN_DEAD;
	live = gs_span_is_stack(state) && gs_span_index_live(s, p) >= 0;
	if (!live && !ZERO_OR_NULL_PTR(p))
		report_bad(s, state, p, site);
	rcu_read_unlock();
	/* From here on the stack, which is live, keeps its span. */
	if (!live)
		return;
	if (state == GS_SPAN_STACK)
		free_small(s, p, site);
	else
		free_large(s, p, site);
}

/* The index of the stack that starts at @p, or -1 if @s is not one of a class. */
static __always_inline long index_of(const struct mspan *s, const void *p)
{
	/* Pairs with gs_mheap_publish(). */
	if (unlikely(smp_load_acquire(&s->state) != GS_SPAN_STACK))
		return -1;
	return gs_span_index(s, p);
}

void goslab_stack_free(const void *stack)
{
	void *p = (void *)stack;
	struct mspan *s;
	long i;

	preempt_disable();
	s = gs_arena_look(p);
	i = index_of(s, p);
	if (unlikely(i < 0 || !gs_span_is_live(s, i))) {
		free_unusual(s, p, _RET_IP_);
		return;
	}
	gs_free_found(s, p, i);
}
EXPORT_SYMBOL_GPL(goslab_stack_free);

size_t goslab_stack_size(const void *stack)
{
	const struct mspan *s;
	size_t size = 0;

	if (ZERO_OR_NULL_PTR(stack))
		return 0;
	rcu_read_lock();
	s = gs_arena_look(stack);
	if (gs_span_is_stack(smp_load_acquire(&s->state)) &&
	    gs_span_index_live(s, stack) >= 0)
		size = s->elemsize;
	rcu_read_unlock();
	if (!size)
		gs_report_at(GS_BUG_NOT_LIVE, NULL, stack, _RET_IP_);
	return size;
}
EXPORT_SYMBOL_GPL(goslab_stack_size);
