// SPDX-License-Identifier: GPL-2.0
/*
 * diagram.c: core expressions as diagrams.
 *
 * Each construct has its operation in userland/dd, but for two things.
 *
 * Fields that depend on each other. A test of tcp.dst holds for TCP packets that are no later
 * fragments, and no others: it becomes "eth.type = {ip4, ip6}; ip.proto = tcp; ip.frag = {none,
 * first}; l4.dst = ...". has_field() is that guard, for every field, and assignments stand behind
 * it, too. An address is one of two fields, by family.
 *
 * Lists of rules. "if p1 then a1 else if p2 then a2 else ..." from the end would copy the top nodes,
 * with all their edges, once for each rule. Two arms next to each other are one: "if p1 + p2 then
 * (if p1 then a1 else a2) else ..."; so a list is folded by halves.
 */
#include "analyse/diagram.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "base/table.h"
#include "policy/field.h"

#define ETHERTYPE_IP4	0x0800
#define ETHERTYPE_IP6	0x86dd
#define PROTO_ICMP	1
#define PROTO_TCP	6
#define PROTO_UDP	17
#define PROTO_ICMP6	58
#define FRAG_NONE	0
#define FRAG_LATER	2
#define NO_TAG		4096	/* of vlan.id */

/* In the order in which they are asked. */
enum asked {
	ASK_IN, ASK_ETH_TYPE, ASK_SRC4, ASK_DST4, ASK_SRC6, ASK_DST6, ASK_PROTO, ASK_FRAG,
	ASK_SPORT, ASK_DPORT, ASK_FLAGS, ASK_ICMP_TYPE, ASK_ICMP_CODE, ASK_SOCKET, ASK_VLAN, ASK_PCP,
	ASK_ETH_SRC, ASK_ETH_DST, ASK_DSCP, ASK_ECN, ASK_TTL, ASK_LEN,
	ASK_OUT,	/* 0: not said; 1 + port; 1 + ports: the host; 2 + ports: routed */
	ASK_SETS,	/* the first of those that ask sets */
};

static const struct {
	unsigned int field;	/* of the policy */
	const char *name;
	dd_value last;
} asked[] = {
	[ASK_IN] = { FIELD_IN, "in", 0 },
	[ASK_ETH_TYPE] = { FIELD_ETH_TYPE, "eth.type", 0xffff },
	[ASK_SRC4] = { FIELD_IP_SRC, "ip4.src", UINT32_MAX },
	[ASK_DST4] = { FIELD_IP_DST, "ip4.dst", UINT32_MAX },
	[ASK_SRC6] = { FIELD_IP_SRC, "ip6.src", ~(dd_value)0 },
	[ASK_DST6] = { FIELD_IP_DST, "ip6.dst", ~(dd_value)0 },
	[ASK_PROTO] = { FIELD_IP_PROTO, "ip.proto", 255 },
	[ASK_FRAG] = { FIELD_IP_FRAG, "ip.frag", FRAG_LATER },
	[ASK_SPORT] = { FIELD_L4_SRC, "l4.src", 0xffff },
	[ASK_DPORT] = { FIELD_L4_DST, "l4.dst", 0xffff },
	[ASK_FLAGS] = { FIELD_TCP_FLAGS, "tcp.flags", 255 },
	[ASK_ICMP_TYPE] = { FIELD_ICMP_TYPE, "icmp.type", 255 },
	[ASK_ICMP_CODE] = { FIELD_ICMP_CODE, "icmp.code", 255 },
	[ASK_SOCKET] = { FIELD_SOCKET, "socket", 2 },
	[ASK_VLAN] = { FIELD_VLAN_ID, "vlan.id", NO_TAG },
	[ASK_PCP] = { FIELD_VLAN_PCP, "vlan.pcp", 7 },
	[ASK_ETH_SRC] = { FIELD_ETH_SRC, "eth.src", 0xffffffffffffull },
	[ASK_ETH_DST] = { FIELD_ETH_DST, "eth.dst", 0xffffffffffffull },
	[ASK_DSCP] = { FIELD_IP_DSCP, "ip.dscp", 63 },
	[ASK_ECN] = { FIELD_IP_ECN, "ip.ecn", 3 },
	[ASK_TTL] = { FIELD_IP_TTL, "ip.ttl", 255 },
	[ASK_LEN] = { FIELD_PKT_LEN, "pkt.len", 0xffff },
	[ASK_OUT] = { CORE_OUT, "out", 0 },
};

struct asked_set {
	const char *name;
	unsigned int field;
	char *text;		/* "ip.src in offenders" */
};

struct known_mark {
	const struct core_expression *e;	/* NULL: number 0, one less */
	uint32_t next;				/* of the same hash; 0: none */
};

struct diagram {
	struct dd_space *s;
	struct vec ports;		/* of const char * */
	struct vec sets;		/* of struct asked_set */
	struct vec marks;		/* of struct known_mark, by number */
	struct table mark_numbers;	/* hash -> uint32_t, the last of them */
	const struct policy_rule **rules;	/* whose numbers are sources */
	size_t rules_len;
	bool ttl_tested, sources;
	struct dd_names names;
	struct text why;
};

/* ---- names ----------------------------------------------------------- */

static size_t find_port(const struct diagram *d, const char *name)
{
	for (size_t i = 0; i < d->ports.len; i++)
		if (!strcmp(*(const char **)vec_at(&d->ports, i), name))
			return i;
	return d->ports.len;
}

static size_t find_set(const struct diagram *d, const char *name, unsigned int field)
{
	for (size_t i = 0; i < d->sets.len; i++) {
		const struct asked_set *set = vec_at(&d->sets, i);

		if (set->field == field && !strcmp(set->name, name))
			return i;
	}
	return d->sets.len;
}

static uint32_t mark_number(struct diagram *d, const struct core_expression *e)
{
	uint64_t key[2] = { e->mark, hash_bytes(e->text, strlen(e->text)) }, hash;
	struct known_mark *mark;
	uint32_t *first;

	hash = hash_bytes(key, sizeof(key));
	first = table_put(&d->mark_numbers, &hash, NULL);
	for (uint32_t i = *first; i; ) {
		mark = vec_at(&d->marks, i);
		if (mark->e->mark == e->mark && !strcmp(mark->e->text, e->text))
			return i;
		i = mark->next;
	}
	mark = vec_push(&d->marks);
	mark->e = e;
	mark->next = *first;
	*first = d->marks.len - 1;
	return *first;
}

const struct core_expression *diagram_mark(const struct diagram *d, uint32_t number)
{
	return number < d->marks.len ? ((struct known_mark *)vec_at(&d->marks, number))->e : NULL;
}

static struct addr address_of(unsigned int field, dd_value v)
{
	struct addr a = { .family = field == ASK_SRC4 || field == ASK_DST4 ? ADDR_V4 : ADDR_V6 };

	for (unsigned int i = addr_bits(a.family) / 8; i-- > 0; v >>= 8)
		a.bytes[i] = v;
	return a;
}

static dd_value number_of(const struct addr *a)
{
	dd_value v = 0;

	for (unsigned int i = 0; i < addr_bits(a->family) / 8; i++)
		v = v << 8 | a->bytes[i];
	return v;
}

static bool is_address(unsigned int field)
{
	return field >= ASK_SRC4 && field <= ASK_DST6;
}

/* A prefix, if the range is one. */
static void put_addresses(unsigned int field, dd_value first, dd_value last, struct text *out)
{
	struct prefix p = { .addr = address_of(field, first) };
	struct addr to = address_of(field, last);
	dd_value size = last - first + 1;
	char buf[PREFIX_STRLEN];

	p.len = addr_bits(p.addr.family);
	for (dd_value n = 1; n && n < size; n <<= 1)
		p.len--;
	if (!size)
		p.len = 0;
	if ((size & (size - 1)) == 0 && (first & (size - 1)) == 0) {
		text_printf(out, "%s", prefix_format_short(&p, buf));
		return;
	}
	text_printf(out, "%s-", addr_format(&p.addr, buf));
	text_printf(out, "%s", addr_format(&to, buf));
}

static void put_value(const struct diagram *d, unsigned int field, uint64_t v, struct text *out)
{
	size_t ports = d->ports.len;

	if (field == ASK_IN && v < ports)
		text_printf(out, "%s", *(const char **)vec_at(&d->ports, v));
	else if (field == ASK_IN || (field == ASK_OUT && (!v || v > 2 + ports)) ||
		 (field == ASK_VLAN && v == NO_TAG))
		text_printf(out, "none");
	else if (field == ASK_OUT && v <= ports)
		text_printf(out, "%s", *(const char **)vec_at(&d->ports, v - 1));
	else if (field == ASK_OUT)
		text_printf(out, v == ports + 1 ? "host" : "routed");
	else if (field >= ASK_SETS)
		text_printf(out, v ? "yes" : "no");
	else
		field_print(NULL, asked[field].field, v, out);
}

static void put_range(const struct diagram *d, unsigned int field, dd_value first, dd_value last,
		      struct text *out)
{
	bool words = field == ASK_IN || field == ASK_OUT || field >= ASK_SETS || field == ASK_FLAGS;

	if (is_address(field)) {
		put_addresses(field, first, last, out);
	} else if (first == last) {
		put_value(d, field, first, out);
	} else if (words) {
		for (dd_value v = first; v <= last; v++) {
			text_printf(out, "%s", v == first ? "" : ", ");
			put_value(d, field, v, out);
		}
	} else if (field == ASK_ETH_SRC || field == ASK_ETH_DST) {
		put_value(d, field, first, out);
		text_printf(out, "-");
		put_value(d, field, last, out);
	} else {
		text_printf(out, "%" PRIu64 "-%" PRIu64, (uint64_t)first, (uint64_t)last);
	}
}

/* All flags with some bits fixed; of half of them or more, the bits that the others have. */
static bool put_flags(const struct dd_range *ranges, size_t n, struct text *out)
{
	struct vec flags = VEC(struct range), others = VEC(struct range);
	uint64_t mask, value;
	bool equal, unequal;

	for (size_t i = 0; i < n; i++)
		vec_append(&flags, &(struct range){ ranges[i].first, ranges[i].last });
	ranges_others(flags.data, flags.len, 255, &others);
	equal = core_masked(flags.data, flags.len, &mask, &value);
	unequal = !equal && core_masked(others.data, others.len, &mask, &value);
	if (equal || unequal) {
		text_printf(out, "& (");
		field_print(NULL, FIELD_TCP_FLAGS, mask, out);
		text_printf(out, equal ? ") = " : ") != ");
		field_print(NULL, FIELD_TCP_FLAGS, value, out);
	}
	vec_free(&flags);
	vec_free(&others);
	return equal || unequal;
}

static void name_values(void *context, unsigned int field, const struct dd_range *ranges, size_t n,
			struct text *out)
{
	const struct diagram *d = context;

	if (field == ASK_FLAGS && put_flags(ranges, n, out))
		return;
	for (size_t i = 0; i < n; i++) {
		text_printf(out, "%s", i ? ", " : "");
		put_range(d, field, ranges[i].first, ranges[i].last, out);
	}
}

static void name_mark(void *context, uint32_t number, struct text *out)
{
	const struct diagram *d = context;
	const struct core_expression *e = diagram_mark(d, number);

	if (number >= DD_SOURCE) {
		const struct policy_rule *rule = d->rules[number - DD_SOURCE];

		text_printf(out, "%s:%u", rule->place.source ? rule->place.source->name : "rule",
			    rule->place.source ? rule->place.line : rule->number);
	} else if (!e) {
		text_printf(out, "ip.ttl := ip.ttl - 1");
	} else {
		text_printf(out, "%s(\"%s\")", core_mark_name(e->mark), e->text);
	}
}

/* ---- what is asked --------------------------------------------------- */

static void refuse(struct diagram *d, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void refuse(struct diagram *d, const char *format, ...)
{
	va_list args;

	if (d->why.len)
		return;
	va_start(args, format);
	text_vprintf(&d->why, format, args);
	va_end(args);
}

const char *diagram_refusal(const struct diagram *d)
{
	return d->why.len ? text_string(&d->why) : dd_refusal(d->s);
}

static void enter_set(struct diagram *d, const struct core_expression *e)
{
	struct text text = { 0 };
	struct asked_set *set;

	if (find_set(d, e->text, e->field) < d->sets.len)
		return;
	if (ASK_SETS + d->sets.len == DD_FIELDS_MAX) {
		refuse(d, "a diagram asks at most %u sets, each for one field",
		       (unsigned int)(DD_FIELDS_MAX - ASK_SETS));
		return;
	}
	set = vec_push(&d->sets);
	set->name = e->text;
	set->field = e->field;
	text_printf(&text, "%s in %s", core_field_name(e->field), e->text);
	set->text = text.data;
}

/* All nodes below @e, in no order; lists are long, so nothing recurses. */
static void walk(struct diagram *d, const struct core_expression *root,
		 void (*visit)(struct diagram *d, const struct core_expression *e, void *context),
		 void *context)
{
	struct vec todo = VEC(const struct core_expression *);

	vec_append(&todo, &root);
	while (todo.len) {
		const struct core_expression *e = *(const struct core_expression **)
						  vec_at(&todo, todo.len - 1);

		vec_pop(&todo);
		visit(d, e, context);
		for (size_t i = 0; i < e->kids; i++)
			vec_append(&todo, &e->kid[i]);
	}
	vec_free(&todo);
}

static void note_asked(struct diagram *d, const struct core_expression *e, void *context)
{
	(void)context;
	if (e->kind == CORE_SET)
		enter_set(d, e);
	if (e->rule && e->rule->number >= d->rules_len) {
		size_t len = e->rule->number + 1;

		d->rules = xrealloc(d->rules, len * sizeof(*d->rules));
		memset(d->rules + d->rules_len, 0, (len - d->rules_len) * sizeof(*d->rules));
		d->rules_len = len;
	}
	if (e->rule)
		d->rules[e->rule->number] = e->rule;
}

struct diagram *diagram_new(const struct core *const *cores, size_t n, size_t budget)
{
	struct dd_field fields[DD_FIELDS_MAX];
	struct diagram *d = xcalloc(1, sizeof(*d));

	d->ports = VEC(const char *);
	d->sets = VEC(struct asked_set);
	d->marks = VEC(struct known_mark);
	d->mark_numbers = TABLE(uint64_t, uint32_t);
	d->names = (struct dd_names){ .values = name_values, .mark = name_mark, .context = d };
	vec_push(&d->marks);
	for (size_t i = 0; i < n; i++) {
		for (size_t j = 0; j < cores[i]->ports.len; j++) {
			const char *name = *(const char **)vec_at(&cores[i]->ports, j);

			if (find_port(d, name) == d->ports.len)
				vec_append(&d->ports, &name);
		}
		walk(d, cores[i]->root, note_asked, NULL);
	}
	for (unsigned int i = 0; i < ASK_SETS; i++)
		fields[i] = (struct dd_field){ asked[i].name, asked[i].last };
	fields[ASK_IN].last = d->ports.len > 1 ? d->ports.len - 1 : 1;
	fields[ASK_OUT].last = d->ports.len + 3;
	for (size_t i = 0; i < d->sets.len; i++)
		fields[ASK_SETS + i] = (struct dd_field){
			((struct asked_set *)vec_at(&d->sets, i))->text, 1 };
	d->s = dd_space_new(fields, ASK_SETS + d->sets.len, budget);
	return d;
}

void diagram_free(struct diagram *d)
{
	if (!d)
		return;
	dd_space_free(d->s);
	for (size_t i = 0; i < d->sets.len; i++)
		free(((struct asked_set *)vec_at(&d->sets, i))->text);
	vec_free(&d->ports);
	vec_free(&d->sets);
	vec_free(&d->marks);
	table_free(&d->mark_numbers);
	free(d->rules);
	text_free(&d->why);
	free(d);
}

struct dd_space *diagram_space(struct diagram *d)
{
	return d->s;
}

const struct dd_names *diagram_names(struct diagram *d)
{
	return &d->names;
}

/* ---- tests ----------------------------------------------------------- */

static const struct dd *value(struct diagram *d, unsigned int field, dd_value v)
{
	return dd_test(d->s, field, v, v);
}

static const struct dd *both(struct diagram *d, const struct dd *p, const struct dd *q)
{
	return dd_if(d->s, p, q, dd_none(d->s));
}

static const struct dd *is_family(struct diagram *d, enum addr_family family)
{
	return value(d, ASK_ETH_TYPE, family == ADDR_V4 ? ETHERTYPE_IP4 : ETHERTYPE_IP6);
}

static const struct dd *is_ip(struct diagram *d)
{
	return dd_union(d->s, is_family(d, ADDR_V4), is_family(d, ADDR_V6));
}

static const struct dd *has_transport(struct diagram *d, const struct dd *protocols)
{
	return both(d, is_ip(d), both(d, protocols, dd_test(d->s, ASK_FRAG, FRAG_NONE, FRAG_LATER - 1)));
}

/* The packets that have @field, of the policy's. */
static const struct dd *has_field(struct diagram *d, unsigned int field)
{
	const struct dd *tcp = value(d, ASK_PROTO, PROTO_TCP), *udp = value(d, ASK_PROTO, PROTO_UDP);

	switch (field) {
	case FIELD_VLAN_ID:
	case FIELD_VLAN_PCP:
		return dd_test(d->s, ASK_VLAN, 0, NO_TAG - 1);
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
	case FIELD_IP_PROTO:
	case FIELD_IP_DSCP:
	case FIELD_IP_ECN:
	case FIELD_IP_TTL:
	case FIELD_IP_FRAG:
		return is_ip(d);
	case FIELD_L4_SRC:
	case FIELD_L4_DST:
		return has_transport(d, dd_union(d->s, tcp, udp));
	case FIELD_TCP_SRC:
	case FIELD_TCP_DST:
	case FIELD_TCP_FLAGS:
		return has_transport(d, tcp);
	case FIELD_UDP_SRC:
	case FIELD_UDP_DST:
		return has_transport(d, udp);
	case FIELD_ICMP_TYPE:
	case FIELD_ICMP_CODE:
		return has_transport(d, dd_union(d->s, both(d, is_family(d, ADDR_V4),
							    value(d, ASK_PROTO, PROTO_ICMP)),
						 both(d, is_family(d, ADDR_V6),
						      value(d, ASK_PROTO, PROTO_ICMP6))));
	case FIELD_SOCKET:
		return both(d, has_field(d, FIELD_L4_SRC), value(d, ASK_FRAG, FRAG_NONE));
	case CORE_OUT:
		return dd_test(d->s, ASK_OUT, 1, d->ports.len + 1);
	default:
		return dd_all(d->s);
	}
}

/* Which field of the diagram has a policy's @field, that is no address. */
static unsigned int asked_field(unsigned int field)
{
	unsigned int i = 0;

	switch (field) {
	case FIELD_TCP_SRC:
	case FIELD_UDP_SRC:
		return ASK_SPORT;
	case FIELD_TCP_DST:
	case FIELD_UDP_DST:
		return ASK_DPORT;
	default:
		while (asked[i].field != field)
			i++;
		return i;
	}
}

/* The prefixes of one family. */
static const struct dd *test_prefixes(struct diagram *d, const struct core_expression *e,
				      enum addr_family family)
{
	unsigned int field = family == ADDR_V4 ? (e->field == FIELD_IP_SRC ? ASK_SRC4 : ASK_DST4) :
			     (e->field == FIELD_IP_SRC ? ASK_SRC6 : ASK_DST6);
	struct vec ranges = VEC(struct dd_range);
	const struct dd *p;

	for (size_t i = 0; i < e->values; i++) {
		const struct prefix *x = &e->prefixes[i];
		unsigned int free_bits = addr_bits(family) - x->len;
		struct dd_range r;

		if (x->addr.family != family)
			continue;
		r.first = number_of(&x->addr);
		r.last = r.first | (free_bits == 128 ? ~(dd_value)0 : ((dd_value)1 << free_bits) - 1);
		vec_append(&ranges, &r);
	}
	p = dd_test_ranges(d->s, field, ranges.data, ranges.len);
	vec_free(&ranges);
	return both(d, is_family(d, family), p);
}

/* A port, or "host", of @core as the diagram numbers it. */
static dd_value port_value(const struct diagram *d, const struct core *core, unsigned int field,
			   uint64_t v)
{
	size_t port;

	if (v == CORE_HOST)
		return d->ports.len + 1;
	port = find_port(d, *(const char **)vec_at(&core->ports, v));
	return field == CORE_OUT ? port + 1 : port;
}

static const struct dd *test_numbers(struct diagram *d, const struct core *core,
				     const struct core_expression *e)
{
	unsigned int field = asked_field(e->field);
	dd_value last = dd_field(d->s, field)->last;
	struct vec ranges = VEC(struct dd_range);
	const struct dd *p;

	for (size_t i = 0; i < e->values; i++) {
		const struct range *from = &e->ranges[i];
		struct dd_range r = { from->first, from->last };

		if (e->field != FIELD_IN && e->field != CORE_OUT) {
			/* Values that the field has bits for and no packet has: ip.frag 3, socket 3. */
			if (r.last > last)
				r.last = last;
			if (r.first <= r.last)
				vec_append(&ranges, &r);
			continue;
		}
		for (uint64_t v = from->first; ; v++) {
			r.first = r.last = port_value(d, core, e->field, v);
			vec_append(&ranges, &r);
			if (v == from->last)
				break;
		}
	}
	p = dd_test_ranges(d->s, field, ranges.data, ranges.len);
	vec_free(&ranges);
	return p;
}

static const struct dd *test(struct diagram *d, const struct core *core, const struct core_expression *e)
{
	const struct dd *p = e->prefixes ? dd_union(d->s, test_prefixes(d, e, ADDR_V4),
						     test_prefixes(d, e, ADDR_V6)) :
			     test_numbers(d, core, e);

	if (e->unequal)
		p = dd_not(d->s, p);
	return both(d, has_field(d, e->field), p);
}

/* ---- what changes ---------------------------------------------------- */

static const struct dd *assign(struct diagram *d, const struct core *core, const struct core_expression *e)
{
	struct dd_space *s = d->s;
	const struct dd *has = has_field(d, e->field), *set;
	enum addr_family family = e->address.family;

	switch (e->field) {
	case CORE_OUT:
		return dd_assign(s, ASK_OUT, port_value(d, core, CORE_OUT, e->value));
	case FIELD_VLAN_ID:
		/* Where there is no tag the priority is 0 already. */
		set = dd_sequence(s, dd_assign(s, ASK_VLAN, e->value == CORE_NO_TAG ? NO_TAG : e->value),
				  dd_assign(s, ASK_PCP, 0));
		return e->value == CORE_NO_TAG ? dd_if(s, has, set, dd_all(s)) : set;
	case FIELD_IP_SRC:
	case FIELD_IP_DST:
		has = is_family(d, family);
		set = dd_assign(s, e->field == FIELD_IP_SRC ? (family == ADDR_V4 ? ASK_SRC4 : ASK_SRC6) :
				   (family == ADDR_V4 ? ASK_DST4 : ASK_DST6), number_of(&e->address));
		break;
	default:
		set = dd_assign(s, asked_field(e->field), e->value);
		break;
	}
	return dd_if(s, has, set, dd_all(s));
}

/* ---- expressions ----------------------------------------------------- */

static const struct dd *translate(struct diagram *d, const struct core *core,
				  const struct core_expression *e);

/* A piece of a list: if the predicate holds, the list ends in what is then done. */
struct arm {
	const struct dd *p, *a;
};

static struct arm arm_of(struct diagram *d, const struct core *core, const struct core_expression *e)
{
	struct arm arm = { translate(d, core, e->kid[0]), translate(d, core, e->kid[1]) };

	if (e->rule && d->sources)
		arm.a = dd_sequence(d->s, dd_mark(d->s, DD_SOURCE + e->rule->number), arm.a);
	return arm;
}

static struct arm fold(struct diagram *d, const struct core *core,
		       const struct core_expression *const *ifs, size_t n)
{
	struct arm front, back;

	if (n == 1)
		return arm_of(d, core, ifs[0]);
	front = fold(d, core, ifs, n / 2);
	if (!front.a || !front.p)
		return front;
	back = fold(d, core, ifs + n / 2, n - n / 2);
	return (struct arm){ dd_union(d->s, front.p, back.p), dd_if(d->s, front.p, front.a, back.a) };
}

/* By halves, too: a sum of many tests is as large in between as in the end. */
static const struct dd *sum(struct diagram *d, const struct core *core,
			    const struct core_expression *const *kids, size_t n)
{
	const struct dd *front;

	if (n == 1)
		return translate(d, core, kids[0]);
	front = sum(d, core, kids, n / 2);
	return front ? dd_union(d->s, front, sum(d, core, kids + n / 2, n - n / 2)) : NULL;
}

static const struct dd *simple(struct diagram *d, const struct core *core, const struct core_expression *e)
{
	size_t set;

	switch (e->kind) {
	case CORE_DROP:
		return dd_none(d->s);
	case CORE_ID:
		return dd_all(d->s);
	case CORE_TEST:
		return test(d, core, e);
	case CORE_SET:
		set = find_set(d, e->text, e->field);
		return both(d, has_field(d, e->field), value(d, ASK_SETS + set, 1));
	case CORE_NOT:
		return dd_not(d->s, translate(d, core, e->kid[0]));
	case CORE_ASSIGN:
		return assign(d, core, e);
	case CORE_LESS:
		return dd_if(d->s, is_ip(d), dd_mark(d->s, 0), dd_all(d->s));
	case CORE_ROUTE:
		return dd_assign(d->s, ASK_OUT, d->ports.len + 2);
	case CORE_MARK:
		return dd_mark(d->s, mark_number(d, e));
	case CORE_SUM:
		return sum(d, core, e->kid, e->kids);
	default:
		return NULL;
	}
}

/* The steps of a sequence but its last, in front of @end. */
static const struct dd *put_in_front(struct diagram *d, const struct core *core,
				     const struct core_expression *e, const struct dd *end)
{
	for (size_t i = e->kids - 1; end && i-- > 0; )
		end = dd_sequence(d->s, translate(d, core, e->kid[i]), end);
	return end;
}

/* The way to the end of a list first, then back from there. */
static const struct dd *translate(struct diagram *d, const struct core *core,
				  const struct core_expression *e)
{
	struct vec way = VEC(const struct core_expression *);
	const struct core_expression *const *at;
	const struct dd *all;
	size_t n;

	for (; e->kind == CORE_IF || e->kind == CORE_SEQUENCE; e = e->kid[e->kids - 1])
		vec_append(&way, &e);
	all = simple(d, core, e);
	at = way.data;
	for (n = way.len; all && n > 0; ) {
		size_t first = n - 1;
		struct arm arm;

		if (at[first]->kind == CORE_SEQUENCE) {
			all = put_in_front(d, core, at[first], all);
			n = first;
			continue;
		}
		while (first > 0 && at[first - 1]->kind == CORE_IF)
			first--;
		arm = fold(d, core, at + first, n - first);
		all = dd_if(d->s, arm.p, arm.a, all);
		n = first;
	}
	vec_free(&way);
	return all;
}

/* ---- what a diagram cannot say --------------------------------------- */

struct changed {
	uint32_t fields;	/* of the policy, that are assigned somewhere */
	bool less;		/* somewhere ip.ttl is made less */
	bool ttl;		/* it is tested or assigned */
};

static void note_changes(struct diagram *d, const struct core_expression *e, void *context)
{
	struct changed *c = context;

	(void)d;
	if (e->kind == CORE_ASSIGN && e->field < FIELD_COUNT)
		c->fields |= 1u << e->field;
	c->less |= e->kind == CORE_LESS;
	c->ttl |= (e->kind == CORE_TEST || e->kind == CORE_ASSIGN || e->kind == CORE_LESS) &&
		  (e->kind == CORE_LESS || e->field == FIELD_IP_TTL);
}

static void refuse_sets(struct diagram *d, const struct core_expression *e, void *context)
{
	const struct changed *c = context;

	if (e->kind == CORE_SET && c->fields & 1u << e->field)
		refuse(d, "%s is assigned, and the diagram does not know whether the set %s has the "
		       "new value", core_field_name(e->field), e->text);
}

/* A step that makes ip.ttl less, and one behind it that cares. */
static void refuse_ttl(struct diagram *d, const struct core_expression *e, void *context)
{
	bool less = false;

	(void)context;
	for (size_t i = 0; e->kind == CORE_SEQUENCE && i < e->kids && !d->why.len; i++) {
		struct changed c = { 0 };

		/* Once for a list: what is behind the last step of a sequence is looked at from inside. */
		if (!less && i + 1 == e->kids)
			break;
		walk(d, e->kid[i], note_changes, &c);
		if (less && c.ttl)
			refuse(d, "the diagram does not know what ip.ttl is behind ip.ttl := ip.ttl - 1");
		less |= c.less;
	}
}

const struct dd *diagram_of_core(struct diagram *d, const struct core *core, bool sources)
{
	struct changed c = { 0 };

	walk(d, core->root, note_changes, &c);
	walk(d, core->root, refuse_sets, &c);
	if (c.less)
		walk(d, core->root, refuse_ttl, NULL);
	if (d->why.len)
		return NULL;
	d->sources = sources;
	return translate(d, core, core->root);
}

/* ---- packets --------------------------------------------------------- */

void diagram_values(const struct diagram *d, const struct core *core, const struct core_world *world,
		    const struct frame_fields *packet, dd_value *values)
{
	bool v4 = packet->src.family == ADDR_V4;

	memset(values, 0, (ASK_SETS + d->sets.len) * sizeof(*values));
	for (unsigned int i = 0; i < ASK_SETS; i++)
		if (!is_address(i) && i != ASK_OUT && frame_has(packet, asked[i].field))
			values[i] = packet->value[asked[i].field];
	values[ASK_IN] = core->ports.len ? port_value(d, core, FIELD_IN, packet->value[FIELD_IN]) : 0;
	if (!frame_has(packet, FIELD_VLAN_ID))
		values[ASK_VLAN] = NO_TAG;
	if (frame_has(packet, FIELD_IP_SRC)) {
		values[v4 ? ASK_SRC4 : ASK_SRC6] = number_of(&packet->src);
		values[v4 ? ASK_DST4 : ASK_DST6] = number_of(&packet->dst);
	}
	for (size_t i = 0; i < d->sets.len; i++) {
		const struct asked_set *set = vec_at(&d->sets, i);

		values[ASK_SETS + i] = frame_has(packet, set->field) && world->in_set &&
				       world->in_set(world->context, set->name, set->field, packet);
	}
}

bool diagram_packet(struct diagram *d, const struct core *core, const dd_value *values,
		    struct frame_fields *packet)
{
	bool v4 = values[ASK_ETH_TYPE] == ETHERTYPE_IP4, v6 = values[ASK_ETH_TYPE] == ETHERTYPE_IP6;
	struct text why = { 0 };
	size_t port = 0;
	int err;

	*packet = (struct frame_fields){ 0 };
	while (port < core->ports.len &&
	       port_value(d, core, FIELD_IN, port) != values[ASK_IN])
		port++;
	if (core->ports.len && port == core->ports.len)
		return false;
	frame_set(packet, FIELD_IN, port);
	for (unsigned int i = ASK_ETH_TYPE; i < ASK_OUT; i++) {
		dd_value has[DD_FIELDS_MAX];

		memcpy(has, values, (ASK_SETS + d->sets.len) * sizeof(*values));
		if (is_address(i) || dd_eval(d->s, has_field(d, asked[i].field), has) ==
				     dd_none(d->s))
			continue;
		frame_set(packet, asked[i].field, values[i]);
	}
	for (unsigned int i = ASK_SRC4; i <= ASK_DST6; i++) {
		struct addr a = address_of(i, values[i]);

		if (i == ASK_SRC4 || i == ASK_DST4 ? v4 : v6)
			frame_set_address(packet, asked[i].field, &a);
	}
	err = frame_settle(packet, &why, NULL);
	text_free(&why);
	return !err;
}

enum core_fate diagram_out(const struct diagram *d, const struct core *core,
			   const struct dd_list *copy, unsigned int *port)
{
	dd_value v = 0;

	*port = 0;
	if (copy->gone)
		return CORE_GONE;
	for (unsigned int i = 0; i < copy->assignments; i++)
		if (copy->assignment[i].field == ASK_OUT)
			v = copy->assignment[i].value;
	if (!v)
		return CORE_KEPT;
	if (v > d->ports.len)
		return v == d->ports.len + 1 ? CORE_TO_HOST : CORE_ROUTED;
	while (*port < core->ports.len && port_value(d, core, CORE_OUT, *port) != v)
		++*port;
	return CORE_TO_PORT;
}
