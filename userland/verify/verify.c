// SPDX-License-Identifier: GPL-2.0
/*
 * verify.c: which packets are asked, and why they are enough.
 *
 * The meaning of a policy's filters depends on a packet only by the tests that it meets: of an
 * address, which tests of addresses; of a field, which tests of that field. The answer of an image
 * depends only on the classes that its tables yield: of an address, the class of the look-up; of
 * a field, the class in the field's array. So of each field (addresses too) values that meet the
 * same tests and have the same class cannot be told apart by either side, and one of them stands
 * for all (addresses.h, values.h). They are found by looking at each value there is, or each slot of
 * the look-ups: it is here that a wrong boundary of an array or an address look-up shows, as a kind
 * of value that should not be: its tests are those of others, its class is not ("odd").
 *
 * If all combinations of these are asked, all packets there are have been: the report is
 * "complete", and the filters are proven, as far as the walk is the walk of the programs, and the
 * matcher (match.h) the meaning. For policies of some dozen rules that takes some milliseconds. For
 * larger ones there are too many, and these come first, until time is up:
 *
 *  1. Each rule: for each way in which it can hold a packet that meets it, and the near misses, with each
 *     tested field right inside and right outside of what the rule takes, and addresses next to its
 *     prefixes. An entry that the image lost, or that has another rule, service or order is seen
 *     here, where the rule is the first.
 *  2. Each odd value, in every packet of 1.
 *  3. Services: packets that take every way through the arrays of combined classes, each between the
 *     addresses of rules of every service: a bit of a service that is wrong is seen here.
 *  4. Each cell that is in use: for each rule that it names a packet of that rule between two addresses
 *     of the cell; of a row, and between two wide nodes, a packet of each service class. What the image
 *     says too much is seen here.
 *  5. For each rule the pairs of kinds of addresses below its prefixes, as the bands of the image
 *     have it: there the builder wrote the rule into a cell of its own. What it says too little is
 *     seen here.
 *  6. Combinations that are drawn.
 *
 * Two judges. policy/eval asks rule by rule, which is too slow for all of this; so the matcher judges every
 * packet, and policy/eval those that were the first to show something, until it has had its share
 * of the time: where matcher and eval differ, that is a difference like any other, and refused.
 *
 * What rules do when they act (actions.h) is compared entry by entry with the tree: there
 * are few, and no packet sees more of them than they say.
 *
 * A difference is always shown by a packet. An image with a fault that no packet can see is
 * not refused.
 */
#include "verify/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/table.h"
#include "base/text.h"
#include "bpf/rules.bpf.h"
#include "policy/eval.h"
#include "policy/tree.h"
#include "verify/actions.h"
#include "verify/addresses.h"
#include "verify/facts.h"
#include "verify/seen.h"
#include "verify/sketch.h"
#include "verify/values.h"
#include "verify/walk.h"

#define ASK_CLOCK	256		/* packets between two looks at the clock */
#define EVAL_SHARE	10		/* policy/eval may have this part of the time: one tenth */
#define PACKETS_MAX	65536		/* packets without addresses that are kept for steps 3 and 5 */
#define COMPLETE_MAX	(1ull << 28)	/* combinations that are worth beginning with */
#define CONTEXTS_MAX	2		/* pairs of addresses for a service */
#define SERVICES_MAX	100000		/* packets of step 3, */
#define PAIRS_MAX	200000		/* of step 5, */
#define WIDE_MAX	200000		/* of step 4, of cells that may be empty */
#define SAMPLE_MAX	20000		/* and of step 6, where it cannot be complete */

/* All fields of a packet but its addresses, and what the image makes of them. */
struct packet {
	struct frame_fields fields;
	uint32_t sets;
	bool filtered;			/* its port has a filter */
	bool boundary;
	uint8_t family;
	struct rules_classes classes[LAYERS_MAX];
};

/* Two addresses, by place in stand_ins; both of one family. */
struct context {
	uint32_t source, destination;
	uint8_t family;
};

struct run {
	const struct policy *p;
	const struct image *image;
	const struct image_filter *filter;
	const struct verify_options *options;
	struct verify_report *report;
	uint16_t *port;
	struct matcher *matcher;
	struct vec stand_ins[2];	/* of struct stand_in */
	uint32_t *wide[2];		/* by place in stand_ins: those before it that are wide, in layer 0 */
	struct values values;
	struct seen seen;
	uint64_t *met;			/* bit: rule */
	struct vec bases;		/* of struct base: the packets of step 1 that met their rule */
	struct vec ways;		/* of struct packet: of step 3, one for each way through the classes */
	uint32_t *base_of;		/* by rule and family: the first, by place in bases + 1; 0: none */
	struct eval_env env;
	struct eval_port *env_ports;
	struct facts facts;		/* of the packet that the second judge is asked about */
	size_t unreachable;		/* cells that no packet looks at */
	double start, deadline, eval_time;
	double step_deadline;		/* of the step that is under way */
	bool step_over;
	unsigned int until_clock;
	bool stop;
};

/* A packet that met the rule that it was made for. */
struct base {
	struct packet packet;
	struct context context;
	uint32_t box, layer;		/* of the image, which decided; RULES_NONE */
};

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec * 1e-9;
}

static struct stand_in *stand_in(const struct run *r, unsigned int side, size_t at)
{
	return vec_at(&r->stand_ins[side], at);
}

static const struct policy_rule *rule_at(const struct run *r, uint32_t number)
{
	return *(struct policy_rule **)vec_at(&r->p->rules, number);
}

static bool drops(const struct policy_rule *rule)
{
	return ((struct policy_action *)vec_at(&rule->actions, rule->actions.len - 1))->kind == DO_DROP;
}

/* What the tables should say of a rule. */
static uint32_t action_of(const struct policy_rule *rule)
{
	return rule->number | (drops(rule) ? ACTION_DROP : 0) |
	       (!rule->ends || rule->actions.len > 1 ? ACTION_LISTED : 0);
}

/* ---- one packet --------------------------------------------------------------------- */

/* A set test that the packet lacks the field of cannot have it. */
static uint32_t possible_sets(const struct policy *p, const struct frame_fields *f, uint32_t sets)
{
	for (size_t i = 0; i < p->set_tests.len; i++)
		if (!frame_has(f, ((struct policy_set_test *)vec_at(&p->set_tests, i))->field))
			sets &= ~(1u << i);
	return sets;
}

static void prepare(const struct run *r, struct packet *k)
{
	uint16_t field[RULES_FIELD_COUNT];

	k->family = frame_has(&k->fields, FIELD_IP_SRC) ? k->fields.src.family : ADDR_NONE;
	k->sets = possible_sets(r->p, &k->fields, k->sets);
	k->filtered = r->image->config.port[r->port[k->fields.value[FIELD_IN]] % PORTS_MAX] &
		      CONFIG_PORT_FILTER;
	walk_fields(r->filter, r->port, &k->fields, k->sets, field);
	for (unsigned int l = 0; l < r->filter->shape.layers; l++)
		walk_service(r->filter, l, field, &k->classes[l]);
}

static void add_side(struct match *m, uint32_t rule)
{
	uint32_t at = m->sides;

	if (at == MATCH_SIDES_MAX)
		return;
	for (; at && m->side[at - 1] > rule; at--)
		m->side[at] = m->side[at - 1];
	m->side[at] = rule;
	m->sides++;
}

/* What the image says, and by which box of which layer. */
static void ask_image(struct run *r, const struct packet *k, const struct context *c,
		      struct match *out, uint32_t *action, struct rules_found *first)
{
	uint32_t rules[LAYERS_MAX];

	*out = (struct match){ .rule = RULES_NONE };
	*action = 0;
	first->rule = RULES_NONE;
	if (!k->filtered)
		return;
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		struct rules_found found;
		uint32_t word[2];

		for (unsigned int side = 0; side < 2; side++)
			word[side] = k->family ?
				     stand_in(r, side, side ? c->destination : c->source)->word[l] :
				     walk_word(r->filter, l, side, 0);
		walk_layer(r->filter, l, word, &k->classes[l], &found);
		rules[l] = found.rule == RULES_NONE ? RULES_NONE : ACTION_RULE(found.action);
		if (!l) {
			out->rule = rules[l];
			*action = found.action;
			*first = found;
		} else if (rules[l] < out->rule) {
			add_side(out, rules[l]);
		}
	}
}

static void ask_policy(const struct run *r, const struct packet *k, const struct context *c,
		       struct match *out)
{
	uint32_t place[2] = { 0, 0 };

	if (k->family) {
		place[0] = stand_in(r, 0, c->source)->place;
		place[1] = stand_in(r, 1, c->destination)->place;
	}
	matcher_match(r->matcher, &k->fields, k->sets, place, out);
}

static bool same(const struct match *a, const struct match *b)
{
	return a->rule == b->rule && a->sides == b->sides &&
	       !memcmp(a->side, b->side, a->sides * sizeof(a->side[0]));
}

static void differ(struct run *r, const struct packet *k, const struct match *policy,
		   const struct match *image, const char *what)
{
	struct verify_report *report = r->report;

	if (report->differ)
		return;
	report->differ = true;
	report->witness = (struct witness){ k->fields, k->sets, *policy, k->boundary };
	report->image = *image;
	snprintf(report->what, sizeof(report->what), "%s", what);
	r->stop = true;
}

/* ---- the second judge --------------------------------------------------------------------- */

/* What policy/eval says, in the words of the matcher. */
static void ask_eval(struct run *r, const struct packet *k, struct match *out, bool *dropped)
{
	static uint8_t frame[FRAME_MAX];
	size_t length = frame_build(&k->fields, frame);
	struct eval_result result;

	r->facts = (struct facts){ r->p, &k->fields, k->sets, k->fields.value[FIELD_SOCKET] };
	policy_eval(r->p, &r->env, r->port[k->fields.value[FIELD_IN]], frame, length, &result);
	*out = (struct match){ .rule = result.rule ? result.rule->number : RULES_NONE };
	for (size_t i = 0; i < result.matched.len; i++) {
		const struct policy_rule *rule = *(const struct policy_rule **)vec_at(&result.matched, i);

		if (!rule->ends)
			add_side(out, rule->number);
	}
	*dropped = ((struct eval_outcome *)vec_at(&result.outcomes, 0))->reason == REASON_filtered;
	eval_result_free(&result);
}

static void second_judge(struct run *r, const struct packet *k, const struct match *policy)
{
	double begin = now();
	struct match eval;
	bool dropped, wanted;
	const struct facts facts = { r->p, &k->fields, k->sets, 0 };

	if (facts_contradict(&facts) || r->eval_time > (r->deadline - r->start) / EVAL_SHARE)
		return;
	ask_eval(r, k, &eval, &dropped);
	r->report->evaluated++;
	wanted = policy->rule != RULES_NONE && drops(rule_at(r, policy->rule));
	if (!same(&eval, policy) || dropped != wanted)
		differ(r, k, policy, &eval, "the two readings of the policy differ");
	r->eval_time += now() - begin;
}

/* ---- asking ------------------------------------------------------------------------------------ */

static bool meet(struct run *r, uint32_t rule)
{
	uint64_t bit = 1ull << (rule & 63);

	if (r->met[rule / 64] & bit)
		return false;
	r->met[rule / 64] |= bit;
	r->report->rules_met++;
	return true;
}

/* Whether the packet is the first to show something. */
static bool shows(struct run *r, const struct packet *k, const struct context *c,
		  const struct match *policy)
{
	bool fresh = policy->rule != RULES_NONE && meet(r, policy->rule);

	for (uint32_t i = 0; i < policy->sides; i++)
		fresh |= meet(r, policy->side[i]);
	for (unsigned int l = 0; k->filtered && l < r->filter->shape.layers; l++) {
		uint32_t word[2];

		for (unsigned int side = 0; side < 2; side++)
			word[side] = k->family ?
				     stand_in(r, side, side ? c->destination : c->source)->word[l] :
				     walk_word(r->filter, l, side, 0);
		fresh |= seen_add(&r->seen, l, word) != 0;
	}
	return fresh || k->boundary;
}

static void hand_over(struct run *r, const struct packet *k, const struct match *policy)
{
	const struct witness w = { k->fields, k->sets, *policy, k->boundary };

	r->report->witnesses++;
	if (r->options->take && !r->options->take(r->options->context, &w))
		r->stop = true;
}

static bool time_is_up(struct run *r)
{
	if (!r->stop && !r->step_over && !--r->until_clock) {
		double t = now();

		r->until_clock = ASK_CLOCK;
		r->stop = t > r->deadline;
		r->step_over = t > r->step_deadline;
		r->report->late |= r->stop || r->step_over;
	}
	return r->stop || r->step_over;
}

/* The next step may take this part of the time that is left. */
static void begin_step(struct run *r, double part)
{
	double t = now();

	r->step_over = false;
	r->step_deadline = t + (r->deadline - t) * part;
}

/*
 * Asks both sides about @k between two addresses.
 * @first: set to what decided in the image's first layer; may be NULL.
 * Return: what the policy says is in @policy.
 */
static void ask(struct run *r, struct packet *k, const struct context *c, struct match *policy,
		struct rules_found *first)
{
	struct rules_found found;
	struct match image;
	uint32_t action;

	if (k->family) {
		k->fields.src = stand_in(r, 0, c->source)->addr;
		k->fields.dst = stand_in(r, 1, c->destination)->addr;
	}
	r->report->packets++;
	ask_image(r, k, c, &image, &action, &found);
	ask_policy(r, k, c, policy);
	if (!same(policy, &image))
		differ(r, k, policy, &image, "");
	else if (image.rule != RULES_NONE && action != action_of(rule_at(r, image.rule)))
		differ(r, k, policy, &image, "the image's rule has another verdict, or forgets its actions");
	if (shows(r, k, c, policy)) {
		second_judge(r, k, policy);
		hand_over(r, k, policy);
	}
	if (first)
		*first = found;
}

/* ---- 1: rules ------------------------------------------------------------------------------------- */

/* A stand-in for @side in a packet of @family that meets @s's test of that side; any after @skip others. */
static bool find_address(const struct run *r, const struct sketch *s, unsigned int side, uint8_t family,
			 size_t skip, uint32_t *at)
{
	static const struct prefix all4 = { .addr = { .family = ADDR_V4 } };
	static const struct prefix all6 = { .addr = { .family = ADDR_V6 } };
	const struct prefix *list = family == ADDR_V6 ? &all6 : &all4;
	size_t n = 1;

	if (s->address[side]) {
		list = s->address[side]->prefixes.data;
		n = s->address[side]->prefixes.len;
	}
	for (size_t i = 0; i < n; i++) {
		struct stand_ins in;

		if (list[i].addr.family != family)
			continue;
		in = addresses_in(&r->stand_ins[side], &list[i]);
		if (in.first + skip < in.end) {
			*at = in.first + skip;
			return true;
		}
		skip -= in.end - in.first;
	}
	return false;
}

/* Both addresses of a packet that meets @rule: some are tried, for tests that exclude some. */
#define ADDRESS_TRIES 12

static bool find_context(struct run *r, const struct policy_rule *rule, const struct sketch *s,
			 const struct packet *k, struct context *c)
{
	struct frame_fields f = k->fields;

	*c = (struct context){ .family = k->family };
	if (!k->family)
		return predicate_holds(rule->predicate, &f, k->sets);
	for (size_t i = 0; i < ADDRESS_TRIES; i++) {
		if (!find_address(r, s, 0, k->family, i, &c->source))
			break;
		for (size_t j = 0; j < ADDRESS_TRIES; j++) {
			if (!find_address(r, s, 1, k->family, j, &c->destination))
				break;
			f.src = stand_in(r, 0, c->source)->addr;
			f.dst = stand_in(r, 1, c->destination)->addr;
			if (predicate_holds(rule->predicate, &f, k->sets))
				return true;
		}
	}
	return false;
}

static bool rule_has_port(const struct run *r, const struct policy_rule *rule, uint64_t port)
{
	const struct policy_port *p = *(struct policy_port **)vec_at(&r->p->ports, port);

	for (size_t i = 0; i < rule->filter->ports.len; i++)
		if (((struct policy_port_ref *)vec_at(&rule->filter->ports, i))->port == p)
			return true;
	return false;
}

/* A port of the rule's filter; one that the sketch leaves, if there is one. */
static uint64_t choose_port(const struct run *r, const struct policy_rule *rule, const struct sketch *s)
{
	uint64_t some = 0;

	for (size_t i = r->p->ports.len; i--;) {
		if (!rule_has_port(r, rule, i))
			continue;
		some = i;
		for (size_t j = 0; s->fields >> FIELD_IN & 1 && j < s->left[FIELD_IN].len; j++) {
			const struct policy_range *range = vec_at(&s->left[FIELD_IN], j);

			if (range->first <= i && i <= range->last)
				return i;
		}
	}
	return some;
}

/* The packet with one field right inside and right outside of what the rule takes. */
static void ask_edges(struct run *r, const struct sketch *s, uint8_t family, uint64_t port,
		      const struct context *c)
{
	for (unsigned int field = 0; field < FIELD_COUNT; field++) {
		if (!(s->fields >> field & 1) || field == FIELD_IN)
			continue;
		for (size_t i = 0; i < s->left[field].len && i < SKETCHES_MAX && !time_is_up(r); i++) {
			const struct policy_range *range = vec_at(&s->left[field], i);
			const uint64_t values[] = { range->first, range->last, range->first - 1, range->last + 1 };

			for (unsigned int j = 0; j < 4; j++) {
				struct packet k = { .boundary = true };
				struct match policy;

				if ((j == 1 && values[1] == values[0]) ||
				    values[j] >> policy_field_bits(field) ||
				    !sketch_vary(s, family, field, values[j], &k.fields, &k.sets))
					continue;
				k.fields.value[FIELD_IN] = port;
				prepare(r, &k);
				if (k.family == c->family)
					ask(r, &k, c, &policy, NULL);
			}
		}
	}
}

/* The same packet from and to the kinds of addresses next to the rule's. */
static void ask_neighbours(struct run *r, struct packet *k, const struct context *c)
{
	for (unsigned int side = 0; k->family && side < 2; side++) {
		uint32_t at = side ? c->destination : c->source;

		for (int step = -1; step <= 1; step += 2) {
			struct context next = *c;
			struct match policy;

			if (at + step >= r->stand_ins[side].len ||
			    stand_in(r, side, at + step)->addr.family != k->family)
				continue;
			*(side ? &next.destination : &next.source) = at + step;
			ask(r, k, &next, &policy, NULL);
		}
	}
}

static void ask_sketch(struct run *r, const struct policy_rule *rule, const struct sketch *s,
		       uint8_t family)
{
	uint64_t port = choose_port(r, rule, s);
	struct packet k = { 0 };
	struct rules_found first;
	struct context c;
	struct match policy;
	struct base *base;

	if (!sketch_fill(s, family, &k.fields, &k.sets))
		return;
	k.fields.value[FIELD_IN] = port;
	prepare(r, &k);
	if (k.family != family || !find_context(r, rule, s, &k, &c))
		return;
	ask(r, &k, &c, &policy, &first);
	base = vec_push(&r->bases);
	*base = (struct base){ .packet = k, .context = c, .box = first.rule };
	if (family && !r->base_of[2 * rule->number + (family == ADDR_V6)])
		r->base_of[2 * rule->number + (family == ADDR_V6)] = r->bases.len;
	ask_neighbours(r, &k, &c);
	ask_edges(r, s, family, port, &c);
}

static void ask_rules(struct run *r, struct vec *sketches)
{
	static const uint8_t families[] = { ADDR_V4, ADDR_V6, ADDR_NONE };

	for (size_t i = 0; i < r->p->rules.len && !time_is_up(r); i++) {
		struct vec *own = vec_at(sketches, i);

		for (size_t j = 0; j < own->len; j++)
			for (unsigned int f = 0; f < 3 && !time_is_up(r); f++)
				ask_sketch(r, rule_at(r, i), vec_at(own, j), families[f]);
	}
}

/* ---- 2: odd values ---------------------------------------------------------------------------------- */

static void ask_odd_addresses(struct run *r, unsigned int side)
{
	for (size_t i = 0; i < r->stand_ins[side].len; i++) {
		const struct stand_in *odd = stand_in(r, side, i);

		for (size_t j = 0; odd->odd && j < r->bases.len && !time_is_up(r); j++) {
			struct base *b = vec_at(&r->bases, j);
			struct context c = b->context;
			struct match policy;

			if (c.family != odd->addr.family)
				continue;
			*(side ? &c.destination : &c.source) = i;
			ask(r, &b->packet, &c, &policy, NULL);
		}
	}
}

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

static void ask_odd_values(struct run *r, enum policy_field field)
{
	const struct vec *values = &r->values.of[field];

	for (size_t i = 0; i < values->len; i++) {
		const struct value *odd = vec_at(values, i);

		for (size_t j = 0; odd->odd && j < r->bases.len && !time_is_up(r); j++) {
			const struct base *b = vec_at(&r->bases, j);
			struct packet k = b->packet;
			struct match policy;

			if (!set_value(&k, field, odd->value))
				continue;
			prepare(r, &k);
			if (k.family == b->context.family)
				ask(r, &k, &b->context, &policy, NULL);
		}
	}
}

static void ask_odd(struct run *r)
{
	ask_odd_addresses(r, 0);
	ask_odd_addresses(r, 1);
	for (unsigned int field = 0; field <= FIELD_COUNT; field++)
		ask_odd_values(r, field);
}

/* ---- packets without addresses ------------------------------------------------------------------------ */

/* What decides which fields a packet has. */
struct form {
	uint8_t family;
	bool tag;
	uint8_t frag;
	enum { FORM_TCP, FORM_UDP, FORM_ICMP, FORM_OTHER } protocol;
};

/* The fields of a form that have more than one kind of value, and how many combinations there are. */
struct product {
	struct form form;
	unsigned int fields;
	enum policy_field field[FIELD_COUNT + 1];
	uint64_t combinations;
};

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
		return values_field(field) == field;
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

/* All forms that rules or tables can tell apart. */
static void make_products(const struct run *r, struct vec *products)
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
					vec_append(products, &p);
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

/* Combination number @n. Return: whether there is such a packet. */
static bool make_packet(const struct run *r, const struct product *p, uint64_t n, struct packet *k)
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
		uint64_t value = ((struct value *)vec_at(values, n % values->len))->value;

		n /= values->len;
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
	if (possible_sets(r->p, &k->fields, k->sets) != k->sets)
		return false;
	prepare(r, k);
	return true;
}

/* ---- 3: services ------------------------------------------------------------------------------------------ */

/* Entries of the arrays of classes that some packet has come through: a bit for each half word of the area. */
static bool new_way(const struct run *r, const struct packet *k, uint64_t *seen)
{
	uint16_t field[RULES_FIELD_COUNT];
	bool fresh = false;

	walk_fields(r->filter, r->port, &k->fields, k->sets, field);
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		const struct rules_shape *s = &r->filter->shape.layer[l];
		uint32_t class[RULES_GROUPS_MAX] = { 0 };

		for (unsigned int i = 0; i < s->steps; i++) {
			uint32_t *c = &class[s->step[i].group % RULES_GROUPS_MAX];
			uint32_t of_field = rules_half(r->filter->area, s, s->step[i].classes,
						       field[s->step[i].field] & s->step[i].mask);
			uint64_t at = s->step[i].combined ?
				      s->step[i].combined / 2 + (uint64_t)*c * s->step[i].width + of_field :
				      s->step[i].classes / 2 + (field[s->step[i].field] & s->step[i].mask);

			if (at / 64 <= r->filter->area_bytes / 128 && !(seen[at / 64] >> (at & 63) & 1)) {
				seen[at / 64] |= 1ull << (at & 63);
				fresh |= s->step[i].combined != 0;
			}
			*c = s->step[i].combined ? rules_half(r->filter->area, s, s->step[i].combined,
							      (uint64_t)*c * s->step[i].width + of_field) : of_field;
		}
	}
	return fresh;
}

/* Packets that come through every combination of classes there is. */
static void find_ways(struct run *r, const struct vec *products, struct vec *packets)
{
	uint64_t *seen = xcalloc(r->filter->area_bytes / 128 + 2, sizeof(*seen));
	double until = now() + (r->deadline - now()) / 4;

	for (size_t i = 0; i < products->len; i++) {
		const struct product *p = vec_at(products, i);
		/* A step that meets all combinations, and is far from the one before. */
		uint64_t step = p->combinations > PACKETS_MAX ? 0x9e3779b1 : 1, n = 0;
		uint64_t most = p->combinations > PACKETS_MAX ? PACKETS_MAX : p->combinations;

		for (uint64_t j = 0; j < most && !time_is_up(r); j++, n += step) {
			struct packet k;

			if (!(j & 255) && now() > until)
				break;
			if (make_packet(r, p, n % p->combinations, &k) &&
			    (new_way(r, &k, seen) || (!j && packets->len < PACKETS_MAX)))
				vec_append(packets, &k);
		}
	}
	free(seen);
}

/* Addresses of packets that were decided by boxes of every service, and of the rules that act. */
static void find_contexts(struct run *r, struct vec *contexts)
{
	struct table known = TABLE(uint64_t, uint8_t);

	for (size_t i = 0; i < r->bases.len; i++) {
		const struct base *b = vec_at(&r->bases, i);
		const struct rules_shape *s = &r->filter->shape.layer[0];
		const struct rules_head *head;
		uint64_t service;
		uint8_t *times;

		if (!b->context.family)
			continue;
		head = rules_at(r->filter->area, s, s->heads + sizeof(*head) * (uint64_t)b->box);
		service = b->box == RULES_NONE ? ~0ull : (uint64_t)b->context.family << 32 | head->service;
		times = table_put(&known, &service, NULL);
		if (*times >= CONTEXTS_MAX && b->box != RULES_NONE)
			continue;
		++*times;
		vec_append(contexts, &b->context);
	}
	table_free(&known);
}

static void ask_services(struct run *r, const struct vec *products)
{
	struct vec packets = r->ways, contexts = VEC(struct context);
	uint64_t all, step;

	find_ways(r, products, &packets);
	r->ways = packets;
	find_contexts(r, &contexts);
	/* Where there are too many, some of all. */
	all = (uint64_t)packets.len * contexts.len;
	step = all > SERVICES_MAX ? all / SERVICES_MAX | 1 : 1;
	for (uint64_t i = 0; i < all && !time_is_up(r); i += step) {
		const struct context *c = vec_at(&contexts, i / packets.len);
		struct packet *k = vec_at(&packets, i % packets.len);
		struct match policy;

		if (k->family == c->family)
			ask(r, k, c, &policy, NULL);
	}
	vec_free(&contexts);
}

/* ---- 4: cells ---------------------------------------------------------------------------------------------- */

/* Stand-ins by their class in a layer, and by the wide node over it; by family. RULES_NONE: none. */
struct by_class {
	uint32_t classes[2];		/* of source and destination */
	uint32_t *own[2], *below[2];	/* [class][family is IPv6] */
};

static void by_class_init(const struct run *r, unsigned int layer, struct by_class *b)
{
	for (unsigned int side = 0; side < 2; side++) {
		size_t n = r->stand_ins[side].len;

		b->classes[side] = r->filter->shape.layer[layer].wide[side];
		for (size_t i = 0; i < n; i++) {
			uint32_t class = RULES_CLASS(stand_in(r, side, i)->word[layer]);

			if (class >= b->classes[side])
				b->classes[side] = class + 1;
		}
		b->own[side] = xcalloc(2 * b->classes[side] + 2, sizeof(uint32_t));
		b->below[side] = xcalloc(2 * b->classes[side] + 2, sizeof(uint32_t));
		memset(b->own[side], 0xff, 2 * b->classes[side] * sizeof(uint32_t));
		memset(b->below[side], 0xff, 2 * b->classes[side] * sizeof(uint32_t));
		for (size_t i = 0; i < n; i++) {
			const struct stand_in *s = stand_in(r, side, i);
			uint32_t class = RULES_CLASS(s->word[layer]), wide = RULES_WIDE(s->word[layer]);
			unsigned int six = s->addr.family == ADDR_V6;

			b->own[side][2 * class + six] = i;
			if (wide < b->classes[side])
				b->below[side][2 * wide + six] = i;
		}
	}
}

static void by_class_free(struct by_class *b)
{
	for (unsigned int side = 0; side < 2; side++) {
		free(b->own[side]);
		free(b->below[side]);
	}
}

static uint32_t of_node(const struct by_class *b, unsigned int side, uint32_t node, unsigned int six)
{
	if (node >= b->classes[side])
		return RULES_NONE;
	return b->own[side][2 * node + six] != RULES_NONE ? b->own[side][2 * node + six] :
							    b->below[side][2 * node + six];
}

/* A cell: two nodes, and what it says. */
struct cell {
	unsigned int layer;
	uint32_t node[2];
	uint32_t content;
};

/* The packet that met the rule of @box between the addresses of @cell. */
static void ask_box(struct run *r, const struct by_class *b, const struct cell *cell, uint32_t box)
{
	const struct rules_shape *s = &r->filter->shape.layer[cell->layer];
	const struct rules_head *head = rules_at(r->filter->area, s, s->heads + sizeof(*head) * (uint64_t)box);
	uint32_t rule = ACTION_RULE(head->action);

	for (unsigned int six = 0; rule < r->p->rules.len && six < 2; six++) {
		uint32_t at = r->base_of[2 * rule + six];
		struct context c = { of_node(b, 0, cell->node[0], six), of_node(b, 1, cell->node[1], six),
				     six ? ADDR_V6 : ADDR_V4 };
		struct match policy;

		if (at && c.source != RULES_NONE && c.destination != RULES_NONE)
			ask(r, &((struct base *)vec_at(&r->bases, at - 1))->packet, &c, &policy, NULL);
	}
}

/* Nodes that no address has, because others below cover them, have cells that no packet looks at. */
static bool is_reachable(const struct by_class *b, const struct cell *cell)
{
	for (unsigned int six = 0; six < 2; six++)
		if (of_node(b, 0, cell->node[0], six) != RULES_NONE &&
		    of_node(b, 1, cell->node[1], six) != RULES_NONE)
			return true;
	return !cell->node[0] && !cell->node[1];	/* what is not IP */
}

/* A packet of each service class between the addresses of @cell. */
static void ask_classes(struct run *r, const struct by_class *b, const struct cell *cell)
{
	for (size_t i = 0; i < r->ways.len && !time_is_up(r); i++) {
		struct packet *k = vec_at(&r->ways, i);
		unsigned int six = k->family == ADDR_V6;
		struct context c = { of_node(b, 0, cell->node[0], six), of_node(b, 1, cell->node[1], six),
				     k->family };
		struct match policy;

		if (k->family && c.source != RULES_NONE && c.destination != RULES_NONE)
			ask(r, k, &c, &policy, NULL);
	}
}

static void ask_content(struct run *r, const struct by_class *b, const struct cell *cell)
{
	const struct rules_shape *s = &r->filter->shape.layer[cell->layer];
	uint32_t kind = RULES_KIND(cell->content), at = RULES_AT(cell->content);

	switch (kind) {
	case RULES_SURE:
	case RULES_ONE:
		ask_box(r, b, cell, at);
		break;
	case RULES_LIST:
		for (uint32_t i = 0; i < s->list_max; i++) {
			const struct rules_entry *e =
				rules_at(r->filter->area, s, s->lists + sizeof(*e) * ((uint64_t)at + i));

			ask_box(r, b, cell, e->rule);
			if (e->service & RULES_LAST)
				break;
		}
		break;
	case RULES_ROW:
		ask_classes(r, b, cell);
		break;
	}
}

static void ask_cell(struct run *r, const struct by_class *b, const struct cell *cell)
{
	if (is_reachable(b, cell))
		ask_content(r, b, cell);
	else
		r->unreachable++;
}

static void ask_array(struct run *r, const struct by_class *b, unsigned int layer, uint32_t table,
		      const uint32_t first[2], const uint32_t end[2], bool swapped)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];
	uint64_t at = 0;

	for (uint32_t x = first[swapped]; table && x < end[swapped]; x++) {
		for (uint32_t y = first[!swapped]; y < end[!swapped] && !time_is_up(r); y++, at++) {
			struct cell cell = { .layer = layer };

			cell.node[swapped] = x;
			cell.node[!swapped] = y;
			cell.content = rules_word(r->filter->area, s, table, at);
			if (cell.content)
				ask_cell(r, b, &cell);
		}
	}
}

static void ask_hash(struct run *r, const struct by_class *b, unsigned int layer)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];

	for (uint64_t i = 0; s->hashed && i < s->bucket_count && !time_is_up(r); i++) {
		const struct rules_bucket *bucket = rules_at(r->filter->area, s, s->buckets + RULES_LINE * i);

		for (unsigned int j = 0; j < RULES_BUCKET; j++) {
			const struct cell cell = {
				.layer = layer,
				.node = { bucket->key[j] >> RULES_CLASS_BITS, RULES_CLASS(bucket->key[j]) },
				.content = bucket->cell[j],
			};

			if (bucket->key[j] && cell.content)
				ask_cell(r, b, &cell);
		}
	}
}

/* Every cell of the plane where both sides are wide, with a packet of each class. */
static void ask_wide(struct run *r, const struct by_class *b, unsigned int layer)
{
	const struct rules_shape *s = &r->filter->shape.layer[layer];

	for (uint32_t x = 0; x < s->wide[0]; x++) {
		for (uint32_t y = 0; y < s->wide[1] && !time_is_up(r); y++) {
			const struct cell cell = { .layer = layer, .node = { x, y } };

			ask_classes(r, b, &cell);
		}
	}
}

/* Every cell that is in use, with a packet for each rule in it. */
static void ask_used_cells(struct run *r)
{
	for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
		const struct rules_shape *s = &r->filter->shape.layer[l];
		struct by_class b;
		const uint32_t none[2] = { 0, 0 };

		by_class_init(r, l, &b);
		/* Where both are wide all that rules say of any address lies: every pair is asked, full or not. */
		if ((uint64_t)s->wide[0] * s->wide[1] * r->ways.len <= WIDE_MAX)
			ask_wide(r, &b, l);
		ask_array(r, &b, l, s->ww, none, s->wide, false);
		ask_array(r, &b, l, s->nw, (uint32_t[]){ s->wide[0], 0 },
			  (uint32_t[]){ b.classes[0], s->wide[1] }, false);
		ask_array(r, &b, l, s->wn, (uint32_t[]){ 0, s->wide[1] },
			  (uint32_t[]){ s->wide[0], b.classes[1] }, true);
		ask_hash(r, &b, l);
		by_class_free(&b);
	}
}

/* Whether a class is a node of its side's wide band. */
static bool is_wide(const struct run *r, unsigned int side, const struct stand_in *s)
{
	return RULES_CLASS(s->word[0]) < r->filter->shape.layer[0].wide[side];
}

static void count_wide(struct run *r)
{
	for (unsigned int side = 0; side < 2; side++) {
		size_t n = r->stand_ins[side].len;

		r->wide[side] = xcalloc(n + 1, sizeof(*r->wide[side]));
		for (size_t i = 0; i < n; i++)
			r->wide[side][i + 1] = r->wide[side][i] + is_wide(r, side, stand_in(r, side, i));
	}
}

/*
 * The kinds of addresses below a prefix that have cells of their own for a rule on it: if there is
 * a wide one among them, the prefix is wide, and has them with the wide ones; else with all.
 */
static void below(const struct run *r, unsigned int side, const struct prefix *p, struct vec *out)
{
	struct stand_ins in = addresses_in(&r->stand_ins[side], p);
	bool wide = r->wide[side][in.end] > r->wide[side][in.first];
	bool two_bands = !r->filter->shape.layer[0].chain[0];
	uint32_t before = RULES_NONE;

	out->len = 0;
	for (uint32_t i = in.first; i < in.end; i++) {
		const struct stand_in *s = stand_in(r, side, i);
		uint32_t over = RULES_WIDE(s->word[0]);

		/* Of a wide node that has no address of its own any below it will do. */
		if (wide && two_bands && !is_wide(r, side, s) && over == before)
			continue;
		before = two_bands ? over : RULES_NONE;
		vec_append(out, &i);
	}
}

static void ask_pairs(struct run *r, struct packet *k, const struct vec *sources,
		      const struct vec *destinations)
{
	for (size_t i = 0; i < sources->len; i++) {
		for (size_t j = 0; j < destinations->len && !time_is_up(r); j++) {
			const struct context c = { *(uint32_t *)vec_at(sources, i),
						   *(uint32_t *)vec_at(destinations, j), k->family };
			struct match policy;

			if (stand_in(r, 0, c.source)->addr.family == k->family &&
			    stand_in(r, 1, c.destination)->addr.family == k->family)
				ask(r, k, &c, &policy, NULL);
		}
	}
}

/* The prefixes of a sketch on one side. */
static const struct prefix *prefixes_of(const struct sketch *s, unsigned int side, uint8_t family, size_t *n)
{
	static const struct prefix all4 = { .addr = { .family = ADDR_V4 } };
	static const struct prefix all6 = { .addr = { .family = ADDR_V6 } };

	if (s->address[side]) {
		*n = s->address[side]->prefixes.len;
		return s->address[side]->prefixes.data;
	}
	*n = 1;
	return family == ADDR_V6 ? &all6 : &all4;
}

static void ask_below(struct run *r, const struct policy_rule *rule, const struct sketch *s, uint8_t family)
{
	struct vec sources = VEC(uint32_t), destinations = VEC(uint32_t);
	const struct prefix *from, *to;
	struct packet k = { 0 };
	size_t n, m;

	if (!sketch_fill(s, family, &k.fields, &k.sets))
		return;
	k.fields.value[FIELD_IN] = choose_port(r, rule, s);
	prepare(r, &k);
	from = prefixes_of(s, 0, family, &n);
	to = prefixes_of(s, 1, family, &m);
	for (size_t i = 0; i < n && !time_is_up(r); i++) {
		if (from[i].addr.family != family)
			continue;
		below(r, 0, &from[i], &sources);
		for (size_t j = 0; j < m && !time_is_up(r); j++) {
			if (to[j].addr.family != family)
				continue;
			below(r, 1, &to[j], &destinations);
			ask_pairs(r, &k, &sources, &destinations);
		}
	}
	vec_free(&sources);
	vec_free(&destinations);
}

static void ask_cells(struct run *r, struct vec *sketches)
{
	uint64_t until = r->report->packets + PAIRS_MAX;
	/* In an order that is spread over all rules: a prime that is larger meets each once. */
	uint64_t n = r->p->rules.len, step = 0x9e3779b1, at = 0;

	count_wide(r);
	for (uint64_t i = 0; i < n && r->report->packets < until && !time_is_up(r); i++, at += step) {
		struct vec *own = vec_at(sketches, at % n);

		for (size_t j = 0; j < own->len && !time_is_up(r); j++) {
			ask_below(r, rule_at(r, at % n), vec_at(own, j), ADDR_V4);
			ask_below(r, rule_at(r, at % n), vec_at(own, j), ADDR_V6);
		}
	}
}

/* ---- 5: everything -------------------------------------------------------------------------------------------- */

/* Places in stand_ins of the addresses of one family. */
static struct stand_ins of_family(const struct run *r, unsigned int side, uint8_t family)
{
	const struct prefix all = { .addr = { .family = family } };

	return addresses_in(&r->stand_ins[side], &all);
}

static uint64_t combinations(const struct run *r, const struct vec *products)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < products->len; i++) {
		const struct product *p = vec_at(products, i);
		uint64_t n = p->combinations, pairs = 1;

		if (p->form.family) {
			struct stand_ins from = of_family(r, 0, p->form.family);
			struct stand_ins to = of_family(r, 1, p->form.family);

			pairs = (uint64_t)(from.end - from.first) * (to.end - to.first);
		}
		if (n > COMPLETE_MAX || pairs > COMPLETE_MAX || n * pairs > COMPLETE_MAX)
			return COMPLETE_MAX + 1;
		sum += n * pairs;
	}
	return sum;
}

static void ask_between_all(struct run *r, struct packet *k)
{
	struct stand_ins from = of_family(r, 0, k->family), to = of_family(r, 1, k->family);

	for (uint32_t x = from.first; x < from.end; x++) {
		for (uint32_t y = to.first; y < to.end && !time_is_up(r); y++) {
			const struct context c = { x, y, k->family };
			struct match policy;

			ask(r, k, &c, &policy, NULL);
		}
	}
}

/* A combination of everything, drawn. */
static void ask_some(struct run *r, const struct vec *products)
{
	uint64_t state = 1, until = r->report->packets + SAMPLE_MAX;

	while (r->report->packets < until && !time_is_up(r)) {
		const struct product *p;
		struct context c = { 0 };
		struct match policy;
		struct packet k;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		p = vec_at(products, (state >> 33) % products->len);
		state = state * 6364136223846793005ull + 1442695040888963407ull;
		if (!make_packet(r, p, (state >> 20) % p->combinations, &k))
			continue;
		for (unsigned int i = 0; i < 64 && !time_is_up(r); i++) {
			c.family = k.family;
			if (k.family) {
				struct stand_ins from = of_family(r, 0, k.family), to = of_family(r, 1, k.family);

				state = state * 6364136223846793005ull + 1442695040888963407ull;
				c.source = from.first + (state >> 33) % (from.end - from.first);
				state = state * 6364136223846793005ull + 1442695040888963407ull;
				c.destination = to.first + (state >> 33) % (to.end - to.first);
			}
			ask(r, &k, &c, &policy, NULL);
			if (!k.family)
				break;
		}
	}
}

static void ask_all(struct run *r, const struct vec *products)
{
	if (combinations(r, products) > COMPLETE_MAX) {
		ask_some(r, products);
		return;
	}
	for (size_t i = 0; i < products->len; i++) {
		const struct product *p = vec_at(products, i);

		for (uint64_t n = 0; n < p->combinations && !time_is_up(r); n++) {
			const struct context none = { 0 };
			struct match policy;
			struct packet k;

			if (!make_packet(r, p, n, &k))
				continue;
			if (k.family)
				ask_between_all(r, &k);
			else
				ask(r, &k, &none, &policy, NULL);
		}
	}
	r->report->complete = !r->stop && !r->step_over && r->values.all_sets;
}

/* ---- the whole --------------------------------------------------------------------------------------------------- */

static void make_environment(struct run *r)
{
	r->env_ports = xcalloc(r->p->ports.len + 1, sizeof(*r->env_ports));
	for (size_t i = 0; i < r->p->ports.len; i++) {
		const struct policy_port *port = *(struct policy_port **)vec_at(&r->p->ports, i);

		r->env_ports[i].number = r->port[i];
		r->env_ports[i].up = true;
		r->env_ports[i].mtu = 1500;
		snprintf(r->env_ports[i].interface, sizeof(r->env_ports[i].interface), "%s", port->interface);
	}
	r->env = (struct eval_env){ .ports = r->env_ports, .ports_len = r->p->ports.len };
	facts_env(&r->facts, &r->env);
}

static void begin(struct run *r)
{
	uint32_t classes[LAYERS_MAX][2] = { 0 };

	r->matcher = matcher_new(r->p);
	for (unsigned int side = 0; side < 2; side++) {
		r->stand_ins[side] = VEC(struct stand_in);
		addresses_find(r->p, r->filter, r->matcher, side, &r->stand_ins[side]);
		for (size_t i = 0; i < r->stand_ins[side].len; i++)
			for (unsigned int l = 0; l < r->filter->shape.layers; l++) {
				uint32_t class = RULES_CLASS(stand_in(r, side, i)->word[l]);

				if (class >= classes[l][side])
					classes[l][side] = class + 1;
			}
	}
	values_find(r->p, r->filter, r->port, &r->values);
	seen_init(&r->seen, r->filter, classes);
	make_environment(r);
	r->met = xcalloc(r->p->rules.len / 64 + 1, sizeof(*r->met));
	r->bases = VEC(struct base);
	r->ways = VEC(struct packet);
	r->base_of = xcalloc(2 * r->p->rules.len + 2, sizeof(*r->base_of));
}

static void end(struct run *r)
{
	r->report->cells = r->seen.full - r->unreachable;
	r->report->cells_seen = r->seen.full_seen;
	r->report->seconds = now() - r->start;
	r->report->late &= !r->report->complete;
	matcher_free(r->matcher);
	for (unsigned int side = 0; side < 2; side++) {
		vec_free(&r->stand_ins[side]);
		free(r->wide[side]);
	}
	values_free(&r->values);
	seen_free(&r->seen);
	free(r->env_ports);
	free(r->met);
	free(r->base_of);
	vec_free(&r->bases);
	vec_free(&r->ways);
}

static void ask_everything(struct run *r)
{
	struct vec sketches = VEC(struct vec), products = VEC(struct product);

	for (size_t i = 0; i < r->p->rules.len; i++) {
		struct vec *own = vec_push(&sketches);

		*own = VEC(struct sketch);
		sketches_make(rule_at(r, i)->predicate, own);
	}
	make_products(r, &products);
	begin_step(r, 0.5);
	ask_rules(r, &sketches);
	begin_step(r, 0.6);
	ask_odd(r);
	begin_step(r, 0.25);
	ask_services(r, &products);
	begin_step(r, 0.5);
	ask_used_cells(r);
	begin_step(r, 0.9);
	ask_cells(r, &sketches);
	begin_step(r, 1);
	ask_all(r, &products);
	for (size_t i = 0; i < sketches.len; i++)
		sketches_free(vec_at(&sketches, i));
	vec_free(&sketches);
	vec_free(&products);
}

unsigned int verify_time(const struct policy *p)
{
	size_t ms = 200 + p->rules.len / 20;

	return ms < VERIFY_TIME_MS ? ms : VERIFY_TIME_MS;
}

int verify_image(const struct policy *p, const struct image *image,
		 const struct verify_options *options, struct verify_report *report,
		 struct text *why)
{
	static const struct verify_options defaults = { 0 };
	struct run r = {
		.p = p, .image = image, .filter = &image->filter,
		.options = options ? options : &defaults,
		.report = report, .until_clock = ASK_CLOCK,
	};
	unsigned int time_ms = r.options->time_ms ? r.options->time_ms : verify_time(p);

	*report = (struct verify_report){ .rules = p->rules.len };
	if (!walk_sound(image, why))
		return -EINVAL;
	r.start = now();
	r.deadline = r.start + time_ms * 1e-3;
	r.port = walk_ports(image, p);
	if (!p->rules.len && !image->filter.shape.layers) {
		report->complete = true;
		free(r.port);
		return 0;
	}
	begin(&r);
	if (!actions_agree(p, image, report->what, sizeof(report->what), &report->witness.policy.rule))
		report->differ = true;
	else
		ask_everything(&r);
	end(&r);
	free(r.port);
	return report->differ ? -EILSEQ : 0;
}
