// SPDX-License-Identifier: GPL-2.0
/*
 * stats_kunit: goslab_stats: watch/, the debugfs files.
 *
 * Read as a user does: opened by path, shown by the file that was opened. The
 * names are those of Documentation/debugfs.rst.
 */
#include <linux/fs.h>
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/seq_file.h>

#include "back/mheap.h"
#include "base/owner.h"
#include "front/drain.h"
#include "testfile.h"
#include "testlib.h"

#define NAME	"kunit-stats"

static const char *const files[] = {
	"stats", "owners", "mcaches", "classes", "caches", "heaps", "mheap",
	"spans", "arenas", "memstats", "json", "profile", "profile_peak", "callsites",
	"alloc_traces", "verify",
};

static void modes(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(files); i++) {
		struct file *file = gs_test_open(test, files[i]);

		KUNIT_EXPECT_EQ_MSG(test, file_inode(file)->i_mode & 0777,
				    0400, "%s", files[i]);
		filp_close(file, NULL);
		KUNIT_EXPECT_GT(test, strlen(gs_test_read(test, files[i])),
				(size_t)2);
	}
}

static const char *const stats_lines[] = {
	"bytes_held", "bytes_live", "bytes_cached", "bytes_pending",
	"bytes_free_in_spans", "bytes_tails", "bytes_free_runs",
	"bytes_metadata", "peak_bytes_held", "peak_bytes_spans",
	"peak_bytes_free_runs", "peak_bytes_metadata", "peak_bytes_parked",
	"objects_live", "objects_cached", "objects_pending", "allocs", "frees",
	"allocs_tiny", "allocs_large", "refills", "flushes", "central_locks",
	"heap_locks", "spans", "spans_allocated", "spans_freed", "spans_short",
	"pages_drawn", "pages_released", "pages_scavenged",
	"pages_reclaimed", "worker_us",
	"reports", "reports_suppressed", "spans_reused", "pages_parked",
	"stacks_live", "bytes_stacks",
};

/* These lines, in this order; others may follow. */
static void lines_of_stats(struct kunit *test)
{
	char *text = gs_test_read(test, "stats"), *line;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(stats_lines); i++) {
		u64 value;

		line = strsep(&text, "\n");
		KUNIT_ASSERT_NOT_NULL(test, line);
		KUNIT_EXPECT_STREQ(test, strsep(&line, ":"), stats_lines[i]);
		KUNIT_ASSERT_NOT_NULL(test, line);
		KUNIT_EXPECT_EQ(test, kstrtou64(line + 1, 10, &value), 0);
	}
}

/* I5: the parts are what is held, to the byte. */
static void check_sums(struct kunit *test)
{
	char *text = gs_test_read(test, "stats");
	struct goslab_usage now;
	u64 sum = 0;
	unsigned int i;

	for (i = 1; i < 8; i++)
		sum += gs_test_value(test, text, stats_lines[i]);
	KUNIT_EXPECT_EQ(test, gs_test_value(test, text, "bytes_held"), sum);
	goslab_usage(&now, NULL);
	KUNIT_EXPECT_EQ(test, (u64)now.held, sum);
	KUNIT_EXPECT_EQ(test, (u64)now.parked,
			gs_test_value(test, text, "bytes_cached"));
	KUNIT_EXPECT_EQ(test, now.held,
			now.spans + now.free_runs + now.metadata);
}

static void sums_close(struct kunit *test)
{
	static const size_t sizes[] = { 3, 8, 80, 1408, 6784, 32768, 70000 };
	struct gs_oracle *o = gs_oracle_make(test, 200);
	struct goslab_cache *cache;
	unsigned int i;

	cache = goslab_cache_create(NAME, 333, 64, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	check_sums(test);
	while (o->nr < o->max) {
		size_t size = sizes[o->nr % ARRAY_SIZE(sizes)];
		void *p = o->nr % 5 == 0 ? goslab_cache_alloc(cache, GFP_KERNEL)
			: goslab_malloc_noscan(size, GFP_KERNEL);

		KUNIT_ASSERT_NOT_NULL(test, p);
		gs_oracle_add(o, p, o->nr % 5 ? size : 333, true);
		if (o->nr % 50 == 0)
			check_sums(test);
	}
	for (i = 0; o->nr; i++) {
		goslab_free(gs_oracle_remove(o, i % o->nr, true).p);
		if (i % 50 == 0)
			check_sums(test);
	}
	goslab_shrink();
	check_sums(test);
	goslab_cache_destroy(cache);
}

static void counts(struct kunit *test)
{
	char *before = gs_test_read(test, "stats"), *after;
	void *p[30], *large;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc(96, GFP_KERNEL);
	large = goslab_malloc(50000, GFP_KERNEL);
	for (i = 20; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
	after = gs_test_read(test, "stats");
#define MORE(name)	(gs_test_value(test, after, name) - \
			 gs_test_value(test, before, name))
	KUNIT_EXPECT_EQ(test, MORE("objects_live"), 21ULL);
	KUNIT_EXPECT_EQ(test, MORE("allocs"), 31ULL);
	KUNIT_EXPECT_EQ(test, MORE("frees"), 10ULL);
	KUNIT_EXPECT_EQ(test, MORE("allocs_large"), 1ULL);
	KUNIT_EXPECT_EQ(test, MORE("bytes_live"), 20 * goslab_size_roundup(96) + 57344ULL);
	KUNIT_EXPECT_EQ(test, MORE("reports"), 0ULL);
	for (i = 0; i < 20; i++)
		goslab_free(p[i]);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p[0]));
	goslab_free(large);
	after = gs_test_read(test, "stats");
	KUNIT_EXPECT_EQ(test, MORE("objects_live"), 0ULL);
	KUNIT_EXPECT_EQ(test, MORE("frees"), 31ULL);
	KUNIT_EXPECT_EQ(test, MORE("reports"), 1ULL);
#undef MORE
}

/* What the peak says is what was held. */
static void peak(struct kunit *test)
{
	struct goslab_usage now, most;
	void *p;

	goslab_shrink();
	goslab_usage_reset_peak();
	goslab_usage(&now, &most);
	KUNIT_EXPECT_EQ(test, most.held, now.held);
	p = goslab_malloc(2UL << 20, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	goslab_usage(&now, &most);
	KUNIT_EXPECT_EQ(test, most.held, now.held);
	KUNIT_EXPECT_EQ(test, most.spans, now.spans);
	KUNIT_EXPECT_GE(test, most.spans, 2UL << 20);
	goslab_free(p);
	goslab_shrink();
	goslab_usage(&now, &most);
	KUNIT_EXPECT_LT(test, now.held, most.held);
	KUNIT_EXPECT_GE(test, most.held, 2UL << 20);
	KUNIT_EXPECT_EQ(test, most.held,
			most.spans + most.free_runs + most.metadata);
	goslab_usage_reset_peak();
	goslab_usage(&now, &most);
	KUNIT_EXPECT_EQ(test, most.held, now.held);
}

static atomic_t nr_walks;

static void count_walk(enum gs_hook_point point, void *arg)
{
	atomic_inc(&nr_walks);
}

/* A new peak walks no slots: a reader does, once for each peak. */
static void peak_is_cheap(struct kunit *test)
{
	struct goslab_usage now, most;
	void *p[100], *large[4];
	unsigned int i;

	goslab_shrink();
	goslab_usage_reset_peak();
	gs_test_hook(GS_HOOK_PARKED_WALK, count_walk);
	atomic_set(&nr_walks, 0);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc(1000, GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		large[i] = goslab_malloc(2UL << 20, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_walks), 0);
	gs_test_hook(GS_HOOK_PARKED_WALK, NULL);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);

	goslab_usage(&now, &most);
	KUNIT_EXPECT_EQ(test, most.held, now.held);
	KUNIT_EXPECT_GT(test, now.parked, 0UL);
	KUNIT_EXPECT_EQ(test, most.parked, now.parked);
	/* That look stays the one of this peak. */
	gs_drain_this_cpu(false);
	gs_test_hook(GS_HOOK_PARKED_WALK, count_walk);
	goslab_usage(NULL, &most);
	KUNIT_EXPECT_EQ(test, atomic_read(&nr_walks), 0);
	KUNIT_EXPECT_EQ(test, most.parked, now.parked);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		goslab_free(large[i]);
}

#define NR_COLUMNS	10

/* One row of classes. Return: false for none. */
static bool class_row(const char *line, char *name, u64 *n)
{
	return sscanf(line, " %7s %llu %llu %llu %llu %llu %llu %llu %llu %llu %llu",
		      name, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6],
		      &n[7], &n[8], &n[9]) == 1 + NR_COLUMNS;
}

/* The total is the sum of the rows, in every column that can be summed. */
static void classes_add_up(struct kunit *test)
{
	static const u8 summed[] = { 1, 2, 3, 4, 5, 6, 9 };
	u64 sum[NR_COLUMNS] = { }, n[NR_COLUMNS];
	char *text, *line, name[8];
	unsigned int i, rows = 0;
	void *p[40];

	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_malloc(100 * (i + 1), GFP_KERNEL);
	for (i = 0; i < ARRAY_SIZE(p); i += 2)
		goslab_free(p[i]);
	text = gs_test_read(test, "classes");
	KUNIT_EXPECT_STREQ(test, strsep(&text, "\n"),
			   " class    size    spans   objects      live    cached      free     pages per_span span_pgs      waste");
	while ((line = strsep(&text, "\n"))) {
		if (!class_row(line, name, n))
			continue;
		if (!strcmp(name, "Total"))
			break;
		for (i = 0; i < NR_COLUMNS; i++)
			sum[i] += n[i];
		KUNIT_EXPECT_EQ(test, n[2], n[3] + n[4] + n[5]);
		rows++;
	}
	/* 0 to 67, tiny, page stacks, cache, heap. */
	KUNIT_EXPECT_EQ(test, rows, (unsigned int)GS_NR_CLASSES + 3 + GS_STACK_ORDERS);
	KUNIT_EXPECT_STREQ(test, name, "Total");
	for (i = 0; i < ARRAY_SIZE(summed); i++)
		KUNIT_EXPECT_EQ(test, n[summed[i]], sum[summed[i]]);
	KUNIT_EXPECT_EQ(test, n[6], (u64)gs_mheap_counts().in_spans);
	for (i = 1; i < ARRAY_SIZE(p); i += 2)
		goslab_free(p[i]);
}

/* A line of /proc/slabinfo: print what was read as the kernel does. */
static bool is_slabinfo(const char *line)
{
	unsigned long active, num, slabs, all_slabs, shared;
	unsigned int size, per_slab, limit, batch, factor;
	char name[32], again[160];
	int pages;

	if (sscanf(line, "%31s %lu %lu %u %u %d : tunables %u %u %u : slabdata %lu %lu %lu",
		   name, &active, &num, &size, &per_slab, &pages, &limit,
		   &batch, &factor, &slabs, &all_slabs, &shared) != 12)
		return false;
	snprintf(again, sizeof(again), "%-17s %6lu %6lu %6u %4u %4d : tunables %4u %4u %4u : slabdata %6lu %6lu %6lu",
		 name, active, num, size, per_slab, pages, limit, batch, factor,
		 slabs, all_slabs, shared);
	return !strcmp(line, again) && active <= num && slabs <= all_slabs;
}

static void caches_are_slabinfo(struct kunit *test)
{
	struct goslab_cache *cache;
	char *text, *line, *found = NULL;
	unsigned int i;
	void *p[5];

	cache = goslab_cache_create(NAME, 200, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		p[i] = goslab_cache_alloc(cache, GFP_KERNEL);
	text = gs_test_read(test, "caches");
	KUNIT_EXPECT_STREQ(test, strsep(&text, "\n"), "slabinfo - version: 2.1");
	KUNIT_EXPECT_STREQ(test, strsep(&text, "\n"),
			   "# name            <active_objs> <num_objs> <objsize> <objperslab> <pagesperslab> : tunables <limit> <batchcount> <sharedfactor> : slabdata <active_slabs> <num_slabs> <sharedavail>");
	while ((line = strsep(&text, "\n")) && *line) {
		KUNIT_EXPECT_TRUE_MSG(test, is_slabinfo(line), "%s", line);
		if (!strncmp(line, NAME " ", strlen(NAME) + 1))
			found = line;
	}
	KUNIT_ASSERT_NOT_NULL(test, found);
	KUNIT_EXPECT_TRUE_MSG(test, strstr(found, " 5     40    200   40"),
			      "%s", found);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_cache_free(cache, p[i]);
	goslab_cache_destroy(cache);
	text = gs_test_read(test, "caches");
	KUNIT_EXPECT_NULL(test, strstr(text, NAME));
}

/* The row of this module. */
static void own_row(struct kunit *test, u64 *objects, u64 *bytes)
{
	char *text = gs_test_read(test, "owners"), *line, name[64];

	KUNIT_EXPECT_STREQ(test, strsep(&text, "\n"), "owners - version: 1.0");
	strsep(&text, "\n");
	while ((line = strsep(&text, "\n")))
		if (sscanf(line, " %llu %llu %63s", objects, bytes, name) == 3 &&
		    !strcmp(name, "goslab_kunit"))
			return;
	KUNIT_FAIL(test, "this module is not among the owners");
}

/* A row per heap, and one per heap and module with objects in it. */
static void heaps(struct kunit *test)
{
	struct goslab_heap_args args = { .quota = 512 << 10 };
	struct goslab_heap *heap = goslab_heap_create(NAME, &args);
	size_t quota, held, peak, bytes, row_bytes = 0;
	unsigned long objects, refused, row_objects = 0;
	char *text, *line, name[32], by[32];
	unsigned int rows = 0;
	void *p, *q;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	p = goslab_heap_malloc(heap, 100, GFP_KERNEL);
	q = goslab_heap_malloc(heap, 40000, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, goslab_heap_malloc(heap, 520000, GFP_KERNEL));
	text = gs_test_read(test, "heaps");
	KUNIT_EXPECT_STREQ(test, strsep(&text, "\n"), "heaps - version: 1.0");
	while ((line = strsep(&text, "\n")) && *line)
		if (sscanf(line, NAME "%zu %zu %zu %lu %zu %lu %31s", &quota,
			   &held, &peak, &objects, &bytes, &refused, by) == 7)
			rows++;
	while ((line = strsep(&text, "\n")))
		if (sscanf(line, NAME "%lu %zu %31s", &row_objects, &row_bytes,
			   name) == 3)
			rows++;
	KUNIT_ASSERT_EQ(test, rows, 2U);
	KUNIT_EXPECT_EQ(test, quota, 512UL << 10);
	KUNIT_EXPECT_EQ(test, held, 49152UL);
	KUNIT_EXPECT_EQ(test, objects, 2UL);
	KUNIT_EXPECT_EQ(test, bytes, goslab_size(p) + goslab_size(q));
	KUNIT_EXPECT_EQ(test, refused, 1UL);
	KUNIT_EXPECT_STREQ(test, by, KBUILD_MODNAME);
	KUNIT_EXPECT_STREQ(test, name, KBUILD_MODNAME);
	KUNIT_EXPECT_EQ(test, row_objects, 2UL);
	KUNIT_EXPECT_EQ(test, row_bytes, bytes);
	goslab_heap_destroy(heap);
}

static void owners(struct kunit *test)
{
	u64 objects = 0, bytes = 0, more = 0, more_bytes = 0;
	void *p = goslab_malloc(1000, GFP_KERNEL), *q;

	own_row(test, &objects, &bytes);
	q = goslab_malloc(50000, GFP_KERNEL);
	own_row(test, &more, &more_bytes);
	KUNIT_EXPECT_EQ(test, more, objects + 1);
	KUNIT_EXPECT_EQ(test, more_bytes, bytes + goslab_size(q));
	goslab_free(p);
	goslab_free(q);
}

#define NR_MADE_UP	300

/* Rows of made-up modules, and the row of those that share a number. */
static unsigned int made_up_rows(struct kunit *test, u64 *others, u64 *bytes)
{
	char *text = gs_test_read(test, "owners"), *line, name[64];
	unsigned int rows = 0;
	u64 objects, size;

	*others = 0;
	*bytes = 0;
	while ((line = strsep(&text, "\n"))) {
		if (sscanf(line, " %llu %llu %63s", &objects, &size, name) != 3)
			continue;
		if (!strcmp(name, "others")) {
			*others = objects;
			*bytes = size;
		} else if (!strncmp(name, "made-up-", 8)) {
			KUNIT_EXPECT_EQ_MSG(test, objects, 1ULL, "%s", line);
			rows++;
		}
	}
	return rows;
}

/* More modules than numbers: the last ones are counted together. */
static void more_owners_than_numbers(struct kunit *test)
{
	unsigned int had = gs_owner_forget(UINT_MAX), rows, i;
	struct goslab_owner *o;
	u64 others, bytes;
	char (*names)[16];
	void **p;

	o = kunit_kcalloc(test, NR_MADE_UP, sizeof(*o), GFP_KERNEL);
	p = kunit_kcalloc(test, NR_MADE_UP, sizeof(*p), GFP_KERNEL);
	names = kunit_kcalloc(test, NR_MADE_UP, sizeof(*names), GFP_KERNEL);
	KUNIT_ASSERT_TRUE(test, o && p && names);
	for (i = 0; i < NR_MADE_UP; i++) {
		snprintf(names[i], sizeof(names[i]), "made-up-%u", i);
		o[i].name = names[i];
		p[i] = __goslab_malloc(1000, GFP_KERNEL, &o[i]);
		KUNIT_EXPECT_NOT_NULL(test, p[i]);
	}
	rows = made_up_rows(test, &others, &bytes);
	KUNIT_EXPECT_EQ(test, rows, GS_OWNER_MAX - GS_OWNER_MIN - had);
	KUNIT_EXPECT_EQ(test, others, (u64)NR_MADE_UP - rows);
	KUNIT_EXPECT_EQ(test, bytes, others * goslab_size(p[0]));
	KUNIT_EXPECT_EQ(test, o[NR_MADE_UP - 1].id, GS_OWNER_MAX);
	/* A name that is known keeps its number while the table is full. */
	o[0].id = 0;
	KUNIT_EXPECT_EQ(test, gs_owner_id(&o[0]), GS_OWNER_MIN + had);
	for (i = 0; i < NR_MADE_UP; i++)
		goslab_free(p[i]);
	gs_owner_forget(had);
}

static unsigned int rows_of(char *text)
{
	unsigned int rows = 0;
	char *line;

	while ((line = strsep(&text, "\n")))
		rows += *line && *line != '#';
	return rows;
}

/* A row for each thing that there is. */
static void rows(struct kunit *test)
{
	void *p = goslab_malloc(100, GFP_KERNEL);
	char *mheap = gs_test_read(test, "mheap");

	/* And one for the version. */
	KUNIT_EXPECT_EQ(test, rows_of(gs_test_read(test, "mcaches")),
			1 + num_possible_cpus());
	KUNIT_EXPECT_EQ(test, rows_of(gs_test_read(test, "spans")),
			(unsigned int)(1 + gs_mheap_counts().nr_spans));
	KUNIT_EXPECT_EQ(test, gs_test_value(test, mheap, "pages drawn") -
			gs_test_value(test, mheap, "pages released"),
			gs_test_value(test, mheap, "pages in spans") +
			gs_test_value(test, mheap, "pages free"));
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, strncmp(gs_test_read(test, "verify"),
				      "ok\nchecked: structures, sums\n", 29), 0);
}

/* What stands in the row of the span that begins at @p, and where its arena is. */
static void span_place(struct kunit *test)
{
	void *p = goslab_malloc(40000, GFP_KERNEL);
	unsigned long base = (unsigned long)p, arena = round_down(base, GS_ARENA_SIZE);
	char *want = kunit_kzalloc(test, 64, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_NOT_NULL(test, want);
	snprintf(want, 64, " -      1 %p %3lu\n", (void *)arena,
		 (base - arena) >> GS_PAGE_SHIFT);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "spans"), want));
	snprintf(want, 64, "%p ", (void *)arena);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "arenas"), want));
	goslab_free(p);
}

/* Many spans are read an arena at a time, not in one piece. */
static void many_spans(struct kunit *test)
{
	enum { NR = 1100 };
	void **p = kunit_kcalloc(test, NR, sizeof(*p), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, p);
	for (i = 0; i < NR; i++)
		p[i] = goslab_malloc(33000, GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, rows_of(gs_test_read(test, "spans")),
			(unsigned int)(1 + gs_mheap_counts().nr_spans));
	KUNIT_EXPECT_GT(test, gs_mheap_counts().nr_spans, GS_ARENA_PAGES);
	KUNIT_EXPECT_LE(test, gs_test_largest, GS_ARENA_PAGES * 112);
	for (i = 0; i < NR; i++)
		goslab_free(p[i]);
}

static struct kunit_case stats_cases[] = {
	KUNIT_CASE(modes),
	KUNIT_CASE(lines_of_stats),
	KUNIT_CASE(sums_close),
	KUNIT_CASE(counts),
	KUNIT_CASE(peak),
	KUNIT_CASE(peak_is_cheap),
	KUNIT_CASE(classes_add_up),
	KUNIT_CASE(caches_are_slabinfo),
	KUNIT_CASE(heaps),
	KUNIT_CASE(owners),
	KUNIT_CASE(more_owners_than_numbers),
	KUNIT_CASE(rows),
	KUNIT_CASE(span_place),
	KUNIT_CASE(many_spans),
	{}
};

static struct kunit_suite stats_suite = {
	.name = "goslab_stats",
	GS_TEST_CASES_PINNED,
	.test_cases = stats_cases,
};
kunit_test_suite(stats_suite);
