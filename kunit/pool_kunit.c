// SPDX-License-Identifier: GPL-2.0
/*
 * pool_kunit: goslab_pool: pools over ranges, each fit against a naive oracle.
 *
 * No range of these is memory: an access to one faults.
 */
#include <linux/align.h>
#include <linux/completion.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/sizes.h>

#include "middle/pool.h"
#include "testfile.h"
#include "testlib.h"

/* Addresses of user space; tasks of the kernel have none. */
#define BASE		0x10000UL
#define ORDER		5
#define GRANULE		(1UL << ORDER)

/* The oracle has a flag for each granule of two ranges. */
#define CELLS		512U
#define HALF		(CELLS / 2)
#define STEPS		(GS_TEST_STEPS / 50)

static const enum goslab_pool_fit fits[] = {
	GOSLAB_POOL_FIRST_FIT, GOSLAB_POOL_NEXT_FIT, GOSLAB_POOL_BEST_FIT,
};

/**
 * struct fixture - a pool of two ranges that touch, and the naive truth.
 * @test: that complains.
 * @pool: what is tested.
 * @fit: of it.
 * @rnd: of the walk.
 * @used: is the granule in use?
 * @next: granule behind the last allocation.
 * @at: live allocations: first granule and length.
 * @nr: how many.
 */
struct fixture {
	struct kunit *test;
	struct goslab_pool *pool;
	enum goslab_pool_fit fit;
	struct gs_rnd rnd;
	bool used[CELLS];
	unsigned int next;
	struct {
		unsigned int cell;
		unsigned int n;
	} at[CELLS];
	unsigned int nr;
};

static unsigned long addr_of(unsigned int cell)
{
	return BASE + cell * GRANULE;
}

static struct goslab_pool *must_create(struct kunit *test, enum goslab_pool_fit fit)
{
	struct goslab_pool *pool = goslab_pool_create(ORDER, fit);

	KUNIT_ASSERT_NOT_NULL(test, pool);
	return pool;
}

static struct fixture *make(struct kunit *test, enum goslab_pool_fit fit)
{
	struct fixture *f = kunit_kzalloc(test, sizeof(*f), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, f);
	f->test = test;
	f->fit = fit;
	f->rnd = gs_rnd_start(test);
	f->pool = must_create(test, fit);
	KUNIT_ASSERT_EQ(test, goslab_pool_add_owner(f->pool, addr_of(0), SZ_1G, HALF * GRANULE,
						    "low"), 0);
	KUNIT_ASSERT_EQ(test, goslab_pool_add_owner(f->pool, addr_of(HALF), SZ_2G,
						    HALF * GRANULE + GRANULE / 2, "high"), 0);
	return f;
}

/* Free granules from @cell on, within one range. */
static unsigned int free_from(const struct fixture *f, unsigned int cell)
{
	unsigned int end = cell < HALF ? HALF : CELLS, n = 0;

	while (cell + n < end && !f->used[cell + n])
		n++;
	return n;
}

/* The first granule that begins a free part, or a range. */
static bool begins(const struct fixture *f, unsigned int cell)
{
	return !f->used[cell] && (!cell || cell == HALF || f->used[cell - 1]);
}

/* Where in the free part at @cell @n granules fit, or CELLS. */
static unsigned int place_in(const struct fixture *f, unsigned int cell, unsigned int n,
			     unsigned long align)
{
	unsigned int skip = (ALIGN(addr_of(cell), align) - addr_of(cell)) / GRANULE;

	return skip + n <= free_from(f, cell) ? cell + skip : CELLS;
}

/* The granule that the fit takes, by looking at all of them; CELLS for none. */
static unsigned int expect(const struct fixture *f, unsigned int n, unsigned long align)
{
	unsigned int cell, found = CELLS, length = 0, behind = CELLS;

	for (cell = 0; cell < CELLS; cell++) {
		unsigned int at = begins(f, cell) ? place_in(f, cell, n, align) : CELLS;

		if (at == CELLS)
			continue;
		/* Next fit goes on in the free part that has the place. */
		if (behind == CELLS && cell + free_from(f, cell) > f->next)
			behind = at;
		if (found == CELLS || (f->fit == GOSLAB_POOL_BEST_FIT &&
				       free_from(f, cell) < length)) {
			found = at;
			length = free_from(f, cell);
		}
	}
	return f->fit == GOSLAB_POOL_NEXT_FIT && behind != CELLS ? behind : found;
}

/*
 * Does a search for @n granules look at all free parts that are long enough? Else it may
 * take another place, or none.
 */
static bool is_exhaustive(const struct fixture *f, unsigned int n, unsigned long align)
{
	unsigned int cell, parts = 0;

	for (cell = 0; cell < CELLS; cell++)
		parts += begins(f, cell) && free_from(f, cell) >= n;
	return align <= GRANULE || parts < GS_EXTENT_LOOKS;
}

static void note(struct fixture *f, unsigned int cell, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		KUNIT_EXPECT_FALSE(f->test, f->used[cell + i]);
		f->used[cell + i] = true;
	}
	f->at[f->nr].cell = cell;
	f->at[f->nr++].n = n;
	f->next = cell + n;
}

static void step_alloc(struct fixture *f)
{
	size_t size = gs_rnd_log(&f->rnd, 1, 16 * GRANULE);
	unsigned long align = 1UL << gs_rnd_below(&f->rnd, ORDER + 3);
	unsigned int n = DIV_ROUND_UP(size, GRANULE), cell = expect(f, n, align);
	struct goslab_pool_place place;
	bool got = goslab_pool_alloc_place(f->pool, size, align, &place);
	bool exhaustive = is_exhaustive(f, n, align);

	KUNIT_EXPECT_TRUE(f->test, got == (cell != CELLS) || (!got && !exhaustive));
	if (!got)
		return;
	if (exhaustive)
		KUNIT_EXPECT_EQ(f->test, place.addr, addr_of(cell));
	KUNIT_EXPECT_TRUE(f->test, IS_ALIGNED(place.addr, align));
	cell = (place.addr - addr_of(0)) / GRANULE;
	KUNIT_EXPECT_STREQ(f->test, (char *)place.owner, cell < HALF ? "low" : "high");
	KUNIT_EXPECT_EQ(f->test, place.phys, cell < HALF ?
			SZ_1G + cell * GRANULE : SZ_2G + (cell - HALF) * GRANULE);
	note(f, cell, n);
}

static void step_free(struct fixture *f)
{
	unsigned int i, j = gs_rnd_below(&f->rnd, f->nr);
	void *owner;

	/* Any size that rounds to the same one will do. */
	goslab_pool_free_owner(f->pool, addr_of(f->at[j].cell),
			       f->at[j].n * GRANULE - gs_rnd_below(&f->rnd, GRANULE), &owner);
	KUNIT_EXPECT_STREQ(f->test, (char *)owner, f->at[j].cell < HALF ? "low" : "high");
	for (i = 0; i < f->at[j].n; i++)
		f->used[f->at[j].cell + i] = false;
	f->at[j] = f->at[--f->nr];
}

static void check(struct fixture *f)
{
	unsigned int cell, free = 0;

	for (cell = 0; cell < CELLS; cell++)
		free += !f->used[cell];
	KUNIT_EXPECT_EQ(f->test, goslab_pool_avail(f->pool), free * GRANULE);
	KUNIT_EXPECT_EQ(f->test, goslab_pool_size(f->pool), CELLS * GRANULE);
	KUNIT_EXPECT_TRUE(f->test, gs_extents_verify(&f->pool->extents));
}

/* Fills and empties in turns, so that both ends are met. */
static void walk(struct fixture *f)
{
	unsigned int i, bias = 50;

	for (i = 0; i < STEPS; i++) {
		if (!(i % 500))
			bias = 30 + gs_rnd_below(&f->rnd, 41);
		if (f->nr && gs_rnd_below(&f->rnd, 100) >= bias)
			step_free(f);
		else
			step_alloc(f);
		if (!(i % GS_TEST_VERIFY_EACH))
			check(f);
	}
	while (f->nr)
		step_free(f);
	check(f);
	goslab_pool_destroy(f->pool);
}

static void first_fit_agrees(struct kunit *test)
{
	walk(make(test, GOSLAB_POOL_FIRST_FIT));
}

static void next_fit_agrees(struct kunit *test)
{
	walk(make(test, GOSLAB_POOL_NEXT_FIT));
}

static void best_fit_agrees(struct kunit *test)
{
	walk(make(test, GOSLAB_POOL_BEST_FIT));
}

/* All alignments, in a pool whose addresses have none. */
static void alignment(struct kunit *test)
{
	unsigned long base = BASE + GRANULE, addr, align;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fits); i++) {
		struct goslab_pool *pool = must_create(test, fits[i]);

		KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, base, SZ_1M), 0);
		for (align = 1; align <= SZ_512K; align <<= 1) {
			addr = goslab_pool_alloc_align(pool, 100, align);
			KUNIT_EXPECT_NE(test, addr, 0);
			KUNIT_EXPECT_TRUE(test, IS_ALIGNED(addr, align));
			KUNIT_EXPECT_TRUE(test, goslab_pool_has_addr(pool, addr, 100));
			goslab_pool_free(pool, addr, 100);
		}
		KUNIT_EXPECT_EQ(test, goslab_pool_alloc_align(pool, 100, SZ_8M), 0);
		KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), SZ_1M);
		goslab_pool_destroy(pool);
	}
}

/* More free parts without an aligned place than are looked at. */
static void many_unaligned_places(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_FIRST_FIT);
	unsigned int i, n = 4 * GS_EXTENT_LOOKS;
	unsigned long addr;

	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, SZ_1M), 0);
	for (i = 0; i < 2 * n; i++)
		KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, GRANULE), BASE + i * GRANULE);
	/* Every second granule is free, and none of them is a multiple of 2. */
	for (i = 1; i < 2 * n; i += 2)
		goslab_pool_free(pool, BASE + i * GRANULE, GRANULE);
	addr = goslab_pool_alloc_align(pool, GRANULE, 2 * GRANULE);
	KUNIT_EXPECT_EQ(test, addr, BASE + 2 * n * GRANULE);
	goslab_pool_free(pool, addr, GRANULE);
	for (i = 0; i < 2 * n; i += 2)
		goslab_pool_free(pool, BASE + i * GRANULE, GRANULE);
	KUNIT_EXPECT_TRUE(test, gs_extents_verify(&pool->extents));
	goslab_pool_destroy(pool);
}

/* Nothing fits into holes of one granule, whatever is free altogether. */
static void fragmentation(struct kunit *test)
{
	unsigned int i, j, n = 1000;

	for (i = 0; i < ARRAY_SIZE(fits); i++) {
		struct goslab_pool *pool = must_create(test, fits[i]);

		KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, n * GRANULE), 0);
		for (j = 0; j < n; j++)
			KUNIT_ASSERT_NE(test, goslab_pool_alloc(pool, 1), 0);
		KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, 1), 0);
		for (j = 0; j < n; j += 2)
			goslab_pool_free(pool, BASE + j * GRANULE, 1);
		KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), n / 2 * GRANULE);
		KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, GRANULE + 1), 0);
		for (j = 1; j < n; j += 2)
			goslab_pool_free(pool, BASE + j * GRANULE, 1);
		KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, n * GRANULE), BASE);
		goslab_pool_free(pool, BASE, n * GRANULE);
		goslab_pool_destroy(pool);
	}
}

/* The last address there is, a whole range, ranges that touch. */
static void boundaries(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_BEST_FIT);
	unsigned long top = -SZ_4K;
	struct goslab_pool_place place;
	dma_addr_t dma;

	KUNIT_ASSERT_EQ(test, goslab_pool_add_virt(pool, top, SZ_1G, SZ_4K), 0);
	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, top - SZ_8K, SZ_8K), 0);
	KUNIT_EXPECT_EQ(test, goslab_pool_size(pool), SZ_8K + SZ_4K);
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, 0), 0);
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, SZ_8K + 1), 0);
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, SIZE_MAX), 0);
	KUNIT_EXPECT_PTR_EQ(test, goslab_pool_dma_alloc(pool, SZ_4K, &dma), (void *)top);
	KUNIT_EXPECT_EQ(test, dma, SZ_1G);
	KUNIT_EXPECT_TRUE(test, goslab_pool_alloc_place(pool, SZ_8K, 1, &place));
	KUNIT_EXPECT_EQ(test, place.addr, top - SZ_8K);
	KUNIT_EXPECT_EQ(test, place.phys, (phys_addr_t)-1);
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), 0);

	KUNIT_EXPECT_EQ(test, goslab_pool_virt_to_phys(pool, top + 5), SZ_1G + 5);
	KUNIT_EXPECT_EQ(test, goslab_pool_virt_to_phys(pool, top - 5), (phys_addr_t)-1);
	KUNIT_EXPECT_TRUE(test, goslab_pool_has_addr(pool, top, SZ_4K));
	KUNIT_EXPECT_FALSE(test, goslab_pool_has_addr(pool, top, 0));
	KUNIT_EXPECT_FALSE(test, goslab_pool_has_addr(pool, top - 1, 2));
	KUNIT_EXPECT_FALSE(test, goslab_pool_has_addr(pool, top - SZ_8K - 1, 1));
	KUNIT_EXPECT_FALSE(test, goslab_pool_has_addr(pool, top + 1, SIZE_MAX));

	goslab_pool_free(pool, top, SZ_4K);
	goslab_pool_free(pool, top - SZ_8K, SZ_8K);
	/* They touch, and are two. */
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, SZ_8K + SZ_4K), 0);
	goslab_pool_destroy(pool);
}

static void bad_frees_change_nothing(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_FIRST_FIT);
	void *owner = pool;
	unsigned long a, b;

	KUNIT_ASSERT_EQ(test, goslab_pool_add_owner(pool, BASE, -1, SZ_4K, "owner"), 0);
	a = goslab_pool_alloc(pool, 4 * GRANULE);
	b = goslab_pool_alloc(pool, GRANULE);
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1, goslab_pool_free(pool, BASE - 1, 1));
	GS_EXPECT_REPORTS(test, GS_BUG_FOREIGN_FREE, 1,
			  goslab_pool_free_owner(pool, BASE + SZ_4K, 1, &owner));
	KUNIT_EXPECT_NULL(test, owner);
	GS_EXPECT_REPORTS(test, GS_BUG_INTERIOR_FREE, 1,
			  goslab_pool_free(pool, a + GRANULE, GRANULE));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 1, goslab_pool_free(pool, a, 3 * GRANULE));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 1, goslab_pool_free(pool, a, 5 * GRANULE));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 1, goslab_pool_free(pool, a, 0));
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), SZ_4K - 5 * GRANULE);
	goslab_pool_free(pool, a, 4 * GRANULE);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_pool_free(pool, a, 4 * GRANULE));
	goslab_pool_free(pool, b, GRANULE);
	/* Merged with what was behind it. */
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, goslab_pool_free(pool, b, GRANULE));
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), SZ_4K);
	KUNIT_EXPECT_TRUE(test, gs_extents_verify(&pool->extents));
	goslab_pool_destroy(pool);
}

static void bad_arguments(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_NEXT_FIT);
	unsigned long addr;

	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 1, KUNIT_EXPECT_NULL(test,
			  goslab_pool_create(-1, GOSLAB_POOL_FIRST_FIT)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_SIZE, 1, KUNIT_EXPECT_NULL(test,
			  goslab_pool_create(31, GOSLAB_POOL_FIRST_FIT)));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_FLAGS, 1, KUNIT_EXPECT_NULL(test,
			  goslab_pool_create(0, GOSLAB_POOL_BEST_FIT + 1)));
	KUNIT_EXPECT_EQ(test, goslab_pool_add(pool, 0, SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_pool_add(pool, BASE, GRANULE - 1), -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_pool_add(pool, BASE + 1, SZ_4K), -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_pool_add(pool, -SZ_4K, SZ_8K), -EINVAL);
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, 1), 0);
	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, SZ_4K), 0);
	/* The same, its first and its last granule, and all around it. */
	GS_EXPECT_REPORTS(test, GS_BUG_OVERLAP, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_add(pool, BASE, SZ_4K), -EEXIST));
	GS_EXPECT_REPORTS(test, GS_BUG_OVERLAP, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_add(pool, BASE - SZ_4K, SZ_4K + GRANULE), -EEXIST));
	GS_EXPECT_REPORTS(test, GS_BUG_OVERLAP, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_add(pool, BASE + SZ_4K - GRANULE, SZ_4K), -EEXIST));
	GS_EXPECT_REPORTS(test, GS_BUG_OVERLAP, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_add(pool, BASE - SZ_4K, SZ_16K), -EEXIST));
	KUNIT_EXPECT_EQ(test, goslab_pool_size(pool), SZ_4K);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ALIGN, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_alloc_align(pool, 1, 48), 0));
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ALIGN, 1, KUNIT_EXPECT_EQ(test,
			  goslab_pool_alloc_align(pool, 1, 0), 0));

	addr = goslab_pool_alloc(pool, 100);
	GS_EXPECT_REPORTS(test, GS_BUG_LIVE_OBJECTS, 1, goslab_pool_destroy(pool));
	/* It is still there. */
	goslab_pool_free(pool, addr, 100);
	goslab_pool_destroy(pool);
	goslab_pool_destroy(NULL);
}

/*
 * Without memory for descriptors an allocation fails and changes nothing. Small pieces
 * use up what is free of them, exact ones and frees need none.
 */
static void no_descriptors(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_BEST_FIT);
	unsigned int i, n = 0;

	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, SZ_1M), 0);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_EQ(test, goslab_pool_add(pool, BASE + SZ_2M, SZ_1M) == -ENOMEM ||
			goslab_pool_size(pool) == SZ_2M, true);
	while (n < SZ_1M / GRANULE && goslab_pool_alloc(pool, GRANULE))
		n++;
	KUNIT_EXPECT_LT(test, n, SZ_1M / GRANULE);
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool),
			goslab_pool_size(pool) - n * GRANULE);
	KUNIT_EXPECT_TRUE(test, gs_extents_verify(&pool->extents));
	/* Two that merge are one that fits exactly. */
	KUNIT_ASSERT_GE(test, n, 2U);
	goslab_pool_free(pool, BASE, GRANULE);
	goslab_pool_free(pool, BASE + GRANULE, GRANULE);
	KUNIT_EXPECT_EQ(test, goslab_pool_alloc(pool, 2 * GRANULE), BASE);
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);

	KUNIT_EXPECT_NE(test, goslab_pool_alloc(pool, GRANULE), 0);
	goslab_pool_free(pool, BASE, 2 * GRANULE);
	for (i = 2; i <= n; i++)
		goslab_pool_free(pool, BASE + i * GRANULE, GRANULE);
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), goslab_pool_size(pool));
	goslab_pool_destroy(pool);
}

/* Descriptors that nobody needs any more do not pile up in the pool. */
static void spares_are_bounded(struct kunit *test)
{
	struct goslab_pool *pool = must_create(test, GOSLAB_POOL_FIRST_FIT);
	unsigned int i, n = 1000;

	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, n * GRANULE), 0);
	for (i = 0; i < n; i++)
		KUNIT_ASSERT_NE(test, goslab_pool_alloc(pool, 1), 0);
	for (i = 0; i < n; i++) {
		goslab_pool_free(pool, BASE + i * GRANULE, 1);
		KUNIT_ASSERT_LE(test, pool->extents.nr_spare, 34U);
	}
	goslab_pool_destroy(pool);
}

/*
 * More of them would all wait for the one lock, and on User-Mode Linux with more CPUs
 * than the host has, for one that the host has put aside.
 */
#define THREADS		2
#define MINE		32

/**
 * struct sharer - a thread that allocates from a pool that all share.
 * @done: it is through.
 * @rnd: of it.
 * @pool: shared.
 * @twice: granules that it got while somebody had them.
 */
struct sharer {
	struct completion done;
	struct gs_rnd rnd;
	struct goslab_pool *pool;
	unsigned int twice;
};

static atomic_t taken[CELLS];
static struct sharer sharers[THREADS];

static void mark(struct sharer *u, unsigned long addr, unsigned int n, int by)
{
	unsigned int i, cell = (addr - BASE) / GRANULE;

	for (i = 0; i < n; i++)
		u->twice += atomic_add_return(by, &taken[cell + i]) != (by > 0);
}

static int use_pool(void *arg)
{
	unsigned long addr[MINE] = { };
	unsigned int n[MINE], i, j;
	struct sharer *u = arg;

	for (i = 0; i < STEPS / 10; i++) {
		j = gs_rnd_below(&u->rnd, MINE);
		if (addr[j]) {
			mark(u, addr[j], n[j], -1);
			goslab_pool_free(u->pool, addr[j], n[j] * GRANULE);
			addr[j] = 0;
		} else {
			n[j] = 1 + gs_rnd_below(&u->rnd, 4);
			addr[j] = goslab_pool_alloc_align(u->pool, n[j] * GRANULE,
							  GRANULE << gs_rnd_below(&u->rnd, 3));
			if (addr[j])
				mark(u, addr[j], n[j], 1);
		}
		if (!(i % 64))
			cond_resched();
	}
	for (j = 0; j < MINE; j++) {
		if (!addr[j])
			continue;
		mark(u, addr[j], n[j], -1);
		goslab_pool_free(u->pool, addr[j], n[j] * GRANULE);
	}
	complete(&u->done);
	return 0;
}

static void threads_share(struct kunit *test, enum goslab_pool_fit fit)
{
	struct goslab_pool *pool = must_create(test, fit);
	struct gs_rnd rnd = gs_rnd_start(test);
	unsigned int i, started = 0;

	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, CELLS * GRANULE), 0);
	for (i = 0; i < THREADS; i++) {
		sharers[i] = (struct sharer){ .rnd = rnd, .pool = pool };
		init_completion(&sharers[i].done);
		gs_rnd_next(&rnd);
		if (IS_ERR(kthread_run(use_pool, &sharers[i], "gs-pool/%u", i)))
			break;
		started++;
	}
	for (i = 0; i < started; i++) {
		wait_for_completion(&sharers[i].done);
		KUNIT_EXPECT_EQ(test, sharers[i].twice, 0U);
	}
	KUNIT_EXPECT_EQ(test, started, THREADS);
	KUNIT_EXPECT_EQ(test, goslab_pool_avail(pool), CELLS * GRANULE);
	KUNIT_EXPECT_TRUE(test, gs_extents_verify(&pool->extents));
	goslab_pool_destroy(pool);
}

static void threads_share_a_pool(struct kunit *test)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(fits); i++)
		threads_share(test, fits[i]);
}

/* The rows by which a pool is known: granule, bytes, free and longest. */
static void shown(struct kunit *test)
{
	struct goslab_pool *pool = goslab_pool_create(9, GOSLAB_POOL_BEST_FIT);
	unsigned long p;
	char *text;

	KUNIT_ASSERT_NOT_NULL(test, pool);
	KUNIT_ASSERT_EQ(test, goslab_pool_add(pool, BASE, SZ_64K), 0);
	p = goslab_pool_alloc(pool, SZ_8K);
	KUNIT_EXPECT_NE(test, p, 0UL);
	text = gs_test_read(test, "pools");
	KUNIT_EXPECT_NOT_NULL(test, strstr(text, "pools - version: 1.0\n#fit"));
	KUNIT_EXPECT_NOT_NULL(test, strstr(text,
		"best         512          65536          57344          57344  shown+0x"));
	goslab_pool_free(pool, p, SZ_8K);
	goslab_pool_destroy(pool);
	text = gs_test_read(test, "pools");
	KUNIT_EXPECT_NULL(test, strstr(text, "shown+0x"));
}

static struct kunit_case cases[] = {
	KUNIT_CASE(first_fit_agrees),
	KUNIT_CASE(next_fit_agrees),
	KUNIT_CASE(best_fit_agrees),
	KUNIT_CASE(alignment),
	KUNIT_CASE(many_unaligned_places),
	KUNIT_CASE(fragmentation),
	KUNIT_CASE(boundaries),
	KUNIT_CASE(bad_frees_change_nothing),
	KUNIT_CASE(bad_arguments),
	KUNIT_CASE(no_descriptors),
	KUNIT_CASE(spares_are_bounded),
	KUNIT_CASE(threads_share_a_pool),
	KUNIT_CASE(shown),
	{ }
};

static struct kunit_suite suite = {
	.name = "goslab_pool",
	.test_cases = cases,
	GS_TEST_CASES,
};
kunit_test_suite(suite);
