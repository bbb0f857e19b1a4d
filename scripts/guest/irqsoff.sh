# irqsoff.sh RUNS [BOUND [PARAM=VALUE...]] - the longest stretch with interrupts off, by
# the kernel's tracer of that name, while a heap of RUNS free runs and as many spans is
# filled, looked at, given back and emptied. With --icount a microsecond is a thousand
# instructions.
#
# Parameters go to goslab.ko. A stretch of goslab's of more than BOUND microseconds fails
# its step. The kernel has stretches of its own; where one of them is the longest,
# goslab's were shorter.

. /guest/lib.sh

RUNS=$1
BOUND=${2:-50}
shift $(($# < 2 ? $# : 2))
TRACING=/sys/kernel/tracing

# longest STEP COMMAND... - runs it under the tracer. Whose the stretch was says the
# function that switched interrupts on again.
longest() {
	local name=$1 status=0 us fn whose=kernel
	shift
	echo 0 >$TRACING/tracing_max_latency
	"$@" || status=1
	us=$(cat $TRACING/tracing_max_latency)
	sed -n 's/^ *=> *\([A-Za-z_0-9.]*\).*/\1/p' $TRACING/trace >/tmp/stack
	fn=$(grep -vE '^(trace_|_raw_|tracer_)' /tmp/stack | head -1)
	# What has no name was in a module that is unloaded by now.
	case $fn in
	0x*) whose=goslab ;;
	*) ! grep -q " $fn[[:space:]]*\[goslab\]" /proc/kallsyms || whose=goslab ;;
	esac
	echo "# longest stretch in $name: $us us, of the $whose ($fn)" >/dev/kmsg
	[ "$us" -gt 0 ] || { echo "$name: the tracer saw nothing"; status=1; }
	if [ $whose = goslab ] && [ "$us" -gt "$BOUND" ]; then
		echo "$name: $us us with interrupts off, at most $BOUND wanted"
		cat /tmp/stack
		status=1
	fi
	return $status
}

# size - the heap is what was asked for.
size() {
	local held runs
	held=$(stat_of stats bytes_held)
	runs=$(sed -n 's/^Node.*free runs *\([0-9]*\).*/\1/p' \
		/sys/kernel/debug/goslab/mheap | awk '{ n += $1 } END { print n }')
	echo "# heap: $held bytes held, $runs free runs" >/dev/kmsg
	[ "$held" -ge $((RUNS * 16384)) ] && [ "$runs" -ge $((RUNS * 99 / 100)) ]
}

read_file() { cat "/sys/kernel/debug/goslab/$1" >/dev/null; }
shrink() { echo 1 >/sys/module/goslab_holds/parameters/shrink; }

step load module goslab "$@"
mount -t tracefs none $TRACING || exit 1
echo irqsoff >$TRACING/current_tracer || exit 1
echo 1 >$TRACING/tracing_on
step fill longest fill module goslab_holds "runs=$RUNS"
step size size
step verify longest verify verified
for file in mheap stats arenas heaps; do
	step $file longest $file read_file $file
done
step shrink longest shrink shrink
step empty longest empty rmmod goslab_holds
step unload longest unload rmmod goslab
echo nop >$TRACING/current_tracer
print_results
[ $ktap_failed = 0 ]
