# bridge.sh - net/bridge with net/llc and net/802: four network namespaces
# behind one bridge talk to each other under many addresses, ports come
# and go.

set -e
HOSTS="1 2 3 4"

insmod ./llc.ko
insmod ./stp.ko
insmod ./bridge.ko

# at N COMMAND... - in the namespace of host N.
at() {
	local pid
	pid=$(cat "/tmp/host$1")
	shift
	nsenter -t "$pid" -n "$@"
}

ip link add br0 type bridge
ip link set br0 up
for n in $HOSTS; do
	unshare -n sleep 1000 &
	echo $! >/tmp/host$n
	# busybox lets the kernel name the other end.
	ip link add port$n type veth
	ip link set "$(cd /sys/class/net && echo veth*)" name eth$n
done
sleep 0.3
for n in $HOSTS; do
	ip link set eth$n netns "$(cat /tmp/host$n)"
	brctl addif br0 port$n
	ip link set port$n up
	at $n ip addr add 10.0.0.$n/24 dev eth$n
	at $n ip link set eth$n up
done
sleep 1
for n in $HOSTS; do
	for m in $HOSTS; do
		[ $n = $m ] || at $n ping -c 1 -W 2 -q 10.0.0.$m >/dev/null
	done
done

# Addresses that the bridge has to learn.
i=16
while [ $i -lt 70 ]; do
	n=$((i % 3 + 1))
	at $n ip link set eth$n address "02:00:00:00:0$n:$(printf %02x $i)"
	at 4 ip neigh flush dev eth4
	at $n ping -c 1 -W 2 -q 10.0.0.4 >/dev/null
	i=$((i + 1))
done
learned=$(($(wc -c </sys/class/net/br0/brforward) / 16))
echo "bridge: $learned addresses"
[ "$learned" -gt 50 ]

# Ports that go and come back, with traffic.
i=0
while [ $i -lt 8 ]; do
	n=$((i % 4 + 1)) m=$(((i + 1) % 4 + 1))
	brctl delif br0 port$n
	brctl addif br0 port$n
	at $m ping -c 1 -W 2 -q 10.0.0.$n >/dev/null
	i=$((i + 1))
done
for n in $HOSTS; do
	kill "$(cat /tmp/host$n)"
done
ip link set br0 down
brctl delbr br0
# A namespace, and the ports in it, end some time after their last process.
i=0
while [ -e /sys/class/net/port1 ] && [ $i -lt 50 ]; do
	sleep 0.1
	i=$((i + 1))
done
rmmod bridge
rmmod stp
rmmod llc
