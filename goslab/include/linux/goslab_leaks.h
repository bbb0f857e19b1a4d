/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: what the scan for leaks (debugfs ``leaks``) must be told. Included by
 * <linux/goslab.h>.
 */
#ifndef _LINUX_GOSLAB_LEAKS_H
#define _LINUX_GOSLAB_LEAKS_H

/**
 * goslab_root_add() - a range of memory may have pointers to objects.
 * @p: its start; anywhere in the kernel's address space.
 * @size: bytes of it. Words are looked at that are aligned as pointers are.
 *
 * Pages that the kernel uses for itself need not be named: slab, vmalloc(), data of
 * modules, per-CPU memory, stacks, and what alloc_pages() gave. A range is needed for
 * memory outside of RAM, for pages of the page cache, and for objects that were said
 * to hold no pointers. It is only read by scans. (Go: data and bss segments; Boehm's
 * collector: GC_add_roots().)
 *
 * Context: Task. Sleeps.
 * Return: 0 or -ENOMEM.
 */
int goslab_root_add(const void *p, size_t size);

/**
 * goslab_root_del() - the range is no root any more.
 * @p: as it was added. If it was added several times, one of them goes.
 *
 * No scan reads the range after that. A range that was not added is ignored.
 *
 * Context: Task. Sleeps.
 */
void goslab_root_del(const void *p);

#endif /* _LINUX_GOSLAB_LEAKS_H */
