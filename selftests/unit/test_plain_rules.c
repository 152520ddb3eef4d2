// SPDX-License-Identifier: GPL-2.0
/*
 * Rules that go past the grammar (policy/plain_rules.c) say what they say by it: the same tree, place by place, and the
 * same mistakes, over filters made at random: of rules right, nearly right, cut off, with bytes exchanged,
 * blanks, comments and new lines between any two words. SEED=n repeats a run, CASES=n sets how many there are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/text.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "selftests/unit/predicates.h"

static unsigned long cases = 5000, right, plain;

/* ---- trees with all their places ------------------------------------------------- */

static void put_place(struct text *t, struct place p)
{
	text_printf(t, "@%u:%u+%u", p.line, p.column, p.width);
}

static void put_values(struct text *t, const struct policy_predicate *p)
{
	for (size_t i = 0; i < p->values.len; i++) {
		const struct policy_value *v = vec_at(&p->values, i);
		char buf[PREFIX_STRLEN];

		text_printf(t, " %u", v->type);
		if (v->type == VALUE_PREFIX)
			text_printf(t, ":%s", prefix_format(&v->prefix, buf));
		else if (v->type == VALUE_LET)
			text_printf(t, ":%s", v->name);
		else if (v->type == VALUE_NUMBERS)
			text_printf(t, ":%lu-%lu", v->first, v->last);
		put_place(t, v->place);
	}
	for (size_t i = 0; i < p->prefixes.len; i++) {
		char buf[PREFIX_STRLEN];

		text_printf(t, " =%s", prefix_format(vec_at(&p->prefixes, i), buf));
	}
	for (size_t i = 0; i < p->ranges.len; i++) {
		const struct range *r = vec_at(&p->ranges, i);

		text_printf(t, " =%lu-%lu", r->first, r->last);
	}
}

static void tree_predicate(struct text *t, const struct policy_predicate *p)
{
	if (!p)
		return;
	text_printf(t, " (%u depth %u tests %u %s", p->kind, p->depth, p->tests, p->name ? p->name : "");
	put_place(t, p->place);
	if (p->kind == PREDICATE_TEST || p->kind == PREDICATE_SET) {
		text_printf(t, " field %u compare %u mask %lx unequal %u", p->field, p->compare, p->mask,
			    p->unequal);
		if (p->mask_place)
			put_place(t, *p->mask_place);
		put_values(t, p);
	} else {
		tree_predicate(t, p->left);
		tree_predicate(t, p->right);
	}
	text_put(t, ")");
}

static void put_tree(struct text *t, const struct policy *p)
{
	for (size_t i = 0; i < p->filters.len; i++) {
		const struct policy_filter *f = *(struct policy_filter **)vec_at(&p->filters, i);

		text_put(t, "filter");
		put_place(t, f->place);
		for (size_t j = 0; j < f->rules.len; j++) {
			const struct policy_rule *r = *(struct policy_rule **)vec_at(&f->rules, j);

			text_printf(t, "\nrule %u %u", r->number, r->ends);
			put_place(t, r->place);
			for (size_t k = 0; k < r->actions.len; k++) {
				const struct policy_action *a = vec_at(&r->actions, k);

				text_printf(t, " do %u", a->kind);
				put_place(t, a->place);
			}
			tree_predicate(t, r->predicate);
		}
		text_put(t, "\n");
	}
	text_printf(t, "%zu ports, %zu lets, %zu sets, %zu asserts\n", p->ports.len, p->lets.len, p->sets.len,
		    p->asserts.len);
}

static void compare(const struct text *policy)
{
	struct text said[2] = { { 0 }, { 0 } }, tree[2] = { { 0 }, { 0 } };

	for (unsigned int i = 0; i < 2; i++) {
		struct diags diags;
		struct policy *p;

		diags_init(&diags);
		p = (i ? policy_parse_by_grammar : policy_parse_text)("t", text_string(policy), policy->len,
								      &diags);
		diags_print(&diags, &said[i], false);
		if (!diags.truncated)	/* nobody goes on after so many */
			put_tree(&tree[i], p);
		right += !i && !diags.errors;
		plain += !i ? p->rules.len : 0;
		policy_free(p);
		diags_free(&diags);
	}
	if (strcmp(text_string(&said[0]), text_string(&said[1])))
		fail_msg("of\n%s\nis said\n%s\nand by the grammar\n%s", text_string(policy), text_string(&said[0]),
			 text_string(&said[1]));
	if (strcmp(text_string(&tree[0]), text_string(&tree[1])))
		fail_msg("of\n%s\nthe tree is\n%s\nand by the grammar\n%s", text_string(policy), tree[0].data,
			 tree[1].data);
	for (unsigned int i = 0; i < 2; i++) {
		text_free(&said[i]);
		text_free(&tree[i]);
	}
}

/* ---- rules ------------------------------------------------------------------------- */

static const char *pick(const char *const *words, unsigned int n)
{
	return words[below(n)];
}

#define PICK(words) pick(words, sizeof(words) / sizeof(*(words)))

/* Between two words; none of it need be there behind an operator. */
static void put_space(struct text *t, bool need)
{
	static const char *const spaces[] = {
		" ", " ", " ", " ", " ", "  ", "\t", "\n", " \n\t", " # x; { and\n\t", "\r\n",
	};

	if (need || below(4))
		text_put(t, PICK(spaces));
}

static void put_one_value(struct text *t)
{
	static const char *const values[] = {
		"10.0.0.0/8", "192.0.2.1", "192.0.2.1/32", "0.0.0.0/0", "255.255.255.255", "80", "80-90", "0",
		"443", "1024-65535", "6", "tcp", "udp", "icmp", "syn", "ack", "fin", "net", "web", "us", "bad", "first",
		"2001:db8::/32", "::1", "::", "fe80::1/128", "established",
		/* what is wrong, or left to the grammar */
		"10.0.0.1/8", "10.0.0.300", "010.0.0.1", "1.2.3", "1.2.3.4.5", "1.2.3.4/33", "1.2.3.4/08", "1.2.3.4/",
		"10.0.0.0-10.0.0.9", "90-80", "80 - 90", "0x10", "007", "12345678901234567890", "80-", "10k", "drop",
		"if", "in", "and", "allow", "2001:db8::1/32", "2001::db8::1", "1:2", "02:00:00:00:00:01", "a-b", "a.b",
		"_", "ip.src", "\"x\"", "-", "", "99999999999999999999", "999999999999999999", "65536", "ffff::1.2.3.4",
		"::ffff:1.2.3.4", "a_name_that_is_longer_than_32_bytes_", "a_name_that_has_just_32_bytes_ab",
	};
	bool good = below(12);

	text_put(t, good ? values[below(27)] : PICK(values));
}

static void put_values_of(struct text *t)
{
	static const char *const joins[] = { "|", "|", ",", " ", "&" };

	put_one_value(t);
	while (!below(8)) {
		put_space(t, false);
		text_put(t, below(6) ? "|" : PICK(joins));
		put_space(t, false);
		put_one_value(t);
	}
}

static void put_test_of(struct text *t)
{
	static const char *const fields[] = {
		"ip.src", "ip.dst", "ip.src", "ip.dst", "tcp.dst", "tcp.flags", "udp.src", "ip.proto", "l4.dst",
		"ip.frag", "pkt.len", "eth.src", "vlan.id", "icmp.type", "socket", "in", "ip.source", "ip",
		"tcp.dst.x", "tcp", "ip.",
	};
	static const char *const comparisons[] = {
		"==", "==", "==", "!=", "<", "<=", ">", ">=", "in", "in", "=", "=>", "!", "not", "",
	};
	static const char *const words[] = {
		"tcp", "udp", "icmp", "ip4", "ip6", "arp", "igmp", "web", "us", "net", "nobody", "drop", "bad",
		"limit", "and",
	};

	if (!below(5)) {
		text_put(t, PICK(words));
		return;
	}
	text_put(t, below(10) ? fields[below(9)] : PICK(fields));
	if (!below(4)) {
		bool several = below(2);

		put_space(t, false);
		text_put(t, below(20) ? "&" : "&&");
		put_space(t, false);
		text_put(t, several ? "(" : "");
		if (below(3))
			text_put(t, several && below(2) ? "syn | ack" : "syn");
		else
			put_values_of(t);
		text_put(t, several && below(20) ? ")" : "");
	}
	put_space(t, true);
	text_put(t, below(8) ? comparisons[below(10)] : PICK(comparisons));
	put_space(t, true);
	if (below(3)) {
		put_values_of(t);
		return;
	}
	text_put(t, "{");
	put_space(t, false);
	do {
		put_values_of(t);
		put_space(t, false);
		if (below(3) || !below(20))
			break;
		text_put(t, ",");
		put_space(t, false);
	} while (true);
	text_put(t, below(20) ? "}" : ";");
}

static void put_rule(struct text *t)
{
	static const char *const actions[] = {
		"allow", "drop", "count \"x\"", "mark 7", "allow, drop", "alow", "filter", "",
	};
	static const char *const joins[] = { "and", "or", "and not", "AND", "&&", "and and", "if" };

	text_put(t, below(10) ? actions[below(2)] : PICK(actions));
	if (below(20)) {
		put_space(t, true);
		text_put(t, below(40) ? "if" : "unless");
		put_space(t, true);
		put_test_of(t);
		for (unsigned int n = below(4); n; n--) {
			put_space(t, true);
			text_put(t, below(16) ? "and" : PICK(joins));
			put_space(t, true);
			put_test_of(t);
		}
	}
	put_space(t, false);
	text_put(t, below(30) ? ";" : below(2) ? "" : "}");
}

static void put_filter(struct text *t)
{
	text_put(t, below(30) ? "filter wan {" : "filter wan {{");
	for (unsigned int n = below(5); n; n--) {
		put_space(t, false);
		put_rule(t);
	}
	put_space(t, false);
	text_put(t, below(20) ? "}" : "");
}

static void spoil(struct text *t)
{
	static const char bytes[] = ";{}()=&|,-.:/# \n\"0aif\\\x80\x01";

	for (unsigned int n = below(3); n && t->len; n--)
		t->data[below(t->len)] = bytes[below(sizeof(bytes) - 1)];
	if (!below(8))
		t->len = below(t->len + 1);
}

/* As if nobody had made a mistake, too: else most filters would be wrong somewhere. */
static void put_policy(struct text *t)
{
	text_put(t, "port wan = \"eth0\"; port lan = \"eth1\";\nlet net = { 10.0.0.0/8, 2001:db8::/32 };\n"
		    "let web = tcp.dst in { 80, 443 }; let us = ip.src in net;\nset bad : ip.src size 16;\n");
	put_filter(t);
	if (!below(3))
		text_put(t, "\nfilter lan { drop if ip.src == 1.2.3.4; allow; }\nroute main;");
	if (!below(3))
		spoil(t);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases; i++) {
		struct text t = { 0 };

		put_policy(&t);
		compare(&t);
		text_free(&t);
	}
	printf("# %lu of %lu policies are right; %lu rules\n", right, cases, plain);
	assert_true(right > cases / 20);
}

/* Predicates of the language's whole breadth. */
static void test_predicates(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases / 10; i++) {
		struct text t = { 0 };

		text_put(&t, "port wan = \"eth0\"; port lan = \"eth1\"; let web = tcp.dst == 80; let us = not web;\n"
			     "filter wan {\n\tdrop if ");
		put_predicate(&t, 3);
		text_put(&t, ";\n\tallow if tcp.dst == 22 and ip.src == 192.0.2.1;\n}\n");
		compare(&t);
		text_free(&t);
	}
}

/* Limits are the grammar's, wherever they are met. */
static void test_limits(void **state)
{
	struct text t = { 0 };

	(void)state;
	for (unsigned int n = 1; n < 70; n += 1 + n / 8) {
		t.len = 0;
		text_put(&t, "port wan = \"eth0\";\nfilter wan { drop if tcp.dst == 1");
		for (unsigned int i = 1; i < n; i++)
			text_printf(&t, " and tcp.dst == %u", i);
		text_put(&t, "; allow if ip.src in { 10.0.0.1");
		for (unsigned int i = 0; i < 4 * n; i++)
			text_printf(&t, ", 10.0.1.%u", i % 256);
		text_put(&t, " }; drop if tcp.dst == 7; }\n");
		compare(&t);
	}
	t.len = 0;
	text_put(&t, "port wan = \"eth0\";\nfilter wan { ");
	for (unsigned int i = 0; i < 100; i++)	/* more mistakes than are kept */
		text_put(&t, "drop if tcp.dst == 70000; drop if ip.src == 3; allow;\n");
	text_put(&t, "}\n");
	compare(&t);
	t.len = 0;
	text_put(&t, "port wan = \"eth0\";\nfilter wan { ");
	for (unsigned int i = 0; i < 100; i++)	/* while they are built */
		text_put(&t, "drop if tcp.flags & 10.0.0.0 == 1; drop if tcp.dst == 9-3;\n");
	text_put(&t, "}\n");
	compare(&t);
	text_free(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_predicates),
		cmocka_unit_test(test_limits),
	};
	const char *given = getenv("SEED"), *many = getenv("CASES");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
	cases = many ? strtoul(many, NULL, 0) : cases;
	printf("# SEED=%lu\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
