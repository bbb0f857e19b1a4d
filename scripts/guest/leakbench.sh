# leakbench.sh [MIB [ROUNDS]] - how long does a scan of a heap with so many MiB of live
# objects take, and how long kmemleak's of the same heap, in the same boot?
#
# For a kernel with kmemleak. Prints a line for each round: milliseconds of both. All
# objects are reached, so a scan of goslab is one trace.

. /guest/lib.sh

ms() { awk '{ printf "%d", $1 * 1000 }' /proc/uptime; }

# took FILE - milliseconds of a scan by that file.
took() {
	local start
	start=$(ms)
	echo scan >"$1" || return 1
	echo $(($(ms) - start))
}

MIB=${1:-1024}
status=0
module goslab && module goslab_fill mib="$MIB" || exit 1
# kmemleak passes over younger ones.
sleep 6
grep -E '^(objects_live|bytes_live)' /sys/kernel/debug/goslab/stats
for round in $(seq "${2:-3}"); do
	ours=$(took /sys/kernel/debug/goslab/leaks) || status=1
	theirs=$(took /sys/kernel/debug/kmemleak) || status=1
	echo "round $round: goslab $ours ms, kmemleak $theirs ms"
	sed -n 3p /sys/kernel/debug/goslab/leaks
done
rmmod goslab_fill && rmmod goslab || status=1
exit $status
