#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# tools/check-style has nothing to say.
cd "$(dirname "$0")/../.." || exit 1
echo 1..1
if said=$(tools/check-style 2>&1); then
	echo "ok 1 - style"
else
	echo "not ok 1 - style"
	sed 's/^/# /' <<< "$said"
	exit 1
fi
