#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How the module is built: with its BTF, or not at all. For the guests' kernel, by its headers.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
skip() { echo "1..0 # SKIP $*"; exit 4; }
tools/deps.sh kmod || skip "what building a module needs could not be installed"
root=$(selftests/vm/debian-kernel) || skip "no kernel for a guest can be had"
headers=$(selftests/vm/debian-headers "$(cat "$root/release")") || skip "no headers can be had"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
release=$(cat "$root/release")
ko=$PWD/build/kmod/$release/sluice.ko
n=0 bad=0
check() {
	n=$((n + 1))
	if "${@:2}" > "$dir/said" 2>&1; then
		echo "ok $n - $1"
	else
		echo "not ok $n - $1"
		sed 's/^/# /' "$dir/said"
		bad=1
	fi
}
build() { kmod/build -b "$root/vmlinux" "$headers"; }
# refused WORDS COMMAND...: it fails, says so, and leaves no module
refused() {
	local words=$1 out
	shift
	out=$("$@" 2>&1) && { echo "it succeeded"; return 1; }
	echo "$out"
	grep -q -e "$words" <<< "$out" && [ ! -e "$ko" ]
}
builds() { [ "$(build)" = "$ko" ]; }
again() {
	local object=${ko%/*}/kmod/deliver.o
	local made=$(stat -c %Y "$object")
	builds && [ "$(stat -c %Y "$object")" = "$made" ]
}
has_kfunc() {
	bpftool btf dump file "$ko" --base-btf "$root/vmlinux" | grep "FUNC 'bpf_sluice_deliver'"
}
lists() { modinfo -F "$1" "$ko" | grep -w -e "$2"; }

check "compiler, sparse and checkpatch have nothing to say" tools/check-kmod
check "a build" builds
check "and again, with nothing to do" again
check "its kfunc is in its BTF" has_kfunc
check "it is for the kernel that was asked for" lists vermagic "$release"
check "it is loaded when the family is asked for" lists alias "net-pf-16-proto-16-family-sluice"

touch kmod/deliver.c
check "no BTF, no module" refused "has no BTF" env PAHOLE=true kmod/build -b "$root/vmlinux" "$headers"
check "a kfunc without a number, no module" refused "bpf_sluice_deliver.* has no number" \
	env RESOLVE_BTFIDS=true kmod/build -b "$root/vmlinux" "$headers"
check "no tool that writes BTF" refused "pahole is missing" env PAHOLE=no-pahole kmod/build "$headers"
check "a kernel without BTF" refused "/bin/true has no BTF" kmod/build -b /bin/true "$headers"
check "no headers" refused "no kernel headers in /nonexistent" kmod/build /nonexistent
mkdir "$dir/empty"
touch "$dir/empty/Makefile"
check "a kernel's tree that is not configured" refused "is not configured" kmod/build "$dir/empty"
check "after all that, a build" builds
echo "1..$n"
exit $bad
