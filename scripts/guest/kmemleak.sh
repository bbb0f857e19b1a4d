# kmemleak.sh - kmemleak finds the objects that a client lost, with their place, and
# nothing else of goslab. That the suites lose nothing is for kunit.sh to say.

. /guest/lib.sh

# found NUMBER PLACE - at most so many blocks have PLACE in their backtrace, and at
# least half: whatever looks like an address inside an object is a pointer to kmemleak,
# on a stack that another task has now, or in what the object itself still has of its
# pages' last use.
found() {
	local n
	n=$(awk -v place="$2" '
		/^unreferenced object/ { here = 0 }
		!here && index($0, place "+") { here = 1; n++ }
		END { print n + 0 }' /tmp/leaks)
	echo "$2: $n blocks of $1"
	[ "$n" -le "$1" ] && [ "$((2 * n))" -ge "$1" ]
}

# others - what was lost by nobody else: of goslab's own memory, nothing.
others() {
	awk -v RS='(^|\n)unreferenced object' '/\[goslab/ && !/ lose_/' \
		/tmp/leaks >/tmp/others
	! [ -s /tmp/others ] || { head -40 /tmp/others; return 1; }
}

unload() { rmmod goslab_leak && scan_leaks && no_leaks && verified; }

step load module goslab
step client module goslab_leak
step scan scan_leaks
step small found 10 lose_small
step large found 10 lose_large
step of_a_cache found 5 lose_in_cache
step behind_noscan found 4 lose_behind_noscan
step reachable found 0 keep_chain
step freed found 0 free_some
step nothing_else others
step unload unload
step unload_goslab rmmod goslab
print_results
[ $ktap_failed = 0 ]
