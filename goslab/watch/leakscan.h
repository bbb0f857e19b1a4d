/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_WATCH_LEAKSCAN_H
#define GS_WATCH_LEAKSCAN_H

#include <linux/types.h>

#include "middle/class.h"

struct file_operations;

/* Bytes of contents that are shown, as by kmemleak. */
#define GS_LEAKS_DUMP	32

/**
 * struct gs_leaks_look - a live object, as it is now.
 * @size: bytes.
 * @sum: of its contents.
 * @bytes: the first of them, as many as @size, at most GS_LEAKS_DUMP.
 * @owner: number of the module.
 * @name: of its class.
 */
struct gs_leaks_look {
	size_t size;
	u32 sum;
	u8 bytes[GS_LEAKS_DUMP] __aligned(8);
	u8 owner;
	char name[GS_NAME_LEN];
};

/**
 * struct gs_leaks_last - what the last scan said.
 * @done: there was one.
 * @old: when it began, in jiffies.
 * @ms: that it took, the wait not counted.
 * @first_ms: of these, the first trace.
 * @nr_marked: objects that the first trace reached.
 * @nr_pages: of roots.
 */
struct gs_leaks_last {
	bool done;
	unsigned long old;
	unsigned long ms;
	unsigned long first_ms;
	unsigned long nr_marked;
	unsigned long nr_pages;
};

/* Milliseconds that a reported object is old at least. */
extern unsigned int gs_leaks_min_age;

int gs_leaks_scan(void);
int gs_leaks_clear(void);
unsigned int gs_leaks_nr(void);
bool gs_leaks_has(const void *p);
void gs_leaks_forget(void);

int gs_leaks_lock(void);
void gs_leaks_unlock(void);
unsigned long gs_leaks_at(unsigned int i);
const struct gs_leaks_last *gs_leaks_said(unsigned int *nr);
bool gs_leaks_look_at(unsigned long p, struct gs_leaks_look *look);

/* watch/leaks.c */
extern const struct file_operations gs_leaks_fops;

#endif /* GS_WATCH_LEAKSCAN_H */
