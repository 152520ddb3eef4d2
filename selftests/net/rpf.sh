#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Reverse path filters against the kernel's own: two routers with the same routes between the same
# hosts, one with sluice's check, the other with rp_filter (IPv4) or nftables' fib expression (IPv6).
# What of a packet for each kind of source comes through must be the same, strict and loose.
. "$(dirname "$0")/lib.sh"
need ping tcpdump nft
in_lab <<END
lab rpf;
host h1 { }
host h2 { }
router rs {
	sluiced <<POLICY
		port lan = "in"; port wan = "out";
		route main { rpf strict on lan; }
	POLICY;
}
router rk { }
link h1.s 10.1.0.2/24 2001:db8:1::2/64 -- rs.in 10.1.0.1/24 2001:db8:1::1/64;
link h2.s 10.2.0.2/24 2001:db8:2::2/64 -- rs.out 10.2.0.1/24 2001:db8:2::1/64;
link h1.k 10.1.0.2/24 2001:db8:1::2/64 -- rk.in 10.1.0.1/24 2001:db8:1::1/64;
link h2.k 10.2.0.2/24 2001:db8:2::2/64 -- rk.out 10.2.0.1/24 2001:db8:2::1/64;
END

# Of several next hops nftables asks for one, by a hash: IPv6 multipath is tried apart.
# Sources: of the link; routed back by the port; by the other one; by both; by neither; refused
# routes; the router's own address; by a default route of the other port alone.
sources4="10.1.0.77 192.0.2.1 192.0.2.129 198.51.100.1 203.0.113.1 203.0.113.65 203.0.113.129 10.2.0.1 11.0.0.1"
sources6="2001:db8:1::77 2001:db8:10::1 2001:db8:11::1 2001:db8:13::1 2001:db8:14::1 \
2001:db8:15::1 2001:db8:2::1 2001:db8:99::1"
for r in rs rk; do
	on $r ip route add 192.0.2.0/25 via 10.1.0.2
	on $r ip route add 192.0.2.128/25 via 10.2.0.2
	on $r ip route add 198.51.100.0/24 nexthop via 10.1.0.2 nexthop via 10.2.0.2
	on $r ip route add blackhole 203.0.113.0/26
	on $r ip route add unreachable 203.0.113.64/26
	on $r ip route add prohibit 203.0.113.128/26
	on $r ip -6 route add 2001:db8:10::/48 via 2001:db8:1::2
	on $r ip -6 route add 2001:db8:11::/48 via 2001:db8:2::2
	on $r ip -6 route add 2001:db8:12::/48 nexthop via 2001:db8:1::2 nexthop via 2001:db8:2::2
	on $r ip -6 route add blackhole 2001:db8:13::/48
	on $r ip -6 route add unreachable 2001:db8:14::/48
	on $r ip -6 route add prohibit 2001:db8:15::/48
	on $r sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.in.rp_filter=0 net.ipv4.conf.out.rp_filter=0
done
# Of packets to one destination that are received at once the kernel checks the first one's source only
# (ip_route_use_hint(); seen in 6.18: up to 15 of 20,000 came through). Not where there are ip rules.
on rk ip rule add priority 32000 lookup main
on h2 sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.s.rp_filter=0 net.ipv4.conf.k.rp_filter=0
for way in s k; do
	for v in "-4 10" "-6 2001"; do
		read -r family _ <<< "$v"
		to=$([ "$way" = s ] && echo 1 || echo 2)
		if [ "$family" = -4 ]; then
			on h2 ip address add 172.16.0.$to/32 dev lo
			on h1 ip route add 172.16.0.$to/32 via 10.1.0.1 dev $way
			on r$way ip route add 172.16.0.$to/32 via 10.2.0.2
		else
			on h2 ip address add 2001:db8:fff::$to/128 dev lo
			on h1 ip -6 route add 2001:db8:fff::$to/128 via 2001:db8:1::1 dev $way
			on r$way ip -6 route add 2001:db8:fff::$to/128 via 2001:db8:2::2
		fi
	done
done
# The sources are h1's own addresses; what stands on its links cannot be.
for a in $sources4; do on h1 ip address add $a/32 dev lo; done
for a in $sources6 2001:db8:12::1; do on h1 ip address add $a/128 dev lo; done
for a in 10.1.0.2 10.2.0.2 2001:db8:1::2 2001:db8:2::2; do
	wait_for 10 on rs ping -c 1 -W 1 $a
done

# h1 would ask for the router with the source of its first packet, to which a strict kernel does not answer.
for way in s k; do
	mac=$(on r$way ip -j link show dev in | jq -r '.[0].address')
	on h1 ip neighbour replace 10.1.0.1 lladdr "$mac" dev $way nud permanent
done

# The sources that come through to h2, one a line: through WAY FAMILY
through() {
	local to sources pings=()
	case $2 in
	4) sources=$sources4 to=172.16.0.$([ "$1" = s ] && echo 1 || echo 2) ;;
	6) sources=$sources6 to=2001:db8:fff::$([ "$1" = s ] && echo 1 || echo 2) ;;
	esac
	rm -f "$scratch/$1.err"
	exec_on h2 tcpdump -i "$1" -Z root --immediate-mode -nU -w "$scratch/$1" "dst host $to" 2> "$scratch/$1.err" &
	local capture=$!
	wait_for 5 grep -q listening "$scratch/$1.err"
	for a in $sources; do
		on h1 ping -c 2 -i 0.1 -W 0.3 -q -I "$a" $to > /dev/null 2>&1 &
		pings+=($!)
	done
	wait "${pings[@]}"
	sleep 0.2
	kill $capture
	wait $capture 2> /dev/null
	tcpdump -nr "$scratch/$1" 2> /dev/null | awk '{ print $3 }' | sort -u
}

checks() {	# MODE rp_filter FIB
	sluice -n "$LAB.rs" apply - <<-END > /dev/null || return 1
		port lan = "in"; port wan = "out";
		route main { $1 }
	END
	on rk sysctl -qw net.ipv4.conf.in.rp_filter=$2
	on rk nft flush ruleset
	[ -z "$3" ] || on rk nft -f - <<-END
		table inet f {
			chain c {
				type filter hook prerouting priority 0;
				meta nfproto ipv6 iifname "in" $3 drop
			}
		}
	END
}
same_once() {	# FAMILY LEAST
	local kernel ours
	through k "$1" > "$scratch/kernel" &
	ours=$(through s "$1")
	wait $!
	kernel=$(cat "$scratch/kernel")
	equal "$kernel" "$ours" "sources that come through" &&
	equal "$2" "$(wc -l <<< "$ours")" "how many"
}
# A sample may be spoiled on a busy machine; what truly differs does so each time.
same() { same_once "$@" || same_once "$@" || same_once "$@"; }

check "strict" checks "rpf strict on lan;" 1 'icmpv6 type echo-request fib saddr . iif oif missing'
before=$(reason rs in rpf)
check "strict, IPv4: as rp_filter=1" same 4 3
check "strict, IPv6: as fib saddr . iif oif" same 6 2
several() {
	local sources6=2001:db8:12::1
	equal 2001:db8:12::1 "$(through s 6)" "what comes through"
}
check "strict, IPv6: one of several next hops is enough" several
check "what is dropped is counted" at_least 12 $(($(reason rs in rpf) - before))
check "loose" checks "rpf loose on lan;" 2 'icmpv6 type echo-request fib saddr oif missing'
check "loose, IPv4: as rp_filter=2" same 4 4
check "loose, IPv6: as fib saddr oif" same 6 3

# With a default route that leads to the port, strict lets all unknown in; anti-spoof does not.
for r in rs rk; do
	on $r ip route add default via 10.1.0.2
	on $r ip -6 route add default via 2001:db8:1::2
done
check "strict, with a default route" checks "rpf strict on lan;" 1 \
	'icmpv6 type echo-request fib saddr . iif oif missing'
check "strict with default, IPv4" same 4 4
check "strict with default, IPv6" same 6 3
check "anti-spoof" checks "anti-spoof on lan;" 0 ''
check "anti-spoof: as strict, and a default route is no way back" \
	equal "10.1.0.77 192.0.2.1 198.51.100.1" "$(through s 4 | xargs)"
finish
