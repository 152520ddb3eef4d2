# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the network tests share. A test begins
#
#	. "$(dirname "$0")/lib.sh"
#	in_lab <<END
#	... a topology, sluice-lab(1) ...
#	END
#
# and goes on inside the lab: in_lab runs the test again under "sluice-lab run", so that the lab goes
# away with it, however it ends. Then "check NAME COMMAND..." for each thing to show, and
# "finish" as the last line, which prints the plan. A command that fails has its output shown.
set -uo pipefail
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export PATH=$top/build:$PATH
data=${SLUICE_DATA:-$top/../shared/data}

skip_all() {
	echo "1..0 # SKIP $*"
	exit 4
}

# need TOOL...: without one of them the whole test is skipped
need() {
	local tool
	for tool; do
		command -v "$tool" >/dev/null || skip_all "$tool is not installed"
	done
}

[ "$(id -u)" = 0 ] || skip_all "network namespaces need root"

in_lab() {
	if [ -z "${LAB-}" ]; then
		need ip jq
		# A copy of the topology, since the test reads its own again.
		exec sluice-lab run - -- "$0" "$@" || exit 1
	fi
	scratch=$LAB_DIR/test
	mkdir "$scratch"
	cat > "$scratch/topology"
	exec < /dev/null
	trap 'kill $(jobs -p) 2>/dev/null' EXIT
	trap 'exit 130' INT TERM
}

# ---- TAP --------------------------------------------------------------------

tests=0 failures=0
said=/dev/null

diag() { printf '%s\n' "$@" | sed 's/^/# /'; }

# check NAME COMMAND...: it succeeds
check() {
	local name=$1
	shift
	tests=$((tests + 1))
	said=$scratch/said
	if "$@" > "$said" 2>&1; then
		echo "ok $tests - $name"
		return 0
	fi
	echo "not ok $tests - $name"
	failures=$((failures + 1))
	diag "$*"
	tail -n 80 "$said" | sed 's/^/#   /'
	return 1
}

skip() {
	tests=$((tests + 1))
	echo "ok $tests - $1 # SKIP $2"
}

finish() {
	echo "1..$tests"
	if [ $failures -gt 0 ] && [ -n "${LAB_DIR-}" ]; then
		for log in "$LAB_DIR"/*/sluiced*.log; do
			[ -s "$log" ] || continue
			diag "$log:"
			tail -n 20 "$log" | sed 's/^/#   /'
		done
	fi
	exit $((failures > 0))
}

# ---- things to wait for, and to compare -------------------------------------

# wait_for SECONDS COMMAND...: until it succeeds. PATIENCE times as long where machines are slow: in an
# emulated guest that has a part of a CPU, sluiced may take half a minute to start.
wait_for() {
	local end=$((SECONDS + $1 * ${PATIENCE:-1}))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || { echo "in time this did not succeed: $*"; "$@"; return 1; }
		sleep 0.05
	done
}

# equal WANTED GOT [WHAT]
equal() {
	[ "$1" = "$2" ] || { echo "${3-it}: wanted \"$1\", got \"$2\""; return 1; }
}

# at_least WANTED GOT [WHAT]
at_least() {
	[ "$2" -ge "$1" ] || { echo "${3-it}: wanted $1 or more, got \"$2\""; return 1; }
}

# fails_saying WORDS COMMAND...: it fails, by no signal, and these words are in what it says
fails_saying() {
	local words=$1 out code
	shift
	out=$("$@" 2>&1)
	code=$?
	echo "$out"
	[ $code -ne 0 ] || { echo "it succeeded"; return 1; }
	[ $code -lt 128 ] || { echo "ended with code $code"; return 1; }
	grep -qi -e "$words" <<< "$out" || { echo "it does not say \"$words\""; return 1; }
}

# ---- the lab ----------------------------------------------------------------

# on NODE COMMAND...: in the node's network namespace
on() { nsenter --net="/run/netns/$LAB.$1" -- "${@:2}"; }

# The same, for the background: "exec_on NODE COMMAND... &" makes $! the command's own process.
exec_on() { exec nsenter --net="/run/netns/$LAB.$1" -- "${@:2}"; }

# at NODE VERB...: the command line of the sluiced on this node
at() { sluice -n "$LAB.$1" "${@:2}"; }

# start_daemon NODE [OPTION...]: sluiced there, and waits until it serves; sets daemon and log
start_daemon() {
	log=$LAB_DIR/$1/sluiced.log
	mkdir -p "$LAB_DIR/$1"
	: > "$log"
	sluiced -n "$LAB.$1" "${@:2}" 2> "$log" &
	daemon=$!
	wait_for 20 grep -q 'sluiced: ready' "$log"
}

# end_daemon SIGNAL: ends it so, and waits for that; sets code
end_daemon() {
	kill "-$1" "$daemon"
	wait "$daemon" 2> /dev/null
	code=$?
}

# A store has two homes: the module where that is loaded, else the daemon. Tests that take what there
# is say which it was.
module_loaded() { [ -d /sys/module/sluice ]; }
store_home() { if module_loaded; then echo module; else echo socket; fi; }

mac_of() { on "$1" ip -j link show dev "$2" | jq -r '.[0].address'; }

generation() { at "$1" -j status | jq -r .generation; }

# reason NODE PORT NAME: packets that came in at the port and had this fate
reason() { at "$1" -j port show "$2" | jq -r ".reasons.\"$3\" // 0"; }

# apply NODE: the policy on standard input
apply() { at "$1" apply -; }

# Starts "sluice-lab receive" on NODE, its answer to go to FILE, and waits until it listens.
receive() {
	local node=$1 file=$2
	shift 2
	rm -f "$file.err"	# or the last one's would be taken for this one's
	exec_on "$node" sluice-lab receive "$@" > "$file" 2> "$file.err" &
	receiver=$!
	wait_for 10 grep -q ready "$file.err"
}

# Ends it, when what is under way has come.
received() {
	sleep 0.3
	kill "$receiver"
	wait "$receiver"
}

# The numbers of one interface in a receiver's answer: got FILE INTERFACE FIELD
got() { jq -r "select(.interface == \"$2\") | .$3" "$1"; }

# load SECONDS: 4000 packets a second to UDP port 5001, in 16 flows, from a's eth0 by way of r's port left to b's
# eth0, until unload, or for so long
load() {
	receive b "$scratch/b" -i eth0 -t $(($1 + 10)) -S 7 || return 1
	exec_on a sluice-lab send -i eth0 -d 10.0.2.2 -m "$(mac_of r left)" -p 5001 -l 100 -r 4000 -t "$1" -S 7 -f 16 \
		> "$scratch/sent" &
	sender=$!
	sleep 0.3
}

# unload LEAST: sets sent, of which there are so many at least; "got_all FILE eth0 $sent" is what there is to show
unload() {
	kill $sender
	wait $sender
	received
	sent=$(jq .sent "$scratch/sent")
	diag "$sent sent, $(got "$scratch/b" eth0 distinct) received"
	at_least "$1" "$sent" "sent"
}

# swaps N: the policies $scratch/x.sluice and $scratch/y.sluice replace each other, so often each
swaps() {
	local i
	for ((i = 0; i < $1; i++)); do
		at r apply "$scratch/y.sluice" && at r apply "$scratch/x.sluice" || return 1
	done
}

# got_all FILE INTERFACE COUNT: each number once
got_all() {
	equal "$3" "$(got "$1" "$2" distinct)" "distinct at $2" &&
	equal 0 "$(got "$1" "$2" duplicates)" "duplicates at $2" &&
	equal 0 "$(got "$1" "$2" dropped)" "dropped by the receiver" ||
	{ grep -v '"received":0' "$1" | cut -c 1-300; return 1; }
}
