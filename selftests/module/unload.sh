#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The module goes only when nothing would be lost with it, and leaves nothing behind.
. "$(dirname "$0")/lib.sh"

refused() { fails_saying "in use" rmmod sluice; }
in_vain() { loaded && [ "$(uses)" -gt 0 ]; }

loaded || insmod "$MODULE"
check "nothing holds it" equal 0 "$(uses)"

check "a compiler binds itself" hold compiler
check "rmmod is refused then" refused
check "a commit that waits to be confirmed" hold confirmation
let_go confirmation
let_go compiler
check "keeps it without compiler and committer" refused
check "until it is confirmed" sluice confirm
check "nothing holds it then" equal 0 "$(uses)"

check "a transaction is opened" hold transaction
check "rmmod is refused then" refused
let_go transaction
check "nothing holds it when the socket is closed" equal 0 "$(uses)"

# A namespace that goes takes its promises with it.
ip netns add holder
check "a compiler in another namespace" ip netns exec holder true
nsenter --net=/run/netns/holder bash -c 'sleep 30 | build/test/hold compiler' > "$scratch/other" &
check "binds itself" wait_for 20 grep -q ready "$scratch/other"
check "rmmod is refused then, too" refused
pkill -P $! sleep; wait $!
ip netns del holder
check "the namespace has gone, and holds nothing" wait_for 20 test 0 = "$(uses)"

# Requests come while it goes and comes.
check "requests all the while" hold requests
come_and_go() {
	local i
	for i in {1..6}; do
		until rmmod sluice 2>/dev/null; do loaded || return 1; done
		insmod "$MODULE" || return 1
	done
}
check "rmmod and insmod, 6 times, under requests" come_and_go
let_go requests
check "some were answered" grep -E "answered [1-9]" "$scratch/requests.out"
diag "$(tail -n 1 "$scratch/requests.out")"

check "rmmod" rmmod sluice
check "its BTF has gone" test ! -e /sys/kernel/btf/sluice
finish
