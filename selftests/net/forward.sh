#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One router with sluice: what a user's tools see through it, both families, and that the packets
# went by XDP and not by the kernel.
. "$(dirname "$0")/lib.sh"
need ping traceroute iperf3
in_lab <<END
lab forward;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2 { default via 10.0.2.1; default via 2001:db8:2::1; exec "iperf3 -s"; }
host h3 { default via 10.0.3.1; default via 2001:db8:3::1; exec "iperf3 -s"; }
router r1 {
	# All errors that a test provokes shall be answered.
	sysctl net.ipv4.icmp_ratelimit 0;
	sysctl net.ipv6.icmp.ratelimit 0;
	sluiced <<POLICY
		port lan1 = "lan1";
		port lan2 = "lan2";
		port lan3 = "lan3";
		route main;
	POLICY;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan1 10.0.1.1/24 2001:db8:1::1/64 mtu 9000;
link h2.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r1.lan2 10.0.2.1/24 2001:db8:2::1/64 mtu 9000;
link h3.eth0 10.0.3.2/24 2001:db8:3::2/64 -- r1.lan3 10.0.3.1/24 2001:db8:3::1/64 mtu 1400;
END

# A long frame, of several buffers, goes by the stack where the kernel redirects none, and status says so.
long_by_stack=$(at r1 status | grep -c "frames of several buffers")
forwarded() {
	[ "$long_by_stack" = 0 ] && reason r1 lan1 forwarded ||
		echo $(($(reason r1 lan1 forwarded) + $(reason r1 lan1 buffers)))
}
# by_xdp COUNT COMMAND...: it succeeds, and at least so many packets were forwarded from lan1
by_xdp() {
	local before after
	before=$(forwarded) || return 1
	"${@:2}" || return 1
	after=$(forwarded) || return 1
	at_least "$1" $((after - before)) "packets forwarded from lan1"
}
# counted REASON COMMAND...: it succeeds, and packets of lan1 were counted under the reason
counted() {
	local before after
	before=$(reason r1 lan1 "$1") || return 1
	"${@:2}" || return 1
	after=$(reason r1 lan1 "$1") || return 1
	at_least 1 $((after - before)) "packets of lan1 counted as $1"
}

native() { equal native "$(at r1 -j port show lan1 | jq -r .mode)" "the mode of lan1"; }
check "native XDP on veth" native

for v in "v4 10.0.2.2" "v6 2001:db8:2::2"; do
	read -r family to <<< "$v"
	# The first ones teach the kernel its neighbours, and sluice hears of them.
	wait_for 10 by_xdp 1 on h1 ping -c 1 -W 1 $to
	check "ping $family" by_xdp 20 on h1 ping -c 20 -i 0.01 -W 2 -q $to
	check "ping $family with 8000 bytes" by_xdp 5 \
		on h1 ping -c 5 -i 0.05 -W 2 -q -s 8000 -M do $to
done

for v in "v4 10.0.2.2 10.0.1.1" "v6 2001:db8:2::2 2001:db8:1::1"; do
	read -r family to router <<< "$v"
	hops() {
		local out
		out=$(on h1 traceroute -n -q 2 -w 2 -m 5 $to) || return 1
		echo "$out"
		equal "$router" "$(awk '$1 == 1 { print $2 }' <<< "$out")" "the first hop" &&
		equal "$to" "$(awk '$1 == 2 { print $2 }' <<< "$out")" "the second hop"
	}
	check "traceroute $family: TTL exceeded is answered" counted ttl hops
done

for v in "v4 10.0.3.2 28" "v6 2001:db8:3::2 48"; do
	read -r family to headers <<< "$v"
	wait_for 10 on h1 ping -c 1 -W 1 $to
	too_big() {
		local out
		out=$(on h1 ping -c 2 -i 0.2 -W 2 -M do -s $((1401 - headers)) $to)
		echo "$out"
		grep -qi 'mtu[ =:]*1400' <<< "$out"
	}
	fits() { on h1 ping -c 2 -i 0.1 -W 2 -M do -s $((1400 - headers)) $to; }
	check "path MTU $family: 1400 bytes fit" by_xdp 2 fits
	check "path MTU $family: 1401 are too big, which is answered" counted too_big too_big
	learned() { on h1 ip route get $to | tee /dev/stderr | grep -q 'mtu 1400'; }
	check "path MTU $family: the sender has learned it" learned
	check "TCP $family over the small MTU" by_xdp 100 on h1 iperf3 -c $to -n 2M
done

for v in "v4 10.0.2.2" "v6 2001:db8:2::2"; do
	read -r family to <<< "$v"
	wait_for 10 on h1 iperf3 -c $to -n 1K
	check "iperf3 TCP $family" by_xdp 1000 on h1 iperf3 -c $to -n 30M
	check "iperf3 TCP $family, the other way" by_xdp 100 on h1 iperf3 -R -c $to -n 30M
	udp() {
		local out
		out=$(on h1 iperf3 -J -u -w 4M -l 1200 -b 20M -t 1 -c $to) || { echo "$out"; return 1; }
		jq .end.sum <<< "$out"
		jq -e '.end.sum.packets > 1000 and .end.sum.lost_packets * 20 <= .end.sum.packets' \
			<<< "$out"
	}
	check "iperf3 UDP $family: under 5 % lost at 20 Mbit/s" by_xdp 1000 udp
done

# Frame by frame: each once, TTL one less, from the router's address, counted at both ends.
for v in "v4 10.0.2.2" "v6 2001:db8:2::2"; do
	read -r family to <<< "$v"
	each_once() {
		local tx0 tx1
		tx0=$(at r1 -j port show lan2 | jq .tx.packets)
		receive h2 "$scratch/got" -i eth0 -n 5000 -t 20 -q 0.3 -S 9 || return 1
		on h1 sluice-lab send -i eth0 -d $to -m "$(mac_of r1 lan1)" -n 5000 -r 10000 -f 16 \
			-S 9 || return 1
		wait $receiver
		tx1=$(at r1 -j port show lan2 | jq .tx.packets)
		got_all "$scratch/got" eth0 5000 &&
		jq -e --arg mac "$(mac_of h2 eth0)" \
			'.marks | length == 1 and .[0].ttl == 63 and .[0].mac == $mac' "$scratch/got" &&
		at_least 5000 $((tx1 - tx0)) "packets counted out of lan2"
	}
	check "5000 frames $family, each once, TTL 63" by_xdp 5000 each_once
done

port_down() {
	on r1 ip link set dev lan3 down
	sleep 0.2
	! on h1 ping -c 2 -i 0.1 -W 1 10.0.3.2 || return 1
	on r1 ip link set dev lan3 up
	wait_for 10 on h1 ping -c 1 -W 1 10.0.3.2
}
check "a port goes down and comes back" port_down
after_down() { wait_for 5 by_xdp 5 on h1 ping -c 5 -i 0.05 -W 1 10.0.3.2; }
check "and is forwarded to again" after_down
finish
