// SPDX-License-Identifier: GPL-2.0
/*
 * ask_odd.c: each odd value, in every packet that met a rule.
 */
#include "base/text.h"
#include "verify/run.h"

static bool set_value(struct packet *k, enum policy_field field, uint64_t value)
{
	struct frame_fields f = k->fields;
	struct text why = { 0 };
	bool can;

	if (field == VALUES_SETS) {
		k->sets = value;
		return true;
	}
	/* What depends on the field is settled anew. */
	if (!frame_has(&f, field) && field != FIELD_VLAN_ID && field != FIELD_VLAN_PCP)
		return false;
	frame_set(&f, field, value);
	if (field == FIELD_L4_SRC || field == FIELD_L4_DST) {
		bool tcp = f.value[FIELD_IP_PROTO] == 6;

		frame_set(&f, field == FIELD_L4_SRC ? (tcp ? FIELD_TCP_SRC : FIELD_UDP_SRC) :
			  (tcp ? FIELD_TCP_DST : FIELD_UDP_DST), value);
	}
	if (field == FIELD_IP_PROTO || field == FIELD_IP_FRAG || field == FIELD_ETH_TYPE) {
		uint32_t keep = 1u << FIELD_IN | 1u << FIELD_ETH_SRC | 1u << FIELD_ETH_DST |
				1u << FIELD_ETH_TYPE | 1u << FIELD_VLAN_ID | 1u << FIELD_VLAN_PCP |
				1u << FIELD_IP_PROTO | 1u << FIELD_IP_DSCP | 1u << FIELD_IP_ECN |
				1u << FIELD_IP_TTL | 1u << FIELD_IP_FRAG;

		if (field == FIELD_ETH_TYPE && (value == 0x0800 || value == 0x86dd) !=
		    frame_has(&f, FIELD_IP_SRC))
			return false;
		if (frame_has(&f, FIELD_IP_SRC))
			keep |= 1u << FIELD_IP_SRC | 1u << FIELD_IP_DST;
		for (unsigned int i = 0; i < FIELD_COUNT; i++) {
			if (!(keep >> i & 1)) {
				f.has &= ~(1u << i);
				f.value[i] = 0;
			}
		}
	}
	if (field != FIELD_PKT_LEN) {
		f.has &= ~(1u << FIELD_PKT_LEN);
		f.value[FIELD_PKT_LEN] = 0;
	}
	can = !frame_settle(&f, &why, NULL);
	text_free(&why);
	if (can)
		k->fields = f;
	return can;
}

static void ask_odd_addresses(struct run *r, const struct base *b, struct packet *k,
			      const struct vec *odd, unsigned int side)
{
	for (size_t i = 0; i < odd->len && !time_is_up(r); i++) {
		uint32_t at = *(uint32_t *)vec_at(odd, i);
		struct context c = b->context;

		if (c.family != stand_in(r, side, at)->addr.family)
			continue;
		*(side ? &c.destination : &c.source) = at;
		ask(r, k, &c, NULL);
	}
}

static void ask_odd_values(struct run *r, const struct base *b, const struct packet *of,
			   enum policy_field field)
{
	const struct vec *values = &r->values.of[field];

	for (size_t i = 0; i < values->len && !time_is_up(r); i++) {
		const struct value *v = vec_at(values, i);
		struct packet k = *of;

		if (!v->odd || !set_value(&k, field, v->value))
			continue;
		packet_prepare(r, &k);
		if (k.family == b->context.family)
			ask(r, &k, &b->context, NULL);
	}
}

static bool any_odd(const struct vec *values)
{
	for (size_t i = 0; i < values->len; i++)
		if (((struct value *)vec_at(values, i))->odd)
			return true;
	return false;
}

void ask_odd(struct run *r)
{
	struct vec odd[2] = { VEC(uint32_t), VEC(uint32_t) };
	uint32_t fields = 0;

	for (unsigned int side = 0; side < 2; side++)
		for (uint32_t i = 0; i < r->stand_ins[side].len; i++)
			if (stand_in(r, side, i)->odd)
				vec_append(&odd[side], &i);
	for (unsigned int field = 0; field <= FIELD_COUNT; field++)
		fields |= (uint32_t)any_odd(&r->values.of[field]) << field;
	for (size_t i = 0; (fields || odd[0].len || odd[1].len) && i < r->bases.len && !time_is_up(r); i++) {
		const struct base *b = vec_at(&r->bases, i);
		struct packet k;

		if (!base_packet(r, b, &k))
			continue;
		ask_odd_addresses(r, b, &k, &odd[0], 0);
		ask_odd_addresses(r, b, &k, &odd[1], 1);
		for (unsigned int field = 0; field <= FIELD_COUNT; field++)
			if (fields >> field & 1)
				ask_odd_values(r, b, &k, field);
	}
	vec_free(&odd[0]);
	vec_free(&odd[1]);
}
