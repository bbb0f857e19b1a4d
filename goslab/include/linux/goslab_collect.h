/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: collected heaps: objects that nothing leads to are freed. Included by
 * <linux/goslab.h>.
 *
 * A heap is collected if it is created with GOSLAB_HEAP_GC. All of its objects come from
 * caches of the heap, each of which says which words of its objects are pointers
 * (goslab_cache_args.pointers) or that none is (GOSLAB_NOSCAN). No call frees them:
 * goslab_gc_collect() does, those that cannot be reached from the heap's roots.
 *
 * The rules for users of the heap:
 *
 * 1. A pointer to an object is in a root, in an object of the heap that can be reached,
 *    or in a variable between goslab_gc_enter() and goslab_gc_leave(). No other pointer
 *    keeps an object.
 * 2. A pointer is stored into an object by goslab_gc_store(). Other stores are only for
 *    an object that was allocated in the same section.
 *
 * See Documentation/examples/gc for a module that does so. (Go: the collector of the
 * runtime; here it runs only when it is called, in the task that calls.)
 */
#ifndef _LINUX_GOSLAB_COLLECT_H
#define _LINUX_GOSLAB_COLLECT_H

/**
 * goslab_gc_enter() - begin to use pointers to objects of a collected heap.
 * @heap: the heap.
 *
 * What was reached then or is reached later stays until goslab_gc_leave(). A collection
 * waits for that twice. Sections of one task do not nest.
 *
 * Context: Task. Sleeps while a collection is in one of its two short stops.
 */
void goslab_gc_enter(struct goslab_heap *heap);

/**
 * goslab_gc_leave() - the task has no pointers to objects of the heap any more.
 * @heap: as for goslab_gc_enter().
 *
 * Context: Task.
 */
void goslab_gc_leave(struct goslab_heap *heap);

/* Not for callers; the write barrier of goslab_gc_store(). */
void __goslab_gc_shade(struct goslab_heap *heap, const void *p);

/**
 * goslab_gc_store() - store a pointer to an object into an object.
 * @heap: the heap of both.
 * @slot: where to, a word that the mask of the object has.
 * @p: an object of the heap, an address inside one, or NULL.
 *
 * (Go: the write barrier; Dijkstra's.)
 *
 * Context: Between goslab_gc_enter() and goslab_gc_leave().
 */
#define goslab_gc_store(heap, slot, p)					\
do {									\
	typeof(*(slot)) __goslab_p = (p);				\
									\
	__goslab_gc_shade(heap, __goslab_p);				\
	WRITE_ONCE(*(slot), __goslab_p);				\
} while (0)

/**
 * goslab_gc_root_add() - a range of memory has pointers that keep objects.
 * @heap: the heap.
 * @p: its start: data of a module, an object of slab or of another heap. Words are
 *     looked at that are aligned as pointers are.
 * @size: bytes of it.
 *
 * Context: Task. Sleeps.
 * Return: 0; -ENOMEM; -EINVAL, after a report, for a heap that is not collected.
 */
int goslab_gc_root_add(struct goslab_heap *heap, const void *p, size_t size);

/**
 * goslab_gc_root_del() - the range keeps no objects any more.
 * @heap: the heap.
 * @p: as it was added; what was not added is ignored.
 *
 * Context: Task. Sleeps.
 */
void goslab_gc_root_del(struct goslab_heap *heap, const void *p);

/**
 * goslab_gc_collect() - free what cannot be reached from the roots.
 * @heap: the heap.
 *
 * Users go on meanwhile, but for two stops: a short one at the beginning, and one at the
 * end for what changed meanwhile. Then actions of all objects that are not reached are
 * called (goslab_action_add()), while each of them has its contents, though not in the
 * order of their pointers; then the objects are freed. Weak handles of them find nothing
 * from the second stop on.
 *
 * It needs 512 KiB for its queue and 256 bytes for each page of 8 KiB with objects.
 *
 * Context: Task, not between goslab_gc_enter() and goslab_gc_leave(). Sleeps. One at a
 * time for a heap; others wait.
 * Return: the number of objects that were freed; -ENOMEM; -EINTR for a fatal signal;
 * -EINVAL, after a report, for a heap that is not collected. After an error nothing was
 * freed.
 */
long goslab_gc_collect(struct goslab_heap *heap);

/**
 * struct goslab_gc_stats - what the collections of a heap did.
 * @nr: collections that ended well.
 * @nr_freed: objects that they freed.
 * @bytes_freed: bytes of these, with all of their room.
 * @nr_marked: objects that the last one reached.
 * @nr_shaded: pointers that the write barrier noted during the last one.
 * @stop_us: microseconds that users had to wait for the last one at most.
 * @all_us: microseconds that it took.
 */
struct goslab_gc_stats {
	unsigned long nr;
	unsigned long nr_freed;
	size_t bytes_freed;
	unsigned long nr_marked;
	unsigned long nr_shaded;
	unsigned long stop_us;
	unsigned long all_us;
};

/**
 * goslab_gc_stats() - what the collections of a heap did.
 * @heap: the heap.
 * @stats: filled in; all 0, after a report, for a heap that is not collected.
 *
 * Context: Task. Sleeps while a collection runs.
 */
void goslab_gc_stats(struct goslab_heap *heap, struct goslab_gc_stats *stats);

#endif /* _LINUX_GOSLAB_COLLECT_H */
