// SPDX-License-Identifier: GPL-2.0
/*
 * goslab_stray: objects of goslab that the kernel frees, by mistake.
 *
 * A module that uses goslab under the names of slab hands an object to a part
 * of the kernel that frees it: the kernel's own kfree() gets an address that no
 * slab knows. Whatever that does on this kernel, goslab must stay whole.
 * scripts/guest/stray.sh looks at what is said.
 */
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

/* What the rest of the kernel would do. */
static void of_the_kernel(const void *p)
{
	kfree(p);
}

#include <linux/goslab_slab.h>

#define NR	20

static int __init stray_init(void)
{
	static const size_t sizes[] = { 8, 100, 5000, 50000 };
	struct kmem_cache *cache = kmem_cache_create("stray", 200, 0, 0, NULL);
	void *lost[ARRAY_SIZE(sizes)], *in_cache, *p[NR];
	unsigned int i;

	if (!cache)
		return -ENOMEM;
	in_cache = kmem_cache_alloc(cache, GFP_KERNEL);
	of_the_kernel(in_cache);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		lost[i] = kzalloc(sizes[i], GFP_KERNEL);
		of_the_kernel(lost[i]);
	}
	/* Nobody else gets the memory of any of them. */
	for (i = 0; i < NR; i++) {
		p[i] = kmalloc(100, GFP_KERNEL);
		if (!p[i] || p[i] == lost[1]) {
			pr_err("goslab_stray: the object was handed out again\n");
			return -EEXIST;
		}
		memset(p[i], 0xff, 100);
	}
	for (i = 0; i < NR; i++)
		kfree(p[i]);
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		if (memchr_inv(lost[i], 0, sizes[i])) {
			pr_err("goslab_stray: somebody wrote into the object\n");
			return -EILSEQ;
		}
	}
	/* One is freed as it should have been. */
	kfree(lost[0]);
	kmem_cache_destroy(cache);
	return 0;
}

static void __exit stray_exit(void)
{
}

module_init(stray_init);
module_exit(stray_exit);

MODULE_DESCRIPTION("Objects of goslab that the kernel frees");
MODULE_LICENSE("GPL");
