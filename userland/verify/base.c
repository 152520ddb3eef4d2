// SPDX-License-Identifier: GPL-2.0
#include "verify/run.h"
#include "verify/sketch.h"

static bool rule_has_port(const struct policy_rule *rule, uint64_t port)
{
	for (size_t i = 0; i < rule->filter->ports.len; i++)
		if (((struct policy_port_ref *)vec_at(&rule->filter->ports, i))->port->number == port)
			return true;
	return false;
}

uint64_t base_port(const struct run *r, const struct policy_rule *rule, const struct sketch *s)
{
	uint64_t some = 0;

	for (size_t i = r->p->ports.len; i--;) {
		if (!rule_has_port(rule, i))
			continue;
		some = i;
		for (size_t j = 0; s->fields >> FIELD_IN & 1 && j < s->left[FIELD_IN].len; j++) {
			const struct range *range = vec_at(&s->left[FIELD_IN], j);

			if (range->first <= i && i <= range->last)
				return i;
		}
	}
	return some;
}

bool base_fill(const struct run *r, const struct policy_rule *rule, const struct sketch *s,
	       uint8_t family, struct packet *k)
{
	*k = (struct packet){ 0 };
	if (!sketch_fill(s, family, &k->fields, &k->sets))
		return false;
	k->fields.value[FIELD_IN] = base_port(r, rule, s);
	packet_prepare(r, k);
	return k->family == family;
}

bool base_packet(const struct run *r, const struct base *b, struct packet *k)
{
	struct vec sketches = VEC(struct sketch);
	bool made;

	sketches_make(b->rule->predicate, &sketches);
	made = base_fill(r, b->rule, vec_at(&sketches, b->way), b->context.family, k);
	sketches_free(&sketches);
	return made;
}
