// SPDX-License-Identifier: GPL-2.0
/*
 * show.c: cubes in the words of policies.
 *
 * A packet without a field has 0 there in a cube, and in a policy meets no test of it. So values of a field
 * are said in one of two ways:
 *	tcp.dst != 22		where 0 is not among them, or all these packets have the field
 *	not tcp.dst == 22	else: what lacks the field is meant, too
 * The first one implies what has the field, which is not said then: tcp.dst means TCP, and no later fragment; an
 * address means its family. The second one implies nothing. Either way what is said, read as a predicate, is met
 * by the cube's packets, and by no others.
 *
 * Addresses are said by prefixes, or by a prefix and what is not of it, whatever is shorter. Cubes of several
 * families that are the same in all else are said at once.
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

/* Cubes of different families on their way to text; all but addresses is as @cube, which is of IP if one is, has it. */
struct saying {
	const struct behaviours *b;
	const struct cube *cube;
	const struct cube *of[3];	/* by family_place() */
	unsigned int families;
	size_t most;
	struct text text;
	bool ip;		/* a word said that it is IP */
	bool address;		/* and which */
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

static void say_not(struct saying *s)
{
	text_printf(term(s), "not ");
	s->bound = true;
}

static bool has_value(const struct spans *spans, uint32_t value)
{
	for (uint32_t i = 0; i < spans->count; i++)
		if (spans->span[i].first <= value && value <= spans->span[i].last)
			return true;
	return !spans->count;
}

/* Whether it has no value but these. */
static bool only(const struct spans *spans, uint32_t a, uint32_t b)
{
	for (uint32_t i = 0; i < spans->count; i++)
		if (spans->span[i].first != spans->span[i].last ||
		    (spans->span[i].first != a && spans->span[i].first != b))
			return false;
	return spans->count;
}

/* ---- what has a field ------------------------------------------------------------- */

static bool is_ip_field(unsigned int field)
{
	return (RULES_PROTO <= field && field <= RULES_ICMP_CODE) || field == RULES_SOCKET;
}

/* Whether no packet of @c has @field. */
static bool lacks(const struct cube *c, unsigned int field)
{
	const struct spans *proto = &c->in[CUBE_FIELD + RULES_PROTO], *frag = &c->in[CUBE_FIELD + RULES_FRAG];
	bool tcp = has_value(proto, 6), whole = has_value(frag, 0) || has_value(frag, 1);

	if (c->family == ADDR_NONE && is_ip_field(field))
		return true;
	switch (field) {
	case RULES_PCP:
		return only(&c->in[CUBE_FIELD + RULES_VLAN], 0, 0);
	case RULES_SPORT: case RULES_DPORT:
		return !whole || !(tcp || has_value(proto, 17));
	case RULES_TCP_FLAGS:
		return !whole || !tcp;
	case RULES_ICMP_TYPE: case RULES_ICMP_CODE:
		return !whole || !has_value(proto, c->family == ADDR_V4 ? 1 : 58);
	case RULES_SOCKET:
		return !has_value(frag, 0) || !(tcp || has_value(proto, 17));
	default:
		return false;
	}
}

/* Whether only packets that have the field can have what is wanted of it. */
static bool needs(const struct saying *s, enum rules_field field)
{
	return !has_value(in(s, field), 0);
}

/* Whether all packets have @field, by what is said of others. */
static bool has(const struct saying *s, enum rules_field field)
{
	const struct spans *proto = in(s, RULES_PROTO), *frag = in(s, RULES_FRAG);
	bool ip = !(s->families & NOT_IP);
	bool icmp = needs(s, RULES_ICMP_TYPE) || needs(s, RULES_ICMP_CODE);
	bool flags = needs(s, RULES_TCP_FLAGS), socket = needs(s, RULES_SOCKET);
	bool ports = needs(s, RULES_SPORT) || needs(s, RULES_DPORT) || flags || socket;
	bool whole = ports || icmp || !has_value(frag, 2);

	switch (field) {
	case RULES_PCP:
		return needs(s, RULES_VLAN);
	case RULES_SPORT: case RULES_DPORT:
		return ip && whole && (ports || only(proto, 6, 17));
	case RULES_TCP_FLAGS:
		return ip && whole && (flags || only(proto, 6, 6));
	case RULES_ICMP_TYPE: case RULES_ICMP_CODE:
		return ip && whole && (icmp || (s->families == IP4 && only(proto, 1, 1)) ||
				       (s->families == IP6 && only(proto, 58, 58)));
	case RULES_SOCKET:
		return ip && (ports || only(proto, 6, 17)) && (socket || only(frag, 0, 0));
	default:
		return ip || !is_ip_field(field);
	}
}

/* Whether it is said of @field what it has, and not what it has not. */
static bool is_positive(const struct saying *s, enum rules_field field)
{
	if (!in(s, field)->count || needs(s, field))
		return in(s, field)->count;
	/* Two nots are read well behind a port. */
	if (field == RULES_TCP_FLAGS && (is_positive(s, RULES_SPORT) || is_positive(s, RULES_DPORT)))
		return false;
	return has(s, field);
}

/* ---- numbers ---------------------------------------------------------------------- */

/* Ends of a range are numbers: in igmp-5 the grammar sees one word. */
static void say_span(enum policy_field field, const struct span *x, uint32_t base, struct text *out)
{
	if (x->first == x->last)
		field_print(NULL, field, (uint64_t)x->first - base, out);
	else
		text_printf(out, field == FIELD_ETH_TYPE ? "0x%04x-0x%04x" : "%u-%u", (uint32_t)x->first - base,
			    (uint32_t)x->last - base);
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
	uint32_t last = of == RULES_FRAG || of == RULES_SOCKET ? 2 : rules_field_values(of) - 1;
	struct spans without = spans_without(spans, 0, last), some;

	if (without.count && !is_positive(s, of)) {
		say_not(s);
		say_spans(s, field, policy_field_name(field), &without, 0, last);
	} else if (without.count) {
		some = spans_without(&without, 0, last);
		say_spans(s, field, policy_field_name(field), &some, 0, last);
		spans_free(&some);
		s->ip |= is_ip_field(of);
	}
	spans_free(&without);
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

/* The addresses of one side of a cube: those of @prefixes; those of @over and not of @holes. */
struct addresses {
	struct vec prefixes, over, holes;
	bool by_holes;			/* is shorter */
};

static struct addresses addresses_of(const struct cube *c, unsigned int side)
{
	struct addresses a = { VEC(struct prefix), VEC(struct prefix), VEC(struct prefix), false };
	const struct spans *spans = &c->in[side];
	struct prefix over = hull(c->family, spans);
	cube_number first = address_number(&over.addr), last = cube_last(c->family, side);
	struct spans without;

	if (over.len) {
		last = first + (((cube_number)1 << (addr_bits(c->family) - over.len)) - 1);
		vec_append(&a.over, &over);
	}
	spans_prefixes(c->family, spans, &a.prefixes);
	without = spans_without(spans, first, last);
	spans_prefixes(c->family, &without, &a.holes);
	a.by_holes = a.holes.len && a.holes.len + a.over.len < a.prefixes.len;
	spans_free(&without);
	return a;
}

static void addresses_free(struct addresses *a)
{
	vec_free(&a->prefixes);
	vec_free(&a->over);
	vec_free(&a->holes);
}

/* Whether @side is said by what its addresses are not, and so can be said with that of other families. */
static bool excludes(const struct cube *c, unsigned int side)
{
	struct addresses a;
	bool does;

	if (!c->in[side].count)
		return true;
	a = addresses_of(c, side);
	does = a.by_holes && !a.over.len;
	addresses_free(&a);
	return does;
}

static void say_addresses(struct saying *s, unsigned int side, const char *name)
{
	struct vec holes = VEC(struct prefix);

	for (unsigned int i = 0; i < 3; i++) {
		const struct cube *c = s->of[i];
		struct addresses a;

		if (!c || !c->in[side].count)
			continue;
		a = addresses_of(c, side);
		if (!a.by_holes || a.over.len) {
			say_prefixes(s, name, a.by_holes ? &a.over : &a.prefixes, false);
			s->ip = s->address = true;
		}
		for (size_t k = 0; k < a.holes.len && a.by_holes; k++)
			vec_append(&holes, vec_at(&a.holes, k));
		addresses_free(&a);
	}
	if (holes.len)
		say_prefixes(s, name, &holes, true);
	vec_free(&holes);
}

/* ---- names ------------------------------------------------------------------------ */

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

/* Bits of the sets that have none of the packets, [0], and all, [1]. Return: of how many values that is. */
static uint32_t sets_fixed(const struct saying *s, uint32_t both[2])
{
	const struct spans *spans = in(s, RULES_SETS);
	uint32_t all = (1u << s->b->sets.len) - 1, count = 0;

	both[0] = both[1] = all;
	for (uint32_t v = 0; v <= all; v++) {
		if (!has_value(spans, v))
			continue;
		count++;
		both[0] &= ~v;
		both[1] &= v;
	}
	return count;
}

static bool sets_mean_ip(const struct saying *s)
{
	uint32_t both[2];

	if (!in(s, RULES_SETS)->count)
		return false;
	sets_fixed(s, both);
	for (unsigned int i = 0; i < s->b->sets.len; i++) {
		enum policy_field field = ((struct behaviour_set *)vec_at(&s->b->sets, i))->field;

		if (both[1] >> i & 1 && field >= FIELD_IP_SRC && field <= FIELD_L4_DST)
			return true;
	}
	return false;
}

static void say_sets(struct saying *s)
{
	const struct spans *spans = in(s, RULES_SETS);
	uint32_t n = s->b->sets.len, both[2], count, fixed;
	struct text *out;
	bool first = true;

	if (!spans->count || !n)
		return;
	count = sets_fixed(s, both);
	fixed = both[0] | both[1];
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
		else if (!is_positive(s, RULES_PCP))
			text_printf(term(s), "vlan.id >= 0");
	} else if (lacks.count) {
		say_not(s);
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
	bool positive = is_positive(s, RULES_TCP_FLAGS), equal;
	uint32_t mask, want;

	if (!spans->count)
		return;
	equal = flags_mask(spans, true, &mask, &want);
	if (!equal && !flags_mask(spans, false, &mask, &want)) {
		say_field(s, RULES_TCP_FLAGS, FIELD_TCP_FLAGS);
		return;
	}
	text_printf(term(s), "%stcp.flags & (", positive ? "" : "not ");
	field_print(NULL, FIELD_TCP_FLAGS, mask, &s->text);
	text_printf(&s->text, ") %s ", positive == equal ? "==" : "!=");
	field_print(NULL, FIELD_TCP_FLAGS, want, &s->text);
	s->ip |= positive;
}

static void say_protocol(struct saying *s)
{
	const struct spans *proto = in(s, RULES_PROTO);
	struct spans without = spans_without(proto, 0, 255);
	bool positive = is_positive(s, RULES_PROTO);
	const struct spans *said = positive ? proto : &without;

	if (only(said, 6, 6) || only(said, 17, 17)) {
		text_printf(term(s), "%s%s", positive ? "" : "not ", only(said, 6, 6) ? "tcp" : "udp");
		s->ip |= positive;
	} else {
		say_field(s, RULES_PROTO, FIELD_IP_PROTO);
	}
	spans_free(&without);
}

/* Protocol, fragments and what is behind, as the words that imply each other. */
static void say_transport(struct saying *s)
{
	const struct spans *proto = in(s, RULES_PROTO), *frag = in(s, RULES_FRAG);
	bool tcp = only(proto, 6, 6), udp = only(proto, 17, 17);
	bool both = only(proto, 6, 17) && !tcp && !udp;
	bool icmp = (s->families == IP4 && only(proto, 1, 1)) || (s->families == IP6 && only(proto, 58, 58));
	bool ports = is_positive(s, RULES_SPORT) || is_positive(s, RULES_DPORT);
	bool flags = is_positive(s, RULES_TCP_FLAGS);
	bool types = is_positive(s, RULES_ICMP_TYPE) || is_positive(s, RULES_ICMP_CODE);

	if (!((tcp && (ports || flags)) || (udp && ports) || (both && ports) || (icmp && types)))
		say_protocol(s);
	if (!((ports || flags || types) && has_value(frag, 0) && has_value(frag, 1)))
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
	const struct spans *type = in(s, RULES_ETH_TYPE);
	struct text rest = s->text;

	if (s->families == (NOT_IP | IP4 | IP6) || (s->ip && s->families == (IP4 | IP6)) || s->address)
		return;
	if (s->families == NOT_IP && !has_value(type, 0x0800) && !has_value(type, 0x86dd))
		return;
	s->text = (struct text){ 0 };
	text_printf(&s->text, "%s%s%s", words[s->families], rest.len ? " and " : "", text_string(&rest));
	text_free(&rest);
}

static char *say(struct saying *s)
{
	say_addresses(s, CUBE_SOURCE, "ip.src");
	say_addresses(s, CUBE_DESTINATION, "ip.dst");
	say_transport(s);
	say_field(s, RULES_DSCP, FIELD_IP_DSCP);
	say_field(s, RULES_ECN, FIELD_IP_ECN);
	say_field(s, RULES_TTL, FIELD_IP_TTL);
	say_field(s, RULES_SOCKET, FIELD_SOCKET);
	s->ip |= sets_mean_ip(s);
	say_family(s);
	say_field(s, RULES_ETH_TYPE, FIELD_ETH_TYPE);
	say_macs(s, RULES_ETH_SRC);
	say_macs(s, RULES_ETH_DST);
	say_tag(s);
	say_field(s, RULES_LENGTH, FIELD_PKT_LEN);
	say_sets(s);
	say_ports(s);
	if (!s->text.len)
		text_printf(&s->text, "all packets");
	return s->text.data;
}

/* ---- cubes ------------------------------------------------------------------------ */

/* A cube without what does not matter: its spans are another's. */
struct plain {
	struct cube cube;
	bool excludes;			/* both sides do */
	bool said;
};

static unsigned int family_place(const struct cube *c)
{
	return c->family == ADDR_V4 ? 1 : c->family == ADDR_V6 ? 2 : 0;
}

static unsigned int family_bit(const struct cube *c)
{
	return 1u << family_place(c);
}

static bool has_one_of(const struct spans *spans, const struct rule_test *t)
{
	for (uint32_t i = 0; i < spans->count; i++) {
		const struct span *x = &spans->span[i];

		if (t->kind == RULE_RANGE && x->first <= t->b && t->a <= x->last)
			return true;
		for (uint32_t v = x->first; v <= x->last && t->kind == RULE_MASK; v++)
			if ((v & t->b) == t->a)
				return true;
	}
	return !spans->count;
}

/* Whether a packet of @c can be of @kind, whose tests of one field stand together. */
static bool can_be_of(const struct cube *c, const struct rule *kind)
{
	static const unsigned int families[3] = { RULE_NOT_IP, RULE_IP4, RULE_IP6 };
	bool can = kind->families & families[family_place(c)];

	for (uint32_t i = 0, field; i < kind->tests && can;) {
		field = kind->test[i].field;
		can = false;
		for (; i < kind->tests && kind->test[i].field == field; i++)
			can |= has_one_of(&c->in[CUBE_FIELD + field], &kind->test[i]);
	}
	return can;
}

static bool can_be(const struct behaviours *b, const struct cube *c)
{
	for (size_t i = 0; i < b->possible.len; i++)
		if (can_be_of(c, *(struct rule **)vec_at(&b->possible, i)))
			return true;
	return !b->possible.len;
}

/* What says nothing: fields that no packet of the cube has (0 is among their values, or there are no packets). */
static struct plain plain_of(const struct cube *c)
{
	struct plain p = { .cube = *c };

	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++)
		if (lacks(c, f) || (f == RULES_ETH_TYPE && c->family != ADDR_NONE))
			p.cube.in[CUBE_FIELD + f] = (struct spans){ 0 };
	p.excludes = excludes(c, CUBE_SOURCE) && excludes(c, CUBE_DESTINATION);
	return p;
}

/* Whether two of different families are the same but for that, and can be said at once. */
static bool alike(const struct plain *a, const struct plain *b)
{
	const struct cube *ip = a->cube.family == ADDR_NONE ? &b->cube : &a->cube;
	bool both = a->cube.family != ADDR_NONE && b->cube.family != ADDR_NONE;

	for (unsigned int f = 0; f < RULES_FIELD_COUNT; f++) {
		const struct spans *x = &a->cube.in[CUBE_FIELD + f], *y = &b->cube.in[CUBE_FIELD + f];

		if (!both && is_ip_field(f) ? !has_value(&ip->in[CUBE_FIELD + f], 0) : !spans_equal(x, y))
			return false;
	}
	return a->excludes && b->excludes;
}

/* Puts @p with those that are said, if it is alike. Return: whether it is. */
static bool take(struct saying *s, const struct plain *first, struct plain *p)
{
	unsigned int bit = family_bit(&p->cube);

	if (s->families & bit || !alike(first, p))
		return false;
	s->families |= bit;
	s->of[family_place(&p->cube)] = &p->cube;
	p->said = true;
	return true;
}

void behaviours_cubes(const struct behaviours *b, const struct vec *cubes, size_t most, struct vec *out)
{
	struct vec plain = VEC(struct plain);

	for (size_t i = 0; i < cubes->len; i++) {
		const struct cube *c = vec_at(cubes, i);
		struct plain p;

		if (!can_be(b, c))
			continue;
		p = plain_of(c);
		vec_append(&plain, &p);
	}
	for (size_t i = 0; i < plain.len; i++) {
		struct saying s = { .b = b, .most = most };
		struct plain *first = vec_at(&plain, i);
		char *text;

		if (first->said)
			continue;
		s.families = family_bit(&first->cube);
		s.of[family_place(&first->cube)] = s.cube = &first->cube;
		for (size_t k = i + 1; k < plain.len; k++) {
			struct plain *p = vec_at(&plain, k);

			if (!p->said && take(&s, first, p) && first->cube.family == ADDR_NONE) {
				s.cube = &p->cube;
				first = p;
			}
		}
		text = say(&s);
		vec_append(out, &text);
	}
	vec_free(&plain);
}
