// SPDX-License-Identifier: GPL-2.0
/*
 * What policy_print() writes parses back to the same tree: over policies made at random, with
 * blanks, comments, order and spelling at random too, and over the golden policies. Trees are
 * compared by everything in them but places. The seed is printed; SEED=n repeats it, CASES=n sets how
 * many policies are made (3,000: two of groups, routes and measures to one of filters).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "selftests/unit/cases.h"
#include "selftests/unit/predicates.h"

static unsigned long cases;

/* ---- trees -------------------------------------------------------------- */

static bool same_prefixes(const struct vec *a, const struct vec *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++)
		if (!prefix_equal(vec_at(a, i), vec_at(b, i)))
			return false;
	return true;
}

static bool same_value(const struct policy_value *a, const struct policy_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == VALUE_ADDRESSES && !addr_equal(a->last_address, b->last_address))
		return false;
	if (a->type == VALUE_PREFIX || a->type == VALUE_ADDRESSES)
		return prefix_equal(&a->prefix, &b->prefix);
	if (a->type == VALUE_LET)
		return !strcmp(a->name, b->name) && !strcmp(a->let->name, b->let->name);
	return a->first == b->first && a->last == b->last;
}

static bool same_port_uses(const struct policy *a, const struct policy *b)
{
	for (size_t i = 0; i < a->ports.len; i++) {
		const struct policy_port *x = *(struct policy_port **)vec_at(&a->ports, i);
		const struct policy_port *y = *(struct policy_port **)vec_at(&b->ports, i);

		if (x->mode != y->mode || x->used != y->used || x->node || y->node)
			return false;
	}
	return true;
}

static bool same_ranges(const struct vec *a, const struct vec *b)
{
	return a->len == b->len &&
	       (!a->len || !memcmp(a->data, b->data, a->len * sizeof(struct range)));
}

static bool same_set(const struct policy_set *a, const struct policy_set *b)
{
	if (!a || !b)
		return a == b;
	return !strcmp(a->name, b->name) && a->number == b->number && a->field == b->field &&
	       a->size == b->size && a->timeout_ms == b->timeout_ms && a->used == b->used;
}

static bool same_predicate(const struct policy_predicate *a, const struct policy_predicate *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || a->depth != b->depth || a->tests != b->tests ||
	    !same_predicate(a->left, b->left) || !same_predicate(a->right, b->right))
		return false;
	if (a->name && (!b->name || strcmp(a->name, b->name)))
		return false;
	if (a->kind != PREDICATE_TEST && a->kind != PREDICATE_SET)
		return !a->let == !b->let && (!a->let || !strcmp(a->let->name, b->let->name));
	if (a->field != b->field || a->compare != b->compare || a->mask != b->mask ||
	    a->values.len != b->values.len || a->unequal != b->unequal || a->set_test != b->set_test)
		return false;
	for (size_t i = 0; i < a->values.len && a->kind == PREDICATE_TEST; i++)
		if (!same_value(vec_at(&a->values, i), vec_at(&b->values, i)))
			return false;
	return same_prefixes(&a->prefixes, &b->prefixes) && same_ranges(&a->ranges, &b->ranges) &&
	       same_set(a->set, b->set);
}

static bool same_let(const struct policy_let *a, const struct policy_let *b)
{
	if (strcmp(a->name, b->name) || a->values.len != b->values.len || a->used != b->used ||
	    a->macs != b->macs || !same_predicate(a->predicate, b->predicate))
		return false;
	for (size_t i = 0; i < a->values.len; i++)
		if (!same_value(vec_at(&a->values, i), vec_at(&b->values, i)))
			return false;
	return same_prefixes(&a->prefixes, &b->prefixes) && same_ranges(&a->ranges, &b->ranges);
}

static bool same_lets(const struct policy *a, const struct policy *b)
{
	if (a->lets.len != b->lets.len)
		return false;
	for (size_t i = 0; i < a->lets.len; i++)
		if (!same_let(*(struct policy_let **)vec_at(&a->lets, i),
			      *(struct policy_let **)vec_at(&b->lets, i)))
			return false;
	return true;
}

static bool same_ref(const struct policy_port_ref *a, const struct policy_port_ref *b)
{
	return !strcmp(a->name, b->name) && !strcmp(a->port->name, b->port->name);
}

static bool same_legs(const struct vec *a, const struct vec *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		const struct policy_leg *x = vec_at(a, i), *y = vec_at(b, i);

		if (x->host != y->host || x->vlan != y->vlan || x->ttl != y->ttl ||
		    (!x->host && !same_ref(&x->to, &y->to)))
			return false;
	}
	return true;
}

static bool same_entries(const struct vec *a, const struct vec *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		const struct policy_entry *x = vec_at(a, i), *y = vec_at(b, i);

		if (!addr_equal(&x->source, &y->source) || !prefix_equal(&x->group, &y->group) ||
		    strcmp(x->port->name, y->port->name))
			return false;
	}
	return true;
}

static bool same_group(const struct policy_group *a, const struct policy_group *b)
{
	if (a->any_source != b->any_source || a->from.len != b->from.len ||
	    a->sources.len != b->sources.len || !same_value(&a->group, &b->group) ||
	    (!a->any_source && !same_value(&a->source, &b->source)))
		return false;
	for (size_t i = 0; i < a->from.len; i++)
		if (!same_ref(vec_at(&a->from, i), vec_at(&b->from, i)))
			return false;
	for (size_t i = 0; i < a->sources.len; i++)
		if (!addr_equal(vec_at(&a->sources, i), vec_at(&b->sources, i)))
			return false;
	return same_legs(&a->legs, &b->legs) && same_prefixes(&a->groups, &b->groups) &&
	       same_entries(&a->entries, &b->entries);
}

static bool same_groups(const struct policy *a, const struct policy *b)
{
	if (a->groups.len != b->groups.len)
		return false;
	for (size_t i = 0; i < a->groups.len; i++)
		if (!same_group(vec_at(&a->groups, i), vec_at(&b->groups, i)))
			return false;
	return true;
}

static bool same_rest(const struct policy *a, const struct policy *b)
{
	if (a->routes.len != b->routes.len || a->measures.len != b->measures.len)
		return false;
	for (size_t i = 0; i < a->routes.len; i++) {
		const struct policy_route *x = vec_at(&a->routes, i), *y = vec_at(&b->routes, i);

		if (x->table != y->table || x->limit4 != y->limit4 || x->limit6 != y->limit6)
			return false;
	}
	for (size_t i = 0; i < a->measures.len; i++) {
		const struct policy_measure *x = vec_at(&a->measures, i);
		const struct policy_measure *y = vec_at(&b->measures, i);

		if (strcmp(x->name, y->name) || x->key != y->key || x->slots != y->slots ||
		    x->threshold_ppm != y->threshold_ppm || x->threshold_Bps != y->threshold_Bps ||
		    x->oversampling != y->oversampling || x->interval_ms != y->interval_ms)
			return false;
	}
	return true;
}

static bool same_actions(const struct vec *a, const struct vec *b)
{
	if (a->len != b->len)
		return false;
	for (size_t i = 0; i < a->len; i++) {
		const struct policy_action *x = vec_at(a, i), *y = vec_at(b, i);

		if (x->kind != y->kind || x->mark != y->mark || x->bytes != y->bytes ||
		    x->rate != y->rate || x->burst != y->burst || x->per != y->per ||
		    x->field != y->field || !x->text != !y->text || !same_set(x->set, y->set) ||
		    (x->text && strcmp(x->text, y->text)))
			return false;
	}
	return true;
}

static bool same_rules(const struct policy *a, const struct policy *b)
{
	if (a->rules.len != b->rules.len || a->filters.len != b->filters.len)
		return false;
	for (size_t i = 0; i < a->rules.len; i++) {
		const struct policy_rule *x = *(struct policy_rule **)vec_at(&a->rules, i);
		const struct policy_rule *y = *(struct policy_rule **)vec_at(&b->rules, i);

		if (x->number != y->number || x->ends != y->ends ||
		    !same_actions(&x->actions, &y->actions) ||
		    !same_predicate(x->predicate, y->predicate))
			return false;
	}
	for (size_t i = 0; i < a->filters.len; i++) {
		const struct policy_filter *x = *(struct policy_filter **)vec_at(&a->filters, i);
		const struct policy_filter *y = *(struct policy_filter **)vec_at(&b->filters, i);

		if (x->rules.len != y->rules.len || x->ports.len != y->ports.len)
			return false;
		for (size_t j = 0; j < x->ports.len; j++)
			if (!same_ref(vec_at(&x->ports, j), vec_at(&y->ports, j)))
				return false;
	}
	return true;
}

static bool same_sets(const struct policy *a, const struct policy *b)
{
	if (a->sets.len != b->sets.len || a->set_tests.len != b->set_tests.len)
		return false;
	for (size_t i = 0; i < a->sets.len; i++)
		if (!same_set(*(struct policy_set **)vec_at(&a->sets, i),
			      *(struct policy_set **)vec_at(&b->sets, i)))
			return false;
	for (size_t i = 0; i < a->set_tests.len; i++) {
		const struct policy_set_test *x = vec_at(&a->set_tests, i);
		const struct policy_set_test *y = vec_at(&b->set_tests, i);

		if (x->field != y->field || !same_set(x->set, y->set))
			return false;
	}
	return true;
}

static bool same_asserts(const struct policy *a, const struct policy *b)
{
	if (a->asserts.len != b->asserts.len)
		return false;
	for (size_t i = 0; i < a->asserts.len; i++) {
		const struct policy_assert *x = vec_at(&a->asserts, i), *y = vec_at(&b->asserts, i);

		if (x->kind != y->kind || x->host != y->host || x->unless != y->unless ||
		    !x->from.port != !y->from.port || !x->to.port != !y->to.port ||
		    (x->from.port && !same_ref(&x->from, &y->from)) ||
		    (x->to.port && !same_ref(&x->to, &y->to)) ||
		    !same_predicate(x->predicate, y->predicate))
			return false;
	}
	return true;
}

static bool same(const struct policy *a, const struct policy *b)
{
	return policy_same_ports(a, b) && same_port_uses(a, b) && same_lets(a, b) &&
	       same_groups(a, b) && same_rest(a, b) && same_sets(a, b) && same_rules(a, b) && same_asserts(a, b);
}

static struct policy *parse(const char *text, size_t len)
{
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text, len, &diags);
	diags_print(&diags, &said, false);
	if (diags.errors) {
		fprintf(stderr, "%s\nin:\n%.*s\n", text_string(&said), (int)len, text);
		fail_msg("%s", "a right policy is refused");
	}
	text_free(&said);
	diags_free(&diags);
	return p;
}

static void check_print(const struct policy *p)
{
	struct text once = { 0 }, twice = { 0 };
	struct policy *again;

	policy_print(p, &once);
	again = parse(text_string(&once), once.len);
	if (!same(p, again)) {
		fprintf(stderr, "%s\n", text_string(&once));
		fail_msg("%s", "what was printed is another tree");
	}
	policy_print(again, &twice);
	assert_true(!strcmp(text_string(&once), text_string(&twice)));
	policy_free(again);
	text_free(&once);
	text_free(&twice);
}

/* ---- policies at random ------------------------------------------------- */

/* Between two tokens; at least a blank. */
static const char *gap(void)
{
	static const char *const gaps[] = { " ", "  ", "\t", "\n", " # so ; } { \"\n", "\r\n", " #\n\n\t" };

	return gaps[below(4) ? 0 : below(sizeof(gaps) / sizeof(gaps[0]))];
}

static void put_list(struct text *t, unsigned int from, unsigned int n, const char *name)
{
	for (unsigned int i = 0; i < n; i++)
		text_printf(t, "%s%s%s%u%s", i ? "," : "", gap(), name, from + i, gap());
}

static void put_ports(struct text *t, unsigned int n)
{
	static const char *const modes[] = { "", "mode native", "mode generic" };

	for (unsigned int i = 0; i < n; i++)
		text_printf(t, "port%sp%u%s=%s\"e\\\"%u\\\\\"%s%s;%s", gap(), i, gap(), gap(), i, gap(),
			    modes[below(3)], gap());
}

/* Lets of sources (s), groups (g), prefixes (x) and numbers (n), each number of which is its own. */
static void put_lets(struct text *t)
{
	text_printf(t, "let s0%s=%s{ 192.0.2.%u,%s192.0.2.%u, 192.0.2.%u };", gap(), gap(),
		    below(256), gap(), below(256), below(256));
	text_printf(t, "let s1 = { s0, 2001:db8::%x:%x };%s", below(65536), 1 + below(65535), gap());
	text_printf(t, "let g0 = 239.0.%u.%u;%s", below(256), below(256), gap());
	text_printf(t, "let g1 = { ff05:0:%x::%x,%sh0 };", below(65536), below(65536), gap());
	text_printf(t, "let h0 = { 239.1.%u.%u };", below(256), below(256));
	text_printf(t, "let x0%s= { 239.%u.0.0/16, ff08:%x::/%u };", gap(), below(200) + 10, below(256) << 8,
		    24 + below(8));
	text_printf(t, "let n0 = { %u%s-%s%u, 0x%x,%s%u };%slet n1 = n0;%s", below(100), gap(), gap(),
		    100 + below(100), below(65536), gap(), below(65536), gap(), gap());
}

static void put_leg(struct text *t, unsigned int port)
{
	text_printf(t, "%sp%u%s", gap(), port, gap());
	if (below(2))
		text_printf(t, "vlan%s%u ", gap(), 1 + below(4094));
	if (below(2))
		text_printf(t, "ttl%s%u ", gap(), 1 + below(255));
}

/* A group takes its ports from the front, and its legs from the back. */
static void put_group(struct text *t, unsigned int ports, unsigned int number)
{
	static const char *const lets[] = { "(s0, g0)", "( s1 ,\tg1)", "(*, g1)", "(*, x0)", "(*,g0)" };
	unsigned int from = 1 + below(ports / 2), legs = 1 + below(ports - from);
	unsigned int host = below(legs * 2 + 1);

	if (number < sizeof(lets) / sizeof(lets[0]))
		text_printf(t, "%s", lets[number]);
	else if (below(2))
		text_printf(t, "(%s*%s,%s232.%u.%u.0/%u%s)", gap(), gap(), gap(), number / 256, number % 256,
			    24 + below(2), gap());
	else
		text_printf(t, "(198.51.100.%u, 233.1.%u.%u)", below(256), number / 256, number % 256);
	text_printf(t, "%sfrom%s", gap(), gap());
	put_list(t, 0, from, "p");
	text_printf(t, "to");
	for (unsigned int i = 0; i < legs; i++) {
		if (i == host)
			text_printf(t, "%shost,", gap());
		put_leg(t, ports - 1 - i);
		if (i + 1 < legs)
			text_printf(t, ",");
	}
	text_printf(t, "%s;%s", gap(), gap());
}

static void put_measure(struct text *t)
{
	static const char *const fields[] = { "ip.src", "ip.dst", "ip.proto", "l4.src", "l4.dst" };
	static const char *const rates[] = { "bit", "kbit", "Mbit", "Gbit", "Bps", "kBps", "MBps" };
	static const char *const times[] = { "s", "000ms", ".5s", "m" };
	unsigned int first = below(5);

	text_printf(t, "measure m%sby%s(%s%s", gap(), gap(), gap(), fields[first]);
	if (below(2))
		text_printf(t, ",%s%s%s", gap(), fields[(first + 1 + below(4)) % 5], gap());
	text_printf(t, "){");
	if (below(2))
		text_printf(t, "slots%s%u;", gap(), 64 << below(11));
	if (below(3) == 0)
		text_printf(t, "threshold%s%u.%04u%%;", gap(), below(100), 1 + below(9999));
	else if (below(2))
		text_printf(t, "threshold%s%u%s;", gap(), 8 * (1 + below(1000)), rates[below(7)]);
	if (below(2))
		text_printf(t, "interval%s%u%s;", gap(), 1 + below(59), times[below(4)]);
	if (below(2))
		text_printf(t, "oversampling%s%u;", gap(), 1 + below(1000));
	text_printf(t, "%s}%s", gap(), gap());
}

static void put_policy(struct text *t)
{
	unsigned int ports = 2 + below(30), groups = below(20);
	bool ports_last = below(2);

	if (!ports_last)
		put_ports(t, ports);
	put_lets(t);
	if (below(2))
		put_measure(t);
	for (unsigned int i = 0; i < groups;) {
		text_printf(t, "multicast%s{%s", gap(), gap());
		do
			put_group(t, ports, i++);
		while (i < groups && below(4));
		text_printf(t, "%s}%s%s", gap(), below(2) ? ";" : "", gap());
	}
	if (below(2))
		text_printf(t, "route%smain%slimit ip6%s%u ip4 %u%s;%s", gap(), gap(), gap(),
			    1 + below(POLICY_LIMIT6_MAX), 1 + below(POLICY_LIMIT4_MAX), gap(), gap());
	else if (below(2))
		text_printf(t, "route main;%s", gap());
	if (ports_last)
		put_ports(t, ports);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases * 2 / 3; i++) {
		struct text t = { 0 };
		struct policy *p;

		put_policy(&t);
		p = parse(text_string(&t), t.len);
		check_print(p);
		policy_free(p);
		text_free(&t);
	}
}

/* ---- filters at random ---------------------------------------------------- */

static void put_action(struct text *t)
{
	static const char *const keys[] = { "", " per ip.src", " per l4.dst", " per in", " per eth.dst" };
	static const char *const rates[] = { "pps", "kpps", "Mpps" };

	switch (below(6)) {
	case 0:
		text_printf(t, "count%s\"c\\\"%u\"", gap(), below(9));
		break;
	case 1:
		text_printf(t, "emit \"a # ; }%u\"", below(9));
		break;
	case 2:
		text_printf(t, "mark%s%u", gap(), below(9) * 1000000);
		break;
	case 3:
		text_printf(t, "insert%s%s into%ss", gap(), below(2) ? "ip.src" : "ip.dst", gap());
		break;
	case 4:
		text_printf(t, "police %u%s", 1 + below(5000), rates[below(3)]);
		if (below(2))
			text_printf(t, "%sburst %u", gap(), 1 + below(5000));
		text_printf(t, "%s", keys[below(5)]);
		break;
	default:
		text_printf(t, "police %ukBps%s", 1 + below(5000), keys[below(5)]);
		if (below(2))
			text_printf(t, " burst%s%ukB", gap(), 2 + below(5000));
	}
}

static void put_rule(struct text *t)
{
	unsigned int actions = below(4), ends = below(3);

	for (unsigned int i = 0; i < actions; i++) {
		text_printf(t, "%s", i ? "," : "");
		put_action(t);
	}
	if (ends || !actions)
		text_printf(t, "%s%s", actions ? "," : "", ends == 2 ? "allow" : "drop");
	if (below(4)) {
		text_printf(t, "%sif%s", gap(), gap());
		if (below(4) == 0)
			text_printf(t, "%s ip.src in s and ", below(2) ? "not" : "");
		put_predicate(t, below(4));
	}
	text_printf(t, "%s;%s", gap(), gap());
}

static void put_assert(struct text *t)
{
	static const char *const ends[] = { "wan", "lan", "host" };

	switch (below(4)) {
	case 0:
		text_printf(t, "assert covered;");
		break;
	case 1:
		text_printf(t, "assert never%s", gap());
		put_predicate(t, below(3));
		text_printf(t, "%sreaches%s%s;", gap(), gap(), ends[below(3)]);
		break;
	case 2:
		text_printf(t, "assert equal wan%slan;", gap());
		break;
	default:
		text_printf(t, "assert %s wan%s->%s%s", below(2) ? "isolated" : "reachable", gap(), gap(),
			    ends[below(3)]);
		if (below(2)) {
			text_printf(t, " %s ", below(2) ? "if" : "unless");
			put_predicate(t, below(3));
		}
		text_printf(t, ";");
	}
}

static void test_random_filters(void **state)
{
	(void)state;
	for (unsigned long i = 0; i < cases / 3; i++) {
		struct text t = { 0 };
		struct policy *p;

		text_printf(&t, "port wan = \"eth0\"; port lan = \"eth1\";");
		if (below(2))
			text_printf(&t, "set s : ip.dst size %u timeout %ums;\n", 1 + below(99), 1 + below(99999));
		else
			text_printf(&t, "set s : ip.src%ssize%s%u;", gap(), gap(), 1 + below(99));
		text_printf(&t, "let web = ");
		put_predicate(&t, 0);
		text_printf(&t, ";let us = not web%s;", gap());
		for (unsigned int filters = 1 + below(2); filters; filters--) {
			text_printf(&t, "filter%s%s {%s", gap(), filters == 2 ? "lan" : "wan", gap());
			for (unsigned int rules = below(9); rules; rules--)
				put_rule(&t);
			text_printf(&t, "}%s", gap());
		}
		for (unsigned int asserts = below(4); asserts; asserts--)
			put_assert(&t);
		p = parse(text_string(&t), t.len);
		check_print(p);
		policy_free(p);
		text_free(&t);
	}
}

/* The comparison itself: one change, and trees differ. */
static void test_differences(void **state)
{
	static const char base[] = "port a = \"x\"; port b = \"y\"; let g = { 239.1.1.1, 239.1.1.2 };"
		"multicast { (*, g) from a to b vlan 5; } route main;"
		"measure m by (ip.src) { threshold 1%; }"
		"let w = tcp.dst == 80 and udp; set s : ip.src size 5; set r : ip.dst size 5;"
		"filter a { count \"x\" if ip.src in s; police 5pps burst 7 if ip.ttl & 3 != 2;"
		" insert ip.src into s; mark 3, drop if ip.dst != 10.0.0.0/8; }"
		"filter b { allow if not w; } assert never tcp reaches host; assert isolated a -> b if ip4;";
	static const char *const changes[][2] = {
		{ "\"x\"", "\"z\"" }, { "\"x\"", "\"x\" mode generic" }, { "port b", "port c = \"c\"; port b" },
		{ "239.1.1.2", "239.1.1.3" }, { ", 239.1.1.2", "" }, { "(*, g)", "(10.0.0.1, g)" },
		{ "(*, g)", "(*, 239.1.1.1)" }, { "vlan 5", "vlan 6" }, { "vlan 5", "ttl 5" },
		{ "to b", "to host, b" }, { "main", "main limit ip4 5" }, { "route main;", "" },
		{ "ip.src", "ip.dst" }, { "1%", "2%" }, { "1%", "1MBps" }, { "1%;", "1%; slots 64;" },
		{ "== 80", "== 81" }, { "== 80", "!= 80" }, { "80 and", "80 or" }, { "w;", "not w;" },
		{ "size 5", "size 6" }, { "size 5", "size 5 timeout 1s" }, { "set s : ip.src", "set s : ip.dst" },
		{ "count \"x\"", "count \"y\"" }, { "in s;", "in r;" }, { "ip.src in s", "ip.dst in s" },
		{ "5pps", "6pps" },
		{ "5pps burst 7", "5Mbit burst 7kB" }, { "burst 7", "burst 8" }, { "burst 7", "burst 7 per in" },
		{ "& 3", "& 2" }, { "!= 2", "!= 1" }, { "!= 2", "< 2" }, { "into s", "into r" },
		{ "mark 3", "mark 4" }, { "mark 3, drop", "mark 3, allow" }, { "mark 3, drop", "drop" },
		{ "10.0.0.0/8", "10.0.0.0/9" }, { "10.0.0.0/8", "10.0.0.0-10.0.0.9" },
		{ "!= 10", "== 10" }, { "filter b", "filter c {} port c = \"zz\"; filter b" },
		{ "allow if", "allow; allow if" }, { "never tcp", "never udp" }, { "reaches host", "reaches a" },
		{ "isolated", "reachable" }, { "-> b if", "-> b unless" }, { "-> b", "-> host" },
		{ "1%;", "1%; interval 1s;" }, { "1%;", "1%; oversampling 1;" }, { "measure m", "measure n" },
	};
	struct policy *p = parse(base, strlen(base));

	(void)state;
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		const char *at = strstr(base, changes[i][0]);
		struct text t = { 0 };
		struct policy *other;

		text_printf(&t, "%.*s%s%s", (int)(at - base), base, changes[i][1],
			    at + strlen(changes[i][0]));
		other = parse(text_string(&t), t.len);
		if (same(p, other))
			fail_msg("\"%s\" makes no difference", changes[i][1]);
		policy_free(other);
		text_free(&t);
	}
	assert_true(same(p, p));
	policy_free(p);
}

static void test_golden(void **state)
{
	static const char folder[] = "selftests/golden/policy";
	unsigned int right = 0;
	const struct dirent *e;
	char path[512];
	DIR *d = opendir(folder);

	(void)state;
	if (!d)
		fail_msg("%s: run from the top of the tree", folder);
	while ((e = readdir(d))) {
		const char *dot = strrchr(e->d_name, '.');
		struct diags diags;
		struct policy *p;

		if (!dot || strcmp(dot, ".sluice"))
			continue;
		snprintf(path, sizeof(path), "%s/%s", folder, e->d_name);
		diags_init(&diags);
		p = policy_parse(path, &diags);
		if (!diags.errors) {
			check_print(p);
			right++;
		}
		policy_free(p);
		diags_free(&diags);
	}
	closedir(d);
	assert_true(right >= 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_differences),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_random_filters),
		cmocka_unit_test(test_golden),
	};
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 1000003 + getpid();
	seed |= !seed;
	cases = cases_wanted(3000);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("policy_print", tests, NULL, NULL);
}
