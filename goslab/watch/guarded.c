// SPDX-License-Identifier: GPL-2.0
/*
 * guarded: which objects are guarded, and what a fault in one of their pages means.
 *
 * The kernel tells who asks to hear of it that it is about to die of an oops, not
 * where the fault was. On x86 and arm64 a register of the CPU still has the address,
 * unless the oops itself met another fault, as when it prints the code that was
 * running and that begins its page. Then, and elsewhere, what the registers of the
 * program point to is all that is known, and the table.
 *
 * Lock:       none: slots are read while they change. In an oops no lock can be taken.
 * Context:    explain(): whatever faulted. The others: task.
 * Tests:      kunit/guard_kunit.c, scripts/guest/guard.sh
 */
#include <linux/jiffies.h>
#include <linux/kdebug.h>
#include <linux/mm.h>
#include <linux/notifier.h>
#include <linux/ptrace.h>

#include "base/owner.h"
#include "front/guard.h"
#include "watch/watch.h"

static const char *const state_names[] = {
	[GS_GUARD_IDLE]		= "unmapped",
	[GS_GUARD_READY]	= "ready",
	[GS_GUARD_LIVE]		= "live",
	[GS_GUARD_PENDING]	= "pending",
	[GS_GUARD_FREED]	= "freed",
};

/* What an access to @addr is if it faults in the page of @g or behind it; or NULL. */
static const char *kind_of(const struct gs_guard *g, unsigned long addr)
{
	unsigned long at = READ_ONCE(g->at);

	if (!at || !READ_ONCE(g->object) || addr - at >= 2 * PAGE_SIZE)
		return NULL;
	if (READ_ONCE(g->state) == GS_GUARD_LIVE)
		return addr - at >= PAGE_SIZE ? "out-of-bounds" : NULL;
	return "use-after-free";
}

static void tell(const struct gs_guard *g, const char *what, unsigned long addr)
{
	pr_alert("goslab: %s, byte %ld of an object of %u bytes (%s, module %s), allocated in %pB pid=%d comm=%s age=%lu\n",
		 what, (long)(addr - (unsigned long)g->object), g->size, g->name,
		 gs_owner_name(g->owner) ?: "unknown", (void *)g->alloc.site,
		 g->alloc.pid, g->alloc.comm, jiffies - g->alloc.when);
	if (g->free.site)
		pr_alert("goslab: freed in %pB pid=%d comm=%s age=%lu\n",
			 (void *)g->free.site, g->free.pid, g->free.comm,
			 jiffies - g->free.when);
}

/**
 * gs_guard_explain() - say what a fault was, if it was in reach of a guarded object.
 * @addr: the address that faulted.
 *
 * Context: any; takes no lock.
 * Return: was it?
 */
bool gs_guard_explain(unsigned long addr)
{
	struct gs_guard *g;
	unsigned int i;

	for (i = 0; (g = gs_guard_slot(i)); i++) {
		const char *kind = kind_of(g, addr);

		if (!kind)
			continue;
		tell(g, kind, addr);
		return true;
	}
	return false;
}
GS_EXPORT_KUNIT(gs_guard_explain);

/**
 * gs_guard_mention() - say what a register points to, if that is a guarded object.
 * @words: the registers of whatever faulted.
 * @n: how many.
 *
 * This proves nothing. It is for a fault whose own address is not known.
 *
 * Context: any; takes no lock.
 * Return: does one?
 */
bool gs_guard_mention(const unsigned long *words, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++) {
		const struct gs_guard *g = gs_guard_at((void *)words[i]);

		if (!g || !READ_ONCE(g->object))
			continue;
		tell(g, READ_ONCE(g->state) == GS_GUARD_LIVE ?
			"a register points to a live object" :
			"a register points to a freed object", words[i]);
		return true;
	}
	return false;
}
GS_EXPORT_KUNIT(gs_guard_mention);

static int explain(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct die_args *args = data;

	if (event == DIE_OOPS && !gs_guard_explain(gs_compat_fault_address()) &&
	    args->regs)
		gs_guard_mention((const unsigned long *)args->regs,
				 sizeof(*args->regs) / sizeof(long));
	return NOTIFY_DONE;
}

static struct notifier_block die_nb = { .notifier_call = explain };

void gs_guarded_init(void)
{
	/* Fails only for a block that is there twice. */
	register_die_notifier(&die_nb);
}

void gs_guarded_exit(void)
{
	unregister_die_notifier(&die_nb);
}

static void show_event(struct seq_file *m, const struct gs_guard_event *e)
{
	if (e->site)
		seq_printf(m, " %pB,pid=%d,age=%lu", (void *)e->site, e->pid,
			   jiffies - e->when);
	else
		seq_puts(m, " -");
}

/* Real addresses, for the one of an oops is real, too. */
static void show_slot(struct seq_file *m, const struct gs_guard *g)
{
	seq_printf(m, "0x%016lx 0x%016lx %6u %-8s %s %s", g->at,
		   (unsigned long)g->object, g->size, state_names[READ_ONCE(g->state)],
		   g->name, gs_owner_name(g->owner) ?: "-");
	show_event(m, &g->alloc);
	show_event(m, &g->free);
	seq_putc(m, '\n');
}

static void show_counts(struct seq_file *m)
{
	struct gs_guard_counts n = gs_guard_read();

	seq_printf(m, "# slots: %u ready: %u guarded: %lu refused: %lu not mapped: %lu\n",
		   n.nr_slots, n.nr_ready, n.nr_objects, n.nr_refused, n.nr_unmapped);
}

int gs_guard_show(struct seq_file *m, void *unused)
{
	struct gs_guard *g;
	unsigned int i;

	seq_puts(m, "guard - version: 1.0\n");
	show_counts(m);
	seq_printf(m, "#%17s %18s %6s %-8s %s %s %s %s\n", "page", "object", "size",
		   "state", "class", "module", "allocated", "freed");
	for (i = 0; (g = gs_guard_slot(i)); i++)
		if (READ_ONCE(g->object) && READ_ONCE(g->at))
			show_slot(m, g);
	return 0;
}
