// SPDX-License-Identifier: GPL-2.0
/*
 * main.c: goslab_replay.ko, goslab beside SLUB on a recorded trace.
 *
 * Loading it does the work and fails if anything did; it says what it does in
 * the kernel log. Figures are in debugfs, goslab_replay/results, as JSON, until
 * it is unloaded. It knows goslab by its public header only.
 *
 * Passes (parameter "mode", separated by commas): "memory" and "time" are for
 * one CPU, "contents" is for many. "hold" comes last, on the recorded trace
 * only: what that never frees stays live, for goslab's debugfs files to show.
 *
 * Flow:     main -> trace, generate -> run -> memory, time, contents
 * Lifetime: after init nothing is left but the results and what "hold" keeps.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/sizes.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/utsname.h>

#include "replay.h"

#define RESULTS_SIZE	SZ_64K

static char *trace;
module_param(trace, charp, 0444);
MODULE_PARM_DESC(trace, "path of an uncompressed .kmt; none: generated only");

static char *mode = "memory,time";
module_param(mode, charp, 0444);
MODULE_PARM_DESC(mode, "passes: memory, time, contents, hold (memory,time)");

static unsigned int limit;
module_param(limit, uint, 0444);
MODULE_PARM_DESC(limit, "events of the trace to replay (0: all)");

static unsigned int rounds = 40;
module_param(rounds, uint, 0444);
MODULE_PARM_DESC(rounds, "timed rounds, 1 to 64 (40)");

static unsigned int idle = 10;
module_param(idle, uint, 0444);
MODULE_PARM_DESC(idle, "seconds to watch idle memory: 0, 1, 5 or 10 (10)");

static unsigned int generated = 100000;
module_param(generated, uint, 0444);
MODULE_PARM_DESC(generated, "events of the generated part (100000; 0: none)");

static ulong seed = 1;
module_param(seed, ulong, 0444);
MODULE_PARM_DESC(seed, "seed of the generated part (1)");

static bool spoil;
module_param(spoil, bool, 0444);
MODULE_PARM_DESC(spoil, "change an object on purpose: contents must fail");

static struct dentry *dir;
static struct debugfs_blob_wrapper results;
static struct rp_trace recorded;
static struct rp_run held;	/* by "hold"; without slots: nothing */

/* Adds text to the results. What does not fit any more is left out. */
void rp_json(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	results.size += vscnprintf(results.data + results.size,
				   RESULTS_SIZE - results.size, fmt, args);
	va_end(args);
}

static bool wants(const char *pass)
{
	size_t n = strlen(pass);
	const char *s;

	for (s = strstr(mode, pass); s; s = strstr(s + n, pass))
		if ((s == mode || s[-1] == ',') && (!s[n] || s[n] == ','))
			return true;
	return false;
}

static int run_passes(const struct rp_trace *t, unsigned int idle_seconds)
{
	int err = 0;

	if (wants("memory"))
		err = rp_memory(t, idle_seconds);
	if (!err && wants("time"))
		err = rp_time(t, rounds);
	if (!err && wants("contents"))
		err = rp_contents(t, spoil);
	if (err)
		pr_err("%s: failed with error %d\n", t->name, err);
	return err;
}

/* As recorded by goslab, and leave it there, without what was before it. */
static int hold(void)
{
	int err;

	goslab_shrink();
	err = rp_run_init(&held, &recorded);
	if (!err)
		err = rp_run_make_caches(&held, RP_GOSLAB);
	if (!err)
		err = rp_replay(&held, RP_GOSLAB);
	return err;
}

static int run_recorded(void)
{
	int err;

	if (!trace)
		return 0;
	err = rp_trace_read(&recorded, trace, limit);
	if (!err)
		err = run_passes(&recorded, idle);
	return err;
}

static void clean_up(void)
{
	if (held.slots) {
		rp_run_free_objects(&held, RP_GOSLAB);
		rp_run_exit(&held);
	}
	rp_trace_free(&recorded);
	kfree(results.data);
}

static int run_generated(void)
{
	struct rp_trace t;
	int err;

	if (!generated)
		return 0;
	err = rp_trace_generate(&t, generated, seed);
	if (!err)
		err = run_passes(&t, 0);
	rp_trace_free(&t);
	return err;
}

static int __init replay_init(void)
{
	int err;

	if (!wants("memory") && !wants("time") && !wants("contents") &&
	    !wants("hold")) {
		pr_err("mode=%s: memory, time, contents or hold\n", mode);
		return -EINVAL;
	}
	results.data = kzalloc(RESULTS_SIZE, GFP_KERNEL);
	if (!results.data)
		return -ENOMEM;
	rp_json("{\"release\":\"%s\",\"seed\":%lu", utsname()->release, seed);
	err = run_recorded();
	if (!err)
		err = run_generated();
	if (!err && wants("hold") && trace)
		err = hold();
	rp_json("}\n");
	if (!err && results.size >= RESULTS_SIZE - 1)
		err = -ENOSPC;
	if (err) {
		clean_up();
		return err;
	}
	dir = debugfs_create_dir("goslab_replay", NULL);
	debugfs_create_blob("results", 0444, dir, &results);
	pr_info("done\n");
	return 0;
}
module_init(replay_init);

static void __exit replay_exit(void)
{
	debugfs_remove(dir);
	clean_up();
}
module_exit(replay_exit);

MODULE_DESCRIPTION("goslab beside SLUB on a recorded trace");
MODULE_LICENSE("GPL");
