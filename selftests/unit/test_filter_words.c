// SPDX-License-Identifier: GPL-2.0
/*
 * What rules are known by (compile/filter_words.c): their text as it is printed, the line they stand on, and keys
 * that tell equal rules apart, and that rules behind them do not change. The words of the policy before, where they
 * are taken, are those that would be printed: lists of rules that are changed at random. SEED=n repeats a run.
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

#include "base/table.h"
#include "base/text.h"
#include "compile/compile.h"
#include "policy/parse.h"
#include "policy/print.h"
#include "selftests/unit/chance.h"

#define FEW	900
#define MANY	1900

struct subject {
	struct policy *policy;
	struct image *image;
};

static void make(struct subject *s, unsigned int rules)
{
	struct numbering numbering;
	struct text text = { 0 };
	struct diags diags;

	text_put(&text, "port a = \"eth0\"; port b = \"eth1\"; let web = { 80, 443 };\nfilter a, b {\n");
	for (unsigned int i = 0; i < rules; i++)
		text_printf(&text, "\tdrop if ip.src == 10.0.0.%u   and tcp.dst %s;\n", i % 251,
			    i % 3 ? "in web" : "== 0022");
	text_put(&text, "}\n");
	diags_init(&diags);
	s->policy = policy_parse_text("t.sluice", text_string(&text), text.len, &diags);
	assert_int_equal(diags.errors, 0);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(s->policy, &numbering, NULL, &s->image, &diags), 0);
	numbering_free(&numbering);
	diags_free(&diags);
	text_free(&text);
	assert_int_equal(s->image->filter.rules.len, rules);
}

static void subject_free(struct subject *s)
{
	image_free(s->image);
	policy_free(s->policy);
}

static void test_words(void **state)
{
	struct table keys = { .key_size = sizeof(uint64_t) };
	struct text text = { 0 };
	struct subject few, many;
	bool fresh;

	(void)state;
	make(&few, FEW);
	make(&many, MANY);
	for (unsigned int i = 0; i < MANY; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&many.policy->rules, i);
		const struct image_rule *words = vec_at(&many.image->filter.rules, i);
		char where[32];

		text.len = 0;
		policy_print_rule(many.policy, rule, &text);
		assert_string_equal(words->text, text_string(&text));
		snprintf(where, sizeof(where), "t.sluice:%u", i + 3);
		assert_string_equal(words->where, where);
		table_put(&keys, &words->key, &fresh);
		assert_true(fresh);
		if (i < FEW) {
			const struct image_rule *same = vec_at(&few.image->filter.rules, i);

			assert_true(same->key == words->key);
			assert_string_equal(same->text, words->text);
		}
	}
	text_free(&text);
	table_free(&keys);
	subject_free(&few);
	subject_free(&many);
}

/* ---- the words of the policy before ------------------------------------------------ */

#define ROUNDS	150
#define RULES	60

/* Few different ones, so that equal ones stand beside each other. */
static void put_rule(struct text *t, unsigned int which)
{
	static const char *const forms[] = {
		"\tdrop if ip.src == 10.0.0.%u;\n",
		"\tallow if ip.src in { 10.0.0.%u/32,10.1.0.0/16 } and tcp.dst in web;\n",
		"\tdrop if tcp.dst == %u\n\t\tand tcp.flags & (ack) == ack;  # as it comes\n",
		"\tdrop  if ip.src == 10.0.0.%u and tcp.dst == 0080;\n",
		"\tallow if (udp or icmp) and ip.dst == 192.0.2.%u;\n",
		"\tdrop if ip.proto == 6 and ip.dst == 192.0.2.%u and busy;\n",
	};

	text_printf(t, forms[which % 6], which / 6 % 4);
}

static void put_policy(struct text *t, const unsigned int *rules, unsigned int n, unsigned int port)
{
	t->len = 0;
	text_printf(t, "port a = \"eth%u\"; let web = { 80, %u }; let busy = tcp.dst == %u;\nfilter a {\n", port,
		    443 + port, 7 + port);
	for (unsigned int i = 0; i < n; i++)
		put_rule(t, rules[i]);
	text_put(t, "}\n");
}

static void compile(struct subject *s, const struct text *text, const struct subject *before)
{
	struct compile_options options = { .before = before ? before->policy : NULL,
					   .image_before = before ? before->image : NULL };
	struct numbering numbering;
	struct diags diags;

	diags_init(&diags);
	s->policy = policy_parse_text("t.sluice", text_string(text), text->len, &diags);
	assert_int_equal(diags.errors, 0);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(compile_policy(s->policy, &numbering, &options, &s->image, &diags), 0);
	numbering_free(&numbering);
	diags_free(&diags);
}

static unsigned int edit(unsigned int *rules, unsigned int n)
{
	for (unsigned int changes = below(3); changes; changes--) {
		unsigned int at = below(n), kind = below(3);

		if (kind == 0) {
			rules[at] = below(24);
		} else if (kind == 1 && n < RULES) {
			memmove(rules + at + 1, rules + at, (n++ - at) * sizeof(*rules));
			rules[at] = below(24);
		} else if (kind == 2 && n > 1) {
			memmove(rules + at, rules + at + 1, (--n - at) * sizeof(*rules));
		}
	}
	return n;
}

static void test_before(void **state)
{
	unsigned int rules[RULES + 1], n = RULES / 2;
	struct subject before, with, without;
	struct text text = { 0 };

	(void)state;
	for (unsigned int i = 0; i < n; i++)
		rules[i] = below(24);
	put_policy(&text, rules, n, 0);
	compile(&before, &text, NULL);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		n = edit(rules, n);
		put_policy(&text, rules, n, !below(4));
		compile(&with, &text, &before);
		compile(&without, &text, NULL);
		for (unsigned int i = 0; i < n; i++) {
			const struct image_rule *a = vec_at(&with.image->filter.rules, i);
			const struct image_rule *b = vec_at(&without.image->filter.rules, i);

			assert_string_equal(a->text, b->text);
			assert_string_equal(a->where, b->where);
			assert_true(a->key == b->key);
		}
		subject_free(&without);
		subject_free(&before);
		before = with;
	}
	subject_free(&before);
	text_free(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words), cmocka_unit_test(test_before) };
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL) * 2654435761u | 1;
	printf("# SEED=%lu\n", seed);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
