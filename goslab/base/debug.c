// SPDX-License-Identifier: GPL-2.0
/*
 * debug: what debug and KUnit builds add; empty otherwise.
 *
 * Tests:      kunit/race_kunit.c uses the hooks
 */
#include "base/debug.h"

#include <linux/module.h>

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

unsigned int gs_most_steps;
GS_EXPORT_KUNIT(gs_most_steps);

/* The n-th step of loading that can fail does so; see scripts/guest/load.sh. */
static unsigned int fail_load;
module_param(fail_load, uint, 0444);
MODULE_PARM_DESC(fail_load, "step of loading that fails (0: none)");

bool gs_load_fails(void)
{
	return fail_load && !--fail_load;
}

/* Draws after loading are no steps of it. */
void gs_load_done(void)
{
	fail_load = 0;
}
#endif
