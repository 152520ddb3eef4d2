#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# On Debian's own kernel: the tests of the BPF programs, one of the network tests, and VRFs, which the
# developers' kernel has not. What that one takes, this one may not. A frame takes a while under
# emulation; the developers' kernel has had the long run.
cd "$(dirname "$0")/../.." || exit 1
export SLUICE_TABLE6=${SLUICE_TABLE6:-300} SLUICE_ASK=${SLUICE_ASK:-50}
export FRAMES=${FRAMES:-3000} TEST_TIMEOUT=${TEST_TIMEOUT:-400} VM_TIMEOUT=${VM_TIMEOUT:-1100}
exec selftests/vm/boot selftests/run --tap build/test/test_agree build/test/test_measure \
	build/test/test_lpm_walk build/test/test_filter build/test/test_filter_keep selftests/net/ways.sh \
	selftests/slow/vrf.sh selftests/slow/vrf_tables.sh
