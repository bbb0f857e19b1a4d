#!/bin/bash
# test.sh - every test on every bed, what "make test" does.
#
# Kernels that are missing are built first. Then what fails soonest comes first;
# at the end the debug kernel and the stock ones have a processor each. A run that
# cannot be read to its end (no kernel, no modules, panic, time over, a broken
# plan, a kernel warning) counts as failed, and so does a skip that is not in
# scripts/expected-skips. The last line is "N passed, N failed, N skipped"; the
# exit status is 0 only if nothing failed.
#
# BEDS="uml-smp qemu-6.1" limits it to those beds.

. "$(dirname "$0")/lib.sh"

export BEDS=${BEDS:-$BEDS_ALL}
RESULTS=$BUILD/test
ORDER=0
GROUPS_ASIDE=()
DEBUG_ARGS="panic_on_warn=1 page_owner=on"
# Eight times as many watchpoints as by default.
KCSAN_ARGS="kcsan.skip_watch=500"
TRACE=$TOP/kunit/traces/fs-build.kmt
REPLAY_ARGS="trace=/data/fs-build.kmt mode=memory,contents limit=50000 rounds=1
	idle=0 generated=2000"

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
		>"$RESULTS/$(printf %02d $ORDER)-$run.json" <<-'END'
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
		json.load(sys.stdin))' <"$RESULTS/$(printf %02d $ORDER)-$run.json") in $seconds s"
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

# run_builds - stricter compilers.
run_builds() {
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
	ORDER=40
	SHORT=1 "$SCRIPTS/bench.sh" >"$log" 2>"$log.err" || {
		tail -20 "$log.err" >&2
		grep -q '^not ok' "$log" || problem="no figures, see $log.err"
	}
	record bench "$log" $((SECONDS - start)) "$problem"
}

# run_clients - modules that were not written for goslab, in place of slab.
run_clients() {
	local start=$SECONDS log=$RESULTS/clients.log problem=""

	wanted uml-smp || wanted qemu-6.1 || return 0
	ORDER=15
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

# join NAME PID - waits for what runs aside; one that breaks off has failed.
join() {
	wait "$2" || record "lost-$1" "" 0 "the runs of '$1' broke off"
}

clean_up() {
	local group
	for group in "${GROUPS_ASIDE[@]}"; do
		kill -TERM -- "-$group" 2>/dev/null || true
	done
}

# run_quick - User-Mode Linux at full speed.
run_quick() {
	local bed

	ORDER=10
	bed_run uml-smp kunit-2 --cpus 2 --timeout 600 -- kunit.sh
	bed_run uml-smp kunit-8 --cpus 8 --timeout 800 -- kunit.sh
	bed_run uml-6.1 kunit --timeout 600 -- kunit.sh
	bed_run uml-6.12 kunit --timeout 600 -- kunit.sh
	bed_run uml-up kunit --timeout 600 -- kunit.sh
	# As Debian boots: only then are fresh pages known to be zero.
	bed_run uml-up kunit-zero --timeout 600 --append init_on_alloc=1 \
		-- kunit.sh
	python3 "$SCRIPTS/mktraces.py" "$RESULTS/traces"
	bed_run uml-up traces --timeout 400 --add "$RESULTS/traces" -- traces.sh
	# A waiter for a spinlock that the host puts aside stalls all behind it:
	# no more CPUs than the host has. The beds in QEMU have more.
	bed_run uml-smp stress --cpus 2 --timeout 400 -- stress.sh \
		steps=3000000 threads=8
	for bed in uml-smp uml-6.1; do
		bed_run $bed load --timeout 400 -- load.sh
	done
	for bed in uml-smp uml-6.1 uml-6.12; do
		bed_run $bed stray --timeout 200 -- stray.sh
	done
	run_clients
}

# run_debug - the same with every checker, which takes its time.
run_debug() {
	ORDER=20
	bed_run uml-lockdep kunit --cpus 2 --timeout 1200 -- kunit.sh
	bed_run uml-debug kunit --cpus 2 --timeout 2400 --append "$DEBUG_ARGS" \
		-- kunit.sh
	bed_run uml-debug stress --cpus 2 --timeout 800 --append "$DEBUG_ARGS" \
		-- stress.sh steps=100000 threads=8 limit=600
	mkdir -p "$RESULTS/races"
	ln -sf "$TOP"/kunit/*race_kunit.c "$RESULTS/races/"
	bed_run qemu-7.2-kcsan kunit-races --cpus 4 --numa 2 --mem 2G \
		--timeout 1200 --append "kunit.filter_glob=goslab_*race* $KCSAN_ARGS" \
		-- kunit.sh
	bed_run qemu-7.2-kcsan stress --cpus 4 --numa 2 --mem 2G --timeout 1200 \
		--append "$KCSAN_ARGS" -- races.sh
}

# run_own - x86-64 7.2 with what Debian's older kernels have, and more.
run_own() {
	local trace=$RESULTS/fs-build.kmt

	bed_run qemu-7.2-test kunit --cpus 4 --numa 2 --mem 2G --timeout 1800 \
		--append hardened_usercopy=1 -- kunit.sh
	bed_run qemu-7.2-test stock --cpus 4 --numa 2 --mem 2G --timeout 1200 \
		--add "$trace" -- stock.sh full $REPLAY_ARGS
	bed_run qemu-7.2-test faults --cpus 4 --numa 2 --mem 1G --timeout 1200 -- faults.sh
	bed_run qemu-7.2-test memory --cpus 2 --mem 2G --timeout 1200 \
		--append mem=768M -- memory.sh
	bed_run qemu-7.2-test irqsoff --icount --mem 20G --timeout 1800 \
		-- irqsoff.sh 1000000
}

# run_arm64 - another order of memory accesses, objects rounded up to cache lines, and
# pages of 64 KiB.
run_arm64() {
	local bed

	for bed in qemu-arm64 qemu-arm64-64k; do
		bed_run $bed kunit --cpus 2 --mem 2G --timeout 1800 -- kunit.sh
	done
}

# run_stock - kernels as Debian ships them.
run_stock() {
	local bed trace=$RESULTS/fs-build.kmt

	ORDER=30
	xz -dc "$TRACE.xz" >"$trace" || say "no trace: $TRACE.xz"
	bed_run qemu-6.1 stock --cpus 4 --numa 2 --mem 2G --timeout 1000 \
		--add "$trace" -- stock.sh full $REPLAY_ARGS
	bed_run qemu-6.12 stock --cpus 8 --numa 2 --mem 2G --timeout 1200 \
		--add "$trace" -- stock.sh full $REPLAY_ARGS
	for bed in qemu-6.1-rt qemu-6.12-rt; do
		bed_run $bed stock --cpus 4 --mem 2G --timeout 800 \
			-- stock.sh rt
	done
	run_own
	run_arm64
	run_readme
	run_bench
}

main() {
	local bed debug start=$SECONDS
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
	lock_build
	# Some checks read it.
	KERNEL_TREE=${KSRC:-$("$SCRIPTS/fetch.sh" src 7.2)}
	run_check
	build_all
	run_builds
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	aside run_quick
	join quick "$ASIDE"
	aside run_debug
	debug=$ASIDE
	aside run_stock
	join stock "$ASIDE"
	join debug "$debug"
	say "tests took $((SECONDS - start)) s"
	python3 "$SCRIPTS/summary.py" "$RESULTS"/*.json
}

main "$@"
