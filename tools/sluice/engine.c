// SPDX-License-Identifier: GPL-2.0
#include "engine.h"

#include <stdlib.h>
#include <string.h>

void scene_neighbour_mac(const struct addr *a, uint8_t mac[6])
{
	mac[0] = 0x02;
	mac[1] = 0x01;
	memcpy(mac + 2, a->bytes + addr_bits(a->family) / 8 - 4, 4);
}

void scene_mac(uint16_t port, uint8_t mac[6])
{
	memset(mac, 0, 6);
	mac[0] = 0x02;
	mac[4] = port >> 8;
	mac[5] = port;
}

void scene_address(struct frame_fields *f, uint16_t number)
{
	uint64_t address = 0;
	uint8_t mac[6];

	if (f->value[FIELD_ETH_DST] != FRAME_ETH_DST)
		return;
	scene_mac(number, mac);
	for (int i = 0; i < 6; i++)
		address = address << 8 | mac[i];
	f->value[FIELD_ETH_DST] = address;
}

struct treatment *treatment_push(struct vec *out, enum sluice_reason reason)
{
	struct treatment *t = vec_push(out);

	t->reason = reason;
	t->outputs = VEC(struct output);
	return t;
}

void treatment_output(struct treatment *t, uint16_t port, const uint8_t *frame, uint32_t length)
{
	struct output o = { .host = !port, .port = port, .length = length };
	size_t i;

	o.frame = xcalloc(1, length);
	memcpy(o.frame, frame, length);
	vec_push(&t->outputs);
	for (i = t->outputs.len - 1; i; i--) {
		struct output *before = vec_at(&t->outputs, i - 1);

		if (before->port <= port)
			break;
		memcpy(vec_at(&t->outputs, i), before, sizeof(*before));
	}
	memcpy(vec_at(&t->outputs, i), &o, sizeof(o));
}

void treatments_clear(struct vec *out)
{
	for (size_t i = 0; i < out->len; i++) {
		struct treatment *t = vec_at(out, i);

		for (size_t j = 0; j < t->outputs.len; j++)
			free(((struct output *)vec_at(&t->outputs, j))->frame);
		vec_free(&t->outputs);
	}
	out->len = 0;
}

bool treatment_equal(const struct treatment *a, const struct treatment *b)
{
	if (a->reason != b->reason || strcmp(a->group, b->group) ||
	    a->outputs.len != b->outputs.len)
		return false;
	for (size_t i = 0; i < a->outputs.len; i++) {
		const struct output *x = vec_at(&a->outputs, i), *y = vec_at(&b->outputs, i);

		if (x->port != y->port || x->length != y->length ||
		    memcmp(x->frame, y->frame, x->length))
			return false;
	}
	return true;
}
