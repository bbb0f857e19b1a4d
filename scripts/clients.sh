#!/bin/bash
# clients.sh [NAME...] - what "make clients" does: modules that nobody here wrote
# run on goslab, through scripts/client.sh.
#
# The sources come unedited from Debian's linux-source, into build/clients; what
# each does is scripts/clients/NAME.sh. One table at the end, and as the last
# line "N passed, N failed, N skipped"; the exit status is the verdict.
# Without names all of them, with "--list" their names. BED=... is for
# client.sh; here each client has its beds.

. "$(dirname "$0")/lib.sh"

# Name, bed, and the function below that makes the sources.
CLIENTS="
minix		uml-smp		minix
meminit-alloc	uml-smp		meminit
meminit-both	uml-smp		meminit
rhashtable	uml-smp		rhashtable
maple		uml-smp		maple
objagg		uml-smp		objagg
bridge		uml-smp		bridge
minix		qemu-6.1	minix
minix		qemu-6.12	minix
meminit-both	qemu-6.1	meminit
"
WORK=$BUILD/clients/sources

# take BED DIR FILE... - copies of kernel sources, files or directories.
take() {
	local tree dir=$2
	bed_lookup "$1"
	tree=$("$SCRIPTS/fetch.sh" src "${BED_SOURCE%-rt}")
	shift 2
	mkdir -p "$dir"
	(cd "$tree" && cp -r "$@" "$dir/") || die "no $* in $tree"
}

# Each prints how client.sh is to be called, as words for "env": DIR is there,
# and empty.

# A file system; Debian's kernel has the loop device as a module, which is
# another client.
make_minix() {
	local dir=$1 bed=$2 what=minix/

	take "$bed" "$dir/src" fs/minix
	if [[ $bed = qemu-* ]]; then
		what+=" loop/"
		take "$bed" "$dir/src/loop" drivers/block/loop.c
		echo "obj-m := loop.o" >"$dir/src/loop/Kbuild"
	fi
	echo "obj-m := $what" >"$dir/src/Kbuild"
	take_programs "$dir" mkfs.minix fsck.minix
	printf '%s\n' "RUN=$SCRIPTS/clients/minix.sh" ARGS=CONFIG_MINIX_FS=m \
		"FILES=$dir/tools"
}

# What slab promises about the contents of objects. The test has no exit, so
# that it would stay for ever: a file beside it has one.
make_meminit() {
	local boot="init_on_alloc=1 init_on_free=0"

	take "$2" "$1/src" lib/test_meminit.c
	printf '%s\n' '#include <linux/module.h>' \
		'static void __exit leave(void) { }' \
		'module_exit(leave);' >"$1/src/leave.c"
	printf '%s\n' "obj-m := meminit_client.o" \
		"meminit_client-y := test_meminit.o leave.o" >"$1/src/Kbuild"
	[[ $1 != *-both ]] || boot="init_on_alloc=1 init_on_free=1"
	printf '%s\n' "RUN=$SCRIPTS/clients/meminit.sh" "BOOT=$boot"
}

# The hash table itself and its test, as one module.
make_rhashtable() {
	take "$2" "$1/src" lib/rhashtable.c lib/test_rhashtable.c
	printf '%s\n' "obj-m := rhashtable_client.o" \
		"rhashtable_client-y := rhashtable.o test_rhashtable.o" \
		"ccflags-y := -D__DISABLE_EXPORTS" >"$1/src/Kbuild"
	echo "RUN=$SCRIPTS/clients/rhashtable.sh"
}

# The tree itself and its test. The kernel makes its cache while it boots; here a
# file around the tree does, before the test, which also ends the cache.
make_maple() {
	take "$2" "$1/src" lib/maple_tree.c lib/test_maple_tree.c
	cat >"$1/src/around.c" <<-'END'
	#include "maple_tree.c"
	#include <linux/module.h>

	int maple_test_init(void);
	static int __init enter(void)
	{
		int ret;

		maple_tree_init();
		ret = maple_test_init();
		if (ret)
			kmem_cache_destroy(maple_node_cache);
		return ret;
	}
	static void __exit leave(void) { kmem_cache_destroy(maple_node_cache); }
	module_init(enter);
	module_exit(leave);
	END
	printf '%s\n' "obj-m := maple_client.o" \
		"maple_client-y := around.o test_maple_tree.o" \
		"ccflags-y := -D__DISABLE_EXPORTS" \
		"CFLAGS_test_maple_tree.o := -Dinit_module=maple_test_init" \
		"CFLAGS_test_maple_tree.o += -Dcleanup_module=maple_test_exit" \
		>"$1/src/Kbuild"
	echo "RUN=$SCRIPTS/clients/maple.sh"
}

make_objagg() {
	take "$2" "$1/src" lib/objagg.c lib/test_objagg.c
	printf '%s\n' "obj-m := objagg_client.o" \
		"objagg_client-y := objagg.o test_objagg.o" \
		"ccflags-y := -D__DISABLE_EXPORTS" >"$1/src/Kbuild"
	echo "RUN=$SCRIPTS/clients/objagg.sh"
}

# An Ethernet bridge, with the two modules that it stands on.
make_bridge() {
	take "$2" "$1/src" net/bridge net/llc net/802
	echo "obj-m := llc/ 802/ bridge/" >"$1/src/Kbuild"
	printf '%s\n' "RUN=$SCRIPTS/clients/bridge.sh" \
		"ARGS=CONFIG_BRIDGE=m CONFIG_LLC=m CONFIG_STP=m"
}

# run_one NAME BED MAKER - a row of the table and, whatever happens, a verdict. The
# maker runs in a shell of its own, for it may end with an error.
run_one() {
	local dir=$WORK/$2-$1 words=() log=$WORK/$2-$1.log start=$SECONDS verdict=passed
	local served=$BUILD/clients/$2/out-$1/served why=""

	rm -rf "$dir" "$served" && mkdir -p "$dir"
	say "client $1 on $2"
	("make_$3" "$dir" "$2") >"$dir/words" 2>"$log" &&
		readarray -t words <"$dir/words" &&
		env SRC="$dir/src" NAME="$1" BED="$2" \
			"${words[@]}" "$SCRIPTS/client.sh" >"$log" 2>&1 || {
		verdict=FAILED
		why=$(tail -1 "$log" | sed 's/^clients\?.sh: //') || true
		say "$why"
	}
	row "$1" "$2" $((SECONDS - start)) "$verdict" "$served"
	echo "$verdict $1-$2 $why" >>"$WORK/verdicts"
}

# row NAME BED SECONDS VERDICT SERVED - of the table; without SERVED all are 0.
row() {
	awk -v name="$1" -v bed="$2" -v seconds="$3" -v verdict="$4" '
	$1 == "allocs" { allocs = $3 }
	$1 == "owner" { objects += $3; bytes += $4 }
	$1 == "cache" && $2 !~ /^(malloc|noscan|tiny)-/ { caches++ }
	END {
		printf "%-15s %-9s %12d %9d %10d %7d %8d  %s\n", name, bed,
			allocs, objects, bytes, caches, seconds, verdict
	}' "$([ -s "$5" ] && echo "$5" || echo /dev/null)" >>"$WORK/table"
}

# as_ktap NUMBER - the verdicts of so many clients, for test.sh.
as_ktap() {
	local n=0 verdict name why
	echo "KTAP version 1"
	echo "1..$1"
	while read -r verdict name why; do
		n=$((n + 1))
		case $verdict in
		passed) echo "ok $n $name" ;;
		*) echo "not ok $n $name" ;;
		esac
	done <"$WORK/verdicts"
}

main() {
	local name bed maker failed asked=0 wanted=" $* "

	if [ "${1:-}" = --list ]; then
		awk 'NF { print $1, $2 }' <<<"$CLIENTS"
		return
	fi
	lock_build
	mkdir -p "$WORK"
	rm -f "$WORK/ktap"
	: >"$WORK/table" && : >"$WORK/verdicts"
	"$SCRIPTS/setup.sh" um
	while read -r name bed maker; do
		[ -n "$name" ] || continue
		[ $# = 0 ] || [[ $wanted = *" $name "* ]] || continue
		[ -z "${BEDS:-}" ] || [[ " $BEDS " = *" $bed "* ]] || continue
		asked=$((asked + 1))
		run_one "$name" "$bed" "$maker" </dev/null
	done <<<"$CLIENTS"
	[ -s "$WORK/verdicts" ] || die "no such client; there are:" \
		$(awk 'NF { print $1 }' <<<"$CLIENTS" | sort -u)
	as_ktap $asked >"$WORK/ktap"
	printf '%-15s %-9s %12s %9s %10s %7s %8s\n' client bed allocations \
		objects bytes caches seconds
	cat "$WORK/table"
	sed -n 's/^FAILED \([^ ]*\) \(.*\)/FAILED \1: \2/p' "$WORK/verdicts"
	failed=$(grep -c ^FAILED "$WORK/verdicts") || true
	echo "$(grep -c ^passed "$WORK/verdicts") passed, $failed failed, 0 skipped"
	[ "$failed" = 0 ] && [ "$(wc -l <"$WORK/verdicts")" = $asked ]
}

main "$@"
