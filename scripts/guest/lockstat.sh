# lockstat.sh WORKLOAD[,WORKLOAD...] [PARAM=VALUE...] - what locks an operation takes.
#
# Each workload runs with goslab, then with kmalloc(). /out/locks-WORKLOAD-WAY has
# the figures of goslab_bench.ko, then the kernel's /proc/lock_stat of that load.
# Fails if anything does not load or unload.

. /guest/lib.sh

workloads=$(echo "$1" | tr , ' ')
shift
[ -e /proc/lock_stat ] || {
	echo "no /proc/lock_stat: the kernel has no LOCK_STAT"
	exit 1
}
module goslab || exit 1
status=0
for workload in $workloads; do
	for way in goslab kmalloc; do
		out=/out/locks-$workload-$way
		echo 0 >/proc/lock_stat
		if ! module goslab_bench "run=$workload" "ways=$way" "$@"; then
			echo "goslab_bench run=$workload ways=$way: failed"
			status=1
			continue
		fi
		cat /proc/lock_stat >/tmp/lock_stat
		cat /sys/kernel/debug/goslab_bench/results /tmp/lock_stat >"$out"
		# The kernel gives the classes of a module's locks, when it goes, to
		# locks that come later, and with them what they have counted.
		echo 0 >/proc/lock_stat
		rmmod goslab_bench || status=1
	done
done
uname -r >/out/release
verified || status=1
rmmod goslab || status=1
exit $status
