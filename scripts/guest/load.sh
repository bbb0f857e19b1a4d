# load.sh [PARAM=VALUE...] - loads goslab while one step of loading fails, for each
# step in turn: it must refuse to load and leave nothing behind. Then it loads as usual.
#
# fail_load= is a parameter of modules built with GOSLAB_KUNIT=1.

. /guest/lib.sh

LEAST=8
PARAMS=$*

# nothing_left - 0 if no trace of a load that failed is there.
nothing_left() {
	gone goslab && [ ! -e /sys/kernel/debug/goslab ] &&
		! dmesg | grep -E 'goslab: .*lost|WARNING|BUG:'
}

# each_step - the number of steps goes to /tmp/steps.
each_step() {
	local n=0

	while n=$((n + 1)) && [ $n -lt 1000 ]; do
		if module goslab "fail_load=$n" $PARAMS 2>/tmp/error; then
			echo $((n - 1)) >/tmp/steps
			return 0
		fi
		grep -q 'annot allocate memory' /tmp/error ||
			{ echo "step $n: $(cat /tmp/error)"; return 1; }
		nothing_left || { echo "step $n left something"; return 1; }
	done
	return 1
}

enough_steps() {
	echo "load: $(cat /tmp/steps) steps can fail"
	[ "$(cat /tmp/steps)" -ge $LEAST ]
}

unload() { rmmod goslab && nothing_left; }

step each_step each_step
step enough_steps enough_steps
step verify verified
step unload unload
print_results
[ $ktap_failed = 0 ]
