// SPDX-License-Identifier: GPL-2.0
/*
 * mempool.c - a reserve of the kernel's mempools, with objects of goslab
 *
 * The pool is the kernel's; the calls of <linux/mempool.h> serve it. Its elements come
 * from a cache, and the cache draws from a heap with a quota: when that is used up, the
 * reserve is all that is left.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/mempool.h>
#include <linux/module.h>

#define RESERVE	4

struct request {
	struct request *next;
	char data[1000];
};

static int show(mempool_t *pool, struct goslab_cache *cache)
{
	struct request *list = NULL, *request;
	int n = 0;

	while ((request = goslab_cache_alloc(cache, GFP_KERNEL))) {
		request->next = list;
		list = request;
	}
	pr_info("the heap has no room for another request\n");
	/* A caller that may sleep would wait here until another one frees a request. */
	while ((request = mempool_alloc(pool, GFP_NOWAIT))) {
		request->next = list;
		list = request;
		n++;
	}
	pr_info("the reserve had %d\n", n);
	/* The pool fills its reserve first, and gives the rest back to the cache. */
	while ((request = list)) {
		list = request->next;
		mempool_free(request, pool);
	}
	return n == RESERVE ? 0 : -EINVAL;
}

static int __init example_init(void)
{
	struct goslab_heap_args quota = { .quota = 128 << 10 };
	struct goslab_cache_args args = { };
	struct goslab_cache *cache;
	mempool_t *pool = NULL;
	int err = -ENOMEM;

	args.heap = goslab_heap_create("example", &quota);
	if (!args.heap)
		return -ENOMEM;
	cache = goslab_cache_create_args("example_request", sizeof(struct request), &args, 0);
	if (cache)
		pool = goslab_mempool_create_cache(RESERVE, cache);
	if (pool)
		err = show(pool, cache);
	/* In this order: a pool has objects of its cache, a cache spans of its heap. */
	mempool_destroy(pool);
	goslab_cache_destroy(cache);
	goslab_heap_destroy(args.heap);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: mempools");
MODULE_LICENSE("GPL");
