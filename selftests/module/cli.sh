#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Installed, loaded when it is asked for, and "sluice module" explains what keeps it from being.
# The last of the module's tests: in the end the kernel takes signed modules only.
. "$(dirname "$0")/lib.sh"
sluice() { build/sluice "$@"; }
gone() { ! loaded || rmmod sluice; }
unprivileged() { setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
field() { sluice -j module status | jq -r ".$1"; }

# Modules of our own: depmod would read all of Debian's, for minutes; and a kernel that was built
# for tests has none.
folder=/lib/modules/$(uname -r)
rm -rf /lib/modules
mkdir -p "$folder"
touch "$folder"/modules.{order,builtin}

check "no module is loaded" gone
check "nor installed" fails_saying "no module sluice is installed" sluice module load
check "and what to do" fails_saying "linux-headers\|make install" sluice module load
check "who may not" fails_saying "CAP_SYS_MODULE" unprivileged build/sluice module load
check "a file that is not there" fails_saying "No such file" sluice module load /nonexistent.ko

check "tools/install-module install" env NO_DKMS=1 SLUICE_KO="$MODULE" tools/install-module install
check "its file is found" eval '[ "$(field file)" = "$folder/updates/sluice.ko" ]'
check "modprobe sluice" modprobe sluice
check "takes it" equal true "$(field loaded)"
gone
asks_family() { genl ctrl get name sluice; loaded; }
check "it is loaded when the family is asked for" asks_family
gone
check "sluice module load" sluice module load
check "it is of a version" eval '[ "$(field version)" = "$(cat /sys/module/sluice/version)" ]'
check "has BTF, and the function" equal "true true" "$(field 'btf') $(field function)"
check "no namespace uses it" equal 0 "$(field 'namespaces | length')"
ip netns add cli-store
nsenter --net=/run/netns/cli-store bash -c 'sleep 1000 | build/test/hold compiler' > "$scratch/holder" &
wait_for 60 grep -q ready "$scratch/holder"
check "one that does is named" equal "cli-store true" \
	"$(sluice -j module status | jq -r '.namespaces[0] | "\(.netns) \(.compiler)"')"
pkill -P $! sleep
wait $!
ip netns del cli-store
check "loading what is loaded is no mistake" sluice module load
check "tools/install-module uninstall" env NO_DKMS=1 tools/install-module uninstall
wait_for 20 gone
check "modprobe does not find it any more" fails_saying "not found" modprobe sluice

# ---- what may keep it out ----------------------------------------------------------

# Of the magic a kernel with versions of symbols compares what is behind its own.
sed "s/vermagic=[0-9]/vermagic=9/; s/ SMP / UP_ /" "$MODULE" > "$scratch/other.ko"
check "for another kernel" fails_saying "was built for kernel 9" sluice module load "$scratch/other.ko"
head -c 1000 "$MODULE" > "$scratch/half.ko"
check "half a file" fails_saying "does not fit this kernel" sluice module load "$scratch/half.ko"
check "a file by its name" sluice module load "$MODULE"
gone
if echo 1 > /sys/module/module/parameters/sig_enforce; then
	check "as under Secure Boot" fails_saying "does not trust the signature" sluice module load "$MODULE"
	check "and what to do" fails_saying "mokutil --import" sluice module load "$MODULE"
else
	skip "as under Secure Boot" "the kernel is built without CONFIG_MODULE_SIG"
fi
finish
