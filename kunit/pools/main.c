// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_pools.ko, goslab_pool_* beside genalloc.
 *
 * Loading prints the figures: cycles for an allocation and for a free, each with its
 * random numbers and the loop around. A cycle is an instruction under QEMU's icount,
 * for which they are meant. The ranges are no memory; neither allocator touches them.
 *
 * A range of so many granules is filled to nine tenths with parts of 1 to 16 granules.
 * Then half of them are freed, in no order. After that a random part is freed and
 * another one allocated, as often as the pool's line says. The sequence is the same for
 * all. A kernel without CONFIG_GENERIC_ALLOCATOR has goslab's lines only, and says so.
 *
 * Lock:     none; one task uses the pools.
 * Context:  task.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/genalloc.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/timex.h>
#include <linux/vmalloc.h>

#define ORDER		6
#define BASE		0x100000UL
#define LENGTH_MOST	16U

static const struct {
	unsigned int granules;
	unsigned int rounds;
} sizes[] = {
	{ 1U << 10, 4000 }, { 1U << 14, 2000 }, { 1U << 18, 400 },
};

/**
 * struct way - an allocator with a fit.
 * @name: in the figures.
 * @fit: of goslab.
 * @algo: of genalloc, or NULL.
 */
struct way {
	const char *name;
	enum goslab_pool_fit fit;
	genpool_algo_t algo;
};

static const struct way ways[] = {
	{ "goslab first", GOSLAB_POOL_FIRST_FIT },
	{ "goslab next", GOSLAB_POOL_NEXT_FIT },
	{ "goslab best", GOSLAB_POOL_BEST_FIT },
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	{ "genalloc first", 0, gen_pool_first_fit },
	{ "genalloc best", 0, gen_pool_best_fit },
#endif
};

struct part {
	unsigned long addr;
	unsigned int bytes;
};

static struct part *parts;
static unsigned int nr_parts;
static struct goslab_pool *ours;
static struct gen_pool *theirs;
static u64 rnd;

static u32 below(u32 n)
{
	u64 z = rnd += 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	return (u32)((z >> 32) * n >> 32);
}

static unsigned long alloc(size_t size)
{
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	if (theirs)
		return gen_pool_alloc(theirs, size);
#endif
	return goslab_pool_alloc(ours, size);
}

static void give(unsigned long addr, size_t size)
{
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	if (theirs) {
		gen_pool_free(theirs, addr, size);
		return;
	}
#endif
	goslab_pool_free(ours, addr, size);
}

static bool take_part(void)
{
	struct part *p = &parts[nr_parts];

	p->bytes = (1 + below(LENGTH_MOST)) << ORDER;
	p->addr = alloc(p->bytes);
	nr_parts += !!p->addr;
	return p->addr;
}

static void give_part(void)
{
	struct part *p = &parts[below(nr_parts)];

	give(p->addr, p->bytes);
	*p = parts[--nr_parts];
}

static int make(const struct way *way, size_t size)
{
	int err = -ENOMEM;

	ours = NULL;
	theirs = NULL;
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	if (way->algo) {
		theirs = gen_pool_create(ORDER, NUMA_NO_NODE);
		if (!theirs)
			return -ENOMEM;
		gen_pool_set_algo(theirs, way->algo, NULL);
		return gen_pool_add(theirs, BASE, size, NUMA_NO_NODE);
	}
#endif
	ours = goslab_pool_create(ORDER, way->fit);
	if (ours)
		err = goslab_pool_add(ours, BASE, size);
	return err;
}

static void end(void)
{
	while (nr_parts) {
		give_part();
		if (!(nr_parts % 1024))
			cond_resched();
	}
#if IS_ENABLED(CONFIG_GENERIC_ALLOCATOR)
	if (theirs)
		gen_pool_destroy(theirs);
#endif
	goslab_pool_destroy(ours);
}

static void fragment(unsigned int granules)
{
	unsigned int used = 0;

	while (used < granules / 10 * 9 && take_part()) {
		used += parts[nr_parts - 1].bytes >> ORDER;
		if (!(nr_parts % 64))
			cond_resched();
	}
	for (used = nr_parts / 2; nr_parts > used; )
		give_part();
}

static int measure(const struct way *way, unsigned int granules, unsigned int rounds)
{
	u64 in_alloc = 0, in_free = 0, start;
	unsigned int i, failed = 0;
	int err;

	rnd = 1;
	nr_parts = 0;
	err = make(way, (size_t)granules << ORDER);
	if (!err) {
		fragment(granules);
		for (i = 0; i < rounds; i++) {
			start = get_cycles();
			give_part();
			in_free += get_cycles() - start;
			start = get_cycles();
			failed += !take_part();
			in_alloc += get_cycles() - start;
			cond_resched();
		}
		pr_info("%-14s %7u granules: alloc %9llu free %6llu cycles, %u of %u failed\n",
			way->name, granules, in_alloc / rounds, in_free / rounds, failed,
			rounds);
	}
	end();
	return err;
}

static int __init pools_init(void)
{
	unsigned int i, j;
	int err = 0;

	if (!IS_ENABLED(CONFIG_GENERIC_ALLOCATOR))
		pr_info("genalloc: not in this kernel\n");
	parts = vmalloc(array_size(sizes[ARRAY_SIZE(sizes) - 1].granules, sizeof(*parts)));
	if (!parts)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(sizes) && !err; i++)
		for (j = 0; j < ARRAY_SIZE(ways) && !err; j++)
			err = measure(&ways[j], sizes[i].granules, sizes[i].rounds);
	vfree(parts);
	return err;
}
module_init(pools_init);

/* Nothing is left. */
static void __exit pools_exit(void)
{
}
module_exit(pools_exit);

MODULE_DESCRIPTION("pools over ranges beside genalloc, measured");
MODULE_LICENSE("GPL");
