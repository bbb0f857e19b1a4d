# trace.sh [tools] - the tracepoints of goslab: each event, its fields, and a free for
# each allocation. With "tools" trace-cmd and perf in /data/tools record them as well,
# into /out (scripts/test-tracers.py).
#
# The reports are wanted: they are kept from the console.

. /guest/lib.sh

EVENTS=/sys/kernel/tracing/events/goslab
TRACE=/sys/kernel/tracing/trace

# mounted - tracefs is there, and has our events.
mounted() {
	[ -d /sys/kernel/tracing ] || return 1
	[ -e $TRACE ] || mount -t tracefs tracefs /sys/kernel/tracing || return 1
	for event in alloc free heap_reset heap_destroy refill drain span_alloc span_free \
		grow release report; do
		[ -d $EVENTS/goslab_$event ] || { echo "no event goslab_$event"; return 1; }
	done
}

switch_on() { echo 1 >$EVENTS/enable; }

# client [PARAM=VALUE] - loads and unloads it, and keeps what was traced meanwhile. Its
# names are known while it is loaded.
client() {
	module goslab_leak "$@" && cat $TRACE >/tmp/loaded &&
		rmmod goslab_leak && cat $TRACE >/tmp/trace
}

# traced WORDS [FILE] - such a line is there.
traced() { grep -qE "$1" "${2:-/tmp/trace}" || { tail -60 "${2:-/tmp/trace}"; return 1; }; }

# paired - of 57 objects each was allocated once and freed once, by address. Those of
# the heap end with it.
paired() {
	grep -v name=leak_heap- /tmp/trace | sed -nE 's/.*goslab_(alloc|free): .*(ptr=[^ ]*).*/\1 \2/p' |
		awk '{ n[$1]++; by[$2] += $1 == "alloc" ? 1 : -1 }
		     END { for (p in by) odd += by[p] != 0
			   print n["alloc"] " allocations, " n["free"] " frees, " odd + 0 " odd"
			   exit !(n["alloc"] == 57 && n["free"] == 57 && !odd) }'
}

# later - the worker drains idle CPUs and gives pages back within some seconds.
later() {
	local tries=0
	until grep -q goslab_drain: $TRACE && grep -q goslab_release: $TRACE; do
		[ $tries -lt 30 ] || return 1
		sleep 1
		tries=$((tries + 1))
	done
}

# tool NAME ARG... - a program of the host.
tool() {
	local name=$1
	shift
	/data/tools/ld.so --library-path /data/tools "/data/tools/$name" "$@"
}

# recorded TOOL ARG... - by a tool: all of the client, and what it leaves behind. goslab
# is loaded anew, for a cache that was left behind keeps its name.
recorded() {
	module goslab sample_rate=1 && tool "$@" sh -c "insmod /modules/goslab_leak.ko &&
		rmmod goslab_leak && insmod /modules/goslab_leak.ko keep=1 &&
		rmmod goslab_leak" && rmmod goslab
}

dmesg -n 1
step load module goslab sample_rate=1
step events mounted
step switch_on switch_on
step client client
step alloc traced 'goslab_alloc: call_site=lose_small\+0x[^ ]* \[goslab_leak\] ptr=[^ ]+ name=malloc-208 bytes_req=200 bytes_alloc=208 gfp_flags=GFP_KERNEL node=0 module=goslab_leak$' /tmp/loaded
step alloc_in_cache traced 'goslab_alloc: call_site=lose_in_cache\+.* name=leak bytes_req=300 bytes_alloc=304 ' /tmp/loaded
step alloc_large traced 'goslab_alloc: call_site=lose_large\+.* name=large bytes_req=40000 bytes_alloc=40960 ' /tmp/loaded
step free traced 'goslab_free: call_site=0x[0-9a-f]+ ptr=[^ ]+ name=malloc-208$'
step paired paired
step heap_reset traced 'goslab_heap_reset: call_site=.* name=leak_heap objects=7 bytes=41632$'
step heap_destroy traced 'goslab_heap_destroy: call_site=.* name=leak_heap objects=3 bytes=336$'
step refill traced 'goslab_refill: name=malloc-208 node=0 objects=[0-9]+ direct=false$'
step span traced 'goslab_span_alloc: base=[^ ]+ pages=1 size=208 node=0$'
step span_free traced 'goslab_span_free: base=[^ ]+ pages=5 size=40960 node=0$'
step grow traced 'goslab_grow: block=[^ ]+ bytes=[0-9]+$'
step drain_and_release later
step client_leaks client keep=1
step report traced 'goslab_report: call_site=.* name=leak kind=live objects at the end$'
step verify verified
step unload rmmod goslab
if [ "$1" = tools ]; then
	step trace_cmd recorded trace-cmd record -q -e goslab -o /out/trace.dat
	step perf recorded perf record -q -a -e 'goslab:*' -o /out/perf.data --
fi
[ $ktap_failed = 0 ] || dmesg | tail -60
dmesg -n 7
print_results
[ $ktap_failed = 0 ]
