/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_SITE_H
#define GS_MIDDLE_SITE_H

#include <linux/types.h>

/**
 * struct gs_site - a place that allocates: samples of one stack, size and module
 * (Go: bucket of a memory profile).
 * @link: in its hash bucket.
 * @caller: the call of goslab.
 * @size: bytes of an object.
 * @weight: bytes that one sample stands for.
 * @stack: number of the stack in the kernel's depot, 0 for none.
 * @bucket: its hash bucket.
 * @owner: number of the module.
 * @used: has counted since the profile was begun.
 * @epoch: number of the peak that @peak was noted for.
 * @nr_alloc: objects that were sampled.
 * @nr_free: of these, freed.
 * @peak: of these, live at the peak, if @epoch is that of the last peak.
 */
struct gs_site {
	struct hlist_node link;
	unsigned long caller;
	size_t size;
	u64 weight;
	u32 stack;
	u16 bucket;
	u8 owner;
	bool used;
	u64 epoch;
	u64 nr_alloc;
	u64 nr_free;
	u64 peak;
};

/* What a site says of itself at one moment. @of is for comparison only. */
struct gs_site_counts {
	const struct gs_site *of;
	unsigned long caller;
	size_t size;
	u32 stack;
	u8 owner;
	u64 nr_alloc;
	u64 nr_live;
	u64 nr_peak;
};

int gs_site_init(void);
void gs_site_exit(void);
struct gs_site *gs_site_sample(unsigned long caller, u32 stack, size_t size, u8 owner);
void gs_site_count_free(struct gs_site *site);
void gs_site_forget(struct gs_site *site);
void gs_site_restart(unsigned long rate);
struct gs_site_counts *gs_site_read(unsigned int *n);
unsigned int gs_site_nr(void);
u64 gs_site_peak(void);
void gs_site_add_usage(size_t *in_use, size_t *drawn);

#endif /* GS_MIDDLE_SITE_H */
