// SPDX-License-Identifier: GPL-2.0
/*
 * split: cut a span that is in nobody's reach, without the lock of its node.
 *
 * The CPU that has parked a span (pagecache.c) is the only one that changes it.
 * Who looks at pages under the lock of their node may see the two halves while
 * they change: the base of the one and the pages of the other. Nobody allocates or
 * frees by what he sees there, since neither half is open or a free run. Only a
 * check has to know: it counts the splits that began before it ended and those that
 * were done when it began. If they differ, it has seen nothing.
 *
 * Lock:       none; the split counts of a CPU change there, with the page cache
 *             entered.
 * Context:    any but NMI.
 * Tests:      kunit/pagecache_kunit.c
 */
#include <linux/cpumask.h>
#include <linux/percpu.h>

#include "back/arena.h"
#include "back/mheap.h"
#include "base/debug.h"

/*
 * struct splits - of a CPU.
 * @begun: splits begun.
 * @done: splits done.
 */
struct splits {
	unsigned long begun;
	unsigned long done;
};

static DEFINE_PER_CPU(struct splits, splits);

/**
 * gs_mheap_split() - make two spans of one.
 * @s: loses its first pages; in state GS_SPAN_PARKED.
 * @npages: how many, fewer than it has.
 * @front: a new descriptor in state GS_SPAN_DEAD: gets them, mapped to it.
 *
 * Context: preemption off; the page cache that has @s is entered.
 */
void gs_mheap_split(struct mspan *s, unsigned int npages, struct mspan *front)
{
	struct splits *here = this_cpu_ptr(&splits);

	WRITE_ONCE(here->begun, here->begun + 1);
	/* Who sees any of what follows sees that a split began. */
	smp_wmb();
	front->base = s->base;
	front->npages = npages;
	front->node = s->node;
	front->zone = s->zone;
	front->needzero = s->needzero;
	WRITE_ONCE(s->base, s->base + npages * GS_PAGE_SIZE);
	WRITE_ONCE(s->npages, s->npages - npages);
	gs_hook(GS_HOOK_SPLIT, front);
	gs_arena_set(front->base, npages, front);
	/* Who sees that it is done sees all of it. */
	smp_wmb();
	WRITE_ONCE(here->done, here->done + 1);
}
GS_EXPORT_KUNIT(gs_mheap_split);

/* Splits that are done, on all CPUs. */
unsigned long gs_mheap_splits_done(void)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(splits, cpu).done);
	smp_rmb();
	return sum;
}

/* Did a split begin, or go on, since there were @done? */
bool gs_mheap_splits_since(unsigned long done)
{
	unsigned long sum = 0;
	int cpu;

	smp_rmb();
	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(splits, cpu).begun);
	return sum != done;
}
