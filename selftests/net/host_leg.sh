#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The leg host of a group that has others: this host's own sockets get a copy of the very frames that go
# out of two ports. By the module's kfunc where the module is loaded, by a tc program where not; and
# status says which.
# With MODULE=FILE that module is loaded first: in a guest. Then the kfunc is tried by itself, too.
. "$(dirname "$0")/lib.sh"
loaded() { [ -e /sys/module/sluice ]; }
if [ -z "${LAB-}" ] && [ -n "${MODULE-}" ] && ! loaded; then
	insmod "$MODULE" || exit 1
fi
in_lab <<END
lab hostleg;
host src; host dst; router r1;
link src.eth0 10.0.0.2/24 2001:db8::2/64 -- r1.exch 10.0.0.1/24 2001:db8::1/64 mtu 9000;
link dst.l1 10.0.1.2/24 -- r1.o1 10.0.1.1/24 mtu 9000;
link dst.l2 10.0.2.2/24 -- r1.o2 10.0.2.1/24 mtu 9000;
END
need tcpdump
if loaded; then by=module; else by=tc; fi

# answered COUNT SIZE [OPTION...] ADDRESS: so many requests, each answered once. For the answer to the
# last one ping waits no longer than for two others; if it alone is missing, that says nothing.
# How many there were in all stands in asked.ADDRESS, a line each time.
answered() {
	local count=$1 size=$2
	shift 2
	for _ in 1 2 3; do
		echo "$count" >> "$scratch/asked.${!#}"
		on src ping -n -i 0.02 -c "$count" -s "$size" "$@" > "$scratch/ping" 2>&1
		grep -q "^$count packets transmitted, $count received, 0% packet loss" "$scratch/ping" &&
			return
		grep -q "^$count packets transmitted, $((count - 1)) received, " "$scratch/ping" &&
			! grep -q "icmp_seq=$count " "$scratch/ping" || break
	done
	cat "$scratch/ping"
	return 1
}

lost() { on r1 ip -j -s link show dev exch | jq '.[0].stats64.rx.dropped'; }

# ---- the kfunc by itself: all that the host gets are copies -------------------------

if loaded; then
	for mode in xdpdrv xdpgeneric; do
		check "a program that copies for the host, $mode" on r1 ip link set dev exch $mode \
			object "$top/build/gen/selftests/prog/deliver.bpf.o" section xdp.frags
		# An Ethernet frame of 1500 and of 9000 bytes behind the header; IPv6's header is longer.
		for size in 56 1472 8972; do
			check "$mode: ping, $size bytes" answered 10 $size -M "do" 10.0.0.1
		done
		check "$mode: ping, IPv6, 8952 bytes" answered 10 8952 -M "do" 2001:db8::1
		on r1 ip link set dev exch $mode off
	done
	check "nothing was lost on the way" equal 0 "$(lost)"
else
	skip "the kfunc by itself" "the module is not loaded"
fi

# ---- sluice: beside two ports --------------------------------------------------------

sluiced -n "$LAB.r1" > "$LAB_DIR/sluiced.log" 2>&1 &
check "sluiced starts" wait_for 20 at r1 status

policy() {
	cat <<-POLICY
	port exch = "exch" $1;
	port o1 = "o1" $1;
	port o2 = "o2" $1;
	multicast {
		(*, 239.1.0.1) from exch to o1, o2 vlan 12, host;
		(*, ff15::1) from exch to o1, o2 vlan 12, host;
	}
	POLICY
}

# The host is a member of both groups, and answers; nobody else does.
on r1 sysctl -q net.ipv4.icmp_echo_ignore_broadcasts=0
exec_on r1 perl -MSocket=:all -e '
	socket(my $s4, PF_INET, SOCK_DGRAM, 0) && socket(my $s6, PF_INET6, SOCK_DGRAM, 0) or die $!;
	setsockopt($s4, IPPROTO_IP, IP_ADD_MEMBERSHIP,
		   inet_aton("239.1.0.1") . inet_aton("10.0.0.1")) or die $!;
	setsockopt($s6, IPPROTO_IPV6, IPV6_JOIN_GROUP,
		   inet_pton(AF_INET6, "ff15::1") . pack("I", $ARGV[0])) or die $!;
	sleep' "$(on r1 ip -j link show dev exch | jq '.[0].ifindex')" &
joined() { on r1 ip maddr show dev exch | grep -q ff15::1; }
check "the host is a member" wait_for 60 joined

# What reaches the neighbours behind both ports: a line a frame, from now on.
# Few bytes of each, or a handful of frames fills its buffer.
exec_on dst tcpdump --immediate-mode -s 128 -p -n -l -Q in -i any > "$scratch/heard" \
	2> "$scratch/heard.err" &
check "two ports are listened at" wait_for 60 grep -q listening "$scratch/heard.err"

# heard GROUP: all requests to the group reached each of both ports
heard() {
	local leg all
	all=$(awk '{ n += $1 } END { print n }' "$scratch/asked.$1")
	for leg in l1 l2; do
		equal "$all" "$(grep -c "^[0-9:.]* $leg .* > $1: ICMP6\?,\? echo request" "$scratch/heard")" \
			"requests to $1 at $leg" || return 1
	done
}

mtu() {
	local link
	for link in src.eth0 r1.exch r1.o1 r1.o2 dst.l1 dst.l2; do
		on ${link%.*} ip link set dev ${link#*.} mtu "$1"
	done
}

# What a leg has sent to the group
counted() {
	at r1 -j group show 239.1.0.1 | jq --arg leg "$1" '.legs[] | select(.to == $leg).packets'
}

to_group=(-I eth0 -t 5 -M "do")
for mode in native generic; do
	check "a policy, mode $mode" apply r1 < <(policy "$([ $mode = native ] || echo "mode $mode")")
	mtu 1500
	check "$mode: ping to the group" answered 10 56 "${to_group[@]}" 239.1.0.1
	check "$mode: at MTU 1500" answered 10 1472 "${to_group[@]}" 239.1.0.1
	check "$mode: IPv6" answered 10 1452 "${to_group[@]}" ff15::1
	mtu 9000
	check "$mode: at MTU 9000" answered 10 8972 "${to_group[@]}" 239.1.0.1
	check "$mode: IPv6" answered 10 8952 "${to_group[@]}" ff15::1
	check "$mode: the same frames reached two ports" wait_for 5 heard 239.1.0.1
	check "$mode: IPv6" wait_for 5 heard ff15::1
done
check "no copy for the host was lost" equal 0 "$(reason r1 exch host_lost)"

# ---- status says by which way --------------------------------------------------------

check "status says: by $by" equal $by "$(at r1 -j status | jq -r .host_copies)"
if loaded; then
	check "and nothing of tc" eval '! at r1 status | grep -q -w tc'
	check "the module cannot go" eval '! rmmod sluice'
	mtu 1500
	on r1 tc qdisc del dev exch clsact
	check "without a tc program, too, the host answers" answered 10 1472 "${to_group[@]}" 239.1.0.1
	check "and ports are reached" wait_for 5 heard 239.1.0.1

	# With hardly a place in the CPU's backlog most copies are lost, and that is said. Threaded, the port
	# takes many frames at a time.
	on r1 unshare -m sh -c 'mount -t sysfs sys /sys && echo 1 > /sys/class/net/exch/threaded'
	sent=$(counted o1)
	backlog=$(sysctl -n net.core.netdev_max_backlog)
	sysctl -q net.core.netdev_max_backlog=0
	on src sluice-lab send -i eth0 -d 239.1.0.1 -n 400 -l 200 -T 40 > /dev/null
	sysctl -q net.core.netdev_max_backlog="$backlog"
	check "ports get theirs all the same" equal 400 $(($(counted o1) - sent))
	check "copies for the host that are lost are counted" at_least 1 "$(reason r1 exch host_lost)"
	check "the device counts them, too" at_least 1 "$(lost)"
else
	check "and why" eval 'at r1 status | grep -q "host copies  *by tc (the module is not loaded)"'
	check "it is noted" eval 'at r1 status | grep -q "which is slower: the module is not loaded"'
fi
finish
