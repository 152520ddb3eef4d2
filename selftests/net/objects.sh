#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Typed objects: a router that has no policy document gets its ports, a static route and a group by
# commands alone, and packets flow by them; taken away, they do not. Beside documents they are
# parts of one policy, and mistakes in them are said in their own words.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab objt;
host a { default via 10.0.1.1; default via 2001:db8:1::1; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; }
host c { default via 10.0.3.1; }
router r { }
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
link c.eth0 10.0.3.2/24 -- r.third 10.0.3.1/24;
END
daemon() {
	sluiced -n "$LAB.r" >> "$LAB_DIR/sluiced.log" 2>&1 &
	sluiced=$!
	wait_for 60 at r status
}
check "sluiced starts" daemon
# What r's kernel has no route to.
on b ip addr add 10.9.0.1/32 dev lo
on b ip addr add 2001:db8:9::1/128 dev lo

says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }
not() { ! "$@"; }
pings() { on a ping -q -c 1 -W 1 "$1"; }
forwards() {	# ADDRESS: a's packets go by XDP
	local had
	had=$(reason r left forwarded)
	on a ping -q -c 10 -i 0.01 -W 1 "$1" || return 1
	at_least $((had + 10)) "$(reason r left forwarded)" forwarded
}

sluice -n "$LAB.r" -j monitor > "$scratch/monitor" & monitor=$!
sleep 0.5

# ---- no document at all ------------------------------------------------------------

check "before, there is no way" not pings 10.9.0.1
check "port add" says '^generation 1 runs: 1 port$' at r port add left left
check "another, in generic mode" at r port add right right mode generic
check "they run" json 'map([.name, .interface, .mode, .origin]) ==
	[["left", "left", "native", "store"], ["right", "right", "generic", "store"]]' port show
check "route add" says 'routes (1 static)$' at r route add 10.9.0.0/16 via 10.0.2.2 port right
check "its next hop is resolved, though the kernel has no route by it" wait_for 5 \
	says 'managed' on r ip neigh show to 10.0.2.2 dev right
check "and packets flow" wait_for 10 forwards 10.9.0.1
check "the kernel knows nothing of it" fails_saying unreachable on r ip route get 10.9.0.1
check "route show tells it apart" json \
	'length == 1 and .[0].origin == "store" and .[0].published' route show 10.9.0.0/16
check "in text" says '^10.9.0.0/16 via 10.0.2.2 dev right proto store$' at r route show 10.9.0.0/16
check "route get takes it" says '^10.9.0.1 10.9.0.0/16 via 10.0.2.2 dev right' at r route get 10.9.0.1
check "the kernel's routes are mirrored beside it" wait_for 5 forwards 10.0.2.2
check "IPv6, too" at r route add 2001:db8:9::/48 via 2001:db8:2::2 port right
check "and flows" wait_for 10 forwards 2001:db8:9::1

told() { jq -es "$1" "$scratch/monitor" > /dev/null; }
check "the monitor told of each object, by its key" wait_for 5 told 'map(select(.event == "set") |
	[.type, .key]) == [["port", "left"], ["port", "right"], ["route", "main 10.9.0.0/16"],
	["route", "main 2001:db8:9::/48"]]'
kill $monitor
check "an older generation's objects are kept" says '^port add left left$' at r object show -g 1

# ---- which route counts ----------------------------------------------------------------

on r ip route add 10.9.0.0/16 via 10.0.3.2
check "a static route stands in front of the kernel's" wait_for 5 forwards 10.9.0.1
check "a longer discard" at r route add 10.9.0.1 discard
discards() {
	local had
	had=$(reason r left discard)
	pings 10.9.0.1 && return 1
	at_least $((had + 1)) "$(reason r left discard)" discard
}
check "drops, and counts" discards
check "del brings the shorter one back" at r route del 10.9.0.1
check "packets flow again" forwards 10.9.0.1
check "this host's own address stays its own" eval 'at r route add 10.0.1.1 discard && pings 10.0.1.1'
check "a route without next hop: neighbours on the port" at r route replace 10.9.0.0/16 port right
check "which the kernel does not know" wait_for 5 \
	says '^10.9.0.1 10.9.0.0/16 no_neighbour' at r route get 10.9.0.1
on r ip neigh add 10.9.0.1 lladdr "$(mac_of b eth0)" dev right nud permanent
check "and which it does" wait_for 5 forwards 10.9.0.1
on r ip neigh del 10.9.0.1 dev right
on r ip route del 10.9.0.0/16

# ---- ports come and go -------------------------------------------------------------------

at r route replace 10.9.0.0/16 via 10.0.2.2 port right > /dev/null
wait_for 10 forwards 10.9.0.1
on r ip link set right down
check "a port that is down is said" wait_for 5 says 'port_down\|no_neighbour' at r route get 10.9.0.1
on r ip link set right up
on r ip addr add 2001:db8:2::1/64 dev right 2> /dev/null
check "and comes back by itself" wait_for 15 forwards 10.9.0.1

# ---- groups ----------------------------------------------------------------------------------

copies() {	# NODE COUNT: of 20 packets to the group
	receive "$1" "$scratch/got" -i eth0 -n 20 -t $(($2 ? 20 : 1))
	on a sluice-lab send -i eth0 -d 239.1.1.1 -n 20 -r 1000 > "$scratch/sent"
	wait $receiver
	equal "$2" "$(got "$scratch/got" eth0 distinct)" "at $1"
}
check "group add" says '1 group' at r group add 239.1.1.1 from left to right ttl 9
check "copies go out" copies b 20
at r port add third third > /dev/null
check "another leg" at r group add 239.1.1.1 from left to third
check "to there, too" copies c 20
check "both are shown" json 'length == 1 and (.[0].legs | map([.to, .origin, .ttl]) ==
	[["right", "store", 9], ["third", "store", null]])' group show
check "del of one" at r group del 239.1.1.1 from left to third
check "goes there no more" copies c 0
check "flush of a group" at r group flush 239.1.1.1
check "goes nowhere" copies b 0

# ---- beside documents -------------------------------------------------------------------------

document() { echo "$*" | at r apply -; }
check "a document uses a port that was added" document 'multicast { (*, 239.1.1.1) from left to right; }'
check "what was added stays" json 'map(.command) | index("port add left left") != null and
	index("route add 10.9.0.0/16 via 10.0.2.2 port right") != null' object show
check "a leg is added to the document's group" at r group add 239.1.1.1 from left to third vlan 7
check "and told apart" json '.[0].legs | map([.to, .origin]) == [["right", "policy"], ["third", "store"]]' group
check "the documents are shown as they were applied" says 'from left to right; }$' at r policy show
check "a name cannot be declared twice" fails_saying 'another "left"' document 'port left = "left2";'
check "nor a port be taken away that is used" fails_saying 'no port is called "right"' at r port del right
check "which changes nothing" copies b 20
check "a mistake is shown in its own words" fails_saying '^    route 10.8.0.0/16 via 10.0.2.2 port middle$' \
	at r route add 10.8.0.0/16 via 10.0.2.2 port middle
check "an interface that is not there" fails_saying 'there is no interface "eth77"' at r port add x eth77
check "sets are kept, and that nothing uses them is said" says 'the policy has no such sets' \
	at r set add offenders 192.0.2.0/24 timeout 10m
check "set show" says '^offenders  192.0.2.0/24  .*m .*s  store$' at r set show offenders

# ---- one command, one transaction; a batch, too ---------------------------------------------

runs() { at r -j history | jq -r 'select(.state == "running").number'; }
before=$(runs)
check "add refuses what is there" fails_saying 'it is there already: port left left' at r port add left left
check "del wants it to be there" fails_saying 'no such route' at r route del 10.77.0.0/16
printf 'route add 10.50.0.0/16 discard # one\n\nroute add 10.51.0.0/16 discard\nport del nothing\n' \
	> "$scratch/wrong"
check "-atomic: all or nothing, and which line" fails_saying 'wrong:4: there is no such port' \
	at r -batch "$scratch/wrong" -atomic
check "nothing has changed" equal "$before" "$(runs)"
check "without it, what stood before the mistake is done" fails_saying 'wrong:4:' at r -batch "$scratch/wrong"
check "a generation a line" equal $((before + 2)) "$(runs)"
printf 'route del 10.50.0.0/16\nroute del 10.50.0.0/16\nroute del 10.51.0.0/16\n' > "$scratch/force"
check "-force goes on" fails_saying 'force:2:' at r -batch "$scratch/force" -force
check "to the end" equal $((before + 4)) "$(runs)"
many() {
	local began ended
	seq 0 99999 | awk '{ printf "route add 10.%d.%d.%d discard\n",
		64 + int($1 / 65536), int($1 / 256) % 256, $1 % 256 }' > "$scratch/many"
	began=$(date +%s%N)
	at r -batch "$scratch/many" -atomic || return 1
	ended=$(date +%s%N)
	echo "$(((ended - began) / 1000000)) ms"
	at_least $(((ended - began) / 1000000)) 90000 "the limit, in ms: under emulation, too"
}
check "100,000 routes in one transaction" many
diag "$(tail -n 1 "$said")"
check "they are there" says '^10.65.77.9 10.65.77.9/32 discard' at r route get 10.65.77.9
check "and packets flow beside them" forwards 10.9.0.1
at r object show > "$scratch/saved"
check "flush, with a way back" says 'unless it is confirmed' at r route flush --confirm 60s
check "nothing is left of them" json 'map(select(.type == "route")) == []' object show
check "nor is the way" not pings 10.9.0.1
check "rollback" at r rollback
check "brings it back" wait_for 10 forwards 10.9.0.1

# ---- next hops ------------------------------------------------------------------------------------

kept() { on r ip neigh show to "$1" dev "$2" | grep -q managed; }
check "a next hop that no route has any more is the kernel's to forget" eval \
	'at r route add 10.60.0.0/16 via 10.0.3.2 port third && wait_for 5 kept 10.0.3.2 third &&
	at r route del 10.60.0.0/16 && not kept 10.0.3.2 third'
on r ip neigh replace 10.0.3.77 lladdr 02:00:00:00:00:77 dev third nud permanent
check "one that is permanent stays so" eval 'at r route add 10.60.0.0/16 via 10.0.3.77 port third &&
	wait_for 5 says "dev third$" at r route get 10.60.0.1 &&
	says PERMANENT on r ip neigh show to 10.0.3.77 dev third'
at r route del 10.60.0.0/16 > /dev/null

# ---- who outlives the daemon --------------------------------------------------------------------

kill -HUP $sluiced
check "a reload keeps it" forwards 10.9.0.1
kill -KILL $sluiced
wait $sluiced 2> /dev/null
check "without a daemon it goes on" pings 10.9.0.1
check "a new one starts" daemon
check "it has it all" json '.[0].routes.static == 100003 and (.[0].ports | length == 3)' status
check "and goes on" wait_for 10 forwards 10.9.0.1
flush_all() { printf 'group flush\nroute flush\nset flush\nport flush\n' | at r -batch - -atomic; }
check "ports that a document uses cannot be flushed" fails_saying 'no port is called "left"' flush_all
document "# nothing" > /dev/null
check "else all of it can" flush_all
check "nothing runs" json '.[0].ports == []' status
check "the batch that 'object show' printed is one" at r -batch "$scratch/saved" -atomic
check "and it all flows again" wait_for 10 forwards 10.9.0.1
finish
