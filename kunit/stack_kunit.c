// SPDX-License-Identifier: GPL-2.0
/*
 * stack_kunit: goslab_stack: api/stack.c, middle/stack.c: page stacks of all sizes,
 * what a CPU keeps of them, and each way to free the wrong thing.
 */
#include <linux/cpumask.h>
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "api/api.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/owner.h"
#include "front/drain.h"
#include "front/sample.h"
#include "middle/special.h"
#include "middle/stack.h"
#include "testfile.h"
#include "testlib.h"

#define NAME		"kunit-stack"
#define NR_ORDERS	10	/* up to GOSLAB_MAX_SIZE */
#define MANY		64
#define MOST_DRAWS	40

static size_t bytes(unsigned int order)
{
	return GOSLAB_STACK_MIN << order;
}

static struct gs_slot *slot_of(unsigned int order)
{
	return gs_test_slot(&gs_stack_classes[order]);
}

static void free_all(void **p, unsigned int n)
{
	while (n--)
		goslab_stack_free(p[n]);
}

static void alloc_all(struct kunit *test, size_t size, void **p, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		p[i] = goslab_stack_alloc(size, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
}

/* The right size, place, owner and span. */
static void described_as(struct kunit *test, void *p, unsigned int order)
{
	struct mspan *s = gs_arena_span(p);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_TRUE_MSG(test, IS_ALIGNED((unsigned long)p, bytes(order)),
			      "order %u", order);
	KUNIT_EXPECT_EQ(test, goslab_stack_size(p), bytes(order));
	KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
	KUNIT_EXPECT_EQ(test, (int)s->state, order < GS_STACK_ORDERS ?
			GS_SPAN_STACK : GS_SPAN_LARGE_STACK);
	/* Found from the last byte, too. */
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span(p + bytes(order) - 1), s);
	KUNIT_EXPECT_TRUE(test, goslab_check_object(p + 1, bytes(order) - 1));
}

/* All orders, with neighbours that spoil the alignment. */
static void aligned(struct kunit *test)
{
	unsigned int order, i;
	void *odd[4], *p[4];

	for (order = 0; order < NR_ORDERS; order++) {
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			odd[i] = goslab_malloc(40960, GFP_KERNEL);
			p[i] = goslab_stack_alloc(bytes(order), GFP_KERNEL);
			described_as(test, p[i], order);
		}
		GS_EXPECT_WHOLE(test);
		for (i = 0; i < ARRAY_SIZE(p); i++) {
			goslab_free(odd[i]);
			goslab_stack_free(p[i]);
		}
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Each size goes to the power of two above it; what is no size gives none. */
static void rounded(struct kunit *test)
{
	unsigned int order;
	void *p;

	for (order = 0; order < NR_ORDERS; order++) {
		p = goslab_stack_alloc(bytes(order) / 2 + 1, GFP_KERNEL);
		described_as(test, p, order);
		goslab_stack_free(p);
		p = goslab_stack_alloc(bytes(order) - 1, GFP_KERNEL);
		described_as(test, p, order);
		goslab_stack_free(p);
	}
	p = goslab_stack_alloc(0, GFP_KERNEL);
	described_as(test, p, 0);
	goslab_stack_free(p);
	KUNIT_EXPECT_NULL(test, goslab_stack_alloc(GOSLAB_MAX_SIZE + 1, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_stack_alloc(SIZE_MAX, GFP_KERNEL));
	KUNIT_EXPECT_EQ(test, goslab_stack_size(NULL), (size_t)0);
	goslab_stack_free(NULL);
}

/* Zeroed if asked for, whatever was there. */
static void zeroed(struct kunit *test)
{
	unsigned int order, round;

	for (order = 0; order < NR_ORDERS; order++) {
		for (round = 0; round < 3; round++) {
			u8 *p = goslab_stack_alloc(bytes(order),
						   GFP_KERNEL | __GFP_ZERO);

			KUNIT_ASSERT_NOT_NULL(test, p);
			KUNIT_EXPECT_NULL(test, memchr_inv(p, 0, bytes(order)));
			memset(p, 0xa5, bytes(order));
			goslab_stack_free(p);
		}
	}
}

/* Make the room of the slot as large as it gets; three of four in @live are freed. */
static struct gs_slot *grow(struct kunit *test, unsigned int order, void **live)
{
	struct gs_class *c = &gs_stack_classes[order];
	void *p[MANY / 2];
	unsigned int i, round;

	alloc_all(test, bytes(order), live, 2 * MANY);
	for (i = 0; i < 2 * MANY; i++) {
		if (i % 4) {
			goslab_stack_free(live[i]);
			live[i] = NULL;
		}
	}
	for (round = 0; round < 1000; round++) {
		alloc_all(test, bytes(order), p, ARRAY_SIZE(p));
		free_all(p, ARRAY_SIZE(p));
		if (gs_slot_cap(slot_of(order)) == c->depth)
			break;
	}
	KUNIT_ASSERT_EQ(test, gs_slot_cap(slot_of(order)), (unsigned int)c->depth);
	return slot_of(order);
}

/*
 * An empty magazine gets half of what it has room for where spans have as many, and no
 * more than five eighths. Return: the most that one got.
 */
static unsigned int refilled(struct kunit *test, unsigned int order, void **p)
{
	struct gs_slot *slot = slot_of(order);
	unsigned int i, was, most = 0;

	for (i = 0; i < MANY / 2; i++) {
		was = gs_slot_n(slot);
		alloc_all(test, bytes(order), p + i, 1);
		if (was)
			continue;
		KUNIT_EXPECT_LE(test, gs_slot_n(slot), gs_slot_cap(slot) * 5 / 8 + 1);
		most = max(most, gs_slot_n(slot));
	}
	return most;
}

/* A full magazine gives up half. */
static void flushed(struct kunit *test, unsigned int order, void **p)
{
	struct gs_slot *slot = slot_of(order);
	unsigned int cap = gs_slot_cap(slot), n = MANY / 2, was;

	while (n > 1 && gs_slot_n(slot) < cap)
		goslab_stack_free(p[--n]);
	KUNIT_ASSERT_EQ(test, gs_slot_n(slot), cap);
	was = slot->nr_flush;
	goslab_stack_free(p[--n]);
	KUNIT_EXPECT_EQ(test, slot->nr_flush, was + 1);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), cap - (cap + 1) / 2 + 1);
	free_all(p, n);
}

static void halves(struct kunit *test)
{
	void **live = kunit_kcalloc(test, 3 * MANY, sizeof(*live), GFP_KERNEL);
	void **p = live + 2 * MANY;
	unsigned int order, cap;

	KUNIT_ASSERT_NOT_NULL(test, live);
	for (order = 0; order < 4; order++) {
		cap = gs_slot_cap(grow(test, order, live));
		/* A span of large ones has no more. */
		KUNIT_EXPECT_GE(test, refilled(test, order, p) + 1,
				min_t(unsigned int, cap / 2, gs_stack_classes[order].nelems));
		flushed(test, order, p);
		free_all(live, 2 * MANY);
	}
}

/* However many are freed, a CPU keeps no more than its magazines have room for. */
static void bounded(struct kunit *test)
{
	const struct mcache *own = raw_cpu_ptr(&gs_mcache);
	unsigned int order, i;
	size_t kept, sum = 0;
	void *p[MANY];

	for (order = 0; order < GS_STACK_ORDERS; order++) {
		for (i = 0; i < 4; i++) {
			alloc_all(test, bytes(order), p, MANY);
			free_all(p, MANY);
		}
		kept = gs_slot_n(slot_of(order)) * bytes(order);
		KUNIT_EXPECT_LE(test, kept, max_t(size_t, SZ_256K, 15 * bytes(order)));
	}
	/* Of all sizes together, which give way to each other. */
	for (order = 0; order < GS_STACK_ORDERS; order++)
		sum += gs_slot_n(slot_of(order)) * bytes(order);
	KUNIT_EXPECT_LE(test, sum, own->cap_bytes);
	KUNIT_EXPECT_LE(test, own->cap_bytes + atomic_long_read(&own->lent), gs_max_parked);
	GS_EXPECT_WHOLE(test);
	/* What is not used for two looks is given up. */
	gs_drain_this_cpu(true);
	gs_drain_this_cpu(true);
	for (order = 0; order < GS_STACK_ORDERS; order++) {
		KUNIT_EXPECT_EQ(test, gs_slot_n(slot_of(order)), 0U);
		KUNIT_EXPECT_PTR_EQ(test, slot_of(order)->span, &gs_no_span);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void *shared[NR_ORDERS];

static void free_shared(void *unused)
{
	free_all(shared, NR_ORDERS);
}

static void alloc_shared(void *unused)
{
	unsigned int order;

	for (order = 0; order < NR_ORDERS; order++)
		shared[order] = goslab_stack_alloc(bytes(order), GFP_KERNEL);
}

/* Stacks of one CPU are freed on another, there and back. */
static void other_cpu(struct kunit *test)
{
	int cpu = gs_test_other_cpu(), round;
	unsigned int order;

	if (cpu < 0)
		kunit_skip(test, "needs two CPUs");
	for (round = 0; round < 50; round++) {
		alloc_shared(NULL);
		for (order = 0; order < NR_ORDERS; order++)
			described_as(test, shared[order], order);
		gs_test_on_other_cpu(free_shared, NULL);
		gs_test_on_other_cpu(alloc_shared, NULL);
		for (order = 0; order < NR_ORDERS; order++)
			described_as(test, shared[order], order);
		free_shared(NULL);
	}
	GS_EXPECT_WHOLE(test);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* The CPU is gone: what it kept goes back. Nothing of ours runs there meanwhile. */
static void dead_cpu(struct kunit *test)
{
	int cpu = gs_test_other_cpu();
	unsigned int order;

	if (cpu < 0)
		kunit_skip(test, "needs two CPUs");
	gs_test_on_other_cpu(alloc_shared, NULL);
	gs_test_on_other_cpu(free_shared, NULL);
	for (order = 0; order < GS_STACK_ORDERS; order++)
		KUNIT_EXPECT_GT(test, gs_slot_n(*per_cpu_ptr(&gs_mcache.stack[order],
							     cpu)), 0U);
	gs_drain_dead(cpu);
	for (order = 0; order < GS_STACK_ORDERS; order++)
		KUNIT_EXPECT_EQ(test, gs_slot_cap(*per_cpu_ptr(&gs_mcache.stack[order],
							       cpu)), 0U);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* From the node asked for, on that node's lists again after a free. */
static void nodes(struct kunit *test)
{
	unsigned int order;
	void *p;
	int node;

	for_each_online_node(node) {
		for (order = 0; order < NR_ORDERS; order++) {
			p = goslab_stack_alloc_node(bytes(order), GFP_KERNEL, node);
			described_as(test, p, order);
			if (node_state(node, N_NORMAL_MEMORY))
				KUNIT_EXPECT_EQ(test, (int)gs_arena_span(p)->node, node);
			goslab_stack_free(p);
		}
	}
	p = goslab_stack_alloc_node(SZ_16K, GFP_KERNEL, NUMA_NO_NODE);
	described_as(test, p, 1);
	goslab_stack_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_NODE, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_stack_alloc_node(SZ_16K, GFP_KERNEL,
								    MAX_NUMNODES)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test,
					    goslab_stack_alloc(SZ_16K,
							       GFP_KERNEL | GFP_DMA)));
}

static void not_a_stack(struct kunit *test, enum gs_report_kind kind, const void *p)
{
	GS_EXPECT_REPORTS(test, kind, 1, goslab_stack_free(p));
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_stack_size(p), (size_t)0));
}

/* A stack is freed by its own call only, once, from its start. */
static void misused(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 8192, 0, 0, NULL);
	unsigned int order;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (order = 0; order < NR_ORDERS; order++) {
		p = goslab_stack_alloc(bytes(order), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		not_a_stack(test, GS_BUG_INTERIOR_FREE, p + 8);
		not_a_stack(test, GS_BUG_INTERIOR_FREE, p + bytes(order) - 8);
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CALL, 1, goslab_free(p));
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CALL, 1, goslab_free_nolock(p));
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CALL, 1, __goslab_free_rcu(p, p));
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CALL, 1, goslab_free_bulk(1, &p));
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CACHE, 1,
				  goslab_cache_free(cache, p));
		GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1, goslab_free(p + 8));
		GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
				  KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)0));
		GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
				  KUNIT_EXPECT_NULL(test, goslab_realloc(p, 64, GFP_KERNEL)));
		/* Nothing of this has changed it. */
		described_as(test, p, order);
		goslab_stack_free(p);
		not_a_stack(test, GS_BUG_DOUBLE_FREE, p);
		goslab_shrink();
		not_a_stack(test, GS_BUG_FOREIGN_FREE, p);
	}
	goslab_cache_destroy(cache);
}

/* Objects, and what is no memory of ours, are no stacks. */
static void foreign(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 8192, 0, 0, NULL);
	void *object[] = {
		goslab_malloc(8192, GFP_KERNEL), goslab_malloc(64, GFP_KERNEL),
		goslab_malloc(100000, GFP_KERNEL), goslab_malloc_noscan(3, GFP_KERNEL),
	};
	void *own = goslab_cache_alloc(cache, GFP_KERNEL);
	void *slab = kmalloc(8192, GFP_KERNEL), *virt = vmalloc(16384);
	unsigned long page = __get_free_pages(GFP_KERNEL, 1);
	void *const other[] = {
		slab, virt, virt + 8192, (void *)page, &page, (void *)foreign,
		gs_arena_span(own), (void *)17, (void *)0xdead000000000100,
		(void *)0xffff800000000000, (void *)-8192,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(object); i++)
		not_a_stack(test, GS_BUG_WRONG_CALL, object[i]);
	not_a_stack(test, GS_BUG_WRONG_CALL, own);
	for (i = 0; i < ARRAY_SIZE(other); i++)
		not_a_stack(test, GS_BUG_FOREIGN_FREE, other[i]);
	for (i = 0; i < ARRAY_SIZE(object); i++)
		goslab_free(object[i]);
	goslab_cache_free(cache, own);
	goslab_cache_destroy(cache);
	free_pages(page, 1);
	vfree(virt);
	kfree(slab);
}

/* An interrupt that comes while the slot is entered gets a stack all the same. */
static struct {
	struct task_struct *task;
	unsigned int times;
	void *p;
	size_t size;
} nest;

static void step_in(enum gs_hook_point point, void *arg)
{
	if (current != nest.task || nest.times)
		return;
	nest.times++;
	local_bh_disable();
	goslab_stack_free(goslab_stack_alloc(nest.size, GFP_ATOMIC));
	nest.p = goslab_stack_alloc(nest.size, GFP_ATOMIC);
	local_bh_enable();
}

static void nested(struct kunit *test)
{
	unsigned int order;
	void *p;

	for (order = 0; order < GS_STACK_ORDERS; order++) {
		goslab_stack_free(goslab_stack_alloc(bytes(order), GFP_KERNEL));
		nest.task = current;
		nest.times = 0;
		nest.size = bytes(order);
		gs_test_hook(GS_HOOK_ENTERED, step_in);
		p = goslab_stack_alloc(bytes(order), GFP_KERNEL);
		gs_test_hook(GS_HOOK_ENTERED, NULL);
		KUNIT_EXPECT_EQ(test, nest.times, 1U);
		described_as(test, p, order);
		described_as(test, nest.p, order);
		KUNIT_EXPECT_PTR_NE(test, p, nest.p);
		goslab_stack_free(p);
		goslab_stack_free(nest.p);
	}
}

/* Each sampled: records go with the stacks, and misuse is found as ever. */
static void sampled(struct kunit *test)
{
	unsigned long rate = gs_sample_rate;
	unsigned int order;
	void *p[NR_ORDERS];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	for (order = 0; order < NR_ORDERS; order++) {
		p[order] = goslab_stack_alloc(bytes(order), GFP_KERNEL);
		described_as(test, p[order], order);
		KUNIT_EXPECT_EQ(test, *gs_test_state(p[order]), GS_SPECIAL);
		GS_EXPECT_REPORTS(test, GS_BUG_WRONG_CALL, 1, goslab_free(p[order]));
	}
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), NR_ORDERS + 0UL);
	for (order = 0; order < NR_ORDERS; order++) {
		goslab_stack_free(p[order]);
		GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1,
				  goslab_stack_free(p[order]));
	}
	KUNIT_EXPECT_EQ(test, gs_special_nr(GS_SPECIAL_SAMPLE), 0UL);
	KUNIT_EXPECT_EQ(test, gs_sample_set_rate(rate), 0);
}

/* What the files say of stacks, large ones included. */
static void counted(struct kunit *test)
{
	char *before = gs_test_read(test, "stats"), *after;
	void *p[NR_ORDERS];
	unsigned int order;
	u64 sum = 0;

	for (order = 0; order < NR_ORDERS; order++) {
		p[order] = goslab_stack_alloc(bytes(order), GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[order]);
		sum += bytes(order);
	}
	after = gs_test_read(test, "stats");
	KUNIT_EXPECT_EQ(test, gs_test_value(test, after, "stacks_live"),
			gs_test_value(test, before, "stacks_live") + NR_ORDERS);
	KUNIT_EXPECT_GE(test, gs_test_value(test, after, "bytes_stacks"), sum);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "classes"), "stk5"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "caches"), "stack-65536"));
	KUNIT_EXPECT_GE(test, gs_test_value(test, gs_test_read(test, "memstats"),
					    "StackInuse"), sum);
	free_all(p, NR_ORDERS);
}

/* One try with failing draws. Return: draws that it made. */
static unsigned long attempt(struct kunit *test, unsigned int order, gfp_t gfp,
			     unsigned long first, unsigned long n)
{
	unsigned long seen;
	void *p;

	gs_drain_this_cpu(false);
	gs_mheap_release(ULONG_MAX);
	gs_test_fail_draws(first, n);
	p = goslab_stack_alloc(bytes(order), gfp);
	seen = gs_test_end_draws();
	if (p)
		described_as(test, p, order);
	else if (seen < first)
		KUNIT_FAIL(test, "order %u: NULL although no draw failed", order);
	goslab_stack_free(p);
	return seen;
}

/* The n-th draw fails, or all from there: a stack, aligned, or NULL. */
static void fails(struct kunit *test)
{
	static const gfp_t gfps[] = { GFP_KERNEL, GFP_ATOMIC, GFP_NOWAIT | __GFP_NOWARN };
	unsigned int order, i;
	unsigned long first;

	for (order = 0; order < NR_ORDERS; order++) {
		for (i = 0; i < ARRAY_SIZE(gfps); i++) {
			first = 1;
			while (attempt(test, order, gfps[i], first, 1) >= first &&
			       attempt(test, order, gfps[i], first, ULONG_MAX) >= first) {
				first++;
				KUNIT_ASSERT_LE(test, first, MOST_DRAWS + 0UL);
			}
		}
		GS_EXPECT_WHOLE(test);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* All sizes at random beside objects, whose spans lie between theirs. */
static void walk(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 96);
	unsigned int step, steps = GS_TEST_STEPS / 20;

	for (step = 0; step < steps; step++) {
		if (o->nr < 96 && gs_rnd_below(&rnd, 2)) {
			bool stack = gs_rnd_below(&rnd, 4);
			size_t size = gs_rnd_log(&rnd, 4096, SZ_512K);
			void *p = stack ? goslab_stack_alloc(size, GFP_KERNEL) :
					  goslab_malloc(size, GFP_KERNEL);

			KUNIT_ASSERT_NOT_NULL(test, p);
			if (stack && !IS_ALIGNED((unsigned long)p, goslab_stack_size(p)))
				KUNIT_FAIL(test, "%zu: not aligned", size);
			gs_oracle_add(o, p, stack ? goslab_stack_size(p) : size,
				      true)->tag = stack;
		} else if (o->nr) {
			unsigned int i = gs_rnd_below(&rnd, o->nr);
			struct gs_live was = gs_oracle_remove(o, i, true);

			if (was.tag)
				goslab_stack_free(was.p);
			else
				goslab_free(was.p);
		}
		if (step % GS_TEST_VERIFY_EACH == 0)
			GS_EXPECT_WHOLE(test);
	}
	while (o->nr) {
		struct gs_live was = gs_oracle_remove(o, 0, true);

		if (was.tag)
			goslab_stack_free(was.p);
		else
			goslab_free(was.p);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static struct kunit_case stack_cases[] = {
	KUNIT_CASE(aligned),
	KUNIT_CASE(rounded),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(halves),
	KUNIT_CASE(bounded),
	KUNIT_CASE(other_cpu),
	KUNIT_CASE(dead_cpu),
	KUNIT_CASE(nodes),
	KUNIT_CASE(misused),
	KUNIT_CASE(foreign),
	KUNIT_CASE(nested),
	KUNIT_CASE(sampled),
	KUNIT_CASE(counted),
	KUNIT_CASE(fails),
	KUNIT_CASE(walk),
	{}
};

static struct kunit_suite stack_suite = {
	.name = "goslab_stack",
	GS_TEST_CASES_PINNED,
	.test_cases = stack_cases,
};
kunit_test_suite(stack_suite);
