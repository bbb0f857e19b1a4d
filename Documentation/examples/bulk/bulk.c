// SPDX-License-Identifier: GPL-2.0
/*
 * bulk.c - many objects with one call
 *
 * A ring is filled with buffers at once. The call gives all of them or none, so there is
 * no half of a ring to take down. The free takes any mixture of objects.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/string.h>

#define RING	64

static void *ring[RING + 2];

static int __init example_init(void)
{
	int i;

	/* Unlike kmem_cache_alloc_bulk() it may be called with interrupts off. */
	if (!goslab_malloc_bulk(2048, GFP_KERNEL, RING, ring))
		return -ENOMEM;
	for (i = 0; i < RING; i++)
		memset(ring[i], i, 2048);
	pr_info("a ring has %d buffers\n", RING);
	/* NULL is no error, nor is another size. */
	ring[RING] = NULL;
	ring[RING + 1] = goslab_strdup("name", GFP_KERNEL);
	goslab_free_bulk(ARRAY_SIZE(ring), ring);
	pr_info("they and a string are freed by one call\n");
	return 0;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: bulk calls");
MODULE_LICENSE("GPL");
