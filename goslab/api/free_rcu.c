// SPDX-License-Identifier: GPL-2.0
/*
 * free_rcu: frees that wait for a grace period, in batches.
 *
 * Flow:       goslab_free_rcu() -> this CPU's bucket -> grace period -> worker
 *             -> the way of every free
 * Owner:      the bucket of an object, from the moment when its state becomes
 *             GS_PENDING. The lists run through the objects' own rcu_heads, so
 *             no memory is needed: next links, func tells the object of the head.
 *             An object without a head is carried by a note, an object of the
 *             size of a head.
 * Lock:       bucket->lock, raw, a leaf. Adding: only by the bucket's own CPU,
 *             with interrupts off until the work is queued.
 * Lifetime:   gs_free_rcu_init() .. goslab_free_rcu_barrier() at unload.
 * Context:    adding: any but NMI. Freeing: task.
 * Invariants: busy <=> the bucket's work is queued, waits for its grace period
 *             or runs. If not busy, both lists are empty.
 *             Users can write to the objects in the lists, so everything in them
 *             is checked before it is used (own_head()).
 * Tests:      kunit/rcu_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/kmemleak.h>
#include <linux/percpu.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/workqueue.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/report.h"
#include "base/sizeclass.h"
#include "base/worker.h"
#include "front/guard.h"
#include "front/large.h"
#include "front/mcache.h"
#include "middle/special.h"

/**
 * struct bucket - objects that one CPU freed.
 * @lock: protects the rest; interrupts off.
 * @busy: @work is under way.
 * @collecting: freed after the next grace period, which has not begun.
 * @waiting: freed when @work runs; only @work touches it while @busy.
 * @work: of this bucket.
 */
struct bucket {
	raw_spinlock_t lock;
	bool busy;
	struct rcu_head *collecting;
	struct rcu_head *waiting;
	struct rcu_work work;
};

static DEFINE_PER_CPU(struct bucket, buckets);

/* In func of a head: it is that of a note; the rest is the object's address. */
#define NOTE	1UL

/* Bytes that a head needs of an object, and those of a note. */
#define HEAD_BYTES	sizeof(struct rcu_head)

/* Object @i of @s is in state GS_PENDING and owned by the caller: free it now. */
void gs_free_pending(struct mspan *s, long i, unsigned long site)
{
	void *p = gs_span_object(s, i);

	/* Only goslab_free_nolock() leaves it to us. */
	gs_special_drop(s, p);
	switch (smp_load_acquire(&s->state)) {
	case GS_SPAN_SMALL:
	case GS_SPAN_TINY:
		gs_free_object(s, p, i);
		break;
	case GS_SPAN_LARGE:
		gs_hook_free(p, s->elemsize, s->keep);
		gs_large_free(s);
		break;
	default:
		/* Its cache was destroyed while it was being freed. */
		gs_free_bad(p, site);
	}
}

/* The pending object that starts at @p, or -1. */
static long pending_at(struct mspan *s, void *p)
{
	long i;

	if (smp_load_acquire(&s->state) < GS_SPAN_SMALL)
		return -1;
	i = gs_span_index(s, p);
	return i >= 0 && READ_ONCE(s->objects[i]) == GS_PENDING ? i : -1;
}

/* Is @head still as add() left it? Then the index of its object in @s, or -1. */
static long own_head(struct mspan *s, struct rcu_head *head)
{
	unsigned long func;
	int within;
	void *p;

	if (!gs_span_in_use(s))
		return -1;
	within = gs_span_index_within(s, head);
	if (within < 0)
		return -1;
	p = gs_span_object(s, within);
	/* Check before reading: the memory may belong to another user. */
	if (pending_at(s, p) < 0)
		return -1;
	func = (unsigned long)head->func;
	return func & NOTE || func == (unsigned long)p ? within : -1;
}

static void report_changed(struct mspan *s, void *p)
{
	gs_report_at(GS_BUG_PENDING, s == &gs_no_span ? NULL : gs_span_name(s), p, _THIS_IP_);
}

/*
 * The span of the pending object at @p, or with a head there, and the object's index; -1
 * after a report if there is none. A pending object keeps its span.
 */
static struct mspan *find_pending(void *p, bool is_head, long *i)
{
	struct mspan *s;

	rcu_read_lock();
	s = gs_arena_look(p);
	*i = is_head ? own_head(s, p) : pending_at(s, p);
	if (*i < 0)
		report_changed(s, p);
	rcu_read_unlock();
	return s;
}

/* Free the object of a note; the note follows. */
static void free_noted(unsigned long func)
{
	long i;
	struct mspan *s = find_pending((void *)(func & ~NOTE), false, &i);

	if (i >= 0)
		gs_free_pending(s, i, _THIS_IP_);
}

/*
 * Free a list. Objects behind an overwritten head cannot be found: they stay
 * pending for ever.
 */
static void free_list(struct rcu_head *head)
{
	while (head) {
		long i;
		struct mspan *s = find_pending(head, true, &i);
		struct rcu_head *next;
		unsigned long func;

		if (i < 0)
			return;
		next = head->next;
		func = (unsigned long)head->func;
		if (func & NOTE)
			free_noted(func);
		gs_free_pending(s, i, _THIS_IP_);
		head = next;
		cond_resched();
	}
}

/* A grace period has passed since @waiting was closed. */
static void bucket_work(struct work_struct *work)
{
	struct bucket *b = container_of(to_rcu_work(work), struct bucket, work);
	unsigned long flags;
	bool again;

	free_list(b->waiting);
	gs_debug_lock();
	raw_spin_lock_irqsave(&b->lock, flags);
	b->waiting = b->collecting;
	b->collecting = NULL;
	again = b->waiting;
	/* The list is freed by now: goslab_free_rcu_barrier() relies on that. */
	smp_store_release(&b->busy, again);
	raw_spin_unlock_irqrestore(&b->lock, flags);
	if (again)
		gs_worker_queue_rcu(&b->work);
}

/*
 * Put the pending object at @p, whose head is @head, into this CPU's bucket.
 *
 * Interrupts stay off until the work is queued. An interrupt before that would
 * add to a busy bucket with no work under way, and a later barrier would not
 * wait for its object.
 */
static void add(void *p, struct rcu_head *head, unsigned long func)
{
	unsigned long flags;
	struct bucket *b;
	bool start;

	/* kmemleak cannot follow the list. */
	kmemleak_free(p);
	head->func = (rcu_callback_t)func;
	local_irq_save(flags);
	b = this_cpu_ptr(&buckets);
	gs_debug_lock();
	raw_spin_lock(&b->lock);
	start = !b->busy;
	head->next = start ? NULL : b->collecting;
	if (start)
		b->waiting = head;
	else
		b->collecting = head;
	WRITE_ONCE(b->busy, true);
	raw_spin_unlock(&b->lock);
	if (start)
		gs_worker_queue_rcu(&b->work);
	local_irq_restore(flags);
}

/* Would writing to @head write past object @i of @s, at @p? */
static bool head_outside(const struct mspan *s, void *p, struct rcu_head *head)
{
	unsigned long offset = (unsigned long)head - (unsigned long)p;

	return s->elemsize < HEAD_BYTES || offset > s->elemsize - HEAD_BYTES;
}

/*
 * Make the live object at @p GS_PENDING. It must have a state of its own, so it
 * is not a tiny one. @head lies in it, or is NULL. Return: its span; NULL after
 * a report.
 */
static struct mspan *claim(void *p, struct rcu_head *head, unsigned long site)
{
	bool live, no_head = false;
	struct mspan *s;
	long i = -1;
	u8 state;

	rcu_read_lock();
	s = gs_arena_look(p);
	state = smp_load_acquire(&s->state);
	if (state == GS_SPAN_TINY)
		no_head = gs_span_covers(s, p);
	if (state == GS_SPAN_SMALL || state == GS_SPAN_LARGE)
		i = gs_span_index(s, p);
	if (i >= 0 && head)
		no_head = head_outside(s, p, head);
	if (no_head)
		gs_report_at(GS_BUG_NO_HEAD, gs_span_name(s), p, site);
	live = i >= 0 && READ_ONCE(s->objects[i]) >= GS_LIVE_MIN;
	rcu_read_unlock();
	if (no_head)
		return NULL;
	/* From here on the object, which is live, keeps its span. */
	if (!live || !gs_special_defer(s, i, site) || !gs_span_claim(&s->objects[i])) {
		gs_free_bad(p, site);
		return NULL;
	}
	return s;
}

/* Does @p lie in a span of tiny blocks? */
static bool is_tiny(const void *p)
{
	const struct mspan *s;
	bool tiny;

	rcu_read_lock();
	s = gs_arena_look(p);
	tiny = gs_span_covers(s, p) && READ_ONCE(s->state) == GS_SPAN_TINY;
	rcu_read_unlock();
	return tiny;
}

void __goslab_free_rcu(struct rcu_head *head, void *p)
{
	if (ZERO_OR_NULL_PTR(p) ||
	    (gs_guard_near(p) && gs_free_guarded_rcu(head, p, _RET_IP_)))
		return;
	if (claim(p, head, _RET_IP_))
		add(p, head, (unsigned long)p);
}
EXPORT_SYMBOL_GPL(__goslab_free_rcu);

/* A note, in state GS_PENDING like its object. Return: NULL without memory. */
static struct rcu_head *make_note(void)
{
	struct gs_class *c = &gs_classes[gs_spc(gs_sizeclass_of(HEAD_BYTES),
						true)];
	gfp_t gfp = GFP_KERNEL | __GFP_NORETRY | __GFP_NOWARN;
	const struct gs_call call = { _RET_IP_ };
	bool zeroed = false;
	void *p;

	if (!gs_mcache_alloc(c->slots, NUMA_NO_NODE, GS_PENDING, &p))
		p = gs_mcache_alloc_slow(c, NUMA_NO_NODE, gfp, GS_PENDING,
					 &call, &zeroed);
	return p ? gs_hook_alloc(p, c->elemsize, gfp, 0, zeroed, true) : NULL;
}

void goslab_free_rcu_mightsleep(const void *ptr)
{
	void *p = (void *)ptr;
	struct rcu_head *note;
	struct mspan *s;

	might_sleep();
	if (ZERO_OR_NULL_PTR(p) ||
	    (gs_guard_near(p) && gs_free_guarded_rcu(NULL, p, _RET_IP_)))
		return;
	if (is_tiny(p)) {
		synchronize_rcu();
		gs_free_unusual(p, _RET_IP_);
		return;
	}
	s = claim(p, NULL, _RET_IP_);
	if (!s)
		return;
	note = make_note();
	if (note) {
		kmemleak_free(p);
		add(note, note, (unsigned long)p | NOTE);
		return;
	}
	synchronize_rcu();
	gs_free_pending(s, gs_span_index(s, p), _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_free_rcu_mightsleep);

static bool any_busy(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		/* Pairs with the release in bucket_work(). */
		if (smp_load_acquire(&per_cpu_ptr(&buckets, cpu)->busy))
			return true;
	return false;
}

/*
 * After a call has returned, its object is in a bucket whose work is under way.
 * If it is on the waiting list, the first round waits for its free. If it is on
 * the collecting list, the work that the first round waits for queues itself
 * again, and the second round waits for that.
 */
void goslab_free_rcu_barrier(void)
{
	int round, cpu;

	might_sleep();
	gs_guard_barrier();
	for (round = 0; round < 2 && any_busy(); round++) {
		/* Works that wait for their grace period are queued by then. */
		rcu_barrier();
		for_each_possible_cpu(cpu)
			flush_work(&per_cpu_ptr(&buckets, cpu)->work.work);
	}
}
EXPORT_SYMBOL_GPL(goslab_free_rcu_barrier);

void gs_free_rcu_init(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		struct bucket *b = per_cpu_ptr(&buckets, cpu);

		raw_spin_lock_init(&b->lock);
		INIT_RCU_WORK(&b->work, bucket_work);
	}
}
