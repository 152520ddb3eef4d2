#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The look-up benchmark on small tables: all contenders give the same answers (else its exit code
# is 1), each line is an object with the documented fields, wrong usage is refused.
. "$(dirname "$0")/lib.sh"
need ip jq
scratch=$(mktemp -d) LAB_DIR=$scratch
trap 'rm -rf "$scratch"' EXIT
engines=sluice,sluice_bulk,twin,lpm_trie,fib_lookup,dir24_bss

table() {
	cat > "$scratch/table" <<END
; a table (no default route for IPv4: with one the kernel still keeps 127/8 to itself)
10.0.0.0/8	2
10.1.0.0/16	3
10.1.2.0/24	4
10.1.2.128/25	5
10.1.2.129/32	6
2001:db8::/32 1
2001:db8:1::/48 2
2001:db8:1:2::/64 3
2001:db8:1:2::7/128 4
END
	sluice-bench lookup --json --rounds 1 --engines $engines --rib "$scratch/table"
}

generated() {
	sluice-bench lookup --json --rounds 1 --engines $engines --prefixes 1000 > "$scratch/lines"
}

# An IPv4 look-up reads one word of the first level, and the most that can be: three lines more.
touched() {
	sluice-bench lookup --json --lines --prefixes 4000 --table scattered |
		jq -es '(map(select(.engine == "sluice" and .family == 4)) |
				(map(select(.level == "dir"))[0].per_lookup == 1) and
				(map(.per_lookup) | add | . > 1 and . < 4)) and
			(map(.from_l1 + .from_l2 + .from_l3 + .from_memory - .per_lookup | fabs < 0.001) |
				all) and
			(map(.engine) | unique) == ["dir24", "lpm_trie", "sluice"]'
}

# family, stream, mode, and who: 2 * 3 * 2 lines of each, half as many in bulk
lines() {
	jq -es '
		(map(select(.bench == "lookup" and .ns_median >= 0 and .ns_min <= .ns_median and
			.ns_median <= .ns_max and .prefixes > 0)) | length) == length and
		(group_by([.engine, .where]) | map({ (.[0].engine + " " + .[0].where): length }) | add) ==
			{ "sluice xdp": 12, "sluice native": 12,
			  "sluice_bulk native": 6, "twin xdp": 12, "lpm_trie xdp": 12,
			  "fib_lookup xdp": 12, "dir24_bss xdp": 6 }' "$scratch/lines"
}

refuses() {
	printf '10.0.0.0/8 1\n10.0.0.0/99 1\n' > "$scratch/bad"
	[ "$(sluice-bench lookup --rib "$scratch/bad" 2>&1)" = \
		"sluice-bench: $scratch/bad:2: not a prefix: \"10.0.0.0/99 1\"" ] || return 1
	sluice-bench lookup --family 5 && return 1
	sluice-bench lookup --rounds 0 && return 1
	sluice-bench lookup --table round && return 1
	sluice-bench nothing && return 1
	sluice-bench lookup --help | grep -q -- --growth
}

check "a table with every length agrees" table
check "generated tables agree" generated
check "the lines are as documented" lines
check "a model of the cache lines that are touched" touched
check "wrong usage is refused" refuses
finish
