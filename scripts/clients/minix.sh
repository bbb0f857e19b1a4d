# minix.sh - fs/minix on a loop device: files are written, compared, renamed and
# removed, the file system is mounted again, and fsck finds it clean.
#
# mkfs.minix and fsck.minix stand beside it with the libraries that they need.

set -e
MNT=/tmp/mnt
IMAGE=/tmp/image

tool() {
	local name=$1
	shift
	./tools/ld.so --library-path ./tools "./tools/$name" "$@"
}

# sums DIR - of all files in it, in order.
sums() { (cd "$1" && find . -type f | sort | xargs sha256sum); }

# fill DIR - 300 files in 20 directories, of 0 to 100 KB.
fill() {
	local i=0
	while [ $i -lt 20 ]; do
		mkdir "$1/dir$i"
		i=$((i + 1))
	done
	i=0
	while [ $i -lt 300 ]; do
		head -c $((i * i % 100000)) /dev/urandom >"$1/dir$((i % 20))/file$i"
		i=$((i + 1))
	done
}

# attach, detach - the device is set up first, for a kernel may refuse to mount
# one that somebody still has open for writing.
attach() { losetup /dev/loop0 $IMAGE && mount -t minix /dev/loop0 $MNT; }
detach() { umount $MNT && losetup -d /dev/loop0; }

# enter_cgroup - everything below happens in a memory cgroup of its own, where
# inodes are charged. Kernels without memory cgroups go on without.
enter_cgroup() {
	local cg=/tmp/cgroup

	mkdir -p $cg && mount -t cgroup2 none $cg 2>/dev/null || return 0
	grep -qw memory $cg/cgroup.controllers || return 0
	echo +memory >$cg/cgroup.subtree_control
	mkdir $cg/minix
	echo $$ >$cg/minix/cgroup.procs
	echo "minix: in a memory cgroup of its own"
}

[ ! -e ./loop.ko ] || insmod ./loop.ko
insmod ./minix.ko
enter_cgroup
dd if=/dev/zero of=$IMAGE bs=1M count=32 2>/dev/null
tool mkfs.minix -3 $IMAGE >/dev/null
mkdir $MNT /tmp/source
attach

fill /tmp/source
cp -r /tmp/source/. $MNT/
sums /tmp/source >/tmp/sums
sums $MNT | cmp - /tmp/sums
df -i $MNT | tail -1

# The same after the caches of inodes and dentries were dropped.
sync
echo 3 >/proc/sys/vm/drop_caches
sums $MNT | cmp - /tmp/sums

# Names that go, come and move.
i=0
while [ $i -lt 300 ]; do
	mv "$MNT/dir$((i % 20))/file$i" "$MNT/dir$(((i + 7) % 20))/moved$i"
	[ $((i % 3)) != 0 ] || rm "$MNT/dir$(((i + 7) % 20))/moved$i"
	i=$((i + 1))
done
ln -s dir1 $MNT/link
ln "$MNT/dir8/moved1" $MNT/hard
sums $MNT >/tmp/sums

i=0
while [ $i -lt 5 ]; do
	detach
	tool fsck.minix -f $IMAGE >/tmp/fsck || { cat /tmp/fsck; exit 1; }
	attach
	sums $MNT | cmp - /tmp/sums
	i=$((i + 1))
done
rm -r $MNT/dir*
detach
tool fsck.minix -f $IMAGE >/tmp/fsck || { cat /tmp/fsck; exit 1; }
rmmod minix
[ ! -e ./loop.ko ] || rmmod loop
echo "minix: all files are as they were written"
