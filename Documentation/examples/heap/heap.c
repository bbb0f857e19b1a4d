// SPDX-License-Identifier: GPL-2.0
/*
 * heap.c - a heap for one component, with a quota and an end of its own
 *
 * What a component allocates from its heap counts against the quota of the heap, and
 * goes in one call, whatever it is. Who frees single objects does so by goslab_free(),
 * as if there were no heaps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>

#define QUOTA	(256 << 10)

static struct goslab_heap *heap;

static int show_quota(void)
{
	struct goslab_heap_usage usage;
	unsigned long n = 0;

	/* Nobody keeps the addresses: the heap knows its objects. */
	while (goslab_heap_malloc(heap, 300, GFP_KERNEL))
		n++;
	goslab_heap_usage(heap, &usage);
	if (!n || usage.nr_live != n || usage.nr_refused != 1 || usage.held > QUOTA)
		return -EINVAL;
	pr_info("the quota of %zu bytes has refused an object\n", usage.quota);
	return 0;
}

static int show_reset(void)
{
	struct goslab_heap_usage usage;
	void *p;

	goslab_heap_reset(heap);
	goslab_heap_usage(heap, &usage);
	if (usage.nr_live)
		return -EINVAL;
	pr_info("after the reset no object lives\n");
	p = goslab_heap_zalloc(heap, 40000, GFP_KERNEL);
	if (!p)
		return -ENOMEM;
	goslab_free(p);
	pr_info("there is room again\n");
	/* It is left to the end of the heap. */
	return goslab_heap_strdup(heap, "left", GFP_KERNEL) ? 0 : -ENOMEM;
}

static int __init example_init(void)
{
	struct goslab_heap_args args = { .quota = QUOTA };
	int err;

	heap = goslab_heap_create("example", &args);
	if (!heap)
		return -ENOMEM;
	err = show_quota() ?: show_reset();
	if (err)
		goslab_heap_destroy(heap);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
	goslab_heap_destroy(heap);
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: a heap with a quota");
MODULE_LICENSE("GPL");
