// SPDX-License-Identifier: GPL-2.0
/*
 * sluice plan FILE: what a policy would change, before it is applied.
 *
 *	the text		as a unified diff
 *	the behaviour		which packets filters treat differently; what else changes: routes, groups, ...
 *	what it asserts		proved, or not, with a packet
 *	warnings		rules that nothing reaches, ...
 *	its tables		how large, how many look-ups; tried with packets, as a commit tries them
 *
 * Against what runs, with the objects of the store; or --against another file, with no daemon.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "analyse/questions.h"
#include "ask.h"
#include "base/json.h"
#include "base/quantity.h"
#include "check.h"
#include "cli.h"
#include "columns.h"
#include "compile/compile.h"
#include "differences.h"
#include "input.h"
#include "objects.h"
#include "others.h"
#include "policy/parse.h"
#include "prove.h"
#include "running.h"
#include "unified.h"
#include "verify/verify.h"

struct plan {
	struct cli *cli;
	struct policy *before, *after;
	struct diags diags;		/* of the new one: its warnings are shown, too */
	double seconds;
	size_t budget;
	unsigned int witness_ms;	/* 0: verify_time() */
	bool brief;			/* nothing that depends on how tables are made */
	bool text, behaviour, others;	/* differ */
	bool failed;
};

static void heading(const struct plan *p, const char *text)
{
	if (!p->cli->json)
		printf("%s%s%s\n", p->cli->colour ? "\033[1m" : "", text, p->cli->colour ? "\033[0m" : "");
}

static void print_json(const struct plan *p, json_t *o)
{
	if (p->cli->json)
		ask_print_json(p->cli, o, NULL);
	json_decref(o);
}

/* ---- text ------------------------------------------------------------------------------- */

static const struct source *find_source(const struct policy *p, const char *name)
{
	for (size_t i = 0; i < p->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->sources, i);

		if (!strcmp(s->name, name))
			return s;
	}
	return NULL;
}

static const struct source *first_source(const struct policy *p)
{
	return p->sources.len ? *(struct source **)vec_at(&p->sources, 0) : NULL;
}

/* Documents of one name are compared; so are the first ones, whatever they are called. */
static void plan_text(struct plan *p)
{
	const struct source *first[2] = { first_source(p->before), first_source(p->after) };
	struct text out = { 0 };

	for (size_t i = 0; i < p->after->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->after->sources, i);
		const struct source *old = find_source(p->before, s->name);

		if (!old && s == first[1] && first[0] && !find_source(p->after, first[0]->name))
			old = first[0];
		unified(old ? old->name : "", old ? old->text : NULL, s->name, s->text, &out);
	}
	for (size_t i = 0; i < p->before->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->before->sources, i);

		if (!find_source(p->after, s->name) && s != first[0])
			unified(s->name, s->text, "", NULL, &out);
	}
	p->text = out.len;
	print_json(p, json_pack("{ss sb so}", "object", "text", "differs", p->text, "diff",
				json_text(text_string(&out))));
	if (!p->cli->json) {
		heading(p, "text");
		fputs(out.len ? text_string(&out) : "  no difference\n", stdout);
	}
	text_free(&out);
}

/* ---- behaviour -------------------------------------------------------------------------- */

static void plan_behaviour(struct plan *p)
{
	static const char *const words[2] = { "before", "after" };
	struct differences d;

	heading(p, "packets that filters treat differently");
	if (differences_find(p->before, p->after, p->seconds, false, &d, &p->diags)) {
		p->failed = p->behaviour = true;
	} else {
		p->behaviour = d.found.classes.len || d.found.undecided;
		differences_print(p->cli, &d, words);
		if (d.found.undecided) {
			diag_error(&p->diags, (struct place){ 0 },
				   "not all differences were found in time: there may be more");
			diag_hint(&p->diags, "%s gives it more", PROVE_OPTION);
			p->failed = true;
		}
		if (!p->cli->json && !p->behaviour)
			printf("  none\n");
	}
	differences_free(&d);
}

static void plan_others(struct plan *p)
{
	if (!others_differ(p->before, p->after))
		return;
	heading(p, "what else changes");
	p->others = others_print(p->cli, p->before, p->after);
	if (!p->cli->json && !p->others)
		printf("  nothing: other words for the same, see the text\n");
}

/* ---- assertions, warnings --------------------------------------------------------------- */

static const char *verdict_word(enum assertion_verdict v)
{
	return v == ASSERTION_HOLDS ? "holds" : v == ASSERTION_VIOLATED ? "violated" : "undecided";
}

static void print_assertion(const struct plan *p, const struct assertion *a)
{
	const struct place *at = &a->assert->place;
	const char *line = at->source->text;
	struct text text = { 0 };

	for (unsigned int n = 1; n < at->line; n++)
		line = strchr(line, '\n') + 1;
	text_append(&text, line + at->column - 1, strcspn(line + at->column - 1, "\n"));
	if (p->cli->json) {
		json_t *rules = json_array();
		json_t *o = json_pack("{ss so si so ss sb}", "object", "assertion", "file",
				      json_text(at->source->name), "line", (int)at->line, "text",
				      json_text(text_string(&text)), "verdict", verdict_word(a->verdict),
				      "vacuous", a->vacuous);

		for (size_t i = 0; i < a->rules.len; i++)
			json_array_append_new(rules, rule_json(p->after,
				*(const struct policy_rule **)vec_at(&a->rules, i)));
		if (a->sentence)
			json_object_set_new(o, "sentence", json_text(a->sentence));
		if (a->packet)
			json_object_set_new(o, "witness", json_text(a->packet));
		json_object_set_new(o, "rules", rules);
		print_json(p, o);
	} else {
		printf("  %-9s %s:%u: %s\n", verdict_word(a->verdict), at->source->name, at->line,
		       text_string(&text));
		if (a->sentence)
			printf("  %-9s %s\n", "", a->sentence);
		if (a->packet)
			printf("  %-9s packet %s\n", "", a->packet);
	}
	text_free(&text);
}

static void plan_assertions(struct plan *p)
{
	struct vec assertions = VEC(struct assertion);

	if (!p->after->asserts.len)
		return;
	heading(p, "what it asserts");
	p->failed |= analyse_assertions(p->after, p->seconds, &assertions, &p->diags) != 0;
	for (size_t i = 0; i < assertions.len; i++) {
		const struct assertion *a = vec_at(&assertions, i);

		p->failed |= a->verdict != ASSERTION_HOLDS;
		print_assertion(p, a);
	}
	assertions_free(&assertions);
}

/* ---- tables ----------------------------------------------------------------------------- */

static size_t address_bytes(const struct image_filter *f)
{
	size_t bytes = 0;

	for (unsigned int side = 0; side < 2; side++)
		for (unsigned int family = 0; family < 2; family++)
			bytes += f->shape.address[side][family].bytes;
	return bytes;
}

/*
 * What a packet reads at most, in cells of the planes and in cache lines: a line for each field's class
 * and one for its combination, one a dense cell, two a hashed one, a list and the rule.
 */
static void layer_cost(const struct rules_shape *s, bool words, unsigned int *cells, unsigned int *lines)
{
	unsigned int narrow[2] = { s->bands[0] - 1, s->bands[1] - 1 };
	bool chains = s->chain[0];
	unsigned int nw = s->nw || s->hashed & RULES_HASHED_NW || chains ? narrow[0] : 0;
	unsigned int wn = s->wn || s->hashed & RULES_HASHED_WN || chains ? narrow[1] : 0;
	unsigned int nn = s->hashed & RULES_HASHED_NN || chains ? narrow[0] * narrow[1] : 0;

	*cells = 1 + nw + wn + nn;
	*lines = 2 * s->steps + 2 + (words ? 2 : 0) + (chains ? 2 : 0) + 1 +
		 nw * (s->hashed & RULES_HASHED_NW ? 2 : 1) + wn * (s->hashed & RULES_HASHED_WN ? 2 : 1) +
		 nn * 2;
}

static void print_tables(const struct plan *p, const struct image *image)
{
	const struct image_filter *f = &image->filter;
	json_t *layers = json_array();
	char size[2][8];

	if (!p->cli->json)
		printf("  %zu rules, tables %sB, look-ups of addresses %sB\n", f->rules.len,
		       quantity_format(f->area_bytes, size[0]), quantity_format(address_bytes(f), size[1]));
	for (unsigned int l = 0; l < f->shape.layers; l++) {
		const struct rules_shape *s = &f->shape.layer[l];
		unsigned int cells, lines;

		layer_cost(s, f->shape.words[0][l], &cells, &lines);
		json_array_append_new(layers, json_pack("{si si si si si si}", "boxes", (int)s->rules,
				      "bands_source", (int)s->bands[0], "bands_destination",
				      (int)s->bands[1], "fields", (int)s->steps, "cells", (int)cells,
				      "lines", (int)lines));
		if (!p->cli->json)
			printf("  layer %u: %u boxes, %u by %u bands, %u fields; a packet reads at most %u "
			       "cells, %u cache lines\n", l, s->rules, s->bands[0], s->bands[1], s->steps,
			       cells, lines);
	}
	print_json(p, json_pack("{ss sI sI sI so}", "object", "tables", "rules", (json_int_t)f->rules.len,
				"bytes", (json_int_t)f->area_bytes, "address_bytes",
				(json_int_t)address_bytes(f), "layers", layers));
}

/* The tables asked with packets, as a commit does it. */
static void try_tables(struct plan *p, const struct image *image)
{
	struct verify_report report;
	struct text said = { 0 };
	struct verify_options options = { .time_ms = p->witness_ms };
	int err = verify_image(p->after, image, &options, &report, &said);

	if (err == -EILSEQ)
		verify_say_difference(p->after, &report, &said);
	else if (!err)
		verify_say(&report, &said);
	p->failed |= err != 0;
	if (!p->cli->json)
		printf("  %s\n", text_string(&said));
	print_json(p, json_pack("{ss sI sb sI sI sI sI sI sI so}", "object", "witnesses", "packets",
				(json_int_t)report.packets, "complete", report.complete, "rules",
				(json_int_t)report.rules, "rules_met", (json_int_t)report.rules_met, "lists",
				(json_int_t)report.lists, "lists_met", (json_int_t)report.lists_met, "cells",
				(json_int_t)report.cells, "cells_seen", (json_int_t)report.cells_seen,
				"said", json_text(text_string(&said))));
	text_free(&said);
}

static void plan_tables(struct plan *p)
{
	struct compile_options options = { .budget = p->budget };
	struct numbering numbering;
	struct image *image;

	heading(p, "tables");
	numbering_init(&numbering, NULL, NULL, NULL);
	if (compile_policy(p->after, &numbering, &options, &image, &p->diags)) {
		p->failed = true;
	} else {
		if (image->filter.shape.layers) {
			print_tables(p, image);
			try_tables(p, image);
		} else if (!p->cli->json) {
			printf("  no filter\n");
		}
		image_free(image);
	}
	numbering_free(&numbering);
}

/* ---- all -------------------------------------------------------------------------------- */

/* Differences, assertions and tables each need the boxes: a rule that has none is not told of three times. */
static void tell_once(struct diags *diags)
{
	struct diag *d = diags->list.data;
	size_t kept = 0;

	for (size_t i = 0; i < diags->list.len; i++) {
		size_t j = 0;

		while (j < kept && (d[j].place.source != d[i].place.source || d[j].place.line != d[i].place.line ||
				    d[j].place.column != d[i].place.column || strcmp(d[j].sentence, d[i].sentence)))
			j++;
		if (j == kept) {
			d[kept++] = d[i];
			continue;
		}
		*(d[i].level == DIAG_ERROR ? &diags->errors : &diags->warnings) -= 1;
		free(d[i].sentence);
		free(d[i].hint);
	}
	diags->list.len = kept;
}

static void make(struct plan *p)
{
	plan_text(p);
	plan_behaviour(p);
	plan_others(p);
	plan_assertions(p);
	if (!p->brief)
		plan_tables(p);
	analyse_dead_rules(p->after, p->seconds, PROVE_OPTION, &p->diags);
	print_json(p, json_pack("{ss sb sb sb sb}", "object", "plan", "text", p->text, "behaviour",
				p->behaviour, "others", p->others, "good", !p->failed));
	tell_once(&p->diags);
	if (p->diags.list.len)
		check_complain(p->cli, &p->diags);
}

static int read_both(struct plan *p, char **files, int count, const char *against, const char *objects_path)
{
	struct vec objects = VEC(struct object);
	struct diags old;
	int code = CLI_OK;

	diags_init(&old);
	if (objects_path)
		code = objects_read(p->cli, objects_path, &objects);
	else if (!against)
		code = running_objects(p->cli, &objects);
	if (code != CLI_OK)
		goto out;
	p->after = policy_parse_configuration((const char *const *)files, count, policy_load_file, NULL,
					      &objects, &p->diags);
	if (p->diags.errors) {
		check_complain(p->cli, &p->diags);
		code = CLI_FAILED;
		goto out;
	}
	for (size_t i = 0; i < p->after->sources.len; i++) {
		const struct source *s = *(struct source **)vec_at(&p->after->sources, i);

		if (input_refuse_blank(s->name, s->text, s->len)) {
			code = CLI_FAILED;
			goto out;
		}
	}
	if (against)
		p->before = policy_parse_configuration(&against, 1, policy_load_file, NULL, &objects, &old);
	else
		code = running_policy(p->cli, &objects, &p->before, &old);
	if (code == CLI_OK && old.errors) {
		cli_error("what it is compared with is wrong:");
		check_complain(p->cli, &old);
		code = CLI_FAILED;
	}
out:
	diags_free(&old);
	vec_free(&objects);
	return code;
}

int plan(struct cli *cli, int argc, char **argv)
{
	const char *against = NULL, *objects = NULL, *time = NULL, *budget = NULL, *witness = NULL;
	bool exit_code = false;
	struct plan p = { .cli = cli };
	const struct cli_option own[] = {
		{ 0, "against", NULL, &against },
		{ 0, "objects", NULL, &objects },
		{ 0, "prove-time", NULL, &time },
		{ 0, "table-budget", NULL, &budget },
		{ 0, "witness-time", NULL, &witness },
		{ 0, "exit-code", &exit_code, NULL },
		{ 0, "brief", &p.brief, NULL },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own), code;
	uint64_t bytes = 0, ms = 0;
	struct quantity q;

	if (n < 0 || prove_seconds(cli, time, &p.seconds))
		return CLI_USAGE;
	if (n == 0)
		return cli_usage(cli, "which policy shall be planned?");
	if (budget && (quantity_parse(budget, &q) || quantity_size(&q, &bytes) || !bytes))
		return cli_usage(cli, "\"%s\" is not a size such as 64MB", budget);
	if (witness && (quantity_parse(witness, &q) || quantity_duration(&q, &ms) || !ms || ms > 60000))
		return cli_usage(cli, "\"%s\" is not a time such as 2s: 1ms to 1m", witness);
	p.budget = bytes;
	p.witness_ms = ms;
	diags_init(&p.diags);
	code = read_both(&p, argv, n, against, objects);
	if (code == CLI_OK) {
		make(&p);
		code = p.failed || p.diags.errors ? CLI_FAILED :
		       exit_code && (p.behaviour || p.others) ? CLI_DIFFERENT : CLI_OK;
	}
	if (p.before)
		policy_free(p.before);
	if (p.after)
		policy_free(p.after);
	diags_free(&p.diags);
	return code;
}
