#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Packets of one flow keep their order and their way. Many flows go by a group of four next hops while one of
# them is lost and comes back, neighbours get other addresses, and other routes come and go: at each next hop
# the numbers only rise, the flows of the one that is lost leave it, and no other flow ever moves.
. "$(dirname "$0")/lib.sh"
in_lab <<'END'
lab order;
host h1 { default via 10.0.1.1; }
host h2;
router r1 {
	run <<ROUTES
		ip route add 198.18.0.0/15 nexthop via 10.0.2.2 nexthop via 10.0.3.2 \
			nexthop via 10.0.4.2 nexthop via 10.0.5.2
	ROUTES;
	sluiced <<POLICY
		port lan = "lan"; port o2 = "up2"; port o3 = "up3"; port o4 = "up4"; port o5 = "up5"; route main;
	POLICY;
}
link h1.eth0 10.0.1.2/24 -- r1.lan 10.0.1.1/24;
link h2.eth2 10.0.2.2/24 -- r1.up2 10.0.2.1/24;
link h2.eth3 10.0.3.2/24 -- r1.up3 10.0.3.1/24;
link h2.eth4 10.0.4.2/24 -- r1.up4 10.0.4.1/24;
link h2.eth5 10.0.5.2/24 -- r1.up5 10.0.5.1/24;
END
flows=256 mac=$(mac_of r1 lan)
# neighbour N LAST: that of upN has a MAC address with this last byte
neighbour() { on r1 ip neigh replace "10.0.$1.2" lladdr "02:00:00:00:0$1:$2" dev "up$1" nud permanent; }
for i in 2 3 4 5; do neighbour $i 01; done

# members: "interface mac" lines of the next hops that packets are sent by
members() {
	at r1 -j route get 198.18.0.1 |
		jq -r '.nexthops[] | select((.backup | not) and .reason == "forwarded") | "\(.interface) \(.mac)"' |
		sort
}
are() { equal "$(printf '%s\n' "$@")" "$(members)" members; }
all=("up2 02:00:00:00:02:01" "up3 02:00:00:00:03:01" "up4 02:00:00:00:04:01" "up5 02:00:00:00:05:01")
check "four next hops" wait_for 10 are "${all[@]}"

# under_way COMMAND...: while numbered packets of all flows go
under_way() {
	local sender
	receive h2 "$scratch/got" -i eth2,eth3,eth4,eth5 -S 1 -f $flows || return 1
	exec_on h1 sluice-lab send -i eth0 -m "$mac" -d 198.18.0.1 -f $flows -r 8000 -S 1 -t 30 > "$scratch/sent" &
	sender=$!
	sleep 0.1
	"$@" || { kill $sender; return 1; }
	sleep 0.1
	kill $sender
	wait $sender
	received
	jq -c 'del(.marks)' "$scratch/got"
	equal 0 "$(jq -s '[.[] | .reordered // empty] | add' "$scratch/got")" "numbers that did not rise" &&
	equal 0 "$(jq -s '[.[] | .duplicates // empty] | add' "$scratch/got")" "duplicates" &&
	equal $flows "$(jq -r '.flows // empty, empty' <(grep most_moves "$scratch/got"))" "flows"
}
came() { jq -s '[.[] | .distinct // empty] | add' "$scratch/got"; }
all_came() { equal "$(jq .sent "$scratch/sent")" "$(came)" "packets that came"; }
# moved FROM TO: how many flows did
moved() {
	jq -s --arg from "$1" --arg to "$2" \
		'[.[] | select(.from == $from and .to == $to) | .flows] | add // 0' "$scratch/got"
}
moves() { jq -s '[.[] | select(.from) | .flows] | add // 0' "$scratch/got"; }

neighbours_and_routes() {
	for last in 02 03 04 01; do
		for i in 2 3 4 5; do neighbour $i $last; done
		on r1 ip route add "198.18.7.$((10#$last))/32" via 10.0.2.2
		wait_for 5 eval "[ \"\$(members | grep -c ':$last\$')\" = 4 ]" || return 1
		on r1 ip route del "198.18.7.$((10#$last))/32"
	done
}
stay() {
	under_way neighbours_and_routes && all_came &&
	equal 0 "$(moves)" "flows that moved" &&
	at_least 12 "$(jq -s '[.[] | .marks // empty | length] | add' "$scratch/got")" "addresses that packets went to"
}
check "neighbours and other routes change: no flow moves, nothing is lost" stay

one_goes() {
	on h2 ip link set eth4 down
	wait_for 5 are "${all[0]}" "${all[1]}" "${all[3]}"
}
goes() {
	under_way one_goes && at_least 30 "$(moves)" "flows that moved" &&
	equal "$(moves)" $(($(moved eth4 eth2) + $(moved eth4 eth3) + $(moved eth4 eth5))) \
		"from the one that is lost" &&
	gone=$(moves)
}
check "one is lost: its flows move, and no other" goes
one_comes() {
	on h2 ip link set eth4 up
	wait_for 5 are "${all[@]}"
}
comes() {
	under_way one_comes && all_came && at_least 30 "$(moves)" "flows that moved" &&
	equal "$(moves)" $(($(moved eth2 eth4) + $(moved eth3 eth4) + $(moved eth5 eth4))) "to the one that is back" &&
	equal 1 "$(jq '.most_moves // empty' "$scratch/got")" "moves of one flow"
}
check "it comes back: flows move to it, and nowhere else, and nothing is lost" comes
goes_and_comes() { one_goes && one_comes && one_goes && one_comes; }
both() {
	under_way goes_and_comes && for i in 2 3 5; do
		for k in 2 3 5; do equal 0 "$(moved eth$i eth$k)" "from eth$i to eth$k" || return 1; done
	done
}
check "it goes and comes, twice: none moves between the others" both
finish
