// SPDX-License-Identifier: GPL-2.0
#include "analyse/behaviour.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/possible.h"
#include "base/diag.h"
#include "base/text.h"
#include "policy/frame.h"
#include "policy/print.h"
#include "policy/tree.h"

/* ---- numbers that all understand ----------------------------------------------------- */

uint16_t behaviours_port(const struct behaviours *b, const char *interface)
{
	for (size_t i = 0; i < b->ports.len; i++)
		if (!strcmp(((struct behaviour_port *)vec_at(&b->ports, i))->interface, interface))
			return i + 1;
	return 0;
}

static uint16_t add_port(struct behaviours *b, const struct policy_port *port)
{
	uint16_t number = behaviours_port(b, port->interface);
	struct behaviour_port *p = number ? vec_at(&b->ports, number - 1) : vec_push(&b->ports);

	p->interface = port->interface;
	p->name = port->name;
	return number ? number : b->ports.len;
}

static uint32_t add_mac(struct behaviours *b, const struct lower_mac *mac)
{
	uint16_t *known = table_get(&b->names.mac_numbers, mac);

	if (known)
		return *known;
	vec_append(&b->names.macs, mac);
	*(uint16_t *)table_put(&b->names.mac_numbers, mac, NULL) = b->names.macs.len;
	return b->names.macs.len;
}

static int add_set(struct behaviours *b, const struct policy_set_test *test, struct diags *diags)
{
	struct behaviour_set set = { test->set->name, test->field };

	for (size_t i = 0; i < b->sets.len; i++) {
		const struct behaviour_set *s = vec_at(&b->sets, i);

		if (s->field == set.field && !strcmp(s->name, set.name))
			return i;
	}
	if (b->sets.len == SET_TESTS_MAX) {
		diag_error(diags, test->set->place, "both policies together ask sets in more than %u ways: "
			   "they cannot be compared", SET_TESTS_MAX);
		return -E2BIG;
	}
	vec_append(&b->sets, &set);
	return b->sets.len - 1;
}

/* How one policy's numbers become those of all. */
struct renumbering {
	uint32_t macs;			/* how many it knew */
	uint32_t mac[4096];		/* by its number; 0: none of its own */
	uint32_t all_macs;
	uint8_t bit[16];
	bool same_macs, same_bits;
};

static bool takes(const struct rule *rule, unsigned int field, uint32_t value)
{
	for (uint32_t i = 0; i < rule->tests; i++) {
		const struct rule_test *t = &rule->test[i];

		if (t->field == field && (t->kind == RULE_MASK ? (value & t->b) == t->a :
					  t->a <= value && value <= t->b))
			return true;
	}
	return false;
}

static bool tests(const struct rule *rule, unsigned int field)
{
	for (uint32_t i = 0; i < rule->tests; i++)
		if (rule->test[i].field == field)
			return true;
	return false;
}

/* What it did not know is none of its own: number 0. */
static void renumber_macs(const struct renumbering *r, const struct rule *rule, unsigned int field,
			  struct vec *out)
{
	bool *has = xcalloc(r->all_macs + 1, sizeof(*has));
	bool *known = xcalloc(r->all_macs + 1, sizeof(*known));

	for (uint32_t i = 1; i <= r->macs; i++) {
		known[r->mac[i]] = true;
		has[r->mac[i]] = takes(rule, field, i);
	}
	for (uint32_t i = 0; i <= r->all_macs; i++) {
		struct rule_test t = { field, RULE_RANGE, i, i };

		if (known[i] ? has[i] : takes(rule, field, 0))
			vec_append(out, &t);
	}
	free(has);
	free(known);
}

static uint16_t renumber_bits(const struct renumbering *r, uint16_t bits)
{
	uint16_t to = 0;

	for (unsigned int i = 0; i < 16; i++)
		if (bits >> i & 1)
			to |= 1u << r->bit[i];
	return to;
}

static void renumber_rule(const struct renumbering *r, struct rule **rule)
{
	struct vec all = VEC(struct rule_test);
	struct rule like = **rule, *copy;
	bool macs = !r->same_macs && (tests(*rule, RULES_ETH_SRC) || tests(*rule, RULES_ETH_DST));

	if (!macs && (r->same_bits || !tests(*rule, RULES_SETS)))
		return;
	for (uint32_t i = 0; i < like.tests; i++) {
		struct rule_test t = like.test[i];

		if (macs && (t.field == RULES_ETH_SRC || t.field == RULES_ETH_DST))
			continue;
		if (t.field == RULES_SETS) {
			t.a = renumber_bits(r, t.a);
			t.b = renumber_bits(r, t.b);
		}
		vec_append(&all, &t);
	}
	for (unsigned int f = RULES_ETH_SRC; macs && f <= RULES_ETH_DST; f++)
		if (tests(&like, f)) {
			size_t before = all.len;

			renumber_macs(r, &like, f, &all);
			if (all.len == before) {	/* nothing left of it: a value that nobody has */
				struct rule_test never = { f, RULE_RANGE, UINT16_MAX, UINT16_MAX };

				vec_append(&all, &never);
			}
		}
	like.tests = all.len;
	like.test = all.data;
	copy = rule_copy(&like);
	vec_free(&all);
	rule_free(*rule);
	*rule = copy;
}

/* ---- lists ----------------------------------------------------------------------------- */

#define LANE_MARK	"mark"

static uint32_t lane_of(struct behaviours *b, const char *text)
{
	char *copy;

	for (size_t i = 0; i < b->lanes.len; i++)
		if (!strcmp(*(char **)vec_at(&b->lanes, i), text))
			return i + 1;
	copy = xstrdup(text);
	vec_append(&b->lanes, &copy);
	return b->lanes.len;
}

/*
 * What an action does, as a lane. Rules that count under one name, or insert into one set, do the
 * same; each police action has a meter of its own, so the how manieth it is counts. All marks are one lane: a
 * packet leaves with the last one.
 */
static uint32_t action_lane(struct behaviours *b, const struct policy_action *a, struct table *seen)
{
	struct text text = { 0 };
	uint32_t lane, *times;
	uint64_t hash;

	if (a->kind == DO_MARK)
		return lane_of(b, LANE_MARK);
	policy_print_action(a, &text);
	if (a->kind == DO_POLICE) {
		hash = hash_bytes(text.data, text.len);
		times = table_put(seen, &hash, NULL);
		if ((*times)++)
			text_printf(&text, " (%u)", *times);
	}
	lane = lane_of(b, text_string(&text));
	text_free(&text);
	return lane;
}

/* The tests of @box, with @field's within @ranges. Return: false: it has no such value. */
static bool demand(const struct rule *box, unsigned int field, const struct range *ranges,
		   unsigned int count, struct vec *out)
{
	size_t before = out->len;

	for (unsigned int i = 0; i < count; i++) {
		struct rule_test t = { field, RULE_RANGE, ranges[i].first, ranges[i].last };

		if (!tests(box, field))
			vec_append(out, &t);
		for (uint32_t v = t.a; tests(box, field) && v <= ranges[i].last; v++) {
			if (!takes(box, field, v))
				continue;
			t.a = v;
			while (v < ranges[i].last && takes(box, field, v + 1))
				v++;
			t.b = v;
			vec_append(out, &t);
		}
	}
	return out->len > before;
}

/*
 * The packets of a box that have what an action needs of them: what has no source address is not
 * inserted by it. NULL: there are none. Else a box of the behaviours' own, or @box itself.
 */
static const struct rule *having(struct behaviours *b, const struct rule *box, enum policy_field field)
{
	static const struct range l4[] = { { 6, 6 }, { 17, 17 } }, whole[] = { { 0, 1 } };
	static const struct range tagged[] = { { RULES_TAG, RULES_TAG | 0xfff } };
	uint32_t demanded = 0;
	struct vec all = VEC(struct rule_test);
	struct rule rule = *box, *own = NULL;
	bool any = true;

	switch (field) {
	case FIELD_L4_SRC: case FIELD_L4_DST:
		demanded = 1u << RULES_PROTO | 1u << RULES_FRAG;
		any = demand(box, RULES_PROTO, l4, 2, &all) && demand(box, RULES_FRAG, whole, 1, &all);
		/* fall through */
	case FIELD_IP_SRC: case FIELD_IP_DST: case FIELD_IP_PROTO:
		rule.families &= RULE_IP4 | RULE_IP6;
		break;
	case FIELD_VLAN_ID:
		demanded = 1u << RULES_VLAN;
		any = demand(box, RULES_VLAN, tagged, 1, &all);
		break;
	default:
		return box;
	}
	for (uint32_t i = 0; i < box->tests; i++)
		if (!(demanded >> box->test[i].field & 1))
			vec_append(&all, &box->test[i]);
	rule.tests = all.len;
	rule.test = all.data;
	if (any && rule.families)
		own = rule_copy(&rule);
	vec_free(&all);
	if (own)
		vec_append(&b->own, &own);
	return own;
}

static void add_entry(struct behaviour *of, const struct rule *box, uint32_t number, uint32_t lane,
		      uint32_t outcome)
{
	struct difference_entry e = { box, number, lane, outcome };

	vec_append(&of->list.entries, &e);
}

static uint32_t outcome_of(const struct policy_action *a)
{
	return a->kind == DO_MARK ? a->mark : a->kind == DO_DROP ? BEHAVIOUR_DROP : BEHAVIOUR_ALLOW;
}

/* Of a rule's marks the last one. */
static bool is_overwritten(const struct policy_rule *rule, size_t action)
{
	const struct policy_action *a = vec_at(&rule->actions, action);

	for (size_t i = action + 1; i < rule->actions.len && a->kind == DO_MARK; i++)
		if (((struct policy_action *)vec_at(&rule->actions, i))->kind == DO_MARK)
			return true;
	return false;
}

static void make_list(struct behaviours *b, unsigned int which)
{
	struct behaviour *of = &b->of[which];
	struct lowered *l = &of->lowered;
	size_t at[LAYERS_MAX] = { 0 };
	struct table seen = TABLE(uint64_t, uint32_t);

	of->list = DIFFERENCE_LIST;
	of->list.last = lane_of(b, LANE_MARK);
	if (b->no_port[which])
		add_entry(of, b->no_port[which], 0, 0, BEHAVIOUR_NO_PORT);
	for (uint32_t n = 0; n < of->policy->rules.len; n++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&of->policy->rules, n);
		unsigned int layer = l->layers ? l->layer_of[n] : 0;
		struct vec *boxes = &l->layer[layer].rules;
		size_t first = at[layer], last = first;

		while (l->layers && last < boxes->len &&
		       (*(struct rule **)vec_at(boxes, last))->action == n)
			last++;
		at[layer] = last;
		for (size_t a = 0; a < rule->actions.len; a++) {
			const struct policy_action *action = vec_at(&rule->actions, a);
			bool ends = action->kind == DO_ALLOW || action->kind == DO_DROP;
			uint32_t lane = ends ? 0 : action_lane(b, action, &seen);

			for (size_t i = first; i < last && !is_overwritten(rule, a); i++) {
				const struct rule *box = *(struct rule **)vec_at(boxes, i);

				if (action->kind == DO_INSERT)
					box = having(b, box, action->field);
				if (box)
					add_entry(of, box, n + 1, lane, outcome_of(action));
			}
		}
	}
	of->list.end = BEHAVIOUR_ALLOW;
	table_free(&seen);
}

/* Interfaces that are ports of others only. */
static struct rule *no_port(const struct behaviours *b, const struct policy *p)
{
	struct vec all = VEC(struct rule_test);
	struct rule rule = { .families = RULE_ALL }, *copy = NULL;

	for (uint16_t n = 1; n <= b->ports.len; n++) {
		const char *interface = ((struct behaviour_port *)vec_at(&b->ports, n - 1))->interface;
		struct rule_test t = { RULES_IN, RULE_RANGE, n, n };
		bool own = false;

		for (size_t i = 0; i < p->ports.len && !own; i++)
			own = !strcmp((*(struct policy_port **)vec_at(&p->ports, i))->interface, interface);
		if (!own)
			vec_append(&all, &t);
	}
	rule.tests = all.len;
	rule.test = all.data;
	if (all.len)
		copy = rule_copy(&rule);
	vec_free(&all);
	return copy;
}

/* ---- all of it -------------------------------------------------------------------------- */

int behaviours_init(struct behaviours *b, const struct policy *const *policies, unsigned int count,
		    struct diags *diags)
{
	int err = 0;

	*b = (struct behaviours){
		.count = count,
		.ports = VEC(struct behaviour_port),
		.sets = VEC(struct behaviour_set),
		.lanes = VEC(char *),
		.possible = VEC(struct rule *),
		.own = VEC(struct rule *),
	};
	for (unsigned int i = 0; i < count; i++)
		for (size_t k = 0; k < policies[i]->ports.len; k++)
			add_port(b, *(struct policy_port **)vec_at(&policies[i]->ports, k));
	for (unsigned int i = 0; i < count && !err; i++) {
		const struct policy *p = policies[i];
		uint16_t *port = xcalloc(p->ports.len + 1, sizeof(*port));

		for (size_t k = 0; k < p->ports.len; k++)
			port[k] = add_port(b, *(struct policy_port **)vec_at(&p->ports, k));
		b->of[i].policy = p;
		b->of[i].list = DIFFERENCE_LIST;
		err = lower_policy(p, port, &b->of[i].lowered, diags);
		if (!err && !i)
			lower_names_init(&b->names, p, port);
		free(port);
	}
	if (!count || err)
		return err;
	for (unsigned int i = 0; i < count; i++) {
		const struct vec *macs = &b->of[i].lowered.names.macs;

		for (size_t k = 0; k < macs->len; k++)
			add_mac(b, vec_at(macs, k));
		for (size_t k = 0; k < policies[i]->set_tests.len; k++) {
			int bit = add_set(b, vec_at(&policies[i]->set_tests, k), diags);

			if (bit < 0)
				return bit;
		}
	}
	return 0;
}

int behaviours_predicate(struct behaviours *b, const struct policy_predicate *predicate, bool negate,
			 struct rule_list *out, struct diags *diags)
{
	return lower_predicate(b->of[0].policy, &b->names, predicate, negate, 0, out, diags);
}

static void note_tested(struct behaviours *b, const struct rule *rule)
{
	for (uint32_t i = 0; i < rule->tests; i++)
		b->tested |= 1u << rule->test[i].field;
}

static void find_possible(struct behaviours *b)
{
	struct vec ports = VEC(uint16_t), fields = VEC(uint8_t);
	struct possible_facts facts = { &ports, b->names.macs.len, &fields };

	for (uint16_t n = 1; n <= b->ports.len; n++)
		vec_append(&ports, &n);
	for (size_t i = 0; i < b->sets.len; i++)
		vec_append(&fields, &((struct behaviour_set *)vec_at(&b->sets, i))->field);
	possible_packets(&facts, &b->possible);
	vec_free(&ports);
	vec_free(&fields);
}

int behaviours_close(struct behaviours *b, struct rule_list *const *predicates, size_t count,
		     struct diags *diags)
{
	for (unsigned int i = 0; i < b->count; i++) {
		struct lowered *l = &b->of[i].lowered;
		struct renumbering r = {
			.macs = l->names.macs.len, .all_macs = b->names.macs.len, .same_bits = true,
		};
		const struct policy *p = b->of[i].policy;

		if (b->names.macs.len >= 4096) {
			diag_error(diags, (struct place){ 0 }, "more than 4095 link-layer addresses: they "
				   "cannot be analysed");
			return -E2BIG;
		}
		r.same_macs = r.macs == r.all_macs;
		for (uint32_t k = 0; k < r.macs; k++) {
			r.mac[k + 1] = add_mac(b, vec_at(&l->names.macs, k));
			r.same_macs &= r.mac[k + 1] == k + 1;
		}
		for (size_t k = 0; k < p->set_tests.len; k++) {
			r.bit[k] = add_set(b, vec_at(&p->set_tests, k), diags);
			r.same_bits &= r.bit[k] == k;
		}
		for (unsigned int layer = 0; layer < l->layers; layer++)
			for (size_t k = 0; k < l->layer[layer].rules.len; k++) {
				struct rule **rule = vec_at(&l->layer[layer].rules, k);

				renumber_rule(&r, rule);
			}
		b->no_port[i] = no_port(b, p);
		make_list(b, i);
		for (size_t k = 0; k < b->of[i].list.entries.len; k++)
			note_tested(b, ((struct difference_entry *)
					vec_at(&b->of[i].list.entries, k))->box);
	}
	/* Predicates know all addresses but those that came later, which are none of theirs. */
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < predicates[i]->rules.len; k++)
			note_tested(b, *(struct rule **)vec_at(&predicates[i]->rules, k));
	find_possible(b);
	return 0;
}

void behaviours_free(struct behaviours *b)
{
	for (unsigned int i = 0; i < b->count; i++) {
		difference_list_free(&b->of[i].list);
		lowered_free(&b->of[i].lowered);
		rule_free(b->no_port[i]);
	}
	for (size_t i = 0; i < b->own.len; i++)
		rule_free(*(struct rule **)vec_at(&b->own, i));
	vec_free(&b->own);
	for (size_t i = 0; i < b->lanes.len; i++)
		free(*(char **)vec_at(&b->lanes, i));
	lower_names_free(&b->names);
	vec_free(&b->ports);
	vec_free(&b->sets);
	vec_free(&b->lanes);
	possible_free(&b->possible);
}

const struct policy_rule *behaviour_rule(const struct behaviours *b, unsigned int which,
					 uint32_t number)
{
	const struct vec *rules = &b->of[which].policy->rules;

	return number && number <= rules->len ? *(struct policy_rule **)vec_at(rules, number - 1) : NULL;
}

char *behaviour_mark(uint32_t mark, char buf[16])
{
	snprintf(buf, 16, mark ? "mark %" PRIu32 : "no mark", mark);
	return buf;
}

/* ---- packets ------------------------------------------------------------------------------ */

/* The place of a port in one policy; its number of ports: it has none. */
static size_t port_place(const struct behaviours *b, unsigned int which, uint16_t number)
{
	const struct vec *ports = &b->of[which].policy->ports;
	size_t i;

	if (!number || number > b->ports.len)
		return ports->len;
	for (i = 0; i < ports->len; i++)
		if (!strcmp((*(struct policy_port **)vec_at(ports, i))->interface,
			    ((struct behaviour_port *)vec_at(&b->ports, number - 1))->interface))
			break;
	return i;
}

static uint64_t mac_number(const struct behaviours *b, uint16_t number)
{
	/* None of those that are asked for: one that nobody writes into a policy. */
	static const uint8_t other[6] = { 0x02, 0x00, 0x5e, 0x10, 0x00, 0xfe };
	const uint8_t *mac = number && number <= b->names.macs.len ?
			     ((struct lower_mac *)vec_at(&b->names.macs, number - 1))->address : other;
	uint64_t n = 0;

	for (unsigned int i = 0; i < 6; i++)
		n = n << 8 | mac[i];
	return n;
}

/* Where it goes depends on that, so it is said even if no rule asks. */
static bool is_unread(const struct rule_packet *p)
{
	bool is = false;

	for (unsigned int i = 0; i < POSSIBLE_UNREAD; i++)
		is |= rule_matches(&possible_unread[i], p);
	return is;
}

/* Bytes from which on a frame has room for all headers; a shorter one is of no protocol if it may be of any. */
#define ROOMY	100

int behaviours_fields(const struct behaviours *b, unsigned int which, const struct rule_packet *p,
		      struct frame_fields *f)
{
	bool ip = p->addr[0].family != ADDR_NONE;
	bool whole = p->field[RULES_FRAG] != 2, unread = is_unread(p);
	uint8_t proto = p->field[RULES_PROTO];
	struct text why = { 0 };
	size_t port = port_place(b, which, p->field[RULES_IN]);
	int err;

	*f = (struct frame_fields){ 0 };
#define TESTED(field) (b->tested >> RULES_##field & 1)
	if (port < b->of[which].policy->ports.len)
		frame_set(f, FIELD_IN, port);
	if (TESTED(ETH_SRC))
		frame_set(f, FIELD_ETH_SRC, mac_number(b, p->field[RULES_ETH_SRC]));
	if (TESTED(ETH_DST))
		frame_set(f, FIELD_ETH_DST, mac_number(b, p->field[RULES_ETH_DST]));
	if (TESTED(VLAN) && p->field[RULES_VLAN])
		frame_set(f, FIELD_VLAN_ID, p->field[RULES_VLAN] & 0xfff);
	if (TESTED(PCP) && p->field[RULES_PCP])
		frame_set(f, FIELD_VLAN_PCP, p->field[RULES_PCP]);
	if (TESTED(LENGTH) || (unread && !proto))
		frame_set(f, FIELD_PKT_LEN, p->field[RULES_LENGTH]);
	if (!ip) {
		frame_set(f, FIELD_ETH_TYPE, TESTED(ETH_TYPE) ? p->field[RULES_ETH_TYPE] : 0x0806);
		goto settle;
	}
	frame_set_address(f, FIELD_IP_SRC, &p->addr[0]);
	frame_set_address(f, FIELD_IP_DST, &p->addr[1]);
	if (TESTED(PROTO) || TESTED(SPORT) || TESTED(DPORT) || TESTED(TCP_FLAGS) || TESTED(ICMP_TYPE) ||
	    TESTED(ICMP_CODE) || TESTED(SOCKET) || unread)
		frame_set(f, FIELD_IP_PROTO, proto);
	else if (TESTED(LENGTH) && p->field[RULES_LENGTH] < ROOMY)
		frame_set(f, FIELD_IP_PROTO, IPPROTO_NONE);
	if (TESTED(DSCP))
		frame_set(f, FIELD_IP_DSCP, p->field[RULES_DSCP]);
	if (TESTED(ECN))
		frame_set(f, FIELD_IP_ECN, p->field[RULES_ECN]);
	if (TESTED(TTL))
		frame_set(f, FIELD_IP_TTL, p->field[RULES_TTL]);
	if (TESTED(FRAG) || p->field[RULES_FRAG])	/* so short, it can be nothing else */
		frame_set(f, FIELD_IP_FRAG, p->field[RULES_FRAG]);
	if ((proto == 6 || proto == 17) && whole) {
		if (TESTED(SPORT))
			frame_set(f, FIELD_L4_SRC, p->field[RULES_SPORT]);
		if (TESTED(DPORT))
			frame_set(f, FIELD_L4_DST, p->field[RULES_DPORT]);
		if (TESTED(SOCKET) && !p->field[RULES_FRAG])
			frame_set(f, FIELD_SOCKET, p->field[RULES_SOCKET]);
	}
	if (proto == 6 && whole && TESTED(TCP_FLAGS))
		frame_set(f, FIELD_TCP_FLAGS, p->field[RULES_TCP_FLAGS]);
	if (proto == (p->addr[0].family == ADDR_V4 ? 1 : 58) && whole) {
		if (TESTED(ICMP_TYPE))
			frame_set(f, FIELD_ICMP_TYPE, p->field[RULES_ICMP_TYPE]);
		if (TESTED(ICMP_CODE))
			frame_set(f, FIELD_ICMP_CODE, p->field[RULES_ICMP_CODE]);
	}
settle:
#undef TESTED
	err = frame_settle(f, &why, NULL);
	text_free(&why);
	return err;
}

void behaviours_packet(const struct behaviours *b, unsigned int which, const struct rule_packet *p,
		       struct text *out)
{
	struct frame_fields fields;
	const char *with = " with";

	/* A port that only the other one has. */
	if (p->field[RULES_IN] && b->count > 1 &&
	    port_place(b, which, p->field[RULES_IN]) == b->of[which].policy->ports.len)
		which = !which;
	if (behaviours_fields(b, which, p, &fields)) {
		text_printf(out, "a packet that no frame has");
		return;
	}
	frame_format(b->of[which].policy, &fields, out);
	for (size_t i = 0; i < b->sets.len; i++) {
		const struct behaviour_set *s = vec_at(&b->sets, i);

		if (!(p->field[RULES_SETS] >> i & 1))
			continue;
		text_printf(out, "%s %s in %s", with, policy_field_name(s->field), s->name);
		with = " and";
	}
}
