#!/bin/bash
# check.sh [CHECK...]    - what can be checked without building
# check.sh --self-test   - proves, on a broken copy, that each check can fail
#
# One line per check: "ok N name" or "not ok N name", below what is wrong.
# Without names all checks are made, the self-test last. "note:" lines are
# near a limit and no error. Ends with 1 if a check failed.

. "$(dirname "$0")/lib.sh"

CHECKS="sizeclasses layers sizes versions names tests suites api
	locks debugfs links tools profile report syntax hosts dropin kernel-doc checkpatch"
# Programs that "make install-tools" installs; all are in Python.
TOOLS=$(sed -n 's/^TOOLS = //p' "$TOP/Makefile")

# scripts_of SUFFIX - the scripts that end with it, those of guests included.
scripts_of() { find "$TOP/scripts" "$TOP/.ci" -name "*$1" -type f | sort; }

# kernel_tree - a kernel source tree, if one was fetched before.
kernel_tree() {
	local dir
	for dir in "${KSRC:-}" "$CACHE/src/7.2"; do
		[ -z "$dir" ] || [ ! -e "$dir/Kbuild" ] || { echo "$dir"; return; }
	done
}

check_sizeclasses() { python3 "$SCRIPTS/mksizeclasses.py" --check; }

check_layers() { python3 "$SCRIPTS/check-source.py" layers; }
check_sizes() { python3 "$SCRIPTS/check-source.py" sizes; }
check_versions() { python3 "$SCRIPTS/check-source.py" versions; }
check_names() { python3 "$SCRIPTS/check-source.py" names; }
check_tests() { python3 "$SCRIPTS/check-source.py" tests; }

check_suites() { python3 "$SCRIPTS/check-docs.py" suites; }
check_api() { python3 "$SCRIPTS/check-docs.py" api; }
check_locks() { python3 "$SCRIPTS/check-docs.py" locks; }
check_debugfs() { python3 "$SCRIPTS/check-docs.py" debugfs; }
check_links() { python3 "$SCRIPTS/check-docs.py" links; }

# tests_of FILE - what went wrong in a file of tests.
tests_of() {
	local out status=0

	out=$(python3 "$SCRIPTS/$1") || status=1
	grep -vE '^(KTAP|1\.\.|ok [0-9]+ \w+$)' <<<"$out" || true
	return $status
}

# What the tools print, say of errors and do in a terminal.
check_tools() { tests_of test-tools.py; }

# What goslab-record writes, and the page of goslab-report, in a browser.
check_report() { tests_of test-report.py; }

# Every script is one that its interpreter can read.
check_syntax() {
	local file status=0

	while read -r file; do
		bash -n "$file" || status=1
	done < <(scripts_of .sh; scripts_of .bash; echo "$TOP/.ci/run"; echo "$SCRIPTS/guest/init")
	python3 - $(scripts_of .py) $(printf "$SCRIPTS/%s " $TOOLS) <<-'END' || status=1
	import sys
	for path in sys.argv[1:]:
	    try:
	        compile(open(path).read(), path, 'exec')
	    except SyntaxError as error:
	        sys.exit('%s:%s: %s' % (path, error.lineno, error.msg))
	END
	return $status
}

# Mirrors are those of the machine's apt: no script names a host.
check_hosts() {
	! grep -rnE '[a-z]{3,}://[a-z0-9]|\b(deb|security|ftp)\.[a-z]+\.(org|net|com)' \
		"$SCRIPTS" "$TOP/Makefile" "$TOP/.ci" --include='*.sh' \
		--include='*.py' --include=Makefile --include=run \
		$(printf -- '--include=%s ' $TOOLS)
}

# goslab-profile reads, scales, names and writes what it should.
check_profile() { python3 "$SCRIPTS/test-profile.py" --quiet; }

# Every name of slab, on every kernel at hand, is goslab's in the drop-in headers.
check_dropin() {
	local tree trees status=0

	trees=$({ kernel_tree; ls -d "$CACHE"/src/[67].* || true; } 2>/dev/null |
		sort -u)
	[ -n "$trees" ] || return 77
	for tree in $trees; do
		python3 "$SCRIPTS/check-dropin.py" "$tree" || status=1
	done
	return $status
}

# Kernel-doc comments are whole: each argument, field and return value.
check_kernel-doc() {
	local tree out
	tree=$(kernel_tree)
	[ -n "$tree" ] || return 77
	out=$(cd "$TOP" && find goslab Documentation/examples -name '*.[ch]' -exec \
		"$tree/scripts/kernel-doc" -none {} + 2>&1 | sort -u)
	[ -z "$out" ] || { echo "$out"; return 1; }
}

# What checkpatch calls an error; warnings and checks are matters of taste.
check_checkpatch() {
	local tree out
	tree=$(kernel_tree)
	[ -n "$tree" ] || return 77
	# It is slow: some files each, on all processors.
	out=$(cd "$TOP" && find goslab kunit Documentation/examples -name '*.[ch]' \
		! -name '*.mod.c' -print0 | xargs -0 -P "$JOBS" -n 16 sh -c 'perl "$0" --no-tree \
		--terse --no-summary -f "$@" 2>/dev/null | grep " ERROR:"' \
		"$tree/scripts/checkpatch.pl") || true
	[ -z "$out" ] || { echo "$out"; return 1; }
}

# aside COMMAND... - in the background, when fewer than JOBS are there.
aside() {
	while [ "$(jobs -rp | wc -l)" -ge "$JOBS" ]; do
		wait -n || true
	done
	"$@" &
}

# one_check NAME DIR - what it says goes to DIR/NAME, its status to DIR/NAME.status.
one_check() {
	local status=0
	"check_$1" >"$2/$1" 2>&1 || status=$?
	echo $status >"$2/$1.status"
}

# run_checks NAME... - each with its line, the last one begun first, for it takes
# longest; 1 if one failed.
run_checks() {
	local name n=0 failed=0 dir=$WORK/out

	for name; do
		declare -F "check_$name" >/dev/null || die "no check '$name';" \
			"there are:" $CHECKS
	done
	mkdir "$dir"
	aside one_check "${*: -1}" "$dir"
	for name in "${@:1:$#-1}"; do
		aside one_check "$name" "$dir"
	done
	wait
	echo "KTAP version 1"
	echo "1..$#"
	for name; do
		n=$((n + 1))
		case $(cat "$dir/$name.status") in
		0) echo "ok $n $name" ;;
		77) echo "ok $n $name # SKIP no kernel source was fetched yet" ;;
		*) echo "not ok $n $name"; failed=1 ;;
		esac
		sed 's/^/# /' "$dir/$name"
	done
	return $failed
}

# broken CHECK WORDS COMMAND... - in a copy of the sources that the command has
# changed, the check fails and says something with WORDS.
broken() {
	local name=$1 words=$2 copy out
	shift 2
	copy=$(mktemp -d "$SELF/$name.XXXX")
	cp -r "$SELF/whole/." "$copy"
	(cd "$copy" && "$@")
	if out=$("$copy/scripts/check.sh" "$name" 2>&1); then
		echo "$name did not fail"
		return 1
	fi
	grep -q -- "$words" <<<"$out" ||
		{ echo "$name did not say '$words' but: $out"; return 1; }
}

# try CHECK WORDS COMMAND... - broken(), in the background.
try() { aside try_one "$@"; }
try_one() { broken "$@" || touch "$SELF/bad"; }

add() { printf '%b\n' "$2" >>"$1"; }
add_to_few() { rm -r kunit goslab/{api,watch,front,middle,back}; mkdir kunit; add "$@"; }
drop() { sed -i "/$2/d" "$1"; }

# One thing wrong for each check, two where it has two halves.
check_self-test() {
	SELF=$WORK/self
	mkdir -p "$SELF/whole"
	(cd "$TOP" && cp -r goslab kunit scripts Documentation .ci Makefile \
		README.md "$SELF/whole")
	rm -rf "$SELF/whole/kunit/traces"
	try sizeclasses sizeclass add goslab/base/sizeclass_table.h x
	try layers 'base/ includes front/' add goslab/base/sys.h \
		'#include "front/mcache.h"'
	try sizes 'long_one has 102 lines' add goslab/base/sys.c \
		"int long_one(void)\n{$(printf '\\n\\tx;%.0s' {1..99})\n}"
	try versions LINUX_VERSION_CODE add goslab/base/sys.c \
		'#if LINUX_VERSION_CODE'
	try layers 'a client includes base/' add Documentation/examples/heap/heap.c \
		'#include "base/sys.h"'
	try names 'stray is not static' add goslab/base/sys.c \
		'int stray(void)\n{\n}'
	try names 'BUG_ON' add goslab/base/sys.c 'BUG_ON(1);'
	try tests 'sys.c:2: the top comment' drop goslab/base/sys.c \
		Tests:
	try suites 'odd_kunit.o is not built' add kunit/odd_kunit.c x
	try api 'nothing about odd mistakes' add goslab/base/report.c \
		'[GS_BUG_X] = "odd mistakes",'
	try locks 'the lock odd_lock' add goslab/base/sys.c \
		'static DEFINE_SPINLOCK(odd_lock);'
	try debugfs 'bytes_held is in the sources only' drop \
		Documentation/debugfs.rst '^``bytes_held``'
	try debugfs 'heap_locks is in the page only' drop \
		goslab/watch/stats.c '"heap_locks"'
	try links 'no file goslab/none.c' add Documentation/api.rst \
		'See goslab/none.c.'
	try links 'region/ is not built' drop Documentation/examples/Kbuild '^obj-m'
	try tools 'not ok [0-9]* sort_letters' sed -i "s/'u': 'use'/'u': 'objs'/" \
		scripts/goslabtop
	try tools 'not ok [0-9]* fixture_names' drop goslab/watch/stats.c \
		'"heap_locks"'
	try syntax 'odd.sh' add scripts/odd.sh 'if'
	try hosts 'odd.py' add scripts/odd.py "x = 'http:/""/mirror'"
	try profile 'not ok .* scaling' sed -i 's/1 - math.exp/1 + math.exp/' \
		scripts/goslab-profile
	try report 'not ok [0-9]* escaped' sed -i 's/html.escape(.*)/str(text)/' \
		scripts/report/page.py
	if [ -z "$(kernel_tree)" ]; then
		wait
		[ ! -e "$SELF/bad" ] || return 1
		return 77
	fi
	try dropin 'kstrdup() is neither' drop \
		goslab/include/linux/goslab_slab_names.h '^#define kstrdup\t'
	try kernel-doc wrong add goslab/base/sys.h \
		'/**\n * odd() - x.\n * @wrong: y\n */\nint odd(int z);'
	try checkpatch 'sys.h' add_to_few goslab/base/sys.h \
		'if(1){ }'
	wait
	[ ! -e "$SELF/bad" ]
}

main() {
	need python3 perl
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	case ${1:-} in
	--self-test) run_checks self-test ;;
	"") run_checks $CHECKS self-test ;;
	*) run_checks "$@" ;;
	esac
}

main "$@"
