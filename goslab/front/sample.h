/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_SAMPLE_H
#define GS_FRONT_SAMPLE_H

#include <linux/compiler.h>
#include <linux/types.h>

#include "front/mcache.h"

/* What a slot has left at most, and when nothing is sampled. */
#define GS_SAMPLE_NEVER	(1L << 30)

extern unsigned long gs_sample_rate;
extern bool gs_sample_stacks;

void gs_sample_init(void);
void gs_sample_ready(bool is);
int gs_sample_set_rate(unsigned long rate);
void gs_sample_come(unsigned int cpu);
void gs_sample_start(struct mcache *mcache, struct gs_slot *slot);
unsigned int gs_sample_count_owed(struct gs_slot *slot, s32 least);
bool gs_sample_bytes(size_t bytes);
void gs_sample_take(void *p, u8 owner, const struct gs_call *call, gfp_t gfp);
unsigned long gs_sample_lost(void);

/**
 * gs_sample_owed() - how many samples are due?
 * @slot: this CPU's, entered.
 * @least: what it must have left: 0 if objects were just handed out, 1 if one is
 *         about to be, which will be the sample.
 *
 * Return: how many objects are samples; mostly none.
 */
static inline unsigned int gs_sample_owed(struct gs_slot *slot, s32 least)
{
	return likely(slot->left >= least) ? 0 : gs_sample_count_owed(slot, least);
}

#endif /* GS_FRONT_SAMPLE_H */
