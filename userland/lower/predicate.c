// SPDX-License-Identifier: GPL-2.0
/*
 * predicate.c: a predicate as a union of boxes.
 *
 * "not" is pushed down to the tests on the way (not (a and b) is not a or not b), so that
 * there are only unions, products and tests. A union is the boxes of its parts one behind the
 * other; a product is every box of one part with every box of the other, where they meet.
 * Products multiply: after each the boxes are simplified, and there is a limit.
 *
 * A test is a box, or few. A packet that lacks a field has 0 there, and meets no test of it:
 *	tcp.dst == 22		protocol 6, fragment none or first, l4.dst 22
 *	not (tcp.dst == 22)	l4.dst anything but 22 (what lacks ports has 0), or protocol not 6
 *	not (tcp.dst == 0)	l4.dst anything but 0, or protocol not 6, or a later fragment
 *	not (ip.src == P)	addresses but P, of both families, or not IP
 *	icmp.type == 8		protocol 1 of IPv4 or 58 of IPv6 ..., icmp.type 8
 */
#include "lower/predicate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/diag.h"
#include "lower/lower.h"
#include "policy/field.h"
#include "policy/tree.h"

/* What may be taken on the way: pairs of boxes tried, for all predicates; bytes of sets, for one. */
#define PAIRS_MAX	((size_t)1 << 24)
#define BYTES_MAX	((size_t)1 << 29)

static const struct {
	enum rules_field field;
	enum presence presence;
} fields[FIELD_COUNT] = {
	[FIELD_IN] =		{ RULES_IN,		PRESENT_ALWAYS },
	[FIELD_ETH_SRC] =	{ RULES_ETH_SRC,	PRESENT_ALWAYS },
	[FIELD_ETH_DST] =	{ RULES_ETH_DST,	PRESENT_ALWAYS },
	[FIELD_ETH_TYPE] =	{ RULES_ETH_TYPE,	PRESENT_ALWAYS },
	[FIELD_VLAN_ID] =	{ RULES_VLAN,		PRESENT_TAG },
	[FIELD_VLAN_PCP] =	{ RULES_PCP,		PRESENT_TAG },
	[FIELD_IP_SRC] =	{ RULES_FIELD_COUNT,	PRESENT_IP },
	[FIELD_IP_DST] =	{ RULES_FIELD_COUNT,	PRESENT_IP },
	[FIELD_IP_PROTO] =	{ RULES_PROTO,		PRESENT_IP },
	[FIELD_IP_DSCP] =	{ RULES_DSCP,		PRESENT_IP },
	[FIELD_IP_ECN] =	{ RULES_ECN,		PRESENT_IP },
	[FIELD_IP_TTL] =	{ RULES_TTL,		PRESENT_IP },
	[FIELD_IP_FRAG] =	{ RULES_FRAG,		PRESENT_IP },
	[FIELD_L4_SRC] =	{ RULES_SPORT,		PRESENT_L4 },
	[FIELD_L4_DST] =	{ RULES_DPORT,		PRESENT_L4 },
	[FIELD_TCP_SRC] =	{ RULES_SPORT,		PRESENT_TCP },
	[FIELD_TCP_DST] =	{ RULES_DPORT,		PRESENT_TCP },
	[FIELD_UDP_SRC] =	{ RULES_SPORT,		PRESENT_UDP },
	[FIELD_UDP_DST] =	{ RULES_DPORT,		PRESENT_UDP },
	[FIELD_TCP_FLAGS] =	{ RULES_TCP_FLAGS,	PRESENT_TCP },
	[FIELD_ICMP_TYPE] =	{ RULES_ICMP_TYPE,	PRESENT_ICMP },
	[FIELD_ICMP_CODE] =	{ RULES_ICMP_CODE,	PRESENT_ICMP },
	[FIELD_PKT_LEN] =	{ RULES_LENGTH,		PRESENT_ALWAYS },
	[FIELD_SOCKET] =	{ RULES_SOCKET,		PRESENT_SOCKET },
};

void lowering_init(struct lowering *l, const struct policy *policy, struct lower_names *names,
		   struct diags *diags)
{
	struct span *span = xcalloc(names->ports + 1, sizeof(*span));
	struct arena scratch = { 0 };
	struct values ports;

	for (size_t i = 0; i < names->ports; i++)
		span[i].first = span[i].last = names->port[i];
	ports = values_make(&scratch, span, names->ports);
	if (ports.len)
		memcpy(span, ports.span, ports.len * sizeof(*span));
	arena_free(&scratch);
	*l = (struct lowering){ .policy = policy, .names = names, .ports = { span, ports.len },
				.diags = diags, .product = VEC(struct box),
				.tests = VEC(struct rule_test) };
}

void lowering_free(struct lowering *l)
{
	free((void *)l->ports.span);
	vec_free(&l->product);
	vec_free(&l->tests);
	arena_free(&l->arena);
}

/* ---- packets without a field ----------------------------------------------------- */

static void add_without(struct lowering *l, const struct box *within, uint8_t families,
			enum rules_field field, struct values but, struct vec *out)
{
	struct box box = *within;

	if (box_families(&box, families) &&
	    (!but.len || box_values(&l->arena, &box, field,
				    values_others(&l->arena, but, box_universe(field)))) &&
	    box_settle(&l->arena, &box))
		vec_append(out, &box);
}

/* The packets of @within that are not what @presence is about. */
static void add_absent(struct lowering *l, const struct box *within, enum presence presence,
		       struct vec *out)
{
	static const struct span tcp = { 6, 6 }, udp = { 17, 17 }, both[] = { { 6, 6 }, { 17, 17 } };
	static const struct span icmp = { 1, 1 }, icmp6 = { 58, 58 };
	static const struct span early = { 0, 1 }, whole = { 0, 0 }, tag = { RULES_TAG, RULES_TAG | 0xfff };
	static const struct values none = { NULL, 0 };

	switch (presence) {
	case PRESENT_ALWAYS:
		return;
	case PRESENT_TAG:
		add_without(l, within, RULE_ALL, RULES_VLAN, (struct values){ &tag, 1 }, out);
		return;
	case PRESENT_IP:
		add_without(l, within, RULE_NOT_IP, RULES_PROTO, none, out);
		return;
	case PRESENT_L4:
		add_without(l, within, RULE_ALL, RULES_PROTO, (struct values){ both, 2 }, out);
		break;
	case PRESENT_TCP:
		add_without(l, within, RULE_ALL, RULES_PROTO, (struct values){ &tcp, 1 }, out);
		break;
	case PRESENT_UDP:
		add_without(l, within, RULE_ALL, RULES_PROTO, (struct values){ &udp, 1 }, out);
		break;
	case PRESENT_ICMP:
		add_without(l, within, RULE_ALL & ~RULE_IP6, RULES_PROTO, (struct values){ &icmp, 1 }, out);
		add_without(l, within, RULE_IP6, RULES_PROTO, (struct values){ &icmp6, 1 }, out);
		break;
	case PRESENT_SOCKET:
		add_without(l, within, RULE_ALL, RULES_PROTO, (struct values){ both, 2 }, out);
		add_without(l, within, RULE_ALL, RULES_FRAG, (struct values){ &whole, 1 }, out);
		return;
	}
	add_without(l, within, RULE_ALL, RULES_FRAG, (struct values){ &early, 1 }, out);
}

/* ---- tests -------------------------------------------------------------------------- */

static int too_large(struct lowering *l, struct place place, const char *what)
{
	diag_error(l->diags, place, "%s", what);
	diag_hint(l->diags, "write it as several rules, or as a set");
	return -E2BIG;
}

static bool is_of_addresses(const struct policy_predicate *p)
{
	return p->field == FIELD_IP_SRC || p->field == FIELD_IP_DST;
}

/* Return: whether anything is left of @box. */
static bool meet_addresses(struct lowering *l, const struct policy_predicate *p, bool negate, struct box *box)
{
	enum rule_side side = p->field == FIELD_IP_SRC ? RULE_SOURCE : RULE_DESTINATION;
	struct prefixes set = prefixes_make(&l->arena, p->prefixes.data, p->prefixes.len);

	if (p->unequal != negate)
		set = prefixes_others(&l->arena, set);
	return (negate || box_families(box, RULE_IP4 | RULE_IP6)) &&
	       box_addresses(&l->arena, box, side, set) && box_settle(&l->arena, box);
}

static void add_addresses(struct lowering *l, const struct policy_predicate *p, bool negate,
			  const struct box *within, struct vec *out)
{
	struct box box = *within;

	if (meet_addresses(l, p, negate, &box))
		vec_append(out, &box);
}

/* The number of an address of the link layer; 0: there is none left. */
static uint16_t mac_number(struct lower_names *names, uint64_t address)
{
	struct lower_mac mac;
	uint16_t *number;
	bool fresh;

	for (unsigned int i = 0; i < 6; i++)
		mac.address[i] = address >> (40 - 8 * i);
	number = table_get(&names->mac_numbers, &mac);
	if (number)
		return *number;
	if (names->macs.len == UINT16_MAX)
		return 0;
	vec_append(&names->macs, &mac);
	number = table_put(&names->mac_numbers, &mac, &fresh);
	*number = names->macs.len;
	return *number;
}

/*
 * Each address that is asked for has a number. Of a test and its complement the smaller one says
 * which those are: "anything but A" asks for A.
 */
static int mac_values(struct lowering *l, const struct policy_predicate *p, struct values *values)
{
	const uint64_t all = 1ull << 48;
	struct vec others = VEC(struct range), span = VEC(struct span);
	const struct vec *asked = &p->ranges;
	uint64_t count = 0;
	int err = -E2BIG;

	for (size_t i = 0; i < p->ranges.len; i++) {
		const struct range *range = vec_at(&p->ranges, i);

		count += range->last - range->first + 1;
	}
	ranges_others(p->ranges.data, p->ranges.len, all - 1, &others);
	if (count > all / 2) {
		asked = &others;
		count = all - count;
	}
	if (count > UINT16_MAX)
		goto out;
	for (size_t i = 0; i < asked->len; i++) {
		const struct range *range = vec_at(asked, i);

		for (uint64_t a = range->first; a <= range->last; a++) {
			uint16_t number = mac_number(l->names, a);

			if (!number)
				goto out;
			vec_append(&span, &(struct span){ number, number });
		}
	}
	*values = values_make(&l->arena, span.data, span.len);
	if (asked == &others)
		*values = values_others(&l->arena, *values, box_universe(fields[p->field].field));
	err = 0;
out:
	vec_free(&others);
	vec_free(&span);
	if (!err)
		return 0;
	diag_error(l->diags, p->place, "more than %u link-layer addresses are asked for", UINT16_MAX);
	diag_hint(l->diags, "%s is compared with a list of addresses: a mask stands for all that meet it, "
		  "ff:ff:ff:ff:ff:00 for 256", policy_field_name(p->field));
	return err;
}

/* Ports are numbered anew. */
static struct values port_values(struct lowering *l, const struct policy_predicate *p)
{
	struct vec span = VEC(struct span);
	struct values values;

	for (size_t i = 0; i < p->ranges.len; i++) {
		const struct range *range = vec_at(&p->ranges, i);

		for (uint64_t n = range->first; n <= range->last && n < l->names->ports; n++)
			vec_append(&span, &(struct span){ l->names->port[n], l->names->port[n] });
	}
	values = values_make(&l->arena, span.data, span.len);
	vec_free(&span);
	return values;
}

/* The values that a test allows, as rule lists number them. */
static int test_values(struct lowering *l, const struct policy_predicate *p, struct values *values)
{
	uint16_t tag = p->field == FIELD_VLAN_ID ? RULES_TAG : 0;
	const struct range *range = p->ranges.data;
	struct span *span;

	if (p->field == FIELD_ETH_SRC || p->field == FIELD_ETH_DST)
		return mac_values(l, p, values);
	if (p->field == FIELD_IN) {
		*values = port_values(l, p);
		return 0;
	}
	/* Sorted and apart from each other, as values are. */
	span = arena_alloc(&l->arena, p->ranges.len * sizeof(*span));
	for (size_t i = 0; i < p->ranges.len; i++)
		span[i] = (struct span){ range[i].first | tag, range[i].last | tag };
	*values = (struct values){ span, p->ranges.len };
	return 0;
}

/* @values: not empty. Return: whether anything is left of @box. */
static bool meet_values(struct lowering *l, enum rules_field field, struct values values,
			struct values universe, struct box *box)
{
	return (values_within(universe, values) || box_values(&l->arena, box, field, values)) &&
	       box_settle(&l->arena, box);
}

/* Whether the test, not negated, leaves of one box one at most. */
static bool makes_one_box(const struct policy_predicate *p)
{
	return p->kind == PREDICATE_TEST && fields[p->field].presence != PRESENT_ICMP;
}

/*
 * Such a test: what of @box meets it, in place.
 * Return: 1: something is left, 0: nothing; -E2BIG is told.
 */
static int meet_test(struct lowering *l, const struct policy_predicate *p, struct box *box)
{
	enum rules_field field = fields[p->field].field;
	struct values universe, values;
	int err;

	if (is_of_addresses(p))
		return meet_addresses(l, p, false, box);
	err = test_values(l, p, &values);
	if (err)
		return err;
	universe = p->field == FIELD_IN ? l->ports : box_universe(field);
	values = values_both(&l->arena, values, universe);
	return box_present(&l->arena, box, fields[p->field].presence) && values.len &&
	       meet_values(l, field, values, universe, box);
}

static int add_test(struct lowering *l, const struct policy_predicate *p, bool negate,
		    const struct box *within, struct vec *out)
{
	enum rules_field field = fields[p->field].field;
	enum presence presence = fields[p->field].presence;
	struct values universe = p->field == FIELD_IN ? l->ports : box_universe(field);
	struct values values;
	struct box box = *within;
	bool zero;
	int err = test_values(l, p, &values);

	if (err)
		return err;
	zero = values_have(values, 0);
	if (negate) {
		values = values_others(&l->arena, values, universe);
		/* What lacks the field, beside those that have 0 for that. */
		if (presence != box_presence(field) && presence != PRESENT_TAG && !zero)
			add_without(l, within, RULE_ALL, RULES_PROTO, presence == PRESENT_TCP ?
				    (struct values){ &(const struct span){ 6, 6 }, 1 } :
				    (struct values){ &(const struct span){ 17, 17 }, 1 }, out);
		else if (zero)
			add_absent(l, within, presence, out);
	} else {
		values = values_both(&l->arena, values, universe);
		if (presence == PRESENT_ICMP && zero) {
			/* Which protocol it is, the family says: a box each. */
			struct box v6 = box;

			if (box_families(&v6, RULE_IP6) && box_present(&l->arena, &v6, presence) &&
			    box_values(&l->arena, &v6, field, values) && box_settle(&l->arena, &v6))
				vec_append(out, &v6);
			if (!box_families(&box, RULE_IP4))
				return 0;
		}
		if (!box_present(&l->arena, &box, presence))
			return 0;
	}
	if (values.len && meet_values(l, field, values, universe, &box))
		vec_append(out, &box);
	return 0;
}

static void add_set(struct lowering *l, const struct policy_predicate *p, bool negate,
		    const struct box *within, struct vec *out)
{
	uint16_t bit = 1u << p->set_test;
	enum presence presence = fields[p->field].presence;
	struct box box = *within;

	/* The set is asked for the port of either protocol. */
	if (negate && (presence == PRESENT_TCP || presence == PRESENT_UDP))
		add_absent(l, within, presence, out);
	if ((negate || box_present(&l->arena, &box, presence)) &&
	    box_bits(&l->arena, &box, (struct bits){ negate ? 0 : bit, bit }) &&
	    box_settle(&l->arena, &box))
		vec_append(out, &box);
}

/* ---- unions and products -------------------------------------------------------------- */

static int add_union(struct lowering *l, const struct policy_predicate *p, bool negate,
		     const struct box *within, struct vec *out);

/* Fields in an order such that what demands another comes before it: then that makes no box of its own. */
static const uint8_t in_order[] = {
	RULES_SPORT, RULES_DPORT, RULES_TCP_FLAGS, RULES_ICMP_TYPE, RULES_ICMP_CODE, RULES_SOCKET,
	RULES_PCP, RULES_IN, RULES_ETH_SRC, RULES_ETH_DST, RULES_DSCP, RULES_ECN, RULES_TTL,
	RULES_LENGTH, RULES_PROTO, RULES_FRAG, RULES_VLAN, RULES_ETH_TYPE,
};

static void add_settled(struct lowering *l, bool there, struct box *box, struct vec *out)
{
	if (there && box_settle(&l->arena, box))
		vec_append(out, box);
}

/*
 * What of @box is not in @but, as boxes that do not overlap: those that differ in the first thing
 * that @but asks, those that agree in it and differ in the second, and so on.
 */
static void subtract(struct lowering *l, const struct box *box, const struct box *but, struct vec *out)
{
	struct box rest = *box, other;

	if (!box_meets(box, but)) {
		vec_append(out, box);
		return;
	}
	for (unsigned int side = 0; side < 2; side++) {
		if (!but->address[side].prefix)
			continue;
		other = rest;
		/* What is not IP has no address to differ in: it goes with the rest, if @but has it at all. */
		add_settled(l, box_families(&other, but->families & RULE_NOT_IP ? RULE_IP4 | RULE_IP6 :
					    RULE_ALL) &&
			    box_addresses(&l->arena, &other, side,
					  prefixes_others(&l->arena, but->address[side])),
			    &other, out);
		if (!box_addresses(&l->arena, &rest, side, but->address[side]) ||
		    !box_families(&rest, RULE_IP4 | RULE_IP6 | (but->families & RULE_NOT_IP)))
			return;
	}
	for (size_t i = 0; i < sizeof(in_order); i++) {
		enum rules_field field = in_order[i];
		struct values universe = field == RULES_IN ? l->ports : box_universe(field);

		if (!(but->tested >> field & 1))
			continue;
		other = rest;
		add_settled(l, box_values(&l->arena, &other, field,
					  values_others(&l->arena, but->value[field], universe)),
			    &other, out);
		if (!box_values(&l->arena, &rest, field, but->value[field]) ||
		    !box_settle(&l->arena, &rest))
			return;
	}
	for (unsigned int bit = 0; but->bits_len && bit < 16; bit++) {
		uint16_t care = 1u << bit;

		if (!(but->bits->care & care))
			continue;
		other = rest;
		add_settled(l, box_bits(&l->arena, &other,
					(struct bits){ ~but->bits->want & care, care }), &other, out);
		if (!box_bits(&l->arena, &rest, (struct bits){ but->bits->want & care, care }))
			return;
	}
	other = rest;
	add_settled(l, box_families(&other, RULE_ALL & ~but->families), &other, out);
}

/*
 * "and not (a and b)": the boxes of (a and b) are taken out of @current one by one. As a product of
 * unions, n of these would come to 2^n boxes that overlap; of those that do not, there are few.
 * Return: 1: not this way.
 */
static int take_out(struct lowering *l, const struct policy_predicate *p, struct vec *current)
{
	struct vec out = VEC(struct box);
	const struct box any = box_any();
	int err = add_union(l, p, false, &any, &out);
	struct vec taken = out;

	if (err) {
		vec_free(&taken);
		return err;
	}
	boxes_simplify(&l->arena, &taken);
	for (size_t i = 0; i < taken.len && !err; i++)
		err = ((struct box *)vec_at(&taken, i))->bits_len > 1;
	for (size_t i = 0; i < taken.len && !err; i++) {
		out = VEC(struct box);
		l->pairs += current->len;
		for (size_t k = 0; k < current->len; k++)
			subtract(l, vec_at(current, k), vec_at(&taken, i), &out);
		vec_free(current);
		*current = out;
		if (current->len > LOWER_BOXES_MAX || l->arena.bytes > BYTES_MAX || l->pairs > PAIRS_MAX)
			err = too_large(l, p->place,
					"together with the rest of the predicate this comes to too many cases");
	}
	vec_free(&taken);
	return err;
}

/* One box so far, and it stays one at most: most rules are nothing else. */
static int narrow_in_place(struct lowering *l, const struct policy_predicate *p, struct vec *current)
{
	int left = meet_test(l, p, vec_at(current, 0));

	if (left < 0)
		return left;
	current->len = left;
	return l->arena.bytes > BYTES_MAX ? too_large(l, p->place, "this comes to too many cases") : 0;
}

/* One box so far: the part is lowered within it. What was @current is room for the next one. */
static int narrow(struct lowering *l, const struct policy_predicate *p, bool negate,
		  struct vec *current)
{
	struct vec product = l->product, room;
	int err;

	product.len = 0;
	l->product = VEC(struct box);
	err = add_union(l, p, negate, vec_at(current, 0), &product);
	if (!err)
		boxes_simplify(&l->arena, &product);
	room = err ? product : *current;
	if (!err)
		*current = product;
	vec_free(&l->product);
	l->product = room;
	return err;
}

/* @current becomes what is in it and in the boxes of @p. */
static int multiply(struct lowering *l, const struct policy_predicate *p, bool negate,
		    struct vec *current)
{
	struct vec part = VEC(struct box), product = VEC(struct box);
	struct box any;
	int err;

	if (current->len == 1 && !negate && makes_one_box(p))
		return narrow_in_place(l, p, current);
	err = negate && p->kind == PREDICATE_AND ? take_out(l, p, current) : 1;
	if (err <= 0)
		return err;
	if (current->len == 1)
		return narrow(l, p, negate, current);
	any = box_any();
	err = add_union(l, p, negate, &any, &part);
	if (err)
		goto out;
	boxes_simplify(&l->arena, &part);
	l->pairs += current->len * part.len;
	if (l->pairs > PAIRS_MAX) {
		err = too_large(l, p->place, "together with the rest of the predicate this comes to too many cases");
		goto out;
	}
	for (size_t i = 0; i < current->len; i++) {
		for (size_t j = 0; j < part.len; j++) {
			struct box both;

			if (!box_both(&l->arena, vec_at(current, i), vec_at(&part, j), &both))
				continue;
			vec_append(&product, &both);
			if (product.len > LOWER_BOXES_MAX || l->arena.bytes > BYTES_MAX) {
				err = too_large(l, p->place,
						"together with the rest of the predicate this comes to too many cases");
				goto out;
			}
		}
	}
out:
	vec_free(&part);
	if (err) {
		vec_free(&product);
		return err;
	}
	vec_free(current);
	boxes_simplify(&l->arena, &product);
	*current = product;
	return 0;
}

/* The parts of nested products, one by one: tests first, as they only narrow. */
static int multiply_parts(struct lowering *l, const struct policy_predicate *p, bool negate,
			  bool tests, struct vec *current)
{
	const struct policy_predicate *q = p;
	bool turned = negate;
	int err;

	while (q->kind == PREDICATE_NOT || q->kind == PREDICATE_NAME) {
		turned ^= q->kind == PREDICATE_NOT;
		q = q->left;
	}
	if (q->kind == (turned ? PREDICATE_OR : PREDICATE_AND)) {
		err = multiply_parts(l, q->left, turned, tests, current);
		return err ? err : multiply_parts(l, q->right, turned, tests, current);
	}
	if ((q->kind == PREDICATE_TEST || q->kind == PREDICATE_SET) != tests || !current->len)
		return 0;
	return multiply(l, q, turned, current);
}

static int add_union(struct lowering *l, const struct policy_predicate *p, bool negate,
		     const struct box *within, struct vec *out)
{
	struct vec product = VEC(struct box);
	int err;

	switch (p->kind) {
	case PREDICATE_NONE:
		return 0;
	case PREDICATE_NOT:
		return add_union(l, p->left, !negate, within, out);
	case PREDICATE_NAME:
		return add_union(l, p->left, negate, within, out);
	case PREDICATE_SET:
		add_set(l, p, negate, within, out);
		return 0;
	case PREDICATE_TEST:
		if (!is_of_addresses(p)) {
			err = add_test(l, p, negate, within, out);
		} else {
			add_addresses(l, p, negate, within, out);
			err = 0;
		}
		break;
	case PREDICATE_AND:
	case PREDICATE_OR:
		if ((p->kind == PREDICATE_OR) != negate) {
			err = add_union(l, p->left, negate, within, out);
			if (!err)
				err = add_union(l, p->right, negate, within, out);
			break;
		}
		vec_reserve(&product, 1);
		vec_append(&product, within);
		err = multiply_parts(l, p, negate, true, &product);
		if (!err)
			err = multiply_parts(l, p, negate, false, &product);
		for (size_t i = 0; i < product.len && !err; i++)
			vec_append(out, vec_at(&product, i));
		vec_free(&product);
		break;
	default:
		return 0;
	}
	if (err)
		return err;
	if (out->len > LOWER_BOXES_MAX * 4 || l->arena.bytes > BYTES_MAX)
		return too_large(l, p->place, "this comes to too many cases");
	return 0;
}

int predicate_boxes(struct lowering *l, const struct policy_predicate *predicate, bool negate,
		    const struct box *within, struct vec *boxes)
{
	int err;

	if (!predicate) {
		if (!negate)
			vec_append(boxes, within);
		return 0;
	}
	err = add_union(l, predicate, negate, within, boxes);
	if (err)
		return err;
	boxes_simplify(&l->arena, boxes);
	if (boxes->len > LOWER_BOXES_MAX)
		return too_large(l, predicate->place, "this comes to too many cases");
	return 0;
}
