// SPDX-License-Identifier: GPL-2.0
/*
 * transfer: objects that go from one mcache to another without seeing a span.
 *
 * A full magazine leaves its younger half here in one copy, and an empty one
 * takes it in another. So when one CPU frees what another allocates, neither
 * takes a lock. (TCMalloc: transfer cache, one per cache domain; SLUB: the barn.)
 *
 * There is a struct gs_transfer for each domain, GS_TRANSFER_CORES cores of a node.
 * A CPU looks into that of its own domain first, then into the others. Nobody
 * waits: a CPU claims a batch by clearing its bit, copies, and sets the bit again.
 * Others pass over a batch that is being worked on, so it does not matter when
 * its CPU is interrupted or preempted meanwhile.
 *
 * Owner:      struct mcentral, once the lock of a class of some size is taken often.
 *             Where there is one CPU, none.
 * Lock:       none. A batch belongs to who cleared its bit. Whoever empties a
 *             cache carries each batch in an RCU read section.
 * Lifetime:   until the class ends. Emptied when nobody came by for a tick, by
 *             every drain of all CPUs, by reclaim, and before the class ends.
 * Context:    any but NMI; gs_transfer_make() as its gfp says.
 * Invariants: M2  entries are in state GS_CACHED. They take at most 16 KiB for
 *                 each CPU, 128 KiB in all, and an eighth of the
 *                 class's objects or a batch for each CPU (four, where there are
 *                 GS_TRANSFER_MORE batches), whichever is more. Their spans cannot
 *                 become empty. CPUs that leave batches at the same moment may pass
 *                 these bounds by their batches.
 * Tests:      kunit/transfer_kunit.c
 */
#include "middle/transfer.h"

#include <linux/bitops.h>
#include <linux/cpumask.h>
#include <linux/math.h>
#include <linux/minmax.h>
#include <linux/rcupdate.h>
#include <linux/string.h>
#include <linux/topology.h>

#include "base/fixalloc.h"
#include "base/sys.h"
#include "middle/class.h"

#define TRANSFER_SHARE	8
/* Batches that a CPU may be ahead of others, where a class has more than a page of them. */
#define TRANSFER_AHEAD	4

unsigned int gs_transfer_domains = 1;
GS_EXPORT_KUNIT(gs_transfer_domains);
DEFINE_PER_CPU(u8, gs_transfer_domain);
GS_EXPORT_KUNIT(gs_transfer_domain);

/* Bytes in all transfer caches, and times that some moved, as sums over CPUs. */
static DEFINE_PER_CPU(long, bytes_parked);
static DEFINE_PER_CPU(unsigned long, nr_moves);

/* CPUs that may pass objects to each other. */
unsigned int gs_transfer_cpus __read_mostly;
GS_EXPORT_KUNIT(gs_transfer_cpus);

/* Where those of one batch and of three come from: 7 and 2 to a chunk. */
static const u8 few[] = { 1, 3 };
static struct fixalloc few_allocs[ARRAY_SIZE(few)];

/*
 * Number the domains of a node. Neighbouring cores mostly share their last level
 * cache; the threads of a core have numbers that may lie far apart.
 */
static void number_domains(int node)
{
	unsigned int cpu, cores = 0, core, domain;

	for_each_possible_cpu(cpu) {
		if (cpu_to_mem(cpu) != node)
			continue;
		core = cpumask_first(topology_sibling_cpumask(cpu));
		if (core < cpu) {
			per_cpu(gs_transfer_domain, cpu) =
				per_cpu(gs_transfer_domain, core);
			continue;
		}
		domain = cores++ / GS_TRANSFER_CORES % GS_TRANSFER_DOMAINS;
		per_cpu(gs_transfer_domain, cpu) = domain;
		gs_transfer_domains = max(gs_transfer_domains, domain + 1);
	}
}

void gs_transfer_init(void)
{
	unsigned int i;
	int node;

	for (i = 0; i < ARRAY_SIZE(few); i++)
		gs_fixalloc_init(&few_allocs[i], GS_TRANSFER_BYTES(few[i]),
				 offsetof(struct gs_transfer, entry), NULL);
	gs_transfer_cpus = num_possible_cpus() > 1 ? num_possible_cpus() : 0;
	for (node = 0; node < nr_node_ids; node++)
		number_domains(node);
}

void gs_transfer_exit(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(few); i++)
		gs_fixalloc_exit(&few_allocs[i]);
}

/*
 * Batches that each domain of a class has. Objects of many bytes need few. The classes
 * of large objects have none, and on one CPU nobody has. Small objects go to another
 * CPU by the thousand: a producer may be ahead of its consumer by so many.
 */
unsigned int gs_transfer_batches(const struct gs_class *c)
{
	unsigned int n, want;

	if (!c->batch || !gs_transfer_cpus)
		return 0;
	n = c->transfer / c->batch;
	/* A domain is of GS_TRANSFER_CORES cores. */
	want = gs_transfer_domains > 1 ? n / gs_transfer_domains :
					  min(n, TRANSFER_AHEAD * gs_transfer_cpus);
	/* Twice as many pages for an eighth more are not worth it. */
	want -= want / 8;
	if (want > GS_TRANSFER_BATCHES)
		return want > GS_TRANSFER_MORE ? GS_TRANSFER_MANY : GS_TRANSFER_MORE;
	if (gs_transfer_domains > 1)
		return GS_TRANSFER_BATCHES;
	n = min(n, 2 * gs_transfer_cpus);
	return n >= GS_TRANSFER_BATCHES ? GS_TRANSFER_BATCHES : few[n > 1];
}
GS_EXPORT_KUNIT(gs_transfer_batches);

static bool has_many(const struct mcentral *mc)
{
	return mc->nr_batches > GS_TRANSFER_BATCHES;
}

static size_t bytes_of(const struct mcentral *mc)
{
	return mc->nr_domains * GS_TRANSFER_BYTES(mc->nr_batches);
}

/* Where the transfer cache of @mc comes from; NULL for whole pages. */
static struct fixalloc *alloc_of(const struct mcentral *mc)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(few); i++)
		if (mc->nr_batches == few[i])
			return &few_allocs[i];
	return NULL;
}

static void give(const struct mcentral *mc, struct gs_transfer *all)
{
	if (alloc_of(mc))
		gs_fixalloc_free(alloc_of(mc), all);
	else
		gs_sys_give_meta(all, bytes_of(mc));
}

static void count(const struct mcentral *mc, long n)
{
	this_cpu_add(bytes_parked, n * mc->class->elemsize);
	this_cpu_inc(nr_moves);
}

/* Changes whenever an object goes into or out of a transfer cache. */
unsigned long gs_transfer_moves(void)
{
	unsigned long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(nr_moves, cpu));
	return sum;
}

/* Bytes in transfer caches now. */
size_t gs_transfer_parked(void)
{
	long sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu(bytes_parked, cpu));
	return max(sum, 0L);
}
GS_EXPORT_KUNIT(gs_transfer_parked);

/*
 * The transfer cache of domain @d, modulo their number. @all is an array of
 * mc->nr_domains. A walk that starts at the caller's own domain reads its number
 * once: the caller may move to another CPU on the way.
 */
static struct gs_transfer *of_domain(const struct mcentral *mc,
				     struct gs_transfer *all, unsigned int d)
{
	return (void *)all + d % mc->nr_domains * GS_TRANSFER_BYTES(mc->nr_batches);
}

static void note_use(struct gs_transfer *t)
{
	if (!READ_ONCE(t->used))
		WRITE_ONCE(t->used, true);
}

/*
 * The batch of @bits to try first. CPUs start at different bits, so that they seldom
 * try the same and mostly find what they left.
 */
static unsigned int first_of(const struct mcentral *mc, unsigned long bits)
{
	unsigned int cpu = raw_smp_processor_id();
	unsigned int from = has_many(mc) ? cpu % GS_TRANSFER_MORE : cpu % GS_TRANSFER_BATCHES;

	return __ffs(bits & (~0UL << from) ?: bits);
}

/* Have one of the batches in *@word to oneself. Return: the batch, or -1. */
static int claim(const struct mcentral *mc, unsigned long *word)
{
	unsigned long bits = READ_ONCE(*word);

	while (bits) {
		unsigned int bit = first_of(mc, bits);

		/* Fully ordered: what its owner before did comes first. */
		if (test_and_clear_bit(bit, word))
			return bit;
		bits &= ~BIT(bit);
	}
	return -1;
}

/* @n objects are in a batch that was claimed: others may have it. */
static void release(struct gs_transfer *t, unsigned int i, unsigned int n)
{
	WRITE_ONCE(t->nr[i], n);
	/* The entries come before the bit. */
	smp_mb__before_atomic();
	set_bit(i, n ? &t->full : &t->empty);
}

/* Objects in one transfer cache; exact when quiet. */
static unsigned int nr_of(const struct mcentral *mc, const struct gs_transfer *t)
{
	unsigned int i, n = 0;

	for (i = 0; i < mc->nr_batches; i++)
		n += READ_ONCE(t->nr[i]);
	return n;
}

/* Objects in the transfer caches of @mc; exact when quiet. */
unsigned int gs_transfer_nr(const struct mcentral *mc)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer);
	unsigned int d, n = 0;

	for (d = 0; all && d < mc->nr_domains; d++)
		n += nr_of(mc, of_domain(mc, all, d));
	return n;
}
GS_EXPORT_KUNIT(gs_transfer_nr);

/**
 * gs_transfer_take_there() - take objects that other mcaches have left.
 * @mc: of the class and node, with a transfer cache.
 * @e: filled with objects in state GS_CACHED.
 * @want: how many, at most GS_BATCH_MAX.
 *
 * Stops at the first domain that has some.
 *
 * Return: objects in @e.
 */
unsigned int gs_transfer_take_there(struct mcentral *mc, struct gs_entry *e,
				    unsigned int want)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer), *t;
	unsigned int own = raw_cpu_read(gs_transfer_domain), d, got = 0, nr, n;
	int i;

	for (d = 0; d < mc->nr_domains && !got; d++) {
		t = of_domain(mc, all, own + d);
		while (got < want && (i = claim(mc, &t->full)) >= 0) {
			nr = t->nr[i];
			n = min(nr, want - got);
			memcpy(e + got, t->entry[i] + nr - n, n * sizeof(*e));
			release(t, i, nr - n);
			got += n;
		}
		if (got)
			note_use(t);
	}
	if (got)
		count(mc, -(long)got);
	return got;
}
GS_EXPORT_KUNIT(gs_transfer_take_there);

/* Entries that the transfer cache of one domain may have now. */
static unsigned int limit(const struct mcentral *mc)
{
	const struct gs_class *c = mc->class;
	unsigned int share = gs_mcentral_nr_objects(mc) / TRANSFER_SHARE;

	/* A batch for each CPU that may pass some on, or several. */
	share = max(share, c->batch * gs_transfer_cpus *
			   (has_many(mc) ? TRANSFER_AHEAD : 1));
	return DIV_ROUND_UP(min_t(unsigned int, c->transfer, share), mc->nr_domains);
}

/*
 * Have a batch to oneself that has room for @n objects. Few objects share a batch
 * with others: else single ones, from another node, would soon have all. Return: the
 * batch, or -1.
 */
static int claim_room(const struct mcentral *mc, struct gs_transfer *t, unsigned int n)
{
	unsigned long bits = n <= GS_BATCH_MAX / 2 ? READ_ONCE(t->full) : 0;

	while (bits) {
		unsigned int bit = first_of(mc, bits);

		bits &= ~BIT(bit);
		if (READ_ONCE(t->nr[bit]) + n > GS_BATCH_MAX ||
		    !test_and_clear_bit(bit, &t->full))
			continue;
		if (t->nr[bit] + n <= GS_BATCH_MAX)
			return bit;
		release(t, bit, t->nr[bit]);
	}
	return claim(mc, &t->empty);
}

/* Leave @n objects for others. Return: false if there is no room. */
static bool leave(struct mcentral *mc, const struct gs_entry *e, unsigned int n)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer), *t;
	unsigned int own = raw_cpu_read(gs_transfer_domain), d, most;
	int i;

	if (!all)
		return false;
	most = limit(mc);
	for (d = 0; d < mc->nr_domains; d++) {
		t = of_domain(mc, all, own + d);
		if (nr_of(mc, t) + n > most)
			continue;
		i = claim_room(mc, t, n);
		if (i < 0)
			continue;
		memcpy(t->entry[i] + t->nr[i], e, n * sizeof(*e));
		release(t, i, t->nr[i] + n);
		note_use(t);
		count(mc, n);
		return true;
	}
	return false;
}

/**
 * gs_transfer_flush() - take objects out of a magazine that is full.
 * @mc: of the objects' class and node.
 * @e: objects in state GS_CACHED that nobody else can reach.
 * @n: how many, at most GS_BATCH_MAX.
 *
 * Either all of them go to the transfer cache or, if there is no room, all go to
 * their spans.
 */
void gs_transfer_flush(struct mcentral *mc, struct gs_entry *e, unsigned int n)
{
	if (!leave(mc, e, n))
		gs_mcentral_put(mc->class, e, n);
}
GS_EXPORT_KUNIT(gs_transfer_flush);

/*
 * Has nobody come by since the last look? For the sweep, which is the only one
 * that looks.
 */
bool gs_transfer_idle(struct mcentral *mc)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer), *t;
	bool used = false;
	unsigned int d;

	for (d = 0; all && d < mc->nr_domains; d++) {
		t = of_domain(mc, all, d);
		if (!READ_ONCE(t->used))
			continue;
		WRITE_ONCE(t->used, false);
		used = true;
	}
	return !used;
}

/* Move each batch that is there now into its spans. */
static void empty_domain(struct mcentral *mc, struct gs_transfer *t)
{
	unsigned long bits = READ_ONCE(t->full), i;
	unsigned int n;

	for_each_set_bit(i, &bits, GS_TRANSFER_MANY) {
		/* While it is ours nothing else shows that its objects exist. */
		rcu_read_lock();
		if (test_and_clear_bit(i, &t->full)) {
			gs_hook(GS_HOOK_TRANSFER_LEFT, mc->class);
			n = t->nr[i];
			gs_mcentral_put(mc->class, t->entry[i], n);
			count(mc, -(long)n);
			release(t, i, 0);
		}
		rcu_read_unlock();
	}
}

/**
 * gs_transfer_empty() - put what is in a transfer cache into its spans.
 * @mc: whose transfer cache.
 *
 * Moves the batches that are there at the start. So CPUs that go on flushing do
 * not keep the caller here.
 *
 * A batch is in the caller's hands until it is back in its spans. Each batch is
 * an RCU read section, which the end of the class waits for: see
 * gs_drain_classes().
 *
 * Context: any but NMI; no lock held, mcache not entered.
 */
void gs_transfer_empty(struct mcentral *mc)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer);
	unsigned int d;

	for (d = 0; all && d < mc->nr_domains; d++)
		empty_domain(mc, of_domain(mc, all, d));
}
GS_EXPORT_KUNIT(gs_transfer_empty);

/* Give @mc a transfer cache. No lock is held. */
void gs_transfer_make(struct mcentral *mc, gfp_t gfp)
{
	struct gs_transfer *all;
	unsigned int d;

	if (!mc->nr_batches)
		return;
	gfp = (gfp & ~__GFP_DIRECT_RECLAIM) | __GFP_NOWARN;
	all = alloc_of(mc) ? gs_fixalloc_alloc(alloc_of(mc), gfp) :
			     gs_sys_draw_meta(bytes_of(mc), mc->node, gfp);
	if (!all)
		return;
	for (d = 0; d < mc->nr_domains; d++)
		*of_domain(mc, all, d) = (struct gs_transfer) {
			.empty = GENMASK(mc->nr_batches - 1, 0),
		};
	/* Whoever sees it sees that its batches are empty. */
	if (cmpxchg_release(&mc->transfer, NULL, all))
		give(mc, all);
}
GS_EXPORT_KUNIT(gs_transfer_make);

/* The class ends, and its transfer cache is empty. */
void gs_transfer_free(struct mcentral *mc)
{
	if (mc->transfer)
		give(mc, mc->transfer);
	mc->transfer = NULL;
}

/* Are the objects of a batch, if nobody works on it, in state GS_CACHED? */
static bool batch_ok(struct gs_transfer *t, unsigned int i)
{
	unsigned int k, n;
	bool ok = true;

	if (!test_and_clear_bit(i, &t->full))
		return true;
	n = t->nr[i];
	for (k = 0; k < n; k++)
		ok &= *t->entry[i][k].state == GS_CACHED;
	release(t, i, n);
	return ok && n;
}

/* Check M2 of the batches that nobody works on. Return: does it hold? */
bool gs_transfer_verify(struct mcentral *mc)
{
	struct gs_transfer *all = READ_ONCE(mc->transfer);
	unsigned int d, i;

	for (d = 0; all && d < mc->nr_domains; d++)
		for (i = 0; i < mc->nr_batches; i++)
			if (!batch_ok(of_domain(mc, all, d), i))
				return false;
	return true;
}
