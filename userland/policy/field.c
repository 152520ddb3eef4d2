// SPDX-License-Identifier: GPL-2.0
#include "policy/field.h"

#include <inttypes.h>
#include <string.h>

#include "base/text.h"

static const struct {
	const char *name;
	unsigned int len;	/* of the name */
	unsigned int bits;
} fields[] = {
#define X(field, name, bits) { name, sizeof(name) - 1, bits },
	POLICY_FIELDS(X)
#undef X
};

const char *policy_field_name(enum policy_field field)
{
	return fields[field].name;
}

unsigned int policy_field_bits(enum policy_field field)
{
	return fields[field].bits;
}

enum policy_field field_find(const char *name, size_t len)
{
	enum policy_field f = 0;

	/* By its end, as most begin alike; the whole is looked at where that is right. */
	while (f < FIELD_COUNT && (fields[f].len != len || fields[f].name[len - 1] != name[len - 1] ||
				   memcmp(fields[f].name, name, len)))
		f++;
	return f;
}

enum field_kind field_kind(enum policy_field field)
{
	switch (field) {
	case FIELD_IN:
		return KIND_PORT;
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
		return KIND_MAC;
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
		return KIND_ADDRESS;
	default:
		return KIND_NUMBER;
	}
}

uint64_t field_max(enum policy_field field)
{
	return fields[field].bits < 64 ? (1ull << fields[field].bits) - 1 : UINT64_MAX;
}

/* ---- words -------------------------------------------------------------- */

/* Of one number, the first word is the one that is printed. */
static const struct field_word {
	enum policy_field field;
	const char *word;
	uint64_t number;
} words[] = {
	{ FIELD_ETH_TYPE, "ip4", 0x0800 }, { FIELD_ETH_TYPE, "arp", 0x0806 },
	{ FIELD_ETH_TYPE, "ip6", 0x86dd }, { FIELD_ETH_TYPE, "mpls", 0x8847 },
	{ FIELD_ETH_TYPE, "lldp", 0x88cc },

	{ FIELD_IP_PROTO, "icmp", 1 }, { FIELD_IP_PROTO, "igmp", 2 }, { FIELD_IP_PROTO, "ipip", 4 },
	{ FIELD_IP_PROTO, "tcp", 6 }, { FIELD_IP_PROTO, "udp", 17 }, { FIELD_IP_PROTO, "ip6", 41 },
	{ FIELD_IP_PROTO, "gre", 47 }, { FIELD_IP_PROTO, "esp", 50 }, { FIELD_IP_PROTO, "ah", 51 },
	{ FIELD_IP_PROTO, "icmp6", 58 }, { FIELD_IP_PROTO, "eigrp", 88 },
	{ FIELD_IP_PROTO, "ospf", 89 }, { FIELD_IP_PROTO, "pim", 103 },
	{ FIELD_IP_PROTO, "vrrp", 112 }, { FIELD_IP_PROTO, "l2tp", 115 },
	{ FIELD_IP_PROTO, "sctp", 132 }, { FIELD_IP_PROTO, "udplite", 136 },

	/* RFC 2474, 2597, 3246, 8622. */
	{ FIELD_IP_DSCP, "cs0", 0 }, { FIELD_IP_DSCP, "cs1", 8 }, { FIELD_IP_DSCP, "cs2", 16 },
	{ FIELD_IP_DSCP, "cs3", 24 }, { FIELD_IP_DSCP, "cs4", 32 }, { FIELD_IP_DSCP, "cs5", 40 },
	{ FIELD_IP_DSCP, "cs6", 48 }, { FIELD_IP_DSCP, "cs7", 56 }, { FIELD_IP_DSCP, "le", 1 },
	{ FIELD_IP_DSCP, "af11", 10 }, { FIELD_IP_DSCP, "af12", 12 }, { FIELD_IP_DSCP, "af13", 14 },
	{ FIELD_IP_DSCP, "af21", 18 }, { FIELD_IP_DSCP, "af22", 20 }, { FIELD_IP_DSCP, "af23", 22 },
	{ FIELD_IP_DSCP, "af31", 26 }, { FIELD_IP_DSCP, "af32", 28 }, { FIELD_IP_DSCP, "af33", 30 },
	{ FIELD_IP_DSCP, "af41", 34 }, { FIELD_IP_DSCP, "af42", 36 }, { FIELD_IP_DSCP, "af43", 38 },
	{ FIELD_IP_DSCP, "ef", 46 },

	{ FIELD_IP_FRAG, "none", 0 }, { FIELD_IP_FRAG, "first", 1 }, { FIELD_IP_FRAG, "later", 2 },

	{ FIELD_TCP_FLAGS, "fin", 0x01 }, { FIELD_TCP_FLAGS, "syn", 0x02 },
	{ FIELD_TCP_FLAGS, "rst", 0x04 }, { FIELD_TCP_FLAGS, "psh", 0x08 },
	{ FIELD_TCP_FLAGS, "ack", 0x10 }, { FIELD_TCP_FLAGS, "urg", 0x20 },
	{ FIELD_TCP_FLAGS, "ece", 0x40 }, { FIELD_TCP_FLAGS, "cwr", 0x80 },

	{ FIELD_SOCKET, "none", 0 }, { FIELD_SOCKET, "established", 1 }, { FIELD_SOCKET, "listen", 2 },
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* Most numbers are of fields that have none. */
static bool has_words(enum policy_field field)
{
	switch (field) {
	case FIELD_ETH_TYPE:
	case FIELD_IP_PROTO:
	case FIELD_IP_DSCP:
	case FIELD_IP_FRAG:
	case FIELD_TCP_FLAGS:
	case FIELD_SOCKET:
		return true;
	default:
		return false;
	}
}

bool field_word(enum policy_field field, const char *word, uint64_t *number)
{
	if (!has_words(field))
		return false;
	for (size_t i = 0; i < WORDS; i++) {
		if (words[i].field != field || strcmp(words[i].word, word))
			continue;
		*number = words[i].number;
		return true;
	}
	return false;
}

const char *field_word_of(enum policy_field field, uint64_t number)
{
	if (!has_words(field))
		return NULL;
	for (size_t i = 0; i < WORDS; i++)
		if (words[i].field == field && words[i].number == number)
			return words[i].word;
	return NULL;
}

const char *field_word_next(enum policy_field field, unsigned int *pos)
{
	while (*pos < WORDS)
		if (words[(*pos)++].field == field)
			return words[*pos - 1].word;
	return NULL;
}

const char *field_bare_word(unsigned int number)
{
	static const char *const bare[BARE_WORDS] = {
		"ip4", "ip6", "arp", "tcp", "udp", "icmp", "igmp",
	};

	return number < BARE_WORDS ? bare[number] : NULL;
}

static void print_flags(uint64_t number, struct text *out)
{
	const char *bar = "";

	if (!number)
		text_put(out, "0");
	for (uint64_t bit = 1; bit <= number; bit <<= 1) {
		if (!(number & bit))
			continue;
		text_put(out, bar);
		text_put(out, field_word_of(FIELD_TCP_FLAGS, bit));
		bar = "|";
	}
}

static void print_mac(uint64_t number, struct text *out)
{
	uint8_t mac[6];
	char buf[MAC_STRLEN];

	for (int i = 0; i < 6; i++)
		mac[i] = number >> (40 - 8 * i);
	text_put(out, mac_format(mac, buf));
}

void field_print(const struct policy *p, enum policy_field field, uint64_t number, struct text *out)
{
	const char *word;

	if (field == FIELD_TCP_FLAGS)
		print_flags(number & 0xff, out);
	else if (field_kind(field) == KIND_MAC)
		print_mac(number, out);
	else if (field == FIELD_IN && number < p->ports.len)
		text_put(out, (*(struct policy_port **)vec_at(&p->ports, number))->name);
	else if ((word = field_word_of(field, number)))
		text_put(out, word);
	else if (field == FIELD_ETH_TYPE)
		text_printf(out, "0x%04" PRIx64, number);
	else
		text_put_number(out, number);
}

/* ---- sets and rates ----------------------------------------------------- */

enum policy_field field_shared(enum policy_field field)
{
	switch (field) {
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
		return FIELD_IP_SRC;
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
		return FIELD_ETH_SRC;
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		return FIELD_L4_SRC;
	case FIELD_VLAN_ID:
	case FIELD_IP_PROTO:
		return field;
	default:
		return FIELD_COUNT;
	}
}

bool field_keyed(enum policy_field field)
{
	return field == FIELD_IN || field_shared(field) != FIELD_COUNT;
}
