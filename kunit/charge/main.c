// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_charge.ko, memory that the cgroup of insmod pays for.
 *
 * Loading allocates objects of a cache, and objects of all sizes of a heap,
 * both with GOSLAB_ACCOUNT; unloading frees them. What the cgroup says meanwhile
 * is for scripts/guest/stock.sh to compare. Knows goslab by its public header
 * only.
 *
 * Lifetime: objects from init to exit.
 */
#include <linux/goslab.h>
#include <linux/module.h>

static ulong bytes = 8 << 20;
module_param(bytes, ulong, 0444);
MODULE_PARM_DESC(bytes, "to allocate of the cache, and again of the heap (8388608)");

static struct goslab_cache *cache;
static struct goslab_heap *heap;

/* A list through the objects, so that they can be freed. */
struct object {
	struct object *next;
	u8 rest[992];
};

static struct object *objects;

static int fill_cache(void)
{
	struct object *o;
	ulong done;

	for (done = 0; done < bytes; done += sizeof(*o)) {
		o = goslab_cache_alloc(cache, GFP_KERNEL);
		if (!o)
			return -ENOMEM;
		o->next = objects;
		objects = o;
	}
	return 0;
}

/* Their end is that of the heap. */
static int fill_heap(void)
{
	size_t size = 16;
	ulong done;

	for (done = 0; done < bytes; done += size) {
		size = size < 200000 ? size + size / 2 : 16;
		if (!goslab_heap_malloc(heap, size, GFP_KERNEL))
			return -ENOMEM;
	}
	return 0;
}

static void empty(void)
{
	struct object *o;

	while ((o = objects)) {
		objects = o->next;
		goslab_cache_free(cache, o);
	}
	goslab_cache_destroy(cache);
	goslab_heap_destroy(heap);
}

static int __init charge_init(void)
{
	static const struct goslab_heap_args args = { .flags = GOSLAB_ACCOUNT };
	int err = -ENOMEM;

	cache = goslab_cache_create("charge", sizeof(struct object), 0,
				    GOSLAB_ACCOUNT, NULL);
	if (!cache)
		return err;
	heap = goslab_heap_create("charge-heap", &args);
	if (heap)
		err = fill_cache() ?: fill_heap();
	if (err)
		empty();
	return err;
}
module_init(charge_init);

static void __exit charge_exit(void)
{
	empty();
}
module_exit(charge_exit);

MODULE_DESCRIPTION("Objects of goslab that a memory cgroup pays for");
MODULE_LICENSE("GPL");
