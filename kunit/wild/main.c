// SPDX-License-Identifier: GPL-2.0
/*
 * goslab_wild: accesses that a guarded object does not allow.
 *
 * One mistake for each load, as ``what`` says, in a thread, which the kernel ends if
 * it faults. Everything else is as a module would do it. scripts/guest/guard.sh looks
 * at what is said.
 */
#include <linux/delay.h>
#include <linux/goslab.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

/* Four bytes of slack behind it. */
#define SIZE	100
#define ROOM	104

static char *what = "";
module_param(what, charp, 0444);
MODULE_PARM_DESC(what, "past, slack, read_after, write_after, twice or nothing");

static struct goslab_cache *wild;
static char *object;
static bool freed;

/* Not inlined, so that run() does not begin its page, which an oops reads behind. */
static noinline void give_back(void)
{
	goslab_cache_free(wild, object);
	freed = true;
}

/* The page is unmapped, and no CPU has it in its TLB, as some time later. */
static noinline void wait_until_unmapped(void)
{
	msleep(500);
	vm_unmap_aliases();
}

static int run(void *unused)
{
	volatile char *p = object;

	if (!strcmp(what, "past")) {
		p[ROOM] = 1;
	} else if (!strcmp(what, "slack")) {
		p[SIZE] = 1;
	} else if (!strcmp(what, "read_after")) {
		give_back();
		wait_until_unmapped();
		(void)p[10];
	} else if (!strcmp(what, "write_after")) {
		give_back();
		p[10] = 1;
	} else if (!strcmp(what, "twice")) {
		give_back();
		goslab_cache_free(wild, object);
	} else {
		memset(object, 1, SIZE);
	}
	return 0;
}

static int __init wild_init(void)
{
	struct task_struct *t;

	wild = goslab_cache_create("wild", SIZE, 0, GOSLAB_GUARD, NULL);
	if (!wild)
		return -ENOMEM;
	object = goslab_cache_alloc(wild, GFP_KERNEL);
	t = object ? kthread_run(run, NULL, "goslab_wild") : NULL;
	if (IS_ERR_OR_NULL(t)) {
		goslab_cache_free(wild, object);
		goslab_cache_destroy(wild);
		return -ENOMEM;
	}
	/* It may die without a word to us. */
	ssleep(1);
	return 0;
}

static void __exit wild_exit(void)
{
	if (!freed)
		goslab_cache_free(wild, object);
	goslab_cache_destroy(wild);
}

module_init(wild_init);
module_exit(wild_exit);

MODULE_DESCRIPTION("Wrong accesses to guarded objects of goslab");
MODULE_LICENSE("GPL");
