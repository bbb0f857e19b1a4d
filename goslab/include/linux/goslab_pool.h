/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: pools over address ranges of the caller. Included by <linux/goslab.h>.
 *
 * A pool hands out parts of memory that the page allocator knows nothing of: memory
 * of a device, SRAM, a reserved carve-out, a window of addresses. It never reads or
 * writes that memory. Every call but create, add and destroy may be made from any
 * context but NMI; on PREEMPT_RT not from hardirq or under a raw spinlock.
 */
#ifndef _LINUX_GOSLAB_POOL_H
#define _LINUX_GOSLAB_POOL_H

#include <linux/types.h>

struct goslab_pool;

/**
 * enum goslab_pool_fit - which free part of a pool an allocation takes.
 * @GOSLAB_POOL_FIRST_FIT: the lowest that is long enough.
 * @GOSLAB_POOL_NEXT_FIT: the first one behind the last allocation.
 * @GOSLAB_POOL_BEST_FIT: the shortest, among equals the lowest.
 */
enum goslab_pool_fit {
	GOSLAB_POOL_FIRST_FIT,
	GOSLAB_POOL_NEXT_FIT,
	GOSLAB_POOL_BEST_FIT,
};

/**
 * struct goslab_pool_place - what an allocation got.
 * @addr: address, of the range as it was added.
 * @phys: physical address; (phys_addr_t)-1 if the range has none.
 * @owner: of the range.
 */
struct goslab_pool_place {
	unsigned long addr;
	phys_addr_t phys;
	void *owner;
};

/**
 * goslab_pool_create() - make a pool without memory.
 * @min_order: allocations are multiples of 1 << @min_order bytes, at most 30.
 * @fit: which free part is taken.
 *
 * Context: Task. May sleep.
 * Return: the pool, or NULL: no memory, or a bad argument, which is reported.
 */
struct goslab_pool *goslab_pool_create(int min_order, enum goslab_pool_fit fit);

/**
 * goslab_pool_destroy() - end a pool.
 * @pool: a pool, or NULL. If something of it is in use, that is reported and the pool
 *        stays as it is.
 *
 * Context: Task. May sleep. Nobody uses @pool meanwhile.
 */
void goslab_pool_destroy(struct goslab_pool *pool);

/**
 * goslab_pool_add_owner() - add a range to a pool.
 * @pool: the pool.
 * @virt: first address, not 0, a multiple of the pool's smallest allocation.
 * @phys: its physical address, or (phys_addr_t)-1.
 * @size: bytes; what exceeds a multiple of the smallest allocation is not used.
 * @owner: any pointer, which allocations from this range give back.
 *
 * Allocations never cross from one range to another.
 *
 * Context: Task. May sleep.
 * Return: 0; -ENOMEM; -EINVAL for a bad range; -EEXIST if it overlaps one that is
 * there, which is reported.
 */
int goslab_pool_add_owner(struct goslab_pool *pool, unsigned long virt, phys_addr_t phys,
			  size_t size, void *owner);

/**
 * goslab_pool_add_virt() - add a range without owner.
 * @pool: the pool.
 * @virt: as for goslab_pool_add_owner().
 * @phys: likewise.
 * @size: likewise.
 *
 * Context: Task. May sleep.
 * Return: as goslab_pool_add_owner().
 */
static inline int goslab_pool_add_virt(struct goslab_pool *pool, unsigned long virt,
				       phys_addr_t phys, size_t size)
{
	return goslab_pool_add_owner(pool, virt, phys, size, NULL);
}

/**
 * goslab_pool_add() - add a range without owner and physical address.
 * @pool: the pool.
 * @virt: as for goslab_pool_add_owner().
 * @size: likewise.
 *
 * Context: Task. May sleep.
 * Return: as goslab_pool_add_owner().
 */
static inline int goslab_pool_add(struct goslab_pool *pool, unsigned long virt, size_t size)
{
	return goslab_pool_add_owner(pool, virt, -1, size, NULL);
}

/**
 * goslab_pool_alloc_place() - take a part of a pool, the call behind all others.
 * @pool: the pool.
 * @size: bytes, rounded up to the pool's smallest allocation; 0 gives nothing.
 * @align: of the address, a power of two; anything else is reported.
 * @place: filled in.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: false, with @place zeroed, if no free part is long enough or there is no
 * memory for its descriptor.
 */
bool goslab_pool_alloc_place(struct goslab_pool *pool, size_t size, unsigned long align,
			     struct goslab_pool_place *place);

/**
 * goslab_pool_alloc() - take a part of a pool.
 * @pool: the pool.
 * @size: as for goslab_pool_alloc_place().
 *
 * Context: Any but NMI. Never sleeps.
 * Return: its address, or 0.
 */
static inline unsigned long goslab_pool_alloc(struct goslab_pool *pool, size_t size)
{
	struct goslab_pool_place place;

	goslab_pool_alloc_place(pool, size, 1, &place);
	return place.addr;
}

/**
 * goslab_pool_alloc_align() - take an aligned part of a pool.
 * @pool: the pool.
 * @size: as for goslab_pool_alloc_place().
 * @align: likewise.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: its address, or 0.
 */
static inline unsigned long goslab_pool_alloc_align(struct goslab_pool *pool, size_t size,
						    unsigned long align)
{
	struct goslab_pool_place place;

	goslab_pool_alloc_place(pool, size, align, &place);
	return place.addr;
}

/**
 * goslab_pool_alloc_owner() - take a part of a pool, and see whose range it is.
 * @pool: the pool.
 * @size: as for goslab_pool_alloc_place().
 * @owner: filled in; NULL without memory.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: its address, or 0.
 */
static inline unsigned long goslab_pool_alloc_owner(struct goslab_pool *pool, size_t size,
						    void **owner)
{
	struct goslab_pool_place place;

	goslab_pool_alloc_place(pool, size, 1, &place);
	*owner = place.owner;
	return place.addr;
}

/**
 * goslab_pool_dma_alloc_align() - take an aligned part of a pool for a device.
 * @pool: the pool.
 * @size: as for goslab_pool_alloc_place().
 * @dma: filled in with the physical address, if not NULL.
 * @align: as for goslab_pool_alloc_place().
 *
 * Context: Any but NMI. Never sleeps.
 * Return: its address, or NULL.
 */
static inline void *goslab_pool_dma_alloc_align(struct goslab_pool *pool, size_t size,
						dma_addr_t *dma, unsigned long align)
{
	struct goslab_pool_place place;

	goslab_pool_alloc_place(pool, size, align, &place);
	if (dma)
		*dma = place.phys;
	return (void *)place.addr;
}

/**
 * goslab_pool_dma_alloc() - take a part of a pool for a device.
 * @pool: the pool.
 * @size: as for goslab_pool_alloc_place().
 * @dma: filled in with the physical address, if not NULL.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: its address, or NULL.
 */
static inline void *goslab_pool_dma_alloc(struct goslab_pool *pool, size_t size,
					  dma_addr_t *dma)
{
	return goslab_pool_dma_alloc_align(pool, size, dma, 1);
}

/**
 * goslab_pool_free_owner() - give a part back, and see whose range it is.
 * @pool: the pool.
 * @addr: as an allocation has returned it.
 * @size: bytes that were asked for.
 * @owner: filled in if not NULL; NULL if the free was refused.
 *
 * A second free, another address or another size is reported and changes nothing.
 *
 * Context: Any but NMI. Never sleeps.
 */
void goslab_pool_free_owner(struct goslab_pool *pool, unsigned long addr, size_t size,
			    void **owner);

/**
 * goslab_pool_free() - give a part back.
 * @pool: the pool.
 * @addr: as an allocation has returned it.
 * @size: bytes that were asked for.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_pool_free(struct goslab_pool *pool, unsigned long addr, size_t size)
{
	goslab_pool_free_owner(pool, addr, size, NULL);
}

/**
 * goslab_pool_virt_to_phys() - the physical address of a place in a pool.
 * @pool: the pool.
 * @addr: any address of its ranges.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: the address, or (phys_addr_t)-1.
 */
phys_addr_t goslab_pool_virt_to_phys(struct goslab_pool *pool, unsigned long addr);

/**
 * goslab_pool_has_addr() - do addresses lie in one range of a pool?
 * @pool: the pool.
 * @start: the first one.
 * @size: how many, not 0.
 *
 * Context: Any but NMI. Never sleeps.
 * Return: whether they do, allocated or not.
 */
bool goslab_pool_has_addr(struct goslab_pool *pool, unsigned long start, size_t size);

/**
 * goslab_pool_size() - bytes of all ranges of a pool.
 * @pool: the pool.
 *
 * Context: Any.
 * Return: bytes.
 */
size_t goslab_pool_size(struct goslab_pool *pool);

/**
 * goslab_pool_avail() - free bytes of a pool.
 * @pool: the pool.
 *
 * Context: Any.
 * Return: bytes, not necessarily in one piece.
 */
size_t goslab_pool_avail(struct goslab_pool *pool);

#endif /* _LINUX_GOSLAB_POOL_H */
