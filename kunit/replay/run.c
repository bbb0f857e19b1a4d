// SPDX-License-Identifier: GPL-2.0
/*
 * run.c: what a pass needs around a trace: slot table and caches.
 *
 * A cache per cache of the recorded kernel, with the same size and neither
 * constructor nor flags; SLUB's are kept from merging where the kernel can.
 * Their names begin with a number, for recorded names may come twice.
 *
 * Context: task; sleeps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/ctype.h>
#include <linux/kernel.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "compat/clients.h"
#include "replay.h"

#define NAME_MAX_LEN	32

const char *const rp_way_names[RP_WAYS] = {
	[RP_GOSLAB] = "goslab",
	[RP_SLAB] = "slab",
	[RP_GOSLAB_MALLOC] = "goslab_malloc",
	[RP_KMALLOC] = "kmalloc",
	[RP_EMPTY] = "empty",
};

/**
 * rp_run_init() - make the slot table; caches are made later.
 * @run: filled in; rp_run_exit() after use, also after a failure.
 * @trace: stays the caller's.
 *
 * Return: 0 or -ENOMEM.
 */
int rp_run_init(struct rp_run *run, const struct rp_trace *trace)
{
	u32 n = trace->nr_caches + 1;

	run->trace = trace;
	run->slots = vzalloc(array_size(trace->slots, sizeof(*run->slots)));
	run->goslab = kvcalloc(n, sizeof(*run->goslab), GFP_KERNEL);
	run->slab = kvcalloc(n, sizeof(*run->slab), GFP_KERNEL);
	if (run->slots && run->goslab && run->slab)
		return 0;
	rp_run_exit(run);
	return -ENOMEM;
}

/* Objects must have been freed. */
void rp_run_exit(struct rp_run *run)
{
	if (run->goslab && run->slab)
		rp_run_destroy_caches(run);
	kvfree(run->slab);
	kvfree(run->goslab);
	vfree(run->slots);
	memset(run, 0, sizeof(*run));
}

static void make_name(char *name, const struct rp_trace *trace, u32 i)
{
	char *c;

	snprintf(name, NAME_MAX_LEN, "r%u-%.*s", i,
		 (int)sizeof(trace->caches[0].name), trace->caches[i - 1].name);
	for (c = name; *c; c++)
		if (!isgraph(*c) || *c == '/')
			*c = '_';
}

/* Caches for one way, none for ways without. */
int rp_run_make_caches(struct rp_run *run, enum rp_way way)
{
	char name[NAME_MAX_LEN];
	bool made;
	u32 i, size;

	if (!rp_way_has_caches(way))
		return 0;
	for (i = 1; i <= run->trace->nr_caches; i++) {
		size = run->trace->caches[i - 1].size;
		make_name(name, run->trace, i);
		if (way == RP_GOSLAB) {
			run->goslab[i] = goslab_cache_create(name, size, 0, 0,
							     NULL);
			made = run->goslab[i];
		} else {
			run->slab[i] = kmem_cache_create(name, size, 0,
							 SLAB_NO_MERGE, NULL);
			made = run->slab[i];
		}
		if (!made) {
			pr_err("cannot make cache %s\n", name);
			return -ENOMEM;
		}
	}
	return 0;
}

void rp_run_destroy_caches(struct rp_run *run)
{
	u32 i;

	for (i = 1; i <= run->trace->nr_caches; i++) {
		goslab_cache_destroy(run->goslab[i]);
		kmem_cache_destroy(run->slab[i]);
		run->goslab[i] = NULL;
		run->slab[i] = NULL;
	}
}

/* What still lives in the slot table. */
void rp_run_free_objects(struct rp_run *run, enum rp_way way)
{
	void **slot = run->slots, **end = slot + run->trace->slots;

	for (; slot < end; slot++) {
		if (rp_way_is_goslab(way))
			goslab_free(*slot);
		else if (way != RP_EMPTY)
			kfree(*slot);
		*slot = NULL;
	}
	cond_resched();
}
