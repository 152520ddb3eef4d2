// SPDX-License-Identifier: GPL-2.0
/*
 * sluice replay: a capture through a policy, without a network.
 *
 * Every frame comes in on one port, or on that of the interface which the capture names for it, in the order of
 * the capture, and is judged by the real programs (test runs; nothing is attached or sent), by the plain
 * meaning, or by both, compared packet by packet. Time stands still meanwhile (timeless.h).
 *
 * A capture's frames are addressed to whoever they were addressed to. So that the
 * policy has something to say, the port's own address is each frame's destination, where
 * that is unicast; --mac holds it to one address.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ask.h"
#include "base/table.h"
#include "capture.h"
#include "cli.h"
#include "columns.h"
#include "compiled.h"
#include "engine.h"
#include "fields.h"
#include "lpm/rib.h"
#include "timeless.h"

#define FLOWS_SHOWN 10

static const char *const reason_names[] = {
#define X(name, verdict, sentence) #name,
	SLUICE_REASONS(X)
#undef X
};

static const char *const reason_sentences[] = {
#define X(name, verdict, sentence) sentence,
	SLUICE_REASONS(X)
#undef X
};

static const enum sluice_verdict reason_verdicts[] = {
#define X(name, verdict, sentence) VERDICT_##verdict,
	SLUICE_REASONS(X)
#undef X
};

static const char *const verdict_names[] = {
	[VERDICT_PASS] = "pass", [VERDICT_DROP] = "drop",
	[VERDICT_FORWARD] = "forward", [VERDICT_COPY] = "copy",
};

struct count_of {
	uint64_t packets, bytes;
};

struct replay {
	struct cli *cli;
	char **capture;			/* [captures]: paths */
	int captures;
	const char *policy_path, *pcap_path, *port_name, *routes_path, *engine_name, *mac_text,
		   *objects_path;
	bool each, any_link;

	struct compiled compiled;
	struct policy *policy;		/* of compiled */
	struct image *image;
	struct scene scene;
	struct engine engine[2];
	int engines;
	uint16_t port;			/* where nothing else is said */
	bool seen[PORTS_MAX];		/* something came in there */
	uint8_t mac[6];			/* if fixed_mac */
	bool fixed_mac;

	uint64_t packets, bytes, cut, too_long, unpoliced, disagreements;
	struct count_of reason[REASON_MAX];
	struct count_of out[PORTS_MAX];	/* [0]: to the host */
	struct table groups;		/* name, padded -> struct count_of: copies */
	struct vec treatments[2];
};

/* ---- set up ----------------------------------------------------------------------- */

static int read_policy(struct replay *r)
{
	int code = compiled_read(r->cli, r->policy_path, r->objects_path, &r->compiled);

	r->policy = r->compiled.policy;
	r->image = r->compiled.image;
	if (code == CLI_OK)
		image_stop_time(r->image);
	return code;
}

static int choose_port(struct replay *r)
{
	const struct image_port *port;

	if (!r->image->ports.len) {
		cli_error("%s names no port that packets could come in on", r->policy_path);
		return CLI_FAILED;
	}
	port = r->port_name ? image_port_named(r->image, r->port_name) : vec_at(&r->image->ports, 0);
	if (!port) {
		cli_error("%s has no port \"%s\"", r->policy_path, r->port_name);
		return CLI_FAILED;
	}
	r->port = port->number;
	return CLI_OK;
}

static int read_routes(struct replay *r)
{
	struct text why = { 0 };

	r->scene.routes = VEC(struct rib_route);
	if (!r->routes_path)
		return CLI_OK;
	if (rib_read(r->routes_path, &r->scene.routes, &why)) {
		cli_error("%s", text_string(&why));
		text_free(&why);
		return CLI_FAILED;
	}
	if (!r->image->config.route) {
		cli_error("--routes has no meaning: %s does not route", r->policy_path);
		return CLI_FAILED;
	}
	return CLI_OK;
}

static int open_engines(struct replay *r)
{
	bool bpf = strcmp(r->engine_name, "eval"), eval = strcmp(r->engine_name, "bpf");
	struct text why = { 0 };
	int err = 0;

	r->scene.policy = r->policy;
	r->scene.image = r->image;
	if (bpf)
		err = engine_bpf_open(&r->scene, &r->engine[r->engines++], &why);
	if (!err && eval)
		err = engine_eval_open(&r->scene, &r->engine[r->engines++], &why);
	if (!err)
		return CLI_OK;
	r->engines--;
	cli_error("%s", text_string(&why));
	if (err == -EPERM)
		cli_hint("--engine eval needs no privilege");
	text_free(&why);
	return err == -EPERM ? CLI_UNREACHABLE : CLI_FAILED;
}

static void tear_down(struct replay *r)
{
	for (int i = 0; i < r->engines; i++)
		r->engine[i].close(r->engine[i].state);
	for (int i = 0; i < 2; i++) {
		treatments_clear(&r->treatments[i]);
		vec_free(&r->treatments[i]);
	}
	vec_free(&r->scene.routes);
	table_free(&r->groups);
	compiled_free(&r->compiled);
}

/* ---- each packet --------------------------------------------------------------------- */

static const char *port_name(const struct replay *r, const struct output *o)
{
	return o->host ? "host" : image_port(r->image, o->port)->name;
}

static json_t *treatment_json(const struct replay *r, const struct frame *frame,
			      const struct treatment *t)
{
	json_t *o = json_pack("{ss sI ss ss}", "object", "packet", "n", (json_int_t)r->packets,
			      "verdict", verdict_names[reason_verdicts[t->reason]], "reason",
			      reason_names[t->reason]);
	json_t *out = json_array();

	if (frame->captured < frame->length)
		json_object_set_new(o, "captured", json_integer(frame->captured));
	if (t->group[0])
		json_object_set_new(o, "group", json_string(t->group));
	for (size_t i = 0; i < t->outputs.len; i++) {
		const struct output *one = vec_at(&t->outputs, i);

		json_array_append_new(out, json_pack("{ss so}", "port", port_name(r, one), "changed",
			fields_changed(frame->bytes, frame->length, one->frame, one->length)));
	}
	json_object_set_new(o, "out", out);
	return o;
}

static void print_treatment(const struct replay *r, const struct frame *frame,
			    const struct treatment *t)
{
	json_t *o = treatment_json(r, frame, t);

	ask_print_json(r->cli, o, NULL);
	json_decref(o);
}

static void add(struct count_of *c, uint64_t bytes)
{
	c->packets++;
	c->bytes += bytes;
}

static void account(struct replay *r, const struct frame *frame, const struct treatment *t)
{
	add(&r->reason[t->reason], frame->length);
	r->unpoliced += t->policed;
	for (size_t i = 0; i < t->outputs.len; i++) {
		const struct output *o = vec_at(&t->outputs, i);

		add(&r->out[o->host ? 0 : o->port], o->length);
		if (t->group[0] && !o->host)
			add(table_put(&r->groups, t->group, NULL), o->length);
	}
}

static bool agree(const struct vec *bpf, const struct vec *eval)
{
	for (size_t i = 0; i < eval->len; i++)
		if (treatment_equal(vec_at(bpf, 0), vec_at(eval, i)))
			return true;
	return false;
}

static void complain(struct replay *r, const struct frame *frame)
{
	if (r->disagreements++ >= 20)
		return;
	cli_error("packet %" PRIu64 ": the engines differ", r->packets);
	for (int i = 0; i < 2; i++) {
		for (size_t j = 0; j < r->treatments[i].len; j++) {
			json_t *o = treatment_json(r, frame, vec_at(&r->treatments[i], j));
			char *text = json_dumps(o, JSON_COMPACT);

			cli_hint("%s: %s", r->engine[i].name, text);
			free(text);
			json_decref(o);
		}
	}
}

/* That of the interface which the capture names, unless one is asked for. */
static uint16_t port_of(const struct replay *r, const struct frame *frame)
{
	const struct vec *ports = &r->image->ports;

	for (size_t i = 0; !r->port_name && i < ports->len; i++) {
		const struct image_port *port = vec_at(ports, i);

		if (!strcmp(port->interface, frame->interface))
			return port->number;
	}
	return r->port;
}

/* Return: 0, or -errno if an engine failed (said). */
static int run_frame(struct replay *r, const struct frame *frame)
{
	uint16_t port = port_of(r, frame);
	struct text why = { 0 };
	uint8_t mac[6];

	r->seen[port] = true;
	if (r->fixed_mac)
		memcpy(mac, r->mac, 6);
	else if (frame->length >= 6 && !(frame->bytes[0] & 1))
		memcpy(mac, frame->bytes, 6);
	else
		scene_mac(port, mac);
	for (int i = 0; i < r->engines; i++) {
		int err;

		treatments_clear(&r->treatments[i]);
		err = r->engine[i].run(r->engine[i].state, port, mac, frame->bytes, frame->length,
				       &r->treatments[i], &why);
		if (err == -E2BIG) {
			r->too_long++;
			text_free(&why);
			return 0;
		}
		if (err) {
			cli_error("packet %" PRIu64 ": %s", r->packets, text_string(&why));
			text_free(&why);
			return err;
		}
	}
	if (r->engines == 2 && !agree(&r->treatments[0], &r->treatments[1]))
		complain(r, frame);
	if (r->each)
		print_treatment(r, frame, vec_at(&r->treatments[0], 0));
	account(r, frame, vec_at(&r->treatments[0], 0));
	return 0;
}

/* A capture that is broken somewhere is replayed up to there. Return: an exit code. */
static int run_capture(struct replay *r, const char *path)
{
	struct capture *capture;
	struct text why = { 0 };
	struct frame frame;
	int got = capture_open(path, r->any_link, &capture, &why), failed = 0;

	if (!got) {
		while (!failed && (got = capture_next(capture, &frame, &why)) == 1) {
			r->packets++;
			r->bytes += frame.length;
			r->cut += frame.captured < frame.length;
			failed = run_frame(r, &frame);
		}
		capture_close(capture);
	}
	if (got < 0)
		cli_error("%s", text_string(&why));
	text_free(&why);
	return got < 0 || failed ? CLI_FAILED : CLI_OK;
}

/* ---- report ---------------------------------------------------------------------------- */

static json_t *count_json(const char *object, const char *name, const struct count_of *c)
{
	return json_pack("{ss ss sI sI}", "object", object, "name", name, "packets",
			 (json_int_t)c->packets, "bytes", (json_int_t)c->bytes);
}

static void print_json(const struct replay *r, json_t *o)
{
	ask_print_json(r->cli, o, NULL);
	json_decref(o);
}

static const char *out_name(const struct replay *r, unsigned int port)
{
	return port ? image_port(r->image, port)->name : "host";
}

static void report_json(struct replay *r, const struct vec *flows)
{
	const void *name;
	void *count;

	print_json(r, json_pack("{ss ss sI sI sI sI sI sI}", "object", "replay", "engine", r->engine_name,
				"packets", (json_int_t)r->packets, "bytes", (json_int_t)r->bytes, "cut",
				(json_int_t)r->cut, "too_long", (json_int_t)r->too_long, "unpoliced",
				(json_int_t)r->unpoliced, "disagreements", (json_int_t)r->disagreements));
	for (int i = 0; i < REASON_MAX; i++) {
		json_t *o;

		if (!r->reason[i].packets)
			continue;
		o = count_json("reason", reason_names[i], &r->reason[i]);
		json_object_set_new(o, "verdict", json_string(verdict_names[reason_verdicts[i]]));
		print_json(r, o);
	}
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		if (r->out[i].packets)
			print_json(r, count_json("out", out_name(r, i), &r->out[i]));
	for (size_t pos = 0; table_next(&r->groups, &pos, &name, &count);)
		print_json(r, count_json("group", name, count));
	for (size_t i = 0; i < flows->len && (r->cli->statistics || i < FLOWS_SHOWN); i++) {
		const struct flow_count *f = vec_at(flows, i);
		const struct count_of c = { f->packets, f->bytes };
		json_t *o = count_json("flow", f->key, &c);

		json_object_set_new(o, "exact", json_boolean(f->exact));
		print_json(r, o);
	}
}

static void row(struct columns *t, const char *what, const char *name, const struct count_of *c,
		const char *note)
{
	columns_cell(t, "%s", what);
	columns_cell(t, "%s", name);
	columns_cell(t, "%" PRIu64, c->packets);
	columns_cell(t, "%" PRIu64, c->bytes);
	columns_cell(t, "%s", note);
}

/* Those that something came in on; if nothing did, the one where it would have. */
static void print_ports(const struct replay *r)
{
	const struct vec *ports = &r->image->ports;
	bool any = false;

	for (size_t i = 0; i < ports->len; i++) {
		const struct image_port *port = vec_at(ports, i);

		if (!r->seen[port->number])
			continue;
		printf("%s%s", any ? ", " : "", port->name);
		any = true;
	}
	if (!any)
		printf("%s", image_port(r->image, r->port)->name);
}

static void report_text(struct replay *r, const struct vec *flows)
{
	static const char *const heads[] = { "WHAT", "NAME", ">PACKETS", ">BYTES", "NOTE", NULL };
	struct columns t;
	const void *name;
	void *count;

	printf("%" PRIu64 " packets, %" PRIu64 " bytes came in on ", r->packets, r->bytes);
	print_ports(r);
	if (r->cut)
		printf("; %" PRIu64 " were cut short in the capture and filled up with zeroes", r->cut);
	if (r->too_long)
		printf("; %" PRIu64 " were longer than a test run takes and not run", r->too_long);
	if (r->unpoliced)
		printf("; %" PRIu64 " met a rule that polices, and no rate is kept in a replay", r->unpoliced);
	printf("\n\n");
	columns_init(&t, heads);
	for (int i = 0; i < REASON_MAX; i++)
		if (r->reason[i].packets)
			row(&t, verdict_names[reason_verdicts[i]], reason_names[i], &r->reason[i],
			    reason_sentences[i]);
	for (unsigned int i = 0; i < PORTS_MAX; i++)
		if (r->out[i].packets)
			row(&t, "out", out_name(r, i), &r->out[i], "");
	for (size_t pos = 0; table_next(&r->groups, &pos, &name, &count);)
		row(&t, "copies", name, count, "");
	for (size_t i = 0; i < flows->len && (r->cli->statistics || i < FLOWS_SHOWN); i++) {
		const struct flow_count *f = vec_at(flows, i);
		const struct count_of c = { f->packets, f->bytes };

		row(&t, "flow", f->key, &c, f->exact ? "exact" : "estimate");
	}
	columns_print(&t, r->cli);
	if (r->engines == 2)
		printf("\n%s: %" PRIu64 " disagreements\n",
		       r->disagreements ? "bpf and eval differ" : "bpf and eval agree",
		       r->disagreements);
}

static void report(struct replay *r)
{
	struct vec flows = VEC(struct flow_count);

	r->engine[0].flows(r->engine[0].state, &flows);
	if (r->cli->json)
		report_json(r, &flows);
	else if (!r->each)
		report_text(r, &flows);
	vec_free(&flows);
}

/* ---- the verb ---------------------------------------------------------------------------- */

static int run(struct replay *r)
{
	int code = read_policy(r);

	if (code == CLI_OK)
		code = choose_port(r);
	if (code == CLI_OK)
		code = read_routes(r);
	if (code == CLI_OK)
		code = open_engines(r);
	if (code != CLI_OK)
		return code;
	for (int i = 0; i < r->captures; i++)
		if (run_capture(r, r->capture[i]) != CLI_OK)
			code = CLI_FAILED;
	report(r);
	return r->disagreements ? CLI_FAILED : code;
}

int replay(struct cli *cli, int argc, char **argv)
{
	struct replay r = { .cli = cli, .engine_name = "bpf" };
	const struct cli_option own[] = {
		{ 0, "policy", NULL, &r.policy_path },
		{ 0, "pcap", NULL, &r.pcap_path },
		{ 0, "port", NULL, &r.port_name },
		{ 0, "objects", NULL, &r.objects_path },
		{ 0, "routes", NULL, &r.routes_path },
		{ 0, "engine", NULL, &r.engine_name },
		{ 0, "mac", NULL, &r.mac_text },
		{ 0, "each", &r.each, NULL },
		{ 0, "any-link", &r.any_link, NULL },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own), code;

	if (n < 0)
		return CLI_USAGE;
	if (!r.policy_path || !r.pcap_path)
		return cli_usage(cli, "--%s is missing", r.policy_path ? "pcap" : "policy");
	if (strcmp(r.engine_name, "bpf") && strcmp(r.engine_name, "eval") &&
	    strcmp(r.engine_name, "both"))
		return cli_usage(cli, "there is no engine \"%s\": bpf, eval or both", r.engine_name);
	if (r.mac_text && mac_parse(r.mac_text, r.mac))
		return cli_usage(cli, "\"%s\" is no link-layer address", r.mac_text);
	r.fixed_mac = r.mac_text;
	/* --pcap's comes first, then those that follow: one behind the other, as one capture. */
	r.captures = n + 1;
	r.capture = xcalloc(r.captures, sizeof(*r.capture));
	r.capture[0] = (char *)r.pcap_path;
	memcpy(r.capture + 1, argv, n * sizeof(*argv));
	r.groups = (struct table){ .key_size = COUNTER_NAME_MAX, .value_size = sizeof(struct count_of) };
	r.treatments[0] = r.treatments[1] = VEC(struct treatment);
	code = run(&r);
	tear_down(&r);
	free(r.capture);
	return cli_finish(code);
}
