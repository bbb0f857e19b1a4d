/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_FIXALLOC_H
#define GS_BASE_FIXALLOC_H

#include <linux/gfp.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct fixalloc - pieces of metadata of one size (Go: fixalloc).
 * @lock: protects all that changes; a leaf.
 * @size: bytes of a piece, a multiple of 64.
 * @link: offset in a free piece where the free list may write.
 * @free: first free piece.
 * @chunks: all chunks drawn, linked through their first word.
 * @nr_free: pieces on @free.
 * @nr_chunks: chunks on @chunks.
 */
struct fixalloc {
	spinlock_t lock;
	u16 size;
	u16 link;
	void *free;
	void *chunks;
	unsigned int nr_free;
	unsigned int nr_chunks;
};

void gs_fixalloc_init(struct fixalloc *f, unsigned int size, unsigned int link);
void gs_fixalloc_exit(struct fixalloc *f);
void *gs_fixalloc_alloc(struct fixalloc *f, gfp_t gfp);
void *gs_fixalloc_alloc_free(struct fixalloc *f);
unsigned int gs_fixalloc_alloc_some(struct fixalloc *f, void **p, unsigned int n);
void gs_fixalloc_free(struct fixalloc *f, void *p);
void gs_fixalloc_free_some(struct fixalloc *f, void **p, unsigned int n);
unsigned int gs_fixalloc_per_chunk(const struct fixalloc *f);

#endif /* GS_BASE_FIXALLOC_H */
