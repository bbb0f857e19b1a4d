// SPDX-License-Identifier: GPL-2.0
/*
 * hugeblocks: how full each aligned block of 2 MiB is, and where it has room.
 *
 * Each block of which pages were ever ours has a record: a bit for each page, how many
 * are live, how many are free in a row. The blocks with a free page are in four trees by
 * address: at least half live, less, nothing live, and all free. Each block in a tree
 * knows the longest free stretch below it, so that a search finds the lowest block with
 * room on one way down.
 *
 * (TCMalloc: HugePageFiller, PageTracker, RangeTracker. There a block is in one of
 * hundreds of lists, by its longest free stretch and then by its allocations, because
 * the address tells nothing about huge pages that are virtual. Here low addresses first
 * pack better than either; design.rst has the figures.)
 *
 * Flow:       pagefiller -> [hugeblocks]
 * Owner:      the runs of a node, or of a test.
 * Lock:       the caller's: mheap lock. New tables need none: the first one stays.
 * Lifetime:   tables stay until the exit.
 * Context:    any but NMI; gs_huge_reserve() as its gfp says.
 * Invariants: (R1 of pagefiller.c) each block with a free page is in the tree of its
 *             kind, and @longest and @most say what the bits say.
 * Memory:     a table of 4 KiB for each 64 MiB, before the lock is taken.
 * Tests:      kunit/fit_kunit.c
 */
#include "back/hugeblocks.h"

#include <linux/rbtree_augmented.h>

#include "back/arena.h"
#include "back/pagewindow.h"
#include "base/sys.h"

/* Blocks that an aligned search looks into before it takes one that fits for sure. */
#define FIND_BLOCKS	8U

#define huge_of(node)	rb_entry(node, struct gs_huge, rb)
#define HUGE_WORDS	(GS_HUGE_PAGES / BITS_PER_LONG)

static u16 longest_of(const struct gs_huge *h)
{
	return h->longest;
}

RB_DECLARE_CALLBACKS_MAX(static, most_calls, struct gs_huge, rb, u16, most, longest_of)

/* Blocks have numbers from the start of the direct map, as windows have. */
static unsigned long number_of(unsigned long addr)
{
	return (addr - PAGE_OFFSET) >> GS_HUGE_SHIFT;
}

static struct gs_huge_window *window_at(const struct gs_huge_blocks *blocks,
					unsigned long w)
{
	struct gs_huge_group *group;

	if (w / GS_HUGE_WINDOWS >= blocks->nr_groups)
		return NULL;
	group = READ_ONCE(blocks->group[w / GS_HUGE_WINDOWS]);
	return group ? READ_ONCE(group->window[w % GS_HUGE_WINDOWS]) : NULL;
}

/* The block of @addr; NULL if nothing near it ever was ours. */
struct gs_huge *gs_huge_at(const struct gs_huge_blocks *blocks, unsigned long addr)
{
	unsigned long number = number_of(addr);
	struct gs_huge_window *win = window_at(blocks, number / GS_WINDOW_HUGES);

	return win ? &win->of[number % GS_WINDOW_HUGES] : NULL;
}
GS_EXPORT_KUNIT(gs_huge_at);

/* Is the page at @addr free? */
bool gs_huge_is_free(const struct gs_huge_blocks *blocks, unsigned long addr)
{
	const struct gs_huge *h = gs_huge_at(blocks, addr);

	return h && !test_bit((addr - h->base) >> GS_PAGE_SHIFT, h->taken);
}

/* Return: blocks, of which none has a page; NULL without memory. */
struct gs_huge_blocks *gs_huge_init(int node)
{
	unsigned long end = gs_radix.base + gs_radix.size;
	unsigned int nr = DIV_ROUND_UP(number_of(end), GS_WINDOW_HUGES * GS_HUGE_WINDOWS);
	struct gs_huge_blocks *blocks;

	blocks = gs_sys_draw_meta(struct_size(blocks, group, nr), node, GFP_KERNEL);
	if (!blocks)
		return NULL;
	gs_fixalloc_init(&blocks->groups, sizeof(struct gs_huge_group), 0, NULL);
	gs_fixalloc_init(&blocks->windows, sizeof(struct gs_huge_window), 0, NULL);
	blocks->nr_groups = nr;
	return blocks;
}

void gs_huge_exit(struct gs_huge_blocks *blocks)
{
	gs_fixalloc_exit(&blocks->windows);
	gs_fixalloc_exit(&blocks->groups);
	gs_sys_give_meta(blocks, struct_size(blocks, group, blocks->nr_groups));
}

/* Publish a table, unless there is one meanwhile. Return: that which stays. */
static void *publish(void **where, void *made, struct fixalloc *f)
{
	/* Ordered: what is in the table comes before it. */
	void *was = cmpxchg(where, NULL, made);

	if (was)
		gs_fixalloc_free(f, made);
	return was ?: made;
}

static struct gs_huge_group *make_group(struct gs_huge_blocks *blocks, unsigned long g,
					gfp_t gfp)
{
	struct gs_huge_group *group = READ_ONCE(blocks->group[g]);

	if (group)
		return group;
	group = gs_fixalloc_alloc(&blocks->groups, gfp);
	if (!group)
		return NULL;
	memset(group, 0, sizeof(*group));
	return publish((void **)&blocks->group[g], group, &blocks->groups);
}

static struct gs_huge_window *make_window(struct gs_huge_blocks *blocks, unsigned long w,
					  gfp_t gfp)
{
	struct gs_huge_window *win = gs_fixalloc_alloc(&blocks->windows, gfp);
	unsigned int i;

	if (!win)
		return NULL;
	memset(win, 0, sizeof(*win));
	for (i = 0; i < GS_WINDOW_HUGES; i++) {
		win->of[i].base = PAGE_OFFSET + w * GS_RUN_WINDOW + i * GS_HUGE_SIZE;
		bitmap_fill(win->of[i].taken, GS_HUGE_PAGES);
	}
	return win;
}

/**
 * gs_huge_reserve() - have the tables for pages that come.
 * @blocks: of their node.
 * @base: address of the first.
 * @bytes: how much; in one window, as all that is drawn at once.
 * @gfp: for the tables.
 *
 * Context: as @gfp says; no lock held.
 * Return: 0 or -ENOMEM.
 */
int gs_huge_reserve(struct gs_huge_blocks *blocks, unsigned long base, size_t bytes,
		    gfp_t gfp)
{
	unsigned long w = number_of(base) / GS_WINDOW_HUGES;
	struct gs_huge_group *group;
	struct gs_huge_window *win;

	group = make_group(blocks, w / GS_HUGE_WINDOWS, gfp);
	if (!group)
		return -ENOMEM;
	if (READ_ONCE(group->window[w % GS_HUGE_WINDOWS]))
		return 0;
	win = make_window(blocks, w, gfp);
	if (!win)
		return -ENOMEM;
	publish((void **)&group->window[w % GS_HUGE_WINDOWS], win, &blocks->windows);
	return 0;
}

static enum gs_huge_kind kind_of(const struct gs_huge *h)
{
	if (h->longest == GS_HUGE_PAGES)
		return GS_HUGE_WHOLE;
	if (!h->live)
		return GS_HUGE_IDLE;
	return h->live < GS_HUGE_PAGES / 2 ? GS_HUGE_SPARSE : GS_HUGE_FULL;
}

static void link_block(struct rb_root *tree, struct gs_huge *h)
{
	struct rb_node **link = &tree->rb_node, *parent = NULL;

	while (*link) {
		struct gs_huge *at = huge_of(*link);

		parent = *link;
		at->most = max(at->most, h->longest);
		link = h->base < at->base ? &parent->rb_left : &parent->rb_right;
	}
	h->most = h->longest;
	rb_link_node(&h->rb, parent, link);
	rb_insert_augmented(&h->rb, tree, &most_calls);
}

/* The bits or the live pages of a block changed: put it where it belongs. */
static void settle(struct gs_huge_blocks *blocks, struct gs_huge *h)
{
	unsigned int was = h->longest;
	enum gs_huge_kind kind;

	h->longest = gs_window_longest_free(h->taken, HUGE_WORDS);
	kind = kind_of(h);
	if (was && h->longest && kind == h->kind) {
		if (was != h->longest)
			most_calls.propagate(&h->rb, NULL);
		return;
	}
	if (was)
		rb_erase_augmented(&h->rb, &blocks->tree[h->kind], &most_calls);
	h->kind = kind;
	if (!h->longest)
		return;
	link_block(&blocks->tree[kind], h);
	blocks->end = max_t(unsigned long, blocks->end,
			    number_of(h->base) / (GS_WINDOW_HUGES * GS_HUGE_WINDOWS) + 1);
}

/**
 * gs_huge_count() - pages come, go or change.
 * @blocks: of their node.
 * @base: address of the first.
 * @npages: how many.
 * @free: are they free now?
 * @live: 1 if they were not live and are now, -1 the other way round, else 0.
 */
void gs_huge_count(struct gs_huge_blocks *blocks, unsigned long base,
		   unsigned int npages, bool free, int live)
{
	while (npages) {
		struct gs_huge *h = gs_huge_at(blocks, base);
		unsigned int first = (base - h->base) >> GS_PAGE_SHIFT;
		unsigned int n = min(npages, GS_HUGE_PAGES - first);

		if (free)
			bitmap_clear(h->taken, first, n);
		else
			bitmap_set(h->taken, first, n);
		h->live += live * (int)n;
		settle(blocks, h);
		base += n * GS_PAGE_SIZE;
		npages -= n;
	}
}

static u16 most_of(const struct rb_node *node)
{
	return node ? huge_of(node)->most : 0;
}

/* The lowest block of a tree with @npages in a row, or NULL. */
static struct gs_huge *lowest(const struct rb_root *tree, unsigned int npages)
{
	struct rb_node *node = tree->rb_node;

	if (most_of(node) < npages)
		return NULL;
	while (1) {
		if (most_of(node->rb_left) >= npages)
			node = node->rb_left;
		else if (huge_of(node)->longest >= npages)
			return huge_of(node);
		else
			node = node->rb_right;
	}
}

/* Where in a block an aligned stretch begins, or 0. */
static unsigned long stretch(struct gs_huge *h, unsigned int npages, unsigned int align)
{
	unsigned long at;

	at = bitmap_find_next_zero_area_off(h->taken, GS_HUGE_PAGES, 0, npages, align - 1,
					    (h->base >> GS_PAGE_SHIFT) & (align - 1));
	return at < GS_HUGE_PAGES ? h->base + at * GS_PAGE_SIZE : 0;
}

/*
 * The same in a tree. Looks at up to *@looks blocks; then at one with so many pages in a
 * row that it has place wherever they start.
 */
static unsigned long find_in(const struct rb_root *tree, unsigned int npages,
			     unsigned int align, unsigned int *looks)
{
	struct gs_huge *h = lowest(tree, npages);
	struct rb_node *node = h ? &h->rb : NULL;
	unsigned long at;

	for (; node && *looks; node = rb_next(node), --*looks) {
		at = stretch(huge_of(node), npages, align);
		if (at)
			return at;
	}
	h = node ? lowest(tree, npages + align - 1) : NULL;
	return h ? stretch(h, npages, align) : 0;
}

/**
 * gs_huge_find() - room for pages in a block that is not all free.
 * @blocks: where to look: those half live first, then those less so, then those with
 *          nothing live; of each the one at the lowest address.
 * @npages: wanted, in one block.
 * @align: in pages, a power of two.
 *
 * Return: the address of the first, or 0.
 */
unsigned long gs_huge_find(struct gs_huge_blocks *blocks, unsigned int npages,
			   unsigned int align)
{
	unsigned int looks = FIND_BLOCKS, kind;
	unsigned long at = 0;

	for (kind = GS_HUGE_FULL; kind <= GS_HUGE_IDLE && !at; kind++)
		at = find_in(&blocks->tree[kind], npages, align, &looks);
	gs_count_steps((FIND_BLOCKS - looks) * max(GS_HUGE_PAGES / align, 1U));
	return at;
}

/* The block of a kind at the highest address, or NULL. */
struct gs_huge *gs_huge_highest(const struct gs_huge_blocks *blocks,
				enum gs_huge_kind kind)
{
	struct rb_node *node = rb_last(&blocks->tree[kind]);

	return node ? huge_of(node) : NULL;
}

static bool is_right(const struct gs_huge *h)
{
	u16 most = max3(h->longest, most_of(h->rb.rb_left), most_of(h->rb.rb_right));

	if (h->longest != gs_window_longest_free(h->taken, HUGE_WORDS) ||
	    h->live > GS_HUGE_PAGES)
		return false;
	return !h->longest || (h->kind == kind_of(h) && h->most == most);
}

/**
 * gs_huge_verify_window() - check the blocks of one window.
 * @blocks: of a node.
 * @window: the first window to look at; then the next one.
 * @nr_free: their free pages are added.
 * @done: set after the last.
 *
 * Return: false if something is wrong.
 */
bool gs_huge_verify_window(const struct gs_huge_blocks *blocks, unsigned long *window,
			   unsigned long *nr_free, bool *done)
{
	const struct gs_huge_window *win;
	unsigned int i;

	while (*window / GS_HUGE_WINDOWS < blocks->end && !window_at(blocks, *window))
		*window += blocks->group[*window / GS_HUGE_WINDOWS] ? 1 :
			   GS_HUGE_WINDOWS - *window % GS_HUGE_WINDOWS;
	*done = *window / GS_HUGE_WINDOWS >= blocks->end;
	win = *done ? NULL : window_at(blocks, *window);
	for (i = 0; win && i < GS_WINDOW_HUGES; i++) {
		if (!is_right(&win->of[i]))
			return false;
		*nr_free += GS_HUGE_PAGES - bitmap_weight(win->of[i].taken, GS_HUGE_PAGES);
	}
	++*window;
	return true;
}
