// SPDX-License-Identifier: GPL-2.0
/*
 * transfer_race_kunit: goslab_transfer_race: CPUs that leave and take batches at
 * the same time, while others empty and verify the transfer caches.
 *
 * The state of an object is the number of the thread that has it. A batch that two
 * threads got shows as an object that has an owner already.
 */
#include "transfer_test.h"

#include <linux/completion.h>
#include <linux/kthread.h>
#include <linux/sched.h>

#define THREADS		4
#define STEPS		4000
#define MOST		96

/**
 * struct mover - one thread.
 * @done: completed at its end.
 * @id: its number.
 * @nr: entries in its hands.
 * @e: those.
 * @rnd: its random numbers.
 * @twice: objects that had another owner.
 * @broken: what verify found.
 * @moved: objects that it took.
 */
struct mover {
	struct completion done;
	unsigned int id;
	unsigned int nr;
	struct gs_entry e[MOST + GS_BATCH_MAX];
	struct gs_rnd rnd;
	unsigned int twice;
	int broken;
	unsigned long moved;
};

static struct mover movers[THREADS];

static void take(struct mover *m)
{
	unsigned int want = 1 + gs_rnd_below(&m->rnd, GS_BATCH_MAX);
	unsigned int n = gs_mcentral_get(gs_tt.mc, NULL, m->e + m->nr, want, NULL);

	m->moved += n;
	while (n--) {
		u8 *state = m->e[m->nr++].state;

		m->twice += *state != GS_CACHED;
		*state = GS_OWNER_MIN + m->id;
	}
}

static void leave(struct mover *m)
{
	unsigned int n = min(1 + gs_rnd_below(&m->rnd, GS_BATCH_MAX), m->nr), i;

	for (i = m->nr - n; i < m->nr; i++) {
		u8 *state = m->e[i].state;

		m->twice += *state != GS_OWNER_MIN + m->id;
		*state = GS_CACHED;
	}
	m->nr -= n;
	gs_transfer_flush(gs_tt.mc, m->e + m->nr, n);
}

static int run(void *data)
{
	struct mover *m = data;
	unsigned int i;

	for (i = 0; i < STEPS; i++) {
		if (m->nr < MOST && gs_rnd_below(&m->rnd, 2))
			take(m);
		else if (m->nr)
			leave(m);
		if (m->id == 0 && i % 64 == 0)
			m->broken = m->broken ?: gs_mcentral_verify(gs_tt.mc);
		if (m->id == 1 && i % 32 == 0)
			gs_transfer_empty(gs_tt.mc);
		if (i % 16 == 0)
			cond_resched();
	}
	while (m->nr)
		leave(m);
	complete(&m->done);
	return 0;
}

/* The objects are free, a few threads' worth of them in the transfer caches. */
static void start(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i;

	gs_transfer_make(gs_tt.mc, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, gs_tt.mc->transfer);
	/* What the case keeps holds the spans. */
	gs_tt.nr_all -= THREADS * MOST;
	gs_mcentral_put(&gs_tt.class, gs_tt.all + gs_tt.nr_all, THREADS * MOST);
	for (i = 0; i < THREADS; i++) {
		memset(&movers[i], 0, sizeof(movers[i]));
		movers[i].id = i;
		init_completion(&movers[i].done);
		movers[i].rnd = rnd;
		gs_rnd_next(&rnd);
	}
}

static void batches_have_one_owner(struct kunit *test)
{
	unsigned long moved = 0;
	unsigned int i, started = 0;

	start(test);
	for (i = 0; i < THREADS; i++) {
		struct task_struct *t = kthread_run(run, &movers[i], "gs-move/%u", i);

		if (IS_ERR(t))
			break;
		started++;
	}
	for (i = 0; i < started; i++)
		wait_for_completion(&movers[i].done);
	KUNIT_EXPECT_EQ(test, started, THREADS);
	for (i = 0; i < started; i++) {
		KUNIT_EXPECT_EQ(test, movers[i].twice, 0U);
		KUNIT_EXPECT_EQ(test, movers[i].broken, 0);
		moved += movers[i].moved;
	}
	KUNIT_EXPECT_GT(test, moved, THREADS * STEPS * 2UL);
	KUNIT_EXPECT_EQ(test, gs_mcentral_verify(gs_tt.mc), 0);
}

static int race_init(struct kunit *test)
{
	return gs_tt_init(test, 2);
}

static struct kunit_case transfer_race_cases[] = {
	KUNIT_CASE(batches_have_one_owner),
	{}
};

static struct kunit_suite transfer_race_suite = {
	.name = "goslab_transfer_race",
	.suite_init = gs_test_suite_init,
	.init = race_init,
	.exit = gs_tt_exit,
	.test_cases = transfer_race_cases,
};

kunit_test_suite(transfer_race_suite);
