// SPDX-License-Identifier: GPL-2.0
/*
 * string: printed strings, and copies of memory of user space.
 *
 * The rest of <linux/goslab_string.h> is inline, on goslab_malloc().
 *
 * Flow:       callers -> [string] -> api/malloc.c. Reports name the caller.
 * Lock:       none.
 * Context:    printing: any but NMI, as gfp says; the user's memory: task.
 * Tests:      kunit/string_kunit.c
 */
#include <linux/bug.h>
#include <linux/export.h>
#include <linux/goslab.h>
#include <linux/kernel.h>
#include <linux/uaccess.h>

#include "api/api.h"

char *gs_vasprintf_at(struct goslab_owner *owner, gfp_t gfp, unsigned long site,
		      const char *fmt, va_list args)
{
	int len, again;
	va_list copy;
	char *s;

	va_copy(copy, args);
	len = vsnprintf(NULL, 0, fmt, copy);
	va_end(copy);
	s = gs_malloc_noscan_at(len + 1UL, gfp, owner, site);
	if (!s)
		return NULL;
	again = vsnprintf(s, len + 1UL, fmt, args);
	WARN_ONCE(again != len, "goslab: \"%s\" printed %d, then %d bytes\n",
		  fmt, len, again);
	return s;
}

char *__goslab_vasprintf(struct goslab_owner *owner, gfp_t gfp, const char *fmt,
			 va_list args)
{
	return gs_vasprintf_at(owner, gfp, _RET_IP_, fmt, args);
}
EXPORT_SYMBOL_GPL(__goslab_vasprintf);

char *__goslab_asprintf(struct goslab_owner *owner, gfp_t gfp, const char *fmt,
			...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = gs_vasprintf_at(owner, gfp, _RET_IP_, fmt, args);
	va_end(args);
	return s;
}
EXPORT_SYMBOL_GPL(__goslab_asprintf);

/* User space chooses these sizes, so a failure must not warn. */
#define GFP_OF_USER	(GFP_USER | __GFP_NOWARN)

/* Fill @p, which may be NULL, or free it. */
static void *fill_from_user(void *p, const void __user *src, size_t size)
{
	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, src, size)) {
		goslab_free(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}

void *__goslab_memdup_user(const void __user *src, size_t size,
			   struct goslab_owner *owner)
{
	return fill_from_user(gs_malloc_at(size, GFP_OF_USER, NUMA_NO_NODE,
					   owner, _RET_IP_), src, size);
}
EXPORT_SYMBOL_GPL(__goslab_memdup_user);

static char *string_from_user(const void __user *src, size_t len,
			      struct goslab_owner *owner, unsigned long site)
{
	char *s = gs_malloc_noscan_at(size_add(len, 1), GFP_OF_USER, owner,
				      site);

	s = fill_from_user(s, src, len);
	if (!IS_ERR(s))
		s[len] = '\0';
	return s;
}

char *__goslab_memdup_user_nul(const void __user *src, size_t len,
			       struct goslab_owner *owner)
{
	return string_from_user(src, len, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_memdup_user_nul);

char *__goslab_strndup_user(const char __user *s, long n,
			    struct goslab_owner *owner)
{
	long bytes = strnlen_user(s, n);

	if (!bytes)
		return ERR_PTR(-EFAULT);
	if (bytes > n)
		return ERR_PTR(-EINVAL);
	/* User space may change the string meanwhile, so write the NUL here. */
	return string_from_user(s, bytes - 1, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_strndup_user);

void *__goslab_vmemdup_user(const void __user *src, size_t size,
			    struct goslab_owner *owner)
{
	void *p = gs_kvmalloc_at(size, GFP_USER, NUMA_NO_NODE, owner, _RET_IP_);

	if (!p)
		return ERR_PTR(-ENOMEM);
	if (copy_from_user(p, src, size)) {
		goslab_kvfree(p);
		return ERR_PTR(-EFAULT);
	}
	return p;
}
EXPORT_SYMBOL_GPL(__goslab_vmemdup_user);
