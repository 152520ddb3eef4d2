#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A daemon that has made many policies run is no larger than one that has made some run, and holds
# no more descriptors. COMMITS says how many. (test_commits does ten thousand on the store alone.)
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab commits;
host a;
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link a.eth1 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
diag "the store is in: $(store_home)"
# A commit takes seconds in an emulated guest.
commits=${COMMITS:-$(module_loaded && echo 12 || echo 40)}
warm=$((commits / 4))

ports='port left = "left"; port right = "right";'
echo "$ports route main limit ip4 1000 ip6 1000;" > "$scratch/A.sluice"
echo "$ports route main limit ip4 2000 ip6 2000; multicast { (*, 239.1.1.1) from left to right; }" \
	> "$scratch/B.sluice"
echo "$ports measure m by (ip.src) { slots 64; } # never
	port left = \"left\";" > "$scratch/wrong.sluice"

rss() { awk '/^VmRSS/ { print $2 }' "/proc/$daemon/status"; }
descriptors() { ls "/proc/$daemon/fd" | wc -l; }
apply_many() {
	local i
	for ((i = 0; i < $1; i++)); do
		case $((i % 4)) in
		0|2) at r apply "$scratch/A.sluice" ;;
		1) at r apply "$scratch/B.sluice" ;;
		3) ! at r apply "$scratch/wrong.sluice" && at r rollback ;;
		esac || return 1
	done
	at r apply "$scratch/A.sluice"	# to be compared with what ran when it was last looked
}

check "sluiced starts" start_daemon r
check "some commits" apply_many $warm
sleep 1
few=$(rss) few_descriptors=$(descriptors)
SECONDS=0
check "and $commits more" apply_many "$commits"
diag "$((SECONDS * 1000 / commits)) ms each, from $few kB to $(rss) kB"
check "no more memory" at_least "$(rss)" $((few + 2048)) "kB that would be right"
# what the last one set off may take a moment to end
as_many() { equal "$few_descriptors" "$(descriptors)"; }
check "no more descriptors" wait_for 5 as_many
end_daemon TERM
finish
