#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Several tables at once: which one answers for a port is what the kernel's ip rules say; what sluice does
# not follow goes up, and is said.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab tables;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2 { default via 10.0.2.1; default via 2001:db8:2::1; }
host h3 { default via 10.0.3.1; default via 2001:db8:3::1; }
host h4 { default via 10.0.4.1; default via 2001:db8:4::1; }
router r1 {
	sluiced <<POLICY
		port lan1 = "lan1"; port lan2 = "lan2"; port wan3 = "wan3"; port wan4 = "wan4";
		route main;
		route table 10;
		route table 300 for lan2 limit ip4 1000 ip6 1000;
	POLICY;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan1 10.0.1.1/24 2001:db8:1::1/64;
link h2.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r1.lan2 10.0.2.1/24 2001:db8:2::1/64;
link h3.eth0 10.0.3.2/24 2001:db8:3::2/64 -- r1.wan3 10.0.3.1/24 2001:db8:3::1/64;
link h4.eth0 10.0.4.2/24 2001:db8:4::2/64 -- r1.wan4 10.0.4.1/24 2001:db8:4::1/64;
END

# One and the same network is behind h3 by table main, behind h4 by table 10, and behind both.
for h in h3 h4; do
	on $h ip address add 203.0.113.1/32 dev lo
	on $h ip address add 2001:db8:113::1/128 dev lo
done
on r1 ip route add 203.0.113.0/24 via 10.0.3.2
on r1 ip -6 route add 2001:db8:113::/48 via 2001:db8:3::2
for table in 10 300; do
	on r1 ip route add 203.0.113.0/24 via 10.0.4.2 table $table
	on r1 ip -6 route add 2001:db8:113::/48 via 2001:db8:4::2 table $table
done
on r1 ip route add blackhole 198.51.100.0/24 table 10

# The first packets teach the neighbours.
for h in h1 h2; do
	for to in 10.0.3.2 10.0.4.2 2001:db8:3::2 2001:db8:4::2; do
		wait_for 10 on $h ping -c 1 -W 1 $to
	done
done

sent_to() { at r1 -j port show "$1" | jq -r '.tx.packets'; }
# leaves FROM LAN TO PORT: ten packets from the host, all forwarded by XDP, leave by the port
leaves() {
	local before forwarded
	before=$(sent_to "$4") && forwarded=$(reason r1 "$2" forwarded) || return 1
	on "$1" ping -c 10 -i 0.01 -W 1 -q "$3" > /dev/null
	at_least 10 $(($(reason r1 "$2" forwarded) - forwarded)) "forwarded from $2" &&
	at_least 10 $(($(sent_to "$4") - before)) "sent by $4"
}
# goes_up FROM LAN TO REASON
goes_up() {
	local before
	before=$(reason r1 "$2" "$4") || return 1
	on "$1" ping -c 3 -i 0.01 -W 1 -q "$3" > /dev/null
	at_least 3 $(($(reason r1 "$2" "$4") - before)) "packets of $2 counted as $4"
}
says() { at r1 status | tee /dev/stderr | grep -q -e "$1"; }
says_not() { ! says "$1"; }

for v in 203.0.113.1 2001:db8:113::1; do
	wait_for 5 leaves h1 lan1 $v wan3
	check "by table main: $v" leaves h1 lan1 $v wan3
	wait_for 5 leaves h2 lan2 $v wan4
	check "by the table that the policy has for the port: $v" leaves h2 lan2 $v wan4
done
check "status says that no rule leads there" says "no ip rule leads packets of lan2 to table 300"
check "status says that table 10 is not asked" says "no packet of a port is looked up in table 10"

on r1 ip rule add pref 100 iif lan1 lookup 10
on r1 ip -6 rule add pref 100 iif lan1 lookup 10
on r1 ip rule add pref 110 iif lan2 lookup 300
for v in 203.0.113.1 2001:db8:113::1; do
	wait_for 5 leaves h1 lan1 $v wan4
	check "iif lookup 10: $v" leaves h1 lan1 $v wan4
done
check "what table 10 has not is main's" leaves h1 lan1 10.0.3.2 wan3
check "local addresses stay local" goes_up h1 lan1 10.0.1.1 local
check "table 10 is asked now" says_not "looked up in table 10"
check "route show table 10" sh -c "sluice -n $LAB.r1 route show table 10 | grep -q '203.0.113.0/24 via 10.0.4.2'"
check "route get table 10" sh -c "sluice -n $LAB.r1 route get table 10 203.0.113.7 | grep -q '10.0.4.2'"
check "route get by main" sh -c "sluice -n $LAB.r1 route get 203.0.113.7 | grep -q '10.0.3.2'"
check "no table of another number" fails_saying "does not route by table 11" at r1 route show table 11

# What is not followed.
on r1 ip rule add pref 50 from 10.0.1.2 to 203.0.113.0/25 lookup 77
wait_for 5 goes_up h1 lan1 203.0.113.1 ip_rule
check "a rule by source and destination: its packets go up" goes_up h1 lan1 203.0.113.1 ip_rule
check "others are forwarded" leaves h1 lan1 10.0.3.2 wan3
check "status names the rule" says "rule 50 (from 10.0.1.2 to 203.0.113.0/25 lookup 77) is not followed"
on r1 ip rule del pref 50
wait_for 5 leaves h1 lan1 203.0.113.1 wan4
check "gone with the rule" leaves h1 lan1 203.0.113.1 wan4

on r1 ip rule add pref 60 fwmark 7 lookup 77
wait_for 5 goes_up h2 lan2 203.0.113.1 ip_rule
check "a rule by mark may match any packet" goes_up h2 lan2 203.0.113.1 ip_rule
check "IPv6 has no such rule" leaves h2 lan2 2001:db8:113::1 wan4
on r1 ip rule del pref 60

on r1 ip rule add pref 90 iif lan1 lookup 77
wait_for 5 goes_up h1 lan1 203.0.113.1 other_table
check "a table that the policy has not" goes_up h1 lan1 203.0.113.1 other_table
check "is named" says "lookup 77) leads to a table that the policy does not route by"
check "other ports are not concerned" leaves h2 lan2 10.0.3.2 wan3
on r1 ip rule del pref 90
wait_for 5 leaves h1 lan1 203.0.113.1 wan4

# Routes come and go in a table.
on r1 ip route replace 203.0.113.0/24 via 10.0.3.2 table 10
wait_for 5 leaves h1 lan1 203.0.113.1 wan3
check "a changed route of table 10" leaves h1 lan1 203.0.113.1 wan3
on r1 ip route del 203.0.113.0/24 table 10
on r1 ip route replace 203.0.113.0/24 via 10.0.4.2
wait_for 5 leaves h1 lan1 203.0.113.1 wan4
check "a withdrawn one uncovers main's" leaves h1 lan1 203.0.113.1 wan4

# All rules gone: as if there had never been any.
on r1 ip rule del pref 100
on r1 ip -6 rule del pref 100
wait_for 5 says "looked up in table 10"
check "without rules table 10 is not asked" leaves h1 lan1 203.0.113.1 wan4
finish
