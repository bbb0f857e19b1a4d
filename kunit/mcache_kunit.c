// SPDX-License-Identifier: GPL-2.0
/*
 * mcache_kunit: goslab_mcache: front/mcache.c and front/refill.c, what a CPU
 * holds.
 *
 * With a cache of their own, so that nobody else uses the slots; the case stays
 * on its CPU. Steps that others may get between are in race_kunit.c.
 */
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/nodemask.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "base/sys.h"
#include "base/worker.h"
#include "front/drain.h"
#include "front/mcache.h"
#include "middle/transfer.h"
#include "testlib.h"

#define NAME	"kunit-mcache"
#define SIZE	64
#define MANY	400

/**
 * struct held - a cache and objects of it.
 * @cache: the cache.
 * @c: its class.
 * @p: objects.
 */
struct held {
	struct goslab_cache *cache;
	struct gs_class *c;
	void *p[MANY];
};

static struct held *hold(struct kunit *test)
{
	struct held *h = kunit_kzalloc(test, sizeof(*h), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, h);
	h->cache = goslab_cache_create(NAME, SIZE, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, h->cache);
	h->c = gs_test_class(NAME);
	return h;
}

static void take(struct kunit *test, struct held *h, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		h->p[i] = goslab_cache_alloc(h->cache, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, h->p[i]);
	}
}

static void give(struct held *h, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		goslab_cache_free(h->cache, h->p[i]);
}

static struct mcache *here(void)
{
	return raw_cpu_ptr(&gs_mcache);
}

/* C1 of one slot, while its CPU runs this. */
static void check_slot(struct kunit *test, const struct gs_slot *slot)
{
	unsigned int i;

	KUNIT_EXPECT_LE(test, gs_slot_n(slot), gs_slot_cap(slot));
	KUNIT_EXPECT_LE(test, gs_slot_cap(slot),
			(unsigned int)slot->class->depth);
	for (i = 0; i < gs_slot_n(slot); i++)
		if (*slot->entry[i].state != GS_CACHED)
			KUNIT_FAIL(test, "entry %u is not cached", i);
	KUNIT_EXPECT_EQ(test, (int)slot->busy, 0);
}

/* A CPU has a slot from its first allocation on; a free makes none. */
static void slot_on_first_use(struct kunit *test)
{
	struct held *h = hold(test);
	int cpu, self = raw_smp_processor_id();

	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_PTR_EQ(test, *per_cpu_ptr(h->c->slots, cpu),
				    &gs_no_slot);
	take(test, h, 1);
	for_each_possible_cpu(cpu)
		KUNIT_EXPECT_EQ(test, *per_cpu_ptr(h->c->slots, cpu) !=
				&gs_no_slot, cpu == self);
	KUNIT_EXPECT_PTR_EQ(test, gs_test_slot(h->c)->class, h->c);
	KUNIT_EXPECT_EQ(test, gs_test_slot_allocs(gs_test_slot(h->c)), 1U);
	check_slot(test, gs_test_slot(h->c));
	give(h, 1);
	goslab_cache_destroy(h->cache);
}

static void give_one(void *arg)
{
	goslab_free(arg);
}

/* It may make a slot of what lies ready, but not draw for it. */
static void free_draws_nothing(struct kunit *test)
{
	int cpu = gs_test_other_cpu();
	struct gs_slot *slot;
	struct held *h;
	struct mspan *s;
	size_t meta;

	if (cpu < 0)
		kunit_skip(test, "needs two CPUs");
	h = hold(test);
	take(test, h, 1);
	s = gs_arena_span(h->p[0]);
	meta = gs_sys_meta();
	gs_test_on_other_cpu(give_one, h->p[0]);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
	/* In that slot, or back in its span, which this CPU owns. */
	slot = *per_cpu_ptr(h->c->slots, cpu);
	KUNIT_EXPECT_EQ(test, (int)s->owned, 1);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot) + s->nr_freed, 1U);
	goslab_cache_destroy(h->cache);
}

/* Frees fill the magazine, allocations empty it, last in, first out. */
static void magazine(struct kunit *test)
{
	struct held *h = hold(test);
	struct gs_slot *slot;
	unsigned int n, allocs;

	take(test, h, 4);
	slot = gs_test_slot(h->c);
	n = gs_slot_n(slot);
	KUNIT_ASSERT_LE(test, n + 4, gs_slot_cap(slot));
	give(h, 4);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n + 4);
	KUNIT_EXPECT_PTR_EQ(test, slot->entry[n + 3].object, h->p[3]);
	allocs = gs_test_slot_allocs(slot);
	KUNIT_EXPECT_PTR_EQ(test, goslab_cache_alloc(h->cache, GFP_KERNEL),
			    h->p[3]);
	KUNIT_EXPECT_PTR_EQ(test, goslab_cache_alloc(h->cache, GFP_KERNEL),
			    h->p[2]);
	KUNIT_EXPECT_EQ(test, gs_test_slot_allocs(slot), allocs + 2);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), n + 2);
	goslab_free(h->p[2]);
	goslab_free(h->p[3]);
	check_slot(test, slot);
	goslab_cache_destroy(h->cache);
}

/* A full magazine gives half of it to the spans and grows. */
static void flush(struct kunit *test)
{
	struct held *h = hold(test);
	struct gs_slot *slot;
	unsigned int i, cap, flushes;

	take(test, h, MANY);
	slot = gs_test_slot(h->c);
	for (i = 0; i < MANY && gs_slot_n(slot) < gs_slot_cap(slot); i++)
		goslab_cache_free(h->cache, h->p[i]);
	KUNIT_ASSERT_LT(test, i, (unsigned int)MANY);
	cap = gs_slot_cap(slot);
	flushes = slot->nr_flush;
	/* The oldest goes, this one stays. */
	goslab_cache_free(h->cache, h->p[i++]);
	KUNIT_EXPECT_EQ(test, slot->nr_flush, flushes + 1);
	KUNIT_EXPECT_EQ(test, gs_slot_n(slot), cap - gs_whole_rows((cap + 1) / 2) + 1);
	KUNIT_EXPECT_PTR_EQ(test, slot->top[-1].object, h->p[i - 1]);
	KUNIT_EXPECT_GE(test, gs_slot_cap(slot), cap);
	check_slot(test, slot);
	for (; i < MANY; i++) {
		goslab_cache_free(h->cache, h->p[i]);
		check_slot(test, slot);
	}
	/* It has all the room that it may have by now. */
	KUNIT_EXPECT_EQ(test, gs_slot_cap(slot), (unsigned int)h->c->depth);
	GS_EXPECT_WHOLE(test);
	goslab_cache_destroy(h->cache);
}

/* A refill leaves room for the frees to come. */
static void refill(struct kunit *test)
{
	struct held *h = hold(test);
	struct gs_slot *slot;
	unsigned int n = 0, refills;

	take(test, h, MANY);
	give(h, MANY);
	slot = gs_test_slot(h->c);
	while (gs_slot_n(slot))
		h->p[n++] = goslab_cache_alloc(h->cache, GFP_KERNEL);
	refills = slot->nr_refill;
	while (n < MANY && slot->nr_refill == refills)
		h->p[n++] = goslab_cache_alloc(h->cache, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, slot->nr_refill, refills + 1);
	KUNIT_EXPECT_LE(test, gs_slot_n(slot), gs_whole_rows(gs_slot_cap(slot) / 2 + 1));
	check_slot(test, slot);
	give(h, n);
	goslab_cache_destroy(h->cache);
}

static size_t parked(void)
{
	struct gs_slot *slot;
	size_t bytes = 0;

	list_for_each_entry(slot, &here()->slots, link)
		bytes += gs_slot_n(slot) * slot->class->elemsize;
	return bytes;
}

/* Sum of the room of all slots here, as C2 has it. */
static size_t room(const struct mcache *mcache)
{
	struct gs_slot *slot;
	size_t bytes = 0;

	list_for_each_entry(slot, &mcache->slots, link)
		bytes += (size_t)gs_slot_cap(slot) * slot->class->elemsize;
	return bytes;
}

static void forget_loans(void)
{
	int cpu;

	for_each_possible_cpu(cpu)
		gs_mcache_unlend(cpu);
}

/* Use many classes, so that their slots grow. Return: the most room that they had. */
static size_t grow_all(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int n, step;
	size_t most = 0;
	void *p[64];

	for (step = 0; step < 4000; step++) {
		size_t size = gs_rnd_log(&rnd, 64, 4096);

		for (n = 0; n < ARRAY_SIZE(p); n++)
			p[n] = goslab_malloc(size, GFP_KERNEL);
		for (n = 0; n < ARRAY_SIZE(p); n++)
			goslab_free(p[n]);
		most = max(most, here()->cap_bytes);
	}
	return most;
}

/* However much room the CPU has, a slot grows at once while it has little. */
static void little_room_grows(struct kunit *test)
{
	unsigned long was = gs_max_parked;
	struct gs_slot *slot;
	struct held *h;
	unsigned int i;

	gs_drain_all();
	forget_loans();
	gs_max_parked = 4 << 20;
	/* Beyond what all slots may grow to without chance. */
	KUNIT_ASSERT_GT(test, grow_all(test), 256UL << 10);
	h = hold(test);
	take(test, h, MANY);
	slot = gs_test_slot(h->c);
	for (i = 0; i < MANY && gs_slot_cap(slot) < h->c->depth; i++)
		goslab_cache_free(h->cache, h->p[i]);
	KUNIT_EXPECT_EQ(test, gs_slot_cap(slot), (unsigned int)h->c->depth);
	/* Three times, at refills or at flushes; by chance it would be every 32nd. */
	KUNIT_EXPECT_LE(test, slot->nr_refill + slot->nr_flush, 12U);
	while (i < MANY)
		goslab_cache_free(h->cache, h->p[i++]);
	goslab_cache_destroy(h->cache);
	gs_max_parked = was;
	gs_drain_all();
	GS_EXPECT_WHOLE(test);
}

/* Of the classes of malloc, of all nodes. */
static unsigned long central_locks(void)
{
	unsigned long n = 0;
	unsigned int spc;
	int node;

	for (spc = 2; spc < GS_NR_SPC; spc++)
		for (node = 0; node < nr_node_ids; node++)
			n += gs_class_central(&gs_classes[spc], node)->nr_lock;
	return n;
}

/* A busy CPU has what idle ones do not use, and no more than that. */
static void idle_cpus_lend(struct kunit *test)
{
	const size_t share = 64 << 10;
	unsigned long start, alone;
	size_t lent = num_online_cpus() > 1 ? num_online_cpus() * share / 2 : 0;
	unsigned long was = gs_max_parked;
	size_t most;

	gs_drain_all();
	forget_loans();
	gs_max_parked = share;
	start = central_locks();
	KUNIT_EXPECT_LE(test, grow_all(test), share);
	alone = central_locks() - start;

	gs_drain_all();
	gs_mcache_settle();
	KUNIT_EXPECT_EQ(test, gs_mcache_shares(), 0L);
	KUNIT_EXPECT_EQ(test, atomic_long_read(&here()->lent), lent ? share / 2 : 0L);
	start = central_locks();
	most = grow_all(test);
	if (lent)
		KUNIT_EXPECT_GT(test, most, share);
	kunit_info(test, "central locks: %lu with %zu bytes, %lu with %zu of %zu\n", alone,
		   share, central_locks() - start, most, share / 2 + max(lent, share / 2));
	KUNIT_EXPECT_LE(test, most, share / 2 + max(lent, share / 2));
	/* A tick does not take what is used, nor does it lend twice. */
	gs_mcache_settle();
	KUNIT_EXPECT_EQ(test, gs_mcache_shares(), 0L);
	KUNIT_EXPECT_LE(test, here()->cap_bytes + atomic_long_read(&here()->lent), share);
	GS_EXPECT_WHOLE(test);

	/* What it has no more use for goes back. */
	gs_drain_all();
	gs_mcache_settle();
	KUNIT_EXPECT_GE(test, atomic_long_read(&here()->lent), 0L);
	KUNIT_EXPECT_EQ(test, gs_mcache_shares(), 0L);
	gs_max_parked = was;
	forget_loans();
	GS_EXPECT_WHOLE(test);
}

/* Whatever happens, a CPU's room stays within the budget. */
static void budget(struct kunit *test)
{
	static const unsigned long budgets[] = { 0, 100, 4096, 65536, 262144 };
	unsigned long was = gs_max_parked;
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i, n, step;
	void *p[64];

	for (i = 0; i < ARRAY_SIZE(budgets); i++) {
		gs_drain_all();
		KUNIT_EXPECT_EQ(test, here()->cap_bytes, (size_t)0);
		gs_max_parked = budgets[i];
		gs_max_parked_set = true;
		for (step = 0; step < 500; step++) {
			size_t size = gs_rnd_log(&rnd, 1, GS_MAX_SMALL);

			for (n = 0; n < ARRAY_SIZE(p); n++)
				p[n] = goslab_malloc(size, GFP_KERNEL);
			for (n = 0; n < ARRAY_SIZE(p); n++)
				goslab_free(p[n]);
			if (here()->cap_bytes > gs_max_parked)
				KUNIT_FAIL(test, "room for %zu of %lu bytes",
					   here()->cap_bytes, gs_max_parked);
			if (parked() > gs_max_parked)
				KUNIT_FAIL(test, "parked %zu of %lu bytes",
					   parked(), gs_max_parked);
		}
		KUNIT_EXPECT_EQ(test, room(here()), here()->cap_bytes);
		GS_EXPECT_WHOLE(test);
	}
	gs_max_parked = was;
	gs_max_parked_set = false;
}

/* What another CPU frees. */
struct freed {
	void **p;
	unsigned int n;
};

static void free_all(void *arg)
{
	struct freed *f = arg;

	while (f->n)
		goslab_free(f->p[--f->n]);
}

/* Has the slot of @c on @cpu been made? */
static bool has_slot(const struct gs_class *c, int cpu)
{
	return READ_ONCE(*per_cpu_ptr(c->slots, cpu)) != &gs_no_slot;
}

/*
 * The first free may find no memory ready for a slot; those that come soon after,
 * not at the next tick only, have one.
 */
static void freeing_cpu_gets_a_slot(struct kunit *test)
{
	struct goslab_cache *cache;
	void *p[40];
	struct freed f;
	struct gs_slot *slot;
	int other = gs_test_other_cpu();
	unsigned int i;

	if (other < 0)
		kunit_skip(test, "needs two CPUs");
	cache = goslab_cache_create("freed_elsewhere", 600, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	/* A slot takes what is of its CPU's node. */
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_cache_alloc_node(cache, GFP_KERNEL,
					       cpu_to_mem(other));
	gs_worker_arm();
	for (i = 0; i < 10 && !has_slot(gs_test_class("freed_elsewhere"), other); i++) {
		f = (struct freed){ p + i, 1 };
		gs_test_on_other_cpu(free_all, &f);
		msleep(1);
	}
	gs_worker_pause();
	KUNIT_EXPECT_LT(test, i, 10U);
	f = (struct freed){ p + i, ARRAY_SIZE(p) - i };
	gs_test_on_other_cpu(free_all, &f);

	slot = *per_cpu_ptr(gs_test_class("freed_elsewhere")->slots, other);
	KUNIT_EXPECT_PTR_NE(test, slot, &gs_no_slot);
	KUNIT_EXPECT_GT(test, gs_slot_n(slot), 0U);
	goslab_cache_destroy(cache);
}

/* Room goes to the slots that use it now: others make way. */
static void room_moves(struct kunit *test)
{
	unsigned long was = gs_max_parked;
	unsigned int size, round, n;
	struct gs_slot *slot;
	void *p[64];

	gs_drain_all();
	gs_max_parked = 64 << 10;
	gs_max_parked_set = true;
	for (size = 64; size <= 4096; size *= 2) {
		for (round = 0; round < 60; round++) {
			for (n = 0; n < ARRAY_SIZE(p); n++)
				p[n] = goslab_malloc(size, GFP_KERNEL);
			for (n = 0; n < ARRAY_SIZE(p); n++)
				goslab_free(p[n]);
		}
	}
	/* The class in use has got some of what idle ones had. */
	slot = here()->slot[gs_spc(44, false)];
	KUNIT_EXPECT_EQ(test, slot->class->elemsize, 4096U);
	KUNIT_EXPECT_GE(test, gs_slot_cap(slot), 2U);
	KUNIT_EXPECT_LE(test, here()->cap_bytes, (size_t)gs_max_parked);
	gs_max_parked = was;
	gs_max_parked_set = false;
}

/*
 * Refill the magazine once, then flush it once. @n objects are held before. Return:
 * how many are then.
 */
static unsigned int swing(struct held *h, const struct gs_slot *slot, unsigned int n)
{
	u32 refills = slot->nr_refill, flushes = slot->nr_flush;

	while (n < MANY && slot->nr_refill == refills)
		h->p[n++] = goslab_cache_alloc(h->cache, GFP_KERNEL);
	while (n && slot->nr_flush == flushes)
		goslab_cache_free(h->cache, h->p[--n]);
	return n;
}

/* Slots of longer objects have all the room of this CPU, and are idle. */
static void use_room(void)
{
	unsigned int size, n;
	void *p[64];

	for (size = 512; size <= 2048; size *= 2) {
		for (n = 0; n < ARRAY_SIZE(p); n++)
			p[n] = goslab_malloc(size, GFP_KERNEL);
		for (n = 0; n < ARRAY_SIZE(p); n++)
			goslab_free(p[n]);
	}
	gs_max_parked = here()->cap_bytes;
	gs_max_parked_set = true;
}

/*
 * A slot that is too small gets the room of idle ones, in whatever rhythm it is
 * refilled and flushed: from a transfer cache and to it, without a lock.
 */
static void room_in_any_rhythm(struct kunit *test)
{
	unsigned long was = gs_max_parked;
	unsigned int rhythm, round, n;

	for (rhythm = 0; rhythm < 2; rhythm++) {
		struct held *h = hold(test);
		struct gs_slot *slot;

		gs_drain_all();
		take(test, h, 1);
		give(h, 1);
		slot = gs_test_slot(h->c);
		use_room();
		/* From here on the two go up in turns. */
		for (round = n = 0; round < 8; round++)
			n = swing(h, slot, n);
		slot->nr_refill = rhythm;
		slot->nr_flush = 0;
		/* The clock has to pass all slots of this CPU twice, four at a time. */
		for (round = 0; round < 50000 && gs_slot_cap(slot) < h->c->depth; round++)
			n = swing(h, slot, n);
		give(h, n);
		KUNIT_EXPECT_EQ(test, gs_slot_cap(slot), (unsigned int)h->c->depth);
		KUNIT_EXPECT_LE(test, here()->cap_bytes, (size_t)gs_max_parked);
		gs_max_parked = was;
		gs_max_parked_set = false;
		goslab_cache_destroy(h->cache);
	}
}

/* The longest span of malloc: of a class, or of one that takes longer ones. */
static size_t longest_span(void)
{
	unsigned int i, k, most = 0;

	for (i = 2; i < GS_NR_SPC; i++) {
		most = max_t(unsigned int, most, gs_classes[i].npages);
		for (k = 0; k < GS_NR_LONGER; k++)
			most = max_t(unsigned int, most, gs_classes[i].longer[k].npages);
	}
	return most * GS_PAGE_SIZE;
}

/* What a CPU owns is bounded, too, and all classes go on without. */
static void owned_spans(struct kunit *test)
{
	unsigned long was = gs_max_owned;
	static const unsigned long limits[] = { 0, 16 << 10, 128 << 10 };
	struct gs_rnd rnd = gs_rnd_start(test);
	size_t span = longest_span();
	long most = 0, now;
	unsigned int i, n;
	void *p[64] = { };

	/* C3: one span may pass the limit. */
	KUNIT_EXPECT_EQ(test, span, (size_t)SZ_64K + SZ_16K);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		gs_drain_all();
		KUNIT_EXPECT_EQ(test, atomic_long_read(&here()->owned), 0L);
		gs_max_owned = limits[i];
		for (n = 0; n < 20000; n++) {
			void **slot = &p[n % ARRAY_SIZE(p)];

			goslab_free(*slot);
			*slot = goslab_malloc(gs_rnd_log(&rnd, 16, GS_MAX_SMALL),
					      GFP_KERNEL);
			now = atomic_long_read(&here()->owned);
			most = max(most, now);
			if (now > gs_max_owned + span)
				break;
		}
		KUNIT_EXPECT_EQ_MSG(test, n, 20000U, "%ld of %lu bytes", now,
				    gs_max_owned);
		GS_EXPECT_WHOLE(test);
	}
	KUNIT_EXPECT_GT(test, most, 16L << 10);
	for (n = 0; n < ARRAY_SIZE(p); n++)
		goslab_free(p[n]);
	gs_max_owned = was;
}

/* A slot has half of the budget: two places, one, or none. */
static void room_for_large_objects(struct kunit *test)
{
	static const struct {
		size_t size;
		unsigned int cap;
	} large[] = { { 65536, 2 }, { 131072, 1 }, { 135168, 0 }, { 1 << 20, 0 } };
	struct goslab_cache *cache;
	const struct gs_slot *slot;
	unsigned long was = gs_max_parked;
	unsigned int i, n;

	gs_max_parked = 256 << 10;
	gs_max_parked_set = true;
	for (i = 0; i < ARRAY_SIZE(large); i++) {
		gs_drain_all();
		cache = goslab_cache_create("large", large[i].size, 0, 0, NULL);
		KUNIT_ASSERT_NOT_NULL(test, cache);
		for (n = 0; n < 20; n++)
			goslab_cache_free(cache, goslab_cache_alloc(cache,
								    GFP_KERNEL));
		slot = gs_test_slot(gs_test_class("large"));
		KUNIT_EXPECT_EQ_MSG(test, gs_slot_cap(slot), large[i].cap,
				    "objects of %zu", large[i].size);
		if (large[i].cap)
			KUNIT_EXPECT_LE(test, slot->nr_refill, 2U);
		KUNIT_EXPECT_LE(test, here()->cap_bytes, gs_max_parked / 2);
		goslab_cache_destroy(cache);
	}
	gs_max_parked = was;
	gs_max_parked_set = false;
}

static struct {
	struct goslab_cache *cache;
	struct task_struct *task;
	void *got[8];
	unsigned int n;
	u64 direct;
	unsigned int slot_n;
} inside;

/* As an interrupt that comes while the slot is entered. */
static void in_between(enum gs_hook_point point, void *arg)
{
	struct gs_slot *slot = arg;
	struct gs_class *c = slot->class;
	u64 before = atomic64_read(&c->nr_past);
	unsigned int i;

	if (current != inside.task)
		return;
	gs_test_hook(GS_HOOK_ENTERED, NULL);
	inside.slot_n = gs_slot_n(slot);
	local_bh_disable();
	for (i = 0; i < ARRAY_SIZE(inside.got); i++)
		inside.got[i] = goslab_cache_alloc(inside.cache, GFP_ATOMIC);
	for (i = 0; i < ARRAY_SIZE(inside.got); i += 2)
		goslab_free(inside.got[i]);
	local_bh_enable();
	inside.direct = atomic64_read(&c->nr_past) - before;
	inside.slot_n -= gs_slot_n(slot);
	inside.n++;
}

/* Who finds the slot busy goes to mcentral, both ways. */
static void busy_slot(struct kunit *test)
{
	struct held *h = hold(test);
	unsigned int i;

	take(test, h, 20);
	memset(&inside, 0, sizeof(inside));
	inside.cache = h->cache;
	inside.task = current;
	gs_test_hook(GS_HOOK_ENTERED, in_between);
	h->p[20] = goslab_cache_alloc(h->cache, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, inside.n, 1U);
	KUNIT_EXPECT_EQ(test, inside.direct, (u64)ARRAY_SIZE(inside.got));
	KUNIT_EXPECT_EQ(test, inside.slot_n, 0U);
	for (i = 0; i < ARRAY_SIZE(inside.got); i++) {
		KUNIT_ASSERT_NOT_NULL(test, inside.got[i]);
		KUNIT_EXPECT_PTR_NE(test, inside.got[i], h->p[20]);
	}
	GS_EXPECT_WHOLE(test);
	for (i = 1; i < ARRAY_SIZE(inside.got); i += 2)
		goslab_free(inside.got[i]);
	give(h, 21);
	check_slot(test, gs_test_slot(h->c));
	goslab_cache_destroy(h->cache);
}

/* An object on offer whose state was overwritten is left out, reported. */
static void overwritten(struct kunit *test)
{
	struct held *h = hold(test);
	struct gs_slot *slot;
	void *p;
	u8 *state;

	take(test, h, 4);
	give(h, 4);
	slot = gs_test_slot(h->c);
	state = slot->top[-1].state;
	*state = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
			  p = goslab_cache_alloc(h->cache, GFP_KERNEL));
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_PTR_NE(test, p, h->p[3]);
	goslab_free(p);
	/* It passes for live now, and can be freed. */
	goslab_free(h->p[3]);
	goslab_cache_destroy(h->cache);
}

#define REMOTE		400U	/* objects of another node */
#define REMOTE_FREE	30U	/* of them, freed here: less than a batch */

/* Objects of another node go from and to where its CPUs look, without its lock. */
static void objects_of_another_node(struct kunit *test)
{
	void **p = kunit_kcalloc(test, REMOTE, sizeof(*p), GFP_KERNEL), *bad;
	int node = first_online_node;
	unsigned long locks;
	struct mcentral *mc;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	if (nr_online_nodes == 1)
		kunit_skip(test, "one node");
	if (node == numa_mem_id())
		node = next_online_node(node);
	for (i = 0; i < REMOTE; i++) {
		p[i] = goslab_malloc_node(64, GFP_KERNEL | __GFP_THISNODE, node);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	}
	mc = gs_class_central(gs_arena_span(p[0])->class, node);
	gs_transfer_make(mc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mc->transfer);
	gs_transfer_empty(mc);
	locks = READ_ONCE(mc->nr_lock);
	for (i = 0; i < REMOTE_FREE; i++)
		goslab_free(p[i]);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(mc), REMOTE_FREE);
	for (i = 1; i < REMOTE_FREE; i++) {
		p[i] = goslab_malloc_node(64, GFP_KERNEL | __GFP_THISNODE, node);
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
	}
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(mc), 1U);
	KUNIT_EXPECT_EQ(test, READ_ONCE(mc->nr_lock), locks);
	/* One in a wrong state is left out: here, freed by two at the same moment. */
	*gs_test_state(p[0]) = GS_OWNER_MIN;
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_STATE, 1,
		bad = goslab_malloc_node(64, GFP_KERNEL | __GFP_THISNODE, node));
	KUNIT_EXPECT_PTR_NE(test, bad, p[0]);
	goslab_free(bad);
	for (i = 0; i < REMOTE; i++)
		goslab_free(p[i]);
	GS_EXPECT_WHOLE(test);
}

static struct kunit_case mcache_cases[] = {
	KUNIT_CASE(slot_on_first_use),
	KUNIT_CASE(free_draws_nothing),
	KUNIT_CASE(magazine),
	KUNIT_CASE(flush),
	KUNIT_CASE(refill),
	KUNIT_CASE(freeing_cpu_gets_a_slot),
	KUNIT_CASE(little_room_grows),
	KUNIT_CASE(idle_cpus_lend),
	KUNIT_CASE(budget),
	KUNIT_CASE(room_moves),
	KUNIT_CASE(room_in_any_rhythm),
	KUNIT_CASE(owned_spans),
	KUNIT_CASE(room_for_large_objects),
	KUNIT_CASE(objects_of_another_node),
	KUNIT_CASE(busy_slot),
	KUNIT_CASE(overwritten),
	{}
};

static struct kunit_suite mcache_suite = {
	.name = "goslab_mcache",
	GS_TEST_CASES_PINNED,
	.test_cases = mcache_cases,
};
kunit_test_suite(mcache_suite);
