// SPDX-License-Identifier: GPL-2.0
/*
 * class_kunit: goslab_class: middle/class.c, shapes of spans and fresh spans.
 *
 * Classes of the cases' own are on no list; their spans go straight back.
 */
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/sizeclass.h"
#include "base/sys.h"
#include "front/drain.h"
#include "middle/class.h"
#include "testlib.h"

static void classes_of_malloc(struct kunit *test)
{
	unsigned int spc;

	for (spc = 2; spc < GS_NR_SPC; spc++) {
		bool tiny = spc == GS_SPC_TINY;
		struct gs_class *c = &gs_classes[spc];
		struct gs_sizeclass sc = gs_sizeclass(tiny ? GS_TINY_CLASS :
						      spc >> 1);
		char name[GS_NAME_LEN];

		snprintf(name, sizeof(name), "%s-%u", tiny ? "tiny" :
			 spc & 1 ? "noscan" : "malloc", sc.size);
		KUNIT_EXPECT_STREQ(test, c->name, name);
		KUNIT_EXPECT_EQ(test, c->elemsize, sc.size);
		KUNIT_EXPECT_EQ(test, c->npages, sc.pages);
		KUNIT_EXPECT_EQ(test, c->align_pages, sc.align_pages);
		KUNIT_EXPECT_EQ(test, c->nelems,
				sc.pages * GS_PAGE_SIZE / sc.size);
		KUNIT_EXPECT_EQ(test, c->tiny, tiny);
		KUNIT_EXPECT_EQ(test, c->owner, 0);
		KUNIT_EXPECT_GE(test, c->batch, 1);
		KUNIT_EXPECT_LE(test, c->batch, GS_BATCH_MAX);
		KUNIT_EXPECT_GE(test, c->depth, 2);
		KUNIT_EXPECT_PTR_EQ(test, gs_class_central(c, 0)->class, c);
	}
}

/* Fewest pages whose tail is at most an eighth. */
static unsigned int naive_pages(size_t elemsize)
{
	unsigned int npages = gs_pages(elemsize);

	if (elemsize > GS_MAX_SMALL)
		return npages;
	while (npages * GS_PAGE_SIZE % elemsize > npages * GS_PAGE_SIZE / 8)
		npages++;
	return npages;
}

static void expect_shape(struct kunit *test, size_t size, size_t align)
{
	struct gs_class c = { .name = "shape" };

	KUNIT_ASSERT_EQ_MSG(test, gs_class_init(&c, size, align), 0,
			    "%zu to %zu", size, align);
	if (c.elemsize != round_up(size, align) ||
	    c.npages != naive_pages(c.elemsize) || !c.nelems ||
	    c.nelems != c.npages * GS_PAGE_SIZE / c.elemsize ||
	    c.batch < 1 || c.batch > GS_BATCH_MAX || c.depth < 2 ||
	    !is_power_of_2(c.align_pages))
		KUNIT_FAIL(test, "%zu to %zu: %u objects of %u in %u pages",
			   size, align, c.nelems, c.elemsize, c.npages);
	gs_class_exit(&c);
}

static void shapes_of_caches(struct kunit *test)
{
	static const size_t large[] = {
		GS_MAX_SMALL + 1, 40000, 65536, 100000, 1 << 20, 3 << 20,
		GOSLAB_MAX_SIZE - 1, GOSLAB_MAX_SIZE,
	};
	size_t size, align;
	unsigned int i;

	for (size = 1; size <= GS_MAX_SMALL; size += size < 256 ? 1 : 24)
		for (align = 8; align <= GOSLAB_MAX_ALIGN; align *= 8)
			expect_shape(test, size, align);
	for (i = 0; i < ARRAY_SIZE(large); i++)
		expect_shape(test, large[i], 8);
}

static void a_class_without_memory(struct kunit *test)
{
	/* More than one chunk of metadata has. */
	enum { NR = 200 * (PAGE_SIZE >> 12) };
	struct gs_class *c = kunit_kcalloc(test, NR, sizeof(*c), GFP_KERNEL);
	unsigned int n = 0;

	KUNIT_ASSERT_NOT_NULL(test, c);
	gs_test_fail_draws(1, ULONG_MAX);
	while (n < NR && !gs_class_init(&c[n], 64, 8))
		n++;
	gs_test_end_draws();
	KUNIT_ASSERT_LT(test, n, NR);
	KUNIT_EXPECT_EQ(test, gs_class_init(&c[n], 64, 8), 0);
	do
		gs_class_exit(&c[n]);
	while (n--);
}

/* Where the ctor was called, in this order. */
static void *constructed[64];
static unsigned int nr_constructed;

static void ctor(void *object)
{
	if (nr_constructed < ARRAY_SIZE(constructed))
		constructed[nr_constructed] = object;
	nr_constructed++;
	memset(object, 0xc7, 100);
}

static void make_class(struct kunit *test, struct gs_class *c, size_t size)
{
	KUNIT_ASSERT_EQ(test, gs_class_init(c, size, 8), 0);
	nr_constructed = 0;
}

static void a_fresh_span_is_ready(struct kunit *test)
{
	struct gs_class c = { .name = "fresh", .ctor = ctor,
			      .keep = GS_KEEP_CONTENTS };
	struct mspan *s;
	unsigned int i;

	make_class(test, &c, 200);
	s = gs_class_new_span(&c, numa_mem_id(), GFP_KERNEL, false);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_SMALL);
	KUNIT_EXPECT_PTR_EQ(test, s->class, &c);
	KUNIT_EXPECT_EQ(test, s->elemsize, 200);
	KUNIT_EXPECT_EQ(test, s->nelems, c.nelems);
	KUNIT_EXPECT_EQ(test, s->owned, 1);
	KUNIT_EXPECT_EQ(test, s->keep, GS_KEEP_CONTENTS);
	KUNIT_EXPECT_EQ(test, s->tiny, 0);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	KUNIT_EXPECT_PTR_EQ(test, gs_arena_span((void *)s->base), s);

	KUNIT_EXPECT_EQ(test, nr_constructed, c.nelems);
	for (i = 0; i < s->nelems; i++)
		KUNIT_EXPECT_PTR_EQ(test, constructed[i], gs_span_object(s, i));
	gs_mheap_free(s);
	gs_class_exit(&c);
}

static void a_fresh_tiny_span_has_no_objects(struct kunit *test)
{
	struct gs_class *c = &gs_classes[GS_SPC_TINY];
	unsigned int round, i, set = 0;

	for (round = 0; round < 2; round++) {
		struct mspan *s = gs_class_new_span(c, numa_mem_id(), GFP_KERNEL, false);

		KUNIT_ASSERT_NOT_NULL(test, s);
		KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_TINY);
		KUNIT_EXPECT_EQ(test, s->tiny, 1);
		KUNIT_EXPECT_EQ(test, s->keep, 0);
		for (i = 0; i < s->nelems; i++) {
			set += atomic_read(&gs_span_tiny_masks(s)[i]);
			/* For the next one, which gets this descriptor. */
			atomic_set(&gs_span_tiny_masks(s)[i], 1);
		}
		gs_mheap_free(s);
	}
	KUNIT_EXPECT_EQ(test, set, 0);
}

static void refuse_long_blocks(enum gs_hook_point point, void *arg)
{
	struct gs_draw *draw = arg;

	if (draw->bytes > GS_UNIT_SIZE && !draw->meta)
		draw->bytes = 0;
}

static void spans_are_short_when_memory_is(struct kunit *test)
{
	struct gs_class c = { .name = "short", .ctor = ctor };
	struct mspan *s;

	make_class(test, &c, 3000);	/* 2 pages, or 1 of 2 objects */
	if (c.npages <= GS_UNIT_PAGES) {
		gs_class_exit(&c);
		kunit_skip(test, "a page of the kernel has room for any first span");
	}
	gs_test_hook(GS_HOOK_SYS_DRAW, refuse_long_blocks);
	s = gs_class_new_span(&c, numa_mem_id(), GFP_KERNEL, false);
	gs_test_hook(GS_HOOK_SYS_DRAW, NULL);
	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_EXPECT_EQ(test, s->npages, gs_pages(c.elemsize));
	KUNIT_EXPECT_EQ(test, s->nelems, gs_span_size(s) / 3000);
	KUNIT_EXPECT_EQ(test, nr_constructed, s->nelems);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	gs_mheap_free(s);
	gs_class_exit(&c);
}

static void spans_get_longer_with_use(struct kunit *test)
{
	struct gs_class c = { .name = "long" };
	unsigned int nr, pages, most = 0, i, bad = 0;

	make_class(test, &c, 1000);
	for (nr = 0; nr < 2000; nr += 13) {
		struct mspan *s;

		gs_class_central(&c, numa_mem_id())->nr_spans = nr;
		s = gs_class_new_span(&c, numa_mem_id(), GFP_KERNEL, false);
		KUNIT_ASSERT_NOT_NULL(test, s);
		pages = s->npages;
		/* An eighth of what there is, or one. */
		KUNIT_EXPECT_LE(test, pages, max(c.npages + 0U, nr * c.npages / 8));
		KUNIT_EXPECT_EQ(test, pages % c.npages, 0);
		KUNIT_EXPECT_GE(test, pages, most);
		KUNIT_EXPECT_EQ(test, s->nelems, gs_span_size(s) / 1000);
		for (i = 0; i < gs_span_size(s); i++)
			bad += gs_span_index(s, (void *)s->base + i) !=
			       (i % 1000 || i >= gs_span_bytes(s) ? -1 : (int)i / 1000);
		most = pages;
		gs_mheap_free(s);
	}
	KUNIT_EXPECT_EQ(test, most * GS_PAGE_SIZE, 64UL << 10);
	KUNIT_EXPECT_EQ(test, bad, 0);
	gs_class_exit(&c);
}

/*
 * A span of @c as it is with @nr_spans: the descriptor has room for its objects,
 * and is of a kind that there is. Return: objects.
 */
static unsigned int expect_span(struct kunit *test, struct gs_class *c,
				unsigned int nr_spans)
{
	struct mcentral *mc = gs_class_central(c, numa_mem_id());
	unsigned int was = mc->nr_spans, nelems;
	struct mspan *s;

	mc->nr_spans = nr_spans;
	s = gs_class_new_span(c, numa_mem_id(), GFP_KERNEL, false);
	mc->nr_spans = was;
	KUNIT_ASSERT_NOT_NULL(test, s);
	nelems = s->nelems;
	KUNIT_EXPECT_LE_MSG(test, nelems, c->tiny ? GS_TINY_CAP : GS_SPAN_MAX_CAP,
			    "%s: %u bytes, %u pages", c->name, c->elemsize,
			    s->npages);
	KUNIT_EXPECT_LE(test, nelems, s->cap);
	KUNIT_EXPECT_LE(test, gs_span_bytes(s), gs_span_size(s));
	/* Blocks of more than a page of ours are full. */
	if (!c->tiny && s->npages > max(c->npages + 0UL, GS_UNIT_PAGES))
		KUNIT_EXPECT_GE_MSG(test, gs_span_bytes(s),
				    gs_span_size(s) / 8 * 7,
				    "%s: %u bytes, %u pages", c->name,
				    c->elemsize, s->npages);
	gs_mheap_free(s);
	return nelems;
}

/* However busy a class is, no span has more objects than a descriptor. */
static void spans_have_as_many_objects_as_descriptors(struct kunit *test)
{
	unsigned int nr, account;
	size_t size;

	for (account = 0; account < 2; account++) {
		for (size = 8; size <= 4096; size += size < 256 ? 8 : 136) {
			struct gs_class c = { .name = "cap",
					      .account = account };

			make_class(test, &c, size);
			for (nr = 0; nr < 2000; nr += 200)
				expect_span(test, &c, nr);
			gs_class_exit(&c);
		}
	}
}

/* Blocks of tiny objects have masks, too. */
static void tiny_spans_have_as_many_blocks_as_descriptors(struct kunit *test)
{
	struct gs_class *c = &gs_classes[GS_SPC_TINY];
	unsigned int nr;

	for (nr = 0; nr < 2000; nr += 200)
		KUNIT_EXPECT_EQ(test, expect_span(test, c, nr), GS_TINY_CAP);
	gs_class_central(c, numa_mem_id())->length = 0;
}

/* A class that has shrunk is not busy any more when the sweep comes by. */
static void the_sweep_forgets_that_a_class_was_busy(struct kunit *test)
{
	struct gs_class c = { .name = "busy" };
	struct mcentral *mc;
	unsigned int i;

	make_class(test, &c, 1000);
	mc = gs_class_central(&c, numa_mem_id());
	mutex_lock(&gs_class_mutex);
	list_add(&c.link, &gs_class_list);
	mutex_unlock(&gs_class_mutex);
	for (i = 0; i < 4; i++) {
		static const unsigned int spans[] = { 0, 1000, 4, 3 };
		static const bool busy[] = { false, true, true, false };
		struct mspan *s;

		mc->nr_spans = spans[i];
		gs_class_sweep(true);
		s = gs_class_new_span(&c, numa_mem_id(), GFP_KERNEL, false);
		KUNIT_ASSERT_NOT_NULL(test, s);
		KUNIT_EXPECT_EQ_MSG(test, s->npages,
				    busy[i] ? c.longer[0].npages : c.npages,
				    "with %u spans", spans[i]);
		gs_mheap_free(s);
	}
	mutex_lock(&gs_class_mutex);
	list_del(&c.link);
	mutex_unlock(&gs_class_mutex);
	gs_class_exit(&c);
}

/* What was lost in a span does not come back with its descriptor. */
static void a_spoilt_span_is_cut_again(struct kunit *test)
{
	struct gs_class c = { .name = "spoilt" };
	struct mspan *first = NULL;
	unsigned int round;

	goslab_free(goslab_malloc(300000, GFP_KERNEL));	/* the reserve */
	make_class(test, &c, 1000);
	for (round = 0; round < 2; round++) {
		struct mspan *s = gs_class_new_span(&c, numa_mem_id(),
						    GFP_KERNEL, false);

		KUNIT_ASSERT_NOT_NULL(test, s);
		first = first ?: s;
		KUNIT_EXPECT_PTR_EQ(test, s, first);
		KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
		KUNIT_EXPECT_EQ(test, s->alloc_count, 0);
		s->objects[0] = GS_OWNER_MIN;
		gs_span_take(s, 0, 1, 1);
		gs_span_spoil(s);
		gs_mheap_free(s);
	}
	gs_class_exit(&c);
}

static void no_span_without_memory(struct kunit *test)
{
	struct gs_class c = { .name = "none", .ctor = ctor };
	size_t data = gs_sys_held() - gs_sys_meta();

	make_class(test, &c, 64);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, gs_class_new_span(&c, numa_mem_id(),
						  GFP_KERNEL, false));
	gs_test_end_draws();
	KUNIT_EXPECT_EQ(test, nr_constructed, 0);
	KUNIT_EXPECT_EQ(test, gs_sys_held() - gs_sys_meta(), data);
	gs_class_exit(&c);
}

static struct kunit_case class_cases[] = {
	KUNIT_CASE(classes_of_malloc),
	KUNIT_CASE(shapes_of_caches),
	KUNIT_CASE(a_class_without_memory),
	KUNIT_CASE(a_fresh_span_is_ready),
	KUNIT_CASE(a_fresh_tiny_span_has_no_objects),
	KUNIT_CASE(spans_are_short_when_memory_is),
	KUNIT_CASE(spans_get_longer_with_use),
	KUNIT_CASE(spans_have_as_many_objects_as_descriptors),
	KUNIT_CASE(tiny_spans_have_as_many_blocks_as_descriptors),
	KUNIT_CASE(the_sweep_forgets_that_a_class_was_busy),
	KUNIT_CASE(a_spoilt_span_is_cut_again),
	KUNIT_CASE(no_span_without_memory),
	{}
};

static struct kunit_suite class_suite = {
	.name = "goslab_class",
	GS_TEST_CASES,
	.test_cases = class_cases,
};
kunit_test_suite(class_suite);
