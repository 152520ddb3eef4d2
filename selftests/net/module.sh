#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# sluice module, where no module can be loaded, or none is: what is said, and what to do. What it does
# where one is, selftests/module/cli.sh shows in a guest.
. "$(dirname "$0")/lib.sh"
[ ! -e /sys/module/sluice ] || skip_all "the module is loaded"
in_lab <<END
lab module;
host a;
END
no_file() { ! ls /lib/modules/"$(uname -r)"/*/sluice.ko* 2> /dev/null | grep .; }
unprivileged() { setpriv --reuid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }

check "status: not loaded" eval 'sluice module status | grep -q "^loaded  *no"'
check "an object alone shows itself" eval 'sluice module | grep -q "^loaded  *no"'
check "as JSON" eval 'sluice -j module status | jq -e ".object == \"module\" and .loaded == false"'
check "for this kernel" equal "$(uname -r)" "$(sluice -j module status | jq -r .kernel)"
if [ ! -e /proc/modules ]; then
	check "a kernel without modules: said" eval 'sluice module status | grep -q CONFIG_MODULES'
	check "and none is loaded" fails_saying "no loadable modules" sluice module load
else
	check "who may not" fails_saying "CAP_SYS_MODULE" unprivileged sluice module load
	if no_file; then
		check "no module" fails_saying "no module sluice is installed for this kernel" sluice module load
	fi
fi
check "two files are too many" fails_saying "too much" sluice module load a b
check "no other command" fails_saying "there is status, load" sluice module unload
finish
