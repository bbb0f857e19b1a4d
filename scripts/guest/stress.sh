# stress.sh [PARAM=VALUE...] - threads and a hard-interrupt timer against the
# allocator, then every call in every context; goslab_stress.ko and
# goslab_contexts.ko print their KTAP while they load. The unload comes while
# frees of the last one are still pending.

. /guest/lib.sh

status=0
module goslab || exit 1
module goslab_stress "stop_ms=$(stop_ms)" "$@" || status=1
# The loader of User-Mode Linux with KASAN takes the memory of a module that is
# gone for that module's still: all are loaded before one goes.
module goslab_contexts || status=1
verified || status=1
[ ! -d /sys/module/goslab_stress ] || rmmod goslab_stress || status=1
[ ! -d /sys/module/goslab_contexts ] || rmmod goslab_contexts || status=1
rmmod goslab || status=1
gone goslab || status=1
exit $status
