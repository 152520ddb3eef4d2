#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installs what sluice needs on Debian, by package name: "build", "kmod", "demo", "test", "vm" or
# "debug-kernel".
# Safe to run again: it asks for nothing that is there. Elsewhere it prints the list.
set -euo pipefail

build="clang llvm bpftool gcc libc6-dev make git pkg-config flex bison
	libbpf-dev libmnl-dev libelf-dev zlib1g-dev libuv1-dev libjansson-dev libcap-ng-dev
	libncurses-dev libpcap-dev linux-libc-dev"
kmod="gcc make binutils pahole libbpf-dev libelf-dev xz-utils zstd gzip lz4"
lab="iproute2 iputils-ping ethtool procps util-linux"
demo="$lab frr bird2 iperf3 traceroute"
test="$demo libcmocka-dev clang-19 libclang-rt-14-dev tcpdump tshark smcroute nftables iptables
	iputils-tracepath bzip2 xz-utils sparse mandoc jq python3-yaml"

vm="qemu-system-x86 busybox-static kmod cpio xz-utils zstd gzip lz4 apt dpkg"
debug_kernel="$vm linux-source gcc make flex bison bc libelf-dev libssl-dev pahole python3"

what=${1:-build}
case $what in
build) packages=$build ;;
kmod) packages=$kmod ;;
demo) packages="$build $demo" ;;
test) packages="$build $test" ;;
vm) packages=$vm ;;
debug-kernel) packages=$debug_kernel ;;
*) echo "usage: tools/deps.sh build|kmod|demo|test|vm|debug-kernel" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
	echo "sluice's $what needs, by their Debian names:" >&2
	echo "  "$packages >&2
	echo "This is not Debian: install them yourself, then run make again." >&2
	exit 1
fi

missing=()
for p in $packages; do
	[ "$(dpkg-query -W -f '${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
		missing+=("$p")
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" != 0 ]; then
	echo "missing Debian packages: ${missing[*]}" >&2
	echo "run: sudo tools/deps.sh $what" >&2
	exit 1
fi
echo "installing: ${missing[*]}" >&2
export DEBIAN_FRONTEND=noninteractive
# A service that a package brings is for our labs, not for this machine: do not start it.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
	printf '#!/bin/sh\nexit 101\n' > $policy
	chmod 755 $policy
	trap 'rm -f $policy' EXIT
fi
apt-get install -y -q --no-install-recommends "${missing[@]}" >&2 ||
	{ apt-get update -q >&2 &&
	  apt-get install -y -q --no-install-recommends "${missing[@]}" >&2; }
