#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Filters on real traffic: what a rule says happens to packets, and to nothing else; its counters are
# what was sent, to the last packet, over commits under load and kill -9; a packet meets the
# rules of one policy only.
. "$(dirname "$0")/lib.sh"
need ping iperf3 perl
in_lab <<END
lab filter;
host a { default via 10.0.1.1; default via 2001:db8:1::1; exec "iperf3 -s"; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; exec "iperf3 -s"; }
router r { exec "iperf3 -s"; }
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
END

head=$(cat <<-END
	port left = "left"; port right = "right";
	route main;
	set offenders : ip.src size 64;
END
)
neighbours='allow if arp; allow if ip6 and icmp.type in { 133-136 };'
edge() {
	cat <<-END
		$head
		filter left {
		    drop if ip.src in offenders;
		    count "probes" if udp.dst == 5001;
		    police 100pps burst 20 if udp.dst == 5003;
		    emit "knock" if udp.dst == 5004;
		    mark 7 if udp.dst == 5007;
		    $neighbours
		    drop if udp.dst == 5002;
		    allow if udp.dst in { 5001, 5003-5007 };
		    allow if icmp;
		    allow if tcp.dst == 5201 and ip.dst in { 10.0.2.0/24, 2001:db8:2::/48 };
		    allow if socket == established;
		    ${1-drop;}
		}
	END
}
edge > "$scratch/edge.sluice"

not() { ! "$@"; }
says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
pings() { on a ping -q -c 2 -i 0.1 -W 1 "$1"; }
flush_neighbours() { on a ip neigh flush dev eth0; on r ip neigh flush dev left; }
# rule TEXT: what the rule that contains it has counted, "packets bytes"
rule() {
	at r -j policy show --counters | jq -r --arg text "$1" \
		'select(.text | contains($text)) | "\(.packets) \(.bytes)"'
}
named() { at r -j counter show "$1" | jq -r '"\(.packets) \(.bytes)"'; }
mac=$(mac_of r left)
# sends PORT COUNT [OPTION...]: frames of 100 bytes from a to b
sends() { on a sluice-lab send -i eth0 -d 10.0.2.2 -m "$mac" -p "$1" -n "$2" -l 100 -r 5000 "${@:3}"; }

check "sluiced starts" start_daemon r
check "pings without a filter" wait_for 10 pings 10.0.2.2
check "the policy" says '13 rules' at r apply "$scratch/edge.sluice"

# ---- what rules do -----------------------------------------------------------------

flush_neighbours
check "allowed, with ARP: ping" wait_for 5 pings 10.0.2.2
check "to this host, too" pings 10.0.1.1
flush_neighbours
check "and with neighbour discovery" wait_for 5 pings 2001:db8:2::2
tcp() { on "$1" timeout 10 iperf3 -c "$2" -n 1M --connect-timeout 1000 "${@:3}"; }
check "TCP through it" tcp a 10.0.2.2
check "over IPv6" tcp a 2001:db8:2::2
check "to this host it is dropped by default" not tcp a 10.0.1.1
check "from this host it comes back: socket == established" tcp r 10.0.1.2
check "also the other way of the data" tcp r 2001:db8:1::2 -R
check "what nobody has opened does not" not tcp a 2001:db8:1::1

counted() {	# PORT RULE COUNT FORWARDED
	receive b "$scratch/b" -i eth0 -t 20 -S 5 || return 1
	sends "$1" "$3" -S 5
	received
	equal "$4" "$(got "$scratch/b" eth0 distinct)" "that came through" &&
	equal "$3 $(($3 * 100))" "$(rule "$2")" "counted by the rule" || { at r policy show --counters -s; return 1; }
}
check "counted to the last packet and byte" counted 5001 'count "probes"' 1234 1234
check "by its name" equal "1234 123400" "$(named 'count probes')"
check "dropped and counted" counted 5002 'drop if udp.dst == 5002' 500 0
margin() { at r policy show --counters | grep -q '^ *1.2k  *123.4k | .*count "probes"'; }
check "with units, in the margin" margin
check "json has file, line and ports" eval 'at r -j policy show --counters |
	jq -es ".[0] | [.file, .line, .ports] == [\"$scratch/edge.sluice\", 5, [\"left\"]]"'

police() {
	local n had
	had=$(reason r left policed)
	receive b "$scratch/b" -i eth0 -t 20 -S 6 || return 1
	sends 5003 2000 -S 6 -r 1000
	received
	n=$(got "$scratch/b" eth0 distinct)
	echo "$n came through in 2 s"
	at_least 200 "$n" && at_least "$n" 245 && equal $((2000 - n)) $(($(reason r left policed) - had)) policed
}
check "a rate is kept" police

check "an address enters the set: dropped" eval 'at r set add offenders 10.0.1.2 && not pings 10.0.2.2'
check "the other family goes on" pings 2001:db8:2::2
check "is taken out: goes on" eval 'at r set del offenders 10.0.1.2 && pings 10.0.2.2'

marked() {
	on r nft -f - <<-END || return 1
		table inet marks {
		    chain c {
			type filter hook prerouting priority -300;
			meta mark 7 counter
			udp dport 5007 counter
			udp dport 5005 meta mark 7 counter
		    }
		}
	END
	on a sluice-lab send -i eth0 -d 10.0.1.1 -m "$mac" -p 5007 -n 50 -l 100 &&
	on a sluice-lab send -i eth0 -d 10.0.1.1 -m "$mac" -p 5005 -n 50 -l 100 || return 1
	on r nft list table inet marks
	equal "50 50 0" "$(on r nft -j list table inet marks |
		jq -r '[.nftables[].rule | values | .expr[] | .counter | values | .packets] | join(" ")')"
}
if on r nft list tables > /dev/null 2>&1; then
	check "a mark reaches the stack, and only of the packets that were marked" marked
else
	skip "a mark reaches the stack" "nft does not work here"
fi

# ---- events ------------------------------------------------------------------------

sluice -n "$LAB.r" -j monitor > "$scratch/monitor" & monitor=$!
sleep 0.3
told() { jq -es "$1" "$scratch/monitor"; }
sends 5004 1 > /dev/null
check "emit tells who, where and by which rule" wait_for 5 told 'map(select(.event == "emit")) | length == 1 and
	(.[0] | [.text, .line, .port, .src, .dst, .proto, .dport, .length] ==
	["knock", 8, "left", "10.0.1.2", "10.0.2.2", "udp", 5004, 100])'
sends 5004 3000 -r 20000 > /dev/null
all_told() {
	local emitted lost full
	emitted=$(jq -s 'map(select(.event == "emit")) | length' "$scratch/monitor")
	lost=$(jq -s 'map(select(.event == "emit-lost").events) | add // 0' "$scratch/monitor")
	full=$(at r -j counter show events-lost | jq '.packets // 0')
	echo "$emitted told, $lost not, ${full:=0} that found no room"
	equal 3001 $((emitted + lost + full)) && at_least "$emitted" 1500
}
check "more of them than anybody reads: what is not told is counted" wait_for 5 all_told
kill $monitor

# ---- what is dropped ---------------------------------------------------------------------

# ask REQUEST: the daemon's answer, as "sluice trace --live" asks
ask() {
	perl -MIO::Socket::UNIX -e 'my $s = IO::Socket::UNIX->new(Peer => $ARGV[0]) or die $!;
		print $s "$ARGV[1]\n"; while (<$s>) { print; last if /"(end|error)":/; }' \
		"/run/sluice/netns/$LAB.r/query.sock" "$1"
}
sampled() {
	local seen
	seen=$(ask '{"show":"drop"}' | jq 'select(.object == "drops").last')
	sends 5002 3 -r 10 > /dev/null
	ask "{\"show\":\"drop\",\"after\":$seen}" | tee /dev/stderr | jq -es 'map(select(.dport == 5002)) |
		length == 3 and (.[0] | [.reason, .line, .text, .port, .src, .length] ==
		["filtered", 11, "drop if udp.dst == 5002;", "left", "10.0.1.2", 100])'
}
check "while somebody looks, what is dropped is told, and by which rule" sampled
live() {
	timeout 3 sluice -n "$LAB.r" trace --live > "$scratch/live" &
	sleep 1
	sends 5002 3 -r 10 > /dev/null
	wait $!
	cat "$scratch/live"
}
check "sluice trace --live shows it" says \
	' filtered left 10.0.1.2:[0-9]* > 10.0.2.2:5002 udp 100 bytes, .*edge.sluice:11: drop if udp.dst == 5002;$' live
sleep 3.2
unwatched() {
	local seen
	seen=$(ask '{"show":"drop"}' | jq 'select(.object == "drops").last')
	sleep 3.2
	sends 5002 3 -r 10 > /dev/null
	equal "$seen" "$(ask '{"show":"drop"}' | jq 'select(.object == "drops").last')"
}
check "when nobody does, nothing is" unwatched

# ---- counters over commits -------------------------------------------------------------

before=$(generation r)
check "a mistake is shown" fails_saying 'is called "nowhere"' apply r <<< "$(edge 'drop if ip.src in nowhere;')"
check "what ran goes on" equal "$before" "$(generation r)"
check "with its counters" equal "1234 123400" "$(rule 'count "probes"')"
dropped=$(rule 'drop if udp.dst == 5002')
check "a rule more" apply r <<< "$(edge 'drop if tcp.dst == 99; drop;')"
check "rules that say the same go on counting" equal "1234 123400" "$(rule 'count "probes"')"
check "at their new places" equal "509 50900 509 50900" "$dropped $(rule 'drop if udp.dst == 5002')"

# A packet bears the marks of one policy: it is counted as x and x, or as y and y.
pair() {
	cat <<-END
		$head
		filter left {
		    $neighbours
		    count "all" if udp.dst == 5001;
		    count "$1 one" if udp.dst == 5001;
		    $([ "$1" = x ] || echo "drop if ip.src == 203.0.113.1;")
		    count "$1 two", allow if udp.dst == 5001;
		    allow if icmp;
		    drop;
		}
	END
}
for p in x y; do pair $p > "$scratch/$p.sluice"; done
packets() { local n; n=$(named "count $1"); echo "${n% *}"; }
check "policy x" at r apply "$scratch/x.sluice"
load 90
commits=$([ -n "${SLOW-}" ] && echo 50 || echo 20)
check "$commits commits under load" swaps $((commits / 2))
check "the load was a load" unload 500
check "nothing lost" got_all "$scratch/b" eth0 "$sent"
whole() {
	local x y
	x=$(rule 'count "x one"')
	equal "$x" "$(rule 'count "x two"')" "packets that met both of x's rules" &&
	equal "${x% *}" "$(packets "x one")" "by name" &&
	at r apply "$scratch/y.sluice" || return 1
	y=$(rule 'count "y one"')
	equal "$y" "$(rule 'count "y two"')" "packets that met both of y's rules" &&
	at_least 1 "${x% *}" && at_least 1 "${y% *}" &&
	equal "$sent" $((${x% *} + ${y% *})) "by one or the other" &&
	at r apply "$scratch/x.sluice" && equal "$x" "$(rule 'count "x one"')" "when it is back"
}
check "no packet met rules of both; a rule that comes back goes on counting" whole
check "the rule that both have counted all of them" equal "$sent $((sent * 100))" "$(rule 'count "all"')"

load 90
had=$sent
kill -KILL "$daemon"
wait "$daemon" 2> /dev/null
sleep 1
check "kill -9, and another sluiced" start_daemon r
sleep 0.5
check "the load was a load" unload 500
check "nothing lost" got_all "$scratch/b" eth0 "$sent"
check "no packet was not counted" equal "$((had + sent)) $(((had + sent) * 100))" "$(rule 'count "all"')"

# ---- the end ----------------------------------------------------------------------------

check "status tells of filters" eval 'at r -j status | jq -e ".filters | .rules == 7 and .ports == 1 and
	(.sets | map([.name, .size, .elements])) == [[\"offenders\", 64, 0]]"'
check "nothing is not as asked" eval 'at r -j status | jq -e ".notes == []"'
check "no filter: everything passes" apply r <<< 'port left = "left"; port right = "right"; route main;'
check "TCP to this host, too" tcp a 10.0.1.1
finish
