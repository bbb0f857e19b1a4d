#!/bin/bash
# setup.sh [um|qemu|check|bench|builds|escape|arm64] - installs what is missing on a
# machine with Debian 12 or 13.
#
# "um" is what User-Mode Linux needs, "qemu" (the default) what the tests do, "check"
# what the checks without a kernel do (a browser and Go's pprof, for what the tools make),
# "bench" what draws plots and other allocators besides, "builds" other compilers,
# "escape" Coccinelle, "arm64" what the beds qemu-arm64* need. When nothing is missing,
# apt is not touched and no rights are needed.

. "$(dirname "$0")/lib.sh"

PACKAGES_UM="gcc ccache gdb libc6-dev make flex bison bc libelf-dev libssl-dev perl
	xz-utils busybox-static cpio kmod rsync python3"
PACKAGES_QEMU="$PACKAGES_UM qemu-system-x86 python3-drgn
	trace-cmd linux-perf"
PACKAGES_CHECK="python3 perl make chromium golang-go"
PACKAGES_BENCH="$PACKAGES_QEMU python3-matplotlib"
PACKAGES_ESCAPE="$PACKAGES_UM coccinelle"
PACKAGES_BUILDS="$PACKAGES_QEMU sparse clang-19 lld-19 llvm-19 coccinelle"
PACKAGES_ARM64="$PACKAGES_QEMU qemu-system-arm gcc-aarch64-linux-gnu"
# One of each line; the names of libraries follow their versions.
PEERS="libtcmalloc-minimal4t64 libtcmalloc-minimal4
libjemalloc2
libmimalloc3 libmimalloc2.0 libmimalloc2.1"

# missing PACKAGE... - those that are not installed.
missing() {
	local p
	for p; do
		[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = \
			installed ] || echo "$p"
	done
}

# peers - of each peer in user space the first package that apt knows.
peers() {
	local line p
	while read -r line; do
		for p in $line; do
			[ -n "$(apt-cache madison "$p" 2>/dev/null)" ] || continue
			echo "$p"
			break
		done
	done <<<"$PEERS"
}

# as_root COMMAND... - runs it with the rights that apt needs.
as_root() {
	if [ "$(id -u)" = 0 ]; then
		env DEBIAN_FRONTEND=noninteractive "$@"
	elif command -v sudo >/dev/null; then
		sudo env DEBIAN_FRONTEND=noninteractive "$@"
	else
		die "run this as root, for sudo is missing: apt-get install $WANT"
	fi
}

# install_all LOG - sets up WANT; package lists are renewed first.
install_all() {
	as_root apt-get -q update >"$1" 2>&1 &&
		as_root apt-get -q -y install --no-install-recommends $WANT \
			>>"$1" 2>&1
}

# check_system - the suites and packages named here are Debian's. Others that are
# made from it have dpkg, too, but not these.
check_system() {
	local ID="an unknown system" VERSION_ID=""

	[ ! -r /etc/os-release ] || . /etc/os-release
	[ "$ID" = debian ] || die "this needs Debian 12 or 13, this is" \
		"$ID $VERSION_ID: run it in a container or machine with Debian"
	# Testing and unstable have no number.
	[ -z "$VERSION_ID" ] || [ "${VERSION_ID%%.*}" -ge 12 ] ||
		die "this needs Debian 12 or 13, this is $VERSION_ID"
	[ "$(uname -m)" = x86_64 ] || die "this needs an x86-64 machine"
}

main() {
	local start=$SECONDS log=$CACHE/setup.log

	check_system
	case ${1:-qemu} in
	um) WANT=$(missing $PACKAGES_UM) ;;
	qemu) WANT=$(missing $PACKAGES_QEMU) ;;
	check) WANT=$(missing $PACKAGES_CHECK) ;;
	bench) WANT=$(missing $PACKAGES_BENCH $(peers)) ;;
	builds) WANT=$(missing $PACKAGES_BUILDS) ;;
	escape) WANT=$(missing $PACKAGES_ESCAPE) ;;
	arm64) WANT=$(missing $PACKAGES_ARM64) ;;
	*) die "usage: setup.sh [um|qemu|check|bench|builds|escape|arm64]" ;;
	esac
	# In newer releases of Debian these left util-linux.
	PATH=$PATH:/sbin:/usr/sbin command -v mkfs.minix >/dev/null ||
		WANT+=" util-linux-extra"
	[ -n "$WANT" ] || return 0
	WANT=$(echo $WANT)
	mkdir -p "$CACHE"
	say "setup: installing $WANT, log in $log"
	install_all "$log" || {
		grep -E '^(E|W|Err):' "$log" | tail -5 >&2 || tail -5 "$log" >&2
		die "installing failed: check the network, or install by hand: $WANT"
	}
	say "setup: installed in $((SECONDS - start)) s"
}

main "$@"
