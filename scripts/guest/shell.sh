# shell.sh - a shell with the allocator loaded.

. /guest/lib.sh

module goslab
echo "goslab is loaded, its files are in /sys/kernel/debug/goslab, other"
echo "modules in /modules; 'exit' switches the machine off."
sh
