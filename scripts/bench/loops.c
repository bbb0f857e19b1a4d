// SPDX-License-Identifier: GPL-2.0
/*
 * loops.c NAME: the pair and batch loops of goslab_bench.ko in user space.
 *
 * Whatever malloc() is linked or preloaded is measured and called NAME in the
 * results, which have the form of those of the module. The median of ROUNDS,
 * less the same loop with an empty function in place of the allocator.
 */
#define _GNU_SOURCE
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define ROUNDS	41
#define BATCH	1024
#define BATCHES	10
#define PAIRS	20000

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

static void *objs[BATCH];
static unsigned int order[BATCH];

static inline __attribute__((always_inline))
void pairs(volatile size_t *size, int empty)
{
	unsigned int i;

	for (i = 0; i < PAIRS; i++) {
		size_t n = *size;
		void *p = empty ? (void *)size : malloc(n);

		__asm__ volatile("" : "+r" (p), "+r" (n));
		if (!p)
			abort();
		if (!empty)
			free(p);
	}
}

static inline __attribute__((always_inline))
void batches(volatile size_t *size, int empty)
{
	unsigned int i, j;

	for (j = 0; j < BATCHES; j++) {
		for (i = 0; i < BATCH; i++) {
			size_t n = *size;

			objs[i] = empty ? (void *)size : malloc(n);
			__asm__ volatile("" : "+r" (n));
			if (!objs[i])
				abort();
		}
		for (i = 0; i < BATCH; i++) {
			void *p = objs[order[i]];

			__asm__ volatile("" : "+r" (p));
			if (!empty)
				free(p);
		}
	}
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void measure(const char *name, const char *workload, size_t size,
		    int batch)
{
	uint64_t took[2][ROUNDS];
	volatile size_t s = size;
	double ops = batch ? BATCH * BATCHES : PAIRS;
	int i, empty;

	for (i = -1; i < ROUNDS; i++)
		for (empty = 0; empty < 2; empty++) {
			uint64_t start = now();

			if (batch && empty)
				batches(&s, 1);
			else if (batch)
				batches(&s, 0);
			else if (empty)
				pairs(&s, 1);
			else
				pairs(&s, 0);
			took[empty][i < 0 ? 0 : i] = now() - start;
		}
	for (empty = 0; empty < 2; empty++)
		qsort(took[empty], ROUNDS, sizeof(uint64_t), compare);
	printf("{\"workload\":\"%s\",\"allocator\":\"%s\",\"size\":%zu,"
	       "\"heap\":0,\"cpus\":1,\"threads\":1,\"metric\":\"ns_per_op\","
	       "\"value\":%.3f,\"spread\":%.3f,\"raw\":%.3f}\n", workload, name,
	       size, (took[0][ROUNDS / 2] / ops) - took[1][ROUNDS / 2] / ops,
	       (took[0][ROUNDS * 3 / 4] - took[0][ROUNDS / 4]) / ops,
	       took[0][ROUNDS / 2] / ops);
}

static void set_order(int kind)
{
	uint64_t state = 1;
	unsigned int i, j, t;

	for (i = 0; i < BATCH; i++)
		order[i] = kind == 1 ? BATCH - 1 - i : i;
	for (i = BATCH - 1; kind == 2 && i > 0; i--) {
		state ^= state >> 12;
		state ^= state << 25;
		state ^= state >> 27;
		j = (state * 0x2545f4914f6cdd1dULL >> 32) * (i + 1) >> 32;
		t = order[i];
		order[i] = order[j];
		order[j] = t;
	}
}

int main(int argc, char **argv)
{
	static const char *const names[] = {
		"batch", "batch_reverse", "batch_shuffled"
	};
	size_t size;
	int kind;

	if (argc != 2)
		return 2;
	for (size = 8; size <= 1 << 20; size *= 2)
		measure(argv[1], "pair", size, 0);
	for (kind = 0; kind < 3; kind++) {
		set_order(kind);
		for (size = 8; size <= 16384; size *= 2)
			measure(argv[1], names[kind], size, 1);
	}
	return 0;
}
