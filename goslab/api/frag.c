// SPDX-License-Identifier: GPL-2.0
/*
 * frag: fragments of chunks that each CPU cuts for itself.
 *
 * A chunk is an object of malloc or of a heap and counts its fragments. The CPU
 * that cuts it holds a large share of the count in advance and only notes, without
 * an atomic operation, how many fragments it has handed out. When it leaves the
 * chunk it gives back what is left of its share. Who brings the count to 0 frees
 * the chunk. A free is thus independent of the CPU and of the cache.
 *
 * Flow:       callers -> [frag] -> api/malloc.c, api/heap.c for chunks
 * Owner:      the user of the cache; a chunk is its fragments'.
 * Lock:       none. The flag of a CPU is set while its chunk is cut, with
 *             preemption off, as in an mcache; who interrupts that gets a chunk for
 *             its fragment alone.
 * Context:    any but NMI; create and destroy: task.
 * Invariants: refs = fragments + (SHARE - handed out while a CPU cuts the chunk).
 *             at and end are multiples of 8. A fragment follows its head.
 * Tests:      kunit/fragment_kunit.c
 */
#include <linux/atomic.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/percpu.h>
#include <linux/sizes.h>
#include <linux/string.h>

#include "api/api.h"
#include "api/piece.h"
#include "back/arena.h"
#include "back/mheap.h"
#include "base/busy.h"
#include "base/report.h"
#include "front/hooks.h"

/* Chunks grow from the one to the other, each twice as large as the last. */
#define MIN_CHUNK	SZ_4K
#define MAX_CHUNK	SZ_32K

/* Larger fragments have a chunk of their own. */
#define MAX_SHARED	(MAX_CHUNK / 4)

/* More than a chunk can have fragments. */
#define SHARE		MAX_CHUNK

#define CHUNK_MAGIC	0x66726763U
#define LIVE		0x6c76
#define FREED		0x6672

/**
 * struct chunk - head of a chunk.
 * @magic: CHUNK_MAGIC.
 * @size: bytes, with this head; a multiple of 8.
 * @refs: see above.
 * @unused: the first fragment is aligned to 8 bytes.
 */
struct chunk {
	u32 magic;
	u32 size;
	atomic_t refs;
	u32 unused;
};

/**
 * struct head - what comes before each fragment.
 * @size: its bytes.
 * @offset: its distance from the chunk, in units of 8 bytes.
 * @state: LIVE or FREED.
 */
struct head {
	u32 size;
	u16 offset;
	u16 state;
};
static_assert(sizeof(struct head) == sizeof(unsigned long));
static_assert((sizeof(struct chunk) + sizeof(struct head) + GOSLAB_MAX_ALIGN) / 8 <= U16_MAX &&
	      MAX_CHUNK / 8 <= U16_MAX);

/**
 * struct cutter - what one CPU cuts.
 * @at: end of the last fragment.
 * @end: end of the chunk.
 * @chunk: the chunk, or NULL.
 * @handed: fragments of it handed out.
 * @next_size: bytes of the next chunk; 0 for the least.
 * @busy: see base/busy.h.
 */
struct cutter {
	char *at;
	char *end;
	struct chunk *chunk;
	unsigned int handed;
	unsigned int next_size;
	u8 busy;
};

struct goslab_frag_cache {
	struct cutter __percpu *cutters;
	struct goslab_heap *heap;
	struct goslab_owner *owner;
};

static char *start_of(struct chunk *c)
{
	return (char *)(c + 1);
}

/* Bytes of a chunk in which a fragment has room whatever 8 bytes it begins at. */
static size_t bytes_for(size_t size, size_t align)
{
	return sizeof(struct chunk) + sizeof(struct head) + gs_piece_room(size, align);
}

/* The fragment at @p of @c gets its head. */
static __always_inline char *begin(struct chunk *c, char *p, size_t size)
{
	struct head *head = (struct head *)p - 1;

	gs_piece_show((char *)head, sizeof(*head));
	gs_piece_show(p, size);
	*head = (struct head){
		.size = size, .offset = (p - (char *)c) / GOSLAB_FRAG_ALIGN,
		.state = LIVE,
	};
	return p;
}

/* A fragment off the chunk of @f; NULL if it does not fit, or there is none. */
static __always_inline char *cut(struct cutter *f, size_t size, size_t align)
{
	char *p = PTR_ALIGN(f->at + sizeof(struct head), align);

	if (unlikely(p + GS_PIECE_REDZONE > f->end ||
		     size > f->end - p - GS_PIECE_REDZONE))
		return NULL;
	f->at = p + ALIGN(size, GOSLAB_FRAG_ALIGN) + GS_PIECE_REDZONE;
	f->handed++;
	return begin(f->chunk, p, size);
}

/* Have @f cut @c from the beginning. */
static void start(struct cutter *f, struct chunk *c)
{
	atomic_set(&c->refs, SHARE);
	f->chunk = c;
	f->at = start_of(c);
	f->end = (char *)c + c->size;
	f->handed = 0;
}

/* If all fragments of the chunk of @f were freed: cut it once more. */
static bool rewind(struct cutter *f, size_t least)
{
	/* Acquire: who freed a fragment has done with it. */
	if (!f->chunk || f->chunk->size < least ||
	    atomic_read_acquire(&f->chunk->refs) != SHARE - f->handed)
		return false;
	start(f, f->chunk);
	return true;
}

static void free_chunk(struct chunk *c)
{
	gs_piece_show(start_of(c), c->size - sizeof(*c));
	c->magic = 0;
	goslab_free(c);
}

/* @f leaves its chunk, if it has one. */
static void leave_chunk(struct cutter *f)
{
	struct chunk *c = f->chunk;

	f->chunk = NULL;
	if (c && atomic_sub_and_test(SHARE - f->handed, &c->refs))
		free_chunk(c);
}

/* A new object becomes a chunk. */
static void init_chunk(struct chunk *c, size_t bytes)
{
	c->magic = CHUNK_MAGIC;
	c->size = bytes;
	gs_piece_hide(start_of(c), bytes - sizeof(*c));
}

/* A fragment with a chunk of its own, that nobody cuts. */
static char *alloc_alone(struct goslab_frag_cache *cache, size_t size, size_t align,
			 gfp_t gfp, unsigned long site)
{
	size_t bytes = bytes_for(size, align);
	struct chunk *c = gs_piece_chunk(cache->heap, bytes, gfp, cache->owner, site);

	if (!c)
		return NULL;
	init_chunk(c, bytes);
	atomic_set(&c->refs, 1);
	return begin(c, PTR_ALIGN(start_of(c) + sizeof(struct head), align), size);
}

/* This CPU cuts what @f cuts from now on, and @f what the CPU did, if it can. */
static void install(struct goslab_frag_cache *cache, struct cutter *f)
{
	struct cutter *mine, old;

	preempt_disable();
	mine = this_cpu_ptr(cache->cutters);
	if (gs_busy_enter(&mine->busy)) {
		old = *mine;
		mine->at = f->at;
		mine->end = f->end;
		mine->chunk = f->chunk;
		mine->handed = f->handed;
		mine->next_size = f->next_size;
		*f = old;
		gs_busy_leave(&mine->busy);
	}
	preempt_enable();
}

/* A fragment off a new chunk, which this CPU, whichever it is by then, cuts next. */
static char *alloc_new(struct goslab_frag_cache *cache, size_t size, size_t align,
		       gfp_t gfp, unsigned long site)
{
	size_t next = max_t(size_t, this_cpu_read(cache->cutters->next_size), MIN_CHUNK);
	size_t want = max(next, bytes_for(size, align));
	struct cutter f = { .next_size = min_t(size_t, 2 * want, MAX_CHUNK) };
	struct chunk *c;
	char *p;

	c = gs_piece_try_chunk(cache->heap, want, gfp, cache->owner, site);
	if (!c)
		return alloc_alone(cache, size, align, gfp, site);
	init_chunk(c, want);
	start(&f, c);
	p = cut(&f, size, align);
	install(cache, &f);
	leave_chunk(&f);
	return p;
}

/* A fragment of the chunk that this CPU cuts, or NULL. */
static __always_inline char *alloc_here(struct goslab_frag_cache *cache, size_t size,
					size_t align)
{
	struct cutter *f;
	char *p = NULL;

	preempt_disable();
	f = this_cpu_ptr(cache->cutters);
	if (likely(gs_busy_enter(&f->busy))) {
		gs_hook(GS_HOOK_FRAG_ENTERED, NULL);
		p = cut(f, size, align);
		gs_busy_leave(&f->busy);
	}
	preempt_enable();
	return p;
}

/* The same once more, from the beginning of the chunk if it is free by now. */
static char *alloc_again(struct goslab_frag_cache *cache, size_t size, size_t align,
			 bool *busy)
{
	struct cutter *f;
	char *p = NULL;

	preempt_disable();
	f = this_cpu_ptr(cache->cutters);
	*busy = !gs_busy_enter(&f->busy);
	if (!*busy) {
		p = cut(f, size, align);
		if (!p && rewind(f, bytes_for(size, align)))
			p = cut(f, size, align);
		gs_busy_leave(&f->busy);
	}
	preempt_enable();
	return p;
}

/* The memory at @p goes to a user. */
static __always_inline void *hand_out(char *p, size_t size, gfp_t gfp)
{
	return want_init_on_alloc(gfp) ? memset(p, 0, size) : p;
}

/* All of an allocation that is not for the hot path. */
static noinline void *alloc_slow(struct goslab_frag_cache *cache, size_t size,
				 size_t align, gfp_t gfp, unsigned long site)
{
	bool busy;
	char *p;

	if (!is_power_of_2(align) || align > GOSLAB_MAX_ALIGN) {
		gs_report_at(GS_BUG_BAD_ALIGN, "fragments", NULL, site);
		return NULL;
	}
	if (!size)
		return ZERO_SIZE_PTR;
	if (gs_gfp_refused(gfp, site) ||
	    (cache->heap && gs_heap_dead(cache->heap, site)))
		return NULL;
	align = max_t(size_t, align, GOSLAB_FRAG_ALIGN);
	p = alloc_again(cache, size, align, &busy);
	if (!p && (busy || bytes_for(size, align) > MAX_SHARED))
		p = alloc_alone(cache, size, align, gfp, site);
	else if (!p)
		p = alloc_new(cache, size, align, gfp, site);
	return p ? hand_out(p, size, gfp) : NULL;
}

void *goslab_frag_alloc_aligned(struct goslab_frag_cache *cache, size_t size,
				size_t align, gfp_t gfp)
{
	char *p;

	if (unlikely(size - 1 >= MAX_SHARED || !is_power_of_2(align) ||
		     align > GOSLAB_MAX_ALIGN || (gfp & GS_GFP_REFUSED)))
		return alloc_slow(cache, size, align, gfp, _RET_IP_);
	p = alloc_here(cache, size, max_t(size_t, align, GOSLAB_FRAG_ALIGN));
	if (unlikely(!p))
		return alloc_slow(cache, size, align, gfp, _RET_IP_);
	return hand_out(p, size, gfp);
}
EXPORT_SYMBOL_GPL(goslab_frag_alloc_aligned);

/*
 * What the head before @p says, if @p may be a fragment in @s: there are objects, and
 * room for a head. KASAN may have hidden what is no head.
 */
static __always_inline struct head look(const struct mspan *s, const char *p)
{
	union {
		unsigned long word;
		struct head head;
	} was = { 0 };

	if (likely(gs_span_in_use(s) && gs_span_covers(s, p - sizeof(was)) &&
		   !((unsigned long)p % GOSLAB_FRAG_ALIGN)))
		was.word = READ_ONCE_NOCHECK(*(unsigned long *)(p - sizeof(was)));
	return was.head;
}

/* Does @p lie in a live object that begins as a chunk does? */
static bool in_chunk(const struct mspan *s, int i)
{
	const struct chunk *c = gs_span_object(s, i);

	return s->elemsize > sizeof(*c) && READ_ONCE(s->objects[i]) >= GS_LIVE_MIN &&
	       READ_ONCE(c->magic) == CHUNK_MAGIC;
}

/* What @p is, which is no live fragment; in an RCU section. */
static enum gs_report_kind what_is(const char *p)
{
	const struct mspan *s = gs_arena_look(p);
	int i = gs_span_in_use(s) ? gs_span_index_within(s, p) : -1;

	if (look(s, p).state == FREED)
		return GS_BUG_DOUBLE_FREE;
	/* Its chunk was freed, or the span of that, too. */
	if (i >= 0 ? READ_ONCE(s->objects[i]) < GS_LIVE_MIN : gs_mheap_is_free(p))
		return GS_BUG_DOUBLE_FREE;
	return i >= 0 && in_chunk(s, i) ? GS_BUG_INTERIOR_FREE : GS_BUG_FOREIGN_FREE;
}

static noinline void free_bad(const char *p, unsigned long site)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	rcu_read_lock();
	gs_report_at(what_is(p), "fragments", p, site);
	rcu_read_unlock();
}

void goslab_frag_free(const void *ptr)
{
	char *p = (char *)ptr;
	const struct mspan *s;
	struct head head;
	struct chunk *c;
	bool live;

	preempt_disable();
	s = gs_arena_look(p);
	head = look(s, p);
	c = (struct chunk *)(p - head.offset * GOSLAB_FRAG_ALIGN);
	/* What only looks like a head leads to no chunk. */
	live = head.state == LIVE && (unsigned long)c >= s->base &&
	       READ_ONCE(c->magic) == CHUNK_MAGIC;
	preempt_enable();
	if (unlikely(!live)) {
		free_bad(p, _RET_IP_);
		return;
	}
	if (want_init_on_free())
		memset(p, 0, head.size);
	gs_piece_hide(p, ALIGN((size_t)head.size, GOSLAB_FRAG_ALIGN));
	((struct head *)p - 1)->state = FREED;
	if (atomic_dec_and_test(&c->refs))
		free_chunk(c);
}
EXPORT_SYMBOL_GPL(goslab_frag_free);

struct goslab_frag_cache *__goslab_frag_cache_create(struct goslab_heap *heap,
						     struct goslab_owner *owner)
{
	struct goslab_frag_cache *cache;

	might_sleep();
	cache = gs_malloc_at(sizeof(*cache), GFP_KERNEL, NUMA_NO_NODE, owner, _RET_IP_);
	if (!cache)
		return NULL;
	cache->heap = heap;
	cache->owner = owner;
	cache->cutters = alloc_percpu(struct cutter);
	if (!cache->cutters) {
		goslab_free(cache);
		return NULL;
	}
	return cache;
}
EXPORT_SYMBOL_GPL(__goslab_frag_cache_create);

void goslab_frag_cache_destroy(struct goslab_frag_cache *cache)
{
	int cpu;

	might_sleep();
	if (!cache)
		return;
	for_each_possible_cpu(cpu)
		leave_chunk(per_cpu_ptr(cache->cutters, cpu));
	free_percpu(cache->cutters);
	goslab_free(cache);
}
EXPORT_SYMBOL_GPL(goslab_frag_cache_destroy);
