/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_CHANCE_H
#define GS_BASE_CHANCE_H

#include <linux/minmax.h>
#include <linux/types.h>

u64 gs_chance_distance(u32 rnd, unsigned long mean);
u64 gs_chance_scale(u64 n, size_t size, unsigned long mean);
u64 gs_chance_unscale(u64 n, size_t size, unsigned long mean);

/*
 * Bytes of an object that count for sampling. At the default rate one in eight large
 * objects is a sample, not nearly each, which would cost more than the allocation.
 */
#define GS_CHANCE_MOST	(64UL << 10)

static inline size_t gs_chance_bytes(size_t size)
{
	return min(size, GS_CHANCE_MOST);
}

#endif /* GS_BASE_CHANCE_H */
