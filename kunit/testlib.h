/* SPDX-License-Identifier: GPL-2.0 */
/*
 * testlib: what the suites share: a seeded PRNG, an oracle of live objects,
 * hooks and draws that fail, reports expected, the worker stopped.
 *
 * Everything here is for one task, the one that runs the cases; KUnit runs one
 * case at a time. Hooks are cleared and the worker goes on when a case ends,
 * however it ends, if its suite has GS_TEST_CASES as init and exit.
 */
#ifndef _GOSLAB_TESTLIB_H
#define _GOSLAB_TESTLIB_H

#include <kunit/test.h>
#include <linux/types.h>

#include "base/debug.h"
#include "base/report.h"

/* A kernel with checkers is some 30 times slower: walks are shorter there. */
#define GS_TEST_SLOW	(IS_ENABLED(CONFIG_KASAN) || \
			 IS_ENABLED(CONFIG_PROVE_LOCKING))
#define GS_TEST_STEPS	(GS_TEST_SLOW ? 100000 : 1000000)

/* Steps of a walk between full checks. */
#define GS_TEST_VERIFY_EACH	1000

/**
 * struct gs_rnd - a pseudo-random sequence (splitmix64).
 * @state: of it.
 */
struct gs_rnd {
	u64 state;
};

/* A sequence of its own for each case, from the one seed of the run. */
struct gs_rnd gs_rnd_start(struct kunit *test);
u64 gs_rnd_next(struct gs_rnd *rnd);
/* From 0 to n - 1. */
u32 gs_rnd_below(struct gs_rnd *rnd, u32 n);
/* From min to max, each power of two as likely as the next. */
size_t gs_rnd_log(struct gs_rnd *rnd, size_t min, size_t max);

/*
 * For struct kunit_suite: the seed is printed when a suite starts; a case
 * begins with the worker stopped and the heap empty of what can be given back,
 * and ends with a heap that is whole, sums included, and with no report that it
 * did not expect. The second set leaves the worker on.
 */
int gs_test_suite_init(struct kunit_suite *suite);
int gs_test_init(struct kunit *test);
int gs_test_init_worker(struct kunit *test);
void gs_test_exit(struct kunit *test);

#define GS_TEST_CASES							\
	.suite_init = gs_test_suite_init,				\
	.init = gs_test_init,						\
	.exit = gs_test_exit

#define GS_TEST_CASES_WORKER						\
	.suite_init = gs_test_suite_init,				\
	.init = gs_test_init_worker,					\
	.exit = gs_test_exit

/* As GS_TEST_CASES, and the case stays on the CPU that it starts on. */
int gs_test_init_pinned(struct kunit *test);

#define GS_TEST_CASES_PINNED						\
	.suite_init = gs_test_suite_init,				\
	.init = gs_test_init_pinned,					\
	.exit = gs_test_exit

/* An online CPU other than the one that a pinned case runs on; -1 for none. */
int gs_test_other_cpu(void);
/* Wait for @fn of @cpu to come true, for some seconds at most. */
bool gs_test_wait_for(bool (*fn)(int cpu), int cpu);
/* Call @fn on that CPU, in a task, and wait for it. */
void gs_test_on_other_cpu(void (*fn)(void *arg), void *arg);
/* That CPU takes @lock and keeps it, for a second at most. Waits until it has it. */
void gs_test_hold(spinlock_t *lock);
/* Does it still have it? It gives it up now. */
bool gs_test_let_go(void);

struct gs_class;
struct gs_slot;

/* The class of a name, one of malloc's or a cache's; NULL if there is none. */
struct gs_class *gs_test_class(const char *name);
/* What this CPU has of it. */
struct gs_slot *gs_test_slot(const struct gs_class *c);
/* Objects that it has handed out, modulo 2^32. */
u32 gs_test_slot_allocs(const struct gs_slot *slot);
/* The state byte of the object at @p; NULL if there is none. */
u8 *gs_test_state(const void *p);
/* The number of the module whose live object @p lies in. */
u8 gs_test_owner(const void *p);
/*
 * Free what lives in a destroyed cache and forget its name, which no user may
 * do: tests of survivors would leave pages behind.
 */
void gs_test_bury(struct kunit *test, const char *name);

/* gs_verify() with drained CPUs says that all is whole. */
void gs_test_whole(struct kunit *test, const char *file, int line);

#define GS_EXPECT_WHOLE(test)	gs_test_whole(test, __FILE__, __LINE__)

/* All pages of spans and free runs that are held. */
unsigned long gs_test_held_pages(void);
/* The same after a goslab_shrink(). */
unsigned long gs_test_idle_pages(void);

/* Metadata but for the tables of the radix tree. */
size_t gs_test_meta_but_tables(void);

/*
 * @npages of the direct map that are nobody's, with tables for them and a page around
 * them: @before of them before a border between two windows. Skips the case, or returns
 * 0, if there are none.
 */
unsigned long gs_test_stretch(struct kunit *test, unsigned int before,
			      unsigned int npages);
void gs_test_stretch_end(unsigned long base, unsigned int npages);

/* The case expects @n reports more; all others fail it at its end. */
void gs_test_expect_reports(unsigned long n);

/* Runs @call, which must report @kind @n times and nothing else. */
#define GS_EXPECT_REPORTS(test, kind, n, call)				\
do {									\
	unsigned long __of = gs_report_count_of(kind);			\
	unsigned long __all = gs_report_count();			\
									\
	gs_test_expect_reports(n);					\
	call;								\
	KUNIT_EXPECT_EQ_MSG(test, gs_report_count_of(kind),		\
			    __of + (n), "reports of %s", #kind);	\
	KUNIT_EXPECT_EQ_MSG(test, gs_report_count(), __all + (n),	\
			    "reports of all kinds");			\
} while (0)

/* Have @fn called at @point, on any CPU, until the case ends or fn is NULL. */
void gs_test_hook(enum gs_hook_point point, gs_hook_fn fn);

/*
 * Fail draws of this task, metadata included: the @first-th from now (1: the
 * next) and the @n - 1 after it. n 0 only counts.
 */
void gs_test_fail_draws(unsigned long first, unsigned long n);
/* Stop that. Return: draws that this task asked for since. */
unsigned long gs_test_end_draws(void);

/**
 * struct gs_live - a live object.
 * @p: its address.
 * @size: bytes of it that are the test's.
 * @seed: of its contents.
 * @tag: whatever the test wants.
 */
struct gs_live {
	void *p;
	size_t size;
	u64 seed;
	unsigned long tag;
};

/**
 * struct gs_oracle - the naive truth: all live objects.
 * @test: that complains.
 * @nr: objects.
 * @max: room.
 * @bytes: sum of their sizes.
 * @at: the objects, in no order.
 */
struct gs_oracle {
	struct kunit *test;
	unsigned int nr;
	unsigned int max;
	size_t bytes;
	struct gs_live *at;
};

/* Freed with the case. */
struct gs_oracle *gs_oracle_make(struct kunit *test, unsigned int max);
/*
 * @p was given out: it must not overlap any that is live. Fills it, unless
 * @fill is false. Return: its record.
 */
struct gs_live *gs_oracle_add(struct gs_oracle *o, void *p, size_t size,
			      bool fill);
/* Object @i goes: its contents must hold (@filled). Return: what it was. */
struct gs_live gs_oracle_remove(struct gs_oracle *o, unsigned int i,
				bool filled);

#endif /* _GOSLAB_TESTLIB_H */
