# dump.sh - clients, one of which loses objects, in two dumps: while they are loaded
# ("loaded"), and when they have gone ("gone"). What goslab itself says at these moments
# is left in /out, to compare (scripts/drgn.sh).
#
# The reports are wanted: they are kept from the console.

. /guest/lib.sh

# moment NAME - the files first: reading some of them makes goslab allocate.
moment() {
	local f

	mkdir -p "/out/$1" || return 1
	for f in stats heaps classes caches owners callsites; do
		cat /sys/kernel/debug/goslab/$f >"/out/$1/$f" || return 1
	done
	dumped "$1"
}

run() {
	module goslab sample_rate=1 && module goslab_leak keep=1 &&
		module goslab_charge bytes=65536 && moment loaded &&
		rmmod goslab_charge && rmmod goslab_leak && moment gone
}

dmesg -n 1
run
status=$?
dmesg -n 7
exit $status
