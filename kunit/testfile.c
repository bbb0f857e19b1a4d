// SPDX-License-Identifier: GPL-2.0
/*
 * testfile: files of debugfs for the suites.
 *
 * Read as a user does: opened by path, shown by the file that was opened.
 */
#include "testfile.h"

#include <linux/fs.h>
#include <linux/mm.h>
#include <linux/seq_file.h>

#define DIR	"/sys/kernel/debug/goslab/"
#define ROOM	(1UL << 20)

struct file *gs_test_open(struct kunit *test, const char *name)
{
	struct file *file;
	char path[64];

	snprintf(path, sizeof(path), DIR "%s", name);
	file = filp_open(path, O_RDONLY, 0);
	if (IS_ERR(file))
		kunit_skip(test, "debugfs is not mounted");
	return file;
}

size_t gs_test_largest;

static bool read_records(struct seq_file *m)
{
	loff_t pos = 0;
	void *v = m->op->start(m, &pos);
	int ret = 0;

	gs_test_largest = 0;
	while (v && !ret) {
		size_t before = m->count;

		ret = m->op->show(m, v);
		gs_test_largest = max(gs_test_largest, m->count - before);
		v = m->op->next(m, v, &pos);
	}
	m->op->stop(m, v);
	return !ret && !seq_has_overflowed(m);
}

char *gs_test_read(struct kunit *test, const char *name)
{
	struct file *file = gs_test_open(test, name);
	struct seq_file *m = file->private_data;
	char *text = NULL;

	/* The file frees it. */
	m->buf = kvmalloc(ROOM, GFP_KERNEL);
	if (m->buf) {
		m->size = ROOM;
		m->count = 0;
		if (read_records(m))
			text = kunit_kzalloc(test, m->count + 1, GFP_KERNEL);
		if (text)
			memcpy(text, m->buf, m->count);
		m->count = 0;
	}
	filp_close(file, NULL);
	KUNIT_ASSERT_NOT_NULL(test, text);
	return text;
}

u64 gs_test_value(struct kunit *test, const char *text, const char *name)
{
	size_t n = strlen(name);
	unsigned long long value = 0;
	const char *line = text;

	while (line && (strncmp(line, name, n) || line[n] != ':')) {
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	if (!line || sscanf(line + n, ": %llu", &value) != 1)
		KUNIT_FAIL(test, "no line %s", name);
	return value;
}
