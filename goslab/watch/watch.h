/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_WATCH_H
#define GS_WATCH_WATCH_H

#include <linux/goslab.h>
#include <linux/seq_file.h>

/* watch/stats.c */
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

/* watch/heaps.c */
extern const struct file_operations gs_heaps_fops;
void gs_heap_read(const struct goslab_heap *h, struct goslab_heap_usage *usage);

/* watch/verify.c */
int gs_verify(bool *sums);
int gs_verify_show(struct seq_file *m, void *v);

/* watch/debugfs.c */
void gs_debugfs_init(void);
void gs_debugfs_exit(void);

#endif /* GS_WATCH_WATCH_H */
