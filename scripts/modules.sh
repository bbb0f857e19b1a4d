#!/bin/bash
# modules.sh BED [VAR=VALUE...] - builds the modules for the kernel of a bed.
#
# In a copy of the sources, build/BED/src, for one tree cannot hold the objects
# of several kernels. Variables go to make, as in GOSLAB_KUNIT=1. The modules
# end up side by side in build/BED/modules.

. "$(dirname "$0")/lib.sh"

# copy_sources DIR - what changed here changes there; objects there stay.
copy_sources() {
	local part parts=()

	for part in goslab kunit Documentation/examples Kbuild; do
		[ ! -e "$TOP/$part" ] || parts+=("$TOP/./$part")
	done
	mkdir -p "$1"
	rsync -aR --delete --exclude='*.o' --exclude='*.ko' --exclude='*.mod' \
		--exclude='*.mod.c' --exclude='.*.cmd' --exclude='.*.d' \
		--exclude=modules.order --exclude=Module.symvers \
		"${parts[@]}" "$1/"
}

# collect SRC DIR - into DIR the modules that this build made, no older ones.
collect() {
	local name ko

	rm -rf "$2" && mkdir -p "$2"
	sed 's/\.k\?o$//' "$1/modules.order" | while read -r name; do
		ko=$(cd "$1" && realpath "$name.ko")
		cp -p "$ko" "$2/" || die "$BED: make left no $ko"
	done
}

main() {
	local kernel kdir start arch

	BED=${1:?usage: modules.sh BED [VAR=VALUE...]}
	shift
	need rsync make gcc ccache
	lock_build
	bed_lookup "$BED"
	kernel=$("$SCRIPTS/kernel.sh" "$BED")
	kdir=$kernel
	[ "$BED_KIND" = um ] || kdir=$kernel/kdir
	arch=("ARCH=$BED_ARCH" "CROSS_COMPILE=$BED_CROSS"
		"CC=ccache ${BED_CROSS}gcc")
	# There is no kernel whose symbols could be looked up.
	[ "$BED_KIND" != cross ] || arch+=(KBUILD_MODPOST_WARN=1)
	copy_sources "$BUILD/$BED/src"
	start=$SECONDS
	say "modules $BED: building against $kdir"
	make -C "$kdir" M="$BUILD/$BED/src" "${arch[@]}" -j"$JOBS" modules "$@" \
		>"$BUILD/$BED/modules.log" 2>&1 || {
		cat "$BUILD/$BED/modules.log" >&2
		die "$BED: the modules do not build, see above"
	}
	grep -E 'warning:|WARNING:' "$BUILD/$BED/modules.log" >&2 || true
	collect "$BUILD/$BED/src" "$BUILD/$BED/modules"
	ln -sfn "$kernel" "$BUILD/$BED/kernel"
	say "modules $BED: done in $((SECONDS - start)) s"
}

main "$@"
