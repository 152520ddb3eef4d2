// SPDX-License-Identifier: GPL-2.0
#include "import/ask.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/field.h"

const char ask_untracked_word[] = "untracked";
const char ask_established_word[] = "socket == established";

void ask_one_of(struct chains *chains, struct chain_rule *rule, const struct match *one,
		unsigned int n)
{
	struct vec out = VEC(struct match);

	for (size_t i = 0; i < rule->match.len; i++) {
		for (unsigned int k = 0; k < n; k++) {
			struct match both;

			if (match_both(&chains->arena, *(struct match *)vec_at(&rule->match, i), one[k],
				       &both))
				vec_append(&out, &both);
		}
	}
	vec_free(&rule->match);
	rule->match = out;
}

void ask_test(struct chains *chains, struct chain_rule *rule, struct match_test test)
{
	struct match one = { &test, 1 };

	ask_one_of(chains, rule, &one, 1);
}

void ask_nothing(struct chain_rule *rule)
{
	rule->match.len = 0;
}

void ask_not_said(struct chains *chains, struct chain_rule *rule, enum chain_match matches,
		  const char *why)
{
	struct text all = { 0 };

	/* What never matches does not, whatever else it asks. */
	if (rule->matches != NEVER_MATCHES && matches != MATCHES)
		rule->matches = matches;
	if (rule->not_said && strstr(rule->not_said, why))
		return;
	text_printf(&all, "%s%s%s", rule->not_said ?: "", rule->not_said ? ", " : "", why);
	rule->not_said = arena_strndup(&chains->arena, all.data, all.len);
	text_free(&all);
}

void ask_aside(struct chains *chains, struct chain_rule *rule, const char *what)
{
	rule->aside = arena_strndup(&chains->arena, what, strlen(what));
}

/* ---- interfaces ----------------------------------------------------------------------------- */

static bool can_be_port(const char *interface)
{
	size_t n = strlen(interface);

	for (const char *s = interface; *s; s++)
		if (*s <= ' ' || *s >= 0x7f || strchr("/:\"\\*+@", *s))
			return false;
	return n && n <= POLICY_INTERFACE_MAX && strcmp(interface, "lo") && strcmp(interface, ".") &&
	       strcmp(interface, "..");
}

static bool name_is_taken(const struct vec *ports, const char *name)
{
	for (size_t i = 0; i < ports->len; i++)
		if (!strcmp(((struct import_port *)vec_at(ports, i))->name, name))
			return true;
	return false;
}

void ask_port(struct arena *arena, struct vec *ports, const char *interface)
{
	struct text name = { 0 };
	struct import_port port;

	if (!can_be_port(interface))
		return;
	for (size_t i = 0; i < ports->len; i++)
		if (!strcmp(((struct import_port *)vec_at(ports, i))->interface, interface))
			return;
	for (const char *s = interface; *s; s++)
		text_printf(&name, "%c", isalnum((unsigned char)*s) ? *s : '_');
	/* Words of the language have no digit at their end. */
	if (!isalpha((unsigned char)*name.data) || !isdigit((unsigned char)name.data[name.len - 1])) {
		text_free(&name);
		text_printf(&name, "port_%s", interface);
		for (char *s = name.data; *s; s++)
			*s = isalnum((unsigned char)*s) ? *s : '_';
	}
	for (unsigned int n = 2; name_is_taken(ports, name.data); n++)
		text_printf(&name, "_%u", n);
	port.name = arena_strndup(arena, name.data, name.len);
	port.interface = arena_strndup(arena, interface, strlen(interface));
	vec_append(ports, &port);
	text_free(&name);
}

static bool matches_one(const char *const *name, unsigned int names, const char *interface)
{
	for (unsigned int i = 0; i < names; i++) {
		size_t n = strlen(name[i]);

		if (n && strchr("+*", name[i][n - 1]) ? !strncmp(name[i], interface, n - 1) :
		    !strcmp(name[i], interface))
			return true;
	}
	return false;
}

void ask_in(struct chains *chains, struct chain_rule *rule, const struct vec *ports,
	    const char *const *name, unsigned int n, bool not)
{
	struct vec ranges = VEC(struct range);

	for (uint64_t i = 0; i < ports->len; i++) {
		const struct import_port *port = vec_at(ports, i);

		if (matches_one(name, n, port->interface) != not)
			vec_append(&ranges, &(struct range){ i, i });
	}
	if (!ranges.len)
		ask_nothing(rule);
	else if (ranges.len < ports->len)
		ask_test(chains, rule, match_numbers(&chains->arena, FIELD_IN, ranges.data, ranges.len));
	vec_free(&ranges);
}

static struct prefixes kept(struct arena *arena, const struct vec *prefixes)
{
	struct prefix *copy;

	if (!prefixes->len)
		return (struct prefixes){ NULL, 0 };
	copy = arena_alloc(arena, prefixes->len * sizeof(*copy));
	memcpy(copy, prefixes->data, prefixes->len * sizeof(*copy));
	return prefixes_make(arena, copy, prefixes->len);
}

/*
 * The interface that a packet leaves by is that of the longest prefix: the destinations that
 * each interface has are its prefixes without those that are longer.
 */
void ask_out(struct chains *chains, struct chain_rule *rule, const struct vec *routes,
	     const char *const *name, unsigned int n, bool not)
{
	struct vec here = VEC(struct prefix), taken = VEC(struct prefix);
	struct prefixes claimed = { NULL, 0 }, set;
	bool all;

	if (!routes->len) {
		ask_not_said(chains, rule, MAY_MATCH, "the interface it leaves by (--routes FILE tells)");
		return;
	}
	for (int len = 128; len >= 0; len--) {
		for (size_t i = 0; i < routes->len; i++) {
			const struct import_route *route = vec_at(routes, i);
			struct prefixes own;

			if (route->prefix.len != len)
				continue;
			own = prefixes_both(&chains->arena, (struct prefixes){ &route->prefix, 1 },
					    prefixes_others(&chains->arena, claimed));
			for (uint32_t k = 0; k < own.len; k++) {
				vec_append(&taken, &own.prefix[k]);
				if (matches_one(name, n, route->interface) != not)
					vec_append(&here, &own.prefix[k]);
			}
			claimed = kept(&chains->arena, &taken);
		}
	}
	set = kept(&chains->arena, &here);
	all = set.len == 2 && !set.prefix[0].len && !set.prefix[1].len;
	if (!set.len)
		ask_nothing(rule);
	else if (!all)
		ask_test(chains, rule, (struct match_test){ .field = FIELD_IP_DST, .prefixes = set });
	vec_free(&here);
	vec_free(&taken);
}

/* ---- connections -------------------------------------------------------------------------------- */

/*
 * A packet is untracked; or of one of this host's sockets, in a chain INPUT; or, as it is taken
 * here, the first of its connection: new. Each is a match of its own.
 */
void ask_state(struct chains *chains, struct chain_rule *rule, unsigned int states,
	       unsigned int known)
{
	struct match_test untracked = { .word = chains->untracked ?: ask_untracked_word,
					.field = FIELD_COUNT };
	struct match_test established = { .word = ask_established_word, .field = FIELD_COUNT };
	unsigned int wanted = states & known, n = 0;
	struct match one[3] = { { NULL, 0 }, { NULL, 0 }, { NULL, 0 } };

	if (!wanted) {
		ask_not_said(chains, rule, NEVER_MATCHES, "packets of connections that are there already");
		return;
	}
	rule->asks_new = wanted & STATE_NEW;
	if (wanted == known)
		return;
	if (wanted & STATE_UNTRACKED) {
		match_with(&chains->arena, one[n], &untracked, &one[n]);
		n++;
	}
	untracked.unequal = true;
	if (wanted & STATE_ESTABLISHED) {
		match_with(&chains->arena, one[n], &established, &one[n]);
		if (known & STATE_UNTRACKED)
			match_with(&chains->arena, one[n], &untracked, &one[n]);
		n++;
	}
	established.unequal = true;
	if (wanted & STATE_NEW) {
		if (known & STATE_UNTRACKED)
			match_with(&chains->arena, one[n], &untracked, &one[n]);
		if (known & STATE_ESTABLISHED)
			match_with(&chains->arena, one[n], &established, &one[n]);
		n++;
	}
	ask_one_of(chains, rule, one, n);
	if (wanted & STATE_ESTABLISHED)
		ask_not_said(chains, rule, MATCHES,
			     "of connections that are there already, only this host's sockets");
	else if (states & ~known)
		ask_not_said(chains, rule, MATCHES, "packets of connections that are there already");
}

/* ---- names ------------------------------------------------------------------------------------------ */

bool ask_number(const char *digits, uint64_t max, uint64_t *number)
{
	char *end;

	if (!digits || *digits < '0' || *digits > '9')
		return false;
	errno = 0;
	*number = strtoull(digits, &end, 0);
	return !*end && !errno && *number <= max;
}

bool ask_protocol(const char *name, uint64_t *number)
{
	static const struct {
		const char *name;
		uint8_t number;
	} others[] = {
		{ "icmpv6", 58 }, { "ipv6-icmp", 58 }, { "ipencap", 4 }, { "ipv6", 41 }, { "dccp", 33 },
		{ "comp", 108 }, { "egp", 8 },
	};

	if (!name)
		return false;
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		if (strcmp(name, others[i].name))
			continue;
		*number = others[i].number;
		return true;
	}
	return ask_number(name, 255, number) || field_word(FIELD_IP_PROTO, name, number);
}

bool ask_icmp_type(const char *name, bool v6, uint64_t *number)
{
	static const struct {
		const char *name;
		bool v6;
		uint8_t type;
	} names[] = {
		{ "echo-reply", false, 0 }, { "destination-unreachable", false, 3 },
		{ "source-quench", false, 4 }, { "redirect", false, 5 }, { "echo-request", false, 8 },
		{ "router-advertisement", false, 9 }, { "router-solicitation", false, 10 },
		{ "time-exceeded", false, 11 }, { "parameter-problem", false, 12 },
		{ "timestamp-request", false, 13 }, { "timestamp-reply", false, 14 },
		{ "info-request", false, 15 }, { "info-reply", false, 16 },
		{ "address-mask-request", false, 17 }, { "address-mask-reply", false, 18 },
		{ "destination-unreachable", true, 1 }, { "packet-too-big", true, 2 },
		{ "time-exceeded", true, 3 }, { "parameter-problem", true, 4 },
		{ "echo-request", true, 128 }, { "echo-reply", true, 129 },
		{ "mld-listener-query", true, 130 }, { "mld-listener-report", true, 131 },
		{ "mld-listener-done", true, 132 }, { "mld-listener-reduction", true, 132 },
		{ "router-solicitation", true, 133 }, { "router-advertisement", true, 134 },
		{ "neighbour-solicitation", true, 135 }, { "neighbour-advertisement", true, 136 },
		{ "neighbor-solicitation", true, 135 }, { "neighbor-advertisement", true, 136 },
		{ "nd-router-solicit", true, 133 }, { "nd-router-advert", true, 134 },
		{ "nd-neighbor-solicit", true, 135 }, { "nd-neighbor-advert", true, 136 },
		{ "nd-redirect", true, 137 }, { "mld2-listener-report", true, 143 },
	};

	for (size_t i = 0; name && i < sizeof(names) / sizeof(*names); i++) {
		if (names[i].v6 != v6 || strcmp(name, names[i].name))
			continue;
		*number = names[i].type;
		return true;
	}
	return ask_number(name, 255, number);
}
