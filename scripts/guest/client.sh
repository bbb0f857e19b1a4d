# client.sh - a module that knows nothing of goslab, built against the drop-in
# headers, does its work; see scripts/client.sh.
#
# In /data/client are its modules and the script run.sh. While that runs, the
# tables of goslab are looked at again and again; the most that each owner and
# each cache held goes to /out/served, a line each: kind, name, objects, bytes.

. /guest/lib.sh

DEBUGFS=/sys/kernel/debug/goslab
SAMPLES=/tmp/samples

# watch - looks until it is killed.
watch() {
	while :; do
		cat "$DEBUGFS/owners" "$DEBUGFS/caches"
		usleep 30000
	done >>"$SAMPLES"
}

# most - of all samples: kind, name, objects, bytes.
most() {
	awk '
	/^#|version/ { next }
	NF == 3 { key = "owner " $3; n = $1; size = $2 }
	NF > 3 { key = "cache " $1; n = $2; size = $2 * $4 }
	n >= objects[key] { objects[key] = n; bytes[key] = size }
	END { for (key in objects) print key, objects[key], bytes[key] }
	' "$SAMPLES"
}

run() {
	local status watcher
	watch &
	watcher=$!
	sh ./run.sh
	status=$?
	kill $watcher
	wait $watcher 2>/dev/null
	cat "$DEBUGFS/owners" "$DEBUGFS/caches" >>"$SAMPLES"
	return $status
}

# unload_clients - whatever run.sh left.
unload_clients() {
	local name ko left=1 tries=0

	while [ $left = 1 ] && [ $tries -lt 5 ]; do
		left=0
		for ko in ./*.ko; do
			name=$(basename "$ko" .ko | tr - _)
			[ -d "/sys/module/$name" ] || continue
			rmmod "$name" || left=1
		done
		tries=$((tries + 1))
	done
	[ $left = 0 ]
}

# served - did any client get anything from goslab?
served() {
	{
		echo "allocs all $(stat_of stats allocs) $(stat_of stats peak_bytes_held)"
		most | sort
	} >/out/served
	grep -q '^owner' /out/served || echo "no client allocated anything"
	grep -q '^owner' /out/served
}

# left - live objects and caches that are there.
left() {
	awk '/^#|version/ { next } $1 > 0 { print $3 ": " $1 " objects" }' \
		"$DEBUGFS/owners"
	awk '/^#|version/ { next }
		$1 !~ /^(malloc|noscan|tiny)-[0-9]+$/ { print "cache " $1 }' \
		"$DEBUGFS/caches"
}

# nothing_left - what waits for RCU gets its time.
nothing_left() {
	local tries=0
	while [ -n "$(left)" ] && [ $tries -lt 50 ]; do
		usleep 100000
		tries=$((tries + 1))
	done
	left
	[ -z "$(left)" ]
}

unload() { rmmod goslab && gone goslab; }

cd /data/client
step load module goslab
step run run
step unload_clients unload_clients
step served served
step nothing_left nothing_left
step verify verified
step unload unload
print_results
[ $ktap_failed = 0 ]
