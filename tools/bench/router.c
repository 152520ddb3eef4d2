// SPDX-License-Identifier: GPL-2.0
#include "tools/bench/router.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "compile/compile.h"
#include "fib/fib.h"
#include "datapath/datapath.h"
#include "flow/flow.h"
#include "lpm/lpm.h"
#include "policy/parse.h"
#include "tools/bench/wire.h"

struct router {
	struct datapath *dp;
	struct image *image;
	struct tables *tables;
	struct lpm *lpm4, *lpm6;
	struct fib *fib;
	struct flow_map *flow_map;
	struct flow *flow;
	char folder[64];
};

int bench_bpf_folder(char *folder, size_t size)
{
	static bool mounted;
	static unsigned int next;

	if (!mounted) {
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("sluice-bench", "/mnt", "bpf", 0, "mode=0700"))
			return -errno;
		mounted = true;
	}
	snprintf(folder, size, "/mnt/%u", next++);
	return 0;
}

static int compile(struct router *r, const char *text)
{
	struct numbering numbering;
	struct policy *policy;
	struct text out = { 0 };
	struct diags diags;
	int err = -EINVAL;

	diags_init(&diags);
	numbering_init(&numbering, NULL, NULL, NULL);
	policy = policy_parse_text("bench.sluice", text, strlen(text), &diags);
	if (!diags.errors)
		err = compile_policy(policy, &numbering, NULL, &r->image, &diags);
	if (err) {
		diags_print(&diags, &out, false);
		fputs(text_string(&out), stderr);
	}
	text_free(&out);
	policy_free(policy);
	numbering_free(&numbering);
	diags_free(&diags);
	return err;
}

static void port_facts(const struct wire *wire, unsigned int i, struct port *facts)
{
	*facts = (struct port){ .flags = PORT_UP, .mtu = 1500 };
	if (i == 0) {
		facts->ifindex = wire_in(wire);
		wire_in_mac(facts->mac);
		strcpy(facts->interface, "in");
	} else {
		facts->ifindex = wire_out(wire, i - 1);
		wire_out_mac(i - 1, facts->mac);
		snprintf(facts->interface, sizeof(facts->interface), "out%u", i - 1);
	}
}

static int publish_ports(struct router *r, const struct wire *wire, unsigned int outs,
			 struct text *why)
{
	int err = 0;

	for (unsigned int i = 0; !err && i <= outs; i++) {
		const struct image_port *port = vec_at(&r->image->ports, i);
		struct port facts;

		port_facts(wire, i, &facts);
		err = datapath_port_set(r->dp, port->number, &facts, why);
	}
	return err;
}

static uint16_t get_counter(void *user, const struct addr *via, const char *interface)
{
	return datapath_hop_counter_get(user, via, interface);
}

static void put_counter(void *user, uint16_t counter)
{
	datapath_hop_counter_put(user, counter);
}

static int load_routes(struct router *r, const struct wire *wire, unsigned int outs,
		       const struct rib_route *routes, size_t n, struct text *why)
{
	struct fib_rib_port ports[WIRE_OUTS_MAX + 1];
	const struct fib_counters counters = { get_counter, put_counter, r->dp };
	struct fib_memory memory = { 0 };
	struct lpm_shape ip4, ip6;
	int err;

	if (r->image->config.counted_hops) {
		memory.counters = &counters;
		err = datapath_count_hops(r->dp, why);
		if (err)
			return err;
	}
	if (lpm_sizes(ADDR_V4, n ? n : 1, &ip4) || lpm_sizes(ADDR_V6, 1, &ip6))
		return -E2BIG;
	err = tables_new(r->dp, &ip4, &ip6, &r->tables, why);
	if (err)
		return err;
	r->lpm4 = lpm_new(ADDR_V4, &ip4, tables_lpm(r->tables, ADDR_V4), n ? n : 1);
	r->lpm6 = lpm_new(ADDR_V6, &ip6, tables_lpm(r->tables, ADDR_V6), 1);
	memory.nexthops = tables_nexthops(r->tables);
	memory.lpm4 = r->lpm4;
	memory.lpm6 = r->lpm6;
	r->fib = fib_new(&memory);
	for (unsigned int i = 0; i <= outs; i++) {
		struct port facts;

		port_facts(wire, i, &facts);
		ports[i].port = ((struct image_port *)vec_at(&r->image->ports, i))->number;
		ports[i].mtu = facts.mtu;
		memcpy(ports[i].mac, facts.mac, 6);
	}
	if (n)
		fib_load_rib(r->fib, routes, n, ports, outs + 1);
	fib_flush(r->fib);
	return 0;
}

/* What the policy measures is counted in one interval without an end. */
static int start_measuring(struct router *r, struct text *why)
{
	const struct image_measure *m = &r->image->measure;
	struct flow_config config = { m->key, m->slots, m->threshold_ppm, m->threshold_Bps,
				      m->oversampling };
	unsigned int cpus;
	void *memory;
	size_t size;
	int err;

	if (!m->slots)
		return 0;
	err = flow_map_new(r->dp, m->slots, &r->flow_map, why);
	if (err)
		return err;
	memory = flow_map_memory(r->flow_map, &size, &cpus);
	err = flow_new(memory, size, cpus, &config, 0, &r->flow);
	if (!err)
		datapath_measure(r->dp, r->flow_map);
	return err;
}

int router_new(const struct wire *wire, unsigned int outs, const char *policy,
	       const struct rib_route *routes, size_t n, struct router **router)
{
	struct router *r = xcalloc(1, sizeof(*r));
	struct generation *gen = NULL;
	struct text why = { 0 };
	int err;

	err = bench_bpf_folder(r->folder, sizeof(r->folder));
	wire_enter(wire);
	if (!err)
		err = datapath_open(r->folder, &r->dp, &why);
	if (!err)
		err = compile(r, policy);
	if (!err)
		err = publish_ports(r, wire, outs, &why);
	if (!err)
		err = load_routes(r, wire, outs, routes, n, &why);
	if (!err)
		err = start_measuring(r, &why);
	if (!err)
		err = datapath_stage(r->dp, r->image, r->tables, 1, &gen, &why);
	if (!err)
		err = datapath_commit(r->dp, gen, false, &why);
	if (err) {
		fprintf(stderr, "sluice-bench: sluice: %s\n",
			why.len ? text_string(&why) : strerror(-err));
		router_free(r);
	} else {
		*router = r;
	}
	wire_leave();
	text_free(&why);
	return err;
}

void router_free(struct router *r)
{
	struct text ignored = { 0 };

	if (!r)
		return;
	fib_free(r->fib);
	lpm_free(r->lpm4);
	lpm_free(r->lpm6);
	tables_free(r->tables);
	if (r->dp)
		datapath_remove(r->dp, &ignored);
	flow_free(r->flow);
	flow_map_free(r->flow_map);
	datapath_close(r->dp);
	image_free(r->image);
	text_free(&ignored);
	free(r);
}
