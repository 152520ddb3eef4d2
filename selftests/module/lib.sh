# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of the module itself share; they run in a guest (selftests/vm/test_module.sh), and
# begin
#
#	. "$(dirname "$0")/lib.sh"
#
# "check NAME COMMAND..." and the like are those of the network tests.
[ -n "${MODULE-}" ] || { echo "1..0 # SKIP the module is tested in a guest: make test"; exit 4; }
. "$(dirname "${BASH_SOURCE[0]}")/../net/lib.sh"
export PATH=$PATH:/usr/sbin:/sbin
# Those that need no lab have a place for what "check" keeps, as those in one do.
if [ -z "${LAB_DIR-}" ]; then
	scratch=$(mktemp -d)
	trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$scratch"' EXIT
fi

loaded() { [ -e /sys/module/sluice ]; }
uses() { cat /sys/module/sluice/refcnt; }

# hold NAME: build/test/hold NAME in the background, until let_go NAME
declare -A held
hold() {
	local fifo=$scratch/$1.stdin
	mkfifo "$fifo"
	build/test/hold "$1" < "$fifo" > "$scratch/$1.out" 2>&1 &
	held[$1]=$!
	exec {held_input}> "$fifo"
	held[$1.input]=$held_input
	rm "$fifo"
	wait_for 20 grep -q ready "$scratch/$1.out"
}
let_go() {
	local input=${held[$1.input]}
	exec {input}>&-
	wait "${held[$1]}"
}
