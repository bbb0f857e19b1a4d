/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_TRIM_H
#define GS_BACK_TRIM_H

#include <linux/types.h>

bool gs_trim_tick(void);
void gs_trim_now(void);

#endif /* GS_BACK_TRIM_H */
