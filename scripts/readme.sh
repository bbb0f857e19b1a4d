#!/bin/bash
# readme.sh [BED] - does what README.md says under "Using it".
#
# Takes client.c, its Kbuild, the command that builds it and the piece of code
# with a heap out of README.md as they stand there, builds them against the
# modules of the bed (qemu-6.1: Debian's headers) and loads them there. A README
# whose example does not compile, load or free what it took fails the run.

. "$(dirname "$0")/lib.sh"

BED=${1:-qemu-6.1}

# block LANGUAGE N - the Nth fenced block of README.md in that language.
block() {
	awk -v fence="\`\`\`$1" -v want="$2" '
		/^```$/ && inside { exit }
		inside { print }
		$0 == fence && ++n == want { inside = 1 }' "$TOP/README.md"
}

# command KDIR GOSLAB - the command of README.md with these two directories.
command() {
	awk '/^    make -C .*M=\$PWD/ { found = 1 }
		found { sub(/^    /, ""); print }
		found && !/\\$/ { exit }' "$TOP/README.md" |
		sed "s|/lib/modules/\$(uname -r)/build|$1|; s|\<DIR\>|$2|g"
}

# write_sources DIR - the two modules of README.md.
write_sources() {
	block c 1 >"$1/client.c"
	block make 1 >"$1/Kbuild"
	echo 'obj-m += heap.o' >>"$1/Kbuild"
	{
		printf '#include <linux/goslab.h>\n#include <linux/module.h>\n'
		printf 'static int __init heap_init(void)\n{\n\tvoid *p;\n'
		block c 2
		printf '\treturn p ? 0 : -ENOMEM;\n}\n'
		printf 'static void __exit heap_exit(void) { }\n'
		printf 'module_init(heap_init);\nmodule_exit(heap_exit);\n'
		printf 'MODULE_DESCRIPTION("Heap of the README");\n'
		printf 'MODULE_LICENSE("GPL");\n'
	} >"$1/heap.c"
	grep -q goslab_cache_create "$1/client.c" ||
		die "README.md has no client.c with a cache"
	grep -q goslab_heap_create "$1/heap.c" ||
		die "README.md has no piece of code with a heap"
	grep -q 'client.o' "$1/Kbuild" || die "README.md has no Kbuild of client.o"
}

main() {
	local dir kdir line log

	bed_lookup "$BED"
	[ "$BED_KIND" = qemu ] || die "$BED: a bed with kernel headers is needed"
	"$SCRIPTS/modules.sh" "$BED"
	dir=$BUILD/$BED/readme log=$BUILD/$BED/readme-build.log
	rm -rf "$dir" && mkdir -p "$dir/data/readme"
	write_sources "$dir"
	kdir=$BUILD/$BED/kernel/kdir
	line=$(command "$kdir" "$BUILD/$BED/src")
	[ -n "$line" ] || die "README.md has no command that builds a client"
	say "README: building its client, log in $log"
	(cd "$dir" && eval "$line") >"$log" 2>&1 || {
		tail -20 "$log" >&2
		die "README: its client does not build, see $log"
	}
	! grep -E 'warning:|WARNING:' "$log" >&2 ||
		die "README: its client does not build without a warning, see $log"
	cp "$dir"/*.ko "$dir/data/readme/"
	"$SCRIPTS/boot.sh" "$BED" --name "$BED-readme" --quiet --timeout 200 \
		--add "$dir/data/readme" -- readme.sh
}

main "$@"
