/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_STACK_H
#define GS_MIDDLE_STACK_H

#include "middle/class.h"

/* A class for each size of stack that CPUs keep, from one page up. */
extern struct gs_class gs_stack_classes[GS_STACK_ORDERS];

int gs_stack_init(void);
void gs_stack_exit(void);

#endif /* GS_MIDDLE_STACK_H */
