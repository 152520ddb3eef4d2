#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The way back, as the command line has it: apply --confirm, confirm, rollback, history; what
# status and monitor say of it; and that packets follow.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab hist;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r { sluiced; }
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
wait_for 10 at r status

says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }
in_monitor() { jq -es "$1" "$scratch/monitor" > /dev/null; }
policy() { echo "port left = \"left\"; port right = \"right\"; $*"; }
running() { at r -j history | jq -r 'select(.state == "running").number'; }
ports() { at r -j status | jq -r '.ports | length'; }

sluice -n "$LAB.r" -j monitor > "$scratch/monitor" & monitor=$!
policy 'route main;' > "$scratch/both"
echo 'port left = "left"; measure m by (ip.src) { }' > "$scratch/one"

# ---- history ---------------------------------------------------------------------

check "nothing was committed yet" json 'length == 1 and .[0].number == 0 and .[0].state == "running"' history
check "apply with a comment" at r apply --comment "both ways" "$scratch/both"
first=$(running)
check "history: the running one first, then the one before" json \
	'map(.state) == ["running", "history"] and .[0].comment == "both ways" and
	 .[0].objects == 1 and .[0].bytes > 50 and .[0].age_s < 60 and .[1].number == 0' history
check "as text" says "^ *$first  runs .* both ways$" at r history

# ---- confirmed ----------------------------------------------------------------------

check "apply --confirm says until when, and how" says 'comes back at ..:..:.., in 1m 0s, unless.*confirm$' \
	at r apply --confirm 60s "$scratch/one"
second=$(running)
check "status says so" says "^confirm  *waited for: generation $first comes back in" at r status
check "in JSON, with the time left" json \
	".[0].confirm.back == $first and .[0].confirm.left_ms > 1000 and .[0].confirm.left_ms <= 60000" status
check "history marks both" json ".[0].confirm_left_ms > 0 and
	(map(select(has(\"back_in_ms\"))) | length == 1 and .[0].number == $first)" history
check "as text" says "^ *$first  comes back in" at r history
check "meanwhile nothing else is applied, and that is said" fails_saying 'confirm it or roll back' \
	at r apply "$scratch/both"
check "another generation is not the one that waits" fails_saying 'another generation\|not.*wait' \
	at r confirm "$first"
check "confirm" says "^generation $second is confirmed$" at r confirm
check "it stays" json '.[0] | has("confirm") | not' status
check "nothing waits to be confirmed any more" fails_saying 'confirm' at r confirm

# ---- rolled back ----------------------------------------------------------------------

check "rollback to the one before" says "^generation $((second + 1)) runs" at r rollback --comment "as it was"
check "its contents are the older one's" json ".[0].from == $first and .[0].comment == \"as it was\"" history
check "the policy is" says 'route main' at r policy show
check "and the data path follows" wait_for 5 equal 2 "$(ports)"
check "rollback to a number" at r rollback "$second"
check "the data path follows" equal 1 "$(ports)"
check "what is not kept is said" fails_saying 'not kept' at r rollback 4711
check "a roll-back can ask for confirmation" says 'unless it is confirmed' at r rollback --confirm 1m "$first"
check "and rolling back again ends that at once" at r rollback
check "without waiting" json '.[0] | has("confirm") | not' status

# ---- not confirmed ----------------------------------------------------------------------

at r apply "$scratch/both" > /dev/null
before=$(running)
wait_for 10 on a ping -c 1 -W 1 10.0.2.2
check "apply for a moment" at r apply --confirm 700ms "$scratch/one"
returned() { [ "$(at r -j history | jq -r 'select(.state == "running").from')" = "$before" ]; }
check "it goes back by itself" wait_for 5 returned
check "the data path follows" wait_for 5 eval 'equal 2 "$(ports)"'
forwards() {
	local had
	had=$(reason r left forwarded)
	on a ping -q -c 5 -i 0.01 -W 1 10.0.2.2
	at_least $((had + 5)) "$(reason r left forwarded)" forwarded
}
check "packets are forwarded as before" wait_for 5 forwards

# ---- what the monitor saw ------------------------------------------------------------------

check "monitor: transactions, candidates, verdicts" wait_for 5 in_monitor \
	'map(.event) | contains(["begin", "candidate", "verdict", "set", "confirm", "rollback"])'
check "a candidate with its comment" in_monitor \
	"any(.event == \"candidate\" and .generation == $first and .comment == \"both ways\")"
check "with its time to confirm" in_monitor \
	"any(.event == \"candidate\" and .generation == $second and .confirm_timeout_ms == 60000)"
check "the return by itself: whose contents" in_monitor "any(.event == \"rollback\" and .from == $before)"
check "objects by their names" in_monitor \
	'any(.event == "delete" and .type == "document" and (.key | endswith("both")))'
kill $monitor
finish
