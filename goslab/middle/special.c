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
 * Owner:      one table for the module.
 * Lock:       a lock for each LOCKS-th bucket, a leaf. Order: after the mcentral and the
 *             mheap lock, because who counts objects under one asks for their owners.
 * Lifetime:   from gs_special_add() until the object is freed, its heap ends, or the
 *             profile begins anew.
 * Context:    any but NMI. A free in an NMI leaves the record to the work that
 *             completes it.
 * Invariants: an object in state GS_SPECIAL has a record. The record of an object in
 *             another state is on its way out.
 * Memory:     64 bytes a record, RECORDS_SHARE for each bucket at most; 8 bytes a bucket.
 * Tests:      kunit/sample_kunit.c
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
#include "middle/class.h"
#include "middle/site.h"

/* A bucket for so many bytes of memory, within limits; one sample by default. */
#define BUCKET_SHARE	(512UL << 10)
#define BITS_LEAST	9
#define BITS_MOST	16
#define LOCKS		64

/* Records of a bucket on average, at most. */
#define RECORDS_SHARE	16

struct special_lock {
	spinlock_t lock;
} ____cacheline_aligned_in_smp;

static struct hlist_head *buckets;
static unsigned int bits;
static struct special_lock special_locks[LOCKS];
static struct fixalloc records;
static DEFINE_PER_CPU(struct gs_stash, stash);

static atomic_long_t nr_records = ATOMIC_LONG_INIT(0);
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
			 offsetof(struct gs_special, site), &stash);
	buckets = gs_sys_draw_meta(table_bytes(), NUMA_NO_NODE, GFP_KERNEL);
	return buckets ? 0 : -ENOMEM;
}

void gs_special_exit(void)
{
	gs_fixalloc_exit(&records);
	gs_sys_give_meta(buckets, table_bytes());
	atomic_long_set(&nr_records, 0);
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

/* Under the lock of the bucket. */
static struct gs_special *find(unsigned int bucket, const void *p)
{
	struct gs_special *r;

	hlist_for_each_entry(r, &buckets[bucket], link)
		if (r->object == p)
			return r;
	return NULL;
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
	void *p = gs_span_object(s, i);
	unsigned int bucket = bucket_of(p);
	struct gs_special *r = NULL;
	unsigned long flags;

	if (atomic_long_read(&nr_records) < (RECORDS_SHARE << bits))
		r = gs_fixalloc_alloc(&records, gs_gfp_optional(GFP_NOWAIT));
	if (!r) {
		atomic_long_inc(&nr_refused);
		gs_site_forget(site, sample->requested, sample->far);
		return false;
	}
	*r = (struct gs_special) {
		.object = p, .site = site, .owner = sample->owner,
		.requested = sample->requested, .when = jiffies,
		.pid = in_task() ? current->pid : 0,
		.cpu = raw_smp_processor_id(),
	};
	/* As kmemleak has it. A name that changes meanwhile is some name. */
	strscpy(r->comm, in_task() ? current->comm : in_hardirq() ? "hardirq" : "softirq",
		sizeof(r->comm));
	atomic_long_inc(&nr_records);
	count_alloc(gs_class_sampled(s->class), r);
	gs_lock(lock_of(bucket), flags);
	hlist_add_head(&r->link, &buckets[bucket]);
	WRITE_ONCE(s->objects[i], GS_SPECIAL);
	gs_unlock(lock_of(bucket), flags);
	return true;
}

/* A record that is in no bucket any more. */
static void give_record(struct gs_special *r)
{
	atomic_long_dec(&nr_records);
	gs_fixalloc_free(&records, r);
}

/* The object of @r, which is in no bucket any more, is freed. NULL: it has none. */
static void end_record(struct gs_special *r, const struct mspan *s, unsigned long site)
{
	if (!r)
		return;
	trace_goslab_free(site, r->object, gs_span_name(s));
	count_free(gs_class_sampled(s->class), r, r->cpu != raw_smp_processor_id());
	give_record(r);
}

/* Take the record of @p out and return it. Its object, if it is live, is ordinary. */
static struct gs_special *take(struct mspan *s, long i, const void *p)
{
	unsigned int bucket = bucket_of(p);
	struct gs_special *r;
	unsigned long flags;
	u8 was = GS_SPECIAL;

	gs_lock(lock_of(bucket), flags);
	r = find(bucket, p);
	if (r) {
		hlist_del(&r->link);
		if (s)
			try_cmpxchg(&s->objects[i], &was, r->owner);
	}
	gs_unlock(lock_of(bucket), flags);
	return r;
}

/**
 * gs_special_end() - object @i of @s, in state GS_SPECIAL, is about to be freed.
 * @s: the span.
 * @i: the index.
 * @site: where from, for the tracepoint.
 *
 * Its state becomes its owner's number. Of two frees at once one finds the record.
 */
void gs_special_end(struct mspan *s, long i, unsigned long site)
{
	end_record(take(s, i, gs_span_object(s, i)), s, site);
}
GS_EXPORT_KUNIT(gs_special_end);

/* The same for an object that has ended already, and may have had a record. */
void gs_special_drop(struct mspan *s, const void *p)
{
	if (likely(!gs_special_nr()))
		return;
	/* Mostly there is none, and nobody else can add one to this object. */
	if (hlist_empty(&buckets[bucket_of(p)]))
		return;
	end_record(take(NULL, 0, p), s, 0);
}

/* What is known of the object at @p. Return: false for nothing. */
bool gs_special_find(const void *p, struct gs_special *copy)
{
	unsigned int bucket = bucket_of(p);
	struct gs_special *r;
	unsigned long flags;

	gs_lock(lock_of(bucket), flags);
	r = find(bucket, p);
	if (r)
		*copy = *r;
	gs_unlock(lock_of(bucket), flags);
	return r;
}
GS_EXPORT_KUNIT(gs_special_find);

/* The owner of an object in state GS_SPECIAL; 0 if it was freed meanwhile. */
u8 gs_special_owner(const void *p)
{
	struct gs_special r;

	return gs_special_find(p, &r) ? r.owner : 0;
}
GS_EXPORT_KUNIT(gs_special_owner);

/* Take out every record that @fn wants, and give it to @end. */
static void sweep(bool (*fn)(struct gs_special *r, const void *arg), const void *arg,
		  void (*end)(const struct gs_special *r))
{
	struct gs_special *r;
	struct hlist_node *next;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 1U << bits; i++) {
		HLIST_HEAD(gone);

		if (hlist_empty(&buckets[i]))
			continue;
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry_safe(r, next, &buckets[i], link) {
			if (!fn(r, arg))
				continue;
			hlist_del(&r->link);
			hlist_add_head(&r->link, &gone);
		}
		gs_unlock(lock_of(i), flags);
		hlist_for_each_entry_safe(r, next, &gone, link) {
			end(r);
			give_record(r);
		}
		cond_resched();
	}
}

static bool is_of_heap(struct gs_special *r, const void *arg)
{
	const struct mspan *s = gs_arena_span(r->object);

	return s && s->class && s->class->heap == arg;
}

/* Its object goes with its heap, which is no free from a CPU. */
static void end_with_heap(const struct gs_special *r)
{
	count_free(gs_class_sampled(gs_arena_span(r->object)->class), r, false);
}

/* The spans of a heap are about to be freed with all that lives in them. Sleeps. */
void gs_special_drop_heap(const struct goslab_heap *heap)
{
	if (gs_special_nr())
		sweep(is_of_heap, heap, end_with_heap);
}

/* The object becomes an ordinary one, unless it is being freed. */
static bool make_ordinary(struct gs_special *r, const void *unused)
{
	struct mspan *s = gs_arena_span(r->object);
	long i = s && gs_span_covers(s, r->object) ? gs_span_index(s, r->object) : -1;
	u8 was = GS_SPECIAL;

	if (i >= 0)
		try_cmpxchg(&s->objects[i], &was, r->owner);
	return true;
}

/* A rate that is gone: the site begins anew, so on which node does not matter. */
static void forget(const struct gs_special *r)
{
	gs_site_forget(r->site, r->requested, false);
}

/* A profile begins anew: no live object has a record. Sleeps. */
void gs_special_forget_all(void)
{
	sweep(make_ordinary, NULL, forget);
	atomic_long_set(&nr_refused, 0);
}

/* Call @fn with a copy of each record. Sleeps. */
void gs_special_each(void (*fn)(const struct gs_special *r, void *arg), void *arg)
{
	struct gs_special *r;
	unsigned long flags;
	unsigned int i;

	for (i = 0; i < 1U << bits; i++) {
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry(r, &buckets[i], link)
			fn(r, arg);
		gs_unlock(lock_of(i), flags);
		cond_resched();
	}
}

unsigned long gs_special_nr(void)
{
	return atomic_long_read(&nr_records);
}
GS_EXPORT_KUNIT(gs_special_nr);

/* Samples that got no record. */
unsigned long gs_special_refused(void)
{
	return atomic_long_read(&nr_refused);
}
GS_EXPORT_KUNIT(gs_special_refused);
