#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A policy with all that there is loads: on old kernels the frames of calls below one another are few bytes.
# Its own witnesses go through the program and the plain meaning, and both say the same.
set -uo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root to load programs"; exit 4; }

policy=selftests/net/everything.sluice
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
n=0

check() {
	local name=$1
	shift
	n=$((n + 1))
	"$@" > "$scratch/said" 2>&1 && { echo "ok $n - $name"; return; }
	echo "not ok $n - $name"
	tail -n 30 "$scratch/said" | sed 's/^/# /'
}

check "it is right" build/sluice check "$policy"
check "packets that show it" build/sluice testgen -w "$scratch/shown.pcap" "$policy"
check "it loads, and does what is meant" build/sluice replay --policy "$policy" \
	--pcap "$scratch/shown.pcap" --engine both
echo "1..$n"
