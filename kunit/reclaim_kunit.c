// SPDX-License-Identifier: GPL-2.0
/*
 * reclaim_kunit: goslab_reclaim: api/reclaim.c, back/scavenger.c and the
 * worker: who gives memory back, how much, how soon, at what price.
 *
 * The worker runs as it does for users. Some cases wait for it: seconds.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/goslab.h>
#include <linux/jiffies.h>

#include "back/mheap.h"
#include "base/sys.h"
#include "base/worker.h"
#include "testlib.h"

#define MIB	(1UL << 20)
/*
 * A tick has 10 ms for the give-back, also where that is 30 times slower: some
 * of the burst is all that goes there.
 */
#define BURST	(GS_TEST_SLOW ? 6 * MIB : 24 * MIB)

/* Objects of all sizes, @bytes at least, in the oracle. */
static void alloc_bytes(struct kunit *test, struct gs_oracle *o,
			struct gs_rnd *rnd, size_t bytes, size_t largest)
{
	while (o->bytes < bytes) {
		size_t size = gs_rnd_log(rnd, 64, largest);
		void *p = goslab_malloc(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		gs_oracle_add(o, p, size, true);
	}
}

static void free_down_to(struct gs_oracle *o, struct gs_rnd *rnd, size_t bytes)
{
	while (o->nr && o->bytes > bytes)
		goslab_free(gs_oracle_remove(o, gs_rnd_below(rnd, o->nr),
					     true).p);
}

static void shrink_gives_everything_back(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 4096);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned long idle;
	struct goslab_usage now;
	size_t got;

	gs_worker_pause();
	idle = gs_test_idle_pages();
	alloc_bytes(test, o, &rnd, 8 * MIB, 256 << 10);
	free_down_to(o, &rnd, 0);
	goslab_usage(&now, NULL);
	KUNIT_EXPECT_GT(test, now.spans + now.free_runs, 8 * MIB);
	got = goslab_shrink();
	KUNIT_EXPECT_EQ(test, got, now.spans + now.free_runs -
				   idle * GS_PAGE_SIZE);
	goslab_usage(&now, NULL);
	KUNIT_EXPECT_EQ(test, now.spans, idle * GS_PAGE_SIZE);
	KUNIT_EXPECT_EQ(test, now.free_runs, 0);
	KUNIT_EXPECT_EQ(test, now.parked, 0);
	KUNIT_EXPECT_EQ(test, now.held, now.spans + now.metadata);
	KUNIT_EXPECT_EQ(test, goslab_shrink(), 0);
}

/* What lies in slots keeps its spans: these go, and nothing else does. */
static void cache_shrink_gives_what_it_drains(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("kunit-reclaim", 1000,
							 0, 0, NULL);
	struct gs_oracle *o = gs_oracle_make(test, 400);
	unsigned long in_spans;
	size_t got;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	gs_worker_pause();
	while (o->nr < o->max)
		gs_oracle_add(o, goslab_cache_alloc(cache, GFP_KERNEL), 1000,
			      true);
	while (o->nr)
		goslab_cache_free(cache, gs_oracle_remove(o, o->nr - 1, true).p);
	in_spans = gs_mheap_counts().in_spans;
	got = goslab_cache_shrink(cache);
	KUNIT_EXPECT_GT(test, got, 0);
	/* A page of the kernel goes when all that it holds is free. */
	in_spans = (in_spans - gs_mheap_counts().in_spans) * GS_PAGE_SIZE;
	KUNIT_EXPECT_LT(test, got, in_spans + GS_UNIT_SIZE);
	KUNIT_EXPECT_GT(test, got + GS_UNIT_SIZE, in_spans);
	goslab_cache_destroy(cache);
}

static void shrink_keeps_what_is_live(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 4096);
	struct gs_rnd rnd = gs_rnd_start(test);
	int round;

	for (round = 0; round < 8; round++) {
		alloc_bytes(test, o, &rnd, 4 * MIB, 64 << 10);
		free_down_to(o, &rnd, MIB);
		goslab_shrink();
		KUNIT_EXPECT_EQ(test, gs_mheap_verify(), 0);
	}
	free_down_to(o, &rnd, 0);	/* looks at all contents */
}

static struct goslab_usage usage(void)
{
	struct goslab_usage now;

	goslab_usage(&now, NULL);
	return now;
}

/*
 * Milliseconds until no more than @bytes are held; ten ticks at most, which are ten
 * seconds. On a busy machine they come late.
 */
static unsigned int wait_until_held(size_t bytes)
{
	unsigned long start = jiffies, ticks = gs_worker_ticks();

	while (usage().held > bytes && gs_worker_ticks() - ticks < 10 &&
	       time_before(jiffies, start + 60 * HZ))
		msleep(100);
	return jiffies_to_msecs(jiffies - start);
}

static void a_burst_goes_back_within_ten_seconds(struct kunit *test)
{
	struct gs_oracle *live = gs_oracle_make(test, 4096);
	struct gs_oracle *o = gs_oracle_make(test, 4096);
	struct gs_rnd rnd = gs_rnd_start(test);
	/* Other suites left descriptors, which stay what they are. */
	size_t goal = usage().metadata;
	struct goslab_usage now;
	unsigned long busy;
	unsigned int ms;

	alloc_bytes(test, live, &rnd, 2 * MIB, 128 << 10);
	alloc_bytes(test, o, &rnd, BURST, 128 << 10);
	free_down_to(o, &rnd, 0);
	/* Objects that are rounded up to cache lines take a little more. */
	goal += live->bytes + live->bytes / (__GOSLAB_SIZES_FOLD ? 10 : 8) + MIB;
	if (GS_TEST_SLOW)
		goal = usage().held - MIB;
	KUNIT_EXPECT_GT(test, usage().held, BURST);
	busy = gs_worker_busy_us();
	ms = wait_until_held(goal);
	busy = gs_worker_busy_us() - busy;
	now = usage();
	kunit_info(test, "%zu bytes live; after %u ms %zu held: spans %zu, free %zu, metadata %zu; worker %lu us\n",
		   live->bytes, ms, now.held, now.spans, now.free_runs,
		   now.metadata, busy);
	KUNIT_EXPECT_LE(test, now.held, goal);
	/* Of one CPU; checkers make the work longer, not the clock. */
	if (!GS_TEST_SLOW)
		KUNIT_EXPECT_LT(test, busy, 10UL * ms);
	free_down_to(live, &rnd, 0);
}

static void a_square_wave_does_not_flap(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 4096);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned long drawn = 0, released = 0;
	/*
	 * Next fit goes on where it was, and leaves other holes in each period: 8 to 128
	 * pages in 30 runs, where segregated fit drew 8 to 48. Whoever flaps draws
	 * thousands.
	 */
	unsigned long most = gs_mheaps[0].runs.fit == &gs_fit_next ? 256 : 128;
	int period;

	/* What is parked stays with its CPU for a tick or two. */
	KUNIT_ASSERT_EQ(test, set_cpus_allowed_ptr(current,
			cpumask_of(raw_smp_processor_id())), 0);
	for (period = 0; period < 5; period++) {
		struct gs_rnd same = rnd;	/* each period as the last */

		alloc_bytes(test, o, &same, 8 * MIB, 64 << 10);
		msleep(500);
		free_down_to(o, &same, 0);
		msleep(500);
		if (period == 1) {
			drawn = gs_mheap_counts().drawn;
			released = gs_mheap_counts().released;
		}
	}
	kunit_info(test, "%lu pages drawn in 3 periods of 1024, %lu released\n",
		   gs_mheap_counts().drawn - drawn, gs_mheap_counts().released - released);
	KUNIT_EXPECT_LE(test, gs_mheap_counts().drawn - drawn, most);
	KUNIT_EXPECT_LE(test, gs_mheap_counts().released - released, 2 * most);
}

static void the_worker_sleeps_when_all_is_done(struct kunit *test)
{
	unsigned long start;

	goslab_free(goslab_malloc(100000, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(gs_worker_armed));
	goslab_shrink();
	start = jiffies;
	while (READ_ONCE(gs_worker_armed) &&
	       time_before(jiffies, start + 10 * HZ))
		msleep(100);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(gs_worker_armed));
	KUNIT_EXPECT_LT(test, gs_mheap_free_pages(), 2 * GS_RESERVE_PAGES);

	/* And the next one who draws wakes it. */
	goslab_free(goslab_malloc(100000, GFP_KERNEL));
	KUNIT_EXPECT_TRUE(test, READ_ONCE(gs_worker_armed));
}

static atomic_t nr_walks;
static unsigned int nr_cpus;	/* that the last walk might run on */

static void count_walk(enum gs_hook_point point, void *arg)
{
	nr_cpus = current->nr_cpus_allowed;
	atomic_inc(&nr_walks);
}

/*
 * The first tick after a new peak sums up what is parked then. It is bound to no CPU: an
 * isolated one that wakes the worker does not have it from then on.
 */
static void a_tick_completes_the_peak(struct kunit *test)
{
	unsigned long start = jiffies;
	void *p;

	goslab_shrink();
	goslab_usage_reset_peak();
	atomic_set(&nr_walks, 0);
	gs_test_hook(GS_HOOK_PARKED_WALK, count_walk);
	p = goslab_malloc(2 * MIB, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	while (!atomic_read(&nr_walks) && time_before(jiffies, start + 10 * HZ))
		msleep(100);
	gs_test_hook(GS_HOOK_PARKED_WALK, NULL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_walks), 1);
	KUNIT_EXPECT_GE(test, nr_cpus, min(num_online_cpus(), 2U));
	goslab_free(p);
}

/* The kernel's reclaim of everything that shrinkers have. */
static bool ask_kernel(void)
{
	struct file *f = filp_open("/proc/sys/vm/drop_caches", O_WRONLY, 0);
	loff_t pos = 0;
	bool ok;

	if (IS_ERR(f))
		return false;
	ok = kernel_write(f, "2\n", 2, &pos) == 2;
	filp_close(f, NULL);
	return ok;
}

static void the_kernel_reclaims_free_runs(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 4096);
	struct gs_rnd rnd = gs_rnd_start(test);
	struct goslab_usage now;
	unsigned long start = jiffies, free, released;
	bool first = true;

	gs_worker_pause();
	/* More than the CPU parks. */
	alloc_bytes(test, o, &rnd, 12 * MIB, 64 << 10);
	free_down_to(o, &rnd, 0);
	KUNIT_EXPECT_GT(test, gs_mheap_free_pages(), 128);
	free = gs_mheap_free_pages();
	released = gs_mheap_counts().released;
	/* Free runs at once; what CPUs park is asked for, and comes later. */
	do {
		if (!ask_kernel())
			kunit_skip(test, "no /proc/sys/vm/drop_caches");
		/*
		 * All but the rest that is too short for reclaim's batch of 128
		 * of the kernel's pages. With KCSAN a CPU may be stopped while it has the
		 * lock.
		 */
		if (first && !IS_ENABLED(CONFIG_KCSAN))
			KUNIT_EXPECT_GE(test, gs_mheap_counts().released - released +
					128 * GS_UNIT_PAGES, free);
		first = false;
		goslab_usage(&now, NULL);
		if (!now.parked && !now.free_runs)
			break;
		msleep(20);
	} while (time_before(jiffies, start + 10 * HZ));
	KUNIT_EXPECT_EQ(test, now.parked, 0);
	KUNIT_EXPECT_EQ(test, now.free_runs, 0);
}

static struct kunit_case reclaim_cases[] = {
	KUNIT_CASE(shrink_gives_everything_back),
	KUNIT_CASE(cache_shrink_gives_what_it_drains),
	KUNIT_CASE(shrink_keeps_what_is_live),
	KUNIT_CASE(a_burst_goes_back_within_ten_seconds),
	KUNIT_CASE(a_square_wave_does_not_flap),
	KUNIT_CASE(the_worker_sleeps_when_all_is_done),
	KUNIT_CASE(a_tick_completes_the_peak),
	KUNIT_CASE(the_kernel_reclaims_free_runs),
	{}
};

static struct kunit_suite reclaim_suite = {
	.name = "goslab_reclaim",
	GS_TEST_CASES_WORKER,
	.test_cases = reclaim_cases,
};
kunit_test_suite(reclaim_suite);
