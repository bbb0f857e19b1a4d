#!/bin/bash
# lib.sh - what the scripts here share: names, places, the table of test beds.
#
# Sourced by the others, after which errors end the script. Progress goes to
# stderr, so that stdout is free for what a script answers (a directory).

set -euo pipefail

# say TEXT... - a line of progress.
say() { printf '== %s\n' "$*" >&2; }

# die TEXT... - one line that says what is wrong and what to do, then the end.
die() { printf '%s: %s\n' "${0##*/}" "$*" >&2; exit 1; }

[ -n "${GOSLAB_CACHE:-}${XDG_CACHE_HOME:-}${HOME:-}" ] ||
	die "HOME is not set: say GOSLAB_CACHE=DIR, where kernels are kept"

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
SCRIPTS=$TOP/scripts
CACHE=${GOSLAB_CACHE:-${XDG_CACHE_HOME:-${HOME:-}/.cache}/goslab}
BUILD=${GOSLAB_BUILD:-$TOP/build}
JOBS=${JOBS:-$(nproc)}

# Objects of sources that did not change come out of a cache, for each kernel and
# each checkout: a run of all tests compiles the modules for a dozen kernels.
export CCACHE_DIR=$CACHE/ccache CCACHE_MAXSIZE=2G CCACHE_BASEDIR=$BUILD \
	CCACHE_NOHASHDIR=1

# The beds of "make test", in the order in which it uses them.
BEDS_ALL="uml-smp uml-6.1 uml-6.12 uml-up uml-kmemleak uml-lockdep uml-debug qemu-7.2-test qemu-6.1 qemu-6.12 qemu-6.1-rt qemu-6.12-rt"

# need TOOL... - ends with a clear line if a tool is not there.
need() {
	local t
	for t; do
		command -v "$t" >/dev/null ||
			die "$t is missing: run scripts/setup.sh"
	done
}

# bed_lookup BED - sets BED_KIND (um, qemu, or cross: only modules are built),
# BED_SOURCE (which kernel), BED_CONFIG (fragments in scripts/config, for um over
# uml-base; a qemu bed without any takes Debian's kernel), BED_ARCH as make calls
# it, and BED_CROSS, what the names of its compiler begin with.
bed_lookup() {
	BED_CONFIG='' BED_ARCH=x86_64 BED_CROSS=''
	case $1 in
	uml-up)		BED_KIND=um BED_SOURCE=7.2 BED_CONFIG="up" ;;
	uml-smp)	BED_KIND=um BED_SOURCE=7.2 BED_CONFIG="smp clients" ;;
	uml-debug)	BED_KIND=um BED_SOURCE=7.2 BED_CONFIG="smp debug" ;;
	uml-kmemleak)	BED_KIND=um BED_SOURCE=7.2 BED_CONFIG="smp kmemleak" ;;
	uml-lockdep)	BED_KIND=um BED_SOURCE=7.2 BED_CONFIG="smp lockdep" ;;
	uml-6.1)	BED_KIND=um BED_SOURCE=6.1 BED_CONFIG="up wide" ;;
	uml-6.12)	BED_KIND=um BED_SOURCE=6.12 BED_CONFIG="up wide" ;;
	qemu-6.1)	BED_KIND=qemu BED_SOURCE=6.1 ;;
	qemu-6.12)	BED_KIND=qemu BED_SOURCE=6.12 ;;
	qemu-6.1-rt)	BED_KIND=qemu BED_SOURCE=6.1-rt ;;
	qemu-6.12-rt)	BED_KIND=qemu BED_SOURCE=6.12-rt ;;
	qemu-7.2)	BED_KIND=qemu BED_SOURCE=7.2 BED_CONFIG="x86-plain genalloc" ;;
	qemu-7.2-locks)	BED_KIND=qemu BED_SOURCE=7.2
			BED_CONFIG="x86-plain lockstat" ;;
	qemu-7.2-test)	BED_KIND=qemu BED_SOURCE=7.2 BED_CONFIG="x86-plain x86-test" ;;
	qemu-7.2-kcsan)	BED_KIND=qemu BED_SOURCE=7.2
			BED_CONFIG="x86-plain x86-test kcsan" ;;
	qemu-arm64)	BED_KIND=qemu BED_SOURCE=7.2 BED_ARCH=arm64
			BED_CONFIG="arm64 arm64-4k" ;;
	qemu-arm64-64k)	BED_KIND=qemu BED_SOURCE=7.2 BED_ARCH=arm64
			BED_CONFIG="arm64 arm64-64k" ;;
	cross-s390)	BED_KIND=cross BED_SOURCE=7.2 BED_ARCH=s390
			BED_CONFIG="s390" ;;
	*) die "no test bed '$1'; there are:" $BEDS_ALL ;;
	esac
	case $BED_ARCH in
	arm64)	BED_CROSS=aarch64-linux-gnu- ;;
	s390)	BED_CROSS=s390x-linux-gnu- ;;
	esac
	[ "$BED_KIND" != um ] || BED_ARCH=um
}

# need_space MIB WHAT - ends with a clear line if the cache's disk is too full.
need_space() {
	local free
	mkdir -p "$CACHE"
	free=$(df --output=avail -BM "$CACHE" | tail -1 | tr -dc 0-9)
	[ "$free" -ge "$1" ] || die "$2 needs $1 MiB in $CACHE and there are" \
		"$free: free some ('make clean-cache' removes what is there)," \
		"or say GOSLAB_CACHE=DIR on another disk"
}

# lock_build - two runs in one checkout would mix their modules: the second one
# waits. Scripts that a run calls find the lock taken by their caller.
lock_build() {
	[ -z "${GOSLAB_BUILD_LOCKED:-}" ] || return 0
	mkdir -p "$BUILD"
	exec {BUILD_FD}>"$BUILD/.lock"
	if ! flock -n "$BUILD_FD"; then
		say "another run works in $BUILD, waiting for it"
		flock "$BUILD_FD"
	fi
	export GOSLAB_BUILD_LOCKED=1
}

# with_lock NAME TEXT - holds the lock NAME of the cache until the script ends,
# so that two runs do not fetch or build the same thing at once; TEXT is what
# another run is doing if it has to be waited for.
with_lock() {
	mkdir -p "$CACHE/lock"
	exec {LOCK_FD}>"$CACHE/lock/$1"
	if ! flock -n "$LOCK_FD"; then
		say "$2, waiting for it"
		flock "$LOCK_FD"
	fi
}

# take_programs DIR PROGRAM... - into DIR/tools programs of this machine with the
# libraries they need: ld.so there runs them in a guest.
take_programs() {
	local dir=$1/tools name program
	shift
	mkdir -p "$dir"
	for name; do
		program=$(PATH=$PATH:/sbin:/usr/sbin command -v "$name") ||
			die "$name is missing: run scripts/setup.sh"
		cp -L "$program" "$dir/"
		ldd "$program" | awk '$3 ~ /^\// { print $3 }' |
			xargs -I{} cp -L {} "$dir/"
		cp -L "$(ldd "$program" | awk '$1 ~ /\/ld-/ { print $1 }')" \
			"$dir/ld.so"
	done
}
