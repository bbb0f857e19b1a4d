// SPDX-License-Identifier: GPL-2.0
/*
 * mspan_kunit: goslab_mspan: back/mspan.c and .h on descriptors that have no
 * pages: only their addresses are computed with.
 */
#include <linux/bitmap.h>
#include <linux/string.h>

#include "back/mspan.h"
#include "base/sys.h"
#include "testlib.h"

#define BASE	(PAGE_OFFSET + (1UL << 40))	/* nobody's */
#define LIVE	GS_OWNER_MIN

static const struct shape {
	u32 elemsize;
	u16 nelems;
	u16 npages;
	bool tiny;
} shapes[] = {
	{ 8, 1024, 1 }, { 16, 512, 1, true }, { 24, 341, 1 }, { 48, 170, 1 },
	{ 64, 128, 1 }, { 80, 102, 1 }, { 128, 64, 1 }, { 144, 56, 1 },
	{ 2688, 3, 1 }, { 6528, 5, 4 }, { 6784, 6, 5 }, { 27264, 3, 10 },
	{ 32768, 1, 4 }, { 1 << 20, 1, 128 },
	{ 48, 65, 1 }, { 48, 63, 1 }, { 48, 1, 1 },	/* short spans */
};

/* A span of a shape, all free, as if it belonged to nobody. */
static struct mspan *cut(struct kunit *test, const struct shape *shape)
{
	struct mspan *s = gs_span_alloc(shape->nelems, shape->tiny, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_GE(test, s->cap, shape->nelems);
	s->base = BASE;
	s->npages = shape->npages;
	s->node = 0;
	s->needzero = 0;
	gs_span_cut(s, NULL, shape->elemsize, shape->nelems);
	return s;
}

/* What the fast path does with the owned span. */
static int pop(struct mspan *s)
{
	unsigned int i;

	if (!s->alloc_cache && !gs_span_next_window(s))
		return -1;
	i = s->free_index + __ffs64(s->alloc_cache);
	s->alloc_cache &= s->alloc_cache - 1;
	s->objects[i] = LIVE;
	return i;
}

/* What mcentral does with an object of an owned span that another CPU frees. */
static void free_elsewhere(struct mspan *s, unsigned int i)
{
	s->objects[i] = GS_FREE;
	__set_bit(i, gs_span_freed_bits(s));
	s->nr_freed++;
}

static void give_up(struct mspan *s)
{
	gs_span_return_window(s);
	gs_span_merge_freed(s);
	s->owned = 0;
}

/* Fill all that a descriptor has room for; look at it again later. */
static void fill(struct mspan *s, u8 byte)
{
	size_t words = BITS_TO_LONGS(s->cap) * sizeof(long);

	memset(s->objects, byte, s->cap);
	memset(gs_span_alloc_bits(s), byte, words);
	memset(gs_span_freed_bits(s), byte, words);
	if (s->tiny)
		memset(gs_span_tiny_masks(s), byte, s->cap * sizeof(atomic_t));
}

static bool filled(const struct mspan *s, u8 byte)
{
	size_t words = BITS_TO_LONGS(s->cap) * sizeof(long);

	return !memchr_inv(s->objects, byte, s->cap) &&
	       !memchr_inv(gs_span_alloc_bits(s), byte, words) &&
	       !memchr_inv(gs_span_freed_bits(s), byte, words) &&
	       !(s->tiny && memchr_inv(gs_span_tiny_masks(s), byte,
				       s->cap * sizeof(atomic_t)));
}

static void descriptors_do_not_overlap(struct kunit *test)
{
	enum { NR = 1025 };
	struct mspan **all = kunit_kmalloc_array(test, NR, sizeof(*all),
						 GFP_KERNEL);
	unsigned int i, bad = 0;

	KUNIT_ASSERT_NOT_NULL(test, all);
	for (i = 0; i < NR; i++) {	/* the first: tiny */
		unsigned int cap = i ?: GS_PAGE_SIZE / GS_TINY_BLOCK;

		all[i] = gs_span_alloc(cap, !i, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, all[i]);
		KUNIT_EXPECT_GE(test, all[i]->cap, cap);
		KUNIT_EXPECT_EQ(test, all[i]->state, GS_SPAN_DEAD);
		fill(all[i], i % 255 + 1);
	}
	for (i = 0; i < NR; i++)
		bad += !filled(all[i], i % 255 + 1);
	KUNIT_EXPECT_EQ(test, bad, 0);
	for (i = 0; i < NR; i++)
		gs_span_free(all[i]);
}

static void descriptors_keep_their_type(struct kunit *test)
{
	struct mspan *s = gs_span_alloc(100, false, GFP_KERNEL);
	unsigned int cap = s->cap;

	s->state = GS_SPAN_SMALL;
	gs_span_free(s);
	KUNIT_EXPECT_EQ(test, s->state, GS_SPAN_DEAD);
	/* The last one freed is the next one given, to whoever fits in it. */
	KUNIT_EXPECT_PTR_EQ(test, gs_span_alloc(cap, false, GFP_KERNEL), s);
	KUNIT_EXPECT_EQ(test, s->cap, cap);
	KUNIT_EXPECT_EQ(test, s->tiny, 0);
	gs_span_free(s);
}

/* Pieces of one size serve runs, large objects and spans of a few objects. */
static void descriptors_of_runs_serve_objects(struct kunit *test)
{
	struct mspan *s = gs_span_alloc(1, false, GFP_KERNEL), *again;
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, s);
	gs_span_free(s);
	for (i = 2; i < 20; i++) {
		again = cut(test, &(struct shape){ 8192 / i & ~7, i, 1 });
		again->owned = 1;
		while (pop(again) >= 0)
			;
		KUNIT_EXPECT_EQ(test, again->alloc_count, i);
		KUNIT_EXPECT_EQ(test, gs_span_verify(again), 0);
		gs_span_free(again);
	}
}

static unsigned int wrong_indices(const struct mspan *s)
{
	long off, end = gs_span_size(s) + 1;
	unsigned int bad = 0;

	for (off = -1; off <= end; off++) {
		const void *p = (void *)(s->base + off);
		bool in = off >= 0 && off < s->nelems * s->elemsize;
		int within = in ? off / s->elemsize : -1;
		int index = in && off % s->elemsize == 0 ? within : -1;

		bad += gs_span_index(s, p) != index;
		bad += gs_span_index_within(s, p) != within;
	}
	return bad;
}

#define NR_SHORT	200

static void take_short(void *arg)
{
	struct mspan **s = arg;
	unsigned int i;

	for (i = 0; i < NR_SHORT - 16; i++)
		s[i] = gs_span_alloc(1, false, GFP_ATOMIC);
}

/* Two batches stay with the CPU that freed them; all others have the rest. */
static void short_ones_go_to_all(struct kunit *test)
{
	struct mspan **s = kunit_kcalloc(test, NR_SHORT, sizeof(*s), GFP_KERNEL);
	unsigned int i, n = NR_SHORT - 16;
	size_t meta;

	KUNIT_ASSERT_NOT_NULL(test, s);
	if (gs_test_other_cpu() < 0)
		kunit_skip(test, "needs two CPUs");
	for (i = 0; i < NR_SHORT; i++) {
		s[i] = gs_span_alloc(1, false, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
		s[i]->base = 0;
	}
	for (i = 0; i < NR_SHORT; i++)
		gs_span_free(s[i]);
	meta = gs_sys_meta();
	gs_test_on_other_cpu(take_short, s);
	KUNIT_EXPECT_EQ(test, gs_sys_meta(), meta);
	/* Each of them once. */
	for (i = 0; i < n; i++) {
		KUNIT_ASSERT_NOT_NULL(test, s[i]);
		KUNIT_EXPECT_NE(test, s[i]->base, 1UL);
		s[i]->base = 1;
	}
	for (i = 0; i < n; i++)
		gs_span_free(s[i]);
}

static void index_of_every_byte(struct kunit *test)
{
	const unsigned long far[] = {
		GS_PAGE_SIZE * 1024, 1UL << 32, (1UL << 32) + 64, 1UL << 33,
		-(1UL << 32), -GS_PAGE_SIZE, -BASE, -BASE + 16,
	};
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct mspan *s = cut(test, &shapes[i]);

		KUNIT_EXPECT_EQ_MSG(test, wrong_indices(s), 0, "shape %u", i);
		for (j = 0; j < ARRAY_SIZE(far); j++) {
			KUNIT_EXPECT_EQ_MSG(test, -1,
				gs_span_index(s, (void *)(BASE + far[j])),
				"shape %u, far %u", i, j);
			KUNIT_EXPECT_EQ(test, -1,
				gs_span_index_within(s, (void *)(BASE + far[j])));
		}
		for (j = 0; j < s->nelems; j++)
			KUNIT_ASSERT_EQ(test, gs_span_index(s,
					gs_span_object(s, j)), j);
		gs_span_free(s);
	}
}

static void windows_give_every_object_once(struct kunit *test)
{
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct mspan *s = cut(test, &shapes[i]);

		s->owned = 1;
		for (j = 0; j < s->nelems; j++) {
			KUNIT_ASSERT_EQ_MSG(test, pop(s), j, "shape %u", i);
			KUNIT_ASSERT_EQ(test, gs_span_verify(s), 0);
		}
		KUNIT_EXPECT_EQ(test, pop(s), -1);
		KUNIT_EXPECT_EQ(test, pop(s), -1);
		KUNIT_EXPECT_EQ(test, s->alloc_count, s->nelems);
		give_up(s);
		KUNIT_EXPECT_EQ(test, gs_span_nr_free(s), 0);
		KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
		gs_span_free(s);
	}
}

static void a_window_goes_back_whole(struct kunit *test)
{
	struct mspan *s = cut(test, &(struct shape){ 24, 341, 1 });
	unsigned int popped, next = 0;

	for (popped = 0; popped < 341; popped += 17) {
		unsigned int i;

		s->owned = 1;
		for (i = 0; i < 17 && next < 341; i++)
			KUNIT_ASSERT_EQ(test, pop(s), next++);
		gs_span_return_window(s);
		s->owned = 0;
		KUNIT_EXPECT_EQ(test, s->alloc_count, next);
		KUNIT_EXPECT_EQ(test, s->alloc_cache, 0);
		KUNIT_EXPECT_EQ(test, s->free_index, 0);
		KUNIT_ASSERT_EQ(test, gs_span_verify(s), 0);
	}
	gs_span_return_window(s);	/* twice does no harm */
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	gs_span_free(s);
}

/* The indices of up to @want objects taken out of @s. */
static unsigned int take(struct mspan *s, unsigned int want, u16 *index)
{
	unsigned int word, n = 0;

	for (word = 0; n < want && word * BITS_PER_LONG < s->nelems; word++) {
		u64 left = gs_span_free_word(s, word), mask = 0;

		for (; left && n < want; left &= left - 1) {
			mask |= left & -left;
			index[n++] = word * BITS_PER_LONG + __ffs64(left);
		}
		gs_span_take(s, word, mask, hweight64(mask));
	}
	return n;
}

/* Also where nelems is a multiple of a word, and one more or less. */
static void freed_elsewhere_is_merged(struct kunit *test)
{
	static const u16 nelems[] = { 2, 63, 64, 65, 127, 128, 170 };
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(nelems); i++) {
		struct mspan *s = cut(test, &(struct shape){ 48, nelems[i], 1 });
		u16 taken[170];

		s->owned = 1;
		while (pop(s) >= 0)
			;
		for (j = 0; j < nelems[i]; j += 2)
			free_elsewhere(s, j);
		KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
		KUNIT_EXPECT_EQ(test, s->alloc_count, nelems[i]);
		give_up(s);
		KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
		KUNIT_EXPECT_EQ(test, s->needzero, 1);
		KUNIT_EXPECT_EQ(test, gs_span_nr_free(s), (nelems[i] + 1) / 2);

		/* Only those are there, none past the last. */
		j = take(s, 170, taken);
		KUNIT_EXPECT_EQ(test, j, (nelems[i] + 1) / 2);
		while (j--)
			KUNIT_EXPECT_EQ(test, taken[j], 2 * j);
		gs_span_free(s);
	}
}

static void merge_of_nothing_changes_nothing(struct kunit *test)
{
	struct mspan *s = cut(test, &(struct shape){ 48, 170, 1 });

	s->owned = 1;
	pop(s);
	give_up(s);
	KUNIT_EXPECT_EQ(test, s->needzero, 0);
	KUNIT_EXPECT_EQ(test, s->alloc_count, 1);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	gs_span_free(s);
}

static void take_takes_the_lowest(struct kunit *test)
{
	struct mspan *s = cut(test, &(struct shape){ 80, 102, 1 });
	u16 index[GS_BATCH_MAX];
	unsigned int n, i, next = 0;

	KUNIT_EXPECT_EQ(test, take(s, 0, index), 0);
	while ((n = take(s, 30, index))) {
		KUNIT_EXPECT_EQ(test, n, min(30U, 102 - next));
		for (i = 0; i < n; i++)
			KUNIT_EXPECT_EQ(test, index[i], next++);
		KUNIT_EXPECT_EQ(test, s->alloc_count, next);
	}
	KUNIT_EXPECT_EQ(test, next, 102);

	for (i = 1; i < 102; i += 25)
		__clear_bit(i, gs_span_alloc_bits(s));
	s->alloc_count -= 5;
	KUNIT_EXPECT_EQ(test, take(s, 2, index), 2);
	KUNIT_EXPECT_EQ(test, index[0], 1);
	KUNIT_EXPECT_EQ(test, index[1], 26);
	KUNIT_EXPECT_EQ(test, take(s, 32, index), 3);
	KUNIT_EXPECT_EQ(test, index[2], 101);
	gs_span_free(s);
}

/* Each member of a span, broken and mended: what verify says meanwhile. */
static void verify_finds_what_is_broken(struct kunit *test)
{
	struct mspan *s = cut(test, &(struct shape){ 48, 170, 1 });
	unsigned long *bits = gs_span_alloc_bits(s);
	unsigned int i;

#define BROKEN(what, member, value)					\
do {									\
	typeof(member) was = member;					\
									\
	KUNIT_EXPECT_EQ_MSG(test, gs_span_verify(s), 0, "before " #member);	\
	member = value;							\
	KUNIT_EXPECT_EQ_MSG(test, gs_span_verify(s), what, #member);	\
	member = was;							\
} while (0)

	s->owned = 1;
	for (i = 0; i < 50; i++)
		pop(s);
	BROKEN(12, s->objects[3], GS_FREE);
	BROKEN(12, s->objects[60], LIVE);
	BROKEN(2, s->alloc_count, s->alloc_count + 1);
	BROKEN(2, s->nr_freed, 1);
	BROKEN(2, *gs_span_freed_bits(s), 1);
	BROKEN(2, bits[0], bits[0] & ~2UL);
	BROKEN(12, s->alloc_cache, s->alloc_cache & (s->alloc_cache - 1));
	BROKEN(3, s->owned, 0);		/* with a window */
	free_elsewhere(s, 7);
	gs_span_return_window(s);
	BROKEN(3, s->owned, 0);		/* with freed bits */
	give_up(s);
	BROKEN(1, s->nelems, 0);
	BROKEN(1, s->nelems, s->cap + 1);
	BROKEN(1, s->open, s->open + 8);
	BROKEN(1, s->elemsize, 56);
	BROKEN(1, s->npages, 0);
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 0);
	gs_span_free(s);

	s = cut(test, &(struct shape){ 1 << 20, 1, 128 });
	s->state = GS_SPAN_LARGE;
	KUNIT_EXPECT_EQ(test, gs_span_verify(s), 12);
	s->objects[0] = LIVE;
	BROKEN(12, s->objects[0], GS_FREE);
	gs_span_free(s);
#undef BROKEN
}

/* What a walk knows of its span: the truth, one byte per object. */
struct walk {
	struct kunit *test;
	struct mspan *s;
	struct gs_rnd rnd;
	u16 live[170];
	bool is_live[170];
	unsigned int nr_live;
};

static bool gave(struct walk *w, int i)
{
	if (i < 0 || i >= 170 || w->is_live[i])
		return false;
	w->is_live[i] = true;
	w->live[w->nr_live++] = i;
	return true;
}

static void free_one(struct walk *w)
{
	unsigned int at = gs_rnd_below(&w->rnd, w->nr_live);
	unsigned int i = w->live[at];

	w->live[at] = w->live[--w->nr_live];
	w->is_live[i] = false;
	if (w->s->owned) {
		free_elsewhere(w->s, i);
	} else {
		w->s->objects[i] = GS_FREE;
		__clear_bit(i, gs_span_alloc_bits(w->s));
		w->s->alloc_count--;
	}
}

static bool take_some(struct walk *w)
{
	u16 index[GS_BATCH_MAX];
	unsigned int want = gs_rnd_below(&w->rnd, GS_BATCH_MAX + 1);
	unsigned int free = 170 - w->nr_live;
	unsigned int n = take(w->s, want, index);

	if (n != min(want, free))
		return false;
	while (n--) {
		w->s->objects[index[n]] = LIVE;
		if (!gave(w, index[n]))
			return false;
	}
	return true;
}

/* Return: false as soon as the span says something else than the truth. */
static bool step(struct walk *w)
{
	struct mspan *s = w->s;
	int i;

	switch (gs_rnd_below(&w->rnd, 16)) {
	case 0:
		if (s->owned)
			give_up(s);
		else
			s->owned = 1;
		break;
	case 1:
		if (!s->owned)
			return take_some(w);
		break;
	case 2 ... 8:
		if (w->nr_live)
			free_one(w);
		break;
	default:
		if (!s->owned)
			break;
		i = pop(s);
		if (i < 0 ? s->alloc_count != 170 : !gave(w, i))
			return false;
	}
	return s->alloc_count - hweight64(s->alloc_cache) - s->nr_freed ==
	       w->nr_live;
}

static void random_walk(struct kunit *test)
{
	struct walk *w = kunit_kzalloc(test, sizeof(*w), GFP_KERNEL);
	unsigned int n;

	KUNIT_ASSERT_NOT_NULL(test, w);
	w->rnd = gs_rnd_start(test);
	w->s = cut(test, &(struct shape){ 48, 170, 1 });
	for (n = 0; n < GS_TEST_STEPS; n++) {
		if (!step(w))
			break;
		if (n % GS_TEST_VERIFY_EACH == 0)
			KUNIT_ASSERT_EQ_MSG(test, gs_span_verify(w->s), 0,
					    "step %u", n);
	}
	KUNIT_EXPECT_EQ(test, n, GS_TEST_STEPS);
	KUNIT_EXPECT_EQ(test, gs_span_verify(w->s), 0);
	gs_span_free(w->s);
}

static struct kunit_case mspan_cases[] = {
	KUNIT_CASE(descriptors_do_not_overlap),
	KUNIT_CASE(descriptors_keep_their_type),
	KUNIT_CASE(descriptors_of_runs_serve_objects),
	KUNIT_CASE(short_ones_go_to_all),
	KUNIT_CASE(index_of_every_byte),
	KUNIT_CASE(windows_give_every_object_once),
	KUNIT_CASE(a_window_goes_back_whole),
	KUNIT_CASE(freed_elsewhere_is_merged),
	KUNIT_CASE(merge_of_nothing_changes_nothing),
	KUNIT_CASE(take_takes_the_lowest),
	KUNIT_CASE(verify_finds_what_is_broken),
	KUNIT_CASE(random_walk),
	{}
};

static struct kunit_suite mspan_suite = {
	.name = "goslab_mspan",
	GS_TEST_CASES_PINNED,
	.test_cases = mspan_cases,
};
kunit_test_suite(mspan_suite);
