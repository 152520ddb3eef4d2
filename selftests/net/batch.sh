#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What many commands need to be safe: a standard input that stayed empty is no policy; a batch reaches what
# rules inserted; what object show wrote calls nobody back; a batch outlives a restart of sluiced; of many
# commands at once each comes through; and what was not done is said, with its exit code.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab btch;
host a { default via 10.0.1.1; }
host b { default via 10.0.2.1; }
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link b.eth0 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
run=/run/sluice/netns/$LAB.r
cat > "$scratch/policy" <<-END
	port left = "left"; port right = "right";
	route main;
	set friends : ip.src size 64;
	set knocked : ip.src size 64;
	filter left {
	    allow if arp;
	    insert ip.src into knocked if udp.dst == 7000;
	    allow;
	}
END
exits() { local wanted=$1; shift; "$@"; equal "$wanted" $? "exit code"; }
not() { ! "$@"; }
says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }
# lines LINE...: a batch on standard input, with the options of batch_options
lines() { printf '%b\n' "$@" | at r -batch - $batch_options; }
batch_options=
check "sluiced starts" start_daemon r
check "generation 0 was never committed: it has no time" json \
	'.[0] | .number == 0 and .objects == 0 and (has("time") or has("age_s") | not)' history
check "the policy" at r apply "$scratch/policy"

# ---- standard input ----------------------------------------------------------------

before=$(generation r)
nothing() { printf ' \n\t\n' | at r "$@" -; }
stays() { equal "$before" "$(generation r)" generation; }
check "nothing from standard input is no policy" fails_saying 'nothing came from standard input' nothing apply
check "nor one to be planned" fails_saying 'nothing came from standard input' nothing plan
check "nor is that of the lines' standard input" fails_saying \
	'standard input:1: -: standard input has the lines' lines 'apply -' 'route add 10.99.0.0/16 discard'
check "what ran goes on" stays
check "a remark is a policy" eval 'echo "# nothing" | at r apply - && at r apply "$scratch/policy"'
: > "$scratch/empty"
check "and so is an empty file" eval 'at r apply "$scratch/empty" && at r apply "$scratch/policy"'

# ---- words of a line ---------------------------------------------------------------

check "a quoted word has blanks" lines 'set add friends 10.9.0.1 --comment "of # two \\"words\\""'
check "all of them" json '.[0].comment == "of # two \"words\""' history
check "a quote without end" fails_saying ':1: a " has no other one' lines 'set add friends 10.9.0.2 --comment "x'
check "a NUL byte is no end of a line" fails_saying ':1: there is a NUL byte' \
	lines 'set add friends 10.9.0.2\0000 timeout 1s'
check "--no-proof is no --netns" lines "check --no-proof $scratch/policy"
check "--n is" fails_saying 'stands before -batch' lines 'status --n x'
check "-jn, too" fails_saying '-n stands before -batch' lines 'status -jn x'
check "what is there is shown" fails_saying 'it is there already: set friends 10.9.0.3 timeout' eval \
	'at r set add friends 10.9.0.3 timeout 10m && at r set add friends 10.9.0.3'

# ---- what rules inserted -----------------------------------------------------------

mac=$(mac_of r left)
knock() {
	for i; do
		on a sluice-lab send -i eth0 -d 10.0.2.2 -m "$mac" -n 1 -p 7000 -s 10.0.1."$i" || return 1
	done
}
inserted() { equal "$*" "$(at r -j set show knocked | jq -r .element | sort | xargs)" inserted; }
check "rules insert" eval 'knock 2 3 4 5 && wait_for 5 inserted 10.0.1.{2,3,4,5}'
batch_options=-atomic
check "a transaction takes one of them out" says '1 inserted by rules was taken out' \
	lines 'set add friends 10.9.1.1' 'set del knocked 10.0.1.2'
check "and no other" inserted 10.0.1.{3,4,5}
check "one that nobody inserted is a mistake" fails_saying ':2: there is no such element' \
	lines 'set del knocked 10.0.1.3' 'set del knocked 10.0.1.2'
check "nor can it be taken out twice" fails_saying ':2: there is no such element' \
	lines 'set del knocked 10.0.1.3' 'set del knocked 10.0.1.3'
check "a mistake takes nothing out" inserted 10.0.1.{3,4,5}
check "flush takes all" says '3 inserted by rules were taken out' lines 'set flush knocked'
check "of it" inserted
check "a set that does not run has none" lines 'set add nobodys 10.0.0.1' 'set flush nobodys'
knock 2 > /dev/null
mv "$run/query.sock" "$run/aside"
check "who cannot be asked: that is said" fails_saying 'what rules inserted may be in the set still' \
	lines 'set flush knocked'
check "with exit code 3" exits 3 lines 'set flush knocked'
check "likewise del" fails_saying 'whether a rule inserted it is not known' lines 'set del knocked 10.0.1.2'
batch_options=
check "and commands by themselves" exits 3 at r set flush knocked
check "each" exits 3 at r set del knocked 10.0.1.2
mv "$run/aside" "$run/query.sock"
check "it is there still" inserted 10.0.1.2
check "and goes" eval 'at r set flush knocked && inserted'

# ---- what was saved -----------------------------------------------------------------

at r set flush > /dev/null
lines 'set add friends 10.9.2.1 timeout 300ms' 'set add friends 10.9.2.2 timeout 10m' \
	'set add friends 10.9.2.3' > /dev/null
sleep 0.5
at r object show > "$scratch/saved"
left=$(sed -n 's/^set add friends 10.9.2.2 timeout \([0-9]*\)ms$/\1/p' "$scratch/saved")
check "what is over is not saved" not grep -q '10\.9\.2\.1 ' "$scratch/saved"
check "what is not, with what is left" eval 'at_least 500000 "$left" && at_least "$left" 599500'
check "what stays, as it is" grep -q '^set add friends 10\.9\.2\.3$' "$scratch/saved"
check "the batch of it" eval 'at r set flush && at r -batch "$scratch/saved" -atomic'
check "calls nobody back" json 'map(.element) == ["10.9.2.2", "10.9.2.3"] and .[0].left_ms <= '"${left:-0}" \
	set show friends
at r set replace friends 10.9.2.2 timeout 1ms > /dev/null
batch_options=-atomic
check "what is over may be added in a transaction" lines 'set add friends 10.9.2.2'
check "but once" fails_saying ':2: it is there already' lines 'set add friends 10.9.2.4' 'set add friends 10.9.2.4'
batch_options=

# ---- at once, and over a restart ------------------------------------------------------

at_once() {
	local pids=() failed=0
	for i in {1..12}; do
		at r set add friends 10.9.3."$i" & pids+=($!)
	done
	for pid in "${pids[@]}"; do wait "$pid" || failed=$((failed + 1)); done
	equal 0 $failed "that lost"
}
check "12 commands at once" at_once
has() { at r object show | grep -q "^set add friends 10\.9\.$1\$"; }
# Two batches have a line each before sluiced ends and after it is there again; one has a line between.
exec 8> >(at r -batch - > "$scratch/patient" 2>&1; echo "code $?" >> "$scratch/patient")
exec 9> >(exec 8>&-; at r -batch - -force > "$scratch/forced" 2>&1; echo "code $?" >> "$scratch/forced")
echo "set add friends 10.9.4.1" >&8
check "a batch begins" wait_for 10 has 4.1
echo "set add friends 10.9.5.1" >&9
check "and another one" wait_for 10 has 5.1
kill -KILL "$daemon"
wait "$daemon" 2> /dev/null
echo "set add friends 10.9.5.2" >&9
check "a line without a sluiced says so" wait_for 10 grep -q 'standard input:2: .*sluiced' "$scratch/forced"
check "another sluiced" start_daemon r 8>&- 9>&-
echo "set add friends 10.9.4.2" >&8
exec 8>&-
check "a batch goes on with it" eval 'wait_for 10 has 4.2 && wait_for 10 grep -qx "code 0" "$scratch/patient"'
echo "set add friends 10.9.5.3" >&9
exec 9>&-
check "with -force after a line that failed, too" eval \
	'wait_for 10 has 5.3 && wait_for 10 grep -qx "code 3" "$scratch/forced" && not has 5.2'
finish
