#!/bin/bash
# kernel.sh BED          - makes the kernel of a test bed, prints its directory
# kernel.sh --config BED - prints what its figures depend on
#
# User-Mode Linux is built from Debian's linux-source (or KSRC=DIR) outside the
# checkout, once per source tree, configuration and compiler, and so are the
# x86-64 kernels of qemu-7.2* and the arm64 kernel of qemu-arm64. For a bed of kind
# "cross" only what modules need to compile is made. KERNEL_CONFIG=FILE has options
# besides the bed's.
# The stock Debian kernels of the other QEMU beds are unpacked, never built. The
# directory (for QEMU: kdir in it) is what "make -C" takes to build a module.

. "$(dirname "$0")/lib.sh"

# The fragments of a bed and the file KERNEL_CONFIG, if there is one, as one, of
# several values the last: "SYMBOL=value".
wanted_config() {
	local f files=()

	[ "$BED_KIND" != um ] || files=("$SCRIPTS/config/uml-base.config")
	for f in $BED_CONFIG; do
		files+=("$SCRIPTS/config/$f.config")
	done
	[ -z "${KERNEL_CONFIG:-}" ] || files+=("$KERNEL_CONFIG")
	cat "${files[@]}" | tac | grep '^CONFIG_' | awk -F= '!seen[$1]++' | sort
}

# check_config WANTED GOT - every option asked for must have taken effect.
check_config() {
	local line bad=()

	while read -r line; do
		case $line in
		*=n) grep -q "^${line%=n}=" "$2" && bad+=("$line") ;;
		*) grep -qxF -- "$line" "$2" || bad+=("$line") ;;
		esac
	done <"$1"
	[ ${#bad[@]} = 0 ] ||
		die "$BED: the kernel's configuration did not take: ${bad[*]}"
}

# make_kernel DIR SRC ARG... - kernel make with output in DIR.
make_kernel() {
	local dir=$1 src=$2
	shift 2
	make -C "$src" O="$dir" ARCH="$BED_ARCH" CROSS_COMPILE="$BED_CROSS" \
		-j"$JOBS" "$@"
}

# configure DIR SRC - writes DIR/.config from nothing but the fragments.
configure() {
	cp "$1.wanted" "$1/wanted.config"
	make_kernel "$1" "$2" KCONFIG_ALLCONFIG="$1/wanted.config" \
		allnoconfig >"$1/build.log" 2>&1 || fail_build "$1"
	check_config "$1/wanted.config" "$1/.config"
}

fail_build() {
	grep -n -i -B2 -A6 'error' "$1/build.log" | tail -40 >&2 || true
	die "$BED: building the kernel failed, log in $1/build.log"
}

# as_debian DIR VERSION - kernel and headers where fetch.sh leaves Debian's.
as_debian() {
	local image=arch/x86/boot/bzImage

	[ "$BED_ARCH" = x86_64 ] || image=arch/$BED_ARCH/boot/Image
	mkdir -p "$1/boot"
	ln -sf "../$image" "$1/boot/vmlinuz-$2"
	ln -sfn . "$1/kdir"
}

# targets - what to make of a kernel.
targets() {
	case $BED_KIND-$BED_ARCH in
	cross-*) echo modules_prepare ;;
	*-arm64) echo Image modules ;;
	*) echo all ;;
	esac
}

# prune - removes kernels that no run has used for a month.
prune() {
	local used
	for used in $(find "$CACHE/build" -maxdepth 2 -name .used -mtime +30); do
		say "kernel ${used%/.used}: not used for a month, removed"
		rm -rf "${used%/.used}"
	done
}

# source_id SRC - changes when the tree does: of what comes out of a package the
# name says it, of a user's tree what git, or every file's time, says.
source_id() {
	if [ "${1#"$CACHE"/}" != "$1" ]; then
		echo "$1"
	elif git -C "$1" rev-parse HEAD 2>/dev/null; then
		git -C "$1" status --porcelain
		git -C "$1" diff HEAD | sha256sum
		git -C "$1" ls-files -o --exclude-standard -z |
			(cd "$1" && xargs -0r stat -c '%n %s %Y')
	else
		find "$1" -type f -printf '%p %s %T@\n' | LC_ALL=C sort | sha256sum
	fi
}

# is_ready DIR SRC - 0 if the kernel in DIR was built from SRC as it is now.
is_ready() { [ -e "$1/.ready" ] && [ "$(cat "$1/.ready")" = "$(source_id "$2")" ]; }

# widen_registers SRC - until 6.12, User-Mode Linux has room for 2696 bytes of
# registers, and cannot run a process on a host that has more (AMX: 11008), where
# it ends with "ptrace set fp regs failed". Debian's source in the cache is edited;
# later kernels ask the host. Stacks have the room: configuration "wide".
widen_registers() {
	local file=$1/arch/x86/um/user-offsets.c

	[[ " $BED_CONFIG " = *" wide "* ]] || return 0
	sed -i 's/DEFINE_LONGS(HOST_FP_SIZE, 2696)/DEFINE_LONGS(HOST_FP_SIZE, 12288)/' "$file"
	grep -q 'HOST_FP_SIZE, 12288' "$file" ||
		die "$BED: $file defines no HOST_FP_SIZE as it did"
}

# build DIR SRC VERSION - configure and compile. After an edit of the user's tree
# make compiles what the edit changes.
build() {
	local start=$SECONDS

	need_space 500 "kernel $BED"
	prune
	say "kernel $BED ($3): building, log in $1/build.log"
	mkdir -p "$1"
	widen_registers "$2"
	configure "$1" "$2"
	make_kernel "$1" "$2" $(targets) >>"$1/build.log" 2>&1 ||
		fail_build "$1"
	[ "$BED_KIND" = cross ] || [ -s "$1/Module.symvers" ] ||
		die "$BED: no Module.symvers in $1"
	[ "$BED_KIND" = um ] || as_debian "$1" "$3"
	source_id "$2" >"$1/.ready"
	say "kernel $BED: $(pinned "$1/.config")"
	say "kernel $BED ($3): built in $((SECONDS - start)) s"
}

# pinned CONFIG - the options that decide about time and memory, on one line.
pinned() {
	local name value out=""

	for name in CC_OPTIMIZE_FOR_PERFORMANCE SLUB_TINY SLUB_DEBUG_ON \
		SLAB_MERGE_DEFAULT SLAB_FREELIST_HARDENED MEMCG KASAN PREEMPT \
		PROVE_LOCKING SMP NR_CPUS HZ; do
		value=$(sed -n "s/^CONFIG_$name=//p" "$1")
		out+=" $name=${value:-n}"
	done
	echo "${out# }"
}

source_dir() {
	if [ -n "${KSRC:-}" ] && [ "$BED_SOURCE" = 7.2 ]; then
		[ -f "$KSRC/Kbuild" ] || die "KSRC=$KSRC is no kernel source tree"
		[ ! -e "$KSRC/.config" ] || die \
			"KSRC=$KSRC was built in place: run 'make mrproper' there"
		(cd "$KSRC" && pwd)
	else
		"$SCRIPTS/fetch.sh" src "$BED_SOURCE"
	fi
}

main() {
	local src version hash dir

	if [ "${1:-}" = --config ]; then
		dir=$("$0" "${2:?usage: kernel.sh --config BED}")
		if [ -e "$dir/.config" ]; then
			pinned "$dir/.config"
		else
			pinned "$dir/kdir/.config"
		fi
		return
	fi
	BED=${1:?usage: kernel.sh BED}
	bed_lookup "$BED"
	if [ "$BED_KIND" = qemu ] && [ -z "$BED_CONFIG" ]; then
		exec "$SCRIPTS/fetch.sh" debian "$BED_SOURCE"
	fi
	need make gcc "${BED_CROSS}gcc" flex bison bc sha256sum
	src=$(source_dir)
	version=$(make -s -C "$src" kernelversion)
	hash=$({ wanted_config; echo "$src"; "${BED_CROSS}gcc" -dumpfullversion; } |
		sha256sum | cut -c1-8)
	dir=$CACHE/build/$BED-$version-$hash
	if ! is_ready "$dir" "$src"; then
		with_lock "kernel-$BED" "kernel $BED ($version): being built, log in $dir/build.log"
		mkdir -p "$CACHE/build"
		wanted_config >"$dir.wanted"
		is_ready "$dir" "$src" || build "$dir" "$src" "$version"
		rm -f "$dir.wanted"
	fi
	touch "$dir/.used"
	echo "$dir"
}

main "$@"
