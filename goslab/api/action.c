// SPDX-License-Identifier: GPL-2.0
/*
 * action: the calls for actions and weak handles.
 *
 * Flow:       goslab_action_add() -> [middle/action.c] -> [middle/special.c]
 * Lock:       none of its own.
 * Context:    any but NMI; goslab_weak_value() any.
 * Invariants: those of middle/action.c.
 * Tests:      kunit/action_kunit.c
 */
#include <linux/export.h>
#include <linux/goslab.h>

#include "api/api.h"
#include "back/arena.h"
#include "base/report.h"
#include "front/guard.h"
#include "middle/action.h"
#include "middle/special.h"

/*
 * The span and index of the live object at @p, or of its stand-in. Return: 0, or an error,
 * after a report where one is due.
 */
static int find(const void *p, struct mspan **s, long *i, unsigned long site)
{
	u8 state;

	p = gs_guard_standin(p);
	rcu_read_lock();
	*s = gs_arena_look(p);
	state = gs_span_covers(*s, p) ? smp_load_acquire(&(*s)->state) : GS_SPAN_DEAD;
	*i = -1;
	if (state == GS_SPAN_SMALL || state == GS_SPAN_LARGE || gs_span_is_stack(state))
		*i = gs_span_index_live(*s, p);
	rcu_read_unlock();
	if (*i >= 0)
		return 0;
	if (state == GS_SPAN_TINY)
		return -EOPNOTSUPP;
	gs_report_at(GS_BUG_NOT_LIVE, NULL, p, site);
	return -EINVAL;
}

int goslab_action_add(const void *p, void (*fn)(void *p, void *arg), void *arg, gfp_t gfp)
{
	struct mspan *s;
	long i;
	int ret = find(p, &s, &i, _RET_IP_) ?: gs_guard_keep(p, gfp);

	return ret ?: gs_action_add(s, i, (void *)p, fn, arg, gfp);
}
EXPORT_SYMBOL_GPL(goslab_action_add);

bool goslab_action_del(const void *p, void (*fn)(void *p, void *arg), void *arg)
{
	struct mspan *s;
	long i;

	return !find(p, &s, &i, _RET_IP_) && gs_action_del(s, i, fn, arg);
}
EXPORT_SYMBOL_GPL(goslab_action_del);

struct goslab_weak *goslab_weak_get(const void *p, gfp_t gfp)
{
	struct mspan *s;
	long i;
	int ret = find(p, &s, &i, _RET_IP_) ?: gs_guard_keep(p, gfp);

	return ret ? ERR_PTR(ret) : (struct goslab_weak *)gs_weak_get(s, i, (void *)p, gfp);
}
EXPORT_SYMBOL_GPL(goslab_weak_get);

void *goslab_weak_value(const struct goslab_weak *weak)
{
	return READ_ONCE(((const struct gs_special *)weak)->user);
}
EXPORT_SYMBOL_GPL(goslab_weak_value);

void goslab_weak_put(struct goslab_weak *weak)
{
	if (weak)
		gs_weak_put((struct gs_special *)weak);
}
EXPORT_SYMBOL_GPL(goslab_weak_put);
