// SPDX-License-Identifier: GPL-2.0
/*
 * debug: what debug and KUnit builds add; empty otherwise.
 *
 * Tests:      kunit/race_kunit.c uses the hooks
 */
#include "base/debug.h"

#ifdef CONFIG_GOSLAB_DEBUG
DEFINE_PER_CPU(int, gs_entered);
GS_EXPORT_KUNIT(gs_entered);

void gs_debug_lock(void)
{
	WARN_ONCE(raw_cpu_read(gs_entered) && !preemptible() && !in_interrupt(),
		  "goslab: lock taken with the mcache entered\n");
}
GS_EXPORT_KUNIT(gs_debug_lock);
#endif

#ifdef CONFIG_GOSLAB_KUNIT
gs_hook_fn gs_hooks[GS_NR_HOOKS];
GS_EXPORT_KUNIT(gs_hooks);
#endif
