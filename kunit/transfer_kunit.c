// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_kunit: goslab_transfer, goslab_transfer_domains: middle/transfer.c,
 * batches between mcaches.
 *
 * The class is the suite's own and on no list, without slots: 64-byte objects,
 * enough spans for a transfer cache of some batches. The cases are its mcaches.
 */
#include "transfer_test.h"

#include <linux/slab.h>
#include <linux/topology.h>

#include "back/mheap.h"
#include "base/sys.h"

#define SIZE	GS_TT_SIZE
/* Batches of one domain. */
#define BATCHES	((unsigned int)gs_tt.mc->nr_batches)

struct gs_transfer_test gs_tt;

static unsigned int cpus_were;

static int take_all(void)
{
	unsigned int span;

	for (span = 0; span < GS_TT_SPANS; span++) {
		struct mspan *s = gs_class_new_span(&gs_tt.class, numa_mem_id(),
						    GFP_KERNEL, false);

		if (!s)
			return -ENOMEM;
		gs_tt.nr_all += gs_mcentral_add(gs_tt.mc, s,
						gs_tt.all + gs_tt.nr_all, 1);
		gs_mcentral_put_span(s);
		gs_tt.nr_all += gs_mcentral_get(gs_tt.mc, NULL,
						gs_tt.all + gs_tt.nr_all,
						GS_BATCH_MAX, NULL);
	}
	while (gs_mcentral_get(gs_tt.mc, NULL, gs_tt.all + gs_tt.nr_all, 1, NULL))
		gs_tt.nr_all++;
	return 0;
}

/* The class, all its objects in the hands of the case; transfer caches of @domains. */
int gs_tt_init(struct kunit *test, unsigned int domains)
{
	unsigned int was = gs_transfer_domains;
	int ret = gs_test_init(test);

	/* One CPU passes nothing on, but the code is the same. */
	cpus_were = gs_transfer_cpus;
	gs_transfer_cpus = max(cpus_were, 2U);

	gs_tt.nr_all = 0;
	gs_tt.class = (struct gs_class){ .name = "transfer" };
	gs_transfer_domains = domains;
	ret = ret ?: gs_class_init(&gs_tt.class, SIZE, 8);
	gs_transfer_domains = was;
	gs_tt.mc = ret ? NULL : gs_class_central(&gs_tt.class, numa_mem_id());
	gs_tt.all = kvcalloc(GS_TT_SPANS * GS_PAGE_SIZE / SIZE,
			     sizeof(*gs_tt.all), GFP_KERNEL);
	if (!gs_tt.all)
		ret = -ENOMEM;
	return ret ?: take_all();
}

/* What a case has left in @all goes back; nothing stays anywhere else. */
void gs_tt_exit(struct kunit *test)
{
	if (gs_tt.mc) {
		gs_transfer_empty(gs_tt.mc);
		gs_mcentral_put(&gs_tt.class, gs_tt.all, gs_tt.nr_all);
		KUNIT_EXPECT_EQ(test, gs_tt.mc->nr_spans, 0);
		KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
		gs_class_exit(&gs_tt.class);
	}
	kvfree(gs_tt.all);
	gs_transfer_cpus = cpus_were;
	gs_test_exit(test);
}

static int transfer_init(struct kunit *test)
{
	return gs_tt_init(test, 1);
}

static unsigned int cached_of(const struct gs_entry *e, unsigned int n)
{
	unsigned int cached = 0;

	while (n--)
		cached += *(e++)->state == GS_CACHED;
	return cached;
}

/* Flush the last @n of @all. */
static void flush(unsigned int n)
{
	gs_tt.nr_all -= n;
	gs_transfer_flush(gs_tt.mc, gs_tt.all + gs_tt.nr_all, n);
}

static void without_one_objects_go_to_spans(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, gs_tt.mc->transfer);
	flush(20);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0);
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + gs_tt.nr_all, 20), 0);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

static void a_batch_comes_back_as_it_went(struct kunit *test)
{
	struct gs_entry e[20];
	size_t parked = gs_transfer_parked();
	unsigned int i;

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, gs_tt.mc->transfer);
	flush(20);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 20);
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + gs_tt.nr_all, 20), 20);
	KUNIT_EXPECT_EQ(test, gs_transfer_parked(), parked + 20 * SIZE);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);

	KUNIT_EXPECT_EQ(test, gs_mcentral_get(gs_tt.mc, NULL, e, 20, NULL), 20);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_PTR_EQ(test, e[i].object,
				    gs_tt.all[gs_tt.nr_all + i].object);
	KUNIT_EXPECT_EQ(test, gs_transfer_parked(), parked);
	gs_tt.nr_all += 20;
}

static void one_draw_makes_it_or_none(struct kunit *test)
{
	/* Only whole pages are drawn each time: here there are two domains. */
	gs_test_fail_draws(1, 1);
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	gs_test_end_draws();
	KUNIT_EXPECT_NULL(test, gs_tt.mc->transfer);
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, gs_tt.mc->transfer);
	/* Whoever comes second gives the page back. */
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
}

static void what_does_not_fit_goes_to_spans(struct kunit *test)
{
	unsigned int most = gs_tt.class.transfer, i;

	/* 20 objects fit, or none of them goes there. Two times 20 are no batch. */
	most = min(most - most % 20, 20U * BATCHES);
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	for (i = 0; i < most + 100; i += 20) {
		flush(20);
		KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), min(i + 20, most));
	}
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + gs_tt.nr_all, i), most);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

/* What a refill and a flush of the smallest objects move: half a magazine in whole rows. */
#define SMALL_BATCH	GS_BATCH_MAX

/* A class of small objects as it is with @cpus CPUs, and @n objects of it. */
static void init_small(struct kunit *test, struct gs_class *c, unsigned int cpus,
		       struct gs_entry *e, unsigned int n)
{
	unsigned int domains = gs_transfer_domains, got = 0;
	struct mspan *s;

	gs_transfer_domains = 1;
	gs_transfer_cpus = cpus;
	strscpy(c->name, "small", sizeof(c->name));
	KUNIT_EXPECT_EQ(test, gs_class_init(c, 64, 8), 0);
	gs_transfer_domains = domains;
	while (got < n) {
		s = gs_class_new_span(c, numa_mem_id(), GFP_KERNEL, false);
		KUNIT_ASSERT_NOT_NULL(test, s);
		got += gs_mcentral_add(gs_class_central(c, s->node), s, e + got, SMALL_BATCH);
		gs_mcentral_put_span(s);
	}
}

/* Four batches for each CPU: one may be ahead of another by so many objects. */
static void small_ones_have_many_batches(struct kunit *test)
{
	struct gs_entry *e = kunit_kcalloc(test, 64 * SMALL_BATCH, sizeof(*e), GFP_KERNEL);
	struct gs_class *c = kunit_kzalloc(test, sizeof(*c), GFP_KERNEL);
	unsigned int was = gs_transfer_cpus, i, most;
	struct mcentral *mc;

	KUNIT_ASSERT_NOT_NULL(test, e);
	KUNIT_ASSERT_NOT_NULL(test, c);
	init_small(test, c, 8, e, 64 * SMALL_BATCH);
	mc = gs_class_central(c, numa_mem_id());
	KUNIT_EXPECT_EQ(test, (unsigned int)c->batch, 0U + SMALL_BATCH);
	KUNIT_EXPECT_EQ(test, (unsigned int)mc->nr_batches, GS_TRANSFER_MANY + 0U);
	gs_transfer_make(mc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mc->transfer);
	for (i = 0; i < 40; i++)
		gs_transfer_flush(mc, e + SMALL_BATCH * i, SMALL_BATCH);
	most = min(4U * 8, GS_TRANSFER_MANY + 0U) * SMALL_BATCH;
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(mc), most);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
	for (i = 0; i < most; i += SMALL_BATCH)
		KUNIT_EXPECT_EQ(test, gs_transfer_take(mc, e + i, SMALL_BATCH), 0U + SMALL_BATCH);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(mc), 0U);
	gs_mcentral_put(c, e, most);
	gs_mcentral_put(c, e + 40 * SMALL_BATCH, 24 * SMALL_BATCH);
	KUNIT_EXPECT_EQ(test, (unsigned int)mc->nr_spans, 0U);
	gs_class_exit(c);
	/* Few CPUs: two pages of them. */
	init_small(test, c, 4, NULL, 0);
	KUNIT_EXPECT_EQ(test, (unsigned int)gs_class_central(c, numa_mem_id())->nr_batches,
			GS_TRANSFER_MORE + 0U);
	gs_class_exit(c);
	gs_transfer_cpus = was;
}

static void a_class_that_shrinks_gets_no_more(struct kunit *test)
{
	unsigned int i;

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	gs_tt.class.batch = 1;
	flush(20);
	/* All but a few spans go. */
	gs_mcentral_put(&gs_tt.class, gs_tt.all, gs_tt.nr_all - 40);
	for (i = 0; i < 40; i++)
		gs_tt.all[i] = gs_tt.all[gs_tt.nr_all - 40 + i];
	gs_tt.nr_all = 40;
	KUNIT_EXPECT_EQ(test, gs_tt.mc->nr_objects,
			gs_tt.mc->nr_spans * gs_tt.class.nelems);
	flush(20);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 20);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

static unsigned int nr_full(const struct gs_transfer *t)
{
	return hweight_long(t->full);
}

static void few_objects_share_a_batch(struct kunit *test)
{
	unsigned int i;

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	for (i = 0; i < GS_BATCH_MAX; i += 4)
		flush(4);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), GS_BATCH_MAX);
	KUNIT_EXPECT_EQ(test, nr_full(gs_tt.mc->transfer), 1U);
	flush(4);
	KUNIT_EXPECT_EQ(test, nr_full(gs_tt.mc->transfer), 2U);
	/* What is wanted comes from both. */
	KUNIT_EXPECT_EQ(test, gs_transfer_take(gs_tt.mc, gs_tt.all + gs_tt.nr_all,
					       GS_BATCH_MAX), GS_BATCH_MAX);
	gs_tt.nr_all += GS_BATCH_MAX;
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 4);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

/* A CPU is preempted while it copies: the others do not wait for it. */
static void a_batch_in_work_is_passed_over(struct kunit *test)
{
	struct gs_transfer *t;
	unsigned long full, all;
	unsigned int i;

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	t = gs_tt.mc->transfer;
	all = t->empty;
	flush(20);
	full = t->full;
	t->full = 0;
	KUNIT_EXPECT_EQ(test, gs_transfer_take(gs_tt.mc, gs_tt.all + gs_tt.nr_all,
					       20), 0U);
	gs_transfer_empty(gs_tt.mc);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 20);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
	/* All batches but one are filled, then objects go to their spans. */
	t->empty &= BIT(__ffs(t->empty));
	flush(20);
	i = gs_tt.nr_all;
	flush(20);
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + gs_tt.nr_all, 20), 0);
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + i, 20), 20);
	t->full |= full;
	t->empty = all & ~t->full;
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 40);
}

static void emptying_puts_all_into_spans(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	flush(30);
	flush(30);
	gs_transfer_empty(gs_tt.mc);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0);
	KUNIT_EXPECT_EQ(test, cached_of(gs_tt.all + gs_tt.nr_all, 60), 0);
}

static unsigned int flushes;

/* As another CPU that goes on freeing. */
static void flush_more(enum gs_hook_point point, void *arg)
{
	if (arg == &gs_tt.class && gs_tt.nr_all >= 20) {
		flushes++;
		flush(20);
	}
}

static void emptying_ends_while_others_flush(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	flush(20);
	flush(20);
	flushes = 0;
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, flush_more);
	gs_transfer_empty(gs_tt.mc);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, NULL);
	/* 40 objects go in two batches. What came meanwhile stays. */
	KUNIT_EXPECT_EQ(test, flushes, 2U);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 40);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

/* The sweep knows classes of the list only. */
static void the_sweep_leaves_what_is_in_use(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	mutex_lock(&gs_class_mutex);
	list_add_tail(&gs_tt.class.link, &gs_class_list);
	mutex_unlock(&gs_class_mutex);

	flush(20);
	KUNIT_EXPECT_TRUE(test, gs_class_sweep(true));
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 20);
	flush(20);
	gs_class_sweep(true);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 40);
	gs_class_sweep(true);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0);
	flush(20);
	KUNIT_EXPECT_FALSE(test, gs_class_sweep(false));
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0);

	mutex_lock(&gs_class_mutex);
	list_del(&gs_tt.class.link);
	mutex_unlock(&gs_class_mutex);
}

static void verify_finds_other_states(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	flush(20);
	*gs_tt.all[gs_tt.nr_all + 7].state = GS_OWNER_MIN;
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 42);
	*gs_tt.all[gs_tt.nr_all + 7].state = GS_CACHED;
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

/* What the CPUs' domains were. */
static u8 domains_were[NR_CPUS];

static void set_domain(u8 domain)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(gs_transfer_domain, cpu) = domain;
}

static struct gs_transfer *domain(unsigned int i)
{
	return (void *)gs_tt.mc->transfer + i * GS_TRANSFER_BYTES(gs_tt.mc->nr_batches);
}

static int domains_init(struct kunit *test)
{
	int cpu;

	for_each_possible_cpu(cpu)
		domains_were[cpu] = per_cpu(gs_transfer_domain, cpu);
	return gs_tt_init(test, 2);
}

static void domains_exit(struct kunit *test)
{
	int cpu;

	for_each_possible_cpu(cpu)
		per_cpu(gs_transfer_domain, cpu) = domains_were[cpu];
	gs_tt_exit(test);
}

static void a_domain_keeps_its_batches(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	set_domain(1);
	flush(20);
	KUNIT_EXPECT_EQ(test, nr_full(domain(0)), 0U);
	KUNIT_EXPECT_EQ(test, nr_full(domain(1)), 1U);
	set_domain(0);
	flush(20);
	KUNIT_EXPECT_EQ(test, nr_full(domain(0)), 1U);
	/* Its own first, then what the other one has. */
	KUNIT_EXPECT_EQ(test, gs_transfer_take(gs_tt.mc, gs_tt.all + gs_tt.nr_all,
					       28), 20U);
	KUNIT_EXPECT_EQ(test, nr_full(domain(0)), 0U);
	KUNIT_EXPECT_EQ(test, nr_full(domain(1)), 1U);
	KUNIT_EXPECT_EQ(test, gs_transfer_take(gs_tt.mc,
					       gs_tt.all + gs_tt.nr_all + 20, 28),
			20U);
	gs_tt.nr_all += 40;
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0U);
}

static void a_full_domain_uses_the_other(struct kunit *test)
{
	unsigned int i, half = DIV_ROUND_UP(gs_tt.class.transfer, 2);

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	set_domain(0);
	for (i = 0; i + 20 <= half && i < 20 * BATCHES; i += 20)
		flush(20);
	KUNIT_EXPECT_EQ(test, nr_full(domain(0)), i / 20);
	KUNIT_EXPECT_EQ(test, nr_full(domain(1)), 0U);
	flush(20);
	KUNIT_EXPECT_EQ(test, nr_full(domain(1)), 1U);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), i + 20);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
	gs_transfer_empty(gs_tt.mc);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0U);
}

/* As if the caller were moved to a CPU of the other domain. */
static void move(enum gs_hook_point point, void *arg)
{
	if (arg == &gs_tt.class)
		set_domain(1);
}

static void emptying_reaches_all_domains(struct kunit *test)
{
	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	set_domain(1);
	flush(20);
	set_domain(0);
	flush(20);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, move);
	gs_transfer_empty(gs_tt.mc);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, NULL);
	KUNIT_EXPECT_EQ(test, gs_transfer_nr(gs_tt.mc), 0U);
}

static void batches_follow_objects_and_domains(struct kunit *test)
{
	static const struct {
		unsigned int cpus;
		unsigned int domains;
		u16 transfer;	/* objects, in batches of 32 */
		unsigned int want;
	} cases[] = {
		{ 0, 1, 8192, 0 },	/* where there is one */
		{ 2, 1, 8192, 3 },
		{ 3, 1, 8192, GS_TRANSFER_MORE },
		{ 4, 1, 8192, GS_TRANSFER_MORE },
		{ 4, 1, 7 * 32, GS_TRANSFER_BATCHES },
		{ 2, 1, 64, 3 },
		{ 2, 1, 32, 1 },
		{ 8, 1, 31 * 32, GS_TRANSFER_MANY },
		{ 8, 1, 18 * 32, GS_TRANSFER_MANY },
		{ 8, 1, 17 * 32, GS_TRANSFER_MORE },
		{ 8, 1, 9 * 32, GS_TRANSFER_MORE },
		{ 8, 1, 8 * 32, GS_TRANSFER_BATCHES },
		{ 16, 2, 8192, GS_TRANSFER_MANY },
		{ 16, 2, 2 * 18 * 32, GS_TRANSFER_MANY },
		{ 16, 2, 2 * 17 * 32, GS_TRANSFER_MORE },
		{ 16, 2, 2 * 8 * 32, GS_TRANSFER_BATCHES },
		{ 64, 8, 8 * 31 * 32, GS_TRANSFER_MANY },
		{ 64, 8, 2048, GS_TRANSFER_BATCHES },
	};
	unsigned int domains = gs_transfer_domains, cpus = gs_transfer_cpus, i;
	struct gs_class c = { .batch = 32 };

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		gs_transfer_cpus = cases[i].cpus;
		gs_transfer_domains = cases[i].domains;
		c.transfer = cases[i].transfer;
		KUNIT_EXPECT_EQ_MSG(test, gs_transfer_batches(&c), cases[i].want,
				    "case %u", i);
	}
	gs_transfer_domains = domains;
	gs_transfer_cpus = cpus;
}

static void cpus_are_in_a_domain(struct kunit *test)
{
	unsigned int in[GS_TRANSFER_DOMAINS] = { };
	int cpu;

	KUNIT_EXPECT_LE(test, gs_transfer_domains, GS_TRANSFER_DOMAINS);
	for_each_possible_cpu(cpu) {
		KUNIT_ASSERT_LT(test, per_cpu(gs_transfer_domain, cpu),
				gs_transfer_domains);
		in[per_cpu(gs_transfer_domain, cpu)]++;
	}
	for (cpu = 0; cpu < gs_transfer_domains; cpu++)
		KUNIT_EXPECT_GT(test, in[cpu], 0U);
}

static struct kunit_case transfer_cases[] = {
	KUNIT_CASE(without_one_objects_go_to_spans),
	KUNIT_CASE(a_batch_comes_back_as_it_went),
	KUNIT_CASE(what_does_not_fit_goes_to_spans),
	KUNIT_CASE(a_class_that_shrinks_gets_no_more),
	KUNIT_CASE(small_ones_have_many_batches),
	KUNIT_CASE(few_objects_share_a_batch),
	KUNIT_CASE(a_batch_in_work_is_passed_over),
	KUNIT_CASE(emptying_puts_all_into_spans),
	KUNIT_CASE(emptying_ends_while_others_flush),
	KUNIT_CASE(the_sweep_leaves_what_is_in_use),
	KUNIT_CASE(verify_finds_other_states),
	KUNIT_CASE(batches_follow_objects_and_domains),
	KUNIT_CASE(cpus_are_in_a_domain),
	{}
};

static struct kunit_case domains_cases[] = {
	KUNIT_CASE(one_draw_makes_it_or_none),
	KUNIT_CASE(a_domain_keeps_its_batches),
	KUNIT_CASE(a_full_domain_uses_the_other),
	KUNIT_CASE(emptying_reaches_all_domains),
	{}
};

static struct kunit_suite transfer_suite = {
	.name = "goslab_transfer",
	.suite_init = gs_test_suite_init,
	.init = transfer_init,
	.exit = gs_tt_exit,
	.test_cases = transfer_cases,
};

static struct kunit_suite domains_suite = {
	.name = "goslab_transfer_domains",
	.suite_init = gs_test_suite_init,
	.init = domains_init,
	.exit = domains_exit,
	.test_cases = domains_cases,
};

kunit_test_suites(&transfer_suite, &domains_suite);
