// SPDX-License-Identifier: GPL-2.0
/*
 * trace.c: reads a recorded trace, and believes nothing that it says.
 *
 * The format is described in Documentation/trace-format.rst. Every event is
 * checked before the first one is replayed, so that the passes need no checks
 * of their own in timed loops: slots and caches exist, what is allocated was
 * free, what is freed was live and is freed to the cache that it came from.
 * What is wrong is one line in the kernel log, with the event's number.
 *
 * Context: task; sleeps. Memory: the file as read, 8 bytes per slot meanwhile.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fs.h>
#include <linux/limits.h>
#include <linux/printk.h>
#include <linux/sched.h>
#include <linux/vmalloc.h>

#include "replay.h"

#define KMT_MAGIC	"KMT2"
#define MAX_SLOTS	(16U << 20)

struct kmt_header {
	char magic[4];
	u32 caches;
	u32 slots;
	u32 events;
};

/* A slot while the trace is checked; @size 0: nothing lives there. */
struct slot {
	u32 size;
	u16 cache;
};

/* All checks of an alloc: NULL, or what is wrong. */
static const char *check_alloc(const struct rp_trace *t,
			       const struct rp_event *e, struct slot *s)
{
	if (s->size)
		return "allocates in a slot that is live";
	if (!e->size || e->size > GOSLAB_MAX_SIZE)
		return "has a size of 0 or above 4 MiB";
	if (e->cache && e->size > t->caches[e->cache - 1].size)
		return "has a size above that of its cache";
	s->size = e->size;
	s->cache = e->cache;
	return NULL;
}

static const char *check_free(const struct rp_event *e, struct slot *s)
{
	if (!s->size)
		return "frees a slot that is not live";
	if (s->cache != e->cache)
		return "frees to another cache than it came from";
	s->size = 0;
	return NULL;
}

static const char *check_event(struct rp_trace *t, const struct rp_event *e,
			       struct slot *slots, u64 *bytes)
{
	const char *wrong = NULL;
	u32 freed;

	if (e->slot >= t->slots)
		return "names a slot that there is not";
	if (e->cache > t->nr_caches)
		return "names a cache that there is not";
	switch (e->op) {
	case RP_ALLOC:
		wrong = check_alloc(t, e, &slots[e->slot]);
		if (!wrong) {
			*bytes += e->size;
			t->end_objects++;
			t->peak_requested = max(t->peak_requested, *bytes);
		}
		break;
	case RP_FREE:
		freed = slots[e->slot].size;
		wrong = check_free(e, &slots[e->slot]);
		if (!wrong) {
			*bytes -= freed;
			t->end_objects--;
		}
		break;
	default:
		wrong = "is neither alloc nor free";
	}
	return wrong;
}

/**
 * rp_trace_check() - check every event, and find what the trace asks for.
 * @trace: caches, events and slots are set; the rest is filled in.
 *
 * Return: 0, -EINVAL after a line that says what is wrong, -ENOMEM.
 */
int rp_trace_check(struct rp_trace *trace)
{
	const char *wrong;
	struct slot *slots;
	u64 bytes = 0;
	int err = 0;
	u32 i;

	slots = vzalloc(array_size(trace->slots, sizeof(*slots)));
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < trace->nr_events; i++) {
		wrong = check_event(trace, &trace->events[i], slots, &bytes);
		if (wrong) {
			pr_err("%s: event %u %s\n", trace->name, i, wrong);
			err = -EINVAL;
			break;
		}
		if (!(i & 0xffff))
			cond_resched();
	}
	trace->end_bytes = bytes;
	vfree(slots);
	return err;
}

static int check_caches(const struct rp_trace *t)
{
	u32 i;

	for (i = 0; i < t->nr_caches; i++) {
		if (t->caches[i].size && t->caches[i].size <= GOSLAB_MAX_SIZE)
			continue;
		pr_err("cache %u has a size of 0 or above 4 MiB\n", i + 1);
		return -EINVAL;
	}
	return 0;
}

/* What follows the header must be exactly what the header counts. */
static int check_length(const struct kmt_header *h, size_t bytes)
{
	u64 want = sizeof(*h) + (u64)h->caches * sizeof(struct rp_cache) +
		   (u64)h->events * sizeof(struct rp_event);

	if (bytes < want)
		pr_err("truncated: %zu bytes, %llu expected\n", bytes, want);
	else if (bytes > want)
		pr_err("%llu bytes follow the last event\n", bytes - want);
	return bytes == want ? 0 : -EINVAL;
}

static int check_header(const struct kmt_header *h, size_t bytes)
{
	if (bytes < sizeof(*h) || memcmp(h->magic, KMT_MAGIC, sizeof(h->magic))) {
		pr_err("not a %s trace\n", KMT_MAGIC);
		return -EINVAL;
	}
	if (!h->slots || h->slots > MAX_SLOTS) {
		pr_err("%u slots, 1 to %u expected\n", h->slots, MAX_SLOTS);
		return -EINVAL;
	}
	if (!h->events || h->caches > U16_MAX) {
		pr_err("%u events in %u caches\n", h->events, h->caches);
		return -EINVAL;
	}
	return check_length(h, bytes);
}

static void set_parts(struct rp_trace *t, u32 limit)
{
	const struct kmt_header *h = t->file;

	t->nr_caches = h->caches;
	t->slots = h->slots;
	t->nr_events = limit ? min(limit, h->events) : h->events;
	t->caches = t->file + sizeof(*h);
	t->events = (const void *)(t->caches + t->nr_caches);
}

/*
 * The whole file, in memory from vmalloc(). Not kernel_read_file(): that asks
 * security modules, and some warn about a purpose that they do not know.
 */
static int read_file(struct file *file, void **data, size_t *bytes)
{
	loff_t size = i_size_read(file_inode(file)), pos = 0;
	ssize_t got = 1;

	if (size > INT_MAX)
		return -EFBIG;
	*data = vmalloc(max_t(size_t, size, 1));
	if (!*data)
		return -ENOMEM;
	while (pos < size && got > 0) {
		got = kernel_read(file, *data + pos, size - pos, &pos);
		cond_resched();
	}
	*bytes = pos;
	return got < 0 ? got : 0;
}

static int read_path(const char *path, void **data, size_t *bytes)
{
	struct file *file = filp_open(path, O_RDONLY | O_LARGEFILE, 0);
	int err;

	if (IS_ERR(file))
		return PTR_ERR(file);
	err = S_ISREG(file_inode(file)->i_mode) ?
		read_file(file, data, bytes) : -EINVAL;
	filp_close(file, NULL);
	return err;
}

/**
 * rp_trace_read() - read a trace from a file and check it.
 * @trace: filled in; rp_trace_free() after use.
 * @path: an uncompressed .kmt.
 * @limit: only so many events from the beginning, 0 for all.
 *
 * Return: 0; -EINVAL after a line that says what is wrong with the file;
 * another error if it cannot be read.
 */
int rp_trace_read(struct rp_trace *trace, const char *path, u32 limit)
{
	size_t bytes = 0;
	int err;

	*trace = (struct rp_trace){ .name = "trace" };
	err = read_path(path, &trace->file, &bytes);
	if (err)
		pr_err("cannot read %s: error %d\n", path, err);
	if (!err)
		err = check_header(trace->file, bytes);
	if (!err) {
		set_parts(trace, limit);
		err = check_caches(trace);
	}
	if (!err)
		err = rp_trace_check(trace);
	if (err)
		rp_trace_free(trace);
	else
		pr_info("%s: %u events, %u caches, peak requested %llu bytes\n",
			path, trace->nr_events, trace->nr_caches,
			trace->peak_requested);
	return err;
}

void rp_trace_free(struct rp_trace *trace)
{
	vfree(trace->file);
	trace->file = NULL;
}
