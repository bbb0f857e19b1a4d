#!/bin/bash
# test.sh - every test on every bed, what "make test" does.
#
# Kernels that are missing are built first. Then User-Mode Linux with many CPUs has
# the machine to itself, and after it two jobs run at a time: one for each bed, the
# longest first. A run that cannot be read to its end (no kernel, no modules, panic,
# time over, a broken plan, a kernel warning) counts as failed, and so does a skip
# that is not in scripts/expected-skips. The last line is "N passed, N failed, N
# skipped"; the exit status is 0 only if nothing failed.
#
# BEDS="uml-smp qemu-6.1" limits it to those beds.

. "$(dirname "$0")/lib.sh"

export BEDS=${BEDS:-$BEDS_ALL}
RESULTS=$BUILD/test
# Where a result comes in the table; each job has ten places.
ORDER=0
JOBS_ALL="debug own_7_2 kcsan builds clients stock_6_12 stock_6_1 kmemleak lockdep
	rt_6_12 rt_6_1 arm64 small_up small_6_1 small_6_12"
GROUPS_ASIDE=()
DEBUG_ARGS="panic_on_warn=1 page_owner=on"
# Eight times as many watchpoints as by default.
KCSAN_ARGS="kcsan.skip_watch=500"
TRACE=$TOP/kunit/traces/fs-build.kmt
REPLAY_ARGS="trace=/data/fs-build.kmt mode=memory,contents limit=50000 rounds=1
	idle=0 generated=2000"
# All of the trace: what it never frees must be reached.
SCAN_ARGS="trace=/data/fs-build.kmt"

# wanted BED - 0 if the bed is among those asked for.
wanted() { [[ " $BEDS " = *" $1 "* ]]; }

# record RUN LOG SECONDS [PROBLEM] - the counts of a run, to be summed up.
record() {
	local run=$1 log=$2 seconds=$3 problem=${4:-} more=() suites=$TOP/kunit

	# Of a run of some suites only these must have results.
	[[ $run != *kunit-races ]] || suites=$RESULTS/races
	[[ $run != *kunit* ]] ||
		more=(--suites "$suites"
			"$KERNEL_TREE/tools/testing/kunit/kunit.py")
	ORDER=$((ORDER + 1))
	python3 - "$seconds" "$problem" "$log" "$SCRIPTS/ktap.py" \
		--skips "$SCRIPTS/expected-skips" "$run" "${more[@]}" \
		>"$RESULTS/$(printf %03d $ORDER)-$run.json" <<-'END'
	import json, os, subprocess, sys
	seconds, problem, log, ktap, *options = sys.argv[1:]
	run = dict(passed=0, failed=0, skipped=0, suites={}, failures=[],
	           problems=[])
	if os.path.exists(log):
	    kunit_py = options[5:]
	    run = json.loads(subprocess.check_output(
	        [sys.executable, ktap] + options[:5] + [log] + kunit_py))
	if problem:
	    run['problems'].append(problem)
	    run['failed'] += 1
	run['seconds'] = int(seconds)
	json.dump(run, sys.stdout)
	END
	say "$run: $(python3 -c 'import json, sys; print(
		"%(passed)d passed, %(failed)d failed, %(skipped)d skipped" %
		json.load(sys.stdin))' <"$RESULTS/$(printf %03d $ORDER)-$run.json") in $seconds s"
}

# modules BED - built once a run, with what tests need inside.
modules() {
	local vars=()

	[ -z "${BUILT[$1]:-}" ] || return 0
	[[ $1 != uml-* && $1 != qemu-7.2-* && $1 != qemu-arm64* ]] ||
		vars=(GOSLAB_KUNIT=1)
	[[ $1 != uml-debug && $1 != uml-lockdep ]] || vars+=(GOSLAB_DEBUG=1)
	"$SCRIPTS/modules.sh" "$1" "${vars[@]}" || return 1
	BUILT[$1]=1
}

# bed_run BED KIND [BOOT-OPTION...] -- SCRIPT [ARG...] - one boot.
bed_run() {
	local bed=$1 run=$1-$2 start log problem="" why=$RESULTS/$1-$2.why
	shift 2
	wanted "$bed" || return 0
	log=$BUILD/$bed/$run.log
	rm -f "$log"
	start=$SECONDS
	if ! modules "$bed"; then
		record "$run" "$log" 0 "$bed: no kernel or no modules"
		return
	fi
	start=$SECONDS
	say "$run: booting, log in $log"
	"$SCRIPTS/boot.sh" "$bed" --name "$run" --quiet "$@" 2>"$why" || {
		problem=$(tail -1 "$why" | sed 's/^boot.sh: //; s/^== //')
		tail -25 "$log" >&2 || true
	}
	record "$run" "$log" $((SECONDS - start)) "$problem"
}

# run_check - what needs no kernel, a case for each check.
run_check() {
	local start=$SECONDS log=$RESULTS/check.log problem=""

	"$SCRIPTS/check.sh" >"$log" 2>&1 || {
		tail -20 "$log" >&2
		grep -q '^not ok' "$log" || problem="broke off, see $log"
	}
	record check "$log" $((SECONDS - start)) "$problem"
}

# job_builds - stricter compilers.
job_builds() {
	local start=$SECONDS log=$RESULTS/builds.log problem=""

	wanted uml-smp && wanted qemu-6.12 || return 0
	"$SCRIPTS/builds.sh" >"$log" 2>"$log.err" || {
		tail -n 20 "$log" "$log.err" >&2
		grep -q '^not ok' "$log" || problem="broke off, see $log.err"
	}
	record builds "$log" $((SECONDS - start)) "$problem"
}

# run_bench - instructions of the fast paths against those recorded.
run_bench() {
	local start=$SECONDS log=$RESULTS/bench.log problem=""

	wanted qemu-6.1 || return 0
	SHORT=1 "$SCRIPTS/bench.sh" >"$log" 2>"$log.err" || {
		tail -20 "$log.err" >&2
		grep -q '^not ok' "$log" || problem="no figures, see $log.err"
	}
	record bench "$log" $((SECONDS - start)) "$problem"
}

# job_clients - modules that were not written for goslab, in place of slab.
job_clients() {
	local start=$SECONDS log=$RESULTS/clients.log problem=""

	wanted uml-smp || wanted qemu-6.1 || return 0
	say "clients: running, log in $log.err"
	rm -f "$BUILD/clients/sources/ktap"
	"$SCRIPTS/clients.sh" >"$log.out" 2>"$log.err" || tail -12 "$log.out" >&2
	cp "$BUILD/clients/sources/ktap" "$log" 2>/dev/null ||
		problem="no results, see $log.err"
	record clients "$log" $((SECONDS - start)) "$problem"
}

# run_readme - what README.md tells a reader to do, done.
run_readme() {
	local start=$SECONDS log=$BUILD/qemu-6.1/qemu-6.1-readme.log problem=""

	wanted qemu-6.1 || return 0
	rm -f "$log"
	"$SCRIPTS/readme.sh" qemu-6.1 2>"$RESULTS/readme.why" ||
		problem=$(tail -1 "$RESULTS/readme.why")
	record readme "$log" $((SECONDS - start)) "$problem"
}

# run_drgn - goslab-drgn on dumps of a stock kernel.
run_drgn() {
	local start=$SECONDS log=$RESULTS/drgn.log problem=""

	wanted qemu-6.1 || return 0
	"$SCRIPTS/drgn.sh" qemu-6.1 >"$log" 2>"$log.err" || {
		tail -20 "$log.err" >&2
		grep -q '^not ok' "$log" || problem="broke off, see $log.err"
	}
	record drgn "$log" $((SECONDS - start)) "$problem"
}

# run_top - goslabtop on a live kernel, in a terminal.
run_top() {
	local start=$SECONDS log=$RESULTS/top.log problem=""

	wanted uml-up || return 0
	{ modules uml-up && python3 "$SCRIPTS/top.py" uml-up; } >"$log" 2>"$log.err" || {
		tail -40 "$log" >&2
		grep -q '^not ok' "$log" || problem="broke off, see $log.err"
	}
	record top "$log" $((SECONDS - start)) "$problem"
}

# run_tracers - the tracepoints, read in the guest and by trace-cmd and perf.
run_tracers() {
	local dir=$RESULTS/tracers log=$RESULTS/tracers.log start problem=""

	wanted qemu-6.1 || return 0
	(take_programs "$dir" trace-cmd perf) || problem="trace-cmd or perf is missing"
	bed_run qemu-6.1 trace --cpus 2 --mem 1G --timeout 600 --add "$dir/tools" \
		--out "$dir/out" -- trace.sh tools
	start=$SECONDS
	python3 "$SCRIPTS/test-tracers.py" "$dir/out" >"$log" || tail -20 "$log" >&2
	record tracers "$log" $((SECONDS - start)) "$problem"
	rm -rf "$dir/tools"
}

# build_all - every kernel that is missing, before the first run: a build beside
# it takes time that a run with a time limit then lacks.
build_all() {
	local bed

	for bed in $BEDS; do
		"$SCRIPTS/kernel.sh" "$bed" >/dev/null ||
			say "$bed: no kernel; its runs will fail"
	done
}

# aside COMMAND... - runs it in the background, in a process group of its own,
# so that nothing of it is left however this script ends. Sets ASIDE.
aside() {
	set -m
	"$@" &
	ASIDE=$!
	set +m
	GROUPS_ASIDE+=("$ASIDE")
}

# lost NAME - what ran aside broke off: it has failed.
lost() { ORDER=0 record "lost-$1" "" 0 "the runs of '$1' broke off"; }

# run_jobs JOB... - two at a time, in this order.
run_jobs() {
	local job pid order=100
	declare -A running=()

	for job in "$@" ""; do
		# The last turn waits for all.
		while [ ${#running[@]} -ge 2 ] ||
			{ [ -z "$job" ] && [ ${#running[@]} -gt 0 ]; }; do
			wait -n -p pid "${!running[@]}" || lost "${running[$pid]}"
			unset "running[$pid]"
		done
		[ -n "$job" ] || break
		ORDER=$order
		aside "job_$job"
		running[$ASIDE]=$job
		order=$((order + 10))
	done
}

clean_up() {
	local group
	for group in "${GROUPS_ASIDE[@]}"; do
		kill -TERM -- "-$group" 2>/dev/null || true
	done
}

# run_smp - User-Mode Linux with all CPUs of the machine. A waiter for a spinlock
# that the host puts aside stalls all behind it: nothing runs beside these, and the
# stress has no more CPUs than the host. The beds in QEMU have more.
run_smp() {
	ORDER=10
	bed_run uml-smp kunit-2 --cpus 2 --timeout 600 -- kunit.sh
	bed_run uml-smp kunit-8 --cpus 8 --timeout 800 -- kunit.sh
	bed_run uml-smp stress --cpus 2 --timeout 400 -- stress.sh \
		steps=3000000 threads=8
	bed_run uml-smp stress-guarded --cpus 2 --timeout 400 -- stress.sh \
		goslab.sample_rate=16384 goslab.guard_rate=1 goslab.guard_all=1 \
		steps=1000000 threads=8
	bed_run uml-smp load --timeout 400 -- load.sh
	bed_run uml-smp load-guarded --timeout 400 -- load.sh guard_rate=1 guard_slots=9
	bed_run uml-smp stray --timeout 200 -- stray.sh
}

# The other jobs. Two of one bed would build its modules twice.

job_small_up() {
	local fit

	bed_run uml-up kunit --timeout 600 -- kunit.sh
	# As Debian boots: only then are fresh pages known to be zero.
	bed_run uml-up kunit-zero --timeout 600 --append init_on_alloc=1 \
		-- kunit.sh
	for fit in best first next bitmap filler; do
		bed_run uml-up kunit-$fit --timeout 600 -- kunit.sh goslab.fit=$fit
	done
	bed_run uml-up leaks --timeout 200 -- leaks.sh
	bed_run uml-up examples --timeout 200 --add "$TOP/Documentation/examples" \
		-- examples.sh
	run_top
	bed_run uml-up leakscan --timeout 300 --add "$PART" -- leakscan.sh $SCAN_ARGS
	bed_run uml-up kunit-sampled --timeout 600 -- kunit.sh sample_rate=1
	python3 "$SCRIPTS/mktraces.py" "$RESULTS/traces"
	bed_run uml-up traces --timeout 400 --add "$RESULTS/traces" -- traces.sh
}

job_small_6_1() {
	bed_run uml-6.1 kunit --timeout 600 -- kunit.sh
	bed_run uml-6.1 load --timeout 400 -- load.sh
	bed_run uml-6.1 stray --timeout 200 -- stray.sh
}

job_small_6_12() {
	bed_run uml-6.12 kunit --timeout 600 -- kunit.sh
	bed_run uml-6.12 stray --timeout 200 -- stray.sh
}

# The same suites with every checker, which takes its time.
job_lockdep() {
	bed_run uml-lockdep kunit --cpus 2 --timeout 1200 -- kunit.sh
}

# The suites, and objects that are lost on purpose.
job_kmemleak() {
	bed_run uml-kmemleak kunit --cpus 2 --timeout 1200 -- kunit.sh
	bed_run uml-kmemleak leaks --cpus 2 --timeout 300 -- kmemleak.sh
}

job_debug() {
	bed_run uml-debug kunit --cpus 2 --timeout 2400 --append "$DEBUG_ARGS" \
		-- kunit.sh
	bed_run uml-debug stress --cpus 2 --timeout 800 --append "$DEBUG_ARGS" \
		-- stress.sh steps=100000 threads=8 limit=600
}

job_kcsan() {
	mkdir -p "$RESULTS/races"
	ln -sf "$TOP"/kunit/*race_kunit.c "$RESULTS/races/"
	bed_run qemu-7.2-kcsan kunit-races --cpus 4 --numa 2 --mem 2G \
		--timeout 1200 --append "kunit.filter_glob=goslab_*race* $KCSAN_ARGS" \
		-- kunit.sh
	bed_run qemu-7.2-kcsan stress --cpus 4 --numa 2 --mem 2G --timeout 1200 \
		--append "$KCSAN_ARGS" -- races.sh
}

# x86-64 7.2 with what Debian's older kernels have, and more.
job_own_7_2() {
	bed_run qemu-7.2-test kunit --cpus 4 --numa 2 --mem 2G --timeout 1800 \
		--append hardened_usercopy=1 -- kunit.sh
	bed_run qemu-7.2-test stock --cpus 4 --numa 2 --mem 2G --timeout 1200 \
		--add "$PART" -- stock.sh full $REPLAY_ARGS
	bed_run qemu-7.2-test guard --cpus 2 --mem 1G --timeout 300 -- guard.sh
	bed_run qemu-7.2-test trace --cpus 2 --mem 1G --timeout 600 -- trace.sh
	bed_run qemu-7.2-test faults --cpus 4 --numa 2 --mem 1G --timeout 1200 -- faults.sh
	bed_run qemu-7.2-test memory --cpus 2 --mem 2G --timeout 1200 \
		--append mem=768M -- memory.sh
	bed_run qemu-7.2-test irqsoff --icount --mem 20G --timeout 1800 \
		-- irqsoff.sh 1000000
}

# Another order of memory accesses, objects rounded up to cache lines, and pages of
# 64 KiB.
job_arm64() {
	local bed

	for bed in qemu-arm64 qemu-arm64-64k; do
		bed_run $bed kunit --cpus 2 --mem 2G --timeout 1800 -- kunit.sh
	done
}

# Kernels as Debian ships them.
job_stock_6_1() {
	bed_run qemu-6.1 stock --cpus 4 --numa 2 --mem 2G --timeout 1000 \
		--add "$PART" -- stock.sh full $REPLAY_ARGS
	bed_run qemu-6.1 guard --cpus 2 --mem 1G --timeout 300 -- guard.sh
	bed_run qemu-6.1 leaks --cpus 2 --mem 1G --timeout 600 -- leaks.sh
	bed_run qemu-6.1 examples --mem 512M --timeout 400 \
		--add "$TOP/Documentation/examples" -- examples.sh
	run_tracers
	run_drgn
	bed_run qemu-6.1 leakscan --cpus 2 --mem 1G --timeout 900 --add "$PART" \
		-- leakscan.sh $SCAN_ARGS
	run_readme
	run_bench
}

job_stock_6_12() {
	bed_run qemu-6.12 stock --cpus 8 --numa 2 --mem 2G --timeout 1200 \
		--add "$PART" -- stock.sh full $REPLAY_ARGS
	bed_run qemu-6.12 guard --cpus 2 --mem 1G --timeout 300 -- guard.sh
}

# Most of what belongs to a CPU belongs to one that is not there.
job_rt_6_1() {
	bed_run qemu-6.1-rt stock --cpus 4 --mem 2G --timeout 800 \
		--append possible_cpus=128 -- stock.sh rt
}

job_rt_6_12() { bed_run qemu-6.12-rt stock --cpus 4 --mem 2G --timeout 800 -- stock.sh rt; }

main() {
	local bed check start=$SECONDS
	declare -gA BUILT=()

	for bed in $BEDS; do
		bed_lookup "$bed"
	done
	rm -rf "$RESULTS" && mkdir -p "$RESULTS"
	case " $BEDS" in
	*" qemu-arm64"*) "$SCRIPTS/setup.sh" arm64 ;;
	*" qemu"*) "$SCRIPTS/setup.sh" qemu ;;
	*) "$SCRIPTS/setup.sh" um ;;
	esac
	"$SCRIPTS/setup.sh" check
	lock_build
	# Some checks read it.
	KERNEL_TREE=${KSRC:-$("$SCRIPTS/fetch.sh" src 7.2)}
	PART=$RESULTS/fs-build.kmt
	xz -dc "$TRACE.xz" >"$PART" || say "no trace: $TRACE.xz"
	build_all
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	aside run_check
	check=$ASIDE
	! wanted uml-smp || modules uml-smp || true
	wait "$check" || lost check
	run_smp
	run_jobs $JOBS_ALL
	say "tests took $((SECONDS - start)) s"
	python3 "$SCRIPTS/summary.py" "$RESULTS"/*.json
}

main "$@"
