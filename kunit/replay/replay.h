/* SPDX-License-Identifier: GPL-2.0 */
/*
 * replay.h: what the files of goslab_replay.ko share.
 *
 * main.c reads parameters and runs the passes, trace.c reads and checks a
 * recorded trace, generate.c makes one up; time.c, memory.c and contents.c
 * are the passes. A pass replays a trace in one or all of the ways below, and
 * adds what it found to the JSON text that main.c shows in debugfs.
 */
#ifndef _GOSLAB_REPLAY_H
#define _GOSLAB_REPLAY_H

#include <linux/compiler.h>
#include <asm/byteorder.h>
#include <linux/slab.h>
#include <linux/types.h>

#include <linux/goslab.h>

#ifndef __LITTLE_ENDIAN
#error "traces are little-endian and are used as they are"
#endif

#define RP_ALLOC	0
#define RP_FREE		1

/* One act on one object, as it stands in the file (little-endian). */
struct rp_event {
	u32 slot;	/* names the object while it lives */
	u32 size;	/* bytes requested; 0 for a free */
	u16 cache;	/* 0: kmalloc, else number of the cache, from 1 */
	u8 cpu;
	u8 op;
};

/* A cache of the recorded kernel, as it stands in the file. */
struct rp_cache {
	u32 size;
	char name[28];
};

/**
 * struct rp_trace - events to replay, checked, and what is known of them.
 * @name: key in the results.
 * @file: memory that all of it stands in, from vmalloc().
 * @caches: of the recorded kernel; event.cache - 1 is the index.
 * @events: in the order of time.
 * @slots: as many objects lived at once at most.
 * @peak_requested: greatest sum of the sizes of all live objects.
 * @end_objects: objects that the trace never frees.
 * @end_bytes: the sum of their sizes.
 */
struct rp_trace {
	const char *name;
	void *file;
	const struct rp_cache *caches;
	const struct rp_event *events;
	u32 nr_caches;
	u32 nr_events;
	u32 slots;
	u64 peak_requested;
	u32 end_objects;
	u64 end_bytes;
};

enum rp_way {
	RP_GOSLAB,		/* as recorded: a cache per cache, malloc */
	RP_SLAB,
	RP_GOSLAB_MALLOC,	/* everything through malloc */
	RP_KMALLOC,
	RP_EMPTY,		/* the loop and the slot table alone */
	RP_WAYS
};

extern const char *const rp_way_names[RP_WAYS];

static inline bool rp_way_is_goslab(enum rp_way way)
{
	return way == RP_GOSLAB || way == RP_GOSLAB_MALLOC;
}

/* As recorded differs from all through malloc only if there are caches. */
static inline bool rp_way_has_caches(enum rp_way way)
{
	return way == RP_GOSLAB || way == RP_SLAB;
}

static inline bool rp_way_applies(const struct rp_trace *trace, enum rp_way way)
{
	return trace->nr_caches || !rp_way_has_caches(way);
}

/**
 * struct rp_run - a trace, the caches made for it and its live objects.
 * @trace: the trace.
 * @slots: a pointer per slot, NULL while the slot is free.
 * @goslab: caches by event.cache, or NULL where they were not made.
 * @slab: likewise.
 */
struct rp_run {
	const struct rp_trace *trace;
	void **slots;
	struct goslab_cache **goslab;
	struct kmem_cache **slab;
};

int rp_run_init(struct rp_run *run, const struct rp_trace *trace);
void rp_run_exit(struct rp_run *run);
int rp_run_make_caches(struct rp_run *run, enum rp_way way);
void rp_run_destroy_caches(struct rp_run *run);
void rp_run_free_objects(struct rp_run *run, enum rp_way way);

/* One event each way; what the passes are made of. */
static __always_inline void *rp_alloc(const struct rp_run *run,
				      const struct rp_event *e, enum rp_way way)
{
	switch (way) {
	case RP_GOSLAB:
		if (e->cache)
			return goslab_cache_alloc(run->goslab[e->cache],
						  GFP_KERNEL);
		return goslab_malloc(e->size, GFP_KERNEL);
	case RP_SLAB:
		if (e->cache)
			return kmem_cache_alloc(run->slab[e->cache],
						GFP_KERNEL);
		return kmalloc(e->size, GFP_KERNEL);
	case RP_GOSLAB_MALLOC:
		return goslab_malloc(e->size, GFP_KERNEL);
	case RP_KMALLOC:
		return kmalloc(e->size, GFP_KERNEL);
	default:
		return (void *)e;
	}
}

static __always_inline void rp_free(const struct rp_run *run,
				    const struct rp_event *e, void *p,
				    enum rp_way way)
{
	switch (way) {
	case RP_GOSLAB:
		if (e->cache)
			goslab_cache_free(run->goslab[e->cache], p);
		else
			goslab_free(p);
		break;
	case RP_SLAB:
		if (e->cache)
			kmem_cache_free(run->slab[e->cache], p);
		else
			kfree(p);
		break;
	case RP_GOSLAB_MALLOC:
		goslab_free(p);
		break;
	case RP_KMALLOC:
		kfree(p);
		break;
	default:
		OPTIMIZER_HIDE_VAR(p);
	}
}

int rp_trace_read(struct rp_trace *trace, const char *path, u32 limit);
int rp_trace_check(struct rp_trace *trace);
int rp_trace_generate(struct rp_trace *trace, u32 events, u64 seed);
void rp_trace_free(struct rp_trace *trace);

int rp_replay(struct rp_run *run, enum rp_way way);
int rp_time(const struct rp_trace *trace, unsigned int rounds);
int rp_memory(const struct rp_trace *trace, unsigned int idle);
int rp_contents(const struct rp_trace *trace, bool spoil);

__printf(1, 2) void rp_json(const char *fmt, ...);

#endif /* _GOSLAB_REPLAY_H */
