#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Who may: nobody reads or changes the configuration without privilege in the network namespace, and
# whoever has it in a user namespace of his own has it in the network namespaces of that one,
# and in no other.
#
# What is asked is asked by hand, every command of the family: that our own command line refuses
# would prove little.
. "$(dirname "$0")/lib.sh"
in_lab <<END
lab privilege;
host a;
router r;
link a.eth0 10.0.1.2/24 -- r.left 10.0.1.1/24;
END
need setpriv unshare perl jq
home=$(store_home)
diag "the store is in: $home"
socket=/run/sluice/netns/$LAB.r/sluice.sock

# ask WHERE: sends every command, and prints its name and the error that came back (0: none). WHERE:
#	genl		the family, by a socket of our own; also "join NAME" for each group
#	genl-by N	the same by the open socket with this number
#	unix PATH	the unix socket
#	pass COMMAND...	opens a socket of the family, and has COMMAND run with its number at the end
ask=$(cat <<'END'
use strict; use Socket;
my ($AF_NETLINK, $GENERIC, $SOL_NETLINK, $ADD, $CTRL) = (16, 16, 270, 1, 0x10);
my $seq = 0;
sub attr { my ($type, $data) = @_; my $a = pack("S S", 4 + length $data, $type) . $data;
	return $a . "\0" x (-length($a) & 3); }
sub message { my ($type, $flags, $cmd, $attrs) = @_;
	my $body = pack("C C S", $cmd, 1, 0) . $attrs;
	return pack("L S S L L", 16 + length $body, $type, 1 | $flags, ++$seq, 0) . $body; }
# The error of a request's answer; what else comes is passed over.
sub answer { my $s = shift;
	for (1 .. 1000) {
		my $ready = ""; vec($ready, fileno($s), 1) = 1;
		select($ready, undef, undef, 5) or return "no answer";
		defined recv($s, my $in, 65536, 0) or return "recv: $!";
		return "closed" if $in eq "";
		while (length $in >= 16) {
			my ($len, $type, $flags, $n) = unpack("L S S L", $in);
			return -unpack("x16 l", $in) if $type == 2 && ($n == $seq || !$n);
			return 0 if $type == 3;
			substr($in, 0, ($len + 3) & ~3, "");
		}
	}
}
sub genl { socket(my $s, $AF_NETLINK, SOCK_RAW, $GENERIC) or die "socket: $!"; return $s; }
sub resolve { my $s = shift; my (%group, $id);
	send($s, message($CTRL, 0, 3, attr(2, "sluice\0")), 0, pack("S S L L", $AF_NETLINK, 0, 0, 0));
	recv($s, my $in, 65536, 0);
	die "no family sluice" if unpack("x4 S", $in) == 2;
	$id = unpack("S", $1) if $in =~ /\x06\0\x01\0(..)/s;
	while ($in =~ /\x08\0\x02\0(....)[^\0].\x01\0(\w+)\0/sg) { $group{$2} = unpack("L", $1); }
	return ($id, %group); }
my $object = attr(0x8005, attr(1, pack "L", 2) . attr(2, "x") . attr(3, ""));
my @commands = (
	[ TXN_BEGIN => 1, "" ], [ SET => 3, $object ], [ DEL => 4, attr(2, pack "L", 4) .
	attr(0x8005, attr(1, pack "L", 2) . attr(2, "x")) ], [ GET => 5, "", 0x300 ], [ TXN_ABORT => 2, "" ],
	[ STATUS => 9, "" ], [ BIND => 10, "" ], [ EVENT => 12, attr(0x800b, attr(2, "e\0") .
	attr(3, pack "Q", 1)) ], [ VERDICT => 11, attr(3, pack "Q", 0) . attr(8, pack "L", 1) ],
	[ COMMIT => 6, "" ], [ CONFIRM => 7, "" ], [ ROLLBACK => 8, "" ]);
sub all { my ($s, $type) = @_;
	for (@commands) {
		my ($name, $cmd, $attrs, $flags) = @$_;
		defined send($s, message($type, $flags || 4, $cmd, $attrs), 0) or print "$name send: $!\n";
		print "$name ", answer($s), "\n";
	} }
my $where = shift;
if ($where eq "unix") {
	socket(my $s, AF_UNIX, 5, 0) or die;
	connect($s, sockaddr_un($ARGV[0])) or print("connect ", $!+0, "\n"), exit;
	all($s, 0x5100);
} elsif ($where eq "pass") {
	$^F = 100;
	my $s = genl(); my ($id) = resolve($s);
	exec(@ARGV, fileno $s) or die;
} else {
	my $s;
	if ($where eq "genl") { $s = genl(); } else { open($s, "+<&=", $ARGV[0]) or die "fd: $!"; }
	my ($id, %group) = resolve($s);
	connect($s, pack("S S L L", $AF_NETLINK, 0, 0, 0)) or print "connect $!\n";
	all($s, $id);
	for my $name (sort keys %group) {
		print "join $name ", setsockopt($s, $SOL_NETLINK, $ADD, pack "L", $group{$name}) ? 0 : $!+0, "\n";
	}
}
END
)
nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --)
# only ERRNO OUTPUT: every line ends in it, and all that is asked is there
only() {
	echo "$2"
	! grep -v " $1\$" <<< "$2" && at_least "${3-12}" "$(wc -l <<< "$2")" "answers"
}

check "sluiced starts" start_daemon r
check "a policy" apply r <<< 'port left = "left";'
running() { at r -j history | jq -r 'select(.state == "running").number'; }
# root_is_answered WHERE...: what only the compiler may say is refused to root, too
root_is_answered() {
	local out
	out=$(on r perl -e "$ask" "$@")
	echo "$out"
	grep -qx "STATUS 0" <<< "$out" && grep -qx "ROLLBACK 0" <<< "$out" &&
		! grep " 1\$" <<< "$out" | grep -v "VERDICT\|EVENT"
}
if module_loaded; then where=(genl); else where=(unix "$socket"); fi
check "root is answered" root_is_answered "${where[@]}"
# which has rolled back
rolled_back() { equal 2 "$(generation r)"; }
check "and obeyed" wait_for 10 rolled_back
before=$(running)

# ---- nobody ------------------------------------------------------------------------

verbs=("history" "apply -" "monitor" "object show" "rollback" "confirm" "port add x left")
! module_loaded || verbs=("${verbs[@]:0:2}")	# an emulated guest is slow
for verb in "${verbs[@]}"; do
	check "nobody: $verb" fails_saying "no permission" "${nobody[@]}" \
		timeout 10 "$top/build/sluice" -n "$LAB.r" $verb <<< 'port left = "left";'
done
check "nothing has changed" equal "$before" "$(running)"
if module_loaded; then
	check "nobody is answered by none, in the same namespace" \
		eval 'only 1 "$(on r "${nobody[@]}" perl -e "$ask" genl)" 14'
	check "nor by a socket that root has opened" eval \
		'only 1 "$(on r perl -e "$ask" pass "${nobody[@]}" perl -e "$ask" genl-by)" 14'
	check "the command line says it, in the namespace" fails_saying "permission.*CAP_NET_ADMIN" \
		on r "${nobody[@]}" "$top/build/sluice" history
else
	check "nobody does not get to the socket" equal "connect 13" \
		"$("${nobody[@]}" perl -e "$ask" unix "$socket")"
fi
check "nothing has changed" equal "$before" "$(running)"

# ---- root of a user namespace ---------------------------------------------------------

if ! "${nobody[@]}" unshare -Urn true 2> /dev/null; then
	skip "root of a user namespace" "no user namespaces for users here"
elif module_loaded; then
	out=$("${nobody[@]}" unshare -Urn perl -e "$ask" genl)
	mine() {
		echo "$out"
		for command in TXN_BEGIN SET DEL GET TXN_ABORT STATUS BIND EVENT VERDICT "join config" \
			"join events"; do
			grep -qx "$command 0" <<< "$out" || { echo "not permitted: $command"; return 1; }
		done
	}
	check "rules the network namespace that is his" mine
	check "which has a store of its own" eval \
		'equal 0 "$("${nobody[@]}" unshare -Urn "$top/build/sluice" -j history | jq .number)"'
	check "and not another's: he does not get there" fails_saying "permission" \
		"${nobody[@]}" unshare -Urn "$top/build/sluice" -n "$LAB.r" history
	check "nor is he heard by a socket of that one" eval \
		'only 1 "$(on r perl -e "$ask" pass "${nobody[@]}" unshare -Ur perl -e "$ask" genl-by)" 14'
	check "nor as root of a user namespace without a network of its own" eval \
		'only 1 "$(on r "${nobody[@]}" unshare -Ur perl -e "$ask" genl)" 14'
else
	check "is nobody at the socket" equal "connect 13" \
		"$("${nobody[@]}" unshare -Urn perl -e "$ask" unix "$socket")"
fi
check "nothing has changed" equal "$before" "$(running)"
check "and sluiced is still the compiler" apply r <<< 'port left = "left";'
end_daemon TERM
finish
