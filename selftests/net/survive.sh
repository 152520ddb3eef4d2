#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The fast path outlives the daemon, and a packet meets one generation only: under load, sluiced is killed
# and started again, and two policies are applied in turn 50 times (200 with SLOW: most of that time is
# the kernel's verifier's). Nothing is lost, counters go on, and the two copies of every packet bear
# the marks of one policy.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab survive;
host h1 { default via 10.0.1.1; }
host h2 { default via 10.0.2.1; }
router r1;
link h1.eth0 10.0.1.2/24 -- r1.lan1 10.0.1.1/24;
link h2.eth0 10.0.2.2/24 -- r1.lan2 10.0.2.1/24;
link h2.eth1 10.0.3.2/24 -- r1.lan3 10.0.3.1/24;
END

# Policy A and B differ in every mark that a leg leaves, and in the order of their groups.
policy() {
	cat <<-END
		port one = "lan1"; port two = "lan2"; port three = "lan3";
		route main;
		multicast {
	END
	if [ "$1" = A ]; then
		echo "(*, 239.1.1.1) from one to two vlan 11 ttl 21, three vlan 12 ttl 22;"
	else
		echo "(*, 239.9.9.9) from two to three;"
		echo "(*, 239.1.1.1) from one to two vlan 31 ttl 41, three vlan 32 ttl 42;"
	fi
	echo "}"
}
daemon() {
	sluiced -n "$LAB.r1" >> "$LAB_DIR/sluiced.log" 2>&1 &
	sluiced=$!
	wait_for 15 at r1 status
}
policy A > "$scratch/A.sluice"
policy B > "$scratch/B.sluice"

check "sluiced starts" daemon
check "policy A" at r1 apply "$scratch/A.sluice"
wait_for 10 on h1 ping -c 1 -W 1 10.0.2.2
mac=$(mac_of r1 lan1)

# load: starts a unicast and a multicast stream, and their receivers
load() {
	receive h2 "$scratch/unicast" -i eth0 -t 120 -S 1 || return 1
	unicast=$receiver
	receive h2 "$scratch/copies" -i eth0,eth1 -t 120 -S 2 || return 1
	copies=$receiver
	exec_on h1 sluice-lab send -i eth0 -d 10.0.2.2 -m "$mac" -r 2000 -S 1 -t 100 -f 8 \
		> "$scratch/sent1" &
	sender1=$!
	exec_on h1 sluice-lab send -i eth0 -d 239.1.1.1 -r 2000 -S 2 -t 100 > "$scratch/sent2" &
	sender2=$!
	sleep 0.3
}
# unload: ends them, when all that is under way has come
unload() {
	kill $sender1 $sender2
	wait $sender1 $sender2
	sleep 0.5
	kill $unicast $copies
	wait $unicast $copies
	sent1=$(jq .sent "$scratch/sent1") sent2=$(jq .sent "$scratch/sent2")
	diag "unicast: $sent1 sent, $(got "$scratch/unicast" eth0 distinct) received" \
		"multicast: $sent2 sent, $(jq -c 'select(.together)' "$scratch/copies" | tr '\n' ' ')"
	at_least 500 "$sent1" "unicast sent" && at_least 500 "$sent2" "multicast sent"
}
# The counters of everything that may have happened to a packet, for when one is missing
evidence() {
	at r1 counter show
	at r1 port show
	on r1 ip -s link show
	on h1 ip -s link show dev eth0
	return 1
}
nothing_lost() {
	got_all "$scratch/unicast" eth0 "$sent1" && got_all "$scratch/copies" eth0 "$sent2" &&
	got_all "$scratch/copies" eth1 "$sent2" || evidence
}
# whole: the copies of a packet are both A's or both B's. whole "A", "B" or "AB": which must occur
whole() {
	local wrong which
	wrong=$(jq -c 'select(.together) | select(
		(.vlan == [11, 12] and .ttl == [21, 22] or .vlan == [31, 32] and .ttl == [41, 42]) | not)' \
		"$scratch/copies")
	equal "" "$wrong" "copies of one packet by two policies" || return 1
	which=$(jq -rs 'map(select(.together) | if .vlan[0] == 11 then "A" else "B" end) | sort | add' \
		"$scratch/copies")
	equal "$1" "$which" "policies that were met"
}

load
before=$(reason r1 one forwarded)
first=$(generation r1)
kill -KILL $sluiced
wait $sluiced 2>/dev/null
sleep 1
check "after kill -9 nobody answers" fails_saying "sluiced" at r1 status
check "sluiced starts again" daemon
check "the generation that runs was adopted" equal "$first" "$(generation r1)"
counters_go_on() { at_least $((before + 1000)) "$(reason r1 one forwarded)" "packets forwarded"; }
check "the counters went on" counters_go_on
sleep 0.5
check "the load was a load" unload
check "kill -9 and restart: nothing lost" nothing_lost
check "kill -9 and restart: all copies by policy A" whole A

load
applies=$([ -n "${SLOW-}" ] && echo 200 || echo 50)
apply_many() {
	local i n0 n1
	n0=$(generation r1)
	for ((i = 0; i < applies; i += 2)); do
		at r1 apply "$scratch/B.sluice" && at r1 apply "$scratch/A.sluice" || return 1
	done
	n1=$(generation r1)
	equal $((n0 + applies)) "$n1" "generation"
}
SECONDS=0
check "$applies policies applied under load" apply_many
diag "$applies applies in $SECONDS s"
check "the load was a load" unload
check "$applies applies: nothing lost" nothing_lost
check "$applies applies: no packet treated by two policies" whole AB

# An upgrade is a restart that was asked for.
load
kill -TERM $sluiced
wait $sluiced
check "SIGTERM: sluiced ends well" equal 0 $?
sleep 0.5
check "and starts again" daemon
check "the load was a load" unload
check "SIGTERM and restart: nothing lost" nothing_lost

# Asked to, it takes everything off, and the kernel routes alone.
kill -TERM $sluiced
wait $sluiced
daemon_detach() {
	sluiced -n "$LAB.r1" --detach >> "$LAB_DIR/sluiced.log" 2>&1 &
	sluiced=$!
	wait_for 15 at r1 status && kill -TERM $sluiced && wait $sluiced
}
check "sluiced --detach ends well" daemon_detach
detached() { ! on r1 ip link show dev lan1 | grep -q xdp; }
check "and no program is left on a port" detached
check "the kernel forwards" on h1 ping -c 3 -i 0.1 -W 2 -q 10.0.2.2
finish
