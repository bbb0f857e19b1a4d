// SPDX-License-Identifier: GPL-2.0
/*
 * pool.c - parts of memory that the caller has
 *
 * Two banks of SRAM on a device are one pool. The pool hands out addresses and never
 * touches the memory behind them, so that this example can do with addresses alone. A
 * driver would add what ioremap() or memremap() has returned.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/sizes.h>

#define GRANULE	6	/* allocations are multiples of 64 bytes */

/**
 * struct bank - a bank of the device's memory.
 * @name: for the log.
 * @virt: where the CPU sees it.
 * @phys: where the device sees it.
 */
struct bank {
	const char *name;
	unsigned long virt;
	phys_addr_t phys;
};

static struct bank banks[] = {
	{ "bank 0", 0x10000000, 0x80000000 },
	{ "bank 1", 0x20000000, 0x90000000 },
};

static int show(struct goslab_pool *pool)
{
	struct goslab_pool_place ring, table;
	struct bank *bank;

	if (!goslab_pool_alloc_place(pool, 100, 1, &ring) ||
	    !goslab_pool_alloc_place(pool, SZ_32K, SZ_4K, &table))
		return -ENOMEM;
	bank = ring.owner;
	pr_info("a ring is in %s, 0x%llx for the device\n", bank->name, (u64)ring.phys);
	/* 32 KiB do not fit behind the ring, and no part crosses from bank to bank. */
	bank = table.owner;
	pr_info("a table is in %s, 0x%llx for the device\n", bank->name, (u64)table.phys);
	if (goslab_pool_alloc(pool, SZ_32K))
		return -EINVAL;
	pr_info("of %zu free bytes no 32768 are in one piece\n", goslab_pool_avail(pool));

	goslab_pool_free(pool, ring.addr, 100);
	goslab_pool_free(pool, table.addr, SZ_32K);
	return goslab_pool_avail(pool) == goslab_pool_size(pool) ? 0 : -EINVAL;
}

static int __init example_init(void)
{
	struct goslab_pool *pool = goslab_pool_create(GRANULE, GOSLAB_POOL_BEST_FIT);
	int i, err = 0;

	if (!pool)
		return -ENOMEM;
	for (i = 0; i < ARRAY_SIZE(banks) && !err; i++)
		err = goslab_pool_add_owner(pool, banks[i].virt, banks[i].phys, SZ_32K,
					    &banks[i]);
	err = err ?: show(pool);
	/* It would report what is in use, and stay. */
	goslab_pool_destroy(pool);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: a pool over ranges of the caller");
MODULE_LICENSE("GPL");
