#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Recorded updates over a full table, while packets are forwarded: 23,446 of LINX at 100 times their own
# pace, then an MRT file's 53,786 at 100 times, then as fast as the kernel takes them. No packet is
# lost, and at 1,000 checkpoints each the data path sends packets where the kernel would. How long
# a change takes from the kernel's notification into the data path is printed, and what the daemon says of that.
#
# Needs the recordings of ../shared/data. SLUICE_BASE: the table below; REPLAY_RATE: packets a second.
. "$(dirname "$0")/../net/lib.sh"
need xz
rate=${REPLAY_RATE:-10000}
base=${SLUICE_BASE:-$data/bgp/pyasn-ipasn6_20151101.dat.gz}
linx=$data/bgp/linx-update.20141217.0000-p52.txt.xz
burst=$data/bgp/bgpkit-rrc15-2010.02-updates.20100227.1600.gz
for file in "$base" "$linx" "$burst"; do [ -r "$file" ] || skip_all "no $file"; done

in_lab <<'END'
lab replays;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host isp { }
router r1 {
	default via 10.0.9.2; default via 2001:db8:9::2;
	run <<NEIGHBOURS
		for i in 2 3 4 5 6 7 8 9; do
			ip neigh replace 10.0.9.$i lladdr 02:00:00:00:09:0$i dev uplink nud permanent
			ip neigh replace 2001:db8:9::$i lladdr 02:00:00:00:09:0$i dev uplink nud permanent
		done
	NEIGHBOURS;
	sluiced <<POLICY
		port lan = "lan";
		port uplink = "uplink";
		route main;
	POLICY;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link isp.eth0 10.0.9.2/24 2001:db8:9::2/64 -- r1.uplink 10.0.9.1/24 2001:db8:9::1/64;
END

hops() { for i in "$@"; do printf '10.0.9.%d,2001:db8:9::%d,' "$i" "$i"; done; }
# Addresses of prefixes that change, and of some that do not
to=$({ xz -dc "$linx" | awk '{ print $3 }' | sort | uniq -c | sort -rn | awk 'NR <= 30 { print $2 }'
	zcat "$base" | awk '/^[1-9]/ && !/:/ && n++ % 20000 == 7 { print $1 }'
	} | awk '{ split($1, p, "/"); printf "%s%s", n++ ? "," : "", p[1] }')

play() {
	on r1 sluice-lab play -i lan "$@" > "$scratch/played"
	local code=$?
	jq . "$scratch/played"
	equal 0 "$(jq .wrong "$scratch/played")" "wrong answers" &&
	equal 0 "$(jq .refused "$scratch/played")" "changes that the kernel refused" &&
	equal 0 $code "its exit code"
}
replay() {
	play "$@" && equal 1000 "$(jq .checkpoints "$scratch/played")" "checkpoints"
}
# The whole table, three addresses of each prefix
all_agree() {
	on r1 sluice-lab compare -i lan -n 20000 > "$scratch/compared"
	local code=$?
	jq . "$scratch/compared"
	at_least 600000 "$(jq .forwarded "$scratch/compared")" "forwarded" &&
	equal 0 "$(jq .passed_up "$scratch/compared")" "passed up though the kernel forwards" &&
	equal 0 $code "its exit code"
}
begin_load() {
	receive isp "$scratch/got" -i eth0 -t 600 || return 1
	exec_on h1 sluice-lab send -i eth0 -d "$to" -m "$(mac_of r1 lan)" -r "$rate" -t 600 > "$scratch/sent" &
	sender=$!
}
nothing_lost() {
	kill -TERM $sender
	wait $sender
	local sent
	sent=$(jq .sent "$scratch/sent")
	received || { cat "$scratch/got.err"; return 1; }
	at_least "$rate" "$sent" "frames sent" &&
	got_all "$scratch/got" eth0 "$sent"
}
figures() {
	diag "$(jq -c '{changes, play_s, behind_s, checkpoints, asked, late, wrong, latency_us}' "$scratch/played")" \
	     "status: $(at r1 -j status | jq -c .routes.updates)"
}
shown() {
	begin_load
	check "$1" replay "${@:2}"
	figures
	check "no packet was lost meanwhile" nothing_lost
	diag "$(jq -c '{sent, seconds}' "$scratch/sent")"
}

check "a full table" play -v "$(hops 2 3 4 5 6 7 8 9)" -b "$base" -c 0
diag "$(jq -c '{base, load_s}' "$scratch/played")"
shown "LINX's updates at 100 times their pace" -v "$(hops 3 4 5 6 7 8 9 2)" -x 100 -n 100 "$linx"
shown "a collector's burst at 100 times its pace" -v "$(hops 4 5 6 7 8 9 2 3)" -x 100 -n 100 "$burst"
shown "the burst as fast as it goes" -v "$(hops 5 6 7 8 9 2 3 4)" -x 0 -n 100 "$burst"
check "three addresses of each prefix, and 20,000 of anywhere: as the kernel" all_agree
diag "$(jq -c . "$scratch/compared")"
finish
