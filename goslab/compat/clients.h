/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the modules in kunit/ need to know of older kernels. Included by name,
 * for compat.h is the allocator's own; clients.include finds what is missing.
 */
#ifndef GS_COMPAT_CLIENTS_H
#define GS_COMPAT_CLIENTS_H

#include <linux/hrtimer.h>
#include <linux/slab.h>

/* 6.1: caches of like size merge, and nothing keeps them from it. */
#ifndef SLAB_NO_MERGE
#define SLAB_NO_MERGE	((slab_flags_t)0)
#endif

/* 6.1 and 6.12: the function is set by hand. */
#ifdef GS_COMPAT_NO_HRTIMER_SETUP
static inline void hrtimer_setup(struct hrtimer *timer,
				 enum hrtimer_restart (*function)(struct hrtimer *),
				 clockid_t clock, enum hrtimer_mode mode)
{
	hrtimer_init(timer, clock, mode);
	timer->function = function;
}
#endif

#endif /* GS_COMPAT_CLIENTS_H */
