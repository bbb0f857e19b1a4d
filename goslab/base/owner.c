// SPDX-License-Identifier: GPL-2.0
/*
 * owner: small numbers that identify client modules.
 *
 * A number belongs to a module's name for as long as goslab is loaded. So
 * objects that an unloaded module left still name it, and a module that is
 * loaded again gets the same number. Past the last number all modules share
 * GS_OWNER_MAX.
 *
 * Lock:       owners_lock, a leaf.
 * Context:    any but NMI; gs_owner_find() there, too.
 * Memory:     a fixed table.
 * Tests:      kunit/misuse_kunit.c, kunit/stats_kunit.c
 */
#include "base/owner.h"

#include <linux/module.h>
#include <linux/string.h>

#include "base/debug.h"

#define NR_OWNERS	(GS_OWNER_MAX - GS_OWNER_MIN)

static DEFINE_SPINLOCK(owners_lock);
/* Filled from the front; a name never changes once it is there. */
static char names[NR_OWNERS][MODULE_NAME_LEN];
static unsigned int nr_owners;

/* Slow half of gs_owner_id(). */
u8 gs_owner_register(struct goslab_owner *owner)
{
	unsigned long flags;
	unsigned int i;
	u8 id;

	gs_lock(&owners_lock, flags);
	for (i = 0; i < nr_owners; i++)
		if (!strncmp(names[i], owner->name, MODULE_NAME_LEN - 1))
			break;
	if (i == nr_owners && i < NR_OWNERS) {
		strscpy(names[i], owner->name, MODULE_NAME_LEN);
		/* Pairs with gs_owner_name(). */
		smp_store_release(&nr_owners, i + 1);
	}
	id = min(GS_OWNER_MIN + i, (unsigned int)GS_OWNER_MAX);
	WRITE_ONCE(owner->id, id);
	gs_unlock(&owners_lock, flags);
	return id;
}
GS_EXPORT_KUNIT(gs_owner_register);

/* The number of @owner, 0 if it has none yet. Any context, takes no lock. */
u8 gs_owner_find(struct goslab_owner *owner)
{
	u8 id = READ_ONCE(owner->id);
	/* Pairs with gs_owner_register(). */
	unsigned int i, nr = smp_load_acquire(&nr_owners);

	for (i = 0; !id && i < nr; i++)
		if (!strncmp(names[i], owner->name, MODULE_NAME_LEN - 1))
			id = GS_OWNER_MIN + i;
	if (!id && nr == NR_OWNERS)
		id = GS_OWNER_MAX;
	WRITE_ONCE(owner->id, id);
	return id;
}

/* The module that has a number; NULL for an unused number. */
const char *gs_owner_name(u8 id)
{
	/* Pairs with gs_owner_register(). */
	unsigned int nr = smp_load_acquire(&nr_owners);

	if (id == GS_OWNER_MAX)
		return nr == NR_OWNERS ? "others" : NULL;
	if (id < GS_OWNER_MIN || id - GS_OWNER_MIN >= nr)
		return NULL;
	return names[id - GS_OWNER_MIN];
}
GS_EXPORT_KUNIT(gs_owner_name);

#ifdef CONFIG_GOSLAB_KUNIT
/*
 * Forgets all names but the first @nr, returns how many there were. No object
 * and no struct goslab_owner in use may have one of their numbers.
 */
unsigned int gs_owner_forget(unsigned int nr)
{
	unsigned long flags;
	unsigned int had;

	gs_lock(&owners_lock, flags);
	had = nr_owners;
	WRITE_ONCE(nr_owners, min(had, nr));
	gs_unlock(&owners_lock, flags);
	return had;
}
GS_EXPORT_KUNIT(gs_owner_forget);
#endif
