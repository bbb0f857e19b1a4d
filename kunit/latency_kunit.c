// SPDX-License-Identifier: GPL-2.0
/*
 * latency_kunit: goslab_latency: base/latency.c, watch/latency.c: what is timed, in which
 * bucket it counts, and the file that shows it.
 */
#include <linux/goslab.h>
#include <linux/goslab_cache.h>
#include <linux/string.h>

#include "base/latency.h"
#include "front/drain.h"
#include "testfile.h"
#include "testlib.h"

#define MANY	100

/* How often a path was taken. */
static u64 taken(enum gs_latency_path path)
{
	struct gs_latency sum;
	unsigned int i;
	u64 n = 0;

	gs_latency_read(path, &sum);
	for (i = 0; i < GS_LATENCY_BUCKETS; i++)
		n += sum.n[i];
	return n;
}

static void buckets(struct kunit *test)
{
	unsigned int i;

	KUNIT_EXPECT_EQ(test, gs_latency_bucket(S64_MIN), 0U);
	KUNIT_EXPECT_EQ(test, gs_latency_bucket(-1), 0U);
	KUNIT_EXPECT_EQ(test, gs_latency_bucket(0), 0U);
	KUNIT_EXPECT_EQ(test, gs_latency_bucket(63), 0U);
	KUNIT_EXPECT_EQ(test, gs_latency_bucket(64), 1U);
	KUNIT_EXPECT_EQ(test, gs_latency_bucket(S64_MAX), GS_LATENCY_BUCKETS - 1U);
	for (i = 1; i < GS_LATENCY_BUCKETS; i++) {
		KUNIT_EXPECT_EQ(test, gs_latency_bucket(gs_latency_from(i) - 1), i - 1);
		KUNIT_EXPECT_EQ(test, gs_latency_bucket(gs_latency_from(i)), i);
	}
	KUNIT_EXPECT_EQ(test, gs_latency_from(GS_LATENCY_BUCKETS - 1), 1ULL << 30);
}

/* Far enough below the end of a bucket, 1074 ms, that an interrupt does not matter. */
static void notes(struct kunit *test)
{
	unsigned int i = gs_latency_bucket(NSEC_PER_SEC / 10 * 6);
	struct gs_latency before, after;

	gs_latency_read(GS_LATENCY_DRAIN, &before);
	gs_latency_note(GS_LATENCY_DRAIN, gs_latency_now() - NSEC_PER_SEC / 10 * 6);
	/* The path was not timed when it began. */
	gs_latency_note(GS_LATENCY_DRAIN, 0);
	/* The clock of the CPU that it began on was ahead. */
	gs_latency_note(GS_LATENCY_DRAIN, gs_latency_now() + 60ULL * NSEC_PER_SEC);
	gs_latency_read(GS_LATENCY_DRAIN, &after);
	KUNIT_EXPECT_EQ(test, after.n[i] - before.n[i], 1UL);
	KUNIT_EXPECT_EQ(test, after.n[0] - before.n[0], 1UL);
}

/* What a cache does first: a refill, a span; then frees that fill its magazine. */
static void use_cache(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("kunit_latency", 200, 0, 0, NULL);
	unsigned int i;
	void *p[MANY];

	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < MANY; i++)
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
	for (i = 0; i < MANY; i++)
		goslab_cache_free(cache, p[i]);
	goslab_cache_destroy(cache);
}

static void batches(struct kunit *test)
{
	u64 refills = taken(GS_LATENCY_REFILL), flushes = taken(GS_LATENCY_FLUSH);

	gs_latency_set_all(false);
	use_cache(test);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_REFILL), refills);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_FLUSH), flushes);
	gs_latency_set_all(true);
	use_cache(test);
	gs_latency_set_all(false);
	/* A refill has 32 objects at most, a flush frees as many. */
	KUNIT_EXPECT_GE(test, taken(GS_LATENCY_REFILL) - refills, MANY / 32 + 0ULL);
	KUNIT_EXPECT_LE(test, taken(GS_LATENCY_REFILL) - refills, MANY + 0ULL);
	KUNIT_EXPECT_GE(test, taken(GS_LATENCY_FLUSH) - flushes, 1ULL);
	KUNIT_EXPECT_LE(test, taken(GS_LATENCY_FLUSH) - flushes, MANY + 0ULL);
}

/* An allocation that finds no memory is timed as well. */
static void no_memory(struct kunit *test)
{
	struct goslab_heap_args args = { .quota = 1 };
	struct goslab_heap *heap = goslab_heap_create("kunit-latency", &args);
	u64 refills = taken(GS_LATENCY_REFILL);

	KUNIT_ASSERT_NOT_NULL(test, heap);
	gs_latency_set_all(true);
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 100, GFP_NOWAIT));
	gs_latency_set_all(false);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_REFILL) - refills, 1ULL);
	goslab_heap_destroy(heap);
}

/* Each draw of this task is one call of the kernel's allocator. */
static void pages(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("kunit_latency", 2 << 20, 0, 0, NULL);
	u64 spans, grows, drains = taken(GS_LATENCY_DRAIN);
	unsigned long draws;
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	gs_drain_all();
	goslab_shrink();
	spans = taken(GS_LATENCY_SPAN);
	grows = taken(GS_LATENCY_GROW);
	gs_latency_set_all(true);
	gs_test_fail_draws(1, 0);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	draws = gs_test_end_draws();
	gs_latency_set_all(false);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_GT(test, draws, 0UL);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_GROW) - grows, (u64)draws);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_SPAN) - spans, 1ULL);
	goslab_cache_free(cache, p);
	gs_drain_all();
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_SPAN) - spans, 1ULL);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, p);
	goslab_cache_free(cache, p);
	KUNIT_EXPECT_EQ(test, taken(GS_LATENCY_SPAN) - spans, 1ULL);
	KUNIT_EXPECT_GT(test, taken(GS_LATENCY_DRAIN), drains);
	goslab_cache_destroy(cache);
}

/* The block of a path: a name, then lines that follow each other. Return: its sum. */
static u64 sum_of_block(struct kunit *test, const char *text, enum gs_latency_path path)
{
	unsigned long long from, to = 0, n, sum = 0;
	const char *line, *bar;
	char name[32];
	int chars;

	snprintf(name, sizeof(name), "\n@%s_ns:\n", gs_latency_name(path));
	line = strstr(text, name);
	KUNIT_ASSERT_NOT_NULL(test, line);
	for (line += strlen(name); *line == '['; line = strchr(line, '\n') + 1) {
		unsigned long long last = to;

		chars = 0;
		if (sscanf(line, "[%llu, %llu) %llu |%n", &from, &to, &n, &chars) < 3) {
			to = 0;
			KUNIT_ASSERT_EQ(test, sscanf(line, "[%llu, ...) %llu |%n", &from, &n,
						     &chars), 2);
		}
		bar = strchr(line, '|');
		KUNIT_ASSERT_NOT_NULL(test, bar);
		KUNIT_EXPECT_EQ(test, bar[53], '|');
		KUNIT_EXPECT_EQ(test, bar[54], '\n');
		if (last)
			KUNIT_EXPECT_EQ(test, from, last);
		if (to)
			KUNIT_EXPECT_EQ(test, to, max(2 * from, 0ULL + GS_LATENCY_LEAST));
		sum += n;
	}
	return sum;
}

static void file(struct kunit *test)
{
	enum gs_latency_path path;
	const char *text;
	u64 sum;

	gs_latency_note(GS_LATENCY_DRAIN, gs_latency_now() - 2ULL * NSEC_PER_SEC);
	gs_latency_note(GS_LATENCY_DRAIN, gs_latency_now() - 1);
	text = gs_test_read(test, "latency");
	KUNIT_EXPECT_EQ(test, strncmp(text, "latency - version: 1.0\n", 23), 0);
	for (path = 0; path < GS_NR_LATENCIES; path++) {
		sum = sum_of_block(test, text, path);
		KUNIT_EXPECT_EQ_MSG(test, sum, taken(path), "%s", gs_latency_name(path));
	}
	/* The most often taken bucket has the whole bar. */
	KUNIT_EXPECT_NOT_NULL(test,
		strstr(text, "|@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@@|\n"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\n[1073741824, ...)"));
	text = gs_test_read(test, "json");
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\"drain\":[\n{\"min\":0,\"max\":63,\"count\":"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "{\"min\":1073741824,\"count\":"));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(buckets),
	KUNIT_CASE(notes),
	KUNIT_CASE(batches),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(pages),
	KUNIT_CASE(file),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_latency",
	GS_TEST_CASES_PINNED,
	.test_cases = cases,
};
kunit_test_suite(suite);
