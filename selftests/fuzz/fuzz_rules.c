// SPDX-License-Identifier: GPL-2.0
// options: -max_len=4000
/*
 * Rule lists, from text to answers: lines that ClassBench's reader takes for rules become
 * a list, those that it takes for headers packets. The tables must answer as the list does,
 * and still do so when the list is built by single changes, and taken down by them.
 */
#include "rules/classbench.c"

static void compare(const struct rules *r, const struct rule_list *list, const struct vec *packets)
{
	for (size_t i = 0; i < packets->len; i++) {
		const struct rule_packet *p = vec_at(packets, i);
		uint32_t number = rules_match(r, p), want = rule_list_match(list, p);

		if (number == RULES_NONE ? want != number :
		    rules_get(r, number)->action != want)
			abort();
	}
}

static void change(struct rule_list *list, const struct vec *packets)
{
	struct rules_options options = { .budget = 8 << 20 };
	struct rule_list empty = RULE_LIST;
	struct text why = { 0 };
	struct rules *r;
	uint32_t number;

	if (rules_build(&empty, &options, &r, &why))
		abort();
	for (uint32_t i = 0; i < list->rules.len; i++)
		if (rules_insert(r, RULES_NONE, *(struct rule **)vec_at(&list->rules, i), &number,
				 &why))
			goto out;
	compare(r, list, packets);
	while (list->rules.len) {
		struct rule **last = vec_at(&list->rules, list->rules.len - 1);

		for (number = rules_first(r); rules_next(r, number) != RULES_NONE;)
			number = rules_next(r, number);
		if (rules_delete(r, number, &why))
			break;
		rule_free(*last);
		vec_pop(&list->rules);
		if (list->rules.len % 4 == 0)
			compare(r, list, packets);
	}
out:
	text_free(&why);
	rules_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct rules_options options = { .budget = 8 << 20 };
	struct vec packets = VEC(struct rule_packet);
	struct rule_list list = RULE_LIST, copy = RULE_LIST;
	struct text text = { 0 }, why = { 0 };
	struct rules *r;
	char *line, *rest;

	text_append(&text, bytes, len);
	rest = text.data;
	while (rest && (line = strsep(&rest, "\n"))) {
		if (read_rule(line, (struct place){ 0 }, &list))
			read_header(line, &packets);
	}
	for (size_t i = 0; i < list.rules.len; i++)
		rule_list_add(&copy, *(struct rule **)vec_at(&list.rules, i));
	if (!rules_build(&copy, &options, &r, &why)) {
		compare(r, &list, &packets);
		rules_free(r);
	} else if (!why.len) {
		abort();
	}
	change(&list, &packets);
	rule_list_free(&list);
	rule_list_free(&copy);
	vec_free(&packets);
	text_free(&text);
	text_free(&why);
	return 0;
}
