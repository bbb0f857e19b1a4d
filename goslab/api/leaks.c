// SPDX-License-Identifier: GPL-2.0
/*
 * leaks: what a client module leaves behind when it is unloaded; roots that it names.
 *
 * Its exit function has run, its text is still there: names of call sites can be
 * printed for the last time. The sums are exact, by the state bytes. The sites are
 * those that were sampled, with what their samples stand for, in the words that the
 * kernel uses for its own allocation tags.
 *
 * Lock:       gs_class_mutex for a survey (scan.c); none for a drain (drain.c).
 * Context:    task; sleeps.
 * Tests:      scripts/guest/leaks.sh, scripts/guest/examples.sh
 */
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/sort.h>
#include <linux/stackdepot.h>

#include "api/api.h"
#include "base/chance.h"
#include "base/owner.h"
#include "front/drain.h"
#include "front/sample.h"
#include "middle/action.h"
#include "middle/site.h"
#include "middle/special.h"
#include "watch/leakscan.h"
#include "watch/roots.h"
#include "watch/scan.h"

/* Sites of a module that are printed, and frames of each. */
#define MOST_SITES	16
#define MOST_FRAMES	8

static int by_live_bytes(const void *a, const void *b)
{
	const struct gs_site_counts *x = a, *y = b;

	return cmp_int(y->nr_live * y->size, x->nr_live * x->size);
}

static void print_site(const char *module, const struct gs_site_counts *site)
{
	u64 n = gs_chance_scale(site->nr_live, site->size, READ_ONCE(gs_sample_rate));
	unsigned long *entry;
	unsigned int i, frames;

	pr_warn("goslab: %pB module %s size:%zu objects:%llu has %llu allocated at module unload\n",
		(void *)site->caller, module, site->size, n, n * site->size);
	frames = site->stack ? stack_depot_fetch(site->stack, &entry) : 0;
	for (i = 1; i < frames && i < MOST_FRAMES; i++)
		pr_warn("goslab:     %pB\n", (void *)entry[i]);
}

/* Sites with live samples of the module @id, those with the most bytes first. */
static void print_sites(const char *module, u8 id)
{
	struct gs_site_counts *all;
	unsigned int n, i, shown = 0;

	all = gs_site_read(&n);
	if (!all)
		return;
	sort(all, n, sizeof(*all), by_live_bytes, NULL);
	for (i = 0; i < n && shown < MOST_SITES; i++) {
		if (all[i].owner != id || !all[i].nr_live)
			continue;
		print_site(module, &all[i]);
		shown++;
	}
	if (!shown && READ_ONCE(gs_sample_rate) != 1)
		pr_warn("goslab: none of them was sampled: load goslab with sample_rate=1 to see where they come from\n");
	kvfree(all);
}

static struct gs_survey *survey(void)
{
	struct gs_survey *v;

	mutex_lock(&gs_class_mutex);
	v = gs_survey_make();
	mutex_unlock(&gs_class_mutex);
	return v;
}

static void print_leaks(const char *module, u8 id)
{
	struct gs_survey *v = survey();

	/*
	 * A block that a CPU still cuts tiny objects off is live, though all that were
	 * cut may be free. A drain closes it.
	 */
	if (v && v->owners.objects[id]) {
		gs_survey_free(v);
		gs_drain_all();
		v = survey();
	}
	if (!v)
		return;
	if (v->owners.objects[id]) {
		pr_warn("goslab: module %s has %lu objects of %zu bytes in all at module unload\n",
			module, v->owners.objects[id], v->owners.bytes[id]);
		print_sites(module, id);
	}
	gs_survey_free(v);
}

/* Objects may outlive the module that has the code of their actions. */
static void drop_actions(const struct module *module)
{
	unsigned long n = gs_action_forget(module);

	if (n)
		pr_warn("goslab: module %s has %lu actions on live objects at module unload: dropped\n",
			module->name, n);
}

static int module_changes(struct notifier_block *nb, unsigned long state, void *data)
{
	const struct module *module = data;
	struct goslab_owner owner = { .name = module->name };
	u8 id;

	if (state != MODULE_STATE_GOING || module == THIS_MODULE)
		return NOTIFY_OK;
	id = gs_owner_find(&owner);
	/* A client need not wait for its last frees, and they may have actions of it. */
	if (id || gs_special_nr(GS_SPECIAL_ACTION)) {
		gs_nolock_flush();
		goslab_free_rcu_barrier();
	}
	drop_actions(module);
	/* The number that all modules past the last one share names none of them. */
	if (id && id != GS_OWNER_MAX)
		print_leaks(module->name, id);
	return NOTIFY_OK;
}

static struct notifier_block module_nb = { .notifier_call = module_changes };

int goslab_root_add(const void *p, size_t size)
{
	might_sleep();
	return gs_roots_add(p, size);
}
EXPORT_SYMBOL_GPL(goslab_root_add);

void goslab_root_del(const void *p)
{
	might_sleep();
	gs_roots_del(p);
}
EXPORT_SYMBOL_GPL(goslab_root_del);

void gs_leaks_init(void)
{
	/* Fails only for a block that is there twice. */
	register_module_notifier(&module_nb);
}

void gs_leaks_exit(void)
{
	unregister_module_notifier(&module_nb);
	gs_leaks_forget();
	gs_roots_exit();
}
