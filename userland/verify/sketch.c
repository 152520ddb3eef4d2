// SPDX-License-Identifier: GPL-2.0
#include "verify/sketch.h"

#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/tree.h"
#include "verify/tests.h"

/* A test that must hold, or must not. */
struct literal {
	const struct policy_predicate *test;
	bool holds;
};

/* Literals that must be so together. */
struct way {
	struct vec literals;
};

/* ---- the ways in which a predicate holds -------------------------------------------- */

static void ways_free(struct vec *ways)
{
	for (size_t i = 0; i < ways->len; i++)
		vec_free(&((struct way *)vec_at(ways, i))->literals);
	vec_free(ways);
}

static struct way *add_way(struct vec *ways)
{
	struct way *w = vec_push(ways);

	w->literals = VEC(struct literal);
	return w;
}

static void copy_literals(struct way *to, const struct way *from)
{
	for (size_t i = 0; i < from->literals.len; i++)
		vec_append(&to->literals, vec_at(&from->literals, i));
}

static void find_ways(const struct policy_predicate *p, bool holds, struct vec *ways);

static void all_of(const struct policy_predicate *p, bool holds, struct vec *ways)
{
	struct vec left = VEC(struct way), right = VEC(struct way);

	find_ways(p->left, holds, &left);
	find_ways(p->right, holds, &right);
	for (size_t i = 0; i < left.len; i++) {
		for (size_t j = 0; j < right.len && ways->len < SKETCHES_MAX; j++) {
			struct way *w = add_way(ways);

			copy_literals(w, vec_at(&left, i));
			copy_literals(w, vec_at(&right, j));
		}
	}
	ways_free(&left);
	ways_free(&right);
}

static void one_of(const struct policy_predicate *p, bool holds, struct vec *ways)
{
	find_ways(p->left, holds, ways);
	if (ways->len < SKETCHES_MAX)
		find_ways(p->right, holds, ways);
}

static void find_ways(const struct policy_predicate *p, bool holds, struct vec *ways)
{
	switch (p->kind) {
	case PREDICATE_AND:
		(holds ? all_of : one_of)(p, holds, ways);
		break;
	case PREDICATE_OR:
		(holds ? one_of : all_of)(p, holds, ways);
		break;
	case PREDICATE_NOT:
		find_ways(p->left, !holds, ways);
		break;
	case PREDICATE_NAME:
		find_ways(p->left, holds, ways);
		break;
	case PREDICATE_TEST:
	case PREDICATE_SET:
		*(struct literal *)vec_push(&add_way(ways)->literals) = (struct literal){ p, holds };
		break;
	case PREDICATE_NONE:
		break;
	}
}

/* ---- what is left of the fields ---------------------------------------------------------- */

static void narrow_to(struct sketch *s, enum policy_field field, const struct vec *to)
{
	const struct range *b = to->data;
	struct vec *left = &s->left[field], both = VEC(struct range);
	const struct range *a = left->data;

	if (!(s->fields >> field & 1)) {
		s->fields |= 1ull << field;
		for (size_t i = 0; i < to->len; i++)
			vec_append(left, &b[i]);
		s->empty |= !to->len;
		return;
	}
	for (size_t i = 0, j = 0; i < left->len && j < to->len;) {
		struct range r = {
			a[i].first > b[j].first ? a[i].first : b[j].first,
			a[i].last < b[j].last ? a[i].last : b[j].last,
		};

		if (r.first <= r.last)
			vec_append(&both, &r);
		if (a[i].last < b[j].last)
			i++;
		else
			j++;
	}
	vec_free(left);
	*left = both;
	s->empty |= !both.len;
}

static void narrow_numbers(struct sketch *s, enum policy_field field, uint64_t first, uint64_t last)
{
	struct range r = { first, last };
	struct vec one = VEC(struct range);

	vec_append(&one, &r);
	narrow_to(s, field, &one);
	vec_free(&one);
}

/* All but these. */
static void narrow_without(struct sketch *s, enum policy_field field, const struct vec *without)
{
	struct vec rest = VEC(struct range);
	uint64_t last = (1ull << policy_field_bits(field)) - 1, next = 0;

	for (size_t i = 0; i < without->len; i++) {
		const struct range *r = vec_at(without, i);

		if (r->first > next)
			*(struct range *)vec_push(&rest) = (struct range){ next, r->first - 1 };
		next = r->last + 1;
	}
	if (next <= last)
		*(struct range *)vec_push(&rest) = (struct range){ next, last };
	narrow_to(s, field, &rest);
	vec_free(&rest);
}

/* What a packet must be to have @field. */
static void need_field(struct sketch *s, enum policy_field field)
{
	static const struct range ports[] = { { 6, 6 }, { 17, 17 } };
	static const struct range icmp[] = { { 1, 1 }, { 58, 58 } };
	const struct vec tcp_udp = { .data = (void *)ports, .len = 2, .elem_size = sizeof(ports[0]) };
	const struct vec either = { .data = (void *)icmp, .len = 2, .elem_size = sizeof(icmp[0]) };

	switch (field) {
	case FIELD_SOCKET:
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		narrow_to(s, FIELD_IP_PROTO, &tcp_udp);
		break;
	case FIELD_TCP_SRC:
	case FIELD_TCP_DST:
	case FIELD_TCP_FLAGS:
		narrow_numbers(s, FIELD_IP_PROTO, 6, 6);
		break;
	case FIELD_UDP_SRC:
	case FIELD_UDP_DST:
		narrow_numbers(s, FIELD_IP_PROTO, 17, 17);
		break;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		narrow_to(s, FIELD_IP_PROTO, &either);
		break;
	default:
		s->ip |= field >= FIELD_IP_SRC && field <= FIELD_IP_FRAG;
		return;
	}
	s->ip = true;
	narrow_numbers(s, FIELD_IP_FRAG, 0, field == FIELD_SOCKET ? 0 : 1);
}

static void take_address(struct sketch *s, const struct literal *l)
{
	const struct policy_predicate **best = &s->address[l->test->field == FIELD_IP_DST];

	s->ip |= l->holds;
	if (l->holds && !l->test->unequal &&
	    (!*best || l->test->prefixes.len < (*best)->prefixes.len))
		*best = l->test;
}

static void take_literal(struct sketch *s, const struct literal *l)
{
	enum policy_field field = l->test->field;

	if (l->test->kind == PREDICATE_SET) {
		*(l->holds ? &s->in_sets : &s->out_of_sets) |= 1u << l->test->set_test;
		if (l->holds)
			need_field(s, field);
		return;
	}
	if (field == FIELD_IP_SRC || field == FIELD_IP_DST) {
		take_address(s, l);
		return;
	}
	if (l->holds) {
		need_field(s, field);
		narrow_to(s, tests_field(field), &l->test->ranges);
	} else {
		/* Without the field it would not hold either; a packet with another value is the nearer miss. */
		narrow_without(s, tests_field(field), &l->test->ranges);
	}
}

void sketches_make(const struct policy_predicate *p, struct vec *out)
{
	struct vec ways = VEC(struct way);

	if (p)
		find_ways(p, true, &ways);
	else
		add_way(&ways);
	for (size_t i = 0; i < ways.len; i++) {
		const struct way *w = vec_at(&ways, i);
		struct sketch *s = vec_push(out);

		for (unsigned int f = 0; f < FIELD_COUNT; f++)
			s->left[f] = VEC(struct range);
		for (size_t j = 0; j < w->literals.len; j++)
			take_literal(s, vec_at(&w->literals, j));
	}
	ways_free(&ways);
}

void sketches_free(struct vec *sketches)
{
	for (size_t i = 0; i < sketches->len; i++)
		for (unsigned int f = 0; f < FIELD_COUNT; f++)
			vec_free(&((struct sketch *)vec_at(sketches, i))->left[f]);
	vec_free(sketches);
}

/* ---- packets --------------------------------------------------------------------------------- */

static bool leaves(const struct sketch *s, enum policy_field field, uint64_t value)
{
	const struct vec *left = &s->left[field];

	if (!(s->fields >> field & 1))
		return true;
	for (size_t i = 0; i < left->len; i++) {
		const struct range *r = vec_at(left, i);

		if (r->first <= value && value <= r->last)
			return true;
	}
	return false;
}

static uint64_t first_left(const struct sketch *s, enum policy_field field)
{
	return ((struct range *)vec_at(&s->left[field], 0))->first;
}

static uint64_t choose_protocol(const struct sketch *s, uint8_t family)
{
	const uint64_t usual[] = { 6, 17, family == ADDR_V6 ? 58 : 1 };

	for (size_t i = 0; i < sizeof(usual) / sizeof(usual[0]); i++)
		if (leaves(s, FIELD_IP_PROTO, usual[i]))
			return usual[i];
	return first_left(s, FIELD_IP_PROTO);
}

/* What a packet of this protocol and family has not is left out. */
static bool applies(const struct sketch *s, const struct frame_fields *f, enum policy_field field,
		    uint8_t family)
{
	uint64_t protocol = f->value[FIELD_IP_PROTO];
	bool later = f->value[FIELD_IP_FRAG] == 2;

	(void)s;
	switch (field) {
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
	case FIELD_IP_TTL:
	case FIELD_IP_FRAG:
	case FIELD_IP_PROTO:
		return family;
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		return family && !later && (protocol == 6 || protocol == 17);
	case FIELD_SOCKET:
		return family && !f->value[FIELD_IP_FRAG] && (protocol == 6 || protocol == 17);
	case FIELD_TCP_FLAGS:
		return family && !later && protocol == 6;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return family && !later && protocol == (family == ADDR_V6 ? 58 : 1);
	default:
		return true;
	}
}

static uint64_t default_of(enum policy_field field)
{
	switch (field) {
	case FIELD_IP_TTL:
		return 64;
	case FIELD_L4_SRC:
		return 49152;
	case FIELD_TCP_FLAGS:
		return 2;
	case FIELD_PKT_LEN:
		return 128;
	case FIELD_ETH_SRC:
		return 0x020000000002ull;
	case FIELD_ETH_DST:
		return 0x020000000001ull;
	default:
		return 0;
	}
}

/* @vary: this field has @value; FIELD_COUNT: none. */
static bool fill(const struct sketch *s, uint8_t family, enum policy_field vary, uint64_t value,
		 struct frame_fields *f, uint32_t *sets)
{
	struct text why = { 0 };
	int err;

	*f = (struct frame_fields){ 0 };
	if (s->empty && vary == FIELD_COUNT)
		return false;
	if (s->ip && !family)
		return false;
	if (family)
		frame_set(f, FIELD_ETH_TYPE, family == ADDR_V6 ? 0x86dd : 0x0800);
	else
		frame_set(f, FIELD_ETH_TYPE, leaves(s, FIELD_ETH_TYPE, 0x0806) ? 0x0806 :
			  first_left(s, FIELD_ETH_TYPE));
	if (vary == FIELD_ETH_TYPE)
		f->value[FIELD_ETH_TYPE] = value;
	else if (!leaves(s, FIELD_ETH_TYPE, f->value[FIELD_ETH_TYPE]))
		return false;
	if (family && s->fields >> FIELD_IP_PROTO & 1)
		frame_set(f, FIELD_IP_PROTO, vary == FIELD_IP_PROTO ? value : choose_protocol(s, family));
	else if (family)
		frame_set(f, FIELD_IP_PROTO, vary == FIELD_IP_PROTO ? value : 6);
	if (family && s->fields >> FIELD_IP_FRAG & 1)
		frame_set(f, FIELD_IP_FRAG, leaves(s, FIELD_IP_FRAG, 0) ? 0 : first_left(s, FIELD_IP_FRAG));
	if (vary == FIELD_IP_FRAG)
		frame_set(f, FIELD_IP_FRAG, value);
	for (unsigned int i = 0; i < FIELD_COUNT; i++) {
		if (i == FIELD_ETH_TYPE || i == FIELD_IP_PROTO || i == FIELD_IP_FRAG)
			continue;
		if (!applies(s, f, i, family))
			continue;
		if (i == vary)
			frame_set(f, i, value);
		else if (s->fields >> i & 1)
			frame_set(f, i, leaves(s, i, default_of(i)) ? default_of(i) : first_left(s, i));
	}
	err = frame_settle(f, &why, NULL);
	text_free(&why);
	*sets = s->in_sets;
	return !err;
}

bool sketch_fill(const struct sketch *s, uint8_t family, struct frame_fields *f, uint32_t *sets)
{
	return !s->empty && fill(s, family, FIELD_COUNT, 0, f, sets);
}

bool sketch_vary(const struct sketch *s, uint8_t family, enum policy_field field, uint64_t value,
		 struct frame_fields *f, uint32_t *sets)
{
	return !s->empty && fill(s, family, field, value, f, sets);
}
