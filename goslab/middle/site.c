// SPDX-License-Identifier: GPL-2.0
/*
 * site: what was sampled, by place of allocation.
 *
 * A site is a stack (or, where the kernel cannot walk it, the call of goslab), a size
 * and a module. Live and cumulative counts are those of samples; who prints them
 * scales them. The peak is that of what all live samples stand for. It is noted
 * lazily: a new peak only gets a number, and a site notes what it had at the peak
 * when it changes for the first time after it. So a peak costs the same however many
 * sites there are. (Go: mbuckets; TCMalloc: peak-heap profile.)
 *
 * Owner:      one table for the module.
 * Lock:       a lock for each LOCKS-th bucket; a leaf. Memory is drawn before it.
 * Lifetime:   a site stays until unload: records point to it. At most SITES_MOST.
 * Context:    any but NMI; gs_site_read() and gs_site_restart() sleep.
 * Tests:      kunit/sample_kunit.c
 */
#include "middle/site.h"

#include <linux/hash.h>
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/sched.h>

#include "base/chance.h"
#include "base/debug.h"
#include "base/fixalloc.h"
#include "base/sys.h"

#define BITS		10
#define LOCKS		64
#define SITES_MOST	16384

struct site_lock {
	spinlock_t lock;
} ____cacheline_aligned_in_smp;

static struct hlist_head *buckets;
static struct site_lock site_locks[LOCKS];
static struct fixalloc sites;
static atomic_t nr_sites = ATOMIC_INIT(0);
static unsigned long mean = 1;

/* Bytes that live samples stand for, the most that were, how often that grew. */
static atomic64_t live = ATOMIC64_INIT(0);
static atomic64_t peak = ATOMIC64_INIT(0);
static atomic64_t epoch = ATOMIC64_INIT(0);

static size_t table_bytes(void)
{
	return sizeof(*buckets) << BITS;
}

int gs_site_init(void)
{
	unsigned int i;

	for (i = 0; i < LOCKS; i++)
		spin_lock_init(&site_locks[i].lock);
	gs_fixalloc_init(&sites, sizeof(struct gs_site),
			 offsetof(struct gs_site, weight), NULL);
	buckets = gs_sys_draw_meta(table_bytes(), NUMA_NO_NODE, GFP_KERNEL);
	return buckets ? 0 : -ENOMEM;
}

void gs_site_exit(void)
{
	gs_fixalloc_exit(&sites);
	gs_sys_give_meta(buckets, table_bytes());
	atomic_set(&nr_sites, 0);
}

/* Add bytes of sites and of their table. */
void gs_site_add_usage(size_t *in_use, size_t *drawn)
{
	gs_fixalloc_add_usage(&sites, in_use, drawn);
	*in_use += table_bytes();
	*drawn += PAGE_SIZE << get_order(table_bytes());
}

static unsigned int bucket_of(unsigned long caller, u32 stack, size_t size)
{
	return hash_64(caller ^ (u64)stack << 32 ^ size * GOLDEN_RATIO_64, BITS);
}

static spinlock_t *lock_of(unsigned int bucket)
{
	return &site_locks[bucket % LOCKS].lock;
}

static spinlock_t *lock_of_site(const struct gs_site *site)
{
	return lock_of(site->bucket);
}

/* Under the lock of the bucket. */
static __always_inline struct gs_site *find(unsigned int bucket,
					    const struct gs_sample *key)
{
	struct gs_site *site;

	hlist_for_each_entry(site, &buckets[bucket], link)
		if (site->caller == key->caller && site->stack == key->stack &&
		    site->size == key->size && site->owner == key->owner)
			return site;
	return NULL;
}

/* What a sample stands for by the rate that there is now. */
static void set_scale(struct gs_site *site)
{
	u64 scale = gs_chance_scale(GS_SITE_ONE, site->size, READ_ONCE(mean));

	WRITE_ONCE(site->scale, scale);
	site->weight = scale * site->size / GS_SITE_ONE;
}

/* @site is about to change: note what it had at the last peak. Under its lock. */
static void note_peak(struct gs_site *site)
{
	u64 now = atomic64_read(&epoch);

	if (site->epoch == now)
		return;
	site->peak = site->nr_alloc - site->nr_free;
	site->epoch = now;
}

/* An object was sampled. Under the lock of @site. */
static void count_alloc(struct gs_site *site, const struct gs_sample *sample)
{
	s64 now, old;

	note_peak(site);
	site->nr_alloc++;
	site->nr_far += sample->far;
	site->requested += sample->requested;
	site->used = true;
	now = atomic64_add_return(site->weight, &live);
	old = atomic64_read(&peak);
	while (now > old && !atomic64_try_cmpxchg(&peak, &old, now))
		;
	/* From here on a change of any site comes after this peak. */
	if (now > old)
		atomic64_inc(&epoch);
}

static struct gs_site *make_site(unsigned int bucket, const struct gs_sample *sample)
{
	struct gs_site *site = NULL;

	if (atomic_read(&nr_sites) < SITES_MOST)
		site = gs_fixalloc_alloc(&sites, gs_gfp_optional(GFP_NOWAIT));
	if (!site)
		return NULL;
	*site = (struct gs_site) {
		.caller = sample->caller, .stack = sample->stack, .size = sample->size,
		.owner = sample->owner, .bucket = bucket,
	};
	set_scale(site);
	return site;
}

/* Its site is not known yet. Return: NULL without memory. */
static noinline struct gs_site *sample_new(unsigned int bucket,
					   const struct gs_sample *sample)
{
	struct gs_site *fresh = make_site(bucket, sample), *site;
	unsigned long flags;

	if (!fresh)
		return NULL;
	gs_lock(lock_of(bucket), flags);
	site = find(bucket, sample);
	if (!site) {
		hlist_add_head(&fresh->link, &buckets[bucket]);
		atomic_inc(&nr_sites);
		swap(site, fresh);
	}
	count_alloc(site, sample);
	gs_unlock(lock_of(bucket), flags);
	if (fresh)
		gs_fixalloc_free(&sites, fresh);
	return site;
}

/**
 * gs_site_sample() - count a sampled object for its site.
 * @sample: the object.
 *
 * Return: the site; NULL without memory, or if there are too many.
 */
struct gs_site *gs_site_sample(const struct gs_sample *sample)
{
	unsigned int bucket = bucket_of(sample->caller, sample->stack, sample->size);
	struct gs_site *site;
	unsigned long flags;

	gs_lock(lock_of(bucket), flags);
	site = find(bucket, sample);
	if (likely(site))
		count_alloc(site, sample);
	gs_unlock(lock_of(bucket), flags);
	return likely(site) ? site : sample_new(bucket, sample);
}

/* An object that @requested bytes were asked for is freed. */
void gs_site_count_free(struct gs_site *site, size_t requested, bool ping_pong)
{
	spinlock_t *lock = lock_of_site(site);
	unsigned long flags;

	gs_lock(lock, flags);
	note_peak(site);
	site->nr_free++;
	site->nr_ping_pong += ping_pong;
	site->requested_free += requested;
	atomic64_sub(site->weight, &live);
	gs_unlock(lock, flags);
}

/* It counts no more, as if it had never been sampled. */
void gs_site_forget(struct gs_site *site, size_t requested, bool far)
{
	spinlock_t *lock = lock_of_site(site);
	unsigned long flags;

	gs_lock(lock, flags);
	note_peak(site);
	site->nr_alloc--;
	site->nr_far -= far;
	site->requested -= requested;
	atomic64_sub(site->weight, &live);
	gs_unlock(lock, flags);
}

/**
 * gs_site_restart() - a profile begins anew, with another rate.
 * @rate: mean distance of samples in bytes.
 *
 * The caller has forgotten all records. Sites stay, with what is sampled meanwhile.
 */
void gs_site_restart(unsigned long rate)
{
	struct gs_site *site;
	unsigned long flags;
	unsigned int i;

	WRITE_ONCE(mean, max(rate, 1UL));
	atomic64_set(&peak, 0);
	for (i = 0; i < 1U << BITS; i++) {
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry(site, &buckets[i], link) {
			u64 n = site->nr_alloc - site->nr_free;

			atomic64_sub(n * site->weight, &live);
			set_scale(site);
			atomic64_add(n * site->weight, &live);
			site->nr_alloc = n;
			site->nr_free = 0;
			site->nr_ping_pong = 0;
			site->nr_far = 0;
			site->requested -= site->requested_free;
			site->requested_free = 0;
			site->peak = n;
			site->epoch = atomic64_read(&epoch);
			site->used = n;
		}
		gs_unlock(lock_of(i), flags);
		cond_resched();
	}
}

static void read_site(struct gs_site *site, struct gs_site_counts *to)
{
	bool noted = site->epoch == atomic64_read(&epoch);

	*to = (struct gs_site_counts) {
		.of = site, .caller = site->caller, .stack = site->stack, .size = site->size,
		.owner = site->owner, .nr_alloc = site->nr_alloc,
		.nr_live = site->nr_alloc - site->nr_free,
		.nr_ping_pong = site->nr_ping_pong, .nr_far = site->nr_far,
		.requested = site->requested,
	};
	to->nr_peak = noted ? site->peak : to->nr_live;
}

/**
 * gs_site_read() - what all sites have counted.
 * @n: set to how many there are in the array.
 *
 * Context: task; sleeps.
 * Return: an array, for kvfree(); NULL without memory.
 */
struct gs_site_counts *gs_site_read(unsigned int *n)
{
	unsigned int room = atomic_read(&nr_sites) + 64, i;
	struct gs_site_counts *all;
	struct gs_site *site;
	unsigned long flags;

	*n = 0;
	all = kvmalloc_array(room, sizeof(*all), GFP_KERNEL);
	for (i = 0; all && i < 1U << BITS; i++) {
		gs_lock(lock_of(i), flags);
		hlist_for_each_entry(site, &buckets[i], link)
			if (site->used && *n < room)
				read_site(site, &all[(*n)++]);
		gs_unlock(lock_of(i), flags);
		cond_resched();
	}
	return all;
}
GS_EXPORT_KUNIT(gs_site_read);

/* Sites known, those included that have not counted since the profile began. */
unsigned int gs_site_nr(void)
{
	return atomic_read(&nr_sites);
}

/* The most that live samples stood for, in bytes, since the profile began. */
u64 gs_site_peak(void)
{
	return atomic64_read(&peak);
}
GS_EXPORT_KUNIT(gs_site_peak);
