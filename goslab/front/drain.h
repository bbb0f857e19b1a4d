/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_FRONT_DRAIN_H
#define GS_FRONT_DRAIN_H

#include <linux/types.h>

#include "front/mcache.h"

void gs_drain_init(void);
void gs_drain_post_idle(void);
void gs_drain_post_all(void);
bool gs_drain_pending(void);
void gs_drain_all(void);
bool gs_drain_this_cpu(bool idle_only);
void gs_drain_dead(unsigned int cpu);
void gs_drain_classes(struct gs_class *c, unsigned int n);
bool gs_drain_heap(struct goslab_heap *heap, struct gs_class *c);
bool gs_drain_heap_elsewhere(struct goslab_heap *heap);
int gs_mcache_verify(int cpu);

#endif /* GS_FRONT_DRAIN_H */
