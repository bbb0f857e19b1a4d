// SPDX-License-Identifier: GPL-2.0
/*
 * gc.c - a graph with cycles, of which nobody counts references
 *
 * Stations are linked both ways. Taking a line out of service drops one pointer; which of
 * its stations other lines still use, the collector finds out.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/goslab.h>
#include <linux/module.h>
#include <linux/sizes.h>

struct station {
	struct station *next;
	struct station *prev;
	struct station *change;		/* to another line */
	char name[8];
};

static const unsigned long pointers[] = {
	GOSLAB_POINTER(struct station, next) | GOSLAB_POINTER(struct station, prev) |
	GOSLAB_POINTER(struct station, change),
};

enum { RED, BLUE, NR_LINES };

static struct goslab_heap *heap;
static struct goslab_cache *stations;
/* The only roots: the first station of each line. */
static struct station *lines[NR_LINES];

static unsigned int nr_closed;

static void closed(void *object, void *unused)
{
	/* All that go together still have their contents. */
	pr_debug("station %s is closed\n", ((struct station *)object)->name);
	nr_closed++;
}

/* A station at the front of @line; between goslab_gc_enter() and goslab_gc_leave(). */
static int add_station(unsigned int line, const char *name)
{
	struct station *s = goslab_cache_alloc(stations, GFP_KERNEL | __GFP_ZERO);

	if (!s || goslab_action_add(s, closed, NULL, GFP_KERNEL))
		return -ENOMEM;
	strscpy(s->name, name, sizeof(s->name));
	/* The object is new: a plain store. The other one may be old. */
	s->next = lines[line];
	if (s->next)
		goslab_gc_store(heap, &s->next->prev, s);
	WRITE_ONCE(lines[line], s);
	return 0;
}

static int build(void)
{
	int err;

	goslab_gc_enter(heap);
	err = add_station(RED, "harbour") ?: add_station(RED, "market") ?:
	      add_station(BLUE, "castle") ?: add_station(BLUE, "park");
	if (!err)
		goslab_gc_store(heap, &lines[BLUE]->change, lines[RED]->next);
	goslab_gc_leave(heap);
	return err;
}

static int show(void)
{
	long n = goslab_gc_collect(heap);

	if (n)
		return n < 0 ? n : -EINVAL;
	pr_info("both lines are served: nothing to collect\n");
	/* The market and the harbour lead to each other, and the park to the harbour. */
	WRITE_ONCE(lines[RED], NULL);
	n = goslab_gc_collect(heap);
	pr_info("without the red line %ld stations are gone\n", n);
	WRITE_ONCE(lines[BLUE], NULL);
	if (n || goslab_gc_collect(heap) != 4)
		return -EINVAL;
	pr_info("without any line %u are closed\n", nr_closed);
	return 0;
}

static void end(void)
{
	goslab_cache_destroy(stations);
	goslab_heap_destroy(heap);
}

static int __init example_init(void)
{
	struct goslab_heap_args args = { .flags = GOSLAB_HEAP_GC, .quota = SZ_1M };
	struct goslab_cache_args of = { .pointers = pointers };
	int err = -ENOMEM;

	heap = goslab_heap_create("example-gc", &args);
	if (!heap)
		return err;
	of.heap = heap;
	stations = goslab_cache_create_args("example-station", sizeof(struct station), &of, 0);
	if (stations)
		err = goslab_gc_root_add(heap, lines, sizeof(lines)) ?: build() ?: show();
	if (err)
		end();
	return err;
}
module_init(example_init);

static void __exit example_exit(void)
{
	end();
}
module_exit(example_exit);

MODULE_DESCRIPTION("Example of goslab: a collected heap");
MODULE_LICENSE("GPL");
