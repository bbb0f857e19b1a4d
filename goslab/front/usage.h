/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_USAGE_H
#define GS_FRONT_USAGE_H

#include <linux/goslab.h>

#include "base/sys.h"

extern u64 gs_usage_draws;
void gs_usage_record_peak(void);
void gs_usage_complete_peak(void);
void gs_usage_read(struct goslab_usage *now);
void gs_usage_read_peak(struct goslab_usage *peak);
void gs_usage_reset(void);
size_t gs_usage_parked(void);

/* After a slow path: pages were drawn, so what is held may be a new peak. */
static inline void gs_usage_note_peak(void)
{
	if (READ_ONCE(gs_usage_draws) != gs_sys_draws())
		gs_usage_record_peak();
}

#endif /* GS_FRONT_USAGE_H */
