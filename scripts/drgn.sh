#!/bin/bash
# drgn.sh [BED] - goslab-drgn on two dumps of a stock kernel (qemu-6.1).
#
# The dumps are what kdump leaves; there is no debug information but that of the
# goslab.ko that was built. What the tool says is compared with what debugfs said in the
# guest at that moment (scripts/test-drgn.py). Prints KTAP.

. "$(dirname "$0")/lib.sh"

BED=${1:-qemu-6.1}
# The one that Debian's drgn is a module of.
PYTHON=/usr/bin/python3

main() {
	local dir=$BUILD/$BED/drgn

	$PYTHON -c 'import drgn' 2>/dev/null ||
		die "drgn is missing: run scripts/setup.sh"
	"$SCRIPTS/modules.sh" "$BED"
	trap 'rm -rf "$BUILD/$BED/drgn/dump"' EXIT
	rm -rf "$dir"
	"$SCRIPTS/boot.sh" "$BED" --name "$BED-dump" --quiet --cpus 2 --mem 256M \
		--timeout 600 --out "$dir/out" --dump "$dir/dump" -- dump.sh
	$PYTHON "$SCRIPTS/test-drgn.py" "$dir" "$BUILD/$BED/modules"
}

main "$@"
