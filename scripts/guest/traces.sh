# traces.sh - what goslab_replay.ko makes of good and of bad traces.
#
# In /data/traces are those of scripts/mktraces.py. A good one must be replayed;
# a bad one must be refused with "Invalid argument" and a line that says why.
# With spoil=1 the check of contents must fail, or it sees nothing.

. /guest/lib.sh

QUICK="idle=0 rounds=1 generated=0 mode=memory,time,contents,hold"

good() {
	module goslab_replay "trace=$1" $QUICK && rmmod goslab_replay
}

# bad FILE - the same module, loaded twice by insmod, may say it twice.
bad() {
	dmesg -c >/dev/null
	if module goslab_replay "trace=$1" $QUICK 2>/tmp/error; then
		rmmod goslab_replay
		return 1
	fi
	grep -q 'Invalid argument' /tmp/error || { cat /tmp/error; return 1; }
	[ "$(dmesg | grep 'goslab_replay: ' | sort -u -k3 | wc -l)" = 1 ]
}

spoiled() {
	! module goslab_replay trace=/data/traces/good-all.kmt mode=contents \
		generated=0 spoil=1 2>/dev/null
}

step load module goslab
for trace in /data/traces/*.kmt; do
	name=${trace##*/}
	step "${name%.kmt}" "${name%%-*}" "$trace"
done
step spoiled_contents spoiled
step generated module goslab_replay $QUICK generated=1000
step no_trace_unload rmmod goslab_replay
step verify verified
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
