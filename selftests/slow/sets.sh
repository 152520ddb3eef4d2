#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# ClassBench's acl1, fw1 and ipc1 of 1k, 8k, 10k and 100k rules through the whole program: the headers that
# came with them, 100,000 frames near their rules and 100,000 random ones each, against the files. Minutes.
cd "$(dirname "$0")/../.." || exit 1
SLOW=1 CMOCKA_MESSAGE_OUTPUT=TAP exec build/test/test_sets
