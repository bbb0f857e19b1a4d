#!/bin/bash
# test-escape.sh - the rules of "make escape" on fixtures, as KTAP
#
# Each line of scripts/fixtures/escape that is marked "hit" must be reported, and no
# other. The exit status is the verdict.

. "$(dirname "$0")/lib.sh"

FIXTURES=$SCRIPTS/fixtures/escape
n=0
failed=0

# case_of NAME COMMAND... - what the command prints says what is wrong.
case_of() {
	local name=$1 out
	shift
	n=$((n + 1))
	out=$("$@" 2>&1) || true
	if [ -z "$out" ]; then
		echo "ok $n $name"
	else
		echo "not ok $n $name"
		sed 's/^/# /' <<<"$out"
		failed=1
	fi
}

# reported [NAME=VALUE...] - FILE:LINE of all reports on the fixtures.
reported() {
	(cd "$FIXTURES" && env "$@" "$SCRIPTS/escape.sh" --plain . 2>&1) |
		sed -nE 's,^([^:]*:[0-9]+):[0-9].*,\1,p' | sort
}

marked() { (cd "$FIXTURES" && grep -Hn '/\* hit \*/' $1) | cut -d: -f1,2 | sort; }

hits() { diff --label marked --label reported -u0 <(marked "*.c") <(reported); }

# No object of the fixtures has fewer than 8 bytes.
bound() { diff <(marked stack.c) <(reported BOUND=7); }

# One more function is known, and one more object could be on the stack.
known() {
	local found
	found=$(reported KNOWN=unknown RULES=stack_candidate | grep -c '^heap.c:') || true
	[ "$found" -ge 3 ] || echo "$found hits in heap.c, expected 3 or more"
}

status() {
	local result=0
	"$SCRIPTS/escape.sh" --plain "$FIXTURES/heap.c" >/dev/null 2>&1 || result=$?
	[ $result = 0 ] || echo "status $result without a hit"
	result=0
	"$SCRIPTS/escape.sh" --plain "$FIXTURES/stack.c" >/dev/null 2>&1 || result=$?
	[ $result = 1 ] || echo "status $result with hits"
}

main() {
	"$SCRIPTS/setup.sh" escape
	need spatch
	echo "KTAP version 1"
	echo "1..4"
	case_of hits hits
	case_of bound bound
	case_of known known
	case_of status status
	return $failed
}

main "$@"
