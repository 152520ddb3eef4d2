// SPDX-License-Identifier: GPL-2.0
#include "differences.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/cubes.h"
#include "ask.h"
#include "base/diag.h"
#include "base/json.h"
#include "cli.h"
#include "policy/print.h"
#include "policy/tree.h"

#define SHOWN_CUBES	8	/* of a class, to people */
#define SHOWN_RULES	4
#define SHOWN_VALUES	12	/* of a field */
#define JSON_RULES	1000
#define THE_END		"the end of the filter"

int differences_find(const struct policy *before, const struct policy *after, double seconds, bool first,
		     struct differences *d, struct diags *diags)
{
	const struct policy *policies[2] = { before, after };
	struct difference_options options = { .seconds = seconds, .first = first };
	struct text why = { 0 };
	int err;

	d->found = (struct difference){ .classes = VEC(struct difference_class) };
	err = behaviours_init(&d->b, policies, 2, diags);
	if (!err)
		err = behaviours_close(&d->b, NULL, 0, diags);
	if (err)
		return err;
	options.possible = &d->b.possible;
	err = difference_find(&d->b.of[0].list, &d->b.of[1].list, &options, &d->found, &why);
	if (err)
		diag_error(diags, (struct place){ 0 }, "the filters cannot be compared: %s", text_string(&why));
	text_free(&why);
	return err;
}

void differences_free(struct differences *d)
{
	difference_free(&d->found);
	behaviours_free(&d->b);
}

/* ---- rules ------------------------------------------------------------------------- */

static void rule_text(const struct policy *p, const struct policy_rule *rule, struct text *out)
{
	policy_print_rule(p, rule, out);
	if (out->len && out->data[out->len - 1] == ';')
		out->data[--out->len] = '\0';
}

json_t *rule_json(const struct policy *p, const struct policy_rule *rule)
{
	struct text text = { 0 };
	json_t *o;

	rule_text(p, rule, &text);
	o = json_pack("{so}", "rule", json_text(text_string(&text)));
	if (rule->place.source) {
		json_object_set_new(o, "file", json_text(rule->place.source->name));
		json_object_set_new(o, "line", json_integer(rule->place.line));
	}
	text_free(&text);
	return o;
}

/* Which mark a packet leaves with. */
static bool is_mark(const struct differences *d, const struct difference_class *c)
{
	return c->lane && c->lane == d->b.of[0].list.last;
}

/* What stands for DIFFERENCE_END among the rules of a class. */
static const char *no_rule(const struct differences *d, const struct difference_class *c)
{
	return is_mark(d, c) ? "no rule marks it" : THE_END;
}

static json_t *number_json(const struct differences *d, unsigned int which, uint32_t number, const char *none)
{
	const struct policy_rule *rule = behaviour_rule(&d->b, which, number);

	if (rule)
		return rule_json(d->b.of[which].policy, rule);
	return json_pack("{ss}", "rule", number ? none : "not a port");
}

static json_t *numbers_json(const struct differences *d, unsigned int which, const struct vec *numbers,
			    const char *none)
{
	json_t *a = json_array();

	for (size_t i = 0; i < numbers->len && i < JSON_RULES; i++)
		json_array_append_new(a, number_json(d, which, *(uint32_t *)vec_at(numbers, i), none));
	return a;
}

static void print_number(const struct differences *d, unsigned int which, uint32_t number, const char *none)
{
	const struct policy_rule *rule = behaviour_rule(&d->b, which, number);
	struct text text = { 0 };

	if (!rule) {
		printf("%s\n", number ? none : "the interface is no port");
		return;
	}
	rule_text(d->b.of[which].policy, rule, &text);
	if (rule->place.source)
		printf("%s:%u: ", rule->place.source->name, rule->place.line);
	printf("%s\n", text_string(&text));
	text_free(&text);
}

static void print_numbers(const struct differences *d, unsigned int which, const char *word,
			  const struct vec *numbers, const char *none)
{
	int width = strlen(word) < 8 ? 8 : strlen(word);

	for (size_t i = 0; i < numbers->len && i < SHOWN_RULES; i++) {
		printf("     %-*s ", width, i ? "" : word);
		print_number(d, which, *(uint32_t *)vec_at(numbers, i), none);
	}
	if (numbers->len > SHOWN_RULES)
		printf("     %-*s and %zu more\n", width, "", numbers->len - SHOWN_RULES);
}

/* ---- classes ----------------------------------------------------------------------- */

static const char *outcome_word(uint32_t outcome)
{
	return outcome == BEHAVIOUR_ALLOW ? "allow" : outcome == BEHAVIOUR_DROP ? "drop" : "no port";
}

static void free_lines(struct vec *lines)
{
	for (size_t i = 0; i < lines->len; i++)
		free(*(char **)vec_at(lines, i));
	vec_free(lines);
}

/* The rules of entries that a part leaves out, each once. */
static struct vec except_numbers(const struct differences *d, const struct difference_part *p, unsigned int which)
{
	struct vec numbers = VEC(uint32_t);

	for (size_t i = 0; i < p->except[which].len; i++) {
		const struct difference_entry *e = vec_at(&d->b.of[which].list.entries,
							  *(uint32_t *)vec_at(&p->except[which], i));

		if (!numbers.len || *(uint32_t *)vec_at(&numbers, numbers.len - 1) != e->number)
			vec_append(&numbers, &e->number);
	}
	return numbers;
}

static json_t *lines_json(const struct vec *lines)
{
	json_t *a = json_array();

	for (size_t i = 0; i < lines->len; i++)
		json_array_append_new(a, json_text(*(char **)vec_at(lines, i)));
	return a;
}

static json_t *part_json(const struct differences *d, const struct difference_part *p)
{
	static const char *const names[2] = { "except_before", "except_after" };
	struct vec lines = VEC(char *);
	json_t *o;

	behaviours_cubes(&d->b, &p->cubes, 0, &lines);
	o = json_pack("{so}", "packets", lines_json(&lines));
	free_lines(&lines);
	for (unsigned int i = 0; i < 2; i++) {
		struct vec numbers = except_numbers(d, p, i);

		if (numbers.len)
			json_object_set_new(o, names[i], numbers_json(d, i, &numbers, THE_END));
		vec_free(&numbers);
	}
	return o;
}

static json_t *class_json(const struct differences *d, const struct difference_class *c)
{
	struct vec lines = VEC(char *);
	struct text packet = { 0 };
	json_t *o = json_pack("{ss}", "object", "difference"), *parts = json_array();

	behaviours_cubes(&d->b, &c->within, 0, &lines);
	if (is_mark(d, c)) {
		json_object_set_new(o, "action", json_string("mark"));
		json_object_set_new(o, "before", json_integer(c->before));
		json_object_set_new(o, "after", json_integer(c->after));
	} else if (c->lane) {
		json_object_set_new(o, "action", json_text(*(char **)vec_at(&d->b.lanes, c->lane - 1)));
		json_object_set_new(o, "before", json_boolean(c->before));
		json_object_set_new(o, "after", json_boolean(c->after));
	} else {
		json_object_set_new(o, "before", json_string(outcome_word(c->before)));
		json_object_set_new(o, "after", json_string(outcome_word(c->after)));
	}
	json_object_set_new(o, "within", lines_json(&lines));
	free_lines(&lines);
	for (size_t i = 0; i < c->parts.len; i++)
		json_array_append_new(parts, part_json(d, vec_at(&c->parts, i)));
	if (c->parts.len)
		json_object_set(o, "parts", parts);
	json_decref(parts);
	json_object_set_new(o, "rules_before", numbers_json(d, 0, &c->rules[0], no_rule(d, c)));
	json_object_set_new(o, "rules_after", numbers_json(d, 1, &c->rules[1], no_rule(d, c)));
	behaviours_packet(&d->b, 1, &c->witness, &packet);
	json_object_set_new(o, "witness", json_text(text_string(&packet)));
	text_free(&packet);
	return o;
}

static void print_cubes(const struct differences *d, const struct vec *cubes)
{
	struct vec lines = VEC(char *);

	behaviours_cubes(&d->b, cubes, SHOWN_VALUES, &lines);
	for (size_t i = 0; i < lines.len && i < SHOWN_CUBES; i++)
		printf("       %s\n", *(char **)vec_at(&lines, i));
	if (lines.len > SHOWN_CUBES)
		printf("       and %zu more of the kind\n", lines.len - SHOWN_CUBES);
	free_lines(&lines);
}

static void print_part(const struct differences *d, const struct difference_part *p)
{
	print_cubes(d, &p->cubes);
	for (unsigned int i = 0; i < 2; i++) {
		struct vec numbers = except_numbers(d, p, i);

		print_numbers(d, i, "  but for", &numbers, THE_END);
		vec_free(&numbers);
	}
}

static void print_class(const struct differences *d, const struct difference_class *c, size_t n,
			const char *const words[2])
{
	struct text packet = { 0 };
	char mark[2][16];

	if (is_mark(d, c))
		printf("%3zu. %s -> %s\n", n, behaviour_mark(c->before, mark[0]),
		       behaviour_mark(c->after, mark[1]));
	else if (c->lane)
		printf("%3zu. %s: %s\n", n, *(char **)vec_at(&d->b.lanes, c->lane - 1),
		       c->after ? "now of" : "no longer of");
	else
		printf("%3zu. %s -> %s\n", n, outcome_word(c->before), outcome_word(c->after));
	for (size_t i = 0; i < c->parts.len && i < SHOWN_CUBES; i++)
		print_part(d, vec_at(&c->parts, i));
	if (c->parts.len > SHOWN_CUBES)
		printf("       and %zu more of the kind\n", c->parts.len - SHOWN_CUBES);
	if (!c->parts.len) {
		printf("       those of the following that the rules below decide:\n");
		print_cubes(d, &c->within);
	}
	print_numbers(d, 0, words[0], &c->rules[0], no_rule(d, c));
	print_numbers(d, 1, words[1], &c->rules[1], no_rule(d, c));
	behaviours_packet(&d->b, 1, &c->witness, &packet);
	printf("     %-8s %s\n", "packet", text_string(&packet));
	text_free(&packet);
}

void differences_print(const struct cli *cli, const struct differences *d, const char *const words[2])
{
	for (size_t i = 0; i < d->found.classes.len; i++) {
		const struct difference_class *c = vec_at(&d->found.classes, i);
		json_t *o;

		if (!cli->json) {
			print_class(d, c, i + 1, words);
			continue;
		}
		o = class_json(d, c);
		ask_print_json(cli, o, NULL);
		json_decref(o);
	}
}
