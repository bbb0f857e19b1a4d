# record.sh - goslab-record on a machine with load and with a client that leaks.
#
# /data/python is a root directory with Python and the tool (scripts/recording.sh).
# The recording goes to /out/recording.jsonl.gz.

. /guest/lib.sh

ROOT=/data/python

# load - threads that allocate and free until their module is told to stop.
load() {
	module goslab_stress steps=0 limit=1000 threads=4 irq=0
}

run() {
	local recorder

	module goslab sample_rate=16384 sample_stacks=1 || return 1
	mkdir -p $ROOT/proc $ROOT/sys
	mount -t proc none $ROOT/proc
	mount -t sysfs none $ROOT/sys
	mount -t debugfs none $ROOT/sys/kernel/debug
	chroot $ROOT /usr/bin/python3 /goslab-record -d 0.5 -o /recording.jsonl.gz &
	recorder=$!
	# Python takes seconds to start in a machine without KVM.
	until [ -s $ROOT/recording.jsonl.gz ]; do
		kill -0 $recorder || return 1
		sleep 0.1
	done
	sleep 3
	rmmod goslab
	sleep 2
	module goslab sample_rate=16384 sample_stacks=1 || return 1
	sleep 2
	load &
	sleep 4
	module goslab_leak keep=1 || return 1
	sleep 4
	kill -TERM $recorder
	wait $recorder || return 1
	# The machine is switched off under the load.
	cp $ROOT/recording.jsonl.gz /out/
}

# What the client leaves behind is wanted.
dmesg -n 1
run
status=$?
dmesg -n 7
exit $status
