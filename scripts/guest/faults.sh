# faults.sh - a load while three in five draws of goslab's fail, loading of the module
# included. The kernel's fault injection looks at the stack: only what goslab asks
# the page allocator for fails.

. /guest/lib.sh

FAIL=/sys/kernel/debug/fail_page_alloc

# inject PERCENT FROM TO - of the page allocations called from these addresses.
inject() {
	echo "$2" >$FAIL/require-start && echo "$3" >$FAIL/require-end &&
		echo N >$FAIL/ignore-gfp-wait && echo 0 >$FAIL/min-order &&
		echo 0 >$FAIL/verbose && echo -1 >$FAIL/times &&
		echo 32 >$FAIL/stacktrace-depth && echo "$1" >$FAIL/probability
}

heal() { echo 0 >$FAIL/probability; }

# text - where goslab.ko is, as two numbers.
text() {
	local from size
	from=$(cat /sys/module/goslab/sections/.text)
	size=$(awk '$1 == "goslab" { print $2 }' /proc/modules)
	printf '%s 0x%x\n' "$from" $((from + size))
}

# load - under faults in what any module asks for: it loads or says -ENOMEM, and a
# load that failed leaves nothing that stands in the next one's way. Modules lie
# where x86-64 puts them.
load() {
	local i=0 loaded=0 status=0
	while [ $i -lt 40 ]; do
		inject 10 0xffffffffa0000000 0xffffffffff000000 || return 1
		if insmod /modules/goslab.ko 2>/dev/null; then
			loaded=$((loaded + 1))
			heal
			rmmod goslab || status=1
		fi
		heal
		gone goslab || return 1
		i=$((i + 1))
	done
	echo "# faults: loaded $loaded times of $i" >/dev/kmsg
	[ $loaded -lt $i ] || { echo "faults: no load failed"; status=1; }
	module goslab || status=1
	return $status
}

stress() {
	local status=0 before load
	before=$(stat_of stats allocs)
	run_stress faults=1 steps=400000 threads=8 limit=240 &
	load=$!
	# Its caches and heaps are made by then.
	under_way "$before" || status=1
	inject 60 $(text) || status=1
	wait $load || status=1
	heal
	return $status
}

step load load
step stress stress
step verify verified
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
