#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module, in a guest: one boot for all that needs it loaded. What ran there comes out as tests of
# their own. KERNEL and what else selftests/vm/boot reads choose the guest; LONG=1 is the long run.
set -uo pipefail
cd "$(dirname "$0")/../.."
skip() { echo "1..0 # SKIP $*"; exit 4; }

if [ "${1-}" != inside ]; then
	tools/deps.sh kmod || skip "what building a module needs could not be installed"
	case ${KERNEL-} in
	*/*) root=$(cd "$KERNEL" && pwd) && headers=$root ;;
	*) root=$(selftests/vm/debian-kernel ${KERNEL-}) &&
		headers=$(selftests/vm/debian-headers "$(cat "$root/release")") ;;
	esac
	code=$?
	[ $code != 4 ] || skip "no kernel for a guest can be had"
	[ $code = 0 ] || exit $code
	export KERNEL=$root
	MODULE=$(kmod/build -b "$root/vmlinux" "$headers") || exit 1
	export MODULE
	VM_TIMEOUT=${VM_TIMEOUT:-500} exec selftests/vm/boot "$0" inside
fi

[ -z "${LONG-}" ] && operations=10000 || operations=1000000
exec selftests/run --tap selftests/module/load.sh "build/test/stress" selftests/net/host_leg.sh \
	selftests/module/unload.sh selftests/module/cli.sh
