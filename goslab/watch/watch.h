/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_WATCH_H
#define GS_WATCH_WATCH_H

#include <linux/goslab.h>
#include <linux/seq_file.h>

#include "middle/heap.h"
#include "watch/scan.h"

typedef void (*gs_line_fn)(struct seq_file *m, const char *name, u64 value);

/**
 * struct gs_cpu_line - what the slots of a CPU hold, and have done.
 * @slots: how many.
 * @spans: that they own.
 * @objects: in their magazines.
 * @bytes: of these.
 * @room: bytes that the magazines may hold now.
 * @allocs: objects ever handed out.
 * @tiny_allocs: tiny objects ever handed out.
 * @refills: of magazines.
 * @flushes: of magazines.
 */
struct gs_cpu_line {
	unsigned long slots;
	unsigned long spans;
	unsigned long objects;
	size_t bytes;
	size_t room;
	u64 allocs;
	u64 tiny_allocs;
	u64 refills;
	u64 flushes;
};

/* watch/stats.c */
void gs_stats_each(struct seq_file *m, gs_line_fn line, const struct gs_survey *v);
struct gs_cpu_line gs_mcache_line(int cpu);
int gs_stats_show(struct seq_file *m, void *v);
int gs_owners_show(struct seq_file *m, void *v);
int gs_mcaches_show(struct seq_file *m, void *v);

/* watch/tables.c */
int gs_classes_show(struct seq_file *m, void *v);
int gs_caches_show(struct seq_file *m, void *v);
int gs_mheap_show(struct seq_file *m, void *v);
extern const struct seq_operations gs_spans_sops;
extern const struct seq_operations gs_arenas_sops;

/* watch/profile.c, watch/callsites.c, watch/memstats.c */
extern const struct file_operations gs_profile_fops;
extern const struct file_operations gs_profile_peak_fops;
extern const struct file_operations gs_callsites_fops;
extern const struct file_operations gs_alloc_traces_fops;
int gs_memstats_show(struct seq_file *m, void *v);

/**
 * struct gs_frag - what samples say of a class or of a place, scaled.
 * @allocated: bytes of all objects, with all of their room.
 * @requested: of these, what callers asked for.
 * @freed: of @allocated; not known of a class.
 * @allocs: objects.
 * @frees: of these, freed.
 * @ping_pong: of @frees, on another CPU than the one that allocated them.
 * @far: of @allocs, on another node than the CPU; not known of a class.
 */
struct gs_frag {
	u64 allocated;
	u64 requested;
	u64 freed;
	u64 allocs;
	u64 frees;
	u64 ping_pong;
	u64 far;
};

struct gs_site_counts;

/* watch/frag.c */
struct gs_frag gs_frag_of_class(const struct gs_sampled *t);
struct gs_frag gs_frag_of_site(const struct gs_site_counts *site, unsigned long rate);
int gs_frag_show(struct seq_file *m, void *v);

/* watch/latency.c */
int gs_latency_show(struct seq_file *m, void *v);

/* watch/guarded.c */
bool gs_guard_explain(unsigned long addr);
bool gs_guard_mention(const unsigned long *words, unsigned int n);
int gs_guard_show(struct seq_file *m, void *v);
int gs_pools_show(struct seq_file *m, void *v);
void gs_guarded_init(void);
void gs_guarded_exit(void);

/* watch/json.c */
int gs_json_show(struct seq_file *m, void *v);

/**
 * struct gs_heap_line - what one heap had when it was looked at.
 * @heap: it, for comparison only; NULL for the default one.
 * @name: its name.
 * @made_by: name of a module, or NULL. Names of modules stay until unload.
 * @u: its counts.
 * @of: its live objects by module.
 */
struct gs_heap_line {
	const struct goslab_heap *heap;
	char name[GS_HEAP_NAME];
	const char *made_by;
	struct goslab_heap_usage u;
	struct gs_by_owner of;
};

/* struct gs_heap_table - all heaps, the default one first. */
struct gs_heap_table {
	unsigned int nr;
	struct gs_heap_line line[];
};

/* watch/heaps.c */
struct gs_heap_table *gs_heaps_read(void);
extern const struct file_operations gs_heaps_fops;
void gs_heap_read(const struct goslab_heap *h, struct goslab_heap_usage *usage);

/* watch/verify.c */
int gs_verify(bool *sums);
int gs_verify_show(struct seq_file *m, void *v);

/* watch/debugfs.c */
void gs_debugfs_init(void);
void gs_debugfs_exit(void);

#endif /* GS_WATCH_WATCH_H */
