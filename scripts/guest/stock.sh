# stock.sh full|rt [REPLAY-PARAM=VALUE...] - all there is to see on a kernel as
# Debian ships it: load, replay a part of the trace, threads, CPUs that come and
# go, nodes, invariants, unload. "rt" leaves out what is the same everywhere.
#
# The steps are printed as one KTAP block at the end, for goslab_stress.ko
# prints blocks of its own.

. /guest/lib.sh

STEPS=500000
THREADS=8
TIMES=20

replay() {
	module goslab_replay "$@" && rmmod goslab_replay
}

stress() {
	run_stress "steps=$STEPS" "threads=$THREADS" "$@"
}

# hotplug - every CPU but the first goes off and on in turn, TIMES times at least
# and until the load has done what its floors ask for. Then the load is told to stop.
hotplug() {
	local i=0 cpu last load before status=0
	local params=/sys/module/goslab_stress/parameters

	last=$(($(nproc) - 1))
	[ "$last" -ge 1 ] || { echo "hotplug: one CPU only"; return 1; }
	before=$(stat_of stats allocs)
	stress steps=0 limit=300 &
	load=$!
	under_way "$before" || status=1
	while [ $i -lt $TIMES ] || [ "$(cat $params/enough)" = N ]; do
		cpu=/sys/devices/system/cpu/cpu$((i % last + 1))/online
		echo 0 >"$cpu" && echo 1 >"$cpu" || status=1
		i=$((i + 1))
	done
	if kill -0 $load 2>/dev/null && [ -e $params/stop ]; then
		echo 1 >$params/stop
	else
		echo "hotplug: the load ended before the CPUs were through"
		status=1
	fi
	wait $load || status=1
	return $status
}

numa() {
	[ -d /sys/devices/system/node/node1 ] ||
		{ echo "numa: one node only"; return 1; }
	stress numa=1
}

# charge - a memory cgroup pays for objects with GOSLAB_ACCOUNT while they are
# there: twice 8 MiB, and their tails, and not for the rest.
charge() {
	local cg=/tmp/cgroup before during after

	mkdir -p $cg && mount -t cgroup2 none $cg || return 1
	echo +memory >$cg/cgroup.subtree_control && mkdir -p $cg/pays || return 1
	sh -c "echo 0 >$cg/pays/cgroup.procs && cat /modules/goslab_charge.ko" \
		>/dev/null || return 1
	before=$(cat $cg/pays/memory.current)
	sh -c "echo 0 >$cg/pays/cgroup.procs &&
		insmod /modules/goslab_charge.ko" || return 1
	during=$(cat $cg/pays/memory.current)
	rmmod goslab_charge || return 1
	after=$(cat $cg/pays/memory.current)
	echo "charge: $before bytes before, $during with objects, $after after"
	umount $cg
	[ $((during - before)) -ge 16777216 ] &&
		[ $((during - before)) -le 25165824 ] &&
		[ $((after - before)) -le 1048576 ]
}

# at_most BYTES NAME - what /sys/kernel/debug/goslab/stats calls NAME is no more.
at_most() {
	local value
	value=$(stat_of stats "$2")
	echo "$2: $value"
	[ -n "$value" ] && [ "$value" -le "$1" ]
}

# contexts - goslab_contexts.ko stays: it goes just before goslab.ko, and leaves
# frees behind that are still pending then.
contexts() { module goslab_contexts; }

unload() {
	[ ! -d /sys/module/goslab_contexts ] || rmmod goslab_contexts || return 1
	rmmod goslab && gone goslab
}

# offline - a CPU that is off while goslab is loaded is used, and is off again
# while it is unloaded: nothing that was in its slots is lost.
offline() {
	local cpu=/sys/devices/system/cpu/cpu1/online lost status=0

	lost=$(dmesg | grep -cE 'bytes lost|live objects at the end')
	echo 0 >$cpu || return 1
	module goslab && echo 1 >$cpu && stress steps=10000 && echo 0 >$cpu &&
		verified && unload || status=1
	echo 1 >$cpu
	[ "$(dmesg | grep -cE 'bytes lost|live objects at the end')" = "$lost" ] ||
		{ echo "offline: memory was lost"; status=1; }
	return $status
}

reload() {
	local i=0
	while [ $i -lt $TIMES ]; do
		module goslab && verified >/dev/null && unload || return 1
		i=$((i + 1))
	done
}

kind=$1
shift
step load module goslab
if [ "$kind" = full ]; then
	step replay replay "$@"
fi
step stress stress
if [ "$kind" = full ]; then
	step cpu_off_on hotplug
	step numa numa
	step charge charge
fi
step parked_at_most at_most 67108864 peak_bytes_parked
step contexts contexts
step verify verified
step unload unload
if [ "$kind" = full ]; then
	step offline offline
fi
step reload reload
print_results
[ $ktap_failed = 0 ]
