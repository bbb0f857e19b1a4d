#!/bin/bash
# client.sh - what "make client" does: a module that was not written for goslab
# runs on it, unedited.
#
# SRC=DIR      its sources, with its own Makefile or Kbuild
# RUN=SCRIPT   run inside by busybox sh, with the modules (./NAME.ko) beside it
# ARGS="..."   for the module's make, as in ARGS="CONFIG_MINIX_FS=m"
# CONFIG=FILE  options of the kernel that the bed does not have (User-Mode Linux)
# BED=BED      test bed (uml-smp); qemu-6.1: Debian's own kernel
# BOOT="..."   kernel command line     FILES="..." files to put beside the script
# NAME=NAME    of the results (default: the last part of SRC)
#
# The sources are copied into build/clients, built against the drop-in headers
# (Documentation/dropin.rst) and booted. What goslab served is printed; it fails
# if the script fails, if a kernel warning or a report of goslab was made, or if
# anything is left when the modules are gone. EXPECT=REGEX: such lines of the
# log are wanted, and no failure.

. "$(dirname "$0")/lib.sh"

BED=${BED:-uml-smp}
export GOSLAB_BUILD=$BUILD/clients KERNEL_CONFIG=""
BUILD=$GOSLAB_BUILD

check_arguments() {
	local f
	[ -n "${SRC:-}" ] && [ -n "${RUN:-}" ] ||
		die "say SRC=DIR and RUN=SCRIPT; see the top of scripts/client.sh"
	[ -d "$SRC" ] || die "SRC=$SRC is no directory"
	[ -e "$SRC/Makefile" ] || [ -e "$SRC/Kbuild" ] ||
		die "SRC=$SRC has neither Makefile nor Kbuild"
	for f in "$RUN" ${CONFIG:-} ${FILES:-}; do
		[ -e "$f" ] || die "there is no file $f"
	done
	[ -z "${CONFIG:-}" ] || KERNEL_CONFIG=$(realpath "$CONFIG")
	[ "$BED_KIND" = um ] || [ -z "$KERNEL_CONFIG" ] ||
		die "CONFIG= is for kernels that are built, and $BED has Debian's"
	SRC=$(realpath "$SRC")
	NAME=${NAME:-${SRC##*/}}
}

# build_client DIR - the copy of its sources there becomes modules.
build_client() {
	local kernel=$BUILD/$BED/kernel arch=() log=$BUILD/$BED/build-$NAME.log
	local include=$BUILD/$BED/src/goslab/include

	[ "$BED_KIND" = um ] && arch=(ARCH=um) || kernel=$kernel/kdir
	say "client $NAME: building, log in $log"
	make -C "$kernel" M="$1" "${arch[@]}" CC="ccache gcc" -j"$JOBS" modules \
		${ARGS:-} \
		NOSTDINC_FLAGS="-nostdinc -I$include/dropin -I$include" \
		KBUILD_EXTRA_SYMBOLS="$BUILD/$BED/src/Module.symvers" \
		>"$log" 2>&1 || {
		grep -E -A3 'error|ERROR' "$log" | head -20 >&2 || tail "$log" >&2
		die "client $NAME: does not build against goslab, see $log"
	}
	[ -n "$(find "$1" -name '*.ko')" ] ||
		die "client $NAME: make built no module; does it need ARGS=?"
}

# uses_goslab DIR - a module without one undefined symbol of ours is no client.
uses_goslab() {
	local ko
	while read -r ko; do
		grep -q goslab_ "$ko" && return
	done < <(find "$1" -name '*.ko')
	die "client $NAME: none of its modules calls an allocator of slab"
}

# show - what was served, the most first.
show() {
	local out=$BUILD/$BED/out-$NAME/served
	[ -s "$out" ] || return 0
	echo "goslab served $NAME: $(awk '$1 == "allocs" { print $3 }' "$out")" \
		"allocations; at most, by module and by cache:"
	awk '$1 != "allocs" && $3 > 0' "$out" | sort -k1,1r -k4,4nr |
		awk '{ printf "  %-6s %-32s %8d objects %10d bytes\n", $1, $2, $3, $4 }'
}

# judge LOG STATUS - one line that says how it went; 1 if not well.
judge() {
	local log=$1 said="" read=$BUILD/$BED/judged-$NAME.log

	cp "$log" "$read"
	if [ -n "${EXPECT:-}" ]; then
		grep -qE "$EXPECT" "$log" || said="nothing in the log is '$EXPECT'"
		grep -vE "$EXPECT" "$log" >"$read" || true
	fi
	[ -n "$said" ] || said=$(python3 "$SCRIPTS/ktap.py" "$read" | python3 -c '
import json, sys
run = json.load(sys.stdin)
wrong = run["failures"] + run["problems"]
print("; ".join(wrong[:3]))')
	[ -n "$said" ] || [ "$2" = 0 ] || said="boot.sh ended with $2"
	[ -n "$said" ] || return 0
	echo "$said"
	return 1
}

main() {
	local dir log status=0 data why start=$SECONDS

	bed_lookup "$BED"
	check_arguments
	lock_build
	case $BED_KIND in
	um) "$SCRIPTS/setup.sh" um ;;
	*) "$SCRIPTS/setup.sh" qemu ;;
	esac
	"$SCRIPTS/modules.sh" "$BED" GOSLAB_ONLY=1
	dir=$BUILD/$BED/client-$NAME data=$BUILD/$BED/data-$NAME/client
	rm -rf "$dir" "${data%/*}" "$BUILD/$BED/out-$NAME"
	mkdir -p "$data"
	cp -rL "$SRC" "$dir"
	build_client "$dir"
	uses_goslab "$dir"
	find "$dir" -name '*.ko' -exec cp {} "$data/" \;
	cp "$RUN" "$data/run.sh"
	[ -z "${FILES:-}" ] || cp -r ${FILES} "$data/"
	log=$BUILD/$BED/client-$NAME.log
	say "client $NAME: booting $BED, log in $log"
	"$SCRIPTS/boot.sh" "$BED" --cpus 2 --name "client-$NAME" --quiet \
		--timeout "${TIMEOUT:-200}" --append "${BOOT:-}" --add "$data" \
		--out "$BUILD/$BED/out-$NAME" -- client.sh || status=$?
	show
	if why=$(judge "$log" "$status"); then
		say "client $NAME: passed in $((SECONDS - start)) s"
	else
		tail -20 "$log" >&2
		die "client $NAME: $why; log in $log"
	fi
}

main "$@"
