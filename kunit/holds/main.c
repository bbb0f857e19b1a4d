// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_holds.ko, a page heap as large and as fragmented as it gets.
 *
 * Loading takes twice as many spans of one page as there are to be runs, and
 * frees every other one, so that no two free pages touch. Their memory is never
 * written to: a machine in QEMU may have more of it than its host. Unloading
 * frees the rest.
 *
 * Lifetime: spans from init to exit.
 * Context:  task; gives way after each span.
 */
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/topology.h>

#include "back/mheap.h"

static ulong runs = 1000;
module_param(runs, ulong, 0444);
MODULE_PARM_DESC(runs, "free runs, and as many spans in use (1000)");

static int shrink(const char *value, const struct kernel_param *param)
{
	goslab_shrink();
	return 0;
}

static const struct kernel_param_ops shrink_ops = { .set = shrink };
module_param_cb(shrink, &shrink_ops, NULL, 0200);
MODULE_PARM_DESC(shrink, "written to: goslab_shrink()");

/* Both through mspan.list, which a large span of the default heap does not use. */
static LIST_HEAD(kept);
static LIST_HEAD(gone);

/* A large object of one page, as the page heap knows it. */
static int take(struct list_head *list)
{
	struct gs_span_req req = {
		.npages = 1, .min_pages = 1, .align = 1, .cap = 1,
		.large = true, .node = numa_mem_id(), .gfp = GFP_KERNEL,
	};
	struct mspan *s = gs_mheap_alloc(&req);

	if (!s)
		return -ENOMEM;
	gs_span_cut(s, NULL, gs_span_size(s), 1);
	s->objects[0] = GS_OWNER_MIN;
	list_add(&s->list, list);
	gs_mheap_publish(s, GS_SPAN_LARGE);
	return 0;
}

static void give(struct list_head *list)
{
	struct mspan *s, *next;

	list_for_each_entry_safe(s, next, list, list) {
		list_del(&s->list);
		s->objects[0] = GS_FREE;
		gs_mheap_free(s);
		cond_resched();
	}
}

static int __init holds_init(void)
{
	int err = 0;
	ulong i;

	for (i = 0; i < runs && !err; i++) {
		err = take(&kept);
		err = err ?: take(&gone);
		cond_resched();
	}
	give(&gone);
	if (err)
		give(&kept);
	return err;
}
module_init(holds_init);

static void __exit holds_exit(void)
{
	give(&kept);
}
module_exit(holds_exit);

MODULE_DESCRIPTION("a large page heap with many free runs");
MODULE_LICENSE("GPL");
