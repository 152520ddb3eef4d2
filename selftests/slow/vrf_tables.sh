#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Four VRFs with the IPv6 tables of four real peers at once, from the kernel over netlink: what the data
# path answers on a port of each is what the kernel does, packets go there, and what the four have in
# common is in memory once. Runs where the kernel has VRFs: in a guest,
#	selftests/vm/boot bash selftests/slow/vrf_tables.sh
#
# All four lead to one exchange, by up to 33 routers there, as the peers' own tables do: so equal
# prefixes by equal next hops are equal results, which is what can be shared. Of the recorded tables 97 %
# of the prefixes are the same, and 3 % of the next hops: numbers that each peer has drawn for itself.
#	SLUICE_EQUAL=1	a prefix has the same next hop in all four
#	SLUICE_TABLE6	routes of each table, 20000 at most unless said: loading 100,000 into an emulated
#			machine's kernel takes minutes. Below 1000, what memory they take is not looked at
#	SLUICE_ASK	prefixes of each table that are asked for, with three addresses each: 1000
# Without the recorded tables, generated ones, of which one in eight routes differs.
. "$(dirname "$0")/../net/lib.sh"
need awk
routes=${SLUICE_TABLE6:-20000} prefixes=${SLUICE_ASK:-1000}
vrfs="red blue green gold"
peers=(293 852 19653 23367)

ip link add sluice-vrf-try type vrf table 4242 2> /dev/null || skip_all "this kernel has no VRF devices"
ip link del sluice-vrf-try
in_lab <<END
lab vrfs;
host peer { }
host h0 { }
host h1 { }
host h2 { }
host h3 { }
router r1 { sluiced; }
link peer.eth0 2001:db8:9::ffff/64 -- r1.uplink 2001:db8:9::1/64;
link h0.eth0 2001:db8:1:0::2/64 -- r1.in0;
link h1.eth0 2001:db8:1:1::2/64 -- r1.in1;
link h2.eth0 2001:db8:1:2::2/64 -- r1.in2;
link h3.eth0 2001:db8:1:3::2/64 -- r1.in3;
END

# "PREFIX NUMBER" lines of the peer's table
table() {
	local recorded=$data/bgp/cptrie-ip6-routes-${peers[$1]}.txt.gz
	if [ -r "$recorded" ]; then
		zcat "$recorded"
	else
		sluice-lab rib 0 "$routes" | awk -v v="$1" '{ print $1, NR % 8 ? $2 % 32 : ($2 + v) % 32 }'
	fi | awk -v n="$routes" '!/^[23]/ || /^2001:db8:/ { next } $1 in seen { next }
		{
			seen[$1]
			for (h = i = 0; equal && i++ < length($1); )
				h = (h * 31 + index("0123456789abcdef:/", substr($1, i, 1))) % 4099
			print $1, equal ? h % 33 : $2
		}
		++lines == n { exit }' equal="${SLUICE_EQUAL:-0}"
}
lay() {
	local v=0 vrf
	awk 'BEGIN { for (i = 0; i < 33; i++)
		printf "neigh replace 2001:db8:9::%x dev uplink lladdr 02:00:00:00:09:%02x nud permanent\n",
			2 + i, i }' | on r1 ip -batch - || return 1
	for vrf in $vrfs; do
		on r1 ip link add $vrf type vrf table $((101 + v)) &&
		on r1 ip link set $vrf up &&
		on r1 ip link set in$v master $vrf &&
		on r1 ip -6 address add 2001:db8:1:$v::1/64 dev in$v nodad || return 1
		wanted[v]=0
		v=$((v + 1))
	done
}
load() {
	local v vrfs=($vrfs)
	for v in 0 1 2 3; do
		table $v > "$scratch/table$v"
		awk -v t=$((101 + v)) '{ printf "route add %s via 2001:db8:9::%x dev uplink table %d\n",
			$1, 2 + $2, t }' "$scratch/table$v" | on r1 ip -6 -batch - || return 1
		wanted[v]=$(wc -l < "$scratch/table$v")
		at_least "${wanted[v]}" "$(on r1 ip -6 route show table $((101 + v)) | grep -c 'via 2001:db8:9::')" \
			"routes of ${vrfs[v]}" || return 1
	done
}

# follow NUMBER...: a policy with these VRFs, until all their routes are taken
follow() {
	local v names=($vrfs) all=0
	{
		echo 'port uplink = "uplink";'
		for v in 0 1 2 3; do echo "port in$v = \"in$v\";"; done
		echo "route main limit ip4 100 ip6 100;"
		for v; do
			echo "route vrf ${names[v]} table $((101 + v)) limit ip4 100 ip6 200000;"
			all=$((all + wanted[v]))
		done
	} | apply r1 && wait_for 300 taken "$all"
}
taken() {
	at r1 -j status | jq -e ".routes.ready and .routes.ip6 >= $1 and .routes.not_taken == 0"
}
bytes() { at r1 -j status | jq .routes.table_bytes; }

# What is there before any route is in the tables: one of them, and four
empty() {
	follow 0 && empty1=$(bytes) && follow 0 1 2 3 && empty4=$(bytes)
}
apart=0
alone() {	# NUMBER: what the routes of its table take by themselves
	follow "$1" || return 1
	size[$1]=$(($(bytes) - empty1))
	apart=$((apart + size[$1]))
}
together() {
	local most=$((SLUICE_EQUAL ? apart / 2 : apart + apart / 10))
	follow 0 1 2 3 || return 1
	all=$(($(bytes) - empty4))
	[ "$all" -le "$most" ] || { echo "$all bytes for all routes, of $apart apart"; return 1; }
}

# agrees NUMBER: the attached program, asked for addresses, against RTM_GETROUTE for the port
agrees() {
	on r1 sluice-lab compare -i in$1 -t $((101 + $1)) -p "$prefixes" -n 1000 > "$scratch/compared" || {
		cat "$scratch/compared"
		return 1
	}
	jq -e ".wrong == 0 and .passed_up == 0 and .forwarded >= 2 * ([$prefixes, ${wanted[$1]}] | min)" \
		"$scratch/compared"
}

# forwards NUMBER: packets from its host to 64 addresses, each to the neighbour that the kernel names
forwards() {
	local v=$1 to mac before
	mapfile -t to < <(awk -v n="${wanted[v]}" 'NR % int(n / 64) == 1 { sub("/.*", "", $1); print $1 }' \
		"$scratch/table$v" | head -n 64)
	at_least 60 ${#to[@]} "addresses" || return 1
	printf "route get %s from 2001:db8:1:$v::2 iif in$v\n" "${to[@]}" | on r1 ip -6 -batch - |
		awk '{ for (i = 1; i < NF; i++) if ($i == "via") print $(i + 1) }' |
		sort | uniq -c | while read -r n via; do
			printf '02:00:00:00:09:%02x %d\n' $((0x${via##*:} - 2)) $((10 * n))
		done | sort > "$scratch/wanted$v"
	at_least 1 "$(wc -l < "$scratch/wanted$v")" "neighbours" || return 1
	before=$(reason r1 in$v forwarded)
	receive peer "$scratch/received" -i eth0 -S "$v" -t 60
	mac=$(mac_of r1 in$v)
	on h$v sluice-lab send -i eth0 -m "$mac" -n $((10 * ${#to[@]})) -r 1000 -f ${#to[@]} -S "$v" \
		-d "$(IFS=,; echo "${to[*]}")" || return 1
	received
	jq -r '.marks[]? | "\(.mac) \(.packets)"' "$scratch/received" | sort | diff "$scratch/wanted$v" - || return 1
	at_least $((10 * ${#to[@]})) $(($(reason r1 in$v forwarded) - before)) "forwarded by XDP"
}

declare -a wanted size
SLUICE_EQUAL=${SLUICE_EQUAL:-0}
check "four VRFs" lay || finish
[ "$routes" -lt 1000 ] || check "which are empty" empty
check "at most $routes routes in each" load || finish
if [ "$routes" -lt 1000 ]; then
	check "all four are followed" follow 0 1 2 3
else
	for v in 0 1 2 3; do check "VRF $v alone is followed" alone $v; done
	check "all four at once: what is equal is there once" together
	diag "routes ${wanted[*]}" "bytes for them, each alone ${size[*]}" \
		"bytes, together $all: $((all * 100 / apart)) % of their sum, $apart" \
		"bytes of empty tables, one VRF $empty1, four $empty4"
fi
for v in 0 1 2 3; do
	check "VRF $v: the data path's answers are the kernel's" agrees $v &&
	diag "$(cat "$scratch/compared")"
	check "VRF $v: packets go there" forwards $v
done
check "nothing is left to the kernel" \
	sh -c "! sluice -n $LAB.r1 status | grep -e 'ip rule' -e 'VRF device'"
finish
