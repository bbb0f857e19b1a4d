// SPDX-License-Identifier: GPL-2.0
/*
 * tiny_kunit: goslab_tiny: front/tiny.c, objects that share 16-byte blocks.
 *
 * The masks as tables, then objects; what happens to an open block behind its
 * CPU's back is in race_kunit.c.
 */
#include <linux/goslab.h>

#include "back/arena.h"
#include "base/owner.h"
#include "front/tiny.h"
#include "testlib.h"

static struct goslab_owner other = { .name = "goslab_kunit_other" };

static void needs_tiny(struct kunit *test)
{
	if (!GS_TINY_ENABLED)
		kunit_skip(test, "every object is on its own under KASAN");
}

static const struct {
	unsigned int from;
	unsigned int to;
	u32 bits;
	u32 open;	/* gs_tiny_open_bit(to) */
} masks[] = {
	{ 0, 1, 0x00010001, 0x0002 },
	{ 0, 8, 0x00800001, 0x0100 },
	{ 8, 16, 0x80000100, 0 },
	{ 0, 15, 0x40000001, 0x8000 },
	{ 15, 16, 0x80008000, 0 },
	{ 3, 5, 0x00100008, 0x0020 },
};

static void masks_of_objects(struct kunit *test)
{
	unsigned int i, from, to;

	for (i = 0; i < ARRAY_SIZE(masks); i++) {
		KUNIT_EXPECT_EQ(test, gs_tiny_object_bits(masks[i].from,
							  masks[i].to),
				masks[i].bits);
		KUNIT_EXPECT_EQ(test, gs_tiny_open_bit(masks[i].to),
				masks[i].open);
	}
	/* Alone in its block, every object is found and nothing else. */
	for (from = 0; from < GS_TINY_BLOCK; from++) {
		for (to = from + 1; to <= GS_TINY_BLOCK; to++) {
			u32 mask = gs_tiny_object_bits(from, to);
			unsigned int at;

			for (at = 0; at < GS_TINY_BLOCK; at++)
				if (gs_tiny_end_of(mask, at) !=
				    (at == from ? to : 0))
					KUNIT_FAIL(test, "%u to %u at %u", from,
						   to, at);
			mask |= gs_tiny_open_bit(to);
			KUNIT_EXPECT_EQ(test, gs_tiny_end_of(mask, from), to);
			if (to < GS_TINY_BLOCK)
				KUNIT_EXPECT_EQ(test, gs_tiny_end_of(mask, to),
						0U);
		}
	}
}

/* Objects, starts and ends; -1 ends a list. */
static const struct {
	int cut[2 * GS_TINY_BLOCK + 1];
	unsigned int open;
} blocks[] = {
	{ { 0, 8, 8, 11, -1 }, 11 },
	{ { 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, -1 }, 8 },
	{ { 0, 3, 4, 6, 8, 16, -1 }, 16 },	/* with holes of alignment */
	{ { 4, 6, 8, 12, -1 }, 12 },		/* the first ones are gone */
	{ { 6, 7, 15, 16, -1 }, 16 },
	{ { 0, 15, 15, 16, -1 }, 16 },
	{ { -1 }, 4 },				/* all gone, still open */
	{ { 0, 2, -1 }, 9 },			/* a hole before what is open */
};

static void masks_of_blocks(struct kunit *test)
{
	unsigned int i, at;
	const int *cut;

	for (i = 0; i < ARRAY_SIZE(blocks); i++) {
		unsigned int end[GS_TINY_BLOCK] = { };
		u32 mask = gs_tiny_open_bit(blocks[i].open);

		for (cut = blocks[i].cut; *cut >= 0; cut += 2) {
			mask |= gs_tiny_object_bits(cut[0], cut[1]);
			end[cut[0]] = cut[1];
		}
		for (at = 0; at < GS_TINY_BLOCK; at++)
			KUNIT_EXPECT_EQ_MSG(test, gs_tiny_end_of(mask, at),
					    end[at], "block %u byte %u", i, at);
	}
}

static void alignment(struct kunit *test)
{
	static const u8 align[] = {
		0, 1, 2, 1, 4, 1, 2, 1, 8, 1, 2, 1, 4, 1, 2, 1,
	};
	unsigned int size;

	for (size = 1; size < GS_TINY_BLOCK; size++)
		KUNIT_EXPECT_EQ(test, gs_tiny_align(size), (u32)align[size]);
}

static struct mspan *tiny_span(struct kunit *test, const void *p)
{
	struct mspan *s = gs_arena_span(p);

	KUNIT_ASSERT_NOT_NULL(test, s);
	KUNIT_ASSERT_EQ(test, (int)s->state, GS_SPAN_TINY);
	return s;
}

static u8 *block_state(struct mspan *s, const void *p)
{
	return &s->objects[((unsigned long)p - s->base) / GS_TINY_BLOCK];
}

/* Each size: aligned, of its size, in a block of its owner, and freed alone. */
static void every_size(struct kunit *test)
{
	struct gs_oracle *o = gs_oracle_make(test, 40);
	unsigned int size;

	needs_tiny(test);
	for (size = 1; size < GS_TINY_BLOCK; size++) {
		while (o->nr < 40) {
			void *p = goslab_malloc_noscan(size, GFP_KERNEL);
			struct mspan *s = tiny_span(test, p);

			KUNIT_EXPECT_TRUE(test,
					  IS_ALIGNED((unsigned long)p,
						     gs_tiny_align(size)));
			KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)size);
			KUNIT_EXPECT_PTR_EQ(test, s, gs_arena_span(p));
			KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
			gs_oracle_add(o, p, size, true);
		}
		while (o->nr)
			goslab_free(gs_oracle_remove(o, size % o->nr, true).p);
	}
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void zeroed(struct kunit *test)
{
	unsigned int size, round, i;
	u8 *p[30];

	for (size = 1; size < GS_TINY_BLOCK; size++) {
		for (round = 0; round < 2; round++) {
			for (i = 0; i < ARRAY_SIZE(p); i++) {
				p[i] = goslab_malloc_noscan(size, GFP_KERNEL |
							    __GFP_ZERO);
				KUNIT_ASSERT_NOT_NULL(test, p[i]);
				KUNIT_EXPECT_NULL(test,
						  memchr_inv(p[i], 0, size));
				memset(p[i], 0xff, size);
			}
			for (i = 0; i < ARRAY_SIZE(p); i++)
				goslab_free(p[i]);
		}
	}
}

/* Free four objects of one block in the order that @perm tells. */
static void free_in_order(struct kunit *test, unsigned int perm)
{
	u8 *p[4], *state;
	unsigned int i, left;

	gs_tiny_close(gs_walk_here(), false);
	for (i = 0; i < 4; i++) {
		p[i] = goslab_malloc_noscan(4, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		*(u32 *)p[i] = i;
	}
	state = block_state(tiny_span(test, p[0]), p[0]);
	for (i = 1; i < 4; i++)
		KUNIT_EXPECT_PTR_EQ(test, p[i], p[0] + 4 * i);
	for (left = 4; left; left--) {
		unsigned int n = perm % left;

		perm /= left;
		KUNIT_EXPECT_EQ(test, gs_test_owner(p[n]), goslab_this_owner.id);
		KUNIT_EXPECT_EQ(test, *(u32 *)p[n] / 4, 0U);
		goslab_free(p[n]);
		p[n] = p[left - 1];
	}
	/* The block was used up, so the last free took it along. */
	KUNIT_EXPECT_EQ(test, (int)*state, GS_CACHED);
}

static void freed_in_any_order(struct kunit *test)
{
	unsigned int perm;

	needs_tiny(test);
	for (perm = 0; perm < 24; perm++)
		free_in_order(test, perm);
}

/* An open block stays until it is closed, then goes if nothing is in it. */
static void open_and_closed(struct kunit *test)
{
	u8 *p, *q, *state;

	needs_tiny(test);
	gs_tiny_close(gs_walk_here(), false);
	p = goslab_malloc_noscan(1, GFP_KERNEL);
	state = block_state(tiny_span(test, p), p);
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
	/* What was freed in an open block is not cut again. */
	q = goslab_malloc_noscan(1, GFP_KERNEL);
	KUNIT_EXPECT_PTR_EQ(test, q, p + 1);
	gs_tiny_close(gs_walk_here(), false);
	KUNIT_EXPECT_EQ(test, gs_test_owner(q), goslab_this_owner.id);
	p = goslab_malloc_noscan(1, GFP_KERNEL);
	KUNIT_EXPECT_NE(test, (unsigned long)p / GS_TINY_BLOCK,
			(unsigned long)q / GS_TINY_BLOCK);
	goslab_free(q);
	KUNIT_EXPECT_EQ(test, (int)*state, GS_CACHED);
	state = block_state(tiny_span(test, p), p);
	goslab_free(p);
	KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
	/* An idle drain leaves a block that was cut since the last one. */
	gs_tiny_close(gs_walk_here(), true);
	KUNIT_EXPECT_EQ(test, gs_test_owner(p), goslab_this_owner.id);
	gs_tiny_close(gs_walk_here(), true);
	KUNIT_EXPECT_EQ(test, (int)*state, GS_FREE);
}

/* Objects of two modules are never in one block. */
static void owners_apart(struct kunit *test)
{
	u8 *p[64];
	unsigned int i;

	needs_tiny(test);
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		struct goslab_owner *owner = i & 1 ? &other : &goslab_this_owner;

		p[i] = __goslab_malloc_noscan(2, GFP_KERNEL, owner);
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
		KUNIT_EXPECT_EQ(test, gs_test_owner(p[i]), owner->id);
	}
	for (i = 0; i < ARRAY_SIZE(p); i++)
		goslab_free(p[i]);
}

/* What a look says of each byte of a block. */
static void looked_at(struct kunit *test)
{
	struct mspan *s;
	size_t size;
	u8 *a, *b;

	needs_tiny(test);
	gs_tiny_close(gs_walk_here(), false);
	a = goslab_malloc_noscan(3, GFP_KERNEL);
	b = goslab_malloc_noscan(4, GFP_KERNEL);
	s = tiny_span(test, a);
	KUNIT_ASSERT_PTR_EQ(test, b, a + 4);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, a, &size), GS_TINY_LIVE);
	KUNIT_EXPECT_EQ(test, size, (size_t)3);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, a + 1, &size), GS_TINY_INSIDE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, a + 2, &size), GS_TINY_INSIDE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, a + 3, &size), GS_TINY_NONE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, b, &size), GS_TINY_LIVE);
	KUNIT_EXPECT_EQ(test, size, (size_t)4);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, b + 4, &size), GS_TINY_NONE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, b + 11, &size), GS_TINY_NONE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_free(s, a + 1), GS_TINY_INSIDE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_free(s, a), GS_TINY_LIVE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_free(s, a), GS_TINY_NONE);
	KUNIT_EXPECT_EQ(test, (int)gs_tiny_look(s, a + 1, &size), GS_TINY_NONE);
	goslab_free(b);
}

/* T1 and T2 of all blocks of @s: starts and ends alternate; empty is free. */
static void check_span(struct kunit *test, const struct mspan *s)
{
	unsigned int i, at;

	for (i = 0; i < s->nelems; i++) {
		u32 mask = atomic_read(&gs_span_tiny_masks(s)[i]);
		bool live = s->objects[i] >= GS_LIVE_MIN, inside = false;

		if (live != !!mask)
			KUNIT_FAIL(test, "T1: state %u, mask %08x",
				   s->objects[i], mask);
		for (at = 0; at < GS_TINY_BLOCK; at++) {
			if (mask & BIT(at)) {
				if (inside)
					KUNIT_FAIL(test, "T2: mask %08x", mask);
				inside = true;
			}
			if (mask & BIT(16 + at)) {
				if (!inside)
					KUNIT_FAIL(test, "T2: mask %08x", mask);
				inside = false;
			}
		}
	}
}

static void walked(struct kunit *test)
{
	struct gs_rnd rnd = gs_rnd_start(test);
	struct gs_oracle *o = gs_oracle_make(test, 200);
	unsigned int step;

	needs_tiny(test);
	for (step = 0; step < GS_TEST_STEPS; step++) {
		if (gs_rnd_below(&rnd, 200) >= o->nr) {
			size_t size = 1 + gs_rnd_below(&rnd, 15);
			struct goslab_owner *owner =
				gs_rnd_below(&rnd, 8) ? &goslab_this_owner :
				&other;
			void *p = __goslab_malloc_noscan(size, GFP_KERNEL,
							 owner);

			KUNIT_ASSERT_NOT_NULL(test, p);
			gs_oracle_add(o, p, size, true);
		} else if (o->nr) {
			unsigned int i = gs_rnd_below(&rnd, o->nr);
			struct gs_live was = gs_oracle_remove(o, i, true);

			if (goslab_size(was.p) != was.size)
				KUNIT_FAIL(test, "step %u: size", step);
			goslab_free(was.p);
		}
		if (o->nr && step % 64 == 0)
			check_span(test, tiny_span(test, o->at[0].p));
		if (step % (20 * GS_TEST_VERIFY_EACH) == 0)
			GS_EXPECT_WHOLE(test);
	}
	while (o->nr)
		goslab_free(gs_oracle_remove(o, 0, true).p);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

/* Under KASAN a tiny object is an object like any other. */
static void off_under_kasan(struct kunit *test)
{
	void *p;

	if (GS_TINY_ENABLED)
		kunit_skip(test, "only under KASAN");
	p = goslab_malloc_noscan(3, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, (int)gs_arena_span(p)->state, GS_SPAN_SMALL);
	KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)8);
	goslab_free(p);
}

static struct kunit_case tiny_cases[] = {
	KUNIT_CASE(masks_of_objects),
	KUNIT_CASE(masks_of_blocks),
	KUNIT_CASE(alignment),
	KUNIT_CASE(every_size),
	KUNIT_CASE(zeroed),
	KUNIT_CASE(freed_in_any_order),
	KUNIT_CASE(open_and_closed),
	KUNIT_CASE(owners_apart),
	KUNIT_CASE(looked_at),
	KUNIT_CASE(walked),
	KUNIT_CASE(off_under_kasan),
	{}
};

static struct kunit_suite tiny_suite = {
	.name = "goslab_tiny",
	GS_TEST_CASES_PINNED,
	.test_cases = tiny_cases,
};
kunit_test_suite(tiny_suite);
