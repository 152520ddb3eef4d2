#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A store that was set aside while the data path of the daemon before goes on: status, history and refusals
# say that it does, a change of single objects does not take it down, a policy takes its place, and what was
# set aside is said until somebody applies one.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab earl;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r { sluiced; }
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
! module_loaded || skip_all "with the module the store is not in sluiced's file"

run=/run/sluice/netns/$LAB.r
kept=$run/state/store
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }
note() { at r -j status | jq -r --arg s "$1: " '.notes[] | select(startswith($s))'; }
says() { grep -q -e "$1" <<< "$2" || { echo "$2"; return 1; }; }
filters() { ! on a ping -q -c 1 -W 0.3 10.0.2.2; }
firewall='port left = "left"; port right = "right"; set off : ip.src size 16; filter left { drop if icmp; allow; }'

check "without a policy packets pass" wait_for 10 on a ping -q -c 1 -W 1 10.0.2.2
end_lab_daemon() { at r -j status | jq .pid | xargs kill -TERM; wait_for 10 eval '! at r status'; }
check "the lab's own sluiced ends" end_lab_daemon
start_daemon r
check "a firewall" apply r <<< "$firewall"
check "an address for it" at r set add off 10.6.6.6
check "drops" filters
left=$(generation r)

# tear: the daemon is killed, its store torn, and it is started again
tear() {
	end_daemon KILL
	truncate -s 100 "$kept"
	start_daemon r "$@"
}

# ---- what is said ---------------------------------------------------------------------

check "sluiced is killed, and starts with a torn store" tear
aside=$(note store | sed -n 's/.*set aside as //p')
check "which was set aside" test -s "$aside"
check "the firewall goes on" filters
check "status says whose generation runs" json ".[0].generation == 0 and .[0].earlier.generation == $left" status
check "as text" says "the data path runs generation $left of an earlier one" "$(at r status)"
check "and not that every packet goes to the stack" eval '! says "to the stack" "$(at r status)"'
check "the empty generation is not applied" json '.[0].number == 0 and .[0].applied == false' history

# ---- what is refused --------------------------------------------------------------------

check "a change of single objects is refused, and what was set aside is named" \
	fails_saying "generation $left of an earlier sluiced.*$aside.*[Aa]pply a policy" at r set add off 10.66.66.66
check "the firewall goes on" filters
check "the note stays" says "set aside as" "$(note store)"
check "and status as it was" json ".[0].earlier.generation == $left" status
check "to go back to nothing is refused" fails_saying "nothing to go back to" \
	at r apply --confirm 1s - <<< "$firewall"
check "the firewall goes on" filters

# ---- a policy takes its place -----------------------------------------------------------

check "a policy is applied" apply r <<< "$firewall"
check "numbers go on" at_least $((left + 1)) "$(generation r)"
check "status has it" json '.[0] | has("earlier") | not' status
check "history too" json '.[0].applied' history
check "there is nothing to complain of" eval 'equal "" "$(note store)" && equal "" "$(note generation)"'
check "a change of single objects is taken" at r set add off 10.66.66.66
check "and a way back" at r apply --confirm 60s - <<< "$firewall"
at r confirm > /dev/null

# ---- with --policy ------------------------------------------------------------------------

echo "$firewall" > "$scratch/fw.sluice"
chmod a+r "$scratch/fw.sluice"
last=$(generation r)
check "killed, torn, started with a policy" tear --policy "$scratch/fw.sluice"
check "which runs" eval 'at_least $((last + 1)) "$(generation r)" && filters'
check "what was set aside is said" says "set aside as" "$(note store)"
check "also after a change of single objects" eval 'at r set add off 10.66.66.66 && says "set aside as" "$(note store)"'
check "until a policy is applied" eval 'apply r <<< "$firewall" && equal "" "$(note store)"'

# ---- after a boot nothing is left ------------------------------------------------------------

end_daemon KILL
truncate -s 100 "$kept"
sluiced -n "$LAB.r" --remove 2> /dev/null
check "where nothing runs, a torn store" start_daemon r
check "leaves none of it" json '.[0] | has("earlier") | not' status
check "and objects alone are taken" at r port add one left
check "what was set aside is said on" says "set aside as" "$(note store)"
end_daemon TERM
finish
