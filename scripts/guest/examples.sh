# examples.sh - each example of Documentation/examples (/data/examples) loads, says what
# its file "expected" has and nothing else, and leaves nothing behind. A file "loaded.sh"
# is run while it is loaded.

. /guest/lib.sh

DIR=/data/examples

# lines NAME - what the example has said since the log was cleared.
lines() { dmesg | sed -n "s/^\[[^]]*\] example_$1: //p"; }

example() {
	local status=0
	dmesg -c >/dev/null
	module "example_$1" || return 1
	[ ! -e "$DIR/$1/loaded.sh" ] || sh "$DIR/$1/loaded.sh" || status=1
	rmmod "example_$1" || return 1
	lines "$1" >/tmp/lines
	diff "$DIR/$1/expected" /tmp/lines || status=1
	! dmesg | grep 'at module unload' || status=1
	return $status
}

no_reports() { [ "$(stat_of stats reports)" = 0 ]; }

step load module goslab
for dir in "$DIR"/*/; do
	name=$(basename "$dir")
	step "$name" example "$name"
done
step nothing_left nothing_left
step no_reports no_reports
step verify verified
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
