// SPDX-License-Identifier: GPL-2.0
/*
 * guard: some sampled objects lie alone on a page, so that wrong accesses fault.
 *
 *   page  | canary ... | object, right-aligned | slack |  nothing is mapped here
 *
 * An access past the page faults. One that ends in the slack, which alignment may
 * leave, or before the object, changes the canary and is found by the free. After
 * the free the object is poisoned, and soon the page is unmapped, so that an access
 * faults. Who allocated and who freed is noted, for reports of all of these.
 *
 * A guarded object is one more address of an ordinary one, its stand-in, which was
 * sampled and stays live meanwhile. Owners, quotas, samples, live objects of a
 * cache that is destroyed: all that is counted is counted by the stand-in. Only what
 * gets an address from a user, or gives one to him, knows of guarded objects.
 *
 * Not on the way of other objects: only the slow path, which takes the samples, asks
 * whether one is to be guarded, and only addresses that the radix tree does not know
 * are looked for here.
 *
 * Owner:      the slot of the object; see guardpool.c.
 * Lock:       none here; special_lock is taken for what is known of the stand-in.
 * Context:    any; gs_guard_take(): any but NMI.
 * Invariants: G1  the stand-in of a live guarded object is live, and what is around
 *                 the object is canary.
 * Tests:      kunit/guard_kunit.c, scripts/guest/guard.sh
 */
#include "front/guard.h"

#include <linux/jiffies.h>
#include <linux/mm.h>
#include <linux/smp.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

#include "back/arena.h"
#include "base/owner.h"
#include "base/report.h"
#include "middle/action.h"
#include "middle/site.h"
#include "middle/special.h"

/* Sampled objects that could have been guarded. */
static atomic_long_t nr_seen = ATOMIC_LONG_INIT(0);

/* Slow half of gs_guard_at(). */
struct gs_guard *gs_guard_look(const void *p)
{
	unsigned long at = (unsigned long)p & PAGE_MASK;
	struct gs_guard *g;
	unsigned int i;

	for (i = 0; (g = gs_guard_slot(i)); i++) {
		if (READ_ONCE(g->at) != at)
			continue;
		/* Once it is unmapped, its address may be somebody else's. */
		if (READ_ONCE(g->state) != GS_GUARD_IDLE || !vmalloc_to_page(p))
			return g;
	}
	return NULL;
}
GS_EXPORT_KUNIT(gs_guard_look);

static void note(struct gs_guard_event *e, unsigned long site)
{
	e->site = site;
	e->when = jiffies;
	e->pid = in_task() ? current->pid : 0;
	e->cpu = raw_smp_processor_id();
	strscpy(e->comm, in_task() ? current->comm : "interrupt", sizeof(e->comm));
}

static void tell(const struct gs_guard *g, const char *what,
		 const struct gs_guard_event *e)
{
	if (e->site)
		pr_err("goslab: %s: %s in %pB age=%lu cpu=%u pid=%d comm=%s\n", g->name,
		       what, (void *)e->site, jiffies - e->when, e->cpu, e->pid,
		       e->comm);
}

/* One report, and what is known of the object of @g. */
static void report(const struct gs_guard *g, enum gs_report_kind kind, const void *p,
		   const char *what, long value, unsigned long site)
{
	const struct gs_report r = {
		.kind = kind, .name = g->name, .addr = p, .what = what, .value = value,
		.site = site,
	};

	if (!gs_report(&r))
		return;
	pr_err("goslab: %s: a guarded object of %u bytes of module %s\n", g->name,
	       g->size, gs_owner_name(g->owner) ?: "unknown");
	tell(g, "Allocated", &g->alloc);
	tell(g, "Freed", &g->free);
}

/* Is it the turn of a sampled object to be guarded? */
static bool is_turn(void)
{
	unsigned long rate = READ_ONCE(gs_guard_rate);

	return rate && !(atomic_long_inc_return(&nr_seen) % rate);
}

static bool is_sampled(const struct mspan *s, const void *p)
{
	long i = gs_span_index(s, p);

	return i >= 0 && READ_ONCE(s->objects[i]) == GS_SPECIAL;
}

static void fill_in(struct gs_guard *g, void *standin, size_t size, size_t align,
		    const struct gs_special *r)
{
	const struct mspan *s = gs_arena_span(standin);

	align = clamp(align, 8UL, PAGE_SIZE);
	g->size = size;
	g->owner = r->owner;
	g->standin = standin;
	g->class = s->class;
	strscpy(g->name, gs_span_name(s), sizeof(g->name));
	g->object = (void *)(g->at + PAGE_SIZE - ALIGN(size, align));
	g->alloc = (struct gs_guard_event) {
		.site = r->site->caller, .when = r->when, .pid = r->pid, .cpu = r->cpu,
	};
	strscpy(g->alloc.comm, r->comm, sizeof(g->alloc.comm));
	g->free.site = 0;
	g->kept = false;
}

/**
 * gs_guard_take() - guard an object that was just allocated, if it is its turn.
 * @standin: the object, ready for its user, who has not got it yet.
 * @size: bytes that the user asked for.
 * @align: what the object must be aligned to.
 * @gfp: the user's.
 *
 * Context: any but NMI. Never sleeps.
 * Return: the guarded object, or @standin itself: not sampled, not its turn, longer
 * than a page, wanted on a node, or no slot is ready.
 */
void *gs_guard_take(void *standin, size_t size, size_t align, gfp_t gfp)
{
	struct gs_special r;
	struct gs_guard *g;

	if (!is_sampled(gs_arena_span(standin), standin) || size > PAGE_SIZE ||
	    (gfp & __GFP_THISNODE) || !is_turn() || !gs_special_find(standin, &r))
		return standin;
	g = gs_guard_get();
	if (!g)
		return standin;
	fill_in(g, standin, size, align, &r);
	if (want_init_on_alloc(gfp))
		memset(g->object, 0, size);
	/* From here on its address leads to it. */
	smp_store_release(&g->state, GS_GUARD_LIVE);
	return g->object;
}

/*
 * The first byte of the page of @g that is not as it was left, with @poisoned the
 * object included; an offset from the object's start. LONG_MAX if there is none.
 * @page: either address of the page.
 */
static long first_changed(const struct gs_guard *g, void *page, bool poisoned)
{
	size_t at = (unsigned long)g->object & ~PAGE_MASK, end = at + g->size;
	void *bad = memchr_inv(page, GS_GUARD_CANARY, at);

	if (!bad && poisoned)
		bad = memchr_inv(page + at, GS_GUARD_POISON, g->size);
	bad = bad ?: memchr_inv(page + end, GS_GUARD_CANARY, PAGE_SIZE - end);
	return bad ? bad - page - (long)at : LONG_MAX;
}

/* The object of @g was freed, and its page is not mapped: did anybody write to it? */
void gs_guard_check_freed(struct gs_guard *g)
{
	size_t at = (unsigned long)g->object & ~PAGE_MASK;
	long byte = first_changed(g, g->page, true);

	if (byte == LONG_MAX)
		return;
	report(g, GS_BUG_FREED_WRITTEN, g->object, "byte", byte, _RET_IP_);
	/* Once is enough. */
	memset(g->page, GS_GUARD_CANARY, PAGE_SIZE);
	memset(g->page + at, GS_GUARD_POISON, g->size);
}

/* The object of @g, which is GS_GUARD_FREED by now, goes. Return: its stand-in. */
static void *retire(struct gs_guard *g)
{
	void *standin = g->standin;
	long byte = first_changed(g, (void *)g->at, false);

	if (byte != LONG_MAX) {
		report(g, GS_BUG_OUT_OF_BOUNDS, g->object, "byte", byte, g->free.site);
		memset((void *)g->at, GS_GUARD_CANARY, PAGE_SIZE);
	}
	memset(g->object, GS_GUARD_POISON, g->size);
	g->standin = NULL;
	gs_guard_put(g);
	return standin;
}

/* The last action of a stand-in: all others have seen the object whole. */
static void retire_kept(void *unused, void *arg)
{
	struct gs_guard *g = arg;

	WRITE_ONCE(g->state, GS_GUARD_FREED);
	retire(g);
}

/**
 * gs_guard_keep() - an object gets an action or a weak handle.
 * @p: its address, as its user knows it.
 * @gfp: for a record.
 *
 * If it is guarded, its free leaves its page alone until the stand-in is freed.
 *
 * Context: any but NMI.
 * Return: 0 or as gs_action_add().
 */
int gs_guard_keep(const void *p, gfp_t gfp)
{
	struct gs_guard *g = gs_guard_live_at(p);
	struct mspan *s;

	if (!g || READ_ONCE(g->kept))
		return 0;
	s = gs_arena_span(g->standin);
	/* It is there before any other, so it is called after them. */
	return gs_action_first(s, gs_span_index(s, g->standin), &g->kept, retire_kept, g, gfp);
}

/* The object of @g was claimed. Return: its stand-in, which the caller frees. */
static void *let_go(struct gs_guard *g)
{
	return READ_ONCE(g->kept) ? g->standin : retire(g);
}

/* @p is to be freed in the page of @g, and is no live object there. */
static void report_bad(const struct gs_guard *g, void *p, unsigned long site)
{
	if (!g->object)
		gs_report_at(GS_BUG_FOREIGN_FREE, NULL, p, site);
	else if (p == g->object)
		report(g, GS_BUG_DOUBLE_FREE, p, NULL, 0, site);
	else
		report(g, GS_BUG_INTERIOR_FREE, p, "byte", p - g->object, site);
}

/* The live object at @p goes into @state, if there is one, or it is reported. */
static bool claim(struct gs_guard *g, void *p, int state, unsigned long site)
{
	int was = GS_GUARD_LIVE;

	if (smp_load_acquire(&g->state) == was && p == g->object &&
	    try_cmpxchg(&g->state, &was, state)) {
		note(&g->free, site);
		return true;
	}
	report_bad(g, p, site);
	return false;
}

/**
 * gs_guard_end() - free a guarded object.
 * @g: the slot that @p lies in.
 * @c: the class that the object must be of, or NULL.
 * @p: its address, as the user says.
 * @site: the call of goslab.
 *
 * Context: any, NMI too.
 * Return: the stand-in, which the caller frees; NULL after a report.
 */
void *gs_guard_end(struct gs_guard *g, const struct gs_class *c, void *p,
		   unsigned long site)
{
	if (c && g->object && g->class != c) {
		report(g, GS_BUG_WRONG_CACHE, p, NULL, 0, site);
		return NULL;
	}
	return claim(g, p, GS_GUARD_FREED, site) ? let_go(g) : NULL;
}

/* The same after a grace period. @head is in the object, or NULL. */
bool gs_guard_claim_rcu(struct gs_guard *g, struct rcu_head *head, void *p,
			unsigned long site)
{
	unsigned long offset = (unsigned long)head - (unsigned long)p;

	if (head && p == g->object &&
	    (g->size < sizeof(*head) || offset > g->size - sizeof(*head))) {
		report(g, GS_BUG_NO_HEAD, p, NULL, 0, site);
		return false;
	}
	return claim(g, p, GS_GUARD_PENDING, site);
}

/* The grace period has passed. Return: the stand-in, which the caller frees. */
void *gs_guard_end_rcu(struct gs_guard *g)
{
	WRITE_ONCE(g->state, GS_GUARD_FREED);
	return let_go(g);
}

/* The address that the user of the live object @standin knows. */
void *gs_guard_object_of(void *standin)
{
	struct gs_guard *g;
	unsigned int i;

	for (i = 0; (g = gs_guard_slot(i)); i++)
		if (READ_ONCE(g->standin) == standin &&
		    smp_load_acquire(&g->state) == GS_GUARD_LIVE)
			return g->object;
	return standin;
}

static bool is_whole(struct gs_guard *g)
{
	const struct mspan *s;
	bool live;

	rcu_read_lock();
	s = gs_arena_look(g->standin);
	live = gs_span_covers(s, g->standin) && gs_span_index_live(s, g->standin) >= 0;
	rcu_read_unlock();
	return live && first_changed(g, g->page, false) == LONG_MAX;
}

/* G1. Objects may be freed and allocated meanwhile. Return: 61 or 0. */
int gs_guard_verify(void)
{
	struct gs_guard *g;
	unsigned int i;

	for (i = 0; (g = gs_guard_slot(i)); i++) {
		void *object = READ_ONCE(g->object);
		unsigned long when = g->alloc.when;

		if (smp_load_acquire(&g->state) == GS_GUARD_LIVE && !is_whole(g) &&
		    READ_ONCE(g->state) == GS_GUARD_LIVE && g->object == object &&
		    g->alloc.when == when)
			return 61;
	}
	return 0;
}
GS_EXPORT_KUNIT(gs_guard_verify);
