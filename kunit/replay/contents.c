// SPDX-License-Identifier: GPL-2.0
/*
 * contents.c: replays a trace on all CPUs and looks after the contents.
 *
 * A thread per CPU does the events that the trace has for that CPU (modulo the
 * CPUs there are), in order. An event waits until the event before it on the
 * same slot is done, wherever that is: the earliest event not yet done never
 * waits, so there is no deadlock. Objects are filled when allocated and must
 * be unchanged when freed, often on another CPU.
 *
 * Lock:     none. A slot belongs to whoever has its turn; the turn is passed
 *           on by a store-release of slot->done (pairs with the acquire in
 *           wait_for_turn()).
 * Context:  task; sleeps. On one CPU too.
 * Memory:   4 bytes per event, 24 per slot.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/completion.h>
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/printk.h>
#include <linux/sched/task.h>
#include <linux/vmalloc.h>

#include "../pattern.h"
#include "replay.h"

#define REPORTS	5	/* mismatches printed */

struct slot {
	void *p;
	u32 size;
	u32 done;	/* events of this slot that are done */
};

struct replay;

struct worker {
	struct replay *replay;
	struct task_struct *task;
	struct completion finished;
	unsigned int number;
	u32 position;
};

struct replay {
	struct rp_run run;
	enum rp_way way;
	struct slot *slots;
	u32 *turns;		/* per event: how many of its slot come before */
	struct worker *workers;
	unsigned int nr_workers;
	atomic_t mismatches;
	bool stop;		/* out of memory: give up */
};

static u64 seed_of(u32 slot, u32 turn)
{
	return (u64)turn << 32 | slot;
}

static void check(struct replay *r, struct slot *s, u32 slot, u32 turn)
{
	if (gs_pattern_holds(s->p, s->size, seed_of(slot, turn)))
		return;
	if (atomic_inc_return(&r->mismatches) <= REPORTS)
		pr_err("%s: slot %u, %u bytes: contents changed\n",
		       r->run.trace->name, slot, s->size);
}

/* False if there is nothing to wait for any more. */
static bool wait_for_turn(struct replay *r, struct slot *s, u32 turn)
{
	unsigned int tries;

	for (tries = 0; smp_load_acquire(&s->done) != turn; tries++) {
		if (READ_ONCE(r->stop))
			return false;
		if (tries < 64)
			cpu_relax();
		else if (tries < 256)
			cond_resched();
		else
			usleep_range(20, 100);
	}
	return true;
}

static bool do_event(struct replay *r, u32 i)
{
	const struct rp_event *e = &r->run.trace->events[i];
	struct slot *s = &r->slots[e->slot];
	u32 turn = r->turns[i];

	if (!wait_for_turn(r, s, turn))
		return false;
	if (e->op == RP_ALLOC) {
		s->p = rp_alloc(&r->run, e, r->way);
		if (!s->p) {
			WRITE_ONCE(r->stop, true);
			return false;
		}
		s->size = e->size;
		gs_pattern_fill(s->p, s->size, seed_of(e->slot, turn));
	} else {
		check(r, s, e->slot, turn - 1);
		rp_free(&r->run, e, s->p, r->way);
		s->p = NULL;
	}
	/* Pairs with wait_for_turn(). */
	smp_store_release(&s->done, turn + 1);
	return true;
}

static int work(void *data)
{
	struct worker *w = data;
	struct replay *r = w->replay;
	const struct rp_trace *t = r->run.trace;
	u32 i;

	for (i = 0; i < t->nr_events; i++) {
		if (t->events[i].cpu % r->nr_workers == w->number &&
		    !do_event(r, i))
			break;
		if (!(i & 0xff)) {
			WRITE_ONCE(w->position, i);
			cond_resched();
		}
	}
	complete(&w->finished);
	return 0;
}

/* One thread for each CPU that is online now. */
static int start_workers(struct replay *r)
{
	struct worker *w;
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu) {
		w = &r->workers[r->nr_workers];
		w->replay = r;
		w->number = r->nr_workers;
		init_completion(&w->finished);
		w->task = kthread_create(work, w, "goslab_replay/%d", cpu);
		if (IS_ERR(w->task))
			break;
		kthread_bind(w->task, cpu);
		get_task_struct(w->task);
		r->nr_workers++;
	}
	cpus_read_unlock();
	if (!r->nr_workers)
		return -ENOMEM;
	for (w = r->workers; w < r->workers + r->nr_workers; w++)
		wake_up_process(w->task);
	return 0;
}

static void wait_for_workers(struct replay *r)
{
	const struct rp_trace *t = r->run.trace;
	struct worker *w;

	for (w = r->workers; w < r->workers + r->nr_workers; w++) {
		while (!wait_for_completion_timeout(&w->finished, 3 * HZ))
			pr_info("%s: contents, event %u of %u\n", t->name,
				READ_ONCE(w->position), t->nr_events);
		/* It may still be in our text. */
		kthread_stop(w->task);
		put_task_struct(w->task);
	}
}

/* What lives at the end must have its contents too. */
static void free_rest(struct replay *r)
{
	struct slot *s;
	u32 i;

	for (i = 0; i < r->run.trace->slots; i++) {
		s = &r->slots[i];
		if (!s->p)
			continue;
		if (s->done)
			check(r, s, i, s->done - 1);
		goslab_free(s->p);
		if (!(i & 0xff))
			cond_resched();
	}
}

/* Breaks the check on purpose: whoever sees no mismatch now is blind. */
static void spoil_one(struct replay *r)
{
	u32 i;

	for (i = 0; i < r->run.trace->slots; i++) {
		if (!r->slots[i].p)
			continue;
		*(u8 *)r->slots[i].p ^= 1;
		return;
	}
}

static int set_up(struct replay *r, const struct rp_trace *t)
{
	u32 i, *next;
	int err;

	err = rp_run_init(&r->run, t);
	if (err)
		return err;
	r->slots = vzalloc(array_size(t->slots, sizeof(*r->slots)));
	r->turns = vmalloc(array_size(t->nr_events, sizeof(*r->turns)));
	r->workers = kcalloc(nr_cpu_ids, sizeof(*r->workers), GFP_KERNEL);
	next = vzalloc(array_size(t->slots, sizeof(*next)));
	if (!r->slots || !r->turns || !r->workers || !next)
		err = -ENOMEM;
	for (i = 0; !err && i < t->nr_events; i++)
		r->turns[i] = next[t->events[i].slot]++;
	vfree(next);
	return err;
}

static void tear_down(struct replay *r)
{
	kfree(r->workers);
	vfree(r->turns);
	vfree(r->slots);
	rp_run_exit(&r->run);
}

static int replay_one(struct replay *r, const struct rp_trace *t,
		      enum rp_way way, bool spoil)
{
	int err;

	r->way = way;
	err = set_up(r, t);
	if (!err)
		err = rp_run_make_caches(&r->run, way);
	if (!err)
		err = start_workers(r);
	if (err)
		goto out;
	wait_for_workers(r);
	if (spoil)
		spoil_one(r);
	free_rest(r);
	if (r->stop)
		err = -ENOMEM;
	else if (atomic_read(&r->mismatches))
		err = -EILSEQ;
out:
	tear_down(r);
	return err;
}

/**
 * rp_contents() - replay a trace on all CPUs with contents checked.
 * @trace: the trace.
 * @spoil: change one object on purpose, so that the check must fail.
 *
 * Return: 0; -EILSEQ if the contents of any object changed; -ENOMEM.
 */
int rp_contents(const struct rp_trace *trace, bool spoil)
{
	static const enum rp_way ways[] = { RP_GOSLAB, RP_GOSLAB_MALLOC };
	struct replay r;
	int i, err = 0;

	rp_json(",\"%s_contents\":{\"events\":%u", trace->name,
		trace->nr_events);
	for (i = 0; i < ARRAY_SIZE(ways) && !err; i++) {
		if (!rp_way_applies(trace, ways[i]))
			continue;
		memset(&r, 0, sizeof(r));
		err = replay_one(&r, trace, ways[i], spoil);
		pr_info("%s: %s: %u events on %u CPUs, %d objects changed\n",
			trace->name, rp_way_names[ways[i]], trace->nr_events,
			r.nr_workers, atomic_read(&r.mismatches));
		rp_json(",\n\"%s\":{\"cpus\":%u,\"changed\":%d}",
			rp_way_names[ways[i]], r.nr_workers,
			atomic_read(&r.mismatches));
	}
	rp_json("}");
	return err;
}
