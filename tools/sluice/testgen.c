// SPDX-License-Identifier: GPL-2.0
/*
 * sluice testgen: packets that show each rule of a policy, its near misses and the cells of its
 * tables, with what is to become of them: the witnesses that each commit is tried with.
 *
 * To the file of -w they go as pcapng, one interface a port, the expectation as each packet's comment; and as
 * lines, or objects with -j, to standard output. What sets and sockets a packet takes for granted is said beside
 * it. The world is that of 'sluice trace', which says the same of the same words.
 */
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "base/pcapng_write.h"
#include "base/quantity.h"
#include "base/text.h"
#include "cli.h"
#include "compiled.h"
#include "engine.h"
#include "lpm/rib.h"
#include "policy/eval.h"
#include "policy/field.h"
#include "verify/facts.h"
#include "verify/verify.h"
#include "verify/walk.h"
#include "world.h"

static const char *const verdict_names[] = {
	[VERDICT_PASS] = "pass", [VERDICT_DROP] = "drop",
	[VERDICT_FORWARD] = "forward", [VERDICT_COPY] = "copy",
};

struct testgen {
	struct cli *cli;
	const char *write_path;
	struct compiled compiled;
	struct scene scene;
	struct world world;
	struct facts facts;
	uint16_t *numbers;
	struct text file;
	uint64_t count;
};

static json_t *where_json(const struct policy_rule *rule)
{
	struct text where = { 0 };
	json_t *o;

	text_printf(&where, "%s:%u", rule->place.source->name, rule->place.line);
	o = json_text(where.data);
	text_free(&where);
	return o;
}

/* "ip.src in offenders": what the packet takes for granted. */
static json_t *given_json(const struct policy *p, const struct witness *w)
{
	json_t *list = json_array();

	for (size_t i = 0; i < p->set_tests.len; i++) {
		const struct policy_set_test *t = vec_at(&p->set_tests, i);
		struct text words = { 0 };

		if (!(w->sets >> i & 1))
			continue;
		text_printf(&words, "%s in %s", policy_field_name(t->field), t->set->name);
		json_array_append_new(list, json_text(words.data));
		text_free(&words);
	}
	return list;
}

/* @f: of the packet, which is addressed to its port: @w's may not be, and may meet other rules. */
static json_t *witness_json(struct testgen *t, const struct witness *w, const struct frame_fields *f,
			    const uint8_t *frame, size_t length)
{
	const struct policy *p = t->compiled.policy;
	const struct eval_outcome *outcome;
	struct text words = { 0 };
	struct eval_result result;
	json_t *o, *rules = json_array();

	t->facts = (struct facts){ p, f, w->sets, f->value[FIELD_SOCKET] };
	policy_eval(p, &t->world.env, t->numbers[f->value[FIELD_IN]], frame, length, &result);
	outcome = vec_at(&result.outcomes, 0);
	frame_format(p, f, &words);
	for (size_t i = 0; i < result.matched.len; i++)
		json_array_append_new(rules, where_json(*(const struct policy_rule **)vec_at(&result.matched, i)));
	o = json_pack("{ss sI so so ss ss so}", "object", "witness", "n", (json_int_t)t->count, "packet",
		      json_text(words.data), "given", given_json(p, w), "verdict",
		      verdict_names[outcome->verdict], "reason", eval_reason_name(outcome->reason), "rules", rules);
	text_free(&words);
	eval_result_free(&result);
	return o;
}

/* One line: a packet's comment, and what is printed. */
static void say(const json_t *o, struct text *out)
{
	const json_t *rules = json_object_get(o, "rules"), *given = json_object_get(o, "given");
	size_t i;
	json_t *one;

	text_printf(out, "%s: %s %s", field_text(o, "packet"), field_text(o, "verdict"), field_text(o, "reason"));
	json_array_foreach(rules, i, one)
		text_printf(out, "%s%s", i ? ", " : " by ", json_string_value(one));
	json_array_foreach(given, i, one)
		text_printf(out, "%s%s", i ? ", " : "; if ", json_string_value(one));
}

/* A verify_witness_fn. */
static bool take(void *context, const struct witness *w)
{
	static uint8_t frame[FRAME_MAX];
	struct testgen *t = context;
	struct frame_fields f = w->fields;
	struct text line = { 0 };
	size_t length;
	json_t *o;

	t->count++;
	scene_address(&f, t->numbers[f.value[FIELD_IN]]);
	length = frame_build(&f, frame);
	o = witness_json(t, w, &f, frame, length);
	say(o, &line);
	if (t->write_path)
		pcapng_add(&t->file, f.value[FIELD_IN], frame, length, line.data);
	if (t->cli->json)
		ask_print_json(t->cli, o, NULL);
	else if (!t->write_path)
		puts(line.data);
	text_free(&line);
	json_decref(o);
	return true;
}

/* One interface a port, in their order. */
static void begin_file(struct testgen *t)
{
	const struct vec *ports = &t->compiled.policy->ports;

	pcapng_begin(&t->file);
	for (size_t i = 0; i < ports->len; i++)
		pcapng_interface(&t->file, (*(const struct policy_port **)vec_at(ports, i))->interface);
}

static int generate(struct testgen *t, unsigned int time_ms)
{
	const struct verify_options options = {
		.time_ms = time_ms ? time_ms : VERIFY_TIME_MS,
		.take = take,
		.context = t,
	};
	struct verify_report report;
	struct text said = { 0 };
	int err, code = CLI_OK;

	begin_file(t);
	err = verify_image(t->compiled.policy, t->compiled.image, &options, &report, &said);
	if (err == -EILSEQ)
		verify_say_difference(t->compiled.policy, &report, &said);
	if (err) {
		cli_error("%s", text_string(&said));
		code = CLI_FAILED;
	} else if (t->write_path) {
		err = text_write_file(t->write_path, t->file.data, t->file.len, 0644);
		if (err) {
			cli_error("%s cannot be written: %s", t->write_path, strerror(-err));
			code = CLI_FAILED;
		}
	}
	if (code == CLI_OK && t->write_path && !t->cli->json) {
		verify_say(&report, &said);
		printf("%" PRIu64 " packets written; %s\n", t->count, said.data);
	}
	text_free(&said);
	return code;
}

static int take_time(const struct cli *cli, const char *word, unsigned int *time_ms)
{
	struct quantity q;
	uint64_t ms;

	*time_ms = 0;
	if (!word)
		return 0;
	if (quantity_parse(word, &q) || quantity_duration(&q, &ms) || ms < 1 || ms > 3600000)
		return cli_usage(cli, "\"%s\" is not a time, such as 10s: 1ms to 1h", word);
	*time_ms = ms;
	return 0;
}

int testgen(struct cli *cli, int argc, char **argv)
{
	struct testgen t = { .cli = cli };
	const char *objects_path = NULL, *time = NULL;
	unsigned int time_ms;
	const struct cli_option own[] = {
		{ 'w', "write", NULL, &t.write_path },
		{ 0, "objects", NULL, &objects_path },
		{ 0, "time", NULL, &time },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own), code;

	if (n < 0 || take_time(cli, time, &time_ms))
		return CLI_USAGE;
	if (n != 1)
		return cli_usage(cli, n ? "one policy at a time" : "which policy shall it be?");
	code = compiled_read(cli, argv[0], objects_path, &t.compiled);
	if (code == CLI_OK) {
		t.scene = (struct scene){ t.compiled.policy, t.compiled.image, VEC(struct rib_route) };
		t.numbers = walk_ports(t.compiled.image, t.compiled.policy);
		world_open(&t.scene, &t.world);
		facts_env(&t.facts, &t.world.env);
		code = generate(&t, time_ms);
		world_close(&t.world);
	}
	free(t.numbers);
	text_free(&t.file);
	compiled_free(&t.compiled);
	return cli_finish(code);
}
