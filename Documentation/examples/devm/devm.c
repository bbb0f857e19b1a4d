// SPDX-License-Identifier: GPL-2.0
/*
 * devm.c - memory that goes with a device
 *
 * A driver's probe allocates and never frees: what it has goes when the device does, also
 * after a probe that fails. The device here is one of this module alone.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/device.h>
#include <linux/goslab.h>
#include <linux/module.h>

struct state {
	const char *label;
	u32 *table;
};

static struct device *dev;

static int probe(struct device *dev)
{
	struct state *state = goslab_devm_zalloc(dev, sizeof(*state), GFP_KERNEL);

	if (!state)
		return -ENOMEM;
	state->label = goslab_devm_asprintf(dev, GFP_KERNEL, "%s-0", dev_name(dev));
	state->table = goslab_devm_calloc(dev, 256, sizeof(u32), GFP_KERNEL);
	if (!state->label || !state->table)
		return -ENOMEM;
	/* One of them may go earlier. */
	goslab_devm_free(dev, state->table);
	state->table = NULL;
	dev_set_drvdata(dev, state);
	pr_info("the device has the label %s\n", state->label);
	return 0;
}

static int __init example_init(void)
{
	int err;

	dev = root_device_register("example");
	if (IS_ERR(dev))
		return PTR_ERR(dev);
	err = probe(dev);
	if (err)
		root_device_unregister(dev);
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
	/* The state and its label go here. */
	root_device_unregister(dev);
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: memory of a device");
MODULE_LICENSE("GPL");
