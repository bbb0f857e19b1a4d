# kmemleak.sh - kmemleak finds each object that goslab_leak.ko lost and none of any
# other module's: not after a load that passes objects on, and none that is kept.

. /guest/lib.sh

FILE=/sys/kernel/debug/kmemleak
LOST=16

# scan - sets OURS and OTHERS: unreferenced objects of goslab_leak.ko, and those of
# goslab's other users. An object is not reported in its first seconds.
scan() {
	sleep 6
	echo scan >$FILE && echo scan >$FILE || return 1
	cat $FILE >/tmp/kmemleak
	awk '
		function count() { ours += leak; others += goslab && !leak }
		/^unreferenced object/ { count(); leak = goslab = 0 }
		/\[goslab_leak\]/ { leak = 1 }
		/\[goslab/ { goslab = 1 }
		END { count(); print ours + 0, others + 0 }' /tmp/kmemleak >/tmp/lost
	read -r OURS OTHERS </tmp/lost
	echo "# kmemleak: $OURS objects of goslab_leak, $OTHERS of others" >/dev/kmsg
}

# expect N - of goslab_leak.ko, and none of others.
expect() {
	scan && [ "$OURS" = "$1" ] && [ "$OTHERS" = 0 ] && return
	head -60 /tmp/kmemleak
	return 1
}

lost_is_found() { module goslab_leak && expect $LOST; }

step load module goslab
step stress module goslab_stress "stop_ms=$(stop_ms)" steps=20000 threads=4 limit=200
step nothing_is_lost expect 0
step lost_is_found lost_is_found
step verify verified
print_results
[ $ktap_failed = 0 ]
