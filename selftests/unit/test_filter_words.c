// SPDX-License-Identifier: GPL-2.0
/*
 * What rules are known by (compile/filter_words.c): their text as it is printed, the line they stand on, and keys
 * that tell equal rules apart, and that rules behind them do not change.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/table.h"
#include "base/text.h"
#include "compile/compile.h"
#include "policy/parse.h"
#include "policy/print.h"

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

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_words) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
