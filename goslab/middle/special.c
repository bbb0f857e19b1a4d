// SPDX-License-Identifier: GPL-2.0
/*
 * special: records on live objects, found by address.
 *
 * An object with a record has the state GS_SPECIAL instead of its owner's number, so
 * the fast path of a free does not take it for a live object and the slow one finds
 * the record. Objects without records, nearly all, cost nothing. (Go keeps a list for
 * each span, by offset. Here that would be a field in each span, and a walk of the
 * list in each free of a span that has any.)
 *
 * Records are of three kinds: samples of the profile, actions and weak handles
 * (action.c). An object may have one sample, one weak handle, and any number of
 * actions.
 *
 * Owner:      one table for the module.
 * Lock:       a lock for each LOCKS-th bucket, a leaf. Order: after the mcentral and the
 *             mheap lock, because who counts objects under one asks for their owners.
 * Lifetime:   from gs_special_link() until the object is freed, its heap ends, or (of a
 *             sample) the profile begins anew. A weak handle that users have stays until
 *             they put it.
 * Context:    any but NMI. A free in an NMI leaves the record to the work that
 *             completes it.
 * Invariants: an object in state GS_SPECIAL has a record. The record of an object in
 *             another state is on its way out; actions of an object that waits for RCU
 *             stay until it is freed.
 * Memory:     128 bytes a record, RECORDS_SHARE for each bucket at most; 8 bytes a bucket.
 * Tests:      kunit/sample_kunit.c, kunit/action_kunit.c
 */
#include "middle/special.h"

#include <linux/hash.h>
#include <linux/jiffies.h>
#include <linux/list.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/smp.h>
#include <linux/string.h>

#include "back/arena.h"
#include "base/fixalloc.h"
#include "base/sys.h"
#include "base/trace.h"
#include "middle/action.h"
#include "middle/class.h"
#include "middle/site.h"

/* A bucket for so many bytes of memory, within limits; one sample by default. */
#define BUCKET_SHARE	(512UL << 10)
#define BITS_LEAST	9
#define BITS_MOST	16
#define LOCKS		64

/* Records of a bucket on average, at most. */
#define RECORDS_SHARE	16UL

/* Sets of kinds. */
#define ANY_KIND	GENMASK(GS_NR_SPECIALS - 1, 0)
#define NOT_ACTIONS	(ANY_KIND & ~BIT(GS_SPECIAL_ACTION))

struct special_lock {
	spinlock_t lock;
} ____cacheline_aligned_in_smp;

static struct hlist_head *buckets;
static unsigned int bits;
static struct special_lock special_locks[LOCKS];
static struct fixalloc records;
static DEFINE_PER_CPU(struct gs_stash, stash);

static atomic_long_t nr_records[GS_NR_SPECIALS];
static atomic_long_t nr_refused = ATOMIC_LONG_INIT(0);

static size_t table_bytes(void)
{
	return sizeof(*buckets) << bits;
}

int gs_special_init(void)
{
	unsigned int i;

	bits = clamp_t(unsigned int, ilog2((totalram_pages() << PAGE_SHIFT) / BUCKET_SHARE + 1),
		       BITS_LEAST, BITS_MOST);
	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&special_locks[i].lock);
	gs_fixalloc_init(&records, sizeof(struct gs_special),
			 offsetof(struct gs_special, object), &stash);
	buckets = gs_sys_draw_meta(table_bytes(), NUMA_NO_NODE, GFP_KERNEL);
	return buckets ? 0 : -ENOMEM;
}

void gs_special_exit(void)
{
	gs_fixalloc_exit(&records);
	gs_sys_give_meta(buckets, table_bytes());
	memset(nr_records, 0, sizeof(nr_records));
}

/* Add bytes of records and of their table. */
void gs_special_add_usage(size_t *in_use, size_t *drawn)
{
	gs_fixalloc_add_usage(&records, in_use, drawn);
	*in_use += table_bytes();
	*drawn += PAGE_SIZE << get_order(table_bytes());
}

static unsigned int bucket_of(const void *p)
{
	return hash_ptr(p, bits);
}

static spinlock_t *lock_of(unsigned int bucket)
{
	return &special_locks[bucket % LOCKS].lock;
}

/* The record of @p that is of a kind in @kinds; under the lock of the bucket. */
static struct gs_special *find(unsigned int bucket, const void *p, unsigned int kinds)
{
	struct gs_special *r;

	hlist_for_each_entry(r, &buckets[bucket], link)
		if (r->object == p && BIT(r->kind) & kinds)
			return r;
	return NULL;
}

static unsigned long nr_all(void)
{
	unsigned long n = 0;
	int kind;

	for (kind = 0; kind < GS_NR_SPECIALS; kind++)
		n += atomic_long_read(&nr_records[kind]);
	return n;
}

/* A record that is in no bucket yet. Return: NULL without memory or room. */
struct gs_special *gs_special_make(enum gs_special_kind kind, gfp_t gfp)
{
	struct gs_special *r = NULL;

	if (nr_all() < RECORDS_SHARE << bits)
		r = gs_fixalloc_alloc(&records, gfp);
	if (!r)
		return NULL;
	/* What its kind needs the caller fills in. */
	r->kind = kind;
	r->owner = 0;
	r->cpu = 0;
	r->pid = 0;
	atomic_long_inc(&nr_records[kind]);
	return r;
}

/* A record that is in no bucket any more. */
void gs_special_give(struct gs_special *r)
{
	atomic_long_dec(&nr_records[r->kind]);
	gs_fixalloc_free(&records, r);
}

/*
 * The owner's number of object @i of @s, at @p, whose state says from here on that it
 * has a record; 0 if it is not live. Under the lock of the bucket.
 */
static u8 mark_special(struct mspan *s, long i, unsigned int bucket, const void *p)
{
	u8 state = READ_ONCE(s->objects[i]);
	struct gs_special *other;

	while (state >= GS_OWNER_MIN || state == GS_COLLECTED)
		if (try_cmpxchg(&s->objects[i], &state, GS_SPECIAL))
			return state;
	other = state == GS_SPECIAL ? find(bucket, p, ANY_KIND) : NULL;
	return other ? other->owner : 0;
}

/**
 * gs_special_link() - a live object has one record more.
 * @s: its span.
 * @i: its index.
 * @r: the record, which is filled in but for its object and owner.
 *
 * The latest record of an object is found first.
 *
 * Return: 0; -ENOENT if the object is not live; -EEXIST if it has a weak handle and @r is
 * one.
 */
int gs_special_link(struct mspan *s, long i, struct gs_special *r)
{
	void *p = gs_span_object(s, i);
	unsigned int bucket = bucket_of(p);
	unsigned long flags;
	int ret = 0;

	r->object = p;
	gs_lock(lock_of(bucket), flags);
	r->owner = mark_special(s, i, bucket, p);
	if (!r->owner)
		ret = -ENOENT;
	else if (r->kind == GS_SPECIAL_WEAK && find(bucket, p, BIT(GS_SPECIAL_WEAK)))
		ret = -EEXIST;
	else
		hlist_add_head(&r->link, &buckets[bucket]);
	gs_unlock(lock_of(bucket), flags);
	return ret;
}

/* Bytes that a sample of @site stands for if @bytes are those of the sample. */
static u64 scaled(const struct gs_site *site, size_t bytes)
{
	return READ_ONCE(site->scale) * bytes / GS_SITE_ONE;
}

static void count_alloc(struct gs_sampled *t, const struct gs_special *r)
{
	atomic64_inc(&t->nr);
	atomic64_add(READ_ONCE(r->site->scale), &t->allocs);
	atomic64_add(scaled(r->site, r->site->size), &t->bytes);
	atomic64_add(scaled(r->site, r->requested), &t->requested);
}

static void count_free(struct gs_sampled *t, const struct gs_special *r, bool ping_pong)
{
	u64 scale = READ_ONCE(r->site->scale);

	atomic64_add(scale, &t->frees);
	if (ping_pong)
		atomic64_add(scale, &t->ping_pong);
	gs_site_count_free(r->site, r->requested, ping_pong);
}

/* Whose object it is, as kmemleak has it. */
static void note_task(struct gs_special *r)
{
	if (likely(in_task())) {
		r->pid = current->pid;
		/* A name that changes meanwhile is some name, but has an end. */
		memcpy(r->comm, current->comm, sizeof(r->comm));
		r->comm[sizeof(r->comm) - 1] = '\0';
	} else {
		r->pid = 0;
		strscpy(r->comm, in_hardirq() ? "hardirq" : "softirq", sizeof(r->comm));
	}
}

/**
 * gs_special_add() - a record for an object that nobody else has yet.
 * @s: its span.
 * @i: its index; its state is the owner's number.
 * @site: where it was allocated; it has counted the object.
 * @sample: what else is known of it.
 *
 * Return: false if there is no memory or too many records.
 */
bool gs_special_add(struct mspan *s, long i, struct gs_site *site,
		    const struct gs_sample *sample)
{
	struct gs_special *r;

	r = gs_special_make(GS_SPECIAL_SAMPLE, gs_gfp_optional(GFP_NOWAIT));
	if (!r) {
		atomic_long_inc(&nr_refused);
		gs_site_forget(site, sample->requested, sample->far);
		return false;
	}
	r->site = site;
	r->requested = sample->requested;
	r->when = jiffies;
	r->cpu = raw_smp_processor_id();
	note_task(r);
	count_alloc(gs_class_sampled(s->class), r);
	gs_special_link(s, i, r);
	return true;
}

/* The object of @r, which is in no bucket any more, ends. */
static void end_record(struct gs_special *r, struct gs_class *c, bool ping_pong)
{
	switch (r->kind) {
	case GS_SPECIAL_SAMPLE:
		count_free(gs_class_sampled(c), r, ping_pong);
		gs_special_give(r);
		break;
	case GS_SPECIAL_ACTION:
		r->fn(r->user, r->arg);
		gs_special_give(r);
		break;
	case GS_SPECIAL_WEAK:
		WRITE_ONCE(r->user, NULL);
		gs_weak_put(r);
		break;
	}
}

static void end_records(struct hlist_head *gone, const struct mspan *s, unsigned long site)
{
	struct gs_special *r;
	struct hlist_node *next;

	hlist_for_each_entry_safe(r, next, gone, link) {
		if (r->kind == GS_SPECIAL_SAMPLE)
			trace_goslab_free(site, r->object, gs_span_name(s));
		end_record(r, s->class, r->cpu != raw_smp_processor_id());
	}
}

/* Move a record to the end of a list, of which only the links forward are of use. */
static void move(struct gs_special *r, struct hlist_node ***end)
{
	__hlist_del(&r->link);
	r->link.next = NULL;
	**end = &r->link;
	*end = &r->link.next;
}

/*
 * Move the records of @p that are of a kind in @kinds to @gone, the latest first. The
 * object @i of @s, if it is live, is like any other from here on; -1: its state stays.
 */
static void take_all(struct mspan *s, long i, const void *p, unsigned int kinds,
		     struct hlist_head *gone)
{
	unsigned int bucket = bucket_of(p);
	struct hlist_node *next, **end = &gone->first;
	struct gs_special *r;
	unsigned long flags;
	u8 was = GS_SPECIAL, owner = 0;

	gs_lock(lock_of(bucket), flags);
	hlist_for_each_entry_safe(r, next, &buckets[bucket], link) {
		if (r->object != p)
			continue;
		owner = r->owner;
		if (BIT(r->kind) & kinds)
			move(r, &end);
	}
	if (i >= 0 && owner)
		try_cmpxchg(&s->objects[i], &was, owner);
	gs_unlock(lock_of(bucket), flags);
}

/* End the records of object @i of @s, at @p, that are of a kind in @kinds; see take_all(). */
static void end_kinds(struct mspan *s, long i, const void *p, unsigned int kinds,
		      unsigned long site)
{
	HLIST_HEAD(gone);

	take_all(s, i, p, kinds, &gone);
	end_records(&gone, s, site);
}

/**
 * gs_special_end() - object @i of @s, in state GS_SPECIAL, is about to be freed.
 * @s: the span.
 * @i: the index.
 * @site: where from, for the tracepoint.
 *
 * Its state becomes its owner's number. Of two frees at once one finds the records.
 */
void gs_special_end(struct mspan *s, long i, unsigned long site)
{
	/* It does not end: such a free is a mistake. */
	if (!gs_span_is_collected(s))
		end_kinds(s, i, gs_span_object(s, i), ANY_KIND, site);
}
GS_EXPORT_KUNIT(gs_special_end);

/**
 * gs_special_defer() - object @i of @s, which is live, will be freed after a grace period.
 * @s: the span.
 * @i: the index.
 * @site: where from, for the tracepoint.
 *
 * Nobody finds it by a weak handle from here on. Its actions wait for gs_special_drop(),
 * for there may be readers.
 *
 * Return: is it live still?
 */
bool gs_special_defer(struct mspan *s, long i, unsigned long site)
{
	if (unlikely(READ_ONCE(s->objects[i]) == GS_SPECIAL && !gs_span_is_collected(s)))
		end_kinds(s, i, gs_span_object(s, i), NOT_ACTIONS, site);
	return READ_ONCE(s->objects[i]) >= GS_OWNER_MIN;
}

/*
 * Object @i of @s, of a collected heap, is not reached any more: nobody finds it by a
 * weak handle from here on. Its actions wait for gs_special_drop().
 */
void gs_special_collect(struct mspan *s, long i)
{
	if (READ_ONCE(s->objects[i]) == GS_SPECIAL)
		end_kinds(s, i, gs_span_object(s, i), NOT_ACTIONS, 0);
}

/* An object that has ended already is freed now, and may have records. */
void gs_special_drop(struct mspan *s, const void *p)
{
	if (likely(!nr_all()))
		return;
	/* Mostly there is none, and nobody else can add one to this object. */
	if (hlist_empty(&buckets[bucket_of(p)]))
		return;
	end_kinds(s, -1, p, ANY_KIND, 0);
}

/* The sample of the object at @p. Return: false for none. */
bool gs_special_find(const void *p, struct gs_special *copy)
{
	unsigned int bucket = bucket_of(p);
	struct gs_special *r;
	unsigned long flags;

	gs_lock(lock_of(bucket), flags);
	r = find(bucket, p, BIT(GS_SPECIAL_SAMPLE));
	if (r)
		*copy = *r;
	gs_unlock(lock_of(bucket), flags);
	return r;
}
GS_EXPORT_KUNIT(gs_special_find);

/* The owner of an object in state GS_SPECIAL; 0 if it was freed meanwhile. */
u8 gs_special_owner(const void *p)
{
	unsigned int bucket = bucket_of(p);
	struct gs_special *r;
	unsigned long flags;
	u8 owner;

	gs_lock(lock_of(bucket), flags);
	r = find(bucket, p, ANY_KIND);
	owner = r ? r->owner : 0;
	gs_unlock(lock_of(bucket), flags);
	return owner;
}
GS_EXPORT_KUNIT(gs_special_owner);

/* The weak handle of the object at @p, with one user more, or NULL. */
struct gs_special *gs_special_hold(const void *p)
{
	unsigned int bucket = bucket_of(p);
	struct gs_special *r;
	unsigned long flags;

	gs_lock(lock_of(bucket), flags);
	r = find(bucket, p, BIT(GS_SPECIAL_WEAK));
	if (r)
		refcount_inc(&r->refs);
	gs_unlock(lock_of(bucket), flags);
	return r;
}

/* A record of the live object at @p left its bucket, under the lock of that. */
static void settle(struct mspan *s, long i, const void *p, u8 owner)
{
	u8 was = GS_SPECIAL;

	/* Unless the object is being freed. */
	if (i >= 0 && !find(bucket_of(p), p, ANY_KIND))
		try_cmpxchg(&s->objects[i], &was, owner);
}

/* Take the latest action of object @i of @s that is this call. Return: NULL for none. */
struct gs_special *gs_special_take(struct mspan *s, long i,
				   void (*fn)(void *object, void *arg), const void *arg)
{
	void *p = gs_span_object(s, i);
	unsigned int bucket = bucket_of(p);
	struct gs_special *r, *found = NULL;
	unsigned long flags;

	gs_lock(lock_of(bucket), flags);
	hlist_for_each_entry(r, &buckets[bucket], link) {
		if (r->object == p && r->kind == GS_SPECIAL_ACTION && r->fn == fn &&
		    r->arg == arg) {
			found = r;
			break;
		}
	}
	if (found) {
		hlist_del(&found->link);
		settle(s, i, p, found->owner);
	}
	gs_unlock(lock_of(bucket), flags);
	return found;
}

/**
 * gs_special_sweep() - take out all records that are wanted.
 * @wanted: is it? Under the lock of its bucket.
 * @arg: of it.
 * @end: is given each of them, without a lock; those of an object the latest first.
 *
 * Context: task; sleeps.
 */
void gs_special_sweep(bool (*wanted)(const struct gs_special *r, const void *arg),
		      const void *arg, void (*end)(struct gs_special *r))
{
	struct gs_special *r;
	struct hlist_node *next;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 1U << bits; i++) {
		HLIST_HEAD(gone);
		struct hlist_node **to = &gone.first;

		if (hlist_empty(&buckets[i]))
			continue;
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry_safe(r, next, &buckets[i], link) {
			/* After misuse the object may have gone without it. */
			struct mspan *s = gs_arena_look(r->object);

			if (!wanted(r, arg))
				continue;
			move(r, &to);
			settle(s, gs_span_covers(s, r->object) ?
			       gs_span_index(s, r->object) : -1, r->object, r->owner);
		}
		gs_unlock(lock_of(i), flags);
		hlist_for_each_entry_safe(r, next, &gone, link)
			end(r);
		cond_resched();
	}
}

static bool is_of_heap(const struct gs_special *r, const void *arg)
{
	const struct mspan *s = gs_arena_span(r->object);

	return s && s->class && s->class->heap == arg;
}

/* Its object goes with its heap, which is no free from a CPU. */
static void end_with_heap(struct gs_special *r)
{
	end_record(r, gs_arena_span(r->object)->class, false);
}

/*
 * The spans of a heap are about to be freed with all that lives in them. All of its
 * objects are whole while actions run. Sleeps.
 */
void gs_special_drop_heap(const struct goslab_heap *heap)
{
	if (nr_all())
		gs_special_sweep(is_of_heap, heap, end_with_heap);
}

static bool is_sample(const struct gs_special *r, const void *unused)
{
	return r->kind == GS_SPECIAL_SAMPLE;
}

/* A rate that is gone: the site begins anew, so on which node does not matter. */
static void forget(struct gs_special *r)
{
	gs_site_forget(r->site, r->requested, false);
	gs_special_give(r);
}

/* A profile begins anew: no live object is a sample. Sleeps. */
void gs_special_forget_all(void)
{
	gs_special_sweep(is_sample, NULL, forget);
	atomic_long_set(&nr_refused, 0);
}

/* Call @fn with each record of @kind, under the lock of its bucket. Sleeps. */
void gs_special_each(enum gs_special_kind kind,
		     void (*fn)(const struct gs_special *r, void *arg), void *arg)
{
	struct gs_special *r;
	unsigned long flags;
	unsigned int i;

	if (!gs_special_nr(kind))
		return;
	for (i = 0; i < 1U << bits; i++) {
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry(r, &buckets[i], link)
			if (r->kind == kind)
				fn(r, arg);
		gs_unlock(lock_of(i), flags);
		cond_resched();
	}
}

/* Records of @kind that there are; weak handles of objects that ended included. */
unsigned long gs_special_nr(enum gs_special_kind kind)
{
	return atomic_long_read(&nr_records[kind]);
}
GS_EXPORT_KUNIT(gs_special_nr);

/* Samples that got no record. */
unsigned long gs_special_refused(void)
{
	return atomic_long_read(&nr_refused);
}
GS_EXPORT_KUNIT(gs_special_refused);
