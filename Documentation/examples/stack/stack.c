// SPDX-License-Identifier: GPL-2.0
/*
 * stack.c - stacks of whole pages, aligned to their size
 *
 * A record lies at the lowest address of each stack, as thread_info did. The alignment
 * is a promise: a mask of any address in the stack finds it.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/align.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/sizes.h>

#define STACK_SIZE	SZ_16K

struct info {
	unsigned int id;
};

static struct info *stack_info(const void *in_stack)
{
	return (struct info *)ALIGN_DOWN((unsigned long)in_stack, STACK_SIZE);
}

static int show_alignment(void)
{
	char *stack = goslab_stack_alloc(STACK_SIZE, GFP_KERNEL | __GFP_ZERO);
	int err = 0;

	if (!stack)
		return -ENOMEM;
	((struct info *)stack)->id = 42;
	if (stack_info(stack + STACK_SIZE - 8)->id != 42)
		err = -EINVAL;
	else
		pr_info("the stack of task %u was found by a mask\n",
			stack_info(stack + 5000)->id);
	/* Unlike free_pages(), the call needs no order. */
	goslab_stack_free(stack);
	return err;
}

static int show_sizes(void)
{
	void *odd = goslab_stack_alloc(20000, GFP_KERNEL);
	void *large = goslab_stack_alloc(SZ_1M, GFP_KERNEL);
	int err = 0;

	if (!odd || !large)
		err = -ENOMEM;
	else if (!IS_ALIGNED((unsigned long)large, SZ_1M))
		err = -EINVAL;
	else
		pr_info("20000 bytes are rounded up to %zu\n", goslab_stack_size(odd));
	goslab_stack_free(large);
	goslab_stack_free(odd);
	return err;
}

static int __init example_init(void)
{
	return show_alignment() ?: show_sizes();
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: stacks of pages");
MODULE_LICENSE("GPL");
