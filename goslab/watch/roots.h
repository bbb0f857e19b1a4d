/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_ROOTS_H
#define GS_WATCH_ROOTS_H

#include <linux/types.h>

struct gs_mark;
struct page;

int gs_roots_add(const void *p, size_t bytes);
bool gs_roots_del(const void *p);
void gs_roots_exit(void);
bool gs_roots_copy(unsigned long *copy, const void *p, size_t bytes);
int gs_roots_scan(struct gs_mark *m, unsigned long frame, unsigned long *nr_pages);

/* watch/kmemleak.c */
#ifdef CONFIG_DEBUG_KMEMLEAK
void gs_kmemleak_find(unsigned long *copy);
bool gs_kmemleak_owns(const struct page *head);
#else
static inline void gs_kmemleak_find(unsigned long *copy)
{
}

static inline bool gs_kmemleak_owns(const struct page *head)
{
	return false;
}
#endif

#endif /* GS_WATCH_ROOTS_H */
