// SPDX-License-Identifier: GPL-2.0
/*
 * chance: the arithmetic of sampling by bytes, without floating point.
 *
 * Samples are points on the line of all bytes that are ever allocated, at distances
 * that are exponentially distributed: each byte is as likely to be hit as any other,
 * whatever came before. An object of SIZE bytes is then hit with probability
 * 1 - exp(-SIZE / MEAN), and a sampled one stands for the inverse of that. (Go:
 * fastexprand() and scaleHeapSample(); TCMalloc: Sampler.)
 *
 * Lock:       none; functions of their arguments.
 * Context:    any.
 * Tests:      kunit/chance_kunit.c
 */
#include "base/chance.h"

#include <linux/bitops.h>
#include <linux/math64.h>
#include <linux/minmax.h>

#include "base/debug.h"

/* ln 2 and its inverse, times 2^16 and 2^32. */
#define LN2_Q16		45426u
#define LOG2E_Q32	6196328018ull

/* 2^32 times 2 to the power of -1/2, -1/4, and so on. */
static const u32 roots[32] = {
	0xb504f334, 0xd744fccb, 0xeac0c6e8, 0xf5257d15, 0xfa83b2db, 0xfd3e0c0d,
	0xfe9e115c, 0xff4ecb59, 0xffa75652, 0xffd3a752, 0xffe9d2b3, 0xfff4e91c,
	0xfffa747f, 0xfffd3a3b, 0xfffe9d1d, 0xffff4e8e, 0xffffa747, 0xffffd3a3,
	0xffffe9d2, 0xfffff4e9, 0xfffffa74, 0xfffffd3a, 0xfffffe9d, 0xffffff4f,
	0xffffffa7, 0xffffffd4, 0xffffffea, 0xfffffff5, 0xfffffffa, 0xfffffffd,
	0xffffffff, 0xffffffff,
};

/* log2(1 + i / 64) times 2^16. */
static const u32 logs[65] = {
	0, 1466, 2909, 4331, 5732, 7112, 8473, 9814,
	11136, 12440, 13727, 14996, 16248, 17484, 18704, 19909,
	21098, 22272, 23433, 24579, 25711, 26830, 27936, 29029,
	30109, 31178, 32234, 33279, 34312, 35334, 36346, 37346,
	38336, 39316, 40286, 41246, 42196, 43137, 44068, 44990,
	45904, 46809, 47705, 48593, 49472, 50344, 51207, 52063,
	52911, 53751, 54584, 55410, 56229, 57040, 57845, 58643,
	59434, 60219, 60997, 61769, 62534, 63294, 64047, 64794,
	65536,
};

/* log2(x) times 2^16, x above 0, off by at most 3: between two entries it is a line. */
static u32 log2_q16(u32 x)
{
	unsigned int whole = fls(x) - 1;
	u32 rest = x << (31 - whole) & ~(1u << 31), i = rest >> 25;

	rest &= (1u << 25) - 1;
	return (whole << 16) + logs[i] + ((u64)(logs[i + 1] - logs[i]) * rest >> 25);
}

/* 2^32 times 2 to the power of -y, y times 2^32. */
static u64 exp2_q32(u64 y)
{
	u64 power = 1ull << 32;
	unsigned int i;

	if (y >> 32 >= 32)
		return 0;
	for (i = 0; i < 32; i++)
		if (y & 1ull << (31 - i))
			power = power * roots[i] >> 32;
	return power >> (y >> 32);
}

/**
 * gs_chance_distance() - bytes to the next sample.
 * @rnd: a random number, all values equally likely.
 * @mean: mean distance in bytes, below 2^32.
 *
 * Return: 0 to some 22 times @mean.
 */
u64 gs_chance_distance(u32 rnd, unsigned long mean)
{
	/* -log2 of what is uniform in (0, 1]; the largest number would overflow. */
	u32 q = (32u << 16) - log2_q16(max(rnd, 1u));

	return (u64)mean * ((u64)q * LN2_Q16 >> 16) >> 16;
}
GS_EXPORT_KUNIT(gs_chance_distance);

/* 2^32 times the probability that there is a sample in @bytes bytes; at least 1. */
static u64 hit_q32(size_t bytes, unsigned long mean)
{
	u64 x;

	if (mean <= 1 || bytes / mean >= 32)
		return 1ull << 32;
	x = ((u64)bytes << 32) / mean;
	/* Of small numbers rounding would be a part. */
	if (x < 1 << 20)
		return max(x - (x * x >> 33), 1ull);
	return (1ull << 32) - exp2_q32(mul_u64_u64_shr(x, LOG2E_Q32, 32));
}

/**
 * gs_chance_scale() - how many objects samples stand for.
 * @n: objects that were sampled, below 2^32.
 * @size: bytes of each.
 * @mean: the mean distance of samples in bytes; 1 if each object was sampled.
 */
u64 gs_chance_scale(u64 n, size_t size, unsigned long mean)
{
	return div64_u64(n << 32, hit_q32(gs_chance_bytes(size), mean));
}
GS_EXPORT_KUNIT(gs_chance_scale);

/**
 * gs_chance_unscale() - samples of which a reader makes the same estimate that does not
 *                       know of GS_CHANCE_MOST.
 * @n: objects that were sampled, below 2^32.
 * @size: bytes of each.
 * @mean: the mean distance of samples in bytes.
 *
 * Return: @n, or for large objects more, rounded.
 */
u64 gs_chance_unscale(u64 n, size_t size, unsigned long mean)
{
	u64 counted = hit_q32(gs_chance_bytes(size), mean);

	return div64_u64(n * hit_q32(size, mean) + counted / 2, counted);
}
GS_EXPORT_KUNIT(gs_chance_unscale);
