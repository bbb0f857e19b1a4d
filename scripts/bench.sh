#!/bin/bash
# bench.sh - what "make bench" does: goslab beside every peer, in figures.
#
# Times come from uml-up, instructions from Debian's kernels and an own 7.2
# under QEMU -icount, lock acquisitions and what several CPUs do to each other
# from uml-smp, and as a second reference the allocators of user space run the
# same loops on this machine. Table and limits on the terminal, all figures in
# build/bench.json, plots in build/bench/. Documentation/performance.rst tells
# what they mean.
#
# SHORT=1      pairs and batches on stock 6.1 against the recorded figures, and
#              the fast path against its golden file; ends with 1 past 5 %
# RECORD=1     the same, and takes the figures and the fast path as recorded
# BEDS="..."   only these: uml-up uml-heap uml-smp qemu-6.1 qemu-6.12 qemu-7.2 user
#              mix locks; pools, pools over ranges beside genalloc, and leakscan,
#              the scan for leaks beside kmemleak's, each of them also alone; or one
#              of these alone: fits, the policies of the page heap, and sampling,
#              what the heap profile costs
# REPORT=1     the report again, of what is there
# DOC=1        then the tables and plots of Documentation/performance.rst, too
# MISSED=ok    ends with 0 though a limit is missed
#
# Ends with 1 if a limit is missed, or, of a whole run, not measured.

. "$(dirname "$0")/lib.sh"

OUT=$BUILD/bench
BEDS_WHOLE="user uml-up uml-heap uml-smp mix qemu-6.1 qemu-6.12 qemu-7.2 locks pools
	leakscan"
BEDS=${BEDS:-$BEDS_WHOLE}
RECORDED=$TOP/Documentation/bench-recorded.json
ROUNDS=${ROUNDS:-40}

FIXED=pair,pair_const,batch,batch_reverse,batch_shuffled,tiny,tiny_batch,ctor
OTHER=bulk_16,bulk_64,bulk_256,sheaf,free_rcu,kvmalloc,heap,nolock,stack,stack_batch
OTHER+=,region,region_mark,frag,action,weak,collect
PATHS=refill,flush,transfer,span,page_run
THREADS=producer_consumer,xmalloc,larson,sh8bench,cache_scratch,mstress
FITS="best segregated first next bitmap filler"
# Without samples, which come by chance; what they cost is for "sampling".
SHORT_RUN="goslab.sample_rate=0 run=pair,pair_const,batch,stack rounds=3 scale=10 icount=1"

wanted() { [[ " $BEDS " = *" $1 "* ]]; }

# boot NAME BED BOOT-OPTION... -- SCRIPT... - one boot, its files in OUT/NAME.
boot() {
	local name=$1 bed=$2 log=$BUILD/$2/bench-$1.log start=$SECONDS
	shift 2
	rm -rf "${OUT:?}/$name"
	mkdir -p "$OUT/$name"
	say "bench $name: booting, log in $log"
	"$SCRIPTS/boot.sh" "$bed" --name "bench-$name" --out "$OUT/$name" \
		--timeout "${TIMEOUT:-900}" --quiet "$@" || {
		tail -20 "$log" >&2
		die "bench $name failed, see above and $log"
	}
	"$SCRIPTS/kernel.sh" --config "$bed" >"$OUT/$name/config"
	say "bench $name: done in $((SECONDS - start)) s"
}

# memory_mib - what this machine can give a guest: half of what is free.
memory_mib() {
	echo $(($(sed -n 's/^MemAvailable: *\([0-9]*\) kB/\1/p' /proc/meminfo) / 2048))
}

# heap_memory - the MiB of the machine, and the live heap that it can have.
heap_memory() {
	local free
	free=$(memory_mib)
	if [ "$free" -ge 7000 ]; then
		echo 7000 4096
	elif [ "$free" -ge 2000 ]; then
		echo 2000 1024
	else
		echo 1000 256
	fi
}

# On one CPU of User-Mode Linux, native code: times and memory.
bench_up() {
	local trace
	trace=$("$SCRIPTS/trace.sh")
	boot uml-up uml-up -- bench.sh \
		run=$FIXED,$OTHER rounds="$ROUNDS" -- \
		run=pareto,$THREADS rounds=10 -- run=memory
	boot trace uml-up --add "$trace" -- replay.sh \
		"trace=/data/${trace##*/}" mode=memory,time idle=0 \
		rounds=20 generated=0
}

bench_heap() {
	local mem heap
	read -r mem heap <<<"$(heap_memory)"
	[ "$heap" = 4096 ] ||
		say "bench uml-heap: memory for a live heap of $heap MiB only"
	boot uml-heap uml-up --mem "${mem}M" -- bench.sh \
		run=random_replace,random_replace_touched heap="$heap"
}

# What CPUs do to each other; no time is taken that is compared with SLUB's.
bench_smp() {
	local cpus i w size loads=()

	boot uml-smp uml-smp --cpus 2 -- bench.sh \
		run=pair_cpus,pair_mixed rounds=2 scale=40 -- \
		run=cache_scratch rounds=4 scale=20
	for i in 2 3 4 5; do
		boot "uml-smp-pair-$i" uml-smp --cpus 2 -- bench.sh \
			run=pair_cpus,pair_mixed ways=goslab,empty rounds=2 scale=40
	done
	for size in 8 16 32 64 128 256 512 1024 2048 4096 8192 16384; do
		loads+=(-- run=batch ways=goslab rounds=10 "size=$size")
	done
	loads+=(-- run=pair ways=goslab rounds=10 size=64)
	boot uml-smp-batch uml-smp -- bench.sh "${loads[@]:1}"
	for cpus in 1 2 4 8; do
		loads=()
		for w in ${THREADS//,/ } random_replace_cpus; do
			loads+=(-- "run=$w" ways=goslab size=64 rounds=2
				"threads=$cpus" scale=20)
		done
		loads+=(-- run=pair_cpus ways=goslab rounds=2)
		boot "uml-smp-$cpus" uml-smp --cpus $cpus -- bench.sh "${loads[@]:1}"
	done
}

# All sizes on all CPUs at once, beside slab in one boot; then goslab alone, long
# enough that what the first objects cost does not count, for its locks.
bench_mix() {
	local cpus scale bed alone="run=mix ways=goslab rounds=1"

	for cpus in 2 8; do
		scale=$((cpus == 2 ? 200 : 50))
		boot uml-smp-mix-$cpus uml-smp --cpus $cpus -- bench.sh \
			run=mix threads=$cpus rounds=10 scale=$scale -- \
			$alone threads=$cpus scale=200
	done
	for bed in qemu-6.12 qemu-7.2; do
		boot "mix-$bed" $bed --cpus 8 --mem 2G -- bench.sh \
			run=mix threads=8 rounds=4 scale=20
	done
}

# Instructions: on one CPU under QEMU, with init_on_alloc off and on.
bench_icount() {
	local bed=$1 few="rounds=3 scale=10 icount=1"
	boot "$bed" "$bed" --icount --append init_on_alloc=0 -- bench.sh \
		run=$FIXED,$OTHER $few -- \
		run=pareto,random_replace,random_replace_cpus,mix,$THREADS $few heap=16
	boot "$bed-init" "$bed" --icount --append init_on_alloc=1 -- bench.sh \
		run=pair,batch rounds=1 scale=5 icount=1
	paths "$bed" --icount --append init_on_alloc=0 -- bench.sh $few
}

# paths BED BOOT-OPTION... -- SCRIPT... - what lies below the magazine, with modules
# whose inside is exported: the last boot of BED, for none that compares has them.
paths() {
	local bed=$1
	"$SCRIPTS/modules.sh" "$bed" GOSLAB_KUNIT=1
	shift
	boot "$bed-paths" "$bed" "$@" run=$PATHS
}

# Each lock that an operation takes, by the kernel's own statistics: for how many
# instructions it is held, and with eight CPUs how often it is found taken.
bench_locks() {
	boot locks qemu-7.2-locks --icount --append init_on_alloc=0 -- \
		lockstat.sh mix,$THREADS icount=1 rounds=1 scale=200 size=64
	# All are so long that the first objects of each CPU hardly count, and that
	# contended acquisitions, which are few, are more than chance.
	boot locks-8 qemu-7.2-locks --cpus 8 --mem 2G -- \
		lockstat.sh mix threads=8 rounds=3 scale=120
	boot locks-8-threads qemu-7.2-locks --cpus 8 --mem 2G -- \
		lockstat.sh ${THREADS/producer_consumer,/} threads=8 rounds=3 scale=200
	boot locks-8-pairs qemu-7.2-locks --cpus 8 --mem 2G -- \
		lockstat.sh producer_consumer threads=8 rounds=3 scale=1000 size=64
	# Objects of one node that CPUs of another one free.
	boot locks-8-nodes qemu-7.2-locks --cpus 8 --numa 2 --mem 2G -- \
		lockstat.sh mix,larson,mstress,xmalloc threads=8 rounds=3 scale=120
}

# The policies of the page heap, in tables; Documentation/page-heap has them after DOC=1.
bench_fits() {
	local fit trace

	"$SCRIPTS/setup.sh" qemu
	"$SCRIPTS/modules.sh" qemu-7.2-test GOSLAB_KUNIT=1
	"$SCRIPTS/modules.sh" uml-up
	trace=$("$SCRIPTS/trace.sh")
	boot fits qemu-7.2-test --icount --mem 2G -- fits.sh
	for fit in $FITS; do
		boot fits-trace-$fit uml-up --add "$trace" -- replay.sh \
			goslab.fit=$fit "trace=/data/${trace##*/}" mode=memory \
			idle=0 generated=0
		# It is to be printed, not to be kept.
		boot fits-irqsoff-$fit qemu-7.2-test --icount --mem 6G -- \
			irqsoff.sh 200000 1000000 fit=$fit
	done
	python3 "$SCRIPTS/bench-fits.py" "$OUT" "$BUILD/qemu-7.2-test" \
		>"$OUT/fits.txt"
	cat "$OUT/fits.txt"
	[ -z "${DOC:-}" ] || cp "$OUT/fits.txt" "$TOP/Documentation/page-heap/"
}

# show NAME - what NAME.txt has; Documentation/performance has it after DOC=1.
show() {
	cat "$OUT/$1.txt"
	[ -z "${DOC:-}" ] || cp "$OUT/$1.txt" "$TOP/Documentation/performance/"
}

# Pools over ranges beside genalloc: instructions.
bench_pools() {
	local log=$BUILD/qemu-7.2/bench-pools.log

	"$SCRIPTS/setup.sh" qemu
	"$SCRIPTS/modules.sh" qemu-7.2
	boot pools qemu-7.2 --icount -- pools.sh
	sed -n 's/.*goslab_pools: //p' "$log" | tr -d '\r' >"$OUT/pools.txt"
	grep -q ^genalloc "$OUT/pools.txt" || die "no figures of genalloc in $log"
	show pools
}

# The scan for leaks beside kmemleak's, of the same heap in the same boot. kmemleak
# has a record for each object, too.
bench_leakscan() {
	local log=$BUILD/uml-kmemleak/bench-leakscan.log mem=6144 mib=1024

	if [ "$(memory_mib)" -lt $mem ]; then
		mem=2048 mib=256
		say "bench leakscan: memory for a live heap of $mib MiB only"
	fi
	"$SCRIPTS/setup.sh" um
	"$SCRIPTS/modules.sh" uml-kmemleak
	TIMEOUT=1800 boot leakscan uml-kmemleak --mem ${mem}M -- leakbench.sh $mib 3
	grep -aE '^(bytes_live|objects_live|round )' "$log" | tr -d '\r' \
		>"$OUT/leakscan.txt" || die "no figures of scans in $log"
	show leakscan
}

# only NAME - one of these two by itself, with its limits.
only() {
	bench_$1
	python3 "$SCRIPTS/bench-report.py" "$OUT" "$BUILD/bench.json" --only="$1" ||
		[ "${MISSED:-}" = ok ]
}

# What the heap profile costs by its rate; Documentation/performance has it after DOC=1.
bench_sampling() {
	local trace status=0

	"$SCRIPTS/setup.sh" qemu
	"$SCRIPTS/modules.sh" qemu-7.2
	trace=$("$SCRIPTS/trace.sh")
	boot sampling qemu-7.2 --icount --mem 2G --append init_on_alloc=0 --add "$trace" -- \
		sampling.sh 0 524288 65536 4096 524288s
	python3 "$SCRIPTS/bench-sampling.py" "$OUT/sampling" >"$OUT/sampling.txt" ||
		status=$?
	show sampling
	return $status
}

# The loops in user space, once for each allocator there is.
bench_user() {
	local dir=$OUT/user lib name round

	rm -rf "$dir"
	mkdir -p "$dir"
	gcc -O2 -fno-builtin -o "$dir/loops" "$SCRIPTS/bench/loops.c"
	for round in 1 2 3 4 5; do
		"$dir/loops" glibc >>"$dir/results-1"
		for name in tcmalloc_minimal jemalloc mimalloc; do
			lib=$(ls /usr/lib/*/lib$name.so.* 2>/dev/null | head -1) || true
			[ -n "$lib" ] || continue
			LD_PRELOAD=$lib "$dir/loops" ${name%_minimal} >>"$dir/results-1"
		done
	done
	uname -r >"$dir/release"
}

# bench_short - the counts that continuous integration compares, as KTAP.
bench_short() {
	"$SCRIPTS/modules.sh" qemu-6.1
	boot short qemu-6.1 --icount --append init_on_alloc=0 -- bench.sh $SHORT_RUN
	if [ -n "${RECORD:-}" ]; then
		python3 "$SCRIPTS/bench-short.py" "$OUT/short" "$RECORDED" --record
		python3 "$SCRIPTS/fastpath.py" --update
	else
		python3 "$SCRIPTS/bench-short.py" "$OUT/short" "$RECORDED"
	fi
}

# scaling - how far the locks go, in tables and a plot; Documentation/scaling has
# them after DOC=1. Ends with 1 if a lock does not go far enough.
scaling() {
	local status=0 doc=$TOP/Documentation/scaling

	python3 "$SCRIPTS/saturation.py" "$OUT" "$BUILD/saturation.json" \
		>"$OUT/saturation.txt" || status=$?
	cat "$OUT/saturation.txt"
	/usr/bin/python3 "$SCRIPTS/simulate.py" "$BUILD/saturation.json" \
		"$OUT/simulation.svg" >"$OUT/simulation.txt" || return 1
	cat "$OUT/simulation.txt"
	[ -z "${DOC:-}" ] ||
		cp "$OUT"/saturation.txt "$OUT"/simulation.{txt,svg} "$doc/"
	return $status
}

main() {
	local bed pids=() pid whole="" status=0 alone=""

	lock_build
	mkdir -p "$OUT"
	if [ -n "${SHORT:-}${RECORD:-}" ]; then
		"$SCRIPTS/setup.sh" qemu
		bench_short
		return
	fi
	case $BEDS in
	fits | sampling) alone=bench_$BEDS ;;
	pools | leakscan) alone="only $BEDS" ;;
	esac
	if [ -n "$alone" ]; then
		$alone
		return
	fi
	if [ -z "${REPORT:-}" ]; then
		"$SCRIPTS/setup.sh" bench
		for bed in uml-up uml-smp qemu-6.1 qemu-6.12 qemu-7.2 qemu-7.2-locks; do
			case $bed in
			uml-up) ;;
			uml-smp | qemu-6.12 | qemu-7.2) wanted $bed || wanted mix || continue ;;
			qemu-7.2-locks) wanted locks || continue ;;
			*) wanted $bed || continue ;;
			esac
			"$SCRIPTS/modules.sh" $bed
		done
		! wanted user || bench_user
		! wanted uml-up || bench_up
		! wanted uml-heap || bench_heap
		! wanted uml-up || paths uml-up -- bench.sh rounds="$ROUNDS"
		! wanted uml-smp || bench_smp
		! wanted mix || bench_mix
		! wanted locks || bench_locks
		# Instructions are the same however busy the machine is.
		for bed in qemu-6.1 qemu-6.12 qemu-7.2; do
			! wanted $bed || { bench_icount $bed & pids+=($!); }
		done
		for pid in "${pids[@]}"; do
			wait "$pid"
		done
		# With the modules of the others, not with those whose inside is exported.
		! wanted pools || bench_pools
		! wanted leakscan || bench_leakscan
	fi
	[ "$BEDS" != "$BEDS_WHOLE" ] || whole=--whole
	python3 "$SCRIPTS/bench-report.py" "$OUT" "$BUILD/bench.json" $whole ||
		status=$?
	[ $status -le 1 ] || die "no report of the figures in $OUT, see above"
	! wanted locks || scaling || status=1
	# matplotlib is Debian's, and so must be the interpreter.
	/usr/bin/python3 "$SCRIPTS/bench-plot.py" "$BUILD/bench.json" "$OUT"
	[ -z "${DOC:-}" ] || python3 "$SCRIPTS/bench-doc.py" "$OUT" \
		"$BUILD/bench.json" "$TOP/Documentation"
	[ "${MISSED:-}" != ok ] || status=0
	return $status
}

main "$@"
