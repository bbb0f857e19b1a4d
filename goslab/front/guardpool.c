// SPDX-License-Identifier: GPL-2.0
/*
 * guardpool: the slots of guarded objects.
 *
 * A slot is a page, mapped by vmap() while an object may be on it. Nothing is mapped
 * behind it: the kernel leaves a page free after each area. When its object was freed
 * the slot is unmapped, and the kernel does not give its address to anybody before it
 * flushes the TLBs, which it does after tens of megabytes of such areas. Slots are used
 * again in the order in which they were unmapped, so each stays unmapped as long as
 * possible. Its page belongs to the slot all the time: what an access through an old
 * entry of a TLB changes is the poison of that page, and it is found when the slot
 * is used again. (TCMalloc: GuardedPageAllocator.)
 *
 * vmap() and vunmap() sleep. So a worker maps slots in advance, a quarter of them, and
 * unmaps those whose objects were freed; allocations and frees only take and queue.
 *
 * Owner:      one pool for the module, made when guard_rate is first set.
 * Lock:       pool_mutex, sleeping: making the pool, mapping and unmapping, the idle
 *             slots. ready_lock, a leaf: the ready slots. Freed slots are on a list
 *             without a lock.
 * Lifetime:   from gs_guard_set_rate() to gs_guard_exit().
 * Context:    gs_guard_put(): any. gs_guard_get(): any but NMI. The others: task.
 * Invariants: G1, see guard.c.
 * Memory:     a page and some 300 bytes for each slot; none while guard_rate was
 *             never set.
 * Tests:      kunit/guard_kunit.c
 */
#include <linux/export.h>
#include <linux/irq_work.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/string.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>

#include "base/debug.h"
#include "base/sys.h"
#include "base/worker.h"
#include "front/guard.h"

/* One in so many slots is mapped in advance. */
#define READY_SHARE	4

unsigned long gs_guard_rate;
GS_EXPORT_KUNIT(gs_guard_rate);
bool gs_guard_all;
GS_EXPORT_KUNIT(gs_guard_all);
unsigned int gs_guard_slots = 64;
unsigned long gs_guard_low = ULONG_MAX;
GS_EXPORT_KUNIT(gs_guard_low);
unsigned long gs_guard_high;
GS_EXPORT_KUNIT(gs_guard_high);

static DEFINE_MUTEX(pool_mutex);
static struct gs_guard *slots;
static unsigned int nr_slots;
static bool usable;

static DEFINE_SPINLOCK(ready_lock);
static LIST_HEAD(ready);
static unsigned int nr_ready;

static LIST_HEAD(idle);
static LLIST_HEAD(freed);

static atomic_long_t nr_objects = ATOMIC_LONG_INIT(0);
static atomic_long_t nr_refused = ATOMIC_LONG_INIT(0);
static unsigned long nr_unmapped;

static void serve(struct work_struct *unused)
{
	gs_guard_serve();
}
static DECLARE_WORK(work, serve);

static void serve_soon(struct irq_work *unused)
{
	gs_worker_try_queue(&work);
}
static DEFINE_IRQ_WORK(irq, serve_soon);

/* Slot @i, or NULL past the last one. */
struct gs_guard *gs_guard_slot(unsigned int i)
{
	/* Pairs with make_pool(). */
	return i < smp_load_acquire(&nr_slots) ? &slots[i] : NULL;
}
GS_EXPORT_KUNIT(gs_guard_slot);

static unsigned int goal(void)
{
	return max(nr_slots / READY_SHARE, 1U);
}

/* A slot that is mapped, for one object; NULL if none is ready. */
struct gs_guard *gs_guard_get(void)
{
	struct gs_guard *g;
	unsigned long flags;

	gs_lock(&ready_lock, flags);
	g = list_first_entry_or_null(&ready, struct gs_guard, link);
	if (g) {
		list_del(&g->link);
		nr_ready--;
	}
	gs_unlock(&ready_lock, flags);
	atomic_long_inc(g ? &nr_objects : &nr_refused);
	gs_worker_try_queue(&work);
	return g;
}

/* The object of @g, which is GS_GUARD_FREED, has gone: unmap it soon. */
void gs_guard_put(struct gs_guard *g)
{
	llist_add(&g->freed, &freed);
	irq_work_queue(&irq);
}

static void *map_page(struct page *page)
{
	u64 bytes = PAGE_SIZE;

	gs_hook(GS_HOOK_OTHER_DRAW, &bytes);
	return bytes ? vmap(&page, 1, VM_MAP, PAGE_KERNEL) : NULL;
}

/* The kernel has given the address of @g anew: it is no other slot's any more. */
static void forget_address(const struct gs_guard *g)
{
	unsigned int i;

	for (i = 0; i < nr_slots; i++)
		if (&slots[i] != g && slots[i].at == g->at)
			WRITE_ONCE(slots[i].at, 0);
}

static bool make_ready(struct gs_guard *g)
{
	void *at = map_page(virt_to_page(g->page));
	unsigned long flags;

	if (!at)
		return false;
	if (g->object)
		gs_guard_check_freed(g);
	memset(g->page, GS_GUARD_CANARY, PAGE_SIZE);
	g->object = NULL;
	WRITE_ONCE(g->at, (unsigned long)at);
	forget_address(g);
	WRITE_ONCE(gs_guard_low, min(gs_guard_low, g->at));
	WRITE_ONCE(gs_guard_high, max(gs_guard_high, g->at + PAGE_SIZE));
	WRITE_ONCE(g->state, GS_GUARD_READY);
	list_del(&g->link);
	gs_lock(&ready_lock, flags);
	list_add_tail(&g->link, &ready);
	nr_ready++;
	gs_unlock(&ready_lock, flags);
	return true;
}

static void take_down(void)
{
	struct llist_node *list = llist_reverse_order(llist_del_all(&freed));
	struct gs_guard *g, *next;

	llist_for_each_entry_safe(g, next, list, freed) {
		vunmap((void *)g->at);
		gs_guard_check_freed(g);
		smp_store_release(&g->state, GS_GUARD_IDLE);
		list_add_tail(&g->link, &idle);
	}
}

/**
 * gs_guard_serve() - unmap what was freed, and map slots in advance.
 *
 * If no slot can be mapped, the next allocation or free asks again.
 *
 * Context: task; sleeps.
 */
void gs_guard_serve(void)
{
	mutex_lock(&pool_mutex);
	take_down();
	while (READ_ONCE(nr_ready) < goal() && !list_empty(&idle)) {
		if (make_ready(list_first_entry(&idle, struct gs_guard, link)))
			continue;
		nr_unmapped++;
		break;
	}
	mutex_unlock(&pool_mutex);
}
GS_EXPORT_KUNIT(gs_guard_serve);

static size_t table_bytes(void)
{
	return gs_guard_slots * sizeof(*slots);
}

static void give_pages(unsigned int n)
{
	while (n--)
		gs_sys_give_meta(slots[n].page, PAGE_SIZE);
	gs_sys_give_meta(slots, table_bytes());
	slots = NULL;
}

/* Under pool_mutex. All slots, or none. */
static int make_pool(void)
{
	unsigned int i;

	gs_guard_slots = clamp(gs_guard_slots, 1U, GS_GUARD_SLOTS_MOST + 0U);
	slots = gs_sys_draw_meta(table_bytes(), NUMA_NO_NODE, GFP_KERNEL);
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < gs_guard_slots; i++) {
		slots[i].page = gs_sys_draw_meta(PAGE_SIZE, NUMA_NO_NODE, GFP_KERNEL);
		if (!slots[i].page) {
			give_pages(i);
			return -ENOMEM;
		}
	}
	for (i = 0; i < gs_guard_slots; i++)
		list_add_tail(&slots[i].link, &idle);
	/* Pairs with gs_guard_slot(). */
	smp_store_release(&nr_slots, gs_guard_slots);
	return 0;
}

/**
 * gs_guard_set_rate() - guard one sampled object in @rate from here on.
 * @rate: 0 for none.
 *
 * What is guarded stays so until it is freed. The slots stay until unload.
 *
 * Context: task; sleeps.
 * Return: 0; -ENOMEM; -EOPNOTSUPP with KASAN or kmemleak in the kernel.
 */
int gs_guard_set_rate(unsigned long rate)
{
	int ret = 0;

	if (rate && !GS_GUARD_ENABLED)
		return -EOPNOTSUPP;
	mutex_lock(&pool_mutex);
	/* A parameter may be set before the module is ready. */
	if (rate && usable && !slots)
		ret = make_pool();
	if (!ret)
		WRITE_ONCE(gs_guard_rate, rate);
	mutex_unlock(&pool_mutex);
	if (!ret && rate && usable)
		gs_guard_serve();
	return ret;
}
GS_EXPORT_KUNIT(gs_guard_set_rate);

struct gs_guard_counts gs_guard_read(void)
{
	return (struct gs_guard_counts) {
		.nr_slots = READ_ONCE(nr_slots), .nr_ready = READ_ONCE(nr_ready),
		.nr_objects = atomic_long_read(&nr_objects),
		.nr_refused = atomic_long_read(&nr_refused),
		.nr_unmapped = READ_ONCE(nr_unmapped),
	};
}
GS_EXPORT_KUNIT(gs_guard_read);

/* The worker is there: make the pool if the rate was set by then. */
int gs_guard_init(void)
{
	usable = true;
	return gs_guard_set_rate(gs_guard_rate);
}

/* No client is left, and the worker is about to end. */
void gs_guard_stop(void)
{
	mutex_lock(&pool_mutex);
	usable = false;
	WRITE_ONCE(gs_guard_rate, 0);
	mutex_unlock(&pool_mutex);
	irq_work_sync(&irq);
}

/*
 * After the worker. Objects that clients left are unmapped, too: unlike the page of
 * an ordinary object theirs cannot be reached by then, so that it can be given back.
 */
void gs_guard_exit(void)
{
	unsigned int i;

	for (i = 0; i < nr_slots; i++)
		if (slots[i].state != GS_GUARD_IDLE)
			vunmap((void *)slots[i].at);
	if (nr_slots)
		vm_unmap_aliases();
	if (nr_slots)
		give_pages(nr_slots);
}
