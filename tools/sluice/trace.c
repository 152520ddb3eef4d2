// SPDX-License-Identifier: GPL-2.0
/*
 * sluice trace: what a policy does with a packet, stage by stage, and which lines say so.
 *
 * The packet is given in words, or comes from a capture. What is told is what policy/eval
 * says of it; the tables that the policy compiles to are asked the same, and if they differ,
 * that is an error. Neither daemon nor privilege are needed, so the world is made up as in 'sluice
 * replay': port N has the address 02:00:00:00:00:N, sets have the elements of --objects, routes are
 * those of --routes.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/json.h"
#include "base/text.h"
#include "capture.h"
#include "check.h"
#include "cli.h"
#include "compiled.h"
#include "engine.h"
#include "fields.h"
#include "live.h"
#include "lpm/rib.h"
#include "policy/eval.h"
#include "policy/field.h"
#include "policy/frame.h"
#include "policy/print.h"
#include "policy/tree.h"
#include "verify/walk.h"
#include "world.h"

#define RULES_SHOWN 20	/* that do not match, unless -s */

static const char *const reason_sentences[] = {
#define X(name, verdict, sentence) sentence,
	SLUICE_REASONS(X)
#undef X
};

static const char *const verdict_names[] = {
	[VERDICT_PASS] = "pass", [VERDICT_DROP] = "drop",
	[VERDICT_FORWARD] = "forward", [VERDICT_COPY] = "copy",
};

struct tracing {
	struct cli *cli;
	const char *policy_path, *objects_path, *routes_path, *pcap_path, *port_name;
	bool any_link;
	struct compiled compiled;
	struct policy *policy;
	struct image *image;
	struct scene scene;
	struct world world;
	uint16_t *numbers;		/* of the policy's ports, in the image */
	unsigned int socket;		/* the packet's */
	unsigned long count;
	bool wrong;			/* something differed */
};

/* One packet. */
struct traced {
	const uint8_t *frame;
	size_t length, captured;	/* bytes; those that a capture does not have are zeroes */
	struct frame_fields fields;	/* has 0: nothing is known of it */
	enum sluice_reason parsed;
	uint16_t port;			/* number */
	struct eval_result result;
	struct walk walk;		/* what the tables say */
};

/* ---- rules and their tests ---------------------------------------------------------- */

static bool holds(const struct tracing *t, const struct traced *k, const struct policy_predicate *p)
{
	return policy_matches(t->policy, &t->world.env, k->port, k->frame, k->length, p);
}

static bool is_test(const struct policy_predicate *p)
{
	return p->kind == PREDICATE_TEST || p->kind == PREDICATE_SET;
}

/* A bare word (tcp, ip4) is told as such, and not by what it stands for. */
static bool is_told(const struct policy_predicate *p)
{
	return is_test(p) || (p->kind == PREDICATE_NAME && !p->let);
}

/* What the packet has in the field that @p asks for. */
static void say_value(const struct tracing *t, const struct traced *k, const struct policy_predicate *p,
		      struct text *out)
{
	char buf[ADDR_STRLEN];

	if (!is_test(p))
		return;
	if (!frame_has(&k->fields, p->field))
		text_printf(out, "the packet has no %s", policy_field_name(p->field));
	else if (p->field == FIELD_IP_SRC || p->field == FIELD_IP_DST)
		text_printf(out, "%s", addr_format(p->field == FIELD_IP_SRC ? &k->fields.src : &k->fields.dst,
						   buf));
	else
		field_print(t->policy, p->field, k->fields.value[p->field], out);
}

static void add_tests(const struct tracing *t, const struct traced *k, const struct policy_predicate *p,
		      json_t *tests)
{
	struct text words = { 0 }, value = { 0 };
	json_t *o;

	if (!p)
		return;
	if (!is_told(p)) {
		add_tests(t, k, p->left, tests);
		add_tests(t, k, p->right, tests);
		return;
	}
	policy_print_predicate(t->policy, p, &words);
	say_value(t, k, p, &value);
	o = json_pack("{so sb}", "test", json_text(text_string(&words)), "holds", holds(t, k, p));
	if (value.len)
		json_object_set_new(o, "packet", json_text(value.data));
	json_array_append_new(tests, o);
	text_free(&words);
	text_free(&value);
}

static json_t *where_json(const struct policy_rule *rule)
{
	struct text where = { 0 };
	json_t *o;

	text_printf(&where, "%s:%u", rule->place.source->name, rule->place.line);
	o = json_text(where.data);
	text_free(&where);
	return o;
}

static bool is_matched(const struct traced *k, const struct policy_rule *rule)
{
	for (size_t i = 0; i < k->result.matched.len; i++)
		if (*(const struct policy_rule **)vec_at(&k->result.matched, i) == rule)
			return true;
	return false;
}

static json_t *rule_json(const struct tracing *t, const struct traced *k, const struct policy_rule *rule)
{
	struct text words = { 0 };
	json_t *o = json_pack("{so}", "where", where_json(rule)), *tests = json_array();

	policy_print_rule(t->policy, rule, &words);
	json_object_set_new(o, "rule", json_text(words.data));
	json_object_set_new(o, "matches", json_boolean(is_matched(k, rule)));
	add_tests(t, k, rule->predicate, tests);
	json_object_set_new(o, "tests", tests);
	text_free(&words);
	return o;
}

static const struct policy_filter *filter_of(const struct tracing *t, uint16_t number)
{
	for (size_t i = 0; i < t->policy->filters.len; i++) {
		const struct policy_filter *f = *(struct policy_filter **)vec_at(&t->policy->filters, i);

		for (size_t j = 0; j < f->ports.len; j++) {
			const struct policy_port_ref *ref = vec_at(&f->ports, j);

			for (size_t p = 0; p < t->policy->ports.len; p++)
				if (*(struct policy_port **)vec_at(&t->policy->ports, p) == ref->port &&
				    t->numbers[p] == number)
					return f;
		}
	}
	return NULL;
}

static bool filter_saw(const struct traced *k)
{
	return k->fields.has;
}

/* Those that were asked, up to the one that ended the search; @passed: how many are not told. */
static json_t *rules_json(const struct tracing *t, const struct traced *k, const struct policy_filter *f,
			  size_t *passed)
{
	json_t *list = json_array();
	size_t told = 0;

	*passed = 0;
	for (size_t i = 0; i < f->rules.len; i++) {
		const struct policy_rule *rule = *(struct policy_rule **)vec_at(&f->rules, i);
		bool matches = is_matched(k, rule);

		if (matches || t->cli->statistics || told++ < RULES_SHOWN)
			json_array_append_new(list, rule_json(t, k, rule));
		else
			++*passed;
		if (rule == k->result.rule)
			break;
	}
	return list;
}

/* ---- the whole, as an object ----------------------------------------------------------- */

static const char *port_named(const struct tracing *t, unsigned int number)
{
	const struct image_port *port = image_port(t->image, number);

	return port ? port->name : "?";
}

static json_t *outcome_json(const struct tracing *t, const struct traced *k, const struct eval_outcome *o)
{
	json_t *out = json_array(), *object;

	for (size_t i = 0; i < o->outputs.len; i++) {
		const struct eval_output *one = vec_at(&o->outputs, i);

		json_array_append_new(out, json_pack("{ss so}", "port", one->host ? "host" :
			port_named(t, one->port), "changed",
			fields_changed(k->frame, k->length, one->frame, one->len)));
	}
	object = json_pack("{ss ss ss so}", "verdict", verdict_names[o->verdict], "reason",
			   eval_reason_name(o->reason), "sentence", reason_sentences[o->reason], "out", out);
	if (o->entry) {
		char name[POLICY_ENTRY_STRLEN];

		json_object_set_new(object, "group", json_text(policy_entry_name(o->entry, name)));
	}
	return object;
}

static json_t *effects_json(const struct traced *k)
{
	json_t *list = json_array();

	for (size_t i = 0; i < k->result.effects.len; i++) {
		const struct eval_effect *e = vec_at(&k->result.effects, i);
		struct text words = { 0 };

		policy_print_action(e->action, &words);
		json_array_append_new(list, json_pack("{so so}", "where", where_json(e->rule), "action",
						      json_text(words.data)));
		text_free(&words);
	}
	return list;
}

static json_t *filter_json(const struct tracing *t, const struct traced *k, const struct policy_filter *f)
{
	size_t passed;
	json_t *rules = rules_json(t, k, f, &passed);
	json_t *o = json_pack("{so sI}", "rules", rules, "not_told", (json_int_t)passed);

	if (k->result.rule)
		json_object_set_new(o, "ended_by", where_json(k->result.rule));
	json_object_set_new(o, "effects", effects_json(k));
	if (k->result.mark)
		json_object_set_new(o, "mark", json_integer(k->result.mark));
	if (t->image->filter.shape.layers)
		json_object_set_new(o, "classes", json_pack("[II]", (json_int_t)k->walk.class[0],
							    (json_int_t)k->walk.class[1]));
	return o;
}

static json_t *trace_json(const struct tracing *t, const struct traced *k)
{
	const struct policy_filter *f = filter_of(t, k->port);
	json_t *o = json_pack("{ss si ss si}", "object", "trace", "n", (int)t->count, "port",
			      port_named(t, k->port), "length", (int)k->length);
	json_t *outcomes = json_array();
	struct text words = { 0 };

	if (k->captured < k->length)
		json_object_set_new(o, "captured", json_integer(k->captured));
	if (k->fields.has) {
		frame_format(t->policy, &k->fields, &words);
		json_object_set_new(o, "packet", json_text(words.data));
	}
	text_free(&words);
	json_object_set_new(o, "parse", json_string(k->parsed ? eval_reason_name(k->parsed) : "sound"));
	if (f && filter_saw(k))
		json_object_set_new(o, "filter", filter_json(t, k, f));
	json_object_set_new(o, "measured", json_boolean(k->result.measured));
	for (size_t i = 0; i < k->result.outcomes.len; i++)
		json_array_append_new(outcomes, outcome_json(t, k, vec_at(&k->result.outcomes, i)));
	json_object_set_new(o, "outcomes", outcomes);
	return o;
}

/* ---- the same, to be read ------------------------------------------------------------------ */

static void print_rule(const json_t *rule)
{
	bool matches = json_is_true(json_object_get(rule, "matches"));
	size_t i;
	json_t *test;

	printf("  %-5s %s: %s\n", matches ? "yes" : "no", field_text(rule, "where"), field_text(rule, "rule"));
	json_array_foreach(json_object_get(rule, "tests"), i, test) {
		const char *packet = field_text(test, "packet");

		printf("          %-3s %s%s%s%s\n", json_is_true(json_object_get(test, "holds")) ? "yes" : "no",
		       field_text(test, "test"), *packet ? "  (" : "", packet, *packet ? ")" : "");
	}
}

static void print_filter(const json_t *filter)
{
	const char *ended = field_text(filter, "ended_by");
	long long passed = field_number(filter, "not_told");
	size_t i;
	json_t *o;

	printf("filter\n");
	json_array_foreach(json_object_get(filter, "rules"), i, o)
		print_rule(o);
	if (passed)
		printf("  no    %lld more rule%s, which -s shows\n", passed, passed == 1 ? "" : "s");
	json_array_foreach(json_object_get(filter, "effects"), i, o)
		printf("  does  %s  (%s)\n", field_text(o, "action"), field_text(o, "where"));
	if (*ended)
		printf("  ends  at %s\n", ended);
	else
		printf("  ends  behind the last rule: allowed\n");
}

/* @cut: the packet was. */
static void print_outcome(const json_t *outcome, bool cut)
{
	size_t i;
	json_t *o;

	printf("%-9s %s: %s%s%s%s\n", field_text(outcome, "verdict"), field_text(outcome, "reason"),
	       field_text(outcome, "sentence"), *field_text(outcome, "group") ? ", group " : "",
	       field_text(outcome, "group"), cut ? ", if the bytes that were not captured are zeroes" : "");
	json_array_foreach(json_object_get(outcome, "out"), i, o) {
		const char *field;
		json_t *value;

		printf("  out of  %s", field_text(o, "port"));
		json_object_foreach(json_object_get(o, "changed"), field, value) {
			char *text = json_dumps(value, JSON_ENCODE_ANY);

			printf(" %s=%s", field, json_is_string(value) ? json_string_value(value) : text);
			free(text);
		}
		printf("%s\n", json_object_size(json_object_get(o, "changed")) ? "" : ", as it came");
	}
}

static void print_trace(const json_t *o)
{
	const json_t *filter = json_object_get(o, "filter"), *list = json_object_get(o, "outcomes");
	const char *packet = field_text(o, "packet");
	bool cut = json_object_get(o, "captured");
	size_t i;
	json_t *one;

	printf("packet    %s%s%lld bytes\n", *packet ? packet : field_text(o, "port"), ", ",
	       field_number(o, "length"));
	if (cut)
		printf("cut       only %lld bytes were captured; the others are taken for zeroes\n",
		       field_number(o, "captured"));
	printf("parse     %s\n", field_text(o, "parse"));
	if (filter)
		print_filter(filter);
	if (json_is_true(json_object_get(o, "measured")))
		printf("measure   counted\n");
	if (json_array_size(list) > 1)
		printf("any one of these:\n");
	json_array_foreach(list, i, one)
		print_outcome(one, cut);
}

/* ---- one packet ---------------------------------------------------------------------------- */

static unsigned int socket_of(void *context, const struct eval_flow *flow)
{
	(void)flow;
	return ((const struct tracing *)context)->socket;
}

/* Which sets have it, as the tables are told. */
static uint32_t set_bits(const struct tracing *t, const struct traced *k)
{
	uint32_t bits = 0;

	for (size_t i = 0; i < t->policy->set_tests.len; i++) {
		const struct policy_set_test *s = vec_at(&t->policy->set_tests, i);
		struct policy_predicate test = {
			.kind = PREDICATE_SET, .field = s->field, .set = s->set, .set_test = i,
			.name = s->set->name,
		};

		if (holds(t, k, &test))
			bits |= 1u << i;
	}
	return bits;
}

/* The tables must say the same; if they do not, the policy was compiled wrongly. */
static void compare(struct tracing *t, struct traced *k)
{
	uint32_t rule = k->result.rule ? k->result.rule->number : RULES_NONE;
	struct frame_fields f = k->fields;

	if (!filter_saw(k) || !t->image->filter.shape.layers)
		return;
	walk_packet(t->image, t->numbers, &f, set_bits(t, k), &k->walk);
	if (k->walk.layer[0].rule == rule)
		return;
	cli_error("the tables of this policy say otherwise (rule %d, and not %d): this is a fault of sluice, "
		  "please report it", (int)k->walk.layer[0].rule, (int)rule);
	t->wrong = true;
}

/* @fields: of the packet, unless it is read from @frame, of which the first @captured bytes are the packet's. */
static void trace_frame(struct tracing *t, const uint8_t *frame, size_t length, size_t captured, size_t port,
			const struct frame_fields *fields)
{
	struct traced k = {
		.frame = frame, .length = length, .captured = captured, .port = t->numbers[port],
	};
	json_t *o;

	t->count++;
	k.parsed = frame_read(frame, length, &k.fields);
	if (fields)
		k.fields = *fields;
	else if (k.fields.has)
		frame_set(&k.fields, FIELD_IN, port);
	t->socket = k.fields.value[FIELD_SOCKET];
	policy_eval(t->policy, &t->world.env, k.port, frame, length, &k.result);
	compare(t, &k);
	o = trace_json(t, &k);
	if (t->cli->json) {
		ask_print_json(t->cli, o, NULL);
	} else {
		if (t->count > 1)
			putchar('\n');
		print_trace(o);
	}
	json_decref(o);
	eval_result_free(&k.result);
}

static int trace_words(struct tracing *t, const char *words)
{
	static uint8_t frame[FRAME_MAX];
	struct source source = { .name = "packet", .text = (char *)words, .len = strlen(words) };
	struct frame_fields f;
	struct diags diags;
	size_t length;
	int err;

	diags_init(&diags);
	err = frame_parse(t->policy, &source, &f, &diags);
	check_complain(t->cli, &diags);
	diags_free(&diags);
	if (err)
		return CLI_FAILED;
	scene_address(&f, t->numbers[f.value[FIELD_IN]]);
	length = frame_build(&f, frame);
	trace_frame(t, frame, length, length, f.value[FIELD_IN], &f);
	return CLI_OK;
}

static int find_port(const struct tracing *t, size_t *port)
{
	*port = 0;
	if (!t->port_name)
		return CLI_OK;
	for (size_t i = 0; i < t->policy->ports.len; i++) {
		if (!strcmp((*(struct policy_port **)vec_at(&t->policy->ports, i))->name, t->port_name)) {
			*port = i;
			return CLI_OK;
		}
	}
	cli_error("%s has no port \"%s\"", t->policy_path, t->port_name);
	return CLI_FAILED;
}

/* The port of the interface that the capture names; the first, if that is none of ours. */
static size_t port_of(const struct tracing *t, const struct frame *frame)
{
	const struct vec *ports = &t->policy->ports;

	for (size_t i = 0; i < ports->len; i++)
		if (!strcmp((*(struct policy_port **)vec_at(ports, i))->interface, frame->interface))
			return i;
	return 0;
}

static int trace_capture(struct tracing *t)
{
	struct capture *capture;
	struct text why = { 0 };
	struct frame frame;
	size_t port;
	int got;

	if (find_port(t, &port))
		return CLI_FAILED;
	got = capture_open(t->pcap_path, t->any_link, &capture, &why);
	if (!got) {
		while ((got = capture_next(capture, &frame, &why)) == 1)
			trace_frame(t, frame.bytes, frame.length, frame.captured,
				    t->port_name ? port : port_of(t, &frame), NULL);
		capture_close(capture);
	}
	if (got < 0)
		cli_error("%s", text_string(&why));
	text_free(&why);
	return got < 0 ? CLI_FAILED : CLI_OK;
}

/* ---- the verb -------------------------------------------------------------------------------- */

static int read_routes(struct tracing *t)
{
	struct text why = { 0 };
	int code = CLI_OK;

	t->scene.routes = VEC(struct rib_route);
	if (!t->routes_path)
		return CLI_OK;
	if (rib_read(t->routes_path, &t->scene.routes, &why)) {
		cli_error("%s", text_string(&why));
		code = CLI_FAILED;
	}
	text_free(&why);
	return code;
}

static int run(struct tracing *t, int packets, char **packet)
{
	int code = compiled_read(t->cli, t->policy_path, t->objects_path, &t->compiled);

	if (code != CLI_OK)
		return code;
	t->policy = t->compiled.policy;
	t->image = t->compiled.image;
	t->scene.policy = t->policy;
	t->scene.image = t->image;
	if (!t->policy->ports.len) {
		cli_error("%s names no port that packets could come in on", t->policy_path);
		return CLI_FAILED;
	}
	code = read_routes(t);
	if (code != CLI_OK)
		return code;
	t->numbers = walk_ports(t->image, t->policy);
	world_open(&t->scene, &t->world);
	t->world.env.socket = socket_of;
	t->world.env.socket_context = t;
	for (int i = 0; i < packets; i++)
		if (trace_words(t, packet[i]) != CLI_OK)
			code = CLI_FAILED;
	if (t->pcap_path && trace_capture(t) != CLI_OK)
		code = CLI_FAILED;
	world_close(&t->world);
	return t->wrong ? CLI_FAILED : code;
}

int trace_packet(struct cli *cli, int argc, char **argv)
{
	struct tracing t = { .cli = cli };
	bool live = false;
	const struct cli_option own[] = {
		{ 0, "pcap", NULL, &t.pcap_path },
		{ 0, "port", NULL, &t.port_name },
		{ 0, "objects", NULL, &t.objects_path },
		{ 0, "routes", NULL, &t.routes_path },
		{ 0, "any-link", &t.any_link, NULL },
		{ 0, "live", &live, NULL },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own), code;

	if (n < 0)
		return CLI_USAGE;
	if (live && n)
		return cli_usage(cli, "--live is of what runs: \"%s\" is too much", argv[0]);
	if (live)
		return live_trace(cli);
	if (n == 0)
		return cli_usage(cli, "which policy shall it be?");
	if (n == 1 && !t.pcap_path)
		return cli_usage(cli, "which packet? In words, such as 'in=wan ip.src=192.0.2.1 tcp.dst=22', or "
				 "--pcap FILE");
	t.policy_path = argv[0];
	code = run(&t, n - 1, argv + 1);
	free(t.numbers);
	vec_free(&t.scene.routes);
	compiled_free(&t.compiled);
	return cli_finish(code);
}
