// SPDX-License-Identifier: GPL-2.0
/*
 * leaks: the debugfs file, in the blocks of mm/kmemleak.c: what reads those reads this.
 *
 * Lock:       scan_lock (leakscan.c) while it is read.
 * Context:    task; sleeps.
 * Tests:      kunit/leakscan_kunit.c, scripts/guest/leakscan.sh
 */
#include <linux/fs.h>
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/stackdepot.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "base/owner.h"
#include "middle/site.h"
#include "middle/special.h"
#include "watch/leakscan.h"

/* Bytes of a row of contents. */
#define DUMP_ROW	16

/* Position 0 is the header. */
static loff_t *leaks_here(loff_t *pos)
{
	return !*pos || gs_leaks_at(*pos - 1) ? pos : NULL;
}

static void *leaks_start(struct seq_file *m, loff_t *pos)
{
	int ret = gs_leaks_lock();

	return ret ? ERR_PTR(ret) : leaks_here(pos);
}

static void *leaks_next(struct seq_file *m, void *v, loff_t *pos)
{
	++*pos;
	return leaks_here(pos);
}

/* Called whatever start said. */
static void leaks_stop(struct seq_file *m, void *v)
{
	if (!IS_ERR(v))
		gs_leaks_unlock();
}

/* kmemleak has no header; its readers look for "unreferenced object". */
static void show_header(struct seq_file *m)
{
	unsigned int nr;
	const struct gs_leaks_last *last = gs_leaks_said(&nr);

	seq_puts(m, "# goslab leaks 1\n");
	seq_puts(m, "# roots: pages that the kernel uses for itself, stacks, ranges of goslab_root_add(); not: user memory, page cache, free pages\n");
	if (!last->done)
		seq_puts(m, "# no scan: echo scan > leaks\n");
	else
		seq_printf(m, "# scan: %u leaks, %lu objects reached, %lu pages of roots, %lu ms, of these %lu ms for the first trace\n",
			   nr, last->nr_marked, last->nr_pages, last->ms, last->first_ms);
}

static void show_age(struct seq_file *m, const char *comm, pid_t pid, unsigned long when)
{
	unsigned int ms = jiffies_to_msecs(jiffies - when);

	seq_printf(m, "  comm \"%s\", pid %d, jiffies %lu (age %u.%03us)\n", comm, pid, when,
		   ms / (unsigned int)MSEC_PER_SEC, ms % (unsigned int)MSEC_PER_SEC);
}

static void show_stack(struct seq_file *m, const struct gs_site *site)
{
	unsigned long *entry;
	unsigned int i, n = site->stack ? stack_depot_fetch(site->stack, &entry) : 0;

	if (!n)
		seq_printf(m, "    %pS\n", (void *)site->caller);
	for (i = 0; i < n; i++)
		seq_printf(m, "    %pS\n", (void *)entry[i]);
}

static void show_leak(struct seq_file *m, unsigned long p, const struct gs_leaks_look *look)
{
	const char *owner = gs_owner_name(look->owner) ?: "unknown";
	struct gs_special r;
	bool sampled = gs_special_find((void *)p, &r);
	unsigned int nr;

	seq_printf(m, "unreferenced object 0x%08lx (size %zu):\n", p, look->size);
	/* Without a record it is as old as the scan at least. */
	if (sampled)
		show_age(m, r.comm, r.pid, r.when);
	else
		show_age(m, owner, 0, gs_leaks_said(&nr)->old);
	seq_printf(m, "  hex dump (first %zu bytes):\n",
		   min_t(size_t, look->size, GS_LEAKS_DUMP));
	seq_hex_dump(m, "    ", DUMP_PREFIX_NONE, DUMP_ROW, 1, look->bytes,
		     min_t(size_t, look->size, GS_LEAKS_DUMP), true);
	seq_printf(m, "  backtrace (crc %x):\n", look->sum);
	if (sampled)
		show_stack(m, r.site);
	else
		seq_printf(m, "    %s [%s]\n", look->name, owner);
}

static int leaks_show(struct seq_file *m, void *v)
{
	loff_t pos = *(loff_t *)v;
	struct gs_leaks_look look;
	unsigned long p;

	if (!pos) {
		show_header(m);
		return 0;
	}
	p = gs_leaks_at(pos - 1);
	if (gs_leaks_look_at(p, &look))
		show_leak(m, p, &look);
	return 0;
}

static const struct seq_operations leaks_sops = {
	.start = leaks_start,
	.next = leaks_next,
	.stop = leaks_stop,
	.show = leaks_show,
};

static int leaks_open(struct inode *inode, struct file *file)
{
	return seq_open(file, &leaks_sops);
}

static ssize_t leaks_write(struct file *file, const char __user *from, size_t n, loff_t *pos)
{
	char word[16];
	int ret;

	if (n >= sizeof(word))
		return -EINVAL;
	if (copy_from_user(word, from, n))
		return -EFAULT;
	word[n] = 0;
	strim(word);
	if (!strcmp(word, "scan"))
		ret = gs_leaks_scan();
	else if (!strcmp(word, "clear"))
		ret = gs_leaks_clear();
	else
		ret = -EINVAL;
	return ret ?: n;
}

const struct file_operations gs_leaks_fops = {
	.owner = THIS_MODULE,
	.open = leaks_open,
	.read = seq_read,
	.write = leaks_write,
	.llseek = seq_lseek,
	.release = seq_release,
};
