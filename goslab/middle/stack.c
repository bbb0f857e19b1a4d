// SPDX-License-Identifier: GPL-2.0
/*
 * stack: the classes of page stacks, one for each power of two of pages.
 *
 * A stack is an object of a class whose spans are aligned to the object, so that all
 * that serves objects serves stacks: the magazine of a CPU (Go: stackcache), the
 * central lists of a node (stackpool), states, owners, drains, statistics. Their
 * spans are in a state of their own, in which only goslab_stack_free() finds them
 * (Go: manual spans).
 *
 * Flow:       api/stack.c -> mcache -> [stack] -> mcentral, mheap
 * Owner:      the module.
 * Lock:       none of its own; those of a class.
 * Context:    init and exit: task.
 * Invariants: elemsize is a power of two, a span is aligned to it, and so each stack
 *             is, whatever the length of the span.
 * Tests:      kunit/stack_kunit.c
 */
#include "middle/stack.h"

#include <linux/kernel.h>

struct gs_class gs_stack_classes[GS_STACK_ORDERS];
GS_EXPORT_KUNIT(gs_stack_classes);

static int init_order(unsigned int order)
{
	struct gs_class *c = &gs_stack_classes[order];
	size_t size = GS_PAGE_SIZE << order;
	int ret;

	c->stack = true;
	scnprintf(c->name, sizeof(c->name), "stack-%zu", size);
	ret = gs_class_init(c, size, GS_PAGE_SIZE);
	if (ret)
		return ret;
	c->align_pages = size >> GS_PAGE_SHIFT;
	list_add_tail(&c->link, &gs_class_list);
	return 0;
}

/* Make the classes, without their slots. Return: 0 or -ENOMEM. */
int gs_stack_init(void)
{
	unsigned int order;

	for (order = 0; order < GS_STACK_ORDERS; order++) {
		if (init_order(order)) {
			gs_stack_exit();
			return -ENOMEM;
		}
	}
	return 0;
}

void gs_stack_exit(void)
{
	unsigned int order;

	for (order = 0; order < GS_STACK_ORDERS; order++)
		if (gs_stack_classes[order].central)
			gs_class_exit(&gs_stack_classes[order]);
}
