# stress.sh [PARAM=VALUE...] - threads and a hard-interrupt timer against the
# allocator; goslab_stress.ko prints its KTAP while it loads.

. /guest/lib.sh

status=0
module goslab || exit 1
module goslab_stress "$@" || status=1
[ ! -d /sys/module/goslab_stress ] || rmmod goslab_stress || status=1
verified || status=1
rmmod goslab || status=1
gone goslab || status=1
exit $status
