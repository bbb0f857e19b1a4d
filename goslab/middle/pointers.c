// SPDX-License-Identifier: GPL-2.0
/*
 * pointers: which words of a class's objects may be pointers (Go: the heap bitmap,
 * filled from a type's pointer mask).
 *
 * All may be unless a cache says otherwise. Only a leak scan asks.
 *
 * Lock:       none. The mask is there before the class has a span, and goes after a
 *             grace period: a scan reads it with interrupts off, or under a lock that
 *             on PREEMPT_RT is an RCU read section.
 * Context:    task; sleeps.
 * Tests:      kunit/mark_kunit.c
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "base/debug.h"
#include "middle/class.h"

/**
 * gs_pointers_set() - give a new class its mask.
 * @c: the class.
 * @mask: a bit for each word of an object, copied; NULL: all may be pointers.
 * @size: bytes of an object that the mask is for.
 *
 * Return: 0 or -ENOMEM.
 */
int gs_pointers_set(struct gs_class *c, const unsigned long *mask, size_t size)
{
	unsigned int nr = DIV_ROUND_UP(size, sizeof(long));
	u64 bytes = BITS_TO_LONGS(nr) * sizeof(long);

	if (!mask)
		return 0;
	gs_hook(GS_HOOK_OTHER_DRAW, &bytes);
	c->pointers = bytes ? kvmalloc(bytes, GFP_KERNEL) : NULL;
	if (!c->pointers)
		return -ENOMEM;
	bitmap_copy(c->pointers, mask, nr);
	c->nr_pointers = nr;
	return 0;
}

/* The class ends: no span of it is in use. */
void gs_pointers_drop(struct gs_class *c)
{
	unsigned long *mask = c->pointers;

	if (!mask)
		return;
	WRITE_ONCE(c->pointers, NULL);
	synchronize_rcu();
	kvfree(mask);
}
