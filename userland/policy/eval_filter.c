// SPDX-License-Identifier: GPL-2.0
/*
 * eval_filter.c: which rules of a filter match a packet, and what they do to it.
 *
 * Predicates are taken as they are written: masks, comparisons and lets are worked out here once more,
 * value by value, and nothing of what policy_check() made of them (ranges, prefixes) is looked at.
 * So a mistake there is found by comparing with this.
 *
 * The list is read from the top. A rule that matches and says allow or drop ends it; one that
 * does not goes on to the next. Of a packet that no rule ends, allow is said. All tests
 * are answered before anything is done.
 */
#include "policy/eval_packet.h"

#include <string.h>

#include "policy/field.h"
#include "policy/tree.h"

/* ---- the fields of a packet (POLICY_FIELDS) ------------------------------ */

static bool is_ip(const struct packet *k)
{
	return k->src.family != ADDR_NONE;
}

/* The header of protocol @proto is there, and was read. */
static bool has_transport(const struct packet *k, unsigned int proto)
{
	return k->read && is_ip(k) && !k->later_fragment && k->proto == proto;
}

static bool has_ports(const struct packet *k)
{
	return has_transport(k, PROTO_TCP) || has_transport(k, PROTO_UDP);
}

static bool has_icmp(const struct packet *k)
{
	return has_transport(k, k->src.family == ADDR_V4 ? PROTO_ICMP : PROTO_ICMP6);
}

static uint64_t mac_at(const struct packet *k, size_t at)
{
	uint64_t mac = 0;

	for (size_t i = 0; i < 6; i++)
		mac = mac << 8 | byte_at(k, at + i);
	return mac;
}

static unsigned int socket_of(const struct eval_env *env, const struct packet *k)
{
	const struct eval_flow flow = { k->src, k->dst, k->proto, k->l4_src, k->l4_dst };

	return env->socket ? env->socket(env->socket_context, &flow) : 0;
}

/* Its address @field. Return: whether it has one. */
static bool address_of(const struct packet *k, enum policy_field field, struct addr *a)
{
	*a = field == FIELD_IP_SRC ? k->src : k->dst;
	return is_ip(k);
}

/* Its number @field, which is no address. Return: whether it has one. */
static bool number_of(const struct eval_env *env, const struct policy_port *port,
		      const struct packet *k, enum policy_field field, uint64_t *n)
{
	switch (field) {
	case FIELD_IN:
		*n = port->number;
		return true;
	case FIELD_ETH_DST:
		*n = mac_at(k, 0);
		return true;
	case FIELD_ETH_SRC:
		*n = mac_at(k, 6);
		return true;
	case FIELD_ETH_TYPE:
		*n = k->ethertype;
		return true;
	case FIELD_VLAN_ID:
		*n = k->vlan;
		return k->tags > 0;
	case FIELD_VLAN_PCP:
		*n = k->pcp;
		return k->tags > 0;
	case FIELD_IP_PROTO:
		*n = k->proto;
		return is_ip(k);
	case FIELD_IP_DSCP:
		*n = k->dscp;
		return is_ip(k);
	case FIELD_IP_ECN:
		*n = k->ecn;
		return is_ip(k);
	case FIELD_IP_TTL:
		*n = k->ttl;
		return is_ip(k);
	case FIELD_IP_FRAG:
		*n = k->later_fragment ? 2 : k->first_fragment ? 1 : 0;
		return is_ip(k);
	case FIELD_L4_SRC:
		*n = k->l4_src;
		return has_ports(k);
	case FIELD_L4_DST:
		*n = k->l4_dst;
		return has_ports(k);
	case FIELD_TCP_SRC:
		*n = k->l4_src;
		return has_transport(k, PROTO_TCP);
	case FIELD_TCP_DST:
		*n = k->l4_dst;
		return has_transport(k, PROTO_TCP);
	case FIELD_UDP_SRC:
		*n = k->l4_src;
		return has_transport(k, PROTO_UDP);
	case FIELD_UDP_DST:
		*n = k->l4_dst;
		return has_transport(k, PROTO_UDP);
	case FIELD_TCP_FLAGS:
		if (!has_transport(k, PROTO_TCP))
			return false;
		*n = byte_at(k, k->transport + 13);
		return true;
	case FIELD_ICMP_TYPE:
		if (!has_icmp(k))
			return false;
		*n = byte_at(k, k->transport);
		return true;
	case FIELD_ICMP_CODE:
		if (!has_icmp(k))
			return false;
		*n = byte_at(k, k->transport + 1);
		return true;
	case FIELD_PKT_LEN:
		*n = k->length < 65535 ? k->length : 65535;
		return true;
	case FIELD_SOCKET:
		if (!has_ports(k) || k->first_fragment)
			return false;
		*n = socket_of(env, k);
		return true;
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
	case FIELD_COUNT:
		break;
	}
	return false;
}

/* ---- tests -------------------------------------------------------------- */

static bool has_address(const struct vec *values, const struct addr *a);

static bool is_address(const struct policy_value *v, const struct addr *a)
{
	switch (v->type) {
	case VALUE_LET:
		return has_address(&v->let->values, a);
	case VALUE_PREFIX:
		return prefix_covers(&v->prefix, a);
	case VALUE_ADDRESSES:
		return a->family == v->last_address->family && addr_cmp(&v->prefix.addr, a) <= 0 &&
		       addr_cmp(a, v->last_address) <= 0;
	default:
		return false;
	}
}

static bool has_address(const struct vec *values, const struct addr *a)
{
	for (size_t i = 0; i < values->len; i++)
		if (is_address(vec_at(values, i), a))
			return true;
	return false;
}

static bool has_number(const struct vec *values, uint64_t n)
{
	for (size_t i = 0; i < values->len; i++) {
		const struct policy_value *v = vec_at(values, i);

		if (v->type == VALUE_LET ? has_number(&v->let->values, n) :
		    v->first <= n && n <= v->last)
			return true;
	}
	return false;
}

/* The one number behind "<" and the like: through lets of one value. */
static uint64_t one_number(const struct vec *values)
{
	const struct policy_value *v = vec_at(values, 0);

	return v->type == VALUE_LET ? one_number(&v->let->values) : v->first;
}

static bool compare(const struct policy_predicate *t, uint64_t n)
{
	switch (t->compare) {
	case COMPARE_EQUAL:
	case COMPARE_IN:
		return has_number(&t->values, n);
	case COMPARE_UNEQUAL:
		return !has_number(&t->values, n);
	case COMPARE_LESS:
		return n < one_number(&t->values);
	case COMPARE_AT_MOST:
		return n <= one_number(&t->values);
	case COMPARE_GREATER:
		return n > one_number(&t->values);
	case COMPARE_AT_LEAST:
		return n >= one_number(&t->values);
	}
	return false;
}

static bool meets_test(const struct eval_env *env, const struct policy_port *port,
		       const struct packet *k, const struct policy_predicate *t)
{
	struct addr address;
	uint64_t n;

	if (field_kind(t->field) == KIND_ADDRESS)
		return address_of(k, t->field, &address) &&
		       has_address(&t->values, &address) == (t->compare != COMPARE_UNEQUAL);
	return number_of(env, port, k, t->field, &n) && compare(t, n & t->mask);
}

/* Without somebody who knows better, a set has the elements of the store. */
static bool in_set(const struct policy *p, const struct eval_env *env,
		   const struct policy_set *set, const struct addr *address, uint64_t number)
{
	if (env->in_set)
		return env->in_set(env->set_context, set, address, number);
	for (size_t i = 0; i < p->elements.len; i++) {
		const struct policy_element *e = vec_at(&p->elements, i);

		if (e->set == set && addr_equal(&e->element.addr, address))
			return true;
	}
	return false;
}

static bool meets_set(const struct policy *p, const struct eval_env *env,
		      const struct policy_port *port, const struct packet *k,
		      const struct policy_predicate *t)
{
	struct addr address = { .family = ADDR_NONE };
	uint64_t number = 0;

	if (field_kind(t->field) == KIND_ADDRESS)
		return address_of(k, t->field, &address) && in_set(p, env, t->set, &address, 0);
	return number_of(env, port, k, t->field, &number) && in_set(p, env, t->set, &address, number);
}

bool packet_meets(const struct policy *p, const struct eval_env *env,
		  const struct policy_port *port, const struct packet *k,
		  const struct policy_predicate *q)
{
	switch (q->kind) {
	case PREDICATE_AND:
		return packet_meets(p, env, port, k, q->left) && packet_meets(p, env, port, k, q->right);
	case PREDICATE_OR:
		return packet_meets(p, env, port, k, q->left) || packet_meets(p, env, port, k, q->right);
	case PREDICATE_NOT:
		return !packet_meets(p, env, port, k, q->left);
	case PREDICATE_NAME:
		return packet_meets(p, env, port, k, q->left);
	case PREDICATE_TEST:
		return meets_test(env, port, k, q);
	case PREDICATE_SET:
		return meets_set(p, env, port, k, q);
	case PREDICATE_NONE:
		break;
	}
	return false;
}

/* ---- rules -------------------------------------------------------------- */

static bool has_field(const struct eval_env *env, const struct policy_port *port,
		      const struct packet *k, enum policy_field field)
{
	struct addr address;
	uint64_t number;

	if (field_kind(field) == KIND_ADDRESS)
		return address_of(k, field, &address);
	return number_of(env, port, k, field, &number);
}

static void add_effect(struct eval_result *result, const struct policy_rule *rule,
		       const struct policy_action *a)
{
	const struct eval_effect effect = { rule, a };

	vec_append(&result->effects, &effect);
}

/* What the rules that matched do, in their order. Return: whether the packet is still there. */
static bool act(const struct eval_env *env, const struct policy_port *port, const struct packet *k,
		const struct policy_rule *rule, struct eval_result *result)
{
	for (size_t i = 0; i < rule->actions.len; i++) {
		const struct policy_action *a = vec_at(&rule->actions, i);

		switch (a->kind) {
		case DO_ALLOW:
		case DO_DROP:
			break;
		case DO_COUNT:
		case DO_EMIT:
			add_effect(result, rule, a);
			break;
		case DO_MARK:
			add_effect(result, rule, a);
			result->mark = a->mark;
			break;
		case DO_INSERT:
			if (has_field(env, port, k, a->field))
				add_effect(result, rule, a);
			break;
		case DO_POLICE:
			add_effect(result, rule, a);
			if (env->police && env->police(env->police_context, rule, a))
				return false;
			break;
		}
	}
	return true;
}

static bool drops(const struct policy_rule *rule)
{
	const struct policy_action *last = vec_at(&rule->actions, rule->actions.len - 1);

	return last->kind == DO_DROP;
}

enum sluice_reason filter_packet(const struct policy *p, const struct eval_env *env,
				 const struct policy_port *port, const struct packet *k,
				 struct eval_result *result)
{
	const struct policy_filter *filter = port->filter;

	if (!filter)
		return REASON_none;
	for (size_t i = 0; i < filter->rules.len && !result->rule; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&filter->rules, i);

		if (rule->predicate && !packet_meets(p, env, port, k, rule->predicate))
			continue;
		*(const struct policy_rule **)vec_push(&result->matched) = rule;
		if (rule->ends)
			result->rule = rule;
	}
	for (size_t i = 0; i < result->matched.len; i++)
		if (!act(env, port, k, *(const struct policy_rule **)vec_at(&result->matched, i), result))
			return REASON_policed;
	return result->rule && drops(result->rule) ? REASON_filtered : REASON_none;
}
