#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Before filters run, packets that show what they do go through the loaded program: how many, and what they
# cover, is said; they leave no trace in counters; the time that they may take is kept.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab witnesses;
host a { default via 10.0.1.1; }
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
END
# IPv6 would greet its neighbours in between, and be counted rightly.
for n in a r; do
	on $n sysctl -q -w net.ipv6.conf.all.disable_ipv6=1
done

says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
status() { at r -j status | jq -e "$1"; }

cat > "$scratch/edge.sluice" <<END
port left = "left";
set offenders : ip.src size 64;
filter left {
	count "all";
	drop if ip.src in offenders;
	police 100pps if udp.dst == 53;
	insert ip.src into offenders if tcp.dst == 23;
	allow if arp or icmp;
	allow if ip.src == 10.0.1.0/24 and tcp.dst in { 22, 80-90 };
	drop;
}
END

check "sluiced starts" start_daemon r
check "a policy is tried before it runs" says 'witnesses agree, all there are' at r apply "$scratch/edge.sluice"
check "how many packets it was, and that they went through the program" status \
	'.witnesses | .complete and .ran > 50 and .left == 0 and .rules_met == 7 and .cells == .cells_seen'
check "in words" says '^witnesses .* which stand for all there are' at r status
check "they were not counted" test "$(at r -j counter show "count all" | jq .packets)" = 0
check "nor inserted" test -z "$(at r -j set show offenders 2>&1 | jq -r 'select(.origin == "rule").element')"
check "rules have counted nothing" test "$(at r -j policy show --counters | jq -s '[.[].packets // 0] | add')" = 0
check "and what runs does what it says" on a ping -q -c 2 -i 0.1 -W 1 10.0.1.1
check "that is counted" test "$(at r -j counter show "count all" | jq .packets)" -ge 2

# A list that no time is enough for: what was covered is said, and it runs.
{
	echo 'port left = "left"; filter left {'
	for i in {0..999}; do
		do=allow
		[ $((i % 3)) != 0 ] || do=drop
		echo "	$do if ip.src == 10.$((i % 7)).$((i / 7)).0/24 and tcp.dst == $i;"
	done
	echo '	allow; }'
} > "$scratch/long.sluice"
check "a list of a thousand rules" says '1001 rules (.* witnesses agree' at r apply "$scratch/long.sluice"
check "the share that was covered is said" status '.witnesses | .rules_met > 900 and .cells_seen > 0'
check "in no more than its time" status '.witnesses.seconds < 4'

finish
