#!/bin/bash
# builds.sh - builds all modules with stricter compilers, as KTAP.
#
#   w1      gcc with the warnings of W=1, for User-Mode Linux 7.2, suites included
#   sparse  Debian's sparse, for stock 6.12 (it is too old for newer kernels)
#   clang   LLVM=1 for x86-64 7.2, suites included; the kernel is only prepared
#   escape  the rules of "make escape" on their fixtures, then on all sources
#
# A warning about a file of the project fails its case. The exit status is the
# verdict. Nothing is booted.

. "$(dirname "$0")/lib.sh"

WORK=$BUILD/builds
CLANG=19
n=0
failed=0

# copy NAME - a copy of the sources without what other builds left.
copy() {
	mkdir -p "$WORK/$1"
	rsync -aR --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
		--exclude='*.mod.c' --exclude='.*.cmd' --exclude='.*.d' \
		"$TOP"/./{goslab,kunit,Documentation/examples,Kbuild} "$WORK/$1/"
}

# case_of NAME COMMAND... - one build, its output in WORK/NAME.log.
case_of() {
	local name=$1 log=$WORK/$1.log said=ok
	shift
	n=$((n + 1))
	say "builds: $name, log in $log"
	copy "$name"
	"$@" >"$log" 2>&1 || said="not ok"
	if grep -qE 'C=[12] specified, but sparse' "$log"; then
		said="not ok"
	fi
	if grep -E '(goslab|kunit|examples)/[^ ]*[ :].*(warning:|error:|[0-9]: (WARNING|ERROR) )' "$log" |
		sort -u | head -20 | sed 's/^/# /' | grep .; then
		said="not ok"
	fi
	[ "$said" = ok ] || failed=1
	echo "$said $n $name"
}

build_w1() {
	local kernel
	kernel=$("$SCRIPTS/kernel.sh" uml-smp)
	make -C "$kernel" M="$WORK/w1" ARCH=um CC="ccache gcc" -j"$JOBS" W=1 \
		GOSLAB_KUNIT=1 GOSLAB_DEBUG=1 modules
}

build_sparse() {
	local kernel
	kernel=$("$SCRIPTS/kernel.sh" qemu-6.12)
	make -C "$kernel/kdir" M="$WORK/sparse" CC="ccache gcc" -j"$JOBS" \
		C=2 GOSLAB_DEBUG=1 modules
}

# prepared DIR - the tree of a kernel that clang could build: its configuration
# and generated headers.
prepared() {
	local src
	src=$("$SCRIPTS/fetch.sh" src 7.2)
	[ "$(cat "$1/.prepared" 2>/dev/null)" != "$src" ] || return 0
	rm -rf "$1" && mkdir -p "$1"
	{
		grep '^CONFIG_' "$SCRIPTS/config/x86-plain.config"
		echo CONFIG_KUNIT=y
	} >"$1/wanted.config"
	make -C "$src" O="$1" ARCH=x86_64 LLVM=-$CLANG -j"$JOBS" \
		KCONFIG_ALLCONFIG="$1/wanted.config" allnoconfig &&
		make -C "$src" O="$1" ARCH=x86_64 LLVM=-$CLANG -j"$JOBS" \
			modules_prepare && echo "$src" >"$1/.prepared"
}

build_clang() {
	local kernel=$CACHE/build/clang-prepared
	prepared "$kernel" || return 1
	# Without vmlinux nobody knows the kernel's symbols.
	make -C "$kernel" M="$WORK/clang" ARCH=x86_64 LLVM=-$CLANG \
		CC="ccache clang-$CLANG" -j"$JOBS" KBUILD_MODPOST_WARN=1 \
		GOSLAB_KUNIT=1 GOSLAB_DEBUG=1 modules
}

# Nothing is built: sources are read, and none of them has anything to report.
build_escape() { "$SCRIPTS/test-escape.sh" && "$SCRIPTS/escape.sh"; }

main() {
	"$SCRIPTS/setup.sh" builds
	lock_build
	mkdir -p "$WORK"
	echo "KTAP version 1"
	echo "1..4"
	case_of w1 build_w1
	case_of sparse build_sparse
	case_of clang build_clang
	case_of escape build_escape
	return $failed
}

main "$@"
