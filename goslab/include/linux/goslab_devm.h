/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: objects that are freed when the driver of a device goes.
 * Included by <linux/goslab.h>.
 *
 * They are freed by goslab_devm_free() or by the driver core, last made first
 * freed among all resources of the device; never by goslab_free(). No object
 * may be left to a device that stays when the calling module is unloaded.
 */
#ifndef _LINUX_GOSLAB_DEVM_H
#define _LINUX_GOSLAB_DEVM_H

struct device;

/**
 * goslab_devm_free() - free an object before its device goes.
 * @dev: the device.
 * @p: an object of the device, NULL or ZERO_SIZE_PTR.
 *
 * Anything else is reported and changes nothing.
 *
 * Context: Any but NMI. Never sleeps.
 */
void goslab_devm_free(struct device *dev, const void *p);

#if defined(CONFIG_CC_IS_GCC) && CONFIG_GCC_VERSION >= 110000
#define __goslab_devm_freed	__attribute__((__malloc__(goslab_devm_free, 2)))
#else
#define __goslab_devm_freed
#endif

/* Not for callers; used by the calls below. */
void *__goslab_devm_malloc(struct device *dev, size_t size, gfp_t gfp,
			   struct goslab_owner *owner)
	__alloc_size(2) __goslab_devm_freed;
void *__goslab_devm_realloc(struct device *dev, const void *p, size_t size,
			    gfp_t gfp, struct goslab_owner *owner)
	__realloc_size(3);
__printf(4, 5) char *__goslab_devm_asprintf(struct device *dev,
					    struct goslab_owner *owner,
					    gfp_t gfp, const char *fmt, ...)
	__malloc __goslab_devm_freed;
__printf(4, 0) char *__goslab_devm_vasprintf(struct device *dev,
					     struct goslab_owner *owner,
					     gfp_t gfp, const char *fmt,
					     va_list args)
	__malloc __goslab_devm_freed;

/**
 * goslab_devm_malloc() - allocate memory that goes with a device.
 * @dev: the device; its node is preferred.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __alloc_size(2) void *
goslab_devm_malloc(struct device *dev, size_t size, gfp_t gfp)
{
	return __goslab_devm_malloc(dev, size, gfp, &goslab_this_owner);
}

/**
 * goslab_devm_zalloc() - allocate zeroed memory that goes with a device.
 * @dev: the device; its node is preferred.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __alloc_size(2) void *
goslab_devm_zalloc(struct device *dev, size_t size, gfp_t gfp)
{
	return goslab_devm_malloc(dev, size, gfp | __GFP_ZERO);
}

/**
 * goslab_devm_malloc_array() - allocate an array that goes with a device.
 * @dev: the device; its node is preferred.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array().
 */
static __always_inline __alloc_size(2, 3) void *
goslab_devm_malloc_array(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return goslab_devm_malloc(dev, size_mul(n, size), gfp);
}

/**
 * goslab_devm_calloc() - allocate a zeroed array that goes with a device.
 * @dev: the device; its node is preferred.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array().
 */
static __always_inline __alloc_size(2, 3) void *
goslab_devm_calloc(struct device *dev, size_t n, size_t size, gfp_t gfp)
{
	return goslab_devm_malloc_array(dev, n, size, gfp | __GFP_ZERO);
}

/**
 * goslab_devm_realloc() - change the size of an object of a device.
 * @dev: the device.
 * @p: an object of the device, NULL (allocates) or ZERO_SIZE_PTR.
 * @size: bytes wanted; 0 frees @p.
 * @gfp: as for goslab_realloc().
 *
 * The position of the object in the order of release stays the same. The caller
 * makes sure that no one else frees or reallocates it meanwhile.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_realloc(); NULL, after a report, if @p is not an object of the
 * device.
 */
static __always_inline __realloc_size(3) void *
goslab_devm_realloc(struct device *dev, const void *p, size_t size, gfp_t gfp)
{
	return __goslab_devm_realloc(dev, p, size, gfp, &goslab_this_owner);
}

/**
 * goslab_devm_realloc_array() - change the number of elements of an array of a
 *                               device.
 * @dev: the device.
 * @p: an array of the device, NULL (allocates) or ZERO_SIZE_PTR.
 * @n: number of elements wanted; 0 frees @p.
 * @size: bytes of an element; 0 frees @p.
 * @gfp: as for goslab_realloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_devm_realloc(); NULL if @n * @size overflows.
 */
static __always_inline __realloc_size(3, 4) void *
goslab_devm_realloc_array(struct device *dev, const void *p, size_t n,
			  size_t size, gfp_t gfp)
{
	return goslab_devm_realloc(dev, p, size_mul(n, size), gfp);
}

/**
 * goslab_devm_memdup() - allocate a copy of memory that goes with a device.
 * @dev: the device; its node is preferred.
 * @src: what to copy.
 * @size: bytes.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc().
 */
static __always_inline __realloc_size(3) void *
goslab_devm_memdup(struct device *dev, const void *src, size_t size, gfp_t gfp)
{
	return __goslab_fill(goslab_devm_malloc(dev, size, gfp), src, size);
}

/**
 * goslab_devm_memdup_array() - allocate a copy of an array that goes with a
 *                              device.
 * @dev: the device; its node is preferred.
 * @src: what to copy.
 * @n: number of elements.
 * @size: bytes of an element.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: as goslab_malloc_array().
 */
static __always_inline __realloc_size(3, 4) void *
goslab_devm_memdup_array(struct device *dev, const void *src, size_t n,
			 size_t size, gfp_t gfp)
{
	return goslab_devm_memdup(dev, src, size_mul(n, size), gfp);
}

/**
 * goslab_devm_strdup() - allocate a copy of a string that goes with a device.
 * @dev: the device; its node is preferred.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_malloc().
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline char *goslab_devm_strdup(struct device *dev, const char *s,
				       gfp_t gfp)
{
	return s ? goslab_devm_memdup(dev, s, strlen(s) + 1, gfp) : NULL;
}

/**
 * goslab_devm_strdup_const() - allocate a copy of a string that will not be
 *                              changed and goes with a device.
 * @dev: the device; its node is preferred.
 * @s: the string; NULL gives NULL.
 * @gfp: as for goslab_malloc().
 *
 * Always copies, as goslab_strdup_const() does.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the copy, or NULL.
 */
static inline const char *goslab_devm_strdup_const(struct device *dev,
						   const char *s, gfp_t gfp)
{
	return goslab_devm_strdup(dev, s, gfp);
}

/**
 * goslab_devm_asprintf() - print into a string that goes with a device.
 * @dev: the device.
 * @gfp: as for goslab_malloc().
 * @fmt: as for snprintf().
 * @...: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
#define goslab_devm_asprintf(dev, gfp, fmt, ...)			\
	__goslab_hooks(__goslab_devm_asprintf(dev, &goslab_this_owner, gfp, fmt, \
					      ##__VA_ARGS__))

/**
 * goslab_devm_vasprintf() - print into a string that goes with a device.
 * @dev: the device.
 * @gfp: as for goslab_malloc().
 * @fmt: as for vsnprintf().
 * @args: its arguments.
 *
 * Context: Any but NMI. May sleep if @gfp allows direct reclaim.
 * Return: the string, or NULL.
 */
static __always_inline __printf(3, 0) char *
goslab_devm_vasprintf(struct device *dev, gfp_t gfp, const char *fmt,
		      va_list args)
{
	return __goslab_devm_vasprintf(dev, &goslab_this_owner, gfp, fmt, args);
}

#endif /* _LINUX_GOSLAB_DEVM_H */
