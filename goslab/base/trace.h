/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of the system goslab, all in slow paths. goslab_alloc and goslab_free are
 * of sampled objects (front/sample.c): with sample_rate=1 of every object. An object whose
 * heap ends, or that lives when the rate changes, has no goslab_free: of a heap there is
 * one event for all that lived in it. Fields that kmem's events have as well are named as
 * there.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM goslab

#if !defined(GS_BASE_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define GS_BASE_TRACE_H

#include <linux/tracepoint.h>
#include <trace/events/mmflags.h>

/* A sampled object is handed out; @module: whose it is. */
TRACE_EVENT(goslab_alloc,
	TP_PROTO(unsigned long call_site, const void *ptr, const char *name,
		 size_t bytes_req, size_t bytes_alloc, gfp_t gfp_flags, int node,
		 const char *module),
	TP_ARGS(call_site, ptr, name, bytes_req, bytes_alloc, gfp_flags, node, module),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__string(name, name)
		__field(size_t, bytes_req)
		__field(size_t, bytes_alloc)
		__field(unsigned long, gfp_flags)
		__field(int, node)
		__string(module, module)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		gs_compat_assign_str(name, name);
		__entry->bytes_req = bytes_req;
		__entry->bytes_alloc = bytes_alloc;
		__entry->gfp_flags = (__force unsigned long)gfp_flags;
		__entry->node = node;
		gs_compat_assign_str(module, module);
	),
	TP_printk("call_site=%pS ptr=%p name=%s bytes_req=%zu bytes_alloc=%zu gfp_flags=%s node=%d module=%s",
		  (void *)__entry->call_site, __entry->ptr, __get_str(name),
		  __entry->bytes_req, __entry->bytes_alloc, show_gfp_flags(__entry->gfp_flags),
		  __entry->node, __get_str(module))
);

/* It is freed; @call_site is 0 for a block of tiny objects, and if the free was put off. */
TRACE_EVENT(goslab_free,
	TP_PROTO(unsigned long call_site, const void *ptr, const char *name),
	TP_ARGS(call_site, ptr, name),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__string(name, name)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		gs_compat_assign_str(name, name);
	),
	TP_printk("call_site=%pS ptr=%p name=%s", (void *)__entry->call_site,
		  __entry->ptr, __get_str(name))
);

/* A heap ends with all that lives in it, sampled or not; @name: of the heap. */
DECLARE_EVENT_CLASS(goslab_heap_end,
	TP_PROTO(unsigned long call_site, const char *name, unsigned long objects,
		 size_t bytes),
	TP_ARGS(call_site, name, objects, bytes),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__string(name, name)
		__field(unsigned long, objects)
		__field(size_t, bytes)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		gs_compat_assign_str(name, name);
		__entry->objects = objects;
		__entry->bytes = bytes;
	),
	TP_printk("call_site=%pS name=%s objects=%lu bytes=%zu",
		  (void *)__entry->call_site, __get_str(name), __entry->objects,
		  __entry->bytes)
);

DEFINE_EVENT(goslab_heap_end, goslab_heap_reset,
	TP_PROTO(unsigned long call_site, const char *name, unsigned long objects,
		 size_t bytes),
	TP_ARGS(call_site, name, objects, bytes)
);

DEFINE_EVENT(goslab_heap_end, goslab_heap_destroy,
	TP_PROTO(unsigned long call_site, const char *name, unsigned long objects,
		 size_t bytes),
	TP_ARGS(call_site, name, objects, bytes)
);

/* A slot was empty and got @objects objects, without a slot the caller (@direct). */
TRACE_EVENT(goslab_refill,
	TP_PROTO(const char *name, int node, unsigned int objects, bool direct),
	TP_ARGS(name, node, objects, direct),
	TP_STRUCT__entry(
		__string(name, name)
		__field(int, node)
		__field(unsigned int, objects)
		__field(bool, direct)
	),
	TP_fast_assign(
		gs_compat_assign_str(name, name);
		__entry->node = node;
		__entry->objects = objects;
		__entry->direct = direct;
	),
	TP_printk("name=%s node=%d objects=%u direct=%s", __get_str(name),
		  __entry->node, __entry->objects, __entry->direct ? "true" : "false")
);

/* A CPU empties its slots: all of them, or those that were not used for a tick. */
TRACE_EVENT(goslab_drain,
	TP_PROTO(int cpu, bool all),
	TP_ARGS(cpu, all),
	TP_STRUCT__entry(
		__field(int, cpu)
		__field(bool, all)
	),
	TP_fast_assign(
		__entry->cpu = cpu;
		__entry->all = all;
	),
	TP_printk("cpu=%d all=%s", __entry->cpu, __entry->all ? "true" : "false")
);

/* Spans, by base and pages of 8192 bytes; @size: bytes of an object. */
DECLARE_EVENT_CLASS(goslab_span_class,
	TP_PROTO(unsigned long base, unsigned int pages, size_t size, int node),
	TP_ARGS(base, pages, size, node),
	TP_STRUCT__entry(
		__field(unsigned long, base)
		__field(unsigned int, pages)
		__field(size_t, size)
		__field(int, node)
	),
	TP_fast_assign(
		__entry->base = base;
		__entry->pages = pages;
		__entry->size = size;
		__entry->node = node;
	),
	TP_printk("base=%p pages=%u size=%zu node=%d", (void *)__entry->base,
		  __entry->pages, __entry->size, __entry->node)
);

DEFINE_EVENT(goslab_span_class, goslab_span_alloc,
	TP_PROTO(unsigned long base, unsigned int pages, size_t size, int node),
	TP_ARGS(base, pages, size, node)
);

DEFINE_EVENT(goslab_span_class, goslab_span_free,
	TP_PROTO(unsigned long base, unsigned int pages, size_t size, int node),
	TP_ARGS(base, pages, size, node)
);

/* Pages of the kernel, for spans: drawn as a block, or given back. */
DECLARE_EVENT_CLASS(goslab_pages,
	TP_PROTO(const void *block, size_t bytes),
	TP_ARGS(block, bytes),
	TP_STRUCT__entry(
		__field(const void *, block)
		__field(size_t, bytes)
	),
	TP_fast_assign(
		__entry->block = block;
		__entry->bytes = bytes;
	),
	TP_printk("block=%p bytes=%zu", __entry->block, __entry->bytes)
);

DEFINE_EVENT(goslab_pages, goslab_grow,
	TP_PROTO(const void *block, size_t bytes),
	TP_ARGS(block, bytes)
);

DEFINE_EVENT(goslab_pages, goslab_release,
	TP_PROTO(const void *block, size_t bytes),
	TP_ARGS(block, bytes)
);

/*
 * Misuse was found, whether it is printed or not. @kind has blanks, so it is last. No
 * quotes around it: readers of trace files do not parse a format that has any.
 */
TRACE_EVENT(goslab_report,
	TP_PROTO(unsigned long call_site, const void *ptr, const char *name,
		 const char *kind),
	TP_ARGS(call_site, ptr, name, kind),
	TP_STRUCT__entry(
		__field(unsigned long, call_site)
		__field(const void *, ptr)
		__string(name, name)
		__string(kind, kind)
	),
	TP_fast_assign(
		__entry->call_site = call_site;
		__entry->ptr = ptr;
		gs_compat_assign_str(name, name);
		gs_compat_assign_str(kind, kind);
	),
	TP_printk("call_site=%pS ptr=%p name=%s kind=%s", (void *)__entry->call_site,
		  __entry->ptr, __get_str(name), __get_str(kind))
);

#endif /* GS_BASE_TRACE_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH base
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
