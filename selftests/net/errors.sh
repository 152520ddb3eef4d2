#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What is wrong is refused in words, and what runs goes on untouched.
. "$(dirname "$0")/lib.sh"
need ping setpriv perl
in_lab <<END
lab errors;
host h1 { default via 10.0.1.1; }
host h2 { default via 10.0.2.1; }
router bare;
router r1 {
	sluiced <<POLICY
		port lan1 = "lan1";
		port lan2 = "lan2";
		route main;
		multicast { (*, 239.1.1.1) from lan1 to lan2 ttl 9; }
	POLICY;
}
link h1.eth0 10.0.1.2/24 -- r1.lan1 10.0.1.1/24;
link h2.eth0 10.0.2.2/24 -- r1.lan2 10.0.2.1/24;
END
run=/run/sluice/netns/$LAB.r1
pid=$(at r1 -j status | jq .pid)
first=$(generation r1)
wait_for 10 on h1 ping -c 1 -W 1 10.0.2.2

# The same daemon, the same generation, and it forwards and copies.
untouched() {
	local before
	equal "$pid" "$(at r1 -j status | jq .pid)" "process" &&
	equal "$first" "$(generation r1)" "generation" || return 1
	before=$(reason r1 lan1 forwarded)
	on h1 ping -c 5 -i 0.02 -W 2 -q 10.0.2.2 || return 1
	at_least 5 $(($(reason r1 lan1 forwarded) - before)) "packets forwarded" || return 1
	receive h2 "$scratch/got" -i eth0 -n 50 -t 5 || return 1
	on h1 sluice-lab send -i eth0 -d 239.1.1.1 -n 50 -r 2000
	wait $receiver
	got_all "$scratch/got" eth0 50
}
check "it runs" untouched

# refused NAME WORDS, the policy on standard input
refused() {
	local file="$scratch/$tests.sluice"
	cat > "$file"
	check "$1" fails_saying "$2" at r1 apply "$file"
}
refused "a mistake in the policy" '1:[0-9]*: error:' <<< 'prot lan1 = "lan1";'
refused "a port that is not there" 'nowhere' <<< 'port lan1 = "lan1"; route nowhere;'
refused "a leg on no port" 'wlan' <<< 'port a = "lan1"; multicast { (*, 239.1.1.1) from a to wlan; }'
refused "an interface that is not there" 'nosuch0' <<< 'port a = "lan1"; port b = "nosuch0"; route main;'
refused "an interface that takes no XDP" 'lo' <<< 'port a = "lan1"; port b = "lo"; route main;'
check "a file that is not there" fails_saying "No such file" at r1 apply "$scratch/none.sluice"
mkdir "$scratch/equal"
printf 'port lan1 = "lan1"; filter lan1 { drop if tcp.dst == 23; }\n' > "$scratch/equal/a.sluice"
printf 'port lan1 = "lan1"; filter lan1 { drop if tcp.dst == 24; }\n' > "$scratch/equal/b.sluice"
printf 'include "a.sluice"; assert equal policy "a.sluice" "b.sluice";\n' > "$scratch/equal/other.sluice"
check "documents that shall be equal, and are not" fails_saying "tcp.dst=2[34]" \
	at r1 apply "$scratch/equal/other.sluice"
check "after all these, untouched" untouched

check "a second sluiced is refused" fails_saying "already" timeout 10 sluiced -n "$LAB.r1"
check "no such namespace" fails_saying "nowhere" timeout 10 sluiced -n nowhere
printf 'port lan1 = "lan1"; route main;\n' > "$scratch/right.sluice"
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups --inh-caps=-all --bounding-set=-all "$@"; }
check "sluiced without privilege" fails_saying "CAP_\|privilege\|permi\|root" \
	nobody timeout 10 "$top/build/sluiced" -n "$LAB.bare"
echo 'port lan1 = "lan1"; route main;' > "$scratch/right.sluice"
check "apply without privilege" fails_saying "permi\|privilege" \
	nobody "$top/build/sluice" -n "$LAB.r1" apply "$scratch/right.sluice"
check "no daemon" fails_saying "sluiced" at bare status
check "no such verb" fails_saying "usage\|no verb\|unknown" at r1 frobnicate
check "untouched" untouched

# Bytes that mean nothing, on both sockets: the connection may end, the daemon may not.
cat > "$scratch/throw.pl" <<'END'
use strict;
use Socket;
my $address = sockaddr_un($ARGV[0]);
my $kind = SOCK_STREAM;
sub open_one {
	socket(my $s, AF_UNIX, $kind, 0) or die "socket: $!";
	return connect($s, $address) ? $s : undef;
}
open_one() or do { $kind = SOCK_SEQPACKET; open_one() or die "$ARGV[0]: $!" };
$SIG{PIPE} = 'IGNORE';
my $thrown = 0;
# Sends these pieces, and gives the other side a moment to answer.
sub throw {
	my $s = open_one() or return;
	for my $piece (@_) { defined send($s, $piece, MSG_DONTWAIT) or last; }
	my $bits = '';
	vec($bits, fileno($s), 1) = 1;
	select($bits, undef, undef, 0.02) and recv($s, my $answer, 65536, MSG_DONTWAIT);
	$thrown++;
	close($s);
}
sub header { my ($length, $type) = @_; return pack("LSSLL", $length, $type, 1, 1, 0); }
sub noise { return join '', map { chr int rand 256 } 1 .. $_[0]; }
srand(1);
throw(noise($_)) for 0, 1, 3, 15, 16, 17, 4096;
for my $length (0, 1, 15, 16, 20, 0x7fffffff, 0xffffffff) {
	for my $type (0, 1, 16, 0xffff) {
		throw(header($length, $type));
		throw(header($length, $type) . noise(int rand 64));
	}
}
for (1 .. 100) {
	my $body = noise(int rand 200);
	throw(header(16 + length $body, int rand 32) . $body);
}
for my $line ("{}\n", "[]\n", "null\n", "{\"show\":1}\n", "{\"show\":\"nothing\"}\n", "{\"show\":\n",
	"{\"show\":\"route get\",\"address\":[\"x\"]}\n", "[" x 100000 . "\n", "\0\n", "\n" x 1000,
	"x" x 3000000) {
	throw(unpack "(a60000)*", $line);
}
my @many = map { open_one() } 1 .. 200;
print "$thrown thrown, ", scalar(grep { defined } @many), " connections at once\n";
exit($thrown < 150);
END
for socket in sluice.sock query.sock; do
	check "garbage on $socket" timeout 60 perl "$scratch/throw.pl" "$run/$socket"
	check "and untouched after it" wait_for 5 untouched
done

reload() {
	kill -HUP "$pid"
	sleep 1
	equal "$pid" "$(at r1 -j status | jq .pid)" "process"
}
check "SIGHUP is survived" reload
again() {
	printf 'port lan1 = "lan1"; port lan2 = "lan2"; route main;\n' > "$scratch/good.sluice"
	at r1 apply "$scratch/good.sluice" && at_least $((first + 1)) "$(generation r1)" "generation"
}
check "and a right policy is taken" again
alike() {
	sed 's/drop if \(.*\);/drop if not not (\1);/' "$scratch/equal/a.sluice" > "$scratch/equal/b.sluice"
	at r1 apply "$scratch/equal/other.sluice" && at r1 policy show | grep -q 'assert equal policy'
}
check "and one with documents that shall be equal, and are" alike
finish
