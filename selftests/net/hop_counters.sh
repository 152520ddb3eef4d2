#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "count next-hops": what is forwarded is counted by neighbour and interface, to the packet and the byte,
# each member of a group on its own; what the stack gets is not. In both modes; over commits, changes of
# neighbours and routes, and a new daemon.
. "$(dirname "$0")/lib.sh"
in_lab <<'END'
lab hops;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2;
router r1 {
	run <<ROUTES
		ip route add 198.18.0.0/15 nexthop via 10.0.8.2 nexthop via 10.0.9.2
		ip route add 203.0.113.0/24 via 10.0.9.2
		ip route add 198.51.100.0/24 via inet6 2001:db8:8::2 dev up1
		ip route add 2001:db8:5::/48 via 2001:db8:8::2
	ROUTES;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link h2.eth0 10.0.8.2/24 2001:db8:8::2/64 -- r1.up1 10.0.8.1/24 2001:db8:8::1/64;
link h2.eth1 10.0.9.2/24 -- r1.up2 10.0.9.1/24;
END
# neighbour ADDRESS PORT MAC
neighbour() { on r1 ip neigh replace "$1" lladdr "$3" dev "$2" nud permanent; }
neighbour 10.0.8.2 up1 "$(mac_of h2 eth0)"
neighbour 2001:db8:8::2 up1 "$(mac_of h2 eth0)"
neighbour 10.0.9.2 up2 "$(mac_of h2 eth1)"

# count [MODE [STATEMENT]]: applies a policy
count() {
	printf '%s\n' "port lan = \"lan\" mode ${1-native}; port one = \"up1\" mode ${1-native};" \
		"port two = \"up2\" mode ${1-native}; route main; ${2-count next-hops;}" > "$scratch/policy"
	at r1 apply "$scratch/policy"
}
# send COUNT ADDRESS [OPTION...]: frames of 100 bytes
send() {
	on h1 sluice-lab send -i eth0 -m "$(mac_of r1 lan)" -n "$1" -d "$2" -l 100 "${@:3}"
}
# counted PACKETS NEXTHOP INTERFACE: so many, of 100 bytes each
counted() {
	local got
	got=$(at r1 -j counter show "nexthop $2 $3" | jq -r '"\(.packets) \(.bytes)"')
	equal "$1 $((100 * $1))" "$got" "$2"
}
# What was seen to arrive by the two members, and the counters, which go on from one call to the next.
one=0 two=0 six=0
all_counted() { counted $one 10.0.8.2 up1 && counted $two 10.0.9.2 up2 && counted $six 2001:db8:8::2 up1; }
# spread COUNT: many flows by the group, received at both ends
spread() {
	local a b
	receive h2 "$scratch/got" -i eth0,eth1 -S 1 -n "$1" || return 1
	send "$1" 198.18.0.1,198.19.0.1 -f 32 -S 1 || return 1
	received
	a=$(got "$scratch/got" eth0 distinct) b=$(got "$scratch/got" eth1 distinct)
	equal "$1" $((a + b)) "received" && at_least 1 "$a" "by the first" &&
		at_least 1 "$b" "by the second" || return 1
	one=$((one + a)) two=$((two + b))
}

check "a daemon" start_daemon r1
for mode in native generic; do
	check "$mode: a policy that counts" count $mode
	check "$mode: what was counted goes on" eval "[ $mode = native ] || all_counted"
	check "$mode: packets by a group" spread 400
	check "$mode: by one next hop alone" send 30 203.0.113.9
	check "$mode: of IPv4 by a neighbour of IPv6" send 10 198.51.100.1
	check "$mode: of IPv6 by the same one" send 7 2001:db8:5::1
	check "$mode: that the stack gets" send 5 203.0.113.9 -T 1
	two=$((two + 30)) six=$((six + 17))
	check "$mode: counters are what arrived" wait_for 5 all_counted
done

neighbour 10.0.9.2 up2 02:00:00:00:09:09
moved() { [ "$(at r1 -j route get 203.0.113.9 | jq -r '.nexthops[0].mac')" = 02:00:00:00:09:09 ]; }
check "a neighbour has another address" wait_for 5 moved
check "a packet to it" send 1 203.0.113.9
two=$((two + 1))
check "its counter goes on" wait_for 5 all_counted

on r1 ip route del 203.0.113.0/24
on r1 ip route replace 198.18.0.0/15 via 10.0.8.2
check "no route leads there" wait_for 5 eval '! at r1 route show | grep -q "via 10.0.9.2 "'
check "packets by the one that is left" send 20 198.18.0.1
one=$((one + 20))
check "the other's counter stays" wait_for 5 all_counted
on r1 ip route add 203.0.113.0/24 via 10.0.9.2
check "a route leads there again" wait_for 5 eval 'at r1 route show | grep -q "via 10.0.9.2 "'

check "a daemon that dies" end_daemon KILL
check "meanwhile packets" send 3 203.0.113.9
two=$((two + 3))
check "another one" start_daemon r1
check "finds the counts" wait_for 10 all_counted
check "packets" send 2 203.0.113.9
two=$((two + 2))
check "and counts on" wait_for 5 all_counted
all_shown() {
	equal "nexthop 10.0.8.2 up1,nexthop 10.0.9.2 up2,nexthop 2001:db8:8::2 up1" \
		"$(at r1 -j counter show | jq -r 'select(.name | startswith("nexthop")) | .name' | sort | paste -sd,)"
}
check "all are shown" all_shown

check "nothing is counted any more" count native ""
check "nor shown" fails_saying "no counter" at r1 counter show "nexthop 10.0.9.2 up2"
finish
