// SPDX-License-Identifier: GPL-2.0
/*
 * show.c: cubes in the words of policies.
 *
 * What a word implies is not said: tcp.dst means TCP, and no later fragment; an address means its
 * family. Addresses are said by prefixes, or by a prefix and what is not of it, whatever is shorter.
 */
#include "analyse/behaviour.h"

#include <stdlib.h>
#include <string.h>

#include "analyse/cubes.h"
#include "base/text.h"
#include "policy/field.h"
#include "policy/tree.h"

#define NOT_IP	(1u << 0)
#define IP4	(1u << 1)
#define IP6	(1u << 2)

/* One cube on its way to text. */
struct saying {
	const struct behaviours *b;
	const struct cube *cube;
	unsigned int families;
	size_t most;
	struct text text;
	bool ip;		/* a word said that it is IP */
	bool bound;		/* the next term goes on with this one */
};

static const struct spans *in(const struct saying *s, enum rules_field field)
{
	return &s->cube->in[CUBE_FIELD + field];
}

static struct text *term(struct saying *s)
{
	if (s->text.len && !s->bound)
		text_printf(&s->text, " and ");
	s->bound = false;
	return &s->text;
}

/* Whether @spans are exactly first .. last. */
static bool is_range(const struct spans *spans, uint32_t first, uint32_t last)
{
	return spans->count == 1 && spans->span[0].first == first && spans->span[0].last == last;
}

/* ---- numbers ---------------------------------------------------------------------- */

static void say_span(enum policy_field field, const struct span *x, uint32_t base, struct text *out)
{
	field_print(NULL, field, (uint64_t)x->first - base, out);
	if (x->first == x->last)
		return;
	text_printf(out, "-");
	field_print(NULL, field, (uint64_t)x->last - base, out);
}

static void say_more(const struct saying *s, size_t count, struct text *out)
{
	if (s->most && count > s->most)
		text_printf(out, ", ... %zu more", count - s->most);
}

/* @base: what the number 0 of the field is as a number of the rules. */
static void say_spans(struct saying *s, enum policy_field field, const char *name, const struct spans *spans,
		      uint32_t base, uint32_t last)
{
	const struct span *x = spans->span;
	struct text *out = term(s);

	if (spans->count == 1 && x->first == x->last) {
		text_printf(out, "%s == ", name);
		say_span(field, x, base, out);
	} else if (spans->count == 1 && x->first == base) {
		text_printf(out, "%s <= ", name);
		field_print(NULL, field, (uint64_t)x->last - base, out);
	} else if (spans->count == 1 && x->last == last) {
		text_printf(out, "%s >= ", name);
		field_print(NULL, field, (uint64_t)x->first - base, out);
	} else if (spans->count == 2 && x[0].first == base && x[1].last == last &&
		   x[0].last + 2 == x[1].first) {
		text_printf(out, "%s != ", name);
		field_print(NULL, field, (uint64_t)x[0].last + 1 - base, out);
	} else {
		text_printf(out, "%s in { ", name);
		for (uint32_t i = 0; i < spans->count && (!s->most || i < s->most); i++) {
			text_printf(out, "%s", i ? ", " : "");
			say_span(field, &x[i], base, out);
		}
		say_more(s, spans->count, out);
		text_printf(out, " }");
	}
}

static void say_field(struct saying *s, enum rules_field of, enum policy_field field)
{
	const struct spans *spans = in(s, of);
	uint32_t last = rules_field_values(of) - 1;
	struct spans some = { 0 };

	if (!spans->count)
		return;
	/* A number that no packet has: not worth a word. */
	if (of == RULES_FRAG || of == RULES_SOCKET) {
		struct spans without = spans_without(spans, 0, 2);

		last = 2;
		some = without.count ? spans_without(&without, 0, last) : some;
		spans_free(&without);
		if (!some.count)
			return;
		spans = &some;
	}
	say_spans(s, field, policy_field_name(field), spans, 0, last);
	spans_free(&some);
}

/* ---- addresses -------------------------------------------------------------------- */

static void say_prefixes(struct saying *s, const char *name, const struct vec *prefixes, bool not)
{
	const struct prefix *one = prefixes->len == 1 ? vec_at(prefixes, 0) : NULL;
	struct text *out = term(s);
	char buf[PREFIX_STRLEN];

	text_printf(out, "%s%s ", not ? "not " : "", name);
	if (one) {
		text_printf(out, "%s %s", one->len == addr_bits(one->addr.family) ? "==" : "in",
			    prefix_format_short(one, buf));
		return;
	}
	text_printf(out, "in { ");
	for (size_t i = 0; i < prefixes->len && (!s->most || i < s->most); i++)
		text_printf(out, "%s%s", i ? ", " : "", prefix_format_short(vec_at(prefixes, i), buf));
	say_more(s, prefixes->len, out);
	text_printf(out, " }");
}

/* The shortest prefix that has all of @spans. */
static struct prefix hull(uint8_t family, const struct spans *spans)
{
	struct prefix p = { .addr = cube_address(family, spans->span[0].first),
			    .len = addr_bits(family) };
	struct addr last = cube_address(family, spans->span[spans->count - 1].last);

	while (!prefix_covers(&p, &last)) {
		p.len--;
		p = prefix_canonical(p);
	}
	return p;
}

static cube_number address_number(const struct addr *a)
{
	cube_number n = 0;

	for (unsigned int i = 0; i < addr_bits(a->family) / 8; i++)
		n = n << 8 | a->bytes[i];
	return n;
}

static void say_addresses(struct saying *s, unsigned int side, const char *name)
{
	const struct spans *spans = &s->cube->in[side];
	uint8_t family = s->cube->family;
	struct vec prefixes = VEC(struct prefix), holes = VEC(struct prefix), whole = VEC(struct prefix);
	struct spans without;
	struct prefix *over;
	cube_number first, last;

	if (!spans->count)
		return;
	s->ip = true;
	over = vec_push(&whole);
	*over = hull(family, spans);
	first = address_number(&over->addr);
	last = over->len ? first + (((cube_number)1 << (addr_bits(family) - over->len)) - 1) :
	       cube_last(family, side);
	spans_prefixes(family, spans, &prefixes);
	without = spans_without(spans, first, last);
	spans_prefixes(family, &without, &holes);
	if (holes.len && holes.len + (over->len != 0) < prefixes.len) {
		if (over->len)
			say_prefixes(s, name, &whole, false);
		else
			s->ip = false;
		say_prefixes(s, name, &holes, true);
	} else {
		say_prefixes(s, name, &prefixes, false);
	}
	spans_free(&without);
	vec_free(&prefixes);
	vec_free(&holes);
	vec_free(&whole);
}

/* ---- names ------------------------------------------------------------------------ */

static bool has_value(const struct spans *spans, uint32_t value)
{
	for (uint32_t i = 0; i < spans->count; i++)
		if (spans->span[i].first <= value && value <= spans->span[i].last)
			return true;
	return !spans->count;
}

static void say_ports(struct saying *s)
{
	const struct spans *spans = in(s, RULES_IN);
	size_t has = 0, said = 0;
	struct text *out;

	for (size_t i = 1; i <= s->b->ports.len; i++)
		has += has_value(spans, i);
	if (has == s->b->ports.len)
		return;
	out = term(s);
	text_printf(out, has == 1 ? "in == " : "in in { ");
	for (size_t i = 1; i <= s->b->ports.len; i++)
		if (has_value(spans, i))
			text_printf(out, "%s%s", said++ ? ", " : "",
				    ((struct behaviour_port *)vec_at(&s->b->ports, i - 1))->name);
	if (has != 1)
		text_printf(out, " }");
}

/* Number 0 is all addresses that no rule names. */
static void say_macs(struct saying *s, enum rules_field field)
{
	const struct spans *spans = in(s, field);
	bool others = has_value(spans, 0);
	size_t count = 0, said = 0;
	char buf[MAC_STRLEN];
	struct text *out;

	for (size_t i = 1; i <= s->b->names.macs.len; i++)
		count += has_value(spans, i) != others;
	if (!spans->count || (others && !count))
		return;
	out = term(s);
	text_printf(out, "%s%s in { ", others ? "not " : "", rules_field_name(field));
	for (size_t i = 1; i <= s->b->names.macs.len; i++)
		if (has_value(spans, i) != others)
			text_printf(out, "%s%s", said++ ? ", " : "", mac_format(((struct lower_mac *)
				    vec_at(&s->b->names.macs, i - 1))->address, buf));
	text_printf(out, " }");
}

static void say_set(const struct saying *s, unsigned int bit, bool is, struct text *out)
{
	const struct behaviour_set *set = vec_at(&s->b->sets, bit);

	text_printf(out, "%s%s in %s", is ? "" : "not ", policy_field_name(set->field), set->name);
}

static void say_sets(struct saying *s)
{
	const struct spans *spans = in(s, RULES_SETS);
	uint32_t n = s->b->sets.len, both[2] = { UINT32_MAX, UINT32_MAX }, count = 0, fixed;
	struct text *out;
	bool first = true;

	if (!spans->count || !n)
		return;
	for (uint32_t v = 0; v < 1u << n; v++) {
		if (!has_value(spans, v))
			continue;
		count++;
		both[0] &= ~v;
		both[1] &= v;
	}
	fixed = (both[0] | both[1]) & ((1u << n) - 1);
	for (unsigned int i = 0; i < n; i++)
		if (fixed >> i & 1)
			say_set(s, i, both[1] >> i & 1, term(s));
	if (count == 1u << (n - __builtin_popcount(fixed)))
		return;
	out = term(s);
	text_printf(out, "(");
	for (uint32_t v = 0; v < 1u << n; v++) {
		bool begun = false;

		if (!has_value(spans, v))
			continue;
		text_printf(out, "%s", first ? "" : " or ");
		first = false;
		for (unsigned int i = 0; i < n; i++) {
			if (fixed >> i & 1)
				continue;
			text_printf(out, "%s", begun ? " and " : "");
			say_set(s, i, v >> i & 1, out);
			begun = true;
		}
	}
	text_printf(out, ")");
}

/* ---- layers ----------------------------------------------------------------------- */

/* The numbers of tags are behind RULES_TAG; 0 is no tag. */
static void say_tag(struct saying *s)
{
	const struct spans *spans = in(s, RULES_VLAN);
	struct spans lacks = spans_without(spans, RULES_TAG, RULES_TAG | 0xfff), has = { 0 };

	if (spans->count && !has_value(spans, 0)) {
		has = lacks.count ? spans_without(&lacks, RULES_TAG, RULES_TAG | 0xfff) : has;
		if (has.count)
			say_spans(s, FIELD_VLAN_ID, "vlan.id", &has, RULES_TAG, RULES_TAG | 0xfff);
		else
			text_printf(term(s), "vlan.id >= 0");
	} else if (lacks.count) {
		text_printf(term(s), "not ");
		s->bound = true;
		say_spans(s, FIELD_VLAN_ID, "vlan.id", &lacks, RULES_TAG, RULES_TAG | 0xfff);
	}
	spans_free(&lacks);
	spans_free(&has);
	say_field(s, RULES_PCP, FIELD_VLAN_PCP);
}

/* Whether the flags that are (@has) in @spans, or are not, are those with some bits so and some not. */
static bool flags_mask(const struct spans *spans, bool has, uint32_t *mask, uint32_t *want)
{
	uint32_t ones = 0xff, zeros = 0xff, count = 0;

	for (uint32_t v = 0; v < 256; v++) {
		if (has_value(spans, v) != has)
			continue;
		count++;
		ones &= v;
		zeros &= ~v;
	}
	*mask = ones | zeros;
	*want = ones;
	return count && *mask != 0xff && count == 256u >> __builtin_popcount(*mask);
}

static void say_flags(struct saying *s)
{
	const struct spans *spans = in(s, RULES_TCP_FLAGS);
	uint32_t mask, want;
	bool has;

	if (!spans->count)
		return;
	has = flags_mask(spans, true, &mask, &want);
	if (!has && !flags_mask(spans, false, &mask, &want)) {
		say_field(s, RULES_TCP_FLAGS, FIELD_TCP_FLAGS);
		return;
	}
	text_printf(term(s), "%stcp.flags & (", has ? "" : "not ");
	field_print(NULL, FIELD_TCP_FLAGS, mask, &s->text);
	text_printf(&s->text, ") == ");
	field_print(NULL, FIELD_TCP_FLAGS, want, &s->text);
}

/* Protocol, fragments and what is behind, as the words that imply each other. */
static void say_transport(struct saying *s)
{
	const struct spans *proto = in(s, RULES_PROTO), *frag = in(s, RULES_FRAG);
	bool tcp = is_range(proto, 6, 6), udp = is_range(proto, 17, 17);
	bool icmp = is_range(proto, 1, 1) || is_range(proto, 58, 58);
	bool ports = in(s, RULES_SPORT)->count || in(s, RULES_DPORT)->count;
	bool flags = in(s, RULES_TCP_FLAGS)->count;
	bool types = in(s, RULES_ICMP_TYPE)->count || in(s, RULES_ICMP_CODE)->count;
	bool both = proto->count == 2 && has_value(proto, 6) && has_value(proto, 17) &&
		    proto->span[0].first == proto->span[0].last && proto->span[1].first == proto->span[1].last;
	bool behind = ports || flags || types;

	if (proto->count || frag->count || behind)
		s->ip = true;
	if (!((tcp && (ports || flags)) || (udp && ports) || (both && ports) || (icmp && types))) {
		if (tcp || udp)
			text_printf(term(s), tcp ? "tcp" : "udp");
		else
			say_field(s, RULES_PROTO, FIELD_IP_PROTO);
	}
	if (frag->count && !(behind && is_range(frag, 0, 1)))
		say_field(s, RULES_FRAG, FIELD_IP_FRAG);
	say_field(s, RULES_SPORT, tcp ? FIELD_TCP_SRC : udp ? FIELD_UDP_SRC : FIELD_L4_SRC);
	say_field(s, RULES_DPORT, tcp ? FIELD_TCP_DST : udp ? FIELD_UDP_DST : FIELD_L4_DST);
	say_flags(s);
	say_field(s, RULES_ICMP_TYPE, FIELD_ICMP_TYPE);
	say_field(s, RULES_ICMP_CODE, FIELD_ICMP_CODE);
}

static void say_family(struct saying *s)
{
	static const char *const words[] = {
		[NOT_IP] = "not (ip4 or ip6)", [IP4] = "ip4", [IP6] = "ip6", [NOT_IP | IP4] = "not ip6",
		[NOT_IP | IP6] = "not ip4", [IP4 | IP6] = "(ip4 or ip6)",
	};
	struct text rest = s->text;

	if (s->families == (NOT_IP | IP4 | IP6) || (s->ip && s->families == (IP4 | IP6)))
		return;
	if ((s->families == IP4 || s->families == IP6) &&
	    (s->cube->in[0].count || s->cube->in[1].count) && s->ip)
		return;
	s->text = (struct text){ 0 };
	text_printf(&s->text, "%s%s%s", words[s->families], rest.len ? " and " : "", text_string(&rest));
	text_free(&rest);
}

static char *say(const struct behaviours *b, const struct cube *cube, unsigned int families, size_t most)
{
	struct saying s = { .b = b, .cube = cube, .families = families, .most = most };
	bool any_ip;

	say_addresses(&s, CUBE_SOURCE, "ip.src");
	say_addresses(&s, CUBE_DESTINATION, "ip.dst");
	say_transport(&s);
	any_ip = s.ip;
	for (unsigned int f = RULES_DSCP; f <= RULES_TTL; f++)
		any_ip |= in(&s, f)->count != 0;
	say_field(&s, RULES_DSCP, FIELD_IP_DSCP);
	say_field(&s, RULES_ECN, FIELD_IP_ECN);
	say_field(&s, RULES_TTL, FIELD_IP_TTL);
	say_field(&s, RULES_SOCKET, FIELD_SOCKET);
	s.ip = any_ip;
	say_family(&s);
	say_field(&s, RULES_ETH_TYPE, FIELD_ETH_TYPE);
	say_macs(&s, RULES_ETH_SRC);
	say_macs(&s, RULES_ETH_DST);
	say_tag(&s);
	say_field(&s, RULES_LENGTH, FIELD_PKT_LEN);
	say_sets(&s);
	say_ports(&s);
	if (!s.text.len)
		text_printf(&s.text, "all packets");
	return s.text.data;
}

/* Cubes that are the same but for the family, and name no address. */
static bool alike(const struct cube *a, const struct cube *b)
{
	for (unsigned int d = 0; d < CUBE_DIMENSIONS; d++)
		if ((d < CUBE_FIELD && (a->in[d].count || b->in[d].count)) ||
		    !spans_equal(&a->in[d], &b->in[d]))
			return false;
	return true;
}

static unsigned int family_bit(const struct cube *c)
{
	return c->family == ADDR_V4 ? IP4 : c->family == ADDR_V6 ? IP6 : NOT_IP;
}

void behaviours_cubes(const struct behaviours *b, const struct vec *cubes, size_t most, struct vec *out)
{
	bool *said = xcalloc(cubes->len + 1, sizeof(*said));

	for (size_t i = 0; i < cubes->len; i++) {
		const struct cube *c = vec_at(cubes, i);
		unsigned int families = family_bit(c);
		char *text;

		if (said[i])
			continue;
		for (size_t k = i + 1; k < cubes->len; k++) {
			const struct cube *other = vec_at(cubes, k);

			if (!said[k] && !(families & family_bit(other)) && alike(c, other)) {
				families |= family_bit(other);
				said[k] = true;
			}
		}
		text = say(b, c, families, most);
		vec_append(out, &text);
	}
	free(said);
}
