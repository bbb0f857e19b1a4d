// SPDX-License-Identifier: GPL-2.0
/*
 * collect: collected heaps (Go: the collector of the runtime).
 *
 * A collection marks what is reached from the heap's roots (watch/mark.c) while users go
 * on, stops them, marks what they changed meanwhile, and takes what stayed white. Only
 * objects that were live when it began can be taken; younger ones are roots of the last
 * part. Pointers that users store into objects meanwhile are noted by the write barrier,
 * so a black object never has the only pointer to a white one when users are stopped. If
 * more are noted than there is room for, all is marked again during the stop.
 *
 * Users hold a percpu_rw_semaphore for reading, which costs them nothing that is shared.
 * The collector holds it for writing twice: once, for a moment, so that all users know
 * that it marks; then for the end of the marking. Go stops its threads in the same two
 * places.
 *
 * Lifetime:   of what was taken: white and live -> GS_PENDING during the stop -> actions
 *             -> freed. A free by any other call finds no object that may be freed.
 * Lock:       gc->lock, sleeping: one collection. gc->users: sections of users, and the
 *             stops. gc->roots_lock, sleeping: ranges. gc->shade_lock: what the barrier
 *             noted; a leaf. Order: lock, users, roots_lock; a page heap's lock alone.
 * Context:    task.
 * Invariants: between collections no object of the heap is GS_PENDING.
 * Tests:      kunit/collect_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/ktime.h>
#include <linux/mutex.h>
#include <linux/percpu-rwsem.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "api/api.h"
#include "base/report.h"
#include "middle/heap.h"
#include "middle/special.h"
#include "watch/mark.h"
#include "watch/roots.h"

/* Pointers that the write barrier may note between two looks at them. */
#define SHADES		1024

/* Looks at what it noted, before users are stopped. */
#define MOST_LOOKS	8

/* Words of a range that are copied at once. */
#define WORDS		32

/* A range that has pointers to objects. */
struct gc_root {
	struct list_head link;
	const void *p;
	size_t bytes;
};

/**
 * struct gs_collect - what a collected heap has besides.
 * @lock: one collection at a time; protects @stats.
 * @users: read: a user's section; written: all users are stopped.
 * @roots_lock: protects @roots.
 * @roots: ranges.
 * @shade_lock: protects the rest, but for reads of @marking.
 * @marking: users note what they store. Changes only while they are stopped.
 * @lost: more was noted than there was room for.
 * @nr: of @shade.
 * @shade: pointers that were stored.
 * @stats: for goslab_gc_stats().
 */
struct gs_collect {
	struct mutex lock;
	struct percpu_rw_semaphore users;
	struct mutex roots_lock;
	struct list_head roots;
	spinlock_t shade_lock;
	bool marking;
	bool lost;
	unsigned int nr;
	unsigned long shade[SHADES];
	struct goslab_gc_stats stats;
};

/* For a new heap. Return: NULL without memory. */
struct gs_collect *gs_collect_make(void)
{
	struct gs_collect *gc = gs_mark_alloc(sizeof(*gc));

	if (!gc)
		return NULL;
	mutex_init(&gc->lock);
	mutex_init(&gc->roots_lock);
	INIT_LIST_HEAD(&gc->roots);
	spin_lock_init(&gc->shade_lock);
	if (percpu_init_rwsem(&gc->users)) {
		kvfree(gc);
		return NULL;
	}
	return gc;
}

/* The heap ends; NULL for one that is not collected. Sleeps. */
void gs_collect_unmake(struct gs_collect *gc)
{
	struct gc_root *r, *next;

	if (!gc)
		return;
	list_for_each_entry_safe(r, next, &gc->roots, link)
		kvfree(r);
	percpu_free_rwsem(&gc->users);
	kvfree(gc);
}

/* What @heap has if it is a collected one; otherwise a report and NULL. */
static struct gs_collect *gc_of(const struct goslab_heap *heap, unsigned long site)
{
	if (gs_heap_dead(heap, site))
		return NULL;
	if (!heap->gc)
		gs_report_at(GS_BUG_NOT_COLLECTED, heap->name, NULL, site);
	return heap->gc;
}

void goslab_gc_enter(struct goslab_heap *heap)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);

	if (gc)
		percpu_down_read(&gc->users);
}
EXPORT_SYMBOL_GPL(goslab_gc_enter);

void goslab_gc_leave(struct goslab_heap *heap)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);

	if (gc)
		percpu_up_read(&gc->users);
}
EXPORT_SYMBOL_GPL(goslab_gc_leave);

static noinline void note_shade(struct gs_collect *gc, unsigned long p)
{
	spin_lock(&gc->shade_lock);
	if (gc->nr < SHADES)
		gc->shade[gc->nr++] = p;
	else
		gc->lost = true;
	spin_unlock(&gc->shade_lock);
}

void __goslab_gc_shade(struct goslab_heap *heap, const void *p)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);

	/* The caller is in a section, during which this does not change. */
	if (gc && unlikely(READ_ONCE(gc->marking)) && p)
		note_shade(gc, (unsigned long)p);
}
EXPORT_SYMBOL_GPL(__goslab_gc_shade);

int goslab_gc_root_add(struct goslab_heap *heap, const void *p, size_t size)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);
	struct gc_root *r;

	might_sleep();
	if (!gc)
		return -EINVAL;
	r = gs_mark_alloc(sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->p = p;
	r->bytes = size;
	mutex_lock(&gc->roots_lock);
	list_add(&r->link, &gc->roots);
	mutex_unlock(&gc->roots_lock);
	return 0;
}
EXPORT_SYMBOL_GPL(goslab_gc_root_add);

void goslab_gc_root_del(struct goslab_heap *heap, const void *p)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);
	struct gc_root *r, *found = NULL;

	might_sleep();
	if (!gc)
		return;
	mutex_lock(&gc->roots_lock);
	list_for_each_entry(r, &gc->roots, link) {
		if (r->p == p) {
			found = r;
			list_del(&r->link);
			break;
		}
	}
	mutex_unlock(&gc->roots_lock);
	kvfree(found);
}
EXPORT_SYMBOL_GPL(goslab_gc_root_del);

/* Users may write to a range meanwhile: what they store is a shade, or seen later. */
static void mark_range(struct gs_mark *m, const struct gc_root *r)
{
	unsigned long word[WORDS], p = ALIGN((unsigned long)r->p, sizeof(long));
	unsigned long end = ALIGN_DOWN((unsigned long)r->p + r->bytes, sizeof(long));
	size_t n;

	for (; p < end; p += n) {
		n = min(end - p, sizeof(word));
		if (gs_roots_copy(word, (void *)p, n))
			gs_mark_words(m, word, n / sizeof(long));
	}
}

static int mark_roots(struct gs_collect *gc, struct gs_mark *m)
{
	const struct gc_root *r;
	int ret = 0;

	mutex_lock(&gc->roots_lock);
	list_for_each_entry(r, &gc->roots, link) {
		mark_range(m, r);
		ret = gs_mark_drain(m);
		if (ret)
			break;
	}
	mutex_unlock(&gc->roots_lock);
	return ret;
}

/* Mark what users stored. Return: were there any? */
static bool mark_shades(struct gs_collect *gc, struct gs_mark *m)
{
	unsigned int n;

	spin_lock(&gc->shade_lock);
	n = gc->nr;
	gs_mark_words(m, gc->shade, n);
	gc->nr = 0;
	spin_unlock(&gc->shade_lock);
	gc->stats.nr_shaded += n;
	return n;
}

/* Beside users, who store faster than anyone could mark. Return: 0 or what went wrong. */
static int mark_beside(struct gs_collect *gc, struct gs_mark *m)
{
	unsigned int looks = MOST_LOOKS;
	int ret;

	gs_hook(GS_HOOK_GC_MARKS, NULL);
	ret = mark_roots(gc, m);
	gs_hook(GS_HOOK_GC_MARKED, NULL);
	while (!ret && looks-- && mark_shades(gc, m))
		ret = gs_mark_drain(m);
	return ret;
}

/* Users are stopped: what is white after this is not reached. */
static int mark_rest(struct gs_collect *gc, struct gs_mark *m)
{
	int ret;

	if (gc->lost)
		gs_mark_whiten(m);
	mark_shades(gc, m);
	ret = mark_roots(gc, m) ?: gs_mark_drain(m);
	return ret ?: gs_mark_young(m);
}

/* For gs_mark_each(): what is taken is counted in @stats. */
struct taking {
	struct gs_mark *m;
	unsigned long objects;
	size_t bytes;
};

/* The old object at @p is white, and users are stopped. */
static void take(unsigned long p, void *arg)
{
	struct mspan *s = gs_arena_of((void *)p);
	long i = gs_span_index(s, (void *)p);
	struct taking *t = arg;

	gs_special_collect(s, i);
	if (!gs_span_claim(&s->objects[i])) {
		gs_mark_drop(t->m, p);
		return;
	}
	t->objects++;
	t->bytes += s->elemsize;
}

static void call_actions(unsigned long p, void *unused)
{
	gs_special_drop(gs_arena_of((void *)p), (void *)p);
}

static void free_taken(unsigned long p, void *unused)
{
	struct mspan *s = gs_arena_of((void *)p);

	gs_free_pending(s, gs_span_index(s, (void *)p), _THIS_IP_);
}

/* From here on users note what they store. Return: microseconds that they waited. */
static unsigned long start_marking(struct gs_collect *gc)
{
	ktime_t start;

	percpu_down_write(&gc->users);
	start = ktime_get();
	WRITE_ONCE(gc->marking, true);
	percpu_up_write(&gc->users);
	return ktime_us_delta(ktime_get(), start);
}

/* Stop users, and take what is white. Return: microseconds, or what went wrong. */
static long stop_and_take(struct gs_collect *gc, struct gs_mark *m, int ret,
			  struct taking *t)
{
	ktime_t start;

	percpu_down_write(&gc->users);
	start = ktime_get();
	WRITE_ONCE(gc->marking, false);
	ret = ret ?: mark_rest(gc, m);
	if (!ret && gs_mark_narrow(m))
		gs_mark_each(m, take, t);
	gc->nr = 0;
	gc->lost = false;
	percpu_up_write(&gc->users);
	return ret ?: ktime_us_delta(ktime_get(), start);
}

/* Under gc->lock. Return: objects that were freed, or what went wrong. */
static long collect(struct goslab_heap *heap, struct gs_collect *gc)
{
	ktime_t start = ktime_get();
	struct taking t = { .m = gs_mark_begin(heap) };
	struct goslab_gc_stats *stats = &gc->stats;
	unsigned long first;
	long us;

	if (IS_ERR(t.m))
		return PTR_ERR(t.m);
	stats->nr_shaded = 0;
	first = start_marking(gc);
	us = stop_and_take(gc, t.m, mark_beside(gc, t.m), &t);
	stats->nr_marked = t.m->nr_marked;
	if (t.objects) {
		gs_mark_each(t.m, call_actions, NULL);
		gs_mark_each(t.m, free_taken, NULL);
	}
	gs_mark_end(t.m);
	if (us < 0)
		return us;
	atomic_long_inc(&gs_collections);
	atomic_long_add(t.objects, &gs_objects_collected);
	stats->nr++;
	stats->nr_freed += t.objects;
	stats->bytes_freed += t.bytes;
	stats->stop_us = max(first, (unsigned long)us);
	stats->all_us = ktime_us_delta(ktime_get(), start);
	return t.objects;
}

long goslab_gc_collect(struct goslab_heap *heap)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);
	long ret;

	might_sleep();
	if (!gc)
		return -EINVAL;
	if (mutex_lock_killable(&gc->lock))
		return -EINTR;
	ret = collect(heap, gc);
	mutex_unlock(&gc->lock);
	return ret;
}
EXPORT_SYMBOL_GPL(goslab_gc_collect);

void goslab_gc_stats(struct goslab_heap *heap, struct goslab_gc_stats *stats)
{
	struct gs_collect *gc = gc_of(heap, _RET_IP_);

	*stats = (struct goslab_gc_stats){ };
	if (!gc)
		return;
	mutex_lock(&gc->lock);
	*stats = gc->stats;
	mutex_unlock(&gc->lock);
}
EXPORT_SYMBOL_GPL(goslab_gc_stats);
