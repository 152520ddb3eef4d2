/* SPDX-License-Identifier: GPL-2.0 */
/*
 * reasons.h: the one list of what can become of a packet, and why.
 *
 * Each packet that enters a port ends with exactly one of these. The data path
 * counts them by port, the plain meaning (userland/policy/eval) names the same,
 * and replay, trace, counters, events and metrics print the names below: they
 * are stable. The list has no types in it, so that every side can include it.
 *
 * The order is the order in which a packet meets the tests: where two reasons
 * apply, the earlier one is given. Append at the end of a stage; numbers are
 * private to one build (a pinned map says which build wrote it), names are not.
 *
 * X(name, verdict, sentence), verdict one of
 *	PASS	to this host's stack, untouched
 *	DROP	gone
 *	FORWARD	out of a port, rewritten
 *	COPY	one copy to each leg
 *
 * The meaning, test by test. L is the length of the frame, "missing" means that
 * the frame, or the enclosing header's own length, ends before it.
 *
 * Link
 *	not_a_port	came in on an interface that the running policy has no port for
 *	eth_short	L < 14
 *	vlan_short	ethertype 0x8100 or 0x88a8, and the four bytes of the tag missing (first, second or third)
 *	vlan_deep	a third tag
 *	not_ip		the innermost ethertype is neither 0x0800 nor 0x86dd
 * IPv4 (n bytes of frame left behind the Ethernet header and tags)
 *	ip4_short	n < 20
 *	ip4_version	version != 4
 *	ip4_header	4 * ihl < 20, or > n
 *	ip4_length	total length < 4 * ihl, or > n
 *	ip4_checksum	the header's checksum is wrong
 * IPv6
 *	ip6_short	n < 40
 *	ip6_version	version != 6
 *	ip6_jumbo	payload length 0 and next header 0 (hop-by-hop)
 *	ip6_length	40 + payload length > n
 *	ip6_ext_short	an extension header runs past the payload. Walked: hop-by-hop (0), routing (43),
 *			destination options (60), each 8 * (len + 1) bytes, authentication (51),
 *			4 * (len + 2) bytes, fragment (44), 8 bytes; anything else is the protocol. Hop-by-hop
 *			is an extension only as the first header, else it is the protocol
 *			Behind the fragment header of a later fragment nothing is walked: what it names is the protocol
 *	ip6_ext_many	a ninth extension header, whole or not
 *	nonlinear	(BPF only) the Ethernet and IP headers are not in the first buffer of a frame of several
 * Transport: p bytes of IP payload behind the last header that was walked. Not looked at in a later
 * fragment (offset != 0), nor for other protocols than these. A first fragment (offset 0, more to
 * come) is judged alike, but for the second half of udp_length
 *	tcp_short	p < 20
 *	tcp_header	4 * data offset < 20, or > p
 *	udp_short	p < 8
 *	udp_length	UDP length < 8, or (no fragment) > p
 *	icmp_short	p < 8 (ICMP in IPv4), p < 4 (ICMPv6 in IPv6)
 *	igmp_short	p < 8 (IPv4, protocol 2)
 *
 * Filter: only if the port has one. It is asked about every frame that is not malformed: also about
 * one that is not_ip, vlan_deep, ip6_jumbo or ip6_ext_many, with what is known of it. The first two are not
 * IP; their ethertype is that behind the tags that were read (vlan_deep: of the third). The others
 * have addresses and no transport; their protocol is that of the header where the walk ended, and they
 * are a fragment if a fragment header was walked. What is allowed goes on as if there were no filter.
 * Rules without allow or drop act if they match and stand before the rule that ends the search
 *	filter_blind	(BPF only) nonlinear, and the port has a filter
 *	policed		over the rate of a police rule; the rules behind it do not act
 *	filtered	the rule that ends the search drops
 *
 * Sources: only if the policy routes, and has such a statement for the port. Not asked about a packet
 * whose source is unspecified (0.0.0.0, ::) or, in IPv6, link-local; nor where it has two tags, one
 * of 0x88a8, or one whose VLAN id this port has no interface of the kernel's for. "The way back" is
 * the longest match of the source in the tables that answer for it (sluice-policy(5)); where
 * that is table_full, not_followed, encap or port_down, this host's stack is asked: passed up with that reason
 *	bogon		bogons: source or destination in one of the list's prefixes
 *	rpf		rpf strict: no way back, or it forwards by none of its next hops out of the port (and
 *			VLAN) that the packet came in on. rpf loose: no way back, or it is local, reject,
 *			blackhole or discard
 *	spoofed		anti-spoof: as rpf strict, and a default route is no way back
 *
 * In between, the packet is measured, if the policy measures, dropped by the filter or not: key, and L
 * as its bytes. The key's ports are those of TCP and UDP; 0 in a later fragment and for every other
 * protocol.
 *
 * Replicate: only if the policy has groups and the destination address is multicast. Tried in order:
 * (source, group, port), (any, group, port), then the longest group prefix of the port. A group that
 * stays on its link (224.0.0.0/24; IPv6 scope 1 or 2, whatever the flags) is the stack's: none matches
 *	replicated	there is such a group, and neither host_only nor group_ttl applies
 *	host_only	there is such a group, and its only leg is the host: passed up
 *	group_rpf	for another port: (source, group) or (any, group), prefixes left aside; none for this
 *	group_ttl	the group is there, TTL or hop limit <= 1, no leg sets the TTL, and none is the host
 *	no_copy		(BPF only) the driver keeps no metadata, without which copies cannot be told apart
 *	host_lost	(BPF only) as replicated, but the copy for the leg host could not be made: no memory,
 *			or the CPU's backlog was full
 *	multicast	no group: to the stack
 * A leg gets: eth.src of its port; eth.dst of the group (RFC 1112, RFC 2464); its VLAN tag, or none,
 * in place of what tags there were; its TTL, or one less (a leg that would send 0 gets no copy,
 * counted at the leg). The leg host gets the packet as it came in.
 *
 * Route: only if the policy routes; else every packet that is left is passed as not_routed
 *	not_routed	no "route" in the policy
 *	other_mac	eth.dst is not the address of the port
 *	vlan_unknown	two tags, or one of 0x88a8, or one whose VLAN id this port has no (802.1Q) interface
 *			of the kernel's for
 *	ip_options	IPv4 options, or a hop-by-hop header: the stack looks at them
 *	martian		source or destination 0/8, 127/8 or 224/3; for IPv6 ::, ::1, ff00::/8 or IPv4-mapped
 *			(::ffff:0:0/96)
 *	link_scope	IPv4 source or destination 169.254/16, IPv6 source or destination fe80::/10
 *	ip_rule		an ip rule that sluice does not follow may match the packet: by its addresses, if the rule
 *			names some
 *	other_table	no table before it matches, and the next one is a table that the policy does not route by
 *	no_route	nothing matches
 *	local		an address of this host, or broadcast or anycast
 *	reject		an unreachable or prohibit route: the stack answers
 *	discard		a static route of the configuration that discards
 *	blackhole	a blackhole route of the kernel's: dropped without a word, as the stack does
 *	encap		the route encapsulates
 *	no_port		the next hop's interface is not a port
 *	table_full	the route was not taken for want of room: the kernel's own table answers
 *	not_followed	a route whose choice sluice leaves to the kernel: by TOS, or one of several with one key
 *	no_neighbour	the next hop's link-layer address is not known yet
 *	ttl		TTL or hop limit <= 1
 *	too_big		the IP packet (IPv4 total length; IPv6 40 + payload length) is longer than the next hop's MTU
 *	port_down	the port is down (of a static route this is seen before ttl)
 *	forwarded	out of the next hop's port: eth.src, eth.dst, VLAN tag (the next hop's, or none), TTL one less
 *	redirect	(BPF only) the kernel would not send it: the port was just taken away
 *	buffers		(BPF only) all as for forwarded, but the frame lies in several buffers, and Linux before
 *			6.3 redirects no such frame: the stack forwards it
 */
#ifndef SLUICE_REASONS_H
#define SLUICE_REASONS_H

#define SLUICE_REASONS(X) \
	X(none,		PASS,	 "not decided") \
	X(not_a_port,	PASS,	 "the interface is not a port of the policy") \
	X(eth_short,	DROP,	 "shorter than an Ethernet header") \
	X(vlan_short,	DROP,	 "ends in a VLAN tag") \
	X(vlan_deep,	PASS,	 "more than two VLAN tags") \
	X(not_ip,	PASS,	 "neither IPv4 nor IPv6") \
	X(ip4_short,	DROP,	 "shorter than an IPv4 header") \
	X(ip4_version,	DROP,	 "ethertype IPv4, version not 4") \
	X(ip4_header,	DROP,	 "wrong IPv4 header length") \
	X(ip4_length,	DROP,	 "wrong IPv4 total length") \
	X(ip4_checksum,	DROP,	 "wrong IPv4 header checksum") \
	X(ip6_short,	DROP,	 "shorter than an IPv6 header") \
	X(ip6_version,	DROP,	 "ethertype IPv6, version not 6") \
	X(ip6_jumbo,	PASS,	 "IPv6 jumbogram") \
	X(ip6_length,	DROP,	 "wrong IPv6 payload length") \
	X(ip6_ext_short, DROP,	 "ends in an IPv6 extension header") \
	X(ip6_ext_many,	PASS,	 "more than eight IPv6 extension headers") \
	X(nonlinear,	PASS,	 "headers beyond the first buffer") \
	X(tcp_short,	DROP,	 "shorter than a TCP header") \
	X(tcp_header,	DROP,	 "wrong TCP data offset") \
	X(udp_short,	DROP,	 "shorter than a UDP header") \
	X(udp_length,	DROP,	 "wrong UDP length") \
	X(icmp_short,	DROP,	 "shorter than an ICMP header") \
	X(igmp_short,	DROP,	 "shorter than an IGMP header") \
	X(filter_blind,	DROP,	 "headers beyond the first buffer, which the filter must see") \
	X(policed,	DROP,	 "over the rate of a police rule") \
	X(filtered,	DROP,	 "dropped by a rule of the filter") \
	X(replicated,	COPY,	 "copied to the legs of its group") \
	X(host_only,	PASS,	 "the only leg of its group is this host") \
	X(group_rpf,	DROP,	 "its group comes in on another port") \
	X(group_ttl,	DROP,	 "TTL too small to be copied") \
	X(no_copy,	PASS,	 "the driver keeps no metadata, which copies need") \
	X(multicast,	PASS,	 "multicast, and no group of the policy") \
	X(not_routed,	PASS,	 "the policy does not route") \
	X(other_mac,	PASS,	 "for another link-layer address") \
	X(vlan_unknown,	PASS,	 "a VLAN that the kernel has no interface for") \
	X(ip_options,	PASS,	 "IP options or hop-by-hop header") \
	X(martian,	PASS,	 "an address that is not forwarded") \
	X(link_scope,	PASS,	 "a link-local address") \
	X(no_route,	PASS,	 "no route") \
	X(local,	PASS,	 "for this host") \
	X(reject,	PASS,	 "an unreachable or prohibit route") \
	X(discard,	DROP,	 "a static route that discards") \
	X(blackhole,	DROP,	 "a blackhole route") \
	X(encap,	PASS,	 "the route encapsulates") \
	X(no_port,	PASS,	 "the next hop is not behind a port") \
	X(table_full,	PASS,	 "the route was not taken: the table is full") \
	X(not_followed,	PASS,	 "a route whose choice is left to the kernel") \
	X(no_neighbour,	PASS,	 "the next hop's link-layer address is not known") \
	X(ttl,		PASS,	 "TTL exceeded") \
	X(too_big,	PASS,	 "longer than the next hop's MTU") \
	X(port_down,	PASS,	 "the next hop's port is down") \
	X(forwarded,	FORWARD, "forwarded") \
	X(redirect,	DROP,	 "the kernel would not send it") \
	X(buffers,	PASS,	 "a frame of several buffers, which this kernel does not redirect") \
	X(host_lost,	COPY,	 "copied to the legs of its group, but not to this host") \
	X(bogon,	DROP,	 "an address that nobody has on the open net") \
	X(rpf,		DROP,	 "no route back to the source, or not by this port") \
	X(spoofed,	DROP,	 "a source that is not behind this port") \
	X(ip_rule,	PASS,	 "an ip rule that is not followed may say where it goes") \
	X(other_table,	PASS,	 "an ip rule sends it to a table that the policy does not route by")

enum sluice_verdict { VERDICT_PASS, VERDICT_DROP, VERDICT_FORWARD, VERDICT_COPY };

enum sluice_reason {
#define X(name, verdict, sentence) REASON_##name,
	SLUICE_REASONS(X)
#undef X
	REASON_MAX
};

#endif
