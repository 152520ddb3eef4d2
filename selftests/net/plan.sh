#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What a policy would change, asked of what runs; and what is asserted and does not hold is refused.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab plan;
host h1 { default via 10.0.1.1; }
host h2 { default via 10.0.2.1; }
router r1 {
	sluiced <<POLICY
		port lan1 = "lan1";
		port lan2 = "lan2";
		route main;
		filter lan1 {
		    allow if tcp.dst == 22;
		    drop if tcp;
		}
	POLICY;
}
link h1.eth0 10.0.1.2/24 -- r1.lan1 10.0.1.1/24;
link h2.eth0 10.0.2.2/24 -- r1.lan2 10.0.2.1/24;
END
first=$(generation r1)
at r1 policy show > "$scratch/shown"
sed 1d "$scratch/shown" > "$scratch/same.sluice"
sed 's/tcp.dst == 22/tcp.dst in { 22, 443 }/' "$scratch/same.sluice" > "$scratch/new.sluice"

# code WANTED COMMAND...
code() {
	local want=$1
	shift
	"$@"
	equal "$want" $? "exit code"
}
check "the same changes nothing" code 0 at r1 plan --exit-code "$scratch/same.sluice"
check "another rule changes something" code 2 at r1 plan --exit-code "$scratch/new.sluice"
echo 'port a = "eth0"; route 192.0.2.0/24 drop;' > "$scratch/route.sluice"
echo 'port a = "eth0"; route 192.0.2.0/24 drop; route 192.0.2.128/25 drop;' > "$scratch/twice.sluice"
echo 'port a = "eth0"; route 192.0.2.0/24 drop; count next-hops;' > "$scratch/counts.sluice"
check "what a wider route says is no change" \
	code 0 sluice plan --exit-code --against "$scratch/route.sluice" "$scratch/twice.sluice"
check "counts of next hops are one" \
	code 2 sluice plan --exit-code --against "$scratch/route.sluice" "$scratch/counts.sluice"
plan_says() {
	local got
	got=$(at r1 -j plan "$scratch/new.sluice") || return 1
	equal '["tcp.dst == 443 and in == lan1"]' \
	    "$(jq -c 'select(.object == "difference") | .parts[0].packets' <<< "$got")" "packets" &&
	equal "drop allow" "$(jq -r 'select(.object == "difference") | "\(.before) \(.after)"' <<< "$got")" \
	    "before and after" &&
	equal 1 "$(jq -s '[.[] | select(.object == "difference")] | length' <<< "$got")" "classes"
}
check "which packets, and how" plan_says

# Of 5,000 rules one line is another: the plan names that, and nothing else.
awk 'BEGIN {
	print "port wan = \"eth0\"; port lan = \"eth1\";\nroute main;\nfilter wan {"
	for (i = 0; i < 4999; i++)
		printf "%s if ip.src == 10.%d.%d.0/24 and ip.dst == 192.0.2.%d and tcp.dst == %d;\n",
		       i % 2 ? "drop" : "allow", i / 200, i % 200, i % 250, 22 + i % 7
	print "drop;\n}"
}' > "$scratch/large.sluice"
sed '2500s/^allow/drop/' "$scratch/large.sluice" > "$scratch/edited.sluice"
one_line() {
	local got
	got=$(sluice -j plan --brief --against "$scratch/large.sluice" "$scratch/edited.sluice") || return 1
	equal "allow drop 2500 2500 ip.src in 10.12.96.0/24 and ip.dst == 192.0.2.246 and tcp.dst == 26 and in == wan" \
	    "$(jq -r 'select(.object == "difference") | "\(.before) \(.after) \(.rules_before[].line) " +
		"\(.rules_after[].line) \(.parts[].packets[])"' <<< "$got")" "differences" &&
	equal 2 "$(jq -r 'select(.object == "text") | .diff' <<< "$got" | grep -c '^[-+][^-+]')" "lines of the diff"
}
check "of 5,000 rules one line" one_line
check "it has not changed what runs" equal "$first" "$(generation r1)" "generation"

# Objects of the store are part of what runs, before and after.
check "a static route" at r1 route add 10.9.0.0/16 discard
check "with objects, the same changes nothing" code 0 at r1 plan --exit-code "$scratch/same.sluice"

{ cat "$scratch/same.sluice"; echo "assert isolated lan1 -> lan2 if tcp.dst == 80;"; } > "$scratch/good.sluice"
{ cat "$scratch/same.sluice"; echo "assert isolated lan1 -> lan2 if tcp.dst in { 22, 80 };"; } > "$scratch/bad.sluice"
before=$(generation r1)
check "an assertion that holds" at r1 apply "$scratch/good.sluice"
check "it was committed" [ "$before" != "$(generation r1)" ]
before=$(generation r1)
check "one that does not is refused" fails_saying "this does not hold: a packet from lan1 can leave by lan2" \
    at r1 apply "$scratch/bad.sluice"
check "with a packet" fails_saying "hint: in=lan1 .*tcp.dst=22; it meets .*:[0-9]*: 'allow if tcp.dst == 22'" \
    at r1 apply "$scratch/bad.sluice"
check "what ran goes on" equal "$before" "$(generation r1)" "generation"
check "a plan says so, too" code 1 at r1 plan "$scratch/bad.sluice"
finish
