// SPDX-License-Identifier: GPL-2.0
/*
 * guard: objects of caches that are to be guarded; frees of guarded objects, by every
 * call that frees.
 *
 * Flow:       free -> not in the radix tree -> [guard] -> front/guard.c ends the
 *             object -> its stand-in is freed as the call frees any object
 * Lock:       none here.
 * Context:    gs_free_guarded_nolock(): any. gs_guard_barrier(): task. The others
 *             any but NMI.
 * Tests:      kunit/guard_kunit.c
 */
#include <linux/atomic.h>
#include <linux/goslab.h>
#include <linux/rcupdate.h>

#include "api/cache.h"
#include "back/arena.h"
#include "front/guard.h"
#include "middle/special.h"

/* Objects that wait for a grace period. */
static atomic_t nr_pending = ATOMIC_INIT(0);

/* @p of @cache gets its user, or a guarded object in its place. */
void *gs_cache_guard(const struct goslab_cache *cache, void *p, gfp_t gfp, bool zeroed)
{
	const struct gs_class *c = &cache->class;

	gs_hook_alloc(p, c->elemsize, gfp, c->keep, zeroed, c->noscan);
	return gs_guard_take(p, cache->size, c->elemsize & -c->elemsize, gfp);
}

static void free_standin(void *p, unsigned long site)
{
	struct mspan *s = gs_arena_of(p);
	long i = gs_span_index_open(s, p);

	if (i >= 0 && gs_span_is_live(s, i))
		gs_free_object(s, p, i);
	else
		gs_free_unusual(p, site);
}

/**
 * gs_free_guarded() - is @p in the page of a guarded object? Then free that.
 * @c: the class that it must be of, or NULL.
 * @p: the address that the user gave.
 * @site: who is named in a report.
 *
 * Context: any but NMI.
 * Return: false if @p is in no such page; true if it was freed or reported.
 */
bool gs_free_guarded(const struct gs_class *c, void *p, unsigned long site)
{
	struct gs_guard *g = gs_guard_look(p);
	void *standin;

	if (!g)
		return false;
	standin = gs_guard_end(g, c, p, site);
	if (standin)
		free_standin(standin, site);
	return true;
}

/* The same in any context. */
bool gs_free_guarded_nolock(void *p, unsigned long site)
{
	struct gs_guard *g = gs_guard_look(p);
	void *standin;

	if (!g)
		return false;
	standin = gs_guard_end(g, NULL, p, site);
	if (standin)
		goslab_free_nolock(standin);
	return true;
}

/* As claim() of free_rcu.c does with any other object. */
static void hold_standin(void *p, unsigned long site)
{
	struct mspan *s = gs_arena_of(p);
	long i = gs_span_index(s, p);

	gs_special_defer(s, i, site);
	gs_span_claim(&s->objects[i]);
}

static void free_pending(struct rcu_head *rcu)
{
	void *p = gs_guard_end_rcu(container_of(rcu, struct gs_guard, rcu));
	struct mspan *s = gs_arena_of(p);

	gs_free_pending(s, gs_span_index(s, p), _THIS_IP_);
	atomic_dec(&nr_pending);
}

/*
 * The same after a grace period. The slot has an rcu_head of its own, so that of the
 * object is only looked at: it may not be valid any more when the time has come.
 */
bool gs_free_guarded_rcu(struct rcu_head *head, void *p, unsigned long site)
{
	struct gs_guard *g = gs_guard_look(p);

	if (!g)
		return false;
	if (gs_guard_claim_rcu(g, head, p, site)) {
		hold_standin(g->standin, site);
		atomic_inc(&nr_pending);
		call_rcu(&g->rcu, free_pending);
	}
	return true;
}

/* Wait for what was freed by gs_free_guarded_rcu(). */
void gs_guard_barrier(void)
{
	if (atomic_read(&nr_pending))
		rcu_barrier();
}
