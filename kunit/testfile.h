/* SPDX-License-Identifier: GPL-2.0 */
#ifndef _GOSLAB_TESTFILE_H
#define _GOSLAB_TESTFILE_H

#include <kunit/test.h>
#include <linux/types.h>

struct file;

/* Skips the case where debugfs is not mounted. */
struct file *gs_test_open(struct kunit *test, const char *name);
/* All that is in a file, as a string that goes with the case. */
char *gs_test_read(struct kunit *test, const char *name);
/* The value of a "name: value" line. */
u64 gs_test_value(struct kunit *test, const char *text, const char *name);
/* What the largest record of the file read last took of the buffer. */
extern size_t gs_test_largest;

#endif /* _GOSLAB_TESTFILE_H */
