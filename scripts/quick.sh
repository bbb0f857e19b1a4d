#!/bin/bash
# quick.sh - what "make quick" does, for the loop of a contributor: the checks
# that need no kernel, a build, and all suites on User-Mode Linux 7.2 with two
# CPUs and the checks of a debug build.
#
# The last line is "N passed, N failed, N skipped"; the exit status is the
# verdict.

. "$(dirname "$0")/lib.sh"

main() {
	local log=$BUILD/uml-smp/quick.log start=$SECONDS status=0 tree check

	"$SCRIPTS/setup.sh" um
	"$SCRIPTS/setup.sh" check
	lock_build
	tree=${KSRC:-$("$SCRIPTS/fetch.sh" src 7.2)}
	# Beside the rest, and behind it: suites look at the clock.
	nice -n 19 "$SCRIPTS/check.sh" >"$BUILD/check.log" 2>&1 &
	check=$!
	"$SCRIPTS/modules.sh" uml-smp GOSLAB_KUNIT=1 GOSLAB_DEBUG=1
	say "quick: booting, log in $log"
	"$SCRIPTS/boot.sh" uml-smp --cpus 2 --name quick --quiet -- kunit.sh ||
		status=1
	wait "$check" || status=1
	cat "$BUILD/check.log"
	python3 "$SCRIPTS/ktap.py" --suites "$TOP/kunit" "$log" \
		"$tree/tools/testing/kunit/kunit.py" >"$BUILD/quick.json"
	say "quick: $((SECONDS - start)) s"
	python3 "$SCRIPTS/summary.py" "$BUILD/quick.json" || status=1
	return $status
}

main "$@"
