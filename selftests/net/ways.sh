#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The ways by which a copy is made: XDP's, native and generic; and the tc program's, for frames of
# several buffers and beside the leg host. By each, every receiver gets each packet once, as its leg
# asks, and the leg's counter says so.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab ways;
host src; host dst; router r1;
link src.eth0 10.0.0.2/24 2001:db8::2/64 -- r1.exch 10.0.0.1/24 2001:db8::1/64 mtu 9000;
link dst.l1 10.0.1.2/24 -- r1.o1 10.0.1.1/24 mtu 9000;
link dst.l2 10.0.2.2/24 -- r1.o2 10.0.2.1/24 mtu 9000;
END
sluiced -n "$LAB.r1" > "$LAB_DIR/sluiced.log" 2>&1 &
check "sluiced starts" wait_for 20 at r1 status

policy() {
	cat <<-POLICY
	port exch = "exch" $1;
	port o1 = "o1" $1;
	port o2 = "o2" $1;
	route main;
	multicast {
		(*, 239.1.0.1) from exch to o1, o2 vlan 12 ttl 3;
		(*, 239.1.0.2) from exch to o1, o2 vlan 12 ttl 3, host;
		(*, ff15::1) from exch to o1, o2 vlan 12 ttl 3;
		(*, ff15::2) from exch to o1, o2 vlan 12 ttl 3, host;
	}
	measure all by (ip.src) { slots 64; }
	POLICY
}
counts() {
	at r1 -j group show | jq -r --arg g "$1" \
		'select(.group == $g) | .legs[] | "\(.to) \(.packets)"' | sort
}
counted() { counts "$1" | awk -v to="$2" '$1 == to { print $2 }'; }

# copied GROUP LENGTH: 200 frames arrive at both legs, as they ask
copied() {
	local one two
	one=$(counted "$1" o1) two=$(counted "$1" o2)
	receive dst "$scratch/got" -i l1,l2 -t 60 || return 1
	on src sluice-lab send -i eth0 -d "$1" -n 200 -r 1000 -l "$2" -T 40 || return 1
	received
	got_all "$scratch/got" l1 200 && got_all "$scratch/got" l2 200 &&
	jq -se '[.[].marks[0]] | .[0].vlan == 0 and .[0].ttl == 39 and .[1].vlan == 12 and .[1].ttl == 3' \
		<(grep interface "$scratch/got") || { cut -c 1-300 "$scratch/got"; counts "$1"; return 1; }
	equal 200 $(($(counted "$1" o1) - one)) "counter of leg o1" &&
	equal 200 $(($(counted "$1" o2) - two)) "counter of leg o2"
}
for mode in native generic; do
	check "a policy, mode $mode" apply r1 < <(policy "$([ $mode = native ] || echo "mode $mode")")
	check "its ports are $mode" equal "$mode" "$(at r1 -j port show exch | jq -r .mode)"
	for group in 239.1.0.1 ff15::1; do
		check "$mode, to $group" copied $group 200
		check "$mode, to $group, 8000 bytes" copied $group 8000
	done
	for group in 239.1.0.2 ff15::2; do
		check "$mode, to $group beside the host" copied $group 200
		check "$mode, to $group beside the host, 8000 bytes" copied $group 8000
	done
	# The last interval is shown: the sender goes on, so that it is in that, however late we ask.
	measured() {
		on src ping -c 1 -W 1 -q 10.0.0.1 > /dev/null
		at_least 1 "$(at r1 -j flow show | grep -c 10.0.0.2)" "flows of the sender"
	}
	check "$mode: the sender is measured" wait_for 20 measured
done
on r1 tc qdisc del dev exch clsact
check "a tc program that was taken off is noted" eval 'at r1 status | grep -q "port exch: its tc program"'
kill -HUP %1
back() { on r1 tc filter show dev exch ingress | grep -q tcopy && ! at r1 status | grep -q "its tc program"; }
check "and a reload puts it back" wait_for 10 back
check "the driver's refusals are counted" eval '! at r1 status | grep -q "not counted"'
finish
