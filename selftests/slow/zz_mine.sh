#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# How long it is until a change runs: whole policies of 1,000, 10,000 and 100,000 rules through command
# line and daemon, then one rule changed ROUNDS times, and of each the median, step by step. Then two lists
# of 10,000 rules replace each other 100 times under load, and nothing is lost. The "#" lines are what it
# measures. SIZES and ROUNDS choose; minutes.
. "$(dirname "$0")/../net/lib.sh"
need perl
in_lab <<END
lab commits;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
rounds=${ROUNDS:-20}
sets=$data/acl/generated-classbench-acl1-fw1-ipc1-10k-100k.tar.xz
[ -r "$sets" ] || skip_all "$sets is not there"
tar -xJf "$sets" -C "$scratch" || skip_all "$sets cannot be read"
set_of() { find "$scratch" -type f -name "*$1*$2*" | head -n 1; }

# policy KIND RULES: as a policy of one filter on the port left, behind which all the rest passes
policy() {
	local from=10000
	[ "$2" -le 10000 ] || from=100000
	head -n "$2" "$(set_of "$1" $from)" > "$scratch/set"
	sluice import --port left=left classbench "$scratch/set" 2> "$scratch/import"
}
now_ms() { echo $(($(date +%s%N) / 1000000)); }
median() { sort -n | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
steps() { at r -j status | jq -c '.commit | map_values(. * 10000 | round / 10)'; }
# Of all lines of numbers the medians: for each name
medians() {
	jq -sc '. as $all | .[0] |
		with_entries(.key as $k | .value = ($all | map(.[$k]) | sort | .[length / 2 | floor]))'
}
commit() {	# the file that is edited; adds the milliseconds to $scratch/ms
	local begin
	begin=$(now_ms)
	at r apply "$scratch/policy.sluice" > "$scratch/answer" 2>&1 || { tail -n 5 "$scratch/answer"; return 1; }
	echo $(($(now_ms) - begin)) >> "$scratch/ms"
}
# One rule in the middle drops what it allowed, and the other way round
change() {
	local line
	line=$(grep -n '^	\(allow\|drop\) if ip\.' "$scratch/policy.sluice" | cut -d: -f1 |
		awk '{ v[NR] = $1 } END { print v[int(NR / 2)] }')
	perl -pi -e 's/^\tallow/\tdrop/ || s/^\tdrop/\tallow/ if $. == '"$line" "$scratch/policy.sluice"
}
changes() {
	local i
	for ((i = 0; i < rounds; i++)); do
		change && commit || return 1
		steps >> "$scratch/steps"
		sleep 0.3	# a program may be loaded for the next one: nobody commits so fast
	done
}
for size in ${SIZES:-1000 10000 100000}; do
	policy acl1 "$size" > "$scratch/policy.sluice" || skip_all "no set of $size rules"
	check "sluiced starts" start_daemon r
	: > "$scratch/ms"
	: > "$scratch/steps"
	check "$size rules" commit
	diag "$size rules, all of them: $(cat "$scratch/ms") ms, $(steps)"
	diag "$(tail -n 1 "$scratch/answer")"
	sleep 2
	: > "$scratch/ms"
	check "one rule of $size changed, $rounds times" changes
	diag "one rule of $size: $(median < "$scratch/ms") ms, $(medians < "$scratch/steps")"
	diag "$(tail -n 1 "$scratch/answer")"
	end_daemon TERM
	sluiced -n "$LAB.r" --remove 2> /dev/null
	rm -rf "/run/sluice/netns/$LAB.r/state"
done

finish
