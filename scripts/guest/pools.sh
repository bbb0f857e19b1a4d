# pools.sh - pools over ranges beside genalloc, measured by goslab_pools.ko. With
# --icount a cycle is an instruction.

. /guest/lib.sh

step load module goslab
step figures module goslab_pools
step verify verified
step unload_pools rmmod goslab_pools
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
