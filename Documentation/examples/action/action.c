// SPDX-License-Identifier: GPL-2.0
/*
 * action.c - what belongs to an object goes with it, and a table that knows when
 *
 * A session has a buffer. Whoever frees the session need not know of it. A cache of
 * recent sessions does not own them: its weak handles say whether they are still there.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/rcupdate.h>

struct session {
	struct rcu_head rcu;
	unsigned int id;
	char *buffer;
};

static struct goslab_weak *recent;

static void free_buffer(void *object, void *buffer)
{
	pr_info("session %u is freed, and its buffer with it\n",
		((struct session *)object)->id);
	goslab_free(buffer);
}

static struct session *session_new(unsigned int id)
{
	struct session *s = goslab_zalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return NULL;
	s->id = id;
	s->buffer = goslab_malloc(1000, GFP_KERNEL);
	if (!s->buffer || goslab_action_add(s, free_buffer, s->buffer, GFP_KERNEL)) {
		goslab_free(s->buffer);
		goslab_free(s);
		return NULL;
	}
	return s;
}

/* The session stays at least until the end of the RCU section. */
static void show_recent(void)
{
	struct session *s;

	rcu_read_lock();
	s = goslab_weak_value(recent);
	if (s)
		pr_info("the latest session is %u\n", s->id);
	else
		pr_info("the latest session is gone\n");
	rcu_read_unlock();
}

static int __init example_init(void)
{
	struct session *s = session_new(7);

	if (!s)
		return -ENOMEM;
	recent = goslab_weak_get(s, GFP_KERNEL);
	if (IS_ERR(recent)) {
		goslab_free(s);
		return PTR_ERR(recent);
	}
	show_recent();
	/* From here on nobody finds it; the action waits for those who have it. */
	goslab_free_rcu(s, rcu);
	show_recent();
	goslab_free_rcu_barrier();
	return 0;
}
module_init(example_init);

static void __exit example_exit(void)
{
	goslab_weak_put(recent);
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: actions and weak handles");
MODULE_LICENSE("GPL");
