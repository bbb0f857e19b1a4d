#!/bin/bash
# trace.sh [FILE] - checks a trace and prints the path of it uncompressed.
#
# FILE is a .kmt or .kmt.xz (Documentation/trace-format.rst), by default the
# one that comes with the project. Uncompressed copies are kept in build/trace.
# Ends with 2 if there is no such file or it is no trace.

. "$(dirname "$0")/lib.sh"

DEFAULT=$TOP/kunit/traces/fs-build.kmt.xz

# wrong TEXT... - as die, but the user's mistake.
wrong() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 2; }

# unpack FILE - into build/trace, unless a copy of this very file is there.
unpack() {
	local dir name

	dir=$BUILD/trace/$({ realpath "$1"; stat -c '%s %Y' "$1"; } | cksum |
		cut -d' ' -f1)
	name=${1##*/}
	UNPACKED=$dir/${name%.xz}
	[ ! -e "$UNPACKED" ] || return 0
	need xz
	mkdir -p "$dir"
	xz -dc "$1" >"$dir/tmp.$$" 2>/dev/null || {
		rm -f "$dir/tmp.$$"
		wrong "$1: xz cannot read it"
	}
	mv "$dir/tmp.$$" "$UNPACKED"
}

# magic FILE NUMBER - the first bytes; NULs would be lost, other bytes stay.
magic() { head -c "$2" "$1" | tr -d '\0'; }

main() {
	local file=${1:-$DEFAULT}

	[ -f "$file" ] || wrong "$file: no such file"
	[ -r "$file" ] || wrong "$file: cannot be read"
	UNPACKED=$(realpath "$file")
	[ "$(magic "$file" 6)" != $'\xfd7zXZ' ] || unpack "$file"
	[ "$(magic "$UNPACKED" 4)" = KMT2 ] ||
		wrong "$file: not a KMT2 trace, see Documentation/trace-format.rst"
	echo "$UNPACKED"
}

main "$@"
