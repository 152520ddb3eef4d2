#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A link is pulled under load. The data path takes the backup from the next packet on, with sluiced
# stopped all the while: no packet is lost but what was on the link; without sluice, what the kernel's own
# convergence costs beside it. A link goes down in two ways: taken down on this side, and its
# carrier lost, since the other side went.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab failover;
host h1 { default via 10.0.1.1; }
host h2;
router r1;
link h1.eth0 10.0.1.2/24 -- r1.lan1 10.0.1.1/24;
link h2.eth0 10.0.2.2/24 -- r1.lan2 10.0.2.1/24;
link h2.eth1 10.0.3.2/24 -- r1.lan3 10.0.3.1/24;
END
rate=10000
mac=$(mac_of r1 lan1)

# How r1 sends packets for 10.9.0.0/16 on: by lan2, and by lan3 if lan2 is down.
by_metric() {
	on r1 ip route replace 10.9.0.0/16 via 10.0.2.2 metric 10
	on r1 ip route replace 10.9.0.0/16 via 10.0.3.2 metric 20
}
by_group() {
	on r1 ip route replace 10.9.0.0/16 nexthop via 10.0.2.2 nexthop via 10.0.3.2
}
by_static() { :; }
policy() {
	echo 'port one = "lan1"; port two = "lan2"; port three = "lan3"; route main;'
	[ "$1" != by_static ] || echo 'route 10.9.0.0/16 via 10.0.2.2 on two else 10.0.3.2 on three;'
}
reached() { on r1 ping -c 1 -W 1 10.0.2.2 && on r1 ping -c 1 -W 1 10.0.3.2; }

# Both links up, and the way on that $1 says; with sluiced, that it says so too.
ready() {
	on r1 ip link set lan2 up
	on h2 ip link set eth0 up
	on r1 ip route flush 10.9.0.0/16
	$1
	wait_for 10 reached || return 1
	[ -z "${daemon-}" ] || wait_for 10 eval \
		"at r1 -j route get 10.9.0.1 | jq -e '[.nexthops[] | select(.reason == \"forwarded\")] | length == 2'"
}
pull_here() { on r1 ip link set lan2 down; }
pull_there() { on h2 ip link set eth0 down; }

# lost WAY PULL: the packets that are, to $lost
lost() {
	local sent came
	ready "$1" || return 1
	[ -z "${daemon-}" ] || [ "$2" = - ] || kill -STOP "$daemon"
	receive h2 "$scratch/got" -i eth0,eth1 -t 20 -S 1 || return 1
	exec_on h1 sluice-lab send -i eth0 -d 10.9.0.1 -m "$mac" -r $rate -f 64 -S 1 -n $((rate / 2)) \
		> "$scratch/sent" &
	sleep 0.2
	[ "$2" = - ] || "$2"
	wait $!
	received
	[ -z "${daemon-}" ] || kill -CONT "$daemon"
	sent=$(jq .sent "$scratch/sent")
	came=$(($(got "$scratch/got" eth0 distinct) + $(got "$scratch/got" eth1 distinct)))
	lost=$((sent - came))
	shown="$1, pulled ${2/pull_/}: $lost of $sent lost, $(got "$scratch/got" eth1 distinct) by the other link"
	at_least 1000 "$(got "$scratch/got" eth1 distinct)" "by the other link"
}

# The kernel alone: shown, not judged. By default it goes on by a link without carrier for ever.
lost by_metric pull_here && diag "kernel: $shown"
on r1 sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=1 net.ipv4.conf.lan2.ignore_routes_with_linkdown=1
lost by_metric pull_there && diag "kernel: $shown"
lost by_group pull_there && diag "kernel: $shown"
on r1 sysctl -qw net.ipv4.conf.all.ignore_routes_with_linkdown=0 net.ipv4.conf.lan2.ignore_routes_with_linkdown=0

check "sluiced starts" start_daemon r1
# none_lost WAY PULL MOST: the frames on a link that is pulled there are the other side's to lose: up to MOST
none_lost() {
	policy "$1" > "$scratch/policy"
	at r1 apply "$scratch/policy" && lost "$1" "$2" || return 1
	[ "$lost" -le "$3" ] || { echo "$lost lost"; at r1 port show; on r1 ip -s link show; return 1; }
}
for way in by_metric by_group by_static; do
	check "$way: the port is taken down, sluiced stopped: nothing is lost" none_lost $way pull_here 0
	diag "sluice: $shown"
	check "$way: the carrier is lost, sluiced stopped: nothing but what was on the link" \
		none_lost $way pull_there 64
	diag "sluice: $shown"
done
# Told, too, it stays so; and is shown.
standby() {
	policy by_metric | at r1 apply - && ready by_metric || return 1
	at r1 route get 10.9.0.1
	at r1 route get 10.9.0.1 | grep -q 'via 10.0.2.2 dev lan2 backup via 10.0.3.2 dev lan3' || return 1
	pull_there
	wait_for 5 eval "at r1 route get 10.9.0.1 | grep -q 'standby via 10.0.3.2 dev lan3'" ||
	{ at r1 route get 10.9.0.1; return 1; }
}
check "route get says what stands by, and that it does" standby
finish
