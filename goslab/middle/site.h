/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_SITE_H
#define GS_MIDDLE_SITE_H

#include <linux/types.h>

/**
 * struct gs_sample - an object that is sampled.
 * @caller: the call of goslab.
 * @size: bytes of the object, with all of its room.
 * @requested: bytes that the caller asked for.
 * @stack: number of the stack in the kernel's depot, 0 for none.
 * @owner: number of the module.
 * @far: its memory is on another node than the CPU.
 */
struct gs_sample {
	unsigned long caller;
	size_t size;
	size_t requested;
	u32 stack;
	u8 owner;
	bool far;
};

/**
 * struct gs_site - a place that allocates: samples of one stack, size and module
 * (Go: bucket of a memory profile).
 * @link: in its hash bucket.
 * @caller: the call of goslab.
 * @size: bytes of an object.
 * @scale: objects that one sample stands for, times GS_SITE_ONE.
 * @weight: bytes that one sample stands for.
 * @stack: number of the stack in the kernel's depot, 0 for none.
 * @bucket: its hash bucket.
 * @owner: number of the module.
 * @used: has counted since the profile was begun.
 * @epoch: number of the peak that @peak was noted for.
 * @nr_alloc: objects that were sampled.
 * @nr_free: of these, freed.
 * @nr_ping_pong: of @nr_free, on another CPU than the one that allocated them.
 * @nr_far: of @nr_alloc, on another node than the CPU that allocated them.
 * @requested: bytes that were asked for, of @nr_alloc.
 * @requested_free: the same of @nr_free.
 * @peak: objects live at the peak, if @epoch is that of the last peak.
 */
struct gs_site {
	struct hlist_node link;
	unsigned long caller;
	size_t size;
	u64 scale;
	u64 weight;
	u32 stack;
	u16 bucket;
	u8 owner;
	bool used;
	u64 epoch;
	u64 nr_alloc;
	u64 nr_free;
	u64 nr_ping_pong;
	u64 nr_far;
	u64 requested;
	u64 requested_free;
	u64 peak;
};

/* One sample is too coarse a number to scale. */
#define GS_SITE_ONE	1024

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
	u64 nr_ping_pong;
	u64 nr_far;
	u64 requested;
};

int gs_site_init(void);
void gs_site_exit(void);
struct gs_site *gs_site_sample(const struct gs_sample *sample);
void gs_site_count_free(struct gs_site *site, size_t requested, bool ping_pong);
void gs_site_forget(struct gs_site *site, size_t requested, bool far);
void gs_site_restart(unsigned long rate);
struct gs_site_counts *gs_site_read(unsigned int *n);
unsigned int gs_site_nr(void);
u64 gs_site_peak(void);
void gs_site_add_usage(size_t *in_use, size_t *drawn);

#endif /* GS_MIDDLE_SITE_H */
