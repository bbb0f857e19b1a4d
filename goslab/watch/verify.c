// SPDX-License-Identifier: GPL-2.0
/*
 * verify: run every check of every unit.
 *
 * Structures are checked under their locks, on a busy machine too. The sums of
 * I1, I4 and I5 say something only when nothing moves: all mcaches are drained
 * first, and if objects were handed out meanwhile the sums are left out, and
 * the file says so.
 *
 * Lock:       those of the units, one after the other.
 * Context:    task; sleeps.
 * Tests:      kunit/verify_kunit.c breaks invariants on purpose.
 */
#include <linux/cpumask.h>
#include <linux/seq_file.h>
#include <linux/smp.h>

#include "back/mheap.h"
#include "back/pagecache.h"
#include "base/sys.h"
#include "front/drain.h"
#include "front/guard.h"
#include "front/usage.h"
#include "middle/transfer.h"
#include "watch/scan.h"
#include "watch/watch.h"

static int verify_classes(void)
{
	struct gs_class *c;
	int node, ret = 0;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link) {
		if (c->dead)
			continue;
		for (node = 0; node < nr_node_ids && !ret; node++)
			ret = gs_mcentral_verify(gs_class_central(c, node));
	}
	mutex_unlock(&gs_class_mutex);
	return ret;
}

static void verify_page_cache(void *arg)
{
	int *ret = arg, broken = gs_pagecache_verify();

	if (broken)
		WRITE_ONCE(*ret, broken);
}

static int verify_structures(void)
{
	int ret = 0;

	on_each_cpu(verify_page_cache, &ret, true);
	return ret ?: gs_mheap_verify() ?: verify_classes() ?: gs_guard_verify();
}

/* Changes whenever an object or a span moves. */
static u64 activity(void)
{
	struct gs_parked parked = gs_pagecache_read();
	struct mheap_counts heap = gs_mheap_counts();
	u64 sum = parked.hits + parked.parks + heap.nr_alloc + heap.nr_free +
		  gs_sys_draws() + gs_transfer_moves();
	struct gs_class *c;
	int node;

	mutex_lock(&gs_class_mutex);
	list_for_each_entry(c, &gs_class_list, link) {
		/* Those that went directly to their users among them. */
		sum += atomic64_read(&c->nr_past);
		for (node = 0; node < nr_node_ids; node++)
			sum += READ_ONCE(gs_class_central(c, node)->nr_lock);
	}
	mutex_unlock(&gs_class_mutex);
	return sum;
}

static void verify_span(const struct mspan *s, void *arg)
{
	int *ret = arg, broken = gs_span_verify(s);

	/* What a dead cache left is as its users left it. */
	if (broken && !*ret && s->state != GS_SPAN_ZOMBIE)
		*ret = broken == 12 ? 2 : 20 + broken;
}

/* S1 to S3 and I2 of every span, for none is owned. */
static int verify_spans(void)
{
	int ret = 0;

	gs_scan_all(verify_span, &ret);
	return ret;
}

/* I1 and I5 over all spans. */
static int verify_survey(const struct gs_survey *v)
{
	struct goslab_usage now;
	struct gs_census all = { };
	unsigned int i;

	for (i = 0; i < v->nr; i++)
		gs_census_add(&all, &v->of[i]);
	gs_usage_read(&now);
	if (all.owned)
		return 1;
	if (all.pages << GS_PAGE_SHIFT != now.spans)
		return 4;
	if (all.live_bytes + all.cached_bytes + all.pending_bytes +
	    gs_census_free_bytes(&all) + gs_census_tail(&all) +
	    now.free_runs + now.metadata != now.held)
		return 5;
	/* Drained: nothing may be in a magazine, in no span, or lost. */
	return all.cached ? 5 : 0;
}

static int verify_sums(bool *quiet)
{
	struct gs_survey *v;
	u64 before, after;
	int cpu, ret = 0;

	gs_drain_all();
	before = activity();
	for_each_possible_cpu(cpu)
		ret = ret ?: gs_mcache_verify(cpu);
	ret = ret ?: gs_mcache_shares() ? 54 : 0;
	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	mutex_unlock(&gs_class_mutex);
	if (!v)
		return -ENOMEM;
	if (!ret)
		ret = verify_survey(v);
	if (!ret)
		ret = verify_spans();
	gs_survey_free(v);
	after = activity();
	*quiet = before == after && !gs_usage_parked();
	return *quiet ? ret : 0;
}

/**
 * gs_verify() - run every check.
 * @sums: set to whether the sums were checked, too.
 *
 * Return: 0, -errno, or the number of the first broken invariant (debugfs.rst).
 */
int gs_verify(bool *sums)
{
	int ret = verify_structures();

	*sums = false;
	return ret ?: verify_sums(sums);
}
GS_EXPORT_KUNIT(gs_verify);

static const char *invariant_name(int n)
{
	switch (n) {
	case 1:
		return "I1 a span is in exactly one place";
	case 2:
		return "I2 a span's bitmaps and states agree";
	case 3:
		return "I3 pages map to their span or run";
	case 4:
		return "I4 pages drawn, released, in spans and free add up";
	case 5:
		return "I5 the parts add up to the bytes held";
	case 21:
		return "S1 a span's objects fit its pages";
	case 22:
		return "S2 a span's counts agree with its bitmaps";
	case 23:
		return "S3 a span that nobody owns has no window";
	case 31:
		return "R1 the tree of free runs is in order";
	case 32:
		return "R2 free neighbours have merged";
	case 34:
		return "R3 freed spans lie on the list of their length";
	case 35:
		return "P1 a CPU's page cache holds parked spans";
	case 36:
		return "A1 arenas count the pages in them";
	case 41:
		return "M1 a central list has what its name says";
	case 42:
		return "M2 a transfer cache holds cached objects";
	case 51:
		return "C1 a magazine holds cached objects";
	case 52:
		return "C2 the room of slots adds up";
	case 53:
		return "C3 the bytes of owned spans add up";
	case 54:
		return "C4 what CPUs lend and borrow of their room adds up";
	case 61:
		return "G1 a guarded object has a live stand-in and canaries around it";
	}
	return "unknown";
}

int gs_verify_show(struct seq_file *m, void *unused)
{
	bool sums;
	int ret = gs_verify(&sums);

	if (ret < 0)
		return ret;
	if (ret)
		seq_printf(m, "broken: %s\n", invariant_name(ret));
	else
		seq_puts(m, "ok\n");
	seq_printf(m, "checked: structures%s\n",
		   sums ? ", sums" : "; sums left out, the machine is busy");
	return 0;
}
