#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Multicast: groups of 1 to 64 legs on as many ports. Each receiver gets every packet once, the legs'
# counters say what the receivers saw, and a leg that is down loses its own copies only.
. "$(dirname "$0")/lib.sh"
sizes="1 2 3 16 64"
frames=400
{
	echo "lab fanout; host src; host dst; router r1 {"
	echo "sluiced <<POLICY"
	echo 'port exch = "exch";'
	for i in {1..64}; do echo "port o$i = \"o$i\";"; done
	echo "multicast {"
	for n in $sizes; do
		legs=$(seq -s, -f 'o%g' 1 "$n")
		echo "(10.0.0.2, 232.1.0.$n) from exch to $legs;"
		echo "(*, ff15::$n) from exch to $legs;"
	done
	echo "(*, 239.1.0.0/16) from exch to o1 vlan 12 ttl 3, o2;"
	echo "}"
	echo "POLICY;"
	echo "}"
	echo "link src.eth0 10.0.0.2/24 2001:db8::2/64 -- r1.exch 10.0.0.1/24 2001:db8::1/64;"
	for i in {1..64}; do echo "link dst.l$i -- r1.o$i;"; done
} > "${TMPDIR:-/tmp}/fanout.$$"
exec 3< "${TMPDIR:-/tmp}/fanout.$$"
rm "${TMPDIR:-/tmp}/fanout.$$"
in_lab <&3

all=$(seq -s, -f 'l%g' 1 64)

# leg_counts GROUP: the packets that each leg counted, a line "port packets"
leg_counts() {
	at r1 -j group show | jq -r --arg g "$1" \
		'select(.group == $g) | .legs[] | "\(.to) \(.packets)"' | sort
}

# fan GROUP LEGS [DOWN]: sends, and compares what came with what was counted; DOWN is the leg that is
# down and gets nothing
fan() {
	local group=$1 legs=$2 down=${3-} before after
	before=$(leg_counts "$group")
	receive dst "$scratch/got" -i "$all" -t 60 || return 1
	on src sluice-lab send -i eth0 -d "$group" -n $frames -r 1500 || return 1
	received
	after=$(leg_counts "$group")
	jq -se --argjson legs "$legs" --argjson frames $frames --argjson down "${down:-0}" '
		map(select(.interface)) | length == 64 and all(.[]; (.interface[1:] | tonumber) as $i |
			(if $i <= $legs and $i != $down then $frames else 0 end) as $wanted |
			.distinct == $wanted and .duplicates == 0 and .dropped == 0)' \
		"$scratch/got" > /dev/null || { cut -c 1-300 "$scratch/got"; return 1; }
	join <(cat <<< "$before") <(cat <<< "$after") > "$scratch/counts"
	equal "$legs" "$(wc -l < "$scratch/counts")" "legs shown" || return 1
	while read -r leg was is; do
		[ "$leg" = "o$down" ] && continue
		equal $frames $((is - was)) "counter of leg $leg" || return 1
	done < "$scratch/counts"
}

for n in $sizes; do
	check "IPv4, $n legs: each receiver every packet once, as counted" fan 232.1.0.$n $n
	check "IPv6, $n legs: each receiver every packet once, as counted" fan ff15::$n $n
done

on dst ip link set dev l2 down
check "a leg that is down loses only its own" fan 232.1.0.16 16 2
on dst ip link set dev l2 up
back() { wait_for 5 fan 232.1.0.3 3; }
check "and comes back" back

rewritten() {
	receive dst "$scratch/got" -i l1,l2,l3 -t 60 || return 1
	on src sluice-lab send -i eth0 -d 239.1.200.3 -n 300 -r 3000 -T 40 || return 1
	received
	cat "$scratch/got"
	got_all "$scratch/got" l1 300 && got_all "$scratch/got" l2 300 && got_all "$scratch/got" l3 0 &&
	jq -se --arg mac 01:00:5e:01:c8:03 '
		(.[0].marks == [{vlan: 12, ttl: 3, mac: $mac, packets: 300}]) and
		(.[1].marks == [{vlan: 0, ttl: 39, mac: $mac, packets: 300}])' "$scratch/got"
}
check "a group prefix; VLAN tag and TTL of a leg" rewritten

# Nothing goes where no group sends it, and the reasons say so.
other_port() {
	local before
	before=$(reason r1 o1 group_rpf)
	receive dst "$scratch/got" -i l2,l3 -t 60 || return 1
	on dst sluice-lab send -i l1 -s 10.0.0.2 -d 232.1.0.3 -n 50 -r 1000 || return 1
	received
	got_all "$scratch/got" l2 0 && got_all "$scratch/got" l3 0 &&
	equal 50 $(($(reason r1 o1 group_rpf) - before)) "dropped: reverse path"
}
check "a group's packets from another port are dropped" other_port
other_source() {
	receive dst "$scratch/got" -i l1,l2 -t 60 || return 1
	on src sluice-lab send -i eth0 -s 10.0.0.9 -d 232.1.0.3 -n 50 -r 1000 || return 1
	received
	got_all "$scratch/got" l1 0 && got_all "$scratch/got" l2 0
}
check "another source's packets are not copied" other_source
short_ttl() {
	local before
	before=$(reason r1 exch group_ttl)
	on src sluice-lab send -i eth0 -d 232.1.0.3 -n 50 -r 1000 -T 1 || return 1
	equal 50 $(($(reason r1 exch group_ttl) - before)) "dropped for their TTL"
}
check "TTL 1 is not copied" short_ttl
finish
