// SPDX-License-Identifier: GPL-2.0
/*
 * sheaf.c - objects in reserve, for code that cannot fail or sleep
 *
 * An insertion into a tree may need a node for each level. It runs under a spinlock. So
 * the nodes are allocated before the lock is taken, and the rest goes back afterwards.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/spinlock.h>

#define LEVELS	8U

struct node {
	struct node *parent;
	unsigned long keys[15];
};

static DEFINE_SPINLOCK(tree_lock);
static struct node *tree;

static void grow(struct goslab_cache *cache, struct goslab_sheaf *nodes, int levels)
{
	spin_lock(&tree_lock);
	while (levels--) {
		/* Never NULL, for there are LEVELS of them. */
		struct node *node = goslab_cache_alloc_from_sheaf(cache, __GFP_ZERO, nodes);

		node->parent = tree;
		tree = node;
	}
	spin_unlock(&tree_lock);
}

static int show(struct goslab_cache *cache)
{
	struct goslab_sheaf *nodes;
	unsigned int n = 0, left;

	nodes = goslab_cache_prefill_sheaf(cache, GFP_KERNEL, LEVELS);
	if (!nodes)
		return -ENOMEM;
	pr_info("%u nodes are in reserve\n", goslab_cache_sheaf_size(nodes));
	grow(cache, nodes, 3);
	left = goslab_cache_sheaf_size(nodes);
	pr_info("3 of them were taken under a spinlock\n");
	goslab_cache_return_sheaf(cache, GFP_KERNEL, nodes);
	while (tree) {
		struct node *node = tree;

		tree = node->parent;
		goslab_cache_free(cache, node);
		n++;
	}
	pr_info("%u were not needed and went back\n", left);
	return n + left == LEVELS ? 0 : -EINVAL;
}

static int __init example_init(void)
{
	struct goslab_cache *cache = GOSLAB_CACHE(node, 0);
	int err;

	if (!cache)
		return -ENOMEM;
	err = show(cache);
	goslab_cache_destroy(cache);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: sheaves");
MODULE_LICENSE("GPL");
