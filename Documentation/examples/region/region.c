// SPDX-License-Identifier: GPL-2.0
/*
 * region.c - memory of a request, which is freed at once
 *
 * A parser builds a list of options in a region. Pieces cost a few instructions and
 * are not freed one by one. A mark takes back what an attempt has built that failed.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/string.h>

struct option {
	struct option *next;
	const char *name;
	const char *value;
};

/* The region needs no lock: one task uses it, as the list that is built in it. */
static struct option *parse(struct goslab_region *region, const char *text)
{
	struct goslab_region_mark mark = goslab_region_mark(region);
	struct option *option, *list = NULL;
	size_t name, len;

	for (; *text; text += len + !!text[len]) {
		len = strcspn(text, ",");
		name = strcspn(text, "=");
		if (name >= len)
			goto fail;
		option = goslab_region_zalloc(region, sizeof(*option), GFP_KERNEL);
		if (!option)
			goto fail;
		option->name = goslab_region_memdup_nul(region, text, name, GFP_KERNEL);
		option->value = goslab_region_memdup_nul(region, text + name + 1,
							 len - name - 1, GFP_KERNEL);
		if (!option->name || !option->value)
			goto fail;
		option->next = list;
		list = option;
	}
	return list;
fail:
	/* All pieces since the mark are free. */
	goslab_region_restore(region, mark);
	return NULL;
}

static int __init example_init(void)
{
	struct goslab_region region;
	struct option *list;
	const char *text;
	void *next;
	int err = -EINVAL;

	/* NULL: its memory comes from the default heap. */
	goslab_region_init(&region, NULL);
	list = parse(&region, "mode=fast,size=64");
	if (!list || !list->next || strcmp(list->value, "64"))
		goto out;
	text = goslab_region_asprintf(&region, GFP_KERNEL, "%s is %s",
				      list->next->name, list->next->value);
	if (!text)
		goto out;
	pr_info("%s\n", text);

	next = goslab_region_mark(&region).at;
	if (parse(&region, "size=1,wrong") || goslab_region_mark(&region).at != next)
		goto out;
	pr_info("the failed attempt holds no memory\n");
	err = 0;
out:
	goslab_region_destroy(&region);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: regions");
MODULE_LICENSE("GPL");
