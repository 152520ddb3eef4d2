#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A candidate that is ready after its time was over is not made to run: the store has rejected it, and the data
# path stays with what the store runs. Here the time is a millisecond; else it is minutes, and a machine that
# was stopped meanwhile comes to the same.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab late;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
! module_loaded || skip_all "the module's store has its own time, of minutes"

ports='port left = "left"; port right = "right";'
echo "$ports route main; set bad : ip.src size 30000; filter left { drop if ip.src in bad; }" \
	> "$scratch/good.sluice"
echo "$ports filter left { drop; }" > "$scratch/cut.sluice"
awk 'BEGIN {
	print "set add bad 10.0.1.2"
	for (i = 0; i < 20000; i++)
		print "set add bad 192.168." int(i / 200) "." i % 200
}' > "$scratch/batch"

running() { at r -j history | jq -r 'select(.state == "running").number'; }
reaches() { on a ping -q -c 1 -W 2 10.0.2.2; }
logged() { equal "$1" "$(grep -c "$2" "$log")" "$2"; }
# thrown_away GENERATION
thrown_away() { wait_for 10 logged 1 "verdict on generation $1 came too late"; }
is_as_the_store() {
	equal "$good" "$(running)" "the store runs" && equal "$good" "$(generation r)" "the data path runs" &&
	reaches && equal "[]" "$(at r -j status | jq -c .notes)" notes
}

check "sluiced starts" start_daemon r
check "a policy" at r apply "$scratch/good.sluice"
check "packets get through" wait_for 5 reaches
good=$(running)
end_daemon TERM
check "a start with a store that does not wait" start_daemon r --verdict-time 1ms
check "it is as before" is_as_the_store

check "a policy is refused: its verdict comes too late" fails_saying "did not answer in time" \
	at r apply "$scratch/cut.sluice"
check "when it is ready, it is thrown away" thrown_away $((good + 1))
check "the data path is as the store is" is_as_the_store
check "with a time to confirm likewise" fails_saying "did not answer in time" \
	at r apply --confirm 60s "$scratch/cut.sluice"
check "thrown away" thrown_away $((good + 2))
check "the data path is as the store is" is_as_the_store
check "nothing waits to be confirmed" equal null "$(at r -j status | jq .confirm)"

check "elements alone, many of them" fails_saying "did not answer in time" at r batch --atomic "$scratch/batch"
check "thrown away" thrown_away $((good + 3))
check "the data path is as the store is" is_as_the_store
check "none of them ever ran, but what the daemon began with" logged 1 "sluiced: generation .* runs:"
end_daemon TERM
check "a start as usual" start_daemon r
check "and the elements are taken" at r batch --atomic "$scratch/batch"
check "which shows" fails_saying "" reaches
end_daemon TERM
finish
