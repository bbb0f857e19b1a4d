// SPDX-License-Identifier: GPL-2.0
/*
 * sample: which allocations the heap profile sees.
 *
 * Samples are points on the line of all bytes allocated (base/chance.c). A slot
 * knows how many of its objects are left until the next one: the number of a
 * geometric distribution, drawn anew after each sample. All slots together are
 * the same process as one counter of bytes would be, and the fast path has one
 * counter, which it had before: it counts down. At zero it leaves the object
 * where it is and the slow path takes over. (Go: mcache.nextSample; TCMalloc:
 * Sampler. Both count bytes for each thread or CPU.)
 *
 * Large objects and those that no slot hands out count bytes on their CPU.
 *
 * How many objects a slot has handed out is what it was granted less what it has left.
 *
 * Lock:       none for slots: they are entered, with interrupts off where the grants
 *             of the CPU change, too. rate_mutex, sleeping: one change of the rate at
 *             a time. Order: before the CPU hotplug lock and gs_class_mutex.
 * Context:    any but NMI; gs_sample_set_rate() sleeps.
 * Tests:      kunit/sample_kunit.c
 */
#include "front/sample.h"

#include <linux/cpu.h>
#include <linux/mutex.h>
#include <linux/prandom.h>
#include <linux/rculist.h>
#include <linux/sched/mm.h>
#include <linux/stackdepot.h>
#include <linux/stacktrace.h>
#include <linux/topology.h>
#include <linux/workqueue.h>

#include "back/arena.h"
#include "base/chance.h"
#include "base/latency.h"
#include "base/owner.h"
#include "base/trace.h"
#include "base/worker.h"
#include "front/mcache.h"
#include "front/usage.h"
#include "middle/site.h"
#include "middle/special.h"

/* Frames of a stack at most, those of goslab itself included. */
#define DEPTH_MOST	32

/* Go's, and jemalloc's. */
#define RATE_DEFAULT	(512UL << 10)
#define RATE_MOST	(1UL << 28)

unsigned long gs_sample_rate = RATE_DEFAULT;
GS_EXPORT_KUNIT(gs_sample_rate);

/* Are samples to have their stack? A walk takes ten times as long as all the rest. */
bool gs_sample_stacks;
GS_EXPORT_KUNIT(gs_sample_stacks);

/**
 * struct sampler - what a CPU knows besides its slots.
 * @rnd: an interrupt may draw the same number, which does no harm.
 * @left: bytes to the next sample of objects that no slot hands out.
 * @work: draws distances anew when the rate has changed.
 */
struct sampler {
	struct rnd_state rnd;
	long left;
	struct work_struct work;
};

static DEFINE_PER_CPU(struct sampler, samplers);
static DEFINE_MUTEX(rate_mutex);
/* Works can be queued (rate_mutex). */
static bool ready;
static atomic_long_t nr_lost = ATOMIC_LONG_INIT(0);

/* Bytes to the next sample. @rate is not 0. */
static long distance(unsigned long rate)
{
	struct sampler *own = raw_cpu_ptr(&samplers);

	if (rate == 1)
		return 1;
	return max_t(long, gs_chance_distance(prandom_u32_state(&own->rnd), rate), 1);
}

/* Objects of @size bytes up to the next sample, that one included. */
static __always_inline long objects_to_next(size_t size)
{
	unsigned long rate = READ_ONCE(gs_sample_rate);

	return rate ? min(DIV_ROUND_UP(distance(rate), gs_chance_bytes(size)), GS_SAMPLE_NEVER) :
		      GS_SAMPLE_NEVER;
}

/* @slot of @mcache may hand out @n objects more, or fewer, before the next sample. */
static void grant(struct mcache *mcache, struct gs_slot *slot, long n)
{
	u32 sum = slot->granted + (u32)n;
	s64 lost = (s64)slot->granted + n - sum;
	unsigned long flags;

	local_irq_save(flags);
	raw_write_seqcount_begin(&mcache->granting);
	slot->granted = sum;
	slot->left += n;
	mcache->nr_wrapped += lost;
	raw_write_seqcount_end(&mcache->granting);
	local_irq_restore(flags);
	if (unlikely(lost))
		atomic64_add(lost, &slot->class->nr_past);
}

/* A slot of @mcache's CPU is new. Interrupts are off. */
void gs_sample_start(struct mcache *mcache, struct gs_slot *slot)
{
	grant(mcache, slot, objects_to_next(slot->class->elemsize) - 1);
}

/* Slow half of gs_sample_owed(): draw until the slot has something left. */
unsigned int gs_sample_count_owed(struct gs_slot *slot, s32 least)
{
	unsigned int n = 0;

	while (slot->left < least) {
		grant(this_cpu_ptr(&gs_mcache), slot,
		      objects_to_next(slot->class->elemsize));
		n++;
	}
	return READ_ONCE(gs_sample_rate) ? n : 0;
}

/* Is an object of @bytes bytes that no slot hands out a sample? */
bool gs_sample_bytes(size_t bytes)
{
	unsigned long rate = READ_ONCE(gs_sample_rate);
	long left;

	if (rate <= 1)
		return rate;
	left = this_cpu_sub_return(samplers.left, gs_chance_bytes(bytes));
	if (left >= 0)
		return false;
	/* An object may be longer than several distances: it is one sample. */
	do {
		long n = distance(rate);

		left += n;
		this_cpu_add(samplers.left, n);
	} while (left < 0);
	return true;
}

/*
 * The number of the stack from @caller outwards. 0 if this kernel cannot walk its
 * stacks (User-Mode Linux without frame pointers), or has no memory for it.
 */
static noinline u32 save_stack(unsigned long caller)
{
	unsigned long entry[DEPTH_MOST] __uninitialized;
	unsigned int n = stack_trace_save(entry, DEPTH_MOST, 1), i = 0;

	while (i < n && entry[i] != caller)
		i++;
	return i == n ? 0 : stack_depot_save(entry + i, n - i, GFP_NOWAIT | __GFP_NOWARN);
}

/**
 * gs_sample_take() - a sampled object goes to its user.
 * @p: the object; its state is @owner, and nobody else has it yet.
 * @owner: number of the module. Objects of goslab itself are not sampled.
 * @call: who asks.
 * @gfp: the caller's, for the tracepoint.
 */
void gs_sample_take(void *p, u8 owner, const struct gs_call *call, gfp_t gfp)
{
	struct mspan *s = gs_arena_of(p);
	struct gs_sample sample = {
		.caller = call->site, .size = s->elemsize, .requested = call->bytes,
		.owner = owner, .far = s->node != numa_mem_id(),
	};
	struct gs_site *site;

	if (owner < GS_OWNER_MIN)
		return;
	if (READ_ONCE(gs_sample_stacks))
		sample.stack = save_stack(call->site);
	site = gs_site_sample(&sample);
	if (!site)
		atomic_long_inc(&nr_lost);
	else if (gs_special_add(s, gs_span_index(s, p), site, &sample) &&
		 trace_goslab_alloc_enabled())
		trace_goslab_alloc(call->site, p, gs_span_name(s), call->bytes, s->elemsize,
				   gfp, s->node, gs_owner_name(owner) ?: "unknown");
	/* Metadata may have been drawn. */
	gs_usage_note_peak();
}

/* Pop the object that is a sample: *@n is set to how many are due. */
static void *pop_sample(struct gs_class *c, int node, u8 owner, unsigned int *n)
{
	struct gs_slot *slot;
	struct gs_entry *e;
	void *p = NULL;

	preempt_disable();
	slot = *this_cpu_ptr(c->slots);
	if ((node == NUMA_NO_NODE || node == slot->node) && gs_slot_enter(slot)) {
		e = slot->top - 1;
		/* As in gs_mcache_pop() this finds an empty magazine, too. */
		if (likely(*e->state == GS_CACHED)) {
			*n = gs_sample_owed(slot, 1);
			p = e->object;
			slot->top = e;
			slot->left--;
			*e->state = owner;
		}
		gs_slot_leave(slot);
	}
	preempt_enable();
	return p;
}

/**
 * gs_sample_alloc() - an object of the magazine that the fast path left for the profile.
 * @c: the class.
 * @node: node wanted, or NUMA_NO_NODE.
 * @gfp: the caller's, for the tracepoint.
 * @owner: number that the object's state is set to.
 * @call: who asks.
 *
 * It needs none of what a refill prepares, which takes longer than this. If latencies
 * are watched, the refill has it all the same.
 *
 * Context: any but NMI.
 * Return: an object; NULL if the magazine has none or cannot be entered.
 */
void *gs_sample_alloc(struct gs_class *c, int node, gfp_t gfp, u8 owner,
		      const struct gs_call *call)
{
	unsigned int n = 0;
	void *p;

	if (gs_latency_is_all())
		return NULL;
	might_alloc(gfp);
	gs_home_visit(c);
	p = pop_sample(c, node, owner, &n);
	if (likely(n))
		gs_sample_take(p, owner, call, gfp);
	return p;
}
GS_EXPORT_KUNIT(gs_sample_alloc);

/* Samples that the profile does not have, for lack of memory or room. */
unsigned long gs_sample_lost(void)
{
	return atomic_long_read(&nr_lost) + gs_special_refused();
}
GS_EXPORT_KUNIT(gs_sample_lost);

/* Draw distances anew for the slots of the walk's CPU. */
static void draw_anew(struct gs_walk walk)
{
	struct mcache *mcache = per_cpu_ptr(&gs_mcache, walk.cpu);
	struct gs_slot *slot;

	rcu_read_lock();
	list_for_each_entry_rcu(slot, &mcache->slots, link) {
		if (!gs_walk_enter(walk, slot))
			continue;
		grant(mcache, slot,
		      objects_to_next(slot->class->elemsize) - 1 - slot->left);
		gs_walk_leave(slot);
	}
	rcu_read_unlock();
	per_cpu(samplers, walk.cpu).left = 0;
}

static void work_fn(struct work_struct *work)
{
	draw_anew(gs_walk_here());
}

/*
 * @cpu comes, and is not online yet: the rate may have changed while it was away. The
 * CPU hotplug lock is held for writing, so no slot ends meanwhile.
 */
void gs_sample_come(unsigned int cpu)
{
	draw_anew((struct gs_walk){ .cpu = cpu, .dead = true });
}

/* Under rate_mutex. */
static void begin_anew(unsigned long rate)
{
	int cpu;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		if (!list_empty(&per_cpu(gs_mcache, cpu).slots))
			gs_worker_queue_on(cpu, &per_cpu(samplers, cpu).work);
	for_each_online_cpu(cpu)
		flush_work(&per_cpu(samplers, cpu).work);
	cpus_read_unlock();
	gs_special_forget_all();
	gs_class_forget_samples();
	gs_site_restart(rate);
	atomic_long_set(&nr_lost, 0);
}

/**
 * gs_sample_set_rate() - begin a new profile.
 * @rate: mean distance of samples in bytes: 1 for every object, 0 for none.
 *
 * What was sampled before is forgotten, for it was so with another probability.
 * CPUs that have slots run a work; others are left alone.
 *
 * Context: task; sleeps.
 * Return: 0 or -EINVAL.
 */
int gs_sample_set_rate(unsigned long rate)
{
	if (rate > RATE_MOST)
		return -EINVAL;
	mutex_lock(&rate_mutex);
	WRITE_ONCE(gs_sample_rate, rate);
	/* A parameter may be set before the module is ready, and while it goes. */
	if (ready)
		begin_anew(rate);
	mutex_unlock(&rate_mutex);
	return 0;
}
GS_EXPORT_KUNIT(gs_sample_set_rate);

void gs_sample_init(void)
{
	int cpu;

	stack_depot_init();
	gs_site_restart(gs_sample_rate);
	for_each_possible_cpu(cpu) {
		struct sampler *own = per_cpu_ptr(&samplers, cpu);

		prandom_seed_state(&own->rnd, get_random_u64());
		INIT_WORK(&own->work, work_fn);
	}
}

/* From here on works may be queued, or not any more. */
void gs_sample_ready(bool is)
{
	mutex_lock(&rate_mutex);
	ready = is;
	mutex_unlock(&rate_mutex);
}
