// SPDX-License-Identifier: GPL-2.0
/*
 * iptables_rule.c: one rule of iptables: what it asks of a packet, and what it does.
 *
 * An option that is not known makes it open whether the rule matches; those of a match that is not known
 * are all passed over, up to the next match or the target.
 */
#include "import/iptables.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "import/ask.h"
#include "policy/field.h"

#define PORT_NUMBER_MAX	65535

/* One rule, as it is read. */
struct reading {
	const struct iptables_scope *scope;
	struct chain_rule *rule;
	char **word;
	unsigned int words, at;
	bool not;			/* "!" stood in front of this option */
	uint8_t protocol;		/* 0: none, or not one alone */
};

/* ---- what a rule asks ---------------------------------------------------------------------- */

static struct arena *arena(const struct reading *q)
{
	return &q->scope->chains->arena;
}

static void not_said(struct reading *q, enum chain_match matches, const char *why)
{
	ask_not_said(q->scope->chains, q->rule, matches, why);
}

static void ask(struct reading *q, struct match_test test)
{
	ask_test(q->scope->chains, q->rule, test);
}

/* The word behind the option; NULL: there is none. */
static const char *value(struct reading *q)
{
	return q->at < q->words ? q->word[q->at++] : NULL;
}

/* "A", "A:B", ":B", "A:" -> a range. */
static bool read_span(const char *s, char between, uint64_t max, struct range *range)
{
	const char *colon = strchr(s, between);
	char first[16];

	*range = (struct range){ 0, max };
	if (!colon) {
		if (!ask_number(s, max, &range->first))
			return false;
		range->last = range->first;
		return true;
	}
	if ((size_t)(colon - s) >= sizeof(first))
		return false;
	memcpy(first, s, colon - s);
	first[colon - s] = '\0';
	return (!*first || ask_number(first, max, &range->first)) &&
	       (!colon[1] || ask_number(colon + 1, max, &range->last)) && range->first <= range->last;
}

/* ---- addresses and interfaces ---------------------------------------------------------------- */

/* "192.0.2.0/24", "192.0.2.0/255.255.255.0". */
static bool read_prefix(const char *s, struct prefix *p)
{
	char copy[2 * ADDR_STRLEN], *slash;
	struct addr mask;
	unsigned int len = 0;

	if (strlen(s) >= sizeof(copy))
		return false;
	strcpy(copy, s);
	slash = strchr(copy, '/');
	if (!slash || !strpbrk(slash + 1, ".:"))
		return !prefix_parse(copy, p);
	*slash = '\0';
	if (addr_parse(copy, &p->addr) || addr_parse(slash + 1, &mask) ||
	    mask.family != p->addr.family)
		return false;
	while (len < addr_bits(mask.family) && addr_bit(&mask, len))
		len++;
	for (unsigned int i = len; i < addr_bits(mask.family); i++)
		if (addr_bit(&mask, i))
			return false;
	p->len = len;
	*p = prefix_canonical(*p);
	return true;
}

static void ask_address(struct reading *q, enum policy_field field)
{
	struct prefix *p = arena_alloc(arena(q), sizeof(*p));
	const char *s = value(q);
	struct match_test test;

	if (!s || !read_prefix(s, p) || p->addr.family != (q->scope->v6 ? ADDR_V6 : ADDR_V4)) {
		not_said(q, MAY_MATCH, "an address that is no prefix");
		return;
	}
	test = match_prefixes(arena(q), field, p, 1);
	test.unequal = q->not;
	if (p->len)
		ask(q, test);
	else if (q->not)
		ask_nothing(q->rule);
}

static void ask_address_range(struct reading *q, enum policy_field field)
{
	const char *s = value(q), *dash = s ? strchr(s, '-') : NULL;
	struct addr first, last;
	struct match_test test;
	char copy[ADDR_STRLEN];

	if (!dash || (size_t)(dash - s) >= sizeof(copy))
		goto wrong;
	memcpy(copy, s, dash - s);
	copy[dash - s] = '\0';
	if (addr_parse(copy, &first) || addr_parse(dash + 1, &last) || first.family != last.family ||
	    addr_cmp(&first, &last) > 0)
		goto wrong;
	test = match_range(arena(q), field, &first, &last);
	test.unequal = q->not;
	ask(q, test);
	return;
wrong:
	not_said(q, MAY_MATCH, "an address range that is none");
}

/* ---- protocols and their headers ------------------------------------------------------------- */

static void read_protocol(struct reading *q)
{
	const char *s = value(q);
	uint64_t number;
	struct match_test test;
	bool known = ask_protocol(s, &number);

	if (s && !strcmp(s, "all"))
		return;
	if (!known) {
		not_said(q, MAY_MATCH, "a protocol that is not known here");
		return;
	}
	if (!number)
		return;
	test = match_number(arena(q), FIELD_IP_PROTO, number);
	test.unequal = q->not;
	ask(q, test);
	if (!q->not)
		q->protocol = number;
}

static enum policy_field port_field(const struct reading *q, bool source)
{
	if (q->protocol == 6)
		return source ? FIELD_TCP_SRC : FIELD_TCP_DST;
	if (q->protocol == 17)
		return source ? FIELD_UDP_SRC : FIELD_UDP_DST;
	return FIELD_COUNT;
}

static bool read_ports(struct reading *q, bool source, const char *s, struct match_test *test)
{
	enum policy_field field = port_field(q, source);
	struct vec ranges = VEC(struct range);
	char copy[256], *at, *save = NULL;
	bool good = s && strlen(s) < sizeof(copy) && field != FIELD_COUNT;

	if (!good) {
		not_said(q, MAY_MATCH, "ports of a protocol other than TCP and UDP");
		return false;
	}
	strcpy(copy, s);
	for (at = strtok_r(copy, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		struct range range;

		good &= read_span(at, ':', PORT_NUMBER_MAX, &range);
		if (good)
			vec_append(&ranges, &range);
	}
	good &= ranges.len > 0;
	if (good) {
		*test = match_numbers(arena(q), field, ranges.data, ranges.len);
		test->unequal = q->not;
	} else {
		not_said(q, MAY_MATCH, "ports that are no numbers");
	}
	vec_free(&ranges);
	return good;
}

static void ask_ports(struct reading *q, bool source)
{
	struct match_test test;

	if (read_ports(q, source, value(q), &test))
		ask(q, test);
}

/* --ports: of either side. */
static void ask_either_ports(struct reading *q)
{
	const char *s = value(q);
	struct match_test source, destination, other;
	struct match one[2] = { { NULL, 0 }, { NULL, 0 } };

	if (!read_ports(q, true, s, &source) || !read_ports(q, false, s, &destination))
		return;
	if (q->not) {
		ask(q, source);
		ask(q, destination);
		return;
	}
	other = source;
	other.unequal = true;
	match_with(arena(q), one[0], &source, &one[0]);
	match_with(arena(q), one[1], &other, &one[1]);
	match_with(arena(q), one[1], &destination, &one[1]);
	ask_one_of(q->scope->chains, q->rule, one, 2);
}

static bool read_flags(const char *s, uint8_t *flags)
{
	char copy[64], *at, *save = NULL;

	*flags = 0;
	if (!s || strlen(s) >= sizeof(copy))
		return false;
	strcpy(copy, s);
	for (at = strtok_r(copy, ",", &save); at; at = strtok_r(NULL, ",", &save)) {
		uint64_t bit;

		if (!strcmp(at, "NONE"))
			continue;
		if (!strcmp(at, "ALL")) {
			*flags |= 0x3f;
			continue;
		}
		for (char *c = at; *c; c++)
			*c |= 0x20;
		if (!field_word(FIELD_TCP_FLAGS, at, &bit))
			return false;
		*flags |= bit;
	}
	return true;
}

static void ask_flags(struct reading *q, const char *mask, const char *wanted)
{
	struct match_test test;
	uint8_t m, w;

	if (!read_flags(mask, &m) || !read_flags(wanted, &w)) {
		not_said(q, MAY_MATCH, "TCP flags that are not known");
		return;
	}
	/* What is wanted and not looked at is never there. */
	if (w & ~m) {
		if (!q->not)
			ask_nothing(q->rule);
		return;
	}
	test = match_flags(arena(q), m, w);
	test.unequal = q->not;
	if (m)
		ask(q, test);
}

/*
 * Any type, which iptables calls 255: packets that have one, so no later fragments; and with "!" in front
 * none at all.
 */
static void ask_any_icmp(struct reading *q)
{
	struct match_test later = match_number(arena(q), FIELD_IP_FRAG, 2);

	later.unequal = true;
	if (q->not)
		ask_nothing(q->rule);
	else
		ask(q, later);
}

/* "8", "3/4", "any"; names are those that are usual. */
static void ask_icmp(struct reading *q)
{
	const char *s = value(q), *slash = s ? strchr(s, '/') : NULL;
	uint64_t type = 0, code = 0;
	char copy[64];
	bool known = false;
	struct match_test types, codes;

	if (s && !strcmp(s, "any")) {
		ask_any_icmp(q);
		return;
	}
	if (s && strlen(s) < sizeof(copy)) {
		strcpy(copy, s);
		if (slash)
			copy[slash - s] = '\0';
		known = ask_icmp_type(copy, q->scope->v6, &type);
		known &= !slash || ask_number(slash + 1, 255, &code);
	}
	if (!known) {
		not_said(q, MAY_MATCH, "an ICMP type that is not known");
		return;
	}
	if (type == 255 && !q->scope->v6) {
		ask_any_icmp(q);
		return;
	}
	types = match_number(arena(q), FIELD_ICMP_TYPE, type);
	codes = match_number(arena(q), FIELD_ICMP_CODE, code);
	if (q->not && slash) {
		struct match one[2] = { { NULL, 0 }, { NULL, 0 } };

		codes.unequal = true;
		match_with(arena(q), one[0], &types, &one[0]);
		match_with(arena(q), one[0], &codes, &one[0]);
		types.unequal = true;
		match_with(arena(q), one[1], &types, &one[1]);
		ask_one_of(q->scope->chains, q->rule, one, 2);
		return;
	}
	types.unequal = q->not;
	ask(q, types);
	if (slash)
		ask(q, codes);
}

static void ask_values(struct reading *q, enum policy_field field, uint64_t least, uint64_t most)
{
	struct match_test test = match_numbers(arena(q), field, &(struct range){ least, most }, 1);

	test.unequal = q->not;
	if (least > most)
		ask_nothing(q->rule);
	else
		ask(q, test);
}

static void ask_mac(struct reading *q)
{
	const char *s = value(q);
	uint8_t mac[6];
	uint64_t number = 0;
	struct match_test test;

	if (!s || mac_parse(s, mac)) {
		not_said(q, MAY_MATCH, "a link-layer address that is none");
		return;
	}
	for (unsigned int i = 0; i < 6; i++)
		number = number << 8 | mac[i];
	test = match_number(arena(q), FIELD_ETH_SRC, number);
	test.unequal = q->not;
	ask(q, test);
}

/* ---- connections -------------------------------------------------------------------------------- */

static void read_states(struct reading *q)
{
	static const struct {
		const char *name;
		unsigned int state;
	} names[] = {
		{ "NEW", STATE_NEW }, { "ESTABLISHED", STATE_ESTABLISHED },
		{ "UNTRACKED", STATE_UNTRACKED }, { "RELATED", STATE_OTHER },
		{ "INVALID", STATE_OTHER },
	};
	const unsigned int all = STATE_NEW | STATE_ESTABLISHED | STATE_UNTRACKED | STATE_OTHER;
	const char *s = value(q);
	unsigned int states = 0, known = STATE_NEW;
	char copy[128], *at, *save = NULL;
	bool good = s && strlen(s) < sizeof(copy);

	if (good)
		strcpy(copy, s);
	for (at = good ? strtok_r(copy, ",", &save) : NULL; at; at = strtok_r(NULL, ",", &save)) {
		bool found = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
			if (strcmp(at, names[i].name))
				continue;
			states |= names[i].state;
			found = true;
		}
		good &= found;
	}
	if (!good) {
		not_said(q, MAY_MATCH, "states that are not known");
		return;
	}
	if (q->scope->input)
		known |= STATE_ESTABLISHED;
	if (q->scope->untracked)
		known |= STATE_UNTRACKED;
	ask_state(q->scope->chains, q->rule, q->not ? all & ~states : states, known);
}

static void ask_recent(struct reading *q, bool looks)
{
	if (looks)
		not_said(q, q->not ? MATCHES : NEVER_MATCHES, "lists of recent sources, taken to be empty");
	else
		not_said(q, q->not ? NEVER_MATCHES : MATCHES, "entering the source in a list");
}

/*
 * Limits, counts of connections and quotas: none is reached. @over: the rule asks for what is above;
 * "!" turns it around.
 */
static void ask_limit(struct reading *q, bool over, const char *what)
{
	const char *number = value(q);

	/* No packet keeps within nothing: the first connection is one already. */
	if (number && !strcmp(number, "0"))
		over = !over;
	not_said(q, over != q->not ? NEVER_MATCHES : MATCHES, what);
}

/* ---- options --------------------------------------------------------------------------------------- */

static bool is(const char *word, const char *a, const char *b)
{
	return !strcmp(word, a) || (b && !strcmp(word, b));
}

/* Words that an option takes beside those that are read: up to the next option. */
static void skip_values(struct reading *q)
{
	while (q->at < q->words && q->word[q->at][0] != '-' && strcmp(q->word[q->at], "!"))
		q->at++;
}

static bool has_module(const struct reading *q, const char *module)
{
	for (unsigned int i = 0; i + 1 < q->at; i++)
		if (!strcmp(q->word[i], "-m") && !strcmp(q->word[i + 1], module))
			return true;
	return false;
}

static void read_module(struct reading *q)
{
	static const char *const known[] = {
		"tcp", "udp", "icmp", "icmp6", "icmpv6", "multiport", "iprange", "mac", "state",
		"conntrack", "limit", "hashlimit", "connlimit", "quota", "comment", "recent", "ttl", "hl",
		"dscp", "ecn",
	};
	const char *module = value(q);
	struct text why = { 0 };

	for (size_t i = 0; module && i < sizeof(known) / sizeof(*known); i++)
		if (!strcmp(module, known[i]))
			return;
	text_printf(&why, "the match \"%s\"", module ?: "");
	not_said(q, MAY_MATCH, text_string(&why));
	text_free(&why);
	/* Its options are all unknown: up to what every rule may have. */
	while (q->at < q->words && strcmp(q->word[q->at], "-m") && strcmp(q->word[q->at], "-j") &&
	       strcmp(q->word[q->at], "-g"))
		q->at++;
}

static void read_unknown(struct reading *q, const char *option)
{
	struct text why = { 0 };

	text_printf(&why, "the option \"%s\"", option);
	not_said(q, MAY_MATCH, text_string(&why));
	text_free(&why);
	skip_values(q);
}

static void read_ttl(struct reading *q, const char *option)
{
	const char *s = value(q);
	uint64_t n;

	if (!ask_number(s, 255, &n))
		read_unknown(q, option);
	else if (strstr(option, "-eq"))
		ask_values(q, FIELD_IP_TTL, n, n);
	else if (strstr(option, "-lt"))
		ask_values(q, FIELD_IP_TTL, n ? 0 : 1, n ? n - 1 : 0);
	else
		ask_values(q, FIELD_IP_TTL, n + 1, 255);
}

static void read_small(struct reading *q, enum policy_field field, const char *option)
{
	const char *s = value(q);
	uint64_t n;

	if (!ask_number(s, field_max(field), &n))
		read_unknown(q, option);
	else
		ask_values(q, field, n, n);
}

/* How buckets are kept: with a value each. */
static bool is_hashlimit(const char *option)
{
	static const char *const options[] = {
		"burst", "mode", "name", "srcmask", "dstmask", "rate-interval", "htable-size", "htable-max",
		"htable-expire", "htable-gcinterval",
	};

	if (strncmp(option, "--hashlimit-", 12))
		return false;
	for (size_t i = 0; i < sizeof(options) / sizeof(*options); i++)
		if (!strcmp(option + 12, options[i]))
			return true;
	return false;
}

/* One option of a rule; @option stands at q->at - 1. */
static void read_option(struct reading *q, const char *option)
{
	const char *mask;

	if (is(option, "-s", "--source"))
		ask_address(q, FIELD_IP_SRC);
	else if (is(option, "-d", "--destination"))
		ask_address(q, FIELD_IP_DST);
	else if (is(option, "-i", "--in-interface"))
		ask_in(q->scope->chains, q->rule, q->scope->ports, &(const char *){ value(q) ?: "" }, 1, q->not);
	else if (is(option, "-o", "--out-interface"))
		ask_out(q->scope->chains, q->rule, &q->scope->options->routes,
			&(const char *){ value(q) ?: "" }, 1, q->not);
	else if (is(option, "-p", "--protocol"))
		read_protocol(q);
	else if (is(option, "-f", "--fragment"))
		ask_values(q, FIELD_IP_FRAG, 2, 2);
	else if (is(option, "-m", "--match"))
		read_module(q);
	else if (is(option, "--sport", "--sports") || is(option, "--source-port", "--source-ports"))
		ask_ports(q, true);
	else if (is(option, "--dport", "--dports") ||
		 is(option, "--destination-port", "--destination-ports"))
		ask_ports(q, false);
	else if (is(option, "--ports", NULL))
		ask_either_ports(q);
	else if (is(option, "--tcp-flags", NULL)) {
		mask = value(q);
		ask_flags(q, mask, value(q));
	} else if (is(option, "--syn", NULL))
		ask_flags(q, "FIN,SYN,RST,ACK", "SYN");
	else if (is(option, "--icmp-type", "--icmpv6-type"))
		ask_icmp(q);
	else if (is(option, "--mac-source", NULL))
		ask_mac(q);
	else if (is(option, "--src-range", NULL))
		ask_address_range(q, FIELD_IP_SRC);
	else if (is(option, "--dst-range", NULL))
		ask_address_range(q, FIELD_IP_DST);
	else if (is(option, "--state", "--ctstate"))
		read_states(q);
	else if (!strncmp(option, "--ttl-", 6) || !strncmp(option, "--hl-", 5))
		read_ttl(q, option);
	else if (is(option, "--dscp", NULL))
		read_small(q, FIELD_IP_DSCP, option);
	else if (is(option, "--ecn-ip-ect", NULL))
		read_small(q, FIELD_IP_ECN, option);
	else if (is(option, "--comment", NULL))
		value(q);
	else if (is(option, "--limit", NULL) || is(option, "--hashlimit", "--hashlimit-upto"))
		ask_limit(q, false, "a limit, taken as not reached");
	else if (is(option, "--hashlimit-above", NULL))
		ask_limit(q, true, "a limit, taken as not reached");
	else if (is(option, "--connlimit-upto", "--connlimit-above"))
		ask_limit(q, !strcmp(option, "--connlimit-above"),
			  "a count of connections, taken as not reached");
	else if (is(option, "--quota", NULL))
		ask_limit(q, false, "a quota, taken as not reached");
	else if (is(option, "--limit-burst", "--connlimit-mask") || is_hashlimit(option))
		value(q);
	else if (is(option, "--hashlimit-rate-match", NULL) ||
		 is(option, "--connlimit-saddr", "--connlimit-daddr"))
		;
	else if (has_module(q, "recent") && is(option, "--set", NULL))
		ask_recent(q, false);
	else if (has_module(q, "recent") && (is(option, "--update", "--rcheck") ||
					     is(option, "--remove", NULL)))
		ask_recent(q, true);
	else if (has_module(q, "recent") &&
		 (is(option, "--rsource", "--rdest") || is(option, "--rttl", "--reap")))
		;
	else if (has_module(q, "recent") && (is(option, "--name", "--mask") ||
					     is(option, "--seconds", "--hitcount")))
		value(q);
	else
		read_unknown(q, option);
}

/* ---- targets ------------------------------------------------------------------------------------------ */

static const char *target_option(const struct reading *q, const char *option)
{
	for (unsigned int i = q->at; i + 1 < q->words; i++)
		if (!strcmp(q->word[i], option))
			return q->word[i + 1];
	return NULL;
}

static void read_mark(struct reading *q)
{
	const char *s = target_option(q, "--set-xmark") ?: target_option(q, "--set-mark");
	char copy[64], *slash;
	uint64_t mark = 0, mask = UINT32_MAX;
	bool good = s && strlen(s) < sizeof(copy);

	if (good) {
		strcpy(copy, s);
		slash = strchr(copy, '/');
		if (slash)
			*slash = '\0';
		good = ask_number(copy, UINT32_MAX, &mark) &&
		       (!slash || ask_number(slash + 1, UINT32_MAX, &mask)) && mask == UINT32_MAX;
	}
	q->rule->does = good ? DOES_MARK : DOES_OTHER;
	q->rule->mark = mark;
	if (!good)
		not_said(q, MATCHES, "a mark of which some bits stay");
}

bool iptables_goes_on(const char *target)
{
	static const char *const going_on[] = {
		"NFLOG", "ULOG", "AUDIT", "SET", "TCPMSS", "CONNMARK", "CLASSIFY", "DSCP", "TOS",
		"CHECKSUM", "TRACE", "IDLETIMER", "LED", "RATEEST", "SECMARK", "CONNSECMARK", "TEE",
		"TTL", "HL", "ECN", "CT", "NOTRACK", "TCPOPTSTRIP", "HMARK", "DNPT", "SNPT",
		/* They end the table nat, which drops nothing by them. */
		"DNAT", "SNAT", "MASQUERADE", "REDIRECT", "NETMAP",
	};

	for (size_t i = 0; i < sizeof(going_on) / sizeof(*going_on); i++)
		if (!strcmp(target, going_on[i]))
			return true;
	return false;
}

static void read_target(struct reading *q, bool leaves)
{
	const char *target = value(q);
	struct chain_rule *rule = q->rule;
	struct text why = { 0 };

	if (leaves || chains_find(q->scope->chains, target)) {
		rule->does = leaves ? DOES_LEAVE : DOES_CALL;
		rule->chain = arena_strndup(arena(q), target, strlen(target));
	} else if (!strcmp(target, "ACCEPT")) {
		rule->does = DOES_ACCEPT;
	} else if (!strcmp(target, "DROP")) {
		rule->does = DOES_DROP;
	} else if (!strcmp(target, "REJECT")) {
		rule->does = DOES_DROP;
		ask_aside(q->scope->chains, rule, "no answer is sent");
	} else if (!strcmp(target, "RETURN")) {
		rule->does = DOES_RETURN;
	} else if (!strcmp(target, "LOG")) {
		const char *prefix = target_option(q, "--log-prefix");

		rule->does = DOES_LOG;
		rule->log = prefix && *prefix ? arena_strndup(arena(q), prefix, strlen(prefix)) : "LOG";
		ask_aside(q->scope->chains, rule, "an event instead of a line in the kernel's log");
	} else if (!strcmp(target, "MARK")) {
		read_mark(q);
	} else {
		rule->does = iptables_goes_on(target) ? DOES_OTHER : DOES_UNKNOWN;
		text_printf(&why, "the target %s", target);
		not_said(q, rule->does == DOES_OTHER ? MATCHES : MAY_MATCH, text_string(&why));
		text_free(&why);
	}
	q->at = q->words;
}

const char *iptables_rule_read(const struct iptables_scope *scope, struct chain_rule *rule, char **word,
			       unsigned int words)
{
	struct reading q = { .scope = scope, .word = word, .words = words, .rule = rule };

	while (q.at < q.words) {
		const char *option = value(&q);

		if (!strcmp(option, "!")) {
			q.not = true;
			continue;
		}
		if (is(option, "-j", "--jump") || is(option, "-g", "--goto")) {
			if (q.at == q.words)
				return "-j or -g without a target: if the file is cut off, save the rules again";
			read_target(&q, is(option, "-g", "--goto"));
		} else {
			read_option(&q, option);
		}
		q.not = false;
	}
	return NULL;
}
