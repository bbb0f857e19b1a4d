// SPDX-License-Identifier: GPL-2.0
/*
 * leakscan_kunit: goslab_leakscan: watch/leakscan.c, watch/roots.c.
 *
 * All memory of the kernel is a root, and an address may be left anywhere: what is
 * reachable must never be reported, and of what is lost at least half must be.
 * Addresses of lost objects are kept as complements. Objects of other suites do not
 * count.
 */
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/percpu.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "front/sample.h"
#include "testfile.h"
#include "testlib.h"
#include "watch/leakscan.h"

#define LOST	40

/* Complements of addresses. */
static unsigned long lost[LOST];

static void *lost_at(unsigned int i)
{
	return (void *)~lost[i];
}

/* Their addresses must not stay in the frame of the case. */
static noinline bool lose(size_t size)
{
	unsigned int i;

	for (i = 0; i < LOST; i++) {
		lost[i] = ~(unsigned long)goslab_zalloc(size, GFP_KERNEL);
		if (!~lost[i])
			return false;
	}
	return true;
}

/* Write over what the calls before have left of the stack, @deep frames of it. */
static noinline void wipe_stack(unsigned int deep)
{
	volatile unsigned long room[120];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(room); i++)
		room[i] = i;
	if (deep)
		wipe_stack(deep - 1);
	/* Not a jump: the frame stays until then. */
	room[0] = deep;
}

static noinline void free_lost(void)
{
	unsigned int i;

	for (i = 0; i < LOST; i++)
		goslab_free(lost_at(i));
}

static noinline unsigned int nr_found(void)
{
	unsigned int i, n = 0;

	for (i = 0; i < LOST; i++)
		n += gs_leaks_has(lost_at(i));
	return n;
}

static void scan(struct kunit *test)
{
	wipe_stack(3);
	KUNIT_ASSERT_EQ(test, gs_leaks_scan(), 0);
}

/*
 * Lose objects and look for them: of some rounds one finds at least @least. Pages that
 * the kernel freed and took again may have the addresses of a round from before.
 */
static void lose_and_find(struct kunit *test, size_t size, unsigned int least)
{
	static unsigned long before[LOST];
	unsigned int round, i;

	KUNIT_ASSERT_TRUE(test, lose(size));
	scan(test);
	for (round = 0; round < 5 && nr_found() < least; round++) {
		memcpy(before, lost, sizeof(lost));
		KUNIT_ASSERT_TRUE(test, lose(size));
		for (i = 0; i < LOST; i++)
			goslab_free((void *)~before[i]);
		scan(test);
	}
	KUNIT_EXPECT_GE_MSG(test, nr_found(), least, "%zu bytes", size);
}

static int leakscan_init(struct kunit *test)
{
	gs_leaks_min_age = 0;
	gs_leaks_forget();
	return gs_test_init(test);
}

static void leakscan_exit(struct kunit *test)
{
	gs_leaks_min_age = 5000;
	gs_leaks_forget();
	gs_test_exit(test);
}

static void found(struct kunit *test)
{
	unsigned int n;

	lose_and_find(test, 200, LOST / 2);
	n = nr_found();
	KUNIT_EXPECT_EQ(test, gs_leaks_nr(), n);
	/* What is known is not reported again, and what comes is. */
	KUNIT_EXPECT_EQ(test, gs_leaks_clear(), 0);
	KUNIT_EXPECT_EQ(test, gs_leaks_nr(), 0U);
	scan(test);
	KUNIT_EXPECT_LE(test, nr_found(), LOST - n);
	free_lost();
	lose_and_find(test, 1000, LOST / 2);
	free_lost();
	scan(test);
	KUNIT_EXPECT_EQ(test, gs_leaks_nr(), 0U);
}

/*
 * Tiny objects and large ones, each with nothing but itself. (Addresses that
 * were in use before stay in free memory of the kernel, those of pages above all: so many
 * objects of 3000 bytes, and most of 4096, seem to be reached.)
 */
static void sizes(struct kunit *test)
{
	static const size_t size[] = { 8, 3000, 40000 };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(size); i++) {
		lose_and_find(test, size[i], LOST / 8);
		free_lost();
	}
}

static void *in_data;
static DEFINE_PER_CPU(void *, per_cpu_static);

/* One object in each kind of memory that the kernel has. */
static void places(struct kunit *test)
{
	void **slab = kzalloc(sizeof(*slab), GFP_KERNEL);
	void **big = kzalloc(1 << 20, GFP_KERNEL), **vm = vzalloc(5 * PAGE_SIZE);
	struct page *block = alloc_pages(GFP_KERNEL | __GFP_ZERO, 2);
	void *__percpu *dynamic = alloc_percpu(void *);
	void *volatile on_stack, *p[8];
	void **in_block;
	unsigned int i;

	KUNIT_ASSERT_TRUE(test, slab && big && vm && block && dynamic);
	in_block = page_address(block) + 4 * PAGE_SIZE - sizeof(*in_block);
	*slab = goslab_malloc(300, GFP_KERNEL);
	big[100000] = goslab_malloc(300, GFP_KERNEL);
	vm[4 * PAGE_SIZE / sizeof(*vm)] = goslab_malloc(300, GFP_KERNEL);
	*in_block = goslab_malloc(300, GFP_KERNEL);
	/* Memory that was taken at boot. */
	*per_cpu_ptr(dynamic, 0) = GS_COMPAT_FAULTS ? goslab_malloc(300, GFP_KERNEL) : NULL;
	per_cpu(per_cpu_static, 0) = goslab_malloc(300, GFP_KERNEL);
	in_data = goslab_malloc(300, GFP_KERNEL);
	on_stack = goslab_malloc(300, GFP_KERNEL);
	scan(test);
	KUNIT_EXPECT_EQ(test, gs_leaks_nr(), 0U);
	p[0] = *slab;
	p[1] = big[100000];
	p[2] = vm[4 * PAGE_SIZE / sizeof(*vm)];
	p[3] = *in_block;
	p[4] = *per_cpu_ptr(dynamic, 0);
	p[5] = per_cpu(per_cpu_static, 0);
	p[6] = in_data;
	p[7] = on_stack;
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		KUNIT_EXPECT_FALSE_MSG(test, gs_leaks_has(p[i]), "place %u", i);
		goslab_free(p[i]);
	}
	in_data = NULL;
	kfree(slab);
	kfree(big);
	vfree(vm);
	__free_pages(block, 2);
	free_percpu(dynamic);
}

/* Objects that only a range leads to that no scan would look at. */
static void ranges(struct kunit *test)
{
	void **table = goslab_malloc_noscan(LOST * sizeof(*table), GFP_KERNEL);
	unsigned int i;

	KUNIT_ASSERT_NOT_NULL(test, table);
	lose_and_find(test, 500, LOST / 2);
	for (i = 0; i < LOST; i++)
		table[i] = lost_at(i);
	/* Neither end is aligned: only whole words count. */
	KUNIT_ASSERT_EQ(test, goslab_root_add((char *)table - 3, LOST * sizeof(*table) + 3), 0);
	scan(test);
	KUNIT_EXPECT_EQ(test, nr_found(), 0U);
	goslab_root_del((char *)table - 3);
	/* There is none: nothing happens. */
	goslab_root_del(table);
	scan(test);
	KUNIT_EXPECT_GE(test, nr_found(), LOST / 2U);
	/* What cannot be read leads nowhere. */
	if (GS_COMPAT_FAULTS) {
		KUNIT_ASSERT_EQ(test, goslab_root_add((void *)8, 4096), 0);
		scan(test);
		goslab_root_del((void *)8);
	}
	free_lost();
	goslab_free(table);
}

/* Suspects are looked at again when they are old enough, and only then. */
static void age(struct kunit *test)
{
	unsigned long start;

	gs_leaks_min_age = 600;
	start = jiffies;
	lose_and_find(test, 200, LOST / 2);
	KUNIT_EXPECT_GE(test, jiffies_to_msecs(jiffies - start), 590U);
	free_lost();
}

/* One that somebody still writes to is none, though nothing leads to it. */
static int write_to_lost(void *unused)
{
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < LOST; i++)
			++*(unsigned long *)lost_at(i);
		schedule_timeout_interruptible(1);
	}
	return 0;
}

static void written_to(struct kunit *test)
{
	struct task_struct *task;

	KUNIT_ASSERT_TRUE(test, lose(200));
	gs_leaks_min_age = 300;
	task = kthread_run(write_to_lost, NULL, "goslab_writer");
	KUNIT_ASSERT_FALSE(test, IS_ERR(task));
	scan(test);
	KUNIT_EXPECT_EQ(test, nr_found(), 0U);
	KUNIT_EXPECT_EQ(test, kthread_stop(task), 0);
	free_lost();
}

#define MOVED	200

/* In one of two lists, or in one of two tables; what moves is written to. */
struct moved {
	struct list_head link;
	unsigned long uses;
	struct moved *behind;
	unsigned long rest[9];
};

static struct pool {
	spinlock_t lock;
	struct list_head list[2];
	struct moved **table[2];
	unsigned long moves;
} pool;

static void move_in_list(unsigned int rnd)
{
	struct list_head *from = &pool.list[rnd & 1], *to = &pool.list[!(rnd & 1)];

	if (!list_empty(from))
		list_move_tail(from->next, to);
}

static void move_in_table(unsigned int rnd)
{
	unsigned int from = rnd & 1, i = rnd / 2 % MOVED;
	struct moved *p = pool.table[from][i];

	if (!p)
		return;
	p->uses++;
	pool.table[from][i] = NULL;
	pool.table[!from][i] = p;
}

/* One is freed and another takes its place. */
static void replace(unsigned int rnd)
{
	struct moved **p = &pool.table[rnd & 1][rnd / 2 % MOVED];

	if (!*p)
		return;
	goslab_free((*p)->behind);
	goslab_free(*p);
	*p = goslab_zalloc(sizeof(**p), GFP_ATOMIC);
	if (*p)
		(*p)->behind = goslab_zalloc(64, GFP_ATOMIC);
}

static int move(void *unused)
{
	unsigned int i;

	while (!kthread_should_stop()) {
		for (i = 0; i < 50; i++) {
			u32 rnd = get_random_u32();

			spin_lock(&pool.lock);
			move_in_list(rnd);
			move_in_table(rnd >> 1);
			if (!(rnd >> 16 & 7))
				replace(rnd >> 2);
			pool.moves++;
			spin_unlock(&pool.lock);
		}
		cond_resched();
	}
	return 0;
}

static bool fill_pool(void)
{
	unsigned int i;

	spin_lock_init(&pool.lock);
	for (i = 0; i < 2; i++) {
		INIT_LIST_HEAD(&pool.list[i]);
		/* One far from the other, in memory and in the order of the roots. */
		pool.table[i] = i ? vzalloc(MOVED * sizeof(void *)) :
				kcalloc(MOVED, sizeof(void *), GFP_KERNEL);
		if (!pool.table[i])
			return false;
	}
	for (i = 0; i < 2 * MOVED; i++) {
		struct moved *p = goslab_zalloc(sizeof(*p), GFP_KERNEL);

		if (!p)
			return false;
		p->behind = goslab_zalloc(64, GFP_KERNEL);
		if (i & 1)
			list_add(&p->link, &pool.list[0]);
		else
			pool.table[0][i / 2] = p;
	}
	return true;
}

static void free_moved(struct moved *p)
{
	if (!p)
		return;
	goslab_free(p->behind);
	goslab_free(p);
}

static void empty_pool(void)
{
	struct moved *p, *next;
	unsigned int i;

	list_splice(&pool.list[1], &pool.list[0]);
	list_for_each_entry_safe(p, next, &pool.list[0], link)
		free_moved(p);
	for (i = 0; i < 2 * MOVED; i++)
		free_moved(pool.table[i & 1][i / 2]);
	kfree(pool.table[0]);
	vfree(pool.table[1]);
}

/* Pointers move, objects come and go: none of them is ever reported. */
static void moving(struct kunit *test)
{
	struct task_struct *task[2];
	unsigned int i, rounds = GS_TEST_SLOW ? 2 : 6, reports = 0;

	KUNIT_ASSERT_TRUE(test, fill_pool());
	pool.moves = 0;
	gs_leaks_min_age = 100;
	for (i = 0; i < ARRAY_SIZE(task); i++) {
		task[i] = kthread_run(move, NULL, "goslab_mover/%u", i);
		KUNIT_ASSERT_FALSE(test, IS_ERR(task[i]));
	}
	for (i = 0; i < rounds; i++) {
		scan(test);
		reports += gs_leaks_nr();
		/* One CPU may not have let them run. */
		msleep(10);
	}
	for (i = 0; i < ARRAY_SIZE(task); i++)
		kthread_stop(task[i]);
	KUNIT_EXPECT_GT(test, pool.moves, 1000UL);
	KUNIT_EXPECT_EQ(test, reports, 0U);
	empty_pool();
}

static unsigned long draws, fail_at;

static void fail_one(enum gs_hook_point point, void *arg)
{
	if (++draws == fail_at)
		*(u64 *)arg = 0;
}

/* Every block of memory that a scan needs fails once. */
static void no_memory(struct kunit *test)
{
	int ret = -ENOMEM;

	KUNIT_ASSERT_TRUE(test, lose(200));
	wipe_stack(3);
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail_one);
	for (fail_at = 1; ret && fail_at < 100; fail_at++) {
		draws = 0;
		ret = gs_leaks_scan();
		KUNIT_EXPECT_EQ(test, ret, draws < fail_at ? 0 : -ENOMEM);
		KUNIT_EXPECT_TRUE(test, !ret || !gs_leaks_nr());
	}
	KUNIT_EXPECT_EQ(test, ret, 0);
	KUNIT_EXPECT_GT(test, fail_at, 6UL);
	/* Stacks that were freed meanwhile may be in use again, and lead to many. */
	KUNIT_EXPECT_GE(test, nr_found(), LOST / 8U);
	draws = 0;
	fail_at = 1;
	KUNIT_EXPECT_EQ(test, gs_leaks_clear(), -ENOMEM);
	KUNIT_EXPECT_GE(test, nr_found(), LOST / 8U);
	draws = 0;
	KUNIT_EXPECT_EQ(test, goslab_root_add(lost, sizeof(lost)), -ENOMEM);
	draws = 0;
	KUNIT_EXPECT_NULL(test, goslab_cache_create_args("kunit-mask", 64,
							 &(struct goslab_cache_args) {
								.pointers = lost }, 0));
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
	free_lost();
}

/* The block of an object: text from its first line to the next block's. */
static const char *block_of(const char *text, const void *p)
{
	char first[64];

	snprintf(first, sizeof(first), "unreferenced object 0x%08lx (size 208):\n",
		 (unsigned long)p);
	return strstr(text, first);
}

static noinline const char *any_block(const char *text)
{
	const char *block = NULL;
	unsigned int i;

	for (i = 0; i < LOST && !block; i++)
		block = block_of(text, lost_at(i));
	return block;
}

/* As print_unreferenced() of mm/kmemleak.c prints it. */
static void format(struct kunit *test)
{
	unsigned long when, sec, ms;
	unsigned int pid, crc;
	const char *block;
	char comm[17];

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(1), 0);
	KUNIT_EXPECT_NOT_NULL(test, strstr(gs_test_read(test, "leaks"), "# no scan"));
	KUNIT_ASSERT_TRUE(test, lose(200));
	scan(test);
	block = any_block(gs_test_read(test, "leaks"));
	KUNIT_ASSERT_NOT_NULL(test, block);
	block = strchr(block, '\n') + 1;
	KUNIT_EXPECT_EQ_MSG(test, sscanf(block, "  comm \"%16[^\"]\", pid %u, jiffies %lu (age %lu.%3lus)",
					 comm, &pid, &when, &sec, &ms), 5, "%.80s", block);
	KUNIT_EXPECT_STREQ(test, comm, current->comm);
	KUNIT_EXPECT_EQ(test, pid, (unsigned int)current->pid);
	block = strchr(block, '\n') + 1;
	KUNIT_EXPECT_EQ(test, strncmp(block, "  hex dump (first 32 bytes):\n    00 00 ", 39), 0);
	block = strstr(block, "  backtrace (crc ");
	KUNIT_ASSERT_NOT_NULL(test, block);
	KUNIT_EXPECT_EQ(test, sscanf(block, "  backtrace (crc %x):", &crc), 1);
	block = strchr(block, '\n') + 1;
	KUNIT_EXPECT_EQ_MSG(test, strncmp(block, "    lose+0x", 11), 0, "%.40s", block);
	free_lost();
	/* Freed objects are not shown any more. */
	KUNIT_EXPECT_NULL(test, any_block(gs_test_read(test, "leaks")));
	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(0), 0);
}

/* Without a sample: module and class. */
static void format_unsampled(struct kunit *test)
{
	const char *block;

	KUNIT_ASSERT_EQ(test, gs_sample_set_rate(0), 0);
	KUNIT_ASSERT_TRUE(test, lose(200));
	scan(test);
	block = any_block(gs_test_read(test, "leaks"));
	KUNIT_ASSERT_NOT_NULL(test, block);
	block = strchr(block, '\n') + 1;
	KUNIT_EXPECT_EQ_MSG(test, strncmp(block, "  comm \"goslab_kunit\", pid 0, jiffies ", 38), 0,
			    "%.60s", block);
	block = strstr(block, "  backtrace (crc ");
	KUNIT_ASSERT_NOT_NULL(test, block);
	block = strchr(block, '\n') + 1;
	KUNIT_EXPECT_EQ_MSG(test, strncmp(block, "    malloc-208 [goslab_kunit]\n", 30), 0,
			    "%.40s", block);
	free_lost();
}

static struct kunit_case leakscan_cases[] = {
	KUNIT_CASE(found),
	KUNIT_CASE(sizes),
	KUNIT_CASE(places),
	KUNIT_CASE(ranges),
	KUNIT_CASE(age),
	KUNIT_CASE(written_to),
	KUNIT_CASE(moving),
	KUNIT_CASE(no_memory),
	KUNIT_CASE(format),
	KUNIT_CASE(format_unsampled),
	{}
};

static struct kunit_suite leakscan_suite = {
	.name = "goslab_leakscan",
	.suite_init = gs_test_suite_init,
	.init = leakscan_init,
	.exit = leakscan_exit,
	.test_cases = leakscan_cases,
};

kunit_test_suites(&leakscan_suite);
