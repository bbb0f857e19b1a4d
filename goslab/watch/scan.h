/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_SCAN_H
#define GS_WATCH_SCAN_H

#include "back/arena.h"
#include "middle/class.h"

/**
 * struct gs_census - what one class has.
 * @spans: how many.
 * @owned: of them, by mcaches.
 * @pages: of GS_PAGE_SIZE.
 * @objects: free or not.
 * @live: of @objects.
 * @cached: of @objects, in magazines.
 * @pending: of @objects, PENDING, DEFERRED or HELD.
 * @bytes: of @objects.
 * @live_bytes: of @live.
 * @cached_bytes: of @cached.
 * @pending_bytes: of @pending.
 */
struct gs_census {
	unsigned long spans;
	unsigned long owned;
	unsigned long pages;
	unsigned long objects;
	unsigned long live;
	unsigned long cached;
	unsigned long pending;
	size_t bytes;
	size_t live_bytes;
	size_t cached_bytes;
	size_t pending_bytes;
};

static inline size_t gs_census_tail(const struct gs_census *n)
{
	return (n->pages << GS_PAGE_SHIFT) - n->bytes;
}

static inline size_t gs_census_free_bytes(const struct gs_census *n)
{
	return n->bytes - n->live_bytes - n->cached_bytes - n->pending_bytes;
}

/**
 * struct gs_by_owner - live objects of each module.
 * @objects: by owner.
 * @bytes: by owner.
 */
struct gs_by_owner {
	unsigned long objects[GS_OWNER_MAX + 1];
	size_t bytes[GS_OWNER_MAX + 1];
};

/**
 * struct gs_survey - one scan of all spans.
 * @nr: classes; gs_class.scan is the index of each. Index 0: large objects.
 * @of: their census.
 * @stacks: that of all page stacks, which are in @of, too.
 * @owners: of all of them.
 */
struct gs_survey {
	unsigned int nr;
	struct gs_census *of;
	struct gs_census stacks;
	struct gs_by_owner owners;
};

struct gs_survey *gs_survey_make(void);
void gs_survey_free(struct gs_survey *v);
void gs_census_add(struct gs_census *sum, const struct gs_census *n);
void gs_census_span(struct gs_census *n, const struct mspan *s);
void gs_census_owners(struct gs_by_owner *n, const struct mspan *s);

typedef void (*gs_span_fn)(const struct mspan *s, void *arg);
void gs_scan_arena(unsigned long base, gs_span_fn fn, void *arg);
void gs_scan_all(gs_span_fn fn, void *arg);

#endif /* GS_WATCH_SCAN_H */
