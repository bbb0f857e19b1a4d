// SPDX-License-Identifier: GPL-2.0
/*
 * testlib: what the suites share.
 *
 * The seed of a run is drawn at its first use and printed by every suite;
 * "seed=N" replays it. (On 6.1, KUnit runs the suites of a module before its
 * parameters are parsed: there the parameter comes too late.)
 *
 * Context:    task; hooks as where they are called.
 */
#include "testlib.h"

#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/kmemleak.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "back/arena.h"
#include "back/hugeblocks.h"
#include "back/mheap.h"
#include "back/pagebits.h"
#include "back/trim.h"
#include "base/sys.h"
#include "base/worker.h"
#include "front/mcache.h"
#include "front/sample.h"
#include "middle/special.h"
#include "pattern.h"
#include "watch/watch.h"

static unsigned long long seed;
module_param(seed, ullong, 0444);
MODULE_PARM_DESC(seed, "of all random walks; 0 draws one");

static unsigned long sample_rate;
module_param(sample_rate, ulong, 0444);
MODULE_PARM_DESC(sample_rate, "that of goslab while suites run (0); some cases expect 0");

/* Draws of one task, counted, some of them failed. */
static struct {
	struct task_struct *task;
	unsigned long seen;
	unsigned long first;
	unsigned long n;
} draws;

u64 gs_rnd_next(struct gs_rnd *rnd)
{
	u64 z = rnd->state += 0x9e3779b97f4a7c15ULL;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

u32 gs_rnd_below(struct gs_rnd *rnd, u32 n)
{
	return (gs_rnd_next(rnd) >> 32) * n >> 32;
}

size_t gs_rnd_log(struct gs_rnd *rnd, size_t min, size_t max)
{
	unsigned int low = ilog2(min), high = ilog2(max);
	size_t n = BIT(low + gs_rnd_below(rnd, high - low + 1));

	return clamp_t(size_t, n + (gs_rnd_next(rnd) & (n - 1)), min, max);
}

struct gs_rnd gs_rnd_start(struct kunit *test)
{
	struct gs_rnd rnd = { .state = seed };
	const char *c;

	for (c = test->name; *c; c++)
		rnd.state = gs_rnd_next(&rnd) ^ *c;
	return rnd;
}

int gs_test_suite_init(struct kunit_suite *suite)
{
	while (!seed)
		seed = get_random_u64();
	/* By default no state byte or count of metadata is what a sample has left. */
	if (gs_sample_rate != sample_rate || sample_rate)
		/* Sites of earlier suites would fill the files of the profile. */
		gs_sample_set_rate(sample_rate);
	pr_info("# %s: seed=%llu\n", suite->name, seed);
	return 0;
}

/* Reports that there may be at the end of the case. */
static unsigned long reports_wanted;

void gs_test_expect_reports(unsigned long n)
{
	reports_wanted += n;
}

/*
 * With several nodes a case stays on one of them, so that what it says of "its"
 * node holds to its end; the next case is on the next one. The task ends with the
 * case.
 */
static int stay_on_a_node(void)
{
	static struct cpumask cpus;
	static int node = NUMA_NO_NODE;
	int cpu;

	if (nr_online_nodes == 1)
		return 0;
	cpumask_clear(&cpus);
	while (cpumask_empty(&cpus)) {
		node = next_online_node(node);
		if (node == MAX_NUMNODES)
			node = first_online_node;
		for_each_online_cpu(cpu)
			if (cpu_to_mem(cpu) == node)
				cpumask_set_cpu(cpu, &cpus);
	}
	return set_cpus_allowed_ptr(current, &cpus);
}

int gs_test_init_worker(struct kunit *test)
{
	int ret = stay_on_a_node();

	if (ret)
		return ret;
	reports_wanted = gs_report_count();
	goslab_shrink();
	return 0;
}

int gs_test_init(struct kunit *test)
{
	gs_worker_pause();
	return gs_test_init_worker(test);
}

int gs_test_init_pinned(struct kunit *test)
{
	int ret = gs_test_init(test);

	/* The task ends with the case. */
	return ret ?: set_cpus_allowed_ptr(current,
					   cpumask_of(raw_smp_processor_id()));
}

int gs_test_other_cpu(void)
{
	int here = raw_smp_processor_id(), cpu, found = -1;

	/* One of the same node, if it has one. */
	for_each_online_cpu(cpu) {
		if (cpu == here)
			continue;
		if (cpu_to_mem(cpu) == cpu_to_mem(here))
			return cpu;
		found = cpu;
	}
	return found;
}

bool gs_test_wait_for(bool (*fn)(int cpu), int cpu)
{
	unsigned int ms;

	for (ms = 0; ms < 5000 && !fn(cpu); ms += 10)
		msleep(10);
	return fn(cpu);
}

/* What to call, and with what. */
struct remote {
	void (*fn)(void *arg);
	void *arg;
};

static long remote_fn(void *arg)
{
	struct remote *r = arg;

	r->fn(r->arg);
	return 0;
}

void gs_test_on_other_cpu(void (*fn)(void *arg), void *arg)
{
	struct remote r = { fn, arg };

	work_on_cpu(gs_test_other_cpu(), remote_fn, &r);
}

static spinlock_t *held_lock;
static bool lock_taken, lock_may_go;

static void hold_lock(struct work_struct *unused)
{
	unsigned long flags;
	unsigned int ms;

	gs_lock(held_lock, flags);
	WRITE_ONCE(lock_taken, true);
	for (ms = 0; ms < 1000 && !READ_ONCE(lock_may_go); ms++)
		mdelay(1);
	WRITE_ONCE(lock_taken, false);
	gs_unlock(held_lock, flags);
}
static DECLARE_WORK(hold_work, hold_lock);

void gs_test_hold(spinlock_t *lock)
{
	held_lock = lock;
	lock_taken = lock_may_go = false;
	schedule_work_on(gs_test_other_cpu(), &hold_work);
	while (!READ_ONCE(lock_taken))
		cond_resched();
}

bool gs_test_let_go(void)
{
	bool held = READ_ONCE(lock_taken);

	WRITE_ONCE(lock_may_go, true);
	flush_work(&hold_work);
	return held;
}

struct gs_class *gs_test_class(const char *name)
{
	struct gs_class *c, *found = NULL;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link)
		if (!strcmp(c->name, name))
			found = c;
	mutex_unlock(&gs_class_mutex);
	return found;
}

struct gs_slot *gs_test_slot(const struct gs_class *c)
{
	return *raw_cpu_ptr(c->slots);
}

u32 gs_test_slot_allocs(const struct gs_slot *slot)
{
	return slot->granted - slot->left;
}

u8 *gs_test_state(const void *p)
{
	struct mspan *s = gs_arena_span(p);
	long i = s ? gs_span_index(s, p) : -1;

	return i < 0 ? NULL : &s->objects[i];
}

u8 gs_test_owner(const void *p)
{
	struct mspan *s = gs_arena_span(p);
	int i = gs_span_index_within(s, p);

	return gs_special_owner_of(s, i, s->objects[i]);
}

/* Free the live objects of a zombie that nobody owns. */
static void bury_span(struct gs_class *c, struct mspan *s)
{
	unsigned int i, n = s->nelems;

	for (i = 0; i < n; i++) {
		struct gs_entry e = { gs_span_object(s, i), &s->objects[i] };

		if (!gs_special_settle(s, i, _RET_IP_))
			continue;
		*e.state = GS_CACHED;
		kmemleak_free(e.object);
		gs_mcentral_put(c, &e, 1);
	}
}

static void bury_node(struct gs_class *c, int node)
{
	struct mcentral *mc = gs_class_central(c, node);
	struct mspan *s, *next;

	list_for_each_entry_safe(s, next, &mc->full, list)
		bury_span(c, s);
	list_for_each_entry_safe(s, next, &mc->partial, list)
		bury_span(c, s);
}

void gs_test_bury(struct kunit *test, const char *name)
{
	struct gs_class *c = gs_test_class(name);
	int node;

	KUNIT_ASSERT_NOT_NULL(test, c);
	KUNIT_ASSERT_TRUE(test, c->dead);
	for (node = 0; node < nr_node_ids; node++)
		bury_node(c, node);
	mutex_lock(&gs_class_mutex);
	list_del(&c->link);
	mutex_unlock(&gs_class_mutex);
	gs_class_exit(c);
}

void gs_test_exit(struct kunit *test)
{
	int i;

	for (i = 0; i < GS_NR_HOOKS; i++)
		gs_test_hook(i, NULL);
	GS_EXPECT_WHOLE(test);
	KUNIT_EXPECT_EQ_MSG(test, gs_report_count(), reports_wanted,
			    "reports that the case did not expect");
	gs_worker_arm();
}

void gs_test_whole(struct kunit *test, const char *file, int line)
{
	bool sums;
	int broken = gs_verify(&sums);

	KUNIT_EXPECT_EQ_MSG(test, broken, 0, "verify() at %s:%d",
			    kbasename(file), line);
	KUNIT_EXPECT_TRUE_MSG(test, sums || broken, "no sums at %s:%d",
			      kbasename(file), line);
}

unsigned long gs_test_held_pages(void)
{
	struct mheap_counts n = gs_mheap_counts();

	return n.drawn - n.released;
}

unsigned long gs_test_idle_pages(void)
{
	goslab_shrink();
	return gs_test_held_pages();
}

static bool nobody_has(unsigned long base, unsigned int npages)
{
	unsigned int page;

	for (page = 0; page < npages; page++)
		if (gs_arena_span((void *)(base + page * GS_PAGE_SIZE)))
			return false;
	return true;
}

/* See testlib.h. */
unsigned long gs_test_stretch(struct kunit *test, unsigned int before,
			      unsigned int npages)
{
	unsigned long limit = gs_radix.base + gs_radix.size, border, base;

	for (border = PAGE_OFFSET + GS_RUN_WINDOW; border < limit;
	     border += GS_RUN_WINDOW) {
		base = border - (before + 1UL) * GS_PAGE_SIZE;
		if (base + (npages + 2UL) * GS_PAGE_SIZE > limit)
			break;
		if (!nobody_has(base, npages + 2))
			continue;
		if (gs_arena_reserve((void *)base, (npages + 2UL) * GS_PAGE_SIZE,
				     GFP_KERNEL))
			return 0;
		return base + GS_PAGE_SIZE;
	}
	kunit_skip(test, "no such stretch of the direct map");
	return 0;
}

/* It is not wanted any more. */
void gs_test_stretch_end(unsigned long base, unsigned int npages)
{
	gs_arena_unreserve((void *)(base - GS_PAGE_SIZE), (npages + 2UL) * GS_PAGE_SIZE);
}

/* What the tables of the radix tree take: they come and go as pages do. */
static size_t table_bytes(void)
{
	size_t bytes = gs_radix.nr_groups * PAGE_ALIGN(sizeof(struct gs_group));
	unsigned long i;
	int node;

	gs_arena_for_each(i)
		bytes += PAGE_ALIGN(sizeof(struct heap_arena));
	for_each_node(node) {
		const struct gs_page_bits *bits = gs_mheaps[node].runs.bits;
		const struct gs_huge_blocks *huge = gs_mheaps[node].runs.huge;

		if (bits)
			bytes += (bits->groups.nr_chunks +
				  bits->windows.nr_chunks) * PAGE_SIZE;
		if (huge)
			bytes += (huge->groups.nr_chunks +
				  huge->windows.nr_chunks) * PAGE_SIZE;
	}
	return bytes;
}

/* See testlib.h. */
size_t gs_test_meta_but_tables(void)
{
	/* Those that nobody needs, or that wait for a grace period. */
	gs_trim_now();
	return gs_sys_meta() - table_bytes();
}

void gs_test_hook(enum gs_hook_point point, gs_hook_fn fn)
{
	WRITE_ONCE(gs_hooks[point], fn);
}

static void draw_hook(enum gs_hook_point point, void *arg)
{
	unsigned long nth;

	if (!in_task() || current != draws.task)
		return;
	nth = ++draws.seen;
	if (nth >= draws.first && nth - draws.first < draws.n)
		*(u64 *)arg = 0;
}

void gs_test_fail_draws(unsigned long first, unsigned long n)
{
	draws.task = current;
	draws.seen = 0;
	draws.first = first;
	draws.n = n;
	gs_test_hook(GS_HOOK_SYS_DRAW, draw_hook);
}

unsigned long gs_test_end_draws(void)
{
	gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
	return draws.seen;
}

struct gs_oracle *gs_oracle_make(struct kunit *test, unsigned int max)
{
	struct gs_oracle *o = kunit_kzalloc(test, sizeof(*o), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, o);
	o->at = kunit_kmalloc_array(test, max, sizeof(*o->at), GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, o->at);
	o->test = test;
	o->max = max;
	return o;
}

struct gs_live *gs_oracle_add(struct gs_oracle *o, void *p, size_t size,
			      bool fill)
{
	struct gs_live *new = &o->at[o->nr];
	unsigned int i, overlaps = 0;

	KUNIT_ASSERT_LT(o->test, o->nr, o->max);
	for (i = 0; i < o->nr; i++)
		overlaps += p < o->at[i].p + o->at[i].size &&
			    o->at[i].p < p + size;
	if (overlaps)
		KUNIT_FAIL(o->test, "%zu bytes overlap %u live objects", size,
			   overlaps);
	*new = (struct gs_live) {
		.p = p, .size = size, .seed = (unsigned long)p * 31 + size,
	};
	if (fill)
		gs_pattern_fill(p, size, new->seed);
	o->nr++;
	o->bytes += size;
	return new;
}

struct gs_live gs_oracle_remove(struct gs_oracle *o, unsigned int i,
				bool filled)
{
	struct gs_live was = o->at[i];

	if (filled && !gs_pattern_holds(was.p, was.size, was.seed))
		KUNIT_FAIL(o->test, "contents of %zu bytes changed", was.size);
	o->at[i] = o->at[--o->nr];
	o->bytes -= was.size;
	return was;
}

MODULE_DESCRIPTION("KUnit suites of goslab");
MODULE_LICENSE("GPL");
