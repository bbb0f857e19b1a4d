#!/bin/bash
# run.sh - what "make run" does: goslab beside SLUB on a recorded trace.
#
# TRACE=FILE  another .kmt or .kmt.xz       CPUS=N  of the SMP kernel (2)
# MEM=SIZE    of both machines (1G)         KSRC=DIR  the user's kernel tree
#
# The UP kernel measures time and memory, for User-Mode Linux is only fit for
# times there; the SMP kernel looks after contents on all CPUs. The figures go
# to build/run.json. Documentation/running.rst tells what they mean.

. "$(dirname "$0")/lib.sh"

RUN=$BUILD/run
MEM=${MEM:-1G}
CPUS=${CPUS:-2}
TIMEOUT=${TIMEOUT:-1200}

# wrong TEXT... - as die, but the user's mistake.
wrong() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }

check_machine() {
	[[ $CPUS =~ ^[1-8]$ ]] || wrong "CPUS=$CPUS: 1 to 8"
	[[ $MEM =~ ^[0-9]+[KMGkmg]$ ]] || wrong "MEM=$MEM: a size such as 512M"
}

# progress - of a console log, what the modules say.
progress() {
	sed -un 's/^\(\[ *[0-9.]*\] \)\?goslab_replay: /   /p; /BUG: goslab/p'
}

# boot BED KIND BOOT-OPTION... -- SCRIPT... - one boot, its files in build/run.
boot() {
	local bed=$1 name=run-$2 out=$RUN/$2
	shift 2
	rm -rf "$out"
	mkdir -p "$out"
	say "$bed: booting, log in $BUILD/$bed/$name.log"
	"$SCRIPTS/boot.sh" "$bed" --name "$name" --mem "$MEM" --out "$out" \
		--timeout "$TIMEOUT" --add "$TRACE_FILE" "$@" | progress ||
	{
		tail -30 "$BUILD/$bed/$name.log" >&2
		die "$bed: the replay failed, see above and $BUILD/$bed/$name.log"
	}
	[ -s "$out/results.json" ] || die "$bed: no results in $out"
}

main() {
	local file bed

	check_machine
	# It also installs what trace.sh unpacks with.
	"$SCRIPTS/setup.sh" um
	TRACE_FILE=$("$SCRIPTS/trace.sh" "${TRACE:-}") || exit 2
	lock_build
	for bed in uml-up uml-smp; do
		"$SCRIPTS/modules.sh" "$bed"
	done
	file=trace=/data/${TRACE_FILE##*/}
	boot uml-up up -- replay.sh "$file" mode=memory,time,hold
	boot uml-smp smp --cpus "$CPUS" -- replay.sh "$file" mode=contents
	python3 "$SCRIPTS/report-run.py" "$RUN" "$BUILD/uml-up/kernel" \
		"${TRACE:-fs-build.kmt.xz}" "$BUILD/run.json"
}

main "$@"
