#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Rule lists in full: all of ClassBench's sets, 100,000 packets and 10,000 changes on the large
# ones, hostile lists of 100,000 rules. Some minutes; the "#" lines are what it measures.
cd "$(dirname "$0")/../.." || exit 1
export SLOW=1 CMOCKA_MESSAGE_OUTPUT=TAP
status=0
build/test/test_rules || status=1
build/test/test_rules_classbench || status=1
exit $status
