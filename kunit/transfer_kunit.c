// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_kunit: goslab_transfer: middle/transfer.c, batches between mcaches.
 *
 * The class is the suite's own and on no list, without slots: 64-byte objects,
 * enough spans for a transfer cache of some batches. The cases are its mcaches.
 */
#include <linux/slab.h>
#include <linux/topology.h>

#include "back/mheap.h"
#include "base/sys.h"
#include "middle/class.h"
#include "testlib.h"

#define SIZE	64
#define SPANS	(2 * GS_TRANSFER_SPANS)
#define ROOM	256	/* a thirty-second of the objects of SPANS spans */

static struct gs_class class;
static struct mcentral *mc;
/* All objects of SPANS spans, in state GS_CACHED. */
static struct gs_entry *all;
static unsigned int nr_all;

static int take_all(void)
{
	unsigned int span;

	for (span = 0; span < SPANS; span++) {
		struct mspan *s = gs_class_new_span(&class, numa_mem_id(),
						    GFP_KERNEL, false);

		if (!s)
			return -ENOMEM;
		nr_all += gs_mcentral_add(mc, s, all + nr_all, 1);
		gs_mcentral_put_span(s);
		nr_all += gs_mcentral_get(mc, NULL, all + nr_all,
					  GS_BATCH_MAX, NULL);
	}
	while (gs_mcentral_get(mc, NULL, all + nr_all, 1, NULL))
		nr_all++;
	return 0;
}

static int transfer_init(struct kunit *test)
{
	int ret = gs_test_init(test);

	nr_all = 0;
	class = (struct gs_class){ .name = "transfer" };
	ret = ret ?: gs_class_init(&class, SIZE, 8);
	mc = ret ? NULL : gs_class_central(&class, numa_mem_id());
	all = kvcalloc(SPANS * GS_PAGE_SIZE / SIZE, sizeof(*all), GFP_KERNEL);
	if (!all)
		ret = -ENOMEM;
	return ret ?: take_all();
}

/* What a case has left in @all goes back; nothing stays anywhere else. */
static void transfer_exit(struct kunit *test)
{
	if (mc) {
		gs_mcentral_empty_transfer(mc);
		gs_mcentral_put(&class, all, nr_all);
		KUNIT_EXPECT_EQ(test, mc->nr_spans, 0);
		KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
		gs_class_exit(&class);
	}
	kvfree(all);
	gs_test_exit(test);
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
	nr_all -= n;
	gs_mcentral_flush(mc, all + nr_all, n);
}

static void without_one_objects_go_to_spans(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, mc->transfer);
	flush(20);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 0);
	KUNIT_EXPECT_EQ(test, cached_of(all + nr_all, 20), 0);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

static void a_batch_comes_back_as_it_went(struct kunit *test)
{
	struct gs_entry e[20];
	size_t parked = gs_transfer_parked();
	unsigned int i;

	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, mc->transfer);
	flush(20);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 20);
	KUNIT_EXPECT_EQ(test, cached_of(all + nr_all, 20), 20);
	KUNIT_EXPECT_EQ(test, gs_transfer_parked(), parked + 20 * SIZE);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);

	KUNIT_EXPECT_EQ(test, gs_mcentral_get(mc, NULL, e, 20, NULL), 20);
	for (i = 0; i < 20; i++)
		KUNIT_EXPECT_PTR_EQ(test, e[i].object, all[nr_all + i].object);
	KUNIT_EXPECT_EQ(test, gs_transfer_parked(), parked);
	nr_all += 20;
}

static void one_draw_makes_it_or_none(struct kunit *test)
{
	gs_test_fail_draws(1, 1);
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	gs_test_end_draws();
	KUNIT_EXPECT_NULL(test, mc->transfer);
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, mc->transfer);
	/* Whoever comes second gives the page back. */
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
}

static void what_does_not_fit_goes_to_spans(struct kunit *test)
{
	unsigned int most = min3(ROOM + 0UL, GS_TRANSFER_MAX,
				 gs_transfer_most_bytes() / SIZE), i;

	/* A batch fits, or none of it goes there. */
	most -= most % 20;
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	for (i = 0; i < most + 100; i += 20) {
		flush(20);
		KUNIT_EXPECT_EQ(test, mc->nr_transfer, min(i + 20, most));
	}
	KUNIT_EXPECT_EQ(test, cached_of(all + nr_all, i), most);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

static void a_class_that_shrinks_gets_no_more(struct kunit *test)
{
	unsigned int i;

	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	flush(20);
	/* All but a few spans go. */
	gs_mcentral_put(&class, all, nr_all - 40);
	for (i = 0; i < 40; i++)
		all[i] = all[nr_all - 40 + i];
	nr_all = 40;
	KUNIT_EXPECT_LT(test, mc->nr_spans * class.nelems / 32, 20);
	flush(20);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 20);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

static void emptying_puts_all_into_spans(struct kunit *test)
{
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	flush(30);
	flush(30);
	gs_mcentral_empty_transfer(mc);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 0);
	KUNIT_EXPECT_EQ(test, cached_of(all + nr_all, 60), 0);
}

static unsigned int flushes;

/* As another CPU that goes on freeing. */
static void flush_more(enum gs_hook_point point, void *arg)
{
	if (arg == &class && nr_all >= 20) {
		flushes++;
		flush(20);
	}
}

static void emptying_ends_while_others_flush(struct kunit *test)
{
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	flush(20);
	flush(20);
	flushes = 0;
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, flush_more);
	gs_mcentral_empty_transfer(mc);
	gs_test_hook(GS_HOOK_TRANSFER_LEFT, NULL);
	/* 40 objects go in two batches. What came meanwhile stays. */
	KUNIT_EXPECT_EQ(test, flushes, 2U);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 40);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

/* The sweep knows classes of the list only. */
static void the_sweep_leaves_what_is_in_use(struct kunit *test)
{
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	mutex_lock(&gs_class_mutex);
	list_add_tail(&class.link, &gs_class_list);
	mutex_unlock(&gs_class_mutex);

	flush(20);
	KUNIT_EXPECT_TRUE(test, gs_class_sweep(true));
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 20);
	flush(20);
	gs_class_sweep(true);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 40);
	gs_class_sweep(true);
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 0);
	flush(20);
	KUNIT_EXPECT_FALSE(test, gs_class_sweep(false));
	KUNIT_EXPECT_EQ(test, mc->nr_transfer, 0);

	mutex_lock(&gs_class_mutex);
	list_del(&class.link);
	mutex_unlock(&gs_class_mutex);
}

static void verify_finds_other_states(struct kunit *test)
{
	gs_mcentral_make_transfer(mc, GFP_KERNEL);
	flush(20);
	*mc->transfer[7].state = GS_OWNER_MIN;
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 42);
	*mc->transfer[7].state = GS_CACHED;
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(mc), 0);
}

static struct kunit_case transfer_cases[] = {
	KUNIT_CASE(without_one_objects_go_to_spans),
	KUNIT_CASE(a_batch_comes_back_as_it_went),
	KUNIT_CASE(one_draw_makes_it_or_none),
	KUNIT_CASE(what_does_not_fit_goes_to_spans),
	KUNIT_CASE(a_class_that_shrinks_gets_no_more),
	KUNIT_CASE(emptying_puts_all_into_spans),
	KUNIT_CASE(emptying_ends_while_others_flush),
	KUNIT_CASE(the_sweep_leaves_what_is_in_use),
	KUNIT_CASE(verify_finds_other_states),
	{}
};

static struct kunit_suite transfer_suite = {
	.name = "goslab_transfer",
	.suite_init = gs_test_suite_init,
	.init = transfer_init,
	.exit = transfer_exit,
	.test_cases = transfer_cases,
};

kunit_test_suite(transfer_suite);
