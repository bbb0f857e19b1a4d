# promises.sh - what boot.sh promises of the machine (goslab.promises= on the
# command line) is so, seen from inside: a checker that was built in and then
# switched itself off, or a node that is not there, fails the run.

# knows SYMBOL - the kernel has this function.
knows() { grep -q " $1\$" /proc/kallsyms; }

# holds PROMISE
holds() {
	local debug=/sys/kernel/debug
	case $1 in
	cpus=*) [ "$(grep -c '^processor' /proc/cpuinfo)" = "${1#*=}" ] ;;
	possible=*) [ "$(cat /sys/devices/system/cpu/possible)" = \
		"0-$((${1#*=} - 1))" ] ;;
	nodes=*) [ "$(ls -d /sys/devices/system/node/node[0-9]* | wc -l)" = \
		"${1#*=}" ] ;;
	lockdep) grep -q 'debug_locks: *1$' /proc/lockdep_stats ;;
	kasan) knows kasan_report ;;
	kcsan) grep -q 'enabled: 1' $debug/kcsan ;;
	kmemleak) echo stack=on >$debug/kmemleak ;;
	ubsan) knows __ubsan_handle_out_of_bounds ;;
	preempt) grep -q PREEMPT /proc/version ;;
	rt) [ "$(cat /sys/kernel/realtime)" = 1 ] ;;
	sleep) knows __might_sleep ;;
	usercopy) knows usercopy_abort && grep -q hardened_usercopy=1 /proc/cmdline ;;
	page_owner) [ -e $debug/page_owner ] ;;
	faults) [ -d $debug/fail_page_alloc ] ;;
	zero) dmesg | grep -q 'mem auto-init:.*heap alloc:on' ;;
	*) echo "no promise '$1'"; return 1 ;;
	esac
}

broken=0
for promise in $(sed -n 's/.*goslab\.promises=\([^ ]*\).*/\1/p' /proc/cmdline |
	tr , ' '); do
	holds "$promise" || { echo "goslab: promise broken: $promise" >/dev/kmsg
		broken=1; }
done
exit $broken
