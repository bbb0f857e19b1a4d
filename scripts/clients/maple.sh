# maple.sh - lib/maple_tree.c with lib/test_maple_tree.c, which tests while it
# loads, and does not load if a test failed.

set -e
insmod ./maple_client.ko
dmesg | grep 'maple_tree: .* tests passed'
