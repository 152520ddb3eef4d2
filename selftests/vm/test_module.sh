#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module, in a guest: one boot for all that needs it loaded. What ran there comes out as tests of
# their own. KERNEL and what else selftests/vm/boot reads choose the guest; COMMITS, OPERATIONS and
# FUZZ_SECONDS, how long those programs are at it; LONG=1 takes the slow ones along.
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
	VM_TIMEOUT=${VM_TIMEOUT:-1100} exec selftests/vm/boot "$0" inside
fi

# What waits much and what computes much go side by side; what counts memory and references, alone.
# test_filter is here for the verifier of the guest's kernel: some policies are enough for that.
export SLUICE_STORE=module TEST_TIMEOUT=${TEST_TIMEOUT:-400}
export CASES=${CASES:-800} FRAMES=${FRAMES:-200}
said=$(mktemp -d)
phase() { selftests/run --tap "$@" > "$said/$BASHPID"; }
tell() {
	local file
	wait
	for file in "$said"/*; do
		grep '^1\.\.' "$file"
		grep -v '^1\.\.' "$file"
		rm "$file"
	done
}
phase selftests/module/load.sh
tell
phase selftests/net/confirm.sh &
phase build/test/test_transport build/test/test_filter selftests/net/everything.sh \
	selftests/net/host_leg.sh selftests/net/bench_store.sh &
tell
long=()
[ -z "${LONG-}" ] || long=(selftests/module/cli.sh selftests/net/privilege.sh selftests/net/history.sh)
phase "build/test/commits -n ${COMMITS:-300}" \
	"build/test/stress -n ${OPERATIONS:-10000}" \
	"build/test/fuzz -t ${FUZZ_SECONDS:-5}" \
	selftests/module/way.sh \
	selftests/module/unload.sh \
	"${long[@]}"
tell
