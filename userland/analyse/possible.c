// SPDX-License-Identifier: GPL-2.0
/*
 * possible.c: a rule list sees a packet as numbers in fields, 0 where it has none; this is which
 * numbers go together: bpf/reasons.h and POLICY_FIELDS (policy/tree.h) as boxes.
 *
 * Without it an analysis would tell of packets that nobody can send: an ICMP packet to port 22, ARP
 * with a TTL, a TCP segment of 20 bytes. What it leaves in is what is tied together by
 * more than one field at a time in ways that are of no use to a policy: lengths of options and of
 * extension headers, and a set that has an address as the source and not as the destination of
 * one packet that has the same in both (no such one is shown, where another can be).
 *
 * The first box that fits says what is shown for fields that nobody asked about, so the dullest
 * ones stand first.
 */
#include "analyse/possible.h"

#include "bpf/rules.h"
#include "policy/tree.h"

#define ETHERNET	14
#define TAG		4

/* What a kind of packet has. */
#define HAS_IP		(1u << 0)
#define HAS_PORTS	(1u << 1)	/* TCP or UDP, no later fragment */
#define HAS_FLAGS	(1u << 2)
#define HAS_ICMP	(1u << 3)
#define HAS_SOCKET	(1u << 4)
#define ONLY_TAGGED	(1u << 5)

static const struct kind {
	uint8_t families;
	uint16_t eth_first, eth_last;
	uint8_t proto_first, proto_last;
	uint8_t frag;
	unsigned int has;
	uint16_t bytes;			/* at least, behind the Ethernet header */
} kinds[] = {
	{ RULE_IP4, 0x0800, 0x0800, 6, 6, 0, HAS_IP | HAS_PORTS | HAS_FLAGS | HAS_SOCKET, 40 },
	{ RULE_IP4, 0x0800, 0x0800, 17, 17, 0, HAS_IP | HAS_PORTS | HAS_SOCKET, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 1, 1, 0, HAS_IP | HAS_ICMP, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 2, 2, 0, HAS_IP, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 0, 0, 0, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 3, 5, 0, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 7, 16, 0, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 18, 255, 0, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 6, 6, 1, HAS_IP | HAS_PORTS | HAS_FLAGS, 40 },
	{ RULE_IP4, 0x0800, 0x0800, 17, 17, 1, HAS_IP | HAS_PORTS, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 1, 1, 1, HAS_IP | HAS_ICMP, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 2, 2, 1, HAS_IP, 28 },
	{ RULE_IP4, 0x0800, 0x0800, 0, 0, 1, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 3, 5, 1, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 7, 16, 1, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 18, 255, 1, HAS_IP, 20 },
	{ RULE_IP4, 0x0800, 0x0800, 0, 255, 2, HAS_IP, 20 },
	{ RULE_IP6, 0x86dd, 0x86dd, 6, 6, 0, HAS_IP | HAS_PORTS | HAS_FLAGS | HAS_SOCKET, 60 },
	{ RULE_IP6, 0x86dd, 0x86dd, 17, 17, 0, HAS_IP | HAS_PORTS | HAS_SOCKET, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 58, 58, 0, HAS_IP | HAS_ICMP, 44 },
	{ RULE_IP6, 0x86dd, 0x86dd, 1, 5, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 0, 0, 0, HAS_IP, 48 },
	/* A jumbogram, if it is shorter. */
	{ RULE_IP6, 0x86dd, 0x86dd, 0, 0, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 7, 16, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 18, 42, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 45, 50, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 52, 57, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 59, 59, 0, HAS_IP, 40 },
	{ RULE_IP6, 0x86dd, 0x86dd, 61, 255, 0, HAS_IP, 40 },
	/* An extension header that is not walked is the ninth. */
	{ RULE_IP6, 0x86dd, 0x86dd, 43, 44, 0, HAS_IP, 104 },
	{ RULE_IP6, 0x86dd, 0x86dd, 51, 51, 0, HAS_IP, 104 },
	{ RULE_IP6, 0x86dd, 0x86dd, 60, 60, 0, HAS_IP, 104 },
	/* Fragments have a header of 8 bytes that says so. */
	{ RULE_IP6, 0x86dd, 0x86dd, 6, 6, 1, HAS_IP | HAS_PORTS | HAS_FLAGS, 68 },
	{ RULE_IP6, 0x86dd, 0x86dd, 17, 17, 1, HAS_IP | HAS_PORTS, 56 },
	{ RULE_IP6, 0x86dd, 0x86dd, 58, 58, 1, HAS_IP | HAS_ICMP, 52 },
	{ RULE_IP6, 0x86dd, 0x86dd, 0, 5, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 7, 16, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 18, 42, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 45, 50, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 52, 57, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 59, 59, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 61, 255, 1, HAS_IP, 48 },
	{ RULE_IP6, 0x86dd, 0x86dd, 43, 44, 1, HAS_IP, 104 },
	{ RULE_IP6, 0x86dd, 0x86dd, 51, 51, 1, HAS_IP, 104 },
	{ RULE_IP6, 0x86dd, 0x86dd, 60, 60, 1, HAS_IP, 104 },
	{ RULE_IP6, 0x86dd, 0x86dd, 0, 255, 2, HAS_IP, 48 },
	{ RULE_NOT_IP, 0x0806, 0x0806, 0, 0, 0, 0, 0 },
	{ RULE_NOT_IP, 0x0000, 0x07ff, 0, 0, 0, 0, 0 },
	{ RULE_NOT_IP, 0x0801, 0x80ff, 0, 0, 0, 0, 0 },
	{ RULE_NOT_IP, 0x8101, 0x86dc, 0, 0, 0, 0, 0 },
	{ RULE_NOT_IP, 0x86de, 0x88a7, 0, 0, 0, 0, 0 },
	{ RULE_NOT_IP, 0x88a9, 0xffff, 0, 0, 0, 0, 0 },
	/* A third tag is what is behind two. */
	{ RULE_NOT_IP, 0x8100, 0x8100, 0, 0, 0, ONLY_TAGGED, 2 * TAG },
	{ RULE_NOT_IP, 0x88a8, 0x88a8, 0, 0, 0, ONLY_TAGGED, 2 * TAG },
};

#define SHORT		(ETHERNET + 40 + 8 - 1)	/* too short for an extension header */
#define TESTS(array)	.tests = sizeof(array) / sizeof(*(array)), .test = (array)

static const struct rule_test jumbo[] = {
	{ RULES_PROTO, RULE_RANGE, 0, 0 },
	{ RULES_FRAG, RULE_RANGE, 0, 0 },
	{ RULES_VLAN, RULE_RANGE, 0, 0 },
	{ RULES_LENGTH, RULE_RANGE, 0, SHORT },
};
static const struct rule_test jumbo_long[] = {
	{ RULES_PROTO, RULE_RANGE, 0, 0 },
	{ RULES_FRAG, RULE_RANGE, 0, 0 },
};
static const struct rule_test jumbo_tagged[] = {
	{ RULES_PROTO, RULE_RANGE, 0, 0 },
	{ RULES_FRAG, RULE_RANGE, 0, 0 },
	{ RULES_VLAN, RULE_RANGE, RULES_TAG, RULES_TAG | 0xfff },
	{ RULES_LENGTH, RULE_RANGE, 0, SHORT + TAG },
};
static const struct rule_test ninth[] = {
	{ RULES_PROTO, RULE_RANGE, 43, 44 },
	{ RULES_PROTO, RULE_RANGE, 51, 51 },
	{ RULES_PROTO, RULE_RANGE, 60, 60 },
	{ RULES_FRAG, RULE_RANGE, 0, 1 },
};
const struct rule possible_unread[POSSIBLE_UNREAD] = {
	{ .families = RULE_IP6, TESTS(jumbo) },
	{ .families = RULE_IP6, TESTS(jumbo_tagged) },
	{ .families = RULE_IP6, TESTS(ninth) },
};

const struct rule possible_jumbogram = { .families = RULE_IP6, TESTS(jumbo_long) };

static void range(struct vec *tests, unsigned int field, uint16_t first, uint16_t last)
{
	struct rule_test t = { field, RULE_RANGE, first, last };

	vec_append(tests, &t);
}

static bool has_field(const struct kind *k, bool tag, enum policy_field field)
{
	switch (field) {
	case FIELD_IP_SRC: case FIELD_IP_DST: case FIELD_IP_PROTO: case FIELD_IP_DSCP: case FIELD_IP_ECN:
	case FIELD_IP_TTL: case FIELD_IP_FRAG:
		return k->has & HAS_IP;
	case FIELD_VLAN_ID: case FIELD_VLAN_PCP:
		return tag;
	case FIELD_L4_SRC: case FIELD_L4_DST:
		return k->has & HAS_PORTS;
	case FIELD_TCP_SRC: case FIELD_TCP_DST:
		return k->has & HAS_FLAGS;
	case FIELD_UDP_SRC: case FIELD_UDP_DST:
		return k->has & HAS_PORTS && !(k->has & HAS_FLAGS);
	default:
		return true;
	}
}

/* Sets that nobody can be in: for want of the field. */
static void no_sets(const struct possible_facts *facts, const struct kind *k, bool tag,
		    struct vec *tests)
{
	struct rule_test t = { RULES_SETS, RULE_MASK, 0, 0 };

	for (size_t i = 0; i < 16; i++)
		if (i >= facts->set_fields->len ||
		    !has_field(k, tag, *(uint8_t *)vec_at(facts->set_fields, i)))
			t.b |= 1u << i;
	vec_append(tests, &t);
}

static void add_kind(const struct possible_facts *facts, const struct kind *k, bool tag,
		     struct vec *out)
{
	struct vec tests = VEC(struct rule_test);
	struct rule rule = { .families = k->families }, *copy;

	for (size_t i = 0; i < facts->ports->len; i++) {
		uint16_t port = *(uint16_t *)vec_at(facts->ports, i);

		range(&tests, RULES_IN, port, port);
	}
	range(&tests, RULES_ETH_TYPE, k->eth_first, k->eth_last);
	range(&tests, RULES_ETH_SRC, 0, facts->macs);
	range(&tests, RULES_ETH_DST, 0, facts->macs);
	if (tag) {
		range(&tests, RULES_VLAN, RULES_TAG, RULES_TAG | 0xfff);
	} else {
		range(&tests, RULES_VLAN, 0, 0);
		range(&tests, RULES_PCP, 0, 0);
	}
	range(&tests, RULES_PROTO, k->proto_first, k->proto_last);
	range(&tests, RULES_FRAG, k->frag, k->frag);
	if (!(k->has & HAS_IP)) {
		range(&tests, RULES_DSCP, 0, 0);
		range(&tests, RULES_ECN, 0, 0);
		range(&tests, RULES_TTL, 0, 0);
	}
	if (!(k->has & HAS_PORTS)) {
		range(&tests, RULES_SPORT, 0, 0);
		range(&tests, RULES_DPORT, 0, 0);
	}
	if (!(k->has & HAS_FLAGS))
		range(&tests, RULES_TCP_FLAGS, 0, 0);
	if (!(k->has & HAS_ICMP)) {
		range(&tests, RULES_ICMP_TYPE, 0, 0);
		range(&tests, RULES_ICMP_CODE, 0, 0);
	}
	range(&tests, RULES_SOCKET, 0, k->has & HAS_SOCKET ? 2 : 0);
	range(&tests, RULES_LENGTH, ETHERNET + k->bytes + (tag ? TAG : 0), UINT16_MAX);
	no_sets(facts, k, tag, &tests);
	rule.tests = tests.len;
	rule.test = tests.data;
	copy = rule_copy(&rule);
	vec_append(out, &copy);
	vec_free(&tests);
}

void possible_packets(const struct possible_facts *facts, struct vec *out)
{
	for (unsigned int tag = 0; tag < 2; tag++)
		for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
			if (tag || !(kinds[i].has & ONLY_TAGGED))
				add_kind(facts, &kinds[i], tag, out);
}

void possible_free(struct vec *possible)
{
	for (size_t i = 0; i < possible->len; i++)
		rule_free(*(struct rule **)vec_at(possible, i));
	vec_free(possible);
}
