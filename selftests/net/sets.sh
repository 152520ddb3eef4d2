#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Sets: what rules insert and what the configuration has, each with its time, over commits, restarts and
# kill -9; taken out by hand; a set that is full says so; an element more is no new program.
. "$(dirname "$0")/lib.sh"
need ping
in_lab <<END
lab sets;
host a { default via 10.0.1.1; default via 2001:db8:1::1; }
host b { default via 10.0.2.1; default via 2001:db8:2::1; }
router r;
link a.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r.left 10.0.1.1/24 2001:db8:1::1/64;
link b.eth0 10.0.2.2/24 2001:db8:2::2/64 -- r.right 10.0.2.1/24 2001:db8:2::1/64;
END

policy() {
	cat <<-END
		port left = "left"; port right = "right";
		route main;
		set friends : ip.src size ${1-64};
		set knocked : ip.src size 64 timeout 2s;
		set seen : ip.src size 16;
		filter left {
		    allow if arp;
		    allow if ip6 and icmp.type in { 133-136 };
		    insert ip.src into knocked if udp.dst == 7000;
		    insert ip.src into seen if udp.dst == 7001;
		    allow if ip.src in friends;
		    allow if icmp and ip.src in knocked;
		    drop;
		}
	END
}
not() { ! "$@"; }
says() {
	local words=$1 out
	shift
	out=$("$@" 2>&1)
	echo "$out"
	grep -q -e "$words" <<< "$out"
}
json() { local filter=$1; shift; at r -j "$@" | tee /dev/stderr | jq -es "$filter" > /dev/null; }
pings() { on a ping -q -c 1 -W 1 "${1-10.0.2.2}"; }
# knock PORT [SOURCE]
knock() { on a sluice-lab send -i eth0 -d 10.0.2.2 -m "$mac" -n 1 -p "$1" ${2:+-s "$2"}; }
mac=$(mac_of r left)

check "sluiced starts" start_daemon r
check "the policy" apply r <<< "$(policy)"

# ---- of the configuration ----------------------------------------------------------------

check "nobody's friend is dropped" wait_for 5 not pings
check "set add" at r set add friends 10.0.1.2
check "is let through at once" pings
check "IPv6 is another" not pings 2001:db8:2::2
check "set add, of IPv6" at r set add friends 2001:db8:1::2
check "likewise" wait_for 5 pings 2001:db8:2::2
check "set show" says '^friends  10.0.1.2  *-     store$' at r set show friends
check "set del" at r set del friends 10.0.1.2
check "is dropped" not pings
check "all at once: -batch -atomic" eval 'printf "set add friends 10.0.1.%d\n" {2..9} > "$scratch/batch" &&
	at r -batch "$scratch/batch" -atomic && pings'
check "status counts them" json '.[0].filters.sets[0].elements == 9' status
check "a set that no policy has: that is said" says 'no such sets.*"nobodys"' at r set add nobodys 10.0.1.2
check "set show has it all the same" says '^nobodys  10.0.1.2 ' at r set show nobodys
check "a prefix is no element" fails_saying '10.1.0.0/16' at r set add friends 10.1.0.0/16
check "which changes nothing" json '.[0].filters.sets[0].elements == 9' status
check "flush" eval 'at r set flush friends && not pings'

check "with a time" eval 'at r set add friends 10.0.1.2 timeout 3s && pings'
check "that is shown" json '.[0].left_ms | . > 0 and . <= 3000' set show friends
left() { at r -j set show friends | jq "select(.element == \"10.0.1.2\").left_ms"; }
sleep 1.5
at r set add friends 10.0.1.3 > /dev/null
check "a commit does not begin it anew" eval 'apply r <<< "$(policy)" && at_least "$(left)" 1500'
kill -HUP "$daemon"
sleep 0.3
check "nor does a reload" at_least "$(left)" 1200
check "it ends" wait_for 3 not pings
check "and is gone from the set" wait_for 3 json '.[0].filters.sets[0].elements == 1' status
check "it may be added again" eval 'at r set add friends 10.0.1.2 timeout 10m && pings'
at r set flush > /dev/null

# ---- what rules insert ---------------------------------------------------------------------

check "before, the door is shut" not pings
knock 7000 > /dev/null
check "a knock opens it" pings
line=$(policy | grep -n 'into knocked' | cut -d : -f 1)
check "who did that is shown" json '.[0] | [.set, .element, .origin, .rule] ==
	["knocked", "10.0.1.2", "rule", "-:'"$line"'"] and .left_ms <= 2000' set show knocked
check "time closes it" wait_for 4 not pings
check "and takes it out" wait_for 3 json '.[0].filters.sets[1] | [.elements, .expired] == [0, 0]' status
knock 7000 > /dev/null
check "set del reaches it" says '1 inserted by rules was taken out' at r set del knocked 10.0.1.2
check "the door is shut" not pings
check "what is not there cannot be taken out" fails_saying 'no such element' at r set del knocked 10.0.1.2
knock 7000 > /dev/null
check "set flush, too" says '1 inserted by rules was taken out' at r set flush knocked
check "the door is shut again" not pings

for i in {2..17}; do knock 7001 10.0.1.$i > /dev/null; done
check "16 of 16" json '.[0].filters.sets[2].elements == 16 and .[0].notes == []' status
knock 7001 10.0.1.18 > /dev/null
check "one too many is counted" json '.[0].packets == 1' counter show "set-full seen"
check "and noted" wait_for 4 json '.[0].notes | length == 1 and (.[0] | test("set seen: it is full with 16"))' \
	status
check "the others stay" json 'map(.element) | sort == ([range(2; 18) | "10.0.1.\(.)"] | sort)' set show seen

# ---- who outlives whom -------------------------------------------------------------------

at r set add friends 10.0.1.2 timeout 10m > /dev/null
at r set add friends 10.0.1.3 > /dev/null
check "another policy with the same sets" eval 'apply r <<< "$(policy; echo "set more : ip.src size 4;")"'
same() {
	json 'map(select(.set == "seen")) | length == 16' set show && pings
}
check "has their elements" same
kill -KILL "$daemon"
wait "$daemon" 2> /dev/null
check "kill -9: the data path has them" pings
check "another sluiced" start_daemon r
check "as well" same
check "and times as they were" at_least "$(left)" 599500
# resized SIZE [FIELD]: another set "seen"
resized() {
	policy 128 | sed -e "s/\(set seen : \)ip.src size 16/\1${2-ip.src} size $1/" \
		-e "s/insert ip.src into seen/insert ${2-ip.src} into seen/"
}
check "sets of another size" apply r <<< "$(resized 32)"
check "have their elements" json '.[0].filters.sets | map([.size, .configured, .inserted]) ==
	[[128, 2, 0], [64, 0, 0], [32, 0, 16]]' status
check "which count" pings
check "one that gets too small: that is said" says 'has 16 elements, more than fit' apply r <<< "$(resized 4)"
check "and it is full" json '.[0].filters.sets[2] | .size == 4 and .inserted <= 4 and .inserted >= 1' status
check "with other values: that is said" says 'values of another kind' apply r <<< "$(resized 16 l4.dst)"
check "and it is empty" json '.[0].filters.sets[2] | [.field, .elements] == ["l4.dst", 0]' status
knock 7001 > /dev/null
check "and takes those" json 'map([.element, .origin]) == [["7001", "rule"]]' set show seen
check "and then others" says 'values of another kind' apply r <<< "$(resized 16 ip.proto)"
check "from the start" json '.[0].filters.sets[2].elements == 0' status
check "other sets are as before" pings

# ---- cheap --------------------------------------------------------------------------------

large() {
	policy 65536
	echo 'filter right {'
	seq 0 3999 | awk '{ printf "drop if ip.src == 10.%d.%d.0/24 and tcp.dst == %d;\n",
		64 + int($1 / 256), $1 % 256, $1 }'
	echo '}'
}
large > "$scratch/large.sluice"
check "4,000 rules more" at r apply "$scratch/large.sluice"
# What rules count is pinned under the number of the program that runs.
program() { (cd "/run/sluice/netns/$LAB.r/bpf" && echo rule_counts_*); }
one() {
	local began ended before
	before=$(program)
	began=$(date +%s%N)
	for i in {10..29}; do at r set add friends 10.0.1.$i > /dev/null || return 1; done
	ended=$(date +%s%N)
	echo "$(((ended - began) / 20000000)) ms each"
	grep -q 'rule_counts_[0-9]' <<< "$before" && equal "$before" "$(program)" "the program that runs"
}
check "an element more is no new program" one
diag "$(cat "$said")"
many() {
	local began ended
	seq 0 49999 | awk '{ printf "set add friends 10.%d.%d.%d\n",
		64 + int($1 / 65536), int($1 / 256) % 256, $1 % 256 }' > "$scratch/many"
	began=$(date +%s%N)
	at r -batch "$scratch/many" -atomic > /dev/null || return 1
	ended=$(date +%s%N)
	echo "$(((ended - began) / 1000000)) ms"
}
check "50,000 at once" many
diag "$(tail -n 1 "$said")"
check "are there" json '.[0].filters.sets[0].elements >= 50020' status
check "and packets flow" pings
check "the mistake of one is the mistake of all" eval 'echo "set add friends 10.9.0.0/16" > "$scratch/wrong" &&
	echo "set add friends 10.8.0.1" >> "$scratch/wrong" && not at r -batch "$scratch/wrong" -atomic'
check "nothing has changed" eval 'not says 10.8.0.1 at r set show friends'
finish
