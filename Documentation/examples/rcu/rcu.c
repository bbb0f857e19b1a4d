// SPDX-License-Identifier: GPL-2.0
/*
 * rcu.c - objects that readers under RCU may still look at
 *
 * Readers take no lock. Who replaces the settings frees the old ones with
 * goslab_free_rcu(), which returns at once and needs no memory. kfree_rcu() would end in
 * kfree() and must not get them.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>

struct settings {
	int limit;
	struct rcu_head rcu;
};

static struct settings __rcu *settings;
static DEFINE_MUTEX(settings_mutex);

static int read_limit(void)
{
	struct settings *s;
	int limit;

	rcu_read_lock();
	s = rcu_dereference(settings);
	limit = s ? s->limit : 0;
	rcu_read_unlock();
	return limit;
}

static int set_limit(int limit)
{
	struct settings *s = goslab_zalloc(sizeof(*s), GFP_KERNEL);

	if (!s)
		return -ENOMEM;
	s->limit = limit;
	mutex_lock(&settings_mutex);
	s = rcu_replace_pointer(settings, s, lockdep_is_held(&settings_mutex));
	mutex_unlock(&settings_mutex);
	/* From here on a second free of it would be reported. NULL is no error. */
	goslab_free_rcu(s, rcu);
	return 0;
}

static void end(void)
{
	struct settings *s = rcu_replace_pointer(settings, NULL, true);

	goslab_free_rcu(s, rcu);
	/* No barrier: nothing of this module is called later. */
}

static int __init example_init(void)
{
	int err = set_limit(10) ?: set_limit(20);

	if (!err && read_limit() != 20)
		err = -EINVAL;
	if (err)
		end();
	else
		pr_info("readers see a limit of %d\n", read_limit());
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
	end();
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: frees that wait for RCU");
MODULE_LICENSE("GPL");
