// SPDX-License-Identifier: GPL-2.0
/*
 * Filters in the kernel, in the image and in the plain meaning: random policies, and frames aimed at
 * both sides of their bounds, through the real program, through policy_eval(), and through the walk that
 * verify takes of the image's tables. Compared are verdict and reason, the rule that ended the search, those
 * that acted before it, the mark, which elements rules inserted, and what each rule has counted. From a
 * printed seed: set SEED to repeat a run, CASES (frames) for a longer one, FRAMES to say how many of them
 * one policy gets.
 */
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "base/diag.h"
#include "compile/compile.h"
#include "datapath/datapath.h"
#include "datapath/state.h"
#include "image/numbering.h"
#include "lpm/lpm.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/parse.h"
#include "selftests/prog/made_frames.h"
#include "selftests/unit/cases.h"
#include "verify/walk.h"

#define PORTS 3	/* wan, fa: with filters; fb: without */

/* ---- random policies ------------------------------------------------------------ */

static const uint16_t some_ports[] = { 0, 1, 22, 23, 53, 80, 443, 1023, 1024, 5900, 32768, 60000, 65535 };
static const char *const some_v4[] = { "10.0.0.1", "10.1.2.3", "192.0.2.1", "198.51.100.7", "239.1.2.3",
				       "0.0.0.0", "255.255.255.255", "128.0.0.0", "10.255.255.255" };
static const char *const some_v6[] = { "2001:db8::1", "2001:db8:1::5", "2001:db8:ffff::9", "ff15::1:3",
				       "::", "fe80::1", "2001:db8:0:1::", "8000::",
				       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" };

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static void aim_port(uint32_t port)
{
	if (aims.ports < AIMS_MAX)
		aims.port[aims.ports++] = port;
}

static void add_one(uint8_t *bytes, unsigned int n, int by)
{
	for (unsigned int i = n; i-- > 0;) {
		uint8_t was = bytes[i];

		bytes[i] += by;
		if (by > 0 ? bytes[i] > was : bytes[i] < was)
			break;
	}
}

/* First and last of a prefix, and their neighbours. */
static void aim_prefix(const struct prefix *p)
{
	unsigned int n = p->addr.family == ADDR_V4 ? 4 : 16;
	uint32_t *len = n == 4 ? &aims.v4s : &aims.v6s;

	for (int end = 0; end < 2; end++)
		for (int by = -1; by < 2; by++) {
			struct addr a = p->addr;

			if (*len == AIMS_MAX)
				return;
			for (unsigned int i = p->len; end && i < addr_bits(a.family); i++)
				a.bytes[i / 8] |= 0x80 >> i % 8;
			if (by)
				add_one(a.bytes, n, by);
			memcpy(n == 4 ? aims.v4[*len] : aims.v6[*len], a.bytes, n);
			(*len)++;
		}
}

static void say_prefix(struct text *t)
{
	static const uint8_t len4[] = { 0, 1, 8, 16, 23, 24, 31, 32 }, len6[] = { 0, 3, 32, 48, 64, 127, 128 };
	char buf[PREFIX_STRLEN];
	struct prefix p;

	if (pick(2)) {
		addr_parse(some_v4[pick(COUNT(some_v4))], &p.addr);
		p.len = len4[pick(COUNT(len4))];
	} else {
		addr_parse(some_v6[pick(COUNT(some_v6))], &p.addr);
		p.len = len6[pick(COUNT(len6))];
	}
	p = prefix_canonical(p);
	aim_prefix(&p);
	text_printf(t, "%s", prefix_format(&p, buf));
}

static void say_address_test(struct text *t)
{
	text_printf(t, "ip.%s ", pick(2) ? "src" : "dst");
	if (pick(3)) {
		text_printf(t, "%s ", pick(4) ? "==" : "!=");
		say_prefix(t);
		return;
	}
	text_printf(t, "in { ");
	for (unsigned int i = 0, n = 1 + pick(5); i < n; i++) {
		text_printf(t, i ? ", " : "");
		say_prefix(t);
	}
	text_printf(t, " }");
}

static uint32_t some_number(uint32_t max, bool port)
{
	uint32_t n = port ? some_ports[pick(COUNT(some_ports))] : pick(max + 1);

	if (port) {
		aim_port(n);
		aim_port(n + 1);
		aim_port(n - 1);
	}
	return n;
}

/* A test of a number field: compared, a set of values and ranges, or masked. */
static void say_number_test(struct text *t, const char *field, uint32_t max, bool port)
{
	static const char *const compare[] = { "==", "!=", "<", "<=", ">", ">=" };
	uint32_t kind = pick(4);

	text_printf(t, "%s ", field);
	if (kind == 0 && !port && max < 65535) {
		uint32_t mask = 1 + pick(max);

		text_printf(t, "& %u == %u", mask, pick(max + 1) & mask);
	} else if (kind == 1) {
		text_printf(t, "in { ");
		for (unsigned int i = 0, n = 1 + pick(3); i < n; i++) {
			uint32_t a = some_number(max, port), b = some_number(max, port);

			text_printf(t, pick(2) || a >= b ? "%s%u" : "%s%u-%u", i ? ", " : "", a, b);
		}
		text_printf(t, " }");
	} else {
		uint32_t which = pick(6), n = some_number(max, port);

		/* What no packet can be is refused by the check. */
		if ((which == 2 && n == 0) || (which == 5 && n == 0))
			which = 0;
		if ((which == 4 && n == max) || (which == 3 && n == max))
			which = 1;
		text_printf(t, "%s %u", compare[which], n);
	}
}

static void say_test(struct text *t)
{
	static const char *const bare[] = { "ip4", "ip6", "tcp", "udp", "icmp", "igmp", "arp" };
	static const char *const flags[] = { "syn", "ack", "fin", "rst", "syn|ack", "syn|fin" };
	static const char *const protocols[] = { "tcp", "udp", "icmp", "igmp", "0", "43", "58", "1" };
	static const char *const ports[] = { "l4.src", "l4.dst", "tcp.src", "tcp.dst", "udp.src", "udp.dst" };
	static const char *const sets[] = { "ip.src in hosts", "ip.dst in hosts", "l4.dst in services",
					    "l4.src in services", "eth.src in macs", "vlan.id in vlans",
					    "ip.proto in protocols" };
	const char *f = flags[pick(COUNT(flags))];

	switch (pick(20)) {
	case 0: case 1: case 2: case 3:
		say_address_test(t);
		break;
	case 4: case 5: case 6:
		say_number_test(t, ports[pick(COUNT(ports))], 65535, true);
		break;
	case 7:
		text_printf(t, "tcp.flags & (%s) == %s", f, pick(2) ? f : "syn");
		break;
	case 8:
		say_number_test(t, pick(2) ? "icmp.type" : "icmp.code", pick(2) ? 15 : 3, false);
		break;
	case 9:
		text_printf(t, "ip.proto %s %s", pick(2) ? "==" : "!=", protocols[pick(COUNT(protocols))]);
		break;
	case 10:
		say_number_test(t, pick(2) ? "ip.dscp" : "ip.ecn", 3, false);
		break;
	case 11:
		say_number_test(t, "ip.ttl", 64, false);
		break;
	case 12:
		text_printf(t, "ip.frag %s %s", pick(2) ? "==" : "!=",
			    pick(3) ? pick(2) ? "none" : "first" : "later");
		break;
	case 13:
		say_number_test(t, pick(2) ? "vlan.id" : "vlan.pcp", 4, false);
		break;
	case 14:
		text_printf(t, "eth.type %s 0x%04x", pick(2) ? "==" : "!=",
			    (unsigned int[]){ 0x0800, 0x86dd, 0x0806, 0x8100, 0x88a8 }[pick(5)]);
		break;
	case 15:
		text_printf(t, "eth.%s", pick(2) ? "src == 02:00:00:00:00:09" : "dst == 01:00:5e:01:02:03");
		break;
	case 16:
		text_printf(t, "pkt.len %s %u", pick(2) ? "<" : ">=", 54 + pick(200));
		break;
	case 17:
		text_printf(t, pick(2) ? "in == wan" : "in != wan");
		break;
	case 18:
		text_printf(t, "%s", sets[pick(COUNT(sets))]);
		break;
	case 19:
		text_printf(t, "%s", bare[pick(COUNT(bare))]);
		break;
	}
}

static void say_predicate(struct text *t, unsigned int depth)
{
	uint32_t kind = depth ? pick(5) : 4;

	if (kind == 0)
		text_printf(t, "not ");
	if (kind < 3)
		text_printf(t, "(");
	if (kind == 4 || kind == 3) {
		say_test(t);
		return;
	}
	say_predicate(t, depth - 1);
	if (kind) {
		text_printf(t, kind == 1 ? " and " : " or ");
		say_predicate(t, depth - 1);
	}
	text_printf(t, ")");
}

static void say_action(struct text *t, unsigned int number)
{
	static const char *const inserts[] = { "ip.src into hosts", "ip.dst into hosts",
					       "l4.dst into services", "l4.src into services",
					       "eth.src into macs", "vlan.id into vlans",
					       "ip.proto into protocols" };

	switch (pick(6)) {
	case 0: case 1:
		text_printf(t, "count \"c%u\"", number % 5);
		break;
	case 2:
		text_printf(t, "mark %u", number + 1);
		break;
	case 3:
		text_printf(t, "insert %s", inserts[pick(COUNT(inserts))]);
		break;
	case 4:
		text_printf(t, "police 1000000pps burst 100000%s", pick(2) ? " per ip.src" : "");
		break;
	case 5:
		text_printf(t, "emit \"e%u\"", number);
		break;
	}
}

/* At most @going rules without allow or drop, so that their layers are few. */
static void say_filter(struct text *t, const char *ports, unsigned int rules, unsigned int going)
{
	text_printf(t, "filter %s {\n", ports);
	for (unsigned int i = 0; i < rules; i++) {
		bool goes_on = going && !pick(3);

		going -= goes_on;
		text_printf(t, "    ");
		if (goes_on)
			say_action(t, i);
		for (unsigned int n = pick(goes_on ? 2 : 6) ? 0 : 1 + pick(2); n; n--) {
			text_printf(t, goes_on ? ", " : "");
			say_action(t, i);
			text_printf(t, goes_on ? "" : ", ");
		}
		if (!goes_on)
			text_printf(t, pick(2) ? "allow" : "drop");
		text_printf(t, " if ");
		say_predicate(t, pick(3));
		text_printf(t, ";\n");
	}
	text_printf(t, pick(2) ? "    drop;\n}\n" : "}\n");
}

static void say_policy(struct text *t)
{
	memset(&aims, 0, sizeof(aims));
	text_printf(t, "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n");
	text_printf(t, "set hosts : ip.src size 1000 timeout 1h;\nset services : l4.dst size 1000;\n");
	text_printf(t, "set macs : eth.src size 100; set vlans : vlan.id size 5000;\n");
	text_printf(t, "set protocols : ip.proto size 256;\n");
	if (pick(2)) {
		say_filter(t, "wan, fa", 1 + pick(20), 5);
	} else {
		say_filter(t, "wan", 1 + pick(8), 4);
		say_filter(t, "fa", 1 + pick(8), 3);
	}
}

/* ---- both engines ------------------------------------------------------------------- */

/* What a set has, as we reckon it. */
struct has {
	uint32_t set;
	struct set_key key;
};

struct world {
	struct policy *policy;
	struct image *image;
	struct datapath *dp;
	struct tables *tables;
	struct generation *gen;
	struct table has;		/* struct has -> nothing */
	struct eval_env env;
	struct eval_port ports[PORTS];
	struct count *counts;		/* by rule */
	uint16_t *numbers;		/* of the policy's ports in the image */
	uint64_t walks;			/* frames that the image was asked about */
	const char *text;
};

static struct set_key key_of(const struct addr *a, uint64_t number)
{
	struct set_key key = { .family = a ? a->family : 0 };

	if (key.family)
		memcpy(key.value, a->bytes, sizeof(a->bytes));
	else
		memcpy(key.value, &number, sizeof(number));
	return key;
}

static bool model_has(void *context, const struct policy_set *set, const struct addr *address,
		      uint64_t number)
{
	struct world *w = context;
	struct has has = { .set = set->number, .key = key_of(address, number) };

	return table_get(&w->has, &has) != NULL;
}

/* An element that the set has, or nearly: expired, of a later generation, of one before. */
static void enter(struct world *w, uint32_t set, const struct set_key *key)
{
	static const struct set_value values[] = {
		{ .inserted = SET_STAYS },
		{ .expires = SET_STAYS, .since = 1, .until = ~0u },
		{ .inserted = 1 },
		{ .expires = 1, .since = 1, .until = ~0u },
		{ .expires = SET_STAYS, .since = 2, .until = ~0u },
	};
	uint32_t which = pick(COUNT(values));
	const struct set_map *map = vec_at(&w->gen->sets, set);
	struct has has = { .set = set, .key = *key };

	assert_int_equal(bpf_map_update_elem(map->fd, key, &values[which], 0), 0);
	if (which < 2)
		table_put(&w->has, &has, NULL);
	else
		table_del(&w->has, &has);
}

static void fill_sets(struct world *w)
{
	for (unsigned int i = 0; i < 40; i++) {
		struct addr a = { 0 };
		struct set_key key;

		if (pick(2) && aims.v4s)
			a = addr_from_bytes(ADDR_V4, aims.v4[pick(aims.v4s)]);
		else if (aims.v6s)
			a = addr_from_bytes(ADDR_V6, aims.v6[pick(aims.v6s)]);
		else
			addr_parse("10.0.0.1", &a);
		key = key_of(&a, 0);
		enter(w, 0, &key);
		key = key_of(NULL, aims.ports && pick(2) ? aims.port[pick(aims.ports)] : some_ports[pick(13)]);
		enter(w, 1, &key);
		key = key_of(NULL, pick(2) ? 0x020000000009ull : 0x020000000007ull);
		enter(w, 2, &key);
		key = key_of(NULL, pick(5));
		enter(w, 3, &key);
		key = key_of(NULL, pick(64));
		enter(w, 4, &key);
	}
}

/* This host's sockets: what their packets look like. */
struct known_socket {
	struct eval_flow flow;		/* sport 0: any sender */
	unsigned int state;		/* 1 established, 2 listen */
};
static struct known_socket known[10];
static unsigned int knowns;

static unsigned int model_socket(void *context, const struct eval_flow *flow)
{
	unsigned int best = 0;

	(void)context;
	for (unsigned int i = 0; i < knowns; i++) {
		const struct eval_flow *k = &known[i].flow;

		if (k->proto != flow->proto || k->dport != flow->dport || !addr_equal(&k->dst, &flow->dst))
			continue;
		if (!k->sport && !best)
			best = known[i].state;
		if (k->sport == flow->sport && addr_equal(&k->src, &flow->src))
			best = known[i].state;
	}
	return best;
}

static bool compile(struct world *w)
{
	struct numbering numbering;
	struct text out = { 0 };
	struct diags diags;
	bool good;

	diags_init(&diags);
	w->policy = policy_parse_text("made", w->text, strlen(w->text), &diags);
	good = !diags.errors;
	numbering_init(&numbering, NULL, NULL, NULL);
	if (good && compile_policy(w->policy, &numbering, NULL, &w->image, &diags)) {
		/* Too many layers or boxes is an answer, too. */
		good = false;
	}
	if (!good && getenv("VERBOSE")) {
		diags_print(&diags, &out, false);
		printf("%s", text_string(&out));
	}
	numbering_free(&numbering);
	text_free(&out);
	diags_free(&diags);
	if (!good)
		policy_free(w->policy);
	return good;
}

static void load(struct world *w)
{
	struct lpm_shape shape4, shape6;
	struct text why = { 0 };

	assert_int_equal(datapath_open(NULL, &w->dp, &why), 0);
	lpm_sizes(ADDR_V4, 1, &shape4);
	lpm_sizes(ADDR_V6, 1, &shape6);
	assert_int_equal(tables_new(w->dp, &shape4, &shape6, &w->tables, &why), 0);
	if (datapath_stage(w->dp, w->image, w->tables, 0, &w->gen, &why))
		fail_msg("%s\n%s", w->text, text_string(&why));
	for (unsigned int i = 0; i < PORTS; i++) {
		const struct image_port *port = vec_at(&w->image->ports, i);

		w->ports[i] = (struct eval_port){ .number = port->number, .up = true, .mtu = 1500 };
		strcpy(w->ports[i].interface, port->interface);
	}
	w->env = (struct eval_env){
		.ports = w->ports, .ports_len = PORTS, .in_set = model_has, .set_context = w,
		.socket = model_socket,
	};
	w->counts = xcalloc(w->image->filter.rules.len + 1, sizeof(*w->counts));
	w->has = TABLE(struct has, char);
	w->numbers = walk_ports(w->image, w->policy);
}

static void unload(struct world *w)
{
	generation_free(w->gen);
	tables_free(w->tables);
	datapath_close(w->dp);
	image_free(w->image);
	policy_free(w->policy);
	table_free(&w->has);
	free(w->counts);
	free(w->numbers);
}

/* ---- one frame ------------------------------------------------------------------------ */

static void explain(const struct world *w, const struct frame *f, const struct test_result *got,
		    const struct eval_result *wanted)
{
	const struct eval_outcome *o = vec_at(&wanted->outcomes, 0);

	printf("%s", w->text);
	for (uint32_t i = 0; i < f->len; i++)
		printf("%02x", f->bytes[i]);
	printf("\nbpf: reason %s rule %d mark %u side", eval_reason_name(got->trace.reason),
	       (int)got->trace.rule - 1, got->trace.mark);
	for (uint32_t i = 0; i < got->trace.side; i++)
		printf(" %u", got->trace.side_rule[i]);
	printf("\neval: reason %s rule %d mark %u matched", eval_reason_name(o->reason),
	       wanted->rule ? (int)wanted->rule->number : -1, wanted->mark);
	for (size_t i = 0; i < wanted->matched.len; i++)
		printf(" %u", (*(struct policy_rule **)vec_at(&wanted->matched, i))->number);
	printf("\n");
}

static bool same(const struct test_result *got, const struct eval_result *wanted)
{
	const struct eval_outcome *o = vec_at(&wanted->outcomes, 0);
	size_t sides = wanted->matched.len - (wanted->rule ? 1 : 0);

	if (got->trace.reason != o->reason || got->trace.mark != wanted->mark ||
	    got->trace.rule != (wanted->rule ? wanted->rule->number + 1 : 0) ||
	    got->trace.side != sides)
		return false;
	for (size_t i = 0; i < sides; i++)
		if (got->trace.side_rule[i] != (*(struct policy_rule **)vec_at(&wanted->matched, i))->number)
			return false;
	return true;
}

/* The element that an insert action meant. */
static struct set_key inserted_key(const struct frame_fields *fields, enum policy_field field)
{
	if (field == FIELD_IP_SRC || field == FIELD_IP_DST)
		return key_of(field == FIELD_IP_SRC ? &fields->src : &fields->dst, 0);
	return key_of(NULL, fields->value[field]);
}

static void follow(struct world *w, const struct frame *f, const struct eval_result *r)
{
	struct frame_fields fields;

	frame_read(f->bytes, f->len, &fields);
	for (size_t i = 0; i < r->effects.len; i++) {
		const struct eval_effect *e = vec_at(&r->effects, i);
		struct has has = { 0 };

		if (e->action->kind != DO_INSERT)
			continue;
		has.set = e->action->set->number;
		has.key = inserted_key(&fields, e->action->field);
		table_put(&w->has, &has, NULL);
	}
	for (size_t i = 0; i < r->matched.len; i++) {
		struct count *c = &w->counts[(*(struct policy_rule **)vec_at(&r->matched, i))->number];

		c->packets++;
		c->bytes += f->len;
	}
}

/* Which set tests have a packet, as the model says. */
static uint32_t sets_that_have(struct world *w, const struct frame_fields *fields)
{
	uint32_t sets = 0;

	for (size_t i = 0; i < w->policy->set_tests.len; i++) {
		const struct policy_set_test *t = vec_at(&w->policy->set_tests, i);
		bool address = t->field == FIELD_IP_SRC || t->field == FIELD_IP_DST;
		const struct addr *a = t->field == FIELD_IP_SRC ? &fields->src : &fields->dst;

		if (frame_has(fields, t->field) &&
		    model_has(w, t->set, address ? a : NULL, address ? 0 : fields->value[t->field]))
			sets |= 1u << i;
	}
	return sets;
}

static bool acts(const struct eval_result *r, uint32_t number)
{
	for (size_t i = 0; i < r->matched.len; i++)
		if ((*(struct policy_rule **)vec_at(&r->matched, i))->number == number)
			return true;
	return false;
}

/* The image's tables have the rules that eval met: the one that ends the search, and those before it. */
static void walk_one(struct world *w, uint16_t port, const struct frame *f, const struct eval_result *wanted)
{
	uint32_t end = wanted->rule ? wanted->rule->number : RULES_NONE, sides = 0;
	struct frame_fields fields;
	struct walk walk;

	/* A frame that is not sound meets no filter. */
	if (frame_read(f->bytes, f->len, &fields) != REASON_none)
		return;
	for (unsigned int i = 0; i < w->policy->ports.len; i++)
		if (w->numbers[i] == port)
			frame_set(&fields, FIELD_IN, i);
	walk_packet(w->image, w->numbers, &fields, sets_that_have(w, &fields), &walk);
	w->walks++;
	assert_int_equal(walk.filtered, port != w->ports[2].number);
	if (!walk.filtered) {
		assert_int_equal(wanted->matched.len, 0);
		return;
	}
	if (walk.layer[0].rule != end)
		fail_msg("%sthe image has rule %d, eval %d", w->text, (int)walk.layer[0].rule, (int)end);
	assert_int_equal(walk.layer[0].rule != RULES_NONE && walk.layer[0].action & ACTION_DROP,
			 ((struct eval_outcome *)vec_at(&wanted->outcomes, 0))->reason == REASON_filtered);
	for (unsigned int l = 1; l < w->image->filter.shape.layers; l++) {
		if (walk.layer[l].rule >= end)
			continue;
		if (!acts(wanted, walk.layer[l].rule))
			fail_msg("%sthe image has rule %u act, eval not", w->text, walk.layer[l].rule);
		sides++;
	}
	assert_int_equal(sides, wanted->matched.len - (wanted->rule ? 1 : 0));
}

static void run_one(struct world *w, uint16_t port, const struct frame *f)
{
	static struct test_result got;
	struct eval_result wanted;

	if (f->len < 14)
		return;
	assert_int_equal(generation_test(w->gen, port, f->bytes, f->len, &got), 0);
	policy_eval(w->policy, &w->env, port, f->bytes, f->len, &wanted);
	if (!same(&got, &wanted)) {
		explain(w, f, &got, &wanted);
		fail();
	}
	if (!knowns)
		walk_one(w, port, f, &wanted);
	follow(w, f, &wanted);
	eval_result_free(&wanted);
}

static void check_counts(struct world *w)
{
	uint32_t rules = w->image->filter.rules.len;
	struct count *counts = xcalloc(rules + 1, sizeof(*counts));

	rule_counts_read(w->gen->rule_counts, 0, rules, counts);
	for (uint32_t i = 0; i < rules; i++) {
		if (counts[i].packets != w->counts[i].packets || counts[i].bytes != w->counts[i].bytes)
			fail_msg("%srule %u counted %llu packets, not %llu", w->text, i,
				 (unsigned long long)counts[i].packets,
				 (unsigned long long)w->counts[i].packets);
	}
	free(counts);
}

/* ---- tests -------------------------------------------------------------------------------- */

static uint32_t setting(const char *name, uint32_t otherwise)
{
	const char *s = getenv(name);

	return s ? strtoul(s, NULL, 0) : otherwise;
}

/* A new one; or the one before, as it was or with a byte changed: the data path remembers packets. */
static void make_or_repeat(struct frame *f)
{
	uint32_t how = pick(4);

	if (how > 1 || !f->len)
		make_frame(f);
	else if (how == 1)
		f->bytes[pick(f->len < 60 ? f->len : 60)] ^= 1 << pick(8);
}

static uint32_t verified_insns(const struct world *w)
{
	struct bpf_prog_info info = { 0 };
	__u32 len = sizeof(info);

	assert_int_equal(bpf_obj_get_info_by_fd(w->gen->program, &info, &len), 0);
	return info.verified_insns;
}

static void test_random(void **unused)
{
	unsigned long cases = cases_wanted(18000);
	/* To load a policy takes as long as some thousand frames do. */
	uint32_t frames = setting("FRAMES", cases > 100000 ? 10000 : 1500), most = 0, seen = 0;
	uint32_t policies = (cases + frames - 1) / frames;
	uint64_t walks = 0;

	(void)unused;
	while (seen < policies) {
		struct world w = { 0 };
		struct text text = { 0 };

		say_policy(&text);
		w.text = text_string(&text);
		if (compile(&w)) {
			load(&w);
			fill_sets(&w);
			for (uint32_t i = 0; i < frames; i++) {
				static struct frame f;

				make_or_repeat(&f);
				run_one(&w, w.ports[pick(PORTS)].number, &f);
			}
			check_counts(&w);
			most = verified_insns(&w) > most ? verified_insns(&w) : most;
			walks += w.walks;
			unload(&w);
			seen++;
		}
		text_free(&text);
	}
	print_message("# %u policies, %u frames each, %llu of them through the image too; the verifier looks at up to "
		      "%u instructions\n", policies, frames, (unsigned long long)walks, most);
	assert_true(walks > policies * frames / 4);
}

/* ---- sockets ------------------------------------------------------------------------------- */

static void know(int fd, uint8_t proto, unsigned int state, bool connected)
{
	struct sockaddr_in6 local = { 0 }, remote = { 0 };
	socklen_t len = sizeof(local);
	struct known_socket *k = &known[knowns++];
	bool v4;

	assert_int_equal(getsockname(fd, (struct sockaddr *)&local, &len), 0);
	v4 = local.sin6_family == AF_INET;
	len = sizeof(remote);
	if (connected)
		assert_int_equal(getpeername(fd, (struct sockaddr *)&remote, &len), 0);
	k->state = state;
	k->flow.proto = proto;
	k->flow.dport = ntohs(local.sin6_port);
	k->flow.sport = ntohs(remote.sin6_port);
	k->flow.dst = addr_from_bytes(v4 ? ADDR_V4 : ADDR_V6,
				      v4 ? (void *)&((struct sockaddr_in *)&local)->sin_addr :
				      (void *)&local.sin6_addr);
	k->flow.src = k->flow.dst;	/* all over the loopback's one address */
}

static int bound(int family, int type, struct sockaddr_in6 *a, socklen_t *len)
{
	int fd = socket(family, type | SOCK_CLOEXEC, 0);

	*a = (struct sockaddr_in6){ .sin6_family = family };
	if (family == AF_INET)
		((struct sockaddr_in *)a)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	else
		a->sin6_addr = in6addr_loopback;
	*len = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(*a);
	assert_int_equal(bind(fd, (struct sockaddr *)a, *len), 0);
	*len = sizeof(*a);
	assert_int_equal(getsockname(fd, (struct sockaddr *)a, len), 0);
	return fd;
}

/* A listener and both ends of a connection to it; a UDP socket for all, and one that is connected. */
static void open_sockets(int family, int fd[5])
{
	struct sockaddr_in6 a, b;
	socklen_t len;

	fd[0] = bound(family, SOCK_STREAM, &a, &len);
	assert_int_equal(listen(fd[0], 1), 0);
	know(fd[0], IPPROTO_TCP, 2, false);
	fd[1] = bound(family, SOCK_STREAM, &b, &len);
	assert_int_equal(connect(fd[1], (struct sockaddr *)&a, len), 0);
	know(fd[1], IPPROTO_TCP, 1, true);
	fd[2] = bound(family, SOCK_DGRAM, &a, &len);
	know(fd[2], IPPROTO_UDP, 2, false);
	fd[3] = bound(family, SOCK_DGRAM, &b, &len);
	assert_int_equal(connect(fd[3], (struct sockaddr *)&a, len), 0);
	know(fd[3], IPPROTO_UDP, 1, true);
	fd[4] = accept(fd[0], NULL, NULL);
	assert_true(fd[4] >= 0);
	know(fd[4], IPPROTO_TCP, 1, true);
}

/* A packet of one of the sockets, or nearly. */
static void make_for_socket(struct frame *f)
{
	const struct eval_flow *k = &known[pick(knowns)].flow;
	struct frame_fields fields = { 0 };
	static uint8_t bytes[FRAME_MAX];
	struct addr src = k->src, dst = k->dst;
	struct text why = { 0 };

	if (!pick(5))
		src.bytes[addr_bits(src.family) / 8 - 1] ^= 3;
	if (!pick(5))
		dst.bytes[addr_bits(dst.family) / 8 - 1] ^= 3;
	frame_set_address(&fields, FIELD_IP_SRC, &src);
	frame_set_address(&fields, FIELD_IP_DST, &dst);
	frame_set(&fields, FIELD_IP_PROTO, k->proto);
	frame_set(&fields, FIELD_L4_SRC, pick(4) && k->sport ? k->sport : pick(65536));
	frame_set(&fields, FIELD_L4_DST, pick(4) ? k->dport : k->dport ^ 1);
	frame_set(&fields, FIELD_PKT_LEN, 120);
	if (!pick(4))
		frame_set(&fields, FIELD_IP_FRAG, 1);
	if (frame_settle(&fields, &why, NULL))
		fail_msg("%s", text_string(&why));
	f->len = frame_build(&fields, bytes);
	assert_true(f->len <= sizeof(f->bytes));
	memcpy(f->bytes, bytes, f->len);
}

static void test_sockets(void **unused)
{
	struct world w = { .text = "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n"
		"filter wan, fa {\n"
		"    count \"l\" if socket == listen;\n    drop if socket == established and tcp;\n"
		"    allow if socket != established;\n    drop if not (socket == listen) and udp;\n"
		"    allow if tcp;\n    drop;\n}\n" };
	int fd[10];

	(void)unused;
	open_sockets(AF_INET, fd);
	open_sockets(AF_INET6, fd + 5);
	assert_true(compile(&w));
	load(&w);
	for (uint32_t i = 0; i < 4000; i++) {
		struct frame f;

		make_for_socket(&f);
		run_one(&w, w.ports[pick(PORTS)].number, &f);
	}
	check_counts(&w);
	for (unsigned int i = 0; i < 5; i++)
		assert_true(w.counts[i].packets > 100);
	unload(&w);
	for (unsigned int i = 0; i < COUNT(fd); i++)
		close(fd[i]);
	knowns = 0;
}

static void loopback_up(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };

	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &r), 0);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_sockets),
	};

	if (geteuid()) {
		puts("TAP version 13\n1..0 # SKIP needs root to load programs");
		return 4;
	}
	choose_seed();
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	loopback_up();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
