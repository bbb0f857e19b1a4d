#!/bin/bash
# fetch.sh src 7.2|6.1|6.12               - kernel source
# fetch.sh debian 6.1|6.1-rt|6.12|6.12-rt    - stock kernel and its headers
# fetch.sh busybox arm64                  - programs for another machine
#
# Gets Debian packages into the cache, unpacks them there and prints the
# directory. Suites other than the machine's own are reached through a private
# apt directory; mirrors and proxy are those of the machine's apt, and nothing
# on the system changes. What is there is used again: "fetch.sh --renew" makes
# the next runs look for newer packages.

. "$(dirname "$0")/lib.sh"

# mirror SUITE - the address from which this machine's apt would take SUITE.
mirror() {
	local own tail=""

	[[ $1 = *-security ]] && tail=-security
	own=$(. /etc/os-release && echo "${VERSION_CODENAME:-unstable}")
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Created-By: Packages' |
	awk -v own="$own$tail" -v tail="$tail" '
		$3 != "main" { next }
		$2 == own { exact = $1 }
		tail == "" && $2 ~ /^(unstable|sid|testing|stable)$/ { near = $1 }
		tail != "" && $2 ~ /-security$/ { near = $1 }
		END { print exact != "" ? exact : near }'
}

# apt_in SUITE COMMAND... - runs an apt tool that sees nothing but SUITE, or, for
# SUITE@ARCH, what it has for another machine. Signatures are checked; the date up to which a list is valid is not, for mirrors lag.
apt_in() {
	local dir=$CACHE/apt/$1 tool=$2 arch=amd64
	[[ $1 != *@* ]] || arch=${1#*@}
	shift 2
	"$tool" -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Dir::Etc::SourceList="$dir/sources.list" \
		-o Dir::Etc::SourceParts=- -o Dir::State::Lists="$dir/lists" \
		-o Dir::State::status="$dir/status" -o Dir::Cache="$dir/cache" \
		-o APT::Sandbox::User= -o Acquire::Check-Valid-Until=false \
		-o Acquire::Languages=none -o APT::Get::AllowUnauthenticated=false "$@"
}

# open_suite SUITE - makes the private apt directory; fails if there is no such
# suite for this machine.
open_suite() {
	local dir=$CACHE/apt/$1 suite=${1%@*} arch=amd64 uri key

	[[ $1 != *@* ]] || arch=${1#*@}
	[ -e "$dir/ready" ] && return 0
	uri=$(mirror "$suite")
	[ -n "$uri" ] || return 1
	mkdir -p "$dir/lists/partial" "$dir/cache/archives/partial"
	: >"$dir/status"
	for key in /usr/share/keyrings/debian-archive-keyring.{gpg,pgp}; do
		[ -e "$key" ] && break
	done
	echo "deb [arch=$arch signed-by=$key] $uri $suite main" >"$dir/sources.list"
	say "apt: reading the package list of $1"
	apt_in "$1" apt-get update >"$dir/log" 2>&1 &&
		! grep -q '^[WE]: ' "$dir/log" || return 1
	touch "$dir/ready"
}

# find_package WHAT PATTERN SUITE... - "suite package" of the newest package (by
# name) that matches the regular expression, in the first suite that has one.
find_package() {
	local what=$1 pattern=$2 suite pkg
	shift 2
	for suite; do
		open_suite "$suite" || continue
		pkg=$(apt_in "$suite" apt-cache pkgnames linux- |
			grep -E "^$pattern\$" | sort -V | tail -1) || true
		[ -z "$pkg" ] || { echo "$suite $pkg"; return; }
	done
	die "no $what in $*: check the network and that apt works here" \
		"(sudo apt-get update); logs are in $CACHE/apt/*/log"
}

# version SUITE PACKAGE - the newest version there is.
version() {
	apt_in "$1" apt-cache show --no-all-versions "$2" |
		sed -n 's/^Version: //p'
}

# download SUITE DIR PACKAGE... - .deb files into DIR. What an interrupted run
# left there is checked and used.
download() {
	local suite=$1 dir=$2 start=$SECONDS
	shift 2
	mkdir -p "$dir"
	say "fetch: $* from $suite"
	(cd "$dir" && apt_in "$suite" apt-get download "$@") >"$dir/log" 2>&1 || {
		tail -3 "$dir/log" >&2
		die "download failed: check the network and run it again"
	}
	say "fetch: downloaded in $((SECONDS - start)) s"
}

# In a source tree that has all that unpack_source takes now; a tree of an older
# version of this script lacks it.
ALL_UNPACKED=.goslab-arm64-s390

# unpack_source TARBALL DIR - all but the code of machines and drivers that no
# bed builds (their Kconfig files are needed); a third of the time. What DIR has
# already stays as it is.
unpack_source() {
	local top skip=() d
	top=$(basename "$1" .tar.xz)
	for d in arch/{al,c,h,l,mi,n,o,p,r,xt}'*' arch/{arc,arm,m68k,sh,sparc} \
		arch/arm64/boot/dts drivers/{gpu,media} drivers/net/'*' sound; do
		skip+=(--exclude="$top/$d/*."{c,h,S,dts,dtsi})
	done
	skip+=(--exclude="$top/Documentation/*."{rst,yaml})
	mkdir -p "$2"
	tar -x -I 'xz -T0' -f "$1" -C "$2" --strip-components=1 \
		--skip-old-files "${skip[@]}" ||
		die "cannot unpack $1: is the disk full?"
	touch "$2/$ALL_UNPACKED"
}

# find_source SERIES - suite and package; 7.2 stands for that or anything newer.
find_source() {
	local newer='7\.([2-9]|[1-9][0-9]+)|([89]|[1-9][0-9]+)\.[0-9]+'

	case $1 in
	7.2) find_package "linux-source 7.2 or later" "linux-source-($newer)" \
		unstable testing trixie-backports ;;
	6.12) find_package "linux-source-6.12" 'linux-source-6\.12' \
		bookworm-security bookworm-backports trixie-security trixie ;;
	6.1) find_package "linux-source-6.1" 'linux-source-6\.1' \
		bookworm-security bookworm ;;
	*) die "no kernel source '$1'; there are 6.1, 6.12 and 7.2" ;;
	esac
}

# fetch_src SERIES - a tree as it comes out of linux-source.
fetch_src() {
	local found suite pkg name tmp start

	need_space 1500 "the source of kernel $1"
	found=$(find_source "$1")
	read -r suite pkg <<<"$found"
	name=${pkg}_$(version "$suite" "$pkg")
	tmp=$CACHE/tmp/$name
	say "kernel $1: $name from $suite"
	download "$suite" "$tmp" "$pkg"
	start=$SECONDS
	say "kernel $1: unpacking"
	dpkg-deb -x "$tmp"/*.deb "$tmp/deb" || die "cannot unpack $tmp/*.deb"
	if [ -d "$CACHE/src/$name" ]; then
		# In place, because kernels may be built from it right now.
		unpack_source "$tmp/deb/usr/src/$pkg.tar.xz" "$CACHE/src/$name"
		ln -sfn "$name" "$CACHE/src/$1"
	else
		rm -rf "$tmp/tree"
		unpack_source "$tmp/deb/usr/src/$pkg.tar.xz" "$tmp/tree"
		publish "$tmp/tree" "src/$name" "src/$1"
	fi
	rm -rf "$tmp"
	say "kernel $1: unpacked in $((SECONDS - start)) s"
}

# own_headers ROOT FINAL - the headers name each other by absolute paths and
# a compiler by its version: make both fit here. Without the vmlinux that some
# carry, no BTF is made, which needs a tool of its own.
own_headers() {
	local dir
	for dir in "$1"/usr/src/linux-headers-*-amd64; do
		sed -i "s|include /usr/src|include $2/usr/src|" "$dir/Makefile"
		sed -i 's/gcc-[0-9]*/gcc/' "$dir/.kernelvariables"
		rm -f "$dir/vmlinux"
		ln -s "usr/src/${dir##*/}" "$1/kdir"
	done
}

# fetch_debian FLAVOUR - boot/vmlinuz-* and the headers of a stock kernel.
fetch_debian() {
	local series=${1%-rt} rt=${1#"${1%-rt}"}
	local found suite image abi headers more name deb tmp

	need_space 500 "stock kernel $1"
	found=$(find_package "stock kernel $1" \
		"linux-image-${series//./\\.}\.[0-9][^-]*(-[0-9]+)?$rt-amd64-unsigned" \
		bookworm-security bookworm-backports bookworm)
	read -r suite image <<<"$found"
	abi=${image#linux-image-} abi=${abi%-unsigned}
	headers=linux-headers-$abi
	more=$(apt_in "$suite" apt-cache show --no-all-versions "$headers" |
		sed -n 's/^Depends: //p' | tr -d ' ' | tr ',' '\n' |
		sed 's/[(|].*//' | grep -E '^linux-(headers|kbuild)-')
	name=debian/${abi}_$(version "$suite" "$image")
	tmp=$CACHE/tmp/${name#*/}
	say "kernel $1: $image from $suite"
	download "$suite" "$tmp" "$image" "$headers" $more
	rm -rf "$tmp/root" && mkdir "$tmp/root"
	for deb in "$tmp"/linux-*.deb; do
		dpkg-deb --fsys-tarfile "$deb" |
			tar -x -C "$tmp/root" --exclude='./lib/modules/*' \
				--exclude='./usr/share/*' ||
			die "cannot unpack $deb: is the disk full?"
	done
	own_headers "$tmp/root" "$CACHE/$name"
	publish "$tmp/root" "$name" "debian/$1"
	rm -rf "$tmp"
}

# fetch_busybox ARCH - bin/busybox of the machine's own release.
fetch_busybox() {
	local suite tmp=$CACHE/tmp/busybox-$1

	suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-unstable}")@$1
	open_suite "$suite" || die "no packages for $1: check the network and" \
		"that apt works here; the log is $CACHE/apt/$suite/log"
	download "$suite" "$tmp" busybox-static
	dpkg-deb -x "$tmp"/*.deb "$tmp/root" || die "cannot unpack $tmp/*.deb"
	# In newer releases /bin is in /usr.
	[ -e "$tmp/root/bin/busybox" ] ||
		{ mkdir -p "$tmp/root/bin" &&
		cp "$tmp/root/usr/bin/busybox" "$tmp/root/bin/"; }
	publish "$tmp/root" "busybox/busybox-$1" "busybox/$1"
	rm -rf "$tmp"
}

# publish DIR NAME LINK - moves what is complete to its place in the cache.
publish() {
	mkdir -p "$CACHE/${2%/*}"
	rm -rf "${CACHE:?}/$2"
	mv "$1" "$CACHE/$2"
	ln -sfn "${2##*/}" "$CACHE/$3"
}

# is_there KIND SERIES - only 7.2 is built for other machines.
is_there() {
	[ -d "$CACHE/$1/$2/" ] &&
		{ [ "$1/$2" != src/7.2 ] || [ -e "$CACHE/$1/$2/$ALL_UNPACKED" ]; }
}

main() {
	case ${1:-} in
	--renew)
		rm -rf "$CACHE"/apt "$CACHE"/{src,debian}/{6,7}.{1,12,2}{,-rt}
		say "the next run looks for newer kernels"
		return ;;
	src|debian|busybox) [ -n "${2:-}" ] || die "usage: fetch.sh $1 WHICH" ;;
	*) die "usage: fetch.sh src|debian|busybox WHICH, or fetch.sh --renew" ;;
	esac
	if ! is_there "$1" "$2"; then
		need apt-get dpkg-deb xz
		with_lock fetch "another run is fetching"
		is_there "$1" "$2" || "fetch_$1" "$2"
	fi
	(cd -P "$CACHE/$1/$2" && pwd)
}

main "$@"
