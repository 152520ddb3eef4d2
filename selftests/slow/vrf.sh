#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# VRF devices: which table answers follows the device a port is in, the network of one VRF may be another's,
# and a port moves from one VRF to another under way. Runs where the kernel has VRFs: in a guest,
#	selftests/vm/boot bash selftests/slow/vrf.sh
. "$(dirname "$0")/../net/lib.sh"
need ping
ip link add sluice-vrf-try type vrf table 4242 2> /dev/null || skip_all "this kernel has no VRF devices"
ip link del sluice-vrf-try
in_lab <<END
lab vrf;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h3 { default via 10.0.3.1; default via 2001:db8:3::1; }
host h4 { default via 10.0.4.1; default via 2001:db8:4::1; }
router r1 { sluiced; }
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.red1 ;
link h3.eth0 10.0.3.2/24 2001:db8:3::2/64 -- r1.red3 ;
link h2.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.blue1 ;
link h4.eth0 10.0.4.2/24 2001:db8:4::2/64 -- r1.blue4 ;
END

on r1 ip link add red type vrf table 10
on r1 ip link add blue type vrf table 20
for vrf in red blue; do
	on r1 ip link set $vrf up
done
join() {	# PORT VRF NETWORK
	on r1 ip link set "$1" master "$2"
	on r1 ip address add 10.0.$3.1/24 dev "$1"
	on r1 ip -6 address add 2001:db8:$3::1/64 dev "$1" nodad
}
join red1 red 1
join red3 red 3
join blue1 blue 1
join blue4 blue 4
# One network, in both VRFs, behind another host.
on h3 ip address add 203.0.113.1/32 dev lo
on h4 ip address add 203.0.113.1/32 dev lo
on h3 ip address add 2001:db8:113::1/128 dev lo
on h4 ip address add 2001:db8:113::1/128 dev lo
on r1 ip route add 203.0.113.0/24 via 10.0.3.2 vrf red
on r1 ip route add 203.0.113.0/24 via 10.0.4.2 vrf blue
on r1 ip -6 route add 2001:db8:113::/48 via 2001:db8:3::2 vrf red
on r1 ip -6 route add 2001:db8:113::/48 via 2001:db8:4::2 vrf blue
apply r1 <<END
	port red1 = "red1"; port red3 = "red3"; port blue1 = "blue1"; port blue4 = "blue4";
	route main;
	route vrf red table 10 { rpf strict on red1; }
	route vrf blue table 20;
END
sent_by() { at r1 -j port show "$1" | jq -r '.tx.packets'; }
leaves() {	# FROM PORT TO PORT: packets by XDP, echoed
	local before forwarded
	before=$(sent_by "$4") && forwarded=$(reason r1 "$2" forwarded) || return 1
	on "$1" ping -c 5 -i 0.05 -W 2 -q "$3" || return 1
	at_least 5 $(($(reason r1 "$2" forwarded) - forwarded)) "forwarded from $2" &&
	at_least 5 $(($(sent_by "$4") - before)) "sent by $4"
}
for to in 203.0.113.1 2001:db8:113::1; do
	wait_for 20 leaves h1 red1 $to red3
	check "red: $to" leaves h1 red1 $to red3
	wait_for 20 leaves h2 blue1 $to blue4
	check "blue: $to" leaves h2 blue1 $to blue4
done
check "route get vrf" sh -c "sluice -n $LAB.r1 route get vrf blue 203.0.113.9 | grep 10.0.4.2"
check "nothing is left to the kernel" sh -c "! sluice -n $LAB.r1 status | grep -e 'ip rule' -e 'VRF device'"
# A leak: blue's route leaves by a port of red.
on r1 ip route replace 203.0.113.0/24 via 10.0.3.2 dev red3 table 20
leaked() {
	local before
	before=$(sent_by red3)
	on h2 ping -c 3 -i 0.05 -W 1 -q 203.0.113.1
	at_least 3 $(($(sent_by red3) - before)) "sent by red3"
}
wait_for 10 leaked
check "a leak leaves by the other VRF's port" leaked
# The port moves: it is routed by the other table at once.
on r1 ip route replace 203.0.113.0/24 via 10.0.4.2 table 20
on r1 ip link set blue1 nomaster
on r1 ip link set blue1 down
on r1 ip link set blue1 up
goes_up() {
	local before
	before=$(reason r1 blue1 forwarded)
	on h2 ping -c 3 -i 0.05 -W 1 -q 203.0.113.1
	equal "$before" "$(reason r1 blue1 forwarded)" "forwarded"
}
wait_for 10 goes_up
check "out of the VRF its routes do not answer" goes_up
on r1 ip link set blue1 master blue
wait_for 20 leaves h2 blue1 203.0.113.1 blue4
check "back in it they do" leaves h2 blue1 203.0.113.1 blue4
finish
