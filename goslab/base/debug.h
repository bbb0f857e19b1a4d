/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Checks of debug builds and the hooks of the KUnit build.
 *
 * GS_CHECK() is an O(1) check that a debug build makes and reports as broken
 * metadata; the O(n) checks are the gs_<unit>_verify() functions.
 */
#ifndef GS_BASE_DEBUG_H
#define GS_BASE_DEBUG_H

#include <linux/bug.h>
#include <linux/export.h>
#include <linux/gfp_types.h>
#include <linux/lockdep.h>
#include <linux/percpu.h>
#include <linux/spinlock.h>

#ifdef CONFIG_GOSLAB_DEBUG
#define GS_CHECK(cond)	WARN_ONCE(!(cond), "goslab: check failed: %s\n", #cond)
#else
#define GS_CHECK(cond)	((void)sizeof(!!(cond)))
#endif

/*
 * I6: no lock is taken while this CPU's mcache is entered. Every spinlock of
 * goslab is taken through these two, always with interrupts off.
 */
#ifdef CONFIG_GOSLAB_DEBUG
DECLARE_PER_CPU(int, gs_entered);
static inline void gs_debug_enter(void)
{
	__this_cpu_inc(gs_entered);
}

static inline void gs_debug_leave(void)
{
	__this_cpu_dec(gs_entered);
}

void gs_debug_lock(void);
#else
static inline void gs_debug_enter(void) { }
static inline void gs_debug_leave(void) { }
static inline void gs_debug_lock(void) { }
#endif

#define gs_lock(lock, flags)						\
do {									\
	gs_debug_lock();						\
	spin_lock_irqsave(lock, flags);					\
} while (0)

#define gs_unlock(lock, flags)	spin_unlock_irqrestore(lock, flags)

/*
 * Points where a test may run code, to force a race instead of waiting for it.
 * The type of the argument is in the comment of each point.
 */
enum gs_hook_point {
	GS_HOOK_SYS_DRAW,	/* struct gs_draw *: a draw to come */
	GS_HOOK_SYS_DRAWN,	/* struct gs_drawn *: pages just drawn */
	GS_HOOK_REFILL_LEFT,	/* struct gs_class *: lock dropped, not entered */
	GS_HOOK_ENTERED,	/* struct gs_slot *: busy is set */
	GS_HOOK_FRAG_ENTERED,	/* NULL: this CPU is about to cut a fragment */
	GS_HOOK_PAGES_ENTERED,	/* struct gs_page_cache *: busy is set */
	GS_HOOK_DRAIN_POSTED,	/* int *: the CPU that a drain is posted to */
	GS_HOOK_DRAIN_LEFT,	/* struct gs_class *: batch taken, no lock yet */
	GS_HOOK_DRAIN_ENDING,	/* struct gs_class *: it ends, nothing posted yet */
	GS_HOOK_DRAIN_ENDED,	/* struct gs_class *: its slots have ended */
	GS_HOOK_DRAIN_WAITED,	/* struct gs_class *: and a grace period as well */
	GS_HOOK_TRANSFER_LEFT,	/* struct gs_class *: batch taken out of a cache */
	GS_HOOK_TINY_OPEN,	/* void *: a tiny object just cut, block open */
	GS_HOOK_NOLOCK_ASK,	/* NULL: a work is about to be asked for */
	GS_HOOK_PARKED_WALK,	/* NULL: the slots of all CPUs are to be looked at */
	GS_HOOK_OTHER_DRAW,	/* u64 *: the same of vmalloc() or a devres */
	GS_HOOK_GC_MARKS,	/* NULL: users note what they store, no root was read */
	GS_HOOK_GC_MARKED,	/* NULL: all was marked once, users are not stopped */
	GS_NR_HOOKS,
};

/* For GS_HOOK_SYS_DRAW: what will be asked for. The test may change it. */
struct gs_draw {
	u64 bytes;	/* 0 to fail the draw */
	int node;
	gfp_t gfp;
	bool meta;
};

/* For GS_HOOK_SYS_DRAWN: what was drawn, and how it was asked for. */
struct gs_drawn {
	struct page *page;
	unsigned int order;
	gfp_t gfp;
	bool meta;
};

#ifdef CONFIG_GOSLAB_KUNIT
typedef void (*gs_hook_fn)(enum gs_hook_point point, void *arg);
extern gs_hook_fn gs_hooks[GS_NR_HOOKS];

static inline void gs_hook(enum gs_hook_point point, void *arg)
{
	gs_hook_fn fn = READ_ONCE(gs_hooks[point]);

	if (unlikely(fn))
		fn(point, arg);
}

bool gs_load_fails(void);
void gs_load_done(void);
extern unsigned int gs_most_steps;

/* A hold of a lock did @n steps; the most of all is there for tests. */
static inline void gs_count_steps(unsigned int n)
{
	if (n > READ_ONCE(gs_most_steps))
		WRITE_ONCE(gs_most_steps, n);
}

#define GS_EXPORT_KUNIT(sym)	EXPORT_SYMBOL_GPL(sym)
#else
static inline void gs_hook(enum gs_hook_point point, void *arg) { }
/* Is it this step of loading that a test wants to fail? */
static inline bool gs_load_fails(void)
{
	return false;
}

static inline void gs_load_done(void) { }
static inline void gs_count_steps(unsigned int n) { }
#define GS_EXPORT_KUNIT(sym)
#endif

#endif /* GS_BASE_DEBUG_H */
