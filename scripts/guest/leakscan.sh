# leakscan.sh [PARAM=VALUE...] - a scan finds what a client lost, by place and count,
# and nothing else: not at the end of the recorded trace, either, with all that it never
# freed still live. Parameters go to goslab_replay.ko.

. /guest/lib.sh

FILE=/sys/kernel/debug/goslab/leaks

# scan - what the file shows after a scan, into /tmp/leaks.
scan() { echo scan >$FILE && cat $FILE >/tmp/leaks && head -3 /tmp/leaks | tail -1; }

# found NUMBER PLACE - at most so many blocks have PLACE in their backtrace, and at
# least half: an address may be left on a stack or in free memory of slab.
found() {
	local n
	n=$(awk -v place="$2+" '
		/^unreferenced object/ { here = 0 }
		!here && index($0, place) { here = 1; n++ }
		END { print n + 0 }' /tmp/leaks)
	echo "$2: $n blocks of $1"
	[ "$n" -le "$1" ] && [ "$((2 * n))" -ge "$1" ]
}

blocks() { grep -c '^unreferenced object 0x[0-9a-f]* (size [0-9]*):$' /tmp/leaks; }

# others - what nobody has lost.
others() {
	awk -v RS='(^|\n)unreferenced object' 'NR > 1 && !/ lose_/' /tmp/leaks >/tmp/others
	! [ -s /tmp/others ] || { head -40 /tmp/others; return 1; }
}

# whole - each block has the lines of kmemleak's, in their order, and who allocated it.
whole() {
	local n
	n=$(awk '
		/^unreferenced object / { at = 1; next }
		at == 1 && /^  comm "(insmod|modprobe)", pid [1-9][0-9]*, jiffies [0-9]+ \(age [0-9]+\.[0-9]{3}s\)$/ { at = 2; next }
		at == 2 && /^  hex dump \(first 32 bytes\):$/ { at = 3; next }
		at == 3 && /^    ([0-9a-f][0-9a-f] ){16}/ { next }
		at == 3 && /^  backtrace \(crc [0-9a-f]+\):$/ { at = 4; next }
		at == 4 && /^    lose_[a-z_]+\+0x/ { n++; at = 5 }
		END { print n + 0 }' /tmp/leaks)
	echo "$n whole blocks of $(blocks)"
	[ "$n" = "$(blocks)" ] || { sed -n 1,14p /tmp/leaks; return 1; }
}

none() { scan && [ "$(blocks)" = 0 ] || { sed -n 1,60p /tmp/leaks; return 1; }; }
clear_them() { echo clear >$FILE && [ "$(grep -c ^unref $FILE)" = 0 ]; }
refused() { ! echo "$1" >$FILE 2>/dev/null; }

step load module goslab sample_rate=1 sample_stacks=1 leak_min_age=1000
step nothing_yet none
step client module goslab_leak
step scan scan
step small found 10 lose_small
step large found 10 lose_large
step of_a_cache found 5 lose_in_cache
step behind_noscan found 4 lose_behind_noscan
step nothing_else others
step whole whole
step clear clear_them
step nothing_anew none
step other_words refused dump
step unload_client rmmod goslab_leak
step nothing_after none
if [ $# != 0 ]; then
	step replay module goslab_replay mode=hold rounds=1 idle=0 generated=0 "$@"
	step nothing_held_is_lost none
	step unload_replay rmmod goslab_replay
	step nothing_after_replay none
fi
step verify verified
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
