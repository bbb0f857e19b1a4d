/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_API_API_H
#define GS_API_API_H

#include "front/hooks.h"
#include "front/mcache.h"

struct goslab_heap;
struct goslab_owner;

/* api/malloc.c */
void *gs_malloc_at(size_t size, gfp_t gfp, int node, struct goslab_owner *owner,
		   unsigned long site) __alloc_size(1);
void *gs_malloc_noscan_at(size_t size, gfp_t gfp, struct goslab_owner *owner,
			  unsigned long site) __alloc_size(1);
void *gs_realloc_at(const void *p, size_t size, gfp_t gfp,
		    struct goslab_owner *owner, unsigned long site)
	__realloc_size(2);
size_t gs_size_of(const void *p);
void gs_free_unusual(void *p, unsigned long site);
void gs_free_bad(void *p, unsigned long site);
bool gs_node_refused(int node, unsigned long site);
bool gs_gfp_refused(gfp_t gfp, unsigned long site);
void *gs_malloc_unusual(struct goslab_heap *heap, size_t size, gfp_t gfp,
			int node, struct goslab_owner *owner,
			unsigned long site);

/* api/string.c */
__printf(4, 0) char *gs_vasprintf_at(struct goslab_owner *owner, gfp_t gfp,
				     unsigned long site, const char *fmt,
				     va_list args);

/* api/kv.c */
void *gs_kvmalloc_at(size_t size, gfp_t gfp, int node,
		     struct goslab_owner *owner, unsigned long site)
	__alloc_size(1);

/* api/free_rcu.c */
void gs_free_rcu_init(void);
void gs_free_pending(struct mspan *s, long i, unsigned long site);

/* api/nolock.c */
void gs_nolock_init(void);
void gs_nolock_flush(void);

/* api/guard.c; the first three see only addresses that are gs_guard_near(). */
bool gs_free_guarded(const struct gs_class *c, void *p, unsigned long site);
bool gs_free_guarded_nolock(void *p, unsigned long site);
bool gs_free_guarded_rcu(struct rcu_head *head, void *p, unsigned long site);
void gs_guard_barrier(void);

/* api/cache.c */
void gs_cache_init(void);
unsigned long gs_cache_exit(void);
bool gs_name_ok(const char *name, size_t room);

/* api/heap.c */
void gs_heap_end_all(void);
void *gs_heap_malloc_at(struct goslab_heap *h, size_t size, gfp_t gfp,
			struct goslab_owner *owner, unsigned long site);
bool gs_heap_dead(const struct goslab_heap *h, unsigned long site);

/* api/collect.c */
struct gs_collect *gs_collect_make(void);
void gs_collect_unmake(struct gs_collect *gc);

/* api/leaks.c */
void gs_leaks_init(void);
void gs_leaks_exit(void);

/* api/reclaim.c */
int gs_reclaim_init(void);
void gs_reclaim_exit(void);

void gs_free_hooked(struct mspan *s, void *p, u8 *state);

/* May memory be asked of @node, or of NUMA_NO_NODE? */
static inline bool gs_node_ok(int node)
{
	return node == NUMA_NO_NODE ||
	       (node >= 0 && node < nr_node_ids && node_online(node));
}

/* Give an object to this CPU's slot, or past it; its user is through. */
static inline void gs_put_object(struct mspan *s, void *p, u8 *state)
{
	if (!gs_mcache_free(s, p, state))
		gs_mcache_free_slow(s, p, state);
}

/*
 * Free object @i of @s, at @p, whose state says that it is live. Preemption is off, since
 * before @s was looked up, and on again afterwards.
 */
static __always_inline void gs_free_found(struct mspan *s, void *p, long i)
{
	if (unlikely(gs_hook_free_wanted()))
		gs_free_hooked(s, p, &s->objects[i]);
	else if (unlikely(!gs_mcache_free_here(s, p, &s->objects[i])))
		gs_mcache_free_slow(s, p, &s->objects[i]);
}

/* The same with preemption on: nobody else frees the object. */
static inline void gs_free_object(struct mspan *s, void *p, long i)
{
	preempt_disable();
	gs_free_found(s, p, i);
}

#endif /* GS_API_API_H */
