// SPDX-License-Identifier: GPL-2.0
/*
 * string_kunit: goslab_string: api/string.c and <linux/goslab_string.h>.
 *
 * Cases run in kernel threads, which have no user's memory; copies of it are
 * made while the suite starts, in the task that loads this module, and looked
 * at by the cases.
 */
#include <linux/goslab.h>
#include <linux/mm.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/uaccess.h>

#include "testlib.h"

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

static void memdup(struct kunit *test)
{
	static const size_t sizes[] = { 1, 8, 100, 4096, 40000 };
	unsigned int i;
	u8 *src = kunit_kmalloc(test, 40000, GFP_KERNEL), *p;

	KUNIT_ASSERT_NOT_NULL(test, src);
	for (i = 0; i < 40000; i++)
		src[i] = i * 31 >> 3;
	for (i = 0; i < ARRAY_SIZE(sizes); i++) {
		p = goslab_memdup(src, sizes[i], GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, memcmp(p, src, sizes[i]), 0);
		goslab_free(p);
	}
	KUNIT_EXPECT_PTR_EQ(test, goslab_memdup(src, hidden(0), GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_NULL(test, goslab_memdup(src, hidden(GOSLAB_MAX_SIZE + 1),
					      GFP_KERNEL));
	p = goslab_memdup_array(src, 30, 7, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, memcmp(p, src, 210), 0);
	goslab_free(p);
	KUNIT_EXPECT_NULL(test, goslab_memdup_array(src, hidden(SIZE_MAX / 2), 7,
						    GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_memdup_array(src, hidden(SIZE_MAX / 16 +
								2), 16,
						    GFP_KERNEL));
}

static const char text[] = "the quick brown fox jumps over the lazy dog";

static void copies_a_string(struct kunit *test)
{
	size_t len;
	char *p;

	for (len = 0; len < sizeof(text); len++) {
		p = goslab_strdup(text + len, GFP_KERNEL);
		KUNIT_EXPECT_STREQ(test, p, text + len);
		KUNIT_EXPECT_GE(test, goslab_size(p), sizeof(text) - len);
		goslab_free(p);
		p = goslab_strndup(text, len, GFP_KERNEL);
		KUNIT_ASSERT_NOT_NULL(test, p);
		KUNIT_EXPECT_EQ(test, strlen(p), len);
		KUNIT_EXPECT_EQ(test, memcmp(p, text, len), 0);
		goslab_free(p);
	}
	p = goslab_strndup(text, hidden(SIZE_MAX), GFP_KERNEL);
	KUNIT_EXPECT_STREQ(test, p, text);
	goslab_free(p);
	/* What follows is not read: it may be what it likes. */
	p = goslab_memdup_nul("ab\0cd", 5, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, memcmp(p, "ab\0cd", 6), 0);
	goslab_free(p);
	KUNIT_EXPECT_NULL(test, goslab_strdup(NULL, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_strndup(NULL, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_memdup_nul(NULL, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_memdup_nul(text, hidden(SIZE_MAX),
						  GFP_KERNEL));
}

/* A copy, so that the original may go, or change. */
static void strdup_const(struct kunit *test)
{
	const char *p = goslab_strdup_const(text, GFP_KERNEL);

	KUNIT_EXPECT_STREQ(test, p, text);
	KUNIT_EXPECT_PTR_NE(test, p, &text[0]);
	goslab_free_const(p);
	goslab_free_const(NULL);
	KUNIT_EXPECT_NULL(test, goslab_strdup_const(NULL, GFP_KERNEL));
}

static __printf(2, 3) char *by_list(gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = goslab_vasprintf(gfp, fmt, args);
	va_end(args);
	return p;
}

static void printed(struct kunit *test)
{
	char *p;

	p = goslab_asprintf(GFP_KERNEL, "%s-%d", "eth", 42);
	KUNIT_EXPECT_STREQ(test, p, "eth-42");
	goslab_free(p);
	p = goslab_asprintf(GFP_ATOMIC, "plain");
	KUNIT_EXPECT_STREQ(test, p, "plain");
	goslab_free(p);
	p = goslab_asprintf(GFP_KERNEL, "%s", "");
	KUNIT_EXPECT_STREQ(test, p, "");
	goslab_free(p);
	p = goslab_asprintf(GFP_KERNEL, "%3000d|", 7);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_EQ(test, strlen(p), (size_t)3001);
	KUNIT_EXPECT_STREQ(test, p + 2999, "7|");
	goslab_free(p);
	p = by_list(GFP_KERNEL, "%s=%#x", "mask", 0xf0);
	KUNIT_EXPECT_STREQ(test, p, "mask=0xf0");
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_BAD_ZONE, 1,
			  KUNIT_EXPECT_NULL(test, goslab_asprintf(__GFP_DMA,
								  "no")));
}

/* The draw of a call fails: NULL, and nothing is left. */
static void without_memory(struct kunit *test)
{
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_memdup(text, sizeof(text), GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_strdup(text, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_strndup(text, 3, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_strdup_const(text, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_asprintf(GFP_KERNEL, "%d", 3));
	KUNIT_EXPECT_NULL(test, by_list(GFP_KERNEL, "%100d", 3));
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

#define USER_SIZE	(2 * PAGE_SIZE)

/* What the calls gave for a page of text, before one that is not there. */
static struct {
	bool there;
	void *mem;
	void *array;
	void *nul;
	void *str;
	void *vmem;
	void *varray;
	void *fault[8];
	void *overflow[2];
	void *too_long;
	void *no_memory[3];
} user;

static void ask_for_faults(const char __user *at)
{
	const char __user *gone = at + PAGE_SIZE;

	user.fault[0] = goslab_memdup_user(gone - 4, 8);
	user.fault[1] = goslab_memdup_array_user(gone - 4, 4, 2);
	user.fault[2] = goslab_memdup_user_nul(gone - 4, 8);
	user.fault[3] = goslab_strndup_user(gone, 8);
	user.fault[4] = goslab_vmemdup_user(gone - 4, 8);
	user.fault[5] = goslab_vmemdup_user(gone - 4, GOSLAB_MAX_SIZE + 1);
	user.fault[6] = goslab_vmemdup_array_user(gone - 4, 4, 2);
	user.fault[7] = goslab_memdup_user(gone - 4, 40000);
	user.overflow[0] = goslab_memdup_array_user(at, hidden(SIZE_MAX), 2);
	user.overflow[1] = goslab_vmemdup_array_user(at, hidden(SIZE_MAX), 2);
	user.too_long = goslab_strndup_user(at, sizeof(text) - 1);
	user.no_memory[0] = goslab_memdup_user(at, GOSLAB_MAX_SIZE + 1);
	user.no_memory[1] = goslab_memdup_user_nul(at, hidden(SIZE_MAX));
	user.no_memory[2] = goslab_vmemdup_user(at, INT_MAX + 1UL);
}

static void ask_for_copies(const char __user *at)
{
	user.mem = goslab_memdup_user(at, sizeof(text));
	user.array = goslab_memdup_array_user(at, 5, 4);
	user.nul = goslab_memdup_user_nul(at, 9);
	user.str = goslab_strndup_user(at, sizeof(text));
	user.vmem = goslab_vmemdup_user(at, PAGE_SIZE);
	user.varray = goslab_vmemdup_array_user(at, 5, 4);
	ask_for_faults(at);
}

/* In the task that loads the module: two pages, of which the second goes. */
static int suite_init(struct kunit_suite *suite)
{
	unsigned long at;

	gs_test_suite_init(suite);
	if (!current->mm)
		return 0;
	at = vm_mmap(NULL, 0, USER_SIZE, PROT_READ | PROT_WRITE,
		     MAP_ANONYMOUS | MAP_PRIVATE, 0);
	if (IS_ERR_VALUE(at))
		return 0;
	if (!copy_to_user((void __user *)at, text, sizeof(text)) &&
	    !vm_munmap(at + PAGE_SIZE, PAGE_SIZE)) {
		ask_for_copies((const char __user *)at);
		user.there = true;
	}
	vm_munmap(at, USER_SIZE);
	return 0;
}

static void users_memory(struct kunit *test)
{
	if (!user.there)
		kunit_skip(test, "needs the memory of a user");
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.mem));
	KUNIT_EXPECT_EQ(test, memcmp(user.mem, text, sizeof(text)), 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.array));
	KUNIT_EXPECT_EQ(test, memcmp(user.array, text, 20), 0);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.nul));
	KUNIT_EXPECT_STREQ(test, (char *)user.nul, "the quick");
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.str));
	KUNIT_EXPECT_STREQ(test, (char *)user.str, text);
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.vmem));
	KUNIT_EXPECT_EQ(test, memcmp(user.vmem, text, sizeof(text)), 0);
	KUNIT_EXPECT_NULL(test, memchr_inv(user.vmem + sizeof(text), 0,
					   PAGE_SIZE - sizeof(text)));
	KUNIT_ASSERT_FALSE(test, IS_ERR_OR_NULL(user.varray));
	KUNIT_EXPECT_EQ(test, memcmp(user.varray, text, 20), 0);
	goslab_free(user.mem);
	goslab_free(user.array);
	goslab_free(user.nul);
	goslab_free(user.str);
	goslab_kvfree(user.vmem);
	goslab_kvfree(user.varray);
}

static void users_mistakes(struct kunit *test)
{
	unsigned int i;

	if (!user.there)
		kunit_skip(test, "needs the memory of a user");
	for (i = 0; i < ARRAY_SIZE(user.fault); i++)
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(user.fault[i]), (long)-EFAULT,
				    "call %u", i);
	for (i = 0; i < ARRAY_SIZE(user.overflow); i++)
		KUNIT_EXPECT_EQ(test, PTR_ERR(user.overflow[i]),
				(long)-EOVERFLOW);
	KUNIT_EXPECT_EQ(test, PTR_ERR(user.too_long), (long)-EINVAL);
	for (i = 0; i < ARRAY_SIZE(user.no_memory); i++)
		KUNIT_EXPECT_EQ_MSG(test, PTR_ERR(user.no_memory[i]),
				    (long)-ENOMEM, "call %u", i);
}

static struct kunit_case string_cases[] = {
	KUNIT_CASE(users_memory),
	KUNIT_CASE(users_mistakes),
	KUNIT_CASE(memdup),
	KUNIT_CASE(copies_a_string),
	KUNIT_CASE(strdup_const),
	KUNIT_CASE(printed),
	KUNIT_CASE(without_memory),
	{}
};

static struct kunit_suite string_suite = {
	.name = "goslab_string",
	.suite_init = suite_init,
	.init = gs_test_init_pinned,
	.exit = gs_test_exit,
	.test_cases = string_cases,
};
kunit_test_suite(string_suite);
