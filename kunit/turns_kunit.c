// SPDX-License-Identifier: GPL-2.0
/*
 * turns_kunit: goslab_turns: the order of turns in bench and replay (turns.h).
 * It is balanced for each number of ways that they have.
 */
#include <kunit/test.h>

#include "testlib.h"
#include "turns.h"

#define MOST_WAYS	8

/* How often each way was in each place, and came after each other way. */
struct tally {
	unsigned int place[MOST_WAYS][MOST_WAYS];
	unsigned int after[MOST_WAYS][MOST_WAYS];
};

static void count_round(struct kunit *test, struct tally *t, unsigned int n,
			unsigned int round)
{
	unsigned int i, way, before = n;

	for (i = 0; i < n; i++) {
		way = gs_turns_at(n, round, i);
		KUNIT_ASSERT_LT(test, way, n);
		t->place[way][i]++;
		if (i)
			t->after[way][before]++;
		before = way;
	}
}

static void each_place_and_predecessor(struct kunit *test)
{
	unsigned int n, round, i, j;

	for (n = 2; n <= MOST_WAYS; n++) {
		unsigned int cycle = gs_turns_cycle(n);
		struct tally *t = kunit_kzalloc(test, sizeof(*t), GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, t);
		/* Balanced in every cycle, not only in the first one. */
		for (round = 0; round < 3 * cycle; round++)
			count_round(test, t, n, round);
		for (i = 0; i < n; i++) {
			for (j = 0; j < n; j++) {
				KUNIT_EXPECT_EQ(test, t->place[i][j],
						3 * cycle / n);
				KUNIT_EXPECT_EQ(test, t->after[i][j],
						i == j ? 0 : 3 * cycle / n);
			}
		}
	}
}

static struct kunit_case turns_cases[] = {
	KUNIT_CASE(each_place_and_predecessor),
	{}
};

static struct kunit_suite turns_suite = {
	.name = "goslab_turns",
	GS_TEST_CASES,
	.test_cases = turns_cases,
};
kunit_test_suite(turns_suite);
