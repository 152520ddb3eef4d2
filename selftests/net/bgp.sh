#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# A full table on its usual way: BIRD announces, FRR's bgpd learns, zebra writes the kernel's routes,
# sluice mirrors them. For 10,000 random addresses of each family the data path's table says what the
# kernel says; then 20,000 updates; then again. And packets go by it.
#
# SLUICE_TABLE4, SLUICE_TABLE6: how many routes; 80,000 and 20,000 unless told otherwise, since FRR
# takes its time. The whole recorded table is 606138 and 27693.
. "$(dirname "$0")/lib.sh"
need bird birdc vtysh ping perl
[ -x /usr/lib/frr/bgpd ] || skip_all "frr is not installed"
table4=${SLUICE_TABLE4:-80000} table6=${SLUICE_TABLE6:-20000}

# The recorded table, thinned out evenly; else a generated one. Then a second set of 10,000: half of
# them prefixes of the first with another next hop, half more specific ones.
RIB=$top/build/rib/$table4-$table6
if [ -z "${LAB-}" ]; then
	recorded=$data/bgp/pyasn-ipasn6_20151101.dat.gz
	mkdir -p "$RIB"
	if [ -r "$recorded" ]; then
		zcat "$recorded" | awk -v n4="$table4" -v n6="$table6" '
			/^;/ || NF < 2 { next }
			/:/ { if (int(i6 * n6 / 27693) != int(++i6 * n6 / 27693)) print; next }
			{ if (int(i4 * n4 / 606138) != int(++i4 * n4 / 606138)) print }' > "$RIB/table"
	else
		sluice-lab rib "$table4" "$table6" > "$RIB/table"
	fi
	awk -v OFS='\t' '
		BEGIN { srand(2) }
		{ split($1, p, "/") }
		NR % 20 == 0 && !/:/ && p[2] <= 23 && more++ < 5000 { print p[1] "/" p[2] + 1, $2 + 1 }
		NR % 20 == 7 && same++ < 5000 { print $1, $2 + 1 }' "$RIB/table" > "$RIB/churn"
fi
in_lab <<END
lab bgp;
host h1 { default via 10.0.1.1; default via 2001:db8:1::1; }
host isp {
	default via 10.0.9.1; default via 2001:db8:9::1;
	announce table "$RIB/table" via 10.0.9.2, 10.0.9.3, 10.0.9.4, 2001:db8:9::2, 2001:db8:9::3;
	announce churn "$RIB/churn" preference 300 via 10.0.9.3, 10.0.9.4, 10.0.9.2, 2001:db8:9::3, 2001:db8:9::2;
	bird <<BIRD
		router id 10.0.9.2;
		protocol device {}
		# Both sets may have a prefix: the one that changes wins.
		template bgp upstream {
			local as 65009;
			graceful restart off;
		}
		include "table.conf";
		include "churn.conf";
		protocol bgp r1v4 from upstream {
			source address 10.0.9.2;
			neighbor 10.0.9.1 as 65000;
			ipv4 { export where source = RTS_STATIC; import none; next hop keep; };
		}
		protocol bgp r1v6 from upstream {
			source address 2001:db8:9::2;
			neighbor 2001:db8:9::1 as 65000;
			ipv6 { export where source = RTS_STATIC; import none; next hop keep; };
		}
	BIRD;
}
router r1 {
	sluiced <<POLICY
		port lan = "lan";
		port uplink = "uplink";
		route main;
	POLICY;
	frr zebra, bgpd <<FRR
		router bgp 65000
		 bgp router-id 10.0.9.1
		 no bgp ebgp-requires-policy
		 no bgp default ipv4-unicast
		 neighbor 10.0.9.2 remote-as 65009
		 neighbor 10.0.9.2 timers connect 1
		 neighbor 2001:db8:9::2 remote-as 65009
		 neighbor 2001:db8:9::2 timers connect 1
		 address-family ipv4 unicast
		  neighbor 10.0.9.2 activate
		  neighbor 10.0.9.2 prefix-list none out
		 exit-address-family
		 address-family ipv6 unicast
		  neighbor 2001:db8:9::2 activate
		  neighbor 2001:db8:9::2 prefix-list none out
		 exit-address-family
		exit
		ip prefix-list none seq 5 deny any
		ipv6 prefix-list none seq 5 deny any
	FRR;
}
link h1.eth0 10.0.1.2/24 2001:db8:1::2/64 -- r1.lan 10.0.1.1/24 2001:db8:1::1/64;
link isp.eth0 10.0.9.2/24 10.0.9.3/24 10.0.9.4/24 2001:db8:9::2/64 2001:db8:9::3/64 --
	r1.uplink 10.0.9.1/24 2001:db8:9::1/64;
END
rib=$LAB_DIR/isp

bird() { birdc -s "$LAB_DIR/isp/bird.ctl" "$@"; }
kernel_routes() { on r1 ip -"$1" route show proto bgp | grep -c '^[0-9a-f]'; }
wanted() { cat "$@" | cut -f 1 | sort -u > "$scratch/prefixes"; }
# Routes that the kernel has, and sluice's status says it took
taken() {
	equal "$want4" "$(kernel_routes 4)" "IPv4 routes in the kernel" &&
	equal "$want6" "$(kernel_routes 6)" "IPv6 routes in the kernel" &&
	equal "$(table_sum)" "$(sleep 0.7; table_sum)" "the kernel's table, still changing"
}
table_sum() { { on r1 ip route; on r1 ip -6 route; } | md5sum; }
replaced() {
	local before=${table-}
	table=$(on r1 ip route | grep -c "via 10.0.9.2")
	echo "routes via 10.0.9.2: ${before:-none} before, $table now"
	[ "$before" != "$table" ]
}
settled() {
	local ip4 ip6
	read -r ip4 ip6 < <(at r1 -j status | jq -r '"\(.routes.ip4) \(.routes.ip6)"')
	at_least "$want4" "$ip4" "IPv4 routes in sluice" &&
	at_least "$want6" "$ip6" "IPv6 routes in sluice" &&
	equal "$ip4 $ip6" "$(sleep 0.3; at r1 -j status | jq -r '"\(.routes.ip4) \(.routes.ip6)"')" \
		"routes, still coming in"
}
count() { grep -c "$1" "$scratch/prefixes"; }

# Addresses: half of them anywhere, half in or beside a prefix of the table.
addresses() {
	awk -v seed="$2" -v family="$1" '
		function hex() { return sprintf("%x", 1 + int(rand() * 65535)) }
		BEGIN { srand(seed) }
		(family == 4 ? !/:/ : /::\//) && rand() < 0.3 && n < 5000 {
			split($1, p, "/")
			if (family == 4) {
				split(p[1], b, ".")
				print b[1] "." b[2] "." b[3] "." int(rand() * 256)
			} else {
				sub(/::$/, "", p[1])
				print p[1] "::" hex()
			}
			n++
		}
		END {
			for (; n < 10000; n++)
				if (family == 4)
					print 1 + int(rand() * 223) "." int(rand() * 256) "." \
						int(rand() * 256) "." int(rand() * 256)
				else
					print "2" substr(hex() "000", 1, 3) ":" hex() ":" hex() "::" hex()
		}' "$RIB/table" | grep -v '^127\.'
}
# What the kernel says, as "ADDRESS PREFIX via GATEWAY dev DEVICE", "-" for no route
kernel_says() {
	sed 's/.*/route get fibmatch &/' "$1" > "$scratch/batch"
	on r1 ip -"$2" -force -batch "$scratch/batch" > "$scratch/kernel" 2> "$scratch/refused"
	awk -v refused="$scratch/refused" -v kernel="$scratch/kernel" -v full="$2" '
		BEGIN {
			while ((getline line < refused) > 0)
				if (match(line, /:[0-9]+$/))
					none[substr(line, RSTART + 1) + 0] = 1
		}
		{
			if (FNR in none) { print $1, "-", "-"; next }
			getline line < kernel
			n = split(line, w, " ")
			if (w[1] ~ /^(local|broadcast|anycast|unreachable|blackhole|prohibit)$/) {
				print $1, "kind", w[1]
				next
			}
			if (w[1] == "default") w[1] = full == 4 ? "0.0.0.0/0" : "::/0"
			if (w[1] !~ /\//) w[1] = w[1] (full == 4 ? "/32" : "/128")
			out = $1 " " w[1]
			for (i = 2; i < n; i++)
				if (w[i] == "via" || w[i] == "dev") out = out " " w[i] " " w[i + 1]
			print out
		}' "$1"
}
# Asked for the route of an IPv6 address, the kernel names the right next hop, but any of the prefixes
# that share its nexthop object (its cache belongs to the object). So the prefix, the second word,
# is looked up in what the kernel lists.
true_prefixes() {
	on r1 ip -6 route show | perl -MSocket=inet_pton,inet_ntop,AF_INET6 -e '
		my %routes;
		open my $listed, "<&", \*STDIN;
		while (<$listed>) {
			my ($prefix) = split;
			$prefix = "::/0" if $prefix eq "default";
			$prefix =~ /:/ or next;
			my ($address, $len) = split "/", $prefix;
			$len //= 128;
			my $bits = unpack "B128", inet_pton(AF_INET6, $address);
			$routes{$len}{substr $bits, 0, $len} = "$address/$len";
		}
		my @lens = sort { $b <=> $a } keys %routes;
		open my $answers, "<", $ARGV[0];
		while (<$answers>) {
			my @word = split;
			my $address = inet_pton(AF_INET6, $word[0]);
			my $bits = unpack "B128", $address;
			$word[0] = inet_ntop(AF_INET6, $address);
			my $found = "-";
			for my $len (@lens) {
				my $p = $routes{$len}{substr $bits, 0, $len} or next;
				$found = $p;
				last;
			}
			$word[1] = $found if $word[1] ne "kind";
			print "@word\n";
		}' "$1"
}
agree() {
	local family=$1
	addresses "$family" "$2" > "$scratch/addresses"
	at_least 9000 "$(wc -l < "$scratch/addresses")" "addresses" || return 1
	kernel_says "$scratch/addresses" "$family" > "$scratch/kernel.says"
	if [ "$family" = 6 ]; then
		true_prefixes "$scratch/kernel.says" > "$scratch/true" || return 1
		mv "$scratch/true" "$scratch/kernel.says"
	fi
	at r1 route get - < "$scratch/addresses" > "$scratch/sluice.says" || return 1
	at_least 3000 "$(grep -vc -e ' - -$' "$scratch/sluice.says")" "addresses with a route" || return 1
	# What is no forwarding route is named differently, and is compared by the unit tests. A next hop
	# that nobody has sent to yet has no neighbour, which sluice says and the kernel does not.
	sed -i 's/ no_neighbour via/ via/' "$scratch/sluice.says"
	paste -d '\n' "$scratch/kernel.says" "$scratch/sluice.says" | awk '
		NR % 2 { kernel = $0; next }
		kernel ~ / kind / { next }
		kernel != $0 { wrong++; if (wrong <= 10) print "kernel: " kernel "\nsluice: " $0 }
		END { print wrong + 0 " of " NR / 2 " differ"; exit wrong > 0 }'
}

# churn's routes come later
for p in churn4_0 churn4_1 churn4_2 churn6_0 churn6_1; do bird disable $p >/dev/null; done
wanted "$RIB/table"
want4=$(count '\.') want6=$(count ':')
SECONDS=0
check "$want4 + $want6 routes from BIRD by FRR in the kernel" wait_for 120 taken
diag "after $SECONDS s"
check "sluice has them" wait_for 20 settled
replaced > /dev/null
diag "after $SECONDS s"
check "10,000 IPv4 addresses: sluice and kernel agree" agree 4 1
check "10,000 IPv6 addresses: sluice and kernel agree" agree 6 2

for p in churn4_0 churn4_1 churn4_2 churn6_0 churn6_1; do bird enable $p >/dev/null; done
wanted "$RIB/table" "$RIB/churn"
want4=$(count '\.') want6=$(count ':')
check "10,000 updates: routes added and replaced" wait_for 60 taken
check "sluice has them" wait_for 20 settled
check "some have another next hop" replaced
check "10,000 IPv4 addresses again" agree 4 3
check "10,000 IPv6 addresses again" agree 6 4
for p in churn4_0 churn4_1 churn4_2 churn6_0 churn6_1; do bird disable $p >/dev/null; done
wanted "$RIB/table"
want4=$(count '\.') want6=$(count ':')
check "10,000 updates: routes withdrawn and replaced" wait_for 60 taken
check "sluice has them" wait_for 20 settled
check "10,000 IPv4 addresses once more" agree 4 5
check "10,000 IPv6 addresses once more" agree 6 6

# By the table: an address of a learned prefix, which the neighbour is made to own.
through() {
	local to before after
	to=$(addresses "$1" 7 | head -n 1)
	on isp ip address add "$to/$2" dev lo || return 1
	wait_for 10 on h1 ping -c 1 -W 1 "$to" || return 1
	before=$(reason r1 lan forwarded)
	on h1 ping -c 20 -i 0.02 -W 2 -q "$to" || return 1
	after=$(reason r1 lan forwarded)
	at_least 20 $((after - before)) "packets forwarded by XDP"
}
check "IPv4 packets go by the table" through 4 32
check "IPv6 packets go by the table" through 6 128
diag "$(at r1 status | head -n 20)"
finish
