// SPDX-License-Identifier: GPL-2.0
#include "verify/walk.h"

#include <string.h>

#include "base/text.h"
#include "bpf/lpm.bpf.h"
#include "bpf/rules.bpf.h"
#include "policy/tree.h"

/* ---- is it sound ---------------------------------------------------------------- */

static bool complain(struct text *why, const char *what)
{
	text_printf(why, "the image is not sound: %s", what);
	return false;
}

static bool sound_layer(const struct image_filter *filter, const struct rules_shape *s,
			uint32_t *fields, struct text *why)
{
	if (filter->area_bytes < RULES_LINE || s->last > filter->area_bytes - RULES_LINE)
		return complain(why, "a layer reaches beyond the area of its tables");
	if (s->steps > RULES_FIELD_COUNT)
		return complain(why, "a layer has more steps than there are fields");
	for (uint32_t i = 0; i < s->steps; i++) {
		if (s->step[i].field >= RULES_FIELD_COUNT)
			return complain(why, "a step names no field");
		*fields |= 1u << s->step[i].field;
	}
	return true;
}

static bool sound_address(const struct lpm_shape *s, const uint8_t *area, uint8_t family,
			  struct text *why)
{
	uint64_t dir_end = s->dir + (family == ADDR_V4 ? 4ull << s->dir_bits : 0);
	/* A node of the last line may go on behind it: lpm_fixed() leaves a page. */
	uint64_t last = (uint64_t)s->nodes_last + 4096;

	if (!s->bytes)
		return true;
	if (!area)
		return complain(why, "an address look-up has a shape and no table");
	if (!s->wide)
		return complain(why, "an address look-up yields routes, and not classes");
	if (family == ADDR_V4 && s->dir_bits != LPM_DIR_BITS_FIXED &&
	    s->dir_bits != LPM_DIR_BITS_SMALL)
		return complain(why, "an address look-up has a directory of a width that there is not");
	if (dir_end > s->bytes || s->seeds + 2ull * s->seeds_mask + 2 > s->bytes ||
	    s->index + 4ull * s->index_mask + 4 > s->bytes || s->nodes + last > s->bytes)
		return complain(why, "an address look-up reaches beyond its table");
	return true;
}

bool walk_sound(const struct image *image, struct text *why)
{
	const struct image_filter *filter = &image->filter;
	const struct classify_shape *s = &filter->shape;
	uint32_t fields = 0;

	if (s->layers > LAYERS_MAX)
		return complain(why, "it has more layers than there may be");
	for (uint32_t l = 0; l < s->layers; l++) {
		if (!sound_layer(filter, &s->layer[l], &fields, why))
			return false;
		/* Programs walk no chains there. */
		if (l && s->layer[l].chain[0])
			return complain(why, "a layer behind the first has bands");
	}
	/* What follows from the tables and stands beside them: programs read what it says, and no more. */
	if (s->layers && s->fields != fields)
		return complain(why, "the fields that are read are not those that its layers test");
	if (fields & (1u << RULES_ETH_SRC | 1u << RULES_ETH_DST) && !s->macs)
		return complain(why, "it tests link-layer addresses and has no numbers for them");
	for (unsigned int side = 0; s->layers && side < 2; side++)
		if (!sound_address(&s->address[side][0], filter->address[side][0], ADDR_V4, why) ||
		    !sound_address(&s->address[side][1], filter->address[side][1], ADDR_V6, why))
			return false;
	return true;
}

/* ---- from a packet to numbers ----------------------------------------------------- */

uint16_t *walk_ports(const struct image *image, const struct policy *p)
{
	uint16_t *port = xcalloc(p->ports.len + 1, sizeof(*port));

	for (size_t i = 0; i < p->ports.len; i++) {
		const struct policy_port *one = *(struct policy_port **)vec_at(&p->ports, i);

		for (size_t j = 0; j < image->ports.len; j++) {
			const struct image_port *other = vec_at(&image->ports, j);

			if (!strcmp(one->interface, other->interface))
				port[i] = other->number;
		}
	}
	return port;
}

static uint16_t mac_number(const struct image_filter *filter, uint64_t mac)
{
	for (size_t i = 0; i < filter->macs.len; i++) {
		const struct image_mac *m = vec_at(&filter->macs, i);
		uint64_t number = 0;

		for (unsigned int b = 0; b < 6; b++)
			number = number << 8 | m->address[b];
		if (number == mac)
			return m->number;
	}
	return 0;
}

void walk_fields(const struct image_filter *filter, const uint16_t *port,
		 const struct frame_fields *f, uint32_t sets, uint16_t field[RULES_FIELD_COUNT])
{
	const uint64_t *v = f->value;

	/* What a packet lacks is 0 in its fields, too. */
	field[RULES_IN] = port[v[FIELD_IN]];
	field[RULES_ETH_TYPE] = v[FIELD_ETH_TYPE];
	field[RULES_ETH_SRC] = mac_number(filter, v[FIELD_ETH_SRC]);
	field[RULES_ETH_DST] = mac_number(filter, v[FIELD_ETH_DST]);
	field[RULES_VLAN] = frame_has(f, FIELD_VLAN_ID) ? RULES_TAG | v[FIELD_VLAN_ID] : 0;
	field[RULES_PCP] = v[FIELD_VLAN_PCP];
	field[RULES_PROTO] = v[FIELD_IP_PROTO];
	field[RULES_DSCP] = v[FIELD_IP_DSCP];
	field[RULES_ECN] = v[FIELD_IP_ECN];
	field[RULES_TTL] = v[FIELD_IP_TTL];
	field[RULES_FRAG] = v[FIELD_IP_FRAG];
	field[RULES_SPORT] = v[FIELD_L4_SRC];
	field[RULES_DPORT] = v[FIELD_L4_DST];
	field[RULES_TCP_FLAGS] = v[FIELD_TCP_FLAGS];
	field[RULES_ICMP_TYPE] = v[FIELD_ICMP_TYPE];
	field[RULES_ICMP_CODE] = v[FIELD_ICMP_CODE];
	field[RULES_LENGTH] = v[FIELD_PKT_LEN];
	field[RULES_SOCKET] = v[FIELD_SOCKET];
	field[RULES_SETS] = sets;
}

static uint64_t eight_bytes(const uint8_t *b)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < 8; i++)
		n = n << 8 | b[i];
	return n;
}

uint32_t walk_class(const struct image_filter *filter, unsigned int side, const struct addr *a)
{
	unsigned int six = a->family == ADDR_V6;
	const struct lpm_shape *s = &filter->shape.address[side][six];
	const uint8_t *table = filter->address[side][six];

	if (a->family == ADDR_NONE)
		return 0;
	if (!s->bytes)
		return filter->shape.constant[side][six];
	if (six)
		return lpm6_lookup(table, s, eight_bytes(a->bytes), eight_bytes(a->bytes + 8));
	return lpm4_lookup(table, s, addr_v4_number(a));
}

uint32_t walk_word(const struct image_filter *filter, unsigned int layer, unsigned int side,
		   uint32_t class)
{
	const struct classify_shape *s = &filter->shape;

	if (!s->words[side][layer])
		return class;
	return rules_word(filter->area, &s->layer[layer], s->words[side][layer], class);
}

/* ---- from numbers to rules ---------------------------------------------------------- */

void walk_service(const struct image_filter *filter, unsigned int layer,
		  const uint16_t field[RULES_FIELD_COUNT], struct rules_classes *classes)
{
	*classes = (struct rules_classes){ 0 };
	rules_classify(filter->area, &filter->shape.layer[layer], field, classes);
}

void walk_layer(const struct image_filter *filter, unsigned int layer, const uint32_t word[2],
		const struct rules_classes *classes, struct rules_found *found)
{
	*found = (struct rules_found)RULES_FOUND_NONE;
	rules_walk(filter->area, &filter->shape.layer[layer], word[0], word[1], classes, found);
}

/* An empty cell says nothing, wherever it stands. */
static void add_cell(uint64_t *sum, uint32_t cell)
{
	if (!cell)
		return;
	*sum = (*sum + cell) * RULES_HASH;
	*sum ^= *sum >> 29;
}

static uint64_t band_cells(const struct image_filter *filter, const struct rules_shape *s,
			   const uint32_t word[2])
{
	uint64_t sum = 0;

	for (unsigned int i = 0; i < RULES_BANDS_MAX && i < s->bands[0]; i++) {
		uint32_t x = rules_word(filter->area, s, s->chain[0],
					(uint64_t)RULES_CLASS(word[0]) * s->bands[0] + i);

		for (unsigned int j = 0; x != RULES_NONE && j < RULES_BANDS_MAX && j < s->bands[1]; j++) {
			uint32_t y = rules_word(filter->area, s, s->chain[1],
						(uint64_t)RULES_CLASS(word[1]) * s->bands[1] + j);

			if (y != RULES_NONE)
				add_cell(&sum, rules_plane_cell(filter->area, s, x, y));
		}
	}
	return sum;
}

uint64_t walk_cells(const struct image_filter *filter, unsigned int layer, const uint32_t word[2])
{
	const struct rules_shape *s = &filter->shape.layer[layer];
	uint32_t ws = RULES_WIDE(word[0]), wd = RULES_WIDE(word[1]);
	uint32_t cs = RULES_CLASS(word[0]), cd = RULES_CLASS(word[1]);
	uint64_t sum = 0;

	if (s->chain[0])
		return band_cells(filter, s, word);
	/* In the order of rules_walk_planes(). */
	if (s->hashed & RULES_HASHED_NN && cs != ws && cd != wd)
		add_cell(&sum, rules_nn_cell(filter->area, s, cs, cd));
	if ((s->nw || s->hashed & RULES_HASHED_NW) && cs != ws)
		add_cell(&sum, rules_nw_cell(filter->area, s, cs, wd));
	if ((s->wn || s->hashed & RULES_HASHED_WN) && cd != wd)
		add_cell(&sum, rules_wn_cell(filter->area, s, ws, cd));
	add_cell(&sum, rules_ww_cell(filter->area, s, ws, wd));
	return sum;
}

void walk_packet(const struct image *image, const uint16_t *port, const struct frame_fields *f,
		 uint32_t sets, struct walk *walk)
{
	const struct image_filter *filter = &image->filter;
	const struct addr *address[2] = { &f->src, &f->dst };
	uint16_t field[RULES_FIELD_COUNT];

	*walk = (struct walk){ 0 };
	walk->filtered = filter->shape.layers &&
			 image->config.port[port[f->value[FIELD_IN]] % PORTS_MAX] & CONFIG_PORT_FILTER;
	walk_fields(filter, port, f, sets, field);
	for (unsigned int side = 0; side < 2; side++)
		walk->class[side] = walk_class(filter, side, address[side]);
	for (unsigned int l = 0; l < LAYERS_MAX; l++) {
		struct walk_answer *answer = &walk->layer[l];
		struct rules_found found = RULES_FOUND_NONE;
		struct rules_classes classes;
		uint32_t word[2];

		if (l < filter->shape.layers && walk->filtered) {
			walk_service(filter, l, field, &classes);
			for (unsigned int side = 0; side < 2; side++)
				word[side] = walk_word(filter, l, side, walk->class[side]);
			walk_layer(filter, l, word, &classes, &found);
		}
		answer->box = found.rule;
		answer->rule = found.rule == RULES_NONE ? RULES_NONE : ACTION_RULE(found.action);
		answer->action = found.action;
	}
}
