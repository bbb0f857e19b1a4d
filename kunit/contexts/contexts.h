/* SPDX-License-Identifier: GPL-2.0 */
/*
 * contexts.h: what the files of goslab_contexts.ko share.
 */
#ifndef _GOSLAB_CONTEXTS_H
#define _GOSLAB_CONTEXTS_H

#include <linux/gfp.h>
#include <linux/types.h>

/* Groups of calls by what their contexts are. */
enum calls {
	CALLS_ALL,		/* task, softirq, hard interrupts but on RT */
	CALLS_RCU,		/* all but NMI */
	CALLS_NOLOCK,		/* all */
	NR_CALLS
};

/**
 * struct context - one context.
 * @name: of its tests.
 * @calls: groups up to which one it promises; CALLS_ALL: all of them.
 * @gfp: that allocations may use.
 * @enter: calls @fn(@arg) there once, on this CPU, and returns afterwards; an
 *         error if this kernel does not have it, or the context did not come.
 */
struct context {
	const char *name;
	enum calls calls;
	gfp_t gfp;
	int (*enter)(void (*fn)(void *arg), void *arg);
};

/* enter.c */
extern const struct context contexts[];
extern const unsigned int nr_contexts;

#define NMI_NONE	(-ENODEV)
int nmi_start(void (*fn)(void));
void nmi_send(int cpu);
void nmi_stop(void);

/* calls.c */
int calls_init(void);
void calls_exit(void);
/* Return: how many results were wrong. */
unsigned int calls_good(const struct context *x, enum calls calls);
unsigned int calls_bad(const struct context *x, enum calls calls);

/* storm.c: calls from NMI and probes in the midst of all others */
int storm_nmi(unsigned int seconds);
int storm_probes(const char *symbol, bool inside);
void storm_counts(long *got, long *refused, long *wrong);
void storm_end(void);

#endif /* _GOSLAB_CONTEXTS_H */
