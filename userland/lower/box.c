// SPDX-License-Identifier: GPL-2.0
#include "lower/box.h"

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/vec.h"

#define ETHERTYPE_IP4	0x0800
#define ETHERTYPE_IP6	0x86dd
#define PROTO_ICMP	1
#define PROTO_ICMP6	58

/* ---- values ---------------------------------------------------------------- */

static int compare_spans(const void *a, const void *b)
{
	const struct span *s = a, *t = b;

	return (s->first > t->first) - (s->first < t->first);
}

struct values values_make(struct arena *arena, const struct span *span, uint32_t n)
{
	struct span *out = arena_alloc(arena, n * sizeof(*out));
	uint32_t len = 0;

	if (n)
		memcpy(out, span, n * sizeof(*out));
	if (n > 1)
		qsort(out, n, sizeof(*out), compare_spans);
	for (uint32_t i = 0; i < n; i++) {
		if (len && out[i].first <= out[len - 1].last + 1) {
			if (out[i].last > out[len - 1].last)
				out[len - 1].last = out[i].last;
		} else {
			out[len++] = out[i];
		}
	}
	return (struct values){ out, len };
}

struct values values_both(struct arena *arena, struct values a, struct values b)
{
	uint32_t i = 0, j = 0, len = 0;
	struct span *out;

	if (a.len && b.len == 1 && b.span->first <= a.span->first &&
	    a.span[a.len - 1].last <= b.span->last)
		return a;
	out = arena_alloc(arena, (a.len + b.len) * sizeof(*out));
	while (i < a.len && j < b.len) {
		const struct span *s = &a.span[i], *t = &b.span[j];

		if (s->first <= t->last && t->first <= s->last)
			out[len++] = (struct span){ s->first > t->first ? s->first : t->first,
						    s->last < t->last ? s->last : t->last };
		if (s->last < t->last)
			i++;
		else
			j++;
	}
	return (struct values){ out, len };
}

static struct values all_others(struct arena *arena, struct values v)
{
	struct span *out = arena_alloc(arena, (v.len + 1) * sizeof(*out));
	uint32_t len = 0, next = 0;

	for (uint32_t i = 0; i < v.len; i++) {
		if (next < v.span[i].first)
			out[len++] = (struct span){ next, v.span[i].first - 1 };
		next = v.span[i].last + 1u;
	}
	if (next <= UINT16_MAX)
		out[len++] = (struct span){ next, UINT16_MAX };
	return (struct values){ out, len };
}

struct values values_others(struct arena *arena, struct values v, struct values universe)
{
	return values_both(arena, all_others(arena, v), universe);
}

bool values_have(struct values v, uint16_t value)
{
	for (uint32_t i = 0; i < v.len; i++)
		if (v.span[i].first <= value && value <= v.span[i].last)
			return true;
	return false;
}

static bool values_meet(struct values a, struct values b)
{
	uint32_t i = 0, j = 0;

	while (i < a.len && j < b.len) {
		if (a.span[i].last < b.span[j].first)
			i++;
		else if (b.span[j].last < a.span[i].first)
			j++;
		else
			return true;
	}
	return false;
}

bool values_within(struct values a, struct values b)
{
	uint32_t j = 0;

	for (uint32_t i = 0; i < a.len; i++) {
		while (j < b.len && b.span[j].last < a.span[i].first)
			j++;
		if (j == b.len || b.span[j].first > a.span[i].first || b.span[j].last < a.span[i].last)
			return false;
	}
	return true;
}

/* ---- who has what ------------------------------------------------------------ */

#define VALUES(...) { (const struct span[]){ __VA_ARGS__ }, \
	sizeof((const struct span[]){ __VA_ARGS__ }) / sizeof(struct span) }

static const struct {
	uint8_t families;
	struct values proto, frag, vlan;	/* len 0: any */
} presences[] = {
	[PRESENT_ALWAYS] = { .families = RULE_ALL },
	[PRESENT_TAG] = { .families = RULE_ALL, .vlan = VALUES({ RULES_TAG, RULES_TAG | 0xfff }) },
	[PRESENT_IP] = { .families = RULE_IP4 | RULE_IP6 },
	[PRESENT_L4] = { .families = RULE_IP4 | RULE_IP6, .proto = VALUES({ 6, 6 }, { 17, 17 }),
			 .frag = VALUES({ 0, 1 }) },
	[PRESENT_TCP] = { .families = RULE_IP4 | RULE_IP6, .proto = VALUES({ 6, 6 }),
			  .frag = VALUES({ 0, 1 }) },
	[PRESENT_UDP] = { .families = RULE_IP4 | RULE_IP6, .proto = VALUES({ 17, 17 }),
			  .frag = VALUES({ 0, 1 }) },
	/* And of the two the one of the family. */
	[PRESENT_ICMP] = { .families = RULE_IP4 | RULE_IP6,
			   .proto = VALUES({ PROTO_ICMP, PROTO_ICMP }, { PROTO_ICMP6, PROTO_ICMP6 }),
			   .frag = VALUES({ 0, 1 }) },
	[PRESENT_SOCKET] = { .families = RULE_IP4 | RULE_IP6, .proto = VALUES({ 6, 6 }, { 17, 17 }),
			     .frag = VALUES({ 0, 0 }) },
};

enum presence box_presence(enum rules_field field)
{
	switch (field) {
	case RULES_PCP:
		return PRESENT_TAG;
	case RULES_PROTO:
	case RULES_DSCP:
	case RULES_ECN:
	case RULES_TTL:
	case RULES_FRAG:
		return PRESENT_IP;
	case RULES_SPORT:
	case RULES_DPORT:
		return PRESENT_L4;
	case RULES_TCP_FLAGS:
		return PRESENT_TCP;
	case RULES_ICMP_TYPE:
	case RULES_ICMP_CODE:
		return PRESENT_ICMP;
	case RULES_SOCKET:
		return PRESENT_SOCKET;
	default:
		return PRESENT_ALWAYS;
	}
}

static const struct values words = VALUES({ 0, UINT16_MAX });
static const struct values universes[RULES_FIELD_COUNT] = {
	[RULES_IN] = VALUES({ 0, 1023 }),
	[RULES_VLAN] = VALUES({ 0, 0 }, { RULES_TAG, RULES_TAG | 0xfff }),
	[RULES_PCP] = VALUES({ 0, 7 }),
	[RULES_PROTO] = VALUES({ 0, UINT8_MAX }),
	[RULES_DSCP] = VALUES({ 0, 63 }),
	[RULES_ECN] = VALUES({ 0, 3 }),
	[RULES_TTL] = VALUES({ 0, UINT8_MAX }),
	[RULES_FRAG] = VALUES({ 0, 2 }),
	[RULES_TCP_FLAGS] = VALUES({ 0, UINT8_MAX }),
	[RULES_ICMP_TYPE] = VALUES({ 0, UINT8_MAX }),
	[RULES_ICMP_CODE] = VALUES({ 0, UINT8_MAX }),
	[RULES_SOCKET] = VALUES({ 0, 2 }),
};

struct values box_universe(enum rules_field field)
{
	return universes[field].len ? universes[field] : words;
}

/* The fields that only some packets have. */
#define PARTIAL (1u << RULES_PCP | 1u << RULES_PROTO | 1u << RULES_DSCP | 1u << RULES_ECN | \
	1u << RULES_TTL | 1u << RULES_FRAG | 1u << RULES_SPORT | 1u << RULES_DPORT | \
	1u << RULES_TCP_FLAGS | 1u << RULES_ICMP_TYPE | 1u << RULES_ICMP_CODE | 1u << RULES_SOCKET)

/* ---- one box ------------------------------------------------------------------- */

struct box box_any(void)
{
	return (struct box){ .families = RULE_ALL };
}

static bool tests(const struct box *box, enum rules_field field)
{
	return box->tested >> field & 1;
}

static bool may_be(const struct box *box, enum rules_field field, uint16_t value)
{
	return !tests(box, field) || values_have(box->value[field], value);
}

static bool may_be_of(const struct box *box, enum rules_field field, struct values values)
{
	return !values.len || !tests(box, field) || values_meet(box->value[field], values);
}

void box_untest(struct box *box, enum rules_field field)
{
	box->tested &= ~(1u << field);
	box->value[field] = (struct values){ NULL, 0 };
}

/* The addresses of one family that @box has on a side. */
static struct prefixes side_of(const struct box *box, enum rule_side side, uint8_t family)
{
	if (!box->address[side].prefix)
		return prefixes_all(family);
	return prefixes_of(box->address[side], family);
}

/* A family without addresses is none; sets name the box's families only; all of them is "any". */
static bool trim(struct box *box)
{
	bool all = true;

	if (!box->address[0].prefix && !box->address[1].prefix)
		return box->families;
	for (unsigned int side = 0; side < 2; side++) {
		if (!side_of(box, side, ADDR_V4).len)
			box->families &= ~RULE_IP4;
		if (!side_of(box, side, ADDR_V6).len)
			box->families &= ~RULE_IP6;
	}
	for (unsigned int side = 0; side < 2; side++) {
		struct prefixes *set = &box->address[side];

		if (!set->prefix)
			continue;
		if (!(box->families & RULE_IP4))
			*set = prefixes_of(*set, ADDR_V6);
		if (!(box->families & RULE_IP6))
			*set = prefixes_of(*set, ADDR_V4);
		all = (!(box->families & RULE_IP4) || prefixes_are_all(prefixes_of(*set, ADDR_V4))) &&
		      (!(box->families & RULE_IP6) || prefixes_are_all(prefixes_of(*set, ADDR_V6)));
		if (all)
			*set = (struct prefixes){ NULL, 0 };
	}
	return box->families;
}

bool box_families(struct box *box, uint8_t families)
{
	if (!(box->families & ~families))
		return true;
	box->families &= families;
	return trim(box);
}

bool box_addresses(struct arena *arena, struct box *box, enum rule_side side, struct prefixes set)
{
	if (!set.len) {
		box->address[0] = box->address[1] = (struct prefixes){ NULL, 0 };
		box->families &= RULE_NOT_IP;
		return box->families;
	}
	box->address[side] = box->address[side].prefix ?
			     prefixes_both(arena, box->address[side], set) : set;
	if (!box->address[side].len)
		return box_addresses(arena, box, side, box->address[side]);
	return trim(box);
}

bool box_values(struct arena *arena, struct box *box, enum rules_field field, struct values values)
{
	if (!tests(box, field)) {
		box->tested |= 1u << field;
		box->value[field] = values;
	} else if (!values_within(box->value[field], values)) {
		box->value[field] = values_both(arena, box->value[field], values);
	}
	return box->value[field].len;
}

static bool bits_within(struct bits a, struct bits b)
{
	return !(b.care & ~a.care) && !((a.want ^ b.want) & b.care);
}

/* Both of two tests of bits: in @out. */
static bool bits_both(struct bits a, struct bits b, struct bits *out)
{
	if ((a.want ^ b.want) & a.care & b.care)
		return false;
	*out = (struct bits){ a.want | b.want, a.care | b.care };
	return true;
}

/*
 * Those that another has as well go, and two that differ in one bit become one without it, until
 * nothing does. There are at most 16 bits and few tests.
 */
void box_set_bits(struct arena *arena, struct box *box, struct bits *bits, uint32_t n)
{
	struct bits *copy;

again:
	for (uint32_t i = 0; i < n; i++) {
		for (uint32_t j = 0; j < n; j++) {
			uint16_t differ = bits[i].want ^ bits[j].want;

			if (i == j)
				continue;
			if (bits_within(bits[j], bits[i])) {
				bits[j] = bits[--n];
				goto again;
			}
			if (bits[i].care == bits[j].care && !(differ & (differ - 1))) {
				bits[i].want &= ~differ;
				bits[i].care &= ~differ;
				bits[j] = bits[--n];
				goto again;
			}
		}
	}
	box->tested &= ~(1u << RULES_SETS);
	box->bits = NULL;
	box->bits_len = 0;
	if (n == 1 && !bits->care)
		return;
	copy = arena_alloc(arena, n * sizeof(*copy));
	memcpy(copy, bits, n * sizeof(*copy));
	box->tested |= 1u << RULES_SETS;
	box->bits = copy;
	box->bits_len = n;
}

static bool meet_bits(struct arena *arena, struct box *box, const struct bits *bits, uint32_t n)
{
	struct vec out = VEC(struct bits);

	if (!tests(box, RULES_SETS)) {
		box->tested |= 1u << RULES_SETS;
		box->bits = bits;
		box->bits_len = n;
		return true;
	}
	for (uint32_t i = 0; i < box->bits_len; i++) {
		for (uint32_t j = 0; j < n; j++) {
			struct bits both;

			if (bits_both(box->bits[i], bits[j], &both))
				vec_append(&out, &both);
		}
	}
	if (out.len)
		box_set_bits(arena, box, out.data, out.len);
	n = out.len;
	vec_free(&out);
	return n;
}

bool box_bits(struct arena *arena, struct box *box, struct bits bits)
{
	struct bits *copy = arena_alloc(arena, sizeof(*copy));

	*copy = bits;
	return meet_bits(arena, box, copy, 1);
}

/* ---- what fields say of each other ------------------------------------------------- */

static const struct values icmp4 = VALUES({ PROTO_ICMP, PROTO_ICMP });
static const struct values icmp6 = VALUES({ PROTO_ICMP6, PROTO_ICMP6 });

static const struct values ip4 = VALUES({ ETHERTYPE_IP4, ETHERTYPE_IP4 });
static const struct values ip6 = VALUES({ ETHERTYPE_IP6, ETHERTYPE_IP6 });
static const struct values not_ip = VALUES({ 0, ETHERTYPE_IP4 - 1 },
	{ ETHERTYPE_IP4 + 1, ETHERTYPE_IP6 - 1 }, { ETHERTYPE_IP6 + 1, UINT16_MAX });

/* Whether a packet of the box can be one that @presence is about. */
static bool can_be(const struct box *box, enum presence presence)
{
	if (!(box->families & presences[presence].families) ||
	    !may_be_of(box, RULES_PROTO, presences[presence].proto) ||
	    !may_be_of(box, RULES_FRAG, presences[presence].frag) ||
	    !may_be_of(box, RULES_VLAN, presences[presence].vlan))
		return false;
	return presence != PRESENT_ICMP ||
	       (box->families & RULE_IP4 && may_be(box, RULES_PROTO, PROTO_ICMP)) ||
	       (box->families & RULE_IP6 && may_be(box, RULES_PROTO, PROTO_ICMP6));
}

bool box_present(struct arena *arena, struct box *box, enum presence presence)
{
	struct values proto = presences[presence].proto, frag = presences[presence].frag,
		      vlan = presences[presence].vlan;
	uint8_t families = presences[presence].families;

	if (!can_be(box, presence))
		return false;
	if (presence == PRESENT_ICMP) {
		if (!may_be(box, RULES_PROTO, PROTO_ICMP))
			families &= ~RULE_IP4;
		if (!may_be(box, RULES_PROTO, PROTO_ICMP6))
			families &= ~RULE_IP6;
		if (!(box->families & families & RULE_IP4))
			proto = icmp6;
		else if (!(box->families & families & RULE_IP6))
			proto = icmp4;
	}
	return box_families(box, families) &&
	       (!proto.len || box_values(arena, box, RULES_PROTO, proto)) &&
	       (!frag.len || box_values(arena, box, RULES_FRAG, frag)) &&
	       (!vlan.len || box_values(arena, box, RULES_VLAN, vlan));
}

/*
 * The ethertype of IPv4 and the family IPv4 are the same packets, likewise IPv6; what is not IP has
 * any other. So the family alone tells of IP, and the values only of what is not.
 */
static bool settle_ethertype(struct arena *arena, struct box *box)
{
	struct values types = box->value[RULES_ETH_TYPE];
	uint8_t families = 0;

	if (values_meet(types, ip4))
		families |= RULE_IP4;
	if (values_meet(types, ip6))
		families |= RULE_IP6;
	if (values_meet(types, not_ip))
		families |= RULE_NOT_IP;
	if (!box_families(box, families))
		return false;
	if (!(box->families & RULE_NOT_IP) || values_within(not_ip, types)) {
		box_untest(box, RULES_ETH_TYPE);
		return true;
	}
	if (!(box->families & RULE_IP4))
		types = values_others(arena, ip4, types);
	if (!(box->families & RULE_IP6))
		types = values_others(arena, ip6, types);
	box->value[RULES_ETH_TYPE] = types;
	return true;
}

/* A field that not all packets have: gone, or what it demands is said. Returns whether anything is left. */
static bool settle_field(struct arena *arena, struct box *box, enum rules_field field)
{
	enum presence presence = box_presence(field);
	bool zero = values_have(box->value[field], 0);

	if (can_be(box, presence))
		return zero || box_present(arena, box, presence);
	box_untest(box, field);
	return zero;
}

/*
 * Each round makes the box say more, until it says nothing new: what a field demands
 * may be what another cannot have.
 */
bool box_settle(struct arena *arena, struct box *box)
{
	uint32_t tested;
	uint8_t families;
	const struct span *proto, *frag, *vlan;

	if (tests(box, RULES_ETH_TYPE) && !settle_ethertype(arena, box))
		return false;
	do {
		tested = box->tested;
		families = box->families;
		proto = box->value[RULES_PROTO].span;
		frag = box->value[RULES_FRAG].span;
		vlan = box->value[RULES_VLAN].span;
		for (uint32_t left = box->tested & PARTIAL; left; left &= left - 1)
			if (!settle_field(arena, box, __builtin_ctz(left)))
				return false;
	} while (tested != box->tested || families != box->families ||
		 proto != box->value[RULES_PROTO].span || frag != box->value[RULES_FRAG].span ||
		 vlan != box->value[RULES_VLAN].span);
	/* The family may have become one that the ethertype tells more of. */
	return !tests(box, RULES_ETH_TYPE) || settle_ethertype(arena, box);
}

static const void *keep(struct arena *arena, const void *bytes, size_t n)
{
	return n ? memcpy(arena_alloc(arena, n), bytes, n) : NULL;
}

struct box box_keep(struct arena *arena, const struct box *box)
{
	struct box copy = *box;

	for (unsigned int side = 0; side < 2; side++)
		copy.address[side].prefix = keep(arena, box->address[side].prefix,
						 box->address[side].len * sizeof(struct prefix));
	for (uint32_t left = box->tested & ~(1u << RULES_SETS); left; left &= left - 1) {
		struct values *v = &copy.value[__builtin_ctz(left)];

		v->span = keep(arena, v->span, v->len * sizeof(*v->span));
	}
	copy.bits = keep(arena, box->bits, box->bits_len * sizeof(*box->bits));
	return copy;
}

/* ---- two boxes ------------------------------------------------------------------------ */

static bool bits_meet(const struct box *a, const struct box *b)
{
	struct bits both;

	for (uint32_t i = 0; i < a->bits_len; i++)
		for (uint32_t j = 0; j < b->bits_len; j++)
			if (bits_both(a->bits[i], b->bits[j], &both))
				return true;
	return false;
}

static bool family_meets(const struct box *a, const struct box *b, uint8_t family)
{
	for (unsigned int side = 0; side < 2; side++)
		if (a->address[side].prefix && b->address[side].prefix &&
		    !prefixes_meet(prefixes_of(a->address[side], family),
				   prefixes_of(b->address[side], family)))
			return false;
	return true;
}

bool box_meets(const struct box *a, const struct box *b)
{
	uint8_t families = a->families & b->families;

	for (uint32_t left = a->tested & b->tested; left; left &= left - 1) {
		unsigned int field = __builtin_ctz(left);

		if (field == RULES_SETS ? !bits_meet(a, b) :
		    !values_meet(a->value[field], b->value[field]))
			return false;
	}
	return (families & RULE_NOT_IP) || (families & RULE_IP4 && family_meets(a, b, ADDR_V4)) ||
	       (families & RULE_IP6 && family_meets(a, b, ADDR_V6));
}

bool box_both(struct arena *arena, const struct box *a, const struct box *b, struct box *out)
{
	struct box both;

	if (!box_meets(a, b))
		return false;
	both = *a;
	if (!box_families(&both, b->families))
		return false;
	for (unsigned int side = 0; side < 2; side++)
		if (b->address[side].prefix &&
		    !box_addresses(arena, &both, side, b->address[side]))
			return false;
	for (uint32_t left = b->tested; left; left &= left - 1) {
		unsigned int field = __builtin_ctz(left);

		if (field == RULES_SETS ? !meet_bits(arena, &both, b->bits, b->bits_len) :
		    !box_values(arena, &both, field, b->value[field]))
			return false;
	}
	if (!box_settle(arena, &both))
		return false;
	*out = both;
	return true;
}

static bool box_bits_within(const struct box *a, const struct box *b)
{
	for (uint32_t i = 0; i < a->bits_len; i++) {
		uint32_t j = 0;

		while (j < b->bits_len && !bits_within(a->bits[i], b->bits[j]))
			j++;
		if (j == b->bits_len)
			return false;
	}
	return true;
}

bool box_within(const struct box *a, const struct box *b)
{
	if (a->families & ~b->families || b->tested & ~a->tested)
		return false;
	for (unsigned int side = 0; side < 2; side++) {
		if (!b->address[side].prefix)
			continue;
		if (a->families & RULE_IP4 && !prefixes_within(side_of(a, side, ADDR_V4),
							       side_of(b, side, ADDR_V4)))
			return false;
		if (a->families & RULE_IP6 && !prefixes_within(side_of(a, side, ADDR_V6),
							       side_of(b, side, ADDR_V6)))
			return false;
	}
	for (uint32_t left = b->tested; left; left &= left - 1) {
		unsigned int field = __builtin_ctz(left);

		if (field == RULES_SETS ? !box_bits_within(a, b) :
		    !values_within(a->value[field], b->value[field]))
			return false;
	}
	return true;
}

/* ---- as rules ---------------------------------------------------------------------------- */

/* Whether the values of one byte are those with certain bits as wanted: then one test says it. */
static bool as_mask(struct values v, struct rule_test *test)
{
	unsigned int all = UINT8_MAX, some = 0, count = 0;

	for (uint32_t i = 0; i < v.len; i++) {
		unsigned int first = v.span[i].first, last = v.span[i].last;
		/* From the highest bit on that is not the same in all of a span, each is 0 in some and 1 in others. */
		unsigned int differ = first == last ? 0 : (2u << (31 - __builtin_clz(first ^ last))) - 1;

		all &= first & ~differ;
		some |= last | differ;
		count += last - first + 1;
	}
	test->b = UINT8_MAX & ~(all ^ some);
	test->a = all;
	test->kind = RULE_MASK;
	return v.len > 1 && count << __builtin_popcount(test->b) == UINT8_MAX + 1;
}

static void add_tests(const struct box *box, struct vec *out)
{
	for (uint32_t left = box->tested; left; left &= left - 1) {
		unsigned int field = __builtin_ctz(left);
		struct rule_test test = { .field = field };

		if (field == RULES_SETS) {
			for (uint32_t i = 0; i < box->bits_len; i++) {
				test.kind = RULE_MASK;
				test.a = box->bits[i].want;
				test.b = box->bits[i].care;
				vec_append(out, &test);
			}
		} else if (field == RULES_TCP_FLAGS && as_mask(box->value[field], &test)) {
			vec_append(out, &test);
		} else {
			for (uint32_t i = 0; i < box->value[field].len; i++) {
				test.kind = RULE_RANGE;
				test.a = box->value[field].span[i].first;
				test.b = box->value[field].span[i].last;
				vec_append(out, &test);
			}
		}
	}
}

static void add_rule(struct rule_list *list, const struct rule *rule)
{
	int err = rule_list_add(list, rule);

	/* Ours to get right. */
	if (err)
		abort();
}

void box_rules(const struct box *box, const struct rule *like, struct vec *tests,
	       struct rule_list *list)
{
	struct rule rule = { .families = box->families, .action = like->action,
			     .place = like->place };

	tests->len = 0;
	add_tests(box, tests);
	rule.tests = tests->len;
	rule.test = tests->data;
	/* A rule that names addresses is met by no packet that has none. */
	if (box->families & RULE_NOT_IP && (box->address[0].prefix || box->address[1].prefix)) {
		rule.families = RULE_NOT_IP;
		add_rule(list, &rule);
		rule.families = box->families & ~RULE_NOT_IP;
	}
	for (unsigned int side = 0; side < 2; side++) {
		rule.prefixes[side] = box->address[side].prefix ? box->address[side].len : 0;
		rule.prefix[side] = box->address[side].prefix;
	}
	add_rule(list, &rule);
}
