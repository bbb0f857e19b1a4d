/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_REPORT_H
#define GS_BASE_REPORT_H

#include <linux/types.h>

enum gs_report_kind {
	GS_BUG_DOUBLE_FREE,
	GS_BUG_INTERIOR_FREE,	/* inside an object, or between objects */
	GS_BUG_FOREIGN_FREE,	/* no memory of ours */
	GS_BUG_WRONG_CACHE,
	GS_BUG_DEAD_CACHE,	/* object of a destroyed cache, or the cache */
	GS_BUG_NOT_LIVE,	/* size or realloc of an object that is not live */
	GS_BUG_BAD_ALIGN,
	GS_BUG_BAD_SIZE,
	GS_BUG_BAD_FLAGS,
	GS_BUG_BAD_NAME,
	GS_BUG_DUPLICATE_NAME,
	GS_BUG_BAD_ZONE,
	GS_BUG_BAD_NODE,
	GS_BUG_ZERO_CTOR,	/* __GFP_ZERO from a cache with a ctor */
	GS_BUG_LIVE_OBJECTS,	/* at the end of a cache or of the module */
	GS_BUG_BAD_STATE,	/* a state byte that nothing of ours wrote */
	GS_BUG_BAD_GFP,		/* bits that goslab_malloc_nolock() has no use for */
	GS_BUG_NO_HEAD,		/* rcu_head that is not the object's */
	GS_BUG_PENDING,		/* a pending object that was written to */
	GS_BUG_PAGE_COUNT,	/* a page that somebody put once too often */
	GS_BUG_BAD_REGION,	/* user region that no object has */
	GS_BUG_USERCOPY,
	GS_BUG_DEAD_HEAP,
	GS_BUG_HEAP_IN_USE,	/* at its end: by caches, or the default heap */
	GS_BUG_WRONG_DEVICE,	/* devm free or realloc of what it has not */
	GS_BUG_LIST_LRU,	/* objects of a charged cache for a list_lru */
	GS_BUG_OVERLAP,		/* a range that a pool has already */
	GS_BUG_REGION_BUSY,	/* two at once; found in debug builds */
	GS_BUG_REGION_WRITTEN,	/* memory that was given back; likewise */
	GS_BUG_BAD_MARK,	/* no state that the region has had since */
	GS_BUG_WRONG_CALL,	/* a stack freed as an object, or the reverse */
	GS_BUG_COLLECTED,	/* a call frees what the collector frees */
	GS_BUG_NO_MASK,		/* objects of a collected heap without a mask */
	GS_BUG_NOT_COLLECTED,	/* a call for collected heaps, with another one */
	GS_BUG_OUT_OF_BOUNDS,	/* written to, past or before a guarded object */
	GS_BUG_FREED_WRITTEN,	/* a guarded object, after its free */
	GS_NR_REPORTS,
};

/**
 * struct gs_report - the plain facts of one report.
 * @kind: what happened.
 * @name: the cache or class, or NULL when there is none.
 * @addr: the address, printed hashed; NULL to leave it out.
 * @what: the name of @value, or NULL to leave it out.
 * @value: a number that helps.
 * @site: the caller, printed by symbol.
 */
struct gs_report {
	enum gs_report_kind kind;
	const char *name;
	const void *addr;
	const char *what;
	long value;
	unsigned long site;
};

bool gs_report(const struct gs_report *r);
void gs_report_exit(void);
unsigned long gs_report_count(void);
unsigned long gs_report_suppressed(void);
unsigned long gs_report_count_of(enum gs_report_kind kind);

/* The usual case: a kind, a name, an address, a caller. */
#define gs_report_at(_kind, _name, _addr, _site)			\
	gs_report(&(struct gs_report){ .kind = (_kind), .name = (_name),	\
				       .addr = (_addr), .site = (_site) })

#endif /* GS_BASE_REPORT_H */
