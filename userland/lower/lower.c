// SPDX-License-Identifier: GPL-2.0
#include "lower/lower.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/diag.h"
#include "lower/box.h"
#include "lower/layers.h"
#include "lower/predicate.h"
#include "policy/frame.h"
#include "policy/tree.h"

#define SCRATCH_MAX	((size_t)256 << 10)	/* bytes of boxes that lie about between two rules */
#define BOXES_MAX	((size_t)1 << 22)	/* of all rules together */
#define PREFIXES_MAX	((size_t)1 << 24)	/* likewise */

/* ---- names ---------------------------------------------------------------------------- */

void lower_names_init(struct lower_names *names, const struct policy *policy, const uint16_t *port)
{
	*names = (struct lower_names){
		.port = xcalloc(policy->ports.len + 1, sizeof(*port)),
		.ports = policy->ports.len,
		.macs = VEC(struct lower_mac),
		.mac_numbers = TABLE(struct lower_mac, uint16_t),
	};
	if (names->ports)
		memcpy(names->port, port, names->ports * sizeof(*port));
}

void lower_names_free(struct lower_names *names)
{
	free(names->port);
	vec_free(&names->macs);
	table_free(&names->mac_numbers);
	*names = (struct lower_names){ 0 };
}

/* ---- rules ----------------------------------------------------------------------------- */

static void emit(struct lowering *l, struct vec *boxes, uint32_t action, struct place place,
		 struct rule_list *list)
{
	const struct rule like = { .action = action, .place = place };

	for (size_t i = 0; i < boxes->len; i++) {
		struct box *box = vec_at(boxes, i);

		/* Frames come in on ports. */
		if (box->tested >> RULES_IN & 1 && values_within(l->ports, box->value[RULES_IN]))
			box_untest(box, RULES_IN);
		box_rules(box, &like, &l->tests, list);
	}
}

int lower_predicate(const struct policy *policy, struct lower_names *names,
		    const struct policy_predicate *predicate, bool negate, uint32_t action,
		    struct rule_list *list, struct diags *diags)
{
	const struct box any = box_any();
	struct vec boxes = VEC(struct box);
	struct lowering l;
	int err;

	lowering_init(&l, policy, names, diags);
	err = predicate_boxes(&l, predicate, negate, &any, &boxes);
	if (!err)
		emit(&l, &boxes, action, predicate ? predicate->place : (struct place){ 0 }, list);
	vec_free(&boxes);
	lowering_free(&l);
	return err;
}

/* All policy's filters, on their way. */
struct filters {
	struct lowering lowering;
	struct lowered out;
	struct layers *layers;
	const struct policy_filter *filter;	/* that @ports is of */
	struct box ports;			/* what comes in on its ports */
	struct vec rule_boxes;			/* of the rule that is under way */
	struct arena arena;			/* of @ports */
	size_t boxes, prefixes;
};

/* The packets that @rule's filter is asked about. */
static const struct box *filter_box(struct filters *f, const struct policy_filter *filter)
{
	struct vec span = VEC(struct span);
	struct values ports;

	if (f->filter == filter)
		return &f->ports;
	arena_free(&f->arena);
	f->filter = filter;
	f->ports = box_any();
	for (size_t i = 0; i < filter->ports.len; i++) {
		const struct policy_port_ref *ref = vec_at(&filter->ports, i);

		for (size_t n = 0; n < f->out.names.ports; n++)
			if (ref->port == *(struct policy_port **)
					 vec_at(&f->lowering.policy->ports, n))
				vec_append(&span, &(struct span){ f->out.names.port[n],
								  f->out.names.port[n] });
	}
	ports = values_make(&f->arena, span.data, span.len);
	vec_free(&span);
	if (!values_within(f->lowering.ports, ports))
		box_values(&f->arena, &f->ports, RULES_IN, ports);
	return &f->ports;
}

static int place_rule(struct filters *f, const struct policy_rule *rule, const struct vec *boxes,
		      uint32_t *layer)
{
	uint32_t l = layers_place(f->layers, boxes);

	if (l == LAYERS_FULL) {
		diag_error(f->lowering.diags, rule->place,
			   "one packet can match more than %u rules that act and go on", LAYERS_MAX - 1);
		diag_hint(f->lowering.diags,
			  "put actions that always come together into one rule, separated by commas");
		return -E2BIG;
	}
	if (l == LAYERS_WORK) {
		diag_error(f->lowering.diags, rule->place,
			   "it takes too long to tell which of the rules that act and go on one packet can "
			   "match together");
		diag_hint(f->lowering.diags, "tell them apart by an address, a port or a protocol");
		return -E2BIG;
	}
	*layer = l;
	return 0;
}

/* Whether the boxes still fit to those before. */
static int meter(struct filters *f, const struct policy_rule *rule, const struct vec *boxes)
{
	f->boxes += boxes->len;
	for (size_t i = 0; i < boxes->len; i++) {
		const struct box *box = vec_at(boxes, i);

		f->prefixes += box->address[0].len + box->address[1].len;
	}
	if (f->boxes <= BOXES_MAX && f->prefixes <= PREFIXES_MAX)
		return 0;
	if (f->boxes > BOXES_MAX)
		diag_error(f->lowering.diags, rule->place,
			   "the rules up to here come to more than %zu cases", BOXES_MAX);
	else
		diag_error(f->lowering.diags, rule->place,
			   "the rules up to here name more than %zu prefixes", PREFIXES_MAX);
	diag_hint(f->lowering.diags, "a set that many rules test is better kept as \"set NAME : ip.src\"");
	return -E2BIG;
}

static int lower_rule(struct filters *f, const struct policy_rule *rule)
{
	struct vec *boxes = &f->rule_boxes;
	uint32_t layer = 0;
	int err;

	boxes->len = 0;
	if (f->lowering.arena.bytes > SCRATCH_MAX)
		arena_free(&f->lowering.arena);
	err = predicate_boxes(&f->lowering, rule->predicate, false, filter_box(f, rule->filter),
			      boxes);
	if (!err)
		err = meter(f, rule, boxes);
	if (!err && !rule->ends && boxes->len)
		err = place_rule(f, rule, boxes, &layer);
	if (!err) {
		emit(&f->lowering, boxes, rule->number, rule->place, &f->out.layer[layer]);
		f->out.layer_of[rule->number] = layer;
		if (f->out.layers <= layer)
			f->out.layers = layer + 1;
	}
	return err;
}

int lower_policy(const struct policy *policy, const uint16_t *port, struct lowered *out,
		 struct diags *diags)
{
	struct filters f = { .layers = layers_new(), .rule_boxes = VEC(struct box) };
	int err = 0;

	lower_names_init(&f.out.names, policy, port);
	lowering_init(&f.lowering, policy, &f.out.names, diags);
	for (unsigned int l = 0; l < LAYERS_MAX; l++)
		f.out.layer[l] = RULE_LIST;
	f.out.layers = policy->filters.len ? 1 : 0;
	f.out.layer_of = xcalloc(policy->rules.len + 1, sizeof(*f.out.layer_of));
	for (size_t i = 0; i < policy->rules.len && !err; i++)
		err = lower_rule(&f, *(struct policy_rule **)vec_at(&policy->rules, i));
	lowering_free(&f.lowering);
	layers_free(f.layers);
	vec_free(&f.rule_boxes);
	arena_free(&f.arena);
	if (err)
		lowered_free(&f.out);
	else
		*out = f.out;
	return err;
}

void lowered_free(struct lowered *lowered)
{
	for (unsigned int l = 0; l < LAYERS_MAX; l++)
		rule_list_free(&lowered->layer[l]);
	free(lowered->layer_of);
	lower_names_free(&lowered->names);
	*lowered = (struct lowered){ 0 };
}

/* ---- packets ----------------------------------------------------------------------------- */

static uint16_t mac_of(const struct lower_names *names, uint64_t address)
{
	struct lower_mac mac;
	const uint16_t *number;

	for (unsigned int i = 0; i < 6; i++)
		mac.address[i] = address >> (40 - 8 * i);
	number = table_get(&names->mac_numbers, &mac);
	return number ? *number : 0;
}

void lower_packet(const struct lower_names *names, const struct frame_fields *fields, uint16_t sets,
		  struct rule_packet *packet)
{
	const uint64_t *value = fields->value;
	struct rule_packet p = { .addr = { fields->src, fields->dst } };

	if (frame_has(fields, FIELD_IN) && value[FIELD_IN] < names->ports)
		p.field[RULES_IN] = names->port[value[FIELD_IN]];
	p.field[RULES_ETH_TYPE] = value[FIELD_ETH_TYPE];
	p.field[RULES_ETH_SRC] = mac_of(names, value[FIELD_ETH_SRC]);
	p.field[RULES_ETH_DST] = mac_of(names, value[FIELD_ETH_DST]);
	if (frame_has(fields, FIELD_VLAN_ID))
		p.field[RULES_VLAN] = RULES_TAG | value[FIELD_VLAN_ID];
	p.field[RULES_PCP] = value[FIELD_VLAN_PCP];
	p.field[RULES_PROTO] = value[FIELD_IP_PROTO];
	p.field[RULES_DSCP] = value[FIELD_IP_DSCP];
	p.field[RULES_ECN] = value[FIELD_IP_ECN];
	p.field[RULES_TTL] = value[FIELD_IP_TTL];
	p.field[RULES_FRAG] = value[FIELD_IP_FRAG];
	p.field[RULES_SPORT] = value[FIELD_L4_SRC];
	p.field[RULES_DPORT] = value[FIELD_L4_DST];
	p.field[RULES_TCP_FLAGS] = value[FIELD_TCP_FLAGS];
	p.field[RULES_ICMP_TYPE] = value[FIELD_ICMP_TYPE];
	p.field[RULES_ICMP_CODE] = value[FIELD_ICMP_CODE];
	p.field[RULES_LENGTH] = value[FIELD_PKT_LEN];
	p.field[RULES_SOCKET] = value[FIELD_SOCKET];
	p.field[RULES_SETS] = sets;
	*packet = p;
}
