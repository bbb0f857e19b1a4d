/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Guarded objects: a sampled object on a page of its own, with nothing mapped behind.
 *
 * guardpool.c has the slots, guard.c the objects in them.
 */
#ifndef GS_FRONT_GUARD_H
#define GS_FRONT_GUARD_H

#include <linux/list.h>
#include <linux/llist.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>

#include "middle/class.h"

/* KASAN looks at each object, and kmemleak does not know which address is whose. */
#define GS_GUARD_ENABLED (!IS_ENABLED(CONFIG_KASAN_GENERIC) &&	\
			  !IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))

/* What fills a page around its object, and the object once it is freed. */
#define GS_GUARD_CANARY		0xbb
#define GS_GUARD_POISON		0x6b

#define GS_GUARD_SLOTS_MOST	512

enum gs_guard_state {
	GS_GUARD_IDLE,		/* not mapped; the last object was freed, if any */
	GS_GUARD_READY,		/* mapped, for the next object */
	GS_GUARD_LIVE,
	GS_GUARD_PENDING,	/* freed after a grace period */
	GS_GUARD_FREED,		/* freed, not unmapped yet */
};

/**
 * struct gs_guard_event - who allocated or freed, and when.
 * @site: the call of goslab; 0 if it has not happened.
 * @when: in jiffies.
 * @pid: by which task; 0 in an interrupt.
 * @cpu: on which CPU.
 * @comm: name of the task.
 */
struct gs_guard_event {
	unsigned long site;
	unsigned long when;
	pid_t pid;
	u16 cpu;
	char comm[TASK_COMM_LEN];
};

/**
 * struct gs_guard - a slot: a page, and the object that is or was last on it.
 * @state: enum gs_guard_state. Changed by who takes the slot from the list that
 *         it is on, or, from LIVE on, by cmpxchg().
 * @kept: the object stays until the actions of @standin were called.
 * @size: bytes of the object that its user may use.
 * @owner: number of the module whose it is.
 * @page: the page, in the direct map.
 * @at: where the page is mapped, or was last; 0 if somebody else has that address.
 * @object: the object, in @at; NULL if there was none.
 * @standin: the ordinary object that is counted in the place of this one.
 * @class: of @standin; for comparison only, for a cache may be destroyed.
 * @alloc: where @object was allocated.
 * @free: where it was freed.
 * @link: on the list of ready or of idle slots.
 * @freed: on the list of those that wait to be unmapped.
 * @rcu: while GS_GUARD_PENDING.
 * @name: of @class.
 */
struct gs_guard {
	int state;
	bool kept;
	u32 size;
	u8 owner;
	void *page;
	unsigned long at;
	void *object;
	void *standin;
	const struct gs_class *class;
	struct gs_guard_event alloc;
	struct gs_guard_event free;
	struct list_head link;
	struct llist_node freed;
	struct rcu_head rcu;
	char name[GS_NAME_LEN];
};

/**
 * struct gs_guard_counts - what guarding has done since loading.
 * @nr_slots: slots that there are.
 * @nr_ready: of these, ready.
 * @nr_objects: objects that were guarded.
 * @nr_refused: objects that were not, because no slot was ready.
 * @nr_unmapped: times that a slot could not be mapped.
 */
struct gs_guard_counts {
	unsigned int nr_slots;
	unsigned int nr_ready;
	unsigned long nr_objects;
	unsigned long nr_refused;
	unsigned long nr_unmapped;
};

extern unsigned long gs_guard_rate;
extern bool gs_guard_all;
extern unsigned int gs_guard_slots;
extern unsigned long gs_guard_low;
extern unsigned long gs_guard_high;

/* front/guardpool.c */
int gs_guard_init(void);
void gs_guard_stop(void);
void gs_guard_exit(void);
int gs_guard_set_rate(unsigned long rate);
void gs_guard_serve(void);
struct gs_guard *gs_guard_get(void);
void gs_guard_put(struct gs_guard *g);
struct gs_guard *gs_guard_slot(unsigned int i);
struct gs_guard_counts gs_guard_read(void);

/* front/guard.c */
struct gs_guard *gs_guard_look(const void *p);
void *gs_guard_take(void *standin, size_t size, size_t align, gfp_t gfp);
void *gs_guard_end(struct gs_guard *g, const struct gs_class *c, void *p,
		   unsigned long site);
bool gs_guard_claim_rcu(struct gs_guard *g, struct rcu_head *head, void *p,
			unsigned long site);
void *gs_guard_end_rcu(struct gs_guard *g);
void *gs_guard_object_of(void *standin);
int gs_guard_keep(const void *p, gfp_t gfp);
void gs_guard_check_freed(struct gs_guard *g);
int gs_guard_verify(void);

/* May @p lie in the page of a slot? */
static inline bool gs_guard_near(const void *p)
{
	unsigned long at = (unsigned long)p;

	return unlikely(at >= READ_ONCE(gs_guard_low) && at < READ_ONCE(gs_guard_high));
}

/* The slot that @p lies in the page of, be its object live or freed; or NULL. */
static inline struct gs_guard *gs_guard_at(const void *p)
{
	return gs_guard_near(p) ? gs_guard_look(p) : NULL;
}

/* The slot whose live object starts at @p, or NULL. */
static inline struct gs_guard *gs_guard_live_at(const void *p)
{
	struct gs_guard *g = gs_guard_at(p);

	return g && smp_load_acquire(&g->state) == GS_GUARD_LIVE && g->object == p ?
	       g : NULL;
}

/* What goslab counts for the object at @p: the object itself, or its stand-in. */
static inline const void *gs_guard_standin(const void *p)
{
	struct gs_guard *g = gs_guard_live_at(p);

	return g ? g->standin : p;
}

/* May objects of @c be guarded? Those that must keep their contents may not. */
static inline bool gs_guard_wanted(const struct gs_class *c)
{
	return GS_GUARD_ENABLED && unlikely(READ_ONCE(gs_guard_rate)) &&
	       (c->guard || READ_ONCE(gs_guard_all)) && !c->keep && !c->dtor;
}

#endif /* GS_FRONT_GUARD_H */
