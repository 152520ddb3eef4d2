// SPDX-License-Identifier: GPL-2.0
/*
 * prove.c: every packet is followed, in every case.
 *
 * A router's choice rests on nothing but the address, the port that the packet came in on, and
 * which of its own ports are up. So a packet of one kind (kinds.h) that is at a router by a port
 * goes one way, and one that comes to the same router by the same port again circles. What is
 * followed is finite: (case, kind, router that it enters at).
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "network/kinds.h"
#include "policy/tree.h"

struct prover {
	const struct network *net;
	struct network_kinds kinds;
	struct network_proof *proof;
	unsigned int most;
	double until;
	bool *down;			/* by link */
	struct vec case_links;		/* of unsigned int: those that are down */
	bool *near;			/* by node: it reaches an edge that this kind leaves by */
	uint64_t **seen;		/* by node, by port number + 1 (0: by an edge): the last walk there */
	uint64_t walk;
	struct vec steps;		/* of struct network_step: of this walk */
	size_t case_findings;		/* in proof->findings, where those of this case begin */
};

static double processor_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static const struct network_node *node_at(const struct prover *p, unsigned int node)
{
	return vec_at(&p->net->nodes, node);
}

static struct network_link *link_of(const struct prover *p, unsigned int node,
				    const struct policy_port *port)
{
	return node_at(p, node)->link[port->number];
}

static bool is_up(const struct prover *p, unsigned int node, const struct policy_port *port)
{
	const struct network_link *link = link_of(p, node, port);

	return !link || !p->down[link->number];
}

/* As tree.h says of struct policy_static. NULL: no port is up. */
static const struct policy_port *choose(const struct prover *p, unsigned int node,
					const struct policy_port *in, const struct policy_static *s)
{
	for (unsigned int i = 0; i < s->hops; i++)
		if (s->hop[i].to.port != in && is_up(p, node, s->hop[i].to.port))
			return s->hop[i].to.port;
	for (unsigned int i = 0; i < s->hops; i++)
		if (is_up(p, node, s->hop[i].to.port))
			return s->hop[i].to.port;
	return NULL;
}

/* ---- whether there is a way -------------------------------------------------- */

static bool leaves_here(const struct prover *p, unsigned int node, const struct policy_static *s)
{
	for (unsigned int i = 0; s && i < s->hops; i++)
		if (!link_of(p, node, s->hop[i].to.port))
			return true;
	return false;
}

/* From the edges inwards, over links that are up. */
static void find_near(struct prover *p, const struct network_kind *kind)
{
	size_t nodes = p->net->nodes.len;
	bool more = true;

	for (size_t i = 0; i < nodes; i++)
		p->near[i] = leaves_here(p, i, kind->route[i]);
	while (more) {
		more = false;
		for (size_t i = 0; i < p->net->links.len; i++) {
			const struct network_link *l = *(struct network_link **)vec_at(&p->net->links, i);
			unsigned int a = l->end[0].node, b = l->end[1].node;

			if (p->down[i] || p->near[a] == p->near[b])
				continue;
			p->near[a] = p->near[b] = more = true;
		}
	}
}

/* ---- one packet -------------------------------------------------------------- */

static void add_step(struct prover *p, unsigned int node, const struct policy_static *route,
		     const struct policy_port *out)
{
	*(struct network_step *)vec_push(&p->steps) = (struct network_step){ node, route, out };
}

static enum network_verdict follow(struct prover *p, const struct network_kind *kind,
				   unsigned int node)
{
	const struct policy_port *in = NULL;

	p->walk++;
	p->steps.len = 0;
	for (;;) {
		const struct policy_static *route = kind->route[node];
		uint64_t *seen = &p->seen[node][in ? in->number + 1 : 0];
		const struct policy_port *out;
		const struct network_link *link;
		unsigned int far;

		out = route ? choose(p, node, in, route) : NULL;
		add_step(p, node, route, out);
		if (!route)
			return NETWORK_LEFT;
		if (!out)
			return route->hops ? NETWORK_STUCK : NETWORK_DROPPED;
		if (*seen == p->walk)
			return NETWORK_CIRCLES;
		*seen = p->walk;
		link = link_of(p, node, out);
		if (!link)
			return NETWORK_ARRIVES;
		far = link->end[0].node == node && link->end[0].port == out;
		node = link->end[far].node;
		in = link->end[far].port;
	}
}

/* ---- what is said of it ------------------------------------------------------ */

static void note(struct prover *p, const struct network_kind *kind, unsigned int from,
		 enum network_verdict verdict, bool connected)
{
	struct vec *findings = &p->proof->findings;
	struct network_finding *f;

	for (size_t i = p->case_findings; i < findings->len; i++) {
		f = vec_at(findings, i);
		if (f->verdict == verdict && f->connected == connected) {
			f->alike++;
			return;
		}
	}
	if (findings->len >= p->most)
		return;
	f = vec_push(findings);
	*f = (struct network_finding){
		.verdict = verdict, .connected = connected, .dst = kind->dst, .from = from,
		.down = VEC(unsigned int), .steps = VEC(struct network_step),
	};
	for (size_t i = 0; i < p->case_links.len; i++)
		vec_append(&f->down, vec_at(&p->case_links, i));
	for (size_t i = 0; i < p->steps.len; i++)
		vec_append(&f->steps, vec_at(&p->steps, i));
}

static void judge(struct prover *p, const struct network_kind *kind, unsigned int from)
{
	enum network_verdict verdict = follow(p, kind, from);
	bool connected = p->near[from];

	p->proof->packets++;
	if (verdict == NETWORK_ARRIVES || verdict == NETWORK_DROPPED)
		return;
	if (connected)
		p->proof->broken++;
	else if (verdict == NETWORK_CIRCLES)
		p->proof->circling++;
	else
		return;
	note(p, kind, from, verdict, connected);
}

/* ---- cases ------------------------------------------------------------------- */

static void try_case(struct prover *p)
{
	p->case_findings = p->proof->findings.len;
	for (size_t i = 0; i < p->kinds.list.len && p->proof->complete; i++) {
		const struct network_kind *kind = vec_at(&p->kinds.list, i);

		find_near(p, kind);
		for (size_t from = 0; from < p->net->nodes.len; from++)
			judge(p, kind, from);
		p->proof->complete = processor_time() < p->until;
	}
	p->proof->cases += p->proof->complete;
}

static void set_down(struct prover *p, unsigned int link, bool down)
{
	p->down[link] = down;
	if (down)
		*(unsigned int *)vec_push(&p->case_links) = link;
	else
		vec_pop(&p->case_links);
}

/* Each set of @k links from @first on. */
static void try_any(struct prover *p, unsigned int first, unsigned int k)
{
	if (!k) {
		try_case(p);
		return;
	}
	for (unsigned int i = first; i + k <= p->net->links.len && p->proof->complete; i++) {
		set_down(p, i, true);
		try_any(p, i + 1, k - 1);
		set_down(p, i, false);
	}
}

static void try_listed(struct prover *p, const struct network_failure *failure)
{
	size_t n = 0;

	for (size_t i = 0; i < failure->links.len; i++) {
		unsigned int link = *(unsigned int *)vec_at(&failure->links, i);

		if (!p->down[link]) {
			set_down(p, link, true);
			n++;
		}
	}
	try_case(p);
	while (n--)
		set_down(p, *(unsigned int *)vec_at(&p->case_links, p->case_links.len - 1), false);
}

void network_prove(const struct network *net, double seconds, unsigned int most,
		   struct network_proof *proof)
{
	size_t nodes = net->nodes.len;
	struct prover p = {
		.net = net, .proof = proof, .most = most, .until = seconds > 0 ? processor_time() + seconds : HUGE_VAL,
		.case_links = VEC(unsigned int), .steps = VEC(struct network_step),
		.down = xcalloc(net->links.len + 1, sizeof(bool)),
		.near = xcalloc(nodes + 1, sizeof(bool)), .seen = xcalloc(nodes + 1, sizeof(uint64_t *)),
	};

	*proof = (struct network_proof){ .complete = true, .findings = VEC(struct network_finding) };
	for (size_t i = 0; i < nodes; i++)
		p.seen[i] = xcalloc(node_at(&p, i)->policy->ports.len + 1, sizeof(uint64_t));
	network_kinds_find(net, &p.kinds);
	proof->kinds = p.kinds.list.len;
	for (unsigned int k = 0; k <= net->any && k <= net->links.len && proof->complete; k++)
		try_any(&p, 0, k);
	for (size_t i = 0; i < net->failures.len && proof->complete; i++)
		try_listed(&p, vec_at(&net->failures, i));
	network_kinds_free(&p.kinds);
	for (size_t i = 0; i < nodes; i++)
		free(p.seen[i]);
	free(p.seen);
	free(p.near);
	free(p.down);
	vec_free(&p.case_links);
	vec_free(&p.steps);
}

void network_proof_free(struct network_proof *proof)
{
	for (size_t i = 0; i < proof->findings.len; i++) {
		struct network_finding *f = vec_at(&proof->findings, i);

		vec_free(&f->down);
		vec_free(&f->steps);
	}
	vec_free(&proof->findings);
}
