# races.sh - the load of everything at once, for a kernel that looks for data races.

. /guest/lib.sh

status=0
module goslab || exit 1
run_stress steps=60000 threads=8 limit=400 || status=1
verified || status=1
# What was looked at: without watchpoints nothing can be found.
sed 's/^/# kcsan: /' /sys/kernel/debug/kcsan >/dev/kmsg
[ "$(sed -n 's/^setup_watchpoints: *//p' /sys/kernel/debug/kcsan)" -ge 20000 ] ||
	{ echo "races: too few watchpoints"; status=1; }
rmmod goslab || status=1
gone goslab || status=1
exit $status
