// SPDX-License-Identifier: GPL-2.0
/*
 * tags: /proc/allocinfo tells which call site has how much of goslab's memory.
 *
 * Only with CONFIG_MEM_ALLOC_PROFILING. <linux/goslab_tags.h> makes the call
 * site the task's alloc_tag while it is in goslab; here each object gets a
 * reference to it. The references of a span are a table of their own, from
 * SLUB; without memory for it the objects of that span are not counted.
 *
 * While profiling is switched off (sysctl vm.mem_profiling) nothing of this costs
 * anything: a fresh span gets no table, and no object is looked up. Spans from that
 * time stay without one. What was counted before and is freed meanwhile is counted
 * until its place is handed out while profiling is on again, or its span ends.
 *
 * Flow:       a fresh span: its table; an object out, an object back.
 * Owner:      the table: the span. A reference: who holds the object.
 * Lock:       none; counters are per CPU.
 * Lifetime:   from the cut of the span until its pages go back. Objects that
 *             live then (a heap is reset) are counted out. Spans that stay at
 *             unload keep theirs.
 * Context:    as gs_hook_alloc() and gs_hook_free(); a table as @gfp says.
 * Tests:      kunit/tags_kunit.c
 */
#include "back/tags.h"

#include <linux/alloc_tag.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "back/arena.h"

/* @s was cut and is in nobody's reach yet. */
void gs_tags_make(struct mspan *s, gfp_t gfp)
{
	s->tags = NULL;
	if (!gs_compat_profiling())
		return;
	s->tags = kcalloc(s->nelems, sizeof(*s->tags),
			  (gfp & (GFP_KERNEL | __GFP_HIGH)) | __GFP_NORETRY |
			  __GFP_NOWARN);
}

/* @s is in nobody's reach any more. */
void gs_tags_end(struct mspan *s)
{
	unsigned int i;

	if (!s->tags)
		return;
	for (i = 0; i < s->nelems; i++)
		if (s->tags[i].ct)
			alloc_tag_sub(&s->tags[i], s->elemsize);
	kfree(s->tags);
	s->tags = NULL;
}

/* Where the tag of the object at @p is; NULL without a table. */
static union codetag_ref *tag_of(const struct mspan *s, const void *p)
{
	long i = s->tags ? gs_span_index(s, p) : -1;

	return i < 0 ? NULL : &s->tags[i];
}

/* The object at @p goes to whom the task's tag stands for. */
void gs_tag_count(const void *p)
{
	struct alloc_tag *tag = current->alloc_tag;
	struct mspan *s = gs_arena_span(p);
	union codetag_ref *ref = tag_of(s, p);

	if (!ref)
		return;
	/*
	 * Left by two frees at once, by a free that no public call made, or by
	 * one while profiling was off.
	 */
	if (ref->ct)
		alloc_tag_sub(ref, s->elemsize);
	if (tag)
		alloc_tag_add(ref, tag, s->elemsize);
}

/* The object at @p comes back. */
void gs_tag_uncount(const void *p)
{
	struct mspan *s = gs_arena_span(p);
	union codetag_ref *ref = tag_of(s, p);

	/* It was allocated without one while profiling was off. */
	if (ref && ref->ct)
		alloc_tag_sub(ref, s->elemsize);
}
