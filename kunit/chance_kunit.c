// SPDX-License-Identifier: GPL-2.0
/*
 * chance_kunit: goslab_chance: base/chance.c, the arithmetic of sampling.
 */
#include "base/chance.h"
#include "testlib.h"

static u64 off(u64 a, u64 b)
{
	return max(a, b) - min(a, b);
}

/* What 1000 samples of @size bytes stand for, in exact arithmetic. */
static const struct {
	size_t size;
	unsigned long mean;
	u64 factor;
} factors[] = {
	{ 8,		524288,		65536500 },
	{ 64,		524288,		8192500 },
	{ 1024,		524288,		512500 },
	{ 32768,	524288,		16505 },
	{ 65536,	524288,		8510 },
	{ 524288,	524288,		8510 },
	{ 4194304,	524288,		8510 },
	{ 4194304,	65536,		1582 },
	{ 8,		4096,		512500 },
	{ 4096,		4096,		1582 },
	{ 64,		2,		1000 },
	{ 16,		16,		1582 },
	{ 4194304,	1,		1000 },
	{ 8,		1,		1000 },
	{ 8,		268435456,	33554432500ull },
};

static void factor(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(factors); i++) {
		u64 n = gs_chance_scale(1000, factors[i].size, factors[i].mean);

		/* A thousandth, and what rounding takes. */
		KUNIT_EXPECT_LE_MSG(test, off(n, factors[i].factor), factors[i].factor / 1000 + 1,
				    "%zu bytes, mean %lu: %llu", factors[i].size,
				    factors[i].mean, n);
	}
	KUNIT_EXPECT_EQ(test, gs_chance_scale(0, 64, 524288), 0ULL);
}

/* Who scales without the limit for large objects comes to the same. */
static void unscaled(struct kunit *test)
{
	static const size_t large[] = { 65537, 131072, 1048576, 4194304 };
	unsigned int i;

	KUNIT_EXPECT_EQ(test, gs_chance_unscale(1000, 64, 524288), 1000ULL);
	KUNIT_EXPECT_EQ(test, gs_chance_unscale(1000, 65536, 524288), 1000ULL);
	KUNIT_EXPECT_EQ(test, gs_chance_unscale(7, 4194304, 1), 7ULL);
	/* 1 - exp(-2) to 1 - exp(-1/8), and 1 - exp(-8) to it. */
	KUNIT_EXPECT_EQ(test, gs_chance_unscale(1000, 1048576, 524288), 7359ULL);
	KUNIT_EXPECT_EQ(test, gs_chance_unscale(1000, 4194304, 524288), 8508ULL);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		KUNIT_EXPECT_GT(test, gs_chance_unscale(100000, large[i], 524288),
				100000ULL);
}

static void ends(struct kunit *test)
{
	const unsigned long mean = 1UL << 20;

	/* 32 ln 2 means at most; about 2^-16 of one at least. */
	KUNIT_EXPECT_LE(test, gs_chance_distance(0, mean), mean * 2219 / 100);
	KUNIT_EXPECT_GE(test, gs_chance_distance(0, mean), mean * 2217 / 100);
	KUNIT_EXPECT_EQ(test, gs_chance_distance(1, mean), gs_chance_distance(0, mean));
	KUNIT_EXPECT_LE(test, gs_chance_distance(U32_MAX, mean), mean >> 14);
	/* Half of all are shorter than ln 2. */
	KUNIT_EXPECT_LE(test, off(gs_chance_distance(1U << 31, mean),
				       (u64)mean * 693147 / 1000000), mean / 10000ULL);
	/* The longest mean that there is does not overflow. */
	KUNIT_EXPECT_GE(test, gs_chance_distance(1, 1UL << 28), (1ULL << 28) * 22);
}

static void falls(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i;

	for (i = 0; i < 10000; i++) {
		u32 a = gs_rnd_next(&rnd), b = gs_rnd_next(&rnd);
		u64 x = gs_chance_distance(min(a, b), 1UL << 20);

		KUNIT_ASSERT_GE(test, x, gs_chance_distance(max(a, b), 1UL << 20));
	}
}

/* Mean, and how many are longer than one, two and three means. */
static void distribution(struct kunit *test)
{
	static const unsigned int longer[] = { 367879, 135335, 49787 };
	const unsigned long mean = 1UL << 19;
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int n[3] = { }, i, k;
	u64 sum = 0;

	for (i = 0; i < 1000000; i++) {
		u64 x = gs_chance_distance(gs_rnd_next(&rnd), mean);

		sum += x;
		for (k = 0; k < 3; k++)
			n[k] += x > (k + 1) * mean;
	}
	/* Five standard errors: 0.5 % of the mean, 0.25 % of the draws. */
	KUNIT_EXPECT_LE(test, off(div_u64(sum, 1000000), (u64)mean), mean / 200ULL);
	for (k = 0; k < 3; k++)
		KUNIT_EXPECT_LE(test, off(n[k], longer[k]), 2500ULL);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(factor),
	KUNIT_CASE(unscaled),
	KUNIT_CASE(ends),
	KUNIT_CASE(falls),
	KUNIT_CASE(distribution),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_chance",
	.test_cases = cases,
	.suite_init = gs_test_suite_init,
};
kunit_test_suite(suite);
