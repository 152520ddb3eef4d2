// SPDX-License-Identifier: GPL-2.0
/*
 * Which rules of a policy are those of the one before: lists of a letter a rule, and what of them is found to
 * have changed; and rules that say the same and mean something else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "compile/compile.h"
#include "policy/parse.h"
#include "policy/tree.h"

#include "daemon/changed_rules.c"

struct subject {
	struct policy *policy;
	struct image *image;
	struct diags diags;
};

static void subject_make(struct subject *s, const char *text)
{
	struct numbering numbering;

	*s = (struct subject){ 0 };
	diags_init(&s->diags);
	s->policy = policy_parse_text("t.sluice", text, strlen(text), &s->diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	assert_int_equal(s->diags.errors, 0);
	assert_int_equal(compile_policy(s->policy, &numbering, NULL, &s->image, &s->diags), 0);
	numbering_free(&numbering);
}

static void subject_free(struct subject *s)
{
	image_free(s->image);
	policy_free(s->policy);
	diags_free(&s->diags);
}

static void subject_of_letters(struct subject *s, const char *letters)
{
	struct text text = { 0 };

	text_printf(&text, "port wan = \"eth0\"; filter wan {");
	for (; *letters; letters++)
		text_printf(&text, " drop if ip.ttl == %u;", *letters);
	text_printf(&text, "}");
	subject_make(s, text_string(&text));
	text_free(&text);
}

static void test_lists(void **unused)
{
	/* Places of what has changed in the second, and of what is gone in the first, as letters. */
	static const struct {
		const char *before, *now, *changed, *gone;
	} cases[] = {
		{ "abcdef", "abcdef", "", "" },
		{ "abcdef", "abXdef", "c", "c" },
		{ "abcdef", "abcXdef", "d", "" },
		{ "abcdef", "abdef", "", "c" },
		{ "abcdef", "abcdefX", "g", "" },
		{ "abcdef", "Xabcdef", "a", "" },
		{ "abcdef", "bcdefa", "f", "a" },	/* one was moved */
		{ "abcdef", "fabcde", "a", "f" },
		{ "abcdef", "afcdeb", "bf", "bf" },	/* two changed places */
		{ "abcdef", "", "", "abcdef" },
		{ "", "abc", "abc", "" },
		{ "aabb", "aab", "", "d" },
		{ "abab", "baba", "ac", "bd" },	/* each letter is known by which of its kind it is */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct subject before, now;
		struct changed_rules c;
		char changed[16] = "", gone[16] = "";

		subject_of_letters(&before, cases[i].before);
		subject_of_letters(&now, cases[i].now);
		assert_true(changed_rules_find(before.policy, before.image, now.policy, now.image, &c));
		for (size_t j = 0; j < c.rules.len; j++)
			changed[j] = 'a' + *(uint32_t *)vec_at(&c.rules, j);
		for (size_t j = 0; j < c.gone.len; j++)
			gone[j] = 'a' + (*(const struct policy_rule **)vec_at(&c.gone, j))->number;
		assert_string_equal(cases[i].changed, changed);
		assert_string_equal(cases[i].gone, gone);
		for (size_t j = 0, last = 0; j < c.before; j++) {
			if (c.now[j] == RULES_NONE)
				continue;
			assert_int_equal(cases[i].before[j], cases[i].now[c.now[j]]);
			assert_true(c.now[j] >= last);
			last = c.now[j];
		}
		changed_rules_free(&c);
		subject_free(&before);
		subject_free(&now);
	}
}

#define LIST(let, ports) "port wan = \"eth0\"; " ports " let l = { " let " };" \
	" filter wan { drop if ip.src in l; allow if tcp.dst == 22; drop if not (ip.src in l or udp); drop; }"

static size_t count_changed(const char *before, const char *now, bool *can)
{
	struct subject a, b;
	struct changed_rules c;
	size_t n = 0;

	subject_make(&a, before);
	subject_make(&b, now);
	*can = changed_rules_find(a.policy, a.image, b.policy, b.image, &c);
	if (*can) {
		n = c.rules.len;
		assert_int_equal(n, c.gone.len);
		changed_rules_free(&c);
	}
	subject_free(&a);
	subject_free(&b);
	return n;
}

static void test_meanings(void **unused)
{
	static const char was[] = LIST("10.0.0.0/8", "");
	bool can;

	(void)unused;
	assert_int_equal(count_changed(was, was, &can), 0);
	assert_int_equal(count_changed(was, LIST("10.0.0.0/9", ""), &can), 2);
	assert_true(can);
	assert_int_equal(count_changed(was, LIST("10.0.0.0/8, 11.0.0.0/8", ""), &can), 2);
	count_changed(was, LIST("10.0.0.0/8", "port fa = \"eth1\";"), &can);
	assert_false(can);
	count_changed(was, LIST("10.0.0.0/8", "set s : ip.src size 8;"), &can);
	assert_false(can);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_meanings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
