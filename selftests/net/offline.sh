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
	jq -e 'select(.given != [])' expected && return 1
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
echo "1..$n"
