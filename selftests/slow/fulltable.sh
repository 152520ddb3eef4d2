#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A full table that the kernel has already: how long sluiced takes from its start until all of it is
# in the data path, how large that is, and how long a question to the daemon waits meanwhile.
#
# 900,000 IPv4 and 160,000 IPv6 prefixes, recorded ones where there are so many, by 250 next hops.
# SLUICE_TABLE4, SLUICE_TABLE6, SLUICE_NEXTHOPS say otherwise. The kernel alone takes some ten
# seconds to load them, and some 300 MB: not run by "make test".
. "$(dirname "$0")/../net/lib.sh"
need perl
table4=${SLUICE_TABLE4:-900000} table6=${SLUICE_TABLE6:-160000} nexthops=${SLUICE_NEXTHOPS:-250}

RIB=$top/build/rib/full-$table4-$table6-$nexthops
if [ -z "${LAB-}" ]; then
	mkdir -p "$top/build/rib"
	recorded=()
	for name in pyasn-ipasn6_20151101.dat iplocdb-asn-20260617-ipv4.cidr.txt \
			iplocdb-asn-20260617-ipv6.cidr.txt pyasn-ipasn_20140513.dat \
			cptrie-ip6-routes-19653.txt cptrie-ip6-routes-23367.txt; do
		[ ! -r "$data/bgp/$name.gz" ] || recorded+=("$data/bgp/$name.gz")
	done
	# Prefixes that are for anybody, each once; what is missing is generated.
	[ -s "$RIB" ] || {
		[ ${#recorded[@]} = 0 ] || zcat "${recorded[@]}"
		sluice-lab rib "$table4" "$table6"
	} | awk -v n4="$table4" -v n6="$table6" \
			-v hops="$nexthops" '
		/^;/ || NF < 2 || $1 in seen { next }
		/:/ {
			if (!/^[23]/ || /^2001:db8:9:/ || i6 == n6) next
			seen[$1]; i6++
			printf "route add %s via 2001:db8:9::%x dev uplink\n", $1, 2 + $2 % hops
			next
		}
		{
			first = $1 + 0
			if (!first || first == 10 || first == 127 || first >= 224 || i4 == n4) next
			seen[$1]; i4++
			printf "route add %s via 10.9.0.%d dev uplink\n", $1, 2 + $2 % hops
		}' > "$RIB.new" && mv "$RIB.new" "$RIB"
fi
in_lab <<'END'
lab full;
host peer { }
host h1 { }
router r1 { }
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link peer.eth0 10.9.255.254/16 2001:db8:9::ffff/64 -- r1.uplink 10.9.0.1/16 2001:db8:9::1/64;
END
trap '[ -z "${daemon-}" ] || kill -KILL "$daemon" 2>/dev/null; sluiced -n "$LAB.r1" --remove 2>/dev/null' EXIT

load() {
	local family
	awk -v n="$nexthops" 'BEGIN { for (i = 2; i < n + 2; i++) {
		mac = sprintf("02:00:00:00:%02x:%02x", i / 256, i % 256)
		printf "neigh replace 10.9.%d.%d dev uplink lladdr %s nud permanent\n", i / 256, i % 256, mac
		printf "neigh replace 2001:db8:9::%x dev uplink lladdr %s nud permanent\n", i, mac } }' |
		on r1 ip -batch - &&
	for family in 4 6; do
		grep -"$([ $family = 4 ] && echo v)"e : "$RIB" | on r1 ip -$family -force -batch - 2>&1 |
			tail -n 3
	done
	kernel4=$(on r1 ip -4 route | grep -c 'via 10\.9\.')
	kernel6=$(on r1 ip -6 route | grep -c 'via 2001:db8:9:')
	at_least "$((table4 - 100))" "$kernel4" "IPv4 routes in the kernel" &&
	at_least "$((table6 - 100))" "$kernel6" "IPv6 routes in the kernel"
}

cpu_s() { awk -v hz="$(getconf CLK_TCK)" '{ printf "%.2f", ($14 + $15) / hz }' "/proc/$daemon/stat"; }
now_ms() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
# Answers, and how long the slowest took
taken() {
	local began status
	began=$(now_ms)
	status=$(at r1 -j status 2>/dev/null)
	ms=$(($(now_ms) - began))
	[ -n "$status" ] || return 1
	[ "$ms" -le "$slowest" ] || slowest=$ms
	jq -e ".routes.ready and .routes.ip4 >= $kernel4 and .routes.ip6 >= $kernel6" <<< "$status" \
		> /dev/null
}

# From the start until its status says that all is taken, asked every 100 ms
take() {
	local began
	cat > "$scratch/policy" <<< 'port lan = "lan"; port uplink = "uplink"; route main;'
	slowest=0
	began=$(now_ms)
	${SLUICED_UNDER-} sluiced -n "$LAB.r1" --policy "$scratch/policy" 2> "$scratch/sluiced.log" &
	daemon=$!
	until taken; do
		[ $(($(now_ms) - began)) -lt 60000 ] || { at r1 status; cat "$scratch/sluiced.log"; return 1; }
		sleep 0.1
	done
	elapsed=$(($(now_ms) - began)) cpu=$(cpu_s)
	bytes=$(at r1 -j status | jq .routes.table_bytes)
	rss=$(awk '/^VmRSS/ { print int($2 / 1024) }' "/proc/$daemon/status")
}

figures() {
	local lines=("routes $kernel4 + $kernel6" "elapsed_ms $elapsed" "cpu_s $cpu" "table_bytes $bytes"
		     "rss_MB $rss" "slowest_answer_ms $slowest" "load $(cut -d ' ' -f 1 /proc/loadavg)")
	diag "${lines[@]}"
}

# The kernel's answers for some of the prefixes
agrees() {
	local wrong
	awk -v n4="$table4" -v n6="$table6" '
		{ step = /:/ ? n6 / 100 : n4 / 100; split($3, p, "/") }
		/:/ ? int(i6 / step) != int(++i6 / step) : int(i4 / step) != int(++i4 / step) { print p[1] }
		' "$RIB" > "$scratch/ask"
	at_least 50 "$(wc -l < "$scratch/ask")" "addresses to ask for" || return 1
	while read -r address; do
		on r1 ip route get "$address" | grep -o 'via [^ ]*'
	done < "$scratch/ask" > "$scratch/wanted"
	at r1 -j route get - < "$scratch/ask" > "$scratch/got"
	wrong=$(jq -r '"via " + .nexthops[0].via' "$scratch/got" | diff - "$scratch/wanted" | grep -c '^[<>]')
	equal 0 "$wrong" "answers that differ" || { head -n 2 "$scratch/got" "$scratch/wanted"; return 1; }
}

if check "the kernel has $table4 + $table6 routes" load && check "sluiced takes them" take; then
	figures
	check "in less than 5 s (CPU time of the daemon: others may run here)" \
		awk "BEGIN { exit !($cpu < 5) }"
	check "in less than 40 MB of tables" awk "BEGIN { exit !($bytes < 40e6) }"
	check "its answers are the kernel's" agrees
fi
finish
