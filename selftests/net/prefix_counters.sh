#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# "count prefixes": what is forwarded is counted by the longest listed prefix of its destination, to the
# packet and the byte; what the stack gets is not. Counts go on over a commit that lists one more, and over
# a new daemon.
. "$(dirname "$0")/lib.sh"

in_lab <<'END'
lab counted;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2 { }
router r1 {
	default via 10.0.9.2; default via 2001:db8:9::2;
	run <<NEIGHBOURS
		ip neigh replace 10.0.9.2 lladdr 02:00:00:00:09:02 dev uplink nud permanent
		ip neigh replace 2001:db8:9::2 lladdr 02:00:00:00:09:02 dev uplink nud permanent
	NEIGHBOURS;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link h2.eth0 10.0.9.2/24 2001:db8:9::2/64 -- r1.uplink 10.0.9.1/24 2001:db8:9::1/64;
END

# count [PREFIX...]: applies a policy that counts these
count() {
	local list
	list=$(printf ', %s' "$@")
	{ echo 'port lan = "lan"; port uplink = "uplink"; route main;'
	  [ $# = 0 ] || echo "count prefixes { ${list#, } };"; } > "$scratch/policy"
	at r1 apply "$scratch/policy"
}
listed=(198.18.0.0/15 198.18.7.0/24 2001:db8:5::/48 203.0.113.9)
# send COUNT ADDRESS [OPTION...]: frames of 100 bytes
send() {
	on h1 sluice-lab send -i eth0 -m "$(mac_of r1 lan)" -n "$1" -d "$2" -l 100 "${@:3}"
}
# counted PACKETS PREFIX: so many, of 100 bytes each
counted() {
	local got
	got=$(at r1 -j counter show "prefix $2" | jq -r '"\(.packets) \(.bytes)"')
	equal "$1 $((100 * $1))" "$got" "$2"
}
all_counted() {
	counted 30 198.18.0.0/15 && counted 20 198.18.7.0/24 && counted 10 2001:db8:5::/48 &&
	counted "$1" 203.0.113.9/32
}
send_all() {
	send 30 198.19.255.255,198.18.0.1,198.18.8.7 && send 20 198.18.7.0,198.18.7.255 &&
	send 10 2001:db8:5:1::7 && send 40 203.0.113.8,8.8.8.8 && send 5 203.0.113.9 -T 1 &&
	send 1 203.0.113.9
}

check "a daemon" start_daemon r1
check "a policy that counts" count "${listed[@]}"
check "packets" send_all
check "each is counted by the longest prefix, others not" wait_for 5 all_counted 1
check "one more prefix" count "${listed[@]}" 8.8.8.0/24
check "the others go on" all_counted 1
check "more packets" send 3 8.8.8.8
check "it counts" wait_for 5 counted 3 8.8.8.0/24
check "a daemon that dies" end_daemon KILL
check "meanwhile a packet" send 1 203.0.113.9
check "another one" start_daemon r1
check "finds the counts" wait_for 10 all_counted 2
check "nothing is counted any more" count
check "nor shown" fails_saying "no counter" at r1 counter show "prefix 198.18.0.0/15"
finish
