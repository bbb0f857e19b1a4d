// SPDX-License-Identifier: GPL-2.0
/*
 * heap: the classes of malloc once more, for one component, within a quota.
 *
 * Flow:       malloc of a heap -> mcache -> [its classes] -> mcentral, mheap
 * Owner:      the module that made it; the default heap is goslab's.
 * Lock:       gs_class_mutex for the list and the making. The bytes held are
 *             atomic: charged before pages are sought, so that no two CPUs
 *             together pass the quota.
 * Lifetime:   a descriptor keeps its type until unload, for a late free of an
 *             object may still look at its class.
 * Context:    charging: any but NMI. The others: task.
 * Invariants: held == bytes of the spans of its classes, and of the caches
 *             that draw from it, whenever no call is under way.
 * Tests:      kunit/heap_kunit.c
 */
#include "middle/heap.h"

#include <linux/kernel.h>
#include <linux/kmemleak.h>
#include <linux/string.h>

#include "base/sizeclass.h"
#include "base/sys.h"
#include "middle/special.h"

LIST_HEAD(gs_heap_list);
GS_EXPORT_KUNIT(gs_heap_list);

/* Ended heaps, to be made again. */
static LIST_HEAD(idle_heaps);

atomic_long_t gs_collections = ATOMIC_LONG_INIT(0);
atomic_long_t gs_objects_collected = ATOMIC_LONG_INIT(0);

struct goslab_heap gs_default_heap = {
	.magic = GS_HEAP_LIVE,
	.node = NUMA_NO_NODE,
	.shift = 1,
	.classes = gs_classes,
	.name = "default",
};

static size_t heap_bytes(void)
{
	return sizeof(struct goslab_heap) +
	       GS_NR_CLASSES * sizeof(struct gs_class);
}

static struct goslab_heap *take_idle(void)
{
	struct goslab_heap *h;

	h = list_first_entry_or_null(&idle_heaps, struct goslab_heap, link);
	if (h)
		list_del(&h->link);
	else
		h = gs_sys_draw_meta(heap_bytes(), NUMA_NO_NODE, GFP_KERNEL);
	return h;
}

static void end_class(struct gs_class *c)
{
	list_del(&c->link);
	gs_class_exit(c);
}

static int init_classes(struct goslab_heap *h, bool account)
{
	unsigned int cls;

	for (cls = 0; cls < GS_NR_CLASSES; cls++) {
		struct gs_class *c = &h->classes[cls];
		int ret;

		c->account = account;
		ret = gs_class_init_sized(c, cls, h->name);
		if (ret) {
			while (cls--)
				end_class(&h->classes[cls]);
			return ret;
		}
		c->heap = h;
	}
	return 0;
}

/**
 * gs_heap_make() - a heap with its classes, on no list yet.
 * @name: of it; fits GS_HEAP_NAME.
 * @account: charge spans to the memory cgroup.
 *
 * Under gs_class_mutex.
 *
 * Return: the heap, its classes without slots; or NULL without memory.
 */
struct goslab_heap *gs_heap_make(const char *name, bool account)
{
	struct goslab_heap *h = take_idle();

	if (!h)
		return NULL;
	memset(h, 0, heap_bytes());
	h->classes = (struct gs_class *)(h + 1);
	h->node = NUMA_NO_NODE;
	strscpy(h->name, name, sizeof(h->name));
	if (init_classes(h, account)) {
		list_add(&h->link, &idle_heaps);
		return NULL;
	}
	return h;
}

/* The end of a heap without spans and slots; under gs_class_mutex. */
void gs_heap_unmake(struct goslab_heap *h)
{
	unsigned int cls;

	for (cls = 0; cls < GS_NR_CLASSES; cls++)
		end_class(&h->classes[cls]);
	list_add(&h->link, &idle_heaps);
}

/* Give the descriptors of ended heaps back. */
void gs_heap_exit(void)
{
	struct goslab_heap *h, *next;

	list_for_each_entry_safe(h, next, &idle_heaps, link)
		gs_sys_give_meta(h, heap_bytes());
	INIT_LIST_HEAD(&idle_heaps);
}

/* What lives in @s dies with it. */
static void forget_objects(struct mspan *s)
{
	unsigned int i;

	if (IS_ENABLED(CONFIG_DEBUG_KMEMLEAK))
		for (i = 0; i < s->nelems; i++)
			if (s->objects[i] >= GS_LIVE_MIN)
				kmemleak_free(gs_span_object(s, i));
	kasan_poison((void *)s->base, gs_span_size(s), GS_KASAN_FREE, false);
	gs_span_spoil(s);
}

static void count_live(const struct mspan *s, struct gs_heap_left *left)
{
	unsigned int i;

	for (i = 0; i < s->nelems; i++) {
		if (s->objects[i] < GS_LIVE_MIN)
			continue;
		left->objects++;
		left->bytes += s->elemsize;
	}
}

static void free_all(struct mcentral *mc, struct gs_heap_left *left)
{
	struct mspan *s, *next;
	LIST_HEAD(gone);
	unsigned long flags;

	gs_lock(&mc->lock, flags);
	list_splice_init(&mc->partial, &gone);
	list_splice_init(&mc->full, &gone);
	mc->nr_spans = 0;
	mc->nr_objects = 0;
	gs_unlock(&mc->lock, flags);
	list_for_each_entry_safe(s, next, &gone, list) {
		if (left)
			count_live(s, left);
		forget_objects(s);
		gs_class_free_span(s);
		cond_resched();
	}
}

/**
 * gs_heap_free_spans() - free every span of a heap, whatever lives in it.
 * @h: the heap; gs_drain_classes() has emptied it, and nobody uses it.
 * @left: NULL, or what lives in it is added there.
 *
 * Time goes by spans, and by objects only if they are to be counted. Sleeps.
 */
void gs_heap_free_spans(struct goslab_heap *h, struct gs_heap_left *left)
{
	unsigned int cls;
	int node;

	gs_special_drop_heap(h);
	for (cls = 0; cls < GS_NR_CLASSES; cls++)
		for (node = 0; node < nr_node_ids; node++)
			free_all(gs_class_central(&h->classes[cls], node), left);
}

/*
 * Charge the heap before pages are sought. A charge that is refused is never in
 * the sum, so a large one that does not fit cannot make a small one fail.
 * Return: false if @bytes more would exceed the quota.
 */
bool gs_heap_charge(struct goslab_heap *h, size_t bytes)
{
	long held = atomic_long_read(&h->held);
	long peak = atomic_long_read(&h->peak);
	long now;

	do {
		now = held + bytes;
		if (h->quota && now > h->quota)
			return false;
	} while (!atomic_long_try_cmpxchg(&h->held, &held, now));
	while (now > peak && !atomic_long_try_cmpxchg(&h->peak, &peak, now))
		;
	return true;
}
GS_EXPORT_KUNIT(gs_heap_charge);

void gs_heap_uncharge(struct goslab_heap *h, size_t bytes)
{
	atomic_long_sub(bytes, &h->held);
}
GS_EXPORT_KUNIT(gs_heap_uncharge);
