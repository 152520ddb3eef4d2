#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The kernel's nexthop objects, groups of them, resilient ones with the kernel's own buckets; the
# gateways of the other family; routes with an MTU, by encapsulation, and those that send nothing on.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab nexthops;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2;
router r1 {
	sysctl net.ipv4.icmp_ratelimit 0;
	sluiced <<POLICY
		port one = "lan1"; port two = "lan2"; port three = "lan3"; port four = "lan4";
		route main;
	POLICY;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan1 10.0.1.1/24 2001:db8:1::1/64;
link h2.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r1.lan2 10.0.2.1/24 2001:db8:2::1/64;
link h2.eth1 10.0.3.2/24 -- r1.lan3 10.0.3.1/24;
link h2.eth2 10.0.4.2/24 -- r1.lan4 10.0.4.1/24;
END
for i in 2 3 4; do
	on r1 ip neigh replace 10.0.$i.2 lladdr "$(mac_of h2 eth$((i - 2)))" dev lan$i nud permanent
	on r1 ip nexthop add id $i via 10.0.$i.2 dev lan$i
done
on r1 ip neigh replace 2001:db8:2::2 lladdr "$(mac_of h2 eth0)" dev lan2 nud permanent
on h2 ip addr add 10.9.0.1/16 dev lo
on h2 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth1.rp_filter=0 net.ipv4.conf.eth2.rp_filter=0

# What sluice has for an address: "interface buckets" lines, by interface.
has() {
	at r1 -j route get 10.9.0.1 |
		jq -r '.nexthops[] | select(.backup | not) | "\(.interface) \(.buckets)"' | sort
}
# The same of the kernel's resilient group 10.
kernels() {
	on r1 ip -j nexthop bucket show id 10 | jq -r '.[].bucket.nhid' | sort | uniq -c |
		awk '{ print "lan" $2, $1 }' | sort
}

on r1 ip nexthop add id 10 group 2/3/4
on r1 ip route add 10.9.0.0/16 nhid 10
three() {
	has | awk '{ n += $2; k[$1] = $2 }
		END { for (i in k) if (k[i] * 3 < n * .97 || k[i] * 3 > n * 1.03) exit 1; exit NR != 3 }'
}
check "a group of three, in equal parts" wait_for 5 three
on r1 ip nexthop replace id 10 group 2,1/3,2/4,5
weights() {
	has | awk '{ n += $2; k[$1] = $2 }
		END { exit !(k["lan2"] * 8 == n && k["lan3"] * 4 == n && k["lan4"] * 8 == n * 5) }'
}
check "weights 1, 2 and 5" wait_for 5 weights
on r1 ip nexthop del id 4
check "a member goes" wait_for 5 eval '! has | grep -q lan4'
on r1 ip nexthop add id 4 via 10.0.4.2 dev lan4

resilient() {
	on r1 ip nexthop del id 10
	on r1 ip nexthop add id 10 group 2/3/4 type resilient buckets "$1" idle_timer 0
	on r1 ip route add 10.9.0.0/16 nhid 10
}
as_kernel() { diff <(kernels) <(has); }
if resilient 32 2> /dev/null; then
	check "a resilient group: the kernel's buckets" wait_for 5 as_kernel
	on r1 ip nexthop replace id 10 group 2,1/3,6/4,1 type resilient
	check "other weights: the kernel moves buckets, so do we" wait_for 5 as_kernel
	check "and they are as the weights say" wait_for 5 eval 'has | grep -q "lan3 24"'
	on r1 ip nexthop del id 3
	check "a member goes: the kernel gives its buckets away" wait_for 5 eval 'as_kernel && ! has | grep -q lan3'
	on r1 ip nexthop add id 3 via 10.0.3.2 dev lan3
	on r1 ip nexthop replace id 10 group 2/3/4 type resilient
	check "and comes back" wait_for 5 eval 'as_kernel && has | grep -q lan3'
else
	skip "resilient groups" "this kernel has none"
fi
on r1 ip route del 10.9.0.0/16

# Gateways of the other family, and MTUs.
by_xdp() {
	local before after
	before=$(reason r1 lan1 "$1") && "${@:2}" || return 1
	after=$(reason r1 lan1 "$1")
	at_least 1 $((after - before)) "packets of lan1 counted as $1"
}
pings() { on h2 ip route replace 10.0.1.0/24 via 10.0.2.1 && on h1 ping -c 2 -i 0.05 -W 1 "$@" 10.9.0.1; }
on r1 ip route add 10.9.0.0/16 via inet6 2001:db8:2::2 dev lan2
check "an IPv4 route by an IPv6 gateway" wait_for 5 by_xdp forwarded pings
on r1 ip route replace 10.9.0.0/16 via 10.0.2.2 mtu lock 1000
too_long() {
	local heard
	on h1 ip route flush cache
	heard=$(pings -M do -s 1000)
	echo "$heard"
	grep "mtu = 1000" <<< "$heard"
}
check "a route's MTU: what is longer is answered" wait_for 5 by_xdp too_big too_long
on r1 ip route replace 10.9.0.0/16 via 10.0.2.2 onlink dev lan2
check "a gateway that is said to be on the link" wait_for 5 by_xdp forwarded pings

# Routes that send nothing on: as the kernel answers.
# answer ADDRESS WORDS: what is heard of a packet to it. The kernel says so a few times, then once a second.
answer() {
	local heard
	heard=$(on h1 ping -c 1 -W 1 "$1" 2>&1)
	echo "$heard"
	grep -i "$2" <<< "$heard"
}
on r1 ip route add unreachable 10.20.0.0/16
on r1 ip route add prohibit 10.21.0.0/16
on r1 ip route add blackhole 10.22.0.0/16
check "unreachable: the stack says so" wait_for 5 by_xdp reject answer 10.20.0.1 "Host Unreachable"
check "prohibit: the stack says so" wait_for 5 by_xdp reject answer 10.21.0.1 "filtered"
check "blackhole: nobody says anything" wait_for 5 by_xdp blackhole eval '! answer 10.22.0.1 "from 10.0.1.1"'

# By encapsulation: the stack does it, and status says so.
if on r1 ip route add 10.23.0.0/16 encap ip id 7 dst 10.0.2.2 dev lan2 2> "$scratch/encap"; then
	check "a route that encapsulates is left to the stack" wait_for 5 eval \
		"at r1 route get 10.23.0.1 | grep -q encap"
	check "and status says so" wait_for 5 eval "at r1 status | grep -q 'encapsulate'"
else
	skip "encapsulation" "$(head -1 "$scratch/encap")"
fi

# What the kernel knows of a neighbour, and whether that is refreshed.
known() { at r1 -j route get 10.9.0.1 | jq -r '.nexthops[0].neighbour'; }
check "a permanent neighbour is one" equal permanent "$(known)"
on r1 sysctl -qw net.ipv4.neigh.lan2.base_reachable_time_ms=1000 net.ipv4.neigh.lan2.delay_first_probe_time=1
# What the other end asks for by itself would tell, too.
on h2 ip neigh replace 10.0.2.1 lladdr "$(mac_of r1 lan2)" dev eth0 nud permanent
on r1 ip neigh change 10.0.2.2 dev lan2 nud stale
check "a stale one" wait_for 5 eval '[ "$(known)" = stale ]'
sleep 1.2
check "that nothing is sent to stays so" equal stale "$(known)"
refreshed() {
	on h1 ping -q -i 0.2 -c 25 10.9.0.1 > /dev/null &
	wait_for 5 eval '[[ "$(known)" = @(delay|probe|reachable) ]]'
	kill $!
}
check "and is asked for when packets go there, past the kernel" refreshed
# One that has moved without a word: asked for, it answers with its new address.
on r1 ip neigh change 10.0.2.2 dev lan2 lladdr 02:00:00:00:09:09 nud stale
its_mac() { at r1 -j route get 10.9.0.1 | jq -r '.nexthops[0].mac'; }
moved() {
	wait_for 5 eval '[ "$(its_mac)" = 02:00:00:00:09:09 ]' || return 1
	on h1 ping -q -i 0.2 -c 60 10.9.0.1 > /dev/null &
	wait_for 12 eval '[ "$(its_mac)" = "$(mac_of h2 eth0)" ]'
	kill $!
}
check "one that is somewhere else now is found" moved
finish
