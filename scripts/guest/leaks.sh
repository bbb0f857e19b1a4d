# leaks.sh - what a client loses is found by place and count: while it is loaded in the
# files of the profile, and in the log when it is unloaded.
#
# The reports are wanted: they are kept from the console, and looked for.

. /guest/lib.sh

DIR=/sys/kernel/debug/goslab

# said WORDS - did goslab say so?
said() { dmesg | grep -qE "$1" || { echo "nobody said: $1"; return 1; }; }

# at NUMBER BYTES PLACE - callsites has so many live objects there.
at() {
	awk -v n="$1" -v bytes="$2" -v place="$3+" '
		index($5, place) == 1 && $1 == bytes && $2 == n && $4 == "goslab_leak" { found = 1 }
		END { exit !found }' $DIR/callsites || { cat $DIR/callsites; return 1; }
}

# in_profile NUMBER BYTES PLACE - the same for what pprof reads.
in_profile() {
	awk -v counts="$1: $2 [$1: $2]" -v place="$3+" '
		/^[0-9]/ { here = index($0, counts " @ 0x") == 1 }
		/^#\t/ && here && index($3, place) == 1 { found = 1 }
		END { exit !found }' $DIR/profile || { cat $DIR/profile; return 1; }
}

# in_traces NUMBER SIZE PLACE - the same for alloc_traces.
in_traces() {
	grep -qE "^ +$1 $3\\+.* size=$2 module=goslab_leak$" $DIR/alloc_traces ||
		{ cat $DIR/alloc_traces; return 1; }
}

# is_owner NUMBER - so many objects are the client's.
is_owner() {
	awk -v n="$1" '$3 == "goslab_leak" && $1 == n { found = 1 }
		END { exit !found }' $DIR/owners || { cat $DIR/owners; return 1; }
}

unloaded() { said "module goslab_leak size:$2 objects:$1 has $(($1 * $2)) allocated at module unload"; }
unload() { rmmod goslab && gone goslab; }

dmesg -n 1
step load module goslab sample_rate=1 sample_stacks=1
step client module goslab_leak keep=1
step owner is_owner 37
step small at 10 2080 lose_small
step large at 10 409600 lose_large
step of_a_cache at 5 1520 lose_in_cache
step small_in_profile in_profile 10 2080 lose_small
step large_in_profile in_profile 10 409600 lose_large
step cache_in_profile in_profile 5 1520 lose_in_cache
step small_in_traces in_traces 10 208 lose_small
step large_in_traces in_traces 10 40960 lose_large
step cache_in_traces in_traces 5 304 lose_in_cache
step unload_client rmmod goslab_leak
step survivors said 'goslab: leak: Allocated in lose_in_cache\+.* age=[0-9]+ cpu=[0-9]+ pid=[0-9]+'
step all_at_unload said 'module goslab_leak has 37 objects of [0-9]+ bytes in all at module unload'
step small_at_unload unloaded 10 208
step large_at_unload unloaded 10 40960
step cache_at_unload unloaded 5 304
step verify verified
step unload unload
step heap_reported said 'BUG: goslab: live objects at the end in the heap'
[ $ktap_failed = 0 ] || dmesg | tail -100
dmesg -n 7
print_results
[ $ktap_failed = 0 ]
