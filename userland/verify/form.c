// SPDX-License-Identifier: GPL-2.0
#include "base/text.h"
#include "image/image.h"
#include "verify/run.h"

static bool has_field(const struct form *form, enum policy_field field)
{
	bool ports = form->family && form->frag != 2 && form->protocol <= FORM_UDP;

	switch (field) {
	case FIELD_ETH_TYPE:
		return !form->family;
	case FIELD_VLAN_ID:
	case FIELD_VLAN_PCP:
		return form->tag;
	case FIELD_IP_PROTO:
		return form->family && form->protocol == FORM_OTHER;
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
	case FIELD_IP_TTL:
		return form->family;
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		return ports;
	case FIELD_SOCKET:
		return ports && !form->frag;
	case FIELD_TCP_FLAGS:
		return ports && form->protocol == FORM_TCP;
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return form->family && form->frag != 2 && form->protocol == FORM_ICMP;
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
	case FIELD_IP_FRAG:
		return false;
	default:
		return tests_field(field) == field;
	}
}

static struct product make_product(const struct run *r, const struct form *form)
{
	struct product p = { .form = *form, .combinations = 1 };

	for (unsigned int f = 0; f <= FIELD_COUNT; f++) {
		if (!has_field(form, f) || r->values.of[f].len < 2)
			continue;
		p.field[p.fields++] = f;
		if (p.combinations < 1ull << 40)
			p.combinations *= r->values.of[f].len;
	}
	return p;
}

void products_find(struct run *r)
{
	uint32_t tags = 1u << FIELD_VLAN_ID | 1u << FIELD_VLAN_PCP;
	uint32_t image_tags = 1u << RULES_VLAN | 1u << RULES_PCP;
	bool tagged = r->values.tested & tags || r->filter->shape.fields & image_tags;
	static const uint8_t families[] = { ADDR_NONE, ADDR_V4, ADDR_V6 };

	for (unsigned int f = 0; f < 3; f++) {
		for (unsigned int tag = 0; tag <= tagged; tag++) {
			for (unsigned int frag = 0; frag < 3; frag++) {
				for (unsigned int protocol = FORM_TCP; protocol <= FORM_OTHER; protocol++) {
					struct form form = { families[f], tag, frag, protocol };
					struct product p;

					if (!families[f] && (frag || protocol != FORM_OTHER))
						continue;
					/* A later fragment has no transport: its protocol is a value like others. */
					if (frag == 2 && protocol != FORM_OTHER)
						continue;
					p = make_product(r, &form);
					vec_append(&r->products, &p);
				}
			}
		}
	}
}

static bool protocol_has_form(const struct form *form, uint64_t protocol)
{
	return form->frag == 2 || !(protocol == 6 || protocol == 17 ||
				    protocol == (form->family == ADDR_V6 ? 58 : 1));
}

bool product_packet(const struct run *r, const struct product *p, uint64_t n, struct packet *k)
{
	const struct form *form = &p->form;
	static const uint8_t protocols[] = { 6, 17, 0, 253 };
	struct text why = { 0 };
	bool can;

	*k = (struct packet){ 0 };
	if (form->family)
		frame_set(&k->fields, FIELD_ETH_TYPE, form->family == ADDR_V6 ? 0x86dd : 0x0800);
	else
		frame_set(&k->fields, FIELD_ETH_TYPE, 0x0806);
	if (form->family) {
		frame_set(&k->fields, FIELD_IP_PROTO, protocols[form->protocol]);
		if (form->protocol == FORM_ICMP)
			frame_set(&k->fields, FIELD_IP_PROTO, form->family == ADDR_V6 ? 58 : 1);
		frame_set(&k->fields, FIELD_IP_FRAG, form->frag);
	}
	if (form->tag)
		frame_set(&k->fields, FIELD_VLAN_ID, 1);
	for (unsigned int i = 0; i < p->fields; i++) {
		const struct vec *values = &r->values.of[p->field[i]];
		const struct value *kind = vec_at(values, n % values->len);
		uint64_t value = kind->value;

		n /= values->len;
		k->tests = (k->tests ^ kind->tests) * 0x9e3779b97f4a7c15ull + p->field[i];
		k->tests ^= k->tests >> 29;
		if (p->field[i] == VALUES_SETS)
			k->sets = value;
		else if (p->field[i] == FIELD_ETH_TYPE && (value == 0x0800 || value == 0x86dd))
			return false;
		else if (p->field[i] == FIELD_IP_PROTO && !protocol_has_form(form, value))
			return false;
		else
			frame_set(&k->fields, p->field[i], value);
	}
	can = !frame_settle(&k->fields, &why, NULL);
	text_free(&why);
	if (!can || (k->fields.value[FIELD_ETH_TYPE] != 0x8100 && k->fields.value[FIELD_ETH_TYPE] != 0x88a8 &&
		     frame_has(&k->fields, FIELD_VLAN_ID) != form->tag))
		return false;
	if (sets_possible(r->p, &k->fields, k->sets) != k->sets)
		return false;
	packet_prepare(r, k);
	return true;
}
