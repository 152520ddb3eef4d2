#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On Debian's own kernel: the tests of the BPF programs, and one of the network tests. A test here is
# one of those programs, and passes if selftests/run says so of it in the guest.
set -uo pipefail
cd "$(dirname "$0")/../.."
programs=(build/test/test_agree build/test/test_measure build/test/test_lpm_walk
	selftests/net/ways.sh)

if [ "${1-}" != inside ]; then
	echo "1..${#programs[@]}"
	# A frame takes a while under emulation; the developers' kernel has had the long run.
	FRAMES=${FRAMES:-3000} TEST_TIMEOUT=${TEST_TIMEOUT:-400} \
		VM_TIMEOUT=${VM_TIMEOUT:-1100} exec selftests/vm/boot "$0" inside
fi
echo "# Linux $(uname -r)"
failed=0
for i in "${!programs[@]}"; do
	out=$(selftests/run "${programs[i]}" 2>&1) && verdict=ok || verdict="not ok"
	sed 's/^/# /' <<< "$out"
	echo "$verdict $((i + 1)) - ${programs[i]}"
	[ "$verdict" = ok ] || failed=1
done
exit $failed
