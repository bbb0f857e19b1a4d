/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_BASE_OWNER_H
#define GS_BASE_OWNER_H

#include <linux/compiler.h>
#include <linux/goslab.h>

#include "base/layout.h"

u8 gs_owner_find(struct goslab_owner *owner);
u8 gs_owner_register(struct goslab_owner *owner);
const char *gs_owner_name(u8 id);
#ifdef CONFIG_GOSLAB_KUNIT
unsigned int gs_owner_forget(unsigned int nr);
#endif

/* The number of @owner, made at its first use. */
static __always_inline u8 gs_owner_id(struct goslab_owner *owner)
{
	u8 id = READ_ONCE(owner->id);

	return likely(id) ? id : gs_owner_register(owner);
}

#endif /* GS_BASE_OWNER_H */
