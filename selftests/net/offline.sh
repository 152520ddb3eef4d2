#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The verbs that need no daemon make up one and the same world: what testgen expects of a packet is what trace
# says of its words, and what replay makes of the capture, by the programs and by the plain meaning.
set -uo pipefail
cd "$(dirname "$0")/../.."
[ "$(id -u)" = 0 ] || { echo "1..0 # SKIP needs root to load programs"; exit 4; }
for tool in jq tshark; do
	command -v $tool > /dev/null || { echo "1..0 # SKIP $tool is not installed"; exit 4; }
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
sluice=$PWD/build/sluice
cd "$scratch" || exit 1
n=0

check() {
	local name=$1
	shift
	n=$((n + 1))
	"$@" > said 2>&1 && { echo "ok $n - $name"; return; }
	echo "not ok $n - $name"
	tail -n 30 said | sed 's/^/# /'
}

# ---- testgen and trace -------------------------------------------------------------

cat > three.sluice <<'END'
port a = "eth0"; port b = "eth1"; port c = "eth2";
route main;
filter a { drop if tcp.dst == 5; }
filter b { drop if tcp.dst == 6; count "odd" if eth.dst == 02:00:00:00:00:01; allow if ip.dst == 192.0.2.0/24; }
filter c { drop if tcp.dst == 7; }
END

expected_is_traced() {
	local packets=()
	"$sluice" testgen -j three.sluice > expected || return 1
	jq -se 'all(.given == [])' expected || return 1
	jq -r '.packet + " " + .verdict + " " + .reason + " " + (.rules | tostring)' expected > wanted
	mapfile -t packets < <(jq -r .packet expected)
	[ ${#packets[@]} -gt 50 ] || { echo "only ${#packets[@]} packets"; return 1; }
	"$sluice" trace -j three.sluice "${packets[@]}" > traced || return 1
	jq -r '.packet + " " + (.outcomes[0] | .verdict + " " + .reason) + " " +
		((.filter.rules // []) | map(select(.matches) | .where) | tostring)' traced > got
	diff wanted got
}
check "what testgen expects is what trace says" expected_is_traced
# But where the rule on eth.dst is nearly met.
no_strangers() { ! grep -v eth.dst=02:00:00:00:00:00 wanted | grep other_mac; }
check "each packet is addressed to the port that it comes in on" no_strangers

interfaces() {
	"$sluice" testgen -w shown.pcap three.sluice || return 1
	tshark -r shown.pcap -T fields -e frame.interface_name -e eth.dst 2> /dev/null |
		grep -v '	\(01:00:5e\|33:33\|02:00:00:00:00:00\)' | sort -u > got
	for i in 0 1 2; do echo "eth$i	02:00:00:00:00:0$((i + 1))"; done | diff - got
}
check "the capture has an interface a port" interfaces
capture_is_traced() {
	tshark -r shown.pcap -T fields -e frame.comment 2> /dev/null | sed 's/^.*: \([a-z]* [a-z_]*\).*/\1/' > wanted
	"$sluice" trace -j three.sluice --pcap shown.pcap | jq -r '.outcomes[0] | .verdict + " " + .reason' > got
	[ "$(wc -l < got)" -gt 50 ] && diff wanted got
}
check "what stands beside each packet in it is what trace makes of it" capture_is_traced
capture_is_replayed() {
	"$sluice" replay --engine both --policy three.sluice --pcap shown.pcap > replayed || return 1
	cat replayed
	grep -q ' came in on a, b, c$' replayed && grep -q ' 0 disagreements$' replayed
}
check "and on these ports it is replayed" capture_is_replayed
one_port() {
	"$sluice" replay --engine eval --port b --policy three.sluice --pcap shown.pcap | grep ' came in on b$'
}
check "or on the one that is asked for" one_port

# ---- replay -------------------------------------------------------------------------

cat > sets.sluice <<'END'
port a = "eth0";
set bad : ip.src size 64 timeout 1ms;
set few : l4.dst size 2;
set macs : eth.src size 8;
set protocols : ip.proto size 4;
filter a {
	count "before" if ip.src in bad;
	drop if l4.dst in few and ip.proto in protocols;
	police 1pps burst 1 per ip.src, insert ip.proto into protocols if ip4;
	insert eth.src into macs, insert ip.src into bad if tcp.dst == 23;
	insert l4.dst into few if tcp.dst in { 5, 6, 7, 8 };
	drop if ip.src in bad and tcp.dst == 22;
	drop if eth.src in macs and udp.dst == 9;
	allow if ip.src in 10.0.0.0/30;
	drop if icmp.type == 3;
}
END
echo "set add bad 10.0.0.2" > elements
echo "set add bad 10.0.0.3 timeout 1h" >> elements
said_of() { jq -r "select(.object == \"$1\" and .name == \"$2\") | .packets" replayed; }
replayed() {
	"$sluice" testgen --objects elements -w sets.pcap sets.sluice &&
	"$sluice" -j replay --policy sets.sluice --objects elements --engine "$1" \
		--pcap sets.pcap sets.pcap > replayed &&
	cat replayed
}
follows_sets() {
	replayed both && jq -se '.[0] | .disagreements == 0 and .unpoliced > 50' replayed &&
	[ "$(said_of reason filtered)" -gt 20 ] && ! said_of reason policed | grep .
}
check "programs and plain meaning agree on what rules insert, and keep no rate" follows_sets
same_alone() {
	replayed bpf && grep -v '"object":"replay"' replayed > bpf &&
	replayed eval && grep -v '"object":"replay"' replayed | diff bpf -
}
check "each alone says the same" same_alone

# ---- what a capture does not have -----------------------------------------------------

# Two packets of 100 bytes: of the first 40 are there, of the second all.
cut_capture() {
	local frame
	frame='\x02\0\0\0\0\1\x02\0\0\0\0\5\x08\0'		# Ethernet
	frame+='\x45\0\0\x56\0\0\0\0\x40\x06\xf6\x9e\xc0\0\2\1\xc0\0\2\2'	# IPv4
	frame+='\0\1\0\x16\0\0\0\0\0\0\0\0\x50\2\0\0'		# TCP, in part
	printf '\xd4\xc3\xb2\xa1\2\0\4\0\0\0\0\0\0\0\0\0\0\0\4\0\1\0\0\0'
	printf '\0\0\0\0\0\0\0\0\x28\0\0\0\x64\0\0\0'
	printf "$frame" | head -c 40
	printf '\1\0\0\0\0\0\0\0\x64\0\0\0\x64\0\0\0'
	{ printf "$frame"; head -c 50 /dev/zero; }
}
cut_capture > cut.pcap
echo 'port a = "eth0"; filter a { drop if tcp.dst == 22; }' > one.sluice
says_what_is_cut() {
	"$sluice" trace --pcap cut.pcap one.sluice > traced; cat traced
	[ "$(grep -c '^cut  *only 40 bytes were captured' traced)" = 1 ] &&
	[ "$(grep -c ', if the bytes that were not captured are zeroes$' traced)" = 1 ] &&
	"$sluice" trace -j --pcap cut.pcap one.sluice |
		jq -se 'map([.length, .captured, .outcomes[0].reason]) ==
			[[100, 40, "tcp_header"], [100, null, "filtered"]]'
}
check "trace says of which packets there is less" says_what_is_cut
replay_says_so() {
	"$sluice" -j replay --engine eval --each --policy one.sluice --pcap cut.pcap |
		jq -se 'map(select(.object == "packet") | .captured) == [40, null] and any(.cut == 1)'
}
check "and so does replay" replay_says_so
echo "1..$n"
