// SPDX-License-Identifier: GPL-2.0
/*
 * memory.c: how much memory a trace holds at most, each way, and when idle.
 *
 * Nothing is timed here. Each way begins after its allocator has given back
 * what it could. goslab keeps its own peak with its parts, all that it holds
 * counts, from its tables up. SLUB's is the greatest value of the kernel's
 * slab page counters after any allocation, caches and larger kmallocs (pages
 * straight from the page allocator) included, less what they were before. On
 * SMP kernels those counters lag behind by some pages per CPU.
 *
 * "In objects" is what the objects themselves take, by goslab_size() and
 * ksize(): the rest of what is held is the allocator's.
 *
 * Context: task; sleeps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched.h>

#include "../slab_bytes.h"
#include "replay.h"

/*
 * Seconds after the end of the replay at which idle memory is looked at: while
 * what the trace never frees lives on, and then once more with all of it freed.
 */
static const unsigned int idle_at[] = { 1, 5, 10 };

struct peak {
	s64 held;
	u64 objects;	/* bytes of live objects as allocated, at most */
};

static size_t object_bytes(const void *p, enum rp_way way)
{
	return rp_way_is_goslab(way) ? goslab_size(p) : ksize(p);
}

static int replay(struct rp_run *run, enum rp_way way, s64 start,
		  struct peak *peak)
{
	const struct rp_trace *t = run->trace;
	struct goslab_usage at_peak;
	const struct rp_event *e;
	u64 objects = 0;
	void **slot;
	u32 i;

	for (i = 0; i < t->nr_events; i++) {
		e = &t->events[i];
		slot = &run->slots[e->slot];
		if (e->op == RP_ALLOC) {
			*slot = rp_alloc(run, e, way);
			if (!*slot)
				return -ENOMEM;
			objects += object_bytes(*slot, way);
			peak->objects = max(peak->objects, objects);
			peak->held = max(peak->held, slab_bytes() - start);
		} else {
			objects -= object_bytes(*slot, way);
			rp_free(run, e, *slot, way);
			*slot = NULL;
		}
		/* Has what is parked summed up, soon after each new peak. */
		if (!(i & 0xff) && rp_way_is_goslab(way))
			goslab_usage(NULL, &at_peak);
		if (!(i & 0xfff))
			cond_resched();
	}
	return 0;
}

static void show_usage(const char *key, const struct goslab_usage *u)
{
	rp_json(",\"%s\":{\"held\":%zu,\"spans\":%zu,\"free_runs\":%zu,"
		"\"metadata\":%zu,\"parked\":%zu}",
		key, u->held, u->spans, u->free_runs, u->metadata, u->parked);
}

/* What is held after some seconds of rest; keys are @what and the seconds. */
static void watch_idle(const struct rp_trace *t, enum rp_way way,
		       const char *what, u64 live, unsigned int idle)
{
	struct goslab_usage u;
	unsigned int i, now = 0;
	char key[16];

	for (i = 0; i < ARRAY_SIZE(idle_at) && idle_at[i] <= idle; i++) {
		msleep((idle_at[i] - now) * 1000);
		now = idle_at[i];
		goslab_usage(&u, NULL);
		pr_info("%s: %s: %s %u s, holds %zu bytes for %llu live\n",
			t->name, rp_way_names[way], what, now, u.held, live);
		snprintf(key, sizeof(key), "%s_%u", what, now);
		show_usage(key, &u);
	}
}

static void show(const struct rp_trace *t, enum rp_way way,
		 const struct peak *peak)
{
	pr_info("%s: %s: held at most %lld bytes, %llu in objects\n", t->name,
		rp_way_names[way], peak->held, peak->objects);
	rp_json(",\n\"%s\":{\"peak_held\":%lld,\"peak_objects\":%llu",
		rp_way_names[way], peak->held, peak->objects);
}

static int measure_goslab(struct rp_run *run, enum rp_way way,
			  unsigned int idle)
{
	struct goslab_usage now, at_peak;
	struct peak peak = {};
	int err;

	goslab_shrink();
	goslab_usage_reset_peak();
	err = rp_run_make_caches(run, way);
	if (!err)
		err = replay(run, way, 0, &peak);
	if (!err) {
		goslab_usage(&now, &at_peak);
		peak.held = at_peak.held;
		show(run->trace, way, &peak);
		show_usage("peak", &at_peak);
		show_usage("end", &now);
		watch_idle(run->trace, way, "after", run->trace->end_bytes,
			   idle);
	}
	rp_run_free_objects(run, way);
	if (!err) {
		watch_idle(run->trace, way, "freed", 0, idle);
		rp_json("}");
	}
	rp_run_destroy_caches(run);
	goslab_shrink();
	return err;
}

static int measure_slab(struct rp_run *run, enum rp_way way)
{
	struct peak peak = {};
	s64 start;
	int err;

	shrink_kmalloc();
	start = slab_bytes();
	err = rp_run_make_caches(run, way);
	if (!err)
		err = replay(run, way, start, &peak);
	if (!err) {
		show(run->trace, way, &peak);
		rp_json(",\"end\":{\"held\":%lld}}", slab_bytes() - start);
	}
	rp_run_free_objects(run, way);
	rp_run_destroy_caches(run);
	return err;
}

/**
 * rp_memory() - measure a trace each way and add it to the results.
 * @trace: the trace.
 * @idle: seconds to wait for idle memory to be given back, 0 not to.
 *
 * Return: 0 or -ENOMEM.
 */
int rp_memory(const struct rp_trace *trace, unsigned int idle)
{
	struct rp_run run;
	enum rp_way way;
	int err;

	err = rp_run_init(&run, trace);
	if (err)
		return err;
	rp_json(",\"%s_memory\":{\"peak_requested\":%llu,\"end_objects\":%u,"
		"\"end_bytes\":%llu", trace->name, trace->peak_requested,
		trace->end_objects, trace->end_bytes);
	for (way = 0; way < RP_EMPTY && !err; way++) {
		if (!rp_way_applies(trace, way))
			continue;
		pr_info("%s: memory, %s\n", trace->name, rp_way_names[way]);
		if (rp_way_is_goslab(way))
			err = measure_goslab(&run, way, idle);
		else
			err = measure_slab(&run, way);
	}
	rp_json("}");
	rp_run_exit(&run);
	return err;
}
