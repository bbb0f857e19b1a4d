// SPDX-License-Identifier: GPL-2.0
/*
 * frag.c - fragments: buffers of any size that live shortly
 *
 * Each CPU cuts fragments off a chunk of its own, without a lock. Another CPU may free
 * them. The last one of a chunk that is freed frees the chunk.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/cpu.h>
#include <linux/cpumask.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/workqueue.h>

#define LENGTH	1514	/* no class of objects has this size */

static struct goslab_frag_cache *frags;
static DEFINE_PER_CPU(void *, packet);

/* In softirqs, too; there GFP_ATOMIC is the flag. */
static long receive(void *unused)
{
	void *p = goslab_frag_zalloc(frags, LENGTH, GFP_KERNEL);

	this_cpu_write(packet, p);
	return p ? 0 : -ENOMEM;
}

static int receive_everywhere(void)
{
	int cpu, err = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		err = err ?: work_on_cpu(cpu, receive, NULL);
	cpus_read_unlock();
	return err;
}

static void free_all(void)
{
	int cpu;

	for_each_possible_cpu(cpu) {
		goslab_frag_free(per_cpu(packet, cpu));
		per_cpu(packet, cpu) = NULL;
	}
}

static int __init example_init(void)
{
	void *p, *q;
	int err;

	frags = goslab_frag_cache_create(NULL);
	if (!frags)
		return -ENOMEM;
	err = receive_everywhere();
	if (!err)
		pr_info("each CPU has cut a packet off its chunk\n");
	free_all();
	if (!err)
		pr_info("this CPU has freed all of them\n");

	p = goslab_frag_alloc(frags, 100, GFP_KERNEL);
	q = goslab_frag_alloc_aligned(frags, 100, 64, GFP_KERNEL);
	if (!p || !q)
		err = -ENOMEM;
	else if (!IS_ALIGNED((unsigned long)q, 64))
		err = -EINVAL;
	else
		pr_info("a fragment has the alignment that its call names\n");
	goslab_frag_free(p);
	/* A fragment may outlive its cache. */
	goslab_frag_cache_destroy(frags);
	goslab_frag_free(q);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: fragments");
MODULE_LICENSE("GPL");
