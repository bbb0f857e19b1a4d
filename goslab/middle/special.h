/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_SPECIAL_H
#define GS_MIDDLE_SPECIAL_H

#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/types.h>

#include "back/mspan.h"
#include "middle/heap.h"

struct goslab_heap;
struct gs_sample;
struct gs_site;

/* What a record is for (Go: the kinds of a special). */
enum gs_special_kind {
	GS_SPECIAL_SAMPLE,	/* of the heap profile */
	GS_SPECIAL_ACTION,	/* a call when the object ends (action.c) */
	GS_SPECIAL_WEAK,	/* finds the object as long as it lives (action.c) */
	GS_NR_SPECIALS,
};

/**
 * struct gs_special - a record on a live object.
 * @link: in its hash bucket.
 * @object: its address.
 * @kind: which of the members below it has.
 * @owner: number of the module whose object it is, or GS_COLLECTED: the state of the
 *         object without records.
 * @cpu: that a sample was allocated on.
 * @pid: by which task; 0 in an interrupt.
 * @site: where it was allocated.
 * @requested: bytes that were asked for.
 * @when: in jiffies.
 * @comm: name of the task then.
 * @fn: an action: called with @user and @arg when the object ends.
 * @arg: of @fn.
 * @refs: those who have a weak handle, and the table.
 * @user: of an action and a weak handle: the address that the object's user knows, which
 *        is another one if it is guarded. Of a weak handle NULL when it has ended.
 */
struct gs_special {
	struct hlist_node link;
	void *object;
	u8 kind;
	u8 owner;
	u16 cpu;
	pid_t pid;
	union {
		struct {
			struct gs_site *site;
			size_t requested;
			unsigned long when;
			char comm[TASK_COMM_LEN];
		};
		struct {
			void *user;
			void (*fn)(void *object, void *arg);
			void *arg;
			refcount_t refs;
		};
	};
};

int gs_special_init(void);
void gs_special_exit(void);
bool gs_special_add(struct mspan *s, long i, struct gs_site *site,
		    const struct gs_sample *sample);
void gs_special_end(struct mspan *s, long i, unsigned long site);
void gs_special_collect(struct mspan *s, long i);
bool gs_special_defer(struct mspan *s, long i, unsigned long site);
void gs_special_drop(struct mspan *s, const void *p);
u8 gs_special_owner(const void *p);
bool gs_special_find(const void *p, struct gs_special *copy);
void gs_special_drop_heap(const struct goslab_heap *heap);
void gs_special_forget_all(void);
void gs_special_each(enum gs_special_kind kind,
		     void (*fn)(const struct gs_special *r, void *arg), void *arg);
unsigned long gs_special_nr(enum gs_special_kind kind);
void gs_special_add_usage(size_t *in_use, size_t *drawn);
unsigned long gs_special_refused(void);

/* For action.c. */
struct gs_special *gs_special_make(enum gs_special_kind kind, gfp_t gfp);
void gs_special_give(struct gs_special *r);
int gs_special_link(struct mspan *s, long i, struct gs_special *r);
struct gs_special *gs_special_take(struct mspan *s, long i,
				   void (*fn)(void *object, void *arg), const void *arg);
struct gs_special *gs_special_hold(const void *p);
void gs_special_sweep(bool (*wanted)(const struct gs_special *r, const void *arg),
		      const void *arg, void (*end)(struct gs_special *r));

/* The owner's number of live object @i of @s, which has the state @state. */
static inline u8 gs_special_owner_of(const struct mspan *s, unsigned int i, u8 state)
{
	if (unlikely(state == GS_SPECIAL))
		state = gs_special_owner(gs_span_object(s, i));
	return likely(state != GS_COLLECTED) ? state : gs_class_owner(s->class);
}

/*
 * Is object @i of @s live, for a call from @site that ends it? One that had a record is
 * like any other from here on.
 */
static inline bool gs_special_settle(struct mspan *s, long i, unsigned long site)
{
	if (unlikely(READ_ONCE(s->objects[i]) == GS_SPECIAL))
		gs_special_end(s, i, site);
	return READ_ONCE(s->objects[i]) >= GS_OWNER_MIN;
}

#endif /* GS_MIDDLE_SPECIAL_H */
