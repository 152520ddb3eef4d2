#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Five routers with FRR: OSPF for both families within, BGP over it, BFD beside it; prefixes of an
# upstream come in at one corner, recursive by next hops that OSPF reaches, partly by two ways. They
# converge; a link loses its carrier; it comes back; another one fails without a word, and BFD finds it. After each,
# on each router, for each prefix: every packet goes where the kernel would send it.
#
#	h1 - r1 --- r2 ------ r5 - isp
#	     |      |          |
#	     r3 --- r4 --------'
#
# A minute, most of it the protocols' own.
. "$(dirname "$0")/../net/lib.sh"
need vtysh bird birdc nft ping
for daemon in zebra ospfd ospf6d bgpd bfdd; do
	[ -x /usr/lib/frr/$daemon ] || skip_all "FRR's $daemon is not installed"
done

links="12 13 24 34 25 45"
table=$top/build/rib/reconverge
if [ -z "${LAB-}" ]; then
	mkdir -p "$top/build/rib"
	sluice-lab rib 1500 500 9 > "$table"
fi

ports() { for l in $links; do case $l in $1?) echo "${l#?}" ;; ?$1) echo "${l%?}" ;; esac; done; }

# Each link's OSPF timers are the shortest; BFD says it sooner still.
ospf() {
	local port
	for port in $(ports "$1"); do
		cat <<-END
		interface to$port
		 ip ospf area 0
		 ip ospf network point-to-point
		 ip ospf cost 10
		 ip ospf hello-interval 1
		 ip ospf dead-interval 3
		 ip ospf bfd
		 ipv6 ospf6 area 0
		 ipv6 ospf6 network point-to-point
		 ipv6 ospf6 cost 10
		 ipv6 ospf6 hello-interval 1
		 ipv6 ospf6 dead-interval 3
		 ipv6 ospf6 bfd
		exit
		END
	done
	cat <<-END
	interface lo
	 ip ospf area 0
	 ipv6 ospf6 area 0
	exit
	router ospf
	 ospf router-id 10.255.0.$1
	 timers throttle spf 10 100 1000
	exit
	router ospf6
	 ospf6 router-id 10.255.0.$1
	 timers throttle spf 10 100 1000
	exit
	END
}
# r5 reflects to the others what it learns, with itself for the next hop.
bgp() {
	local i peers="10.255.0.5 2001:db8:ff::5"
	[ "$1" != 5 ] || peers=$(for i in 1 2 3 4; do echo "10.255.0.$i 2001:db8:ff::$i"; done)
	echo "router bgp 65000"
	echo " bgp router-id 10.255.0.$1"
	echo " no bgp ebgp-requires-policy"
	echo " no bgp default ipv4-unicast"
	echo " bgp bestpath as-path multipath-relax"
	for i in $peers; do
		echo " neighbor $i remote-as 65000"
		echo " neighbor $i update-source lo"
		echo " neighbor $i timers connect 1"
	done
	[ "$1" != 5 ] || for i in 10.9.0.2 2001:db8:9::2; do
		echo " neighbor $i remote-as 65009"
		echo " neighbor $i timers connect 1"
	done
	echo " address-family ipv4 unicast"
	for i in $peers; do [[ $i = *:* ]] || echo "  neighbor $i activate"; done
	[ "$1" != 5 ] || {
		for i in $peers; do
			[[ $i = *:* ]] || printf '  neighbor %s %s\n' $i next-hop-self $i route-reflector-client
		done
		echo "  neighbor 10.9.0.2 activate"
	}
	[ "$1" != 1 ] || echo "  network 10.1.0.0/24"
	echo " exit-address-family"
	echo " address-family ipv6 unicast"
	for i in $peers; do [[ $i != *:* ]] || echo "  neighbor $i activate"; done
	[ "$1" != 5 ] || {
		for i in $peers; do
			[[ $i != *:* ]] || printf '  neighbor %s %s\n' $i next-hop-self $i route-reflector-client
		done
		echo "  neighbor 2001:db8:9::2 activate"
	}
	[ "$1" != 1 ] || echo "  network 2001:db8:1::/64"
	echo " exit-address-family"
	echo exit
}
bfd() { printf 'bfd\n profile default\n exit\nexit\n'; }
router() {
	local port
	echo "router r$1 {"
	echo "	loopback 10.255.0.$1/32 2001:db8:ff::$1/128;"
	echo "	sluiced <<POLICY"
	for port in $(ports "$1"); do echo "		port to$port = \"to$port\";"; done
	[ "$1" != 1 ] || echo '		port lan = "lan";'
	[ "$1" != 5 ] || echo '		port uplink = "uplink";'
	echo "		route main;"
	echo "	POLICY;"
	echo "	frr zebra, bfdd, ospfd, ospf6d, bgpd <<FRR"
	ospf "$1"
	bgp "$1"
	echo "	FRR;"
	echo "}"
}

in_lab <<END
lab reconverge;
host h1 { default via 10.1.0.1; default via 2001:db8:1::1; }
host isp {
	default via 10.9.0.1; default via 2001:db8:9::1;
	announce table "$table" via 10.9.0.2, 2001:db8:9::2;
	bird <<BIRD
		router id 10.9.0.2;
		protocol device {}
		include "table.conf";
		template bgp edge { local as 65009; graceful restart off; connect retry time 1; error wait time 1, 2; }
		protocol bgp v4 from edge {
			source address 10.9.0.2; neighbor 10.9.0.1 as 65000;
			ipv4 { export where source = RTS_STATIC; import none; next hop self; };
		}
		protocol bgp v6 from edge {
			source address 2001:db8:9::2; neighbor 2001:db8:9::1 as 65000;
			ipv6 { export where source = RTS_STATIC; import none; next hop self; };
		}
	BIRD;
}
$(for i in 1 2 3 4 5; do router $i; done)
link h1.eth0 10.1.0.2/24 2001:db8:1::2/64 -- r1.lan 10.1.0.1/24 2001:db8:1::1/64;
link isp.eth0 10.9.0.2/24 2001:db8:9::2/64 -- r5.uplink 10.9.0.1/24 2001:db8:9::1/64;
$(for l in $links; do a=${l%?} b=${l#?}
	echo "link r$a.to$b 10.0.$l.$a/24 2001:db8:$l::$a/64 -- r$b.to$a 10.0.$l.$b/24 2001:db8:$l::$b/64;"
done)
END

vty() { on "$1" vtysh --vty_socket "$LAB_DIR/$1" -c "$2"; }
n4=$(grep -vc : "$table") n6=$(grep -c : "$table")
learned() { on "$1" ip -"$2" route show proto bgp | grep -c '^[0-9a-f]'; }
# All prefixes in each kernel, by next hops that are reached
learned_all() {
	local i
	for i in 1 2 3 4 5; do
		at_least "$n4" "$(learned r$i 4)" "IPv4 prefixes on r$i" &&
		at_least "$n6" "$(learned r$i 6)" "IPv6 prefixes on r$i" || return 1
	done
}
bfd_up() {
	local i want
	for i in 1 2 3 4 5; do
		want=$(ports $i | wc -l)
		at_least $((2 * want)) \
			"$(vty r$i 'show bfd peers json' | jq '[.[] | select(.status == "up")] | length')" \
			"BFD sessions that are up on r$i" || return 1
	done
}
no_bfd() {
	local up
	up=$(vty "$1" 'show bfd peers json' | jq -c "[.[] | select(.interface == \"$2\" and .status == \"up\")]")
	equal "[]" "$up" "sessions that are up"
}
# Of each prefix three addresses, on each router, all at once
agree() {
	local i pids=() wrong=0
	for i in 1 2 3 4 5; do
		on r$i sluice-lab compare -i "to$(ports $i | tail -n 1)" -n 300 -w 5 \
			> "$scratch/r$i" 2> "$scratch/r$i.wrong" &
		pids+=($!)
	done
	for i in "${pids[@]}"; do wait "$i" || wrong=1; done
	cat "$scratch"/r?.wrong
	jq -s -c 'map({prefixes, asked, forwarded, passed_up, unresolved, late, wrong})[]' "$scratch"/r?
	equal 0 $wrong "comparisons that failed" || return 1
	for i in 1 2 3 4 5; do
		at_least $((3 * (n4 + n6) - 100)) "$(jq .asked "$scratch/r$i")" "addresses asked for on r$i" &&
		at_least $((3 * (n4 + n6) - 300)) "$(jq .forwarded "$scratch/r$i")" "forwarded on r$i" &&
		equal 0 "$(jq .passed_up "$scratch/r$i")" "passed up on r$i though the kernel forwards" || return 1
	done
}
agreed() {
	check "$1" agree
	diag "of $(jq -s 'map(.asked) | add' "$scratch"/r?) addresses on five routers: $(jq -s -c \
		'{forwarded: map(.forwarded) | add, late: map(.late) | add, wrong: map(.wrong) | add}' "$scratch"/r?)"
}
# goes NODE PREFIX: the ports that the kernel sends it out of
goes() { on "$1" ip -o route show "$2" | grep -o 'dev [^ ]*' | sort -u | tr -d '\n'; }
goes_by() { equal "$3" "$(goes "$1" "$2")" "$2 on $1"; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# after NAME SECONDS COMMAND...: waits for it, and says how long that took
after() {
	local name=$1 began
	began=$(now_ms)
	shift
	check "$name" wait_for "$@"
	diag "after $(($(now_ms) - began)) ms"
}
prefix=$(awk '!/:/ { print $1; exit }' "$table")
address=${prefix%/*}
address6=$(awk '/:/ { split($1, p, "/"); print p[1]; exit }' "$table")
on isp ip address add "$address/32" dev lo
on isp ip address add "$address6/128" dev lo

after "five routers converge: $n4 + $n6 prefixes on each" 60 learned_all
after "BFD sessions of both families on each link" 20 bfd_up
after "r1 reaches the far corner by r2 alone" 20 goes_by r1 "$prefix" "dev to2"
check "and r3 by r4" wait_for 10 goes_by r3 "$prefix" "dev to4"
check "r3 has two ways to r2" wait_for 10 goes_by r3 10.255.0.2 "dev to1dev to4"
check "packets get through" wait_for 10 on h1 ping -c 3 -i 0.05 -W 1 -q "$address"
check "and IPv6" wait_for 10 on h1 ping -c 3 -i 0.05 -W 1 -q "$address6"
agreed "every decision is the kernel's"

# The load runs through all that follows; what is lost is what the routing protocols need to find out.
receive isp "$scratch/got" -i eth0 -t 100
exec_on h1 sluice-lab send -i eth0 -d "$address" -m "$(mac_of r1 lan)" -r 2000 -t 100 > "$scratch/sent" &
sender=$!

on r1 ip link set to2 down
after "a link loses its carrier: r1 goes by r3" 10 goes_by r1 "$prefix" "dev to3"
agreed "every decision is the kernel's"
check "packets get through" on h1 ping -c 3 -i 0.05 -W 1 -q "$address"

on r1 ip link set to2 up
on r1 ip address replace 2001:db8:12::1/64 dev to2
after "it comes back, and so do the routes" 20 goes_by r1 "$prefix" "dev to2"
after "with its BFD sessions" 20 bfd_up
agreed "every decision is the kernel's"

# Both ends keep their carrier; what the stack sends between them is lost.
for end in "r2 to5" "r5 to2"; do
	read -r node port <<< "$end"
	on "$node" nft "add table inet cut; add chain inet cut out { type filter hook output priority 0; }
		add rule inet cut out oifname $port drop"
done
after "a link fails without a word: r2 goes by r4" 10 goes_by r2 "$prefix" "dev to4"
check "BFD has no session there" no_bfd r2 to5
check "all have all" wait_for 20 learned_all
agreed "every decision is the kernel's"
for node in r2 r5; do on $node nft delete table inet cut; done
after "it comes back" 20 goes_by r2 "$prefix" "dev to5"
check "all have all" wait_for 20 learned_all
agreed "every decision is the kernel's"

kill -TERM $sender
wait $sender
received
check "what was sent mostly came through" at_least $(($(jq .sent "$scratch/sent") * 9 / 10)) \
	"$(got "$scratch/got" eth0 distinct)"
diag "sent $(jq .sent "$scratch/sent"), lost $(($(jq .sent "$scratch/sent") - $(got "$scratch/got" eth0 distinct)))"
check "and by XDP" at_least 1000 "$(reason r1 lan forwarded)"
finish
