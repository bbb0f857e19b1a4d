/* SPDX-License-Identifier: GPL-2.0 */
/*
 * goslab: call sites for /proc/allocinfo. Included by <linux/goslab.h>, last.
 *
 * On kernels with CONFIG_MEM_ALLOC_PROFILING each call that allocates becomes a
 * macro of its own name, so that the memory is counted for the place of the
 * call.
 */
#ifndef _LINUX_GOSLAB_TAGS_H
#define _LINUX_GOSLAB_TAGS_H

/* goslab.ko itself has the calls as they are. */
#if defined(CONFIG_MEM_ALLOC_PROFILING) && !defined(__GOSLAB_INSIDE)
#include <linux/alloc_tag.h>
#include <linux/sched.h>

/* For what is a macro anyway. */
#define __goslab_hooks(call)	alloc_hooks(call)

#define goslab_malloc(...)						\
	alloc_hooks(goslab_malloc(__VA_ARGS__))
#define goslab_zalloc(...)						\
	alloc_hooks(goslab_zalloc(__VA_ARGS__))
#define goslab_malloc_array(...)					\
	alloc_hooks(goslab_malloc_array(__VA_ARGS__))
#define goslab_calloc(...)						\
	alloc_hooks(goslab_calloc(__VA_ARGS__))
#define goslab_realloc(...)						\
	alloc_hooks(goslab_realloc(__VA_ARGS__))
#define goslab_malloc_noscan(...)					\
	alloc_hooks(goslab_malloc_noscan(__VA_ARGS__))
#define goslab_malloc_node(...)						\
	alloc_hooks(goslab_malloc_node(__VA_ARGS__))
#define goslab_cache_alloc(...)						\
	alloc_hooks(goslab_cache_alloc(__VA_ARGS__))
#define goslab_cache_zalloc(...)					\
	alloc_hooks(goslab_cache_zalloc(__VA_ARGS__))
#define goslab_cache_alloc_node(...)					\
	alloc_hooks(goslab_cache_alloc_node(__VA_ARGS__))
#define goslab_realloc_node(...)					\
	alloc_hooks(goslab_realloc_node(__VA_ARGS__))
#define goslab_heap_malloc(...)						\
	alloc_hooks(goslab_heap_malloc(__VA_ARGS__))
#define goslab_heap_malloc_node(...)					\
	alloc_hooks(goslab_heap_malloc_node(__VA_ARGS__))
#define goslab_heap_zalloc(...)						\
	alloc_hooks(goslab_heap_zalloc(__VA_ARGS__))
#define goslab_heap_malloc_array(...)					\
	alloc_hooks(goslab_heap_malloc_array(__VA_ARGS__))
#define goslab_heap_calloc(...)						\
	alloc_hooks(goslab_heap_calloc(__VA_ARGS__))
#define goslab_heap_realloc(...)					\
	alloc_hooks(goslab_heap_realloc(__VA_ARGS__))
#define goslab_heap_zalloc_node(...)					\
	alloc_hooks(goslab_heap_zalloc_node(__VA_ARGS__))
#define goslab_heap_malloc_array_node(...)				\
	alloc_hooks(goslab_heap_malloc_array_node(__VA_ARGS__))
#define goslab_heap_calloc_node(...)					\
	alloc_hooks(goslab_heap_calloc_node(__VA_ARGS__))
#define goslab_heap_realloc_array(...)					\
	alloc_hooks(goslab_heap_realloc_array(__VA_ARGS__))
#define goslab_heap_malloc_noscan(...)					\
	alloc_hooks(goslab_heap_malloc_noscan(__VA_ARGS__))
#define goslab_heap_memdup(...)						\
	alloc_hooks(goslab_heap_memdup(__VA_ARGS__))
#define goslab_heap_memdup_array(...)					\
	alloc_hooks(goslab_heap_memdup_array(__VA_ARGS__))
#define goslab_heap_memdup_nul(...)					\
	alloc_hooks(goslab_heap_memdup_nul(__VA_ARGS__))
#define goslab_heap_strdup(...)						\
	alloc_hooks(goslab_heap_strdup(__VA_ARGS__))
#define goslab_heap_strndup(...)					\
	alloc_hooks(goslab_heap_strndup(__VA_ARGS__))
#define goslab_zalloc_node(...)						\
	alloc_hooks(goslab_zalloc_node(__VA_ARGS__))
#define goslab_malloc_array_node(...)					\
	alloc_hooks(goslab_malloc_array_node(__VA_ARGS__))
#define goslab_calloc_node(...)						\
	alloc_hooks(goslab_calloc_node(__VA_ARGS__))
#define goslab_realloc_array(...)					\
	alloc_hooks(goslab_realloc_array(__VA_ARGS__))
#define goslab_malloc_node_track_caller(...)				\
	alloc_hooks(goslab_malloc_node_track_caller(__VA_ARGS__))
#define goslab_malloc_track_caller(...)					\
	alloc_hooks(goslab_malloc_track_caller(__VA_ARGS__))
#define goslab_memdup(...)						\
	alloc_hooks(goslab_memdup(__VA_ARGS__))
#define goslab_memdup_array(...)					\
	alloc_hooks(goslab_memdup_array(__VA_ARGS__))
#define goslab_memdup_nul(...)						\
	alloc_hooks(goslab_memdup_nul(__VA_ARGS__))
#define goslab_strdup(...)						\
	alloc_hooks(goslab_strdup(__VA_ARGS__))
#define goslab_strndup(...)						\
	alloc_hooks(goslab_strndup(__VA_ARGS__))
#define goslab_strdup_const(...)					\
	alloc_hooks(goslab_strdup_const(__VA_ARGS__))
#define goslab_vasprintf(...)						\
	alloc_hooks(goslab_vasprintf(__VA_ARGS__))
#define goslab_memdup_user(...)						\
	alloc_hooks(goslab_memdup_user(__VA_ARGS__))
#define goslab_memdup_array_user(...)					\
	alloc_hooks(goslab_memdup_array_user(__VA_ARGS__))
#define goslab_memdup_user_nul(...)					\
	alloc_hooks(goslab_memdup_user_nul(__VA_ARGS__))
#define goslab_strndup_user(...)					\
	alloc_hooks(goslab_strndup_user(__VA_ARGS__))
#define goslab_kvmalloc_node(...)					\
	alloc_hooks(goslab_kvmalloc_node(__VA_ARGS__))
#define goslab_kvmalloc(...)						\
	alloc_hooks(goslab_kvmalloc(__VA_ARGS__))
#define goslab_kvzalloc(...)						\
	alloc_hooks(goslab_kvzalloc(__VA_ARGS__))
#define goslab_kvzalloc_node(...)					\
	alloc_hooks(goslab_kvzalloc_node(__VA_ARGS__))
#define goslab_kvmalloc_array(...)					\
	alloc_hooks(goslab_kvmalloc_array(__VA_ARGS__))
#define goslab_kvcalloc(...)						\
	alloc_hooks(goslab_kvcalloc(__VA_ARGS__))
#define goslab_kvmalloc_array_node(...)					\
	alloc_hooks(goslab_kvmalloc_array_node(__VA_ARGS__))
#define goslab_kvcalloc_node(...)					\
	alloc_hooks(goslab_kvcalloc_node(__VA_ARGS__))
#define goslab_kvrealloc(...)						\
	alloc_hooks(goslab_kvrealloc(__VA_ARGS__))
#define goslab_kvmemdup(...)						\
	alloc_hooks(goslab_kvmemdup(__VA_ARGS__))
#define goslab_vmemdup_user(...)					\
	alloc_hooks(goslab_vmemdup_user(__VA_ARGS__))
#define goslab_vmemdup_array_user(...)					\
	alloc_hooks(goslab_vmemdup_array_user(__VA_ARGS__))
#define goslab_devm_malloc(...)						\
	alloc_hooks(goslab_devm_malloc(__VA_ARGS__))
#define goslab_devm_zalloc(...)						\
	alloc_hooks(goslab_devm_zalloc(__VA_ARGS__))
#define goslab_devm_malloc_array(...)					\
	alloc_hooks(goslab_devm_malloc_array(__VA_ARGS__))
#define goslab_devm_calloc(...)						\
	alloc_hooks(goslab_devm_calloc(__VA_ARGS__))
#define goslab_devm_realloc(...)					\
	alloc_hooks(goslab_devm_realloc(__VA_ARGS__))
#define goslab_devm_realloc_array(...)					\
	alloc_hooks(goslab_devm_realloc_array(__VA_ARGS__))
#define goslab_devm_memdup(...)						\
	alloc_hooks(goslab_devm_memdup(__VA_ARGS__))
#define goslab_devm_memdup_array(...)					\
	alloc_hooks(goslab_devm_memdup_array(__VA_ARGS__))
#define goslab_devm_strdup(...)						\
	alloc_hooks(goslab_devm_strdup(__VA_ARGS__))
#define goslab_devm_strdup_const(...)					\
	alloc_hooks(goslab_devm_strdup_const(__VA_ARGS__))
#define goslab_devm_vasprintf(...)					\
	alloc_hooks(goslab_devm_vasprintf(__VA_ARGS__))
#define goslab_malloc_bulk(...)						\
	alloc_hooks(goslab_malloc_bulk(__VA_ARGS__))
#define goslab_cache_alloc_bulk(...)					\
	alloc_hooks(goslab_cache_alloc_bulk(__VA_ARGS__))
#define goslab_cache_prefill_sheaf(...)					\
	alloc_hooks(goslab_cache_prefill_sheaf(__VA_ARGS__))
#define goslab_cache_refill_sheaf(...)					\
	alloc_hooks(goslab_cache_refill_sheaf(__VA_ARGS__))
#define goslab_cache_alloc_from_sheaf(...)				\
	alloc_hooks(goslab_cache_alloc_from_sheaf(__VA_ARGS__))
#define goslab_region_alloc(...)					\
	alloc_hooks(goslab_region_alloc(__VA_ARGS__))
#define goslab_region_zalloc(...)					\
	alloc_hooks(goslab_region_zalloc(__VA_ARGS__))
#define goslab_region_alloc_aligned(...)				\
	alloc_hooks(goslab_region_alloc_aligned(__VA_ARGS__))
#define goslab_region_alloc_array(...)					\
	alloc_hooks(goslab_region_alloc_array(__VA_ARGS__))
#define goslab_region_calloc(...)					\
	alloc_hooks(goslab_region_calloc(__VA_ARGS__))
#define goslab_region_memdup(...)					\
	alloc_hooks(goslab_region_memdup(__VA_ARGS__))
#define goslab_region_memdup_nul(...)					\
	alloc_hooks(goslab_region_memdup_nul(__VA_ARGS__))
#define goslab_region_strdup(...)					\
	alloc_hooks(goslab_region_strdup(__VA_ARGS__))
#define goslab_region_strndup(...)					\
	alloc_hooks(goslab_region_strndup(__VA_ARGS__))
#define goslab_region_vasprintf(...)					\
	alloc_hooks(goslab_region_vasprintf(__VA_ARGS__))
#define goslab_region_asprintf(...)					\
	alloc_hooks(goslab_region_asprintf(__VA_ARGS__))
#define goslab_frag_alloc_aligned(...)					\
	alloc_hooks(goslab_frag_alloc_aligned(__VA_ARGS__))
#define goslab_frag_alloc(...)						\
	alloc_hooks(goslab_frag_alloc(__VA_ARGS__))
#define goslab_frag_zalloc(...)						\
	alloc_hooks(goslab_frag_zalloc(__VA_ARGS__))

#define goslab_stack_alloc(...)						\
	alloc_hooks(goslab_stack_alloc(__VA_ARGS__))
#define goslab_stack_alloc_node(...)					\
	alloc_hooks(goslab_stack_alloc_node(__VA_ARGS__))

#else
#define __goslab_hooks(call)	call
#endif

#endif /* _LINUX_GOSLAB_TAGS_H */
