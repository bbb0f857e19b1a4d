// SPDX-License-Identifier: GPL-2.0
/*
 * roots: memory outside of goslab that may lead to its objects.
 *
 * That is every page that the kernel uses for itself: objects of slab, vmalloc areas,
 * data and bss of the kernel and of modules, memory per CPU, stacks, struct pages,
 * whatever else was drawn from the page allocator. They are found by page number, so
 * no list of the kernel's is walked, and nothing has to be told. A page is copied by
 * a call that survives a fault, and its copy is looked through.
 *
 * No roots are: free pages; pages of user space and of the page cache; page tables;
 * pages that must not be read (poisoned, offline, not RAM); records of kmemleak;
 * goslab's own: its objects are reached or not, and its metadata has the addresses of
 * free ones. Roots are arguments of actions, and pages of guarded objects, whoever has
 * their address. Clients name what is left out with gs_roots_add().
 *
 * Of the stack of the task that scans, only what its callers have is looked at: the
 * rest has addresses that the scan itself came by.
 *
 * Lock:       roots_lock, sleeping, for the ranges of clients; a leaf.
 * Context:    task; sleeps. Pages come and go meanwhile.
 * Tests:      kunit/leakscan_kunit.c, scripts/guest/leakscan.sh
 */
#include "watch/roots.h"

#include <linux/ioport.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/sched/task_stack.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "base/sys.h"
#include "middle/action.h"
#include "front/guard.h"
#include "watch/mark.h"

#define STACK_PAGES	DIV_ROUND_UP(THREAD_SIZE, PAGE_SIZE)

/* A range that a client named. */
struct root {
	struct list_head link;
	const void *p;
	size_t bytes;
};

static LIST_HEAD(roots);
static DEFINE_MUTEX(roots_lock);

/**
 * struct walk - one walk of all roots.
 * @m: the scan.
 * @copy: a page.
 * @stack: pages of this task's stack.
 * @nr_pages: that were looked at.
 */
struct walk {
	struct gs_mark *m;
	unsigned long *copy;
	struct page *stack[STACK_PAGES];
	unsigned long nr_pages;
};

/* Memory that may not be there, or not for KASAN. Return: could it be read? */
bool gs_roots_copy(unsigned long *copy, const void *p, size_t bytes)
{
	long fault;

	gs_compat_kasan_pause();
	fault = copy_from_kernel_nofault(copy, p, bytes);
	gs_compat_kasan_resume();
	return !fault;
}

/* Words from @p on, within a page of memory. What cannot be read leads nowhere. */
static void look(struct walk *w, const void *p, size_t bytes)
{
	if (gs_roots_copy(w->copy, p, bytes))
		gs_mark_words(w->m, w->copy, bytes / sizeof(long));
}

static void look_range(struct walk *w, unsigned long from, unsigned long to)
{
	unsigned long p, n;

	for (p = ALIGN(from, sizeof(long)); p < to; p += n) {
		n = min(to, ALIGN_DOWN(p, PAGE_SIZE) + PAGE_SIZE) - p;
		look(w, (void *)p, ALIGN_DOWN(n, sizeof(long)));
	}
}

/* Ranges are added and deleted by clients, who must not wait for long. */
static void look_ranges(struct walk *w)
{
	struct root *r;

	mutex_lock(&roots_lock);
	list_for_each_entry(r, &roots, link)
		look_range(w, (unsigned long)r->p, (unsigned long)r->p + r->bytes);
	mutex_unlock(&roots_lock);
}

/* The object of an action reaches its argument. */
static void look_arg(unsigned long arg, void *m)
{
	gs_mark_words(m, &arg, 1);
}

/* Guarded objects lie in pages of ours. They are reached, and so are their stand-ins. */
static void look_guarded(struct walk *w)
{
	struct gs_guard *g;
	unsigned int i;

	for (i = 0; (g = gs_guard_slot(i)); i++) {
		unsigned long standin = (unsigned long)READ_ONCE(g->standin);

		if (READ_ONCE(g->state) != GS_GUARD_LIVE)
			continue;
		gs_mark_words(w->m, &standin, 1);
		look(w, g->page, PAGE_SIZE);
	}
}

static void note_stack(struct walk *w)
{
	void *stack = task_stack_page(current);
	unsigned int i;

	for (i = 0; i < STACK_PAGES; i++) {
		void *p = stack + i * PAGE_SIZE;

		w->stack[i] = is_vmalloc_addr(p) ? vmalloc_to_page(p) : virt_to_page(p);
	}
}

static bool is_stack(const struct walk *w, const struct page *page)
{
	unsigned int i;

	for (i = 0; i < STACK_PAGES; i++)
		if (w->stack[i] == page)
			return true;
	return false;
}

/* Is @page one that the kernel uses for itself? It may become another meanwhile. */
static bool is_root(const struct walk *w, struct page *page, unsigned long pfn)
{
	struct page *head = compound_head(page);

	if (PageHWPoison(page))
		return false;
	if (PageSlab(head))
		return !gs_kmemleak_owns(head);
	if (PageTable(head) || PageOffline(page) || gs_compat_unaccepted(page))
		return false;
	if (PageReserved(page))
		return gs_compat_is_ram(pfn);
	if (PageLRU(head) || READ_ONCE(head->mapping))
		return false;
	return !gs_sys_is_ours(page) && !is_stack(w, page);
}

/* Pages from @pfn on that need no look: 0 if the page is to be looked at. */
static unsigned long skip(const struct walk *w, struct page *page, unsigned long pfn)
{
	if (!page)
		return pageblock_nr_pages - (pfn & (pageblock_nr_pages - 1));
	if (PageBuddy(page)) {
		/* Of a page that was taken meanwhile this is any number. */
		unsigned long order = READ_ONCE(page_private(page));

		return order <= MAX_PAGE_ORDER && !(pfn & ((1UL << order) - 1)) ?
		       1UL << order : 1;
	}
	return is_root(w, page, pfn) ? 0 : 1;
}

static int look_node(struct walk *w, int node)
{
	unsigned long pfn = NODE_DATA(node)->node_start_pfn;
	unsigned long end = pfn + NODE_DATA(node)->node_spanned_pages;

	while (pfn < end) {
		struct page *page = pfn_to_online_page(pfn);
		unsigned long n = skip(w, page, pfn);
		int ret;

		if (!n) {
			look(w, page_address(page), PAGE_SIZE);
			w->nr_pages++;
			n = 1;
			ret = gs_mark_drain(w->m);
			if (ret)
				return ret;
		}
		pfn += n;
		cond_resched();
	}
	return 0;
}

/**
 * gs_roots_scan() - mark what is reached from the roots.
 * @m: the scan.
 * @frame: a frame of this task's stack: what is above it is looked at.
 * @nr_pages: set to the number of pages that were looked at.
 *
 * Context: task; sleeps.
 * Return: 0, -ENOMEM, or -EINTR for a fatal signal.
 */
int gs_roots_scan(struct gs_mark *m, unsigned long frame, unsigned long *nr_pages)
{
	struct walk *w = gs_mark_alloc(sizeof(*w));
	int node, ret = -ENOMEM;

	if (!w)
		return ret;
	w->m = m;
	w->copy = gs_mark_alloc(PAGE_SIZE);
	if (w->copy) {
		gs_kmemleak_find(w->copy);
		note_stack(w);
		look_ranges(w);
		gs_action_each_arg(look_arg, m);
		look_guarded(w);
		look_range(w, frame, (unsigned long)task_stack_page(current) + THREAD_SIZE);
		ret = gs_mark_drain(m);
		for_each_online_node(node)
			ret = ret ?: look_node(w, node);
		/* Free memory keeps what it had, and may be a root when it is used again. */
		memset(w->copy, 0, PAGE_SIZE);
	}
	*nr_pages = w->nr_pages;
	kvfree(w->copy);
	kvfree(w);
	return ret;
}
GS_EXPORT_KUNIT(gs_roots_scan);

/**
 * gs_roots_add() - a range is a root from here on.
 * @p: its start; memory that stays readable, or not: it is never written to.
 * @bytes: of it.
 *
 * Context: task; sleeps.
 * Return: 0 or -ENOMEM.
 */
int gs_roots_add(const void *p, size_t bytes)
{
	struct root *r = gs_mark_alloc(sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->p = p;
	r->bytes = bytes;
	mutex_lock(&roots_lock);
	list_add(&r->link, &roots);
	mutex_unlock(&roots_lock);
	return 0;
}

/* The range at @p, added last, is no root any more. Return: false if there is none. */
bool gs_roots_del(const void *p)
{
	struct root *r;

	mutex_lock(&roots_lock);
	list_for_each_entry(r, &roots, link)
		if (r->p == p)
			break;
	if (list_entry_is_head(r, &roots, link))
		r = NULL;
	else
		list_del(&r->link);
	mutex_unlock(&roots_lock);
	kvfree(r);
	return r;
}

/* At unload: what clients forgot. */
void gs_roots_exit(void)
{
	struct root *r, *next;

	list_for_each_entry_safe(r, next, &roots, link)
		kvfree(r);
	INIT_LIST_HEAD(&roots);
}
