# meminit.sh - lib/test_meminit.c: what objects hold when they come and when they
# go. It tests while it loads, and does not load if a test failed.

set -e
insmod ./meminit_client.ko
dmesg | grep 'all [0-9]* tests passed'
