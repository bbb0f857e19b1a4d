/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_CLASS_H
#define GS_MIDDLE_CLASS_H

#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/llist.h>
#include <linux/mutex.h>

#include "back/mspan.h"
#include "middle/mcentral.h"

#define GS_NAME_LEN	32
/* Entries of the largest magazine. */
#define GS_DEPTH_MAX	55

/* Lengths of spans that a class has besides the first. */
#define GS_NR_LONGER	2

struct goslab_heap;

/**
 * struct gs_sampled - what the samples of a class stand for, since the profile began.
 * @nr: samples.
 * @allocs: objects that they stand for, times GS_SITE_ONE.
 * @frees: of @allocs, freed.
 * @ping_pong: of @frees, on another CPU than the one that allocated them.
 * @bytes: of @allocs, with all of their room.
 * @requested: of @allocs, as their callers asked.
 *
 * One of a class's objects in many thousands is a sample, so these lines are shared. With
 * each object a sample the locks of sites are worse.
 */
struct gs_sampled {
	atomic64_t nr;
	atomic64_t allocs;
	atomic64_t frees;
	atomic64_t ping_pong;
	atomic64_t bytes;
	atomic64_t requested;
};

/**
 * struct gs_class - one span class: a shape of spans, its central lists, its
 * slots.
 * @slots: this class's slot of each CPU.
 * @ctor: once per object, when a span is cut.
 * @elemsize: bytes of an object.
 * @owner: number of the module that made it; 0 for the classes of malloc,
 *         including those of heaps.
 * @keep: enum gs_keep.
 * @tiny: blocks of tiny objects.
 * @stack: page stacks.
 * @account: spans are direct and charged to the task that made the class grow.
 * @dead: its cache was destroyed with live objects.
 * @noscan: objects hold no pointers.
 * @collected: of a cache of a collected heap; @owner is GS_COLLECTED, their state.
 * @align_pages: alignment of a span, in pages.
 * @npages: pages of a span.
 * @nelems: objects of a span of @npages.
 * @longer: the same for the longer spans of a class that has many.
 * @transfer: objects that a transfer cache may hold at most.
 * @batch: objects moved per hold of a central lock.
 * @depth: most objects that a magazine may hold.
 * @guard: objects may lie on pages of their own (front/guard.h).
 * @scan: index in the census being made (gs_class_mutex).
 * @dtor: once per object, before a span leaves the class.
 * @pointers: which words of an object may be pointers, a bit for each; NULL: all may.
 *            Read by a leak scan under a page heap's lock, and freed after a grace
 *            period.
 * @nr_pointers: bits of it.
 * @heap: its heap; NULL for the default heap.
 * @central: by node.
 * @nr_past: objects handed out that no slot counts.
 * @sampled: what its samples say.
 * @gone_slots: slots that were ended and wait for readers.
 * @link: on gs_class_list.
 * @name: for reports and debugfs.
 */
struct gs_class {
	struct gs_slot *__percpu *slots;
	void (*ctor)(void *object);
	u32 elemsize;
	u8 owner;
	u8 keep;
	bool tiny;
	bool stack;
	bool account;
	bool dead;
	bool noscan;
	bool collected;
	u8 align_pages;
	u16 npages;
	u16 nelems;
	struct {
		u16 npages;
		u16 nelems;
	} longer[GS_NR_LONGER];
	u16 transfer;
	u16 batch;
	u16 depth;
	bool guard;
	unsigned int scan;
	void (*dtor)(void *object);
	unsigned long *pointers;
	unsigned int nr_pointers;
	struct goslab_heap *heap;
	struct mcentral *central;
	atomic64_t nr_past;
	struct gs_sampled sampled;
	struct llist_head gone_slots;
	struct list_head link;
	char name[GS_NAME_LEN];
};

/* Every class, those of malloc first; gs_class_mutex protects the list. */
extern struct list_head gs_class_list;
extern struct mutex gs_class_mutex;

/* The classes of malloc, by span class; 0 and 1 (large) are not used. */
extern struct gs_class gs_classes[GS_NR_SPC];

/* Large objects of the default heap, which have no class. */
extern struct gs_sampled gs_sampled_large;

static inline struct gs_sampled *gs_class_sampled(struct gs_class *c)
{
	return c ? &c->sampled : &gs_sampled_large;
}

void gs_class_forget_samples(void);
int gs_class_init_malloc(void);
void gs_class_exit_malloc(void);
int gs_class_init(struct gs_class *c, size_t size, size_t align);
int gs_class_init_sized(struct gs_class *c, unsigned int cls, const char *heap);
void gs_class_exit(struct gs_class *c);
void gs_class_past(u64 *objects, u64 *bytes);
void gs_class_empty_transfer(struct gs_class *c);
bool gs_class_sweep(bool idle_only);
struct mspan *gs_class_new_span(struct gs_class *c, int node, gfp_t gfp,
				bool this_node);
void gs_class_free_span(struct mspan *s);

/* middle/pointers.c */
int gs_pointers_set(struct gs_class *c, const unsigned long *mask, size_t size);
void gs_pointers_drop(struct gs_class *c);

/* Does @c belong to a cache (and not to malloc)? */
static inline bool gs_class_is_cache(const struct gs_class *c)
{
	return c->owner;
}

/* Are the objects of @s freed by a collector alone? */
static inline bool gs_span_is_collected(const struct mspan *s)
{
	const struct gs_class *c = s->class;

	return c && c->collected;
}

/* The name that reports use for the place of an object of @s. */
static inline const char *gs_span_name(const struct mspan *s)
{
	return s->class ? s->class->name : "large";
}

static inline struct mcentral *gs_class_central(const struct gs_class *c,
						int node)
{
	return &c->central[node];
}

#endif /* GS_MIDDLE_CLASS_H */
