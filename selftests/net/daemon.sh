#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# sluiced's life: one a namespace; what it pins goes on forwarding without it, kill -9 or not, and is
# adopted; a policy that is wrong changes nothing; interfaces come and go.
#
# The router's kernel does not forward (ip_forward is 0): what arrives was forwarded by XDP.
. "$(dirname "$0")/lib.sh"
in_lab "$@" <<END
lab daemon;
host a { default via 10.0.1.1; default via 2001:db8:1::1; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; }
router r;
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
END
need ping jq bpftool setpriv perl

netns=$LAB.r
run=/run/sluice/netns/$netns

start() { start_daemon r "$@"; }
end() { end_daemon "$1"; }
has_xdp() { on r ip -j link show dev "$1" | jq -e '.[0].xdp' > /dev/null; }
says() { grep -q -e "$1" "$log" || { cat "$log"; return 1; }; }
status() { at r status; }
has_note() { at r -j status | jq -r '.notes[]' | grep -q -e "$1"; }
no_notes() { equal "" "$(at r -j status | jq -r '.notes[]')" notes; }
forwarded() { reason r left forwarded; }
# ping_all FILE: every one of them must be answered
answered() { grep -q ' 0% packet loss' "$1" || { cat "$1"; return 1; }; }
reaches() { on a ping -q -c 3 -i 0.05 -W 2 "$1" > "$scratch/ping"; answered "$scratch/ping"; }

policy=$scratch/edge.sluice
good_policy='port left = "left"; port right = "right"; route main;'

# The router's neighbours are known before its kernel stops to forward.
for to in 10.0.1.2 10.0.2.2 2001:db8:1::2 2001:db8:2::2; do
	on r ping -q -c 1 -W 5 $to > /dev/null
done
on r sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "the kernel does not forward" fails_saying "" reaches 10.0.2.2

# ---- one, and with privilege ---------------------------------------------------

check "no privilege: it says which, and what to do" fails_saying "lacks cap_.*run it as root" \
	setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all -- \
	"$top/build/sluiced" -n "$netns"
check "no such namespace" fails_saying 'no network namespace "none"' sluiced -n none
check "not a name" fails_saying "not a name" sluiced -n ../r
check "an unknown option" fails_saying "usage:" sluiced --no-such-option
check "it starts without a policy" start
check "and says so" eval 'status | grep -q "generation *none yet"'
check "a second one in the namespace is refused, and told who is there" \
	fails_saying "sluiced already runs in this network namespace: process $daemon" sluiced -n "$netns"
check "so is one of another namespace in the same directory" \
	fails_saying "in use by the sluiced of another network namespace: process $daemon" \
	on a sluiced --run-dir "$run"
check "it holds no privilege beyond need" eval \
	'equal 000000c000001000 "$(awk "/^CapPrm/ { print \$2 }" /proc/$daemon/status)" &&
	 equal 1 "$(awk "/^NoNewPrivs/ { print \$2 }" /proc/$daemon/status)"'

# ---- policies --------------------------------------------------------------------

# Another program sits on the second port: the first one is not kept either.
on r ip link set right xdpdrv obj "$top/build/bpf/root.bpf.o" sec xdp.frags
check "a port that another XDP program has refuses the policy" eval \
	'! apply r <<< "$good_policy" && ! has_xdp left'
on r ip link set right xdpdrv off
check "a policy is taken" apply r <<< "$good_policy"
check "both ports have XDP" eval "has_xdp left && has_xdp right"
check "packets are forwarded, IPv4" reaches 10.0.2.2
check "and IPv6" reaches 2001:db8:2::2
check "by XDP" eval 'at_least 6 "$(forwarded)" forwarded'
first=$(generation r)
check "a missing interface is a mistake of the policy, with its place" \
	fails_saying '1:[0-9]*: error: there is no interface "none"' \
	apply r <<< 'port left = "left"; port x = "none"; route main;'
check "a mistake is shown" fails_saying "error:" apply r <<< 'port left = "left"; rout main;'
check "what ran goes on" eval 'equal "$first" "$(generation r)" && reaches 10.0.2.2'

# ---- it dies, and comes back --------------------------------------------------------

before=$(forwarded)
on a ping -q -c 300 -i 0.01 -W 2 10.0.2.2 > "$scratch/long" & pinging=$!
sleep 0.5
end KILL
check "kill -9: XDP stays" eval "has_xdp left && has_xdp right"
sleep 0.5
check "the next one adopts what runs" start
check "and has the same policy" equal "$first" "$(generation r)"
kill -KILL "$daemon"
check "one that is started while the killed one still ends waits for that" start
check "and serves" equal "$first" "$(generation r)"
wait $pinging
check "no packet was lost" answered "$scratch/long"
check "no counter was lost" eval 'at_least $((before + 300)) "$(forwarded)" forwarded'
end TERM
check "SIGTERM ends it well" equal 0 "$code"
check "and leaves XDP running" eval "has_xdp left && has_xdp right && reaches 10.0.2.2"
check "routes follow the kernel again after a start" eval \
	'on r ip route add 10.9.0.0/16 via 10.0.2.2 && on b ip addr add 10.9.0.1/32 dev lo &&
	 start && reaches 10.9.0.1'

# ---- interfaces come and go ----------------------------------------------------------

on r ip link set right down
on r ip link set right name away
check "an interface that disappears is noted" wait_for 5 has_note "no interface right"
on r ip link set away name right
on r ip link set right up
on r ip -6 addr add 2001:db8:2::1/64 dev right nodad
on r ip route replace 10.9.0.0/16 via 10.0.2.2
check "one that comes back is a port again" wait_for 5 no_notes
on r ping -q -c 1 -W 5 10.0.2.2 > /dev/null
check "and packets go out of it" wait_for 5 reaches 10.0.2.2
on r ip link add extra type veth peer name extra-peer
check "a third port" apply r <<< "$good_policy port extra = \"extra\";"
on r ip link del extra
check "one that is deleted is noted" wait_for 5 has_note "no interface extra"
check "as nothing else" equal 1 "$(at r -j status | jq '.notes | length')"
on r ip link add extra type veth peer name extra-peer
check "another one of its name takes its place" wait_for 5 no_notes
check "with XDP" has_xdp extra
check "the first policy again" apply r <<< "$good_policy"
check "takes it off" eval '! has_xdp extra'
first=$(generation r)
end TERM
on r ip link set left down
on r ip link set left name away
check "a start with an interface missing" start
check "notes it" has_note "no interface left"
on r ip link set away name left
on r ip link set left up
on r ip -6 addr add 2001:db8:1::1/64 dev left nodad
check "and waits for it" wait_for 5 no_notes
on r ping -q -c 1 -W 5 10.0.1.2 > /dev/null
check "packets go in and out" wait_for 5 reaches 10.0.2.2

# ---- its own policy files, SIGHUP, --detach --------------------------------------------

end TERM
echo "$good_policy" > "$policy"
check "a start with a policy file, and a store" start --policy "$policy" --detach
check "the store's policy has precedence" equal "$first" "$(generation r)"
echo 'port left = "left"; port left = "right"; route main;' > "$policy"
kill -HUP "$daemon"
check "SIGHUP with a wrong policy: the mistake is logged" wait_for 10 says "edge.sluice:1:.*error:"
check "and what ran goes on" eval 'equal "$first" "$(generation r)" && reaches 10.0.2.2'
echo 'port left = "left"; port right = "right"; route main limit ip4 5000 ip6 5000;' > "$policy"
kill -HUP "$daemon"
newer() { [ "$(generation r)" -gt "$first" ]; }
check "SIGHUP with a right one: it runs" wait_for 10 newer
check "with tables of another size" eval 'equal 5000 "$(at r -j status | jq .routes.ip4_max)" && reaches 10.9.0.1'
end TERM
check "--detach: SIGTERM takes XDP off" eval '! has_xdp left && ! has_xdp right'
# What has a dot in its name is the kernel's own.
check "and nothing stays pinned" equal "" "$(find "$run/bpf" -mindepth 1 ! -name '*.*')"

# ---- what the service manager hears --------------------------------------------------------

cat > "$scratch/manager.pl" << 'END'
use strict;
use Socket;
my $s;
socket($s, AF_UNIX, SOCK_DGRAM, 0) && bind($s, sockaddr_un($ARGV[0])) or die "$ARGV[0]: $!";
$| = 1;
while (defined recv($s, my $message, 65536, 0)) { print "$message\n"; }
END
perl "$scratch/manager.pl" "$scratch/manager" > "$scratch/heard" &
wait_for 5 test -S "$scratch/manager"
NOTIFY_SOCKET=$scratch/manager start
heard() { grep -qx "$1" "$scratch/heard" || { cat "$scratch/heard"; return 1; }; }
check "READY=1, when the policy runs" eval 'heard READY=1 && heard "STATUS=generation .* runs: 2 ports.*"'
: > "$scratch/heard"
kill -HUP "$daemon"
check "RELOADING=1 and READY=1" wait_for 5 eval 'heard RELOADING=1 && heard READY=1'
end TERM
check "STOPPING=1" heard STOPPING=1

# ---- pins of another build ----------------------------------------------------------------

check "what is kept runs again" start
check "as before" reaches 10.0.2.2
end KILL
check "--remove takes down what a dead one left" sluiced -n "$netns" --remove
check "all of it" eval '! has_xdp left && ! has_xdp right'
start
end TERM
rm "$run/bpf/tx"
bpftool map create "$run/bpf/tx" type array key 4 value 8 entries 1 name other
check "pins of another layout are refused, with the way on" \
	fails_saying "left by another version.*--remove" sluiced -n "$netns"
check "which are taken down when told so" sluiced -n "$netns" --remove
check "and it starts" start
check "as before" reaches 10.0.2.2
end TERM
finish
