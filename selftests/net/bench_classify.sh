#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The classification benchmark on small lists: all engines give the list's own answers (else its exit
# code is 1), each line is an object with the documented fields, wrong usage is refused.
. "$(dirname "$0")/lib.sh"
need ip jq nft iptables-legacy-restore
scratch=$(mktemp -d) LAB_DIR=$scratch
trap 'rm -rf "$scratch"' EXIT

rules() {
	printf '@%s\t%s\t%s\t%s\t%s\t%s\t\n' \
		10.1.2.3/32 192.0.2.0/24 '0 : 65535' '80 : 80' 0x06/0xFF 0x1000/0x1000 \
		10.1.0.0/16 192.0.2.128/25 '1024 : 65535' '0 : 1023' 0x06/0xFF 0x0200/0x0300 \
		0.0.0.0/0 192.0.2.7/32 '53 : 53' '53 : 53' 0x11/0xFF 0x0000/0x0000 \
		172.16.0.0/12 0.0.0.0/0 '0 : 65535' '0 : 65535' 0x01/0xFF 0x0000/0x0000 \
		10.0.0.0/8 198.51.100.0/24 '0 : 65535' '5000 : 5010' 0x11/0xFF 0x0000/0x0000 \
		10.0.0.0/8 0.0.0.0/0 '0 : 65535' '0 : 65535' 0x2f/0xFF 0x0000/0x0000 \
		128.0.0.0/1 128.0.0.0/1 '0 : 65535' '0 : 65535' 0x00/0x00 0x0000/0x0000
}

agrees() {
	rules > "$scratch/rules"
	sluice-bench classify --json --rounds 2 --rules "$scratch/rules" --counts 1,3,7 > "$scratch/lines"
}

# 3 lists, 4 streams; ours as it is, with nothing remembered, and without the address look-ups
lines() {
	jq -es '
		(map(select(.bench == "classify" and .ns_median >= 0 and .ns_min <= .ns_max and
			.checked > 0 and .commit_s > 0)) | length) == length and
		(map(select(.engine != "sluice") | .times_sluice_median > 0) | all) and
		(map(select(.engine == "sluice") | .table_bytes > 0 and .compile_s > 0 and .plan_s > 0) | all) and
		(group_by([.engine, .where, .mode]) |
			map({ ([.[0].engine, .[0].where, .[0].mode] | join(" ")): length }) | add) ==
			{ "sluice xdp whole": 12, "sluice xdp walk": 12, "sluice xdp tables": 12,
			  "linear_bpf xdp whole": 12, "nftables kernel whole": 12,
			  "iptables kernel whole": 12 }' "$scratch/lines"
}

trace() {
	printf '167838211\t3221225985\t4000\t80\t6\t268439552\t0\n%s\n' \
		'2886729729	1	0	0	1	0	3' > "$scratch/trace"
	sluice-bench classify --json --rounds 1 --engines sluice,nftables --rules "$scratch/rules" \
		--trace "$scratch/trace" | jq -es 'length == 16'
}

refuses() {
	printf '@10.0.0.0/33\n' > "$scratch/bad"
	[ "$(sluice-bench classify --rules "$scratch/bad" 2>&1)" = \
		"sluice-bench: $scratch/bad:1: not a rule of ClassBench's" ] || return 1
	: > "$scratch/none"
	sluice-bench classify --rules "$scratch/none" && return 1
	sluice-bench classify --rules "$scratch/rules" --counts 3,x && return 1
	sluice-bench classify && return 1
	sluice-bench classify --help | grep -q -- --trace
}

check "all engines give the list's answers" agrees
check "the lines are as documented" lines
check "headers of a trace" trace
check "wrong usage is refused" refuses
finish
