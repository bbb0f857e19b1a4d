// SPDX-License-Identifier: GPL-2.0
/*
 * profile_kunit: goslab_profile: watch/profile.c, callsites.c, memstats.c and json.c: the
 * files, read as a user does, at a rate where they are exact.
 */
#include <linux/ctype.h>
#include <linux/goslab.h>
#include <linux/string.h>

#include "front/sample.h"
#include "middle/special.h"
#include "testfile.h"
#include "testlib.h"

/* Three objects, of which two live. */
static noinline void allocate(void *p[3])
{
	unsigned int i;

	for (i = 0; i < 3; i++)
		p[i] = goslab_malloc(128, GFP_KERNEL);
	goslab_free(p[0]);
}

static void end(void *p[3])
{
	goslab_free(p[1]);
	goslab_free(p[2]);
	gs_sample_set_rate(0);
}

/* The line that begins with @start; NULL for none. */
static const char *line_of(const char *text, const char *start)
{
	while (text && strncmp(text, start, strlen(start))) {
		text = strchr(text, '\n');
		text = text ? text + 1 : NULL;
	}
	return text;
}

static void expect_line(struct kunit *test, const char *text, const char *start)
{
	KUNIT_EXPECT_NOT_NULL_MSG(test, line_of(text, start), "no line \"%s\"", start);
}

/* What pprof reads: sums, samples of a stack, its addresses and names. */
static void pprof(struct kunit *test)
{
	const char *text, *record, *names;
	unsigned long first, named;
	void *p[3];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	allocate(p);
	text = gs_test_read(test, "profile");
	expect_line(test, text, "heap profile: 2: 256 [3: 384] @ heap/2\n");
	record = line_of(text, "2: 256 [3: 384] @ 0x");
	KUNIT_ASSERT_NOT_NULL(test, record);
	KUNIT_ASSERT_EQ(test, sscanf(record, "2: 256 [3: 384] @ 0x%lx", &first), 1);
	names = strchr(record, '\n') + 1;
	KUNIT_ASSERT_EQ(test, sscanf(names, "#\t0x%lx\tallocate+", &named), 1);
	KUNIT_EXPECT_EQ(test, first, named);
	/* A return address in allocate(). */
	KUNIT_EXPECT_GT(test, first, (unsigned long)allocate);
	KUNIT_EXPECT_LT(test, first, (unsigned long)allocate + 1024);
	expect_line(test, text, "# goslab\n");
	expect_line(test, text, "# rate = 1\n");
	expect_line(test, text, "# records = 2\n");
	expect_line(test, text, "# dropped = 0\n");
	expect_line(test, text, "# peak_bytes = 384\n");
	end(p);
	text = gs_test_read(test, "profile");
	expect_line(test, text, "heap profile: 0: 0 [1: 0] @ heap/0\n");
}

static void at_the_peak(struct kunit *test)
{
	const char *text;
	void *p[3];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	allocate(p);
	text = gs_test_read(test, "profile_peak");
	/* Equal pairs would be taken for one. */
	expect_line(test, text, "heap profile: 3: 384 [4: 384] @ heap/2\n");
	expect_line(test, text, "3: 384 [3: 384] @ 0x");
	end(p);
}

static void callsites(struct kunit *test)
{
	const char *text;
	void *p[3];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	allocate(p);
	text = gs_test_read(test, "callsites");
	expect_line(test, text, "callsites - version: 1.0\n");
	expect_line(test, text, "#      bytes    objects       allocs module caller\n");
	expect_line(test, text, "         256          2            3 goslab_kunit allocate+");
	end(p);
}

static void alloc_traces(struct kunit *test)
{
	const char *text, *line;
	unsigned long cpu;
	void *p[3];
	int pid;

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	expect_line(test, gs_test_read(test, "alloc_traces"), "No data\n");
	allocate(p);
	text = gs_test_read(test, "alloc_traces");
	line = line_of(text, "      2 allocate+");
	KUNIT_ASSERT_NOT_NULL(test, line);
	line = strstr(line, " pid=");
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_EXPECT_EQ(test, sscanf(line, " pid=%d cpus=%lu size=128 module=goslab_kunit",
				     &pid, &cpu), 2);
	KUNIT_EXPECT_EQ(test, pid, current->pid);
	KUNIT_EXPECT_EQ(test, cpu, (unsigned long)raw_smp_processor_id());
	expect_line(test, strchr(line, '\n') + 1, "        allocate+");
	end(p);
	expect_line(test, gs_test_read(test, "alloc_traces"), "No data\n");
}

/* Mallocs and frees of a size in memstats. */
static void counts_of(struct kunit *test, unsigned int size, u64 *mallocs, u64 *frees)
{
	char *text = gs_test_read(test, "memstats");
	unsigned long long m, f;
	char start[16];
	const char *line;

	snprintf(start, sizeof(start), "%7u ", size);
	line = line_of(text, start);
	KUNIT_ASSERT_NOT_NULL(test, line);
	KUNIT_ASSERT_EQ(test, sscanf(line + 8, "%llu %llu", &m, &f), 2);
	*mallocs = m;
	*frees = f;
}

static void memstats(struct kunit *test)
{
	static const unsigned int sizes[] = { 8, 48, 1024, 32768 };
	u64 mallocs, frees, mallocs_then, frees_then, total;
	char *text, *stats;
	unsigned int i, k;
	void *p[20];

	for (k = 0; k < ARRAY_SIZE(sizes); k++) {
		counts_of(test, sizes[k], &mallocs, &frees);
		for (i = 0; i < ARRAY_SIZE(p); i++)
			p[i] = goslab_malloc(sizes[k], GFP_KERNEL);
		for (i = 0; i < 15; i++)
			goslab_free(p[i]);
		counts_of(test, sizes[k], &mallocs_then, &frees_then);
		KUNIT_EXPECT_EQ(test, mallocs_then - mallocs, 20ULL);
		KUNIT_EXPECT_EQ(test, frees_then - frees, 15ULL);
		for (; i < ARRAY_SIZE(p); i++)
			goslab_free(p[i]);
	}
	total = gs_test_value(test, gs_test_read(test, "memstats"), "TotalAlloc");
	p[0] = goslab_malloc(1 << 16, GFP_KERNEL);
	text = gs_test_read(test, "memstats");
	stats = gs_test_read(test, "stats");
#define OF(name)	gs_test_value(test, text, name)
	KUNIT_EXPECT_EQ(test, OF("TotalAlloc"), total + (1 << 16));
	KUNIT_EXPECT_EQ(test, OF("HeapAlloc"), gs_test_value(test, stats, "bytes_live"));
	KUNIT_EXPECT_EQ(test, OF("Mallocs") - OF("Frees"), OF("HeapObjects"));
	KUNIT_EXPECT_EQ(test, OF("HeapObjects"), gs_test_value(test, stats, "objects_live"));
	KUNIT_EXPECT_EQ(test, OF("HeapSys"), OF("HeapIdle") + OF("HeapInuse"));
	KUNIT_EXPECT_GE(test, OF("HeapIdle"), OF("HeapReleased"));
	KUNIT_EXPECT_EQ(test, OF("Sys") - OF("HeapReleased"),
			gs_test_value(test, stats, "bytes_held"));
	KUNIT_EXPECT_EQ(test, OF("MSpanSys") + OF("MCacheSys") + OF("BuckHashSys") +
			OF("OtherSys"), gs_test_value(test, stats, "bytes_metadata"));
	KUNIT_EXPECT_LE(test, OF("MSpanInuse"), OF("MSpanSys"));
	KUNIT_EXPECT_GT(test, OF("MCacheInuse"), 0ULL);
#undef OF
	goslab_free(p[0]);
}

static const char *past(const char *p, const char *word)
{
	size_t n = strlen(word);

	return p && !strncmp(p, word, n) ? p + n : NULL;
}

static const char *past_string(const char *p)
{
	p = past(p, "\"");
	while (p && *p && *p != '"')
		p = *p == '\\' ? NULL : p + 1;
	return past(p, "\"");
}

/* Past the JSON value at @p, nested at most @depth deep; NULL if it is none. */
static const char *past_value(const char *p, unsigned int depth)
{
	char end;

	p = p ? skip_spaces(p) : NULL;
	if (!p || !depth)
		return NULL;
	if (*p == '"')
		return past_string(p);
	if (*p == 'n')
		return past(p, "null");
	if (isdigit(*p)) {
		while (isdigit(*p))
			p++;
		return p;
	}
	if (*p != '{' && *p != '[')
		return NULL;
	end = *p++ == '{' ? '}' : ']';
	while (p && *p != end) {
		p = skip_spaces(p);
		if (end == '}')
			p = past(past_string(p), ":");
		p = past_value(p, depth - 1);
		if (p && *p == ',' && p[1] != end)
			p++;
		else if (p && *p != end)
			p = NULL;
	}
	return p ? p + 1 : NULL;
}

static void json(struct kunit *test)
{
	const struct goslab_heap_args args = { .quota = 1 << 20 };
	struct goslab_heap *heap;
	const char *text, *after;
	char want[64];
	void *p[3];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	heap = goslab_heap_create("kunit-json", &args);
	KUNIT_ASSERT_NOT_NULL(test, heap);
	KUNIT_EXPECT_NOT_NULL(test, goslab_heap_malloc(heap, 200, GFP_KERNEL));
	allocate(p);
	text = gs_test_read(test, "json");
	after = past_value(text, 8);
	KUNIT_ASSERT_NOT_NULL(test, after);
	KUNIT_EXPECT_STREQ(test, after, "\n");
	snprintf(want, sizeof(want), "\"bytes_live\":%llu,",
		 gs_test_value(test, gs_test_read(test, "stats"), "bytes_live"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, want));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "{\"name\":\"kunit-json\",\"made_by\":\"goslab_kunit\",\"quota\":1048576,"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "{\"name\":\"kunit-json-208\",\"module\":null,\"size\":208,"));
	text = strstr(text, "{\"caller\":\"allocate+");
	KUNIT_ASSERT_NOT_NULL(test, text);
	text = strchr(text, ',');
	KUNIT_EXPECT_NOT_NULL(test, past(text, ",\"module\":\"goslab_kunit\",\"size\":128,"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "\"objects\":2,\"bytes\":256,\"allocs\":3,\"samples\":3,"));
	end(p);
	goslab_heap_destroy(heap);
}

/* What JSON does not take as it is. */
static void json_names(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create("k\"u\\n\xeft", 40, 0, 0, NULL);
	void *p;

	KUNIT_ASSERT_NOT_NULL(test, cache);
	p = goslab_cache_alloc(cache, GFP_KERNEL);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "json"),
					   "{\"name\":\"k\\u0022u\\u005cn\\u00eft\",\"module\""));
	goslab_cache_free(cache, p);
	goslab_cache_destroy(cache);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(pprof),
	KUNIT_CASE(at_the_peak),
	KUNIT_CASE(callsites),
	KUNIT_CASE(alloc_traces),
	KUNIT_CASE(memstats),
	KUNIT_CASE(json),
	KUNIT_CASE(json_names),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_profile",
	GS_TEST_CASES_PINNED,
	.test_cases = cases,
};
kunit_test_suite(suite);
