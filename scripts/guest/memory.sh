# memory.sh - the machine's memory changes under goslab: blocks go off and on, more
# is added above all that was there, reclaim takes what lies free, and the machine
# runs out of it. Booted with less memory (mem=) than QEMU gives.

. /guest/lib.sh

BLOCKS=/sys/devices/system/memory
RUNS=12000	# half of their 16 KiB is in use, half lies free

offline_online() {
	local block tried=0 off=0 status=0
	module goslab_holds runs=2000 || return 1
	for block in $BLOCKS/memory[0-9]*; do
		[ "$(cat $block/state)" = online ] || continue
		tried=$((tried + 1))
		# Most hold something that cannot move: that is an answer, too.
		echo offline >$block/state 2>/dev/null || continue
		off=$((off + 1))
		verified >/dev/null || status=1
		echo online >$block/state || status=1
	done
	rmmod goslab_holds || status=1
	echo "# memory: $off of $tried blocks went off and on again" >/dev/kmsg
	[ $off -ge 1 ] || { echo "memory: no block went off"; status=1; }
	verified && return $status
}

# added - memory above all that there was when goslab was loaded is used: the heap
# takes more than the machine had.
added() {
	local size at last had before after status=0
	had=$(awk '$1 == "MemTotal:" { print $2 }' /proc/meminfo)
	size=$((0x$(cat $BLOCKS/block_size_bytes)))
	last=$(ls -d $BLOCKS/memory[0-9]* | sed 's/.*memory//' | sort -n | tail -1)
	for at in 1 2 3 4; do
		printf '0x%x\n' $(((last + at) * size)) >$BLOCKS/probe || return 1
		echo online >$BLOCKS/memory$((last + at))/state 2>/dev/null
		[ "$(cat $BLOCKS/memory$((last + at))/state)" = online ] || return 1
	done
	before=$(grep -c . /sys/kernel/debug/goslab/arenas)
	module goslab_holds runs=$((had / 16 + 1)) || return 1
	[ "$(stat_of stats bytes_held)" -gt $((had * 1024)) ] ||
		{ echo "memory: the heap is smaller than the machine was"; status=1; }
	after=$(grep -c . /sys/kernel/debug/goslab/arenas)
	echo "# memory: block of $size bytes, $before arenas before, $after after" \
		>/dev/kmsg
	verified || status=1
	rmmod goslab_holds || status=1
	return $status
}

# pressure - a program takes more than there is. The kernel takes goslab's free
# runs before it kills the program, by its shrinker or by the worker, which that wakes.
# That the program then finds no page on its way out is a warning that counts for nothing:
# what the kernel says meanwhile is kept from the console, and looked at.
pressure() {
	local before after free lines status=0
	module goslab_holds runs=$RUNS || return 1
	free=$(awk '/^pages free:/ { print $3 }' /sys/kernel/debug/goslab/mheap)
	before=$(stat_of stats pages_released)
	lines=$(dmesg | wc -l)
	dmesg -n 1
	sh -c 'echo 1000 >/proc/self/oom_score_adj
		exec awk "BEGIN { for (;;) a[n++] = sprintf(\"%4000d\", n) }"'
	[ $? = 137 ] || { echo "memory: the program was not killed"; status=1; }
	dmesg -n 7
	dmesg | tail -n +$((lines + 1)) >/tmp/meanwhile
	grep -q 'Out of memory: Killed process .*(awk)' /tmp/meanwhile || status=1
	grep -E 'WARNING|BUG|allocation failure|blocked for more|stall' \
		/tmp/meanwhile | grep -v 'awk: page allocation failure' &&
		status=1
	after=$(stat_of stats pages_released)
	echo "# memory: of $free free pages $((after - before)) went back" \
		"before the kill" >/dev/kmsg
	[ $free -ge $RUNS ] && [ $((after - before)) -ge $((free / 10 * 9)) ] ||
		{ sed 's/^/# kernel: /' /tmp/meanwhile; status=1; }
	verified || status=1
	rmmod goslab_holds || status=1
	return $status
}

step load module goslab
step offline_online offline_online
step added added
step pressure pressure
step verify verified
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
