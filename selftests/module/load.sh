#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module is loaded, and is what it says: what the tests behind this one rest on.
. "$(dirname "$0")/lib.sh"

has_kfunc() {
	bpftool btf dump file /sys/kernel/btf/sluice --base-btf /sys/kernel/btf/vmlinux |
		grep bpf_sluice_deliver
}
family() { genl ctrl get name sluice && genl ctrl get name sluice | grep -q "Version: 0x1"; }
no_family() { ! genl ctrl get name sluice; }
limit() { equal "$2" "$(cat "/sys/module/sluice/parameters/$1")" "$1"; }

check "insmod" insmod "$MODULE" || exit 1
check "it has BTF: /sys/kernel/btf/sluice" test -s /sys/kernel/btf/sluice
check "with its kfunc" has_kfunc
check "the family sluice is there, of version 1" family
check "insmod a second time is refused" fails_saying "exists" insmod "$MODULE"
check "nothing holds it" equal 0 "$(uses)"
check "rmmod" rmmod sluice
check "the family has gone" no_family
check "insmod with limits of our own" insmod "$MODULE" objects_max=1000 memory_max=8000000
check "they are what was asked for" limit objects_max 1000
check "rmmod again" rmmod sluice
check "and insmod, for those that follow" insmod "$MODULE"
finish
