/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: caches: objects of one size. Included by <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_CACHE_H
#define _LINUX_GOSLAB_CACHE_H

struct goslab_cache;
struct goslab_heap;

/* Flags of a cache. */
#define GOSLAB_HWCACHE_ALIGN	BIT(0)	/* objects on cache lines of their own */
#define GOSLAB_PANIC		BIT(1)	/* panic if the cache cannot be made */
#define GOSLAB_TYPESAFE_BY_RCU	BIT(2)	/* free objects stay readable */
#define GOSLAB_ACCOUNT		BIT(3)	/* charge spans to the memory cgroup */
#define GOSLAB_NO_MERGE		BIT(4)	/* no effect: caches never merge */
#define GOSLAB_NOSCAN		BIT(6)	/* objects hold no pointers to objects */
#define GOSLAB_GUARD		BIT(7)	/* a few objects on pages of their own */

/* The bit of a member, among the first 32 or 64 words, in goslab_cache_args.pointers. */
#define GOSLAB_POINTER(type, member)	BIT(offsetof(type, member) / sizeof(void *))

/**
 * struct goslab_cache_args - optional properties of a cache; 0 or NULL for
 * none.
 * @align: a power of two up to GOSLAB_MAX_ALIGN; 8 at least is kept.
 * @useroffset: start of the part of an object that goslab_check_object() allows
 *              to be copied to and from user space.
 * @usersize: bytes of it; 0: nothing of an object may be copied.
 * @pointers: NULL, or which words of an object may be pointers to objects: a bit for
 *            each of the DIV_ROUND_UP(size, 8) words, copied. The scan for leaks looks
 *            at no others. (Go: the pointer mask of a type.)
 * @heap: NULL, or the heap whose quota its spans count against; the heap cannot
 *        be reset or destroyed before the cache is.
 * @ctor: called once for each object when its span is cut, in the context of
 *        the allocation that needed the span; objects must be freed in the
 *        state that it leaves.
 * @dtor: called once for each object before its span leaves the cache, in any
 *        context but NMI; must not sleep and must not call this cache. It is not
 *        called for spans that have live objects when the cache is destroyed.
 *        With GOSLAB_TYPESAFE_BY_RCU it is called after the grace period.
 */
struct goslab_cache_args {
	size_t align;
	size_t useroffset;
	size_t usersize;
	const unsigned long *pointers;
	struct goslab_heap *heap;
	void (*ctor)(void *object);
	void (*dtor)(void *object);
};

/* Not for callers; used by goslab_cache_create(). */
struct goslab_cache *
__goslab_cache_create(const char *name, size_t size,
		      const struct goslab_cache_args *args, unsigned long flags,
		      struct goslab_owner *owner);

/**
 * goslab_cache_create_args() - make a cache of objects of one size.
 * @name: shown in debugfs and in reports, copied; 31 characters, unique among
 *        the caches that are there, no blanks.
 * @size: bytes of an object, 1 to GOSLAB_MAX_SIZE.
 * @args: optional properties, or NULL.
 * @flags: GOSLAB_HWCACHE_ALIGN, GOSLAB_PANIC, GOSLAB_TYPESAFE_BY_RCU,
 *         GOSLAB_ACCOUNT, GOSLAB_NO_MERGE, GOSLAB_NOSCAN, GOSLAB_GUARD.
 *
 * A cache shares no spans with other caches.
 *
 * GOSLAB_TYPESAFE_BY_RCU: an object may be reused for another one at once, but
 * its memory is memory of this cache until a grace period after its span
 * emptied, so that readers under rcu_read_lock() may look at it, and must check
 * what they found. Such objects are zeroed on __GFP_ZERO only.
 *
 * GOSLAB_ACCOUNT: a whole span is charged to the memory cgroup of the task that
 * made the cache grow. It comes directly from the kernel and goes back
 * directly, not through the free runs that all caches share. Objects are not
 * charged one by one, which modules cannot do. They must not be put on a list_lru
 * that is kept by memory cgroup, as inodes are.
 *
 * GOSLAB_NOSCAN: for objects of bytes and numbers. Neither the scan for leaks nor
 * kmemleak looks for pointers in them.
 *
 * GOSLAB_GUARD: with the parameter guard_rate an object in many thousands lies alone
 * at the end of a page, mapped as vmalloc() maps, so that an access past it, or after
 * its free, faults and is explained in the log. virt_to_page() and DMA do not work on
 * such an object: the flag says that nobody needs them. Not with @ctor, @dtor or
 * GOSLAB_TYPESAFE_BY_RCU. (TCMalloc: guarded sampling, GWP-ASan.)
 *
 * Context: Task. Sleeps.
 * Return: the cache; NULL, after a report that says why, for bad arguments or
 * a name in use; NULL without memory.
 */
static __always_inline struct goslab_cache *
goslab_cache_create_args(const char *name, size_t size,
			 const struct goslab_cache_args *args,
			 unsigned long flags)
{
	return __goslab_cache_create(name, size, args, flags,
				     &goslab_this_owner);
}

/**
 * goslab_cache_create() - make a cache, the short form.
 * @name: as for goslab_cache_create_args(), as are the others.
 * @size: bytes of an object.
 * @align: 0, or a power of two.
 * @flags: GOSLAB_*.
 * @ctor: NULL, or the constructor of an object.
 *
 * Context: Task. Sleeps.
 * Return: as goslab_cache_create_args().
 */
static __always_inline struct goslab_cache *
goslab_cache_create(const char *name, size_t size, size_t align,
		    unsigned long flags, void (*ctor)(void *object))
{
	struct goslab_cache_args args = { .align = align, .ctor = ctor };

	return goslab_cache_create_args(name, size, &args, flags);
}

/**
 * GOSLAB_CACHE() - make a cache for a type.
 * @type: name of a struct; gives the cache its name, size and alignment.
 * @flags: as for goslab_cache_create_args().
 */
#define GOSLAB_CACHE(type, flags)					\
	goslab_cache_create(#type, sizeof(struct type),		\
			    __alignof__(struct type), flags, NULL)

/**
 * goslab_cache_alloc() - allocate an object of a cache.
 * @cache: the cache.
 * @gfp: as for goslab_malloc(). __GFP_ZERO with a ctor is reported, NULL.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, or NULL.
 */
void *goslab_cache_alloc(struct goslab_cache *cache, gfp_t gfp) __malloc;

/**
 * goslab_cache_alloc_node() - allocate an object of a cache on a NUMA node.
 * @cache: the cache.
 * @gfp: as for goslab_cache_alloc(); with __GFP_THISNODE from that node only.
 * @node: node wanted, or NUMA_NO_NODE.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, or NULL; NULL, after a report, if there is no such node.
 */
void *goslab_cache_alloc_node(struct goslab_cache *cache, gfp_t gfp, int node)
	__malloc;

/**
 * goslab_cache_zalloc() - allocate a zeroed object of a cache.
 * @cache: the cache, without a ctor.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the object, or NULL.
 */
static __always_inline __malloc void *
goslab_cache_zalloc(struct goslab_cache *cache, gfp_t gfp)
{
	return goslab_cache_alloc(cache, gfp | __GFP_ZERO);
}

/**
 * goslab_cache_free() - give an object back to its cache.
 * @cache: the cache that it came from; objects of other caches are reported.
 * @object: the object, or NULL.
 *
 * Context: Any but NMI. Never sleeps. From any CPU.
 */
void goslab_cache_free(struct goslab_cache *cache, void *object);

/**
 * goslab_cache_destroy() - end a cache.
 * @cache: the cache, or NULL.
 *
 * All objects must have been freed. Survivors are reported: how many there are,
 * and the first of them one by one with the module that holds them. They stay
 * readable, their memory is never given out again, and the name stays taken.
 *
 * Context: Task. Sleeps; for a grace period with GOSLAB_TYPESAFE_BY_RCU.
 */
void goslab_cache_destroy(struct goslab_cache *cache);

/**
 * goslab_cache_size() - requested bytes of an object.
 * @cache: the cache.
 *
 * Context: Any.
 * Return: the size that the cache was made with; 0 after a report if it is gone.
 */
size_t goslab_cache_size(struct goslab_cache *cache);

/**
 * goslab_cache_shrink() - give back memory that a cache does not use.
 * @cache: the cache.
 *
 * Drains all CPUs, so that spans without a live object go to the page heap, and
 * gives as many pages from there to the kernel.
 *
 * Context: Task. Sleeps.
 * Return: bytes given back.
 */
size_t goslab_cache_shrink(struct goslab_cache *cache);

/**
 * goslab_cache_walk() - call a function for each live object.
 * @cache: the cache.
 * @fn: called with the object and @arg; anything but 0 ends the walk. May
 *      sleep, and may free the object that it was called with.
 * @arg: for @fn.
 *
 * Objects that are allocated or freed during the walk may be visited or not.
 * The caller makes sure that no one else frees the object that @fn is called
 * with. The order is undefined.
 *
 * Context: Task. Sleeps.
 * Return: 0, what @fn returned last, or -EINVAL after a report if the cache is
 * gone.
 */
int goslab_cache_walk(struct goslab_cache *cache,
		      int (*fn)(void *object, void *arg), void *arg);

/**
 * goslab_check_object() - may these bytes be copied to or from user space?
 * @p: any address.
 * @n: bytes.
 *
 * CONFIG_HARDENED_USERCOPY checks slab's objects and cannot check goslab's.
 * This call does: the bytes must lie in one live object and, if that is of a
 * cache, in the cache's user region. Memory that is not goslab's passes,
 * because the kernel checks it.
 *
 * Context: Any but NMI.
 * Return: true if so; false after a report.
 */
bool goslab_check_object(const void *p, size_t n);

#endif /* _LINUX_GOSLAB_CACHE_H */
