/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BACK_SCAVENGER_H
#define GS_BACK_SCAVENGER_H

#include <linux/types.h>

bool gs_scavenge(void);
unsigned long gs_scavenge_released(void);

#endif /* GS_BACK_SCAVENGER_H */
