# top.sh SCRIPTS - goslabtop on this kernel, on the console, under load (top.py).
#
# The host's files are mounted, read-only, for their python; /sys in them is ours.

. /guest/lib.sh

HOST=/tmp/host

run() {
	mkdir -p $HOST && mount -t hostfs -o ro,/ none $HOST &&
		mount -t sysfs sysfs $HOST/sys &&
		mount -t debugfs debugfs $HOST/sys/kernel/debug &&
		module goslab && module goslab_leak && module goslab_charge || return 1
	module goslab_stress steps=0 threads=4 limit=600 &
	TERM=vt100 LINES=24 COLUMNS=100 setsid cttyhack chroot $HOST \
		/usr/bin/python3 "$1/goslabtop" -d 1 </dev/console || return 1
	echo 1 >/sys/module/goslab_stress/parameters/stop
	wait
}

dmesg -n 1
run "$1"
status=$?
dmesg -n 7
exit $status
