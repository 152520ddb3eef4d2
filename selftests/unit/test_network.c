// SPDX-License-Identifier: GPL-2.0
/*
 * Networks of routers with static routes: what is proved of them, against packets that the plain
 * meaning (policy/eval) takes from router to router. Random networks, small enough to try every
 * address. The seed is printed; SEED=n repeats it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/text.h"
#include "network/network.h"
#include "policy/eval.h"
#include "policy/frame.h"
#include "policy/tree.h"
#include "selftests/unit/rule_lists.h"

#define NODES	5
#define PORTS	8		/* of a node: "door" that nothing is routed to, "lan", then links */
#define ADDRESSES 16		/* 10.0.0.0 and on */
#define NETWORKS 400

static uint64_t seed;

static struct {
	struct text network, policy[NODES];
} documents;

static int load(void *context, const char *name, size_t limit, struct text *out)
{
	const struct text *t = *name == 'n' ? &documents.network : &documents.policy[*name - 'a'];

	(void)context;
	(void)limit;
	if (strcmp(name, "none") == 0)
		return -ENOENT;
	text_append(out, text_string(t), t->len);
	return 0;
}

/* ---- a packet, from router to router ------------------------------------------- */

static bool every_neighbour(void *context, unsigned int number, const struct addr *a, uint8_t mac[6])
{
	(void)context;
	(void)number;
	(void)a;
	memset(mac, 2, 6);
	return true;
}

static uint64_t mac_of(unsigned int node, unsigned int port)
{
	return 0x020000000000ull | node << 8 | port;
}

static enum network_verdict verdict_of(enum sluice_reason reason)
{
	switch (reason) {
	case REASON_port_down:	return NETWORK_STUCK;
	case REASON_discard:	return NETWORK_DROPPED;
	case REASON_not_routed:	/* no static route at all: nor a table */
	case REASON_no_route:	return NETWORK_LEFT;
	default:		fail_msg("%s", eval_reason_name(reason)); return 0;
	}
}

/* Where router @node sends it: a port, or why not. */
static const struct policy_port *eval_hop(const struct network *net, const bool *down, unsigned int node,
					  unsigned int in, const struct addr *dst,
					  enum network_verdict *verdict)
{
	static uint8_t frame[FRAME_MAX];
	const struct network_node *n = vec_at(&net->nodes, node);
	struct frame_fields fields = { 0 };
	struct eval_port ports[PORTS] = { 0 };
	struct eval_env env = { .ports = ports, .ports_len = n->policy->ports.len,
				.neighbour = every_neighbour };
	const struct policy_port *out = NULL;
	const struct eval_outcome *o;
	struct eval_result result;

	for (size_t i = 0; i < n->policy->ports.len; i++) {
		const struct policy_port *p = *(struct policy_port **)vec_at(&n->policy->ports, i);

		ports[i].number = i + 1;
		strcpy(ports[i].interface, p->interface);
		for (unsigned int j = 0; j < 6; j++)
			ports[i].mac[j] = mac_of(node, i) >> (40 - 8 * j);
		ports[i].up = !n->link[i] || !down[n->link[i]->number];
		ports[i].mtu = 1500;
	}
	frame_set_address(&fields, FIELD_IP_DST, dst);
	frame_set(&fields, FIELD_ETH_DST, mac_of(node, in));
	frame_set(&fields, FIELD_IP_TTL, 64);
	assert_int_equal(frame_settle(&fields, NULL, NULL), 0);
	policy_eval(n->policy, &env, in + 1, frame, frame_build(&fields, frame), &result);
	o = vec_at(&result.outcomes, 0);
	if (o->reason == REASON_forwarded)
		out = *(struct policy_port **)vec_at(&n->policy->ports,
						     ((struct eval_output *)o->outputs.data)->port - 1);
	else
		*verdict = verdict_of(o->reason);
	eval_result_free(&result);
	return out;
}

static enum network_verdict eval_follow(const struct network *net, const bool *down, unsigned int node,
					const struct addr *dst)
{
	bool seen[NODES][PORTS] = { { false } };
	enum network_verdict verdict = NETWORK_ARRIVES;
	unsigned int in = 0;		/* the door */

	for (;;) {
		const struct policy_port *out = eval_hop(net, down, node, in, dst, &verdict);
		const struct network_link *link;
		unsigned int far;

		if (!out)
			return verdict;
		if (seen[node][in])
			return NETWORK_CIRCLES;
		seen[node][in] = true;
		link = ((struct network_node *)vec_at(&net->nodes, node))->link[out->number];
		if (!link)
			return NETWORK_ARRIVES;
		far = link->end[0].node == node && link->end[0].port == out;
		in = link->end[far].port->number;
		node = link->end[far].node;
	}
}

/* ---- whether there is a way ------------------------------------------------------ */

static bool leaves_at(const struct network_node *n, const struct addr *dst)
{
	const struct policy_static *best = NULL;

	for (size_t i = 0; i < n->policy->statics.len; i++) {
		const struct policy_static *s = vec_at(&n->policy->statics, i);

		if (prefix_covers(&s->prefix, dst) && (!best || s->prefix.len > best->prefix.len))
			best = s;
	}
	for (unsigned int i = 0; best && i < best->hops; i++)
		if (!n->link[best->hop[i].to.port->number])
			return true;
	return false;
}

static bool has_way(const struct network *net, const bool *down, unsigned int node, const struct addr *dst,
		    bool *been)
{
	const struct network_node *n = vec_at(&net->nodes, node);

	if (been[node])
		return false;
	been[node] = true;
	if (leaves_at(n, dst))
		return true;
	for (size_t i = 0; i < n->policy->ports.len; i++)
		if (n->link[i] && !down[n->link[i]->number] &&
		    has_way(net, down, n->link[i]->end[n->link[i]->end[0].node == node].node, dst, been))
			return true;
	return false;
}

/* ---- random networks --------------------------------------------------------------- */

static void random_route(unsigned int node, unsigned int ports, unsigned int i)
{
	static const unsigned int lens[] = { 32, 31, 30, 29, 28, 28 };
	unsigned int len = lens[below(&seed, 6)], hops = below(&seed, 5);
	unsigned int order[PORTS];

	/* Prefixes differ: the i-th of 16. */
	text_printf(&documents.policy[node], "route 10.0.0.%u/%u ", (i & 15) & ~((1u << (32 - len)) - 1), len);
	for (unsigned int j = 1; j < ports; j++)
		order[j] = j;
	for (unsigned int j = 1; j < ports; j++) {
		unsigned int k = j + below(&seed, ports - j), kept = order[j];

		order[j] = order[k];
		order[k] = kept;
	}
	if (hops > ports - 1)
		hops = ports - 1;
	for (unsigned int j = 0; j < hops; j++)
		text_printf(&documents.policy[node], "%s p%u", j ? " else" : "via", order[1 + j]);
	text_printf(&documents.policy[node], hops ? ";\n" : "drop;\n");
}

/* Two routes for one prefix are refused: each node has one of each drawn at most. */
static void random_routes(unsigned int node, unsigned int ports)
{
	struct text before = documents.policy[node];
	unsigned int n = below(&seed, 6);

	documents.policy[node] = (struct text){ 0 };
	for (unsigned int i = 0; i < n; i++) {
		struct text kept = documents.policy[node];
		const char *line, *prefix;

		documents.policy[node] = (struct text){ 0 };
		random_route(node, ports, below(&seed, ADDRESSES));
		line = text_string(&documents.policy[node]);
		prefix = strndup(line, strcspn(line + 6, " ") + 7);
		if (!strstr(text_string(&kept), prefix))
			text_printf(&kept, "%s", line);
		free((char *)prefix);
		text_free(&documents.policy[node]);
		documents.policy[node] = kept;
	}
	text_printf(&before, "%s", text_string(&documents.policy[node]));
	text_free(&documents.policy[node]);
	documents.policy[node] = before;
}

static void random_network(void)
{
	unsigned int nodes = 1 + below(&seed, NODES), ports[NODES], links = 0;
	struct text lines = { 0 };
	struct { unsigned int node[2], port[2]; } link[NODES * NODES];

	text_free(&documents.network);
	for (unsigned int i = 0; i < NODES; i++) {
		text_free(&documents.policy[i]);
		ports[i] = 2;
	}
	for (unsigned int i = 0; i < nodes * 2; i++) {
		unsigned int a = below(&seed, nodes), b = below(&seed, nodes);

		if (a == b || ports[a] == PORTS || ports[b] == PORTS)
			continue;
		link[links].node[0] = a, link[links].node[1] = b;
		link[links].port[0] = ports[a]++, link[links].port[1] = ports[b]++;
		text_printf(&lines, "link %c.p%u -- %c.p%u;\n", 'a' + a, link[links].port[0], 'a' + b,
			    link[links].port[1]);
		links++;
	}
	for (unsigned int i = 0; i < nodes; i++) {
		text_printf(&documents.network, "node %c \"%c\";\n", 'a' + i, 'a' + i);
		for (unsigned int j = 0; j < ports[i]; j++)
			text_printf(&documents.policy[i], "port p%u = \"e%u\";\n", j, j);
		random_routes(i, ports[i]);
	}
	text_printf(&documents.network, "%s", text_string(&lines));
	for (unsigned int i = 0; links && i < 2; i++) {
		unsigned int one = below(&seed, links), two = below(&seed, links);

		text_printf(&documents.network, "fail %c.p%u -- %c.p%u", 'a' + link[one].node[0],
			    link[one].port[0], 'a' + link[one].node[1], link[one].port[1]);
		if (below(&seed, 2))
			text_printf(&documents.network, ", %c.p%u -- %c.p%u", 'a' + link[two].node[1],
				    link[two].port[1], 'a' + link[two].node[0], link[two].port[0]);
		text_printf(&documents.network, ";\n");
	}
	if (below(&seed, 2))
		text_printf(&documents.network, "fail any %u; # of %u\n", 1 + below(&seed, 2), links);
	text_free(&lines);
}

/* ---- proof against packets ----------------------------------------------------------- */

struct tally {
	uint64_t broken, circling, packets;
};

static void try_case(const struct network *net, const bool *down, struct tally *t)
{
	for (unsigned int i = 0; i < ADDRESSES; i++)
		for (size_t from = 0; from < net->nodes.len; from++) {
			struct addr dst = addr_v4(0x0a000000 + i);
			enum network_verdict verdict = eval_follow(net, down, from, &dst);
			bool been[NODES] = { false };

			t->packets++;
			if (verdict == NETWORK_ARRIVES || verdict == NETWORK_DROPPED)
				continue;
			if (has_way(net, down, from, &dst, been))
				t->broken++;
			else
				t->circling += verdict == NETWORK_CIRCLES;
		}
}

static void try_any(const struct network *net, bool *down, size_t first, unsigned int k, struct tally *t)
{
	if (!k)
		return try_case(net, down, t);
	for (size_t i = first; i < net->links.len; i++) {
		down[i] = true;
		try_any(net, down, i + 1, k - 1, t);
		down[i] = false;
	}
}

static void check_finding(const struct network *net, const struct network_finding *f)
{
	bool down[NODES * NODES] = { false }, been[NODES] = { false };

	for (size_t i = 0; i < f->down.len; i++)
		down[*(unsigned int *)vec_at(&f->down, i)] = true;
	assert_int_equal(eval_follow(net, down, f->from, &f->dst), f->verdict);
	assert_int_equal(has_way(net, down, f->from, &f->dst, been), f->connected);
	assert_int_equal(((struct network_step *)f->steps.data)->node, f->from);
}

static struct network *read_network(void)
{
	struct network *net;
	struct diags diags;
	struct text said = { 0 };

	diags_init(&diags);
	net = network_read("network", load, NULL, &diags);
	diags_print(&diags, &said, false);
	if (diags.errors)
		fail_msg("%s\n%s", text_string(&documents.network), text_string(&said));
	diags_free(&diags);
	text_free(&said);
	return net;
}

static void test_random(void **state)
{
	unsigned int broken = 0, circling = 0, well = 0;

	(void)state;
	for (unsigned int round = 0; round < NETWORKS; round++) {
		bool down[NODES * NODES] = { false };
		struct network_proof proof;
		struct tally t = { 0 };
		struct network *net;

		random_network();
		net = read_network();
		for (unsigned int k = 0; k <= net->any && k <= net->links.len; k++)
			try_any(net, down, 0, k, &t);
		for (size_t i = 0; i < net->failures.len; i++) {
			const struct network_failure *f = vec_at(&net->failures, i);

			memset(down, 0, sizeof(down));
			for (size_t j = 0; j < f->links.len; j++)
				down[*(unsigned int *)vec_at(&f->links, j)] = true;
			try_case(net, down, &t);
		}
		network_prove(net, 60, 1000, &proof);
		assert_true(proof.complete);
		assert_int_equal(proof.cases, network_cases(net));
		assert_int_equal(proof.packets, proof.cases * proof.kinds * net->nodes.len);
		if (!proof.broken != !t.broken || (!proof.circling != !t.circling))
			fail_msg("%s: %lu broken, %lu circle; proved %lu, %lu", text_string(&documents.network),
				 t.broken, t.circling, proof.broken, proof.circling);
		for (size_t i = 0; i < proof.findings.len; i++)
			check_finding(net, vec_at(&proof.findings, i));
		broken += proof.broken > 0;
		circling += proof.circling > 0;
		well += !proof.broken && proof.kinds;
		network_proof_free(&proof);
		network_free(net);
	}
	printf("# %u networks: %u broken, %u with circles where there is no way, %u well\n", NETWORKS, broken,
	       circling, well);
	assert_true(broken > NETWORKS / 20 && circling > NETWORKS / 40 && well > NETWORKS / 20);
}

/* ---- what is wrong with a document ------------------------------------------------------ */

static const struct {
	const char *network, *said;
} wrong[] = {
	{ "", "there is no node in it" },
	{ "node a \"a\"", "expected \";\", not the end of the file" },
	{ "node a;", "expected the file of its policy, in quotes, not \";\"" },
	{ "node a \"a", "expected the file of its policy, in quotes" },
	{ "node a \"a\"; node a \"b\";", "there is a node \"a\" already" },
	{ "node a \"none\";", "the policy of \"a\" has mistakes" },
	{ "node a \"a\"; link a.p2 -- b.p2;", "no node is called \"b\"" },
	{ "node a \"a\"; node b \"b\"; link a.p2 -- b.p9;", "the policy of \"b\" has no port \"p9\"" },
	{ "node a \"a\"; node b \"b\"; link a.p2 -- b.p2; link a.p2 -- b.p3;", "this port has a link already" },
	{ "node a \"a\"; link a.p2 -- a.p3;", "a link has two routers" },
	{ "node a \"a\"; node b \"b\"; fail a.p2 -- b.p2;", "there is no such link" },
	{ "node a \"a\"; fail any x;", "a number of links is 1 to 4096" },
	{ "node a \"a\"; fail any 0;", "a number of links is 1 to 4096" },
	{ "node a \"a\"; fall any 1;", "expected \"node\", \"link\" or \"fail\", not \"fall\"" },
	{ "node a \"a\"; link a.p2 - a.p3;", "expected" },
};

static void test_wrong(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		text_free(&documents.policy[i]);
		text_printf(&documents.policy[i], "port p2 = \"e2\"; port p3 = \"e3\";\n");
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct text said = { 0 };
		struct network *net;
		struct diags diags;

		text_free(&documents.network);
		text_printf(&documents.network, "%s", wrong[i].network);
		diags_init(&diags);
		net = network_read("network", load, NULL, &diags);
		diags_print(&diags, &said, false);
		assert_true(diags.errors > 0);
		if (!strstr(text_string(&said), wrong[i].said))
			fail_msg("%s: %s", wrong[i].network, text_string(&said));
		text_free(&said);
		network_free(net);
		diags_free(&diags);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_wrong),
	};
	const char *given = getenv("SEED");

	seed = given ? strtoull(given, NULL, 0) : (uint64_t)time(NULL);
	printf("# SEED=%llu\n", (unsigned long long)seed);
	return cmocka_run_group_tests_name("network", tests, NULL, NULL);
}
