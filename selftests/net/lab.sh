#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# sluice-lab: mistakes are shown where they are; a lab is what its file says; it goes away whole,
# whichever of its processes is killed; and its counting of frames is exact.
. "$(dirname "$0")/lib.sh"
need ip jq ping ethtool
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"; kill $(jobs -p) 2>/dev/null' EXIT

cat > "$scratch/wrong" <<END
lab l
host h1 { default vi 10.0.1.1; colour red; }
router r1 { route 10.0.0.1/8 via 10.0.0.1; sysctl kernel.x 1; }
host h1;
link h1.eth0 10.0.1.2/33 -- r1.a;
link h1.eth0 -- r9.a mtu 10;
link h1.eth0 -- r1.a_name_that_is_too_long;
router r2 { bird <<CONF
CONF-
}
END
mistakes() {
	local out
	out=$(sluice-lab check "$scratch/wrong" 2>&1) && return 1
	echo "$out"
	for mistake in '2:1: error: "host" stands where ";" is expected' \
		'2:19: error: "vi" stands where "via" is expected' \
		'2:32: error: "colour" is nothing that a node can have' \
		'3:19: error: the prefix has bits past its length' '3:51: error: "kernel.x" stands' \
		'4:6: error: there are two nodes called "h1"' '5:14: error: "10.0.1.2/33" stands' \
		'6:26: error: "10" is not a number from 68 to 65535' '6:17: error: no node is called "r9"' \
		'7:17: error: "a_name_that_is_too_long" cannot be' '8:18: error: no line "CONF" ends'; do
		grep -q "wrong:$mistake" <<< "$out" || { echo "missing: $mistake"; return 1; }
	done
}
check "each mistake has its place" mistakes
check "no file" fails_saying "No such file" sluice-lab check "$scratch/none"
check "an empty file" fails_saying "no nodes" sluice-lab check /dev/null
check "no root" fails_saying "need root" setpriv --reuid 65534 --clear-groups \
	"$top/build/sluice-lab" up "$scratch/wrong"

cat > "$scratch/good" <<END
lab test;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host h2 { default via 10.0.2.1; default via 2001:db8:2::1; run "echo ran > \$LAB_NODE_DIR/proof"; }
router r1 { loopback 10.255.0.1/32; sysctl net.ipv4.conf.lan1.proxy_arp 1; exec "sleep 1000"; }
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan1 02:00:00:00:00:01 10.0.1.1/24 2001:db8:1::1/64
	mtu 9000;
link h2.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r1.lan2 10.0.2.1/24 2001:db8:2::1/64;
END
cat > "$scratch/inside" <<'END'
set -e
for to in 10.0.2.2 2001:db8:2::2 10.255.0.1; do sluice-lab in h1 ping -c 1 -W 2 $to; done
[ "$(sluice-lab in r1 cat /proc/sys/net/ipv4/conf/lan1/proxy_arp)" = 1 ]
[ "$(cat $LAB_DIR/h2/proof)" = ran ]
sluice-lab in r1 ip link show dev lan1 | grep -q 'mtu 9000'
sluice-lab in h1 ip neigh show 10.0.1.1 | grep -q 02:00:00:00:00:01
sluice-lab in h2 ethtool -k eth0 | grep -q 'generic-receive-offload: on'
sluice-lab in h2 ethtool -k eth0 | grep -q 'tx-checksumming: off'
END
check "a lab is what its file says" sluice-lab run "$scratch/good" -- bash "$scratch/inside"
ends_with() { "${@:2}"; equal "$1" $? "exit code"; }
check "the command's exit code" ends_with 7 sluice-lab run "$scratch/good" -- sh -c 'exit 7'
check "a command that is not there" ends_with 127 sluice-lab run "$scratch/good" -- ./nothing
sed 's/echo ran.*proof/false/' "$scratch/good" > "$scratch/failing"
check "an item that fails fails the lab" fails_saying "h2: run ended with 1" \
	sluice-lab run "$scratch/failing" -- true

# Nothing of the lab $1 is left: no directory, no namespaces
gone() { ! ls -d "/run/sluice-lab/$1" "/run/netns/$1".* 2>/dev/null | grep .; }
# Starts a lab with "run" and waits for it: sets lab, runner, keeper and sweeper.
started() {
	setsid sluice-lab run "$scratch/good" -- sh -c "echo \$LAB > $scratch/id; exec sleep 1000" &
	runner=$!
	wait_for 10 test -s "$scratch/id" || return 1
	lab=$(cat "$scratch/id")
	rm "$scratch/id"
	keeper=$(awk '$1 == "keeper" { print $2 }' "/run/sluice-lab/$lab/processes")
	sweeper=$(awk '$1 == "sweeper" { print $2 }' "/run/sluice-lab/$lab/processes")
	sleeper=$(ip netns pids "$lab.r1" | head -n 1)
	[ -n "$sleeper" ]
}
swept() { gone "$lab" && ! kill -0 "$sleeper"; }
for signal in TERM INT KILL; do
	started
	kill -$signal "$keeper"
	check "killed by SIG$signal, it goes" wait_for 10 swept
	wait $runner 2>/dev/null
done
started
kill -KILL "$sweeper"
sleep 0.1
kill -KILL "$keeper"
wait $runner 2>/dev/null
check "with both killed, it is left over" eval '! gone "$lab"'
touch -d '1 minute ago' "/run/sluice-lab/$lab"
sluice-lab run "$scratch/good" -- true
check "and the next lab sweeps it" wait_for 10 swept

up_and_down() {
	local names lab
	names=$(sluice-lab up "$scratch/good") || return 1
	lab=$(sed -n 's/^LAB=//p' <<< "$names")
	grep -qx "LAB_NETNS_r1=$lab.r1" <<< "$names" &&
	sluice-lab list | grep -q "^$lab .*up" &&
	sluice-lab in "$lab/h1" ping -c 1 -W 2 10.0.2.2 &&
	sluice-lab down "$lab" && gone "$lab"
}
check "up, in, list, down" up_and_down

# Frames through the kernel's own forwarding: what was dropped on purpose is what is missing.
counting() {
	sluice-lab run "$scratch/good" -- bash -c '
	. '"$top"'/selftests/net/lib.sh
	on h1 ping -c 1 -W 2 10.0.2.2 || exit 1
	receive h2 $LAB_DIR/got -i eth0 -t 30 -n 3000
	on h1 sluice-lab send -i eth0 -d 10.0.2.2 -m 02:00:00:00:00:01 -n 1000 -r 5000 -f 7
	on h1 sluice-lab send -i eth0 -d 10.0.2.2 -m 02:00:00:00:00:01 -n 500 -r 5000 -T 33
	received
	cat $LAB_DIR/got
	jq -e ".received == 1500 and .distinct == 1000 and .duplicates == 500 and .lost == 2000 and
		.dropped == 0 and ([.marks[] | [.ttl, .packets]] | sort) == [[32, 500], [63, 1000]]" \
		$LAB_DIR/got'
}
check "frames are accounted for" counting
shape() {
	sluice-lab rib 2000 1000 7 > "$scratch/rib" && sluice-lab rib 2000 1000 7 | cmp - "$scratch/rib" &&
	equal 3000 "$(cut -f 1 "$scratch/rib" | sort -u | wc -l)" &&
	equal 1000 "$(grep -c : "$scratch/rib")"
}
check "a generated table has as many routes as asked, each once" shape
LAB_DIR=$scratch
finish
