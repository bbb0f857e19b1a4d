# stray.sh - objects of goslab that the kernel's own kfree() gets: the kernel
# warns, goslab stays whole and says at the end what was lost.
#
# The warnings are wanted: they are kept from the console, and looked for.

. /guest/lib.sh

# said WORDS - did kernel or goslab say so?
said() { dmesg | grep -q "$1"; }

# puts_pages - kernels whose kfree() takes a reference of such a page.
puts_pages() { case $(uname -r) in 6.*) true ;; *) false ;; esac; }

unload() { rmmod goslab_stray && rmmod goslab && gone goslab; }

dmesg -n 1
step load module goslab
step stray module goslab_stray
step kernel_warned said 'WARNING: .*free_large_kmalloc'
step cache_reported said 'BUG: goslab: live objects at the end in stray'
step verify verified
step unload unload
step heap_reported said 'BUG: goslab: live objects at the end in the heap'
if puts_pages; then
	step page_reported said 'BUG: goslab: page reference dropped by other code'
fi
[ $ktap_failed = 0 ] || dmesg | tail -100
dmesg -n 7
print_results
[ $ktap_failed = 0 ]
