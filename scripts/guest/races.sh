# races.sh - the suites that force races, and the load of everything at once, for a
# kernel that looks for data races.

. /guest/lib.sh

status=0
module goslab || exit 1
module goslab_kunit || status=1
gone goslab_kunit || rmmod goslab_kunit || status=1
module goslab_stress "stop_ms=$(stop_ms)" steps=40000 threads=8 limit=300 || status=1
gone goslab_stress || rmmod goslab_stress || status=1
verified || status=1
rmmod goslab || status=1
gone goslab || status=1
exit $status
