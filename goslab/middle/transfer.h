/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_TRANSFER_H
#define GS_MIDDLE_TRANSFER_H

#include <linux/build_bug.h>
#include <linux/cache.h>
#include <linux/percpu.h>

#include "middle/class.h"
#include "middle/mcentral.h"

/* Batches of one domain in a page; a class with no use for so many has three or one. */
#define GS_TRANSFER_BATCHES	7
/* Batches in two pages and in four, where CPUs and the bytes of objects fill them. */
#define GS_TRANSFER_MORE	15
#define GS_TRANSFER_MANY	31
/* CPU cores that make a domain, and the most domains of a node. */
#define GS_TRANSFER_CORES	8
#define GS_TRANSFER_DOMAINS	8
/* Bytes of the objects of a class before it gets a transfer cache, ... */
#define GS_TRANSFER_LEAST	(4UL << 10)
/* ... and times that its central lock was taken; both for each domain. */
#define GS_TRANSFER_LOCKS	64

/**
 * struct gs_transfer - batches that the CPUs of a domain leave for each other.
 * @full: a bit for each batch that has objects and that nobody works on.
 * @empty: a bit for each batch that has none and that nobody works on.
 * @used: somebody came by since the sweep looked last.
 * @nr: objects in each batch.
 * @entry: the batches, mc->nr_batches of them.
 *
 * Whoever clears a bit has the batch to himself until he sets the bit in one of
 * the two words.
 */
struct gs_transfer {
	unsigned long full;
	unsigned long empty;
	bool used;
	u8 nr[GS_TRANSFER_MANY];
	struct gs_entry entry[][GS_BATCH_MAX] __aligned(64);
};

#define GS_TRANSFER_BYTES(batches)	\
	(sizeof(struct gs_transfer) +	\
	 (batches) * GS_BATCH_MAX * sizeof(struct gs_entry))

static_assert(GS_TRANSFER_BYTES(GS_TRANSFER_BATCHES) <= 4096);
static_assert(GS_TRANSFER_BYTES(GS_TRANSFER_MORE) <= 2 * 4096);
static_assert(GS_TRANSFER_BYTES(GS_TRANSFER_MANY) <= 4 * 4096);
static_assert(GS_TRANSFER_MANY < BITS_PER_LONG);

/* Domains of a node, CPUs in all (0 if there is one), the domain of a CPU. */
extern unsigned int gs_transfer_domains;
extern unsigned int gs_transfer_cpus;
DECLARE_PER_CPU(u8, gs_transfer_domain);

/* Bytes that the transfer caches of a class and node may hold at most. */
static inline unsigned long gs_transfer_most_bytes(void)
{
	return min(gs_transfer_cpus * (16UL << 10), 128UL << 10);
}

/* Objects that they have room for. */
static inline unsigned int gs_transfer_most(void)
{
	return gs_transfer_domains * GS_TRANSFER_MANY * GS_BATCH_MAX;
}

/* Is the class so large, and its lock taken so often, that it wants a transfer cache? */
static inline bool gs_transfer_wanted(const struct mcentral *mc)
{
	return !READ_ONCE(mc->transfer) && mc->nr_batches &&
	       READ_ONCE(mc->nr_lock) >= mc->nr_domains * GS_TRANSFER_LOCKS &&
	       gs_mcentral_nr_objects(mc) * (unsigned long)mc->class->elemsize >=
	       mc->nr_domains * GS_TRANSFER_LEAST;
}

void gs_transfer_init(void);
void gs_transfer_exit(void);
unsigned int gs_transfer_batches(const struct gs_class *c);
size_t gs_transfer_parked(void);
unsigned long gs_transfer_moves(void);
unsigned int gs_transfer_take_there(struct mcentral *mc, struct gs_entry *e,
				    unsigned int want);
void gs_transfer_flush(struct mcentral *mc, struct gs_entry *e, unsigned int n);
unsigned int gs_transfer_nr(const struct mcentral *mc);
bool gs_transfer_idle(struct mcentral *mc);
void gs_transfer_empty(struct mcentral *mc);
void gs_transfer_make(struct mcentral *mc, gfp_t gfp);
void gs_transfer_free(struct mcentral *mc);
bool gs_transfer_verify(struct mcentral *mc);

/* As gs_transfer_take_there(), if there is a transfer cache. */
static inline unsigned int gs_transfer_take(struct mcentral *mc, struct gs_entry *e,
					    unsigned int want)
{
	return READ_ONCE(mc->transfer) ? gs_transfer_take_there(mc, e, want) : 0;
}

#endif /* GS_MIDDLE_TRANSFER_H */
