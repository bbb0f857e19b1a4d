// SPDX-License-Identifier: GPL-2.0
/*
 * malloc.c - objects of any size, and a cache for objects of one type
 *
 * The calls have the names and the promises of <linux/slab.h>, with goslab_ in the
 * place of k: goslab_malloc() is kmalloc(), goslab_cache_alloc() is
 * kmem_cache_alloc(). What they return is freed by goslab, never by kfree().
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>

struct flow {
	struct flow *next;
	u32 saddr, daddr;
	u64 bytes;
};

static int show_malloc(void)
{
	char *p, *larger, *name;
	int err = -ENOMEM;

	p = goslab_malloc(100, GFP_KERNEL);
	name = goslab_asprintf(GFP_KERNEL, "eth%d", 3);
	if (!p || !name)
		goto out;
	err = -EINVAL;
	if (goslab_size(p) != goslab_size_roundup(100))
		goto out;
	pr_info("100 bytes are an object of %zu\n", goslab_size(p));
	strscpy(p, "kept", 100);
	larger = goslab_realloc(p, 3000, GFP_KERNEL);
	if (!larger) {
		err = -ENOMEM;
		goto out;
	}
	p = larger;
	if (strcmp(p, "kept") || strcmp(name, "eth3"))
		goto out;
	pr_info("of 3000 bytes it has the same contents\n");
	err = 0;
out:
	/* As with kfree(), NULL is no error. */
	goslab_free(name);
	goslab_free(p);
	return err;
}

static int show_cache(void)
{
	struct goslab_cache *cache;
	struct flow *flow;
	int err = -ENOMEM;

	cache = GOSLAB_CACHE(flow, GOSLAB_HWCACHE_ALIGN);
	if (!cache)
		return -ENOMEM;
	flow = goslab_cache_zalloc(cache, GFP_KERNEL);
	if (flow) {
		err = flow->next || flow->bytes ? -EINVAL : 0;
		pr_info("a flow of %zu bytes is zeroed\n", goslab_cache_size(cache));
	}
	goslab_cache_free(cache, flow);
	/* A cache reports what is still allocated here, with the module that has it. */
	goslab_cache_destroy(cache);
	return err;
}

static int __init example_init(void)
{
	return show_malloc() ?: show_cache();
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: malloc and caches");
MODULE_LICENSE("GPL");
