// SPDX-License-Identifier: GPL-2.0
/*
 * goslab_leak: a client that loses objects, by known counts at known places.
 *
 * For leak detectors: what lose_small(), lose_large(), lose_in_cache() and
 * lose_behind_noscan() allocate, nobody points to. What keep_chain() allocates is
 * reached from a variable of the module, through other objects, and what
 * free_some() allocates is freed. What end_heap() allocates ends with its heap, first
 * NR_RESET objects, then NR_DESTROYED. At unload all of it is freed after all: the
 * module knows the addresses in a form that is no pointer. With keep=1 it is not.
 *
 * Used by:    scripts/guest/kmemleak.sh, scripts/guest/leaks.sh, scripts/guest/trace.sh
 */
#include <linux/goslab.h>
#include <linux/goslab_cache.h>
#include <linux/goslab_heap.h>
#include <linux/module.h>

#define NR_SMALL	10
#define NR_LARGE	10
#define NR_IN_CACHE	5
#define NR_BEHIND	4
#define NR_CHAIN	7
#define NR_FREED	20
#define NR_RESET	6
#define NR_DESTROYED	3
#define NR_LOST		(NR_SMALL + NR_LARGE + NR_IN_CACHE + NR_BEHIND)

struct link {
	struct link *next;
	char rest[180];
};

static bool keep;
module_param(keep, bool, 0444);
MODULE_PARM_DESC(keep, "lose it for good: free nothing at unload");

/* Complements of addresses. */
static unsigned long lost[NR_LOST];
static unsigned int nr_lost;

static struct goslab_cache *cache;
static struct link *chain;
static void **noscan;

static int lose(void *p)
{
	if (!p)
		return -ENOMEM;
	lost[nr_lost++] = ~(unsigned long)p;
	return 0;
}

static noinline int lose_small(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_SMALL && !err; i++)
		err = lose(goslab_malloc(200, GFP_KERNEL));
	return err;
}

static noinline int lose_large(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_LARGE && !err; i++)
		err = lose(goslab_malloc(40000, GFP_KERNEL));
	return err;
}

static noinline int lose_in_cache(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < NR_IN_CACHE && !err; i++)
		err = lose(goslab_cache_alloc(cache, GFP_KERNEL));
	return err;
}

/* An object that holds no pointers, as its allocation says, holds some. */
static noinline int lose_behind_noscan(void)
{
	unsigned int i;
	int err = 0;

	noscan = goslab_malloc_noscan(NR_BEHIND * sizeof(*noscan), GFP_KERNEL);
	if (!noscan)
		return -ENOMEM;
	for (i = 0; i < NR_BEHIND && !err; i++) {
		noscan[i] = goslab_malloc(400, GFP_KERNEL);
		err = lose(noscan[i]);
	}
	return err;
}

static noinline int keep_chain(void)
{
	unsigned int i;

	for (i = 0; i < NR_CHAIN; i++) {
		struct link *link = goslab_malloc(sizeof(*link), GFP_KERNEL);

		if (!link)
			return -ENOMEM;
		link->next = chain;
		chain = link;
	}
	return 0;
}

static noinline int free_some(void)
{
	unsigned int i;

	for (i = 0; i < NR_FREED; i++) {
		void *p = goslab_malloc(8 << i % 14, GFP_KERNEL);

		if (!p)
			return -ENOMEM;
		goslab_free(p);
	}
	return 0;
}

static noinline int fill_heap(struct goslab_heap *heap, unsigned int n)
{
	while (n--)
		if (!goslab_heap_malloc(heap, 100, GFP_KERNEL))
			return -ENOMEM;
	return 0;
}

static int end_heap(void)
{
	struct goslab_heap *heap = goslab_heap_create("leak_heap", NULL);
	int err;

	if (!heap)
		return -ENOMEM;
	err = fill_heap(heap, NR_RESET);
	if (!err && !goslab_heap_malloc(heap, 40000, GFP_KERNEL))
		err = -ENOMEM;
	goslab_heap_reset(heap);
	err = err ?: fill_heap(heap, NR_DESTROYED);
	goslab_heap_destroy(heap);
	return err;
}

static void end(void)
{
	while (nr_lost)
		goslab_free((void *)~lost[--nr_lost]);
	while (chain) {
		struct link *link = chain;

		chain = link->next;
		goslab_free(link);
	}
	goslab_free(noscan);
	goslab_cache_destroy(cache);
}

static int __init leak_init(void)
{
	int err;

	cache = goslab_cache_create("leak", 300, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	err = lose_small();
	err = err ?: lose_large();
	err = err ?: lose_in_cache();
	err = err ?: lose_behind_noscan();
	err = err ?: keep_chain();
	err = err ?: free_some();
	err = err ?: end_heap();
	if (err)
		end();
	return err;
}
module_init(leak_init);

static void __exit leak_exit(void)
{
	if (!keep)
		end();
	else
		goslab_cache_destroy(cache);
}
module_exit(leak_exit);

MODULE_DESCRIPTION("Loses objects of goslab, for leak detectors");
MODULE_LICENSE("GPL");
