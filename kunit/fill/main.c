// SPDX-License-Identifier: GPL-2.0
/*
 * goslab_fill: a client with many live objects, all of them reached from one variable.
 *
 * Each object points to the one before and to a random earlier one; the sizes are about
 * as frequent as in the recorded trace. The rest of an object is zero. At unload all
 * are freed.
 *
 * Used by:    scripts/guest/leakbench.sh
 */
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/sched.h>
#include <linux/sizes.h>

static unsigned int mib = 1024;
module_param(mib, uint, 0444);
MODULE_PARM_DESC(mib, "MiB of live objects (1024)");

struct item {
	struct item *next;
	struct item *other;
};

static struct item *head;
/* Some of the earlier ones. */
static struct item *earlier[1024];
static unsigned long nr;

/* Of 16 objects as many as there are entries. */
static const unsigned short sizes[16] = {
	64, 64, 64, 64, 96, 128, 128, 128, 192, 192, 256, 256, 512, 1024, 1024, 4096,
};

static void end(void)
{
	while (head) {
		struct item *item = head;

		head = item->next;
		goslab_free(item);
		if (!(--nr & 1023))
			cond_resched();
	}
}

static int __init fill_init(void)
{
	size_t bytes = 0;

	while (bytes < (size_t)mib * SZ_1M) {
		u32 rnd = get_random_u32();
		size_t size = sizes[rnd & 15];
		struct item *item = goslab_zalloc(size, GFP_KERNEL), **place;

		if (!item) {
			end();
			return -ENOMEM;
		}
		place = &earlier[rnd >> 4 & (ARRAY_SIZE(earlier) - 1)];
		item->next = head;
		item->other = *place;
		if (!(rnd >> 28))
			*place = item;
		head = item;
		bytes += size;
		if (!(++nr & 1023))
			cond_resched();
	}
	pr_info("goslab_fill: %lu objects, %zu bytes\n", nr, bytes);
	return 0;
}
module_init(fill_init);

static void __exit fill_exit(void)
{
	end();
}
module_exit(fill_exit);

MODULE_DESCRIPTION("Many live objects of goslab, for leak scans");
MODULE_LICENSE("GPL");
