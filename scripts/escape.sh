#!/bin/bash
# escape.sh [--plain] [FILE|DIR...] - escape analysis with Coccinelle, "make escape"
#
# Two rules of scripts/cocci: objects of the heap that never leave their function
# and could live on the stack (stack_candidate), and addresses of objects on the
# stack that outlive their function (stack_escape). Documentation/escape.rst says
# what they see and what they do not. Without names it reads goslab's own sources, not
# the suites, which allocate for the sake of it.
#
#   KSRC=DIR      kernel whose headers the files include (default: fetch.sh src 7.2);
#                 names that do not exist here are looked up in it
#   M="NAME..."   the same as arguments
#   RULES="..."   some of the rules
#   BOUND=BYTES   largest object for the stack (256)
#   KNOWN=REGEX   more functions that keep none of their arguments
#   WHY=1         say on stderr why an allocation is no candidate
#   MODE=org      lists for Emacs
#   CPPFLAGS=...  more options for the compiler, which tells sizes
#   --plain       the files include no kernel headers
#
# Prints FILE:LINE:COLUMNS: MESSAGE, as a compiler does. Ends with 0 if there was
# nothing to say, with 1 if there was or a file could not be read.

. "$(dirname "$0")/lib.sh"

RULES=${RULES:-stack_candidate stack_escape}
COCCI=$SCRIPTS/cocci
# Files for each spatch, which takes half a second to start.
BATCH=8

# prepared SRC - a build directory with the configuration and the generated headers
# that the files include; none of it is compiled.
prepared() {
	local dir=$CACHE/build/escape-${1##*/} log=$BUILD/escape-kernel.log

	with_lock escape "another run prepares headers"
	if [ "$(cat "$dir/.prepared" 2>/dev/null)" != "$1" ]; then
		need_space 200 "the headers of $1"
		say "escape: generating headers of $1, log in $log"
		rm -rf "$dir" && mkdir -p "$dir"
		make -C "$1" O="$dir" ARCH=x86_64 defconfig >"$log" 2>&1 &&
			make -C "$1" O="$dir" ARCH=x86_64 -j"$JOBS" prepare \
				>>"$log" 2>&1 || die "making headers failed, see" \
				"$log; a source tree that was built in place needs" \
				"'make mrproper'"
		echo "$1" >"$dir/.prepared"
	fi
	exec {LOCK_FD}>&-
	echo "$dir"
}

# compiler SRC BUILD - the command that reads a file as kbuild would.
compiler() {
	local inc

	printf 'gcc -nostdinc'
	for inc in "$1/arch/x86/include" "$2/arch/x86/include/generated" \
		"$1/include" "$2/include" "$1/arch/x86/include/uapi" \
		"$2/arch/x86/include/generated/uapi" "$1/include/uapi" \
		"$2/include/generated/uapi" "$TOP/goslab" "$TOP/goslab/include" \
		"$TOP"; do
		printf ' -I%q' "$inc"
	done
	for inc in compiler-version kconfig compiler_types; do
		printf ' -include %q' "$1/include/linux/$inc.h"
	done
	printf ' %s' -D__KERNEL__ -DMODULE -std=gnu11 -fshort-wchar -funsigned-char \
		-fms-extensions -fcf-protection=branch "-DKBUILD_MODNAME='\"x\"'" \
		"-DKBUILD_BASENAME='\"x\"'" "-DKBUILD_MODFILE='\"x\"'" \
		-D__KBUILD_MODNAME=kmod_x "${CPPFLAGS:-}"
}

# sources NAME... - the C files that the names stand for.
sources() {
	local name names=()

	for name; do
		[ -e "$name" ] || [ ! -e "${KSRC:-}/$name" ] || name=$KSRC/$name
		[ -e "$name" ] || die "no file or directory $name, here or in ${KSRC:-KSRC}"
		names+=("$name")
	done
	realpath -z "${names[@]}" | xargs -0 sh -c \
		'find -H "$@" -name "*.c" ! -name "*.mod.c" -type f' sh | sort -u
}

# blanked WORK FILE... - the files as spatch can read them. __free(kfree) would make
# it take kfree for a type: files that say so are copied, without it. escape.py looks
# for it in the files themselves.
blanked() {
	local work=$1 file
	shift
	for file; do
		if grep -q '\b__free(' "$file"; then
			mkdir -p "$work/text${file%/*}"
			perl -pe 's/\b__free\(\w+\)/" " x length($&)/ge' "$file" \
				>"$work/text$file"
			file=$work/text$file
		fi
		printf '%s\n\n' "$file"
	done
}

# read_batch WORK RULE FILE... - one spatch; prints how many files it has read.
# spatch reads several files as one program unless they are in groups.
read_batch() {
	local work=$1 rule=$2 out
	shift 2
	out=$(mktemp "$work/$rule.XXXXXX")
	blanked "$work" "$@" >"$out.files"
	GOSLAB_ESCAPE_TEXT=$work/text spatch --very-quiet -D "$MODE" \
		$(sed -n 's,^// Options: ,,p' "$COCCI/$rule.cocci") --timeout 200 \
		--cocci-file "$COCCI/$rule.cocci" --file-groups "$out.files" 2>"$out.err" |
		sed "s,$work/text,," >"$out.out" || touch "$work/failed"
	! grep -qE 'EXN|timeout|Traceback|error' "$out.err" || touch "$work/failed"
	echo $#
}

# read_all RULE - all files of the list, with a line of progress now and then.
read_all() {
	local n done=0 told=$SECONDS list=$WORK/$1.list

	python3 "$COCCI/escape.py" "$1" <"$WORK/files" >"$list"
	say "escape: $1, $(wc -l <"$list") of $(wc -l <"$WORK/files") files to read"
	tr '\n' '\0' <"$list" | xargs -0 -r -P "$JOBS" -n "$BATCH" \
		"$SCRIPTS/escape.sh" --batch "$WORK" "$1" |
	while read -r n; do
		done=$((done + n))
		[ $((SECONDS - told)) -ge 15 ] || continue
		told=$SECONDS
		say "escape: $1, $done files"
	done
}

main() {
	local rule found=0 src plain=0

	export MODE=${MODE:-report} PYTHONPATH=$COCCI PYTHONDONTWRITEBYTECODE=1 \
		GOSLAB_ESCAPE_BOUND=${BOUND:-} GOSLAB_ESCAPE_KNOWN=${KNOWN:-} \
		GOSLAB_ESCAPE_WHY=${WHY:-}
	if [ "${1:-}" = --batch ]; then
		shift
		read_batch "$@"
		return
	fi
	[ "${1:-}" != --plain ] || { plain=1; shift; }
	"$SCRIPTS/setup.sh" escape
	need spatch gcc python3
	mkdir -p "$BUILD"
	if [ $plain = 0 ]; then
		src=${KSRC:-$("$SCRIPTS/fetch.sh" src 7.2)}
		[ -e "$src/Kbuild" ] || die "no kernel source in $src: say KSRC=DIR"
		KSRC=$(cd -P "$src" && pwd)
		GOSLAB_ESCAPE_CC=$(compiler "$KSRC" "$(prepared "$KSRC")")
		export GOSLAB_ESCAPE_CC
	fi
	WORK=$(mktemp -d)
	trap 'rm -rf "$WORK"' EXIT
	[ $# -gt 0 ] || set -- ${M:-$TOP/goslab}
	sources "$@" >"$WORK/files"
	for rule in $RULES; do
		[ -e "$COCCI/$rule.cocci" ] || die "no rule $rule; there are" \
			"stack_candidate and stack_escape"
		read_all "$rule"
	done
	[ -z "${WHY:-}" ] || cat "$WORK"/*.err | grep 'not reported' >&2 || true
	cat "$WORK"/*.out | grep . | sed "s,^$PWD/,," | sort -u | sort -t: -k1,1 -k2,2n && found=1
	if [ -e "$WORK/failed" ]; then
		cat "$WORK"/*.err | grep -v 'not reported' | tail -5 >&2
		die "spatch could not read all files"
	fi
	return $found
}

main "$@"
