/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_SPECIAL_H
#define GS_MIDDLE_SPECIAL_H

#include <linux/sched.h>
#include <linux/types.h>

#include "back/mspan.h"

struct goslab_heap;
struct gs_sample;
struct gs_site;

/**
 * struct gs_special - a record on a live object (Go: special of kind Profile).
 * @link: in its hash bucket.
 * @object: its address.
 * @site: where it was allocated.
 * @requested: bytes that were asked for.
 * @when: in jiffies.
 * @pid: by which task; 0 in an interrupt.
 * @comm: its name then.
 * @cpu: on which CPU.
 * @owner: number of the module whose it is.
 */
struct gs_special {
	struct hlist_node link;
	void *object;
	struct gs_site *site;
	size_t requested;
	unsigned long when;
	pid_t pid;
	u16 cpu;
	u8 owner;
	char comm[TASK_COMM_LEN];
};

int gs_special_init(void);
void gs_special_exit(void);
bool gs_special_add(struct mspan *s, long i, struct gs_site *site,
		    const struct gs_sample *sample);
void gs_special_end(struct mspan *s, long i, unsigned long site);
void gs_special_drop(struct mspan *s, const void *p);
u8 gs_special_owner(const void *p);
bool gs_special_find(const void *p, struct gs_special *copy);
void gs_special_drop_heap(const struct goslab_heap *heap);
void gs_special_forget_all(void);
void gs_special_each(void (*fn)(const struct gs_special *r, void *arg), void *arg);
unsigned long gs_special_nr(void);
void gs_special_add_usage(size_t *in_use, size_t *drawn);
unsigned long gs_special_refused(void);

/* The owner's number of live object @i of @s, which has the state @state. */
static inline u8 gs_special_owner_of(const struct mspan *s, unsigned int i, u8 state)
{
	return likely(state != GS_SPECIAL) ? state :
	       gs_special_owner(gs_span_object(s, i));
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
