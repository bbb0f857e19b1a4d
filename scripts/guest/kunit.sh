# kunit.sh [PARAM=VALUE...] - the KUnit suites against the real module.
#
# Parameters go to goslab_kunit.ko, those that begin with goslab. to goslab.ko. KUnit
# prints its KTAP while the former loads. Ends with an error if something is missing,
# does not unload or is not whole; what single test cases say is for whoever reads the
# KTAP.

. /guest/lib.sh

# leftovers - pages that PAGE_OWNER still knows as taken by us.
leftovers() {
	local file=/sys/kernel/debug/page_owner

	[ -e "$file" ] && grep -q page_owner=on /proc/cmdline || return 0
	cat "$file" >/tmp/page_owner
	if grep -q '\[goslab' /tmp/page_owner; then
		awk -v RS= '/\[goslab/' /tmp/page_owner | head -60
		echo "page_owner: pages of goslab are left after rmmod"
		return 1
	fi
	echo "page_owner: no page of goslab is left"
}

# lost - what the suites left behind, if kmemleak watches. Before they are unloaded,
# for it prints names.
lost() {
	! grep -q 'promises=[^ ]*kmemleak' /proc/cmdline ||
		{ scan_leaks && no_leaks; }
}

status=0
# The names are those of caches_by_name in kunit/dropin_kunit.c.
module goslab kernel_caches=gs_kunit_named,gs_kunit_other $(ours "$@") || exit 1
module goslab_kunit $(theirs "$@") || status=1
verified || status=1
lost || status=1
[ $status = 1 ] && [ ! -d /sys/module/goslab_kunit ] || rmmod goslab_kunit || status=1
rmmod goslab || status=1
gone goslab || status=1
leftovers || status=1
exit $status
