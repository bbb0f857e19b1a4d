// SPDX-License-Identifier: GPL-2.0
/*
 * devm_kunit: goslab_devm: api/devm.c, with a device that comes and goes.
 */
#include <linux/device.h>
#include <linux/goslab.h>

#include "testlib.h"

static struct device *dev;

static size_t hidden(size_t size)
{
	OPTIMIZER_HIDE_VAR(size);
	return size;
}

/* Of no module, for on 6.1 suites run before theirs has its kobject. */
static struct device *device_named(const char *name)
{
	return __root_device_register(name, NULL);
}

static int init(struct kunit *test)
{
	int ret = gs_test_init_pinned(test);

	if (ret)
		return ret;
	dev = device_named("goslab-kunit");
	return PTR_ERR_OR_ZERO(dev);
}

static void device_goes(void)
{
	if (!IS_ERR_OR_NULL(dev))
		root_device_unregister(dev);
	dev = NULL;
}

static void exit_case(struct kunit *test)
{
	device_goes();
	gs_test_exit(test);
}

/* @p was freed, by somebody. */
static void expect_freed(struct kunit *test, void *p)
{
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, GS_BUG_NOT_LIVE, 1,
			  KUNIT_EXPECT_EQ(test, goslab_size(p), (size_t)0));
}

static void freed_with_the_device(struct kunit *test)
{
	void *p[7];
	unsigned int i;

	p[0] = goslab_devm_malloc(dev, 100, GFP_KERNEL);
	p[1] = goslab_devm_zalloc(dev, 3000, GFP_KERNEL);
	p[2] = goslab_devm_malloc_array(dev, 10, 9, GFP_ATOMIC);
	p[3] = goslab_devm_calloc(dev, 1000, 50, GFP_KERNEL);
	p[4] = goslab_devm_memdup(dev, "abc", 4, GFP_KERNEL);
	p[5] = goslab_devm_strdup(dev, "a string of some length", GFP_KERNEL);
	p[6] = goslab_devm_memdup_array(dev, "abcdef", 2, 3, GFP_NOWAIT);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		KUNIT_ASSERT_NOT_NULL(test, p[i]);
	KUNIT_EXPECT_GE(test, goslab_size(p[2]), (size_t)90);
	KUNIT_EXPECT_NULL(test, memchr_inv(p[1], 0, 3000));
	KUNIT_EXPECT_NULL(test, memchr_inv(p[3], 0, 50000));
	KUNIT_EXPECT_STREQ(test, (char *)p[4], "abc");
	KUNIT_EXPECT_STREQ(test, (char *)p[5], "a string of some length");
	KUNIT_EXPECT_EQ(test, memcmp(p[6], "abcdef", 6), 0);
	device_goes();
	for (i = 0; i < ARRAY_SIZE(p); i++)
		expect_freed(test, p[i]);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void freed_before(struct kunit *test)
{
	void *p = goslab_devm_malloc(dev, 100, GFP_KERNEL);
	void *q = goslab_devm_malloc(dev, 100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, q);
	goslab_devm_free(dev, p);
	expect_freed(test, p);
	KUNIT_EXPECT_EQ(test, goslab_size(q), goslab_size_roundup(100));
	goslab_devm_free(dev, NULL);
	goslab_devm_free(dev, ZERO_SIZE_PTR);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 0, device_goes());
	expect_freed(test, q);
}

static void not_the_devices(struct kunit *test)
{
	struct device *other = device_named("goslab-kunit-2");
	void *p = goslab_devm_malloc(dev, 100, GFP_KERNEL);
	void *q = goslab_malloc(100, GFP_KERNEL);

	KUNIT_ASSERT_FALSE(test, IS_ERR(other));
	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(q);
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_DEVICE, 1,
			  goslab_devm_free(other, p));
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_DEVICE, 1,
			  goslab_devm_free(dev, q));
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_DEVICE, 1,
			  KUNIT_EXPECT_NULL(test,
				goslab_devm_realloc(dev, q, 10, GFP_KERNEL)));
	KUNIT_EXPECT_EQ(test, goslab_size(p), goslab_size_roundup(100));
	KUNIT_EXPECT_EQ(test, goslab_size(q), goslab_size_roundup(100));
	goslab_free(q);
	goslab_devm_free(dev, p);
	OPTIMIZER_HIDE_VAR(p);
	GS_EXPECT_REPORTS(test, GS_BUG_WRONG_DEVICE, 1,
			  goslab_devm_free(dev, p));
	root_device_unregister(other);
}

/* Freed behind the back of the device: it reports that at its end. */
static void freed_by_goslab_free(struct kunit *test)
{
	void *p = goslab_devm_malloc(dev, 100, GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, p);
	OPTIMIZER_HIDE_VAR(p);
	goslab_free(p);
	GS_EXPECT_REPORTS(test, GS_BUG_DOUBLE_FREE, 1, device_goes());
}

static void resized(struct kunit *test)
{
	char *p = goslab_devm_realloc(dev, NULL, 20, GFP_KERNEL), *q;

	KUNIT_ASSERT_NOT_NULL(test, p);
	strcpy(p, "kept");
	q = goslab_devm_realloc(dev, p, 5000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, q);
	KUNIT_EXPECT_STREQ(test, q, "kept");
	expect_freed(test, p);
	KUNIT_EXPECT_NULL(test, goslab_devm_realloc_array(dev, q,
							  hidden(SIZE_MAX), 2,
							  GFP_KERNEL));
	p = goslab_devm_realloc_array(dev, q, 50, 1000, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_EXPECT_STREQ(test, p, "kept");
	device_goes();
	expect_freed(test, p);
}

static void sizes_of_nothing(struct kunit *test)
{
	void *p = goslab_devm_malloc(dev, 100, GFP_KERNEL);

	KUNIT_EXPECT_PTR_EQ(test, goslab_devm_malloc(dev, hidden(0),
						     GFP_KERNEL),
			    ZERO_SIZE_PTR);
	KUNIT_EXPECT_PTR_EQ(test, goslab_devm_realloc(dev, p, hidden(0),
						      GFP_KERNEL),
			    ZERO_SIZE_PTR);
	expect_freed(test, p);
	KUNIT_EXPECT_NULL(test, goslab_devm_malloc_array(dev, hidden(SIZE_MAX),
							 2, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_devm_malloc(dev,
						   hidden(GOSLAB_MAX_SIZE + 1),
						   GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_devm_strdup(dev, NULL, GFP_KERNEL));
}

static __printf(1, 2) char *by_list(const char *fmt, ...)
{
	va_list args;
	char *p;

	va_start(args, fmt);
	p = goslab_devm_vasprintf(dev, GFP_KERNEL, fmt, args);
	va_end(args);
	return p;
}

static void strings(struct kunit *test)
{
	KUNIT_EXPECT_STREQ(test, goslab_devm_asprintf(dev, GFP_KERNEL, "eth%d",
						      3), "eth3");
	KUNIT_EXPECT_STREQ(test, by_list("%s-%s", "a", "b"), "a-b");
	KUNIT_EXPECT_STREQ(test, goslab_devm_strdup_const(dev, "const",
							  GFP_KERNEL),
			   "const");
	device_goes();
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
}

static void fail(enum gs_hook_point point, void *arg)
{
	*(u64 *)arg = 0;
}

/* Without a devres the object that is there already is given back. */
static void without_memory(struct kunit *test)
{
	gs_test_hook(GS_HOOK_OTHER_DRAW, fail);
	KUNIT_EXPECT_NULL(test, goslab_devm_malloc(dev, 100, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_devm_memdup(dev, "abc", 4, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_devm_asprintf(dev, GFP_KERNEL, "a"));
	KUNIT_EXPECT_NULL(test, by_list("b"));
	gs_test_hook(GS_HOOK_OTHER_DRAW, NULL);
	KUNIT_EXPECT_EQ(test, gs_test_idle_pages(), 0UL);
	gs_test_fail_draws(1, ULONG_MAX);
	KUNIT_EXPECT_NULL(test, goslab_devm_malloc(dev, 100, GFP_KERNEL));
	KUNIT_EXPECT_NULL(test, goslab_devm_asprintf(dev, GFP_KERNEL, "a"));
	KUNIT_EXPECT_GT(test, gs_test_end_draws(), 0UL);
}

static void compiler_knows(struct kunit *test)
{
	void *p = goslab_devm_malloc(dev, 100, GFP_KERNEL);
	void *q = goslab_devm_calloc(dev, 10, 10, GFP_KERNEL);

	KUNIT_EXPECT_EQ(test, __builtin_object_size(p, 1), (size_t)100);
	KUNIT_EXPECT_EQ(test, __builtin_object_size(q, 1), (size_t)100);
}

static struct kunit_case devm_cases[] = {
	KUNIT_CASE(freed_with_the_device),
	KUNIT_CASE(freed_before),
	KUNIT_CASE(not_the_devices),
	KUNIT_CASE(freed_by_goslab_free),
	KUNIT_CASE(resized),
	KUNIT_CASE(sizes_of_nothing),
	KUNIT_CASE(strings),
	KUNIT_CASE(without_memory),
	KUNIT_CASE(compiler_knows),
	{}
};

static struct kunit_suite devm_suite = {
	.name = "goslab_devm",
	.suite_init = gs_test_suite_init,
	.init = init,
	.exit = exit_case,
	.test_cases = devm_cases,
};
kunit_test_suite(devm_suite);
