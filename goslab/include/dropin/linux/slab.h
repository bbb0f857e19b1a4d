/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What a client finds for <linux/slab.h> when this directory comes first in its
 * include path: the kernel's header, and goslab behind its names. Unlike a
 * header that the compiler includes by itself, this one is read where the
 * client asks for it, after all that it defines for other headers (pr_fmt).
 */
#include_next <linux/slab.h>
#include <linux/goslab_slab.h>
