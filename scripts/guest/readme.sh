# readme.sh - the modules of README.md (scripts/readme.sh) on goslab.

. /guest/lib.sh

known() { grep -q ' client$' /sys/kernel/debug/goslab/owners; }

unload() { rmmod goslab && gone goslab; }

step load module goslab
step client insmod /data/readme/client.ko
step client_has_a_row known
step heap insmod /data/readme/heap.ko
step unload_clients rmmod heap client
step nothing_left nothing_left
step verify verified
step unload unload
print_results
[ $ktap_failed = 0 ]
