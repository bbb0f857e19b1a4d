// SPDX-License-Identifier: GPL-2.0
/*
 * leakscan.c - objects that no pointer leads to, and what a scan must be told
 *
 * The module loses objects on purpose. Which of them a scan finds depends on what is
 * said about the memory that still has their addresses. loaded.sh scans while the module
 * is loaded: sizes tell which objects were found.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>

#define LOST	8

/* Word 0 of a record is a pointer; word 1 is a number that may look like one. */
struct record {
	void *buffer;
	unsigned long number;
};

static const unsigned long record_pointers[] = { BIT(0) };

static struct goslab_cache *records;
static struct record *record;
static void **table, **rooted;
/* No pointers, but enough to free all of it in the end. */
static unsigned long complement[2 * LOST];

static unsigned long lose(unsigned int i, size_t size)
{
	complement[i] = ~(unsigned long)goslab_zalloc(size, GFP_KERNEL);
	return ~complement[i];
}

/* noinline: no address is left in what the callers have on the stack. */
static noinline int lose_all(void)
{
	struct goslab_cache_args args = { .pointers = record_pointers };
	int i;

	records = goslab_cache_create_args("example_record", sizeof(*record), &args, 0);
	table = goslab_malloc_noscan(LOST * sizeof(*table), GFP_KERNEL);
	rooted = goslab_malloc_noscan(sizeof(*rooted), GFP_KERNEL);
	record = records ? goslab_cache_zalloc(records, GFP_KERNEL) : NULL;
	if (!table || !rooted || !record)
		return -ENOMEM;
	/* Nobody reads addresses in memory that has no pointers, as its call says, ... */
	for (i = 0; i < LOST; i++)
		table[i] = (void *)lose(i, 200);
	/* ... nor in words of a cache's objects that its mask does not have ... */
	record->number = lose(LOST, 400);
	record->buffer = goslab_zalloc(600, GFP_KERNEL);
	/* ... unless the memory is a root. */
	rooted[0] = goslab_zalloc(800, GFP_KERNEL);
	return goslab_root_add(rooted, sizeof(*rooted));
}

static void end(void)
{
	unsigned int i;

	goslab_root_del(rooted);
	for (i = 0; i < ARRAY_SIZE(complement); i++)
		if (complement[i])
			goslab_free((void *)~complement[i]);
	if (rooted)
		goslab_free(rooted[0]);
	goslab_free(rooted);
	goslab_free(table);
	if (record)
		goslab_free(record->buffer);
	goslab_free(record);
	goslab_cache_destroy(records);
}

static int __init example_init(void)
{
	int err = lose_all();

	if (err)
		end();
	else
		pr_info("objects of 200 and 400 bytes are lost, of 600 and 800 not\n");
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
	end();
	pr_info("all of them are freed\n");
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: the scan for leaks");
MODULE_LICENSE("GPL");
