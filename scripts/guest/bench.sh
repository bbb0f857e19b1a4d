# bench.sh [PARAM=VALUE...] [-- PARAM=VALUE...] - goslab beside its peers.
#
# Parameters that begin with goslab. go to goslab.ko.
# Each list of parameters is one load of goslab_bench.ko; its results go to
# /out/results-N, with what goslab's counters of locks say of that load after
# them. Fails if anything does not load or unload.

. /guest/lib.sh

# counts - the lock acquisitions so far, central and heap.
counts() { echo "$(stat_of stats central_locks) $(stat_of stats heap_locks)"; }

n=0
status=0

# load PARAM=VALUE... - one load.
load() {
	local before
	[ $# -gt 0 ] || return 0
	n=$((n + 1))
	before=$(counts)
	if ! module goslab_bench "$@"; then
		echo "goslab_bench $*: failed"
		[ ! -d /sys/module/goslab_bench ] || rmmod goslab_bench
		status=1
		return
	fi
	cat /sys/kernel/debug/goslab_bench/results >/out/results-$n
	echo "{\"locks\":1,\"params\":\"$*\"} $before $(counts)" >>/out/results-$n
	cat /sys/kernel/debug/goslab/caches >>/out/caches
	rmmod goslab_bench || status=1
}

module goslab $(ours "$@") ||
	exit 1
params=
for word; do
	case $word in goslab.*) continue ;; esac
	if [ "$word" = -- ]; then
		load $params
		params=
	else
		params="$params $word"
	fi
done
load $params
uname -r >/out/release
verified || status=1
rmmod goslab || status=1
exit $status
