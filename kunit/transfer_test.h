/* SPDX-License-Identifier: GPL-2.0 */
#ifndef GS_KUNIT_TRANSFER_TEST_H
#define GS_KUNIT_TRANSFER_TEST_H

#include "middle/class.h"
#include "middle/transfer.h"
#include "testlib.h"

#define GS_TT_SIZE	64
#define GS_TT_SPANS	128

/**
 * struct gs_transfer_test - a class that no mcache knows.
 * @class: 64-byte objects, on no list and without slots.
 * @mc: its central list on this node.
 * @all: objects in state GS_CACHED that are in nobody's hands but the case's.
 * @nr_all: how many.
 */
struct gs_transfer_test {
	struct gs_class class;
	struct mcentral *mc;
	struct gs_entry *all;
	unsigned int nr_all;
};

extern struct gs_transfer_test gs_tt;

int gs_tt_init(struct kunit *test, unsigned int domains);
void gs_tt_exit(struct kunit *test);

#endif /* GS_KUNIT_TRANSFER_TEST_H */
