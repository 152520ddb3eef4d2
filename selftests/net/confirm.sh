#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The way back outlives the daemon: a policy that cuts the operator off is applied with a time to
# confirm, and sluiced is killed at once. Where the store is in the module, it goes back by itself, while
# there is no daemon; where it is in the daemon, at its next start. Then the data path follows.
#
# What routes here is XDP alone (the router's kernel does not forward): without "route main", nobody
# gets through.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab confirm;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
need ping jq
diag "the store is in: $(store_home)"

ports='port left = "left"; port right = "right";'
echo "$ports route main;" > "$scratch/good.sluice"
echo "$ports" > "$scratch/bad.sluice"
echo "$ports route main limit ip4 5000;" > "$scratch/better.sluice"
kept=/run/sluice/netns/$LAB.r/state/store

reaches() { on a ping -q -c 2 -i 0.1 -W 2 10.0.2.2; }
cut_off() { fails_saying "" on a ping -q -c 1 -W 1 10.0.2.2; }
# The number of the store's running generation, and that of the one whose contents it has
running() { at r -j history | jq -r 'select(.state == "running").number'; }
contents_of() { at r -j history | jq -r 'select(.state == "running") | .from // .number'; }
applied() { equal "$1" "$(at r -j history | jq 'select(.state == "running").applied')" applied; }
notes() { at r -j status | jq -r '.notes[]'; }

for to in 10.0.1.2 10.0.2.2; do
	on r ping -q -c 1 -W 5 $to > /dev/null
done
on r sysctl -qw net.ipv4.ip_forward=0
check "sluiced starts" start_daemon r
check "its store is where it should be" equal "$(store_home)" "$(at r -j status | jq -r .store)"
check "a good policy" at r apply "$scratch/good.sluice"
check "packets get through" reaches
good=$(running)
kernel=$(notes)	# what this kernel does not let programs do
wait_for 5 test -s "$kept"

# An emulated guest is slow: there, times are long enough to look before they are over.
if module_loaded; then short=6 time=25; else short=2 time=8; fi

# ---- the daemon lives ------------------------------------------------------------------

check "a policy that cuts off, to be confirmed" at r apply --confirm ${short}s "$scratch/bad.sluice"
check "cuts off" cut_off
check "not confirmed, it goes" wait_for 25 reaches
check "the store has the good one's contents" equal "$good" "$(contents_of)"
check "and the daemon runs what the store runs" equal "$(running)" "$(generation r)"
check "which the store knows" applied true

# ---- the daemon dies ----------------------------------------------------------------------

good=$(running)
copy=$(cksum < "$kept")
check "once more" at r apply --confirm ${time}s "$scratch/bad.sluice"
end_daemon KILL
began=$SECONDS
bad=$((good + 1))
check "killed at once, nobody gets through" cut_off
if module_loaded; then
	check "the module has it running" equal "$bad" "$(running)"
	check "what waits to be confirmed is not kept on disk" equal "$copy" "$(cksum < "$kept")"
	check "the module cannot be taken out meanwhile" fails_saying "in use" rmmod sluice
	good_again() { equal "$good" "$(contents_of)"; }
	check "in time it goes back, with no daemon there" wait_for 50 good_again
	diag "after $((SECONDS - began)) s"
	check "by its own doing, under a new number" equal $((bad + 1)) "$(running)"
	check "a commit is refused, as there is no compiler" \
		fails_saying "sluiced is not running" at r apply "$scratch/better.sluice"
	check "status says who has the configuration" fails_saying "the module has the configuration" \
		at r status
	check "packets are as before: nobody has told the data path" cut_off
	check "and that is known" applied false
else
	check "nobody answers" fails_saying "sluiced" at r history
	sleep $((time + 1 - SECONDS + began))
fi
check "a daemon starts" start_daemon r
check "and the data path follows" wait_for 10 reaches
check "the store has the good one's contents" equal "$good" "$(contents_of)"
check "under a new number" equal $((bad + 1)) "$(running)"
check "which the daemon runs" equal $((bad + 1)) "$(generation r)"
check "and says so to the store" applied true
check "and nothing waits any more" equal null "$(at r -j status | jq .confirm)"
check "with no complaint but those" equal "$kernel" "$(notes)"

# The time goes on while nobody is there, and is not over yet.
module_loaded && time=300 || time=15
check "a policy that cuts off, once more" at r apply --confirm ${time}s "$scratch/bad.sluice"
end_daemon KILL
check "a daemon that starts in time" start_daemon r
still_waits() {
	at r -j status | jq -e ".confirm.left_ms > 0 and .confirm.left_ms < ${time}000" && cut_off
}
check "runs it, as the time is not over" still_waits
! module_loaded || check "a roll-back does not wait for that" at r rollback
check "the other one comes back in the end" wait_for 25 reaches

# ---- confirmed -----------------------------------------------------------------------------

check "a better policy, to be confirmed" at r apply --confirm 60s "$scratch/better.sluice"
check "confirmed" at r confirm
better=$(running)
end_daemon KILL
check "it stays, kill -9 or not" start_daemon r
check "with its number" equal "$better" "$(running)"
check "and its tables" equal 5000 "$(at r -j status | jq .routes.ip4_max)"
check "packets get through" reaches
end_daemon TERM
finish
