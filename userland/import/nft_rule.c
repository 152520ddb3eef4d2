// SPDX-License-Identifier: GPL-2.0
/*
 * nft_rule.c: one rule of nftables: what it asks of a packet, and what it does.
 *
 * Sets that do not change are written as their elements. What changes (time-outs, elements that rules
 * enter), maps and verdict maps are not said.
 *
 * A rule that both goes on and ends (log, then drop) is two rules here, with the same match; what it
 * asks behind what it does first (log, then a limit) is asked of the second alone.
 */
#include "import/nft.h"

#include <stdlib.h>
#include <string.h>

#include "import/ask.h"
#include "import/iptables.h"
#include "policy/field.h"

#define RULE_TEXT_MAX	400	/* bytes of a rule as a comment */
#define MEMBERS_MAX	65536	/* of a set */

const char *nft_string(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key)) ?: "";
}

json_t *nft_value(json_t *member)
{
	json_t *elem = json_object_get(member, "elem");

	return elem ? json_object_get(elem, "val") : member;
}

/* A rule that is being read. */
struct reading {
	const struct nft_scope *scope;
	struct chain *chain;
	struct chain_rule *rule;
	unsigned int handle;
	const char *text;
	bool did;			/* the rule does something already */
	bool last;			/* the expression is the last of the rule */
};

static struct arena *arena(const struct reading *q)
{
	return &q->scope->table->chains.arena;
}

static void not_said(struct reading *q, enum chain_match matches, const char *format, const char *what)
{
	struct text why = { 0 };

	text_printf(&why, format, what);
	ask_not_said(&q->scope->table->chains, q->rule, matches, text_string(&why));
	text_free(&why);
}

/* ---- what stands on the right --------------------------------------------------------------- */

/* A set by its name, if it stays as it is. */
static json_t *set_of(struct reading *q, const char *name, json_t *none)
{
	json_t *object;
	size_t i;

	json_array_foreach(q->scope->objects, i, object) {
		json_t *set = json_object_get(object, "set"), *flag;
		size_t k;

		if (!set || strcmp(nft_string(set, "name"), name) ||
		    strcmp(nft_string(set, "table"), q->scope->table->name) ||
		    strcmp(nft_string(set, "family"), q->scope->table->family))
			continue;
		json_array_foreach(json_object_get(set, "flags"), k, flag)
			if (!strcmp(json_string_value(flag) ?: "", "timeout") ||
			    !strcmp(json_string_value(flag) ?: "", "dynamic"))
				return NULL;
		return json_object_get(set, "elem") ?: none;
	}
	return NULL;
}

/*
 * The members of what stands on the right; @one is a list for those that are none or one.
 * Return: NULL: a set that changes or is not there.
 */
static json_t *members_of(struct reading *q, json_t *right, json_t *one)
{
	const char *name = json_string_value(right);

	if (name && *name == '@')
		return set_of(q, name + 1, one);
	if (json_object_get(right, "set"))
		right = json_object_get(right, "set");
	if (json_is_array(right))
		return right;
	json_array_append(one, right);
	return one;
}

static bool read_name(enum policy_field field, bool v6, const char *name, uint64_t *number)
{
	uint8_t mac[6];

	switch (field) {
	case FIELD_IP_PROTO:
		return ask_protocol(name, number);
	case FIELD_ICMP_TYPE:
		return ask_icmp_type(name, v6, number);
	case FIELD_ETH_SRC:
	case FIELD_ETH_DST:
		if (mac_parse(name, mac))
			return false;
		*number = 0;
		for (unsigned int i = 0; i < 6; i++)
			*number = *number << 8 | mac[i];
		return true;
	case FIELD_ETH_TYPE:
		*number = !strcmp(name, "ip") || !strcmp(name, "ipv4") ? 0x0800 : 0x86dd;
		return *number == 0x0800 || !strcmp(name, "ip6") || !strcmp(name, "ipv6");
	default:
		return ask_number(name, field_max(field), number) || field_word(field, name, number);
	}
}

static bool read_number(enum policy_field field, bool v6, json_t *value, uint64_t *number)
{
	if (json_is_integer(value)) {
		*number = json_integer_value(value);
		return json_integer_value(value) >= 0 && *number <= field_max(field);
	}
	return json_is_string(value) && read_name(field, v6, json_string_value(value), number);
}

static bool add_number(enum policy_field field, bool v6, json_t *value, struct vec *ranges)
{
	json_t *range = json_object_get(value, "range");
	struct range *r = vec_push(ranges);

	if (range)
		return read_number(field, v6, json_array_get(range, 0), &r->first) &&
		       read_number(field, v6, json_array_get(range, 1), &r->last) &&
		       r->first <= r->last;
	if (!read_number(field, v6, value, &r->first))
		return false;
	r->last = r->first;
	return true;
}

static bool add_prefixes(struct reading *q, json_t *value, struct vec *prefixes)
{
	json_t *range = json_object_get(value, "range"), *prefix = json_object_get(value, "prefix");
	struct addr first, last;
	struct match_test test;
	json_int_t len;
	struct prefix p;

	if (range) {
		if (addr_parse(json_string_value(json_array_get(range, 0)) ?: "", &first) ||
		    addr_parse(json_string_value(json_array_get(range, 1)) ?: "", &last) ||
		    first.family != last.family || addr_cmp(&first, &last) > 0)
			return false;
		test = match_range(arena(q), FIELD_IP_SRC, &first, &last);
		for (uint32_t i = 0; i < test.prefixes.len; i++)
			vec_append(prefixes, &test.prefixes.prefix[i]);
		return true;
	}
	if (addr_parse(prefix ? nft_string(prefix, "addr") : json_string_value(value) ?: "", &p.addr))
		return false;
	len = prefix ? json_integer_value(json_object_get(prefix, "len")) : addr_bits(p.addr.family);
	if (len < 0 || len > addr_bits(p.addr.family))
		return false;
	p.len = len;
	p = prefix_canonical(p);
	vec_append(prefixes, &p);
	return true;
}

/* ---- tests ------------------------------------------------------------------------------------- */

/* Only packets of this family, unless the table has no others. */
static void ask_family(struct reading *q, bool v6)
{
	if (!strcmp(q->scope->table->family, "inet") || !strcmp(q->scope->table->family, "netdev"))
		ask_test(&q->scope->table->chains, q->rule, match_number(arena(q), FIELD_ETH_TYPE,
							      v6 ? 0x86dd : 0x0800));
	else if (!strcmp(q->scope->table->family, "ip6") != v6)
		ask_nothing(q->rule);
}

static void ask_protocol_number(struct reading *q, uint8_t protocol)
{
	ask_test(&q->scope->table->chains, q->rule, match_number(arena(q), FIELD_IP_PROTO, protocol));
}

/* @members against @field, by @op. */
static void ask_members(struct reading *q, enum policy_field field, bool v6, const char *op,
			json_t *members)
{
	bool address = field == FIELD_IP_SRC || field == FIELD_IP_DST;
	struct vec values = address ? VEC(struct prefix) : VEC(struct range);
	struct match_test test = { .field = field };
	bool good = json_array_size(members) <= MEMBERS_MAX;
	json_t *member;
	size_t i;

	json_array_foreach(members, i, member)
		good = good && (address ? add_prefixes(q, nft_value(member), &values) :
				add_number(field, v6, nft_value(member), &values));
	if (good && address) {
		struct prefix *copy = arena_alloc(arena(q), values.len * sizeof(*copy));

		if (values.len)
			memcpy(copy, values.data, values.len * sizeof(*copy));
		test = match_prefixes(arena(q), field, copy, values.len);
	} else if (good && strpbrk(op, "<>")) {
		struct range r = *(struct range *)values.data;
		bool less = *op == '<', equal = op[1] == '=';

		good = values.len == 1 && r.first == r.last &&
		       (equal || r.first != (less ? 0 : field_max(field)));
		r = less ? (struct range){ 0, equal ? r.first : r.first - 1 } :
		    (struct range){ equal ? r.first : r.first + 1, field_max(field) };
		test = match_numbers(arena(q), field, &r, 1);
	} else if (good) {
		test = match_numbers(arena(q), field, values.data, values.len);
	}
	test.unequal = !strcmp(op, "!=");
	if (!good)
		not_said(q, MAY_MATCH, "values of %s", policy_field_name(field));
	else if (values.len)
		ask_test(&q->scope->table->chains, q->rule, test);
	else if (!test.unequal)
		ask_nothing(q->rule);
	vec_free(&values);
}

static const struct payload {
	const char *protocol, *name;
	enum policy_field field;
	int family;		/* 4, 6; 0: either */
	uint8_t number;		/* protocol; 0: any */
} payloads[] = {
	{ "ip", "saddr", FIELD_IP_SRC, 4, 0 }, { "ip", "daddr", FIELD_IP_DST, 4, 0 },
	{ "ip", "protocol", FIELD_IP_PROTO, 4, 0 }, { "ip", "ttl", FIELD_IP_TTL, 4, 0 },
	{ "ip", "dscp", FIELD_IP_DSCP, 4, 0 }, { "ip", "ecn", FIELD_IP_ECN, 4, 0 },
	{ "ip6", "saddr", FIELD_IP_SRC, 6, 0 }, { "ip6", "daddr", FIELD_IP_DST, 6, 0 },
	{ "ip6", "hoplimit", FIELD_IP_TTL, 6, 0 }, { "ip6", "dscp", FIELD_IP_DSCP, 6, 0 },
	{ "ip6", "ecn", FIELD_IP_ECN, 6, 0 },
	{ "tcp", "sport", FIELD_TCP_SRC, 0, 6 }, { "tcp", "dport", FIELD_TCP_DST, 0, 6 },
	{ "tcp", "flags", FIELD_TCP_FLAGS, 0, 6 },
	{ "udp", "sport", FIELD_UDP_SRC, 0, 17 }, { "udp", "dport", FIELD_UDP_DST, 0, 17 },
	{ "icmp", "type", FIELD_ICMP_TYPE, 4, 1 }, { "icmp", "code", FIELD_ICMP_CODE, 4, 1 },
	{ "icmpv6", "type", FIELD_ICMP_TYPE, 6, 58 }, { "icmpv6", "code", FIELD_ICMP_CODE, 6, 58 },
	{ "ether", "saddr", FIELD_ETH_SRC, 0, 0 }, { "ether", "daddr", FIELD_ETH_DST, 0, 0 },
};

/* Ports of whatever transport: those of TCP and UDP are known. */
static void read_transport(struct reading *q, const char *name, const char *op, json_t *members)
{
	static const struct range both[] = { { 6, 6 }, { 17, 17 } };
	bool narrow = q->rule->match.len == 1;
	const struct match *match = narrow ? vec_at(&q->rule->match, 0) : NULL;
	struct match known;
	struct match_test test = match_numbers(arena(q), FIELD_IP_PROTO, both, 2);

	/* Where the rule says that it is one of these two. */
	narrow = narrow && match_with(arena(q), *match, &test, &known) && known.test == match->test;
	if (!narrow)
		not_said(q, MAY_MATCH, "%s of any transport", name);
	else
		ask_members(q, !strcmp(name, "sport") ? FIELD_L4_SRC : FIELD_L4_DST, false, op, members);
}

static void read_payload(struct reading *q, json_t *payload, const char *op, json_t *members)
{
	const char *protocol = nft_string(payload, "protocol"), *name = nft_string(payload, "field");

	if (!strcmp(protocol, "th") && (!strcmp(name, "sport") || !strcmp(name, "dport"))) {
		read_transport(q, name, op, members);
		return;
	}
	for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
		const struct payload *p = &payloads[i];

		if (strcmp(p->protocol, protocol) || strcmp(p->name, name))
			continue;
		if (p->family)
			ask_family(q, p->family == 6);
		if (p->number)
			ask_protocol_number(q, p->number);
		if (p->field == FIELD_TCP_FLAGS)
			not_said(q, MAY_MATCH, "tcp flags without a %s", "mask");
		else
			ask_members(q, p->field, p->family == 6, op, members);
		return;
	}
	not_said(q, MAY_MATCH, "what it asks of %s", protocol);
}

static bool add_flag(json_t *flag, uint8_t *flags)
{
	uint64_t bit;

	if (!read_number(FIELD_TCP_FLAGS, false, flag, &bit))
		return false;
	*flags |= bit;
	return true;
}

static bool read_flags(json_t *value, uint8_t *flags)
{
	json_t *list = json_object_get(value, "|") ?: value, *flag;
	size_t i;

	*flags = 0;
	if (!json_is_array(list))
		return add_flag(list, flags);
	json_array_foreach(list, i, flag)
		if (!add_flag(flag, flags))
			return false;
	return true;
}

/* (PAYLOAD & MASK) op VALUE: flags of TCP; the offset of a fragment. */
static void read_masked(struct reading *q, json_t *both, const char *op, json_t *right)
{
	json_t *payload = json_object_get(json_array_get(both, 0), "payload");
	const char *protocol = nft_string(payload, "protocol"), *name = nft_string(payload, "field");
	json_t *mask = json_array_get(both, 1);
	struct match_test test;
	uint8_t m, w;
	bool unequal = !strcmp(op, "!=");

	if (!strcmp(protocol, "tcp") && !strcmp(name, "flags") && (unequal || !strcmp(op, "==")) &&
	    read_flags(mask, &m) && read_flags(right, &w) && m && !(w & ~m)) {
		ask_protocol_number(q, 6);
		test = match_flags(arena(q), m, w);
		test.unequal = unequal;
		ask_test(&q->scope->table->chains, q->rule, test);
	} else if (!strcmp(protocol, "ip") && !strcmp(name, "frag-off") && unequal &&
		   json_integer_value(mask) == 0x1fff && json_is_integer(right) &&
		   !json_integer_value(right)) {
		ask_family(q, false);
		ask_test(&q->scope->table->chains, q->rule, match_number(arena(q), FIELD_IP_FRAG, 2));
	} else {
		not_said(q, MAY_MATCH, "some bits of %s", *protocol ? protocol : "it");
	}
}

static void read_interfaces(struct reading *q, bool out, bool not, json_t *members)
{
	const char **name = arena_alloc(arena(q), (json_array_size(members) + 1) * sizeof(*name));
	json_t *member;
	size_t i;

	json_array_foreach(members, i, member)
		name[i] = json_string_value(nft_value(member)) ?: "";
	if (out)
		ask_out(&q->scope->table->chains, q->rule, &q->scope->options->routes, name, i, not);
	else
		ask_in(&q->scope->table->chains, q->rule, q->scope->ports, name, i, not);
}

static void read_meta(struct reading *q, const char *key, const char *op, json_t *members)
{
	bool not = !strcmp(op, "!=");

	if (!strcmp(key, "iifname") || !strcmp(key, "iif"))
		read_interfaces(q, false, not, members);
	else if (!strcmp(key, "oifname") || !strcmp(key, "oif"))
		read_interfaces(q, true, not, members);
	else if (!strcmp(key, "l4proto"))
		ask_members(q, FIELD_IP_PROTO, false, op, members);
	else if (!strcmp(key, "nfproto") || !strcmp(key, "protocol"))
		ask_members(q, FIELD_ETH_TYPE, false, op, members);
	else
		not_said(q, MAY_MATCH, "meta %s", key);
}

static void read_state(struct reading *q, const char *op, json_t *members)
{
	static const struct {
		const char *name;
		unsigned int state;
	} names[] = {
		{ "new", STATE_NEW }, { "established", STATE_ESTABLISHED },
		{ "untracked", STATE_UNTRACKED }, { "related", STATE_OTHER },
		{ "invalid", STATE_OTHER },
	};
	const unsigned int all = STATE_NEW | STATE_ESTABLISHED | STATE_UNTRACKED | STATE_OTHER;
	unsigned int states = 0;
	json_t *member;
	size_t i;

	json_array_foreach(members, i, member)
		for (size_t k = 0; k < sizeof(names) / sizeof(*names); k++)
			if (!strcmp(json_string_value(nft_value(member)) ?: "", names[k].name))
				states |= names[k].state;
	ask_state(&q->scope->table->chains, q->rule, strcmp(op, "!=") ? states : all & ~states,
		  STATE_NEW | (q->scope->input ? STATE_ESTABLISHED : 0));
}

static void read_match(struct reading *q, json_t *match)
{
	json_t *left = json_object_get(match, "left"), *right = json_object_get(match, "right");
	json_t *one = json_array(), *members, *part;
	const char *op = nft_string(match, "op"), *key;

	if (json_object_get(left, "&")) {
		read_masked(q, json_object_get(left, "&"), op, right);
		goto out;
	}
	members = members_of(q, right, one);
	if (!members)
		not_said(q, MAY_MATCH, "a set that changes%s", "");
	else if ((part = json_object_get(left, "payload")))
		read_payload(q, part, op, members);
	else if ((part = json_object_get(left, "meta")))
		read_meta(q, nft_string(part, "key"), op, members);
	else if ((part = json_object_get(left, "ct")) && !strcmp(nft_string(part, "key"), "state"))
		read_state(q, op, members);
	else {
		key = json_object_iter_key(json_object_iter(left));
		not_said(q, MAY_MATCH, "what it asks by \"%s\"", key ?: "");
	}
out:
	json_decref(one);
}

/* ---- statements ------------------------------------------------------------------------------------ */

/* What is asked, or done, behind something that the rule does already: another rule, with the same match. */
static void go_on(struct reading *q)
{
	const struct chain_rule *before = q->rule;
	struct chain_rule *rule;

	if (!q->did)
		return;
	rule = chains_rule(&q->scope->table->chains, q->chain, q->handle, q->text);
	rule->match.len = 0;
	for (size_t i = 0; i < before->match.len; i++)
		vec_append(&rule->match, vec_at(&before->match, i));
	rule->matches = before->matches;
	rule->not_said = rule->told = before->not_said;
	rule->asks_new = before->asks_new;
	rule->continues = true;
	rule->does = DOES_OTHER;
	q->rule = rule;
	q->did = false;
}

static void does(struct reading *q, enum chain_does what)
{
	go_on(q);
	q->rule->does = what;
	q->did = true;
}

static void read_chain_name(struct reading *q, json_t *to, enum chain_does what)
{
	const char *name = nft_string(to, "target");

	does(q, what);
	q->rule->chain = arena_strndup(arena(q), name, strlen(name));
}

static void read_mangle(struct reading *q, json_t *mangle)
{
	json_t *meta = json_object_get(json_object_get(mangle, "key"), "meta");
	json_t *mark = json_object_get(mangle, "value");

	if (strcmp(nft_string(meta, "key"), "mark") || !json_is_integer(mark) ||
	    json_integer_value(mark) < 0 || json_integer_value(mark) > UINT32_MAX) {
		does(q, DOES_OTHER);
		not_said(q, MATCHES, "what it changes in the %s", "packet");
		return;
	}
	does(q, DOES_MARK);
	q->rule->mark = json_integer_value(mark);
}

/*
 * Limits, quotas and counts of connections: none is reached, so a packet that must be above one is not.
 * A name in place of the numbers is that of an object.
 */
static void read_limit(struct reading *q, const char *name, json_t *what)
{
	static const struct {
		const char *name, *number, *why;
	} kinds[] = {
		{ "limit", "rate", "a limit, taken as not reached%s" },
		{ "quota", "val", "a quota, taken as not reached%s" },
		{ "ct count", "val", "a count of connections, taken as not reached%s" },
	};
	size_t kind = *name == 'l' ? 0 : *name == 'q' ? 1 : 2;
	json_t *number, *object;
	bool over;
	size_t i;

	if (json_is_string(what)) {
		const char *wanted = json_string_value(what);

		json_array_foreach(q->scope->objects, i, object) {
			json_t *named = json_object_get(object, name);

			if (!strcmp(nft_string(named, "name"), wanted) &&
			    !strcmp(nft_string(named, "table"), q->scope->table->name) &&
			    !strcmp(nft_string(named, "family"), q->scope->table->family))
				what = named;
		}
	}
	number = json_object_get(what, kinds[kind].number) ?: json_object_get(what, "bytes");
	if (!number) {
		not_said(q, MAY_MATCH, "a %s that is looked up", name);
		return;
	}
	over = json_is_true(json_object_get(what, "inv"));
	/* No packet keeps within nothing: the first connection is one already. */
	if (json_is_integer(number) && !json_integer_value(number))
		over = !over;
	not_said(q, over ? NEVER_MATCHES : MATCHES, kinds[kind].why, "");
}

static bool is_limit(const char *name)
{
	return !strcmp(name, "limit") || !strcmp(name, "quota") || !strcmp(name, "ct count");
}

/* A packet goes on behind it if it is entered, and then meets all that is kept for its element. */
static void read_set(struct reading *q, const char *name, json_t *set)
{
	json_t *kept = json_object_get(set, "stmt"), *one;
	const char *key;
	size_t i;

	does(q, DOES_OTHER);
	not_said(q, MATCHES, "the statement \"%s\"", name);
	if (json_is_object(kept)) {
		json_object_foreach(kept, key, one)
			if (is_limit(key))
				read_limit(q, key, one);
	}
	json_array_foreach(kept, i, one) {
		key = json_object_iter_key(json_object_iter(one));
		if (key && is_limit(key))
			read_limit(q, key, json_object_get(one, key));
	}
}

static void read_statement(struct reading *q, const char *name, json_t *what)
{
	static const char *const going_on[] = { "ct", "tproxy", "notrack", "dup", "ct helper", "flow",
		"secmark", "snat", "dnat", "masquerade", "redirect" };

	if (!strcmp(name, "match")) {
		go_on(q);
		read_match(q, what);
	} else if (!strcmp(name, "accept")) {
		does(q, DOES_ACCEPT);
	} else if (!strcmp(name, "drop")) {
		does(q, DOES_DROP);
	} else if (!strcmp(name, "reject")) {
		does(q, DOES_DROP);
		ask_aside(&q->scope->table->chains, q->rule, "no answer is sent");
	} else if (!strcmp(name, "return")) {
		does(q, DOES_RETURN);
	} else if (!strcmp(name, "jump")) {
		read_chain_name(q, what, DOES_CALL);
	} else if (!strcmp(name, "goto")) {
		read_chain_name(q, what, DOES_LEAVE);
	} else if (!strcmp(name, "log")) {
		const char *prefix = nft_string(what, "prefix");

		does(q, DOES_LOG);
		q->rule->log = *prefix ? arena_strndup(arena(q), prefix, strlen(prefix)) : "log";
		ask_aside(&q->scope->table->chains, q->rule, "an event instead of a line in the kernel's log");
	} else if (!strcmp(name, "mangle")) {
		read_mangle(q, what);
	} else if (is_limit(name)) {
		go_on(q);
		read_limit(q, name, what);
	} else if (!strcmp(name, "set") || !strcmp(name, "meter")) {
		read_set(q, name, what);
	} else if (!strcmp(name, "xt") && !q->last) {
		/* A match of iptables: a target of it ends a rule. */
		go_on(q);
		not_said(q, MAY_MATCH, "what it asks by \"%s\"", name);
	} else if (strcmp(name, "counter")) {
		bool known = false;

		for (size_t i = 0; i < sizeof(going_on) / sizeof(*going_on); i++)
			known |= !strcmp(name, going_on[i]);
		if (!strcmp(name, "xt"))
			known = !strcmp(nft_string(what, "name"), "LOG") ||
				iptables_goes_on(nft_string(what, "name"));
		does(q, known ? DOES_OTHER : DOES_UNKNOWN);
		not_said(q, known ? MATCHES : MAY_MATCH, "the statement \"%s\"", name);
	}
}

void nft_rule_read(const struct nft_scope *scope, json_t *object)
{
	struct nft_table *table = scope->table;
	json_t *list = json_object_get(object, "expr"), *expression;
	struct reading q = {
		.scope = scope, .chain = chains_get(&table->chains, nft_string(object, "chain")),
		.handle = json_integer_value(json_object_get(object, "handle")),
	};
	char *dump = json_dumps(list, JSON_COMPACT);
	struct text text = { 0 };
	size_t i;

	/* Handles are a table's own. */
	if (scope->several)
		text_printf(&text, "%s %s ", table->family, table->name);
	text_printf(&text, "%s %.*s%s", q.chain->name, RULE_TEXT_MAX, dump ?: "",
		    dump && strlen(dump) > RULE_TEXT_MAX ? " ..." : "");
	free(dump);
	q.text = arena_strndup(&table->chains.arena, text.data, text.len);
	text_free(&text);
	q.rule = chains_rule(&table->chains, q.chain, q.handle, q.text);
	json_array_foreach(list, i, expression) {
		const char *name = json_object_iter_key(json_object_iter(expression));

		q.last = i + 1 == json_array_size(list);
		if (name)
			read_statement(&q, name, json_object_get(expression, name));
	}
}
