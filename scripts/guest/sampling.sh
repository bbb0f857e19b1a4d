# sampling.sh RATE... - pairs, batches and the trace at several rates of the heap
# profile, in one boot; results of each go to /out/results-RATE. RATE is bytes, with "s"
# after them if samples are to have their stack.

. /guest/lib.sh

# at RATE - all of it at one rate.
at() {
	case $1 in *s) echo Y ;; *) echo N ;; esac >$PARAMETERS/sample_stacks || return 1
	echo "${1%s}" >$PARAMETERS/sample_rate || return 1
	module goslab_bench run=pair,batch ways=goslab rounds=4 scale=20 icount=1 || return 1
	cat /sys/kernel/debug/goslab_bench/results >/out/results-$1
	rmmod goslab_bench
	module goslab_replay trace=/data/$TRACE mode=time rounds=4 \
		generated=0 idle=0 || return 1
	cat /sys/kernel/debug/goslab_replay/results >/out/trace-$1
	rmmod goslab_replay
}

PARAMETERS=/sys/module/goslab/parameters
TRACE=$(ls /data)
step load module goslab
for rate; do
	step "rate_$rate" at "$rate"
done
step verify verified
step unload rmmod goslab
uname -r >/out/release
print_results
[ $ktap_failed = 0 ]
