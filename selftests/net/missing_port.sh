#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# An interface of a port has gone. The way back is not held up by that: a roll-back is taken, and the port waits,
# as after a restart. What runs without it goes on so over typed changes; a text that is new is refused.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab missing;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r { sluiced; }
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
wait_for 10 at r status

ports='port left = "left"; port right = "right";'
echo "$ports port third = \"third\"; route main;" > "$scratch/three.sluice"
echo "$ports filter left { drop; }" > "$scratch/cut.sluice"
echo "$ports filter left { drop; }" > "$scratch/other.sluice"

not() { ! "$@"; }
running() { at r -j history | jq -r 'select(.state == "running").number'; }
contents_of() { at r -j history | jq -r 'select(.state == "running") | .from // .number'; }
reaches() { on a ping -q -c 1 -W 1 10.0.2.2; }
notes_third() { at r -j status | jq -e '.notes | any(contains("there is no interface third"))'; }
says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1) || { echo "$out"; return 1; }
	echo "$out"
	grep -q -e "$words" <<< "$out"
}

on r ip link add third type veth peer name fourth
check "three ports" at r apply "$scratch/three.sluice"
three=$(running)
check "packets get through" wait_for 5 reaches

# ---- a roll-back ------------------------------------------------------------------------

check "a policy that cuts off, to be confirmed" at r apply --confirm 60s "$scratch/cut.sluice"
check "cuts off" not reaches
on r ip link del third
gone() { not on r ip link show third; }
check "meanwhile the third interface goes" wait_for 5 gone
check "a roll-back is taken, and says what is missing" says 'warning: there is no interface "third" any more' \
	at r rollback
check "it is the one before" equal "$three" "$(contents_of)"
check "which the data path runs" equal "$(running)" "$(generation r)"
check "and packets get through" wait_for 5 reaches
check "nothing waits to be confirmed" equal null "$(at r -j status | jq .confirm)"
check "the missing one is noted" notes_third

# ---- what runs so goes on so ---------------------------------------------------------------

check "a route that has nothing to do with it" at r route add 10.9.0.0/16 via 10.0.2.2 port right
check "runs" equal "$(running)" "$(generation r)"
check "and packets get through" wait_for 5 reaches
check "a typed port that is not there is a mistake" fails_saying 'there is no interface "eth77"' at r port add x eth77
check "and so is what another text names" fails_saying 'there is no interface "third"' at r apply - \
	< <(cat "$scratch/three.sluice"; echo "# new")
check "the missing one is noted still" notes_third
on r ip link add third type veth peer name fourth
check "it comes back, and is a port" wait_for 5 not notes_third
check "with XDP" wait_for 5 says "xdp" on r ip link show third
check "a policy without it" at r apply "$scratch/other.sluice"
on r ip link del third
check "a roll-back with nothing to confirm, likewise" says 'no interface "third" any more' at r rollback
check "packets get through" wait_for 5 reaches
finish
