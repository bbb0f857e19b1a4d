# rhashtable.sh - lib/rhashtable.c with lib/test_rhashtable.c. It tests while it
# loads: one thread, then ten at once. Failures are in the log only.

set -e
insmod ./rhashtable_client.ko runs=2 parm_entries=20000 tcount=10
# Not "! grep": set -e does not end a script for a command that is inverted.
if dmesg | grep -E 'Test failed|FAIL|missing|error -|[1-9][0-9]* failed'; then
	exit 1
fi
dmesg | grep -E 'Started 10 threads, 0 failed, rhltable test returns 0'
# Tables are freed after RCU by code of the module, which does not wait for it:
# in the kernel it would not go.
sleep 2
