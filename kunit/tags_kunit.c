// SPDX-License-Identifier: GPL-2.0
/*
 * tags_kunit: goslab_tags: back/tags.c and <linux/goslab_tags.h>: what
 * /proc/allocinfo tells of call sites. Skipped on kernels without it.
 */
#include <linux/fs.h>
#include <linux/goslab.h>
#include <linux/seq_file.h>

#include "back/arena.h"
#include "testlib.h"

#ifdef CONFIG_MEM_ALLOC_PROFILING
#define NAME	"kunit-tags"

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

/* What the tag of a call site of ours counts. */
static void expect(struct kunit *test, struct alloc_tag *tag, u64 bytes,
		   u64 calls)
{
	struct alloc_tag_counters now = alloc_tag_read(tag);

	KUNIT_EXPECT_EQ_MSG(test, now.bytes, bytes, "%s:%u", tag->ct.function,
			    tag->ct.lineno);
	KUNIT_EXPECT_EQ_MSG(test, now.calls, calls, "%s:%u", tag->ct.function,
			    tag->ct.lineno);
}

/* The call itself, not the macro, for a tag that is named. */
#define WITH(tag, call, ...)	alloc_hooks_tag(&(tag), (call)(__VA_ARGS__))

static void sizes(struct kunit *test)
{
	DEFINE_ALLOC_TAG(tag);
	static const size_t of[] = { 1, 24, 100, 4096, 32768, 40000, 1 << 20 };
	unsigned int i, n;
	void *p[20];

	for (i = 0; i < ARRAY_SIZE(of); i++) {
		size_t real = goslab_size_roundup(of[i]);

		for (n = 0; n < ARRAY_SIZE(p); n++) {
			p[n] = WITH(tag, goslab_malloc, of[i], GFP_KERNEL);
			KUNIT_ASSERT_NOT_NULL(test, p[n]);
		}
		expect(test, &tag, ARRAY_SIZE(p) * real, ARRAY_SIZE(p));
		for (n = 0; n < ARRAY_SIZE(p); n += 2)
			goslab_free(p[n]);
		expect(test, &tag, ARRAY_SIZE(p) / 2 * real, ARRAY_SIZE(p) / 2);
		for (n = 1; n < ARRAY_SIZE(p); n += 2)
			goslab_free(p[n]);
		expect(test, &tag, 0, 0);
	}
}

static void calls(struct kunit *test)
{
	struct goslab_cache *cache = goslab_cache_create(NAME, 200, 0, 0, NULL);
	DEFINE_ALLOC_TAG(by_noscan);
	DEFINE_ALLOC_TAG(by_node);
	DEFINE_ALLOC_TAG(by_cache);
	DEFINE_ALLOC_TAG(by_constant);
	void *p[4];

	KUNIT_ASSERT_NOT_NULL(test, cache);
	p[0] = WITH(by_noscan, goslab_malloc_noscan, hidden(5), GFP_KERNEL);
	p[1] = WITH(by_node, goslab_malloc_node, 500, GFP_KERNEL, 0);
	p[2] = WITH(by_cache, goslab_cache_alloc, cache, GFP_KERNEL);
	p[3] = WITH(by_constant, goslab_zalloc, 64, GFP_KERNEL);
	expect(test, &by_noscan, 8, 1);
	expect(test, &by_node, 512, 1);
	expect(test, &by_cache, 200, 1);
	expect(test, &by_constant, 64, 1);
	goslab_free(p[0]);
	goslab_free_sensitive(p[1]);
	goslab_cache_free(cache, p[2]);
	goslab_kvfree(p[3]);
	expect(test, &by_noscan, 0, 0);
	expect(test, &by_node, 0, 0);
	expect(test, &by_cache, 0, 0);
	expect(test, &by_constant, 0, 0);
	goslab_cache_destroy(cache);
}

/* Who moves an object has it from then on; in place it stays whose it was. */
static void resized(struct kunit *test)
{
	DEFINE_ALLOC_TAG(first);
	DEFINE_ALLOC_TAG(then);
	void *p = WITH(first, goslab_malloc, hidden(100), GFP_KERNEL);

	p = WITH(then, goslab_realloc, p, hidden(110), GFP_KERNEL);
	expect(test, &first, 112, 1);
	expect(test, &then, 0, 0);
	p = WITH(then, goslab_realloc, p, hidden(3000), GFP_KERNEL);
	expect(test, &first, 0, 0);
	expect(test, &then, 3072, 1);
	goslab_free(p);
	expect(test, &then, 0, 0);
}

/* A second free takes nothing off. */
static void freed_twice(struct kunit *test)
{
	DEFINE_ALLOC_TAG(tag);
	void *p = WITH(tag, goslab_malloc, hidden(100), GFP_KERNEL);
	void *q = WITH(tag, goslab_malloc, hidden(100), GFP_KERNEL);

	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_free(p));
	expect(test, &tag, 112, 1);
	goslab_free(q);
}

/* A heap that goes takes what lives in it off all counters. */
static void freed_with_the_heap(struct kunit *test)
{
	struct goslab_heap *heap = goslab_heap_create(NAME, NULL);
	DEFINE_ALLOC_TAG(tag);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, heap);
	for (i = 0; i < 100; i++)
		WITH(tag, goslab_heap_malloc, heap, hidden(100), GFP_KERNEL);
	WITH(tag, goslab_heap_malloc, heap, hidden(40000), GFP_KERNEL);
	expect(test, &tag, 100 * 112 + 40960, 101);
	goslab_heap_destroy(heap);
	expect(test, &tag, 0, 0);
}

/* Without a tag, as a caller that was not built with the macros. */
static void untagged(struct kunit *test)
{
	void *p = (goslab_malloc)(hidden(100), GFP_KERNEL);
	void *q = (goslab_kvmalloc)(hidden(GOSLAB_MAX_SIZE + 1), GFP_KERNEL);

	KUNIT_EXPECT_NOT_NULL(test, p);
	KUNIT_EXPECT_NOT_NULL(test, q);
	goslab_free(p);
	goslab_kvfree(q);
}

/* What /proc/allocinfo has of a line of this file, in bytes; -1: nothing. */
static s64 bytes_of(struct kunit *test, unsigned int line)
{
	char *buf = kunit_kzalloc(test, 1 << 20, GFP_KERNEL), *at, want[40];
	struct file *file = filp_open("/proc/allocinfo", O_RDONLY, 0);
	s64 bytes = -1;
	size_t len = 0;
	loff_t pos = 0;
	ssize_t n;

	KUNIT_ASSERT_FALSE(test, IS_ERR(file));
	KUNIT_ASSERT_NOT_NULL(test, buf);
	do {
		n = kernel_read(file, buf + len, (1 << 20) - 1 - len, &pos);
		len += max(n, 0L);
	} while (n > 0);
	filp_close(file, NULL);
	snprintf(want, sizeof(want), "tags_kunit.c:%u ", line);
	at = strstr(buf, want);
	while (at && at > buf && at[-1] != '\n')
		at--;
	if (at && sscanf(at, "%lld", &bytes) != 1)
		bytes = -1;
	return bytes;
}

/* The macros put the line of the call there. */
static void call_sites(struct kunit *test)
{
	unsigned int line[5];
	void *p[4], *data;

	p[0] = goslab_malloc(1000, GFP_KERNEL); line[0] = __LINE__;
	p[1] = goslab_strdup("some string", GFP_KERNEL); line[1] = __LINE__;
	p[2] = goslab_asprintf(GFP_KERNEL, "%d", 1); line[2] = __LINE__;
	p[3] = goslab_zalloc_objs(u64, 200); line[3] = __LINE__;
	data = goslab_kvmalloc(GOSLAB_MAX_SIZE + 1, GFP_KERNEL); line[4] = __LINE__;
	KUNIT_EXPECT_EQ(test, bytes_of(test, line[0]), 1024LL);
	KUNIT_EXPECT_EQ(test, bytes_of(test, line[1]), 16LL);
	KUNIT_EXPECT_EQ(test, bytes_of(test, line[2]), 8LL);
	KUNIT_EXPECT_EQ(test, bytes_of(test, line[3]), 1792LL);
	KUNIT_EXPECT_GT(test, bytes_of(test, line[4]), (s64)GOSLAB_MAX_SIZE);
	goslab_free(p[0]);
	goslab_free(p[1]);
	goslab_free(p[2]);
	goslab_free(p[3]);
	goslab_kvfree(data);
	KUNIT_EXPECT_LE(test, bytes_of(test, line[0]), 0LL);
	KUNIT_EXPECT_LE(test, bytes_of(test, line[3]), 0LL);
	KUNIT_EXPECT_LE(test, bytes_of(test, line[4]), 0LL);
}

#if !defined(GS_COMPAT_NO_PROFILING_KEY) && \
	!defined(CONFIG_MEM_ALLOC_PROFILING_DEBUG)
/* As sysctl vm.mem_profiling does, which threads of the kernel may not write. */
static void switch_to(bool on)
{
	if (on)
		static_branch_enable(&mem_alloc_profiling_key);
	else
		static_branch_disable(&mem_alloc_profiling_key);
}

/* Switched off it costs nothing; what was counted before is set right later. */
static void switched_off(struct kunit *test)
{
	struct goslab_cache *cache;
	DEFINE_ALLOC_TAG(tag);
	void *p, *q, *r;

	cache = goslab_cache_create(NAME, 200, 0, 0, NULL);
	KUNIT_ASSERT_NOT_NULL(test, cache);
	p = WITH(tag, goslab_cache_alloc, cache, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	expect(test, &tag, 200, 1);
	KUNIT_EXPECT_NOT_NULL(test, gs_arena_span(p)->tags);

	switch_to(false);
	/* No table, so not one byte more; tiny objects share a block. */
	q = goslab_malloc(9000, GFP_KERNEL);
	KUNIT_EXPECT_NULL(test, gs_arena_span(q)->tags);
	goslab_free(q);
	q = goslab_malloc_noscan(hidden(4), GFP_KERNEL);
	r = goslab_malloc_noscan(hidden(4), GFP_KERNEL);
	KUNIT_EXPECT_EQ(test, gs_arena_span(q)->state == GS_SPAN_TINY,
			!IS_ENABLED(CONFIG_KASAN) &&
			!IS_ENABLED(CONFIG_DEBUG_KMEMLEAK));
	goslab_cache_free(cache, p);
	switch_to(true);

	/* Freed while it was off: still counted, until the place is used. */
	expect(test, &tag, 200, 1);
	p = WITH(tag, goslab_cache_alloc, cache, GFP_KERNEL);
	expect(test, &tag, 200, 1);
	goslab_cache_free(cache, p);
	expect(test, &tag, 0, 0);
	/* Objects of that time go as all others do. */
	goslab_free(q);
	goslab_free(r);
	goslab_cache_destroy(cache);
	GS_EXPECT_WHOLE(test);
}

#endif

static struct kunit_case tags_cases[] = {
#if !defined(GS_COMPAT_NO_PROFILING_KEY) && \
	!defined(CONFIG_MEM_ALLOC_PROFILING_DEBUG)
	KUNIT_CASE(switched_off),
#endif
	KUNIT_CASE(sizes),
	KUNIT_CASE(calls),
	KUNIT_CASE(resized),
	KUNIT_CASE(freed_twice),
	KUNIT_CASE(freed_with_the_heap),
	KUNIT_CASE(untagged),
	KUNIT_CASE(call_sites),
	{}
};
#else
static void allocinfo(struct kunit *test)
{
	kunit_skip(test, "needs CONFIG_MEM_ALLOC_PROFILING");
}

static struct kunit_case tags_cases[] = {
	KUNIT_CASE(allocinfo),
	{}
};
#endif

static struct kunit_suite tags_suite = {
	.name = "goslab_tags",
	GS_TEST_CASES_PINNED,
	.test_cases = tags_cases,
};
kunit_test_suite(tags_suite);
