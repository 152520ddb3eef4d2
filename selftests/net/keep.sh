#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is kept on disk: a boot, played by taking the data path down, and the module out and in, brings
# the configuration back; a module that has one needs none; a file that is torn or foreign is set
# aside, and that is said.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab keep;
host a;
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
link a.eth1 10.0.2.2/24 -- r.right 10.0.2.1/24;
END
diag "the store is in: $(store_home)"
module=${MODULE:-$(modinfo -F filename sluice 2> /dev/null || echo "$top/build/kmod/$(uname -r)/sluice.ko")}
if module_loaded && ! [ -e "$module" ]; then
	skip_all "the module is loaded, and $module is not there to load it again"
fi

kept=/run/sluice/netns/$LAB.r/state/store
one='port left = "left";'
two='port left = "left"; port right = "right";'

start() { start_daemon r; }
running() { at r -j history | jq -r 'select(.state == "running").number'; }
comment() { at r -j history | jq -r 'select(.state == "running").comment // ""'; }
notes() { at r -j status | jq -r '.notes[]'; }
has_note() { notes | grep -q -e "$1"; }
ports() { equal "$1" "$(at r -j status | jq -r '[.ports[].interface] | join(" ")')" ports; }
has_xdp() { on r ip -j link show dev "$1" | jq -e '.[0].xdp' > /dev/null; }
# A copy is written behind the commit: it may take a moment.
changed() { [ "$(cksum < "$kept")" != "$copy" ]; }
kept_anew() { wait_for 10 changed && copy=$(cksum < "$kept"); }
# Takes down all that a boot does; "boot" brings up again what comes by itself.
shut_down() {
	sluiced -n "$LAB.r" --remove 2> /dev/null
	! module_loaded || { rmmod sluice && insmod "$module"; }
}
copy=$(cksum < /dev/null)

check "sluiced starts" start
check "a policy" apply r <<< "$one"
check "another" at r apply --comment "both of them" - <<< "$two"
check "is kept" kept_anew
last=$(running)
end_daemon TERM

# ---- a boot -----------------------------------------------------------------------

check "shut down" shut_down
check "the ports are free" eval '! has_xdp left && ! has_xdp right'
check "sluiced starts" start
check "with the same policy" ports "left right"
check "which runs" eval 'has_xdp left && has_xdp right'
check "and no complaint" equal "" "$(notes)"
if module_loaded; then
	check "the module's store was new, and says whose copy it has" \
		equal "generation $last of the copy on disk: both of them" "$(comment)"
	check "as generation 1" equal 1 "$(running)"
	check "which runs, and that is known" equal 1 "$(generation r)"
	check "and what is kept is that" kept_anew
	check "the log says so" grep -q "the module's store is new" "$log"
else
	check "under the same number" equal "$last" "$(running)"
fi

# What is not there yet at a boot is waited for.
end_daemon TERM
shut_down
on r ip link set right down
on r ip link set right name away
check "a boot with an interface missing" start
check "the policy is there" ports "left right"
check "and says what it waits for" has_note "no interface right"
on r ip link set away name right
on r ip link set right up
xdp_on_right() { has_xdp right; }
check "until it comes" wait_for 10 xdp_on_right

# ---- a module that has a configuration -------------------------------------------------

if module_loaded; then
	copy=$(cksum < "$kept")
	cp "$kept" "$scratch/older"
	check "a third policy" apply r <<< "$one"
	check "is kept" kept_anew
	last=$(running)
	end_daemon TERM
	cp "$scratch/older" "$kept"
	check "sluiced starts, with an older file" start
	check "the module's configuration has precedence" ports "left"
	check "with its number" equal "$last" "$(running)"
	older=$(cksum < "$scratch/older")
	not_older() { [ "$(cksum < "$kept")" != "$older" ]; }
	check "and the file follows" wait_for 10 not_older
fi

# ---- who is not the only one ------------------------------------------------------------------

hold=$top/build/test/hold
if module_loaded && [ -x "$hold" ]; then
	end_daemon TERM
	exec_on r "$hold" compiler < <(exec sleep 100) > "$scratch/held" & holding=$!
	wait_for 10 grep -q ready "$scratch/held"
	check "where another compiler is bound, sluiced says so and ends" \
		fails_saying "another compiler is bound to the module's store" sluiced -n "$LAB.r"
	kill $holding
	wait $holding 2> /dev/null
	check "and starts when that has gone" start
fi

# ---- a module that comes later ------------------------------------------------------------

if module_loaded; then
	end_daemon TERM
	sluiced -n "$LAB.r" --remove 2> /dev/null
	rmmod sluice
	check "without the module" start
	check "the store is in the daemon, with what was kept" eval \
		'equal socket "$(at r -j status | jq -r .store)" && ports left'
	insmod "$module"
	check "a module that comes is noted" wait_for 5 has_note "module: it was loaded after"
	check "the command line goes on to the daemon's store" apply r <<< "$two"
	end_daemon TERM
	check "the next start" start
	check "has the store in the module" equal module "$(at r -j status | jq -r .store)"
	check "which got what ran" ports "left right"
	check "and no complaint" equal "" "$(notes)"
fi

# ---- files that are none ------------------------------------------------------------------

# set_aside NAME WORDS: what is in $kept is not taken, and the status says why
set_aside() {
	local file bytes
	bytes=$(cksum < "$kept")
	check "$1: sluiced starts" start
	check "$1: it is said" has_note "$2"
	file=$(notes | sed -n 's/.*set aside as //p')
	check "$1: and set aside" equal "$bytes" "$(cksum < "$file")"
	check "$1: the store is empty" equal 0 "$(running)"
	check "$1: there is no file until there is something to keep" test ! -e "$kept"
}
end_daemon TERM
cp "$kept" "$scratch/good"
shut_down
head -c $(($(stat -c %s "$scratch/good") - 7)) "$scratch/good" > "$kept"
set_aside "torn" "store: .*it is torn.*set aside as"
check "a policy is taken all the same" apply r <<< "$two"
check "and kept" wait_for 10 test -e "$kept"
no_notes() { equal "" "$(notes)"; }
check "and the complaint is gone" wait_for 5 no_notes
end_daemon TERM

if ! module_loaded; then	# it is the same file, and the same reader: an emulated guest is slow
	shut_down
	{ head -c 60 "$scratch/good"; printf '\377'; tail -c +62 "$scratch/good"; } > "$kept"
	set_aside "damaged" "its checksum is wrong"
	end_daemon TERM
	shut_down
	echo "# a policy, perhaps" > "$kept"
	set_aside "foreign" "set aside as .*state/store.bad-3"
	end_daemon TERM
	shut_down
	{ head -c 8 "$scratch/good"; printf '\011'; tail -c +10 "$scratch/good"; } > "$kept"
	set_aside "of another version" "has a version that is not known here"
	end_daemon TERM
fi
shut_down
cp "$scratch/good" "$kept"
check "the good one is good" start
check "and runs" eval 'at_least 1 "$(running)" && has_xdp left'
end_daemon TERM

# ---- where a service manager says ---------------------------------------------------------------

if ! module_loaded; then
	shut_down
	elsewhere=$scratch/lib
	check "a state directory" start_daemon r --state-dir "$elsewhere"
	check "is another one's" equal 0 "$(running)"
	check "a policy" apply r <<< "$two"
	check "is kept there" test -s "$elsewhere/netns/$LAB.r/store"
	end_daemon TERM
	export STATE_DIRECTORY=$elsewhere
	check "so is it by systemd's word" start
	check "with the policy" ports "left right"
	end_daemon TERM
fi
shut_down
finish
