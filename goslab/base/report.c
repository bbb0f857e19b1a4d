// SPDX-License-Identifier: GPL-2.0
/*
 * report: the one printer of misuse and corruption.
 *
 * Takes plain facts, so that the lowest layer may report without knowing the
 * types above it. One line, one format, for people and for grep:
 *
 *   BUG: goslab: <kind> in <cache or class>, object <hashed>, <what> <n>, at <symbol>
 *
 * Each kind is rate limited by itself, so that a client that is wrong in a loop
 * cannot stop the machine with its console. Counts are exact, whether printed or
 * not; the number of reports that were not printed is said afterwards.
 *
 * Lock:       that of __ratelimit(), which is only tried. Never called with a lock
 *             held or an mcache entered.
 * Context:    any; printk() and __ratelimit() work in NMI.
 * Tests:      kunit/misuse_kunit.c
 */
#include "base/report.h"

#include <linux/atomic.h>
#include <linux/kernel.h>
#include <linux/panic.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>

#include "base/debug.h"
#include "base/trace.h"

static const char *const kind_names[] = {
	[GS_BUG_DOUBLE_FREE]	= "double free",
	[GS_BUG_INTERIOR_FREE]	= "free of an address inside an object",
	[GS_BUG_FOREIGN_FREE]	= "free of a foreign address",
	[GS_BUG_WRONG_CACHE]	= "free of another cache's object",
	[GS_BUG_DEAD_CACHE]	= "use of a destroyed cache",
	[GS_BUG_NOT_LIVE]	= "use of an object that is not live",
	[GS_BUG_BAD_ALIGN]	= "alignment is not a power of two up to 4096",
	[GS_BUG_BAD_SIZE]	= "size out of range",
	[GS_BUG_BAD_FLAGS]	= "unknown flags",
	[GS_BUG_BAD_NAME]	= "bad name",
	[GS_BUG_DUPLICATE_NAME]	= "name in use",
	[GS_BUG_BAD_ZONE]	= "zone bits in gfp",
	[GS_BUG_BAD_NODE]	= "no such node",
	[GS_BUG_ZERO_CTOR]	= "__GFP_ZERO with a ctor",
	[GS_BUG_LIVE_OBJECTS]	= "live objects at the end",
	[GS_BUG_BAD_STATE]	= "state byte overwritten",
	[GS_BUG_PAGE_COUNT]	= "page reference dropped by other code",
	[GS_BUG_WRONG_DEVICE]	= "free of an object that the device does not have",
	[GS_BUG_BAD_REGION]	= "user region outside the object",
	[GS_BUG_USERCOPY]	= "user copy outside an object's user region",
	[GS_BUG_DEAD_HEAP]	= "use of a destroyed heap",
	[GS_BUG_HEAP_IN_USE]	= "heap has caches, or is the default heap",
	[GS_BUG_BAD_GFP]	= "gfp flags that this call does not take",
	[GS_BUG_NO_HEAD]	= "no room for the rcu_head in the object",
	[GS_BUG_LIST_LRU]	= "allocation for a list_lru from a charged cache",
	[GS_BUG_OVERLAP]	= "range overlaps another one of the pool",
	[GS_BUG_REGION_BUSY]	= "region used by two at once",
	[GS_BUG_REGION_WRITTEN]	= "free memory of a region written to",
	[GS_BUG_BAD_MARK]	= "mark that the region does not have",
	[GS_BUG_WRONG_CALL]	= "free by the call for another kind of memory",
	[GS_BUG_COLLECTED]	= "free of an object of a collected heap",
	[GS_BUG_NO_MASK]	= "no pointer mask for objects of a collected heap",
	[GS_BUG_NOT_COLLECTED]	= "heap is not collected",
	[GS_BUG_PENDING]	= "object changed while its free was pending",
	[GS_BUG_OUT_OF_BOUNDS]	= "write outside an object",
	[GS_BUG_FREED_WRITTEN]	= "write to a freed object",
};
static_assert(ARRAY_SIZE(kind_names) == GS_NR_REPORTS);

/* What is printed of one kind at most, in jiffies. */
#define INTERVAL	(5 * HZ)
#define BURST		100

static atomic_long_t counts[GS_NR_REPORTS];
/* Of these, not printed, and how many of them the log has been told of. */
static atomic_long_t suppressed[GS_NR_REPORTS];
static atomic_long_t told[GS_NR_REPORTS];

/* The flag: __ratelimit() does not print numbers of its own. */
static struct ratelimit_state limits[GS_NR_REPORTS] = {
	[0 ... GS_NR_REPORTS - 1] =
		RATELIMIT_STATE_INIT_FLAGS(limits, INTERVAL, BURST,
					   RATELIMIT_MSG_ON_RELEASE),
};

/* Reports so far, of one kind. */
unsigned long gs_report_count_of(enum gs_report_kind kind)
{
	return atomic_long_read(&counts[kind]);
}
GS_EXPORT_KUNIT(gs_report_count_of);

/* Reports so far. */
unsigned long gs_report_count(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < GS_NR_REPORTS; i++)
		sum += gs_report_count_of(i);
	return sum;
}
GS_EXPORT_KUNIT(gs_report_count);

/* Reports so far that were not printed. */
unsigned long gs_report_suppressed(void)
{
	unsigned long sum = 0;
	int i;

	for (i = 0; i < GS_NR_REPORTS; i++)
		sum += atomic_long_read(&suppressed[i]);
	return sum;
}
GS_EXPORT_KUNIT(gs_report_suppressed);

/* Say how many reports of @kind were not printed since this was said last. */
static void tell_suppressed(enum gs_report_kind kind)
{
	long sum = atomic_long_read(&suppressed[kind]);
	long more = sum - atomic_long_xchg(&told[kind], sum);

	/* Two CPUs at once: the one with the older sum has nothing to say. */
	if (more > 0)
		pr_err("goslab: %ld reports of \"%s\" were not printed\n", more,
		       kind_names[kind]);
}

/* The module goes: what no later report has said. */
void gs_report_exit(void)
{
	int i;

	for (i = 0; i < GS_NR_REPORTS; i++)
		tell_suppressed(i);
}

/*
 * Count one report, taint the kernel as a bad page does, and print it. Return: was it
 * printed? Then the caller may say more.
 */
bool gs_report(const struct gs_report *r)
{
	char object[40] = "", what[64] = "";

	atomic_long_inc(&counts[r->kind]);
	trace_goslab_report(r->site, r->addr, r->name ?: "no cache", kind_names[r->kind]);
	add_taint(TAINT_BAD_PAGE, LOCKDEP_STILL_OK);
	if (!__ratelimit(&limits[r->kind])) {
		atomic_long_inc(&suppressed[r->kind]);
		return false;
	}
	if (r->addr)
		snprintf(object, sizeof(object), ", object %p", r->addr);
	if (r->what)
		snprintf(what, sizeof(what), ", %s %ld", r->what, r->value);
	pr_err("BUG: goslab: %s in %s%s%s, at %pS\n", kind_names[r->kind],
	       r->name ?: "no cache", object, what, (void *)r->site);
	tell_suppressed(r->kind);
	return true;
}
GS_EXPORT_KUNIT(gs_report);
