// SPDX-License-Identifier: GPL-2.0
/*
 * Filters by the tree that they leave behind: numbers, ranges, lists that are shared; limits at N and
 * N + 1; and filters that were written to be slow or large. What is said about mistakes stands in
 * selftests/golden/policy, what a filter means in test_eval_filter.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/quantity.h"
#include "base/text.h"
#include "policy/field.h"
#include "policy/parse.h"

static struct policy *parse(const char *text)
{
	struct text said = { 0 };
	struct diags diags;
	struct policy *p;

	diags_init(&diags);
	p = policy_parse_text("test", text, strlen(text), &diags);
	diags_print(&diags, &said, false);
	if (diags.errors)
		fail_msg("a right policy is refused: %s", text_string(&said));
	text_free(&said);
	diags_free(&diags);
	return p;
}

static unsigned int errors_in(const struct text *t)
{
	struct diags diags;
	unsigned int errors;

	diags_init(&diags);
	policy_free(policy_parse_text("test", text_string(t), t->len, &diags));
	errors = diags.errors;
	diags_free(&diags);
	return errors;
}

/* ---- what a test comes to ------------------------------------------------ */

static const struct {
	const char *test, *ranges;
} tests[] = {
	{ "tcp.dst == 80", "80" },
	{ "tcp.dst != 80", "0-79 81-65535" },
	{ "tcp.dst != 0", "1-65535" },
	{ "tcp.dst != 65535", "0-65534" },
	{ "tcp.dst < 80", "0-79" }, { "tcp.dst <= 80", "0-80" }, { "tcp.dst > 80", "81-65535" },
	{ "tcp.dst >= 80", "80-65535" }, { "tcp.dst < 1", "0" }, { "tcp.dst < 0", "" },
	{ "tcp.dst > 65534", "65535" }, { "tcp.dst > 65535", "" }, { "tcp.dst <= 65535", "0-65535" },
	{ "tcp.dst >= 0", "0-65535" },
	{ "tcp.dst in { 5, 3-4, 9, 1, 9 }", "1 3-5 9" },
	{ "tcp.dst in { 0-10, 5-20, 22 }", "0-20 22" },
	{ "tcp.dst in web", "80 443" }, { "tcp.dst != web", "0-79 81-442 444-65535" },
	{ "tcp.dst in { web, 81 }", "80-81 443" },
	{ "tcp.dst & 1 == 1 and tcp", "" },
	{ "ip.proto == tcp", "6" }, { "ip.proto in { tcp, udp, 5, 7 }", "5-7 17" },
	{ "ip.frag == first", "1" }, { "ip.frag != none", "1-3" }, { "socket in { none, listen }", "0 2" },
	{ "vlan.pcp != 7", "0-6" }, { "in == lan", "2" }, { "in != lan", "0-1 3-65535" },
	{ "in in { lan, wan }", "0 2" },
	{ "eth.src == 02:00:00:00:00:01", "2199023255553" },
	{ "eth.src != ff:ff:ff:ff:ff:ff", "0-281474976710654" },
	{ "eth.src & ff:ff:ff:ff:ff:fe == 00:00:00:00:00:04", "4-5" },
	{ "eth.src & ff:ff:ff:00:00:00 == 00:00:5e:00:00:00", "1577058304-1593835519" },
	{ "tcp.flags & syn == syn and tcp", "" },
	{ "vlan.pcp & 1 == 1", "1 3 5 7" }, { "vlan.pcp & 4 == 0", "0-3" }, { "vlan.pcp & 6 != 2", "0-1 4-7" },
	{ "vlan.pcp & 5 > 1", "4-7" }, { "vlan.pcp & 5 <= 1", "0-3" }, { "vlan.pcp & 5 in { 1, 4 }", "1 3-4 6" },
	{ "vlan.pcp & 0 == 0", "0-7" }, { "vlan.pcp & 2 == 1", "" }, { "vlan.pcp & 7 == 5", "5" },
	{ "ip.ttl & 0xf0 == 0x40", "64-79" },
	{ "tcp.flags & (syn|fin|rst) == syn|fin and tcp", "" },
};

static void test_ranges(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(tests) / sizeof(tests[0]); i++) {
		struct text t = { 0 }, told = { 0 };
		const struct policy_predicate *q;
		struct policy *p;

		text_printf(&t, "port wan = \"a\"; port dmz = \"b\"; port lan = \"c\"; let web = { 443, 80 };"
			    "filter wan { drop if %s; }", tests[i].test);
		p = parse(text_string(&t));
		q = (*(struct policy_rule **)vec_at(&p->rules, 0))->predicate;
		for (size_t j = 0; q->kind == PREDICATE_TEST && j < q->ranges.len; j++) {
			const struct range *r = vec_at(&q->ranges, j);

			text_printf(&told, "%s%llu", j ? " " : "", (unsigned long long)r->first);
			if (r->first != r->last)
				text_printf(&told, "-%llu", (unsigned long long)r->last);
		}
		if (strcmp(text_string(&told), tests[i].ranges))
			fail_msg("%s: %s, not %s", tests[i].test, text_string(&told), tests[i].ranges);
		policy_free(p);
		text_free(&t);
		text_free(&told);
	}
}

/* Masks, against all 256 values one by one. */
static void test_masks(void **state)
{
	static const char *const compare[] = { "==", "!=", "<", ">=" };

	(void)state;
	for (unsigned int mask = 0; mask < 256; mask += 5) {
		for (unsigned int want = 0; want < 256; want += 17) {
			const struct policy_predicate *q;
			unsigned int c = (mask + want) % 4;
			struct text t = { 0 };
			struct policy *p;
			size_t at = 0;

			text_printf(&t, "port a = \"a\"; filter a { drop if ip.ttl & %u %s %u; }", mask,
				    compare[c], want);
			p = parse(text_string(&t));
			q = (*(struct policy_rule **)vec_at(&p->rules, 0))->predicate;
			for (unsigned int v = 0; v < 256; v++) {
				unsigned int m = v & mask;
				bool right = c == 0 ? m == want : c == 1 ? m != want : c == 2 ? m < want : m >= want;
				const struct range *r;

				while (at < q->ranges.len && (r = vec_at(&q->ranges, at), r->last < v))
					at++;
				r = at < q->ranges.len ? vec_at(&q->ranges, at) : NULL;
				if ((r && r->first <= v) != right)
					fail_msg("%s: %u", text_string(&t), v);
			}
			policy_free(p);
			text_free(&t);
		}
	}
}

/* ---- ranges of addresses --------------------------------------------------- */

static void check_between(const char *first, const char *last, const char *want)
{
	struct vec prefixes = VEC(struct prefix);
	struct text told = { 0 };
	struct addr a, b;
	char buf[PREFIX_STRLEN];

	assert_int_equal(addr_parse(first, &a), 0);
	assert_int_equal(addr_parse(last, &b), 0);
	prefixes_between(&a, &b, &prefixes);
	for (size_t i = 0; i < prefixes.len; i++)
		text_printf(&told, "%s%s", i ? " " : "", prefix_format_short(vec_at(&prefixes, i), buf));
	assert_string_equal(text_string(&told), want);
	text_free(&told);
	vec_free(&prefixes);
}

static void test_between(void **state)
{
	struct vec prefixes = VEC(struct prefix);
	struct addr first = addr_v4(1), last = addr_v4(UINT32_MAX - 1);
	char ends[2][ADDR_STRLEN] = { "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe" };

	(void)state;
	check_between("10.0.0.1", "10.0.0.1", "10.0.0.1");
	check_between("10.0.0.0", "10.0.0.1", "10.0.0.0/31");
	check_between("10.0.0.1", "10.0.0.2", "10.0.0.1 10.0.0.2");
	check_between("10.0.0.1", "10.0.0.9", "10.0.0.1 10.0.0.2/31 10.0.0.4/30 10.0.0.8/31");
	check_between("0.0.0.0", "255.255.255.255", "0.0.0.0/0");
	check_between("0.0.0.0", "255.255.255.254", "0.0.0.0/1 128.0.0.0/2 192.0.0.0/3 224.0.0.0/4 "
		      "240.0.0.0/5 248.0.0.0/6 252.0.0.0/7 254.0.0.0/8 255.0.0.0/9 255.128.0.0/10 "
		      "255.192.0.0/11 255.224.0.0/12 255.240.0.0/13 255.248.0.0/14 255.252.0.0/15 "
		      "255.254.0.0/16 255.255.0.0/17 255.255.128.0/18 255.255.192.0/19 255.255.224.0/20 "
		      "255.255.240.0/21 255.255.248.0/22 255.255.252.0/23 255.255.254.0/24 "
		      "255.255.255.0/25 255.255.255.128/26 255.255.255.192/27 255.255.255.224/28 "
		      "255.255.255.240/29 255.255.255.248/30 255.255.255.252/31 255.255.255.254");
	check_between("255.255.255.255", "255.255.255.255", "255.255.255.255");
	check_between("10.0.255.255", "10.1.0.0", "10.0.255.255 10.1.0.0");
	check_between("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "::/0");
	check_between("2001:db8::", "2001:db8::ffff", "2001:db8::/112");
	prefixes_between(&first, &last, &prefixes);
	assert_int_equal(prefixes.len, 62);
	assert_int_equal(addr_parse(ends[0], &first), 0);
	assert_int_equal(addr_parse(ends[1], &last), 0);
	prefixes.len = 0;
	prefixes_between(&first, &last, &prefixes);
	assert_int_equal(prefixes.len, 254);
	vec_free(&prefixes);
}

static void check_behind(const char *prefix, const char *want)
{
	char text[ADDR_STRLEN];
	struct prefix p;
	struct addr a;

	assert_int_equal(prefix_parse(prefix, &p), 0);
	assert_int_equal(prefix_behind(&p, &a), want != NULL);
	if (want)
		assert_string_equal(addr_format(&a, text), want);
}

static void test_behind(void **state)
{
	(void)state;
	check_behind("10.0.0.0/8", "11.0.0.0");
	check_behind("10.0.0.255/32", "10.0.1.0");
	check_behind("127.0.0.0/8", "128.0.0.0");
	check_behind("255.0.0.0/8", NULL);
	check_behind("0.0.0.0/0", NULL);
	check_behind("2001:db8:ffff::/48", "2001:db9::");
	check_behind("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128", NULL);
}

/* ---- the tree ------------------------------------------------------------- */

static const struct policy_rule *rule_at(const struct policy *p, unsigned int number)
{
	return *(struct policy_rule **)vec_at(&p->rules, number);
}

static void test_tree(void **state)
{
	struct policy *p = parse(
		"filter b, a {\n"
		"    police 5kpps per ip.src, count \"x\" if ip.src in nets;\n"
		"    insert ip.dst into s if ip.dst in s or ip.src in s and ip.src in s;\n"
		"    allow if named;\n"
		"}\n"
		"port a = \"e0\"; port b = \"e1\"; port c = \"e2\";\n"
		"let nets = { 10.0.0.0/8, 2001:db8::/32 };\n"
		"let named = udp or ip.src != nets;\n"
		"set unasked : ip.src size 5; set s : ip.src size 5;\n"
		"filter c { police 80kbit; drop; }\n"
		"assert never named reaches host;\n");
	const struct policy_port *a = policy_port_find(p, "a"), *c = policy_port_find(p, "c");
	const struct policy_let *nets = policy_let_find(p, "nets");
	const struct policy_filter *first = *(struct policy_filter **)vec_at(&p->filters, 0);
	const struct policy_action *police = rule_at(p, 0)->actions.data;
	const struct policy_predicate *q;
	const struct policy_set_test *asked;

	(void)state;
	assert_int_equal(p->rules.len, 5);
	for (unsigned int i = 0; i < 5; i++)
		assert_int_equal(rule_at(p, i)->number, i);
	assert_ptr_equal(a->filter, first);
	assert_ptr_equal(policy_port_find(p, "b")->filter, first);
	assert_ptr_equal(rule_at(p, 2)->filter, first);
	assert_ptr_not_equal(c->filter, first);
	assert_int_equal(c->number, 2);
	assert_false(rule_at(p, 0)->ends);
	assert_true(rule_at(p, 2)->ends);
	assert_true(rule_at(p, 4)->ends);
	assert_int_equal(rule_at(p, 1)->place.line, 3);
	assert_int_equal(rule_at(p, 1)->place.column, 5);
	assert_int_equal(rule_at(p, 1)->place.width,
			 strlen("insert ip.dst into s if ip.dst in s or ip.src in s and ip.src in s"));

	assert_int_equal(police[0].rate, 5000);
	assert_int_equal(police[0].burst, 500);
	assert_false(police[0].bytes);
	assert_true(police[0].per);
	police = rule_at(p, 3)->actions.data;
	assert_true(police->bytes);
	assert_int_equal(police->rate, 10000);
	assert_int_equal(police->burst, 1514);

	/* a let's list is shared, not copied */
	q = rule_at(p, 0)->predicate;
	assert_ptr_equal(q->prefixes.data, nets->prefixes.data);
	assert_false(q->unequal);
	q = rule_at(p, 2)->predicate;
	assert_int_equal(q->kind, PREDICATE_NAME);
	assert_int_equal(q->tests, 2);
	assert_int_equal(q->depth, 4);		/* named, or, udp, ip.proto == udp */
	assert_ptr_equal(q->left, q->let->predicate);
	assert_ptr_equal(q->left->right->prefixes.data, nets->prefixes.data);
	assert_true(q->left->right->unequal);

	assert_int_equal(p->set_tests.len, 2);
	asked = p->set_tests.data;
	assert_int_equal(asked[0].set->number, 1);
	assert_int_equal(asked[0].field + asked[1].field, FIELD_IP_SRC + FIELD_IP_DST);
	q = rule_at(p, 1)->predicate;
	assert_int_equal(q->left->kind, PREDICATE_SET);
	assert_ptr_equal(q->left->set, asked[0].set);
	assert_int_equal(asked[q->left->set_test].field, FIELD_IP_DST);
	assert_int_equal(q->right->left->set_test, q->right->right->set_test);
	policy_free(p);
}

/* ---- fields ---------------------------------------------------------------- */

static void test_fields(void **state)
{
	(void)state;
	for (unsigned int f = 0; f < FIELD_COUNT; f++) {
		unsigned int pos = 0;
		const char *word;
		uint64_t n;

		assert_int_equal(field_find(policy_field_name(f), strlen(policy_field_name(f))), f);
		while ((word = field_word_next(f, &pos))) {
			struct text t = { 0 };

			assert_true(field_word(f, word, &n));
			assert_true(n <= field_max(f));
			assert_string_equal(field_word_of(f, n), word);
			field_print(NULL, f, n, &t);
			assert_string_equal(text_string(&t), word);
			text_free(&t);
		}
		assert_false(field_word(f, "nonsense", &n));
		if (field_shared(f) < FIELD_COUNT) {
			assert_true(field_keyed(f));
			assert_int_equal(field_shared(field_shared(f)), field_shared(f));
		}
	}
	assert_int_equal(field_find("ip.src", 5), FIELD_COUNT);
	assert_int_equal(field_max(FIELD_ETH_SRC), 0xffffffffffff);
}

/* ---- limits ------------------------------------------------------------- */

static void test_limits(void **state)
{
	struct text t = { 0 };

	(void)state;
	text_printf(&t, "port a = \"a\"; filter a {\n");
	for (unsigned int i = 0; i < POLICY_RULES_MAX; i++)
		text_append(&t, "drop;", 5);
	text_append(&t, "}", 1);
	assert_int_equal(errors_in(&t), 0);
	t.len--;
	text_printf(&t, "allow; drop; }");
	assert_int_equal(errors_in(&t), 1);
	text_free(&t);

	text_printf(&t, "port a = \"a\";");
	for (unsigned int i = 0; i < POLICY_ASSERTS_MAX; i++)
		text_printf(&t, "assert covered;");
	assert_int_equal(errors_in(&t), 0);
	text_printf(&t, "assert covered;");
	assert_int_equal(errors_in(&t), 1);
	text_free(&t);
}

/* ---- texts written to be slow ------------------------------------------- */

static double seconds_for(const struct text *t, unsigned int *errors)
{
	struct timespec from, to;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &from);
	*errors = errors_in(t);
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &to);
	return to.tv_sec - from.tv_sec + (to.tv_nsec - from.tv_nsec) * 1e-9;
}

#define SLOW 10		/* seconds of processor time; each takes half of one at most */

static void test_slow_texts(void **state)
{
	static const char *const pieces[] = {
		"not ", "tcp or ", "tcp and (", "ip.src in { ", "drop if tcp; ", "drop if ", "syn|", "& ",
		"{ ", "} ", "1, ", "count \"x\", ", "tcp.dst & 0x5555 != 5 or ", "; ", "\n",
	};
	unsigned int errors;

	(void)state;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct text t = { 0 };

		text_printf(&t, "port a = \"a\"; filter a { drop if ");
		for (unsigned int n = 0; n < 100000; n++)
			text_printf(&t, "%s", pieces[i]);
		assert_true(seconds_for(&t, &errors) < SLOW);
		text_free(&t);
	}
}

static void test_large(void **state)
{
	struct text t = { 0 }, u = { 0 };
	unsigned int errors;
	double seconds;

	(void)state;
	text_printf(&t, "port a = \"a\"; filter a {\n");
	for (unsigned int i = 0; i < 100000; i++)
		text_printf(&t, "drop if ip.src == 10.%u.%u.0/24 and ip.dst == 192.0.2.%u and tcp.dst in { %u, 80 };\n",
			    i % 256, i / 256 % 256, i % 251, i % 65536);
	text_printf(&t, "}\n");
	seconds = seconds_for(&t, &errors);
	printf("# 100000 rules, %zu bytes: %.2f s\n", t.len, seconds);
	assert_int_equal(errors, 0);
	assert_true(seconds < SLOW);
	text_free(&t);

	/* 10 MB of addresses in one test; a thousand rules that name as many */
	text_printf(&t, "port a = \"a\"; filter a { drop if ip.src in { 10.0.0.0/8");
	for (unsigned int i = 0; t.len < 10000000; i++)
		text_printf(&t, ", 10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
	text_printf(&t, " }; }\n");
	seconds = seconds_for(&t, &errors);
	printf("# %zu bytes in one test: %.2f s\n", t.len, seconds);
	assert_int_equal(errors, 0);
	assert_true(seconds < SLOW);
	text_free(&t);

	text_printf(&t, "port a = \"a\"; let many = { 1");
	for (unsigned int i = 2; i < 60000; i += 2)
		text_printf(&t, ", %u", i);
	text_printf(&t, " }; filter a {\n");
	for (unsigned int i = 0; i < 1000; i++)
		text_printf(&t, "drop if tcp.dst in many;\n");
	text_printf(&t, "}\n");
	assert_true(seconds_for(&t, &errors) < SLOW);
	assert_int_equal(errors, 0);

	/* a range is up to 62 prefixes */
	text_printf(&u, "let r = { 0.0.0.1-255.255.255.254");
	for (unsigned int i = 0; i < 200000; i++)
		text_printf(&u, ", 0.0.0.1-255.255.255.254");
	text_printf(&u, " };\n");
	assert_true(seconds_for(&u, &errors) < SLOW);
	assert_int_equal(errors, 1);
	text_free(&u);

	/* a mask parts the values of each: there is an end to that */
	t.len -= 2;
	for (unsigned int i = 0; i < 1000; i++)
		text_printf(&t, "drop if tcp.dst & 0xfffe in many;\n");
	text_printf(&t, "}\n");
	assert_true(seconds_for(&t, &errors) < SLOW);
	assert_int_equal(errors, 1);
	text_free(&t);
}

/* ---- units ----------------------------------------------------------------- */

static void test_units(void **state)
{
	static const struct {
		const char *text;
		int packets_err, size_err;
		uint64_t value;
		const char *printed;
	} cases[] = {
		{ "5pps", 0, -EINVAL, 5, "5pps" }, { "1000pps", 0, -EINVAL, 1000, "1kpps" },
		{ "2.5kpps", 0, -EINVAL, 2500, "2500pps" }, { "3Mpps", 0, -EINVAL, 3000000, "3Mpps" },
		{ "0.5pps", -EDOM, -EINVAL, 0, NULL }, { "5", -EINVAL, -EINVAL, 0, NULL },
		{ "5Bps", -EINVAL, -EINVAL, 0, NULL },
		{ "64kB", -EINVAL, 0, 64000, "64kB" }, { "64k", -EINVAL, 0, 64000, "64kB" },
		{ "1.5MB", -EINVAL, 0, 1500000, "1500kB" }, { "2G", -EINVAL, 0, 2000000000, "2GB" },
		{ "1514B", -EINVAL, 0, 1514, "1514B" }, { "0.5B", -EINVAL, -EDOM, 0, NULL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct text t = { 0 };
		struct quantity q;
		uint64_t n = 0;

		assert_int_equal(quantity_parse(cases[i].text, &q), 0);
		assert_int_equal(quantity_size(&q, &n), cases[i].size_err);
		if (!cases[i].size_err)
			quantity_print_size(n, &t);
		assert_int_equal(quantity_packets(&q, &n), cases[i].packets_err);
		if (!cases[i].packets_err)
			quantity_print_packets(n, &t);
		assert_int_equal(n, cases[i].value);
		if (cases[i].printed)
			assert_string_equal(text_string(&t), cases[i].printed);
		text_free(&t);
	}
}

int main(void)
{
	const struct CMUnitTest all[] = {
		cmocka_unit_test(test_ranges),
		cmocka_unit_test(test_masks),
		cmocka_unit_test(test_between),
		cmocka_unit_test(test_behind),
		cmocka_unit_test(test_tree),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_slow_texts),
		cmocka_unit_test(test_large),
		cmocka_unit_test(test_units),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("policy_filter", all, NULL, NULL);
}
