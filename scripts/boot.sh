#!/bin/bash
# boot.sh BED [OPTION...] -- GUESTSCRIPT [ARG...]
#
# Boots the kernel of a bed with an initramfs of busybox, the modules that
# modules.sh built and the scripts of scripts/guest, runs the guest script and
# ends with its exit status, or with 1 and a line that says why there is none
# (panic, time over). The console goes to stdout and to build/BED/NAME.log. When
# time is over the stacks of all CPUs are there as well.
#
#   --cpus N       processors (default 1)      --mem SIZE    memory (default 1G)
#   --numa N       split them into N nodes     --append TEXT kernel command line
#   --add FILE     put it into /data           --out DIR     files left in /out
#   --name NAME    of the log (default: the guest script's)
#   --timeout SEC  then it is killed (default 300)
#   --icount       QEMU only: one CPU, virtual nanoseconds are instructions
#   --dump DIR     QEMU only: dumps of its memory, when the guest asks (lib.sh)
#   --quiet        console to the log only     --shell       terminal, no log

. "$(dirname "$0")/lib.sh"

CPUS=1 MEM=1G NUMA=1 APPEND="" OUT="" NAME="" TIMEOUT=300 QUIET="" SHELL_MODE=""
ICOUNT="" DUMP=""
ADD=()

parse_options() {
	BED=${1:?usage: boot.sh BED [OPTION...] -- GUESTSCRIPT [ARG...]}
	shift
	while [ $# -gt 0 ]; do
		case $1 in
		--cpus) CPUS=$2; shift ;;
		--mem) MEM=$2; shift ;;
		--numa) NUMA=$2; shift ;;
		--append) APPEND+=" $2"; shift ;;
		--add) ADD+=("$2"); shift ;;
		--out) OUT=$2; shift ;;
		--name) NAME=$2; shift ;;
		--timeout) TIMEOUT=$2; shift ;;
		--icount) ICOUNT=1 ;;
		--dump) DUMP=$2; shift ;;
		--quiet) QUIET=1 ;;
		--shell) SHELL_MODE=1 ;;
		--) shift; break ;;
		*) die "no option '$1'; see the top of scripts/boot.sh" ;;
		esac
		shift
	done
	[ $# -gt 0 ] || die "which guest script? There are: $(ls "$SCRIPTS/guest")"
	GUEST=("$@")
	NAME=${NAME:-${1%.sh}}
	[ -e "$SCRIPTS/guest/$1" ] || die "no guest script $1 in scripts/guest"
}

# busybox_of ARCH - the static busybox for a machine.
busybox_of() {
	case $1 in
	um|x86_64) command -v busybox ;;
	*) echo "$("$SCRIPTS/fetch.sh" busybox "$1")/bin/busybox" ;;
	esac
}

# make_initramfs FILE - packs /init, /guest, /modules, /data and busybox.
make_initramfs() {
	local root=$WORK/root

	mkdir -p "$root"/{bin,guest,modules,data}
	cp "$(busybox_of "$BED_ARCH")" "$root/bin/busybox"
	cp "$SCRIPTS"/guest/* "$root/guest/"
	install -m 755 "$SCRIPTS/guest/init" "$root/init"
	printf '%q ' "${GUEST[@]}" >"$root/guest/.argv"
	if compgen -G "$BUILD/$BED/modules/*.ko" >/dev/null; then
		cp "$BUILD/$BED"/modules/*.ko "$root/modules/"
	fi
	[ ${#ADD[@]} = 0 ] || cp -r "${ADD[@]}" "$root/data/"
	(cd "$root" && find . | cpio -o -H newc -R 0:0 --quiet) >"$1"
}

# memory_dir - where User-Mode Linux can keep its memory: a file that can be
# mapped executable and grow to $MEM.
memory_dir() {
	local dir want
	want=$(numfmt --from=iec "${MEM^^}")
	for dir in /dev/shm "${TMPDIR:-/tmp}" "$BUILD"; do
		[ -w "$dir" ] || continue
		[[ ,$(findmnt -no OPTIONS -T "$dir"), != *,noexec,* ]] || continue
		[ "$(df --output=avail -B1 "$dir" | tail -1)" -gt "$want" ] || continue
		echo "$dir"
		return
	done
	die "no place with $MEM free for the machine's memory: try MEM=512M"
}

# promises - what guest/promises.sh finds true inside: the checkers of the bed, and
# what the command line and the options ask for.
promises() {
	local out="cpus=$CPUS" word

	[ "$NUMA" = 1 ] || out+=",nodes=$NUMA"
	for word in $BED_CONFIG; do
		case $word in
		debug) out+=",kasan,lockdep,preempt,sleep,ubsan" ;;
		lockdep) out+=",lockdep,preempt,sleep,ubsan" ;;
		kmemleak) out+=",kmemleak" ;;
		x86-test) out+=",faults" ;;
		kcsan) out+=",kcsan" ;;
		esac
	done
	[[ $BED != *-rt ]] || out+=",rt"
	for word in $APPEND; do
		case $word in
		page_owner=on) out+=",page_owner" ;;
		possible_cpus=*) out+=",possible=${word#*=}" ;;
		hardened_usercopy=1) out+=",usercopy" ;;
		init_on_alloc=1) out+=",zero" ;;
		esac
	done
	echo "goslab.promises=$out"
}

# um_command - sets COMMAND for User-Mode Linux. With more than two CPUs KASAN
# walks off the host's stack of the others while they start.
um_command() {
	local con="null,fd:1" most=1 seccomp=auto

	case $BED_CONFIG in
	"smp debug") most=2 seccomp=on ;;
	smp*) most=8 seccomp=on ;;
	esac
	[ "$CPUS" -le $most ] || die "$BED: takes $most CPU(s), not $CPUS"
	[ "$NUMA" = 1 ] || die "$BED: User-Mode Linux has no NUMA nodes"
	[ -z "$SHELL_MODE" ] || con="fd:0,fd:1"
	TMPDIR=$(memory_dir)
	export TMPDIR
	COMMAND=("$KERNEL/linux" "mem=$MEM" "initrd=$WORK/initramfs" con=null
		"con0=$con" kunit.enable=1 kunit.autorun=1)
	[ $most = 1 ] || COMMAND+=("ncpus=$CPUS")
	[ "$BED_SOURCE" != 7.2 ] || COMMAND+=("seccomp=$seccomp")
	[ -z "$OUT" ] || COMMAND+=("goslab.out=$OUT")
	COMMAND+=($APPEND)
}

# qemu_command - sets COMMAND for QEMU without KVM, the same everywhere.
qemu_command() {
	local i append="panic=-1 oops=panic sysrq_always_enabled=1" machine

	append+=" kunit.enable=1 kunit.autorun=1"

	case $BED_ARCH in
	arm64)	machine=(qemu-system-aarch64 -machine virt -cpu cortex-a72)
		append+=" console=ttyAMA0 $APPEND" ;;
	*)	machine=(qemu-system-x86_64 -cpu max)
		append+=" console=ttyS0 goslab.out=serial $APPEND" ;;
	esac
	# Its kernel knows no ACPI: it makes nodes itself, finds a CPU in each socket
	# of the MP table, and cannot switch the power off.
	if [[ $BED_CONFIG = *x86-test* ]]; then
		append+=" goslab.end=reboot"
		[ "$NUMA" = 1 ] || append+=" numa=fake=$NUMA"
	fi
	need "${machine[0]}"
	COMMAND=("${machine[@]}" -accel tcg -no-reboot -nodefaults
		-display none -monitor "unix:$WORK/monitor,server=on,wait=off"
		-smp "$CPUS,sockets=$CPUS" -m "$MEM"
		-kernel "$(ls "$KERNEL"/boot/vmlinuz-*)"
		-initrd "$WORK/initramfs" -append "$append")
	for ((i = 0; i < NUMA && NUMA > 1; i++)); do
		[[ $BED_CONFIG != *x86-test* ]] || break
		COMMAND+=(-object "memory-backend-ram,id=m$i,size=$(numa_size)"
			-numa "node,nodeid=$i,memdev=m$i,cpus=$(numa_cpus "$i")")
	done
	# Memory that is not written to is not asked of the host.
	if [ "$BED_ARCH" = x86_64 ] && [[ "${COMMAND[*]}" != *memory-backend* ]]; then
		COMMAND+=(-object "memory-backend-ram,id=ram,size=$MEM,reserve=off"
			-machine memory-backend=ram)
	fi
	if [ -n "$ICOUNT" ]; then
		[ "$CPUS" = 1 ] || die "--icount counts on one CPU only"
		COMMAND+=(-icount "shift=0,sleep=off")
	fi
	if [ -n "$SHELL_MODE" ]; then
		COMMAND+=(-serial mon:stdio)
	else
		COMMAND+=(-chardev "socket,id=con,path=$WORK/console,server=on,wait=off,logfile=$LOG,logappend=on"
			-serial chardev:con)
	fi
	[ "$BED_ARCH" != x86_64 ] || COMMAND+=(-serial "file:$WORK/out.tar")
}

numa_size() { echo "$(($(numfmt --from=iec "${MEM^^}") / NUMA / 1048576))M"; }

numa_cpus() {
	local each=$((CPUS / NUMA))
	[ $each -gt 0 ] || die "$NUMA nodes need at least as many CPUs"
	echo "$(($1 * each))-$(($1 * each + each - 1))"
}

# dump_um - the host's threads of User-Mode Linux, one for each CPU, by gdb: twice,
# for a CPU that moves is no CPU that hangs.
dump_um() {
	local round

	command -v gdb >/dev/null || { echo "no stacks: gdb is missing"; return; }
	for round in 1 2; do
		echo "== stacks of all CPUs, $round of 2"
		timeout 30 gdb -p "$PID" -batch -nx -ex 'set pagination off' \
			-ex 'thread apply all bt 30' 2>/dev/null |
			grep -E '^(Thread|#)'
		sleep 1
	done
}

# dump_qemu - what the guest's own sysrq says: the stacks of its CPUs, and of its
# tasks that are blocked. It goes to the console.
dump_qemu() {
	python3 - "$WORK/monitor" "$WORK/console" <<-'END'
	import socket, sys, time
	def connect(path):
	    s = socket.socket(socket.AF_UNIX)
	    s.connect(path)
	    return s
	monitor, console = map(connect, sys.argv[1:])
	for key in b'lw':
	    # After a break on the serial line the next character is for sysrq.
	    monitor.send(b'chardev-send-break con\n')
	    time.sleep(0.2)
	    console.send(bytes([key]))
	    # What is not read here is missing in the log.
	    console.settimeout(6)
	    try:
	        while console.recv(65536):
	            pass
	    except TimeoutError:
	        pass
	END
}

# take_dump - the dump that the guest asked for last, if it is not there yet. Until
# then the guest waits for a line.
take_dump() {
	local name address size

	read -r name address size < <(tr -d '\r' <"$LOG" |
		sed -n 's/^.*goslab-dump: \(.*\)\.$/\1/p' | tail -1) || return 0
	[ ! -e "$DUMP/$name" ] || return 0
	python3 "$SCRIPTS/qemu-dump.py" "$WORK/monitor" "$WORK/console" \
		"$DUMP/$name" "$address" "$size"
}

# run_command - runs COMMAND in a process group of its own, for User-Mode Linux
# has helpers and a hung one heeds nothing but SIGKILL. Sets LATE if it had to.
run_command() {
	local end=$((SECONDS + TIMEOUT)) stream=""

	LATE=
	: >"$LOG"
	setsid "${COMMAND[@]}" </dev/null >>"$LOG" 2>&1 &
	PID=$!
	disown "$PID"
	if [ -z "$QUIET" ]; then
		tail -n +1 -s 0.1 -f --pid="$PID" "$LOG" &
		stream=$!
	fi
	while kill -0 "$PID" 2>/dev/null; do
		[ -z "$DUMP" ] || take_dump
		if [ $SECONDS -ge $end ]; then
			LATE=1
			say "$BED: time is over, stacks go to $LOG"
			"dump_$BED_KIND" >>"$LOG" 2>&1 || true
			break
		fi
		sleep 0.05
	done
	kill -KILL -- "-$PID" 2>/dev/null || true
	[ -z "$stream" ] || wait "$stream" || true
	PID=
}

# verdict - the guest's exit status, or 1 and why it has none.
verdict() {
	local status

	status=$(tr -d '\r' <"$LOG" |
		sed -n 's/^.*goslab-exit: \([0-9]\{1,3\}\)$/\1/p' | tail -1)
	if [ -n "$LATE" ]; then
		die "$BED: killed after $TIMEOUT s without an end, log in $LOG"
	elif grep -q 'Kernel panic' "$LOG"; then
		die "$BED: the kernel panicked, log in $LOG"
	elif [ -z "$status" ]; then
		die "$BED: ended without an exit status, log in $LOG"
	fi
	[ "$status" = 0 ] || say "$BED: ${GUEST[0]} failed ($status), log in $LOG"
	return "$status"
}

# clean_up - whatever way this script ends, no machine stays behind.
clean_up() {
	[ -z "${PID:-}" ] || kill -KILL -- "-$PID" 2>/dev/null || true
	rm -rf "$WORK"
}

main() {
	parse_options "$@"
	bed_lookup "$BED"
	need busybox cpio
	if [ -n "$DUMP" ]; then
		[ "$BED_KIND" = qemu ] || die "$BED: --dump is for beds in QEMU"
		rm -rf "$DUMP" && mkdir -p "$DUMP"
		DUMP=$(cd "$DUMP" && pwd)
	fi
	KERNEL=$("$SCRIPTS/kernel.sh" "$BED")
	mkdir -p "$BUILD/$BED"
	LOG=$BUILD/$BED/$NAME.log
	WORK=$(mktemp -d "$BUILD/$BED/boot.XXXXXX")
	trap clean_up EXIT
	trap 'exit 130' INT TERM
	if [ -n "$OUT" ]; then
		mkdir -p "$OUT"
		OUT=$(cd "$OUT" && pwd)
	fi
	make_initramfs "$WORK/initramfs"
	APPEND+=" $(promises)"
	"${BED_KIND}_command"
	if [ -n "$SHELL_MODE" ]; then
		"${COMMAND[@]}"
		return
	fi
	run_command
	if [ -n "$OUT" ] && [ "$BED_KIND" = qemu ] && [ -s "$WORK/out.tar" ]; then
		tar -x -C "$OUT" -f "$WORK/out.tar" ||
			die "$BED: what came out of the machine is damaged"
	fi
	verdict
}

main "$@"
