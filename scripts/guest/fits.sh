# fits.sh [MOST] - the policies of the page heap, measured by goslab_fits.ko. With
# --icount a cycle is an instruction.

. /guest/lib.sh

step load module goslab
step figures module goslab_fits "most=${1:-1000000}"
step verify verified
step unload_fits rmmod goslab_fits
step unload rmmod goslab
print_results
[ $ktap_failed = 0 ]
