// SPDX-License-Identifier: GPL-2.0
/*
 * region: memory that is freed together (a linear allocator).
 *
 * A region cuts pieces off its newest chunk by moving a pointer, inline in the
 * header. Chunks are objects of malloc or of a heap, so that quota, account,
 * profile and the survey at unload see them as any others. They are stacks: marks
 * remember the top of each, and restoring one pops what came later. What is too
 * large to share a chunk has one of its own, on a stack of its own, so that the
 * rest of the newest chunk is not lost. An action is such a piece, too: the free of its
 * chunk calls it (action.c).
 *
 * Flow:       callers -> inline, or [region] -> api/malloc.c, api/heap.c
 * Owner:      the user of the region; the chunks are objects of its module.
 * Lock:       none: a region has one user at a time. Debug builds report two.
 * Context:    any but NMI; sleeps only as gfp says.
 * Invariants: at and end are multiples of 8; at lies in the newest chunk.
 *             Memory from at to the end of its chunk, and that of the spare, is
 *             nobody's: poisoned for KASAN; POISON_FREE in debug builds, else zero
 *             if the kernel has init_on_alloc, so that the inline calls need not
 *             look.
 * Tests:      kunit/region_kunit.c
 */
#include <linux/err.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/poison.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "api/api.h"
#include "api/piece.h"
#include "base/report.h"

/* Chunks grow from the one to the other, each twice as large as the last. */
#define MIN_CHUNK	SZ_4K
#define MAX_CHUNK	SZ_64K

/* More than this is not cut off a new chunk: it would leave too much of the old. */
#define MAX_SHARED	(MAX_CHUNK / 8)

#define IS_DEBUG	IS_ENABLED(CONFIG_GOSLAB_DEBUG)

/* Do the inline calls see no room, so that each call comes here? */
#define IS_WATCHED	(IS_DEBUG || GS_PIECE_WATCHED)

/**
 * struct goslab_region_chunk - head of a chunk; the memory that is cut follows.
 * @prev: the chunk before it.
 * @size: bytes, with this head; a multiple of 8.
 * @used: bytes up to the last piece, once there is a newer chunk.
 */
struct goslab_region_chunk {
	struct goslab_region_chunk *prev;
	unsigned int size;
	unsigned int used;
};

static char *start_of(struct goslab_region_chunk *c)
{
	return (char *)(c + 1);
}

static char *end_of(struct goslab_region_chunk *c)
{
	return (char *)c + c->size;
}

/* In debug builds: is nobody else at work on @r? Says so if not. */
static bool enter(struct goslab_region *r, unsigned long site)
{
	if (!IS_DEBUG || !xchg(&r->busy, 1))
		return true;
	gs_report_at(GS_BUG_REGION_BUSY, "region", r, site);
	return false;
}

static void leave(struct goslab_region *r)
{
	if (IS_DEBUG)
		xchg(&r->busy, 0);
}

static void move_to(struct goslab_region *r, char *at)
{
	bool quick = !IS_WATCHED && !want_init_on_alloc(0) && !want_init_on_free();

	r->at = at;
	r->end = IS_WATCHED || !r->chunk ? at : end_of(r->chunk);
	r->quick = quick ? r->chunk : ERR_PTR(-EINVAL);
}

/* [@from, @to) is nobody's any more. */
static void take_back(char *from, char *to)
{
	gs_piece_show(from, to - from);
	if (IS_DEBUG)
		memset(from, POISON_FREE, to - from);
	else if (want_init_on_alloc(0) || want_init_on_free())
		memset(from, 0, to - from);
	gs_piece_hide(from, to - from);
}

/* [@p, @p + @size), which was nobody's, goes to a user. */
static void *hand_out(char *p, size_t size, gfp_t gfp, unsigned long site)
{
	gs_piece_show(p, size);
	if (IS_DEBUG && memchr_inv(p, POISON_FREE, size))
		gs_report_at(GS_BUG_REGION_WRITTEN, "region", p, site);
	if ((gfp & __GFP_ZERO) || (IS_DEBUG && want_init_on_alloc(gfp)))
		memset(p, 0, size);
	return p;
}

/* A new object becomes a chunk of which nothing is used. */
static void init_chunk(struct goslab_region_chunk *c, size_t bytes)
{
	c->size = bytes;
	/* An object of malloc is zero already, if anything wants it to be. */
	if (IS_DEBUG)
		memset(start_of(c), POISON_FREE, end_of(c) - start_of(c));
	gs_piece_hide(start_of(c), end_of(c) - start_of(c));
}

static void free_chunk(struct goslab_region_chunk *c)
{
	gs_piece_show(start_of(c), end_of(c) - start_of(c));
	goslab_free(c);
}

/* Bytes of a chunk in which a piece has room whatever 8 bytes it begins at. */
static size_t bytes_for(size_t size, size_t align)
{
	return sizeof(struct goslab_region_chunk) + gs_piece_room(size, align);
}

/* A piece off the newest chunk; NULL if it does not fit. */
static char *cut(struct goslab_region *r, size_t size, size_t align)
{
	char *end = r->chunk ? end_of(r->chunk) : NULL;
	char *p = PTR_ALIGN(r->at, align);

	if (!end || p + GS_PIECE_REDZONE > end ||
	    size > end - p - GS_PIECE_REDZONE)
		return NULL;
	move_to(r, p + ALIGN(size, GOSLAB_REGION_ALIGN) + GS_PIECE_REDZONE);
	return p;
}

/* @c is the newest chunk from now on. */
static void push_chunk(struct goslab_region *r, struct goslab_region_chunk *c)
{
	if (r->chunk)
		r->chunk->used = r->at - (char *)r->chunk;
	c->prev = r->chunk;
	r->chunk = c;
	move_to(r, start_of(c));
}

/* A new chunk, with room for @least bytes of it. */
static bool add_chunk(struct goslab_region *r, size_t least, gfp_t gfp,
		      unsigned long site)
{
	struct goslab_region_chunk *c = r->spare;
	size_t want = max_t(size_t, max(r->next_size, MIN_CHUNK), least);

	if (c && c->size >= least) {
		r->spare = NULL;
		push_chunk(r, c);
		return true;
	}
	c = gs_piece_try_chunk(r->heap, want, gfp, r->owner, site);
	if (c) {
		r->next_size = min_t(size_t, 2 * want, MAX_CHUNK);
	} else {
		want = least;
		c = gs_piece_chunk(r->heap, want, gfp, r->owner, site);
	}
	if (!c)
		return false;
	init_chunk(c, want);
	push_chunk(r, c);
	return true;
}

/* A chunk for one piece of @size; the newest chunk stays what it is. */
static char *alloc_large(struct goslab_region *r, size_t size, size_t align,
			 gfp_t gfp, unsigned long site)
{
	size_t bytes = bytes_for(size, align);
	struct goslab_region_chunk *c;

	c = gs_piece_chunk(r->heap, bytes, gfp, r->owner, site);
	if (!c)
		return NULL;
	init_chunk(c, bytes);
	c->prev = r->large;
	r->large = c;
	return PTR_ALIGN(start_of(c), align);
}

/* As __goslab_region_alloc(); reports name @site. */
static void *alloc_at(struct goslab_region *r, size_t size, size_t align,
		      gfp_t gfp, unsigned long site)
{
	size_t least;
	char *p;

	if (!is_power_of_2(align) || align > GOSLAB_MAX_ALIGN) {
		gs_report_at(GS_BUG_BAD_ALIGN, "region", NULL, site);
		return NULL;
	}
	if (!size)
		return ZERO_SIZE_PTR;
	if (gs_gfp_refused(gfp, site) || (r->heap && gs_heap_dead(r->heap, site)) ||
	    !enter(r, site))
		return NULL;
	least = bytes_for(size, align);
	p = cut(r, size, align);
	if (!p && least > MAX_SHARED)
		p = alloc_large(r, size, align, gfp, site);
	else if (!p && add_chunk(r, least, gfp, site))
		p = cut(r, size, align);
	leave(r);
	return p ? hand_out(p, size, gfp, site) : NULL;
}

void *__goslab_region_alloc(struct goslab_region *r, size_t size, size_t align,
			    gfp_t gfp)
{
	return alloc_at(r, size, align, gfp, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_region_alloc);

/* The piece of a chunk that is freed as the last large one is; that calls it. */
struct region_action {
	void (*fn)(void *arg);
	void *arg;
};

static void call_action(void *chunk, void *unused)
{
	const struct region_action *a = (void *)start_of(chunk);

	a->fn(a->arg);
}

static int add_action(struct goslab_region *r, const struct region_action *action, gfp_t gfp,
		      unsigned long site)
{
	char *p = alloc_large(r, sizeof(*action), GOSLAB_REGION_ALIGN, gfp, site);
	struct goslab_region_chunk *c = r->large;
	int ret;

	if (!p)
		return -ENOMEM;
	*(struct region_action *)hand_out(p, sizeof(*action), gfp, site) = *action;
	ret = goslab_action_add(c, call_action, NULL, gfp);
	if (ret) {
		r->large = c->prev;
		free_chunk(c);
	}
	return ret;
}

int goslab_region_action_add(struct goslab_region *r, void (*fn)(void *arg), void *arg,
			     gfp_t gfp)
{
	const struct region_action action = { fn, arg };
	int ret;

	if (gs_gfp_refused(gfp, _RET_IP_) || (r->heap && gs_heap_dead(r->heap, _RET_IP_)) ||
	    !enter(r, _RET_IP_))
		return -EINVAL;
	ret = add_action(r, &action, gfp, _RET_IP_);
	leave(r);
	return ret;
}
EXPORT_SYMBOL_GPL(goslab_region_action_add);

static bool is_among(const struct goslab_region_chunk *c,
		     const struct goslab_region_chunk *newest)
{
	while (newest != c && newest)
		newest = newest->prev;
	return newest == c;
}

/* Can @mark be a state that @r had since the last one restored? */
static bool mark_ok(const struct goslab_region *r,
		    const struct goslab_region_mark *mark)
{
	const struct goslab_region_chunk *c = mark->chunk;

	if (!is_among(c, r->chunk) || !is_among(mark->large, r->large))
		return false;
	if (c == r->chunk)
		return mark->at <= r->at;
	return !c || mark->at <= (char *)c + c->used;
}

/* Of two chunks the larger one is kept. */
static void keep_or_free(struct goslab_region *r, struct goslab_region_chunk *c,
			 char *at)
{
	if (r->spare && r->spare->size >= c->size) {
		free_chunk(c);
		return;
	}
	if (r->spare)
		free_chunk(r->spare);
	take_back(start_of(c), at);
	r->spare = c;
}

/*
 * Free what came after @mark. The loops end at what mark_ok() has found. If no chunk
 * is left the one that is kept becomes the first, so that the next piece is cut inline.
 */
static void pop(struct goslab_region *r, const struct goslab_region_mark *mark)
{
	struct goslab_region_chunk *c;

	while (r->large != mark->large) {
		c = r->large;
		r->large = c->prev;
		free_chunk(c);
	}
	while (r->chunk != mark->chunk) {
		char *at = r->at;

		c = r->chunk;
		r->chunk = c->prev;
		r->at = r->chunk ? (char *)r->chunk + r->chunk->used : NULL;
		keep_or_free(r, c, at);
	}
	if (r->chunk) {
		take_back(mark->at, r->at);
		move_to(r, mark->at);
	} else if (r->spare) {
		c = r->spare;
		r->spare = NULL;
		push_chunk(r, c);
	}
}

void __goslab_region_restore(struct goslab_region *r,
			     struct goslab_region_mark mark)
{
	if (!enter(r, _RET_IP_))
		return;
	if (mark_ok(r, &mark))
		pop(r, &mark);
	else
		gs_report_at(GS_BUG_BAD_MARK, "region", r, _RET_IP_);
	leave(r);
}
EXPORT_SYMBOL_GPL(__goslab_region_restore);

void goslab_region_destroy(struct goslab_region *r)
{
	static const struct goslab_region_mark none;

	if (!enter(r, _RET_IP_))
		return;
	pop(r, &none);
	if (r->chunk)
		free_chunk(r->chunk);
	r->chunk = NULL;
	move_to(r, NULL);
	r->next_size = 0;
	leave(r);
}
EXPORT_SYMBOL_GPL(goslab_region_destroy);

static __printf(4, 0) char *vasprintf_at(struct goslab_region *r, gfp_t gfp,
					 unsigned long site, const char *fmt,
					 va_list args)
{
	va_list copy;
	int len;
	char *s;

	va_copy(copy, args);
	len = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	s = alloc_at(r, len + 1UL, GOSLAB_REGION_ALIGN, gfp, site);
	if (s)
		vsnprintf(s, len + 1UL, fmt, args);
	return s;
}

char *goslab_region_vasprintf(struct goslab_region *r, gfp_t gfp,
			      const char *fmt, va_list args)
{
	return vasprintf_at(r, gfp, _RET_IP_, fmt, args);
}
EXPORT_SYMBOL_GPL(goslab_region_vasprintf);

char *goslab_region_asprintf(struct goslab_region *r, gfp_t gfp,
			     const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = vasprintf_at(r, gfp, _RET_IP_, fmt, args);
	va_end(args);
	return s;
}
EXPORT_SYMBOL_GPL(goslab_region_asprintf);
