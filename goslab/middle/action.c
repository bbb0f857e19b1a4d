// SPDX-License-Identifier: GPL-2.0
/*
 * action: calls when an object ends, and handles that know whether it has (Go:
 * runtime.AddCleanup() and weak.Pointer).
 *
 * Both are records in the table of special.c. An action is called by whoever frees the
 * object, before that is free. A weak handle is a record that outlives its object: when
 * that ends, the record leaves the table and leads to no object any more.
 *
 * Owner:      of an action: the object. Of a weak handle: its users and the table.
 * Lock:       those of the table; first_lock, before them, for gs_action_first().
 * Lifetime:   an action until it was called, or was taken back, or the module that has
 *             its code goes. A weak handle until its object ended and all users put it.
 * Context:    any but NMI; gs_action_forget() and gs_action_each_arg(): task.
 * Invariants: a record that is in the table has an object that did not end.
 * Memory:     that of a record for each.
 * Tests:      kunit/action_kunit.c
 */
#include "middle/action.h"

#include <linux/module.h>

#include "base/debug.h"
#include "middle/special.h"

static DEFINE_SPINLOCK(first_lock);

/* Return: a record that is not linked yet, or NULL. */
static struct gs_special *make(void *user, void (*fn)(void *object, void *arg), void *arg,
			       gfp_t gfp)
{
	struct gs_special *r = gs_special_make(GS_SPECIAL_ACTION, gfp);

	if (r) {
		r->user = user;
		r->fn = fn;
		r->arg = arg;
	}
	return r;
}

/* @user: what its user calls it. Return: 0; -ENOMEM; -ENOENT if it is not live. */
int gs_action_add(struct mspan *s, long i, void *user,
		  void (*fn)(void *object, void *arg), void *arg, gfp_t gfp)
{
	struct gs_special *r = make(user, fn, arg, gfp);
	int ret;

	if (!r)
		return -ENOMEM;
	ret = gs_special_link(s, i, r);
	if (ret)
		gs_special_give(r);
	return ret;
}

/*
 * The same, once: the first caller adds it, and others find it there when they return.
 * Return: as gs_action_add().
 */
int gs_action_first(struct mspan *s, long i, bool *done,
		    void (*fn)(void *object, void *arg), void *arg, gfp_t gfp)
{
	struct gs_special *r = make(NULL, fn, arg, gfp);
	unsigned long flags;
	int ret = -EEXIST;

	if (!r)
		return -ENOMEM;
	gs_lock(&first_lock, flags);
	if (!*done) {
		ret = gs_special_link(s, i, r);
		WRITE_ONCE(*done, !ret);
	}
	gs_unlock(&first_lock, flags);
	if (ret)
		gs_special_give(r);
	return ret == -EEXIST ? 0 : ret;
}

/* Return: was there such an action? */
bool gs_action_del(struct mspan *s, long i, void (*fn)(void *object, void *arg), void *arg)
{
	struct gs_special *r = gs_special_take(s, i, fn, arg);

	if (r)
		gs_special_give(r);
	return r;
}

static bool is_in_module(const struct gs_special *r, const void *module)
{
	return r->kind == GS_SPECIAL_ACTION && within_module((unsigned long)r->fn, module);
}

/*
 * Code of @module goes: nobody may call it any more. Sleeps. Return: actions, some
 * others perhaps included that came or went meanwhile.
 */
unsigned long gs_action_forget(const struct module *module)
{
	unsigned long before = gs_special_nr(GS_SPECIAL_ACTION);

	if (before)
		gs_special_sweep(is_in_module, module, gs_special_give);
	return before - gs_special_nr(GS_SPECIAL_ACTION);
}
GS_EXPORT_KUNIT(gs_action_forget);

/* For tell(): whom to tell. */
struct listener {
	void (*fn)(unsigned long arg, void *to);
	void *to;
};

static void tell(const struct gs_special *r, void *arg)
{
	const struct listener *l = arg;

	l->fn((unsigned long)r->arg, l->to);
}

/* Call @fn with what each action will be given; under a lock. Sleeps. */
void gs_action_each_arg(void (*fn)(unsigned long arg, void *to), void *to)
{
	struct listener l = { fn, to };

	gs_special_each(GS_SPECIAL_ACTION, tell, &l);
}

/* The weak handle of object @i of @s. Return: an ERR_PTR(): as gs_action_add(). */
struct gs_special *gs_weak_get(struct mspan *s, long i, void *user, gfp_t gfp)
{
	struct gs_special *r, *fresh;
	int ret;

	r = gs_special_hold(gs_span_object(s, i));
	if (r)
		return r;
	fresh = gs_special_make(GS_SPECIAL_WEAK, gfp);
	if (!fresh)
		return ERR_PTR(-ENOMEM);
	fresh->user = user;
	/* One is the table's, which drops it when the object ends. */
	refcount_set(&fresh->refs, 2);
	ret = gs_special_link(s, i, fresh);
	if (!ret)
		return fresh;
	gs_special_give(fresh);
	/* Somebody else was first, and then the object may have ended, too. */
	r = ret == -EEXIST ? gs_special_hold(gs_span_object(s, i)) : NULL;
	return r ?: ERR_PTR(-ENOENT);
}

void gs_weak_put(struct gs_special *r)
{
	if (refcount_dec_and_test(&r->refs))
		gs_special_give(r);
}
