/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_MIDDLE_ACTION_H
#define GS_MIDDLE_ACTION_H

#include <linux/gfp.h>

struct gs_special;
struct module;
struct mspan;

int gs_action_add(struct mspan *s, long i, void *user,
		  void (*fn)(void *object, void *arg), void *arg, gfp_t gfp);
int gs_action_first(struct mspan *s, long i, bool *done,
		    void (*fn)(void *object, void *arg), void *arg, gfp_t gfp);
bool gs_action_del(struct mspan *s, long i, void (*fn)(void *object, void *arg), void *arg);
unsigned long gs_action_forget(const struct module *module);
void gs_action_each_arg(void (*fn)(unsigned long arg, void *to), void *to);

struct gs_special *gs_weak_get(struct mspan *s, long i, void *user, gfp_t gfp);
void gs_weak_put(struct gs_special *r);

#endif /* GS_MIDDLE_ACTION_H */
