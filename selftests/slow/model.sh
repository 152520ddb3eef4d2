#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ten million random operations on route tables of both families, against the textbook twin and the
# kernel: some ten minutes. OPERATIONS= says how many, SEED= repeats a run; the "#" lines have the
# seed and what was done.
cd "$(dirname "$0")/../.." || exit 1
export OPERATIONS=${OPERATIONS:-10000000} CMOCKA_MESSAGE_OUTPUT=TAP
exec build/test/test_lpm_model
