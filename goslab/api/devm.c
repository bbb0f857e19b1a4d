// SPDX-License-Identifier: GPL-2.0
/*
 * devm: objects that are freed when the driver of a device goes.
 *
 * Each has a devres, a small object of SLUB that points to it. (Not
 * devm_add_action(), which allocates with GFP_KERNEL whatever the caller's
 * gfp.)
 *
 * Flow:       callers -> [devm] -> api/malloc.c, and the driver core's list.
 *             Reports name the caller.
 * Owner:      the list of the device; the object itself is the module's.
 * Lock:       devres_lock of the device, in the driver core.
 * Lifetime:   until goslab_devm_free(), or until the devices's resources go.
 *             A module must not leave objects to a device that outlives it.
 * Context:    any but NMI, as gfp says.
 * Tests:      kunit/devm_kunit.c
 */
#include <linux/device.h>
#include <linux/export.h>
#include <linux/goslab.h>

#include "api/api.h"
#include "base/debug.h"
#include "base/report.h"

static void goslab_devm_release(struct device *dev, void *res)
{
	goslab_free(*(void **)res);
}

static int match(struct device *dev, void *res, void *p)
{
	return *(void **)res == p;
}

/* A devres for one object, with the bits of @gfp that devres_alloc() accepts. */
static void **make_devres(struct device *dev, gfp_t gfp)
{
	u64 bytes = sizeof(void *);

	gs_hook(GS_HOOK_OTHER_DRAW, &bytes);
	if (!bytes)
		return NULL;
	return devres_alloc_node(goslab_devm_release, bytes,
				 gfp & (GFP_KERNEL | __GFP_HIGH | __GFP_NOWARN |
					__GFP_NOFAIL | __GFP_NORETRY |
					__GFP_RETRY_MAYFAIL),
				 dev_to_node(dev));
}

/* Attach @p, which may be NULL, to the device, or free it. */
static void *attach(struct device *dev, void *p, gfp_t gfp)
{
	void **res;

	if (!p)
		return NULL;
	res = make_devres(dev, gfp);
	if (!res) {
		goslab_free(p);
		return NULL;
	}
	*res = p;
	devres_add(dev, res);
	return p;
}

/* A device may have a node that is offline: ignore it, without a report. */
static int node_of(struct device *dev)
{
	int node = dev_to_node(dev);

	return gs_node_ok(node) ? node : NUMA_NO_NODE;
}

static void *malloc_at(struct device *dev, size_t size, gfp_t gfp,
		       struct goslab_owner *owner, unsigned long site)
{
	if (!size)
		return ZERO_SIZE_PTR;
	return attach(dev, gs_malloc_at(size, gfp, node_of(dev), owner, site),
		      gfp);
}

void *__goslab_devm_malloc(struct device *dev, size_t size, gfp_t gfp,
			   struct goslab_owner *owner)
{
	return malloc_at(dev, size, gfp, owner, _RET_IP_);
}
EXPORT_SYMBOL_GPL(__goslab_devm_malloc);

static void free_at(struct device *dev, const void *p, unsigned long site)
{
	if (ZERO_OR_NULL_PTR(p))
		return;
	if (devres_release(dev, goslab_devm_release, match, (void *)p))
		gs_report_at(GS_BUG_WRONG_DEVICE, NULL, p, site);
}

void goslab_devm_free(struct device *dev, const void *p)
{
	free_at(dev, p, _RET_IP_);
}
EXPORT_SYMBOL_GPL(goslab_devm_free);

void *__goslab_devm_realloc(struct device *dev, const void *p, size_t size,
			    gfp_t gfp, struct goslab_owner *owner)
{
	void **res, *fresh;

	if (ZERO_OR_NULL_PTR(p))
		return malloc_at(dev, size, gfp, owner, _RET_IP_);
	if (!size) {
		free_at(dev, p, _RET_IP_);
		return ZERO_SIZE_PTR;
	}
	res = devres_find(dev, goslab_devm_release, match, (void *)p);
	if (!res) {
		gs_report_at(GS_BUG_WRONG_DEVICE, NULL, p, _RET_IP_);
		return NULL;
	}
	/* The object's place among the device's resources stays. */
	fresh = gs_realloc_at(p, size, gfp, owner, _RET_IP_);
	if (fresh)
		WRITE_ONCE(*res, fresh);
	return fresh;
}
EXPORT_SYMBOL_GPL(__goslab_devm_realloc);

char *__goslab_devm_vasprintf(struct device *dev, struct goslab_owner *owner,
			      gfp_t gfp, const char *fmt, va_list args)
{
	return attach(dev, gs_vasprintf_at(owner, gfp, _RET_IP_, fmt, args),
		      gfp);
}
EXPORT_SYMBOL_GPL(__goslab_devm_vasprintf);

char *__goslab_devm_asprintf(struct device *dev, struct goslab_owner *owner,
			     gfp_t gfp, const char *fmt, ...)
{
	va_list args;
	char *s;

	va_start(args, fmt);
	s = gs_vasprintf_at(owner, gfp, _RET_IP_, fmt, args);
	va_end(args);
	return attach(dev, s, gfp);
}
EXPORT_SYMBOL_GPL(__goslab_devm_asprintf);
