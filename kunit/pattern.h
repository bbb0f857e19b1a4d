/* SPDX-License-Identifier: GPL-2.0 */
/*
 * pattern.h: contents that tell whose object it is, for the tests.
 *
 * Whoever gets an object fills it and checks it before giving it back: memory
 * given out twice, or written by the allocator, does not keep its pattern. Up
 * to GS_PATTERN_ALL bytes every byte counts; in larger objects the first and
 * last bytes and a word in each GS_PATTERN_STEP, so that large ones stay cheap.
 *
 * Context: any; nothing is shared, nothing sleeps.
 */
#ifndef _GOSLAB_PATTERN_H
#define _GOSLAB_PATTERN_H

#include <linux/string.h>
#include <linux/types.h>

#define GS_PATTERN_ALL	4096
#define GS_PATTERN_STEP	1024

static inline u64 gs_pattern_word(u64 seed, size_t offset)
{
	return (seed + offset) * 0x9e3779b97f4a7c15ULL ^ seed >> 32;
}

/* Where the word after the one at @offset is. */
static inline size_t gs_pattern_next(size_t offset, size_t words)
{
	if (words <= GS_PATTERN_ALL)
		return offset + sizeof(u64);
	if (offset + GS_PATTERN_STEP < words || offset == words - sizeof(u64))
		return offset + GS_PATTERN_STEP;
	return words - sizeof(u64);
}

static inline void gs_pattern_fill(void *p, size_t size, u64 seed)
{
	size_t words = size & ~(sizeof(u64) - 1), i;
	u64 w;

	for (i = 0; i < words; i = gs_pattern_next(i, words)) {
		w = gs_pattern_word(seed, i);
		memcpy(p + i, &w, sizeof(w));
	}
	w = gs_pattern_word(seed, words);
	memcpy(p + words, &w, size - words);
}

/* True if the @size bytes at @p are as gs_pattern_fill() left them. */
static inline bool gs_pattern_holds(const void *p, size_t size, u64 seed)
{
	size_t words = size & ~(sizeof(u64) - 1), i;
	u64 w;

	for (i = 0; i < words; i = gs_pattern_next(i, words)) {
		w = gs_pattern_word(seed, i);
		if (memcmp(p + i, &w, sizeof(w)))
			return false;
	}
	w = gs_pattern_word(seed, words);
	return !memcmp(p + words, &w, size - words);
}

#endif /* _GOSLAB_PATTERN_H */
