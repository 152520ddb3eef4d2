#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module from its first day to its last, as a user has it: loaded, configured by the command line,
# applied, packets forwarded between namespaces; it is what was configured while sluiced is away; removed.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab way;
host a { default via 10.0.1.1; default via 2001:db8:1::1; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; }
router r;
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
END

reaches() { on a ping -q -c 5 -i 0.02 -W 3 "$1" | tee /dev/stderr | grep -q ' 0% packet loss'; }
forwarded() { reason r left forwarded; }
# The kernel of r does not forward: what gets through was forwarded by XDP.
for to in 10.0.1.2 10.0.2.2 2001:db8:1::2 2001:db8:2::2; do
	on r ping -q -c 1 -W 5 $to > /dev/null
done
on r sysctl -qw net.ipv4.ip_forward=0 net.ipv6.conf.all.forwarding=0
check "the kernel does not forward" fails_saying "100% packet loss" reaches 10.0.2.2

loaded || check "insmod" insmod "$MODULE"
check "sluiced starts" start_daemon r
check "status: the store is in the module" equal module "$(at r -j status | jq -r .store)"
check "rmmod is refused: sluiced is bound" fails_saying "in use" rmmod sluice
check "a policy is checked and applied" apply r <<< 'port left = "left"; port right = "right"; route main;'
before=$(forwarded)
check "IPv4 gets through" reaches 10.0.2.2
check "IPv6 gets through" reaches 2001:db8:2::2
check "by XDP" at_least 10 $(($(forwarded) - before))
check "a wrong policy is refused, with the place" \
	fails_saying "1:21: error" apply r <<< 'port left = "left"; rout main;'
check "and changes nothing" reaches 10.0.2.2
check "an object of the command line's own" at r route add 192.0.2.0/24 via 10.0.2.2 port right
in_store() { at r object show | grep 192.0.2.0/24; }
check "is in the store" in_store
generation=$(at r -j status | jq -r .generation)

end_daemon KILL
check "sluiced is killed: packets get through" reaches 10.0.2.2
check "the store has what was configured" in_store
check "nobody is bound, nothing is waited for: nothing holds the module" equal 0 "$(uses)"
check "sluiced comes back" start_daemon r
check "and runs what the store has" equal "$generation" "$(at r -j status | jq -r .generation)"
check "packets get through" reaches 10.0.2.2
end_daemon TERM
check "rmmod" rmmod sluice
check "packets get through without it" reaches 10.0.2.2
check "insmod again, for those that follow" insmod "$MODULE"
finish
