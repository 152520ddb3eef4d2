#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A full disk: whoever applies or confirms is told that it could not be written, status says so for as long
# as it is true, and it is written as soon as there is room: by itself, by the next commit, and at the end.
# The small file system is seen by this test only: it has mounts of its own.
. "$(dirname "$0")/lib.sh"
[ -n "${OWN_MOUNTS-}" ] || OWN_MOUNTS=1 exec unshare --mount "$0" "$@"
need dd
in_lab <<END
lab full;
router r;
link r.left 10.0.1.1/24 -- r.right 10.0.2.1/24;
END
! module_loaded || skip_all "with the module the configuration is not in sluiced's file"

state=$scratch/state
kept=$state/netns/$LAB.r/store
fill() { dd if=/dev/zero of="$state/fill" bs=1k 2> /dev/null; [ -s "$state/fill" ]; }
start() { start_daemon r --state-dir "$state"; }
running() { at r -j history | jq -r 'select(.state == "running").number'; }
waits() { at r -j status | jq -e .confirm > /dev/null; }
note() { at r -j status | jq -r '.notes[] | select(startswith("disk: "))'; }
no_note() { equal "" "$(note)"; }
is_kept() { [ "$(cksum < "$kept")" != "$before" ]; }
# warns COMMAND...: it succeeds, and standard error says that it is not on disk
warns() { "$@" 2> "$scratch/warned" && grep -q "could not be written to disk" "$scratch/warned"; }
policy() { echo "port left = \"left\";" "$@"; }

mkdir "$state"
mount -t tmpfs -o size=64k "$LAB" "$state" || skip_all "a tmpfs cannot be mounted"
check "sluiced starts" start
check "a policy" apply r <<< "$(policy)"

# ---- confirmed with a full disk: it is written when there is room ---------------------------

check "another one, to be confirmed" at r apply --confirm 60s - <<< "$(policy 'port right = "right";')"
confirmed=$(running)
check "the disk is full" fill
before=$(cksum < "$kept")
check "confirm warns" warns at r confirm
check "and status says so" grep -q "could not be written.*tried again" <<< "$(note)"
rm "$state/fill"
check "there is room: the note goes by itself" wait_for 15 no_note
check "and it is on disk" is_kept
end_daemon KILL
check "the next start" start
check "has it" equal "$confirmed" "$(running)"
check "confirmed" eval '! waits'

# ---- at the end, and by the next commit -------------------------------------------------------

at r apply --confirm 60s - <<< "$(policy)" > /dev/null 2>&1
confirmed=$(running)
check "the disk is full again" fill
check "confirm -j has it as a field" eval \
	'at r -j confirm | jq -e ".generation == $confirmed and (.message | test(\"could not be written\"))"'
rm "$state/fill"
end_daemon TERM
check "what is written at the end" start
check "is there at the next start" eval 'equal "$confirmed" "$(running)" && ! waits'

check "the disk is full once more" fill
check "apply warns" warns at r apply - <<< "$(policy 'port right = "right";')"
rm "$state/fill"
before=$(cksum < "$kept")
check "the next commit does not" eval '! warns apply r <<< "$(policy)" && no_note && is_kept'
last=$(running)

check "a disk that stays full" fill
check "is told of by apply" warns apply r <<< "$(policy 'port right = "right";')"
end_daemon TERM
check "and by the log at the end" grep -q "brings back what was before$" "$log"
check "the next start has what was written last" eval 'start && equal "$last" "$(running)"'
end_daemon TERM
sluiced -n "$LAB.r" --remove 2> /dev/null
finish
