/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_FIXALLOC_H
#define GS_BASE_FIXALLOC_H

#include <linux/compiler.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/spinlock.h>
#include <linux/types.h>

#include "base/busy.h"

/**
 * struct gs_stash - free pieces of a fixalloc that a CPU keeps, so that what comes and
 *                   goes in numbers does not take the lock.
 * @first: linked as the free pieces of a chunk.
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
 * @per_chunk: pieces that a chunk has.
 * @stash: by CPU, interrupts off; NULL for none.
 * @usable: chunks with free pieces, those that are wholly free last.
 * @full: chunks without.
 * @nr_free: free pieces of all chunks.
 * @nr_chunks: chunks on @usable and @full.
 * @nr_empty: chunks that are wholly free.
 * @nr_isolated: chunks that were taken out and not given back yet.
 * @was_empty: @nr_empty at the last tick of the worker; see mspan.c.
 */
struct fixalloc {
	spinlock_t lock;
	u16 size;
	u16 link;
	u16 batch;
	u16 per_chunk;
	struct gs_stash __percpu *stash;
	struct list_head usable;
	struct list_head full;
	unsigned int nr_free;
	unsigned int nr_chunks;
	unsigned int nr_empty;
	unsigned int nr_isolated;
	unsigned int was_empty;
};

/* Chunks that one hold of the lock takes out. */
#define GS_ISOLATE_BATCH	64

void gs_fixalloc_init(struct fixalloc *f, unsigned int size, unsigned int link,
		      struct gs_stash __percpu *stash);
void gs_fixalloc_exit(struct fixalloc *f);
void *gs_fixalloc_alloc(struct fixalloc *f, gfp_t gfp);
void *gs_fixalloc_alloc_free(struct fixalloc *f);
void gs_fixalloc_free(struct fixalloc *f, void *p);
void gs_fixalloc_add_usage(const struct fixalloc *f, size_t *in_use, size_t *drawn);
unsigned int gs_fixalloc_per_chunk(const struct fixalloc *f);
void gs_fixalloc_drain(struct fixalloc *f, struct gs_walk walk);
unsigned int gs_fixalloc_isolate(struct fixalloc *f, struct list_head *gone,
				 unsigned int most);
bool gs_fixalloc_is_isolated(const void *p);
void gs_fixalloc_give(struct list_head *gone);

#endif /* GS_BASE_FIXALLOC_H */
