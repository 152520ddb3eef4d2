#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Updates come in while packets are forwarded: not one is lost, and at each checkpoint the data path
# sends packets where the kernel would. Played straight into the kernel's table by "sluice-lab play";
# a burst first, then in time. Then the whole table is compared; a route that sluice does not
# have must be found by that.
#
# The long one, with recorded updates over a full table, is slow/replays.sh.
. "$(dirname "$0")/lib.sh"

in_lab <<'END'
lab churn;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host isp { }
router r1 {
	default via 10.0.9.2; default via 2001:db8:9::2;
	run <<NEIGHBOURS
		for i in 2 3 4 5; do
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

hops=10.0.9.2,10.0.9.3,10.0.9.4,10.0.9.5,2001:db8:9::2,2001:db8:9::3,2001:db8:9::4,2001:db8:9::5
other_hops=10.0.9.5,10.0.9.2,10.0.9.3,10.0.9.4,2001:db8:9::5,2001:db8:9::2,2001:db8:9::3,2001:db8:9::4
# 20,000 prefixes; then 6,000 changes in a second: three of four announce, half of those anew.
sluice-lab rib 15000 5000 > "$scratch/table"
awk 'BEGIN { srand(3) }
	{ prefix[NR] = $1 }
	END { for (i = 0; i < 6000; i++) {
		p = prefix[1 + int(rand() * NR)]
		if (rand() < 0.4 && p !~ /:/) { split(p, b, /[.\/]/); p = b[1] "." b[2] "." int(rand() * 256) ".0/24" }
		printf "%.4f ", 1000 + i / 6000; print rand() < 0.25 ? "w" : "a", p, int(rand() * 1000) } }' \
	"$scratch/table" > "$scratch/changes"
to=$(awk '!/:/ { split($1, p, "/"); printf "%s%s", n++ ? "," : "", p[1] } n == 50 { exit }' "$scratch/table")

agreed() {
	jq . "$1"
	equal 0 "$(jq .wrong "$1")" "wrong answers" &&
	equal 0 "$(jq .passed_up "$1")" "passed up though the kernel forwards" &&
	at_least "$2" "$(jq .forwarded "$1")" "forwarded"
}
play() {
	on r1 sluice-lab play -i lan "$@" > "$scratch/played"
	local code=$?
	agreed "$scratch/played" 500 && equal 0 $code "its exit code"
}
all_agree() {
	on r1 sluice-lab compare -i lan -n 2000 > "$scratch/compared"
	local code=$?
	agreed "$scratch/compared" 50000 && equal 0 $code "its exit code"
}
nothing_lost() {
	kill -TERM $sender
	wait $sender
	local sent
	sent=$(jq .sent "$scratch/sent")
	received || { cat "$scratch/got.err"; return 1; }
	at_least 1000 "$sent" "frames sent" &&
	got_all "$scratch/got" eth0 "$sent"
}
took() { jq -c '{play_s, behind_s, late, latency_us}' "$scratch/played"; }

receive isp "$scratch/got" -i eth0 -t 60
exec_on h1 sluice-lab send -i eth0 -d "$to" -m "$(mac_of r1 lan)" -r 5000 -t 60 > "$scratch/sent" &
sender=$!
check "20,000 routes, then 6,000 changes in a second" \
	play -v "$hops" -b "$scratch/table" -c 100 -n 20 -x 1 "$scratch/changes"
diag "$(took)"
check "the same by other next hops, as fast as it goes" \
	play -v "$other_hops" -c 50 -n 20 -x 0 "$scratch/changes"
diag "$(took)" "status: $(at r1 -j status | jq -c .routes.updates)"
check "no packet was lost meanwhile" nothing_lost
check "each prefix, and 2,000 addresses of anywhere: as the kernel" all_agree
diag "$(jq -c . "$scratch/compared")"

# A test that cannot fail shows nothing: with the daemon stopped its table grows old.
grows_old() {
	local pid
	pid=$(at r1 -j status | jq .pid)
	kill -STOP "$pid"
	on r1 ip route replace 203.0.114.0/24 via 10.0.9.5
	on r1 sluice-lab compare -i lan -n 0 -w 0.01 > "$scratch/compared" 2> "$scratch/wrongs"
	local code=$?
	kill -CONT "$pid"
	cat "$scratch/compared" "$scratch/wrongs"
	equal 1 $code "exit code of a comparison that must fail" &&
	grep -q '^203.0.114.0: the kernel via 10.0.9.5' "$scratch/wrongs"
}
check "a route that the data path does not have yet is found" grows_old
finish
