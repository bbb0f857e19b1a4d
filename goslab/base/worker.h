/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_WORKER_H
#define GS_BASE_WORKER_H

#include <linux/compiler.h>
#include <linux/types.h>

struct rcu_work;
struct work_struct;

/* One tick of background work. Return: true to be called again. */
typedef bool (*gs_worker_fn)(void);

extern bool gs_worker_armed;
int gs_worker_init(gs_worker_fn tick);
void gs_worker_exit(void);
void gs_worker_arm(void);
void gs_worker_pause(void);
void gs_worker_queue(struct work_struct *work);
void gs_worker_try_queue(struct work_struct *work);
void gs_worker_queue_on(int cpu, struct work_struct *work);
void gs_worker_queue_rcu(struct rcu_work *work);
unsigned long gs_worker_busy_us(void);
unsigned long gs_worker_ticks(void);

#define GS_TICK		HZ

/* Wake the worker: there may be something to drain or give back. */
static inline void gs_worker_kick(void)
{
	if (unlikely(!READ_ONCE(gs_worker_armed)))
		gs_worker_arm();
}

#endif /* GS_BASE_WORKER_H */
