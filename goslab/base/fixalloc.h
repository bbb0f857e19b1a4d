/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_FIXALLOC_H
#define GS_BASE_FIXALLOC_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/**
 * struct gs_stash - free pieces of a fixalloc that a CPU keeps, so that what comes and
 *                   goes in numbers does not take the lock.
 * @first: linked as those on fixalloc.free.
 * @n: how many, below two batches. A task that changes CPUs may make it a few more.
 */
struct gs_stash {
	void *first;
	unsigned int n;
};

/* What a stash keeps: pieces at most, and bytes. */
#define GS_STASH_MAX	16
#define GS_STASH_BYTES	4096

/**
 * struct fixalloc - pieces of metadata of one size (Go: fixalloc).
 * @lock: protects all that changes; a leaf.
 * @size: bytes of a piece, a multiple of 64.
 * @link: offset in a free piece where the free list may write.
 * @batch: pieces that go to or come from a stash at once.
 * @stash: by CPU, interrupts off; NULL for none.
 * @free: first free piece.
 * @chunks: all chunks drawn, linked through their first word.
 * @nr_free: pieces on @free.
 * @nr_chunks: chunks on @chunks.
 */
struct fixalloc {
	spinlock_t lock;
	u16 size;
	u16 link;
	u16 batch;
	struct gs_stash __percpu *stash;
	void *free;
	void *chunks;
	unsigned int nr_free;
	unsigned int nr_chunks;
};

void gs_fixalloc_init(struct fixalloc *f, unsigned int size, unsigned int link,
		      struct gs_stash __percpu *stash);
void gs_fixalloc_exit(struct fixalloc *f);
void *gs_fixalloc_alloc(struct fixalloc *f, gfp_t gfp);
void *gs_fixalloc_alloc_free(struct fixalloc *f);
void gs_fixalloc_free(struct fixalloc *f, void *p);
void gs_fixalloc_add_usage(const struct fixalloc *f, size_t *in_use, size_t *drawn);
unsigned int gs_fixalloc_per_chunk(const struct fixalloc *f);

#endif /* GS_BASE_FIXALLOC_H */
