#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The command line against a running sluiced: each verb shows what is, in text and in JSON that
# says the same; answers agree with the kernel's; changes are followed as they come.
. "$(dirname "$0")/lib.sh"
need ping setpriv
in_lab <<END
lab cli;
host a { default via 10.0.1.1; default via 2001:db8:1::1; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; }
router r {
	sluiced <<POLICY
		port left = "left";
		port right = "right";
		route main;
		multicast { (*, 239.1.1.1) from left to right ttl 9; }
		measure elephants by (ip.src, ip.dst, ip.proto) { interval 500ms; }
	POLICY;
}
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
END
run=/run/sluice/netns/$LAB.r
wait_for 10 on a ping -c 1 -W 1 10.0.2.2
wait_for 10 on a ping -c 1 -W 1 2001:db8:2::2

says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }

# ---- what is -------------------------------------------------------------------

first=$(generation r)
check "status, text" says "^generation  $first, for" at r status
check "status, JSON" json '.[0] | .object == "status" and .generation > 0 and .pid > 0 and
	(.ports | map(.name) | . == ["left", "right"]) and .notes == [] and .routes.ready' status
check "ports" says '^left *left *native *up *1500 ' at r port show
check "one port, by the name of its interface too" json 'length == 1 and .[0].name == "right"' port show right
check "no such port: it says which there are" fails_saying 'ports: left, right' at r port show middle
check "policy" says 'interval 500ms' at r policy show
check "routes" says '^10.0.2.0/24 ' at r route show
check "routes within a prefix" json \
	'length > 0 and all(.prefix | startswith("2001:db8:1:"))' route show 2001:db8:1::/48
check "a host that is reached" says '^10.0.2.2 10.0.2.2/32 dev right$' at r route get 10.0.2.2

# ---- route get is the kernel's answer ----------------------------------------------

on b ip addr add 10.9.0.1/32 dev lo
for i in {1..40}; do
	echo "route add 10.$((100 + i % 7)).$i.0/24 via 10.0.2.2"
	echo "route add 2001:db8:$((100 + i % 7)):$i::/64 via 2001:db8:2::2"
done | on r ip -batch -
on r ip route add blackhole 10.77.0.0/16
for i in {1..120}; do
	echo "10.$((98 + RANDOM % 10)).$((RANDOM % 45)).$((RANDOM % 256))"
	printf '2001:db8:%d:%d::%x\n' $((98 + RANDOM % 10)) $((RANDOM % 45)) $RANDOM
done > "$scratch/addresses"
agrees() {
	at r route get - < "$scratch/addresses" > "$scratch/ours" || return 1
	equal "$(wc -l < "$scratch/addresses")" "$(wc -l < "$scratch/ours")" "answers" || return 1
	while read -r address prefix way; do
		local kernel
		kernel=$(on r ip route get "$address" 2> /dev/null | grep -o 'via [^ ]* dev [^ ]*')
		[ "$prefix" != - ] || way=
		equal "$kernel" "$way" "$address" || return 1
	done < "$scratch/ours"
	grep -c via "$scratch/ours"
}
check "route get agrees with ip route get" wait_for 5 agrees
check "a route that is not forwarded says why" says '^10.77.1.1 10.77.0.0/16 blackhole' \
	at r route get 10.77.1.1
wrong_line() { printf '10.0.0.1\nrubbish\n' | at r route get -; }
check "what is no address is named with its line" fails_saying 'line 2: "rubbish"' wrong_line
many() {
	local began ended
	for i in {1..10000}; do echo "10.$((RANDOM % 256)).$((RANDOM % 256)).1"; done > "$scratch/many"
	began=$(date +%s%N)
	at r route get - < "$scratch/many" > "$scratch/ours" || return 1
	ended=$(date +%s%N)
	equal 10000 "$(wc -l < "$scratch/ours")" answers || return 1
	echo "$(((ended - began) / 1000000)) ms"
	at_least $(((ended - began) / 1000000)) 2000 "the limit, in ms"
}
check "10,000 addresses in a moment" many
diag "$(tail -n 1 "$said")"

# ---- what is counted -----------------------------------------------------------------

on a ping -q -c 100 -i 0.005 -W 2 10.0.2.2 > /dev/null
counted=$(at r -j counter show | jq -s 'map(select(.name == "forwarded" and .port == "left").packets) | add')
check "counters are the ports' reasons" equal "$(reason r left forwarded)" "$counted"
check "counters by name" json 'length == 2 and all(.kind == "forward")' counter show forwarded
check "no such counter" fails_saying 'there is no counter "nothing"' at r counter show nothing
receive b "$scratch/got" -i eth0 -n 50 -t 5
on a sluice-lab send -i eth0 -d 239.1.1.1 -n 50 -r 2000 > "$scratch/sent"
wait $receiver
check "a group and its leg" json 'length == 1 and .[0].packets == 50 and .[0].from == "left" and
	(.[0].legs | length == 1 and .[0].to == "right" and .[0].ttl == 9 and .[0].packets == 50)' group
check "in text" says '^(\*, 239.1.1.1)  from left' at r group show
flowing() {
	on a ping -q -c 60 -i 0.005 -s 1000 -W 2 10.0.2.2 > /dev/null
	json 'any(.object == "measure" and .packets > 0) and
		any(.object == "flow" and .key["ip.src"] == "10.0.1.2" and .bytes > 0 and
		    .low <= .bytes and .bytes <= .high)' flow show
}
check "flows, with their bounds" wait_for 5 flowing
check "top, piped: one screen of everything" says '^  to right' at r top --interval 0.2

# ---- what changes -----------------------------------------------------------------------

sluice -n "$LAB.r" monitor > "$scratch/monitor" & monitor=$!
sluice -n "$LAB.r" -j monitor > "$scratch/monitor.json" & monitor_json=$!
sleep 0.5
echo 'port left = "left"; port right = "right"; route main;' > "$scratch/lib.sluice"
echo 'include "lib.sluice"; # with a remark' > "$scratch/edge.sluice"
check "apply, with an include" says "^generation $((first + 1))" at r apply "$scratch/edge.sluice"
check "both documents run, as they were written" eval \
	'at r policy show | grep -q remark && at r policy show "$scratch/lib.sluice" | grep -q "route main"'
check "what is not right is refused, with its place" fails_saying 'edge.sluice:1:.*error' \
	eval 'echo "rout main;" > "$scratch/edge.sluice"; at r apply "$scratch/edge.sluice"'
check "and the generation stays" equal $((first + 1)) "$(generation r)"
check "the monitor told: a candidate" wait_for 5 grep -q "candidate generation $((first + 1))" "$scratch/monitor"
check "its verdict" wait_for 5 grep -q "verdict generation $((first + 1)) accepted true" "$scratch/monitor"
check "and what changed" wait_for 5 grep -q "set generation .* document key .*lib.sluice" "$scratch/monitor"
followed() {
	jq -es --argjson g $((first + 1)) \
		'any(.event == "verdict" and .generation == $g and .accepted and .time > 1e9)' \
		"$scratch/monitor.json"
}
check "in JSON too" wait_for 5 followed
kill $monitor $monitor_json

# ---- who may -------------------------------------------------------------------------------

nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$top/build/sluice" -n "$LAB.r" "$@"; }
exits() { local wanted=$1; shift; "$@"; equal "$wanted" $? "exit code"; }
check "no permission to ask" fails_saying "permission\|root" nobody status
check "is exit code 3" exits 3 nobody status
check "no permission to change" fails_saying "permission" nobody apply "$scratch/lib.sluice"
check "no daemon is exit code 3" exits 3 sluice -n nowhere status
check "the query socket is root's alone" equal 600 "$(stat -c %a "$run/query.sock")"
finish
