/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: copies of memory and of strings, of the kernel's and of the user's.
 * Included by <linux/goslab.h>.
 *
 * Strings hold no pointers and come from goslab_malloc_noscan(): below 16 bytes
 * several of them share a block.
 */
#ifndef _LINUX_GOSLAB_STRING_H
#define _LINUX_GOSLAB_STRING_H

#include <linux/compiler.h>
#include <linux/err.h>
#include <linux/stdarg.h>
#include <linux/string.h>

/* Not for callers; used by the calls below. */
__printf(3, 4) char *__goslab_asprintf(struct goslab_owner *owner, gfp_t gfp,
				       const char *fmt, ...)
	__malloc __goslab_freed;
__printf(3, 0) char *__goslab_vasprintf(struct goslab_owner *owner, gfp_t gfp,
					const char *fmt, va_list args)
	__malloc __goslab_freed;
void *__goslab_memdup_user(const void __user *src, size_t size,
			   struct goslab_owner *owner) __alloc_size(2);
char *__goslab_memdup_user_nul(const void __user *src, size_t size,
			       struct goslab_owner *owner);
char *__goslab_strndup_user(const char __user *s, long n,
			    struct goslab_owner *owner);

/* Fill the memory if the allocation succeeded. */
static __always_inline void *__goslab_fill(void *p, const void *src,
					   size_t size)
{
	return p ? memcpy(p, src, size) : NULL;
}

static __always_inline char *__goslab_fill_nul(char *p, const char *src,
					       size_t len)
{
	if (p) {
		memcpy(p, src, len);
		p[len] = '\0';
	}
	return p;
}

/**
 * goslab_memdup() - allocate a copy of memory.
 * @src: what to copy.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __realloc_size(2) void *
goslab_memdup(const void *src, size_t size, gfp_t gfp)
{
	return __goslab_fill(goslab_malloc(size, gfp), src, size);
}

/**
 * goslab_memdup_array() - allocate a copy of an array.
 * @src: what to copy.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array().
 */
static __always_inline __realloc_size(2, 3) void *
goslab_memdup_array(const void *src, size_t n, size_t size, gfp_t gfp)
{
	return goslab_memdup(src, size_mul(n, size), gfp);
}

/**
 * goslab_memdup_nul() - allocate a string of so many characters.
 * @s: the characters; NULL gives NULL.
 * @len: how many; a NUL is put behind them.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
static inline char *goslab_memdup_nul(const char *s, size_t len, gfp_t gfp)
{
	if (!s)
		return NULL;
	return __goslab_fill_nul(goslab_malloc_noscan(size_add(len, 1), gfp), s,
				 len);
}

/**
 * goslab_strdup() - allocate a copy of a string.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline char *goslab_strdup(const char *s, gfp_t gfp)
{
	return goslab_memdup_nul(s, s ? strlen(s) : 0, gfp);
}

/**
 * goslab_strndup() - allocate a copy of the beginning of a string.
 * @s: the string; NULL gives NULL.
 * @max: characters copied at most.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, with a NUL at its end, or NULL.
 */
static inline char *goslab_strndup(const char *s, size_t max, gfp_t gfp)
{
	return goslab_memdup_nul(s, s ? strnlen(s, max) : 0, gfp);
}

/**
 * goslab_strdup_const() - allocate a copy of a string that will not be changed.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_malloc().
 *
 * For goslab_free_const(). Always copies: modules cannot find out where the
 * kernel's constants are, and those of a module go with it.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline const char *goslab_strdup_const(const char *s, gfp_t gfp)
{
	return goslab_strdup(s, gfp);
}

/**
 * goslab_free_const() - free what goslab_strdup_const() gave.
 * @s: the string, or NULL.
 *
 * Context: Any but NMI. Never sleeps.
 */
static inline void goslab_free_const(const void *s)
{
	goslab_free(s);
}

/**
 * goslab_asprintf() - print into a string that is as long as it needs to be.
 * @gfp: as for goslab_malloc().
 * @fmt: as for snprintf().
 * @...: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
#define goslab_asprintf(gfp, fmt, ...)					\
	__goslab_hooks(__goslab_asprintf(&goslab_this_owner, gfp, fmt,	\
					 ##__VA_ARGS__))

/**
 * goslab_vasprintf() - print into a string that is as long as it needs to be.
 * @gfp: as for goslab_malloc().
 * @fmt: as for vsnprintf().
 * @args: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
static __always_inline __printf(2, 0) char *
goslab_vasprintf(gfp_t gfp, const char *fmt, va_list args)
{
	return __goslab_vasprintf(&goslab_this_owner, gfp, fmt, args);
}

/**
 * goslab_memdup_user() - allocate a copy of a user's memory.
 * @src: address in user space.
 * @size: bytes.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: the copy, physically contiguous; ERR_PTR(-ENOMEM), also above
 * GOSLAB_MAX_SIZE, or ERR_PTR(-EFAULT).
 */
static __always_inline __realloc_size(2) void *
goslab_memdup_user(const void __user *src, size_t size)
{
	return __goslab_memdup_user(src, size, &goslab_this_owner);
}

/**
 * goslab_memdup_array_user() - allocate a copy of a user's array.
 * @src: address in user space.
 * @n: number of elements.
 * @size: bytes of an element.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: as goslab_memdup_user(); ERR_PTR(-EOVERFLOW) if @n * @size overflows.
 */
static __always_inline __realloc_size(2, 3) void *
goslab_memdup_array_user(const void __user *src, size_t n, size_t size)
{
	size_t bytes;

	if (unlikely(check_mul_overflow(n, size, &bytes)))
		return ERR_PTR(-EOVERFLOW);
	return goslab_memdup_user(src, bytes);
}

/**
 * goslab_memdup_user_nul() - allocate a string of a user's characters.
 * @src: address in user space.
 * @len: number of characters; a NUL is put behind them.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: as goslab_memdup_user().
 */
static __always_inline char *
goslab_memdup_user_nul(const void __user *src, size_t len)
{
	return __goslab_memdup_user_nul(src, len, &goslab_this_owner);
}

/**
 * goslab_strndup_user() - allocate a copy of a user's string.
 * @s: address in user space.
 * @n: bytes that it may have at most, its NUL included.
 *
 * Context: Task, with its user's memory. Sleeps.
 * Return: the copy; ERR_PTR(-EINVAL) if it is longer, otherwise as
 * goslab_memdup_user().
 */
static __always_inline char *goslab_strndup_user(const char __user *s, long n)
{
	return __goslab_strndup_user(s, n, &goslab_this_owner);
}

#endif /* _LINUX_GOSLAB_STRING_H */
