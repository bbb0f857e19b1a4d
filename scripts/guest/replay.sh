# replay.sh [PARAM=VALUE...] - the recorded trace through goslab and SLUB.
#
# Parameters that begin with goslab. go to goslab.ko, the others to goslab_replay.ko.
# Into /out: its results, and what goslab shows in debugfs meanwhile. Fails if
# something does not load or unload, breaks an invariant, or leaves pages behind.

. /guest/lib.sh

GOSLAB=/sys/kernel/debug/goslab

# keep_files - copies of all that can be read of the allocator.
keep_files() {
	local f
	mkdir -p /out/debugfs
	for f in "$GOSLAB"/*; do
		[ ! -f "$f" ] || cat "$f" >"/out/debugfs/${f##*/}"
	done
}

# nothing_left - 0 if the allocator went away without leaving pages.
nothing_left() {
	gone goslab || return 1
	! dmesg | grep 'goslab: .*pages still hold'
}

# no_report - 0 if nobody found anything to complain about. (insmod tries twice:
# a module that failed at first may still be loaded.)
no_report() { ! dmesg | grep 'BUG: goslab\|goslab_replay: .*failed with'; }

status=0
module goslab $(ours "$@") ||
	exit 1
if module goslab_replay $(theirs "$@"); then
	cat /sys/kernel/debug/goslab_replay/results >/out/results.json
	keep_files
	verified || status=1
	rmmod goslab_replay || status=1
else
	status=1
fi
verified || status=1
rmmod goslab || status=1
if nothing_left; then
	echo "goslab_replay: unloaded, not one page stayed" >/dev/kmsg
else
	status=1
fi
no_report || status=1
exit $status
