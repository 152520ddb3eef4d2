// SPDX-License-Identifier: GPL-2.0
/*
 * sluice network FILE: what the static routes of several routers do together while links fail, as
 * FILE lists them (network/network.h): that what is connected is reached, or a packet that is not.
 */
#include "network/network.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>

#include "ask.h"
#include "base/json.h"
#include "base/text.h"
#include "check.h"
#include "cli.h"
#include "policy/tree.h"
#include "prove.h"

#define FINDINGS_SHOWN 20

static const char *const verdicts[] = {
	[NETWORK_ARRIVES] = "arrives",
	[NETWORK_CIRCLES] = "circles",
	[NETWORK_DROPPED] = "is dropped",
	[NETWORK_STUCK] = "is stuck: no port of its route is up",
	[NETWORK_LEFT] = "is left to the kernel: the policy has no static route for it",
};

static const char *const words[] = {
	[NETWORK_ARRIVES] = "arrives",
	[NETWORK_CIRCLES] = "circles",
	[NETWORK_DROPPED] = "dropped",
	[NETWORK_STUCK] = "stuck",
	[NETWORK_LEFT] = "left",
};

static const struct network_node *node_at(const struct network *net, unsigned int i)
{
	return vec_at(&net->nodes, i);
}

/* "a.east -- b.west" */
static void name_link(const struct network *net, unsigned int i, struct text *out)
{
	const struct network_link *l = *(struct network_link **)vec_at(&net->links, i);

	text_printf(out, "%s.%s -- %s.%s", node_at(net, l->end[0].node)->name, l->end[0].port->name,
		    node_at(net, l->end[1].node)->name, l->end[1].port->name);
}

static void print_step(const struct network *net, const struct network_step *step)
{
	const struct network_node *node = node_at(net, step->node);

	printf("    %s", node->name);
	if (step->out)
		printf(" -> %s", step->out->name);
	if (step->route)
		printf("  (%s:%u)", step->route->place.source->name, step->route->place.line);
	putchar('\n');
}

static void print_finding(const struct network *net, const struct network_finding *f)
{
	char dst[ADDR_STRLEN];
	struct text down = { 0 };

	for (size_t i = 0; i < f->down.len; i++) {
		text_printf(&down, i ? ", " : "");
		name_link(net, *(unsigned int *)vec_at(&f->down, i), &down);
	}
	printf("%s: %s%s\n", f->connected ? "broken" : "warning", f->down.len ? "without " : "no link down",
	       text_string(&down));
	printf("  a packet to %s that enters at %s %s%s\n", addr_format(&f->dst, dst),
	       node_at(net, f->from)->name, verdicts[f->verdict],
	       f->connected ? ", and there is a way" : ": there is no way");
	for (size_t i = 0; i < f->steps.len; i++)
		print_step(net, vec_at(&f->steps, i));
	if (f->alike)
		printf("  and %" PRIu64 " other pairs of router and kind of address end so\n", f->alike);
	text_free(&down);
}

static void print_proof(const struct network *net, const struct network_proof *proof)
{
	for (size_t i = 0; i < proof->findings.len; i++)
		print_finding(net, vec_at(&proof->findings, i));
	printf("%zu routers, %zu links, %u kinds of addresses, %" PRIu64 " cases of links down: ",
	       net->nodes.len, net->links.len, proof->kinds, proof->cases);
	if (proof->broken)
		printf("%" PRIu64 " of %" PRIu64 " packets do not arrive though there is a way\n",
		       proof->broken, proof->packets);
	else
		printf("each of %" PRIu64 " packets arrives where there is a way\n", proof->packets);
	if (proof->circling)
		printf("%" PRIu64 " circle, until their TTL ends, where there is no way\n", proof->circling);
}

/* ---- JSON ------------------------------------------------------------------- */

static json_t *step_json(const struct network *net, const struct network_step *step)
{
	json_t *o = json_pack("{so}", "node", json_text(node_at(net, step->node)->name));

	if (step->out)
		json_object_set_new(o, "port", json_text(step->out->name));
	if (step->route) {
		json_object_set_new(o, "file", json_text(step->route->place.source->name));
		json_object_set_new(o, "line", json_integer(step->route->place.line));
	}
	return o;
}

static void finding_json(const struct cli *cli, const struct network *net,
			 const struct network_finding *f)
{
	json_t *down = json_array(), *steps = json_array(), *o;
	char dst[ADDR_STRLEN];

	for (size_t i = 0; i < f->down.len; i++) {
		struct text name = { 0 };

		name_link(net, *(unsigned int *)vec_at(&f->down, i), &name);
		json_array_append_new(down, json_text(text_string(&name)));
		text_free(&name);
	}
	for (size_t i = 0; i < f->steps.len; i++)
		json_array_append_new(steps, step_json(net, vec_at(&f->steps, i)));
	o = json_pack("{ss ss sb so ss so so sI}", "object", "finding", "verdict", words[f->verdict],
		      "connected", f->connected, "down", down, "dst", addr_format(&f->dst, dst), "from",
		      json_text(node_at(net, f->from)->name), "steps", steps, "alike",
		      (json_int_t)f->alike);
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

static void proof_json(const struct cli *cli, const struct network *net,
		       const struct network_proof *proof)
{
	json_t *o;

	for (size_t i = 0; i < proof->findings.len; i++)
		finding_json(cli, net, vec_at(&proof->findings, i));
	o = json_pack("{ss si si si sI sI sI sI sb}", "object", "network", "routers", (int)net->nodes.len,
		      "links", (int)net->links.len, "kinds", (int)proof->kinds, "cases",
		      (json_int_t)proof->cases, "packets", (json_int_t)proof->packets, "broken",
		      (json_int_t)proof->broken, "circling", (json_int_t)proof->circling, "complete",
		      proof->complete);
	ask_print_json(cli, o, NULL);
	json_decref(o);
}

/* ---- the verb --------------------------------------------------------------- */

static int prove(const struct cli *cli, const struct network *net, double seconds)
{
	struct network_proof proof;
	int code = CLI_OK;

	network_prove(net, seconds, FINDINGS_SHOWN, &proof);
	if (cli->json)
		proof_json(cli, net, &proof);
	else
		print_proof(net, &proof);
	if (!proof.complete) {
		cli_error("%" PRIu64 " of %" PRIu64 " cases were looked at in time", proof.cases,
			  network_cases(net));
		cli_hint("%s gives it more", PROVE_OPTION);
	}
	if (proof.broken || !proof.complete)
		code = CLI_FAILED;
	network_proof_free(&proof);
	return code;
}

int network(struct cli *cli, int argc, char **argv)
{
	const char *time = NULL;
	const struct cli_option own[] = {
		{ 0, "prove-time", NULL, &time },
		{ 0 },
	};
	int n = cli_options(cli, argc, argv, own), code = CLI_FAILED;
	struct network *net;
	struct diags diags;
	double seconds;

	if (n < 0 || prove_seconds(cli, time, &seconds))
		return CLI_USAGE;
	if (n != 1)
		return cli_usage(cli, "which file names the routers and their links?");
	diags_init(&diags);
	net = network_read(argv[0], policy_load_file, NULL, &diags);
	check_complain(cli, &diags);
	if (!diags.errors)
		code = prove(cli, net, seconds);
	network_free(net);
	diags_free(&diags);
	return code;
}
