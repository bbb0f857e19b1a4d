// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_leak.ko, objects of which half are lost, for kmemleak to find.
 *
 * Loading allocates COUNT objects of each way that has a kmemleak hook and keeps
 * the addresses; of as many again it forgets them. Unloading frees those that were
 * kept. Knows goslab by its public header only.
 *
 * Lifetime: objects from init to exit; what was lost stays until reboot.
 */
#include <linux/goslab.h>
#include <linux/module.h>

#define COUNT	4
#define SIZES	3

static const size_t sizes[SIZES] = { 48, 1000, 100000 };
static struct goslab_cache *cache;
static void *kept[COUNT][SIZES + 1];

static void *take(unsigned int way)
{
	if (way == SIZES)
		return goslab_cache_alloc(cache, GFP_KERNEL);
	return goslab_malloc(sizes[way], GFP_KERNEL);
}

/* Not inline: no register or stack slot of init keeps what is lost. */
static noinline int lose(unsigned int way)
{
	void *volatile p = take(way);
	bool ok = p;

	p = NULL;
	return ok ? 0 : -ENOMEM;
}

static void free_kept(void)
{
	unsigned int i, way;

	for (i = 0; i < COUNT; i++) {
		for (way = 0; way < SIZES; way++)
			goslab_free(kept[i][way]);
		if (kept[i][SIZES])
			goslab_cache_free(cache, kept[i][SIZES]);
	}
}

static int __init leak_init(void)
{
	unsigned int i, way;
	int err = 0;

	/* Never destroyed, for objects of it are lost. */
	cache = goslab_cache_create("leak", 200, 0, 0, NULL);
	if (!cache)
		return -ENOMEM;
	for (i = 0; i < COUNT && !err; i++) {
		for (way = 0; way <= SIZES && !err; way++) {
			kept[i][way] = take(way);
			err = kept[i][way] ? lose(way) : -ENOMEM;
		}
	}
	if (err)
		free_kept();
	return err;
}
module_init(leak_init);

static void __exit leak_exit(void)
{
	free_kept();
}
module_exit(leak_exit);

MODULE_DESCRIPTION("objects of goslab that are lost");
MODULE_LICENSE("GPL");
