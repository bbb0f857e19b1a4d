# guard.sh - wrong accesses to guarded objects: the kernel's oops and our line in it,
# our reports, and that all goes on.
#
# What the kernel says is wanted: it is kept from the console, and looked for.

. /guest/lib.sh

# said WORDS - did kernel or goslab say so since the last wild()?
said() { dmesg | tail -n +"$before" | grep -q "$1"; }

# wild WHAT - a module that makes this mistake, until it is unloaded.
wild() {
	before=$(($(dmesg | wc -l) + 1))
	module goslab_wild "what=$1" && listed "$1" && rmmod goslab_wild
}

# listed WHAT - an object that lives after its mistake is in the table.
listed() {
	[ "$1" != past ] ||
		grep -q '^0x.* 100 live .* wild goslab_wild ' /sys/kernel/debug/goslab/guard
}

# silent - not a word of goslab since the last wild().
silent() { ! said 'goslab: out-of\|goslab: use-after\|BUG: '; }

# memory - the slots, which are made now, take no more than api.rst says.
memory() {
	local before after

	before=$(stat_of stats bytes_metadata)
	echo 1 >/sys/module/goslab/parameters/guard_rate || return 1
	after=$(stat_of stats bytes_metadata)
	echo "guard: $((after - before)) bytes for all slots"
	[ $((after - before)) -gt 0 ] && [ $((after - before)) -le $((272 << 10)) ]
}

unload() { rmmod goslab && gone goslab; }

oops='BUG: unable to handle page fault'
by='of an object of 100 bytes (wild, module goslab_wild), allocated in '
freed='goslab: freed in give_back.* \[goslab_wild\]'

# At level 1 an oops would raise the level itself.
echo 0 >/proc/sys/kernel/printk
echo 0 >/proc/sys/kernel/panic_on_oops
step load module goslab sample_rate=1
step memory memory
step nothing_wrong wild nothing
step nothing_said silent
step past wild past
step past_faulted said "$oops"
step past_explained said "goslab: out-of-bounds, byte 104 $by"
step slack wild slack
step slack_reported said 'BUG: goslab: write outside an object in wild.*, byte 100, at'
step slack_allocated said 'goslab: wild: Allocated in .* comm=insmod'
step read_after wild read_after
step read_after_faulted said "$oops"
step read_after_explained said "goslab: use-after-free, byte 10 $by"
step read_after_freed said "$freed"
step write_after wild write_after
step write_after_reported said 'BUG: goslab: write to a freed object in wild.*, byte 10, at\|goslab: use-after-free, byte 10 '
step twice wild twice
step twice_reported said 'BUG: goslab: double free in wild'
step verify verified
step unload unload
[ $ktap_failed = 0 ] || { dmesg | tail -300; }
dmesg -n 7
print_results
[ $ktap_failed = 0 ]
