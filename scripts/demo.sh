#!/bin/bash
# demo.sh - what "make demo" does: a client that leaks, and each tool on it.
#
# BED=qemu-6.1  a stock kernel in QEMU, which can walk its stacks, instead of
# User-Mode Linux. Documentation/debugging.rst is the same in words. What the guest
# showed stays in build/demo.

. "$(dirname "$0")/lib.sh"

BED=${BED:-uml-smp}
DEMO=$BUILD/demo
DIR=/sys/kernel/debug/goslab

# part TITLE
part() { printf '\n== %s\n' "$*"; }

# shown COMMAND LINES COMMAND... - as one would type it, and what it prints.
shown() {
	local lines=$2

	printf '\n# %s\n' "$1"
	shift 2
	"$@" | head -n "$lines"
}

show_all() {
	part "Memory grows. Which module holds it?"
	shown "goslabtop -o -w module" 20 \
		"$SCRIPTS/goslabtop" -o -w module -r "$DEMO/after"
	part "Which of its calls allocated what lives?"
	shown "cat $DIR/callsites" 12 cat "$DEMO/after/callsites"
	part "On which stack, when, and by whom?"
	shown "cat $DIR/alloc_traces" 24 cat "$DEMO/after/alloc_traces"
	part "The same for pprof and for flame graphs"
	shown "goslab-profile --top" 20 \
		"$SCRIPTS/goslab-profile" --top "$DEMO/after/profile"
	shown "goslab-profile --folded" 12 \
		"$SCRIPTS/goslab-profile" --folded "$DEMO/after/profile"
	part "All of it as a page for a browser"
	shown "goslab-report" 1 \
		"$SCRIPTS/goslab-report" --dir "$DEMO/after" -o "$DEMO/report.html" 2>&1
	part "What is left when the module goes?"
	shown "rmmod goslab_leak; dmesg" 30 cat "$DEMO/unload"
}

main() {
	"$SCRIPTS/setup.sh" "$(case $BED in uml*) echo um ;; *) echo qemu ;; esac)"
	lock_build
	"$SCRIPTS/modules.sh" "$BED"
	rm -rf "$DEMO"
	mkdir -p "$DEMO"
	say "$BED: booting, log in $BUILD/$BED/demo.log"
	"$SCRIPTS/boot.sh" "$BED" --name demo --out "$DEMO" --quiet --timeout 300 \
		-- demo.sh || die "the demo failed, see $BUILD/$BED/demo.log"
	show_all
}

main "$@"
