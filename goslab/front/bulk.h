/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_BULK_H
#define GS_FRONT_BULK_H

#include "front/mcache.h"

/**
 * struct gs_batch - objects on their way back, all of one class and node.
 * @s: span of the last one, which keeps it in use; NULL while there is none.
 * @n: how many.
 * @e: the objects, in state GS_CACHED, in nobody's reach.
 *
 * On the stack and __uninitialized, begun by gs_batch_begin().
 */
struct gs_batch {
	struct mspan *s;
	unsigned int n;
	struct gs_entry e[GS_BATCH_MAX];
};

size_t gs_mcache_alloc_bulk(struct gs_class *c, gfp_t gfp, u8 owner, size_t n,
			    void **p, bool hooks);
void gs_mcache_free_batch(struct gs_batch *b);

static inline void gs_batch_begin(struct gs_batch *b)
{
	b->s = NULL;
	b->n = 0;
}

/*
 * An object that is live, at @state of @s, is free from here on. Its hooks ran.
 * Ends with gs_mcache_free_batch().
 */
static __always_inline void gs_batch_add(struct gs_batch *b, struct mspan *s,
					 void *object, u8 *state)
{
	if (unlikely(b->n == GS_BATCH_MAX ||
		     (b->s != s && b->n && (b->s->class != s->class ||
					    b->s->node != s->node))))
		gs_mcache_free_batch(b);
	*state = GS_CACHED;
	b->s = s;
	b->e[b->n++] = (struct gs_entry){ object, state };
}

#endif /* GS_FRONT_BULK_H */
