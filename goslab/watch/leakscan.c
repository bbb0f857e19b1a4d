// SPDX-License-Identifier: GPL-2.0
/*
 * leakscan: objects that nothing leads to.
 *
 * A scan traces all old objects from the roots (mark.c, roots.c). If some stay white,
 * it waits until they are older than gs_leaks_min_age, and then traces again, until
 * QUIET traces in a row have cleared none of them. Now only what was white before may
 * be a leak, so all other live objects are roots, and each word of memory is read.
 * Reported is what was live and white in all traces, and whose contents did not change
 * from the first to the last.
 *
 * A reachable object is missed by one trace if the only pointer to it moves, during
 * the trace, from a place not read yet to one read already. To be reported it must
 * move so in each trace, with seconds between, while nobody writes to it: not to its
 * list links, reference count or lock, and not one of the others that move with it is
 * cleared. (kmemleak demands two scans and the same sum.) An object that was freed and
 * allocated again meanwhile is a new one: it is dropped if it has a record, and it
 * passes the same tests otherwise.
 *
 * Addresses of leaks are kept as complements, or the next scan would find them.
 *
 * Lock:       scan_lock, sleeping: one scan, one reader. Order: before gs_class_mutex.
 * Context:    task; sleeps.
 * Memory:     16 bytes for each leak, MOST_LEAKS at most; see mark.c for a scan.
 * Tests:      kunit/leakscan_kunit.c, scripts/guest/leakscan.sh
 */
#include "watch/leakscan.h"

#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/ktime.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "back/mheap.h"
#include "middle/class.h"
#include "middle/special.h"
#include "watch/mark.h"
#include "watch/roots.h"

/* Leaks that one scan reports; the others are for the next one. */
#define MOST_LEAKS	65536

/* Traces in a row that clear no suspect, after which the rest are leaks. */
#define QUIET		3
#define MOST_TRACES	16

/* What the sum of an object's contents is made of, at most. */
#define SUM_BYTES	4096

unsigned int gs_leaks_min_age = 5000;
GS_EXPORT_KUNIT(gs_leaks_min_age);

/**
 * struct leak - an object that is not reached.
 * @hidden: complement of its address.
 * @sum: of its contents.
 */
struct leak {
	unsigned long hidden;
	u32 sum;
};

struct leaks {
	unsigned int nr;
	struct leak *of;
};

static DEFINE_MUTEX(scan_lock);
static struct leaks found;
/* What is never reported again. */
static struct leaks cleared;
static struct gs_leaks_last last;

static u32 sum_of(const unsigned long *word, size_t bytes)
{
	unsigned int i;
	u32 sum = 0;

	for (i = 0; i < bytes / sizeof(*word); i++) {
		u64 value = READ_ONCE_NOCHECK(word[i]);

		sum = jhash_2words(value, value >> 32, sum);
	}
	return sum;
}

/* The object at @p, if one starts there and is live; under the lock of its node. */
static bool look_locked(struct mspan *s, unsigned long p, struct gs_leaks_look *look)
{
	long i = gs_span_in_use(s) && gs_span_covers(s, (void *)p) ?
		 gs_span_index(s, (void *)p) : -1;
	const unsigned long *word = (void *)p;
	unsigned int n;

	if (i < 0 || READ_ONCE(s->objects[i]) < GS_LIVE_MIN)
		return false;
	look->size = min_t(size_t, s->elemsize, gs_span_end(s) - p);
	look->sum = sum_of(word, min_t(size_t, look->size, SUM_BYTES));
	for (n = 0; n < min_t(size_t, look->size, GS_LEAKS_DUMP) / sizeof(long); n++)
		((unsigned long *)look->bytes)[n] = READ_ONCE_NOCHECK(word[n]);
	look->owner = gs_special_owner_of(s, i, READ_ONCE(s->objects[i]));
	strscpy(look->name, gs_span_name(s), sizeof(look->name));
	return true;
}

/*
 * The live object at @p, as it is now. Return: false if there is none. Descriptors of
 * classes keep their type until unload, so a name is some name.
 */
bool gs_leaks_look_at(unsigned long p, struct gs_leaks_look *look)
{
	const struct mspan *s;
	unsigned long flags;
	struct mheap *h;
	bool live;

	rcu_read_lock();
	s = gs_arena_look((void *)p);
	h = &gs_mheaps[gs_span_covers(s, (void *)p) ? READ_ONCE(s->node) : 0];
	rcu_read_unlock();
	gs_lock(&h->lock, flags);
	live = look_locked(gs_arena_look((void *)p), p, look);
	gs_unlock(&h->lock, flags);
	return live;
}

/* Was the object at @p allocated after the scan began? Only a record can tell. */
static bool is_newer(unsigned long p, unsigned long old)
{
	struct gs_special r;

	return gs_special_find((void *)p, &r) && time_after(r.when, old);
}

/* Keep those leaks of which @keep says so. */
static void filter(struct leaks *l, bool (*keep)(const struct leak *leak, const void *arg),
		   const void *arg)
{
	unsigned int i, n = 0;

	for (i = 0; i < l->nr; i++) {
		if (keep(&l->of[i], arg))
			l->of[n++] = l->of[i];
		cond_resched();
	}
	l->nr = n;
}

/* Is it the object that it was? */
static bool is_same(const struct leak *leak, const void *unused)
{
	struct gs_leaks_look look;

	return gs_leaks_look_at(~leak->hidden, &look) && look.sum == leak->sum;
}

static bool is_still_white(const struct leak *leak, const void *arg)
{
	return gs_mark_is_old(arg, ~leak->hidden) && is_same(leak, NULL) &&
	       !is_newer(~leak->hidden, last.old);
}

/* For gs_mark_each(): leaks are noted in @l as long as there is room. */
struct noting {
	struct gs_mark *m;
	struct leaks *l;
	unsigned int room;
};

static void note(unsigned long p, void *arg)
{
	struct noting *to = arg;
	struct gs_leaks_look look;

	if (to->l->nr < to->room && gs_leaks_look_at(p, &look))
		to->l->of[to->l->nr++] = (struct leak){ ~p, look.sum };
	else
		gs_mark_drop(to->m, p);
}

/* One trace. Return: objects that are white after it, or what went wrong. */
static long trace(struct gs_mark *m, unsigned long frame)
{
	int ret = gs_roots_scan(m, frame, &last.nr_pages);

	ret = ret ?: gs_mark_young(m);
	return ret ?: (long)gs_mark_narrow(m);
}

/* Wait until what was live when the scan began is old enough. Return: 0 or -EINTR. */
static int wait_for_age(unsigned long old)
{
	unsigned long end = old + msecs_to_jiffies(READ_ONCE(gs_leaks_min_age));

	while (time_before(jiffies, end) && !fatal_signal_pending(current))
		schedule_timeout_killable(end - jiffies);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

/* The first trace left @n objects white: which of them stay so? */
static int suspect(struct gs_mark *m, unsigned long frame, unsigned long n, struct leaks *l)
{
	struct noting to = { m, l, min(n, (unsigned long)MOST_LEAKS) };
	unsigned int i, before, quiet = 0;
	ktime_t start = ktime_get();
	long ret;

	l->of = gs_mark_alloc(to.room * sizeof(*l->of));
	if (!l->of)
		return -ENOMEM;
	gs_mark_each(m, note, &to);
	last.ms += ktime_ms_delta(ktime_get(), start);
	ret = wait_for_age(last.old);
	start = ktime_get();
	for (i = 1; i < MOST_TRACES && quiet < QUIET && l->nr && ret >= 0; i++) {
		before = l->nr;
		ret = trace(m, frame);
		filter(l, is_still_white, m);
		quiet = l->nr < before ? 0 : quiet + 1;
	}
	last.ms += ktime_ms_delta(ktime_get(), start);
	return ret < 0 ? ret : 0;
}

static int scan(unsigned long frame, struct leaks *l)
{
	ktime_t start = ktime_get();
	struct gs_mark *m;
	unsigned int i;
	long ret;

	last = (struct gs_leaks_last){ .old = jiffies };
	m = gs_mark_begin(NULL);
	if (IS_ERR(m))
		return PTR_ERR(m);
	filter(&cleared, is_same, NULL);
	for (i = 0; i < cleared.nr; i++)
		gs_mark_drop(m, ~cleared.of[i].hidden);
	ret = trace(m, frame);
	last.nr_marked = m->nr_marked;
	last.first_ms = ktime_ms_delta(ktime_get(), start);
	last.ms = last.first_ms;
	if (ret > 0)
		ret = suspect(m, frame, ret, l);
	gs_mark_end(m);
	last.done = !ret;
	return ret;
}

static void forget(struct leaks *l)
{
	kvfree(l->of);
	*l = (struct leaks){ };
}

/**
 * gs_leaks_scan() - look for objects that nothing leads to.
 *
 * What the last scan found is forgotten, whatever comes of this one.
 *
 * Context: task; sleeps, for gs_leaks_min_age if there are suspects.
 * Return: 0, -ENOMEM, or -EINTR for a fatal signal.
 */
int gs_leaks_scan(void)
{
	/* What the callers have on the stack is above. */
	unsigned long frame = (unsigned long)__builtin_frame_address(0);
	int ret;

	if (mutex_lock_killable(&scan_lock))
		return -EINTR;
	forget(&found);
	ret = scan(frame, &found);
	if (ret)
		forget(&found);
	else if (found.nr)
		pr_info("goslab: %u suspected memory leaks (see /sys/kernel/debug/goslab/leaks)\n",
			found.nr);
	mutex_unlock(&scan_lock);
	return ret;
}
GS_EXPORT_KUNIT(gs_leaks_scan);

/**
 * gs_leaks_clear() - never report again what is reported now.
 *
 * Such an object is a root from here on, until it is freed or its contents change.
 *
 * Context: task; sleeps.
 * Return: 0 or -ENOMEM.
 */
int gs_leaks_clear(void)
{
	struct leak *all;
	int ret = 0;

	mutex_lock(&scan_lock);
	if (found.nr) {
		all = gs_mark_alloc(((size_t)cleared.nr + found.nr) * sizeof(*all));
		if (all) {
			memcpy(all, cleared.of, cleared.nr * sizeof(*all));
			memcpy(all + cleared.nr, found.of, found.nr * sizeof(*all));
			kvfree(cleared.of);
			cleared.of = all;
			cleared.nr += found.nr;
			forget(&found);
		} else {
			ret = -ENOMEM;
		}
	}
	mutex_unlock(&scan_lock);
	return ret;
}
GS_EXPORT_KUNIT(gs_leaks_clear);

/* What the last scan found, objects that were freed since included. */
unsigned int gs_leaks_nr(void)
{
	unsigned int nr;

	mutex_lock(&scan_lock);
	nr = found.nr;
	mutex_unlock(&scan_lock);
	return nr;
}
GS_EXPORT_KUNIT(gs_leaks_nr);

/* Did it find the object at @p? */
bool gs_leaks_has(const void *p)
{
	unsigned int i;

	mutex_lock(&scan_lock);
	for (i = 0; i < found.nr && found.of[i].hidden != ~(unsigned long)p; i++)
		;
	i = i < found.nr;
	mutex_unlock(&scan_lock);
	return i;
}
GS_EXPORT_KUNIT(gs_leaks_has);

/* At unload, and between tests: no scan was made, nothing is cleared. */
void gs_leaks_forget(void)
{
	mutex_lock(&scan_lock);
	forget(&found);
	forget(&cleared);
	last.done = false;
	mutex_unlock(&scan_lock);
}
GS_EXPORT_KUNIT(gs_leaks_forget);

/* For readers: what was found does not change until gs_leaks_unlock(). */
int gs_leaks_lock(void)
{
	return mutex_lock_killable(&scan_lock) ? -EINTR : 0;
}

void gs_leaks_unlock(void)
{
	mutex_unlock(&scan_lock);
}

/* Between these two: leak @i, or 0 if there are fewer. */
unsigned long gs_leaks_at(unsigned int i)
{
	return i < found.nr ? ~found.of[i].hidden : 0;
}

/* And what the last scan said. */
const struct gs_leaks_last *gs_leaks_said(unsigned int *nr)
{
	*nr = found.nr;
	return &last;
}
