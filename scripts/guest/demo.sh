# demo.sh - a client loses objects; what goslab shows of that goes to /out.

. /guest/lib.sh

DIR=/sys/kernel/debug/goslab

# keep NAME - copies of the files that tools read.
keep() {
	local f
	mkdir -p "/out/$1"
	for f in stats memstats caches classes heaps owners mcaches callsites \
		alloc_traces profile json spans arenas; do
		cat $DIR/$f >"/out/$1/$f" || return 1
	done
}

run() {
	module goslab sample_rate=1 sample_stacks=1 &&
		keep before &&
		module goslab_leak keep=1 &&
		keep after &&
		rmmod goslab_leak &&
		dmesg | sed -n '/taint/d; s/^\[ *[0-9.]*\] goslab: /goslab: /p' >/out/unload
}

# What is reported is wanted, and shown later.
dmesg -n 1
run
status=$?
dmesg -n 7
exit $status
