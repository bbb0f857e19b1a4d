# lib.sh - what the guest scripts share. Sourced.
#
# Results are written as KTAP into the kernel log, where the lines of modules
# stand too, so that nothing comes between the parts of a line.

ktap_n=0
ktap_failed=0

# step NAME COMMAND... - runs the command as a test case of that name.
step() {
	local name=$1 said=ok
	shift
	ktap_n=$((ktap_n + 1))
	"$@" || { said="not ok"; ktap_failed=$((ktap_failed + 1)); }
	echo "# step $name: $said, $(cut -d' ' -f1 /proc/uptime) s after start" \
		>/dev/kmsg
	echo "$said $ktap_n $name" >>/tmp/results
}

# print_results - all steps as one block, which nothing of modules splits. It waits
# until the console has shown what programs wrote: their text may come in the middle
# of a line of the kernel log.
print_results() {
	local line
	usleep 300000
	echo "KTAP version 1" >/dev/kmsg
	echo "1..$ktap_n" >/dev/kmsg
	while read -r line; do
		echo "$line" >/dev/kmsg
	done </tmp/results
}

# failures - how often modules have said so far that they failed.
failures() { dmesg | grep -cE '\] +(not ok [0-9]|goslab_replay: .*failed with)'; }

# ours WORD... - the parameters of goslab.ko: the words that begin with "goslab.",
# without that. theirs WORD... - the other words.
ours() {
	local word
	for word; do
		case $word in goslab.*) echo "${word#goslab.}" ;; esac
	done
}

theirs() {
	local word
	for word; do
		case $word in goslab.*) ;; *) echo "$word" ;; esac
	done
}

# module NAME [PARAM=VALUE...] - loads a module that was built for this bed.
module() {
	local ko=/modules/$1.ko before
	if [ ! -e "$ko" ]; then
		echo "$1.ko was not built for this machine (make modules)"
		return 1
	fi
	shift
	# insmod tries twice, by two system calls: what the second says does not
	# count if a test module failed in the first.
	before=$(failures)
	insmod "$ko" "$@" && [ "$(failures)" = "$before" ]
}

# stop_ms - how soon all of goslab_stress.ko must stop: a second, but in QEMU the
# time counts what else the host does.
stop_ms() {
	if grep -q 'User Mode Linux' /proc/cpuinfo; then echo 1000; else echo 10000; fi
}

# run_stress [PARAM=VALUE...] - loads goslab_stress.ko, which does its work meanwhile,
# and unloads it, whatever it said.
run_stress() {
	local status=0
	module goslab_stress "stop_ms=$(stop_ms)" "$@" || status=1
	gone goslab_stress || rmmod goslab_stress || status=1
	return $status
}

# stat_of FILE NAME - the value of "NAME: value" in a debugfs file.
stat_of() { sed -n "s/^$2:[[:space:]]*//p" "/sys/kernel/debug/goslab/$1"; }

# verified - 0 if the allocator's own check of every invariant says ok.
verified() {
	local said
	said=$(cat /sys/kernel/debug/goslab/verify) || return 1
	echo "verify: $said"
	case $said in
	ok*) return 0 ;;
	*) return 1 ;;
	esac
}

# under_way BEFORE - waits until the load runs, which takes seconds here: the
# allocations are 10,000 more than BEFORE.
under_way() {
	local tries=0
	until [ "$(stat_of stats allocs)" -ge $(($1 + 10000)) ]; do
		[ $tries -lt 600 ] ||
			{ echo "the load did not begin"; return 1; }
		usleep 100000
		tries=$((tries + 1))
	done
}

# nothing_left - clients have freed what they took.
nothing_left() {
	awk '/^#|version/ { next } $1 > 0 { print; left = 1 } END { exit left }' \
		/sys/kernel/debug/goslab/owners
}

# gone MODULE - 0 if nothing of a module is loaded any more.
gone() { [ ! -d "/sys/module/$1" ]; }

# scan_leaks - what kmemleak finds that nobody points to, into /tmp/leaks. It passes
# over objects younger than five seconds, and what moves meanwhile shows once.
scan_leaks() {
	local file=/sys/kernel/debug/kmemleak
	sleep 6
	echo scan >$file && echo scan >$file && cat $file >/tmp/leaks
}

# no_leaks - none of them was allocated by way of goslab.
no_leaks() {
	! grep -q '\[goslab' /tmp/leaks ||
		{ grep -B16 '\[goslab' /tmp/leaks | head -40; return 1; }
}

# dumped NAME - boot.sh --dump makes a dump of all memory; we wait for it.
dumped() {
	echo "goslab-dump: $1 $(cat /sys/kernel/vmcoreinfo)."
	read -r line </dev/ttyS0
}
