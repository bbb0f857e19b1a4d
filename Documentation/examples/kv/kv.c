// SPDX-License-Identifier: GPL-2.0
/*
 * kv.c - memory that need not be contiguous
 *
 * A table whose size a user chooses. Up to a page it is an object like any other; larger
 * ones come from vmalloc() if goslab does not have them in one piece. goslab_kvfree()
 * knows which.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sizes.h>

static int try_size(size_t n)
{
	u64 *table = goslab_kvcalloc(n, sizeof(*table), GFP_KERNEL);
	int err;

	if (!table)
		return -ENOMEM;
	err = table[n - 1] ? -EINVAL : 0;
	pr_info("%zu entries: %s\n", n, is_vmalloc_addr(table) ? "vmalloc" : "goslab");
	goslab_kvfree(table);
	return err;
}

static int __init example_init(void)
{
	/* The greatest object has 4 MiB. */
	return try_size(100) ?: try_size(SZ_8M / sizeof(u64));
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: memory that need not be contiguous");
MODULE_LICENSE("GPL");
