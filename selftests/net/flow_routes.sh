#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Heavy flows are shown with the routes that their ends are in and with their next hop: as "ip route get" says,
# and of several next hops the one that its packets came by. What tells flows apart there is the kernel's
# fib_multipath_hash_policy, also when it changes.
. "$(dirname "$0")/lib.sh"
in_lab <<'END'
lab annotate;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2;
router r1 {
	run <<ROUTES
		ip route add 198.18.0.0/15 nexthop via 10.0.8.2 nexthop via 10.0.9.2
		ip route add 203.0.113.0/24 via 10.0.9.2
		ip route add 203.0.113.128/25 via 10.0.8.2
		ip route add 198.51.100.0/24 via inet6 2001:db8:8::2 dev up1
		ip route add 2001:db8:5::/48 via 2001:db8:8::2
	ROUTES;
	sluiced <<POLICY
		port lan = "lan"; port one = "up1"; port two = "up2";
		route main;
		measure flows by (ip.src, ip.dst, ip.proto, l4.src, l4.dst) { threshold 1kBps; interval 1s; }
	POLICY;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link h2.eth0 10.0.8.2/24 2001:db8:8::2/64 -- r1.up1 10.0.8.1/24 2001:db8:8::1/64;
link h2.eth1 10.0.9.2/24 -- r1.up2 10.0.9.1/24;
END
neighbour() { on r1 ip neigh replace "$1" lladdr "$3" dev "$2" nud permanent; }
neighbour 10.0.8.2 up1 "$(mac_of h2 eth0)"
neighbour 2001:db8:8::2 up1 "$(mac_of h2 eth0)"
neighbour 10.0.9.2 up2 "$(mac_of h2 eth1)"

send() { on h1 sluice-lab send -i eth0 -m "$(mac_of r1 lan)" -l 1000 "$@"; }
# shown ADDRESS: the record of a flow to it; fetched ADDRESS: those of now are read, and it is among them
shown() { jq -c --arg to "$1" 'select(.object == "flow" and .key."ip.dst" == $to)' "$scratch/flows" | head -1; }
fetched() { at r1 -j flow show -l 0 > "$scratch/flows" && [ -n "$(shown "$1")" ]; }
# As the kernel says, word by word: source prefix, destination prefix, gateway, interface.
kernels() {
	local from=$1 to=$2 match
	match=$(on r1 ip -j route get fibmatch "$to" | jq -r '.[0] | "\(.dst) \(.gateway // .via.host // "") \(.dev)"')
	echo "$(on r1 ip -j route get fibmatch "$from" | jq -r '.[0].dst') $match"
}
as_kernel() {
	local from=10.0.1.2 wanted got
	[[ $1 != *:* ]] || from=2001:db8:1::2
	wanted=$(kernels $from "$1")
	wanted=${wanted/  / $1 }	# on the link: the neighbour itself
	got=$(shown "$1" | jq -r '"\(.source_prefix) \(.destination_prefix) \(.nexthop.via) \(.nexthop.interface)"')
	equal "$wanted" "$got" "$1"
}
ends=(203.0.113.9 203.0.113.200 198.51.100.7 10.0.9.2)
ready() { [ "$(at r1 -j route get 198.18.0.1 | jq '[.nexthops[] | select(.reason == "forwarded")] | length')" = 2 ]; }
check "routes are there" wait_for 10 ready
all_as_kernel() {
	send -d "$(IFS=,; echo "${ends[*]}")" -n 400 -f 4 > /dev/null && send -d 2001:db8:5::1 -n 100 > /dev/null &&
	wait_for 2 fetched 2001:db8:5::1 &&
	for to in "${ends[@]}" 2001:db8:5::1; do as_kernel "$to" || return 1; done
}
check "prefixes and next hops are the kernel's" wait_for 12 all_as_kernel
shows() { at r1 flow show -l 0 | grep "203.0.113.200:5001 *10.0.1.0/24 *203.0.113.128/25 *10.0.8.2 one"; }
check "so does the table" wait_for 6 eval 'send -d 203.0.113.200 -n 100 > /dev/null; sleep 1; shows'

# Of many flows by a group: packets that the records say came by a next hop, and those that did.
# by VIA: packets of flows that are shown with it
by() {
	jq -s --arg via "$1" \
		'[.[] | select(.key."ip.dst"? == "198.18.0.1" and .nexthop.via == $via) | .packets] | add // 0' \
		"$scratch/flows"
}
as_received() {
	receive h2 "$scratch/got" -i eth0,eth1 -S 1 || return 1
	send -d 198.18.0.1 -f 24 -z 0.7 -n 600 -S 1 > "$scratch/sent"
	received
	wait_for 2 fetched 198.18.0.1 || return 1
	one=$(got "$scratch/got" eth0 distinct) two=$(got "$scratch/got" eth1 distinct)
	equal 600 $((one + two)) received || return 1
	# An interval may end in between: then again.
	equal "$one" "$(by 10.0.8.2)" "by the first" && equal "$two" "$(by 10.0.9.2)" "by the second"
}
both() { as_received && at_least 1 "$one" "the first" && at_least 1 "$two" "the second"; }
one_way() { as_received && equal 0 $((one * two)) "flows of one pair of addresses, by both"; }
check "by ports: flows go both ways, each as is shown" wait_for 15 both
on r1 sysctl -qw net.ipv4.fib_multipath_hash_policy=0
check "by addresses: all go one way, as is shown" wait_for 15 one_way
check "and nothing is to be said" eval '! at r1 status | grep hash_policy'
on r1 sysctl -qw net.ipv4.fib_multipath_hash_policy=2
said() { at r1 status | grep "net.ipv4.fib_multipath_hash_policy is 2"; }
check "what is not followed is said" wait_for 5 said
on r1 sysctl -qw net.ipv4.fib_multipath_hash_policy=1
check "by ports again" wait_for 15 both
finish
