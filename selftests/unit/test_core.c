// SPDX-License-Identifier: GPL-2.0
/*
 * The core language: what a policy stands for, against policy/eval; what is printed is read as the
 * same; made plain, and as a diagram, it means the same. Random policies, random expressions, and
 * packets that differ in few fields. The seed is printed; SEED=n repeats it, CASES=n sets how many
 * (1,000).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "analyse/diagram.h"
#include "base/table.h"
#include "base/text.h"
#include "policy/core.h"
#include "policy/eval.h"
#include "policy/parse.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/rule_lists.h"

static uint64_t seed;
static unsigned long cases;

static const char *one_of(const char *const *words, size_t n)
{
	return words[below(&seed, n)];
}
#define ONE_OF(words) one_of(words, sizeof(words) / sizeof((words)[0]))

/* ---- packets --------------------------------------------------------- */

static struct frame_fields random_packet(void)
{
	static const char *const src[] = { "10.0.0.1", "10.0.1.1", "192.0.2.1", "10.0.0.0" };
	static const char *const dst[] = { "10.0.0.2", "239.1.0.1", "233.54.12.1", "224.0.0.5", "239.1.2.3" };
	static const char *const src6[] = { "2001:db8::1", "2001:db9::1" };
	static const char *const dst6[] = { "2001:db8::2", "ff05::1", "ff02::1" };
	static const unsigned int types[] = { 0x0800, 0x0800, 0x0800, 0x86dd, 0x86dd, 0x0806, 0x88cc };
	static const unsigned int protos[] = { 6, 6, 17, 17, 1, 58, 2, 47 };
	static const unsigned int values[] = { 22, 23, 53, 80, 1024 };
	struct text why = { 0 };
	struct frame_fields f;
	struct addr a;
	int err;

	do {
		unsigned int type = types[below(&seed, 7)];
		bool v4 = type == 0x0800;

		f = (struct frame_fields){ 0 };
		frame_set(&f, FIELD_IN, below(&seed, 3));
		frame_set(&f, FIELD_ETH_TYPE, type);
		if (type == 0x0800 || type == 0x86dd) {
			frame_set(&f, FIELD_IP_PROTO, protos[below(&seed, 8)]);
			assert_int_equal(addr_parse(v4 ? ONE_OF(src) : ONE_OF(src6), &a), 0);
			frame_set_address(&f, FIELD_IP_SRC, &a);
			assert_int_equal(addr_parse(v4 ? ONE_OF(dst) : ONE_OF(dst6), &a), 0);
			frame_set_address(&f, FIELD_IP_DST, &a);
			frame_set(&f, FIELD_IP_TTL, 1 + below(&seed, 5));
			if (!below(&seed, 4))
				frame_set(&f, FIELD_IP_FRAG, below(&seed, 3));
			if (below(&seed, 2))
				frame_set(&f, FIELD_L4_SRC, values[below(&seed, 5)]);
			if (below(&seed, 2))
				frame_set(&f, FIELD_L4_DST, values[below(&seed, 5)]);
			if (!below(&seed, 3))
				frame_set(&f, FIELD_TCP_FLAGS, below(&seed, 32));
		}
		if (!below(&seed, 4)) {
			frame_set(&f, FIELD_VLAN_ID, 10 + below(&seed, 3));
			frame_set(&f, FIELD_VLAN_PCP, below(&seed, 3));
		}
		why.len = 0;
		err = frame_settle(&f, &why, NULL);
	} while (err);
	text_free(&why);
	return f;
}

/* ---- the world ------------------------------------------------------- */

/* A set has what hashes right; its name and field are part of that. */
static bool set_has(const char *set, enum policy_field field, const struct addr *a, uint64_t number)
{
	uint64_t key[3] = { set[0], field == FIELD_IP_SRC || field == FIELD_IP_DST, number };

	if (key[1])
		key[2] = hash_bytes(a->bytes, sizeof(a->bytes));
	return hash_bytes(key, sizeof(key)) & 1;
}

static bool core_in_set(void *context, const char *set, enum policy_field field,
			const struct frame_fields *f)
{
	(void)context;
	return set_has(set, field, field == FIELD_IP_SRC ? &f->src : &f->dst, f->value[field]);
}

static bool eval_in_set(void *context, const struct policy_set *set, const struct addr *address,
			uint64_t number)
{
	(void)context;
	return set_has(set->name, address->family ? FIELD_IP_SRC : FIELD_L4_DST, address, number);
}

/* Over the rate: by what the action says, so that both sides know. */
static bool over(const char *text)
{
	return strlen(text) & 1;
}

static bool core_over(void *context, const struct core_expression *police)
{
	(void)context;
	return over(police->text);
}

static bool eval_over(void *context, const struct policy_rule *rule, const struct policy_action *action)
{
	char text[32];

	(void)context;
	(void)rule;
	snprintf(text, sizeof(text), "%llupps burst 1", (unsigned long long)action->rate);
	return over(text);
}

static const struct core_world world = { .in_set = core_in_set, .over = core_over };
static const struct core_world never_over = { .in_set = core_in_set };

/* ---- text ------------------------------------------------------------ */

static struct core *parse_core(const char *text)
{
	const struct source source = { .name = "core", .text = (char *)text, .len = strlen(text) };
	struct text said = { 0 };
	struct diags diags;
	struct core *core;

	diags_init(&diags);
	core = core_parse(&source, &diags);
	diags_print(&diags, &said, false);
	if (!core)
		fail_msg("%s in: %s", text_string(&said), text);
	text_free(&said);
	diags_free(&diags);
	return core;
}

/* Reads what @core is printed as; it must be printed as the same again. */
static struct core *read_back(const struct core *core, struct text *once)
{
	struct text again = { 0 };
	struct core *back;

	core_print(core, once);
	back = parse_core(text_string(once));
	core_print(back, &again);
	assert_string_equal(text_string(&again), text_string(once));
	text_free(&again);
	return back;
}

static struct policy *parse_policy(const char *text)
{
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text, strlen(text), &diags);
	diags_print(&diags, &said, false);
	if (diags.errors)
		fail_msg("%s in: %s", text_string(&said), text);
	text_free(&said);
	diags_free(&diags);
	return p;
}

/* ---- copies as text -------------------------------------------------- */

/* A copy in words: where it goes, its marks, its values. Sets of copies are sorted lists of them. */
static int compare_words(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort_words(struct vec *words)
{
	char **word = words->data;
	size_t kept = 0;

	if (words->len)
		qsort(word, words->len, sizeof(char *), compare_words);
	for (size_t i = 0; i < words->len; i++) {
		if (kept && !strcmp(word[kept - 1], word[i]))
			free(word[i]);
		else
			word[kept++] = word[i];
	}
	words->len = kept;
}

static void free_words(struct vec *words)
{
	for (size_t i = 0; i < words->len; i++)
		free(*(char **)vec_at(words, i));
	vec_free(words);
}

static void assert_same_words(struct vec *a, struct vec *b, const char *about)
{
	sort_words(a);
	sort_words(b);
	for (size_t i = 0; i < a->len || i < b->len; i++) {
		const char *x = i < a->len ? *(char **)vec_at(a, i) : "nothing";
		const char *y = i < b->len ? *(char **)vec_at(b, i) : "nothing";

		if (strcmp(x, y))
			fail_msg("%s\nis not %s\nof %s", x, y, about);
	}
	free_words(a);
	free_words(b);
}

static void put_values(struct diagram *d, const dd_value *values, struct text *out)
{
	unsigned int n = dd_fields(diagram_space(d));

	/* Where it leaves is in the fate. */
	for (unsigned int i = 0; i < n; i++)
		if (strcmp(dd_field(diagram_space(d), i)->name, "out"))
			text_printf(out, " %llx.%llx", (unsigned long long)(values[i] >> 64),
				    (unsigned long long)values[i]);
}

static struct vec words_of_core(struct diagram *d, const struct core *core, const struct frame_fields *f)
{
	struct vec words = VEC(char *), copies;

	core_eval(core, &never_over, f, &copies);
	for (size_t i = 0; i < copies.len; i++) {
		const struct core_copy *c = vec_at(&copies, i);
		dd_value values[DD_FIELDS_MAX];
		struct text out = { 0 };

		text_printf(&out, "%d %u", c->fate, c->port);
		for (size_t j = 0; j < c->marks.len; j++) {
			const struct core_expression *m = *(const struct core_expression **)vec_at(&c->marks, j);

			text_printf(&out, " %s:%s", core_mark_name(m->mark), m->text);
		}
		if (c->fate != CORE_GONE) {
			diagram_values(d, core, &never_over, &c->fields, values);
			put_values(d, values, &out);
		}
		vec_append(&words, &out.data);
	}
	core_copies_free(&copies);
	return words;
}

static struct vec words_of_diagram(struct diagram *d, const struct core *core, const struct dd *e,
				   const struct frame_fields *f)
{
	struct vec words = VEC(char *);
	dd_value packet[DD_FIELDS_MAX];
	const struct dd *leaf;

	diagram_values(d, core, &never_over, f, packet);
	leaf = dd_eval(diagram_space(d), e, packet);
	for (size_t i = 0; i < dd_copies(leaf); i++) {
		const struct dd_list *copy = dd_copy(leaf, i);
		dd_value values[DD_FIELDS_MAX];
		struct text out = { 0 };
		unsigned int port;

		memcpy(values, packet, sizeof(values));
		for (unsigned int j = 0; j < copy->assignments; j++)
			values[copy->assignment[j].field] = copy->assignment[j].value;
		text_printf(&out, "%d ", diagram_out(d, core, copy, &port));
		text_printf(&out, "%u", port);
		for (unsigned int j = 0; j < copy->marks; j++) {
			const struct core_expression *m = diagram_mark(d, copy->mark[j]);

			text_printf(&out, " %s:%s", core_mark_name(m->mark), m->text);
		}
		if (!copy->gone)
			put_values(d, values, &out);
		vec_append(&words, &out.data);
	}
	return words;
}

/* ---- random expressions ---------------------------------------------- */

static void put_predicate(struct text *out, unsigned int depth)
{
	static const char *const tests[] = {
		"in = wan", "in = {wan, fb}", "in != fa", "eth.type = ip4", "eth.type = {ip6, arp}",
		"ip.src = 10.0.0.0/24", "ip.dst = {10.0.0.2, 239.0.0.0/8, ff00::/8}", "ip.src != 10.0.0.0/8",
		"ip.proto = tcp", "ip.proto = {udp, icmp}", "ip.proto != tcp", "ip.frag = later",
		"ip.frag != none", "tcp.dst = 22", "udp.dst = {53, 1000-2000}", "l4.dst = 20-30", "l4.src != 80",
		"tcp.src = {80, 22}", "tcp.flags & (syn|ack) = syn", "tcp.flags & (fin) != 0", "tcp.flags = syn",
		"vlan.id = 10-11", "vlan.id != 10", "vlan.pcp = 0", "ip.ttl = {1, 3}", "ip.src in bad",
		"ip.dst in bad", "l4.dst in odd", "icmp.type = 8", "socket = none", "pkt.len = 0-100",
		"out = fa", "out != host", "eth.src = 02:00:00:00:00:01", "ip.ecn = 0", "drop", "id",
	};

	switch (below(&seed, depth ? 6 : 1)) {
	case 3:
		text_printf(out, "~");
		/* fall through */
	case 4:
	case 5:
		text_printf(out, "(");
		put_predicate(out, depth - 1);
		text_printf(out, below(&seed, 2) ? "; " : " + ");
		put_predicate(out, depth - 1);
		text_printf(out, ")");
		break;
	default:
		text_printf(out, "%s", ONE_OF(tests));
		break;
	}
}

static void put_expression(struct text *out, unsigned int depth)
{
	static const char *const steps[] = {
		"drop", "id", "route", "out := fa", "out := host", "vlan.id := 12", "vlan.id := none",
		"vlan.pcp := 2", "ip.ttl := 3", "l4.src := 80", "ip.dscp := 4", "eth.dst := 02:00:00:00:00:01",
		"count(\"a\")", "count(\"b \\\"q\\\"\")", "emit(\"x\")", "tcp.flags := syn",
	};

	switch (below(&seed, depth ? 7 : 2)) {
	case 0:
		put_predicate(out, depth < 2 ? depth : 2);
		break;
	case 1:
		text_printf(out, "%s", ONE_OF(steps));
		break;
	case 2:
	case 3:
		text_printf(out, "(");
		put_expression(out, depth - 1);
		text_printf(out, "; ");
		put_expression(out, depth - 1);
		text_printf(out, ")");
		break;
	case 4:
		text_printf(out, "(");
		put_expression(out, depth - 1);
		text_printf(out, " + ");
		put_expression(out, depth - 1);
		text_printf(out, ")");
		break;
	default:
		text_printf(out, "(if ");
		put_predicate(out, 2);
		text_printf(out, " then ");
		put_expression(out, depth - 1);
		if (below(&seed, 3)) {
			text_printf(out, " else ");
			put_expression(out, depth - 1);
		}
		text_printf(out, ")");
	}
}

/* Printed, read, plain, as a diagram: all the same. */
static void check_all(const struct core *core, const char *about)
{
	struct text once = { 0 }, plain_text = { 0 };
	struct core *plain = core_plain(core), *back = read_back(core, &once);
	struct core *plain_back = read_back(plain, &plain_text);
	const struct core *all[] = { core, plain, back, plain_back };
	struct diagram *d = diagram_new(all, 4, DD_BUDGET);
	const struct dd *e = diagram_of_core(d, core, false);

	if (!e)
		fail_msg("%s of %s", diagram_refusal(d), about);
	for (unsigned int i = 1; i < 4; i++)
		if (diagram_of_core(d, all[i], false) != e)
			fail_msg("another diagram: %s, of %s", i == 1 ? "plain" : "read back", about);
	for (unsigned int i = 0; i < 20; i++) {
		struct frame_fields f = random_packet();
		struct vec one, other;

		for (unsigned int j = 1; j < 4; j++) {
			one = words_of_core(d, core, &f);
			other = words_of_core(d, all[j], &f);
			assert_same_words(&one, &other, about);
		}
		one = words_of_core(d, core, &f);
		other = words_of_diagram(d, core, e, &f);
		assert_same_words(&one, &other, about);
	}
	diagram_free(d);
	core_free(plain);
	core_free(back);
	core_free(plain_back);
	text_free(&once);
	text_free(&plain_text);
}

static void test_expressions(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct text text = { 0 };
		struct core *core;

		text_printf(&text, "ports { wan, fa, fb }\n");
		put_expression(&text, 1 + below(&seed, 5));
		core = parse_core(text_string(&text));
		check_all(core, text_string(&text));
		core_free(core);
		text_free(&text);
	}
}

/* ---- witnesses ------------------------------------------------------- */

static struct core *expression_without_sets(void)
{
	struct text text = { 0 };
	struct core *core;

	do {
		text.len = 0;
		text_printf(&text, "ports { wan, fa, fb }\n");
		put_expression(&text, 1 + below(&seed, 4));
	} while (strstr(text_string(&text), " in bad") || strstr(text_string(&text), " in odd"));
	core = parse_core(text_string(&text));
	text_free(&text);
	return core;
}

static bool treats_alike(struct diagram *d, const struct core *a, const struct core *b,
			 const struct frame_fields *f)
{
	struct vec x = words_of_core(d, a, f), y = words_of_core(d, b, f);
	bool same;

	sort_words(&x);
	sort_words(&y);
	same = x.len == y.len;
	for (size_t i = 0; same && i < x.len; i++)
		same = !strcmp(*(char **)vec_at(&x, i), *(char **)vec_at(&y, i));
	free_words(&x);
	free_words(&y);
	return same;
}

/* What two expressions do not treat alike has a packet for it; where there is none, no packet is. */
static void test_witnesses(void **state)
{
	unsigned long packets = 0, different = 0;

	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct core *a = expression_without_sets(), *b = expression_without_sets();
		const struct core *const both[] = { a, b };
		struct diagram *d = diagram_new(both, 2, DD_BUDGET);
		struct dd_space *s = diagram_space(d);
		const struct dd *x = diagram_of_core(d, a, false), *y = diagram_of_core(d, b, false);
		const struct dd *differ = dd_differ(s, x, y);
		struct frame_fields f = random_packet();
		dd_value values[DD_FIELDS_MAX];

		assert_non_null(differ);
		diagram_values(d, a, &world, &f, values);
		if (dd_witness(s, differ, values)) {
			different++;
			/* Nothing has said yet where the packet leaves, and some packets cannot be. */
			if (diagram_packet(d, a, values, &f)) {
				diagram_values(d, a, &world, &f, values);
				if (dd_eval(s, differ, values) != dd_none(s)) {
					packets++;
					assert_false(treats_alike(d, a, b, &f));
				}
			}
		} else {
			assert_ptr_equal(x, y);
			for (unsigned int j = 0; j < 20; j++) {
				f = random_packet();
				assert_true(treats_alike(d, a, b, &f));
			}
		}
		diagram_free(d);
		core_free(a);
		core_free(b);
	}
	printf("# %lu pairs differ, %lu of them shown by a packet\n", different, packets);
	assert_true(packets > different * 3 / 4 && different > cases / 2);
}

/* ---- random policies ------------------------------------------------- */

static void put_policy_predicate(struct text *out, unsigned int depth)
{
	static const char *const tests[] = {
		"in == wan", "in in { wan, fb }", "ip4", "ip6", "tcp", "icmp", "arp", "not udp",
		"ip.src == 10.0.0.0/24", "ip.src != 10.0.0.0/8", "ip.dst in { 10.0.0.2, 2001:db8::/32 }",
		"tcp.dst == 22", "udp.dst in { 53, 1000-2000 }", "l4.src != 80", "l4.dst < 100",
		"tcp.flags & (syn|ack) == syn", "tcp.flags & (syn|fin) != 0", "vlan.id in { 10, 11 }",
		"vlan.id != 10", "vlan.pcp > 0", "ip.ttl >= 3", "ip.frag == later", "ip.src in bad",
		"ip.dst in bad", "l4.dst in odd", "ip.ttl & 3 == 1", "pkt.len < 100", "web", "socket == none",
	};

	switch (below(&seed, depth ? 5 : 1)) {
	case 3:
		text_printf(out, "not ");
		/* fall through */
	case 4:
		text_printf(out, "(");
		put_policy_predicate(out, depth - 1);
		text_printf(out, below(&seed, 2) ? " and " : " or ");
		put_policy_predicate(out, depth - 1);
		text_printf(out, ")");
		break;
	default:
		text_printf(out, "%s", ONE_OF(tests));
		break;
	}
}

static void put_rules(struct text *out)
{
	static const char *const actions[] = {
		"drop", "allow", "drop", "allow", "count \"a\"", "count \"b\", drop", "mark 7", "emit \"e\", allow",
		"police 10pps burst 1", "police 100pps burst 1", "count \"c\", mark 1", "insert ip.src into bad",
	};

	for (unsigned int n = below(&seed, 7); n > 0; n--) {
		text_printf(out, "    %s if ", ONE_OF(actions));
		put_policy_predicate(out, below(&seed, 3));
		text_printf(out, ";\n");
	}
	if (below(&seed, 2))
		text_printf(out, "    %s;\n", below(&seed, 2) ? "drop" : "count \"rest\"");
}

static void put_policy(struct text *out)
{
	static const char *const legs[] = { "fb", "fb vlan 12", "fb ttl 9 vlan 13" };
	static const char *const others[] = { "wan", "wan ttl 3", "host" };
	static const char *const ttls[] = { "", " ttl 3" };

	text_printf(out, "port wan = \"eth0\"; port fa = \"eth1\"; port fb = \"eth2\";\n"
		    "set bad : ip.src size 100; set odd : l4.dst size 100; let web = tcp.dst in { 80, 443 };\n");
	if (below(&seed, 4)) {
		text_printf(out, "filter wan {\n");
		put_rules(out);
		text_printf(out, "}\n");
	}
	if (below(&seed, 2)) {
		text_printf(out, "filter fa, fb {\n");
		put_rules(out);
		text_printf(out, "}\n");
	}
	if (below(&seed, 2))
		text_printf(out, "route main;\n");
	if (below(&seed, 2))
		text_printf(out, "measure m by (ip.src) { }\n");
	if (below(&seed, 2))
		text_printf(out, "multicast { (*, 239.1.0.0/16) from wan to %s; "
			    "(10.0.0.1, 233.54.12.1) from fa to %s, %s; }\n",
			    ONE_OF(legs), ONE_OF(legs), ONE_OF(others));
	if (below(&seed, 2))
		text_printf(out, "multicast { (*, 239.1.0.1) from fb, wan to fa%s%s; "
			    "(*, ff05::1) from wan to fa; }\n", ONE_OF(ttls), below(&seed, 2) ? ", host" : "");
}

static const struct eval_port eval_ports[] = {
	{ .number = 1, .interface = "eth0", .mac = { 2, 0, 0, 0, 0, 0xa }, .up = true, .mtu = 1500 },
	{ .number = 2, .interface = "eth1", .mac = { 2, 0, 0, 0, 0, 0xb }, .up = true, .mtu = 1500 },
	{ .number = 3, .interface = "eth2", .mac = { 2, 0, 0, 0, 0, 0xc }, .up = true, .mtu = 1500 },
};

/* What a frame of policy/eval's says that left, and what a copy of ours says. */
static void put_output(struct text *out, bool host, unsigned int port, const struct frame_fields *f)
{
	if (host) {
		text_printf(out, "host");
		return;
	}
	text_printf(out, "port %u ttl %u vlan %d.%u", port, (unsigned int)f->value[FIELD_IP_TTL],
		    frame_has(f, FIELD_VLAN_ID) ? (int)f->value[FIELD_VLAN_ID] : -1,
		    (unsigned int)f->value[FIELD_VLAN_PCP]);
}

static struct vec words_of_eval(const struct eval_result *r)
{
	const struct eval_outcome *o = vec_at(&r->outcomes, 0);
	struct vec words = VEC(char *);

	for (size_t i = 0; i < o->outputs.len; i++) {
		const struct eval_output *output = vec_at(&o->outputs, i);
		struct frame_fields f;
		struct text out = { 0 };

		assert_true(output->host || frame_read(output->frame, output->len, &f) == REASON_none);
		put_output(&out, output->host, output->host ? 0 : output->port - 1, &f);
		vec_append(&words, &out.data);
	}
	return words;
}

/* Where a copy is routed, policy/eval says for itself; without routes that is the host. */
static struct vec words_of_copies(const struct vec *copies)
{
	struct vec words = VEC(char *);

	for (size_t i = 0; i < copies->len; i++) {
		const struct core_copy *c = vec_at(copies, i);
		struct text out = { 0 };

		assert_int_not_equal(c->fate, CORE_KEPT);
		if (c->fate == CORE_GONE)
			continue;
		put_output(&out, c->fate != CORE_TO_PORT, c->port, &c->fields);
		vec_append(&words, &out.data);
	}
	return words;
}

static enum core_mark mark_of_action(const struct policy_action *a)
{
	switch (a->kind) {
	case DO_COUNT:
		return CORE_COUNT;
	case DO_POLICE:
		return CORE_POLICE;
	case DO_INSERT:
		return CORE_INSERT;
	case DO_EMIT:
		return CORE_EMIT;
	default:
		return CORE_SET_MARK;
	}
}

/* Every copy has been marked alike, by what policy/eval did. */
static void check_marks(const struct vec *copies, const struct eval_result *r,
			const struct frame_fields *f, const char *about)
{
	for (size_t i = 0; i < copies->len; i++) {
		const struct core_copy *c = vec_at(copies, i);
		size_t effects = 0;
		bool measured = false;

		for (size_t j = 0; j < c->marks.len; j++) {
			const struct core_expression *m = *(const struct core_expression **)vec_at(&c->marks, j);
			const struct eval_effect *effect;

			if (m->mark == CORE_MEASURE) {
				measured = true;
				continue;
			}
			/* There is nothing to insert of a packet without the field. */
			if (m->mark == CORE_INSERT && !frame_has(f, FIELD_IP_SRC))
				continue;
			if (effects == r->effects.len)
				fail_msg("more marks than effects, of %s", about);
			effect = vec_at(&r->effects, effects++);
			assert_int_equal(m->mark, mark_of_action(effect->action));
			if (effect->action->text)
				assert_string_equal(m->text, effect->action->text);
		}
		assert_int_equal(effects, r->effects.len);
		assert_int_equal(measured, r->measured);
	}
	if (!copies->len)
		assert_int_equal(r->effects.len + r->measured, 0);
}

static void compare_with_eval(const struct policy *p, const struct core *core, const char *about)
{
	const struct eval_env env = { .ports = eval_ports, .ports_len = 3, .in_set = eval_in_set,
				      .police = eval_over };
	struct frame_fields f = random_packet();
	static uint8_t frame[FRAME_MAX];
	struct eval_result r;
	struct vec copies, want, got;
	size_t len;

	if (frame_has(&f, FIELD_SOCKET))
		f.value[FIELD_SOCKET] = 0;
	len = frame_build(&f, frame);
	policy_eval(p, &env, 1 + f.value[FIELD_IN], frame, len, &r);
	core_eval(core, &world, &f, &copies);
	want = words_of_eval(&r);
	got = words_of_copies(&copies);
	assert_same_words(&got, &want, about);
	check_marks(&copies, &r, &f, about);
	core_copies_free(&copies);
	eval_result_free(&r);
}

/* With the rules' places in it, it is another diagram of the same meaning. */
static void check_sources(const struct core *core)
{
	struct diagram *d = diagram_new(&core, 1, DD_BUDGET);
	const struct dd *plain = diagram_of_core(d, core, false), *sourced = diagram_of_core(d, core, true);
	struct text dump = { 0 };

	assert_ptr_equal(dd_meaning(diagram_space(d), sourced), plain);
	dd_dump(diagram_space(d), sourced, diagram_names(d), &dump);
	assert_int_equal(!strstr(text_string(&dump), "test:"), sourced == plain);
	text_free(&dump);
	diagram_free(d);
}

static void test_policies(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct text text = { 0 };
		struct policy *p;
		struct core *core;

		put_policy(&text);
		p = parse_policy(text_string(&text));
		core = core_of_policy(p);
		for (unsigned int j = 0; j < 40; j++)
			compare_with_eval(p, core, text_string(&text));
		if (i % 8 == 0) {
			check_sources(core);
			if (!strstr(text_string(&text), "multicast"))
				check_all(core, text_string(&text));
		}
		core_free(core);
		policy_free(p);
		text_free(&text);
	}
}

/* ---- mistakes -------------------------------------------------------- */

static void wrong(const char *text, unsigned int line, unsigned int column, const char *sentence)
{
	const struct source source = { .name = "core", .text = (char *)text, .len = strlen(text) };
	const struct diag *said;
	struct diags diags;

	diags_init(&diags);
	assert_null(core_parse(&source, &diags));
	assert_int_equal(diags.errors, 1);
	said = vec_at(&diags.list, 0);
	assert_string_equal(said->sentence, sentence);
	assert_int_equal(said->place.line, line);
	assert_int_equal(said->place.column, column);
	diags_free(&diags);
}

static void test_mistakes(void **state)
{
	(void)state;
	wrong("", 1, 1, "the text ends where a test or a step stands");
	wrong("id;", 1, 4, "the text ends where a test or a step stands");
	wrong("id\n  id", 2, 3, "the expression ends before this: \";\" or \"+\" joins two steps");
	wrong("(id", 1, 4, "the text ends where \")\" stands behind what stands in parentheses");
	wrong("dorp", 1, 1, "\"dorp\" is neither a field nor a step");
	wrong("tcp.dst", 1, 8, "=, !=, := or \"in\" stands behind tcp.dst");
	wrong("tcp.dst = 70000", 1, 11, "tcp.dst is at most 65535");
	wrong("tcp.dst = 9-8", 1, 11, "this range runs backwards");
	wrong("tcp.dst = {1, }", 1, 15, "a value of tcp.dst stands here");
	wrong("ip.proto = tpc", 1, 12, "\"tpc\" is no value of ip.proto");
	wrong("ip.src = 10.0.0.1/8", 1, 10, "bits are set behind the prefix's length");
	wrong("ip.src := 10.0.0.0/8", 1, 11, "an address is assigned, not a prefix");
	wrong("in = wan", 1, 6, "no port is called \"wan\"");
	wrong("ports { a, a } id", 1, 12, "two ports are called \"a\"");
	wrong("ports { host } id", 1, 9, "\"host\" is no name of a port");
	wrong("tcp.dst := 4", 1, 1, "tcp.dst cannot be assigned");
	wrong("~(id; vlan.id := 4)", 1, 2,
	      "\"~\" takes tests only: nothing that changes, marks or sends the packet");
	wrong("if route then id", 1, 4,
	      "\"if\" takes tests only: nothing that changes, marks or sends the packet");
	wrong("if id drop", 1, 7, "\"then\" stands behind the tests of \"if\"");
	wrong("count(x)", 1, 7, "a string stands here, in double quotes");
	wrong("count(\"x)", 1, 7, "this string does not end");
	wrong("ip.ttl := ip.ttl + 1", 1, 18, "\"-\" stands behind ip.ttl");
	wrong("ip.src in {1}", 1, 11, "the name of a set stands behind \"in\"");
	wrong("ip.ttl in bad", 1, 1, "no set has values of ip.ttl");
	wrong("tcp.flags & (syn) = ack", 1, 21, "not all of these flags are looked at: no packet can meet this");
}

/* CORE_DEPTH_MAX is deep enough, one more is not; lists are as long as they like. */
static void test_depth(void **state)
{
	struct text text = { 0 };
	struct core *core, *back;
	struct frame_fields f = random_packet();
	struct vec copies;

	(void)state;
	for (unsigned int i = 0; i < CORE_DEPTH_MAX - 1; i++)
		text_printf(&text, i & 1 ? "~" : "(");
	text_printf(&text, "id");
	for (unsigned int i = 0; i < CORE_DEPTH_MAX - 1; i += 2)
		text_printf(&text, ")");
	core_free(parse_core(text_string(&text)));
	text.len = 0;
	for (unsigned int i = 0; i <= CORE_DEPTH_MAX; i++)
		text_printf(&text, "(");
	wrong(text_string(&text), 1, CORE_DEPTH_MAX + 1, "more than 6000 parentheses, ~ or if within each other");

	text.len = 0;
	for (unsigned int i = 0; i < 200000; i++)
		text_printf(&text, i & 1 ? "if pkt.len = 1 then drop else\n" : "(if pkt.len = 2 then id);\n");
	text_printf(&text, "out := host");
	core = parse_core(text_string(&text));
	text.len = 0;
	back = read_back(core, &text);
	core_eval(core, &world, &f, &copies);
	assert_int_equal(copies.len, 1);
	core_copies_free(&copies);
	core_free(back);
	core_free(core);
	text_free(&text);
}

/* ---- what a diagram cannot say --------------------------------------- */

static void refused(const char *text, const char *words)
{
	struct core *core = parse_core(text);
	const struct core *const cores[] = { core };
	struct diagram *d = diagram_new(cores, 1, 64 << 20);

	assert_null(diagram_of_core(d, core, false));
	assert_non_null(strstr(diagram_refusal(d), words));
	diagram_free(d);
	core_free(core);
}

static void test_refusals(void **state)
{
	struct text text = { 0 };

	(void)state;
	refused("ip.ttl := ip.ttl - 1; ip.ttl = 3", "behind ip.ttl := ip.ttl - 1");
	refused("(ip.ttl := ip.ttl - 1 + id); (id + ip.ttl := ip.ttl - 1)", "behind ip.ttl := ip.ttl - 1");
	refused("ip.src := 10.0.0.1; ip.src in bad", "whether the set bad has");
	refused("ip.ecn := 0 + ip.ecn := 1 + ip.ecn := 2 + ip.ecn := 3", "every value of ip.ecn");
	for (unsigned int i = 0; i < 100; i++)
		text_printf(&text, "%sip.src in s%u", i ? " + " : "", i);
	refused(text_string(&text), "at most");
	text.len = 0;
	/* A canonical diagram that explodes: a test of either address, each with a mark of its own. */
	text_printf(&text, "id");
	for (unsigned int i = 0; i < 4000; i++)
		text_printf(&text, "; (if ip.%s = 10.%u.%u.0/24 then count(\"%u\"))", i & 1 ? "src" : "dst",
			    i >> 8, i & 255, i);
	refused(text_string(&text), "more than 64 MB");
	text_free(&text);
}

/* ---- golden policies ------------------------------------------------- */

static void test_golden(void **state)
{
	static const char folder[] = "selftests/golden/policy";
	DIR *dir = opendir(folder);
	struct dirent *entry;
	unsigned int n = 0;

	(void)state;
	if (!dir)
		fail_msg("%s is not there: run from the top of the tree", folder);
	while ((entry = readdir(dir))) {
		struct text once = { 0 };
		struct diags diags;
		struct policy *p;
		char path[512];

		if (!strstr(entry->d_name, ".sluice"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
		diags_init(&diags);
		p = policy_parse(path, &diags);
		if (!diags.errors) {
			struct core *core = core_of_policy(p), *back = read_back(core, &once);

			n++;
			core_free(back);
			core_free(core);
		}
		text_free(&once);
		policy_free(p);
		diags_free(&diags);
	}
	closedir(dir);
	assert_true(n > 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_expressions),
		cmocka_unit_test(test_witnesses),
		cmocka_unit_test(test_policies),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_golden),
	};

	seed = getenv("SEED") ? strtoull(getenv("SEED"), NULL, 0) : (uint64_t)time(NULL);
	cases = cases_wanted(1000);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
